/* SPDX-License-Identifier: Apache-2.0 */
/* What calls cost: exact sums of 10^-12 dollars, rounded once. */
#include "ledger/price.h"

#include "base/json.h"

#define PICO_OF_NANO	1000
#define MILLION		1000000
#define TOKENS_A_MESSAGE	16	/* what a vendor wraps around each */

typedef unsigned __int128 wide;

/* which rate counts */

/* The rate that stands in where one is not published; that of itself: none does, it costs nothing. */
static const uint8_t stand_in[RATES] = {
	[RATE_INPUT] = RATE_INPUT, [RATE_CACHED] = RATE_INPUT, [RATE_WRITTEN] = RATE_INPUT, [RATE_WRITTEN_1H] = RATE_WRITTEN,
	[RATE_AUDIO_IN] = RATE_INPUT, [RATE_IMAGE_IN] = RATE_INPUT,
	[RATE_OUTPUT] = RATE_OUTPUT, [RATE_REASONING] = RATE_OUTPUT, [RATE_AUDIO_OUT] = RATE_OUTPUT, [RATE_IMAGE_OUT] = RATE_OUTPUT,
	[RATE_REQUEST] = RATE_REQUEST, [RATE_SECOND_IN] = RATE_SECOND_IN, [RATE_SECOND_OUT] = RATE_SECOND_OUT,
	[RATE_QUERY] = RATE_QUERY, [RATE_SEARCH] = RATE_SEARCH,
};

/* The rates that count, found in one pass; NULL: none is published. */
struct chosen {
	const struct rate *of[RATES];
};

/* For a prompt of that size: the largest step below it, there the tier's own before the default one. */
static void
choose(struct chosen *c, const struct tariff *t, int tier, int64_t prompt)
{
	memset(c, 0, sizeof(*c));
	for (const struct rate *r = t->rates; r < t->rates + t->n; r++) {
		const struct rate *best = c->of[r->of];

		if ((r->tier != tier && r->tier != TIER_DEFAULT) || (r->above > 0 && prompt <= r->above))
			continue;
		if (best == NULL || r->above > best->above || (r->above == best->above && r->tier == tier))
			c->of[r->of] = r;
	}
}

static const struct rate *
rate_for(const struct chosen *c, enum rate_of of)
{
	while (c->of[of] == NULL && stand_in[of] != of)
		of = stand_in[of];
	return (c->of[of]);
}

static int64_t
pico_for(const struct chosen *c, enum rate_of of)
{
	const struct rate *r = rate_for(c, of);

	return (r != NULL ? r->pico : 0);
}

/* what was used */

enum part { PART_INPUT, PART_CACHED, PART_WRITTEN, PART_OUTPUT, PART_REASONING, PART_OTHER, PARTS };

static const uint8_t part_of[RATES] = {
	[RATE_INPUT] = PART_INPUT, [RATE_CACHED] = PART_CACHED, [RATE_WRITTEN] = PART_WRITTEN, [RATE_WRITTEN_1H] = PART_WRITTEN,
	[RATE_AUDIO_IN] = PART_INPUT, [RATE_IMAGE_IN] = PART_INPUT,
	[RATE_OUTPUT] = PART_OUTPUT, [RATE_REASONING] = PART_REASONING, [RATE_AUDIO_OUT] = PART_OUTPUT, [RATE_IMAGE_OUT] = PART_OUTPUT,
	[RATE_REQUEST] = PART_OTHER, [RATE_SECOND_IN] = PART_OTHER, [RATE_SECOND_OUT] = PART_OTHER, [RATE_QUERY] = PART_OTHER, [RATE_SEARCH] = PART_OTHER,
};

/* Takes what is said from what is left of the whole: parts that sum to more than it are cut, never charged twice. */
static int64_t
take(int64_t *left, int64_t said)
{
	int64_t taken = said < 0 ? 0 : said < *left ? said : *left;

	*left -= taken;
	return (taken);
}

static void
units_of(int64_t units[RATES], const struct usage *u)
{
	int64_t in = u->prompt > 0 ? u->prompt : 0, out = u->completion > 0 ? u->completion : 0, written;

	memset(units, 0, RATES * sizeof(*units));
	units[RATE_CACHED] = take(&in, u->cached);
	written = take(&in, u->written);
	units[RATE_WRITTEN_1H] = take(&written, u->written_1h);
	units[RATE_WRITTEN] = written;
	units[RATE_AUDIO_IN] = take(&in, u->audio_in);
	units[RATE_IMAGE_IN] = take(&in, u->image_in);
	units[RATE_INPUT] = in;
	units[RATE_REASONING] = take(&out, u->reasoning);
	units[RATE_AUDIO_OUT] = take(&out, u->audio_out);
	units[RATE_IMAGE_OUT] = take(&out, u->image_out);
	units[RATE_OUTPUT] = out;
	units[RATE_REQUEST] = units[RATE_QUERY] = 1;
	units[RATE_SEARCH] = u->searches > 0 ? u->searches : 0;
}

/* sums */

static wide
times(int64_t a, int64_t b)
{
	return (a > 0 && b > 0 ? (wide)a * (wide)b : 0);
}

static wide
seconds(int64_t pico, int64_t ms)
{
	return ((times(pico, ms) + 500) / 1000);
}

static int64_t
nano_of(wide pico, wide more)
{
	wide nano = (pico + more) / PICO_OF_NANO;

	return (nano > INT64_MAX ? INT64_MAX : (int64_t)nano);
}

static int64_t
rounded(wide pico)
{
	return (nano_of(pico, PICO_OF_NANO / 2));
}

static int
tier_of(int32_t said)
{
	return (said >= 0 && said < TIERS ? said : TIER_DEFAULT);
}

static void
add_parts(wide parts[PARTS], const struct tariff *t, const struct usage *u, int64_t ms)
{
	struct chosen c;
	int64_t units[RATES];

	choose(&c, t, tier_of(u->tier), u->prompt);
	units_of(units, u);
	for (unsigned of = 0; of < RATES; of++) {
		if (of == RATE_SECOND_IN || of == RATE_SECOND_OUT)
			parts[part_of[of]] += seconds(pico_for(&c, of), ms);
		else if (units[of] > 0)
			parts[part_of[of]] += times(units[of], pico_for(&c, of));
	}
}

/* What is left of it after the discount, and what it is with the margin: in 10^-12 dollars, not rounded up to here. */
static wide
discounted(const struct tariff *t, wide pico)
{
	return (t->discount == 0 ? pico : pico * (wide)(MILLION - t->discount) / MILLION);
}

static wide
with_margin(const struct tariff *t, wide pico)
{
	if (t->margin != 0)
		pico = pico * (wide)(MILLION + t->margin) / MILLION;
	return (pico + (wide)t->margin_fixed);
}

/* Each part is how far the sum moves when it is added, so that parts of the whole sum to the whole after rounding too. */
static void
break_up(struct price_break *b, const wide parts[PARTS])
{
	int64_t *shown[PARTS] = { &b->input, &b->cached, &b->written, &b->output, &b->reasoning, &b->other };
	wide sum = 0;

	b->original = 0;
	for (unsigned i = 0; i < PARTS; i++) {
		int64_t so_far;

		sum += parts[i];
		so_far = rounded(sum);
		*shown[i] = so_far - b->original;
		b->original = so_far;
	}
}

int64_t
price_call(const struct tariff *t, const struct usage *u, int64_t ms, struct price_break *shown)
{
	wide parts[PARTS] = { 0 }, sum = 0, less;
	struct price_break b = { 0 };

	if (t != NULL) {
		add_parts(parts, t, u, ms);
		break_up(&b, parts);
		for (unsigned i = 0; i < PARTS; i++)
			sum += parts[i];
		less = discounted(t, sum);
		b.discount = b.original - rounded(less);
		b.total = rounded(with_margin(t, less));
		b.margin = b.total - (b.original - b.discount);
	}
	if (shown != NULL)
		*shown = b;
	return (b.total);
}

/* the upper bound */

/* Of the tiers and steps that may count (the one asked for, the default one, every prompt up to that size) the dearest; -1: none is published. */
struct dearest {
	int64_t		 of[RATES];
};

static void
find_dearest(struct dearest *d, const struct tariff *t, const struct price_ask *a, int64_t prompt)
{
	for (unsigned of = 0; of < RATES; of++)
		d->of[of] = -1;
	for (const struct rate *r = t->rates; r < t->rates + t->n; r++)
		if ((r->tier == TIER_DEFAULT || r->tier == a->tier) && (r->above == 0 || prompt > r->above) && r->pico > d->of[r->of])
			d->of[r->of] = r->pico;
}

static int64_t
dearest(const struct dearest *d, enum rate_of of, const struct price_ask *a)
{
	if (a->never >> of & 1)
		return (0);
	while (d->of[of] < 0 && stand_in[of] != of)
		of = stand_in[of];
	return (d->of[of] > 0 ? d->of[of] : 0);
}

static int64_t
dearest_of(const struct dearest *d, enum rate_of from, enum rate_of to, const struct price_ask *a)
{
	int64_t most = 0;

	for (unsigned of = from; of <= to; of++) {
		int64_t pico = dearest(d, of, a);
		most = pico > most ? pico : most;
	}
	return (most);
}

static int64_t
lesser(int64_t a, int64_t b)
{
	return (a < b ? a : b);
}

static int64_t
most_prompt(const struct price_ask *a)
{
	int64_t n = a->prompt_bytes < INT64_MAX / 4 ? (int64_t)a->prompt_bytes : INT64_MAX / 4;

	n += (int64_t)a->messages * TOKENS_A_MESSAGE + (a->media > 0 ? lesser(a->media, INT64_MAX / 4) : 0);
	return (a->window > 0 ? lesser(n, a->window) : n);
}

/* Of one answer. */
static int64_t
most_output(const struct price_ask *a)
{
	int64_t n = a->max_tokens >= 0 ? a->max_tokens : a->max_output > 0 ? a->max_output : a->window > 0 ? a->window : PRICE_OUTPUT_UNKNOWN;

	return (a->window > 0 ? lesser(n, a->window) : n);
}

struct bound {
	wide	 fixed, token;		/* 10^-12 dollars: without any output, and for a token in each answer */
};

static struct bound
bound_of(const struct tariff *t, const struct price_ask *a)
{
	int64_t prompt = most_prompt(a);
	struct dearest d;
	struct bound b;

	find_dearest(&d, t, a, prompt);
	b.fixed = times(prompt, dearest_of(&d, RATE_INPUT, RATE_IMAGE_IN, a));
	b.fixed += (wide)dearest(&d, RATE_REQUEST, a) + (wide)dearest(&d, RATE_QUERY, a);
	b.fixed += seconds(dearest(&d, RATE_SECOND_IN, a), a->most_ms) + seconds(dearest(&d, RATE_SECOND_OUT, a), a->most_ms);
	b.token = (wide)dearest_of(&d, RATE_OUTPUT, RATE_IMAGE_OUT, a) * (a->n > 1 ? a->n : 1);
	return (b);
}

static int64_t
bound_nano(const struct tariff *t, const struct bound *b, int64_t tokens)
{
	return (nano_of(with_margin(t, discounted(t, b->fixed + b->token * (wide)(tokens > 0 ? tokens : 0))), PICO_OF_NANO - 1));
}

int64_t
price_bound(const struct tariff *t, const struct price_ask *a)
{
	struct bound b;

	if (t == NULL)
		return (0);
	b = bound_of(t, a);
	return (bound_nano(t, &b, most_output(a)));
}

/* The bound grows with the tokens, so the largest that fits is found by halving. */
int64_t
price_bought(const struct tariff *t, const struct price_ask *a, int64_t nano)
{
	int64_t low = 0, high = most_output(&(struct price_ask){ .max_tokens = -1, .max_output = a->max_output, .window = a->window });
	struct bound b;

	if (t == NULL)
		return (INT64_MAX);
	b = bound_of(t, a);
	if (bound_nano(t, &b, 0) > nano)
		return (0);
	if (b.token == 0)
		return (INT64_MAX);
	while (low < high) {
		int64_t middle = low + (high - low + 1) / 2;

		if (bound_nano(t, &b, middle) <= nano)
			low = middle;
		else
			high = middle - 1;
	}
	return (low);
}

/* for the row */

static const char *const rate_names[RATES] = {
	[RATE_INPUT] = "input", [RATE_CACHED] = "cached", [RATE_WRITTEN] = "written", [RATE_WRITTEN_1H] = "written_1h", [RATE_AUDIO_IN] = "audio_in",
	[RATE_IMAGE_IN] = "image_in", [RATE_OUTPUT] = "output", [RATE_REASONING] = "reasoning", [RATE_AUDIO_OUT] = "audio_out",
	[RATE_IMAGE_OUT] = "image_out", [RATE_REQUEST] = "request", [RATE_SECOND_IN] = "second_in", [RATE_SECOND_OUT] = "second_out",
	[RATE_QUERY] = "query", [RATE_SEARCH] = "search",
};

static void
member(struct json_out *out, const char *name, int64_t value)
{
	json_name(out, name);
	json_int(out, value);
}

static void
put_rates(struct json_out *out, const struct tariff *t, const struct usage *u)
{
	int64_t units[RATES];
	struct chosen c;

	choose(&c, t, tier_of(u->tier), u->prompt);
	units_of(units, u);
	for (unsigned of = 0; of < RATES; of++) {
		bool timed = of == RATE_SECOND_IN || of == RATE_SECOND_OUT;
		const struct rate *r = units[of] > 0 || timed || of == RATE_INPUT || of == RATE_OUTPUT ? rate_for(&c, of) : NULL;

		if (r != NULL)
			member(out, rate_names[of], r->pico);
	}
}

void
price_doc(struct buf *b, const struct tariff *t, const struct usage *u)
{
	struct json_out out = { .to = b };

	json_open(&out, '{');
	json_name(&out, "of");
	json_string(&out, t->model);
	json_name(&out, "from");
	json_string(&out, text_of(t->source));
	if (tier_of(u->tier) != TIER_DEFAULT) {
		json_name(&out, "tier");
		json_string(&out, text_of(tier_name((enum tier)u->tier)));
	}
	json_name(&out, "pico");
	json_open(&out, '{');
	put_rates(&out, t, u);
	json_close(&out, '}');
	if (t->discount != 0)
		member(&out, "discount_ppm", t->discount);
	if (t->margin != 0)
		member(&out, "margin_ppm", t->margin);
	if (t->margin_fixed != 0)
		member(&out, "margin_fixed_pico", t->margin_fixed);
	json_close(&out, '}');
}
