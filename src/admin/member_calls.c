/* SPDX-License-Identifier: Apache-2.0 */
/* /team/member_…: who is in a team, as what, and with which limits. */
#include "admin/nouns.h"
#include "admin/roles.h"
#include "admin/teams.h"
#include "admin/users.h"

static struct error *
named_team(struct team *t, struct admin_call *c)
{
	struct text id;

	TRY(body_id(&id, c, c->body, "team_id"));
	TRY(team_must_be(t, c, id));
	return (may_team(c, DEED_CHANGE, t->id));
}

/* What is told of members that were added: users and memberships. */
static struct error *
put_added(struct json_out *o, struct admin_call *c, const struct member *all, unsigned n)
{
	struct user u;
	bool there;

	json_name(o, "updated_users");
	json_open(o, '[');
	for (unsigned i = 0; i < n; i++) {
		TRY(user_find(&u, &there, c, all[i].user_id));
		if (!there)
			continue;
		json_open(o, '{');
		TRY(user_put(o, c, &u));
		json_close(o, '}');
	}
	json_close(o, ']');
	json_name(o, "updated_team_memberships");
	json_open(o, '[');
	for (unsigned i = 0; i < n; i++) {
		struct member m;

		TRY(member_find(&m, &there, c, all[i].team_id, all[i].user_id));
		json_open(o, '{');
		TRY(membership_put(o, c, &m));
		json_close(o, '}');
	}
	json_close(o, ']');
	return (NULL);
}

static struct error *
add_one(struct admin_call *c, const struct team *t, const struct json *who, const struct json *limits, struct member *m)
{
	TRY(member_add(c, t, who, limits, m));
	return (audit(c, "created", "team_member", member_entity(c, m), t->id, TEXT(""), member_text(c, m)));
}

/* POST /team/member_add */
struct error *
team_member_add(struct admin_call *c)
{
	const struct json *given = json_get(c->body, "member");
	struct json_out o = { .to = &c->out };
	struct member *all;
	struct team t;
	unsigned n = 0;

	TRY(named_team(&t, c));
	if (!json_is(given, JSON_OBJECT) && !json_is(given, JSON_ARRAY))
		return (admin_invalid(c, "member", "member must be an object, or a list of them, with role and user_id or user_email."));
	if (given->type == JSON_ARRAY && (given->count == 0 || given->count > ADMIN_ITEMS_MOST))
		return (admin_bad(c, "member", "member must be a list of 1 to %d objects.", ADMIN_ITEMS_MOST));
	all = arena_alloc(c->arena, (given->type == JSON_ARRAY ? given->count : 1) * sizeof(*all));
	for (const struct json *i = given->type == JSON_ARRAY ? given->first : given; i != NULL; i = given->type == JSON_ARRAY ? i->next : NULL)
		TRY(add_one(c, &t, i, c->body, &all[n++]));
	json_open(&o, '{');
	TRY(team_put(&o, c, &t));
	TRY(put_added(&o, c, all, n));
	json_close(&o, '}');
	return (NULL);
}

/* POST /team/bulk_member_add: what fails of it fails alone */

struct bulk {
	struct buf	 results;
	unsigned	 n, good;
};

static void
put_result(struct bulk *b, struct text user_id, const struct error *e)
{
	struct json_out o = { .to = &b->results, .comma = b->results.len > 0 };

	json_open(&o, '{');
	put_string(&o, "user_id", user_id);
	json_name(&o, "success");
	json_bool(&o, e == NULL);
	put_string(&o, "error", e != NULL ? e->message : TEXT(""));
	json_close(&o, '}');
	b->n++;
	b->good += e == NULL;
}

static struct error *
bulk_one(struct bulk *b, struct admin_call *c, const struct team *t, const struct json *who)
{
	struct member m = { .user_id = TEXT("") };
	struct error *e = add_one(c, t, who, c->body, &m);

	if (e != NULL && error_status(e) >= 500)
		return (e);
	put_result(b, m.user_id.len > 0 ? m.user_id : json_unescape(c->arena, json_quoted(json_get(who, "user_id"))), e);
	return (NULL);
}

static struct error *
bulk_all(struct bulk *b, struct admin_call *c, const struct team *t)
{
	struct json_fault fault;
	struct rows rows;

	TRY(ASK0(c, &rows, SQL_USER_IDS));
	for (unsigned i = 0; i < rows.n; i++) {
		struct doc who;

		doc_read(&who, c->arena, TEXT("{\"role\":\"user\"}"));
		doc_set_string(&who, "user_id", rows_text(&rows, i, 0));
		TRY(bulk_one(b, c, t, json_parse(c->arena, doc_text(&who), &fault)));
	}
	return (NULL);
}

static struct error *
bulk_listed(struct bulk *b, struct admin_call *c, const struct team *t)
{
	const struct json *list = json_get(c->body, "members");

	if (!json_is(list, JSON_ARRAY) || list->count == 0)
		return (admin_invalid(c, "members", "members must be a list of objects, or all_users true."));
	if (list->count > ADMIN_ITEMS_MOST)
		return (admin_bad(c, "members", "At most %d members can be added at once.", ADMIN_ITEMS_MOST));
	for (const struct json *i = list->first; i != NULL; i = i->next)
		TRY(bulk_one(b, c, t, i));
	return (NULL);
}

static struct error *
say_bulk(struct admin_call *c, const struct bulk *b, const struct team *t)
{
	struct json_out o = { .to = &c->out };

	json_open(&o, '{');
	put_string(&o, "team_id", t->id);
	json_name(&o, "results");
	json_open(&o, '[');
	buf_text(&c->out, buf_as_text(&b->results));
	json_close(&o, ']');
	json_name(&o, "total_requested");
	json_int(&o, b->n);
	json_name(&o, "successful_additions");
	json_int(&o, b->good);
	json_name(&o, "failed_additions");
	json_int(&o, b->n - b->good);
	json_name(&o, "updated_team");
	json_open(&o, '{');
	TRY(team_put(&o, c, t));
	json_close(&o, '}');
	json_close(&o, '}');
	return (NULL);
}

struct error *
team_bulk_member_add(struct admin_call *c)
{
	struct bulk b = { .n = 0 };
	struct error *e;
	struct team t;
	bool all;

	TRY(named_team(&t, c));
	TRY(body_bool(&all, c, c->body, "all_users", false));
	if (all && !is_admin(c))
		return (admin_forbidden(c, "Only proxy admins may add all users."));
	e = all ? bulk_all(&b, c, &t) : bulk_listed(&b, c, &t);
	if (e == NULL)
		e = say_bulk(c, &b, &t);
	buf_free(&b.results);
	return (e);
}

/* POST /team/member_update, /team/member_delete, /team/{team_id}/member/{user_id}/reset_spend */

static struct error *
find_in(struct member *m, struct admin_call *c, struct text team_id, struct text user_id)
{
	bool there;

	TRY(member_find(m, &there, c, team_id, user_id));
	if (there)
		return (NULL);
	return (admin_bad(c, "user_id", "The user '" TEXT_FMT "' was not found in the team '" TEXT_FMT "'.", TEXT_ARG(user_id), TEXT_ARG(team_id)));
}

static struct error *
named_member(struct member *m, struct team *t, struct admin_call *c)
{
	struct text user;

	TRY(named_team(t, c));
	TRY(member_meant(&user, c, c->body, false));
	return (find_in(m, c, t->id, user));
}

struct error *
team_member_update(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct member m;
	struct team t;
	struct text before;
	bool there;

	TRY(named_member(&m, &t, c));
	before = member_text(c, &m);
	TRY(member_patch(&m, c, c->body));
	TRY(member_write(c, &m, &t));
	TRY(member_find(&m, &there, c, t.id, m.user_id));
	TRY(audit(c, "updated", "team_member", member_entity(c, &m), t.id, before, member_text(c, &m)));
	json_open(&o, '{');
	put_string(&o, "team_id", t.id);
	put_string(&o, "user_id", m.user_id);
	put_string(&o, "user_email", json_unescape(c->arena, json_quoted(json_get(c->body, "user_email"))));
	put_string(&o, "role", m.role);
	put_raw(&o, "max_budget_in_team", doc_raw(&m.doc, "max_budget"), "null");
	put_raw(&o, "tpm_limit", doc_raw(&m.doc, "tpm_limit"), "null");
	put_raw(&o, "rpm_limit", doc_raw(&m.doc, "rpm_limit"), "null");
	put_raw(&o, "budget_duration", doc_raw(&m.doc, "budget_duration"), "null");
	put_raw(&o, "allowed_models", doc_raw(&m.doc, "allowed_models"), "null");
	json_close(&o, '}');
	return (NULL);
}

struct error *
team_member_delete(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct member m;
	struct team t;

	TRY(named_member(&m, &t, c));
	TRY(member_remove(c, &m));
	admin_changed(c, KNOWN_USER, m.user_id);
	TRY(audit(c, "deleted", "team_member", member_entity(c, &m), t.id, member_text(c, &m), TEXT("")));
	json_open(&o, '{');
	TRY(team_put(&o, c, &t));
	json_close(&o, '}');
	return (NULL);
}

struct error *
team_member_reset(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct member m;
	struct team t;
	struct text entity;

	TRY(team_must_be(&t, c, c->id[0]));
	TRY(may_team(c, DEED_CHANGE, t.id));
	TRY(find_in(&m, c, t.id, c->id[1]));
	entity = member_entity(c, &m);
	TRY(spent_set(c, SCOPE_MEMBER, entity, 0));
	admin_changed(c, KNOWN_MEMBER, entity);
	TRY(audit(c, "updated", "team_member", entity, t.id, TEXT(""), TEXT("{\"spend\":0}")));
	json_open(&o, '{');
	TRY(membership_put(&o, c, &m));
	json_close(&o, '}');
	return (NULL);
}

/* GET /team/{team_id}/members/me */
struct error *
team_member_me(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct member m;
	struct team t;
	struct user u;
	bool there;

	TRY(team_must_be(&t, c, c->id[0]));
	TRY(find_in(&m, c, t.id, own_user(c)));
	TRY(user_find(&u, &there, c, m.user_id));
	json_open(&o, '{');
	TRY(membership_put(&o, c, &m));
	put_string(&o, "user_email", there ? doc_string(&u.doc, "user_email") : TEXT(""));
	put_string(&o, "team_alias", doc_string(&t.doc, "team_alias"));
	json_close(&o, '}');
	return (NULL);
}
