/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAI's chat completions as our clients speak it: the first look at a body, frames of a stream, errors. */
#include "front/chat_priv.h"

#include "front/guard.h"

#define MAX_TOKENS	INT64_C(1000000000)

enum member { MODEL, MESSAGES, STREAM, STREAM_OPTIONS, N, MAX_OLD, MAX_NEW, SERVICE_TIER, MEMBERS };

static const struct guard rows[MEMBERS] = {
	[MODEL]		 = { "model", AS(JSON_STRING), "a string" },
	[MESSAGES]	 = { "messages", AS(JSON_ARRAY), "a list" },
	[STREAM]	 = { "stream", AS(JSON_BOOL), "true or false" },
	[STREAM_OPTIONS] = { "stream_options", AS(JSON_OBJECT), "an object" },
	[N]		 = { "n", AS(JSON_NUMBER), "an integer" },
	[MAX_OLD]	 = { "max_tokens", AS(JSON_NUMBER), "an integer" },
	[MAX_NEW]	 = { "max_completion_tokens", AS(JSON_NUMBER), "an integer" },
	[SERVICE_TIER]	 = { "service_tier", AS(JSON_STRING), "a string" },
};

static struct error *
bad(struct arena *arena, const char *param, const char *words)
{
	return (error_param(error_new(arena, E_BAD_REQUEST, "/chat/completions: %s: %s", param, words), param));
}

/* An integer within bounds, or absent. */
static struct error *
count_in(int64_t *value, struct arena *arena, struct text body, const struct json_spot *spot, int64_t least, int64_t most, const char *name)
{
	if (spot == NULL)
		return (NULL);
	if (!json_to_i64(json_spot_value(body, spot), value) || *value < least || *value > most)
		return (error_param(error_new(arena, E_BAD_REQUEST, "/chat/completions: %s: should be an integer from %lld to %lld", name,
		    (long long)least, (long long)most), name));
	return (NULL);
}

static struct error *
stream_options(struct glance *g, struct arena *arena, const struct json_spot *spot)
{
	struct json_item item;

	if (spot == NULL)
		return (NULL);
	if (!g->stream)
		return (error_param(error_new(arena, E_BAD_REQUEST,
		    "The 'stream_options' parameter is only allowed when 'stream' is enabled."), "stream_options"));
	if (!json_find(json_spot_value(g->body, spot), "include_usage", &item) || item.type == JSON_NULL)
		return (NULL);
	if (item.type != JSON_BOOL)
		return (bad(arena, "stream_options.include_usage", "should be true or false"));
	g->usage_asked = item.raw.at[0] == 't';
	return (NULL);
}

static struct error *
glance(struct glance *g, struct arena *arena, struct text body)
{
	const struct json_spot *found[MEMBERS];
	int64_t n = 1, old = -1;
	struct json_walk walk;
	struct json_item item;

	TRY(guard_scan(g, found, arena, body, rows, MEMBERS));
	if (found[MODEL] == NULL && !g->model_named)
		return (error_new(arena, E_NO_SUCH_MODEL, "/chat/completions: Invalid model name passed in model=None. "
		    "Call `/v1/models` to view available models for your key."));
	if (found[MODEL] != NULL)
		g->model = json_unescape(arena, json_inside(json_spot_value(body, found[MODEL])));
	if (found[MESSAGES] == NULL)
		return (error_param(error_new(arena, E_BAD_REQUEST, "/chat/completions: Missing required parameter: 'messages'."), "messages"));
	walk = json_walk(json_spot_value(body, found[MESSAGES]));
	if (!json_next(&walk, &item))
		return (bad(arena, "messages", "should not be empty"));
	g->stream = found[STREAM] != NULL && json_spot_value(body, found[STREAM]).at[0] == 't';
	TRY(stream_options(g, arena, found[STREAM_OPTIONS]));
	g->max_tokens = -1;
	TRY(count_in(&n, arena, body, found[N], 1, CHAT_N_MAX, "n"));
	TRY(count_in(&old, arena, body, found[MAX_OLD], 0, MAX_TOKENS, "max_tokens"));
	TRY(count_in(&g->max_tokens, arena, body, found[MAX_NEW], 0, MAX_TOKENS, "max_completion_tokens"));
	if (found[MAX_NEW] == NULL)
		g->max_tokens = old;
	return (NULL);
}

/* Frames. */

static void
frame(struct buf *out, struct text name, struct text data)
{
	struct text line;

	(void)name;
	if (memchr(data.at, '\n', data.len) == NULL) {
		buf_reserve(out, data.len + 8);
		buf_lit(out, "data: ");
		buf_text(out, data);
		buf_lit(out, "\n\n");
		return;
	}
	for (bool more = true; more;) {		/* an event of several data lines keeps them */
		more = text_cut(data, '\n', &line, &data);
		buf_lit(out, "data: ");
		buf_text(out, line);
		buf_byte(out, '\n');
	}
	buf_byte(out, '\n');
}

static void
frame_end(struct buf *out, const struct told *told, const struct seen *seen)
{
	if (seen->reason_missing)
		chat_put_finish(out, told, seen->vendor_id, seen->finish);
	buf_lit(out, "data: [DONE]\n\n");
}

/* Errors. */

static void
put_text(struct json_out *o, const char *name, struct text value, const char *otherwise)
{
	json_name(o, name);
	if (value.len > 0)
		json_string(o, value);
	else if (otherwise != NULL)
		json_string(o, text_of(otherwise));
	else
		json_null(o);
}

void
chat_put_error(struct json_out *o, const struct error *e)
{
	const struct error_kind_row *row = &error_kinds[e->kind];
	char status[16] = { 0 };
	int number = error_status(e);

	for (int i = 2; i >= 0; i--, number /= 10)
		status[i] = (char)('0' + number % 10);
	json_open(o, '{');
	json_name(o, "error");
	json_open(o, '{');
	put_text(o, "message", e->message, row->what);
	put_text(o, "type", e->type, row->openai_type);
	put_text(o, "param", e->param, NULL);
	put_text(o, "code", e->code, row->openai_code != NULL ? row->openai_code : status);	/* LiteLLM's clients read the status here */
	json_close(o, '}');
	json_close(o, '}');
}

static int
error_body(struct buf *out, const struct error *e, struct text request_id)
{
	struct json_out o = { .to = out };

	(void)request_id;
	chat_put_error(&o, e);
	return (error_status(e));
}

/* No [DONE] follows: it would read as success. */
static void
error_event(struct buf *out, const struct error *e, const struct failing *f)
{
	struct json_out o = { .to = out };

	(void)f;
	buf_lit(out, "data: ");
	chat_put_error(&o, e);
	buf_lit(out, "\n\n");
}

const struct front front_chat = {
	.name = "chat",
	.dialect = DIALECT_CHAT,
	.wire = WIRE_OPENAI,
	.glance = glance,
	.read_ask = chat_read_ask,
	.whole = chat_whole,
	.stream = chat_stream,
	.write = chat_write,
	.frame = frame,
	.frame_end = frame_end,
	.heartbeat = { ": keep-alive\n\n", 14 },
	.error_body = error_body,
	.error_event = error_event,
};
