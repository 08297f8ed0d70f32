/* SPDX-License-Identifier: Apache-2.0 */
/* Documents: members in order, read, set and written. */
#include "admin/fields.h"

void
doc_read(struct doc *d, struct arena *arena, struct text json)
{
	struct json_fault fault;
	const struct json *o = json.len > 0 ? json_parse(arena, json, &fault) : NULL;

	*d = (struct doc){ .arena = arena };
	for (const struct json *m = json_is(o, JSON_OBJECT) ? o->first : NULL; m != NULL; m = m->next)
		doc_set(d, json_unescape(arena, m->name), m->raw);
}

static struct doc_member *
member(const struct doc *d, struct text name)
{
	for (unsigned i = 0; i < d->n; i++)
		if (text_eq(d->members[i].name, name))
			return (&d->members[i]);
	return (NULL);
}

struct text
doc_raw(const struct doc *d, const char *name)
{
	const struct doc_member *m = member(d, text_of(name));

	return (m != NULL && !text_is(m->raw, "null") ? m->raw : TEXT(""));
}

void
doc_set(struct doc *d, struct text name, struct text raw)
{
	struct doc_member *m = member(d, name);

	if (raw.len == 0) {
		if (m != NULL)
			memmove(m, m + 1, (size_t)(d->members + --d->n - m) * sizeof(*m));
		return;
	}
	if (m == NULL) {
		d->members = arena_widen(d->arena, d->members, &d->room, d->n + 1, d->n, sizeof(*m));
		m = &d->members[d->n++];
		m->name = name;
	}
	m->raw = raw;
}

void
doc_set_string(struct doc *d, const char *name, struct text t)
{
	struct quoted q = json_escape(d->arena, t);

	doc_set(d, text_of(name), t.len == 0 ? TEXT("") : arena_print(d->arena, "\"%.*s\"", (int)q.len, q.at));
}

void
doc_set_int(struct doc *d, const char *name, int64_t n)
{
	doc_set(d, text_of(name), arena_print(d->arena, "%lld", (long long)n));
}

void
doc_set_money(struct doc *d, const char *name, int64_t nano)
{
	doc_set(d, text_of(name), nano == NO_LIMIT ? TEXT("") : money_text(d->arena, nano));
}

const struct json *
doc_json(const struct doc *d, const char *name)
{
	struct text raw = doc_raw(d, name);
	struct json_fault fault;

	return (raw.len > 0 ? json_parse(d->arena, raw, &fault) : NULL);
}

struct text
doc_string(const struct doc *d, const char *name)
{
	struct text raw = doc_raw(d, name);

	return (raw.len > 1 && raw.at[0] == '"' ? json_unescape(d->arena, json_inside(raw)) : TEXT(""));
}

int64_t
doc_int(const struct doc *d, const char *name, int64_t otherwise)
{
	int64_t n;

	return (json_to_i64(doc_raw(d, name), &n) ? n : otherwise);
}

int64_t
doc_money(const struct doc *d, const char *name)
{
	int64_t nano;

	return (money_read(doc_raw(d, name), &nano) == MONEY_FINE ? nano : NO_LIMIT);
}

bool
doc_true(const struct doc *d, const char *name)
{
	return (text_is(doc_raw(d, name), "true"));
}

unsigned
doc_strings(struct text **list, const struct doc *d, const char *name)
{
	const struct json *v = doc_json(d, name);
	unsigned n = 0;

	*list = NULL;
	if (!json_is(v, JSON_ARRAY) || v->count == 0)
		return (0);
	*list = arena_alloc(d->arena, v->count * sizeof(**list));
	for (const struct json *i = v->first; i != NULL; i = i->next)
		if (i->type == JSON_STRING)
			(*list)[n++] = json_unescape(d->arena, json_quoted(i));
	return (n);
}

void
doc_inner(struct doc *inner, const struct doc *d, const char *name)
{
	doc_read(inner, d->arena, doc_raw(d, name));
}

struct text
doc_text(const struct doc *d)
{
	struct buf b = { 0 };
	struct json_out o = { .to = &b };
	struct text t;

	json_open(&o, '{');
	for (unsigned i = 0; i < d->n; i++) {
		json_name_quoted(&o, json_escape(d->arena, d->members[i].name));
		json_raw(&o, d->members[i].raw);
	}
	json_close(&o, '}');
	t = arena_copy(d->arena, buf_as_text(&b));
	buf_free(&b);
	return (t);
}
