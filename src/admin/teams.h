/* SPDX-License-Identifier: Apache-2.0 */
/* Teams and their members, for the nouns that have to do with them. */
#ifndef ADMIN_TEAMS_H
#define ADMIN_TEAMS_H

#include "admin/entity.h"

struct team {
	struct text	 id;
	struct doc	 doc;
	int64_t		 created_at, updated_at;
	struct spent	 spent;
};
extern const struct noun team_noun, member_noun;

struct error	*team_of_row(struct team *, struct admin_call *, const struct rows *, unsigned row);	/* of the columns of sql/team.sql */
struct error	*team_find(struct team *, bool *there, struct admin_call *, struct text team_id);
struct error	*team_must_be(struct team *, struct admin_call *, struct text team_id);	/* 404 */
struct error	*team_fresh(struct team *, struct admin_call *);	/* the document of a new one: default_team_params */
struct error	*team_write(struct admin_call *, const struct team *);	/* row, account, change */
struct error	*team_remove(struct admin_call *, const struct team *);	/* with its keys and members; archived and audited */
struct error	*team_put(struct json_out *, struct admin_call *, const struct team *);	/* the row without brackets, with members_with_roles */
struct text	 team_text(struct admin_call *, const struct team *);

struct member {
	struct text	 team_id, user_id, role;
	struct doc	 doc;
};
/* Who is meant by {"user_id": …} or {"user_email": …}; `make`: one that is not there is made. */
struct error	*member_meant(struct text *user_id, struct admin_call *, const struct json *who, bool make);
struct text	 member_entity(struct admin_call *, const struct member *);	/* "team/user" */
struct text	 member_text(struct admin_call *, const struct member *);	/* for the audit */
struct error	*member_find(struct member *, bool *there, struct admin_call *, struct text team_id, struct text user_id);
struct error	*member_patch(struct member *, struct admin_call *, const struct json *body);	/* role and limits of a body */
struct error	*members_rewrite(struct admin_call *, const struct team *);	/* all of a team, after its defaults changed */
struct error	*member_write(struct admin_call *, const struct member *, const struct team *);	/* row, account, change */
struct error	*member_remove(struct admin_call *, const struct member *);	/* with its keys of the team */
/* 400: already in team. */
struct error	*member_add(struct admin_call *, const struct team *, const struct json *who, const struct json *limits, struct member *);
/* A list of {user_id, user_email, role}; a list of memberships with spend and limits. */
struct error	*members_put_roles(struct json_out *, struct admin_call *, struct text team_id);
struct error	*memberships_put(struct json_out *, struct admin_call *, struct text team_id);
struct error	*membership_put(struct json_out *, struct admin_call *, const struct member *);	/* without brackets */

#endif
