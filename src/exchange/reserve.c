/* SPDX-License-Identifier: Apache-2.0 */
/* Between the plan and the asking: rates and money are taken for the dearest way the call may go, or it is refused. */
#include "exchange/exchange.h"

/* Whose call is counted, charged and has a row: what asks a model to answer, and what passes through to a vendor. */
bool
is_model_call(const struct exchange *x)
{
	if (x->conduit != NULL)
		return (true);
	return (x->surface != NULL && x->surface->answer == NULL && (x->surface->want == WANT_ANSWER || x->surface->want == WANT_COMPACT));
}

/* who is charged */

/* A team's key spends the team's money: of its owner it is only counted, unless it is what a member of an organization may spend.  A key that is throttled
 * goes on beyond its own. */
static bool
holds(const struct exchange *x, enum scope scope, const struct purse *p)
{
	if (scope == SCOPE_KEY)
		return (x->throttle == 0 || p->part.len > 0);
	return (scope != SCOPE_USER || x->caller->standing[SCOPE_TEAM] == NULL || text_starts(p->part, TEXT("organization:")));
}

/* A purse for one model counts for calls of that model only, one for an organization for calls of that. */
static bool
concerns(const struct exchange *x, const struct purse *p)
{
	struct text kind, of;

	if (p->part.len == 0 || !text_cut(p->part, ':', &kind, &of))
		return (true);
	return (text_is(kind, "model") ? text_eq(of, model_charged(x)) : text_is(kind, "organization") ? text_eq(of, x->caller->organization_id) : true);
}

static const struct purse *
only_counted(struct exchange *x, const struct purse *p)
{
	struct purse *open;

	if (p->ceiling == NO_LIMIT)
		return (p);
	open = arena_new_of(x->arena, struct purse);
	*open = *p;
	open->ceiling = NO_LIMIT;
	return (open);
}

static void
charge(struct exchange *x, const struct standing *s, unsigned most)
{
	for (unsigned i = 0; s != NULL && i < s->n_purses; i++) {
		const struct purse *p = &s->purses[i];

		if (p->account == 0 || !concerns(x, p) || x->n_purses >= most)
			continue;
		x->purse_of[x->n_purses] = s;
		x->purses[x->n_purses++] = holds(x, s->scope, p) ? p : only_counted(x, p);
	}
}

void
reserve_charges(struct exchange *x)
{
	const struct caller *c = x->caller;
	unsigned most = CHARGES_MOST - (unsigned)nitems(x->room_purses);	/* those have one each, and are never left out */

	x->n_purses = 0;
	for (unsigned i = 0; i < SCOPES; i++)
		if (i != SCOPE_TAG)
			charge(x, c->standing[i], most);
	for (unsigned i = 0; i < c->n_tags; i++)
		charge(x, c->tag_standings[i], most);
	for (size_t i = 0; i < nitems(x->room_purses); i++)
		charge(x, x->room_purses[i], CHARGES_MOST);
}

static bool
has_ceiling(const struct exchange *x)
{
	for (unsigned i = 0; i < x->n_purses; i++)
		if (x->purses[i]->ceiling != NO_LIMIT)
			return (true);
	return (false);
}

struct error *
reserve_refused(struct exchange *x)
{
	switch (x->reservation.end) {
	case BUDGET_SPENT:
		alerted(x, purse_owner(x, x->reservation.which));
		return (refused_spent(x));
	case BUDGET_HELD:
		return (refused_held(x));
	case BUDGET_AWAY:
		return (error_new(x->arena, E_BUSY, "The budgets of this key can not be looked up now; try again soon. Call id: %s", x->id));
	default:
		return (error_new(x->arena, E_BUSY, "The gateway runs as many calls as it can; try again soon."));
	}
}

enum step_result
reserve_paid(struct exchange *x)
{
	switch (x->reservation.end) {
	case BUDGET_FINE:
		bound_fit(x);
		return (STEP_GO);
	case BUDGET_WAIT:
		return (STEP_WAIT);
	default:
		break;
	}
	x->error = reserve_refused(x);
	if (x->room_at == ROOM_IDLE && (x->reservation.end == BUDGET_SPENT || x->reservation.end == BUDGET_HELD))
		x->error = refused_in_turn(x, BILL_PROXY, x->error);
	return (STEP_ERROR);
}

static void
ready(struct reservation *r)
{
	exchange_walk((struct exchange *)((char *)r - offsetof(struct exchange, reservation)));
}

/* Of a deployment's money that running calls hold nobody waits while another may be asked. */
static unsigned
not_waited_for(const struct exchange *x)
{
	unsigned hasty = 0;

	if (!x->config->settings.deployment_money || !route_has_other(&x->plan))
		return (0);
	for (unsigned i = 0; i < x->n_purses; i++)
		for (size_t k = 0; k < nitems(x->room_purses); k++)
			hasty |= (unsigned)(x->purse_of[i] == x->room_purses[k]) << i;
	return (hasty);
}

enum step_result
reserve_money(struct exchange *x)
{
	const struct caller *c = x->caller;
	struct budget_need need = { .id = x->id, .began_wall_ms = x->began_wall_ms, .purses = x->purses };

	reserve_charges(x);
	bound_call(x, has_ceiling(x));
	for (unsigned i = 0; x->free_model && i < x->n_purses; i++)	/* what costs nothing no budget stops */
		x->purses[i] = only_counted(x, x->purses[i]);
	if (x->unpriced != NULL && has_ceiling(x) && x->config->settings.budget_strict) {
		x->error = refused_in_turn(x, BILL_PROXY, refused_unpriced(x));
		return (STEP_ERROR);
	}
	x->glance.afford = 0;
	need.n = x->n_purses;
	need.hasty = x->conduit == NULL ? not_waited_for(x) : 0;
	need.bound = x->parts.on ? x->parts.first : x->bound;
	need.whole = x->parts.on ? x->bound : 0;
	need.floor = x->parts.on ? x->parts.floor : x->floor;
	need.who = (struct running_who){ .key_digest = c->digest, .user_id = c->user_id, .team_id = c->team_id, .organization_id = c->organization_id,
		.project_id = c->standing[SCOPE_PROJECT] != NULL ? c->standing[SCOPE_PROJECT]->id : TEXT(""), .model_group = model_charged(x),
		.call_type = text_of(call_type(x)), .customer = c->customer };
	x->reservation.ready = ready;
	x->reservation.end = budget_reserve(&x->reservation, x->worker->budgets, &need);
	return (reserve_paid(x));
}

/* Who is refused has used nothing. */
static enum step_result
all_or_nothing(struct exchange *x, enum step_result result)
{
	if (result == STEP_ERROR)
		limits_undo(&x->limits, x->worker->board);
	return (result);
}

/* Hosts that share a window have spoken, or their memcached is silent. */
static void
limits_ready(struct limits *l)
{
	exchange_walk((struct exchange *)((char *)l - offsetof(struct exchange, limits)));
}

static enum step_result
reserve_limits(struct exchange *x)
{
	const struct limits_rule rule = limits_rule(&x->config->settings);

	x->asks_limits = false;
	switch (limits_take(&x->limits, x->worker->board, x->worker->chunks, &rule)) {
	case LIMITS_ASK:
		x->asks_limits = true;
		limits_ask(&x->limits, x->worker->chunks, limits_ready);
		return (STEP_WAIT);
	case LIMITS_REFUSED:
		x->error = refused_in_turn(x, BILL_PROXY, refused_limit(x));
		return (STEP_ERROR);
	case LIMITS_TAKEN:
		break;
	}
	return (all_or_nothing(x, reserve_money(x)));
}

/* About four bytes are a token. */
int64_t
tokens_in(const struct exchange *x)
{
	return ((int64_t)(x->glance.body.len + 3) / 4);
}

int64_t
tokens_out(const struct exchange *x)
{
	return (x->front->wire == WIRE_EMBEDDINGS ? 0 : x->glance.max_tokens > 0 ? x->glance.max_tokens : -1);
}

struct error *
reserve_vain(struct exchange *x, struct error *refusal)
{
	const struct limits_rule rule = limits_rule(&x->config->settings);

	if (!is_model_call(x))
		return (refusal);
	limits_of(&x->limits, x->arena, &rule, x->caller, model_charged(x), tokens_in(x), tokens_out(x));
	if (limits_take(&x->limits, x->worker->board, x->worker->chunks, &rule) == LIMITS_REFUSED)
		return (refused_in_turn(x, BILL_PROXY, refused_limit(x)));
	limits_undo(&x->limits, x->worker->board);
	x->limits = (struct limits){ 0 };
	return (refused_in_turn(x, BILL_PROXY, refusal));
}

static enum step_result
begin_limits(struct exchange *x)
{
	const struct limits_rule rule = limits_rule(&x->config->settings);

	x->limits.group = x->conduit == NULL ? x->plan.group : NULL;
	limits_of(&x->limits, x->arena, &rule, x->caller, model_charged(x), tokens_in(x), tokens_out(x));
	return (reserve_limits(x));
}

static enum step_result
or_instead(struct exchange *x, enum step_result result)
{
	while (result == STEP_ERROR && instead(x)) {
		x->limits = (struct limits){ .throttle = x->throttle };
		result = begin_limits(x);
	}
	return (result);
}

enum step_result
reserve_more(struct exchange *x)
{
	if (x->left) {
		x->end = END_LEFT;
		return (STEP_DONE);		/* settle gives back what was taken */
	}
	return (or_instead(x, x->asks_limits ? reserve_limits(x) : all_or_nothing(x, reserve_paid(x))));
}

enum step_result
reserve(struct exchange *x)
{
	if (!is_model_call(x))
		return (STEP_GO);
	scribe_begin(x);
	if (!spool_has_room(x->worker->spool, running_all(x->worker->running) + 1)) {
		x->error = error_new(x->arena, E_BUSY, "The gateway has no room to book this call; try again soon.");
		return (STEP_ERROR);
	}
	return (or_instead(x, begin_limits(x)));
}
