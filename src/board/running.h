/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exchanges that run now, and the money this host has leased: so that the call of a killed process still gets its row, and what it had reserved comes
 * back.
 *
 * They lie in a file of their own beside the board, INSTANCE.running, whose layout stays the same over versions, so that a new program finishes what an
 * old one left.  A process opens it after its fork and has a seat there, as on the board: a lock of the kernel says who is alive, and whoever gets the
 * lock of a dead seat is alone with it.  A handle belongs to one thread.
 *
 * The way of a slot: RESERVING (money is taken from leases) → RESERVED → SENT (before anything connects) → SETTLED (the cost is known) → its row is
 * appended to the spool → BOOKED → what is left goes back to the leases → FREE.  The sweeper goes on from what it finds, and may be killed and repeated
 * at any point: a row may be appended twice (one id), money goes back at most once.  What is lost in between (taken, not yet noted) comes back when the
 * lease is closed.
 */
#ifndef BOARD_RUNNING_H
#define BOARD_RUNNING_H

#include "base/money.h"
#include "board/board.h"

#define RUNNING_WIDE	8192		/* exchanges of an event-loop worker at a time; a one-request process has one */
#define RUNNING_NONE	UINT32_MAX

struct running;

enum running_state { RUNNING_FREE, RUNNING_RESERVING, RUNNING_RESERVED, RUNNING_SENT, RUNNING_SETTLED, RUNNING_BOOKED };

/* What a row needs to know of who called; cut where it is long (128 bytes each, all together about 350), the last first. */
struct running_who {
	struct text	 key_digest, user_id, team_id, organization_id, project_id, model_group, call_type, customer, tags;
};
/* Who is asked: changes with every attempt.  About 230 bytes. */
struct running_where {
	struct text	 model, model_id, provider, api_base;
};

/* As board_open().  A seat that was left with exchanges in it can be taken too: running_sweep() finishes them, also those in this process's own seat. */
struct running	*running_open(const char *dir, const char *instance, enum seat_kind, struct buf *why);
void		 running_close(struct running *);	/* what still runs is left to the sweeper */

/* A slot for an exchange, RESERVING; RUNNING_NONE: all are in use (503).  `id` is a UUID in its 36 characters. */
unsigned	 running_begin(struct running *, const char id[37], int64_t began_wall_ms, const struct running_who *);
/* Somebody to be charged: its number, or CHARGES_MOST: no room.  While RESERVING. */
unsigned	 running_charge(struct running *, unsigned slot, uint64_t account, int64_t period);
/* All is taken that may be needed: `bound` nano-dollars. */
void		 running_reserved(struct running *, unsigned slot, int64_t bound);
/* It goes on: so much is taken for it by now (after that was taken), or is kept (before the rest goes back). */
void		 running_more(struct running *, unsigned slot, int64_t bound);
/* Back to RESERVING, all money returned (charges stay): it did not suffice. */
void		 running_unreserve(struct running *, unsigned slot);
void		 running_sent(struct running *, unsigned slot, const struct running_where *);	/* before each attempt */
/* What is known so far of a stream; a sweeper books this cost, or where it is 0 the bound. */
void		 running_seen(struct running *, unsigned slot, int64_t prompt, int64_t completion, int64_t cost);
/* The cost is known: it counts, also if the process ends now. */
void		 running_settled(struct running *, unsigned slot, int64_t prompt, int64_t completion, int64_t cost);
/* The row is in the spool: the rest goes back, the slot is free. */
void		 running_booked(struct running *, unsigned slot);
/* It was never sent and gets no row: everything goes back, the slot is free. */
void		 running_cancel(struct running *, unsigned slot);
/* The charges as the row must have them: accounts with the leases that pay.  At most CHARGES_MOST; how many. */
unsigned	 running_charges(const struct running *, unsigned slot, struct charge charges[CHARGES_MOST]);
unsigned	 running_mine(const struct running *);		/* slots this process has in use */
unsigned	 running_all(const struct running *);		/* of all processes */
bool		 running_others(struct running *);		/* does another process have a seat */
uint64_t	 running_id(const struct running *);		/* of the file: one that is made anew has another */
const char	*running_boot(const struct running *);		/* the kernel's boot id when it was made; "": unknown */

/* A dead process's exchange, for its row: ended "swept". */
struct running_view {
	char		 id[37];
	int64_t		 began_ms, sent_ms;	/* wall clock; sent_ms 0: nothing was sent */
	int64_t		 cost, prompt, completion;
	bool		 estimated;		/* the cost is the bound, or what was seen so far */
	struct charge	 charges[CHARGES_MOST];
	unsigned	 n_charges;
	struct running_who who;			/* texts are good during the call */
	struct running_where where;
};
/* Appends the row to the spool; false: not now, it is tried again with the next sweep. */
typedef bool	 running_append_f(void *self, const struct running_view *);
/* Finishes what dead processes left; how many exchanges.  Each worker once a second, the housekeeper every 100 ms. */
unsigned	 running_sweep(struct running *, running_append_f *, void *self);

size_t		 running_size(unsigned workers);	/* bytes of the file */

#endif
