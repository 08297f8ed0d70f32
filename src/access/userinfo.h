/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens that say nothing themselves: who has them is asked of their issuer's userinfo endpoint (OpenID Connect Core 5.3).
 *
 * Who asks for the same token waits for one call.  What the issuer does not know is remembered for some seconds, and only so many are asked for at a
 * time, so that guessing costs the issuer little.  What came is the caller's to remember.
 */
#ifndef ACCESS_USERINFO_H
#define ACCESS_USERINFO_H

#include "access/jwks.h"

struct userinfo;				/* a worker's */

struct userinfo	*userinfo_new(struct loop *, struct upstream *);
void		 userinfo_free(struct userinfo *);
/* As jwks_check(); *claims in the arena.  waiter_end() ends the waiting. */
enum jwks_end	 userinfo_check(struct text *claims, const char **why, struct userinfo *, struct arena *, const struct jwt_rules *, struct text token,
		    struct jwks_wait *);

#endif
