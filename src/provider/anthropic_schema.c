/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas as output_config.format and strict tools take them: some constraints are refused, and every object must be closed. */
#include "provider/anthropic_priv.h"

enum holds { HOLDS_VALUE, HOLDS_SCHEMA, HOLDS_SCHEMAS, HOLDS_NAMED_SCHEMAS, HOLDS_NOTHING };

static const struct {
	const char	*keyword;
	enum holds	 holds;
} keywords[] = {
	{ "$defs", HOLDS_NAMED_SCHEMAS }, { "definitions", HOLDS_NAMED_SCHEMAS }, { "properties", HOLDS_NAMED_SCHEMAS },
	{ "allOf", HOLDS_SCHEMAS }, { "anyOf", HOLDS_SCHEMAS }, { "oneOf", HOLDS_SCHEMAS }, { "prefixItems", HOLDS_SCHEMAS },
	{ "contains", HOLDS_SCHEMA }, { "else", HOLDS_SCHEMA }, { "if", HOLDS_SCHEMA }, { "items", HOLDS_SCHEMA }, { "not", HOLDS_SCHEMA },
	{ "then", HOLDS_SCHEMA },
	{ "additionalProperties", HOLDS_NOTHING }, { "exclusiveMaximum", HOLDS_NOTHING }, { "exclusiveMinimum", HOLDS_NOTHING },
	{ "maximum", HOLDS_NOTHING }, { "maxItems", HOLDS_NOTHING }, { "maxLength", HOLDS_NOTHING }, { "maxProperties", HOLDS_NOTHING },
	{ "minimum", HOLDS_NOTHING }, { "minItems", HOLDS_NOTHING }, { "minLength", HOLDS_NOTHING }, { "minProperties", HOLDS_NOTHING },
	{ "multipleOf", HOLDS_NOTHING }, { "pattern", HOLDS_NOTHING }, { "patternProperties", HOLDS_NOTHING }, { "uniqueItems", HOLDS_NOTHING },
};

static enum holds
keyword_holds(struct quoted name)
{
	for (size_t i = 0; i < nitems(keywords); i++)
		if (quoted_is(name, keywords[i].keyword))
			return (keywords[i].holds);
	return (HOLDS_VALUE);
}

static void schema(struct json_out *, struct text);

/* An object whose values are schemas, or an array of schemas. */
static void
schemas(struct json_out *out, struct text raw)
{
	struct json_walk walk;
	struct json_item item;

	if (raw.at[0] != '{' && raw.at[0] != '[') {
		json_raw(out, raw);
		return;
	}
	walk = json_walk(raw);
	json_open(out, raw.at[0]);
	while (json_next(&walk, &item)) {
		if (walk.object)
			json_name_quoted(out, item.name);
		schema(out, item.raw);
	}
	json_close(out, raw.at[0] == '{' ? '}' : ']');
}

static void
member(struct json_out *out, const struct json_item *item)
{
	enum holds holds = keyword_holds(item->name);

	if (holds == HOLDS_NOTHING)
		return;
	json_name_quoted(out, item->name);
	if (holds == HOLDS_SCHEMA)
		schema(out, item->raw);
	else if (holds == HOLDS_VALUE)
		json_raw(out, item->raw);
	else
		schemas(out, item->raw);
}

static void
schema(struct json_out *out, struct text raw)
{
	struct json_walk walk;
	struct json_item item;
	bool object = false;

	if (raw.at[0] != '{') {			/* true, false, or the old list form of items */
		if (raw.at[0] == '[')
			schemas(out, raw);
		else
			json_raw(out, raw);
		return;
	}
	walk = json_walk(raw);
	json_open(out, '{');
	while (json_next(&walk, &item)) {
		object = object || quoted_is(item.name, "properties") || (quoted_is(item.name, "type") && text_has(item.raw, TEXT("\"object\"")));
		member(out, &item);
	}
	if (object) {
		json_name(out, "additionalProperties");
		json_bool(out, false);
	}
	json_close(out, '}');
}

struct text
strict_schema(struct arena *arena, struct text raw)
{
	struct buf b = { 0 };
	struct json_out out = { .to = &b };
	struct text copy;

	if (raw.len == 0)
		return (TEXT("{}"));
	schema(&out, raw);
	copy = arena_copy(arena, buf_as_text(&b));
	buf_free(&b);
	return (copy);
}
