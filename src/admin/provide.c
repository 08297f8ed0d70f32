/* SPDX-License-Identifier: Apache-2.0 */
/* A token's user, teams, memberships and key. */
#include "admin/provide.h"

#include "admin/jwt_mappings.h"
#include "admin/key_policy.h"
#include "admin/keys.h"
#include "admin/teams.h"
#include "admin/users.h"

/* the user */

static struct error *
make_user(struct text *id, struct admin_call *c, struct text name)
{
	struct user u = { .id = name, .created_at = c->now_ms, .updated_at = c->now_ms };
	struct text email, role, other, row;

	TRY(body_text(&email, c, c->body, "user_email"));
	TRY(body_text(&role, c, c->body, "role"));
	TRY(user_fresh(&u, c));
	TRY(user_by_email(&other, c, email));
	if (other.len == 0 && email.len > 0)
		doc_set_string(&u.doc, "user_email", email);
	if (role.len > 0)
		doc_set_string(&u.doc, "user_role", role);
	TRY(user_write(c, &u));
	TRY(user_text(&row, c, &u));
	*id = name;
	return (audit(c, "created", "user", u.id, TEXT(""), TEXT(""), row));
}

/* The token decides what the role is, where it says one. */
static struct error *
follow_role(struct admin_call *c, struct text id)
{
	struct text role, before, after;
	struct user u;
	bool there;

	TRY(body_text(&role, c, c->body, "role"));
	TRY(user_find(&u, &there, c, id));
	if (!there || role.len == 0 || text_eq(role, doc_string(&u.doc, "user_role")))
		return (NULL);
	TRY(user_text(&before, c, &u));
	doc_set_string(&u.doc, "user_role", role);
	u.updated_at = c->now_ms;
	TRY(user_write(c, &u));
	TRY(user_text(&after, c, &u));
	return (audit(c, "updated", "user", u.id, TEXT(""), before, after));
}

/* *id: who that is here; empty where there is no row and none is made. */
static struct error *
provide_user(struct text *id, struct admin_call *c)
{
	const struct jwt_rules *j = &c->config->jwt;
	struct rows rows = { 0 };
	struct text name;

	*id = TEXT("");
	TRY(body_text(&name, c, c->body, "user_id"));
	if (name.len == 0)
		return (NULL);
	TRY(ASK(c, &rows, SQL_ACCESS_PERSON, V_TEXT(name)));
	if (rows.n > 0)
		*id = rows_text(&rows, 0, 0);
	else if (j->makes_users)
		TRY(make_user(id, c, name));
	return (id->len > 0 && j->follows ? follow_role(c, *id) : NULL);
}

/* teams */

static struct error *
provide_team(struct team *t, bool *there, struct admin_call *c, struct text id)
{
	TRY(team_find(t, there, c, id));
	if (*there || !c->config->jwt.makes_teams || id.len > 255 || memchr(id.at, '/', id.len) != NULL)
		return (NULL);
	*t = (struct team){ .id = id, .created_at = c->now_ms, .updated_at = c->now_ms };
	TRY(team_fresh(t, c));
	if (doc_raw(&t->doc, "team_alias").len == 0)
		doc_set_string(&t->doc, "team_alias", id);
	TRY(team_write(c, t));
	*there = true;
	return (audit(c, "created", "team", t->id, t->id, TEXT(""), team_text(c, t)));
}

static struct error *
join(struct admin_call *c, const struct team *t, struct text user_id)
{
	struct json_fault fault;
	struct member m;
	struct doc who;
	bool there;

	TRY(member_find(&m, &there, c, t->id, user_id));
	if (there)
		return (NULL);
	doc_read(&who, c->arena, TEXT("{\"role\":\"user\"}"));
	doc_set_string(&who, "user_id", user_id);
	TRY(member_add(c, t, json_parse(c->arena, doc_text(&who), &fault), NULL, &m));
	return (audit(c, "created", "team_member", member_entity(c, &m), t->id, TEXT(""), member_text(c, &m)));
}

static bool
is_named(const struct text *teams, unsigned n, struct text id)
{
	for (unsigned i = 0; i < n; i++)
		if (text_eq(teams[i], id))
			return (true);
	return (false);
}

/* Whom the token no longer names as a member leaves, with the keys of that team; a token without a claim of teams changes nothing. */
static struct error *
leave_others(struct admin_call *c, struct text user_id, const struct text *teams, unsigned n)
{
	struct rows rows;
	bool says, there;

	TRY(body_bool(&says, c, c->body, "says_teams", false));
	if (!says)
		return (NULL);
	TRY(ASK(c, &rows, SQL_MEMBERS_OF_USER, V_TEXT(user_id)));
	for (unsigned i = 0; i < rows.n; i++) {
		struct member m;

		if (is_named(teams, n, rows_text(&rows, i, 0)))
			continue;
		TRY(member_find(&m, &there, c, rows_text(&rows, i, 0), user_id));
		TRY(member_remove(c, &m));
		TRY(audit(c, "deleted", "team_member", member_entity(c, &m), m.team_id, member_text(c, &m), TEXT("")));
	}
	admin_changed(c, KNOWN_USER, user_id);
	return (NULL);
}

static struct error *
provide_teams(struct text *first, struct admin_call *c, struct text user_id)
{
	const struct jwt_rules *j = &c->config->jwt;
	struct text *teams;
	unsigned n;

	*first = TEXT("");
	TRY(body_texts(&teams, &n, c, c->body, "teams"));
	for (unsigned i = 0; i < n; i++) {
		struct team t;
		bool there;

		TRY(provide_team(&t, &there, c, teams[i]));
		if (!there)
			continue;
		if (first->len == 0)
			*first = t.id;
		if (user_id.len > 0 && (j->joins_teams || j->follows))
			TRY(join(c, &t, user_id));
	}
	return (user_id.len > 0 && j->follows ? leave_others(c, user_id, teams, n) : NULL);
}

/* the key */

static struct error *
own_key(struct text *digest, struct admin_call *c, struct text user_id)
{
	struct rows rows = { 0 };

	if (c->config->jwt.takes_own_key && user_id.len > 0)
		TRY(ASK(c, &rows, SQL_KEYS_OF_USER, V_TEXT(user_id), V_INT(1)));
	*digest = rows.n > 0 ? rows_text(&rows, 0, 0) : TEXT("");
	return (NULL);
}

/* Nobody is told the key itself: its token is what opens it. */
static struct error *
make_key(struct text *digest, struct admin_call *c, struct text user_id, struct text team_id)
{
	const struct json *body;
	struct json_fault fault;
	struct text org, text;
	struct rows rows = { 0 };
	struct key k;
	struct doc d;

	TRY(body_text(&org, c, c->body, "organization_id"));
	if (org.len > 0)
		TRY(ASK(c, &rows, SQL_ORGANIZATION_EXISTS, V_TEXT(org)));
	doc_read(&d, c->arena, TEXT("{\"metadata\":{\"auto_registered\":true}}"));
	doc_set_string(&d, "user_id", user_id);
	doc_set_string(&d, "team_id", team_id);
	if (rows.n > 0)
		doc_set_string(&d, "organization_id", org);
	TRY(key_policy(&body, c, json_parse(c->arena, doc_text(&d), &fault), true));
	TRY(key_make(&k, &text, c, body, user_id));
	*digest = k.digest;
	return (NULL);
}

static struct error *
provide_key(struct admin_call *c, struct text user_id, struct text team_id)
{
	struct text value, digest, id;
	bool there;

	TRY(body_text(&value, c, c->body, "claim"));
	if (value.len == 0)
		return (NULL);
	TRY(jwt_mapping_is_there(&there, c, c->config->jwt.key_claim, value));
	if (there) {			/* another worker was first, or it is switched off */
		jwt_claim_changed(c, c->config->jwt.key_claim, value);
		return (NULL);
	}
	TRY(own_key(&digest, c, user_id));
	if (digest.len == 0)
		TRY(make_key(&digest, c, user_id, team_id));
	return (jwt_mapping_make(&id, c, c->config->jwt.key_claim, value, digest, TEXT("registered by its first token")));
}

static struct error *
provide(struct admin_call *c)
{
	struct text user_id, team_id, name;

	TRY(provide_user(&user_id, c));
	TRY(provide_teams(&team_id, c, user_id));
	TRY(body_text(&name, c, c->body, "user_id"));
	TRY(provide_key(c, user_id.len > 0 ? user_id : name, team_id));
	c->audited = true;		/* what was done is; that a token came is not a change */
	return (NULL);
}

const struct admin_row provide_row = { "POST", "(a token)", ROLE_ADMIN, provide, true, "created", "user" };
