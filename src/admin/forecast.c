/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /global/predict/spend/logs: what the rest of the month will cost, by what days like those that are left have cost.
 *
 * A day to come is the mean of the same weekday in the four weeks before, or of all days of those where the weekday came less than twice.  The days are
 * the caller's (`data`, as LiteLLM's dashboard sends them), else those of the ledger.
 */
#include "admin/report.h"

#include "access/caller.h"
#include "admin/fields.h"
#include "admin/nouns.h"
#include "base/date.h"
#include "base/money.h"

#include <stdlib.h>

#define WEEKS		28			/* days that are looked at */
#define OWN_DAYS	30
#define GIVEN_MOST	3660

struct cost_of_day {
	int64_t		 day, nano;
};
struct series {
	struct cost_of_day *list;		/* by day */
	unsigned	 n;
	int64_t		 first, last;
};

static int
by_day(const void *a, const void *b)
{
	int64_t left = ((const struct cost_of_day *)a)->day, right = ((const struct cost_of_day *)b)->day;

	return (left < right ? -1 : left > right);
}

static struct error *
given(struct series *s, struct admin_call *c, const struct json *data)
{
	if (!json_is(data, JSON_ARRAY) || data->count > GIVEN_MOST)
		return (admin_invalid(c, "data", "data must be a list of {\"date\": \"2026-11-26\", \"spend\": 1.5}, at most %d.", GIVEN_MOST));
	s->list = arena_alloc(c->arena, (data->count + 1) * sizeof(*s->list));
	for (const struct json *v = data->first; v != NULL; v = v->next) {
		struct cost_of_day *d = &s->list[s->n];
		struct text date;

		TRY(body_text(&date, c, v, "date"));
		TRY(body_money(&d->nano, c, v, "spend"));
		if (!day_read(date, &d->day) || d->nano == NO_LIMIT)
			return (admin_invalid(c, "data", "Each of data must have a date (YYYY-MM-DD) and a spend."));
		s->n++;
	}
	qsort(s->list, s->n, sizeof(*s->list), by_day);
	return (NULL);
}

static struct error *
own(struct series *s, struct admin_call *c)
{
	struct report r = { .kind = "", .who = "user", .from = day_of_ms(c->now_ms) - OWN_DAYS + 1, .to = day_of_ms(c->now_ms) };
	struct rows rows;
	int64_t code;

	TRY(report_caller(&r, c));
	TRY(report_sums(&rows, c, &r, "day", "", "", "", OWN_DAYS));
	s->list = arena_alloc(c->arena, (rows.n + 1) * sizeof(*s->list));
	for (unsigned i = 0; i < rows.n; i++) {
		struct sums sums;

		sums_read(&sums, &rows, i, 3);
		if (text_to_i64(rows_text(&rows, i, 0), &code))
			s->list[s->n++] = (struct cost_of_day){ day_of_code(code), sums.cost };
	}
	qsort(s->list, s->n, sizeof(*s->list), by_day);
	return (NULL);
}

static int64_t
plus(int64_t a, int64_t b)
{
	int64_t sum;

	return (__builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum);
}

/* The mean of the days of the last weeks, of those of that weekday, or (below zero) of all; *n: how many they were. */
static int64_t
mean(const struct series *s, int64_t weekday, int64_t *n)
{
	int64_t from = s->last - WEEKS + 1 > s->first ? s->last - WEEKS + 1 : s->first, sum = 0;

	*n = 0;
	for (int64_t day = from; day <= s->last; day++)
		*n += weekday < 0 || day % 7 == weekday;
	for (unsigned i = 0; i < s->n; i++)
		if (s->list[i].day >= from && (weekday < 0 || s->list[i].day % 7 == weekday))
			sum = plus(sum, s->list[i].nano);
	return (*n > 0 ? sum / *n : 0);
}

static int64_t
expected(const struct series *s, int64_t day)
{
	int64_t n, nano = mean(s, day % 7, &n);

	return (n >= 2 ? nano : mean(s, -1, &n));
}

static int64_t
month_of(int64_t day)
{
	return (day_code(day) / 100);
}

static void
put_day(struct json_out *o, int64_t day, int64_t nano)
{
	struct buf date = { 0 };

	day_print(&date, day);
	json_open(o, '{');
	json_pair(o, "date", buf_as_text(&date));
	put_money(o, "predicted_spend", nano);
	json_close(o, '}');
	buf_free(&date);
}

static void
put_words(struct json_out *o, int64_t today, int64_t nano)
{
	static const char *const months[] = { "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
	    "November", "December" };
	struct buf b = { 0 };

	buf_print(&b, "Predicted Spend for %s %lld, ", months[month_of(today) % 100 - 1], (long long)month_of(today) / 100);
	money_print_dollars(&b, nano);
	json_pair(o, "predicted_spend", buf_as_text(&b));
	buf_free(&b);
}

struct error *
global_predict(struct admin_call *c)
{
	int64_t today = day_of_ms(c->now_ms), all = 0;
	struct json_out o = { .to = &c->out };
	struct series s = { .n = 0 };

	if (body_has(c->body, "data"))
		TRY(given(&s, c, json_get(c->body, "data")));
	else
		TRY(own(&s, c));
	s.first = s.n > 0 ? s.list[0].day : today;
	s.last = s.n > 0 ? s.list[s.n - 1].day : today;
	for (unsigned i = 0; i < s.n; i++)
		all = plus(all, month_of(s.list[i].day) == month_of(today) ? s.list[i].nano : 0);
	json_open(&o, '{');
	json_name(&o, "response");
	json_open(&o, '[');
	for (int64_t day = s.last + 1; s.n > 0 && month_of(day) <= month_of(today); day++)
		if (month_of(day) == month_of(today)) {
			put_day(&o, day, expected(&s, day));
			all = plus(all, expected(&s, day));
		}
	json_close(&o, ']');
	put_words(&o, today, all);
	json_close(&o, '}');
	return (NULL);
}
