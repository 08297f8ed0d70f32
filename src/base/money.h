/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Money: nano-dollars (10^-9) in 64 bits, exactly.
 *
 * Sums are never floating point.  What is read from decimal text is exact or refused; what is printed is a JSON number without trailing zeros.
 */
#ifndef BASE_MONEY_H
#define BASE_MONEY_H

#include "base/arena.h"
#include "base/json.h"

#define MONEY_DOLLAR	INT64_C(1000000000)
#define MONEY_MOST	(INT64_C(9000000000) * MONEY_DOLLAR)	/* budgets above are refused */

enum money_read { MONEY_FINE, MONEY_NO_NUMBER, MONEY_NEGATIVE, MONEY_TOO_LARGE };
/* "12.5", "1e-6", "0".  Digits below a nano-dollar are rounded to the nearest (ties away from zero). */
enum money_read	 money_read(struct text decimal, int64_t *nano);
void		 money_print(struct buf *, int64_t nano);		/* "12.5", "0.000001", "-3" */
void		 money_print_dollars(struct buf *, int64_t nano);	/* for people: "$12.50", "$0.000125" */
struct text	 money_text(struct arena *, int64_t nano);		/* what money_print() prints */
void		 money_json(struct json_out *, int64_t nano);		/* a value */

/* Who is charged for a call: an account in a period, through a lease of this host (0: none, its account has no ceiling). */
struct charge {
	uint64_t	 account;
	int64_t		 period;
	uint64_t	 lease;
};
#define CHARGES_MOST	16		/* of one call */

#endif
