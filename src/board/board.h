/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The board: what the workers of a host know together, in one shared file.
 *
 * A process opens and maps the board after its fork and takes a seat: it holds an open-file-description write lock on the seat's byte as long as it
 * lives, so who is alive is the kernel's word.  Whoever gets the byte of a dead seat (a newcomer, a sweeper) is alone with it and cleans it;
 * cleaning can be repeated.  What one seat writes no other seat writes.  Times are CLOCK_BOOTTIME.
 *
 * Seats are wide (event-loop workers, 16) or narrow (one-request processes, 1,024).  Capacities are fixed; tables are keyed by id, so a reload resizes
 * nothing.  A board belongs to one thread of its process (the loop).  A child forked without exec must not use it: the mapping is not there.
 */
#ifndef BOARD_BOARD_H
#define BOARD_BOARD_H

#include "base/text.h"

#define BOARD_WIDE		16
#define BOARD_NARROW		1024
#define BOARD_DEPLOYMENTS	1024	/* slots; ids that find none free share BOARD_OTHER */
#define BOARD_OTHER		0	/* the slot "other": also for what was answered without a deployment */

struct board;

enum seat_kind { SEAT_WIDE, SEAT_NARROW, SEAT_NONE /* reads only: metrics, check */ };

/*
 * Open `dir`/`instance`.board, making it if need be (a board of an earlier boot, or one whose maker died, is made anew), and take a seat.  NULL and *why
 * when the folder is missing or not writable, the file system full, all seats taken, or the file is a link, another's, or no board.  Where another
 * version's board lies there, this one's has its layout as a suffix, so that two versions can run side by side.
 */
struct board	*board_open(const char *dir, const char *instance, enum seat_kind, struct buf *why);
void		 board_close(struct board *);		/* gives the seat back, clean */
bool		 board_housekeeper(struct board *);	/* makes its holder the host's housekeeper until it is closed; false: another is */
unsigned	 board_sweep(struct board *);		/* cleans dead seats; how many.  Each worker calls it once a second */
size_t		 board_size(unsigned known, unsigned series);	/* bytes of the file with room for so many known entities and callers, for sluice check */

/*
 * Listeners: workers that share one are compared with each other.  `key` names the listener; 0: alone, or not accepting any more.  A worker
 * that has not swept for three seconds is stuck and is compared with nobody, lest all others wait for it.
 */
void		 board_listener(struct board *, uint64_t key);
void		 board_open_exchanges(struct board *, int change);	/* of this seat */
unsigned	 board_my_open(const struct board *);
unsigned	 board_least_open(struct board *);	/* among living wide seats on my listener, mine too */
unsigned	 board_all_open(const struct board *);		/* summed over living seats */

/* The slot of a deployment: the same in every process and after a reload.  Two ids with the same 64-bit hash share one. */
unsigned	 board_deployment(struct board *, struct text id);
void		 board_in_flight(struct board *, unsigned deployment, int change);
unsigned	 board_in_flight_sum(const struct board *, unsigned deployment);

/* Last real outcome of a deployment, for /health; never torn. */
struct outcome {
	int64_t		 at_wall_ms;		/* 0: none yet */
	int		 status;		/* HTTP, 0: not reached; at most 999 */
	int		 error;			/* enum error_kind + 1, 0: fine */
};
void		 board_outcome(struct board *, unsigned deployment, const struct outcome *);
bool		 board_outcome_read(const struct board *, unsigned deployment, struct outcome *);

/* What a vendor's last answer said that its own limits leave; below 0: it did not say.  board_vendor_left() keeps what it knew then. */
enum vendor_limit { VENDOR_REQUESTS, VENDOR_TOKENS, VENDOR_LIMITS };
void		 board_vendor_left(struct board *, unsigned deployment, const int64_t left[VENDOR_LIMITS]);
int64_t		 board_vendor_left_read(const struct board *, unsigned deployment, enum vendor_limit);

/*
 * Metrics: per seat and monotone.  Wide seats have a set each, narrow seats share one and add atomically.
 * Counters of the gateway, and of each deployment; what calls came to and how long they took is counted by caller (board/series.h).
 */
enum counter {				/* whole gateway */
	COUNT_REQUESTS_CHAT, COUNT_REQUESTS_MESSAGES, COUNT_REQUESTS_RESPONSES, COUNT_REQUESTS_COMPLETIONS, COUNT_REQUESTS_EMBEDDINGS,
	COUNT_REQUESTS_OTHER,
	COUNT_REFUSED,			/* answered by us with a 4xx */
	COUNT_LEFT,			/* clients that left */
	COUNT_CUT,			/* streams that broke */
	COUNT_BAD_RECORDS,		/* malformed FastCGI streams */
	COUNT_FALLBACKS, COUNT_RETRIES,
	COUNT_MEMCACHED_FAILURES,	/* limits that could not be shared between hosts */
	COUNT_UNCOUNTED,		/* requests admitted without all of their limits counted: the board was full */
	COUNT_PROMPTS_DROPPED,		/* that were to be stored */
	COUNTERS
};
enum deployment_counter {
	DEP_FULL_RATES, DEP_FULL_MONEY,	/* passed over for lack of room: by its own rates, by its own or its provider's budget */
	DEP_COUNTERS
};

/* Statuses that are counted apart; the last, 0, is any other. */
#define BOARD_STATUSES	21
extern const int board_statuses[BOARD_STATUSES];

void		 board_count(struct board *, enum counter, uint64_t by);
void		 board_count_deployment(struct board *, unsigned deployment, enum deployment_counter, uint64_t by);
unsigned	 board_status(int status);	/* which of board_statuses */
uint64_t	 board_counted(const struct board *, enum counter);
uint64_t	 board_counted_deployment(const struct board *, unsigned deployment, enum deployment_counter);
unsigned	 board_deployments(const struct board *);		/* slots in use: 0 … n-1 */
bool		 board_deployment_id(const struct board *, unsigned slot, char id[72]);	/* cut after 71 bytes */

#endif
