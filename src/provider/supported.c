/* SPDX-License-Identifier: Apache-2.0 */
/* Which parameters of OpenAI's API a call to a deployment can carry. */
#include "provider/provider.h"

/* An upstream of the same dialect gets whatever the client says; this is what the dialect has. */
static const char *const chat[] = {
	"stream", "stream_options", "frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "top_logprobs", "max_tokens",
	"max_completion_tokens", "modalities", "audio", "prediction", "n", "seed", "stop", "temperature", "top_p", "tools", "tool_choice",
	"parallel_tool_calls", "functions", "function_call", "response_format", "reasoning_effort", "web_search_options", "service_tier",
	"safety_identifier", "prompt_cache_key", "prompt_cache_retention", "store", "metadata", "user", "verbosity", NULL,
};

static const char *const messages[] = {
	"stream", "stream_options", "max_tokens", "max_completion_tokens", "stop", "temperature", "top_p", "tools", "tool_choice",
	"parallel_tool_calls", "functions", "function_call", "response_format", "reasoning_effort", "web_search_options", "user",
	"thinking", "top_k", "cache_control", "context_management", "mcp_servers", "speed", NULL,
};

static const char *const embeddings[] = { "dimensions", "encoding_format", "user", NULL };

const char *const *
supported_params(const struct deployment *d)
{
	if (d->wire == WIRE_ANTHROPIC)
		return (messages);
	return (text_is(d->mode, "embedding") ? embeddings : chat);
}

bool
is_supported_param(const struct deployment *d, const char *name)
{
	for (const char *const *p = supported_params(d); *p != NULL; p++)
		if (strcmp(*p, name) == 0)
			return (true);
	return (false);
}
