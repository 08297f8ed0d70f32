/* SPDX-License-Identifier: Apache-2.0 */
/* Anthropic's Messages, as the vendor sends them. */
#include "build.h"

#define QUOTED_ARG(q)	(int)(q).len, (q).at

static void	say(struct build *, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void
say(struct build *b, const char *name, const char *fmt, ...)
{
	struct buf out = { 0 };
	va_list ap;

	buf_print(&out, "{\"type\":\"%s\"", name);
	va_start(ap, fmt);
	buf_vprint(&out, fmt, ap);
	va_end(ap);
	buf_lit(&out, "}");
	build_event(b, name, buf_as_text(&out));
	buf_free(&out);
}

static void
usage(const struct build *b, struct buf *out, int64_t made)
{
	int64_t cached = text_is(b->s->usage, "cached") ? b->s->in / 2 : 0;

	buf_print(out, "{\"input_tokens\":%lld,\"cache_creation_input_tokens\":%lld,\"cache_read_input_tokens\":%lld,\"output_tokens\":%lld}",
	    (long long)b->s->in, (long long)(cached > 0), (long long)cached, (long long)made);
}

static void
messages_open(struct build *b)
{
	struct buf out = { 0 };

	if (!text_is(b->s->usage, "none")) {
		buf_lit(&out, ",\"usage\":");
		usage(b, &out, 1);
	}
	say(b, "message_start", ",\"message\":{\"id\":\"msg_kit\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"%.*s\",\"content\":[],"
	    "\"stop_reason\":null,\"stop_sequence\":null" TEXT_FMT "}", QUOTED_ARG(b->ask->model), TEXT_ARG(buf_as_text(&out)));
	if (b->s->comments)
		say(b, "ping", "%s", "");
	buf_free(&out);
}

static void
block_stop(struct build *b)
{
	if (b->block_kind == NULL)
		return;
	if (strcmp(b->block_kind, "thinking") == 0) {
		say(b, "content_block_delta", ",\"index\":%u,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"EqQ\"}", b->block);
		say(b, "content_block_delta", ",\"index\":%u,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"B\"}", b->block);
	}
	say(b, "content_block_stop", ",\"index\":%u", b->block);
	b->block_kind = NULL;
	b->block++;
}

static void
block_start(struct build *b, const char *kind, const char *start)
{
	if (b->block_kind != NULL && strcmp(b->block_kind, kind) == 0)
		return;
	block_stop(b);
	say(b, "content_block_start", ",\"index\":%u,\"content_block\":{\"type\":\"%s\",%s}", b->block, kind, start);
	b->block_kind = kind;
}

static void
messages_reasoning(struct build *b, struct text piece)
{
	block_start(b, "thinking", "\"thinking\":\"\",\"signature\":\"\"");
	say(b, "content_block_delta", ",\"index\":%u,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"" TEXT_FMT "\"}", b->block, TEXT_ARG(piece));
}

static void
messages_text(struct build *b, struct text piece)
{
	block_start(b, "text", "\"text\":\"\"");
	say(b, "content_block_delta", ",\"index\":%u,\"delta\":{\"type\":\"text_delta\",\"text\":\"" TEXT_FMT "\"}", b->block, TEXT_ARG(piece));
}

static void
messages_tools(struct build *b)
{
	struct quoted args = json_escape(b->arena, b->s->args);

	for (unsigned i = 0; i < (unsigned)b->s->n; i++) {
		struct text name = build_tool_name(b, i);

		block_stop(b);
		say(b, "content_block_start", ",\"index\":%u,\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_kit_%u\",\"name\":\"" TEXT_FMT "\",\"input\":{}}",
		    b->block, i, TEXT_ARG(name));
		b->block_kind = "tool_use";
		if (b->s->noargs)
			continue;
		say(b, "content_block_delta", ",\"index\":%u,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"\"}", b->block);
		say(b, "content_block_delta", ",\"index\":%u,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"%.*s\"}", b->block, QUOTED_ARG(args));
	}
}

static struct text
stop_reason(const struct build *b)
{
	if (b->s->finish.len > 0)
		return (b->s->finish);
	return (b->tools ? TEXT("tool_use") : TEXT("end_turn"));
}

static void
messages_finish(struct build *b)
{
	struct text reason = stop_reason(b);
	struct buf all = { 0 };

	block_stop(b);
	if (text_is(b->s->usage, "none"))
		buf_print(&all, "{\"output_tokens\":%lld}", (long long)build_out_tokens(b));
	else
		usage(b, &all, build_out_tokens(b));
	if (!text_is(reason, "none"))
		say(b, "message_delta", ",\"delta\":{\"stop_reason\":\"" TEXT_FMT "\",\"stop_sequence\":null},\"usage\":" TEXT_FMT, TEXT_ARG(reason),
		    TEXT_ARG(buf_as_text(&all)));
	buf_free(&all);
	if (!text_is(b->s->done, "no"))
		say(b, "message_stop", "%s", "");
}

static void
messages_whole(struct build *b, struct buf *out, struct text reasoning, struct text text)
{
	const char *comma = "";

	if (b->ask->count) {
		buf_print(out, "{\"input_tokens\":%lld}", (long long)b->s->in);
		return;
	}
	buf_print(out, "{\"id\":\"msg_kit\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"%.*s\",\"content\":[", QUOTED_ARG(b->ask->model));
	if (reasoning.len > 0) {
		buf_print(out, "{\"type\":\"thinking\",\"thinking\":\"" TEXT_FMT "\",\"signature\":\"EqQB\"}", TEXT_ARG(reasoning));
		comma = ",";
	}
	if (text.len > 0) {
		buf_print(out, "%s{\"type\":\"text\",\"text\":\"" TEXT_FMT "\"}", comma, TEXT_ARG(text));
		comma = ",";
	}
	for (unsigned i = 0; b->tools && i < (unsigned)b->s->n; i++) {
		struct text name = build_tool_name(b, i), args = b->s->noargs ? TEXT("{}") : b->s->args;

		buf_print(out, "%s{\"type\":\"tool_use\",\"id\":\"toolu_kit_%u\",\"name\":\"" TEXT_FMT "\",\"input\":" TEXT_FMT "}", comma, i, TEXT_ARG(name),
		    TEXT_ARG(args));
		comma = ",";
	}
	buf_print(out, "],\"stop_reason\":\"" TEXT_FMT "\",\"stop_sequence\":null", TEXT_ARG(stop_reason(b)));
	if (!text_is(b->s->usage, "none")) {
		buf_lit(out, ",\"usage\":");
		usage(b, out, build_out_tokens(b));
	}
	buf_lit(out, "}");
}

static void
refusal(struct buf *out, struct text type, struct text message)
{
	buf_print(out, "{\"type\":\"error\",\"error\":{\"type\":\"" TEXT_FMT "\",\"message\":\"" TEXT_FMT "\"},\"request_id\":\"req_kit\"}", TEXT_ARG(type),
	    TEXT_ARG(message));
}

static void
messages_error(struct build *b, struct buf *out, const char **event)
{
	*event = "error";
	refusal(out, b->s->kind.len > 0 ? b->s->kind : TEXT("overloaded_error"), b->s->message);
}

static const struct {
	int		 status;
	const char	*type;
} types[] = {
	{ 401, "authentication_error" }, { 402, "billing_error" }, { 403, "permission_error" }, { 404, "not_found_error" },
	{ 413, "request_too_large" }, { 429, "rate_limit_error" }, { 504, "timeout_error" }, { 529, "overloaded_error" },
};

static void
messages_refusal(const struct script *s, struct buf *out)
{
	const char *type = s->status >= 500 ? "api_error" : "invalid_request_error";

	for (size_t i = 0; i < nitems(types); i++)
		if (types[i].status == s->status)
			type = types[i].type;
	refusal(out, s->kind.len > 0 ? s->kind : text_of(type), s->message);
}

const struct shape shape_messages = {
	.id_header = "request-id",
	.open = messages_open, .reasoning = messages_reasoning, .text = messages_text, .tools = messages_tools, .finish = messages_finish,
	.whole = messages_whole, .error = messages_error, .refusal = messages_refusal,
};
