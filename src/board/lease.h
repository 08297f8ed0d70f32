/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases: money of an account and a period that the store has given to this host, spent by all its processes without asking again.
 *
 * A lease is a pair of words {id, remaining}, so that money is only ever taken from, or put to, the lease that is meant.  A newer lease takes the place
 * of an older one (ids grow); what the old one had left stays with it in the store until it is closed.  Accounts that find no place in the table have no
 * lease here: each of their calls asks the store.
 */
#ifndef BOARD_LEASE_H
#define BOARD_LEASE_H

#include "board/running.h"

/* What the store said last; spares trips that would end alike. */
struct lease_news {
	int64_t		 left;			/* ceiling − spent: no call that needs more can be paid in this period */
	int64_t		 ceiling;		/* for which that holds */
};

/*
 * Takes up to `most` for a charge of a slot that is RESERVING, or goes on; how much there was.  What a charge has taken before stays with it, and more
 * comes from the same lease only.
 */
int64_t		 lease_take(struct running *, unsigned slot, unsigned charge, int64_t most);
int64_t		 lease_taken(const struct running *, unsigned slot, unsigned charge);
uint64_t	 lease_paying(const struct running *, unsigned slot, unsigned charge);	/* its id; 0: none yet */
/* So much of what a charge has taken goes back; running_more() was told. */
void		 lease_put_back(struct running *, unsigned slot, unsigned charge, int64_t amount);

/*
 * Asking the store.  An account is asked for by one process of the host at a time: false, another does so now, or the store has just said that others
 * hold the money.  `until_us` is how long it may take (a dead asker stands in the way no longer).  From before the asking until its answer is on the
 * board a turn must be open, which is what the closing of leases waits for.
 */
bool		 lease_ask(struct running *, uint64_t account, int64_t period, int64_t until_us);
void		 lease_asked(struct running *, uint64_t account, int64_t period);
uint64_t	 lease_turn_begin(struct running *);
void		 lease_turn_end(struct running *, uint64_t turn);

/*
 * What was granted: `needed` to the charge of a slot (RUNNING_NONE: nobody waits any more), the rest to all.  False: the charge has money of another
 * lease, which has been put back; it must be taken anew.
 */
bool		 lease_granted(struct running *, unsigned slot, unsigned charge, uint64_t account, int64_t period, uint64_t lease, int64_t granted, int64_t needed);
/*
 * The same for one that goes on, and is paid by this lease, which may be closing: then it is nowhere on the board any more and must not come there again.
 * What others can not have is found when it is closed.
 */
void		 lease_granted_more(struct running *, unsigned slot, unsigned charge, uint64_t account, int64_t period, uint64_t lease, int64_t granted,
    int64_t needed);
/* Pays without a lease: the account has no ceiling any more. */
void		 lease_free_of_charge(struct running *, unsigned slot, unsigned charge);
void		 lease_quiet(struct running *, uint64_t account, int64_t period, int64_t until_us);	/* do not ask before */
void		 lease_spent(struct running *, uint64_t account, int64_t period, const struct lease_news *, int64_t until_us);
bool		 lease_is_spent(struct running *, uint64_t account, int64_t period, int64_t ceiling, int64_t need, struct lease_news *);
/* How much is used in `us` microseconds, as far as has been seen; 0: nothing is known yet. */
int64_t		 lease_demand(struct running *, uint64_t account, int64_t period, int64_t us);
/* What calls have cost at most lately, and how long they took; zeros: nothing is known. */
struct lease_usual {
	int64_t		 cost, ms;
};
struct lease_usual lease_usual(struct running *, uint64_t account, int64_t period);
/* The store said, less than `us` ago, that others hold the money. */
bool		 lease_is_pressed(struct running *, uint64_t account, int64_t period, int64_t us);
/* Counts what came back to this lease: whoever waits looks again when it has changed. */
uint64_t	 lease_returns(struct running *, uint64_t account, int64_t period);

/* For the housekeeper. */
struct lease_seen {
	uint64_t	 account, lease;
	int64_t		 period, remaining, used_us;	/* used_us: when money was last taken */
	bool		 doubtful;		/* something was lost on the way: to be closed.  lease 0: perhaps the store has one */
};
/* Those with an id, or doubtful; *cursor: from 0 until it is 0. */
unsigned	 lease_list(struct running *, struct lease_seen *, unsigned most, unsigned *cursor);
bool		 lease_is_there(struct running *, uint64_t account, int64_t period, uint64_t lease);
int64_t		 lease_recall(struct running *, uint64_t account, int64_t period, uint64_t *lease);	/* takes all that remains; its id stays */
void		 lease_doubt(struct running *, uint64_t account, int64_t period, bool);	/* something was lost on the way; or is looked for now */
/*
 * Closing, after the store knows: the turns that are open now; are they over; nothing is taken any more; which (sorted) do running exchanges still have
 * money of.
 */
struct lease_turns {
	uint64_t	 next[BOARD_WIDE + BOARD_NARROW];
};
void		 lease_turns_now(struct running *, struct lease_turns *);
bool		 lease_turns_over(struct running *, struct lease_turns *);
void		 lease_stop(struct running *, uint64_t account, int64_t period, uint64_t lease);
void		 lease_in_use(struct running *, const uint64_t *leases, unsigned n, bool *used);
void		 lease_stop_all(struct running *);	/* this host was forgotten: none of its leases counts */

#endif
