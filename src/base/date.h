/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates and moments as callers write them, in UTC.
 *
 * A day is the number of days since 1970-01-01; its code is what the daily sums are kept under: 20261126.
 */
#ifndef BASE_DATE_H
#define BASE_DATE_H

#include "base/text.h"

#define DAY_MS	INT64_C(86400000)

bool		day_read(struct text, int64_t *day);		/* "2026-11-26"; false: no such day, or not of 1970 … 9999 */
int64_t		day_of_ms(int64_t ms);
int64_t		day_code(int64_t day);				/* 20261126 */
int64_t		day_of_code(int64_t code);
void		day_print(struct buf *, int64_t day);		/* "2026-11-26" */
void		day_print_short(struct buf *, int64_t day);	/* "Nov 26" */

/* "2026-11-26", "2026-11-26 18:00", "2026-11-26T18:00:00.5Z", "2026-11-26T18:00:00+09:00"; without a zone it is UTC.  False: no such moment. */
bool		moment_read(struct text, int64_t *ms);

#endif
