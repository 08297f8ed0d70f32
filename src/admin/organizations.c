/* SPDX-License-Identifier: Apache-2.0 */
/* Organizations: what stands above teams, their members, their tier. */
#include "admin/things.h"

#include "admin/keys.h"
#include "admin/nouns.h"
#include "admin/roles.h"
#include "admin/teams.h"
#include "admin/users.h"

#define LIST_MOST	1000

static const char *const member_roles[] = { "org_admin", "internal_user", "internal_user_viewer", NULL };

static const struct field organization_fields[] = {
	{ "models", FIELD_TEXTS, 0, "[]", NULL, 0 },
	{ "metadata", FIELD_OBJECT, 0, "{}", NULL, 0 },
	{ "object_permission", FIELD_OBJECT, 0, NULL, NULL, 0 },
	{ "object_permission_id", FIELD_TEXT, 0, NULL, NULL, 255 },
	{ "blocked", FIELD_BOOL, FIELD_HIDDEN, NULL, NULL, 0 },
	{ "model_rpm_limit", FIELD_COUNTS, FIELD_INSIDE, NULL, NULL, 0 },
	{ "model_tpm_limit", FIELD_COUNTS, FIELD_INSIDE, NULL, NULL, 0 },
	{ NULL, FIELD_ANY, 0, NULL, NULL, 0 },
};
const struct noun organization_noun = { "organization", organization_fields };

static const struct field member_fields[] = {
	{ "user_role", FIELD_TEXT, 0, NULL, member_roles, 0 },
	{ "max_budget_in_organization", FIELD_MONEY, 0, NULL, NULL, 0 },
	{ NULL, FIELD_ANY, 0, NULL, NULL, 0 },
};
static const struct noun member_of_noun = { "organization member", member_fields };

struct organization {
	struct text	 id, alias, budget_id;
	struct doc	 doc;
	int64_t		 created_at, updated_at;
	struct spent	 spent;
};

/* found and written */

static struct error *
of_row(struct organization *g, struct admin_call *c, const struct rows *rows, unsigned row)
{
	g->id = rows_text(rows, row, 0);
	g->alias = rows_text(rows, row, 1);
	g->budget_id = rows_text(rows, row, 2);
	doc_read(&g->doc, c->arena, rows_text(rows, row, 3));
	g->created_at = rows_int(rows, row, 4, 0);
	g->updated_at = rows_int(rows, row, 5, 0);
	return (spent_of(&g->spent, c, rows, row, 6));
}

static struct error *
find(struct organization *g, bool *there, struct admin_call *c, struct text id)
{
	struct rows rows = { 0 };

	if (id.len > 0)
		TRY(ASK(c, &rows, SQL_ORGANIZATION_FIND, V_TEXT(id)));
	*there = rows.n > 0;
	return (*there ? of_row(g, c, &rows, 0) : NULL);
}

static struct error *
must_be(struct organization *g, struct admin_call *c, struct text id)
{
	bool there;

	TRY(find(g, &there, c, id));
	return (there ? NULL : admin_missing(c, "organization_id", "Organization not found for organization_id=" TEXT_FMT ".",
	    TEXT_ARG(text_whole(text_sub(id, 0, 200)))));
}

/* members */

static struct error *
members_of(struct rows *rows, struct admin_call *c, struct text organization_id, struct text user_id)
{
	return (ASK(c, rows, SQL_ORGANIZATION_MEMBERS, V_TEXT(organization_id), V_TEXT_OR_NULL(user_id), V_INT(THINGS_MOST)));
}

/* Whose account it is: what a member spends in that organization. */
static struct text
employee(struct admin_call *c, struct text organization_id, struct text user_id)
{
	return (arena_print(c->arena, TEXT_FMT "/" TEXT_FMT, TEXT_ARG(organization_id), TEXT_ARG(user_id)));
}

static struct error *
employee_leave(struct admin_call *c, struct text organization_id, struct text user_id)
{
	admin_changed(c, KNOWN_USER, user_id);
	return (admin_end(c, account_leave(c->store, c->arena, SCOPE_EMPLOYEE, employee(c, organization_id, user_id))));
}

struct error *
organizations_leave(struct admin_call *c, struct text user_id)
{
	struct rows rows;

	TRY(ASK(c, &rows, SQL_USER_ORGANIZATIONS, V_TEXT(user_id)));
	for (unsigned i = 0; i < rows.n; i++)
		TRY(employee_leave(c, rows_text(&rows, i, 0), user_id));
	return (ASK(c, NULL, SQL_USER_ORGANIZATIONS_DELETE, V_TEXT(user_id)));
}

/* A membership, from a row of organization_members. */
static struct error *
put_member(struct json_out *o, struct admin_call *c, struct text organization_id, const struct rows *rows, unsigned row)
{
	struct spent spent;
	struct doc d;

	TRY(spent_read(&spent, c, SCOPE_EMPLOYEE, employee(c, organization_id, rows_text(rows, row, 0))));
	doc_read(&d, c->arena, rows_text(rows, row, 2));
	json_open(o, '{');
	put_string(o, "user_id", rows_text(rows, row, 0));
	put_string(o, "organization_id", organization_id);
	put_string(o, "user_role", rows_text(rows, row, 1));
	put_string(o, "user_email", rows_text(rows, row, 3));
	put_money(o, "spend", spent.nano);
	put_string(o, "budget_id", TEXT(""));
	put_raw(o, "max_budget_in_organization", doc_raw(&d, "max_budget_in_organization"), "null");
	put_moment(o, "created_at", doc_int(&d, "created_at", 0));
	put_moment(o, "updated_at", doc_int(&d, "updated_at", 0));
	json_close(o, '}');
	return (NULL);
}

static struct error *
put_members(struct json_out *o, struct admin_call *c, struct text organization_id)
{
	struct rows rows;

	TRY(members_of(&rows, c, organization_id, TEXT("")));
	json_name(o, "members");
	json_open(o, '[');
	for (unsigned i = 0; i < rows.n; i++)
		TRY(put_member(o, c, organization_id, &rows, i));
	json_close(o, ']');
	return (NULL);
}

static struct error *
put_teams(struct json_out *o, struct admin_call *c, struct text organization_id)
{
	struct rows rows;

	TRY(ASK(c, &rows, SQL_ORGANIZATION_TEAMS, V_TEXT(organization_id), V_INT(LIST_MOST)));
	json_name(o, "teams");
	json_open(o, '[');
	for (unsigned i = 0; i < rows.n; i++) {
		struct team t;
		bool there;

		TRY(team_find(&t, &there, c, rows_text(&rows, i, 0)));
		if (!there)
			continue;
		json_open(o, '{');
		TRY(team_put(o, c, &t));
		json_close(o, '}');
	}
	json_close(o, ']');
	return (NULL);
}

/* rows */

static struct error *
put_row(struct json_out *o, struct admin_call *c, const struct organization *g)
{
	put_string(o, "organization_id", g->id);
	put_string(o, "organization_alias", g->alias);
	put_string(o, "budget_id", g->budget_id);
	put_spent(o, &g->spent);
	fields_put(o, &organization_noun, &g->doc);
	put_raw(o, "model_spend", TEXT(""), "{}");
	put_made(o, &g->doc, g->created_at, g->updated_at);
	return (put_tier(o, c, g->budget_id));
}

static struct error *
put_whole(struct json_out *o, struct admin_call *c, const struct organization *g)
{
	json_open(o, '{');
	TRY(put_row(o, c, g));
	TRY(put_members(o, c, g->id));
	TRY(put_teams(o, c, g->id));
	put_raw(o, "users", TEXT(""), "null");
	json_close(o, '}');
	return (NULL);
}

static struct error *
row_text(struct text *t, struct admin_call *c, const struct organization *g)
{
	struct buf b = { 0 };
	struct json_out o = { .to = &b };
	struct error *e;

	json_open(&o, '{');
	e = put_row(&o, c, g);
	json_close(&o, '}');
	*t = arena_copy(c->arena, buf_as_text(&b));
	buf_free(&b);
	return (e);
}

static struct error *
keep(struct admin_call *c, struct organization *g, struct text before, const char *action)
{
	struct text after;

	doc_set_made(&g->doc, c, before.len == 0);
	g->updated_at = c->now_ms;
	TRY(ASK(c, NULL, SQL_ORGANIZATION_WRITE, V_TEXT(g->id), V_TEXT_OR_NULL(g->alias), V_TEXT_OR_NULL(g->budget_id), V_INT(g->created_at),
	    V_INT(g->updated_at), V_TEXT(doc_text(&g->doc))));
	TRY(accounts_of(c, SCOPE_ORGANIZATION, g->id, &g->doc, g->budget_id));
	admin_changed(c, KNOWN_ORGANIZATION, g->id);
	TRY(spent_read(&g->spent, c, SCOPE_ORGANIZATION, g->id));
	TRY(row_text(&after, c, g));
	return (audit(c, action, "organization", g->id, TEXT(""), before, after));
}

/* calls */

static struct error *
read_alias(struct organization *g, struct admin_call *c)
{
	return (json_get(c->body, "organization_alias") != NULL ? body_text(&g->alias, c, c->body, "organization_alias") : NULL);
}

struct error *
organization_new(struct admin_call *c)
{
	struct organization g = { .alias = TEXT(""), .budget_id = TEXT(""), .created_at = c->now_ms };
	struct json_out o = { .to = &c->out };
	bool there;

	TRY(body_text(&g.id, c, c->body, "organization_id"));
	TRY(body_id(&g.alias, c, c->body, "organization_alias"));
	if (g.id.len == 0)
		g.id = new_uuid(c);
	TRY(find(&(struct organization){ 0 }, &there, c, g.id));
	if (there)
		return (admin_bad(c, "organization_id", "Organization " TEXT_FMT " already exists.", TEXT_ARG(text_whole(text_sub(g.id, 0, 200)))));
	doc_read(&g.doc, c->arena, TEXT(""));
	TRY(fields_read(&g.doc, c, &organization_noun, c->body));
	TRY(tier_patch(&g.budget_id, c, "organization", g.id, c->body));
	TRY(keep(c, &g, TEXT(""), "created"));
	return (put_whole(&o, c, &g));
}

struct error *
organization_update(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct organization g;
	struct text id, before;

	TRY(body_id(&id, c, c->body, "organization_id"));
	TRY(must_be(&g, c, id));
	TRY(may_org(c, DEED_CHANGE, id));
	TRY(row_text(&before, c, &g));
	TRY(read_alias(&g, c));
	TRY(fields_read(&g.doc, c, &organization_noun, c->body));
	if (is_admin(c))		/* its own admins do not raise what it may spend */
		TRY(tier_patch(&g.budget_id, c, "organization", id, c->body));
	else if (json_get(c->body, "max_budget") != NULL || json_get(c->body, "budget_id") != NULL)
		return (admin_forbidden(c, "Only proxy admins may change the budget of an organization."));
	TRY(keep(c, &g, before, "updated"));
	return (put_whole(&o, c, &g));
}

static struct error *
show(struct admin_call *c, struct text id)
{
	struct json_out o = { .to = &c->out };
	struct organization g;

	TRY(must_be(&g, c, id));
	TRY(may_org(c, DEED_READ, id));
	return (put_whole(&o, c, &g));
}

struct error *
organization_info(struct admin_call *c)
{
	struct text id = query_text(c, "organization_id");

	return (id.len > 0 ? show(c, id) : admin_invalid(c, "organization_id", "organization_id is required."));
}

/* The older form names several in its body. */
struct error *
organization_info_many(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct text *ids;
	unsigned n;

	TRY(body_texts(&ids, &n, c, c->body, "organizations"));
	json_open(&o, '[');
	for (unsigned i = 0; i < n; i++) {
		struct organization g;

		TRY(must_be(&g, c, ids[i]));
		TRY(may_org(c, DEED_READ, ids[i]));
		TRY(put_whole(&o, c, &g));
	}
	json_close(&o, ']');
	return (NULL);
}

struct error *
organization_list(struct admin_call *c)
{
	struct text id = query_text(c, "org_id"), alias = query_text(c, "org_alias");
	struct json_out o = { .to = &c->out };
	struct rows rows;

	TRY(ASK(c, &rows, SQL_ORGANIZATION_LIST, V_TEXT_OR_NULL(id), alias.len > 0 ? V_TEXT(like_within(c->arena, alias)) : V_NULL,
	    sees_all(c) ? V_NULL : V_TEXT(own_user(c)), V_TEXT(TEXT("")), V_INT(LIST_MOST)));
	json_open(&o, '[');
	for (unsigned i = 0; i < rows.n; i++) {
		struct organization g;

		TRY(of_row(&g, c, &rows, i));
		TRY(put_whole(&o, c, &g));
	}
	json_close(&o, ']');
	return (NULL);
}

/* With its teams, their keys, and the keys that are its own. */
static struct error *
remove_organization(struct admin_call *c, const struct organization *g)
{
	struct rows teams, members;
	struct text row;

	TRY(row_text(&row, c, g));
	TRY(ASK(c, &teams, SQL_ORGANIZATION_TEAMS, V_TEXT(g->id), V_INT(THINGS_MOST)));
	for (unsigned i = 0; i < teams.n; i++) {
		struct team t;
		bool there;

		TRY(team_find(&t, &there, c, rows_text(&teams, i, 0)));
		if (there)
			TRY(team_remove(c, &t));
	}
	TRY(keys_remove(c, SQL_ORGANIZATION_KEYS, (const struct value[]){ V_TEXT(g->id), V_INT(THINGS_MOST) }, 2));
	TRY(members_of(&members, c, g->id, TEXT("")));
	for (unsigned i = 0; i < members.n; i++)
		TRY(employee_leave(c, g->id, rows_text(&members, i, 0)));
	TRY(ASK(c, NULL, SQL_ORGANIZATION_MEMBERS_DELETE, V_TEXT(g->id)));
	TRY(archive(c, "organization", g->id, row));
	TRY(ASK(c, NULL, SQL_ORGANIZATION_DELETE, V_TEXT(g->id)));
	TRY(tier_leave(c, "organization", g->id, g->budget_id));
	TRY(admin_end(c, account_leave(c->store, c->arena, SCOPE_ORGANIZATION, g->id)));
	admin_changed(c, KNOWN_ORGANIZATION, g->id);
	return (audit(c, "deleted", "organization", g->id, TEXT(""), row, TEXT("")));
}

struct error *
organization_delete(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct organization g;
	struct text *ids;
	unsigned n;

	TRY(body_texts(&ids, &n, c, c->body, "organization_ids"));
	if (n == 0)
		return (admin_invalid(c, "organization_ids", "organization_ids is required: a list of ids."));
	json_open(&o, '[');
	for (unsigned i = 0; i < n; i++) {
		TRY(must_be(&g, c, ids[i]));
		TRY(put_whole(&o, c, &g));
		TRY(remove_organization(c, &g));
	}
	json_close(&o, ']');
	return (NULL);
}

/* members: added, changed, removed */

static bool
is_role(struct text role)
{
	for (const char *const *r = member_roles; *r != NULL; r++)
		if (text_is(role, *r))
			return (true);
	return (false);
}

static struct error *
write_member(struct admin_call *c, struct text organization_id, struct text user_id, struct text role, struct doc *d)
{
	if (!is_role(role))
		return (admin_bad(c, "role", "role must be org_admin, internal_user or internal_user_viewer."));
	doc_set_int(d, "updated_at", c->now_ms);
	TRY(ASK(c, NULL, SQL_ORGANIZATION_MEMBER_WRITE, V_TEXT(organization_id), V_TEXT(user_id), V_TEXT(role), V_TEXT(doc_text(d))));
	TRY(admin_end(c, account_sync(c->store, c->arena, SCOPE_EMPLOYEE, employee(c, organization_id, user_id), &(struct account_want){ .part = "",
	    .ceiling = doc_money(d, "max_budget_in_organization"), .soft = NO_LIMIT, .duration = TEXT("") }, c->now_ms)));
	admin_changed(c, KNOWN_USER, user_id);
	return (NULL);
}

static struct error *
add_one(struct text *user_id, struct admin_call *c, struct text organization_id, const struct json *who)
{
	struct rows rows;
	struct text role;
	struct doc d;

	if (!json_is(who, JSON_OBJECT))
		return (admin_invalid(c, "member", "member must be an object, or a list of them, with role and user_id or user_email."));
	TRY(body_text(&role, c, who, "role"));
	TRY(member_meant(user_id, c, who, true));
	TRY(members_of(&rows, c, organization_id, *user_id));
	if (rows.n > 0)
		return (admin_bad(c, "user_id", "The user '" TEXT_FMT "' is already in the organization.", TEXT_ARG(text_whole(text_sub(*user_id, 0, 200)))));
	doc_read(&d, c->arena, TEXT(""));
	TRY(fields_read(&d, c, &member_of_noun, c->body));
	doc_set_int(&d, "created_at", c->now_ms);
	return (write_member(c, organization_id, *user_id, role, &d));
}

static struct error *
put_user(struct json_out *o, struct admin_call *c, struct text user_id)
{
	struct user u;
	bool there;

	TRY(user_find(&u, &there, c, user_id));
	if (!there)
		return (NULL);
	json_open(o, '{');
	TRY(user_put(o, c, &u));
	json_close(o, '}');
	return (NULL);
}

static struct error *
put_added(struct admin_call *c, struct text organization_id, const struct text *ids, unsigned n)
{
	struct json_out o = { .to = &c->out };
	struct rows rows;

	json_open(&o, '{');
	put_string(&o, "organization_id", organization_id);
	json_name(&o, "updated_users");
	json_open(&o, '[');
	for (unsigned i = 0; i < n; i++)
		TRY(put_user(&o, c, ids[i]));
	json_close(&o, ']');
	json_name(&o, "updated_organization_memberships");
	json_open(&o, '[');
	for (unsigned i = 0; i < n; i++) {
		TRY(members_of(&rows, c, organization_id, ids[i]));
		if (rows.n > 0)
			TRY(put_member(&o, c, organization_id, &rows, 0));
	}
	json_close(&o, ']');
	json_close(&o, '}');
	return (NULL);
}

struct error *
organization_member_add(struct admin_call *c)
{
	const struct json *said = json_get(c->body, "member");
	struct organization g;
	struct text id, *ids;
	unsigned n = 0;

	TRY(body_id(&id, c, c->body, "organization_id"));
	TRY(must_be(&g, c, id));
	TRY(may_org(c, DEED_CHANGE, id));
	if (!json_is(said, JSON_OBJECT) && (!json_is(said, JSON_ARRAY) || said->count == 0 || said->count > ADMIN_ITEMS_MOST))
		return (admin_invalid(c, "member", "member must be an object, or a list of up to %d of them.", ADMIN_ITEMS_MOST));
	ids = arena_alloc(c->arena, (said->count + 1) * sizeof(*ids));
	for (const struct json *m = said->type == JSON_ARRAY ? said->first : said; m != NULL; m = said->type == JSON_ARRAY ? m->next : NULL)
		TRY(add_one(&ids[n++], c, id, m));
	TRY(audit(c, "updated", "organization", id, TEXT(""), TEXT(""), c->sent));
	return (put_added(c, id, ids, n));
}

/* The member a body names, whose organization the caller may change. */
static struct error *
member_named(struct text *organization_id, struct text *user_id, struct rows *row, struct admin_call *c)
{
	struct organization g;

	TRY(body_id(organization_id, c, c->body, "organization_id"));
	TRY(must_be(&g, c, *organization_id));
	TRY(may_org(c, DEED_CHANGE, *organization_id));
	TRY(member_meant(user_id, c, c->body, false));
	TRY(members_of(row, c, *organization_id, user_id->len > 0 ? *user_id : TEXT("?")));
	if (row->n == 0)
		return (admin_missing(c, "user_id", "Member not found in organization=" TEXT_FMT ".", TEXT_ARG(text_whole(text_sub(*organization_id, 0, 200)))));
	return (NULL);
}

struct error *
organization_member_update(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct text id, user, role;
	struct rows row;
	struct doc d;

	TRY(member_named(&id, &user, &row, c));
	TRY(body_text(&role, c, c->body, "role"));
	doc_read(&d, c->arena, rows_text(&row, 0, 2));
	TRY(fields_read(&d, c, &member_of_noun, c->body));
	TRY(write_member(c, id, user, role.len > 0 ? role : rows_text(&row, 0, 1), &d));
	TRY(audit(c, "updated", "organization", id, TEXT(""), TEXT(""), c->sent));
	TRY(members_of(&row, c, id, user));
	return (put_member(&o, c, id, &row, 0));
}

struct error *
organization_member_delete(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct text id, user;
	struct rows row;

	TRY(member_named(&id, &user, &row, c));
	TRY(put_member(&o, c, id, &row, 0));
	TRY(ASK(c, NULL, SQL_ORGANIZATION_MEMBER_DELETE, V_TEXT(id), V_TEXT(user)));
	TRY(employee_leave(c, id, user));
	return (audit(c, "updated", "organization", id, TEXT(""), TEXT(""), c->sent));
}
