/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl's multi handles: several, so that none runs more than RUNNING_MAX transfers; the first with room is used, so that its connections stay warm. */
#include "upstream/upstream_priv.h"

#include <stdlib.h>

/* libcurl counts connections in use as well, so the limit moves with them; in steps, because mostly nothing changes. */
static void
keep_connections(struct multi *m)
{
	unsigned keep = (m->running / 16 + 1) * 16 + IDLE_MAX;

	if (keep == m->connections)
		return;
	m->connections = keep;
	libcurl.multi_setopt(m->curl, CURLMOPT_MAXCONNECTS, (long)keep);
}

static void
soon_run(struct soon *soon)
{
	multi_run((struct multi *)((char *)soon - offsetof(struct multi, soon)), CURL_SOCKET_TIMEOUT, 0);
}

static void
timer_due(struct timer *timer)
{
	multi_run((struct multi *)((char *)timer - offsetof(struct multi, timer)), CURL_SOCKET_TIMEOUT, 0);
}

static int
timeout_wanted(CURLM *curl, long ms, void *self)
{
	struct multi *m = self;
	struct loop *loop = m->up->loop;

	if (ms == 0)
		soon_do(loop, &m->soon);
	if (ms > 0)
		timer_set(loop, &m->timer, loop_now_us(loop) + (int64_t)ms * 1000);
	else
		timer_stop(loop, &m->timer);
	return (0);
}

static struct multi *
multi_new(struct upstream *up)
{
	struct multi *m = must_zalloc(sizeof(*m));

	m->up = up;
	m->curl = libcurl.multi_init();
	if (m->curl == NULL)
		abort();
	m->soon.run = soon_run;
	m->timer.due = timer_due;
	libcurl.multi_setopt(m->curl, CURLMOPT_SOCKETFUNCTION, sock_wanted);
	libcurl.multi_setopt(m->curl, CURLMOPT_SOCKETDATA, m);
	libcurl.multi_setopt(m->curl, CURLMOPT_TIMERFUNCTION, timeout_wanted);
	libcurl.multi_setopt(m->curl, CURLMOPT_TIMERDATA, m);
	keep_connections(m);
	return (m);
}

void
multi_free(struct multi *m)
{
	libcurl.multi_cleanup(m->curl);
	soon_forget(m->up->loop, &m->soon);
	timer_stop(m->up->loop, &m->timer);
	free(m->loaded);
	free(m);
}

struct multi *
multi_with_room(struct upstream *up)
{
	struct multi **at = &up->multis;

	while (*at != NULL && (*at)->running >= RUNNING_MAX)
		at = &(*at)->next;
	if (*at == NULL)
		*at = multi_new(up);
	if (up->sweep.place == 0)
		timer_set(up->loop, &up->sweep, loop_now_us(up->loop) + IDLE_US);
	return (*at);
}

void
multi_run(struct multi *m, curl_socket_t fd, int action)
{
	int running;

	libcurl.multi_socket_action(m->curl, fd, action, &running);
	call_settled(m);
}

bool
multi_add(struct multi *m, struct call *c)
{
	if (libcurl.multi_add_handle(m->curl, c->easy) != CURLM_OK)
		return (false);
	c->multi = m;
	m->running++;
	keep_connections(m);
	return (true);
}

void
multi_remove(struct call *c)
{
	struct multi *m = c->multi;

	if (m == NULL)
		return;
	libcurl.multi_remove_handle(m->curl, c->easy);
	c->multi = NULL;
	m->running--;
	if (m->running == 0)
		m->idle_since_us = loop_now_us(m->up->loop);
	keep_connections(m);
}

/* Close what has long been unused, so that an idle worker is small; comes again while there is something to close. */
void
multis_sweep(struct timer *timer)
{
	struct upstream *up = (struct upstream *)((char *)timer - offsetof(struct upstream, sweep));
	int64_t now = loop_now_us(up->loop);
	struct multi **at = &up->multis, *m;

	while ((m = *at) != NULL) {
		if (m->running == 0 && now - m->idle_since_us >= IDLE_US) {
			*at = m->next;
			multi_free(m);
		} else
			at = &m->next;
	}
	calls_trim(up, up->multis != NULL ? POOL_MAX / 8 : 0);
	if (up->multis != NULL)
		timer_set(up->loop, &up->sweep, now + IDLE_US / 2);
}
