/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of two refusals is heard.  Money is reserved when all else is well, so that no call holds any that is refused anyway; but a budget that is spent
 * has its turn among the other checks, which is LiteLLM's.  So whoever is refused for something else hears of it, if its turn was before.  Ordinary calls
 * never come here.
 */
#include "exchange/exchange.h"

#include "access/admit.h"
#include "base/clock.h"

static const struct {
	enum bill	 when;
	enum scope	 scope;
	const char	*kind;			/* of a purse's part: "": the whole of it; NULL: any */
} turns[] = {
	{ BILL_KEY, SCOPE_KEY, "" }, { BILL_KEY, SCOPE_KEY, "model" }, { BILL_KEY, SCOPE_USER, "model" }, { BILL_KEY, SCOPE_CUSTOMER, "model" },
	{ BILL_PROJECT, SCOPE_PROJECT, NULL },
	{ BILL_LEVELS, SCOPE_TEAM, "" }, { BILL_LEVELS, SCOPE_TEAM, "window" }, { BILL_LEVELS, SCOPE_TEAM, NULL }, { BILL_LEVELS, SCOPE_KEY, "window" },
	{ BILL_LEVELS, SCOPE_ORGANIZATION, NULL }, { BILL_LEVELS, SCOPE_TAG, NULL }, { BILL_LEVELS, SCOPE_USER, NULL }, { BILL_LEVELS, SCOPE_MEMBER, "" },
	{ BILL_LEVELS, SCOPE_MEMBER, NULL }, { BILL_LEVELS, SCOPE_CUSTOMER, NULL }, { BILL_LEVELS, SCOPE_AGENT, NULL }, { BILL_LEVELS, SCOPE_SESSION, NULL },
	{ BILL_PROXY, SCOPE_PROXY, NULL },
};

static bool
is_of_kind(const struct purse *p, const char *kind)
{
	struct text is, of;

	(void)text_cut(p->part, ':', &is, &of);
	return (kind == NULL || text_is(is, kind));
}

static bool
has_spent_one(struct exchange *x, size_t turn)
{
	for (unsigned i = 0; i < x->n_purses; i++)
		if (x->purse_of[i]->scope == turns[turn].scope && is_of_kind(x->purses[i], turns[turn].kind) &&
		    !has_instead(x, x->purse_of[i], x->purses[i]) && budget_is_out(&x->reservation, x->worker->budgets, x->purses[i]))
			return (true);
	return (false);
}

/* A model that costs nothing no budget stops. */
static bool
is_free(struct exchange *x)
{
	if (x->conduit == NULL && x->plan.group == NULL && route_plan(&x->plan, x->arena, x->config, x->model, 0, random_u64) != NULL)
		return (false);
	bound_call(x, false);
	return (x->free_model);
}

static bool
is_spent(struct exchange *x, enum bill due)
{
	reserve_charges(x);
	for (size_t i = 0; i < nitems(turns) && turns[i].when <= due; i++)
		if (has_spent_one(x, i))
			return (!is_free(x));
	return (false);
}

/* Not yet planned, it is looked at under the name that it would have been planned by. */
static bool
would_be_spent(struct exchange *x, enum bill due)
{
	struct plan plan = x->plan;
	struct text model = x->model;
	bool spent;

	if (x->model_said.len == 0)
		x->model = admit_model(x->caller, x->config, x->model);
	spent = is_spent(x, due);
	x->model = model;
	x->plan = plan;
	return (spent);
}

struct error *
refused_in_turn(struct exchange *x, enum bill due, struct error *refusal)
{
	if (due == BILL_NONE || !is_model_call(x) || !would_be_spent(x, due))
		return (refusal);
	alerted(x, purse_owner(x, x->reservation.which));
	x->limits.refused = NULL;		/* it is not the rate that stops it */
	return (refused_spent(x));
}
