/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to the client: headers, whole bodies, streams, errors. */
#include "exchange/exchange.h"

#include "base/clock.h"

#include <stdio.h>

/* No value may begin another header. */
static void
blank_controls(char *at, const char *end)
{
	while (at < end) {
		if (text_shown8(at, end)) {
			at += 8;
			continue;
		}
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = ' ';
		at++;
	}
}

static void
header(struct buf *b, const char *name, struct text value)
{
	if (value.len == 0)
		return;
	buf_add(b, name, strlen(name));
	buf_lit(b, ": ");
	buf_text(b, value);
	blank_controls(b->at + b->len - value.len, b->at + b->len);
	buf_lit(b, "\r\n");
}

static void
header_int(struct buf *b, const char *name, int64_t n)
{
	buf_add(b, name, strlen(name));
	buf_lit(b, ": ");
	buf_int(b, n);
	buf_lit(b, "\r\n");
}

static void
header_ms(struct buf *b, const char *name, int64_t us)
{
	buf_add(b, name, strlen(name));
	buf_lit(b, ": ");
	buf_thousandths(b, us);
	buf_lit(b, "\r\n");
}

/* The caller's own limits stand for those of the upstream, which has the same names for them. */
static void
put_limits(struct exchange *x, struct buf *b)
{
	struct text rest = x->relayed ? x->passable : TEXT(""), line;

	limits_headers(b, &x->limits, x->arena, x->config != NULL && x->config->settings.headers_litellm);
	while (text_cut(rest, '\n', &line, &rest))
		if (x->limits.n == 0 || !text_eq_nocase(text_sub(line, 0, 12), TEXT("x-ratelimit-"))) {
			buf_text(b, line);
			buf_byte(b, '\n');
		}
}

/* Who answered, after how many tries, in what time. */
void
answer_litellm(struct exchange *x, struct buf *b)
{
	const struct deployment *d = x->deployment;
	int64_t total = clock_us() - x->began_us, upstream = x->upstream_us;

	buf_lit(b, "x-litellm-call-id: ");
	buf_add(b, x->id, 36);
	buf_lit(b, "\r\nx-litellm-version: sluice-" SLUICE_VERSION "\r\n");
	if (d != NULL) {
		header(b, "x-litellm-model-id", d->id);
		header(b, "x-litellm-model-group", x->plan.group != NULL ? group_shown(x->plan.group) : d->team.len > 0 ? d->team_name : d->group);
		header(b, "x-litellm-model-name", d->litellm_model);
		header(b, "x-litellm-model-api-base", d->api_base);
	}
	if (x->attempt != NULL && x->in_flight)
		upstream += clock_us() - x->attempt->began_us;
	header_ms(b, "x-litellm-response-duration-ms", total);
	header_ms(b, "x-litellm-overhead-duration-ms", total > upstream ? total - upstream : 0);
	if (x->plan.config != NULL) {
		header_int(b, "x-litellm-attempted-retries", x->plan.retries);
		header_int(b, "x-litellm-attempted-fallbacks", x->plan.fallbacks);
	}
	key_headers(x, b);
	put_limits(x, b);
}

void
answer_headers(struct exchange *x, struct buf *b, int status, const char *content_type, int64_t length)
{
	x->status = status;
	if (status == 200)
		buf_lit(b, "Status: 200 OK\r\nContent-Type: ");
	else
		buf_print(b, "Status: %d %s\r\nContent-Type: ", status, status_reason(status));
	buf_add(b, content_type, strlen(content_type));
	buf_lit(b, "\r\n");
	if (length >= 0)
		header_int(b, "Content-Length", length);
	buf_lit(b, "x-request-id: ");
	buf_add(b, x->id, 36);
	buf_lit(b, "\r\n");
	if (x->front == &front_messages)
		header(b, "request-id", text_of(x->id));
	answer_litellm(x, b);
}

static bool
may_answer(const struct exchange *x)
{
	return (!x->over && !x->left && !x->answered);
}

void
answer_end(struct exchange *x)
{
	if (x->over || x->ended)
		return;
	x->ended = true;
	reply_end(x->stream);
}

void
answer_forget_request(struct exchange *x)
{
	if (x->request == NULL)
		return;
	x->request = NULL;
	buf_free(&x->body);
	request_forget(x->stream);
}

void
answer_flush(struct exchange *x)
{
	x->last_write_us = loop_now_us(x->worker->loop);
	reply_flush(x->stream);
	if (!x->over && x->call != NULL && reply_queued(x->stream) > REPLY_HIGH)
		call_pause(x->call);
}

/* A whole answer leaves with its END in one write. */
void
answer_finish(struct exchange *x)
{
	x->committed = x->answered = true;
	answer_end(x);
}

void
answer_whole(struct exchange *x, int status, const char *content_type, struct text body)
{
	struct buf *out;

	if (!may_answer(x) || probe_tells(x, NULL))
		return;
	out = reply_buf(x->stream, 1024 + body.len);
	if (x->n_attempts > 0)
		price_exchange(x);
	answer_headers(x, out, status, content_type, (int64_t)body.len);
	if (x->n_attempts > 0)
		price_headers(x, out);
	buf_lit(out, "\r\n");
	if (!x->head_only)
		buf_text(out, body);
	scribe_whole(x, body, NULL);
	answer_finish(x);
}

void
answer_edited(struct exchange *x, struct text body, const struct edits *edits)
{
	size_t len = body.len;
	struct buf *out;

	if (!may_answer(x) || probe_tells(x, NULL))
		return;
	for (size_t i = 0; i < edits->n; i++)
		len += edits->list[i].with.len - (edits->list[i].to - edits->list[i].from);
	out = reply_buf(x->stream, 1024 + len);
	price_exchange(x);
	answer_headers(x, out, 200, "application/json", (int64_t)len);
	price_headers(x, out);
	buf_lit(out, "\r\n");
	if (!x->head_only)
		json_apply(out, body, edits->list, edits->n);
	scribe_whole(x, body, edits);
	answer_finish(x);
}

void
answer_open(struct exchange *x, const char *content_type, const char *more)
{
	struct buf *out;

	if (!may_answer(x) || x->committed)
		return;
	x->committed = true;
	out = reply_buf(x->stream, 1024);
	answer_headers(x, out, 200, content_type, -1);
	buf_text(out, text_of(more));
	buf_lit(out, "\r\n");
}

void
answer_commit(struct exchange *x)
{
	answer_open(x, "text/event-stream; charset=utf-8", "Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n");
}

/* An error before commit: status, headers, the dialect's error object. */
static void
error_whole(struct exchange *x, const struct error *e)
{
	struct buf body = { 0 }, *out;
	bool azure = surface_azure(x->surface) != PATH_PLAIN;
	int status = azure ? azure_error_body(&body, x->front, e, text_of(x->id)) : x->front->error_body(&body, e, text_of(x->id));

	out = reply_buf(x->stream, 1024 + body.len);
	answer_headers(x, out, status, front_media(x->front), (int64_t)body.len);
	if (e->retry_after_ms > 0)
		header_int(out, "retry-after", (e->retry_after_ms + 999) / 1000);
	if (e->kind == E_METHOD)
		header(out, "Allow", e->param);
	if (e->useless_to_retry)
		buf_lit(out, "x-should-retry: false\r\n");
	buf_lit(out, "\r\n");
	if (!x->head_only)
		buf_text(out, buf_as_text(&body));
	buf_free(&body);
	answer_finish(x);
}

/*
 * What passes as it is gets no words of ours: it breaks off as its upstream did.  mod_fcgid would write a page of its own behind it, and CGI knows no
 * other end than the end.
 */
static void
break_off(struct exchange *x)
{
	if (x->worker->form == FORM_ONE || x->worker->form == FORM_CGI)
		return;
	x->ended = true;
	reply_break(x->stream);
}

void
answer_error(struct exchange *x, struct error *e)
{
	x->error = e;
	x->end = x->committed ? END_CUT : error_kinds[e->kind].fault == FAULT_CALLER ? END_REFUSED : END_CUT;
	if (!may_answer(x) || probe_tells(x, e))
		return;
	if (!x->committed) {
		error_whole(x, e);
		return;
	}
	x->answered = true;
	if (x->conduit != NULL) {
		break_off(x);
		return;
	}
	if (x->relayed && x->relay.id.sealed.len > 0)
		x->told.id = (struct text){ x->relay.id.sealed.at, x->relay.id.sealed.len };
	x->front->error_event(reply_buf(x->stream, 512), e,
	    &(struct failing){ .request_id = text_of(x->id), .told = &x->told, .writer = x->writer, .seen = x->seen });
}
