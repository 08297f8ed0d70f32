/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Prometheus page: what the board counts, and the budgets of who called lately, whose spending is read from the store by an errand and told for some
 * seconds.  With the store away the page is told without them, or with what was read last.
 */
#include "exchange/exchange.h"

#include "access/access.h"
#include "access/gauges.h"
#include "base/clock.h"

#include <stdlib.h>

#define FRESH_US	INT64_C(10000000)
#define LEND_MS		1000
#define STATEMENT_MS	3000

struct gauges_errand {
	struct errand	 errand;
	struct worker	*worker;
	struct exchange	*x;			/* NULL: it is over */
	struct gauges	*gauges;
	enum store_end	 end;
};

static void
work(struct errand *errand)
{
	struct gauges_errand *e = (struct gauges_errand *)errand;
	struct store *store = store_lend(e->worker->store_pool, LEND_MS);
	unsigned before;

	e->end = STORE_AWAY;
	if (store == NULL)
		return;
	before = store_patience(store, STATEMENT_MS);
	e->end = gauges_read(e->gauges, store);
	store_patience(store, before);
	store_return(e->worker->store_pool, store);
}

static void
drop(struct errand *errand)
{
	struct gauges_errand *e = (struct gauges_errand *)errand;

	gauges_free(e->gauges);
	free(e);
}

static void
done(struct errand *errand)
{
	struct gauges_errand *e = (struct gauges_errand *)errand;
	struct worker *w = e->worker;
	struct exchange *x = e->x;

	w->gauges_read_us = loop_now_us(w->loop);	/* also in vain: not again with every scrape */
	if (e->end == STORE_FINE) {
		gauges_free(w->gauges);
		w->gauges = e->gauges;
		e->gauges = NULL;
	}
	drop(errand);
	if (x == NULL)
		return;
	x->gauges = NULL;
	x->gauges_read = true;
	exchange_walk(x);
}

void
metrics_forget(struct exchange *x)
{
	if (x->gauges != NULL)
		x->gauges->x = NULL;
	x->gauges = NULL;
}

/* Is there something to wait for? */
static bool
ask_store(struct exchange *x)
{
	struct worker *w = x->worker;
	struct gauges *g;

	if (x->gauges_read || (w->gauges_read_us > 0 && loop_now_us(w->loop) < w->gauges_read_us + FRESH_US))
		return (false);
	g = gauges_gather(w->board, x->config);
	x->gauges = must_zalloc(sizeof(*x->gauges));
	*x->gauges = (struct gauges_errand){ .errand = { .work = work, .done = done, .drop = drop }, .worker = w, .x = x, .gauges = g };
	if (!gauges_are_none(g) && lane_send(w->admin_lane, &x->gauges->errand))
		return (true);
	drop(&x->gauges->errand);
	x->gauges = NULL;
	return (false);
}

enum step_result
local_metrics(struct exchange *x)
{
	char door = x->config->settings.metrics_door;
	struct worker *w = x->worker;
	struct buf body = { 0 };

	if (x->gauges != NULL)
		return (STEP_WAIT);
	if (door != 'o' && !(door == 0 && access_is_local(x->request)) && (x->error = access_check(x->arena, &x->config->settings, x->request)) != NULL)
		return (STEP_ERROR);
	if (ask_store(x))
		return (STEP_WAIT);
	metrics_print(&body, w->board, x->config);
	if (w->gauges != NULL)
		gauges_print(&body, w->gauges, &x->config->settings, clock_wall_ms());
	answer_whole(x, 200, "text/plain; version=0.0.4; charset=utf-8", buf_as_text(&body));
	buf_free(&body);
	return (STEP_DONE);
}
