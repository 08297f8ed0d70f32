/* SPDX-License-Identifier: Apache-2.0 */
/* Strings and numbers of JSON: comparing, unescaping, escaping, reading. */
#include "base/json_priv.h"

#include <math.h>
#include <stdlib.h>

#define REPLACEMENT	0xfffd

struct quoted
json_inside(struct text raw)
{
	if (raw.len < 2 || raw.at[0] != '"')
		return (QUOTED(""));
	return ((struct quoted){ raw.at + 1, raw.len - 2 });
}

/* unescaping */

static bool
has_escapes(struct quoted q)
{
	return (q.len > 0 && memchr(q.at, '\\', q.len) != NULL);
}

/* The unit of a \uXXXX at p; -1: there is none. */
static int32_t
unit_at(const char *p, const char *end)
{
	if (end - p < 6 || p[0] != '\\' || p[1] != 'u' || ((HEX(p[2]) | HEX(p[3]) | HEX(p[4]) | HEX(p[5])) & 0x80) != 0)
		return (-1);
	return ((int32_t)(HEX(p[2]) << 12 | HEX(p[3]) << 8 | HEX(p[4]) << 4 | HEX(p[5])));
}

static bool
is_high(int32_t unit)
{
	return (unit >= 0xd800 && unit <= 0xdbff);
}

static bool
is_low(int32_t unit)
{
	return (unit >= 0xdc00 && unit <= 0xdfff);
}

static size_t
put_utf8(char *to, uint32_t c)
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char lead[5] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = n; i-- > 1; c >>= 6)
		to[i] = (char)(0x80 | (c & 0x3f));
	to[0] = (char)(lead[n] | c);
	return (n);
}

/* Takes the escape at *p, two if they are a pair; writes at most 4 bytes, and no more bytes than it takes. */
static size_t
take_escape(const char **p, const char *end, char *to)
{
	static const char simple[256] = {
		['"'] = '"', ['\\'] = '\\', ['/'] = '/', ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t',
	};
	int32_t unit = unit_at(*p, end), low;

	if (unit < 0) {					/* a checked text has no backslash at its end */
		to[0] = end - *p >= 2 ? simple[(unsigned char)(*p)[1]] : '\\';
		*p = end - *p >= 2 ? *p + 2 : end;
		return (1);
	}
	*p += 6;
	if (is_high(unit) && is_low(low = unit_at(*p, end))) {
		*p += 6;
		return (put_utf8(to, 0x10000 + ((uint32_t)(unit - 0xd800) << 10) + (uint32_t)(low - 0xdc00)));
	}
	return (put_utf8(to, is_high(unit) || is_low(unit) ? REPLACEMENT : (uint32_t)unit));
}

/* `to` has room for q.len bytes. */
static size_t
unescape(char *to, struct quoted q)
{
	const char *p = q.at, *end = q.at + q.len;
	char *at = to;

	while (p < end) {
		const char *slash = memchr(p, '\\', (size_t)(end - p));
		size_t run = (size_t)((slash != NULL ? slash : end) - p);

		memcpy(at, p, run);
		at += run;
		p += run;
		if (slash != NULL)
			at += take_escape(&p, end, at);
	}
	return ((size_t)(at - to));
}

struct text
json_unescape(struct arena *arena, struct quoted q)
{
	char *to;

	if (!has_escapes(q))
		return ((struct text){ q.at, q.len });
	to = arena_bytes(arena, q.len);
	return ((struct text){ to, unescape(to, q) });
}

void
buf_unescape(struct buf *out, struct quoted q)
{
	if (q.len == 0)
		return;
	buf_reserve(out, q.len);
	out->len += unescape(out->at + out->len, q);
}

/* comparing */

static char
fold(char c)
{
	return (c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c);
}

static bool
same(const char *a, const char *b, size_t n, bool nocase)
{
	if (!nocase)
		return (memcmp(a, b, n) == 0);
	for (size_t i = 0; i < n; i++)
		if (fold(a[i]) != fold(b[i]))
			return (false);
	return (true);
}

static bool
compare(struct quoted q, const char *word, bool nocase)
{
	const char *p = q.len > 0 ? q.at : "", *end = p + q.len;
	size_t left = strlen(word);

	if (q.len < left)				/* escapes are longer than what they stand for */
		return (false);
	if (!has_escapes(q))
		return (q.len == left && same(p, word, left, nocase));
	while (p < end) {
		char got[4];
		size_t n = 1;

		if (*p == '\\')
			n = take_escape(&p, end, got);
		else
			got[0] = *p++;
		if (n > left || !same(got, word, n, nocase))
			return (false);
		word += n;
		left -= n;
	}
	return (left == 0);
}

bool
quoted_is(struct quoted q, const char *word)
{
	if (q.len > 0 && q.at[0] != word[0] && q.at[0] != '\\')		/* most names differ at once */
		return (false);
	return (compare(q, word, false));
}

bool
quoted_is_nocase(struct quoted q, const char *word)
{
	return (compare(q, word, true));
}

bool
quoted_blank(struct quoted q)
{
	const char *p = q.at, *end = q.len > 0 ? q.at + q.len : q.at;	/* nothing may have no place */

	while (p < end) {
		char got[4] = { 0 };

		if (*p == '\\')
			take_escape(&p, end, got);
		else
			got[0] = *p++;
		if (got[0] == '\0' || strchr(" \t\n\r\f\v", got[0]) == NULL)
			return (false);
	}
	return (true);
}

bool
quoted_ends_in_half(struct quoted q, struct quoted *half)
{
	const char *last;
	size_t slashes = 0;

	if (q.len < 6)
		return (false);
	last = q.at + q.len - 6;
	if (!is_high(unit_at(last, q.at + q.len)))
		return (false);
	while (last - slashes > q.at && last[-1 - (ptrdiff_t)slashes] == '\\')
		slashes++;
	if (slashes % 2 != 0)				/* the backslash of "\\uD83D" is itself escaped */
		return (false);
	*half = (struct quoted){ last, 6 };
	return (true);
}

bool
quoted_join(struct arena *arena, struct half *half, struct quoted *words)
{
	struct quoted tail = QUOTED(""), rest = *words;
	bool ends = quoted_ends_in_half(rest, &tail);

	if (rest.len == 0)
		return (false);
	if (ends)
		rest.len -= sizeof(half->at);
	if (half->waits) {
		char *joined = arena_bytes(arena, sizeof(half->at) + rest.len);

		memcpy(joined, half->at, sizeof(half->at));
		memcpy(joined + sizeof(half->at), rest.at, rest.len);
		rest = (struct quoted){ joined, sizeof(half->at) + rest.len };
	}
	half->waits = ends;
	if (ends)
		memcpy(half->at, tail.at, sizeof(half->at));
	*words = rest;
	return (rest.len > 0);
}

/* escaping */

/* What stands for a byte that can not be itself; writes at most 6 bytes. */
static size_t
put_escape(char *to, unsigned char c)
{
	static const char letter[0x60] = {
		['"'] = '"', ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't',
	};
	static const char hex[] = "0123456789abcdef";

	to[0] = '\\';
	if (letter[c] != '\0') {
		to[1] = letter[c];
		return (2);
	}
	memcpy(to + 1, "u00", 3);
	to[4] = hex[c >> 4];
	to[5] = hex[c & 15];
	return (6);
}

static bool
must_escape(unsigned char c)
{
	return (c < 0x20 || c == '"' || c == '\\');
}

/* From p on over all that may stand inside a string as it is. */
static const char *
over_good(const char *p, const char *end)
{
	unsigned n;

	while ((p = json_plain(p, end)) < end && (unsigned char)*p >= 0x80 && (n = json_utf8(p, end)) > 0)
		p += n;
	return (p);
}

void
buf_escape(struct buf *out, struct text t)
{
	const char *p = t.len > 0 ? t.at : "", *end = p + t.len;
	char escape[6];

	buf_reserve(out, t.len);
	while (p < end) {
		const char *good = over_good(p, end);

		buf_add(out, p, (size_t)(good - p));
		if ((p = good) == end)
			break;
		if (must_escape((unsigned char)*p))
			buf_add(out, escape, put_escape(escape, (unsigned char)*p++));
		else {
			buf_add(out, escape, put_utf8(escape, REPLACEMENT));
			do
				p++;				/* one mark for all tail bytes that belong to nothing */
			while (p < end && ((unsigned char)*p & 0xc0) == 0x80);
		}
	}
}

/* The buffer's bytes, moved to the arena. */
static struct quoted
settle(struct arena *arena, struct buf *b)
{
	struct text copy = arena_copy(arena, buf_as_text(b));

	buf_free(b);
	return ((struct quoted){ copy.at, copy.len });
}

struct quoted
json_escape(struct arena *arena, struct text t)
{
	struct buf b = { 0 };
	struct text copy;

	if (t.len > 0 && over_good(t.at, t.at + t.len) == t.at + t.len) {
		copy = arena_copy(arena, t);
		return ((struct quoted){ copy.at, copy.len });
	}
	buf_escape(&b, t);
	return (settle(arena, &b));
}

static bool
is_blank(char c)
{
	return (c == ' ' || c == '\n' || c == '\r' || c == '\t');
}

/* A string of the text, quotes too, with what a string can hold escaped once more; p is at its opening quote. */
static const char *
escape_string(struct buf *out, const char *p, const char *end)
{
	bool escaped = false;

	buf_lit(out, "\\\"");
	for (p++; p < end; p++) {
		bool ends = *p == '"' && !escaped;

		escaped = *p == '\\' && !escaped;
		if (*p == '"' || *p == '\\')
			buf_byte(out, '\\');
		buf_byte(out, *p);
		if (ends)
			return (p + 1);
	}
	return (p);
}

struct quoted
json_escape_compact(struct arena *arena, struct text json)
{
	const char *p = json.at, *end = json.at + json.len;
	struct buf b = { 0 };

	buf_reserve(&b, json.len + json.len / 8);
	while (p < end) {
		if (*p == '"') {
			p = escape_string(&b, p, end);
			continue;
		}
		if (!is_blank(*p))
			buf_byte(&b, *p);
		p++;
	}
	return (settle(arena, &b));
}

/* numbers */

/* A number's digits without its point, its outer zeros cut off, and the power of ten behind them. */
struct decimal {
	bool	 minus;
	char	 digit[20];
	size_t	 n;			/* of all digits, even if there is no room for them */
	int64_t	 power;
};

static int64_t
read_exponent(struct text t)
{
	int64_t e = 0;
	bool minus = t.len > 0 && t.at[0] == '-';

	for (size_t i = t.len > 0 && (minus || t.at[0] == '+'); i < t.len; i++)
		if (e < INT64_C(1) << 40)			/* further than any text has digits */
			e = e * 10 + (t.at[i] - '0');
	return (minus ? -e : e);
}

static struct decimal
read_decimal(struct text t)
{
	struct decimal d = { .minus = t.at[0] == '-' };
	size_t zeros = 0, i = d.minus;
	bool fraction = false;

	for (; i < t.len && (t.at[i] | 0x20) != 'e'; i++) {
		if (t.at[i] == '.') {
			fraction = true;
			continue;
		}
		d.power -= fraction;
		if (t.at[i] == '0') {
			zeros += d.n > 0;
			continue;
		}
		for (d.n += zeros; zeros > 0; zeros--)
			if (d.n - zeros < sizeof(d.digit))
				d.digit[d.n - zeros] = '0';
		if (d.n < sizeof(d.digit))
			d.digit[d.n] = t.at[i];
		d.n++;
	}
	d.power += (int64_t)zeros;
	if (i < t.len)
		d.power += read_exponent((struct text){ t.at + i + 1, t.len - i - 1 });
	return (d);
}

static bool
is_number(struct text raw)
{
	struct json_fault fault;
	struct json_in in = { .start = raw.at, .end = raw.at + raw.len, .fault = &fault };

	return (raw.len > 0 && json_type_at(raw.at) == JSON_NUMBER && json_number(&in, raw.at) == in.end);
}

bool
json_to_i64(struct text raw, int64_t *out)
{
	struct decimal d;
	int64_t v = 0;

	if (!is_number(raw))
		return (false);
	d = read_decimal(raw);
	if (d.n > 0 && (d.power < 0 || d.power > 19 || d.n > 19))
		return (false);
	for (size_t i = 0; d.n > 0 && i < d.n + (size_t)d.power; i++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, i < d.n ? d.digit[i] - '0' : 0, &v))
			return (false);
	if (!d.minus && v == INT64_MIN)
		return (false);
	*out = d.minus ? v : -v;
	return (true);
}

bool
json_to_double(struct text raw, double *out)
{
	char copy[1024];			/* the longest exact double has 767 digits; what is longer still is nobody's setting */

	if (raw.len >= sizeof(copy) || !is_number(raw))
		return (false);
	memcpy(copy, raw.at, raw.len);
	copy[raw.len] = '\0';
	*out = strtod(copy, NULL);		/* the program never sets a locale, so the point is a point */
	return (isfinite(*out));
}
