/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shipper: rows from the spool into the store, in batches of one transaction each, that also adds to the sums of days and charges the accounts.
 *
 * A row counts once, by its id, however often it is offered: what a batch adds to sums and accounts is only what it inserted.  So a batch whose end is
 * unknown (the store broke, the process was killed) is simply offered again.  Everything blocks; one thread.
 */
#ifndef LEDGER_SHIPPER_H
#define LEDGER_SHIPPER_H

#include "ledger/leases.h"
#include "ledger/reader.h"

struct shipper;

struct shipper_setup {
	struct reader	*reader;
	char		 host[HOST_ID + 1];
	unsigned	 batch;			/* rows; 0: 5,000 */
	/* Charges the accounts, within the transaction, as its last statements: leases_book(), and what comes of it. */
	enum store_end	(*book)(struct store *, struct arena *, struct booking *, unsigned n);
};

struct shipper	*shipper_new(const struct shipper_setup *);
void		 shipper_free(struct shipper *);

enum ship_end {
	SHIP_SOME,			/* a batch is in the store; there may be more */
	SHIP_ALL,			/* all that was in the spool when it was called */
	SHIP_AWAY,			/* the store is; try later */
	SHIP_WRONG,			/* the store refuses; it was said; try much later */
};
enum ship_end	 shipper_turn(struct shipper *, struct store *);

/* For keeper_spool: a mark, and whether everything that was appended before it was taken is in the store. */
uint64_t	 shipper_mark(void *shipper);
bool		 shipper_passed(void *shipper, uint64_t mark);
uint64_t	 shipper_rows(const struct shipper *);		/* inserted so far */

#endif
