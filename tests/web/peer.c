/* SPDX-License-Identifier: Apache-2.0 */
/* The small web server of the room's tests: records out, answers in. */
#include "tests/web/peer.h"

#include <stdio.h>

void
put_record(struct buf *b, int type, int id, struct text content, int padding)
{
	unsigned char header[8] = { 1, (unsigned char)type, (unsigned char)(id >> 8), (unsigned char)id, (unsigned char)(content.len >> 8),
	    (unsigned char)content.len, (unsigned char)padding, 0 };

	buf_add(b, header, 8);
	buf_text(b, content);
	for (int i = 0; i < padding; i++)
		buf_byte(b, (char)0xee);
}

void
put_begin(struct buf *b, int id, int role, int flags)
{
	char body[8] = { (char)(role >> 8), (char)role, (char)flags, 0, 0, 0, 0, 0 };

	put_record(b, 1, id, (struct text){ body, 8 }, 0);
}

static void
put_length(struct buf *b, size_t n)
{
	if (n >= 128) {
		buf_byte(b, (char)(0x80 | n >> 24));
		buf_byte(b, (char)(n >> 16));
		buf_byte(b, (char)(n >> 8));
	}
	buf_byte(b, (char)n);
}

void
put_pair(struct buf *b, struct text name, struct text value)
{
	put_length(b, name.len);
	put_length(b, value.len);
	buf_text(b, name);
	buf_text(b, value);
}

static void
put_stream(struct buf *b, int type, int id, struct text content, size_t record)
{
	for (size_t at = 0; at < content.len; at += record)
		put_record(b, type, id, text_sub(content, at, at + record), (int)(at / record % 8));
	put_record(b, type, id, TEXT(""), 0);
}

void
put_params(struct buf *b, int id, const struct pair *pairs, size_t n)
{
	struct buf content = { 0 };

	for (size_t i = 0; i < n; i++)
		put_pair(&content, text_of(pairs[i].name), text_of(pairs[i].value));
	put_stream(b, 4, id, buf_as_text(&content), 65535);
	buf_free(&content);
}

void
put_body(struct buf *b, int id, struct text body, size_t record)
{
	put_stream(b, 5, id, body, record);
}

void
put_post(struct buf *b, int id, int flags, struct text body)
{
	char length[32];

	snprintf(length, sizeof(length), "%zu", body.len);
	put_begin(b, id, 1, flags);
	put_params(b, id,
	    (struct pair[]){ { "REQUEST_METHOD", "POST" }, { "REQUEST_URI", "/v1/x?a=b" }, { "CONTENT_LENGTH", length }, { "HTTP_X_API_KEY", "k" } }, 4);
	put_body(b, id, body, 65535);
}

static void
take_record(struct answer *a, const unsigned char *h, struct text content, bool mine)
{
	switch (h[1]) {
	case 3:
		*(mine ? &a->status : &a->others_status) = content.len == 8 ? (unsigned char)content.at[4] : 255;
		break;
	case 6:
		buf_text(&a->out, content);
		a->records += content.len > 0;
		a->out_ended |= content.len == 0;
		break;
	case 10:
		buf_text(&a->values, content);
		break;
	case 11:
		a->unknown_type = content.len == 8 ? (unsigned char)content.at[0] : 255;
		break;
	}
}

bool
read_answer(struct answer *a, struct text wire, int id)
{
	*a = (struct answer){ .status = -1, .others_status = -1, .unknown_type = -1 };
	while (a->status < 0 && wire.len - a->used >= 8) {
		const unsigned char *h = (const unsigned char *)wire.at + a->used;
		size_t length = (size_t)h[4] << 8 | h[5];
		bool mine = (h[2] << 8 | h[3]) == id;

		if (h[0] != 1 || (h[1] == 6 && (!mine || a->out_ended)))
			return (false);
		if (wire.len - a->used < 8 + length + h[6])
			break;
		take_record(a, h, (struct text){ (const char *)h + 8, length }, mine);
		a->used += 8 + length + h[6];
	}
	return (true);
}

void
answer_free(struct answer *a)
{
	buf_free(&a->out);
	buf_free(&a->values);
}
