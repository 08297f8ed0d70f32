/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls to plain http upstreams on connections of our own.
 *
 * Most engines on the premises are reached so, and there every microsecond is ours: a request leaves in one system call, its
 * connection stays in epoll between calls, an answer is read into one buffer of the worker and handed on without a copy, and an open stream
 * holds no buffer at all.  What is not plain http (TLS, forward proxies, HTTP/2) goes through libcurl.
 *
 * A kept connection that turns out dead before any byte of an answer is replaced once by a fresh one, as libcurl does.
 */
#include "upstream/direct.h"
#include "upstream/names.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define READ_ROOM	65536
#define READS_MOST	4		/* of one connection in a turn */
#define PIECES		64		/* of a large body in one writev() */
#define IDLE_LINKS	256		/* kept at most */
#define ADDRESSES_MOST	64

struct link {
	struct watch	 watch;
	struct upstream	*up;
	struct call	*call;		/* NULL: idle */
	struct link	*next, **at;	/* of the idle ones, the latest first */
	int64_t		 idle_since_us;
	uint64_t	 key;
	unsigned	 port;
	bool		 connecting, kept;	/* kept: had a call before this one */
	char		 host[];
};

bool upstream_direct = true;

static void link_ready(struct watch *, uint32_t);
static void try_address(struct call *);

/* may this plan go directly */

/* Nothing that libcurl would have to encode, or to understand. */
static bool
plain_url(struct text url)
{
	for (size_t i = 0; i < url.len; i++)
		if (url.at[i] <= ' ' || url.at[i] > '~' || url.at[i] == '#')
			return (false);
	return (true);
}

static struct text
path_of(struct text url)
{
	struct text rest = text_sub(url, 7, url.len);
	size_t i = 0;

	while (i < rest.len && rest.at[i] != '/' && rest.at[i] != '?' && rest.at[i] != '#')
		i++;
	return (text_sub(rest, i, rest.len));
}

static struct text
authority_of(struct text url)
{
	struct text rest = text_sub(url, 7, url.len);

	rest.len -= path_of(url).len;
	return (rest);
}

bool
direct_may(const struct call_plan *plan)
{
	struct text authority;

	if (!upstream_direct || plan->public_only || plan->proxy.len > 0 || !text_eq_nocase(text_sub(plan->url, 0, 7), TEXT("http://")) || !plain_url(plan->url))
		return (false);
	authority = authority_of(plan->url);
	return (authority.len > 0 && memchr(authority.at, '@', authority.len) == NULL);
}

/* idle connections */

static uint64_t
key_of(struct text host, unsigned port)
{
	return (text_hash(host) * 31 + port);
}

static void
leave_idle(struct link *l)
{
	*l->at = l->next;
	if (l->next != NULL)
		l->next->at = l->at;
	l->up->n_idle--;
}

static void
link_close(struct link *l)
{
	if (l->call == NULL)
		leave_idle(l);
	else
		l->call->link = NULL;
	if (l->watch.fd >= 0) {
		watch_closed(l->up->loop, &l->watch);
		close(l->watch.fd);
	}
	free(l);
}

/* Those unused for long, and the oldest above what is kept; again while there are any. */
void
direct_sweep(struct timer *timer)
{
	struct upstream *up = (struct upstream *)((char *)timer - offsetof(struct upstream, idle_sweep));
	int64_t now = loop_now_us(up->loop);
	unsigned n = 0;

	for (struct link *l = up->idle, *next; l != NULL; l = next) {
		next = l->next;
		if (++n > IDLE_LINKS || now - l->idle_since_us >= up->idle_age_us)
			link_close(l);
	}
	if (up->idle != NULL)
		timer_set(up->loop, timer, now + IDLE_US / 4);
}

static struct link *
find_idle(struct upstream *up, struct text host, unsigned port)
{
	uint64_t key = key_of(host, port);

	for (struct link *l = up->idle; l != NULL; l = l->next)
		if (l->key == key && l->port == port && text_eq(text_of(l->host), host))
			return (l);
	return (NULL);
}

static void
become_idle(struct link *l)
{
	struct upstream *up = l->up;

	l->call->link = NULL;
	l->call = NULL;
	l->kept = true;
	l->idle_since_us = loop_now_us(up->loop);
	watch_change(up->loop, &l->watch, EPOLLIN | EPOLLRDHUP);	/* its call may have been paused */
	l->next = up->idle;
	l->at = &up->idle;
	if (l->next != NULL)
		l->next->at = &l->next;
	up->idle = l;
	if (++up->n_idle > IDLE_LINKS * 2 || up->idle_sweep.place == 0)
		timer_set(up->loop, &up->idle_sweep, loop_now_us(up->loop) + (up->n_idle > IDLE_LINKS * 2 ? 0 : IDLE_US / 4));
}

/* the request */

static bool
says(const struct call *c, struct text name)
{
	struct text field, value;

	for (size_t i = 0; i < c->n_headers; i++) {
		text_cut(c->headers[i], ':', &field, &value);
		if (text_eq_nocase(field, name))
			return (true);
	}
	return (false);
}

static void
add_ours(const struct call *c, struct buf *b)
{
	if (c->has_body && !says(c, TEXT("content-type")))
		buf_lit(b, "Content-Type: application/json\r\n");
	if (c->wants_events && !says(c, TEXT("accept")))
		buf_lit(b, "Accept: text/event-stream\r\n");
	if (!says(c, TEXT("user-agent")))
		buf_lit(b, "User-Agent: sluice/" SLUICE_VERSION "\r\n");
}

static void
add_length(struct buf *b, size_t n)
{
	buf_lit(b, "Content-Length: ");
	buf_int(b, (int64_t)n);
	buf_lit(b, "\r\n");
}

static void
write_head(struct call *c, struct buf *b)
{
	struct text path = path_of(c->target);

	buf_text(b, c->method);
	buf_byte(b, ' ');
	if (path.len == 0 || path.at[0] != '/')
		buf_byte(b, '/');
	buf_text(b, path);
	buf_lit(b, " HTTP/1.1\r\n");
	if (!says(c, TEXT("host"))) {
		buf_lit(b, "Host: ");
		buf_text(b, authority_of(c->target));
		buf_lit(b, "\r\n");
	}
	for (size_t i = 0; i < c->n_headers; i++) {
		struct text field, value;

		if (!text_cut(c->headers[i], ':', &field, &value) || text_eq_nocase(field, TEXT("content-length")) ||
		    text_eq_nocase(field, TEXT("transfer-encoding")))
			continue;
		buf_text(b, c->headers[i]);
		buf_lit(b, "\r\n");
	}
	if (!c->as_is)
		add_ours(c, b);
	if (c->has_body)
		add_length(b, c->body_len);
	buf_lit(b, "\r\n");
}

/* The connection failed under the call: another one if the call may still go out, else the end. */
static void
link_failed(struct call *c, enum call_end end, const char *why)
{
	bool again = c->link != NULL && c->link->kept && !c->heard;

	if (c->link != NULL)
		link_close(c->link);
	if (again && c->phase == PHASE_SENT) {
		framing_free(&c->framing);
		framing_init(&c->framing, c->framing.bodyless);
		buf_free(&c->unsent);
		c->no_idle = true;
		c->mark_us = loop_now_us(c->up->loop);
		direct_start(c);
		return;
	}
	call_over(c, end, why);
}

/* A large body leaves from where it lies. */
static ssize_t
send_pieces(struct call *c)
{
	struct iovec iov[PIECES + 1];
	unsigned n = 0;
	struct msghdr m = { .msg_iov = iov };

	if (c->unsent.len > 0)
		iov[n++] = (struct iovec){ c->unsent.at, c->unsent.len };
	n += walker_pieces(&c->body, iov + n, PIECES);
	if (n == 0)
		return (0);
	m.msg_iovlen = n;
	return (sendmsg(c->link->watch.fd, &m, MSG_NOSIGNAL));
}

static void
sent(struct call *c, size_t n)
{
	size_t head = n < c->unsent.len ? n : c->unsent.len;

	buf_drop(&c->unsent, head);
	if (c->unsent.len == 0)
		buf_free(&c->unsent);
	walker_skip(&c->body, n - head);
}

enum sending_state { SENT_ALL, SENT_SOME, SENT_OVER /* the call is over, or begins again: do not touch it */ };

static enum sending_state
send_rest(struct call *c)
{
	for (;;) {
		ssize_t n = send_pieces(c);

		if (n == 0)
			return (SENT_ALL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			link_failed(c, CALL_BROKEN, "the connection was cut while the request was sent");
			return (SENT_OVER);
		}
		if (n < 0)
			return (SENT_SOME);
		c->mark_us = loop_now_us(c->up->loop);
		sent(c, (size_t)n);
	}
}

static void
watch_for(struct link *l, uint32_t events)
{
	watch_change(l->up->loop, &l->watch, events);
}

/* False: the call does not go on. */
static bool
watch_rest(struct call *c)
{
	enum sending_state state = send_rest(c);

	if (state != SENT_OVER)
		watch_for(c->link, EPOLLIN | EPOLLRDHUP | (state == SENT_SOME ? EPOLLOUT : 0));
	return (state != SENT_OVER);
}

/* Head and small body leave in one piece, made in the worker's own buffer. */
static void
send_request(struct call *c)
{
	struct upstream *up = c->up;
	struct buf *b = &up->outgoing;
	ssize_t n;

	if (!call_hears_connected(c)) {
		link_failed(c, c->fault, c->why);
		return;
	}
	walker_rewind(&c->body);
	b->len = 0;
	write_head(c, b);
	if (c->body_len <= SMALL_BODY) {
		buf_reserve(b, c->body_len);
		b->len += walker_read(&c->body, b->at + b->len, c->body_len);
		n = send(c->link->watch.fd, b->at, b->len, MSG_NOSIGNAL);
		if (n == (ssize_t)b->len) {
			watch_for(c->link, EPOLLIN | EPOLLRDHUP);
			return;
		}
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			link_failed(c, CALL_BROKEN, "the connection was cut while the request was sent");
			return;
		}
		buf_drop(b, n > 0 ? (size_t)n : 0);
	}
	buf_text(&c->unsent, buf_as_text(b));
	watch_rest(c);
}

/* connecting */

static struct link *
link_new(struct upstream *up, int fd, struct text host, unsigned port)
{
	struct link *l = must_zalloc(sizeof(*l) + host.len + 1);

	l->up = up;
	l->watch.fd = fd;
	l->watch.ready = link_ready;
	l->port = port;
	l->key = key_of(host, port);
	memcpy(l->host, host.at, host.len);
	return (l);
}

static int
open_socket(int family)
{
	static const int one = 1, idle = 60, interval = 30;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return (-1);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	return (fd);
}

static void
connect_failed(struct call *c, int error)
{
	if (c->link != NULL)
		link_close(c->link);
	c->connect_error = error;
	c->address++;
	try_address(c);
}

/* One address of several must not take the time of all. */
static void
limit_try(struct call *c, struct text host, unsigned port)
{
	struct sockaddr_storage unused;
	socklen_t len;
	uint32_t left = 1;

	while (left < ADDRESSES_MOST && names_address(c, host, port, c->address + left, &unused, &len))
		left++;
	c->try_us = loop_now_us(c->up->loop);
	c->try_ms = left > 1 ? c->connect_ms / left : 0;
	if (c->try_ms > 0)
		clock_arm(c);
}

bool
direct_next(struct call *c)
{
	if (!c->direct || c->link == NULL || !c->link->connecting || c->try_ms == 0 ||
	    loop_now_us(c->up->loop) - c->mark_us >= (int64_t)c->connect_ms * 1000)
		return (false);
	connect_failed(c, ETIMEDOUT);
	return (true);
}

/* The next address that can be tried; the last one's error is the call's. */
static void
try_address(struct call *c)
{
	struct sockaddr_storage to;
	socklen_t len;
	int fd;

	if (!names_address(c, c->host, c->port, c->address, &to, &len)) {
		call_over(c, CALL_UNREACHABLE, c->connect_error != 0 ? strerror(c->connect_error) : "the host has no usable address");
		return;
	}
	fd = open_socket(to.ss_family);
	if (fd < 0) {
		connect_failed(c, errno);
		return;
	}
	c->link = link_new(c->up, fd, c->host, c->port);
	c->link->call = c;
	c->link->connecting = true;
	limit_try(c, c->host, c->port);
	if (connect(fd, (struct sockaddr *)&to, len) != 0 && errno != EINPROGRESS) {
		int error = errno;

		connect_failed(c, error);
		return;
	}
	watch_add(c->up->loop, &c->link->watch, EPOLLOUT);
}

static void
connected(struct call *c)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(c->link->watch.fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		error = errno;
	if (error != 0) {
		connect_failed(c, error);
		return;
	}
	c->link->connecting = false;
	send_request(c);
}

void
direct_start(struct call *c)
{
	struct link *l;

	c->phase = PHASE_CONNECT;
	if (c->no_idle)
		clock_arm(c);
	l = c->no_idle ? NULL : find_idle(c->up, c->host, c->port);
	if (l == NULL) {
		c->fresh = true;
		c->address = 0;
		try_address(c);
		return;
	}
	leave_idle(l);
	l->call = c;
	c->link = l;
	send_request(c);
}

/* the answer */

static bool
line_came(void *self, struct text line, int *status)
{
	struct call *c = self;

	if (!call_hears_line(c, line))
		return (false);
	*status = c->head.over ? c->head.status : 0;
	return (true);
}

static bool
is_gone(const struct call *c)
{
	return ((c->todo & TODO_CANCEL) != 0);
}

static bool
all_sent(const struct call *c)
{
	return (c->unsent.len == 0 && walker_done(&c->body));
}

static void
answer_over(struct call *c)
{
	struct link *l = c->link;

	if (c->framing.keep && !c->extra && !c->parked && all_sent(c))
		become_idle(l);
	else
		link_close(l);
	call_over(c, CALL_DONE, "complete");
}

/* Payload goes to the hearer; false: the call does not go on, do not touch it. */
static bool
told(struct call *c, struct text payload)
{
	if (payload.len > 0 && !is_gone(c))
		(void)call_hears_body(c, payload.at, payload.len);
	if (is_gone(c)) {
		if (c->link != NULL)
			link_close(c->link);		/* the rest of the cancellation is in the list of things to do */
		return (false);
	}
	if (c->framing.state == FRAMING_BAD) {
		link_failed(c, c->framing.why != NULL ? CALL_BROKEN : c->fault, c->framing.why != NULL ? c->framing.why : c->why);
		return (false);
	}
	if (c->framing.state == FRAMING_DONE) {
		answer_over(c);
		return (false);
	}
	if (c->paused)
		watch_for(c->link, 0);
	return (!c->paused);
}

/* Bytes of the answer; false: read no more, and do not touch the call. */
static bool
take(struct call *c, char *bytes, size_t n)
{
	struct text payload;
	size_t used;

	c->heard = true;
	used = framing_feed(&c->framing, bytes, n, &payload, line_came, c);
	c->extra = c->framing.state == FRAMING_DONE && used < n;
	if (payload.len == 0 || !c->paused || is_gone(c))
		return (told(c, payload));
	buf_text(&c->stash, payload);
	watch_for(c->link, 0);
	return (false);
}

static void
ended(struct call *c, int error)
{
	if (error == 0 && c->head.over && framing_ends(&c->framing)) {
		c->extra = true;
		answer_over(c);
		return;
	}
	link_failed(c, CALL_BROKEN, !c->heard ? "the connection was closed without an answer" :
	    error != 0 ? "the connection was cut" : "the answer was cut short");
}

/* Up to a few reads: fairness to the others, and the rest is announced again. */
static void
readable(struct call *c)
{
	struct upstream *up = c->up;

	for (unsigned i = 0; i < READS_MOST; i++) {
		int fd = c->link->watch.fd;
		ssize_t n = recv(fd, up->incoming, READ_ROOM, 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			ended(c, n < 0 ? errno : 0);
			return;
		}
		if (!take(c, up->incoming, (size_t)n) || n < READ_ROOM)
			return;
	}
}

static void
link_ready(struct watch *w, uint32_t events)
{
	struct link *l = (struct link *)w;
	struct call *c = l->call;

	if (c == NULL) {				/* idle: the upstream closes it, or says what nobody asked */
		link_close(l);
		return;
	}
	if (is_gone(c)) {				/* the rest of it is in the list of things to do */
		link_close(l);
		return;
	}
	if (l->connecting) {
		connected(c);
		return;
	}
	if (c->paused && c->heard) {			/* broken while we take nothing: told when we look again */
		watch_remove(l->up->loop, w);
		c->parked = true;
		return;
	}
	if ((events & EPOLLOUT) != 0 && !watch_rest(c))
		return;
	if ((events & ~(uint32_t)EPOLLOUT) != 0)
		readable(c);
}

/* the room's side */

bool
direct_prepare(struct call *c, const struct call_plan *plan)
{
	if (!names_authority(plan->url, 80, &c->host, &c->port)) {
		call_fail_later(c, CALL_UNREACHABLE, "the upstream's address is malformed");
		return (false);
	}
	if (c->up->incoming == NULL)
		c->up->incoming = must_alloc(READ_ROOM);
	c->direct = true;
	c->target = plan->url;
	c->headers = plan->headers;
	c->n_headers = plan->n_headers;
	c->method = plan->method.len > 0 ? plan->method : TEXT("POST");
	c->has_body = request_has_body(plan);
	c->wants_events = plan->stream;
	c->as_is = plan->as_is;
	c->body = (struct walker){ .body = TEXT("") };
	if (c->has_body)
		c->body = (struct walker){ .body = plan->body, .edits = plan->edits, .n_edits = plan->n_edits };
	c->body_len = walker_length(&c->body);
	framing_init(&c->framing, request_is_head(plan));
	return (true);
}

/* The body's text goes away while some of it may still have to be sent. */
void
direct_body_gone(struct call *c)
{
	size_t rest = 0, n = c->body_len;

	if (c->link == NULL || walker_done(&c->body)) {
		c->body = (struct walker){ .body = TEXT("") };
		return;
	}
	buf_reserve(&c->unsent, n);
	rest = walker_read(&c->body, c->unsent.at + c->unsent.len, n);
	c->unsent.len += rest;
	c->body = (struct walker){ .body = TEXT("") };
}

void
direct_resume(struct call *c)
{
	struct buf stash = c->stash;
	bool on;

	if (c->paused || c->link == NULL || c->link->connecting)
		return;
	if (stash.len > 0) {
		c->stash = (struct buf){ 0 };
		on = told(c, buf_as_text(&stash));
		buf_free(&stash);
		if (!on)
			return;
	}
	if (c->parked)
		watch_add(c->up->loop, &c->link->watch, EPOLLIN | EPOLLRDHUP);
	else
		watch_for(c->link, EPOLLIN | EPOLLRDHUP | (all_sent(c) ? 0 : EPOLLOUT));
	c->parked = false;
}

void
direct_stop(struct call *c)
{
	if (c->link != NULL)
		link_close(c->link);
	buf_free(&c->unsent);
	buf_free(&c->stash);
	framing_free(&c->framing);
	c->direct = c->heard = c->no_idle = c->parked = c->extra = false;
	c->address = 0;
	c->connect_error = 0;
	c->try_ms = 0;
}

void
direct_close(struct upstream *up)
{
	timer_stop(up->loop, &up->idle_sweep);
	while (up->idle != NULL)
		link_close(up->idle);
	buf_free(&up->outgoing);
	free(up->incoming);
}
