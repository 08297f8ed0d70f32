/* SPDX-License-Identifier: Apache-2.0 */
/* Who spent what: by key, user, team, model, vendor, customer and tag, of days; what is left of vendors' budgets. */
#include "admin/report.h"

#include "admin/entity.h"
#include "admin/nouns.h"
#include "admin/roles.h"
#include "base/date.h"

#define MONTH		30		/* days that are shown when none are asked for */
#define LIST_MOST	1000
#define FEW		10

/* writing */

static struct json_out
out_of(struct admin_call *call)
{
	return ((struct json_out){ .to = &call->out });
}

static void
put_n(struct json_out *o, const char *name, int64_t n)
{
	json_name(o, name);
	json_int(o, n);
}

static void
put_text(struct json_out *o, const char *name, struct text t)
{
	json_name(o, name);
	json_string(o, t);
}

static void
put_date(struct json_out *o, const char *name, struct text code, bool brief)
{
	struct buf b = { 0 };
	int64_t n, day;

	day = day_of_code(text_to_i64(code, &n) ? n : 19700101);
	if (brief)
		day_print_short(&b, day);
	else
		day_print(&b, day);
	put_text(o, name, buf_as_text(&b));
	buf_free(&b);
}

static struct sums
sums_at(const struct rows *rows, unsigned row)
{
	struct sums s;

	sums_read(&s, rows, row, 3);
	return (s);
}

static struct sums
sum_all(const struct rows *rows)
{
	struct sums all = { 0 }, one;

	for (unsigned i = 0; i < rows->n; i++) {
		one = sums_at(rows, i);
		sums_add(&all, &one);
	}
	return (all);
}

/* what is asked for */

/* start_date and end_date, of the last month unless they are given; api_key. */
static struct error *
asked(struct report *r, struct admin_call *call, const char *kind)
{
	*r = (struct report){ .kind = kind, .who = kind[0] != '\0' ? "entity" : "user", .key = report_key(call->arena, query_text(call, "api_key")) };
	TRY(report_days(r, call, "start_date", "end_date", MONTH));
	return (report_caller(r, call));
}

static struct error *
limit_of(int64_t *limit, struct admin_call *call, int64_t otherwise)
{
	return (query_int(limit, call, "limit", otherwise, 1, LIST_MOST));
}

/* Names of keys. */

struct key_name {
	struct text	 alias, name;
};

static struct error *
name_of_key(struct key_name *k, struct admin_call *call, struct text digest)
{
	struct rows rows;
	struct doc doc;

	*k = (struct key_name){ TEXT(""), TEXT("") };
	TRY(ASK(call, &rows, SQL_KEY_NAMES, V_TEXT(digest)));
	if (rows.n == 0)
		return (NULL);
	doc_read(&doc, call->arena, rows_text(&rows, 0, 2));
	k->alias = rows_text(&rows, 0, 1);
	k->name = doc_string(&doc, "key_name");
	return (NULL);
}

static struct error *
name_of_team(struct text *alias, struct admin_call *call, struct text id)
{
	struct rows rows;

	*alias = id;
	if (id.len == 0)
		return (NULL);
	TRY(ASK(call, &rows, SQL_TEAM_NAMES, V_TEXT(id)));
	if (rows.n > 0 && rows_text(&rows, 0, 0).len > 0)
		*alias = rows_text(&rows, 0, 0);
	return (NULL);
}

/* lists of one dimension, the dearest first */

typedef struct error *put_f(struct json_out *, struct admin_call *, struct text name, const struct sums *);

static struct error *
dearest(struct admin_call *call, const char *kind, const char *dimension, int64_t otherwise, put_f *put)
{
	struct json_out o = out_of(call);
	struct report r;
	struct rows rows;
	int64_t limit;

	TRY(asked(&r, call, kind));
	TRY(limit_of(&limit, call, otherwise));
	TRY(report_sums(&rows, call, &r, dimension, "", "", "cost", limit));
	json_open(&o, '[');
	for (unsigned i = 0; i < rows.n; i++) {
		struct sums s = sums_at(&rows, i);

		json_open(&o, '{');
		TRY(put(&o, call, rows_text(&rows, i, 0), &s));
		json_close(&o, '}');
	}
	json_close(&o, ']');
	return (NULL);
}

static struct error *
put_key_total(struct json_out *o, struct admin_call *call, struct text digest, const struct sums *s)
{
	struct key_name k;

	TRY(name_of_key(&k, call, digest));
	put_text(o, "api_key", digest);
	put_string(o, "key_alias", k.alias);
	put_string(o, "key_name", k.name);
	put_money(o, "total_spend", s->cost);
	return (NULL);
}

static struct error *
put_key_row(struct json_out *o, struct admin_call *call, struct text digest, const struct sums *s)
{
	struct key_name k;

	TRY(name_of_key(&k, call, digest));
	put_text(o, "token", digest);
	put_string(o, "key_alias", k.alias);
	put_string(o, "key_name", k.name);
	put_money(o, "spend", s->cost);
	return (NULL);
}

static struct error *
put_user_row(struct json_out *o, struct admin_call *call, struct text user, const struct sums *s)
{
	(void)call;
	put_string(o, "user_id", user);
	put_money(o, "spend", s->cost);
	put_n(o, "total_tokens", s->prompt + s->completion);
	put_n(o, "api_requests", s->requests);
	return (NULL);
}

static struct error *
put_model_total(struct json_out *o, struct admin_call *call, struct text model, const struct sums *s)
{
	(void)call;
	put_text(o, "model", model);
	put_money(o, "total_spend", s->cost);
	return (NULL);
}

static struct error *
put_provider_total(struct json_out *o, struct admin_call *call, struct text provider, const struct sums *s)
{
	(void)call;
	put_text(o, "provider", provider);
	put_money(o, "spend", s->cost);
	return (NULL);
}

static struct error *
put_tag_total(struct json_out *o, struct admin_call *call, struct text tag, const struct sums *s)
{
	(void)call;
	put_text(o, "individual_request_tag", tag);
	put_n(o, "log_count", s->requests);
	put_money(o, "total_spend", s->cost);
	return (NULL);
}

struct error *
global_spend_keys(struct admin_call *call)
{
	return (dearest(call, "", "key", FEW, put_key_total));
}

struct error *
spend_keys(struct admin_call *call)
{
	return (dearest(call, "", "key", LIST_MOST, put_key_row));
}

struct error *
global_spend_models(struct admin_call *call)
{
	return (dearest(call, "", "model", FEW, put_model_total));
}

struct error *
global_spend_provider(struct admin_call *call)
{
	return (dearest(call, "", "provider", LIST_MOST, put_provider_total));
}

struct error *
spend_tags(struct admin_call *call)
{
	return (dearest(call, "tag", "entity", LIST_MOST, put_tag_total));
}

struct error *
spend_users(struct admin_call *call)
{
	struct json_out o = out_of(call);
	struct report r;
	struct rows rows;

	TRY(asked(&r, call, ""));
	r.user = query_text(call, "user_id");
	TRY(report_sums(&rows, call, &r, "user", "", "", "cost", LIST_MOST));
	json_open(&o, '[');
	for (unsigned i = 0; i < rows.n; i++) {
		struct sums s = sums_at(&rows, i);

		json_open(&o, '{');
		TRY(put_user_row(&o, call, rows_text(&rows, i, 0), &s));
		json_close(&o, '}');
	}
	json_close(&o, ']');
	return (NULL);
}

/* tags and customers */

struct error *
global_spend_tags(struct admin_call *call)
{
	struct json_out o = out_of(call);
	struct text *tags;
	struct report r;
	struct rows rows;
	unsigned n;

	TRY(asked(&r, call, "tag"));
	n = query_list(&tags, call, "tags");
	r.only = report_list(call->arena, tags, n);
	TRY(report_sums(&rows, call, &r, "entity", "", "", "cost", LIST_MOST));
	json_open(&o, '{');
	json_name(&o, "spend_per_tag");
	json_open(&o, '[');
	for (unsigned i = 0; i < rows.n; i++) {
		struct sums s = sums_at(&rows, i);

		json_open(&o, '{');
		put_text(&o, "name", rows_text(&rows, i, 0));
		put_money(&o, "spend", s.cost);
		put_n(&o, "log_count", s.requests);
		json_close(&o, '}');
	}
	json_close(&o, ']');
	json_close(&o, '}');
	return (NULL);
}

struct error *
global_tag_names(struct admin_call *call)
{
	struct json_out o = out_of(call);
	struct rows rows;

	TRY(ASK(call, &rows, SQL_TAG_NAMES, V_INT(LIST_MOST)));
	json_open(&o, '{');
	json_name(&o, "tag_names");
	json_open(&o, '[');
	for (unsigned i = 0; i < rows.n; i++)
		json_string(&o, rows_text(&rows, i, 0));
	json_close(&o, ']');
	json_close(&o, '}');
	return (NULL);
}

/* A body's moment; not given: otherwise. */
static struct error *
body_day(int64_t *day, struct admin_call *call, const char *name, int64_t otherwise)
{
	struct text t;
	int64_t ms;

	*day = otherwise;
	TRY(body_text(&t, call, call->body, name));
	if (t.len == 0)
		return (NULL);
	if (!moment_read(t, &ms))
		return (admin_bad(call, name, "%s must be a date as 2026-11-30.", name));
	*day = day_of_ms(ms);
	return (NULL);
}

struct error *
global_spend_customers(struct admin_call *call)
{
	int64_t today = day_of_ms(call->now_ms);
	struct report r = { .kind = "customer", .who = "entity" };
	struct json_out o = out_of(call);
	struct text key;
	struct rows rows;

	TRY(body_day(&r.to, call, "endTime", today));
	TRY(body_day(&r.from, call, "startTime", r.to - MONTH));
	TRY(body_text(&key, call, call->body, "api_key"));
	r.key = report_key(call->arena, key);
	TRY(report_caller(&r, call));
	TRY(report_sums(&rows, call, &r, "entity", "", "", "cost", LIST_MOST));
	json_open(&o, '[');
	for (unsigned i = 0; i < rows.n; i++) {
		struct sums s = sums_at(&rows, i);

		json_open(&o, '{');
		put_text(&o, "end_user", rows_text(&rows, i, 0));
		put_n(&o, "total_count", s.requests);
		put_money(&o, "total_spend", s.cost);
		json_close(&o, '}');
	}
	json_close(&o, ']');
	return (NULL);
}

/* the whole, and its days */

struct error *
global_spend(struct admin_call *call)
{
	struct report r = { .kind = "", .who = "user", .from = day_of_ms(call->now_ms) - REPORT_DAYS_MOST + 1, .to = day_of_ms(call->now_ms) };
	struct json_out o = out_of(call);
	struct account proxy;
	struct rows rows;
	struct sums all;

	TRY(report_caller(&r, call));
	TRY(report_sums(&rows, call, &r, "", "", "", "", 1));
	TRY(admin_end(call, account_read(&proxy, call->store, call->arena, SCOPE_PROXY, TEXT("proxy"), TEXT(""), call->now_ms)));
	all = sum_all(&rows);
	json_open(&o, '{');
	put_money(&o, "spend", proxy.id != 0 && proxy.ceiling != NO_LIMIT ? proxy.spent : all.cost);
	put_money(&o, "max_budget", proxy.id != 0 ? proxy.ceiling : NO_LIMIT);
	json_close(&o, '}');
	return (NULL);
}

struct error *
global_spend_logs(struct admin_call *call)
{
	struct json_out o = out_of(call);
	struct report r;
	struct rows rows;

	TRY(asked(&r, call, ""));
	TRY(report_sums(&rows, call, &r, "day", "", "", "", REPORT_DAYS_MOST));
	json_open(&o, '[');
	for (unsigned i = 0; i < rows.n; i++) {
		json_open(&o, '{');
		put_date(&o, "date", rows_text(&rows, i, 0), false);
		put_money(&o, "spend", sums_at(&rows, i).cost);
		json_close(&o, '}');
	}
	json_close(&o, ']');
	return (NULL);
}

/* teams: a line of days with a member for each team, and what they spent in all */

static struct error *
put_team_days(struct json_out *o, struct admin_call *call, const struct rows *rows)
{
	struct text day = TEXT("");

	json_name(o, "daily_spend");
	json_open(o, '[');
	for (unsigned i = 0; i < rows->n; i++) {
		struct text alias, id = rows_text(rows, i, 1);

		if (!text_eq(day, rows_text(rows, i, 0))) {
			if (day.len > 0)
				json_close(o, '}');
			day = rows_text(rows, i, 0);
			json_open(o, '{');
			put_date(o, "date", day, false);
		}
		TRY(name_of_team(&alias, call, id));
		json_name_quoted(o, json_escape(call->arena, alias.len > 0 ? alias : TEXT("Unassigned")));
		money_json(o, sums_at(rows, i).cost);
	}
	if (day.len > 0)
		json_close(o, '}');
	json_close(o, ']');
	return (NULL);
}

struct error *
global_spend_teams(struct admin_call *call)
{
	struct json_out o = out_of(call);
	struct rows days, teams;
	struct report r;

	TRY(asked(&r, call, ""));
	TRY(report_sums(&days, call, &r, "day", "team", "", "", ACTIVITY_PARTS_MOST));
	TRY(report_sums(&teams, call, &r, "team", "", "", "cost", LIST_MOST));
	json_open(&o, '{');
	TRY(put_team_days(&o, call, &days));
	json_name(&o, "teams");
	json_open(&o, '[');
	for (unsigned i = 0; i < teams.n; i++) {
		struct text alias;

		TRY(name_of_team(&alias, call, rows_text(&teams, i, 0)));
		json_string(&o, alias.len > 0 ? alias : TEXT("Unassigned"));
	}
	json_close(&o, ']');
	json_name(&o, "total_spend_per_team");
	json_open(&o, '[');
	for (unsigned i = 0; i < teams.n; i++) {
		struct text alias;

		TRY(name_of_team(&alias, call, rows_text(&teams, i, 0)));
		json_open(&o, '{');
		put_text(&o, "team_id", alias.len > 0 ? alias : TEXT("Unassigned"));
		put_money(&o, "total_spend", sums_at(&teams, i).cost);
		json_close(&o, '}');
	}
	json_close(&o, ']');
	json_close(&o, '}');
	return (NULL);
}

/* the report: by day and whose, with models and keys below */

static void
put_detail(struct json_out *o, const struct rows *rows, unsigned row, unsigned model, unsigned key)
{
	struct sums s = sums_at(rows, row);

	json_open(o, '{');
	put_text(o, "model", rows_text(rows, row, model));
	put_money(o, "spend", s.cost);
	put_n(o, "total_tokens", s.prompt + s.completion);
	if (key < 3)
		put_text(o, "api_key", rows_text(rows, row, key));
	json_close(o, '}');
}

/* A day's teams or customers: rows {day, whose, model}. */
static struct error *
put_group_day(struct json_out *o, struct admin_call *call, const struct rows *rows, unsigned from, unsigned to, bool teams)
{
	for (unsigned i = from, end; i < to; i = end) {
		struct text whose = rows_text(rows, i, 1), alias = whose;
		int64_t cost = 0;

		for (end = i; end < to && text_eq(rows_text(rows, end, 1), whose); end++)
			cost += sums_at(rows, end).cost;
		if (teams)
			TRY(name_of_team(&alias, call, whose));
		json_open(o, '{');
		put_text(o, teams ? "team_name" : "customer", alias.len > 0 ? alias : TEXT("Unassigned"));
		put_money(o, "total_spend", cost);
		json_name(o, "metadata");
		json_open(o, '[');
		for (unsigned k = i; k < end; k++)
			put_detail(o, rows, k, 2, 3);
		json_close(o, ']');
		json_close(o, '}');
	}
	return (NULL);
}

static struct error *
report_by_day(struct admin_call *call, struct report *r, bool teams)
{
	struct json_out o = out_of(call);
	struct rows rows;

	TRY(report_sums(&rows, call, r, "day", teams ? "team" : "entity", "model", "", ACTIVITY_PARTS_MOST));
	json_open(&o, '[');
	for (unsigned i = 0, end; i < rows.n; i = end) {
		for (end = i; end < rows.n && text_eq(rows_text(&rows, end, 0), rows_text(&rows, i, 0)); end++)
			;
		json_open(&o, '{');
		put_date(&o, "group_by_day", rows_text(&rows, i, 0), false);
		json_name(&o, teams ? "teams" : "customers");
		json_open(&o, '[');
		TRY(put_group_day(&o, call, &rows, i, end, teams));
		json_close(&o, ']');
		json_close(&o, '}');
	}
	json_close(&o, ']');
	return (NULL);
}

static struct error *
report_by_key(struct admin_call *call, struct report *r)
{
	struct json_out o = out_of(call);
	struct rows rows;

	TRY(report_sums(&rows, call, r, "key", "model", "", "", ACTIVITY_PARTS_MOST));
	json_open(&o, '[');
	for (unsigned i = 0, end; i < rows.n; i = end) {
		struct sums all = { 0 };

		for (end = i; end < rows.n && text_eq(rows_text(&rows, end, 0), rows_text(&rows, i, 0)); end++) {
			struct sums s = sums_at(&rows, end);

			sums_add(&all, &s);
		}
		json_open(&o, '{');
		put_text(&o, "api_key", rows_text(&rows, i, 0));
		put_money(&o, "total_cost", all.cost);
		put_n(&o, "total_input_tokens", all.prompt);
		put_n(&o, "total_output_tokens", all.completion);
		json_name(&o, "model_details");
		json_open(&o, '[');
		for (unsigned k = i; k < end; k++) {
			struct sums s = sums_at(&rows, k);

			json_open(&o, '{');
			put_text(&o, "model", rows_text(&rows, k, 1));
			put_money(&o, "total_cost", s.cost);
			put_n(&o, "total_input_tokens", s.prompt);
			put_n(&o, "total_output_tokens", s.completion);
			json_close(&o, '}');
		}
		json_close(&o, ']');
		json_close(&o, '}');
	}
	json_close(&o, ']');
	return (NULL);
}

struct error *
global_spend_report(struct admin_call *call)
{
	struct text by = query_text(call, "group_by"), customer = query_text(call, "customer_id");
	bool customers = text_is(by, "customer") || customer.len > 0;
	struct report r;

	if (by.len > 0 && !text_is(by, "team") && !text_is(by, "customer") && !text_is(by, "api_key"))
		return (admin_bad(call, "group_by", "group_by must be team, customer or api_key."));
	if (query_text(call, "start_date").len == 0 || query_text(call, "end_date").len == 0)
		return (admin_bad(call, "start_date", "Please provide start_date and end_date"));
	TRY(asked(&r, call, customers ? "customer" : ""));
	r.team = query_text(call, "team_id");
	r.user = query_text(call, "internal_user_id");
	r.only = report_list(call->arena, &customer, customer.len > 0);
	if (text_is(by, "api_key") || query_text(call, "api_key").len > 0 || (by.len == 0 && r.user.len > 0))
		return (report_by_key(call, &r));
	return (report_by_day(call, &r, !customers));
}

/* activity: how many requests and tokens a day */

static void
put_activity(struct json_out *o, const struct rows *rows, unsigned from, unsigned to, unsigned day)
{
	struct sums all = { 0 };

	json_name(o, "daily_data");
	json_open(o, '[');
	for (unsigned i = from; i < to; i++) {
		struct sums s = sums_at(rows, i);

		sums_add(&all, &s);
		json_open(o, '{');
		put_date(o, "date", rows_text(rows, i, day), true);
		put_n(o, "api_requests", s.requests);
		put_n(o, "total_tokens", s.prompt + s.completion);
		json_close(o, '}');
	}
	json_close(o, ']');
	put_n(o, "sum_api_requests", all.requests);
	put_n(o, "sum_total_tokens", all.prompt + all.completion);
}

struct error *
global_activity(struct admin_call *call)
{
	struct json_out o = out_of(call);
	struct report r;
	struct rows rows;

	TRY(asked(&r, call, ""));
	TRY(report_sums(&rows, call, &r, "day", "", "", "", REPORT_DAYS_MOST));
	json_open(&o, '{');
	put_activity(&o, &rows, 0, rows.n, 0);
	json_close(&o, '}');
	return (NULL);
}

struct error *
global_activity_model(struct admin_call *call)
{
	struct json_out o = out_of(call);
	struct report r;
	struct rows rows;

	TRY(asked(&r, call, ""));
	TRY(report_sums(&rows, call, &r, "group", "day", "", "", ACTIVITY_PARTS_MOST));
	json_open(&o, '[');
	for (unsigned i = 0, end; i < rows.n; i = end) {
		for (end = i; end < rows.n && text_eq(rows_text(&rows, end, 0), rows_text(&rows, i, 0)); end++)
			;
		json_open(&o, '{');
		put_text(&o, "model", rows_text(&rows, i, 0));
		put_activity(&o, &rows, i, end, 1);
		json_close(&o, '}');
	}
	json_close(&o, ']');
	return (NULL);
}

/* No answer comes from a cache yet. */
struct error *
global_activity_cache(struct admin_call *call)
{
	struct json_out o = out_of(call);
	struct report r;
	struct rows rows;

	TRY(asked(&r, call, ""));
	TRY(report_sums(&rows, call, &r, "key", "model", "", "", LIST_MOST));
	json_open(&o, '[');
	for (unsigned i = 0; i < rows.n; i++) {
		struct sums s = sums_at(&rows, i);

		json_open(&o, '{');
		put_text(&o, "api_key", rows_text(&rows, i, 0));
		put_text(&o, "model", rows_text(&rows, i, 1));
		put_n(&o, "cache_hit_true_rows", 0);
		put_n(&o, "cached_completion_tokens", 0);
		put_n(&o, "total_rows", s.requests);
		put_n(&o, "generated_completion_tokens", s.completion);
		json_close(&o, '}');
	}
	json_close(&o, ']');
	return (NULL);
}

/* How often callers heard 429, by day. */
struct error *
global_activity_exceptions(struct admin_call *call)
{
	struct json_out o = out_of(call);
	struct report r;
	struct rows rows;
	int64_t all = 0;

	TRY(asked(&r, call, ""));
	TRY(ASK(call, &rows, SQL_STATUS_DAYS, V_TEXT(report_id(call->arena, r.from * DAY_MS)), V_TEXT(report_id(call->arena, (r.to + 1) * DAY_MS)), V_INT(429)));
	json_open(&o, '{');
	json_name(&o, "daily_data");
	json_open(&o, '[');
	for (unsigned i = 0, end; i < rows.n; i = end) {
		struct buf b = { 0 };
		int64_t n = 0;

		for (end = i; end < rows.n && text_eq(rows_text(&rows, end, 0), rows_text(&rows, i, 0)); end++)
			n += rows_int(&rows, end, 2, 0);
		all += n;
		day_print_short(&b, rows_int(&rows, i, 0, 0));
		json_open(&o, '{');
		put_text(&o, "date", buf_as_text(&b));
		put_n(&o, "num_rate_limit_exceptions", n);
		json_close(&o, '}');
		buf_free(&b);
	}
	json_close(&o, ']');
	put_n(&o, "sum_num_rate_limit_exceptions", all);
	json_close(&o, '}');
	return (NULL);
}

/* budgets of vendors */

struct error *
provider_budgets(struct admin_call *call)
{
	struct json_out o = out_of(call);
	struct rows rows;

	TRY(ASK(call, &rows, SQL_SPENT_BY_SCOPE, V_TEXT(text_of(scope_names[SCOPE_PROVIDER])), V_INT(LIST_MOST)));
	json_open(&o, '{');
	json_name(&o, "providers");
	json_open(&o, '{');
	for (unsigned i = 0; i < rows.n; i++) {
		struct account a;

		if (rows_is_null(&rows, i, 1))
			continue;
		TRY(admin_end(call, account_read(&a, call->store, call->arena, SCOPE_PROVIDER, rows_text(&rows, i, 0), TEXT(""), call->now_ms)));
		json_name_quoted(&o, json_escape(call->arena, rows_text(&rows, i, 0)));
		json_open(&o, '{');
		put_money(&o, "budget_limit", a.ceiling);
		put_string(&o, "time_period", a.duration);
		put_money(&o, "spend", a.spent);
		put_moment(&o, "budget_reset_at", a.resets_at);
		json_close(&o, '}');
	}
	json_close(&o, '}');
	json_close(&o, '}');
	return (NULL);
}

/* What keys and teams have spent in their periods counts no more; the ledger keeps its rows. */
struct error *
global_spend_reset(struct admin_call *call)
{
	struct json_out o = out_of(call);

	TRY(ASK0(call, NULL, SQL_SPEND_RESET));
	TRY(admin_end(call, change_note_all(call->store, call->arena)));
	json_open(&o, '{');
	put_text(&o, "message", TEXT("Spend for all API Keys and Teams reset successfully"));
	put_text(&o, "status", TEXT("success"));
	json_close(&o, '}');
	return (NULL);
}
