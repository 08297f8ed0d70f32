/* SPDX-License-Identifier: Apache-2.0 */
/* Processes that spend leased money and are killed, at any time and between any two writes: no budget is passed, no call goes without its row, nothing stays held. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "board/board_priv.h"
#include "board/spend.h"
#include "kit/child.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN	6
#define PLENTY		INT64_C(1000000000)

static char dir[64];
static unsigned long points_left;		/* until this process kills itself; 0: it does not */

/* Now and then it rests between two writes, so that others meet what is half done. */
void
board_point(void)
{
	if (points_left > 0 && --points_left == 0)
		kill(getpid(), SIGKILL);
	if (random_u64() % 256 == 0)
		usleep(300);
}

static struct running *
must_open(enum seat_kind kind)
{
	struct buf why = { 0 };
	struct running *r = running_open(dir, "k", kind, &why);

	if (r == NULL) {
		fprintf(stderr, TEXT_FMT "\n", TEXT_ARG(why));
		_exit(99);
	}
	return (r);
}

/* Opens, spends and closes, until killed or until there is nothing left; who may be killed, in instalments too. */
static void
live(struct bank *bank, enum seat_kind kind, bool deadly)
{
	for (;;) {
		struct running *r = must_open(kind);

		running_sweep(r, spend_swept, bank);
		for (unsigned i = (unsigned)(random_u64() % 300); i > 0; i--)
			switch (spend(r, bank, deadly && i % 2 == 0)) {
			case -1:
				_exit(0);
			case 0:
				usleep(200);
			}
		running_close(r);
	}
}

static pid_t
begin(struct bank *bank, unsigned i, bool deadly)
{
	pid_t pid = child_fork();

	if (pid != 0)
		return (pid);
	if (deadly && random_u64() % 2 == 0)
		points_left = 1 + random_u64() % (1UL << (random_u64() % 13));
	live(bank, i % 3 == 2 ? SEAT_NARROW : SEAT_WIDE, deadly);
	_exit(0);
}

/* Its children die with it, so that the tests behind do not meet them. */
static void
no_error(const char *wrong)
{
	if (wrong == NULL)
		return;
	fprintf(stderr, "ERROR: %s\n", wrong);
	exit(1);
}

/* By us or by itself: whoever aborts has found something wrong. */
static bool
was_killed(int status)
{
	assert_true(WIFEXITED(status) || WTERMSIG(status) == SIGKILL);
	return (WIFSIGNALED(status));
}

/* What the housekeeper does every 100 ms. */
static void
keep_house(struct running *r, struct bank *bank)
{
	running_sweep(r, spend_swept, bank);
	bank_ship(bank);
	bank_close(bank, r, false);
}

static void
end_all(struct running *r, struct bank *bank)
{
	for (unsigned i = 0; i < 6; i++) {		/* what others were closing, then the rest */
		running_sweep(r, spend_swept, bank);
		bank_ship(bank);
		bank_close(bank, r, true);
	}
	assert_int_equal(running_all(r), 0);
	no_error(bank_check_end(bank));
}

static void
remove_files(void)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/k.running", dir);
	unlink(path);
}

static unsigned
kills_wanted(void)
{
	const char *s = getenv("SLUICE_TEST_KILLS");

	return (s != NULL ? (unsigned)atoi(s) : 500);
}

static void
killed_processes_lose_no_money(void **state)
{
	struct bank *bank = bank_new(dir, PLENTY, PLENTY);
	struct running *r = must_open(SEAT_NONE);
	pid_t pids[CHILDREN];
	int status;

	for (unsigned i = 0; i < CHILDREN; i++)
		pids[i] = begin(bank, i, true);
	for (unsigned kills = kills_wanted(); kills > 0; kills--) {
		unsigned i = (unsigned)(random_u64() % CHILDREN);

		usleep((unsigned)(random_u64() % 3000));
		kill(pids[i], SIGKILL);
		waitpid(pids[i], &status, 0);
		assert_true(was_killed(status));
		pids[i] = begin(bank, i, true);
		if (kills % 4 == 0) {
			keep_house(r, bank);
			no_error(bank_check(bank));
		}
	}
	for (unsigned i = 0; i < CHILDREN; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], &status, 0);
	}
	end_all(r, bank);
	assert_true(bank_calls(bank) > 100);
	running_close(r);
	bank_free(bank);
	remove_files();
}

/* A process that makes three calls in instalments, killed at its first point, at its second, and so on. */
static void
killed_at_each_point(void **state)
{
	struct bank *bank = bank_new(dir, PLENTY, PLENTY);
	struct running *r = must_open(SEAT_NONE);
	unsigned points = 0;
	int status;
	pid_t pid;

	do {
		if ((pid = fork()) == 0) {
			struct running *mine = must_open(SEAT_WIDE);

			points_left = points + 1;
			for (unsigned i = 0; i < 3; i++)
				spend(mine, bank, true);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		running_sweep(r, spend_swept, bank);
		bank_ship(bank);
		no_error(bank_check_board(bank, r, false));
		bank_close(bank, r, false);		/* what it had was in doubt, so it is not there any more */
		no_error(bank_check(bank));
		no_error(bank_check_board(bank, r, true));
		points++;
	} while (was_killed(status));
	assert_true(points > 50);
	end_all(r, bank);
	running_close(r);
	bank_free(bank);
	remove_files();
}

/* Until every process has been told that it is spent.  Dead ones come again. */
static void
spend_all(struct running *r, struct bank *bank, bool deadly)
{
	pid_t pids[CHILDREN];
	unsigned running = CHILDREN;
	int status;

	for (unsigned i = 0; i < CHILDREN; i++)
		pids[i] = begin(bank, i, deadly);
	while (running > 0) {
		keep_house(r, bank);
		no_error(bank_check(bank));		/* money that comes from nowhere would never end */
		usleep(500);
		for (unsigned i = 0; i < CHILDREN; i++) {
			if (pids[i] == 0 || waitpid(pids[i], &status, WNOHANG) != pids[i])
				continue;
			if (was_killed(status))
				pids[i] = begin(bank, i, deadly);
			else {
				assert_int_equal(WEXITSTATUS(status), 0);
				pids[i] = 0;
				running--;
			}
		}
	}
	end_all(r, bank);
}

/* A thousand units, calls that cost one and reserve four: all are made that fit, the last when three are left. */
static void
a_budget_is_spent_to_its_end(void **state)
{
	struct bank *bank = bank_new(dir, PLENTY, 1000);
	struct running *r = must_open(SEAT_NONE);

	spend_all(r, bank, false);
	assert_int_equal(bank_spent(bank, BANK_TEAM), 1000 - SPEND_BOUND + 1);
	assert_int_equal(bank_calls(bank), 1000 - SPEND_BOUND + 1);
	assert_int_equal(bank_rows(bank), 1000 - SPEND_BOUND + 1);
	running_close(r);
	bank_free(bank);
	remove_files();
}

static void
and_never_beyond_with_kills(void **state)
{
	struct bank *bank = bank_new(dir, PLENTY, 1000);
	struct running *r = must_open(SEAT_NONE);

	spend_all(r, bank, true);
	assert_in_range(bank_spent(bank, BANK_TEAM), 1000 - SPEND_BOUND + 1, 1000);
	assert_true(bank_calls(bank) <= 1000);
	assert_true(bank_rows(bank) >= bank_calls(bank));
	running_close(r);
	bank_free(bank);
	remove_files();
}

static int
make_dir(void **state)
{
	strcpy(dir, "/tmp/money_kill_test.XXXXXX");
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
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_processes_lose_no_money),
		cmocka_unit_test(killed_at_each_point),
		cmocka_unit_test(a_budget_is_spent_to_its_end),
		cmocka_unit_test(and_never_beyond_with_kills),
	};

	return (cmocka_run_group_tests(tests, make_dir, remove_dir));
}
