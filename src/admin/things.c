/* SPDX-License-Identifier: Apache-2.0 */
/* Things: found, written, listed and removed. */
#include "admin/things.h"

void
thing_new(struct thing *t, struct admin_call *c, const char *kind, struct text id)
{
	*t = (struct thing){ .kind = kind, .id = id, .parent = TEXT("") };
	doc_read(&t->doc, c->arena, TEXT(""));
}

static struct error *
of_row(struct thing *t, struct admin_call *c, const char *kind, const struct rows *rows, unsigned row)
{
	*t = (struct thing){ .kind = kind, .id = rows_text(rows, row, 0), .parent = rows_text(rows, row, 1), .created_at = rows_int(rows, row, 3, 0),
		.updated_at = rows_int(rows, row, 4, 0) };
	doc_read(&t->doc, c->arena, rows_text(rows, row, 2));
	return (spent_of(&t->spent, c, rows, row, 5));
}

struct error *
thing_find(struct thing *t, bool *there, struct admin_call *c, const char *kind, struct text id)
{
	struct rows rows = { 0 };

	if (id.len > 0)
		TRY(ASK(c, &rows, SQL_THING_FIND, V_TEXT(text_of(kind)), V_TEXT(id)));
	*there = rows.n > 0;
	return (*there ? of_row(t, c, kind, &rows, 0) : NULL);
}

static struct text
brief(struct text id)
{
	return (text_whole(text_sub(id, 0, 200)));
}

struct error *
thing_must_be(struct thing *t, struct admin_call *c, const char *kind, struct text id, const char *param)
{
	bool there;

	TRY(thing_find(t, &there, c, kind, id));
	return (there ? NULL : admin_missing(c, param, "The %s %s=" TEXT_FMT " was not found in db.", kind, param, TEXT_ARG(brief(id))));
}

struct error *
thing_must_not_be(struct admin_call *c, const char *kind, struct text id, const char *param)
{
	struct thing t;
	bool there;

	TRY(thing_find(&t, &there, c, kind, id));
	return (there ? admin_bad(c, param, "The %s %s=" TEXT_FMT " already exists.", kind, param, TEXT_ARG(brief(id))) : NULL);
}

void
doc_set_made(struct doc *d, const struct admin_call *c, bool new)
{
	if (new)
		doc_set_string(d, "created_by", c->changed_by);
	doc_set_string(d, "updated_by", c->changed_by);
}

struct error *
thing_write(struct admin_call *c, struct thing *t)
{
	doc_set_made(&t->doc, c, t->created_at == 0);
	if (t->created_at == 0)
		t->created_at = c->now_ms;
	t->updated_at = c->now_ms;
	return (ASK(c, NULL, SQL_THING_WRITE, V_TEXT(text_of(t->kind)), V_TEXT(t->id), V_TEXT_OR_NULL(t->parent), V_INT(t->created_at), V_INT(t->updated_at),
	    V_TEXT(doc_text(&t->doc))));
}

struct error *
thing_delete(struct admin_call *c, const struct thing *t)
{
	return (ASK(c, NULL, SQL_THING_DELETE, V_TEXT(text_of(t->kind)), V_TEXT(t->id)));
}

struct error *
things_list(struct thing **list, unsigned *n, struct admin_call *c, const char *kind, struct text parent)
{
	struct rows rows;

	TRY(ASK(c, &rows, SQL_THING_LIST, V_TEXT(text_of(kind)), V_TEXT_OR_NULL(parent), V_TEXT(TEXT("")), V_INT(THINGS_MOST)));
	*n = rows.n;
	*list = arena_alloc(c->arena, (rows.n + 1) * sizeof(**list));
	for (unsigned i = 0; i < rows.n; i++)
		TRY(of_row(&(*list)[i], c, kind, &rows, i));
	return (NULL);
}

void
put_made(struct json_out *o, const struct doc *d, int64_t created_at, int64_t updated_at)
{
	put_moment(o, "created_at", created_at);
	put_string(o, "created_by", doc_string(d, "created_by"));
	put_moment(o, "updated_at", updated_at);
	put_string(o, "updated_by", doc_string(d, "updated_by"));
}

struct text
texts_raw(struct arena *arena, const struct text *list, unsigned n)
{
	struct buf b = { 0 };
	struct json_out o = { .to = &b };
	struct text t;

	json_open(&o, '[');
	for (unsigned i = 0; i < n; i++)
		json_string(&o, list[i]);
	json_close(&o, ']');
	t = arena_copy(arena, buf_as_text(&b));
	buf_free(&b);
	return (t);
}

struct error *
thing_put(struct json_out *o, struct admin_call *c, const struct thing *t, thing_put_f *put)
{
	json_open(o, '{');
	TRY(put(o, c, t));
	json_close(o, '}');
	return (NULL);
}

struct error *
things_put(struct json_out *o, struct admin_call *c, const struct thing *list, unsigned n, thing_put_f *put)
{
	json_open(o, '[');
	for (unsigned i = 0; i < n; i++)
		TRY(thing_put(o, c, &list[i], put));
	json_close(o, ']');
	return (NULL);
}

struct error *
thing_text(struct text *row, struct admin_call *c, const struct thing *t, thing_put_f *put)
{
	struct buf b = { 0 };
	struct json_out o = { .to = &b };
	struct error *e = thing_put(&o, c, t, put);

	*row = arena_copy(c->arena, buf_as_text(&b));
	buf_free(&b);
	return (e);
}

static void
spender_changed(const struct spender *s, struct admin_call *c, const struct thing *t)
{
	admin_changed(c, s->known, s->known_as == NULL ? t->id : arena_print(c->arena, "%s" TEXT_FMT, s->known_as, TEXT_ARG(t->id)));
}

struct error *
spender_keep(const struct spender *s, struct admin_call *c, struct thing *t, struct text tier, struct text team, struct text before, const char *action)
{
	struct text after;

	TRY(thing_write(c, t));
	TRY(accounts_of(c, s->scope, t->id, &t->doc, tier));
	spender_changed(s, c, t);
	TRY(spent_read(&t->spent, c, s->scope, t->id));
	TRY(thing_text(&after, c, t, s->put));
	return (audit(c, action, s->kind, t->id, team, before, after));
}

struct error *
spender_remove(const struct spender *s, struct admin_call *c, const struct thing *t, struct text tier, struct text team)
{
	struct text before;

	TRY(thing_text(&before, c, t, s->put));
	TRY(thing_delete(c, t));
	TRY(tier_leave(c, s->kind, t->id, tier));
	TRY(admin_end(c, account_leave(c->store, c->arena, s->scope, t->id)));
	spender_changed(s, c, t);
	return (audit(c, "deleted", s->kind, t->id, team, before, TEXT("")));
}
