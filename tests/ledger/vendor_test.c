/* SPDX-License-Identifier: Apache-2.0 */
/* What vendors say of tokens, each in its own shape, comes to the same price on both ways: relayed and translated. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ledger/price.h"
#include "provider/provider.h"

#include "config/yaml_text.h"

static struct arena *arena;
static struct config *config;

static int
set_up(void **state)
{
	clean_env(state);
	arena = arena_new();
	config = load_text("model_list: [{model_name: m, litellm_params: {model: openai/m, api_key: k}}]\n");
	return (0);
}

static int
tear_down(void **state)
{
	(void)state;
	config_release(config);
	arena_free(arena);
	return (0);
}

static void
unheard(void *self, const struct event *e)
{
	(void)self;
	(void)e;
}

static struct text
body_of(enum wire wire, const char *usage, const char *beside)
{
	switch (wire) {
	case WIRE_ANTHROPIC:
		return (arena_print(arena, "{\"id\":\"i\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}],"
		    "\"stop_reason\":\"end_turn\",\"usage\":%s%s}", usage, beside));
	case WIRE_RESPONSES:
		return (arena_print(arena, "{\"id\":\"resp_1\",\"object\":\"response\",\"status\":\"completed\",\"model\":\"m\",\"output\":[{\"type\":\"web_search_call\","
		    "\"id\":\"w\",\"status\":\"completed\"},{\"type\":\"message\",\"id\":\"o\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\","
		    "\"text\":\"hi\"}]}],\"usage\":%s%s}", usage, beside));
	case WIRE_EMBEDDINGS:
		return (arena_print(arena, "{\"object\":\"list\",\"model\":\"m\",\"data\":[{\"index\":0,\"embedding\":[1]}],\"usage\":%s%s}", usage, beside));
	case WIRE_COMPLETIONS:
		return (arena_print(arena, "{\"id\":\"i\",\"model\":\"m\",\"choices\":[{\"index\":0,\"text\":\"hi\",\"finish_reason\":\"stop\"}],\"usage\":%s%s}", usage, beside));
	default:
		return (arena_print(arena, "{\"id\":\"i\",\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"hi\"},"
		    "\"finish_reason\":\"stop\"}],\"usage\":%s%s}", usage, beside));
	}
}

static struct usage
relayed(enum wire wire, struct text body)
{
	struct relay *r = arena_new_of(arena, struct relay);
	struct edits edits = { 0 };

	r->arena = arena;
	r->model = QUOTED("m");
	assert_int_equal(provider_of(wire)->relay_answer(r, body, &edits), PASS_ON);
	assert_true(r->seen.usage_said);
	return (r->seen.usage);
}

static struct usage
translated(enum wire wire, struct text body)
{
	struct seen *seen = arena_new_of(arena, struct seen);
	struct reader *r = provider_of(wire)->reader(arena, seen, NULL);

	assert_null(provider_of(wire)->read_answer(r, body, (struct hearer){ unheard, NULL }));
	assert_true(seen->usage_said);
	return (seen->usage);
}

struct said {
	const char	*vendor, *model;
	enum wire	 wire;
	const char	*usage, *beside;
	int64_t		 nano;
};

static void
assert_cost(const struct said *s, struct usage u)
{
	const struct tariff *t = config_tariff_named(arena, config, vendor_find(text_of(s->vendor)), text_of(s->model));

	assert_non_null(t);
	if (price_call(t, &u, 0, NULL) != s->nano)
		fail_msg("%s/%s: %lld nano-dollars, not %lld, for %s", s->vendor, s->model, (long long)price_call(t, &u, 0, NULL), (long long)s->nano, s->usage);
}

static const struct said cases[] = {
	/* 2.5, 0.25 cached, 15 for a million; reasoning is part of what is completed */
	{ "openai", "gpt-5.4", WIRE_OPENAI, "{\"prompt_tokens\":1000,\"completion_tokens\":200,\"total_tokens\":1200,\"prompt_tokens_details\":{\"cached_tokens\":400,"
	    "\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":50,\"audio_tokens\":0,\"accepted_prediction_tokens\":0}}",
	    ",\"service_tier\":\"default\"", 600 * 2500 + 400 * 250 + 200 * 15000 },
	{ "openai", "gpt-5.4", WIRE_OPENAI, "{\"prompt_tokens\":1000,\"completion_tokens\":200,\"prompt_tokens_details\":{\"cached_tokens\":400}}",
	    ",\"service_tier\":\"flex\"", 600 * 1250 + 400 * 130 + 200 * 7500 },
	{ "openai", "gpt-5.4", WIRE_OPENAI, "{\"prompt_tokens\":1000,\"completion_tokens\":200,\"prompt_tokens_details\":{\"cached_tokens\":400}}",
	    ",\"service_tier\":\"priority\"", 600 * 5000 + 400 * 500 + 200 * 30000 },
	{ "openai", "gpt-5.4", WIRE_OPENAI, "{\"prompt_tokens\":300000,\"completion_tokens\":200,\"prompt_tokens_details\":{\"cached_tokens\":100000}}", "",
	    INT64_C(200000) * 5000 + INT64_C(100000) * 500 + 200 * 22500 },
	/* 4, 0.4 cached, 5 written, 20 */
	{ "openai", "gpt-5.6", WIRE_OPENAI, "{\"prompt_tokens\":5000,\"completion_tokens\":10,\"prompt_tokens_details\":{\"cached_tokens\":1000,\"cache_write_tokens\":3000}}",
	    "", 1000 * 4000 + 1000 * 400 + 3000 * 5000 + 10 * 20000 },
	/* 2.5, 10, sound 32 and 64 */
	{ "openai", "gpt-audio", WIRE_OPENAI, "{\"prompt_tokens\":500,\"completion_tokens\":300,\"prompt_tokens_details\":{\"audio_tokens\":400,\"text_tokens\":100},"
	    "\"completion_tokens_details\":{\"audio_tokens\":250,\"text_tokens\":50}}", "", 100 * 2500 + 400 * 32000 + 50 * 10000 + 250 * 64000 },
	/* the same words in Responses, and a search of a cent; in the priority tier 8, 0.8, 40 */
	{ "openai", "gpt-5.6", WIRE_RESPONSES, "{\"input_tokens\":1000,\"input_tokens_details\":{\"cached_tokens\":100},\"output_tokens\":50,"
	    "\"output_tokens_details\":{\"reasoning_tokens\":20},\"total_tokens\":1050}", ",\"service_tier\":\"default\"",
	    900 * 4000 + 100 * 400 + 50 * 20000 + 10000000 },
	{ "openai", "gpt-5.6", WIRE_RESPONSES, "{\"input_tokens\":1000,\"input_tokens_details\":{\"cached_tokens\":100},\"output_tokens\":50}",
	    ",\"service_tier\":\"priority\"", 900 * 8000 + 100 * 800 + 50 * 40000 + 10000000 },
	/* 1.5, 2; 0.02 */
	{ "openai", "gpt-3.5-turbo-instruct", WIRE_COMPLETIONS, "{\"prompt_tokens\":10,\"completion_tokens\":7,\"total_tokens\":17}", "", 10 * 1500 + 7 * 2000 },
	{ "openai", "text-embedding-3-small", WIRE_EMBEDDINGS, "{\"prompt_tokens\":8,\"total_tokens\":8}", "", 160 },
	{ "voyage", "voyage-3.5", WIRE_EMBEDDINGS, "{\"total_tokens\":8}", "", 480 },
	/* 5, 0.5 cached, 6.25 and 10 written, 25, a cent a search; input_tokens is what is neither cached nor written */
	{ "anthropic", "claude-opus-5", WIRE_ANTHROPIC, "{\"input_tokens\":100,\"cache_read_input_tokens\":1000,\"cache_creation_input_tokens\":500,"
	    "\"cache_creation\":{\"ephemeral_5m_input_tokens\":300,\"ephemeral_1h_input_tokens\":200},\"output_tokens\":50,\"service_tier\":\"standard\","
	    "\"server_tool_use\":{\"web_search_requests\":2,\"web_fetch_requests\":1}}", "",
	    100 * 5000 + 1000 * 500 + 300 * 6250 + 200 * 10000 + 50 * 25000 + 2 * 10000000 },
	{ "anthropic", "claude-opus-5", WIRE_ANTHROPIC, "{\"input_tokens\":100,\"cache_creation_input_tokens\":500,\"cache_creation\":null,\"output_tokens\":50,"
	    "\"service_tier\":\"batch\"}", "", 100 * 2500 + 500 * 3125 + 50 * 12500 },
	/* DeepSeek: 0.28, 0.028 hit, 0.42 */
	{ "deepseek", "deepseek-chat", WIRE_OPENAI, "{\"prompt_tokens\":1000,\"completion_tokens\":100,\"total_tokens\":1100,\"prompt_cache_hit_tokens\":600,"
	    "\"prompt_cache_miss_tokens\":400}", "", 400 * 280 + 600 * 28 + 100 * 420 },
	/* Mistral: 0.5, 0.05, 1.5 */
	{ "mistral", "mistral-large-latest", WIRE_OPENAI, "{\"prompt_tokens\":1000,\"completion_tokens\":100,\"num_cached_tokens\":600}", "", 400 * 500 + 600 * 50 + 100 * 1500 },
	/* xAI: reasoning stands beside completion_tokens; 1.25, 0.2, 2.5, double from 200,000 on */
	{ "xai", "grok-4.3", WIRE_OPENAI, "{\"prompt_tokens\":1000,\"completion_tokens\":100,\"total_tokens\":1400,\"prompt_tokens_details\":{\"cached_tokens\":200},"
	    "\"completion_tokens_details\":{\"reasoning_tokens\":300}}", "", 800 * 1250 + 200 * 200 + 400 * 2500 },
	{ "xai", "grok-4.3", WIRE_OPENAI, "{\"prompt_tokens\":200000,\"completion_tokens\":100}", "", INT64_C(200000) * 2500 + 100 * 5000 },
	/* Perplexity: 1, 1, 0.008 a search */
	{ "perplexity", "sonar", WIRE_OPENAI, "{\"prompt_tokens\":10,\"completion_tokens\":20,\"num_search_queries\":3,\"citation_tokens\":9}", "", 10 * 1000 + 20 * 1000 + 3 * 8000000 },
	/* a LiteLLM behind us, asked for Anthropic's */
	{ "litellm_proxy", "claude-opus-5", WIRE_OPENAI, "{\"prompt_tokens\":1600,\"completion_tokens\":50,\"cache_read_input_tokens\":1000,\"cache_creation_input_tokens\":500,"
	    "\"prompt_tokens_details\":{\"cached_tokens\":1000,\"cache_creation_tokens\":500,\"cache_creation_token_details\":{\"ephemeral_5m_input_tokens\":300,"
	    "\"ephemeral_1h_input_tokens\":200}}}", "", 100 * 5000 + 1000 * 500 + 300 * 6250 + 200 * 10000 + 50 * 25000 },
};

static void
what_vendors_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		const struct said *s = &cases[i];
		struct text body = body_of(s->wire, s->usage, s->beside);

		assert_cost(s, relayed(s->wire, body));
		if (provider_of(s->wire)->reader != NULL)
			assert_cost(s, translated(s->wire, body));
	}
}

static struct relay *
streamed(enum wire wire, const char *const *events, size_t n)
{
	struct relay *r = arena_new_of(arena, struct relay);
	struct edits edits;

	r->arena = arena;
	r->model = QUOTED("m");
	for (size_t i = 0; i < n; i++) {
		edits = (struct edits){ 0 };
		provider_of(wire)->relay_event(r, TEXT(""), text_of(events[i]), &edits);
	}
	return (r);
}

/* The last word of a stream counts, and the tier that stands beside it. */
static void
what_streams_say(void **state)
{
	static const char *const chat[] = {
		"{\"id\":\"c\",\"model\":\"m\",\"service_tier\":\"flex\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":null}],\"usage\":null}",
		"{\"id\":\"c\",\"model\":\"m\",\"service_tier\":\"flex\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}",
		"{\"id\":\"c\",\"model\":\"m\",\"service_tier\":\"flex\",\"choices\":[],\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":200}}", "[DONE]" };
	static const char *const messages[] = {
		"{\"type\":\"message_start\",\"message\":{\"id\":\"i\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"usage\":{\"input_tokens\":100,"
		"\"cache_creation_input_tokens\":500,\"cache_creation\":{\"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_tokens\":500},\"output_tokens\":1,"
		"\"service_tier\":\"priority\"}}}",
		"{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":50,\"server_tool_use\":{\"web_search_requests\":1}}}",
		"{\"type\":\"message_stop\"}" };
	static const char *const responses[] = {
		"{\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"model\":\"m\",\"status\":\"in_progress\",\"service_tier\":\"auto\",\"output\":[],\"usage\":null}}",
		"{\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",\"model\":\"m\",\"status\":\"completed\",\"service_tier\":\"priority\",\"output\":[{\"type\":"
		"\"web_search_call\"},{\"type\":\"message\",\"content\":[]}],\"usage\":{\"input_tokens\":1000,\"output_tokens\":50}}}" };
	const struct said flex = { "openai", "gpt-5.4", WIRE_OPENAI, "chat", "", 1000 * 1250 + 200 * 7500 };
	const struct said opus = { "anthropic", "claude-opus-5", WIRE_ANTHROPIC, "messages", "", 100 * 5000 + 500 * 10000 + 50 * 25000 + 10000000 };
	const struct said gpt = { "openai", "gpt-5.6", WIRE_RESPONSES, "responses", "", 1000 * 8000 + 50 * 40000 + 10000000 };

	(void)state;
	assert_cost(&flex, streamed(WIRE_OPENAI, chat, nitems(chat))->seen.usage);
	assert_cost(&opus, streamed(WIRE_ANTHROPIC, messages, nitems(messages))->seen.usage);
	assert_cost(&gpt, streamed(WIRE_RESPONSES, responses, nitems(responses))->seen.usage);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_vendors_say, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_streams_say, set_up, tear_down),
	};

	return (cmocka_run_group_tests_name("vendor", tests, NULL, NULL));
}
