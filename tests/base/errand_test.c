/* SPDX-License-Identifier: Apache-2.0 */
/* Errands: done on the loop once each, bounded queues, threads that come and go, lanes freed at any moment. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/errand.h"
#include "base/text.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define SECOND	1000000

/* A gate that errands wait at until the test opens it. */
struct gate {
	pthread_mutex_t	 lock;
	pthread_cond_t	 moved;
	unsigned	 arrived;
	bool		 open;
};
#define GATE	{ PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false }

struct job {
	struct errand	 errand;
	struct gate	*gate;
	pthread_t	 worker;
	sigset_t	 mask;
	unsigned	 worked;
	struct tally	*tally;
};

struct tally {
	pthread_t	 loop_thread;
	unsigned	 done;
	atomic_uint	 dropped;
	struct job	*order[64];
	struct lane	*free_then;		/* by the first `done` */
};

static void
work(struct errand *e)
{
	struct job *job = (struct job *)e;

	job->worker = pthread_self();
	pthread_sigmask(SIG_BLOCK, NULL, &job->mask);
	job->worked++;
	if (job->gate == NULL)
		return;
	pthread_mutex_lock(&job->gate->lock);
	job->gate->arrived++;
	pthread_cond_broadcast(&job->gate->moved);
	while (!job->gate->open)
		pthread_cond_wait(&job->gate->moved, &job->gate->lock);
	pthread_mutex_unlock(&job->gate->lock);
}

static void
done(struct errand *e)
{
	struct job *job = (struct job *)e;
	struct tally *t = job->tally;

	assert_true(pthread_equal(pthread_self(), t->loop_thread));
	assert_int_equal(job->worked, 1);
	t->order[t->done++] = job;
	if (t->free_then != NULL) {
		lane_free(t->free_then, 10000);
		t->free_then = NULL;
	}
}

static void
dropped(struct errand *e)
{
	((struct job *)e)->tally->dropped++;
}

static struct job
job_for(struct tally *t, struct gate *gate)
{
	return ((struct job){ .errand = { .work = work, .done = done, .drop = dropped }, .gate = gate, .tally = t });
}

static void
open_gate(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	g->open = true;
	pthread_cond_broadcast(&g->moved);
	pthread_mutex_unlock(&g->lock);
}

static void
await_arrived(struct gate *g, unsigned n)
{
	pthread_mutex_lock(&g->lock);
	while (g->arrived < n)
		pthread_cond_wait(&g->moved, &g->lock);
	pthread_mutex_unlock(&g->lock);
}

static void
turn_until_done(struct loop *loop, const struct tally *t, unsigned n)
{
	int64_t until = clock_us() + 60 * SECOND;

	while (t->done < n && clock_us() < until)
		loop_turn(loop, 100);
	assert_int_equal(t->done, n);
}

static void
turn_until_threads(struct loop *loop, struct lane *lane, unsigned n)
{
	int64_t until = clock_us() + 60 * SECOND;

	while (lane_threads(lane) != n && clock_us() < until)
		loop_turn(loop, 5);
	assert_int_equal(lane_threads(lane), n);
}

static void
errands_come_home_once_each(void **state)
{
	struct loop *loop = loop_new();
	struct lane *lane = lane_new(loop, "a-name-longer-than-fifteen", 3, 64);
	struct tally t = { .loop_thread = pthread_self() };
	struct job jobs[64];

	(void)state;
	assert_int_equal(lane_threads(lane), 0);		/* none before the first errand */
	for (unsigned i = 0; i < nitems(jobs); i++) {
		jobs[i] = job_for(&t, NULL);
		assert_true(lane_send(lane, &jobs[i].errand));
	}
	assert_true(lane_threads(lane) <= 3);
	turn_until_done(loop, &t, nitems(jobs));
	for (unsigned i = 0; i < nitems(jobs); i++) {
		assert_int_equal(jobs[i].worked, 1);
		assert_false(pthread_equal(jobs[i].worker, t.loop_thread));
		assert_int_equal(sigismember(&jobs[i].mask, SIGTERM), 1);
	}
	lane_free(lane, 10000);
	loop_free(loop);
}

static void
one_thread_keeps_the_order(void **state)
{
	struct loop *loop = loop_new();
	struct lane *lane = lane_new(loop, "one", 1, 64);
	struct tally t = { .loop_thread = pthread_self() };
	struct job jobs[20];

	(void)state;
	for (unsigned i = 0; i < nitems(jobs); i++) {
		jobs[i] = job_for(&t, NULL);
		assert_true(lane_send(lane, &jobs[i].errand));
	}
	turn_until_done(loop, &t, nitems(jobs));
	for (unsigned i = 0; i < nitems(jobs); i++)
		assert_ptr_equal(t.order[i], &jobs[i]);
	lane_free(lane, 10000);
	loop_free(loop);
}

static void
a_full_queue_refuses(void **state)
{
	struct gate gate = GATE;
	struct loop *loop = loop_new();
	struct lane *lane = lane_new(loop, "full", 2, 3);
	struct tally t = { .loop_thread = pthread_self() };
	struct job jobs[6];

	(void)state;
	for (unsigned i = 0; i < nitems(jobs); i++)
		jobs[i] = job_for(&t, &gate);
	assert_true(lane_send(lane, &jobs[0].errand));
	assert_true(lane_send(lane, &jobs[1].errand));
	await_arrived(&gate, 2);				/* both threads are at work */
	for (unsigned i = 2; i < 5; i++)
		assert_true(lane_send(lane, &jobs[i].errand));
	assert_false(lane_send(lane, &jobs[5].errand));
	assert_int_equal(lane_threads(lane), 2);
	open_gate(&gate);
	turn_until_done(loop, &t, 5);
	assert_true(lane_send(lane, &jobs[5].errand));		/* room again */
	turn_until_done(loop, &t, 6);
	lane_free(lane, 10000);
	loop_free(loop);
}

static void
a_stuck_lane_delays_no_other(void **state)
{
	struct gate gate = GATE;
	struct loop *loop = loop_new();
	struct lane *stuck = lane_new(loop, "stuck", 1, 4), *free_lane = lane_new(loop, "free", 1, 4);
	struct tally t = { .loop_thread = pthread_self() };
	struct job first = job_for(&t, &gate), second = job_for(&t, NULL);

	(void)state;
	assert_true(lane_send(stuck, &first.errand));
	assert_true(lane_send(free_lane, &second.errand));
	turn_until_done(loop, &t, 1);
	assert_ptr_equal(t.order[0], &second);
	open_gate(&gate);
	turn_until_done(loop, &t, 2);
	lane_free(stuck, 10000);
	lane_free(free_lane, 10000);
	loop_free(loop);
}

static void
idle_threads_end_and_come_back(void **state)
{
	struct loop *loop = loop_new();
	struct lane *lane = lane_new(loop, "idle", 2, 4);
	struct tally t = { .loop_thread = pthread_self() };
	struct job jobs[4];

	(void)state;
	lane_set_idle(lane, 1);
	for (unsigned i = 0; i < nitems(jobs); i++) {
		jobs[i] = job_for(&t, NULL);
		assert_true(lane_send(lane, &jobs[i].errand));
		turn_until_done(loop, &t, i + 1);
		turn_until_threads(loop, lane, 0);
	}
	lane_free(lane, 10000);
	loop_free(loop);
}

static void
freeing_waits_for_work_and_calls_nobody(void **state)
{
	struct loop *loop = loop_new();
	struct lane *lane = lane_new(loop, "end", 2, 16);
	struct tally t = { .loop_thread = pthread_self() };
	struct job jobs[16];

	(void)state;
	for (unsigned i = 0; i < nitems(jobs); i++) {
		jobs[i] = job_for(&t, NULL);
		assert_true(lane_send(lane, &jobs[i].errand));
	}
	lane_free(lane, 10000);
	loop_turn(loop, 0);
	loop_turn(loop, 0);
	assert_int_equal(t.done, 0);
	assert_int_equal(t.dropped, nitems(jobs));
	loop_free(loop);
	lane_free(NULL, 0);
}

/* The thread outlives its lane, its loop, and ends by itself. */
static void
freeing_does_not_wait_for_ever(void **state)
{
	static struct gate gate = GATE;
	static struct tally t;
	static struct job job;
	struct loop *loop = loop_new();
	struct lane *lane = lane_new(loop, "for-ever", 1, 4);

	(void)state;
	t.loop_thread = pthread_self();
	job = job_for(&t, &gate);
	assert_true(lane_send(lane, &job.errand));
	await_arrived(&gate, 1);
	lane_free(lane, 1);
	loop_free(loop);
	assert_int_equal(t.dropped, 0);
	open_gate(&gate);
	while (t.dropped == 0)
		sched_yield();
	assert_int_equal(t.done, 0);
}

static void
a_done_may_free_its_lane(void **state)
{
	struct loop *loop = loop_new();
	struct lane *lane = lane_new(loop, "within", 1, 4);
	struct tally t = { .loop_thread = pthread_self(), .free_then = lane };
	struct job jobs[3];

	(void)state;
	for (unsigned i = 0; i < nitems(jobs); i++) {
		jobs[i] = job_for(&t, NULL);
		assert_true(lane_send(lane, &jobs[i].errand));
	}
	turn_until_done(loop, &t, 1);
	loop_turn(loop, 0);
	assert_int_equal(t.done, 1);
	assert_int_equal(t.dropped, 2);
	loop_free(loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errands_come_home_once_each),
		cmocka_unit_test(one_thread_keeps_the_order),
		cmocka_unit_test(a_full_queue_refuses),
		cmocka_unit_test(a_stuck_lane_delays_no_other),
		cmocka_unit_test(idle_threads_end_and_come_back),
		cmocka_unit_test(freeing_waits_for_work_and_calls_nobody),
		cmocka_unit_test(freeing_does_not_wait_for_ever),
		cmocka_unit_test(a_done_may_free_its_lane),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
