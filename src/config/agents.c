/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_list: agents whose limits stand in the file.
 *
 * What one may is said in LiteLLM's words and read where rows of the store are read (access/load.h); here it is checked and kept as JSON.
 */
#include "config/config_priv.h"

#include "base/money.h"
#include "base/span.h"

/* What would be read as "no limit" where somebody meant one. */
static void
check_count(struct load *l, const struct node *map, const char *name)
{
	int64_t n;

	want_int(l, node_get(map, name), 0, INT64_C(1000000000000), &n);
}

static void
check_money(struct load *l, const struct node *map, const char *name)
{
	const struct node *value = node_get(map, name);
	struct text t;
	int64_t n;

	if (want_text(l, value, &t) && money_read(t, &n) != MONEY_FINE)
		problem(l, PROBLEM_ERROR, value, "%s must be an amount of dollars, at most 9000000000", name);
}

static void
check_values(struct load *l, const struct node *map)
{
	static const char *const counts[] = { "rpm_limit", "tpm_limit", "session_rpm_limit", "session_tpm_limit" },
	    *const money[] = { "max_budget", "soft_budget" };
	const struct node *params = node_get(map, "litellm_params"), *duration = node_get(map, "budget_duration");
	struct span span;
	struct text t;

	for (size_t i = 0; i < nitems(counts); i++)
		check_count(l, map, counts[i]);
	for (size_t i = 0; i < nitems(money); i++)
		check_money(l, map, money[i]);
	if (want_text(l, duration, &t) && !span_read(t, &span))
		problem(l, PROBLEM_ERROR, duration, "budget_duration must be a time such as 30s, 12h, 7d or 1mo");
	if (params == NULL || !want_kind(l, params, NODE_MAP))
		return;
	check_count(l, params, "max_iterations");
	check_money(l, params, "max_budget_per_session");
}

static void
put_members(struct json_out *o, const struct node *map, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct node *value = node_get(map, names[i]);

		if (node_is_null(value))
			continue;
		json_name(o, names[i]);
		node_json(o->to, value);
		o->comma = true;
	}
}

/* In quotes it is one, too. */
static void
put_bool(struct json_out *o, struct load *l, const struct node *map, const char *name)
{
	bool is;

	if (!want_bool(l, node_get(map, name), &is))
		return;
	json_name(o, name);
	json_bool(o, is);
}

/* Nothing here calls an agent: what the file says of how stays in it. */
static struct text
bounds_of(struct load *l, const struct node *map)
{
	static const char *const kept[] = { "agent_name", "tpm_limit", "rpm_limit", "session_tpm_limit", "session_rpm_limit", "max_budget", "soft_budget",
	    "budget_duration" }, *const params[] = { "max_iterations", "max_budget_per_session" };
	const struct node *inner = node_get(map, "litellm_params");
	struct buf b = { 0 };
	struct json_out o = { .to = &b };
	struct text doc;

	json_open(&o, '{');
	put_members(&o, map, kept, nitems(kept));
	put_bool(&o, l, map, "enabled");
	json_name(&o, "litellm_params");
	json_open(&o, '{');
	put_members(&o, inner, params, nitems(params));
	put_bool(&o, l, inner, "require_trace_id_on_calls_by_agent");
	json_close(&o, '}');
	json_close(&o, '}');
	doc = arena_copy(l->arena, buf_as_text(&b));
	buf_free(&b);
	return (doc);
}

static bool
read_agent(struct load *l, const struct node *map, struct known_agent *a)
{
	if (!want_text(l, node_get(map, "agent_id"), &a->id) && !want_text(l, node_get(map, "agent_name"), &a->id)) {
		problem(l, PROBLEM_ERROR, map, "an agent has an agent_name");
		return (false);
	}
	check_values(l, map);
	a->doc = bounds_of(l, map);
	return (true);
}

void
agents_read(struct load *l, const struct node *list)
{
	struct config *c = l->config;

	if (!want_kind(l, list, NODE_LIST))
		return;
	c->agents = arena_alloc(l->arena, (list->n + 1) * sizeof(*c->agents));
	for (const struct pair *p = list->first; p != NULL; p = p->next) {
		if (!want_kind(l, p->value, NODE_MAP) || !read_agent(l, p->value, &c->agents[c->n_agents]))
			continue;
		if (config_agent(c, c->agents[c->n_agents].id).len > 0)
			problem(l, PROBLEM_ERROR, p->value, "the agent " TEXT_FMT " stands there twice", TEXT_ARG(c->agents[c->n_agents].id));
		c->n_agents++;
	}
}

struct text
config_agent(const struct config *c, struct text id)
{
	for (size_t i = 0; i < c->n_agents; i++)
		if (text_eq(c->agents[i].id, id))
			return (c->agents[i].doc);
	return (TEXT(""));
}
