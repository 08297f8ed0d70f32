/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a vendor's error means: the sentence in a body of unknown make, whose fault it is, and what of it a client may hear.
 *
 * Clients of LiteLLM look for its class names in messages ("litellm.RateLimitError: RateLimitError: OpenAIException - …"), so vendor errors
 * carry them.
 */
#include "provider/provider.h"

#include <stdio.h>

#define SENTENCE_LIMIT	2000		/* bytes of a JSON body's own message */
#define RAW_LIMIT	500		/* bytes of what is not JSON, or has no message */
#define INNER_LIMIT	4096		/* bytes of an innererror */

struct complaint {			/* what a body says, unescaped */
	struct text	 message, type, code, param;
	struct text	 inner;		/* JSON: what Azure's filter found, by kind of harm */
};

/* The body. */

static struct text
string_of(struct arena *arena, const struct json *v)
{
	if (json_is(v, JSON_STRING))
		return (json_unescape(arena, json_quoted(v)));
	if (json_is(v, JSON_NUMBER))		/* OpenRouter and vLLM send numeric codes, typed clients want strings */
		return (v->raw);
	return (TEXT(""));
}

static struct text
first_of(struct arena *arena, const struct json *object, const char *const names[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct text t = string_of(arena, json_get(object, names[i]));

		if (t.len > 0)
			return (t);
	}
	return (TEXT(""));
}

/* FastAPI: a sentence, or [{"loc":["body","messages"],"msg":"field required"}]. */
static struct text
detail_of(struct arena *arena, const struct json *detail)
{
	const struct json *loc, *part;
	struct buf b = { 0 };
	struct text out;

	if (!json_is(detail, JSON_ARRAY))
		return (string_of(arena, detail));
	for (const struct json *d = detail->first; d != NULL; d = d->next) {
		if (b.len > 0)
			buf_lit(&b, "; ");
		loc = json_get(d, "loc");
		for (part = json_is(loc, JSON_ARRAY) ? loc->first : NULL; part != NULL; part = part->next) {
			buf_text(&b, string_of(arena, part));
			buf_text(&b, part->next != NULL ? TEXT(".") : TEXT(": "));
		}
		buf_text(&b, string_of(arena, json_get(d, "msg")));
	}
	out = arena_copy(arena, buf_as_text(&b));
	buf_free(&b);
	return (out);
}

static void
read_object(struct complaint *c, struct arena *arena, const struct json *o)
{
	static const char *const codes[] = { "code", "status" };
	static const char *const types[] = { "type", "error_type", "status" };
	static const char *const words[] = { "message", "msg", "status_msg" };
	const struct json *error = json_get(o, "error"), *errors = json_get(o, "errors");

	if (json_is(error, JSON_OBJECT)) {
		read_object(c, arena, error);
		return;
	}
	c->code = first_of(arena, o, codes, nitems(codes));
	c->type = first_of(arena, o, types, nitems(types));
	c->param = string_of(arena, json_get(o, "param"));
	if (json_is(json_get(o, "innererror"), JSON_OBJECT))
		c->inner = json_get(o, "innererror")->raw;
	c->message = string_of(arena, error);
	if (c->message.len == 0)
		c->message = first_of(arena, o, words, nitems(words));
	if (c->message.len == 0)
		c->message = detail_of(arena, json_get(o, "detail"));
	if (c->message.len == 0 && json_is(errors, JSON_ARRAY) && errors->first != NULL)
		c->message = string_of(arena, json_get(errors->first, "message"));
	if (c->message.len == 0 && json_is(json_get(o, "base_resp"), JSON_OBJECT))
		c->message = string_of(arena, json_get(json_get(o, "base_resp"), "status_msg"));
}

/* At most so many bytes, without half a character at the cut. */
static struct text
upto(struct text t, size_t limit)
{
	if (t.len <= limit)
		return (t);
	while (limit > 0 && ((unsigned char)t.at[limit] & 0xc0) == 0x80)
		limit--;
	return (text_sub(t, 0, limit));
}

/* HTML or text: tags and what scripts and styles hold are left out. */
static struct text
plain_words(struct arena *arena, struct text body)
{
	static const char *const silent[] = { "script", "style" };
	struct buf b = { 0 };
	struct text out;
	size_t i = 0;

	while (i < body.len && b.len <= RAW_LIMIT) {
		const char *close = body.at[i] == '<' ? memchr(body.at + i, '>', body.len - i) : NULL;

		if (close == NULL) {
			buf_byte(&b, body.at[i++]);
			continue;
		}
		for (size_t s = 0; s < nitems(silent); s++) {
			struct text tag = text_sub(body, i + 1, i + 1 + strlen(silent[s]));
			struct text end = TEXT("</");

			if (!text_eq_nocase(tag, text_of(silent[s])))
				continue;
			for (i++; i < body.len && !text_eq(text_sub(body, i, i + 2), end);)
				i++;
			close = i < body.len ? memchr(body.at + i, '>', body.len - i) : NULL;
			break;
		}
		buf_byte(&b, ' ');
		i = close != NULL ? (size_t)(close - body.at) + 1 : body.len;
	}
	out = arena_copy(arena, upto(buf_as_text(&b), RAW_LIMIT));
	buf_free(&b);
	return (out);
}

static struct complaint
read_body(struct arena *arena, struct text body)
{
	struct complaint c = { 0 };
	struct json_fault fault;
	struct json *v = json_parse(arena, body, &fault);

	if (json_is(v, JSON_ARRAY) && v->first != NULL)		/* Gemini's OpenAI surface wraps its error in a list */
		v = v->first;
	if (json_is(v, JSON_OBJECT))
		read_object(&c, arena, v);
	else
		c.message = json_is(v, JSON_STRING) ? string_of(arena, v) : plain_words(arena, body);
	return (c);
}

/* Cleaning: no control characters, no runs of blanks, nothing that looks like a credential, a bounded length. */

static bool
is_token_byte(char c)
{
	return ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || strchr("-_.*~+/=", c) != NULL);
}

/* The length of a credential that starts here, and of the harmless word before it; 0: none. */
static size_t
credential_at(struct text t, size_t at, size_t *word)
{
	static const char *const bare[] = { "sk-", "sk_", "gsk_", "xai-", "hf_", "AIza", "AKIA", "ASIA", "eyJ", "nvapi-", "pplx-", "r8_" };
	static const char *const named[] = { "Bearer ", "Basic ", "api_key=", "api-key: ", "key=", "x-api-key: " };
	struct text rest = text_sub(t, at, t.len);
	size_t n = 0;

	*word = 0;
	if (at > 0 && is_token_byte(t.at[at - 1]) && t.at[at - 1] != '=')
		return (0);
	for (size_t i = 0; i < nitems(named); i++)
		if (text_eq_nocase(text_sub(rest, 0, strlen(named[i])), text_of(named[i])))
			*word = strlen(named[i]);
	while (*word + n < rest.len && rest.at[*word + n] != '\0' && is_token_byte(rest.at[*word + n]))
		n++;
	if (*word > 0)
		return (n >= 8 ? n : 0);
	for (size_t i = 0; i < nitems(bare); i++)
		if (n >= 12 && text_starts(rest, text_of(bare[i])))
			return (n);
	return (0);
}

static struct text
cleaned(struct arena *arena, struct text t, size_t limit)
{
	struct buf b = { 0 };
	struct text out;
	size_t word, secret;

	t = upto(text_trim(t), limit * 2);
	for (size_t i = 0; i < t.len && b.len <= limit;) {
		unsigned char c = (unsigned char)t.at[i];

		if ((secret = credential_at(t, i, &word)) > 0) {
			buf_add(&b, t.at + i, word);
			buf_lit(&b, "[redacted]");
			i += word + secret;
			continue;
		}
		if (c > ' ' && c != 0x7f)
			buf_byte(&b, (char)c);
		else if (b.len > 0 && b.at[b.len - 1] != ' ')
			buf_byte(&b, ' ');
		i++;
	}
	out = arena_copy(arena, text_trim(upto(buf_as_text(&b), limit)));
	buf_free(&b);
	return (out);
}

/* The kind. */

struct phrase {
	const char	*words;		/* lower case; '*' stands for any bytes between two parts */
	enum error_kind	 kind;
};

static const struct phrase phrases[] = {
	{ "exceeded your current quota", E_QUOTA },
	{ "insufficient_quota", E_QUOTA },
	{ "rate limit", E_RATE_LIMIT },
	{ "rate_limit", E_RATE_LIMIT },
	{ "rate-limit", E_RATE_LIMIT },
	{ "ratelimit", E_RATE_LIMIT },
	{ "service tier capacity exceeded", E_RATE_LIMIT },
	{ "tier capacity exceeded", E_RATE_LIMIT },
	{ "context_length_exceeded", E_CONTEXT_LENGTH },
	{ "exceed_context_size", E_CONTEXT_LENGTH },
	{ "model_context_window_exceeded", E_CONTEXT_LENGTH },
	{ "maximum context length", E_CONTEXT_LENGTH },
	{ "longer than the model's context length", E_CONTEXT_LENGTH },
	{ "exceed context limit", E_CONTEXT_LENGTH },
	{ "exceeds the context", E_CONTEXT_LENGTH },
	{ "exceeds the available context size", E_CONTEXT_LENGTH },
	{ "input tokens exceed the configured limit", E_CONTEXT_LENGTH },
	{ "`inputs` tokens + `max_new_tokens` must be", E_CONTEXT_LENGTH },
	{ "inputs tokens + max_new_tokens must be", E_CONTEXT_LENGTH },
	{ "exceeds the maximum number of tokens allowed", E_CONTEXT_LENGTH },
	{ "current length is*while limit is", E_CONTEXT_LENGTH },
	{ "maximum input length is*tokens", E_CONTEXT_LENGTH },
	{ "prompt is too long", E_CONTEXT_LENGTH },
	{ "model_not_found", E_UPSTREAM_NOT_FOUND },
	{ "content_policy_violation", E_CONTENT_POLICY },
	{ "content_filter", E_CONTENT_POLICY },
	{ "content management policy", E_CONTENT_POLICY },
	{ "responsibleaipolicyviolation", E_CONTENT_POLICY },
	{ "your request was rejected as a result of our safety system", E_CONTENT_POLICY },
	{ "violating our usage policy", E_CONTENT_POLICY },
	{ "flagged as potentially violating", E_CONTENT_POLICY },
	{ "request too large", E_RATE_LIMIT },		/* OpenAI's tokens-a-minute limit */
};

struct status_row {
	int		 status;
	enum error_kind	 kind;
};

static const struct status_row statuses[] = {
	{ 400, E_BAD_REQUEST }, { 401, E_UPSTREAM_CREDENTIAL }, { 402, E_BILLING }, { 403, E_UPSTREAM_CREDENTIAL },
	{ 404, E_UPSTREAM_NOT_FOUND }, { 405, E_UPSTREAM_FAILED }, { 407, E_UPSTREAM_FAILED }, { 408, E_TIMEOUT },
	{ 409, E_CONFLICT }, { 413, E_TOO_LARGE }, { 422, E_UNPROCESSABLE },
	{ 424, E_UPSTREAM_FAILED },		/* a generation that failed inside TGI or Bedrock */
	{ 425, E_OVERLOADED }, { 429, E_RATE_LIMIT },
	{ 498, E_OVERLOADED },			/* Groq: no capacity in that tier */
	{ 499, E_UPSTREAM_FAILED },		/* Cohere: a call it cancelled itself */
	{ 500, E_UPSTREAM_FAILED }, { 502, E_UPSTREAM_FAILED }, { 503, E_OVERLOADED }, { 504, E_UPSTREAM_TIMEOUT }, { 529, E_OVERLOADED },
};

struct type_row {
	const char	*type;
	enum error_kind	 kind;
};

/* What an error inside a 200 calls itself, as type or code. */
static const struct type_row types[] = {
	{ "overloaded_error", E_OVERLOADED }, { "overloaded", E_OVERLOADED }, { "unavailable_error", E_OVERLOADED },
	{ "rate_limit_error", E_RATE_LIMIT }, { "rate_limit_exceeded", E_RATE_LIMIT }, { "throttling_error", E_RATE_LIMIT },
	{ "insufficient_quota", E_QUOTA }, { "billing_error", E_BILLING },
	{ "invalid_request_error", E_BAD_REQUEST }, { "BadRequestError", E_BAD_REQUEST }, { "validation", E_BAD_REQUEST },
	{ "authentication_error", E_UPSTREAM_CREDENTIAL }, { "permission_error", E_UPSTREAM_CREDENTIAL },
	{ "not_found_error", E_UPSTREAM_NOT_FOUND }, { "request_too_large", E_TOO_LARGE },
	{ "timeout_error", E_UPSTREAM_TIMEOUT }, { "timeout", E_UPSTREAM_TIMEOUT },
};

static bool
says(struct text t, const char *words)
{
	struct text head, tail;

	if (!text_cut(text_of(words), '*', &head, &tail))
		return (text_has(t, head));
	return (text_has(t, head) && text_has(t, tail));
}

static bool
phrase_counts(const struct phrase *p, const struct complaint *c, int status)
{
	if (p->kind == E_RATE_LIMIT || p->kind == E_QUOTA)
		return (status != 401 && status != 413);
	if (p->kind == E_UPSTREAM_NOT_FOUND)
		return (true);
	if (status == 401 || status == 402 || status == 403 || status == 404 || status == 429)
		return (false);
	return (p->kind != E_CONTEXT_LENGTH || !says(c->code, "string_above_max_length"));
}

static enum error_kind
kind_by_status(int status)
{
	for (size_t i = 0; i < nitems(statuses); i++)
		if (statuses[i].status == status)
			return (statuses[i].kind);
	return (status >= 400 && status < 500 ? E_BAD_REQUEST : E_UPSTREAM_FAILED);
}

static enum error_kind
kind_of(const struct complaint *c, int *status)
{
	int64_t code;

	if (*status < 400 && text_to_i64(c->code, &code) && code >= 400 && code < 600)
		*status = (int)code;
	for (size_t i = 0; i < nitems(phrases); i++) {
		const struct phrase *p = &phrases[i];

		if (phrase_counts(p, c, *status) &&
		    (says(c->message, p->words) || says(c->code, p->words) || says(c->type, p->words)))
			return (p->kind);
	}
	if (*status >= 400)
		return (kind_by_status(*status));
	for (size_t i = 0; i < nitems(types); i++)
		if (text_is(c->type, types[i].type) || text_is(c->code, types[i].type))
			return (types[i].kind);
	return (E_UPSTREAM_FAILED);
}

/* The sentence. */

static const char *
class_of(enum error_kind kind, int status)
{
	switch (kind) {
	case E_CONTEXT_LENGTH:		return ("litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: ");
	case E_CONTENT_POLICY:		return ("litellm.ContentPolicyViolationError: litellm.BadRequestError: ContentPolicyViolationError: ");
	case E_UPSTREAM_CREDENTIAL:	return ("litellm.AuthenticationError: AuthenticationError: ");
	case E_UPSTREAM_NOT_FOUND:	return ("litellm.NotFoundError: ");
	case E_TIMEOUT:
	case E_UPSTREAM_TIMEOUT:	return ("litellm.Timeout: Timeout Error: ");
	case E_UNPROCESSABLE:		return ("litellm.UnprocessableEntityError: ");
	case E_RATE_LIMIT:
	case E_QUOTA:			return ("litellm.RateLimitError: RateLimitError: ");
	case E_OVERLOADED:		return ("litellm.ServiceUnavailableError: ServiceUnavailableError: ");
	case E_UPSTREAM_FAILED:
		return (status == 500 ? "litellm.InternalServerError: InternalServerError: " : "litellm.BadGatewayError: BadGatewayError: ");
	case E_BILLING:
	case E_CONFLICT:		return ("litellm.APIError: APIError: ");
	default:			return ("litellm.BadRequestError: ");
	}
}

struct error *
provider_read_error(struct arena *arena, const char *vendor, int status, struct text content_type, struct text body, int64_t retry_after_ms)
{
	struct complaint c = read_body(arena, body);
	struct error *e = arena_new_of(arena, struct error);
	struct text words;

	e->kind = kind_of(&c, &status);
	words = cleaned(arena, c.message, SENTENCE_LIMIT);
	if (words.len == 0)
		words = cleaned(arena, plain_words(arena, body), RAW_LIMIT);
	e->detail = arena_print(arena, "status %d: " TEXT_FMT, status, TEXT_ARG(words));
	if (e->kind == E_UPSTREAM_CREDENTIAL)
		words = TEXT("the upstream refused the gateway's own credential");
	else if (words.len == 0)
		words = arena_print(arena, "status %d without a message", status);
	e->message = arena_print(arena, "%s%sException - " TEXT_FMT, class_of(e->kind, status), vendor, TEXT_ARG(words));
	if (e->kind == E_UPSTREAM_FAILED && status == 500)
		e->status = 500;
	if (error_kinds[e->kind].fault == FAULT_CALLER) {
		e->param = cleaned(arena, c.param, 200);
		e->code = error_kinds[e->kind].openai_code == NULL ? cleaned(arena, c.code, 200) : TEXT("");
	}
	if (e->kind == E_CONTENT_POLICY && text_is(c.code, "content_filter")) {	/* Azure's clients look for its word, and for what was found */
		e->code = TEXT("content_filter");
		e->inner = c.inner.len <= INNER_LIMIT ? arena_copy(arena, c.inner) : TEXT("");
	}
	e->retry_after_ms = retry_after_ms;
	e->useless_to_retry = e->kind == E_QUOTA || e->kind == E_UPSTREAM_CREDENTIAL;
	return (e);
}
