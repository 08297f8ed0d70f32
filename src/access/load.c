/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the store, and the documents in them, as standings. */
#include "access/load.h"

#include "access/accounts.h"
#include "access/routes.h"

#define LIST_MOST	10000		/* items of one list */
#define METADATA_MOST	1024
#define PERSON_MS	30000
#define SESSION_SEEN_MS	INT64_C(86400000)

/* whom */

void
entity_known_id(struct known_id *id, struct arena *arena, const struct entity *e)
{
	struct text name = e->id;

	if (e->kind == KNOWN_MEMBER)
		name = arena_print(arena, TEXT_FMT "/" TEXT_FMT, TEXT_ARG(e->id), TEXT_ARG(e->user_id));
	known_id_make(id, e->kind, name);
}

static const struct {
	const char	*prefix;
	enum scope	 scope;
} others[] = {
	{ "agent/", SCOPE_AGENT }, { "session/", SCOPE_SESSION }, { "provider/", SCOPE_PROVIDER }, { "deployment/", SCOPE_DEPLOYMENT },
};

enum scope
entity_scope(const struct entity *e)
{
	static const enum scope scopes[KNOWN_KINDS] = {
		[KNOWN_KEY] = SCOPE_KEY, [KNOWN_TEAM] = SCOPE_TEAM, [KNOWN_MEMBER] = SCOPE_MEMBER, [KNOWN_USER] = SCOPE_USER,
		[KNOWN_ORGANIZATION] = SCOPE_ORGANIZATION, [KNOWN_PROJECT] = SCOPE_PROJECT, [KNOWN_CUSTOMER] = SCOPE_CUSTOMER, [KNOWN_TAG] = SCOPE_TAG,
		[KNOWN_OTHER] = SCOPE_PROXY,
	};

	for (size_t i = 0; i < nitems(others) && e->kind == KNOWN_OTHER; i++)
		if (text_starts(e->id, text_of(others[i].prefix)))
			return (others[i].scope);
	return (scopes[e->kind]);
}

/* documents */

static struct text
text_in(struct arena *arena, const struct json *o, const char *name)
{
	return (json_unescape(arena, json_quoted(json_get(o, name))));
}

/* YAML takes 1e-6, and whatever stands in quotes, for texts: they must not become "no limit". */
static struct text
number_in(const struct json *v)
{
	return (v->type == JSON_STRING ? text_sub(v->raw, 1, v->raw.len - 1) : v->raw);
}

static void
read_int(int64_t *to, const struct json *o, const char *name)
{
	const struct json *v = json_get(o, name);
	int64_t n;

	if (v != NULL && json_to_i64(number_in(v), &n) && n >= 0)
		*to = n;
}

static void
read_bool(bool *to, const struct json *o, const char *name)
{
	const struct json *v = json_get(o, name);

	if (json_is(v, JSON_BOOL))
		*to = json_true(v);
}

static void
read_texts(struct text **to, unsigned *n, struct arena *arena, const struct json *list)
{
	if (!json_is(list, JSON_ARRAY) || list->count == 0 || list->count > LIST_MOST)
		return;
	*to = arena_alloc(arena, list->count * sizeof(**to));
	*n = 0;
	for (const struct json *v = list->first; v != NULL; v = v->next)
		if (v->type == JSON_STRING)
			(*to)[(*n)++] = json_unescape(arena, json_quoted(v));
}

static void
read_aliases(struct standing *s, struct arena *arena, const struct json *map)
{
	if (!json_is(map, JSON_OBJECT) || map->count == 0 || map->count > LIST_MOST)
		return;
	s->aliases = arena_alloc(arena, map->count * sizeof(*s->aliases));
	for (const struct json *v = map->first; v != NULL; v = v->next)
		if (v->type == JSON_STRING && v->raw.len > 2)
			s->aliases[s->n_aliases++] = (struct pair_text){ json_unescape(arena, v->name), json_unescape(arena, json_quoted(v)) };
}

/* {"gpt-4o": ["gpt-4o-mini", …]} */
static void
read_budget_fallbacks(struct standing *s, struct arena *arena, const struct json *map)
{
	unsigned room = 0;

	for (const struct json *of = json_is(map, JSON_OBJECT) ? map->first : NULL; of != NULL; of = of->next)
		for (const struct json *v = json_is(of, JSON_ARRAY) ? of->first : NULL; v != NULL && s->n_budget_fallbacks < LIST_MOST; v = v->next) {
			if (v->type != JSON_STRING)
				continue;
			s->budget_fallbacks = arena_widen(arena, s->budget_fallbacks, &room, s->n_budget_fallbacks + 1, s->n_budget_fallbacks,
			    sizeof(*s->budget_fallbacks));
			s->budget_fallbacks[s->n_budget_fallbacks++] = (struct pair_text){ json_unescape(arena, of->name),
				json_unescape(arena, json_quoted(v)) };
		}
}

/* The limit of that name, made when it is not there; NULL: there are too many. */
static struct model_limit *
limit_of(struct standing *s, struct arena *arena, struct text name, unsigned *room)
{
	for (unsigned i = 0; i < s->n_model_limits; i++)
		if (text_eq(s->model_limits[i].name, name))
			return (&s->model_limits[i]);
	if (s->n_model_limits >= LIST_MOST)
		return (NULL);
	s->model_limits = arena_widen(arena, s->model_limits, room, s->n_model_limits + 1, s->n_model_limits, sizeof(*s->model_limits));
	s->model_limits[s->n_model_limits] = (struct model_limit){ name, NO_LIMIT, NO_LIMIT };
	return (&s->model_limits[s->n_model_limits++]);
}

/* {"gpt-4o": 10}, {"batch": 5} of tags; `field` is where in the limit. */
static void
read_limits(struct standing *s, struct arena *arena, const struct json *map, const char *prefix, size_t field, unsigned *room)
{
	for (const struct json *v = json_is(map, JSON_OBJECT) ? map->first : NULL; v != NULL; v = v->next) {
		struct text name = json_unescape(arena, v->name);
		struct model_limit *l;
		int64_t n;

		if (v->type != JSON_NUMBER || !json_to_i64(v->raw, &n) || n < 0)
			continue;
		if (prefix[0] != '\0')
			name = arena_print(arena, "%s" TEXT_FMT, prefix, TEXT_ARG(name));
		if ((l = limit_of(s, arena, name, room)) != NULL)
			*(int64_t *)(void *)((char *)l + field) = n;
	}
}

/* {"gpt-4o": {"rpm_limit": 10, …}}, where nothing said more exactly stands already */
static void
read_model_budgets(struct standing *s, struct arena *arena, const struct json *map, unsigned *room)
{
	for (const struct json *v = json_is(map, JSON_OBJECT) ? map->first : NULL; v != NULL; v = v->next) {
		int64_t rpm = NO_LIMIT, tpm = NO_LIMIT;
		struct model_limit *l;

		read_int(&rpm, v, "rpm_limit");
		read_int(&tpm, v, "tpm_limit");
		if ((rpm == NO_LIMIT && tpm == NO_LIMIT) || (l = limit_of(s, arena, json_unescape(arena, v->name), room)) == NULL)
			continue;
		l->rpm = l->rpm == NO_LIMIT ? rpm : l->rpm;
		l->tpm = l->tpm == NO_LIMIT ? tpm : l->tpm;
	}
}

/* A member of the document, or, as LiteLLM keeps the paid ones, of its metadata. */
static const struct json *
either(const struct json *doc, const struct json *metadata, const char *name)
{
	const struct json *v = json_get(doc, name);

	return (v != NULL && v->type != JSON_NULL ? v : json_get(metadata, name));
}

static bool
is_dynamic(const struct json *type)
{
	return (json_is(type, JSON_STRING) && quoted_is(json_quoted(type), "dynamic"));
}

static void
read_all_limits(struct standing *s, struct arena *arena, const struct json *doc, const struct json *metadata)
{
	unsigned room = 0;

	read_limits(s, arena, either(doc, metadata, "model_rpm_limit"), "", offsetof(struct model_limit, rpm), &room);
	read_limits(s, arena, either(doc, metadata, "model_tpm_limit"), "", offsetof(struct model_limit, tpm), &room);
	read_limits(s, arena, either(doc, metadata, "tag_rpm_limit"), "tag:", offsetof(struct model_limit, rpm), &room);
	read_limits(s, arena, either(doc, metadata, "tag_tpm_limit"), "tag:", offsetof(struct model_limit, tpm), &room);
	read_model_budgets(s, arena, json_get(doc, "model_max_budget"), &room);
}

/* An allowed_routes of its own stands above the kind of key. */
static void
read_routes(struct standing *s, struct arena *arena, const struct json *doc)
{
	struct text group;

	read_texts(&s->routes, &s->n_routes, arena, json_get(doc, "allowed_routes"));
	group = route_of_key_type(text_in(arena, doc, "key_type"));
	if (s->n_routes == 0 && group.len > 0) {
		s->routes = arena_new_of(arena, struct text);
		s->routes[s->n_routes++] = group;
	}
}

static void
read_money(int64_t *to, const struct json *doc, const char *name)
{
	const struct json *v = json_get(doc, name);
	int64_t nano;

	if (v != NULL && money_read(number_in(v), &nano) == MONEY_FINE)
		*to = nano;
}

/* Of an agent they stand in its litellm_params, of a key in its metadata. */
static void
read_session_rule(struct standing *s, struct arena *arena, const struct json *doc, const struct json *params)
{
	struct session_rule r = { NO_LIMIT, NO_LIMIT, NO_LIMIT, NO_LIMIT, false };

	read_int(&r.turns, params, "max_iterations");
	read_money(&r.ceiling, params, "max_budget_per_session");
	read_int(&r.rpm, doc, "session_rpm_limit");
	read_int(&r.tpm, doc, "session_tpm_limit");
	read_bool(&r.named, params, "require_trace_id_on_calls_by_agent");
	if (r.turns == NO_LIMIT && r.ceiling == NO_LIMIT && r.rpm == NO_LIMIT && r.tpm == NO_LIMIT && !r.named)
		return;
	s->session_rules = arena_new_of(arena, struct session_rule);
	*s->session_rules = r;
	s->n_session_rules = 1;
}

/* {"anchor": "created_at", "seconds": 3600}, or days. */
static int64_t
read_expiry(const struct json *v)
{
	int64_t seconds = -1, days = -1;

	if (v == NULL || v->type == JSON_NULL)
		return (0);
	read_int(&seconds, v, "seconds");
	read_int(&days, v, "days");
	if (!json_is(json_get(v, "anchor"), JSON_STRING) || !quoted_is(json_quoted(json_get(v, "anchor")), "created_at"))
		return (-1);
	if (seconds < 0 && days > 0 && days <= INT32_MAX)
		seconds = days * 86400;
	return (seconds > 0 && seconds <= INT32_MAX ? seconds : -1);
}

static void
read_one(struct standing *s, struct arena *arena, enum known_kind kind, const struct json *doc, const struct json *metadata)
{
	const struct json *table;
	bool active = true;

	switch (kind) {
	case KNOWN_KEY:
		s->agent_id = text_in(arena, doc, "agent_id");
		read_routes(s, arena, doc);
		read_aliases(s, arena, json_get(doc, "aliases"));
		read_texts(&s->enforced, &s->n_enforced, arena, either(doc, metadata, "enforced_params"));
		read_bool(&s->may_assert_user, metadata, "may_assert_user");
		read_budget_fallbacks(s, arena, either(doc, metadata, "budget_fallbacks"));
		read_session_rule(s, arena, NULL, metadata);
		s->throttled = json_true(either(doc, metadata, "throttle_on_budget_exceeded"));
		if (json_is(metadata, JSON_OBJECT) && metadata->count > 0 && metadata->raw.len <= METADATA_MOST)
			s->metadata = metadata->raw;
		break;
	case KNOWN_TEAM:
		s->file_expiry_s = read_expiry(either(doc, metadata, "enforced_file_expires_after"));
		s->batch_expiry_s = read_expiry(either(doc, metadata, "enforced_batch_output_expires_after"));
		table = json_get(doc, "litellm_model_table");
		read_aliases(s, arena, json_is(json_get(doc, "model_aliases"), JSON_OBJECT) ? json_get(doc, "model_aliases") : json_get(table, "model_aliases"));
		break;
	case KNOWN_MEMBER:
		read_texts(&s->models, &s->n_models, arena, json_get(doc, "allowed_models"));
		break;
	case KNOWN_USER:
		read_bool(&active, metadata, "scim_active");
		s->blocked = s->blocked || !active;
		break;
	case KNOWN_OTHER:
		read_texts(&s->models, &s->n_models, arena, json_get(doc, "access_model_names"));
		read_session_rule(s, arena, doc, json_get(doc, "litellm_params"));
		read_bool(&active, doc, "enabled");
		s->blocked = s->blocked || !active;
		break;
	default:
		break;
	}
}

void
standing_read(struct standing *s, struct arena *arena, enum known_kind kind, const struct json *doc)
{
	const struct json *metadata = json_get(doc, "metadata");

	s->scope = entity_scope(&(struct entity){ .kind = kind });
	read_bool(&s->blocked, doc, "blocked");
	read_int(&s->rpm, doc, "rpm_limit");
	read_int(&s->tpm, doc, "tpm_limit");
	read_int(&s->parallel, doc, "max_parallel_requests");
	read_texts(&s->models, &s->n_models, arena, json_get(doc, "models"));
	read_texts(&s->groups, &s->n_groups, arena, json_get(doc, "access_group_ids"));
	read_texts(&s->tags, &s->n_tags, arena, either(doc, metadata, "tags"));
	if (json_is(json_get(metadata, "store_prompts"), JSON_BOOL))
		s->store_prompts = json_true(json_get(metadata, "store_prompts")) ? 1 : -1;
	s->rpm_dynamic = is_dynamic(either(doc, metadata, "rpm_limit_type"));
	s->tpm_dynamic = is_dynamic(either(doc, metadata, "tpm_limit_type"));
	s->priority = json_unescape(arena, json_quoted(either(doc, metadata, "priority")));
	read_all_limits(s, arena, doc, metadata);
	read_one(s, arena, kind, doc, metadata);
}

void
standing_read_tier(struct standing *s, struct arena *arena, const struct json *doc)
{
	unsigned room = s->n_model_limits;	/* the list is full as it is: a further one moves it */

	if (s->rpm == NO_LIMIT)
		read_int(&s->rpm, doc, "rpm_limit");
	if (s->tpm == NO_LIMIT)
		read_int(&s->tpm, doc, "tpm_limit");
	if (s->parallel == NO_LIMIT)
		read_int(&s->parallel, doc, "max_parallel_requests");
	read_model_budgets(s, arena, json_get(doc, "model_max_budget"), &room);
}

static const struct json *
document(struct arena *arena, struct text text)
{
	struct json_fault fault;

	return (json_parse(arena, text, &fault));	/* NULL: nothing is said */
}

/* accounts */

#define STORED(call)	do { enum store_end stored_ = (call); if (stored_ != STORE_FINE) return (stored_); } while (0)

static void
sooner(int64_t *at, int64_t other)
{
	if (other > 0 && (*at == 0 || other < *at))
		*at = other;
}

static enum store_end
load_purse(struct standing *s, struct arena *arena, struct store *store, const struct rows *r, unsigned i, int64_t now_ms)
{
	struct purse *p = &s->purses[s->n_purses];
	int64_t raised = rows_int(r, i, 4, 0), until = rows_int(r, i, 5, 0);
	struct rows spent;

	*p = (struct purse){ .account = (uint64_t)rows_int(r, i, 0, 0), .part = rows_text(r, i, 1), .ceiling = rows_int(r, i, 2, NO_LIMIT),
		.soft = rows_int(r, i, 3, NO_LIMIT) };
	if (p->part.len > 0 && p->ceiling == NO_LIMIT && p->soft == NO_LIMIT)
		return (STORE_FINE);		/* a part that is no longer wanted */
	account_period(&p->period, &p->resets_at, rows_text(r, i, 6), now_ms);
	if (p->ceiling != NO_LIMIT && raised > 0 && now_ms < until) {
		p->ceiling += raised;
		sooner(&s->good_until_ms, until);
	}
	sooner(&s->good_until_ms, p->resets_at);
	STORED(STORE(store, arena, &spent, SQL_ACCESS_SPENT, V_INT((int64_t)p->account), V_INT(p->period)));
	p->spent = spent.n > 0 ? rows_int(&spent, 0, 0, 0) : 0;
	s->n_purses++;
	return (STORE_FINE);
}

static enum store_end
load_purses(struct standing *s, struct arena *arena, struct store *store, enum scope scope, struct text entity, int64_t now_ms)
{
	unsigned room = s->n_purses;
	struct rows r;

	STORED(STORE(store, arena, &r, SQL_ACCESS_ACCOUNTS, V_TEXT(text_of(scope_names[scope])), V_TEXT(entity)));
	s->purses = arena_widen(arena, s->purses, &room, s->n_purses + r.n + 1, s->n_purses, sizeof(*s->purses));
	for (unsigned i = 0; i < r.n; i++)
		STORED(load_purse(s, arena, store, &r, i, now_ms));
	return (STORE_FINE);
}

/* What a user may spend as a member of organizations, and has spent so: purses of the user's, of their parts. */
static enum store_end
load_memberships(struct standing *s, struct arena *arena, struct store *store, int64_t now_ms)
{
	struct rows r;

	STORED(STORE(store, arena, &r, SQL_ACCESS_ORGANIZATIONS, V_TEXT(s->id)));
	for (unsigned i = 0; i < r.n; i++) {
		struct text organization = rows_text(&r, i, 0), part = arena_print(arena, "organization:" TEXT_FMT, TEXT_ARG(organization));
		unsigned n = s->n_purses;

		STORED(load_purses(s, arena, store, SCOPE_EMPLOYEE, arena_print(arena, TEXT_FMT "/" TEXT_FMT, TEXT_ARG(organization), TEXT_ARG(s->id)), now_ms));
		for (; n < s->n_purses; n++)
			s->purses[n].part = part;
	}
	return (STORE_FINE);
}

static enum store_end
load_thing(struct rows *r, struct arena *arena, struct store *store, const char *kind, struct text id)
{
	return (STORE(store, arena, r, SQL_ACCESS_THING, V_TEXT(text_of(kind)), V_TEXT(id)));
}

static enum store_end
load_tier(struct standing *s, struct arena *arena, struct store *store)
{
	struct rows r;

	if (s->budget_id.len == 0)
		return (STORE_FINE);
	STORED(load_thing(&r, arena, store, "budget", s->budget_id));
	if (r.n > 0)
		standing_read_tier(s, arena, document(arena, rows_text(&r, 0, 1)));
	return (STORE_FINE);
}

/* entities */

static enum store_end
load_moved(struct buf *packed, struct arena *arena, struct store *store, struct text digest, int64_t now_ms)
{
	struct moved m;
	struct rows r;

	STORED(STORE(store, arena, &r, SQL_ACCESS_KEY_OLD, V_TEXT(digest)));
	if (r.n == 0)
		return (STORE_FINE);
	m = (struct moved){ rows_text(&r, 0, 0), rows_int(&r, 0, 1, 0) };
	if (m.until_ms > now_ms && !text_eq(m.digest, digest))
		moved_pack(packed, &m);
	return (STORE_FINE);
}

/* *doc stays empty where there is no such row. */
static enum store_end
load_key(struct standing *s, struct text *doc, struct arena *arena, struct store *store, struct text digest)
{
	struct rows r;

	STORED(STORE(store, arena, &r, SQL_ACCESS_KEY, V_TEXT(digest)));
	if (r.n == 0)
		return (STORE_FINE);
	s->id = rows_text(&r, 0, 0);
	s->alias = rows_text(&r, 0, 1);
	s->user_id = rows_text(&r, 0, 2);
	s->team_id = rows_text(&r, 0, 3);
	s->organization_id = rows_text(&r, 0, 4);
	s->project_id = rows_text(&r, 0, 5);
	s->budget_id = rows_text(&r, 0, 6);
	s->expires_ms = rows_int(&r, 0, 7, 0);
	*doc = rows_text(&r, 0, 8);
	return (STORE_FINE);
}

static enum store_end
load_team(struct standing *s, struct text *doc, struct arena *arena, struct store *store, struct text id)
{
	struct rows r;

	STORED(STORE(store, arena, &r, SQL_ACCESS_TEAM, V_TEXT(id)));
	if (r.n == 0)
		return (STORE_FINE);
	s->id = s->team_id = rows_text(&r, 0, 0);
	s->alias = rows_text(&r, 0, 1);
	s->organization_id = rows_text(&r, 0, 2);
	*doc = rows_text(&r, 0, 3);
	return (STORE_FINE);
}

static enum store_end
load_member(struct standing *s, struct text *doc, struct arena *arena, struct store *store, const struct entity *e)
{
	struct rows r;

	STORED(STORE(store, arena, &r, SQL_ACCESS_MEMBER, V_TEXT(e->id), V_TEXT(e->user_id)));
	if (r.n == 0)
		return (STORE_FINE);
	s->id = arena_print(arena, TEXT_FMT "/" TEXT_FMT, TEXT_ARG(e->id), TEXT_ARG(e->user_id));
	s->team_id = e->id;
	s->user_id = e->user_id;
	s->role = rows_text(&r, 0, 0);
	s->budget_id = rows_text(&r, 0, 1);
	*doc = rows_text(&r, 0, 2);
	return (STORE_FINE);
}

static enum store_end
load_user(struct standing *s, struct text *doc, struct arena *arena, struct store *store, struct text id)
{
	struct rows r;

	STORED(STORE(store, arena, &r, SQL_ACCESS_USER, V_TEXT(id)));
	if (r.n == 0)
		return (STORE_FINE);
	s->id = s->user_id = rows_text(&r, 0, 0);
	s->email = rows_text(&r, 0, 1);
	s->role = rows_text(&r, 0, 2);
	*doc = rows_text(&r, 0, 3);
	return (STORE_FINE);
}

static enum store_end
load_organization(struct standing *s, struct text *doc, struct arena *arena, struct store *store, struct text id)
{
	struct rows r;

	STORED(STORE(store, arena, &r, SQL_ACCESS_ORGANIZATION, V_TEXT(id)));
	if (r.n == 0)
		return (STORE_FINE);
	s->id = s->organization_id = rows_text(&r, 0, 0);
	s->alias = rows_text(&r, 0, 1);
	s->budget_id = rows_text(&r, 0, 2);
	*doc = rows_text(&r, 0, 3);
	return (STORE_FINE);
}

/* Of a project the parent is its team, of a customer and a tag the tier. "agent/ID" and "access_group/ID" are kept under the first word. */
static enum store_end
load_other(struct standing *s, struct text *doc, struct arena *arena, struct store *store, const struct entity *e)
{
	static const char *const kinds[KNOWN_KINDS] = {
		[KNOWN_PROJECT] = "project", [KNOWN_CUSTOMER] = "customer", [KNOWN_TAG] = "tag", [KNOWN_OTHER] = "access_group",
	};
	const char *kind = kinds[e->kind];
	struct text id = e->id, rest;
	const struct json *d;
	struct rows r;

	if (e->kind == KNOWN_OTHER && text_cut(e->id, '/', &id, &rest)) {
		kind = arena_copy(arena, id).at;
		id = rest;
	}
	STORED(load_thing(&r, arena, store, kind, id));
	if (r.n == 0)
		return (STORE_FINE);
	s->id = id;
	*doc = rows_text(&r, 0, 1);
	d = document(arena, *doc);
	if (e->kind == KNOWN_PROJECT)
		s->team_id = rows_text(&r, 0, 0);
	s->budget_id = e->kind == KNOWN_CUSTOMER || e->kind == KNOWN_TAG ? rows_text(&r, 0, 0) : TEXT("");
	if (s->budget_id.len == 0)
		s->budget_id = text_in(arena, d, "budget_id");
	s->alias = text_in(arena, d, e->kind == KNOWN_PROJECT ? "project_alias" : entity_scope(e) == SCOPE_AGENT ? "agent_name" :
	    e->kind == KNOWN_OTHER ? "access_group_name" : "alias");
	return (STORE_FINE);
}

static enum store_end
load_row(struct standing *s, struct text *doc, struct arena *arena, struct store *store, const struct entity *e)
{
	switch (e->kind) {
	case KNOWN_KEY:
		return (load_key(s, doc, arena, store, e->id));
	case KNOWN_TEAM:
		return (load_team(s, doc, arena, store, e->id));
	case KNOWN_MEMBER:
		return (load_member(s, doc, arena, store, e));
	case KNOWN_USER:
		return (load_user(s, doc, arena, store, e->id));
	case KNOWN_ORGANIZATION:
		return (load_organization(s, doc, arena, store, e->id));
	default:
		return (load_other(s, doc, arena, store, e));
	}
}

/* what the configuration says */

void
key_of_file(struct standing *s, struct arena *arena, struct text digest, const struct json *doc)
{
	*s = standing_none;
	s->id = digest;
	s->alias = text_in(arena, doc, json_get(doc, "key_alias") != NULL ? "key_alias" : "alias");
	s->user_id = text_in(arena, doc, "user_id");
	s->team_id = text_in(arena, doc, "team_id");
	s->organization_id = text_in(arena, doc, "organization_id");
	s->project_id = text_in(arena, doc, "project_id");
	standing_read(s, arena, KNOWN_KEY, doc);
}

/*
 * "proxy", "provider/openai", "deployment/id" …; behind a '#' stands a digest of what the file says, so that another file is another entity of the
 * board.
 */
static void
of_file(struct standing *s, struct arena *arena, const struct entity *e, const struct json *doc)
{
	const char *mark = memrchr(e->id.at, '#', e->id.len);
	struct text name = e->id, kind, rest;

	*s = standing_none;
	if (mark != NULL)
		name.len = (size_t)(mark - name.at);
	s->id = text_cut(name, '/', &kind, &rest) ? rest : name;
	s->scope = entity_scope(e);
	if (s->scope != SCOPE_AGENT && s->scope != SCOPE_SESSION)
		return;
	standing_read(s, arena, e->kind, doc);
	s->scope = entity_scope(e);
	s->alias = text_in(arena, doc, "agent_name");
}

/* What is kept of a session goes when nobody has asked for it for long (housekeeper/days.c): who works on is asked for once a day at least. */
static enum store_end
see_session(struct standing *s, struct arena *arena, struct store *store, int64_t now_ms)
{
	if (s->scope != SCOPE_SESSION)
		return (STORE_FINE);
	sooner(&s->good_until_ms, now_ms + SESSION_SEEN_MS);
	return (STORE(store, arena, NULL, SQL_SESSION_SEEN, V_TEXT(s->id), V_INT(now_ms)));
}

/* Its account is made, or brought in step, by who asks for it first: nobody else writes it. */
static enum store_end
keep_account(const struct standing *s, struct arena *arena, struct store *store, const struct json *doc, int64_t now_ms)
{
	struct account_want want = { .part = "", .ceiling = NO_LIMIT, .soft = NO_LIMIT, .duration = text_in(arena, doc, "budget_duration") };
	struct account there;

	if (want.duration.len == 0)
		want.duration = text_in(arena, doc, "time_period");
	read_money(&want.ceiling, doc, "budget_limit");
	read_money(&want.ceiling, doc, "max_budget");
	read_money(&want.soft, doc, "soft_budget");
	STORED(account_read(&there, store, arena, s->scope, s->id, TEXT(""), now_ms));
	if (there.id != 0 && there.ceiling == want.ceiling && there.soft == want.soft && text_eq(there.duration, want.duration))
		return (STORE_FINE);
	return (account_sync(store, arena, s->scope, s->id, &want, now_ms));
}

static enum store_end
load_of_file(struct buf *packed, struct arena *arena, struct store *store, const struct entity *e, int64_t now_ms)
{
	const struct json *doc = document(arena, e->doc);
	struct standing s;

	if (e->kind == KNOWN_KEY)
		key_of_file(&s, arena, e->id, doc);
	else
		of_file(&s, arena, e, doc);
	s.expires_ms = e->expires_ms;
	STORED(see_session(&s, arena, store, now_ms));
	STORED(keep_account(&s, arena, store, doc, now_ms));
	STORED(load_purses(&s, arena, store, s.scope, s.id, now_ms));
	s.loaded_ms = now_ms;
	standing_pack(packed, &s);
	return (STORE_FINE);
}

/* A customer or tag that nobody has made, or made without a budget, has that of the tier from its first call on. */
static enum store_end
take_tier(struct standing *s, struct arena *arena, struct store *store, const struct entity *e, int64_t now_ms)
{
	struct rows r;

	s->scope = entity_scope(e);
	s->id = e->id;
	if (text_starts(e->tier, TEXT("{")))
		return (keep_account(s, arena, store, document(arena, e->tier), now_ms));
	s->budget_id = e->tier;
	STORED(load_thing(&r, arena, store, "budget", e->tier));
	return (r.n > 0 ? keep_account(s, arena, store, document(arena, rows_text(&r, 0, 1)), now_ms) : STORE_FINE);
}

static bool
has_money(const struct json *doc)
{
	return (json_is(json_get(doc, "max_budget"), JSON_NUMBER));
}

/*
 * Other names of entities: whose id it is stands where a user's would.  Who changes a user or a team does not tell by which names, so these are good for
 * a while only; what a claim stands for is told by its name.
 */
static const struct name_kind {
	const char	*prefix;
	enum statement	 statement;
	int64_t		 good_ms;		/* 0: until it is told */
} name_kinds[] = {
	{ "person/", SQL_ACCESS_PERSON, PERSON_MS },
	{ "team_alias/", SQL_ACCESS_TEAM_ALIAS, PERSON_MS },
	{ "org_alias/", SQL_ACCESS_ORGANIZATION_ALIAS, PERSON_MS },
	{ "jwt/", SQL_ACCESS_JWT_KEY, 0 },
};

static const struct name_kind *
name_kind(const struct entity *e)
{
	for (size_t i = 0; i < nitems(name_kinds) && e->kind == KNOWN_OTHER; i++)
		if (text_starts(e->id, text_of(name_kinds[i].prefix)))
			return (&name_kinds[i]);
	return (NULL);
}

/* A name that several have is nobody's. */
static enum store_end
load_name(struct buf *packed, struct arena *arena, struct store *store, const struct name_kind *kind, struct text id, int64_t now_ms)
{
	struct text name = text_sub(id, strlen(kind->prefix), id.len);
	struct standing s = standing_none;
	struct rows r;

	STORED(STORE(store, arena, &r, kind->statement, V_TEXT(name)));
	if (r.n != 1)
		return (STORE_FINE);
	s.scope = SCOPE_PROXY;
	s.id = name;
	s.user_id = rows_text(&r, 0, 0);
	s.loaded_ms = now_ms;
	s.good_until_ms = kind->good_ms > 0 ? now_ms + kind->good_ms : 0;
	standing_pack(packed, &s);
	return (STORE_FINE);
}

enum store_end
load_entity(struct buf *packed, struct arena *arena, struct store *store, const struct entity *e, int64_t now_ms)
{
	struct standing s = standing_none;
	struct text doc = TEXT("");

	if (e->doc.len > 0)
		return (load_of_file(packed, arena, store, e, now_ms));
	if (name_kind(e) != NULL)
		return (load_name(packed, arena, store, name_kind(e), e->id, now_ms));
	STORED(load_row(&s, &doc, arena, store, e));
	if (e->tier.len > 0 && s.budget_id.len == 0 && !has_money(document(arena, doc)))
		STORED(take_tier(&s, arena, store, e, now_ms));
	else if (doc.len == 0)
		return (e->kind == KNOWN_KEY ? load_moved(packed, arena, store, e->id, now_ms) : STORE_FINE);
	standing_read(&s, arena, e->kind, document(arena, doc));
	STORED(load_tier(&s, arena, store));
	s.scope = entity_scope(e);
	if (s.scope != SCOPE_PROXY)
		STORED(load_purses(&s, arena, store, s.scope, s.id, now_ms));
	if (e->kind == KNOWN_USER)
		STORED(load_memberships(&s, arena, store, now_ms));
	s.loaded_ms = now_ms;
	standing_pack(packed, &s);
	return (STORE_FINE);
}
