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
set_role(struct person *who, const struct jwt_rules *j, const struct text *scopes, unsigned n_scopes, const struct text *roles, unsigned n_roles)
{
	who->role = USER_INTERNAL;
	for (size_t i = 0; i < j->n_roles; i++)
		if (has(roles, n_roles, j->roles[i].named) && role_of(j->roles[i].role) > USER_NONE)
			who->role = role_of(j->roles[i].role);
	if (j->admin_scope.len > 0 && has(scopes, n_scopes, j->admin_scope))
		who->role = USER_ADMIN;
	who->routes = who->role == USER_ADMIN ? j->admin_routes : who->name.len > 0 && who->n_teams == 0 ? NULL : j->team_routes;
	who->n_routes = (unsigned)(who->role == USER_ADMIN ? j->n_admin_routes : who->routes != NULL ? j->n_team_routes : 0);
}

struct error *
program_read(struct person *who, struct arena *arena, const struct jwt_rules *j, struct text text)
{
	struct text scopes[PERSON_TEAMS], roles[PERSON_TEAMS], team;
	struct json_fault fault;
	const struct json *claims = json_parse(arena, text, &fault);
	unsigned n_scopes, n_roles;

	*who = (struct person){ .by_token = true };
	who->name = word_at(arena, claims, j->user_id);
	who->email = word_at(arena, claims, j->user_email);
	who->organization_id = word_at(arena, claims, j->organization_id);
	who->customer = word_at(arena, claims, j->end_user_id);
	n_scopes = words_at(scopes, nitems(scopes), arena, claims, TEXT("scope"));
	n_roles = words_at(roles, nitems(roles), arena, claims, j->user_roles);
	team = word_at(arena, claims, j->team_id);
	who->n_teams = words_at(who->teams, PERSON_TEAMS - 1, arena, claims, j->team_ids);
	if (team.len > 0 && !has(who->teams, who->n_teams, team))
		who->teams[who->n_teams++] = team;
	if (who->n_teams == 0 && j->team_default.len > 0)
		who->teams[who->n_teams++] = j->team_default;
	TRY(check_gates(arena, j, roles, n_roles, who->email));
	set_role(who, j, scopes, n_scopes, roles, n_roles);
	if (who->name.len == 0 && who->n_teams == 0 && who->role != USER_ADMIN)
		return (refusal(arena, E_FORBIDDEN, "auth_error", "None", "The token names neither a user nor a team that is known by the claims configured here."));
	return (NULL);
}
