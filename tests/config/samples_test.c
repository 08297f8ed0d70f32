/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations that people start from, and one as large as they grow. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/config_priv.h"
#include "yaml_text.h"

static struct config *
load_sample(const char *name)
{
	const char *top = getenv("top_srcdir");
	char path[1024];

	snprintf(path, sizeof(path), "%s/tests/config/samples/%s", top != NULL ? top : ".", name);
	return (config_load(path));
}

static void
samples_load_without_a_word(void **state)
{
	static const struct {
		const char	*name;
		size_t		 groups, deployments;
	} cases[] = { { "gemma-qwen.yaml", 2, 2 }, { "two-gemma-fallback-qwen.yaml", 2, 3 }, { "two-vllm-openai-prefix.yaml", 1, 2 } };

	setenv("OPENAI_API_KEY", "sk-not-for-them", 1);
	for (size_t i = 0; i < nitems(cases); i++) {
		struct config *c = load_sample(cases[i].name);
		assert_quiet(c);
		assert_int_equal(c->n_groups, cases[i].groups);
		assert_int_equal(c->n_deployments, cases[i].deployments);
		for (size_t k = 0; k < c->n_deployments; k++)
			assert_false(text_is(c->deployments[k]->key, "sk-not-for-them"));
		config_release(c);
	}
}

static void
two_engines_on_the_premises(void **state)
{
	struct config *c = load_sample("gemma-qwen.yaml");

	assert_text(c->deployments[0]->url, "http://127.0.0.1:9100/v1/chat/completions");
	assert_text(c->deployments[0]->model, "gemma-3-27b-it");
	assert_text(c->deployments[0]->key, "none");
	config_release(c);
}

static void
two_servers_of_one_model_and_another_behind_them(void **state)
{
	struct config *c = load_sample("two-gemma-fallback-qwen.yaml");

	assert_int_equal(c->groups[0].n_deployments, 2);
	assert_int_equal(c->deployments[0]->rpm, 120);
	assert_text(c->deployments[0]->key, "");
	assert_int_equal(c->groups[0].n_fallbacks, 1);
	assert_text(c->groups[0].fallbacks[0], "qwen");
	assert_int_equal(c->groups[1].n_fallbacks, 0);
	config_release(c);
}

static void
a_company_s_file(void **state)
{
	struct config *c;

	setenv("OPENAI_API_KEY", "sk-o", 1);
	setenv("ANTHROPIC_API_KEY", "sk-a", 1);
	setenv("AZURE_API_KEY", "az", 1);
	setenv("PROXY_MASTER_KEY", "sk-of-the-company", 1);
	c = load_sample("../company.yaml");
	assert_int_equal(c->n_errors, 0);
	assert_text(c->settings.master_key, "sk-of-the-company");
	assert_int_equal(c->n_deployments, 9);
	assert_int_equal(c->settings.timeout_ms, 600000);
	assert_says(c, PROBLEM_WARNING, 0, "bedrock comes with a later version");
	config_release(c);
}

static void
thousands_of_deployments(void **state)
{
	struct buf b = { 0 };
	struct capture captured;
	struct config *c;

	buf_print(&b, "model_list:\n");
	for (int i = 0; i < 5000; i++)
		buf_print(&b, "- model_name: model-%d\n  litellm_params:\n    model: hosted_vllm/m%d\n"
		    "    api_base: http://10.0.%d.%d:8000/v1\n    rpm: 100\n    timeout: 60\n  model_info: {mode: chat}\n",
		    i / 2, i, i / 250, i % 250);
	buf_byte(&b, '\0');
	c = load_text(b.at);
	assert_quiet(c);
	assert_int_equal(c->n_deployments, 5000);
	assert_int_equal(c->n_groups, 2500);
	assert_int_equal(config_group(c, TEXT("model-2499"), &captured)->n_deployments, 2);
	config_release(c);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(samples_load_without_a_word, clean_env),
		cmocka_unit_test_setup(two_engines_on_the_premises, clean_env),
		cmocka_unit_test_setup(two_servers_of_one_model_and_another_behind_them, clean_env),
		cmocka_unit_test_setup(a_company_s_file, clean_env),
		cmocka_unit_test_setup(thousands_of_deployments, clean_env),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
