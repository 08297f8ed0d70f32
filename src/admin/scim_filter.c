/* SPDX-License-Identifier: Apache-2.0 */
/* SCIM's filters (RFC 7644 3.4.2.2): read into a tree, and tried on a resource. */
#include "admin/scim.h"

#include "base/date.h"

#define NODES		32			/* of one filter: identity providers ask for one or two */
#define FILTER_MOST	2048			/* bytes: some of it is copied for each resource */

struct reading {
	struct admin_call *call;
	struct text	 rest;
	unsigned	 nodes;
};

/* words */

static const struct {
	const char	*word;
	enum scim_op	 op;
} ops[] = {
	{ "eq", SCIM_EQ }, { "ne", SCIM_NE }, { "co", SCIM_CO }, { "sw", SCIM_SW }, { "ew", SCIM_EW }, { "gt", SCIM_GT }, { "ge", SCIM_GE }, { "lt", SCIM_LT },
	{ "le", SCIM_LE }, { "pr", SCIM_PR },
};

static bool
ends_word(char c)
{
	return (c == ' ' || c == '\t' || c == '(' || c == ')' || c == '[' || c == ']');
}

static struct text
look_word(const struct reading *r)
{
	struct text t = text_trim(r->rest);
	size_t n = 0;

	while (n < t.len && !ends_word(t.at[n]))
		n++;
	return (text_sub(t, 0, n));
}

static void
skip(struct reading *r, size_t n)
{
	struct text t = text_trim(r->rest);

	r->rest = text_sub(t, n, t.len);
}

static bool
take_sign(struct reading *r, char sign)
{
	struct text t = text_trim(r->rest);

	if (t.len == 0 || t.at[0] != sign)
		return (false);
	skip(r, 1);
	return (true);
}

static bool
take_word(struct reading *r, const char *word)
{
	struct text t = look_word(r);

	if (!scim_is(t, word))
		return (false);
	skip(r, t.len);
	return (true);
}

/* A text in quotes, with JSON's escapes, or true, false, null, a number. */
static bool
take_value(struct text *value, struct reading *r)
{
	struct text t = text_trim(r->rest);
	size_t n = 1;

	if (t.len == 0 || t.at[0] != '"') {
		*value = look_word(r);
		skip(r, value->len);
		return (value->len > 0 && memchr(value->at, '"', value->len) == NULL);
	}
	while (n < t.len && t.at[n] != '"')
		n += t.at[n] == '\\' ? 2 : 1;
	if (n >= t.len)
		return (false);
	*value = json_unescape(r->call->arena, json_inside(text_sub(t, 0, n + 1)));
	skip(r, n + 1);
	return (true);
}

/* "urn:…:User:userName" is userName; "members.value" has a sub-attribute. */
static bool
take_attribute(struct scim_term *t, struct reading *r)
{
	static const char *const cores[] = { SCIM_USER ":", SCIM_GROUP ":" };
	struct text said = look_word(r);

	skip(r, said.len);
	for (size_t i = 0; i < nitems(cores); i++)
		if (said.len > strlen(cores[i]) && text_eq_nocase(text_sub(said, 0, strlen(cores[i])), text_of(cores[i])))
			said = text_sub(said, strlen(cores[i]), said.len);
	if (!text_cut(said, '.', &t->attribute, &t->sub))
		t->sub = TEXT("");
	return (t->attribute.len > 0 && memchr(said.at, '"', said.len) == NULL);
}

static bool
take_op(struct scim_term *t, struct reading *r)
{
	for (size_t i = 0; i < nitems(ops); i++)
		if (take_word(r, ops[i].word)) {
			t->op = ops[i].op;
			return (true);
		}
	return (false);
}

/* the tree: `or` binds less than `and`, that less than `not`; NULL: it is none */

static const struct scim_node *read_or(struct reading *);

static struct scim_node *
node(struct reading *r, enum scim_kind_of_node kind, const struct scim_node *left, const struct scim_node *right)
{
	struct scim_node *n;

	if (left == NULL || right == NULL || r->nodes++ == NODES)
		return (NULL);
	n = arena_new_of(r->call->arena, struct scim_node);
	*n = (struct scim_node){ .kind = kind, .left = left, .right = right };
	return (n);
}

static const struct scim_node *
read_within(struct reading *r, char end)
{
	const struct scim_node *inner = read_or(r);

	return (inner != NULL && take_sign(r, end) ? inner : NULL);
}

static const struct scim_node *
read_term(struct reading *r)
{
	static const struct scim_node nothing;
	struct scim_term t = { .value = TEXT("") };
	const struct scim_node *inner;
	struct scim_node *n;

	if (!take_attribute(&t, r))
		return (NULL);
	if (take_sign(r, '[')) {
		inner = read_within(r, ']');
		n = node(r, SCIM_WITHIN, inner, inner);
	} else {
		if (!take_op(&t, r) || (t.op != SCIM_PR && !take_value(&t.value, r)))
			return (NULL);
		n = node(r, SCIM_TERM, &nothing, &nothing);
	}
	if (n != NULL)
		n->term = t;
	return (n);
}

static const struct scim_node *
read_not(struct reading *r)
{
	const struct scim_node *inner;

	if (r->nodes == NODES)
		return (NULL);
	if (take_sign(r, '('))
		return (read_within(r, ')'));
	if (!take_word(r, "not"))
		return (read_term(r));
	inner = take_sign(r, '(') ? read_within(r, ')') : NULL;
	return (node(r, SCIM_NOT, inner, inner));
}

static const struct scim_node *
read_and(struct reading *r)
{
	const struct scim_node *left = read_not(r);

	while (left != NULL && take_word(r, "and"))
		left = node(r, SCIM_AND, left, read_not(r));
	return (left);
}

static const struct scim_node *
read_or(struct reading *r)
{
	const struct scim_node *left = read_and(r);

	while (left != NULL && take_word(r, "or"))
		left = node(r, SCIM_OR, left, read_and(r));
	return (left);
}

/* Parentheses within parentheses: each is a call of read_or(). */
static bool
is_too_deep(struct text said)
{
	unsigned n = 0;

	for (size_t i = 0; i < said.len; i++)
		n += said.at[i] == '(' || said.at[i] == '[';
	return (n > NODES);
}

struct error *
scim_filter_read(const struct scim_node **root, struct admin_call *c, struct text said)
{
	struct reading r = { .call = c, .rest = said };

	*root = NULL;
	if (text_trim(said).len == 0)
		return (NULL);
	if (said.len <= FILTER_MOST && !is_too_deep(said))
		*root = read_or(&r);
	if (*root != NULL && text_trim(r.rest).len == 0)
		return (NULL);
	return (scim_bad(c, "invalidFilter", "The filter '" TEXT_FMT "' is not understood: say `attribute eq \"value\"` (or ne, co, sw, ew, gt, ge, lt, le, pr), "
	    "several with `and`, `or`, `not (…)`.", TEXT_ARG(text_whole(text_sub(said, 0, 200)))));
}

/* trying it */

struct text
scim_lower(struct arena *arena, struct text t)
{
	char *to = arena_bytes(arena, t.len);

	for (size_t i = 0; i < t.len; i++)
		to[i] = (char)(t.at[i] >= 'A' && t.at[i] <= 'Z' ? t.at[i] | 0x20 : t.at[i]);
	return ((struct text){ to, t.len });
}

/* Texts of people and groups have no case but ids and what an identity provider calls them. */
static bool
is_exact(struct text attribute)
{
	return (scim_is(attribute, "id") || scim_is(attribute, "externalId") || scim_is(attribute, "members"));
}

static int
order(struct text a, struct text b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int64_t left, right;
	int d;

	if (moment_read(a, &left) && moment_read(b, &right))
		return (left < right ? -1 : left > right);
	if (json_to_i64(a, &left) && json_to_i64(b, &right))
		return (left < right ? -1 : left > right);
	d = n > 0 ? memcmp(a.at, b.at, n) : 0;
	return (d != 0 ? d : a.len < b.len ? -1 : a.len > b.len);
}

static bool
compares(const struct scim_term *t, struct text value, struct text with)
{
	switch (t->op) {
	case SCIM_EQ:
	case SCIM_NE:				/* of none of its values: term_matches() */
		return (text_eq(value, with));
	case SCIM_CO:
		return (text_has(value, with));
	case SCIM_SW:
		return (text_starts(value, with));
	case SCIM_EW:
		return (text_ends(value, with));
	case SCIM_GT:
		return (order(value, with) > 0);
	case SCIM_GE:
		return (order(value, with) >= 0);
	case SCIM_LT:
		return (order(value, with) < 0);
	case SCIM_LE:
		return (order(value, with) <= 0);
	case SCIM_PR:
		return (value.len > 0);
	}
	return (false);
}

static bool
fits(struct arena *arena, struct text raw, const struct scim_term *t)
{
	struct text value = raw.len > 1 && raw.at[0] == '"' ? json_unescape(arena, json_inside(raw)) : raw;

	if (is_exact(t->attribute))
		return (compares(t, value, t->value));
	return (compares(t, scim_lower(arena, value), scim_lower(arena, t->value)));
}

static bool
some_value_fits(const struct scim_term *t, const struct doc *resource)
{
	struct text raw = scim_get(resource, arena_copy(resource->arena, t->attribute).at);
	const char *sub = t->sub.len > 0 ? arena_copy(resource->arena, t->sub).at : "value";
	struct scim_items items;

	scim_items_read(&items, resource->arena, raw);
	for (unsigned i = 0; i < items.n; i++) {
		struct doc d;

		if (items.list[i].at[0] != '{') {
			if (fits(resource->arena, items.list[i], t))
				return (true);
			continue;
		}
		doc_read(&d, resource->arena, items.list[i]);
		if (fits(resource->arena, scim_get(&d, sub), t))
			return (true);
	}
	return (false);
}

static bool
some_item_matches(const struct scim_node *n, const struct doc *resource)
{
	struct scim_items items;

	scim_items_read(&items, resource->arena, scim_get(resource, arena_copy(resource->arena, n->term.attribute).at));
	for (unsigned i = 0; i < items.n; i++) {
		struct doc d;

		doc_read(&d, resource->arena, items.list[i]);
		if (scim_matches(n->left, &d))
			return (true);
	}
	return (false);
}

bool
scim_matches(const struct scim_node *n, const struct doc *resource)
{
	if (n == NULL)
		return (true);
	switch (n->kind) {
	case SCIM_AND:
		return (scim_matches(n->left, resource) && scim_matches(n->right, resource));
	case SCIM_OR:
		return (scim_matches(n->left, resource) || scim_matches(n->right, resource));
	case SCIM_NOT:
		return (!scim_matches(n->left, resource));
	case SCIM_WITHIN:
		return (some_item_matches(n, resource));
	case SCIM_TERM:
		break;
	}
	return (some_value_fits(&n->term, resource) != (n->term.op == SCIM_NE));
}

struct text
scim_term_of(const struct scim_node *n, const char *attribute)
{
	struct text left;

	if (n != NULL && n->kind == SCIM_AND) {
		left = scim_term_of(n->left, attribute);
		return (left.len > 0 ? left : scim_term_of(n->right, attribute));
	}
	if (n == NULL || n->kind != SCIM_TERM || n->term.op != SCIM_EQ || !scim_is(n->term.attribute, attribute))
		return (TEXT(""));
	return (n->term.sub.len == 0 || scim_is(n->term.sub, "value") ? n->term.value : TEXT(""));
}
