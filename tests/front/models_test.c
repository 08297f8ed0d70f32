/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of models in both shapes, and Anthropic's pages. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "front/front.h"

static struct arena *arena;
static struct config *config;
static struct buf out;

static const char yaml[] = "model_list:\n"
    "- {model_name: a, litellm_params: {model: openai/gpt-4o, api_key: k}}\n"
    "- {model_name: 'b\"x', litellm_params: {model: openai/own, api_base: 'http://h', api_key: k}}\n"
    "- {model_name: e, litellm_params: {model: openai/text-embedding-3-small, api_key: k}}\n"
    "- {model_name: d, litellm_params: {model: openai/own, api_base: 'http://h', api_key: k}, model_info: {mode: completion}}\n"
    "router_settings:\n  model_group_alias: {short: a, hush: {model: a, hidden: true}}\n  fallbacks: [{a: [d, e]}]\n"
    "  context_window_fallbacks: [{a: [e]}]\ngeneral_settings: {master_key: sk-2f6e0b7a91c84d}\n";

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

static void
assert_list(struct model_wish wish, const char *wanted)
{
	out.len = 0;
	assert_null(models_list(&out, arena, config, &wish));
	assert_string_equal(arena_copy(arena, buf_as_text(&out)).at, wanted);
}

#define HEAD(id)	"{\"id\":\"" id "\",\"object\":\"model\",\"created\":1677610602,\"owned_by\":\"openai\""
#define KNOWN		",\"mode\":\"chat\",\"max_input_tokens\":128000,\"max_output_tokens\":16384"

static void
openai_gets_what_is_known(void **state)
{
	(void)state;
	assert_list((struct model_wish){ 0 }, "{\"data\":[" HEAD("a") KNOWN "}," HEAD("b\\\"x") "}," HEAD("e") ",\"mode\":\"embedding\","
	    "\"max_input_tokens\":8191}," HEAD("d") ",\"mode\":\"completion\"}," HEAD("short") KNOWN "}],\"object\":\"list\"}");
	assert_list((struct model_wish){ .none = true }, "{\"data\":[],\"object\":\"list\"}");
}

static void
fallbacks_are_told_when_asked(void **state)
{
	(void)state;
	out.len = 0;
	assert_true(models_one(&out, config, TEXT("a"), &(struct model_wish){ .fallbacks = FALLBACKS_GENERAL }));
	assert_true(text_ends(buf_as_text(&out), TEXT(",\"metadata\":{\"fallbacks\":[\"d\",\"e\"]}}")));
	out.len = 0;
	assert_true(models_one(&out, config, TEXT("short"), &(struct model_wish){ .fallbacks = FALLBACKS_CONTEXT }));
	assert_true(text_ends(buf_as_text(&out), TEXT(",\"metadata\":{\"fallbacks\":[\"e\"]}}")));
	out.len = 0;
	assert_true(models_one(&out, config, TEXT("d"), &(struct model_wish){ .fallbacks = FALLBACKS_POLICY }));
	assert_true(text_ends(buf_as_text(&out), TEXT(",\"metadata\":{\"fallbacks\":[]}}")));
	assert_false(models_one(&out, config, TEXT("none"), &(struct model_wish){ 0 }));
}

static void
anthropic_gets_its_own_shape(void **state)
{
	(void)state;
	assert_true(models_one(&out, config, TEXT("a"), &(struct model_wish){ .anthropic = true }));
	assert_string_equal(arena_copy(arena, buf_as_text(&out)).at, "{\"type\":\"model\",\"id\":\"a\",\"display_name\":\"a\","
	    "\"created_at\":\"2023-02-28T18:56:42Z\",\"max_input_tokens\":128000,\"max_tokens\":16384}");
	out.len = 0;
	assert_true(models_one(&out, config, TEXT("d"), &(struct model_wish){ .anthropic = true }));
	assert_true(text_ends(buf_as_text(&out), TEXT("\"max_input_tokens\":null,\"max_tokens\":null}")));
}

/* The ids of a page and how it ends, as "a,b first..last more". */
static void
assert_page(struct model_wish wish, const char *ids, const char *end)
{
	struct json_item data, item, id;
	struct json_walk walk;
	struct buf seen = { 0 };

	wish.anthropic = true;
	out.len = 0;
	assert_null(models_list(&out, arena, config, &wish));
	assert_true(json_find(buf_as_text(&out), "data", &data));
	for (walk = json_walk(data.raw); json_next(&walk, &item);) {
		assert_true(json_find(item.raw, "id", &id));
		buf_text(&seen, id.raw);
	}
	assert_string_equal(arena_copy(arena, buf_as_text(&seen)).at, ids);
	assert_true(text_ends(buf_as_text(&out), text_of(end)));
	buf_free(&seen);
}

static void
pages_go_both_ways(void **state)
{
	(void)state;
	assert_page((struct model_wish){ 0 }, "\"a\"\"b\\\"x\"\"e\"\"d\"\"short\"", "],\"first_id\":\"a\",\"last_id\":\"short\",\"has_more\":false}");
	assert_page((struct model_wish){ .limit = 2 }, "\"a\"\"b\\\"x\"", "\"last_id\":\"b\\\"x\",\"has_more\":true}");
	assert_page((struct model_wish){ .limit = 2, .after = TEXT("b\"x") }, "\"e\"\"d\"", "\"has_more\":true}");
	assert_page((struct model_wish){ .limit = 2, .after = TEXT("d") }, "\"short\"", "\"has_more\":false}");
	assert_page((struct model_wish){ .after = TEXT("short") }, "", "[],\"first_id\":null,\"last_id\":null,\"has_more\":false}");
	assert_page((struct model_wish){ .limit = 2, .before = TEXT("short") }, "\"e\"\"d\"", "\"has_more\":true}");
	assert_page((struct model_wish){ .limit = 5, .before = TEXT("e") }, "\"a\"\"b\\\"x\"", "\"has_more\":false}");
	assert_page((struct model_wish){ .limit = 5, .after = TEXT("a"), .before = TEXT("e") }, "\"b\\\"x\"", "\"has_more\":false}");
	assert_page((struct model_wish){ .after = TEXT("e"), .before = TEXT("a") }, "", "\"has_more\":false}");
	assert_non_null(models_list(&out, arena, config, &(struct model_wish){ .anthropic = true, .after = TEXT("none") }));
	assert_non_null(models_list(&out, arena, config, &(struct model_wish){ .anthropic = true, .before = TEXT("hush") }));
}

/* Patterns */

static const char patterns[] = "model_list:\n"
    "- {model_name: 'openai/*', litellm_params: {model: 'openai/*', api_key: k}}\n"
    "- {model_name: 'claude-*', litellm_params: {model: 'anthropic/claude-*', api_key: k}}\n"
    "- {model_name: openai/gpt-4o, litellm_params: {model: openai/gpt-4o-mini, api_key: k}}\n"
    "- {model_name: 'own/*', litellm_params: {model: 'openai/*', api_key: k, api_base: 'http://127.0.0.1:9'}}\n"
    "- {model_name: 'a*b*', litellm_params: {model: 'openai/*', api_key: k}}\n"
    "general_settings: {master_key: sk-2f6e0b7a91c84d}\n";

static unsigned
times(struct text whole, const char *word)
{
	unsigned n = 0;

	for (size_t i = 0; i < whole.len; i++)
		n += text_starts(text_sub(whole, i, whole.len), text_of(word));
	return (n);
}

static void
patterns_stand_for_what_is_published(void **state)
{
	struct config *c = config_load_text("config.yaml", text_of(patterns));

	(void)state;
	assert_int_equal(c->n_errors, 0);
	assert_null(models_list(&out, arena, c, &(struct model_wish){ 0 }));
	assert_int_equal(times(buf_as_text(&out), HEAD("openai/gpt-4.1") ",\"mode\":\"chat\",\"max_input_tokens\":1047576,\"max_output_tokens\":32768}"), 1);
	assert_int_equal(times(buf_as_text(&out), "\"id\":\"claude-sonnet-4-5\""), 1);
	assert_int_equal(times(buf_as_text(&out), "\"id\":\"openai/gpt-4o\""), 1);	/* a group of its own */
	assert_int_equal(times(buf_as_text(&out), "\"id\":\"openai/*\"") + times(buf_as_text(&out), "\"id\":\"claude-*\""), 0);
	assert_int_equal(times(buf_as_text(&out), "\"id\":\"own/*\""), 1);		/* nobody knows what that server has */
	assert_int_equal(times(buf_as_text(&out), "\"id\":\"own/"), 1);
	assert_int_equal(times(buf_as_text(&out), "\"id\":\"a*b*\""), 1);
	assert_int_equal(times(buf_as_text(&out), "image") + times(buf_as_text(&out), "audio_speech"), 0);
	out.len = 0;
	assert_null(models_list(&out, arena, c, &(struct model_wish){ .patterns = true }));
	assert_int_equal(times(buf_as_text(&out), "\"id\":\"openai/*\"") + times(buf_as_text(&out), "\"id\":\"claude-*\""), 2);
	assert_int_equal(times(buf_as_text(&out), "\"id\":\"openai/gpt-4.1\""), 1);
	config_release(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(openai_gets_what_is_known, set_up, tear_down),
		cmocka_unit_test_setup_teardown(fallbacks_are_told_when_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(anthropic_gets_its_own_shape, set_up, tear_down),
		cmocka_unit_test_setup_teardown(pages_go_both_ways, set_up, tear_down),
		cmocka_unit_test_setup_teardown(patterns_stand_for_what_is_published, set_up, tear_down),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
