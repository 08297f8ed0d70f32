/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAI's chat completions as our clients speak it: the first look at a body, frames of a stream, errors. */
#include "front/chat_priv.h"

#include "front/guard.h"
#include "front/responses_priv.h"

enum member { MODEL, MESSAGES, INPUT, STREAM, STREAM_OPTIONS, N, MAX_OLD, MAX_NEW, SERVICE_TIER, MEMBERS };

static const struct guard rows[MEMBERS] = {
	[MODEL]		 = { "model", AS(JSON_STRING), "a string" },
	[MESSAGES]	 = { "messages", AS(JSON_ARRAY), "a list" },
	[INPUT]		 = { "input", ~0u, "" },	/* Responses' word for messages: its type is looked at there */
	[STREAM]	 = { "stream", AS(JSON_BOOL), "true or false" },
	[STREAM_OPTIONS] = { "stream_options", AS(JSON_OBJECT), "an object" },
	[N]		 = { "n", AS(JSON_NUMBER), "an integer" },
	[MAX_OLD]	 = { "max_tokens", AS(JSON_NUMBER), "an integer" },
	[MAX_NEW]	 = { "max_completion_tokens", AS(JSON_NUMBER), "an integer" },
	[SERVICE_TIER]	 = { "service_tier", AS(JSON_STRING), "a string" },
};

struct error *
chat_bad(const struct look *l, const char *param, const char *words)
{
	return (error_param(error_new(l->arena, E_BAD_REQUEST, "%s: %s: %s", l->path, param, words), param));
}

struct error *
chat_count_in(int64_t *value, const struct look *l, const struct json_spot *spot, int64_t least, int64_t most, const char *name)
{
	if (spot == NULL)
		return (NULL);
	if (!json_to_i64(json_spot_value(l->glance->body, spot), value) || *value < least || *value > most)
		return (error_param(error_new(l->arena, E_BAD_REQUEST, "%s: %s: should be an integer from %lld to %lld", l->path, name,
		    (long long)least, (long long)most), name));
	return (NULL);
}

struct error *
chat_stream_options(const struct look *l, const struct json_spot *spot)
{
	struct glance *g = l->glance;
	struct json_item item;

	if (spot == NULL)
		return (NULL);
	if (!g->stream)
		return (error_param(error_new(l->arena, E_BAD_REQUEST,
		    "The 'stream_options' parameter is only allowed when 'stream' is enabled."), "stream_options"));
	if (!json_find(json_spot_value(g->body, spot), "include_usage", &item) || item.type == JSON_NULL)
		return (NULL);
	if (item.type != JSON_BOOL)
		return (chat_bad(l, "stream_options.include_usage", "should be true or false"));
	g->usage_asked = item.raw.at[0] == 't';
	return (NULL);
}

struct error *
chat_name_model(const struct look *l, const struct json_spot *spot)
{
	struct glance *g = l->glance;

	if (spot == NULL && !g->model_named)
		return (error_new(l->arena, E_NO_SUCH_MODEL, "%s: Invalid model name passed in model=None. "
		    "Call `/v1/models` to view available models for your key.", l->path));
	if (spot != NULL)
		g->model = json_unescape(l->arena, json_inside(json_spot_value(g->body, spot)));
	return (NULL);
}

struct error *
chat_missing(const struct look *l, const char *param)
{
	return (error_param(error_new(l->arena, E_BAD_REQUEST, "%s: Missing required parameter: '%s'.", l->path, param), param));
}

/* max_tokens in chat's two spellings, where the body has one of them. */
static struct error *
read_limit(const struct look *l, const struct json_spot *const *found)
{
	int64_t old = -1;

	TRY(chat_count_in(&old, l, found[MAX_OLD], 0, CHAT_TOKENS_MAX, "max_tokens"));
	TRY(chat_count_in(&l->glance->max_tokens, l, found[MAX_NEW], 0, CHAT_TOKENS_MAX, "max_completion_tokens"));
	if (found[MAX_NEW] == NULL && found[MAX_OLD] != NULL)
		l->glance->max_tokens = old;
	return (NULL);
}

/* Cursor's agent sends Responses bodies to chat's path, and wants chat's answers. */
static struct error *
glance_responses(const struct look *l, struct text body, const struct json_spot *const *found)
{
	struct glance *g = l->glance;

	TRY(responses_glance(g, l->arena, body));
	g->responses_shaped = true;
	g->usage_asked = false;
	TRY(chat_stream_options(l, found[STREAM_OPTIONS]));
	return (read_limit(l, found));
}

static struct error *
glance(struct glance *g, struct arena *arena, struct text body)
{
	struct look l = { .arena = arena, .glance = g, .path = "/chat/completions" };
	const struct json_spot *found[MEMBERS];
	struct json_walk walk;
	struct json_item item;
	int64_t n = 1;

	TRY(guard_scan(g, found, arena, body, rows, MEMBERS));
	TRY(chat_name_model(&l, found[MODEL]));
	if (found[MESSAGES] == NULL && found[INPUT] != NULL)
		return (glance_responses(&l, body, found));
	if (found[MESSAGES] == NULL)
		return (chat_missing(&l, "messages"));
	walk = json_walk(json_spot_value(body, found[MESSAGES]));
	if (!json_next(&walk, &item))
		return (chat_bad(&l, "messages", "should not be empty"));
	g->stream = found[STREAM] != NULL && json_spot_value(body, found[STREAM]).at[0] == 't';
	TRY(chat_stream_options(&l, found[STREAM_OPTIONS]));
	TRY(chat_count_in(&n, &l, found[N], 1, CHAT_N_MAX, "n"));
	g->max_tokens = -1;
	return (read_limit(&l, found));
}

/* Frames. */

void
chat_frame(struct buf *out, struct text name, struct text data)
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
	if (e->inner.len > 0) {
		json_name(o, "innererror");
		json_raw(o, e->inner);
	}
	json_close(o, '}');
	json_close(o, '}');
}

int
chat_error_body(struct buf *out, const struct error *e, struct text request_id)
{
	struct json_out o = { .to = out };

	(void)request_id;
	chat_put_error(&o, e);
	return (error_status(e));
}

void
chat_error_event(struct buf *out, const struct error *e, const struct failing *f)
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
	.frame = chat_frame,
	.frame_end = frame_end,
	.heartbeat = CHAT_HEARTBEAT,
	.error_body = chat_error_body,
	.error_event = chat_error_event,
};

/* Never relayed: no upstream takes the one and answers with the other. */
const struct front front_cursor = {
	.name = "cursor",
	.dialect = DIALECT_CHAT,
	.wire = WIRE_NONE,
	.glance = glance,
	.read_ask = responses_read_ask,
	.whole = chat_whole,
	.stream = chat_stream,
	.write = chat_write,
	.frame = chat_frame,
	.frame_end = frame_end,
	.heartbeat = CHAT_HEARTBEAT,
	.error_body = chat_error_body,
	.error_event = chat_error_event,
};

const struct front *
front_of_body(const struct front *front, const struct glance *g)
{
	return (front == &front_chat && g->responses_shaped ? &front_cursor : front);
}
