/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who this host is, for the store: a board together with the spool that its calls are written to.
 *
 * Its id and a nonce lie in the state folder, in a file named after the board, INSTANCE.host-BOARD.  So a board that is new (after a reboot, in another
 * container, when somebody removed it) is another host, and of two that are given one state folder by mistake, or a copy of it, none takes the other's
 * leases for its own.  The nonce changes with every start of the housekeeper: where board and state were both copied only one goes on under the id, the
 * other gets a new one.
 *
 * Every process of a host holds a lock on it (a byte of INSTANCE.host), as long as it may spend a lease or write a row.  That is how ledger/formers.h
 * knows which hosts of a state folder are gone.
 */
#ifndef LEDGER_HOST_H
#define LEDGER_HOST_H

#include "ledger/leases.h"

struct host;

/*
 * Any process, before it takes money from the board: the host of this board, made if there is none; then no lease on the board counts.  `running` is
 * kept.  NULL and *why: the folder is not writable, or the file is damaged.
 */
struct host	*host_open(const char *state_dir, const char *instance, struct running *, struct buf *why);
void		 host_close(struct host *);		/* when nothing is spent or written any more */
const char	*host_id(const struct host *);		/* as it was read last */
const char	*host_file(const struct host *);
bool		 host_read_id(char id[HOST_ID + 1], const char *file);	/* any thread: it may be another by now; false: it can not be read */

enum host_end {
	HOST_FINE,
	HOST_NEW,		/* another has our id, or an operator forgot it: a new one was made.  Leases of the old one were taken from the board */
	HOST_AWAY,		/* the store */
	HOST_WRONG,		/* the file can not be written; *why */
};
/* The housekeeper, when it begins, and every 5 s. */
enum host_end	 host_begin(struct host *, struct store *, int64_t now_ms, struct buf *why);
enum host_end	 host_beat(struct host *, struct store *, int64_t now_ms, struct buf *why);

#endif
