/* SPDX-License-Identifier: Apache-2.0 */
/* What the key of a refused call allows instead: its own pace made slower, or another model than the one whose budget is spent. */
#include "exchange/exchange.h"

#include "access/admit.h"
#include "base/clock.h"

/* The purse that lacks, if it is one of the key's own; NULL: it was refused for something else. */
static const struct purse *
spent_of_key(const struct exchange *x)
{
	const struct purse *which = x->reservation.end == BUDGET_SPENT ? x->reservation.which : NULL;
	const struct standing *whose = which != NULL && x->limits.refused == NULL ? purse_owner(x, which) : NULL;

	return (whose != NULL && whose->scope == SCOPE_KEY ? which : NULL);
}

/* Without a rate of its own there is nothing to slow down. */
static bool
may_throttle(const struct exchange *x)
{
	const struct standing *key = x->caller->standing[SCOPE_KEY];

	return (key->throttled && x->throttle == 0 && x->config->settings.budget_throttle > 0 && (key->rpm >= 0 || key->tpm >= 0));
}

bool
has_instead(const struct exchange *x, const struct standing *whose, const struct purse *p)
{
	struct text kind, model;

	if (whose->scope != SCOPE_KEY)
		return (false);
	if (p->part.len == 0)
		return (may_throttle(x));
	if (!text_cut(p->part, ':', &kind, &model) || !text_is(kind, "model"))
		return (false);
	for (unsigned i = 0; i < whose->n_budget_fallbacks; i++)
		if (text_eq(whose->budget_fallbacks[i].from, model))
			return (true);
	return (false);
}

static bool
next_model(struct text *model, struct exchange *x)
{
	const struct standing *key = x->caller->standing[SCOPE_KEY];

	while (x->instead_at < key->n_budget_fallbacks) {
		const struct pair_text *p = &key->budget_fallbacks[x->instead_at++];

		if (text_eq(p->from, x->instead_name) && !text_eq(p->to, x->instead_name)) {
			*model = p->to;
			return (true);
		}
	}
	return (false);
}

/* May they, and is there such a model.  What only one deployment can do stays with it. */
static bool
turn_to(struct exchange *x, struct text model)
{
	struct admission a = { .config = x->config, .model = model, .now_ms = clock_wall_ms() };

	if (admit(x->arena, x->caller, &a) != NULL)
		return (false);
	x->model = admit_model(x->caller, x->config, model);
	if (route_plan(&x->plan, x->arena, x->config, x->model, x->plan.retries_wanted, x->plan.chance) != NULL)
		return (false);
	x->plan.fallbacks = 1;
	return (x->front->wire != WIRE_RESPONSES || stored_plan(x) == NULL);
}

static void
turn_back(struct exchange *x)
{
	x->model = x->instead_of;
	x->error = x->instead_error;
	(void)route_plan(&x->plan, x->arena, x->config, x->model, x->plan.retries_wanted, x->plan.chance);
}

bool
instead(struct exchange *x)
{
	const struct purse *which = spent_of_key(x);
	struct text model;

	if (x->conduit != NULL || x->holder != NULL || x->request == NULL)
		return (false);
	if (which != NULL && which->part.len == 0 && may_throttle(x)) {
		x->throttle = x->config->settings.budget_throttle;
		return (true);
	}
	if (x->instead_of.len == 0) {
		if (which == NULL || !text_starts(which->part, TEXT("model:")) || x->caller->standing[SCOPE_KEY]->n_budget_fallbacks == 0)
			return (false);
		x->instead_of = x->model;
		x->instead_name = model_charged(x);
		x->instead_error = x->error;
	}
	while (next_model(&model, x))
		if (turn_to(x, model))
			return (true);
	turn_back(x);
	return (false);
}
