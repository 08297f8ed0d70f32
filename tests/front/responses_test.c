/* SPDX-License-Identifier: Apache-2.0 */
/* What the cases can not say of the Responses front: guards in bulk, frames, errors. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "front/front.h"

#define F	front_responses

static struct arena *arena;
static struct buf out;

static int
setup(void **state)
{
	(void)state;
	arena = arena_new();
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(arena);
	buf_free(&out);
	return (0);
}

static void
is_out(const char *wanted)
{
	assert_string_equal(arena_copy(arena, buf_as_text(&out)).at, wanted);
	out.len = 0;
}

/* The first look */

static struct error *
look(struct glance *g, const char *members)
{
	*g = (struct glance){ 0 };
	return (F.glance(g, arena, arena_print(arena, "{%s}", members)));
}

static void
guards_name_the_member(void **state)
{
	static const struct {
		const char	*members, *param;
	} rows[] = {
		{ "\"input\":\"x\"", "model" }, { "\"model\":5,\"input\":\"x\"", "model" }, { "\"model\":\"m\"", "input" },
		{ "\"model\":\"m\",\"input\":null", "input" }, { "\"model\":\"m\",\"input\":{}", "input" }, { "\"model\":\"m\",\"input\":[]", "input" },
		{ "\"model\":\"m\",\"Input\":\"x\"", "input" }, { "\"model\":\"m\",\"input\":\"x\",\"input\":\"y\"", "input" },
		{ "\"model\":\"m\",\"input\":\"x\",\"stream\":1", "stream" }, { "\"model\":\"m\",\"input\":\"x\",\"max_output_tokens\":-1", "max_output_tokens" },
		{ "\"model\":\"m\",\"input\":\"x\",\"max_output_tokens\":1e12", "max_output_tokens" },
		{ "\"model\":\"m\",\"input\":\"x\",\"max_output_tokens\":1.5", "max_output_tokens" },
		{ "\"model\":\"m\",\"input\":\"x\",\"Max_Output_Tokens\":1", "max_output_tokens" },
		{ "\"model\":\"m\",\"input\":\"x\",\"previous_response_id\":5", "previous_response_id" },
		{ "\"model\":\"m\",\"input\":\"x\",\"conversation\":5", "conversation" }, { "\"model\":\"m\",\"input\":\"x\",\"background\":\"yes\"", "background" },
		{ "\"model\":\"m\",\"input\":\"x\",\"store\":1", "store" }, { "\"model\":\"m\",\"input\":\"x\",\"n\":2", "n" },
		{ "\"model\":\"m\",\"input\":\"x\",\"service_tier\":1", "service_tier" }, { "\"model\":\"m\",\"input\":\"x\",\"api_base\":\"u\"", "api_base" },
	};
	struct glance g;

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		const struct error *e = look(&g, rows[i].members);

		assert_non_null(e);
		assert_int_equal(F.error_body(&out, e, TEXT("")), 400);
		assert_string_equal(arena_copy(arena, e->param).at, rows[i].param);
	}
}

static void
what_the_exchange_needs_is_found(void **state)
{
	struct glance g;

	(void)state;
	assert_null(look(&g, "\"model\":\"m\\u0041\",\"input\":\"x\""));
	assert_true(text_is(g.model, "mA") && !g.stream && g.usage_asked && !g.background && !g.unstored);
	assert_int_equal(g.max_tokens, -1);
	assert_int_equal(g.previous_response_id.len, 0);
	assert_null(look(&g, "\"model\":\"m\",\"input\":[\"any\"],\"stream\":true,\"max_output_tokens\":16,\"background\":true,\"store\":false,"
	    "\"previous_response_id\":\"resp\\u005f1\",\"n\":1"));
	assert_true(g.stream && g.background && g.unstored);
	assert_int_equal(g.max_tokens, 16);
	assert_true(text_is(g.previous_response_id, "resp_1"));
	assert_null(look(&g, "\"model\":\"m\",\"prompt\":{\"id\":\"p\"}"));
	assert_null(look(&g, "\"model\":\"m\",\"previous_response_id\":\"resp_1\""));
	assert_null(look(&g, "\"model\":\"m\",\"conversation\":\"conv_1\",\"store\":null"));
	assert_false(g.unstored);
	g = (struct glance){ .model_named = true };
	assert_null(F.glance(&g, arena, TEXT("{\"input\":\"x\"}")));
}

/* Frames, errors */

static void
frames_are_named(void **state)
{
	(void)state;
	F.frame(&out, TEXT("response.created"), TEXT("{\"type\":\"response.created\"}"));
	is_out("event: response.created\ndata: {\"type\":\"response.created\"}\n\n");
	F.frame(&out, TEXT(""), TEXT("{\"type\":\"response.completed\"}"));
	is_out("event: response.completed\ndata: {\"type\":\"response.completed\"}\n\n");
}

static void
errors_are_openai_s(void **state)
{
	struct error *e = error_new(arena, E_NO_SUCH_MODEL, "no model 'x'");

	(void)state;
	assert_int_equal(F.error_body(&out, e, TEXT("id")), 404);
	is_out("{\"error\":{\"message\":\"no model 'x'\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"model_not_found\"}}");
	e = error_new(arena, E_RATE_LIMIT, "Slow down.");
	e->retry_after_ms = 1250;
	assert_int_equal(F.error_body(&out, e, TEXT("id")), 429);
	out.len = 0;
	F.error_event(&out, e, &(struct failing){ 0 });
	is_out("event: error\ndata: {\"type\":\"error\",\"code\":\"rate_limit_exceeded\",\"message\":\"Slow down. Please try again in 1.2s.\",\"param\":null,"
	    "\"sequence_number\":0}\n\n");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(guards_name_the_member, setup, teardown),
		cmocka_unit_test_setup_teardown(what_the_exchange_needs_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(frames_are_named, setup, teardown),
		cmocka_unit_test_setup_teardown(errors_are_openai_s, setup, teardown),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
