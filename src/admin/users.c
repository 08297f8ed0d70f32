/* SPDX-License-Identifier: Apache-2.0 */
/* A user: its fields, its row, written, shown and removed. */
#include "admin/users.h"

#include "admin/keys.h"
#include "admin/nouns.h"
#include "admin/teams.h"

#define KEYS_MOST	100000

static const char *const roles[] = { "proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer", "team", "customer", NULL };

static const struct field user_fields[] = {
	{ "user_email", FIELD_TEXT, 0, NULL, NULL, 320 },
	{ "user_alias", FIELD_TEXT, 0, NULL, NULL, 255 },
	{ "user_role", FIELD_TEXT, 0, NULL, roles, 0 },
	{ "sso_user_id", FIELD_TEXT, 0, NULL, NULL, 255 },
	{ "organization_id", FIELD_TEXT, FIELD_SAID, NULL, NULL, 255 },
	{ "max_budget", FIELD_MONEY, 0, NULL, NULL, 0 },
	{ "soft_budget", FIELD_MONEY, 0, NULL, NULL, 0 },
	{ "budget_duration", FIELD_SPAN, 0, NULL, NULL, 0 },
	{ "budget_limits", FIELD_WINDOWS, 0, NULL, NULL, 0 },
	{ "models", FIELD_TEXTS, 0, "[]", NULL, 0 },
	{ "tpm_limit", FIELD_INT, 0, NULL, NULL, 0 },
	{ "rpm_limit", FIELD_INT, 0, NULL, NULL, 0 },
	{ "max_parallel_requests", FIELD_INT, 0, NULL, NULL, 0 },
	{ "metadata", FIELD_OBJECT, 0, "{}", NULL, 0 },
	{ "blocked", FIELD_BOOL, 0, NULL, NULL, 0 },
	{ "aliases", FIELD_OBJECT, 0, "{}", NULL, 0 },
	{ "config", FIELD_OBJECT, 0, "{}", NULL, 0 },
	{ "permissions", FIELD_OBJECT, 0, "{}", NULL, 0 },
	{ "allowed_cache_controls", FIELD_TEXTS, 0, "[]", NULL, 0 },
	{ "model_max_budget", FIELD_BUDGETS, 0, "{}", NULL, 0 },
	{ "object_permission", FIELD_OBJECT, 0, NULL, NULL, 0 },
	{ "object_permission_id", FIELD_TEXT, 0, NULL, NULL, 255 },
	{ "policies", FIELD_TEXTS, 0, "[]", NULL, 0 },
	{ "model_rpm_limit", FIELD_COUNTS, FIELD_INSIDE, NULL, NULL, 0 },
	{ "model_tpm_limit", FIELD_COUNTS, FIELD_INSIDE, NULL, NULL, 0 },
	{ "guardrails", FIELD_TEXTS, FIELD_INSIDE, NULL, NULL, 0 },
	{ "prompts", FIELD_TEXTS, FIELD_INSIDE, NULL, NULL, 0 },
	{ "scim_active", FIELD_BOOL, FIELD_INSIDE | FIELD_HIDDEN, NULL, NULL, 0 },
	{ "scim_metadata", FIELD_OBJECT, FIELD_INSIDE | FIELD_HIDDEN, NULL, NULL, 0 },
	{ NULL, FIELD_ANY, 0, NULL, NULL, 0 },
};
const struct noun user_noun = { "user", user_fields };

struct error *
user_of_row(struct user *u, struct admin_call *c, const struct rows *rows, unsigned row)
{
	u->id = rows_text(rows, row, 0);
	doc_read(&u->doc, c->arena, rows_text(rows, row, 1));
	u->created_at = rows_int(rows, row, 2, 0);
	u->updated_at = rows_int(rows, row, 3, 0);
	return (spent_of(&u->spent, c, rows, row, 4));
}

struct error *
user_find(struct user *u, bool *there, struct admin_call *c, struct text user_id)
{
	struct rows rows = { 0 };

	if (user_id.len > 0)
		TRY(ASK(c, &rows, SQL_USER_FIND, V_TEXT(user_id)));
	*there = rows.n > 0;
	return (*there ? user_of_row(u, c, &rows, 0) : NULL);
}

struct error *
user_fresh(struct user *u, struct admin_call *c)
{
	struct json_fault fault;
	const struct json *said = json_parse(c->arena, c->config->settings.user_defaults, &fault);

	doc_read(&u->doc, c->arena, TEXT(""));
	if (json_is(said, JSON_OBJECT))
		TRY(fields_read(&u->doc, c, &user_noun, said));
	if (doc_raw(&u->doc, "user_role").len == 0)
		doc_set_string(&u->doc, "user_role", TEXT("internal_user"));
	return (NULL);
}

struct error *
user_write(struct admin_call *c, const struct user *u)
{
	struct text email = doc_string(&u->doc, "user_email"), sso = doc_string(&u->doc, "sso_user_id"), role = doc_string(&u->doc, "user_role");

	c->clash = admin_bad(c, "user_email", "User with email '" TEXT_FMT "', or with that sso_user_id, already exists.", TEXT_ARG(email));
	TRY(ASK(c, NULL, SQL_USER_WRITE, V_TEXT(u->id), V_TEXT_OR_NULL(email), V_TEXT_OR_NULL(sso), V_TEXT_OR_NULL(role), V_INT(u->created_at),
	    V_INT(u->updated_at), V_TEXT(doc_text(&u->doc))));
	c->clash = NULL;
	TRY(accounts_of(c, SCOPE_USER, u->id, &u->doc, doc_string(&u->doc, "budget_id")));
	admin_changed(c, KNOWN_USER, u->id);
	return (NULL);
}

static struct error *
leave_teams(struct admin_call *c, const struct user *u)
{
	struct member m;
	struct rows rows;
	bool there;

	TRY(ASK(c, &rows, SQL_MEMBERS_OF_USER, V_TEXT(u->id)));
	for (unsigned i = 0; i < rows.n; i++) {
		TRY(member_find(&m, &there, c, rows_text(&rows, i, 0), u->id));
		if (there)
			TRY(member_remove(c, &m));
	}
	return (NULL);
}

struct error *
user_remove(struct admin_call *c, const struct user *u)
{
	struct text row;

	TRY(user_text(&row, c, u));
	TRY(leave_teams(c, u));
	TRY(keys_remove(c, SQL_KEYS_OF_USER, (const struct value[]){ V_TEXT(u->id), V_INT(KEYS_MOST) }, 2));
	TRY(organizations_leave(c, u->id));
	TRY(ASK(c, NULL, SQL_SCIM_NAMES_DELETE, V_TEXT(u->id)));
	TRY(ASK(c, NULL, SQL_INVITATION_TOKENS_DELETE, V_TEXT(u->id)));
	TRY(ASK(c, NULL, SQL_INVITATIONS_DELETE, V_TEXT(u->id)));
	TRY(archive(c, "user", u->id, row));
	TRY(ASK(c, NULL, SQL_USER_DELETE, V_TEXT(u->id)));
	TRY(admin_end(c, account_leave(c->store, c->arena, SCOPE_USER, u->id)));
	admin_changed(c, KNOWN_USER, u->id);
	return (audit(c, "deleted", "user", u->id, TEXT(""), row, TEXT("")));
}

/* showing */

static struct error *
put_teams(struct json_out *o, struct admin_call *c, struct text user_id)
{
	struct rows rows;

	TRY(ASK(c, &rows, SQL_MEMBERS_OF_USER, V_TEXT(user_id)));
	json_name(o, "teams");
	json_open(o, '[');
	for (unsigned i = 0; i < rows.n; i++)
		json_string(o, rows_text(&rows, i, 0));
	json_close(o, ']');
	return (NULL);
}

static struct error *
put_organizations(struct json_out *o, struct admin_call *c, struct text user_id)
{
	struct rows rows;

	TRY(ASK(c, &rows, SQL_USER_ORGANIZATIONS, V_TEXT(user_id)));
	json_name(o, "organization_memberships");
	json_open(o, '[');
	for (unsigned i = 0; i < rows.n; i++) {
		json_open(o, '{');
		put_string(o, "user_id", user_id);
		put_string(o, "organization_id", rows_text(&rows, i, 0));
		put_string(o, "user_role", rows_text(&rows, i, 1));
		json_close(o, '}');
	}
	json_close(o, ']');
	return (NULL);
}

struct error *
user_put(struct json_out *o, struct admin_call *c, const struct user *u)
{
	put_string(o, "user_id", u->id);
	put_spent(o, &u->spent);
	fields_put(o, &user_noun, &u->doc);
	put_raw(o, "model_spend", TEXT(""), "{}");
	put_moment(o, "created_at", u->created_at);
	put_moment(o, "updated_at", u->updated_at);
	TRY(put_teams(o, c, u->id));
	return (put_organizations(o, c, u->id));
}

struct error *
user_text(struct text *t, struct admin_call *c, const struct user *u)
{
	struct buf b = { 0 };
	struct json_out o = { .to = &b };
	struct error *e;

	json_open(&o, '{');
	e = user_put(&o, c, u);
	json_close(&o, '}');
	*t = arena_copy(c->arena, buf_as_text(&b));
	buf_free(&b);
	return (e);
}

/* who is named elsewhere */

struct error *
user_by_email(struct text *user_id, struct admin_call *c, struct text email)
{
	struct rows rows = { 0 };

	if (email.len > 0)
		TRY(ASK(c, &rows, SQL_USER_BY_EMAIL, V_TEXT(email)));
	*user_id = rows.n > 0 ? rows_text(&rows, 0, 0) : TEXT("");
	return (NULL);
}

struct error *
user_ensure(struct admin_call *c, struct text user_id, struct text email)
{
	struct user u = { .id = user_id, .created_at = c->now_ms, .updated_at = c->now_ms };
	struct rows rows;
	struct text other, row;

	TRY(ASK(c, &rows, SQL_USER_EXISTS, V_TEXT(user_id)));
	if (rows.n > 0)
		return (NULL);
	TRY(user_by_email(&other, c, email));
	if (other.len > 0)
		return (admin_bad(c, "user_email", "The email '" TEXT_FMT "' belongs to the user '" TEXT_FMT "'.", TEXT_ARG(email), TEXT_ARG(other)));
	doc_read(&u.doc, c->arena, TEXT("{\"user_role\":\"internal_user\"}"));
	doc_set_string(&u.doc, "user_email", email);
	TRY(user_write(c, &u));
	TRY(user_text(&row, c, &u));
	return (audit(c, "created", "user", user_id, TEXT(""), TEXT(""), row));
}
