/* SPDX-License-Identifier: Apache-2.0 */
/* Spans of time, and which period of a budget a moment belongs to. */
#include "base/span.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SECOND	INT64_C(1000)
#define MINUTE	(60 * SECOND)
#define HOUR	(60 * MINUTE)
#define DAY	(24 * HOUR)
#define MOST	(INT64_C(3650000) * DAY)

static int64_t
unit_ms(char unit)
{
	switch (unit) {
	case 's':
		return (SECOND);
	case 'm':
		return (MINUTE);
	case 'h':
		return (HOUR);
	case 'd':
		return (DAY);
	case 'w':
		return (7 * DAY);
	default:
		return (30 * DAY);
	}
}

static const struct {
	const char	*word;
	struct span	 span;
} named[] = {
	{ "hourly", { 'h', 1 } }, { "daily", { 'h', 24 } }, { "weekly", { 'd', 7 } }, { "monthly", { 'd', 30 } },
};

bool
span_read(struct text t, struct span *s)
{
	size_t digits = 0;
	struct text unit;

	for (size_t i = 0; i < nitems(named); i++)
		if (text_is(t, named[i].word)) {
			*s = named[i].span;
			return (true);
		}
	while (digits < t.len && t.at[digits] >= '0' && t.at[digits] <= '9')
		digits++;
	unit = text_sub(t, digits, t.len);
	if (!text_to_i64(text_sub(t, 0, digits), &s->n) || s->n < 1)
		return (false);
	if (text_is(unit, "mo"))
		s->unit = 'M';
	else if (unit.len == 1 && strchr("smhdw", unit.at[0]) != NULL)
		s->unit = unit.at[0];
	else
		return (false);
	return (s->n <= (s->unit == 'M' ? 120 : MOST / unit_ms(s->unit)));
}

int64_t
span_ms(const struct span *s)
{
	return (s->n * unit_ms(s->unit));
}

/* Local days: the calendar knows of hours that are skipped and repeated. */

static struct tm
local(int64_t ms)
{
	time_t t = (time_t)((ms - (ms % SECOND + SECOND) % SECOND) / SECOND);
	struct tm tm;

	localtime_r(&t, &tm);
	return (tm);
}

static _Atomic int turn;			/* second of the day */

void
span_turn(int second_of_day)
{
	atomic_store(&turn, second_of_day);
}

/* When a day begins for budgets. */
static int64_t
beginning(int year, int month, int day)
{
	struct tm tm = { .tm_year = year, .tm_mon = month, .tm_mday = day, .tm_sec = atomic_load(&turn), .tm_isdst = -1 };

	return ((int64_t)mktime(&tm) * SECOND);
}

/* The day that has begun, for budgets: before its hour it is the day before. */
static struct tm
day_of(int64_t ms)
{
	struct tm tm = local(ms), day = { .tm_year = tm.tm_year, .tm_mon = tm.tm_mon, .tm_mday = tm.tm_mday };
	time_t t;

	if (ms < beginning(tm.tm_year, tm.tm_mon, tm.tm_mday))
		day.tm_mday--;
	t = timegm(&day);
	gmtime_r(&t, &day);
	return (day);
}

int64_t
span_after(const struct span *s, int64_t now_ms)
{
	struct tm tm;

	if (s->unit != 'M')
		return (now_ms + span_ms(s));
	tm = local(now_ms);
	tm.tm_mon += (int)s->n;
	tm.tm_isdst = -1;
	return ((int64_t)mktime(&tm) * SECOND + now_ms % SECOND);
}

/* Days since 1970-01-01 of a date, proleptic Gregorian. */
static int64_t
day_number(const struct tm *tm)
{
	struct tm utc = { .tm_year = tm->tm_year, .tm_mon = tm->tm_mon, .tm_mday = tm->tm_mday };

	return ((int64_t)timegm(&utc) / 86400);
}

static void
days(int64_t n, int64_t phase, int64_t now_ms, int64_t *from, int64_t *to)
{
	struct tm tm = day_of(now_ms);
	int64_t past = ((day_number(&tm) - phase) % n + n) % n;

	*from = beginning(tm.tm_year, tm.tm_mon, tm.tm_mday - (int)past);
	*to = beginning(tm.tm_year, tm.tm_mon, tm.tm_mday - (int)past + (int)n);
}

/* `n` months from January of year 0. */
static void
months(int n, int64_t now_ms, int64_t *from, int64_t *to)
{
	struct tm tm = day_of(now_ms);
	int past = (tm.tm_year * 12 + tm.tm_mon) % n;

	*from = beginning(tm.tm_year, tm.tm_mon - past, 1);
	*to = beginning(tm.tm_year, tm.tm_mon - past + n, 1);
}

void
span_period(const struct span *s, int64_t now_ms, int64_t *from, int64_t *to)
{
	int64_t each = span_ms(s);

	if (s->unit == 'M' || (s->unit == 'd' && s->n == 30))
		months(s->unit == 'M' ? (int)s->n : 1, now_ms, from, to);
	else if (each % DAY == 0 && (s->unit != 'h' || s->n == 24) && s->unit != 's' && s->unit != 'm')
		days(each / DAY, each == 7 * DAY ? 4 : 0, now_ms, from, to);	/* 1970-01-05 was a Monday */
	else {
		*from = now_ms - (now_ms % each + each) % each;
		*to = *from + each;
	}
}

bool
span_has_zone(const char *name)
{
	char path[512];

	if (name[0] == '\0' || strcmp(name, "UTC") == 0)
		return (true);
	snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
	return (strlen(name) <= 64 && strstr(name, "..") == NULL && name[0] != '/' && access(path, R_OK) == 0);
}

/*
 * Where it is what it was nothing is touched: other threads read the environment.  One that is there already is replaced by a pointer, which they see
 * whole.
 */
bool
span_zone(const char *name)
{
	const char *is = getenv("TZ");

	if (name == NULL || name[0] == '\0')
		name = "UTC";
	if (!span_has_zone(name))
		return (false);
	if (is == NULL || strcmp(is, name) != 0)
		setenv("TZ", name, 1);
	tzset();
	return (true);
}

const char *
span_calendar(int *second_of_day)
{
	const char *zone = getenv("TZ");

	*second_of_day = atomic_load(&turn);
	return (zone != NULL && zone[0] != '\0' ? zone : "UTC");
}

void
span_print_moment(struct buf *b, int64_t at_ms)
{
	struct tm tm = local(at_ms);
	char words[64];

	strftime(words, sizeof(words), "%e %b %H:%M %Z", &tm);
	buf_text(b, text_trim(text_of(words)));
}
