/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics by caller: what each key, team and user asked of each deployment, and what came of it.
 *
 * There are only so many: whoever finds no room is counted as "other", of the same model and deployment.  A caller that asked for nothing for an hour gives its
 * room to the next; what was counted of it becomes other's of the same model, so that sums never fall.  All seats add to the same words, atomically.
 */
#ifndef BOARD_SERIES_H
#define BOARD_SERIES_H

#include "board/board.h"

#define SERIES_MOST	16384		/* callers' series of a board */
#define SERIES_TEXT	64		/* bytes of a label; the rest is cut */

/* Of the caller, then of the request.  Never a key: its digest. */
enum series_label {
	SERIES_KEY, SERIES_KEY_ALIAS, SERIES_TEAM, SERIES_TEAM_ALIAS, SERIES_USER, SERIES_USER_EMAIL, SERIES_END_USER,
	SERIES_CALLER_LABELS,
	SERIES_MODEL = SERIES_CALLER_LABELS,	/* the group that was asked for */
	SERIES_ROUTE,
	SERIES_LABELS
};
enum series_counter {
	SERIES_ANSWERED,		/* calls, by a deployment and well */
	SERIES_SPEND,			/* nano-dollars */
	SERIES_TOKENS_IN, SERIES_TOKENS_CACHED, SERIES_TOKENS_WRITTEN, SERIES_TOKENS_OUT, SERIES_TOKENS_REASONING,
	SERIES_COUNTERS
};
enum series_gauge { SERIES_REQUESTS_LEFT, SERIES_TOKENS_LEFT, SERIES_GAUGES };	/* of the key's limits for that model */

struct series_call {			/* one exchange, when it is over */
	struct text	 label[SERIES_LABELS];
	unsigned	 deployment;	/* its slot; BOARD_OTHER: nobody was asked */
	unsigned	 status;	/* which of board_statuses */
	uint64_t	 counted[SERIES_COUNTERS];
	int64_t		 left[SERIES_GAUGES];	/* below 0: there is no such limit */
};
/* `most`: how many series of callers there may be; 0: all callers are one, without a name. */
void		 series_count(struct board *, const struct series_call *, unsigned most);

/* Room for so many; a board never gets smaller.  False and *why: the file system is full, what there was stays. */
bool		 series_room(struct board *, unsigned most, struct buf *why);

/* For the page: what stands in a place; false: nothing.  Texts point into `room`. */
struct series_seen {
	struct text	 label[SERIES_LABELS];
	unsigned	 deployment;
	uint64_t	 counted[SERIES_COUNTERS];
	uint64_t	 answers[BOARD_STATUSES];
	int64_t		 left[SERIES_GAUGES];	/* below 0: not known */
	uint32_t	 second;	/* since boot, of its last call */
	char		 room[SERIES_LABELS * (SERIES_TEXT + 1) + 16];
};
unsigned	 series_places(const struct board *);
bool		 series_read(struct series_seen *, const struct board *, unsigned place);

#endif
