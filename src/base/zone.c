/* SPDX-License-Identifier: Apache-2.0 */
/* Files of zones: a list of changes, and behind it a rule in the words of POSIX's TZ for all that comes later. */
#include "base/zone.h"

#include "base/span.h"

#include <stdio.h>

#define NAME_MOST	64
#define FILE_MOST	16384
#define CHANGES_MOST	4096
#define HEAD		44
#define DAY_S		86400

/* When a year's summer begins or ends, by the clock before it. */
struct turn {
	char		 form;		/* M: day `day` of week `week` (5: the last) of `month`; J: day `day` of the year, from 1, never 29 February; N: from 0 */
	int		 month, week, day;
	int		 second;
};
struct rule {
	bool		 is, has_summer;
	int		 winter, summer;	/* seconds east */
	struct turn	 begin, end;
};
struct zone {
	unsigned	 n;
	const int64_t	*at;		/* changes, and what holds from each on */
	const int	*offset;
	int		 before;
	struct rule	 rule;
};

/* the calendar */

static bool
is_leap(int64_t year)
{
	return ((year % 4 == 0 && year % 100 != 0) || year % 400 == 0);
}

/* Days from 1970-01-01 to the first of a year. */
static int64_t
days_to(int64_t year)
{
	int64_t y = year - 1;

	return (y * 365 + y / 4 - y / 100 + y / 400 - 719162);
}

static int64_t
year_of(int64_t day)
{
	int64_t year = 1970 + day / 366;

	while (days_to(year + 1) <= day)
		year++;
	return (year);
}

static int
days_of(int64_t year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return (days[month - 1] + (month == 2 && is_leap(year)));
}

/* The local second of a year's turn, from 1970-01-01. */
static int64_t
turn_of(const struct turn *t, int64_t year)
{
	int64_t day = days_to(year);
	int first;

	if (t->form == 'N')
		day += t->day;
	else if (t->form == 'J')
		day += t->day - 1 + (is_leap(year) && t->day >= 60);
	else {
		for (int m = 1; m < t->month; m++)
			day += days_of(year, m);
		first = (int)((t->day - (day + 4) % 7 + 7) % 7);	/* 1970 began on a Thursday */
		first += 7 * (t->week - 1);
		while (first >= days_of(year, t->month))
			first -= 7;
		day += first;
	}
	return (day * DAY_S + t->second);
}

static int
by_rule(const struct rule *r, int64_t s)
{
	int64_t year, begin, end;
	bool summer;

	if (!r->has_summer)
		return (r->winter);
	year = year_of((s + r->winter) / DAY_S);
	begin = turn_of(&r->begin, year) - r->winter;
	end = turn_of(&r->end, year) - r->summer;
	summer = begin < end ? s >= begin && s < end : s >= begin || s < end;
	return (summer ? r->summer : r->winter);
}

int
zone_offset(const struct zone *z, int64_t s)
{
	unsigned low = 0, high = z->n;

	if (z->n == 0 || s >= z->at[z->n - 1])
		return (z->rule.is ? by_rule(&z->rule, s) : z->n > 0 ? z->offset[z->n - 1] : z->before);
	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (z->at[middle] <= s)
			low = middle + 1;
		else
			high = middle;
	}
	return (low > 0 ? z->offset[low - 1] : z->before);
}

/* the rule: "CET-1CEST,M3.5.0,M10.5.0/3" */

static bool
take(struct text *t, char c)
{
	if (t->len == 0 || t->at[0] != c)
		return (false);
	*t = text_sub(*t, 1, t->len);
	return (true);
}

static bool
take_number(struct text *t, int most, int *n)
{
	size_t i = 0;

	for (*n = 0; i < t->len && t->at[i] >= '0' && t->at[i] <= '9' && *n <= most; i++)
		*n = *n * 10 + (t->at[i] - '0');
	*t = text_sub(*t, i, t->len);
	return (i > 0 && *n <= most);
}

static bool
take_name(struct text *t)
{
	size_t i = 0;

	if (take(t, '<')) {
		while (i < t->len && t->at[i] != '>')
			i++;
		*t = text_sub(*t, i, t->len);
		return (take(t, '>'));
	}
	while (i < t->len && ((t->at[i] | 0x20) >= 'a' && (t->at[i] | 0x20) <= 'z'))
		i++;
	*t = text_sub(*t, i, t->len);
	return (i >= 3);
}

/* [+-]hh[:mm[:ss]] */
static bool
take_time(struct text *t, int *seconds)
{
	int sign = take(t, '-') ? -1 : (take(t, '+'), 1), hours, minutes = 0, rest = 0;

	if (!take_number(t, 167, &hours) || (take(t, ':') && (!take_number(t, 59, &minutes) || (take(t, ':') && !take_number(t, 59, &rest)))))
		return (false);
	*seconds = sign * (hours * 3600 + minutes * 60 + rest);
	return (true);
}

static bool
take_turn(struct text *t, struct turn *turn)
{
	turn->second = 7200;
	turn->form = take(t, 'M') ? 'M' : take(t, 'J') ? 'J' : 'N';
	if (turn->form == 'M' && (!take_number(t, 12, &turn->month) || turn->month < 1 || !take(t, '.') || !take_number(t, 5, &turn->week) ||
	    turn->week < 1 || !take(t, '.')))
		return (false);
	if (!take_number(t, turn->form == 'M' ? 6 : 365, &turn->day))
		return (false);
	return (!take(t, '/') || take_time(t, &turn->second));
}

static bool
read_rule(struct rule *r, struct text t)
{
	int west;

	if (!take_name(&t) || !take_time(&t, &west))
		return (false);
	r->winter = -west;
	r->is = true;
	if (t.len == 0)
		return (true);
	if (!take_name(&t))
		return (false);
	r->summer = r->winter + 3600;
	if (t.len > 0 && t.at[0] != ',') {
		if (!take_time(&t, &west))
			return (false);
		r->summer = -west;
	}
	r->has_summer = true;
	return (take(&t, ',') && take_turn(&t, &r->begin) && take(&t, ',') && take_turn(&t, &r->end) && t.len == 0);
}

/* the file */

static uint32_t
number(const char *at)
{
	const unsigned char *b = (const unsigned char *)at;

	return ((uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3]);
}

/* What a header counts, and how long what follows it is. */
struct head {
	uint32_t	 n_utc, n_std, n_leap, n_times, n_types, n_chars;
};

static bool
read_head(struct head *h, struct text t)
{
	if (t.len < HEAD || memcmp(t.at, "TZif", 4) != 0)
		return (false);
	*h = (struct head){ number(t.at + 20), number(t.at + 24), number(t.at + 28), number(t.at + 32), number(t.at + 36), number(t.at + 40) };
	return (h->n_times <= CHANGES_MOST && h->n_types >= 1 && h->n_types <= 256 && h->n_chars <= 4096 && h->n_leap <= 1024 && h->n_std <= 256 &&
	    h->n_utc <= 256);
}

static size_t
body_of(const struct head *h, size_t wide)
{
	return (h->n_times * (wide + 1) + h->n_types * 6 + h->n_chars + h->n_leap * (wide + 4) + h->n_std + h->n_utc);
}

static bool
read_changes(struct zone *z, struct arena *arena, const struct head *h, const char *body)
{
	const char *kinds = body + h->n_times * 8, *types = kinds + h->n_times;
	int64_t *at = arena_alloc(arena, (h->n_times + 1) * sizeof(*at));
	int *offset = arena_alloc(arena, (h->n_times + 1) * sizeof(*offset));

	for (uint32_t i = 0; i < h->n_times; i++) {
		unsigned kind = (unsigned char)kinds[i];

		if (kind >= h->n_types)
			return (false);
		at[i] = (int64_t)((uint64_t)number(body + i * 8) << 32 | number(body + i * 8 + 4));
		offset[i] = (int)number(types + kind * 6);
	}
	z->n = h->n_times;
	z->at = at;
	z->offset = offset;
	z->before = (int)number(types);
	return (true);
}

static bool
read_zone(struct zone *z, struct arena *arena, struct text t)
{
	struct head h;
	size_t body;

	if (!read_head(&h, t) || t.at[4] < '2' || (body = HEAD + body_of(&h, 4)) > t.len)
		return (false);
	t = text_sub(t, body, t.len);
	if (!read_head(&h, t) || (body = HEAD + body_of(&h, 8)) > t.len || !read_changes(z, arena, &h, t.at + HEAD))
		return (false);
	t = text_trim(text_sub(t, body, t.len));
	return (t.len == 0 || read_rule(&z->rule, t));
}

const struct zone *
zone_read(struct arena *arena, struct text name)
{
	struct zone *z = arena_new_of(arena, struct zone);
	char path[128], bytes[FILE_MOST];
	size_t n;
	FILE *f;

	if (name.len == 0 || text_is(name, "UTC"))
		return (z);
	if (name.len > NAME_MOST || memchr(name.at, '\0', name.len) != NULL || !span_has_zone(arena_copy(arena, name).at))
		return (NULL);
	snprintf(path, sizeof(path), "/usr/share/zoneinfo/" TEXT_FMT, TEXT_ARG(name));
	if ((f = fopen(path, "re")) == NULL)
		return (NULL);
	n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	return (read_zone(z, arena, (struct text){ bytes, n }) ? z : NULL);
}
