/* SPDX-License-Identifier: Apache-2.0 */
/* What SCIM's users and groups share: errors, documents whose names have no case, lists. */
#include "admin/scim.h"

#include "base/clock.h"

#define COUNT_USUAL	100
#define NAMES_MOST	32			/* in attributes, excludedAttributes */

/* errors */

struct error *
scim_bad(struct admin_call *c, const char *type, const char *fmt, ...)
{
	struct buf words = { 0 };
	struct error *e;
	va_list args;

	va_start(args, fmt);
	buf_vprint(&words, fmt, args);
	va_end(args);
	e = admin_bad(c, NULL, TEXT_FMT, TEXT_ARG(buf_as_text(&words)));
	buf_free(&words);
	e->type = text_of(type);
	return (e);
}

struct error *
scim_taken(struct admin_call *c, const char *what, struct text value)
{
	struct error *e = scim_bad(c, "uniqueness", "%s '" TEXT_FMT "' is taken.", what, TEXT_ARG(text_whole(text_sub(value, 0, 200))));

	e->status = 409;
	e->code = TEXT("409");
	return (e);
}

struct error *
scim_missing(struct admin_call *c, const char *what, struct text id)
{
	return (admin_missing(c, NULL, "%s '" TEXT_FMT "' not found.", what, TEXT_ARG(text_whole(text_sub(id, 0, 200)))));
}

/* documents */

bool
scim_is(struct text name, const char *other)
{
	return (text_eq_nocase(name, text_of(other)));
}

static const struct doc_member *
member(const struct doc *d, struct text name)
{
	for (unsigned i = 0; i < d->n; i++)
		if (text_eq_nocase(d->members[i].name, name))
			return (&d->members[i]);
	return (NULL);
}

struct text
scim_get(const struct doc *d, const char *name)
{
	const struct doc_member *m = member(d, text_of(name));

	return (m != NULL && !text_is(m->raw, "null") ? m->raw : TEXT(""));
}

struct text
scim_string(const struct doc *d, const char *name)
{
	struct text raw = scim_get(d, name);

	return (raw.len > 1 && raw.at[0] == '"' ? json_unescape(d->arena, json_inside(raw)) : TEXT(""));
}

void
scim_set(struct doc *d, struct text name, struct text raw)
{
	const struct doc_member *m = member(d, name);

	doc_set(d, m != NULL ? m->name : name, raw);
}

bool
scim_bool(bool *is, struct text raw)
{
	if (raw.len > 1 && raw.at[0] == '"')
		raw = text_sub(raw, 1, raw.len - 1);
	*is = scim_is(raw, "true");
	return (*is || scim_is(raw, "false"));
}

void
scim_items_add(struct scim_items *items, struct arena *arena, struct text raw)
{
	items->list = arena_widen(arena, items->list, &items->room, items->n + 1, items->n, sizeof(*items->list));
	items->list[items->n++] = raw;
}

void
scim_items_read(struct scim_items *items, struct arena *arena, struct text raw)
{
	struct json_walk w = json_walk(raw);
	struct json_item item;

	*items = (struct scim_items){ .n = 0 };
	if (raw.len > 0 && raw.at[0] != '[')
		scim_items_add(items, arena, raw);
	else
		while (raw.len > 0 && json_next(&w, &item))
			scim_items_add(items, arena, item.raw);
}

struct text
scim_items_text(const struct scim_items *items, struct arena *arena)
{
	struct buf b = { 0 };
	struct json_out o = { .to = &b };
	struct text t;

	json_open(&o, '[');
	for (unsigned i = 0; i < items->n; i++)
		json_raw(&o, items->list[i]);
	json_close(&o, ']');
	t = arena_copy(arena, buf_as_text(&b));
	buf_free(&b);
	return (t);
}

struct text
scim_value_of(struct arena *arena, struct text item)
{
	struct doc d;

	if (item.len > 1 && item.at[0] == '"')
		return (json_unescape(arena, json_inside(item)));
	doc_read(&d, arena, item);
	return (scim_string(&d, "value"));
}

/* answers */

void
scim_meta(struct doc *d, const char *type, const char *path, struct text id, int64_t created_at, int64_t updated_at)
{
	char created[25], updated[25];

	clock_iso(created, created_at);
	clock_iso(updated, updated_at);
	doc_set(d, TEXT("meta"), arena_print(d->arena, "{\"resourceType\":\"%s\",\"created\":\"%s\",\"lastModified\":\"%s\",\"location\":\"%s/" TEXT_FMT "\"}",
	    type, created, updated, path, TEXT_ARG(arena_percent_encode(d->arena, id))));
}

static bool
is_named(const struct text *names, unsigned n, struct text name)
{
	for (unsigned i = 0; i < n; i++)
		if (text_eq_nocase(names[i], name))
			return (true);
	return (false);
}

/* `schemas` and `id` are always told; of the others those that `attributes` names, without those of `excludedAttributes`. */
static struct text
wanted(struct admin_call *c, const struct doc *resource)
{
	struct text *only, *without;
	unsigned n_only = query_list(&only, c, "attributes"), n_without = query_list(&without, c, "excludedAttributes");
	struct doc shown;

	doc_read(&shown, c->arena, TEXT(""));
	for (unsigned i = 0; i < resource->n; i++) {
		struct text name = resource->members[i].name;

		if (text_is(name, "schemas") || text_is(name, "id") ||
		    ((n_only == 0 || is_named(only, n_only, name)) && !is_named(without, n_without, name)))
			doc_set(&shown, name, resource->members[i].raw);
	}
	return (doc_text(&shown));
}

struct error *
scim_answer(struct admin_call *c, const struct doc *resource, int status)
{
	buf_text(&c->out, wanted(c, resource));
	c->status = status;
	return (NULL);
}

/* lists */

/* startIndex, count, filter. */
struct page {
	int64_t		 start, count;		/* start from 1 */
	const struct scim_node *filter;		/* NULL: none */
};

static struct error *
read_page(struct page *p, struct admin_call *c)
{
	TRY(query_int(&p->start, c, "startIndex", 1, INT64_MIN, INT64_MAX));
	TRY(query_int(&p->count, c, "count", COUNT_USUAL, INT64_MIN, INT64_MAX));
	p->start = p->start < 1 ? 1 : p->start;			/* RFC 7644 3.4.2.4 */
	p->count = p->count < 0 ? 0 : p->count > SCIM_RESULTS_MOST ? SCIM_RESULTS_MOST : p->count;
	return (scim_filter_read(&p->filter, c, query_text(c, "filter")));
}

void
scim_list_open(struct json_out *o, struct admin_call *c)
{
	*o = (struct json_out){ .to = &c->out };
	json_open(o, '{');
	json_name(o, "schemas");
	json_raw(o, TEXT("[\"" SCIM_LIST "\"]"));
	json_name(o, "Resources");
	json_open(o, '[');
}

void
scim_list_close(struct json_out *o, int64_t start, int64_t total, int64_t shown)
{
	json_close(o, ']');
	json_pair_int(o, "totalResults", total);
	json_pair_int(o, "startIndex", start);
	json_pair_int(o, "itemsPerPage", shown);
	json_close(o, '}');
}

struct listing {
	struct json_out	 out;
	int64_t		 total, shown;
};

static struct error *
list_rows(struct listing *l, struct admin_call *c, const struct scim_kind *kind, const struct page *p, const struct rows *rows)
{
	struct doc r;

	for (unsigned i = 0; i < rows->n; i++) {
		TRY(kind->resource(&r, c, rows, i));
		if (!scim_matches(p->filter, &r) || ++l->total < p->start || l->shown >= p->count)
			continue;
		json_raw(&l->out, wanted(c, &r));
		l->shown++;
	}
	return (NULL);
}

/* The store can look for nothing of it: it is tried on all there are. */
static struct error *
list_all(struct listing *l, struct admin_call *c, const struct scim_kind *kind, const struct page *p)
{
	struct rows rows, count;

	TRY(ASK0(c, &count, kind->count));
	if (rows_int(&count, 0, 0, 0) > SCIM_LOOKED_MOST)
		return (scim_bad(c, "tooMany", "There are more than %d to look through: say `id`, `externalId`, `userName` or `displayName` with `eq`.",
		    SCIM_LOOKED_MOST));
	for (int64_t at = 0; at == 0 || rows.n == SCIM_RESULTS_MOST; at += SCIM_RESULTS_MOST) {
		TRY(ASK(c, &rows, kind->page, V_INT(SCIM_RESULTS_MOST), V_INT(at)));
		TRY(list_rows(l, c, kind, p, &rows));
	}
	return (NULL);
}

static struct error *
list_found(struct admin_call *c, const struct scim_kind *kind, const struct page *p)
{
	struct listing l = { .total = 0 };
	struct rows rows;
	bool sought;

	TRY(kind->find(&rows, &sought, c, p->filter));
	scim_list_open(&l.out, c);
	TRY(sought ? list_rows(&l, c, kind, p, &rows) : list_all(&l, c, kind, p));
	scim_list_close(&l.out, p->start, l.total, l.shown);
	return (NULL);
}

struct error *
scim_list(struct admin_call *c, const struct scim_kind *kind)
{
	struct rows rows, count;
	struct json_out o;
	struct page p;
	struct doc r;

	TRY(read_page(&p, c));
	if (p.filter != NULL)
		return (list_found(c, kind, &p));
	TRY(ASK0(c, &count, kind->count));
	TRY(ASK(c, &rows, kind->page, V_INT(p.count), V_INT(p.start - 1)));
	scim_list_open(&o, c);
	for (unsigned i = 0; i < rows.n; i++) {
		TRY(kind->resource(&r, c, &rows, i));
		json_raw(&o, wanted(c, &r));
	}
	scim_list_close(&o, p.start, rows_int(&count, 0, 0, 0), rows.n);
	return (NULL);
}
