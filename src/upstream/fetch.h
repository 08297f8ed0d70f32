/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A short answer, gathered whole: of issuers and token endpoints, not of models.
 *
 * It has a deadline for all of it (the plan's total_ms: name, connection, answer) and a bound; no redirect is followed: it is the answer.
 */
#ifndef UPSTREAM_FETCH_H
#define UPSTREAM_FETCH_H

#include "upstream/upstream.h"

struct fetched {
	enum call_end	 end;
	const char	*why;		/* NULL: it was answered, whatever the status; else why not, for the log */
	bool		 too_long;
	int		 status;
	struct text	 body;		/* until `done` returns */
};
typedef void fetched_f(void *self, const struct fetched *);

/* Texts of the plan are copied, edits are not for this.  `done` is called once, from the loop, never from within; the fetch is gone then. */
struct fetch	*fetch_begin(struct loop *, struct upstream *, const struct call_plan *, size_t most, fetched_f *done, void *self);
void		 fetch_cancel(struct fetch *);		/* `done` is not called any more; NULL is fine */

#endif
