/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Prometheus page (text format 0.0.4): LiteLLM's names where they apply, our own as sluice_*.  Deployments that the configuration does not know are
 * summed up as "other", so that labels stay bounded by it.
 *
 * A page of many callers is long: it is made in slices, of some tens of kilobytes and less than a millisecond each, so that whoever prints it can do
 * other things between them.  Board and configuration must stay until metrics_end().
 */
#ifndef BOARD_METRICS_H
#define BOARD_METRICS_H

#include "board/board.h"

struct config;
struct settings;

struct metrics;
struct metrics	*metrics_begin(struct board *, const struct config *);
bool		 metrics_more(struct buf *out, struct metrics *);	/* the next slice, which may be empty; false: it was the last */
void		 metrics_end(struct metrics *);				/* NULL is fine */

#define METRICS_SLICE	32768		/* bytes, and at most a line more, or a caller's histogram */

/* For further families: does prometheus_metrics_config leave that one on; and a label, escaped. */
bool		 metrics_wants(const struct settings *, const char *name);
void		 metrics_label(struct buf *, const char *name, struct text value);

#endif
