/* SPDX-License-Identifier: Apache-2.0 */
/* What the gateway answers by itself: health, token counts. */
#include "exchange/exchange.h"

#include "base/clock.h"

static enum step_result
say(struct exchange *x, const char *type, struct buf *body)
{
	answer_whole(x, 200, type, buf_as_text(body));
	buf_free(body);
	return (STEP_DONE);
}

enum step_result
local_alive(struct exchange *x)
{
	answer_whole(x, 200, "application/json", TEXT("\"I'm alive!\""));
	return (STEP_DONE);
}

/* Claude Code and load balancers probe this. */
enum step_result
local_root(struct exchange *x)
{
	answer_whole(x, 200, "application/json", TEXT("{\"name\":\"sluice\",\"version\":\"" SLUICE_VERSION "\"}"));
	return (STEP_DONE);
}

/* Ready means: configured and listening.  No upstream is asked; and a database that is away takes no worker out: known keys go on. */
static void
put_ready(struct json_out *out, const struct worker *w)
{
	json_open(out, '{');
	json_name(out, "status");
	json_string(out, TEXT("healthy"));
	json_name(out, "db");
	json_string(out, store_is_away(w->store_pool) ? TEXT("disconnected") : TEXT("connected"));
	json_name(out, "cache");
	json_null(out);
	json_name(out, "litellm_version");
	json_string(out, TEXT("sluice-" SLUICE_VERSION));
	json_name(out, "success_callbacks");
	json_raw(out, TEXT("[]"));
}

enum step_result
local_ready(struct exchange *x)
{
	struct buf body = { 0 };
	struct json_out out = { .to = &body };

	put_ready(&out, x->worker);
	json_close(&out, '}');
	return (say(x, "application/json", &body));
}

enum step_result
local_ready_details(struct exchange *x)
{
	struct buf body = { 0 };
	struct json_out out = { .to = &body };

	put_ready(&out, x->worker);
	json_name(&out, "deployments");
	json_int(&out, (int64_t)x->config->n_deployments);
	json_name(&out, "open_exchanges");
	json_int(&out, board_all_open(x->worker->board));
	json_close(&out, '}');
	return (say(x, "application/json", &body));
}

/* LiteLLM counts the requests of one worker; so do we, and all of the host beside them. */
enum step_result
local_backlog(struct exchange *x)
{
	struct buf body = { 0 };

	buf_print(&body, "{\"in_flight_requests\":%u,\"in_flight_requests_of_host\":%u}", board_my_open(x->worker->board), board_all_open(x->worker->board));
	return (say(x, "application/json", &body));
}

static void
put_text(struct json_out *out, const char *name, struct text value)
{
	json_name(out, name);
	if (value.len > 0)
		json_string(out, value);
	else
		json_null(out);
}

/* Where a web server sends browsers to sign in: it tells who they are then. */
enum step_result
local_sign_in(struct exchange *x)
{
	const struct caller *c = x->caller;
	struct buf body = { 0 };
	struct json_out out = { .to = &body };

	json_open(&out, '{');
	put_text(&out, "user_id", c->user_id);
	put_text(&out, "user_role", text_of(role_names[c->role]));
	put_text(&out, "team_id", c->team_id);
	put_text(&out, "organization_id", c->organization_id);
	json_close(&out, '}');
	return (say(x, "application/json", &body));
}

static void
endpoint(struct json_out *out, const struct deployment *d, const struct outcome *o, bool known)
{
	char when[25];

	json_open(out, '{');
	json_name(out, "status");
	json_string(out, o->error > 0 ? TEXT("unhealthy") : TEXT("healthy"));
	json_name(out, "model");
	json_string(out, d->litellm_model);
	json_name(out, "model_name");
	json_string(out, d->group);
	json_name(out, "model_id");
	json_string(out, d->id);
	if (d->api_base.len > 0) {
		json_name(out, "api_base");
		json_string(out, d->api_base);
	}
	if (known) {
		clock_iso(when, o->at_wall_ms);
		json_name(out, "last_outcome_at");
		json_string(out, text_of(when));
		json_name(out, "last_status");
		json_int(out, o->status);
	}
	if (known && o->error > 0) {
		json_name(out, "error");
		json_string(out, text_of(error_kinds[o->error - 1].what));
	}
	json_close(out, '}');
}

/* The deployments whose last real outcome was, or was not, good; those never asked count as healthy. */
static int64_t
endpoints(struct exchange *x, struct json_out *out, bool healthy)
{
	struct text model = asked_text(x, "model");
	int64_t n = 0;

	json_open(out, '[');
	for (size_t i = 0; i < x->config->n_deployments; i++) {
		const struct deployment *d = x->config->deployments[i];
		struct outcome o = { 0 };
		bool known = board_outcome_read(x->worker->board, board_deployment(x->worker->board, d->id), &o);

		if (model.len > 0 && !text_eq(model, d->group))
			continue;
		if ((!known || o.error == 0) != healthy)
			continue;
		endpoint(out, d, &o, known);
		n++;
	}
	json_close(out, ']');
	return (n);
}

/* What live calls have shown costs nothing; for one deployment, by its id, a call is made. */
enum step_result
local_health(struct exchange *x)
{
	struct text id = asked_text(x, "model_id");
	const struct deployment *d = config_deployment(x->config, id);
	struct buf body = { 0 };
	struct json_out out = { .to = &body };
	int64_t good, bad;

	if (id.len > 0 && d == NULL) {
		x->error = error_param(error_new(x->arena, E_NOT_FOUND, "Model id = " TEXT_FMT " not found on litellm proxy",
		    TEXT_ARG(text_sub(id, 0, 200))), "model_id");
		return (STEP_ERROR);
	}
	if (d != NULL)
		return (probe_begin(x, d, NULL, true));
	json_open(&out, '{');
	json_name(&out, "healthy_endpoints");
	good = endpoints(x, &out, true);
	json_name(&out, "unhealthy_endpoints");
	bad = endpoints(x, &out, false);
	json_name(&out, "healthy_count");
	json_int(&out, good);
	json_name(&out, "unhealthy_count");
	json_int(&out, bad);
	json_close(&out, '}');
	return (say(x, "application/json", &body));
}

/* What the last real call of each deployment came to, of those that had one; on this host. */
enum step_result
local_health_latest(struct exchange *x)
{
	struct buf body = { 0 };
	struct json_out out = { .to = &body };
	int64_t n = 0;

	json_open(&out, '{');
	json_name(&out, "latest_health_checks");
	json_open(&out, '{');
	for (size_t i = 0; i < x->config->n_deployments; i++) {
		const struct deployment *d = x->config->deployments[i];
		struct outcome o = { 0 };

		if (!board_outcome_read(x->worker->board, board_deployment(x->worker->board, d->id), &o))
			continue;
		json_name_quoted(&out, json_escape(x->arena, d->id));
		endpoint(&out, d, &o, true);
		n++;
	}
	json_close(&out, '}');
	json_name(&out, "total_models");
	json_int(&out, n);
	json_close(&out, '}');
	return (say(x, "application/json", &body));
}

/* count_tokens where the upstream has no counter, or it failed: an estimate that errs high, never an error. */
enum step_result
local_count(struct exchange *x)
{
	struct ask *a = arena_new_of(x->arena, struct ask);
	struct buf body = { 0 };

	if (x->counted != NULL)
		return (local_counted(x, TEXT("")));
	if ((x->error = x->front->read_ask(a, x->arena, &x->glance)) != NULL)
		return (STEP_ERROR);
	buf_print(&body, "{%s\"input_tokens\":%lld}", x->front->wire == WIRE_RESPONSES ? "\"object\":\"response.input_tokens\"," : "",
	    (long long)count_tokens(a));
	return (say(x, "application/json", &body));
}

enum step_result
local_later(struct exchange *x)
{
	x->error = error_new(x->arena, E_NOT_BUILT, "sluice " SLUICE_VERSION " does not serve %s yet.", x->surface->path);
	x->error->useless_to_retry = true;
	return (STEP_ERROR);
}

/* GET /v1/responses asks for a WebSocket: 426 makes Codex go on with POST at once.  mod_fcgid keeps the Upgrade header to itself. */
enum step_result
local_upgrade(struct exchange *x)
{
	answer_whole(x, 426, "application/json", TEXT("{\"error\":{\"message\":\"WebSocket is not offered here; use POST.\","
	    "\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"upgrade_required\"}}"));
	return (STEP_DONE);
}
