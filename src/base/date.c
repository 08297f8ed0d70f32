/* SPDX-License-Identifier: Apache-2.0 */
/* Dates and moments, by the proleptic Gregorian calendar. */
#include "base/date.h"

struct civil {
	int64_t	 year, month, day;
};

/* Years begin in March here, so that the leap day is their last: its month m begins (153 m + 2) / 5 days after the year. */
static int64_t
day_of(struct civil c)
{
	int64_t year = c.month > 2 ? c.year : c.year - 1, month = (c.month + 9) % 12;

	return (365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + c.day - 1 - 719468);
}

static struct civil
civil_of(int64_t day)
{
	int64_t days = day + 719468, era = days / 146097, in_era = days % 146097;
	int64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	int64_t in_year = in_era - (365 * year + year / 4 - year / 100), month = (5 * in_year + 2) / 153;
	struct civil c = { .year = era * 400 + year, .month = month < 10 ? month + 3 : month - 9, .day = in_year - (153 * month + 2) / 5 + 1 };

	c.year += c.month <= 2;
	return (c);
}

/* Exactly `n` digits from the front of *t, which are taken off. */
static bool
digits(struct text *t, size_t n, int64_t *value)
{
	if (t->len < n)
		return (false);
	*value = 0;
	for (size_t i = 0; i < n; i++) {
		if (t->at[i] < '0' || t->at[i] > '9')
			return (false);
		*value = *value * 10 + (t->at[i] - '0');
	}
	*t = text_sub(*t, n, t->len);
	return (true);
}

static bool
sign(struct text *t, const char *any)
{
	if (t->len == 0 || t->at[0] == '\0' || strchr(any, t->at[0]) == NULL)
		return (false);
	*t = text_sub(*t, 1, t->len);
	return (true);
}

static bool
take_day(struct text *t, int64_t *day)
{
	struct civil c, back;

	if (!digits(t, 4, &c.year) || !sign(t, "-") || !digits(t, 2, &c.month) || !sign(t, "-") || !digits(t, 2, &c.day) || c.year < 1970 ||
	    c.month < 1 || c.month > 12 || c.day < 1)
		return (false);
	*day = day_of(c);
	back = civil_of(*day);
	return (back.month == c.month && back.day == c.day);
}

bool
day_read(struct text t, int64_t *day)
{
	return (take_day(&t, day) && t.len == 0);
}

int64_t
day_of_ms(int64_t ms)
{
	return (ms >= 0 ? ms / DAY_MS : -1);
}

int64_t
day_code(int64_t day)
{
	struct civil c = civil_of(day);

	return (c.year * 10000 + c.month * 100 + c.day);
}

int64_t
day_of_code(int64_t code)
{
	struct civil c = { .year = code / 10000, .month = code / 100 % 100, .day = code % 100 };

	return (day_of(c));
}

void
day_print(struct buf *b, int64_t day)
{
	struct civil c = civil_of(day);

	buf_print(b, "%04d-%02d-%02d", (int)c.year, (int)c.month, (int)c.day);
}

void
day_print_short(struct buf *b, int64_t day)
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	struct civil c = civil_of(day);

	buf_print(b, "%s %02d", months[c.month - 1], (int)c.day);
}

/* ".5", ".123456": thousandths, the rest is dropped. */
static bool
take_fraction(struct text *t, int64_t *ms)
{
	int64_t digit, weight = 100;

	if (!sign(t, "."))
		return (true);
	if (!digits(t, 1, &digit))
		return (false);
	do {
		*ms += digit * weight;
		weight /= 10;
	} while (digits(t, 1, &digit));
	return (true);
}

static bool
take_time(struct text *t, int64_t *ms)
{
	int64_t hour, minute, second = 0;

	if (!digits(t, 2, &hour) || !sign(t, ":") || !digits(t, 2, &minute) || hour > 23 || minute > 59)
		return (false);
	if (sign(t, ":") && (!digits(t, 2, &second) || second > 60))
		return (false);
	*ms += ((hour * 60 + minute) * 60 + second) * 1000;
	return (take_fraction(t, ms));
}

static bool
take_zone(struct text *t, int64_t *ms)
{
	bool west = t->len > 0 && t->at[0] == '-';
	int64_t hours, minutes = 0;

	if (t->len == 0 || sign(t, "Zz"))
		return (true);
	if (!sign(t, "+- ") || !digits(t, 2, &hours) || hours > 23)	/* a plus that was not escaped in a query is a blank */
		return (false);
	if (t->len > 0 && (sign(t, ":"), !digits(t, 2, &minutes) || minutes > 59))
		return (false);
	*ms += (west ? 1 : -1) * (hours * 60 + minutes) * 60000;
	return (true);
}

bool
moment_read(struct text t, int64_t *ms)
{
	int64_t day;

	if (!take_day(&t, &day))
		return (false);
	*ms = day * DAY_MS;
	if (t.len == 0)
		return (true);
	return (sign(&t, "T t") && take_time(&t, ms) && take_zone(&t, ms) && t.len == 0);
}
