/* SPDX-License-Identifier: Apache-2.0 */
/* An ask as a request of OpenAI's Responses, for clients of other dialects on models that are to be had there only. */
#include "provider/openai_write_priv.h"
#include "provider/responses_priv.h"

#define LEAST_TOKENS	16		/* OpenAI refuses fewer */

/* Members of chat completions that have the same name and meaning here. */
static const char *const portable[] = {
	"metadata", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "top_logprobs", "truncation",
};

/* Messages. */

static struct quoted
call_id(const struct sheet *s, struct quoted id)
{
	return (id.len > 64 ? short_digest(s->arena, id, 40, false) : id);
}

static void
put_text(struct json_out *o, const char *type, const char *name, struct quoted words)
{
	json_open(o, '{');
	json_name(o, "type");
	json_string(o, text_of(type));
	put_member(o, name, words);
	json_close(o, '}');
}

static void
put_image(struct sheet *s, const struct part *p)
{
	struct json_out *o = &s->out;

	json_open(o, '{');
	put_member(o, "type", QUOTED("input_image"));
	put_member(o, "image_url", openai_data_url(s->arena, p));
	if (p->detail.len > 0)
		put_member(o, "detail", p->detail);
	json_close(o, '}');
}

static void
put_file(struct sheet *s, const struct part *p)
{
	struct json_out *o = &s->out;

	json_open(o, '{');
	put_member(o, "type", QUOTED("input_file"));
	if (p->url.len > 0)
		put_member(o, "file_url", p->url);
	else {
		put_member(o, "filename", p->name.len > 0 ? p->name : QUOTED("file"));
		put_member(o, "file_data", openai_data_url(s->arena, p));
	}
	json_close(o, '}');
}

static bool
is_content(const struct part *p)
{
	return (p->kind == PART_TEXT || p->kind == PART_REFUSAL || p->kind == PART_IMAGE || p->kind == PART_FILE);
}

static void
put_part(struct sheet *s, const struct part *p, bool answer)
{
	if (p->kind == PART_IMAGE)
		put_image(s, p);
	else if (p->kind == PART_FILE && !p->data_is_text)
		put_file(s, p);
	else if (p->kind == PART_REFUSAL)
		put_text(&s->out, "refusal", "refusal", p->text);
	else
		put_text(&s->out, answer ? "output_text" : "input_text", "text", p->kind == PART_FILE ? p->data : p->text);
}

/* A run of parts as a message; the first part that is none of it. */
static const struct part *
put_message(struct sheet *s, const struct message *m, const struct part *p)
{
	static const char *const roles[] = { [ROLE_SYSTEM] = "system", [ROLE_DEVELOPER] = "developer", [ROLE_USER] = "user", [ROLE_ASSISTANT] = "assistant" };
	struct json_out *o = &s->out;

	json_open(o, '{');
	json_name(o, "role");
	json_string(o, text_of(roles[m->role]));
	json_name(o, "content");
	json_open(o, '[');
	for (; p != NULL && is_content(p); p = p->next)
		put_part(s, p, m->role == ROLE_ASSISTANT);
	json_close(o, ']');
	json_close(o, '}');
	return (p);
}

static void
put_call(struct sheet *s, const struct part *p)
{
	struct json_out *o = &s->out;

	json_open(o, '{');
	put_member(o, "type", QUOTED("function_call"));
	put_member(o, "call_id", call_id(s, p->id));
	put_member(o, "name", tool_name_fit(s->arena, p->name));
	put_member(o, "arguments", json_escape_compact(s->arena, p->input));
	json_close(o, '}');
}

static bool
has_picture(const struct part *inner)
{
	for (; inner != NULL; inner = inner->next)
		if (inner->kind == PART_IMAGE || (inner->kind == PART_FILE && !inner->data_is_text))
			return (true);
	return (false);
}

/* Texts as one string, which every server takes; a list where there are pictures. */
static void
put_output(struct sheet *s, const struct part *result)
{
	struct json_out *o = &s->out;
	struct buf all = { 0 };

	if (has_picture(result->inner)) {
		json_open(o, '[');
		for (const struct part *p = result->inner; p != NULL; p = p->next)
			if (is_content(p))
				put_part(s, p, false);
		json_close(o, ']');
		return;
	}
	if (result->failed)
		buf_lit(&all, "Error: ");
	for (const struct part *p = result->inner; p != NULL; p = p->next) {
		struct quoted words = p->kind == PART_FILE ? p->data : p->text;

		if (p != result->inner)
			buf_lit(&all, "\\n");
		buf_add(&all, words.at, words.len);
	}
	json_put_quoted(o, (struct quoted){ all.len > 0 ? all.at : "", all.len });
	buf_free(&all);
}

static void
put_result(struct sheet *s, const struct part *p)
{
	struct json_out *o = &s->out;

	json_open(o, '{');
	put_member(o, "type", QUOTED("function_call_output"));
	put_member(o, "call_id", call_id(s, p->id));
	json_name(o, "output");
	put_output(s, p);
	json_close(o, '}');
}

/* Thoughts of other turns are left out: those of this model were not given to the client in a form that can come back. */
static void
put_input(struct sheet *s)
{
	json_name(&s->out, "input");
	json_open(&s->out, '[');
	for (const struct message *m = s->ask->messages; m != NULL; m = m->next)
		for (const struct part *p = m->parts; p != NULL;) {
			if (is_content(p)) {
				p = put_message(s, m, p);
				continue;
			}
			if (p->kind == PART_CALL)
				put_call(s, p);
			else if (p->kind == PART_RESULT)
				put_result(s, p);
			p = p->next;
		}
	json_close(&s->out, ']');
}

/* Tools. */

static void
put_tool(struct sheet *s, const struct tool *t)
{
	struct json_out *o = &s->out;

	json_open(o, '{');
	put_member(o, "type", QUOTED("function"));
	put_member(o, "name", tool_name_fit(s->arena, t->name));
	if (t->description.len > 0)
		put_member(o, "description", t->description);
	openai_put_schema(s, t);
	json_name(o, "strict");
	json_bool(o, t->strict > 0);		/* unsaid is true here, and false in every other dialect */
	json_close(o, '}');
}

static void
put_choice(struct sheet *s)
{
	static const char *const words[] = { [CHOICE_AUTO] = "auto", [CHOICE_NONE] = "none", [CHOICE_REQUIRED] = "required" };
	struct json_out *o = &s->out;

	if (s->ask->choice == CHOICE_UNSAID)
		return;
	json_name(o, "tool_choice");
	if (s->ask->choice == CHOICE_NAMED)
		put_text(o, "function", "name", tool_name_fit(s->arena, s->ask->choice_name));
	else
		json_string(o, text_of(words[s->ask->choice]));
}

static void
put_tools(struct sheet *s)
{
	struct json_out *o = &s->out;
	bool any = false;

	for (const struct tool *t = s->ask->tools; t != NULL; t = t->next) {
		if (!openai_tool_allowed(s->ask, t))
			continue;
		if (!any) {
			json_name(o, "tools");
			json_open(o, '[');
		}
		any = true;
		put_tool(s, t);
	}
	if (!any)
		return;
	json_close(o, ']');
	put_choice(s);
	if (s->ask->parallel >= 0) {
		json_name(o, "parallel_tool_calls");
		json_bool(o, s->ask->parallel > 0);
	}
}

/* Parameters. */

static void
put_limit(struct sheet *s)
{
	int64_t max = s->ask->max_tokens, most = s->deployment->max_output_tokens;

	if (max < 0)
		return;
	max = most > 0 && max > most ? most : max;
	json_name(&s->out, "max_output_tokens");
	json_int(&s->out, max < LEAST_TOKENS ? LEAST_TOKENS : max);
}

static const struct extra *
extra_of(const struct ask *ask, const char *name)
{
	const struct extra *e = ask->extras;

	while (e != NULL && !quoted_is(e->name, name))
		e = e->next;
	return (e);
}

static void
put_format(struct sheet *s)
{
	const struct extra *verbosity = extra_of(s->ask, "verbosity");
	struct json_out *o = &s->out;

	if (s->ask->format == FORMAT_TEXT && verbosity == NULL)
		return;
	json_name(o, "text");
	json_open(o, '{');
	if (s->ask->format != FORMAT_TEXT) {
		json_name(o, "format");
		json_open(o, '{');
		put_member(o, "type", s->ask->format == FORMAT_JSON ? QUOTED("json_object") : QUOTED("json_schema"));
		if (s->ask->format == FORMAT_SCHEMA) {
			put_member(o, "name", s->ask->schema_name.len > 0 ? s->ask->schema_name : QUOTED("output"));
			json_name(o, "schema");
			json_raw(o, s->ask->schema);
			json_name(o, "strict");
			json_bool(o, s->ask->schema_strict != 0);
		}
		json_close(o, '}');
	}
	if (verbosity != NULL)
		put_number(o, "verbosity", verbosity->raw);
	json_close(o, '}');
}

static void
put_effort(struct sheet *s)
{
	enum effort effort = s->ask->effort;
	struct json_out *o = &s->out;

	if (effort == EFFORT_UNSAID && s->ask->thinking_budget >= 0)
		effort = effort_of_budget(s->ask->thinking_budget);
	if (effort == EFFORT_UNSAID)
		return;
	json_name(o, "reasoning");
	json_open(o, '{');
	json_name(o, "effort");
	json_string(o, text_of(effort_name(effort)));
	json_close(o, '}');
}

static void
put_extras(struct sheet *s)
{
	for (const struct extra *e = s->ask->extras; e != NULL; e = e->next)
		for (size_t i = 0; i < nitems(portable); i++)
			if (quoted_is(e->name, portable[i]))
				put_number(&s->out, portable[i], e->raw);
}

static void
put_parameters(struct sheet *s)
{
	const struct ask *ask = s->ask;
	struct json_out *o = &s->out;

	put_limit(s);
	put_number(o, "temperature", ask->temperature);
	put_number(o, "top_p", ask->top_p);
	put_format(s);
	put_effort(s);
	if (ask->user.len > 0)
		put_member(o, "user", ask->user.len > 64 ? short_digest(s->arena, ask->user, 64, false) : ask->user);
	if (ask->service_tier.len > 0)
		put_member(o, "service_tier", quoted_is(ask->service_tier, "standard_only") ? QUOTED("default") : ask->service_tier);
	put_extras(s);
	json_name(o, "store");
	json_bool(o, false);			/* nobody can ask for it: its id is not told */
	if (ask->stream) {
		json_name(o, "stream");
		json_bool(o, true);
	}
}

/* What can not be said in this dialect. */
static struct error *
check(const struct sheet *s)
{
	const struct {
		const char	*name;
		bool		 said;
	} rows[] = {
		{ "top_k", s->ask->top_k.len > 0 }, { "seed", s->ask->seed.len > 0 }, { "stop", s->ask->stop != NULL }, { "n", s->ask->n > 1 },
		{ "presence_penalty", s->ask->presence_penalty.len > 0 }, { "frequency_penalty", s->ask->frequency_penalty.len > 0 },
		{ "logit_bias", extra_of(s->ask, "logit_bias") != NULL }, { "audio", extra_of(s->ask, "audio") != NULL },
	};

	for (size_t i = 0; i < nitems(rows); i++)
		if (rows[i].said)
			TRY(openai_refuse(s, rows[i].name));
	for (const struct message *m = s->ask->messages; m != NULL; m = m->next)
		for (const struct part *p = m->parts; p != NULL; p = p->next)
			if (p->kind == PART_AUDIO)
				return (error_param(error_new(s->arena, E_BAD_REQUEST, "this model takes no audio"), "messages"));
	return (openai_check_files(s));
}

struct error *
responses_write_request(struct buf *body, struct arena *arena, const struct ask *client, const struct deployment *d, struct text model,
    bool drop_params)
{
	struct ask ask = ask_for_deployment(arena, client, d);
	struct sheet s = { .out = { .to = body }, .arena = arena, .ask = &ask, .deployment = d, .model = model, .drop_params = drop_params };

	TRY(check(&s));
	json_open(&s.out, '{');
	json_name(&s.out, "model");
	json_string(&s.out, model);
	put_input(&s);
	put_tools(&s);
	put_parameters(&s);
	json_close(&s.out, '}');
	return (NULL);
}
