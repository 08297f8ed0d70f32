/* SPDX-License-Identifier: Apache-2.0 */
/* Responses on their way to a client of that dialect: ids sealed, the model's name put in, the rest untouched; a delta passes with one look. */
#include "provider/responses_priv.h"

/* What one event or body does to the relay. */
struct passage {
	struct relay	*relay;
	struct edits	*edits;
	struct text	 data;
	bool		 failed;	/* the response says of itself that it failed */
	bool		 has_body;	/* it is a response, or something else with an id */
	struct text	 error;		/* why it failed; empty: it does not say */
};

static bool
is_named(struct quoted name, const char *word, size_t len)
{
	return (name.len == len && memcmp(name.at, word, len) == 0);
}
#define IS(name, literal)	is_named((name), literal, sizeof(literal) - 1)

static void
edit(struct passage *p, struct quoted old, struct quoted with)
{
	size_t at = (size_t)(old.at - p->data.at);

	if (old.len != with.len || memcmp(old.at, with.at, with.len) != 0)
		edits_add(p->edits, p->relay->arena, at, at + old.len, (struct text){ with.at, with.len });
}

/* Ids. */

/* An id as the client gets it; asked again for the same one it answers from what it knows. */
static void
put_id(struct passage *p, struct sealed_id *known, struct quoted id)
{
	struct relay *r = p->relay;

	if (r->sealer.seal == NULL || id.len == 0)
		return;
	if (!is_named(id, known->vendor.at, known->vendor.len) || known->sealed.len == 0) {
		known->vendor = arena_copy(r->arena, (struct text){ id.at, id.len });
		known->sealed = r->sealer.seal(r->sealer.self, json_unescape(r->arena, (struct quoted){ known->vendor.at, known->vendor.len }));
	}
	edit(p, id, known->sealed);
}

static void
own_id(struct passage *p, struct quoted id)
{
	struct seen *seen = &p->relay->seen;

	if (id.len > 0 && seen->vendor_id.at == NULL)
		seen->vendor_id = arena_copy(p->relay->arena, json_unescape(p->relay->arena, id));
	put_id(p, &p->relay->id, id);
}

static void
put_model(struct passage *p, struct quoted name)
{
	struct relay *r = p->relay;

	if (name.len > 0 && r->seen.served_model.at == NULL)
		r->seen.served_model = arena_copy(r->arena, json_unescape(r->arena, name));
	edit(p, name, r->model);
}

/* What it says of the answer. */

/* What a stored response cost was counted when it was made. */
static void
note_usage(struct seen *seen, struct text object, enum want want)
{
	struct usage usage;

	if (want == WANT_STORED)
		usage = (struct usage){ 0 };
	else if (object.at[0] != '{' || !usage_read(&usage, object))
		return;
	seen->usage = usage;
	seen->usage_said = true;
	seen->usage_at = seen->produced;
}

static void
note_item(struct passage *p, struct text item)
{
	struct json_item type;

	if (item.at[0] == '{' && json_find(item, "type", &type) && type.type == JSON_STRING &&
	    (quoted_is(json_inside(type.raw), "function_call") || quoted_is(json_inside(type.raw), "custom_tool_call")))
		p->relay->tools_open = p->relay->seen.content = true;
	if (p->relay->mark.len > 0)
		mark_item(p->relay, p->edits, p->data, item);
}

int32_t
response_searches(struct text list)
{
	struct json_walk walk = json_walk(list);
	struct json_item item, type;
	int32_t n = 0;

	while (json_next(&walk, &item))
		n += item.type == JSON_OBJECT && json_find(item.raw, "type", &type) && text_is(type.raw, "\"web_search_call\"");
	return (n);
}

static void
note_output(struct passage *p, struct text list)
{
	struct json_walk walk = json_walk(list);
	struct json_item item;

	if (p->relay->seen.produced == 0 && list.len > 2)
		p->relay->seen.produced = list.len;	/* a whole answer; events were counted as they came */
	while (json_next(&walk, &item))
		note_item(p, item.raw);
}

enum finish
response_why_incomplete(struct text details)
{
	struct json_item reason;

	if (details.at[0] == '{' && json_find(details, "reason", &reason) && reason.type == JSON_STRING &&
	    quoted_is(json_inside(reason.raw), "content_filter"))
		return (FINISH_FILTER);
	return (FINISH_LENGTH);
}

static void
note_status(struct passage *p, struct quoted status)
{
	struct seen *seen = &p->relay->seen;

	p->failed = IS(status, "failed");
	if (IS(status, "incomplete") && seen->finish == FINISH_NONE)
		seen->finish = FINISH_LENGTH;
}

/* A member of a response, whether it is the whole body or stands within an event. */
static void
look_at_member(struct passage *p, const struct json_item *m)
{
	struct relay *r = p->relay;
	struct quoted word = m->type == JSON_STRING ? json_inside(m->raw) : QUOTED("");

	if (m->type == JSON_STRING) {
		if (IS(m->name, "id"))
			own_id(p, word);
		else if (IS(m->name, "previous_response_id"))
			put_id(p, &r->previous, word);
		else if (IS(m->name, "model"))
			put_model(p, word);
		else if (IS(m->name, "status"))
			note_status(p, word);
		else if (IS(m->name, "service_tier"))
			r->seen.tier = tier_named((struct text){ word.at, word.len }) + 1;
	} else if (m->type == JSON_OBJECT) {
		if (IS(m->name, "usage"))
			note_usage(&r->seen, m->raw, r->want);
		else if (IS(m->name, "incomplete_details"))
			r->seen.finish = response_why_incomplete(m->raw);
		else if (IS(m->name, "error"))
			p->error = m->raw;
	} else if (m->type == JSON_ARRAY && IS(m->name, "output")) {
		p->has_body = true;
		note_output(p, m->raw);
		r->seen.searches = response_searches(m->raw);
	} else if (m->type == JSON_ARRAY && IS(m->name, "data") && r->want == WANT_STORED)
		note_output(p, m->raw);		/* a list of input items */
}

static void
look_at_response(struct passage *p, struct text response)
{
	struct json_walk walk = json_walk(response);
	struct json_item m;

	while (json_next(&walk, &m))
		look_at_member(p, &m);
}

static void
finished(struct relay *r)
{
	struct seen *seen = &r->seen;

	if (seen->finish == FINISH_NONE)
		seen->finish = r->tools_open != 0 ? FINISH_TOOLS : FINISH_STOP;
	seen->finished = seen->done = seen->content = true;
	seen->usage.tier = seen->tier - 1;
	if (seen->searches > 0)
		seen->usage.searches = seen->searches;
}

static enum pass
fails(struct relay *r, struct text error)
{
	r->seen.error = error.len > 0 ? provider_read_error(r->arena, "OpenAI", 200, TEXT("application/json"), error, 0) :
	    error_new(r->arena, E_UPSTREAM_FAILED, VENDOR_FAILED);
	return (PASS_ERROR);
}

/* Events. */

struct error *
event_read(struct event_spots *e, struct arena *arena, struct text name, struct text data)
{
	struct json_fault fault = { 0 };
	enum json_type kind;
	size_t n;

	e->data = data;
	e->type = name;
	e->response = e->item = e->delta = e->sequence = e->error = NULL;
	e->typed = false;
	if (!json_scan(data, &kind, e->room, nitems(e->room), &n, &fault) || kind != JSON_OBJECT) {
		fault.what = fault.what != NULL ? fault.what : "not an object";
		return (not_an_answer(arena, data, &fault));
	}
	for (size_t i = 0; i < n && i < nitems(e->room); i++) {
		const struct json_spot *spot = &e->room[i];
		struct quoted word = json_spot_name(data, spot);

		if (IS(word, "delta"))
			e->delta = spot;
		else if (IS(word, "sequence_number"))
			e->sequence = spot;
		else if (IS(word, "item"))
			e->item = spot;
		else if (IS(word, "response"))
			e->response = spot;
		else if (IS(word, "error"))
			e->error = spot;
		else if (IS(word, "type") && spot->type == JSON_STRING) {
			e->type = text_sub(json_spot_value(data, spot), 1, spot->value_len - 1);	/* no type needs an escape */
			e->typed = true;
		}
	}
	return (NULL);
}

bool
event_is_error(const struct event_spots *e)
{
	return (text_is(e->type, "error") || (!e->typed && e->error != NULL && e->error->type != JSON_NULL));
}

bool
event_is_last(const struct event_spots *e)
{
	return (text_is(e->type, "response.completed") || text_is(e->type, "response.incomplete") || text_is(e->type, "response.failed") ||
	    text_is(e->type, "response.cancelled"));
}

static bool
is_object(const struct json_spot *spot)
{
	return (spot != NULL && spot->type == JSON_OBJECT);
}

static void
note_sequence(struct seen *seen, const struct event_spots *e)
{
	int64_t n;

	if (e->sequence != NULL && json_to_i64(json_spot_value(e->data, e->sequence), &n) && n >= seen->sequence && n < INT64_MAX)
		seen->sequence = n + 1;
	else
		seen->sequence++;
}

static void
note_content(struct seen *seen, size_t bytes)
{
	seen->content = true;
	seen->produced += bytes;
}

/* The frame around what is to come is no content: created, queued, in_progress, …added; nor is an event nobody knows. */
static bool
is_content(struct text type)
{
	return (text_ends(type, TEXT(".done")) || text_ends(type, TEXT(".partial_image")) || text_ends(type, TEXT(".annotation.added")));
}

/* A delta: the event there are hundreds of. */
static bool
is_delta(struct relay *r, const struct event_spots *e)
{
	if (!text_ends(e->type, TEXT(".delta")) || e->delta == NULL)
		return (false);
	if (e->delta->value_len > 2)
		note_content(&r->seen, e->delta->value_len - 2);
	return (true);
}

static enum pass
terminal(struct passage *p, struct text type)
{
	bool failed = p->failed || text_is(type, "response.failed");

	if (failed && p->relay->want != WANT_STORED)
		return (fails(p->relay, p->error));
	if (text_is(type, "response.incomplete") && p->relay->seen.finish == FINISH_NONE)
		p->relay->seen.finish = FINISH_LENGTH;
	finished(p->relay);
	return (PASS_ON);
}

static enum pass
look_at_event(struct passage *p, const struct event_spots *e)
{
	if (event_is_error(e))
		return (fails(p->relay, p->data));
	if (is_object(e->response))
		look_at_response(p, json_spot_value(p->data, e->response));
	else if (is_object(e->item))
		note_item(p, json_spot_value(p->data, e->item));
	if (is_content(e->type))
		p->relay->seen.content = true;
	return (event_is_last(e) ? terminal(p, e->type) : PASS_ON);
}

enum pass
responses_relay_event(struct relay *r, struct text name, struct text data, struct edits *edits)
{
	struct passage p = { .relay = r, .edits = edits, .data = data };
	struct event_spots e;

	*edits = (struct edits){ .list = r->edit_room, .room = nitems(r->edit_room) };
	if (r->seen.done || text_trim(data).len == 0 || is_done_word(data))
		return (PASS_DROP);
	if ((r->seen.error = event_read(&e, r->arena, name, data)) != NULL)
		return (PASS_ERROR);
	if (!is_delta(r, &e) && look_at_event(&p, &e) == PASS_ERROR)
		return (PASS_ERROR);
	note_sequence(&r->seen, &e);
	return (PASS_ON);
}

/* Whole answers. */

/* `made`: a response of this moment, which may not have failed; what is stored is told as it is. */
static enum pass
judge(struct passage *p, bool made)
{
	struct relay *r = p->relay;

	if (made && (p->failed || (!p->has_body && p->error.len > 0)))
		return (fails(r, p->error));
	if (made && !p->has_body) {
		r->seen.error = error_new(r->arena, E_UPSTREAM_FAILED, EMPTY_ANSWER);
		return (PASS_ERROR);
	}
	finished(r);
	return (PASS_ON);
}

enum pass
responses_relay_answer(struct relay *r, struct text body, struct edits *edits)
{
	struct passage p = { .relay = r, .edits = edits, .data = body };
	struct json_fault fault = { 0 };
	enum json_type type;
	size_t n;

	if (!json_scan(body, &type, NULL, 0, &n, &fault) || type != JSON_OBJECT) {
		if (fault.what == NULL)
			fault.what = "not an object";
		r->seen.error = not_an_answer(r->arena, body, &fault);
		return (PASS_ERROR);
	}
	look_at_response(&p, body);
	if (r->want == WANT_STORED)
		note_usage(&r->seen, TEXT("{}"), WANT_STORED);
	return (judge(&p, r->want != WANT_STORED));
}
