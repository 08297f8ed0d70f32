/* SPDX-License-Identifier: Apache-2.0 */
/* What LiteLLM's file says of metrics: who may read them, which there are, and with which labels. */
#include "config/config_priv.h"

static void
read_rule(struct load *l, const struct node *map, struct metrics_rule *r)
{
	if (!want_kind(l, map, NODE_MAP))
		return;
	r->n_metrics = want_texts(l, node_get(map, "metrics"), &r->metrics);
	r->n_labels = want_texts(l, node_get(map, "include_labels"), &r->labels);
	if (r->n_metrics == 0)
		problem(l, PROBLEM_ERROR, map, "an entry of prometheus_metrics_config names its metrics");
}

void
metrics_read(struct load *l, const struct node *litellm)
{
	struct settings *set = &l->config->settings;
	const struct node *rules = node_get(litellm, "prometheus_metrics_config");
	bool key, off = false;

	if (want_bool(l, node_get(litellm, "require_auth_for_metrics_endpoint"), &key))
		set->metrics_door = key ? 'k' : 'o';
	want_bool(l, node_get(litellm, "enable_end_user_cost_tracking_prometheus_only"), &set->metrics_end_users);
	if (want_bool(l, node_get(litellm, "disable_end_user_cost_tracking_prometheus_only"), &off) && off)
		set->metrics_end_users = false;
	if (!want_kind(l, rules, NODE_LIST))
		return;
	set->metrics_rules = arena_alloc(l->arena, (rules->n + 1) * sizeof(*set->metrics_rules));
	for (const struct pair *p = rules->first; p != NULL; p = p->next) {
		set->metrics_rules[set->n_metrics_rules] = (struct metrics_rule){ .n_metrics = 0 };
		read_rule(l, p->value, &set->metrics_rules[set->n_metrics_rules++]);
	}
}
