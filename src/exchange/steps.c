/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a request through the gateway, from top to bottom. */
#include "exchange/exchange.h"

#include "base/clock.h"

#include <assert.h>
#include <stdlib.h>

/* read: what do they want */

static struct error *
body_error(struct exchange *x)
{
	switch (x->body_fault) {
	case BODY_TOO_LARGE:
		return (error_new(x->arena, E_TOO_LARGE, "The request body is larger than %lld bytes, the limit of this gateway.",
		    (long long)x->config->settings.body_limit));
	case BODY_SHORT:
		return (error_new(x->arena, E_BAD_REQUEST, "The request body is shorter than its Content-Length says."));
	case BODY_LONG:
		return (error_new(x->arena, E_BAD_REQUEST, "The request body is longer than its Content-Length says."));
	case BODY_NO_ROOM:
		return (error_new(x->arena, E_BUSY, "The gateway has no memory for this request body now; try again soon."));
	case BODY_FINE:
		break;
	}
	return (NULL);
}

/* The configuration's word stands above the path's, that above the body's. */
static struct text
model_asked(const struct exchange *x)
{
	const struct settings *s = &x->config->settings;
	struct text above = x->front->wire == WIRE_EMBEDDINGS ? s->embedding_model : s->completion_model;

	if (above.len > 0)
		return (above);
	return (x->path_model.len > 0 ? x->path_model : x->glance.model);
}

static enum step_result
read_ask_heard(struct exchange *x)
{
	struct glance *g = &x->glance;

	if (!x->body_here)
		return (STEP_WAIT);
	if (x->left) {
		x->end = END_LEFT;
		return (STEP_DONE);
	}
	if ((x->error = body_error(x)) != NULL)
		return (STEP_ERROR);
	if (x->surface->answer != NULL)
		return (x->surface->answer(x));
	if (x->front->wire == WIRE_RESPONSES)
		stored_begin(x);
	if (x->surface->want == WANT_STORED)
		return (stored_read(x));
	g->counting = x->surface->want == WANT_COUNT;
	g->compacting = x->surface->want == WANT_COMPACT;
	g->model_named = x->path_model.len > 0;
	x->error = x->front->glance(g, x->arena, x->request->body);
	if (x->error != NULL)
		return (STEP_ERROR);
	x->front = front_of_body(x->front, g);
	x->tier = tier_asked(x);
	g->stream &= x->surface->want == WANT_ANSWER;
	x->prompt_bytes = g->body.len;
	x->model = arena_copy(x->arena, model_asked(x));
	return (STEP_GO);
}

static enum step_result
read_ask(struct exchange *x)
{
	if (x->request->content_length == -2) {
		x->error = error_new(x->arena, E_LENGTH_REQUIRED, "The Content-Length of the request is malformed.");
		return (STEP_ERROR);
	}
	return (read_ask_heard(x));
}

/* plan: who could answer, in which order */

static int64_t
retries_wanted(const struct exchange *x)
{
	int64_t n;

	return (text_to_i64(request_header(x->request, "x-litellm-num-retries"), &n) && n >= 0 && n <= 20 ? n : -1);
}

static enum step_result
plan(struct exchange *x)
{
	if (x->conduit != NULL)
		return (STEP_GO);
	if (x->probe != NULL) {
		probe_plan(x);
		return (STEP_GO);
	}
	if (x->surface->want == WANT_STORED) {
		route_only(&x->plan, x->arena, x->config, x->holder, retries_wanted(x), random_u64);
		return (STEP_GO);
	}
	x->error = route_plan(&x->plan, x->arena, x->config, x->model, retries_wanted(x), random_u64);
	if (x->error != NULL && x->error->kind == E_NO_SUCH_MODEL && pass_instead(x))
		x->error = NULL;
	else if (x->error == NULL && x->front->wire == WIRE_RESPONSES)
		x->error = stored_plan(x);
	if (x->error != NULL && x->error->kind == E_NO_SUCH_MODEL)
		x->error = reserve_vain(x, x->error);
	return (x->error != NULL ? STEP_ERROR : STEP_GO);
}

/* settle: what became of it; one line, the counters */

static enum step_result
settle(struct exchange *x)
{
	ask_stop(x);
	record_exchange(x);
	book(x);
	return (STEP_GO);
}

/* drain: everything is with the web server */

static enum step_result
drain_written(struct exchange *x)
{
	return (x->over ? STEP_GO : STEP_WAIT);
}

static enum step_result
drain(struct exchange *x)
{
	if (!x->over) {
		answer_end(x);
		answer_forget_request(x);	/* a client that reads slowly holds its answer only */
	}
	return (drain_written(x));
}

static const struct {
	const char	*name;
	step_f		*begin, *resume;
} steps[] = {
	{ "identify",	identify,	identify_known },	/* whose key is this, what do they call */
	{ "read",	read_ask,	read_ask_heard },	/* what do they want */
	{ "admit",	admit_begin,	admit_known },		/* may they */
	{ "plan",	plan,		NULL },			/* who could answer */
	{ "reserve",	reserve,	reserve_more },		/* rates and money for the dearest of them */
	{ "session",	session_turn,	session_turned },	/* has its session a call left, where they are counted */
	{ "pass",	pass,		pass_heard },		/* as it is, to whom the path names */
	{ "ask",	ask,		ask_heard },		/* candidates in turn; streams */
	{ "settle",	settle,		NULL },			/* what did it cost; one line, one row, what was not used goes back */
	{ "drain",	drain,		drain_written },	/* the web server has the last byte */
	{ "booked",	book_written,	book_written },		/* and the spool the row */
};
#define SETTLE	8

static uint8_t
later(uint8_t step)
{
	return (step > SETTLE ? step : SETTLE);
}

static void
exchange_free(struct exchange *x)
{
	struct worker *w = x->worker;

	timer_stop(w->loop, &x->wait);
	timer_stop(w->loop, &x->clock);
	admin_forget(x);
	metrics_forget(x);
	identify_forget(x);
	probe_free(x);
	session_forget(x);
	scribe_free(x);
	*x->link = x->next;
	if (x->next != NULL)
		x->next->link = x->link;
	board_open_exchanges(w->board, -1);
	buf_free(&x->body);
	buf_free(&x->gathered);
	sse_free(&x->sse);
	config_release(x->config);
	lookup_free(&x->lookup);
	arena_free(x->arena);
	worker_load_changed(w);
}

/* Walk on until a step waits.  Whoever ends the wait calls this again: `begin` runs once, `resume` on waking. */
void
exchange_walk(struct exchange *x)
{
	if (x->walking)
		return;
	x->walking = true;
	x->busy++;
	while (x->at < nitems(steps)) {
		enum step_result result = x->begun ? steps[x->at].resume(x) : steps[x->at].begin(x);

		if (result == STEP_WAIT) {
			x->begun = true;
			break;
		}
		if (result == STEP_ERROR)
			answer_error(x, x->error);
		x->at = result == STEP_GO ? (uint8_t)(x->at + 1) : later((uint8_t)(x->at + 1));
		x->begun = false;
	}
	x->walking = false;
	exchange_leave(x);
}

void
exchange_leave(struct exchange *x)
{
	if (--x->busy == 0 && x->at == nitems(steps))
		exchange_free(x);
}

/* what the web room says */

static void *
begin(void *worker, struct stream *stream, struct request *request)
{
	struct worker *w = worker;
	struct arena *arena = arena_new_for(2 * sizeof(struct exchange));	/* most calls need no more */
	struct exchange *x = arena_new_of(arena, struct exchange);

	x->worker = w;
	x->arena = arena;
	x->config = config_hold(w->config);
	x->stream = stream;
	x->request = request;
	x->began_us = loop_now_us(w->loop);
	x->began_wall_ms = clock_wall_ms();
	uuid7(x->id);
	x->next = w->exchanges;
	x->link = &w->exchanges;
	if (x->next != NULL)
		x->next->link = &x->next;
	w->exchanges = x;
	board_open_exchanges(w->board, 1);
	worker_load_changed(w);
	exchange_walk(x);
	return (x);
}

static void
body(void *self, enum body_fault fault)
{
	struct exchange *x = self;

	x->body_here = true;
	x->body_fault = fault;
	exchange_walk(x);
}

static void
gone(void *self)
{
	struct exchange *x = self;

	x->left = true;
	x->body_here = true;
	exchange_walk(x);
}

static void
writable(void *self)
{
	struct exchange *x = self;

	if (x->call != NULL && !x->parts.waits)
		call_resume(x->call);
	if (x->page != NULL)
		exchange_walk(x);
}

static void
over(void *self)
{
	struct exchange *x = self;

	x->over = x->body_here = true;
	x->left = x->left || !x->answered;
	exchange_walk(x);
}

static void
bad_record(void *worker, const char *why)
{
	board_count(((struct worker *)worker)->board, COUNT_BAD_RECORDS, 1);
	note(NOTE_WARN, "", "a connection of the web server was ended: %s", why);
}

const struct web_owner exchange_owner = {
	.begin = begin, .body = body, .gone = gone, .writable = writable, .over = over, .bad_record = bad_record,
};

void
exchange_abandon(struct exchange *x)
{
	if (x->at >= SETTLE)
		return;
	x->busy++;
	identify_forget(x);
	ask_stop(x);
	x->reason = "the worker stops";
	answer_error(x, error_new(x->arena, E_BUSY, "The gateway is being restarted; send the request again."));
	x->at = SETTLE;
	x->begun = false;
	exchange_walk(x);
	exchange_leave(x);
}
