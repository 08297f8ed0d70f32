/* SPDX-License-Identifier: Apache-2.0 */
/* An ask as a request of OpenAI-like servers, each with its habits: what it does not know is left out, what it spells otherwise is renamed. */
#include "provider/openai_priv.h"

#include <openssl/evp.h>

/* Habits of vendors that matter only when a request is written anew. */
enum habit {
	HABIT_OPENAI		= 1 << 0,	/* knows strict, service_tier, parallel_tool_calls: true and the other newer members */
	HABIT_TOP_K		= 1 << 1,
	HABIT_THINKS		= 1 << 2,	/* takes an effort that was only meant as a budget */
	HABIT_NO_EFFORT		= 1 << 3,	/* reasoning_effort "none" is understood */
	HABIT_REASONING_IN	= 1 << 4,	/* wants reasoning_content back in tool loops */
	HABIT_REASONING_ALWAYS	= 1 << 5,	/* refuses a tool loop without it */
	HABIT_DETAILS_IN	= 1 << 6,	/* wants reasoning_details back */
	HABIT_NO_USER		= 1 << 7,
	HABIT_RANDOM_SEED	= 1 << 8,
	HABIT_NINE		= 1 << 9,	/* ids of calls are 9 letters or digits; results repeat the name */
	HABIT_NO_SCHEMA		= 1 << 10,	/* json_object only */
	HABIT_NO_NAME		= 1 << 11,	/* refuses messages[].name */
};

static const struct {
	const char	*prefix;
	unsigned	 habits;
} vendors[] = {
	{ "azure",		HABIT_OPENAI },
	{ "deepinfra",		HABIT_TOP_K },
	{ "deepseek",		HABIT_REASONING_IN | HABIT_REASONING_ALWAYS | HABIT_NO_SCHEMA },
	{ "fireworks_ai",	HABIT_TOP_K },
	{ "groq",		HABIT_NO_NAME },
	{ "hosted_vllm",	HABIT_TOP_K | HABIT_THINKS | HABIT_REASONING_IN },
	{ "llamafile",		HABIT_TOP_K },
	{ "lm_studio",		HABIT_TOP_K },
	{ "mistral",		HABIT_NO_USER | HABIT_RANDOM_SEED | HABIT_NINE },
	{ "moonshot",		HABIT_REASONING_IN },
	{ "ollama",		HABIT_THINKS | HABIT_NO_EFFORT },
	{ "ollama_chat",	HABIT_THINKS | HABIT_NO_EFFORT },
	{ "openrouter",		HABIT_TOP_K | HABIT_THINKS | HABIT_NO_EFFORT | HABIT_DETAILS_IN },
	{ "together_ai",	HABIT_TOP_K },
	{ "vllm",		HABIT_TOP_K | HABIT_THINKS | HABIT_REASONING_IN },
	{ "xiaomi_mimo",	HABIT_REASONING_IN },
	{ "zai",		HABIT_REASONING_IN },
};

/* OpenAI's own models that refuse reasoning_effort. */
static const char *const thoughtless[] = { "gpt-3.5", "gpt-4", "chatgpt-" };

/* Members of chat completions without a word of ours, which pass from another dialect's extras. */
static const char *const portable[] = {
	"logit_bias", "logprobs", "top_logprobs", "metadata", "modalities", "audio", "prediction", "prompt_cache_key", "prompt_cache_retention",
	"safety_identifier", "store", "verbosity", "web_search_options",
};

#define MAX_STOPS	4
#define MAX_USER	64
#define MAX_CALL_ID	64

struct sheet {
	struct json_out	 out;
	struct arena	*arena;
	const struct ask *ask;
	const struct deployment *deployment;
	struct text	 model;
	unsigned	 habits;
	bool		 drop_params;
	const struct message *caller;		/* the assistant whose calls are answered now */
};

static unsigned
habits_of(const struct deployment *d)
{
	const char *prefix = d->vendor != NULL ? d->vendor->prefix : "";

	for (size_t i = 0; i < nitems(vendors); i++)
		if (strcmp(vendors[i].prefix, prefix) == 0)
			return (vendors[i].habits);
	/* openai/ with an address of its own is as a rule a vLLM, a llama.cpp or their like */
	if (strcmp(prefix, "openai") == 0)
		return (d->host.len == 0 || text_ends(d->host, TEXT("openai.com")) ? HABIT_OPENAI : HABIT_TOP_K);
	return (0);
}

static bool
has(const struct sheet *s, enum habit h)
{
	return ((s->habits & (unsigned)h) != 0);
}

static struct quoted
digest(struct arena *arena, struct quoted of, unsigned n, bool letters)
{
	static const char hex[] = "0123456789abcdef", more[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned int len = 0;
	char *out = arena_bytes(arena, n);

	EVP_Digest(of.at, of.len, sum, &len, EVP_sha256(), NULL);
	for (unsigned i = 0; i < n; i++)
		out[i] = letters ? more[sum[i] % 62] : hex[(sum[i / 2] >> (i % 2 == 0 ? 4 : 0)) & 15];
	return ((struct quoted){ out, n });
}

/* The same for a call and its result, or the pair would part. */
static struct quoted
call_id(const struct sheet *s, struct quoted id)
{
	if (has(s, HABIT_NINE)) {
		bool fits = id.len == 9;

		for (size_t i = 0; i < id.len && fits; i++)
			fits = (id.at[i] >= '0' && id.at[i] <= '9') || ((id.at[i] | 0x20) >= 'a' && (id.at[i] | 0x20) <= 'z');
		return (fits ? id : digest(s->arena, id, 9, true));
	}
	return (id.len > MAX_CALL_ID ? digest(s->arena, id, 40, false) : id);
}

/* Texts. */

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
put_member(struct json_out *o, const char *name, struct quoted value)
{
	json_name(o, name);
	json_put_quoted(o, value);
}

static void
put_role(struct json_out *o, const char *role)
{
	json_open(o, '{');
	json_name(o, "role");
	json_string(o, text_of(role));
}

/* Parts of content lists. */

static struct quoted
data_url(struct arena *arena, const struct part *p)
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
	put_member(o, "url", data_url(s->arena, p));
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
	put_member(o, "file_data", data_url(s->arena, p));
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
	put_role(o, m->role == ROLE_DEVELOPER && quirk(s->deployment, QUIRK_DEVELOPER_OK) ? "developer" : "system");
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

static void
put_messages(struct sheet *s)
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

/* Tools. */

static bool
is_allowed(const struct ask *ask, const struct tool *t)
{
	for (const struct words *w = ask->allowed_tools; w != NULL; w = w->next)
		if (w->word.len == t->name.len && memcmp(w->word.at, t->name.at, w->word.len) == 0)
			return (true);
	return (ask->allowed_tools == NULL);
}

static void
put_schema(struct sheet *s, const struct tool *t)
{
	struct json_out *o = &s->out;
	struct json_item item;
	struct json_walk walk;

	if (t->freeform) {
		json_name(o, "parameters");
		json_raw(o, TEXT("{\"type\":\"object\",\"properties\":{\"input\":{\"type\":\"string\"}},\"required\":[\"input\"]}"));
	} else if (t->schema.len > 0 && t->schema.at[0] == '{') {
		json_name(o, "parameters");
		walk = json_walk(t->schema);
		if (!json_next(&walk, &item))
			json_raw(o, TEXT("{\"type\":\"object\",\"properties\":{}}"));
		else if (!json_find(t->schema, "type", &item))
			json_raw(o, arena_print(s->arena, "{\"type\":\"object\"," TEXT_FMT, TEXT_ARG(text_sub(t->schema, 1, t->schema.len))));
		else
			json_raw(o, t->schema);
	}
}

static void
put_tool(struct sheet *s, const struct tool *t)
{
	struct json_out *o = &s->out;

	json_open(o, '{');
	put_member(o, "type", QUOTED("function"));
	json_name(o, "function");
	json_open(o, '{');
	put_member(o, "name", tool_name_fit(s->arena, t->name));
	if (t->description.len > 0)
		put_member(o, "description", t->description);
	put_schema(s, t);
	if (t->strict >= 0 && has(s, HABIT_OPENAI)) {
		json_name(o, "strict");
		json_bool(o, t->strict > 0);
	}
	json_close(o, '}');
	json_close(o, '}');
}

static void
put_choice(struct sheet *s)
{
	static const char *const words[] = { [CHOICE_AUTO] = "auto", [CHOICE_NONE] = "none", [CHOICE_REQUIRED] = "required" };
	struct json_out *o = &s->out;

	if (s->ask->choice == CHOICE_UNSAID)
		return;
	json_name(o, "tool_choice");
	if (s->ask->choice != CHOICE_NAMED) {
		json_string(o, text_of(words[s->ask->choice]));
		return;
	}
	json_open(o, '{');
	put_member(o, "type", QUOTED("function"));
	json_name(o, "function");
	json_open(o, '{');
	put_member(o, "name", tool_name_fit(s->arena, s->ask->choice_name));
	json_close(o, '}');
	json_close(o, '}');
}

static void
put_tools(struct sheet *s)
{
	struct json_out *o = &s->out;
	const struct tool *t = s->ask->tools;

	while (t != NULL && !is_allowed(s->ask, t))
		t = t->next;
	if (t == NULL)
		return;
	json_name(o, "tools");
	json_open(o, '[');
	for (; t != NULL; t = t->next)
		if (is_allowed(s->ask, t))
			put_tool(s, t);
	json_close(o, ']');
	put_choice(s);
	if (s->ask->parallel == 0 || (s->ask->parallel > 0 && has(s, HABIT_OPENAI))) {
		json_name(o, "parallel_tool_calls");
		json_bool(o, s->ask->parallel > 0);
	}
}

/* Parameters. */

static void
put_number(struct json_out *o, const char *name, struct text raw)
{
	if (raw.len == 0)
		return;
	json_name(o, name);
	json_raw(o, raw);
}

static void
put_limit(struct sheet *s)
{
	int64_t max = s->ask->max_tokens, most = s->deployment->max_output_tokens;

	if (max < 0)
		return;
	json_name(&s->out, quirk(s->deployment, QUIRK_MAX_TOKENS_NEW) ? "max_completion_tokens" : "max_tokens");
	json_int(&s->out, most > 0 && max > most ? most : max);
}

static void
put_stops(struct sheet *s)
{
	struct json_out *o = &s->out;
	unsigned n = 0;

	if (s->ask->stop == NULL)
		return;
	json_name(o, "stop");
	json_open(o, '[');
	for (const struct words *w = s->ask->stop; w != NULL && n < MAX_STOPS; w = w->next, n++)
		json_put_quoted(o, w->word);
	json_close(o, ']');
}

static void
put_format(struct sheet *s)
{
	struct json_out *o = &s->out;

	if (s->ask->format == FORMAT_TEXT)
		return;
	json_name(o, "response_format");
	json_open(o, '{');
	if (s->ask->format == FORMAT_JSON || has(s, HABIT_NO_SCHEMA))
		put_member(o, "type", QUOTED("json_object"));
	else {
		put_member(o, "type", QUOTED("json_schema"));
		json_name(o, "json_schema");
		json_open(o, '{');
		put_member(o, "name", s->ask->schema_name.len > 0 ? s->ask->schema_name : QUOTED("output"));
		json_name(o, "schema");
		json_raw(o, s->ask->schema);
		json_name(o, "strict");
		json_bool(o, s->ask->schema_strict != 0);
		json_close(o, '}');
	}
	json_close(o, '}');
}

static bool
can_think(const struct sheet *s)
{
	for (size_t i = 0; i < nitems(thoughtless); i++)
		if (has(s, HABIT_OPENAI) && text_starts(s->model, text_of(thoughtless[i])))
			return (false);
	return (true);
}

static void
put_effort(struct sheet *s)
{
	enum effort effort = s->ask->effort;

	if (effort == EFFORT_UNSAID && s->ask->thinking_budget >= 0 && (has(s, HABIT_THINKS) || has(s, HABIT_OPENAI))) {
		effort = effort_of_budget(s->ask->thinking_budget);
		if (effort < EFFORT_LOW)	/* a budget is a wish: keep to the words every server knows */
			effort = EFFORT_LOW;
		else if (effort > EFFORT_HIGH)
			effort = EFFORT_HIGH;
	}
	if (effort == EFFORT_UNSAID || (effort == EFFORT_NONE && !has(s, HABIT_NO_EFFORT)) || !can_think(s))
		return;
	json_name(&s->out, "reasoning_effort");
	json_string(&s->out, text_of(effort_name(effort)));
}

static void
put_user_name(struct sheet *s)
{
	struct quoted user = s->ask->user;

	if (user.len == 0 || has(s, HABIT_NO_USER))
		return;
	put_member(&s->out, "user", user.len > MAX_USER ? digest(s->arena, user, MAX_USER, false) : user);
}

static void
put_tier(struct sheet *s)
{
	struct quoted tier = s->ask->service_tier;

	if (tier.len > 0 && has(s, HABIT_OPENAI))
		put_member(&s->out, "service_tier", quoted_is(tier, "standard_only") ? QUOTED("default") : tier);
}

static bool
is_portable(const struct sheet *s, struct quoted name)
{
	for (size_t i = 0; i < nitems(portable); i++)
		if (quoted_is(name, portable[i]))
			return (true);
	for (size_t i = 0; i < s->deployment->n_defaults; i++)
		if (text_eq(json_unescape(s->arena, name), s->deployment->defaults[i].name))
			return (true);
	return (false);
}

static void
put_extras(struct sheet *s)
{
	for (const struct extra *e = s->ask->extras; e != NULL; e = e->next) {
		if (!is_portable(s, e->name))
			continue;
		json_name_quoted(&s->out, e->name);
		json_raw(&s->out, e->raw);
	}
	if (quirk(s->deployment, QUIRK_NO_STORE)) {
		json_name(&s->out, "store");
		json_bool(&s->out, false);
	}
}

static void
put_stream(struct sheet *s)
{
	if (!s->ask->stream)
		return;
	json_name(&s->out, "stream");
	json_bool(&s->out, true);
	if (quirk(s->deployment, QUIRK_NO_STREAM_OPTIONS))
		return;
	json_name(&s->out, "stream_options");
	json_raw(&s->out, quirk(s->deployment, QUIRK_CONTINUOUS_USAGE) ?
	    TEXT("{\"include_usage\":true,\"continuous_usage_stats\":true}") : TEXT("{\"include_usage\":true}"));
}

static void
put_parameters(struct sheet *s)
{
	const struct ask *ask = s->ask;
	struct json_out *o = &s->out;

	put_limit(s);
	put_number(o, "temperature", ask->temperature);
	put_number(o, "top_p", ask->top_p);
	if (has(s, HABIT_TOP_K))
		put_number(o, "top_k", ask->top_k);
	put_number(o, has(s, HABIT_RANDOM_SEED) ? "random_seed" : "seed", ask->seed);
	put_number(o, "presence_penalty", ask->presence_penalty);
	put_number(o, "frequency_penalty", ask->frequency_penalty);
	if (ask->n > 1) {
		json_name(o, "n");
		json_int(o, ask->n);
	}
	put_stops(s);
	put_format(s);
	put_effort(s);
	put_user_name(s);
	put_tier(s);
}

/* What can not be said in this dialect, and would change the answer if it were left out unsaid. */
static struct error *
check(const struct sheet *s)
{
	if (s->ask->top_k.len > 0 && !has(s, HABIT_TOP_K) && !s->drop_params && !s->deployment->drop_params)
		return (error_param(error_new(s->arena, E_BAD_REQUEST, "litellm.UnsupportedParamsError: %s does not support the parameter 'top_k'; "
		    "drop_params: true in the configuration leaves it out", s->deployment->vendor != NULL ? s->deployment->vendor->prefix : "openai"), "top_k"));
	for (const struct message *m = s->ask->messages; m != NULL; m = m->next)
		for (const struct part *p = m->parts; p != NULL; p = p->next)
			if ((p->kind == PART_FILE || p->kind == PART_IMAGE) && p->id.len > 0)
				return (error_param(error_new(s->arena, E_BAD_REQUEST,
				    "a file that one vendor keeps can not be sent to another: send its content"), "messages"));
	return (NULL);
}

struct error *
openai_write_request(struct buf *body, struct arena *arena, const struct ask *client, const struct deployment *d, struct text model,
    bool drop_params)
{
	struct ask ask = ask_for_deployment(arena, client, d);
	struct sheet s = { .out = { .to = body }, .arena = arena, .ask = &ask, .deployment = d, .model = model, .drop_params = drop_params,
		.habits = habits_of(d) };

	TRY(check(&s));
	json_open(&s.out, '{');
	json_name(&s.out, "model");
	json_string(&s.out, model);
	put_messages(&s);
	put_tools(&s);
	put_parameters(&s);
	put_extras(&s);
	put_stream(&s);
	json_close(&s.out, '}');
	return (NULL);
}
