/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAI's legacy completions as our clients speak them: the first look at a body; frames and errors are chat's. */
#include "front/completions_priv.h"

#include "front/guard.h"

#define MOST_LOGPROBS	1000

enum member { MODEL, PROMPT, STREAM, STREAM_OPTIONS, N, BEST_OF, ECHO, LOGPROBS, MAX_TOKENS, SUFFIX, SERVICE_TIER, MEMBERS };

static const struct guard rows[MEMBERS] = {
	[MODEL]		 = { "model", AS(JSON_STRING), "a string" },
	[PROMPT]	 = { "prompt", AS(JSON_STRING) | AS(JSON_ARRAY), "a string or a list" },
	[STREAM]	 = { "stream", AS(JSON_BOOL), "true or false" },
	[STREAM_OPTIONS] = { "stream_options", AS(JSON_OBJECT), "an object" },
	[N]		 = { "n", AS(JSON_NUMBER), "an integer" },
	[BEST_OF]	 = { "best_of", AS(JSON_NUMBER), "an integer" },
	[ECHO]		 = { "echo", AS(JSON_BOOL), "true or false" },
	[LOGPROBS]	 = { "logprobs", AS(JSON_NUMBER), "an integer" },
	[MAX_TOKENS]	 = { "max_tokens", AS(JSON_NUMBER), "an integer" },
	[SUFFIX]	 = { "suffix", AS(JSON_STRING), "a string" },
	[SERVICE_TIER]	 = { "service_tier", AS(JSON_STRING), "a string" },
};

static struct error *
look_at_counts(const struct look *l, const struct json_spot *const *found)
{
	int64_t n = 1, best_of = 1, logprobs;

	TRY(chat_count_in(&n, l, found[N], 1, CHAT_N_MAX, "n"));
	TRY(chat_count_in(&best_of, l, found[BEST_OF], 1, CHAT_N_MAX, "best_of"));
	if (found[BEST_OF] != NULL && best_of < n)
		return (chat_bad(l, "best_of", "should be at least n: no more can be chosen than are made"));
	TRY(chat_count_in(&logprobs, l, found[LOGPROBS], 0, MOST_LOGPROBS, "logprobs"));
	l->glance->max_tokens = -1;
	return (chat_count_in(&l->glance->max_tokens, l, found[MAX_TOKENS], 0, CHAT_TOKENS_MAX, "max_tokens"));
}

static struct error *
glance(struct glance *g, struct arena *arena, struct text body)
{
	struct look l = { .arena = arena, .glance = g, .path = COMPLETIONS_PATH };
	const struct json_spot *found[MEMBERS];

	TRY(guard_scan(g, found, arena, body, rows, MEMBERS));
	TRY(chat_name_model(&l, found[MODEL]));
	if (found[PROMPT] == NULL)
		return (chat_missing(&l, "prompt"));
	TRY(chat_look_at_inputs(&l, found[PROMPT], "prompt", true));
	g->stream = found[STREAM] != NULL && json_spot_value(body, found[STREAM]).at[0] == 't';
	TRY(chat_stream_options(&l, found[STREAM_OPTIONS]));
	return (look_at_counts(&l, found));
}

static void
frame_end(struct buf *out, const struct told *told, const struct seen *seen)
{
	if (seen->reason_missing)
		completions_put_finish(out, told, seen->vendor_id, seen->finish);
	buf_lit(out, "data: [DONE]\n\n");
}

const struct front front_completions = {
	.name = "completions",
	.dialect = DIALECT_CHAT,
	.wire = WIRE_COMPLETIONS,
	.glance = glance,
	.read_ask = completions_read_ask,
	.whole = completions_whole,
	.stream = completions_stream,
	.write = completions_write,
	.frame = chat_frame,
	.frame_end = frame_end,
	.heartbeat = CHAT_HEARTBEAT,
	.error_body = chat_error_body,
	.error_event = chat_error_event,
};
