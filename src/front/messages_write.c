/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers for Messages clients, whole or streamed: one state machine, two pens.
 *
 * Blocks of this dialect never overlap, chat events may: the first tool call streams, others wait until it closes.  A call is known
 * to be complete only when its reader closes it; text that arrives before its arguments are a complete JSON value waits too.  Indices
 * only grow, each start has one stop, and there is one message_start.
 */
#include "front/messages_priv.h"

#define MOST_TOOLS	1024

struct tool_call {
	struct text	 id;
	struct quoted	 name;
	struct growing	 waiting;		/* arguments that are not written yet */
	struct json_balance balance;
	bool		 known, closed, written;
};

struct held {				/* words that came while a call was incomplete */
	enum event_kind	 kind;
	struct quoted	 text;
	struct held	*next;
};

enum open { OPEN_NONE, OPEN_THINKING, OPEN_TEXT, OPEN_TOOL };

struct writer {
	struct arena	*arena;
	struct told	 told;
	struct buf	*out;
	size_t		 from;			/* where our bytes begin in `out` */
	bool		 whole, started, over, refused;
	enum open	 open;
	unsigned	 next_index, open_tool;
	struct half	 half;
	struct growing	 signature;
	struct tool_call *tools;
	unsigned	 n_tools, room;
	struct held	*held, **last_held;
	enum finish	 finish;
	struct quoted	 stop_sequence;
	struct usage	 usage;
	struct text	 id;
};

static struct writer *
new_writer(struct arena *arena, const struct told *told, struct buf *out, bool whole)
{
	struct writer *w = arena_new_of(arena, struct writer);

	w->arena = arena;
	w->told = *told;
	w->out = out;
	w->from = out->len;
	w->whole = whole;
	w->last_held = &w->held;
	w->usage = USAGE_UNSAID;
	return (w);
}

struct writer *
messages_whole(struct arena *arena, const struct told *told, struct buf *out)
{
	return (new_writer(arena, told, out, true));
}

struct writer *
messages_stream(struct arena *arena, const struct told *told, struct buf *out)
{
	return (new_writer(arena, told, out, false));
}

static void
grow(struct arena *arena, struct growing *g, struct quoted q)
{
	arena_append(arena, g, (struct text){ q.at, q.len });
}

static struct quoted
grown(const struct growing *g)
{
	return ((struct quoted){ g->at, g->len });
}

static struct quoted
keep(struct arena *arena, struct quoted q)
{
	struct text copy = arena_copy(arena, (struct text){ q.at, q.len });

	return ((struct quoted){ copy.at, copy.len });
}

static void
put(struct buf *b, struct quoted q)
{
	buf_add(b, q.at, q.len);
}

/* Ids */

static bool
is_plain(char c)
{
	return ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'));
}

/* prefix + the letters and digits of a text. */
static struct text
id_from(struct arena *arena, const char *prefix, struct text from)
{
	size_t n = strlen(prefix);
	char *p = arena_bytes(arena, n + from.len + 1);

	memcpy(p, prefix, n);
	for (size_t i = 0; i < from.len; i++)
		if (is_plain(from.at[i]))
			p[n++] = from.at[i];
	return ((struct text){ p, n });
}

/* The vendor's own if it has our form, else ours. */
static struct text
message_id(struct writer *w, struct quoted vendors)
{
	struct text id = json_unescape(w->arena, vendors);

	if (text_starts(id, TEXT("msg_")))
		return (arena_copy(w->arena, id));
	return (text_starts(w->told.id, TEXT("msg_")) ? w->told.id : id_from(w->arena, "msg_", w->told.id));
}

/* Ids come back with the results; the dialect takes letters, digits, '_' and '-'. */
static struct text
call_id(struct writer *w, struct quoted vendors, unsigned slot)
{
	struct text id = arena_copy(w->arena, json_unescape(w->arena, vendors));
	char *p = (char *)(uintptr_t)id.at;

	if (id.len == 0) {
		id = id_from(w->arena, "toolu_", w->told.id);
		return (arena_print(w->arena, TEXT_FMT "%u", TEXT_ARG(id), slot));
	}
	for (size_t i = 0; i < id.len; i++)
		if (!is_plain(p[i]) && p[i] != '-')
			p[i] = '_';
	return (id);
}

/* The pens: what a start, a piece and a stop look like */

static void
start(struct writer *w)
{
	struct buf *b = w->out;

	if (w->started)
		return;
	w->started = true;
	if (w->id.len == 0)
		w->id = message_id(w, QUOTED(""));
	if (!w->whole)
		buf_lit(b, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":");
	buf_lit(b, "{\"id\":\"");
	buf_escape(b, w->id);
	buf_lit(b, "\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"");
	buf_escape(b, w->told.model);
	buf_lit(b, "\",\"content\":[");
	if (!w->whole)
		buf_lit(b, "],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":0,\"cache_creation_input_tokens\":0,"
		    "\"cache_read_input_tokens\":0,\"output_tokens\":0}}}\n\n");
}

/* Begins a block: behind it comes {"type":… without its opening in either form. */
static void
block_head(struct writer *w)
{
	start(w);
	if (w->whole) {
		if (w->next_index > 0)
			buf_byte(w->out, ',');
	} else
		buf_print(w->out, "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":%u,\"content_block\":", w->next_index);
	w->next_index++;
}

static void
block_stop(struct writer *w)
{
	if (!w->whole)
		buf_print(w->out, "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":%u}\n\n", w->next_index - 1);
}

static const struct {
	const char	*opening;		/* of the stream */
	const char	*whole;			/* of the whole answer, up to the words */
	const char	*delta, *member;
} forms[] = {
	[OPEN_THINKING] = { "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n", "{\"type\":\"thinking\",\"thinking\":\"",
	    "thinking_delta", "thinking" },
	[OPEN_TEXT]	= { "{\"type\":\"text\",\"text\":\"\"}}\n\n", "{\"type\":\"text\",\"text\":\"", "text_delta", "text" },
	[OPEN_TOOL]	= { NULL, NULL, "input_json_delta", "partial_json" },
};

static void
delta(struct writer *w, const char *type, const char *member, struct quoted words)
{
	struct json_out index = { .to = w->out };
	struct buf *b = w->out;

	buf_lit(b, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":");
	json_int(&index, w->next_index - 1);
	buf_lit(b, ",\"delta\":{\"type\":\"");
	buf_text(b, text_of(type));
	buf_lit(b, "\",\"");
	buf_text(b, text_of(member));
	buf_lit(b, "\":\"");
	put(b, words);
	buf_lit(b, "\"}}\n\n");
}

/* Words of the open block. */
static void
piece(struct writer *w, struct quoted words)
{
	if (!quoted_join(w->arena, &w->half, &words))
		return;
	if (w->whole)
		put(w->out, words);
	else
		delta(w, forms[w->open].delta, forms[w->open].member, words);
}

static void
close_open(struct writer *w)
{
	if (w->open == OPEN_NONE)
		return;
	if (w->half.waits) {
		w->half.waits = false;
		if (w->whole)
			buf_lit(w->out, "\\ufffd");
		else
			delta(w, forms[w->open].delta, forms[w->open].member, QUOTED("\\ufffd"));
	}
	if (w->whole) {
		if (w->open == OPEN_THINKING) {
			buf_lit(w->out, "\",\"signature\":\"");
			put(w->out, grown(&w->signature));
		}
		buf_lit(w->out, "\"}");
	} else if (w->open == OPEN_THINKING && w->signature.len > 0)
		delta(w, "signature_delta", "signature", grown(&w->signature));
	w->signature.len = 0;
	block_stop(w);
	w->open = OPEN_NONE;
}

static void
switch_to(struct writer *w, enum open to)
{
	if (w->open == to)
		return;
	close_open(w);
	block_head(w);
	buf_text(w->out, text_of(w->whole ? forms[to].whole : forms[to].opening));
	w->open = to;
}

/* Tool calls */

static bool
is_complete(const struct tool_call *t)
{
	return (t->balance.began && json_balanced(&t->balance));
}

static void
open_tool(struct writer *w, unsigned slot)
{
	struct tool_call *t = &w->tools[slot];
	struct buf *b = w->out;

	close_open(w);
	block_head(w);
	buf_lit(b, "{\"type\":\"tool_use\",\"id\":\"");
	buf_escape(b, t->id);
	buf_lit(b, "\",\"name\":\"");
	put(b, t->name);
	buf_lit(b, "\",\"input\":{}}}\n\n");
	w->open = OPEN_TOOL;
	w->open_tool = slot;
	t->written = true;
	piece(w, grown(&t->waiting));
}

/* The arguments of a whole answer: an object; what is none, or no JSON at all, is passed so that the tool itself can complain. */
static void
write_input(struct writer *w, const struct tool_call *t)
{
	struct text input = json_unescape(w->arena, grown(&t->waiting));
	struct json_fault fault;
	enum json_type type;
	size_t n;

	if (quoted_blank(grown(&t->waiting)))
		buf_lit(w->out, "{}");
	else if (!json_scan(input, &type, NULL, 0, &n, &fault)) {
		buf_lit(w->out, "{\"_raw\":\"");
		put(w->out, grown(&t->waiting));
		buf_lit(w->out, "\"}");
	} else {
		if (type != JSON_OBJECT)
			buf_lit(w->out, "{\"value\":");
		buf_text(w->out, text_trim(input));
		if (type != JSON_OBJECT)
			buf_byte(w->out, '}');
	}
}

static void
whole_tool(struct writer *w, struct tool_call *t)
{
	t->written = true;
	if (w->finish == FINISH_LENGTH && !is_complete(t))
		return;				/* cut off in the middle: half a call must not be made */
	close_open(w);
	block_head(w);
	buf_lit(w->out, "{\"type\":\"tool_use\",\"id\":\"");
	buf_escape(w->out, t->id);
	buf_lit(w->out, "\",\"name\":\"");
	put(w->out, t->name);
	buf_lit(w->out, "\",\"input\":");
	write_input(w, t);
	buf_byte(w->out, '}');
}

static void words(struct writer *, enum event_kind, struct quoted);

static void
release_held(struct writer *w)
{
	struct held *h = w->held;

	w->held = NULL;
	w->last_held = &w->held;
	for (; h != NULL; h = h->next)
		words(w, h->kind, h->text);
}

/* No call is open: the words that waited, then the calls that waited, until one of them is still incomplete. */
static void
advance(struct writer *w, bool at_end)
{
	release_held(w);
	for (unsigned k = 0; k < w->n_tools && w->open != OPEN_TOOL; k++) {
		struct tool_call *t = &w->tools[k];

		if (!t->known || t->written)
			continue;
		open_tool(w, k);
		if (t->closed || at_end)
			close_open(w);
	}
}

static struct tool_call *
tool_at(struct writer *w, unsigned slot)
{
	if (slot >= MOST_TOOLS)
		return (NULL);
	w->tools = arena_widen(w->arena, w->tools, &w->room, slot + 1, w->n_tools, sizeof(*w->tools));
	if (slot >= w->n_tools)
		w->n_tools = slot + 1;
	return (&w->tools[slot]);
}

static void
tool_opens(struct writer *w, const struct event *e)
{
	struct tool_call *t = tool_at(w, e->slot);

	if (t == NULL || t->known)
		return;
	t->known = true;
	t->id = call_id(w, e->id, e->slot);
	t->name = keep(w->arena, e->name);
	if (!w->whole && w->open != OPEN_TOOL)
		open_tool(w, e->slot);
}

static void
tool_says(struct writer *w, const struct event *e)
{
	struct tool_call *t = tool_at(w, e->slot);

	if (t == NULL || !t->known)
		return;
	json_balance_add(&t->balance, e->text);
	if (!t->written) {
		grow(w->arena, &t->waiting, e->text);
		if (!w->whole && w->open != OPEN_TOOL)
			open_tool(w, e->slot);
	} else if (w->open == OPEN_TOOL && w->open_tool == e->slot)
		piece(w, e->text);
}

static void
tool_closes(struct writer *w, const struct event *e)
{
	struct tool_call *t = tool_at(w, e->slot);

	if (t == NULL || !t->known)
		return;
	t->closed = true;
	if (w->whole || (w->open == OPEN_TOOL && w->open_tool != e->slot))
		return;
	if (w->open == OPEN_TOOL)
		close_open(w);
	advance(w, false);
}

/* Words */

static void
think(struct writer *w, struct quoted text)
{
	if (w->open == OPEN_THINKING && w->signature.len > 0)
		close_open(w);			/* what is signed is finished */
	switch_to(w, OPEN_THINKING);
	piece(w, text);
}

static void
redacted(struct writer *w, struct quoted data)
{
	close_open(w);
	block_head(w);
	buf_lit(w->out, "{\"type\":\"redacted_thinking\",\"data\":\"");
	put(w->out, data);
	buf_lit(w->out, "\"}");
	if (!w->whole)
		buf_lit(w->out, "}\n\n");
	block_stop(w);
}

static void
words(struct writer *w, enum event_kind kind, struct quoted text)
{
	if (text.len == 0)
		return;
	if (w->open == OPEN_TOOL) {
		if (!is_complete(&w->tools[w->open_tool])) {
			*w->last_held = arena_new_of(w->arena, struct held);
			**w->last_held = (struct held){ .kind = kind, .text = keep(w->arena, text) };
			w->last_held = &(*w->last_held)->next;
			return;
		}
		close_open(w);
	}
	switch (kind) {
	case EVENT_REASONING:
		think(w, text);
		break;
	case EVENT_SIGNATURE:
		switch_to(w, OPEN_THINKING);
		grow(w->arena, &w->signature, text);
		break;
	case EVENT_REDACTED:
		redacted(w, text);
		break;
	default:
		w->refused = w->refused || kind == EVENT_REFUSAL;
		switch_to(w, OPEN_TEXT);
		piece(w, text);
	}
}

/* The end */

static const char *
stop_reason(const struct writer *w)
{
	static const char *const reasons[] = {
		[FINISH_NONE] = "end_turn", [FINISH_STOP] = "end_turn", [FINISH_LENGTH] = "max_tokens", [FINISH_TOOLS] = "tool_use",
		[FINISH_FILTER] = "refusal",
	};

	if (w->refused)
		return ("refusal");
	if (w->finish == FINISH_STOP && w->stop_sequence.len > 0)
		return ("stop_sequence");
	return (reasons[w->finish]);
}

static int64_t
at_least_0(int64_t n)
{
	return (n > 0 ? n : 0);
}

/* "stop_reason":…,"stop_sequence":… */
static void
write_stop(struct writer *w)
{
	const char *reason = stop_reason(w);

	buf_print(w->out, "\"stop_reason\":\"%s\",\"stop_sequence\":", reason);
	if (strcmp(reason, "stop_sequence") == 0) {
		buf_byte(w->out, '"');
		put(w->out, w->stop_sequence);
		buf_byte(w->out, '"');
	} else
		buf_lit(w->out, "null");
}

/* All four numbers, always: clients crash on null and on absence. */
static void
write_usage(struct writer *w)
{
	int64_t cached = at_least_0(w->usage.cached), written = at_least_0(w->usage.written);
	int64_t input = at_least_0(at_least_0(w->usage.prompt) - cached - written);

	buf_print(w->out, "\"usage\":{\"input_tokens\":%lld,\"cache_creation_input_tokens\":%lld,\"cache_read_input_tokens\":%lld,\"output_tokens\":%lld}",
	    (long long)input, (long long)written, (long long)cached, (long long)at_least_0(w->usage.completion));
}

static void
end(struct writer *w)
{
	start(w);
	if (w->whole)
		for (unsigned k = 0; k < w->n_tools; k++)
			if (w->tools[k].known)
				whole_tool(w, &w->tools[k]);
	close_open(w);
	if (w->whole)
		buf_lit(w->out, "],");
	else {
		advance(w, true);
		close_open(w);
		buf_lit(w->out, "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{");
	}
	write_stop(w);
	buf_text(w->out, w->whole ? TEXT(",") : TEXT("},"));
	write_usage(w);
	buf_text(w->out, w->whole ? TEXT("}") : TEXT("}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));
}

static void
fail(struct writer *w, const struct error *e)
{
	if (w->whole)
		w->out->len = w->from;
	else
		front_messages.error_event(w->out, e, &(struct failing){ .request_id = w->told.id, .told = &w->told, .writer = w });
}

void
messages_write(void *self, const struct event *e)
{
	struct writer *w = self;

	if (w->over || e->choice > 0)
		return;
	switch (e->kind) {
	case EVENT_START:
		if (!w->started)
			w->id = message_id(w, e->id);
		start(w);
		break;
	case EVENT_TEXT: case EVENT_REASONING: case EVENT_SIGNATURE: case EVENT_REDACTED: case EVENT_REFUSAL:
		words(w, e->kind, e->text);
		break;
	case EVENT_TOOL_OPEN:
		tool_opens(w, e);
		break;
	case EVENT_TOOL_INPUT:
		tool_says(w, e);
		break;
	case EVENT_TOOL_CLOSE:
		tool_closes(w, e);
		break;
	case EVENT_FINISH:
		w->finish = e->finish;
		w->stop_sequence = keep(w->arena, e->stop_sequence);
		break;
	case EVENT_USAGE:
		w->usage = e->usage;
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
