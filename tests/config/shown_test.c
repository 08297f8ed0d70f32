/* SPDX-License-Identifier: Apache-2.0 */
/* What of a configuration may be told, and that no secret is among it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "config/config.h"
#include "yaml_text.h"

static void
assert_valid(struct text t)
{
	struct json_fault fault;
	enum json_type type;
	size_t n;

	if (!json_scan(t, &type, NULL, 0, &n, &fault) || type != JSON_OBJECT)
		fail_msg("not an object: %s", text_string(t));
}

static void
what_is_harmless_is_told(void **state)
{
	struct config *c = load_text("model_list:\n"
	    "- model_name: m\n  rpm: 10\n  litellm_params:\n    model: openai/gpt-4o\n    api_key: hidden\n    temperature: 0.5\n    max_tokens: 100\n"
	    "    stop: [a, b]\n    tags: [x]\n    timeout: 30\n    unknown_number: 7\n    unknown_text: hidden\n    drop_params: true\n"
	    "    input_cost_per_token: 2.5e-6\n    output_cost_per_token: \"1e-5\"\n    api_base: http://u:hidden@127.0.0.1:9/v1?key=hidden\n"
	    "  model_info: {id: i, note: \"quo\\\"te\", max_input_tokens: 5, nested: {a: [1, null, ~, yes]}, input_cost_per_token: 3e-6, supports_vision: true}\n");

	(void)state;
	assert_quiet(c);
	assert_text(c->deployments[0]->shown_params, "{\"model\":\"openai/gpt-4o\",\"temperature\":0.5,\"max_tokens\":100,\"stop\":[\"a\",\"b\"],"
	    "\"tags\":[\"x\"],\"timeout\":30,\"unknown_number\":7,\"unknown_text\":\"***\",\"drop_params\":true,\"input_cost_per_token\":0.0000025,"
	    "\"output_cost_per_token\":0.00001,\"api_base\":\"http://127.0.0.1:9/v1\",\"rpm\":10}");
	assert_text(c->deployments[0]->shown_info, "{\"id\":\"i\",\"note\":\"quo\\\"te\",\"max_input_tokens\":5,\"nested\":{\"a\":[1,null,null,true]},"
	    "\"input_cost_per_token\":0.000003,\"supports_vision\":true,\"output_cost_per_token\":0.00001}");
	config_release(c);
}

/* Every secret in this file is written "hidden", in every place where people put them. */
static void
no_secret_is_told(void **state)
{
	struct config *c;

	(void)state;
	setenv("HIDDEN", "hidden-too", 1);
	c = load_text("model_list:\n- model_name: m\n  litellm_params:\n    model: openai/gpt-4o\n    api_key: hidden\n"
	    "    base_url: https://hidden:hidden@127.0.0.1/v1?sig=hidden\n    aws_access_key_id: hidden\n    aws_secret_access_key: hidden\n"
	    "    aws_session_token: hidden\n    aws_role_name: hidden\n    aws_region_name: eu-west-1\n    vertex_credentials: {private: hidden}\n"
	    "    vertex_ai_credentials: hidden\n    azure_ad_token: hidden\n    azure_password: hidden\n    client_id: hidden\n    client_secret: hidden\n"
	    "    tenant_id: hidden\n    password: hidden\n    my_own: hidden\n    from_env: os.environ/HIDDEN\n    Authorization: hidden\n"
	    "    extra_headers: {Authorization: Bearer hidden, X-Key: hidden, X-Other: hidden}\n    default_headers: {Cookie: hidden}\n"
	    "    extra_body: {deep: [{token: hidden, word: hidden, n: 1}]}\n    mcp_servers: [{url: \"http://a:hidden@b\", authorization_token: hidden}]\n"
	    "    tools: [{type: mcp, headers: {X: hidden}}]\n    metadata: {who: hidden}\n    stop: os.environ/HIDDEN\n"
	    "  model_info: {api_key: hidden, note: os.environ/HIDDEN, see: \"http://me:hidden@there\", custom_tokenizer: {identifier: t, auth_token: hidden},\n"
	    "    deep: [{client_secret: hidden, max_tokens: hidden}]}\n");
	for (size_t i = 0; i < c->n_deployments; i++) {
		struct text told[] = { c->deployments[i]->shown_params, c->deployments[i]->shown_info };

		for (size_t k = 0; k < nitems(told); k++) {
			assert_valid(told[k]);
			if (text_has(told[k], TEXT("hidden")))
				fail_msg("a secret in %s", text_string(told[k]));
		}
	}
	assert_int_equal(c->n_deployments, 1);
	assert_true(text_has(c->deployments[0]->shown_params, TEXT("\"extra_headers\":{\"X-Other\":\"***\"}")));
	assert_true(text_has(c->deployments[0]->shown_params, TEXT("\"extra_body\":{\"deep\":[{\"word\":\"***\",\"n\":1}]}")));
	assert_true(text_has(c->deployments[0]->shown_params, TEXT("\"aws_region_name\":\"eu-west-1\"")));
	assert_true(text_has(c->deployments[0]->shown_params, TEXT("\"api_base\":\"https://127.0.0.1/v1\"")));
	assert_true(text_has(c->deployments[0]->shown_info, TEXT("\"custom_tokenizer\":{\"identifier\":\"t\"}")));
	config_release(c);
}

static void
prices_of_the_file_come_before_published_ones(void **state)
{
	struct config *c = load_text("model_list:\n"
	    "- {model_name: a, litellm_params: {model: openai/gpt-4o, api_key: k}}\n"
	    "- {model_name: b, litellm_params: {model: openai/gpt-4o, api_key: k, input_cost_per_token: \"7e-06\"}, model_info: {output_cost_per_token: 0}}\n"
	    "- {model_name: c, litellm_params: {model: openai/own, api_key: k}, model_info: {base_model: gpt-4o}}\n"
	    "- {model_name: d, litellm_params: {model: openai/own, api_key: k}}\n"
	    "- {model_name: e, litellm_params: {model: openai/gpt-4o, api_key: k, input_cost_per_token: cheap}}\n");

	(void)state;
	assert_int_equal(c->n_errors, 0);
	assert_int_equal(c->deployments[0]->input_price, 2500000);
	assert_int_equal(c->deployments[0]->output_price, 10000000);
	assert_int_equal(c->deployments[1]->input_price, 7000000);
	assert_int_equal(c->deployments[1]->output_price, 0);
	assert_int_equal(c->deployments[2]->input_price, 2500000);
	assert_text(c->deployments[2]->facts->name, "gpt-4o");
	assert_int_equal(c->deployments[3]->input_price, -1);
	assert_null(c->deployments[3]->facts);
	assert_int_equal(c->deployments[4]->input_price, 2500000);
	assert_says(c, PROBLEM_WARNING, 6, "input_cost_per_token must be dollars for a token");
	config_release(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_harmless_is_told, clean_env),
		cmocka_unit_test_setup(no_secret_is_told, clean_env),
		cmocka_unit_test_setup(prices_of_the_file_come_before_published_ones, clean_env),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
