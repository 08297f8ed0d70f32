/* SPDX-License-Identifier: Apache-2.0 */
/* Everything a worker does with its board, in a random order: what the kill test and the race test run. */
#ifndef TESTS_BOARD_HAMMER_H
#define TESTS_BOARD_HAMMER_H

#include "board/board.h"

#define HAMMER_NAMES	40			/* deployments in use */
#define HAMMER_KEYS	200			/* in the store */
#define HAMMER_ENTITIES	3			/* with limits */
#define HAMMER_WINDOWS	64			/* numbers go round */
#define HAMMER_PARALLEL	2			/* limits */
#define HAMMER_PER_WINDOW	300
#define HAMMER_PERMITS	3

/*
 * The truth beside the board, which all of them share: what the board may not contradict.  Whoever is in has its bit set, after it was let in and until before it
 * leaves, so never more bits are set than a limit allows; who kills another clears its bits first, while it is stopped.
 */
struct truth {
	struct {
		_Atomic uint64_t version;	/* of the row in the store */
		_Atomic uint64_t told;		/* up to this one every reader has been told that it changed */
	}		 keys[HAMMER_KEYS];
	_Atomic uint64_t in[HAMMER_ENTITIES], permits;
	_Atomic uint32_t window;
	_Atomic unsigned added[HAMMER_WINDOWS][HAMMER_ENTITIES];
	_Atomic unsigned found, missed, let_in, refused, counted, over;	/* so that the test shows that all of it happens */
};
void		 hammer_dead(struct truth *, unsigned who);
void		 hammer_next_window(struct truth *);

/* Some rounds on a board that was just opened; at the end it has nothing open.  `who`: 0 … 63, one at a time.  NULL, or what was wrong. */
const char	*hammer(struct board *, struct truth *, unsigned who, unsigned rounds);
/* Of the dead nothing is left. */
const char	*hammer_nothing_held(struct board *);
/* The deployments' slots and texts agree, whoever claimed them.  NULL, or what was wrong. */
const char	*hammer_names(struct board *);

struct hammered {				/* what may never go down */
	uint64_t	 counters[COUNTERS], deployments[HAMMER_NAMES][DEP_COUNTERS];
};
const char	*hammer_monotone(const struct board *, struct hammered *before);

#endif
