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
