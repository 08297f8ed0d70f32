/* SPDX-License-Identifier: Apache-2.0 */
/* Prices: decimal text to a whole number of 10^-12 dollars and back, digit by digit, because money does not go through a double. */
#include "config/config.h"

#define DIGITS_AFTER	12
#define VALUE_MOST	(INT64_MAX / 20)	/* takes another digit, and one more for what is rounded */
#define EXPONENT_MOST	64

/* What has been read: `value` · 10^`scale`, and whether anything finer was cut off. */
struct decimal {
	int64_t	 value, scale;
	bool	 more, any;
};

static bool
digit(struct decimal *d, char c, bool behind_point)
{
	d->any = true;
	if (d->value >= VALUE_MOST / 10) {
		d->more |= c != '0';
		d->scale += !behind_point;
		return (d->scale < EXPONENT_MOST);
	}
	d->value = d->value * 10 + (c - '0');
	d->scale -= behind_point;
	return (true);
}

static bool
read_exponent(struct decimal *d, struct text t)
{
	int64_t n;

	if (t.len > 1 && t.at[0] == '+' && t.at[1] >= '0' && t.at[1] <= '9')
		t = text_sub(t, 1, t.len);
	if (!text_to_i64(t, &n) || n < -EXPONENT_MOST || n > EXPONENT_MOST)
		return (false);
	d->scale += n;
	return (d->any);
}

static bool
read_decimal(struct decimal *d, struct text t)
{
	bool point = false;

	for (size_t i = 0; i < t.len; i++) {
		if (t.at[i] >= '0' && t.at[i] <= '9') {
			if (!digit(d, t.at[i], point))
				return (false);
		} else if (t.at[i] == '.' && !point)
			point = true;
		else
			return ((t.at[i] == 'e' || t.at[i] == 'E') && read_exponent(d, text_sub(t, i + 1, t.len)));
	}
	return (d->any);
}

bool
price_read(struct text t, int64_t *pico)
{
	bool finer;

	return (price_read_exactly(t, pico, &finer));
}

bool
price_read_exactly(struct text t, int64_t *pico, bool *finer)
{
	struct decimal d = { .scale = DIGITS_AFTER };

	if (!read_decimal(&d, t))
		return (false);
	for (; d.scale > 0 && d.value > 0; d.scale--) {
		if (d.value > VALUE_MOST / 10)
			return (false);
		d.value *= 10;
	}
	for (; d.scale < 0; d.scale++) {
		d.more |= d.value % 10 != 0;
		d.value /= 10;
	}
	*finer = d.more;
	*pico = d.value + d.more;
	return (true);
}

void
price_print(struct buf *b, int64_t pico)
{
	size_t point;

	buf_print(b, "%lld.", (long long)(pico / 1000000000000));
	point = b->len - 1;
	buf_print(b, "%012lld", (long long)(pico % 1000000000000));
	while (b->at[b->len - 1] == '0' && b->len > point + 1)
		b->len--;
	if (b->len == point + 1)
		b->len = point;
}
