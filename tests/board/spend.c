/* SPDX-License-Identifier: Apache-2.0 */
/* A call as the exchange makes it: reserved from the board or by a grant, sent, settled, booked. */
#include "board/spend.h"

#include "base/clock.h"
#include "board/board_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ASK_US	20000

struct call {
	struct running	*r;
	struct bank	*bank;
	unsigned	 slot;
	uint64_t	 accounts[2];
	int64_t		 bound;
	bool		 going;			/* it was sent, and wants more */
};

static bool
take_all(struct call *c)
{
	bool all = true;

	for (unsigned i = 0; i < 2; i++) {
		int64_t have = lease_taken(c->r, c->slot, i);

		all &= have + lease_take(c->r, c->slot, i, c->bound - have) == c->bound;
	}
	return (all);
}

static int
granted(struct call *c, const int64_t have[2])
{
	int64_t got[2];
	uint64_t leases[2] = { 0 };
	bool same = true;
	int end;

	for (unsigned i = 0; i < 2 && c->going; i++)
		leases[i] = lease_paying(c->r, c->slot, i);
	end = bank_grant(c->bank, c->accounts, have, 2, c->bound, 20, leases, got);
	board_point();				/* its answer is on its way */
	for (unsigned i = 0; i < 2 && end == 1; i++)
		if (c->going)
			lease_granted_more(c->r, c->slot, i, c->accounts[i], 0, leases[i], got[i], c->bound - have[i]);
		else
			same &= lease_granted(c->r, c->slot, i, c->accounts[i], 0, leases[i], got[i], c->bound - have[i]);
	return (end == 1 && !same ? 0 : end);
}

/* Whoever asks for both at a time asks for none that another asks for. */
static int
ask(struct call *c)
{
	int64_t until = clock_us() + ASK_US, have[2];
	uint64_t turn;
	int end = 0;

	if (!lease_ask(c->r, c->accounts[0], 0, until))
		return (0);
	if (lease_ask(c->r, c->accounts[1], 0, until)) {
		if (take_all(c))		/* another has asked meanwhile */
			end = 1;
		else if ((turn = lease_turn_begin(c->r)) != 0) {
			for (unsigned i = 0; i < 2; i++)
				have[i] = lease_taken(c->r, c->slot, i);
			end = granted(c, have);
			lease_turn_end(c->r, turn);
		}
		lease_asked(c->r, c->accounts[1], 0);
	}
	lease_asked(c->r, c->accounts[0], 0);
	return (end);
}

/* More, and of that something back; it goes on whatever it gets.  Some take their time, and then another lease may be there. */
static void
instalment(struct call *c)
{
	if (random_u64() % 32 == 0)
		usleep(2000);
	c->bound = SPEND_BOUND;
	c->going = true;
	if (!take_all(c) && ask(c) != 1)
		return;
	running_more(c->r, c->slot, SPEND_BOUND);
	running_seen(c->r, c->slot, 10, 10, SPEND_COST);
	running_more(c->r, c->slot, SPEND_BOUND - 1);
	for (unsigned i = 0; i < 2; i++)
		lease_put_back(c->r, c->slot, i, 1);
}

static void
make(struct call *c, const char id[37])
{
	const struct running_where where = { .model = TEXT("m"), .provider = TEXT("scripted") };
	struct charge charges[CHARGES_MOST];

	running_reserved(c->r, c->slot, c->bound);
	running_sent(c->r, c->slot, &where);
	bank_vendor(c->bank, id);
	if (c->bound < SPEND_BOUND)
		instalment(c);
	running_settled(c->r, c->slot, 10, 20, SPEND_COST);
	bank_append(c->bank, id, SPEND_COST, charges, running_charges(c->r, c->slot, charges));
	running_booked(c->r, c->slot);
}

/* False: too many run. */
static bool
begin(struct call *c, struct running *r, struct bank *bank, bool instalments, char id[37])
{
	const struct running_who who = { .key_digest = TEXT("0123456789abcdef"), .team_id = TEXT("team") };

	*c = (struct call){ .r = r, .bank = bank, .accounts = { 1 + random_u64() % (BANK_TEAM - 1), BANK_TEAM }, .bound = instalments ? SPEND_BOUND / 2 : SPEND_BOUND };
	uuid7(id);
	c->slot = running_begin(r, id, clock_wall_ms(), &who);
	for (unsigned i = 0; i < 2 && c->slot != RUNNING_NONE; i++)
		running_charge(r, c->slot, c->accounts[i], 0);
	return (c->slot != RUNNING_NONE);
}

void
spend_and_leave(struct running *r, struct bank *bank, unsigned state)
{
	const struct running_where where = { .model = TEXT("m"), .provider = TEXT("scripted") };
	struct call c;
	char id[37];

	if (!begin(&c, r, bank, false, id))
		return;
	if (!take_all(&c)) {
		if (lease_ask(r, c.accounts[0], 0, clock_us() + ASK_US))
			lease_turn_begin(r);
		return;
	}
	if (state > 0)
		running_reserved(r, c.slot, c.bound);
	if (state > 1) {
		running_sent(r, c.slot, &where);
		bank_vendor(bank, id);
	}
	if (state > 2)
		running_settled(r, c.slot, 10, 20, SPEND_COST);
}

int
spend(struct running *r, struct bank *bank, bool instalments)
{
	struct call c;
	char id[37];
	int end;

	if (bank_is_behind(bank) || !begin(&c, r, bank, instalments, id))
		return (0);
	end = take_all(&c) ? 1 : ask(&c);
	if (end == 1)
		make(&c, id);
	else
		running_cancel(r, c.slot);
	return (end);
}

bool
spend_swept(void *bank, const struct running_view *v)
{
	if (strlen(v->id) != 36 || v->n_charges != 2 || (v->sent_ms != 0 && !text_is(v->where.provider, "scripted")) || !text_is(v->who.team_id, "team"))
		bank_die("a swept exchange is not what it was");
	if (v->estimated && v->cost < SPEND_COST)
		bank_die("a swept exchange that was sent has cost nothing");
	return (bank_append(bank, v->id, v->cost, v->charges, v->n_charges));
}
