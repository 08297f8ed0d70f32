/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers for Responses clients: items, told as they come and once more, whole, in the response at the end.
 *
 * One item is open at a time.  A call that others speak over keeps the floor until its arguments are a complete JSON value or its reader closes it;
 * what comes meanwhile waits in its order.  Custom tools, and those that OpenAI defines, come over functions: their items are told when their
 * arguments are all there.
 */
#include "front/freeform.h"
#include "front/responses_write_priv.h"

#include "chat/envelope.h"

#define MOST_CALLS	1024
#define ID_LETTERS	32

/* A tool whose calls are not answered under the name the model knows: what the request said of it. */
struct special {
	struct quoted	 name, short_name, space;
	unsigned	 form;
	struct special	*next;
};

struct call {
	struct quoted	 id;
	struct special	 tool;
	struct growing	 input;			/* its arguments so far */
	struct json_balance balance;
	bool		 known, closed, done;
};

/* What waits until the open call is complete: words, or the opening of a call. */
struct held {
	enum event_kind	 kind;
	struct quoted	 text;
	unsigned	 slot;
	struct held	*next;
};

enum open { OPEN_NONE, OPEN_REASONING, OPEN_MESSAGE, OPEN_CALL };
enum says { SAYS_NOTHING, SAYS_TEXT, SAYS_REFUSAL, SAYS_SUMMARY };

struct writer {
	struct arena	*arena;
	struct buf	*out;
	size_t		 from;			/* where our bytes begin in `out` */
	bool		 whole, started, over;
	bool		 seals;			/* the client wants thoughts in a form it can send back */
	struct text	 model;			/* what they are sealed for */
	struct response	 response;
	struct special	*specials;
	int64_t		 sequence;
	struct growing	 output;		/* finished items */
	bool		 finishing;		/* nothing more comes: no call is waited for */

	enum open	 open;
	unsigned	 n_items;		/* the open one is the last */
	struct text	 item;			/* its id */
	enum says	 says;			/* its open part */
	struct half	 half;
	struct growing	 text;			/* of the open part */
	unsigned	 n_parts;		/* of a message: the open one too */
	struct growing	 parts;			/* of a message: finished ones */
	struct growing	 signature;		/* of a thought */
	struct quoted	 redacted;

	struct call	*calls;
	unsigned	 n_calls, room, open_call;
	struct held	*held, **last_held;
};

/* The making. */

static struct quoted
keep(struct arena *arena, struct quoted q)
{
	struct text copy = arena_copy(arena, (struct text){ q.at, q.len });

	return ((struct quoted){ copy.at, copy.len });
}

static void
add(struct arena *arena, struct growing *g, struct quoted q)
{
	arena_append(arena, g, (struct text){ q.at, q.len });
}

static struct quoted
grown(const struct growing *g)
{
	return ((struct quoted){ g->len > 0 ? g->at : "", g->len });
}

static struct special *
specials_of(struct arena *arena, const struct ask *ask)
{
	struct special *first = NULL, **last = &first;

	for (const struct tool *t = ask != NULL ? ask->tools : NULL; t != NULL; t = t->next) {
		if (t->form == FORM_FUNCTION && t->space.len == 0)
			continue;
		*last = arena_new_of(arena, struct special);
		**last = (struct special){ .name = keep(arena, t->name), .short_name = keep(arena, t->short_name.len > 0 ? t->short_name : t->name),
			.space = keep(arena, t->space), .form = t->form };
		last = &(*last)->next;
	}
	return (first);
}

/* Letters and digits of a text, the last ones: what makes an id one of its kind stands behind. */
static struct text
letters(struct arena *arena, const char *prefix, struct text from, size_t most)
{
	size_t n = strlen(prefix);
	char *p = arena_bytes(arena, n + from.len + 1);
	struct text all;

	for (size_t i = 0; i < from.len; i++)
		if ((from.at[i] >= '0' && from.at[i] <= '9') || ((from.at[i] | 0x20) >= 'a' && (from.at[i] | 0x20) <= 'z'))
			p[n++] = from.at[i];
	all = (struct text){ p, n };
	if (n - strlen(prefix) > most)
		all = text_sub(all, n - most - strlen(prefix), n);
	memcpy((char *)(uintptr_t)all.at, prefix, strlen(prefix));
	return (all);
}

static struct writer *
new_writer(struct arena *arena, const struct told *told, struct buf *out, bool whole)
{
	struct writer *w = arena_new_of(arena, struct writer);

	w->arena = arena;
	w->out = out;
	w->from = out->len;
	w->whole = whole;
	w->seals = told->ask != NULL && told->ask->thoughts_wanted;
	w->model = arena_copy(arena, told->asked != NULL ? told->asked->model : told->model);
	w->response.told = *told;
	w->response.told.asked = NULL;
	w->response.told.ask = NULL;
	w->response.usage = USAGE_UNSAID;
	response_settings(&w->response, arena, told);
	w->specials = specials_of(arena, told->ask);
	w->last_held = &w->held;
	return (w);
}

struct writer *
responses_whole(struct arena *arena, const struct told *told, struct buf *out)
{
	return (new_writer(arena, told, out, true));
}

struct writer *
responses_stream(struct arena *arena, const struct told *told, struct buf *out)
{
	return (new_writer(arena, told, out, false));
}

static void
start(struct writer *w)
{
	if (w->started)
		return;
	w->started = true;
	if (w->whole)
		return;
	response_event_whole(w->out, "response.created", &w->response, TEXT(""), NULL, &w->sequence);
	response_event_whole(w->out, "response.in_progress", &w->response, TEXT(""), NULL, &w->sequence);
}

/* Events of the open item.  A whole answer has none. */

static struct json_out
open_event(struct writer *w, const char *type, const char *index, unsigned of)
{
	struct json_out o = response_event_open(w->out, type);

	json_name(&o, "item_id");
	json_string(&o, w->item);
	json_name(&o, "output_index");
	json_int(&o, w->n_items - 1);
	if (index != NULL) {
		json_name(&o, index);
		json_int(&o, of);
	}
	return (o);
}

static void
close_event(struct writer *w, struct json_out *o)
{
	response_event_close(o, &w->sequence);
}

static void
put_member(struct json_out *o, const char *name, struct quoted words)
{
	json_name(o, name);
	json_put_quoted(o, words);
}

static void
put_text(struct json_out *o, const char *name, const char *words)
{
	json_name(o, name);
	json_string(o, text_of(words));
}

static void
put_empty(struct json_out *o, const char *name)
{
	json_name(o, name);
	json_raw(o, TEXT("[]"));
}

/* An event with one text besides: a delta, or a part's or call's end. */
static void
say(struct writer *w, const char *type, const char *index, unsigned of, const char *member, struct quoted words)
{
	struct json_out o;

	if (w->whole)
		return;
	o = open_event(w, type, index, of);
	put_member(&o, member, words);
	if (w->says == SAYS_TEXT)
		put_empty(&o, "logprobs");
	close_event(w, &o);
}

typedef void item_f(struct writer *, struct json_out *, const char *status);

/* output_item.added, with the item as it begins. */
static void
begin_item(struct writer *w, const char *prefix, enum open open)
{
	struct text id = letters(w->arena, prefix, w->response.told.id, ID_LETTERS);

	start(w);
	w->item = arena_print(w->arena, TEXT_FMT "%02x", TEXT_ARG(id), w->n_items);
	w->n_items++;
	w->open = open;
	w->says = SAYS_NOTHING;
	w->half.waits = false;
	w->text.len = w->parts.len = w->signature.len = 0;
	w->n_parts = 0;
	w->redacted = QUOTED("");
}

static void
tell_added(struct writer *w, item_f *put)
{
	struct json_out o;

	if (w->whole)
		return;
	o = response_event_open(w->out, "response.output_item.added");
	json_name(&o, "output_index");
	json_int(&o, w->n_items - 1);
	json_name(&o, "item");
	put(w, &o, "in_progress");
	close_event(w, &o);
}

/* output_item.done, with the item as the response will hold it. */
static void
tell_done(struct writer *w, item_f *put, const char *status)
{
	struct json_out o = { .to = w->out };
	size_t from;

	if (!w->whole) {
		o = response_event_open(w->out, "response.output_item.done");
		json_name(&o, "output_index");
		json_int(&o, w->n_items - 1);
		json_name(&o, "item");
	}
	from = w->out->len;
	put(w, &o, status);
	if (w->output.len > 0)
		arena_append(w->arena, &w->output, TEXT(","));
	arena_append(w->arena, &w->output, text_sub(buf_as_text(w->out), from, w->out->len));
	if (w->whole)
		w->out->len = from;
	else
		close_event(w, &o);
	w->open = OPEN_NONE;
}

/* Parts: of a message its texts and refusals, of a thought its summary. */

static const struct {
	const char	*added, *delta, *done, *part_done, *index, *type, *member;
} forms[] = {
	[SAYS_TEXT]	= { "response.content_part.added", "response.output_text.delta", "response.output_text.done", "response.content_part.done",
	    "content_index", "output_text", "text" },
	[SAYS_REFUSAL]	= { "response.content_part.added", "response.refusal.delta", "response.refusal.done", "response.content_part.done",
	    "content_index", "refusal", "refusal" },
	[SAYS_SUMMARY]	= { "response.reasoning_summary_part.added", "response.reasoning_summary_text.delta", "response.reasoning_summary_text.done",
	    "response.reasoning_summary_part.done", "summary_index", "summary_text", "text" },
};

static void
put_part(struct writer *w, struct json_out *o, struct quoted words)
{
	json_open(o, '{');
	put_text(o, "type", forms[w->says].type);
	put_member(o, forms[w->says].member, words);
	if (w->says == SAYS_TEXT) {
		put_empty(o, "annotations");
		put_empty(o, "logprobs");
	}
	json_close(o, '}');
}

static void
tell_part(struct writer *w, const char *type, struct quoted words)
{
	struct json_out o;

	if (w->whole)
		return;
	o = open_event(w, type, forms[w->says].index, w->n_parts - 1);
	json_name(&o, "part");
	put_part(w, &o, words);
	close_event(w, &o);
}

static void
open_part(struct writer *w, enum says says)
{
	w->says = says;
	w->n_parts++;
	w->text.len = 0;
	tell_part(w, forms[says].added, QUOTED(""));
}

static void
say_piece(struct writer *w, struct quoted words)
{
	add(w->arena, &w->text, words);
	say(w, forms[w->says].delta, forms[w->says].index, w->n_parts - 1, "delta", words);
}

/* A half that still waits will stay one. */
static void
close_part(struct writer *w)
{
	struct json_out o = { .to = w->out };
	size_t from;

	if (w->says == SAYS_NOTHING)
		return;
	if (w->half.waits)
		say_piece(w, (struct quoted){ w->half.at, sizeof(w->half.at) });
	w->half.waits = false;
	say(w, forms[w->says].done, forms[w->says].index, w->n_parts - 1, forms[w->says].member, grown(&w->text));
	tell_part(w, forms[w->says].part_done, grown(&w->text));
	if (w->parts.len > 0)
		arena_append(w->arena, &w->parts, TEXT(","));
	from = w->out->len;
	put_part(w, &o, grown(&w->text));
	arena_append(w->arena, &w->parts, text_sub(buf_as_text(w->out), from, w->out->len));
	w->out->len = from;
	w->says = SAYS_NOTHING;
}

static void
put_parts(struct writer *w, struct json_out *o, const char *name)
{
	json_name(o, name);
	json_open(o, '[');
	buf_add(o->to, w->parts.at, w->parts.len);
	json_close(o, ']');
}

/* Messages. */

static void
put_message(struct writer *w, struct json_out *o, const char *status)
{
	json_open(o, '{');
	put_text(o, "type", "message");
	json_name(o, "id");
	json_string(o, w->item);
	put_text(o, "status", status);
	put_text(o, "role", "assistant");
	put_parts(w, o, "content");
	json_close(o, '}');
}

/* Thoughts. */

static void
put_thought(struct writer *w, struct json_out *o, const char *status)
{
	struct envelope e = { .thinking = grown(&w->text), .signature = grown(&w->signature), .redacted = w->redacted };

	json_open(o, '{');
	put_text(o, "type", "reasoning");
	json_name(o, "id");
	json_string(o, w->item);
	put_parts(w, o, "summary");
	if (w->seals && strcmp(status, "in_progress") != 0) {
		json_name(o, "encrypted_content");
		json_string(o, envelope_seal(w->arena, w->model, &e));
	}
	json_close(o, '}');
}

/* Calls. */

/* The arguments as an object, behind members that no model says. */
static void
put_action(struct writer *w, struct json_out *o, const struct call *c)
{
	const char *lead = responses_forms[c->tool.form].lead;
	struct text arguments = text_trim(json_unescape(w->arena, grown(&c->input)));
	struct json_fault fault;
	enum json_type type;
	size_t n;

	if (!json_scan(arguments, &type, NULL, 0, &n, &fault) || type != JSON_OBJECT)
		arguments = TEXT("{}");
	if (lead == NULL) {
		json_raw(o, arguments);
		return;
	}
	arguments = text_trim(text_sub(arguments, 1, arguments.len));
	json_open(o, '{');
	buf_text(o->to, text_of(lead));
	if (!text_is(arguments, "}"))
		buf_byte(o->to, ',');
	buf_text(o->to, arguments);
	o->comma = true;
}

static void
put_call(struct writer *w, struct json_out *o, const char *status)
{
	const struct call *c = &w->calls[w->open_call];
	const struct form *form = &responses_forms[c->tool.form];
	bool begins = strcmp(status, "in_progress") == 0;

	json_open(o, '{');
	put_text(o, "type", form->item);
	json_name(o, "id");
	json_string(o, w->item);
	put_member(o, "call_id", c->id);
	if (form->member == NULL) {
		put_member(o, "name", c->tool.short_name);
		if (c->tool.space.len > 0)
			put_member(o, "namespace", c->tool.space);
	}
	if (c->tool.form == FORM_FUNCTION)
		put_member(o, "arguments", begins ? QUOTED("") : grown(&c->input));
	else if (c->tool.form == FORM_CUSTOM)
		put_member(o, "input", begins ? QUOTED("") : freeform_text(w->arena, grown(&c->input)));
	else {
		json_name(o, form->member);
		put_action(w, o, c);
	}
	put_text(o, "status", status);
	json_close(o, '}');
}

static bool
is_complete(const struct call *c)
{
	return (c->balance.began && json_balanced(&c->balance));
}

static void
say_arguments(struct writer *w, struct call *c, struct quoted words)
{
	if (c->tool.form == FORM_FUNCTION && quoted_join(w->arena, &w->half, &words))
		say(w, "response.function_call_arguments.delta", NULL, 0, "delta", words);
}

static void
end_arguments(struct writer *w, struct call *c)
{
	struct json_out o;

	if (w->half.waits)
		say(w, "response.function_call_arguments.delta", NULL, 0, "delta", (struct quoted){ w->half.at, sizeof(w->half.at) });
	if (w->whole)
		return;
	o = open_event(w, "response.function_call_arguments.done", NULL, 0);
	put_member(&o, "name", c->tool.short_name);
	put_member(&o, "arguments", grown(&c->input));
	close_event(w, &o);
}

static void
end_input(struct writer *w, struct call *c)
{
	struct quoted input = freeform_text(w->arena, grown(&c->input));

	if (input.len > 0)
		say(w, "response.custom_tool_call_input.delta", NULL, 0, "delta", input);
	say(w, "response.custom_tool_call_input.done", NULL, 0, "input", input);
}

static void
close_call(struct writer *w)
{
	struct call *c = &w->calls[w->open_call];

	if (c->input.len == 0) {
		add(w->arena, &c->input, QUOTED("{}"));
		json_balance_add(&c->balance, QUOTED("{}"));
		say_arguments(w, c, QUOTED("{}"));
	}
	if (c->tool.form == FORM_FUNCTION)
		end_arguments(w, c);
	else if (c->tool.form == FORM_CUSTOM)
		end_input(w, c);
	else
		tell_added(w, put_call);
	c->done = true;
	tell_done(w, put_call, is_complete(c) ? "completed" : "incomplete");
}

/* What is open ends. */
static void
close_open(struct writer *w, const char *status)
{
	switch (w->open) {
	case OPEN_NONE:
		break;
	case OPEN_REASONING:
		close_part(w);
		tell_done(w, put_thought, status);
		break;
	case OPEN_MESSAGE:
		close_part(w);
		tell_done(w, put_message, status);
		break;
	case OPEN_CALL:
		close_call(w);
		break;
	}
}

static void
open_call(struct writer *w, unsigned slot)
{
	struct call *c = &w->calls[slot];

	close_open(w, "completed");
	begin_item(w, responses_forms[c->tool.form].id, OPEN_CALL);
	w->open_call = slot;
	if (responses_forms[c->tool.form].member == NULL)
		tell_added(w, put_call);
	if (c->input.len > 0)
		say_arguments(w, c, grown(&c->input));
	if (c->closed)
		close_call(w);
}

/* Words. */

static void
open_item(struct writer *w, const char *prefix, enum open open, item_f *put)
{
	if (w->open == open)
		return;
	close_open(w, "completed");
	begin_item(w, prefix, open);
	tell_added(w, put);
}

static void
think(struct writer *w, enum event_kind kind, struct quoted text)
{
	if (w->open == OPEN_REASONING && (kind == EVENT_REDACTED || (kind == EVENT_REASONING && w->signature.len > 0)))
		close_open(w, "completed");		/* what is signed is finished */
	if (kind != EVENT_REASONING && !w->seals && w->open != OPEN_REASONING)
		return;				/* nothing to read, and the client will not send it back */
	open_item(w, "rs_", OPEN_REASONING, put_thought);
	if (kind == EVENT_SIGNATURE) {
		add(w->arena, &w->signature, text);
		return;
	}
	if (kind == EVENT_REDACTED) {		/* an item of its own */
		w->redacted = keep(w->arena, text);
		close_open(w, "completed");
		return;
	}
	if (w->says == SAYS_NOTHING)
		open_part(w, SAYS_SUMMARY);
	if (quoted_join(w->arena, &w->half, &text))
		say_piece(w, text);
}

static void
speak(struct writer *w, enum says says, struct quoted text)
{
	open_item(w, "msg_", OPEN_MESSAGE, put_message);
	if (w->says != says) {
		close_part(w);
		open_part(w, says);
	}
	if (quoted_join(w->arena, &w->half, &text))
		say_piece(w, text);
}

static void
words(struct writer *w, enum event_kind kind, struct quoted text)
{
	if (kind == EVENT_TEXT || kind == EVENT_REFUSAL)
		speak(w, kind == EVENT_TEXT ? SAYS_TEXT : SAYS_REFUSAL, text);
	else
		think(w, kind, text);
}

/* The floor. */

static void
hold(struct writer *w, enum event_kind kind, struct quoted text, unsigned slot)
{
	*w->last_held = arena_new_of(w->arena, struct held);
	**w->last_held = (struct held){ .kind = kind, .text = keep(w->arena, text), .slot = slot };
	w->last_held = &(*w->last_held)->next;
}

/* Is there a call that can not be spoken over?  One that is complete makes room, and what waited for it comes first. */
static bool
is_busy(struct writer *w)
{
	while (w->open == OPEN_CALL || w->held != NULL) {
		struct held *h = w->held;

		if (w->open == OPEN_CALL) {
			if (!w->finishing && !w->calls[w->open_call].closed && !is_complete(&w->calls[w->open_call]))
				return (true);
			close_call(w);
		} else {
			w->held = h->next;
			if (w->held == NULL)
				w->last_held = &w->held;
			if (h->kind == EVENT_TOOL_OPEN)
				open_call(w, h->slot);
			else
				words(w, h->kind, h->text);
		}
	}
	return (false);
}

static struct call *
call_at(struct writer *w, unsigned slot)
{
	if (slot >= MOST_CALLS)
		return (NULL);
	w->calls = arena_widen(w->arena, w->calls, &w->room, slot + 1, w->n_calls, sizeof(*w->calls));
	if (slot >= w->n_calls)
		w->n_calls = slot + 1;
	return (&w->calls[slot]);
}

static struct special
special_of(struct writer *w, struct quoted name)
{
	for (const struct special *s = w->specials; s != NULL; s = s->next)
		if (s->name.len == name.len && memcmp(s->name.at, name.at, name.len) == 0)
			return (*s);
	return ((struct special){ .short_name = keep(w->arena, name) });
}

static void
call_opens(struct writer *w, const struct event *e)
{
	struct call *c = call_at(w, e->slot);
	struct text id;

	if (c == NULL || c->known)
		return;
	c->known = true;
	c->tool = special_of(w, e->name);
	c->id = keep(w->arena, e->id);
	if (c->id.len == 0) {
		id = letters(w->arena, "call_", w->response.told.id, ID_LETTERS);
		id = arena_print(w->arena, TEXT_FMT "%02x", TEXT_ARG(id), e->slot);
		c->id = (struct quoted){ id.at, id.len };
	}
	if (is_busy(w))
		hold(w, EVENT_TOOL_OPEN, QUOTED(""), e->slot);
	else
		open_call(w, e->slot);
}

static void
call_says(struct writer *w, const struct event *e)
{
	struct call *c = call_at(w, e->slot);

	if (c == NULL || !c->known || c->done)
		return;
	add(w->arena, &c->input, e->text);
	json_balance_add(&c->balance, e->text);
	if (w->open == OPEN_CALL && w->open_call == e->slot)
		say_arguments(w, c, e->text);
}

static void
call_closes(struct writer *w, const struct event *e)
{
	struct call *c = call_at(w, e->slot);

	if (c == NULL || !c->known)
		return;
	c->closed = true;
	(void)is_busy(w);
}

/* The end. */

static void
finish(struct writer *w, enum finish finish)
{
	w->response.finish = finish;
	w->finishing = true;
	(void)is_busy(w);
	close_open(w, response_status(finish));
}

static void
end(struct writer *w)
{
	struct text output;

	start(w);
	finish(w, w->response.finish);
	w->response.ended = true;
	output = (struct text){ w->output.at, w->output.len };
	if (w->whole)
		response_put(&(struct json_out){ .to = w->out }, &w->response, output, NULL);
	else
		response_event_whole(w->out, response_event(w->response.finish), &w->response, output, NULL, &w->sequence);
}

void
responses_fail(struct writer *w, struct buf *out, const struct error *e)
{
	w->over = true;
	response_event_whole(out, "response.failed", &w->response, (struct text){ w->output.at, w->output.len }, e, &w->sequence);
}

static void
fail(struct writer *w, const struct error *e)
{
	if (w->whole)
		w->out->len = w->from;
	else
		responses_fail(w, w->out, e);
}

void
responses_write(void *self, const struct event *e)
{
	struct writer *w = self;

	if (w->over || e->choice > 0)
		return;
	switch (e->kind) {
	case EVENT_START:
		start(w);
		break;
	case EVENT_TEXT: case EVENT_REASONING: case EVENT_SIGNATURE: case EVENT_REDACTED: case EVENT_REFUSAL:
		if (e->text.len == 0)
			break;
		if (is_busy(w))
			hold(w, e->kind, e->text, 0);
		else
			words(w, e->kind, e->text);
		break;
	case EVENT_TOOL_OPEN:
		call_opens(w, e);
		break;
	case EVENT_TOOL_INPUT:
		call_says(w, e);
		break;
	case EVENT_TOOL_CLOSE:
		call_closes(w, e);
		break;
	case EVENT_FINISH:
		finish(w, e->finish);
		break;
	case EVENT_USAGE:
		w->response.usage = e->usage;
		break;
	case EVENT_END:
		end(w);
		w->over = true;
		break;
	case EVENT_ERROR:
		fail(w, e->error);
		w->over = true;
		break;
	}
}
