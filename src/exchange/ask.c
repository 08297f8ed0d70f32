/* SPDX-License-Identifier: Apache-2.0 */
/* The next candidate, until one answers; the client never hears two. */
#include "exchange/exchange.h"

#include "base/clock.h"

#define MISSING_US	(INT64_C(300) * 1000000)
#define THOUGHT_US	1000000			/* what a model may have thought unseen is looked at so often */

/* attempts */

void
attempt_begins(struct exchange *x)
{
	struct attempt *a = arena_new_of(x->arena, struct attempt), **at = &x->attempts;

	while (*at != NULL)
		at = &(*at)->next;
	*at = x->attempt = a;
	x->n_attempts++;
	a->deployment = x->deployment;
	a->began_us = clock_us();
	if (is_model_call(x))
		budget_sent(&x->reservation, &(struct running_where){ .model = x->deployment->litellm_model, .model_id = x->deployment->id,
		    .provider = text_of(x->deployment->vendor != NULL ? x->deployment->vendor->prefix : ""), .api_base = x->deployment->api_base });
	x->in_flight = x->room_used = true;
	board_in_flight(x->worker->board, x->slot, 1);
}

void
attempt_ends(struct exchange *x)
{
	if (!x->in_flight)
		return;
	x->in_flight = false;
	board_in_flight(x->worker->board, x->slot, -1);
	limits_give(&x->room, x->worker->board);
	x->attempt->ended_us = clock_us();
	x->attempt->status = x->upstream_status;
	x->attempt->error = x->failure != NULL ? error_kinds[x->failure->kind].name : x->left ? "CLIENT_LEFT" : NULL;
	x->upstream_us += x->attempt->ended_us - x->attempt->began_us;
	record_attempt(x);
}

void
ask_stop(struct exchange *x)
{
	timer_stop(x->worker->loop, &x->wait);
	timer_stop(x->worker->loop, &x->clock);
	waiter_end(&x->token);
	room_forget(x);
	if (x->call != NULL) {
		call_cancel(x->call);
		x->call = NULL;
	}
	attempt_ends(x);
}

/* Limits that bind while a model is pressed bind from now on. */
static void
note_pressure(struct exchange *x)
{
	const struct limits_rule rule = limits_rule(&x->config->settings);

	if (x->failure != NULL && x->failure->kind == E_RATE_LIMIT)
		limits_press(x->worker->board, &rule, x->deployment);
}

/* A fresh start: nothing of an attempt before may show. */
static void
forget_attempt(struct exchange *x)
{
	x->course = COURSE_UNKNOWN;
	x->call_over = x->writer_done = false;
	x->call_end = CALL_DONE;
	x->heard = 0;
	x->upstream_status = 0;
	x->upstream_type = x->passable = TEXT("");
	x->retry_after_ms = 0;
	x->gathered.len = 0;
	x->reader = NULL;
	x->writer = NULL;
	x->failure = NULL;
	scribe_forget(x);
	x->relay = (struct relay){ .arena = x->arena, .model = json_escape(x->arena, x->model_said), .want = x->surface->want,
		.hide_usage = !x->glance.usage_asked && !x->config->settings.always_stream_usage, .base64 = x->glance.base64 };
	x->seen_room = (struct seen){ 0 };
	x->seen = &x->relay.seen;
	x->told = (struct told){ .model = x->model_said, .id = text_of(x->id), .created = x->began_wall_ms / 1000,
		.usage_asked = !x->relay.hide_usage, .asked = &x->glance };
	if (x->front->wire == WIRE_RESPONSES) {
		x->relay.sealer = (struct sealer){ stored_seal, x };
		x->relay.mark = x->marked ? mark_print(x->arena, x->deployment->mark) : TEXT("");
		x->told.id = stored_nowhere(x);
	}
	sse_free(&x->sse);
	sse_init(&x->sse, (size_t)x->config->settings.event_limit);
}

static enum step_result ask_next(struct exchange *, struct error *why);

/* Servers that resemble OpenAI's may lack /responses or /completions: the configuration can not know, so the first call finds out, and for some minutes
 * the worker remembers. */

static struct missing_surface *
place_of_missing(const struct exchange *x, enum wire wire)
{
	return (&x->worker->missing[(x->deployment->mark + wire) % nitems(x->worker->missing)]);
}

static bool
was_missing(const struct exchange *x, enum wire wire)
{
	const struct missing_surface *m = place_of_missing(x, wire);

	return (m->deployment == x->deployment->mark && m->wire == wire && m->until_us > loop_now_us(x->worker->loop));
}

/* Another surface can stand in for it. */
static bool
may_be_missing(const struct exchange *x, enum wire wire)
{
	return ((wire == WIRE_RESPONSES && x->holder == NULL) || wire == WIRE_COMPLETIONS);
}

static enum wire
wire_of(const struct exchange *x)
{
	enum wire wire = wire_for(x->deployment, route_model(&x->plan, x->deployment), x->front->wire);

	return (may_be_missing(x, wire) && was_missing(x, wire) ? x->deployment->wire : wire);
}

/* "Not found" of a server of the operator's own, which says nothing about the model: then the path is what is missing. */
static bool
is_missing(const struct exchange *x)
{
	struct text body = buf_as_text(&x->gathered);
	int status = x->upstream_status;
	bool own = x->deployment->vendor != NULL && x->deployment->vendor->base_url == NULL;

	if (!own || x->failure == NULL || !may_be_missing(x, x->wire) || x->surface->want != WANT_ANSWER)
		return (false);
	if (status == 200)			/* LM Studio */
		return (text_has(x->failure->detail, TEXT("unexpected endpoint")));
	return ((status == 404 || status == 405 || status == 501) && !text_has(body, TEXT("model")) && !text_has(body, TEXT("DeploymentNotFound")));
}

static void
remember_missing(struct exchange *x)
{
	*place_of_missing(x, x->wire) = (struct missing_surface){ x->deployment->mark, x->wire, loop_now_us(x->worker->loop) + MISSING_US };
}

/* What only a Responses upstream can do, asked of another. */
static struct error *
lacks(struct exchange *x)
{
	if (x->holder != NULL)
		return (stored_not_there(x));
	return (error_new(x->arena, E_NOT_FOUND, "The upstream of model '" TEXT_FMT "' has no /responses/compact.", TEXT_ARG(text_sub(x->model, 0, 200))));
}

/* LiteLLM's counter asks in words of the Chat API, whose upstreams do not count: they are translated for one that does. */
static bool
can_count(const struct exchange *x)
{
	return (!x->deployment->mock && x->wire == (x->counted != NULL ? WIRE_ANTHROPIC : x->front->wire));
}

static enum step_result
call_deployment(struct exchange *x)
{
	struct call_hearer hearer = exchange_hearer(x);
	struct call_plan *p = arena_new_of(x->arena, struct call_plan);

	if ((x->error = request_plan(x, p)) != NULL)
		return (x->counted != NULL ? local_count(x) : STEP_ERROR);
	attempt_begins(x);
	instalment_begin(x);
	x->call = upstream_call(x->worker->upstream, p, &hearer);
	return (STEP_WAIT);
}

static enum step_result
attempt_failed(struct exchange *x)
{
	if (x->holder != NULL)
		x->failure = stored_failed(x, x->failure);
	if (x->broke || (x->seen->content && x->committed)) {
		x->error = x->failure;
		return (STEP_ERROR);
	}
	if (x->glance.counting)
		return (local_count(x));
	return (ask_next(x, x->failure));
}

static void
token_ready(struct waiter *w)
{
	exchange_walk((struct exchange *)((char *)w - offsetof(struct exchange, token)));
}

/* Where the deployment has no key but a credential, its token is needed first. */
static enum step_result
ask_with_token(struct exchange *x)
{
	const struct credential *c = x->deployment->credential;
	enum token_state state = TOKEN_HERE;
	struct text word = TEXT("");

	x->token.ready = token_ready;
	if (c != NULL)
		state = token_get(&word, x->worker->tokens, c, x->config->settings.ssl_verify, &x->token);
	x->wants_token = state == TOKEN_WAIT;
	if (x->wants_token)
		return (STEP_WAIT);
	if (state == TOKEN_HERE) {
		x->bearer = arena_copy(x->arena, word);
		return (call_deployment(x));
	}
	attempt_begins(x);
	x->failure = error_new(x->arena, E_UPSTREAM_CREDENTIAL, "The gateway has no token for the upstream of model '" TEXT_FMT "': " TEXT_FMT ".",
	    TEXT_ARG(text_sub(x->model, 0, 200)), TEXT_ARG(word));
	x->failure->useless_to_retry = true;
	attempt_ends(x);
	return (attempt_failed(x));
}

/* The upstream refused a token that was good before: a new one may do. */
static bool
is_stale(const struct exchange *x)
{
	const struct credential *c = x->deployment->credential;

	return (c != NULL && x->upstream_status == 401 && token_refused(x->worker->tokens, c, x->bearer));
}

static enum step_result
ask_deployment(struct exchange *x)
{
	forget_attempt(x);
	x->wire = wire_of(x);
	if (x->glance.counting && !can_count(x))
		return (local_count(x));
	if (x->front->wire == WIRE_RESPONSES && x->wire != WIRE_RESPONSES && (x->holder != NULL || x->glance.compacting)) {
		x->error = lacks(x);
		return (STEP_ERROR);
	}
	if (x->shows)
		return (transform_tell(x));
	if (x->deployment->mock) {
		attempt_begins(x);
		x->upstream_status = 200;
		x->failure = mock_answer(x);
		if (x->failure != NULL)
			x->upstream_status = error_status(x->failure);
		attempt_ends(x);
		note_pressure(x);
		return (x->failure != NULL ? ask_next(x, x->failure) : STEP_GO);
	}
	x->provider = provider_of(x->wire);
	return (ask_with_token(x));
}

static void
pass_over(struct exchange *x, enum room_end end)
{
	if (end == ROOM_LATER)
		route_later(&x->plan);
	else
		route_full(&x->plan);
}

/* Does the chosen one have room; else the next. */
static enum step_result
ask_in(struct exchange *x, enum room_end end)
{
	switch (end) {
	case ROOM_HERE:
		return (ask_deployment(x));
	case ROOM_WAIT:
		return (STEP_WAIT);
	case ROOM_ERROR:
		return (STEP_ERROR);
	case ROOM_NONE:
	case ROOM_LATER:
		break;
	}
	pass_over(x, end);
	return (ask_next(x, x->failure));
}

static void
pause_over(struct timer *t)
{
	struct exchange *x = (struct exchange *)((char *)t - offsetof(struct exchange, wait));

	x->call_over = false;
	exchange_walk(x);
}

static enum step_result
ask_next(struct exchange *x, struct error *why)
{
	struct choice c;
	enum room_end end;

	if (why != NULL && x->first_failure == NULL)
		x->first_failure = why;
	for (;;) {
		room_leave(x);
		if (!route_next(&x->plan, why, &c)) {
			x->error = x->first_failure != NULL ? x->first_failure : room_refused(x);
			return (STEP_ERROR);
		}
		x->deployment = c.deployment;
		x->slot = board_deployment(x->worker->board, c.deployment->id);
		if (c.wait_ms > 0)
			break;
		if ((end = room_take(x)) != ROOM_NONE && end != ROOM_LATER)
			return (ask_in(x, end));
		pass_over(x, end);
	}
	x->pausing = true;
	x->wait.due = pause_over;
	timer_set(x->worker->loop, &x->wait, loop_now_us(x->worker->loop) + c.wait_ms * 1000);
	return (STEP_WAIT);
}

/* the clock of a stream: commit, then heartbeats; it runs through all attempts and the pauses between them */

static void
clock_set(struct exchange *x)
{
	int64_t gap_us = x->config->settings.heartbeat_ms * 1000, commit_us = x->config->settings.stream_commit_ms * 1000;
	int64_t now = loop_now_us(x->worker->loop), at = x->last_write_us + gap_us;

	if (!x->committed)			/* content may commit it meanwhile, and then fall silent */
		at = now + gap_us < x->began_us + commit_us ? now + gap_us : x->began_us + commit_us;
	if (x->parts.on && x->parts.hides && at > now + THOUGHT_US)
		at = now + THOUGHT_US;
	timer_set(x->worker->loop, &x->clock, at);
}

static void
clock_due(struct timer *t)
{
	struct exchange *x = (struct exchange *)((char *)t - offsetof(struct exchange, clock));
	const struct settings *s = &x->config->settings;
	int64_t now = loop_now_us(x->worker->loop);

	if (x->over || x->left)
		return;
	x->busy++;
	if (x->began_us + s->stream_commit_ms * 1000 <= now)
		answer_commit(x);
	if (x->committed && x->last_write_us + s->heartbeat_ms * 1000 <= now) {
		buf_text(reply_buf(x->stream, x->front->heartbeat.len), x->front->heartbeat);
		answer_flush(x);
	}
	clock_set(x);
	if (x->call != NULL && !x->call_over && !instalment_paid(x) && x->call_over)
		exchange_walk(x);
	exchange_leave(x);
}

enum step_result
ask(struct exchange *x)
{
	x->says = (struct client_says){ .anthropic_version = kept_header(x, "anthropic-version"), .anthropic_beta = kept_header(x, "anthropic-beta"),
		.beta = text_has(x->request->query, TEXT("beta=true")), .stored = x->stored_id, .query = x->query };
	if (x->surface->want == WANT_STORED)
		x->says.part = strchr(x->surface->path, '}') + 1;
	if (x->glance.stream) {
		x->clock.due = clock_due;
		clock_set(x);
	}
	return (ask_next(x, NULL));
}

enum step_result
ask_left(struct exchange *x)
{
	ask_stop(x);
	x->end = END_LEFT;
	return (STEP_DONE);
}

enum step_result
ask_heard(struct exchange *x)
{
	if (x->left)
		return (ask_left(x));
	if (x->pausing) {
		if (x->wait.place != 0)
			return (STEP_WAIT);
		x->pausing = false;
		return (ask_in(x, room_take(x)));
	}
	if (x->room_at != ROOM_IDLE)
		return (ask_in(x, room_more(x)));
	if (x->wants_token)
		return (x->token.link != NULL ? STEP_WAIT : ask_with_token(x));
	if (!x->call_over)
		return (STEP_WAIT);
	timer_stop(x->worker->loop, &x->wait);
	instalment_end(x);
	hear_judge(x);
	attempt_ends(x);
	if (x->failure == NULL)
		return (STEP_GO);
	note_pressure(x);
	if (!x->broke && is_stale(x))
		return (ask_deployment(x));
	if (!x->broke && is_missing(x)) {
		remember_missing(x);
		return (ask_deployment(x));
	}
	return (attempt_failed(x));
}
