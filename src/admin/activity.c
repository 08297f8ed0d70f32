/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Daily activity: what each day was made of, by model, vendor, path, key, and by whose it was.
 *
 * A page holds whole days, so that whoever sums pages sums each day once.  The sums of a day come from the database; the parts of a day, which may be
 * many, are bounded, the dearest first, and told to be cut.
 */
#include "admin/report.h"

#include "admin/nouns.h"
#include "base/date.h"

#include <stdlib.h>

/* the pure half */

enum part_column { PART_DAY, PART_MODEL, PART_GROUP, PART_PROVIDER, PART_CALL, PART_KEY, PART_WHO, PART_KEY_ALIAS, PART_KEY_TEAM, PART_WHO_ALIAS,
	PART_SUMS };

struct part {
	struct text	 cell[PART_SUMS];
	struct sums	 sums;
	enum part_column by;		/* what they are sorted by now */
};

static int
compare_texts(struct text a, struct text b)
{
	int c = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);

	return (c != 0 ? c : (a.len > b.len) - (a.len < b.len));
}

/* By name, and below it by key. */
static int
compare_parts(const void *one, const void *two)
{
	const struct part *a = *(const struct part *const *)one, *b = *(const struct part *const *)two;
	int c = compare_texts(a->cell[a->by], b->cell[b->by]);

	return (c != 0 ? c : compare_texts(a->cell[PART_KEY], b->cell[PART_KEY]));
}

static void
put_count_of(struct json_out *o, const char *name, int64_t n)
{
	json_name(o, name);
	json_int(o, n);
}

static void
put_metrics(struct json_out *o, const struct sums *s)
{
	json_open(o, '{');
	put_money(o, "spend", s->cost);
	put_count_of(o, "prompt_tokens", s->prompt);
	put_count_of(o, "completion_tokens", s->completion);
	put_count_of(o, "cache_read_input_tokens", s->cached);
	put_count_of(o, "cache_creation_input_tokens", s->written);
	put_count_of(o, "total_tokens", s->prompt + s->completion);
	put_count_of(o, "successful_requests", s->requests - s->failures);
	put_count_of(o, "failed_requests", s->failures);
	put_count_of(o, "api_requests", s->requests);
	json_close(o, '}');
}

static struct sums
sum_of(struct part *const *parts, unsigned n)
{
	struct sums sums = { 0 };

	for (unsigned i = 0; i < n; i++)
		sums_add(&sums, &parts[i]->sums);
	return (sums);
}

/* How many from the first on have its value there. */
static unsigned
run_of(struct part *const *parts, unsigned n, enum part_column column)
{
	unsigned run = 1;

	while (run < n && text_eq(parts[run]->cell[column], parts[0]->cell[column]))
		run++;
	return (run);
}

static void
put_key_metadata(struct json_out *o, const struct part *p)
{
	json_name(o, "metadata");
	json_open(o, '{');
	put_string(o, "key_alias", p->cell[PART_KEY_ALIAS]);
	put_string(o, "team_id", p->cell[PART_KEY_TEAM]);
	json_close(o, '}');
}

static void
put_keys(struct json_out *o, struct arena *arena, struct part *const *parts, unsigned n)
{
	json_name(o, "api_key_breakdown");
	json_open(o, '{');
	for (unsigned i = 0, run; i < n; i += run) {
		struct sums sums;

		run = run_of(parts + i, n - i, PART_KEY);
		sums = sum_of(parts + i, run);
		json_name_quoted(o, json_escape(arena, parts[i]->cell[PART_KEY]));
		json_open(o, '{');
		json_name(o, "metrics");
		put_metrics(o, &sums);
		put_key_metadata(o, parts[i]);
		json_close(o, '}');
	}
	json_close(o, '}');
}

static const char *
alias_name(const char *who)
{
	return (strcmp(who, "team") == 0 ? "team_alias" : "organization_alias");
}

static void
put_metadata(struct json_out *o, const struct activity *a, enum part_column by, const struct part *p)
{
	if (by == PART_KEY) {
		put_key_metadata(o, p);
		return;
	}
	json_name(o, "metadata");
	json_open(o, '{');
	if (by == PART_WHO && p->cell[PART_WHO_ALIAS].len > 0)
		put_string(o, alias_name(a->who), p->cell[PART_WHO_ALIAS]);
	json_close(o, '}');
}

/* One map of a day's breakdown: name to sums.  What has no name is not in it. */
static void
put_map(struct json_out *o, struct arena *arena, const struct activity *a, const char *name, enum part_column by, struct part **parts, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		parts[i]->by = by;
	qsort(parts, n, sizeof(*parts), compare_parts);
	json_name(o, name);
	json_open(o, '{');
	for (unsigned i = 0, run; i < n; i += run) {
		struct sums sums;

		run = run_of(parts + i, n - i, by);
		if (parts[i]->cell[by].len == 0)
			continue;
		sums = sum_of(parts + i, run);
		json_name_quoted(o, json_escape(arena, parts[i]->cell[by]));
		json_open(o, '{');
		json_name(o, "metrics");
		put_metrics(o, &sums);
		put_metadata(o, a, by, parts[i]);
		if (by != PART_KEY)
			put_keys(o, arena, parts + i, run);
		json_close(o, '}');
	}
	json_close(o, '}');
}

static void
put_breakdown(struct json_out *o, struct arena *arena, const struct activity *a, struct part **parts, unsigned n)
{
	static const struct {
		const char	*name;
		enum part_column by;
	} maps[] = {
		{ "models", PART_MODEL },
		{ "model_groups", PART_GROUP },
		{ "providers", PART_PROVIDER },
		{ "endpoints", PART_CALL },
		{ "api_keys", PART_KEY },
		{ "entities", PART_WHO },
	};

	json_name(o, "breakdown");
	json_open(o, '{');
	for (unsigned i = 0; i < nitems(maps); i++)
		put_map(o, arena, a, maps[i].name, maps[i].by, parts, n);
	json_name(o, "mcp_servers");
	json_raw(o, TEXT("{}"));
	json_close(o, '}');
}

/* LiteLLM counts paths here; rows have the names of its calls. */
static struct text
path_of(struct text call)
{
	static const struct {
		const char	*call, *path;
	} paths[] = {
		{ "acompletion", "/chat/completions" },
		{ "completion", "/chat/completions" },
		{ "atext_completion", "/completions" },
		{ "aembedding", "/embeddings" },
		{ "aresponses", "/responses" },
		{ "anthropic_messages", "/v1/messages" },
		{ "pass_through_endpoint", "/pass-through" },
	};

	for (unsigned i = 0; i < nitems(paths); i++)
		if (text_is(call, paths[i].call))
			return (text_of(paths[i].path));
	return (call);
}

static struct part *
parts_of(struct arena *arena, const struct rows *rows)
{
	struct part *parts = arena_alloc(arena, (rows->n + 1) * sizeof(*parts));

	for (unsigned i = 0; i < rows->n; i++) {
		for (unsigned k = 0; k < PART_SUMS; k++)
			parts[i].cell[k] = rows_text(rows, i, k);
		parts[i].cell[PART_CALL] = path_of(parts[i].cell[PART_CALL]);
		sums_read(&parts[i].sums, rows, i, PART_SUMS);
	}
	return (parts);
}

static unsigned
parts_of_day(struct part **list, struct part *parts, unsigned n, struct text day)
{
	unsigned found = 0;

	for (unsigned i = 0; i < n; i++)
		if (text_eq(parts[i].cell[PART_DAY], day))
			list[found++] = &parts[i];
	return (found);
}

static void
put_totals(struct json_out *o, const struct activity *a, const struct sums *s)
{
	json_name(o, "metadata");
	json_open(o, '{');
	put_money(o, "total_spend", s->cost);
	put_count_of(o, "total_prompt_tokens", s->prompt);
	put_count_of(o, "total_completion_tokens", s->completion);
	put_count_of(o, "total_tokens", s->prompt + s->completion);
	put_count_of(o, "total_api_requests", s->requests);
	put_count_of(o, "total_successful_requests", s->requests - s->failures);
	put_count_of(o, "total_failed_requests", s->failures);
	put_count_of(o, "total_cache_read_input_tokens", s->cached);
	put_count_of(o, "total_cache_creation_input_tokens", s->written);
	put_count_of(o, "page", a->page);
	put_count_of(o, "total_pages", a->pages);
	json_name(o, "has_more");
	json_bool(o, a->page < a->pages);
	if (a->cut) {
		json_name(o, "breakdown_is_cut");
		json_bool(o, true);
	}
	json_close(o, '}');
}

void
activity_write(struct buf *out, struct arena *arena, const struct activity *a, const struct rows *days, unsigned from, unsigned to,
    const struct rows *parts)
{
	struct json_out o = { .to = out };
	struct part *all = parts_of(arena, parts), **list = arena_alloc(arena, (parts->n + 1) * sizeof(struct part *));
	struct sums total = { 0 }, sums;

	json_open(&o, '{');
	json_name(&o, "results");
	json_open(&o, '[');
	for (unsigned i = from; i < to; i++) {
		struct text day = rows_text(days, i, 0);
		struct buf date = { 0 };

		sums_read(&sums, days, i, 3);
		sums_add(&total, &sums);
		day_print(&date, day_of_code(rows_int(days, i, 0, 19700101)));
		json_open(&o, '{');
		json_name(&o, "date");
		json_string(&o, buf_as_text(&date));
		json_name(&o, "metrics");
		put_metrics(&o, &sums);
		put_breakdown(&o, arena, a, list, parts_of_day(list, all, parts->n, day));
		json_close(&o, '}');
		buf_free(&date);
	}
	json_close(&o, ']');
	put_totals(&o, a, &total);
	json_close(&o, '}');
}

/* the handlers */

/* A day of a caller in the time zone `minutes` behind UTC lies in two days of UTC: the days that are kept are widened to have it whole. */
static struct error *
widen(struct report *r, struct admin_call *call)
{
	int64_t minutes;

	TRY(query_int(&minutes, call, "timezone", 0, -14 * 60, 14 * 60));
	r->to += minutes > 0;
	r->from -= minutes < 0 && r->from > 0;
	return (NULL);
}

static struct error *
lists(struct report *r, struct admin_call *call, const char *only, const char *but)
{
	struct text *list;
	unsigned n = query_list(&list, call, only);

	r->only = report_list(call->arena, list, n);
	if (but != NULL) {
		n = query_list(&list, call, but);
		r->but = report_list(call->arena, list, n);
	}
	return (NULL);
}

static struct error *
parts(struct rows *rows, struct admin_call *call, const struct report *r, int64_t first, int64_t last)
{
	return (ASK(call, rows, SQL_ACTIVITY_ROWS, V_INT(ACTIVITY_PARTS_MOST + 1), V_TEXT(text_of(r->kind)), V_INT(first), V_INT(last), V_TEXT(text_of(r->who)),
	    V_TEXT_OR_NULL(r->only), V_TEXT_OR_NULL(r->but), V_TEXT_OR_NULL(r->key), V_TEXT_OR_NULL(r->user), V_TEXT_OR_NULL(r->team), V_TEXT_OR_NULL(r->model),
	    V_TEXT_OR_NULL(r->self)));
}

static struct error *
answer(struct admin_call *call, const struct report *r, int64_t page, int64_t size)
{
	struct activity a = { .who = r->who, .page = page };
	struct rows days, made = { 0 };
	int64_t from, to;

	TRY(report_sums(&days, call, r, "day", "", "", "down", REPORT_DAYS_MOST));
	a.pages = days.n > 0 ? (days.n + size - 1) / size : 1;
	from = page > a.pages ? days.n : (page - 1) * size;
	to = days.n - from > size ? from + size : days.n;
	if (from < to)
		TRY(parts(&made, call, r, rows_int(&days, (unsigned)to - 1, 0, 0), rows_int(&days, (unsigned)from, 0, 0)));
	if (made.n > ACTIVITY_PARTS_MOST) {
		a.cut = true;
		made.n = ACTIVITY_PARTS_MOST;
	}
	activity_write(&call->out, call->arena, &a, &days, (unsigned)from, (unsigned)to, &made);
	return (NULL);
}

static struct error *
activity(struct admin_call *call, const char *who, const char *kind, const char *only, const char *but, int64_t size_otherwise)
{
	struct report r = { .kind = kind, .who = who };
	int64_t page = 1, size = REPORT_DAYS_MOST;

	TRY(report_days(&r, call, "start_date", "end_date", 0));
	TRY(widen(&r, call));
	TRY(lists(&r, call, only, but));
	r.model = query_text(call, "model");
	r.key = report_key(call->arena, query_text(call, "api_key"));
	TRY(report_caller(&r, call));
	if (size_otherwise > 0)
		TRY(query_pages(&page, &size, call, "page_size", size_otherwise));
	return (answer(call, &r, page, size));
}

struct error *
user_activity(struct admin_call *call)
{
	return (activity(call, "user", "", "user_id", NULL, 50));
}

struct error *
user_activity_whole(struct admin_call *call)
{
	return (activity(call, "user", "", "user_id", NULL, 0));
}

struct error *
team_activity(struct admin_call *call)
{
	return (activity(call, "team", "", "team_ids", "exclude_team_ids", 10));
}

struct error *
organization_activity(struct admin_call *call)
{
	return (activity(call, "organization", "", "organization_ids", "exclude_organization_ids", 10));
}

struct error *
customer_activity(struct admin_call *call)
{
	return (activity(call, "entity", "customer", "end_user_ids", "exclude_end_user_ids", 10));
}

struct error *
tag_activity(struct admin_call *call)
{
	return (activity(call, "entity", "tag", "tags", "exclude_tags", 10));
}

/* What agents spend is summed up in their accounts (`spend` of /v1/agents), not by days: the shape, and no days. */
struct error *
agent_activity(struct admin_call *call)
{
	struct activity a = { .who = "agent", .page = 1, .pages = 1 };
	struct report r = { 0 };
	struct rows none = { 0 };

	TRY(report_days(&r, call, "start_date", "end_date", 0));
	activity_write(&call->out, call->arena, &a, &none, 0, 0, &none);
	return (NULL);
}
