/* SPDX-License-Identifier: Apache-2.0 */
/* What the housekeeper's threads share. */
#ifndef HOUSEKEEPER_PRIV_H
#define HOUSEKEEPER_PRIV_H

#include "board/board.h"
#include "housekeeper/housekeeper.h"
#include "ledger/shipper.h"
#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>

struct housekeeper {
	struct config	*config;		/* the file's */
	struct housekeeper_above above;
	_Atomic int64_t	 row_retention_ms;	/* the file's, or the store's */
	struct arena	*arena;
	const char	*spool_dir;
	struct store_pool *pool;
	struct board	*board;			/* with the lock; the first thread's */
	pthread_t	 thread;
	pthread_mutex_t	 lock;
	pthread_cond_t	 moved;
	bool		 stopping;		/* under the lock, as the next */
	unsigned	 calls;			/* for shipping at once */
	int64_t		 patience_until_us;	/* while stopping */
	enum house_end	 how;			/* it stops */
	int64_t		 clock_ahead_ms;	/* of the time since boot, when the days were looked at first */
	atomic_bool	 is_it, hears;		/* hears: the store's calls arrive */
};

/* Sleeps, until somebody calls or it is to stop: then false. */
bool	keeper_rest(struct housekeeper *, unsigned ms);
bool	keeper_is_stopping(struct housekeeper *);
void	keeper_call(struct housekeeper *);		/* wakes those that rest */

/* The threads: each until it is to stop. */
void	keeper_changes(struct housekeeper *);		/* changes.c: of the store, to the board */
void	keeper_ship(struct housekeeper *);		/* ship.c: the spool, and the store's days */
void	keeper_alerts(struct housekeeper *);		/* alerts.c: sent, and raised for what is away */
bool	keeper_days(struct housekeeper *, struct store *);	/* days.c; false: again soon */

/* prompts.c: stored prompts, a batch at a time; zeroed at its start.  Nothing is opened where none wait. */
struct prompt_mail {
	struct reader	*reader;
	struct spool	*spool;
	struct arena	*arena;
	int64_t		 looked_us, followed_us, said_us, again_us;
	bool		 moved;			/* something was shipped since the spool's segment was begun */
};
enum ship_end keeper_prompts(struct prompt_mail *, struct housekeeper *, struct store *);
void	keeper_prompts_close(struct prompt_mail *);
void	keeper_sweep(struct housekeeper *);		/* housekeeper.c: what dead processes left; needs no store */

#endif
