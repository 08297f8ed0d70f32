/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One real call that shows whether a deployment answers: GET /health?model_id=… and POST /health/test_connection.
 *
 * It walks the steps of every call, so that it is admitted, limited, paid and booked like one; only its answer is told in other words.  What /health came
 * to is kept for /health/history, by an errand that nobody waits for.
 */
#include "exchange/exchange.h"

#include "base/clock.h"
#include "base/log.h"

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

static int64_t
took_ms(const struct exchange *x)
{
	return (x->attempt != NULL ? ((x->in_flight ? clock_us() : x->attempt->ended_us) - x->attempt->began_us) / 1000 : 0);
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
	json_int(o, took_ms(x));
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

/* /health/history */

struct keeping {
	struct errand	 errand;
	struct store_pool *pool;
	struct arena	*arena;
	struct text	 id, name, deployment, error, by, doc;
	int64_t		 at_ms, took_ms;
	bool		 well;
};

static void
keep(struct errand *e)
{
	struct keeping *k = (struct keeping *)e;
	struct store *store = store_lend(k->pool, 1000);

	if (store == NULL || STORE(store, k->arena, NULL, SQL_HEALTH_ADD, V_TEXT(k->id), V_INT(k->at_ms), V_TEXT(k->name), V_TEXT(k->deployment),
	    V_INT(k->well), V_INT(k->took_ms), V_TEXT_OR_NULL(k->error), V_TEXT_OR_NULL(k->by), V_TEXT(k->doc)) != STORE_FINE)
		note(NOTE_WARN, k->id.at, "the check of " TEXT_FMT " is not kept: %s", TEXT_ARG(k->deployment),
		    store != NULL ? store_why(store) : "the store is away");
	if (store != NULL)
		store_return(k->pool, store);
}

static void
kept(struct errand *e)
{
	arena_free(((struct keeping *)e)->arena);
}

static void
begin_keeping(struct exchange *x, const struct error *e)
{
	const struct deployment *d = x->probe->deployment;
	struct worker *w = x->worker;
	struct buf doc = { 0 };
	struct json_out o = { .to = &doc };
	struct arena *arena;
	struct keeping *k;

	if (!x->probe->health || w->store_pool == NULL)
		return;
	put_result(&o, x, e);
	arena = arena_new();
	k = arena_new_of(arena, struct keeping);
	*k = (struct keeping){ .errand = { .work = keep, .done = kept, .drop = kept }, .pool = w->store_pool, .arena = arena, .well = e == NULL,
		.at_ms = clock_wall_ms(), .took_ms = took_ms(x), .id = arena_copy(arena, text_of(x->id)), .name = arena_copy(arena, d->group),
		.deployment = arena_copy(arena, d->id), .by = arena_copy(arena, x->caller->user_id), .doc = arena_copy(arena, buf_as_text(&doc)),
		.error = e != NULL ? arena_copy(arena, e->message) : TEXT("") };
	buf_free(&doc);
	if (!lane_send(w->store_lane, &k->errand))
		arena_free(arena);
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
	begin_keeping(x, e);
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
