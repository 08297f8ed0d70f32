/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much a reservation tries for, and what it takes of the leases on the board.
 */
#include "access/budget_priv.h"

#define PRESSED_US	2000000			/* after HELD calls of the account begin with what such calls usually take */
#define USUAL_TIMES	8			/* so often what the dearest has cost lately; while nothing is known… */
#define STREAM_TIMES	3			/* of one that reserves as it goes on: it is reckoned by bytes, at most twice of what it will have cost */
#define UNKNOWN_PART	4			/* …such a part of what it may cost */

/* What the dearest and the longest of calls that a ceiling of ours holds have taken lately. */
struct lease_usual
take_usual(const struct reservation *r)
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
 * Where not all can have all that they may need, each begins with what is plenty for what such calls have cost: what is reserved is what its limit of
 * tokens buys, so nothing is risked but that an answer is cut which is many times as long as all before it.
 */
static int64_t
modest(const struct reservation *r)
{
	int64_t dearest = take_usual(r).cost, plenty = dearest > 0 ? dearest * USUAL_TIMES : r->wish / UNKNOWN_PART;

	return (plenty < r->floor ? r->floor : least(plenty, r->wish));
}

bool
take_is_pressed(const struct reservation *r)
{
	for (unsigned i = 0; i < r->n; i++)
		if (has_ceiling(r->purses[i]) && lease_is_pressed(r->of->set.running, r->purses[i]->account, r->purses[i]->period, PRESSED_US))
			return (true);
	return (false);
}

/* One that may go on begins with enough for what such calls have cost: those that hold a part and wait for the rest would wait for each other. */
void
take_enough(struct reservation *r, int64_t whole)
{
	int64_t enough = least(take_usual(r).cost * STREAM_TIMES, whole);

	if (enough > r->wish)
		r->wish = r->bound = enough;
}

bool
take_can_less(const struct reservation *r)
{
	return (!r->going && r->bound > modest(r));
}

/* One that does not fit as a whole tries less, if it can do with less.  False: it can not, or does already. */
bool
take_less(struct reservation *r)
{
	if (!take_can_less(r))
		return (false);
	r->bound = modest(r);
	return (true);
}

/* What was loaded when a call began, and what the store said last, can only have become more; but meanwhile the ceiling may have been raised. */
bool
take_is_spent(struct reservation *r)
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

bool
budget_is_out(struct reservation *r, struct budgets *b, const struct purse *p)
{
	struct lease_news news;

	if (!has_ceiling(p))
		return (false);
	if (p->spent >= p->ceiling)
		r->end = refuse(r, BUDGET_SPENT, p, p->ceiling, p->spent, 0);
	else if (lease_is_spent(b->set.running, p->account, p->period, p->ceiling, 1, &news))
		r->end = refuse(r, BUDGET_SPENT, p, p->ceiling, p->ceiling - news.left, 0);
	else
		return (false);
	return (true);
}

bool
take_is_short(const struct reservation *r, unsigned i)
{
	return (needs_money(r, i) && lease_taken(r->of->set.running, slot_of(r), i) < r->bound);
}

/* So much is taken of each. */
int64_t
take_so_far(const struct reservation *r)
{
	int64_t taken = r->bound;

	for (unsigned i = 0; i < r->n; i++)
		if (needs_money(r, i))
			taken = least(taken, lease_taken(r->of->set.running, slot_of(r), i));
	return (taken);
}

/* All that it wishes; one that goes on, all that it needs. */
bool
take_all(struct reservation *r)
{
	struct running *running = r->of->set.running;
	bool all = true;

	for (unsigned i = 0; i < r->n; i++) {
		if (!take_is_short(r, i))
			continue;
		lease_take(running, slot_of(r), i, r->bound - lease_taken(running, slot_of(r), i));
		all &= !take_is_short(r, i);
	}
	return (all || (r->going && take_so_far(r) >= r->floor));
}
