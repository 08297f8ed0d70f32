/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One real call that shows whether a deployment answers: GET /health?model_id=… and POST /health/test_connection.
 *
 * It walks the steps of every call, so that it is admitted, limited, paid and booked like one; only its answer is told in other words.
 */
#include "exchange/exchange.h"

#include "base/clock.h"

struct probe {
	const struct deployment *deployment;
	struct config	*config;		/* NULL, or the one it is of: held */
	bool		 health;		/* told as /health tells it */
	bool		 told;
};

#define SURFACE(front)	{ "/health", "GET, POST", front, COUNT_REQUESTS_OTHER, false, NULL, WANT_ANSWER }
static const struct surface of_chat = SURFACE(&front_chat), of_embeddings = SURFACE(&front_embeddings);

static struct error *
refused(struct exchange *x, const struct deployment *d, const char *why)
{
	return (error_param(error_new(x->arena, E_BAD_REQUEST, "The deployment '" TEXT_FMT "' can not be tested: %s.", TEXT_ARG(text_sub(d->id, 0, 200)), why),
	    "model_id"));
}

static bool
is_chat(struct text mode)
{
	return (mode.len == 0 || text_is(mode, "chat") || text_is(mode, "completion") || text_is(mode, "responses"));
}

enum step_result
probe_begin(struct exchange *x, const struct deployment *d, struct config *config, bool health)
{
	bool embeds = text_is(d->mode, "embedding");
	struct quoted name = json_escape(x->arena, d->group);

	x->probe = arena_new_of(x->arena, struct probe);
	*x->probe = (struct probe){ .deployment = d, .config = config, .health = health };
	if (memchr(d->group.at, '*', d->group.len) != NULL)
		x->error = refused(x, d, "it serves a pattern, not a model");
	else if (!embeds && !is_chat(d->mode))
		x->error = refused(x, d, "its mode is neither chat nor embedding");
	if (x->error != NULL)
		return (STEP_ERROR);
	x->surface = embeds ? &of_embeddings : &of_chat;
	x->front = x->surface->front;
	x->error = x->front->glance(&x->glance, x->arena, arena_print(x->arena, embeds ? "{\"model\":\"%.*s\",\"input\":[\"test from sluice\"]}" :
	    "{\"model\":\"%.*s\",\"max_tokens\":16,\"messages\":[{\"role\":\"user\",\"content\":\"test from sluice\"}]}", (int)name.len, name.at));
	x->tier = -1;
	x->prompt_bytes = x->glance.body.len;
	x->model = arena_copy(x->arena, d->group);
	return (x->error != NULL ? STEP_ERROR : STEP_GO);
}

void
probe_plan(struct exchange *x)
{
	const struct config *config = x->probe->config != NULL ? x->probe->config : x->config;

	route_only(&x->plan, x->arena, config, x->probe->deployment, 0, random_u64);
}

void
probe_free(struct exchange *x)
{
	if (x->probe != NULL)
		config_release(x->probe->config);
	x->probe = NULL;
}

static void
put_text(struct json_out *o, const char *name, struct text t)
{
	if (t.len == 0)
		return;
	json_name(o, name);
	json_string(o, t);
}

static void
put_result(struct json_out *o, const struct exchange *x, const struct error *e)
{
	const struct deployment *d = x->probe->deployment;

	json_open(o, '{');
	put_text(o, "model", d->litellm_model);
	put_text(o, "model_name", d->group);
	put_text(o, "model_id", d->id);
	put_text(o, "api_base", d->api_base);
	put_text(o, "mode", d->mode);
	json_name(o, "latency_ms");
	json_int(o, x->attempt != NULL ? ((x->in_flight ? clock_us() : x->attempt->ended_us) - x->attempt->began_us) / 1000 : 0);
	if (e != NULL)
		put_text(o, "error", e->message);
	if (e != NULL && x->upstream_status > 0) {
		json_name(o, "upstream_status");
		json_int(o, x->upstream_status);
	}
	json_close(o, '}');
}

static void
put_list(struct json_out *o, const struct exchange *x, const char *name, const struct error *e, bool here)
{
	json_name(o, name);
	json_open(o, '[');
	if (here)
		put_result(o, x, e);
	json_close(o, ']');
}

static void
put_health(struct json_out *o, const struct exchange *x, const struct error *e)
{
	put_list(o, x, "healthy_endpoints", NULL, e == NULL);
	put_list(o, x, "unhealthy_endpoints", e, e != NULL);
	json_name(o, "healthy_count");
	json_int(o, e == NULL);
	json_name(o, "unhealthy_count");
	json_int(o, e != NULL);
}

/* What was refused before anybody was asked says nothing of the deployment: that is an error like any other's. */
bool
probe_tells(struct exchange *x, const struct error *e)
{
	struct buf body = { 0 };
	struct json_out o = { .to = &body };

	if (x->probe == NULL || x->probe->told || x->n_attempts == 0)
		return (false);
	x->probe->told = true;
	json_open(&o, '{');
	if (x->probe->health)
		put_health(&o, x, e);
	else {
		put_text(&o, "status", e == NULL ? TEXT("success") : TEXT("error"));
		json_name(&o, "result");
		put_result(&o, x, e);
	}
	json_close(&o, '}');
	answer_whole(x, 200, "application/json", buf_as_text(&body));
	buf_free(&body);
	return (true);
}
