/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 answers cut into lines and payload. */
#include "upstream/framing.h"

#define LINE_MAX	(64 * 1024)
#define TRAILER_MAX	(64 * 1024)

void
framing_init(struct framing *f, bool to_head)
{
	*f = (struct framing){ .length = -1, .keep = true, .bodyless = to_head };
}

void
framing_free(struct framing *f)
{
	buf_free(&f->line);
}

static void
bad(struct framing *f, const char *why)
{
	f->state = FRAMING_BAD;
	f->why = why;
}

/* The next whole line, without its end; false: it is not here yet.  *at moves on. */
static bool
next_line(struct framing *f, const char *bytes, size_t n, size_t *at, struct text *line)
{
	const char *end = memchr(bytes + *at, '\n', n - *at);
	size_t take = (end != NULL ? (size_t)(end - bytes) + 1 : n) - *at;

	if (f->line.len + take > LINE_MAX) {
		bad(f, "a header line of the answer is too long");
		return (false);
	}
	if (end == NULL || f->line.len > 0) {
		buf_add(&f->line, bytes + *at, take);
		*line = buf_as_text(&f->line);
	} else
		*line = (struct text){ bytes + *at, take };
	*at += take;
	if (f->state == FRAMING_HEAD && !f->began && memcmp(line->at, "HTTP/1.", line->len < 7 ? line->len : 7) != 0)
		bad(f, "the answer is not HTTP");
	if (end == NULL || f->state == FRAMING_BAD)
		return (false);
	line->len--;
	if (line->len > 0 && line->at[line->len - 1] == '\r')
		line->len--;
	return (true);
}

/* the head */

static void
version(struct framing *f, struct text line)
{
	if (!text_starts(line, TEXT("HTTP/1.")) || line.len < 12 || (line.at[7] != '1' && line.at[7] != '0')) {
		bad(f, "the answer is not HTTP");
		return;
	}
	f->began = true;
	f->keep = line.at[7] == '1';
	f->chunked = false;
	f->length = -1;
}

static void
length(struct framing *f, struct text value)
{
	int64_t n;

	if (!text_to_i64(value, &n) || n < 0 || (f->length >= 0 && f->length != n))
		bad(f, "the answer's length is malformed");
	else
		f->length = n;
}

static void
field(struct framing *f, struct text line)
{
	struct text name, value;

	if (!text_cut(line, ':', &name, &value))
		return;
	value = text_trim(value);
	if (text_eq_nocase(name, TEXT("content-length")))
		length(f, value);
	else if (text_eq_nocase(name, TEXT("transfer-encoding"))) {
		f->chunked = text_eq_nocase(value, TEXT("chunked"));
		if (!f->chunked && !text_eq_nocase(value, TEXT("identity")))
			bad(f, "the answer's transfer coding is not known");
	} else if (text_eq_nocase(name, TEXT("connection"))) {
		if (text_has(value, TEXT("close")))
			f->keep = false;
		else if (text_has(value, TEXT("keep-alive")))
			f->keep = true;
	}
}

/* RFC 9112 6.3. */
static void
body_begins(struct framing *f, int status)
{
	if (f->bodyless || status == 204 || status == 304)
		f->state = FRAMING_DONE;
	else if (f->chunked)
		f->state = FRAMING_SIZE;
	else if (f->length >= 0) {
		f->left = (uint64_t)f->length;
		f->state = f->left > 0 ? FRAMING_LENGTH : FRAMING_DONE;
	} else {
		f->keep = false;
		f->state = FRAMING_CLOSE;
	}
}

static void
head_line_came(struct framing *f, struct text line, framing_line_f *say, void *self)
{
	int status = 0;

	if (!f->began)
		version(f, line);
	else if (line.len > 0)
		field(f, line);
	if (f->state == FRAMING_BAD)
		return;
	if (!say(self, line, &status)) {
		bad(f, NULL);
		return;
	}
	if (line.len > 0)
		return;
	if (status != 0)
		body_begins(f, status);
	else
		f->began = false;			/* that was an interim one */
}

/* chunks */

static int
hex(char c)
{
	return (c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1);
}

static void
size_line(struct framing *f, struct text line)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < line.len && hex(line.at[i]) >= 0; i++) {
		if (n >> 40 != 0)
			break;
		n = n << 4 | (unsigned)hex(line.at[i]);
	}
	if (i == 0 || (i < line.len && strchr("; \t", line.at[i]) == NULL)) {
		bad(f, "the answer's chunks are malformed");
		return;
	}
	f->left = n;
	f->state = n > 0 ? FRAMING_CHUNK : FRAMING_TRAILER;
}

static void
trailer_line(struct framing *f, struct text line)
{
	f->trailer += (uint32_t)line.len;
	if (line.len == 0)
		f->state = FRAMING_DONE;
	else if (f->trailer > TRAILER_MAX)
		bad(f, "the answer's trailer is too long");
}

static void
chunk_line(struct framing *f, struct text line)
{
	if (f->state == FRAMING_SIZE)
		size_line(f, line);
	else if (f->state == FRAMING_TRAILER)
		trailer_line(f, line);
	else if (line.len == 0)
		f->state = FRAMING_SIZE;
	else
		bad(f, "the answer's chunks are malformed");
}

/* payload */

static size_t
payload_came(struct framing *f, char *bytes, size_t at, size_t n, struct text *payload)
{
	size_t take = n - at;

	if (f->state != FRAMING_CLOSE && take > f->left)
		take = (size_t)f->left;
	if (bytes + at != payload->at + payload->len)
		memmove(bytes + payload->len, bytes + at, take);
	payload->len += take;
	if (f->state == FRAMING_CLOSE)
		return (take);
	f->left -= take;
	if (f->left == 0)
		f->state = f->state == FRAMING_LENGTH ? FRAMING_DONE : FRAMING_CHUNK_END;
	return (take);
}

size_t
framing_feed(struct framing *f, char *bytes, size_t n, struct text *payload, framing_line_f *say, void *self)
{
	struct text line;
	size_t at = 0;

	*payload = (struct text){ bytes, 0 };
	while (at < n && f->state != FRAMING_DONE && f->state != FRAMING_BAD) {
		if (f->state == FRAMING_LENGTH || f->state == FRAMING_CHUNK || f->state == FRAMING_CLOSE) {
			at += payload_came(f, bytes, at, n, payload);
			continue;
		}
		if (!next_line(f, bytes, n, &at, &line))
			break;
		if (f->state == FRAMING_HEAD)
			head_line_came(f, line, say, self);
		else
			chunk_line(f, line);
		if (f->line.cap > 0)
			buf_free(&f->line);
	}
	return (at);
}

bool
framing_ends(struct framing *f)
{
	return (f->state == FRAMING_CLOSE || f->state == FRAMING_DONE);
}
