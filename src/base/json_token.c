/* SPDX-License-Identifier: Apache-2.0 */
/* JSON token by token: strings in large strides, numbers, literals, white space, containers without recursion. */
#include "base/json_priv.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

#define N	JSON_NUMBER
const unsigned char json_first[256] = {
	['"'] = JSON_STRING, ['{'] = JSON_OBJECT, ['['] = JSON_ARRAY, ['t'] = JSON_BOOL, ['f'] = JSON_BOOL, ['n'] = JSON_NULL,
	['-'] = N, ['0'] = N, ['1'] = N, ['2'] = N, ['3'] = N, ['4'] = N, ['5'] = N, ['6'] = N, ['7'] = N, ['8'] = N, ['9'] = N,
};
#undef N

void
json_blame(const struct json_in *in, const char *where, const char *what)
{
	*in->fault = (struct json_fault){ .what = what, .at = (size_t)(where - in->start) };
}

const char *
json_too_deep(const struct json_in *in, const char *where)
{
	json_wrong(in, where, "nested too deeply");
	in->fault->too_deep = true;
	return (NULL);
}

/* white space */

static bool
is_blank(char c)
{
	return (c == ' ' || c == '\n' || c == '\r' || c == '\t');
}

const char *
json_blanks(const char *p, const char *end)
{
#ifdef __SSE2__
	while (end - p >= 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i line = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('\n')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\r')));
		__m128i gap = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(' ')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\t')));
		unsigned other = (unsigned)_mm_movemask_epi8(_mm_or_si128(line, gap)) ^ 0xffff;

		if (other != 0)
			return (p + __builtin_ctz(other));
		p += 16;
	}
#endif
	while (p < end && is_blank(*p))
		p++;
	return (p);
}

/* numbers and literals */

static inline bool
is_digit(const char *p, const char *end)
{
	return (p < end && (unsigned char)(*p - '0') <= 9);
}

static const char *
digits(const struct json_in *in, const char *p, const char *lacking)
{
	if (!is_digit(p, in->end))
		return (p < in->end ? json_wrong(in, p, lacking) : json_wrong_here(in, p));
	while (is_digit(p, in->end))
		p++;
	return (p);
}

const char *
json_number(const struct json_in *in, const char *p)
{
	const char *whole;

	if (*p == '-')
		p++;
	whole = p;
	if ((p = digits(in, p, "no digit after minus sign")) == NULL)
		return (NULL);
	if (*whole == '0' && p - whole > 1)
		return (json_wrong(in, whole, "number with leading zero is not allowed"));
	if (p < in->end && *p == '.' && (p = digits(in, p + 1, "no digit after decimal point")) == NULL)
		return (NULL);
	if (p < in->end && (*p | 0x20) == 'e') {
		p++;
		if (p < in->end && (*p == '+' || *p == '-'))
			p++;
		return (digits(in, p, "no digit in exponent"));
	}
	return (p);
}

const char *
json_literal(const struct json_in *in, const char *p)
{
	const char *word = *p == 't' ? "true" : *p == 'f' ? "false" : "null", *at = p;

	for (; *word != '\0'; word++, at++) {
		if (at == in->end)
			return (json_wrong_here(in, at));
		if (*at != *word)
			return (json_wrong(in, p, "invalid literal"));
	}
	return (at);
}

/* strings */

/* Table 3-7 of the Unicode standard: no overlong forms, no surrogates, nothing over U+10FFFF. */
unsigned
json_utf8(const char *at, const char *end)
{
	const unsigned char *p = (const unsigned char *)at;
	size_t left = (size_t)(end - at);

#define TAIL(i)	((p[i] & 0xc0) == 0x80)
	if (p[0] < 0x80)
		return (1);
	if (p[0] < 0xe0)
		return (p[0] >= 0xc2 && left >= 2 && TAIL(1) ? 2 : 0);
	if (p[0] < 0xf0)
		return (left >= 3 && TAIL(1) && TAIL(2) && (p[0] != 0xe0 || p[1] >= 0xa0) && (p[0] != 0xed || p[1] < 0xa0) ? 3 : 0);
	return (p[0] <= 0xf4 && left >= 4 && TAIL(1) && TAIL(2) && TAIL(3) && (p[0] != 0xf0 || p[1] >= 0x90) &&
	    (p[0] != 0xf4 || p[1] < 0x90) ? 4 : 0);
#undef TAIL
}

#define X	0x80
const unsigned char json_hex[256] = {
	X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
	X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
	X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, X, X, X, X, X, X,
	X, 10, 11, 12, 13, 14, 15, X, X, X, X, X, X, X, X, X,
	X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
	X, 10, 11, 12, 13, 14, 15, X, X, X, X, X, X, X, X, X,
	X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
	X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
	X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
	X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
	X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
	X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
	X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
	X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
	X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
};
#undef X
/* p is behind the backslash.  0: it is no escape; may also mean that it is cut by the end. */
static inline unsigned
escape_len(const char *p, const char *end)
{
	static const unsigned char len[256] = {
		['"'] = 1, ['\\'] = 1, ['/'] = 1, ['b'] = 1, ['f'] = 1, ['n'] = 1, ['r'] = 1, ['t'] = 1, ['u'] = 5,
	};
	unsigned n = p < end ? len[(unsigned char)*p] : 0;

	if (n == 5 && (end - p < 5 || ((HEX(p[1]) | HEX(p[2]) | HEX(p[3]) | HEX(p[4])) & 0x80) != 0))
		return (0);
	return (n);
}

#ifdef __SSE2__
const char *
json_plain(const char *p, const char *end)
{
	for (; end - p >= 16; p += 16) {
		unsigned special = json_special(p);

		if (special != 0)
			return (p + __builtin_ctz(special));
	}
	while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' && *p != '\\')
		p++;
	return (p);
}
#else
/* Is none of eight bytes special?  Borrows between bytes only make it say no too often. */
static bool
eight_plain(const char *p)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t v, quote, slash;

	memcpy(&v, p, 8);
	quote = v ^ (ones * '"');
	slash = v ^ (ones * '\\');
	return (((v | (v - ones * 0x20) | (quote - ones) | (slash - ones)) & (ones << 7)) == 0);
}

const char *
json_plain(const char *p, const char *end)
{
	while (end - p >= 8 && eight_plain(p))
		p += 8;
	while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' && *p != '\\')
		p++;
	return (p);
}
#endif

static const char *
wrong_escape(const struct json_in *in, const char *slash)
{
	const char *p = slash + 1;

	if (p < in->end && *p == 'u')
		for (p++; p < in->end && p - slash < 6 && HEX(*p) < 16; p++)
			;
	return (p == in->end ? json_wrong_here(in, p) : json_wrong(in, slash, "invalid escape in string"));
}

static const char *
wrong_character(const struct json_in *in, const char *p)
{
	unsigned char lead = (unsigned char)*p;
	ptrdiff_t left = in->end - p, whole = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4, good = 1;

	if (lead < 0x20)
		return (json_wrong(in, p, "unescaped control character in string"));
	while (good < left && ((unsigned char)p[good] & 0xc0) == 0x80)
		good++;
	if (lead >= 0xc2 && lead <= 0xf4 && good == left && left < whole)
		return (json_wrong_here(in, in->end));
	return (json_wrong(in, p, "invalid UTF-8 in string"));
}

/* Byte by byte: ends of texts, machines without strides, and the place of a fault. */
static const char *
string_exactly(const struct json_in *in, const char *p)
{
	const char *end = in->end;
	unsigned n;

	for (;;) {
		p = json_plain(p, end);
		if (p == end)
			return (json_wrong_here(in, p));
		if (*p == '"')
			return (p + 1);
		if (*p == '\\') {
			if ((n = escape_len(p + 1, end)) == 0)
				return (wrong_escape(in, p));
			p += 1 + n;
		} else {
			if ((unsigned char)*p < 0x20 || (n = json_utf8(p, end)) == 0)
				return (wrong_character(in, p));
			p += n;
		}
	}
}

const char *
json_string_long(const struct json_in *in, const char *p)
{
	const char *end = in->end;

	if (end - p >= 128) {				/* most strings end soon: not worth setting out for a stride */
		const char *near = json_plain(p, p + 64);

		if (*near == '"')
			return (near + 1);
		p = json_stride(near, end);
	}
	return (string_exactly(in, p));
}

static const char *
no_stride(const char *p, const char *end)
{
	(void)end;
	return (p);
}

#ifdef __x86_64__
/* Which bytes have an odd number of backslashes before them: the carry of the subtraction runs along each series (after simdjson, J. Keiser). */
static inline uint64_t
escaped_by(uint64_t slashes)
{
	const uint64_t odd_bits = UINT64_C(0xaaaaaaaaaaaaaaaa);

	return (((((slashes << 1) | odd_bits) - slashes) ^ odd_bits) ^ slashes);
}

/* Does the last of 64 bytes begin an escape? */
static inline bool
escape_cut(uint64_t slashes, uint64_t escaped)
{
	return (((slashes & ~escaped) >> 63) != 0);
}

/* Escapes other than \n, \" and \\: bits of the bytes behind the backslash. */
static inline bool
escapes_good(const char *p, const char *end, uint64_t bits)
{
	for (; bits != 0; bits &= bits - 1)
		if (escape_len(p + __builtin_ctzll(bits), end) == 0)
			return (false);
	return (true);
}

static inline bool
characters_good(const char *p, const char *end, uint64_t high, int *step)
{
	while (high != 0) {
		unsigned at = (unsigned)__builtin_ctzll(high), n = json_utf8(p + at, end);

		if (n == 0)
			return (false);
		if (at + n >= 64) {
			*step = (int)(at + n);
			return (true);
		}
		high &= ~UINT64_C(0) << (at + n);
	}
	return (true);
}

/* How many of the last bytes of 64 begin a character that goes on behind them. */
static inline int
character_cut(const char *p)
{
	const unsigned char *last = (const unsigned char *)p + 63;

	return (last[0] >= 0xc0 ? 1 : last[-1] >= 0xe0 ? 2 : last[-2] >= 0xf0 ? 3 : 0);
}

/* 16 bytes a time: every x86-64 has that */

#define PICK(p, i)	_mm_loadu_si128((const __m128i *)(const void *)(p) + (i))
#define BITS(v)		((uint64_t)(unsigned)_mm_movemask_epi8(v))
#define JOIN(of)	(of(0) | of(1) << 16 | of(2) << 32 | of(3) << 48)

static inline uint64_t
equal_sse2(const char *p, char c)
{
#define OF(i)	BITS(_mm_cmpeq_epi8(PICK(p, i), _mm_set1_epi8(c)))
	return (JOIN(OF));
#undef OF
}

static inline uint64_t
odd_sse2(const char *p)
{
#define OF(i)	BITS(_mm_cmplt_epi8(PICK(p, i), _mm_set1_epi8(0x20)))
	return (JOIN(OF));
#undef OF
}

static inline uint64_t
high_sse2(const char *p)
{
#define OF(i)	BITS(PICK(p, i))
	return (JOIN(OF));
#undef OF
}
#undef PICK
#undef BITS
#undef JOIN

#define STRIDE		stride_sse2
#define TARGET
#define EQUAL		equal_sse2
#define ODD		odd_sse2
#define HIGH		high_sse2
#define UTF8(p)		false
#include "base/json_stride.h"

/* 32 bytes a time */

#define WITH_AVX2	__attribute__((target("avx2,bmi")))
#define PICK(p, i)	_mm256_loadu_si256((const __m256i *)(const void *)(p) + (i))
#define BITS(v)		((uint64_t)(unsigned)_mm256_movemask_epi8(v))

static inline WITH_AVX2 uint64_t
equal_avx2(const char *p, char c)
{
	return (BITS(_mm256_cmpeq_epi8(PICK(p, 0), _mm256_set1_epi8(c))) | BITS(_mm256_cmpeq_epi8(PICK(p, 1), _mm256_set1_epi8(c))) << 32);
}

static inline WITH_AVX2 uint64_t
odd_avx2(const char *p)
{
	const __m256i space = _mm256_set1_epi8(0x20);

	return (BITS(_mm256_cmpgt_epi8(space, PICK(p, 0))) | BITS(_mm256_cmpgt_epi8(space, PICK(p, 1))) << 32);
}

static inline WITH_AVX2 uint64_t
high_avx2(const char *p)
{
	return (BITS(PICK(p, 0)) | BITS(PICK(p, 1)) << 32);
}

/*
 * Keiser and Lemire, "Validating UTF-8 in less than one instruction per byte": three tables, looked up by the halves of a byte and by the
 * high half of its follower, name the errors each allows; what all three allow is an error.
 */
enum {
	TOO_SHORT = 1, TOO_LONG = 2, OVERLONG_3 = 4, TOO_LARGE = 8, SURROGATE = 16, OVERLONG_2 = 32, TOO_LARGE_1000 = 64,
	OVERLONG_4 = 64, TWO_TAILS = 128,
	CARRY = TOO_SHORT | TOO_LONG | TWO_TAILS,
};

#define TABLE(...)	_mm256_setr_epi8(__VA_ARGS__, __VA_ARGS__)

static inline WITH_AVX2 __m256i
utf8_errors(__m256i v, __m256i before)
{
	const __m256i low = _mm256_set1_epi8(0x0f);
	const __m256i by_first_high = TABLE(TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG,
	    (char)TWO_TAILS, (char)TWO_TAILS, (char)TWO_TAILS, (char)TWO_TAILS, TOO_SHORT | OVERLONG_2, TOO_SHORT,
	    TOO_SHORT | OVERLONG_3 | SURROGATE, TOO_SHORT | TOO_LARGE | TOO_LARGE_1000 | OVERLONG_4);
#define WIDE	(char)(CARRY | TOO_LARGE | TOO_LARGE_1000)
	const __m256i by_first_low = TABLE((char)(CARRY | OVERLONG_3 | OVERLONG_2 | OVERLONG_4), (char)(CARRY | OVERLONG_2), (char)CARRY, (char)CARRY,
	    (char)(CARRY | TOO_LARGE), WIDE, WIDE, WIDE, WIDE, WIDE, WIDE, WIDE, WIDE,
	    (char)(CARRY | TOO_LARGE | TOO_LARGE_1000 | SURROGATE), WIDE, WIDE);
#undef WIDE
#define TAIL	(char)(TOO_LONG | OVERLONG_2 | TWO_TAILS)
	const __m256i by_second_high = TABLE(TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
	    (char)(TAIL | OVERLONG_3 | TOO_LARGE_1000 | OVERLONG_4), (char)(TAIL | OVERLONG_3 | TOO_LARGE),
	    (char)(TAIL | SURROGATE | TOO_LARGE), (char)(TAIL | SURROGATE | TOO_LARGE), TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT);
#undef TAIL
	__m256i over = _mm256_permute2x128_si256(before, v, 0x21);
	__m256i one = _mm256_alignr_epi8(v, over, 15), two = _mm256_alignr_epi8(v, over, 14), three = _mm256_alignr_epi8(v, over, 13);
	__m256i wrong = _mm256_and_si256(_mm256_and_si256(
	    _mm256_shuffle_epi8(by_first_high, _mm256_and_si256(_mm256_srli_epi16(one, 4), low)),
	    _mm256_shuffle_epi8(by_first_low, _mm256_and_si256(one, low))),
	    _mm256_shuffle_epi8(by_second_high, _mm256_and_si256(_mm256_srli_epi16(v, 4), low)));
	__m256i must = _mm256_or_si256(_mm256_subs_epu8(two, _mm256_set1_epi8(0xe0 - 0x80)), _mm256_subs_epu8(three, _mm256_set1_epi8(0xf0 - 0x80)));

	return (_mm256_xor_si256(_mm256_and_si256(must, _mm256_set1_epi8((char)0x80)), wrong));
}

static inline WITH_AVX2 bool
utf8_avx2(const char *p)
{
	__m256i a = PICK(p, 0), b = PICK(p, 1);
	__m256i wrong = _mm256_or_si256(utf8_errors(a, _mm256_setzero_si256()), utf8_errors(b, a));

	return (_mm256_testz_si256(wrong, wrong));
}
#undef PICK
#undef BITS

#define STRIDE		stride_avx2
#define TARGET		WITH_AVX2
#define EQUAL		equal_avx2
#define ODD		odd_avx2
#define HIGH		high_avx2
#define UTF8		utf8_avx2
#include "base/json_stride.h"

struct json_stride_way json_stride_ways[JSON_WAYS] = {
	[JSON_AVX2] = { "avx2", stride_avx2, false }, [JSON_SSE2] = { "sse2", stride_sse2, true }, [JSON_PLAIN] = { "plain", no_stride, true },
};
json_stride_f *json_stride = stride_sse2;

static __attribute__((constructor)) void
choose_stride(void)
{
	__builtin_cpu_init();
	json_stride_ways[JSON_AVX2].usable = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi");
	if (json_stride_ways[JSON_AVX2].usable)
		json_stride = stride_avx2;
}
#else
struct json_stride_way json_stride_ways[JSON_WAYS] = { [JSON_PLAIN] = { "plain", no_stride, true } };
json_stride_f *json_stride = no_stride;
#endif

/* containers */

/* Behind a value: closes what ends there and takes the comma.  The result is at the next element, or behind the outermost bracket. */
static inline const char *
behind_value(const struct json_in *in, const char *p, uint64_t *objects, unsigned *open)
{
	for (;;) {
		char closing = (*objects & 1) != 0 ? '}' : ']';

		p = json_blank(p, in->end);
		if (p < in->end && *p == ',')
			return (json_past_comma(in, p, closing));
		if (p >= in->end || *p != closing)
			return (json_wrong_here(in, p));
		p++;
		*objects >>= 1;
		if (--*open == 0)
			return (p);
	}
}

_Static_assert(JSON_DEPTH <= 64, "a bit of a word for each level");

const char *
json_container(const struct json_in *in, const char *p, unsigned depth)
{
	uint64_t objects = 0;			/* a bit per open container, the innermost lowest */
	unsigned open = 0;

	do {
		enum json_type type;
		const char *name_end;

		if ((objects & 1) != 0 && (p = json_member(in, p, &name_end)) == NULL)
			return (NULL);
		type = json_type_at(p);
		if (type >= JSON_ARRAY) {
			if (depth + ++open > JSON_DEPTH)
				return (json_too_deep(in, p));
			objects = objects << 1 | (type == JSON_OBJECT);
			p = json_blank(p + 1, in->end);
			if (p >= in->end)
				return (json_wrong_here(in, p));
			if (*p != (type == JSON_OBJECT ? '}' : ']'))
				continue;
		} else if ((p = json_scalar(in, p, type)) == NULL)
			return (NULL);
		if ((p = behind_value(in, p, &objects, &open)) == NULL)
			return (NULL);
	} while (open > 0);
	return (p);
}
