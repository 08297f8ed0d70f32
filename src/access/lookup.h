/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of keys, teams, users …: from the board, else, by an errand, from the store.
 *
 * What the board knows counts while the changes of the store are read (board_changes_read_until), or for a second.  After that it is asked for again, and
 * counts on only while the store is away, up to an age.  Whoever needs an entity that is being loaded waits for that load; a load that takes too long
 * ends as if the store were away.  Digests that no key has are remembered by the worker itself for some seconds: guessing neither asks the store each
 * time nor fills the board.  What is asked for often is kept unpacked beside, for as long as it counts.
 * Everything here belongs to the loop.
 */
#ifndef ACCESS_LOOKUP_H
#define ACCESS_LOOKUP_H

#include "access/load.h"
#include "base/errand.h"
#include "board/board.h"

struct lookups;					/* a worker's */
struct lookups_setup {
	struct loop	*loop;
	struct board	*board;
	struct lane	*lane;			/* NULL: there is no store, which is as one that is away */
	struct store_pool *pool;
	int64_t		 age_ms;		/* how long what is known counts while the store is away */
	int64_t		 fresh_ms;		/* what was read so lately is as good as now; 0: 1 s */
	int64_t		 patience_ms;		/* of who knows nothing; 0: 5 s.  Who has something to go on with waits half as long */
};
struct lookups	*lookups_new(const struct lookups_setup *);
void		 lookups_free(struct lookups *);	/* after its lane */
void		 lookups_age(struct lookups *, int64_t age_ms);	/* a reload */

enum wish_state {
	WISH_NEW,
	WISH_PENDING,
	WISH_HERE,				/* payload; empty: the store has no such entity */
	WISH_AWAY,				/* the store can not be asked, and nothing is known */
	WISH_BUSY,				/* too many ask the store at a time */
};
struct wish {
	struct entity	 entity;
	enum wish_state	 state;
	bool		 lapsed;		/* WISH_AWAY: it was known once, or the store is away for so long that nobody can tell what there is by now */
	struct text	 payload;		/* until lookup_free() */
	const struct standing *standing;	/* the same unpacked, where the worker had it so; NULL: unpack it */
	struct wish	*next;
	/* the room's own */
	struct lookup	*of;
	struct known_id	 id;
	struct wish	*waits_next, **waits_link;
	int64_t		 until_us;
	bool		 has_id, anew, stale;
	struct kept	*kept;			/* what payload and standing belong to; NULL: the lookup's arena */
};

/* All that one caller needs.  Lives in its owner, zeroed but for `ready` and `arena`. */
struct lookup {
	void		(*ready)(struct lookup *);	/* nothing is pending any more; never from within lookup_fetch() */
	struct arena	*arena;
	struct wish	*wishes;
	unsigned	 pending;
	struct lookups	*in;			/* where they are */
};
struct wish	*lookup_wish(struct lookup *, enum known_kind, struct text id, struct text user_id);	/* the one there is, or a new one */
bool		 lookup_fetch(struct lookups *, struct lookup *);	/* true: no wish is new or pending */
bool		 lookup_is_known(struct lookups *, struct wish *);	/* something is written of it on the board, however old */
void		 lookup_anew(struct wish *, bool usable);	/* what is known has run out, or (not usable) is none: to be fetched from the store, once */
void		 lookup_forget(struct lookup *);	/* waits no more; fine when it does not */
void		 lookup_free(struct lookup *);		/* and gives back what its wishes hold: before its arena goes */

#endif
