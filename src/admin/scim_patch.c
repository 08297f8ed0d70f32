/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCIM's PATCH (RFC 7644 3.5.2), as Entra ID and Okta send it.
 *
 * They write operations with capitals, values as texts, as bare objects and as arrays; a filter in a path that fits nothing makes what it names; and
 * values without a path may have paths as names.  All that is taken.
 */
#include "admin/scim.h"

enum deed { ADD, REPLACE, REMOVE };

/* attribute[sub eq "value"].sub */
struct path {
	struct text	 attribute, sub;
	struct text	 by, is;		/* the filter; by empty: there is none */
};

/* Attributes of which there are several. */
static bool
is_plural(struct text name)
{
	static const char *const plurals[] = { "emails", "members", "phoneNumbers", "addresses", "roles", "entitlements", "ims", "photos",
	    "x509Certificates", "groups" };

	for (size_t i = 0; i < nitems(plurals); i++)
		if (scim_is(name, plurals[i]))
			return (true);
	return (false);
}

/* paths */

static struct error *
bad_path(struct admin_call *c, struct text said)
{
	return (scim_bad(c, "invalidPath", "The path '" TEXT_FMT "' is not understood.", TEXT_ARG(text_whole(text_sub(said, 0, 200)))));
}

/* "urn:…:User:department" is department within "urn:…:User"; what stands in the core schemas stands at the top. */
static void
cut_schema(struct path *p, struct text *said)
{
	size_t at = said->len;

	while (at > 0 && said->at[at - 1] != ':')
		at--;
	if (scim_is(text_sub(*said, at, said->len), "User") || scim_is(text_sub(*said, at, said->len), "Group")) {
		p->attribute = *said;			/* all of an extension */
		*said = TEXT("");
		return;
	}
	p->attribute = text_sub(*said, 0, at - 1);
	*said = text_sub(*said, at, said->len);
	if (scim_is(p->attribute, SCIM_USER) || scim_is(p->attribute, SCIM_GROUP))
		p->attribute = TEXT("");
}

static bool
read_filter(struct path *p, struct admin_call *c, struct text inside)
{
	const struct scim_node *n;

	if (scim_filter_read(&n, c, inside) != NULL || n == NULL || n->kind != SCIM_TERM || n->term.op != SCIM_EQ || n->term.sub.len > 0)
		return (false);
	p->by = n->term.attribute;
	p->is = n->term.value;
	return (true);
}

static struct error *
read_path(struct path *p, struct admin_call *c, struct text said)
{
	struct text rest = text_trim(said), inside;

	*p = (struct path){ .attribute = TEXT("") };
	if (rest.len > 4 && scim_is(text_sub(rest, 0, 4), "urn:"))
		cut_schema(p, &rest);
	if (p->attribute.len > 0) {
		p->sub = rest;
		return (NULL);
	}
	if (text_cut(rest, '[', &p->attribute, &inside)) {
		size_t end = inside.len;

		while (end > 0 && inside.at[end - 1] != ']')
			end--;
		if (end == 0 || !read_filter(p, c, text_sub(inside, 0, end - 1)))
			return (bad_path(c, said));
		rest = text_sub(inside, end, inside.len);
		if (rest.len > 0 && rest.at[0] != '.')
			return (bad_path(c, said));
		p->sub = text_sub(rest, 1, rest.len);
	} else if (!text_cut(rest, '.', &p->attribute, &p->sub))
		p->sub = TEXT("");
	p->attribute = text_trim(p->attribute);
	return (p->attribute.len > 0 ? NULL : bad_path(c, said));
}

/* values */

/* "displayName": [{"value": "x"}] is what an older Entra ID means by "x". */
static struct text
plain_value(struct arena *arena, struct text name, struct text value)
{
	struct scim_items items;
	struct doc d;

	if (value.len == 0 || value.at[0] != '[' || is_plural(name))
		return (value);
	scim_items_read(&items, arena, value);
	if (items.n != 1 || items.list[0].at[0] != '{')
		return (value);
	doc_read(&d, arena, items.list[0]);
	return (scim_get(&d, "value").len > 0 ? scim_get(&d, "value") : value);
}

static struct text
merged(struct arena *arena, struct text old, struct text new)
{
	struct doc d, more;

	if (old.len == 0 || old.at[0] != '{' || new.len == 0 || new.at[0] != '{')
		return (new);
	doc_read(&d, arena, old);
	doc_read(&more, arena, new);
	for (unsigned i = 0; i < more.n; i++)
		scim_set(&d, more.members[i].name, text_is(more.members[i].raw, "null") ? TEXT("") : more.members[i].raw);
	return (doc_text(&d));
}

static bool
is_same(struct arena *arena, struct text a, struct text b)
{
	struct text value = scim_value_of(arena, a);

	return (text_eq(a, b) || (value.len > 0 && text_eq(value, scim_value_of(arena, b))));
}

static bool
has(const struct scim_items *items, struct arena *arena, struct text wanted)
{
	for (unsigned i = 0; i < items->n; i++)
		if (is_same(arena, items->list[i], wanted))
			return (true);
	return (false);
}

/* The items of `old` and `new`, or of `old` without those of `new`. */
static struct text
joined(struct arena *arena, enum deed deed, struct text old, struct text new)
{
	struct scim_items all, more, out = { .n = 0 };

	scim_items_read(&all, arena, old);
	scim_items_read(&more, arena, new);
	for (unsigned i = 0; i < all.n; i++)
		if (deed == ADD || !has(&more, arena, all.list[i]))
			scim_items_add(&out, arena, all.list[i]);
	for (unsigned i = 0; i < more.n && deed == ADD; i++)
		if (!has(&out, arena, more.list[i]))
			scim_items_add(&out, arena, more.list[i]);
	return (scim_items_text(&out, arena));
}

/* operations */

static void
change_whole(struct doc *d, enum deed deed, struct text name, struct text value)
{
	struct text old = scim_get(d, arena_copy(d->arena, name).at);
	struct scim_items none = { .n = 0 };

	if (deed == REMOVE)
		scim_set(d, name, is_plural(name) && value.len > 0 ? joined(d->arena, REMOVE, old, value) : TEXT(""));
	else if (!is_plural(name))
		scim_set(d, name, merged(d->arena, old, plain_value(d->arena, name, value)));
	else
		scim_set(d, name, joined(d->arena, ADD, deed == ADD ? old : scim_items_text(&none, d->arena), value));
}

static struct text
with_sub(struct arena *arena, struct text object, enum deed deed, struct text sub, struct text value)
{
	struct text name, inner;
	struct doc d;

	doc_read(&d, arena, object);
	if (text_cut(sub, '.', &name, &inner))			/* manager.value, of an extension */
		value = with_sub(arena, scim_get(&d, arena_copy(arena, name).at), deed, inner, value);
	else if (deed == REMOVE)
		value = TEXT("");
	scim_set(&d, name, value);
	return (doc_text(&d));
}

static struct text
one_changed(struct arena *arena, struct text item, enum deed deed, const struct path *p, struct text value)
{
	if (p->sub.len > 0)
		return (with_sub(arena, item, deed, p->sub, value));
	return (deed == REPLACE ? value : merged(arena, item, value));
}

/* What a filter compared with, as a value. */
static struct text
value_of_filter(struct arena *arena, struct text t)
{
	struct quoted q = json_escape(arena, t);
	bool is;

	if (scim_bool(&is, t))
		return (is ? TEXT("true") : TEXT("false"));
	return (arena_print(arena, "\"%.*s\"", (int)q.len, q.at));
}

static void
change_some(struct doc *d, enum deed deed, const struct path *p, struct text value)
{
	struct scim_items items, out = { .n = 0 };
	struct scim_node by = { .kind = SCIM_TERM, .term = { .attribute = p->by, .sub = TEXT(""), .op = SCIM_EQ, .value = p->is } };
	bool found = false;

	scim_items_read(&items, d->arena, scim_get(d, arena_copy(d->arena, p->attribute).at));
	for (unsigned i = 0; i < items.n; i++) {
		struct doc one;

		doc_read(&one, d->arena, items.list[i]);
		if (!scim_matches(&by, &one)) {
			scim_items_add(&out, d->arena, items.list[i]);
			continue;
		}
		found = true;
		if (deed != REMOVE || p->sub.len > 0)
			scim_items_add(&out, d->arena, one_changed(d->arena, items.list[i], deed, p, value));
	}
	if (!found && deed != REMOVE) {
		struct doc made;

		doc_read(&made, d->arena, TEXT(""));
		doc_set(&made, p->by, value_of_filter(d->arena, p->is));
		scim_items_add(&out, d->arena, one_changed(d->arena, doc_text(&made), ADD, p, value));
	}
	scim_set(d, p->attribute, scim_items_text(&out, d->arena));
}

static struct error *
change(struct doc *d, struct admin_call *c, enum deed deed, struct text path, struct text value)
{
	struct path p;

	TRY(read_path(&p, c, path));
	if (text_is(value, "null")) {
		deed = REMOVE;
		value = TEXT("");
	}
	if (p.by.len > 0)
		change_some(d, deed, &p, value);
	else if (p.sub.len > 0)
		scim_set(d, p.attribute, with_sub(d->arena, scim_get(d, arena_copy(d->arena, p.attribute).at), deed, p.sub, value));
	else
		change_whole(d, deed, p.attribute, value);
	return (NULL);
}

static struct error *
read_deed(enum deed *deed, struct admin_call *c, const struct json *op)
{
	static const char *const deeds[] = { [ADD] = "add", [REPLACE] = "replace", [REMOVE] = "remove" };
	struct text said = json_unescape(c->arena, json_quoted(json_get(op, "op")));

	for (size_t i = 0; i < nitems(deeds); i++)
		if (scim_is(said, deeds[i])) {
			*deed = (enum deed)i;
			return (NULL);
		}
	return (scim_bad(c, "invalidSyntax", "op must be add, replace or remove."));
}

static struct error *
operate(struct doc *d, struct admin_call *c, const struct json *op)
{
	const struct json *path = json_get(op, "path"), *value = json_get(op, "value");
	enum deed deed = ADD;

	if (!json_is(op, JSON_OBJECT))
		return (scim_bad(c, "invalidSyntax", "Each of Operations must be an object."));
	TRY(read_deed(&deed, c, op));
	if (deed != REMOVE && value == NULL)
		return (scim_bad(c, "invalidValue", "add and replace need a value."));
	if (json_is(path, JSON_STRING) && json_quoted(path).len > 0)
		return (change(d, c, deed, json_unescape(c->arena, json_quoted(path)), value != NULL ? value->raw : TEXT("")));
	if (deed == REMOVE)
		return (scim_bad(c, "noTarget", "remove needs a path."));
	if (!json_is(value, JSON_OBJECT))
		return (scim_bad(c, "invalidValue", "Without a path the value must be an object."));
	for (const struct json *m = value->first; m != NULL; m = m->next)
		TRY(change(d, c, deed, json_unescape(c->arena, m->name), m->raw));
	return (NULL);
}

struct error *
scim_patch(struct doc *resource, struct admin_call *c, const struct json *body)
{
	const struct json *list = json_get(body, "Operations");

	if (list == NULL)
		list = json_get(body, "operations");
	if (!json_is(list, JSON_ARRAY) || list->count == 0)
		return (scim_bad(c, "invalidSyntax", "Operations must be a list of what is to be done."));
	for (const struct json *op = list->first; op != NULL; op = op->next)
		TRY(operate(resource, c, op));
	return (NULL);
}
