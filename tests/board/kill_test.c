/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that hammer a board and are killed, at any time and between any two of its writes: nothing they held may stay, nothing they counted may go. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "board/board_priv.h"
#include "board/hammer.h"
#include "kit/child.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ERAS		15			/* boards, each made anew under fire */
#define KILLS		60			/* on each */
#define CHILDREN	8

static char dir[64];
static unsigned long points_left;		/* until this process kills itself; 0: it does not */
static struct truth *truth;
static unsigned me;

/* Here a process dies, or lets others go first, who may then find what it is in the middle of. */
void
board_point(void)
{
	if (random_u64() % 256 == 0)
		sched_yield();
	if (points_left > 0 && --points_left == 0) {
		hammer_dead(truth, me);
		kill(getpid(), SIGKILL);
	}
}

static void
die_of(const char *wrong)
{
	fprintf(stderr, "%s\n", wrong);
	_exit(99);
}

/* Opens, works and closes until killed. */
static void
live(enum seat_kind kind)
{
	struct buf why = { 0 };

	for (;;) {
		struct board *b = board_open(dir, "k", kind, &why);
		const char *wrong;

		if (b == NULL) {
			buf_byte(&why, '\0');
			die_of(why.at);
		}
		if ((wrong = hammer(b, truth, me, (unsigned)(random_u64() % 2000))) != NULL)
			die_of(wrong);
		board_close(b);
	}
}

static pid_t
begin(unsigned i)
{
	pid_t pid = child_fork();

	if (pid != 0)
		return (pid);
	me = i;
	if (random_u64() % 2 == 0)		/* few points, so that the first ones, in opening, are met often */
		points_left = 1 + random_u64() % (1UL << (random_u64() % 12));
	live(i % 2 == 0 ? SEAT_WIDE : SEAT_NARROW);
	_exit(0);
}

/* It is stopped first, so that nobody can be let in for it before it is known to be out. */
static void
end(pid_t pid, unsigned i)
{
	int status;

	kill(pid, SIGSTOP);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	hammer_dead(truth, i);
	if (WIFSTOPPED(status)) {
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
	}
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void
no_error(const char *wrong)
{
	if (wrong != NULL)
		fail_msg("%s", wrong);
}

static struct board *
look_on(void)
{
	struct buf why = { 0 };
	struct board *b = board_open(dir, "k", SEAT_NONE, &why);

	assert_non_null(b);
	buf_free(&why);
	return (b);
}

static void
nothing_is_held(struct board *b)
{
	board_sweep(b);
	assert_int_equal(board_all_open(b), 0);
	for (unsigned slot = 0; slot < BOARD_DEPLOYMENTS; slot++)
		assert_int_equal(board_in_flight_sum(b, slot), 0);
	for (unsigned i = 0; i < BOARD_WIDE; i++)
		assert_int_equal(word_get32(&b->file->wide[i].taken), 0);
	for (unsigned i = 0; i < BOARD_NARROW; i++)
		assert_int_equal(word_get(&b->file->narrow[i]), 0);
	no_error(hammer_nothing_held(b));
	for (unsigned i = 0; i < SEATS; i++)
		assert_int_equal(word_get(&b->file->known.writing[i]), 0);
	for (unsigned i = 0; i < KNOWN_ENTRIES; i++)
		assert_int_equal(word_get(&b->file->known.entries[i].lock) >> 16 & 1, 0);
	assert_int_equal(board_sweep(b), 0);
}

static void
era(void)
{
	struct hammered *before = must_zalloc(sizeof(*before));
	pid_t pids[CHILDREN];
	struct board *b;

	hammer_next_window(truth);			/* this board has counted nothing in it */
	for (unsigned i = 0; i < CHILDREN; i++)
		pids[i] = begin(i);
	b = look_on();
	for (unsigned kills = 0; kills < KILLS; kills++) {
		unsigned i = (unsigned)(random_u64() % CHILDREN);

		usleep((unsigned)(random_u64() % 1500));
		hammer_next_window(truth);
		end(pids[i], i);
		no_error(hammer_monotone(b, before));
		pids[i] = begin(i);
	}
	for (unsigned i = 0; i < CHILDREN; i++)
		end(pids[i], i);
	nothing_is_held(b);
	no_error(hammer_monotone(b, before));
	no_error(hammer_names(b));
	assert_true(before->counters[COUNT_REQUESTS_CHAT] > 0);
	free(before);
	board_close(b);
}

static void
killed_processes_leave_nothing(void **state)
{
	char path[80];

	truth = mmap(NULL, sizeof(*truth), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(truth, MAP_FAILED);
	snprintf(path, sizeof(path), "%s/k.board", dir);
	for (unsigned i = 0; i < ERAS; i++) {
		era();
		unlink(path);
	}
	print_message("keys found %u, missed %u; let in %u, refused %u; counted %u, over %u\n", truth->found, truth->missed, truth->let_in, truth->refused,
	    truth->counted, truth->over);
	assert_true(truth->found > 0 && truth->missed > 0 && truth->let_in > 0 && truth->refused > 0 && truth->counted > 0);
}

static int
make_dir(void **state)
{
	strcpy(dir, "/tmp/kill_test.XXXXXX");
	return (mkdtemp(dir) == NULL);
}

static int
remove_dir(void **state)
{
	return (rmdir(dir));
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(killed_processes_leave_nothing) };

	return (cmocka_run_group_tests(tests, make_dir, remove_dir));
}
