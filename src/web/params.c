/* SPDX-License-Identifier: Apache-2.0 */
/* The name-value pairs of a request: cutting them, and finding what everybody asks for. */
#include "web/web_priv.h"

#include <stdlib.h>

/* A length is one byte, or four with the first bit set (up to 2^31 - 1). */
static bool
take_length(struct text *raw, size_t *length)
{
	const unsigned char *p = (const unsigned char *)raw->at;
	size_t bytes = raw->len > 0 && p[0] >= 0x80 ? 4 : 1;

	if (raw->len < bytes)
		return (false);
	*length = bytes == 1 ? p[0] : (size_t)(p[0] & 0x7f) << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	*raw = (struct text){ raw->at + bytes, raw->len - bytes };
	return (true);
}

bool
params_next(struct text *raw, struct param *p)
{
	size_t name, value;

	if (!take_length(raw, &name) || !take_length(raw, &value) || name > raw->len || value > raw->len - name)
		return (false);
	p->name = (struct text){ raw->at, name };
	p->value = (struct text){ raw->at + name, value };
	*raw = (struct text){ raw->at + name + value, raw->len - name - value };
	return (true);
}

/* Fields of the request that are params, by name. */
static const struct {
	struct text	 name;
	size_t		 field;
} known[] = {
	{ { "REQUEST_METHOD", 14 }, offsetof(struct request, method) },
	{ { "REQUEST_URI", 11 }, offsetof(struct request, uri) },
	{ { "QUERY_STRING", 12 }, offsetof(struct request, query) },
};

static bool
is_header(const struct param *p)
{
	return (p->name.len > 5 && memcmp(p->name.at, "HTTP_", 5) == 0);
}

/* Has a param before `p` its name?  `seen` has a bit for each name so far, so that the list is walked only when in doubt. */
static bool
came_before(const struct param *first, const struct param *p, uint64_t *seen)
{
	uint64_t bit = p->name.len == 0 ? 1 :
	    1ull << ((p->name.len * 7 + (unsigned char)p->name.at[p->name.len - 1] + (unsigned char)p->name.at[p->name.len / 2] * 5u) & 63);

	if (*seen & bit)
		for (const struct param *q = first; q < p; q++)
			if (text_eq(q->name, p->name))
				return (true);
	*seen |= bit;
	return (false);
}

static void
note_param(struct request *r, const struct param *p)
{
	for (size_t i = 0; i < nitems(known); i++) {
		struct text *field = (struct text *)((char *)r + known[i].field);

		if (field->at == NULL && text_eq(p->name, known[i].name))
			*field = p->value;
	}
	if (r->content_length == LENGTH_ABSENT && p->value.len > 0 && text_eq(p->name, TEXT("CONTENT_LENGTH")) &&
	    (p->value.at[0] < '0' || p->value.at[0] > '9' || !text_to_i64(p->value, &r->content_length)))
		r->content_length = LENGTH_MALFORMED;
}

/* The path and the query as the client sent them; REQUEST_URI is the one variable that all servers agree on. */
static void
split_uri(struct request *r)
{
	struct text query;

	if (r->uri.at == NULL)
		r->uri = TEXT("");
	if (text_cut(r->uri, '?', &r->path, &query) || r->query.at == NULL)
		r->query = query;
	if (r->method.at == NULL)
		r->method = TEXT("");
}

static uint64_t
length_bit(size_t len)
{
	return (UINT64_C(1) << (len & 63));
}

const char *
params_parse(struct request *r, struct text raw, struct param *table, size_t room)
{
	uint64_t seen = 0, headers = 0;
	size_t n = 0;

	*r = (struct request){ .content_length = LENGTH_ABSENT, .params = table };
	while (raw.len > 0) {
		struct param *p = &table[n];

		if (n == room)
			return ("too many params");
		if (!params_next(&raw, p))
			return ("a param longer than the params");
		n++;
		if (is_header(p)) {
			headers |= length_bit(p->name.len - 5);
			continue;
		}
		note_param(r, p);
		r->twice |= came_before(table, p, &seen);
	}
	r->n_params = n;
	r->lacks = ~headers;
	split_uri(r);
	return (NULL);
}

struct text
request_param(const struct request *r, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < r->n_params; i++)
		if (r->params[i].name.len == len && memcmp(r->params[i].name.at, name, len) == 0)
			return (r->params[i].value);
	return (TEXT(""));
}

static bool
names_header(struct text param, const char *header, size_t len)
{
	if (param.len != len + 5 || memcmp(param.at, "HTTP_", 5) != 0)
		return (false);
	for (size_t i = 0; i < len; i++) {
		char c = header[i];

		if (c >= 'a' && c <= 'z')
			c = (char)(c & ~0x20);
		else if (c == '-')
			c = '_';
		if (param.at[i + 5] != c)
			return (false);
	}
	return (true);
}

struct text
request_header(const struct request *r, const char *name)
{
	size_t len = strlen(name);

	if ((r->lacks & length_bit(len)) != 0)
		return (TEXT(""));
	for (size_t i = 0; i < r->n_params; i++)
		if (names_header(r->params[i].name, name, len))
			return (r->params[i].value);
	return (TEXT(""));
}

unsigned
request_header_count(const struct request *r, const char *name)
{
	size_t len = strlen(name);
	unsigned count = 0;

	for (size_t i = 0; i < r->n_params; i++)
		count += names_header(r->params[i].name, name, len);
	return (count);
}
