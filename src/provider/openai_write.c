/* SPDX-License-Identifier: Apache-2.0 */
/* An ask as a request of OpenAI-like servers, each with its habits: what it does not know is left out, what it spells otherwise is renamed. */
#include "provider/openai_write_priv.h"

#include <openssl/evp.h>

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
	{ "openrouter",		HABIT_TOP_K | HABIT_THINKS | HABIT_NO_EFFORT | HABIT_DETAILS_IN | HABIT_SEARCHES },
	{ "perplexity",		HABIT_SEARCHES },
	{ "together_ai",	HABIT_TOP_K },
	{ "vllm",		HABIT_TOP_K | HABIT_THINKS | HABIT_REASONING_IN },
	{ "xiaomi_mimo",	HABIT_REASONING_IN },
	{ "zai",		HABIT_REASONING_IN },
};

/* OpenAI's own models that refuse reasoning_effort. */
static const char *const thoughtless[] = { "gpt-3.5", "gpt-4", "chatgpt-" };

/* Members of chat completions without a word of ours, which pass from another dialect's extras to vendors with that habit (0: to all). */
static const struct {
	const char	*name;
	unsigned	 habit;
} portable[] = {
	{ "audio", 0 }, { "logit_bias", 0 }, { "logprobs", 0 }, { "metadata", HABIT_OPENAI }, { "modalities", 0 }, { "prediction", 0 },
	{ "prompt_cache_key", HABIT_OPENAI }, { "prompt_cache_retention", HABIT_OPENAI }, { "safety_identifier", HABIT_OPENAI },
	{ "store", HABIT_OPENAI }, { "top_logprobs", 0 }, { "verbosity", HABIT_OPENAI }, { "web_search_options", HABIT_SEARCHES },
};

#define MAX_STOPS	4
#define MAX_USER	64

static unsigned
habits_of(const struct deployment *d)
{
	const char *prefix = d->vendor != NULL ? d->vendor->prefix : "";

	for (size_t i = 0; i < nitems(vendors); i++)
		if (strcmp(vendors[i].prefix, prefix) == 0)
			return (vendors[i].habits);
	if (strcmp(prefix, "openai") != 0)
		return (0);
	/* openai/ with an address of its own is as a rule a vLLM, a llama.cpp or their like; a literal address has no host */
	return (d->url.len == 0 || text_ends(d->host, TEXT("openai.com")) ? HABIT_OPENAI : HABIT_TOP_K);
}

struct quoted
short_digest(struct arena *arena, struct quoted of, unsigned n, bool letters)
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

/* Tools. */

bool
openai_tool_allowed(const struct ask *ask, const struct tool *t)
{
	for (const struct words *w = ask->allowed_tools; w != NULL; w = w->next)
		if (w->word.len == t->name.len && memcmp(w->word.at, t->name.at, w->word.len) == 0)
			return (true);
	return (ask->allowed_tools == NULL);
}

void
openai_put_schema(struct sheet *s, const struct tool *t)
{
	struct json_out *o = &s->out;
	struct json_item item;
	struct json_walk walk;

	if (t->freeform) {
		json_name(o, "parameters");
		json_raw(o, TEXT("{\"type\":\"object\",\"properties\":{\"input\":{\"type\":\"string\"}},\"required\":[\"input\"],\"additionalProperties\":false}"));
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
	openai_put_schema(s, t);
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

	while (t != NULL && !openai_tool_allowed(s->ask, t))
		t = t->next;
	if (t == NULL)
		return;
	json_name(o, "tools");
	json_open(o, '[');
	for (; t != NULL; t = t->next)
		if (openai_tool_allowed(s->ask, t))
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
put_limit(struct sheet *s)
{
	int64_t max = s->ask->max_tokens, most = s->deployment->max_output_tokens;

	if (max < 0)
		return;
	json_name(&s->out, openai_quirk(s->deployment, QUIRK_MAX_TOKENS_NEW) ? "max_completion_tokens" : "max_tokens");
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
	put_member(&s->out, "user", user.len > MAX_USER ? short_digest(s->arena, user, MAX_USER, false) : user);
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
		if (quoted_is(name, portable[i].name))
			return (portable[i].habit == 0 || has(s, portable[i].habit));
	for (size_t i = 0; i < s->deployment->n_defaults; i++)
		if (text_eq(json_unescape(s->arena, name), s->deployment->defaults[i].name))
			return (true);
	return (false);
}

/* Counts of completions: chat has another logprobs, and no best_of. */
static bool
is_of_completions(const struct extra *e)
{
	return (quoted_is(e->name, "best_of") || (quoted_is(e->name, "logprobs") && e->raw.at[0] >= '0' && e->raw.at[0] <= '9'));
}

static void
put_extras(struct sheet *s)
{
	for (const struct extra *e = s->ask->extras; e != NULL; e = e->next) {
		if (!is_portable(s, e->name) || is_of_completions(e))
			continue;
		json_name_quoted(&s->out, e->name);
		json_raw(&s->out, e->raw);
	}
	if (openai_quirk(s->deployment, QUIRK_NO_STORE)) {
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
	if (openai_quirk(s->deployment, QUIRK_NO_STREAM_OPTIONS))
		return;
	json_name(&s->out, "stream_options");
	json_raw(&s->out, openai_quirk(s->deployment, QUIRK_CONTINUOUS_USAGE) ?
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

struct error *
openai_refuse(const struct sheet *s, const char *name)
{
	if (s->drop_params || s->deployment->drop_params)
		return (NULL);
	return (error_param(error_new(s->arena, E_BAD_REQUEST, "litellm.UnsupportedParamsError: %s does not support the parameter '%s'; "
	    "drop_params: true in the configuration leaves it out", s->deployment->vendor != NULL ? s->deployment->vendor->prefix : "openai", name), name));
}

struct error *
openai_check_files(const struct sheet *s)
{
	for (const struct message *m = s->ask->messages; m != NULL; m = m->next)
		for (const struct part *p = m->parts; p != NULL; p = p->next)
			if ((p->kind == PART_FILE || p->kind == PART_IMAGE) && p->id.len > 0)
				return (error_param(error_new(s->arena, E_BAD_REQUEST,
				    "a file that one vendor keeps can not be sent to another: send its content"), "messages"));
	return (NULL);
}

/* What can not be said in this dialect, and would change the answer if it were left out unsaid. */
static struct error *
check(const struct sheet *s)
{
	if (s->ask->top_k.len > 0 && !has(s, HABIT_TOP_K))
		TRY(openai_refuse(s, "top_k"));
	for (const struct extra *e = s->ask->extras; e != NULL; e = e->next)
		if (is_of_completions(e))
			TRY(openai_refuse(s, arena_copy(s->arena, json_unescape(s->arena, e->name)).at));
	return (openai_check_files(s));
}

struct error *
openai_write_request(struct buf *body, struct arena *arena, const struct ask *client, const struct deployment *d, struct text model,
    bool drop_params)
{
	struct ask ask = ask_for_deployment(arena, client, d);
	struct sheet s = { .out = { .to = body }, .arena = arena, .ask = &ask, .deployment = d, .model = model, .drop_params = drop_params,
		.habits = habits_of(d) };

	if (has(&s, HABIT_OPENAI) && text_has(model, TEXT("search")))	/* gpt-5-search-api; other models refuse the parameter */
		s.habits |= HABIT_SEARCHES;
	TRY(check(&s));
	json_open(&s.out, '{');
	json_name(&s.out, "model");
	json_string(&s.out, model);
	openai_put_messages(&s);
	put_tools(&s);
	put_parameters(&s);
	put_extras(&s);
	put_stream(&s);
	json_close(&s.out, '}');
	return (NULL);
}
