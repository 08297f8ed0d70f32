/* SPDX-License-Identifier: Apache-2.0 */
/* What the gateway tells of itself and its models: lists, LiteLLM's pages of information, counted tokens. */
#include "exchange/exchange.h"

#include "access/admit.h"

#define PAGE_SIZE	50
#define PAGES_MOST	1000000

static enum step_result
say(struct exchange *x, struct buf *body)
{
	answer_whole(x, 200, "application/json", buf_as_text(body));
	buf_free(body);
	return (STEP_DONE);
}

static enum step_result
refuse(struct exchange *x, struct error *e)
{
	x->error = e;
	return (STEP_ERROR);
}

/* The query */

/* A parameter's value, decoded; false: it is not there. */
static bool
asked(struct exchange *x, const char *name, struct text *value)
{
	struct text rest = x->request->query, one, key;

	*value = TEXT("");
	for (bool more = rest.len > 0; more;) {
		struct text raw;

		more = text_cut(rest, '&', &one, &rest);
		if (!text_cut(one, '=', &key, &raw))
			raw = TEXT("");
		if (!text_eq(key, text_of(name)))
			continue;
		*value = arena_percent_decode(x->arena, raw);
		return (true);
	}
	return (false);
}

struct text
asked_text(struct exchange *x, const char *name)
{
	struct text value;

	asked(x, name, &value);
	return (value);
}

static struct error *
asked_bool(bool *is, struct exchange *x, const char *name)
{
	static const char *const yes[] = { "true", "1", "yes", "on", "t", "y" }, *const no[] = { "false", "0", "no", "off", "f", "n" };
	struct text value;

	*is = false;
	if (!asked(x, name, &value))
		return (NULL);
	for (size_t i = 0; i < nitems(yes); i++)
		if (text_eq_nocase(value, text_of(yes[i])) || text_eq_nocase(value, text_of(no[i]))) {
			*is = text_eq_nocase(value, text_of(yes[i]));
			return (NULL);
		}
	return (error_param(error_new(x->arena, E_BAD_REQUEST, "%s: should be true or false", name), name));
}

static struct error *
asked_count(int64_t *n, struct exchange *x, const char *name, int64_t most)
{
	struct text value;

	if (!asked(x, name, &value))
		return (NULL);
	if (text_to_i64(value, n) && *n >= 1 && *n <= most)
		return (NULL);
	return (error_param(error_new(x->arena, E_BAD_REQUEST, "%s: should be a whole number from 1 to %lld", name, (long long)most), name));
}

/* ?team_id=: what that team sees, for its members and administrators */

static bool
may_look_as(const struct caller *c, struct text team)
{
	bool in = text_eq(c->team_id, team) || c->kind == CALLER_MASTER || c->role == USER_ADMIN || c->role == USER_ADMIN_VIEWER;

	for (unsigned i = 0; i < c->n_teams; i++)
		in = in || text_eq(c->teams[i], team);
	return (in);
}

/* STEP_GO: *as is who the list is for. */
static enum step_result
look_as(const struct caller **as, struct exchange *x)
{
	struct finding f = exchange_finding(x);
	struct text team = asked_text(x, "team_id");
	struct caller *c;

	*as = x->caller;
	if (team.len == 0)
		team = asked_text(x, "teamId");
	if (team.len == 0)
		return (STEP_GO);
	if (!may_look_as(x->caller, team))
		return (refuse(x, refusal(x->arena, E_FORBIDDEN, "auth_error", "team_id", "Only members of a team and administrators may see what it can call.")));
	c = arena_new_of(x->arena, struct caller);
	*as = c;
	switch (find_as_team(c, &f, team)) {
	case FOUND_WAIT:
		return (STEP_WAIT);
	case FOUND_ERROR:
		return (refuse(x, f.error));
	case FOUND:
		break;
	}
	return (STEP_GO);
}

/* Lists of models */

static struct error *
asked_fallbacks(enum model_fallbacks *which, struct exchange *x)
{
	static const char *const types[] = { [FALLBACKS_GENERAL] = "general", [FALLBACKS_CONTEXT] = "context_window",
		[FALLBACKS_POLICY] = "content_policy" };
	struct text type;
	bool metadata;

	TRY(asked_bool(&metadata, x, "include_metadata"));
	if (!metadata)
		return (NULL);
	*which = FALLBACKS_GENERAL;
	if (!asked(x, "fallback_type", &type))
		return (NULL);
	for (*which = FALLBACKS_GENERAL; *which <= FALLBACKS_POLICY; (*which)++)
		if (text_is(type, types[*which]))
			return (NULL);
	return (error_param(error_new(x->arena, E_BAD_REQUEST,
	    "Invalid fallback_type. Must be one of: ['general', 'context_window', 'content_policy']"), "fallback_type"));
}

static struct error *
model_wish(struct model_wish *wish, struct exchange *x)
{
	*wish = (struct model_wish){ .anthropic = is_anthropic_client(x->request), .caller = x->caller };
	TRY(asked_bool(&wish->patterns, x, "return_wildcard_routes"));
	if (!wish->anthropic) {
		TRY(asked_bool(&wish->none, x, "only_model_access_groups"));
		return (asked_fallbacks(&wish->fallbacks, x));
	}
	wish->after = asked_text(x, "after_id");
	wish->before = asked_text(x, "before_id");
	return (asked_count(&wish->limit, x, "limit", 1000));
}

enum step_result
local_models(struct exchange *x)
{
	const struct caller *as;
	enum step_result end = look_as(&as, x);
	struct buf body = { 0 };
	struct model_wish wish;
	struct error *e;

	if (end != STEP_GO)
		return (end);
	e = model_wish(&wish, x);
	wish.caller = as;
	if (e == NULL)
		e = models_list(&body, x->arena, x->config, &wish);
	return (e != NULL ? refuse(x, e) : say(x, &body));
}

enum step_result
local_model(struct exchange *x)
{
	struct text id = arena_percent_decode(x->arena, x->rest);
	struct model_wish wish = { .anthropic = is_anthropic_client(x->request), .caller = x->caller };
	struct buf body = { 0 };
	struct error *e;

	if (models_one(&body, x->config, id, &wish))
		return (say(x, &body));
	e = error_new(x->arena, E_NOT_FOUND, "The model '" TEXT_FMT "' does not exist.", TEXT_ARG(text_sub(id, 0, 200)));
	e->code = TEXT("model_not_found");
	return (refuse(x, e));
}

/* LiteLLM's pages about models */

enum step_result
local_model_info(struct exchange *x)
{
	struct info_wish wish = { .id = asked_text(x, "litellm_model_id") };
	enum step_result end = look_as(&wish.caller, x);
	struct buf body = { 0 };
	struct error *e;

	if (end != STEP_GO)
		return (end);
	if ((e = asked_bool(&wish.team_models, x, "include_team_models")) != NULL)
		return (refuse(x, e));
	if (info_deployments(&body, x->arena, x->config, &wish) > 0 || wish.id.len == 0)
		return (say(x, &body));
	buf_free(&body);
	return (refuse(x, error_param(error_new(x->arena, E_BAD_REQUEST, "Model id = " TEXT_FMT " not found on litellm proxy",
	    TEXT_ARG(text_sub(wish.id, 0, 200))), "litellm_model_id")));
}

enum step_result
local_model_pages(struct exchange *x)
{
	struct info_wish wish = { .id = asked_text(x, "modelId"), .model = asked_text(x, "model"), .search = asked_text(x, "search"),
		.page = 1, .size = PAGE_SIZE };
	enum step_result end = look_as(&wish.caller, x);
	struct buf body = { 0 };
	struct error *e;

	if (end != STEP_GO)
		return (end);
	if ((e = asked_bool(&wish.team_models, x, "include_team_models")) != NULL || (e = asked_count(&wish.page, x, "page", PAGES_MOST)) != NULL ||
	    (e = asked_count(&wish.size, x, "size", PAGES_MOST)) != NULL)
		return (refuse(x, e));
	info_deployments(&body, x->arena, x->config, &wish);
	return (say(x, &body));
}

enum step_result
local_model_groups(struct exchange *x)
{
	struct buf body = { 0 };

	info_groups(&body, x->arena, x->config, asked_text(x, "model_group"), x->caller);
	return (say(x, &body));
}

enum step_result
local_params(struct exchange *x)
{
	struct text model = asked_text(x, "model");
	struct buf body = { 0 };

	if (model.len == 0)
		return (refuse(x, error_param(error_new(x->arena, E_BAD_REQUEST, "model: Field required"), "model")));
	if (info_params(&body, x->config, model))
		return (say(x, &body));
	return (refuse(x, error_param(error_new(x->arena, E_BAD_REQUEST, "Could not map model=" TEXT_FMT, TEXT_ARG(text_sub(model, 0, 200))),
	    "model")));
}

enum step_result
local_routes(struct exchange *x)
{
	struct buf body = { 0 };

	surfaces_print(&body);
	return (say(x, &body));
}

/* Counted tokens */

/* The name the model has where it runs: what stands behind the vendor in the file. */
static struct text
model_used(struct exchange *x)
{
	struct capture captured;
	const struct group *g = config_group(x->config, x->counted->model, &captured);

	if (x->deployment != NULL)
		return (route_model(&x->plan, x->deployment));
	if (g == NULL || g->n_deployments == 0)
		return (x->counted->model);
	return (deployment_model(x->arena, g->deployments[0], x->counted->model, &captured));
}

enum step_result
local_counted(struct exchange *x, struct text upstream)
{
	struct buf body = { 0 };
	struct json_fault fault;
	enum json_type type;
	size_t n;

	if (!json_scan(upstream, &type, NULL, 0, &n, &fault) || type != JSON_OBJECT)
		upstream = TEXT("");
	counter_write(&body, x->counted, model_used(x), upstream);
	return (say(x, &body));
}

/* Is there an upstream that counts?  Then the request goes on as one of the Chat API, whose tokens are counted. */
static bool
can_be_asked(struct exchange *x)
{
	struct capture captured;
	const struct group *g = config_group(x->config, x->counted->model, &captured);
	struct text body = counter_as_chat(x->arena, x->counted);

	for (size_t i = 0; g != NULL && body.len > 0 && i < g->n_deployments; i++)
		if (g->deployments[i]->wire == WIRE_ANTHROPIC) {
			x->glance = (struct glance){ .counting = true, .model_named = true };
			x->model = x->counted->model;
			return (x->front->glance(&x->glance, x->arena, body) == NULL);
		}
	return (false);
}

enum step_result
local_token_counter(struct exchange *x)
{
	struct counting *c = arena_new_of(x->arena, struct counting);
	struct error *e;
	bool ask_upstream;

	if ((e = asked_bool(&ask_upstream, x, "call_endpoint")) != NULL || (e = counter_read(c, x->arena, x->request->body)) != NULL)
		return (refuse(x, e));
	x->prompt_bytes = x->request->body.len;
	x->counted = c;
	return (ask_upstream && can_be_asked(x) ? STEP_GO : local_counted(x, TEXT("")));
}
