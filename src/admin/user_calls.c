/* SPDX-License-Identifier: Apache-2.0 */
/* /user/…: made, changed, shown, listed, deleted. */
#include "admin/key_policy.h"
#include "admin/keys.h"
#include "admin/nouns.h"
#include "admin/roles.h"
#include "admin/teams.h"
#include "admin/users.h"

#define KEYS_SHOWN	1000

static struct error *
not_found(struct admin_call *c, struct text id)
{
	return (admin_missing(c, "user_id", "User not found: user_id=" TEXT_FMT ".", TEXT_ARG(text_whole(text_sub(id, 0, 200)))));
}

/* Of no two users one email or one SSO id. */
static struct error *
check_unique(struct admin_call *c, const struct user *u)
{
	struct text email = doc_string(&u->doc, "user_email"), sso = doc_string(&u->doc, "sso_user_id"), other;
	struct rows rows = { 0 };

	TRY(user_by_email(&other, c, email));
	if (other.len > 0 && !text_eq(other, u->id))
		return (admin_bad(c, "user_email", "User with email " TEXT_FMT " already exists.", TEXT_ARG(email)));
	if (sso.len > 0)
		TRY(ASK(c, &rows, SQL_USER_BY_SSO, V_TEXT(sso)));
	if (rows.n > 0 && !text_eq(rows_text(&rows, 0, 0), u->id))
		return (admin_bad(c, "sso_user_id", "User with sso_user_id " TEXT_FMT " already exists.", TEXT_ARG(sso)));
	return (NULL);
}

/* What this gateway has no use for, and somebody might count on. */
static struct error *
check_unserved(struct admin_call *c, const struct json *body)
{
	bool mail;

	if (body_has(body, "password"))
		return (admin_bad(c, "password",
		    "Passwords are not kept here: people sign in at the web server (sluice.people), and POST /invitation/new invites them."));
	TRY(body_bool(&mail, c, body, "send_invite_email", false));
	return (mail ? admin_bad(c, "send_invite_email", "No invitations are sent by mail here: POST /invitation/new makes a link, which you can send.") : NULL);
}

/* POST /user/new */

/* Org admins make users of their organizations, and no admins. */
static struct error *
check_maker(struct admin_call *c)
{
	struct text *orgs, role;
	unsigned n;
	bool may;

	if (is_admin(c))
		return (NULL);
	TRY(body_text(&role, c, c->body, "user_role"));
	if (text_starts(role, TEXT("proxy_admin")))
		return (admin_forbidden(c, "Only proxy admins may make proxy admins."));
	TRY(body_texts(&orgs, &n, c, c->body, "organizations"));
	for (unsigned i = 0; i < n; i++) {
		TRY(is_org_admin(&may, c, orgs[i]));
		if (!may)
			return (admin_forbidden(c, "You are no admin of the organization '" TEXT_FMT "'.", TEXT_ARG(orgs[i])));
	}
	return (n > 0 ? NULL : admin_forbidden(c, "Only proxy admins, and admins of the organizations that are named, may make users."));
}

/* default_internal_user_params, where the body says nothing. */
static const struct json *
filled(struct admin_call *c)
{
	struct json_fault fault;
	const struct json *body;
	struct doc d, defaults;

	doc_read(&d, c->arena, c->body->raw);
	doc_read(&defaults, c->arena, c->config->settings.user_defaults);
	for (unsigned i = 0; i < defaults.n; i++)
		if (json_get(c->body, arena_copy(c->arena, defaults.members[i].name).at) == NULL)
			doc_set(&d, defaults.members[i].name, defaults.members[i].raw);
	body = json_parse(c->arena, doc_text(&d), &fault);
	return (defaults.n > 0 && body != NULL ? body : c->body);
}

static struct error *
join_team(struct admin_call *c, const struct user *u, struct text team_id, const struct json *limits, struct text role)
{
	struct json_fault fault;
	struct member m;
	struct team t;
	struct doc who;
	bool there;

	TRY(team_find(&t, &there, c, team_id));
	if (!there)
		return (admin_bad(c, "teams", "The team '" TEXT_FMT "' was not found: team_id=" TEXT_FMT " does not exist.", TEXT_ARG(team_id), TEXT_ARG(team_id)));
	TRY(may_team(c, DEED_CHANGE, t.id));
	TRY(member_find(&m, &there, c, t.id, u->id));
	if (there)
		return (NULL);
	doc_read(&who, c->arena, TEXT(""));
	doc_set_string(&who, "user_id", u->id);
	doc_set_string(&who, "role", role.len > 0 ? role : TEXT("user"));
	return (member_add(c, &t, json_parse(c->arena, doc_text(&who), &fault), limits, &m));
}

/* A list of ids, or of {"team_id", "user_role", "max_budget_in_team"}. */
static struct error *
join_teams(struct admin_call *c, const struct user *u, const struct json *body)
{
	const struct json *list = json_get(body, "teams");
	struct text id, role;

	if (list == NULL || list->type == JSON_NULL)
		return (NULL);
	if (list->type != JSON_ARRAY || list->count > ADMIN_ITEMS_MOST)
		return (admin_invalid(c, "teams", "teams must be a list of at most %d teams.", ADMIN_ITEMS_MOST));
	for (const struct json *i = list->first; i != NULL; i = i->next) {
		if (i->type == JSON_OBJECT) {
			TRY(body_id(&id, c, i, "team_id"));
			TRY(body_text(&role, c, i, "user_role"));
			TRY(join_team(c, u, id, i, role));
		} else if (i->type == JSON_STRING)
			TRY(join_team(c, u, json_unescape(c->arena, json_quoted(i)), NULL, TEXT("")));
		else
			return (admin_invalid(c, "teams", "teams must be a list of ids, or of objects with team_id."));
	}
	return (NULL);
}

static struct error *
join_organizations(struct admin_call *c, const struct user *u, const struct json *body)
{
	struct text role = doc_string(&u->doc, "user_role"), *ids;
	unsigned n;

	TRY(body_texts(&ids, &n, c, body, "organizations"));
	for (unsigned i = 0; i < n; i++) {
		TRY(must_be_there(c, SQL_ORGANIZATION_EXISTS, "organization", "organizations", ids[i]));
		TRY(ASK(c, NULL, SQL_USER_ORGANIZATION_ADD, V_TEXT(ids[i]), V_TEXT(u->id),
		    V_TEXT(text_is(role, "internal_user_viewer") ? role : TEXT("internal_user"))));
	}
	return (NULL);
}

/* The key that comes along: the user's limits hold for it as they do for all the user's keys. */
static struct error *
make_key(struct key *k, struct text *text, struct admin_call *c, const struct user *u, const struct json *body)
{
	static const char *const kept[] = { "key_alias", "duration", "key", "key_type", "allowed_routes", "agent_id", "project_id" };
	const struct json *filled_body;
	struct json_fault fault;
	struct doc d;

	doc_read(&d, c->arena, TEXT(""));
	for (size_t i = 0; i < nitems(kept); i++)
		if (body_has(body, kept[i]))
			doc_set(&d, text_of(kept[i]), json_get(body, kept[i])->raw);
	doc_set_string(&d, "user_id", u->id);
	TRY(key_policy(&filled_body, c, json_parse(c->arena, doc_text(&d), &fault), true));
	return (key_make(k, text, c, filled_body, u->id));
}

static struct error *
say_new(struct admin_call *c, const struct user *u, const struct key *k, struct text text)
{
	struct json_out o = { .to = &c->out };

	json_open(&o, '{');
	put_string(&o, "key", text);
	put_string(&o, "token", text.len > 0 ? k->digest : TEXT(""));
	put_string(&o, "token_id", text.len > 0 ? k->digest : TEXT(""));
	put_string(&o, "key_name", text.len > 0 ? doc_string(&k->doc, "key_name") : TEXT(""));
	put_string(&o, "key_alias", text.len > 0 ? doc_string(&k->doc, "key_alias") : TEXT(""));
	put_moment(&o, "expires", text.len > 0 ? k->expires : 0);
	TRY(user_put(&o, c, u));
	fields_put_inside(&o, &user_noun, &u->doc);
	put_string(&o, "created_by", c->changed_by);
	put_string(&o, "updated_by", c->changed_by);
	json_close(&o, '}');
	return (NULL);
}

static struct error *
make_user(struct user *u, struct admin_call *c, const struct json *body)
{
	struct user other;
	struct text row;
	int64_t spend;
	bool there;

	*u = (struct user){ .created_at = c->now_ms, .updated_at = c->now_ms };
	TRY(body_text(&u->id, c, body, "user_id"));
	if (u->id.len == 0)
		u->id = new_uuid(c);
	TRY(user_find(&other, &there, c, u->id));
	if (there)
		return (admin_bad(c, "user_id", "User with id " TEXT_FMT " already exists.", TEXT_ARG(u->id)));
	doc_read(&u->doc, c->arena, TEXT(""));
	TRY(fields_read(&u->doc, c, &user_noun, body));
	if (doc_raw(&u->doc, "user_role").len == 0)
		doc_set_string(&u->doc, "user_role", TEXT("internal_user"));
	TRY(check_unique(c, u));
	TRY(body_money(&spend, c, body, "spend"));
	TRY(user_write(c, u));
	if (spend != NO_LIMIT)
		TRY(spent_set(c, SCOPE_USER, u->id, spend));
	TRY(join_organizations(c, u, body));
	TRY(join_teams(c, u, body));
	TRY(spent_read(&u->spent, c, SCOPE_USER, u->id));
	TRY(user_text(&row, c, u));
	return (audit(c, "created", "user", u->id, TEXT(""), TEXT(""), row));
}

struct error *
user_new(struct admin_call *c)
{
	const struct json *body = filled(c);
	struct text text = TEXT("");
	struct key k = { 0 };
	struct user u;
	bool with_key;

	TRY(check_maker(c));
	TRY(check_unserved(c, body));
	TRY(body_bool(&with_key, c, body, "auto_create_key", true));
	TRY(make_user(&u, c, body));
	if (with_key)
		TRY(make_key(&k, &text, c, &u, body));
	return (say_new(c, &u, &k, text));
}

/* POST /user/update */

static struct error *
may_change(struct admin_call *c, const struct user *old, const struct user *u)
{
	static const char *const own[] = { "user_alias", "metadata" };

	if (is_admin(c))
		return (NULL);
	if (c->caller->role == USER_INTERNAL_VIEWER)
		return (admin_forbidden(c, "The role internal_user_viewer may read, not change."));
	if (!is_me(c, u->id)) {
		TRY(may_user(c, DEED_CHANGE, u->id));
		if (text_starts(doc_string(&u->doc, "user_role"), TEXT("proxy_admin")) || text_starts(doc_string(&old->doc, "user_role"), TEXT("proxy_admin")))
			return (admin_forbidden(c, "Only proxy admins may make or change proxy admins."));
		return (NULL);
	}
	for (const struct field *f = user_noun.fields; f->name != NULL; f++) {
		bool may = false;

		for (size_t i = 0; i < nitems(own); i++)
			may |= strcmp(own[i], f->name) == 0;
		if (!may && !text_eq(field_raw(&old->doc, &user_noun, f->name), field_raw(&u->doc, &user_noun, f->name)))
			return (admin_forbidden(c, "You may change user_alias and metadata of yourself, not %s.", f->name));
	}
	return (NULL);
}

static struct error *
change_user(struct user *u, struct admin_call *c, const struct user *old, const struct json *body)
{
	struct text before, after;
	int64_t spend;

	*u = *old;
	TRY(check_unserved(c, body));
	doc_read(&u->doc, c->arena, doc_text(&old->doc));
	TRY(fields_read(&u->doc, c, &user_noun, body));
	TRY(body_money(&spend, c, body, "spend"));
	TRY(may_change(c, old, u));
	if (spend != NO_LIMIT && !is_admin(c))
		return (admin_forbidden(c, "Only proxy admins may set spend."));
	TRY(check_unique(c, u));
	TRY(user_text(&before, c, old));
	u->updated_at = c->now_ms;
	TRY(user_write(c, u));
	if (spend != NO_LIMIT)
		TRY(spent_set(c, SCOPE_USER, u->id, spend));
	TRY(spent_read(&u->spent, c, SCOPE_USER, u->id));
	TRY(user_text(&after, c, u));
	return (audit(c, "updated", "user", u->id, TEXT(""), before, after));
}

/* By user_id, or by user_email alone. */
static struct error *
meant(struct text *id, struct admin_call *c, const struct json *body)
{
	struct text email;

	TRY(body_text(id, c, body, "user_id"));
	TRY(body_text(&email, c, body, "user_email"));
	if (id->len > 0)
		return (NULL);
	if (email.len == 0)
		return (admin_bad(c, "user_id", "Either user_id or user_email must be given."));
	TRY(user_by_email(id, c, email));
	return (id->len > 0 ? NULL : not_found(c, email));
}

static struct error *
update_one(struct user *u, struct admin_call *c, const struct json *body)
{
	struct user old;
	struct text id;
	bool there;

	TRY(meant(&id, c, body));
	TRY(user_find(&old, &there, c, id));
	if (!there)
		return (not_found(c, id));
	return (change_user(u, c, &old, body));
}

struct error *
user_update(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct user u;

	TRY(update_one(&u, c, c->body));
	json_open(&o, '{');
	put_string(&o, "user_id", u.id);
	json_name(&o, "data");
	json_open(&o, '{');
	TRY(user_put(&o, c, &u));
	fields_put_inside(&o, &user_noun, &u.doc);
	json_close(&o, '}');
	json_close(&o, '}');
	return (NULL);
}

/* POST /user/bulk_update: what fails of it fails alone */

struct bulk {
	struct buf	 results;
	unsigned	 n, good;
};

static struct error *
bulk_one(struct bulk *b, struct admin_call *c, const struct json *body)
{
	struct json_out o = { .to = &b->results, .comma = b->results.len > 0 };
	struct user u;
	struct error *e = json_is(body, JSON_OBJECT) ? update_one(&u, c, body) : admin_invalid(c, "users", "Each of users must be an object.");

	if (e != NULL && error_status(e) >= 500)
		return (e);
	b->n++;
	b->good += e == NULL;
	json_open(&o, '{');
	put_string(&o, "user_id", json_unescape(c->arena, json_quoted(json_get(body, "user_id"))));
	put_string(&o, "user_email", json_unescape(c->arena, json_quoted(json_get(body, "user_email"))));
	json_name(&o, "success");
	json_bool(&o, e == NULL);
	put_string(&o, "error", e != NULL ? e->message : TEXT(""));
	json_close(&o, '}');
	return (NULL);
}

static struct error *
bulk_listed(struct bulk *b, struct admin_call *c)
{
	const struct json *list = json_get(c->body, "users");

	if (!json_is(list, JSON_ARRAY) || list->count == 0)
		return (admin_invalid(c, "users", "users must be a list of objects, or all_users true with user_updates."));
	if (list->count > ADMIN_ITEMS_MOST)
		return (admin_bad(c, "users", "At most %d users can be updated at once.", ADMIN_ITEMS_MOST));
	for (const struct json *i = list->first; i != NULL; i = i->next)
		TRY(bulk_one(b, c, i));
	return (NULL);
}

static struct error *
bulk_all(struct bulk *b, struct admin_call *c)
{
	const struct json *updates = json_get(c->body, "user_updates");
	struct json_fault fault;
	struct rows rows;

	if (!json_is(updates, JSON_OBJECT))
		return (admin_invalid(c, "user_updates", "user_updates must be an object."));
	TRY(ASK0(c, &rows, SQL_USER_IDS));
	for (unsigned i = 0; i < rows.n; i++) {
		struct doc d;

		doc_read(&d, c->arena, updates->raw);
		doc_set(&d, TEXT("user_email"), TEXT(""));
		doc_set_string(&d, "user_id", rows_text(&rows, i, 0));
		TRY(bulk_one(b, c, json_parse(c->arena, doc_text(&d), &fault)));
	}
	return (NULL);
}

struct error *
user_bulk_update(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct bulk b = { .n = 0 };
	struct error *e;
	bool all;

	TRY(body_bool(&all, c, c->body, "all_users", false));
	if ((e = all ? bulk_all(&b, c) : bulk_listed(&b, c)) == NULL) {
		json_open(&o, '{');
		json_name(&o, "results");
		json_open(&o, '[');
		buf_text(&c->out, buf_as_text(&b.results));
		json_close(&o, ']');
		json_name(&o, "total_requested");
		json_int(&o, b.n);
		json_name(&o, "successful_updates");
		json_int(&o, b.good);
		json_name(&o, "failed_updates");
		json_int(&o, b.n - b.good);
		json_close(&o, '}');
	}
	buf_free(&b.results);
	return (e);
}

/* GET /user/info, /v2/user/info */

static struct error *
asked(struct user *u, struct admin_call *c)
{
	struct text id = query_text(c, "user_id");
	bool there;

	if (id.len == 0)
		id = own_user(c);
	if (id.len == 0)
		return (admin_bad(c, "user_id", "Send ?user_id=: your key is of no user whose info could be meant."));
	TRY(may_user(c, DEED_READ, id));
	TRY(user_find(u, &there, c, id));
	if (there)
		return (NULL);
	if (!text_is(id, MASTER_USER) || !is_admin(c))
		return (not_found(c, id));
	*u = (struct user){ .id = id };			/* the master key is a user that needs no row */
	doc_read(&u->doc, c->arena, TEXT("{\"user_role\":\"proxy_admin\"}"));
	return (NULL);
}

static struct error *
put_teams(struct json_out *o, struct admin_call *c, struct text user_id)
{
	struct rows rows;
	struct team t;

	TRY(ASK(c, &rows, SQL_TEAMS_OF_USER, V_TEXT(user_id)));
	json_open(o, '[');
	for (unsigned i = 0; i < rows.n; i++) {
		TRY(team_of_row(&t, c, &rows, i));
		json_open(o, '{');
		TRY(team_put(o, c, &t));
		json_close(o, '}');
	}
	json_close(o, ']');
	return (NULL);
}

struct error *
user_info(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct user u;

	TRY(asked(&u, c));
	json_open(&o, '{');
	put_string(&o, "user_id", u.id);
	json_name(&o, "user_info");
	json_open(&o, '{');
	TRY(user_put(&o, c, &u));
	json_close(&o, '}');
	json_name(&o, "keys");
	TRY(keys_put(&o, c, SQL_KEYS_OF_USER, u.id, KEYS_SHOWN));
	json_name(&o, "teams");
	TRY(put_teams(&o, c, u.id));
	json_close(&o, '}');
	return (NULL);
}

struct error *
user_info_flat(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct user u;

	TRY(asked(&u, c));
	json_open(&o, '{');
	TRY(user_put(&o, c, &u));
	json_close(&o, '}');
	return (NULL);
}

/* GET /user/list */

static struct value
listed(struct admin_call *c, const char *name)
{
	struct growing g = { 0 };
	struct text *list;
	unsigned n = query_list(&list, c, name);

	if (n == 0)
		return (V_NULL);
	arena_append(c->arena, &g, TEXT(","));
	for (unsigned i = 0; i < n; i++) {
		arena_append(c->arena, &g, list[i]);
		arena_append(c->arena, &g, TEXT(","));
	}
	return (V_TEXT(((struct text){ g.at, g.len })));
}

static struct error *
read_sort(struct value *sort, struct admin_call *c)
{
	static const char *const sorts[][2] = { { "created_at", "created" }, { "user_id", "id" }, { "user_email", "email" }, { "user_role", "role" },
		{ "spend", "spend" } };
	struct text by = query_text(c, "sort_by");
	bool down = text_eq_nocase(query_text(c, "sort_order"), TEXT("desc"));

	*sort = V_TEXT(TEXT(""));
	for (size_t i = 0; i < nitems(sorts); i++)
		if (text_is(by, sorts[i][0])) {
			*sort = V_TEXT(arena_print(c->arena, "%s%s", down ? "-" : "", sorts[i][1]));
			return (NULL);
		}
	return (by.len == 0 ? NULL : admin_bad(c, "sort_by", "sort_by must be one of created_at, user_id, user_email, user_role, spend."));
}

static struct error *
list_args(struct value args[10], struct admin_call *c, int64_t page, int64_t size)
{
	struct text email = query_text(c, "user_email"), role = query_text(c, "role");

	args[0] = V_TEXT_OR_NULL(role.len > 0 ? role : query_text(c, "user_role"));
	args[1] = email.len > 0 ? V_TEXT(like_within(c->arena, email)) : V_NULL;
	args[2] = V_TEXT_OR_NULL(query_text(c, "team"));
	args[3] = listed(c, "organization_ids");
	args[4] = listed(c, query_has(c, "user_ids") ? "user_ids" : "user_id");
	args[5] = listed(c, "sso_user_ids");
	args[6] = sees_all(c) ? V_NULL : V_TEXT(own_user(c));
	args[8] = V_INT(size);
	args[9] = V_INT((page - 1) * size);
	return (read_sort(&args[7], c));
}

static struct error *
put_users(struct json_out *o, struct admin_call *c, const struct rows *rows)
{
	struct user u;

	json_open(o, '[');
	for (unsigned i = 0; i < rows->n; i++) {
		TRY(user_of_row(&u, c, rows, i));
		json_open(o, '{');
		TRY(user_put(o, c, &u));
		json_name(o, "key_count");
		json_int(o, rows_int(rows, i, 8, 0));
		json_close(o, '}');
	}
	json_close(o, ']');
	return (NULL);
}

struct error *
user_list(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct rows rows, count;
	struct value args[10];
	int64_t page, size, total;

	TRY(query_pages(&page, &size, c, "page_size", 25));
	TRY(list_args(args, c, page, size));
	TRY(admin_ask(c, &count, SQL_USER_LIST_COUNT, args, 7));
	TRY(admin_ask(c, &rows, SQL_USER_LIST, args, 10));
	total = rows_int(&count, 0, 0, 0);
	json_open(&o, '{');
	json_name(&o, "users");
	TRY(put_users(&o, c, &rows));
	json_name(&o, "total");
	json_int(&o, total);
	json_name(&o, "page");
	json_int(&o, page);
	json_name(&o, "page_size");
	json_int(&o, size);
	json_name(&o, "total_pages");
	json_int(&o, pages_of(total, size));
	json_close(&o, '}');
	return (NULL);
}

/* GET /user/filter/ui: a plain list */
struct error *
user_filter(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct value args[10];
	struct rows rows;

	TRY(list_args(args, c, 1, 50));
	TRY(admin_ask(c, &rows, SQL_USER_LIST, args, 10));
	return (put_users(&o, c, &rows));
}

/* POST /user/delete */

struct error *
user_delete(struct admin_call *c)
{
	struct text *ids;
	unsigned n;

	TRY(body_texts(&ids, &n, c, c->body, "user_ids"));
	if (n == 0)
		return (admin_bad(c, "user_ids", "user_ids is required: which users are to be deleted."));
	for (unsigned i = 0; i < n; i++) {
		struct user u;
		bool there;

		TRY(may_user(c, DEED_DELETE, ids[i]));
		TRY(user_find(&u, &there, c, ids[i]));
		if (!there)
			return (not_found(c, ids[i]));
		if (!is_admin(c) && text_starts(doc_string(&u.doc, "user_role"), TEXT("proxy_admin")))
			return (admin_forbidden(c, "Only proxy admins may delete proxy admins."));
		TRY(user_remove(c, &u));
	}
	buf_print(&c->out, "%u", n);
	return (NULL);
}

/* GET /user/available_roles, /user/available_users */

static const struct {
	const char	*role, *label, *what;
} roles_told[] = {
	{ "proxy_admin", "Admin (All Permissions)", "may do everything" },
	{ "proxy_admin_viewer", "Admin (View Only)", "sees all keys, users, teams and spend" },
	{ "internal_user", "Internal User (Create/Delete/View)", "handles the own keys, sees the own spend" },
	{ "internal_user_viewer", "Internal User (View Only)", "sees the own keys and the own spend" },
};

struct error *
user_roles(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };

	json_open(&o, '{');
	for (size_t i = 0; i < nitems(roles_told); i++) {
		json_name(&o, roles_told[i].role);
		json_open(&o, '{');
		put_string(&o, "description", text_of(roles_told[i].what));
		put_string(&o, "ui_label", text_of(roles_told[i].label));
		json_close(&o, '}');
	}
	json_close(&o, '}');
	return (NULL);
}

/* Seats of a licence: there is none, so nothing ends. */
struct error *
user_seats(struct admin_call *c)
{
	struct rows rows;

	TRY(ASK0(c, &rows, SQL_USER_COUNT));
	buf_print(&c->out, "{\"total_users\":null,\"total_users_used\":%lld,\"total_users_remaining\":null}", (long long)rows_int(&rows, 0, 0, 0));
	return (NULL);
}
