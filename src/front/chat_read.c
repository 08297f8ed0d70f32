/* SPDX-License-Identifier: Apache-2.0 */
/* A chat request as an ask: every role, every kind of content, tools old and new; what is of a wrong type is refused by its path. */
#include "front/chat_read_priv.h"

#include <assert.h>

/* Errors. */

struct error *
chat_wrong(struct reading *r, struct text path, const char *should)
{
	return (error_param(error_new(r->arena, E_BAD_REQUEST, "%s%s" TEXT_FMT ": should be %s", r->path, r->path[0] != '\0' ? ": " : "",
	    TEXT_ARG(path), should), path.at));
}

/* Paths are made for each item and hardly ever told, so printf() would be what reading a request takes most of its time for. */
static struct text
longer_path(struct reading *r, struct text path, const char *more, size_t n)
{
	char *longer = arena_bytes(r->arena, path.len + n + 1);

	memcpy(longer, path.at, path.len);
	memcpy(longer + path.len, more, n);
	longer[path.len + n] = '\0';
	return ((struct text){ longer, path.len + n });
}

struct text
chat_item_path(struct reading *r, struct text list, unsigned i)
{
	char index[12];
	size_t at = sizeof(index);

	index[--at] = ']';
	do
		index[--at] = (char)('0' + i % 10);
	while ((i /= 10) > 0);
	index[--at] = '[';
	return (longer_path(r, list, index + at, sizeof(index) - at));
}

struct text
chat_member_path(struct reading *r, struct text object, const char *name)
{
	char member[64] = ".";
	size_t n = strlen(name);

	assert(n < sizeof(member));
	memcpy(member + 1, name, n);
	return (longer_path(r, object, member, n + 1));
}

const struct json *
chat_said(const struct json *object, const char *name)
{
	const struct json *v = json_get(object, name);

	return (json_is(v, JSON_NULL) ? NULL : v);
}

struct error *
chat_take_string(struct quoted *out, struct reading *r, const struct json *object, const char *name, struct text path)
{
	const struct json *v = chat_said(object, name);

	if (v != NULL && v->type != JSON_STRING)
		return (chat_wrong(r, chat_member_path(r, path, name), "a string"));
	*out = json_quoted(v);
	return (NULL);
}

struct error *
chat_need_string(struct quoted *out, struct reading *r, const struct json *object, const char *name, struct text path)
{
	if (chat_said(object, name) == NULL)
		return (chat_wrong(r, chat_member_path(r, path, name), "a string"));
	return (chat_take_string(out, r, object, name, path));
}

/* Parameters. */

static struct error *
read_stop(struct reading *r, const struct json *v, const char *name)
{
	struct words **last = &r->ask->stop;
	const struct json *first = v->type == JSON_ARRAY ? v->first : v;

	if (v->type != JSON_STRING && v->type != JSON_ARRAY)
		return (chat_wrong(r, text_of(name), "a string or a list of strings"));
	for (const struct json *s = first; s != NULL; s = v->type == JSON_ARRAY ? s->next : NULL) {
		if (s->type != JSON_STRING)
			return (chat_wrong(r, text_of(name), "a string or a list of strings"));
		*last = arena_new_of(r->arena, struct words);
		(*last)->word = json_quoted(s);
		last = &(*last)->next;
	}
	return (NULL);
}

struct error *
chat_read_schema(struct reading *r, const struct json *v, struct text path)
{
	const struct json *schema = chat_said(v, "schema"), *strict = chat_said(v, "strict");

	if (!json_is(schema, JSON_OBJECT))
		return (chat_wrong(r, chat_member_path(r, path, "schema"), "an object"));
	TRY(chat_take_string(&r->ask->schema_name, r, v, "name", path));
	r->ask->format = FORMAT_SCHEMA;
	r->ask->schema = schema->raw;
	r->ask->schema_strict = strict == NULL ? -1 : json_true(strict);
	return (NULL);
}

static struct error *
read_format(struct reading *r, const struct json *v, const char *name)
{
	struct text path = text_of(name);
	struct quoted type;

	if (v->type != JSON_OBJECT)
		return (chat_wrong(r, path, "an object"));
	TRY(chat_need_string(&type, r, v, "type", path));
	if (quoted_is(type, "text"))
		return (NULL);
	r->ask->format = FORMAT_JSON;
	if (quoted_is(type, "json_object"))
		return (NULL);
	if (!quoted_is(type, "json_schema"))
		return (chat_wrong(r, chat_member_path(r, path, "type"), "text, json_object or json_schema"));
	return (chat_read_schema(r, chat_said(v, "json_schema"), chat_member_path(r, path, "json_schema")));
}

struct error *
chat_read_effort(struct reading *r, const struct json *v, const char *name)
{
	r->ask->effort = effort_named(json_quoted(v));
	if (r->ask->effort == EFFORT_UNSAID)
		return (chat_wrong(r, text_of(name), "none, minimal, low, medium, high, xhigh or max"));
	return (NULL);
}

/* Anthropic's parameter, which LiteLLM's clients send to any model: {"type":"enabled","budget_tokens":1024} */
static struct error *
read_thinking_wish(struct reading *r, const struct json *v, const char *name)
{
	struct quoted type = json_quoted(chat_said(v, "type"));
	const struct json *budget = chat_said(v, "budget_tokens");

	if (v->type != JSON_OBJECT)
		return (chat_wrong(r, text_of(name), "an object"));
	if (quoted_is(type, "disabled"))
		r->ask->effort = r->ask->effort == EFFORT_UNSAID ? EFFORT_NONE : r->ask->effort;
	else if (quoted_is(type, "adaptive"))
		r->ask->thinking_adaptive = true;
	else if (budget == NULL || !json_to_i64(budget->raw, &r->ask->thinking_budget) || r->ask->thinking_budget < 0)
		return (chat_wrong(r, chat_member_path(r, text_of(name), "budget_tokens"), "an integer"));
	return (NULL);
}

/* OpenRouter's: {"effort":"high"} or {"max_tokens":2000} */
static struct error *
read_reasoning_wish(struct reading *r, const struct json *v, const char *name)
{
	const struct json *effort = chat_said(v, "effort"), *budget = chat_said(v, "max_tokens");

	if (v->type != JSON_OBJECT)
		return (chat_wrong(r, text_of(name), "an object"));
	if (effort != NULL)
		return (chat_read_effort(r, effort, "reasoning.effort"));
	if (budget != NULL && (!json_to_i64(budget->raw, &r->ask->thinking_budget) || r->ask->thinking_budget < 0))
		return (chat_wrong(r, chat_member_path(r, text_of(name), "max_tokens"), "an integer"));
	return (NULL);
}

struct error *
chat_read_parallel(struct reading *r, const struct json *v, const char *name)
{
	if (v->type != JSON_BOOL)
		return (chat_wrong(r, text_of(name), "true or false"));
	r->ask->parallel = json_true(v);
	return (NULL);
}

static struct error *
read_n(struct reading *r, const struct json *v, const char *name)
{
	(void)name;
	(void)json_to_i64(v->raw, &r->ask->n);		/* the first look has checked it */
	return (NULL);
}

static struct error *
read_nothing(struct reading *r, const struct json *v, const char *name)
{
	(void)r;
	(void)v;
	(void)name;				/* the first look has taken it */
	return (NULL);
}

struct error *
chat_read_user(struct reading *r, const struct json *v, const char *name)
{
	if (v->type != JSON_STRING)
		return (chat_wrong(r, text_of(name), "a string"));
	if (r->ask->user.len == 0 || strcmp(name, "user") == 0)
		r->ask->user = json_quoted(v);
	return (NULL);
}

struct error *
chat_read_tier(struct reading *r, const struct json *v, const char *name)
{
	(void)name;
	r->ask->service_tier = json_quoted(v);
	return (NULL);
}

static const struct member {
	const char	*name;
	member_f	*read;			/* NULL: a number, kept raw at `at` */
	size_t		 at;
} members[] = {
	{ "frequency_penalty", NULL, offsetof(struct ask, frequency_penalty) },
	{ "function_call", chat_read_old_choice, 0 },
	{ "functions", chat_read_functions, 0 },
	{ "max_completion_tokens", read_nothing, 0 },
	{ "max_tokens", read_nothing, 0 },
	{ "messages", chat_read_messages, 0 },
	{ "model", read_nothing, 0 },
	{ "n", read_n, 0 },
	{ "parallel_tool_calls", chat_read_parallel, 0 },
	{ "presence_penalty", NULL, offsetof(struct ask, presence_penalty) },
	{ "reasoning", read_reasoning_wish, 0 },
	{ "reasoning_effort", chat_read_effort, 0 },
	{ "response_format", read_format, 0 },
	{ "safety_identifier", chat_read_user, 0 },
	{ "seed", NULL, offsetof(struct ask, seed) },
	{ "service_tier", chat_read_tier, 0 },
	{ "stop", read_stop, 0 },
	{ "stream", read_nothing, 0 },
	{ "stream_options", read_nothing, 0 },
	{ "temperature", NULL, offsetof(struct ask, temperature) },
	{ "thinking", read_thinking_wish, 0 },
	{ "tool_choice", chat_read_choice, 0 },
	{ "tools", chat_read_tools, 0 },
	{ "top_k", NULL, offsetof(struct ask, top_k) },
	{ "top_p", NULL, offsetof(struct ask, top_p) },
	{ "user", chat_read_user, 0 },
};

static struct error *
read_number(struct reading *r, const struct json *v, const struct member *m)
{
	if (v->type != JSON_NUMBER)
		return (chat_wrong(r, text_of(m->name), "a number"));
	*(struct text *)(void *)((char *)r->ask + m->at) = v->raw;
	return (NULL);
}

struct error *
chat_read_member(struct reading *r, const struct json *v)
{
	struct extra *e;

	for (size_t i = 0; i < nitems(members); i++)
		if (quoted_is(v->name, members[i].name))
			return (members[i].read != NULL ? members[i].read(r, v, members[i].name) : read_number(r, v, &members[i]));
	e = arena_new_of(r->arena, struct extra);
	*e = (struct extra){ .name = v->name, .raw = v->raw };
	*r->last_extra = e;
	r->last_extra = &e->next;
	return (NULL);
}

struct error *
chat_read_body(struct ask *ask, struct arena *arena, const struct glance *g, const char *path,
    struct error *(*member)(struct reading *, const struct json *))
{
	struct reading r = { .arena = arena, .ask = ask, .path = path, .body = g->body, .last = &ask->messages, .last_tool = &ask->tools,
		.last_extra = &ask->extras };
	struct json_fault fault;
	struct json *body;
	size_t i = 0;

	*ask = (struct ask){ .parallel = -1, .max_tokens = g->max_tokens, .n = 1, .schema_strict = -1, .thinking_budget = -1,
		.stream = g->stream, .usage_asked = g->usage_asked };
	body = json_parse(arena, g->body, &fault);
	for (const struct json *v = body != NULL ? body->first : NULL; v != NULL; v = v->next, i++)
		if (v->type != JSON_NULL && (g->ours == NULL || !g->ours[i]))
			TRY(member(&r, v));
	return (NULL);
}

struct error *
chat_read_ask(struct ask *ask, struct arena *arena, const struct glance *g)
{
	return (chat_read_body(ask, arena, g, "/chat/completions", chat_read_member));
}
