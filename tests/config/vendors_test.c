/* SPDX-License-Identifier: Apache-2.0 */
/* The table of vendors, and rows of the operator's own. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/config_priv.h"
#include "yaml_text.h"

static void
the_table_is_in_order_and_sound(void **state)
{
	const char *last = "";
	const struct vendor *v;

	for (size_t i = 0; (v = vendor_nth(&(struct config){ .n_vendors = 0 }, i)) != NULL; i++) {
		struct url u;
		if (strcmp(last, v->prefix) >= 0)
			fail_msg("%s stands behind %s", v->prefix, last);
		last = v->prefix;
		assert_ptr_equal(vendor_find(text_of(v->prefix)), v);
		if (v->base_url != NULL && url_parse(&u, text_of(v->base_url)) != NULL)
			fail_msg("%s: %s", v->prefix, v->base_url);
		if (v->wire == WIRE_NONE)
			assert_null(v->base_url);
		if (v->chat_path != NULL)
			assert_int_equal(v->chat_path[0], '/');
		assert_false((v->quirks & QUIRK_MAX_TOKENS_OLD) != 0 && (v->quirks & QUIRK_MAX_TOKENS_NEW) != 0);
	}
}

static void
prefixes_are_found_whole(void **state)
{
	assert_string_equal(vendor_find(TEXT("openai"))->base_url, "https://api.openai.com/v1");
	assert_int_equal(vendor_find(TEXT("anthropic"))->wire, WIRE_ANTHROPIC);
	assert_int_equal(vendor_find(TEXT("bedrock"))->wire, WIRE_NONE);
	assert_int_equal(vendor_find(TEXT("openrouter"))->wire, WIRE_OPENAI);
	assert_int_equal(vendor_find(TEXT("mistral"))->wire, WIRE_OPENAI);
	assert_string_equal(vendor_find(TEXT("together_ai"))->base_url, "https://api.together.ai/v1");
	assert_string_equal(vendor_find(TEXT("sarvam"))->headers, "api-subscription-key: {api_key}");
	assert_null(vendor_find(TEXT("open")));
	assert_null(vendor_find(TEXT("openai2")));
	assert_null(vendor_find(TEXT("")));
	assert_null(vendor_find(TEXT("OpenAI")));
}

static void
bare_names_are_guessed(void **state)
{
	assert_string_equal(vendor_guess(TEXT("gpt-4o"))->prefix, "openai");
	assert_string_equal(vendor_guess(TEXT("claude-x"))->prefix, "anthropic");
	assert_string_equal(vendor_guess(TEXT("my-ft:gpt-x"))->prefix, "openai");
	assert_null(vendor_guess(TEXT("llama")));
}

static void
operators_add_rows(void **state)
{
	struct config *c;

	setenv("ACME_KEY", "acme-key", 1);
	setenv("OPENAI_API_KEY", "sk-o", 1);
	c = load_text("sluice:\n  vendors:\n"
	    "    acme: {base_url: 'https://llm.acme.example/api', key_env: [ACME_KEY], quirks: [max_tokens_old, no_stream_options], path: /v9/chat,\n"
	    "      headers: {X-Team: search, X-Key: '{api_key}'}, model_prefix: acme/}\n"
	    "    claudish: {wire: anthropic, base_env: CLAUDISH_BASE}\n    groq: {base_url: 'http://own-groq/v1'}\n"
	    "model_list:\n- {model_name: a, litellm_params: {model: acme/m}}\n"
	    "- {model_name: b, litellm_params: {model: claudish/m, api_base: 'http://c'}}\n"
	    "- {model_name: c, litellm_params: {model: groq/m}}\n"
	    "- {model_name: d, litellm_params: {model: acme/m, api_base: 'http://c'}}\n"
	    "- {model_name: e, litellm_params: {model: m, api_base: 'https://llm.acme.example/api'}}\n");
	assert_quiet(c);
	assert_text(c->deployments[0]->url, "https://llm.acme.example/api/v9/chat");
	assert_text(c->deployments[0]->key, "acme-key");
	assert_int_equal(c->deployments[0]->vendor->quirks, QUIRK_MAX_TOKENS_OLD | QUIRK_NO_STREAM_OPTIONS);
	assert_string_equal(c->deployments[0]->vendor->headers, "X-Team: search\nX-Key: {api_key}");
	assert_text(c->deployments[1]->url, "http://c/v1/messages");
	assert_int_equal(c->deployments[1]->wire, WIRE_ANTHROPIC);
	assert_text(c->deployments[2]->url, "http://own-groq/v1/chat/completions");
	assert_text(c->deployments[3]->key, "");
	assert_string_equal(c->deployments[4]->vendor->prefix, "acme");
	assert_ptr_equal(config_vendor(c, TEXT("acme")), c->deployments[0]->vendor);
	assert_ptr_equal(config_vendor(c, TEXT("openai")), vendor_find(TEXT("openai")));
	config_release(c);
}

static void
bad_rows_are_errors(void **state)
{
	static const char *const cases[][2] = {
		{ "a: 3", "must be a map" }, { "a: {base: x}", "unknown setting base" }, { "a: {base_url: nowhere}",
		"must begin with http" },
		{ "a: {base_url: 'http://h', quirks: [max_token_old]}", "did you mean max_tokens_old" },
		{ "a: {base_url: 'http://h', quirks: max_tokens_old}", "must be a list" },
		{ "a/b: {base_url: 'http://h'}", "without a slash" }, { "a: {base_url: 'http://h', wire: grpc}", "wire must be" },
		{ "a: {base_url: 'http://h', path: x}", "slash" },
		{ "a: {base_url: 'http://h', headers: {'x y': 1}}", "header's name" },
		{ "a: {base_url: 'http://h', key_env: [a, b, c, d, e]}", "at most 4 names" },
	};

	for (size_t i = 0; i < nitems(cases); i++) {
		char yaml[512];
		struct config *c;

		snprintf(yaml, sizeof(yaml),
		    "model_list: [{model_name: m, litellm_params: {model: openai/m, api_key: k}}]\nsluice:\n  vendors:\n    %s\n",
		    cases[i][0]);
		c = load_text(yaml);
		assert_int_equal(c->n_errors, 1);
		assert_says(c, PROBLEM_ERROR, 4, cases[i][1]);
		config_release(c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_table_is_in_order_and_sound, clean_env),
		cmocka_unit_test_setup(prefixes_are_found_whole, clean_env),
		cmocka_unit_test_setup(bare_names_are_guessed, clean_env),
		cmocka_unit_test_setup(operators_add_rows, clean_env),
		cmocka_unit_test_setup(bad_rows_are_errors, clean_env),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
