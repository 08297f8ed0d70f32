/* SPDX-License-Identifier: Apache-2.0 */
/* What the relay and the reader of Anthropic answers both look at: members, kinds of events, usage, reasons, errors. */
#include "provider/anthropic_priv.h"

bool
find_members(struct found *f, struct text text)
{
	struct json_fault fault;
	enum json_type type;

	f->text = text;
	f->n = 0;
	if (!json_scan(text, &type, f->spot, nitems(f->spot), &f->n, &fault) || type != JSON_OBJECT)
		return (false);
	if (f->n > nitems(f->spot))
		f->n = nitems(f->spot);
	return (true);
}

const struct json_spot *
found_spot(const struct found *f, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < f->n; i++)
		if (f->spot[i].name_len == len && memcmp(f->text.at + f->spot[i].from + 1, name, len) == 0)
			return (&f->spot[i]);
	return (NULL);
}

struct text
found_raw(const struct found *f, const char *name)
{
	const struct json_spot *spot = found_spot(f, name);

	return (spot != NULL ? json_spot_value(f->text, spot) : TEXT(""));
}

static struct quoted
inside(struct text raw)
{
	return (raw.len > 0 && raw.at[0] == '"' ? json_inside(raw) : QUOTED(""));
}

struct quoted
found_string(const struct found *f, const char *name)
{
	return (inside(found_raw(f, name)));
}

struct text
raw_member(struct text object, const char *name)
{
	struct json_item item;

	if (object.len == 0 || object.at[0] != '{' || !json_find(object, name, &item))
		return (TEXT(""));
	return (item.raw);
}

struct quoted
string_member(struct text object, const char *name)
{
	return (inside(raw_member(object, name)));
}

static const struct {
	const char	*name;
	enum word	 word;
} words[] = {
	{ "content_block_delta",	WORD_BLOCK_DELTA },	/* first, because nearly all events are */
	{ "content_block_start",	WORD_BLOCK_START },
	{ "content_block_stop",		WORD_BLOCK_STOP },
	{ "message_start",		WORD_MESSAGE_START },
	{ "message_delta",		WORD_MESSAGE_DELTA },
	{ "message_stop",		WORD_MESSAGE_STOP },
	{ "ping",			WORD_PING },
	{ "error",			WORD_ERROR },
};

enum word
word_of(const struct found *f, struct text name)
{
	struct quoted type = found_string(f, "type");
	struct text as = type.len > 0 ? (struct text){ type.at, type.len } : name;

	if (is_error(f, name))
		return (WORD_ERROR);
	for (size_t i = 0; i < nitems(words); i++)
		if (text_is(as, words[i].name))
			return (words[i].word);
	return (WORD_UNKNOWN);
}

/* An event or a body of type error, or with a truthy `error` member. */
bool
is_error(const struct found *f, struct text name)
{
	const struct json_spot *error = found_spot(f, "error");
	struct quoted type = found_string(f, "type");

	if (error != NULL && (error->type == JSON_OBJECT || (error->type == JSON_STRING && error->value_len > 2)))
		return (true);
	return (type.len > 0 ? quoted_is(type, "error") : text_is(name, "error"));
}

struct error *
error_inside(struct arena *arena, struct text data)
{
	return (provider_read_error(arena, "Anthropic", 200, TEXT("application/json"), data, 0));
}

static void
count(int64_t *n, struct text object, const char *name)
{
	struct text raw = raw_member(object, name);
	int64_t v;

	if (raw.len > 0 && json_to_i64(raw, &v) && v >= 0)
		*n = v;
}

static int64_t
at_least_0(int64_t n)
{
	return (n > 0 ? n : 0);
}

/* Our prompt includes what was cached and written; the vendor's input_tokens does not. */
void
note_usage(struct seen *seen, struct text raw)
{
	struct usage *u = &seen->usage;
	struct text details;
	int64_t input;

	if (raw.len == 0 || raw.at[0] != '{')
		return;
	if (!seen->usage_said)
		*u = USAGE_UNSAID;
	seen->usage_said = true;
	seen->usage_at = seen->produced;
	input = u->prompt < 0 ? -1 : at_least_0(u->prompt - at_least_0(u->cached) - at_least_0(u->written));
	count(&input, raw, "input_tokens");
	count(&u->cached, raw, "cache_read_input_tokens");
	count(&u->written, raw, "cache_creation_input_tokens");
	count(&u->completion, raw, "output_tokens");
	details = raw_member(raw, "output_tokens_details");
	count(&u->reasoning, details, "thinking_tokens");
	if (input < 0 && u->cached < 0 && u->written < 0)
		return;
	if (__builtin_add_overflow(at_least_0(input), at_least_0(u->cached), &u->prompt) ||
	    __builtin_add_overflow(u->prompt, at_least_0(u->written), &u->prompt))
		u->prompt = INT64_MAX;
}

void
note_message(struct seen *seen, struct arena *arena, struct quoted id, struct quoted model, struct text usage)
{
	seen->vendor_id = arena_copy(arena, json_unescape(arena, id));
	seen->served_model = arena_copy(arena, json_unescape(arena, model));
	note_usage(seen, usage);
}

static const struct {
	const char	*reason;
	enum finish	 finish;
} reasons[] = {
	{ "end_turn",			FINISH_STOP },
	{ "stop_sequence",		FINISH_STOP },
	{ "tool_use",			FINISH_TOOLS },
	{ "max_tokens",			FINISH_LENGTH },
	{ "model_context_window_exceeded", FINISH_LENGTH },
	{ "refusal",			FINISH_FILTER },
	{ "pause_turn",			FINISH_STOP },
	{ "compaction",			FINISH_STOP },
};

enum finish
finish_of(struct quoted stop_reason)
{
	if (stop_reason.len == 0)
		return (FINISH_NONE);
	for (size_t i = 0; i < nitems(reasons); i++)
		if (quoted_is(stop_reason, reasons[i].reason))
			return (reasons[i].finish);
	return (FINISH_STOP);			/* a reason of tomorrow */
}
