/* SPDX-License-Identifier: Apache-2.0 */
/* The audit, as its readers see it: who changed what, and who was refused. */
#include "admin/admin_priv.h"

#include "admin/nouns.h"

#define COUNT_MOST	100000
#define FILTERS		9

/* Our kinds of things, and the tables LiteLLM has for them. */
static const struct {
	const char	*kind, *table;
} tables[] = {
	{ "key", "LiteLLM_VerificationToken" },
	{ "team", "LiteLLM_TeamTable" },
	{ "user", "LiteLLM_UserTable" },
	{ "model", "LiteLLM_ProxyModelTable" },
	{ "organization", "LiteLLM_OrganizationTable" },
	{ "project", "LiteLLM_ProjectTable" },
	{ "customer", "LiteLLM_EndUserTable" },
	{ "budget", "LiteLLM_BudgetTable" },
	{ "tag", "LiteLLM_TagTable" },
	{ "credential", "LiteLLM_CredentialsTable" },
	{ "access_group", "LiteLLM_AccessGroupTable" },
	{ "setting", "LiteLLM_Config" },
};

static struct text
table_of(struct text kind)
{
	for (unsigned i = 0; i < nitems(tables); i++)
		if (text_is(kind, tables[i].kind))
			return (text_of(tables[i].table));
	return (kind);
}

static struct text
kind_of(struct text table)
{
	for (unsigned i = 0; i < nitems(tables); i++)
		if (text_is(table, tables[i].table))
			return (text_of(tables[i].kind));
	return (table);
}

/* Columns of audit_page and audit_one. */
static void
put_row(struct json_out *o, const struct rows *rows, unsigned row)
{
	json_open(o, '{');
	put_string(o, "id", rows_text(rows, row, 0));
	put_moment(o, "updated_at", rows_int(rows, row, 1, 0));
	put_string(o, "changed_by", rows_text(rows, row, 2));
	put_string(o, "changed_by_api_key", rows_text(rows, row, 3));
	put_string(o, "action", rows_text(rows, row, 4));
	put_string(o, "table_name", table_of(rows_text(rows, row, 5)));
	put_string(o, "object_id", rows_text(rows, row, 6));
	put_string(o, "object_team_id", rows_text(rows, row, 7));
	put_raw(o, "before_value", rows_text(rows, row, 9), "null");
	put_raw(o, "updated_values", rows_text(rows, row, 10), "null");
	json_name(o, "status");
	json_int(o, rows_int(rows, row, 8, 200));
	put_string(o, "note", rows_text(rows, row, 11));
	json_close(o, '}');
}

static struct error *
filters(struct value v[FILTERS], struct admin_call *call)
{
	int64_t from, to;
	struct text key = query_text(call, "object_key_hash");

	TRY(query_day(&from, call, "start_date", 0));
	TRY(query_day(&to, call, "end_date", call->now_ms));
	v[0] = V_INT(from);
	v[1] = V_INT(to + (query_text(call, "end_date").len == 10 ? INT64_C(86400000) : 1));
	v[2] = V_TEXT_OR_NULL(query_text(call, "changed_by"));
	v[3] = V_TEXT_OR_NULL(query_text(call, "changed_by_api_key"));
	v[4] = V_TEXT_OR_NULL(query_text(call, "action"));
	v[5] = V_TEXT_OR_NULL(kind_of(query_text(call, "table_name")));
	v[6] = V_TEXT_OR_NULL(key.len > 0 ? key : query_text(call, "object_id"));
	v[7] = V_TEXT_OR_NULL(query_text(call, "object_team_id"));
	v[8] = V_INT(key.len > 0);
	return (NULL);
}

struct error *
audit_list(struct admin_call *call)
{
	struct text way = query_text(call, "sort_order");
	struct json_out o = { .to = &call->out };
	struct value v[FILTERS + 3];
	int64_t page, size, total;
	struct rows rows;

	TRY(filters(v, call));
	TRY(query_pages(&page, &size, call, "page_size", 10));
	if (way.len > 0 && !text_is(way, "asc") && !text_is(way, "desc"))
		return (admin_bad(call, "sort_order", "sort_order must be asc or desc."));
	if ((page - 1) * size >= COUNT_MOST)
		return (admin_bad(call, "page", "Pages end at row %d; ask for fewer days.", COUNT_MOST));
	v[FILTERS] = V_INT(COUNT_MOST);
	TRY(admin_ask(call, &rows, SQL_AUDIT_COUNT, v, FILTERS + 1));
	total = rows_int(&rows, 0, 0, 0);
	v[FILTERS] = V_INT(text_is(way, "asc") ? 1 : -1);
	v[FILTERS + 1] = V_INT(size);
	v[FILTERS + 2] = V_INT((page - 1) * size);
	TRY(admin_ask(call, &rows, SQL_AUDIT_PAGE, v, FILTERS + 3));
	json_open(&o, '{');
	json_name(&o, "audit_logs");
	json_open(&o, '[');
	for (unsigned i = 0; i < rows.n; i++)
		put_row(&o, &rows, i);
	json_close(&o, ']');
	json_name(&o, "total");
	json_int(&o, total);
	json_name(&o, "page");
	json_int(&o, page);
	json_name(&o, "page_size");
	json_int(&o, size);
	json_name(&o, "total_pages");
	json_int(&o, (total + size - 1) / size);
	json_close(&o, '}');
	return (NULL);
}

struct error *
audit_one(struct admin_call *call)
{
	struct json_out o = { .to = &call->out };
	struct rows rows;

	TRY(ASK(call, &rows, SQL_AUDIT_ONE, V_TEXT(call->id[0])));
	if (rows.n == 0)
		return (admin_missing(call, "id", "The audit row '" TEXT_FMT "' was not found.", TEXT_ARG(text_whole(text_sub(call->id[0], 0, 100)))));
	put_row(&o, &rows, 0);
	return (NULL);
}
