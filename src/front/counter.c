/* SPDX-License-Identifier: Apache-2.0 */
/* LiteLLM's /utils/token_counter: a prompt, messages of any dialect or Gemini's contents, and how many tokens they are. */
#include "front/front.h"
#include "front/guard.h"

enum { AT_MODEL, AT_PROMPT, AT_MESSAGES, AT_CONTENTS, AT_TOOLS, AT_SYSTEM, AT_COUNT };

static const struct guard rows[AT_COUNT] = {
	[AT_MODEL]	= { "model", AS(JSON_STRING), "a string" },
	[AT_PROMPT]	= { "prompt", AS(JSON_STRING), "a string" },
	[AT_MESSAGES]	= { "messages", AS(JSON_ARRAY), "a list" },
	[AT_CONTENTS]	= { "contents", AS(JSON_ARRAY), "a list" },
	[AT_TOOLS]	= { "tools", AS(JSON_ARRAY), "a list" },
	[AT_SYSTEM]	= { "system", AS(JSON_STRING) | AS(JSON_ARRAY), "a string or a list" },
};

static struct error *
check_items(struct arena *arena, struct text list, const char *name)
{
	struct json_walk walk = json_walk(list);
	struct json_item item;

	for (unsigned i = 0; list.len > 0 && json_next(&walk, &item); i++)
		if (item.type != JSON_OBJECT)
			return (error_param(error_new(arena, E_BAD_REQUEST, "%s[%u]: should be an object", name, i), name));
	return (NULL);
}

struct error *
counter_read(struct counting *c, struct arena *arena, struct text body)
{
	const struct json_spot *at[AT_COUNT];
	struct glance g = { .counting = true };
	struct text *raw[AT_COUNT] = { NULL, &c->prompt, &c->messages, &c->contents, &c->tools, &c->system };

	TRY(guard_scan(&g, at, arena, body, rows, AT_COUNT));
	if (at[AT_MODEL] == NULL)
		return (error_param(error_new(arena, E_BAD_REQUEST, "model: Field required"), "model"));
	*c = (struct counting){ .model = json_unescape(arena, json_inside(json_spot_value(body, at[AT_MODEL]))) };
	for (size_t i = AT_PROMPT; i < AT_COUNT; i++)
		if (at[i] != NULL)
			*raw[i] = json_spot_value(body, at[i]);
	if (c->prompt.len == 0 && c->messages.len == 0 && c->contents.len == 0)
		return (error_new(arena, E_BAD_REQUEST, "prompt or messages or contents must be provided"));
	TRY(check_items(arena, c->messages, "messages"));
	TRY(check_items(arena, c->contents, "contents"));
	return (check_items(arena, c->tools, "tools"));
}

/* As LiteLLM: a prompt counts where there are no messages. */
int64_t
counter_estimate(const struct counting *c)
{
	struct text said[] = { c->messages, c->contents, c->tools, c->system, TEXT("") };

	if (c->messages.len == 0 && c->contents.len == 0)
		said[nitems(said) - 1] = c->prompt;
	return (count_raw(said, nitems(said)));
}

struct text
counter_as_chat(struct arena *arena, const struct counting *c)
{
	struct text inside = c->messages.len > 2 ? text_trim(text_sub(c->messages, 1, c->messages.len - 1)) : TEXT(""), body;
	struct buf b = { 0 };

	if (inside.len == 0 && c->prompt.len == 0)
		return (TEXT(""));
	buf_lit(&b, "{\"model\":\"\",\"messages\":[");
	if (c->system.len > 0)
		buf_print(&b, "{\"role\":\"system\",\"content\":" TEXT_FMT "},", TEXT_ARG(c->system));
	if (inside.len > 0)
		buf_text(&b, inside);
	else
		buf_print(&b, "{\"role\":\"user\",\"content\":" TEXT_FMT "}", TEXT_ARG(c->prompt));
	buf_byte(&b, ']');
	if (c->tools.len > 2)
		buf_print(&b, ",\"tools\":" TEXT_FMT, TEXT_ARG(c->tools));
	buf_byte(&b, '}');
	body = arena_copy(arena, buf_as_text(&b));
	buf_free(&b);
	return (body);
}

void
counter_write(struct buf *out, const struct counting *c, struct text model_used, struct text upstream)
{
	struct json_out o = { .to = out };
	struct json_item said;
	int64_t n;
	bool told = upstream.len > 0 && json_find(upstream, "input_tokens", &said) && json_to_i64(said.raw, &n) && n >= 0;

	json_open(&o, '{');
	json_name(&o, "total_tokens");
	json_int(&o, told ? n : counter_estimate(c));
	json_name(&o, "request_model");
	json_string(&o, c->model);
	json_name(&o, "model_used");
	json_string(&o, model_used);
	json_name(&o, "tokenizer_type");
	json_string(&o, told ? TEXT("anthropic_api") : TEXT("sluice_estimate"));
	json_name(&o, "count_source");
	json_string(&o, told ? TEXT("provider") : TEXT("local_estimate"));
	json_name(&o, "original_response");
	if (told)
		json_raw(&o, upstream);
	else
		json_null(&o);
	json_name(&o, "error");
	json_bool(&o, false);
	json_name(&o, "error_message");
	json_null(&o);
	json_name(&o, "status_code");
	json_null(&o);
	json_close(&o, '}');
}
