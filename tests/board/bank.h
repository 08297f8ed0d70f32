/* SPDX-License-Identifier: Apache-2.0 */
/* A store, a vendor and a ledger for the tests of leases: shared by processes that may be killed at any time, and each of its deeds is done or not done. */
#ifndef TESTS_BOARD_BANK_H
#define TESTS_BOARD_BANK_H

#include "board/lease.h"

#define BANK_ACCOUNTS	5		/* 1 … 4 are keys, 5 is the team of all */
#define BANK_TEAM	5

struct bank;

struct bank	*bank_new(const char *dir, int64_t key_ceiling, int64_t team_ceiling);	/* before any fork */
void		 bank_free(struct bank *);
/* As leases_grant(): all or none; leases[] in: those that must pay, also when they are closing (0: any), out: those that do, with granted[].  1: fine, 0: held by
 * others, −1: spent. */
int		 bank_grant(struct bank *, const uint64_t *accounts, const int64_t *have, unsigned n, int64_t bound, int64_t wish, uint64_t *leases, int64_t *granted);
bool		 bank_is_behind(struct bank *);					/* with shipping: make no calls now */
void		 bank_vendor(struct bank *, const char id[37]);			/* a call has reached the vendor */
bool		 bank_append(struct bank *, const char id[37], int64_t cost, const struct charge *, unsigned n);	/* a row to the spool */

/* The housekeeper, one process only. */
void		 bank_ship(struct bank *);					/* the spool to its end; each id once */
void		 bank_close(struct bank *, struct running *, bool all);		/* leases that are doubtful, or all: a step further */
const char	*bank_check(struct bank *);					/* NULL, or which invariant is broken */
/* While nobody runs and all is shipped: the board has no more of a lease than the store; `exact`, once what was doubtful is closed: and no less. */
const char	*bank_check_board(struct bank *, struct running *, bool exact);
const char	*bank_check_end(struct bank *);				/* and nothing is held, every call that was sent has its row */
int64_t		 bank_spent(struct bank *, uint64_t account);
unsigned	 bank_calls(struct bank *);					/* that reached the vendor */
unsigned	 bank_rows(struct bank *);
void		 bank_die(const char *why) __attribute__((noreturn));

#endif
