/* SPDX-License-Identifier: Apache-2.0 */
/* A call as the exchange makes it: reserved from the board or by a grant, sent, settled, booked. */
#include "board/spend.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ASK_US	20000

struct call {
	struct running	*r;
	struct bank	*bank;
	unsigned	 slot;
	uint64_t	 accounts[2];
};

static bool
take_all(struct call *c)
{
	bool all = true;

	for (unsigned i = 0; i < 2; i++) {
		int64_t have = lease_taken(c->r, c->slot, i);

		all &= have + lease_take(c->r, c->slot, i, SPEND_BOUND - have) == SPEND_BOUND;
	}
	return (all);
}

static int
granted(struct call *c, const int64_t have[2])
{
	int64_t got[2];
	uint64_t leases[2];
	bool same = true;
	int end = bank_grant(c->bank, c->accounts, have, 2, SPEND_BOUND, 20, leases, got);

	for (unsigned i = 0; i < 2 && end == 1; i++)
		same &= lease_granted(c->r, c->slot, i, c->accounts[i], 0, leases[i], got[i], SPEND_BOUND - have[i]);
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

static void
make(struct call *c, const char id[37])
{
	const struct running_where where = { .model = TEXT("m"), .provider = TEXT("scripted") };
	struct charge charges[CHARGES_MOST];

	running_reserved(c->r, c->slot, SPEND_BOUND);
	running_sent(c->r, c->slot, &where);
	bank_vendor(c->bank, id);
	running_settled(c->r, c->slot, 10, 20, SPEND_COST);
	bank_append(c->bank, id, SPEND_COST, charges, running_charges(c->r, c->slot, charges));
	running_booked(c->r, c->slot);
}

int
spend(struct running *r, struct bank *bank)
{
	const struct running_who who = { .key_digest = TEXT("0123456789abcdef"), .team_id = TEXT("team") };
	struct call c = { .r = r, .bank = bank, .accounts = { 1 + random_u64() % (BANK_TEAM - 1), BANK_TEAM } };
	char id[37];
	int end;

	if (bank_is_behind(bank))
		return (0);
	uuid7(id);
	c.slot = running_begin(r, id, clock_wall_ms(), &who);
	if (c.slot == RUNNING_NONE)
		return (0);
	for (unsigned i = 0; i < 2; i++)
		running_charge(r, c.slot, c.accounts[i], 0);
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
	return (bank_append(bank, v->id, v->cost, v->charges, v->n_charges));
}
