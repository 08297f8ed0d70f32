/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Public keys of issuers, fetched by the worker and kept; and tokens that were verified lately.
 *
 * Keys are fetched when they are first needed, again in the background when they are old, and when a token names one that is not there, but not more
 * often than all some seconds.  While an issuer can not be reached its keys count on for an hour.  What was verified is found again by the whole digest
 * of the token, until it expires, for some minutes at most.
 */
#ifndef ACCESS_JWKS_H
#define ACCESS_JWKS_H

#include "access/jwt.h"
#include "base/waiter.h"
#include "config/config.h"
#include "upstream/upstream.h"

struct jwks;					/* a worker's */

/* Somebody who waits for keys.  Lives in its owner, zeroed. */
struct jwks_wait {
	struct waiter	 on;			/* `ready` is called from the loop, never from within jwks_check(): ask again */
	bool		 waited;
};

enum jwks_end {
	JWKS_GOOD,				/* *claims, in the arena */
	JWKS_WAIT,				/* until it is ready; waiter_end() ends it before */
	JWKS_BAD,				/* *why: the end of a sentence about the token */
	JWKS_AWAY,				/* no issuer could be asked, and there are no keys */
};

struct jwks	*jwks_new(struct loop *, struct upstream *);
void		 jwks_free(struct jwks *);
enum jwks_end	 jwks_check(struct text *claims, const char **why, struct jwks *, struct arena *, const struct jwt_rules *, struct text token,
		    int64_t now_s, struct jwks_wait *);
/* A token that was verified lately, by these keys or otherwise. */
bool		 jwks_recall(struct text *claims, struct jwks *, struct arena *, struct text token, int64_t now_s);
void		 jwks_remember(struct jwks *, struct text token, struct text claims, int64_t until_s);
/* What else had to be done once for a token that was verified is done; it is remembered as long as the token is. */
bool		 jwks_is_settled(struct jwks *, struct text token);
void		 jwks_settle(struct jwks *, struct text token);

#endif
