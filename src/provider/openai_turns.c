/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of a request to an OpenAI-like server: results in the order of their calls, pictures where they are allowed, thoughts where they are
 * wanted back.
 */
#include "provider/openai_write_priv.h"

#define MAX_CALL_ID	64

/* The same for a call and its result, or the pair would part. */
static struct quoted
call_id(const struct sheet *s, struct quoted id)
{
	if (has(s, HABIT_NINE)) {
		bool fits = id.len == 9;

		for (size_t i = 0; i < id.len && fits; i++)
			fits = (id.at[i] >= '0' && id.at[i] <= '9') || ((id.at[i] | 0x20) >= 'a' && (id.at[i] | 0x20) <= 'z');
		return (fits ? id : short_digest(s->arena, id, 9, true));
	}
	return (id.len > MAX_CALL_ID ? short_digest(s->arena, id, 40, false) : id);
}

static bool
is_wanted_text(const struct part *p)
{
	/* Claude Code's first system block changes with every request, and would spoil the vendor's prompt cache */
	static const char billing[] = "x-anthropic-billing-header:";

	return (p->kind == PART_TEXT && (p->text.len < sizeof(billing) - 1 || memcmp(p->text.at, billing, sizeof(billing) - 1) != 0));
}

static bool
is_text_file(const struct part *p)
{
	return (p->kind == PART_FILE && p->data_is_text);
}

static struct quoted
words_of(const struct part *p)
{
	return (is_text_file(p) ? p->data : p->text);
}

static bool
is_plain(const struct part *p)
{
	return (is_wanted_text(p) || is_text_file(p));
}

/* The texts of these parts, one behind the other. */
static struct quoted
join(struct arena *arena, const struct part *parts, bool (*wanted)(const struct part *), struct quoted prefix, struct quoted between)
{
	struct quoted only = QUOTED(""), q;
	struct buf all = { 0 };
	struct text copy;
	size_t n = 0;

	buf_add(&all, prefix.at, prefix.len);
	for (const struct part *p = parts; p != NULL; p = p->next) {
		if (!wanted(p))
			continue;
		q = words_of(p);
		if (n++ > 0)
			buf_add(&all, between.at, between.len);
		buf_add(&all, q.at, q.len);
		only = q;
	}
	if (n == 1 && prefix.len == 0) {
		buf_free(&all);
		return (only);
	}
	copy = arena_copy(arena, buf_as_text(&all));
	buf_free(&all);
	return ((struct quoted){ copy.at, copy.len });
}

static bool
any(const struct part *parts, bool (*wanted)(const struct part *))
{
	for (const struct part *p = parts; p != NULL; p = p->next)
		if (wanted(p))
			return (true);
	return (false);
}

static bool
is_answer_text(const struct part *p)
{
	return (p->kind == PART_TEXT || p->kind == PART_REFUSAL);
}

static bool
is_thought(const struct part *p)
{
	return (p->kind == PART_THINKING);
}

static bool
is_call(const struct part *p)
{
	return (p->kind == PART_CALL);
}

static bool
is_picture(const struct part *p)
{
	return (p->kind == PART_IMAGE || p->kind == PART_AUDIO || (p->kind == PART_FILE && !p->data_is_text));
}

static bool
is_any_signed(const struct part *p)
{
	return (p->kind == PART_REDACTED || (p->kind == PART_THINKING && p->signature.len > 0));
}

static void
put_role(struct json_out *o, const char *role)
{
	json_open(o, '{');
	json_name(o, "role");
	json_string(o, text_of(role));
}

/* Parts of content lists. */

struct quoted
openai_data_url(struct arena *arena, const struct part *p)
{
	struct text url;

	if (p->url.len > 0)
		return (p->url);
	url = arena_print(arena, "data:" TEXT_FMT ";base64," TEXT_FMT, TEXT_ARG(p->media_type), TEXT_ARG(p->data));
	return ((struct quoted){ url.at, url.len });
}

static struct quoted
audio_format(const struct part *p)
{
	struct text head, kind;

	text_cut((struct text){ p->media_type.at, p->media_type.len }, '/', &head, &kind);
	if (text_is(kind, "mpeg"))
		kind = TEXT("mp3");
	else if (text_is(kind, "x-wav") || text_is(kind, "wave"))
		kind = TEXT("wav");
	return ((struct quoted){ kind.at, kind.len });
}

static void
put_text_part(struct sheet *s, struct quoted words, struct text cache_control)
{
	struct json_out *o = &s->out;

	json_open(o, '{');
	put_member(o, "type", QUOTED("text"));
	put_member(o, "text", words);
	if (cache_control.len > 0 && has(s, HABIT_DETAILS_IN)) {
		json_name(o, "cache_control");
		json_raw(o, cache_control);
	}
	json_close(o, '}');
}

static void
put_image(struct sheet *s, const struct part *p)
{
	struct json_out *o = &s->out;

	json_open(o, '{');
	put_member(o, "type", QUOTED("image_url"));
	json_name(o, "image_url");
	json_open(o, '{');
	put_member(o, "url", openai_data_url(s->arena, p));
	if (p->detail.len > 0)
		put_member(o, "detail", p->detail);
	json_close(o, '}');
	json_close(o, '}');
}

static void
put_audio(struct sheet *s, const struct part *p)
{
	struct json_out *o = &s->out;

	json_open(o, '{');
	put_member(o, "type", QUOTED("input_audio"));
	json_name(o, "input_audio");
	json_open(o, '{');
	put_member(o, "data", p->data);
	put_member(o, "format", audio_format(p));
	json_close(o, '}');
	json_close(o, '}');
}

static void
put_file(struct sheet *s, const struct part *p)
{
	struct json_out *o = &s->out;

	if (p->url.len > 0) {			/* chat knows no documents by address: the model at least hears of it */
		struct text link = arena_print(s->arena, "[" TEXT_FMT "](" TEXT_FMT ")", TEXT_ARG(p->name.len > 0 ? p->name : QUOTED("document")),
		    TEXT_ARG(p->url));

		put_text_part(s, (struct quoted){ link.at, link.len }, TEXT(""));
		return;
	}
	json_open(o, '{');
	put_member(o, "type", QUOTED("file"));
	json_name(o, "file");
	json_open(o, '{');
	put_member(o, "filename", p->name.len > 0 ? p->name : QUOTED("document.pdf"));
	put_member(o, "file_data", openai_data_url(s->arena, p));
	json_close(o, '}');
	json_close(o, '}');
}

static void
put_part(struct sheet *s, const struct part *p)
{
	if (is_plain(p))
		put_text_part(s, words_of(p), p->cache_control);
	else if (p->kind == PART_IMAGE)
		put_image(s, p);
	else if (p->kind == PART_AUDIO)
		put_audio(s, p);
	else if (p->kind == PART_FILE)
		put_file(s, p);
}

/* Messages. */

static void
put_system(struct sheet *s, const struct message *m)
{
	struct json_out *o = &s->out;
	bool cached = false;

	if (!any(m->parts, is_wanted_text))
		return;
	put_role(o, m->role == ROLE_DEVELOPER && openai_quirk(s->deployment, QUIRK_DEVELOPER_OK) ? "developer" : "system");
	for (const struct part *p = m->parts; p != NULL; p = p->next)
		cached |= p->cache_control.len > 0 && has(s, HABIT_DETAILS_IN);
	json_name(o, "content");
	if (cached) {
		json_open(o, '[');
		for (const struct part *p = m->parts; p != NULL; p = p->next)
			if (is_wanted_text(p))
				put_text_part(s, p->text, p->cache_control);
		json_close(o, ']');
	} else
		json_put_quoted(o, join(s->arena, m->parts, is_wanted_text, QUOTED(""), QUOTED("\\n\\n")));
	json_close(o, '}');
}

static const struct part *
call_of(const struct sheet *s, struct quoted id)
{
	for (const struct part *p = s->caller != NULL ? s->caller->parts : NULL; p != NULL; p = p->next)
		if (p->kind == PART_CALL && p->id.len == id.len && memcmp(p->id.at, id.at, id.len) == 0)
			return (p);
	return (NULL);
}

static void
put_result(struct sheet *s, const struct part *call, const struct part *result)
{
	struct json_out *o = &s->out;
	struct part marker = { .kind = PART_TEXT, .text = QUOTED("[image: in the next user message]"), .next = result->inner };
	const struct part *inner = any(result->inner, is_picture) ? &marker : result->inner;

	put_role(o, "tool");
	put_member(o, "tool_call_id", call_id(s, result->id));
	if (has(s, HABIT_NINE))
		put_member(o, "name", tool_name_fit(s->arena, call->name));
	put_member(o, "content", join(s->arena, inner, is_plain, result->failed ? QUOTED("Error: ") : QUOTED(""), QUOTED("\\n")));
	json_close(o, '}');
}

/* Results stand before anything else, in the order of the calls, whatever order they came in. */
static void
put_results(struct sheet *s, const struct message *m)
{
	for (const struct part *c = s->caller != NULL ? s->caller->parts : NULL; c != NULL; c = c->next) {
		if (c->kind != PART_CALL)
			continue;
		for (const struct part *p = m->parts; p != NULL; p = p->next)
			if (p->kind == PART_RESULT && call_of(s, p->id) == c)
				put_result(s, c, p);
	}
}

/* What remains for the user's own message: its parts, pictures of results, and results nobody asked for. */
static void
gather(struct sheet *s, const struct message *m, struct part **list)
{
	for (const struct part *p = m->parts; p != NULL; p = p->next) {
		const struct part *from = p, *until = p->next;

		if (p->kind == PART_RESULT) {
			from = p->inner;
			until = NULL;
		}
		for (; from != until; from = from->next) {
			if (p->kind == PART_RESULT && call_of(s, p->id) != NULL && !is_picture(from))
				continue;
			*list = arena_new_of(s->arena, struct part);
			**list = *from;
			(*list)->next = NULL;
			list = &(*list)->next;
		}
	}
}

static void
put_user(struct sheet *s, const struct message *m)
{
	struct json_out *o = &s->out;
	struct part *parts = NULL;
	bool cached = false;

	put_results(s, m);
	gather(s, m, &parts);
	for (const struct part *p = parts; p != NULL; p = p->next)
		cached |= p->cache_control.len > 0 && has(s, HABIT_DETAILS_IN);
	if (!any(parts, is_plain) && !any(parts, is_picture))
		return;
	put_role(o, "user");
	if (m->name.len > 0 && !has(s, HABIT_NO_NAME))
		put_member(o, "name", m->name);
	json_name(o, "content");
	if (!any(parts, is_picture) && !cached)
		json_put_quoted(o, join(s->arena, parts, is_plain, QUOTED(""), QUOTED("\\n\\n")));
	else {
		json_open(o, '[');
		for (const struct part *p = parts; p != NULL; p = p->next)
			put_part(s, p);
		json_close(o, ']');
	}
	json_close(o, '}');
}

static void
put_call(struct sheet *s, const struct part *p)
{
	struct json_out *o = &s->out;

	json_open(o, '{');
	put_member(o, "id", call_id(s, p->id));
	put_member(o, "type", QUOTED("function"));
	json_name(o, "function");
	json_open(o, '{');
	put_member(o, "name", tool_name_fit(s->arena, p->name));
	put_member(o, "arguments", p->input.len > 0 ? json_escape_compact(s->arena, p->input) : QUOTED("{}"));
	json_close(o, '}');
	json_close(o, '}');
}

static void
put_details(struct sheet *s, const struct message *m)
{
	struct json_out *o = &s->out;

	json_name(o, "reasoning_details");
	json_open(o, '[');
	for (const struct part *p = m->parts; p != NULL; p = p->next) {
		if (!is_any_signed(p))
			continue;
		json_open(o, '{');
		if (p->kind == PART_REDACTED) {
			put_member(o, "type", QUOTED("reasoning.encrypted"));
			put_member(o, "data", p->text);
		} else {
			put_member(o, "type", QUOTED("reasoning.text"));
			put_member(o, "text", p->text);
			put_member(o, "signature", p->signature);
		}
		if (text_starts(s->model, TEXT("anthropic/")))
			put_member(o, "format", QUOTED("anthropic-claude-v1"));
		json_close(o, '}');
	}
	json_close(o, ']');
}

static void
put_reasoning(struct sheet *s, const struct message *m, bool calls)
{
	bool thought = any(m->parts, is_thought);

	if (has(s, HABIT_DETAILS_IN) && any(m->parts, is_any_signed))
		put_details(s, m);
	if (calls && has(s, HABIT_REASONING_IN) && (thought || has(s, HABIT_REASONING_ALWAYS)))
		put_member(&s->out, "reasoning_content", join(s->arena, m->parts, is_thought, QUOTED(""), QUOTED("")));
}

static void
put_assistant(struct sheet *s, const struct message *m)
{
	struct json_out *o = &s->out;
	bool calls = any(m->parts, is_call), words = any(m->parts, is_answer_text);

	s->caller = m;
	if (!calls && !words)			/* only thoughts, which cannot be said here */
		return;
	put_role(o, "assistant");
	if (m->name.len > 0 && !has(s, HABIT_NO_NAME))
		put_member(o, "name", m->name);
	json_name(o, "content");
	if (words)
		json_put_quoted(o, join(s->arena, m->parts, is_answer_text, QUOTED(""), QUOTED("")));
	else
		json_null(o);
	put_reasoning(s, m, calls);
	if (calls) {
		json_name(o, "tool_calls");
		json_open(o, '[');
		for (const struct part *p = m->parts; p != NULL; p = p->next)
			if (p->kind == PART_CALL)
				put_call(s, p);
		json_close(o, ']');
	}
	json_close(o, '}');
}

/* A vendor that knows no schema is told of it in words (json_object also wants the word JSON said). */
static void
put_schema_hint(struct sheet *s)
{
	struct text hint = arena_print(s->arena, "Answer with JSON that matches this schema: %.*s", (int)s->ask->schema.len, s->ask->schema.at);

	put_role(&s->out, "system");
	json_name(&s->out, "content");
	json_string(&s->out, hint);
	json_close(&s->out, '}');
}

void
openai_put_messages(struct sheet *s)
{
	json_name(&s->out, "messages");
	json_open(&s->out, '[');
	if (s->ask->format == FORMAT_SCHEMA && has(s, HABIT_NO_SCHEMA))
		put_schema_hint(s);
	for (const struct message *m = s->ask->messages; m != NULL; m = m->next) {
		if (m->role == ROLE_USER)
			put_user(s, m);
		else if (m->role == ROLE_ASSISTANT)
			put_assistant(s, m);
		else
			put_system(s, m);
	}
	json_close(&s->out, ']');
}
