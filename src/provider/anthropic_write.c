/* SPDX-License-Identifier: Apache-2.0 */
/* Asks of other dialects as the body of a Messages request: parameters, system, and what the vendor can not take. */
#include "provider/anthropic_priv.h"

#define DEFAULT_MAX_TOKENS	4096
#define LEAST_BUDGET		1024
#define WIDEST_BUDGET		32000		/* effort max where nobody says how much there is */
#define MOST_MARKS		4
#define MOST_USER_ID		256
#define JSON_HINT		"Answer with one valid JSON object and nothing else."

/* What is decided before the first byte is written. */
struct plan {
	int64_t		 max_tokens, budget;	/* budget -1: none */
	enum effort	 effort;		/* UNSAID: not written */
	const char	*thinking;		/* type, or NULL */
	bool		 json_tool;
	bool		 drop_params;
	struct text	 model;
};

/* What can not be carried */

static struct error *
refuse(struct arena *arena, const struct plan *plan, const char *name)
{
	if (plan->drop_params)
		return (NULL);
	return (error_param(error_new(arena, E_BAD_REQUEST, "litellm.UnsupportedParamsError: anthropic does not support parameters: ['%s'], for model="
	    TEXT_FMT ". To drop these, set drop_params: true.", name, TEXT_ARG(plan->model)), name));
}

static bool
is_zero(struct text raw)
{
	double v;

	return (raw.len == 0 || (json_to_double(raw, &v) && v == 0));
}

enum carry { CARRY_REFUSE, CARRY_VERBATIM, CARRY_ELSEWHERE };

/* Parameters without a word of ours.  `neutral` is a value that asks for nothing. */
static const struct {
	const char	*name;
	enum carry	 carry;
	const char	*neutral;
} extras[] = {
	{ "cache_control",	CARRY_VERBATIM, NULL },
	{ "container",		CARRY_VERBATIM, NULL },
	{ "context_management",	CARRY_VERBATIM, NULL },
	{ "inference_geo",	CARRY_VERBATIM, NULL },
	{ "mcp_servers",	CARRY_VERBATIM, NULL },
	{ "speed",		CARRY_VERBATIM, NULL },
	{ "logit_bias",		CARRY_REFUSE, "{}" },
	{ "logprobs",		CARRY_REFUSE, "false" },
	{ "modalities",		CARRY_REFUSE, "[\"text\"]" },
	{ "top_logprobs",	CARRY_REFUSE, "0" },
	{ "include",		CARRY_ELSEWHERE, NULL },	/* what changes no word of the answer is left out silently */
	{ "metadata",		CARRY_ELSEWHERE, NULL },
	{ "moderation",		CARRY_ELSEWHERE, NULL },
	{ "prompt_cache_key",	CARRY_ELSEWHERE, NULL },
	{ "prompt_cache_options", CARRY_ELSEWHERE, NULL },
	{ "prompt_cache_retention", CARRY_ELSEWHERE, NULL },
	{ "safety_identifier",	CARRY_ELSEWHERE, NULL },
	{ "store",		CARRY_ELSEWHERE, NULL },
	{ "stream_options",	CARRY_ELSEWHERE, NULL },
	{ "verbosity",		CARRY_ELSEWHERE, NULL },	/* a wish of style, which Codex has in every request */
	{ "web_search_options",	CARRY_ELSEWHERE, NULL },	/* becomes a tool */
};

static enum carry
carried(const struct extra *e)
{
	if (e->raw.len == 0 || text_is(e->raw, "null"))
		return (CARRY_ELSEWHERE);
	for (size_t i = 0; i < nitems(extras); i++)
		if (quoted_is(e->name, extras[i].name))
			return (extras[i].neutral != NULL && text_is(e->raw, extras[i].neutral) ? CARRY_ELSEWHERE : extras[i].carry);
	return (CARRY_REFUSE);
}

static const struct extra *
extra_of(const struct ask *ask, const char *name)
{
	for (const struct extra *e = ask->extras; e != NULL; e = e->next)
		if (quoted_is(e->name, name))
			return (e);
	return (NULL);
}

static struct error *
check(struct arena *arena, const struct plan *plan, const struct ask *ask)
{
	if (ask->n > 1)
		return (error_param(error_new(arena, E_BAD_REQUEST, "n: Anthropic models give one answer to a request, so n must be 1"), "n"));
	if (ask->seed.len > 0)
		TRY(refuse(arena, plan, "seed"));
	if (!is_zero(ask->frequency_penalty))
		TRY(refuse(arena, plan, "frequency_penalty"));
	if (!is_zero(ask->presence_penalty))
		TRY(refuse(arena, plan, "presence_penalty"));
	if (ask->service_tier.len > 0 && !quoted_is(ask->service_tier, "auto") && !quoted_is(ask->service_tier, "default") &&
	    !quoted_is(ask->service_tier, "standard_only"))
		TRY(refuse(arena, plan, "service_tier"));
	for (const struct extra *e = ask->extras; e != NULL; e = e->next)
		if (carried(e) == CARRY_REFUSE)
			TRY(refuse(arena, plan, arena_copy(arena, json_unescape(arena, e->name)).at));
	return (NULL);
}

/* Thinking */

static enum effort
effort_for(unsigned traits, enum effort e)
{
	if (e == EFFORT_MINIMAL)
		return (EFFORT_LOW);
	if ((e == EFFORT_XHIGH && (traits & TRAIT_XHIGH) == 0) || (e == EFFORT_MAX && (traits & TRAIT_MAX) == 0))
		return (EFFORT_HIGH);
	return (e);
}

/* 1024 <= budget < max_tokens: raise max_tokens if the client gave none, else lower the budget, else do without. */
static void
fit_budget(struct plan *plan, const struct ask *ask, const struct deployment *d)
{
	if (plan->budget < LEAST_BUDGET)
		plan->budget = LEAST_BUDGET;
	if (ask->max_tokens < 0 && d->max_output_tokens == 0) {
		if (plan->budget > WIDEST_BUDGET && ask->thinking_budget < 0)
			plan->budget = WIDEST_BUDGET;
		if (plan->budget > INT32_MAX)
			plan->budget = INT32_MAX;
		if (plan->max_tokens <= plan->budget)
			plan->max_tokens = plan->budget + DEFAULT_MAX_TOKENS;
	}
	if (plan->budget >= plan->max_tokens)
		plan->budget = plan->max_tokens - 1;
	if (plan->budget < LEAST_BUDGET)
		plan->budget = -1;
}

static void
plan_thinking(struct plan *plan, unsigned traits, const struct ask *ask, const struct deployment *d, const struct turn *turns)
{
	enum effort effort = ask->effort;

	if (effort == EFFORT_UNSAID && ask->thinking_budget < 0 && !ask->thinking_adaptive)
		return;
	if ((traits & (TRAIT_BUDGET | TRAIT_ADAPTIVE)) == 0)
		return;				/* a model that does not reason is not asked to */
	if (effort == EFFORT_NONE) {
		plan->thinking = "disabled";
		return;
	}
	if (traits & TRAIT_ADAPTIVE) {
		plan->thinking = "adaptive";
		plan->effort = effort != EFFORT_UNSAID ? effort_for(traits, effort) :
		    ask->thinking_budget >= 0 ? effort_for(traits, effort_of_budget(ask->thinking_budget)) : EFFORT_UNSAID;
		return;
	}
	if (turns_end_unthought(turns))
		return;				/* the vendor wants the thoughts such a loop began with, and the client lost them */
	plan->budget = ask->thinking_budget >= 0 ? ask->thinking_budget : budget_of_effort(effort != EFFORT_UNSAID ? effort : EFFORT_MEDIUM);
	fit_budget(plan, ask, d);
	if (plan->budget >= 0)
		plan->thinking = "enabled";
}

static int64_t
max_tokens_of(const struct ask *ask, const struct deployment *d)
{
	if (ask->max_tokens < 0)
		return (d->max_output_tokens > 0 ? d->max_output_tokens : DEFAULT_MAX_TOKENS);
	return (d->max_output_tokens > 0 && ask->max_tokens > d->max_output_tokens ? d->max_output_tokens : ask->max_tokens);
}

/* Blocks */

void
write_cache_control(struct write *w, struct text raw)
{
	if (raw.len == 0 || raw.at[0] != '{')
		return;
	if (w->skip > 0) {
		w->skip--;
		return;
	}
	if (w->marks == 0)
		return;
	w->marks--;
	json_name(&w->out, "cache_control");
	json_raw(&w->out, raw);
}

void
write_text_block(struct write *w, struct quoted text, struct text cache_control)
{
	json_open(&w->out, '{');
	json_name(&w->out, "type");
	json_string(&w->out, TEXT("text"));
	json_name(&w->out, "text");
	json_put_quoted(&w->out, text);
	write_cache_control(w, cache_control);
	json_close(&w->out, '}');
}

/* System: all system and developer messages, wherever they stand; blocks only where a cache_control must be kept. */

typedef void system_f(struct write *, unsigned nth, const struct part *);

static unsigned
each_system(struct write *w, system_f *f)
{
	unsigned n = 0;

	for (const struct message *m = w->ask->messages; m != NULL; m = m->next) {
		if (m->role != ROLE_SYSTEM && m->role != ROLE_DEVELOPER)
			continue;
		for (const struct part *p = m->parts; p != NULL; p = p->next) {
			if (p->kind != PART_TEXT || quoted_blank(p->text))
				continue;
			if (f != NULL)
				f(w, n, p);
			n++;
		}
	}
	return (n);
}

static unsigned
system_marks(const struct ask *ask)
{
	unsigned n = 0;

	for (const struct message *m = ask->messages; m != NULL; m = m->next)
		if (m->role == ROLE_SYSTEM || m->role == ROLE_DEVELOPER)
			for (const struct part *p = m->parts; p != NULL; p = p->next)
				n += p->kind == PART_TEXT && p->cache_control.len > 0 && !quoted_blank(p->text);
	return (n);
}

static void
system_block(struct write *w, unsigned nth, const struct part *p)
{
	(void)nth;
	write_text_block(w, p->text, p->cache_control);
}

static void
system_words(struct write *w, unsigned nth, const struct part *p)
{
	if (nth > 0)
		buf_lit(w->out.to, "\\n\\n");
	buf_add(w->out.to, p->text.at, p->text.len);
}

static void
write_system(struct write *w)
{
	static const struct part hint = { .kind = PART_TEXT, .text = { JSON_HINT, sizeof(JSON_HINT) - 1 } };
	bool hinted = w->ask->format == FORMAT_JSON;
	struct buf *b = w->out.to;
	unsigned n;

	if (each_system(w, NULL) == 0 && !hinted)
		return;
	json_name(&w->out, "system");
	if (system_marks(w->ask) > 0) {
		json_open(&w->out, '[');
		n = each_system(w, system_block);
		if (hinted)
			system_block(w, n, &hint);
		json_close(&w->out, ']');
		return;
	}
	json_put_quoted(&w->out, QUOTED(""));
	b->len--;				/* the closing quote: the words go in front of it */
	n = each_system(w, system_words);
	if (hinted)
		system_words(w, n, &hint);
	buf_byte(b, '"');
}

/* Parameters */

static void
write_thinking(struct write *w, const struct plan *plan)
{
	bool schema = w->ask->format == FORMAT_SCHEMA && !plan->json_tool;

	if (plan->thinking != NULL) {
		json_name(&w->out, "thinking");
		json_open(&w->out, '{');
		json_name(&w->out, "type");
		json_string(&w->out, text_of(plan->thinking));
		if (plan->budget >= 0) {
			json_name(&w->out, "budget_tokens");
			json_int(&w->out, plan->budget);
		}
		json_close(&w->out, '}');
	}
	if (plan->effort == EFFORT_UNSAID && !schema)
		return;
	json_name(&w->out, "output_config");
	json_open(&w->out, '{');
	if (plan->effort != EFFORT_UNSAID) {
		json_name(&w->out, "effort");
		json_string(&w->out, text_of(effort_name(plan->effort)));
	}
	if (schema) {
		json_name(&w->out, "format");
		json_open(&w->out, '{');
		json_name(&w->out, "type");
		json_string(&w->out, TEXT("json_schema"));
		json_name(&w->out, "schema");
		json_raw(&w->out, strict_schema(w->arena, w->ask->schema));
		json_close(&w->out, '}');
	}
	json_close(&w->out, '}');
}

static void
sampler(struct write *w, const char *name, struct text raw)
{
	if (raw.len == 0)
		return;
	json_name(&w->out, name);
	json_raw(&w->out, raw);
}

static void
write_samplers(struct write *w, const struct plan *plan)
{
	const struct ask *ask = w->ask;
	struct text temperature = ask->temperature;
	double t;

	if (w->thinks || (plan->drop_params && (w->traits & TRAIT_NO_SAMPLERS) != 0))
		return;				/* without drop_params the vendor itself is asked: rules of samplers change monthly */
	if (temperature.len > 0 && json_to_double(temperature, &t) && t > 1)
		temperature = TEXT("1");	/* OpenAI's goes to 2 */
	sampler(w, "temperature", temperature);
	if (temperature.len == 0 || (w->traits & TRAIT_ONE_SAMPLER) == 0)
		sampler(w, "top_p", ask->top_p);
	sampler(w, "top_k", ask->top_k);
}

static void
write_stop(struct write *w)
{
	bool open = false;

	for (const struct words *s = w->ask->stop; s != NULL; s = s->next) {
		if (quoted_blank(s->word))
			continue;
		if (!open) {
			json_name(&w->out, "stop_sequences");
			json_open(&w->out, '[');
			open = true;
		}
		json_put_quoted(&w->out, s->word);
	}
	if (open)
		json_close(&w->out, ']');
}

/* The vendor takes an opaque name of 256 characters, and no mail addresses. */
static void
write_user(struct write *w)
{
	const struct extra *metadata = extra_of(w->ask, "metadata"), *safety = extra_of(w->ask, "safety_identifier");
	struct quoted user = w->ask->user;

	if (user.len == 0 && metadata != NULL)
		user = string_member(metadata->raw, "user_id");
	if (user.len == 0 && safety != NULL && safety->raw.len > 0 && safety->raw.at[0] == '"')
		user = json_inside(safety->raw);
	if (user.len == 0 || user.len > MOST_USER_ID || memchr(user.at, '@', user.len) != NULL)
		return;
	json_name(&w->out, "metadata");
	json_open(&w->out, '{');
	json_name(&w->out, "user_id");
	json_put_quoted(&w->out, user);
	json_close(&w->out, '}');
}

static void
write_rest(struct write *w)
{
	const struct ask *ask = w->ask;

	if (quoted_is(ask->service_tier, "auto") || quoted_is(ask->service_tier, "default") || quoted_is(ask->service_tier, "standard_only")) {
		json_name(&w->out, "service_tier");
		json_string(&w->out, quoted_is(ask->service_tier, "auto") ? TEXT("auto") : TEXT("standard_only"));
	}
	for (const struct extra *e = ask->extras; e != NULL; e = e->next) {
		if (carried(e) != CARRY_VERBATIM)
			continue;
		json_name_quoted(&w->out, e->name);
		json_raw(&w->out, e->raw);
	}
	if (ask->stream) {
		json_name(&w->out, "stream");
		json_bool(&w->out, true);
	}
}

/* cache_control may stand in four places: tools first, then system, then the latest messages. */
struct marks {
	unsigned	 tools, system, skip, messages;
};

static struct marks
share_marks(const struct ask *ask, const struct turn *turns)
{
	unsigned tools = tools_marks(ask), system = system_marks(ask), said = turns_marks(turns), left = MOST_MARKS;
	struct marks m;

	if (extra_of(ask, "cache_control") != NULL)
		left--;				/* the automatic one */
	m.tools = tools < left ? tools : left;
	left -= m.tools;
	m.system = system < left ? system : left;
	left -= m.system;
	m.messages = said < left ? said : left;
	m.skip = said - m.messages;
	return (m);
}

static struct error *
write_body(struct write *w, const struct plan *plan, const struct turn *turns)
{
	struct marks marks = share_marks(w->ask, turns);

	json_open(&w->out, '{');
	json_name(&w->out, "model");
	json_string(&w->out, plan->model);
	json_name(&w->out, "max_tokens");
	json_int(&w->out, plan->max_tokens);
	w->marks = marks.system;
	write_system(w);
	json_name(&w->out, "messages");
	w->skip = marks.skip;
	w->marks = marks.messages;
	TRY(write_turns(w, turns));
	w->skip = 0;
	w->marks = marks.tools;
	write_tools(w, plan->json_tool);
	write_thinking(w, plan);
	write_samplers(w, plan);
	write_stop(w);
	write_user(w);
	write_rest(w);
	json_close(&w->out, '}');
	return (NULL);
}

struct error *
anthropic_write_request(struct buf *body, struct arena *arena, const struct ask *client, const struct deployment *d, struct text model,
    bool drop_params)
{
	struct ask ask = ask_for_deployment(arena, client, d);
	struct write w = { .out = { .to = body }, .arena = arena, .ask = &ask, .traits = model_traits(model) };
	struct plan plan = { .max_tokens = max_tokens_of(&ask, d), .budget = -1, .model = model, .drop_params = drop_params || d->drop_params };
	const struct turn *turns = turns_of(arena, &ask);

	TRY(check(arena, &plan, &ask));
	plan.json_tool = ask.format == FORMAT_SCHEMA && (w.traits & TRAIT_SCHEMA) == 0;
	plan_thinking(&plan, w.traits, &ask, d, turns);
	w.thinks = plan.thinking != NULL && strcmp(plan.thinking, "disabled") != 0;
	return (write_body(&w, &plan, turns));
}
