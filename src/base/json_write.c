/* SPDX-License-Identifier: Apache-2.0 */
/* Writing JSON into a buffer. */
#include "base/json.h"

static void
begin(struct json_out *out)
{
	if (out->comma)
		buf_byte(out->to, ',');
	out->comma = true;
}

void
json_open(struct json_out *out, char bracket)
{
	begin(out);
	buf_byte(out->to, bracket);
	out->comma = false;
}

void
json_close(struct json_out *out, char bracket)
{
	buf_byte(out->to, bracket);
	out->comma = true;
}

void
json_name_quoted(struct json_out *out, struct quoted name)
{
	struct buf *b = out->to;
	char *at;

	buf_reserve(b, name.len + 4);
	at = b->at + b->len;
	if (out->comma)
		*at++ = ',';
	*at++ = '"';
	memcpy(at, name.at, name.len);
	at += name.len;
	*at++ = '"';
	*at++ = ':';
	b->len = (size_t)(at - b->at);
	out->comma = false;
}

void
json_raw(struct json_out *out, struct text value)
{
	begin(out);
	buf_text(out->to, value);
}

void
json_string(struct json_out *out, struct text t)
{
	begin(out);
	buf_reserve(out->to, t.len + 2);
	buf_byte(out->to, '"');
	buf_escape(out->to, t);
	buf_byte(out->to, '"');
}

void
json_put_quoted(struct json_out *out, struct quoted q)
{
	begin(out);
	buf_byte(out->to, '"');
	buf_add(out->to, q.at, q.len);
	buf_byte(out->to, '"');
}

void
json_int(struct json_out *out, int64_t v)
{
	begin(out);
	buf_int(out->to, v);
}

void
json_bool(struct json_out *out, bool v)
{
	json_raw(out, v ? TEXT("true") : TEXT("false"));
}

void
json_null(struct json_out *out)
{
	json_raw(out, TEXT("null"));
}
