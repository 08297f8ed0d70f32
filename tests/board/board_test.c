/* SPDX-License-Identifier: Apache-2.0 */
/* The board as one or several processes see it: opening, refusing, seats, counts, slots, outcomes, metrics. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "board/board_priv.h"
#include "board/tally.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OTHER_USER	12345

static char dir[64];

static const char *
in_dir(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return (path);
}

static void
empty_dir(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
}

static int
make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/board_test.XXXXXX");
	return (mkdtemp(dir) == NULL);
}

static int
remove_dir(void **state)
{
	(void)state;
	empty_dir();
	return (rmdir(dir));
}

static struct board *
open_board(enum seat_kind kind)
{
	struct buf why = { 0 };
	struct board *b = board_open(dir, "t", kind, &why);

	if (b == NULL)
		fprintf(stderr, TEXT_FMT "\n", TEXT_ARG(why));
	buf_free(&why);
	assert_non_null(b);
	return (b);
}

static void
refused(const char *where, const char *name, const char *because)
{
	struct buf why = { 0 };

	assert_null(board_open(where, name, SEAT_WIDE, &why));
	buf_byte(&why, '\0');
	if (strstr(why.at, because) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", why.at, because);
	buf_free(&why);
}

/* A child that does its work and is then killed, seat and all. */
static void
in_killed_child(void (*work)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		work();
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void
a_file_of_the_right_kind(void **state)
{
	struct board *b = open_board(SEAT_WIDE);
	struct stat st;

	assert_int_equal(stat(in_dir("t.board"), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0660);
	assert_true((size_t)st.st_size >= board_size(0, 0));
	assert_true((size_t)st.st_blocks * 512 >= board_size(0, 0));	/* no hole that could fail later */
	board_close(b);
	empty_dir();
}

static void
bad_places_are_refused(void **state)
{
	int fd;

	refused("/nonexistent/folder", "t", "No such file");
	refused("", "t", "needs a folder");
	refused(dir, "", "plain name");
	refused(dir, "../t", "plain name");
	refused(dir, ".t", "plain name");
	assert_int_equal(symlink("/tmp/elsewhere", in_dir("t.board")), 0);
	refused(dir, "t", "symbolic link");
	empty_dir();
	assert_int_equal(mkfifo(in_dir("t.board"), 0600), 0);
	refused(dir, "t", "not a plain file");
	empty_dir();
	fd = open(in_dir("t.board"), O_CREAT | O_RDWR, 0660);
	assert_int_equal(pwrite(fd, "something else", 14, 0), 14);
	assert_int_equal(ftruncate(fd, 9000), 0);
	refused(dir, "t", "not a board");
	assert_int_equal(link(in_dir("t.board"), "/tmp/board_test.link"), 0);
	refused(dir, "t", "several names");
	unlink("/tmp/board_test.link");
	close(fd);
	empty_dir();
}

static void
as_other_user(void)
{
	assert_int_equal(seteuid(OTHER_USER), 0);
	refused(dir, "t", "belongs to another user");
}

static void
files_of_others_are_refused(void **state)
{
	board_close(open_board(SEAT_WIDE));
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(chmod(in_dir("t.board"), 0666), 0);
	if (geteuid() == 0)
		in_killed_child(as_other_user);
	else
		refused("/etc", "t", "Permission denied");
	empty_dir();
}

static void
without_room(void)
{
	struct rlimit little = { 65536, 65536 };

	setrlimit(RLIMIT_FSIZE, &little);
	refused(dir, "t", "File too large");
}

static void
on_a_full_file_system(void)
{
	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || mount("none", dir, "tmpfs", 0, "size=256k") != 0)
		return;				/* not ours to do: the limit above is the test then */
	refused(dir, "t", "No space left");
}

static void
no_room_is_an_error_not_a_crash(void **state)
{
	in_killed_child(without_room);
	in_killed_child(on_a_full_file_system);
	board_close(open_board(SEAT_WIDE));	/* and what was half made is made */
	empty_dir();
}

static void
overwrite(off_t at, const char *bytes, size_t n)
{
	int fd = open(in_dir("t.board"), O_RDWR);

	assert_int_equal(pwrite(fd, bytes, n, at), n);
	close(fd);
}

static void
a_board_of_another_boot_is_made_anew(void **state)
{
	struct board *b = open_board(SEAT_WIDE);

	board_count(b, COUNT_RETRIES, 7);
	board_close(b);
	b = open_board(SEAT_WIDE);
	assert_int_equal(board_counted(b, COUNT_RETRIES), 7);
	board_close(b);
	overwrite(32, "00000000-0000", 13);	/* the boot id */
	b = open_board(SEAT_WIDE);
	assert_int_equal(board_counted(b, COUNT_RETRIES), 0);
	board_close(b);
	empty_dir();
}

static void
a_half_made_board_is_made_anew(void **state)
{
	board_close(open_board(SEAT_WIDE));
	overwrite(0, "\0\0\0\0\0\0\0\0", 8);	/* the magic comes last */
	board_close(open_board(SEAT_WIDE));
	assert_int_equal(truncate(in_dir("t.board"), 17), 0);
	board_close(open_board(SEAT_WIDE));
	assert_int_equal(truncate(in_dir("t.board"), 8192), 0);
	refused(dir, "t", "damaged");
	empty_dir();
}

static void
two_layouts_live_side_by_side(void **state)
{
	struct board *b = open_board(SEAT_WIDE), *again;

	board_count(b, COUNT_LEFT, 1);
	overwrite(12, "\x77", 1);		/* the layout number */
	again = open_board(SEAT_WIDE);
	assert_int_equal(board_counted(again, COUNT_LEFT), 0);
	assert_int_equal(board_counted(b, COUNT_LEFT), 1);
	board_close(again);
	board_close(b);
	empty_dir();
}

static void
open_with_the_crowd(void)
{
	struct board *b = open_board(SEAT_NARROW);

	board_count(b, COUNT_REQUESTS_CHAT, 1);
}

static void
twenty_open_it_at_once(void **state)
{
	struct board *b;

	for (unsigned round = 0; round < 5; round++) {
		int gate[2], status;
		char c;

		assert_int_equal(pipe(gate), 0);
		for (unsigned i = 0; i < 20; i++)
			if (fork() == 0) {
				close(gate[1]);
				(void)!read(gate[0], &c, 1);
				open_with_the_crowd();
				_exit(0);
			}
		close(gate[0]);
		close(gate[1]);			/* all at once */
		for (unsigned i = 0; i < 20; i++) {
			assert_true(wait(&status) > 0);
			assert_int_equal(status, 0);
		}
		b = open_board(SEAT_NONE);
		assert_int_equal(board_counted(b, COUNT_REQUESTS_CHAT), 20);
		board_close(b);
		empty_dir();
	}
}

static void
seats_are_bounded_and_come_back(void **state)
{
	struct board *all[BOARD_WIDE], *narrow;

	for (unsigned i = 0; i < BOARD_WIDE; i++)
		all[i] = open_board(SEAT_WIDE);
	refused(dir, "t", "seats");
	narrow = open_board(SEAT_NARROW);
	board_close(all[3]);
	all[3] = open_board(SEAT_WIDE);
	for (unsigned i = 0; i < BOARD_WIDE; i++)
		board_close(all[i]);
	board_close(narrow);
	board_close(NULL);
	empty_dir();
}

static void
hold_much(void)
{
	struct board *wide = open_board(SEAT_WIDE), *narrow = open_board(SEAT_NARROW);
	unsigned slot = board_deployment(wide, TEXT("d1"));

	board_open_exchanges(wide, 5);
	board_in_flight(wide, slot, 3);
	board_in_flight(wide, BOARD_OTHER, 1);
	board_open_exchanges(narrow, 1);
	board_in_flight(narrow, slot, 1);
}

static void
a_killed_process_leaves_nothing(void **state)
{
	struct board *b = open_board(SEAT_NONE);
	unsigned slot = board_deployment(b, TEXT("d1"));

	in_killed_child(hold_much);
	assert_int_equal(board_all_open(b), 6);
	assert_int_equal(board_in_flight_sum(b, slot), 4);
	assert_int_equal(board_in_flight_sum(b, BOARD_OTHER), 1);
	assert_int_equal(board_sweep(b), 2);
	assert_int_equal(board_all_open(b), 0);
	assert_int_equal(board_in_flight_sum(b, slot), 0);
	assert_int_equal(board_in_flight_sum(b, BOARD_OTHER), 0);
	assert_int_equal(board_sweep(b), 0);
	in_killed_child(hold_much);		/* a newcomer cleans the seat it gets */
	board_close(open_board(SEAT_WIDE));
	board_close(open_board(SEAT_NARROW));
	assert_int_equal(board_sweep(b), 2);	/* free seats come first; these are the dead ones */
	assert_int_equal(board_all_open(b), 0);
	board_close(b);
	empty_dir();
}

static void
fill_the_wide_seats(void)
{
	for (unsigned i = 0; i < BOARD_WIDE; i++)
		board_open_exchanges(open_board(SEAT_WIDE), 1);
}

static void
a_newcomer_gets_the_seat_of_a_dead_one(void **state)
{
	struct board *b;

	in_killed_child(fill_the_wide_seats);
	b = open_board(SEAT_WIDE);
	assert_int_equal(board_my_open(b), 0);
	assert_int_equal(board_all_open(b), BOARD_WIDE - 1);
	assert_int_equal(board_sweep(b), BOARD_WIDE - 1);
	assert_int_equal(board_all_open(b), 0);
	board_close(b);
	empty_dir();
}

static void
the_living_are_not_swept(void **state)
{
	struct board *a = open_board(SEAT_WIDE), *b = open_board(SEAT_WIDE), *n = open_board(SEAT_NARROW);

	board_open_exchanges(a, 2);
	board_open_exchanges(n, 1);
	assert_int_equal(board_sweep(b), 0);
	assert_int_equal(board_sweep(a), 0);
	assert_int_equal(board_sweep(n), 0);
	assert_int_equal(board_all_open(b), 3);
	board_open_exchanges(a, -5);		/* never below nothing */
	assert_int_equal(board_my_open(a), 0);
	board_close(a);
	board_close(b);
	board_close(n);
	empty_dir();
}

static void
a_forked_child_can_not_spoil_it(void **state)
{
	struct board *b = open_board(SEAT_WIDE), *reader = open_board(SEAT_NONE);
	int status;
	pid_t pid;

	board_open_exchanges(b, 4);
	if ((pid = fork()) == 0) {
		board_close(b);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(board_sweep(reader), 0);
	assert_int_equal(board_all_open(reader), 4);
	board_close(b);
	assert_int_equal(board_all_open(reader), 0);
	board_close(reader);
	empty_dir();
}

static void
die_idle_on_listener_7(void)
{
	board_listener(open_board(SEAT_WIDE), 7);
}

static void
only_the_same_listener_is_compared(void **state)
{
	struct board *a = open_board(SEAT_WIDE), *b = open_board(SEAT_WIDE), *c = open_board(SEAT_WIDE), *n = open_board(SEAT_NARROW);

	board_open_exchanges(a, 9);
	board_open_exchanges(b, 4);
	assert_int_equal(board_least_open(a), 9);	/* alone: no listener */
	board_listener(a, 7);
	board_listener(b, 8);
	assert_int_equal(board_least_open(a), 9);
	board_listener(b, 7);
	assert_int_equal(board_least_open(a), 4);
	assert_int_equal(board_least_open(b), 4);
	board_listener(c, 7);
	assert_int_equal(board_least_open(a), 0);
	board_close(c);
	assert_int_equal(board_least_open(n), 0);
	board_close(b);
	assert_int_equal(board_least_open(a), 9);
	in_killed_child(die_idle_on_listener_7);	/* the dead have no load to compare with, once they were looked at */
	for (unsigned i = 0; i < 60000 && board_least_open(a) != 9; i++)
		usleep(1000);
	assert_int_equal(board_least_open(a), 9);
	board_close(n);
	board_close(a);
	empty_dir();
}

static void
a_stuck_worker_is_not_waited_for(void **state)
{
	struct board *a = open_board(SEAT_WIDE), *b = open_board(SEAT_WIDE);

	board_listener(a, 7);
	board_listener(b, 7);
	board_open_exchanges(a, 9);
	assert_int_equal(board_least_open(a), 0);
	b->file->wide[b->seat].seen_us -= 10000000;
	assert_int_equal(board_least_open(a), 9);
	board_sweep(b);				/* its loop turns again */
	assert_int_equal(board_least_open(a), 0);
	board_close(a);
	board_close(b);
	empty_dir();
}

static void
calls_in_flight_add_up(void **state)
{
	struct board *a = open_board(SEAT_WIDE), *b = open_board(SEAT_WIDE), *n = open_board(SEAT_NARROW), *none = open_board(SEAT_NONE);

	board_in_flight(a, 1, 1);
	board_in_flight(a, 1, 1);
	board_in_flight(b, 1, 1);
	board_in_flight(n, 1, 1);
	board_in_flight(n, 2, 2);
	board_in_flight(none, 1, 1);		/* has no seat: not counted */
	assert_int_equal(board_in_flight_sum(none, 1), 4);
	assert_int_equal(board_in_flight_sum(none, 2), 2);
	board_in_flight(n, 1, -1);
	board_in_flight(n, 2, -1);
	board_in_flight(a, 1, -1);
	assert_int_equal(board_in_flight_sum(none, 1), 2);
	assert_int_equal(board_in_flight_sum(none, 2), 1);
	board_in_flight(b, 2000000, 1);		/* no such slot: other */
	assert_int_equal(board_in_flight_sum(none, BOARD_OTHER), 1);
	board_close(a);
	board_close(b);
	board_close(n);
	assert_int_equal(board_in_flight_sum(none, 1), 0);
	board_close(none);
	empty_dir();
}

static void
slots_are_the_same_for_all(void **state)
{
	struct board *a = open_board(SEAT_WIDE), *b = open_board(SEAT_NARROW);
	char name[16], id[72];
	unsigned slot;

	slot = board_deployment(a, TEXT("one"));
	assert_int_not_equal(slot, BOARD_OTHER);
	assert_int_equal(board_deployment(b, TEXT("one")), slot);
	assert_int_not_equal(board_deployment(b, TEXT("two")), slot);
	assert_true(board_deployment_id(b, slot, id));
	assert_string_equal(id, "one");
	assert_true(board_deployment_id(b, BOARD_OTHER, id));
	assert_string_equal(id, "other");
	assert_int_equal(board_deployments(a), 3);
	assert_false(board_deployment_id(a, 3, id));
	assert_false(board_deployment_id(a, BOARD_DEPLOYMENTS, id));
	slot = board_deployment(a, TEXT("a name that is far longer than the seventy-one bytes which the table keeps of it, 1"));
	assert_int_not_equal(board_deployment(a, TEXT("a name that is far longer than the seventy-one bytes which the table keeps of it, 2")), slot);
	assert_true(board_deployment_id(b, slot, id));
	assert_int_equal(strlen(id), 71);
	for (unsigned i = 0; i < BOARD_DEPLOYMENTS; i++) {
		snprintf(name, sizeof(name), "d%u", i);
		slot = board_deployment(a, text_of(name));
	}
	assert_int_equal(slot, BOARD_OTHER);
	assert_int_equal(board_deployments(b), BOARD_DEPLOYMENTS);
	assert_int_equal(board_deployment(b, TEXT("two")), 2);
	board_close(a);
	board_close(b);
	empty_dir();
}

static void
the_last_outcome_is_kept(void **state)
{
	struct board *a = open_board(SEAT_WIDE), *b = open_board(SEAT_NONE);
	struct outcome o;

	assert_false(board_outcome_read(b, 1, &o));
	board_outcome(a, 1, &(struct outcome){ .at_wall_ms = INT64_C(4102444800123), .status = 529, .error = 26 });
	assert_true(board_outcome_read(b, 1, &o));
	assert_true(o.at_wall_ms == INT64_C(4102444800123) && o.status == 529 && o.error == 26);
	board_outcome(a, 1, &(struct outcome){ .at_wall_ms = 1, .status = 70000, .error = -3 });
	assert_true(board_outcome_read(b, 1, &o));
	assert_true(o.at_wall_ms == 1 && o.status == 999 && o.error == 0);
	board_outcome(a, BOARD_DEPLOYMENTS, &o);
	assert_false(board_outcome_read(b, BOARD_DEPLOYMENTS, &o));
	board_close(a);
	board_close(b);
	empty_dir();
}

static void
counters_outlive_their_seats(void **state)
{
	struct board *a = open_board(SEAT_WIDE), *b = open_board(SEAT_NARROW), *none = open_board(SEAT_NONE);

	board_count(a, COUNT_LEFT, 3);
	board_count(b, COUNT_LEFT, 4);
	board_count_deployment(a, 1, DEP_FULL_MONEY, 1000);
	board_count_deployment(b, 1, DEP_FULL_MONEY, 1);
	board_close(a);
	a = open_board(SEAT_WIDE);
	board_count(a, COUNT_LEFT, 1);
	assert_int_equal(board_counted(none, COUNT_LEFT), 8);
	assert_int_equal(board_counted_deployment(none, 1, DEP_FULL_MONEY), 1001);
	board_close(a);
	board_close(b);
	board_close(none);
	empty_dir();
}

static void
tallies_begin_anew_at_a_later_moment(void **state)
{
	struct board *a = open_board(SEAT_WIDE), *b = open_board(SEAT_NARROW);
	uint64_t most = 3 * TALLY_PLACES, there = 0;

	(void)state;
	tally_add(a, 7, 1785000000000, 5);
	tally_add(b, 7, 1785000000000, 6);
	assert_true(tally_of(a, 7, 1785000000000) == 11 && tally_of(b, 7, 1785000000000) == 11);
	assert_true(tally_of(a, 8, 1785000000000) == 0 && tally_of(a, 7, 1785000000001) == 0);
	tally_add(a, 7, 1785000000001, 1);
	tally_add(b, 7, 1785000000000, 100);		/* who has not heard of the later one */
	assert_true(tally_of(b, 7, 1785000000001) == 1 && tally_of(b, 7, 1785000000000) == 0);
	for (uint64_t id = 1; id <= most; id++)
		tally_add(a, id, 1785000000002, (int64_t)id);
	for (uint64_t id = 1; id <= most; id++) {
		int64_t n = tally_of(b, id, 1785000000002);

		assert_true(n == 0 || n == (int64_t)id);
		there += n != 0;
	}
	assert_true(there > TALLY_PLACES / 2 && there <= TALLY_PLACES);
	board_close(a);
	board_close(b);
	empty_dir();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_of_the_right_kind),
		cmocka_unit_test(bad_places_are_refused),
		cmocka_unit_test(files_of_others_are_refused),
		cmocka_unit_test(no_room_is_an_error_not_a_crash),
		cmocka_unit_test(a_board_of_another_boot_is_made_anew),
		cmocka_unit_test(a_half_made_board_is_made_anew),
		cmocka_unit_test(two_layouts_live_side_by_side),
		cmocka_unit_test(twenty_open_it_at_once),
		cmocka_unit_test(seats_are_bounded_and_come_back),
		cmocka_unit_test(a_killed_process_leaves_nothing),
		cmocka_unit_test(a_newcomer_gets_the_seat_of_a_dead_one),
		cmocka_unit_test(the_living_are_not_swept),
		cmocka_unit_test(a_forked_child_can_not_spoil_it),
		cmocka_unit_test(only_the_same_listener_is_compared),
		cmocka_unit_test(a_stuck_worker_is_not_waited_for),
		cmocka_unit_test(calls_in_flight_add_up),
		cmocka_unit_test(slots_are_the_same_for_all),
		cmocka_unit_test(the_last_outcome_is_kept),
		cmocka_unit_test(counters_outlive_their_seats),
		cmocka_unit_test(tallies_begin_anew_at_a_later_moment),
	};

	return (cmocka_run_group_tests(tests, make_dir, remove_dir));
}
