/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking the store for leases: one trip for all who want the same, and what comes of its answer.
 */
#include "access/budget_priv.h"

#include "base/clock.h"
#include "ledger/host.h"

#include <stdlib.h>

#define QUIET_US	30000			/* after HELD nobody of the host asks for it */
#define SPENT_US	1000000			/* so long what the store said is believed */
#define ASK_US		12000000		/* then an asker is taken for dead */
#define LEND_MS		1000
#define PATIENCE_MS	3000			/* of one grant */
#define DEMAND_US	10000000		/* a slice is what is used in that time */
#define FIRST_SLICE	8			/* calls, while nothing is known of the demand */
#define TRIES		4			/* at a lease that is replaced under our hands */

/* A trip to the store. */
struct asking {
	struct errand	 errand;
	struct asking	*next, **link;
	struct budgets	*of;			/* NULL: they are gone */
	struct reservation *r;			/* NULL: it is */
	struct store_pool *pool;
	const char	*host_file;		/* NULL: the host's id does not change */
	uint64_t	 turn;
	struct grant	 grant;
	uint8_t		 charge[CHARGES_MOST];	/* of each want */
	char		 dir[];
};

static void
asking_free(struct errand *e)
{
	struct asking *a = (struct asking *)e;

	if (a->link != NULL) {
		*a->link = a->next;
		if (a->next != NULL)
			a->next->link = a->link;
	}
	free(a);
}

static void
asking_drop(struct errand *e)			/* in any thread, after askings_leave() */
{
	free(e);
}

/* A host that was forgotten, or found a copy of itself, has another id now. */
static bool
is_another_now(struct asking *a)
{
	char id[HOST_ID + 1];
	bool another = a->host_file != NULL && host_read_id(id, a->host_file) && strcmp(id, a->grant.host) != 0;

	if (another)
		memcpy(a->grant.host, id, sizeof(id));
	return (another);
}

static void
asking_work(struct errand *e)
{
	struct asking *a = (struct asking *)e;
	struct store *store = store_lend(a->pool, LEND_MS);
	unsigned patience;

	a->grant.end = GRANT_AWAY;
	if (store == NULL)
		return;
	patience = store_patience(store, PATIENCE_MS);
	leases_grant(store, &a->grant, clock_wall_ms());
	if (a->grant.end == GRANT_GONE && is_another_now(a))
		leases_grant(store, &a->grant, clock_wall_ms());
	store_patience(store, patience);
	store_return(a->pool, store);
}

static int64_t
wish_for(struct reservation *r, const struct purse *p, int64_t needed)
{
	int64_t demand = lease_demand(r->of->set.running, p->account, p->period, DEMAND_US);

	if (demand <= 0)
		return (r->bound > MONEY_MOST / FIRST_SLICE ? r->bound : FIRST_SLICE * r->bound);
	return (demand > MONEY_MOST - needed ? MONEY_MOST : needed + demand);
}

static void
end_asking(struct asking *a)
{
	struct running *running = a->of->set.running;

	for (unsigned i = 0; i < a->grant.n; i++)
		lease_asked(running, a->grant.want[i].account, a->grant.want[i].period);
	lease_turn_end(running, a->turn);
}

/* Those it asks for, if nobody else does: else none, so that two never wait for each other. */
static bool
claim_wants(struct asking *a, struct reservation *r)
{
	int64_t until = clock_us() + ASK_US;
	struct grant *g = &a->grant;

	for (unsigned i = 0; i < r->n; i++) {
		const struct purse *p = r->purses[i];

		if (!take_is_short(r, i))
			continue;
		if (!lease_ask(r->of->set.running, p->account, p->period, until))
			return (false);
		a->charge[g->n] = (uint8_t)i;
		g->want[g->n++] = (struct grant_want){ .account = p->account, .period = p->period,
			.lease = r->going ? lease_paying(r->of->set.running, slot_of(r), i) : 0 };
	}
	return (true);
}

static void
fill_wants(struct asking *a, struct reservation *r)
{
	for (unsigned i = 0; i < a->grant.n; i++) {
		struct grant_want *w = &a->grant.want[i];

		w->have = lease_taken(r->of->set.running, slot_of(r), a->charge[i]);
		w->wish = wish_for(r, r->purses[a->charge[i]], r->bound - w->have);
	}
}

static void	asking_done(struct errand *);

static struct asking *
asking_new(struct budgets *b, struct reservation *r, bool hurry)
{
	size_t len = strlen(b->host_file);
	struct asking *a = must_zalloc(sizeof(*a) + len + 1);

	a->errand = (struct errand){ .work = asking_work, .done = asking_done, .drop = asking_drop };
	a->of = b;
	a->r = r;
	a->pool = b->set.pool;
	memcpy(a->dir, b->host_file, len + 1);
	a->host_file = len > 0 ? a->dir : NULL;
	memcpy(a->grant.host, b->set.host, sizeof(a->grant.host));
	a->grant.bound = r->bound;
	a->grant.floor = r->floor;
	a->grant.hurry = hurry;
	a->next = b->askings;
	a->link = &b->askings;
	if (a->next != NULL)
		a->next->link = &a->next;
	b->askings = a;
	return (a);
}

static bool
asking_send(struct asking *a, struct reservation *r)
{
	struct budgets *b = r->of;

	if ((a->turn = lease_turn_begin(b->set.running)) == 0)
		return (false);
	fill_wants(a, r);
	if (!lane_send(b->set.lane, &a->errand))
		return (false);
	r->asking = a;
	r->trips++;
	return (true);
}

/* Once nobody else can ask, the board is looked at again: another may just have asked. */
enum budget_end
asking_begin(struct reservation *r, bool hurry)
{
	struct asking *a = asking_new(r->of, r, hurry);
	bool ours = claim_wants(a, r), all = ours && take_all(r);

	if (ours && !all && asking_send(a, r))
		return (BUDGET_WAIT);
	end_asking(a);
	asking_free(&a->errand);
	if (all)
		return (reservation_fill(r, take_so_far(r)));
	if (!r->going)
		running_unreserve(r->of->set.running, slot_of(r));
	return (BUDGET_WAIT);
}

/* what the store answered */

/* Part to whom it was asked for, the rest to all.  False: to all, because the lease is another than that of what the board had. */
static bool
hand_out(struct asking *a)
{
	const struct grant *g = &a->grant;
	struct running *running = a->of->set.running;
	bool same = true;

	for (unsigned i = 0; i < g->n; i++) {
		const struct grant_want *w = &g->want[i];
		const struct grant_got *got = &g->got[i];
		int64_t needed = g->reserved > w->have ? g->reserved - w->have : 0;

		if (got->lease != 0 && w->lease != 0)
			lease_granted_more(running, a->r != NULL ? slot_of(a->r) : RUNNING_NONE, a->charge[i], w->account, w->period, got->lease,
			    got->granted, least(needed, got->granted));
		else if (got->lease != 0)
			same &= lease_granted(running, a->r != NULL ? slot_of(a->r) : RUNNING_NONE, a->charge[i], w->account, w->period, got->lease,
			    got->granted, least(needed, got->granted));
		else if (a->r != NULL && got->ceiling < 0) {
			lease_free_of_charge(running, slot_of(a->r), a->charge[i]);
			a->r->unlimited |= 1u << a->charge[i];
		}
	}
	return (same);
}

static void
remember(struct asking *a)
{
	const struct grant *g = &a->grant;
	const struct grant_want *w = &g->want[g->which];
	const struct grant_got *got = &g->got[g->which];
	struct running *running = a->of->set.running;
	int64_t now_us = clock_us();
	struct lease_news news = { .left = got->ceiling - got->spent, .ceiling = got->ceiling };

	if (g->end == GRANT_SPENT)
		lease_spent(running, w->account, w->period, &news, now_us + SPENT_US);
	else if (g->end == GRANT_HELD)
		lease_quiet(running, w->account, w->period, now_us + (a->r != NULL && take_can_less(a->r) ? 0 : QUIET_US));
	for (unsigned i = 0; i < g->n && g->end == GRANT_AWAY; i++)
		lease_doubt(running, g->want[i].account, g->want[i].period, true);
}

static void
told_no(struct asking *a, struct reservation *r)
{
	const struct grant *g = &a->grant;
	const struct grant_got *got = &g->got[g->which];
	const struct purse *p = r->purses[a->charge[g->which]];

	if (!r->going)
		running_unreserve(r->of->set.running, slot_of(r));
	switch (g->end) {
	case GRANT_SPENT:
		reservation_end(r, refuse(r, BUDGET_SPENT, p, got->ceiling, got->spent, got->held));
		break;
	case GRANT_HELD:
		refuse(r, BUDGET_HELD, p, got->ceiling, got->spent, got->held);
		if ((r->hasty >> a->charge[g->which] & 1) != 0)
			reservation_end(r, BUDGET_HELD);
		else if (take_less(r))
			reservation_look(r, clock_us());
		else if (reservation_is_weary(r, clock_us()) && (g->hurry || r->floor >= r->bound))
			reservation_end(r, BUDGET_HELD);
		else
			reservation_wait(r);
		break;
	default:
		reservation_end(r, refuse(r, BUDGET_AWAY, p, 0, 0, 0));
	}
}

static void
told(struct asking *a, bool same)
{
	struct reservation *r = a->r;

	r->asking = NULL;
	if (a->grant.end != GRANT_FINE)
		told_no(a, r);
	else if (same)
		reservation_end(r, reservation_fill(r, r->going ? take_so_far(r) : a->grant.reserved));
	else {
		running_unreserve(r->of->set.running, slot_of(r));
		if (r->trips < TRIES)
			reservation_look(r, clock_us());
		else
			reservation_wait(r);
	}
}

static void
asking_done(struct errand *e)
{
	struct asking *a = (struct asking *)e;
	struct budgets *b = a->of;
	bool same = true;

	if (b == NULL) {
		free(a);
		return;
	}
	memcpy(b->set.host, a->grant.host, sizeof(b->set.host));
	if (a->grant.end == GRANT_FINE)
		same = hand_out(a);
	else
		remember(a);
	end_asking(a);
	if (a->r != NULL)
		told(a, same);
	asking_free(e);
	budgets_wake(b);
}

void
asking_forget(struct reservation *r)
{
	r->asking->r = NULL;
	r->asking = NULL;
}

void
askings_leave(struct budgets *b)
{
	for (struct asking *a = b->askings; a != NULL; a = a->next) {
		a->of = NULL;
		a->link = NULL;
	}
	b->askings = NULL;
}
