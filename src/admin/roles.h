/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May this caller do this to that row: the one place that knows.
 *
 * Admins may all, their viewers may read all.  Others are looked up in the store within the call: who is admin of a team or of an organization, and what
 * the members of a team may do with its keys.
 */
#ifndef ADMIN_ROLES_H
#define ADMIN_ROLES_H

#include "admin/admin_priv.h"

enum deed { DEED_READ, DEED_MAKE, DEED_CHANGE, DEED_DELETE };

bool		 is_admin(const struct admin_call *);		/* the master key, or proxy_admin */
bool		 sees_all(const struct admin_call *);		/* or proxy_admin_viewer */
struct text	 own_user(const struct admin_call *);		/* the caller's user id; of the master key MASTER_USER; empty: none */

struct error	*is_team_admin(bool *, struct admin_call *, struct text team_id);	/* or of its organization */
struct error	*is_team_member(bool *, struct admin_call *, struct text team_id);
struct error	*is_org_admin(bool *, struct admin_call *, struct text organization_id);
struct error	*is_org_member(bool *, struct admin_call *, struct text organization_id);
bool		 is_me(const struct admin_call *, struct text user_id);

/* NULL: they may.  `route` is what members of a team need in their permissions ("/key/update"). */
struct error	*may_key(struct admin_call *, enum deed, const char *route, struct text digest, struct text user_id, struct text team_id, struct text org_id);
struct error	*may_team(struct admin_call *, enum deed, struct text team_id);
struct error	*may_org(struct admin_call *, enum deed, struct text organization_id);
struct error	*may_user(struct admin_call *, enum deed, struct text user_id);

extern const char *const member_permissions[];			/* those a team can give; ends with NULL */

#endif
