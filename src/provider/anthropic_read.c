/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of Anthropic, whole or streamed, as chat events. */
#include "provider/anthropic_priv.h"

#define MOST_BLOCKS	4096

enum block_kind { BLOCK_IGNORED, BLOCK_TEXT, BLOCK_THINKING, BLOCK_REDACTED, BLOCK_TOOL, BLOCK_JSON };

/* One content block.  BLOCK_JSON is the tool that stands in for a schema: its arguments are the answer's text. */
struct block {
	int64_t		 index;
	enum block_kind	 kind;
	unsigned	 slot;
	bool		 spoke;			/* argument bytes came */
	bool		 open;
	struct quoted	 input;			/* what the opening held already, for look-alikes that send no deltas */
};

struct reader {
	struct arena	*arena;
	struct seen	*seen;
	const struct renamed *names;
	bool		 json_tool;
	bool		 started, over;
	struct block	*blocks;
	size_t		 n_blocks, room;
	unsigned	 tools;
	struct quoted	 stop_sequence;
	struct quoted	 refusal;
};

struct reader *
anthropic_reader(struct arena *arena, struct seen *seen, const struct ask *ask)
{
	struct reader *r = arena_new_of(arena, struct reader);

	r->arena = arena;
	r->seen = seen;
	r->names = names_changed(arena, ask, tool_name_out);
	r->json_tool = ask != NULL && ask->format == FORMAT_SCHEMA;
	return (r);
}

static void
tell(struct hearer h, const struct event *e)
{
	h.hear(h.self, e);
}

static void
say(struct reader *r, struct hearer h, enum event_kind kind, struct quoted text)
{
	if (text.len == 0)
		return;
	r->seen->content = true;
	r->seen->produced += text.len;
	tell(h, &(struct event){ .kind = kind, .text = text });
}

static void
fail(struct reader *r, struct hearer h, struct error *e)
{
	r->over = true;
	r->seen->error = e;
	tell(h, &(struct event){ .kind = EVENT_ERROR, .error = e });
}

static void
start(struct reader *r, struct hearer h)
{
	struct event e = { .kind = EVENT_START };

	if (r->started)
		return;
	r->started = true;
	e.id = json_escape(r->arena, r->seen->vendor_id);
	tell(h, &e);
}

/* Blocks */

static struct block *
block_of(struct reader *r, struct text index)
{
	int64_t i;

	if (index.len == 0 || !json_to_i64(index, &i))
		return (r->n_blocks > 0 ? &r->blocks[r->n_blocks - 1] : NULL);
	for (size_t k = r->n_blocks; k-- > 0;)
		if (r->blocks[k].index == i)
			return (&r->blocks[k]);
	return (NULL);
}

static struct block *
new_block(struct reader *r, struct text index)
{
	struct block *b;

	if (r->n_blocks == MOST_BLOCKS)
		return (NULL);
	if (r->n_blocks == r->room) {
		size_t room = r->room > 0 ? r->room * 2 : 8;
		struct block *wider = arena_alloc(r->arena, room * sizeof(*wider));

		if (r->n_blocks > 0)
			memcpy(wider, r->blocks, r->n_blocks * sizeof(*wider));
		r->blocks = wider;
		r->room = room;
	}
	b = &r->blocks[r->n_blocks];
	*b = (struct block){ .index = (int64_t)r->n_blocks, .open = true };
	r->n_blocks++;
	if (index.len > 0)
		json_to_i64(index, &b->index);
	return (b);
}

static void
open_tool(struct reader *r, struct hearer h, struct block *b, struct text content)
{
	struct quoted name = string_member(content, "name");
	struct text input = raw_member(content, "input");
	struct json_walk walk;
	struct json_item first;

	if (input.len > 0 && input.at[0] == '{') {
		walk = json_walk(input);
		if (json_next(&walk, &first))
			b->input = json_escape_compact(r->arena, input);
	}
	if (r->json_tool && quoted_is(name, JSON_TOOL)) {
		b->kind = BLOCK_JSON;
		return;
	}
	b->kind = BLOCK_TOOL;
	b->slot = r->tools++;
	r->seen->content = true;
	tell(h, &(struct event){ .kind = EVENT_TOOL_OPEN, .slot = b->slot, .id = string_member(content, "id"),
	    .name = names_back(r->names, name) });
}

static void
open_block(struct reader *r, struct hearer h, struct text index, struct text content)
{
	struct quoted type = string_member(content, "type");
	struct block *b = new_block(r, index);

	if (b == NULL)
		return;
	if (quoted_is(type, "text")) {
		b->kind = BLOCK_TEXT;
		say(r, h, EVENT_TEXT, string_member(content, "text"));
	} else if (quoted_is(type, "thinking")) {
		b->kind = BLOCK_THINKING;
		say(r, h, EVENT_REASONING, string_member(content, "thinking"));
		say(r, h, EVENT_SIGNATURE, string_member(content, "signature"));
	} else if (quoted_is(type, "redacted_thinking")) {
		b->kind = BLOCK_REDACTED;
		say(r, h, EVENT_REDACTED, string_member(content, "data"));
	} else if (quoted_is(type, "tool_use"))
		open_tool(r, h, b, content);
}

static void
tool_input(struct reader *r, struct hearer h, struct block *b, struct quoted piece)
{
	if (piece.len == 0)
		return;
	b->spoke = true;
	if (b->kind == BLOCK_JSON) {
		say(r, h, EVENT_TEXT, piece);
		return;
	}
	r->seen->content = true;
	r->seen->produced += piece.len;
	tell(h, &(struct event){ .kind = EVENT_TOOL_INPUT, .slot = b->slot, .text = piece });
}

static void
close_block(struct reader *r, struct hearer h, struct block *b)
{
	if (!b->open)
		return;
	b->open = false;
	if (b->kind != BLOCK_TOOL && b->kind != BLOCK_JSON)
		return;
	if (!b->spoke)
		tool_input(r, h, b, b->input.len > 0 ? b->input : QUOTED("{}"));
	if (b->kind == BLOCK_TOOL)
		tell(h, &(struct event){ .kind = EVENT_TOOL_CLOSE, .slot = b->slot });
}

/* Which event the text of a delta becomes; a row serves only the block it belongs to. */
static const struct {
	const char	*type, *member;
	enum block_kind	 block;
	enum event_kind	 event;
} deltas[] = {
	{ "text_delta",		"text",		BLOCK_TEXT,	EVENT_TEXT },
	{ "thinking_delta",	"thinking",	BLOCK_THINKING,	EVENT_REASONING },
	{ "signature_delta",	"signature",	BLOCK_THINKING,	EVENT_SIGNATURE },
};

static void
delta(struct reader *r, struct hearer h, struct block *b, struct text d)
{
	struct quoted type = string_member(d, "type");

	if (b == NULL || !b->open)
		return;
	if (b->kind == BLOCK_TOOL || b->kind == BLOCK_JSON) {
		if (quoted_is(type, "input_json_delta"))
			tool_input(r, h, b, string_member(d, "partial_json"));
		return;
	}
	for (size_t i = 0; i < nitems(deltas); i++)
		if (deltas[i].block == b->kind && quoted_is(type, deltas[i].type))
			say(r, h, deltas[i].event, string_member(d, deltas[i].member));
}

/* The end */

static struct quoted
keep(struct arena *arena, struct quoted q)
{
	struct text copy = arena_copy(arena, (struct text){ q.at, q.len });

	return ((struct quoted){ copy.at, copy.len });
}

static void
note_stop(struct reader *r, struct quoted reason, struct quoted sequence, struct text details)
{
	if (reason.len == 0)
		return;
	r->seen->finish = finish_of(reason);
	if (quoted_is(reason, "stop_sequence"))
		r->stop_sequence = keep(r->arena, sequence);
	if (quoted_is(reason, "refusal"))
		r->refusal = keep(r->arena, string_member(details, "explanation"));
}

static enum finish
finish(const struct reader *r)
{
	if (r->seen->finish == FINISH_TOOLS && r->tools == 0)
		return (FINISH_STOP);		/* only the stand-in for a schema was called */
	if (r->seen->finish == FINISH_NONE || r->seen->finish == FINISH_STOP)
		return (r->tools > 0 ? FINISH_TOOLS : FINISH_STOP);
	return (r->seen->finish);
}

static void
end(struct reader *r, struct hearer h)
{
	struct seen *seen = r->seen;

	for (size_t i = 0; i < r->n_blocks; i++)
		close_block(r, h, &r->blocks[i]);
	say(r, h, EVENT_REFUSAL, r->refusal);
	seen->content = seen->finished = seen->done = r->over = true;
	seen->finish = finish(r);
	tell(h, &(struct event){ .kind = EVENT_FINISH, .finish = seen->finish, .stop_sequence = r->stop_sequence });
	if (seen->usage_said)
		tell(h, &(struct event){ .kind = EVENT_USAGE, .usage = seen->usage });
	tell(h, &(struct event){ .kind = EVENT_END });
}

static void
message_start(struct reader *r, struct text message)
{
	if (!r->started)
		note_message(r->seen, r->arena, string_member(message, "id"), string_member(message, "model"), raw_member(message, "usage"));
}

/* One event.  The order of chat events holds whatever the vendor does: START comes first, closed blocks stay closed. */
static void
hear_event(struct reader *r, struct hearer h, const struct found *f, struct text name)
{
	struct block *b;

	switch (word_of(f, name)) {
	case WORD_MESSAGE_START:
		message_start(r, found_raw(f, "message"));
		start(r, h);
		break;
	case WORD_BLOCK_START:
		start(r, h);
		open_block(r, h, found_raw(f, "index"), found_raw(f, "content_block"));
		break;
	case WORD_BLOCK_DELTA:
		delta(r, h, block_of(r, found_raw(f, "index")), found_raw(f, "delta"));
		break;
	case WORD_BLOCK_STOP:
		b = block_of(r, found_raw(f, "index"));
		if (b != NULL)
			close_block(r, h, b);
		break;
	case WORD_MESSAGE_DELTA:
		note_usage(r->seen, found_raw(f, "usage"));
		note_stop(r, string_member(found_raw(f, "delta"), "stop_reason"), string_member(found_raw(f, "delta"), "stop_sequence"),
		    raw_member(found_raw(f, "delta"), "stop_details"));
		break;
	case WORD_MESSAGE_STOP:
		start(r, h);
		end(r, h);
		break;
	case WORD_ERROR:
		fail(r, h, error_inside(r->arena, f->text));
		break;
	case WORD_PING: case WORD_UNKNOWN:
		break;
	}
}

bool
anthropic_read_event(struct reader *r, struct text name, struct text data, struct hearer h)
{
	struct found f;

	if (r->over)
		return (false);
	if (text_is(text_trim(data), "[DONE]"))
		return (true);			/* the other dialect's last word proves nothing here */
	if (find_members(&f, data))
		hear_event(r, h, &f, name);
	else
		fail(r, h, error_new(r->arena, E_UPSTREAM_FAILED, "the upstream sent an event that is not a JSON object"));
	return (!r->over);
}

void
anthropic_read_end(struct reader *r, struct hearer h)
{
	if (!r->over)
		fail(r, h, error_new(r->arena, E_UPSTREAM_CUT, "the upstream ended its answer before it was finished"));
}

struct error *
anthropic_read_answer(struct reader *r, struct text body, struct hearer h)
{
	struct found f;
	struct text content;
	struct json_walk walk;
	struct json_item item;

	if (!find_members(&f, body))
		return (error_new(r->arena, E_UPSTREAM_FAILED, "the upstream's answer is not a JSON object"));
	if (is_error(&f, TEXT("")))
		return (error_inside(r->arena, body));
	content = found_raw(&f, "content");
	if (content.len == 0 || content.at[0] != '[')
		return (error_new(r->arena, E_UPSTREAM_FAILED, "the upstream's answer has no content"));
	note_message(r->seen, r->arena, found_string(&f, "id"), found_string(&f, "model"), found_raw(&f, "usage"));
	note_stop(r, found_string(&f, "stop_reason"), found_string(&f, "stop_sequence"), found_raw(&f, "stop_details"));
	start(r, h);
	walk = json_walk(content);
	while (json_next(&walk, &item)) {
		open_block(r, h, TEXT(""), item.raw);
		if (r->n_blocks > 0)
			close_block(r, h, &r->blocks[r->n_blocks - 1]);
	}
	end(r, h);
	return (NULL);
}
