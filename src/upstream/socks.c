/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl's descriptors on our loop, with as few epoll_ctl() as can be: libcurl asks for a connection anew in each transfer, so what it gives up
 * stays in epoll until an event comes that nobody wants.
 */
#include "upstream/upstream_priv.h"

#include <assert.h>
#include <errno.h>
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
	if (s->opener != NULL && !handshake_allowed(s->up))
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
sock_new(struct upstream *up, int fd)
{
	struct sock *s = up->free_socks;

	if ((unsigned)fd >= up->n_socks) {
		unsigned n = up->n_socks > 0 ? up->n_socks : 64;

		while (n <= (unsigned)fd)
			n *= 2;
		up->socks = must_realloc(up->socks, n * sizeof(struct sock *));
		memset(up->socks + up->n_socks, 0, (n - up->n_socks) * sizeof(struct sock *));
		up->n_socks = n;
	}
	assert(up->socks[fd] == NULL);
	if (s != NULL)
		up->free_socks = s->next;
	else
		s = must_alloc(sizeof(*s));
	*s = (struct sock){ .watch = { .ready = sock_ready, .fd = fd }, .up = up };
	up->socks[fd] = s;
	return (s);
}

static struct sock *
sock_of(struct upstream *up, int fd)
{
	return (fd >= 0 && (unsigned)fd < up->n_socks ? up->socks[fd] : NULL);
}

curl_socket_t
sock_open(void *self, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct call *c = call_checked(self);
	int fd = socket(a->family, a->socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->protocol);
	struct sock *s;

	if (fd < 0)
		return (CURL_SOCKET_BAD);
	c->fresh = true;
	if (c->phase == PHASE_SENT) {	/* again, after a dead connection */
		c->phase = PHASE_CONNECT;
		c->mark_us = loop_now_us(c->up->loop);
		clock_arm(c);
	}
	s = sock_new(c->up, fd);
	if (c->tls) {
		s->opener = c;
		s->next = c->opened;
		c->opened = s;
		(void)handshake_allowed(c->up);
	}
	return (fd);
}

/* Connecting tries several addresses, and closes those that lost. */
static void
forget_opener(struct sock *s)
{
	struct sock **at = &s->opener->opened;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->opener = NULL;
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
			forget_opener(s);
		up->socks[fd] = NULL;
		s->next = up->free_socks;
		up->free_socks = s;
	}
	return (close(fd));
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
	if (s->wanted == 0)
		return (0);
	if (s->watched)
		watch_change(m->up->loop, &s->watch, s->wanted);
	else
		watch_add(m->up->loop, &s->watch, s->wanted);
	s->watched = true;
	return (0);
}

/* The connection of this call is up, with TLS if it has that: its events are cheap from here on. */
void
sock_connected(struct call *c)
{
	struct sock *s;

	while ((s = c->opened) != NULL) {
		c->opened = s->next;
		s->opener = NULL;
	}
}

void
socks_free(struct upstream *up)
{
	struct sock *s;

	for (unsigned i = 0; i < up->n_socks; i++)
		assert(up->socks[i] == NULL);
	while ((s = up->free_socks) != NULL) {
		up->free_socks = s->next;
		free(s);
	}
	free(up->socks);
}
