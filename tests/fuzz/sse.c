/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server-sent events: the same bytes give the same events however they are cut, and those a plain reading of the whole gives.
 *
 * The first byte chooses the limit and the cuts; the rest is the stream.
 */
#include "upstream/upstream.h"

#include <stdio.h>
#include <stdlib.h>

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define MUST(what)	do { if (!(what)) { fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what); abort(); } } while (0)

struct heard {
	struct buf	 said;
	const char	*from, *to;		/* the bytes at hand */
};

static void
say(struct buf *to, struct text name, struct text data)
{
	buf_print(to, "%zu %zu ", name.len, data.len);
	buf_text(to, name);
	buf_text(to, data);
}

static bool
hear_again(void *self, struct text name, struct text data, struct text wire)
{
	(void)wire;
	say(self, name, data);
	return (true);
}

/* The wire alone must say the same event, and nothing else. */
static void
check_wire(struct text name, struct text data, struct text wire)
{
	struct buf once = { 0 }, again = { 0 };
	struct sse s;

	sse_init(&s, 1 << 20);
	s.began = true;				/* the wire of a later event may begin with what would be a byte order mark */
	MUST(sse_feed(&s, wire.at, wire.len, hear_again, &again) == SSE_OK);
	MUST(s.line.at == NULL && s.data.at == NULL && !s.has_data);
	say(&once, name, data);
	MUST(text_eq(buf_as_text(&once), buf_as_text(&again)));
	buf_free(&once);
	buf_free(&again);
}

static bool
hear(void *self, struct text name, struct text data, struct text wire)
{
	struct heard *h = self;

	if (wire.len > 0) {
		MUST(wire.at >= h->from && wire.at + wire.len <= h->to);
		check_wire(name, data, wire);
	}
	say(&h->said, name, data);
	return (true);
}

/* A piece in memory of its own, which is gone when it has been taken. */
static enum sse_result
feed(struct sse *s, const uint8_t *bytes, size_t n, struct heard *h)
{
	char *copy = malloc(n > 0 ? n : 1);
	enum sse_result result;

	if (copy == NULL)
		abort();
	if (n > 0)
		memcpy(copy, bytes, n);
	h->from = copy;
	h->to = copy + n;
	result = sse_feed(s, copy, n, hear, h);
	free(copy);
	return (result);
}

static enum sse_result
read_cut(struct heard *h, const uint8_t *bytes, size_t n, size_t limit, uint64_t cuts)
{
	enum sse_result result = SSE_OK;
	struct sse s;

	sse_init(&s, limit);
	for (size_t at = 0; at < n && result == SSE_OK; ) {
		size_t piece = cuts == 0 ? n : cuts % 23;

		if (piece > n - at)
			piece = n - at;
		result = feed(&s, bytes + at, piece, h);
		at += piece;
		cuts = cuts == 0 ? 0 : cuts * 6364136223846793005u + 1442695040888963407u;
		cuts = cuts == 0 ? 0 : cuts >> 1 | 1;
	}
	if (result == SSE_OK)
		result = sse_end(&s, hear, h);
	MUST(s.line.at == NULL && s.data.at == NULL);
	return (result);
}

/* The plain reading: line ends made LF, then line by line. */
static void
plainly(struct buf *said, const uint8_t *bytes, size_t n)
{
	struct buf whole = { 0 }, data = { 0 }, name = { 0 };
	bool has_data = false;
	struct text line, rest;

	if (n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
		bytes += 3, n -= 3;
	for (size_t i = 0; i < n; i++)
		if (bytes[i] != '\r')
			buf_byte(&whole, (char)bytes[i]);
		else if (i + 1 == n || bytes[i + 1] != '\n')
			buf_byte(&whole, '\n');
	buf_lit(&whole, "\n\n");
	rest = buf_as_text(&whole);
	while (text_cut(rest, '\n', &line, &rest)) {
		if (line.len == 0) {
			if (has_data)
				say(said, buf_as_text(&name), buf_as_text(&data));
			has_data = false;
			data.len = name.len = 0;
		} else if (text_is(line, "data") || text_starts(line, TEXT("data:"))) {
			if (has_data)
				buf_byte(&data, '\n');
			buf_text(&data, text_sub(line, text_starts(line, TEXT("data: ")) ? 6 : 5, line.len));
			has_data = true;
		} else if (text_is(line, "event") || text_starts(line, TEXT("event:"))) {
			name.len = 0;
			buf_text(&name, text_sub(line, text_starts(line, TEXT("event: ")) ? 7 : 6, line.len));
			name.len = name.len < 64 ? name.len : 64;
		}
	}
	buf_free(&whole);
	buf_free(&data);
	buf_free(&name);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct heard whole = { 0 }, cut = { 0 };
	struct buf plain = { 0 };
	uint64_t cuts;
	size_t limit;
	enum sse_result result;

	if (size == 0)
		return (0);
	limit = (*data & 1) != 0 ? 1 << 20 : *data;
	cuts = text_hash((struct text){ (const char *)data, size }) | 1;
	result = read_cut(&whole, data + 1, size - 1, limit, 0);
	MUST(read_cut(&cut, data + 1, size - 1, limit, cuts) == result);
	MUST(text_eq(buf_as_text(&whole.said), buf_as_text(&cut.said)));
	plainly(&plain, data + 1, size - 1);
	if (result == SSE_OK)
		MUST(text_eq(buf_as_text(&whole.said), buf_as_text(&plain)));
	else
		MUST(text_starts(buf_as_text(&plain), buf_as_text(&whole.said)));
	buf_free(&whole.said);
	buf_free(&cut.said);
	buf_free(&plain);
	return (0);
}
