/* SPDX-License-Identifier: Apache-2.0 */
/* Dates and moments as callers write them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/date.h"

#include <time.h>

static void
every_day_is_the_c_librarys(void **state)
{
	(void)state;
	for (int64_t day = 0; day < 2932896; day += 1) {
		time_t t = (time_t)day * 86400;
		struct tm tm;

		gmtime_r(&t, &tm);
		if (day_code(day) != (tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday || day_of_code(day_code(day)) != day)
			fail_msg("day %lld is %lld", (long long)day, (long long)day_code(day));
	}
}

static void
days_are_read_and_printed(void **state)
{
	static const char *const wrong[] = { "", "2026-11-31", "2025-02-29", "2026-13-01", "2026-00-01", "2026-01-00", "26-11-26", "2026-11-26 ", "2026/11/26",
		"2026-1-1", "1969-12-31", "yesterday", "2026-11-26T00:00:00", "-026-11-26", "2026-11-2x", "2100-02-29" };
	struct buf b = { 0 };
	int64_t day;

	(void)state;
	for (size_t i = 0; i < nitems(wrong); i++)
		if (day_read(text_of(wrong[i]), &day))
			fail_msg("%s is taken for a day", wrong[i]);
	assert_true(day_read(TEXT("2024-02-29"), &day));
	assert_int_equal(day_code(day), 20240229);
	day_print(&b, day);
	day_print_short(&b, day);
	assert_int_equal(b.len, 16);
	assert_memory_equal(b.at, "2024-02-29Feb 29", 16);
	assert_int_equal(day_of_ms(day * DAY_MS), day);
	assert_int_equal(day_of_ms(day * DAY_MS - 1), day - 1);
	buf_free(&b);
}

static void
moments_are_read(void **state)
{
	static const struct {
		const char	*words;
		int64_t		 ms;
	} right[] = {
		{ "1970-01-01", 0 },
		{ "1970-01-02 00:00:01", DAY_MS + 1000 },
		{ "1970-01-02T00:00:01Z", DAY_MS + 1000 },
		{ "1970-01-02T00:00:01.5Z", DAY_MS + 1500 },
		{ "1970-01-02T00:00:01.123456", DAY_MS + 1123 },
		{ "1970-01-02T09:00:00+09:00", DAY_MS },
		{ "1970-01-02T09:00:00 09:00", DAY_MS },
		{ "1970-01-02T09:00+0900", DAY_MS },
		{ "1970-01-01T20:00:00-04", DAY_MS },
		{ "2026-11-26T02:03:04.567Z", INT64_C(1795658584567) },
	};
	static const char *const wrong[] = { "", "now", "1970-01-02T", "1970-01-02 24:00:00", "1970-01-02 10:60", "1970-01-02 10", "1970-01-02 10:00:61",
		"1970-01-02 10:00:00.", "1970-01-02T10:00:00Zx", "1970-01-02T10:00:00+24", "1970-01-02T10:00:00+09:", "1970-01-02T10:00:00+09:60", "1e9" };
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < nitems(right); i++)
		if (!moment_read(text_of(right[i].words), &ms) || ms != right[i].ms)
			fail_msg("%s is not read right", right[i].words);
	for (size_t i = 0; i < nitems(wrong); i++)
		if (moment_read(text_of(wrong[i]), &ms))
			fail_msg("%s is taken for a moment", wrong[i]);
	assert_false(moment_read((struct text){ "1970-01-02\0", 11 }, &ms));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_day_is_the_c_librarys),
		cmocka_unit_test(days_are_read_and_printed),
		cmocka_unit_test(moments_are_read),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
