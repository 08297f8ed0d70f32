/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop: epoll, a heap of timers, an eventfd for posts, a signalfd. */
#include "base/loop.h"

#include "base/clock.h"
#include "base/text.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define BATCH	256				/* events taken in one turn */
#define SOONS	4096				/* soons run in one turn */

struct loop {
	int		 epoll;
	bool		 stopping;
	int64_t		 now_us;

	struct timer   **heap;			/* [1 … timers], soonest first */
	unsigned	 timers, room;

	struct soon	*soon_first, **soon_last;

	pthread_mutex_t	 posts_lock;
	struct post	*posts_first, **posts_last;
	struct post	*hearing;		/* taken from there, to run next; the loop's thread only */
	bool		 posts_rung;		/* the bell was rung and not yet heard */
	struct watch	 bell;

	struct watch	 signals;
	void	       (*caught)(void *, int);
	void		*caught_self;

	struct epoll_event batch[BATCH];
	int		 taken, at;		/* of the batch that is handled; at: the next */
};

static void
hear_posts(struct watch *w, uint32_t events)
{
	struct loop *loop = (struct loop *)((char *)w - offsetof(struct loop, bell));
	struct post *p;
	uint64_t count;

	(void)events;
	(void)!read(w->fd, &count, sizeof(count));
	pthread_mutex_lock(&loop->posts_lock);
	loop->hearing = loop->posts_first;
	loop->posts_first = NULL;
	loop->posts_last = &loop->posts_first;
	loop->posts_rung = false;
	pthread_mutex_unlock(&loop->posts_lock);
	while ((p = loop->hearing) != NULL) {
		loop->hearing = p->next;
		p->run(p);
	}
}

struct loop *
loop_new(void)
{
	struct loop *loop = must_zalloc(sizeof(*loop));

	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->bell.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->epoll < 0 || loop->bell.fd < 0)
		abort();
	loop->bell.ready = hear_posts;
	loop->signals.fd = -1;
	loop->soon_last = &loop->soon_first;
	loop->posts_last = &loop->posts_first;
	pthread_mutex_init(&loop->posts_lock, NULL);
	loop->now_us = clock_us();
	watch_add(loop, &loop->bell, EPOLLIN);
	return (loop);
}

void
loop_free(struct loop *loop)
{
	if (loop->signals.fd >= 0)
		close(loop->signals.fd);
	close(loop->bell.fd);
	close(loop->epoll);
	pthread_mutex_destroy(&loop->posts_lock);
	free(loop->heap);
	free(loop);
}

int64_t
loop_now_us(const struct loop *loop)
{
	return (loop->now_us);
}

void
loop_stop(struct loop *loop)
{
	loop->stopping = true;
}

/* descriptors */

static void
control(struct loop *loop, int what, struct watch *w, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = w };
	int rc = epoll_ctl(loop->epoll, what, w->fd, &e);

	assert(rc == 0 || what == EPOLL_CTL_DEL);
	(void)rc;
}

void
watch_add(struct loop *loop, struct watch *w, uint32_t events)
{
	control(loop, EPOLL_CTL_ADD, w, events);
	w->events = events;
}

void
watch_change(struct loop *loop, struct watch *w, uint32_t events)
{
	if (w->events == events)
		return;
	control(loop, EPOLL_CTL_MOD, w, events);
	w->events = events;
}

void
watch_closed(struct loop *loop, struct watch *w)
{
	for (int i = loop->at; i < loop->taken; i++)
		if (loop->batch[i].data.ptr == w)
			loop->batch[i].data.ptr = NULL;
	w->events = 0;
}

void
watch_remove(struct loop *loop, struct watch *w)
{
	control(loop, EPOLL_CTL_DEL, w, 0);
	watch_closed(loop, w);
}

/* timers */

static void
put(struct loop *loop, unsigned place, struct timer *t)
{
	loop->heap[place] = t;
	t->place = place;
}

static void
settle(struct loop *loop, unsigned place, struct timer *t)
{
	while (place > 1 && loop->heap[place / 2]->at_us > t->at_us) {
		put(loop, place, loop->heap[place / 2]);
		place /= 2;
	}
	for (unsigned child = place * 2; child <= loop->timers; child = place * 2) {
		if (child < loop->timers && loop->heap[child + 1]->at_us < loop->heap[child]->at_us)
			child++;
		if (loop->heap[child]->at_us >= t->at_us)
			break;
		put(loop, place, loop->heap[child]);
		place = child;
	}
	put(loop, place, t);
}

void
timer_set(struct loop *loop, struct timer *t, int64_t at_us)
{
	t->at_us = at_us;
	if (t->place == 0) {
		if (loop->timers + 2 > loop->room) {
			loop->room = loop->room > 0 ? loop->room * 2 : 32;
			loop->heap = must_realloc(loop->heap, loop->room * sizeof(*loop->heap));
		}
		t->place = ++loop->timers;
	}
	settle(loop, t->place, t);
}

void
timer_stop(struct loop *loop, struct timer *t)
{
	unsigned place = t->place;
	struct timer *last;

	if (place == 0)
		return;
	t->place = 0;
	last = loop->heap[loop->timers--];
	if (last != t)
		settle(loop, place, last);
}

/* No more than there were: one that is always due again must not hold up the rest. */
static void
run_timers(struct loop *loop)
{
	for (unsigned left = loop->timers; left > 0 && loop->timers > 0 && loop->heap[1]->at_us <= loop->now_us; left--) {
		struct timer *t = loop->heap[1];

		timer_stop(loop, t);
		t->due(t);
	}
}

/* later in this turn */

void
soon_do(struct loop *loop, struct soon *s)
{
	if (s->queued)
		return;
	s->queued = true;
	s->next = NULL;
	*loop->soon_last = s;
	loop->soon_last = &s->next;
}

void
soon_forget(struct loop *loop, struct soon *s)
{
	struct soon **at = &loop->soon_first;

	if (!s->queued)
		return;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	if (s->next == NULL)
		loop->soon_last = at;
	s->queued = false;
}

static void
run_soon(struct loop *loop)
{
	struct soon *s;

	for (unsigned left = SOONS; left > 0 && (s = loop->soon_first) != NULL; left--) {
		loop->soon_first = s->next;
		if (s->next == NULL)
			loop->soon_last = &loop->soon_first;
		s->queued = false;
		s->run(s);
	}
}

/* from other threads */

void
loop_post(struct loop *loop, struct post *p)
{
	uint64_t one = 1;
	bool ring;

	p->next = NULL;
	pthread_mutex_lock(&loop->posts_lock);
	*loop->posts_last = p;
	loop->posts_last = &p->next;
	ring = !loop->posts_rung;
	loop->posts_rung = true;
	pthread_mutex_unlock(&loop->posts_lock);
	if (ring)
		(void)!write(loop->bell.fd, &one, sizeof(one));
}

static struct post **
find_post(struct post **at, const struct post *p)
{
	while (*at != NULL && *at != p)
		at = &(*at)->next;
	return (at);
}

void
post_forget(struct loop *loop, struct post *p)
{
	struct post **at = find_post(&loop->hearing, p);

	if (*at != NULL) {
		*at = p->next;
		return;
	}
	pthread_mutex_lock(&loop->posts_lock);
	at = find_post(&loop->posts_first, p);
	if (*at != NULL && (*at = p->next) == NULL)
		loop->posts_last = at;
	pthread_mutex_unlock(&loop->posts_lock);
}

static void
hear_signal(struct watch *w, uint32_t events)
{
	struct loop *loop = (struct loop *)((char *)w - offsetof(struct loop, signals));
	struct signalfd_siginfo info;

	(void)events;
	while (read(w->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		loop->caught(loop->caught_self, (int)info.ssi_signo);
}

void
loop_signals(struct loop *loop, const int *signals, unsigned n, void (*caught)(void *, int), void *self)
{
	sigset_t set;

	sigemptyset(&set);
	for (unsigned i = 0; i < n; i++)
		sigaddset(&set, signals[i]);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	loop->caught = caught;
	loop->caught_self = self;
	loop->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (loop->signals.fd < 0)
		abort();
	loop->signals.ready = hear_signal;
	watch_add(loop, &loop->signals, EPOLLIN);
}

/* the turn */

static int
wait_ms(const struct loop *loop, int max_wait_ms)
{
	int64_t left_ms;

	if (loop->soon_first != NULL)
		return (0);
	if (loop->timers == 0)
		return (max_wait_ms);
	left_ms = (loop->heap[1]->at_us - clock_us() + 999) / 1000;
	if (left_ms < 0)
		left_ms = 0;
	if (max_wait_ms >= 0 && left_ms > max_wait_ms)
		left_ms = max_wait_ms;
	return (left_ms > 3600000 ? 3600000 : (int)left_ms);
}

void
loop_turn(struct loop *loop, int max_wait_ms)
{
	loop->taken = epoll_wait(loop->epoll, loop->batch, BATCH, wait_ms(loop, max_wait_ms));
	loop->now_us = clock_us();
	for (loop->at = 0; loop->at < loop->taken; ) {
		struct epoll_event *e = &loop->batch[loop->at++];
		struct watch *w = e->data.ptr;

		if (w != NULL)
			w->ready(w, e->events);
	}
	loop->taken = loop->at = 0;
	run_timers(loop);
	run_soon(loop);
}

void
loop_run(struct loop *loop)
{
	while (!loop->stopping)
		loop_turn(loop, -1);
	loop->stopping = false;
}
