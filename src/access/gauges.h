/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Budgets for the metrics: of the keys, teams, users and organizations that this host has served lately, and of providers.
 *
 * Whose they are, their limits and when they begin anew the board knows, or the store, where a change took them off the board; what is spent is read from
 * the store, by an errand, for as many as the metrics tell apart and no more.  The order: gauges_gather() on the loop, gauges_read() in an errand, gauges_print() on the loop, any number of times.
 */
#ifndef ACCESS_GAUGES_H
#define ACCESS_GAUGES_H

#include "board/board.h"
#include "config/config.h"
#include "store/store.h"

struct gauges;
struct gauges	*gauges_gather(struct board *, const struct config *);
bool		 gauges_are_none(const struct gauges *);
enum store_end	 gauges_read(struct gauges *, struct store *);
void		 gauges_print(struct buf *, const struct gauges *, const struct settings *, int64_t now_ms);
void		 gauges_free(struct gauges *);		/* NULL is fine */

#endif
