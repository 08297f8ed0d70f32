/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Budgets that hold: a call reserves the most it can cost before it is sent, from leases on the board, and is charged what it did cost.
 *
 * A reservation lives in its exchange.  The order of its life:  budget_reserve() → budget_sent() before each attempt → (budget_more(), as it goes on) →
 * budget_settled() → the row is appended, with budget_charges() → budget_booked().  Every exchange that may ask an upstream has one, also with nobody to
 * charge: it is what gives the calls of a killed worker their rows.  Everything here belongs to the loop.
 */
#ifndef ACCESS_BUDGET_H
#define ACCESS_BUDGET_H

#include "access/caller.h"
#include "base/errand.h"
#include "board/lease.h"
#include "ledger/leases.h"

enum budget_mode {
	BUDGET_STRICT,			/* no call is sent whose bound does not fit */
	BUDGET_LITELLM,			/* a call is sent while anything is left */
};

/* A worker's. */
struct budgets;
struct budgets_setup {
	struct loop	*loop;
	struct running	*running;
	struct lane	*lane;		/* for errands to the store; NULL: there is no store, nobody has a ceiling */
	struct store_pool *pool;
	char		 host[HOST_ID + 1];
	const char	*host_file;	/* where the host's id is read again when the store does not know it any more; NULL: nowhere; copied */
	enum budget_mode mode;
	int64_t		 wait_ms;	/* without anything coming back, before a call that waits for others takes what there is; less or more by what is known of calls */
	int64_t		 wait_most_ms;	/* in all */
};
struct budgets	*budgets_new(const struct budgets_setup *);
void		 budgets_leave(struct budgets *);	/* nothing is asked any more, and no answer heard: before the lane is freed, should that be first */
void		 budgets_free(struct budgets *);
void		 budgets_set(struct budgets *, enum budget_mode, int64_t wait_ms, int64_t wait_most_ms);	/* a reload */

enum budget_end {
	BUDGET_FINE,			/* reserved: r->reserved, which is the bound unless `floor` allowed less */
	BUDGET_WAIT,			/* r->ready will be called, once, on the loop, never from within what answered so; then r->end is one of the others */
	BUDGET_SPENT,			/* r->which: limit, spent */
	BUDGET_HELD,			/* r->which: the rest is reserved by running calls; try again soon */
	BUDGET_AWAY,			/* the store can not be asked, or does not know the account: 503 */
	BUDGET_FULL,			/* too many exchanges at a time: 503 */
};

struct budget_need {
	const char	*id;		/* of the request, 36 characters */
	int64_t		 began_wall_ms;
	struct running_who who;
	const struct purse *const *purses;	/* all that are charged, with a ceiling or without; the purses are kept until it is booked */
	unsigned	 n;		/* beyond CHARGES_MOST those without a ceiling are left out first */
	int64_t		 bound;		/* the most it can cost; of one that goes on with budget_more(), its first instalment */
	int64_t		 whole;		/* the most that one can cost in all; 0: it does not go on */
	int64_t		 floor;		/* with how much it can be sent (max_tokens made to fit); the same as bound where it can not be made smaller */
	unsigned	 hasty;		/* a bit for each purse that is not waited for: BUDGET_HELD at once, if it is that which lacks */
};

struct reservation {
	/* answer */
	enum budget_end	 end;
	int64_t		 reserved;
	const struct purse *which;	/* whose money it is that lacks */
	int64_t		 limit, spent, held;	/* of it, as far as is known; held: by running calls and other hosts */
	/* set before budget_reserve(): all zero but these */
	void		(*ready)(struct reservation *);
	/* its own */
	struct budgets	*of;
	struct reservation *next, *before;	/* among those that wait */
	struct asking	*asking;		/* the store, for it */
	const struct purse *purses[CHARGES_MOST];	/* in the order of the slot's charges */
	unsigned	 n;
	unsigned	 slot;			/* + 1 of struct running; 0: none */
	int64_t		 wish, bound, floor;	/* bound: what is tried for now */
	unsigned	 hasty;			/* a bit for each purse of `purses` */
	bool		 going;			/* it was reserved, and wants more */
	unsigned	 unlimited;		/* a bit for each purse whose ceiling is gone meanwhile */
	int64_t		 began_us, moved_us;	/* when it began to wait; when money last came back */
	uint64_t	 returns;
	unsigned	 trips;			/* to the store */
};

enum budget_end	 budget_reserve(struct reservation *, struct budgets *, const struct budget_need *);
/* Of one that has reserved nothing: was nothing left of that purse when it was last heard of?  Then BUDGET_SPENT is its answer. */
bool		 budget_is_out(struct reservation *, struct budgets *, const struct purse *);
void		 budget_sent(struct reservation *, const struct running_where *);
/*
 * Instalments of a call that goes on: `floor` in all is needed now, `bound` is wished for.  What it has stays with it whatever the answer is, and it may
 * go on for as long as it needs no more than r->reserved.  While the answer is BUDGET_WAIT this may be called again and does nothing.
 */
enum budget_end	 budget_more(struct reservation *, int64_t floor, int64_t bound);
void		 budget_less(struct reservation *, int64_t bound);	/* so much will do, if it has more */
void		 budget_seen(struct reservation *, int64_t prompt, int64_t completion, int64_t cost_so_far);
void		 budget_settled(struct reservation *, int64_t prompt, int64_t completion, int64_t cost);
unsigned	 budget_charges(const struct reservation *, struct charge charges[CHARGES_MOST]);
void		 budget_booked(struct reservation *);		/* the row is in the spool */
/*
 * Gives everything back, whatever is under way; nothing was sent.  This and all above but budget_reserve() are fine on one that has nothing, or was
 * booked.
 */
void		 budget_release(struct reservation *);

#endif
