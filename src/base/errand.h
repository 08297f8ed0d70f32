/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errands: work that may block, done by threads, reported back on the loop.
 *
 * A lane per kind (names, disk, store, memcached), each with its threads, a bounded queue, and so a trouble of its own: a stopped memcached
 * delays no name look-up.  An errand owns its memory; its `done` runs on the loop exactly once for each that lane_send() took, also
 * when its asker has long gone (the asker clears its pointer in the errand).  Threads start with the first errand and end
 * after a time without work, so that a worker that needs none has none.  All functions belong to the loop's thread.
 */
#ifndef BASE_ERRAND_H
#define BASE_ERRAND_H

#include "base/loop.h"

struct lane;

struct errand {
	void		(*work)(struct errand *);	/* in a thread; may block; touches only the errand */
	void		(*done)(struct errand *);	/* on the loop; frees it; may call lane_send() and lane_free() */
	void		(*drop)(struct errand *);	/* instead of `done`, when the lane goes first: frees it, in any thread; NULL: nothing to free */
	struct errand	 *next;				/* kept by the lane */
};

struct lane	*lane_new(struct loop *, const char *name, unsigned threads, unsigned queue);
bool		 lane_send(struct lane *, struct errand *);	/* false: the queue is full; the errand stays the caller's */
void		 lane_set_idle(struct lane *, unsigned idle_ms);	/* how long a thread waits for work before it ends; 10 s unless told */
unsigned	 lane_threads(struct lane *);			/* running now */
/*
 * Waits for running work up to `wait_ms`, then leaves the threads to the end of the process.  `done` is not called any more, `drop` is.  False: some
 * work still runs.
 */
bool		 lane_free(struct lane *, unsigned wait_ms);

#endif
