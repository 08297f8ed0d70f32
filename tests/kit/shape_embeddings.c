/* SPDX-License-Identifier: Apache-2.0 */
/* Embeddings: vectors that depend on the input's bytes only, so that a test can tell one from another. */
#include "build.h"

#include <inttypes.h>

#define QUOTED_ARG(q)	(int)(q).len, (q).at
#define DIMENSIONS	8
#define DIMENSIONS_MOST	4096

static int64_t
dimensions(const struct build *b)
{
	const struct json *given = json_get(b->ask->body, "dimensions");
	int64_t n = DIMENSIONS;

	if (given != NULL && (!json_to_i64(given->raw, &n) || n < 1 || n > DIMENSIONS_MOST))
		n = DIMENSIONS;
	return (n);
}

/* Eighths between -1 and 1: exact as floats and in every spelling. */
static float
component(struct text input, int64_t i)
{
	return ((float)((text_hash(input) >> (i % 60)) % 17) / 8 - 1);
}

static void
put_floats(struct buf *out, struct text input, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		buf_print(out, "%s%.3f", i > 0 ? "," : "[", (double)component(input, i));
	buf_lit(out, "]");
}

static void
put_base64(struct buf *out, struct text input, int64_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct buf raw = { 0 };

	for (int64_t i = 0; i < n; i++) {
		float f = component(input, i);

		buf_add(&raw, &f, sizeof(f));
	}
	buf_lit(out, "\"");
	for (size_t at = 0; at < raw.len; at += 3) {
		size_t left = raw.len - at;
		const unsigned char *p = (const unsigned char *)raw.at + at;
		uint32_t bits = (uint32_t)p[0] << 16 | (left > 1 ? (uint32_t)p[1] << 8 : 0) | (left > 2 ? p[2] : 0);

		buf_byte(out, digits[bits >> 18]);
		buf_byte(out, digits[bits >> 12 & 63]);
		buf_byte(out, left > 1 ? digits[bits >> 6 & 63] : '=');
		buf_byte(out, left > 2 ? digits[bits & 63] : '=');
	}
	buf_lit(out, "\"");
	buf_free(&raw);
}

static void
put_one(const struct build *b, struct buf *out, struct text input, unsigned index)
{
	bool base64 = quoted_is(json_quoted(json_get(b->ask->body, "encoding_format")), "base64") && !b->s->floats;

	buf_print(out, "%s{\"object\":\"embedding\",\"index\":%u,\"embedding\":", index > 0 ? "," : "", index);
	(base64 ? put_base64 : put_floats)(out, input, dimensions(b));
	buf_lit(out, "}");
}

static void
embeddings_whole(struct build *b, struct buf *out, struct text reasoning, struct text text)
{
	const struct json *input = json_get(b->ask->body, "input"), *one = input;
	unsigned i = 0;

	if (json_is(input, JSON_ARRAY) && !json_is(input->first, JSON_NUMBER))
		one = input->first;
	buf_lit(out, "{\"object\":\"list\",\"data\":[");
	for (; one != NULL; one = one != input ? one->next : NULL)
		put_one(b, out, one->raw, i++);
	buf_print(out, "],\"model\":\"%.*s\",\"usage\":{\"prompt_tokens\":%" PRId64 ",\"total_tokens\":%" PRId64 "}}", QUOTED_ARG(b->ask->model), b->s->in, b->s->in);
}

static void
embeddings_error(struct build *b, struct buf *out, const char **event)
{
	shape_chat.error(b, out, event);
}

static void
embeddings_refusal(const struct script *s, struct buf *out)
{
	shape_chat.refusal(s, out);
}

const struct shape shape_embeddings = {
	.id_header = "x-request-id",
	.whole = embeddings_whole, .error = embeddings_error, .refusal = embeddings_refusal,
};
