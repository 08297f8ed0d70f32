/* SPDX-License-Identifier: Apache-2.0 */
/* The next candidate, until one answers; the client never hears two. */
#include "exchange/exchange.h"

#include "base/clock.h"

#define ERROR_BODY_MOST	65536		/* of an upstream's error we look at this much */
#define HEADERS_MOST	48

static void head_came(void *, const struct call_head *);
static void body_came(void *, const char *, size_t);
static void call_ended(void *, enum call_end, const char *);

/* attempts */

static void
attempt_begins(struct exchange *x)
{
	struct attempt *a = arena_new_of(x->arena, struct attempt), **at = &x->attempts;

	while (*at != NULL)
		at = &(*at)->next;
	*at = x->attempt = a;
	x->n_attempts++;
	a->deployment = x->deployment;
	a->began_us = clock_us();
	x->in_flight = true;
	board_in_flight(x->worker->board, x->slot, 1);
}

static void
attempt_ends(struct exchange *x)
{
	if (!x->in_flight)
		return;
	x->in_flight = false;
	board_in_flight(x->worker->board, x->slot, -1);
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
	if (x->call != NULL) {
		call_cancel(x->call);
		x->call = NULL;
	}
	attempt_ends(x);
}

/* making the request */

/* The first of these limits that is given (litellm-config: a stream's own, the deployment's, the router's). */
static int64_t
limit_ms(const struct exchange *x)
{
	const struct settings *s = &x->config->settings;
	const struct deployment *d = x->deployment;
	int64_t stream[] = { d->stream_timeout_ms, s->stream_timeout_ms }, whole[] = { d->timeout_ms, s->timeout_ms };

	for (size_t i = 0; x->glance.stream && i < nitems(stream); i++)
		if (stream[i] > 0)
			return (stream[i]);
	for (size_t i = 0; i < nitems(whole); i++)
		if (whole[i] > 0)
			return (whole[i]);
	return (0);
}

/* A caller may ask for less patience than configured, in seconds. */
static int64_t
asked_ms(const struct exchange *x, const char *header)
{
	double seconds;

	if (x->request == NULL || !text_to_double(request_header(x->request, header), &seconds))
		return (0);
	return (seconds > 0.001 && seconds < 86400 ? (int64_t)(seconds * 1000) : 0);
}

static void
set_limits(const struct exchange *x, struct call_plan *p)
{
	const struct settings *s = &x->config->settings;
	int64_t own = x->glance.stream ? asked_ms(x, "x-litellm-stream-timeout") : 0;

	if (own == 0)
		own = asked_ms(x, "x-litellm-timeout");
	if (own == 0)
		own = limit_ms(x);
	p->connect_ms = s->connect_timeout_ms;
	p->first_byte_ms = own > 0 ? own : s->first_byte_timeout_ms;
	p->idle_ms = own > 0 ? own : s->idle_timeout_ms;
	p->total_ms = own > 0 && !x->glance.stream ? own : s->total_timeout_ms;
}

static bool
is_counting(const struct exchange *x)
{
	return (x->glance.counting);
}

/* The ask in our own words, read once, when a dialect must be crossed. */
static struct error *
need_ask(struct exchange *x)
{
	struct ask *a;

	if (x->ask != NULL)
		return (NULL);
	a = arena_new_of(x->arena, struct ask);
	TRY(x->front->read_ask(a, x->arena, &x->glance));
	x->ask = a;
	return (NULL);
}

static struct error *
write_body(struct exchange *x, struct call_plan *p)
{
	const struct deployment *d = x->deployment;
	struct text model = route_model(&x->plan, d);
	bool drop = d->drop_params || x->config->settings.drop_params;
	struct edits edits = { 0 };

	if (x->front->wire == d->wire) {
		TRY(x->provider->relay_request(&edits, x->arena, &x->glance, d, model, drop));
		p->body = x->glance.body;
		p->edits = edits.list;
		p->n_edits = edits.n;
		return (NULL);
	}
	TRY(need_ask(x));
	x->body.len = 0;
	TRY(x->provider->write_request(&x->body, x->arena, x->ask, d, model, drop));
	p->body = buf_as_text(&x->body);
	x->told.old_functions = x->ask->old_functions;
	return (NULL);
}

/* Of the client's own x-* headers those LiteLLM forwards; never one that carries a key or speaks to us or to a proxy. */
static bool
is_forwarded(struct text name)
{
	static const struct text kept_back[] = {
		TEXT("HTTP_X_STAINLESS_"), TEXT("HTTP_X_LITELLM_"), TEXT("HTTP_X_API_KEY"), TEXT("HTTP_X_GOOG_"), TEXT("HTTP_X_FORWARDED"),
		TEXT("HTTP_X_REAL_IP"), TEXT("HTTP_X_REMOTE_"), TEXT("HTTP_X_AMZ_"),
	};

	if (!text_starts(name, TEXT("HTTP_X_")) || name.len > 128)
		return (false);
	for (size_t i = 0; i < nitems(kept_back); i++)
		if (text_starts(name, kept_back[i]))
			return (false);
	return (true);
}

static size_t
forward_headers(struct exchange *x, struct text *headers, size_t n)
{
	for (size_t i = 0; i < x->request->n_params && n < HEADERS_MOST; i++) {
		struct param p = x->request->params[i];
		struct text line;

		if (!is_forwarded(p.name) || text_eq_nocase(text_sub(p.name, 5, p.name.len), x->config->settings.key_header))
			continue;
		line = arena_print(x->arena, TEXT_FMT ": " TEXT_FMT, TEXT_ARG(text_sub(p.name, 5, p.name.len)), TEXT_ARG(p.value));
		for (size_t c = 0; c < p.name.len - 5; c++)
			if (line.at[c] == '_')
				((char *)(uintptr_t)line.at)[c] = '-';
		headers[n++] = line;
	}
	return (n);
}

static struct error *
make_plan(struct exchange *x, struct call_plan *p)
{
	const struct deployment *d = x->deployment;
	const struct client_says *says = x->front->wire == d->wire ? &x->says : NULL;
	struct text *headers = arena_alloc(x->arena, HEADERS_MOST * sizeof(*headers));

	*p = (struct call_plan){ .url = d->url, .host = d->host, .port = d->port, .proxy = d->proxy, .headers = headers,
		.verify = d->ssl_verify && x->config->settings.ssl_verify, .stream = x->glance.stream };
	TRY(write_body(x, p));
	p->n_headers = x->provider->headers(headers, HEADERS_MOST, x->arena, d, says);
	if (x->config->settings.forward_client_headers && x->request != NULL)
		p->n_headers = forward_headers(x, headers, p->n_headers);
	if (x->provider->url != NULL)
		p->url = x->provider->url(x->arena, d, is_counting(x) ? WANT_COUNT : WANT_ANSWER, says);
	set_limits(x, p);
	return (NULL);
}

/* A fresh start: nothing of an attempt before may show. */
static void
forget_attempt(struct exchange *x)
{
	x->course = COURSE_UNKNOWN;
	x->call_over = x->writer_done = false;
	x->upstream_status = 0;
	x->upstream_type = x->passable = TEXT("");
	x->retry_after_ms = 0;
	x->gathered.len = 0;
	x->reader = NULL;
	x->writer = NULL;
	x->failure = NULL;
	x->relay = (struct relay){ .arena = x->arena, .model = json_escape(x->arena, x->model),
		.hide_usage = !x->glance.usage_asked && !x->config->settings.always_stream_usage };
	x->seen_room = (struct seen){ 0 };
	x->seen = &x->relay.seen;
	x->told = (struct told){ .model = x->model, .id = text_of(x->id), .created = x->began_wall_ms / 1000,
		.usage_asked = !x->relay.hide_usage };
	sse_free(&x->sse);
	sse_init(&x->sse, (size_t)x->config->settings.event_limit);
}

static enum step_result ask_next(struct exchange *, struct error *why);

static enum step_result
ask_deployment(struct exchange *x)
{
	struct call_hearer hearer = { head_came, body_came, call_ended, x };
	struct call_plan *p;

	forget_attempt(x);
	if (is_counting(x) && (x->deployment->mock || x->deployment->wire != WIRE_ANTHROPIC))
		return (local_count(x));
	if (x->deployment->mock) {
		attempt_begins(x);
		x->failure = mock_answer(x);
		x->upstream_status = x->failure == NULL ? 200 : error_status(x->failure);
		attempt_ends(x);
		return (x->failure != NULL ? ask_next(x, x->failure) : STEP_GO);
	}
	x->provider = provider_of(x->deployment->wire);
	p = arena_new_of(x->arena, struct call_plan);
	if ((x->error = make_plan(x, p)) != NULL)
		return (STEP_ERROR);
	attempt_begins(x);
	x->call = upstream_call(x->worker->upstream, p, &hearer);
	return (STEP_WAIT);
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

	if (why != NULL && x->first_failure == NULL)
		x->first_failure = why;
	if (!route_next(&x->plan, why, &c)) {
		x->error = x->first_failure;
		if (x->error == NULL)
			x->error = error_new(x->arena, E_RATE_LIMIT, "No deployments available for selected model");
		return (STEP_ERROR);
	}
	x->deployment = c.deployment;
	x->slot = board_deployment(x->worker->board, c.deployment->id);
	if (c.wait_ms == 0)
		return (ask_deployment(x));
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
	if (!x->committed && x->began_us + s->stream_commit_ms * 1000 <= now)
		answer_commit(x);
	if (x->committed && x->last_write_us + s->heartbeat_ms * 1000 <= now) {
		buf_text(reply_buf(x->stream, x->front->heartbeat.len), x->front->heartbeat);
		answer_flush(x);
	}
	clock_set(x);
	exchange_leave(x);
}

enum step_result
ask(struct exchange *x)
{
	x->says = (struct client_says){ kept_header(x, "anthropic-version"), kept_header(x, "anthropic-beta"),
		text_has(x->request->query, TEXT("beta=true")) };
	if (x->glance.stream) {
		x->clock.due = clock_due;
		clock_set(x);
	}
	return (ask_next(x, NULL));
}

/* what the upstream says */

static void
choose_course(struct exchange *x, char first)
{
	bool events = text_is(x->upstream_type, "text/event-stream");

	if (!events && (x->upstream_type.len == 0 || text_is(x->upstream_type, "text/plain")))
		events = x->glance.stream && first != '{' && first != '[' && first != '<';
	x->course = events ? COURSE_EVENTS : COURSE_WHOLE;
	x->relayed = x->front->wire == x->deployment->wire && events == x->glance.stream;
	if (!x->relayed) {
		x->seen = &x->seen_room;
		x->reader = x->provider->reader(x->arena, x->seen, x->ask);
	}
}

static void
head_came(void *self, const struct call_head *head)
{
	struct exchange *x = self;

	x->upstream_status = head->status;
	x->upstream_type = arena_copy(x->arena, head->content_type);
	x->retry_after_ms = head->retry_after_ms;
	x->passable = arena_copy(x->arena, head->passable);
	if (head->status < 200 || head->status > 299)
		x->course = COURSE_ERROR;
}

static void
fail(struct exchange *x, enum error_kind kind, const char *what)
{
	if (x->failure == NULL)
		x->failure = error_new(x->arena, kind, "The upstream of model '" TEXT_FMT "' %s.", TEXT_ARG(text_sub(x->model, 0, 200)), what);
}

/* The attempt is over before the upstream is. */
static void
cut_short(struct exchange *x)
{
	if (x->call != NULL)
		call_cancel(x->call);
	x->call = NULL;
	x->call_over = true;
}

static void
gather(struct exchange *x, const char *bytes, size_t n)
{
	size_t most = x->course == COURSE_ERROR ? ERROR_BODY_MOST : (size_t)x->config->settings.answer_limit;

	if (x->gathered.len + n <= most) {
		buf_add(&x->gathered, bytes, n);
		return;
	}
	if (x->course == COURSE_ERROR) {
		buf_add(&x->gathered, bytes, most - x->gathered.len);
		return;
	}
	fail(x, E_UPSTREAM_FAILED, "sent an answer larger than this gateway takes");
	cut_short(x);
}

/* events of a stream */

static bool
is_content(enum event_kind kind)
{
	return (kind == EVENT_TEXT || kind == EVENT_REASONING || kind == EVENT_REFUSAL || kind == EVENT_REDACTED ||
	    kind == EVENT_SIGNATURE || kind == EVENT_TOOL_OPEN || kind == EVENT_TOOL_INPUT);
}

/* Our own words on their way to the client's dialect. */
static void
hear(void *self, const struct event *ev)
{
	struct exchange *x = self;

	if (x->writer_done)
		return;
	if (ev->kind == EVENT_ERROR) {
		x->failure = ev->error;
		x->writer_done = true;
		return;
	}
	if (x->writer == NULL)
		x->writer = x->glance.stream ? x->front->stream(x->arena, &x->told, &x->worker->frames) :
		    x->front->whole(x->arena, &x->told, &x->worker->frames);
	if (is_content(ev->kind))
		x->seen->content = true;
	x->front->write(x->writer, ev);
	if (ev->kind == EVENT_END)
		x->writer_done = true;
}

static bool
relay_event(struct exchange *x, struct text name, struct text data, struct text wire)
{
	struct edits edits = { 0 };
	struct buf *out = &x->worker->frames, *scratch = &x->worker->scratch;

	switch (x->provider->relay_event(&x->relay, name, data, &edits)) {
	case PASS_DROP:
		return (true);
	case PASS_ERROR:
		x->failure = x->relay.seen.error;
		return (false);
	case PASS_ON:
		break;
	}
	if (edits.n == 0 && text_ends(wire, TEXT("\n\n"))) {	/* its line ends are LF, as ours */
		buf_text(out, wire);
		return (true);
	}
	scratch->len = 0;
	json_apply(scratch, data, edits.list, edits.n);
	x->front->frame(out, name, buf_as_text(scratch));
	return (true);
}

static bool
event_came(void *self, struct text name, struct text data, struct text wire)
{
	struct exchange *x = self;

	if (x->relayed)
		return (relay_event(x, name, data, wire));
	return (x->provider->read_event(x->reader, name, data, (struct hearer){ hear, x }));
}

/* Frames made in this callback go to the client, or are held back until there is content. */
static void
frames_out(struct exchange *x, bool finished)
{
	struct worker *w = x->worker;
	struct buf *out;

	if (!x->seen->content && !finished) {
		buf_text(&x->gathered, buf_as_text(&w->frames));
		return;
	}
	if (x->over || x->left || w->frames.len + x->gathered.len == 0)
		return;
	if (x->first_token_us == 0)
		x->first_token_us = clock_us();
	if (!x->committed)
		answer_commit(x);
	if (!x->memory_given_back) {
		x->memory_given_back = true;
		if (x->call != NULL)
			call_body_gone(x->call);
		buf_free(&x->body);
		x->request = NULL;
		request_forget(x->stream);
	}
	out = reply_buf(x->stream, x->gathered.len + w->frames.len);
	buf_text(out, buf_as_text(&x->gathered));
	buf_text(out, buf_as_text(&w->frames));
	if (x->gathered.cap > 0)
		buf_free(&x->gathered);
	if (!finished)				/* the END follows at once and takes them along */
		answer_flush(x);
}

static void
events_feed(struct exchange *x, const char *bytes, size_t n)
{
	x->worker->frames.len = 0;
	if (sse_feed(&x->sse, bytes, n, event_came, x) == SSE_TOO_BIG)
		fail(x, E_UPSTREAM_FAILED, "sent a stream event larger than this gateway takes");
	frames_out(x, false);
	if (x->failure != NULL) {
		cut_short(x);
		exchange_walk(x);
	}
}

static void
body_came(void *self, const char *bytes, size_t n)
{
	struct exchange *x = self;

	if (n == 0 || x->call_over)
		return;
	x->busy++;
	if (x->course == COURSE_UNKNOWN)
		choose_course(x, bytes[0]);
	if (x->course == COURSE_EVENTS)
		events_feed(x, bytes, n);
	else {
		gather(x, bytes, n);
		if (x->failure != NULL)
			exchange_walk(x);
	}
	exchange_leave(x);
}

/* how an attempt ended */

static const struct {
	enum error_kind	 kind;
	const char	*what;
} call_ends[] = {
	[CALL_UNREACHABLE]	= { E_UPSTREAM_UNREACHABLE, "could not be reached" },
	[CALL_NO_NAME]		= { E_UPSTREAM_UNREACHABLE, "could not be reached: its name does not resolve" },
	[CALL_TLS]		= { E_UPSTREAM_UNREACHABLE, "could not be reached: its certificate or TLS handshake is not acceptable" },
	[CALL_PROXY]		= { E_UPSTREAM_UNREACHABLE, "could not be reached: the forward proxy refused" },
	[CALL_TIMEOUT_CONNECT]	= { E_UPSTREAM_TIMEOUT, "could not be connected to in time" },
	[CALL_TIMEOUT_FIRST]	= { E_UPSTREAM_TIMEOUT, "did not begin to answer in time" },
	[CALL_TIMEOUT_IDLE]	= { E_UPSTREAM_TIMEOUT, "fell silent in the middle of its answer" },
	[CALL_TIMEOUT_TOTAL]	= { E_UPSTREAM_TIMEOUT, "did not finish its answer in time" },
	[CALL_BROKEN]		= { E_UPSTREAM_FAILED, "broke off its answer, or did not speak HTTP" },
};

static void
call_ended(void *self, enum call_end end, const char *why)
{
	struct exchange *x = self;

	x->busy++;
	x->call = NULL;
	x->call_over = true;
	x->call_end = end;
	if (end != CALL_DONE)
		note(NOTE_WARN, x->id, "deployment " TEXT_FMT ": %s", TEXT_ARG(x->deployment->id), why);
	exchange_walk(x);
	exchange_leave(x);
}


/* A body that came whole and must be told in another dialect, or as a stream. */
static void
tell_whole(struct exchange *x)
{
	struct error *e = x->provider->read_answer(x->reader, buf_as_text(&x->gathered), (struct hearer){ hear, x });

	if (x->failure == NULL)
		x->failure = e;
}

static void
whole_over(struct exchange *x)
{
	struct edits edits = { 0 };

	if (is_counting(x)) {
		answer_whole(x, 200, "application/json", buf_as_text(&x->gathered));
		return;
	}
	if (x->relayed) {
		if (x->provider->relay_answer(&x->relay, buf_as_text(&x->gathered), &edits) == PASS_ERROR)
			x->failure = x->seen->error;
		else
			answer_edited(x, buf_as_text(&x->gathered), &edits);
		return;
	}
	x->worker->frames.len = 0;
	tell_whole(x);
	x->gathered.len = 0;
	if (x->failure != NULL)
		return;
	if (x->glance.stream)
		frames_out(x, true);
	else
		answer_whole(x, 200, "application/json", buf_as_text(&x->worker->frames));
}

static void
events_over(struct exchange *x)
{
	x->worker->frames.len = 0;
	sse_end(&x->sse, event_came, x);
	if (x->failure != NULL)
		return;
	if (!x->relayed) {
		if (!x->writer_done)
			x->provider->read_end(x->reader, (struct hearer){ hear, x });
		if (x->failure != NULL)
			return;
		if (!x->glance.stream) {
			buf_text(&x->gathered, buf_as_text(&x->worker->frames));
			answer_whole(x, 200, "application/json", buf_as_text(&x->gathered));
			return;
		}
	} else if (!x->seen->finished) {
		fail(x, E_UPSTREAM_CUT, "ended its stream without finishing its answer");
		return;
	} else
		x->front->frame_end(&x->worker->frames, &x->told, x->seen);
	frames_out(x, true);
}

static void
judge(struct exchange *x)
{
	if (x->failure != NULL)
		return;
	if (x->call_end != CALL_DONE && !(x->course == COURSE_EVENTS && (x->seen->finished || x->writer_done))) {
		fail(x, x->call_end == CALL_BROKEN && x->course == COURSE_EVENTS ? E_UPSTREAM_CUT : call_ends[x->call_end].kind,
		    call_ends[x->call_end].what);
		return;
	}
	switch (x->course) {
	case COURSE_ERROR:
		x->failure = x->provider->read_error(x->arena, x->upstream_status, x->upstream_type, buf_as_text(&x->gathered),
		    x->retry_after_ms);
		break;
	case COURSE_UNKNOWN:
		fail(x, E_UPSTREAM_FAILED, "answered without a body");
		break;
	case COURSE_WHOLE:
		whole_over(x);
		break;
	case COURSE_EVENTS:
		events_over(x);
		break;
	}
}

static enum step_result
client_left(struct exchange *x)
{
	ask_stop(x);
	x->end = END_LEFT;
	return (STEP_DONE);
}

enum step_result
ask_heard(struct exchange *x)
{
	if (x->left)
		return (client_left(x));
	if (x->pausing) {
		if (x->wait.place != 0)
			return (STEP_WAIT);
		x->pausing = false;
		return (ask_deployment(x));
	}
	if (!x->call_over)
		return (STEP_WAIT);
	judge(x);
	attempt_ends(x);
	if (x->failure == NULL)
		return (STEP_GO);
	if (x->seen->content && x->committed) {
		x->error = x->failure;
		return (STEP_ERROR);
	}
	if (is_counting(x))
		return (local_count(x));
	return (ask_next(x, x->failure));
}
