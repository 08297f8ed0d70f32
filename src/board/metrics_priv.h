/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the Prometheus page share. */
#ifndef BOARD_METRICS_PRIV_H
#define BOARD_METRICS_PRIV_H

#include "board/board_priv.h"
#include "board/metrics.h"
#include "config/config.h"

/* Labels of deployments, then of callers.  model_id is in every set of a deployment: without it two of one model and base would be one series twice. */
enum label {
	MODEL_GROUP, FALLBACK_MODEL, GROUP_MODEL, LITELLM_MODEL_NAME, MODEL, MODEL_ID, API_BASE, API_PROVIDER,
	REQUESTED_MODEL, KEY_MODEL, ROUTE, END_USER, HASHED_API_KEY, API_KEY_ALIAS, TEAM, TEAM_ALIAS, USER, USER_EMAIL,
	NO_LABEL,
	IF_NAMED		/* those behind it only where a rule of prometheus_metrics_config names them */
};
typedef const enum label label_set[20];

/* Rows of callers: places of the board whose labels are the same are one row.  Counts are read when they are printed. */
struct row {
	size_t		 at, len;	/* of its labels, a comma behind each */
	unsigned	 first;		/* of its places, + 1 */
};
struct row_place {
	uint64_t	 hash;		/* whose it was when its labels were read */
	unsigned	 next;		/* of the same row, + 1 */
};
struct rows {
	const enum label *labels;	/* whose rows these are; NULL: nobody's yet */
	const struct metrics_rule *rule;
	struct buf	 text;
	struct row	*list;
	struct row_place *places;
	unsigned	 n, *index, room;	/* index: by hash, row + 1; room is a power of two */
	unsigned	 read, n_places;	/* how far they are read */
};

/* What the places of a row, one after another, come to. */
struct sums {
	uint64_t	 n[BOARD_STATUSES];	/* by status or bucket, or one */
	uint64_t	 us;
	int64_t		 left;			/* below 0: not known */
	uint32_t	 second;		/* of what is left */
};

struct metrics {
	struct board	*board;
	const struct settings *settings;
	/* Who has each slot, in this configuration; NULL: nobody, it belongs to "other". */
	const struct deployment *owner[BOARD_DEPLOYMENTS];
	unsigned	 slots;
	unsigned	 family, row, place;	/* where the page is; `place` as row_next() has it */
	bool		 begun;			/* the family */
	struct sums	 sums;			/* of the row, as far as it is read */
	struct rows	 rows;
	char		 le[SERIES_BUCKETS][24];	/* labels of the family's buckets */
};

/* The labels, and a comma behind each; of `seen`, where there is one, and of the deployment in that slot.  Of callers an empty one is as good as none. */
void		 metrics_labels(struct buf *, const struct metrics *, const enum label *, const struct metrics_rule *, unsigned slot, const struct series_seen *);

void		 rows_begin(struct rows *, const struct board *, const enum label *, const struct metrics_rule *);
bool		 rows_more(struct metrics *);		/* reads one more place; false: all are */
void		 rows_free(struct rows *);
struct text	 row_labels(const struct rows *, unsigned row);
/* The next of its places that is still its; *at: 0 before the first.  NULL: there are no more. */
struct series	*row_next(const struct metrics *, unsigned row, unsigned *at);

#endif
