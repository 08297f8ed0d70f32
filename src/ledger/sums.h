/* SPDX-License-Identifier: Apache-2.0 */
/* What a batch of rows adds up to: sums of days, and charges of accounts. */
#ifndef LEDGER_SUMS_H
#define LEDGER_SUMS_H

#include "ledger/leases.h"
#include "ledger/ledger.h"

#define DAY_KEYS	12		/* kind, entity, key_digest … call_type: the primary key of sluice_day but the day */
#define DAY_SUMS	8		/* requests, failures, prompt … cost */

struct day_sum {
	struct day_sum	*next;		/* all, in no order */
	struct day_sum	*same;		/* hash chain */
	uint64_t	 hash;
	int64_t		 day;		/* yyyymmdd, UTC */
	struct text	 keys[DAY_KEYS];
	int64_t		 sums[DAY_SUMS];
};

struct summing;
struct sums {
	struct day_sum	*days;
	unsigned	 n_days;
	struct booking	*bookings;	/* by account, period, lease */
	unsigned	 n_bookings;
	struct summing	*summing;
};

void	sums_begin(struct sums *, struct arena *, unsigned rows);	/* about so many */
void	sums_count(struct sums *, const struct ledger_row *);		/* its texts must live as long as the arena */
void	sums_end(struct sums *);

#endif
