/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of OpenAI-like servers on their way to a chat client: looked at once, edited in few places, never rebuilt. */
#include "provider/openai_priv.h"

/* What one chunk or body does to the relay. */
struct passage {
	struct relay	*relay;
	struct edits	*edits;
	struct text	 data;
	bool		 whole;			/* a body, not a chunk */
	bool		 failed;		/* a finish reason that means an error */
};

static void
edit(struct passage *p, const char *from, size_t len, struct quoted with)
{
	size_t at = (size_t)(from - p->data.at);

	edits_add(p->edits, p->relay->arena, at, at + len, (struct text){ with.at, with.len });
}

/* Takes a member out of an object somewhere within the data. */
static void
cut_within(struct passage *p, struct text object, const char *name)
{
	struct json_spot room[CHUNK_MEMBERS];
	struct json_fault fault;
	struct json_edit cut;
	enum json_type type;
	size_t n;

	if (!json_scan(object, &type, room, nitems(room), &n, &fault) || n > nitems(room))
		return;
	for (size_t i = 0; i < n; i++) {
		if (!quoted_is(json_spot_name(object, &room[i]), name))
			continue;
		cut = json_cut(object, room, n, i);
		edit(p, object.at + cut.from, cut.to - cut.from, QUOTED(""));
		return;
	}
}

static void
note_usage(struct seen *seen, struct text object)
{
	struct usage usage;

	if (object.at[0] == '{' && usage_read(&usage, object)) {
		seen->usage = usage;
		seen->usage_said = true;
		seen->usage_at = seen->produced;
	}
}

static void
note_content(struct seen *seen, size_t bytes)
{
	seen->content = true;
	seen->produced += bytes;
}

static bool
has_items(const struct json_item *list)
{
	struct json_walk walk = json_walk(list->raw);
	struct json_item item;

	return (json_next(&walk, &item));
}

/* The members of a delta or message that carry content. */
enum carrier { CARRIES_WORDS, CARRIES_CALLS, CARRIES_OBJECT };
static const struct {
	const char	*name;
	size_t		 len;
	enum carrier	 how;
} carriers[] = {
#define CARRIER(name, how)	{ name, sizeof(name) - 1, how }
	CARRIER("content", CARRIES_WORDS),
	CARRIER("tool_calls", CARRIES_CALLS),
	CARRIER("reasoning_content", CARRIES_WORDS),
	CARRIER("reasoning", CARRIES_WORDS),
	CARRIER("refusal", CARRIES_WORDS),
	CARRIER("function_call", CARRIES_OBJECT),
	CARRIER("audio", CARRIES_OBJECT),
	CARRIER("images", CARRIES_WORDS),
#undef CARRIER
};

static void
look_at_member(struct passage *p, const struct json_item *m, enum carrier how, unsigned choice, struct text delta)
{
	struct relay *r = p->relay;
	bool list = m->type == JSON_ARRAY && has_items(m);

	switch (how) {
	case CARRIES_WORDS:
		if ((m->type == JSON_STRING && m->raw.len > 2) || list)
			note_content(&r->seen, m->raw.len - 2);
		break;
	case CARRIES_CALLS:
		if (list) {
			note_content(&r->seen, m->raw.len);
			r->tools_open |= 1u << (choice % 32);
		} else if (p->whole)		/* clients loop on an empty round of tools */
			cut_within(p, delta, "tool_calls");
		break;
	case CARRIES_OBJECT:
		if (m->type == JSON_OBJECT)
			note_content(&r->seen, m->raw.len);
	}
}

static void
look_at_delta(struct passage *p, struct text delta, unsigned choice)
{
	struct json_walk walk = json_walk(delta);
	struct json_item m;

	while (json_next(&walk, &m)) {
		for (size_t i = 0; i < nitems(carriers); i++) {
			if (m.name.len == carriers[i].len && memcmp(m.name.at, carriers[i].name, m.name.len) == 0) {
				look_at_member(p, &m, carriers[i].how, choice, delta);
				break;
			}
		}
	}
}

static void
look_at_finish(struct passage *p, const struct choice_spots *c)
{
	struct relay *r = p->relay;
	struct quoted word = json_inside(c->finish_reason.raw);
	enum finish finish = FINISH_NONE;
	enum finish_word is = finish_read(&finish, word);
	bool called = (r->tools_open & 1u << (c->index % 32)) != 0;

	if (is == FINISH_WORD_NONE)
		return;
	if (is == FINISH_WORD_FAILED) {
		p->failed = true;
		return;
	}
	if (finish == FINISH_STOP && called) {
		finish = FINISH_TOOLS;
		is = FINISH_WORD_VENDOR;
	}
	if (is == FINISH_WORD_VENDOR)
		edit(p, word.at, word.len, finish_chat(finish));
	if (!r->seen.finished)
		r->seen.finish = finish;
	r->seen.finished = true;
}

static void
look_at_choice(struct passage *p, struct text choice)
{
	struct choice_spots c;

	choice_read(&c, choice);
	if (c.delta.type == JSON_OBJECT)
		look_at_delta(p, c.delta.raw, c.index);
	else if (c.text.type == JSON_STRING && c.text.raw.len > 2)
		note_content(&p->relay->seen, c.text.raw.len - 2);
	if (c.finish_reason.type == JSON_STRING)
		look_at_finish(p, &c);
	if (c.usage.type == JSON_OBJECT) {		/* Moonshot */
		note_usage(&p->relay->seen, c.usage.raw);
		if (p->relay->hide_usage && !p->whole)
			cut_within(p, choice, "usage");
	}
}

/* How many choices there are. */
static unsigned
look_at_choices(struct passage *p, const struct chunk *c)
{
	struct json_walk walk;
	struct json_item choice;
	unsigned n = 0;

	if (c->choices == NULL || c->choices->type != JSON_ARRAY)
		return (0);
	walk = json_walk(json_spot_value(p->data, c->choices));
	while (json_next(&walk, &choice)) {
		n++;
		if (choice.type == JSON_OBJECT)
			look_at_choice(p, choice.raw);
	}
	return (n);
}

/* Usage of the chunk itself, and of Groq's x_groq; false: there was none. */
static bool
look_at_usage(struct passage *p, const struct chunk *c)
{
	struct relay *r = p->relay;
	bool hide = r->hide_usage && !p->whole, said = false;
	struct json_item groq;
	struct json_edit cut;

	if (c->x_groq != NULL && c->x_groq->type == JSON_OBJECT && json_find(json_spot_value(p->data, c->x_groq), "usage", &groq)) {
		note_usage(&r->seen, groq.raw);
		if (hide)
			cut_within(p, json_spot_value(p->data, c->x_groq), "usage");
	}
	if (c->usage == NULL)
		return (false);
	if (c->usage->type == JSON_OBJECT) {
		note_usage(&r->seen, json_spot_value(p->data, c->usage));
		r->seen.usage.tier = chunk_tier(c);
		said = true;
	}
	if (hide) {
		cut = json_cut(p->data, c->top, c->n, (size_t)(c->usage - c->top));
		edits_add(p->edits, r->arena, cut.from, cut.to, cut.with);
	}
	return (said);
}

static void
put_model(struct passage *p, const struct chunk *c)
{
	struct relay *r = p->relay;
	struct text value = json_spot_value(p->data, c->model);
	struct quoted is = c->model->type == JSON_STRING ? json_inside(value) : QUOTED("");

	if (is.len > 0 && r->seen.served_model.at == NULL)
		r->seen.served_model = arena_copy(r->arena, json_unescape(r->arena, is));
	if (is.len == r->model.len && memcmp(is.at, r->model.at, is.len) == 0)
		return;
	if (c->model->type == JSON_STRING)
		edit(p, is.at, is.len, r->model);
	else {
		struct text with = arena_print(r->arena, "\"" TEXT_FMT "\"", TEXT_ARG(r->model));

		edit(p, value.at, value.len, (struct quoted){ with.at, with.len });
	}
}

static void
note_id(struct passage *p, const struct chunk *c)
{
	struct seen *seen = &p->relay->seen;

	if (c->id != NULL && c->id->type == JSON_STRING && c->id->value_len > 2 && seen->vendor_id.at == NULL)
		seen->vendor_id = arena_copy(p->relay->arena, json_unescape(p->relay->arena, json_inside(json_spot_value(p->data, c->id))));
}

void
edits_sort(struct edits *e)
{
	for (size_t i = 1; i < e->n; i++)
		for (size_t k = i; k > 0 && e->list[k].from < e->list[k - 1].from; k--) {
			struct json_edit swap = e->list[k];

			e->list[k] = e->list[k - 1];
			e->list[k - 1] = swap;
		}
}

static enum pass
fails(struct relay *r, struct error *e)
{
	r->seen.error = e;
	return (PASS_ERROR);
}

/* The chunk as it was read, unless it can not be used. */
static bool
can_use(struct relay *r, struct chunk *c, struct text name, struct text data)
{
	struct json_fault fault = { 0 };
	struct text error;

	if (!chunk_read(c, r->arena, data, &fault)) {
		r->seen.error = not_an_answer(r->arena, data, &fault);
		return (false);
	}
	error = chunk_error(c, name);
	if (error.len > 0)
		r->seen.error = provider_read_error(r->arena, "OpenAI", 200, TEXT("application/json"), error, 0);
	return (error.len == 0);
}

/* The last word: proof enough, after content, for servers that never give a reason.  The front says it to the client. */
static enum pass
done(struct relay *r)
{
	r->seen.done = true;
	if (!r->seen.finished && r->seen.content) {
		r->seen.finished = r->seen.reason_missing = true;
		r->seen.finish = r->tools_open != 0 ? FINISH_TOOLS : FINISH_STOP;
	}
	return (PASS_DROP);
}

enum pass
openai_relay_event(struct relay *r, struct text name, struct text data, struct edits *edits)
{
	struct passage p = { .relay = r, .edits = edits, .data = data };
	struct chunk c;
	bool usage;

	*edits = (struct edits){ .list = r->edit_room, .room = nitems(r->edit_room) };
	if (r->seen.done || text_trim(data).len == 0)
		return (PASS_DROP);
	if (is_done_word(data))
		return (done(r));
	if (!can_use(r, &c, name, data))
		return (PASS_ERROR);
	note_id(&p, &c);
	if (c.model != NULL)
		put_model(&p, &c);
	usage = look_at_usage(&p, &c);
	if (look_at_choices(&p, &c) == 0 && usage && r->hide_usage)
		return (PASS_DROP);
	if (p.failed)
		return (fails(r, error_new(r->arena, E_UPSTREAM_FAILED, VENDOR_FAILED)));
	edits_sort(edits);
	return (PASS_ON);
}

/* What all whole bodies have alike. */
static bool
look_at_head(struct passage *p, struct chunk *c)
{
	if (!can_use(p->relay, c, TEXT(""), p->data))
		return (false);
	note_id(p, c);
	if (c->model != NULL)
		put_model(p, c);
	(void)look_at_usage(p, c);
	return (true);
}

bool
openai_relay_head(struct relay *r, struct chunk *c, struct text body, struct edits *edits)
{
	struct passage p = { .relay = r, .edits = edits, .data = body, .whole = true };

	return (look_at_head(&p, c));
}

enum pass
openai_relay_answer(struct relay *r, struct text body, struct edits *edits)
{
	struct passage p = { .relay = r, .edits = edits, .data = body, .whole = true };
	struct chunk c;

	if (!look_at_head(&p, &c))
		return (PASS_ERROR);
	if (look_at_choices(&p, &c) == 0)
		return (fails(r, error_new(r->arena, E_UPSTREAM_FAILED, EMPTY_ANSWER)));
	if (p.failed)
		return (fails(r, error_new(r->arena, E_UPSTREAM_FAILED, VENDOR_FAILED)));
	edits_sort(edits);
	if (!r->seen.finished)
		r->seen.finish = r->tools_open != 0 ? FINISH_TOOLS : FINISH_STOP;
	r->seen.finished = r->seen.done = true;
	return (PASS_ON);
}
