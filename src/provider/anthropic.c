/* SPDX-License-Identifier: Apache-2.0 */
/* Anthropic Messages upstream: where calls go, their headers, and the relay for clients of the same dialect. */
#include "provider/anthropic_priv.h"

#define API_VERSION	"2023-06-01"
#define OAUTH_PREFIX	"sk-ant-oat"		/* tokens of a subscription: they are bearer tokens and need a beta */
#define OAUTH_BETA	"oauth-2025-04-20"
#define MOST_HEADER	8192

/* Where a call goes */

static struct text
with_query(struct arena *arena, struct text url, const char *path, bool beta)
{
	struct text head, query;
	bool has = text_cut(url, '?', &head, &query);

	if (path[0] == '\0' && !beta)
		return (url);
	return (arena_print(arena, TEXT_FMT "%s%s" TEXT_FMT "%s%s", TEXT_ARG(head), path, has || beta ? "?" : "", TEXT_ARG(query),
	    has && query.len > 0 && beta ? "&" : "", beta ? "beta=true" : ""));
}

static struct text
url(struct arena *arena, const struct deployment *d, struct text model, enum want want, const struct client_says *says)
{
	(void)model;				/* the body names it */
	return (with_query(arena, d->url, want == WANT_COUNT ? "/count_tokens" : "", says != NULL && says->beta));
}

/* Headers */

/* A client's header value goes on only if it is one line of bounded length. */
static struct text
clean(struct text value)
{
	if (value.len > MOST_HEADER)
		return (TEXT(""));
	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.at[i] < 0x20 || value.at[i] == 0x7f)
			return (TEXT(""));
	return (text_trim(value));
}

static struct text
header_value(const struct deployment *d, const char *name)
{
	for (size_t i = 0; i < d->n_headers; i++) {
		struct text head, value;

		if (text_cut(d->headers[i], ':', &head, &value) && text_eq_nocase(text_trim(head), text_of(name)))
			return (text_trim(value));
	}
	return (TEXT(""));
}

static struct text
joined(struct arena *arena, struct text a, struct text b)
{
	if (a.len == 0 || b.len == 0)
		return (a.len == 0 ? b : a);
	return (text_has(a, b) ? a : arena_print(arena, TEXT_FMT "," TEXT_FMT, TEXT_ARG(a), TEXT_ARG(b)));
}

struct lines {
	struct text	*list;
	size_t		 n, room;
	struct arena	*arena;
};

static void
line(struct lines *l, const char *name, const char *lead, struct text value)
{
	if (value.len > 0 && l->n < l->room)
		l->list[l->n++] = arena_print(l->arena, "%s: %s" TEXT_FMT, name, lead, TEXT_ARG(value));
}

/* Further headers of the vendor's row: "Name: value" lines. */
static void
vendor_lines(struct lines *l, const struct deployment *d)
{
	struct text rest = text_of(d->vendor != NULL ? d->vendor->headers : NULL), one, key = TEXT("{api_key}");

	while (rest.len > 0 && l->n < l->room) {
		size_t at = 0;

		text_cut(rest, '\n', &one, &rest);
		while (at + key.len <= one.len && memcmp(one.at + at, key.at, key.len) != 0)
			at++;
		if (at + key.len <= one.len)
			one = arena_print(l->arena, TEXT_FMT TEXT_FMT TEXT_FMT, TEXT_ARG(text_sub(one, 0, at)), TEXT_ARG(d->key),
			    TEXT_ARG(text_sub(one, at + key.len, one.len)));
		if (one.len > 0)
			l->list[l->n++] = one;
	}
}

/* One credential: the client's own where it may bring one, else what the configured headers say, else the deployment's key. */
static void
credential(struct lines *l, const struct deployment *d, const struct client_says *says)
{
	bool bearer = text_starts(d->key, TEXT(OAUTH_PREFIX)) || d->key_is_bearer;

	if (says->bearer.len > 0)
		line(l, "Authorization", "Bearer ", clean(says->bearer));
	else if (says->key.len > 0)
		line(l, "x-api-key", "", clean(says->key));
	else if (header_value(d, "x-api-key").len == 0 && header_value(d, "authorization").len == 0)
		line(l, bearer ? "Authorization" : "x-api-key", bearer ? "Bearer " : "", d->key);
}

/* Which of the configured headers are written as they are. */
static bool
is_written(struct text header, const struct client_says *says)
{
	struct text name, value;

	text_cut(header, ':', &name, &value);
	name = text_trim(name);
	if ((says->bearer.len > 0 || says->key.len > 0) && (text_eq_nocase(name, TEXT("authorization")) || text_eq_nocase(name, TEXT("x-api-key"))))
		return (false);
	return (!text_eq_nocase(name, TEXT("anthropic-beta")));
}

static size_t
headers(struct text *list, size_t room, struct arena *arena, const struct deployment *d, const struct client_says *says)
{
	static const struct client_says nothing = { 0 };
	struct lines l = { list, 0, room, arena };
	struct text version, beta;

	if (says == NULL)
		says = &nothing;
	version = clean(says->anthropic_version);
	beta = joined(arena, clean(says->anthropic_beta), header_value(d, "anthropic-beta"));
	if (says->bearer.len > 0 || (says->key.len == 0 && text_starts(d->key, TEXT(OAUTH_PREFIX))))
		beta = joined(arena, beta, TEXT(OAUTH_BETA));
	line(&l, "Content-Type", "", TEXT("application/json"));
	credential(&l, d, says);
	if (header_value(d, "anthropic-version").len == 0)
		line(&l, "anthropic-version", "", version.len > 0 ? version : TEXT(API_VERSION));
	line(&l, "anthropic-beta", "", beta);
	vendor_lines(&l, d);
	for (size_t i = 0; i < d->n_headers && l.n < l.room; i++)
		if (is_written(d->headers[i], says))
			l.list[l.n++] = d->headers[i];
	return (l.n);
}

/* Relay: the request */

/* Parameters of OpenAI that a deployment's configuration may hold and a Messages body must not. */
static bool
known(struct text name)
{
	static const char *const foreign[] = {
		"audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs", "max_completion_tokens", "modalities", "n",
		"parallel_tool_calls", "prediction", "presence_penalty", "prompt_cache_key", "prompt_cache_retention", "reasoning_effort",
		"response_format", "safety_identifier", "seed", "stop", "store", "stream", "stream_options", "top_logprobs", "user", "verbosity",
		"web_search_options",
	};

	for (size_t i = 0; i < nitems(foreign); i++)
		if (text_is(name, foreign[i]))
			return (false);
	return (true);
}

/* count_tokens refuses what only an answer needs. */
static void
cut_for_count(struct splice *s)
{
	static const char *const only_answers[] = {
		"max_tokens", "metadata", "service_tier", "stop_sequences", "stream", "temperature", "top_k", "top_p",
	};
	const struct glance *g = s->glance;

	for (size_t i = 0; i < g->n_top; i++)
		for (size_t k = 0; k < nitems(only_answers); k++)
			if (quoted_is(json_spot_name(g->body, &g->top[i]), only_answers[k]))
				s->cut[i] = true;
}

static bool
is_billing_block(const struct json_item *block)
{
	struct json_item said;

	return (block->type == JSON_OBJECT && json_find(block->raw, "text", &said) && text_starts(said.raw, TEXT("\"x-anthropic-billing-header:")));
}

/* Claude Code's first system block is another one in each request: an engine of somebody else's would lose its prefix cache by it. */
static void
cut_billing(struct splice *s)
{
	const struct json_spot *system = glance_member(s->glance, "system");
	struct buf kept = { 0 };
	struct json_walk walk;
	struct json_item block;
	bool found = false;

	if (system == NULL || system->type != JSON_ARRAY)
		return;
	walk = json_walk(json_spot_value(s->glance->body, system));
	while (json_next(&walk, &block)) {
		if (is_billing_block(&block)) {
			found = true;
			continue;
		}
		buf_byte(&kept, kept.len == 0 ? '[' : ',');
		buf_text(&kept, block.raw);
	}
	if (found && kept.len == 0)
		s->cut[system - s->glance->top] = true;
	else if (found) {
		buf_byte(&kept, ']');
		splice_set(s, "system", arena_copy(s->arena, buf_as_text(&kept)));
	}
	buf_free(&kept);
}

static struct error *
relay_request(struct edits *edits, struct arena *arena, const struct glance *g, const struct deployment *d, struct text model, bool drop_params)
{
	struct splice s = splice_new(arena, g);
	struct quoted q = json_escape(arena, model);

	(void)drop_params;			/* the vendor itself is the judge of its own dialect */
	if (g->counting)
		cut_for_count(&s);
	else
		splice_defaults(&s, d, known);
	splice_drop(&s, d);
	if (g->max_tokens > glance_most_tokens(g, 0))
		splice_set(&s, "max_tokens", arena_print(arena, "%lld", (long long)g->afford));
	if (d->vendor != NULL && strcmp(d->vendor->prefix, "anthropic") != 0)
		cut_billing(&s);
	splice_set(&s, "model", arena_print(arena, "\"%.*s\"", (int)q.len, q.at));
	splice_finish(edits, &s);
	return (NULL);
}

/* Relay: the answer */

/* Puts the name the client asked for where the vendor's is. */
static void
splice_model(struct relay *r, struct edits *edits, size_t at, size_t len)
{
	struct text with = arena_print(r->arena, "\"%.*s\"", (int)r->model.len, r->model.at);

	edits->list = r->edit_room;
	edits->room = nitems(r->edit_room);
	edits_add(edits, r->arena, at, at + len, with);
}

static enum pass
failed(struct relay *r, struct error *e)
{
	r->seen.error = e;
	return (PASS_ERROR);
}

static enum pass
relay_answer(struct relay *r, struct text body, struct edits *edits)
{
	struct found f;
	const struct json_spot *model, *content;

	if (!find_members(&f, body))
		return (failed(r, error_new(r->arena, E_UPSTREAM_FAILED, "the upstream's answer is not a JSON object")));
	if (is_error(&f, TEXT("")))
		return (failed(r, error_inside(r->arena, body)));
	content = found_spot(&f, "content");
	if (content == NULL && found_spot(&f, "input_tokens") != NULL)
		return (PASS_ON);		/* the answer of count_tokens has nothing to edit */
	if (content == NULL || content->type != JSON_ARRAY)
		return (failed(r, error_new(r->arena, E_UPSTREAM_FAILED, "the upstream's answer has no content")));
	model = found_spot(&f, "model");
	note_message(&r->seen, r->arena, found_string(&f, "id"), found_string(&f, "model"), found_raw(&f, "usage"));
	r->seen.finish = finish_of(found_string(&f, "stop_reason"));
	r->seen.produced = content->value_len;
	r->seen.content = r->seen.finished = r->seen.done = true;
	if (model != NULL)
		splice_model(r, edits, model->value, model->value_len);
	return (PASS_ON);
}

static void
relay_start(struct relay *r, const struct found *f, struct edits *edits)
{
	struct text message = found_raw(f, "message");
	struct json_item model = { 0 };
	bool has = message.len > 0 && message.at[0] == '{' && json_find(message, "model", &model);

	note_message(&r->seen, r->arena, string_member(message, "id"), has && model.type == JSON_STRING ? json_inside(model.raw) : QUOTED(""),
	    raw_member(message, "usage"));
	if (has)
		splice_model(r, edits, (size_t)(model.raw.at - f->text.at), model.raw.len);
}

/* The bytes of an object's strings other than its type: what a delta or an opening block says. */
static uint64_t
said(struct text object)
{
	struct json_walk walk;
	struct json_item item;
	uint64_t n = 0;

	if (object.len == 0 || object.at[0] != '{')
		return (0);
	walk = json_walk(object);
	while (json_next(&walk, &item))
		if (item.type == JSON_STRING && !(item.name.len == 4 && memcmp(item.name.at, "type", 4) == 0))
			n += item.raw.len - 2;
	return (n);
}

static void
note_content(struct relay *r, uint64_t bytes)
{
	r->seen.produced += bytes;
	if (bytes > 0)
		r->seen.content = true;
}

static enum pass
relay_event(struct relay *r, struct text name, struct text data, struct edits *edits)
{
	struct found f;
	struct text delta;

	if (r->seen.done || text_is(text_trim(data), "[DONE]"))
		return (PASS_DROP);		/* look-alikes send the other dialect's last word too */
	if (!find_members(&f, data))
		return (failed(r, error_new(r->arena, E_UPSTREAM_FAILED, "the upstream sent an event that is not a JSON object")));
	switch (word_of(&f, name)) {
	case WORD_BLOCK_DELTA:
		note_content(r, said(found_raw(&f, "delta")));
		break;
	case WORD_BLOCK_START:
		note_content(r, said(found_raw(&f, "content_block")));
		break;
	case WORD_MESSAGE_START:
		relay_start(r, &f, edits);
		break;
	case WORD_MESSAGE_DELTA:
		note_usage(&r->seen, found_raw(&f, "usage"));
		delta = found_raw(&f, "delta");
		if (string_member(delta, "stop_reason").len > 0)
			r->seen.finish = finish_of(string_member(delta, "stop_reason"));
		break;
	case WORD_MESSAGE_STOP:
		r->seen.content = r->seen.finished = r->seen.done = true;
		break;
	case WORD_ERROR:
		return (failed(r, error_inside(r->arena, data)));
	case WORD_PING: case WORD_BLOCK_STOP: case WORD_UNKNOWN:
		break;
	}
	return (PASS_ON);
}

static struct error *
read_error(struct arena *arena, int status, struct text content_type, struct text body, int64_t retry_after_ms)
{
	return (provider_read_error(arena, "Anthropic", status, content_type, body, retry_after_ms));
}

const struct provider provider_anthropic = {
	.name = "anthropic",
	.url = url, .headers = headers,
	.relay_request = relay_request, .relay_answer = relay_answer, .relay_event = relay_event,
	.write_request = anthropic_write_request,
	.reader = anthropic_reader, .read_answer = anthropic_read_answer, .read_event = anthropic_read_event, .read_end = anthropic_read_end,
	.read_error = read_error,
};
