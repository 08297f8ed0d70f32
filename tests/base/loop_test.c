/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop: descriptors, timers, soons, posts and signals, each also when a callback adds and removes others. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/text.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECOND	1000000

static struct loop	*loop;

static int
begin(void **state)
{
	(void)state;
	loop = loop_new();
	return (0);
}

static int
end(void **state)
{
	(void)state;
	loop_free(loop);
	return (0);
}

/* descriptors */

struct pair {
	struct watch	 watch;
	int		 other;
	unsigned	 heard;
	uint32_t	 events;
	struct pair	*victim;		/* removed by the one that is heard first */
};

static void
hear(struct watch *w, uint32_t events)
{
	struct pair *p = (struct pair *)w;

	p->heard++;
	p->events |= events;
	if (p->victim != NULL && p->victim->watch.events != 0)
		watch_remove(loop, &p->victim->watch);
}

static struct pair
pair_new(void)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	return ((struct pair){ .watch = { .ready = hear, .fd = fds[0] }, .other = fds[1] });
}

static void
pair_free(struct pair *p)
{
	if (p->watch.events != 0)
		watch_remove(loop, &p->watch);
	close(p->watch.fd);
	if (p->other >= 0)
		close(p->other);
}

static void
a_descriptor_is_heard_while_it_is_watched(void **state)
{
	struct pair p = pair_new();

	(void)state;
	watch_add(loop, &p.watch, EPOLLIN);
	loop_turn(loop, 0);
	assert_int_equal(p.heard, 0);
	assert_int_equal(write(p.other, "x", 1), 1);
	loop_turn(loop, 1000);
	assert_int_equal(p.heard, 1);
	loop_turn(loop, 0);					/* still not read */
	assert_int_equal(p.heard, 2);
	watch_change(loop, &p.watch, EPOLLOUT);
	p.events = 0;
	loop_turn(loop, 1000);
	assert_int_equal(p.heard, 3);
	assert_int_equal(p.events, EPOLLOUT);
	watch_change(loop, &p.watch, 0);
	loop_turn(loop, 0);
	assert_int_equal(p.heard, 3);
	watch_change(loop, &p.watch, EPOLLIN);
	close(p.other);
	p.other = -1;
	p.events = 0;
	loop_turn(loop, 1000);
	assert_true((p.events & EPOLLHUP) != 0);
	watch_remove(loop, &p.watch);
	p.heard = 0;
	loop_turn(loop, 0);
	assert_int_equal(p.heard, 0);
	pair_free(&p);
}

/* Both are ready in the same turn; whichever is heard first takes the other away. */
static void
a_removed_descriptor_is_not_heard_in_the_same_turn(void **state)
{
	struct pair one = pair_new(), two = pair_new();

	(void)state;
	one.victim = &two;
	two.victim = &one;
	watch_add(loop, &one.watch, EPOLLIN);
	watch_add(loop, &two.watch, EPOLLIN);
	assert_int_equal(write(one.other, "x", 1), 1);
	assert_int_equal(write(two.other, "x", 1), 1);
	loop_turn(loop, 1000);
	assert_int_equal(one.heard + two.heard, 1);
	pair_free(&one);
	pair_free(&two);
}

static void
a_closed_descriptor_makes_room_for_another(void **state)
{
	struct pair p = pair_new(), q;

	(void)state;
	watch_add(loop, &p.watch, EPOLLIN);
	close(p.watch.fd);
	watch_closed(loop, &p.watch);
	close(p.other);
	q = pair_new();
	assert_int_equal(q.watch.fd, p.watch.fd);
	watch_add(loop, &q.watch, EPOLLIN);
	assert_int_equal(write(q.other, "x", 1), 1);
	loop_turn(loop, 1000);
	assert_int_equal(q.heard, 1);
	assert_int_equal(p.heard, 0);
	pair_free(&q);
}

/* timers */

#define TIMERS	200

struct alarm {
	struct timer	 timer;
	unsigned	 rang;
	int64_t		 again_us;		/* sets itself again, so much after now; negative: no */
};

static struct alarm	 alarms[TIMERS];
static unsigned		 order[TIMERS], rung;

static void
ring(struct timer *t)
{
	struct alarm *a = (struct alarm *)t;

	assert_int_equal(t->place, 0);
	a->rang++;
	if (rung < TIMERS)
		order[rung++] = (unsigned)(a - alarms);
	if (a->again_us >= 0)
		timer_set(loop, t, loop_now_us(loop) + a->again_us);
}

static void
reset_alarms(void)
{
	rung = 0;
	for (unsigned i = 0; i < TIMERS; i++)
		alarms[i] = (struct alarm){ .timer = { .due = ring }, .again_us = -1 };
}

static void
timers_ring_in_their_order(void **state)
{
	int64_t now = clock_us() - SECOND;
	unsigned stopped = 0;

	(void)state;
	reset_alarms();
	for (unsigned i = 0; i < TIMERS; i++)
		timer_set(loop, &alarms[i].timer, now + i * 7919 % 1009);
	for (unsigned i = 0; i < TIMERS; i += 3)		/* moved to and fro */
		timer_set(loop, &alarms[i].timer, now + (i * 104729 + 5) % 2003);
	for (unsigned i = 0; i < TIMERS; i += 7, stopped++) {
		timer_stop(loop, &alarms[i].timer);
		timer_stop(loop, &alarms[i].timer);		/* twice is fine */
	}
	loop_turn(loop, 0);
	assert_int_equal(rung, TIMERS - stopped);
	for (unsigned i = 1; i < rung; i++)
		assert_true(alarms[order[i - 1]].timer.at_us <= alarms[order[i]].timer.at_us);
	for (unsigned i = 0; i < TIMERS; i++)
		assert_int_equal(alarms[i].rang, i % 7 != 0);
}

static void
a_timer_is_waited_for_and_not_early(void **state)
{
	int64_t at = clock_us() + 20000;

	(void)state;
	reset_alarms();
	timer_set(loop, &alarms[0].timer, at);
	loop_turn(loop, 0);
	assert_int_equal(alarms[0].rang, 0);
	while (alarms[0].rang == 0)
		loop_turn(loop, -1);
	assert_true(clock_us() >= at);
}

static void
a_timer_always_due_holds_up_nobody(void **state)
{
	struct pair p = pair_new();

	(void)state;
	reset_alarms();
	alarms[0].again_us = 0;
	timer_set(loop, &alarms[0].timer, loop_now_us(loop));
	timer_set(loop, &alarms[1].timer, loop_now_us(loop));
	watch_add(loop, &p.watch, EPOLLIN);
	assert_int_equal(write(p.other, "x", 1), 1);
	loop_turn(loop, 0);
	loop_turn(loop, 0);
	assert_true(alarms[0].rang >= 2);
	assert_int_equal(alarms[1].rang, 1);
	assert_int_equal(p.heard, 2);
	timer_stop(loop, &alarms[0].timer);
	pair_free(&p);
}

/* soons */

struct later {
	struct soon		 soon;
	unsigned		 runs;
	struct later	*then;		/* queued by this one */
};

static void
run_later(struct soon *s)
{
	struct later *l = (struct later *)s;

	assert_false(s->queued);
	l->runs++;
	if (l->then != NULL)
		soon_do(loop, &l->then->soon);
}

static void
soons_run_at_the_end_of_the_turn(void **state)
{
	struct later l[4] = { { { run_later, NULL, false }, 0, NULL }, { { run_later, NULL, false }, 0, &l[2] }, { { run_later, NULL, false }, 0, NULL },
	    { { run_later, NULL, false }, 0, NULL } };

	(void)state;
	soon_do(loop, &l[0].soon);
	soon_do(loop, &l[0].soon);
	soon_do(loop, &l[3].soon);
	soon_forget(loop, &l[3].soon);				/* the last one: the queue still takes */
	soon_forget(loop, &l[3].soon);
	soon_do(loop, &l[1].soon);
	loop_turn(loop, -1);					/* does not sleep */
	assert_int_equal(l[0].runs, 1);
	assert_int_equal(l[1].runs, 1);
	assert_int_equal(l[2].runs, 1);				/* queued by another, the same turn */
	assert_int_equal(l[3].runs, 0);
	soon_do(loop, &l[3].soon);
	soon_do(loop, &l[0].soon);
	loop_turn(loop, -1);
	assert_int_equal(l[3].runs, 1);
	assert_int_equal(l[0].runs, 2);
}

static void
a_soon_that_asks_again_holds_up_nobody(void **state)
{
	struct later l = { { run_later, NULL, false }, 0, &l };
	struct pair p = pair_new();

	(void)state;
	watch_add(loop, &p.watch, EPOLLIN);
	assert_int_equal(write(p.other, "x", 1), 1);
	soon_do(loop, &l.soon);
	loop_turn(loop, -1);
	loop_turn(loop, -1);
	assert_int_equal(p.heard, 2);
	assert_true(l.runs >= 2);
	soon_forget(loop, &l.soon);
	pair_free(&p);
}

/* posts */

#define POSTERS	4
#define EACH	500

struct letter {
	struct post	 post;
	unsigned	 from, number;
	struct letter	*forgets;
};

static unsigned		 next_from[POSTERS], arrived;
static struct letter	 letters[POSTERS][EACH];

static void
arrive(struct post *p)
{
	struct letter *l = (struct letter *)p;

	assert_int_equal(l->number, next_from[l->from]++);
	arrived++;
	if (l->forgets != NULL)
		post_forget(loop, &l->forgets->post);
}

static void *
post_all(void *arg)
{
	struct letter *mine = arg;

	for (unsigned i = 0; i < EACH; i++)
		loop_post(loop, &mine[i].post);
	return (NULL);
}

static void
posts_arrive_in_order(void **state)
{
	int64_t until = clock_us() + 20 * SECOND;
	pthread_t threads[POSTERS];

	(void)state;
	arrived = 0;
	memset(next_from, 0, sizeof(next_from));
	for (unsigned t = 0; t < POSTERS; t++)
		for (unsigned i = 0; i < EACH; i++)
			letters[t][i] = (struct letter){ .post = { .run = arrive }, .from = t, .number = i };
	for (unsigned t = 0; t < POSTERS; t++)
		assert_int_equal(pthread_create(&threads[t], NULL, post_all, letters[t]), 0);
	while (arrived < POSTERS * EACH && clock_us() < until)
		loop_turn(loop, 100);
	for (unsigned t = 0; t < POSTERS; t++)
		pthread_join(threads[t], NULL);
	assert_int_equal(arrived, POSTERS * EACH);
}

static void
a_forgotten_post_does_not_arrive(void **state)
{
	struct letter l[4];

	(void)state;
	arrived = 0;
	memset(next_from, 0, sizeof(next_from));
	for (unsigned i = 0; i < nitems(l); i++)
		l[i] = (struct letter){ .post = { .run = arrive }, .from = i };
	l[0].forgets = &l[1];					/* while posts are being heard */
	for (unsigned i = 0; i < nitems(l) - 1; i++)
		loop_post(loop, &l[i].post);
	post_forget(loop, &l[2].post);				/* the last, before: the queue still takes */
	post_forget(loop, &l[2].post);
	loop_post(loop, &l[3].post);
	loop_turn(loop, 1000);
	assert_int_equal(arrived, 2);
	assert_int_equal(next_from[1] + next_from[2], 0);
	next_from[3] = 0;
	loop_post(loop, &l[3].post);
	loop_turn(loop, 1000);
	assert_int_equal(arrived, 3);
}

/* signals and stopping */

static void
catch(void *self, int signal)
{
	*(int *)self = signal;
	loop_stop(loop);
}

static void
signals_are_caught_on_the_loop(void **state)
{
	static const int signals[] = { SIGUSR1, SIGUSR2 };
	int caught = 0;

	(void)state;
	loop_signals(loop, signals, nitems(signals), catch, &caught);
	assert_int_equal(kill(getpid(), SIGUSR2), 0);
	loop_run(loop);
	assert_int_equal(caught, SIGUSR2);
}

static void
stopping_before_running_counts(void **state)
{
	(void)state;
	loop_stop(loop);
	loop_run(loop);						/* returns */
	reset_alarms();
	alarms[0].again_us = -1;
	timer_set(loop, &alarms[0].timer, clock_us());
	loop_turn(loop, 0);
	assert_int_equal(alarms[0].rang, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_descriptor_is_heard_while_it_is_watched, begin, end),
		cmocka_unit_test_setup_teardown(a_removed_descriptor_is_not_heard_in_the_same_turn, begin, end),
		cmocka_unit_test_setup_teardown(a_closed_descriptor_makes_room_for_another, begin, end),
		cmocka_unit_test_setup_teardown(timers_ring_in_their_order, begin, end),
		cmocka_unit_test_setup_teardown(a_timer_is_waited_for_and_not_early, begin, end),
		cmocka_unit_test_setup_teardown(a_timer_always_due_holds_up_nobody, begin, end),
		cmocka_unit_test_setup_teardown(soons_run_at_the_end_of_the_turn, begin, end),
		cmocka_unit_test_setup_teardown(a_soon_that_asks_again_holds_up_nobody, begin, end),
		cmocka_unit_test_setup_teardown(posts_arrive_in_order, begin, end),
		cmocka_unit_test_setup_teardown(a_forgotten_post_does_not_arrive, begin, end),
		cmocka_unit_test_setup_teardown(signals_are_caught_on_the_loop, begin, end),
		cmocka_unit_test_setup_teardown(stopping_before_running_counts, begin, end),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
