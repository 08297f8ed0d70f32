/* SPDX-License-Identifier: Apache-2.0 */
/* mock_response: a deployment that answers from the configuration, in any dialect, streaming too; embeddings where it is a list of numbers. */
#include "exchange/exchange.h"

#define PIECE	16				/* bytes of a streamed delta, about */

/* What an exception's name stands for (LiteLLM's class names). */
static const struct {
	const char	*name;
	enum error_kind	 kind;
	const char	*message;
} exceptions[] = {
	{ "RateLimitError",		E_RATE_LIMIT,		"litellm.RateLimitError: this is a mock rate limit error" },
	{ "InternalServerError",	E_UPSTREAM_FAILED,	"litellm.InternalServerError: this is a mock internal server error" },
	{ "ContextWindowExceededError",	E_CONTEXT_LENGTH,	"litellm.ContextWindowExceededError: this is a mock context window error" },
	{ "ContentPolicyViolationError", E_CONTENT_POLICY,	"litellm.ContentPolicyViolationError: this is a mock content policy error" },
	{ "Timeout",			E_TIMEOUT,		"litellm.Timeout: this is a mock timeout error" },
	{ "ServiceUnavailableError",	E_OVERLOADED,		"litellm.ServiceUnavailableError: this is a mock overload" },
};

static struct error *
exception(struct exchange *x)
{
	struct text t = text_trim(x->deployment->mock_response);

	if (text_starts(t, TEXT("Exception:")))
		return (error_new(x->arena, E_UPSTREAM_FAILED, TEXT_FMT, TEXT_ARG(text_trim(text_sub(t, 10, t.len)))));
	if (text_starts(t, TEXT("litellm.")))
		t = text_sub(t, 8, t.len);
	for (size_t i = 0; i < nitems(exceptions); i++)
		if (text_is(t, exceptions[i].name))
			return (error_new(x->arena, exceptions[i].kind, "%s", exceptions[i].message));
	return (NULL);
}

static void
tell(struct exchange *x, struct event ev)
{
	x->front->write(x->writer, &ev);
	if (x->glance.stream)
		scribe_hear(x, &ev);
}

/* The end of the next piece: never within a UTF-8 character. */
static size_t
piece(struct quoted q, size_t at)
{
	size_t to = at + PIECE < q.len ? at + PIECE : q.len;

	while (to < q.len && ((unsigned char)q.at[to] & 0xc0) == 0x80)
		to++;
	return (to);
}

/* Words with escapes in them are told in one piece. */
static void
words(struct exchange *x)
{
	struct quoted q = json_escape(x->arena, x->deployment->mock_response);

	if (!x->glance.stream || memchr(q.at, '\\', q.len) != NULL) {
		tell(x, (struct event){ .kind = EVENT_TEXT, .text = q });
		return;
	}
	for (size_t at = 0; at < q.len; ) {
		size_t to = piece(q, at);

		tell(x, (struct event){ .kind = EVENT_TEXT, .text = { q.at + at, to - at } });
		at = to;
	}
}

static struct usage
mock_usage(const struct exchange *x)
{
	int64_t out = (int64_t)(x->deployment->mock_response.len + 3) / 4;

	return ((struct usage){ .prompt = (int64_t)(x->glance.body.len + 3) / 4, .cached = 0, .written = 0, .completion = out, .reasoning = 0 });
}

/* embeddings: the list of numbers that the configuration gives, for each input */

static bool
is_vector(struct text raw)
{
	struct json_fault fault;
	struct json_walk walk;
	struct json_item item;
	enum json_type type;
	size_t n = 0;

	if (!json_scan(raw, &type, NULL, 0, &n, &fault) || type != JSON_ARRAY)
		return (false);
	walk = json_walk(raw);
	for (n = 0; json_next(&walk, &item); n++)
		if (item.type != JSON_NUMBER)
			return (false);
	return (n > 0);
}

static size_t
inputs(const struct exchange *x)
{
	struct json_walk walk;
	struct json_item input, item;
	size_t n = 0;

	if (!json_find(x->glance.body, "input", &input) || input.type != JSON_ARRAY)
		return (1);
	walk = json_walk(input.raw);
	for (; json_next(&walk, &item); n++)
		if (item.type == JSON_NUMBER)	/* tokens of one input */
			return (1);
	return (n);
}

/* What an upstream would answer, relayed as its answer is. */
static struct error *
embed(struct exchange *x)
{
	struct text vector = text_trim(x->deployment->mock_response);
	long long tokens = (long long)mock_usage(x).prompt;
	struct buf *out = &x->worker->frames;
	struct edits edits = { 0 };

	if (!is_vector(vector))
		return (error_new(x->arena, E_BAD_REQUEST, "The mock_response of model '" TEXT_FMT "' is no list of numbers, so it mocks no embeddings.",
		    TEXT_ARG(text_sub(x->model, 0, 200))));
	out->len = 0;
	buf_lit(out, "{\"object\":\"list\",\"data\":[");
	for (size_t i = 0, n = inputs(x); i < n; i++)
		buf_print(out, "%s{\"object\":\"embedding\",\"index\":%zu,\"embedding\":" TEXT_FMT "}", i > 0 ? "," : "", i, TEXT_ARG(vector));
	buf_print(out, "],\"model\":\"" TEXT_FMT "\",\"usage\":{\"prompt_tokens\":%lld,\"total_tokens\":%lld}}", TEXT_ARG(x->relay.model), tokens, tokens);
	if (provider_embeddings.relay_answer(&x->relay, buf_as_text(out), &edits) == PASS_ERROR)
		return (x->seen->error);
	answer_edited(x, buf_as_text(out), &edits);
	return (NULL);
}

struct error *
mock_answer(struct exchange *x)
{
	struct buf *out = &x->worker->frames;
	struct error *e = exception(x);

	if (e != NULL)
		return (e);
	if (x->front->wire == WIRE_EMBEDDINGS)
		return (embed(x));
	out->len = 0;
	x->writer = x->glance.stream ? x->front->stream(x->arena, &x->told, out) : x->front->whole(x->arena, &x->told, out);
	x->seen->usage = mock_usage(x);
	x->seen->usage_said = true;
	x->seen->content = x->seen->finished = true;
	x->seen->finish = FINISH_STOP;
	tell(x, (struct event){ .kind = EVENT_START });
	words(x);
	tell(x, (struct event){ .kind = EVENT_FINISH, .finish = FINISH_STOP });
	tell(x, (struct event){ .kind = EVENT_USAGE, .usage = x->seen->usage });
	tell(x, (struct event){ .kind = EVENT_END });
	if (!x->glance.stream) {
		answer_whole(x, 200, "application/json", buf_as_text(out));
		return (NULL);
	}
	answer_commit(x);
	buf_text(reply_buf(x->stream, out->len), buf_as_text(out));
	x->answered = true;
	return (NULL);
}
