/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop of a process: file descriptors, timers, things to do later in this turn, and wake-ups from other threads.
 *
 * One loop per process; all calls but loop_post() belong to its thread.  Callbacks may add and remove anything,
 * themselves too.  Nothing called from the loop may block.
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop;

/* A descriptor that is watched.  Lives in its owner; the loop only points to it. */
struct watch {
	void		(*ready)(struct watch *, uint32_t events);	/* EPOLL* bits */
	int		  fd;
	uint32_t	  events;		/* what is asked for now; kept by the loop */
};

/* A deadline.  Lives in its owner.  timer_set() on a running one moves it. */
struct timer {
	void		(*due)(struct timer *);	/* not running any more by then */
	int64_t		  at_us;		/* CLOCK_BOOTTIME */
	unsigned	  place;		/* in the heap, from 1; 0: not running */
};

/* Something to do at the end of this turn, before the loop sleeps; a soon that is already queued stays queued once.  One that queues itself again
 * and again does not keep the loop from its descriptors. */
struct soon {
	void		(*run)(struct soon *);
	struct soon	 *next;
	bool		  queued;
};

/* Something another thread wants run on the loop. */
struct post {
	void		(*run)(struct post *);
	struct post	 *next;
};

struct loop	*loop_new(void);
void		 loop_free(struct loop *);
void		 loop_run(struct loop *);		/* until loop_stop() */
void		 loop_turn(struct loop *, int max_wait_ms);	/* one turn: for tests */
void		 loop_stop(struct loop *);
int64_t		 loop_now_us(const struct loop *);	/* read once a turn */

void		 watch_add(struct loop *, struct watch *, uint32_t events);
void		 watch_change(struct loop *, struct watch *, uint32_t events);	/* no system call if nothing changes */
void		 watch_remove(struct loop *, struct watch *);	/* before close(); events already taken this turn are dropped */
void		 watch_closed(struct loop *, struct watch *);	/* as remove, for an fd that was closed: no system call */

void		 timer_set(struct loop *, struct timer *, int64_t at_us);
void		 timer_stop(struct loop *, struct timer *);

void		 soon_do(struct loop *, struct soon *);
void		 soon_forget(struct loop *, struct soon *);

void		 loop_post(struct loop *, struct post *);	/* from any thread; in order */
void		 post_forget(struct loop *, struct post *);	/* one that was posted; on the loop's thread */

/* Signals arrive as callbacks of the loop (signalfd); loop_signals() blocks them for the process, so call it before threads. */
void		 loop_signals(struct loop *, const int *signals, unsigned n, void (*caught)(void *self, int signal), void *self);

#endif
