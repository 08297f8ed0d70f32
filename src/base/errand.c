/* SPDX-License-Identifier: Apache-2.0 */
/* Lanes of errands: a queue to the threads, a list of the finished back to the loop. */
#include "base/errand.h"

#include "base/clock.h"
#include "base/text.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#define IDLE_MS		10000
#define STACK		(1 << 20)		/* getaddrinfo() and libpq fit */

struct list {
	struct errand	*first, **last;
};

struct lane {
	struct loop	*loop;
	char		 name[16];		/* what pthread_setname_np() takes */
	unsigned	 limit;			/* of threads */
	unsigned	 room;			/* of the queue */
	bool		 coming_home;		/* a `done` is running: if it frees the lane, that is finished behind it */

	pthread_mutex_t	 lock;			/* of all below */
	pthread_cond_t	 wanted;		/* there is work, or none will come */
	pthread_cond_t	 ended;			/* a thread */
	struct list	 queue, finished;
	unsigned	 queued, threads, waiting, idle_ms;
	bool		 closed;		/* written by the loop's thread only */
	bool		 abandoned, posted;
	struct post	 home;
};

static void
list_init(struct list *l)
{
	l->first = NULL;
	l->last = &l->first;
}

static void
list_add(struct list *l, struct errand *e)
{
	e->next = NULL;
	*l->last = e;
	l->last = &e->next;
}

static struct errand *
list_take(struct list *l)
{
	struct errand *e = l->first;

	if (e != NULL && (l->first = e->next) == NULL)
		l->last = &l->first;
	return (e);
}

static void
drop(struct errand *e)
{
	if (e->drop != NULL)
		e->drop(e);
}

static void
drop_all(struct errand *e)
{
	while (e != NULL) {
		struct errand *next = e->next;

		drop(e);
		e = next;
	}
}

static void
destroy(struct lane *lane)
{
	drop_all(lane->queue.first);
	drop_all(lane->finished.first);
	pthread_mutex_destroy(&lane->lock);
	pthread_cond_destroy(&lane->wanted);
	pthread_cond_destroy(&lane->ended);
	free(lane);
}

/* in the threads */

/* The next errand; NULL: none came in the idle time, or the lane was closed.  The lock is held. */
static struct errand *
await(struct lane *lane)
{
	struct timespec until = clock_from_now(lane->idle_ms);
	int rc = 0;

	lane->waiting++;
	while (lane->queue.first == NULL && !lane->closed && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&lane->wanted, &lane->lock, &until);
	lane->waiting--;
	if (lane->queue.first == NULL || lane->closed)
		return (NULL);
	lane->queued--;
	return (list_take(&lane->queue));
}

/* The post is sent under the lock, so that lane_free() knows whether there is one to forget.  Nobody awaits what comes later: it stays in the list. */
static void
send_home(struct lane *lane, struct errand *e)
{
	list_add(&lane->finished, e);
	if (lane->closed)
		return;
	if (!lane->posted)
		loop_post(lane->loop, &lane->home);
	lane->posted = true;
}

static void *
run(void *self)
{
	struct lane *lane = self;
	struct errand *e;
	bool last;

	pthread_setname_np(pthread_self(), lane->name);
	pthread_mutex_lock(&lane->lock);
	while ((e = await(lane)) != NULL) {
		pthread_mutex_unlock(&lane->lock);
		e->work(e);
		pthread_mutex_lock(&lane->lock);
		send_home(lane, e);
	}
	lane->threads--;
	last = lane->abandoned && lane->threads == 0;
	pthread_cond_signal(&lane->ended);
	pthread_mutex_unlock(&lane->lock);
	if (last)
		destroy(lane);
	return (NULL);
}

/* on the loop */

/* The last one out destroys it: the loop, or a thread that is still at work. */
static void
leave(struct lane *lane)
{
	bool all;

	pthread_mutex_lock(&lane->lock);
	all = lane->threads == 0;
	lane->abandoned = !all;
	pthread_mutex_unlock(&lane->lock);
	if (all)
		destroy(lane);
}

static void
come_home(struct post *p)
{
	struct lane *lane = (struct lane *)((char *)p - offsetof(struct lane, home));
	struct errand *e, *next;

	pthread_mutex_lock(&lane->lock);
	next = lane->finished.first;
	list_init(&lane->finished);
	lane->posted = false;
	pthread_mutex_unlock(&lane->lock);
	lane->coming_home = true;
	while ((e = next) != NULL && !lane->closed) {
		next = e->next;
		e->done(e);
	}
	drop_all(e);
	lane->coming_home = false;
	if (lane->closed)
		leave(lane);
}

struct lane *
lane_new(struct loop *loop, const char *name, unsigned threads, unsigned queue)
{
	struct lane *lane = must_zalloc(sizeof(*lane));
	pthread_condattr_t steady;

	lane->loop = loop;
	strncpy(lane->name, name, sizeof(lane->name) - 1);
	lane->limit = threads;
	lane->room = queue;
	lane->idle_ms = IDLE_MS;
	list_init(&lane->queue);
	list_init(&lane->finished);
	lane->home.run = come_home;
	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	pthread_mutex_init(&lane->lock, NULL);
	pthread_cond_init(&lane->wanted, &steady);
	pthread_cond_init(&lane->ended, &steady);
	pthread_condattr_destroy(&steady);
	return (lane);
}

/* Signals stay with the loop: a new thread has all of them blocked. */
static bool
start_thread(struct lane *lane)
{
	sigset_t all, before;
	pthread_attr_t how;
	pthread_t thread;
	int rc;

	sigfillset(&all);
	pthread_attr_init(&how);
	pthread_attr_setdetachstate(&how, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&how, STACK);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&thread, &how, run, lane);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&how);
	lane->threads += rc == 0;
	return (rc == 0);
}

bool
lane_send(struct lane *lane, struct errand *e)
{
	bool sent = false;

	pthread_mutex_lock(&lane->lock);
	if (lane->queued < lane->room) {
		if (lane->waiting <= lane->queued && lane->threads < lane->limit)
			start_thread(lane);
		sent = lane->threads > 0;
	}
	if (sent) {
		list_add(&lane->queue, e);
		lane->queued++;
		pthread_cond_signal(&lane->wanted);
	}
	pthread_mutex_unlock(&lane->lock);
	return (sent);
}

void
lane_set_idle(struct lane *lane, unsigned idle_ms)
{
	pthread_mutex_lock(&lane->lock);
	lane->idle_ms = idle_ms;
	pthread_mutex_unlock(&lane->lock);
}

unsigned
lane_threads(struct lane *lane)
{
	unsigned n;

	pthread_mutex_lock(&lane->lock);
	n = lane->threads;
	pthread_mutex_unlock(&lane->lock);
	return (n);
}

bool
lane_free(struct lane *lane, unsigned wait_ms)
{
	struct timespec until = clock_from_now(wait_ms);
	bool over;
	int rc = 0;

	if (lane == NULL)
		return (true);
	pthread_mutex_lock(&lane->lock);
	lane->closed = true;
	if (lane->posted)
		post_forget(lane->loop, &lane->home);
	pthread_cond_broadcast(&lane->wanted);
	while (lane->threads > 0 && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&lane->ended, &lane->lock, &until);
	over = lane->threads == 0;
	pthread_mutex_unlock(&lane->lock);
	if (!lane->coming_home)
		leave(lane);
	return (over);
}
