/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Prometheus page: what the board counts, and the budgets of who called lately, whose spending is read from the store by an errand and told for some
 * seconds.  With the store away the page is told without them, or with what was read last.
 *
 * With thousands of callers it is megabytes: a slice a turn of the loop, the next one when its reader took enough of those before.
 */
#include "exchange/exchange.h"

#include "access/access.h"
#include "access/gauges.h"
#include "base/clock.h"
#include "board/metrics.h"

#include <stdlib.h>

#define FRESH_US	INT64_C(10000000)
#define LEND_MS		1000
#define STATEMENT_MS	3000

struct gauges_errand {
	struct errand	 errand;
	struct worker	*worker;
	struct page	*page;			/* NULL: it is over */
	struct gauges	*gauges;
	enum store_end	 end;
};

struct page {
	struct soon	 turn;			/* goes on with the next turn */
	struct exchange	*x;
	struct gauges	*gathering;
	struct gauges_errand *errand;		/* its gauges are being read */
	struct metrics	*metrics;		/* NULL: not begun */
	struct gauges	*gauges;		/* NULL: none */
	struct gauges_at at;
	bool		 counted;		/* the metrics are printed, the gauges follow */
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

	gauges_release(e->gauges);
	free(e);
}

static void
done(struct errand *errand)
{
	struct gauges_errand *e = (struct gauges_errand *)errand;
	struct worker *w = e->worker;
	struct page *p = e->page;

	w->gauges_read_us = loop_now_us(w->loop);	/* also in vain: not again with every scrape */
	if (e->end == STORE_FINE) {
		gauges_release(w->gauges);
		w->gauges = gauges_hold(e->gauges);
	}
	drop(errand);
	if (p == NULL)
		return;
	p->errand = NULL;
	exchange_walk(p->x);
}

static void
next_turn(struct soon *soon)
{
	exchange_walk(((struct page *)soon)->x);
}

static struct page *
page_new(struct exchange *x)
{
	struct worker *w = x->worker;
	struct page *p = must_zalloc(sizeof(*p));

	p->turn.run = next_turn;
	p->x = x;
	if (w->gauges_read_us == 0 || loop_now_us(w->loop) >= w->gauges_read_us + FRESH_US)
		p->gathering = gauges_new();
	return (p);
}

void
metrics_forget(struct exchange *x)
{
	struct page *p = x->page;

	if (p == NULL)
		return;
	x->page = NULL;
	soon_forget(x->worker->loop, &p->turn);
	if (p->errand != NULL)
		p->errand->page = NULL;
	gauges_release(p->gathering);
	gauges_release(p->gauges);
	metrics_end(p->metrics);
	free(p);
}

/* Spending is read beside the loop; where that can not be, what is known is told. */
static enum step_result
ask_store(struct page *p)
{
	struct worker *w = p->x->worker;
	struct gauges_errand *e = must_zalloc(sizeof(*e));

	*e = (struct gauges_errand){ .errand = { .work = work, .done = done, .drop = drop }, .worker = w, .page = p, .gauges = p->gathering };
	p->gathering = NULL;
	if (!gauges_are_none(e->gauges) && lane_send(w->admin_lane, &e->errand)) {
		p->errand = e;
		return (STEP_WAIT);
	}
	drop(&e->errand);
	return (STEP_GO);
}

static enum step_result
gather(struct page *p)
{
	if (p->errand != NULL)
		return (STEP_WAIT);
	if (p->gathering == NULL)
		return (STEP_GO);
	if (!gauges_gather(p->gathering, p->x->worker->board, p->x->config))
		return (ask_store(p));
	soon_do(p->x->worker->loop, &p->turn);
	return (STEP_WAIT);
}

static void
begin(struct page *p)
{
	struct exchange *x = p->x;

	answer_open(x, "text/plain; version=0.0.4; charset=utf-8", "");
	p->metrics = metrics_begin(x->worker->board, x->config);
	if (x->worker->gauges != NULL)
		p->gauges = gauges_hold(x->worker->gauges);
}

/* False: that was all. */
static bool
print_slice(struct page *p)
{
	struct buf *out = reply_buf(p->x->stream, METRICS_SLICE);

	if (!p->counted) {
		p->counted = !metrics_more(out, p->metrics);
		if (p->counted)
			spool_print(out, p->x->worker->spool);
		return (!p->counted || p->gauges != NULL);
	}
	return (gauges_more(out, &p->at, p->gauges, &p->x->config->settings, clock_wall_ms()));
}

static enum step_result
print(struct page *p)
{
	struct exchange *x = p->x;

	if (x->over)
		return (STEP_DONE);
	if (p->metrics == NULL)
		begin(p);
	if (x->head_only || (reply_queued(x->stream) <= REPLY_HIGH && !print_slice(p))) {
		answer_finish(x);
		metrics_forget(x);
		return (STEP_DONE);
	}
	reply_flush(x->stream);
	if (reply_queued(x->stream) <= REPLY_HIGH)	/* else the web room says when it is writable */
		soon_do(x->worker->loop, &p->turn);
	return (STEP_WAIT);
}

/* Who may have it without a key. */
bool
metrics_are_open(const struct exchange *x)
{
	char door = x->config->settings.metrics_door;

	return (door == 'o' || (door == 0 && access_is_local(x->request)));
}

enum step_result
local_metrics(struct exchange *x)
{
	if (x->page == NULL)
		x->page = page_new(x);
	if (gather(x->page) == STEP_WAIT)
		return (STEP_WAIT);
	return (print(x->page));
}
