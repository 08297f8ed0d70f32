/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters that hosts share, in memcached: each is an allowance of which hosts take parts until it is used up, or a record of who holds how many.
 *
 * One `struct counters` is used by one thread at a time; everything may block for as long as one answer may take and belongs to errands.  What memcached
 * loses (a restart, an eviction) begins anew from what the asking host says it took before.
 */
#ifndef STORE_COUNTERS_H
#define STORE_COUNTERS_H

#include "base/text.h"

struct counters;

/* As memcached_server() takes them; one answer may take so long. */
struct counters	*counters_new(const struct text *servers, size_t n, unsigned answer_ms);
void		 counters_free(struct counters *);

struct take {
	struct text	 key;		/* no blanks, at most 250 bytes */
	int64_t		 limit;
	int64_t		 need;		/* this much or nothing */
	int64_t		 extra;		/* and up to so much more */
	int64_t		 had;		/* what this host took of it before */
	unsigned	 ttl_s;
	/* answer */
	int64_t		 got;
	int64_t		 taken;		/* by all hosts, this one included */
};
bool		 counters_take(struct counters *, struct take *);	/* false: memcached can not be asked */
/* One record, of which everybody changes their own part only.  What was not renewed in time counts no more. */
struct hold {
	struct text	 key;
	uint64_t	 who;
	int64_t		 limit;		/* of all parts together */
	bool		 set;		/* `had` is written as it is, whatever the limit; else the rest: */
	int64_t		 need, extra;	/* as of a take */
	int64_t		 had;		/* what `who` holds, where the record does not say */
	int64_t		 now_ms, until_ms;	/* wall clock; until when it counts */
	unsigned	 ttl_s;		/* of the record */
	/* answer */
	int64_t		 got;
	int64_t		 others;	/* what others hold */
};
bool		 counters_hold(struct counters *, struct hold *);	/* false: memcached can not be asked, or nobody knows what became of it */
bool		 counters_probe(struct counters *);			/* does it answer? */

#endif
