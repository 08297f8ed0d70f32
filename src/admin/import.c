/* SPDX-License-Identifier: Apache-2.0 */
/* LiteLLM's tables, a batch at a time, through what writes our own. */
#include "admin/import_priv.h"

#include "admin/keys.h"
#include "admin/nouns.h"
#include "admin/overlay.h"
#include "admin/settings.h"
#include "admin/teams.h"
#include "admin/things.h"
#include "admin/users.h"
#include "base/clock.h"
#include "base/date.h"
#include "base/digest.h"

#define PERMISSION	"object_permission"

struct left {
	struct text	 id, why;
};

/* A batch is a call of the management API that no path leads to; it lies first in what its handler needs. */
struct batch {
	struct admin_call call;
	struct import	*import;
	const struct source *source;
	const struct rows *rows;
	unsigned	 from, to;		/* of them */
	int64_t		 brought;
	struct left	*left;			/* of this batch */
	unsigned	 n_left, room_left;
};

struct source {
	const char	*what, *table;
	enum statement	 rows;
	enum scope	 scope;			/* whose money `spend` is; SCOPES: nobody's */
	struct error	*(*take)(struct batch *, struct text id, const struct json *row);
	/* where `take` is NULL: by the management API's own handlers, which want the id by that name */
	const char	*kind, *id_name;
	admin_f		*make, *change;
	const char	*sealed;		/* a member whose strings are opened first */
};

/* A row in the words of our documents */

static struct error *
document(struct doc *d, struct batch *b, const struct noun *noun, const struct json *row)
{
	*d = (struct doc){ .arena = b->call.arena };
	TRY(fields_read(d, &b->call, noun, row));
	doc_set_string(d, "created_by", json_unescape(d->arena, json_quoted(json_get(row, "created_by"))));
	doc_set_string(d, "updated_by", json_unescape(d->arena, json_quoted(json_get(row, "updated_by"))));
	return (NULL);
}

static struct text
string(struct batch *b, const struct json *row, const char *name)
{
	return (json_unescape(b->call.arena, json_quoted(json_get(row, name))));
}

/* "2026-11-23T12:00:00.123", in UTC; 0: none. */
static int64_t
moment(struct batch *b, const struct json *row, const char *name)
{
	int64_t ms;

	return (moment_read(string(b, row, name), &ms) ? ms : 0);
}

static int64_t
made_at(struct batch *b, const struct json *row, const char *name)
{
	int64_t ms = moment(b, row, name);

	return (ms > 0 ? ms : b->call.now_ms);
}

static void
leave(struct batch *b, struct text id, struct text why)
{
	b->left = arena_widen(b->call.arena, b->left, &b->room_left, b->n_left + 1, b->n_left, sizeof(*b->left));
	b->left[b->n_left++] = (struct left){ id, why };
}

/* the tables */

static struct error *
take_user(struct batch *b, struct text id, const struct json *row)
{
	struct user u = { .id = id, .created_at = made_at(b, row, "created_at"), .updated_at = b->call.now_ms };

	TRY(document(&u.doc, b, &user_noun, row));
	return (user_write(&b->call, &u));
}

/* Who is in it stands in its row; what they may spend in a table of its own, which comes later. */
static struct error *
take_members(struct batch *b, const struct team *t, const struct json *list)
{
	for (const struct json *m = list != NULL ? list->first : NULL; m != NULL; m = m->next) {
		struct member one = { .team_id = t->id, .user_id = string(b, m, "user_id"), .role = string(b, m, "role") };
		struct member before;
		bool there;

		if (one.user_id.len == 0)
			continue;
		TRY(user_ensure(&b->call, one.user_id, string(b, m, "user_email")));
		TRY(member_find(&before, &there, &b->call, t->id, one.user_id));
		if (there)
			one.doc = before.doc;
		else
			one.doc = (struct doc){ .arena = b->call.arena };
		TRY(member_write(&b->call, &one, t));
	}
	return (NULL);
}

static struct error *
take_team(struct batch *b, struct text id, const struct json *row)
{
	struct team t = { .id = id, .created_at = made_at(b, row, "created_at"), .updated_at = b->call.now_ms };

	TRY(document(&t.doc, b, &team_noun, row));
	TRY(team_write(&b->call, &t));
	return (take_members(b, &t, json_get(row, "members_with_roles")));
}

/* A body of the management API: members of a row, and what its tier says of a member. */
static const struct json *
body_of(struct batch *b, const struct json *row, const char *id_name, struct text id)
{
	static const char *const not_asked[] = { "spend", "total_spend", "budget_reset_at", "created_at", "created_by", "updated_at", "updated_by",
	    "model_spend" };
	struct json_fault fault;
	struct doc d;

	doc_read(&d, b->call.arena, row->raw);
	for (size_t i = 0; i < nitems(not_asked); i++)
		doc_set(&d, text_of(not_asked[i]), TEXT(""));
	doc_set_string(&d, id_name, id);
	return (json_parse(b->call.arena, doc_text(&d), &fault));
}

/* A membership's limits stand in a tier of its own. */
static const struct json *
limits_of_tier(struct batch *b, const struct json *row, const char *budget_name)
{
	static const char *const alike[] = { "budget_duration", "tpm_limit", "rpm_limit", "allowed_models" };
	struct doc tier, d = { .arena = b->call.arena };
	const struct json *t = json_get(row, "tier");
	struct json_fault fault;

	doc_read(&tier, b->call.arena, t != NULL ? t->raw : TEXT(""));
	for (size_t i = 0; i < nitems(alike); i++)
		doc_set(&d, text_of(alike[i]), doc_raw(&tier, alike[i]));
	doc_set(&d, text_of(budget_name), doc_raw(&tier, "max_budget"));
	return (json_parse(b->call.arena, doc_text(&d), &fault));
}

static struct error *
take_team_member(struct batch *b, struct text id, const struct json *row)
{
	struct text team_id = string(b, row, "team_id"), user_id = string(b, row, "user_id");
	struct member m;
	struct team t;
	bool there;

	(void)id;
	TRY(team_must_be(&t, &b->call, team_id));
	TRY(member_find(&m, &there, &b->call, team_id, user_id));
	if (!there)
		m = (struct member){ .team_id = team_id, .user_id = user_id, .role = TEXT("user"), .doc = { .arena = b->call.arena } };
	TRY(user_ensure(&b->call, user_id, TEXT("")));
	TRY(member_patch(&m, &b->call, limits_of_tier(b, row, "max_budget_in_team")));
	return (member_write(&b->call, &m, &t));
}

/* One who is there already is changed. */
static struct error *
take_organization_member(struct batch *b, struct text id, const struct json *row)
{
	struct admin_call *c = &b->call;
	struct text organization_id = string(b, row, "organization_id"), user_id = string(b, row, "user_id"), role = string(b, row, "user_role");
	struct doc d = { .arena = c->arena }, who = { .arena = c->arena };
	struct json_fault fault;
	struct rows there;

	(void)id;
	if (role.len == 0)
		role = TEXT("internal_user");
	TRY(ASK(c, &there, SQL_IMPORT_ORGANIZATION_MEMBER, V_TEXT(organization_id), V_TEXT(user_id)));
	doc_read(&d, c->arena, limits_of_tier(b, row, "max_budget_in_organization")->raw);
	doc_set_string(&d, "organization_id", organization_id);
	doc_set_string(&who, "user_id", user_id);
	doc_set_string(&who, "role", role);
	if (there.n > 0) {
		doc_set_string(&d, "user_id", user_id);
		doc_set_string(&d, "role", role);
	} else
		doc_set(&d, TEXT("member"), doc_text(&who));
	c->body = json_parse(c->arena, doc_text(&d), &fault);
	return (there.n > 0 ? organization_member_update(c) : organization_member_add(c));
}

static struct error *
open_member(const struct json **body, struct batch *b, const char *name)
{
	struct json_fault fault;
	struct text shut;
	struct doc d;

	doc_read(&d, b->call.arena, (*body)->raw);
	doc_set(&d, text_of(name), overlay_open(b->call.arena, b->import->salt_key, doc_raw(&d, name), &shut));
	if (shut.len > 0)
		return (admin_bad(&b->call, name, "its secrets do not open: LITELLM_SALT_KEY must be the one they were sealed with"));
	*body = json_parse(b->call.arena, doc_text(&d), &fault);
	return (NULL);
}

/* A model's id stands in its model_info. */
static const struct json *
with_model_id(struct batch *b, const struct json *body, struct text id)
{
	struct json_fault fault;
	struct doc d, info;

	doc_read(&d, b->call.arena, body->raw);
	doc_inner(&info, &d, "model_info");
	doc_set_string(&info, "id", id);
	doc_set(&d, TEXT("model_info"), doc_text(&info));
	return (json_parse(b->call.arena, doc_text(&d), &fault));
}

/* By the handlers of the management API. */
static struct error *
take_by_call(struct batch *b, struct text id, const struct json *row)
{
	const struct source *s = b->source;
	struct admin_call *c = &b->call;
	struct rows there;

	c->body = body_of(b, row, s->id_name, id);
	c->id[0] = id;
	if (s->sealed != NULL)
		TRY(open_member(&c->body, b, s->sealed));
	if (strcmp(s->kind, "model") == 0)
		c->body = with_model_id(b, c->body, id);
	if (strcmp(s->kind, "organization") == 0)
		TRY(ASK(c, &there, SQL_ORGANIZATION_EXISTS, V_TEXT(id)));
	else
		TRY(ASK(c, &there, SQL_IMPORT_THING, V_TEXT(text_of(s->kind)), V_TEXT(id)));
	return (there.n > 0 ? s->change(c) : s->make(c));
}

static struct error *
take_key(struct batch *b, struct text id, const struct json *row)
{
	struct key k = { .digest = id, .expires = moment(b, row, "expires"), .created_at = made_at(b, row, "created_at"), .updated_at = b->call.now_ms };

	if (!text_eq(key_digest(b->call.arena, id), id))	/* a key as it is would open nothing, and lie there for all to read */
		return (admin_bad(&b->call, "token", "it is no digest"));
	TRY(document(&k.doc, b, &key_noun, row));
	doc_set_string(&k.doc, "key_name", string(b, row, "key_name"));
	(void)key_rotation(&b->call, &k.doc);		/* without an interval it does not turn */
	return (key_write(&b->call, &k));
}

static struct error *
take_old_key(struct batch *b, struct text id, const struct json *row)
{
	struct text now = string(b, row, "active_token_id");
	int64_t until = moment(b, row, "revoke_at");

	if (until <= b->call.now_ms || now.len == 0)
		return (NULL);
	TRY(ASK(&b->call, NULL, SQL_IMPORT_OLD_KEY, V_TEXT(id), V_TEXT(now), V_INT(until)));
	admin_changed(&b->call, KNOWN_KEY, id);
	return (NULL);
}

/* Here what an entity may call stands in its own row. */
static struct error *
take_permission(struct batch *b, struct text id, const struct json *row)
{
	struct thing t;
	struct doc all;
	bool there;

	TRY(thing_find(&t, &there, &b->call, PERMISSION, id));
	if (!there)
		thing_new(&t, &b->call, PERMISSION, id);
	doc_read(&all, b->call.arena, row->raw);
	t.doc = (struct doc){ .arena = b->call.arena };
	for (unsigned i = 0; i < all.n; i++)
		if (!text_is(all.members[i].name, "object_permission_id") && !text_is(all.members[i].raw, "null") && !text_is(all.members[i].raw, "[]"))
			doc_set(&t.doc, all.members[i].name, all.members[i].raw);
	return (thing_write(&b->call, &t));
}

/* A mapping of one issuer would hold for all that are trusted here. */
static struct error *
take_mapping(struct batch *b, struct text id, const struct json *row)
{
	struct text issuer = string(b, row, "jwt_issuer");

	if (issuer.len == 0 || text_eq(issuer, b->call.config->jwt.issuer))
		return (take_by_call(b, id, row));
	leave(b, id, TEXT("it is of one issuer, and JWT_ISSUER is not that one alone"));
	return (NULL);
}

/* What binds it comes along; how it is called, with its secrets, does not: nobody calls agents here. */
static struct error *
take_agent(struct batch *b, struct text id, const struct json *row)
{
	static const char *const bounds[] = { "max_iterations", "max_budget_per_session", "require_trace_id_on_calls_by_agent" };
	struct doc d, params, kept;
	struct json_fault fault;

	doc_read(&d, b->call.arena, row->raw);
	doc_inner(&params, &d, "litellm_params");
	doc_read(&kept, b->call.arena, TEXT(""));
	for (size_t i = 0; i < nitems(bounds); i++)
		doc_set(&kept, text_of(bounds[i]), doc_raw(&params, bounds[i]));
	doc_set(&d, TEXT("litellm_params"), doc_text(&kept));
	return (take_by_call(b, id, json_parse(b->call.arena, doc_text(&d), &fault)));
}

static bool
file_passes(const struct config *config, struct text path)
{
	for (size_t i = 0; i < config->n_conduits; i++)
		if (text_eq(config->conduits[i].path, path))
			return (true);
	return (false);
}

static struct error *
take_endpoint(struct batch *b, struct text id, const struct json *row)
{
	if (!file_passes(b->call.config, string(b, row, "path")))
		return (take_by_call(b, id, row));
	leave(b, id, TEXT("the file has an endpoint of that path, which counts"));
	return (NULL);
}

/* What is not in force here, and what the file says, is left; "section/key" is what it is called. */
static struct error *
take_setting(struct batch *b, struct text id, const struct json *row)
{
	struct admin_call *c = &b->call;
	struct changing all = { 0 };
	struct text section, key;
	struct error *refusal;

	text_cut(id, '/', &section, &key);
	if ((refusal = setting_is_free(c, section, key)) != NULL) {
		leave(b, id, refusal->message);
		return (NULL);
	}
	if (overlay_seals(id))
		TRY(open_member(&row, b, "value"));
	TRY(setting_change(&all, c, runtime_section(section), key, json_get(row, "value")));
	return (settings_try(&all, c));
}

static const struct source sources[] = {
	{ "object permissions", "\"LiteLLM_ObjectPermissionTable\"", SQL_IMPORT_PERMISSIONS, SCOPES, take_permission, NULL, NULL, NULL, NULL, NULL },
	{ "budgets", "\"LiteLLM_BudgetTable\"", SQL_IMPORT_BUDGETS, SCOPES, NULL, "budget", "budget_id", budget_new, budget_update, NULL },
	{ "organizations", "\"LiteLLM_OrganizationTable\"", SQL_IMPORT_ORGANIZATIONS, SCOPE_ORGANIZATION, NULL, "organization", "organization_id",
	    organization_new, organization_update, NULL },
	{ "users", "\"LiteLLM_UserTable\"", SQL_IMPORT_USERS, SCOPE_USER, take_user, NULL, NULL, NULL, NULL, NULL },
	{ "teams", "\"LiteLLM_TeamTable\"", SQL_IMPORT_TEAMS, SCOPE_TEAM, take_team, NULL, NULL, NULL, NULL, NULL },
	{ "team members", "\"LiteLLM_TeamMembership\"", SQL_IMPORT_TEAM_MEMBERS, SCOPE_MEMBER, take_team_member, NULL, NULL, NULL, NULL, NULL },
	{ "organization members", "\"LiteLLM_OrganizationMembership\"", SQL_IMPORT_ORGANIZATION_MEMBERS, SCOPES, take_organization_member, NULL, NULL,
	    NULL, NULL, NULL },
	{ "projects", "\"LiteLLM_ProjectTable\"", SQL_IMPORT_PROJECTS, SCOPE_PROJECT, NULL, "project", "project_id", project_new, project_update, NULL },
	{ "customers", "\"LiteLLM_EndUserTable\"", SQL_IMPORT_CUSTOMERS, SCOPE_CUSTOMER, NULL, "customer", "user_id", customer_new, customer_update, NULL },
	{ "tags", "\"LiteLLM_TagTable\"", SQL_IMPORT_TAGS, SCOPE_TAG, NULL, "tag", "name", tag_new, tag_update, NULL },
	{ "variables", "\"LiteLLM_Config\"", SQL_IMPORT_VARIABLES, SCOPES, take_setting, NULL, NULL, NULL, NULL, NULL },
	{ "credentials", "\"LiteLLM_CredentialsTable\"", SQL_IMPORT_CREDENTIALS, SCOPES, NULL, "credential", "credential_name", credential_new, credential_update,
	    "credential_values" },
	{ "models", "\"LiteLLM_ProxyModelTable\"", SQL_IMPORT_MODELS, SCOPES, NULL, "model", "model_id", model_new, model_update, "litellm_params" },
	{ "access groups", "\"LiteLLM_AccessGroupTable\"", SQL_IMPORT_ACCESS_GROUPS, SCOPES, NULL, "access_group", "access_group_id", group_new,
	    group_update, NULL },
	{ "agents", "\"LiteLLM_AgentsTable\"", SQL_IMPORT_AGENTS, SCOPE_AGENT, take_agent, "agent", "agent_id", agent_new, agent_patch, NULL },
	{ "keys", "\"LiteLLM_VerificationToken\"", SQL_IMPORT_KEYS, SCOPE_KEY, take_key, NULL, NULL, NULL, NULL, NULL },
	{ "claims of tokens", "\"LiteLLM_JWTKeyMapping\"", SQL_IMPORT_JWT_MAPPINGS, SCOPES, take_mapping, "jwt_mapping", "id", jwt_mapping_new,
	    jwt_mapping_update, NULL },
	{ "rotated keys", "\"LiteLLM_DeprecatedVerificationToken\"", SQL_IMPORT_OLD_KEYS, SCOPES, take_old_key, NULL, NULL, NULL, NULL, NULL },
	{ "pass-through endpoints", "\"LiteLLM_Config\"", SQL_IMPORT_ENDPOINTS, SCOPES, take_endpoint, "endpoint", "id", endpoint_new, endpoint_update, NULL },
	{ "settings", "\"LiteLLM_Config\"", SQL_IMPORT_SETTINGS, SCOPES, take_setting, NULL, NULL, NULL, NULL, NULL },
};

/* What was brought before */

/* Of a row without what every call changes. */
static struct text
digest_of(struct batch *b, const struct json *row)
{
	static const char *const moving[] = { "spend", "total_spend", "model_spend", "updated_at", "last_active", "budget_reset_at", "soft_budget_cooldown" };
	struct doc d;

	doc_read(&d, b->call.arena, row->raw);
	for (size_t i = 0; i < nitems(moving); i++)
		doc_set(&d, text_of(moving[i]), TEXT(""));
	return (sha256_hex(b->call.arena, doc_text(&d)));
}

struct text
import_name(struct arena *arena, const char *what, struct text id)
{
	return (arena_print(arena, "%s:" TEXT_FMT, what, TEXT_ARG(id)));
}

struct before {
	struct text	 digest;
	int64_t		 spend;
	bool		 there;
};

static struct error *
recall(struct before *was, struct batch *b, struct text name)
{
	struct rows rows;
	struct doc d;

	TRY(ASK(&b->call, &rows, SQL_IMPORT_BROUGHT, V_TEXT(name)));
	was->there = rows.n > 0;
	doc_read(&d, b->call.arena, rows.n > 0 ? rows_text(&rows, 0, 0) : TEXT(""));
	was->digest = doc_string(&d, "digest");
	was->spend = rows.n > 0 ? doc_money(&d, "spend") : 0;
	return (NULL);
}

static struct error *
remember(struct batch *b, struct text name, struct text digest, int64_t spend)
{
	struct doc d = { .arena = b->call.arena };

	doc_set_string(&d, "digest", digest);
	doc_set_money(&d, "spend", spend);
	return (ASK(&b->call, NULL, SQL_IMPORT_REMEMBER, V_TEXT(name), V_INT(b->call.now_ms), V_TEXT(doc_text(&d))));
}

/* What was spent there since the last time comes on top of what is spent here; less than before is a new period there. */
static struct error *
take_spend(struct batch *b, struct text id, int64_t spend, const struct before *was)
{
	int64_t more = spend >= was->spend ? spend - was->spend : spend;
	struct spent here;

	if (b->source->scope == SCOPES || more == 0)
		return (NULL);
	TRY(spent_read(&here, &b->call, b->source->scope, id));
	return (spent_set(&b->call, b->source->scope, id, here.nano + more));
}

static int64_t
spend_of(const struct json *row)
{
	const struct json *j = json_get(row, "spend");
	int64_t nano;

	return (j != NULL && money_read(j->raw, &nano) == MONEY_FINE ? nano : 0);
}

/* the batches */

/* What is the caller's own in its row, is a table of its own there. */
static struct error *
with_permission(const struct json **row, struct batch *b)
{
	struct text id = string(b, *row, PERMISSION "_id");
	struct json_fault fault;
	struct thing t;
	struct doc d;
	bool there;

	if (id.len == 0 || b->source->take == take_permission)
		return (NULL);
	TRY(thing_find(&t, &there, &b->call, PERMISSION, id));
	if (!there)
		return (NULL);
	doc_read(&d, b->call.arena, (*row)->raw);
	doc_set(&t.doc, TEXT("created_by"), TEXT(""));
	doc_set(&t.doc, TEXT("updated_by"), TEXT(""));
	doc_set(&d, TEXT(PERMISSION), doc_text(&t.doc));
	*row = json_parse(b->call.arena, doc_text(&d), &fault);
	return (NULL);
}

static struct error *
take_row(struct batch *b, unsigned at)
{
	struct text id = rows_text(b->rows, at, 0);
	struct text name = import_name(b->call.arena, b->source->what, id);
	struct json_fault fault;
	const struct json *row = json_parse(b->call.arena, rows_text(b->rows, at, 1), &fault);
	unsigned left = b->n_left;
	struct before was;
	struct text digest;

	TRY(with_permission(&row, b));
	digest = digest_of(b, row);
	TRY(recall(&was, b, name));
	if (was.there && text_eq(was.digest, digest) && was.spend == spend_of(row))
		return (NULL);
	if (!was.there || !text_eq(was.digest, digest)) {
		TRY(b->source->take != NULL ? b->source->take(b, id, row) : take_by_call(b, id, row));
		b->call.out.len = 0;
	}
	if (b->n_left > left)
		return (NULL);
	TRY(take_spend(b, id, spend_of(row), &was));
	b->brought++;
	return (remember(b, name, digest, spend_of(row)));
}

static struct error *
take_batch(struct admin_call *c)
{
	struct batch *b = (struct batch *)c;

	b->brought = 0;
	b->n_left = 0;
	for (unsigned i = b->from; i < b->to; i++)
		TRY(take_row(b, i));
	return (NULL);
}

static const struct admin_row import_row = { "IMPORT", "litellm", ROLE_ADMIN, take_batch, true, "imported", "litellm" };

void
import_say(struct import *m, const char *what, struct text id, struct text why)
{
	struct buf line = { 0 };

	buf_print(&line, "%s " TEXT_FMT ": " TEXT_FMT, what, TEXT_ARG(text_whole(text_sub(id, 0, 100))), TEXT_ARG(why));
	buf_byte(&line, '\0');
	m->say(m->self, line.at);
	buf_free(&line);
}

static struct error *
run_rows(struct import *m, const struct source *s, struct arena *arena, const struct rows *rows, unsigned from, unsigned to, struct import_count *count)
{
	static const struct caller admin = { .kind = CALLER_MASTER, .role = USER_ADMIN, .user_id = { "import", 6 } };
	struct batch b = { .call = { .arena = arena, .config = m->config, .caller = &admin, .row = &import_row, .query = TEXT(""), .sent = TEXT(""),
	    .changed_by = TEXT("sluice import"), .now_ms = clock_wall_ms() }, .import = m, .source = s, .rows = rows, .from = from, .to = to };
	struct error *e;

	b.call.id[0] = text_of(s->what);
	e = admin_run(&b.call, m->to);
	buf_free(&b.call.out);
	if (b.call.made != NULL)
		config_release(b.call.made);
	if (e != NULL)
		return (e);
	for (unsigned i = 0; i < b.n_left; i++)
		import_say(m, s->what, b.left[i].id, b.left[i].why);
	count->brought += b.brought;
	count->left += b.n_left;
	return (NULL);
}

/* A store that is away ends the import; all else is that row's. */
static bool
ends_it(const struct error *e)
{
	return (error_status(e) >= 500);
}

struct error *
import_kept(struct arena *arena, const struct error *e)
{
	return (error_new(arena, e->kind, TEXT_FMT, TEXT_ARG(e->message)));
}

/* One row that does not fit costs itself only: where a batch fails its rows are taken one by one. */
static struct error *
take_rows(struct import *m, const struct source *s, struct import_count *count, const struct rows *rows, struct arena *arena)
{
	struct arena *scratch = arena_new();
	struct error *e = run_rows(m, s, scratch, rows, 0, rows->n, count), *end = NULL;

	for (unsigned i = 0; e != NULL && end == NULL && i < rows->n; i++) {
		struct error *one;

		arena_clear(scratch);
		one = run_rows(m, s, scratch, rows, i, i + 1, count);
		if (one == NULL)
			continue;
		if (ends_it(one))
			end = import_kept(arena, one);
		count->failed++;
		import_say(m, s->what, rows_text(rows, i, 0), one->message);
	}
	arena_free(scratch);
	return (end);
}

/* the whole */

struct error *
import_away(struct import *m, struct arena *arena)
{
	return (error_new(arena, E_BUSY, "LiteLLM's database: %s", store_why(m->from)));
}

struct error *
import_is_there(bool *there, struct import *m, struct arena *arena, const char *table)
{
	struct rows rows;

	if (STORE(m->from, arena, &rows, SQL_IMPORT_THERE, V_TEXT(text_of(table))) != STORE_FINE)
		return (import_away(m, arena));
	*there = rows_int(&rows, 0, 0, 0) != 0;
	return (NULL);
}

static struct error *
take_table(struct import *m, const struct source *s, struct arena *arena)
{
	struct import_count *count = &m->counts[m->n_counts++];
	struct text last = TEXT("");
	struct error *e = NULL;
	struct rows rows;
	bool there;

	*count = (struct import_count){ .what = s->what };
	TRY(import_is_there(&there, m, arena, s->table));
	if (!there)
		return (NULL);
	do {
		struct arena *page = arena_new();

		if (STORE(m->from, page, &rows, s->rows, V_TEXT(last)) != STORE_FINE)
			e = import_away(m, arena);
		else if (rows.n > 0) {
			count->seen += rows.n;
			e = take_rows(m, s, count, &rows, arena);
			last = arena_copy(arena, rows_text(&rows, rows.n - 1, 0));
		}
		arena_free(page);
	} while (e == NULL && rows.n == IMPORT_BATCH);
	return (e);
}

struct error *
import_litellm(struct import *m, struct arena *arena)
{
	bool there;

	TRY(import_is_there(&there, m, arena, "\"LiteLLM_VerificationToken\""));
	if (!there)
		return (error_new(arena, E_NOT_FOUND, "That database has no tables of LiteLLM."));
	m->n_counts = 0;
	for (size_t i = 0; i < nitems(sources); i++)
		TRY(take_table(m, &sources[i], arena));
	return (NULL);
}
