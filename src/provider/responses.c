/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAI's Responses and the servers that speak them too, relayed: where calls go and the edits of a request. */
#include "provider/responses_priv.h"

/* Where calls go. */

/* The client's query behind a URL that may have one; api-version is the deployment's to say. */
static struct text
with_query(struct arena *arena, struct text url, struct text query)
{
	struct text part;

	while (query.len > 0) {
		text_cut(query, '&', &part, &query);
		if (part.len > 0 && !text_starts(part, TEXT("api-version=")))
			url = arena_print(arena, TEXT_FMT "%c" TEXT_FMT, TEXT_ARG(url), memchr(url.at, '?', url.len) != NULL ? '&' : '?',
			    TEXT_ARG(part));
	}
	return (url);
}

static struct text
url(struct arena *arena, const struct deployment *d, struct text model, enum want want, const struct client_says *says)
{
	struct text path;

	switch (want) {
	case WANT_COUNT:
		return (openai_url(arena, d, model, "/responses/input_tokens"));
	case WANT_COMPACT:
		return (openai_url(arena, d, model, "/responses/compact"));
	case WANT_STORED:
		path = arena_print(arena, "/responses/" TEXT_FMT "%s", TEXT_ARG(arena_percent_encode(arena, says->stored)), says->part);
		return (with_query(arena, openai_url(arena, d, model, path.at), says->query));
	case WANT_ANSWER:
		break;
	}
	return (openai_url(arena, d, model, "/responses"));
}

/* Requests. */

/* Parameters of chat completions that Responses do not have, or not in that shape; and what only a client can say. */
static const char *const no_default[] = {
	"audio", "background", "conversation", "frequency_penalty", "function_call", "functions", "input", "logit_bias", "logprobs",
	"max_completion_tokens", "max_output_tokens", "max_tokens", "messages", "modalities", "model", "n", "prediction", "presence_penalty",
	"previous_response_id", "reasoning", "reasoning_effort", "response_format", "seed", "stop", "stream", "stream_options", "thinking",
	"tool_choice", "tools", "verbosity", "web_search_options",
};

static bool
is_default(struct text name)
{
	for (size_t i = 0; i < nitems(no_default); i++)
		if (text_is(name, no_default[i]))
			return (false);
	return (true);
}

/* The first of these parameters that the configuration has; empty: none. */
static struct text
default_of(const struct deployment *d, const char *const names[], size_t n)
{
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < d->n_defaults; i++)
			if (text_is(d->defaults[i].name, names[k]))
				return (d->defaults[i].raw);
	return (TEXT(""));
}

/* The limit by the name it has here, whatever the configuration calls it; never more than the model can. */
static void
limit_tokens(struct splice *s, const struct deployment *d)
{
	static const char *const names[] = { "max_output_tokens", "max_completion_tokens", "max_tokens" };
	struct text otherwise = default_of(d, names, nitems(names));
	int64_t most = glance_most_tokens(s->glance, d->max_output_tokens);

	if (s->glance->max_tokens < 0 && otherwise.len > 0)
		splice_set(s, names[0], otherwise);
	else if (s->glance->max_tokens < 0 && s->glance->afford > 0)
		splice_set(s, names[0], arena_print(s->arena, "%lld", (long long)s->glance->afford));
	if (s->glance->max_tokens > most)
		splice_set(s, names[0], arena_print(s->arena, "%lld", (long long)most));
}

static void
add_effort(struct splice *s, const struct deployment *d)
{
	static const char *const whole[] = { "reasoning" }, *const effort[] = { "reasoning_effort" };
	struct text raw = default_of(d, whole, 1);

	if (raw.len == 0 && (raw = default_of(d, effort, 1)).len > 0)
		raw = arena_print(s->arena, "{\"effort\":" TEXT_FMT "}", TEXT_ARG(raw));
	if (raw.len > 0 && !splice_has(s, TEXT("reasoning")))
		splice_set(s, "reasoning", raw);
}

static void
add_defaults(struct splice *s, const struct deployment *d)
{
	limit_tokens(s, d);
	splice_defaults(s, d, is_default);
	add_effort(s, d);
	if (openai_quirk(d, QUIRK_NO_STORE))
		splice_set(s, "store", TEXT("false"));
}

static struct error *
relay_request(struct edits *edits, struct arena *arena, const struct glance *g, const struct deployment *d, struct text model, bool drop_params)
{
	struct splice s = splice_new(arena, g);

	(void)drop_params;			/* the vendor's own dialect: what it refuses it says itself */
	openai_put_model(&s, model);
	if (g->goes_on_from.len > 0)
		splice_set(&s, "previous_response_id", openai_in_quotes(arena, g->goes_on_from));
	if (!g->counting && !g->compacting)
		add_defaults(&s, d);
	splice_drop(&s, d);
	splice_finish(edits, &s);
	marks_off(edits, arena, g, d->mark);
	return (NULL);
}

const struct provider provider_responses = {
	.name = "responses",
	.url = url,
	.headers = openai_headers,
	.relay_request = relay_request,
	.relay_answer = responses_relay_answer,
	.relay_event = responses_relay_event,
	.write_request = responses_write_request,
	.reader = responses_reader,
	.read_answer = responses_read_answer,
	.read_event = responses_read_event,
	.read_end = responses_read_end,
	.read_error = openai_read_error,
};
