/* SPDX-License-Identifier: Apache-2.0 */
/* What cases cannot say of OpenAI-like servers: headers, memory of long streams, hostile answers, errors' details. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "front/front.h"
#include "provider/provider.h"

#include <stdio.h>
#include <stdlib.h>

static struct arena *arena;

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

static void
is_text(struct text got, const char *wanted)
{
	assert_string_equal(arena_copy(arena, got).at, wanted);
}

/* Headers. */

static struct vendor vendor = { .prefix = "openai", .wire = WIRE_OPENAI };

static size_t
headers_of(struct deployment d, struct text *list)
{
	d.vendor = &vendor;
	return (provider_openai.headers(list, 16, arena, &d, NULL));
}

static void
headers_carry_key_and_organization(void **state)
{
	struct text list[16];
	struct text own[] = { TEXT("X-A: 1"), TEXT("authorization: Basic b"), TEXT("X-Bad: a\r\nX-Smuggled: b"), TEXT("no colon") };

	(void)state;
	assert_int_equal(headers_of((struct deployment){ .key = TEXT("sk-1"), .organization = TEXT("org") }, list), 3);
	is_text(list[0], "Content-Type: application/json");
	is_text(list[1], "Authorization: Bearer sk-1");
	is_text(list[2], "OpenAI-Organization: org");
	assert_int_equal(headers_of((struct deployment){ 0 }, list), 1);
	assert_int_equal(headers_of((struct deployment){ .key = TEXT("sk-1"), .headers = own, .n_headers = nitems(own) }, list), 3);
	is_text(list[1], "authorization: Basic b");		/* the configuration's own word wins */
	is_text(list[2], "X-A: 1");
}

static void
headers_of_vendor_take_the_key(void **state)
{
	struct text list[16];

	(void)state;
	vendor.headers = "api-subscription-key: {api_key}\nX-Title: sluice";
	assert_int_equal(headers_of((struct deployment){ .key = TEXT("k") }, list), 3);
	is_text(list[1], "api-subscription-key: k");
	is_text(list[2], "X-Title: sluice");
	assert_int_equal(headers_of((struct deployment){ 0 }, list), 1);
	vendor.headers = NULL;
}

static void
headers_stay_within_their_room(void **state)
{
	struct text list[2];
	struct deployment d = { .vendor = &vendor, .key = TEXT("k"), .organization = TEXT("o") };

	(void)state;
	assert_int_equal(provider_openai.headers(list, 2, arena, &d, NULL), 2);
}

/* Memory. */

static const char chunk[] = "{\"id\":\"c\",\"model\":\"up\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":null}],\"usage\":null}";

static void
relayed_chunks_allocate_nothing(void **state)
{
	struct relay relay = { .arena = arena, .model = QUOTED("gpt"), .hide_usage = true };
	struct edits edits;
	size_t held;

	(void)state;
	assert_int_equal(provider_openai.relay_event(&relay, TEXT(""), text_of(chunk), &edits), PASS_ON);
	held = arena_held(arena);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(provider_openai.relay_event(&relay, TEXT(""), text_of(chunk), &edits), PASS_ON);
	assert_int_equal(arena_held(arena), held);
	assert_int_equal(relay.seen.produced, 1001);
}

static void
hear_nothing(void *self, const struct event *e)
{
	(void)self;
	(void)e;
}

static void
read_chunks_allocate_nothing(void **state)
{
	struct seen seen = { 0 };
	struct reader *r = provider_openai.reader(arena, &seen, NULL);
	struct hearer to = { hear_nothing, NULL };
	size_t held;

	(void)state;
	assert_true(provider_openai.read_event(r, TEXT(""), text_of(chunk), to));
	held = arena_held(arena);
	for (unsigned i = 0; i < 1000; i++)
		assert_true(provider_openai.read_event(r, TEXT(""), text_of(chunk), to));
	assert_int_equal(arena_held(arena), held);
}

/* Many members, many choices, many calls. */

static void
chunks_of_many_members_are_read_to_the_last(void **state)
{
	struct relay relay = { .arena = arena, .model = QUOTED("gpt"), .hide_usage = true };
	struct buf b = { 0 }, out = { 0 };
	struct edits edits;

	(void)state;
	buf_byte(&b, '{');
	for (unsigned i = 0; i < 200; i++)
		buf_print(&b, "\"x%u\":%u,", i, i);
	buf_lit(&b, "\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2},\"model\":\"secret\"}");
	assert_int_equal(provider_openai.relay_event(&relay, TEXT(""), buf_as_text(&b), &edits), PASS_ON);
	json_apply(&out, buf_as_text(&b), edits.list, edits.n);
	assert_false(text_has(buf_as_text(&out), TEXT("usage")));
	assert_false(text_has(buf_as_text(&out), TEXT("secret")));
	assert_int_equal(relay.seen.usage.completion, 2);
	b.len = 1;
	for (unsigned i = 0; i < 600; i++)
		buf_print(&b, "\"x%u\":%u,", i, i);
	buf_lit(&b, "\"choices\":[]}");
	assert_int_equal(provider_openai.relay_event(&relay, TEXT(""), buf_as_text(&b), &edits), PASS_ERROR);
	buf_free(&b);
	buf_free(&out);
}

static void
many_choices_each_with_edits(void **state)
{
	struct relay relay = { .arena = arena, .model = QUOTED("gpt"), .hide_usage = true };
	struct buf b = { 0 }, out = { 0 };
	struct edits edits;

	(void)state;
	buf_lit(&b, "{\"choices\":[");
	for (unsigned i = 0; i < 100; i++)
		buf_print(&b, "%s{\"index\":%u,\"finish_reason\":\"eos\",\"delta\":{},\"usage\":{\"prompt_tokens\":1}}", i > 0 ? "," : "", i);
	buf_lit(&b, "],\"model\":\"up\"}");
	assert_int_equal(provider_openai.relay_event(&relay, TEXT(""), buf_as_text(&b), &edits), PASS_ON);
	assert_int_equal(edits.n, 201);
	json_apply(&out, buf_as_text(&b), edits.list, edits.n);
	assert_false(text_has(buf_as_text(&out), TEXT("eos")));
	assert_false(text_has(buf_as_text(&out), TEXT("usage")));
	buf_free(&b);
	buf_free(&out);
}

struct tally {
	unsigned	 events[EVENT_ERROR + 1];
	bool		 open[1024], started, finished, ended;
	unsigned	 n_open;
};

/* The order a hearer may rely on (chat/event.h), for one choice. */
static void
hear_in_order(void *self, const struct event *e)
{
	struct tally *t = self;

	t->events[e->kind]++;
	assert_false(t->ended);
	assert_true(t->started || e->kind == EVENT_START || e->kind == EVENT_ERROR);
	switch (e->kind) {
	case EVENT_START:
		assert_false(t->started);
		t->started = true;
		break;
	case EVENT_TOOL_OPEN:
		assert_int_equal(e->slot, t->n_open);
		assert_true(e->name.len > 0 && e->id.len > 0);
		t->open[t->n_open++] = true;
		break;
	case EVENT_TOOL_INPUT:
		assert_true(e->slot < t->n_open && t->open[e->slot]);
		break;
	case EVENT_TOOL_CLOSE:
		assert_true(t->open[e->slot]);
		t->open[e->slot] = false;
		break;
	case EVENT_FINISH:
		for (unsigned i = 0; i < t->n_open; i++)
			assert_false(t->open[i]);
		t->finished = true;
		break;
	case EVENT_USAGE:
		assert_true(t->finished);
		break;
	case EVENT_END:
		assert_true(t->finished);
		t->ended = true;
		break;
	case EVENT_ERROR:
		assert_non_null(e->error);
		t->ended = true;
		break;
	default:
		assert_false(t->finished);
	}
}

static void
calls_have_a_bound(void **state)
{
	struct seen seen = { 0 };
	struct reader *r = provider_openai.reader(arena, &seen, NULL);
	struct tally t = { 0 };
	struct hearer to = { hear_in_order, &t };
	char line[256];

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(line, sizeof(line), "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":%u,\"id\":\"i%u\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}",
		    i, i);
		assert_true(provider_openai.read_event(r, TEXT(""), text_of(line), to));
	}
	assert_false(provider_openai.read_event(r, TEXT(""), TEXT("[DONE]"), to));
	assert_int_equal(t.n_open, 512);
	assert_int_equal(seen.finish, FINISH_TOOLS);
}

/* Chunks broken in every way: nothing is believed that was not said, and nothing crashes.  Texts are copied to their exact size, so that a sanitizer sees
 * every byte read beyond. */
static void
broken_chunks_break_nothing(void **state)
{
	static const char *const seeds[] = {
		"{\"id\":\"c\",\"model\":\"up\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\",\"tool_calls\":[{\"index\":0,\"id\":\"t\",\"function\":"
		"{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1}\"}}],\"reasoning\":\"r\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}",
		"{\"error\":{\"message\":\"m\",\"code\":429},\"choices\":[{\"delta\":{\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"text\":\"t\"}]}]}}],\"x_groq\":{\"usage\":{}}}",
		"{\"choices\":[{\"message\":{\"content\":\"a\",\"tool_calls\":[]},\"usage\":{\"prompt_tokens\":9},\"finish_reason\":\"eos\"},7,null,[]],\"model\":null}",
	};
	static const char bytes[] = "{}[]\",:\\ 0-1enull";

	(void)state;
	srand(7);
	for (unsigned i = 0; i < 30000; i++) {
		struct arena *a = arena_new();
		const char *seed = seeds[i % nitems(seeds)];
		size_t n = strlen(seed);
		char *text = must_alloc(n);
		struct relay relay = { .arena = a, .model = QUOTED("gpt"), .hide_usage = i % 2 == 0 }, whole = { .arena = a, .model = QUOTED("gpt") };
		struct seen seen = { 0 }, other = { 0 };
		struct reader *r = provider_openai.reader(a, &seen, NULL);
		struct tally t = { 0 }, u = { 0 };
		struct edits edits = { 0 };
		struct buf out = { 0 };
		struct text data = { text, n };

		memcpy(text, seed, n);
		for (unsigned k = 0; k < 1 + i % 3; k++)
			text[(size_t)rand() % n] = bytes[(size_t)rand() % (sizeof(bytes) - 1)];
		if (provider_openai.relay_event(&relay, TEXT(""), data, &edits) == PASS_ON)
			json_apply(&out, data, edits.list, edits.n);
		edits = (struct edits){ 0 };
		if (provider_openai.relay_answer(&whole, data, &edits) == PASS_ON)
			json_apply(&out, data, edits.list, edits.n);
		(void)provider_openai.read_event(r, TEXT(""), data, (struct hearer){ hear_in_order, &t });
		provider_openai.read_end(r, (struct hearer){ hear_in_order, &t });
		assert_true(t.ended);
		(void)provider_openai.read_answer(provider_openai.reader(a, &other, NULL), data, (struct hearer){ hear_in_order, &u });
		(void)provider_openai.read_error(a, 400, TEXT("application/json"), data, 0);
		buf_free(&out);
		free(text);
		arena_free(a);
	}
}

/* Errors. */

static void
long_errors_are_cut_between_characters(void **state)
{
	struct buf body = { 0 };
	struct error *e;

	(void)state;
	for (unsigned i = 0; i < 400; i++)
		buf_lit(&body, "日本");
	e = provider_read_error(arena, "OpenAI", 500, TEXT("text/plain"), buf_as_text(&body), 0);
	assert_true(e->message.len < 700);
	assert_true(text_ends(e->message, TEXT("日")) || text_ends(e->message, TEXT("本")));
	assert_int_equal(error_status(e), 500);
	buf_free(&body);
}

static void
credentials_reach_neither_client_nor_log(void **state)
{
	struct error *e = provider_read_error(arena, "OpenAI", 403, TEXT("application/json"),
	    TEXT("{\"error\":{\"message\":\"key sk-abcdefghijklmnop is not allowed\",\"code\":\"forbidden\"}}"), 0);

	(void)state;
	assert_int_equal(e->kind, E_UPSTREAM_CREDENTIAL);
	assert_int_equal(error_status(e), 502);
	assert_false(text_has(e->message, TEXT("sk-abc")));
	assert_false(text_has(e->detail, TEXT("sk-abc")));
	assert_true(text_has(e->detail, TEXT("[redacted] is not allowed")));
	assert_true(e->useless_to_retry);
}

static void
kinds_follow_text_and_status(void **state)
{
	static const struct {
		int		 status;
		const char	*body;
		enum error_kind	 kind;
	} rows[] = {
		{ 500, "{\"error\":{\"message\":\"Rate limit reached for requests\"}}", E_RATE_LIMIT },
		{ 403, "{\"error\":{\"message\":\"Rate limit exceeded\"}}", E_RATE_LIMIT },
		{ 401, "{\"error\":{\"message\":\"rate limit\"}}", E_UPSTREAM_CREDENTIAL },
		{ 413, "{\"error\":{\"type\":\"request_too_large\",\"message\":\"Request too large\"}}", E_TOO_LARGE },
		{ 429, "{\"error\":{\"message\":\"Request too large for gpt-4o on tokens per min (TPM)\"}}", E_RATE_LIMIT },
		{ 403, "{\"error\":{\"code\":\"model_not_found\",\"message\":\"Project has no access to model\"}}", E_UPSTREAM_NOT_FOUND },
		{ 400, "{\"error\":{\"code\":\"string_above_max_length\",\"message\":\"exceeds the context\"}}", E_BAD_REQUEST },
		{ 422, "{\"error\":\"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096\",\"error_type\":\"validation\"}", E_CONTEXT_LENGTH },
		{ 400, "{\"message\":\"Current length is 9000 while limit is 8192\"}", E_CONTEXT_LENGTH },
		{ 408, "", E_TIMEOUT },
		{ 409, "{}", E_CONFLICT },
		{ 418, "[]", E_BAD_REQUEST },
		{ 498, "{\"error\":{\"message\":\"flex: no room\"}}", E_OVERLOADED },
		{ 301, "<html>", E_UPSTREAM_FAILED },
		{ 599, "null", E_UPSTREAM_FAILED },
		{ 200, "{\"error\":{\"type\":\"invalid_request_error\",\"message\":\"no\"}}", E_BAD_REQUEST },
		{ 200, "{\"error\":{\"code\":\"503\",\"message\":\"no\"}}", E_OVERLOADED },
		{ 200, "{\"error\":\"no\"}", E_UPSTREAM_FAILED },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		struct error *e = provider_read_error(arena, "OpenAI", rows[i].status, TEXT(""), text_of(rows[i].body), 250);

		if (e->kind != rows[i].kind)
			fail_msg("%d %s: %s", rows[i].status, rows[i].body, error_kinds[e->kind].name);
		assert_int_equal(e->retry_after_ms, 250);
		assert_true(text_starts(e->message, TEXT("litellm.")));
	}
}

static void
wires_have_their_provider(void **state)
{
	(void)state;
	assert_ptr_equal(provider_of(WIRE_OPENAI), &provider_openai);
	assert_ptr_equal(provider_of(WIRE_ANTHROPIC), &provider_anthropic);
	assert_null(provider_of(WIRE_NONE));
}

static void
further_surfaces_are_asked_where_they_are(void **state)
{
	struct vendor plain = { .wire = WIRE_OPENAI };
	struct deployment d = { .vendor = &plain, .wire = WIRE_OPENAI, .root = TEXT("http://h/v1"), .query = TEXT("a=b") };

	(void)state;
	assert_int_equal(wire_for(&d, TEXT("m"), WIRE_OPENAI), WIRE_OPENAI);
	assert_int_equal(wire_for(&d, TEXT("m"), WIRE_ANTHROPIC), WIRE_OPENAI);
	assert_int_equal(wire_for(&d, TEXT("m"), WIRE_RESPONSES), WIRE_OPENAI);
	assert_int_equal(wire_for(&d, TEXT("m"), WIRE_NONE), WIRE_OPENAI);
	d.wire = WIRE_ANTHROPIC;
	assert_int_equal(wire_for(&d, TEXT("m"), WIRE_EMBEDDINGS), WIRE_ANTHROPIC);
	d.wire = WIRE_OPENAI;
	assert_int_equal(wire_for(&d, TEXT("m"), WIRE_EMBEDDINGS), WIRE_EMBEDDINGS);
	assert_true(text_is(openai_url(arena, &d, TEXT("m"), "/embeddings"), "http://h/v1/embeddings?a=b"));
	d.query = TEXT("");
	assert_true(text_is(openai_url(arena, &d, TEXT("m"), "/responses"), "http://h/v1/responses"));
}

static void
chat_models_of_openai_are_completed_by_chats(void **state)
{
	struct deployment d = { .vendor = vendor_find(TEXT("openai")), .wire = WIRE_OPENAI, .mode = TEXT("chat") };

	(void)state;
	assert_int_equal(wire_for(&d, TEXT("gpt-4o"), WIRE_COMPLETIONS), WIRE_OPENAI);
	assert_int_equal(wire_for(&d, TEXT("gpt-3.5-turbo-instruct"), WIRE_COMPLETIONS), WIRE_COMPLETIONS);
	assert_int_equal(wire_for(&d, TEXT("ft:babbage-002:me::1"), WIRE_COMPLETIONS), WIRE_COMPLETIONS);
	d.mode = TEXT("completion");
	assert_int_equal(wire_for(&d, TEXT("gpt-4o"), WIRE_COMPLETIONS), WIRE_COMPLETIONS);
	d = (struct deployment){ .vendor = vendor_find(TEXT("hosted_vllm")), .wire = WIRE_OPENAI, .mode = TEXT("chat") };
	assert_int_equal(wire_for(&d, TEXT("gpt-4o"), WIRE_COMPLETIONS), WIRE_COMPLETIONS);
	d.vendor = vendor_find(TEXT("groq"));
	assert_int_equal(wire_for(&d, TEXT("gpt-4o"), WIRE_COMPLETIONS), WIRE_OPENAI);
}

static void
defaults_go_where_they_fit(void **state)
{
	static const char *const chat[] = { "tools", "reasoning_effort", "max_completion_tokens", "messages", "stream", "model", "input", "prompt" };

	(void)state;
	for (size_t i = 0; i < nitems(chat); i++) {
		assert_false(param_fits(text_of(chat[i]), WIRE_COMPLETIONS));
		assert_false(param_fits(text_of(chat[i]), WIRE_EMBEDDINGS));
	}
	assert_true(param_fits(TEXT("temperature"), WIRE_COMPLETIONS));
	assert_false(param_fits(TEXT("temperature"), WIRE_EMBEDDINGS));
	assert_true(param_fits(TEXT("dimensions"), WIRE_EMBEDDINGS));
	assert_true(param_fits(TEXT("input_type"), WIRE_EMBEDDINGS));
}

static void
an_answer_tells_its_dialect(void **state)
{
	static const struct {
		const char	*data;
		enum wire	 wire;
	} answers[] = {
		{ "{\"id\":\"x\",\"object\":\"chat.completion\",\"choices\":[]}", WIRE_OPENAI },
		{ "{\"object\":\"chat.completion.chunk\",\"choices\":[]}", WIRE_OPENAI },
		{ "{\"object\":\"text_completion\",\"choices\":[]}", WIRE_COMPLETIONS },
		{ "{\"object\":\"response\",\"id\":\"resp_1\"}", WIRE_RESPONSES },
		{ "{\"type\":\"response.created\",\"response\":{}}", WIRE_RESPONSES },
		{ "{\"object\":\"list\",\"data\":[],\"usage\":{\"prompt_tokens\":1}}", WIRE_EMBEDDINGS },
		{ "{\"type\":\"message\",\"content\":[]}", WIRE_ANTHROPIC },
		{ "{\"type\":\"message_start\",\"message\":{}}", WIRE_ANTHROPIC },
		{ "{\"object\":\"list\",\"data\":[]}", WIRE_NONE },
		{ "{\"object\":\"file\",\"id\":\"file-1\"}", WIRE_NONE },
		{ "{\"object\":{\"object\":\"response\"}}", WIRE_NONE },
		{ "{\"type\":\"error\",\"error\":{}}", WIRE_NONE },
		{ "[DONE]", WIRE_NONE }, { "", WIRE_NONE }, { "[]", WIRE_NONE }, { "{\"object\":\"chat.completion\"", WIRE_NONE },
	};

	for (size_t i = 0; i < nitems(answers); i++)
		assert_ptr_equal(provider_of_answer(text_of(answers[i].data)), provider_of(answers[i].wire));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(headers_carry_key_and_organization, set_up, tear_down),
		cmocka_unit_test_setup_teardown(headers_of_vendor_take_the_key, set_up, tear_down),
		cmocka_unit_test_setup_teardown(headers_stay_within_their_room, set_up, tear_down),
		cmocka_unit_test_setup_teardown(relayed_chunks_allocate_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(read_chunks_allocate_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(chunks_of_many_members_are_read_to_the_last, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_choices_each_with_edits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(calls_have_a_bound, set_up, tear_down),
		cmocka_unit_test_setup_teardown(broken_chunks_break_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(long_errors_are_cut_between_characters, set_up, tear_down),
		cmocka_unit_test_setup_teardown(credentials_reach_neither_client_nor_log, set_up, tear_down),
		cmocka_unit_test_setup_teardown(kinds_follow_text_and_status, set_up, tear_down),
		cmocka_unit_test_setup_teardown(wires_have_their_provider, set_up, tear_down),
		cmocka_unit_test_setup_teardown(further_surfaces_are_asked_where_they_are, set_up, tear_down),
		cmocka_unit_test_setup_teardown(chat_models_of_openai_are_completed_by_chats, set_up, tear_down),
		cmocka_unit_test_setup_teardown(defaults_go_where_they_fit, set_up, tear_down),
		cmocka_unit_test(an_answer_tells_its_dialect),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
