/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAI's Responses, as the vendor sends them. */
#include "build.h"

#include <inttypes.h>
#include <stdio.h>

#define QUOTED_ARG(q)	(int)(q).len, (q).at

static void	say(struct build *, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void
say(struct build *b, const char *name, const char *fmt, ...)
{
	struct buf out = { 0 };
	va_list ap;

	buf_print(&out, "{\"type\":\"%s\",\"sequence_number\":%u", name, b->events);
	va_start(ap, fmt);
	buf_vprint(&out, fmt, ap);
	va_end(ap);
	buf_lit(&out, "}");
	build_event(b, name, buf_as_text(&out));
	buf_free(&out);
}

/* the response as an object */

static const struct {
	const char	*name, *otherwise;
} echoed[] = {
	{ "background", "false" }, { "instructions", "null" }, { "max_output_tokens", "null" }, { "max_tool_calls", "null" },
	{ "parallel_tool_calls", "true" }, { "previous_response_id", "null" }, { "prompt_cache_key", "null" },
	{ "reasoning", "{\"effort\":null,\"summary\":null}" }, { "safety_identifier", "null" }, { "service_tier", "\"default\"" }, { "store", "true" },
	{ "temperature", "1.0" }, { "text", "{\"format\":{\"type\":\"text\"},\"verbosity\":\"medium\"}" }, { "tool_choice", "\"auto\"" }, { "tools", "[]" },
	{ "top_logprobs", "0" }, { "top_p", "1.0" }, { "truncation", "\"disabled\"" }, { "user", "null" }, { "metadata", "{}" },
};

static void
usage(const struct build *b, struct buf *out)
{
	int64_t given = b->s->in, made = build_out_tokens(b), cached = text_is(b->s->usage, "cached") ? given / 2 : 0;

	buf_print(out, "{\"input_tokens\":%" PRId64 ",\"input_tokens_details\":{\"cached_tokens\":%" PRId64 "},\"output_tokens\":%" PRId64
	    ",\"output_tokens_details\":{\"reasoning_tokens\":%" PRId64 "},\"total_tokens\":%" PRId64 "}", given, cached, made, b->s->reasoning, given + made);
}

static struct text
response_id(const struct build *b)
{
	return (b->ask->id.len > 0 ? b->ask->id : TEXT("resp_kit"));
}

static bool
is_incomplete(const struct build *b)
{
	return (text_is(b->s->finish, "length") || text_is(b->s->finish, "content_filter"));
}

/* `error` is the inside of its error, NULL for none. */
static void
print_response(const struct build *b, struct buf *out, const char *status, const char *error)
{
	bool over = strcmp(status, "in_progress") != 0 && strcmp(status, "queued") != 0;

	buf_print(out, "{\"id\":\"" TEXT_FMT "\",\"object\":\"response\",\"created_at\":1790000000,\"status\":\"%s\",\"error\":", TEXT_ARG(response_id(b)), status);
	buf_print(out, error != NULL ? "{%s}" : "null", error);
	buf_lit(out, ",\"incomplete_details\":");
	if (strcmp(status, "incomplete") == 0)
		buf_print(out, "{\"reason\":\"%s\"}", text_is(b->s->finish, "length") ? "max_output_tokens" : "content_filter");
	else
		buf_lit(out, "null");
	buf_print(out, ",\"model\":\"%.*s\",\"output\":[" TEXT_FMT "]", QUOTED_ARG(b->ask->model), TEXT_ARG(over ? buf_as_text(&b->items) : TEXT("")));
	for (size_t i = 0; i < nitems(echoed); i++) {
		const struct json *given = json_get(b->ask->body, echoed[i].name);

		buf_print(out, ",\"%s\":" TEXT_FMT, echoed[i].name, TEXT_ARG(given != NULL ? given->raw : text_of(echoed[i].otherwise)));
	}
	buf_lit(out, ",\"usage\":");
	if (over && error == NULL && !text_is(b->s->usage, "none"))
		usage(b, out);
	else
		buf_lit(out, "null");
	buf_lit(out, "}");
}

static void
say_response(struct build *b, const char *name, const char *status)
{
	struct buf out = { 0 };

	print_response(b, &out, status, NULL);
	say(b, name, ",\"response\":" TEXT_FMT, TEXT_ARG(buf_as_text(&out)));
	buf_free(&out);
}

static void
keep(const struct build *b, struct text response)
{
	if (b->ask->kept != NULL && !b->over)
		buf_text(b->ask->kept, response);
}

/* items */

/* It is encrypted for the key that asked, and only sent when asked for. */
static bool
wants_encrypted(const struct build *b)
{
	const struct json *include = json_get(b->ask->body, "include");

	for (const struct json *one = json_is(include, JSON_ARRAY) ? include->first : NULL; one != NULL; one = one->next)
		if (quoted_is(json_quoted(one), "reasoning.encrypted_content"))
			return (true);
	return (false);
}

static void
reasoning_item(const struct build *b, struct buf *out, struct text summary)
{
	buf_print(out, "{\"id\":\"rs_kit_%u\",\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"" TEXT_FMT "\"}]", b->block, TEXT_ARG(summary));
	if (wants_encrypted(b))
		buf_print(out, ",\"encrypted_content\":\"gAAAkit.%08" PRIx32 "\"", b->ask->mark);
	buf_lit(out, "}");
}

static void
message_item(const struct build *b, struct buf *out, struct text text)
{
	buf_print(out, "{\"id\":\"msg_kit_%u\",\"type\":\"message\",\"status\":\"%s\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\""
	    TEXT_FMT "\",\"annotations\":[],\"logprobs\":[]}]}", b->block, is_incomplete(b) ? "incomplete" : "completed", TEXT_ARG(text));
}

struct call {
	struct text	 name, space;		/* the namespace it is in, if any */
	struct quoted	 args;
	bool		 custom;
};

static const struct json *
named_tool(const struct json *tools, struct text name)
{
	for (const struct json *t = json_is(tools, JSON_ARRAY) ? tools->first : NULL; t != NULL; t = t->next) {
		struct quoted q = json_quoted(json_get(t, "name"));

		if (text_eq((struct text){ q.at, q.len }, name))
			return (t);
	}
	return (NULL);
}

static struct call
call_of(const struct build *b, unsigned i)
{
	struct call call = { .name = build_tool_name(b, i) };
	const struct json *tools = json_get(b->ask->body, "tools"), *found = named_tool(tools, call.name);

	for (const struct json *t = json_is(tools, JSON_ARRAY) && found == NULL ? tools->first : NULL; t != NULL && found == NULL; t = t->next) {
		struct quoted space = json_quoted(json_get(t, "name"));

		if ((found = named_tool(json_get(t, "tools"), call.name)) != NULL)
			call.space = (struct text){ space.at, space.len };
	}
	call.custom = quoted_is(json_quoted(json_get(found, "type")), "custom");
	call.args = json_escape(b->arena, b->s->noargs ? TEXT("") : b->s->args);
	return (call);
}

static void
call_item(const struct build *b, struct buf *out, unsigned i, const struct call *call, bool done)
{
	buf_print(out, "{\"id\":\"%s_kit_%u\",\"type\":\"%s\",\"status\":\"%s\",\"call_id\":\"call_kit_%u\",\"name\":\"" TEXT_FMT "\",\"%s\":\"%.*s\"",
	    call->custom ? "ctc" : "fc", b->block, call->custom ? "custom_tool_call" : "function_call", done ? "completed" : "in_progress", i, TEXT_ARG(call->name),
	    call->custom ? "input" : "arguments", done ? (int)call->args.len : 0, call->args.at);
	if (call->space.len > 0)
		buf_print(out, ",\"namespace\":\"" TEXT_FMT "\"", TEXT_ARG(call->space));
	buf_lit(out, "}");
}

/* The item is done: it becomes part of the output. */
static void
add_item(struct build *b, struct text item)
{
	if (b->items.len > 0)
		buf_byte(&b->items, ',');
	buf_text(&b->items, item);
}

static void
say_item_done(struct build *b, struct text item)
{
	say(b, "response.output_item.done", ",\"output_index\":%u,\"item\":" TEXT_FMT, b->block, TEXT_ARG(item));
	add_item(b, item);
	b->block++;
	b->block_kind = NULL;
	b->item.len = 0;
}

/* the stream */

static void
responses_open(struct build *b)
{
	say_response(b, "response.created", "in_progress");
	say_response(b, "response.in_progress", "in_progress");
}

static void
reasoning_start(struct build *b)
{
	say(b, "response.output_item.added", ",\"output_index\":%u,\"item\":{\"id\":\"rs_kit_%u\",\"type\":\"reasoning\",\"summary\":[]}", b->block, b->block);
	say(b, "response.reasoning_summary_part.added", ",\"item_id\":\"rs_kit_%u\",\"output_index\":%u,\"summary_index\":0,"
	    "\"part\":{\"type\":\"summary_text\",\"text\":\"\"}", b->block, b->block);
}

static void
reasoning_stop(struct build *b, struct buf *item)
{
	struct text text = buf_as_text(&b->item);

	say(b, "response.reasoning_summary_text.done", ",\"item_id\":\"rs_kit_%u\",\"output_index\":%u,\"summary_index\":0,\"text\":\"" TEXT_FMT "\"", b->block,
	    b->block, TEXT_ARG(text));
	say(b, "response.reasoning_summary_part.done", ",\"item_id\":\"rs_kit_%u\",\"output_index\":%u,\"summary_index\":0,"
	    "\"part\":{\"type\":\"summary_text\",\"text\":\"" TEXT_FMT "\"}", b->block, b->block, TEXT_ARG(text));
	reasoning_item(b, item, text);
}

static void
message_start(struct build *b)
{
	say(b, "response.output_item.added", ",\"output_index\":%u,\"item\":{\"id\":\"msg_kit_%u\",\"type\":\"message\",\"status\":\"in_progress\","
	    "\"role\":\"assistant\",\"content\":[]}", b->block, b->block);
	say(b, "response.content_part.added", ",\"item_id\":\"msg_kit_%u\",\"output_index\":%u,\"content_index\":0,"
	    "\"part\":{\"type\":\"output_text\",\"text\":\"\",\"annotations\":[],\"logprobs\":[]}", b->block, b->block);
}

static void
message_stop(struct build *b, struct buf *item)
{
	struct text text = buf_as_text(&b->item);

	say(b, "response.output_text.done", ",\"item_id\":\"msg_kit_%u\",\"output_index\":%u,\"content_index\":0,\"text\":\"" TEXT_FMT "\",\"logprobs\":[]", b->block,
	    b->block, TEXT_ARG(text));
	say(b, "response.content_part.done", ",\"item_id\":\"msg_kit_%u\",\"output_index\":%u,\"content_index\":0,\"part\":{\"type\":\"output_text\",\"text\":\""
	    TEXT_FMT "\",\"annotations\":[],\"logprobs\":[]}", b->block, b->block, TEXT_ARG(text));
	message_item(b, item, text);
}

static void
item_stop(struct build *b)
{
	struct buf item = { 0 };

	if (b->block_kind == NULL)
		return;
	(strcmp(b->block_kind, "reasoning") == 0 ? reasoning_stop : message_stop)(b, &item);
	say_item_done(b, buf_as_text(&item));
	buf_free(&item);
}

static void
item_piece(struct build *b, const char *kind, struct text piece)
{
	if (b->block_kind == NULL || strcmp(b->block_kind, kind) != 0) {
		item_stop(b);
		(strcmp(kind, "reasoning") == 0 ? reasoning_start : message_start)(b);
		b->block_kind = kind;
	}
	buf_text(&b->item, piece);
}

static void
responses_reasoning(struct build *b, struct text piece)
{
	item_piece(b, "reasoning", piece);
	say(b, "response.reasoning_summary_text.delta", ",\"item_id\":\"rs_kit_%u\",\"output_index\":%u,\"summary_index\":0,\"delta\":\"" TEXT_FMT "\"", b->block,
	    b->block, TEXT_ARG(piece));
}

static void
responses_text(struct build *b, struct text piece)
{
	item_piece(b, "message", piece);
	say(b, "response.output_text.delta", ",\"item_id\":\"msg_kit_%u\",\"output_index\":%u,\"content_index\":0,\"delta\":\"" TEXT_FMT "\",\"logprobs\":[]", b->block,
	    b->block, TEXT_ARG(piece));
}

static void
say_call(struct build *b, unsigned i)
{
	struct call call = call_of(b, i);
	const char *kind = call.custom ? "response.custom_tool_call_input" : "response.function_call_arguments", *prefix = call.custom ? "ctc" : "fc";
	char name[64];
	struct buf item = { 0 };

	call_item(b, &item, i, &call, false);
	say(b, "response.output_item.added", ",\"output_index\":%u,\"item\":" TEXT_FMT, b->block, TEXT_ARG(buf_as_text(&item)));
	snprintf(name, sizeof(name), "%s.delta", kind);
	if (call.args.len > 0)
		say(b, name, ",\"item_id\":\"%s_kit_%u\",\"output_index\":%u,\"delta\":\"%.*s\"", prefix, b->block, b->block, QUOTED_ARG(call.args));
	snprintf(name, sizeof(name), "%s.done", kind);
	say(b, name, ",\"item_id\":\"%s_kit_%u\",\"output_index\":%u,\"%s\":\"%.*s\"", prefix, b->block, b->block, call.custom ? "input" : "arguments",
	    QUOTED_ARG(call.args));
	item.len = 0;
	call_item(b, &item, i, &call, true);
	say_item_done(b, buf_as_text(&item));
	buf_free(&item);
}

static void
responses_tools(struct build *b)
{
	item_stop(b);
	for (unsigned i = 0; i < (unsigned)b->s->n; i++)
		say_call(b, i);
}

static void
responses_finish(struct build *b)
{
	struct buf whole = { 0 };
	const char *status = is_incomplete(b) ? "incomplete" : "completed";

	item_stop(b);
	print_response(b, &whole, status, NULL);
	if (!text_is(b->s->finish, "none") && !text_is(b->s->done, "no"))
		say(b, is_incomplete(b) ? "response.incomplete" : "response.completed", ",\"response\":" TEXT_FMT, TEXT_ARG(buf_as_text(&whole)));
	keep(b, buf_as_text(&whole));
	buf_free(&whole);
}

/* whole answers */

static void
print_compaction(const struct build *b, struct buf *out)
{
	buf_print(out, "{\"id\":\"" TEXT_FMT "\",\"object\":\"response.compaction\",\"created_at\":1790000000,\"output\":[{\"id\":\"cmp_kit\",\"type\":\"compaction\","
	    "\"encrypted_content\":\"gAAAkit.%08" PRIx32 "\"}],\"usage\":", TEXT_ARG(response_id(b)), b->ask->mark);
	usage(b, out);
	buf_lit(out, "}");
}

static void
add_items(struct build *b, struct text reasoning, struct text text)
{
	struct buf item = { 0 };

	if (reasoning.len > 0) {
		reasoning_item(b, &item, reasoning);
		add_item(b, buf_as_text(&item));
		b->block++;
	}
	item.len = 0;
	if (text.len > 0) {
		message_item(b, &item, text);
		add_item(b, buf_as_text(&item));
		b->block++;
	}
	for (unsigned i = 0; b->tools && i < (unsigned)b->s->n; i++, b->block++) {
		struct call call = call_of(b, i);

		item.len = 0;
		call_item(b, &item, i, &call, true);
		add_item(b, buf_as_text(&item));
	}
	buf_free(&item);
}

static void
responses_whole(struct build *b, struct buf *out, struct text reasoning, struct text text)
{
	struct buf whole = { 0 };

	if (b->ask->count) {
		buf_print(out, "{\"object\":\"response.input_tokens\",\"input_tokens\":%" PRId64 "}", b->s->in);
		return;
	}
	if (b->ask->compact) {
		print_compaction(b, out);
		return;
	}
	add_items(b, reasoning, text);
	print_response(b, &whole, is_incomplete(b) ? "incomplete" : "completed", NULL);
	keep(b, buf_as_text(&whole));
	if (json_true(json_get(b->ask->body, "background")))
		print_response(b, out, "queued", NULL);
	else
		buf_text(out, buf_as_text(&whole));
	buf_free(&whole);
}

/* failures */

static void
responses_error(struct build *b, struct buf *out, const char **event)
{
	struct text code = b->s->code.len > 0 ? b->s->code : TEXT("server_error");
	struct text error = arena_print(b->arena, "\"code\":\"" TEXT_FMT "\",\"message\":\"" TEXT_FMT "\"", TEXT_ARG(code), TEXT_ARG(b->s->message));

	if (!b->sse)
		print_response(b, out, "failed", error.at);
	else if (text_is(b->s->event, "error")) {
		*event = "error";
		buf_print(out, "{\"type\":\"error\",\"sequence_number\":%u,%s,\"param\":null}", b->events, error.at);
	} else {
		*event = "response.failed";
		buf_print(out, "{\"type\":\"response.failed\",\"sequence_number\":%u,\"response\":", b->events);
		print_response(b, out, "failed", error.at);
		buf_lit(out, "}");
	}
}

static void
responses_refusal(const struct script *s, struct buf *out)
{
	shape_chat.refusal(s, out);
}

const struct shape shape_responses = {
	.id_header = "x-request-id",
	.open = responses_open, .reasoning = responses_reasoning, .text = responses_text, .tools = responses_tools, .finish = responses_finish,
	.whole = responses_whole, .error = responses_error, .refusal = responses_refusal,
};
