/* SPDX-License-Identifier: Apache-2.0 */
/* Users, for the nouns that have to do with them. */
#ifndef ADMIN_USERS_H
#define ADMIN_USERS_H

#include "admin/entity.h"

struct user {
	struct text	 id;
	struct doc	 doc;
	int64_t		 created_at, updated_at;
	struct spent	 spent;
};
extern const struct noun user_noun;

struct error	*user_of_row(struct user *, struct admin_call *, const struct rows *, unsigned row);	/* of the columns of sql/user.sql */
struct error	*user_find(struct user *, bool *there, struct admin_call *, struct text user_id);
struct error	*user_fresh(struct user *, struct admin_call *);	/* the document of a new one: default_internal_user_params, and a role */
struct error	*user_write(struct admin_call *, const struct user *);
struct error	*user_remove(struct admin_call *, const struct user *);	/* with its keys and memberships */
struct error	*user_put(struct json_out *, struct admin_call *, const struct user *);	/* the row without brackets, with its teams' ids */
struct error	*user_text(struct text *, struct admin_call *, const struct user *);
/* A user is made, where a member has no row yet. */
struct error	*user_ensure(struct admin_call *, struct text user_id, struct text email);
struct error	*user_by_email(struct text *user_id, struct admin_call *, struct text email);	/* empty: nobody */

#endif
