/* SPDX-License-Identifier: Apache-2.0 */
/* /team/…: made, changed, shown, listed, blocked, deleted. */
#include "admin/keys.h"
#include "admin/nouns.h"
#include "admin/pledges.h"
#include "admin/roles.h"
#include "admin/teams.h"
#include "admin/users.h"

#define KEYS_SHOWN	100

static struct error *
say_row(struct admin_call *c, const struct team *t)
{
	struct json_out o = { .to = &c->out };

	json_open(&o, '{');
	TRY(team_put(&o, c, t));
	fields_put_inside(&o, &team_noun, &t->doc);
	json_close(&o, '}');
	return (NULL);
}

static struct error *
named(struct team *t, struct admin_call *c, enum deed deed)
{
	struct text id = c->id[0];

	if (id.len == 0)
		TRY(body_id(&id, c, c->body, "team_id"));
	TRY(team_must_be(t, c, id));
	return (may_team(c, deed, t->id));
}

/* How long files are kept, as OpenAI has it: from when they are made, an hour to thirty days. */
static struct error *
check_expiry(struct admin_call *c, const struct doc *d, const char *name)
{
	struct text raw = field_raw(d, &team_noun, name);
	int64_t seconds, days;
	struct doc said;

	if (raw.len == 0)
		return (NULL);
	doc_read(&said, c->arena, raw);
	seconds = doc_int(&said, "seconds", -1);
	days = doc_int(&said, "days", -1);
	if (seconds < 0 && days > 0 && days <= 30)
		seconds = days * 86400;
	if (text_is(doc_string(&said, "anchor"), "created_at") && seconds >= 3600 && seconds <= 30 * 86400)
		return (NULL);
	return (admin_bad(c, name, "%s must be {\"anchor\": \"created_at\", \"seconds\": N}, from 3600 to 2592000 (or \"days\" up to 30).", name));
}

/* Rules between fields */

static struct error *
check_fields(struct admin_call *c, const struct doc *d, struct text team_id)
{
	int64_t soft = doc_money(d, "soft_budget"), most = doc_money(d, "max_budget");

	if (soft != NO_LIMIT && most != NO_LIMIT && soft >= most)
		return (admin_bad(c, "soft_budget", "soft_budget must be strictly lower than max_budget."));
	TRY(must_be_there(c, SQL_ORGANIZATION_EXISTS, "organization", "organization_id", doc_string(d, "organization_id")));
	TRY(check_expiry(c, d, "enforced_file_expires_after"));
	TRY(check_expiry(c, d, "enforced_batch_output_expires_after"));
	return (pledges_of_team(c, d, team_id));
}

/* A body may say members_with_roles twice over: `admins` and `members` are LiteLLM's older form. */
static struct error *
add_listed(struct admin_call *c, const struct team *t, const char *name, const char *role)
{
	struct text *ids;
	unsigned n;

	TRY(body_texts(&ids, &n, c, c->body, name));
	for (unsigned i = 0; i < n; i++) {
		struct member m = { .team_id = t->id, .user_id = ids[i], .role = text_of(role) };
		bool there;

		TRY(member_find(&m, &there, c, t->id, ids[i]));
		if (there || ids[i].len == 0)
			continue;
		doc_read(&m.doc, c->arena, TEXT("{\"own\":{}}"));
		TRY(user_ensure(c, ids[i], TEXT("")));
		TRY(member_write(c, &m, t));
		admin_changed(c, KNOWN_USER, ids[i]);
	}
	return (NULL);
}

static struct error *
add_members(struct admin_call *c, const struct team *t)
{
	const struct json *list = json_get(c->body, "members_with_roles");
	struct member m;

	if (list != NULL && list->type != JSON_NULL && list->type != JSON_ARRAY)
		return (admin_invalid(c, "members_with_roles", "members_with_roles must be a list of objects."));
	if (list != NULL && list->count > 10000)
		return (admin_bad(c, "members_with_roles", "members_with_roles has more than 10000 entries."));
	for (const struct json *i = list != NULL ? list->first : NULL; i != NULL; i = i->next)
		TRY(member_add(c, t, i, NULL, &m));
	TRY(add_listed(c, t, "admins", "admin"));
	return (add_listed(c, t, "members", "user"));
}

/* POST /team/new */

/* Org admins make teams of their organization. */
static struct error *
check_maker(struct admin_call *c)
{
	struct text org;

	TRY(body_text(&org, c, c->body, "organization_id"));
	if (is_admin(c))
		return (NULL);
	if (org.len == 0)
		return (admin_forbidden(c, "Only proxy admins may make a team that is of no organization."));
	return (may_org(c, DEED_CHANGE, org));
}

/* Whoever makes a team is one of its admins; the master key is nobody's. */
static struct error *
add_creator(struct admin_call *c, const struct team *t)
{
	struct member m = { .team_id = t->id, .user_id = own_user(c), .role = TEXT("admin") };
	bool there;

	if (c->caller->kind == CALLER_MASTER || m.user_id.len == 0)
		return (NULL);
	TRY(member_find(&m, &there, c, t->id, m.user_id));
	if (there)
		return (NULL);
	doc_read(&m.doc, c->arena, TEXT("{\"own\":{}}"));
	TRY(user_ensure(c, m.user_id, TEXT("")));
	return (member_write(c, &m, t));
}

static void
fill_defaults(struct admin_call *c, struct doc *d)
{
	struct doc defaults;

	doc_read(&defaults, c->arena, c->config->settings.team_defaults);
	for (unsigned i = 0; i < defaults.n; i++)
		if (json_get(c->body, arena_copy(c->arena, defaults.members[i].name).at) == NULL)
			doc_set(d, defaults.members[i].name, defaults.members[i].raw);
}

/* The body, with the operator's default_team_params where it says nothing. */
static const struct json *
filled(struct admin_call *c)
{
	struct json_fault fault;
	const struct json *body;
	struct doc d;

	if (c->config->settings.team_defaults.len == 0)
		return (c->body);
	doc_read(&d, c->arena, c->body->raw);
	fill_defaults(c, &d);
	body = json_parse(c->arena, doc_text(&d), &fault);
	return (body != NULL ? body : c->body);
}

struct error *
team_new(struct admin_call *c)
{
	struct team t = { .created_at = c->now_ms, .updated_at = c->now_ms };
	struct team other;
	bool there;

	TRY(check_maker(c));
	TRY(body_text(&t.id, c, c->body, "team_id"));
	if (t.id.len == 0)
		t.id = new_uuid(c);
	if (memchr(t.id.at, '/', t.id.len) != NULL)
		return (admin_bad(c, "team_id", "team_id must not have a slash."));
	TRY(team_find(&other, &there, c, t.id));
	if (there)
		return (admin_bad(c, "team_id", "Team id = " TEXT_FMT " already exists. Please use a different team id.", TEXT_ARG(t.id)));
	doc_read(&t.doc, c->arena, TEXT(""));
	TRY(fields_read(&t.doc, c, &team_noun, filled(c)));
	doc_set(&t.doc, TEXT("admins"), TEXT(""));
	doc_set(&t.doc, TEXT("members"), TEXT(""));
	TRY(check_fields(c, &t.doc, t.id));
	TRY(team_write(c, &t));
	TRY(spent_read(&t.spent, c, SCOPE_TEAM, t.id));
	TRY(add_members(c, &t));
	TRY(add_creator(c, &t));
	TRY(audit(c, "created", "team", t.id, t.id, TEXT(""), team_text(c, &t)));
	return (say_row(c, &t));
}

/* What admins of a team may not do with it. */
static struct error *
must_rule(struct admin_call *c, const struct team *t, const char *deed)
{
	bool may = is_admin(c);

	if (!may)
		TRY(is_org_admin(&may, c, doc_string(&t->doc, "organization_id")));
	return (may ? NULL : admin_forbidden(c, "Only proxy admins and admins of its organization may %s.", deed));
}

/* POST /team/update, PATCH /team/{team_id} */

/* Team admins change their team, not what it may spend nor whose it is. */
static struct error *
check_changes(struct admin_call *c, const struct team *old, const struct team *t)
{
	static const char *const limits[] = { "max_budget", "tpm_limit", "rpm_limit", "max_parallel_requests", "budget_limits", "budget_duration", "models",
		"model_max_budget", "model_aliases", "access_group_ids", "model_rpm_limit", "model_tpm_limit", "tag_rpm_limit", "tag_tpm_limit",
		"enforced_file_expires_after",
		"enforced_batch_output_expires_after" };
	struct text org = doc_string(&old->doc, "organization_id");
	bool may = is_admin(c);

	if (!may && org.len > 0)
		TRY(is_org_admin(&may, c, org));
	for (size_t i = 0; i < nitems(limits) && !may; i++)
		if (!text_eq(field_raw(&old->doc, &team_noun, limits[i]), field_raw(&t->doc, &team_noun, limits[i])))
			return (admin_forbidden(c, "Team admins may not change %s of their team.", limits[i]));
	if (text_eq(org, doc_string(&t->doc, "organization_id")) || is_admin(c))
		return (NULL);
	return (admin_forbidden(c, "Only proxy admins may move a team to another organization."));
}

static bool
members_change(const struct doc *old, const struct doc *new)
{
	static const char *const names[] = { "team_member_budget", "team_member_budget_duration", "team_member_tpm_limit", "team_member_rpm_limit",
		"default_team_member_models" };

	for (size_t i = 0; i < nitems(names); i++)
		if (!text_eq(doc_raw(old, names[i]), doc_raw(new, names[i])))
			return (true);
	return (false);
}

static struct error *
write_change(struct admin_call *c, const char *action, const struct team *old, struct team *t)
{
	t->updated_at = c->now_ms;
	TRY(team_write(c, t));
	if (members_change(&old->doc, &t->doc))
		TRY(members_rewrite(c, t));
	TRY(spent_read(&t->spent, c, SCOPE_TEAM, t->id));
	return (audit(c, action, "team", t->id, t->id, team_text(c, old), team_text(c, t)));
}

static struct error *
copy_of(struct team *t, struct admin_call *c, const struct team *old)
{
	*t = *old;
	doc_read(&t->doc, c->arena, doc_text(&old->doc));
	return (NULL);
}

static struct error *
change(struct team *t, struct admin_call *c)
{
	struct team old;

	TRY(named(&old, c, DEED_CHANGE));
	TRY(copy_of(t, c, &old));
	TRY(fields_read(&t->doc, c, &team_noun, c->body));
	doc_set(&t->doc, TEXT("admins"), TEXT(""));
	doc_set(&t->doc, TEXT("members"), TEXT(""));
	TRY(check_changes(c, &old, t));
	TRY(check_fields(c, &t->doc, t->id));
	return (write_change(c, "updated", &old, t));
}

struct error *
team_update(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct team t;

	TRY(change(&t, c));
	json_open(&o, '{');
	put_string(&o, "team_id", t.id);
	json_name(&o, "data");
	json_open(&o, '{');
	TRY(team_put(&o, c, &t));
	fields_put_inside(&o, &team_noun, &t.doc);
	json_close(&o, '}');
	json_close(&o, '}');
	return (NULL);
}

struct error *
team_patch(struct admin_call *c)
{
	struct team t;

	TRY(change(&t, c));
	return (say_row(c, &t));
}

/* POST /team/delete */

struct error *
team_delete(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct text *ids;
	unsigned n;

	TRY(body_texts(&ids, &n, c, c->body, "team_ids"));
	if (n == 0)
		return (admin_bad(c, "team_ids", "team_ids is required: which teams are to be deleted."));
	json_open(&o, '{');
	json_name(&o, "deleted_teams");
	json_open(&o, '[');
	for (unsigned i = 0; i < n; i++) {
		struct team t;

		TRY(team_must_be(&t, c, ids[i]));
		TRY(must_rule(c, &t, "delete a team"));
		TRY(team_remove(c, &t));
		json_string(&o, ids[i]);
	}
	json_close(&o, ']');
	json_close(&o, '}');
	return (NULL);
}

/* GET /team/info */

struct error *
team_info(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct text id = query_text(c, "team_id");
	struct team t;
	int64_t most;

	if (id.len == 0)
		id = c->caller->team_id;
	if (id.len == 0)
		return (admin_bad(c, "team_id", "Send ?team_id=: your key is of no team whose info could be meant."));
	TRY(query_int(&most, c, "key_limit", KEYS_SHOWN, 0, 10000));
	TRY(team_must_be(&t, c, id));
	TRY(may_team(c, DEED_READ, t.id));
	json_open(&o, '{');
	put_string(&o, "team_id", t.id);
	json_name(&o, "team_info");
	json_open(&o, '{');
	TRY(team_put(&o, c, &t));
	json_close(&o, '}');
	json_name(&o, "keys");
	TRY(keys_put(&o, c, SQL_KEYS_OF_TEAM, t.id, most));
	json_name(&o, "team_memberships");
	TRY(memberships_put(&o, c, t.id));
	json_close(&o, '}');
	return (NULL);
}

/* GET /team/list, /v2/team/list */

struct wish {
	struct value	 args[11];	/* of team_list; its count takes the first eight */
	int64_t		 page, size;
	bool		 deleted;
};

static struct value
like(struct admin_call *c, struct text t)
{
	return (t.len > 0 ? V_TEXT(like_within(c->arena, t)) : V_NULL);
}

static struct error *
wish_sort(struct wish *w, struct admin_call *c)
{
	static const char *const sorts[][2] = { { "created_at", "created" }, { "team_alias", "alias" }, { "team_id", "id" }, { "spend", "spend" } };
	struct text by = query_text(c, "sort_by"), order = query_text(c, "sort_order");

	w->args[8] = V_TEXT(TEXT(""));
	for (size_t i = 0; i < nitems(sorts); i++)
		if (text_is(by, sorts[i][0])) {
			w->args[8] = V_TEXT(arena_print(c->arena, "%s%s", text_eq_nocase(order, TEXT("desc")) ? "-" : "", sorts[i][1]));
			return (NULL);
		}
	return (by.len == 0 ? NULL : admin_bad(c, "sort_by", "sort_by must be one of created_at, team_alias, team_id, spend."));
}

/* Who sees not all sees the own; who asks for somebody's must be that one. */
static struct error *
wish_whose(struct wish *w, struct admin_call *c)
{
	struct text user = query_text(c, "user_id"), org = query_text(c, "organization_id");

	w->args[0] = V_TEXT_OR_NULL(user);
	w->args[1] = text_is(org, "default_organization") ? V_TEXT(TEXT("")) : V_TEXT_OR_NULL(org);
	w->args[7] = sees_all(c) ? V_NULL : V_TEXT(own_user(c));
	if (sees_all(c) || user.len == 0 || is_me(c, user))
		return (NULL);
	return (may_user(c, DEED_READ, user));
}

static struct error *
read_wish(struct wish *w, struct admin_call *c)
{
	struct text search = query_text(c, "search"), status = query_text(c, "status");
	bool within = text_is(query_text(c, "search_team_id_match"), "contains") || text_is(query_text(c, "search_team_id_match"), "partial");

	if (status.len > 0 && !text_is(status, "deleted"))
		return (admin_bad(c, "status", "Invalid status: only 'deleted' can be asked for."));
	w->deleted = status.len > 0;
	TRY(query_pages(&w->page, &w->size, c, "page_size", 10));
	TRY(wish_whose(w, c));
	w->args[2] = V_TEXT_OR_NULL(query_text(c, "team_id"));
	w->args[3] = like(c, query_text(c, "team_alias"));
	w->args[4] = like(c, search);
	w->args[5] = V_TEXT_OR_NULL(search);
	w->args[6] = within ? like(c, search) : V_NULL;
	return (wish_sort(w, c));
}

static struct error *
put_whole(struct json_out *o, struct admin_call *c, const struct team *t)
{
	json_open(o, '{');
	TRY(team_put(o, c, t));
	json_name(o, "keys");
	TRY(keys_put(o, c, SQL_KEYS_OF_TEAM, t->id, KEYS_SHOWN));
	json_name(o, "team_memberships");
	TRY(memberships_put(o, c, t->id));
	json_close(o, '}');
	return (NULL);
}

struct error *
team_list(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct wish w = { 0 };
	struct rows rows;
	struct team t;

	TRY(read_wish(&w, c));
	w.args[9] = V_INT(100000);
	w.args[10] = V_INT(0);
	TRY(admin_ask(c, &rows, SQL_TEAM_LIST, w.args, nitems(w.args)));
	json_open(&o, '[');
	for (unsigned i = 0; i < rows.n; i++) {
		TRY(team_of_row(&t, c, &rows, i));
		TRY(put_whole(&o, c, &t));
	}
	json_close(&o, ']');
	return (NULL);
}

static struct error *
put_gone(struct json_out *o, struct admin_call *c, const struct wish *w, int64_t *total)
{
	struct rows rows, count;

	TRY(ASK(c, &count, SQL_GONE_COUNT, V_TEXT(TEXT("team"))));
	TRY(ASK(c, &rows, SQL_GONE_LIST, V_TEXT(TEXT("team")), w->args[9], w->args[10]));
	*total = rows_int(&count, 0, 0, 0);
	for (unsigned i = 0; i < rows.n; i++)
		json_raw(o, rows_text(&rows, i, 3));
	return (NULL);
}

static struct error *
put_there(struct json_out *o, struct admin_call *c, const struct wish *w, int64_t *total)
{
	struct rows rows, count;
	struct team t;

	TRY(admin_ask(c, &count, SQL_TEAM_LIST_COUNT, w->args, 8));
	TRY(admin_ask(c, &rows, SQL_TEAM_LIST, w->args, nitems(w->args)));
	*total = rows_int(&count, 0, 0, 0);
	for (unsigned i = 0; i < rows.n; i++) {
		TRY(team_of_row(&t, c, &rows, i));
		json_open(o, '{');
		TRY(team_put(o, c, &t));
		json_close(o, '}');
	}
	return (NULL);
}

static void
put_pages(struct json_out *o, int64_t total, int64_t page, int64_t size)
{
	json_name(o, "total");
	json_int(o, total);
	json_name(o, "page");
	json_int(o, page);
	json_name(o, "page_size");
	json_int(o, size);
	json_name(o, "total_pages");
	json_int(o, pages_of(total, size));
}

struct error *
team_pages(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct wish w = { 0 };
	int64_t total = 0;

	TRY(read_wish(&w, c));
	if (w.deleted && !sees_all(c))
		return (admin_forbidden(c, "Only proxy admins and their viewers may list deleted teams."));
	w.args[9] = V_INT(w.size);
	w.args[10] = V_INT((w.page - 1) * w.size);
	json_open(&o, '{');
	json_name(&o, "teams");
	json_open(&o, '[');
	TRY(w.deleted ? put_gone(&o, c, &w, &total) : put_there(&o, c, &w, &total));
	json_close(&o, ']');
	put_pages(&o, total, w.page, w.size);
	json_close(&o, '}');
	return (NULL);
}

/* GET /team/available: no team is open to all here */
struct error *
team_available(struct admin_call *c)
{
	buf_lit(&c->out, "[]");
	return (NULL);
}

/* POST /team/block, /team/unblock */

static struct error *
set_blocked(struct admin_call *c, bool blocked)
{
	struct team old, t;

	TRY(named(&old, c, DEED_CHANGE));
	TRY(must_rule(c, &old, "block a team"));
	TRY(copy_of(&t, c, &old));
	doc_set(&t.doc, TEXT("blocked"), blocked ? TEXT("true") : TEXT("false"));
	TRY(write_change(c, blocked ? "blocked" : "unblocked", &old, &t));
	return (say_row(c, &t));
}

struct error *
team_block(struct admin_call *c)
{
	return (set_blocked(c, true));
}

struct error *
team_unblock(struct admin_call *c)
{
	return (set_blocked(c, false));
}

/* POST /team/model/add, /team/model/delete */

static bool
has(const struct text *list, unsigned n, struct text t)
{
	for (unsigned i = 0; i < n; i++)
		if (text_eq(list[i], t))
			return (true);
	return (false);
}

static struct text
list_text(struct admin_call *c, const struct text *one, unsigned n_one, const struct text *other, unsigned n_other, bool add)
{
	struct buf b = { 0 };
	struct json_out o = { .to = &b };
	struct text t;

	json_open(&o, '[');
	for (unsigned i = 0; i < n_one; i++)
		if (add || !has(other, n_other, one[i]))
			json_string(&o, one[i]);
	for (unsigned i = 0; i < n_other && add; i++)
		if (!has(one, n_one, other[i]))
			json_string(&o, other[i]);
	json_close(&o, ']');
	t = arena_copy(c->arena, buf_as_text(&b));
	buf_free(&b);
	return (t);
}

static struct error *
change_models(struct admin_call *c, bool add)
{
	struct team old, t;
	struct text *now, *given;
	unsigned n_now, n_given;

	TRY(named(&old, c, DEED_CHANGE));
	if (add)
		TRY(must_rule(c, &old, "give a team models"));
	TRY(body_texts(&given, &n_given, c, c->body, "models"));
	TRY(copy_of(&t, c, &old));
	n_now = doc_strings(&now, &t.doc, "models");
	doc_set(&t.doc, TEXT("models"), list_text(c, now, n_now, given, n_given, add));
	TRY(write_change(c, "updated", &old, &t));
	return (say_row(c, &t));
}

struct error *
team_model_add(struct admin_call *c)
{
	return (change_models(c, true));
}

/* An empty list would allow everything: the last model stays until another is there. */
struct error *
team_model_delete(struct admin_call *c)
{
	struct text *now, *given;
	unsigned n_now, n_given, left = 0;
	struct team t;

	TRY(named(&t, c, DEED_CHANGE));
	TRY(body_texts(&given, &n_given, c, c->body, "models"));
	n_now = doc_strings(&now, &t.doc, "models");
	for (unsigned i = 0; i < n_now; i++)
		left += !has(given, n_given, now[i]);
	if (n_now > 0 && left == 0)
		return (admin_bad(c, "models", "A team without models may use all: give it another one first, or block it."));
	return (change_models(c, false));
}

/* GET /team/permissions_list, POST /team/permissions_update */

static struct error *
say_permissions(struct admin_call *c, const struct team *t)
{
	struct json_out o = { .to = &c->out };

	json_open(&o, '{');
	put_string(&o, "team_id", t->id);
	put_raw(&o, "team_member_permissions", doc_raw(&t->doc, "team_member_permissions"), "[\"/key/info\",\"/key/health\"]");
	json_name(&o, "all_available_permissions");
	json_open(&o, '[');
	for (const char *const *p = member_permissions; *p != NULL; p++)
		json_string(&o, text_of(*p));
	json_close(&o, ']');
	json_close(&o, '}');
	return (NULL);
}

struct error *
team_permissions(struct admin_call *c)
{
	struct team t;

	TRY(team_must_be(&t, c, query_text(c, "team_id")));
	if (!sees_all(c))
		TRY(may_team(c, DEED_CHANGE, t.id));
	return (say_permissions(c, &t));
}

struct error *
team_permissions_update(struct admin_call *c)
{
	const struct json *given = json_get(c->body, "team_member_permissions");
	struct team old, t;
	struct doc said;
	struct json_fault fault;

	TRY(named(&old, c, DEED_CHANGE));
	if (given == NULL)
		return (admin_invalid(c, "team_member_permissions", "team_member_permissions is required."));
	TRY(copy_of(&t, c, &old));
	doc_read(&said, c->arena, TEXT(""));
	doc_set(&said, TEXT("team_member_permissions"), given->raw);
	TRY(fields_read(&t.doc, c, &team_noun, json_parse(c->arena, doc_text(&said), &fault)));
	TRY(write_change(c, "updated", &old, &t));
	return (say_row(c, &t));
}
