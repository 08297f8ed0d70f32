/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAI's Responses as our clients speak it: the first look at a body, frames of a stream, errors. */
#include "front/chat_priv.h"
#include "front/guard.h"
#include "front/messages_priv.h"
#include "front/responses_write_priv.h"

#define MAX_TOKENS	INT64_C(1000000000)

/* The first look. */

enum member { MODEL, INPUT, STREAM, MAX_OUTPUT, PREVIOUS, CONVERSATION, PROMPT, BACKGROUND, STORE, N, SERVICE_TIER, MEMBERS };

static const struct guard rows[MEMBERS] = {
	[MODEL]		= { "model", AS(JSON_STRING), "a string" },
	[INPUT]		= { "input", AS(JSON_STRING) | AS(JSON_ARRAY), "a string or a list" },
	[STREAM]	= { "stream", AS(JSON_BOOL), "true or false" },
	[MAX_OUTPUT]	= { "max_output_tokens", AS(JSON_NUMBER), "an integer" },
	[PREVIOUS]	= { "previous_response_id", AS(JSON_STRING), "a string" },
	[CONVERSATION]	= { "conversation", AS(JSON_STRING) | AS(JSON_OBJECT), "a string or an object" },
	[PROMPT]	= { "prompt", AS(JSON_OBJECT), "an object" },
	[BACKGROUND]	= { "background", AS(JSON_BOOL), "true or false" },
	[STORE]		= { "store", AS(JSON_BOOL), "true or false" },
	[N]		= { "n", AS(JSON_NUMBER), "1" },
	[SERVICE_TIER]	= { "service_tier", AS(JSON_STRING), "a string" },
};

static struct error *
missing(struct arena *arena, const char *name)
{
	return (error_param(error_new(arena, E_BAD_REQUEST, "Missing required parameter: '%s'.", name), name));
}

static bool
is_true(struct text body, const struct json_spot *spot)
{
	return (spot != NULL && json_spot_value(body, spot).at[0] == 't');
}

/* Input may be left out only where something else says what the model shall go on from. */
static struct error *
check_input(struct arena *arena, struct text body, const struct json_spot *const *found)
{
	struct json_walk walk;
	struct json_item item;

	if (found[INPUT] == NULL)
		return (found[PREVIOUS] == NULL && found[CONVERSATION] == NULL && found[PROMPT] == NULL ? missing(arena, "input") : NULL);
	if (found[INPUT]->type == JSON_STRING)
		return (NULL);
	walk = json_walk(json_spot_value(body, found[INPUT]));
	if (!json_next(&walk, &item))
		return (error_param(error_new(arena, E_BAD_REQUEST, "input: should not be empty"), "input"));
	return (NULL);
}

static struct error *
check_numbers(struct glance *g, struct arena *arena, const struct json_spot *const *found)
{
	int64_t n = 1;

	g->max_tokens = -1;
	if (found[MAX_OUTPUT] != NULL && (!json_to_i64(json_spot_value(g->body, found[MAX_OUTPUT]), &g->max_tokens) || g->max_tokens < 0 ||
	    g->max_tokens > MAX_TOKENS))
		return (error_param(error_new(arena, E_BAD_REQUEST, "max_output_tokens: should be an integer from 0 to %lld", (long long)MAX_TOKENS),
		    "max_output_tokens"));
	if (found[N] != NULL && (!json_to_i64(json_spot_value(g->body, found[N]), &n) || n != 1))
		return (error_param(error_new(arena, E_BAD_REQUEST, "n: a response is one answer, so n must be 1"), "n"));
	return (NULL);
}

struct error *
responses_glance(struct glance *g, struct arena *arena, struct text body)
{
	const struct json_spot *found[MEMBERS];

	TRY(guard_scan(g, found, arena, body, rows, MEMBERS));
	if (found[MODEL] == NULL && !g->model_named)
		return (missing(arena, "model"));
	if (found[MODEL] != NULL)
		g->model = json_unescape(arena, json_inside(json_spot_value(body, found[MODEL])));
	TRY(check_input(arena, body, found));
	TRY(check_numbers(g, arena, found));
	g->stream = is_true(body, found[STREAM]);
	g->usage_asked = true;			/* usage is part of every response */
	g->background = is_true(body, found[BACKGROUND]);
	g->unstored = found[STORE] != NULL && !is_true(body, found[STORE]);
	if (found[PREVIOUS] != NULL)
		g->previous_response_id = json_unescape(arena, json_inside(json_spot_value(body, found[PREVIOUS])));
	return (NULL);
}

/* Frames: named events, as those of the Messages dialect. */

static void
frame_end(struct buf *out, const struct told *told, const struct seen *seen)
{
	(void)out;				/* response.completed is relayed itself, and nothing follows it */
	(void)told;
	(void)seen;
}

/* Errors. */

/* What chat answers with 400 as LiteLLM does is 404 here. */
static struct error
said(const struct error *e)
{
	struct error copy = *e;

	if (e->kind == E_NO_SUCH_MODEL) {
		copy.status = e->status != 0 ? e->status : 404;
		copy.code = e->code.len > 0 ? e->code : TEXT("model_not_found");
	}
	return (copy);
}

static int
error_body(struct buf *out, const struct error *e, struct text request_id)
{
	struct json_out o = { .to = out };
	struct error copy = said(e);

	(void)request_id;
	chat_put_error(&o, &copy);
	return (error_status(&copy));
}

/* The words a stream fails with; Codex knows them: some it tries again, some it does not. */
static const char *
failure_code(const struct error *e)
{
	switch (e->kind) {
	case E_CONTEXT_LENGTH:
		return ("context_length_exceeded");
	case E_BILLING: case E_QUOTA:
		return ("insufficient_quota");
	case E_RATE_LIMIT:
		return ("rate_limit_exceeded");
	case E_BAD_REQUEST: case E_CONTENT_POLICY: case E_TOO_LARGE: case E_UNPROCESSABLE:
		return ("invalid_prompt");
	default:
		return ("server_error");
	}
}

/* Codex reads the pause from the sentence. */
static void
put_pause(struct buf *out, const struct error *e)
{
	if (e->kind == E_RATE_LIMIT && e->retry_after_ms > 0 && !text_has(e->message, TEXT("try again in")))
		buf_print(out, " Please try again in %lld.%01llds.", (long long)(e->retry_after_ms / 1000), (long long)(e->retry_after_ms % 1000 / 100));
}

void
responses_put_failure(struct json_out *o, const struct error *e)
{
	json_name(o, "code");
	json_string(o, text_of(failure_code(e)));
	json_name(o, "message");
	json_string(o, e->message.len > 0 ? e->message : text_of(error_kinds[e->kind].what));
	o->to->len--;				/* the closing quote */
	put_pause(o->to, e);
	buf_byte(o->to, '"');
}

/* A stream of which nothing came yet begins first: who waits for response.created looks for nothing else. */
static void
error_event(struct buf *out, const struct error *e, const struct failing *f)
{
	bool began = f->seen != NULL && f->seen->content;
	struct response r = { 0 };
	int64_t sequence = 0;

	if (f->writer != NULL && began) {
		responses_fail(f->writer, out, e);
		return;
	}
	if (f->told != NULL)
		r.told = *f->told;
	if (began)
		sequence = f->seen->sequence;
	else
		response_event_whole(out, "response.created", &r, TEXT(""), NULL, &sequence);
	response_event_whole(out, "response.failed", &r, TEXT(""), e, &sequence);
}

const struct front front_responses = {
	.name = "responses",
	.dialect = DIALECT_RESPONSES,
	.wire = WIRE_RESPONSES,
	.glance = responses_glance,
	.read_ask = responses_read_ask,
	.whole = responses_whole,
	.stream = responses_stream,
	.write = responses_write,
	.frame = messages_frame,
	.frame_end = frame_end,
	.heartbeat = { ": keep-alive\n\n", 14 },
	.error_body = error_body,
	.error_event = error_event,
};
