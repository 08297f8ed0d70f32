/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as chat completions: a whole body at the end, or a chunk for each event.
 *
 * A half of a surrogate pair at the end of a delta is held back and put before the next delta of the same text, so that every chunk
 * is readable by itself.
 */
#include "front/chat_priv.h"
#include "front/freeform.h"

#define MAX_CHOICES	CHAT_N_MAX

struct piece {
	struct quoted	 text;
	struct piece	*next;
};

struct rope {
	struct piece	*first, *last;
};

/* A held half: of which text? */
enum block { BLOCK_NONE, BLOCK_TEXT, BLOCK_REASONING, BLOCK_REFUSAL, BLOCK_TOOL };

struct tool_call {
	unsigned	 slot;
	struct quoted	 id, name;
	struct rope	 input;
	bool		 fed;
	bool		 custom, told;		/* a tool that takes a text: it is told when it is all there */
	struct json_balance balance;
	struct half	 half;			/* streams: BLOCK_TOOL's own, as calls may interleave */
	struct tool_call *next;
};

struct block_of_thought {
	struct rope	 text, signature;
	bool		 redacted;
	struct block_of_thought *next;
};

struct choice {
	unsigned	 index;
	struct rope	 text, reasoning, refusal;
	struct block_of_thought *thoughts, **thoughts_end, *thought;
	struct tool_call *tools;
	enum finish	 finish;
	struct quoted	 stop;
	enum block	 half_of;
	struct half	 half;
	struct rope	 thinking, signature;	/* streams: the reasoning a signature belongs to */
	struct choice	*next;
};

struct writer {
	struct arena	*arena;
	struct told	 told;
	struct buf	*out;
	struct text	 id;
	bool		 streams;
	struct words	*customs;		/* names of the tools that take a text */
	bool		 cursor;		/* it wants their calls as functions, with the text for arguments */
	struct choice	*choices;
	struct usage	 usage;
	bool		 has_usage;
};

static struct quoted
keep(struct writer *w, struct quoted q)
{
	struct text copy = arena_copy(w->arena, (struct text){ q.at, q.len });

	return ((struct quoted){ copy.at, copy.len });
}

static void
keep_customs(struct writer *w, const struct ask *ask)
{
	struct words **last = &w->customs;

	for (const struct tool *t = ask != NULL ? ask->tools : NULL; t != NULL; t = t->next) {
		if (!t->freeform)
			continue;
		*last = arena_new_of(w->arena, struct words);
		(*last)->word = keep(w, t->name);
		last = &(*last)->next;
	}
}

static struct writer *
new_writer(struct arena *arena, const struct told *told, struct buf *out, bool streams)
{
	struct writer *w = arena_new_of(arena, struct writer);

	w->arena = arena;
	w->told = *told;
	w->out = out;
	w->streams = streams;
	w->usage = USAGE_UNSAID;
	w->cursor = told->asked != NULL && told->asked->responses_shaped;
	keep_customs(w, told->ask);
	return (w);
}

struct writer *
chat_whole(struct arena *arena, const struct told *told, struct buf *out)
{
	return (new_writer(arena, told, out, false));
}

struct writer *
chat_stream(struct arena *arena, const struct told *told, struct buf *out)
{
	return (new_writer(arena, told, out, true));
}

static void
add(struct writer *w, struct rope *r, struct quoted q)
{
	struct piece *p = arena_new_of(w->arena, struct piece);

	p->text = keep(w, q);
	if (r->last != NULL)
		r->last->next = p;
	else
		r->first = p;
	r->last = p;
}

static void
put_rope(struct json_out *o, const struct rope *r)
{
	json_put_quoted(o, QUOTED(""));
	o->to->len--;				/* the pieces go between the quotes */
	for (const struct piece *p = r->first; p != NULL; p = p->next)
		buf_add(o->to, p->text.at, p->text.len);
	buf_byte(o->to, '"');
}

static struct choice *
choice_of(struct writer *w, unsigned index)
{
	struct choice **at;

	for (at = &w->choices; *at != NULL; at = &(*at)->next)
		if ((*at)->index == index)
			return (*at);
	*at = arena_new_of(w->arena, struct choice);
	(*at)->index = index;
	(*at)->thoughts_end = &(*at)->thoughts;
	return (*at);
}

static bool
is_custom(const struct writer *w, struct quoted name)
{
	for (const struct words *c = w->customs; c != NULL; c = c->next)
		if (c->word.len == name.len && memcmp(c->word.at, name.at, name.len) == 0)
			return (true);
	return (false);
}

static struct tool_call *
tool_of(struct writer *w, struct choice *c, unsigned slot)
{
	struct tool_call **at;

	for (at = &c->tools; *at != NULL; at = &(*at)->next)
		if ((*at)->slot == slot)
			return (*at);
	*at = arena_new_of(w->arena, struct tool_call);
	(*at)->slot = slot;
	return (*at);
}

/* What both forms share. */

void
chat_put_head(struct json_out *o, const struct told *told, struct text id, const char *object)
{
	json_open(o, '{');
	json_name(o, "id");
	json_string(o, id);
	json_name(o, "object");
	json_string(o, text_of(object));
	json_name(o, "created");
	json_int(o, told->created);
	json_name(o, "model");
	json_string(o, told->model);
	json_name(o, "choices");
	json_open(o, '[');
}

static struct quoted
finish_word(const struct writer *w, enum finish finish)
{
	switch (finish) {
	case FINISH_LENGTH:	return (QUOTED("length"));
	case FINISH_FILTER:	return (QUOTED("content_filter"));
	case FINISH_TOOLS:	return (w->told.old_functions ? QUOTED("function_call") : QUOTED("tool_calls"));
	default:		return (QUOTED("stop"));
	}
}

static int64_t
at_least_0(int64_t n)
{
	return (n > 0 ? n : 0);
}

static void
put_count(struct json_out *o, const char *name, int64_t n)
{
	json_name(o, name);
	json_int(o, at_least_0(n));
}

/* OpenAI's members, and what LiteLLM adds for caches (litellm-observed). */
void
chat_put_usage(struct json_out *o, const struct usage *u)
{
	json_name(o, "usage");
	json_open(o, '{');
	put_count(o, "prompt_tokens", u->prompt);
	put_count(o, "completion_tokens", u->completion);
	put_count(o, "total_tokens", at_least_0(u->prompt) + at_least_0(u->completion));
	if (u->cached >= 0 || u->written >= 0) {
		json_name(o, "prompt_tokens_details");
		json_open(o, '{');
		put_count(o, "cached_tokens", u->cached);
		put_count(o, "cache_write_tokens", u->written);
		put_count(o, "cache_creation_tokens", u->written);
		json_close(o, '}');
		put_count(o, "cache_creation_input_tokens", u->written);
		put_count(o, "cache_read_input_tokens", u->cached);
	}
	if (u->reasoning >= 0) {
		json_name(o, "completion_tokens_details");
		json_open(o, '{');
		put_count(o, "reasoning_tokens", u->reasoning);
		json_close(o, '}');
	}
	json_close(o, '}');
}

static void
take_id(struct writer *w, struct quoted vendor)
{
	static const struct text form = { "chatcmpl-", 9 };
	struct text id = json_unescape(w->arena, vendor);

	if (text_starts(id, form))
		w->id = arena_copy(w->arena, id);
	else if (text_starts(w->told.id, form))
		w->id = w->told.id;
	else
		w->id = arena_print(w->arena, "chatcmpl-" TEXT_FMT, TEXT_ARG(w->told.id));
}

/* Whole answers. */

static struct block_of_thought *
thought_of(struct writer *w, struct choice *c, bool redacted)
{
	struct block_of_thought *b = c->thought;

	if (b == NULL || redacted) {
		b = arena_new_of(w->arena, struct block_of_thought);
		b->redacted = redacted;
		*c->thoughts_end = b;
		c->thoughts_end = &b->next;
		c->thought = redacted ? NULL : b;
	}
	return (b);
}

static void
take_reasoning(struct writer *w, struct choice *c, struct quoted text)
{
	if (c->thought != NULL && c->thought->signature.first != NULL)
		c->thought = NULL;		/* a signature ends its block */
	add(w, &thought_of(w, c, false)->text, text);
	add(w, &c->reasoning, text);
}

static bool
any_signed(const struct choice *c)
{
	for (const struct block_of_thought *b = c->thoughts; b != NULL; b = b->next)
		if (b->redacted || b->signature.first != NULL)
			return (true);
	return (false);
}

static void
put_thoughts(struct json_out *o, const struct choice *c)
{
	if (c->reasoning.first != NULL) {
		json_name(o, "reasoning_content");
		put_rope(o, &c->reasoning);
	}
	if (!any_signed(c))
		return;
	json_name(o, "thinking_blocks");
	json_open(o, '[');
	for (const struct block_of_thought *b = c->thoughts; b != NULL; b = b->next) {
		if (!b->redacted && b->signature.first == NULL)
			continue;
		json_open(o, '{');
		json_name(o, "type");
		json_put_quoted(o, b->redacted ? QUOTED("redacted_thinking") : QUOTED("thinking"));
		json_name(o, b->redacted ? "data" : "thinking");
		put_rope(o, &b->text);
		if (!b->redacted) {
			json_name(o, "signature");
			put_rope(o, &b->signature);
		}
		json_close(o, '}');
	}
	json_close(o, ']');
}

/* A call's type, and where its input stands. */
static const char *
type_of(const struct writer *w, const struct tool_call *t)
{
	return (t->custom && !w->cursor ? "custom" : "function");
}

static const char *
input_name(const struct writer *w, const struct tool_call *t)
{
	return (t->custom && !w->cursor ? "input" : "arguments");
}

static struct quoted
custom_text(const struct writer *w, const struct tool_call *t)
{
	struct growing all = { 0 };

	for (const struct piece *p = t->input.first; p != NULL; p = p->next)
		arena_append(w->arena, &all, (struct text){ p->text.at, p->text.len });
	return (freeform_text(w->arena, (struct quoted){ all.len > 0 ? all.at : "", all.len }));
}

static void
put_function(struct json_out *o, const struct writer *w, const struct tool_call *t)
{
	json_open(o, '{');
	json_name(o, "name");
	json_put_quoted(o, t->name);
	json_name(o, input_name(w, t));
	if (t->custom)
		json_put_quoted(o, custom_text(w, t));
	else if (t->fed)
		put_rope(o, &t->input);
	else
		json_put_quoted(o, QUOTED("{}"));
	json_close(o, '}');
}

static void
put_calls(struct json_out *o, const struct writer *w, const struct choice *c)
{
	if (c->tools == NULL)			/* absent, not empty: clients loop on an empty round */
		return;
	if (w->told.old_functions) {
		json_name(o, "function_call");
		put_function(o, w, c->tools);
		return;
	}
	json_name(o, "tool_calls");
	json_open(o, '[');
	for (const struct tool_call *t = c->tools; t != NULL; t = t->next) {
		json_open(o, '{');
		json_name(o, "id");
		json_put_quoted(o, t->id);
		json_name(o, "type");
		json_string(o, text_of(type_of(w, t)));
		json_name(o, type_of(w, t));
		put_function(o, w, t);
		json_close(o, '}');
	}
	json_close(o, ']');
}

static void
put_message(struct json_out *o, const struct writer *w, const struct choice *c)
{
	json_open(o, '{');
	json_name(o, "role");
	json_put_quoted(o, QUOTED("assistant"));
	json_name(o, "content");
	if (c->text.first != NULL || (c->tools == NULL && c->refusal.first == NULL))
		put_rope(o, &c->text);
	else
		json_null(o);
	json_name(o, "refusal");
	if (c->refusal.first != NULL)
		put_rope(o, &c->refusal);
	else
		json_null(o);
	put_thoughts(o, c);
	put_calls(o, w, c);
	json_close(o, '}');
}

static void
put_body(struct writer *w)
{
	struct json_out o = { .to = w->out };

	chat_put_head(&o, &w->told, w->id, "chat.completion");
	for (const struct choice *c = w->choices; c != NULL; c = c->next) {
		json_open(&o, '{');
		json_name(&o, "index");
		json_int(&o, c->index);
		json_name(&o, "message");
		put_message(&o, w, c);
		json_name(&o, "logprobs");
		json_null(&o);
		json_name(&o, "finish_reason");
		json_put_quoted(&o, finish_word(w, c->finish));
		if (c->stop.len > 0) {
			json_name(&o, "stop_reason");
			json_put_quoted(&o, c->stop);
		}
		json_close(&o, '}');
	}
	json_close(&o, ']');
	chat_put_usage(&o, &w->usage);
	json_close(&o, '}');
}

static void
collect(struct writer *w, const struct event *e)
{
	struct choice *c = choice_of(w, e->choice < MAX_CHOICES ? e->choice : 0);
	struct tool_call *t;

	switch (e->kind) {
	case EVENT_TEXT:
		add(w, &c->text, e->text);
		break;
	case EVENT_REASONING:
		take_reasoning(w, c, e->text);
		break;
	case EVENT_SIGNATURE:
		add(w, &thought_of(w, c, false)->signature, e->text);
		break;
	case EVENT_REDACTED:
		add(w, &thought_of(w, c, true)->text, e->text);
		break;
	case EVENT_REFUSAL:
		add(w, &c->refusal, e->text);
		break;
	case EVENT_TOOL_OPEN:
		t = tool_of(w, c, e->slot);
		t->id = keep(w, e->id);
		t->name = keep(w, e->name);
		t->custom = is_custom(w, e->name);
		break;
	case EVENT_TOOL_INPUT:
		t = tool_of(w, c, e->slot);
		add(w, &t->input, e->text);
		t->fed |= e->text.len > 0;
		break;
	case EVENT_FINISH:
		c->finish = e->finish;
		c->stop = keep(w, e->stop_sequence);
		break;
	default:
		break;
	}
}

/* Streams. */

void
chat_close_chunk(struct json_out *o, const struct told *told, const struct usage *usage)
{
	json_close(o, ']');
	if (usage != NULL)
		chat_put_usage(o, usage);
	else if (told->usage_asked) {
		json_name(o, "usage");
		json_null(o);
	}
	json_close(o, '}');
	buf_lit(o->to, "\n\n");
}

static void
open_chunk(struct json_out *o, const struct writer *w)
{
	buf_lit(w->out, "data: ");
	chat_put_head(o, &w->told, w->id, "chat.completion.chunk");
}

static void
open_delta(struct json_out *o, const struct writer *w, unsigned choice)
{
	*o = (struct json_out){ .to = w->out };
	open_chunk(o, w);
	json_open(o, '{');
	json_name(o, "index");
	json_int(o, choice);
	json_name(o, "delta");
	json_open(o, '{');
}

static void
close_delta(struct json_out *o, const struct writer *w, const struct quoted *finish)
{
	json_close(o, '}');
	json_name(o, "logprobs");
	json_null(o);
	json_name(o, "finish_reason");
	if (finish != NULL)
		json_put_quoted(o, *finish);
	else
		json_null(o);
	json_close(o, '}');
	chat_close_chunk(o, &w->told, NULL);
}

static void
say_role(const struct writer *w, const struct choice *c)
{
	struct json_out o;

	open_delta(&o, w, c->index);
	json_name(&o, "role");
	json_put_quoted(&o, QUOTED("assistant"));
	json_name(&o, "content");
	json_put_quoted(&o, QUOTED(""));
	close_delta(&o, w, NULL);
}

/* Once for each choice, before anything else of it. */
static struct choice *
began(struct writer *w, unsigned index)
{
	struct choice *c;

	for (c = w->choices; c != NULL; c = c->next)
		if (c->index == index)
			return (c);
	c = choice_of(w, index);
	say_role(w, c);
	return (c);
}

static const char *const block_names[] = { [BLOCK_TEXT] = "content", [BLOCK_REASONING] = "reasoning_content", [BLOCK_REFUSAL] = "refusal" };

static void
say_delta(const struct writer *w, const struct choice *c, enum block block, struct quoted words)
{
	struct json_out o;

	open_delta(&o, w, c->index);
	json_name(&o, block_names[block]);
	json_put_quoted(&o, words);
	close_delta(&o, w, NULL);
}

/* Another text begins, or the answer ends: a half that still waits will stay one. */
static void
flush_half(struct writer *w, struct choice *c, enum block next)
{
	enum block of = c->half_of;

	if (of == BLOCK_NONE || of == next)
		return;
	c->half_of = BLOCK_NONE;
	c->half.waits = false;
	say_delta(w, c, of, (struct quoted){ c->half.at, 6 });
}

static void
say_words(struct writer *w, struct choice *c, enum block block, struct quoted words)
{
	flush_half(w, c, block);
	if (quoted_join(w->arena, &c->half, &words))
		say_delta(w, c, block, words);
	c->half_of = c->half.waits ? block : BLOCK_NONE;
}

static void
say_tool(struct writer *w, const struct choice *c, const struct tool_call *t, bool opens, struct quoted input)
{
	struct json_out o;

	if (w->told.old_functions && t->slot > 0)	/* the old form has room for one call */
		return;
	open_delta(&o, w, c->index);
	json_name(&o, w->told.old_functions ? "function_call" : "tool_calls");
	if (!w->told.old_functions) {
		json_open(&o, '[');
		json_open(&o, '{');
		json_name(&o, "index");
		json_int(&o, t->slot);
		if (opens) {
			json_name(&o, "id");
			json_put_quoted(&o, t->id);
			json_name(&o, "type");
			json_string(&o, text_of(type_of(w, t)));
		}
		json_name(&o, type_of(w, t));
	}
	json_open(&o, '{');
	if (opens) {
		json_name(&o, "name");
		json_put_quoted(&o, t->name);
	}
	json_name(&o, input_name(w, t));
	json_put_quoted(&o, input);
	json_close(&o, '}');
	if (!w->told.old_functions) {
		json_close(&o, '}');
		json_close(&o, ']');
	}
	close_delta(&o, w, NULL);
}

static void
say_text(struct writer *w, struct choice *c, struct tool_call *t)
{
	if (!t->told)
		say_tool(w, c, t, false, custom_text(w, t));
	t->told = true;
}

static void
say_input(struct writer *w, struct choice *c, struct tool_call *t, struct quoted words)
{
	if (words.len == 0)
		return;
	t->fed = true;
	if (t->custom) {
		add(w, &t->input, words);
		json_balance_add(&t->balance, words);
		if (t->balance.began && json_balanced(&t->balance))
			say_text(w, c, t);
	} else if (quoted_join(w->arena, &t->half, &words))
		say_tool(w, c, t, false, words);
}

static void
close_tool(struct writer *w, struct choice *c, struct tool_call *t)
{
	if (t->custom)
		say_text(w, c, t);
	else if (!t->fed)
		say_tool(w, c, t, false, QUOTED("{}"));
	else if (t->half.waits)
		say_tool(w, c, t, false, (struct quoted){ t->half.at, 6 });
	t->half.waits = false;
}

/* A signed block is said whole once its signature is there: clients send it back as it is. */
static void
say_signed(struct writer *w, struct choice *c)
{
	struct json_out o;

	if (c->signature.first == NULL)
		return;
	open_delta(&o, w, c->index);
	json_name(&o, "thinking_blocks");
	json_open(&o, '[');
	json_open(&o, '{');
	json_name(&o, "type");
	json_put_quoted(&o, QUOTED("thinking"));
	json_name(&o, "thinking");
	put_rope(&o, &c->thinking);
	json_name(&o, "signature");
	put_rope(&o, &c->signature);
	json_close(&o, '}');
	json_close(&o, ']');
	close_delta(&o, w, NULL);
	c->thinking = c->signature = (struct rope){ 0 };
}

static void
say_redacted(struct writer *w, struct choice *c, struct quoted data)
{
	struct json_out o;

	open_delta(&o, w, c->index);
	json_name(&o, "thinking_blocks");
	json_open(&o, '[');
	json_open(&o, '{');
	json_name(&o, "type");
	json_put_quoted(&o, QUOTED("redacted_thinking"));
	json_name(&o, "data");
	json_put_quoted(&o, data);
	json_close(&o, '}');
	json_close(&o, ']');
	close_delta(&o, w, NULL);
}

static void
say_finish(struct writer *w, struct choice *c, const struct event *e)
{
	struct quoted word = finish_word(w, e->finish);
	struct json_out o;

	flush_half(w, c, BLOCK_NONE);
	open_delta(&o, w, c->index);
	close_delta(&o, w, &word);
}

static void
say_usage(struct writer *w)
{
	struct json_out o = { .to = w->out };

	open_chunk(&o, w);
	chat_close_chunk(&o, &w->told, &w->usage);
}

static void
say(struct writer *w, const struct event *e)
{
	struct choice *c = began(w, e->choice < MAX_CHOICES ? e->choice : 0);
	struct tool_call *t;

	if (e->kind != EVENT_SIGNATURE)
		say_signed(w, c);
	switch (e->kind) {
	case EVENT_TEXT:
		say_words(w, c, BLOCK_TEXT, e->text);
		break;
	case EVENT_REASONING:
		add(w, &c->thinking, e->text);
		say_words(w, c, BLOCK_REASONING, e->text);
		break;
	case EVENT_SIGNATURE:
		add(w, &c->signature, e->text);
		break;
	case EVENT_REDACTED:
		say_redacted(w, c, e->text);
		break;
	case EVENT_REFUSAL:
		say_words(w, c, BLOCK_REFUSAL, e->text);
		break;
	case EVENT_TOOL_OPEN:
		flush_half(w, c, BLOCK_TOOL);
		t = tool_of(w, c, e->slot);
		t->id = keep(w, e->id);
		t->name = keep(w, e->name);
		t->custom = is_custom(w, e->name);
		say_tool(w, c, t, true, QUOTED(""));
		break;
	case EVENT_TOOL_INPUT:
		say_input(w, c, tool_of(w, c, e->slot), e->text);
		break;
	case EVENT_TOOL_CLOSE:
		close_tool(w, c, tool_of(w, c, e->slot));
		break;
	case EVENT_FINISH:
		say_finish(w, c, e);
		break;
	default:
		break;
	}
}

/* The hearer. */

static void
end(struct writer *w)
{
	if (!w->streams) {
		put_body(w);
		return;
	}
	if (w->has_usage && w->told.usage_asked)
		say_usage(w);
	buf_lit(w->out, "data: [DONE]\n\n");
}

static void
refuse(struct writer *w, const struct error *e)
{
	if (w->streams)
		front_chat.error_event(w->out, e, &(struct failing){ .told = &w->told, .writer = w });
	else
		front_chat.error_body(w->out, e, TEXT(""));
}

void
chat_write(void *self, const struct event *e)
{
	struct writer *w = self;

	switch (e->kind) {
	case EVENT_START:
		take_id(w, e->id);
		if (w->streams)
			(void)began(w, e->choice < MAX_CHOICES ? e->choice : 0);
		break;
	case EVENT_USAGE:
		w->usage = e->usage;
		w->has_usage = true;
		break;
	case EVENT_END:
		end(w);
		break;
	case EVENT_ERROR:
		refuse(w, e->error);
		break;
	default:
		if (w->streams)
			say(w, e);
		else
			collect(w, e);
	}
}

void
chat_put_finish(struct buf *out, const struct told *told, struct text vendor_id, enum finish finish)
{
	struct writer w = { .told = *told, .out = out, .id = vendor_id };
	struct quoted word = finish_word(&w, finish);
	struct json_out o;

	w.told.usage_asked = false;
	open_delta(&o, &w, 0);
	close_delta(&o, &w, &word);
}
