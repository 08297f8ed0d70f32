/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Budgets for the metrics: of the keys, teams, users and organizations that this host has served lately, and of providers.
 *
 * Whose they are, their limits and when they begin anew the board knows, or the store, where a change took them off the board; what is spent is read from
 * the store, by an errand, for as many as the metrics tell apart and no more.  The order: gauges_new(); gauges_gather() on the loop until it says that
 * all are gathered; gauges_read() in an errand; then gauges_more() on the loop, any number of times.
 */
#ifndef ACCESS_GAUGES_H
#define ACCESS_GAUGES_H

#include "board/metrics.h"
#include "config/config.h"
#include "store/store.h"

struct gauges;
struct gauges	*gauges_new(void);			/* held once */
struct gauges	*gauges_hold(struct gauges *);
void		 gauges_release(struct gauges *);	/* on the loop; NULL is fine */

bool		 gauges_gather(struct gauges *, struct board *, const struct config *);	/* a part, in less than a millisecond; false: there are no more */
bool		 gauges_are_none(const struct gauges *);
enum store_end	 gauges_read(struct gauges *, struct store *);

/* Where a page of them is; all zero: at its beginning. */
struct gauges_at {
	unsigned	 family, row;
	bool		 begun;
};
bool		 gauges_more(struct buf *, struct gauges_at *, const struct gauges *, const struct settings *, int64_t now_ms);	/* as metrics_more() */

#endif
