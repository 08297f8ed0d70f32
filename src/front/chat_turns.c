/* SPDX-License-Identifier: Apache-2.0 */
/* The messages of a chat request: every role, calls and results old and new, thoughts of earlier turns. */
#include "front/chat_read_priv.h"
#include "front/freeform.h"

static struct message *
add_message(struct reading *r, enum role role)
{
	struct message *m = arena_new_of(r->arena, struct message);

	m->role = role;
	*r->last = m;
	r->last = &m->next;
	r->results = NULL;
	return (m);
}

/* A mark on the message itself counts for its last part. */
static void
mark_last(struct part *parts, const struct json *message)
{
	const struct json *mark = chat_said(message, "cache_control");

	if (parts == NULL || !json_is(mark, JSON_OBJECT))
		return;
	while (parts->next != NULL)
		parts = parts->next;
	if (parts->cache_control.len == 0)
		parts->cache_control = mark->raw;
}

static struct error *
read_plain(struct reading *r, const struct json *v, enum role role, struct text path)
{
	struct message *m = add_message(r, role);
	struct part **end = &m->parts;

	TRY(chat_take_string(&m->name, r, v, "name", path));
	if (chat_said(v, "content") == NULL)
		return (chat_wrong(r, chat_member_path(r, path, "content"), "a string or a list"));
	TRY(chat_read_content(r, &end, v, path));
	mark_last(m->parts, v);
	return (NULL);
}

/* Some clients send the object itself; nothing means no arguments. */
struct error *
chat_read_arguments(struct text *input, struct reading *r, const struct json *v, struct text path)
{
	struct json_fault fault;
	enum json_type type;
	size_t n;

	*input = TEXT("{}");
	if (v == NULL)
		return (NULL);
	if (v->type == JSON_OBJECT) {
		*input = v->raw;
		return (NULL);
	}
	if (v->type != JSON_STRING)
		return (chat_wrong(r, path, "a string"));
	if (quoted_blank(json_quoted(v)))
		return (NULL);
	*input = text_trim(json_unescape(r->arena, json_quoted(v)));
	if (!json_scan(*input, &type, NULL, 0, &n, &fault))
		return (chat_wrong(r, path, "a string that holds JSON"));
	if (type != JSON_OBJECT)
		*input = arena_print(r->arena, "{\"value\":%.*s}", (int)input->len, input->at);
	return (NULL);
}

static struct error *
read_call(struct reading *r, struct part ***end, const struct json *v, struct text path)
{
	const struct json *function = chat_said(v, "function"), *custom = chat_said(v, "custom");
	struct part *p = chat_add_part(r, end, PART_CALL);
	struct quoted words;

	if (!json_is(v, JSON_OBJECT))
		return (chat_wrong(r, path, "an object"));
	TRY(chat_take_string(&p->id, r, v, "id", path));
	if (json_is(custom, JSON_OBJECT)) {
		path = chat_member_path(r, path, "custom");
		TRY(chat_need_string(&p->name, r, custom, "name", path));
		TRY(chat_take_string(&words, r, custom, "input", path));
		p->input = freeform_arguments(r->arena, words);
		return (NULL);
	}
	path = chat_member_path(r, path, "function");
	if (!json_is(function, JSON_OBJECT))
		return (chat_wrong(r, path, "an object"));
	TRY(chat_need_string(&p->name, r, function, "name", path));
	return (chat_read_arguments(&p->input, r, chat_said(function, "arguments"), chat_member_path(r, path, "arguments")));
}

static struct error *
read_calls(struct reading *r, struct part ***end, const struct json *message, struct text path)
{
	const struct json *calls = chat_said(message, "tool_calls"), *old = chat_said(message, "function_call");
	struct part *p;
	struct text id;
	unsigned i = 0;

	if (calls != NULL && calls->type != JSON_ARRAY)
		return (chat_wrong(r, chat_member_path(r, path, "tool_calls"), "a list"));
	for (const struct json *v = calls != NULL ? calls->first : NULL; v != NULL; v = v->next)
		TRY(read_call(r, end, v, chat_item_path(r, chat_member_path(r, path, "tool_calls"), i++)));
	if (old == NULL)
		return (NULL);
	path = chat_member_path(r, path, "function_call");
	if (old->type != JSON_OBJECT)
		return (chat_wrong(r, path, "an object"));
	p = chat_add_part(r, end, PART_CALL);
	TRY(chat_need_string(&p->name, r, old, "name", path));
	id = arena_print(r->arena, "call_%zu", (size_t)(old->raw.at - r->body.at));
	r->old_call = p->id = (struct quoted){ id.at, id.len };
	return (chat_read_arguments(&p->input, r, chat_said(old, "arguments"), chat_member_path(r, path, "arguments")));
}

/* Thoughts of an earlier turn, signed ones by preference: they are what can be replayed. */
static struct error *
read_thoughts(struct reading *r, struct part ***end, const struct json *message, struct text path)
{
	static const char *const lists[] = { "thinking_blocks", "reasoning_details" };
	static const char *const words[] = { "reasoning_content", "reasoning" };
	struct quoted text;
	unsigned i = 0;

	for (size_t k = 0; k < nitems(lists); k++) {
		const struct json *list = chat_said(message, lists[k]);

		if (!json_is(list, JSON_ARRAY) || list->first == NULL)
			continue;
		for (const struct json *v = list->first; v != NULL; v = v->next) {
			if (json_is(v, JSON_OBJECT) && quoted_is(json_quoted(json_get(v, "type")), "reasoning.summary"))
				continue;
			TRY(chat_read_part(r, end, v, chat_item_path(r, chat_member_path(r, path, lists[k]), i++)));
		}
		return (NULL);
	}
	for (size_t k = 0; k < nitems(words); k++) {
		TRY(chat_take_string(&text, r, message, words[k], path));
		if (text.len > 0) {
			chat_add_part(r, end, PART_THINKING)->text = text;
			return (NULL);
		}
	}
	return (NULL);
}

static struct error *
read_assistant(struct reading *r, const struct json *v, struct text path)
{
	struct message *m = add_message(r, ROLE_ASSISTANT);
	struct part **end = &m->parts, **words;
	struct quoted refusal;

	TRY(chat_take_string(&m->name, r, v, "name", path));
	TRY(read_thoughts(r, &end, v, path));
	words = end;
	TRY(chat_read_content(r, &end, v, path));
	if (*words != NULL && (*words)->next == NULL && (*words)->kind == PART_TEXT && (*words)->text.len == 0) {
		*words = NULL;			/* "" beside calls means no words */
		end = words;
	}
	TRY(chat_take_string(&refusal, r, v, "refusal", path));
	if (refusal.len > 0)
		chat_add_part(r, &end, PART_REFUSAL)->text = refusal;
	mark_last(m->parts, v);
	return (read_calls(r, &end, v, path));
}

static struct error *
read_result(struct reading *r, const struct json *v, bool old, struct text path)
{
	struct part **end, *p;

	if (r->results == NULL) {
		struct message *m = add_message(r, ROLE_USER);

		r->results = m;
	}
	for (end = &r->results->parts; *end != NULL;)
		end = &(*end)->next;
	p = chat_add_part(r, &end, PART_RESULT);
	if (old)
		p->id = r->old_call;
	else
		TRY(chat_need_string(&p->id, r, v, "tool_call_id", path));
	TRY(chat_take_string(&p->name, r, v, "name", path));
	end = &p->inner;
	TRY(chat_read_content(r, &end, v, path));
	mark_last(p, v);
	return (NULL);
}

static struct error *
read_message(struct reading *r, const struct json *v, struct text path)
{
	static const struct {
		const char	*word;
		enum role	 role;
	} plain[] = { { "system", ROLE_SYSTEM }, { "developer", ROLE_DEVELOPER }, { "user", ROLE_USER } };
	struct quoted role;

	if (!json_is(v, JSON_OBJECT))
		return (chat_wrong(r, path, "an object"));
	TRY(chat_need_string(&role, r, v, "role", path));
	for (size_t i = 0; i < nitems(plain); i++)
		if (quoted_is(role, plain[i].word))
			return (read_plain(r, v, plain[i].role, path));
	if (quoted_is(role, "assistant"))
		return (read_assistant(r, v, path));
	if (quoted_is(role, "tool"))
		return (read_result(r, v, false, path));
	if (quoted_is(role, "function"))
		return (read_result(r, v, true, path));
	return (chat_wrong(r, chat_member_path(r, path, "role"), "system, developer, user, assistant or tool"));
}

struct error *
chat_read_messages(struct reading *r, const struct json *v, const char *name)
{
	struct text path = text_of(name);
	unsigned i = 0;

	for (const struct json *m = v->first; m != NULL; m = m->next)
		TRY(read_message(r, m, chat_item_path(r, path, i++)));
	return (NULL);
}
