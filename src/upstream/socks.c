/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl's descriptors on our loop, with as few epoll_ctl() as can be: libcurl asks for a connection anew in each transfer, so what it gives up
 * stays in epoll until an event comes that nobody wants.
 */
#include "upstream/upstream_priv.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* A handshake costs milliseconds, so only a few steps are taken in one turn; level-triggered events come again. */
bool
handshakes_spent(struct upstream *up)
{
	if (up->turn_us != loop_now_us(up->loop)) {
		up->turn_us = loop_now_us(up->loop);
		up->handshakes = 0;
	}
	return (up->handshakes >= HANDSHAKES_MAX);
}

bool
handshake_allowed(struct upstream *up)
{
	if (handshakes_spent(up))
		return (false);
	up->handshakes++;
	return (true);
}

static void
sock_ready(struct watch *watch, uint32_t events)
{
	struct sock *s = (struct sock *)watch;
	int action = 0;

	if (s->wanted == 0) {
		watch_remove(s->up->loop, watch);
		s->watched = false;
		return;
	}
	if (s->opener != NULL && s->opener->tls && !handshake_allowed(s->up))
		return;
	if (events & (EPOLLERR | EPOLLHUP))
		events = s->wanted;	/* whatever libcurl was going to do finds out */
	if (events & EPOLLIN)
		action |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		action |= CURL_CSELECT_OUT;
	multi_run(s->multi, watch->fd, action);
}

static struct sock *
sock_of(struct upstream *up, int fd)
{
	return (fd >= 0 && (unsigned)fd < up->n_socks ? up->socks[fd] : NULL);
}

static void
make_room(struct upstream *up, unsigned fd)
{
	unsigned n = up->n_socks > 0 ? up->n_socks : 64;

	while (n <= fd)
		n *= 2;
	up->socks = must_realloc(up->socks, n * sizeof(struct sock *));
	memset(up->socks + up->n_socks, 0, (n - up->n_socks) * sizeof(struct sock *));
	up->n_socks = n;
}

static struct sock *
sock_new(struct upstream *up, int fd)
{
	struct sock *s = up->free_socks;

	if ((unsigned)fd >= up->n_socks)
		make_room(up, (unsigned)fd);
	if (s != NULL)
		up->free_socks = s->next;
	else
		s = must_alloc(sizeof(*s));
	*s = (struct sock){ .watch = { .ready = sock_ready, .fd = fd }, .up = up };
	up->socks[fd] = s;
	return (s);
}

/* Connecting tries several addresses, and closes those that lost. */
static void
leave_opener(struct sock *s)
{
	struct sock **at;

	if (s->opener == NULL)
		return;
	for (at = &s->opener->opened; *at != s; )
		at = &(*at)->next;
	*at = s->next;
	s->opener = NULL;
}

/*
 * The one that had this number was closed in silence.  libcurl may still believe that it is watched, and say nothing about the new one: what was wanted of
 * the old one stays wanted.
 */
static void
sock_again(struct sock *s)
{
	uint32_t wanted = s->wanted;

	leave_opener(s);
	if (s->watched)
		watch_closed(s->up->loop, &s->watch);
	s->watched = wanted != 0;
	if (s->watched)
		watch_add(s->up->loop, &s->watch, wanted);
}

/* A connection begins; again, when a kept one was dead. */
static void
connection_begins(struct call *c)
{
	c->fresh = true;
	if (c->phase != PHASE_SENT)
		return;
	c->phase = PHASE_CONNECT;
	c->mark_us = loop_now_us(c->up->loop);
	clock_arm(c);
}

/* Empty: neither family's. */
static const char *
print_address(char to[INET6_ADDRSTRLEN], const struct sockaddr *a)
{
	const void *at = a->sa_family == AF_INET6 ? (const void *)&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr :
	    (const void *)&((const struct sockaddr_in *)(const void *)a)->sin_addr;

	return (inet_ntop(a->sa_family, at, to, INET6_ADDRSTRLEN) != NULL ? to : "");
}

curl_socket_t
sock_open(void *self, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct call *c = call_checked(self);
	char address[INET6_ADDRSTRLEN];
	struct sock *s;
	int fd;

	if (!call_may_reach(c, print_address(address, &a->addr)))
		return (CURL_SOCKET_BAD);
	if ((fd = socket(a->family, a->socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->protocol)) < 0)
		return (CURL_SOCKET_BAD);
	s = sock_of(c->up, fd);
	connection_begins(c);
	if (s != NULL)
		sock_again(s);
	else
		s = sock_new(c->up, fd);
	s->young = true;
	s->opener = c;
	s->next = c->opened;
	c->opened = s;
	if (c->tls)
		(void)handshake_allowed(c->up);
	return (fd);
}

int
sock_close(void *self, curl_socket_t fd)
{
	struct upstream *up = self;
	struct sock *s = sock_of(up, fd);

	if (s != NULL) {
		if (s->watched)
			watch_closed(up->loop, &s->watch);
		if (s->opener != NULL)
			call_later(s->opener, TODO_NUDGE);
		leave_opener(s);
		up->socks[fd] = NULL;
		s->next = up->free_socks;
		up->free_socks = s;
	}
	return (close(fd));
}

/* An attempt to connect has ended, most likely in silence. */
static void
given_up(struct sock *s)
{
	if (s->watched)
		watch_remove(s->up->loop, &s->watch);
	s->watched = false;
	if (s->opener != NULL)
		call_later(s->opener, TODO_NUDGE);
	leave_opener(s);
}

int
sock_wanted(CURL *easy, curl_socket_t fd, int what, void *self, void *unused)
{
	static const uint32_t events[] = {
		[CURL_POLL_IN] = EPOLLIN, [CURL_POLL_OUT] = EPOLLOUT, [CURL_POLL_INOUT] = EPOLLIN | EPOLLOUT, [CURL_POLL_REMOVE] = 0,
	};
	struct multi *m = self;
	struct sock *s = sock_of(m->up, fd);

	if (s == NULL)
		return (0);
	s->multi = m;
	s->wanted = events[what];
	if (s->wanted == 0) {
		if (s->young)
			given_up(s);
		return (0);
	}
	if (s->watched)
		watch_change(m->up->loop, &s->watch, s->wanted);
	else
		watch_add(m->up->loop, &s->watch, s->wanted);
	s->watched = true;
	return (0);
}

/* The connection of this call is up, with TLS if it has that.  If there were several attempts it is not known which one won: they stay young. */
void
sock_connected(struct call *c)
{
	struct sock *s = c->opened;

	if (s != NULL && s->next == NULL)
		s->young = false;
	while ((s = c->opened) != NULL) {
		c->opened = s->next;
		s->opener = NULL;
	}
}

void
sock_abandoned(struct call *c)
{
	while (c->opened != NULL)
		leave_opener(c->opened);
}

void
socks_free(struct upstream *up)
{
	struct sock *s;

	for (unsigned i = 0; i < up->n_socks; i++)
		free(up->socks[i]);
	while ((s = up->free_socks) != NULL) {
		up->free_socks = s->next;
		free(s);
	}
	free(up->socks);
}
