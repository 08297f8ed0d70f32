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
json_name(struct json_out *out, const char *name)
{
	json_name_quoted(out, (struct quoted){ name, strlen(name) });
}

void
json_name_quoted(struct json_out *out, struct quoted name)
{
	json_put_quoted(out, name);
	buf_byte(out->to, ':');
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

void
json_pair(struct json_out *o, const char *name, struct text value)
{
	if (value.len == 0)
		return;
	json_name(o, name);
	json_string(o, value);
}

void
json_pair_int(struct json_out *o, const char *name, int64_t value)
{
	json_name(o, name);
	json_int(o, value);
}
