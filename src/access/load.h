/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the rows of the store to standings.  Blocks: for errands, the housekeeper and commands.
 *
 * Documents are LiteLLM's: what is not there, is null, or of another type than it should be, limits nothing.
 */
#ifndef ACCESS_LOAD_H
#define ACCESS_LOAD_H

#include "access/caller.h"
#include "base/json.h"
#include "board/known.h"
#include "store/store.h"

/* Whom to load. */
struct entity {
	enum known_kind	 kind;
	struct text	 id;			/* of a key: its digest in hex; of a member: the team's; of others: "access_group/…", "agent/…", or of what the configuration says */
	struct text	 user_id;		/* of a member */
	/* What the configuration says, in place of a row: of a key, "agent/…", "session/…", "proxy", "provider/…", "deployment/…"; else empty. */
	struct text	 doc;
	int64_t		 expires_ms;		/* of that key */
	struct text	 tier;			/* of a customer or tag that has none of its own, or is not there: its id, or what it says, as JSON; or empty */
};
void		 entity_known_id(struct known_id *, struct arena *, const struct entity *);
enum scope	 entity_scope(const struct entity *);

/* The packed standing, or the packed `moved` of a key that was regenerated; empty: there is no such entity. */
enum store_end	 load_entity(struct buf *packed, struct arena *scratch, struct store *, const struct entity *, int64_t now_ms);

/* What a document says.  `s` is a standing_none with what the columns say. */
void		 standing_read(struct standing *s, struct arena *, enum known_kind, const struct json *doc);
/* A key of the configuration, without its money. */
void		 key_of_file(struct standing *, struct arena *, struct text digest, const struct json *doc);
/* What a tier (a budget) says of rates, where the entity itself says nothing. */
void		 standing_read_tier(struct standing *s, struct arena *, const struct json *doc);

#endif
