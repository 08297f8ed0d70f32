/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Responses as events, for clients of other dialects.
 *
 * A server may say an item by its deltas or by its end only, or nothing before the response is complete: what was heard of it is not said again.
 */
#include "provider/responses_priv.h"

#define MAX_ITEMS	512
#define BETWEEN		QUOTED("\\n\\n")	/* two thoughts */

struct item {				/* of the output, while it is not closed */
	int64_t		 index;
	bool		 heard;			/* by deltas */
	bool		 call, closed;
	unsigned	 slot;
	struct item	*next;
};

struct reader {
	struct arena	*arena;
	struct seen	*seen;
	const struct renamed *names;
	struct hearer	 to;
	struct item	*items, **last;
	unsigned	 n_items, n_calls;
	enum finish	 finish;
	bool		 started, over;
};

struct reader *
responses_reader(struct arena *arena, struct seen *seen, const struct ask *ask)
{
	struct reader *r = arena_new_of(arena, struct reader);

	r->arena = arena;
	r->seen = seen;
	r->names = names_changed(arena, ask, tool_name_fit);
	r->last = &r->items;
	return (r);
}

static void
say(struct reader *r, struct event e)
{
	r->to.hear(r->to.self, &e);
}

static void
say_words(struct reader *r, enum event_kind kind, struct quoted words)
{
	if (words.len == 0)
		return;
	r->seen->content = true;
	r->seen->produced += words.len;
	say(r, (struct event){ .kind = kind, .text = words });
}

static struct quoted
string_of(struct text object, const char *name)
{
	struct json_item m;

	return (json_find(object, name, &m) && m.type == JSON_STRING ? json_inside(m.raw) : QUOTED(""));
}

static void
start(struct reader *r, struct text response)
{
	struct quoted id = string_of(response, "id"), model = string_of(response, "model");

	if (id.len > 0 && r->seen->vendor_id.at == NULL)
		r->seen->vendor_id = arena_copy(r->arena, json_unescape(r->arena, id));
	if (model.len > 0 && r->seen->served_model.at == NULL)
		r->seen->served_model = arena_copy(r->arena, json_unescape(r->arena, model));
	if (!r->started)
		say(r, (struct event){ .kind = EVENT_START, .id = id });
	r->started = true;
}

static void
fail(struct reader *r, struct error *e)
{
	r->over = true;
	r->seen->error = e;
	say(r, (struct event){ .kind = EVENT_ERROR, .error = e });
}

static struct error *
error_in(struct reader *r, struct text object)
{
	if (object.len == 0)
		return (error_new(r->arena, E_UPSTREAM_FAILED, VENDOR_FAILED));
	return (provider_read_error(r->arena, "OpenAI", 200, TEXT("application/json"), object, 0));
}

/* Items. */

static struct item *
item_at(struct reader *r, int64_t index)
{
	struct item *i = r->items;

	while (i != NULL && i->index != index)
		i = i->next;
	if (i != NULL || r->n_items == MAX_ITEMS)
		return (i);
	i = *r->last = arena_new_of(r->arena, struct item);
	i->index = index;
	r->last = &i->next;
	r->n_items++;
	return (i);
}

static bool
is_call(struct text item)
{
	struct quoted type = string_of(item, "type");

	return (quoted_is(type, "function_call") || quoted_is(type, "custom_tool_call"));
}

static void
open_call(struct reader *r, struct item *i, struct text item)
{
	if (i->call)
		return;
	i->call = true;
	i->slot = r->n_calls++;
	r->seen->content = true;
	say(r, (struct event){ .kind = EVENT_TOOL_OPEN, .slot = i->slot, .id = string_of(item, "call_id"),
		.name = names_back(r->names, string_of(item, "name")) });
}

static void
feed_call(struct reader *r, struct item *i, struct quoted piece)
{
	if (!i->call || i->closed || piece.len == 0)
		return;
	i->heard = true;
	r->seen->produced += piece.len;
	say(r, (struct event){ .kind = EVENT_TOOL_INPUT, .slot = i->slot, .text = piece });
}

static void
close_call(struct reader *r, struct item *i)
{
	if (!i->call || i->closed)
		return;
	i->closed = true;
	say(r, (struct event){ .kind = EVENT_TOOL_CLOSE, .slot = i->slot });
}

/* What a list of parts says: the texts of a message, a summary, or reasoning. */
static void
say_parts(struct reader *r, struct text item, const char *list, enum event_kind kind)
{
	struct json_item parts, part;
	struct json_walk walk;
	bool more = false;

	if (!json_find(item, list, &parts) || parts.type != JSON_ARRAY)
		return;
	walk = json_walk(parts.raw);
	while (json_next(&walk, &part)) {
		if (part.type != JSON_OBJECT)
			continue;
		if (more && kind == EVENT_REASONING)
			say_words(r, kind, BETWEEN);
		more = true;
		say_words(r, kind, string_of(part.raw, "text"));
		say_words(r, EVENT_REFUSAL, string_of(part.raw, "refusal"));
	}
}

/* The item as it is in the end: what deltas have not said. */
static void
finish_item(struct reader *r, struct item *i, struct text item)
{
	if (is_call(item)) {
		open_call(r, i, item);
		if (!i->heard)
			feed_call(r, i, string_of(item, quoted_is(string_of(item, "type"), "function_call") ? "arguments" : "input"));
		close_call(r, i);
	} else if (!i->heard && quoted_is(string_of(item, "type"), "message"))
		say_parts(r, item, "content", EVENT_TEXT);
	else if (!i->heard && quoted_is(string_of(item, "type"), "reasoning")) {
		say_parts(r, item, "summary", EVENT_REASONING);
		say_parts(r, item, "content", EVENT_REASONING);
	}
	i->heard = true;
}

static void
read_output(struct reader *r, struct text list)
{
	struct json_walk walk = json_walk(list);
	struct json_item item;

	for (int64_t n = 0; json_next(&walk, &item); n++) {
		struct item *i = item_at(r, n);

		if (i != NULL && item.type == JSON_OBJECT && !i->closed)
			finish_item(r, i, item.raw);
	}
}

/* The end. */

static void
end(struct reader *r)
{
	for (struct item *i = r->items; i != NULL; i = i->next)
		close_call(r, i);
	if (r->finish == FINISH_NONE)
		r->finish = r->n_calls > 0 ? FINISH_TOOLS : FINISH_STOP;
	r->seen->finish = r->finish;
	r->seen->finished = r->seen->done = r->over = true;
	say(r, (struct event){ .kind = EVENT_FINISH, .finish = r->finish });
	if (r->seen->usage_said)
		say(r, (struct event){ .kind = EVENT_USAGE, .usage = r->seen->usage });
	say(r, (struct event){ .kind = EVENT_END });
}

/* The whole response, at the end of a stream or by itself; NULL: it is told to its end. */
static struct error *
read_response(struct reader *r, struct text response)
{
	struct json_item m;
	struct quoted tier;

	if (quoted_is(string_of(response, "status"), "failed"))
		return (error_in(r, json_find(response, "error", &m) && m.type == JSON_OBJECT ? m.raw : TEXT("")));
	start(r, response);
	if (!r->seen->content && json_find(response, "output", &m) && m.type == JSON_ARRAY)
		read_output(r, m.raw);
	if (json_find(response, "usage", &m) && m.type == JSON_OBJECT)
		r->seen->usage_said = usage_read(&r->seen->usage, m.raw);
	tier = string_of(response, "service_tier");
	r->seen->usage.tier = tier_named((struct text){ tier.at, tier.len });
	if (json_find(response, "output", &m) && m.type == JSON_ARRAY)
		r->seen->usage.searches = response_searches(m.raw);
	if (quoted_is(string_of(response, "status"), "incomplete"))
		r->finish = json_find(response, "incomplete_details", &m) && m.type == JSON_OBJECT ? response_why_incomplete(m.raw) : FINISH_LENGTH;
	end(r);
	return (NULL);
}

struct error *
responses_read_answer(struct reader *r, struct text body, struct hearer to)
{
	struct event_spots e;
	struct json_item output;

	r->to = to;
	TRY(r->seen->error = event_read(&e, r->arena, TEXT(""), body));
	if (e.error != NULL && e.error->type == JSON_OBJECT)
		return (r->seen->error = error_in(r, json_spot_value(body, e.error)));
	if (!json_find(body, "output", &output) || output.type != JSON_ARRAY)
		return (r->seen->error = error_new(r->arena, E_UPSTREAM_FAILED, EMPTY_ANSWER));
	return (r->seen->error = read_response(r, body));
}

/* Events. */

static const struct {
	const char	*type;
	enum event_kind	 kind;
} deltas[] = {
	{ "response.output_text.delta", EVENT_TEXT },
	{ "response.refusal.delta", EVENT_REFUSAL },
	{ "response.reasoning_summary_text.delta", EVENT_REASONING },
	{ "response.reasoning_text.delta", EVENT_REASONING },
	{ "response.function_call_arguments.delta", EVENT_TOOL_INPUT },
	{ "response.custom_tool_call_input.delta", EVENT_TOOL_INPUT },
};

static void
read_delta(struct reader *r, struct item *i, const struct event_spots *e)
{
	struct quoted words;

	if (e->delta == NULL || e->delta->type != JSON_STRING)
		return;
	words = json_inside(json_spot_value(e->data, e->delta));
	for (size_t k = 0; k < nitems(deltas); k++) {
		if (!text_is(e->type, deltas[k].type))
			continue;
		if (deltas[k].kind == EVENT_TOOL_INPUT)
			feed_call(r, i, words);
		else {
			i->heard = true;
			say_words(r, deltas[k].kind, words);
		}
		return;
	}
}

static void
read_item_event(struct reader *r, const struct event_spots *e)
{
	struct json_item index;
	struct item *i;
	int64_t n = 0;

	if (!json_find(e->data, "output_index", &index) || !json_to_i64(index.raw, &n) || (i = item_at(r, n)) == NULL)
		return;
	if (text_is(e->type, "response.reasoning_summary_part.added") && i->heard)
		say_words(r, EVENT_REASONING, BETWEEN);
	else if (text_is(e->type, "response.function_call_arguments.done") && !i->heard)
		feed_call(r, i, string_of(e->data, "arguments"));
	else if (e->item == NULL || e->item->type != JSON_OBJECT)
		read_delta(r, i, e);
	else if (text_is(e->type, "response.output_item.done"))
		finish_item(r, i, json_spot_value(e->data, e->item));
	else if (is_call(json_spot_value(e->data, e->item)))
		open_call(r, i, json_spot_value(e->data, e->item));
}

bool
responses_read_event(struct reader *r, struct text name, struct text data, struct hearer to)
{
	struct event_spots e;
	struct text response;
	struct error *why;

	r->to = to;
	if (r->over || text_trim(data).len == 0 || is_done_word(data))
		return (!r->over);
	if ((why = event_read(&e, r->arena, name, data)) == NULL && event_is_error(&e))
		why = error_in(r, data);
	if (why == NULL && e.response != NULL && e.response->type == JSON_OBJECT) {
		response = json_spot_value(data, e.response);
		if (event_is_last(&e))
			why = read_response(r, response);
		else
			start(r, response);
	} else if (why == NULL) {
		start(r, TEXT("{}"));
		read_item_event(r, &e);
	}
	if (why != NULL)
		fail(r, why);
	return (!r->over);
}

void
responses_read_end(struct reader *r, struct hearer to)
{
	r->to = to;
	if (!r->over)
		fail(r, error_new(r->arena, E_UPSTREAM_CUT, "The upstream ended its stream without finishing its answer."));
}
