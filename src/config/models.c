/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model_list: each entry becomes a deployment, or several, or a sentence that says why not.
 *
 * What can not be served (a vendor that comes later, no base) is skipped with a warning, as LiteLLM skips it; what is plainly wrong is
 * an error.
 */
#include "config/config_priv.h"

#include "base/digest.h"

#include <stdlib.h>

#define OPENSSL_SUPPRESS_DEPRECATED	/* the plain digest needs no provider, no configuration file and no allocation */
#include <openssl/sha.h>

#define NAME_BYTES_MOST		512

struct node *
param(const struct making *m, const char *key)
{
	for (size_t i = 0; i < m->n_chain; i++) {
		struct node *n = node_get(m->chain[i], key);
		if (n != NULL)
			return (n);
	}
	return (NULL);
}

/* Blocked (what a database has of that kind is still shown), or for another environment: false, and it is no problem. */
static bool
wanted_here(struct making *m)
{
	struct node *list = node_get(m->info, "supported_environments");
	const char *here = config_env(m->load->config, "LITELLM_ENVIRONMENT");
	struct text *names;
	size_t n;

	m->d->blocked = node_is_true(node_get(m->info, "blocked"));
	m->d->stored = m->entry->source->stored;
	if (m->d->blocked && !m->d->stored)
		return (false);
	if (list == NULL)
		return (true);
	n = want_texts(m->load, list, &names);
	if (here == NULL || here[0] == '\0') {
		problem(m->load, PROBLEM_ERROR, list, "supported_environments needs the variable LITELLM_ENVIRONMENT");
		return (false);
	}
	for (size_t i = 0; i < n; i++)
		if (text_is(names[i], here))
			return (true);
	return (false);
}

/* ids */

/* LiteLLM digests the group's name and every parameter in the file's order, so that metrics and budgets keyed by id survive the move. */
static struct text
made_id(struct making *m, struct text organization)
{
	struct buf b = { 0 };
	struct text id;

	buf_text(&b, m->d->group);
	for (const struct pair *p = m->params->first; p != NULL; p = p->next) {
		buf_text(&b, p->key);
		if (organization.len > 0 && text_is(p->key, "organization"))
			buf_text(&b, organization);
		else
			node_python(&b, p->value);
	}
	id = sha256_hex(m->load->arena, buf_as_text(&b));
	buf_free(&b);
	return (id);
}

/* entries */

static const struct node *
find_credential(struct making *m, const struct node *list, struct text name)
{
	if (list != NULL && list->kind == NODE_LIST)
		for (const struct pair *p = list->first; p != NULL; p = p->next) {
			struct node *n = node_get(p->value, "credential_name");
			if (n != NULL && n->kind == NODE_SCALAR && text_eq(n->text, name))
				return (node_get(p->value, "credential_values"));
		}
	return (NULL);
}

static void
chain_up(struct making *m)
{
	struct node *name = node_get(m->params, "litellm_credential_name"), *root = m->load->root;
	const struct node *defaults = node_get(node_get(root, "router_settings"), "default_litellm_params"), *values = NULL;

	m->chain[m->n_chain++] = m->params;
	if (want_kind(m->load, name, NODE_SCALAR)) {
		values = find_credential(m, node_get(root, "credential_list"), name->text);
		if (values == NULL)
			values = find_credential(m, node_get(node_get(root, "litellm_settings"), "credential_list"), name->text);
		if (values == NULL)
			problem(m->load, PROBLEM_ERROR, name, "there is no credential " TEXT_FMT " in credential_list",
			    TEXT_ARG(name->text));
		else if (values->kind == NODE_MAP)
			m->chain[m->n_chain++] = values;
	}
	if (defaults != NULL && defaults->kind == NODE_MAP)
		m->chain[m->n_chain++] = defaults;
}

static bool
name_fine(struct making *m, const struct node *n, struct text *name)
{
	if (!want_text(m->load, n, name))
		return (false);
	if (name->len > 0 && name->len <= NAME_BYTES_MOST && fit_for_header(*name))
		return (true);
	problem(m->load, PROBLEM_ERROR, n, TEXT_FMT " must be 1 to %d printable characters", TEXT_ARG(n->name), NAME_BYTES_MOST);
	return (false);
}

static bool
read_names(struct making *m)
{
	struct deployment *d = m->d;

	if (!want_kind(m->load, m->entry, NODE_MAP)) {
		if (node_is_null(m->entry))
			problem(m->load, PROBLEM_ERROR, m->entry, "an empty entry of model_list");
		return (false);
	}
	litellm_check(m->load, SECTION_ENTRY, m->entry);
	if (node_get(m->entry, "model_name") == NULL)
		problem(m->load, PROBLEM_ERROR, m->entry, "model_name is missing");
	if (node_get(m->entry, "litellm_params") == NULL)
		problem(m->load, PROBLEM_ERROR, m->entry, "litellm_params is missing");
	m->params = node_get(m->entry, "litellm_params");
	m->info = node_get(m->entry, "model_info");
	if (!name_fine(m, node_get(m->entry, "model_name"), &d->group) || !want_kind(m->load, m->params, NODE_MAP))
		return (false);
	if (m->info != NULL && !want_kind(m->load, m->info, NODE_MAP))
		m->info = NULL;
	if (node_get(m->params, "model") == NULL) {
		problem(m->load, PROBLEM_ERROR, m->params, "litellm_params.model is missing");
		return (false);
	}
	return (name_fine(m, node_get(m->params, "model"), &d->litellm_model));
}

/* A team's own model has two names: one that is nobody else's, and the team's. */
static void
read_team(struct making *m)
{
	struct deployment *d = m->d;

	d->team = d->team_name = TEXT("");
	if (!want_text(m->load, node_get(m->info, "team_id"), &d->team) || d->team.len == 0)
		return;
	if (want_text(m->load, node_get(m->info, "team_public_model_name"), &d->team_name) && d->team_name.len > 0 && !text_eq(d->team_name, d->group))
		return;
	d->team_name = d->group;
	d->group = arena_print(m->load->arena, TEAM_MODEL TEXT_FMT "_" TEXT_FMT, TEXT_ARG(d->team), TEXT_ARG(d->team_name));
}

static bool
read_entry(struct making *m)
{
	if (!read_names(m) || !wanted_here(m))
		return (false);
	read_team(m);
	litellm_check(m->load, SECTION_PARAMS, m->params);
	litellm_check(m->load, SECTION_INFO, m->info);
	chain_up(m);
	params_read_mock(m);
	if (!reach_vendor(m) || !reach_base(m))
		return (false);
	reach_key(m);
	reach_model(m);
	params_read(m);
	m->d->responses_only |= text_is(m->d->mode, "responses");
	return (true);
}

static struct deployment *
deployment_new(struct load *l)
{
	struct deployment *d = arena_new_of(l->arena, struct deployment);

	d->weight = d->rpm = d->tpm = d->parallel = d->key_rpm = d->key_tpm = d->num_retries = -1;
	d->budget = TEXT("");
	d->ssl_verify = true;
	return (d);
}

static void
put(struct load *l, struct deployment *d)
{
	struct config *c = l->config;

	d->index = c->n_deployments;
	c->deployments[c->n_deployments++] = d;
}

/* One deployment for each organization; each has an id of its own. */
static void
put_each(struct making *m)
{
	struct node *n = node_get(m->params, "organization"), *id = node_get(m->info, "id");
	struct text *organizations = NULL, given = TEXT("");
	size_t count = want_texts(m->load, n, &organizations);

	if (n == NULL) {
		n = param(m, "organization");
		organizations = arena_new_of(m->load->arena, struct text);
		count = want_text(m->load, n, organizations);
	}
	if (want_text(m->load, id, &given) && (given.len > NAME_BYTES_MOST || !fit_for_header(given))) {
		problem(m->load, PROBLEM_ERROR, id, "id must be printable and at most %d characters", NAME_BYTES_MOST);
		return;
	}
	for (size_t i = 0; i == 0 || i < count; i++) {
		struct deployment *d = m->d;
		if (i > 0) {
			d = arena_new_of(m->load->arena, struct deployment);
			*d = *m->d;
		}
		d->organization = count > 0 ? organizations[i] : TEXT("");
		if (!fit_for_header(d->organization)) {
			problem(m->load, PROBLEM_ERROR, n, "organization holds a line break or another control character");
			return;
		}
		if (given.len > 0)
			d->id = i == 0 ? given : arena_print(m->load->arena, TEXT_FMT "-%zu", TEXT_ARG(given), i + 1);
		else
			d->id = made_id(m, n != NULL && n->kind == NODE_LIST ? d->organization : TEXT(""));
		put(m->load, d);
	}
}

struct owner {				/* whose an id is */
	struct deployment *d;
	const struct node *given;	/* model_info.id, or NULL */
};

static int
by_id(const void *a, const void *b)
{
	const struct owner *p = a, *q = b;
	size_t n = p->d->id.len < q->d->id.len ? p->d->id.len : q->d->id.len;
	int c = memcmp(p->d->id.at, q->d->id.at, n);

	if (c == 0 && p->d->id.len != q->d->id.len)
		c = p->d->id.len < q->d->id.len ? -1 : 1;
	return (c != 0 ? c : p->d->index < q->d->index ? -1 : 1);
}

/* Two deployments never share an id: what cools or counts one must not touch the other. */
static void
part_ids(struct load *l, struct owner *all)
{
	size_t n = l->config->n_deployments, end;

	qsort(all, n, sizeof(*all), by_id);
	for (size_t i = 0; i < n; i = end) {
		for (end = i + 1; end < n && text_eq(all[end].d->id, all[i].d->id); end++) {
			struct deployment *d = all[end].d;
			if (all[end].given != NULL)
				problem(l, PROBLEM_ERROR, all[end].given, "id " TEXT_FMT " is given to two deployments", TEXT_ARG(d->id));
			d->id = sha256_hex(l->arena, arena_print(l->scratch, TEXT_FMT "#%zu", TEXT_ARG(all[i].d->id), end - i + 1));
		}
	}
}

static uint64_t
mark_of(struct text id)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	uint64_t mark = 0;

	SHA256((const unsigned char *)id.at, id.len, digest);
	for (unsigned i = 0; i < sizeof(mark); i++)
		mark = mark << 8 | digest[i];
	return (mark);
}

/*
 * `*` served by `*` is everything there is a key for: LiteLLM finds the vendor when the name is asked. Here each vendor whose key
 * stands in a variable gets a deployment that is not listed, under its prefix and a star, and Anthropic's for bare claude-names too.
 */

static bool
has_group(const struct config *c, struct text name)
{
	for (size_t i = 0; i < c->n_deployments; i++)
		if (text_eq(c->deployments[i]->group, name))
			return (true);
	return (false);
}

static void
put_implied(const struct making *any, const struct vendor *v, struct text group, const char *model)
{
	struct making m = *any;
	const char *name;
	struct deployment *d;

	if (has_group(m.load->config, group) || reach_variable(m.load, v->key_env, nitems(v->key_env), &name) == NULL)
		return;
	d = m.d = arena_new_of(m.load->arena, struct deployment);
	*d = *any->d;
	d->implied = true;
	d->group = group;
	d->litellm_model = arena_print(m.load->arena, "%s/%s", v->prefix, model);
	d->model = text_of(model);
	d->vendor = v;
	d->wire = v->wire;
	d->key = TEXT("");
	d->organization = TEXT("");
	if (!reach_base(&m))
		return;
	reach_key_of_env(&m);
	d->id = made_id(&m, TEXT(""));
	put(m.load, d);
}

static bool
is_everything(const struct making *m)
{
	return (text_is(m->d->group, "*") && text_is(m->d->litellm_model, "*") && !m->d->mock &&
	    param(m, "api_base") == NULL && param(m, "base_url") == NULL &&
	    param(m, "custom_llm_provider") == NULL);
}

static void
put_all_implied(const struct making *m)
{
	const struct vendor *v;
	const char *name;

	for (size_t i = 0; (v = vendor_nth(m->load->config, i)) != NULL; i++) {
		if (v->wire == WIRE_NONE || v == m->d->vendor ||
		    (v->base_url == NULL && reach_variable(m->load, v->base_env, nitems(v->base_env), &name) == NULL))
			continue;
		put_implied(m, v, arena_print(m->load->arena, "%s/*", v->prefix), "*");
		if (strcmp(v->prefix, "anthropic") == 0)
			put_implied(m, v, TEXT("claude-*"), "claude-*");
	}
}

static size_t
room_for(const struct load *l, const struct node *list)
{
	size_t room = list->n, vendors = 0;

	while (vendor_nth(l->config, vendors) != NULL)
		vendors++;
	for (const struct pair *p = list->first; p != NULL; p = p->next) {
		const struct node *n = node_get(node_get(p->value, "litellm_params"), "organization");
		room += n != NULL && n->kind == NODE_LIST ? n->n : 0;
	}
	return (room + vendors + 1);		/* what `*` implies comes once */
}

/* Those added since `before` belong to that entry's id, or to none. */
static void
own(const struct config *c, struct owner *owners, size_t before, const struct node *given)
{
	for (; before < c->n_deployments; before++)
		owners[before] = (struct owner){ c->deployments[before], given };
}

static void
read_list(struct load *l, const struct node *list, struct owner *owners)
{
	struct making everything = { .load = NULL };
	size_t before;

	for (const struct pair *p = list->first; p != NULL; p = p->next) {
		struct making m = { .load = l, .entry = p->value, .d = deployment_new(l) };
		before = l->config->n_deployments;
		if (!read_entry(&m))
			continue;
		put_each(&m);
		if (p->value->source->n_errors > 0)
			l->config->n_deployments = before;
		own(l->config, owners, before, node_get(m.info, "id"));
		if (everything.load == NULL && is_everything(&m))
			everything = m;
	}
	if (everything.load == NULL)
		return;
	before = l->config->n_deployments;
	put_all_implied(&everything);
	own(l->config, owners, before, NULL);
}

/* All models may be in a database, and there may be none yet. */
static bool
of_database(const struct load *l)
{
	return (node_is_true(node_get(node_get(l->root, "general_settings"), "store_model_in_db")) || env_true(l, "STORE_MODEL_IN_DB"));
}

void
models_read(struct load *l)
{
	const struct node *list = node_get(l->root, "model_list");
	struct config *c = l->config;
	struct owner *owners;
	size_t room;

	if (list == NULL && !of_database(l))
		problem(l, PROBLEM_ERROR, NULL, "there is no model_list: nothing could be served");
	if (!want_kind(l, list, NODE_LIST))
		return;
	room = room_for(l, list);
	c->deployments = arena_alloc(l->arena, room * sizeof(*c->deployments));
	owners = arena_alloc(l->scratch, room * sizeof(*owners));
	read_list(l, list, owners);
	part_ids(l, owners);
	for (size_t i = 0; i < c->n_deployments; i++)
		c->deployments[i]->mark = mark_of(c->deployments[i]->id);
	if (c->n_deployments == 0 && c->n_errors == 0 && !of_database(l))
		problem(l, PROBLEM_ERROR, list, "no deployment of model_list can be served");
}

/* A bad address is nobody's mistake while nobody asks for it: no problem is said here. */
struct deployment *
models_of_env(struct load *l, const struct vendor *v, struct text *missing)
{
	struct making m = { .load = l, .d = deployment_new(l) };
	const char *name, *base = reach_variable(l, v->base_env, nitems(v->base_env), &name), *why;
	struct url u;

	if (base == NULL && v->base_url == NULL)
		*missing = arena_print(l->arena, "%s is not set", v->base_env[0]);
	else if (base != NULL && (why = url_parse(&u, text_of(base))) != NULL)
		*missing = arena_print(l->arena, "%s %s", name, why);
	else if ((v->quirks & QUIRK_KEY_OPTIONAL) == 0 && reach_variable(l, v->key_env, nitems(v->key_env), &name) == NULL)
		*missing = arena_print(l->arena, "%s is not set", v->key_env[0]);
	if (missing->len > 0)
		return (NULL);
	m.d->vendor = v;
	m.d->wire = v->wire;
	if (!reach_base(&m))
		return (NULL);
	reach_key(&m);
	return (m.d);
}
