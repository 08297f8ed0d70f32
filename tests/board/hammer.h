/* SPDX-License-Identifier: Apache-2.0 */
/* Everything a worker does with its board, in a random order: what the kill test and the race test run. */
#ifndef TESTS_BOARD_HAMMER_H
#define TESTS_BOARD_HAMMER_H

#include "board/board.h"

#define HAMMER_NAMES	40			/* deployments in use */

/* Some rounds on a board that was just opened; at the end it has nothing open.  NULL, or what was wrong. */
const char	*hammer(struct board *, unsigned rounds);
/* The deployments' slots and texts agree, whoever claimed them.  NULL, or what was wrong. */
const char	*hammer_names(struct board *);

struct hammered {				/* what may never go down */
	uint64_t	 counters[COUNTERS], deployments[HAMMER_NAMES][DEP_COUNTERS], timed[HAMMER_NAMES];
};
const char	*hammer_monotone(const struct board *, struct hammered *before);

#endif
