/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many there are at once: calls of a key, a team …, connections to the database.
 *
 * Each seat has its own counts and whoever asks sums them up, so a process that dies takes its counts along.  A limit is exact: of those who choose at
 * the same moment one wins and the others look again.
 */
#ifndef BOARD_PARALLEL_H
#define BOARD_PARALLEL_H

#include "board/board.h"

enum parallel_end { PARALLEL_TAKEN, PARALLEL_OVER, PARALLEL_FULL /* no room to count: nothing was taken */ };
/* `entity`: 48 bits, not 0.  *running: what runs now, this one included if it was taken.  Before it says no, dead seats are swept. */
enum parallel_end parallel_take(struct board *, uint64_t entity, unsigned limit, unsigned *running);
void		 parallel_give(struct board *, uint64_t entity);	/* once for each that was taken, by the same seat */
unsigned	 parallel_sum(const struct board *, uint64_t entity);

/* Permits for connections to the database; these two may be called by any thread of the process.  Without a seat one is always given. */
bool		 permit_take(struct board *, unsigned limit);
void		 permit_give(struct board *);
unsigned	 permits_taken(const struct board *);

#endif
