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

#define MOST_SEARCHES	10000

/* Of its usage: numbers, and the objects that hold more of them. */
enum counted { COUNT_INPUT, COUNT_CACHED, COUNT_WRITTEN, COUNT_OUTPUT, COUNT_THINKING, COUNT_WRITTEN_1H, COUNT_SEARCHES, COUNTED, WITHIN };
static const struct {
	const char	*name;
	enum counted	 what;
} usage_names[] = {
	{ "input_tokens", COUNT_INPUT },
	{ "cache_read_input_tokens", COUNT_CACHED },
	{ "cache_creation_input_tokens", COUNT_WRITTEN },
	{ "output_tokens", COUNT_OUTPUT },
	{ "output_tokens_details", WITHIN },
	{ "thinking_tokens", COUNT_THINKING },
	{ "cache_creation", WITHIN },
	{ "ephemeral_1h_input_tokens", COUNT_WRITTEN_1H },
	{ "server_tool_use", WITHIN },
	{ "web_search_requests", COUNT_SEARCHES },
};

static void
count(int64_t n[COUNTED], int32_t *tier, struct text object)
{
	struct json_walk walk = json_walk(object);
	struct json_item item;
	size_t i;
	int64_t v;

	while (json_next(&walk, &item)) {
		for (i = 0; i < nitems(usage_names) && !quoted_is(item.name, usage_names[i].name); i++)
			continue;
		if (i == nitems(usage_names)) {
			if (item.type == JSON_STRING && quoted_is(item.name, "service_tier"))
				*tier = tier_named(text_sub(item.raw, 1, item.raw.len - 1));
		} else if (usage_names[i].what != WITHIN) {
			if (item.type == JSON_NUMBER && json_to_i64(item.raw, &v) && v >= 0)
				n[usage_names[i].what] = v;
		} else if (item.type == JSON_OBJECT)
			count(n, tier, item.raw);
	}
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
	int64_t n[COUNTED], input;

	if (raw.len == 0 || raw.at[0] != '{')
		return;
	if (!seen->usage_said)
		*u = USAGE_UNSAID;
	seen->usage_said = true;
	seen->usage_at = seen->produced;
	n[COUNT_INPUT] = u->prompt < 0 ? -1 : at_least_0(u->prompt - at_least_0(u->cached) - at_least_0(u->written));
	n[COUNT_CACHED] = u->cached;
	n[COUNT_WRITTEN] = u->written;
	n[COUNT_OUTPUT] = u->completion;
	n[COUNT_THINKING] = u->reasoning;
	n[COUNT_WRITTEN_1H] = u->written_1h;
	n[COUNT_SEARCHES] = u->searches;
	count(n, &u->tier, raw);
	input = n[COUNT_INPUT];
	u->cached = n[COUNT_CACHED];
	u->written = n[COUNT_WRITTEN];
	u->completion = n[COUNT_OUTPUT];
	u->reasoning = n[COUNT_THINKING];
	u->written_1h = n[COUNT_WRITTEN_1H];
	u->searches = (int32_t)(n[COUNT_SEARCHES] < MOST_SEARCHES ? n[COUNT_SEARCHES] : MOST_SEARCHES);
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
