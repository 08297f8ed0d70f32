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
#define UNWATCHED_MS	30

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
	if (c->plain)
		cgi_hang_up(c);
	else {
		close(c->watch.fd);
		watch_closed(c->web->loop, &c->watch);
	}
	c->watch.fd = -1;
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

/* The reply is with the web server, or nobody is there to hear it. */
void
stream_finish(struct stream *c)
{
	bool stdin_done = c->plain || c->reader.phase == PHASE_DONE;

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
	stream_feed(c, (struct text){ c->web->scratch, n - body });
}

static void
read_all(struct stream *c)
{
	for (int i = 0; i < READS_AT_ONCE && c->watch.fd >= 0 && !c->body.waits && c->held.at == NULL; i++) {
		size_t ahead = body_ahead(c), behind = ahead > 0 ? AFTER_AHEAD : SCRATCH;
		struct iovec v[2] = { { ahead > 0 ? c->body.at + c->body.len : NULL, ahead }, { c->web->scratch, behind } };
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
	if (!c->body.told)
		return (WAIT_BODY);
	return (c->watch.events == 0 && !c->plain && !c->blocked ? WAIT_ANSWER : WAIT_NONE);
}

static int64_t
patience_ms(const struct web_settings *set, enum patience p)
{
	switch (p) {
	case WAIT_HEAD:
		return (set->head_ms > 0 ? set->head_ms : 30000);
	case WAIT_IDLE:
		return (set->idle_ms);
	case WAIT_BODY:
		return (set->body_ms > 0 ? set->body_ms : 120000);
	case WAIT_ROOM:
		return (set->room_ms > 0 ? set->room_ms : 30000);
	case WAIT_WRITE:
		return (900000);
	case WAIT_LINGER:
		return (5000);
	case WAIT_ANSWER:
		return (UNWATCHED_MS);
	case WAIT_NONE:
		break;
	}
	return (0);
}

/* Where silence is what counts, every event begins the wait anew; elsewhere the first one does. */
static void
set_patience(struct stream *c)
{
	enum patience now = patience_of(c);
	int64_t ms = patience_ms(&c->web->set, now);

	if (now == c->patience && now != WAIT_BODY && now != WAIT_WRITE)
		return;
	c->patience = now;
	if (ms == 0)
		timer_stop(c->web->loop, &c->timer);
	else
		timer_set(c->web->loop, &c->timer, loop_now_us(c->web->loop) + ms * 1000);
}

/* Half of the socket that is standard output closes when the body is through: only its whole end means that the client left. */
static uint32_t
wanted(const struct stream *c)
{
	uint32_t events = c->plain ? EPOLLERR : EPOLLRDHUP;

	if (!c->plain && !c->body.waits && c->held.at == NULL && !stream_between(c))
		events |= EPOLLIN;
	if (c->blocked)
		events |= EPOLLOUT;
	return (events);
}

/* A connection whose request came whole is watched only if the answer takes its time: all that could come is that the client leaves, and in and out of the
 * epoll set is as dear as reading it. */
static void
rest(struct stream *c)
{
	if (c->plain && !c->out_polled)
		;				/* a file takes everything at once */
	else if (patience_of(c) == WAIT_ANSWER)
		;				/* due() watches it */
	else if (c->watch.events == 0)
		watch_add(c->web->loop, &c->watch, wanted(c));
	else
		watch_change(c->web->loop, &c->watch, wanted(c));
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

/* Write, tell the owner, go on, rest or free. */
void
stream_settle(struct stream *c)
{
	c->busy = false;
	outlet_write(c);
	if (c->watch.fd < 0 && c->begun && !c->ended && !c->gone_told) {
		c->gone_told = true;
		c->web->owner.gone(c->self);
	}
	if (c->broken && outlet_empty(c))
		stream_hang_up(c);
	if (c->begun && c->ended && (c->watch.fd < 0 || c->all_written) && !cgi_lingers(c)) {
		stream_finish(c);
		if (c->held.at != NULL && c->watch.fd >= 0)
			stream_feed_held(c);
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
		stream_feed_waiting(c);
	stream_settle(c);
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
	stream_settle(c);
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
		stream_feed_held(c);
		break;
	case WAIT_ANSWER:
		watch_add(c->web->loop, &c->watch, wanted(c));
		break;
	default:
		stream_hang_up(c);
	}
	c->patience = WAIT_NONE;
	stream_settle(c);
}

struct stream *
stream_alloc(struct web *web, int fd)
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
	return (c);
}

void
stream_new(struct web *web, int fd)
{
	struct stream *c = stream_alloc(web, fd);

	read_all(c);
	stream_settle(c);
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
		timer_set(c->web->loop, &c->timer, loop_now_us(c->web->loop) + 1000000);
}

void
stream_drop(struct stream *c)
{
	c->busy = true;
	stream_hang_up(c);
	if (c->begun)
		stream_finish(c);
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
