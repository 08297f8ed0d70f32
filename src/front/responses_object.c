/* SPDX-License-Identifier: Apache-2.0 */
/* The response object, which repeats what was asked, and the frames that carry it. */
#include "front/responses_write_priv.h"

/* What is repeated, and what stands there when the request does not say it. */
static const struct setting {
	const char	*name, *unsaid;
} before[] = {
	{ "instructions", "null" },
	{ "max_output_tokens", "null" },
	{ "max_tool_calls", "null" },
}, behind[] = {
	{ "metadata", "{}" },
	{ "parallel_tool_calls", "true" },
	{ "prompt_cache_key", "null" },
	{ "reasoning", "{\"effort\":null,\"summary\":null}" },
	{ "safety_identifier", "null" },
	{ "service_tier", "\"default\"" },
	{ "temperature", "1" },
	{ "text", "{\"format\":{\"type\":\"text\"}}" },
	{ "tool_choice", "\"auto\"" },
	{ "tools", "[]" },
	{ "top_logprobs", "0" },
	{ "top_p", "1" },
	{ "truncation", "\"disabled\"" },
	{ "user", "null" },
};

/* As its sender spelled it, but on one line: a frame's data has no line ends. */
static void
put_value(struct buf *out, const struct glance *g, const struct setting *s)
{
	struct text raw = text_of(s->unsaid);

	for (size_t i = 0; g != NULL && i < g->n_top; i++)
		if (g->top[i].type != JSON_NULL && quoted_is(json_spot_name(g->body, &g->top[i]), s->name))
			raw = json_spot_value(g->body, &g->top[i]);
	if (memchr(raw.at, '\n', raw.len) == NULL && memchr(raw.at, '\r', raw.len) == NULL) {
		buf_text(out, raw);
		return;
	}
	for (size_t i = 0; i < raw.len; i++)
		if (raw.at[i] != '\n' && raw.at[i] != '\r')
			buf_byte(out, raw.at[i]);
}

static void
put_settings(struct buf *out, const struct glance *g, const struct setting *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_byte(out, '"');
		buf_text(out, text_of(list[i].name));
		buf_lit(out, "\":");
		put_value(out, g, &list[i]);
		buf_byte(out, ',');
	}
}

void
response_settings(struct response *r, struct arena *arena, const struct told *told)
{
	struct buf b = { 0 };

	put_settings(&b, told->asked, before, nitems(before));
	r->head = arena_copy(arena, buf_as_text(&b));
	b.len = 0;
	put_settings(&b, told->asked, behind, nitems(behind));
	r->tail = arena_copy(arena, buf_as_text(&b));
	buf_free(&b);
}

static int64_t
at_least_0(int64_t n)
{
	return (n > 0 ? n : 0);
}

static void
put_usage(struct buf *out, const struct usage *u)
{
	int64_t in = at_least_0(u->prompt), made = at_least_0(u->completion);

	buf_print(out, "\"usage\":{\"input_tokens\":%lld,\"input_tokens_details\":{\"cached_tokens\":%lld},\"output_tokens\":%lld,"
	    "\"output_tokens_details\":{\"reasoning_tokens\":%lld},\"total_tokens\":%lld}", (long long)in, (long long)at_least_0(u->cached),
	    (long long)made, (long long)at_least_0(u->reasoning), (long long)(in + made));
}

const char *
response_status(enum finish finish)
{
	return (finish == FINISH_LENGTH || finish == FINISH_FILTER ? "incomplete" : "completed");
}

const char *
response_event(enum finish finish)
{
	return (finish == FINISH_LENGTH || finish == FINISH_FILTER ? "response.incomplete" : "response.completed");
}

static void
put_state(struct json_out *o, const struct response *r, const struct error *e)
{
	json_name(o, "status");
	json_string(o, text_of(e != NULL ? "failed" : r->ended ? response_status(r->finish) : "in_progress"));
	json_name(o, "background");
	json_bool(o, false);
	json_name(o, "error");
	if (e != NULL) {
		json_open(o, '{');
		responses_put_failure(o, e);
		json_close(o, '}');
	} else
		json_null(o);
	json_name(o, "incomplete_details");
	if (e == NULL && r->ended && r->finish == FINISH_LENGTH)
		json_raw(o, TEXT("{\"reason\":\"max_output_tokens\"}"));
	else if (e == NULL && r->ended && r->finish == FINISH_FILTER)
		json_raw(o, TEXT("{\"reason\":\"content_filter\"}"));
	else
		json_null(o);
}

static void
put_id(struct json_out *o, struct text id)
{
	json_name(o, "id");
	if (text_starts(id, TEXT("resp_"))) {
		json_string(o, id);
		return;
	}
	json_put_quoted(o, QUOTED("resp_"));
	o->to->len--;				/* the closing quote */
	for (size_t i = 0; i < id.len; i++)
		if (id.at[i] != '-')
			buf_byte(o->to, id.at[i]);	/* a UUID */
	buf_byte(o->to, '"');
}

void
response_put(struct json_out *o, const struct response *r, struct text output, const struct error *e)
{
	struct buf *out = o->to;

	json_open(o, '{');
	put_id(o, r->told.id);
	json_name(o, "object");
	json_string(o, TEXT("response"));
	json_name(o, "created_at");
	json_int(o, r->told.created);
	put_state(o, r, e);
	buf_byte(out, ',');
	if (r->head.len > 0)
		buf_text(out, r->head);
	else
		put_settings(out, NULL, before, nitems(before));
	buf_lit(out, "\"model\":\"");
	buf_escape(out, r->told.model);
	buf_lit(out, "\",\"output\":[");
	buf_text(out, output);
	buf_lit(out, "],\"previous_response_id\":null,\"store\":false,");
	if (r->tail.len > 0)
		buf_text(out, r->tail);
	else
		put_settings(out, NULL, behind, nitems(behind));
	if (r->ended)
		put_usage(out, &r->usage);
	else
		buf_lit(out, "\"usage\":null");
	json_close(o, '}');
}

struct json_out
response_event_open(struct buf *out, const char *type)
{
	struct json_out o = { .to = out };

	buf_lit(out, "event: ");
	buf_text(out, text_of(type));
	buf_lit(out, "\ndata: ");
	json_open(&o, '{');
	json_name(&o, "type");
	json_string(&o, text_of(type));
	return (o);
}

void
response_event_close(struct json_out *o, int64_t *sequence)
{
	json_name(o, "sequence_number");
	json_int(o, (*sequence)++);
	json_close(o, '}');
	buf_lit(o->to, "\n\n");
}

void
response_event_whole(struct buf *out, const char *type, const struct response *r, struct text output, const struct error *e, int64_t *sequence)
{
	struct json_out o = response_event_open(out, type);

	json_name(&o, "response");
	response_put(&o, r, output, e);
	response_event_close(&o, sequence);
}
