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
	return ((int64_t)(t.tokens + (t.bytes * 2 + 6) / 7));
}
