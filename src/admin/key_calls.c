/* SPDX-License-Identifier: Apache-2.0 */
/* /key/…: made, changed, shown, blocked, deleted, renewed. */
#include "admin/key_policy.h"
#include "admin/keys.h"
#include "admin/nouns.h"
#include "admin/pledges.h"
#include "admin/roles.h"

#include "base/digest.h"
#include "base/span.h"

/* Which key is meant */

static struct error *
not_found(struct admin_call *c)
{
	struct error *e = admin_missing(c, "key", "Key not found in database.");

	return (e);
}

static struct error *
find(struct key *k, struct admin_call *c, struct text said)
{
	bool there;

	TRY(key_find(k, &there, c, key_digest(c->arena, said)));
	return (there ? NULL : not_found(c));
}

static struct error *
may(struct admin_call *c, enum deed deed, const char *route, const struct key *k)
{
	return (may_key(c, deed, route, k->digest, doc_string(&k->doc, "user_id"), doc_string(&k->doc, "team_id"), doc_string(&k->doc, "organization_id")));
}

/* The key a body names by `key`. */
static struct error *
named(struct key *k, struct text *said, struct admin_call *c, const struct json *body, enum deed deed, const char *route)
{
	TRY(body_id(said, c, body, "key"));
	TRY(find(k, c, *said));
	return (may(c, deed, route, k));
}

/* Answers */

/* What a caller hears of a key that was made or changed: the row, and once more at its top what lives in metadata. */
static struct error *
put_made(struct json_out *o, struct admin_call *c, const struct key *k, const struct json *body)
{
	key_put(o, k, true);
	put_string(o, "token_id", k->digest);
	fields_put_inside(o, &key_noun, &k->doc);
	put_raw(o, "duration", body_has(body, "duration") ? json_get(body, "duration")->raw : TEXT(""), "null");
	return (put_tier(o, c, doc_string(&k->doc, "budget_id")));
}

static struct error *
say_made(struct admin_call *c, const struct key *k, struct text text, const struct json *body)
{
	struct json_out o = { .to = &c->out };

	json_open(&o, '{');
	put_string(&o, "key", text);
	TRY(put_made(&o, c, k, body));
	json_close(&o, '}');
	return (NULL);
}

/* POST /key/generate */

/* Whose money is spent, too: an organization one is in, or that of the team; a project of the team. */
static struct error *
check_places(struct admin_call *c, struct text team, struct text org, struct text project)
{
	struct rows of_team = { 0 }, of_project = { 0 };
	bool in = false;

	if (team.len > 0 && org.len > 0)
		TRY(ASK(c, &of_team, SQL_TEAM_ORGANIZATION, V_TEXT(team)));
	if (org.len > 0 && (of_team.n == 0 || !text_eq(rows_text(&of_team, 0, 0), org)))
		TRY(is_org_member(&in, c, org));
	else
		in = true;
	if (!in)
		return (admin_forbidden(c, "You are no member of the organization '" TEXT_FMT "'.", TEXT_ARG(org)));
	if (project.len > 0)
		TRY(ASK(c, &of_project, SQL_PROJECT_TEAM, V_TEXT(project)));
	if (of_project.n > 0 && !text_eq(rows_text(&of_project, 0, 0), team))
		return (admin_forbidden(c, "The project '" TEXT_FMT "' is not of the key's team.", TEXT_ARG(project)));
	return (NULL);
}

/* Leaving a team, an organization or a project would leave their budgets: their admins say so. */
static struct error *
check_leaving(struct admin_call *c, const struct doc *before, const struct doc *after)
{
	struct text org = doc_string(before, "organization_id"), team = doc_string(before, "team_id");
	bool may = true;

	if (team.len > 0 && !text_eq(doc_string(after, "team_id"), team)) {
		TRY(is_team_admin(&may, c, team));
		if (!may)
			return (admin_forbidden(c, "Only admins may take a key out of its team."));
	}
	if (org.len > 0 && doc_raw(after, "organization_id").len == 0)
		TRY(is_org_admin(&may, c, org));
	else if (doc_raw(before, "project_id").len > 0 && doc_raw(after, "project_id").len == 0)
		TRY(is_team_admin(&may, c, team));
	return (may ? NULL : admin_forbidden(c, "Only admins may take a key out of its organization or its project."));
}

static bool
says(const struct json *body, const char *name)
{
	return (body_has(body, name) || body_has(json_get(body, "metadata"), name));
}

/* What lets a key past what binds it; where shares of models are reserved also which is its own. */
static struct error *
check_may_set(struct admin_call *c, const struct json *body)
{
	static const char *const admins_only[] = { "spend", "permissions", "may_assert_user", "temp_budget_increase", "temp_budget_expiry" };

	for (size_t i = 0; i < nitems(admins_only); i++)
		if (says(body, admins_only[i]))
			return (admin_forbidden(c, "Only proxy admins may set %s.", admins_only[i]));
	if (c->config->settings.priorities.n > 0 && says(body, "priority"))
		return (admin_forbidden(c, "Only proxy admins may set the priority of a key."));
	return (NULL);
}

/* What it calls is the agent's: of its limits, and of its money. */
static struct error *
check_agent(struct admin_call *c, struct text before, struct text after)
{
	if (is_admin(c) || after.len == 0 || text_eq(after, before))
		return (NULL);
	return (admin_forbidden(c, "Only proxy admins may give a key to an agent."));
}

/* Who the key is for, where the body does not say. */
static struct error *
check_maker(struct admin_call *c, const struct json *body, const char *route)
{
	struct text user, team, org, project;

	TRY(body_text(&user, c, body, "user_id"));
	TRY(body_text(&team, c, body, "team_id"));
	TRY(body_text(&org, c, body, "organization_id"));
	if (is_admin(c))
		return (NULL);
	TRY(check_may_set(c, body));
	TRY(body_text(&project, c, body, "project_id"));
	TRY(check_places(c, team, org, project));
	return (may_key(c, DEED_MAKE, route, TEXT(""), user.len > 0 ? user : own_user(c), team, org));
}

/* Nothing here could bring it to somebody. */
static struct error *
check_no_mail(struct admin_call *c)
{
	bool mail;

	TRY(body_bool(&mail, c, c->body, "send_invite_email", false));
	return (mail ? admin_bad(c, "send_invite_email", "No keys are sent by mail here: the answer has it, once.") : NULL);
}

struct error *
key_generate(struct admin_call *c)
{
	const struct json *body;
	struct text text, agent;
	struct key k;

	TRY(check_no_mail(c));
	TRY(check_maker(c, c->body, "/key/generate"));
	TRY(body_text(&agent, c, c->body, "agent_id"));
	TRY(check_agent(c, TEXT(""), agent));
	TRY(key_policy(&body, c, c->body, true));
	TRY(key_make(&k, &text, c, body, own_user(c)));
	return (say_made(c, &k, text, body));
}

/* POST /key/service-account/generate: a team's key that no user owns */

static const struct json *
for_service(struct admin_call *c, const struct json *body)
{
	struct doc d, inside;
	struct json_fault fault;
	const struct json *made;
	struct text id;

	doc_read(&d, c->arena, body->raw);
	doc_set(&d, TEXT("user_id"), TEXT(""));
	doc_inner(&inside, &d, "metadata");
	id = doc_string(&d, "key_alias");
	doc_set_string(&inside, "service_account_id", id.len > 0 ? id : new_uuid(c));
	doc_set(&d, TEXT("metadata"), doc_text(&inside));
	made = json_parse(c->arena, doc_text(&d), &fault);
	return (made != NULL ? made : body);
}

struct error *
key_generate_service(struct admin_call *c)
{
	const struct json *body;
	struct text text, team, agent;
	struct key k;

	TRY(check_no_mail(c));
	TRY(body_text(&team, c, c->body, "team_id"));
	if (team.len == 0)
		return (admin_bad(c, "team_id", "team_id is required for service account keys. Please specify `team_id` in the request body."));
	if (body_has(c->body, "metadata") && !json_is(json_get(c->body, "metadata"), JSON_OBJECT))
		return (admin_invalid(c, "metadata", "metadata must be an object."));
	TRY(check_maker(c, c->body, "/key/service-account/generate"));
	TRY(body_text(&agent, c, c->body, "agent_id"));
	TRY(check_agent(c, TEXT(""), agent));
	TRY(key_policy(&body, c, for_service(c, c->body), true));
	TRY(key_make(&k, &text, c, body, TEXT("")));
	return (say_made(c, &k, text, body));
}

/* POST /key/update */

/* Whoever is no admin lowers a budget, and never raises it. */
static struct error *
check_raise(struct admin_call *c, const struct doc *before, const struct doc *after)
{
	int64_t old = doc_money(before, "max_budget"), new = doc_money(after, "max_budget");

	if (is_admin(c) || old == NO_LIMIT || (new != NO_LIMIT && new <= old))
		return (NULL);
	return (admin_forbidden(c, "Only proxy admins may raise the max_budget of a key."));
}

/* Without them a key is bound the most. */
static bool
is_way_out(const char *name)
{
	static const char *const ways[] = { "throttle_on_budget_exceeded", "rpm_limit_type", "tpm_limit_type" };

	for (size_t i = 0; i < nitems(ways); i++)
		if (strcmp(name, ways[i]) == 0)
			return (true);
	return (false);
}

/* What bounds a key, and is somebody's who gave it: those who only use the key make it no looser. */
static bool
is_looser(const struct doc *before, const struct doc *after, const char *name, bool by_number)
{
	struct text old = field_raw(before, &key_noun, name), new = field_raw(after, &key_noun, name);
	double was, is;

	if (old.len == 0 && !by_number && is_way_out(name))
		return (new.len > 0 && !text_is(new, "false"));
	if (old.len == 0 || text_is(old, "[]") || text_is(old, "{}") || text_eq(old, new))
		return (false);
	return (!by_number || !json_to_double(old, &was) || !json_to_double(new, &is) || is > was);
}

static struct error *
check_bounds_kept(struct admin_call *c, const struct doc *before, const struct doc *after)
{
	static const struct { const char *name; bool number; } rows[] = {
		{ "rpm_limit", true }, { "tpm_limit", true }, { "max_parallel_requests", true }, { "model_rpm_limit", false }, { "model_tpm_limit", false },
		{ "tag_rpm_limit", false }, { "tag_tpm_limit", false }, { "rpm_limit_type", false }, { "tpm_limit_type", false },
		{ "budget_limits", false }, { "model_max_budget", false },
		{ "budget_id", false }, { "tags", false }, { "enforced_params", false }, { "guardrails", false }, { "policies", false },
		{ "throttle_on_budget_exceeded", false }, { "agent_id", false }, { "max_iterations", true }, { "max_budget_per_session", true },
	};
	bool may;

	TRY(is_team_admin(&may, c, doc_string(before, "team_id")));
	for (size_t i = 0; !may && i < nitems(rows); i++)
		if (is_looser(before, after, rows[i].name, rows[i].number))
			return (admin_forbidden(c, "Only admins of a key's team and of the proxy may change its %s, but to less.", rows[i].name));
	if (!may && doc_money(before, "max_budget") != NO_LIMIT && is_looser(before, after, "budget_duration", false))
		return (admin_forbidden(c, "Only admins of a key's team and of the proxy may change the budget_duration of a key that has a max_budget."));
	return (NULL);
}

static struct error *
check_changes(struct admin_call *c, const struct key *old, const struct key *k, const struct json *body, const char *route)
{
	struct text team = doc_string(&k->doc, "team_id"), user = doc_string(&k->doc, "user_id"), org = doc_string(&k->doc, "organization_id"),
	    project = doc_string(&k->doc, "project_id");

	TRY(check_raise(c, &old->doc, &k->doc));
	if (!text_eq(team, doc_string(&old->doc, "team_id")) || !text_eq(user, doc_string(&old->doc, "user_id")))
		TRY(check_maker(c, body, route));
	if (!is_admin(c) && (!text_eq(org, doc_string(&old->doc, "organization_id")) || !text_eq(project, doc_string(&old->doc, "project_id"))))
		TRY(check_places(c, team, org, project));
	if (!is_admin(c)) {
		TRY(check_leaving(c, &old->doc, &k->doc));
		TRY(check_bounds_kept(c, &old->doc, &k->doc));
		TRY(check_agent(c, doc_string(&old->doc, "agent_id"), doc_string(&k->doc, "agent_id")));
	}
	TRY(key_refers(c, &k->doc));
	TRY(key_alias_free(c, doc_string(&k->doc, "key_alias"), k->digest));
	return (pledges_of_key(c, &k->doc, k->digest));
}

/* The document is copied: what it was is still needed. */
static struct error *
patch(struct key *k, struct admin_call *c, const struct key *old, const struct json *body, const char *route)
{
	if (!is_admin(c))
		TRY(check_may_set(c, body));
	*k = *old;
	doc_read(&k->doc, c->arena, doc_text(&old->doc));
	TRY(key_policy(&body, c, body, false));
	TRY(fields_read(&k->doc, c, &key_noun, body));
	TRY(key_expires(k, c, body));
	TRY(key_rotation(c, &k->doc));
	doc_set_string(&k->doc, "updated_by", c->changed_by);
	k->updated_at = c->now_ms;
	return (check_changes(c, old, k, body, route));
}

static struct error *
change(struct key *k, struct admin_call *c, const struct json *body, const char *route)
{
	struct key old = *k;
	int64_t spend;

	TRY(patch(k, c, &old, body, route));
	TRY(body_money(&spend, c, body, "spend"));
	TRY(key_write(c, k));
	if (spend != NO_LIMIT)
		TRY(spent_set(c, SCOPE_KEY, k->digest, spend));
	TRY(spent_read(&k->spent, c, SCOPE_KEY, k->digest));
	return (audit(c, "updated", "key", k->digest, doc_string(&k->doc, "team_id"), key_text(c, &old), key_text(c, k)));
}

struct error *
key_update(struct admin_call *c)
{
	struct text said;
	struct key k;

	TRY(named(&k, &said, c, c->body, DEED_CHANGE, "/key/update"));
	TRY(change(&k, c, c->body, "/key/update"));
	return (say_made(c, &k, said, c->body));
}

/* POST /key/bulk_update: what fails of it fails alone */

struct tally {
	struct buf	 good, bad;
	unsigned	 n;
};

static void
put_failed(struct buf *to, const struct json *item, const struct error *e)
{
	struct json_out o = { .to = to, .comma = to->len > 0 };

	json_open(&o, '{');
	for (const struct json *m = json_is(item, JSON_OBJECT) ? item->first : NULL; m != NULL; m = m->next) {
		json_name_quoted(&o, m->name);
		json_raw(&o, m->raw);
	}
	put_string(&o, "failed_reason", e->message);
	json_close(&o, '}');
}

static struct error *
one_of_many(struct admin_call *c, const struct json *item, struct buf *good)
{
	struct json_out o = { .to = good, .comma = good->len > 0 };
	struct text said;
	struct key k;

	if (!json_is(item, JSON_OBJECT))
		return (admin_invalid(c, "keys", "Each of keys must be an object."));
	TRY(named(&k, &said, c, item, DEED_CHANGE, "/key/bulk_update"));
	TRY(change(&k, c, item, "/key/bulk_update"));
	json_open(&o, '{');
	put_string(&o, "key", said);
	json_name(&o, "key_info");
	json_open(&o, '{');
	key_put(&o, &k, true);
	json_close(&o, '}');
	json_close(&o, '}');
	return (NULL);
}

static void
say_tally(struct admin_call *c, struct tally *t)
{
	struct json_out o = { .to = &c->out };

	json_open(&o, '{');
	json_name(&o, "total_requested");
	json_int(&o, t->n);
	json_name(&o, "successful_updates");
	json_open(&o, '[');
	buf_text(&c->out, buf_as_text(&t->good));
	json_close(&o, ']');
	json_name(&o, "failed_updates");
	json_open(&o, '[');
	buf_text(&c->out, buf_as_text(&t->bad));
	json_close(&o, ']');
	json_close(&o, '}');
	buf_free(&t->good);
	buf_free(&t->bad);
}

struct error *
key_bulk_update(struct admin_call *c)
{
	const struct json *list = json_get(c->body, "keys");
	struct tally t = { .n = 0 };
	struct error *e;

	if (!json_is(list, JSON_ARRAY) || list->count == 0)
		return (admin_invalid(c, "keys", "keys must be a list of objects."));
	if (list->count > ADMIN_ITEMS_MOST)
		return (admin_bad(c, "keys", "At most %d keys can be updated at once.", ADMIN_ITEMS_MOST));
	for (const struct json *i = list->first; i != NULL; i = i->next, t.n++) {
		if ((e = one_of_many(c, i, &t.good)) == NULL)
			continue;
		if (error_status(e) >= 500) {
			buf_free(&t.good);
			buf_free(&t.bad);
			return (e);
		}
		put_failed(&t.bad, i, e);
	}
	say_tally(c, &t);
	return (NULL);
}

/* POST /team/key/bulk_update: the same change of keys of a team, or of all */

static const struct json *
with_key(struct admin_call *c, const struct json *fields, struct text digest)
{
	struct json_fault fault;
	struct doc d;

	doc_read(&d, c->arena, fields->raw);
	doc_set(&d, TEXT("key_alias"), TEXT(""));		/* no two keys have one */
	doc_set_string(&d, "key", digest);
	return (json_parse(c->arena, doc_text(&d), &fault));
}

static struct error *
keys_meant(struct text **ids, unsigned *n, struct admin_call *c, struct text team_id)
{
	struct rows rows;
	bool all;

	TRY(body_bool(&all, c, c->body, "all_keys_in_team", false));
	if (!all)
		return (body_texts(ids, n, c, c->body, "key_ids"));
	TRY(ASK(c, &rows, SQL_TEAM_KEYS_DOCS, V_TEXT(team_id)));
	*n = rows.n;
	*ids = arena_alloc(c->arena, (rows.n + 1) * sizeof(**ids));
	for (unsigned i = 0; i < rows.n; i++)
		(*ids)[i] = rows_text(&rows, i, 0);
	return (NULL);
}

static struct error *
one_of_team(struct admin_call *c, struct text team_id, struct text id, const struct json *fields, struct buf *good)
{
	struct key k;

	TRY(find(&k, c, id));
	if (!text_eq(doc_string(&k.doc, "team_id"), team_id))
		return (admin_missing(c, "key_ids", "Key not found in the team."));
	return (one_of_many(c, with_key(c, fields, k.digest), good));
}

struct error *
team_key_bulk_update(struct admin_call *c)
{
	static const struct json nothing = { .type = JSON_OBJECT };
	const struct json *fields = json_get(c->body, "update_fields");
	struct tally t = { .n = 0 };
	struct text team, *ids;
	unsigned n;

	TRY(body_id(&team, c, c->body, "team_id"));
	TRY(must_be_there(c, SQL_TEAM_DOC, "team", "team_id", team));
	TRY(may_team(c, DEED_CHANGE, team));
	if (!json_is(fields, JSON_OBJECT))
		return (admin_invalid(c, "update_fields", "update_fields must be an object."));
	TRY(keys_meant(&ids, &n, c, team));
	for (unsigned i = 0; i < n; i++, t.n++) {
		struct error *e = one_of_team(c, team, ids[i], fields, &t.good);

		if (e != NULL && error_status(e) >= 500) {
			buf_free(&t.good);
			buf_free(&t.bad);
			return (e);
		}
		if (e != NULL)
			put_failed(&t.bad, with_key(c, &nothing, ids[i]), e);
	}
	say_tally(c, &t);
	return (NULL);
}

/* POST /key/delete */

struct doomed {
	struct text	*said;
	unsigned	 n;
	bool		 aliases;
};

static struct error *
find_doomed(struct key *k, bool *there, struct admin_call *c, struct text said, bool alias)
{
	struct rows rows = { 0 };

	if (!alias)
		return (key_find(k, there, c, key_digest(c->arena, said)));
	*there = false;
	TRY(ASK(c, &rows, SQL_KEY_BY_ALIAS, V_TEXT(said)));
	return (rows.n > 0 ? key_find(k, there, c, rows_text(&rows, 0, 0)) : NULL);
}

struct error *
key_delete(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct doomed d = { 0 };
	unsigned gone = 0;

	d.aliases = !body_has(c->body, "keys");
	TRY(body_texts(&d.said, &d.n, c, c->body, d.aliases ? "key_aliases" : "keys"));
	if (d.n == 0)
		return (admin_bad(c, "keys", "Send `keys` or `key_aliases`: which keys are to be deleted."));
	json_open(&o, '{');
	json_name(&o, "deleted_keys");
	json_open(&o, '[');
	for (unsigned i = 0; i < d.n; i++) {
		struct key k;
		bool there;

		TRY(find_doomed(&k, &there, c, d.said[i], d.aliases));
		if (!there)
			continue;
		TRY(may(c, DEED_DELETE, "/key/delete", &k));
		TRY(key_remove(c, &k));
		json_string(&o, d.said[i]);
		gone++;
	}
	json_close(&o, ']');
	json_close(&o, '}');
	return (gone > 0 ? NULL : admin_missing(c, "keys", "No keys found: none of the keys that were sent was found."));
}

/* GET /key/info, POST /v2/key/info */

static struct error *
put_info(struct json_out *o, struct admin_call *c, const struct key *k)
{
	json_open(o, '{');
	key_put(o, k, false);
	TRY(put_tier(o, c, doc_string(&k->doc, "budget_id")));
	json_close(o, '}');
	return (NULL);
}

struct error *
key_info(struct admin_call *c)
{
	struct text said = query_text(c, "key");
	struct json_out o = { .to = &c->out };
	struct key k;

	if (said.len == 0)
		said = c->caller->digest;
	if (said.len == 0)
		return (admin_bad(c, "key", "Send ?key=: you did not call with a virtual key whose info could be meant."));
	TRY(find(&k, c, said));
	TRY(may(c, DEED_READ, "/key/info", &k));
	json_open(&o, '{');
	put_string(&o, "key", said);
	json_name(&o, "info");
	TRY(put_info(&o, c, &k));
	json_close(&o, '}');
	return (NULL);
}

struct error *
key_info_many(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	struct text *said;
	unsigned n;

	TRY(body_texts(&said, &n, c, c->body, "keys"));
	if (n > ADMIN_PAGE_MOST)
		return (admin_bad(c, "keys", "At most %d keys can be asked for at once.", ADMIN_PAGE_MOST));
	json_open(&o, '{');
	json_name(&o, "key");
	json_open(&o, '[');
	for (unsigned i = 0; i < n; i++)
		json_string(&o, said[i]);
	json_close(&o, ']');
	json_name(&o, "info");
	json_open(&o, '[');
	for (unsigned i = 0; i < n; i++) {
		struct key k;
		bool there;

		TRY(key_find(&k, &there, c, key_digest(c->arena, said[i])));
		if (!there)
			continue;
		TRY(may(c, DEED_READ, "/key/info", &k));
		TRY(put_info(&o, c, &k));
	}
	json_close(&o, ']');
	json_close(&o, '}');
	return (NULL);
}

/* POST /key/block, /key/unblock */

static struct error *
set_blocked(struct admin_call *c, bool blocked, const char *route)
{
	struct json_out o = { .to = &c->out };
	struct text said, before;
	struct key k;

	TRY(named(&k, &said, c, c->body, DEED_CHANGE, route));
	before = key_text(c, &k);
	doc_set(&k.doc, TEXT("blocked"), blocked ? TEXT("true") : TEXT("false"));
	doc_set_string(&k.doc, "updated_by", c->changed_by);
	k.updated_at = c->now_ms;
	TRY(key_write(c, &k));
	TRY(audit(c, blocked ? "blocked" : "unblocked", "key", k.digest, doc_string(&k.doc, "team_id"), before, key_text(c, &k)));
	json_open(&o, '{');
	key_put(&o, &k, true);
	json_close(&o, '}');
	return (NULL);
}

struct error *
key_block(struct admin_call *c)
{
	return (set_blocked(c, true, "/key/block"));
}

struct error *
key_unblock(struct admin_call *c)
{
	return (set_blocked(c, false, "/key/unblock"));
}

/* POST /key/regenerate: another value for the same key */

static struct error *
renew(struct key *k, struct text *text, struct admin_call *c)
{
	struct key old = *k;
	struct text grace;
	struct span s;

	TRY(patch(k, c, &old, c->body, "/key/regenerate"));
	TRY(key_value(text, c, c->body, "new_key"));
	TRY(body_span(&grace, c, c->body, "grace_period"));
	return (key_renew(k, c, &old, *text, span_read(grace, &s) ? span_after(&s, c->now_ms) : 0));
}

struct error *
key_regenerate(struct admin_call *c)
{
	struct text said = c->id[0], text;
	struct key k;
	bool there;

	if (said.len == 0)
		TRY(body_text(&said, c, c->body, "key"));
	if (said.len == 0)
		said = c->caller->digest;
	if (said.len == 0)
		return (admin_invalid(c, "key", "key is required."));
	TRY(key_find(&k, &there, c, key_digest(c->arena, said)));
	if (!there)
		return (admin_missing(c, "key", "Key " TEXT_FMT " not found.", TEXT_ARG(key_digest(c->arena, said))));
	TRY(may(c, DEED_CHANGE, "/key/regenerate", &k));
	TRY(renew(&k, &text, c));
	return (say_made(c, &k, text, c->body));
}

/* POST /key/{key}/reset_spend */

struct error *
key_reset_spend(struct admin_call *c)
{
	struct json_out o = { .to = &c->out };
	int64_t to, most;
	struct text before;
	struct key k;

	TRY(find(&k, c, c->id[0]));
	TRY(may(c, DEED_CHANGE, "/key/{key_id}/reset_spend", &k));
	TRY(body_money(&to, c, c->body, "reset_to"));
	if (to == NO_LIMIT)
		return (admin_bad(c, "reset_to", "reset_to must be a number."));
	most = doc_money(&k.doc, "max_budget");
	if (to > k.spent.nano || (most != NO_LIMIT && to > most))
		return (admin_bad(c, "reset_to", "reset_to must be between 0 and what is spent now, and not above max_budget."));
	before = key_text(c, &k);
	TRY(spent_set(c, SCOPE_KEY, k.digest, to));
	admin_changed(c, KNOWN_KEY, k.digest);
	TRY(spent_read(&k.spent, c, SCOPE_KEY, k.digest));
	TRY(audit(c, "updated", "key", k.digest, doc_string(&k.doc, "team_id"), before, key_text(c, &k)));
	json_open(&o, '{');
	put_string(&o, "key_hash", k.digest);
	put_money(&o, "spend", k.spent.nano);
	put_money(&o, "max_budget", most);
	put_moment(&o, "budget_reset_at", k.spent.resets_at);
	json_close(&o, '}');
	return (NULL);
}
