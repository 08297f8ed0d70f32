/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request says of whom it is made for: its end user, its session, its tags, and what its caller wants to find in the ledger.
 *
 * A name from the caller counts only where the key may assert one (metadata.may_assert_user), or for the master key: budgets and blocks of end users hang
 * on it.  Pure.
 */
#ifndef ACCESS_SAID_H
#define ACCESS_SAID_H

#include "access/caller.h"
#include "base/error.h"
#include "base/json.h"
#include "config/config.h"
#include "web/web.h"

#define TAGS_MOST	32

struct said {
	const struct settings *settings;
	const struct request *request;
	struct text	 session;		/* that its headers name, or empty */
	struct text	 body;
	const struct json_spot *top;		/* its members; NULL: it has none that are known */
	size_t		 n_top;
};

/*
 * Sets the caller's customer, session, notes and tags; texts are copied into the arena.  Refused: who names no end user or session where one is
 * required, or a user that is shut out.
 */
struct error	*said_read(struct caller *, struct arena *, const struct said *);

#endif
