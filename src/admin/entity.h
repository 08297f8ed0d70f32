/* SPDX-License-Identifier: Apache-2.0 */
/* What keys, teams, users, members and all else that spends have alike: a document, a tier, accounts. */
#ifndef ADMIN_ENTITY_H
#define ADMIN_ENTITY_H

#include "access/accounts.h"
#include "admin/fields.h"

/* A tier (a thing of kind budget); without one *there is false and the document empty. */
struct error	*tier_read(struct doc *tier, bool *there, struct admin_call *, struct text budget_id);
struct error	*tier_must_be(struct admin_call *, struct text budget_id);	/* 400 when it is not there; empty is fine */
struct error	*agent_must_be(struct admin_call *, struct text id);		/* the same of an agent (agents.c) */
/* "litellm_budget_table": the tier as LiteLLM shows it, or null. */
struct error	*put_tier(struct json_out *, struct admin_call *, struct text budget_id);

/*
 * Brings the accounts in step with an entity: its own max_budget, soft_budget, budget_duration, budget_limits, model_max_budget and temp_budget_increase,
 * and those of its tier where it has none.  Called after each write of the entity, and of the tier for all that have it.
 */
struct error	*accounts_of(struct admin_call *, enum scope, struct text entity, const struct doc *, struct text budget_id);

/* What an account spent in its present period, from columns of a joined row: account id, duration, last period, what was spent in it. */
struct spent {
	int64_t		 nano, resets_at;
};
struct error	*spent_of(struct spent *, struct admin_call *, const struct rows *, unsigned row, unsigned column);
struct error	*spent_read(struct spent *, struct admin_call *, enum scope, struct text entity);
struct error	*spent_set(struct admin_call *, enum scope, struct text entity, int64_t nano);
void		 put_spent(struct json_out *, const struct spent *);		/* spend, budget_reset_at */

/* Where something is not there that an entity names: 400. */
struct error	*must_be_there(struct admin_call *, enum statement exists, const char *what, const char *param, struct text id);

/* An id for what its creator gave none. */
struct text	 new_uuid(struct admin_call *);
/* The archive of what was deleted: its row as it was shown last. */
struct error	*archive(struct admin_call *, const char *kind, struct text entity, struct text row);

/* Pages: "total", "page", "page_size", "total_pages" by the names a path has for them. */
int64_t		 pages_of(int64_t total, int64_t size);

#endif
