/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: from readiness to records, from records to the owner, and what follows from it all at the end of an event. */
#include "web/web_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define READS_AT_ONCE	16			/* of one connection, before others have their turn */
#define AFTER_AHEAD	64			/* read behind a piece of body: the next header, the end */
#define LINGER_BYTES	(64u << 20)

static struct stream *
of_watch(struct watch *w)
{
	return ((struct stream *)((char *)w - offsetof(struct stream, watch)));
}

static struct stream *
of_timer(struct timer *t)
{
	return ((struct stream *)((char *)t - offsetof(struct stream, timer)));
}

static struct stream *
of_soon(struct soon *s)
{
	return ((struct stream *)((char *)s - offsetof(struct stream, soon)));
}

void
stream_soon(struct stream *c)
{
	if (!c->busy)
		soon_do(c->web->loop, &c->soon);
}

void
stream_hang_up(struct stream *c)
{
	if (c->watch.fd < 0)
		return;
	close(c->watch.fd);
	c->watch.fd = -1;
	watch_closed(c->web->loop, &c->watch);
	timer_stop(c->web->loop, &c->timer);
	outlet_free(c);
	if (!c->body.told)
		body_release(c);
	c->web->connections--;
	listener_settle(c->web);
	stream_soon(c);
}

void
stream_bad(struct stream *c, const char *why)
{
	if (c->web->owner.bad_record != NULL)
		c->web->owner.bad_record(c->web->owner.worker, why);
	stream_hang_up(c);
}

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
	c->ended = c->all_written = c->above = c->gone_told = false;
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

static void
hear_params_end(struct stream *c, const struct record *got, struct text *rest)
{
	struct web *web = c->web;
	const char *why = params_parse(&c->request, buf_as_text(&c->params), web->table, PARAMS_COUNT);
	size_t bytes = c->request.n_params * sizeof(struct param);

	if (why != NULL) {
		stream_bad(c, why);
		return;
	}
	c->table = must_alloc(bytes);
	memcpy(c->table, web->table, bytes);
	c->request.params = c->table;
	c->begun = true;
	web->open++;
	c->self = web->owner.begin(web->owner.worker, c, &c->request);
	if (!c->ended && c->watch.fd >= 0 && !body_begin(c))
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

/* The reply is with the web server, or nobody is there to hear it. */
static void
finish(struct stream *c)
{
	bool stdin_done = c->reader.phase == PHASE_DONE;

	c->begun = false;
	c->web->open--;
	c->web->owner.over(c->self);
	c->self = NULL;
	request_forget(c);
	record_finish(&c->reader);
	if (c->watch.fd < 0)
		return;
	c->served = true;
	if (c->reader.keep && !c->web->stopping)
		return;
	if (stdin_done) {
		stream_hang_up(c);
		return;
	}
	shutdown(c->watch.fd, SHUT_WR);
	c->lingers = true;
}

/* Answered, and nothing more of it can come: what follows belongs to the next request. */
static bool
between_requests(const struct stream *c)
{
	return (c->begun && c->ended && c->reader.phase == PHASE_DONE);
}

static void
feed(struct stream *c, struct text bytes)
{
	struct record got;

	for (;;) {
		if (between_requests(c)) {
			if (!c->all_written) {
				hold(c, bytes);
				return;
			}
			finish(c);
		}
		if (c->watch.fd < 0 || c->lingers)
			return;
		got = record_next(&c->reader, &bytes);
		if (got.kind == RECORD_MORE)
			return;
		hear[got.kind](c, &got, &bytes);
	}
}

/* Bytes that were held back, once there is hope that they can be used. */
static void
feed_held(struct stream *c)
{
	struct text held = c->held;

	c->held = (struct text){ 0 };
	feed(c, held);
	free((void *)(uintptr_t)held.at);
}

static void
wait_no_more(struct stream *c)
{
	body_stop_waiting(c);
	if (body_begin(c))
		feed_held(c);
}

/* Reading */

static void
took(struct stream *c, size_t n, size_t ahead)
{
	size_t body = n < ahead ? n : ahead;

	if (c->lingers) {
		c->lingered += n;
		if (c->lingered > LINGER_BYTES)
			stream_hang_up(c);
		return;
	}
	record_stdin_took(&c->reader, body);
	c->body.len += body;
	feed(c, (struct text){ c->web->scratch, n - body });
}

static void
read_all(struct stream *c)
{
	for (int i = 0; i < READS_AT_ONCE && c->watch.fd >= 0 && !c->body.waits && c->held.at == NULL; i++) {
		size_t ahead = body_ahead(c), behind = ahead > 0 ? AFTER_AHEAD : SCRATCH;
		struct iovec v[2] = { { c->body.at + c->body.len, ahead }, { c->web->scratch, behind } };
		ssize_t n = ahead > 0 ? readv(c->watch.fd, v, 2) : read(c->watch.fd, c->web->scratch, SCRATCH);

		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			stream_hang_up(c);
		if (n <= 0)
			return;
		took(c, (size_t)n, ahead);
		if ((size_t)n < ahead + behind)
			return;
	}
}

/* What is waited for, and how long. */

static enum patience
patience_of(const struct stream *c)
{
	if (c->lingers)
		return (WAIT_LINGER);
	if (!c->begun)
		return (c->served && c->reader.phase == PHASE_IDLE && c->reader.have == 0 ? WAIT_IDLE : WAIT_HEAD);
	if (c->body.waits)
		return (WAIT_ROOM);
	if (c->ended)
		return (WAIT_WRITE);
	return (c->body.told ? WAIT_NONE : WAIT_BODY);
}

static void
set_patience(struct stream *c)
{
	static const struct {
		int64_t	 us;
		bool	 of_silence;		/* anything heard begins it anew */
	} waits[] = {
		[WAIT_HEAD] = { SECONDS(30), false },
		[WAIT_IDLE] = { 0, false },
		[WAIT_BODY] = { SECONDS(120), true },
		[WAIT_ROOM] = { SECONDS(30), false },
		[WAIT_WRITE] = { SECONDS(900), true },
		[WAIT_LINGER] = { SECONDS(5), false },
	};
	enum patience now = patience_of(c);
	int64_t us = now == WAIT_IDLE ? c->web->set.idle_ms * 1000 : waits[now].us;

	if (now == c->patience && !waits[now].of_silence)
		return;
	c->patience = now;
	if (us == 0)
		timer_stop(c->web->loop, &c->timer);
	else
		timer_set(c->web->loop, &c->timer, loop_now_us(c->web->loop) + us);
}

static void
rest(struct stream *c)
{
	uint32_t events = EPOLLRDHUP;

	if (!c->body.waits && c->held.at == NULL && !between_requests(c))
		events |= EPOLLIN;
	if (c->blocked)
		events |= EPOLLOUT;
	if (c->watch.events == 0)
		watch_add(c->web->loop, &c->watch, events);
	else
		watch_change(c->web->loop, &c->watch, events);
	set_patience(c);
}

static void
unlink_stream(struct stream *c)
{
	*c->at = c->next;
	if (c->next != NULL)
		c->next->at = c->at;
}

static void
free_stream(struct stream *c)
{
	soon_forget(c->web->loop, &c->soon);
	outlet_free(c);
	body_release(c);
	buf_free(&c->params);
	free(c->table);
	free((void *)(uintptr_t)c->held.at);
	unlink_stream(c);
	free(c);
}

/* The end of every event: write, tell the owner, go on, rest or free. */
static void
settle(struct stream *c)
{
	c->busy = false;
	outlet_write(c);
	if (c->watch.fd < 0 && c->begun && !c->ended && !c->gone_told) {
		c->gone_told = true;
		c->web->owner.gone(c->self);
	}
	if (c->begun && c->ended && (c->watch.fd < 0 || c->all_written)) {
		finish(c);
		if (c->held.at != NULL && c->watch.fd >= 0)
			feed_held(c);
	}
	if (c->last_word && outlet_empty(c))
		stream_hang_up(c);
	if (c->watch.fd < 0 && !c->begun) {
		free_stream(c);
		return;
	}
	if (c->above && !c->ended && c->watch.fd >= 0 && reply_queued(c) < c->web->set.low_mark) {
		c->above = false;
		c->web->owner.writable(c->self);
	}
	if (c->watch.fd >= 0)
		rest(c);
}

static void
settle_soon(struct soon *s)
{
	struct stream *c = of_soon(s);

	c->busy = true;
	if (c->body.waits)
		wait_no_more(c);
	settle(c);
}

static void
ready(struct watch *w, uint32_t events)
{
	struct stream *c = of_watch(w);

	c->busy = true;
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		stream_hang_up(c);
	if (events & EPOLLOUT)
		c->blocked = false;
	if (events & EPOLLIN)
		read_all(c);
	settle(c);
}

static void
due(struct timer *t)
{
	struct stream *c = of_timer(t);

	c->busy = true;
	switch (c->patience) {
	case WAIT_BODY:
		body_tell(c, BODY_SHORT);
		break;
	case WAIT_ROOM:
		body_stop_waiting(c);
		body_tell(c, BODY_NO_ROOM);
		feed_held(c);
		break;
	default:
		stream_hang_up(c);
	}
	c->patience = WAIT_NONE;
	settle(c);
}

void
stream_new(struct web *web, int fd)
{
	struct stream *c = must_zalloc(sizeof(*c));

	c->web = web;
	c->watch = (struct watch){ .ready = ready, .fd = fd };
	c->timer.due = due;
	c->soon.run = settle_soon;
	c->next = web->all;
	c->at = &web->all;
	if (c->next != NULL)
		c->next->at = &c->next;
	web->all = c;
	web->connections++;
	c->busy = true;
	read_all(c);
	settle(c);
}

/* A new connection that has not said anything yet may be about to: it has a second. */
void
stream_stop(struct stream *c)
{
	if (c->begun || c->watch.fd < 0)
		return;
	if (c->patience == WAIT_IDLE)
		stream_hang_up(c);
	else
		timer_set(c->web->loop, &c->timer, loop_now_us(c->web->loop) + SECONDS(1));
}

void
stream_drop(struct stream *c)
{
	c->busy = true;
	stream_hang_up(c);
	if (c->begun)
		finish(c);
	free_stream(c);
}

/* The door */

void
request_forget_body(struct stream *c)
{
	body_release(c);
}

void
request_forget(struct stream *c)
{
	body_release(c);
	buf_free(&c->params);
	free(c->table);
	c->table = NULL;
	c->request = (struct request){ .content_length = c->request.content_length };
}

int64_t
request_peer_uid(const struct stream *c)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (c->watch.fd < 0 || getsockopt(c->watch.fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.uid == (uid_t)-1)
		return (-1);
	return (peer.uid);
}
