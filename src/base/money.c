/* SPDX-License-Identifier: Apache-2.0 */
/* Money from and to decimal text. */
#include "base/money.h"

#define PLACES	9			/* of a nano-dollar */
#define DIGITS	40			/* that are looked at */

struct decimal {
	unsigned char	 digit[DIGITS];
	int		 n;		/* digits kept, without leading zeros */
	int		 point;		/* how many of them, and of zeros behind them, stand before the point */
	bool		 negative;
};

static bool
is_digit(struct text t, size_t i)
{
	return (i < t.len && t.at[i] >= '0' && t.at[i] <= '9');
}

static void
keep(struct decimal *d, char c, bool whole)
{
	if (d->n == 0 && c == '0')
		d->point -= !whole;
	else {
		if (d->n < DIGITS)
			d->digit[d->n++] = (unsigned char)(c - '0');
		d->point += whole;
	}
}

/* JSON's grammar of numbers, and a point without digits on one side. */
static bool
read_decimal(struct decimal *d, struct text t)
{
	size_t i = 0, digits = 0;
	int64_t power = 0;

	*d = (struct decimal){ .negative = t.len > 0 && t.at[0] == '-' };
	i = d->negative || (t.len > 0 && t.at[0] == '+');
	for (; is_digit(t, i); i++, digits++)
		keep(d, t.at[i], true);
	if (i < t.len && t.at[i] == '.')
		for (i++; is_digit(t, i); i++, digits++)
			keep(d, t.at[i], false);
	if (digits == 0)
		return (false);
	if (i < t.len && (t.at[i] == 'e' || t.at[i] == 'E')) {
		struct text rest = text_sub(t, i + 1, t.len);

		if (rest.len > 0 && rest.at[0] == '+')
			rest = text_sub(rest, 1, rest.len);
		if (rest.len == 0 || rest.at[0] == '+' || !text_to_i64(rest, &power) || power < -10000 || power > 10000)
			return (false);
		i = t.len;
	}
	d->point += (int)power;
	return (i == t.len);
}

enum money_read
money_read(struct text decimal, int64_t *nano)
{
	struct decimal d;
	int64_t sum = 0;
	int places;

	*nano = 0;
	if (!read_decimal(&d, decimal))
		return (MONEY_NO_NUMBER);
	if (d.n == 0)
		return (MONEY_FINE);
	if (d.negative)
		return (MONEY_NEGATIVE);
	places = d.point + PLACES;		/* digits that count; the next one rounds */
	if (places > 19)
		return (MONEY_TOO_LARGE);
	for (int i = 0; i < places; i++)
		if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, i < d.n ? d.digit[i] : 0, &sum))
			return (MONEY_TOO_LARGE);
	if (places >= 0 && places < d.n && d.digit[places] >= 5)
		sum++;
	if (sum > MONEY_MOST)
		return (MONEY_TOO_LARGE);
	*nano = sum;
	return (MONEY_FINE);
}

static uint64_t
print_whole(struct buf *b, int64_t nano)
{
	uint64_t n = nano < 0 ? -(uint64_t)nano : (uint64_t)nano;

	if (nano < 0)
		buf_byte(b, '-');
	buf_int(b, (int64_t)(n / MONEY_DOLLAR));
	return (n % MONEY_DOLLAR);
}

/* At least so many places, and as many as it takes. */
static void
print_part(struct buf *b, uint64_t part, int least)
{
	char digits[PLACES];
	int n = PLACES;

	for (int i = PLACES - 1; i >= 0; i--, part /= 10)
		digits[i] = (char)('0' + part % 10);
	while (n > least && digits[n - 1] == '0')
		n--;
	if (n == 0)
		return;
	buf_byte(b, '.');
	buf_add(b, digits, (size_t)n);
}

void
money_print(struct buf *b, int64_t nano)
{
	print_part(b, print_whole(b, nano), 0);
}

void
money_print_dollars(struct buf *b, int64_t nano)
{
	buf_byte(b, '$');
	print_part(b, print_whole(b, nano), 2);
}

struct text
money_text(struct arena *arena, int64_t nano)
{
	struct buf b = { 0 };
	struct text t;

	money_print(&b, nano);
	t = arena_copy(arena, buf_as_text(&b));
	buf_free(&b);
	return (t);
}

void
money_json(struct json_out *out, int64_t nano)
{
	json_raw(out, TEXT(""));
	money_print(out->to, nano);
}
