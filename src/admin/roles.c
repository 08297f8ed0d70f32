/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what to which row. */
#include "admin/roles.h"

#include "admin/fields.h"

const char *const member_permissions[] = {
	"/key/generate", "/key/update", "/key/delete", "/key/regenerate", "/key/service-account/generate", "/key/{key_id}/regenerate", "/key/block",
	"/key/unblock",
	"/key/bulk_update", "/team/key/bulk_update", "/key/{key_id}/reset_spend", "/key/access_group_assignment", "/key/info", "/key/health", "/key/list",
	"/key/aliases", "/team/daily/activity", "/spend/logs", "/spend/logs/v2", NULL,
};
/* What members may where their team says nothing. */
static const char *const usual_permissions[] = { "/key/info", "/key/health", NULL };

bool
is_admin(const struct admin_call *c)
{
	return (c->caller->kind == CALLER_MASTER || c->caller->role == USER_ADMIN);
}

bool
sees_all(const struct admin_call *c)
{
	return (is_admin(c) || c->caller->role == USER_ADMIN_VIEWER);
}

/* Keys that the master key made for nobody are said to be its user's: that makes none of their holders the owner of all the others. */
struct text
own_user(const struct admin_call *c)
{
	if (c->caller->kind == CALLER_MASTER)
		return (c->caller->user_id.len == 0 ? TEXT(MASTER_USER) : c->caller->user_id);
	return (text_is(c->caller->user_id, MASTER_USER) ? TEXT("") : c->caller->user_id);
}

bool
is_me(const struct admin_call *c, struct text user_id)
{
	return (user_id.len > 0 && text_eq(own_user(c), user_id));
}

static struct error *
role_in(struct text *role, struct admin_call *c, enum statement which, struct text id)
{
	struct rows rows;

	*role = TEXT("");
	if (own_user(c).len == 0 || id.len == 0)
		return (NULL);
	TRY(ASK(c, &rows, which, V_TEXT(id), V_TEXT(own_user(c))));
	*role = rows.n > 0 ? rows_text(&rows, 0, 0) : TEXT("");
	return (NULL);
}

struct error *
is_org_admin(bool *is, struct admin_call *c, struct text organization_id)
{
	struct text role;

	TRY(role_in(&role, c, SQL_ORGANIZATION_ROLE, organization_id));
	*is = text_is(role, "org_admin");
	return (NULL);
}

struct error *
is_org_member(bool *is, struct admin_call *c, struct text organization_id)
{
	struct text role;

	TRY(role_in(&role, c, SQL_ORGANIZATION_ROLE, organization_id));
	*is = role.len > 0;
	return (NULL);
}

struct error *
is_team_admin(bool *is, struct admin_call *c, struct text team_id)
{
	struct text role;
	struct rows rows;

	TRY(role_in(&role, c, SQL_TEAM_ROLE, team_id));
	*is = text_is(role, "admin");
	if (*is || team_id.len == 0)
		return (NULL);
	TRY(ASK(c, &rows, SQL_TEAM_ORGANIZATION, V_TEXT(team_id)));
	return (rows.n > 0 ? is_org_admin(is, c, rows_text(&rows, 0, 0)) : NULL);
}

struct error *
is_team_member(bool *is, struct admin_call *c, struct text team_id)
{
	struct text role;

	TRY(role_in(&role, c, SQL_TEAM_ROLE, team_id));
	*is = role.len > 0;
	return (NULL);
}

static bool
is_listed(struct text name, const struct text *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (text_eq(list[i], name))
			return (true);
	return (false);
}

/* Has the team given its members that route? */
static struct error *
members_may(bool *may, struct admin_call *c, struct text team_id, const char *route)
{
	struct text *given;
	struct rows rows;
	struct doc d;
	unsigned n;

	TRY(ASK(c, &rows, SQL_TEAM_DOC, V_TEXT(team_id)));
	doc_read(&d, c->arena, rows.n > 0 ? rows_text(&rows, 0, 0) : TEXT(""));
	n = doc_strings(&given, &d, "team_member_permissions");
	*may = is_listed(text_of(route), given, n);
	for (const char *const *u = usual_permissions; *u != NULL; u++)
		*may |= doc_raw(&d, "team_member_permissions").len == 0 && strcmp(*u, route) == 0;
	return (NULL);
}

static struct error *
not_permitted(struct admin_call *c, const char *route)
{
	struct error *e = admin_forbidden(c, "Team member does not have permissions for endpoint: %s. The team's admin can give them with"
	    " /team/permissions_update.", route);

	e->type = TEXT("team_member_permission_error");
	return (e);
}

/* A key that belongs to a team is the team's: its admins', and what they let members do; members may always read and use their own. */
struct error *
may_key(struct admin_call *c, enum deed deed, const char *route, struct text digest, struct text user_id, struct text team_id, struct text org_id)
{
	bool may = is_admin(c) || (deed == DEED_READ && sees_all(c)), member;

	if (may)
		return (NULL);
	if (deed == DEED_READ && digest.len > 0 && text_eq(digest, c->caller->digest))
		return (NULL);
	if (c->caller->role == USER_INTERNAL_VIEWER && deed != DEED_READ)
		return (admin_forbidden(c, "The role internal_user_viewer may read its own keys, not change them."));
	TRY(is_org_admin(&may, c, org_id));
	if (!may && team_id.len > 0)
		TRY(is_team_admin(&may, c, team_id));
	if (may)
		return (NULL);
	if (team_id.len == 0) {
		if (is_me(c, user_id) && c->caller->kind != CALLER_NOBODY)
			return (NULL);
		return (admin_forbidden(c, "You may only handle your own keys (%s): this one belongs to another user.", route));
	}
	TRY(is_team_member(&member, c, team_id));
	if (member && deed == DEED_READ && is_me(c, user_id))
		return (NULL);
	if (member)
		TRY(members_may(&may, c, team_id, route));
	if (may && (deed == DEED_READ || user_id.len == 0 || is_me(c, user_id)))
		return (NULL);
	return (member ? not_permitted(c, route) : admin_forbidden(c, "You are no member of the team '" TEXT_FMT "'.", TEXT_ARG(team_id)));
}

struct error *
may_team(struct admin_call *c, enum deed deed, struct text team_id)
{
	bool may = is_admin(c) || (deed == DEED_READ && sees_all(c));

	if (!may && deed == DEED_READ && team_id.len > 0 && text_eq(team_id, c->caller->team_id))
		return (NULL);
	if (!may)
		TRY(is_team_admin(&may, c, team_id));
	if (!may && deed == DEED_READ)
		TRY(is_team_member(&may, c, team_id));
	if (may)
		return (NULL);
	return (admin_forbidden(c, deed == DEED_READ ? "Only members and admins of the team '" TEXT_FMT "' may see it." :
	    "Only admins of the team '" TEXT_FMT "', of its organization and of the proxy may do that.", TEXT_ARG(team_id)));
}

struct error *
may_org(struct admin_call *c, enum deed deed, struct text organization_id)
{
	bool may = is_admin(c) || (deed == DEED_READ && sees_all(c));

	if (!may && deed == DEED_READ)
		TRY(is_org_member(&may, c, organization_id));
	else if (!may)
		TRY(is_org_admin(&may, c, organization_id));
	if (may)
		return (NULL);
	return (admin_forbidden(c, "Only %s of the organization '" TEXT_FMT "' and proxy admins may do that.", deed == DEED_READ ? "members" : "admins",
	    TEXT_ARG(organization_id)));
}

/* Org admins may handle the users of their organizations. */
static struct error *
is_org_admin_of(bool *is, struct admin_call *c, struct text user_id)
{
	struct rows rows;

	TRY(ASK(c, &rows, SQL_ORGANIZATION_ADMIN_OF, V_TEXT(own_user(c)), V_TEXT(user_id)));
	*is = rows.n > 0;
	return (NULL);
}

struct error *
may_user(struct admin_call *c, enum deed deed, struct text user_id)
{
	bool may = is_admin(c) || (deed == DEED_READ && (sees_all(c) || is_me(c, user_id)));

	if (!may && own_user(c).len > 0)
		TRY(is_org_admin_of(&may, c, user_id));
	if (may)
		return (NULL);
	return (admin_forbidden(c, "You may not %s the user '" TEXT_FMT "'.", deed == DEED_READ ? "see" : "change", TEXT_ARG(user_id)));
}
