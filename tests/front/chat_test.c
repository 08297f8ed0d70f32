/* SPDX-License-Identifier: Apache-2.0 */
/* What cases cannot say of the chat front: frames, errors, estimates, and requests broken in every way. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "front/front.h"

#include <stdlib.h>

static struct arena *arena;
static struct buf out;

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
	buf_free(&out);
	return (0);
}

static void
is_out(const char *wanted)
{
	assert_string_equal(arena_copy(arena, buf_as_text(&out)).at, wanted);
	out.len = 0;
}

static void
frames_are_data_lines(void **state)
{
	struct seen seen = { .finished = true };
	struct told told = { .model = TEXT("m"), .created = 5 };

	(void)state;
	front_chat.frame(&out, TEXT("ignored"), TEXT("{\"a\":1}"));
	is_out("data: {\"a\":1}\n\n");
	front_chat.frame(&out, TEXT(""), TEXT("{\"a\":\n1}"));
	is_out("data: {\"a\":\ndata: 1}\n\n");
	front_chat.frame_end(&out, &told, &seen);
	is_out("data: [DONE]\n\n");
	seen.reason_missing = true;
	seen.finish = FINISH_TOOLS;
	seen.vendor_id = TEXT("c");
	front_chat.frame_end(&out, &told, &seen);
	is_out("data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":5,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},"
	    "\"logprobs\":null,\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n");
}

static void
errors_have_all_four_members(void **state)
{
	struct error *e = error_new(arena, E_NO_SUCH_MODEL, "no \"x\"");

	(void)state;
	assert_int_equal(front_chat.error_body(&out, e, TEXT("")), 400);
	is_out("{\"error\":{\"message\":\"no \\\"x\\\"\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"400\"}}");
	e = error_param(error_new(arena, E_OVERLOADED, "busy"), "p");
	e->code = TEXT("c");
	e->type = TEXT("t");
	assert_int_equal(front_chat.error_body(&out, e, TEXT("")), 503);
	is_out("{\"error\":{\"message\":\"busy\",\"type\":\"t\",\"param\":\"p\",\"code\":\"c\"}}");
	e = error_new(arena, E_RATE_LIMIT, "slow");
	front_chat.error_event(&out, e, &(struct failing){ 0 });
	is_out("data: {\"error\":{\"message\":\"slow\",\"type\":\"throttling_error\",\"param\":null,\"code\":\"429\"}}\n\n");
	for (int kind = 0; kind < ERROR_KIND_COUNT; kind++) {
		e = error_new(arena, (enum error_kind)kind, "x");
		assert_in_range(front_chat.error_body(&out, e, TEXT("")), 400, 599);
		assert_true(text_has(buf_as_text(&out), TEXT("\"type\":\"")));
		out.len = 0;
	}
}

/* Estimates. */

static void
read_body(struct ask *ask, const char *body)
{
	struct glance g = { 0 };

	assert_null(front_chat.glance(&g, arena, text_of(body)));
	assert_null(front_chat.read_ask(ask, arena, &g));
}

static void
estimates_err_high(void **state)
{
	struct ask ask;

	(void)state;
	read_body(&ask, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello there, how are you today?\"}]}");
	assert_in_range(count_tokens(&ask), 11, 14);			/* a tokenizer says 11 or so */
	read_body(&ask, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":\"https://x/y.png\"}]}]}");
	assert_in_range(count_tokens(&ask), 1600, 1620);
	read_body(&ask, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"\"}],\"tools\":[{\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\"}}}]}");
	assert_in_range(count_tokens(&ask), 8, 20);
}

/* Requests broken in every way are refused or read; nothing else happens. */
static void
broken_requests_break_nothing(void **state)
{
	static const char seed[] = "{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\","
	    "\"text\":\"x\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,iVBO\"}},{\"type\":\"file\",\"file\":{\"file_data\":\"data:text/plain,a%20b\"}}]},"
	    "{\"role\":\"assistant\",\"content\":null,\"thinking_blocks\":[{\"type\":\"thinking\",\"thinking\":\"h\",\"signature\":\"s\"}],\"tool_calls\":[{\"id\":\"a\",\"type\":"
	    "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}],\"function_call\":{\"name\":\"g\",\"arguments\":\"1\"}},{\"role\":\"tool\",\"tool_call_id\":\"a\","
	    "\"content\":\"r\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{}}}],\"tool_choice\":{\"type\":\"allowed_tools\",\"mode\":\"auto\","
	    "\"tools\":[{\"name\":\"f\"}]},\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{}}},\"stop\":[\"a\"],\"n\":2,\"x\":[1,{\"y\":null}]}";
	static const char bytes[] = "{}[]\",:\\ 0-1enull";
	static const struct vendor vendor = { .prefix = "mistral", .wire = WIRE_OPENAI, .quirks = QUIRK_FLATTEN_CONTENT | QUIRK_MAX_TOKENS_OLD };
	static const struct deployment d = { .vendor = &vendor, .model = { "up", 2 } };
	unsigned read = 0;

	(void)state;
	srand(11);
	for (unsigned i = 0; i < 20000; i++) {
		struct arena *a = arena_new();
		size_t n = sizeof(seed) - 1;
		char *text = must_alloc(n);
		struct glance g = { 0 };
		struct edits edits = { 0 };
		struct ask ask = { 0 };

		memcpy(text, seed, n);
		for (unsigned k = 0; k < i % 3; k++)
			text[(size_t)rand() % n] = bytes[(size_t)rand() % (sizeof(bytes) - 1)];
		if (front_chat.glance(&g, a, (struct text){ text, n }) == NULL) {
			assert_null(provider_openai.relay_request(&edits, a, &g, &d, d.model, false));
			json_apply(&out, g.body, edits.list, edits.n);
			out.len = 0;
			if (front_chat.read_ask(&ask, a, &g) == NULL) {
				struct json_fault fault;

				read++;
				(void)count_tokens(&ask);
				assert_null(provider_openai.write_request(&out, a, &ask, &d, d.model, true));
				assert_non_null(json_parse(a, buf_as_text(&out), &fault));
				out.len = 0;
			}
		}
		free(text);
		arena_free(a);
	}
	assert_true(read > 6000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(frames_are_data_lines, set_up, tear_down),
		cmocka_unit_test_setup_teardown(errors_have_all_four_members, set_up, tear_down),
		cmocka_unit_test_setup_teardown(estimates_err_high, set_up, tear_down),
		cmocka_unit_test_setup_teardown(broken_requests_break_nothing, set_up, tear_down),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
