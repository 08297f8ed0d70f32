/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of a request as the vendor wants them: user and assistant alternate, the first is the user's, every call is answered at the head of
 * the next message and nowhere else, ids are unique and of a narrow alphabet, no block is blank.
 */
#include "provider/anthropic_priv.h"

struct list {
	const struct part **at;
	size_t		 n, room;
};

struct call {
	const struct part *part;
	struct text	 raw_id;		/* unescaped, as the client said it */
	struct text	 id;			/* as it is written */
	const struct part *result;		/* NULL: the client has none */
};

struct turn {
	bool		 assistant;
	struct list	 parts;			/* results that belong to no call are among them */
	struct call	*calls;			/* of an assistant's turn */
	size_t		 n_calls;
	struct turn	*answers;		/* the turn before, whose calls this one answers */
	struct turn	*next;
};

/* Building */

static void
add(struct arena *arena, struct list *l, const struct part *p)
{
	if (l->n == l->room) {
		size_t room = l->room > 0 ? l->room * 2 : 4;
		const struct part **at = arena_alloc(arena, room * sizeof(*at));

		if (l->n > 0)
			memcpy(at, l->at, l->n * sizeof(*at));
		l->at = at;
		l->room = room;
	}
	l->at[l->n++] = p;
}

/* Is there something to write?  Unsigned thinking can not be replayed, signed thinking may be empty. */
static bool
says_something(const struct part *p)
{
	switch (p->kind) {
	case PART_TEXT: case PART_REFUSAL:
		return (!quoted_blank(p->text));
	case PART_THINKING:
		return (p->signature.len > 0);
	case PART_REDACTED:
		return (p->text.len > 0);
	case PART_IMAGE: case PART_AUDIO: case PART_FILE: case PART_CALL: case PART_RESULT:
		return (true);
	}
	return (false);
}

static struct turn *
turn_for(struct arena *arena, struct turn **first, struct turn *last, bool assistant)
{
	struct turn *t;

	if (last != NULL && last->assistant == assistant)
		return (last);
	t = arena_new_of(arena, struct turn);
	t->assistant = assistant;
	if (last == NULL)
		*first = t;
	else
		last->next = t;
	return (t);
}

/* Names given out, so that two calls never share one. */
struct names {
	struct text	*slot;
	size_t		 n, room;
};

static struct text *
name_slot(struct text *slot, size_t room, struct text name)
{
	size_t i = text_hash(name) & (room - 1);

	while (slot[i].len > 0 && !text_eq(slot[i], name))
		i = (i + 1) & (room - 1);
	return (&slot[i]);
}

static bool
take_name(struct arena *arena, struct names *names, struct text name)
{
	struct text *slot;

	if (names->n * 2 >= names->room) {
		size_t room = names->room > 0 ? names->room * 2 : 16;
		struct text *wider = arena_alloc(arena, room * sizeof(*wider));

		for (size_t i = 0; i < names->room; i++)
			if (names->slot[i].len > 0)
				*name_slot(wider, room, names->slot[i]) = names->slot[i];
		names->slot = wider;
		names->room = room;
	}
	slot = name_slot(names->slot, names->room, name);
	if (slot->len > 0)
		return (false);
	*slot = name;
	names->n++;
	return (true);
}

static struct text
unique_id(struct arena *arena, struct names *names, struct text raw)
{
	struct text base = arena_copy(arena, raw.len > 0 ? raw : TEXT("toolu_unnamed")), id = base;
	char *p = (char *)(uintptr_t)base.at;

	for (size_t i = 0; i < base.len; i++)
		if (!((p[i] >= '0' && p[i] <= '9') || ((p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'z') || p[i] == '-'))
			p[i] = '_';
	for (size_t n = names->n; !take_name(arena, names, id); n++)
		id = arena_print(arena, TEXT_FMT "_%zu", TEXT_ARG(base), n);
	return (id);
}

static void
number_calls(struct arena *arena, struct names *names, struct turn *t)
{
	for (size_t i = 0; i < t->parts.n; i++)
		t->n_calls += t->parts.at[i]->kind == PART_CALL;
	t->calls = arena_alloc(arena, t->n_calls * sizeof(*t->calls) + 1);
	t->n_calls = 0;
	for (size_t i = 0; i < t->parts.n; i++) {
		const struct part *p = t->parts.at[i];

		if (p->kind != PART_CALL)
			continue;
		t->calls[t->n_calls].part = p;
		t->calls[t->n_calls].raw_id = json_unescape(arena, p->id);
		t->calls[t->n_calls].id = unique_id(arena, names, t->calls[t->n_calls].raw_id);
		t->n_calls++;
	}
}

static bool
give_result(struct arena *arena, struct turn *calls, const struct part *result)
{
	struct text id = json_unescape(arena, result->id);

	for (size_t i = 0; i < calls->n_calls; i++) {
		if (calls->calls[i].result != NULL || !text_eq(calls->calls[i].raw_id, id))
			continue;
		calls->calls[i].result = result;
		return (true);
	}
	return (false);
}

/* Results go to their calls; what stays in the list is everything else. */
static void
pair(struct arena *arena, struct turn *calls, struct turn *user)
{
	size_t kept = 0;

	user->answers = calls;
	for (size_t i = 0; i < user->parts.n; i++)
		if (user->parts.at[i]->kind != PART_RESULT || !give_result(arena, calls, user->parts.at[i]))
			user->parts.at[kept++] = user->parts.at[i];
	user->parts.n = kept;
}

struct turn *
turns_of(struct arena *arena, const struct ask *ask)
{
	struct turn *first = NULL, *last = NULL;
	struct names names = { 0 };

	for (const struct message *m = ask->messages; m != NULL; m = m->next) {
		if (m->role == ROLE_SYSTEM || m->role == ROLE_DEVELOPER)
			continue;
		for (const struct part *p = m->parts; p != NULL; p = p->next) {
			if (!says_something(p))
				continue;
			last = turn_for(arena, &first, last, m->role == ROLE_ASSISTANT);
			add(arena, &last->parts, p);
		}
	}
	if (last != NULL && last->assistant)
		for (size_t i = 0; i < last->parts.n; i++)
			if (last->parts.at[i]->kind == PART_CALL) {
				last = turn_for(arena, &first, last, false);	/* calls at the very end are answered too */
				break;
			}
	for (struct turn *t = first; t != NULL; t = t->next) {
		if (!t->assistant)
			continue;
		number_calls(arena, &names, t);
		if (t->next != NULL)
			pair(arena, t, t->next);
	}
	return (first);
}

bool
turns_end_unthought(const struct turn *t)
{
	const struct turn *last = NULL;

	for (; t != NULL; t = t->next)
		if (t->assistant)
			last = t;
	return (last != NULL && last->n_calls > 0 && last->parts.at[0]->kind != PART_THINKING && last->parts.at[0]->kind != PART_REDACTED);
}

static unsigned
marks_of(const struct part *p)
{
	unsigned n = p->cache_control.len > 0 && p->kind != PART_THINKING && p->kind != PART_REDACTED && p->kind != PART_AUDIO;

	for (const struct part *in = p->inner; in != NULL; in = in->next)
		n += in->cache_control.len > 0 && says_something(in);
	return (n);
}

unsigned
turns_marks(const struct turn *t)
{
	unsigned n = 0;

	for (; t != NULL; t = t->next) {
		for (size_t i = 0; i < t->parts.n; i++)
			n += marks_of(t->parts.at[i]);
		for (size_t i = 0; i < t->n_calls; i++)
			n += t->calls[i].result != NULL ? marks_of(t->calls[i].result) : 0;
	}
	return (n);
}

/* Writing */

static struct error *
audio(struct write *w)
{
	return (error_param(error_new(w->arena, E_BAD_REQUEST, "messages: Anthropic models do not take audio"), "messages"));
}

static void
thinking(struct write *w, const struct part *p)
{
	json_open(&w->out, '{');
	json_name(&w->out, "type");
	json_string(&w->out, TEXT("thinking"));
	json_name(&w->out, "thinking");
	json_put_quoted(&w->out, p->text);
	json_name(&w->out, "signature");
	json_put_quoted(&w->out, p->signature);
	json_close(&w->out, '}');
}

static void
redacted(struct write *w, const struct part *p)
{
	json_open(&w->out, '{');
	json_name(&w->out, "type");
	json_string(&w->out, TEXT("redacted_thinking"));
	json_name(&w->out, "data");
	json_put_quoted(&w->out, p->text);
	json_close(&w->out, '}');
}

static struct error *
block(struct write *w, const struct part *p)
{
	switch (p->kind) {
	case PART_TEXT: case PART_REFUSAL:
		write_text_block(w, p->text, p->cache_control);
		return (NULL);
	case PART_IMAGE:
		return (write_image(w, p));
	case PART_FILE:
		return (write_document(w, p));
	case PART_AUDIO:
		return (audio(w));
	case PART_THINKING:
		thinking(w, p);
		return (NULL);
	case PART_REDACTED:
		redacted(w, p);
		return (NULL);
	case PART_CALL:
		return (NULL);			/* written behind everything else */
	case PART_RESULT:			/* of a call nobody made: the words remain */
		for (const struct part *in = p->inner; in != NULL; in = in->next)
			if (says_something(in))
				TRY(block(w, in));
		return (NULL);
	}
	return (NULL);
}

static void
call(struct write *w, const struct call *c)
{
	struct text input = c->part->input;

	json_open(&w->out, '{');
	json_name(&w->out, "type");
	json_string(&w->out, TEXT("tool_use"));
	json_name(&w->out, "id");
	json_string(&w->out, c->id);
	json_name(&w->out, "name");
	json_put_quoted(&w->out, tool_name_out(w->arena, c->part->name));
	json_name(&w->out, "input");
	json_raw(&w->out, input.len > 0 && input.at[0] == '{' ? input : TEXT("{}"));
	write_cache_control(w, c->part->cache_control);
	json_close(&w->out, '}');
}

/* One plain text is said as a string; no content at all is allowed, a blank one is not. */
static struct error *
result_content(struct write *w, const struct part *result)
{
	const struct part *only = NULL;
	size_t n = 0;

	for (const struct part *in = result->inner; in != NULL; in = in->next) {
		if (!says_something(in))
			continue;
		only = in;
		n++;
	}
	if (n == 0)
		return (NULL);
	json_name(&w->out, "content");
	if (n == 1 && only->kind == PART_TEXT && only->cache_control.len == 0) {
		json_put_quoted(&w->out, only->text);
		return (NULL);
	}
	json_open(&w->out, '[');
	for (const struct part *in = result->inner; in != NULL; in = in->next)
		if (says_something(in))
			TRY(block(w, in));
	json_close(&w->out, ']');
	return (NULL);
}

static struct error *
result(struct write *w, const struct call *c)
{
	json_open(&w->out, '{');
	json_name(&w->out, "type");
	json_string(&w->out, TEXT("tool_result"));
	json_name(&w->out, "tool_use_id");
	json_string(&w->out, c->id);
	if (c->result == NULL) {
		json_name(&w->out, "content");
		json_string(&w->out, TEXT("no result"));
	} else
		TRY(result_content(w, c->result));
	if (c->result == NULL || c->result->failed) {
		json_name(&w->out, "is_error");
		json_bool(&w->out, true);
	}
	if (c->result != NULL)
		write_cache_control(w, c->result->cache_control);
	json_close(&w->out, '}');
	return (NULL);
}

/* The last words of a prefill must not end in white space. */
static struct quoted
trimmed(struct quoted q)
{
	while (q.len > 0) {
		size_t slashes = 0;

		if (q.at[q.len - 1] == ' ') {
			q.len--;
			continue;
		}
		if (q.len < 2 || strchr("ntr", q.at[q.len - 1]) == NULL)
			break;
		while (slashes < q.len - 1 && q.at[q.len - 2 - slashes] == '\\')
			slashes++;
		if (slashes % 2 == 0)
			break;
		q.len -= 2;
	}
	return (q);
}

static struct error *
blocks(struct write *w, const struct turn *t)
{
	bool prefill = t->assistant && t->next == NULL;

	if (t->answers != NULL)
		for (size_t i = 0; i < t->answers->n_calls; i++)
			TRY(result(w, &t->answers->calls[i]));
	for (size_t i = 0; i < t->parts.n; i++) {
		const struct part *p = t->parts.at[i];

		if (prefill && i + 1 == t->parts.n && p->kind == PART_TEXT)
			write_text_block(w, trimmed(p->text), p->cache_control);
		else
			TRY(block(w, p));
	}
	for (size_t i = 0; i < t->n_calls; i++)
		call(w, &t->calls[i]);
	return (NULL);
}

static void
open_message(struct write *w, bool assistant)
{
	json_open(&w->out, '{');
	json_name(&w->out, "role");
	json_string(&w->out, assistant ? TEXT("assistant") : TEXT("user"));
	json_name(&w->out, "content");
}

static void
say(struct write *w, struct text words)
{
	open_message(w, false);
	json_string(&w->out, words);
	json_close(&w->out, '}');
}

/* A turn can hold nothing but blank results of calls nobody made. */
static bool
is_empty(const struct turn *t)
{
	if (t->n_calls > 0 || (t->answers != NULL && t->answers->n_calls > 0))
		return (false);
	for (size_t i = 0; i < t->parts.n; i++) {
		const struct part *in = t->parts.at[i]->inner;

		while (in != NULL && !says_something(in))
			in = in->next;
		if (t->parts.at[i]->kind != PART_RESULT || in != NULL)
			return (false);
	}
	return (true);
}

static struct error *
message(struct write *w, const struct turn *t)
{
	const struct part *only = t->parts.n == 1 && t->n_calls == 0 && (t->answers == NULL || t->answers->n_calls == 0) ? t->parts.at[0] : NULL;

	open_message(w, t->assistant);
	if (is_empty(t))
		json_string(&w->out, TEXT("."));
	else if (only != NULL && only->kind == PART_TEXT && only->cache_control.len == 0)
		json_put_quoted(&w->out, t->assistant && t->next == NULL ? trimmed(only->text) : only->text);
	else {
		json_open(&w->out, '[');
		TRY(blocks(w, t));
		json_close(&w->out, ']');
	}
	json_close(&w->out, '}');
	return (NULL);
}

struct error *
write_turns(struct write *w, const struct turn *t)
{
	bool continued = false;

	json_open(&w->out, '[');
	if (t == NULL || t->assistant)
		say(w, TEXT("."));		/* the first word must be the user's */
	for (; t != NULL; t = t->next) {
		continued = t->assistant;
		TRY(message(w, t));
	}
	if (continued && (w->thinks || (w->traits & TRAIT_PREFILL) == 0))
		say(w, TEXT("Continue."));	/* this model can not go on from the middle of its own words */
	json_close(&w->out, ']');
	return (NULL);
}
