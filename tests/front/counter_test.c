/* SPDX-License-Identifier: Apache-2.0 */
/* LiteLLM's token counter: what it reads, that it errs high, and that broken bodies break nothing. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "front/front.h"

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

static int64_t
estimate(const char *body)
{
	struct counting c;

	assert_null(counter_read(&c, arena, text_of(body)));
	return (counter_estimate(&c));
}

static void
every_dialect_is_counted(void **state)
{
	(void)state;
	assert_in_range(estimate("{\"model\":\"m\",\"prompt\":\"hello there, how are you\"}"), 5, 8);
	assert_int_equal(estimate("{\"model\":\"m\",\"prompt\":\"\"}"), 0);
	assert_int_equal(estimate("{\"model\":\"m\",\"messages\":[]}"), 0);
	assert_in_range(estimate("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hello there\"}]}"), 6, 12);
	assert_in_range(estimate("{\"model\":\"m\",\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hello there\"}]}]}"), 6, 12);
	assert_in_range(estimate("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
	    "\"data:image/png;base64,iVBORw0KGgo\"}}]}]}"), 1600, 1610);
	assert_true(estimate("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
	    "\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}}}]}") > 20);
	assert_true(estimate("{\"model\":\"m\",\"system\":\"a long word of the system\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}") > 8);
	/* as LiteLLM: a prompt counts only where there are no messages */
	assert_int_equal(estimate("{\"model\":\"m\",\"prompt\":\"hello there hello there\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"),
	    estimate("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"));
}

/* Inline data counts as an image or as pages, not as words. */
static void
inline_data_is_no_text(void **state)
{
	static const char *const around[][2] = {
		{ "{\"model\":\"m\",\"contents\":[{\"parts\":[{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"", "\"}}]}]}" },
		{ "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"", "\"}}]}]}" },
		{ "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"document\",\"source\":{\"data\":\"", "\"}}]}]}" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(around); i++) {
		struct buf body = { 0 };

		buf_print(&body, "%s", around[i][0]);
		for (int k = 0; k < 50000; k++)
			buf_byte(&body, 'A');
		buf_print(&body, "%s", around[i][1]);
		assert_in_range(estimate(arena_copy(arena, buf_as_text(&body)).at), i < 2 ? 1600 : 2500, i < 2 ? 1620 : 2520);
		buf_free(&body);
	}
}

/* What the two ways of counting say of the same request does not differ by much, and never to the low side. */
static void
it_counts_no_less_than_count_tokens(void **state)
{
	static const char body[] = "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"be brief\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
	    "\"what is the weather in Seoul and in Busan today?\"}]},{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\","
	    "\"function\":{\"name\":\"weather\",\"arguments\":\"{\\\"city\\\":\\\"Seoul\\\"}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"call_1\",\"content\":\"rain\"}],"
	    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"weather\",\"description\":\"tells it\",\"parameters\":{\"type\":\"object\"}}}]}";
	struct glance g = { 0 };
	struct ask ask = { 0 };
	int64_t sure;

	(void)state;
	assert_null(front_chat.glance(&g, arena, text_of(body)));
	assert_null(front_chat.read_ask(&ask, arena, &g));
	sure = count_tokens(&ask);
	assert_in_range(estimate(body), sure, sure + sure / 4);
}

static void
wrong_bodies_are_refused(void **state)
{
	static const char *const bodies[][2] = {
		{ "", "Invalid JSON" }, { "xx", "Invalid JSON" }, { "[]", "object" }, { "{}", "model: Field required" },
		{ "{\"prompt\":\"x\"}", "model: Field required" }, { "{\"model\":5,\"prompt\":\"x\"}", "model: should be a string" },
		{ "{\"model\":\"m\"}", "prompt or messages or contents must be provided" },
		{ "{\"model\":\"m\",\"prompt\":null,\"messages\":null}", "must be provided" },
		{ "{\"model\":\"m\",\"prompt\":[\"x\"]}", "prompt: should be a string" },
		{ "{\"model\":\"m\",\"messages\":\"x\"}", "messages: should be a list" },
		{ "{\"model\":\"m\",\"messages\":[{},5]}", "messages[1]: should be an object" },
		{ "{\"model\":\"m\",\"contents\":[null]}", "contents[0]: should be an object" },
		{ "{\"model\":\"m\",\"prompt\":\"x\",\"tools\":5}", "tools: should be a list" },
		{ "{\"model\":\"m\",\"prompt\":\"x\",\"tools\":[[]]}", "tools[0]: should be an object" },
		{ "{\"model\":\"m\",\"model\":\"n\",\"prompt\":\"x\"}", "model: given twice" },
		{ "{\"model\":\"m\",\"prompt\":\"x\",\"api_base\":\"http://evil\"}", "api_base" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(bodies); i++) {
		struct counting c;
		struct error *e = counter_read(&c, arena, text_of(bodies[i][0]));

		if (e == NULL || !text_has(e->message, text_of(bodies[i][1])))
			fail_msg("%s: %s", bodies[i][0], e != NULL ? e->message.at : "taken");
		assert_int_equal(error_status(e), 400);
	}
}

static void
the_answer_says_who_counted(void **state)
{
	struct counting c = { .model = TEXT("m\"x"), .prompt = TEXT("\"abcdefg\"") };

	(void)state;
	counter_write(&out, &c, TEXT("up"), TEXT(""));
	assert_string_equal(arena_copy(arena, buf_as_text(&out)).at, "{\"total_tokens\":2,\"request_model\":\"m\\\"x\",\"model_used\":\"up\","
	    "\"tokenizer_type\":\"sluice_estimate\",\"count_source\":\"local_estimate\",\"original_response\":null,\"error\":false,\"error_message\":null,"
	    "\"status_code\":null}");
	out.len = 0;
	counter_write(&out, &c, TEXT("up"), TEXT("{\"input_tokens\":77}"));
	assert_string_equal(arena_copy(arena, buf_as_text(&out)).at, "{\"total_tokens\":77,\"request_model\":\"m\\\"x\",\"model_used\":\"up\","
	    "\"tokenizer_type\":\"anthropic_api\",\"count_source\":\"provider\",\"original_response\":{\"input_tokens\":77},\"error\":false,\"error_message\":null,"
	    "\"status_code\":null}");
	out.len = 0;
	counter_write(&out, &c, TEXT("up"), TEXT("{\"input_tokens\":\"many\"}"));	/* an upstream that talks nonsense */
	assert_true(text_has(buf_as_text(&out), TEXT("\"total_tokens\":2,")));
	assert_true(text_has(buf_as_text(&out), TEXT("sluice_estimate")));
}

static void
it_can_be_said_to_an_upstream(void **state)
{
	static const struct {
		struct counting	 c;
		const char	*chat;
	} cases[] = {
		{ { .prompt = TEXT("\"p\"") }, "{\"model\":\"\",\"messages\":[{\"role\":\"user\",\"content\":\"p\"}]}" },
		{ { .messages = TEXT("[ {\"a\":1} ]"), .system = TEXT("\"s\""), .tools = TEXT("[{}]") },
		    "{\"model\":\"\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"a\":1}],\"tools\":[{}]}" },
		{ { .messages = TEXT("[ ]"), .tools = TEXT("[]") }, "" },
		{ { .contents = TEXT("[{}]") }, "" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++)
		assert_string_equal(arena_copy(arena, counter_as_chat(arena, &cases[i].c)).at, cases[i].chat);
}

static void
broken_bodies_break_nothing(void **state)
{
	static const char seed[] = "{\"model\":\"m\",\"prompt\":\"p\",\"system\":[{\"type\":\"text\",\"text\":\"s\"}],\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\","
	    "\"source\":{\"media_type\":\"image/png\",\"data\":\"AAAA\"}},{\"image_url\":{\"url\":\"data:x\"}}]}],\"contents\":[{\"parts\":[{\"text\":\"t\"}]}],\"tools\":[{\"input_schema\":{}}]}";
	static const char bytes[] = "{}[]\",:\\ 0-1enull";
	unsigned read = 0;

	(void)state;
	srand(7);
	for (unsigned i = 0; i < 20000; i++) {
		struct arena *a = arena_new();
		size_t n = sizeof(seed) - 1;
		char *text = must_alloc(n);
		struct counting c;

		memcpy(text, seed, n);
		for (unsigned k = 0; k < i % 3; k++)
			text[(size_t)rand() % n] = bytes[(size_t)rand() % (sizeof(bytes) - 1)];
		if (counter_read(&c, a, (struct text){ text, n }) == NULL) {
			struct json_fault fault;
			struct text chat = counter_as_chat(a, &c);

			read++;
			assert_true(chat.len == 0 || json_parse(a, chat, &fault) != NULL);
			out.len = 0;
			counter_write(&out, &c, TEXT("up"), TEXT(""));
			assert_non_null(json_parse(a, buf_as_text(&out), &fault));
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
		cmocka_unit_test_setup_teardown(every_dialect_is_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(inline_data_is_no_text, set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_counts_no_less_than_count_tokens, set_up, tear_down),
		cmocka_unit_test_setup_teardown(wrong_bodies_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_answer_says_who_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_can_be_said_to_an_upstream, set_up, tear_down),
		cmocka_unit_test_setup_teardown(broken_bodies_break_nothing, set_up, tear_down),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
