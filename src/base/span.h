/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spans of time as LiteLLM writes them ("30s", "12h", "7d", "1mo"), and the calendar of budgets.
 *
 * Calendar days are those of the process's time zone, and turn at a time of day, both of which whoever reads the configuration sets (span_zone,
 * span_turn).
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include "base/text.h"

struct span {
	char		 unit;		/* s m h d w, M for months */
	int64_t		 n;		/* 1 … 10,000 years' worth; of months only 1 … 120 */
};

bool		span_read(struct text, struct span *);		/* also hourly, daily, weekly, monthly; false: no such span, as "30days" */
int64_t		span_ms(const struct span *);			/* a month is 30 days */
int64_t		span_after(const struct span *, int64_t now_ms);	/* exactly so much later; months by the calendar */

/*
 * The period of a budget that contains `now`: its begin and its end.  1d and 24h: a local day; 7d and 1w: from Monday; 30d and 1mo: the month; other
 * days: so many local days counted from 1970-01-01; hours, minutes, seconds: multiples of so many.  Pure arithmetic: nothing needs to run for it.
 */
void		span_period(const struct span *, int64_t now_ms, int64_t *from, int64_t *to);

bool		span_has_zone(const char *name);		/* "Asia/Seoul"; empty is UTC */
bool		span_zone(const char *name);			/* sets it; false: no such zone.  The first time before any thread */
void		span_turn(int second_of_day);			/* when days, weeks, months of budgets begin; 0 is midnight */
const char	*span_calendar(int *turn);		/* both, as they are in force */
void		span_print_moment(struct buf *, int64_t at_ms);	/* for people: "1 Dec 00:00 KST" */

#endif
