/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this host knows of keys, teams, users …: copies of rows of the store, so that a request asks no database.
 *
 * One entry per entity, never joined ones.  An entry counts only while the generation of its id is the one that was read *before* the store was asked, so
 * a revocation can not be undone by a slow reader.  Larger payloads take several entries; what finds no room is just not known.
 */
#ifndef BOARD_KNOWN_H
#define BOARD_KNOWN_H

#include "base/arena.h"
#include "board/board.h"

#define KNOWN_MOST	4000		/* bytes of one payload */
#define KNOWN_LEAST_ROOM	32768	/* entities for which every board has room, of up to 448 bytes each */

#define KNOWN_MODELS	"models"	/* the entity that stands for all models and settings of the store, of kind KNOWN_OTHER */

enum known_kind { KNOWN_KEY, KNOWN_TEAM, KNOWN_MEMBER, KNOWN_USER, KNOWN_ORGANIZATION, KNOWN_PROJECT, KNOWN_CUSTOMER, KNOWN_TAG, KNOWN_OTHER,
    KNOWN_KINDS };
extern const char *const known_kinds[KNOWN_KINDS];	/* "key", "team" … as in sluice_change */

struct known_id {
	unsigned char	 bytes[32];
};
/* Of a key: its digest (64 hex digits), which is what SHA-256 makes of the key; of all else SHA-256 of "kind:id".  A member is "team_id/user_id". */
void		 known_id_make(struct known_id *, enum known_kind, struct text id);

struct known {
	struct text	 payload;	/* in the arena; empty: the store has no such entity */
	int64_t		 loaded_us;	/* when the store said so, CLOCK_BOOTTIME */
};
bool		 known_find(struct known *, struct arena *, struct board *, const struct known_id *);
bool		 known_was(struct board *, const struct known_id *);	/* something is written of it, however old */
uint32_t	 known_generation(const struct board *, const struct known_id *);
void		 known_put(struct board *, const struct known_id *, uint32_t generation, struct text payload);
void		 known_change(struct board *, const struct known_id *);	/* what is known of it counts no more */
void		 known_change_all(struct board *);

/* Room for more of them; a board never gets smaller.  False and *why: the file system is full, what there was stays. */
bool		 known_room(struct board *, unsigned entities, struct buf *why);

/* The housekeeper has read all changes of the store up to that moment (CLOCK_BOOTTIME); 0: never. */
void		 board_changes_read(struct board *, int64_t until_us);
int64_t		 board_changes_read_until(const struct board *);

#endif
