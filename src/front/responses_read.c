/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Responses request as an ask.  It is read only for upstreams of another dialect, which keep nothing: what leans on stored responses is refused,
 * what only OpenAI's own surface could do (truncation, max_tool_calls, log probabilities) and what is unknown is left out.
 */
#include "front/responses_read_priv.h"

static struct error *
unsupported(struct reading *r, const char *name, const char *why)
{
	struct error *e = error_new(r->arena, E_BAD_REQUEST, "%s: this model's upstream %s", name, why);

	e->code = TEXT("unsupported_parameter");
	return (error_param(e, name));
}

static struct error *
refuse_stored(struct reading *r, const struct json *v, const char *name)
{
	(void)v;
	return (unsupported(r, name, "stores no responses: send the whole conversation as input"));
}

static struct error *
refuse_background(struct reading *r, const struct json *v, const char *name)
{
	return (json_true(v) ? unsupported(r, name, "can not answer in the background") : NULL);
}

static struct error *
refuse_prompt(struct reading *r, const struct json *v, const char *name)
{
	(void)v;
	return (unsupported(r, name, "stores no prompts: send instructions and input"));
}

static struct error *
read_include(struct reading *r, const struct json *v, const char *name)
{
	if (v->type != JSON_ARRAY)
		return (chat_wrong(r, text_of(name), "a list of strings"));
	for (const struct json *w = v->first; w != NULL; w = w->next)
		r->ask->thoughts_wanted |= quoted_is(json_quoted(w), "reasoning.encrypted_content");
	return (NULL);
}

static struct error *
read_reasoning(struct reading *r, const struct json *v, const char *name)
{
	const struct json *effort = chat_said(v, "effort");

	if (v->type != JSON_OBJECT)
		return (chat_wrong(r, text_of(name), "an object"));
	return (effort != NULL ? chat_read_effort(r, effort, "reasoning.effort") : NULL);
}

static void
add_extra(struct reading *r, struct quoted name, const struct json *v)
{
	struct extra *e = arena_new_of(r->arena, struct extra);

	*e = (struct extra){ .name = name, .raw = v->raw, .next = r->ask->extras };
	r->ask->extras = e;
}

static struct error *
read_format(struct reading *r, const struct json *v, struct text path)
{
	struct quoted type;

	if (!json_is(v, JSON_OBJECT))
		return (chat_wrong(r, path, "an object"));
	TRY(chat_need_string(&type, r, v, "type", path));
	if (quoted_is(type, "json_schema"))
		return (chat_read_schema(r, v, path));
	if (quoted_is(type, "json_object"))
		r->ask->format = FORMAT_JSON;
	else if (!quoted_is(type, "text"))
		return (chat_wrong(r, chat_member_path(r, path, "type"), "text, json_object or json_schema"));
	return (NULL);
}

static struct error *
read_text(struct reading *r, const struct json *v, const char *name)
{
	const struct json *format = chat_said(v, "format"), *verbosity = chat_said(v, "verbosity");

	if (v->type != JSON_OBJECT)
		return (chat_wrong(r, text_of(name), "an object"));
	if (verbosity != NULL && verbosity->type != JSON_STRING)
		return (chat_wrong(r, TEXT("text.verbosity"), "a string"));
	if (verbosity != NULL)
		add_extra(r, QUOTED("verbosity"), verbosity);
	return (format != NULL ? read_format(r, format, TEXT("text.format")) : NULL);
}

static struct error *
read_extra(struct reading *r, const struct json *v, const char *name)
{
	if (v->type != JSON_STRING)
		return (chat_wrong(r, text_of(name), "a string"));
	add_extra(r, (struct quoted){ name, strlen(name) }, v);
	return (NULL);
}

/* In the order in which they are read: the choice among tools is checked against them. */
static const struct {
	const char	*name;
	member_f	*read;			/* NULL: a number, kept raw at `at` */
	size_t		 at;
} members[] = {
	{ "previous_response_id", refuse_stored, 0 },
	{ "conversation", refuse_stored, 0 },
	{ "prompt", refuse_prompt, 0 },
	{ "background", refuse_background, 0 },
	{ "include", read_include, 0 },
	{ "temperature", NULL, offsetof(struct ask, temperature) },
	{ "top_p", NULL, offsetof(struct ask, top_p) },
	{ "tools", responses_read_tools, 0 },
	{ "parallel_tool_calls", chat_read_parallel, 0 },
	{ "reasoning", read_reasoning, 0 },
	{ "text", read_text, 0 },
	{ "user", chat_read_user, 0 },
	{ "safety_identifier", chat_read_user, 0 },
	{ "service_tier", chat_read_tier, 0 },
	{ "prompt_cache_key", read_extra, 0 },
};

static struct error *
read_members(struct reading *r, const struct json *body)
{
	for (size_t i = 0; i < nitems(members); i++) {
		const struct json *v = chat_said(body, members[i].name);

		if (v == NULL)
			continue;
		if (members[i].read != NULL)
			TRY(members[i].read(r, v, members[i].name));
		else if (v->type != JSON_NUMBER)
			return (chat_wrong(r, text_of(members[i].name), "a number"));
		else
			*(struct text *)(void *)((char *)r->ask + members[i].at) = v->raw;
	}
	return (NULL);
}

struct error *
responses_read_ask(struct ask *ask, struct arena *arena, const struct glance *g)
{
	struct reading r = { .path = "", .arena = arena, .ask = ask, .body = g->body, .last = &ask->messages, .last_tool = &ask->tools };
	const struct json *body, *v;
	struct json_fault fault;

	*ask = (struct ask){ .parallel = -1, .max_tokens = g->max_tokens, .n = 1, .schema_strict = -1, .thinking_budget = -1,
		.stream = g->stream, .usage_asked = g->usage_asked };
	body = json_parse(arena, g->body, &fault);
	TRY(read_members(&r, body));
	if ((v = chat_said(body, "instructions")) != NULL)
		TRY(responses_read_instructions(&r, v, g->model));
	if ((v = chat_said(body, "input")) != NULL)
		TRY(responses_read_input(&r, v, g->model));
	if ((v = chat_said(body, "tool_choice")) != NULL)	/* input may bring tools along */
		TRY(responses_read_choice(&r, v, "tool_choice"));
	return (NULL);
}
