/* SPDX-License-Identifier: Apache-2.0 */
/* /tag/…: how many users had a tag in days, weeks and months, and who they were; of the sums of days that the ledger keeps. */
#include "admin/report.h"

#include "admin/entity.h"
#include "admin/nouns.h"
#include "base/date.h"

#define TAGS_MOST	250
#define SPANS		7		/* days, weeks, months */
#define MONTH		30
#define ROWS_MOST	10000

struct wish {
	struct text	 pattern;	/* of LIKE; empty: all */
	struct text	*only;		/* these, if there are any */
	unsigned	 n_only;
};

static void
read_wish(struct wish *w, struct admin_call *c)
{
	struct text one = query_text(c, "tag_filter");

	w->n_only = query_list(&w->only, c, "tag_filters");
	w->pattern = w->n_only == 0 && one.len > 0 ? like_within(c->arena, one) : TEXT("");
}

static bool
is_wished(const struct wish *w, struct text tag)
{
	for (unsigned i = 0; i < w->n_only; i++)
		if (text_eq(w->only[i], tag))
			return (true);
	return (w->n_only == 0);
}

/* Rows {tag, users, requests, failures, tokens, cost} of days, both within. */
static struct error *
tags_of(struct rows *rows, struct admin_call *c, const struct wish *w, int64_t from, int64_t to)
{
	return (ASK(c, rows, SQL_TAG_USERS, V_INT(day_code(from)), V_INT(day_code(to)), V_TEXT_OR_NULL(w->pattern), V_INT(ROWS_MOST)));
}

static void
put_day(struct json_out *o, const char *name, int64_t day)
{
	struct buf b = { 0 };

	day_print(&b, day);
	put_string(o, name, buf_as_text(&b));
	buf_free(&b);
}

static void
put_count(struct json_out *o, const char *name, int64_t n)
{
	json_name(o, name);
	json_int(o, n);
}

static void
put_span(struct json_out *o, struct admin_call *c, const struct rows *rows, unsigned row, const char *word, unsigned nth, int64_t from, int64_t to)
{
	struct buf b = { 0 };

	json_open(o, '{');
	put_string(o, "tag", rows_text(rows, row, 0));
	put_count(o, "active_users", rows_int(rows, row, 1, 0));
	if (word == NULL)
		put_day(o, "date", to);
	else {
		day_print_short(&b, from);
		put_string(o, "date", arena_print(c->arena, "%s %u (" TEXT_FMT ")", word, nth, TEXT_ARG(buf_as_text(&b))));
		put_day(o, "period_start", from);
		put_day(o, "period_end", to);
	}
	json_close(o, '}');
	buf_free(&b);
}

/* The last seven spans of so many days, the earliest first; of days the last first, as LiteLLM has it. */
static struct error *
active(struct admin_call *c, int64_t days, const char *word)
{
	struct json_out o = { .to = &c->out };
	int64_t today = day_of_ms(c->now_ms);
	struct rows rows;
	struct wish w;

	read_wish(&w, c);
	json_open(&o, '{');
	json_name(&o, "results");
	json_open(&o, '[');
	for (unsigned i = 0; i < SPANS; i++) {
		int64_t ago = word == NULL ? i : SPANS - 1 - i, to = today - ago * days, from = to - days + 1;

		TRY(tags_of(&rows, c, &w, from, to));
		for (unsigned row = 0; row < rows.n; row++)
			if (is_wished(&w, rows_text(&rows, row, 0)) && rows_int(&rows, row, 1, 0) > 0)
				put_span(&o, c, &rows, row, word, i + 1, from, to);
	}
	json_close(&o, ']');
	json_close(&o, '}');
	return (NULL);
}

struct error *
tag_daily_users(struct admin_call *c)
{
	return (active(c, 1, NULL));
}

struct error *
tag_weekly_users(struct admin_call *c)
{
	return (active(c, 7, "Week"));
}

struct error *
tag_monthly_users(struct admin_call *c)
{
	return (active(c, MONTH, "Month"));
}

struct error *
tag_distinct(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct rows rows;

	TRY(ASK(c, &rows, SQL_TAG_NAMES, V_INT(TAGS_MOST)));
	json_open(&o, '{');
	json_name(&o, "results");
	json_open(&o, '[');
	for (unsigned i = 0; i < rows.n; i++) {
		json_open(&o, '{');
		put_string(&o, "tag", rows_text(&rows, i, 0));
		json_close(&o, '}');
	}
	json_close(&o, ']');
	json_close(&o, '}');
	return (NULL);
}

/* requests, failures, tokens and cost in four columns. */
static void
put_sums(struct json_out *o, const struct rows *rows, unsigned row, unsigned column, const char *spend)
{
	int64_t requests = rows_int(rows, row, column, 0), failures = rows_int(rows, row, column + 1, 0);

	put_count(o, "total_requests", requests);
	put_count(o, "successful_requests", requests - failures);
	put_count(o, "failed_requests", failures);
	put_count(o, "total_tokens", rows_int(rows, row, column + 2, 0));
	put_money(o, spend, rows_int(rows, row, column + 3, 0));
}

struct error *
tag_summary(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct report r = { .kind = "tag" };
	struct rows rows;
	struct wish w;

	TRY(report_days(&r, c, "start_date", "end_date", 0));
	read_wish(&w, c);
	TRY(tags_of(&rows, c, &w, r.from, r.to));
	json_open(&o, '{');
	json_name(&o, "results");
	json_open(&o, '[');
	for (unsigned i = 0; i < rows.n; i++) {
		if (!is_wished(&w, rows_text(&rows, i, 0)))
			continue;
		json_open(&o, '{');
		put_string(&o, "tag", rows_text(&rows, i, 0));
		put_count(&o, "unique_users", rows_int(&rows, i, 1, 0));
		put_sums(&o, &rows, i, 2, "total_spend");
		json_close(&o, '}');
	}
	json_close(&o, ']');
	json_close(&o, '}');
	return (NULL);
}

/* Users who had such a tag in the last thirty days: one tag, or what a pattern fits. */
struct error *
tag_users_page(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	int64_t page, size, total, from = day_code(day_of_ms(c->now_ms) - MONTH), to = day_code(day_of_ms(c->now_ms));
	struct rows rows, count;
	struct wish w;

	read_wish(&w, c);
	if (w.n_only > 1)
		return (admin_bad(c, "tag_filters", "One tag at a time, or a part of its name in tag_filter."));
	TRY(query_pages(&page, &size, c, "page_size", 50));
	if (w.n_only == 1)
		w.pattern = like_is(c->arena, w.only[0]);
	TRY(ASK(c, &count, SQL_TAG_USERS_COUNT, V_INT(from), V_INT(to), V_TEXT_OR_NULL(w.pattern)));
	TRY(ASK(c, &rows, SQL_TAG_USERS_PAGE, V_INT(from), V_INT(to), V_TEXT_OR_NULL(w.pattern), V_INT(size), V_INT((page - 1) * size)));
	total = rows_int(&count, 0, 0, 0);
	json_open(&o, '{');
	json_name(&o, "results");
	json_open(&o, '[');
	for (unsigned i = 0; i < rows.n; i++) {
		json_open(&o, '{');
		put_string(&o, "user_id", rows_text(&rows, i, 0));
		put_string(&o, "user_email", rows_text(&rows, i, 1));
		put_string(&o, "user_agent", rows_text(&rows, i, 2));
		put_sums(&o, &rows, i, 3, "spend");
		json_close(&o, '}');
	}
	json_close(&o, ']');
	put_count(&o, "total_count", total);
	put_count(&o, "page", page);
	put_count(&o, "page_size", size);
	put_count(&o, "total_pages", pages_of(total, size));
	json_close(&o, '}');
	return (NULL);
}
