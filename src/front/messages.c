/* SPDX-License-Identifier: Apache-2.0 */
/* The Messages front: the first look at a body, frames of a stream, errors. */
#include "front/guard.h"
#include "front/messages_priv.h"

#define TOO_LONG	"prompt is too long"	/* Claude Code compacts when a message begins so */

/* The first look */

enum { AT_MODEL, AT_MESSAGES, AT_MAX_TOKENS, AT_STREAM, AT_SERVICE_TIER, AT_COUNT };

static const struct guard guarded[AT_COUNT] = {
	[AT_MODEL]	  = { "model", AS(JSON_STRING), "a string" },
	[AT_MESSAGES]	  = { "messages", AS(JSON_ARRAY), "a list" },
	[AT_MAX_TOKENS]	  = { "max_tokens", AS(JSON_NUMBER), "a whole number" },
	[AT_STREAM]	  = { "stream", AS(JSON_BOOL), "true or false" },
	[AT_SERVICE_TIER] = { "service_tier", AS(JSON_STRING), "a string" },
};

static struct error *
missing(struct arena *arena, const char *name)
{
	return (error_param(error_new(arena, E_BAD_REQUEST, "%s: Field required", name), name));
}

static struct error *
glance(struct glance *g, struct arena *arena, struct text body)
{
	const struct json_spot *at[AT_COUNT];

	TRY(guard_scan(g, at, arena, body, guarded, AT_COUNT));
	if (at[AT_MODEL] == NULL)
		return (missing(arena, "model"));
	if (at[AT_MESSAGES] == NULL)
		return (missing(arena, "messages"));
	if (at[AT_MAX_TOKENS] == NULL && !g->counting)
		return (missing(arena, "max_tokens"));
	g->model = json_unescape(arena, json_inside(json_spot_value(body, at[AT_MODEL])));
	g->stream = at[AT_STREAM] != NULL && json_spot_value(body, at[AT_STREAM]).at[0] == 't';
	g->usage_asked = true;			/* usage is part of every Messages answer */
	g->max_tokens = -1;
	if (at[AT_MAX_TOKENS] != NULL && (!json_to_i64(json_spot_value(body, at[AT_MAX_TOKENS]), &g->max_tokens) || g->max_tokens < 0 ||
	    g->max_tokens > INT32_MAX))
		return (error_param(error_new(arena, E_BAD_REQUEST, "max_tokens: should be a whole number from 0 to %d", INT32_MAX), "max_tokens"));
	return (NULL);
}

/* Frames */

void
messages_frame(struct buf *out, struct text name, struct text data)
{
	struct text line;
	struct json_item type;

	if (name.len == 0 && data.len > 0 && data.at[0] == '{' && json_find(data, "type", &type) && type.type == JSON_STRING)
		name = text_sub(type.raw, 1, type.raw.len - 1);	/* look-alikes leave the name out, SDKs want it */
	if (name.len > 0) {
		buf_lit(out, "event: ");
		buf_text(out, name);
		buf_byte(out, '\n');
	}
	do {
		text_cut(data, '\n', &line, &data);
		buf_lit(out, "data: ");
		buf_text(out, line);
		buf_byte(out, '\n');
	} while (data.len > 0);
	buf_byte(out, '\n');
}

static void
frame_end(struct buf *out, const struct told *told, const struct seen *seen)
{
	(void)out;				/* message_stop is relayed itself */
	(void)told;
	(void)seen;
}

/* Errors */

/* The sentence as a Messages client should hear it. */
static struct text
sentence(const struct error *e)
{
	static const struct text mark = { TOO_LONG, sizeof(TOO_LONG) - 1 };

	if (e->kind == E_CONTEXT_LENGTH)
		for (size_t i = 0; i + mark.len <= e->message.len; i++)
			if (text_eq_nocase(text_sub(e->message, i, i + mark.len), mark))
				return (text_sub(e->message, i, e->message.len));
	return (e->message);
}

void
messages_error(struct buf *out, const struct error *e, struct text request_id)
{
	struct text message = sentence(e);

	buf_lit(out, "{\"type\":\"error\",\"error\":{\"type\":\"");
	buf_text(out, text_of(error_kinds[e->kind].anthropic_type));
	buf_lit(out, "\",\"message\":\"");
	if (e->kind == E_CONTEXT_LENGTH && !text_starts(message, TEXT(TOO_LONG)))
		buf_lit(out, TOO_LONG ": ");
	buf_escape(out, message);
	buf_lit(out, "\"},\"request_id\":\"");
	buf_escape(out, request_id);
	buf_lit(out, "\"}");
}

static int
error_body(struct buf *out, const struct error *e, struct text request_id)
{
	messages_error(out, e, request_id);
	return (error_status_messages(e));
}

static void
error_event(struct buf *out, const struct error *e, const struct failing *f)
{
	buf_lit(out, "event: error\ndata: ");
	messages_error(out, e, f->request_id);
	buf_lit(out, "\n\n");
}

const struct front front_messages = {
	.name = "messages", .dialect = DIALECT_MESSAGES, .wire = WIRE_ANTHROPIC,
	.glance = glance, .read_ask = messages_read_ask,
	.whole = messages_whole, .stream = messages_stream, .write = messages_write,
	.frame = messages_frame, .frame_end = frame_end,
	.heartbeat = { "event: ping\ndata: {\"type\": \"ping\"}\n\n", sizeof("event: ping\ndata: {\"type\": \"ping\"}\n\n") - 1 },
	.error_body = error_body, .error_event = error_event,
};
