/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong keys by address: who has guessed too often, for how long, and who has not. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "access/guess.h"
#include "base/clock.h"
#include "kit/clocks.h"

#include <stdio.h>
#include <stdlib.h>

static char dir[64];
static struct board *b, *other;			/* of two processes of a host */
static struct arena *arena;
static const struct settings three = { .wrong_keys = 3, .rate_window_ms = 60000 };

static struct board *
open_board(void)
{
	struct buf why = { 0 };
	struct board *opened = board_open(dir, "t", SEAT_WIDE, &why);

	assert_non_null(opened);
	return (opened);
}

static int
set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/guess_test.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return (1);
	clocks_stop();
	clocks_pass(60000 - clock_wall_ms() % 60000);		/* a window begins */
	b = open_board();
	other = open_board();
	arena = arena_new();
	return (0);
}

static int
tear_down(void **state)
{
	char command[100];

	(void)state;
	arena_free(arena);
	board_close(other);
	board_close(b);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return (system(command));
}

static void
guess(const char *address, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		guess_add(i % 2 == 0 ? b : other, &three, text_of(address));
}

static bool
is_over(const char *address)
{
	bool over = guess_is_over(b, &three, text_of(address));

	assert_int_equal(guess_is_over(other, &three, text_of(address)), over);
	return (over);
}

static void
so_many_and_no_more(void **state)
{
	(void)state;
	guess("192.0.2.1", 2);
	assert_false(is_over("192.0.2.1"));
	guess("192.0.2.1", 1);
	assert_true(is_over("192.0.2.1"));
	assert_false(is_over("192.0.2.2"));
	guess("192.0.2.1", 1000);
	assert_true(is_over("192.0.2.1"));
}

static void
it_is_over_with_its_minute(void **state)
{
	struct error *e;

	(void)state;
	guess("192.0.2.1", 3);
	clocks_pass(59000);
	assert_true(is_over("192.0.2.1"));
	e = guess_refusal(arena, b, &three);
	assert_int_equal(error_status(e), 429);
	assert_int_equal(e->retry_after_ms, 1000);
	clocks_pass(1000);
	assert_false(is_over("192.0.2.1"));
}

/* One customer has all of a network of 64 bits; a host behind a proxy may write an address in either form. */
static void
addresses_of_one_customer_are_one(void **state)
{
	(void)state;
	guess("2001:db8:1:2::1", 1);
	guess("2001:db8:1:2:ffff::9", 1);
	guess("2001:0db8:0001:0002:0000:0000:0000:0003", 1);
	assert_true(is_over("2001:db8:1:2::4711"));
	assert_false(is_over("2001:db8:1:3::1"));
	guess("192.0.2.1", 2);
	guess("::ffff:192.0.2.1", 1);
	assert_true(is_over("192.0.2.1"));
	assert_false(is_over("::ffff:192.0.2.2"));
	guess("no address", 3);					/* as a socket of the machine's own says */
	assert_true(is_over("no address"));
	assert_false(is_over(""));
}

static void
nobody_counts_where_none_is_set(void **state)
{
	static const struct settings none = { .wrong_keys = 0, .rate_window_ms = 60000 };

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		guess_add(b, &none, TEXT("192.0.2.1"));
	assert_false(guess_is_over(b, &none, TEXT("192.0.2.1")));
	assert_false(is_over("192.0.2.1"));
}

#define T(test)	cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(so_many_and_no_more), T(it_is_over_with_its_minute), T(addresses_of_one_customer_are_one), T(nobody_counts_where_none_is_set),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
