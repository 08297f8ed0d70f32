/* SPDX-License-Identifier: Apache-2.0 */
/* The first look at embeddings and completions: what an input and a prompt may be, and which bounds numbers have. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "front/front.h"

static struct arena *arena;
static struct glance glance;

static int
set_up(void **state)
{
	(void)state;
	arena = arena_new();
	return (0);
}

static int
tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return (0);
}

static struct error *
look(const struct front *front, const char *members)
{
	glance = (struct glance){ 0 };
	return (front->glance(&glance, arena, arena_print(arena, "{\"model\":\"m\",%s}", members)));
}

static void
is_fine(const struct front *front, const char *members)
{
	struct error *e = look(front, members);

	if (e != NULL)
		fail_msg("%s: %s", members, e->message.at);
}

static void
is_bad(const struct front *front, const char *members, const char *param)
{
	struct error *e = look(front, members);

	assert_non_null(e);
	assert_int_equal(e->kind, E_BAD_REQUEST);
	assert_true(text_is(e->param, param));
}

static void
inputs_are_words_or_tokens_one_or_many(void **state)
{
	static const char *const fine[] = { "\"a\"", "[\"a\"]", "[\"a\",\"b\"]", "[1,2,3]", "[0]", "[[1],[2,3]]", "[[100257]]", "\" \"" };
	static const char *const bad[] = { "\"\"", "[]", "[\"\"]", "[\"a\",\"\"]", "[[]]", "[[1],[]]", "[\"a\",1]", "[1,\"a\"]", "[\"a\",[1]]", "[[1],2]", "[1.5]", "[-1]",
		"[1e3]", "[99999999999]", "[[1,\"a\"]]", "[[[1]]]", "[null]", "[true]", "[{}]", "[{\"text\":\"a\"}]", "1", "{}", "true" };

	(void)state;
	for (size_t i = 0; i < nitems(fine); i++)
		is_fine(&front_embeddings, arena_print(arena, "\"input\":%s", fine[i]).at);
	for (size_t i = 0; i < nitems(bad); i++)
		is_bad(&front_embeddings, arena_print(arena, "\"input\":%s", bad[i]).at, "input");
	is_bad(&front_embeddings, "\"input\":null", "input");
	is_bad(&front_embeddings, "\"user\":\"u\"", "input");
}

static void
prompts_may_be_blank(void **state)
{
	static const char *const fine[] = { "\"\"", "\"a\"", "[\"a\",\"\"]", "[1,2]", "[[1],[2]]" };
	static const char *const bad[] = { "[]", "[[]]", "[\"a\",1]", "[1.5]", "7", "{}", "[null]" };

	(void)state;
	for (size_t i = 0; i < nitems(fine); i++)
		is_fine(&front_completions, arena_print(arena, "\"prompt\":%s", fine[i]).at);
	for (size_t i = 0; i < nitems(bad); i++)
		is_bad(&front_completions, arena_print(arena, "\"prompt\":%s", bad[i]).at, "prompt");
	is_bad(&front_completions, "\"n\":1", "prompt");
}

static void
errors_say_which_item(void **state)
{
	struct error *e = look(&front_embeddings, "\"input\":[\"a\",\"b\",\"\"]");

	(void)state;
	assert_string_equal(arena_copy(arena, e->message).at, "/embeddings: '$.input[2]' is invalid: it should not be an empty string");
	e = look(&front_completions, "\"prompt\":[\"a\",[1]]");
	assert_string_equal(arena_copy(arena, e->message).at, "/completions: '$.prompt[1]' is invalid: it should be of the type of the items before it");
}

static void
items_have_a_bound_and_tokens_their_model_s(void **state)
{
	struct buf body = { 0 };

	(void)state;
	buf_lit(&body, "\"input\":[");
	for (unsigned i = 0; i <= 65536; i++)
		buf_print(&body, "%s\"a\"", i > 0 ? "," : "");
	buf_lit(&body, "]");
	buf_byte(&body, '\0');
	is_bad(&front_embeddings, body.at, "input");
	body.len = 0;
	buf_lit(&body, "\"input\":[");
	for (unsigned i = 0; i <= 65536; i++)
		buf_print(&body, "%s1", i > 0 ? "," : "");
	buf_lit(&body, "]");
	buf_byte(&body, '\0');
	is_fine(&front_embeddings, body.at);
	buf_free(&body);
}

static void
the_form_of_embeddings_is_noticed(void **state)
{
	(void)state;
	is_fine(&front_embeddings, "\"input\":\"a\"");
	assert_false(glance.base64);
	is_fine(&front_embeddings, "\"input\":\"a\",\"encoding_format\":\"float\",\"dimensions\":256,\"stream\":true");
	assert_false(glance.base64);
	assert_false(glance.stream);
	is_fine(&front_embeddings, "\"input\":\"a\",\"encoding_format\":\"base64\"");
	assert_true(glance.base64);
	is_fine(&front_embeddings, "\"input\":\"a\",\"encoding_format\":null,\"dimensions\":null");
	is_bad(&front_embeddings, "\"input\":\"a\",\"encoding_format\":\"int8\"", "encoding_format");
	is_bad(&front_embeddings, "\"input\":\"a\",\"encoding_format\":1", "encoding_format");
	is_bad(&front_embeddings, "\"input\":\"a\",\"dimensions\":0", "dimensions");
	is_bad(&front_embeddings, "\"input\":\"a\",\"dimensions\":1.5", "dimensions");
	is_bad(&front_embeddings, "\"input\":\"a\",\"dimensions\":65537", "dimensions");
	is_bad(&front_embeddings, "\"input\":\"a\",\"dimensions\":\"8\"", "dimensions");
	is_bad(&front_embeddings, "\"input\":\"a\",\"Dimensions\":8", "dimensions");
	is_bad(&front_embeddings, "\"input\":\"a\",\"input\":\"b\"", "input");
}

static void
counts_of_completions_are_bounded(void **state)
{
	static const struct { const char *members, *param; } bad[] = {
		{ "\"n\":0", "n" }, { "\"n\":129", "n" }, { "\"n\":\"2\"", "n" }, { "\"best_of\":0", "best_of" }, { "\"best_of\":129", "best_of" },
		{ "\"n\":3,\"best_of\":2", "best_of" }, { "\"logprobs\":-1", "logprobs" }, { "\"logprobs\":1001", "logprobs" }, { "\"logprobs\":true", "logprobs" },
		{ "\"max_tokens\":-1", "max_tokens" }, { "\"max_tokens\":1.5", "max_tokens" }, { "\"max_tokens\":2000000000", "max_tokens" },
		{ "\"echo\":1", "echo" }, { "\"stream\":\"yes\"", "stream" }, { "\"suffix\":1", "suffix" }, { "\"MAX_TOKENS\":5", "max_tokens" },
		{ "\"n\":1,\"n\":9", "n" }, { "\"stream_options\":{\"include_usage\":true}", "stream_options" },
		{ "\"stream\":true,\"stream_options\":{\"include_usage\":1}", "stream_options.include_usage" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(bad); i++)
		is_bad(&front_completions, arena_print(arena, "\"prompt\":\"a\",%s", bad[i].members).at, bad[i].param);
	is_fine(&front_completions, "\"prompt\":\"a\",\"n\":2,\"best_of\":2,\"logprobs\":5,\"echo\":true,\"max_tokens\":0,\"stream\":true,"
	    "\"stream_options\":{\"include_usage\":true},\"suffix\":\"s\"");
	assert_true(glance.stream);
	assert_true(glance.usage_asked);
	assert_int_equal(glance.max_tokens, 0);
	is_fine(&front_completions, "\"prompt\":\"a\"");
	assert_int_equal(glance.max_tokens, -1);
}

static void
models_may_be_named_by_the_path(void **state)
{
	(void)state;
	glance = (struct glance){ .model_named = true };
	assert_null(front_embeddings.glance(&glance, arena, TEXT("{\"input\":\"a\"}")));
	glance = (struct glance){ 0 };
	assert_int_equal(front_embeddings.glance(&glance, arena, TEXT("{\"input\":\"a\"}"))->kind, E_NO_SUCH_MODEL);
	assert_int_equal(front_completions.glance(&glance, arena, TEXT("{\"prompt\":\"a\"}"))->kind, E_NO_SUCH_MODEL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(inputs_are_words_or_tokens_one_or_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(prompts_may_be_blank, set_up, tear_down),
		cmocka_unit_test_setup_teardown(errors_say_which_item, set_up, tear_down),
		cmocka_unit_test_setup_teardown(items_have_a_bound_and_tokens_their_model_s, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_form_of_embeddings_is_noticed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(counts_of_completions_are_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(models_may_be_named_by_the_path, set_up, tear_down),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
