/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAI's legacy completions: every prompt and each of its n answers is a choice of its own, and all say the same. */
#include "build.h"

#include <stdio.h>

#define QUOTED_ARG(q)	(int)(q).len, (q).at
#define CHOICES_MOST	128

static const struct json *
first_prompt(const struct build *b)
{
	const struct json *prompt = json_get(b->ask->body, "prompt");

	if (!json_is(prompt, JSON_ARRAY) || json_is(prompt->first, JSON_NUMBER))
		return (prompt);
	return (prompt->first);
}

static unsigned
prompts(const struct build *b)
{
	const struct json *prompt = json_get(b->ask->body, "prompt");

	return (json_is(prompt, JSON_ARRAY) && !json_is(prompt->first, JSON_NUMBER) ? prompt->count : 1);
}

static unsigned
answers_each(const struct build *b)
{
	const struct json *n = json_get(b->ask->body, "n");
	int64_t each = 1;

	if (n != NULL && (!json_to_i64(n->raw, &each) || each < 1 || each > CHOICES_MOST))
		each = 1;
	return ((unsigned)each);
}

/* The prompt that choice i answers, as text that echo repeats: tokens come back as their numbers. */
static struct text
prompt_of(const struct build *b, unsigned i)
{
	const struct json *prompt = first_prompt(b);
	struct quoted q;

	for (unsigned at = i / answers_each(b); at > 0 && prompt != NULL; at--)
		prompt = prompt->next;
	if (!json_true(json_get(b->ask->body, "echo")) || prompt == NULL)
		return (TEXT(""));
	q = json_quoted(prompt);
	return (json_is(prompt, JSON_STRING) ? (struct text){ q.at, q.len } : prompt->raw);
}

static void
head(const struct build *b, struct buf *out)
{
	buf_print(out, "{\"id\":\"cmpl-kit\",\"object\":\"text_completion\",\"created\":1790000000,\"model\":\"%.*s\",\"choices\":[", QUOTED_ARG(b->ask->model));
}

static const char *
finish_reason(const struct build *b, char out[64])
{
	struct text reason = b->s->finish.len > 0 ? b->s->finish : TEXT("stop");

	snprintf(out, 64, "\"" TEXT_FMT "\"", TEXT_ARG(reason));
	return (text_is(reason, "none") ? "null" : out);
}

static void
print_choice(struct buf *out, unsigned i, struct text text, struct text more, const char *reason)
{
	buf_print(out, "{\"text\":\"" TEXT_FMT TEXT_FMT "\",\"index\":%u,\"logprobs\":null,\"finish_reason\":%s}", TEXT_ARG(text), TEXT_ARG(more), i, reason);
}

static void
chunk(struct build *b, unsigned i, struct text text, const char *reason)
{
	struct buf out = { 0 };

	head(b, &out);
	print_choice(&out, i, text, TEXT(""), reason);
	buf_print(&out, "]%s}", b->ask->wants_usage ? ",\"usage\":null" : "");
	build_event(b, NULL, buf_as_text(&out));
	buf_free(&out);
}

static void
completions_open(struct build *b)
{
	for (unsigned i = 0; i < prompts(b) * answers_each(b); i++)
		if (prompt_of(b, i).len > 0)
			chunk(b, i, prompt_of(b, i), "null");
}

static void
completions_text(struct build *b, struct text piece)
{
	for (unsigned i = 0; i < prompts(b) * answers_each(b); i++)
		chunk(b, i, piece, "null");
}

static void
completions_tools(struct build *b)
{
	completions_text(b, TEXT("no tools"));
}

static void
completions_finish(struct build *b)
{
	struct buf out = { 0 };
	char reason[64];

	for (unsigned i = 0; i < prompts(b) * answers_each(b); i++)
		chunk(b, i, TEXT(""), finish_reason(b, reason));
	if (b->ask->wants_usage && !text_is(b->s->usage, "none")) {
		head(b, &out);
		buf_lit(&out, "],\"usage\":");
		build_usage(b, &out);
		buf_lit(&out, "}");
		build_event(b, NULL, buf_as_text(&out));
		buf_free(&out);
	}
	build_done(b);
}

static void
completions_whole(struct build *b, struct buf *out, struct text reasoning, struct text text)
{
	char reason[64];

	head(b, out);
	for (unsigned i = 0; i < prompts(b) * answers_each(b); i++) {
		buf_lit(out, ",");
		out->len -= i == 0;
		print_choice(out, i, prompt_of(b, i), text, finish_reason(b, reason));
	}
	buf_lit(out, "]");
	if (!text_is(b->s->usage, "none")) {
		buf_lit(out, ",\"usage\":");
		build_usage(b, out);
	}
	buf_lit(out, "}");
}

static void
completions_error(struct build *b, struct buf *out, const char **event)
{
	shape_chat.error(b, out, event);
}

static void
completions_refusal(const struct script *s, struct buf *out)
{
	shape_chat.refusal(s, out);
}

const struct shape shape_completions = {
	.id_header = "x-request-id",
	.open = completions_open, .reasoning = completions_text, .text = completions_text, .tools = completions_tools, .finish = completions_finish,
	.whole = completions_whole, .error = completions_error, .refusal = completions_refusal,
};
