/* SPDX-License-Identifier: Apache-2.0 */
/* Windows: counts with limits, by several processes; windows that pass; a clock that steps. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "board/board_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE	60000
#define WALL	INT64_C(1764122400000)		/* begins a window */
#define BOOT	INT64_C(5000000)

static char dir[64];
static struct board *b;
static void (*goes_first)(void);		/* what another does at the next point */

void
board_point(void)
{
	void (*now)(void) = goes_first;

	goes_first = NULL;
	if (now != NULL)
		now();
}

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
	strcpy(dir, "/tmp/window_test.XXXXXX");
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

static enum window_end
add(uint32_t number, uint64_t id, int64_t n, int64_t limit)
{
	int64_t count;

	return (window_add(b, number, id, n, limit, &count));
}

static void
a_limit_is_all_or_nothing(void **state)
{
	int64_t count = -1;

	assert_int_equal(window_add(b, 7, 1, 3, 10, &count), WINDOW_ADDED);
	assert_int_equal(count, 3);
	assert_int_equal(window_add(b, 7, 1, 8, 10, &count), WINDOW_OVER);
	assert_int_equal(count, 3);
	assert_int_equal(window_add(b, 7, 1, 7, 10, &count), WINDOW_ADDED);
	assert_int_equal(count, 10);
	assert_int_equal(window_add(b, 7, 1, 1, 10, &count), WINDOW_OVER);
	assert_int_equal(window_add(b, 7, 2, 1, 0, &count), WINDOW_OVER);	/* zero is a limit */
	assert_int_equal(count, 0);
	assert_int_equal(window_add(b, 7, 2, 11, 10, &count), WINDOW_OVER);
	assert_int_equal(window_count(b, 7, 2), 0);
	assert_int_equal(window_count(b, 7, 1), 10);
}

static void
absurd_numbers_stay_in_bounds(void **state)
{
	int64_t count;

	assert_int_equal(window_add(b, 7, 1, INT64_MAX, INT64_MAX, &count), WINDOW_ADDED);
	assert_int_equal(count, WINDOW_MOST);
	assert_int_equal(window_add(b, 7, 1, 5, INT64_MAX, &count), WINDOW_ADDED);
	assert_int_equal(window_count(b, 7, 1), WINDOW_MOST);
	assert_int_equal(window_add(b, 7, 2, -5, 10, &count), WINDOW_ADDED);
	assert_int_equal(count, 0);
	assert_int_equal(window_add(b, 7, 3, 1, -1, &count), WINDOW_OVER);
	window_correct(b, 7, 1, INT64_MIN);
	assert_int_equal(window_count(b, 7, 1), 0);
}

static void
what_was_counted_is_corrected(void **state)
{
	add(7, 1, 100, 1000);
	window_correct(b, 7, 1, -60);
	assert_int_equal(window_count(b, 7, 1), 40);
	window_correct(b, 7, 1, 2000);			/* the truth may be over the limit */
	assert_int_equal(window_count(b, 7, 1), 2040);
	assert_int_equal(add(7, 1, 1, 1000), WINDOW_OVER);
	window_correct(b, 7, 1, -5000);
	assert_int_equal(window_count(b, 7, 1), 0);
	window_correct(b, 7, 99, 10);			/* never counted, so nothing to correct */
	assert_int_equal(window_count(b, 7, 99), 0);
}

/* Nor does one who was held up between looking at the clock and counting. */
static void
a_late_count_hits_nobody_else(void **state)
{
	for (uint64_t id = 1; id <= 3000; id++)
		add(9, id, 6, 1000);
	for (uint64_t id = 2000; id <= 6000; id++)
		add(7, id, 1, 1000);
	for (uint64_t id = 1; id <= 3000; id++)
		assert_int_equal(window_count(b, 9, id), 6);
}

/* A stream of several minutes is corrected against a window whose slot others have by now. */
static void
a_late_correction_hits_nobody_else(void **state)
{
	add(7, 1, 100, 1000);
	add(8, 1, 5, 1000);
	window_correct(b, 7, 1, -100);
	assert_int_equal(window_count(b, 8, 1), 5);
	add(9, 1, 6, 1000);
	window_correct(b, 7, 1, -100);
	assert_int_equal(window_count(b, 9, 1), 6);
	assert_int_equal(window_count(b, 7, 1), 0);
}

/* Two identities that begin at the same slot: in window 7 it is one's; the other takes it for window 9 while that one looks at it, between the halves. */
static const uint64_t holder = 1;
static uint64_t other;

static void
holder_takes_the_slot(void)
{
	assert_int_equal(add(9, holder, 5, 1000), WINDOW_ADDED);
}

static void
a_slot_changes_hands(void)
{
	for (other = holder + 1; (mix(holder) & (WINDOW_SLOTS - 1)) != (mix(other) & (WINDOW_SLOTS - 1)); other++)
		;
	assert_int_equal(add(7, other, 1, 10), WINDOW_ADDED);
	goes_first = holder_takes_the_slot;
}

static void
nobody_is_refused_for_what_another_counted(void **state)
{
	int64_t count;

	a_slot_changes_hands();
	assert_int_equal(window_add(b, 9, other, 1, 5, &count), WINDOW_ADDED);
	assert_int_equal(count, 1);
}

static void
nobody_is_counted_with_another(void **state)
{
	int64_t count;

	a_slot_changes_hands();
	assert_int_equal(window_add(b, 9, other, 1, 10, &count), WINDOW_ADDED);
	assert_int_equal(count, 1);
	assert_int_equal(window_count(b, 9, holder), 5);
}

static void
nobody_is_told_what_another_counted(void **state)
{
	a_slot_changes_hands();
	assert_int_equal(window_count(b, 9, other), 0);
	assert_int_equal(window_count(b, 9, holder), 5);
}

static void
an_older_window_is_empty(void **state)
{
	for (uint32_t w = 0xfffffa; w < 0xfffffa + 20; w++)		/* round the end of the numbers */
		for (uint64_t id = 1; id <= 100; id++) {
			assert_int_equal(add(w, id, 10, 10), WINDOW_ADDED);
			assert_int_equal(add(w, id, 1, 10), WINDOW_OVER);
		}
}

/* Half of the table, again and again: were a slot of before the end of the numbers not empty behind it, there would soon be no room. */
static void
numbers_go_round(void **state)
{
	for (uint32_t w = 0xfffffc; w < 0xfffffc + 8; w += 2)
		for (uint64_t id = 1; id <= WINDOW_SLOTS / 2; id++)
			assert_int_equal(add(w, id, 1, 1), WINDOW_ADDED);
}

static void
many_identities_fit_and_too_many_are_told(void **state)
{
	unsigned added = 0, full = 0;

	for (uint64_t id = 1; id <= WINDOW_SLOTS / 2; id++)
		assert_int_equal(add(6, id, 1, 1), WINDOW_ADDED);
	for (uint64_t id = 1; id <= WINDOW_SLOTS / 2; id++)
		assert_int_equal(add(6, id, 1, 1), WINDOW_OVER);
	for (uint64_t id = WINDOW_SLOTS; id <= 3 * WINDOW_SLOTS; id++) {
		enum window_end end = add(6, id, 1, 1);

		added += end == WINDOW_ADDED;
		full += end == WINDOW_FULL;
		assert_int_not_equal(end, WINDOW_OVER);
	}
	assert_true(full > 0 && added + WINDOW_SLOTS / 2 <= WINDOW_SLOTS);
	assert_int_equal(add(8, 1, 1, 1), WINDOW_ADDED);	/* the next of that table has all the room again */
}

static void
hammer_one(unsigned rounds, int out)
{
	struct board *mine = open_board(SEAT_NARROW);
	unsigned added = 0;
	int64_t count;

	for (unsigned i = 0; i < rounds; i++)
		added += window_add(mine, 7, 42, 1, 50000, &count) == WINDOW_ADDED;
	assert_int_equal(write(out, &added, sizeof(added)), sizeof(added));
	_exit(0);
}

static void
a_limit_is_exact_between_processes(void **state)
{
	unsigned sum = 0, added;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	for (unsigned i = 0; i < 6; i++)
		if (fork() == 0)
			hammer_one(20000, ends[1]);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(read(ends[0], &added, sizeof(added)), sizeof(added));
		wait(NULL);
		sum += added;
	}
	assert_int_equal(sum, 50000);
	close(ends[0]);
	close(ends[1]);
}

/* the clock */

static uint32_t
number_at(int64_t wall_ms, int64_t boot_ms)
{
	struct window w;

	window_at(&w, b, SIZE, wall_ms, boot_ms);
	assert_true(w.left_ms > 0 && w.left_ms <= 2 * SIZE);
	return (w.number);
}

static int64_t
left_at(int64_t wall_ms, int64_t boot_ms)
{
	struct window w;

	window_at(&w, b, SIZE, wall_ms, boot_ms);
	return (w.left_ms);
}

static void
windows_follow_the_wall_clock(void **state)
{
	uint32_t first = number_at(WALL + 100, BOOT + 100);

	assert_int_equal(first, (WALL / SIZE) & 0xffffff);
	assert_int_equal(left_at(WALL + 100, BOOT + 100), SIZE - 100);
	assert_int_equal(number_at(WALL + 59999, BOOT + 59999), first);
	assert_int_equal(left_at(WALL + 59999, BOOT + 59999), 1);
	assert_int_equal(number_at(WALL + 60000, BOOT + 60000), first + 1);
	assert_int_equal(number_at(WALL + 59999, BOOT + 60001), first + 1);	/* who looked at the clock just before */
	assert_int_equal(number_at(WALL + 600000, BOOT + 600000), first + 10);
}

static void
a_clock_before_2020_is_a_clock(void **state)
{
	uint32_t first = number_at(0, BOOT);

	assert_int_equal(number_at(60000, BOOT + 60000), (first + 1) & 0xffffff);
	number_at(-3600000, BOOT + 120000);
	number_at(-3600000 + 1, BOOT + 120001);
}

/* However the clock steps, a client that asks all the time gets at most one worth of a limit in any window's length by the clock that does not step, two at a border. */
static void
steps_open_no_second_window(void **state)
{
	enum { LIMIT = 10, MINUTES = 600 };
	int64_t wall = WALL, window_began = 0, boot, least = INT64_MAX;
	uint32_t current = 0;
	unsigned begun = 0, granted = 0;

	for (boot = BOOT; boot < BOOT + (int64_t)MINUTES * 60000; boot += 500) {
		uint32_t number = number_at(wall, boot);

		if (number != current) {
			if (begun > 0 && boot - window_began < least)
				least = boot - window_began;
			window_began = boot;
			current = number;
			begun++;
		}
		granted += add(number, 1, 1, LIMIT) == WINDOW_ADDED;
		wall += 500;
		if (random_u64() % 200 == 0)
			wall += (int64_t)(random_u64() % 14400000) - 7200000;
		else if (random_u64() % 100 == 0)
			wall += (int64_t)(random_u64() % 8000) - 4000;
	}
	print_message("%u windows in %d minutes, the shortest %lld ms, %u granted\n", begun, MINUTES, (long long)least, granted);
	assert_true(least >= SIZE - SIZE / 16 - 500);
	assert_true(granted <= begun * LIMIT);
	assert_true(granted >= begun * LIMIT * 9 / 10);		/* and what begins is empty, also where it was counted before the step */
	assert_true(begun >= MINUTES / 3);
}

static void
after_a_step_back_old_counts_do_not_bind(void **state)
{
	uint32_t now = number_at(WALL, BOOT), back;

	assert_int_equal(add(now, 1, 10, 10), WINDOW_ADDED);
	assert_int_equal(number_at(WALL - 600000 + 1000, BOOT + 1000), now);	/* ten minutes back: this window goes on */
	assert_int_equal(add(now, 1, 1, 10), WINDOW_OVER);
	back = number_at(WALL - 600000 + 61000, BOOT + 61000);
	assert_int_equal(back, now - 9);
	for (uint32_t w = back; w != now + 2; w++)				/* also when the clock reaches them a second time */
		assert_int_equal(add(w, 1, 10, 10), WINDOW_ADDED);
}

static void
time_adding(void **state)
{
	enum { ROUNDS = 2000000 };
	int64_t count, began = clock_us();
	struct window w;

	for (unsigned i = 0; i < ROUNDS; i++)
		window_add(b, 7, 1 + i % 1000, 1, INT64_MAX, &count);
	print_message("add: %lld ns", (long long)(clock_us() - began) * 1000 / ROUNDS);
	began = clock_us();
	for (unsigned i = 0; i < ROUNDS; i++)
		window_now(&w, b, SIZE);
	print_message(", which window: %lld ns\n", (long long)(clock_us() - began) * 1000 / ROUNDS);
}

#define T(test)	cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_limit_is_all_or_nothing), T(absurd_numbers_stay_in_bounds), T(what_was_counted_is_corrected), T(a_late_correction_hits_nobody_else), T(a_late_count_hits_nobody_else),
		T(nobody_is_refused_for_what_another_counted), T(nobody_is_counted_with_another), T(nobody_is_told_what_another_counted),
		T(an_older_window_is_empty), T(numbers_go_round), T(many_identities_fit_and_too_many_are_told), T(a_limit_is_exact_between_processes),
		T(windows_follow_the_wall_clock), T(a_clock_before_2020_is_a_clock), T(steps_open_no_second_window),
		T(after_a_step_back_old_counts_do_not_bind), T(time_adding),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
