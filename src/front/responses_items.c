/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The input items of a Responses request as messages.  What the model said in one turn stands in many items here: thoughts go to the message they
 * preceded, calls that came together into one message, and each result directly behind the message with its call, wherever it stood.
 */
#include "front/freeform.h"
#include "front/responses_read_priv.h"

#include "chat/envelope.h"

#include <stdlib.h>

/* An assistant's message with calls, and the user's message that answers them. */
struct turn {
	struct message	*asks, *answers;	/* answers: NULL until there is one */
	struct part	**last_answer;
};

struct call {
	struct quoted	 id;
	size_t		 nth;
	struct turn	*turn;
	bool		 answered;
	size_t		 n_answered;		/* of the calls with this id; the first of them knows */
};

struct result {
	struct part	*part;			/* id, inner */
	const char	*what;			/* "function call output" */
};

struct in {
	struct reading	*r;
	struct text	 model;
	struct message	*now;			/* the assistant's message that takes the next call; NULL: a new one begins */
	struct part	**end;			/* of its parts */
	struct turn	*turn;			/* of its calls; NULL: it has none yet */
	struct part	*thoughts, **last_thought;	/* wait for the assistant's next words or calls */
	struct call	*calls;
	struct result	*results;
	size_t		 n_calls, n_results;
};

static struct message *
add_message(struct in *in, enum role role)
{
	struct message *m = arena_new_of(in->r->arena, struct message);

	m->role = role;
	*in->r->last = m;
	in->r->last = &m->next;
	in->now = NULL;
	in->turn = NULL;
	return (m);
}

static void
forget_thoughts(struct in *in)
{
	in->thoughts = NULL;
	in->last_thought = &in->thoughts;
}

static void
take_thoughts(struct in *in)
{
	if (in->thoughts == NULL)
		return;
	*in->end = in->thoughts;
	in->end = in->last_thought;
	forget_thoughts(in);
}

static void
add_assistant(struct in *in)
{
	struct message *m = add_message(in, ROLE_ASSISTANT);

	in->now = m;
	in->end = &m->parts;
	take_thoughts(in);
}

/* Content. */

static struct error *
read_text(struct reading *r, struct part ***end, const struct json *v, struct text path)
{
	return (chat_need_string(&chat_add_part(r, end, PART_TEXT)->text, r, v, "text", path));
}

static struct error *
read_refusal(struct reading *r, struct part ***end, const struct json *v, struct text path)
{
	return (chat_need_string(&chat_add_part(r, end, PART_REFUSAL)->text, r, v, "refusal", path));
}

static struct error *
read_image(struct reading *r, struct part ***end, const struct json *v, struct text path)
{
	struct part **at = *end;

	if (chat_said(v, "image_url") == NULL && chat_said(v, "file_id") != NULL)
		return (chat_take_string(&chat_add_part(r, end, PART_IMAGE)->id, r, v, "file_id", path));
	if (!json_is(chat_said(v, "image_url"), JSON_STRING))
		return (chat_wrong(r, chat_member_path(r, path, "image_url"), "an address or a data URL"));
	TRY(chat_read_image(r, end, v, path));
	return ((*at)->detail.len > 0 ? NULL : chat_take_string(&(*at)->detail, r, v, "detail", path));
}

static struct error *
read_file(struct reading *r, struct part ***end, const struct json *v, struct text path)
{
	struct part *p = chat_add_part(r, end, PART_FILE);

	if (chat_said(v, "file_url") == NULL)
		return (chat_read_file(r, p, v, path));
	TRY(chat_take_string(&p->name, r, v, "filename", path));
	return (chat_need_string(&p->url, r, v, "file_url", path));
}

static const struct {
	const char	*type;
	struct error	*(*read)(struct reading *, struct part ***, const struct json *, struct text);
} part_types[] = {
	{ "input_text", read_text },
	{ "output_text", read_text },
	{ "text", read_text },
	{ "summary_text", read_text },
	{ "reasoning_text", read_text },
	{ "input_image", read_image },
	{ "input_file", read_file },
	{ "input_audio", chat_read_part },
	{ "refusal", read_refusal },
	{ "image_url", chat_read_part },	/* as chat spells it: Cursor mixes the two */
	{ "file", chat_read_part },
};

static struct error *
read_part(struct reading *r, struct part ***end, const struct json *v, struct text path)
{
	struct quoted type;

	if (!json_is(v, JSON_OBJECT))
		return (chat_wrong(r, path, "an object"));
	TRY(chat_need_string(&type, r, v, "type", path));
	for (size_t i = 0; i < nitems(part_types); i++)
		if (quoted_is(type, part_types[i].type))
			return (part_types[i].read(r, end, v, path));
	return (chat_wrong(r, chat_member_path(r, path, "type"), "input_text, output_text, input_image, input_file, input_audio or refusal"));
}

/* A string, a list of parts, or nothing. */
static struct error *
read_content(struct reading *r, struct part ***end, const struct json *v, struct text path)
{
	unsigned i = 0;

	if (v == NULL)
		return (NULL);
	if (v->type == JSON_STRING) {
		chat_add_part(r, end, PART_TEXT)->text = json_quoted(v);
		return (NULL);
	}
	if (v->type != JSON_ARRAY)
		return (chat_wrong(r, path, "a string or a list"));
	for (const struct json *part = v->first; part != NULL; part = part->next)
		TRY(read_part(r, end, part, chat_item_path(r, path, i++)));
	return (NULL);
}

/* Messages and thoughts. */

static struct error *
read_message(struct in *in, const struct json *v, struct text path)
{
	static const struct {
		const char	*word;
		enum role	 role;
	} roles[] = { { "user", ROLE_USER }, { "assistant", ROLE_ASSISTANT }, { "system", ROLE_SYSTEM }, { "developer", ROLE_DEVELOPER } };
	const struct json *content = chat_said(v, "content");
	struct quoted role;
	struct part **end;
	size_t i = 0;

	TRY(chat_need_string(&role, in->r, v, "role", path));
	while (i < nitems(roles) && !quoted_is(role, roles[i].word))
		i++;
	if (i == nitems(roles))
		return (chat_wrong(in->r, chat_member_path(in->r, path, "role"), "user, assistant, system or developer"));
	path = chat_member_path(in->r, path, "content");
	if (roles[i].role == ROLE_ASSISTANT) {
		add_assistant(in);
		return (read_content(in->r, &in->end, content, path));
	}
	if (content == NULL)
		return (chat_wrong(in->r, path, "a string or a list"));
	forget_thoughts(in);
	end = &add_message(in, roles[i].role)->parts;
	return (read_content(in->r, &end, content, path));
}

/* Ours are opened; what another vendor sealed means nothing here, but the words beside it are kept. */
static struct error *
read_reasoning(struct in *in, const struct json *v, struct text path)
{
	const struct json *content = chat_said(v, "content"), *summary = chat_said(v, "summary");
	struct part *words = NULL, **end = &words, *p;
	struct quoted sealed;
	struct envelope e;

	TRY(chat_take_string(&sealed, in->r, v, "encrypted_content", path));
	if (envelope_open(&e, in->r->arena, in->model, sealed)) {
		p = chat_add_part(in->r, &in->last_thought, e.redacted.len > 0 ? PART_REDACTED : PART_THINKING);
		p->text = e.redacted.len > 0 ? e.redacted : e.thinking;
		p->signature = e.signature;
		return (NULL);
	}
	if (json_is(content, JSON_ARRAY) && content->first != NULL)
		TRY(read_content(in->r, &end, content, chat_member_path(in->r, path, "content")));
	else if (json_is(summary, JSON_ARRAY))
		TRY(read_content(in->r, &end, summary, chat_member_path(in->r, path, "summary")));
	for (p = words; p != NULL; p = p->next)
		chat_add_part(in->r, &in->last_thought, PART_THINKING)->text = p->text;
	return (NULL);
}

/* Calls. */

static void
add_call(struct in *in, struct part call)
{
	struct part *p;

	if (in->now == NULL || (in->turn != NULL && in->thoughts != NULL))
		add_assistant(in);
	take_thoughts(in);
	if (in->turn == NULL) {
		in->turn = arena_new_of(in->r->arena, struct turn);
		in->turn->asks = in->now;
	}
	p = chat_add_part(in->r, &in->end, PART_CALL);
	p->id = call.id;
	p->name = call.name;
	p->input = call.input;
	in->calls[in->n_calls] = (struct call){ .id = call.id, .nth = in->n_calls, .turn = in->turn };
	in->n_calls++;
}

static bool
is_freeform(const struct ask *ask, struct quoted name)
{
	for (const struct tool *t = ask->tools; t != NULL; t = t->next)
		if (t->freeform && t->name.len == name.len && memcmp(t->name.at, name.at, name.len) == 0)
			return (true);
	return (false);
}

/* Cursor sends the calls of its custom tools so, with their text for arguments. */
static struct error *
read_function_call(struct in *in, const struct json *v, struct text path)
{
	struct part call = { 0 };
	struct quoted space;

	TRY(chat_need_string(&call.id, in->r, v, "call_id", path));
	TRY(chat_need_string(&call.name, in->r, v, "name", path));
	TRY(chat_take_string(&space, in->r, v, "namespace", path));
	call.name = responses_flat_name(in->r->arena, space, call.name);
	if (is_freeform(in->r->ask, call.name) && json_is(chat_said(v, "arguments"), JSON_STRING))
		call.input = freeform_arguments(in->r->arena, freeform_text(in->r->arena, json_quoted(chat_said(v, "arguments"))));
	else
		TRY(chat_read_arguments(&call.input, in->r, chat_said(v, "arguments"), chat_member_path(in->r, path, "arguments")));
	add_call(in, call);
	return (NULL);
}

static struct error *
read_custom_call(struct in *in, const struct json *v, struct text path)
{
	struct part call = { 0 };
	struct quoted space, input;

	TRY(chat_need_string(&call.id, in->r, v, "call_id", path));
	TRY(chat_need_string(&call.name, in->r, v, "name", path));
	TRY(chat_take_string(&space, in->r, v, "namespace", path));
	TRY(chat_take_string(&input, in->r, v, "input", path));
	call.name = responses_flat_name(in->r->arena, space, call.name);
	call.input = freeform_arguments(in->r->arena, input);
	add_call(in, call);
	return (NULL);
}

/* A call of a tool that OpenAI defines: its action or operation are the arguments. */
static struct error *
read_form_call(struct in *in, const struct json *v, const struct form *form, struct text path)
{
	const struct json *input = chat_said(v, form->member);
	struct part call = { .name = { form->tool, strlen(form->tool) } };

	TRY(chat_take_string(&call.id, in->r, v, "call_id", path));
	if (call.id.len == 0)
		TRY(chat_need_string(&call.id, in->r, v, "id", path));
	if (!json_is(input, JSON_OBJECT))
		return (chat_wrong(in->r, chat_member_path(in->r, path, form->member), "an object"));
	call.input = input->raw;
	add_call(in, call);
	return (NULL);
}

/* Results. */

/* What a shell printed, and how each command ended. */
static struct error *
read_shell_output(struct reading *r, struct part ***end, const struct json *list, struct text path)
{
	static const char *const words[] = { "stdout", "stderr" };
	unsigned i = 0;

	for (const struct json *v = list->first; v != NULL; v = v->next, i++) {
		const struct json *code = chat_said(chat_said(v, "outcome"), "exit_code");
		struct text ended;

		if (json_is(v, JSON_OBJECT) && chat_said(v, "type") != NULL) {
			TRY(read_part(r, end, v, chat_item_path(r, path, i)));
			continue;
		}
		for (size_t k = 0; k < nitems(words); k++)
			if (json_quoted(chat_said(v, words[k])).len > 0)
				chat_add_part(r, end, PART_TEXT)->text = json_quoted(chat_said(v, words[k]));
		ended = json_is(code, JSON_NUMBER) ? arena_print(r->arena, "exit code " TEXT_FMT, TEXT_ARG(code->raw)) : TEXT("timed out");
		chat_add_part(r, end, PART_TEXT)->text = (struct quoted){ ended.at, ended.len };
	}
	return (NULL);
}

static struct error *
read_result(struct in *in, const struct json *v, const char *what, struct text path)
{
	const struct json *output = chat_said(v, "output");
	struct part *p = arena_new_of(in->r->arena, struct part), **end = &p->inner;
	struct text output_path = chat_member_path(in->r, path, "output");

	p->kind = PART_RESULT;
	TRY(chat_take_string(&p->id, in->r, v, "call_id", path));
	if (p->id.len == 0 && strcmp(what, "local shell call output") == 0)
		TRY(chat_take_string(&p->id, in->r, v, "id", path));
	if (p->id.len == 0)
		return (chat_wrong(in->r, chat_member_path(in->r, path, "call_id"), "a string"));
	if (strcmp(what, "shell call output") == 0 && json_is(output, JSON_ARRAY))
		TRY(read_shell_output(in->r, &end, output, output_path));
	else
		TRY(read_content(in->r, &end, output, output_path));
	in->results[in->n_results++] = (struct result){ p, what };
	in->now = NULL;				/* a call from here on is of a later turn */
	return (NULL);
}

/* Items by type. */

static struct error *
read_more_tools(struct in *in, const struct json *v, struct text path)
{
	return (responses_read_tool_list(in->r, chat_said(v, "tools"), chat_member_path(in->r, path, "tools")));
}

static const struct {
	const char	*type;
	struct error	*(*read)(struct in *, const struct json *, struct text);
} item_types[] = {
	{ "message", read_message },
	{ "function_call", read_function_call },
	{ "custom_tool_call", read_custom_call },
	{ "reasoning", read_reasoning },
	{ "additional_tools", read_more_tools },	/* Codex */
};

static const struct {
	const char	*type, *what;
} result_types[] = {
	{ "function_call_output", "function call output" },
	{ "custom_tool_call_output", "custom tool call output" },
	{ "local_shell_call_output", "local shell call output" },
	{ "shell_call_output", "shell call output" },
	{ "apply_patch_call_output", "apply patch call output" },
};

/* What ran at the vendor, or lies there: nothing that another upstream could go on from. */
static const char *const left_out[] = {
	"web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "computer_call", "computer_call_output",
	"mcp_list_tools", "mcp_call", "mcp_approval_request", "mcp_approval_response", "tool_search_call", "tool_search_output", "item_reference",
	"compaction", "compaction_summary", "compaction_trigger", "context_compaction", "ghost_snapshot",
};

static struct error *
read_item(struct in *in, const struct json *v, struct text path)
{
	struct quoted type;

	if (!json_is(v, JSON_OBJECT))
		return (chat_wrong(in->r, path, "an object"));
	TRY(chat_take_string(&type, in->r, v, "type", path));
	if (type.len == 0)
		return (read_message(in, v, path));
	for (size_t i = 0; i < nitems(item_types); i++)
		if (quoted_is(type, item_types[i].type))
			return (item_types[i].read(in, v, path));
	for (size_t i = 0; i < nitems(result_types); i++)
		if (quoted_is(type, result_types[i].type))
			return (read_result(in, v, result_types[i].what, path));
	for (size_t i = FORM_CUSTOM + 1; i < responses_n_forms; i++)
		if (quoted_is(type, responses_forms[i].item))
			return (read_form_call(in, v, &responses_forms[i], path));
	for (size_t i = 0; i < nitems(left_out); i++)
		if (quoted_is(type, left_out[i]))
			return (NULL);
	return (chat_wrong(in->r, chat_member_path(in->r, path, "type"),
	    "message, reasoning, function_call, function_call_output, custom_tool_call or another item of the Responses dialect"));
}

/* Each result to its call. */

static int
by_id(const void *va, const void *vb)
{
	const struct call *a = va, *b = vb;
	size_t least = a->id.len < b->id.len ? a->id.len : b->id.len;
	int way = least > 0 ? memcmp(a->id.at, b->id.at, least) : 0;

	if (way != 0 || a->id.len != b->id.len)
		return (way != 0 ? way : a->id.len < b->id.len ? -1 : 1);
	return (a->nth < b->nth ? -1 : a->nth > b->nth);
}

static bool
is_id(const struct call *c, struct quoted id)
{
	return (c->id.len == id.len && memcmp(c->id.at, id.at, id.len) == 0);
}

/* The first of the sorted calls that has this id; NULL: none has. */
static struct call *
first_of(const struct in *in, struct quoted id)
{
	struct call wanted = { .id = id };
	size_t low = 0, high = in->n_calls;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (by_id(&in->calls[mid], &wanted) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return (low < in->n_calls && is_id(&in->calls[low], id) ? &in->calls[low] : NULL);
}

static void
answer(struct in *in, struct turn *t, struct part *result)
{
	if (t->answers == NULL) {
		t->answers = arena_new_of(in->r->arena, struct message);
		t->answers->role = ROLE_USER;
		t->answers->next = t->asks->next;
		t->asks->next = t->answers;
		t->last_answer = &t->answers->parts;
	}
	*t->last_answer = result;
	t->last_answer = &result->next;
}

static struct error *
pair(struct in *in, const struct result *result)
{
	struct call *first = first_of(in, result->part->id), *c;

	if (first == NULL)
		return (error_param(error_new(in->r->arena, E_BAD_REQUEST, "No tool call found for %s with call_id " TEXT_FMT ".", result->what,
		    TEXT_ARG(text_sub((struct text){ result->part->id.at, result->part->id.len }, 0, 200))), "input"));
	c = first + first->n_answered;
	if (c < in->calls + in->n_calls && is_id(c, result->part->id)) {	/* the same result again is not said twice */
		first->n_answered++;
		c->answered = true;
		answer(in, c->turn, result->part);
	}
	return (NULL);
}

/* A call that nobody answered was given up: that is what its client says of it too. */
static void
abort_call(struct in *in, struct call *c)
{
	struct part *p = arena_new_of(in->r->arena, struct part), **end = &p->inner;

	p->kind = PART_RESULT;
	p->id = c->id;
	chat_add_part(in->r, &end, PART_TEXT)->text = QUOTED("aborted");
	answer(in, c->turn, p);
}

static struct error *
pair_results(struct in *in)
{
	if (in->n_calls > 0)
		qsort(in->calls, in->n_calls, sizeof(*in->calls), by_id);
	for (size_t i = 0; i < in->n_results; i++)
		TRY(pair(in, &in->results[i]));
	for (size_t i = 0; i < in->n_calls; i++)
		if (!in->calls[i].answered)
			abort_call(in, &in->calls[i]);
	return (NULL);
}

static struct error *
read_items(struct reading *r, const struct json *list, struct text model, const char *name)
{
	struct in in = { .r = r, .model = model };
	unsigned i = 0;

	in.calls = arena_alloc(r->arena, (list->count + 1) * sizeof(*in.calls));
	in.results = arena_alloc(r->arena, (list->count + 1) * sizeof(*in.results));
	forget_thoughts(&in);
	for (const struct json *v = list->first; v != NULL; v = v->next)
		TRY(read_item(&in, v, chat_item_path(r, text_of(name), i++)));
	return (pair_results(&in));
}

static void
add_words(struct reading *r, enum role role, const struct json *v)
{
	struct message *m = arena_new_of(r->arena, struct message);
	struct part **end = &m->parts;

	m->role = role;
	chat_add_part(r, &end, PART_TEXT)->text = json_quoted(v);
	*r->last = m;
	r->last = &m->next;
}

struct error *
responses_read_input(struct reading *r, const struct json *v, struct text model)
{
	struct message **before = r->last;

	if (v->type == JSON_STRING) {
		add_words(r, ROLE_USER, v);
		return (NULL);
	}
	TRY(read_items(r, v, model, "input"));
	if (*before == NULL)
		return (error_param(error_new(r->arena, E_BAD_REQUEST, "input: holds nothing that can be sent to this model: its upstream keeps no items "
		    "of earlier responses"), "input"));
	return (NULL);
}

struct error *
responses_read_instructions(struct reading *r, const struct json *v, struct text model)
{
	if (v->type == JSON_STRING) {
		add_words(r, ROLE_SYSTEM, v);
		return (NULL);
	}
	if (v->type != JSON_ARRAY)
		return (chat_wrong(r, TEXT("instructions"), "a string"));
	return (read_items(r, v, model, "instructions"));
}
