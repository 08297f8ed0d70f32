/* SPDX-License-Identifier: Apache-2.0 */
/* What runs at once: counts of wide and narrow seats, limits, those who die, permits of several threads. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "board/board_priv.h"
#include "board/parallel.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];
static struct board *b;

static struct board *
open_board(enum seat_kind kind)
{
	struct buf why = { 0 };
	struct board *opened = board_open(dir, "t", kind, &why);

	if (opened == NULL)
		fprintf(stderr, TEXT_FMT "\n", TEXT_ARG(why));
	buf_free(&why);
	assert_non_null(opened);
	return (opened);
}

static int
set_up(void **state)
{
	strcpy(dir, "/tmp/parallel_test.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return (1);
	b = open_board(SEAT_WIDE);
	return (0);
}

static int
tear_down(void **state)
{
	char path[128];

	board_close(b);
	snprintf(path, sizeof(path), "%s/t.board", dir);
	unlink(path);
	return (rmdir(dir));
}

static enum parallel_end
take(struct board *of, uint64_t entity, unsigned limit)
{
	unsigned running;

	return (parallel_take(of, entity, limit, &running));
}

static void
seats_add_up(void **state)
{
	struct board *wide = open_board(SEAT_WIDE), *narrow = open_board(SEAT_NARROW);
	unsigned running;

	assert_int_equal(parallel_take(b, 5, 4, &running), PARALLEL_TAKEN);
	assert_int_equal(running, 1);
	assert_int_equal(parallel_take(wide, 5, 4, &running), PARALLEL_TAKEN);
	assert_int_equal(parallel_take(narrow, 5, 4, &running), PARALLEL_TAKEN);
	assert_int_equal(parallel_take(narrow, 5, 4, &running), PARALLEL_TAKEN);
	assert_int_equal(running, 4);
	assert_int_equal(parallel_take(b, 5, 4, &running), PARALLEL_OVER);
	assert_int_equal(running, 4);
	assert_int_equal(take(b, 6, 1), PARALLEL_TAKEN);
	parallel_give(narrow, 5);
	assert_int_equal(parallel_sum(b, 5), 3);
	assert_int_equal(take(wide, 5, 4), PARALLEL_TAKEN);
	board_close(wide);
	board_close(narrow);
	assert_int_equal(parallel_sum(b, 5), 1);
	parallel_give(b, 5);
	parallel_give(b, 5);				/* once too often is no harm */
	assert_int_equal(parallel_sum(b, 5), 0);
	assert_int_equal(take(b, 5, 0), PARALLEL_OVER);
	assert_int_equal(take(b, UINT64_C(0xffffffffffff), 1), PARALLEL_TAKEN);
	assert_int_equal(take(b, UINT64_C(0xffffffffffff), 1), PARALLEL_OVER);
}

static void
many_fit_and_too_many_are_told(void **state)
{
	struct board *narrow = open_board(SEAT_NARROW), *reader = open_board(SEAT_NONE);
	unsigned full = 0;

	for (uint64_t e = 1; e <= 3000; e++)
		assert_int_equal(take(b, e, 1), PARALLEL_TAKEN);
	for (uint64_t e = 3001; e <= 12000; e++)
		full += take(b, e, 1) == PARALLEL_FULL;
	assert_true(full > 0);
	for (uint64_t e = 1; e <= 12000; e++)
		parallel_give(b, e);
	for (uint64_t e = 1; e <= 12000; e++)
		assert_int_equal(parallel_sum(b, e), 0);
	for (uint64_t e = 1; e <= PARALLEL_NARROW; e++)
		assert_int_equal(take(narrow, e, 1), PARALLEL_TAKEN);
	assert_int_equal(take(narrow, 100, 1), PARALLEL_FULL);
	assert_int_equal(take(reader, 100, 1), PARALLEL_FULL);
	board_close(reader);
	board_close(narrow);
}

static void
sixteen_bits_are_the_most(void **state)
{
	for (unsigned i = 0; i < 65535; i++)
		assert_int_equal(take(b, 5, 1000000), PARALLEL_TAKEN);
	assert_int_equal(take(b, 5, 1000000), PARALLEL_TAKEN);	/* in a second word */
	assert_int_equal(parallel_sum(b, 5), 65536);
}

static pid_t
take_and_die(uint64_t entity, unsigned n)
{
	pid_t pid = fork();
	struct board *mine;

	if (pid != 0)
		return (pid);
	mine = open_board(SEAT_NARROW);
	for (unsigned i = 0; i < n; i++)
		take(mine, entity, 1000);
	permit_take(mine, 8);
	kill(getpid(), SIGKILL);
	_exit(0);
}

/* Nobody sweeps but the one who would be refused. */
static void
the_dead_hold_nothing(void **state)
{
	assert_true(take_and_die(5, 3) > 0);
	wait(NULL);
	assert_int_equal(parallel_sum(b, 5), 3);
	usleep(4000);
	assert_int_equal(take(b, 5, 3), PARALLEL_TAKEN);
	assert_int_equal(parallel_sum(b, 5), 1);
	assert_int_equal(permits_taken(b), 0);
}

static void
the_living_keep_what_they_hold(void **state)
{
	struct board *other = open_board(SEAT_NARROW);

	assert_int_equal(take(other, 5, 1), PARALLEL_TAKEN);
	usleep(4000);
	assert_int_equal(take(b, 5, 1), PARALLEL_OVER);
	assert_int_equal(board_sweep(b), 0);
	board_close(other);
	assert_int_equal(take(b, 5, 1), PARALLEL_TAKEN);
}

/* Eight processes, four places: never more than four are in at the same time, and all get in. */
static void
contend(_Atomic int *in, _Atomic unsigned *entered, _Atomic bool *wrong, enum seat_kind kind)
{
	struct board *mine;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	mine = open_board(kind);
	for (unsigned got = 0; got < 2000;) {
		if (take(mine, 5, 4) != PARALLEL_TAKEN)
			continue;
		if (++*in > 4)
			*wrong = true;
		got++;
		++*entered;
		--*in;
		parallel_give(mine, 5);
	}
	_exit(0);
}

static void
a_limit_is_exact_between_processes(void **state)
{
	struct {
		_Atomic int	 in;
		_Atomic unsigned entered;
		_Atomic bool	 wrong;
	} *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	for (unsigned i = 0; i < 8; i++)
		if (fork() == 0)
			contend(&shared->in, &shared->entered, &shared->wrong, i % 2 == 0 ? SEAT_WIDE : SEAT_NARROW);
	for (unsigned i = 0; i < 8; i++)
		wait(NULL);
	assert_false(shared->wrong);
	assert_int_equal(shared->entered, 16000);
	munmap(shared, 4096);
}

static void
permits_are_bounded(void **state)
{
	struct board *other = open_board(SEAT_NARROW), *reader = open_board(SEAT_NONE);

	for (unsigned i = 0; i < 8; i++)
		assert_true(permit_take(i % 2 == 0 ? b : other, 8));
	assert_false(permit_take(b, 8));
	assert_false(permit_take(other, 8));
	assert_true(permit_take(reader, 8));			/* without a seat nothing is counted */
	permit_give(reader);
	assert_int_equal(permits_taken(b), 8);
	permit_give(other);
	assert_true(permit_take(b, 8));
	board_close(other);
	assert_int_equal(permits_taken(b), 5);
	board_close(reader);
}

static _Atomic unsigned out;

static void *
lend(void *arg)
{
	for (unsigned i = 0; i < 3000; i++)
		if (permit_take(b, 3)) {
			assert_true(++out <= 3);
			out--;
			permit_give(b);
		}
	return (NULL);
}

static void
threads_share_permits(void **state)
{
	pthread_t threads[4];

	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, lend, NULL), 0);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(permits_taken(b), 0);
}

static void
time_in_and_out(void **state)
{
	enum { ROUNDS = 1000000 };
	struct board *others[3];
	int64_t began;

	for (unsigned i = 0; i < nitems(others); i++)
		others[i] = open_board(SEAT_WIDE);
	began = clock_us();
	for (unsigned i = 0; i < ROUNDS; i++) {
		take(b, 1 + i % 1000, 100);
		parallel_give(b, 1 + i % 1000);
	}
	print_message("in and out with 4 wide seats: %lld ns\n", (long long)(clock_us() - began) * 1000 / ROUNDS);
	for (unsigned i = 0; i < nitems(others); i++)
		board_close(others[i]);
}

#define T(test)	cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(seats_add_up), T(many_fit_and_too_many_are_told), T(sixteen_bits_are_the_most), T(the_dead_hold_nothing), T(the_living_keep_what_they_hold),
		T(a_limit_is_exact_between_processes), T(permits_are_bounded), T(threads_share_permits), T(time_in_and_out),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
