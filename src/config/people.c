/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sluice.people: whom the web server has signed in, and who they are here.
 *
 * A server is believed that shows the secret and, over a socket of this machine, runs as one of the users named; both stand in its own configuration and
 * here.
 */
#include "config/config_priv.h"

#include <pwd.h>
#include <stdlib.h>

#define SECRET_LEAST	16

static const char *const members[] = { "secret", "peers", "user", "email", "groups", "default_role", "rules" };
static const char *const rule_members[] = { "user", "group", "role", "team" };
static const char *const roles[] = { "proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer" };

static bool
all_known(struct load *l, const struct node *map, const char *const *names, size_t n)
{
	for (const struct pair *p = map->first; p != NULL; p = p->next)
		if (!own_key_known(l, map, p, names, n))
			return (false);
	return (true);
}

/* The name of a variable that no client can set. */
static void
want_variable(struct load *l, const struct node *n, struct text *name)
{
	struct text t;

	if (!want_text(l, n, &t))
		return;
	for (size_t i = 0; i < t.len; i++)
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", t.at[i]) == NULL || t.at[i] == '\0')
			t.len = 0;
	if (t.len == 0 || t.len > 100)
		problem(l, PROBLEM_ERROR, n, "that is not the name of a variable");
	else if (text_starts(t, TEXT("HTTP_")))
		problem(l, PROBLEM_ERROR, n, "variables that begin with HTTP_ are what the client sends: nobody is known by them");
	else
		*name = t;
}

static void
want_role(struct load *l, const struct node *n, struct text *role)
{
	struct text t;

	if (!want_text(l, n, &t))
		return;
	if (has_word(t, roles, nitems(roles)))
		*role = t;
	else
		problem(l, PROBLEM_ERROR, n, "a role is proxy_admin, proxy_admin_viewer, internal_user or internal_user_viewer");
}

/* Names of users of this machine, or their numbers. */
static void
read_peers(struct load *l, const struct node *n, struct people *p)
{
	struct text *names;
	size_t count = want_texts(l, n, &names);

	p->peers = arena_alloc(l->arena, (count + 1) * sizeof(*p->peers));
	for (size_t i = 0; i < count; i++) {
		const struct passwd *user;
		int64_t uid;

		if (!text_to_i64(names[i], &uid)) {
			user = getpwnam(arena_copy(l->scratch, names[i]).at);
			if (user == NULL) {
				problem(l, PROBLEM_ERROR, n, "this machine has no user " TEXT_FMT, TEXT_ARG(names[i]));
				continue;
			}
			uid = user->pw_uid;
		}
		p->peers[p->n_peers++] = uid;
	}
}

static void
read_rule(struct load *l, const struct node *map, struct people_rule *r)
{
	if (!want_kind(l, map, NODE_MAP) || !all_known(l, map, rule_members, nitems(rule_members)))
		return;
	want_text(l, node_get(map, "user"), &r->user);
	want_text(l, node_get(map, "group"), &r->group);
	want_text(l, node_get(map, "team"), &r->team);
	want_role(l, node_get(map, "role"), &r->role);
	if ((r->user.len == 0) == (r->group.len == 0))
		problem(l, PROBLEM_ERROR, map, "a rule is for a user or for a group");
	else if (r->role.len == 0 && r->team.len == 0)
		problem(l, PROBLEM_ERROR, map, "a rule gives a role or a team");
}

static void
read_rules(struct load *l, const struct node *list, struct people *p)
{
	if (!want_kind(l, list, NODE_LIST))
		return;
	p->rules = arena_alloc(l->arena, (list->n + 1) * sizeof(*p->rules));
	for (const struct pair *at = list->first; at != NULL; at = at->next) {
		struct people_rule *r = &p->rules[p->n_rules++];

		*r = (struct people_rule){ TEXT(""), TEXT(""), TEXT(""), TEXT("") };
		read_rule(l, at->value, r);
	}
}

void
people_read(struct load *l, const struct node *map)
{
	struct people *p = &l->config->people;

	if (!want_kind(l, map, NODE_MAP) || !all_known(l, map, members, nitems(members)))
		return;
	*p = (struct people){ .on = true, .secret = TEXT(""), .user = TEXT("REMOTE_USER"), .email = TEXT(""), .groups = TEXT(""), .default_role = TEXT("") };
	want_text(l, node_get(map, "secret"), &p->secret);
	if (p->secret.len < SECRET_LEAST)
		problem(l, PROBLEM_ERROR, map, "people.secret must have at least %d characters: the web server sends it as SLUICE_SECRET", SECRET_LEAST);
	read_peers(l, node_get(map, "peers"), p);
	want_variable(l, node_get(map, "user"), &p->user);
	want_variable(l, node_get(map, "email"), &p->email);
	want_variable(l, node_get(map, "groups"), &p->groups);
	want_role(l, node_get(map, "default_role"), &p->default_role);
	read_rules(l, node_get(map, "rules"), p);
}
