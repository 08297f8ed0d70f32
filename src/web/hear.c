/* SPDX-License-Identifier: Apache-2.0 */
/* From bytes to the owner: what each record of the web server does. */
#include "web/web_priv.h"

#include <stdlib.h>

static void
hold(struct stream *c, struct text bytes)
{
	char *copy;

	if (bytes.len == 0)
		return;
	copy = must_alloc(bytes.len);
	memcpy(copy, bytes.at, bytes.len);
	c->held = (struct text){ copy, bytes.len };
}

/* What the reader hears.  `rest` is what was read behind the record; a function that must wait holds it back. */

static void
hear_begin(struct stream *c, const struct record *got, struct text *rest)
{
	c->params.len = 0;
	c->body = (struct body){ 0 };
	c->out.tail_sent = 0;
	c->ended = c->broken = c->all_written = c->above = c->gone_told = false;
}

static void
hear_params(struct stream *c, const struct record *got, struct text *rest)
{
	if (c->params.len + got->bytes.len > PARAMS_BYTES) {
		stream_bad(c, "params over 256 KB");
		return;
	}
	buf_reserve(&c->params, got->bytes.len + c->reader.left);
	buf_text(&c->params, got->bytes);
}

static void
hold_rest(struct stream *c, struct text *rest)
{
	hold(c, *rest);
	rest->len = 0;
}

bool
stream_begin(struct stream *c)
{
	struct web *web = c->web;
	const char *why = params_parse(&c->request, buf_as_text(&c->params), web->table, PARAMS_COUNT);
	size_t bytes = c->request.n_params * sizeof(struct param);

	if (why != NULL) {
		stream_bad(c, why);
		return (false);
	}
	c->table = must_alloc(bytes);
	memcpy(c->table, web->table, bytes);
	c->request.params = c->table;
	c->begun = true;
	web->open++;
	c->self = web->owner.begin(web->owner.worker, c, &c->request);
	return (true);
}

static void
hear_params_end(struct stream *c, const struct record *got, struct text *rest)
{
	if (stream_begin(c) && !c->ended && c->watch.fd >= 0 && !body_begin(c))
		hold_rest(c, rest);
}

static void
hear_stdin(struct stream *c, const struct record *got, struct text *rest)
{
	if (body_bytes(c, got->bytes))
		return;
	record_put_back(&c->reader, got->bytes.len);
	*rest = (struct text){ got->bytes.at, got->bytes.len + rest->len };
	hold_rest(c, rest);
}

static void
hear_stdin_end(struct stream *c, const struct record *got, struct text *rest)
{
	body_end(c);
}

static void
hear_abort(struct stream *c, const struct record *got, struct text *rest)
{
	stream_hang_up(c);
}

/* The three things a web server may ask, and our answers. */
static void
hear_values(struct stream *c, const struct record *got, struct text *rest)
{
	struct text asked = got->bytes, names[] = { TEXT(FCGI_MAX_CONNS), TEXT(FCGI_MAX_REQS), TEXT(FCGI_MPXS_CONNS) };
	struct buf answer = { 0 };
	struct param p;

	while (params_next(&asked, &p)) {
		for (size_t i = 0; i < nitems(names); i++) {
			if (!text_eq(p.name, names[i]))
				continue;
			size_t at = answer.len;

			buf_byte(&answer, (char)p.name.len);
			buf_byte(&answer, 0);
			buf_text(&answer, p.name);
			buf_print(&answer, "%u", i == 2 ? 0 : c->web->set.max_connections);
			answer.at[at + 1] = (char)(answer.len - at - 2 - p.name.len);
		}
	}
	outlet_control(c, FCGI_GET_VALUES_RESULT, FCGI_NULL_REQUEST_ID, answer.at, answer.len);
	buf_free(&answer);
}

static void
hear_strange(struct stream *c, const struct record *got, struct text *rest)
{
	outlet_control(c, FCGI_UNKNOWN_TYPE, FCGI_NULL_REQUEST_ID, &(FCGI_UnknownTypeBody){ .type = got->type }, sizeof(FCGI_UnknownTypeBody));
}

static void
hear_refused(struct stream *c, const struct record *got, struct text *rest)
{
	outlet_control(c, FCGI_END_REQUEST, got->id, &(FCGI_EndRequestBody){ .protocolStatus = got->status }, sizeof(FCGI_EndRequestBody));
	if (got->status == FCGI_UNKNOWN_ROLE && !c->reader.keep)
		c->last_word = true;
}

static void
hear_bad(struct stream *c, const struct record *got, struct text *rest)
{
	stream_bad(c, got->why);
}

static void (*const hear[])(struct stream *, const struct record *, struct text *rest) = {
	[RECORD_BEGIN] = hear_begin,
	[RECORD_PARAMS] = hear_params,
	[RECORD_PARAMS_END] = hear_params_end,
	[RECORD_STDIN] = hear_stdin,
	[RECORD_STDIN_END] = hear_stdin_end,
	[RECORD_ABORT] = hear_abort,
	[RECORD_VALUES] = hear_values,
	[RECORD_STRANGE] = hear_strange,
	[RECORD_REFUSED] = hear_refused,
	[RECORD_BAD] = hear_bad,
};

bool
stream_between(const struct stream *c)
{
	return (c->begun && c->ended && c->reader.phase == PHASE_DONE);
}

void
stream_feed(struct stream *c, struct text bytes)
{
	struct record got;

	for (;;) {
		if (stream_between(c)) {
			if (!c->all_written) {
				hold(c, bytes);
				return;
			}
			stream_finish(c);
		}
		if (c->watch.fd < 0 || c->lingers)
			return;
		got = record_next(&c->reader, &bytes);
		if (got.kind == RECORD_MORE)
			return;
		hear[got.kind](c, &got, &bytes);
	}
}

void
stream_feed_held(struct stream *c)
{
	struct text held = c->held;

	c->held = (struct text){ 0 };
	stream_feed(c, held);
	free((void *)(uintptr_t)held.at);
}

void
stream_feed_waiting(struct stream *c)
{
	body_stop_waiting(c);
	if (body_begin(c))
		stream_feed_held(c);
}
