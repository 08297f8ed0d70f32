/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of budgets share: a worker's budgets, and who calls whom while a reservation is made.
 *
 * budget.c has the door, those who wait and their ring; budget_take.c what is tried for and taken of the board; budget_ask.c the trips to the store.
 */
#ifndef ACCESS_BUDGET_PRIV_H
#define ACCESS_BUDGET_PRIV_H

#include "access/budget.h"
#include "base/loop.h"

struct budgets {
	struct budgets_setup set;
	char		 host_file[4096];
	struct reservation waiting;		/* a ring, first come first */
	struct asking	*askings;
	struct timer	 poll;
	struct soon	 look;			/* something came back */
};

/* budget.c */
enum budget_end	 reservation_fill(struct reservation *, int64_t amount);	/* reserved, on the board too */
void		 reservation_end(struct reservation *, enum budget_end);	/* and tells whose it is */
void		 reservation_look(struct reservation *, int64_t now_us);	/* one that waits looks again */
void		 reservation_wait(struct reservation *);			/* for others' calls to end */
bool		 reservation_is_weary(struct reservation *, int64_t now_us);	/* nothing came back for a while, or it has been long enough */
void		 budgets_wake(struct budgets *);				/* something came back: who waits looks again */

/* budget_take.c */
struct lease_usual take_usual(const struct reservation *);
bool		 take_is_pressed(const struct reservation *);	/* somebody found the rest held, lately */
void		 take_enough(struct reservation *, int64_t whole);	/* wishes for what such calls have cost, at most `whole` */
bool		 take_can_less(const struct reservation *);
bool		 take_less(struct reservation *);		/* false: it can not do with less, or does already */
bool		 take_is_spent(struct reservation *);
bool		 take_is_short(const struct reservation *, unsigned i);	/* of the purse i */
int64_t		 take_so_far(const struct reservation *);	/* of each so much */
bool		 take_all(struct reservation *);		/* all that it wishes; one that goes on, all that it needs */

/* budget_ask.c */
enum budget_end	 asking_begin(struct reservation *, bool hurry);	/* BUDGET_WAIT without r->asking: others ask, or nobody can */
void		 asking_forget(struct reservation *);		/* it does not wait for the answer any more; what comes goes to all */
void		 askings_leave(struct budgets *);		/* they are going: those under way know nobody any more */

static inline bool
has_ceiling(const struct purse *p)
{
	return (p->ceiling != NO_LIMIT);
}

static inline unsigned
slot_of(const struct reservation *r)
{
	return (r->slot - 1);
}

static inline int64_t
least(int64_t a, int64_t b)
{
	return (a < b ? a : b);
}

static inline bool
needs_money(const struct reservation *r, unsigned i)
{
	return (has_ceiling(r->purses[i]) && (r->unlimited >> i & 1) == 0);
}

static inline enum budget_end
refuse(struct reservation *r, enum budget_end end, const struct purse *which, int64_t limit, int64_t spent, int64_t held)
{
	r->which = which;
	r->limit = limit;
	r->spent = spent;
	r->held = held;
	return (end);
}

#endif
