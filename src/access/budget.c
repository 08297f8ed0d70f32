/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reservations: from the board, else by one trip to the store for all who want the same, else by waiting for others' calls to end.
 *
 * Who waits to begin has nothing reserved, so that none waits for another who waits.  A call that goes on keeps what it has while it waits for more.  Waiting ends
 * when nothing came back for a while, or after a time at most.
 */
#include "access/budget.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "ledger/host.h"

#include <assert.h>
#include <stdlib.h>

#define POLL_US		10000			/* while somebody waits: other processes' calls end too */
#define QUIET_US	30000			/* after HELD nobody of the host asks for it */
#define PRESSED_US	2000000			/* after HELD calls of the account begin with what such calls usually take */
#define USUAL_TIMES	8			/* so often what the dearest has cost lately; while nothing is known… */
#define STREAM_TIMES	3			/* of one that reserves as it goes on: it is reckoned by bytes, at most twice of what it will have cost */
#define UNKNOWN_PART	4			/* …such a part of what it may cost */
#define IMPATIENT_PART	5			/* of budget_wait, where waiting is likely to be in vain */
#define SPENT_US	1000000			/* so long what the store said is believed */
#define ASK_US		12000000		/* then an asker is taken for dead */
#define LEND_MS		1000
#define PATIENCE_MS	3000			/* of one grant */
#define DEMAND_US	10000000		/* a slice is what is used in that time */
#define FIRST_SLICE	8			/* calls, while nothing is known of the demand */
#define TRIES		4			/* at a lease that is replaced under our hands */
#define QUEUE_SEEN	32			/* of those who wait, a newcomer looks at so many */

struct budgets {
	struct budgets_setup set;
	char		 state_dir[4096];
	struct reservation waiting;		/* a ring, first come first */
	struct asking	*askings;
	struct timer	 poll;
	struct soon	 look;			/* something came back */
};

/* A trip to the store. */
struct asking {
	struct errand	 errand;
	struct asking	*next, **link;
	struct budgets	*of;			/* NULL: they are gone */
	struct reservation *r;			/* NULL: it is */
	struct store_pool *pool;
	const char	*state_dir;		/* NULL: the host's id does not change */
	uint64_t	 turn;
	struct grant	 grant;
	uint8_t		 charge[CHARGES_MOST];	/* of each want */
	char		 dir[];
};

static bool
has_ceiling(const struct purse *p)
{
	return (p->ceiling != NO_LIMIT);
}

static unsigned
slot_of(const struct reservation *r)
{
	return (r->slot - 1);
}

static int64_t
least(int64_t a, int64_t b)
{
	return (a < b ? a : b);
}

/* the ring of those who wait */

static void
ring_add(struct reservation *before, struct reservation *r)
{
	r->next = before;
	r->before = before->before;
	r->before->next = before->before = r;
}

static void
ring_leave(struct reservation *r)
{
	if (r->next == NULL)
		return;
	r->next->before = r->before;
	r->before->next = r->next;
	r->next = r->before = NULL;
}

static bool
somebody_waits(const struct budgets *b)
{
	return (b->waiting.next != &b->waiting);
}

/* how it ends */

static enum budget_end
refuse(struct reservation *r, enum budget_end end, const struct purse *which, int64_t limit, int64_t spent, int64_t held)
{
	r->which = which;
	r->limit = limit;
	r->spent = spent;
	r->held = held;
	return (end);
}

static enum budget_end
reserved(struct reservation *r, int64_t amount)
{
	r->reserved = amount;
	if (r->going)
		running_more(r->of->set.running, slot_of(r), amount);
	else
		running_reserved(r->of->set.running, slot_of(r), amount);
	return (BUDGET_FINE);
}

/* Refused, and so without a slot. */
static void
let_go(struct reservation *r)
{
	running_cancel(r->of->set.running, slot_of(r));
	r->slot = 0;
}

static void
finish(struct reservation *r, enum budget_end end)
{
	ring_leave(r);
	if (end != BUDGET_FINE && !r->going)
		let_go(r);
	r->end = end;
	r->ready(r);
}

/* how much is tried for */

/* What the dearest and the longest of calls that a ceiling of ours holds have taken lately. */
static struct lease_usual
usual_of(const struct reservation *r)
{
	struct lease_usual all = { 0, 0 };

	for (unsigned i = 0; i < r->n; i++) {
		struct lease_usual one = { 0, 0 };

		if (has_ceiling(r->purses[i]))
			one = lease_usual(r->of->set.running, r->purses[i]->account, r->purses[i]->period);
		if (one.cost > all.cost)
			all.cost = one.cost;
		if (one.ms > all.ms)
			all.ms = one.ms;
	}
	return (all);
}

/*
 * Where not all can have all that they may need, each begins with what is plenty for what such calls have cost: what is reserved is what its limit of tokens
 * buys, so nothing is risked but that an answer is cut which is many times as long as all before it.
 */
static int64_t
modest(const struct reservation *r)
{
	int64_t dearest = usual_of(r).cost, plenty = dearest > 0 ? dearest * USUAL_TIMES : r->wish / UNKNOWN_PART;

	return (plenty < r->floor ? r->floor : least(plenty, r->wish));
}

static bool
is_pressed(const struct reservation *r)
{
	for (unsigned i = 0; i < r->n; i++)
		if (has_ceiling(r->purses[i]) && lease_is_pressed(r->of->set.running, r->purses[i]->account, r->purses[i]->period, PRESSED_US))
			return (true);
	return (false);
}

/* One that may go on begins with enough for what such calls have cost: those that hold a part and wait for the rest would wait for each other. */
static void
wish_enough(struct reservation *r, int64_t whole)
{
	int64_t enough = least(usual_of(r).cost * STREAM_TIMES, whole);

	if (enough > r->wish)
		r->wish = r->bound = enough;
}

static bool
can_less(const struct reservation *r)
{
	return (!r->going && r->bound > modest(r));
}

/* One that does not fit as a whole tries less, if it can do with less.  False: it can not, or does already. */
static bool
tries_less(struct reservation *r)
{
	if (!can_less(r))
		return (false);
	r->bound = modest(r);
	return (true);
}

/* an attempt: what is known, what the board has */

/* What was loaded when a call began, and what the store said last, can only have become more; but meanwhile the ceiling may have been raised. */
static bool
is_spent(struct reservation *r)
{
	struct lease_news news;

	for (unsigned i = 0; i < r->n && r->bound > 0; i++) {
		const struct purse *p = r->purses[i];

		if (!has_ceiling(p))
			continue;
		if (!r->going && (p->spent > p->ceiling || p->ceiling - p->spent < r->floor)) {
			refuse(r, BUDGET_SPENT, p, p->ceiling, p->spent, 0);
			return (true);
		}
		if (lease_is_spent(r->of->set.running, p->account, p->period, p->ceiling, r->floor, &news)) {
			refuse(r, BUDGET_SPENT, p, p->ceiling, p->ceiling - news.left, 0);
			return (true);
		}
	}
	return (false);
}

static bool
needs_money(const struct reservation *r, unsigned i)
{
	return (has_ceiling(r->purses[i]) && (r->unlimited >> i & 1) == 0);
}

static bool
is_short(const struct reservation *r, unsigned i)
{
	return (needs_money(r, i) && lease_taken(r->of->set.running, slot_of(r), i) < r->bound);
}

/* So much is taken of each. */
static int64_t
taken_of_all(const struct reservation *r)
{
	int64_t taken = r->bound;

	for (unsigned i = 0; i < r->n; i++)
		if (needs_money(r, i))
			taken = least(taken, lease_taken(r->of->set.running, slot_of(r), i));
	return (taken);
}

/* All that it wishes; one that goes on, all that it needs. */
static bool
take_all(struct reservation *r)
{
	struct running *running = r->of->set.running;
	bool all = true;

	for (unsigned i = 0; i < r->n; i++) {
		if (!is_short(r, i))
			continue;
		lease_take(running, slot_of(r), i, r->bound - lease_taken(running, slot_of(r), i));
		all &= !is_short(r, i);
	}
	return (all || (r->going && taken_of_all(r) >= r->floor));
}

/* asking the store */

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
asking_drop(struct errand *e)			/* in any thread, and the list is gone or going */
{
	free(e);
}

/* A host that was forgotten, or found a copy of itself, has another id now. */
static bool
is_another_now(struct asking *a)
{
	char id[HOST_ID + 1];
	struct buf why = { 0 };
	bool another = a->state_dir != NULL && host_id(id, a->state_dir, &why) && strcmp(id, a->grant.host) != 0;

	if (another)
		memcpy(a->grant.host, id, sizeof(id));
	buf_free(&why);
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

		if (!is_short(r, i))
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
	size_t len = strlen(b->state_dir);
	struct asking *a = must_zalloc(sizeof(*a) + len + 1);

	a->errand = (struct errand){ .work = asking_work, .done = asking_done, .drop = asking_drop };
	a->of = b;
	a->r = r;
	a->pool = b->set.pool;
	memcpy(a->dir, b->state_dir, len + 1);
	a->state_dir = len > 0 ? a->dir : NULL;
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
send(struct asking *a, struct reservation *r)
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
static enum budget_end
ask(struct reservation *r, bool hurry)
{
	struct asking *a = asking_new(r->of, r, hurry);
	bool ours = claim_wants(a, r), all = ours && take_all(r);

	if (ours && !all && send(a, r))
		return (BUDGET_WAIT);
	end_asking(a);
	asking_free(&a->errand);
	if (all)
		return (reserved(r, taken_of_all(r)));
	if (!r->going)
		running_unreserve(r->of->set.running, slot_of(r));
	return (BUDGET_WAIT);
}

/* BUDGET_WAIT: either the store is asked now (r->asking), or others must give back first. */
static enum budget_end
attempt(struct reservation *r, bool hurry)
{
	if (is_spent(r))
		return (BUDGET_SPENT);
	if (take_all(r))
		return (reserved(r, taken_of_all(r)));
	return (r->of->set.lane != NULL ? ask(r, hurry || r->going || r->of->set.mode == BUDGET_LITELLM) : refuse(r, BUDGET_AWAY, NULL, 0, 0, 0));
}

/* waiting */

static void
wait_for_others(struct reservation *r)
{
	struct budgets *b = r->of;

	if (r->next == NULL)
		ring_add(&b->waiting, r);
	if (b->poll.place == 0)
		timer_set(b->set.loop, &b->poll, clock_us() + POLL_US);
}

static uint64_t
returns_of(const struct reservation *r)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < r->n; i++)
		if (has_ceiling(r->purses[i]))
			sum += lease_returns(r->of->set.running, r->purses[i]->account, r->purses[i]->period);
	return (sum);
}

/* How long it makes sense to wait for one of the others to end: calls of minutes will not, and those that go on may wait for each other. */
static int64_t
patience_us(const struct reservation *r)
{
	int64_t wait_ms = r->of->set.wait_ms, most_ms = r->of->set.wait_most_ms, ms = usual_of(r).ms;

	if (r->going || ms > most_ms || wait_ms == 0)
		return (wait_ms * 1000 / IMPATIENT_PART);
	return (1000 * (2 * ms <= wait_ms ? wait_ms : least(2 * ms, most_ms)));
}

/* Nothing has come back for so long that nothing may; or it has been long enough. */
static bool
is_patience_over(struct reservation *r, int64_t now_us)
{
	uint64_t returns = returns_of(r);

	if (r->began_us == 0)
		r->began_us = r->moved_us = now_us;
	if (returns != r->returns) {
		r->returns = returns;
		r->moved_us = now_us;
	}
	return (now_us - r->moved_us >= patience_us(r) || now_us - r->began_us >= r->of->set.wait_most_ms * 1000);
}

/* Others ask all the time, and nothing comes of it. */
static bool
is_long_over(const struct reservation *r, int64_t now_us)
{
	return (now_us - r->moved_us >= 2 * patience_us(r) || now_us - r->began_us >= 2 * r->of->set.wait_most_ms * 1000);
}

static const struct purse *
tightest(const struct reservation *r)
{
	const struct purse *which = NULL;

	for (unsigned i = 0; i < r->n; i++)
		if (has_ceiling(r->purses[i]) && (which == NULL || r->purses[i]->ceiling - r->purses[i]->spent < which->ceiling - which->spent))
			which = r->purses[i];
	return (which);
}

/* One that waits looks again.  The last looks take what they get. */
static void
look_again(struct reservation *r, int64_t now_us)
{
	bool last = is_patience_over(r, now_us);
	enum budget_end end;

	if (is_pressed(r))
		tries_less(r);
	end = attempt(r, last && r->floor < r->bound);
	if (end != BUDGET_WAIT)
		finish(r, end);
	else if (r->asking == NULL && last && is_long_over(r, now_us)) {
		if (r->which == NULL)
			refuse(r, BUDGET_HELD, tightest(r), tightest(r)->ceiling, tightest(r)->spent, 0);
		finish(r, BUDGET_HELD);
	} else if (r->asking == NULL)
		wait_for_others(r);
}

static void
look_all(struct budgets *b)
{
	int64_t now_us = clock_us();
	struct reservation all = { .next = &all, .before = &all }, *r;

	if (!somebody_waits(b))
		return;
	all = b->waiting;
	all.next->before = all.before->next = &all;
	b->waiting.next = b->waiting.before = &b->waiting;
	while ((r = all.next) != &all) {
		ring_leave(r);
		look_again(r, now_us);		/* may call ready(), which may end any of the others */
	}
}

static void
poll_due(struct timer *t)
{
	struct budgets *b = (struct budgets *)((char *)t - offsetof(struct budgets, poll));

	look_all(b);
	if (somebody_waits(b))
		timer_set(b->set.loop, &b->poll, clock_us() + POLL_US);
}

static void
look_run(struct soon *s)
{
	look_all((struct budgets *)((char *)s - offsetof(struct budgets, look)));
}

static void
something_came_back(struct budgets *b)
{
	if (somebody_waits(b))
		soon_do(b->set.loop, &b->look);
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
		lease_quiet(running, w->account, w->period, now_us + (a->r != NULL && can_less(a->r) ? 0 : QUIET_US));
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
		finish(r, refuse(r, BUDGET_SPENT, p, got->ceiling, got->spent, got->held));
		break;
	case GRANT_HELD:
		refuse(r, BUDGET_HELD, p, got->ceiling, got->spent, got->held);
		if ((r->hasty >> a->charge[g->which] & 1) != 0)
			finish(r, BUDGET_HELD);
		else if (tries_less(r))
			look_again(r, clock_us());
		else if (is_patience_over(r, clock_us()) && (g->hurry || r->floor >= r->bound))
			finish(r, BUDGET_HELD);
		else
			wait_for_others(r);
		break;
	default:
		finish(r, refuse(r, BUDGET_AWAY, p, 0, 0, 0));
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
		finish(r, reserved(r, r->going ? taken_of_all(r) : a->grant.reserved));
	else {
		running_unreserve(r->of->set.running, slot_of(r));
		if (r->trips < TRIES)
			look_again(r, clock_us());
		else
			wait_for_others(r);
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
	something_came_back(b);
}

/* the door */

static bool
is_charged(const struct reservation *r, const struct purse *p)
{
	for (unsigned i = 0; i < r->n; i++)
		if (r->purses[i]->account == p->account && r->purses[i]->period == p->period)
			return (true);
	return (false);
}

/* Those with a ceiling first: where there are more than a call can have, the others are only not counted. */
static void
charge_purses(struct reservation *r, const struct budget_need *need, bool ceiling)
{
	for (unsigned i = 0; i < need->n; i++) {
		const struct purse *p = need->purses[i];

		if (p->account == 0 || has_ceiling(p) != ceiling || is_charged(r, p))
			continue;
		if (running_charge(r->of->set.running, slot_of(r), p->account, p->period) == CHARGES_MOST)
			return;
		r->hasty |= (need->hasty >> i & 1) << r->n;
		r->purses[r->n++] = p;
	}
}

/* Who comes lets those look first who wait for the same money. */
static bool
others_wait(const struct reservation *r)
{
	const struct reservation *other = r->of->waiting.next;

	for (unsigned seen = 0; other != &r->of->waiting && seen < QUEUE_SEEN; seen++, other = other->next)
		for (unsigned i = 0; i < other->n; i++)
			if (has_ceiling(other->purses[i]) && is_charged(r, other->purses[i]))
				return (true);
	return (false);
}

static void
begin_looking(struct reservation *r)
{
	r->trips = 0;
	r->began_us = 0;
	r->which = NULL;
}

static void
wait_unless_asked(struct reservation *r)
{
	if (r->end != BUDGET_WAIT || r->asking != NULL)
		return;
	is_patience_over(r, clock_us());	/* from now on */
	wait_for_others(r);
}

enum budget_end
budget_reserve(struct reservation *r, struct budgets *b, const struct budget_need *need)
{
	unsigned slot = running_begin(b->set.running, need->id, need->began_wall_ms, &need->who);

	assert(r->slot == 0 && r->asking == NULL);
	if (slot == RUNNING_NONE)
		return (r->end = BUDGET_FULL);
	r->of = b;
	r->slot = slot + 1;
	r->n = 0;
	r->wish = r->bound = need->bound > 0 ? need->bound : 0;
	r->floor = b->set.mode == BUDGET_LITELLM ? 1 : need->floor > 0 ? need->floor : 0;
	r->floor = least(r->floor, r->bound);
	r->going = false;
	r->unlimited = r->hasty = 0;
	begin_looking(r);
	charge_purses(r, need, true);
	charge_purses(r, need, false);
	if (is_pressed(r)) {
		wish_enough(r, need->whole);
		tries_less(r);
	}
	if (others_wait(r) && !is_spent(r))
		r->end = BUDGET_WAIT;
	else
		r->end = attempt(r, false);
	if (r->end != BUDGET_WAIT && r->end != BUDGET_FINE)
		let_go(r);
	wait_unless_asked(r);
	return (r->end);
}

enum budget_end
budget_more(struct reservation *r, int64_t floor, int64_t bound)
{
	if (r->slot == 0 || r->end == BUDGET_WAIT)
		return (r->end);
	r->going = true;
	r->floor = floor;
	r->bound = bound;
	begin_looking(r);
	r->end = attempt(r, true);
	wait_unless_asked(r);
	return (r->end);
}

/* The bound is lowered before anything goes back: no sweeper books what is with others. */
void
budget_less(struct reservation *r, int64_t bound)
{
	struct running *running = r->of->set.running;

	if (r->slot == 0 || r->end == BUDGET_WAIT || r->reserved <= bound)
		return;
	r->reserved = r->bound = bound;
	running_more(running, slot_of(r), bound);
	for (unsigned i = 0; i < r->n; i++) {
		int64_t more = needs_money(r, i) ? lease_taken(running, slot_of(r), i) - bound : 0;

		if (more > 0)
			lease_put_back(running, slot_of(r), i, more);
	}
	something_came_back(r->of);
}

void
budget_sent(struct reservation *r, const struct running_where *where)
{
	if (r->slot != 0)
		running_sent(r->of->set.running, slot_of(r), where);
}

void
budget_seen(struct reservation *r, int64_t prompt, int64_t completion, int64_t cost_so_far)
{
	if (r->slot != 0)
		running_seen(r->of->set.running, slot_of(r), prompt, completion, cost_so_far);
}

/* Nobody calls it any more. */
static void
stop_waiting(struct reservation *r)
{
	ring_leave(r);
	if (r->asking != NULL)
		r->asking->r = NULL;
	r->asking = NULL;
	if (r->end == BUDGET_WAIT)
		r->end = BUDGET_FINE;
}

void
budget_settled(struct reservation *r, int64_t prompt, int64_t completion, int64_t cost)
{
	stop_waiting(r);
	if (r->slot != 0)
		running_settled(r->of->set.running, slot_of(r), prompt, completion, cost);
}

unsigned
budget_charges(const struct reservation *r, struct charge charges[CHARGES_MOST])
{
	return (r->slot != 0 ? running_charges(r->of->set.running, slot_of(r), charges) : 0);
}

void
budget_booked(struct reservation *r)
{
	if (r->slot == 0)
		return;
	running_booked(r->of->set.running, slot_of(r));
	r->slot = 0;
	something_came_back(r->of);
}

void
budget_release(struct reservation *r)
{
	if (r->slot == 0)
		return;
	stop_waiting(r);
	let_go(r);
	something_came_back(r->of);
}

struct budgets *
budgets_new(const struct budgets_setup *set)
{
	struct budgets *b = must_zalloc(sizeof(*b));

	b->set = *set;
	if (set->state_dir != NULL && strlen(set->state_dir) < sizeof(b->state_dir))
		memcpy(b->state_dir, set->state_dir, strlen(set->state_dir) + 1);
	b->waiting.next = b->waiting.before = &b->waiting;
	b->poll.due = poll_due;
	b->look.run = look_run;
	return (b);
}

void
budgets_set(struct budgets *b, enum budget_mode mode, int64_t wait_ms, int64_t wait_most_ms)
{
	b->set.mode = mode;
	b->set.wait_ms = wait_ms;
	b->set.wait_most_ms = wait_most_ms;
}

void
budgets_free(struct budgets *b)
{
	if (b == NULL)
		return;
	timer_stop(b->set.loop, &b->poll);
	soon_forget(b->set.loop, &b->look);
	for (struct asking *a = b->askings; a != NULL; a = a->next) {
		a->of = NULL;
		a->link = NULL;
	}
	free(b);
}
