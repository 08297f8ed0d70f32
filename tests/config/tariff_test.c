/* SPDX-License-Identifier: Apache-2.0 */
/* What a call costs at a deployment: by the file, by a price map, by what is published. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "config/config_priv.h"
#include "yaml_text.h"

static int64_t
rate(const struct tariff *t, enum rate_of of, enum tier tier, int32_t above)
{
	for (unsigned i = 0; t != NULL && i < t->n; i++)
		if (t->rates[i].of == of && t->rates[i].tier == tier && t->rates[i].above == above)
			return (t->rates[i].pico);
	return (-1);
}

static void
names_of_litellm(void **state)
{
	static const struct {
		const char	*name;
		struct rate	 rate;
	} cases[] = {
		{ "input_cost_per_token", { .of = RATE_INPUT } },
		{ "output_cost_per_token_flex", { .of = RATE_OUTPUT, .tier = TIER_FLEX } },
		{ "input_cost_per_token_batches", { .of = RATE_INPUT, .tier = TIER_BATCH } },
		{ "output_cost_per_token_above_272k_tokens_priority", { .of = RATE_OUTPUT, .tier = TIER_PRIORITY, .above = 272000 } },
		{ "cache_creation_input_token_cost", { .of = RATE_WRITTEN } },
		{ "cache_creation_input_token_cost_above_1hr", { .of = RATE_WRITTEN_1H } },
		{ "cache_creation_input_token_cost_above_1hr_above_200k_tokens", { .of = RATE_WRITTEN_1H, .above = 200000 } },
		{ "cache_creation_input_token_cost_above_200k_tokens", { .of = RATE_WRITTEN, .above = 200000 } },
		{ "input_cost_per_token_cache_hit", { .of = RATE_CACHED } },
		{ "cache_read_input_token_cost_ultrafast", { .of = RATE_CACHED, .tier = TIER_ULTRAFAST } },
		{ "output_cost_per_reasoning_token", { .of = RATE_REASONING } },
		{ "input_cost_per_audio_token", { .of = RATE_AUDIO_IN } },
		{ "output_cost_per_image_token", { .of = RATE_IMAGE_OUT } },
		{ "input_cost_per_second", { .of = RATE_SECOND_IN } },
	};
	static const char *const none[] = { "", "input_cost", "input_cost_per_tokens", "input_cost_per_token_", "input_cost_per_token_cheap",
		"input_cost_per_token_above_k_tokens", "input_cost_per_token_above_128_tokens", "input_cost_per_token_above_9999999999k_tokens",
		"input_cost_per_character", "cache_read_input_token_cost_above_1hr", "max_tokens" };
	char again[RATE_NAME_MOST];
	struct rate r;

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		if (!rate_named(&r, text_of(cases[i].name)))
			fail_msg("%s is not known", cases[i].name);
		assert_int_equal(r.of, cases[i].rate.of);
		assert_true(rate_name(again, &r));
		if (strcmp(cases[i].name, "input_cost_per_token_cache_hit") != 0)
			assert_string_equal(again, cases[i].name);
		assert_int_equal(r.tier, cases[i].rate.tier);
		assert_int_equal(r.above, cases[i].rate.above);
	}
	for (size_t i = 0; i < nitems(none); i++)
		if (rate_named(&r, text_of(none[i])))
			fail_msg("%s is taken for a price", none[i]);
}

static void
published_prices(void **state)
{
	struct config *c = load_text("model_list:\n"
	    "- {model_name: a, litellm_params: {model: openai/gpt-5.4, api_key: k}}\n"
	    "- {model_name: b, litellm_params: {model: anthropic/claude-opus-5, api_key: k}}\n"
	    "- {model_name: c, litellm_params: {model: openai/secret, api_key: k}, model_info: {base_model: gemini-2.5-pro}}\n"
	    "- {model_name: d, litellm_params: {model: openai/nothing-known, api_key: k}}\n"
	    "- {model_name: e, litellm_params: {model: hosted_vllm/gpt-4o, api_base: \"http://127.0.0.1:1/v1\"}}\n"
	    "- {model_name: f, litellm_params: {model: dashscope/qwen-flash, api_key: k}}\n");
	const struct tariff *t;

	(void)state;
	t = c->deployments[0]->tariff;
	assert_text(t->model, "gpt-5.4");
	assert_string_equal(t->source, "published");
	assert_false(t->free);
	assert_int_equal(rate(t, RATE_INPUT, TIER_DEFAULT, 0), 2500000);
	assert_int_equal(rate(t, RATE_INPUT, TIER_FLEX, 272000), 2500000);
	assert_int_equal(rate(t, RATE_CACHED, TIER_FLEX, 0), 130000);
	assert_int_equal(rate(t, RATE_OUTPUT, TIER_PRIORITY, 0), 30000000);
	t = c->deployments[1]->tariff;
	assert_int_equal(rate(t, RATE_WRITTEN, TIER_DEFAULT, 0), 6250000);
	assert_int_equal(rate(t, RATE_WRITTEN_1H, TIER_DEFAULT, 0), 10000000);
	assert_int_equal(rate(t, RATE_SEARCH, TIER_DEFAULT, 0), 10000000000);
	t = c->deployments[2]->tariff;
	assert_text(t->model, "gemini-2.5-pro");
	assert_int_equal(rate(t, RATE_OUTPUT, TIER_DEFAULT, 200000), 15000000);
	assert_null(c->deployments[3]->tariff);
	assert_null(c->deployments[4]->tariff);		/* somebody's own server that has a vendor's name for its model */
	assert_int_equal(rate(c->deployments[5]->tariff, RATE_INPUT, TIER_DEFAULT, 256000), 250000);
	config_release(c);
}

static void
prices_of_the_deployment(void **state)
{
	struct config *c = load_text("model_list:\n"
	    "- {model_name: a, litellm_params: {model: openai/gpt-5.4, api_key: k, input_cost_per_token: 0.000002, output_cost_per_token: 1e-05, input_cost_per_token_flex: 0.000001}}\n"
	    "- {model_name: b, litellm_params: {model: openai/gpt-5.4, api_key: k}, model_info: {cache_read_input_token_cost: 0.0000001}}\n"
	    "- {model_name: c, litellm_params: {model: openai/gpt-5.4, api_key: k, input_cost_per_token: 0.0000025, cache_read_input_token_cost: 2e-7}}\n"
	    "- {model_name: d, litellm_params: {model: openai/gpt-5.4, api_key: k, input_cost_per_token: 0.000002}}\n"
	    "- {model_name: e, litellm_params: {model: openai/gpt-5.4, api_key: k, input_cost_per_token: 0, output_cost_per_token: 0}}\n"
	    "- {model_name: f, litellm_params: {model: openai/own, api_key: k, input_cost_per_second: 0.00042}}\n"
	    "- {model_name: g, litellm_params: {model: openai/own, api_key: k, tiered_pricing: [{range: [0, 32000], input_cost_per_token: 1e-6}, "
	    "{range: [32000, 128000], input_cost_per_token: 2e-6, output_cost_per_token: 4e-6}]}}\n"
	    "- {model_name: h, litellm_params: {model: openai/own, api_key: k, input_cost_per_token: 0.0000000000015, output_cost_per_token: -1}}\n");
	const struct tariff *t;

	(void)state;
	t = c->deployments[0]->tariff;		/* a contract: nothing of the list counts */
	assert_string_equal(t->source, "deployment");
	assert_int_equal(t->n, 3);
	assert_int_equal(rate(t, RATE_INPUT, TIER_FLEX, 0), 1000000);
	assert_int_equal(rate(t, RATE_CACHED, TIER_DEFAULT, 0), -1);
	t = c->deployments[1]->tariff;		/* an addition */
	assert_int_equal(rate(t, RATE_CACHED, TIER_DEFAULT, 0), 100000);
	assert_int_equal(rate(t, RATE_INPUT, TIER_PRIORITY, 0), 5000000);
	t = c->deployments[2]->tariff;		/* the list's, said again */
	assert_int_equal(rate(t, RATE_CACHED, TIER_DEFAULT, 0), 200000);
	assert_int_equal(rate(t, RATE_INPUT, TIER_PRIORITY, 0), 5000000);
	t = c->deployments[3]->tariff;		/* output stays the list's */
	assert_int_equal(rate(t, RATE_INPUT, TIER_PRIORITY, 0), -1);
	assert_int_equal(rate(t, RATE_OUTPUT, TIER_PRIORITY, 0), 30000000);
	assert_true(c->deployments[4]->tariff->free);
	assert_int_equal(c->deployments[4]->tariff->n, 2);
	t = c->deployments[5]->tariff;
	assert_int_equal(rate(t, RATE_SECOND_IN, TIER_DEFAULT, 0), 420000000);
	assert_false(t->free);
	t = c->deployments[6]->tariff;
	assert_int_equal(rate(t, RATE_INPUT, TIER_DEFAULT, 0), 1000000);
	assert_int_equal(rate(t, RATE_INPUT, TIER_DEFAULT, 32000), 2000000);
	assert_int_equal(rate(t, RATE_OUTPUT, TIER_DEFAULT, 32000), 4000000);
	assert_says(c, PROBLEM_NOTE, 9, "input_cost_per_token is finer than 10^-12 dollars");
	assert_says(c, PROBLEM_WARNING, 9, "output_cost_per_token must be dollars for a token");
	assert_int_equal(rate(c->deployments[7]->tariff, RATE_INPUT, TIER_DEFAULT, 0), 2);
	assert_int_equal(c->n_errors, 0);
	config_release(c);
}

static struct config *
load_map(const char *map, const char *models)
{
	struct buf yaml = { 0 };
	struct config *c;

	write_file("prices.json", map);
	buf_print(&yaml, "sluice: {price_map: \"%s\"}\nmodel_list:\n%s", temp_path("prices.json"), models);
	buf_byte(&yaml, '\0');
	c = load_text(yaml.at);
	buf_free(&yaml);
	return (c);
}

#define MODELS	"- {model_name: a, litellm_params: {model: openai/gpt-4o, api_key: k}}\n" \
	"- {model_name: b, litellm_params: {model: openai/new-one, api_key: k}}\n" \
	"- {model_name: \"*\", litellm_params: {model: \"openai/*\", api_key: k}}\n" \
	"- {model_name: v, litellm_params: {model: hosted_vllm/llama, api_base: \"http://127.0.0.1:1/v1\"}}\n"

static void
a_price_map(void **state)
{
	struct config *c = load_map("{\"sample_spec\":{\"input_cost_per_token\":0,\"output_cost_per_token\":0},"
	    "\"gpt-4o\":{\"input_cost_per_token\":3e-06,\"output_cost_per_token\":1.2e-05,\"cache_read_input_token_cost\":1.5e-06,\"litellm_provider\":\"openai\","
	    "\"mode\":\"chat\",\"supports_vision\":true,\"search_context_cost_per_query\":{\"search_context_size_low\":0.03,\"search_context_size_medium\":0.035}},"
	    "\"new-one\":{\"input_cost_per_token\":1.0000001e-06,\"output_cost_per_token\":\"much\",\"input_cost_per_second\":1},"
	    "\"heard\":{\"mode\":\"audio_transcription\",\"input_cost_per_second\":0.0001,\"input_cost_per_token\":1e-6},"
	    "\"xai/grok\":{\"input_cost_per_token\":1e-6,\"input_cost_per_token_above_200k_tokens\":2e-6},"
	    "\"openai/starred\":{\"input_cost_per_token\":4e-06},"
	    "\"hosted_vllm/llama\":{\"input_cost_per_token\":5e-07,\"output_cost_per_token\":-1},"
	    "\"unpriced\":{\"max_tokens\":1},\"odd\":7}", MODELS);
	struct arena *a = arena_new();
	const struct tariff *t;

	(void)state;
	t = c->deployments[0]->tariff;
	assert_string_equal(t->source, "price map");
	assert_int_equal(rate(t, RATE_INPUT, TIER_DEFAULT, 0), 3000000);
	assert_int_equal(rate(t, RATE_SEARCH, TIER_DEFAULT, 0), 35000000000);
	assert_int_equal(c->deployments[0]->input_price, 3000000);
	assert_int_equal(rate(t, RATE_INPUT, TIER_BATCH, 0), -1);	/* nothing of the shipped table is mixed in */
	t = c->deployments[1]->tariff;
	assert_int_equal(rate(t, RATE_INPUT, TIER_DEFAULT, 0), 1000001);
	assert_says(c, PROBLEM_NOTE, 1, "1 prices are finer");
	assert_says(c, PROBLEM_WARNING, 1, "2 prices are none");
	/* a pattern's price is that of what is asked for */
	assert_null(c->deployments[2]->tariff);
	t = config_tariff(a, c, c->deployments[2], TEXT("starred"));
	assert_int_equal(rate(t, RATE_INPUT, TIER_DEFAULT, 0), 4000000);
	t = config_tariff(a, c, c->deployments[2], TEXT("gpt-5.4"));
	assert_string_equal(t->source, "published");
	assert_null(config_tariff(a, c, c->deployments[2], TEXT("nothing-known")));
	assert_null(config_tariff(a, c, c->deployments[2], TEXT("unpriced")));
	t = config_tariff(a, c, c->deployments[2], TEXT("heard"));
	assert_int_equal(t->n, 1);
	t = config_tariff_named(a, c, vendor_find(TEXT("xai")), TEXT("grok"));
	assert_int_equal(rate(t, RATE_INPUT, TIER_DEFAULT, 199999), 2000000);
	assert_int_equal(rate(c->deployments[3]->tariff, RATE_INPUT, TIER_DEFAULT, 0), 500000);
	assert_ptr_equal(config_tariff(a, c, c->deployments[0], TEXT("gpt-4o")), c->deployments[0]->tariff);
	arena_free(a);
	config_release(c);
}

static void
a_price_map_that_is_none(void **state)
{
	static const char *const maps[] = { "", "[]", "{\"gpt-4o\":", "{}", "null" };

	(void)state;
	for (size_t i = 0; i < nitems(maps); i++) {
		struct config *c = load_map(maps[i], MODELS);

		assert_int_equal(c->n_errors, 0);
		assert_int_equal(c->n_warnings, 1);
		assert_says(c, PROBLEM_WARNING, 1, "published prices count instead");
		assert_string_equal(c->deployments[0]->tariff->source, "published");
		config_release(c);
	}
	struct config *c = load_text("sluice: {price_map: /nowhere/prices.json}\nmodel_list:\n" MODELS);
	assert_says(c, PROBLEM_WARNING, 1, "can not be read (No such file or directory)");
	config_release(c);
}

static void
discounts_and_margins(void **state)
{
	struct config *c = load_text("model_list:\n"
	    "- {model_name: a, litellm_params: {model: openai/gpt-4o, api_key: k}}\n"
	    "- {model_name: b, litellm_params: {model: anthropic/claude-opus-5, api_key: k}}\n"
	    "- {model_name: c, litellm_params: {model: deepseek/deepseek-chat, api_key: k}}\n"
	    "litellm_settings:\n"
	    "  cost_discount_config: {openai: 0.05, deepseek: \"0.123456\", nobody: 0.5}\n"
	    "  cost_margin_config: {global: 0.1, anthropic: {percentage: 0.08, fixed_amount: 0.0005}}\n");
	const struct tariff *t;

	(void)state;
	assert_int_equal(c->n_errors, 0);
	assert_says(c, PROBLEM_WARNING, 6, "no vendor is called nobody");
	t = c->deployments[0]->tariff;
	assert_int_equal(t->discount, 50000);
	assert_int_equal(t->margin, 100000);
	assert_int_equal(t->margin_fixed, 0);
	t = c->deployments[1]->tariff;
	assert_int_equal(t->discount, 0);
	assert_int_equal(t->margin, 80000);
	assert_int_equal(t->margin_fixed, 500000000);
	t = c->deployments[2]->tariff;
	assert_int_equal(t->discount, 123456);
	config_release(c);
}

static void
wrong_discounts(void **state)
{
	struct config *c = load_text("model_list:\n- {model_name: a, litellm_params: {model: openai/gpt-4o, api_key: k}}\n"
	    "litellm_settings:\n  cost_discount_config:\n    openai: 1.5\n    anthropic: -0.1\n  cost_margin_config:\n    openai: much\n"
	    "    anthropic: {fixed_amount: -1}\n");

	(void)state;
	assert_says(c, PROBLEM_ERROR, 5, "must be a fraction such as 0.05, from 0 to 1");
	assert_says(c, PROBLEM_ERROR, 6, "must be a fraction");
	assert_says(c, PROBLEM_ERROR, 8, "must be a fraction");
	assert_says(c, PROBLEM_ERROR, 9, "fixed_amount must be dollars for a call");
	config_release(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_litellm),
		cmocka_unit_test_setup(published_prices, clean_env),
		cmocka_unit_test_setup(prices_of_the_deployment, clean_env),
		cmocka_unit_test_setup(a_price_map, clean_env),
		cmocka_unit_test_setup(a_price_map_that_is_none, clean_env),
		cmocka_unit_test_setup(discounts_and_margins, clean_env),
		cmocka_unit_test_setup(wrong_discounts, clean_env),
	};

	return (cmocka_run_group_tests_name("tariff", tests, NULL, NULL));
}
