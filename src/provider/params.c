/* SPDX-License-Identifier: Apache-2.0 */
/* What a deployment adds to an ask and takes from it, by the names of OpenAI's parameters. */
#include "provider/provider.h"

enum param_kind {
	PARAM_RAW, PARAM_COUNT, PARAM_STRING, PARAM_WORDS, PARAM_EFFORT, PARAM_TRISTATE, PARAM_THINKING, PARAM_CHOICE, PARAM_TOOLS, PARAM_FORMAT,
};

/* Where a parameter of that name lives in the ask.  `unsaid` of counts: the value that means the client said nothing. */
static const struct param {
	const char	*name;
	enum param_kind	 kind;
	size_t		 at;
	int64_t		 unsaid;
} params[] = {
	{ "frequency_penalty",	PARAM_RAW,	offsetof(struct ask, frequency_penalty), 0 },
	{ "max_completion_tokens", PARAM_COUNT,	offsetof(struct ask, max_tokens), -1 },
	{ "max_tokens",		PARAM_COUNT,	offsetof(struct ask, max_tokens), -1 },
	{ "n",			PARAM_COUNT,	offsetof(struct ask, n), 1 },
	{ "parallel_tool_calls", PARAM_TRISTATE, offsetof(struct ask, parallel), -1 },
	{ "presence_penalty",	PARAM_RAW,	offsetof(struct ask, presence_penalty), 0 },
	{ "reasoning_effort",	PARAM_EFFORT,	offsetof(struct ask, effort), 0 },
	{ "response_format",	PARAM_FORMAT,	offsetof(struct ask, format), 0 },
	{ "seed",		PARAM_RAW,	offsetof(struct ask, seed), 0 },
	{ "service_tier",	PARAM_STRING,	offsetof(struct ask, service_tier), 0 },
	{ "stop",		PARAM_WORDS,	offsetof(struct ask, stop), 0 },
	{ "temperature",	PARAM_RAW,	offsetof(struct ask, temperature), 0 },
	{ "thinking",		PARAM_THINKING,	offsetof(struct ask, thinking_budget), 0 },
	{ "tool_choice",	PARAM_CHOICE,	offsetof(struct ask, choice), 0 },
	{ "tools",		PARAM_TOOLS,	offsetof(struct ask, tools), 0 },
	{ "top_k",		PARAM_RAW,	offsetof(struct ask, top_k), 0 },
	{ "top_p",		PARAM_RAW,	offsetof(struct ask, top_p), 0 },
	{ "user",		PARAM_STRING,	offsetof(struct ask, user), 0 },
};

static const struct param *
param_of(struct text name)
{
	for (size_t i = 0; i < nitems(params); i++)
		if (text_is(name, params[i].name))
			return (&params[i]);
	return (NULL);
}

/* What other surfaces than chat refuse. */
static const struct {
	const char	*name;
	bool		 completes;		/* completions take it */
} of_chat[] = {
	{ "audio", false }, { "best_of", true }, { "echo", true }, { "frequency_penalty", true }, { "function_call", false }, { "functions", false },
	{ "logit_bias", true }, { "logprobs", true }, { "max_completion_tokens", false }, { "max_tokens", true }, { "messages", false },
	{ "metadata", false }, { "modalities", false }, { "n", true }, { "parallel_tool_calls", false }, { "prediction", false },
	{ "presence_penalty", true }, { "prompt", false }, { "reasoning", false }, { "reasoning_effort", false }, { "response_format", false },
	{ "seed", true }, { "service_tier", true }, { "stop", true }, { "store", false }, { "suffix", true }, { "temperature", true },
	{ "thinking", false }, { "tool_choice", false }, { "tools", false }, { "top_k", true }, { "top_logprobs", false }, { "top_p", true },
	{ "verbosity", false }, { "web_search_options", false },
};

/* Of these the gateway or the client decides, whatever the surface. */
static const char *const never[] = { "model", "input", "stream", "stream_options" };

bool
param_fits(struct text name, enum wire wire)
{
	for (size_t i = 0; i < nitems(never); i++)
		if (text_is(name, never[i]))
			return (false);
	for (size_t i = 0; i < nitems(of_chat); i++)
		if (text_is(name, of_chat[i].name))
			return (wire == WIRE_COMPLETIONS && of_chat[i].completes);
	return (true);
}

#define FIELD(ask, p, type)	((type *)(void *)((char *)(ask) + (p)->at))

static struct words *
words_of(struct arena *arena, struct text raw)
{
	struct words *first = NULL, **last = &first;
	struct json_walk walk;
	struct json_item item;

	if (raw.at[0] == '"') {
		first = arena_new_of(arena, struct words);
		first->word = json_inside(raw);
		return (first);
	}
	if (raw.at[0] != '[')
		return (NULL);
	walk = json_walk(raw);
	while (json_next(&walk, &item)) {
		if (item.type != JSON_STRING)
			continue;
		*last = arena_new_of(arena, struct words);
		(*last)->word = json_inside(item.raw);
		last = &(*last)->next;
	}
	return (first);
}

static void
think(struct ask *ask, struct text raw)
{
	struct json_item item;
	struct quoted type = { 0 };

	if (raw.at[0] != '{' || ask->thinking_budget >= 0 || ask->thinking_adaptive || ask->effort != EFFORT_UNSAID)
		return;
	if (json_find(raw, "type", &item) && item.type == JSON_STRING)
		type = json_inside(item.raw);
	if (quoted_is(type, "adaptive"))
		ask->thinking_adaptive = true;
	else if (quoted_is(type, "disabled"))
		ask->effort = EFFORT_NONE;
	else if (quoted_is(type, "enabled") && (!json_find(raw, "budget_tokens", &item) || !json_to_i64(item.raw, &ask->thinking_budget)))
		ask->thinking_budget = budget_of_effort(EFFORT_MEDIUM);
}

static void
fill(struct ask *ask, struct arena *arena, const struct param *p, struct text raw)
{
	int64_t count;

	switch (p->kind) {
	case PARAM_RAW:
		if (FIELD(ask, p, struct text)->len == 0 && (raw.at[0] == '-' || (raw.at[0] >= '0' && raw.at[0] <= '9')))
			*FIELD(ask, p, struct text) = raw;
		break;
	case PARAM_COUNT:
		if (*FIELD(ask, p, int64_t) == p->unsaid && json_to_i64(raw, &count) && count >= 0)
			*FIELD(ask, p, int64_t) = count;
		break;
	case PARAM_STRING:
		if (FIELD(ask, p, struct quoted)->len == 0 && raw.at[0] == '"')
			*FIELD(ask, p, struct quoted) = json_inside(raw);
		break;
	case PARAM_WORDS:
		if (ask->stop == NULL)
			ask->stop = words_of(arena, raw);
		break;
	case PARAM_EFFORT:
		if (ask->effort == EFFORT_UNSAID && ask->thinking_budget < 0 && !ask->thinking_adaptive && raw.at[0] == '"')
			ask->effort = effort_named(json_inside(raw));
		break;
	case PARAM_TRISTATE:
		if (ask->parallel < 0 && (raw.at[0] == 't' || raw.at[0] == 'f'))
			ask->parallel = raw.at[0] == 't';
		break;
	case PARAM_THINKING:
		think(ask, raw);
		break;
	case PARAM_CHOICE: case PARAM_TOOLS: case PARAM_FORMAT:
		break;			/* a deployment can drop these but has no words of ours for them */
	}
}

static void
forget(struct ask *ask, const struct param *p)
{
	switch (p->kind) {
	case PARAM_RAW:
		*FIELD(ask, p, struct text) = (struct text){ 0 };
		break;
	case PARAM_COUNT:
		*FIELD(ask, p, int64_t) = p->unsaid;
		break;
	case PARAM_STRING:
		*FIELD(ask, p, struct quoted) = (struct quoted){ 0 };
		break;
	case PARAM_WORDS:
		ask->stop = NULL;
		break;
	case PARAM_EFFORT:
		ask->effort = EFFORT_UNSAID;
		break;
	case PARAM_TRISTATE:
		ask->parallel = -1;
		break;
	case PARAM_THINKING:
		ask->thinking_budget = -1;
		ask->thinking_adaptive = false;
		break;
	case PARAM_CHOICE:
		ask->choice = CHOICE_UNSAID;
		break;
	case PARAM_TOOLS:
		ask->tools = NULL;
		ask->choice = CHOICE_UNSAID;
		ask->parallel = -1;
		break;
	case PARAM_FORMAT:
		ask->format = FORMAT_TEXT;
		break;
	}
}

static bool
named(struct arena *arena, const struct extra *e, struct text name)
{
	return (text_eq(json_unescape(arena, e->name), name));
}

static void
add_extra(struct ask *ask, struct arena *arena, const struct default_param *p)
{
	struct extra *e;

	for (e = ask->extras; e != NULL; e = e->next)
		if (named(arena, e, p->name))
			return;
	e = arena_new_of(arena, struct extra);
	*e = (struct extra){ .name = json_escape(arena, p->name), .raw = p->raw, .next = ask->extras };
	ask->extras = e;
}

static void
drop_extra(struct ask *ask, struct arena *arena, struct text name)
{
	struct extra *kept = NULL, **last = &kept;

	for (const struct extra *e = ask->extras; e != NULL; e = e->next) {
		if (named(arena, e, name))
			continue;
		*last = arena_new_of(arena, struct extra);
		**last = *e;
		(*last)->next = NULL;
		last = &(*last)->next;
	}
	ask->extras = kept;
}

struct ask
ask_for_deployment(struct arena *arena, const struct ask *client, const struct deployment *d)
{
	struct ask ask = *client;

	for (size_t i = 0; i < d->n_drop; i++) {
		const struct param *p = param_of(d->drop[i]);

		if (p != NULL)
			forget(&ask, p);
		else
			drop_extra(&ask, arena, d->drop[i]);
	}
	for (size_t i = 0; i < d->n_defaults; i++) {
		const struct param *p = param_of(d->defaults[i].name);

		if (d->defaults[i].raw.len == 0)
			continue;
		if (p != NULL)
			fill(&ask, arena, p, d->defaults[i].raw);
		else
			add_extra(&ask, arena, &d->defaults[i]);
	}
	return (ask);
}
