/* SPDX-License-Identifier: Apache-2.0 */
/* LiteLLM's pages about models: the file's word, then what is published, then null. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "front/front.h"

static struct arena *arena;
static struct config *config;
static struct buf out;

static const char yaml[] = "model_list:\n"
    "- {model_name: a, litellm_params: {model: openai/gpt-4o, api_key: k, rpm: 10, tpm: 100}, model_info: {id: a1, supports_vision: false, own: [1]}}\n"
    "- {model_name: a, litellm_params: {model: anthropic/claude-sonnet-4-5, api_key: k, rpm: 5}, model_info: {id: a2, input_cost_per_token: 9e-06}}\n"
    "- {model_name: u, litellm_params: {model: hosted_vllm/own, api_base: 'http://h'}, model_info: {id: u1, max_tokens: 77, db_model: true}}\n"
    "- {model_name: e, litellm_params: {model: openai/text-embedding-3-small, api_key: k}, model_info: {id: e1}}\n"
    "router_settings: {model_group_alias: {short: u, hush: {model: u, hidden: true}}}\ngeneral_settings: {master_key: sk-2f6e0b7a91c84d}\n";

static int
set_up(void **state)
{
	(void)state;
	arena = arena_new();
	config = config_load_text("config.yaml", text_of(yaml));
	assert_int_equal(config->n_errors, 0);
	return (0);
}

static int
tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	config_release(config);
	buf_free(&out);
	return (0);
}

static const struct json *
answer(void)
{
	struct json_fault fault;
	struct json *whole = json_parse(arena, arena_copy(arena, buf_as_text(&out)), &fault);

	assert_non_null(whole);
	out.len = 0;
	return (json_get(whole, "data"));
}

static void
assert_member(const struct json *object, const char *name, const char *wanted)
{
	const struct json *v = json_get(object, name);

	if (v == NULL || !text_is(v->raw, wanted))
		fail_msg("%s is %.*s, not %s", name, v != NULL ? (int)v->raw.len : 4, v != NULL ? v->raw.at : "none", wanted);
}

/* model_info of the only deployment that is told for that id. */
static const struct json *
info_of(const char *id)
{
	const struct json *data;

	assert_int_equal(info_deployments(&out, arena, config, &(struct info_wish){ .id = text_of(id) }), strcmp(id, "u1") == 0 ? 2 : 1);
	data = answer();
	return (json_get(data->first, "model_info"));
}

static void
the_file_stands_above_what_is_published(void **state)
{
	const struct json *info = info_of("a1");
	unsigned ids = 0;

	(void)state;
	assert_member(info, "id", "\"a1\"");
	assert_member(info, "db_model", "false");
	assert_member(info, "own", "[1]");
	assert_member(info, "key", "\"gpt-4o\"");
	assert_member(info, "max_tokens", "16384");
	assert_member(info, "max_input_tokens", "128000");
	assert_member(info, "input_cost_per_token", "0.0000025");
	assert_member(info, "output_cost_per_token", "0.00001");
	assert_member(info, "cache_read_input_token_cost", "0.00000125");
	assert_member(info, "output_cost_per_token_priority", "0.000017");
	assert_member(info, "input_cost_per_token_batches", "0.00000125");
	assert_member(info, "cache_creation_input_token_cost", "null");
	assert_member(info, "litellm_provider", "\"openai\"");
	assert_member(info, "mode", "\"chat\"");
	assert_member(info, "supports_vision", "false");
	assert_member(info, "supports_function_calling", "true");
	assert_member(info, "supports_reasoning", "null");
	for (const struct json *v = info->first; v != NULL; v = v->next)
		ids += quoted_is(v->name, "id") || quoted_is(v->name, "supports_vision");
	assert_int_equal(ids, 2);
	assert_member(info_of("a2"), "input_cost_per_token", "0.000009");
}

static void
what_nobody_says_is_null(void **state)
{
	static const char *const unknown[] = { "max_input_tokens", "input_cost_per_token", "output_cost_per_token", "mode", "supports_vision" };
	const struct json *info = info_of("u1");

	(void)state;
	for (size_t i = 0; i < nitems(unknown); i++)
		assert_member(info, unknown[i], "null");
	assert_member(info, "db_model", "false");
	assert_member(info, "key", "\"hosted_vllm/own\"");
	assert_member(info, "litellm_provider", "\"hosted_vllm\"");
	assert_member(info, "max_tokens", "77");
	assert_member(info, "max_output_tokens", "77");
	info = info_of("e1");
	assert_member(info, "max_tokens", "8191");
	assert_member(info, "max_output_tokens", "null");
	assert_member(info, "supported_openai_params", "[\"dimensions\",\"encoding_format\",\"user\"]");
}

static void
deployments_are_found_and_paged(void **state)
{
	const struct json *data;

	(void)state;
	assert_int_equal(info_deployments(&out, arena, config, &(struct info_wish){ 0 }), 5);		/* the alias too */
	data = answer();
	assert_int_equal(data->count, 5);
	assert_member(data->first, "litellm_params", "{\"model\":\"openai/gpt-4o\",\"rpm\":10,\"tpm\":100}");
	assert_int_equal(info_deployments(&out, arena, config, &(struct info_wish){ .model = TEXT("a") }), 2);
	assert_int_equal(info_deployments(&out, arena, config, &(struct info_wish){ .search = TEXT("SHO") }), 1);
	assert_int_equal(info_deployments(&out, arena, config, &(struct info_wish){ .id = TEXT("none") }), 0);
	out.len = 0;
	assert_int_equal(info_deployments(&out, arena, config, &(struct info_wish){ .page = 2, .size = 3 }), 5);
	assert_true(text_ends(buf_as_text(&out), TEXT("],\"total_count\":5,\"current_page\":2,\"total_pages\":2,\"size\":3}")));
	assert_int_equal(answer()->count, 2);
	info_deployments(&out, arena, config, &(struct info_wish){ .page = 1000000, .size = 1000000 });
	assert_int_equal(answer()->count, 0);
}

static void
groups_are_told_as_one(void **state)
{
	const struct json *data, *a;

	(void)state;
	info_groups(&out, arena, config, TEXT("a"), NULL);
	data = answer();
	assert_int_equal(data->count, 1);
	a = data->first;
	assert_member(a, "model_group", "\"a\"");
	assert_member(a, "providers", "[\"openai\",\"anthropic\"]");
	assert_member(a, "max_input_tokens", "200000");
	assert_member(a, "max_output_tokens", "64000");
	assert_member(a, "input_cost_per_token", "0.000009");
	assert_member(a, "output_cost_per_token", "0.000015");
	assert_member(a, "mode", "\"chat\"");
	assert_member(a, "rpm", "15");
	assert_member(a, "tpm", "100");
	assert_member(a, "supports_vision", "true");
	assert_member(a, "supports_parallel_function_calling", "true");
	assert_member(a, "supports_url_context", "false");
	assert_true(text_has(json_get(a, "supported_openai_params")->raw, TEXT("\"tools\"")));
	assert_false(text_has(json_get(a, "supported_openai_params")->raw, TEXT("\"seed\"")));	/* one of the two refuses it */
	info_groups(&out, arena, config, TEXT(""), NULL);
	assert_int_equal(answer()->count, 4);
	info_groups(&out, arena, config, TEXT("hush"), NULL);
	assert_int_equal(answer()->count, 0);
	info_groups(&out, arena, config, TEXT("u"), NULL);
	a = answer()->first;
	assert_member(a, "max_input_tokens", "null");
	assert_member(a, "mode", "null");
	assert_member(a, "tpm", "null");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_file_stands_above_what_is_published, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_nobody_says_is_null, set_up, tear_down),
		cmocka_unit_test_setup_teardown(deployments_are_found_and_paged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(groups_are_told_as_one, set_up, tear_down),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
