/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hosts that wrote to this host's spool before it, on boards that are gone: after a reboot, in the container before this one.
 *
 * Once nobody can spend their leases any more and what they wrote is shipped, what they have left is free.  That nobody can is the kernel's word for
 * boards of this boot (ledger/host.h).  For one of another boot the store has to have heard nothing of it for a while: its disk may have been copied
 * whole.  And one whose file came with a copy of the folder is none of ours.
 */
#ifndef LEDGER_FORMERS_H
#define LEDGER_FORMERS_H

#include "ledger/host.h"

struct formers;

struct formers	*formers_new(struct host *, const struct keeper_spool *);	/* the host is kept */
void		 formers_free(struct formers *);
/* Before the first row is shipped: this host goes on where they were.  STORE_AWAY: come again, as below. */
enum store_end	 formers_begin(struct formers *, struct store *);
/* About every 100 ms, after the spool was shipped. */
enum store_end	 formers_turn(struct formers *, struct store *, int64_t now_ms);
unsigned	 formers_waiting(const struct formers *);	/* for rows to be shipped */

#endif
