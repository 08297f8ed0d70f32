/* SPDX-License-Identifier: Apache-2.0 */
/* What the upstream says, on its way to the client: whole bodies, streams event by event, and how an attempt ended. */
#include "exchange/exchange.h"

#include "base/clock.h"

#define ERROR_BODY_MOST	65536		/* of an upstream's error we look at this much */
#define LAST_WORD_US	250000		/* the end of the HTTP answer may take so long behind the last word of the dialect */

/* What its vendor leaves of its limits, for the metrics. */
static void
tell_left(struct exchange *x, struct text lines)
{
	static const struct {
		struct text	 name;
		enum vendor_limit which;
	} rows[] = {
		{ TEXT("x-ratelimit-remaining-requests"), VENDOR_REQUESTS }, { TEXT("x-ratelimit-remaining-tokens"), VENDOR_TOKENS },
		{ TEXT("anthropic-ratelimit-requests-remaining"), VENDOR_REQUESTS }, { TEXT("anthropic-ratelimit-tokens-remaining"), VENDOR_TOKENS },
	};
	int64_t left[VENDOR_LIMITS] = { -1, -1 };
	struct text line, name, value;

	while (text_cut(lines, '\n', &line, &lines))
		for (size_t i = 0; text_cut(line, ':', &name, &value) && i < nitems(rows); i++)
			if (text_eq_nocase(name, rows[i].name) && !text_to_i64(text_trim(value), &left[rows[i].which]))
				left[rows[i].which] = -1;
	board_vendor_left(x->worker->board, x->slot, left);
}

static void
head_came(void *self, const struct call_head *head)
{
	struct exchange *x = self;

	x->upstream_status = head->status;
	x->upstream_type = arena_copy(x->arena, head->content_type);
	x->retry_after_ms = head->retry_after_ms;
	x->passable = arena_copy(x->arena, head->passable);
	if (x->passable.len > 0)
		tell_left(x, x->passable);
	if (head->status < 200 || head->status > 299)
		x->course = COURSE_ERROR;
}

static void
fail(struct exchange *x, enum error_kind kind, const char *what)
{
	if (x->failure != NULL)
		return;
	if (x->conduit != NULL)
		x->failure = error_new(x->arena, kind, "The upstream of " TEXT_FMT " %s.", TEXT_ARG(x->conduit->name), what);
	else
		x->failure = error_new(x->arena, kind, "The upstream of model '" TEXT_FMT "' %s.", TEXT_ARG(text_sub(x->model, 0, 200)), what);
}

void
hear_enough(struct exchange *x)
{
	if (x->call != NULL)
		call_cancel(x->call);
	x->call = NULL;
	x->call_over = true;
}

static void
choose_course(struct exchange *x, char first)
{
	bool events = text_is(x->upstream_type, "text/event-stream");

	if (!events && (x->upstream_type.len == 0 || text_is(x->upstream_type, "text/plain")))
		events = x->glance.stream && first != '{' && first != '[' && first != '<';
	x->course = events ? COURSE_EVENTS : COURSE_WHOLE;
	x->relayed = x->front->wire == x->wire && (events == x->glance.stream || x->provider->reader == NULL);
	if (!x->relayed) {
		x->seen = &x->seen_room;
		x->reader = x->provider->reader(x->arena, x->seen, x->ask);
	} else if (events && !x->glance.stream) {
		fail(x, E_UPSTREAM_FAILED, "sent a stream where a whole answer was asked for");
		hear_enough(x);
	}
}

static void
gather(struct exchange *x, const char *bytes, size_t n)
{
	size_t most = x->course == COURSE_ERROR ? ERROR_BODY_MOST : (size_t)x->config->settings.answer_limit;

	if (x->gathered.len + n <= most) {
		buf_add(&x->gathered, bytes, n);
		return;
	}
	if (x->course == COURSE_ERROR)
		buf_add(&x->gathered, bytes, most - x->gathered.len);
	else
		fail(x, E_UPSTREAM_FAILED, "sent an answer larger than this gateway takes");
	hear_enough(x);
}

/* events of a stream */

static bool
is_content(enum event_kind kind)
{
	return (kind == EVENT_TEXT || kind == EVENT_REASONING || kind == EVENT_REFUSAL || kind == EVENT_REDACTED ||
	    kind == EVENT_SIGNATURE || kind == EVENT_TOOL_OPEN || kind == EVENT_TOOL_INPUT);
}

/* A whole answer that comes as events is gathered over many callbacks; frames leave at the end of each. */
static struct buf *
words_to(struct exchange *x)
{
	return (x->course == COURSE_EVENTS && !x->glance.stream ? &x->gathered : &x->worker->frames);
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
		x->writer = (x->glance.stream ? x->front->stream : x->front->whole)(x->arena, &x->told, words_to(x));
	if (is_content(ev->kind))
		x->seen->content = true;
	x->front->write(x->writer, ev);
	if (x->glance.stream)
		scribe_hear(x, ev);
	if (ev->kind == EVENT_END)
		x->writer_done = true;
}

static bool
relay_event(struct exchange *x, struct text name, struct text data, struct text wire)
{
	struct edits edits = { 0 };
	struct buf *out = &x->worker->frames, *scratch = &x->worker->scratch;

	scribe_event(x, name, data);
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
		if (x->gathered.len + w->frames.len > (size_t)x->config->settings.event_limit)
			fail(x, E_UPSTREAM_FAILED, "sent more before its first word than this gateway takes");
		else
			buf_text(&x->gathered, buf_as_text(&w->frames));
		return;
	}
	if (x->over || x->left || w->frames.len + x->gathered.len == 0)
		return;
	if (x->first_token_us == 0)
		x->first_token_us = clock_us();
	answer_commit(x);
	if (x->call != NULL && x->request != NULL)
		call_body_gone(x->call);
	answer_forget_request(x);
	out = reply_buf(x->stream, x->gathered.len + w->frames.len);
	buf_text(out, buf_as_text(&x->gathered));
	buf_text(out, buf_as_text(&w->frames));
	if (x->gathered.cap > 0)
		buf_free(&x->gathered);
	if (!finished)				/* the END follows at once and takes them along */
		answer_flush(x);
}

static void
last_word_due(struct timer *t)
{
	struct exchange *x = (struct exchange *)((char *)t - offsetof(struct exchange, wait));

	x->busy++;
	hear_enough(x);
	exchange_walk(x);
	exchange_leave(x);
}

/* Who has said the last word may take a moment to end the answer, so that the connection can be kept; the client does not wait for more. */
static void
expect_end(struct exchange *x)
{
	if (x->wait.place != 0 || !(x->writer_done || x->seen->done))
		return;
	x->wait.due = last_word_due;
	timer_set(x->worker->loop, &x->wait, loop_now_us(x->worker->loop) + LAST_WORD_US);
}

static void
events_feed(struct exchange *x, const char *bytes, size_t n)
{
	x->worker->frames.len = 0;
	x->heard += n;
	if (sse_feed(&x->sse, bytes, n, event_came, x) == SSE_TOO_BIG)
		fail(x, E_UPSTREAM_FAILED, "sent a stream event larger than this gateway takes");
	if (x->failure == NULL && !instalment_paid(x)) {
		if (x->failure == NULL)
			buf_text(&x->gathered, buf_as_text(&x->worker->frames));	/* hear_on() */
		return;
	}
	if (x->glance.stream)
		frames_out(x, false);
	else if (x->heard > (uint64_t)x->config->settings.answer_limit)
		fail(x, E_UPSTREAM_FAILED, "sent an answer larger than this gateway takes");
	if (x->failure != NULL)
		hear_enough(x);
	else {
		price_so_far(x);
		expect_end(x);
	}
}

void
hear_on(struct exchange *x)
{
	if (x->course != COURSE_EVENTS)
		return;
	x->worker->frames.len = 0;
	frames_out(x, false);
	price_so_far(x);
	expect_end(x);
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
	if (!x->call_over && x->course == COURSE_EVENTS)
		events_feed(x, bytes, n);
	else if (!x->call_over) {
		gather(x, bytes, n);
		if (x->course == COURSE_WHOLE && !x->call_over)
			instalment_paid(x);
	}
	if (x->call_over)
		exchange_walk(x);
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

	if (x->counted != NULL) {
		local_counted(x, buf_as_text(&x->gathered));
		return;
	}
	if (x->glance.counting) {
		answer_whole(x, 200, "application/json", buf_as_text(&x->gathered));
		return;
	}
	if (x->relayed) {
		if (x->provider->relay_answer(&x->relay, buf_as_text(&x->gathered), &edits) == PASS_ERROR)
			x->failure = x->seen->error;
		else if (x->glance.stream)
			fail(x, E_UPSTREAM_FAILED, "answered whole where a stream was asked for");
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

/* The vendor's refusal.  Of a login that the client brought itself the client must hear, so that it can log in anew. */
static struct error *
refused(struct exchange *x)
{
	struct error *e = x->provider->read_error(x->arena, x->upstream_status, x->upstream_type, buf_as_text(&x->gathered), x->retry_after_ms);

	if (!x->own_login || e->kind != E_UPSTREAM_CREDENTIAL)
		return (e);
	return (error_new(x->arena, x->upstream_status == 403 ? E_FORBIDDEN : E_AUTH, "Your own login was refused by the upstream: " TEXT_FMT,
	    TEXT_ARG(e->detail)));
}

void
hear_failed(struct exchange *x)
{
	fail(x, x->call_end == CALL_BROKEN && x->course == COURSE_EVENTS ? E_UPSTREAM_CUT : call_ends[x->call_end].kind, call_ends[x->call_end].what);
}

struct call_hearer
exchange_hearer(struct exchange *x)
{
	return ((struct call_hearer){ head_came, body_came, call_ended, x });
}

void
hear_judge(struct exchange *x)
{
	if (x->failure != NULL)
		return;
	if (x->call_end != CALL_DONE && x->course != COURSE_ERROR && !(x->course == COURSE_EVENTS && (x->seen->finished || x->writer_done))) {
		hear_failed(x);
		return;
	}
	switch (x->course) {
	case COURSE_ERROR:
		x->failure = refused(x);
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
