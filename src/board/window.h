/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows: what was used of something within a minute, counted by all processes of the host together.
 *
 * A window has a number that comes from the wall clock, so that hosts agree on it; a count belongs to an identity and a number, and is gone when the
 * window is.  An add with a limit is all or nothing, and exact.  A window that has begun lasts its length (up to two, after a step) by the clock that
 * does not step: setting the clock opens no second window's worth.  Identities are any 64 bits but 0.
 */
#ifndef BOARD_WINDOW_H
#define BOARD_WINDOW_H

#include "board/board.h"

#define WINDOW_MOST	((INT64_C(1) << 40) - 1)	/* of one count */

struct window {
	uint32_t	 number;	/* 24 bits */
	int64_t		 left_ms;	/* until it ends; at least 1 */
};
void		 window_now(struct window *, struct board *, int64_t size_ms);

enum window_end { WINDOW_ADDED, WINDOW_OVER, WINDOW_FULL /* no room to count: nothing was */ };
/* *count: what it is now, n included if it was added.  A board without a seat counts as well. */
enum window_end	 window_add(struct board *, uint32_t number, uint64_t id, int64_t n, int64_t limit, int64_t *count);
/* Up or down, never below zero; where the window is over and its count gone, nothing. */
void		 window_correct(struct board *, uint32_t number, uint64_t id, int64_t by);
int64_t		 window_count(const struct board *, uint32_t number, uint64_t id);

#endif
