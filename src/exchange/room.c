/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Room at the deployment that is chosen: whether it is others' at this hour, its own rpm, tpm and calls at once, its own budget and its provider's.
 *
 * Who has none is passed over, and that counts as no failure.  All of it may wait: for the store, that knows the budgets, for the hosts that share a
 * window, and, where nobody else of the group is left, for money of the deployment that running calls hold.  Where nothing limits a deployment nothing
 * happens here.
 */
#include "exchange/exchange.h"

#include "access/admit.h"
#include "base/clock.h"

/* Some teams' only, at this time of the day.  Who looks whether it answers takes nobody's room. */
static bool
is_reserved(struct exchange *x)
{
	const struct deployment *d = x->deployment;
	const struct access_window *w = d->n_windows > 0 && x->probe == NULL ? deployment_window(d, x->caller->team_id, clock_wall_ms()) : NULL;

	if (w == NULL)
		return (false);
	x->room_error = refusal(x->arena, E_BAD_REQUEST, "bad_request_error", "model", "Deployment " TEXT_FMT " is reserved for another team until " TEXT_FMT " "
	    TEXT_FMT ". Call id: %s", TEXT_ARG(text_sub(model_charged(x), 0, 200)), TEXT_ARG(w->to), TEXT_ARG(w->zone_name), x->id);
	return (true);
}

static enum room_end
find_purses(struct exchange *x)
{
	const struct deployment *d = x->deployment;
	struct finding f;
	enum find_end end;

	if (!x->config->settings.deployment_money)
		return (ROOM_HERE);
	f = exchange_finding(x);
	x->room_purses[1] = NULL;
	end = find_deployment(&x->room_purses[0], &f, d);
	if (end == FOUND && d->vendor != NULL)
		end = find_provider(&x->room_purses[1], &f, text_of(d->vendor->prefix));
	if (end == FOUND_ERROR)
		x->error = f.error;
	return (end == FOUND ? ROOM_HERE : end == FOUND_WAIT ? ROOM_WAIT : ROOM_ERROR);
}

static void
rates_ready(struct limits *l)
{
	exchange_walk((struct exchange *)((char *)l - offsetof(struct exchange, room)));
}

static enum room_end
take_rates(struct exchange *x)
{
	const struct limits_rule rule = limits_rule(&x->config->settings);

	if (x->room.n == 0)
		limits_of_deployment(&x->room, x->arena, &rule, x->deployment, tokens_in(x), tokens_out(x));
	switch (limits_take(&x->room, x->worker->board, x->worker->chunks, &rule)) {
	case LIMITS_ASK:
		limits_ask(&x->room, x->worker->chunks, rates_ready);
		return (ROOM_WAIT);
	case LIMITS_REFUSED:
		limits_press(x->worker->board, &rule, x->deployment);
		board_count_deployment(x->worker->board, x->slot, DEP_FULL_RATES, 1);
		if (x->room_wait_ms == 0 || x->room.wait_ms < x->room_wait_ms)
			x->room_wait_ms = x->room.wait_ms;
		return (ROOM_NONE);
	case LIMITS_TAKEN:
		break;
	}
	return (ROOM_HERE);
}

static bool
is_ours(const struct exchange *x, const struct purse *p)
{
	const struct standing *whose = p != NULL ? purse_owner(x, p) : NULL;

	return (whose != NULL && (whose == x->room_purses[0] || whose == x->room_purses[1]));
}

/* Where it is the deployment's money that lacks, another may have some. */
static enum room_end
paid(struct exchange *x, enum step_result result)
{
	if (result == STEP_WAIT)
		return (ROOM_WAIT);
	if (result == STEP_GO) {
		memcpy(x->paid_purses, x->room_purses, sizeof(x->paid_purses));
		return (ROOM_HERE);
	}
	limits_undo(&x->room, x->worker->board);
	if (x->reservation.end == BUDGET_HELD && is_ours(x, x->reservation.which) && route_has_other(&x->plan)) {
		x->error = NULL;
		return (ROOM_LATER);
	}
	if ((x->reservation.end != BUDGET_SPENT && x->reservation.end != BUDGET_HELD) || !is_ours(x, x->reservation.which))
		return (ROOM_ERROR);
	x->room_error = x->error;
	x->error = NULL;
	board_count_deployment(x->worker->board, x->slot, DEP_FULL_MONEY, 1);
	return (ROOM_NONE);
}

/* What is reserved for one deployment goes back before another's is: the rest of it is the same money. */
static enum room_end
pay(struct exchange *x)
{
	if (!x->config->settings.deployment_money)
		return (ROOM_HERE);
	if (x->reservation.slot != 0 && memcmp(x->paid_purses, x->room_purses, sizeof(x->paid_purses)) == 0)
		return (ROOM_HERE);
	budget_release(&x->reservation);
	x->room_at = ROOM_PAYING;
	return (paid(x, reserve_money(x)));
}

enum room_end
room_more(struct exchange *x)
{
	enum room_end end = ROOM_HERE;

	if (x->room_at == ROOM_FIND && (end = find_purses(x)) == ROOM_HERE)
		x->room_at = ROOM_RATES;
	if (x->room_at == ROOM_RATES && (end = take_rates(x)) == ROOM_HERE)
		x->room_at = ROOM_MONEY;
	if (x->room_at == ROOM_MONEY)
		end = pay(x);
	else if (x->room_at == ROOM_PAYING)
		end = paid(x, reserve_paid(x));
	if (end != ROOM_WAIT)
		x->room_at = ROOM_IDLE;
	return (end);
}

enum room_end
room_take(struct exchange *x)
{
	if (is_reserved(x))
		return (ROOM_NONE);
	if (!is_model_call(x))
		return (ROOM_HERE);
	x->room_at = ROOM_FIND;
	return (room_more(x));
}

void
room_leave(struct exchange *x)
{
	struct board *b = x->worker->board;

	if (x->room.n > 0) {
		limits_give(&x->room, b);
		if (x->room_used)
			limits_correct(&x->room, b, 0, 0);
		else
			limits_undo(&x->room, b);
		x->room = (struct limits){ 0 };
	}
	x->room_used = false;
}

void
room_forget(struct exchange *x)
{
	if (x->room_at == ROOM_IDLE)
		return;
	lookup_forget(&x->lookup);
	if (x->room_at == ROOM_PAYING)
		budget_release(&x->reservation);
	limits_undo(&x->room, x->worker->board);
	x->room_at = ROOM_IDLE;
}

struct error *
room_refused(struct exchange *x)
{
	if (x->room_wait_ms > 0)
		return (refused_full(x, x->room_wait_ms));
	if (x->room_error != NULL)
		return (x->room_error);
	return (error_new(x->arena, E_RATE_LIMIT, "No deployments available for selected model"));
}
