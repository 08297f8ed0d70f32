/* SPDX-License-Identifier: Apache-2.0 */
/* A refusal for want of money becomes an alert: by an errand, once a budget and period as far as this worker remembers; the store knows for all. */
#include "exchange/exchange.h"

#include "alert/alert.h"
#include "base/clock.h"

#include <stdlib.h>

struct telling {
	struct errand	 errand;
	struct worker	*worker;
	struct arena	*arena;			/* of what `of` points to */
	struct crossing	 of;
	bool		 told;
};

static uint64_t
mark_of(const struct crossing *c)
{
	return (((uint64_t)c->account << 16 ^ (uint64_t)c->period) * UINT64_C(0x9e3779b97f4a7c15) | 1);
}

static uint64_t *
place_of(struct worker *w, const struct crossing *c)
{
	return (&w->alerted[(mark_of(c) >> 32) % nitems(w->alerted)]);
}

static void
tell(struct errand *e)
{
	struct telling *t = (struct telling *)e;
	struct store *store = store_lend(t->worker->store_pool, 1000);

	if (store == NULL)
		return;
	t->told = alert_refused(store, t->arena, &t->of, clock_wall_ms()) == STORE_FINE;
	store_return(t->worker->store_pool, store);
}

static void
drop(struct errand *e)
{
	arena_free(((struct telling *)e)->arena);
}

static void
told(struct errand *e)
{
	struct telling *t = (struct telling *)e;
	uint64_t *place = place_of(t->worker, &t->of);

	if (!t->told && *place == mark_of(&t->of))
		*place = 0;			/* the next refusal tells it */
	drop(e);
}

void
alerted(struct exchange *x, const struct standing *s)
{
	const struct reservation *r = &x->reservation;
	const struct purse *p = r->which;
	struct crossing c = { .spent = r->spent, .ceiling = r->limit, .soft = -1 };
	struct worker *w = x->worker;
	struct telling *t;
	struct arena *arena;

	if (p == NULL || s == NULL || w->store_pool == NULL)
		return;
	c.account = p->account;
	c.period = p->period;
	if (*place_of(w, &c) == mark_of(&c))
		return;
	arena = arena_new();
	t = arena_new_of(arena, struct telling);
	c.scope = text_of(scope_names[s->scope]);
	c.entity = arena_copy(arena, s->id);
	c.part = arena_copy(arena, p->part);
	*t = (struct telling){ .errand = { .work = tell, .done = told, .drop = drop }, .worker = w, .arena = arena, .of = c };
	if (lane_send(w->store_lane, &t->errand))
		*place_of(w, &c) = mark_of(&c);
	else
		arena_free(arena);
}
