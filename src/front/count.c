/* SPDX-License-Identifier: Apache-2.0 */
/* An estimate of a prompt's tokens without a tokenizer: too high is harmless, too low keeps a client from compacting its history. */
#include "front/front.h"

#define TOKENS_OF_IMAGE		1600
#define TOKENS_OF_MESSAGE	3
#define BASE64_OF_PAGE		60000		/* bytes of a document's base64 that count as a page */
#define TOKENS_OF_PAGE		2500

/* What is counted: bytes of words, and tokens of what has none. */
struct tally {
	uint64_t	 bytes, tokens;
};

static void
count_parts(struct tally *t, const struct part *parts)
{
	for (const struct part *p = parts; p != NULL; p = p->next) {
		t->bytes += p->text.len + p->signature.len + p->name.len + p->id.len + p->input.len;
		if (p->kind == PART_IMAGE)
			t->tokens += TOKENS_OF_IMAGE;
		else if (p->data_is_text)
			t->bytes += p->data.len;
		else if (p->kind == PART_FILE || p->kind == PART_AUDIO)
			t->tokens += (p->data.len / BASE64_OF_PAGE + 1) * TOKENS_OF_PAGE;
		count_parts(t, p->inner);
	}
}

static int64_t
sum(const struct tally *t)
{
	return ((int64_t)(t->tokens + (t->bytes * 2 + 6) / 7));
}

int64_t
count_tokens(const struct ask *ask)
{
	struct tally t = { 0 };

	for (const struct message *m = ask->messages; m != NULL; m = m->next) {
		t.tokens += TOKENS_OF_MESSAGE;
		t.bytes += m->name.len;
		count_parts(&t, m->parts);
	}
	for (const struct tool *tool = ask->tools; tool != NULL; tool = tool->next) {
		t.tokens += TOKENS_OF_MESSAGE;
		t.bytes += tool->name.len + tool->description.len + tool->schema.len;
	}
	t.bytes += ask->schema.len;
	return (sum(&t));
}

/* JSON of a dialect we need not know */

#define INLINE_LEAST	256			/* a "data" member shorter than this is a word */

/* Words of the wire, which the model never sees. */
static const char *const silent[] = { "type", "role", "cache_control", "media_type", "mimeType", "mime_type", "format" };
/* What a model reads as JSON, names and brackets too. */
static const char *const verbatim[] = { "input", "args", "parameters", "input_schema", "schema", "response" };

static bool
is_one_of(struct quoted name, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (quoted_is(name, words[i]))
			return (true);
	return (false);
}

/* Base64, or a data URL. */
static void
count_inline(struct tally *t, struct text data, bool image)
{
	t->tokens += image ? TOKENS_OF_IMAGE : (data.len / BASE64_OF_PAGE + 1) * TOKENS_OF_PAGE;
}

static bool
is_image(struct text object)
{
	static const char *const names[] = { "media_type", "mimeType", "mime_type" };
	struct json_item item;

	for (size_t i = 0; i < nitems(names); i++)
		if (json_find(object, names[i], &item))
			return (text_starts(item.raw, TEXT("\"image/")));
	return (false);
}

static void
count_value(struct tally *t, const struct json_item *v, struct text within)
{
	struct json_walk walk;
	struct json_item inner;

	if (is_one_of(v->name, silent, nitems(silent)))
		return;
	if (v->type == JSON_STRING && text_starts(v->raw, TEXT("\"data:")))
		count_inline(t, v->raw, text_starts(v->raw, TEXT("\"data:image/")));
	else if (v->type == JSON_STRING && quoted_is(v->name, "data") && v->raw.len > INLINE_LEAST)
		count_inline(t, v->raw, is_image(within));
	else if ((v->type != JSON_OBJECT && v->type != JSON_ARRAY) || is_one_of(v->name, verbatim, nitems(verbatim)))
		t->bytes += v->raw.len;
	else
		for (walk = json_walk(v->raw); json_next(&walk, &inner);)
			count_value(t, &inner, v->raw);
}

int64_t
count_raw(const struct text *said, size_t n)
{
	struct tally t = { 0 };
	struct json_item item;

	for (size_t i = 0; i < n; i++) {
		struct json_walk walk;

		if (said[i].len > 0 && said[i].at[0] == '"')
			t.bytes += said[i].len - 2;
		else if (said[i].len > 0)
			for (walk = json_walk(said[i]); json_next(&walk, &item); t.tokens += TOKENS_OF_MESSAGE)
				count_value(&t, &item, said[i]);
	}
	return (sum(&t));
}
