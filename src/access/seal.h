/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ids of stored answers, sealed: only the key that made one can use it, and it finds the deployment that holds it.
 *
 * A sealed id is all the gateway remembers of a stored answer: which deployment has it and what the vendor calls it, under a MAC that is bound to
 * the caller's key.  An id of another key, of another gateway's secret, or a forged one does not open.  The vendor's id is not secret, only
 * useless without the vendor's credential.  Pure.
 */
#ifndef ACCESS_SEAL_H
#define ACCESS_SEAL_H

#include "base/arena.h"

struct seal_key {
	unsigned char	 bytes[32];
};

/* What a sealed id says. */
struct sealed {
	uint64_t	 deployment;		/* its mark (struct deployment) */
	bool		 stored;		/* false: nothing holds that answer */
	struct text	 id;			/* the vendor's; of an answer that is not stored only what makes it unique */
};

/* The key for one caller of a gateway with that secret. */
void		seal_key_make(struct seal_key *, struct text secret, struct text caller);

/* "resp_…".  A vendor's id that is empty or longer than any is (256 bytes) can not be asked for: it is sealed as not stored. */
struct text	seal(struct arena *, const struct seal_key *, const struct sealed *);
/* False: not an id that this key was given. */
bool		seal_open(struct sealed *, struct arena *, const struct seal_key *, struct text id);

#endif
