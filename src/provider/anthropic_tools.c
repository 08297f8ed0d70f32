/* SPDX-License-Identifier: Apache-2.0 */
/* Tools of a request: definitions, the choice among them, and names in the vendor's alphabet. */
#include "provider/anthropic_priv.h"

#define MOST_NAME	128
#define NO_INPUT	TEXT("{\"type\":\"object\",\"properties\":{}}")
#define FREE_INPUT	TEXT("{\"type\":\"object\",\"properties\":{\"input\":{\"type\":\"string\"}},\"required\":[\"input\"],\"additionalProperties\":false}")
#define WEB_SEARCH	"web_search_20250305"

static bool
is_name_byte(char c)
{
	return ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '-');
}

static bool
is_name(struct quoted q)
{
	for (size_t i = 0; i < q.len; i++)
		if (!is_name_byte(q.at[i]))
			return (false);
	return (q.len > 0 && q.len <= MOST_NAME);
}

/* Foreign bytes become '_'; a name too long keeps its head and ends in a hash, so that two of them stay two. */
struct quoted
tool_name_out(struct arena *arena, struct quoted name)
{
	struct text t, copy;
	char *p;

	if (is_name(name))
		return (name);
	t = json_unescape(arena, name);
	copy = t.len <= MOST_NAME ? arena_copy(arena, t) :
	    arena_print(arena, TEXT_FMT "_%08x", TEXT_ARG(text_sub(t, 0, MOST_NAME - 9)), (unsigned)text_hash(t));
	p = (char *)(uintptr_t)copy.at;
	for (size_t i = 0; i < copy.len; i++)
		if (!is_name_byte(p[i]))
			p[i] = '_';
	return (copy.len > 0 ? (struct quoted){ copy.at, copy.len } : QUOTED("_"));
}

static bool
same(struct quoted a, struct quoted b)
{
	return (a.len == b.len && memcmp(a.at, b.at, a.len) == 0);
}

static bool
allowed(const struct ask *ask, const struct tool *t)
{
	if (ask->allowed_tools == NULL)
		return (true);
	for (const struct words *w = ask->allowed_tools; w != NULL; w = w->next)
		if (same(w->word, t->name))
			return (true);
	return (false);
}

unsigned
tools_marks(const struct ask *ask)
{
	unsigned n = 0;

	for (const struct tool *t = ask->tools; t != NULL; t = t->next)
		n += t->cache_control.len > 0 && allowed(ask, t);
	return (n);
}

/* The vendor wants `type: object` said. */
static struct text
input_schema(struct arena *arena, const struct tool *t, bool strict)
{
	struct json_walk walk;
	struct json_item first;

	if (t->freeform)
		return (FREE_INPUT);
	if (t->schema.len == 0 || t->schema.at[0] != '{')
		return (NO_INPUT);
	if (strict)
		return (strict_schema(arena, t->schema));
	if (raw_member(t->schema, "type").len > 0)
		return (t->schema);
	walk = json_walk(t->schema);
	if (!json_next(&walk, &first))
		return (NO_INPUT);
	return (arena_print(arena, "{\"type\":\"object\"," TEXT_FMT, TEXT_ARG(text_sub(t->schema, 1, t->schema.len))));
}

static void
definition(struct write *w, const struct tool *t)
{
	bool strict = t->strict == 1 && (w->traits & TRAIT_SCHEMA) != 0 && !t->freeform;

	json_open(&w->out, '{');
	json_name(&w->out, "name");
	json_put_quoted(&w->out, tool_name_out(w->arena, t->name));
	if (t->description.len > 0) {
		json_name(&w->out, "description");
		json_put_quoted(&w->out, t->description);
	}
	json_name(&w->out, "input_schema");
	json_raw(&w->out, input_schema(w->arena, t, strict));
	if (strict) {
		json_name(&w->out, "strict");
		json_bool(&w->out, true);
	}
	write_cache_control(w, t->cache_control);
	json_close(&w->out, '}');
}

static void
plain_definition(struct write *w, struct quoted name, struct text schema)
{
	json_open(&w->out, '{');
	json_name(&w->out, "name");
	json_put_quoted(&w->out, name);
	json_name(&w->out, "input_schema");
	json_raw(&w->out, schema);
	json_close(&w->out, '}');
}

/* Does an earlier call of the history have the same name? */
static bool
called_before(const struct ask *ask, const struct part *call)
{
	for (const struct message *m = ask->messages; m != NULL; m = m->next)
		for (const struct part *p = m->parts; p != NULL; p = p->next) {
			if (p == call)
				return (false);
			if (p->kind == PART_CALL && same(p->name, call->name))
				return (true);
		}
	return (false);
}

static bool
has_calls(const struct ask *ask)
{
	for (const struct message *m = ask->messages; m != NULL; m = m->next)
		for (const struct part *p = m->parts; p != NULL; p = p->next)
			if (p->kind == PART_CALL)
				return (true);
	return (false);
}

/* A history with calls needs definitions, also when this request offers no tools. */
static void
definitions_of_history(struct write *w)
{
	for (const struct message *m = w->ask->messages; m != NULL; m = m->next)
		for (const struct part *p = m->parts; p != NULL; p = p->next)
			if (p->kind == PART_CALL && !called_before(w->ask, p))
				plain_definition(w, tool_name_out(w->arena, p->name), NO_INPUT);
}

/* OpenAI's web_search_options is a tool of the vendor's own here. */
static const struct extra *
web_search(const struct ask *ask)
{
	for (const struct extra *e = ask->extras; e != NULL; e = e->next)
		if (quoted_is(e->name, "web_search_options") && e->raw.len > 0 && e->raw.at[0] == '{')
			return (e);
	return (NULL);
}

static void
write_web_search(struct write *w, const struct extra *e)
{
	static const char *const places[] = { "city", "region", "country", "timezone" };
	struct text where = raw_member(raw_member(e->raw, "user_location"), "approximate");

	json_open(&w->out, '{');
	json_name(&w->out, "type");
	json_string(&w->out, TEXT(WEB_SEARCH));
	json_name(&w->out, "name");
	json_string(&w->out, TEXT("web_search"));
	if (where.len > 0) {
		json_name(&w->out, "user_location");
		json_open(&w->out, '{');
		json_name(&w->out, "type");
		json_string(&w->out, TEXT("approximate"));
		for (size_t i = 0; i < nitems(places); i++) {
			if (string_member(where, places[i]).len == 0)
				continue;
			json_name(&w->out, places[i]);
			json_put_quoted(&w->out, string_member(where, places[i]));
		}
		json_close(&w->out, '}');
	}
	json_close(&w->out, '}');
}

/* What tool_choice says: type, a name or none, and whether calls come one at a time. */
struct choice {
	const char	*type;			/* NULL: the member is left out */
	struct quoted	 name;
	bool		 one_at_a_time;
};

static struct choice
choice_of(struct write *w, bool json_tool)
{
	static const char *const types[] = {
		[CHOICE_AUTO] = "auto", [CHOICE_NONE] = "none", [CHOICE_REQUIRED] = "any", [CHOICE_NAMED] = "tool",
	};
	const struct ask *ask = w->ask;
	struct choice c = { .type = types[ask->choice], .one_at_a_time = ask->parallel == 0 };

	if (ask->choice == CHOICE_NAMED)
		c.name = tool_name_out(w->arena, ask->choice_name);
	if (ask->tools == NULL && !json_tool)
		c = (struct choice){ .type = web_search(ask) != NULL ? NULL : "none" };
	if (json_tool && ask->tools == NULL)
		c = (struct choice){ .type = "tool", .name = QUOTED(JSON_TOOL) };
	else if (json_tool && (ask->choice == CHOICE_UNSAID || ask->choice == CHOICE_AUTO))
		c.type = "any";
	if (w->thinks && (c.name.len > 0 || (c.type != NULL && strcmp(c.type, "any") == 0)))
		c = (struct choice){ .type = "auto", .one_at_a_time = c.one_at_a_time };
	if (c.type == NULL && c.one_at_a_time)
		c.type = "auto";
	if (c.type != NULL && strcmp(c.type, "none") == 0)
		c.one_at_a_time = false;
	return (c);
}

static void
write_choice(struct write *w, bool json_tool)
{
	struct choice c = choice_of(w, json_tool);

	if (c.type == NULL)
		return;
	json_name(&w->out, "tool_choice");
	json_open(&w->out, '{');
	json_name(&w->out, "type");
	json_string(&w->out, text_of(c.type));
	if (c.name.len > 0) {
		json_name(&w->out, "name");
		json_put_quoted(&w->out, c.name);
	}
	if (c.one_at_a_time) {
		json_name(&w->out, "disable_parallel_tool_use");
		json_bool(&w->out, true);
	}
	json_close(&w->out, '}');
}

void
write_tools(struct write *w, bool json_tool)
{
	const struct ask *ask = w->ask;
	const struct extra *search = web_search(ask);

	if (ask->tools == NULL && !json_tool && search == NULL && !has_calls(ask))
		return;
	json_name(&w->out, "tools");
	json_open(&w->out, '[');
	for (const struct tool *t = ask->tools; t != NULL; t = t->next)
		if (allowed(ask, t))
			definition(w, t);
	if (ask->tools == NULL)
		definitions_of_history(w);
	if (json_tool)
		plain_definition(w, QUOTED(JSON_TOOL), ask->schema.len > 0 ? ask->schema : NO_INPUT);
	if (search != NULL)
		write_web_search(w, search);
	json_close(&w->out, ']');
	write_choice(w, json_tool);
}
