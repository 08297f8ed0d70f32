/* SPDX-License-Identifier: Apache-2.0 */
/* Who a program's token says it is, by the rules of litellm_jwtauth. */
#include "access/people.h"

#include "access/admit.h"
#include "base/json.h"

#define PATH_MOST	256

/* The next name of a dotted path; "\." is a dot within a name. */
static bool
next_name(char out[PATH_MOST], struct text *path)
{
	size_t n = 0, at = 0;

	if (path->len == 0 || path->len >= PATH_MOST)
		return (false);
	for (; at < path->len && path->at[at] != '.'; at++) {
		if (path->at[at] == '\\' && at + 1 < path->len && path->at[at + 1] == '.')
			at++;
		out[n++] = path->at[at];
	}
	out[n] = '\0';
	*path = text_sub(*path, at + 1, path->len);
	return (true);
}

static const struct json *
claim(const struct json *claims, struct text path)
{
	char name[PATH_MOST];

	while (claims != NULL && next_name(name, &path)) {
		claims = json_get(claims, name);
		if (path.len == 0)
			return (claims);
	}
	return (NULL);
}

/* A text, or a number as it is written; empty: neither. */
static struct text
word(struct arena *arena, const struct json *v)
{
	if (json_is(v, JSON_STRING))
		return (json_unescape(arena, json_quoted(v)));
	return (json_is(v, JSON_NUMBER) ? v->raw : TEXT(""));
}

static struct text
word_at(struct arena *arena, const struct json *claims, struct text path)
{
	return (word(arena, claim(claims, path)));
}

/* A list, or words with blanks between them, as scopes are. */
static unsigned
words_at(struct text *list, unsigned room, struct arena *arena, const struct json *claims, struct text path)
{
	const struct json *v = claim(claims, path);
	struct text rest = word(arena, v), one;
	unsigned n = 0;

	for (const struct json *item = json_is(v, JSON_ARRAY) ? v->first : NULL; item != NULL && n < room; item = item->next)
		if ((list[n] = word(arena, item)).len > 0)
			n++;
	for (bool more = rest.len > 0; more && n < room;) {
		more = text_cut(rest, ' ', &one, &rest);
		if (one.len > 0)
			list[n++] = one;
	}
	return (n);
}

static bool
has(const struct text *list, unsigned n, struct text wanted)
{
	for (unsigned i = 0; i < n; i++)
		if (text_eq(list[i], wanted))
			return (true);
	return (false);
}

static struct error *
check_gates(struct arena *arena, const struct jwt_rules *j, const struct text *roles, unsigned n, struct text email)
{
	bool allowed = j->n_allowed_roles == 0;
	struct text domain;

	for (size_t i = 0; i < j->n_allowed_roles; i++)
		allowed = allowed || has(roles, n, j->allowed_roles[i]);
	if (!allowed)
		return (refusal(arena, E_FORBIDDEN, "auth_error", "None", "The token has none of the roles that are allowed here."));
	domain = arena_print(arena, "@" TEXT_FMT, TEXT_ARG(j->email_domain));
	if (j->email_domain.len > 0 && (email.len <= domain.len || !text_eq_nocase(text_sub(email, email.len - domain.len, email.len), domain)))
		return (refusal(arena, E_FORBIDDEN, "auth_error", "None", "The token's e-mail address is not of the domain that is allowed here."));
	return (NULL);
}

static void
map_role(struct person *who, const struct jwt_rules *j, const struct text *roles, unsigned n)
{
	for (size_t i = 0; i < j->n_roles; i++)
		if (has(roles, n, j->roles[i].named) && role_of(j->roles[i].role) > USER_NONE)
			who->mapped = role_of(j->roles[i].role);
}

/* Who is named by no claim of its own may be so by its object id, as what its role says. */
static void
map_object(struct person *who, const struct jwt_rules *j, struct text object_id, const struct text *roles, unsigned n)
{
	for (size_t i = 0; i < j->n_mappings; i++) {
		const struct jwt_role *m = &j->mappings[i];

		if (!has(roles, n, m->named))
			continue;
		if (text_is(m->role, "proxy_admin"))
			who->mapped = USER_ADMIN;
		else if (text_is(m->role, "team") && object_id.len > 0 && who->n_teams == 0)
			who->teams[who->n_teams++] = object_id;
		else if (text_is(m->role, "internal_user") && object_id.len > 0 && who->name.len == 0)
			who->name = object_id;
	}
}

static void
set_role(struct person *who, const struct jwt_rules *j, const struct text *scopes, unsigned n_scopes)
{
	who->role = who->mapped != USER_NONE ? who->mapped : USER_INTERNAL;
	if (j->admin_scope.len > 0 && has(scopes, n_scopes, j->admin_scope))
		who->role = USER_ADMIN;
	who->routes = who->role == USER_ADMIN ? j->admin_routes : who->name.len > 0 && who->n_teams == 0 ? NULL : j->team_routes;
	who->n_routes = (unsigned)(who->role == USER_ADMIN ? j->n_admin_routes : who->routes != NULL ? j->n_team_routes : 0);
}

/* What the role of a token may, beside what the store says. */
static void
narrow_by_role(struct person *who, const struct jwt_rules *j)
{
	const char *role = who->role == USER_ADMIN ? "proxy_admin" : who->n_teams > 0 ? "team" : "internal_user";

	for (size_t i = 0; i < j->n_permissions; i++) {
		const struct jwt_grant *g = &j->permissions[i];

		if (!text_is(g->name, role))
			continue;
		if (g->n_models > 0)
			who->only[who->n_only++] = (struct allowance){ g->models, (unsigned)g->n_models };
		if (g->n_routes > 0) {
			who->routes = g->routes;
			who->n_routes = (unsigned)g->n_routes;
		}
		return;
	}
}

/* The models of all its scopes together; and their routes, unless one of them opens all. */
static void
narrow_by_scope(struct person *who, struct arena *arena, const struct jwt_rules *j, const struct text *scopes, unsigned n_scopes)
{
	struct text *models, *routes;
	unsigned n_models = 0, n_routes = 0, room_models = 0, room_routes = 0;
	bool all_routes = false;

	models = routes = NULL;
	for (size_t i = 0; i < j->n_scopes; i++) {
		const struct jwt_grant *g = &j->scopes[i];

		if (!has(scopes, n_scopes, g->name))
			continue;
		all_routes |= g->n_routes == 0;
		models = arena_widen(arena, models, &room_models, n_models + (unsigned)g->n_models, n_models, sizeof(*models));
		for (size_t k = 0; k < g->n_models; k++)
			models[n_models++] = g->models[k];
		routes = arena_widen(arena, routes, &room_routes, n_routes + (unsigned)g->n_routes, n_routes, sizeof(*routes));
		for (size_t k = 0; k < g->n_routes; k++)
			routes[n_routes++] = g->routes[k];
	}
	who->only[who->n_only++] = (struct allowance){ models, n_models };
	if (n_routes > 0 && !all_routes) {
		who->routes = routes;
		who->n_routes = n_routes;
	}
}

/* Nobody, but for paths that any token opens. */
static struct error *
check_named(struct person *who, struct arena *arena, const struct jwt_rules *j)
{
	if (who->name.len > 0 || who->n_teams > 0 || who->team_alias.len > 0 || who->role == USER_ADMIN)
		return (NULL);
	if (j->n_public_routes == 0)
		return (refusal(arena, E_FORBIDDEN, "auth_error", "None", j->by_role ?
		    "Unmatched token passed in. enforce_rbac is set to True. Token must belong to a proxy admin, team, or user." :
		    "The token names neither a user nor a team that is known by the claims configured here."));
	who->routes = j->public_routes;
	who->n_routes = (unsigned)j->n_public_routes;
	return (NULL);
}

static void
read_teams(struct person *who, struct arena *arena, const struct jwt_rules *j, const struct json *claims)
{
	struct text team = word_at(arena, claims, j->team_id);

	who->n_teams = words_at(who->teams, PERSON_TEAMS - 1, arena, claims, j->team_ids);
	if (team.len > 0 && !has(who->teams, who->n_teams, team))
		who->teams[who->n_teams++] = team;
	who->says_teams = team.len > 0 || claim(claims, j->team_ids) != NULL;
	if (who->n_teams == 0 && j->team_default.len > 0)
		who->teams[who->n_teams++] = j->team_default;
}

struct error *
program_read(struct person *who, struct arena *arena, const struct jwt_rules *j, struct text text)
{
	struct text scopes[PERSON_TEAMS], roles[PERSON_TEAMS], mapped[PERSON_TEAMS];
	struct json_fault fault;
	const struct json *claims = json_parse(arena, text, &fault);
	unsigned n_scopes, n_roles, n_mapped;

	*who = (struct person){ .by_token = true };
	who->name = word_at(arena, claims, j->user_id);
	who->email = word_at(arena, claims, j->user_email);
	who->organization_id = word_at(arena, claims, j->organization_id);
	who->customer = word_at(arena, claims, j->end_user_id);
	who->team_alias = word_at(arena, claims, j->team_alias);
	who->organization_alias = word_at(arena, claims, j->organization_alias);
	who->key_claim = word_at(arena, claims, j->key_claim);
	n_scopes = words_at(scopes, nitems(scopes), arena, claims, json_get(claims, "scope") != NULL ? TEXT("scope") : TEXT("scp"));	/* Entra ID's name */
	n_roles = words_at(roles, nitems(roles), arena, claims, j->user_roles);
	n_mapped = words_at(mapped, nitems(mapped), arena, claims, j->mapped_roles);
	read_teams(who, arena, j, claims);
	TRY(check_gates(arena, j, roles, n_roles, who->email));
	map_role(who, j, roles, n_roles);
	map_object(who, j, word_at(arena, claims, j->object_id), mapped, n_mapped);
	set_role(who, j, scopes, n_scopes);
	if (j->by_role)
		narrow_by_role(who, j);
	if (j->by_scope)
		narrow_by_scope(who, arena, j, scopes, n_scopes);
	return (check_named(who, arena, j));
}
