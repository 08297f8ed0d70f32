/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of Messages clients as asks.
 *
 * An ask is made only for upstreams of another dialect, so what those can not know is left out here: cache breakpoints stay on their parts, but
 * beta members, server tools and their results go.
 */
#include "front/messages_priv.h"

/* Where we are in the body, for the sentence of an error: messages.0.content.2.text */
struct at {
	const struct at	*up;
	const char	*name;			/* NULL: `index` */
	size_t		 index;
};

struct in {
	struct arena	*arena;
	struct ask	*ask;
};

static void
print_at(struct buf *b, const struct at *at)
{
	if (at->up != NULL) {
		print_at(b, at->up);
		buf_byte(b, '.');
	}
	if (at->name != NULL)
		buf_text(b, text_of(at->name));
	else
		buf_print(b, "%zu", at->index);
}

static struct error *
wrong(struct in *in, const struct at *at, const char *what)
{
	struct buf b = { 0 };
	struct text path;

	print_at(&b, at);
	buf_byte(&b, '\0');
	path = arena_copy(in->arena, buf_as_text(&b));
	buf_free(&b);
	return (error_param(error_new(in->arena, E_BAD_REQUEST, "%s: %s", path.at, what), path.at));
}

/* Members */

static struct error *
string(struct quoted *q, struct in *in, const struct at *up, const struct json *object, const char *name, bool required)
{
	const struct json *v = json_get(object, name);
	struct at at = { up, name, 0 };

	if (v == NULL || json_is(v, JSON_NULL))
		return (required ? wrong(in, &at, "Field required") : NULL);
	if (!json_is(v, JSON_STRING))
		return (wrong(in, &at, "should be a string"));
	*q = json_quoted(v);
	return (NULL);
}

static struct error *
raw(struct text *t, struct in *in, const struct at *up, const struct json *object, const char *name, enum json_type type, const char *should)
{
	const struct json *v = json_get(object, name);
	struct at at = { up, name, 0 };

	if (v == NULL || json_is(v, JSON_NULL))
		return (NULL);
	if (!json_is(v, type))
		return (wrong(in, &at, should));
	*t = v->raw;
	return (NULL);
}

static struct text
cache_control(const struct json *object)
{
	const struct json *v = json_get(object, "cache_control");

	return (json_is(v, JSON_OBJECT) ? v->raw : TEXT(""));
}

/* Parts */

struct parts {
	struct part	**last;
};

static struct part *
add_part(struct parts *to, struct in *in, enum part_kind kind, const struct json *from)
{
	struct part *p = arena_new_of(in->arena, struct part);

	p->kind = kind;
	p->cache_control = cache_control(from);
	*to->last = p;
	to->last = &p->next;
	return (p);
}

static void
add_text(struct parts *to, struct in *in, const struct json *from, struct quoted text)
{
	if (!quoted_blank(text))
		add_part(to, in, PART_TEXT, from)->text = text;
}

static struct error *read_blocks(struct parts *, struct in *, const struct at *, const struct json *);

static struct error *
read_text(struct parts *to, struct in *in, const struct at *at, const struct json *block)
{
	struct quoted text = { 0 };

	TRY(string(&text, in, at, block, "text", true));
	add_text(to, in, block, text);
	return (NULL);
}

/* source: base64, url; of documents also text and content.  A file lives at the vendor, where no other upstream can read it. */
static struct error *
read_source(struct part *p, struct in *in, const struct at *up, const struct json *block)
{
	const struct json *source = json_get(block, "source");
	struct at at = { up, "source", 0 }, type_at = { &at, "type", 0 };
	struct quoted type = { 0 };

	if (!json_is(source, JSON_OBJECT))
		return (wrong(in, &at, "should be an object"));
	TRY(string(&type, in, &at, source, "type", true));
	if (quoted_is(type, "url"))
		return (string(&p->url, in, &at, source, "url", true));
	if (quoted_is(type, "base64") || quoted_is(type, "text")) {
		p->data_is_text = quoted_is(type, "text");
		TRY(string(&p->media_type, in, &at, source, "media_type", !p->data_is_text));
		return (string(&p->data, in, &at, source, "data", true));
	}
	if (quoted_is(type, "file"))
		return (wrong(in, &type_at, "files of the vendor's own store can not be read by this model's upstream"));
	return (wrong(in, &type_at, "should be 'base64', 'url' or 'text'"));
}

static struct error *
read_image(struct parts *to, struct in *in, const struct at *at, const struct json *block)
{
	struct part *p = add_part(to, in, PART_IMAGE, block);

	TRY(read_source(p, in, at, block));
	if (p->data_is_text)
		return (wrong(in, at, "an image has no text source"));
	return (NULL);
}

static struct error *
read_document(struct parts *to, struct in *in, const struct at *at, const struct json *block)
{
	const struct json *source = json_get(block, "source"), *content = json_get(source, "content");
	struct at source_at = { at, "source", 0 }, content_at = { &source_at, "content", 0 };
	struct quoted title = { 0 };
	struct part *p;

	TRY(string(&title, in, at, block, "title", false));
	if (quoted_is(json_quoted(json_get(source, "type")), "content")) {
		add_text(to, in, NULL, title);
		return (read_blocks(to, in, &content_at, content));
	}
	p = add_part(to, in, PART_FILE, block);
	p->name = title;
	return (read_source(p, in, at, block));
}

/* Title, where it is from, and its text, as words. */
static struct error *
read_search_result(struct parts *to, struct in *in, const struct at *at, const struct json *block)
{
	struct at content_at = { at, "content", 0 };
	struct quoted title = { 0 }, source = { 0 };
	struct text head;

	TRY(string(&title, in, at, block, "title", false));
	TRY(string(&source, in, at, block, "source", false));
	head = arena_print(in->arena, "%.*s\\n%.*s", (int)title.len, title.at, (int)source.len, source.at);
	add_text(to, in, NULL, (struct quoted){ head.at, head.len });
	return (read_blocks(to, in, &content_at, json_get(block, "content")));
}

static struct error *
read_thinking(struct parts *to, struct in *in, const struct at *at, const struct json *block)
{
	struct part p = { .kind = PART_THINKING };

	TRY(string(&p.text, in, at, block, "thinking", true));
	TRY(string(&p.signature, in, at, block, "signature", false));
	if (p.text.len > 0 || p.signature.len > 0) {
		struct part *kept = add_part(to, in, PART_THINKING, NULL);

		kept->text = p.text;
		kept->signature = p.signature;
	}
	return (NULL);
}

static struct error *
read_redacted(struct parts *to, struct in *in, const struct at *at, const struct json *block)
{
	return (string(&add_part(to, in, PART_REDACTED, NULL)->text, in, at, block, "data", true));
}

static struct error *
read_tool_use(struct parts *to, struct in *in, const struct at *at, const struct json *block)
{
	struct part *p = add_part(to, in, PART_CALL, block);

	TRY(string(&p->id, in, at, block, "id", true));
	TRY(string(&p->name, in, at, block, "name", true));
	p->input = TEXT("{}");
	return (raw(&p->input, in, at, block, "input", JSON_OBJECT, "should be an object"));
}

static struct error *
read_tool_result(struct parts *to, struct in *in, const struct at *at, const struct json *block)
{
	struct part *p = add_part(to, in, PART_RESULT, block);
	struct parts inner = { &p->inner };
	struct at content_at = { at, "content", 0 };
	const struct json *content = json_get(block, "content");

	TRY(string(&p->id, in, at, block, "tool_use_id", true));
	p->failed = json_true(json_get(block, "is_error"));
	if (content == NULL || json_is(content, JSON_NULL))
		return (NULL);
	return (read_blocks(&inner, in, &content_at, content));
}

/* Blocks by type.  Others (server_tool_use, web_search_tool_result, …) were the vendor's own doing and mean nothing to other upstreams. */
static const struct {
	const char	*type;
	struct error	*(*read)(struct parts *, struct in *, const struct at *, const struct json *);
} blocks[] = {
	{ "text",		read_text },
	{ "tool_use",		read_tool_use },
	{ "tool_result",	read_tool_result },
	{ "thinking",		read_thinking },
	{ "image",		read_image },
	{ "document",		read_document },
	{ "search_result",	read_search_result },
	{ "redacted_thinking",	read_redacted },
};

static struct error *
read_block(struct parts *to, struct in *in, const struct at *at, const struct json *block)
{
	struct quoted type = { 0 };

	if (!json_is(block, JSON_OBJECT))
		return (wrong(in, at, "should be an object"));
	TRY(string(&type, in, at, block, "type", true));
	for (size_t i = 0; i < nitems(blocks); i++)
		if (quoted_is(type, blocks[i].type))
			return (blocks[i].read(to, in, at, block));
	return (NULL);
}

static struct error *
read_blocks(struct parts *to, struct in *in, const struct at *at, const struct json *content)
{
	struct at item = { at, NULL, 0 };

	if (json_is(content, JSON_STRING)) {
		add_text(to, in, NULL, json_quoted(content));
		return (NULL);
	}
	if (!json_is(content, JSON_ARRAY))
		return (wrong(in, at, content == NULL ? "Field required" : "should be a string or a list of blocks"));
	for (const struct json *block = content->first; block != NULL; block = block->next, item.index++)
		TRY(read_block(to, in, &item, block));
	return (NULL);
}

/* Messages */

static const struct {
	const char	*name;
	enum role	 role;
} roles[] = {
	{ "user",	ROLE_USER },
	{ "assistant",	ROLE_ASSISTANT },
	{ "system",	ROLE_SYSTEM },		/* in the middle of a conversation: Claude Code sends it */
};

static struct error *
role_of(enum role *role, struct in *in, const struct at *at, const struct json *message)
{
	struct quoted name = { 0 };
	struct at here = { at, "role", 0 };

	TRY(string(&name, in, at, message, "role", true));
	for (size_t i = 0; i < nitems(roles); i++) {
		if (quoted_is(name, roles[i].name)) {
			*role = roles[i].role;
			return (NULL);
		}
	}
	return (wrong(in, &here, "should be 'user', 'assistant' or 'system'"));
}

static struct error *
read_message(struct message **made, struct in *in, const struct at *at, const struct json *from)
{
	struct message *m = arena_new_of(in->arena, struct message);
	struct parts parts = { &m->parts };
	struct at content_at = { at, "content", 0 };

	*made = NULL;
	if (!json_is(from, JSON_OBJECT))
		return (wrong(in, at, "should be an object"));
	TRY(role_of(&m->role, in, at, from));
	TRY(read_blocks(&parts, in, &content_at, json_get(from, "content")));
	if (m->parts != NULL || m->role == ROLE_USER)
		*made = m;			/* an assistant that said nothing is left out */
	return (NULL);
}

/* Claude Code's first system block changes with every request and would spoil the prompt caches of other vendors. */
static bool
is_billing_header(struct quoted text)
{
	static const char lead[] = "x-anthropic-billing-header:";

	return (text.len >= sizeof(lead) - 1 && memcmp(text.at, lead, sizeof(lead) - 1) == 0);
}

static struct error *
read_system(struct message **last, struct in *in, const struct json *system)
{
	struct at at = { NULL, "system", 0 };
	struct message *m = arena_new_of(in->arena, struct message);
	struct parts parts = { &m->parts };
	struct part **p = &m->parts;

	if (system == NULL || json_is(system, JSON_NULL))
		return (NULL);
	TRY(read_blocks(&parts, in, &at, system));
	while (*p != NULL)
		if ((*p)->kind != PART_TEXT || is_billing_header((*p)->text))
			*p = (*p)->next;
		else
			p = &(*p)->next;
	m->role = ROLE_SYSTEM;
	if (m->parts != NULL)
		*last = m;
	return (NULL);
}

static struct error *
read_messages(struct in *in, const struct json *body)
{
	struct message **last = &in->ask->messages;
	const struct json *list = json_get(body, "messages");
	struct at at = { NULL, "messages", 0 }, item = { &at, NULL, 0 };

	TRY(read_system(last, in, json_get(body, "system")));
	if (*last != NULL)
		last = &(*last)->next;
	if (!json_is(list, JSON_ARRAY) || list->first == NULL)
		return (wrong(in, &at, "at least one message is required"));
	for (const struct json *m = list->first; m != NULL; m = m->next, item.index++) {
		TRY(read_message(last, in, &item, m));
		if (*last != NULL)
			last = &(*last)->next;
	}
	return (NULL);
}

/* Tools */

/* Tools the vendor defines and the client runs: an upstream that does not know them needs their schema.  Versions follow the prefix. */
static const struct {
	const char	*prefix, *description, *schema;
} client_tools[] = {
	{ "bash_", "Run a command in a bash shell, or restart it.",
	    "{\"type\":\"object\",\"properties\":{\"command\":{\"type\":\"string\"},\"restart\":{\"type\":\"boolean\"}}}" },
	{ "text_editor_", "View, create and edit text files.",
	    "{\"type\":\"object\",\"properties\":{\"command\":{\"type\":\"string\",\"enum\":[\"view\",\"create\",\"str_replace\",\"insert\"]},"
	    "\"path\":{\"type\":\"string\"},\"file_text\":{\"type\":\"string\"},\"old_str\":{\"type\":\"string\"},\"new_str\":{\"type\":\"string\"},"
	    "\"insert_line\":{\"type\":\"integer\"},\"insert_text\":{\"type\":\"string\"},"
	    "\"view_range\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}},\"required\":[\"command\",\"path\"]}" },
	{ "memory_", "Read and write files of the memory folder.",
	    "{\"type\":\"object\",\"properties\":{\"command\":{\"type\":\"string\",\"enum\":[\"view\",\"create\",\"str_replace\",\"insert\",\"delete\","
	    "\"rename\"]},\"path\":{\"type\":\"string\"},\"file_text\":{\"type\":\"string\"},\"old_str\":{\"type\":\"string\"},"
	    "\"new_str\":{\"type\":\"string\"},\"insert_line\":{\"type\":\"integer\"},\"insert_text\":{\"type\":\"string\"},"
	    "\"old_path\":{\"type\":\"string\"},\"new_path\":{\"type\":\"string\"}},\"required\":[\"command\"]}" },
	{ "computer_", "Use the mouse, the keyboard and the screen of a computer.",
	    "{\"type\":\"object\",\"properties\":{\"action\":{\"type\":\"string\"},"
	    "\"coordinate\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"}},"
	    "\"start_coordinate\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"}},"
	    "\"text\":{\"type\":\"string\"},\"duration\":{\"type\":\"number\"},\"scroll_direction\":{\"type\":\"string\"},"
	    "\"scroll_amount\":{\"type\":\"integer\"}},\"required\":[\"action\"]}" },
};

static struct error *
read_custom_tool(struct tool *t, struct in *in, const struct at *at, const struct json *from)
{
	TRY(string(&t->description, in, at, from, "description", false));
	TRY(raw(&t->schema, in, at, from, "input_schema", JSON_OBJECT, "should be an object"));
	t->cache_control = cache_control(from);
	if (json_is(json_get(from, "strict"), JSON_BOOL))
		t->strict = json_true(json_get(from, "strict"));
	return (NULL);
}

static void
add_extra(struct in *in, struct quoted name, struct text value)
{
	struct extra *e = arena_new_of(in->arena, struct extra);

	*e = (struct extra){ .name = name, .raw = value, .next = in->ask->extras };
	in->ask->extras = e;
}

/* *made stays NULL for tools that run at the vendor: web search becomes OpenAI's parameter, the rest is not offered to the model. */
static struct error *
read_tool(struct tool **made, struct in *in, const struct at *at, const struct json *from)
{
	struct tool *t = arena_new_of(in->arena, struct tool);
	struct quoted type = { 0 };
	struct text kind;

	if (!json_is(from, JSON_OBJECT))
		return (wrong(in, at, "should be an object"));
	t->strict = -1;
	TRY(string(&type, in, at, from, "type", false));
	if (type.len == 0 || quoted_is(type, "custom")) {
		*made = t;
		TRY(string(&t->name, in, at, from, "name", true));
		return (read_custom_tool(t, in, at, from));
	}
	kind = (struct text){ type.at, type.len };
	if (text_starts(kind, TEXT("web_search_")))
		add_extra(in, QUOTED("web_search_options"), TEXT("{}"));
	for (size_t i = 0; i < nitems(client_tools); i++) {
		if (!text_starts(kind, text_of(client_tools[i].prefix)))
			continue;
		*made = t;
		t->description = (struct quoted){ client_tools[i].description, strlen(client_tools[i].description) };
		t->schema = text_of(client_tools[i].schema);
		return (string(&t->name, in, at, from, "name", true));
	}
	return (NULL);
}

static struct error *
read_tools(struct in *in, const struct json *list)
{
	struct at at = { NULL, "tools", 0 }, item = { &at, NULL, 0 };
	struct tool **last = &in->ask->tools;

	if (list == NULL || json_is(list, JSON_NULL))
		return (NULL);
	if (!json_is(list, JSON_ARRAY))
		return (wrong(in, &at, "should be a list"));
	for (const struct json *t = list->first; t != NULL; t = t->next, item.index++) {
		TRY(read_tool(last, in, &item, t));
		if (*last != NULL)
			last = &(*last)->next;
	}
	return (NULL);
}

static bool
offers(const struct ask *ask, struct quoted name)
{
	for (const struct tool *t = ask->tools; t != NULL; t = t->next)
		if (t->name.len == name.len && memcmp(t->name.at, name.at, name.len) == 0)
			return (true);
	return (false);
}

static const struct {
	const char	*type;
	enum tool_choice choice;
} choices[] = {
	{ "auto", CHOICE_AUTO }, { "any", CHOICE_REQUIRED }, { "none", CHOICE_NONE }, { "tool", CHOICE_NAMED },
};

static struct error *
read_choice(struct in *in, const struct json *choice)
{
	struct at at = { NULL, "tool_choice", 0 }, type_at = { &at, "type", 0 };
	struct quoted type = { 0 };
	struct ask *ask = in->ask;

	if (choice == NULL || json_is(choice, JSON_NULL))
		return (NULL);
	if (!json_is(choice, JSON_OBJECT))
		return (wrong(in, &at, "should be an object"));
	TRY(string(&type, in, &at, choice, "type", true));
	for (size_t i = 0; i < nitems(choices); i++)
		if (quoted_is(type, choices[i].type))
			ask->choice = choices[i].choice;
	if (ask->choice == CHOICE_UNSAID)
		return (wrong(in, &type_at, "should be 'auto', 'any', 'none' or 'tool'"));
	if (ask->choice == CHOICE_NAMED) {
		TRY(string(&ask->choice_name, in, &at, choice, "name", true));
		if (!offers(ask, ask->choice_name))
			ask->choice = CHOICE_UNSAID;	/* a server tool that is not offered */
	}
	if (json_is(json_get(choice, "disable_parallel_tool_use"), JSON_BOOL))
		ask->parallel = !json_true(json_get(choice, "disable_parallel_tool_use"));
	if (ask->tools == NULL) {
		ask->choice = CHOICE_UNSAID;
		ask->parallel = -1;
	}
	return (NULL);
}

/* Parameters */

static struct error *
read_thinking_wish(struct in *in, const struct json *thinking)
{
	struct at at = { NULL, "thinking", 0 }, budget_at = { &at, "budget_tokens", 0 }, type_at = { &at, "type", 0 };
	struct quoted type = { 0 };
	struct ask *ask = in->ask;

	if (thinking == NULL || json_is(thinking, JSON_NULL))
		return (NULL);
	if (!json_is(thinking, JSON_OBJECT))
		return (wrong(in, &at, "should be an object"));
	TRY(string(&type, in, &at, thinking, "type", true));
	if (quoted_is(type, "adaptive"))
		ask->thinking_adaptive = true;
	else if (quoted_is(type, "disabled"))
		ask->effort = EFFORT_NONE;
	else if (!quoted_is(type, "enabled"))
		return (wrong(in, &type_at, "should be 'enabled', 'adaptive' or 'disabled'"));
	else {
		const struct json *budget = json_get(thinking, "budget_tokens");

		if (!json_is(budget, JSON_NUMBER) || !json_to_i64(budget->raw, &ask->thinking_budget) || ask->thinking_budget < 0 ||
		    ask->thinking_budget > INT32_MAX)
			return (wrong(in, &budget_at, "should be a whole number"));
		ask->effort = effort_of_budget(ask->thinking_budget);
	}
	return (NULL);
}

static struct error *
read_format(struct in *in, const struct at *up, const struct json *format)
{
	struct at at = { up, "format", 0 }, schema_at = { &at, "schema", 0 };
	struct ask *ask = in->ask;

	if (format == NULL || json_is(format, JSON_NULL))
		return (NULL);
	if (!json_is(format, JSON_OBJECT))
		return (wrong(in, &at, "should be an object"));
	if (!quoted_is(json_quoted(json_get(format, "type")), "json_schema"))
		return (NULL);
	TRY(raw(&ask->schema, in, &at, format, "schema", JSON_OBJECT, "should be an object"));
	if (ask->schema.len == 0)
		return (wrong(in, &schema_at, "Field required"));
	ask->format = FORMAT_SCHEMA;
	ask->schema_name = QUOTED("output");
	ask->schema_strict = 1;
	return (NULL);
}

static struct error *
read_output_config(struct in *in, const struct json *config)
{
	struct at at = { NULL, "output_config", 0 };
	struct quoted effort = { 0 };

	if (config == NULL || json_is(config, JSON_NULL))
		return (NULL);
	if (!json_is(config, JSON_OBJECT))
		return (wrong(in, &at, "should be an object"));
	TRY(string(&effort, in, &at, config, "effort", false));
	if (effort_named(effort) != EFFORT_UNSAID && in->ask->effort != EFFORT_NONE)
		in->ask->effort = effort_named(effort);
	return (read_format(in, &at, json_get(config, "format")));
}

static struct error *
read_stop(struct in *in, const struct json *list)
{
	struct at at = { NULL, "stop_sequences", 0 }, item = { &at, NULL, 0 };
	struct words **last = &in->ask->stop;

	if (list == NULL || json_is(list, JSON_NULL))
		return (NULL);
	if (!json_is(list, JSON_ARRAY))
		return (wrong(in, &at, "should be a list"));
	for (const struct json *s = list->first; s != NULL; s = s->next, item.index++) {
		if (!json_is(s, JSON_STRING))
			return (wrong(in, &item, "should be a string"));
		*last = arena_new_of(in->arena, struct words);
		(*last)->word = json_quoted(s);
		last = &(*last)->next;
	}
	return (NULL);
}

static struct error *
read_parameters(struct in *in, const struct json *body)
{
	struct at metadata_at = { NULL, "metadata", 0 };
	struct ask *ask = in->ask;
	struct quoted tier = { 0 };

	TRY(raw(&ask->temperature, in, NULL, body, "temperature", JSON_NUMBER, "should be a number"));
	TRY(raw(&ask->top_p, in, NULL, body, "top_p", JSON_NUMBER, "should be a number"));
	TRY(raw(&ask->top_k, in, NULL, body, "top_k", JSON_NUMBER, "should be a number"));
	TRY(read_stop(in, json_get(body, "stop_sequences")));
	TRY(string(&ask->user, in, &metadata_at, json_get(body, "metadata"), "user_id", false));
	TRY(string(&tier, in, NULL, body, "service_tier", false));
	ask->service_tier = quoted_is(tier, "standard_only") ? QUOTED("default") : tier;
	TRY(read_thinking_wish(in, json_get(body, "thinking")));
	return (read_output_config(in, json_get(body, "output_config")));
}

struct error *
messages_read_ask(struct ask *ask, struct arena *arena, const struct glance *g)
{
	struct in in = { arena, ask };
	struct json_fault fault;
	const struct json *body = json_parse(arena, g->body, &fault);

	*ask = (struct ask){ .parallel = -1, .max_tokens = g->max_tokens, .n = 1, .schema_strict = -1, .thinking_budget = -1, .stream = g->stream,
	    .usage_asked = true };
	TRY(read_messages(&in, body));
	TRY(read_tools(&in, json_get(body, "tools")));
	TRY(read_choice(&in, json_get(body, "tool_choice")));
	return (read_parameters(&in, body));
}
