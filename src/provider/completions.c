/* SPDX-License-Identifier: Apache-2.0 */
/* The legacy completions of the OpenAI family: chat's ways, but that a choice carries `text` and the request fewer parameters. */
#include "provider/openai_priv.h"

static struct text
url(struct arena *arena, const struct deployment *d, struct text model, enum want want, const struct client_says *says)
{
	(void)says;
	return (want == WANT_ANSWER ? openai_url(arena, d, model, "/completions") : TEXT(""));
}

static bool
fits(struct text name)
{
	return (param_fits(name, WIRE_COMPLETIONS));
}

static struct error *
relay_request(struct edits *edits, struct arena *arena, const struct glance *g, const struct deployment *d, struct text model, bool drop_params)
{
	struct splice s = splice_new(arena, g);

	(void)drop_params;
	openai_put_model(&s, model);
	openai_ask_for_usage(&s, d);
	openai_limit_tokens(&s, d);
	splice_defaults(&s, d, fits);
	splice_drop(&s, d);
	splice_finish(edits, &s);
	return (NULL);
}

const struct provider provider_completions = {
	.name = "completions",
	.url = url,
	.headers = openai_headers,
	.relay_request = relay_request,
	.relay_answer = openai_relay_answer,
	.relay_event = openai_relay_event,
	.reader = openai_reader,		/* a whole answer where a stream was asked for, or the reverse */
	.read_answer = openai_read_answer,
	.read_event = openai_read_event,
	.read_end = openai_read_end,
	.read_error = openai_read_error,
};
