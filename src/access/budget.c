/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reservations: from the board, else by one trip to the store for all who want the same, else by waiting for others' calls to end.
 *
 * Who waits to begin has nothing reserved, so that none waits for another who waits.  A call that goes on keeps what it has while it waits for more.
 * Waiting ends when nothing came back for a while, or after a time at most.
 */
#include "access/budget_priv.h"

#include "base/clock.h"

#include <assert.h>
#include <stdlib.h>

#define POLL_US		10000			/* while somebody waits: other processes' calls end too */
#define IMPATIENT_PART	5			/* of budget_wait, where waiting is likely to be in vain */
#define QUEUE_SEEN	32			/* of those who wait, a newcomer looks at so many */

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

enum budget_end
reservation_fill(struct reservation *r, int64_t amount)
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

void
reservation_end(struct reservation *r, enum budget_end end)
{
	ring_leave(r);
	if (end != BUDGET_FINE && !r->going)
		let_go(r);
	r->end = end;
	r->ready(r);
}

/* an attempt */

/* BUDGET_WAIT: either the store is asked now (r->asking), or others must give back first. */
static enum budget_end
attempt(struct reservation *r, bool hurry)
{
	if (take_is_spent(r))
		return (BUDGET_SPENT);
	if (take_all(r))
		return (reservation_fill(r, take_so_far(r)));
	return (r->of->set.lane != NULL ? asking_begin(r, hurry || r->going || r->of->set.mode == BUDGET_LITELLM) : refuse(r, BUDGET_AWAY, NULL, 0, 0, 0));
}

/* waiting */

void
reservation_wait(struct reservation *r)
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
	int64_t wait_ms = r->of->set.wait_ms, most_ms = r->of->set.wait_most_ms, ms = take_usual(r).ms;

	if (r->going || ms > most_ms || wait_ms == 0)
		return (wait_ms * 1000 / IMPATIENT_PART);
	return (1000 * (2 * ms <= wait_ms ? wait_ms : least(2 * ms, most_ms)));
}

/* Nothing has come back for so long that nothing may; or it has been long enough. */
bool
reservation_is_weary(struct reservation *r, int64_t now_us)
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
void
reservation_look(struct reservation *r, int64_t now_us)
{
	bool last = reservation_is_weary(r, now_us);
	enum budget_end end;

	if (take_is_pressed(r))
		take_less(r);
	end = attempt(r, last && r->floor < r->bound);
	if (end != BUDGET_WAIT)
		reservation_end(r, end);
	else if (r->asking == NULL && last && is_long_over(r, now_us)) {
		if (r->which == NULL)
			refuse(r, BUDGET_HELD, tightest(r), tightest(r)->ceiling, tightest(r)->spent, 0);
		reservation_end(r, BUDGET_HELD);
	} else if (r->asking == NULL)
		reservation_wait(r);
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
		reservation_look(r, now_us);		/* may call ready(), which may end any of the others */
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

void
budgets_wake(struct budgets *b)
{
	if (somebody_waits(b))
		soon_do(b->set.loop, &b->look);
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
	reservation_is_weary(r, clock_us());	/* from now on */
	reservation_wait(r);
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
	if (take_is_pressed(r)) {
		take_enough(r, need->whole);
		take_less(r);
	}
	if (others_wait(r) && !take_is_spent(r))
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
	budgets_wake(r->of);
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
		asking_forget(r);
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
	budgets_wake(r->of);
}

void
budget_release(struct reservation *r)
{
	if (r->slot == 0)
		return;
	stop_waiting(r);
	let_go(r);
	budgets_wake(r->of);
}

struct budgets *
budgets_new(const struct budgets_setup *set)
{
	struct budgets *b = must_zalloc(sizeof(*b));

	b->set = *set;
	if (set->host_file != NULL && strlen(set->host_file) < sizeof(b->host_file))
		memcpy(b->host_file, set->host_file, strlen(set->host_file) + 1);
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
budgets_leave(struct budgets *b)
{
	if (b != NULL)
		askings_leave(b);
}

void
budgets_free(struct budgets *b)
{
	if (b == NULL)
		return;
	timer_stop(b->set.loop, &b->poll);
	soon_forget(b->set.loop, &b->look);
	askings_leave(b);
	free(b);
}
