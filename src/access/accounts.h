/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounts: whose spending is counted, kept in step with the entities by whoever writes those; and notes of what changed, for all hosts.
 *
 * All of it blocks, and belongs into the transaction that writes the entity.  An account is never deleted, because leases and rows name it: a part that is
 * no longer wanted has no ceiling (loaders skip parts without one), an entity that is deleted leaves its name.
 */
#ifndef ACCESS_ACCOUNTS_H
#define ACCESS_ACCOUNTS_H

#include "access/caller.h"
#include "board/known.h"
#include "store/store.h"

struct account_want {
	const char	*part;		/* "", "window:24h", "model:gpt-4o" */
	int64_t		 ceiling, soft;	/* NO_LIMIT: none */
	int64_t		 raise;		/* further money … */
	int64_t		 raise_until;	/* … until then; 0: none */
	struct text	 duration;	/* "30d"; empty: for ever */
};

/* Makes the account, or brings it in step.  Where the duration became another one, what was spent goes along into the new period. */
enum store_end	 account_sync(struct store *, struct arena *, enum scope, struct text entity, const struct account_want *, int64_t now_ms);
/* The same of all of an entity's: those that are not named lose their ceilings. */
enum store_end	 accounts_sync(struct store *, struct arena *, enum scope, struct text entity, const struct account_want *, unsigned n, int64_t now_ms);

struct account {
	uint64_t	 id;		/* 0: there is none */
	int64_t		 ceiling, soft;
	int64_t		 raise, raise_until;
	struct text	 duration;
	int64_t		 period, resets_at;	/* the present one; 0: for ever, never */
	int64_t		 spent, held;
};
enum store_end	 account_read(struct account *, struct store *, struct arena *, enum scope, struct text entity, struct text part, int64_t now_ms);
/* What is spent in the present period becomes that. */
enum store_end	 account_set_spent(struct store *, struct arena *, enum scope, struct text entity, struct text part, int64_t nano, int64_t now_ms);
enum store_end	 account_rename(struct store *, struct arena *, enum scope, struct text from, struct text to);	/* with all its parts */
enum store_end	 account_leave(struct store *, struct arena *, enum scope, struct text entity);	/* it was deleted: its name may come again */

/* The present period of a duration: its number and its end; 0 and 0 for an empty one. */
void		 account_period(int64_t *period, int64_t *resets_at, struct text duration, int64_t now_ms);

/* A line in the list of changes that all hosts read, and a wake-up for them.  Last in a transaction: until its end changes of others wait. */
enum store_end	 change_note(struct store *, struct arena *, enum known_kind, struct text entity);
enum store_end	 change_note_all(struct store *, struct arena *);	/* everything may have changed */

#endif
