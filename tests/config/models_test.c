/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of model_list to deployments: vendor, base, key, limits, defaults, ids. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/config_priv.h"
#include "yaml_text.h"

static const struct deployment *
only(const struct config *c)
{
	assert_int_equal(c->n_deployments, 1);
	return (c->deployments[0]);
}

static void
a_base_becomes_the_url_of_a_call(void **state)
{
	static const struct {
		const char	*model, *base, *api_base, *url, *host;
		unsigned	 port;
	} cases[] = {
		{ "openai/m", "http://h:8000/v1", "http://h:8000/v1", "http://h:8000/v1/chat/completions", "h", 8000 },
		{ "openai/m", "http://h:8000/v1/", "http://h:8000/v1", "http://h:8000/v1/chat/completions", "h", 8000 },
		{ "openai/m", "http://h/v1/chat/completions", "http://h/v1/chat/completions", "http://h/v1/chat/completions", "h", 80 },
		{ "openai/m", "http://127.0.0.1:8001/v1", "http://127.0.0.1:8001/v1", "http://127.0.0.1:8001/v1/chat/completions", "",
		    8001 },
		{ "openai/m", "http://[::1]:8001/v1", "http://[::1]:8001/v1", "http://[::1]:8001/v1/chat/completions", "", 8001 },
		{ "openai/m", "HTTPS://Host.Example/v1", "https://Host.Example/v1", "https://Host.Example/v1/chat/completions",
		    "host.example", 443 },
		{ "openai/m", "https://u:p@h/v1?x=1", "https://h/v1", "https://u:p@h/v1/chat/completions?x=1", "h", 443 },
		{ "anthropic/m", "https://h", "https://h", "https://h/v1/messages", "h", 443 },
		{ "anthropic/m", "https://h/v1", "https://h/v1", "https://h/v1/messages", "h", 443 },
		{ "anthropic/m", "https://h/v1/messages", "https://h/v1/messages", "https://h/v1/messages", "h", 443 },
		{ "anthropic/m", "https://h/proxy/", "https://h/proxy", "https://h/proxy/v1/messages", "h", 443 },
		{ "ollama_chat/m", "http://h:11434", "http://h:11434", "http://h:11434/v1/chat/completions", "h", 11434 },
		{ "ollama/m", "http://h:11434/v1", "http://h:11434/v1", "http://h:11434/v1/chat/completions", "h", 11434 },
		{ "groq/m", NULL, "https://api.groq.com/openai/v1", "https://api.groq.com/openai/v1/chat/completions", "api.groq.com",
		    443 },
		{ "heroku/m", NULL, "https://us.inference.heroku.com", "https://us.inference.heroku.com/v1/chat/completions",
		    "us.inference.heroku.com", 443 },
		{ "anthropic/m", NULL, "https://api.anthropic.com", "https://api.anthropic.com/v1/messages", "api.anthropic.com", 443 },
	};

	for (size_t i = 0; i < nitems(cases); i++) {
		char params[512];
		struct config *c;
		const struct deployment *d;

		snprintf(params, sizeof(params), "      model: %s\n      api_key: k\n      api_base: %s\n", cases[i].model,
		    cases[i].base != NULL ? cases[i].base : "~");
		c = load_params(params);
		d = only(c);
		assert_text(d->api_base, cases[i].api_base);
		assert_text(d->url, cases[i].url);
		assert_text(d->host, cases[i].host);
		assert_int_equal(d->port, cases[i].port);
		config_release(c);
	}
}

static void
further_surfaces_stand_behind_the_root(void **state)
{
	static const struct {
		const char	*model, *base, *root, *query;
	} cases[] = {
		{ "openai/m", "http://h/v1", "http://h/v1", "" },
		{ "openai/m", "http://h/v1/chat/completions", "http://h/v1", "" },
		{ "openai/m", "https://u:p@h/v1/?x=1", "https://u:p@h/v1", "x=1" },
		{ "ollama/m", "http://h:11434", "http://h:11434/v1", "" },
		{ "ollama/m", "http://h:11434/v1", "http://h:11434/v1", "" },
		{ "openai/m", "http://h", "http://h", "" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		char params[512];
		struct config *c;

		snprintf(params, sizeof(params), "      model: %s\n      api_key: k\n      api_base: %s\n", cases[i].model, cases[i].base);
		c = load_params(params);
		assert_text(only(c)->root, cases[i].root);
		assert_text(only(c)->query, cases[i].query);
		config_release(c);
	}
}

static void
a_bad_base_is_refused_without_being_shown(void **state)
{
	static const char *const cases[] = {
		"h:8000/v1", "ftp://secret/", "http://", "http://:80", "http://h:0", "http://h:65536", "http://h:x", "http://h/#f",
		"\"http://secret h\"", "http://[::1",
		"http://[::g]/", "\"http://h\\\\@secret\"", "http://h:1:2/", "http://h%41/", "\"http://h\\n/\"", "\"http://\\u00fc/\"",
	};

	for (size_t i = 0; i < nitems(cases); i++) {
		char params[256];
		struct config *c;

		snprintf(params, sizeof(params), "      model: openai/m\n      api_key: k\n      api_base: %s\n", cases[i]);
		c = load_params(params);
		if (c->n_errors != 1)
			fail_msg("%s passed", cases[i]);
		assert_says(c, PROBLEM_ERROR, 6, "api_base ");
		assert_null(strstr(talk(c), "secret"));
		config_release(c);
	}
}

static void
a_key_of_the_environment_goes_home_only(void **state)
{
	static const struct {
		const char	*model, *base, *key;
	} cases[] = {
		{ "openai/m", "http://127.0.0.1:8001/v1", "" },
		{ "openai/m", "https://api.openai.com/v1", "sk-openai" },
		{ "openai/m", "https://API.openai.com:443/v1", "sk-openai" },
		{ "openai/m", "http://api.openai.com/v1", "" },			/* in the clear */
		{ "openai/m", "https://api.openai.com:8443/v1", "" },
		{ "openai/m", "https://api.openai.com.evil.example/v1", "" },
		{ "openai/m", "https://evil.example/api.openai.com/v1", "" },
		{ "openai/m", "https://api.openai.com@evil.example/v1", "" },
		{ "openai/m", "https://evil.example/?api.openai.com", "" },
		{ "openai/m", NULL, "sk-openai" },
		{ "openai/m", "os.environ/OPENAI_BASE_URL", "sk-openai" },	/* the vendor's own variable */
		{ "gpt-4o", "http://h/v1", "" },
		{ "gpt-4o", NULL, "sk-openai" },
		{ "groq/m", "http://h/v1", "" },
		{ "groq/m", NULL, "gsk" },
		{ "llama-70b", "https://api.groq.com/openai/v1", "gsk" },	/* known by its server */
		{ "anthropic/m", "http://h", "" },
		{ "anthropic/m", NULL, "sk-ant" },
		{ "hosted_vllm/m", "http://h/v1", "" },
		{ "together_ai/m", "https://api.together.xyz/v1", "tog" },	/* the vendor's other host */
	};

	for (size_t i = 0; i < nitems(cases); i++) {
		char params[256];
		struct config *c;

		setenv("OPENAI_API_KEY", "sk-openai", 1);
		setenv("GROQ_API_KEY", "gsk", 1);
		setenv("ANTHROPIC_API_KEY", "sk-ant", 1);
		setenv("HOSTED_VLLM_API_KEY", "vllm", 1);
		setenv("TOGETHER_API_KEY", "tog", 1);
		if (cases[i].base != NULL && strcmp(cases[i].base, "os.environ/OPENAI_BASE_URL") == 0)
			setenv("OPENAI_BASE_URL", "http://elsewhere/v1", 1);
		snprintf(params, sizeof(params), "      model: %s\n      api_base: %s\n", cases[i].model, cases[i].base != NULL ?
		    cases[i].base : "~");
		c = load_params(params);
		if (!text_is(only(c)->key, cases[i].key))
			fail_msg("%s at %s has the key \"%s\"", cases[i].model, cases[i].base, text_string(only(c)->key));
		assert_quiet(c);
		config_release(c);
		clean_env(NULL);
	}
}

static void
a_credential_with_a_base_is_a_base_of_ones_own(void **state)
{
	struct config *c;

	setenv("OPENAI_API_KEY", "sk-openai", 1);
	c = load_text("model_list:\n  - model_name: m\n    litellm_params: {model: openai/m, litellm_credential_name: home}\n"
	    "credential_list:\n  - credential_name: home\n    credential_values: {api_base: 'http://home/v1'}\n    credential_info: {}\n");
	assert_text(only(c)->key, "");
	assert_text(only(c)->url, "http://home/v1/chat/completions");
	config_release(c);
	setenv("OPENAI_BASE_URL", "http://from-variable/v1", 1);
	c = load_params("      model: openai/m\n");
	assert_text(only(c)->url, "http://from-variable/v1/chat/completions");
	assert_text(only(c)->key, "sk-openai");
	config_release(c);
}

static void
credentials_fill_what_a_deployment_leaves_out(void **state)
{
	struct config *c = load_text("credential_list:\n"
	    "  - {credential_name: c1, credential_values: {api_key: from-list, api_base: 'http://list/v1'}}\n"
	    "model_list:\n  - model_name: m\n"
	    "    litellm_params: {model: openai/m, litellm_credential_name: c1, api_base: 'http://own/v1'}\n"
	    "  - model_name: n\n    litellm_params: {model: openai/m, litellm_credential_name: nowhere, api_key: x}\n");

	assert_text(c->deployments[0]->key, "from-list");
	assert_text(c->deployments[0]->api_base, "http://own/v1");
	assert_int_equal(c->deployments[0]->n_defaults, 0);
	assert_says(c, PROBLEM_ERROR, 7, "no credential nowhere");
	config_release(c);
}

static void
vendors_are_told_by_prefix_provider_server_or_name(void **state)
{
	static const struct {
		const char	*params, *vendor, *model;
	} cases[] = {
		{ "{model: openai/gpt-4o, api_key: k}", "openai", "gpt-4o" },
		{ "{model: gpt-4o, api_key: k}", "openai", "gpt-4o" },
		{ "{model: o3-mini, api_key: k}", "openai", "o3-mini" },
		{ "{model: chatgpt-4o-latest, api_key: k}", "openai", "chatgpt-4o-latest" },
		{ "{model: 'ft:gpt-4o:acme::x', api_key: k}", "openai", "ft:gpt-4o:acme::x" },
		{ "{model: text-embedding-3-small, api_key: k}", "openai", "text-embedding-3-small" },
		{ "{model: claude-sonnet-4-5, api_key: k}", "anthropic", "claude-sonnet-4-5" },
		{ "{model: openrouter/anthropic/claude-3.5-sonnet, api_key: k}", "openrouter", "anthropic/claude-3.5-sonnet" },
		{ "{model: hosted_vllm/Qwen/Qwen2.5, api_base: 'http://h/v1'}", "hosted_vllm", "Qwen/Qwen2.5" },
		{ "{model: Qwen/Qwen2.5, custom_llm_provider: hosted_vllm, api_base: 'http://h/v1'}", "hosted_vllm", "Qwen/Qwen2.5" },
		{ "{model: openai/x, custom_llm_provider: openai, api_base: 'http://h/v1'}", "openai", "x" },
		{ "{model: openai/x, custom_llm_provider: openrouter, api_key: k}", "openrouter", "openai/x" },
		{ "{model: mixtral, api_base: 'https://api.mistral.ai/v1', api_key: k}", "mistral", "mixtral" },
		{ "{model: openai/responses/gpt-5, api_key: k}", "openai", "gpt-5" },
	};

	for (size_t i = 0; i < nitems(cases); i++) {
		char yaml[512];
		struct config *c;

		snprintf(yaml, sizeof(yaml), "model_list:\n- model_name: m\n  litellm_params: %s\n", cases[i].params);
		c = load_text(yaml);
		assert_quiet(c);
		assert_string_equal(only(c)->vendor->prefix, cases[i].vendor);
		assert_text(only(c)->model, cases[i].model);
		config_release(c);
	}
}

static void
what_can_not_be_served_is_left_out(void **state)
{
	static const struct {
		const char	*params, *words;
	} cases[] = {
		{ "{model: azure/gpt-4o, api_key: k}", "azure/ needs an api_base (or AZURE_API_BASE)" },
		{ "{model: bedrock/anthropic.claude-v2}", "bedrock comes with a later version" },
		{ "{model: gemini/gemini-pro, api_key: k}", "gemini comes with a later version" },
		{ "{model: gemini-pro, api_key: k}", "vertex_ai comes with a later version" },
		{ "{model: opanai/gpt-4o, api_key: k}", "did you mean openai?" },
		{ "{model: Qwen/Qwen2.5, api_base: 'http://h/v1'}", "openai/Qwen/Qwen2.5" },
		{ "{model: my-model, api_base: 'http://h/v1'}", "openai/my-model" },
		{ "{model: x, custom_llm_provider: groqq}", "did you mean groq" },
		{ "{model: hosted_vllm/x}", "needs an api_base (or HOSTED_VLLM_API_BASE)" },
		{ "{model: openai_like/x}", "needs an api_base" },
	};

	for (size_t i = 0; i < nitems(cases); i++) {
		char yaml[512];
		struct config *c;

		snprintf(yaml, sizeof(yaml),
		    "model_list:\n- {model_name: ok, litellm_params: {model: openai/m, api_key: k}}\n- model_name: m\n"
		    "  litellm_params: %s\n",
		    cases[i].params);
		c = load_text(yaml);
		assert_int_equal(c->n_errors, 0);
		assert_says(c, PROBLEM_WARNING, 4, cases[i].words);
		assert_says(c, PROBLEM_WARNING, 4, "this deployment of m is left out");
		assert_int_equal(c->n_deployments, 1);
		config_release(c);
	}
}

static void
if_nothing_is_left_it_is_an_error(void **state)
{
	struct config *c = load_params("      model: bedrock/m\n");

	assert_says(c, PROBLEM_ERROR, 0, "no deployment of model_list can be served");
	config_release(c);
	c = load_text("model_list: []\n");
	assert_says(c, PROBLEM_ERROR, 1, "no deployment");
	config_release(c);
	c = load_text("model_list:\n- {model_name: m, litellm_params: {model: bedrock/m}}\n"
	    "- {model_name: n, litellm_params: {model: gpt-4o, api_key: k}}\n"
	    "router_settings: {ignore_invalid_deployments: false}\n");
	assert_says(c, PROBLEM_ERROR, 2, "bedrock comes with a later version");
	config_release(c);
}

static void
entries_of_a_wrong_shape(void **state)
{
	static const struct {
		const char	*entry, *words;
	} cases[] = {
		{ "x", "must be a map" }, { "~", "empty entry" }, { "{litellm_params: {model: openai/m}}", "model_name is missing" },
		{ "{model_name: m}", "litellm_params is missing" }, { "{model_name: m, litellm_params: [1]}", "must be a map" },
		{ "{model_name: m, litellm_params: {api_key: k}}", "litellm_params.model is missing" },
		{ "{model_name: '', litellm_params: {model: openai/m}}", "1 to 512" },
		{ "{model_name: \"a\\nb\", litellm_params: {model: openai/m}}", "printable" },
		{ "{model_name: [m], litellm_params: {model: openai/m}}", "single value" },
		{ "{model_name: m, litellm_params: {model: openai/}}", "no model" },
		{ "{model_name: m, litellm_params: {model: openai/m, rpm: many}}", "rpm must be a whole number" },
		{ "{model_name: m, litellm_params: {model: openai/m, rpm: -1}}", "rpm must be" },
		{ "{model_name: m, litellm_params: {model: openai/m, timeout: soon}}", "seconds" },
		{ "{model_name: m, litellm_params: {model: openai/m, timeout: -3}}", "seconds" },
		{ "{model_name: m, litellm_params: {model: openai/m, timeout: 1e300}}", "seconds" },
		{ "{model_name: m, litellm_params: {model: openai/m, weight: -1}}", "weight" },
		{ "{model_name: m, litellm_params: {model: openai/m, drop_params: perhaps}}", "true or false" },
		{ "{model_name: m, litellm_params: {model: openai/m, extra_headers: {'a b': c}}}", "header's name" },
		{ "{model_name: m, litellm_params: {model: openai/m, extra_headers: {a: \"secret\\r\\nX: 1\"}}}", "line break" },
		{ "{model_name: m, litellm_params: {model: openai/m, extra_headers: {Content-Length: 3}}}", "belongs to the connection" },
		{ "{model_name: m, litellm_params: {model: openai/m, extra_headers: [a]}}", "must be a map" },
		{ "{model_name: m, litellm_params: {model: openai/m, api_key: \"secret\\nX: 1\"}}", "line break" },
		{ "{model_name: m, litellm_params: {model: openai/m, api_key: [a]}}", "single value" },
		{ "{model_name: m, litellm_params: {model: openai/m, organization: \"a\\nb\"}}", "line break" },
		{ "{model_name: m, litellm_params: {model: openai/m}, model_info: {id: \"a\\nb\"}}", "printable" },
		{ "{model_name: m, litellm_params: {model: openai/m}, model_info: {max_tokens: lots}}", "whole number" },
		{ "{model_name: m, litellm_params: {model: openai/m}, model_info: {supported_environments: [x]}}", "LITELLM_ENVIRONMENT" },
		{ "{model_name: m, litellm_params: {model: openai/m}, model_info: [x]}", "must be a map" },
		{ "{model_name: a*b*c*d*e*f, litellm_params: {model: openai/m}}", "more than 4 stars" },
	};

	for (size_t i = 0; i < nitems(cases); i++) {
		char yaml[512];
		struct config *c;

		snprintf(yaml, sizeof(yaml), "model_list:\n- %s\n- {model_name: ok, litellm_params: {model: openai/m, api_key: k}}\n",
		    cases[i].entry);
		c = load_text(yaml);
		if (c->n_errors == 0)
			fail_msg("passed: %s", cases[i].entry);
		assert_says(c, PROBLEM_ERROR, 0, cases[i].words);
		assert_null(strstr(talk(c), "secret"));
		config_release(c);
	}
}

static void
limits_are_read_however_they_are_spelled(void **state)
{
	struct config *c = load_text("model_list:\n- model_name: m\n  rpm: '60'\n  tpm: 1_000\n  litellm_params:\n    model: openai/m\n"
	    "    api_key: k\n    weight: '0.5'\n"
	    "    order: 0x2\n    timeout: '30'\n    stream_timeout: 1.5\n    num_retries: 3.0\n    max_retries: 9\n"
	    "    drop_params: 'True'\n"
	    "    additional_drop_params: [logit_bias, 'a.b', 'c[*].d']\n    ssl_verify: off\n    extra_headers: {X-A: 1, X-B: yes}\n"
	    "    default_headers: {X-C: c}\n    use_chat_completions_api: 'true'\n");
	const struct deployment *d = only(c);

	assert_int_equal(c->n_errors, 0);
	assert_int_equal(d->rpm, 60);
	assert_int_equal(d->tpm, 1000);
	assert_int_equal(d->weight, 500);
	assert_int_equal(d->order, 2);
	assert_int_equal(d->timeout_ms, 30000);
	assert_int_equal(d->stream_timeout_ms, 1500);
	assert_int_equal(d->num_retries, 3);
	assert_true(d->drop_params && d->chat_only);
	assert_false(d->ssl_verify);
	assert_int_equal(d->n_drop, 1);
	assert_text(d->drop[0], "logit_bias");
	assert_says(c, PROBLEM_WARNING, 15, "a.b");
	assert_int_equal(d->n_headers, 3);
	assert_text(d->headers[0], "X-C: c");
	assert_text(d->headers[2], "X-B: yes");
	config_release(c);
}

static void
a_prefix_or_the_mode_says_which_surface(void **state)
{
	struct config *c = load_params("      model: openai/chat_completions/m/n\n      api_key: k\n");

	assert_true(only(c)->chat_only);
	assert_text(only(c)->model, "m/n");
	config_release(c);
	c = load_params("      model: openai/responses/m\n      api_key: k\n");
	assert_true(only(c)->responses_only && !only(c)->chat_only);
	assert_text(only(c)->model, "m");
	config_release(c);
	c = load_text("model_list:\n- {model_name: m, litellm_params: {model: openai/m, api_key: k}, model_info: {mode: responses}}\n");
	assert_true(only(c)->responses_only);
	config_release(c);
	c = load_params("      model: openai/m\n      api_key: k\n");
	assert_false(only(c)->chat_only);
	config_release(c);
}

/* Marks live in ids of stored responses: the same id has the same one on every host, for ever. */
static void
a_mark_is_a_digest_of_the_id(void **state)
{
	struct config *c = load_text("model_list:\n- {model_name: m, litellm_params: {model: openai/m, api_key: k}, model_info: {id: abc}}\n");

	assert_true(only(c)->mark == UINT64_C(0xba7816bf8f01cfea));
	config_release(c);
}

static void
what_is_not_given_is_not_given(void **state)
{
	struct config *c = load_params("      model: openai/m\n      api_key: k\n      rpm: ~\n      request_timeout: 7\n"
	    "      timeout: 0\n");
	const struct deployment *d = only(c);

	assert_int_equal(d->weight, -1);
	assert_int_equal(d->rpm, -1);
	assert_int_equal(d->num_retries, -1);
	assert_int_equal(d->timeout_ms, 7000);
	assert_true(d->ssl_verify);
	assert_text(d->mode, "chat");
	assert_text(d->model_info, "{}");
	config_release(c);
}

static void
further_parameters_are_sent_upstream(void **state)
{
	struct config *c = load_text("model_list:\n- model_name: m\n  litellm_params:\n    model: openai/m\n    api_key: k\n"
	    "    temperature: '0.5'\n    max_tokens: 1e2\n    seed: 7\n"
	    "    stop: [a, 'b']\n    response_format: {type: json_object}\n    my_param: 1e-6\n    top_p: ~\n    rpm: 3\n"
	    "    input_cost_per_token: 0.1\n    aws_region_name: x\n    stream: true\n"
	    "    extra_body: {seed: 8, guided_json: {a: 1}, model: other}\n"
	    "router_settings: {default_litellm_params: {user: u, seed: 1, max_retries: 0}}\n");
	const struct deployment *d = only(c);
	const char *want[][2] = { { "temperature", "0.5" }, { "max_tokens", "100" }, { "seed", "8" }, { "stop", "[\"a\",\"b\"]" },
	    { "response_format", "{\"type\":\"json_object\"}" }, { "my_param", "\"1e-6\"" }, { "user", "\"u\"" }, { "guided_json",
	    "{\"a\":1}" } };

	assert_int_equal(d->n_defaults, nitems(want));
	for (size_t i = 0; i < nitems(want); i++) {
		assert_text(d->defaults[i].name, want[i][0]);
		assert_text(d->defaults[i].raw, want[i][1]);
	}
	assert_says(c, PROBLEM_NOTE, 11, "my_param is sent upstream");
	assert_says(c, PROBLEM_WARNING, 16, "stream is the caller's to say");
	assert_says(c, PROBLEM_WARNING, 17, "model is the caller's to say");
	config_release(c);
}

static void
a_slip_in_a_parameter_is_noticed(void **state)
{
	struct config *c = load_params("      model: openai/m\n      api_key: k\n      api_bse: http://h/v1\n      tiemout: 3\n"
	    "      max_completion_token: 3\n");

	assert_says(c, PROBLEM_WARNING, 6, "did you mean api_base?");
	assert_says(c, PROBLEM_WARNING, 7, "did you mean timeout?");
	assert_says(c, PROBLEM_NOTE, 8, "sent upstream");
	config_release(c);
}

static void
what_is_in_force_needs_no_word(void **state)
{
	struct config *c = load_text("model_list:\n"
	    "- {model_name: a, litellm_params: {model: openai/gpt-4o, api_key: k, rpm: 5, max_budget: 1, budget_duration: 1d},\n"
	    "   model_info: {access_groups: [beta], team_id: t}}\n"
	    "litellm_settings: {store_audit_logs: true, max_budget: 5, timezone: UTC}\n"
	    "general_settings: {master_key: sk-of-this-test, proxy_batch_write_at: 60, user_api_key_cache_ttl: 60, maximum_spend_logs_retention_period: 7d}\n");

	assert_quiet(c);
	assert_false(says(c, PROBLEM_NOTE, 0, ""));
	config_release(c);
}

static void
ids_are_litellms_and_never_shared(void **state)
{
	struct config *c = load_text("model_list:\n"
	    "- &e {model_name: qwen-chat, litellm_params: {model: openai/q, api_base: 'http://127.0.0.1:8001/v1'}}\n- *e\n- *e\n"
	    "- {model_name: n, litellm_params: {model: openai/q, api_key: k}, model_info: {id: mine}}\n"
	    "- {model_name: o, litellm_params: {model: openai/q, api_key: k, organization: [org-a, org-b]}}\n");

	assert_quiet(c);
	assert_int_equal(c->n_deployments, 6);
	/* printf 'qwen-chatmodelopenai/qapi_basehttp://127.0.0.1:8001/v1' | sha256sum */
	assert_text(c->deployments[0]->id, "07e18deec8f29708fdf9dcc426fe5d8b37e546eee309f07408a6439b91a1a4ee");
	for (size_t i = 0; i < c->n_deployments; i++) {
		for (size_t k = 0; k < i; k++)
			assert_false(text_eq(c->deployments[i]->id, c->deployments[k]->id));
		assert_ptr_equal(config_deployment(c, c->deployments[i]->id), c->deployments[i]);
		assert_int_equal(c->deployments[i]->index, i);
	}
	assert_text(c->deployments[3]->id, "mine");
	assert_text(c->deployments[4]->organization, "org-a");
	assert_text(c->deployments[5]->organization, "org-b");
	assert_null(config_deployment(c, TEXT("other")));
	config_release(c);
	c = load_text("model_list:\n- {model_name: a, litellm_params: {model: openai/q, api_key: k}, model_info: {id: x}}\n"
	    "- {model_name: b, litellm_params: {model: openai/q, api_key: k}, model_info: {id: x}}\n");
	assert_says(c, PROBLEM_ERROR, 3, "id x is given to two deployments");
	config_release(c);
}

static void
ids_stay_when_the_file_is_read_again(void **state)
{
	const char *yaml = "model_list:\n- {model_name: a, litellm_params: {model: openai/q, api_key: k}}\n"
	    "- {model_name: a, litellm_params: {model: openai/q, api_key: k}}\n";
	struct config *c = load_text(yaml), *again = load_text(yaml);

	assert_true(text_eq(c->deployments[1]->id, again->deployments[1]->id));
	config_release(c);
	config_release(again);
}

static void
limits_of_tokens_come_from_the_file_then_from_the_facts(void **state)
{
	struct config *c = load_text("model_list:\n"
	    "- {model_name: a, litellm_params: {model: openai/gpt-4o, api_key: k}}\n"
	    "- {model_name: b, litellm_params: {model: openai/gpt-4o, api_key: k}, model_info: {max_tokens: 5, mode: completion}}\n"
	    "- {model_name: c, litellm_params: {model: openai/gpt-4o, api_key: k}, model_info: {max_tokens: 5, max_output_tokens: 6, max_input_tokens: '7'}}\n"
	    "- {model_name: d, litellm_params: {model: openai/mine, api_key: k}, model_info: {base_model: gpt-4o}}\n"
	    "- {model_name: e, litellm_params: {model: openai/mine, api_key: k}}\n"
	    "- {model_name: f, litellm_params: {model: openai/text-embedding-3-small, api_key: k}}\n");
	int64_t want[][2] = { { 16384, 128000 }, { 5, 128000 }, { 6, 7 }, { 16384, 128000 }, { 0, 0 } };

	assert_quiet(c);
	for (size_t i = 0; i < nitems(want); i++) {
		assert_int_equal(c->deployments[i]->max_output_tokens, want[i][0]);
		assert_int_equal(c->deployments[i]->max_input_tokens, want[i][1]);
	}
	assert_text(c->deployments[1]->mode, "completion");
	assert_text(c->deployments[5]->mode, "embedding");
	assert_text(c->deployments[2]->model_info, "{\"max_tokens\":5,\"max_output_tokens\":6,\"max_input_tokens\":\"7\"}");
	config_release(c);
}

static void
anthropics_keys_have_two_forms(void **state)
{
	struct config *c;

	setenv("ANTHROPIC_AUTH_TOKEN", "token", 1);
	c = load_params("      model: claude-x\n");
	assert_text(only(c)->key, "token");
	assert_true(only(c)->key_is_bearer);
	config_release(c);
	setenv("ANTHROPIC_API_KEY", "key", 1);
	c = load_params("      model: claude-x\n");
	assert_text(only(c)->key, "key");
	assert_false(only(c)->key_is_bearer);
	config_release(c);
	c = load_params("      model: claude-x\n      api_key: ' sk-ant-oat01-x '\n");
	assert_text(only(c)->key, "sk-ant-oat01-x");
	assert_true(only(c)->key_is_bearer);
	config_release(c);
	setenv("LITELLM_ANTHROPIC_DISABLE_URL_SUFFIX", "true", 1);
	c = load_params("      model: claude-x\n      api_base: http://h/all\n");
	assert_text(only(c)->url, "http://h/all");
	config_release(c);
}

static void
a_missing_key_is_said(void **state)
{
	struct config *c = load_params("      model: openai/m\n");

	assert_says(c, PROBLEM_WARNING, 4, "OPENAI_API_KEY is not set");
	config_release(c);
	c = load_params("      model: hosted_vllm/m\n      api_base: http://h/v1\n");
	assert_quiet(c);
	config_release(c);
}

static void
openai_elsewhere_is_not_taken_for_openai(void **state)
{
	struct config *c = load_params("      model: openai/m\n      api_base: http://h/v1\n");

	assert_string_equal(only(c)->vendor->prefix, "openai");
	assert_int_equal(only(c)->vendor->quirks & (QUIRK_DEVELOPER_OK | QUIRK_MAX_TOKENS_NEW), 0);
	config_release(c);
	c = load_params("      model: openai/m\n      api_key: k\n");
	assert_int_not_equal(only(c)->vendor->quirks & QUIRK_DEVELOPER_OK, 0);
	config_release(c);
}

static void
mocks_need_no_vendor_and_no_key(void **state)
{
	struct config *c = load_params("      model: fake\n      mock_response: Hello, world\n");

	assert_quiet(c);
	assert_true(only(c)->mock);
	assert_text(only(c)->mock_response, "Hello, world");
	config_release(c);
}

static void
deployments_for_other_places_are_left_out(void **state)
{
	const char *yaml = "model_list:\n"
	    "- {model_name: a, litellm_params: {model: openai/q, api_key: k}, model_info: {supported_environments: [production]}}\n"
	    "- {model_name: b, litellm_params: {model: openai/q, api_key: k}, model_info: {supported_environments: [staging]}}\n"
	    "- {model_name: c, litellm_params: {model: openai/q, api_key: k}, model_info: {blocked: true}}\n";
	struct config *c;

	setenv("LITELLM_ENVIRONMENT", "staging", 1);
	c = load_text(yaml);
	assert_quiet(c);
	assert_text(only(c)->group, "b");
	config_release(c);
}

/* 9:00 in New York is 13:00 UTC in summer, 14:00 in winter; a window that ends before it begins goes over midnight; whoever is in one of two that are open is in. */
static void
hours_of_teams(void **state)
{
	static const struct { int64_t at_s; const char *team; bool kept; } moments[] = {
		{ 1783342799, "", false }, { 1783342800, "", true }, { 1783342800, "a", false }, { 1783342800, "b", true },		/* 2026-07-06 13:00:00 UTC */
		{ 1783371600, "", false }, { 1783371599, "", true },								/* 21:00 UTC: 17:00 there */
		{ 1767707999, "", false }, { 1767708000, "", true },		/* 2026-01-06 14:00 UTC */
		{ 1767740400, "", true }, { 1767740400, "b", false }, { 1767762000, "", true }, { 1767762000, "a", true }, { 1767765600, "", false },
	};
	struct config *c = load_text("model_list:\n- model_name: m\n  litellm_params: {model: openai/m, api_key: k}\n  model_info:\n    access_windows:\n"
	    "    - {start: \"09:00\", end: \"17:00:00\", timezone: America/New_York, team_ids: [a]}\n    - {start: 23:00, end: 06:00, timezone: UTC, team_ids: [b]}\n");
	static const char *const bad[] = { "{start: 9, end: 10:00, timezone: UTC, team_ids: [a]}", "{start: 09:00, end: 09:00, timezone: UTC, team_ids: [a]}",
		"{start: 09:00, end: 10:00, timezone: Here, team_ids: [a]}", "{start: 09:00, end: 10:00, timezone: UTC}",
		"{start: 09:00, end: 10:60, timezone: UTC, team_ids: [a]}", "{start: 09:00, end: 10:00, timezone: UTC, team_ids: [\"\"]}",
		"{start: 09:00, end: 10:00, timezone: UTC, team_ids: [a], days: [1]}" };

	(void)state;
	assert_quiet(c);
	for (size_t i = 0; i < nitems(moments); i++)
		if ((deployment_window(only(c), text_of(moments[i].team), moments[i].at_s * 1000) != NULL) != moments[i].kept)
			fail_msg("%lld '%s'", (long long)moments[i].at_s, moments[i].team);
	config_release(c);
	for (size_t i = 0; i < nitems(bad); i++) {
		char yaml[512];

		snprintf(yaml, sizeof(yaml), "model_list:\n- model_name: m\n  litellm_params: {model: openai/m, api_key: k}\n  model_info: {access_windows: [%s]}\n", bad[i]);
		c = load_text(yaml);
		if (c->n_errors != 1)
			fail_msg("%s: %u errors", bad[i], c->n_errors);
		config_release(c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(further_surfaces_stand_behind_the_root),
		cmocka_unit_test_setup(a_base_becomes_the_url_of_a_call, clean_env),
		cmocka_unit_test_setup(a_bad_base_is_refused_without_being_shown, clean_env),
		cmocka_unit_test_setup(a_key_of_the_environment_goes_home_only, clean_env),
		cmocka_unit_test_setup(a_credential_with_a_base_is_a_base_of_ones_own, clean_env),
		cmocka_unit_test_setup(credentials_fill_what_a_deployment_leaves_out, clean_env),
		cmocka_unit_test_setup(vendors_are_told_by_prefix_provider_server_or_name, clean_env),
		cmocka_unit_test_setup(what_can_not_be_served_is_left_out, clean_env),
		cmocka_unit_test_setup(if_nothing_is_left_it_is_an_error, clean_env),
		cmocka_unit_test_setup(entries_of_a_wrong_shape, clean_env),
		cmocka_unit_test_setup(limits_are_read_however_they_are_spelled, clean_env),
		cmocka_unit_test_setup(a_prefix_or_the_mode_says_which_surface, clean_env),
		cmocka_unit_test_setup(a_mark_is_a_digest_of_the_id, clean_env),
		cmocka_unit_test_setup(what_is_not_given_is_not_given, clean_env),
		cmocka_unit_test_setup(further_parameters_are_sent_upstream, clean_env),
		cmocka_unit_test_setup(a_slip_in_a_parameter_is_noticed, clean_env),
		cmocka_unit_test_setup(what_is_in_force_needs_no_word, clean_env),
		cmocka_unit_test_setup(ids_are_litellms_and_never_shared, clean_env),
		cmocka_unit_test_setup(ids_stay_when_the_file_is_read_again, clean_env),
		cmocka_unit_test_setup(limits_of_tokens_come_from_the_file_then_from_the_facts, clean_env),
		cmocka_unit_test_setup(anthropics_keys_have_two_forms, clean_env),
		cmocka_unit_test_setup(a_missing_key_is_said, clean_env),
		cmocka_unit_test_setup(openai_elsewhere_is_not_taken_for_openai, clean_env),
		cmocka_unit_test_setup(mocks_need_no_vendor_and_no_key, clean_env),
		cmocka_unit_test_setup(deployments_for_other_places_are_left_out, clean_env),
		cmocka_unit_test_setup(hours_of_teams, clean_env),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
