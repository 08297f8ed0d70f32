/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session: the calls of a session are counted in the store, for all hosts, where its agent or its key may have so many only.
 *
 * What was refused before is not counted.  While the store is away calls go on uncounted: a known key works, and the session's money is held all the same.
 */
#include "exchange/exchange.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>

#define LEND_MS		2000

struct session_turn {
	struct errand	 errand;
	struct store_pool *pool;
	struct exchange	*x;			/* NULL: it is over */
	struct arena	*arena;
	struct text	 session;
	int64_t		 most, turns;		/* turns: this one included; 0: there is none left */
	enum store_end	 end;
	bool		 done;
};

static void
count(struct errand *e)
{
	struct session_turn *t = (struct session_turn *)e;
	struct store *store = store_lend(t->pool, LEND_MS);
	struct rows rows = { 0 };

	t->end = STORE_AWAY;
	if (store == NULL)
		return;
	t->end = STORE(store, t->arena, &rows, SQL_SESSION_TURN, V_TEXT(t->session), V_INT(clock_wall_ms()), V_INT(t->most));
	t->turns = rows.n > 0 ? rows_int(&rows, 0, 0, 0) : 0;
	store_return(t->pool, store);
}

static void
turn_free(struct session_turn *t)
{
	arena_free(t->arena);
	free(t);
}

static void
drop(struct errand *e)
{
	turn_free((struct session_turn *)e);
}

static void
counted(struct errand *e)
{
	struct session_turn *t = (struct session_turn *)e;

	t->done = true;
	if (t->x == NULL)
		turn_free(t);
	else
		exchange_walk(t->x);
}

void
session_forget(struct exchange *x)
{
	struct session_turn *t = x->turn;

	x->turn = NULL;
	if (t == NULL)
		return;
	t->x = NULL;
	if (t->done)
		turn_free(t);
}

static struct error *
too_often(struct exchange *x, int64_t most)
{
	struct error *e = error_new(x->arena, E_LIMITED,
	    "Max iterations exceeded for session " TEXT_FMT ". Current count: %lld, max_iterations: %lld. Begin another "
	    "session, or have an administrator raise max_iterations. Call id: %s", TEXT_ARG(x->caller->session), (long long)most, (long long)most, x->id);

	e->code = TEXT("429");
	e->useless_to_retry = true;
	return (e);
}

static enum step_result
refuse(struct exchange *x, int64_t most)
{
	x->error = too_often(x, most);
	return (STEP_ERROR);
}

enum step_result
session_turn(struct exchange *x)
{
	const struct session_rule *rule = caller_session_rule(x->caller);
	struct worker *w = x->worker;
	struct session_turn *t;

	if (rule == NULL || rule->turns == NO_LIMIT || x->caller->session.len == 0 || !is_model_call(x))
		return (STEP_GO);
	if (rule->turns == 0)
		return (refuse(x, 0));
	if (w->store_lane == NULL)
		return (STEP_GO);
	t = must_zalloc(sizeof(*t));
	t->errand = (struct errand){ .work = count, .done = counted, .drop = drop };
	t->pool = w->store_pool;
	t->x = x;
	t->arena = arena_new();
	t->session = caller_session(t->arena, x->caller);
	t->most = rule->turns;
	x->turn = t;
	if (lane_send(w->store_lane, &t->errand))
		return (STEP_WAIT);
	x->turn = NULL;
	turn_free(t);
	x->error = error_new(x->arena, E_BUSY, "The gateway has too many calls of its database under way; try again soon.");
	return (STEP_ERROR);
}

enum step_result
session_turned(struct exchange *x)
{
	const struct session_turn *t = x->turn;

	if (x->left) {
		x->end = END_LEFT;
		return (STEP_DONE);		/* settle gives back what was reserved */
	}
	if (!t->done)
		return (STEP_WAIT);
	if (t->end != STORE_FINE)
		note(NOTE_WARN, x->id, "a call of session " TEXT_FMT " is not counted: the store is away", TEXT_ARG(t->session));
	return (t->end == STORE_FINE && t->turns == 0 ? refuse(x, t->most) : STEP_GO);
}
