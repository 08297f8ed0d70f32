/* SPDX-License-Identifier: Apache-2.0 */
/* The tools of a chat request, and which of them may be called; functions are their old form. */
#include "front/chat_read_priv.h"
#include "front/freeform.h"

struct error *
chat_add_tool(struct reading *r, const struct json *f, const struct json *mark, struct text path)
{
	const struct json *schema = chat_said(f, "parameters"), *strict = chat_said(f, "strict");
	struct tool *t = arena_new_of(r->arena, struct tool);

	if (!json_is(f, JSON_OBJECT))
		return (chat_wrong(r, path, "an object"));
	TRY(chat_need_string(&t->name, r, f, "name", path));
	TRY(chat_take_string(&t->description, r, f, "description", path));
	if (schema != NULL && schema->type != JSON_OBJECT)
		return (chat_wrong(r, chat_member_path(r, path, "parameters"), "an object"));
	if (strict != NULL && strict->type != JSON_BOOL)
		return (chat_wrong(r, chat_member_path(r, path, "strict"), "true or false"));
	if (schema != NULL)
		t->schema = schema->raw;
	t->strict = strict == NULL ? -1 : json_true(strict);
	if (!json_is(mark, JSON_OBJECT))
		mark = chat_said(f, "cache_control");
	if (json_is(mark, JSON_OBJECT))
		t->cache_control = mark->raw;
	*r->last_tool = t;
	r->last_tool = &t->next;
	return (NULL);
}

static struct error *
read_tool(struct reading *r, const struct json *v, struct text path)
{
	const struct json *custom = chat_said(v, "custom");
	struct tool **at = r->last_tool;
	struct quoted type;

	if (!json_is(v, JSON_OBJECT))
		return (chat_wrong(r, path, "an object"));
	TRY(chat_take_string(&type, r, v, "type", path));
	if (quoted_is(type, "custom")) {
		TRY(chat_add_tool(r, custom, chat_said(v, "cache_control"), chat_member_path(r, path, "custom")));
		freeform_describe(r->arena, *at, chat_said(chat_said(custom, "format"), "grammar"));
		return (NULL);
	}
	if (type.len > 0 && !quoted_is(type, "function"))
		return (chat_wrong(r, chat_member_path(r, path, "type"), "function or custom"));
	return (chat_add_tool(r, chat_said(v, "function"), chat_said(v, "cache_control"), chat_member_path(r, path, "function")));
}

struct error *
chat_read_tools(struct reading *r, const struct json *v, const char *name)
{
	unsigned i = 0;

	if (v->type != JSON_ARRAY)
		return (chat_wrong(r, text_of(name), "a list"));
	for (const struct json *t = v->first; t != NULL; t = t->next)
		TRY(read_tool(r, t, chat_item_path(r, text_of(name), i++)));
	return (NULL);
}

struct error *
chat_read_functions(struct reading *r, const struct json *v, const char *name)
{
	unsigned i = 0;

	if (v->type != JSON_ARRAY)
		return (chat_wrong(r, text_of(name), "a list"));
	r->ask->old_functions = true;
	for (const struct json *f = v->first; f != NULL; f = f->next)
		TRY(chat_add_tool(r, f, NULL, chat_item_path(r, text_of(name), i++)));
	return (NULL);
}

bool
chat_choice_word(enum tool_choice *choice, struct quoted word)
{
	static const struct {
		const char	*word;
		enum tool_choice choice;
	} words[] = { { "auto", CHOICE_AUTO }, { "none", CHOICE_NONE }, { "required", CHOICE_REQUIRED }, { "any", CHOICE_REQUIRED } };

	for (size_t i = 0; i < nitems(words); i++) {
		if (quoted_is(word, words[i].word)) {
			*choice = words[i].choice;
			return (true);
		}
	}
	return (false);
}

static struct error *
read_allowed(struct reading *r, const struct json *v, struct text path)
{
	const struct json *allowed = json_is(chat_said(v, "allowed_tools"), JSON_OBJECT) ? chat_said(v, "allowed_tools") : v;
	const struct json *tools = chat_said(allowed, "tools"), *named;
	struct words **last = &r->ask->allowed_tools;
	unsigned i = 0;

	if (!chat_choice_word(&r->ask->choice, json_quoted(chat_said(allowed, "mode"))))
		return (chat_wrong(r, chat_member_path(r, path, "allowed_tools.mode"), "auto or required"));
	if (!json_is(tools, JSON_ARRAY) || tools->first == NULL)
		return (chat_wrong(r, chat_member_path(r, path, "allowed_tools.tools"), "a list of tools"));
	for (const struct json *t = tools->first; t != NULL; t = t->next, i++) {
		named = json_is(chat_said(t, "function"), JSON_OBJECT) ? chat_said(t, "function") : json_is(chat_said(t, "custom"), JSON_OBJECT) ?
		    chat_said(t, "custom") : t;
		*last = arena_new_of(r->arena, struct words);
		TRY(chat_need_string(&(*last)->word, r, named, "name", chat_item_path(r, chat_member_path(r, path, "allowed_tools.tools"), i)));
		last = &(*last)->next;
	}
	return (NULL);
}

struct error *
chat_read_choice(struct reading *r, const struct json *v, const char *name)
{
	static const char *const kinds[] = { "function", "custom" };
	struct text path = text_of(name);

	if (v->type == JSON_STRING) {
		if (!chat_choice_word(&r->ask->choice, json_quoted(v)))
			return (chat_wrong(r, path, "none, auto, required or an object"));
		return (NULL);
	}
	if (v->type != JSON_OBJECT)
		return (chat_wrong(r, path, "none, auto, required or an object"));
	if (quoted_is(json_quoted(chat_said(v, "type")), "allowed_tools"))
		return (read_allowed(r, v, path));
	r->ask->choice = CHOICE_NAMED;
	for (size_t i = 0; i < nitems(kinds); i++)
		if (json_is(chat_said(v, kinds[i]), JSON_OBJECT))
			return (chat_need_string(&r->ask->choice_name, r, chat_said(v, kinds[i]), "name", chat_member_path(r, path, kinds[i])));
	return (chat_need_string(&r->ask->choice_name, r, v, "name", path));
}

struct error *
chat_read_old_choice(struct reading *r, const struct json *v, const char *name)
{
	r->ask->old_functions = true;
	return (chat_read_choice(r, v, name));
}
