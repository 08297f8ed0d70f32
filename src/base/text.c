/* SPDX-License-Identifier: Apache-2.0 */
/* Text and buffers: comparing, cutting, numbers, growing. */
#include "base/text.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

static char
lower(char c)
{
	return (c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c);
}

bool
text_same_letters(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (lower(a[i]) != lower(b[i]))
			return (false);
	return (true);
}

bool
text_ends(struct text t, struct text suffix)
{
	return (t.len >= suffix.len && (suffix.len == 0 || memcmp(t.at + t.len - suffix.len, suffix.at, suffix.len) == 0));
}

bool
text_has(struct text t, struct text needle)
{
	for (size_t i = 0; i + needle.len <= t.len; i++)
		if (text_eq_nocase((struct text){ t.at + i, needle.len }, needle))
			return (true);
	return (false);
}

static bool
is_blank(char c)
{
	return (c == ' ' || c == '\t' || c == '\r' || c == '\n');
}

struct text
text_trim(struct text t)
{
	while (t.len > 0 && is_blank(t.at[0])) {
		t.at++;
		t.len--;
	}
	while (t.len > 0 && is_blank(t.at[t.len - 1]))
		t.len--;
	return (t);
}

struct text
text_whole(struct text t)
{
	size_t tail = 0;
	unsigned char lead;

	while (tail < 3 && tail < t.len && ((unsigned char)t.at[t.len - 1 - tail] & 0xc0) == 0x80)
		tail++;
	if (tail == t.len)
		return (t);
	lead = (unsigned char)t.at[t.len - 1 - tail];
	if (lead >= 0xc0 && tail + 1 < (lead < 0xe0 ? 2u : lead < 0xf0 ? 3u : 4u))
		t.len -= tail + 1;
	return (t);
}

bool
text_cut(struct text whole, char at, struct text *head, struct text *tail)
{
	const char *p = whole.len > 0 ? memchr(whole.at, at, whole.len) : NULL;

	if (p == NULL) {
		*head = whole;
		*tail = (struct text){ whole.at + whole.len, 0 };
		return (false);
	}
	*tail = (struct text){ p + 1, (size_t)(whole.at + whole.len - p - 1) };
	*head = (struct text){ whole.at, (size_t)(p - whole.at) };
	return (true);
}

bool
text_to_i64(struct text t, int64_t *out)
{
	bool minus = t.len > 0 && t.at[0] == '-';
	int64_t v = 0;

	if (minus || (t.len > 0 && t.at[0] == '+'))
		t = text_sub(t, 1, t.len);
	if (t.len == 0)
		return (false);
	for (size_t i = 0; i < t.len; i++) {
		if (t.at[i] < '0' || t.at[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_sub_overflow(v, t.at[i] - '0', &v))
			return (false);
	}
	if (!minus && v == INT64_MIN)
		return (false);
	*out = minus ? v : -v;
	return (true);
}

bool
text_to_double(struct text t, double *out)
{
	char copy[64], *end;

	if (t.len == 0 || t.len >= sizeof(copy))
		return (false);
	for (size_t i = 0; i < t.len; i++)
		if (strchr("0123456789+-.eE", t.at[i]) == NULL || t.at[i] == '\0')
			return (false);
	memcpy(copy, t.at, t.len);
	copy[t.len] = '\0';
	*out = strtod(copy, &end);			/* the program never sets a locale, so the point is a point */
	return (*end == '\0' && end != copy && isfinite(*out));
}

uint64_t
text_hash(struct text t)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < t.len; i++)
		h = (h ^ (unsigned char)t.at[i]) * 0x100000001b3u;
	return (h);
}

bool
text_eq_secret(struct text a, struct text b)
{
	volatile unsigned char differs = a.len != b.len;

	for (size_t i = 0; i < a.len; i++)
		differs |= (unsigned char)(a.at[i] ^ (b.len > 0 ? b.at[i % b.len] : 0));
	return (differs == 0);
}

void
buf_free(struct buf *b)
{
	free(b->at);
	*b = (struct buf){ 0 };
}

void
buf_grow(struct buf *b, size_t more)
{
	size_t cap = b->cap > 0 ? b->cap : 256;

	assert(more <= PTRDIFF_MAX / 2 && b->len <= PTRDIFF_MAX / 2);
	while (cap - b->len < more)
		cap *= 2;
	b->at = must_realloc(b->at, cap);
	b->cap = cap;
}

void
buf_add_slow(struct buf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	buf_reserve(b, n);
	memcpy(b->at + b->len, p, n);
	b->len += n;
}

void
buf_vprint(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n <= 0)
		return;
	buf_reserve(b, (size_t)n + 1);
	vsnprintf(b->at + b->len, (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
}

void
buf_print(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprint(b, fmt, ap);
	va_end(ap);
}

void
buf_int(struct buf *b, int64_t n)
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657585960"
	    "616263646566676869707172737475767778798081828384858687888990919293949596979899";
	char digits[20], *p = digits + sizeof(digits);
	uint64_t left = n < 0 ? -(uint64_t)n : (uint64_t)n;

	for (; left >= 10; left /= 100)
		memcpy(p -= 2, pairs + 2 * (left % 100), 2);
	if (left > 0 || p == digits + sizeof(digits))
		*--p = (char)('0' + left);
	if (n < 0)
		*--p = '-';
	buf_add(b, p, (size_t)(digits + sizeof(digits) - p));
}

void
buf_thousandths(struct buf *b, int64_t n)
{
	const char part[4] = { '.', (char)('0' + n / 100 % 10), (char)('0' + n / 10 % 10), (char)('0' + n % 10) };

	buf_int(b, n / 1000);
	buf_add(b, part, sizeof(part));
}

void
buf_drop(struct buf *b, size_t n)
{
	if (n > 0 && n < b->len)
		memmove(b->at, b->at + n, b->len - n);
	b->len = n < b->len ? b->len - n : 0;
}

void *
must_alloc(size_t n)
{
	void *p = malloc(n > 0 ? n : 1);

	if (p == NULL)
		abort();
	return (p);
}

void *
must_zalloc(size_t n)
{
	void *p = calloc(1, n > 0 ? n : 1);

	if (p == NULL)
		abort();
	return (p);
}

void *
must_realloc(void *old, size_t n)
{
	void *p = realloc(old, n > 0 ? n : 1);

	if (p == NULL)
		abort();
	return (p);
}

/* The length of the character at the head, by the table of RFC 3629, 4; 0: there is none. */
static unsigned
sound_char(const unsigned char *p, size_t left)
{
	static const struct {
		unsigned char	 from, to;	/* the first byte */
		unsigned char	 low, high;	/* the second */
		unsigned char	 len;
	} forms[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < nitems(forms); i++) {
		if (p[0] < forms[i].from || p[0] > forms[i].to)
			continue;
		if (left < forms[i].len || p[1] < forms[i].low || p[1] > forms[i].high)
			return (0);
		for (unsigned k = 2; k < forms[i].len; k++)
			if ((p[k] & 0xc0) != 0x80)
				return (0);
		return (forms[i].len);
	}
	return (0);
}

/*
 * Where the next one begins, or NULL.  Its first and its last byte are looked for sixteen places at a time: memmem() takes ten times as long for a large
 * body in which it is not.
 */
static const char *
find(const char *at, const char *end, struct text needle)
{
#ifdef __SSE2__
	const __m128i first = _mm_set1_epi8(needle.at[0]), last = _mm_set1_epi8(needle.at[needle.len - 1]);

	for (; end - at >= (ptrdiff_t)needle.len + 15; at += 16) {
		__m128i a = _mm_loadu_si128((const __m128i *)(const void *)at);
		__m128i b = _mm_loadu_si128((const __m128i *)(const void *)(at + needle.len - 1));
		unsigned both = (unsigned)_mm_movemask_epi8(_mm_and_si128(_mm_cmpeq_epi8(a, first), _mm_cmpeq_epi8(b, last)));

		for (; both != 0; both &= both - 1)
			if (memcmp(at + __builtin_ctz(both), needle.at, needle.len) == 0)
				return (at + __builtin_ctz(both));
	}
#endif
	return (memmem(at, (size_t)(end - at), needle.at, needle.len));
}

unsigned
text_count(struct text t, struct text needle)
{
	const char *at = t.at, *end = t.at + t.len;
	unsigned n = 0;

	if (t.len == 0 || needle.len == 0)
		return (0);
	for (; (at = find(at, end, needle)) != NULL; at += needle.len)
		n++;
	return (n);
}

bool
text_is_sound(struct text t)
{
	const unsigned char *p = (const unsigned char *)t.at, *end = p + t.len;
	unsigned n;

	if (text_is_plain(t))
		return (true);
	while (p < end) {
		if (text_plain8((const char *)p, (const char *)end)) {
			p += 8;
			continue;
		}
		if (*p == 0)
			return (false);
		n = *p < 0x80 ? 1 : sound_char(p, (size_t)(end - p));
		if (n == 0)
			return (false);
		p += n;
	}
	return (true);
}
