/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The housekeeper: what one process of a host does for all of them.
 *
 * It ships the spool into the store, reads what others changed there and tells the board, finishes what killed processes left, and keeps the store's days:
 * made ahead, and dropped when they are old.  Whoever holds the housekeeper's lock on the board is it: a process of its own (sluice housekeeper, a child
 * of sluice serve), or a worker that stands in while there is none.  Nothing in here is on a loop: its threads have their own handles of board, spool and
 * store.
 */
#ifndef HOUSEKEEPER_HOUSEKEEPER_H
#define HOUSEKEEPER_HOUSEKEEPER_H

#include "config/config.h"
#include "store/store.h"

struct housekeeper;

/* The file's configuration with what the store adds to it (admin/overlay.h, a room above this one). */
typedef struct config *housekeeper_anew_f(const struct config *like, struct store *, enum store_end *);

/* Gives keys that are due another value (admin/rotate.h). */
typedef unsigned housekeeper_rotate_f(struct store_pool *, const struct config *, const char *host);
struct housekeeper_above {			/* what rooms above this one do for it; each, and all, may be NULL */
	housekeeper_anew_f *anew;
	housekeeper_rotate_f *rotate;
};

/* Begins to wait for the lock, in a thread of its own, and does the work as long as it has it.  The configuration is held.  `anew` is asked when models or
 * settings of the store change. */
struct housekeeper *housekeeper_start(struct config *, const struct housekeeper_above *);
/* What becomes of what the host has leased. */
enum house_end {
	HOUSE_GOES_ON,				/* another keeps house next */
	HOUSE_ENDS_WITH_LAST,			/* it is given back, unless another process has a seat: the caller has given up its own */
	HOUSE_ENDS,				/* it is given back */
};
/* What is in the spool is shipped, if the store takes it, for at most `patience_ms`; then the lock is given back. */
void		 housekeeper_stop(struct housekeeper *, unsigned patience_ms, enum house_end);
bool		 housekeeper_is_it(const struct housekeeper *);	/* does it have the lock; any thread */

/* The whole process: until SIGTERM or SIGINT; SIGHUP: with the configuration anew.  Its exit status. */
int		 housekeeper_run(const char *config_path, const struct housekeeper_above *);

#endif
