/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of OpenAI-like servers as events: every oddity of tool indexes, missing ids and forgotten endings stops here.
 *
 * Nothing is kept of an event but what later events need (tool calls not yet opened), so that a long stream stays small.
 */
#include "provider/openai_priv.h"

#include "base/clock.h"

#define MAX_TOOLS	512			/* calls of one choice */

struct piece {
	struct quoted	 text;
	struct piece	*next;
};

struct tool_call {
	int64_t		 index;			/* as the vendor counts; -1: it does not */
	struct quoted	 id, name;
	struct piece	*held, **held_end;	/* arguments that came before the name */
	struct json_balance balance;
	unsigned	 slot;
	bool		 open, fed;
	struct tool_call *older;
};

struct choice {
	unsigned	 index;
	struct tool_call *newest;		/* of an index the newest counts */
	unsigned	 n_tools, n_open;
	enum finish	 finish;
	struct quoted	 stop;
	bool		 spoke;			/* a delta with something in it came */
	bool		 plain_reasoning;	/* reasoning came as plain text, so the copy in signed blocks is left out */
	struct choice	*next;
};

struct reader {
	struct arena	*arena;
	struct seen	*seen;
	const struct renamed *names;
	struct hearer	 to;
	struct choice	*choices;
	bool		 started, over;
	struct error	*error;
};

struct reader *
openai_reader(struct arena *arena, struct seen *seen, const struct ask *ask)
{
	struct reader *r = arena_new_of(arena, struct reader);

	r->arena = arena;
	r->seen = seen;
	r->names = names_changed(arena, ask, tool_name_fit);
	return (r);
}

static void
say(struct reader *r, const struct choice *c, struct event e)
{
	e.choice = c != NULL ? c->index : 0;
	r->to.hear(r->to.self, &e);
}

static void
say_words(struct reader *r, struct choice *c, enum event_kind kind, struct quoted words)
{
	if (words.len == 0)
		return;
	r->seen->content = c->spoke = true;
	r->seen->produced += words.len;
	say(r, c, (struct event){ .kind = kind, .text = words });
}

static struct quoted
keep(struct reader *r, struct quoted q)
{
	struct text copy = arena_copy(r->arena, (struct text){ q.at, q.len });

	return ((struct quoted){ copy.at, copy.len });
}

static bool
is_same(struct quoted a, struct quoted b)
{
	return (a.len == b.len && memcmp(a.at, b.at, a.len) == 0);
}

static bool
is_named(const struct json_item *item, const char *name)
{
	return (item->name.len == strlen(name) && memcmp(item->name.at, name, item->name.len) == 0);
}

/* The inside of a string member; empty when it is none. */
static struct quoted
string_in(const struct json_item *item)
{
	return (item->type == JSON_STRING ? json_inside(item->raw) : QUOTED(""));
}

static struct quoted
string_of(struct text object, const char *name)
{
	struct json_item item;

	return (json_find(object, name, &item) ? string_in(&item) : QUOTED(""));
}

static struct choice *
choice_of(struct reader *r, unsigned index)
{
	struct choice **at;

	for (at = &r->choices; *at != NULL; at = &(*at)->next)
		if ((*at)->index == index)
			return (*at);
	*at = arena_new_of(r->arena, struct choice);
	(*at)->index = index;
	return (*at);
}

/* Tool calls. */

static bool
is_complete(const struct tool_call *t)
{
	return (t->balance.began && json_balanced(&t->balance));
}

static struct quoted
new_id(struct reader *r)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	char *id = arena_bytes(r->arena, 29);
	uint64_t bits = 0;

	memcpy(id, "call_", 5);
	for (unsigned i = 0; i < 24; i++) {
		if (i % 8 == 0)
			bits = random_u64();
		id[5 + i] = digits[bits % 62];
		bits /= 62;
	}
	return ((struct quoted){ id, 29 });
}

static void
feed_tool(struct reader *r, struct choice *c, struct tool_call *t, struct quoted piece)
{
	t->fed = true;
	r->seen->produced += piece.len;
	say(r, c, (struct event){ .kind = EVENT_TOOL_INPUT, .slot = t->slot, .text = piece });
}

static void
open_tool(struct reader *r, struct choice *c, struct tool_call *t)
{
	if (t->id.len == 0)
		t->id = new_id(r);
	t->open = true;
	t->slot = c->n_open++;
	r->seen->content = c->spoke = true;
	say(r, c, (struct event){ .kind = EVENT_TOOL_OPEN, .slot = t->slot, .id = t->id, .name = names_back(r->names, t->name) });
	for (struct piece *p = t->held; p != NULL; p = p->next)
		feed_tool(r, c, t, p->text);
	t->held = NULL;
}

static void
take_arguments(struct reader *r, struct choice *c, struct tool_call *t, struct quoted piece)
{
	if (piece.len == 0)
		return;
	json_balance_add(&t->balance, piece);
	if (t->open) {
		feed_tool(r, c, t, piece);
		return;
	}
	if (t->held == NULL)
		t->held_end = &t->held;
	*t->held_end = arena_new_of(r->arena, struct piece);
	(*t->held_end)->text = keep(r, piece);
	t->held_end = &(*t->held_end)->next;
}

static struct tool_call *
new_tool(struct reader *r, struct choice *c, int64_t index)
{
	struct tool_call *t = arena_new_of(r->arena, struct tool_call);

	t->index = index;
	t->older = c->newest;
	c->newest = t;
	c->n_tools++;
	return (t);
}

/* What one fragment of a call says. */
struct fragment {
	int64_t		 index;			/* -1: nothing */
	struct quoted	 id, name, arguments;
};

/* Whose fragment is it?  Servers leave out the index, start at 1, or say 0 for every call and tell them apart by id or by name. */
static struct tool_call *
tool_of(struct reader *r, struct choice *c, const struct fragment *f)
{
	struct tool_call *t = c->newest;

	if (f->index >= 0)
		while (t != NULL && t->index != f->index)
			t = t->older;
	else if (f->id.len > 0)
		while (t != NULL && !is_same(t->id, f->id))
			t = t->older;
	else if (f->name.len > 0)
		t = NULL;
	if (t == NULL)
		return (new_tool(r, c, f->index));
	if (f->name.len > 0 && f->id.len > 0 && t->id.len > 0 && !is_same(t->id, f->id))
		return (new_tool(r, c, f->index));
	if (f->name.len > 0 && f->id.len == 0 && f->arguments.len > 0 && t->name.len > 0 && is_complete(t))
		return (new_tool(r, c, f->index));
	return (t);
}

static void
take_fragment(struct reader *r, struct choice *c, const struct fragment *f)
{
	struct tool_call *t;

	if (c->n_tools >= MAX_TOOLS)
		return;
	t = tool_of(r, c, f);
	if (t->id.len == 0 && f->id.len > 0)
		t->id = keep(r, f->id);
	if (t->name.len == 0 && f->name.len > 0)
		t->name = keep(r, f->name);
	if (!t->open && t->name.len > 0)
		open_tool(r, c, t);
	take_arguments(r, c, t, f->arguments);
}

static void
read_function(struct reader *r, struct fragment *f, struct text object)
{
	struct json_walk walk = json_walk(object);
	struct json_item item;

	while (json_next(&walk, &item)) {
		if (is_named(&item, "name"))
			f->name = string_in(&item);
		else if (is_named(&item, "arguments") || is_named(&item, "input")) {
			f->arguments = string_in(&item);
			if (item.type == JSON_OBJECT)	/* an object where a string belongs */
				f->arguments = json_escape_compact(r->arena, item.raw);
		}
	}
}

static void
read_tool_calls(struct reader *r, struct choice *c, struct text list)
{
	struct json_walk walk = json_walk(list), members;
	struct json_item call, item;

	while (json_next(&walk, &call)) {
		struct fragment f = { .index = -1 };

		if (call.type != JSON_OBJECT)
			continue;
		members = json_walk(call.raw);
		while (json_next(&members, &item)) {
			if (is_named(&item, "index")) {
				if (!json_to_i64(item.raw, &f.index) || f.index < 0)
					f.index = -1;
			} else if (is_named(&item, "id"))
				f.id = string_in(&item);
			else if (item.type == JSON_OBJECT && (is_named(&item, "function") || is_named(&item, "custom")))
				read_function(r, &f, item.raw);
		}
		take_fragment(r, c, &f);
	}
}

/* Content. */

/* Mistral: [{"type":"thinking","thinking":[{"type":"text","text":…}]},{"type":"text","text":…}] */
static void
read_parts(struct reader *r, struct choice *c, struct text list, enum event_kind kind)
{
	struct json_walk walk = json_walk(list);
	struct json_item part, inner;

	while (json_next(&walk, &part)) {
		if (part.type != JSON_OBJECT)
			continue;
		if (json_find(part.raw, "thinking", &inner) && inner.type == JSON_ARRAY) {
			if (kind == EVENT_TEXT)
				read_parts(r, c, inner.raw, EVENT_REASONING);
		} else
			say_words(r, c, kind, string_of(part.raw, "text"));
	}
}

/* OpenRouter's reasoning_details and LiteLLM's thinking_blocks: what is signed must come back as it was. */
static void
read_signed(struct reader *r, struct choice *c, struct text list)
{
	struct json_walk walk = json_walk(list);
	struct json_item block;
	struct quoted words, data, signature;

	while (json_next(&walk, &block)) {
		if (block.type != JSON_OBJECT)
			continue;
		words = string_of(block.raw, "text");
		if (words.len == 0)
			words = string_of(block.raw, "thinking");
		if (!c->plain_reasoning)
			say_words(r, c, EVENT_REASONING, words);
		signature = string_of(block.raw, "signature");
		if (signature.len > 0)
			say(r, c, (struct event){ .kind = EVENT_SIGNATURE, .text = signature });
		data = string_of(block.raw, "data");
		if (data.len > 0)
			say(r, c, (struct event){ .kind = EVENT_REDACTED, .text = data });
	}
}

struct delta {
	struct json_item content, reasoning_content, reasoning, refusal, tool_calls, function_call, details, blocks;
};

static void
delta_members(struct delta *d, struct text object)
{
	static const struct {
		const char	*name;
		size_t		 at;
	} members[] = {
		{ "content", offsetof(struct delta, content) },
		{ "reasoning_content", offsetof(struct delta, reasoning_content) },
		{ "reasoning", offsetof(struct delta, reasoning) },
		{ "refusal", offsetof(struct delta, refusal) },
		{ "tool_calls", offsetof(struct delta, tool_calls) },
		{ "function_call", offsetof(struct delta, function_call) },
		{ "reasoning_details", offsetof(struct delta, details) },
		{ "thinking_blocks", offsetof(struct delta, blocks) },
	};
	struct json_walk walk = json_walk(object);
	struct json_item item;

	memset(d, 0, sizeof(*d));
	while (json_next(&walk, &item))
		for (size_t i = 0; i < nitems(members); i++)
			if (is_named(&item, members[i].name))
				*(struct json_item *)(void *)((char *)d + members[i].at) = item;
}

static void
read_delta(struct reader *r, struct choice *c, struct text object)
{
	struct delta d;
	struct quoted reasoning;

	delta_members(&d, object);
	reasoning = string_in(&d.reasoning_content);
	if (reasoning.len == 0)
		reasoning = string_in(&d.reasoning);
	c->plain_reasoning |= reasoning.len > 0;
	say_words(r, c, EVENT_REASONING, reasoning);
	if (d.details.type == JSON_ARRAY)
		read_signed(r, c, d.details.raw);
	else if (d.blocks.type == JSON_ARRAY)
		read_signed(r, c, d.blocks.raw);
	if (d.content.type == JSON_ARRAY)
		read_parts(r, c, d.content.raw, EVENT_TEXT);
	say_words(r, c, EVENT_TEXT, string_in(&d.content));
	say_words(r, c, EVENT_REFUSAL, string_in(&d.refusal));
	if (d.tool_calls.type == JSON_ARRAY)
		read_tool_calls(r, c, d.tool_calls.raw);
	if (d.function_call.type == JSON_OBJECT) {
		struct fragment f = { .index = 0 };

		read_function(r, &f, d.function_call.raw);
		take_fragment(r, c, &f);
	}
}

static void
note_usage(struct reader *r, struct text object)
{
	struct usage usage;

	if (usage_read(&usage, object)) {
		r->seen->usage = usage;
		r->seen->usage_said = true;
		r->seen->usage_at = r->seen->produced;
	}
}

static void
read_choice(struct reader *r, struct text object)
{
	struct choice_spots spots;
	struct choice *c;
	enum finish finish;

	choice_read(&spots, object);
	c = choice_of(r, spots.index);
	if (spots.delta.type == JSON_OBJECT)
		read_delta(r, c, spots.delta.raw);
	say_words(r, c, EVENT_TEXT, string_in(&spots.text));
	if (spots.usage.type == JSON_OBJECT)
		note_usage(r, spots.usage.raw);
	switch (spots.finish_reason.type == JSON_STRING ? finish_read(&finish, json_inside(spots.finish_reason.raw)) : FINISH_WORD_NONE) {
	case FINISH_WORD_NONE:
		break;
	case FINISH_WORD_FAILED:
		r->error = error_new(r->arena, E_UPSTREAM_FAILED, VENDOR_FAILED);
		break;
	default:
		if (c->finish == FINISH_NONE) {
			c->finish = finish;
			c->stop = keep(r, string_in(&spots.stop));
		}
	}
}

static void
start(struct reader *r, const struct chunk *c)
{
	struct quoted id = c->id != NULL && c->id->type == JSON_STRING ? json_inside(json_spot_value(c->data, c->id)) : QUOTED("");

	if (c->model != NULL && c->model->type == JSON_STRING && r->seen->served_model.at == NULL)
		r->seen->served_model = arena_copy(r->arena, json_unescape(r->arena, json_inside(json_spot_value(c->data, c->model))));
	if (id.len > 0 && r->seen->vendor_id.at == NULL)
		r->seen->vendor_id = arena_copy(r->arena, json_unescape(r->arena, id));
	if (r->started)
		return;
	r->started = true;
	say(r, NULL, (struct event){ .kind = EVENT_START, .id = id });
}

static void
read_chunk(struct reader *r, struct text name, struct text data)
{
	struct json_fault fault = { 0 };
	struct json_walk walk;
	struct json_item item;
	struct text error;
	struct chunk c;

	if (!chunk_read(&c, r->arena, data, &fault)) {
		r->error = not_an_answer(r->arena, data, &fault);
		return;
	}
	error = chunk_error(&c, name);
	if (error.len > 0) {
		r->error = provider_read_error(r->arena, "OpenAI", 200, TEXT("application/json"), error, 0);
		return;
	}
	if (c.x_groq != NULL && c.x_groq->type == JSON_OBJECT && json_find(json_spot_value(data, c.x_groq), "usage", &item))
		note_usage(r, item.raw);
	if (c.usage != NULL && c.usage->type == JSON_OBJECT) {
		note_usage(r, json_spot_value(data, c.usage));
		r->seen->usage.tier = chunk_tier(&c);
	}
	if (c.choices == NULL || c.choices->type != JSON_ARRAY)
		return;
	walk = json_walk(json_spot_value(data, c.choices));
	while (json_next(&walk, &item)) {
		if (item.type != JSON_OBJECT)
			continue;
		start(r, &c);
		read_choice(r, item.raw);
	}
}

/* The end. */

static void
fail(struct reader *r, struct error *e)
{
	r->over = true;
	r->seen->error = e;
	say(r, NULL, (struct event){ .kind = EVENT_ERROR, .error = e });
}

static struct tool_call *
in_order(struct tool_call *newest)
{
	struct tool_call *first = NULL, *older;

	for (struct tool_call *t = newest; t != NULL; t = older) {
		older = t->older;
		t->older = first;
		first = t;
	}
	return (first);
}

/* The reason of a choice: the vendor's, corrected by what came, or made up when it never said one. */
static enum finish
reason_of(const struct choice *c)
{
	bool complete = false;

	for (const struct tool_call *t = c->newest; t != NULL; t = t->older)
		complete |= t->open && json_balanced(&t->balance);
	if (c->finish == FINISH_NONE || c->finish == FINISH_STOP)
		return (complete ? FINISH_TOOLS : FINISH_STOP);
	if (c->finish == FINISH_TOOLS && c->n_open == 0)
		return (FINISH_STOP);
	return (c->finish);
}

static void
finish_choice(struct reader *r, struct choice *c)
{
	enum finish finish = reason_of(c);

	for (struct tool_call *t = in_order(c->newest); t != NULL; t = t->older) {
		if (!t->open)			/* it never got a name: nobody could run it */
			continue;
		if (!t->fed)
			feed_tool(r, c, t, QUOTED("{}"));
		say(r, c, (struct event){ .kind = EVENT_TOOL_CLOSE, .slot = t->slot });
	}
	c->newest = NULL;
	if (c->index == 0)
		r->seen->finish = finish;
	say(r, c, (struct event){ .kind = EVENT_FINISH, .finish = finish, .stop_sequence = c->stop });
}

/* May the answer count as complete?  `word`: [DONE] was said, or the body was whole. */
static bool
is_finished(const struct reader *r, bool word)
{
	bool any = false;

	for (const struct choice *c = r->choices; c != NULL; c = c->next) {
		if (c->finish == FINISH_NONE && (!word || !c->spoke))
			return (false);
		for (const struct tool_call *t = c->newest; t != NULL && c->finish == FINISH_NONE; t = t->older)
			if (!json_balanced(&t->balance))
				return (false);
		any = true;
	}
	return (any);
}

static void
end(struct reader *r)
{
	for (struct choice *c = r->choices; c != NULL; c = c->next)
		finish_choice(r, c);
	if (r->seen->usage_said)
		say(r, NULL, (struct event){ .kind = EVENT_USAGE, .usage = r->seen->usage });
	r->seen->finished = true;
	r->over = true;
	say(r, NULL, (struct event){ .kind = EVENT_END });
}

static void
end_or_fail(struct reader *r, bool word)
{
	if (is_finished(r, word))
		end(r);
	else if (word && !r->seen->content)
		fail(r, error_new(r->arena, E_UPSTREAM_FAILED, EMPTY_ANSWER));
	else
		fail(r, error_new(r->arena, E_UPSTREAM_CUT, "The upstream ended its answer before it was complete."));
}

bool
openai_read_event(struct reader *r, struct text name, struct text data, struct hearer to)
{
	r->to = to;
	if (r->over)
		return (false);
	if (is_done_word(data)) {
		r->seen->done = true;
		end_or_fail(r, true);
	} else if (text_trim(data).len > 0) {
		read_chunk(r, name, data);
		if (r->error != NULL)
			fail(r, r->error);
	}
	return (!r->over);
}

void
openai_read_end(struct reader *r, struct hearer to)
{
	r->to = to;
	if (!r->over)
		end_or_fail(r, false);
}

/* A body that carries an error, or nothing, must be heard as an error and not as the beginning of an answer. */
struct error *
openai_read_answer(struct reader *r, struct text body, struct hearer to)
{
	struct json_fault fault = { 0 };
	struct json_walk walk;
	struct json_item item;
	struct text error;
	struct chunk c;

	r->to = to;
	if (!chunk_read(&c, r->arena, body, &fault))
		return (r->seen->error = not_an_answer(r->arena, body, &fault));
	error = chunk_error(&c, TEXT(""));
	if (error.len > 0)
		return (r->seen->error = provider_read_error(r->arena, "OpenAI", 200, TEXT("application/json"), error, 0));
	walk = json_walk(c.choices != NULL && c.choices->type == JSON_ARRAY ? json_spot_value(body, c.choices) : TEXT("[]"));
	if (!json_next(&walk, &item))
		return (r->seen->error = error_new(r->arena, E_UPSTREAM_FAILED, EMPTY_ANSWER));
	read_chunk(r, TEXT(""), body);
	if (r->error != NULL)
		return (r->seen->error = r->error);
	for (struct choice *ch = r->choices; ch != NULL; ch = ch->next)
		if (ch->finish == FINISH_NONE)
			ch->finish = FINISH_STOP;
	r->seen->done = true;
	end(r);
	return (NULL);
}
