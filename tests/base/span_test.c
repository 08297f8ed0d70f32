/* SPDX-License-Identifier: Apache-2.0 */
/* Spans of time, and which period of a budget a moment belongs to. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/span.h"

#include <time.h>

static struct span
span(const char *words)
{
	struct span s;

	if (!span_read(text_of(words), &s))
		fail_msg("%s is no span", words);
	return (s);
}

static void
spans_are_read(void **state)
{
	static const char *const wrong[] = { "", "30", "d", "30days", "-1", "-1d", "0d", "1.5h", "1 d", "1D", "1y", "121mo", "99999999999999999999s",
		"3650001d", "1d ", "+1d" };
	struct span s;

	(void)state;
	for (size_t i = 0; i < nitems(wrong); i++)
		if (span_read(text_of(wrong[i]), &s))
			fail_msg("%s is taken for a span", wrong[i]);
	s = span("90s");
	assert_int_equal(span_ms(&s), 90000);
	s = span("2w");
	assert_int_equal(span_ms(&s), INT64_C(14) * 86400000);
	s = span("1mo");
	assert_int_equal(span_ms(&s), INT64_C(30) * 86400000);
}

/* "2026-11-25 13:45:10" in a zone's own time. */
static int64_t
at(const char *words)
{
	struct tm tm = { .tm_isdst = -1 };

	assert_non_null(strptime(words, "%Y-%m-%d %H:%M:%S", &tm));
	tm.tm_isdst = -1;
	return ((int64_t)mktime(&tm) * 1000);
}

static void
period_is(const char *words, const char *now, const char *from, const char *to)
{
	struct span s = span(words);
	int64_t begin, end;

	span_period(&s, at(now) + 1, &begin, &end);
	if (begin != at(from) || end != at(to))
		fail_msg("%s at %s: %lld to %lld", words, now, (long long)begin, (long long)end);
}

static void
periods_follow_the_calendar(void **state)
{
	(void)state;
	assert_true(span_zone("Asia/Seoul"));
	period_is("1d", "2026-11-25 13:45:10", "2026-11-25 00:00:00", "2026-11-26 00:00:00");
	period_is("24h", "2026-11-25 00:00:00", "2026-11-25 00:00:00", "2026-11-26 00:00:00");
	period_is("7d", "2026-11-25 13:45:10", "2026-11-23 00:00:00", "2026-11-30 00:00:00");
	period_is("1w", "2026-11-23 00:00:00", "2026-11-23 00:00:00", "2026-11-30 00:00:00");
	period_is("30d", "2026-11-25 13:45:10", "2026-11-01 00:00:00", "2026-12-01 00:00:00");
	period_is("1mo", "2026-12-31 23:59:59", "2026-12-01 00:00:00", "2027-01-01 00:00:00");
	period_is("3mo", "2026-11-25 13:45:10", "2026-10-01 00:00:00", "2027-01-01 00:00:00");
	period_is("1h", "2026-11-25 13:45:10", "2026-11-25 13:00:00", "2026-11-25 14:00:00");
	period_is("30s", "2026-11-25 13:45:10", "2026-11-25 13:45:00", "2026-11-25 13:45:30");
	assert_true(span_zone("Europe/Berlin"));		/* 25 October 2026 has 25 hours */
	period_is("1d", "2026-10-25 13:00:00", "2026-10-25 00:00:00", "2026-10-26 00:00:00");
	period_is("1mo", "2026-10-25 13:00:00", "2026-10-01 00:00:00", "2026-11-01 00:00:00");
	assert_true(span_zone(""));
}

static void
days_begin_at_another_hour(void **state)
{
	(void)state;
	assert_true(span_zone("Asia/Seoul"));
	span_turn(9 * 3600 + 30 * 60);
	period_is("daily", "2026-11-25 09:29:59", "2026-11-24 09:30:00", "2026-11-25 09:30:00");
	period_is("1d", "2026-11-25 09:30:00", "2026-11-25 09:30:00", "2026-11-26 09:30:00");
	period_is("weekly", "2026-11-23 05:00:00", "2026-11-16 09:30:00", "2026-11-23 09:30:00");
	period_is("monthly", "2027-01-01 05:00:00", "2026-12-01 09:30:00", "2027-01-01 09:30:00");
	period_is("1mo", "2026-11-01 10:00:00", "2026-11-01 09:30:00", "2026-12-01 09:30:00");
	period_is("hourly", "2026-11-25 13:45:10", "2026-11-25 13:00:00", "2026-11-25 14:00:00");
	span_turn(0);
	assert_true(span_zone("UTC"));
}

/* Every moment lies in exactly one period, and the next begins where it ends; also where the hour of the day at which they begin is skipped once a year. */
static void
periods_follow_each_other_by(int turn)
{
	static const char *const spans[] = { "1s", "7m", "5h", "1d", "3d", "10d", "2w", "1mo", "5mo", "30d", "7d" };

	assert_true(span_zone("Europe/Berlin"));
	span_turn(turn);
	for (size_t i = 0; i < nitems(spans); i++) {
		struct span s = span(spans[i]);
		int64_t now = at("2026-03-20 11:11:11"), from, to, next_from, next_to;

		for (int n = 0; n < 50; n++, now = to) {
			span_period(&s, now, &from, &to);
			assert_true(from <= now && now < to);
			span_period(&s, to - 1, &next_from, &next_to);
			assert_true(next_from == from && next_to == to);
			span_period(&s, to, &next_from, &next_to);
			assert_true(next_from == to);
		}
	}
	span_turn(0);
	assert_true(span_zone("UTC"));
}

static void
periods_follow_each_other(void **state)
{
	(void)state;
	periods_follow_each_other_by(0);
	periods_follow_each_other_by(9 * 3600);
	periods_follow_each_other_by(2 * 3600 + 30 * 60);
}

static void
months_are_added_by_the_calendar(void **state)
{
	struct span s = span("1mo");

	(void)state;
	assert_true(span_zone("UTC"));
	assert_true(span_after(&s, at("2026-11-25 13:45:10")) == at("2026-12-25 13:45:10"));
	s = span("30d");
	assert_true(span_after(&s, at("2026-11-25 13:45:10")) == at("2026-12-25 13:45:10"));
}

static void
zones_are_known(void **state)
{
	struct buf b = { 0 };

	(void)state;
	assert_false(span_zone("Nowhere/Land"));
	assert_false(span_zone("../../etc/passwd"));
	assert_false(span_zone("/etc/passwd"));
	assert_true(span_zone("Asia/Seoul"));
	span_print_moment(&b, at("2026-12-01 00:00:00"));
	buf_byte(&b, '\0');
	assert_string_equal(b.at, "1 Dec 00:00 KST");
	buf_free(&b);
	assert_true(span_zone(NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans_are_read),
		cmocka_unit_test(periods_follow_the_calendar),
		cmocka_unit_test(days_begin_at_another_hour),
		cmocka_unit_test(periods_follow_each_other),
		cmocka_unit_test(months_are_added_by_the_calendar),
		cmocka_unit_test(zones_are_known),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
