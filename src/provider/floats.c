/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Floats of embeddings from text and into it.
 *
 * An answer holds millions of them, and strtof() would keep a worker's loop busy for a second.  So a number is computed in double arithmetic with
 * a bound of its error: where both ends of the bound round to the same float, that is the float; only where they differ strtof() decides.
 */
#include "provider/floats_priv.h"

#include <endian.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_DIGITS	19			/* which fit into 64 bits */
#define MOST_POWER	22			/* of ten, exact as a double */
#define MOST_CHARS	127			/* of a number that strtof() is asked about */
#define ENOUGH_DIGITS	9			/* tell any float from its neighbours */

static const double powers[MOST_POWER + 1] = {
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};

/* digits × 10^power */
struct decimal {
	uint64_t	 digits;
	int		 power;
	bool		 negative;
};

static double
scaled(double v, int power)
{
	return (power < 0 ? v / powers[-power] : v * powers[power]);
}

/* Three roundings lie behind the product, each of half an epsilon at most. */
static bool
float_of(float *f, const struct decimal *d)
{
	double v, slack = 2 * DBL_EPSILON;
	float low;

	if (d->power < -MOST_POWER || d->power > MOST_POWER)
		return (false);
	v = scaled((double)d->digits, d->power);
	low = (float)(v * (1 - slack));
	*f = d->negative ? -low : low;
	return (low == (float)(v * (1 + slack)));
}

/* reading */

static int
read_exponent(struct text t)
{
	bool negative = t.len > 0 && t.at[0] == '-';
	int n = 0;

	for (size_t i = t.len > 0 && (t.at[0] == '-' || t.at[0] == '+'); i < t.len && n < 10000; i++)
		n = n * 10 + (t.at[i] - '0');
	return (negative ? -n : n);
}

/* False: more digits than fit. */
static bool
read_decimal(struct decimal *d, struct text t)
{
	bool fraction = false;
	unsigned n = 0;
	size_t i;

	*d = (struct decimal){ .negative = t.at[0] == '-' };
	for (i = d->negative; i < t.len && (t.at[i] | 0x20) != 'e'; i++) {
		if (t.at[i] == '.') {
			fraction = true;
			continue;
		}
		d->digits = d->digits * 10 + (uint64_t)(t.at[i] - '0');
		d->power -= fraction;
		n += n > 0 || t.at[i] != '0';
		if (n > MOST_DIGITS)
			return (false);
	}
	if (i < t.len)
		d->power += read_exponent(text_sub(t, i + 1, t.len));
	return (true);
}

bool
float_read(float *f, struct text number)
{
	char copy[MOST_CHARS + 1];
	struct decimal d;

	if (!read_decimal(&d, number) || !float_of(f, &d)) {
		if (number.len > MOST_CHARS)
			return (false);
		memcpy(copy, number.at, number.len);
		copy[number.len] = '\0';
		*f = strtof(copy, NULL);
	}
	return (isfinite(*f));
}

/* writing */

/* The exponent of the first digit; v is within the powers. */
static int
exponent_of(double v)
{
	int e = 0;

	if (v >= 1) {
		while (v >= powers[e + 1])
			e++;
		return (e);
	}
	while (v * powers[e] < 1)
		e++;
	return (-e);
}

/* The fewest digits that are read back as f, which is greater than 0.  False: it is too small or large to be sure. */
static bool
shortest(struct decimal *d, float f)
{
	double v = (double)f;
	float back;
	int e;

	if (v < 1e-12 || v >= 1e12)
		return (false);
	e = exponent_of(v);
	for (int n = 6; n <= ENOUGH_DIGITS; n++) {
		*d = (struct decimal){ .power = e - n + 1 };
		d->digits = (uint64_t)(scaled(v, -d->power) + 0.5);
		if (!float_of(&back, d))
			return (false);
		if (back == f)
			return (true);
	}
	return (false);
}

static void
put_slowly(struct buf *out, float f)
{
	char number[32];

	for (int n = 1; n <= ENOUGH_DIGITS; n++) {
		snprintf(number, sizeof(number), "%.*g", n, (double)f);
		if (strtof(number, NULL) == f)
			break;
	}
	buf_add(out, number, strlen(number));
}

/* In plain digits, as Python writes numbers of this size: 0.00012, 12.5, 1200.0 */
static void
put_decimal(struct buf *out, struct decimal d)
{
	char room[24], *digits = room + sizeof(room);
	int n, whole;

	for (; d.digits % 10 == 0; d.power++)
		d.digits /= 10;
	for (n = 0; d.digits > 0; n++, d.digits /= 10)
		*--digits = (char)('0' + d.digits % 10);
	whole = n + d.power;			/* digits before the point */
	if (whole <= 0)
		buf_lit(out, "0");
	for (int i = 0; i < whole; i++)
		buf_byte(out, i < n ? digits[i] : '0');
	buf_byte(out, '.');
	for (int i = whole; i < 0; i++)
		buf_byte(out, '0');
	if (whole < n)
		buf_add(out, digits + (whole > 0 ? whole : 0), (size_t)(n - (whole > 0 ? whole : 0)));
	else
		buf_byte(out, '0');
}

void
float_write(struct buf *out, float f)
{
	struct decimal d;

	if (signbit(f))
		buf_byte(out, '-');
	f = fabsf(f);
	if (f == 0)
		buf_lit(out, "0.0");
	else if (shortest(&d, f))
		put_decimal(out, d);
	else
		put_slowly(out, f);
}

/* lists */

static void
put_bytes(struct buf *bytes, float f)
{
	uint32_t bits;

	memcpy(&bits, &f, sizeof(bits));
	bits = htole32(bits);
	buf_add(bytes, (const char *)&bits, sizeof(bits));
}

static struct text
base64_string(struct arena *arena, struct text bytes)
{
	size_t len = (bytes.len + 2) / 3 * 4;
	char *string = arena_bytes(arena, len + 3);	/* its quotes, and the NUL that OpenSSL writes */

	string[0] = '"';
	EVP_EncodeBlock((unsigned char *)string + 1, (const unsigned char *)bytes.at, (int)bytes.len);
	string[len + 1] = '"';
	return ((struct text){ string, len + 2 });
}

bool
floats_pack(struct text *string, struct arena *arena, struct text list)
{
	struct json_walk walk = json_walk(list);
	struct json_item item;
	struct buf bytes = { 0 };
	bool fine = true;
	float f;

	while (fine && json_next(&walk, &item)) {
		fine = item.type == JSON_NUMBER && float_read(&f, item.raw) && bytes.len < INT_MAX / 2;
		if (fine)
			put_bytes(&bytes, f);
	}
	if (fine)
		*string = base64_string(arena, buf_as_text(&bytes));
	buf_free(&bytes);
	return (fine);
}

/* The bytes of a base64 text; false: it is none. */
static bool
base64_bytes(struct buf *bytes, struct text t)
{
	size_t padding = 0;

	if (t.len % 4 != 0 || t.len > INT_MAX)
		return (false);
	while (padding < 2 && padding < t.len && t.at[t.len - 1 - padding] == '=')
		padding++;
	buf_reserve(bytes, t.len / 4 * 3);
	if (t.len > 0 && EVP_DecodeBlock((unsigned char *)bytes->at, (const unsigned char *)t.at, (int)t.len) != (int)(t.len / 4 * 3))
		return (false);
	bytes->len = t.len / 4 * 3 - padding;
	return (true);
}

static bool
put_list(struct buf *out, struct text bytes)
{
	uint32_t bits;
	float f;

	buf_byte(out, '[');
	for (size_t at = 0; at < bytes.len; at += sizeof(bits)) {
		memcpy(&bits, bytes.at + at, sizeof(bits));
		bits = le32toh(bits);
		memcpy(&f, &bits, sizeof(f));
		if (!isfinite(f))
			return (false);
		if (at > 0)
			buf_byte(out, ',');
		float_write(out, f);
	}
	buf_byte(out, ']');
	return (true);
}

bool
floats_unpack(struct text *list, struct arena *arena, struct text string)
{
	struct buf bytes = { 0 }, out = { 0 };
	bool fine = base64_bytes(&bytes, json_unescape(arena, json_inside(string))) && bytes.len % sizeof(float) == 0 &&
	    put_list(&out, buf_as_text(&bytes));

	if (fine)
		*list = arena_copy(arena, buf_as_text(&out));
	buf_free(&bytes);
	buf_free(&out);
	return (fine);
}
