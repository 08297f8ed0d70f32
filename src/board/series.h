/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics by caller: what each key, team and user asked of each deployment, what came of it, and how long it took.
 *
 * There are only so many: whoever finds no room is counted as "other", of the same model and deployment.  A caller that asked for nothing for an hour
 * gives its room to the next; what was counted of it becomes other's of the same model, so that sums never fall.  All seats add to the same words,
 * atomically.
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
	SERIES_TRIED, SERIES_GOOD,	/* attempts sent to the deployment, and those that answered */
	SERIES_FAILED_RATE_LIMIT, SERIES_FAILED_TIMEOUT, SERIES_FAILED_AUTH, SERIES_FAILED_OTHER,	/* one of them for each that did not */
	SERIES_FALLBACK_GOOD, SERIES_FALLBACK_BAD,	/* exchanges that came here from another group, and how they ended */
	SERIES_ANSWERED,		/* calls, by a deployment and well */
	SERIES_SPEND,			/* nano-dollars */
	SERIES_TOKENS_IN, SERIES_TOKENS_CACHED, SERIES_TOKENS_WRITTEN, SERIES_TOKENS_OUT, SERIES_TOKENS_REASONING,
	SERIES_COUNTERS
};
enum series_time {
	SERIES_TOTAL,			/* of the request */
	SERIES_UPSTREAM,		/* the vendor's share of an attempt */
	SERIES_FIRST_TOKEN,		/* streams */
	SERIES_OVERHEAD,
	SERIES_PER_TOKEN,		/* vendor's share, a token it wrote */
	SERIES_TIMES
};
#define SERIES_BUCKETS	16		/* of a histogram; the last is +Inf */
extern const double series_bounds[SERIES_TIMES][SERIES_BUCKETS - 1];	/* seconds; overhead has finer ones */

enum series_gauge { SERIES_REQUESTS_LEFT, SERIES_TOKENS_LEFT, SERIES_GAUGES };	/* of the key's limits for that model */

struct series_call {			/* one exchange, when it is over, or one of its attempts */
	struct text	 label[SERIES_LABELS];
	unsigned	 deployment;	/* its slot; BOARD_OTHER: nobody was asked */
	unsigned	 status;	/* which of board_statuses; BOARD_STATUSES: none yet */
	uint64_t	 counted[SERIES_COUNTERS];
	bool		 timed[SERIES_TIMES];
	int64_t		 us[SERIES_TIMES];	/* of those that were timed */
	int64_t		 left[SERIES_GAUGES];	/* below 0: there is no such limit */
};
/* `most`: how many series of callers there may be; 0: all callers are one, without a name. */
void		 series_count(struct board *, const struct series_call *, unsigned most);

/* Room for so many; a board never gets smaller.  False and *why: the file system is full, what there was stays. */
bool		 series_room(struct board *, unsigned most, struct buf *why);

/* Whose a place is; false: nobody's.  Texts point into `room`. */
struct series_seen {
	struct text	 label[SERIES_LABELS];
	unsigned	 deployment;
	uint64_t	 hash;		/* another one: the place was given to another */
	char		 room[SERIES_LABELS * (SERIES_TEXT + 1) + 16];
};
unsigned	 series_places(const struct board *);
bool		 series_read(struct series_seen *, const struct board *, unsigned place);
/* A page of them goes on, or is over: meanwhile no place is given to another. */
void		 series_reads(struct board *, bool go_on);

#endif
