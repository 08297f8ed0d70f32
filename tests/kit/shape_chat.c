/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAI's chat completions, as the vendor and its look-alikes send them. */
#include "build.h"

#include <stdio.h>

#define QUOTED_ARG(q)	(int)(q).len, (q).at

void
build_usage(const struct build *b, struct buf *out)
{
	int64_t given = b->s->in, made = build_out_tokens(b);

	buf_print(out, "{\"prompt_tokens\":%lld,\"completion_tokens\":%lld,\"total_tokens\":%lld", (long long)given, (long long)made,
	    (long long)(given + made));
	if (text_is(b->s->usage, "cached"))
		buf_print(out, ",\"prompt_tokens_details\":{\"cached_tokens\":%lld,\"audio_tokens\":0},"
		    "\"completion_tokens_details\":{\"reasoning_tokens\":%lld}", (long long)(given / 2), (long long)b->s->reasoning);
	buf_lit(out, "}");
}

/* Is usage said in the chunk that is `when`: "each" one, with the "finish", or in one of its own ("final")? */
static bool
says_usage(const struct build *b, const char *when)
{
	if (text_is(b->s->usage, "each") || text_is(b->s->usage, "finish"))
		return (text_is(b->s->usage, when));
	if (strcmp(when, "final") != 0 || text_is(b->s->usage, "none"))
		return (false);
	return (b->ask->wants_usage || text_is(b->s->usage, "always") || text_is(b->s->usage, "cached"));
}

static void
head(const struct build *b, struct buf *out, const char *object)
{
	buf_print(out, "{\"id\":\"chatcmpl-kit\",\"object\":\"%s\",\"created\":1790000000,\"model\":\"%.*s\",", object, QUOTED_ARG(b->ask->model));
}

static void
chunk(struct build *b, const char *delta, const char *finish)
{
	struct buf out = { 0 };

	head(b, &out, "chat.completion.chunk");
	buf_print(&out, "\"choices\":[{\"index\":0,%s\"logprobs\":null,\"finish_reason\":%s}]", delta, finish);
	if (says_usage(b, "each") || (strcmp(finish, "null") != 0 && says_usage(b, "finish"))) {
		buf_lit(&out, ",\"usage\":");
		build_usage(b, &out);
	} else if (b->ask->wants_usage)
		buf_lit(&out, ",\"usage\":null");
	buf_lit(&out, "}");
	build_event(b, NULL, buf_as_text(&out));
	buf_free(&out);
}

static void	delta(struct build *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
delta(struct build *b, const char *fmt, ...)
{
	struct buf out = { 0 };
	va_list ap;

	buf_lit(&out, "\"delta\":{");
	if (b->s->nulls)
		buf_lit(&out, "\"role\":null,\"function_call\":null,");
	va_start(ap, fmt);
	buf_vprint(&out, fmt, ap);
	va_end(ap);
	buf_lit(&out, "},");
	buf_byte(&out, '\0');
	chunk(b, out.at, "null");
	buf_free(&out);
}

static void
chat_open(struct build *b)
{
	if (b->s->azure)
		build_event(b, NULL, TEXT("{\"id\":\"\",\"object\":\"\",\"created\":0,\"model\":\"\",\"choices\":[],"
		    "\"prompt_filter_results\":[{\"prompt_index\":0,\"content_filter_results\":{}}]}"));
	chunk(b, "\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},", "null");
	if (b->s->nulls)
		chunk(b, "\"delta\":null,", "null");
}

static void
chat_reasoning(struct build *b, struct text piece)
{
	if (text_is(b->s->field, "both"))
		delta(b, "\"reasoning_content\":\"" TEXT_FMT "\",\"reasoning\":\"" TEXT_FMT "\"", TEXT_ARG(piece), TEXT_ARG(piece));
	else
		delta(b, "\"" TEXT_FMT "\":\"" TEXT_FMT "\"", TEXT_ARG(b->s->field), TEXT_ARG(piece));
}

static void
chat_text(struct build *b, struct text piece)
{
	delta(b, b->s->nulls ? "\"tool_calls\":null,\"content\":\"" TEXT_FMT "\"" : "\"content\":\"" TEXT_FMT "\"", TEXT_ARG(piece));
}

/* The index of call i as the look-alike sends it: dense, from one, the same for all, or not at all. */
static const char *
call_index(const struct build *b, unsigned i, char out[32])
{
	if (text_is(b->s->index, "none"))
		out[0] = '\0';
	else
		snprintf(out, 32, "\"index\":%u,", text_is(b->s->index, "same") ? 0 : text_is(b->s->index, "one") ? i + 1 : i);
	return (out);
}

static void
call_start(struct build *b, unsigned i, struct text args)
{
	struct text name = build_tool_name(b, i);
	char index[32];

	delta(b, "\"tool_calls\":[{%s\"id\":\"call_kit_%u\",\"type\":\"function\",\"function\":{\"name\":\"" TEXT_FMT "\",\"arguments\":\"" TEXT_FMT "\"}}]",
	    call_index(b, i, index), i, TEXT_ARG(name), TEXT_ARG(args));
}

static void
call_piece(struct build *b, unsigned i, struct text args)
{
	char index[32];

	delta(b, "\"tool_calls\":[{%s\"function\":{\"arguments\":\"" TEXT_FMT "\"}}]", call_index(b, i, index), TEXT_ARG(args));
}

/* The arguments are cut in two in front of an escape or in the middle. */
static size_t
halfway(struct text args)
{
	size_t at = args.len / 2;

	while (at > 0 && args.at[at - 1] == '\\')
		at--;
	return (at);
}

static void
chat_tools(struct build *b)
{
	struct quoted q = json_escape(b->arena, b->s->args);
	struct text args = { q.at, b->s->noargs ? 0 : q.len };
	unsigned n = (unsigned)b->s->n;

	for (unsigned i = 0; i < n; i++) {
		call_start(b, i, b->s->whole ? args : TEXT(""));
		if (b->s->interleave || b->s->whole || args.len == 0)
			continue;
		call_piece(b, i, text_sub(args, 0, halfway(args)));
		call_piece(b, i, text_sub(args, halfway(args), args.len));
	}
	for (unsigned half = 0; b->s->interleave && half < 2; half++)
		for (unsigned i = 0; i < n; i++)
			call_piece(b, i, half == 0 ? text_sub(args, 0, halfway(args)) : text_sub(args, halfway(args), args.len));
}

static struct text
finish_reason(const struct build *b)
{
	if (b->s->finish.len > 0)
		return (b->s->finish);
	return (b->tools ? TEXT("tool_calls") : TEXT("stop"));
}

static void
usage_chunk(struct build *b)
{
	struct buf out = { 0 };

	head(b, &out, "chat.completion.chunk");
	buf_lit(&out, "\"choices\":[],\"usage\":");
	build_usage(b, &out);
	buf_lit(&out, "}");
	build_event(b, NULL, buf_as_text(&out));
	buf_free(&out);
}

static void
chat_finish(struct build *b)
{
	struct text reason = finish_reason(b);
	char quoted[64];

	if (!text_is(reason, "none")) {
		snprintf(quoted, sizeof(quoted), "\"" TEXT_FMT "\"", TEXT_ARG(reason));
		chunk(b, "\"delta\":{},", quoted);
	}
	if (b->s->azure)
		build_event(b, NULL, TEXT("{\"id\":\"\",\"object\":\"\",\"created\":0,\"model\":\"\",\"choices\":[{\"index\":0,\"finish_reason\":null,"
		    "\"content_filter_offsets\":{\"check_offset\":0}}]}"));
	if (says_usage(b, "final"))
		usage_chunk(b);
	build_done(b);
}

static void
whole_calls(struct build *b, struct buf *out)
{
	struct quoted args = json_escape(b->arena, b->s->args);

	buf_lit(out, ",\"tool_calls\":[");
	for (unsigned i = 0; i < (unsigned)b->s->n; i++) {
		struct text name = build_tool_name(b, i);

		buf_print(out, "%s{\"id\":\"call_kit_%u\",\"type\":\"function\",\"function\":{\"name\":\"" TEXT_FMT "\",\"arguments\":\"%.*s\"}}",
		    i > 0 ? "," : "", i, TEXT_ARG(name), b->s->noargs ? 0 : (int)args.len, args.at);
	}
	buf_lit(out, "]");
}

static void
chat_whole(struct build *b, struct buf *out, struct text reasoning, struct text text)
{
	struct text reason = finish_reason(b);

	head(b, out, "chat.completion");
	buf_lit(out, "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":");
	buf_print(out, b->tools && text.len == 0 ? "null" : "\"" TEXT_FMT "\"", TEXT_ARG(text));
	buf_lit(out, ",\"refusal\":null,\"annotations\":[]");
	if (reasoning.len > 0)
		buf_print(out, ",\"" TEXT_FMT "\":\"" TEXT_FMT "\"", TEXT_ARG(text_is(b->s->field, "both") ? TEXT("reasoning") : b->s->field),
		    TEXT_ARG(reasoning));
	if (reasoning.len > 0 && text_is(b->s->field, "both"))
		buf_print(out, ",\"reasoning_content\":\"" TEXT_FMT "\"", TEXT_ARG(reasoning));
	if (b->tools)
		whole_calls(b, out);
	if (text_is(reason, "none"))
		buf_lit(out, "},\"logprobs\":null,\"finish_reason\":null}]");
	else
		buf_print(out, "},\"logprobs\":null,\"finish_reason\":\"" TEXT_FMT "\"}]", TEXT_ARG(reason));
	if (!text_is(b->s->usage, "none")) {
		buf_lit(out, ",\"usage\":");
		build_usage(b, out);
	}
	if (b->s->azure)
		buf_lit(out, ",\"prompt_filter_results\":[{\"prompt_index\":0,\"content_filter_results\":{}}]");
	buf_lit(out, ",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_kit\"}");
}

static void
chat_error(struct build *b, struct buf *out, const char **event)
{
	const struct script *s = b->s;

	*event = NULL;
	buf_lit(out, "{");
	if (s->choice)
		buf_print(out, "\"id\":\"chatcmpl-kit\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\"model\":\"%.*s\",\"choices\":[{\"index\":0,"
		    "\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}],", QUOTED_ARG(b->ask->model));
	buf_print(out, "\"error\":{\"message\":\"" TEXT_FMT "\",\"type\":\"" TEXT_FMT "\",\"param\":null,\"code\":" TEXT_FMT "}}", TEXT_ARG(s->message),
	    TEXT_ARG(s->kind.len > 0 ? s->kind : TEXT("server_error")), TEXT_ARG(s->code.len > 0 ? s->code : TEXT("502")));
}

static void
chat_refusal(const struct script *s, struct buf *out)
{
	buf_print(out, "{\"error\":{\"message\":\"" TEXT_FMT "\",\"type\":\"" TEXT_FMT "\",\"param\":null,\"code\":", TEXT_ARG(s->message),
	    TEXT_ARG(s->kind.len > 0 ? s->kind : text_of(error_type_of((int)s->status))));
	if (s->code.len > 0)
		buf_print(out, "\"" TEXT_FMT "\"}}", TEXT_ARG(s->code));
	else
		buf_lit(out, "null}}");
}

const struct shape shape_chat = {
	.id_header = "x-request-id",
	.open = chat_open, .reasoning = chat_reasoning, .text = chat_text, .tools = chat_tools, .finish = chat_finish,
	.whole = chat_whole, .error = chat_error, .refusal = chat_refusal,
};
