/* SPDX-License-Identifier: Apache-2.0 */
/* Scanning a whole text and finding its top-level members; walking checked texts; cutting members out. */
#include "base/json_priv.h"

#include <assert.h>

/* Behind a member of the top-level object: at the next name, or NULL at the end (*closed is then behind the bracket) or at a fault. */
static const char *
next_member(const struct json_in *in, const char *p, const char **closed)
{
	*closed = NULL;
	p = json_blank(p, in->end);
	if (p < in->end && *p == ',')
		return (json_past_comma(in, p, '}'));
	if (p >= in->end || *p != '}')
		return (json_wrong_here(in, p));
	*closed = p + 1;
	return (NULL);
}

/* p is behind the brace. */
static const char *
scan_members(const struct json_in *in, const char *p, struct json_spot *top, size_t room, size_t *count)
{
	const char *closed = NULL, *name_end, *value;
	enum json_type type;

	p = json_blank(p, in->end);
	if (p < in->end && *p == '}')
		return (p + 1);
	while (p != NULL) {
		const char *from = p;

		if ((value = json_member(in, p, &name_end)) == NULL || (p = json_value(in, value, 1, &type)) == NULL)
			return (NULL);
		if (*count < room)
			top[*count] = (struct json_spot){
				.from = (uint32_t)(from - in->start), .name_len = (uint32_t)(name_end - from - 2),
				.value = (uint32_t)(value - in->start), .value_len = (uint32_t)(p - value), .type = type,
			};
		++*count;
		p = next_member(in, p, &closed);
	}
	return (closed);
}

const char *
json_begin(struct json_in *in, struct text t, struct json_fault *fault)
{
	if (t.at == NULL)
		t = TEXT("");
	*in = (struct json_in){ .start = t.at, .end = t.at + t.len, .fault = fault };
	if (t.len > UINT32_MAX)
		return (json_wrong(in, in->start, "the text is too long"));
	if (t.len >= 3 && memcmp(t.at, "\xef\xbb\xbf", 3) == 0)
		return (json_wrong(in, in->start, "byte order mark is not allowed"));
	return (json_blank(in->start, in->end));
}

const char *
json_finish(const struct json_in *in, const char *p)
{
	p = json_blank(p, in->end);
	return (p == in->end ? p : json_wrong(in, p, "unexpected content after document"));
}

bool
json_scan(struct text t, enum json_type *type, struct json_spot *top, size_t room, size_t *count, struct json_fault *fault)
{
	struct json_in in;
	const char *p = json_begin(&in, t, fault);

	*count = 0;
	*type = JSON_NONE;
	if (p == NULL)
		return (false);
	if (p < in.end && *p == '{') {
		*type = JSON_OBJECT;
		p = scan_members(&in, p + 1, top, room, count);
	} else
		p = json_value(&in, p, 0, type);
	return (p != NULL && json_finish(&in, p) != NULL);
}

struct text
json_spot_value(struct text t, const struct json_spot *s)
{
	return ((struct text){ t.at + s->value, s->value_len });
}

struct quoted
json_spot_name(struct text t, const struct json_spot *s)
{
	return ((struct quoted){ t.at + s->from + 1, s->name_len });
}

/* Characters before a fault are well-formed, so counting bytes that begin one counts them. */
void
json_fault_print(struct buf *out, struct text t, const struct json_fault *fault)
{
	size_t line = 1, column = 1, character = 0;

	for (size_t i = 0; i < fault->at && i < t.len; i++) {
		if (((unsigned char)t.at[i] & 0xc0) == 0x80)
			continue;
		character++;
		column++;
		if (t.at[i] == '\n') {
			line++;
			column = 1;
		}
	}
	buf_print(out, "%s: line %zu column %zu (char %zu)", fault->what, line, column, character);
}

/* walking */

struct json_walk
json_walk(struct text container)
{
	const char *end = container.at + container.len, *p = json_blank(container.at, end);
	bool open = p < end && (*p == '{' || *p == '[');

	return ((struct json_walk){ .at = open ? p + 1 : end, .end = end, .object = open && *p == '{' });
}

bool
json_next(struct json_walk *walk, struct json_item *item)
{
	struct json_fault fault;
	struct json_in in = { .start = walk->at, .end = walk->end, .fault = &fault };
	const char *p = json_blank(walk->at, walk->end), *name_end, *value;

	if (p < walk->end && *p == ',')
		p = json_blank(p + 1, walk->end);
	if (p >= walk->end || *p == '}' || *p == ']') {
		walk->at = walk->end;
		return (false);
	}
	value = p;
	item->from = p;
	item->name = (struct quoted){ "", 0 };
	if (walk->object) {
		if ((value = json_member(&in, p, &name_end)) == NULL)
			return (false);
		item->name = (struct quoted){ p + 1, (size_t)(name_end - p - 2) };
	}
	if ((p = json_value(&in, value, 0, &item->type)) == NULL)
		return (false);
	item->raw = (struct text){ value, (size_t)(p - value) };
	walk->at = p;
	return (true);
}

bool
json_find(struct text object, const char *name, struct json_item *found)
{
	struct json_walk walk = json_walk(object);
	struct json_item item;
	bool any = false;

	if (!walk.object)
		return (false);
	while (json_next(&walk, &item))
		if (quoted_is(item.name, name)) {
			*found = item;
			any = true;
		}
	return (any);
}

/* edits */

void
json_apply(struct buf *out, struct text t, const struct json_edit *edits, size_t n)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		assert(edits[i].from >= at && edits[i].from <= edits[i].to && edits[i].to <= t.len);
		buf_add(out, t.at + at, edits[i].from - at);
		buf_text(out, edits[i].with);
		at = edits[i].to;
	}
	buf_add(out, t.at + at, t.len - at);
}

static uint32_t
value_end(const struct json_spot *s)
{
	return (s->value + s->value_len);
}

/* Where the next member begins; 0: this is the last of the object. */
static uint32_t
next_begins(struct text t, const struct json_spot *s)
{
	const char *end = t.at + t.len, *p = json_blank(t.at + value_end(s), end);

	return (p < end && *p == ',' ? (uint32_t)(json_blank(p + 1, end) - t.at) : 0);
}

/* The edit that removes the members from `first` to `last` and one comma: the one behind them, or, at the object's end, the one before. */
static struct json_edit
cut_run(struct text t, const struct json_spot *top, size_t first, size_t last)
{
	uint32_t next = next_begins(t, &top[last]);

	return ((struct json_edit){
		.from = next != 0 || first == 0 ? top[first].from : value_end(&top[first - 1]),
		.to = next != 0 ? next : value_end(&top[last]), .with = TEXT(""),
	});
}

struct json_edit
json_cut(struct text t, const struct json_spot *top, size_t count, size_t i)
{
	assert(i < count);
	return (cut_run(t, top, i, i));
}

size_t
json_cut_many(struct json_edit *edits, struct text t, const struct json_spot *top, size_t count, const bool *cut)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		size_t first = i;

		if (!cut[i])
			continue;
		while (i + 1 < count && cut[i + 1])
			i++;
		edits[n++] = cut_run(t, top, first, i);
	}
	return (n);
}
