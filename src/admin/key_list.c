/* SPDX-License-Identifier: Apache-2.0 */
/* GET /key/list, /key/aliases: pages of keys. */
#include "admin/keys.h"
#include "admin/nouns.h"
#include "admin/roles.h"

struct wish {
	struct value	 args[13];	/* of key_list; its count takes the first ten */
	int64_t		 page, size;
	bool		 full, deleted, plain;
};

static const char *const sorts[][2] = {
	{ "created_at", "created" }, { "updated_at", "updated" }, { "expires", "expires" }, { "spend", "spend" }, { "key_alias", "alias" },
};

static struct error *
wish_sort(struct wish *w, struct admin_call *c)
{
	struct text by = query_text(c, "sort_by"), order = query_text(c, "sort_order");
	bool up = text_eq_nocase(order, TEXT("asc"));

	if (order.len > 0 && !up && !text_eq_nocase(order, TEXT("desc")))
		return (admin_bad(c, "sort_order", "sort_order must be asc or desc."));
	w->args[10] = V_TEXT(by.len == 0 && up ? TEXT("created") : TEXT(""));
	if (by.len == 0)
		return (NULL);
	for (size_t i = 0; i < nitems(sorts); i++)
		if (text_is(by, sorts[i][0])) {
			w->args[10] = V_TEXT(arena_print(c->arena, "%s%s", up ? "" : "-", sorts[i][1]));
			return (NULL);
		}
	return (admin_bad(c, "sort_by", "Invalid sort column: sort_by must be one of created_at, updated_at, expires, spend, key_alias."));
}

static struct value
asked(struct admin_call *c, const char *name)
{
	return (V_TEXT_OR_NULL(query_text(c, name)));
}

/* Others see their own keys, and those of teams they administer; who is nobody's user sees what its key is. */
static struct error *
wish_whose(struct wish *w, struct admin_call *c)
{
	bool teams, may;

	TRY(query_bool(&teams, c, "include_team_keys", false));
	w->args[7] = sees_all(c) || own_user(c).len == 0 ? V_NULL : V_TEXT(own_user(c));
	w->args[8] = teams ? V_TEXT(TEXT("1")) : V_NULL;
	if (sees_all(c))
		return (NULL);
	if (own_user(c).len == 0 && c->caller->digest.len > 0)
		w->args[4] = V_TEXT(c->caller->digest);
	if (w->args[1].kind != VALUE_TEXT)
		return (NULL);
	TRY(is_team_admin(&may, c, w->args[1].t));
	if (may)
		w->args[7] = V_NULL;
	return (NULL);
}

static struct error *
read_wish(struct wish *w, struct admin_call *c)
{
	struct text alias = query_text(c, "key_alias"), group = query_text(c, "access_group_id"), status = query_text(c, "status");
	bool within;

	TRY(query_pages(&w->page, &w->size, c, "size", 10));
	TRY(query_bool(&w->full, c, "return_full_object", false));
	TRY(query_bool(&within, c, "substring_matching", false));
	if (status.len > 0 && !text_is(status, "deleted"))
		return (admin_bad(c, "status", "Invalid status: only 'deleted' can be asked for."));
	w->deleted = status.len > 0;
	w->args[0] = asked(c, "user_id");
	w->args[1] = asked(c, "team_id");
	w->args[2] = asked(c, "organization_id");
	w->args[3] = asked(c, "project_id");
	w->args[4] = query_has(c, "key_hash") ? V_TEXT(key_digest(c->arena, query_text(c, "key_hash"))) : V_NULL;
	w->args[5] = alias.len > 0 && !within ? V_TEXT(alias) : V_NULL;
	w->args[6] = alias.len > 0 && within ? V_TEXT(like_within(c->arena, alias)) : V_NULL;
	w->args[9] = group.len > 0 ? V_TEXT(like_within(c->arena, arena_print(c->arena, "\"" TEXT_FMT "\"", TEXT_ARG(group)))) : V_NULL;
	TRY(wish_whose(w, c));
	TRY(wish_sort(w, c));
	w->args[11] = V_INT(w->size);
	w->args[12] = V_INT((w->page - 1) * w->size);
	w->plain = w->args[10].t.len == 0;
	for (size_t i = 0; i < 10 && w->plain; i++)
		w->plain = w->args[i].kind == VALUE_NULL || i == 8;
	return (NULL);
}

static void
put_page(struct json_out *o, int64_t total, const struct wish *w)
{
	json_name(o, "total_count");
	json_int(o, total);
	json_name(o, "current_page");
	json_int(o, w->page);
	json_name(o, "total_pages");
	json_int(o, pages_of(total, w->size));
	json_name(o, "size");
	json_int(o, w->size);
}

static struct error *
put_keys(struct json_out *o, struct admin_call *c, const struct wish *w, const struct rows *rows)
{
	struct key k;

	for (unsigned i = 0; i < rows->n; i++) {
		if (!w->full) {
			json_string(o, rows_text(rows, i, 0));
			continue;
		}
		TRY(key_of_row(&k, c, rows, i));
		json_open(o, '{');
		key_put(o, &k, true);
		json_close(o, '}');
	}
	return (NULL);
}

static void
put_gone(struct json_out *o, const struct rows *rows, bool full)
{
	for (unsigned i = 0; i < rows->n; i++) {
		struct text doc = rows_text(rows, i, 3);

		if (!full) {
			json_string(o, rows_text(rows, i, 0));
			continue;
		}
		json_open(o, '{');
		put_moment(o, "deleted_at", rows_int(rows, i, 1, 0));
		put_string(o, "deleted_by", rows_text(rows, i, 2));
		if (doc.len > 2) {			/* the members of the row as it was */
			buf_byte(o->to, ',');
			buf_text(o->to, text_sub(doc, 1, doc.len - 1));
		}
		json_close(o, '}');
	}
}

struct error *
key_list(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct wish w = { 0 };
	struct rows rows, count;

	TRY(read_wish(&w, c));
	if (w.deleted && !sees_all(c))
		return (admin_forbidden(c, "Only proxy admins and their viewers may list deleted keys."));
	if (w.deleted) {
		TRY(ASK(c, &count, SQL_GONE_COUNT, V_TEXT(TEXT("key"))));
		TRY(ASK(c, &rows, SQL_GONE_LIST, V_TEXT(TEXT("key")), w.args[11], w.args[12]));
	} else if (w.plain) {
		TRY(ASK0(c, &count, SQL_KEY_COUNT));
		TRY(ASK(c, &rows, SQL_KEY_NEWEST, w.args[11], w.args[12]));
	} else {
		TRY(admin_ask(c, &count, SQL_KEY_LIST_COUNT, w.args, 10));
		TRY(admin_ask(c, &rows, SQL_KEY_LIST, w.args, nitems(w.args)));
	}
	json_open(&o, '{');
	json_name(&o, "keys");
	json_open(&o, '[');
	if (w.deleted)
		put_gone(&o, &rows, w.full);
	else
		TRY(put_keys(&o, c, &w, &rows));
	json_close(&o, ']');
	put_page(&o, rows_int(&count, 0, 0, 0), &w);
	json_close(&o, '}');
	return (NULL);
}

struct error *
key_aliases(struct admin_call *c)
{
	struct text search = query_text(c, "search");
	struct json_out o = { .to = &c->out };
	struct wish w = { 0 };
	struct rows rows, count;
	struct value args[5];

	TRY(query_pages(&w.page, &w.size, c, "size", 50));
	args[0] = search.len > 0 ? V_TEXT(like_within(c->arena, search)) : V_NULL;
	args[1] = asked(c, "team_id");
	args[2] = sees_all(c) ? V_NULL : V_TEXT(own_user(c));
	args[3] = V_INT(w.size);
	args[4] = V_INT((w.page - 1) * w.size);
	TRY(admin_ask(c, &count, SQL_KEY_ALIASES_COUNT, args, 3));
	TRY(admin_ask(c, &rows, SQL_KEY_ALIASES, args, 5));
	json_open(&o, '{');
	json_name(&o, "aliases");
	json_open(&o, '[');
	for (unsigned i = 0; i < rows.n; i++)
		json_string(&o, rows_text(&rows, i, 0));
	json_close(&o, ']');
	put_page(&o, rows_int(&count, 0, 0, 0), &w);
	json_close(&o, '}');
	return (NULL);
}
