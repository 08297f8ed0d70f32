/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who this host is, for the store: an id that lies with the spool, so that leases and unshipped rows belong together.
 *
 * The file `host` in the state folder has the id and a nonce that changes with every start of the housekeeper: of a host that was copied with its state
 * only one goes on under the id, the other gets a new one.
 */
#ifndef LEDGER_HOST_H
#define LEDGER_HOST_H

#include "ledger/leases.h"

/* Any process: the id, made if there is none.  False and *why: the folder is not writable, or the file is damaged. */
bool		host_id(char id[HOST_ID + 1], const char *state_dir, struct buf *why);

enum host_end {
	HOST_FINE,
	HOST_NEW,		/* another has our id, or an operator forgot it: a new one was made.  Leases of the old one were taken from the board */
	HOST_AWAY,		/* the store */
	HOST_WRONG,		/* the file can not be written; *why */
};
/* The housekeeper, when it begins, and every 5 s.  `running` may be NULL. */
enum host_end	host_begin(struct store *, const char *state_dir, struct running *, int64_t now_ms, struct buf *why);
enum host_end	host_beat(struct store *, const char *state_dir, struct running *, int64_t now_ms, struct buf *why);

#endif
