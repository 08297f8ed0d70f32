/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls at once that hosts count together: each worker holds turns of a limit, taken from memcached when its host lacks one.
 *
 * A record of memcached says who holds how many; all turns together are never more than the limit, and a host runs no more calls than its workers hold
 * turns.  What nobody needs goes back after a tick or two (a second each).  A record counts for thirty of them unless it is renewed, so what a killed
 * worker held comes back then; its calls are over at once on the board of its host.  For chunks.c, in whose lane the questions are asked.
 */
#ifndef ACCESS_CALLS_H
#define ACCESS_CALLS_H

#include "access/chunks.h"
#include "store/counters.h"

struct calls	*calls_new(struct loop *, struct board *, struct lane *, struct counters *, const char *name, int64_t tick_ms);
void		 calls_free(struct calls *, bool reachable);	/* after its lane; `reachable`: no thread uses the counters any more, so what is held goes back */

#define CALLS_KEY	64
bool		 calls_has_room(const struct calls *, uint64_t id);	/* false: too many limits at a time, each host counts this one for itself */
enum chunk_end	 calls_take(struct calls *, struct limit *);
/* What to ask for after CHUNK_SHORT, and, once for each, what came of it; `reached` false: nobody knows. */
void		 calls_ask(struct calls *, struct hold *, char key[CALLS_KEY], const struct limit *);
void		 calls_told(struct calls *, uint64_t id, const struct hold *, bool reached);

#endif
