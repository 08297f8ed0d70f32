/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Azure: the shapes in which people write its bases, the versions of its API, and the habits that come with a version or a family of models.
 */
#include "config/config_priv.h"

#define LITELLM_VERSION		TEXT("2025-02-01-preview")	/* what LiteLLM calls when nobody says */
#define FOUNDRY_VERSION		TEXT("2024-05-01-preview")
/* From this version on stream_options and max_completion_tokens are taken; before it they are refused (Azure's list of changes). */
#define FIRST_NEW_VERSION	"2024-09-01"

bool
azure_owns(const struct url *u)
{
	static const char *const below[] = {
		".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com", ".openai.azure.us", ".cognitiveservices.azure.us",
		".openai.azure.cn", ".cognitiveservices.azure.cn",
	};

	for (size_t i = 0; i < nitems(below); i++) {
		size_t n = strlen(below[i]);
		if (u->host.len > n && text_eq_nocase(text_sub(u->host, u->host.len - n, u->host.len), text_of(below[i])))
			return (text_is(u->scheme, "https"));
	}
	return (false);
}

/* versions */

/* Takes api-version out of a query. */
static struct text
take_version(struct arena *scratch, struct text query, struct text *version)
{
	struct text one, rest, kept;
	struct buf b = { 0 };

	while (query.len > 0) {
		text_cut(query, '&', &one, &query);
		if (text_starts(one, TEXT("api-version="))) {
			text_cut(one, '=', &rest, version);
			continue;
		}
		if (b.len > 0)
			buf_byte(&b, '&');
		buf_text(&b, one);
	}
	kept = arena_copy(scratch, buf_as_text(&b));
	buf_free(&b);
	return (kept);
}

static bool
is_version(struct text v)
{
	for (size_t i = 0; i < v.len; i++)
		if (!((v.at[i] >= '0' && v.at[i] <= '9') || ((v.at[i] | 0x20) >= 'a' && (v.at[i] | 0x20) <= 'z') || strchr("-._", v.at[i]) != NULL))
			return (false);
	return (v.len > 0 && v.len <= 64);
}

/* What the base's own query does not say the parameter does, then Azure OpenAI's variable. */
static bool
find_version(struct making *m, struct text *version)
{
	bool own = (m->d->vendor->quirks & QUIRK_AZURE) != 0;
	const struct node *n = param(m, "api_version");

	if (version->len == 0 && !want_text(m->load, n, version) && own)
		*version = text_trim(text_of(config_env(m->load->config, "AZURE_API_VERSION")));
	if (version->len == 0 || is_version(*version))
		return (true);
	problem(m->load, PROBLEM_ERROR, n != NULL ? n : m->params, "api_version must be a date such as 2024-10-21, v1, preview or latest");
	return (false);
}

static bool
is_v1(struct text version)
{
	return (text_is(version, "v1") || text_is(version, "preview") || text_is(version, "latest"));
}

static bool
is_old(struct text version)
{
	size_t n = strlen(FIRST_NEW_VERSION);

	return (version.len >= n && version.at[0] >= '0' && version.at[0] <= '9' && memcmp(version.at, FIRST_NEW_VERSION, n) < 0);
}

static void
set_habits(struct deployment *d, struct text version)
{
	d->quirks |= is_old(version) ? QUIRK_MAX_TOKENS_OLD | QUIRK_NO_STREAM_OPTIONS : QUIRK_MAX_TOKENS_NEW;
}

/* The version as a query, and what else stood in the base's. */
static struct text
with_version(struct arena *scratch, struct text version, struct text rest)
{
	if (version.len == 0)
		return (rest);
	return (arena_print(scratch, "api-version=" TEXT_FMT "%s" TEXT_FMT, TEXT_ARG(version), rest.len > 0 ? "&" : "", TEXT_ARG(rest)));
}

/* bases */

static bool
strip(struct text *path, const char *end)
{
	if (!text_ends(*path, text_of(end)))
		return (false);
	path->len -= strlen(end);
	return (true);
}

static void
strip_surface(struct text *path)
{
	static const char *const surfaces[] = { "/chat/completions", "/completions", "/embeddings", "/responses" };

	for (size_t i = 0; i < nitems(surfaces); i++)
		if (strip(path, surfaces[i]))
			return;
}

/* Cuts "/openai/deployments/NAME" off; the name may be missing. */
static bool
strip_deployment(struct text *path, struct text *name)
{
	struct text mark = TEXT("/openai/deployments");

	for (size_t i = 0; i + mark.len <= path->len; i++) {
		struct text behind = text_sub(*path, i + mark.len, path->len);
		if (!text_eq(text_sub(*path, i, i + mark.len), mark) || (behind.len > 0 && behind.at[0] != '/'))
			continue;
		*name = text_sub(behind, 1, behind.len);
		path->len = i;
		return (true);
	}
	return (false);
}

/* The shapes of https://HOST, with /openai, /openai/deployments, /openai/deployments/NAME, /openai/v1, each with a surface or not. */
static void
place(struct making *m, struct url *u, struct text version, struct text rest)
{
	struct arena *scratch = m->load->scratch;
	struct deployment *d = m->d;
	struct text name = TEXT("");
	bool v1;

	strip_surface(&u->path);
	v1 = strip(&u->path, "/openai/v1") || is_v1(version);
	if (strip_deployment(&u->path, &name))
		d->azure_name = arena_copy(m->load->arena, name);
	strip(&u->path, "/openai");
	if (v1) {
		u->path = arena_print(scratch, TEXT_FMT "/openai/v1", TEXT_ARG(u->path));
		u->query = with_version(scratch, text_is(version, "preview") ? version : TEXT(""), rest);
		d->quirks |= QUIRK_MAX_TOKENS_NEW;
		return;
	}
	if (version.len == 0)
		version = LITELLM_VERSION;
	d->azure = text_eq_nocase(u->host, TEXT("gateway.ai.cloudflare.com")) ? AZURE_BARE : AZURE_CLASSIC;
	u->query = with_version(scratch, version, rest);
	set_habits(d, version);
}

/* A Foundry resource has its models behind /models, Anthropic's behind /anthropic; the server of a single model has them at its root. */
static void
place_foundry(struct making *m, struct url *u, struct text version, struct text rest)
{
	bool shared = text_ends(u->host, TEXT(".services.ai.azure.com"));

	if (m->d->wire == WIRE_ANTHROPIC) {
		if (shared && !text_has(u->path, TEXT("/anthropic")))
			u->path = arena_print(m->load->scratch, TEXT_FMT "/anthropic", TEXT_ARG(u->path));
		u->query = rest;
		return;
	}
	if (shared && !text_has(u->path, TEXT("/models")) && !text_has(u->path, TEXT("/openai"))) {
		u->path = arena_print(m->load->scratch, TEXT_FMT "/models", TEXT_ARG(u->path));
		if (version.len == 0)
			version = FOUNDRY_VERSION;
	}
	u->query = with_version(m->load->scratch, text_has(u->path, TEXT("/openai/v1")) && !text_is(version, "preview") ? TEXT("") : version, rest);
	if (shared || text_ends(u->host, TEXT(".openai.azure.com")))
		m->d->quirks |= QUIRK_API_KEY;
}

bool
azure_base(struct making *m, struct url *u)
{
	struct text version = TEXT(""), rest = take_version(m->load->scratch, u->query, &version);

	if (!find_version(m, &version))
		return (false);
	if ((m->d->vendor->quirks & QUIRK_AZURE) != 0)
		place(m, u, version, rest);
	else
		place_foundry(m, u, version, rest);
	return (true);
}

/* models */

/* The families that refuse max_tokens, by the name of the deployment or of what runs there. */
static bool
is_reasoning(struct text model)
{
	static const char *const families[] = { "o1", "o3", "o4", "gpt-5", "gpt5" };
	struct text head, tail;

	if (text_cut(model, '/', &head, &tail))
		model = tail;
	for (size_t i = 0; i < nitems(families); i++)
		if (text_starts(model, text_of(families[i])))
			return (true);
	return (false);
}

void
azure_model(struct making *m)
{
	static const char *const sorts[] = { "o_series/", "gpt5_series/", "responses/" };
	struct deployment *d = m->d;
	struct text base = TEXT("");
	bool reasons = false;

	for (size_t i = 0; i < nitems(sorts); i++)
		if (text_starts(d->model, text_of(sorts[i]))) {
			d->model = text_sub(d->model, strlen(sorts[i]), d->model.len);
			reasons = i < 2;
		}
	if (!want_text(m->load, node_get(m->info, "base_model"), &base))
		want_text(m->load, param(m, "base_model"), &base);
	if ((reasons || is_reasoning(base.len > 0 ? base : d->model)) && (d->quirks & QUIRK_MAX_TOKENS_OLD) == 0)
		d->quirks |= QUIRK_NO_MAX_TOKENS;
}

void
azure_defaults(struct deployment *d)
{
	for (size_t i = 0; i < d->n_defaults && (d->quirks & QUIRK_NO_MAX_TOKENS) != 0; i++)
		if (text_is(d->defaults[i].name, "max_tokens"))
			d->defaults[i].name = TEXT("max_completion_tokens");
}
