/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that pass as they are, byte for byte: one call, and its answer as it comes.  Nothing is retried or edited.
 *
 * What passes is read along, bounded, because the exchange's line tells model and tokens where the answer is of a dialect we know.  An upstream's 401 for
 * a credential of ours does not pass: the client would take it for its own, and vendors print a part of the key.
 */
#include "exchange/exchange.h"

#include "base/clock.h"

#define MEMBERS		64			/* of a request's body that are looked at */
#define PASSED_LINE	8000			/* httpd takes lines of a backend's head up to 8 KB */

/* identify: is it a path that passes through */

bool
pass_find(struct exchange *x, struct found *f)
{
	struct text rest, allow;
	const struct conduit *c = config_conduit(x->config, x->request->path, x->request->method, &rest, &allow);
	struct surface *s;

	if (c == NULL && allow.len > 0 && f->surface == NULL) {
		f->path_known = true;
		f->allow = allow.at;
	}
	if (c == NULL)
		return (false);
	s = arena_new_of(x->arena, struct surface);
	*s = (struct surface){ .path = c->name.at, .front = c->wire == WIRE_ANTHROPIC ? &front_messages : &front_chat, .counter = COUNT_REQUESTS_OTHER,
		.open = c->open, .answer = pass_read };
	*f = (struct found){ .surface = s, .rest = rest, .model = TEXT("") };
	x->conduit = c;
	return (true);
}

/* OpenAI's own clients call the paths of Azure's v1 surface too: what no deployment serves is theirs, if OpenAI is configured. */
bool
pass_instead(struct exchange *x)
{
	struct found f = { .surface = x->surface };

	if (!text_starts(text_of(x->surface->path), TEXT("/openai/v1/")) || x->front->wire == WIRE_RESPONSES || !pass_find(x, &f))
		return (false);
	if (x->conduit->to == NULL) {
		x->conduit = NULL;
		return (false);
	}
	x->surface = f.surface;
	x->rest = f.rest;
	return (true);
}

/* read: which model, and will it stream */

static void
glance_at(struct exchange *x)
{
	struct text body = x->request->body;
	struct json_spot spots[MEMBERS];
	struct json_fault fault;
	enum json_type type;
	size_t n = 0;

	if (!text_has(request_param(x->request, "CONTENT_TYPE"), TEXT("json")) ||
	    !json_scan(body, &type, spots, nitems(spots), &n, &fault) || type != JSON_OBJECT)
		return;
	for (size_t i = 0; i < n && i < nitems(spots); i++) {
		struct quoted name = json_spot_name(body, &spots[i]);

		if (quoted_is(name, "model") && spots[i].type == JSON_STRING)
			x->model = arena_copy(x->arena, json_unescape(x->arena, json_inside(json_spot_value(body, &spots[i]))));
		else if (quoted_is(name, "models") && spots[i].type == JSON_ARRAY)
			x->pass_models = arena_copy(x->arena, json_spot_value(body, &spots[i]));
		else if (quoted_is(name, "stream"))
			x->glance.stream = text_is(json_spot_value(body, &spots[i]), "true");
	}
}

enum step_result
pass_read(struct exchange *x)
{
	if (x->conduit->to == NULL) {
		x->error = error_new(x->arena, E_NOT_BUILT, TEXT_FMT ".", TEXT_ARG(x->conduit->missing));
		x->error->code = TEXT("not_configured");
		x->error->useless_to_retry = true;
		return (STEP_ERROR);
	}
	x->prompt_bytes = x->request->body.len;
	glance_at(x);
	return (STEP_GO);
}

/* what passes is read along */

/* Bytes pass whatever is thought of them: what a provider would edit or stop is no matter here. */
static void
look_at(struct exchange *x, enum pass pass)
{
	x->seen = pass == PASS_ERROR && !x->relay.seen.usage_said ? NULL : &x->relay.seen;
	if (pass == PASS_ERROR)
		x->course = COURSE_UNKNOWN;
}

static bool
event_came(void *self, struct text name, struct text data, struct text wire)
{
	struct exchange *x = self;
	struct edits unused = { 0 };

	if (x->provider == NULL)
		x->provider = provider_of_answer(data);
	if (x->provider != NULL) {
		scribe_event(x, name, data);
		look_at(x, x->provider->relay_event(&x->relay, name, data, &unused));
	}
	return (x->course == COURSE_EVENTS);
}

static void
whole_came(struct exchange *x)
{
	struct text body = buf_as_text(&x->gathered);
	struct edits unused = { 0 };

	scribe_whole(x, body, NULL);
	x->provider = provider_of_answer(body);
	if (x->provider != NULL)
		look_at(x, x->provider->relay_answer(&x->relay, body, &unused));
	buf_free(&x->gathered);
}

static void
stop_looking(struct exchange *x)
{
	x->course = COURSE_UNKNOWN;
	buf_free(&x->gathered);
}

static void
look_along(struct exchange *x, const char *bytes, size_t n)
{
	if (x->course == COURSE_EVENTS && sse_feed(&x->sse, bytes, n, event_came, x) == SSE_TOO_BIG)
		stop_looking(x);
	if (x->course != COURSE_WHOLE)
		return;
	if (x->gathered.len + n > (size_t)x->config->settings.event_limit)
		stop_looking(x);
	else
		buf_add(&x->gathered, bytes, n);
}

static void
begin_looking(struct exchange *x, const struct call_head *head)
{
	x->course = COURSE_UNKNOWN;
	if (head->status < 200 || head->status > 299)
		return;
	if (text_is(x->upstream_type, "text/event-stream")) {
		x->glance.stream = true;
		x->course = COURSE_EVENTS;
	} else if (text_is(x->upstream_type, "application/json"))
		x->course = COURSE_WHOLE;
	x->relay = (struct relay){ .arena = x->arena, .model = QUOTED("") };
	sse_init(&x->sse, (size_t)x->config->settings.event_limit);
}

/* the answer */

/* Lines that would speak to the web server instead of the client, set its cookies, or be said twice. */
static bool
is_ours_to_say(struct text name, int status)
{
	static const struct text names[] = { TEXT("status"), TEXT("set-cookie"), TEXT("set-cookie2"), TEXT("x-sendfile"), TEXT("x-sendfile2") },
	    begins[] = { TEXT("x-accel-"), TEXT("x-lighttpd-"), TEXT("x-litellm-"), TEXT("variable-") };

	for (size_t i = 0; i < nitems(names); i++)
		if (text_eq_nocase(name, names[i]))
			return (true);
	for (size_t i = 0; i < nitems(begins); i++)
		if (text_eq_nocase(text_sub(name, 0, begins[i].len), begins[i]))
			return (true);
	return (status == 200 && text_eq_nocase(name, TEXT("location")));	/* CGI's local redirect */
}

static void
pass_lines(struct buf *out, struct text lines, int status)
{
	struct text line, name, value;

	while (lines.len > 0) {
		text_cut(lines, '\n', &line, &lines);
		text_cut(line, ':', &name, &value);
		if (line.len > PASSED_LINE || is_ours_to_say(name, status))
			continue;
		buf_text(out, line);
		buf_byte(out, '\n');
	}
}

static void
pass_head(struct exchange *x, const struct call_head *head)
{
	struct buf *out;

	if (x->over || x->left)
		return;
	x->committed = true;
	x->status = head->status;
	out = reply_buf(x->stream, 1024 + head->lines.len);
	buf_print(out, "Status: %d %s\r\n", head->status, status_reason(head->status));
	pass_lines(out, head->lines, head->status);
	if (head->length >= 0)
		buf_print(out, "Content-Length: %lld\r\n", (long long)head->length);
	if (x->glance.stream)
		buf_lit(out, "X-Accel-Buffering: no\r\n");
	answer_litellm(x, out);
	buf_lit(out, "\r\n");
}

/* What the upstream says of us is nothing the client could do something about. */
static struct error *
refusal(struct exchange *x, const struct call_head *head)
{
	if (head->status == 401 && x->conduit->credential)
		return (error_new(x->arena, E_UPSTREAM_CREDENTIAL, "The upstream of " TEXT_FMT " refused the gateway's own credential.",
		    TEXT_ARG(x->conduit->name)));
	if (head->status > 599)
		return (error_new(x->arena, E_UPSTREAM_FAILED, "The upstream of " TEXT_FMT " answered with a status that is none.",
		    TEXT_ARG(x->conduit->name)));
	return (NULL);
}

static void
head_came(void *self, const struct call_head *head)
{
	struct exchange *x = self;

	x->busy++;
	x->upstream_status = head->status;
	x->upstream_type = arena_copy(x->arena, head->content_type);
	x->failure = refusal(x, head);
	if (x->failure != NULL) {
		hear_enough(x);
		exchange_walk(x);
	} else {
		begin_looking(x, head);
		pass_head(x, head);
		if (x->request != NULL)
			call_body_gone(x->call);
		answer_forget_request(x);
	}
	exchange_leave(x);
}

static void
body_came(void *self, const char *bytes, size_t n)
{
	struct exchange *x = self;

	if (n == 0 || x->call_over)
		return;
	if (x->first_token_us == 0)
		x->first_token_us = clock_us();
	look_along(x, bytes, n);
	if (x->over || x->left)
		return;
	buf_add(reply_buf(x->stream, n), bytes, n);
	answer_flush(x);
}

/* how it ended */

/* An error that passed is one for the counters, not for the client: it has the upstream's own words. */
static struct error *
passed_error(struct exchange *x)
{
	if (x->upstream_status < 400)
		return (NULL);
	return (error_new(x->arena, x->upstream_status == 429 ? E_RATE_LIMIT : x->upstream_status < 500 ? E_BAD_REQUEST : E_UPSTREAM_FAILED,
	    "passed"));
}

static void
judge(struct exchange *x)
{
	if (x->failure != NULL)
		return;
	if (x->course == COURSE_EVENTS)
		(void)sse_end(&x->sse, event_came, x);
	else if (x->course == COURSE_WHOLE && x->call_end == CALL_DONE)
		whole_came(x);
	if (x->call_end != CALL_DONE && !(x->seen != NULL && x->seen->done))
		hear_failed(x);
}

static enum step_result
pass_over(struct exchange *x)
{
	judge(x);
	x->error = x->failure;
	if (x->failure == NULL)
		x->failure = passed_error(x);
	attempt_ends(x);
	x->answered |= x->error == NULL;
	return (x->error != NULL ? STEP_ERROR : STEP_DONE);
}

enum step_result
pass(struct exchange *x)
{
	struct call_hearer hearer = exchange_hearer(x);
	struct call_plan *p;

	if (x->conduit == NULL)
		return (STEP_GO);
	hearer.head = head_came;
	hearer.body = body_came;
	x->deployment = x->conduit->to;
	x->slot = board_deployment(x->worker->board, x->deployment->id);
	p = arena_new_of(x->arena, struct call_plan);
	if ((x->error = pass_plan(x, p)) != NULL)
		return (STEP_ERROR);
	attempt_begins(x);
	x->call = upstream_call(x->worker->upstream, p, &hearer);
	return (STEP_WAIT);
}

enum step_result
pass_heard(struct exchange *x)
{
	if (x->left)
		return (ask_left(x));
	return (x->call_over ? pass_over(x) : STEP_WAIT);
}
