/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the JSON files share: stepping over one token of a text that is checked while it is passed.
 *
 * All functions take the place of a token, return the place behind it, and never look at `end` or beyond.  NULL means that the text is not JSON;
 * the fault is then written.
 */
#ifndef BASE_JSON_PRIV_H
#define BASE_JSON_PRIV_H

#include "base/json.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

struct json_in {
	const char		*start, *end;
	struct json_fault	*fault;
};

extern const unsigned char json_first[256];	/* enum json_type by a value's first byte */
extern const unsigned char json_hex[256];	/* 0 to 15; 0x80: no hexadecimal digit */
#define HEX(c)	json_hex[(unsigned char)(c)]

void		 json_blame(const struct json_in *, const char *where, const char *what) __attribute__((cold));
const char	*json_number(const struct json_in *, const char *);
const char	*json_literal(const struct json_in *, const char *);
const char	*json_string_long(const struct json_in *, const char *);
const char	*json_blanks(const char *, const char *end);
const char	*json_plain(const char *, const char *end);	/* over ASCII that needs no look: none of quote, backslash, control characters */
const char	*json_begin(struct json_in *, struct text, struct json_fault *);	/* at the first token */
const char	*json_finish(const struct json_in *, const char *);	/* behind the last: nothing but white space may follow */
const char	*json_too_deep(const struct json_in *, const char *where);
const char	*json_container(const struct json_in *, const char *, unsigned depth);	/* depth: of the containers around it */

/*
 * Passes over a string's bytes in large steps as long as they are plainly good; stops anywhere between two characters, at the latest at
 * the closing quote.  Which one runs is found out at start; tests set it.
 */
typedef const char *json_stride_f(const char *, const char *end);
extern json_stride_f	*json_stride;
struct json_stride_way {
	const char	*name;
	json_stride_f	*stride;
	bool		 usable;		/* on this machine */
};
enum { JSON_AVX2, JSON_SSE2, JSON_PLAIN, JSON_WAYS };
extern struct json_stride_way json_stride_ways[JSON_WAYS];

/* In line, so that the compiler sees the NULL. */
static inline __attribute__((always_inline)) const char *
json_wrong(const struct json_in *in, const char *where, const char *what)
{
	json_blame(in, where, what);
	return (NULL);
}

static inline __attribute__((always_inline)) const char *
json_wrong_here(const struct json_in *in, const char *where)
{
	return (json_wrong(in, where, where < in->end ? "unexpected character" : "unexpected end of data"));
}

#ifdef __SSE2__
/* Which of 16 bytes are special: quote, backslash, control characters, and bytes over 0x7f. */
static inline unsigned
json_special(const char *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
	__m128i slash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
	__m128i odd = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));		/* signed: bytes over 0x7f too */

	return ((unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, slash), odd)));
}
#endif

static inline enum json_type
json_type_at(const char *p)
{
	return ((enum json_type)json_first[(unsigned char)*p]);
}

static inline const char *
json_blank(const char *p, const char *end)
{
	if (p < end && *p == ' ')		/* ", " and ": " of Python's printer */
		p++;
	if (p < end && (unsigned char)*p <= ' ')
		return (json_blanks(p, end));
	return (p);
}

/* p is at a comma; the result is at the next element. */
static inline const char *
json_past_comma(const struct json_in *in, const char *p, char closing)
{
	p = json_blank(p + 1, in->end);
	if (p < in->end && *p != closing)
		return (p);
	return (p < in->end ? json_wrong(in, p, "trailing comma is not allowed") : json_wrong_here(in, p));
}

/* p is behind the opening quote; the result is behind the closing one. */
static inline const char *
json_string_rest(const struct json_in *in, const char *p)
{
#ifdef __SSE2__
	if (in->end - p >= 16) {
		unsigned mask = json_special(p);

		if (mask != 0 && p[__builtin_ctz(mask)] == '"')
			return (p + __builtin_ctz(mask) + 1);
	}
#endif
	return (json_string_long(in, p));
}

/* p is at the value, which is no container. */
static inline const char *
json_scalar(const struct json_in *in, const char *p, enum json_type type)
{
	switch (type) {
	case JSON_STRING:
		return (json_string_rest(in, p + 1));
	case JSON_NUMBER:
		return (json_number(in, p));
	case JSON_BOOL:
	case JSON_NULL:
		return (json_literal(in, p));
	default:
		return (json_wrong_here(in, p));
	}
}

/* p is at the value. */
static inline const char *
json_value(const struct json_in *in, const char *p, unsigned depth, enum json_type *type)
{
	if (p >= in->end)
		return (json_wrong_here(in, p));
	*type = json_type_at(p);
	return (*type >= JSON_ARRAY ? json_container(in, p, depth) : json_scalar(in, p, *type));
}

/* p is at the name's opening quote; the result is at the value.  *behind is the end of the name, its closing quote included. */
static inline const char *
json_member(const struct json_in *in, const char *p, const char **behind)
{
	if (p >= in->end || *p != '"')
		return (json_wrong_here(in, p));
	if ((p = json_string_rest(in, p + 1)) == NULL)
		return (NULL);
	*behind = p;
	p = json_blank(p, in->end);
	if (p >= in->end || *p != ':')
		return (json_wrong_here(in, p));
	p = json_blank(p + 1, in->end);
	return (p < in->end ? p : json_wrong_here(in, p));
}

#endif
