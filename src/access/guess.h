/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guessing: how many wrong keys and links may come from one address in a minute.
 *
 * All processes of a host count together, on the board.  Where an address has used up its share, what this host does not know is refused without asking
 * the store; keys that are known go on.  Addresses of IPv6 are taken by networks of 64 bits, which is what one customer has.
 */
#ifndef ACCESS_GUESS_H
#define ACCESS_GUESS_H

#include "base/error.h"
#include "board/board.h"
#include "config/config.h"

bool		 guess_is_over(struct board *, const struct settings *, struct text address);
void		 guess_add(struct board *, const struct settings *, struct text address);	/* a log line where that was the last one */
struct error	*guess_refusal(struct arena *, struct board *, const struct settings *);

#endif
