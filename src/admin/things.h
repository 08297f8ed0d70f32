/* SPDX-License-Identifier: Apache-2.0 */
/* Things: customers, tags, projects, tiers, models, credentials …, which have an id and a document only. */
#ifndef ADMIN_THINGS_H
#define ADMIN_THINGS_H

#include "admin/entity.h"

#define THINGS_MOST	10000		/* of one list */

struct thing {
	const char	*kind;		/* "customer" */
	struct text	 id, parent;
	struct doc	 doc;
	int64_t		 created_at, updated_at;	/* 0: not kept yet */
	struct spent	 spent;		/* of a kind that spends */
};

void		 thing_new(struct thing *, struct admin_call *, const char *kind, struct text id);
struct error	*thing_find(struct thing *, bool *there, struct admin_call *, const char *kind, struct text id);
struct error	*thing_must_be(struct thing *, struct admin_call *, const char *kind, struct text id, const char *param);	/* 404: not found */
struct error	*thing_must_not_be(struct admin_call *, const char *kind, struct text id, const char *param);			/* 400: already exists */
struct error	*thing_write(struct admin_call *, struct thing *);	/* with who did it; nothing else */
struct error	*thing_delete(struct admin_call *, const struct thing *);
struct error	*things_list(struct thing **, unsigned *n, struct admin_call *, const char *kind, struct text parent);	/* by id; of all parents when empty */
void		 put_made(struct json_out *, const struct doc *, int64_t created_at, int64_t updated_at);	/* also created_by, updated_by */
void		 doc_set_made(struct doc *, const struct admin_call *, bool new);	/* created_by, updated_by */

struct text	 texts_raw(struct arena *, const struct text *, unsigned n);	/* a JSON array of strings */

/* Writing a row into a text, for the audit and the archive. */
typedef struct error *thing_put_f(struct json_out *, struct admin_call *, const struct thing *);
struct error	*thing_text(struct text *, struct admin_call *, const struct thing *, thing_put_f *);
struct error	*thing_put(struct json_out *, struct admin_call *, const struct thing *, thing_put_f *);	/* the row as an object */
struct error	*things_put(struct json_out *, struct admin_call *, const struct thing *, unsigned n, thing_put_f *);	/* a list of them */

/* Things that spend: customers, tags, projects, agents. */
struct spender {
	const char	*kind;
	enum scope	 scope;
	enum known_kind	 known;
	thing_put_f	*put;
	const char	*known_as;	/* what stands before its id where it is known; NULL: nothing */
};
/* Writes it with its account (of its tier, where it has none of its own), what changed and the audit; the same for its end. */
struct error	*spender_keep(const struct spender *, struct admin_call *, struct thing *, struct text tier, struct text team, struct text before,
    const char *action);
struct error	*spender_remove(const struct spender *, struct admin_call *, const struct thing *, struct text tier, struct text team);

/* budgets.c: tiers */
extern const struct noun tier_noun;
/*
 * What a body says of the tier of an entity ("organization/ID"), which has `*budget_id` now: another one, none, or limits of its own, which live in a
 * tier that is the entity's alone.
 */
struct error	*tier_patch(struct text *budget_id, struct admin_call *, const char *owner_kind, struct text owner, const struct json *body);
struct error	*tier_leave(struct admin_call *, const char *owner_kind, struct text owner, struct text budget_id);	/* a tier of its own goes with it */

#endif
