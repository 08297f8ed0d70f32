/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker does with money, for a while: what the kill test and the race test run. */
#ifndef TESTS_BOARD_SPEND_H
#define TESTS_BOARD_SPEND_H

#include "board/bank.h"

#define SPEND_BOUND	4		/* what a call reserves, and what it costs */
#define SPEND_COST	1

/* One call of a key and its team, in instalments or not.  1: made, 0: others hold the money, −1: it is spent. */
int	spend(struct running *, struct bank *, bool instalments);
/* A call that is never finished, in one of four states: what a killed process leaves. */
void	spend_and_leave(struct running *, struct bank *, unsigned state);
bool	spend_swept(void *bank, const struct running_view *);	/* a running_append_f */

#endif
