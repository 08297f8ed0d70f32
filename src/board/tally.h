/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tallies: what all processes of the host have added under an identity since a moment, for what is told and decides nothing.
 *
 * A later moment begins at zero, and what is added to an earlier one is lost; so it is where an identity finds its places taken by others and takes one
 * over.  Identities are any 64 bits; moments are milliseconds within weeks of each other.
 */
#ifndef BOARD_TALLY_H
#define BOARD_TALLY_H

#include "board/board.h"

void		 tally_add(struct board *, uint64_t id, int64_t since_ms, int64_t n);
int64_t		 tally_of(const struct board *, uint64_t id, int64_t since_ms);	/* 0: nothing, or it is lost */

#endif
