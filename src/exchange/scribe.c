/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was asked and answered, written down where the configuration, a team or a key asks for it, and nobody objects.
 *
 * The request is cleaned and kept when the call is admitted, because its memory is given back with the first byte of an answer.  A whole answer is kept
 * as its client got it; of a stream the words are put together again, whatever its dialect, as one answer of the Chat API.
 */
#include "exchange/exchange.h"

#include "ledger/prompt.h"

#include <stdlib.h>

#define PIECE_ROOM	64			/* of memory, beside its words */

struct scribe {
	struct buf	 request, answer;	/* clean */
	int64_t		 held;			/* what prompts_hold() was told */
	bool		 cut;			/* there was more than is kept */
	/* of a stream */
	struct arena	*arena;			/* NULL: nothing came yet */
	struct writer	*writer;
	struct buf	 words;			/* the writer's */
	bool		 over;			/* it said its END */
	/* of one that is relayed: it is read here for the second time */
	struct reader	*reader;
	struct seen	 seen;
};

/* whether */

static bool
is_true(const struct exchange *x, const char *member)
{
	const struct json_spot *spot = glance_member(&x->glance, member);

	return (spot != NULL && text_is(json_spot_value(x->glance.body, spot), "true"));
}

/* In LiteLLM's words: two headers, of which any value counts, and two members of the body. */
static bool
client_objects(const struct exchange *x)
{
	static const char *const headers[] = { "x-litellm-enable-message-redaction", "litellm-enable-message-redaction" };

	for (size_t i = 0; i < nitems(headers); i++)
		if (request_header(x->request, headers[i]).len > 0)
			return (true);
	if (x->conduit != NULL)
		return (false);
	return (is_true(x, "turn_off_message_logging") || (is_true(x, "no-log") && !x->config->settings.ignores_no_log));
}

/* A word against it counts more than any for it. */
static bool
is_wanted(const struct exchange *x)
{
	const struct settings *set = &x->config->settings;
	static const enum scope scopes[] = { SCOPE_KEY, SCOPE_TEAM };
	bool wanted = set->store_prompts;

	if (set->stores_no_prompts)
		return (false);
	for (size_t i = 0; i < nitems(scopes); i++) {
		const struct standing *s = x->caller->standing[scopes[i]];

		if (s != NULL && s->store_prompts < 0)
			return (false);
		wanted = wanted || (s != NULL && s->store_prompts > 0);
	}
	return (wanted && !client_objects(x));
}

/* the request */

static bool
hold(struct exchange *x, int64_t bytes)
{
	if (!prompts_hold(x->worker->prompts, bytes))
		return (false);
	x->scribe->held += bytes;
	return (true);
}

/* What is no JSON is not kept: there would be no way to clean it. */
static void
keep(const struct exchange *x, struct buf *to, struct text json)
{
	const struct text secrets[] = { x->request != NULL ? x->key : TEXT(""), x->config->settings.master_key };
	struct json_fault fault;
	enum json_type type;
	size_t n = 0;

	if (json_scan(json, &type, NULL, 0, &n, &fault))
		prompt_clean(to, json, (size_t)x->config->settings.prompt_limit, secrets, nitems(secrets));
}

void
scribe_begin(struct exchange *x)
{
	if (!is_wanted(x))
		return;
	x->scribe = must_zalloc(sizeof(*x->scribe));
	keep(x, &x->scribe->request, x->request->body);
	if (!hold(x, (int64_t)x->scribe->request.cap))
		scribe_free(x);
}

/* the answer */

void
scribe_whole(struct exchange *x, struct text body, const struct edits *edits)
{
	struct scribe *s = x->scribe;
	struct buf edited = { 0 };

	if (s == NULL)
		return;
	if (edits != NULL && edits->n > 0) {
		json_apply(&edited, body, edits->list, edits->n);
		body = buf_as_text(&edited);
	}
	s->answer.len = 0;
	keep(x, &s->answer, body);
	buf_free(&edited);
	if (!hold(x, (int64_t)s->answer.cap))
		buf_free(&s->answer);
}

static void
open_stream(struct exchange *x)
{
	struct scribe *s = x->scribe;
	struct told told = { .model = x->conduit != NULL ? x->model : x->model_said, .id = text_of(x->id), .created = x->began_wall_ms / 1000 };

	s->arena = arena_new();
	s->writer = front_chat.whole(s->arena, &told, &s->words);
}

void
scribe_hear(struct exchange *x, const struct event *ev)
{
	struct scribe *s = x->scribe;

	if (s == NULL || s->over || s->cut || ev->kind == EVENT_ERROR)
		return;
	if (s->arena == NULL)
		open_stream(x);
	s->cut = s->held > 2 * x->config->settings.prompt_limit + (int64_t)s->request.cap || !hold(x, (int64_t)ev->text.len + PIECE_ROOM);
	if (s->cut)
		return;
	front_chat.write(s->writer, ev);
	s->over = ev->kind == EVENT_END;
}

static void
hear(void *x, const struct event *ev)
{
	scribe_hear(x, ev);
}

void
scribe_event(struct exchange *x, struct text name, struct text data)
{
	struct scribe *s = x->scribe;

	if (s == NULL || s->over || s->cut || x->provider->reader == NULL)
		return;
	if (s->arena == NULL)
		open_stream(x);
	if (s->reader == NULL)
		s->reader = x->provider->reader(s->arena, &s->seen, NULL);
	if (!x->provider->read_event(s->reader, name, data, (struct hearer){ hear, x }))
		s->cut = !s->over;
}

/* Another attempt begins. */
void
scribe_forget(struct exchange *x)
{
	struct scribe *s = x->scribe;

	if (s == NULL)
		return;
	arena_free(s->arena);
	s->arena = NULL;
	s->writer = NULL;
	s->reader = NULL;
	s->seen = (struct seen){ 0 };
	s->words.len = s->answer.len = 0;
	s->over = s->cut = false;
}

/* the end */

static void
end_stream(struct exchange *x)
{
	struct scribe *s = x->scribe;
	bool whole = s->over || (x->end == END_COMPLETE && !s->cut);

	if (s->writer == NULL)
		return;
	if (s->words.len == 0)
		front_chat.write(s->writer, &(struct event){ .kind = EVENT_END });
	if (s->words.len == 0)
		return;
	if (!whole) {
		s->words.len--;			/* within its last brace */
		buf_lit(&s->words, ",\"cut\":true}");
	}
	keep(x, &s->answer, buf_as_text(&s->words));
}

void
scribe_end(struct exchange *x)
{
	struct scribe *s = x->scribe;
	struct prompt p = { .team_id = x->caller->team_id };

	if (s == NULL)
		return;
	end_stream(x);
	memcpy(p.id, x->id, sizeof(p.id));
	p.request = buf_as_text(&s->request);
	p.answer = buf_as_text(&s->answer);
	prompts_put(x->worker->prompts, &p);
	scribe_free(x);
}

void
scribe_free(struct exchange *x)
{
	struct scribe *s = x->scribe;

	if (s == NULL)
		return;
	prompts_hold(x->worker->prompts, -s->held);
	arena_free(s->arena);
	buf_free(&s->request);
	buf_free(&s->answer);
	buf_free(&s->words);
	free(s);
	x->scribe = NULL;
}
