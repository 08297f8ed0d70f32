/* SPDX-License-Identifier: Apache-2.0 */
/* Custom tools as functions of one field, there and back. */
#include "front/freeform.h"

void
freeform_describe(struct arena *arena, struct tool *t, const struct json *grammar)
{
	struct quoted syntax = json_quoted(json_get(grammar, "syntax")), definition = json_quoted(json_get(grammar, "definition"));
	struct buf b = { 0 };
	struct text words;

	buf_add(&b, t->description.at, t->description.len);
	if (b.len > 0)
		buf_lit(&b, "\\n\\n");
	buf_lit(&b, "Put the raw text in the field input.");
	if (definition.len > 0) {
		buf_print(&b, " It must match this %.*s grammar:\\n", (int)syntax.len, syntax.at);
		buf_add(&b, definition.at, definition.len);
	}
	words = arena_copy(arena, buf_as_text(&b));
	buf_free(&b);
	t->description = (struct quoted){ words.at, words.len };
	t->freeform = true;
}

struct quoted
freeform_text(struct arena *arena, struct quoted arguments)
{
	struct text object = json_unescape(arena, arguments);
	struct json_fault fault;
	struct json_item item;
	enum json_type type;
	size_t n;

	if (json_scan(object, &type, NULL, 0, &n, &fault) && type == JSON_OBJECT && json_find(object, "input", &item) && item.type == JSON_STRING)
		return (json_inside(item.raw));
	return (arguments);
}

struct text
freeform_arguments(struct arena *arena, struct quoted words)
{
	return (arena_print(arena, "{\"input\":\"" TEXT_FMT "\"}", TEXT_ARG(words)));
}
