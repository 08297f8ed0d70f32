/* SPDX-License-Identifier: Apache-2.0 */
/* What host.c and formers.c know of the files of hosts. */
#ifndef LEDGER_HOST_PRIV_H
#define LEDGER_HOST_PRIV_H

#include "ledger/host.h"

#define HOST_NONCE	32
#define HOST_BOOT	36		/* the kernel's boot id */
#define HOST_PLACE	32		/* which state folder: its lock file's number and birth, in hex */

/* A file: so many lines. */
struct host_lines {
	char		 id[HOST_ID + 1];
	char		 nonce[HOST_NONCE + 1];
	char		 next[HOST_NONCE + 1];	/* here before the store has it: one that is killed in between is known by the one or the other */
	char		 boot[HOST_BOOT + 1], place[HOST_PLACE + 1];	/* where it was written */
};

struct host {
	struct arena	*arena;
	const char	*dir, *instance, *path;
	int		 lock;			/* of INSTANCE.host */
	uint64_t	 board;
	struct running	*running;
	struct host_lines is;
	char		 boot[HOST_BOOT + 1], place[HOST_PLACE + 1];	/* here and now */
};

/* 1: read; 0: there is none; −1 and *why (which may be NULL). */
int		 host_read(struct host_lines *, const char *path, struct buf *why);
/* The lock of a board's processes.  `alone`: does none of them live?  Then none of them can begin until it is given back. */
bool		 host_lock(int lock, uint64_t board, bool alone);
void		 host_unlock(int lock, uint64_t board);

#endif
