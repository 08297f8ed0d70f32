/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members of teams: their roles and limits.
 *
 * What a member has of its own is kept under "own"; beside it stands what is in force, which is the team's default where it has none.
 */
#include "admin/teams.h"

#include "admin/keys.h"
#include "admin/users.h"

#define KEYS_MOST	100000

static const struct field member_fields[] = {
	{ "max_budget", FIELD_MONEY, 0, NULL, NULL, 0 },
	{ "budget_duration", FIELD_SPAN, 0, NULL, NULL, 0 },
	{ "tpm_limit", FIELD_INT, 0, NULL, NULL, 0 },
	{ "rpm_limit", FIELD_INT, 0, NULL, NULL, 0 },
	{ "allowed_models", FIELD_TEXTS, 0, NULL, NULL, 0 },
	{ NULL, FIELD_ANY, 0, NULL, NULL, 0 },
};
const struct noun member_noun = { "team member", member_fields };

/* What a team gives members that have none of their own. */
static const char *const defaults[][2] = {
	{ "max_budget", "team_member_budget" }, { "budget_duration", "team_member_budget_duration" }, { "tpm_limit", "team_member_tpm_limit" },
	{ "rpm_limit", "team_member_rpm_limit" }, { "allowed_models", "default_team_member_models" },
};

static struct text
entity_of(struct admin_call *c, struct text team_id, struct text user_id)
{
	return (arena_print(c->arena, TEXT_FMT "/" TEXT_FMT, TEXT_ARG(team_id), TEXT_ARG(user_id)));
}

struct text
member_entity(struct admin_call *c, const struct member *m)
{
	return (entity_of(c, m->team_id, m->user_id));
}

struct text
member_text(struct admin_call *c, const struct member *m)
{
	struct doc d;

	doc_read(&d, c->arena, doc_text(&m->doc));
	doc_set_string(&d, "user_id", m->user_id);
	doc_set_string(&d, "team_id", m->team_id);
	doc_set_string(&d, "role", m->role);
	return (doc_text(&d));
}

/* Documents that were brought from elsewhere have no "own": all in them is. */
static void
own_of(struct doc *own, const struct doc *d)
{
	if (doc_raw(d, "own").len > 0)
		doc_inner(own, d, "own");
	else
		doc_read(own, d->arena, doc_text(d));
}

static void
put_in_force(struct doc *d, const struct doc *own, const struct doc *team)
{
	doc_set(d, TEXT("own"), doc_text(own));
	for (size_t i = 0; i < nitems(defaults); i++) {
		struct text raw = doc_raw(own, defaults[i][0]);

		doc_set(d, text_of(defaults[i][0]), raw.len > 0 ? raw : doc_raw(team, defaults[i][1]));
	}
}

static void
of_row(struct member *m, struct admin_call *c, const struct rows *rows, unsigned row)
{
	m->team_id = rows_text(rows, row, 0);
	m->user_id = rows_text(rows, row, 1);
	m->role = rows_text(rows, row, 2);
	doc_read(&m->doc, c->arena, rows_text(rows, row, 3));
}

struct error *
member_find(struct member *m, bool *there, struct admin_call *c, struct text team_id, struct text user_id)
{
	struct rows rows;

	TRY(ASK(c, &rows, SQL_MEMBER_FIND, V_TEXT(team_id), V_TEXT(user_id)));
	*there = rows.n > 0;
	if (*there)
		of_row(m, c, &rows, 0);
	return (NULL);
}

struct error *
member_write(struct admin_call *c, const struct member *m, const struct team *t)
{
	struct text entity = entity_of(c, m->team_id, m->user_id);
	struct doc d, own;

	doc_read(&d, c->arena, doc_text(&m->doc));
	own_of(&own, &m->doc);
	put_in_force(&d, &own, &t->doc);
	TRY(ASK(c, NULL, SQL_MEMBER_WRITE, V_TEXT(m->team_id), V_TEXT(m->user_id), V_TEXT(m->role), V_NULL, V_TEXT(doc_text(&d))));
	TRY(accounts_of(c, SCOPE_MEMBER, entity, &d, TEXT("")));
	admin_changed(c, KNOWN_MEMBER, entity);
	return (NULL);
}

struct error *
members_rewrite(struct admin_call *c, const struct team *t)
{
	struct member m;
	struct rows rows;

	TRY(ASK(c, &rows, SQL_MEMBERS_OF_TEAM, V_TEXT(t->id)));
	for (unsigned i = 0; i < rows.n; i++) {
		of_row(&m, c, &rows, i);
		TRY(member_write(c, &m, t));
	}
	return (NULL);
}

struct error *
member_remove(struct admin_call *c, const struct member *m)
{
	struct text entity = entity_of(c, m->team_id, m->user_id);

	TRY(keys_remove(c, SQL_KEYS_OF_MEMBER, (const struct value[]){ V_TEXT(m->team_id), V_TEXT(m->user_id), V_INT(KEYS_MOST) }, 3));
	TRY(ASK(c, NULL, SQL_MEMBER_DELETE, V_TEXT(m->team_id), V_TEXT(m->user_id)));
	TRY(admin_end(c, account_leave(c->store, c->arena, SCOPE_MEMBER, entity)));
	admin_changed(c, KNOWN_MEMBER, entity);
	return (NULL);
}

/* who is meant */

struct error *
member_meant(struct text *user_id, struct admin_call *c, const struct json *who, bool make)
{
	struct text email;

	TRY(body_text(user_id, c, who, "user_id"));
	TRY(body_text(&email, c, who, "user_email"));
	if (user_id->len == 0 && email.len == 0)
		return (admin_bad(c, "user_id", "Either user_id or user_email must be given."));
	if (user_id->len == 0)
		TRY(user_by_email(user_id, c, email));
	if (user_id->len == 0 && make)
		*user_id = new_uuid(c);
	return (make ? user_ensure(c, *user_id, email) : NULL);
}

/* The limits a body has for a member, under LiteLLM's names of both calls. */
static struct error *
read_limits(struct member *m, struct admin_call *c, const struct json *body)
{
	const struct json *most = json_get(body, "max_budget_in_team");
	struct doc own, given;
	struct json_fault fault;
	const struct json *renamed;

	doc_read(&given, c->arena, TEXT(""));
	for (const struct field *f = member_fields; f->name != NULL; f++)
		if (strcmp(f->name, "max_budget") != 0 && json_get(body, f->name) != NULL)
			doc_set(&given, text_of(f->name), json_get(body, f->name)->raw);
	if (most != NULL)
		doc_set(&given, TEXT("max_budget"), most->raw);
	renamed = json_parse(c->arena, doc_text(&given), &fault);
	own_of(&own, &m->doc);
	if (renamed != NULL)
		TRY(fields_read(&own, c, &member_noun, renamed));
	doc_set(&m->doc, TEXT("own"), doc_text(&own));
	return (NULL);
}

struct error *
member_patch(struct member *m, struct admin_call *c, const struct json *body)
{
	struct text role;

	TRY(body_text(&role, c, body, "role"));
	if (role.len > 0 && !text_is(role, "admin") && !text_is(role, "user"))
		return (admin_bad(c, "role", "role must be admin or user."));
	if (role.len > 0)
		m->role = role;
	return (read_limits(m, c, body));
}

struct error *
member_add(struct admin_call *c, const struct team *t, const struct json *who, const struct json *limits, struct member *m)
{
	struct error *e;
	bool there;

	*m = (struct member){ .team_id = t->id, .role = TEXT("user") };
	doc_read(&m->doc, c->arena, TEXT("{\"own\":{}}"));
	if (!json_is(who, JSON_OBJECT))
		return (admin_invalid(c, "member", "member must be an object, or a list of them, with role and user_id or user_email."));
	TRY(member_meant(&m->user_id, c, who, true));
	TRY(member_find(m, &there, c, t->id, m->user_id));
	if (there) {
		e = admin_bad(c, "user_id", "team_member_already_in_team: the user '" TEXT_FMT "' is already in the team '" TEXT_FMT "'.", TEXT_ARG(m->user_id),
		    TEXT_ARG(t->id));
		e->type = TEXT("team_member_already_in_team");
		return (e);
	}
	if (limits != NULL)
		TRY(read_limits(m, c, limits));
	TRY(member_patch(m, c, who));
	TRY(member_write(c, m, t));
	admin_changed(c, KNOWN_USER, m->user_id);
	return (NULL);
}

/* showing */

struct error *
members_put_roles(struct json_out *o, struct admin_call *c, struct text team_id)
{
	struct rows rows;

	TRY(ASK(c, &rows, SQL_MEMBERS_OF_TEAM, V_TEXT(team_id)));
	json_open(o, '[');
	for (unsigned i = 0; i < rows.n; i++) {
		json_open(o, '{');
		put_string(o, "user_id", rows_text(&rows, i, 1));
		put_string(o, "user_email", rows_text(&rows, i, 4));
		put_string(o, "role", rows_text(&rows, i, 2));
		json_close(o, '}');
	}
	json_close(o, ']');
	return (NULL);
}

static void
put_limits(struct json_out *o, const struct doc *d)
{
	bool any = false;

	for (size_t i = 0; i < nitems(defaults); i++)
		any |= doc_raw(d, defaults[i][0]).len > 0;
	json_name(o, "litellm_budget_table");
	if (!any) {
		json_null(o);
		return;
	}
	json_open(o, '{');
	put_raw(o, "budget_id", TEXT(""), "null");
	fields_put(o, &member_noun, d);
	json_close(o, '}');
}

/* Whose limits are in force: any of its own makes them its own. */
static struct text
budget_source(const struct doc *d)
{
	struct text found = TEXT("none");
	struct doc own;

	own_of(&own, d);
	for (size_t i = 0; i < nitems(defaults); i++)
		if (doc_raw(&own, defaults[i][0]).len > 0)
			return (TEXT("custom"));
		else if (doc_raw(d, defaults[i][0]).len > 0)
			found = TEXT("team_default");
	return (found);
}

static void
put_membership(struct json_out *o, const struct member *m, const struct spent *spent)
{
	put_string(o, "user_id", m->user_id);
	put_string(o, "team_id", m->team_id);
	put_raw(o, "budget_id", TEXT(""), "null");
	put_string(o, "role", m->role);
	put_spent(o, spent);
	put_money(o, "total_spend", spent->nano);
	put_string(o, "budget_source", budget_source(&m->doc));
	put_limits(o, &m->doc);
}

struct error *
membership_put(struct json_out *o, struct admin_call *c, const struct member *m)
{
	struct spent spent;

	TRY(spent_read(&spent, c, SCOPE_MEMBER, entity_of(c, m->team_id, m->user_id)));
	put_membership(o, m, &spent);
	return (NULL);
}

struct error *
memberships_put(struct json_out *o, struct admin_call *c, struct text team_id)
{
	struct spent spent;
	struct member m;
	struct rows rows;

	TRY(ASK(c, &rows, SQL_MEMBERSHIPS, V_TEXT(team_id)));
	json_open(o, '[');
	for (unsigned i = 0; i < rows.n; i++) {
		of_row(&m, c, &rows, i);
		TRY(spent_of(&spent, c, &rows, i, 4));
		json_open(o, '{');
		put_membership(o, &m, &spent);
		json_close(o, '}');
	}
	json_close(o, ']');
	return (NULL);
}
