/* SPDX-License-Identifier: Apache-2.0 */
/* SCIM's filters (RFC 7644 3.4.2.2): equality, and several of them at once. */
#include "admin/scim.h"

/* A word up to a blank. */
static struct text
next_word(struct text *rest)
{
	struct text t = text_trim(*rest);
	size_t n = 0;

	while (n < t.len && t.at[n] != ' ' && t.at[n] != '\t')
		n++;
	*rest = text_sub(t, n, t.len);
	return (text_sub(t, 0, n));
}

/* A text in quotes, with JSON's escapes, or true, false, a number. */
static bool
next_value(struct text *value, struct arena *arena, struct text *rest)
{
	struct text t = text_trim(*rest);
	size_t n = 1;

	if (t.len == 0 || t.at[0] != '"') {
		*value = next_word(rest);
		return (value->len > 0 && memchr(value->at, '"', value->len) == NULL);
	}
	while (n < t.len && t.at[n] != '"')
		n += t.at[n] == '\\' ? 2 : 1;
	if (n >= t.len)
		return (false);
	*value = json_unescape(arena, json_inside(text_sub(t, 0, n + 1)));
	*rest = text_sub(t, n + 1, t.len);
	return (true);
}

/* "urn:…:User:userName" is userName; "members.value" has a sub-attribute. */
static bool
read_attribute(struct scim_term *t, struct text said)
{
	static const char *const cores[] = { SCIM_USER ":", SCIM_GROUP ":" };

	for (size_t i = 0; i < nitems(cores); i++)
		if (said.len > strlen(cores[i]) && text_eq_nocase(text_sub(said, 0, strlen(cores[i])), text_of(cores[i])))
			said = text_sub(said, strlen(cores[i]), said.len);
	if (!text_cut(said, '.', &t->attribute, &t->sub))
		t->sub = TEXT("");
	return (t->attribute.len > 0 && memchr(said.at, '[', said.len) == NULL && memchr(said.at, '(', said.len) == NULL);
}

static struct error *
cannot(struct admin_call *c, struct text said)
{
	return (scim_bad(c, "invalidFilter", "The filter '" TEXT_FMT "' is not understood: say `attribute eq \"value\"`, several with `and`.",
	    TEXT_ARG(text_whole(text_sub(said, 0, 200)))));
}

struct error *
scim_filter_read(struct scim_filter *f, struct admin_call *c, struct text said)
{
	struct text rest = text_trim(said);

	f->n = 0;
	while (rest.len > 0) {
		struct scim_term *t = &f->terms[f->n];

		if (f->n == SCIM_TERMS || !read_attribute(t, next_word(&rest)) || !scim_is(next_word(&rest), "eq") || !next_value(&t->value, c->arena, &rest))
			return (cannot(c, said));
		f->n++;
		rest = text_trim(rest);
		if (rest.len > 0 && (!scim_is(next_word(&rest), "and") || text_trim(rest).len == 0))
			return (cannot(c, said));
	}
	return (NULL);
}

/* Texts of people and groups have no case but ids and what an identity provider calls them. */
static bool
is_value(struct arena *arena, struct text raw, const struct scim_term *t)
{
	bool exact = scim_is(t->attribute, "id") || scim_is(t->attribute, "externalId") || scim_is(t->attribute, "members");
	struct text value = raw.len > 1 && raw.at[0] == '"' ? json_unescape(arena, json_inside(raw)) : raw;

	return (exact ? text_eq(value, t->value) : text_eq_nocase(value, t->value));
}

static bool
term_matches(const struct scim_term *t, const struct doc *resource)
{
	struct text raw = scim_get(resource, arena_copy(resource->arena, t->attribute).at);
	const char *sub = t->sub.len > 0 ? arena_copy(resource->arena, t->sub).at : "value";
	struct scim_items items;

	scim_items_read(&items, resource->arena, raw);
	for (unsigned i = 0; i < items.n; i++) {
		struct doc d;

		if (items.list[i].at[0] != '{') {
			if (is_value(resource->arena, items.list[i], t))
				return (true);
			continue;
		}
		doc_read(&d, resource->arena, items.list[i]);
		if (is_value(resource->arena, scim_get(&d, sub), t))
			return (true);
	}
	return (false);
}

bool
scim_matches(const struct scim_filter *f, const struct doc *resource)
{
	for (unsigned i = 0; i < f->n; i++)
		if (!term_matches(&f->terms[i], resource))
			return (false);
	return (true);
}

struct text
scim_term_of(const struct scim_filter *f, const char *attribute)
{
	for (unsigned i = 0; i < f->n; i++)
		if (scim_is(f->terms[i].attribute, attribute))
			return (f->terms[i].value);
	return (TEXT(""));
}
