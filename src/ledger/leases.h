/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Budgets in the store: money is granted to hosts as leases, booked against them, and comes back.
 *
 * For an account and a period:  spent + held + grant <= ceiling, and held is the sum of what its leases have left.  Everything blocks: errands and the
 * housekeeper.
 */
#ifndef LEDGER_LEASES_H
#define LEDGER_LEASES_H

#include "base/money.h"
#include "board/lease.h"
#include "store/store.h"

#define HOST_ID	36

enum grant_end {
	GRANT_FINE,
	GRANT_SPENT,		/* ceiling − spent is too little for this call, until the period ends */
	GRANT_HELD,		/* it would be enough, but running calls or other hosts hold it; they were asked to give back what they do not use */
	GRANT_GONE,		/* there is no such account (any more), or this host was forgotten */
	GRANT_AWAY,		/* the store did not answer: it may have been granted all the same */
};

struct grant_want {
	uint64_t	 account;
	int64_t		 period;
	int64_t		 have;		/* taken already from a lease of this host */
	int64_t		 wish;		/* beyond what is needed, if there is plenty */
	uint64_t	 lease;		/* whose money it must be, also when that is closing (then exactly what is needed is granted); 0: the host's open one */
};
struct grant_got {
	uint64_t	 lease;		/* 0: the account has no ceiling */
	int64_t		 granted;
	int64_t		 ceiling, spent, held;	/* before this grant */
};

/* One call's wants: all of them or none, in one round trip. */
struct grant {
	char		 host[HOST_ID + 1];
	int64_t		 bound;		/* what the call may cost at most */
	int64_t		 floor;		/* with so much it can do too; the same as bound where not */
	bool		 hurry;		/* take what there is, if it is `floor`; else better wait for `bound` */
	unsigned	 n;
	struct grant_want want[CHARGES_MOST];
	/* answer */
	enum grant_end	 end;
	unsigned	 which;		/* who refuses */
	int64_t		 reserved;	/* `have` and what is granted of need make this, for each; ≤ bound */
	struct grant_got got[CHARGES_MOST];
};
void		leases_grant(struct store *, struct grant *, int64_t now_ms);

/*
 * Booking: within the transaction that inserts the rows, as its last statements.  Sums of cost by account, period and lease, in any order (they are
 * sorted).  Crossings (in the arena) are sums that went over their soft or hard ceiling with this booking.
 */
struct booking {
	uint64_t	 account;
	int64_t		 period;
	uint64_t	 lease;
	int64_t		 cost;
};
struct crossing {
	uint64_t	 account;
	int64_t		 period;
	struct text	 scope, entity, part;
	int64_t		 before, spent;		/* before and after this booking */
	int64_t		 ceiling, soft;		/* −1: none */
};
enum store_end	leases_book(struct store *, struct arena *, struct booking *, unsigned n, struct crossing **, unsigned *n_crossings);

/* The housekeeper's part: recalls are answered, leases that are doubtful, over, or lie idle are closed. */
struct keeper;
struct keeper_spool {
	uint64_t	(*end)(void *self);			/* where the spool ends now */
	bool		(*shipped)(void *self, uint64_t end);	/* is everything before that in the store */
	void		*self;
};
struct keeper	*keeper_new(struct running *, const char *host, const struct keeper_spool *);
void		 keeper_free(struct keeper *);
/* About every 100 ms, after the spool was shipped.  STORE_AWAY: the store is; nothing is lost, come again. */
enum store_end	 keeper_turn(struct keeper *, struct store *, int64_t now_ms);
/* Money is wanted elsewhere: after a NOTIFY on "sluice_recall", or every 50 ms where none arrives.  *more: rows should be shipped now. */
enum store_end	 keeper_recalls(struct keeper *, struct store *, int64_t now_ms, bool *more);
unsigned	 keeper_closing(const struct keeper *);		/* leases that are being closed */
/* This host ends: each further turn closes what is on its board.  It has left when a turn found nothing more. */
void		 keeper_leave(struct keeper *);
bool		 keeper_has_left(const struct keeper *);

/* That host does not come back.  Its leases are settled; what it has not shipped is never counted against them. */
enum host_gone {
	HOST_FORGOTTEN = 1,			/* says an operator */
	HOST_RETIRED,				/* it is known to be dead, and all of it is shipped (formers.h) */
};
enum store_end	 leases_forget_host(struct store *, struct text host, enum host_gone, bool *known);
/* The ceiling was lowered, or what was spent was set anew: the leases of all hosts are closed. */
enum store_end	 leases_close_account(struct store *, uint64_t account);

#endif
