/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's listener: taking connections as they come, not more than descriptors last, and none while others should. */
#include "web/web_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BURST_MOST	64
#define PAUSE_US	100000
#define OTHER_FILES	64			/* descriptors that are no connections and no upstreams */

static struct web *
of_listener(struct watch *w)
{
	return ((struct web *)((char *)w - offsetof(struct web, listener)));
}

static struct web *
of_pause(struct timer *t)
{
	return ((struct web *)((char *)t - offsetof(struct web, pause)));
}

static bool
full(const struct web *web)
{
	return (web->connections >= web->set.max_connections);
}

/* A worker that leaves a shared listener may have been woken for a connection that nobody else was: it takes what is queued. */
static void
accept_left(struct web *web)
{
	int fd;

	while (!full(web) && (fd = accept4(web->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		stream_new(web, fd);
}

void
listener_settle(struct web *web)
{
	bool in = web->listener.fd >= 0 && web->wanted && !web->paused && !web->stopping && !full(web);

	if (in == (web->listener.events != 0))
		return;
	if (in)
		watch_add(web->loop, &web->listener, EPOLLIN | EPOLLEXCLUSIVE);
	else
		watch_remove(web->loop, &web->listener);
}

/* Out of descriptors or memory: the connection stays queued, and asking again at once would only spin. */
static void
pause_listening(struct web *web)
{
	web->paused = true;
	timer_set(web->loop, &web->pause, loop_now_us(web->loop) + PAUSE_US);
	listener_settle(web);
}

static void
pause_over(struct timer *t)
{
	struct web *web = of_pause(t);

	web->paused = false;
	listener_settle(web);
}

/*
 * One accept() too many is a system call for nothing, one too few a turn of the loop: as many as last time were there are taken
 * at once, twice as many the next time if there were more.
 */
static void
listener_ready(struct watch *w, uint32_t events)
{
	struct web *web = of_listener(w);
	unsigned taken = 0;

	while (taken < web->burst && !full(web)) {
		int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && (errno == ECONNABORTED || errno == EINTR))
			continue;
		if (fd < 0) {
			if (errno != EAGAIN)
				pause_listening(web);
			break;
		}
		taken++;
		stream_new(web, fd);
	}
	if (taken == web->burst)
		web->burst = web->burst < BURST_MOST ? web->burst * 2 : BURST_MOST;
	else
		web->burst = taken > 0 ? taken : 1;
	listener_settle(web);
}

static unsigned
connections_that_fit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur > 1u << 20)
		files.rlim_cur = 1u << 20;
	return (files.rlim_cur > 2 * OTHER_FILES ? (unsigned)(files.rlim_cur - OTHER_FILES) / 2 : OTHER_FILES / 2);
}

struct web *
web_new(struct loop *loop, const struct web_settings *set, const struct web_owner *owner)
{
	struct web *web = must_zalloc(sizeof(*web));

	web->loop = loop;
	web->set = *set;
	web->owner = *owner;
	if (web->set.max_connections == 0)
		web->set.max_connections = connections_that_fit();
	web->listener = (struct watch){ .ready = listener_ready, .fd = -1 };
	web->pause.due = pause_over;
	web->wanted = true;
	web->burst = 1;
	web->waiting_last = &web->waiting;
	return (web);
}

void
web_listen(struct web *web, int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	web->listener.fd = fd;
	listener_settle(web);
}

void
web_accept(struct web *web, bool wanted)
{
	bool was_in = web->listener.events != 0;

	web->wanted = wanted;
	listener_settle(web);
	if (was_in && !wanted)
		accept_left(web);
}

void
web_stop(struct web *web, bool drain_queue)
{
	bool was_in = web->listener.events != 0;

	web->stopping = true;
	listener_settle(web);
	if (web->listener.fd >= 0 && (drain_queue || was_in))
		accept_left(web);
	for (struct stream *c = web->all; c != NULL; c = c->next)
		stream_stop(c);
}

unsigned
web_open(const struct web *web)
{
	return (web->open);
}

bool
web_quiet(const struct web *web)
{
	return (web->open == 0 && web->connections == 0);
}

void
web_body_limit(struct web *web, size_t limit, size_t memory)
{
	web->set.body_limit = limit;
	web->set.body_memory = memory;
}

void
web_free(struct web *web)
{
	web->stopping = true;
	listener_settle(web);
	timer_stop(web->loop, &web->pause);
	while (web->all != NULL)
		stream_drop(web->all);
	if (web->listener.fd >= 0)
		close(web->listener.fd);
	buf_free(&web->spare);
	free(web);
}

unsigned
web_raise_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return (1024);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	getrlimit(RLIMIT_NOFILE, &files);
	return (files.rlim_cur > 1u << 20 ? 1u << 20 : (unsigned)files.rlim_cur);
}
