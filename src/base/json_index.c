/* SPDX-License-Identifier: Apache-2.0 */
/* The index over a text: a node for each value, made without recursion. */
#include "base/json_priv.h"

struct builder {
	struct json_in	 in;
	struct arena	*arena;
	struct json	*open[JSON_DEPTH];	/* containers around the place we are at */
	unsigned	 depth;
	struct json    **link;			/* where the next node is hung */
};

static struct json *
hang_node(struct builder *b, const char *p)
{
	struct json *node = arena_new_of(b->arena, struct json);

	node->type = json_type_at(p);
	node->raw.at = p;
	*b->link = node;
	b->link = &node->next;
	if (b->depth > 0)
		b->open[b->depth - 1]->count++;
	return (node);
}

static const char *
begin_container(struct builder *b, struct json *node, const char *p)
{
	if (b->depth == JSON_DEPTH)
		return (json_too_deep(&b->in, p));
	b->open[b->depth++] = node;
	b->link = &node->first;
	p = json_blank(p + 1, b->in.end);
	return (p < b->in.end ? p : json_wrong_here(&b->in, p));
}

/* What ends the innermost container. */
static char
closing(const struct builder *b)
{
	return (b->open[b->depth - 1]->type == JSON_OBJECT ? '}' : ']');
}

/* p is at the closing bracket of the innermost container. */
static const char *
end_container(struct builder *b, const char *p)
{
	struct json *node = b->open[--b->depth];

	node->raw.len = (size_t)(p + 1 - node->raw.at);
	b->link = &node->next;
	return (p + 1);
}

/* Behind a value: ends the containers that end there, takes the comma; at the next element, or behind the outermost value. */
static const char *
to_next(struct builder *b, const char *p)
{
	while (b->depth > 0) {
		p = json_blank(p, b->in.end);
		if (p < b->in.end && *p == ',')
			return (json_past_comma(&b->in, p, closing(b)));
		if (p >= b->in.end || *p != closing(b))
			return (json_wrong_here(&b->in, p));
		p = end_container(b, p);
	}
	return (p);
}

/* A value at p, of which a container is only begun; the name before it too. */
static const char *
take_value(struct builder *b, const char *p)
{
	struct quoted name = { "", 0 };
	const char *from = p, *name_end;
	struct json *node;

	if (b->depth > 0 && b->open[b->depth - 1]->type == JSON_OBJECT) {
		if ((p = json_member(&b->in, p, &name_end)) == NULL)
			return (NULL);
		name = (struct quoted){ from + 1, (size_t)(name_end - from - 2) };
	}
	node = hang_node(b, p);
	node->name = name;
	if (node->type >= JSON_ARRAY) {
		if ((p = begin_container(b, node, p)) == NULL || *p != closing(b))
			return (p);
		p = end_container(b, p);
	} else {
		if ((p = json_scalar(&b->in, p, node->type)) == NULL)
			return (NULL);
		node->raw.len = (size_t)(p - node->raw.at);
	}
	return (to_next(b, p));
}

struct json *
json_parse(struct arena *arena, struct text t, struct json_fault *fault)
{
	struct builder b;
	struct json *root = NULL;
	const char *p;

	b.arena = arena;
	b.depth = 0;
	b.link = &root;
	if ((p = json_begin(&b.in, t, fault)) == NULL)
		return (NULL);
	if (p >= b.in.end) {
		json_wrong_here(&b.in, p);
		return (NULL);
	}
	do {
		if ((p = take_value(&b, p)) == NULL)
			return (NULL);
	} while (b.depth > 0);
	return (json_finish(&b.in, p) != NULL ? root : NULL);
}

const struct json *
json_get(const struct json *object, const char *name)
{
	const struct json *found = NULL;

	if (!json_is(object, JSON_OBJECT))
		return (NULL);
	for (const struct json *member = object->first; member != NULL; member = member->next)
		if (quoted_is(member->name, name))
			found = member;
	return (found);
}

bool
json_is(const struct json *value, enum json_type type)
{
	return (value != NULL && value->type == type);
}

struct quoted
json_quoted(const struct json *value)
{
	return (json_is(value, JSON_STRING) ? json_inside(value->raw) : QUOTED(""));
}

bool
json_true(const struct json *value)
{
	return (json_is(value, JSON_BOOL) && value->raw.at[0] == 't');
}

static bool
same_scalar(const struct json *a, const struct json *b)
{
	double one, other;

	if (a->type == JSON_NUMBER && json_to_double(a->raw, &one) && json_to_double(b->raw, &other))
		return (one == other);
	return (text_eq(a->raw, b->raw));
}

static bool
same_string(struct quoted a, struct quoted b)
{
	struct buf one = { 0 }, other = { 0 };
	bool same;

	buf_unescape(&one, a);
	buf_unescape(&other, b);
	same = text_eq(buf_as_text(&one), buf_as_text(&other));
	buf_free(&one);
	buf_free(&other);
	return (same);
}

/* Each member of the one is in the other. */
static bool
same_members(const struct json *a, const struct json *b)
{
	const struct json *twin;

	for (const struct json *m = a->first; m != NULL; m = m->next) {
		for (twin = b->first; twin != NULL && !same_string(twin->name, m->name); twin = twin->next)
			continue;
		if (twin == NULL || !json_same(m, twin))
			return (false);
	}
	return (true);
}

bool
json_same(const struct json *a, const struct json *b)
{
	if (a == NULL || b == NULL || a->type != b->type)
		return (a == b);
	if (a->type == JSON_STRING)
		return (same_string(json_quoted(a), json_quoted(b)));
	if (a->type != JSON_ARRAY && a->type != JSON_OBJECT)
		return (same_scalar(a, b));
	if (a->count != b->count)
		return (false);
	if (a->type == JSON_OBJECT)
		return (same_members(a, b));
	b = b->first;
	for (a = a->first; a != NULL && json_same(a, b); a = a->next)
		b = b->next;
	return (a == NULL);
}
