/* SPDX-License-Identifier: Apache-2.0 */
/* The checks, level by level, and their words. */
#include "access/admit.h"

#include "access/models.h"
#include "access/routes.h"
#include "base/clock.h"

#define SHOWN_MODELS	40		/* of a list, in a message */

/* Words */

static struct error *
refusal_va(struct arena *arena, enum error_kind kind, const char *type, const char *param, const char *fmt, va_list ap)
{
	struct buf words = { 0 };
	struct error *e;

	buf_vprint(&words, fmt, ap);
	e = error_new(arena, kind, TEXT_FMT, TEXT_ARG(buf_as_text(&words)));
	buf_free(&words);
	e->type = text_of(type);
	e->code = arena_print(arena, "%d", error_kinds[kind].status);
	e->param = text_of(param);
	e->useless_to_retry = true;
	return (e);
}

struct error *
refusal(struct arena *arena, enum error_kind kind, const char *type, const char *param, const char *fmt, ...)
{
	struct error *e;
	va_list ap;

	va_start(ap, fmt);
	e = refusal_va(arena, kind, type, param, fmt, ap);
	va_end(ap);
	return (e);
}

/* As Python prints a list of strings, which scripts match. */
static struct text
listed(struct arena *arena, const struct text *list, unsigned n)
{
	struct buf b = { 0 };
	struct text t;

	buf_byte(&b, '[');
	for (unsigned i = 0; i < n && i < SHOWN_MODELS; i++)
		buf_print(&b, "%s'" TEXT_FMT "'", i > 0 ? ", " : "", TEXT_ARG(list[i]));
	if (n > SHOWN_MODELS)
		buf_print(&b, ", … %u more", n - SHOWN_MODELS);
	buf_byte(&b, ']');
	t = arena_copy(arena, buf_as_text(&b));
	buf_free(&b);
	return (t);
}

static struct text
shown(struct text model)
{
	return (text_whole(text_sub(model, 0, 200)));
}

static struct error *
no_model(struct arena *arena, const char *type, const char *object, const struct standing *s, struct text model)
{
	struct text models = listed(arena, s->models, s->n_models);

	return (refusal(arena, E_AUTH, type, "model", "%s not allowed to access model. This %s can only access models=" TEXT_FMT
	    ". Tried to access " TEXT_FMT, object, object, TEXT_ARG(models), TEXT_ARG(shown(model))));
}

/* Models */

static bool
find_alias(const struct standing *s, struct text *model)
{
	for (unsigned i = 0; s != NULL && i < s->n_aliases; i++)
		if (text_eq(s->aliases[i].from, *model)) {
			*model = s->aliases[i].to;
			return (true);
		}
	return (false);
}

struct text
admit_model(const struct caller *c, const struct config *config, struct text asked)
{
	struct text own;

	find_alias(c->standing[SCOPE_KEY], &asked);
	find_alias(c->standing[SCOPE_TEAM], &asked);
	own = config_team_model(config, c->team_id, asked);
	return (own.len > 0 ? own : asked);
}

/* Another team's own model is nobody else's to see. */
static bool
is_open(const struct caller *c, const struct config *config, struct text target)
{
	struct text owner = config_owner(config, target);

	return (owner.len == 0 || text_eq(owner, c->team_id));
}

static bool
is_allowed(const struct standing *s, const struct config *config, struct text model)
{
	return (s == NULL || s->n_models == 0 || models_have(s->models, s->n_models, config, model));
}

/* What the team's list says stands for the key that names it; without a team there is no such list. */
static bool
key_allows(const struct caller *c, const struct config *config, struct text asked, struct text target)
{
	const struct standing *key = c->standing[SCOPE_KEY], *team = c->standing[SCOPE_TEAM];
	struct text own = asked, by_team;

	if (key == NULL || (key->n_models == 0 && key->n_groups == 0))
		return (true);
	find_alias(key, &own);
	by_team = own;
	if (find_alias(team, &by_team))
		return (true);
	if (list_has(key->models, key->n_models, "all-team-models") && team != NULL)
		return (true);
	return (models_have(key->models, key->n_models, config, asked) || models_have(key->models, key->n_models, config, target) ||
	    (key->n_groups > 0 && groups_have(c->groups, c->n_groups, config, target)));
}

static bool
team_allows(const struct caller *c, const struct config *config, struct text asked, struct text target)
{
	const struct standing *team = c->standing[SCOPE_TEAM];

	find_alias(c->standing[SCOPE_KEY], &asked);
	if (team == NULL || (team->n_models == 0 && team->n_groups == 0) || find_alias(team, &asked) || config_owner(config, target).len > 0)
		return (true);
	return (models_have(team->models, team->n_models, config, target) ||
	    (team->n_groups > 0 && groups_have(c->groups, c->n_groups, config, target)));
}

/* A team's key is not its user's own. */
static const struct standing *
personal(const struct caller *c)
{
	return (c->team_id.len == 0 ? c->standing[SCOPE_USER] : NULL);
}

static bool
user_allows(const struct caller *c, const struct config *config, struct text target)
{
	const struct standing *user = personal(c);

	return (user == NULL || (!list_has(user->models, user->n_models, "no-default-models") && is_allowed(user, config, target)));
}

bool
admit_team(const struct standing *team, const struct config *config, struct text asked)
{
	struct text target = asked;

	return (team != NULL && !team->blocked && (find_alias(team, &target) || team->n_groups > 0 || is_allowed(team, config, target) ||
	    config_team_model(config, team->id, asked).len > 0));
}

/* Is it in that list of a token, under the name that was asked for, or under that it has? */
static bool
only_has(const struct allowance *only, const struct config *config, struct text asked, struct text target)
{
	return (models_have(only->list, only->n, config, asked) || models_have(only->list, only->n, config, target));
}

static bool
token_allows(const struct caller *c, const struct config *config, struct text asked, struct text target)
{
	for (unsigned i = 0; i < c->n_only; i++)
		if (!only_has(&c->only[i], config, asked, target))
			return (false);
	return (true);
}

bool
admit_lists(const struct caller *c, const struct config *config, struct text asked)
{
	struct text target = admit_model(c, config, asked);

	if (c->kind == CALLER_MASTER)
		return (true);
	return (is_open(c, config, target) && token_allows(c, config, asked, target) && key_allows(c, config, asked, target) &&
	    team_allows(c, config, asked, target) && is_allowed(c->standing[SCOPE_MEMBER], config, target) &&
	    user_allows(c, config, target) && is_allowed(c->standing[SCOPE_PROJECT], config, target) &&
	    is_allowed(c->standing[SCOPE_ORGANIZATION], config, target));
}

/* As if there were no such model. */
static struct error *
check_owner(struct arena *arena, const struct caller *c, const struct config *config, struct text asked)
{
	if (c->role == USER_ADMIN || is_open(c, config, admit_model(c, config, asked)))
		return (NULL);
	return (error_new(arena, E_NO_SUCH_MODEL, NO_SUCH_MODEL, TEXT_ARG(text_sub(asked, 0, 200))));
}

/* What stands in a token beside what the store says. */
static struct error *
check_token_models(struct arena *arena, const struct caller *c, const struct config *config, struct text asked)
{
	struct text target = admit_model(c, config, asked), models;

	for (unsigned i = 0; i < c->n_only; i++)
		if (!only_has(&c->only[i], config, asked, target)) {
			models = listed(arena, c->only[i].list, c->only[i].n);
			return (refusal(arena, E_FORBIDDEN, "auth_error", "model", "model=" TEXT_FMT " not allowed. Allowed_models=" TEXT_FMT,
			    TEXT_ARG(shown(asked)), TEXT_ARG(models)));
		}
	return (NULL);
}

static struct error *
check_key_model(struct arena *arena, const struct caller *c, const struct config *config, struct text asked)
{
	const struct standing *key = c->standing[SCOPE_KEY];

	if (key_allows(c, config, asked, admit_model(c, config, asked)))
		return (NULL);
	return (no_model(arena, "key_model_access_denied", "key", key, asked));
}

static struct error *
check_team_models(struct arena *arena, const struct caller *c, const struct config *config, struct text asked)
{
	const struct standing *team = c->standing[SCOPE_TEAM], *member = c->standing[SCOPE_MEMBER];
	struct text target = admit_model(c, config, asked), models;

	if (!team_allows(c, config, asked, target)) {
		models = listed(arena, team->models, team->n_models);
		return (refusal(arena, E_AUTH, "team_model_access_denied", "model", "Team not allowed to access model. Team=" TEXT_FMT ", Model="
		    TEXT_FMT ". Allowed team models = " TEXT_FMT, TEXT_ARG(team->id), TEXT_ARG(shown(asked)), TEXT_ARG(models)));
	}
	if (!is_allowed(member, config, target)) {
		models = listed(arena, member->models, member->n_models);
		return (refusal(arena, E_AUTH, "team_model_access_denied", "model", "Team member not allowed to access model. Member=" TEXT_FMT
		    ", Model=" TEXT_FMT ". Models allowed to this member = " TEXT_FMT, TEXT_ARG(member->id), TEXT_ARG(shown(asked)), TEXT_ARG(models)));
	}
	return (NULL);
}

static struct error *
check_user_models(struct arena *arena, const struct caller *c, const struct config *config, struct text asked)
{
	const struct standing *user = personal(c);

	if (user != NULL && list_has(user->models, user->n_models, "no-default-models"))
		return (refusal(arena, E_AUTH, "key_model_access_denied", "model", "User not allowed to access model. No default model access, only "
		    "team models allowed. Tried to access " TEXT_FMT, TEXT_ARG(shown(asked))));
	if (!user_allows(c, config, admit_model(c, config, asked)))
		return (no_model(arena, "user_model_access_denied", "user", user, asked));
	return (NULL);
}

static struct error *
check_project_models(struct arena *arena, const struct caller *c, const struct config *config, struct text asked)
{
	const struct standing *project = c->standing[SCOPE_PROJECT];

	if (!is_allowed(project, config, admit_model(c, config, asked)))
		return (no_model(arena, "project_model_access_denied", "project", project, asked));
	return (NULL);
}

static struct error *
check_organization_models(struct arena *arena, const struct caller *c, const struct config *config, struct text asked)
{
	const struct standing *organization = c->standing[SCOPE_ORGANIZATION];

	if (!is_allowed(organization, config, admit_model(c, config, asked)))
		return (no_model(arena, "org_model_access_denied", "org", organization, asked));
	return (NULL);
}

typedef struct error *check_f(struct arena *, const struct caller *, const struct config *, struct text);

static struct error *
check_each(check_f *check, struct arena *arena, const struct caller *c, const struct admission *a)
{
	if (a->model.len > 0)
		TRY(check(arena, c, a->config, a->model));
	for (unsigned i = 0; i < a->n_fallbacks; i++)
		TRY(check(arena, c, a->config, a->fallbacks[i]));
	return (NULL);
}

/* The rest */

struct error *
admit_blocked(struct arena *arena, const struct caller *c)
{
	const struct standing *key = c->standing[SCOPE_KEY];

	if (key != NULL && key->blocked)
		return (refusal(arena, E_AUTH, "auth_error", "None", "Authentication Error, Key is blocked. Update via /key/unblock if you're an admin."));
	return (NULL);
}

static struct error *
check_user(struct arena *arena, const struct caller *c)
{
	const struct standing *user = c->standing[SCOPE_USER];

	if (user != NULL && user->blocked)
		return (refusal(arena, E_AUTH, "auth_error", "None", "Authentication Error, User=" TEXT_FMT " is not active. An administrator can "
		    "change that.", TEXT_ARG(user->id)));
	return (NULL);
}

/* "2026-12-01 00:00:00+00:00", as Python prints it. */
static struct text
moment(struct arena *arena, int64_t ms)
{
	char iso[25];

	clock_iso(iso, ms);
	return (arena_print(arena, "%.10s %.8s+00:00", iso, iso + 11));
}

static struct error *
check_expiry(struct arena *arena, const struct caller *c, int64_t now_ms)
{
	const struct standing *key = c->standing[SCOPE_KEY];
	struct error *e;

	if (key == NULL || key->expires_ms == 0 || key->expires_ms > now_ms)
		return (NULL);
	e = refusal(arena, E_AUTH, "expired_key", "", "Authentication Error - Expired Key. Key Expiry time " TEXT_FMT " and current time " TEXT_FMT,
	    TEXT_ARG(moment(arena, key->expires_ms)), TEXT_ARG(moment(arena, now_ms)));
	e->param = c->shown;
	return (e);
}

static struct error *
check_not_blocked(struct arena *arena, const struct caller *c, enum scope scope)
{
	static const struct {
		const char	*name, *advice;
	} words[SCOPES] = {
		[SCOPE_TEAM] = { "Team", "/team/unblock" }, [SCOPE_PROJECT] = { "Project", "/project/update" },
		[SCOPE_ORGANIZATION] = { "Organization", "/organization/update" }, [SCOPE_CUSTOMER] = { "End User", "/customer/unblock" },
		[SCOPE_AGENT] = { "Agent", "PATCH /v1/agents" },
	};
	const struct standing *s = c->standing[scope];

	if (s == NULL || !s->blocked)
		return (NULL);
	return (refusal(arena, E_AUTH, "auth_error", "None", "Authentication Error, %s=" TEXT_FMT " is blocked. Update via %s if you're an admin.",
	    words[scope].name, TEXT_ARG(s->id), words[scope].advice));
}

static struct error *
route_not_in(struct arena *arena, const char *whose, const struct text *list, unsigned n, struct text path)
{
	struct text routes = listed(arena, list, n);

	return (refusal(arena, E_FORBIDDEN, "auth_error", "None", "%s is not allowed to call this route. Only allowed to call routes: " TEXT_FMT
	    ". Tried to call route: " TEXT_FMT, whose, TEXT_ARG(routes), TEXT_ARG(shown(path))));
}

struct error *
admit_route(struct arena *arena, const struct caller *c, struct text path)
{
	const struct standing *key = c->standing[SCOPE_KEY];

	if (c->kind == CALLER_MASTER)
		return (NULL);
	if (key != NULL && key->n_routes > 0 && !route_is_listed(key->routes, key->n_routes, path))
		return (route_not_in(arena, "Virtual key", key->routes, key->n_routes, path));
	if (c->n_routes > 0 && !route_is_listed(c->routes, c->n_routes, path))
		return (route_not_in(arena, "This token", c->routes, c->n_routes, path));
	return (NULL);
}

/* Who may only look at things calls no model. */
static struct error *
check_role(struct arena *arena, const struct caller *c, struct text model)
{
	if (c->kind != CALLER_PERSON || model.len == 0 || c->role == USER_ADMIN || c->role == USER_INTERNAL)
		return (NULL);
	return (refusal(arena, E_FORBIDDEN, "auth_error", "None", "User=" TEXT_FMT " has the role %s, which may not call models.", TEXT_ARG(c->user_id),
	    role_names[c->role]));
}

struct error *
admit(struct arena *arena, const struct caller *c, struct admission *a)
{
	a->due = BILL_NONE;
	if (c->kind == CALLER_MASTER)
		return (check_not_blocked(arena, c, SCOPE_CUSTOMER));
	TRY(admit_blocked(arena, c));
	TRY(check_role(arena, c, a->model));
	TRY(check_each(check_owner, arena, c, a));
	TRY(check_each(check_token_models, arena, c, a));
	TRY(check_each(check_key_model, arena, c, a));
	TRY(check_user(arena, c));
	TRY(check_expiry(arena, c, a->now_ms));
	a->due = BILL_KEY;
	TRY(check_not_blocked(arena, c, SCOPE_TEAM));
	TRY(check_each(check_team_models, arena, c, a));
	TRY(check_each(check_user_models, arena, c, a));
	TRY(check_not_blocked(arena, c, SCOPE_PROJECT));
	TRY(check_each(check_project_models, arena, c, a));
	a->due = BILL_PROJECT;
	TRY(check_not_blocked(arena, c, SCOPE_AGENT));
	TRY(check_not_blocked(arena, c, SCOPE_ORGANIZATION));
	TRY(check_each(check_organization_models, arena, c, a));
	return (check_not_blocked(arena, c, SCOPE_CUSTOMER));
}

/* Required members */

/* Is there a value at the dotted path? */
static bool
has_member(struct text object, struct text path)
{
	struct json_item item;
	struct text name;
	char word[128];

	for (bool more = true; more;) {
		more = text_cut(path, '.', &name, &path);
		if (name.len >= sizeof(word) || object.len == 0 || object.at[0] != '{')
			return (false);
		memcpy(word, name.at, name.len);
		word[name.len] = '\0';
		if (!json_find(object, word, &item) || item.type == JSON_NULL)
			return (false);
		object = item.raw;
	}
	return (true);
}

static struct error *
check_members(struct arena *arena, struct text body, const struct text *paths, size_t n, const char *whose)
{
	struct error *e;

	for (size_t i = 0; i < n; i++) {
		if (has_member(body, paths[i]))
			continue;
		e = refusal(arena, E_BAD_REQUEST, "bad_request_error", "", "BadRequest please pass param=" TEXT_FMT " in request body. This is a required "
		    "param %s.", TEXT_ARG(paths[i]), whose);
		e->param = paths[i];
		return (e);
	}
	return (NULL);
}

struct error *
admit_params(struct arena *arena, const struct caller *c, const struct settings *s, struct text body)
{
	const struct standing *key = c->standing[SCOPE_KEY];

	body = text_trim(body);
	if (s->reject_client_tags && (has_member(body, TEXT("metadata.tags")) || has_member(body, TEXT("tags"))))
		return (refusal(arena, E_BAD_REQUEST, "bad_request_error", "metadata.tags", "Client-side 'metadata.tags' not allowed in request. "
		    "'reject_clientside_metadata_tags'=True. Tags can only be set via API key metadata."));
	TRY(check_members(arena, body, s->enforced_params, s->n_enforced_params, "at this gateway"));
	return (key != NULL ? check_members(arena, body, key->enforced, key->n_enforced, "for this key") : NULL);
}
