/* SPDX-License-Identifier: Apache-2.0 */
/* The parameters we say a deployment takes are those it takes: an Anthropic one, where the rest is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "front/front.h"

static const struct {
	const char	*name, *value;
} samples[] = {
	{ "stream", "true" }, { "stream_options", "{}" }, { "frequency_penalty", "1" }, { "presence_penalty", "1" }, { "logit_bias", "{\"5\":1}" },
	{ "logprobs", "true" }, { "top_logprobs", "2" }, { "max_tokens", "100" }, { "max_completion_tokens", "100" }, { "modalities", "[\"audio\"]" },
	{ "audio", "{}" }, { "prediction", "{}" }, { "n", "2" }, { "seed", "1" }, { "stop", "[\"a\"]" }, { "temperature", "0.5" }, { "top_p", "0.5" },
	{ "tools", "[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]" }, { "tool_choice", "\"auto\"" }, { "parallel_tool_calls", "false" },
	{ "functions", "[{\"name\":\"f\"}]" }, { "function_call", "\"auto\"" }, { "response_format", "{\"type\":\"json_object\"}" },
	{ "reasoning_effort", "\"low\"" }, { "web_search_options", "{}" }, { "user", "\"u\"" }, { "thinking", "{\"type\":\"enabled\",\"budget_tokens\":1024}" },
	{ "top_k", "5" }, { "cache_control", "{\"type\":\"ephemeral\"}" }, { "context_management", "{}" }, { "mcp_servers", "[]" }, { "speed", "\"fast\"" },
};

static bool
is_taken(const struct deployment *d, size_t i)
{
	struct arena *arena = arena_new();
	struct text body = arena_print(arena, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]%s,\"%s\":%s}",
	    strcmp(samples[i].name, "stream_options") == 0 ? ",\"stream\":true" : "", samples[i].name, samples[i].value);
	struct glance g = { 0 };
	struct ask ask = { 0 };
	struct buf out = { 0 };
	bool taken = front_chat.glance(&g, arena, body) == NULL && front_chat.read_ask(&ask, arena, &g) == NULL &&
	    provider_anthropic.write_request(&out, arena, &ask, d, d->model, false) == NULL;

	buf_free(&out);
	arena_free(arena);
	return (taken);
}

static void
what_is_said_is_true(void **state)
{
	static const struct vendor vendor = { .prefix = "anthropic", .wire = WIRE_ANTHROPIC };
	struct deployment d = { .vendor = &vendor, .wire = WIRE_ANTHROPIC, .model = TEXT("claude-sonnet-4-5"), .mode = TEXT("chat") };
	size_t said = 0;

	(void)state;
	for (size_t i = 0; i < nitems(samples); i++) {
		bool supported = is_supported_param(&d, samples[i].name);

		said += supported;
		if (supported != is_taken(&d, i))
			fail_msg("%s is%s supported", samples[i].name, supported ? "" : " not");
	}
	for (const char *const *p = supported_params(&d); *p != NULL; p++)
		said--;
	assert_int_equal(said, 0);			/* each was tried */
}

static void
each_kind_has_its_own(void **state)
{
	struct deployment chat = { .wire = WIRE_OPENAI, .mode = TEXT("chat") }, embedding = { .wire = WIRE_OPENAI, .mode = TEXT("embedding") };

	(void)state;
	assert_true(is_supported_param(&chat, "seed"));
	assert_false(is_supported_param(&chat, "dimensions"));
	assert_true(is_supported_param(&embedding, "dimensions"));
	assert_false(is_supported_param(&embedding, "seed"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said_is_true),
		cmocka_unit_test(each_kind_has_its_own),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
