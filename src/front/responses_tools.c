/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tools of a Responses request.  Functions and custom tools as they are; those of a namespace under one name, which the answer parts again; the
 * tools that OpenAI defines and the client runs as functions with their schema.  What runs at OpenAI (file search, code interpreter, remote
 * MCP, …) and what is not known is not offered to the model: new ones appear every month, and a client must not fail for them.
 */
#include "front/freeform.h"
#include "front/responses_read_priv.h"

const struct form responses_forms[] = {
	[FORM_FUNCTION]	= { .item = "function_call", .id = "fc_" },
	[FORM_CUSTOM]	= { .item = "custom_tool_call", .id = "ctc_" },
	{ .tool = "local_shell", .item = "local_shell_call", .id = "lsh_", .member = "action", .lead = "\"type\":\"exec\",\"env\":{}",
	    .description = "Run a command on the user's machine. Give the program and its arguments one by one.",
	    .schema = "{\"type\":\"object\",\"properties\":{\"command\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
	    "\"working_directory\":{\"type\":\"string\"},\"timeout_ms\":{\"type\":\"integer\"}},\"required\":[\"command\"]}" },
	{ .tool = "shell", .item = "shell_call", .id = "sh_", .member = "action",
	    .description = "Run shell commands on the user's machine, one after the other.",
	    .schema = "{\"type\":\"object\",\"properties\":{\"commands\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
	    "\"timeout_ms\":{\"type\":\"integer\"},\"max_output_length\":{\"type\":\"integer\"}},\"required\":[\"commands\"]}" },
	{ .tool = "apply_patch", .item = "apply_patch_call", .id = "apc_", .member = "operation",
	    .description = "Create, update or delete a file by a diff in the V4A format.",
	    .schema = "{\"type\":\"object\",\"properties\":{\"type\":{\"type\":\"string\",\"enum\":[\"create_file\",\"update_file\",\"delete_file\"]},"
	    "\"path\":{\"type\":\"string\"},\"diff\":{\"type\":\"string\"}},\"required\":[\"type\",\"path\"]}" },
};
const size_t responses_n_forms = nitems(responses_forms);

struct quoted
responses_flat_name(struct arena *arena, struct quoted space, struct quoted name)
{
	struct text flat;

	while (space.len > 0 && space.at[space.len - 1] == '_')
		space.len--;
	if (space.len == 0 || quoted_is(space, "functions"))	/* Codex keeps there what stands in no namespace */
		return (name);
	while (name.len > 1 && name.at[0] == '_')
		name = (struct quoted){ name.at + 1, name.len - 1 };
	flat = arena_print(arena, TEXT_FMT "__" TEXT_FMT, TEXT_ARG(space), TEXT_ARG(name));
	return ((struct quoted){ flat.at, flat.len });
}

static void
put_location(struct buf *out, const struct json *place)
{
	static const char *const members[] = { "country", "region", "city", "timezone" };
	struct json_out o = { .to = out };

	json_open(&o, '{');
	for (size_t i = 0; i < nitems(members); i++) {
		if (!json_is(chat_said(place, members[i]), JSON_STRING))
			continue;
		json_name(&o, members[i]);
		json_raw(&o, chat_said(place, members[i])->raw);
	}
	json_close(&o, '}');
}

/* Web search runs at the vendor: the parameter of chat completions says so, where a vendor has it.  A client that wants no live access gets none. */
static void
add_search(struct reading *r, const struct json *tool)
{
	const struct json *place = chat_said(tool, "user_location"), *live = chat_said(tool, "external_web_access");
	struct extra *e = arena_new_of(r->arena, struct extra);
	struct buf b = { 0 };

	if (json_is(live, JSON_BOOL) && !json_true(live))
		return;
	buf_lit(&b, "{");
	if (json_is(place, JSON_OBJECT)) {
		buf_lit(&b, "\"user_location\":{\"type\":\"approximate\",\"approximate\":");
		put_location(&b, place);
		buf_lit(&b, "}");
	}
	buf_lit(&b, "}");
	*e = (struct extra){ .name = QUOTED("web_search_options"), .raw = arena_copy(r->arena, buf_as_text(&b)), .next = r->ask->extras };
	r->ask->extras = e;
	buf_free(&b);
}

static void
add_form(struct reading *r, unsigned form)
{
	struct tool *t = arena_new_of(r->arena, struct tool);
	const struct form *f = &responses_forms[form];

	t->name = (struct quoted){ f->tool, strlen(f->tool) };
	t->description = (struct quoted){ f->description, strlen(f->description) };
	t->schema = text_of(f->schema);
	t->strict = -1;
	t->form = form;
	*r->last_tool = t;
	r->last_tool = &t->next;
}

/* A shell can also be one that the vendor keeps. */
static bool
is_at_client(const struct json *tool)
{
	const struct json *where = chat_said(chat_said(tool, "environment"), "type");

	return (where == NULL || quoted_is(json_quoted(where), "local"));
}

static struct error *read_members(struct reading *, const struct json *space, struct text path);

static struct error *
read_tool(struct reading *r, const struct json *v, struct quoted space, struct text path)
{
	struct tool **at = r->last_tool;
	struct quoted type;

	if (!json_is(v, JSON_OBJECT))
		return (chat_wrong(r, path, "an object"));
	TRY(chat_need_string(&type, r, v, "type", path));
	if (quoted_is(type, "function") || quoted_is(type, "custom")) {
		TRY(chat_add_tool(r, v, NULL, path));
		if (quoted_is(type, "custom")) {
			freeform_describe(r->arena, *at, chat_said(v, "format"));
			(*at)->form = FORM_CUSTOM;
		}
		(*at)->space = space;
		(*at)->short_name = (*at)->name;
		(*at)->name = responses_flat_name(r->arena, space, (*at)->name);
		return (NULL);
	}
	if (quoted_is(type, "namespace") && space.len == 0)
		return (read_members(r, v, path));
	if (text_starts((struct text){ type.at, type.len }, TEXT("web_search")))
		add_search(r, v);
	for (unsigned i = FORM_CUSTOM + 1; i < responses_n_forms; i++)
		if (quoted_is(type, responses_forms[i].tool) && is_at_client(v))
			add_form(r, i);
	return (NULL);
}

static struct error *
read_members(struct reading *r, const struct json *space, struct text path)
{
	const struct json *tools = chat_said(space, "tools");
	struct quoted name;
	unsigned i = 0;

	TRY(chat_need_string(&name, r, space, "name", path));
	path = chat_member_path(r, path, "tools");
	if (!json_is(tools, JSON_ARRAY))
		return (chat_wrong(r, path, "a list"));
	for (const struct json *t = tools->first; t != NULL; t = t->next)
		TRY(read_tool(r, t, name, chat_item_path(r, path, i++)));
	return (NULL);
}

struct error *
responses_read_tool_list(struct reading *r, const struct json *list, struct text path)
{
	unsigned i = 0;

	if (!json_is(list, JSON_ARRAY))
		return (chat_wrong(r, path, "a list"));
	for (const struct json *t = list->first; t != NULL; t = t->next)
		TRY(read_tool(r, t, QUOTED(""), chat_item_path(r, path, i++)));
	return (NULL);
}

struct error *
responses_read_tools(struct reading *r, const struct json *v, const char *name)
{
	return (responses_read_tool_list(r, v, text_of(name)));
}

/* Choosing among them. */

/* The name of the tool an object speaks of; empty: of none that models are offered. */
static struct error *
read_named(struct quoted *name, struct reading *r, const struct json *v, struct text path)
{
	struct quoted type, space;

	*name = QUOTED("");
	if (!json_is(v, JSON_OBJECT))
		return (chat_wrong(r, path, "an object"));
	TRY(chat_need_string(&type, r, v, "type", path));
	if (quoted_is(type, "function") || quoted_is(type, "custom")) {
		TRY(chat_need_string(name, r, v, "name", path));
		TRY(chat_take_string(&space, r, v, "namespace", path));
		*name = responses_flat_name(r->arena, space, *name);
		return (NULL);
	}
	for (unsigned i = FORM_CUSTOM + 1; i < responses_n_forms; i++)
		if (quoted_is(type, responses_forms[i].tool))
			*name = type;
	return (NULL);
}

static bool
is_offered(const struct ask *ask, struct quoted name)
{
	for (const struct tool *t = ask->tools; t != NULL; t = t->next)
		if (t->name.len == name.len && memcmp(t->name.at, name.at, name.len) == 0)
			return (true);
	return (false);
}

static struct error *
read_allowed(struct reading *r, const struct json *v, struct text path)
{
	const struct json *tools = chat_said(v, "tools");
	struct words **last = &r->ask->allowed_tools;
	struct quoted name;
	unsigned i = 0;

	if (!chat_choice_word(&r->ask->choice, json_quoted(chat_said(v, "mode"))))
		return (chat_wrong(r, chat_member_path(r, path, "mode"), "auto or required"));
	path = chat_member_path(r, path, "tools");
	if (!json_is(tools, JSON_ARRAY) || tools->first == NULL)
		return (chat_wrong(r, path, "a list of tools"));
	for (const struct json *t = tools->first; t != NULL; t = t->next) {
		TRY(read_named(&name, r, t, chat_item_path(r, path, i++)));
		if (name.len == 0)
			continue;
		*last = arena_new_of(r->arena, struct words);
		(*last)->word = name;
		last = &(*last)->next;
	}
	if (r->ask->allowed_tools == NULL)
		r->ask->choice = CHOICE_NONE;		/* only tools that no model is offered */
	return (NULL);
}

struct error *
responses_read_choice(struct reading *r, const struct json *v, const char *name)
{
	struct text path = text_of(name);
	struct ask *ask = r->ask;

	if (v->type == JSON_STRING && chat_choice_word(&ask->choice, json_quoted(v)))
		return (NULL);
	if (v->type != JSON_OBJECT)
		return (chat_wrong(r, path, "none, auto, required or an object"));
	if (quoted_is(json_quoted(chat_said(v, "type")), "allowed_tools"))
		return (read_allowed(r, v, path));
	TRY(read_named(&ask->choice_name, r, v, path));
	ask->choice = is_offered(ask, ask->choice_name) ? CHOICE_NAMED : CHOICE_AUTO;
	return (NULL);
}
