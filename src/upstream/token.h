/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bearer tokens that must be fetched: a worker's table of what its credentials (struct credential) were last given.
 *
 * A token is used until shortly before its end and renewed in the background from four fifths of its life on, when it is asked for.  While there is none,
 * all who ask wait for one fetch, which has an end: after it token_get() has the token or says why not, and for a while does not try again.
 * Nothing is fetched that nobody asks for.  Tokens and secrets have no path to a log line.
 */
#ifndef UPSTREAM_TOKEN_H
#define UPSTREAM_TOKEN_H

#include "base/errand.h"
#include "base/waiter.h"
#include "config/config.h"
#include "upstream/upstream.h"

struct tokens;

enum token_state {
	TOKEN_HERE,				/* *word is the token, until the next call of this room */
	TOKEN_WAIT,				/* `ready` will be called from the loop, unless waiter_end() comes first */
	TOKEN_FAILED,				/* *word is why: a sentence's end, fit for a client */
};

struct tokens	*tokens_new(struct loop *, struct upstream *, struct lane *disk);	/* disk: where files of assertions are read */
void		 tokens_free(struct tokens *);	/* who waits is not called any more; before the upstream and the lane */
/* The credential's texts are needed during the call only. */
enum token_state token_get(struct text *word, struct tokens *, const struct credential *, bool verify, struct waiter *);
/*
 * The upstream refused that token: true when another can be had, so that asking again is worth it.  A new one is fetched at most once a minute for that.
 */
bool		 token_refused(struct tokens *, const struct credential *, struct text token);

#endif
