/* SPDX-License-Identifier: Apache-2.0 */
/* What calls cost: every part to the nano-dollar, and what they can cost at most. */
#include "ledger/price.h"

#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

/* As Anthropic publishes Sonnet's, OpenAI gpt-5.4's; 10^-12 dollars a token. */
static const struct rate sonnet[] = {
	{ 3000000, 0, RATE_INPUT, TIER_DEFAULT }, { 300000, 0, RATE_CACHED, TIER_DEFAULT }, { 3750000, 0, RATE_WRITTEN, TIER_DEFAULT },
	{ 6000000, 0, RATE_WRITTEN_1H, TIER_DEFAULT }, { 15000000, 0, RATE_OUTPUT, TIER_DEFAULT }, { 10000000000, 0, RATE_SEARCH, TIER_DEFAULT },
	{ 1500000, 0, RATE_INPUT, TIER_BATCH }, { 7500000, 0, RATE_OUTPUT, TIER_BATCH },
};
static const struct rate gpt[] = {
	{ 2500000, 0, RATE_INPUT, TIER_DEFAULT }, { 1250000, 0, RATE_INPUT, TIER_FLEX }, { 5000000, 0, RATE_INPUT, TIER_PRIORITY },
	{ 5000000, 272000, RATE_INPUT, TIER_DEFAULT }, { 2500000, 272000, RATE_INPUT, TIER_FLEX },
	{ 250000, 0, RATE_CACHED, TIER_DEFAULT }, { 130000, 0, RATE_CACHED, TIER_FLEX }, { 500000, 272000, RATE_CACHED, TIER_DEFAULT },
	{ 15000000, 0, RATE_OUTPUT, TIER_DEFAULT }, { 7500000, 0, RATE_OUTPUT, TIER_FLEX }, { 30000000, 0, RATE_OUTPUT, TIER_PRIORITY },
	{ 22500000, 272000, RATE_OUTPUT, TIER_DEFAULT }, { 11250000, 272000, RATE_OUTPUT, TIER_FLEX },
};
static const struct rate plain[] = { { 1, 0, RATE_INPUT, TIER_DEFAULT }, { 1, 0, RATE_OUTPUT, TIER_DEFAULT } };
static const struct rate heard[] = {
	{ 2500000, 0, RATE_INPUT, TIER_DEFAULT }, { 100000000, 0, RATE_AUDIO_IN, TIER_DEFAULT }, { 8000000, 0, RATE_IMAGE_IN, TIER_DEFAULT },
	{ 10000000, 0, RATE_OUTPUT, TIER_DEFAULT }, { 200000000, 0, RATE_AUDIO_OUT, TIER_DEFAULT }, { 12000000, 0, RATE_REASONING, TIER_DEFAULT },
};
static const struct rate hosted[] = { { 420000000, 0, RATE_SECOND_IN, TIER_DEFAULT }, { 5000000000, 0, RATE_REQUEST, TIER_DEFAULT } };

#define TARIFF(list)	{ .source = "published", .rates = (list), .n = nitems(list) }

static const struct tariff sonnet_tariff = TARIFF(sonnet), gpt_tariff = TARIFF(gpt), plain_tariff = TARIFF(plain), heard_tariff = TARIFF(heard),
    hosted_tariff = TARIFF(hosted);

static struct usage
used(int64_t prompt, int64_t cached, int64_t written, int64_t completion, int64_t reasoning)
{
	struct usage u = USAGE_UNSAID;

	u.prompt = prompt;
	u.cached = cached;
	u.written = written;
	u.completion = completion;
	u.reasoning = reasoning;
	return (u);
}

static struct usage
in_tier(struct usage u, enum tier tier)
{
	u.tier = (int32_t)tier;
	return (u);
}

static void
costs(const struct tariff *t, struct usage u, int64_t ms, int64_t nano)
{
	struct price_break b;

	assert_int_equal(price_call(t, &u, ms, &b), nano);
	assert_int_equal(b.total, nano);
	assert_int_equal(b.input + b.cached + b.written + b.output + b.reasoning + b.other, b.original);
	assert_int_equal(b.original - b.discount + b.margin, b.total);
}

static void
each_kind_of_token_has_its_price(void **state)
{
	struct usage u = used(10000, 2000, 3000, 500, 100);
	struct price_break b;

	(void)state;
	u.written_1h = 1000;
	u.searches = 2;
	/* 5000·3 + 2000·0.3 + 2000·3.75 + 1000·6 + 500·15 millionths, and two searches of a cent */
	costs(&sonnet_tariff, u, 0, 15000000 + 600000 + 7500000 + 6000000 + 7500000 + 20000000);
	price_call(&sonnet_tariff, &u, 0, &b);
	assert_int_equal(b.input, 15000000);
	assert_int_equal(b.cached, 600000);
	assert_int_equal(b.written, 13500000);
	assert_int_equal(b.output, 6000000);
	assert_int_equal(b.reasoning, 1500000);
	assert_int_equal(b.other, 20000000);
}

static void
what_is_not_said_costs_nothing(void **state)
{
	(void)state;
	costs(&sonnet_tariff, USAGE_UNSAID, 0, 0);
	costs(&sonnet_tariff, used(10, -1, -1, -1, -1), 0, 30000);
	costs(NULL, used(10, 0, 0, 10, 0), 0, 0);
}

static void
a_rate_that_is_not_published_is_that_of_its_like(void **state)
{
	struct usage u = used(1000, 0, 1000, 0, 0);

	(void)state;
	costs(&plain_tariff, used(3000, 1000, 1000, 2000, 1000), 0, 5);
	u.written_1h = 1000;
	costs(&gpt_tariff, u, 0, 2500000);
}

static void
tiers(void **state)
{
	struct usage u = used(1000, 100, 0, 100, 0);

	(void)state;
	costs(&gpt_tariff, u, 0, 900 * 2500 + 100 * 250 + 100 * 15000);
	costs(&gpt_tariff, in_tier(u, TIER_FLEX), 0, 900 * 1250 + 100 * 130 + 100 * 7500);
	costs(&gpt_tariff, in_tier(u, TIER_PRIORITY), 0, 900 * 5000 + 100 * 250 + 100 * 30000);
	costs(&gpt_tariff, in_tier(u, TIER_BATCH), 0, 900 * 2500 + 100 * 250 + 100 * 15000);
	costs(&sonnet_tariff, in_tier(u, TIER_BATCH), 0, 900 * 1500 + 100 * 300 + 100 * 7500);
	u.tier = 1000;
	costs(&gpt_tariff, u, 0, 900 * 2500 + 100 * 250 + 100 * 15000);
}

static void
long_prompts(void **state)
{
	struct usage at = used(272000, 0, 0, 10, 0), above = used(272001, 1, 0, 10, 0);

	(void)state;
	costs(&gpt_tariff, at, 0, INT64_C(272000) * 2500 + 10 * 15000);
	costs(&gpt_tariff, above, 0, INT64_C(272000) * 5000 + 500 + 10 * 22500);
	costs(&gpt_tariff, in_tier(above, TIER_FLEX), 0, INT64_C(272000) * 2500 + 500 + 10 * 11250);
	/* no tier of its own up there: as everyone */
	costs(&gpt_tariff, in_tier(above, TIER_PRIORITY), 0, INT64_C(272000) * 5000 + 500 + 10 * 22500);
}

static void
sound_and_pictures(void **state)
{
	struct usage u = used(1000, 0, 0, 100, 10);

	(void)state;
	u.audio_in = 300;
	u.image_in = 200;
	u.audio_out = 50;
	costs(&heard_tariff, u, 0, 500 * 2500 + 300 * 100000 + 200 * 8000 + 40 * 10000 + 50 * 200000 + 10 * 12000);
}

/* Parts that sum to more than their whole are cut: nothing is charged twice. */
static void
details_that_do_not_fit(void **state)
{
	struct usage u = used(1000, 5000, 5000, 100, 500);

	(void)state;
	u.audio_in = u.written_1h = u.audio_out = 9999;
	costs(&sonnet_tariff, u, 0, 1000 * 300 + 100 * 15000);
	u = used(1000, 400, 900, 0, 0);
	u.written_1h = 5000;
	costs(&sonnet_tariff, u, 0, 400 * 300 + 600 * 6000);
	costs(&sonnet_tariff, used(-1, 100, 100, -1, 100), 0, 0);
}

static void
by_the_call_and_the_second(void **state)
{
	(void)state;
	costs(&hosted_tariff, used(1000, 0, 0, 100, 0), 1500, 5000000 + 630000);
	costs(&hosted_tariff, used(1000, 0, 0, 100, 0), 0, 5000000);
}

/* Half a nano-dollar is rounded up, once for all parts. */
static void
one_rounding(void **state)
{
	(void)state;
	costs(&plain_tariff, used(499, 0, 0, 0, 0), 0, 0);
	costs(&plain_tariff, used(500, 0, 0, 0, 0), 0, 1);
	costs(&plain_tariff, used(400, 0, 0, 99, 0), 0, 0);
	costs(&plain_tariff, used(400, 0, 0, 100, 0), 0, 1);
}

static void
discount_then_margin(void **state)
{
	struct tariff t = sonnet_tariff;
	struct usage u = used(1000, 0, 0, 100, 0);
	struct price_break b;

	(void)state;
	t.discount = 50000;
	costs(&t, u, 0, 4275000);
	t.margin = 100000;
	t.margin_fixed = 500000000;
	costs(&t, u, 0, 4702500 + 500000);
	price_call(&t, &u, 0, &b);
	assert_int_equal(b.original, 4500000);
	assert_int_equal(b.discount, 225000);
	assert_int_equal(b.margin, 427500 + 500000);
	t.discount = 1000000;
	t.margin_fixed = 0;
	costs(&t, u, 0, 0);
}

/* Numbers from a broken upstream end at the largest, not in a wrong sign. */
static void
absurd_numbers(void **state)
{
	struct rate dear[] = { { INT64_MAX / 20, 0, RATE_INPUT, TIER_DEFAULT } };
	struct tariff t = TARIFF(dear);

	(void)state;
	costs(&t, used(INT64_C(1000000000000), 0, 0, 0, 0), 0, INT64_MAX);
}

/* Whatever the numbers: the parts sum to the whole, and nothing is below 0 or above the bound of such a call. */
static void
sum_of_parts(void **state)
{
	const struct tariff *all[] = { &sonnet_tariff, &gpt_tariff, &plain_tariff, &heard_tariff, &hosted_tariff };
	unsigned seed = 7;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct tariff t = *all[i % nitems(all)];
		struct usage u = USAGE_UNSAID;
		int64_t *fields[] = { &u.prompt, &u.cached, &u.written, &u.completion, &u.reasoning, &u.written_1h, &u.audio_in, &u.image_in,
			&u.audio_out, &u.image_out };
		struct price_ask a = { .n = 1, .max_output = 400000, .most_ms = 100000 };
		struct price_break b;

		for (unsigned k = 0; k < nitems(fields); k++)
			*fields[k] = rand_r(&seed) % 400001 - 1;
		u.tier = rand_r(&seed) % (TIERS + 1) - 1;
		t.discount = rand_r(&seed) % 2 ? rand_r(&seed) % 1000001 : 0;
		t.margin = rand_r(&seed) % 2 ? rand_r(&seed) % 2000001 : 0;
		t.margin_fixed = rand_r(&seed) % 1000;
		price_call(&t, &u, rand_r(&seed) % 100000, &b);
		assert_int_equal(b.input + b.cached + b.written + b.output + b.reasoning + b.other, b.original);
		assert_int_equal(b.original - b.discount + b.margin, b.total);
		assert_true(b.input >= 0 && b.cached >= 0 && b.written >= 0 && b.output >= 0 && b.reasoning >= 0 && b.other >= 0);
		assert_true(b.discount >= 0 && b.margin >= 0 && b.total >= 0);
		a.prompt_bytes = u.prompt > 0 ? (size_t)u.prompt : 0;
		a.max_tokens = u.completion > 0 ? u.completion : 0;
		a.tier = u.tier;
		assert_true(price_bound(&t, &a) >= b.total);
	}
}

static void
upper_bound(void **state)
{
	struct price_ask a = { .prompt_bytes = 1000, .messages = 2, .max_tokens = 100, .tier = -1, .n = 1 };

	(void)state;
	assert_int_equal(price_bound(&sonnet_tariff, &a), 1032 * 6000 + 100 * 15000);
	a.never = 1u << RATE_WRITTEN | 1u << RATE_WRITTEN_1H;
	assert_int_equal(price_bound(&sonnet_tariff, &a), 1032 * 3000 + 100 * 15000);
	a.n = 3;
	assert_int_equal(price_bound(&sonnet_tariff, &a), 1032 * 3000 + 300 * 15000);
	a.n = 0;
	a.media = 500;
	assert_int_equal(price_bound(&sonnet_tariff, &a), 1532 * 3000 + 100 * 15000);
	a.window = 50;
	assert_int_equal(price_bound(&sonnet_tariff, &a), 50 * 3000 + 50 * 15000);
	a.window = 0;
	a.max_tokens = -1;
	a.max_output = 64000;
	assert_int_equal(price_bound(&sonnet_tariff, &a), 1532 * 3000 + 64000 * INT64_C(15000));
	a.max_output = 0;
	assert_int_equal(price_bound(&sonnet_tariff, &a), 1532 * 3000 + PRICE_OUTPUT_UNKNOWN * INT64_C(15000));
	/* only what may be above the step is charged as if it were */
	a = (struct price_ask){ .prompt_bytes = 272000, .max_tokens = 0, .tier = -1 };
	assert_int_equal(price_bound(&gpt_tariff, &a), INT64_C(272000) * 2500);
	a.prompt_bytes = 272001;
	assert_int_equal(price_bound(&gpt_tariff, &a), INT64_C(272001) * 5000);
	a = (struct price_ask){ .prompt_bytes = 10, .max_tokens = 10, .tier = TIER_PRIORITY };
	assert_int_equal(price_bound(&gpt_tariff, &a), 10 * 5000 + 10 * 30000);
	a.tier = TIER_FLEX;	/* may be served in the default tier */
	assert_int_equal(price_bound(&gpt_tariff, &a), 10 * 2500 + 10 * 15000);
	assert_int_equal(price_bound(NULL, &a), 0);
	a.max_tokens = INT64_MAX;
	assert_int_equal(price_bound(&gpt_tariff, &a), INT64_MAX);
	a.prompt_bytes = SIZE_MAX;
	assert_int_equal(price_bound(&gpt_tariff, &a), INT64_MAX);
}

static void
tokens_that_money_buys(void **state)
{
	struct price_ask a = { .prompt_bytes = 1000, .max_tokens = -1, .max_output = 64000, .tier = -1, .never = 1u << RATE_WRITTEN | 1u << RATE_WRITTEN_1H };

	(void)state;
	assert_int_equal(price_bought(&sonnet_tariff, &a, 3000000 + 100 * 15000), 100);
	assert_int_equal(price_bought(&sonnet_tariff, &a, 3000000 + 101 * 15000 - 1), 100);
	assert_int_equal(price_bought(&sonnet_tariff, &a, 3000000), 0);
	assert_int_equal(price_bought(&sonnet_tariff, &a, 2999999), 0);
	assert_int_equal(price_bought(&sonnet_tariff, &a, INT64_MAX), 64000);
	assert_int_equal(price_bought(&hosted_tariff, &a, INT64_MAX), INT64_MAX);
	assert_int_equal(price_bought(NULL, &a, 0), INT64_MAX);
	for (int64_t nano = 3000000; nano < 4000000; nano += 7777) {
		a.max_tokens = price_bought(&sonnet_tariff, &a, nano);
		assert_true(price_bound(&sonnet_tariff, &a) <= nano);
		a.max_tokens++;
		assert_true(price_bound(&sonnet_tariff, &a) > nano);
	}
}

static void
the_price_that_counted(void **state)
{
	struct usage u = in_tier(used(300000, 100, 0, 10, 0), TIER_FLEX);
	struct tariff t = gpt_tariff;
	struct buf b = { 0 };

	(void)state;
	t.model = TEXT("gpt-5.4");
	t.discount = 50000;
	price_doc(&b, &t, &u);
	buf_byte(&b, '\0');
	assert_string_equal(b.at, "{\"of\":\"gpt-5.4\",\"from\":\"published\",\"tier\":\"flex\","
	    "\"pico\":{\"input\":2500000,\"cached\":500000,\"output\":11250000},\"discount_ppm\":50000}");
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_token_has_its_price),
		cmocka_unit_test(what_is_not_said_costs_nothing),
		cmocka_unit_test(a_rate_that_is_not_published_is_that_of_its_like),
		cmocka_unit_test(tiers),
		cmocka_unit_test(long_prompts),
		cmocka_unit_test(sound_and_pictures),
		cmocka_unit_test(details_that_do_not_fit),
		cmocka_unit_test(by_the_call_and_the_second),
		cmocka_unit_test(one_rounding),
		cmocka_unit_test(discount_then_margin),
		cmocka_unit_test(absurd_numbers),
		cmocka_unit_test(sum_of_parts),
		cmocka_unit_test(upper_bound),
		cmocka_unit_test(tokens_that_money_buys),
		cmocka_unit_test(the_price_that_counted),
	};

	return (cmocka_run_group_tests_name("price", tests, NULL, NULL));
}
