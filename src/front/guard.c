/* SPDX-License-Identifier: Apache-2.0 */
/* The first look at a body: one scan, then its members' names against three lists. */
#include "front/guard.h"

#include <assert.h>

#define USUAL_MEMBERS	64
#define MOST_MEMBERS	1024

#define S(literal)	{ literal, sizeof(literal) - 1 }

/* Speaks to the gateway: LiteLLM's own members, which no vendor knows. */
static const struct text ours[] = {
	S("additional_drop_params"), S("allowed_model_region"), S("allowed_openai_params"), S("assistant_continue_message"),
	S("base_model"), S("cache"), S("caching"), S("caching_groups"), S("configurable_clientside_auth_params"),
	S("content_policy_fallbacks"), S("context_window_fallback_dict"), S("context_window_fallbacks"), S("cooldown_time"),
	S("default_fallbacks"), S("disable_fallbacks"), S("disable_global_guardrails"), S("drop_params"), S("ensure_alternating_roles"),
	S("fallback_depth"), S("fallbacks"), S("force_timeout"), S("guardrails"), S("input_cost_per_second"), S("input_cost_per_token"),
	S("max_fallbacks"), S("max_parallel_requests"), S("max_retries"), S("merge_reasoning_content_in_choices"), S("mock_response"),
	S("mock_timeout"), S("model_group"), S("model_info"), S("no-log"), S("num_retries"), S("output_cost_per_second"),
	S("output_cost_per_token"), S("policies"), S("preset_cache_key"), S("prompt_id"), S("prompt_label"), S("prompt_variables"),
	S("prompt_version"), S("proxy_server_request"), S("region_name"), S("request_timeout"), S("retry_policy"), S("retry_strategy"), S("route"),
	S("stream_timeout"), S("supports_system_message"), S("tags"), S("timeout"), S("turn_off_message_logging"), S("use_in_pass_through"),
	S("use_litellm_proxy"), S("user_continue_message"),
};

/* Chooses where a call goes, on whose account, or hides what a call says: never the caller's business. */
static const struct text refused[] = {
	S("api_base"), S("api_key"), S("api_type"), S("api_version"), S("base_url"), S("client_cert"), S("client_id"),
	S("client_key"), S("client_key_password"), S("client_secret"),
	S("credentials"), S("custom_llm_provider"), S("default_headers"), S("extra_body"), S("extra_headers"), S("headers"),
	S("litellm_credential_name"), S("litellm_params"), S("model_list"), S("organization"), S("provider_specific_header"),
	S("ssl_certificate"), S("ssl_verify"), S("tenant_id"), S("user_config"),
};

/* OpenRouter's own fallbacks: neither what a key may call nor what the call is priced by would hold for them. */
static const struct text elsewhere[] = { S("models") };

static const struct text ours_prefix[] = { S("litellm_"), S("mock_testing_") };
static const struct text refused_prefix[] = { S("aws_"), S("azure_"), S("vertex_"), S("watsonx_") };

static char
fold(char c)
{
	return (c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c);
}

static const char *
in_list(struct text name, const struct text *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (name.len == list[i].len && fold(name.at[0]) == list[i].at[0] && text_eq_nocase(name, list[i]))
			return (list[i].at);
	return (NULL);
}

static bool
has_prefix(struct text name, const struct text *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (name.len >= list[i].len && fold(name.at[0]) == list[i].at[0] && text_eq_nocase(text_sub(name, 0, list[i].len), list[i]))
			return (true);
	return (false);
}

/* The letters beyond ASCII that fold to ASCII ones (U+017F to s, U+212A to k): readers that ignore case by Unicode's rules take them so. */
static struct text
straight(struct arena *arena, struct text name)
{
	char *plain;
	size_t n = 0;

	if (memchr(name.at, '\xc5', name.len) == NULL && memchr(name.at, '\xe2', name.len) == NULL)
		return (name);
	plain = arena_bytes(arena, name.len);
	for (size_t i = 0; i < name.len; i++) {
		struct text rest = text_sub(name, i, name.len);

		if (text_starts(rest, TEXT("\xc5\xbf"))) {
			plain[n++] = 'S';
			i++;
		} else if (text_starts(rest, TEXT("\xe2\x84\xaa"))) {
			plain[n++] = 'K';
			i += 2;
		} else
			plain[n++] = name.at[i];
	}
	return ((struct text){ plain, n });
}

/* What the scan of one body carries. */
struct scan {
	struct glance	*glance;
	struct arena	*arena;
	const struct guard *rows;
	const struct json_spot **found;
	size_t		 n_rows;
	bool		*ours;
};

static struct error *
twice(struct scan *s, const char *name)
{
	return (error_param(error_new(s->arena, E_BAD_REQUEST, "%s: given twice", name), name));
}

static struct error *
miscased(struct scan *s, struct text as, const char *name)
{
	if (as.len > 64)
		as.len = 64;
	return (error_param(error_new(s->arena, E_BAD_REQUEST, "%s: must be spelled so, not '" TEXT_FMT "'", name, TEXT_ARG(as)), name));
}

static struct error *
of_dialect(struct scan *s, const struct json_spot *spot, struct text name, bool *is)
{
	for (size_t i = 0; i < s->n_rows; i++) {
		const struct guard *row = &s->rows[i];

		if (fold(name.at[0]) != row->name[0] || !text_eq_nocase(name, text_of(row->name)))
			continue;
		*is = true;
		if (!text_is(name, row->name))
			return (miscased(s, name, row->name));
		if (s->found[i] != NULL)
			return (twice(s, row->name));
		if (spot->type != JSON_NULL && (row->types & AS(spot->type)) == 0)
			return (error_param(error_new(s->arena, E_BAD_REQUEST, "%s: should be %s", row->name, row->should), row->name));
		s->found[i] = spot;
		return (NULL);
	}
	return (NULL);
}

static struct error *
of_gateway(struct scan *s, size_t i, struct text name)
{
	const char *known = in_list(name, ours, nitems(ours));

	if (known != NULL && !text_is(name, known))
		return (miscased(s, name, known));
	if (known == NULL && !has_prefix(name, ours_prefix, nitems(ours_prefix)))
		return (NULL);
	if (s->ours == NULL)
		s->ours = arena_alloc(s->arena, s->glance->n_top);
	for (size_t k = 0; k < i; k++)
		if (s->ours[k] && text_eq_nocase(json_unescape(s->arena, json_spot_name(s->glance->body, &s->glance->top[k])), name))
			return (twice(s, (const char *)arena_copy(s->arena, name).at));
	s->ours[i] = true;
	return (NULL);
}

static struct error *
member(struct scan *s, size_t i)
{
	const struct json_spot *spot = &s->glance->top[i];
	struct text name = straight(s->arena, json_unescape(s->arena, json_spot_name(s->glance->body, spot)));
	const char *bad;
	bool is = false;

	if (name.len == 0)
		return (NULL);
	TRY(of_dialect(s, spot, name, &is));
	if (is)
		return (NULL);
	if ((bad = in_list(name, elsewhere, nitems(elsewhere))) != NULL)
		return (error_param(error_new(s->arena, E_BAD_REQUEST, "%s: a caller can not name other models for the upstream to fall back to; "
		    "the gateway's fallbacks are configured", bad), bad));
	bad = in_list(name, refused, nitems(refused));
	if (bad != NULL || has_prefix(name, refused_prefix, nitems(refused_prefix))) {
		name = bad != NULL ? text_of(bad) : arena_copy(s->arena, text_sub(name, 0, 64));
		return (error_param(error_new(s->arena, E_BAD_REQUEST, TEXT_FMT ": a caller can not choose an upstream's address or credential",
		    TEXT_ARG(name)), name.at));
	}
	return (of_gateway(s, i, name));
}

static struct error *
broken(struct arena *arena, struct text body, const struct json_fault *fault)
{
	struct buf line = { 0 };
	struct error *e;

	json_fault_print(&line, body, fault);
	e = error_new(arena, E_BAD_REQUEST, "Invalid JSON payload: " TEXT_FMT, TEXT_ARG(buf_as_text(&line)));
	buf_free(&line);
	return (error_param(e, "request_body"));
}

static struct error *
index_body(struct glance *g, struct arena *arena, struct text body)
{
	struct json_spot usual[USUAL_MEMBERS];
	struct json_fault fault = { 0 };
	enum json_type type;
	size_t n = 0;

	if (!json_scan(body, &type, usual, nitems(usual), &n, &fault))
		return (broken(arena, body, &fault));
	if (type != JSON_OBJECT)
		return (error_param(error_new(arena, E_BAD_REQUEST, "the body should be a JSON object"), "request_body"));
	if (n > MOST_MEMBERS)
		return (error_param(error_new(arena, E_BAD_REQUEST, "the body has more than %d members", MOST_MEMBERS), "request_body"));
	g->body = body;
	g->n_top = n;
	g->top = arena_alloc(arena, (n + 1) * sizeof(*g->top));
	if (n <= nitems(usual))
		memcpy(g->top, usual, n * sizeof(*usual));
	else
		(void)json_scan(body, &type, g->top, n, &n, &fault);
	return (NULL);
}

struct error *
guard_scan(struct glance *g, const struct json_spot **found, struct arena *arena, struct text body, const struct guard *rows, size_t n)
{
	struct scan s = { .glance = g, .arena = arena, .rows = rows, .found = found, .n_rows = n };

	assert(n <= 32);
	memset(found, 0, n * sizeof(*found));
	TRY(index_body(g, arena, body));
	for (size_t i = 0; i < g->n_top; i++)
		TRY(member(&s, i));
	for (size_t i = 0; i < n; i++)
		if (found[i] != NULL && found[i]->type == JSON_NULL)
			found[i] = NULL;
	g->ours = s.ours;
	return (NULL);
}
