/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of requests, as LiteLLM's spend log has them.
 *
 * Ids begin with their time, so a span of time is a range of the primary key: the newest page costs the same however long the ledger is.  What is
 * counted is counted up to a bound, and so are the rows that a page number passes over; `after` goes on from a row without passing over any.
 */
#include "admin/report.h"

#include "admin/nouns.h"
#include "admin/roles.h"
#include "base/clock.h"
#include "base/date.h"

#define COUNT_MOST	100000
#define ROWS_MOST	1000		/* of the path without pages */

/* the pure half */

enum log_column { LOG_ID, LOG_BEGAN, LOG_FIRST, LOG_ENDED, LOG_CALL, LOG_END, LOG_STATUS, LOG_STREAMED, LOG_KEY, LOG_USER, LOG_TEAM,
	LOG_ORGANIZATION, LOG_PROJECT, LOG_CUSTOMER, LOG_GROUP, LOG_MODEL, LOG_MODEL_ID, LOG_PROVIDER, LOG_BASE, LOG_PROMPT, LOG_COMPLETION, LOG_CACHED,
	LOG_WRITTEN, LOG_REASONING, LOG_COST, LOG_ESTIMATED, LOG_TAGS, LOG_DOC, LOG_KEY_ALIAS, LOG_TEAM_ALIAS, LOG_ASKED, LOG_ANSWER };

struct log {
	const struct rows *rows;
	unsigned	 row;
	struct arena	*arena;
	struct json_out	*o;
	struct text	 doc;
};

static struct text
cell(const struct log *l, enum log_column c)
{
	return (rows_text(l->rows, l->row, c));
}

static int64_t
count(const struct log *l, enum log_column c)
{
	return (rows_int(l->rows, l->row, c, 0));
}

/* As the sums of days count it (ledger/sums.c). */
static bool
failed(const struct log *l)
{
	struct text end = cell(l, LOG_END);

	return (count(l, LOG_STATUS) >= 400 || text_is(end, "cut") || text_is(end, "refused") || text_is(end, "swept"));
}

/* A member of the row's document: JSON, empty if it has none. */
static struct text
in_doc(const struct log *l, const char *name)
{
	struct json_item item;

	return (json_find(l->doc, name, &item) && item.type != JSON_NULL ? item.raw : TEXT(""));
}

static void
put_text(const struct log *l, const char *name, enum log_column c)
{
	json_name(l->o, name);
	json_string(l->o, cell(l, c));
}

static void
put_n(const struct log *l, const char *name, int64_t n)
{
	json_name(l->o, name);
	json_int(l->o, n);
}

static void
put_doc(const struct log *l, const char *name, const char *member, const char *otherwise)
{
	put_raw(l->o, name, in_doc(l, member), otherwise);
}

static void
put_usage(const struct log *l)
{
	json_name(l->o, "usage_object");
	json_open(l->o, '{');
	put_n(l, "prompt_tokens", count(l, LOG_PROMPT));
	put_n(l, "completion_tokens", count(l, LOG_COMPLETION));
	put_n(l, "total_tokens", count(l, LOG_PROMPT) + count(l, LOG_COMPLETION));
	put_n(l, "cache_read_input_tokens", count(l, LOG_CACHED));
	put_n(l, "cache_creation_input_tokens", count(l, LOG_WRITTEN));
	put_n(l, "reasoning_tokens", count(l, LOG_REASONING));
	json_close(l->o, '}');
}

/* What went wrong, by LiteLLM's names. */
static void
put_error(const struct log *l)
{
	static const char *const names[][2] = { { "error_class", "class" }, { "error_message", "message" }, { "error_type", "type" } };
	struct text error = in_doc(l, "error");
	struct json_item item;

	json_name(l->o, "error_information");
	if (error.len == 0 || error.at[0] != '{') {
		json_null(l->o);
		return;
	}
	json_open(l->o, '{');
	put_string(l->o, "error_code", arena_print(l->arena, "%lld", (long long)count(l, LOG_STATUS)));
	for (unsigned i = 0; i < nitems(names); i++)
		put_raw(l->o, names[i][0], json_find(error, names[i][1], &item) ? item.raw : TEXT(""), "null");
	put_string(l->o, "llm_provider", cell(l, LOG_PROVIDER));
	json_close(l->o, '}');
}

/* LiteLLM's members, and ours: how it ended, what it was charged at, what was tried. */
static void
put_metadata(const struct log *l)
{
	json_name(l->o, "metadata");
	json_open(l->o, '{');
	put_string(l->o, "user_api_key", cell(l, LOG_KEY));
	put_string(l->o, "user_api_key_alias", cell(l, LOG_KEY_ALIAS));
	put_string(l->o, "user_api_key_user_id", cell(l, LOG_USER));
	put_string(l->o, "user_api_key_team_id", cell(l, LOG_TEAM));
	put_string(l->o, "user_api_key_team_alias", cell(l, LOG_TEAM_ALIAS));
	put_string(l->o, "user_api_key_org_id", cell(l, LOG_ORGANIZATION));
	put_string(l->o, "user_api_key_project_id", cell(l, LOG_PROJECT));
	json_name(l->o, "status");
	json_string(l->o, failed(l) ? TEXT("failure") : TEXT("success"));
	put_n(l, "status_code", count(l, LOG_STATUS));
	put_error(l);
	put_doc(l, "spend_logs_metadata", in_doc(l, "notes").len > 0 ? "notes" : "metadata", "null");
	put_usage(l);
	put_text(l, "ended", LOG_END);
	json_name(l->o, "estimated");
	json_bool(l->o, count(l, LOG_ESTIMATED) != 0);
	json_name(l->o, "streamed");
	json_bool(l->o, count(l, LOG_STREAMED) != 0);
	put_doc(l, "price", "price", "null");
	put_doc(l, "attempts", "attempts", "[]");
	json_close(l->o, '}');
}

static void
put_times(const struct log *l)
{
	put_moment(l->o, "startTime", count(l, LOG_BEGAN));
	put_moment(l->o, "endTime", count(l, LOG_ENDED));
	put_moment(l->o, "completionStartTime", count(l, LOG_FIRST));
	put_n(l, "request_duration_ms", count(l, LOG_ENDED) - count(l, LOG_BEGAN));
}

/* What was said, by the members of the dialects' requests. */
static struct text
messages_of(struct text request)
{
	static const char *const names[] = { "messages", "input", "prompt" };
	struct json_item item;

	for (unsigned i = 0; i < nitems(names) && request.len > 0; i++)
		if (json_find(request, names[i], &item))
			return (item.raw);
	return (TEXT(""));
}

/* As LiteLLM has them; empty objects where nothing is stored. */
static void
put_content(struct json_out *o, struct text request, struct text answer)
{
	put_raw(o, "messages", messages_of(request), "{}");
	put_raw(o, "response", answer, "{}");
	put_raw(o, "proxy_server_request", request, "{}");
}

void
log_write(struct json_out *o, struct arena *arena, const struct rows *rows, unsigned row)
{
	struct log l = { .rows = rows, .row = row, .arena = arena, .o = o, .doc = rows_text(rows, row, LOG_DOC) };

	json_open(o, '{');
	put_text(&l, "request_id", LOG_ID);
	put_text(&l, "call_type", LOG_CALL);
	put_text(&l, "api_key", LOG_KEY);
	put_money(o, "spend", count(&l, LOG_COST));
	put_n(&l, "total_tokens", count(&l, LOG_PROMPT) + count(&l, LOG_COMPLETION));
	put_n(&l, "prompt_tokens", count(&l, LOG_PROMPT));
	put_n(&l, "completion_tokens", count(&l, LOG_COMPLETION));
	put_times(&l);
	put_text(&l, "model", LOG_MODEL);
	put_text(&l, "model_id", LOG_MODEL_ID);
	put_text(&l, "model_group", LOG_GROUP);
	put_text(&l, "custom_llm_provider", LOG_PROVIDER);
	put_text(&l, "api_base", LOG_BASE);
	put_text(&l, "user", LOG_USER);
	put_string(o, "team_id", cell(&l, LOG_TEAM));
	put_string(o, "organization_id", cell(&l, LOG_ORGANIZATION));
	put_text(&l, "end_user", LOG_CUSTOMER);
	put_doc(&l, "agent_id", "agent", "null");
	put_metadata(&l);
	json_name(o, "cache_hit");
	json_string(o, TEXT("False"));
	json_name(o, "cache_key");
	json_string(o, TEXT(""));
	put_raw(o, "request_tags", cell(&l, LOG_TAGS), "[]");
	put_doc(&l, "requester_ip_address", "ip", "null");
	put_content(o, cell(&l, LOG_ASKED), cell(&l, LOG_ANSWER));
	put_doc(&l, "session_id", "session", "null");
	json_name(o, "status");
	json_string(o, failed(&l) ? TEXT("failure") : TEXT("success"));
	put_string(o, "mcp_namespaced_tool_name", TEXT(""));
	json_close(o, '}');
}

/* what is asked for */

#define FILTERS	17
struct wanted {
	struct value	 filter[FILTERS];	/* of sql/report.sql; the first two are ids */
	bool		 nothing;		/* an id that none has */
};

static bool
is_id(struct text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? t.at[i] != '-' : t.at[i] == '\0' || strchr("0123456789abcdef", t.at[i]) == NULL)
			return (false);
	return (t.len == 36);
}

/* The moment after all that are meant: of a day without a time its end. */
static struct error *
end_of(int64_t *ms, struct admin_call *call, const char *name)
{
	int64_t day;

	TRY(query_day(ms, call, name, call->now_ms + DAY_MS));
	*ms += query_text(call, name).len == 0 ? 0 : day_read(query_text(call, name), &day) ? DAY_MS : 1000;
	return (NULL);
}

static struct error *
want_span(struct wanted *w, struct admin_call *call)
{
	int64_t from, to;

	TRY(query_day(&from, call, "start_date", 0));
	TRY(end_of(&to, call, "end_date"));
	if (from >= to)
		return (admin_bad(call, "start_date", "start_date is after end_date."));
	w->filter[0] = V_TEXT(report_id(call->arena, from));
	w->filter[1] = V_TEXT(report_id(call->arena, to));
	return (NULL);
}

/* The id behind that one. */
static struct text
next_id(struct arena *arena, struct text id)
{
	char *next = (char *)(uintptr_t)arena_copy(arena, id).at;

	for (size_t i = id.len; i-- > 0;)
		if (next[i] == 'f')
			next[i] = '0';
		else if (next[i] != '-') {
			next[i] = next[i] == '9' ? 'a' : (char)(next[i] + 1);
			break;
		}
	return ((struct text){ next, id.len });
}

/* One row: from its id to the next. */
static void
want_one(struct wanted *w, struct admin_call *call, struct text id)
{
	w->nothing = id.len > 0 && !is_id(id);
	if (id.len == 0 || w->nothing)
		return;
	w->filter[0] = V_TEXT(id);
	w->filter[1] = V_TEXT(next_id(call->arena, id));
}

static struct error *
want_money(struct value *v, struct admin_call *call, const char *name)
{
	struct text t = query_text(call, name);
	int64_t nano;

	*v = V_NULL;
	if (t.len == 0)
		return (NULL);
	if (money_read(t, &nano) != MONEY_FINE)
		return (admin_invalid(call, name, "%s must be an amount of dollars.", name));
	*v = V_INT(nano);
	return (NULL);
}

static struct error *
want_status(struct wanted *w, struct admin_call *call)
{
	struct text t = query_text(call, "status_filter");
	int64_t code;

	w->filter[12] = V_NULL;
	if (text_is(t, "success") || text_is(t, "failure"))
		w->filter[12] = V_INT(text_is(t, "failure"));
	else if (t.len > 0)
		return (admin_bad(call, "status_filter", "status_filter must be success or failure."));
	TRY(query_int(&code, call, "error_code", 0, 100, 599));
	w->filter[13] = V_INT_OR_NULL(code > 0, code);
	return (NULL);
}

static struct value
within_doc(struct admin_call *call, const char *name)
{
	struct text t = query_text(call, name);

	return (t.len > 0 ? V_TEXT(like_within(call->arena, t)) : V_NULL);
}

/* "session":"…" within the document: what escapes in JSON, and what is a wildcard, are escaped. */
static struct value
with_session(struct admin_call *call)
{
	struct text t = query_text(call, "session_id");
	struct growing g = { 0 };
	struct quoted q;

	if (t.len == 0)
		return (V_NULL);
	q = json_escape(call->arena, t);
	arena_append(call->arena, &g, TEXT("%\"session\":\""));
	for (size_t i = 0; i < q.len; i++) {
		if (strchr("%_\\", q.at[i]) != NULL)
			arena_append(call->arena, &g, TEXT("\\"));
		arena_append(call->arena, &g, (struct text){ q.at + i, 1 });
	}
	arena_append(call->arena, &g, TEXT("\"%"));
	return (V_TEXT(((struct text){ g.at, g.len })));
}

/* Whom the caller may see; a key of nobody sees itself. */
static struct error *
want_caller(struct wanted *w, struct admin_call *call)
{
	struct report r = { 0 };

	TRY(report_caller(&r, call));
	w->filter[16] = V_TEXT_OR_NULL(r.self);
	if (r.key.len > 0)
		w->filter[2] = V_TEXT(r.key);
	return (NULL);
}

static struct error *
want(struct wanted *w, struct admin_call *call)
{
	static const struct {
		unsigned	 filter;
		const char	*name;
	} texts[] = {
		{ 3, "user_id" }, { 4, "team_id" }, { 5, "end_user" }, { 6, "model" }, { 7, "model_id" }, { 8, "model_group" }, { 9, "key_alias" },
	};

	*w = (struct wanted){ .nothing = false };
	TRY(want_span(w, call));
	want_one(w, call, query_text(call, "request_id"));
	w->filter[2] = V_TEXT_OR_NULL(report_key(call->arena, query_text(call, "api_key")));
	for (unsigned i = 0; i < nitems(texts); i++)
		w->filter[texts[i].filter] = V_TEXT_OR_NULL(query_text(call, texts[i].name));
	TRY(want_money(&w->filter[10], call, "min_spend"));
	TRY(want_money(&w->filter[11], call, "max_spend"));
	TRY(want_status(w, call));
	w->filter[14] = within_doc(call, "error_message");
	w->filter[15] = with_session(call);
	return (want_caller(w, call));
}

/* Pages. */

struct order {
	const char	*by;			/* NULL: the time */
	bool		 up;
};

static struct error *
want_order(struct order *order, struct admin_call *call)
{
	static const char *const all[] = { "startTime", "endTime", "spend", "total_tokens", "prompt_tokens", "completion_tokens",
		"request_duration_ms", "ttft_ms" };
	struct text by = query_text(call, "sort_by"), way = query_text(call, "sort_order");

	*order = (struct order){ .up = text_is(way, "asc") };
	if (way.len > 0 && !order->up && !text_is(way, "desc"))
		return (admin_bad(call, "sort_order", "sort_order must be asc or desc."));
	for (unsigned i = 0; i < nitems(all); i++)
		if (text_is(by, all[i])) {
			order->by = i > 0 ? all[i] : NULL;
			return (NULL);
		}
	return (by.len == 0 ? NULL : admin_bad(call, "sort_by", "sort_by must be one of startTime, endTime, spend, total_tokens, prompt_tokens,"
	    " completion_tokens, request_duration_ms, ttft_ms."));
}

static struct error *
ask_rows(struct rows *rows, struct admin_call *call, const struct wanted *w, const struct order *order, int64_t size, int64_t offset)
{
	struct value v[FILTERS + 4];
	unsigned n = FILTERS;

	*rows = (struct rows){ 0 };
	if (w->nothing)
		return (NULL);
	memcpy(v, w->filter, sizeof(w->filter));
	v[n++] = V_INT(size);
	v[n++] = V_INT(offset);
	if (order->by == NULL)
		return (admin_ask(call, rows, order->up ? SQL_LOGS_UP : SQL_LOGS_DOWN, v, n));
	v[n++] = V_TEXT(text_of(order->by));
	v[n++] = V_INT(order->up ? 1 : -1);
	return (admin_ask(call, rows, SQL_LOGS_BY, v, n));
}

static struct error *
ask_count(int64_t *total, struct admin_call *call, const struct wanted *w)
{
	struct value v[FILTERS + 1];
	struct rows rows;

	*total = 0;
	if (w->nothing)
		return (NULL);
	memcpy(v, w->filter, sizeof(w->filter));
	v[FILTERS] = V_INT(COUNT_MOST);
	TRY(admin_ask(call, &rows, SQL_LOGS_COUNT, v, FILTERS + 1));
	*total = rows_int(&rows, 0, 0, 0);
	return (NULL);
}

static void
put_rows(struct json_out *o, struct arena *arena, const struct rows *rows)
{
	json_open(o, '[');
	for (unsigned i = 0; i < rows->n; i++)
		log_write(o, arena, rows, i);
	json_close(o, ']');
}

static void
put_page(struct json_out *o, const char *name, int64_t n)
{
	json_name(o, name);
	json_int(o, n);
}

/* `after`: the last id of a page; those behind it begin the next one, however many there were before. */
static struct error *
want_after(struct wanted *w, struct admin_call *call, const struct order *order)
{
	struct text after = query_text(call, "after");

	if (after.len == 0)
		return (NULL);
	if (!is_id(after) || order->by != NULL)
		return (admin_bad(call, "after", "after must be the request_id of a row, in the order of startTime."));
	if (order->up)
		w->filter[0] = V_TEXT(next_id(call->arena, after));
	else
		w->filter[1] = V_TEXT(after);
	return (NULL);
}

struct error *
spend_logs_paged(struct admin_call *call)
{
	struct json_out o = { .to = &call->out };
	int64_t page, size, total;
	struct wanted w;
	struct order order;
	struct rows rows;

	if (query_text(call, "request_id").len == 0 && (query_text(call, "start_date").len == 0 || query_text(call, "end_date").len == 0))
		return (admin_bad(call, "start_date", "Start date and end date are required"));
	TRY(want(&w, call));
	TRY(want_order(&order, call));
	TRY(query_pages(&page, &size, call, "page_size", 50));
	TRY(ask_count(&total, call, &w));
	if ((page - 1) * size >= COUNT_MOST)
		return (admin_bad(call, "page", "Pages end at row %d; ask for fewer days, or with after=<request_id of the last row>.", COUNT_MOST));
	TRY(want_after(&w, call, &order));
	TRY(ask_rows(&rows, call, &w, &order, size, (page - 1) * size));
	json_open(&o, '{');
	json_name(&o, "data");
	put_rows(&o, call->arena, &rows);
	put_page(&o, "total", total);
	put_page(&o, "page", page);
	put_page(&o, "page_size", size);
	put_page(&o, "total_pages", (total + size - 1) / size);
	if (total == COUNT_MOST) {
		json_name(&o, "total_is_more");
		json_bool(&o, true);
	}
	json_close(&o, '}');
	return (NULL);
}

/* The path without pages: sums of days, or the last rows. */

static void
put_sum(struct json_out *o, struct arena *arena, struct text name, int64_t nano)
{
	json_name_quoted(o, json_escape(arena, name));
	money_json(o, nano);
}

/* {name: spend} of that day, from rows {day, name, "", sums} sorted by day. */
static int64_t
put_sums_of(struct json_out *o, struct arena *arena, const char *name, const struct rows *rows, struct text day)
{
	int64_t total = 0;

	if (name != NULL) {
		json_name(o, name);
		json_open(o, '{');
	}
	for (unsigned i = 0; i < rows->n; i++)
		if (text_eq(rows_text(rows, i, 0), day)) {
			struct sums s;

			sums_read(&s, rows, i, 3);
			total += s.cost;
			put_sum(o, arena, rows_text(rows, i, 1), s.cost);
		}
	if (name != NULL)
		json_close(o, '}');
	return (total);
}

static struct error *
summarize(struct admin_call *call)
{
	struct report r = { .kind = "", .who = "user", .user = query_text(call, "user_id"), .key = report_key(call->arena, query_text(call, "api_key")) };
	struct json_out o = { .to = &call->out };
	struct rows days, keys, users, models;

	TRY(report_days(&r, call, "start_date", "end_date", 0));
	TRY(report_caller(&r, call));
	TRY(report_sums(&days, call, &r, "day", "", "", "", REPORT_DAYS_MOST));
	TRY(report_sums(&keys, call, &r, "day", "key", "", "", ACTIVITY_PARTS_MOST));
	TRY(report_sums(&users, call, &r, "day", "user", "", "", ACTIVITY_PARTS_MOST));
	TRY(report_sums(&models, call, &r, "day", "model", "", "", ACTIVITY_PARTS_MOST));
	json_open(&o, '[');
	for (unsigned i = 0; i < days.n; i++) {
		struct buf date = { 0 };
		struct sums s;

		sums_read(&s, &days, i, 3);
		day_print(&date, day_of_code(rows_int(&days, i, 0, 19700101)));
		json_open(&o, '{');
		put_sums_of(&o, call->arena, "users", &users, rows_text(&days, i, 0));
		put_sums_of(&o, call->arena, "models", &models, rows_text(&days, i, 0));
		put_money(&o, "spend", s.cost);
		put_sums_of(&o, call->arena, NULL, &keys, rows_text(&days, i, 0));
		json_name(&o, "startTime");
		json_string(&o, buf_as_text(&date));
		json_close(&o, '}');
		buf_free(&date);
	}
	json_close(&o, ']');
	return (NULL);
}

struct error *
spend_logs(struct admin_call *call)
{
	bool dates = query_text(call, "start_date").len > 0 && query_text(call, "end_date").len > 0, sum;
	struct json_out o = { .to = &call->out };
	struct order order = { 0 };
	struct wanted w;
	struct rows rows;

	TRY(query_bool(&sum, call, "summarize", true));
	if (dates && sum && query_text(call, "request_id").len == 0)
		return (summarize(call));
	TRY(want(&w, call));
	TRY(ask_rows(&rows, call, &w, &order, ROWS_MOST, 0));
	put_rows(&o, call->arena, &rows);
	return (NULL);
}

/* One row with what was asked and answered, where that is kept. */
struct error *
spend_log_one(struct admin_call *call)
{
	struct json_out o = { .to = &call->out };
	struct order order = { 0 };
	struct rows rows, prompt;
	struct wanted w;

	TRY(want(&w, call));
	want_one(&w, call, call->id[0]);
	TRY(ask_rows(&rows, call, &w, &order, 1, 0));
	if (rows.n == 0)
		return (admin_missing(call, "request_id", "The request '" TEXT_FMT "' was not found.", TEXT_ARG(text_whole(text_sub(call->id[0], 0, 100)))));
	TRY(ASK(call, &prompt, SQL_LOG_PROMPT, V_TEXT(call->id[0])));
	json_open(&o, '{');
	json_name(&o, "row");
	log_write(&o, call->arena, &rows, 0);
	put_content(&o, prompt.n > 0 ? rows_text(&prompt, 0, 0) : TEXT(""), prompt.n > 0 ? rows_text(&prompt, 0, 1) : TEXT(""));
	json_close(&o, '}');
	return (NULL);
}

/* The rows of a session, the first first. */
struct error *
spend_logs_session(struct admin_call *call)
{
	struct order order = { .up = true };
	struct json_out o = { .to = &call->out };
	int64_t page, size, total;
	struct wanted w;
	struct rows rows;

	if (query_text(call, "session_id").len == 0)
		return (admin_invalid(call, "session_id", "session_id is required."));
	TRY(want(&w, call));
	TRY(query_pages(&page, &size, call, "page_size", 50));
	TRY(ask_count(&total, call, &w));
	TRY(ask_rows(&rows, call, &w, &order, size, (page - 1) * size));
	json_open(&o, '{');
	json_name(&o, "data");
	put_rows(&o, call->arena, &rows);
	put_page(&o, "total", total);
	put_page(&o, "page", page);
	put_page(&o, "page_size", size);
	put_page(&o, "total_pages", (total + size - 1) / size);
	json_close(&o, '}');
	return (NULL);
}
