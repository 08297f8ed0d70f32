/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Model names: groups of deployments, aliases, patterns, and where each group falls back to.
 *
 * Exact names are one look into a hash table; patterns are tried longest first.
 */
#include "config/config_priv.h"

#include <stdlib.h>

#define ASKED_BYTES_MOST	512		/* longer names match no pattern */

struct slot {
	struct text	 name;
	const struct group *group;	/* or */
	const struct alias *alias;
};

struct names {
	size_t		 mask;
	struct slot	*slots;
	const struct group **patterns;	/* longest first */
	size_t		 n_patterns;
};

static struct slot *
slot_of(const struct names *names, struct text name)
{
	size_t i = text_hash(name) & names->mask;

	while (names->slots[i].name.len > 0 && !text_eq(names->slots[i].name, name))
		i = (i + 1) & names->mask;
	return (&names->slots[i]);
}

/* patterns */

static size_t
find_last(struct text in, size_t from, size_t end, struct text what)
{
	for (size_t at = end - what.len + 1; end - from >= what.len && at > from; at--)
		if (memcmp(in.at + at - 1, what.at, what.len) == 0)
			return (at - 1);
	return (SIZE_MAX);
}

/*
 * As the regular expression LiteLLM makes of it: each star takes as much as it can, the match begins at the start and need not reach
 * the end. Giving the literals between the stars their last possible places, from the right, is just that, without going back and
 * forth.
 */
bool
pattern_match(struct text pattern, struct text name, struct capture *c)
{
	struct text literal[STARS_MOST + 1], rest = pattern;
	size_t stars = 0, end = name.len, at[STARS_MOST + 1];

	while (text_cut(rest, '*', &literal[stars], &rest)) {
		if (++stars > STARS_MOST)
			return (false);
	}
	if (stars == 0 || !text_starts(name, literal[0]))
		return (false);
	for (size_t i = stars; i > 0; i--) {
		if (i == stars && literal[i].len == 0)
			at[i] = name.len;
		else
			at[i] = find_last(name, literal[0].len, end, literal[i]);
		if (at[i] == SIZE_MAX)
			return (false);
		end = at[i];
	}
	at[0] = 0;
	c->n = 0;
	for (size_t i = 0; i < stars; i++)
		c->part[c->n++] = text_sub(name, at[i] + literal[i].len, at[i + 1]);
	return (true);
}

static const struct group *
by_pattern(const struct names *names, struct text model, struct capture *captured)
{
	if (model.len > ASKED_BYTES_MOST)
		return (NULL);
	for (size_t i = 0; i < names->n_patterns; i++)
		if (pattern_match(names->patterns[i]->name, model, captured))
			return (names->patterns[i]);
	return (NULL);
}

/* gpt-4o is also asked for as openai/gpt-4o, of patterns that begin with openai/. */
static const struct group *
by_guess(const struct names *names, struct text model, struct capture *captured)
{
	const struct vendor *v = vendor_guess(model);
	struct text prefix;

	if (v == NULL || model.len > ASKED_BYTES_MOST)
		return (NULL);
	prefix = text_of(v->prefix);
	for (size_t i = 0; i < names->n_patterns; i++) {
		struct text p = names->patterns[i]->name;
		if (p.len > prefix.len && text_starts(p, prefix) && p.at[prefix.len] == '/' &&
		    pattern_match(text_sub(p, prefix.len + 1, p.len), model, captured))
			return (names->patterns[i]);
	}
	return (NULL);
}

static const struct group *
served(const struct config *c, struct text model, struct capture *captured)
{
	const struct group *g = slot_of(c->names, model)->group;

	if (g != NULL) {
		if (g->like != NULL && !pattern_match(g->like->name, model, captured))
			captured->n = 0;
		return (g);
	}
	g = by_pattern(c->names, model, captured);
	return (g != NULL ? g : by_guess(c->names, model, captured));
}

const struct group *
config_group(const struct config *c, struct text model, struct capture *captured)
{
	const struct slot *s;

	captured->n = 0;
	if (c->names == NULL || model.len == 0)
		return (NULL);
	s = slot_of(c->names, model);
	return (served(c, s->alias != NULL ? s->alias->group : model, captured));
}

const struct deployment *
config_deployment(const struct config *c, struct text id)
{
	for (size_t i = 0; i < c->n_deployments; i++)
		if (text_eq(c->deployments[i]->id, id))
			return (c->deployments[i]);
	return (NULL);
}

struct text
config_team_model(const struct config *c, struct text team, struct text model)
{
	for (size_t i = 0; c->has_team_models && team.len > 0 && i < c->n_groups; i++)
		if (text_eq(c->groups[i].team, team) && text_eq(c->groups[i].team_name, model))
			return (c->groups[i].name);
	return (TEXT(""));
}

bool
config_public_only(const struct config *c, const struct deployment *d)
{
	if (!d->stored || d->team.len == 0 || d->host.len == 0 || !text_starts(d->url, TEXT("https:")))
		return (false);
	for (size_t i = 0; i < c->settings.team_model_hosts.n; i++)
		if (text_eq_nocase(c->settings.team_model_hosts.list[i], d->host))
			return (false);
	return (true);
}

struct text
config_owner(const struct config *c, struct text model)
{
	struct capture captured;
	const struct group *g;
	const struct deployment *d;

	if (!c->has_team_models)
		return (TEXT(""));
	if ((g = config_group(c, model, &captured)) != NULL)
		return (g->team);
	d = config_deployment(c, model);
	return (d != NULL ? d->team : TEXT(""));
}

struct text
group_shown(const struct group *g)
{
	return (g->team.len > 0 ? g->team_name : g->name);
}

static size_t
count_stars(struct text t)
{
	size_t n = 0;

	for (size_t i = 0; i < t.len; i++)
		n += t.at[i] == '*';
	return (n);
}

/* An entry is the name of a group as written, a pattern of such names, or what is asked of a group that is a pattern itself. */
bool
config_forwards(const struct config *c, const struct deployment *d, struct text asked)
{
	const struct settings *s = &c->settings;
	bool by_asked = count_stars(d->group) > 0 && asked.len <= ASKED_BYTES_MOST;
	struct capture captured;

	for (size_t i = 0; i < s->n_forward_models; i++) {
		struct text entry = s->forward_models[i];

		if (text_eq(entry, d->group) || pattern_match(entry, d->group, &captured) ||
		    (by_asked && (text_eq(entry, asked) || pattern_match(entry, asked, &captured))))
			return (true);
	}
	return (s->forward_client_headers);
}

/* A vendor may want its own path before a short name (accounts/…/models/NAME). */
static struct text
with_vendor_path(struct arena *a, const struct deployment *d, struct text model)
{
	struct text path = text_of(d->vendor != NULL ? d->vendor->model_prefix : NULL), first, rest;

	if (path.len == 0)
		return (model);
	text_cut(path, '/', &first, &rest);
	if (text_starts(model, text_sub(path, 0, first.len + 1)))
		return (model);
	return (arena_print(a, TEXT_FMT TEXT_FMT, TEXT_ARG(path), TEXT_ARG(model)));
}

static struct text
without_prefix(const struct deployment *d, struct text model)
{
	struct text prefix = text_of(d->vendor != NULL ? d->vendor->prefix : NULL);

	if (prefix.len > 0 && model.len > prefix.len + 1 && text_starts(model, prefix) && model.at[prefix.len] == '/')
		return (text_sub(model, prefix.len + 1, model.len));
	return (model);
}

struct text
deployment_model(struct arena *a, const struct deployment *d, struct text asked, const struct capture *captured)
{
	size_t stars = count_stars(d->model), next = 0;
	struct buf b = { 0 };
	struct text model;

	if (stars == 0)
		return (with_vendor_path(a, d, d->model));
	if (captured->n > stars || captured->n == 0)
		return (with_vendor_path(a, d, arena_copy(a, without_prefix(d, asked))));
	for (size_t i = 0; i < d->model.len; i++) {
		if (d->model.at[i] == '*' && next < captured->n)
			buf_text(&b, captured->part[next++]);
		else
			buf_byte(&b, d->model.at[i]);
	}
	model = arena_copy(a, buf_as_text(&b));
	buf_free(&b);
	/* A plain * left the vendor open: what was asked for may name it. */
	if (text_is(d->litellm_model, "*"))
		model = without_prefix(d, model);
	return (with_vendor_path(a, d, model));
}

/* making them */

static void
names_new(struct load *l, size_t room)
{
	struct names *names = arena_new_of(l->arena, struct names);
	size_t size = 8;

	while (size < room * 2)
		size *= 2;
	names->mask = size - 1;
	names->slots = arena_alloc(l->arena, size * sizeof(*names->slots));
	l->config->names = names;
}

static struct group *
group_add(struct config *c, struct text name)
{
	struct slot *s = slot_of(c->names, name);
	struct group *g;

	if (s->group != NULL)
		return ((struct group *)s->group);
	g = &c->groups[c->n_groups++];
	g->name = name;
	g->pattern = count_stars(name) > 0;
	*s = (struct slot){ .name = name, .group = g };
	return (g);
}

static int
longest_first(const void *a, const void *b)
{
	const struct group *g = *(const struct group *const *)a, *h = *(const struct group *const *)b;

	if (g->name.len != h->name.len)
		return (g->name.len > h->name.len ? -1 : 1);
	return (g < h ? -1 : g > h);
}

static void
sort_patterns(struct load *l)
{
	struct config *c = l->config;
	struct names *names = c->names;

	names->patterns = arena_alloc(l->arena, (c->n_groups + 1) * sizeof(struct group *));
	for (size_t i = 0; i < c->n_groups; i++) {
		if (!c->groups[i].pattern)
			continue;
		if (count_stars(c->groups[i].name) > STARS_MOST)
			problem(l, PROBLEM_ERROR, node_get(l->root, "model_list"), "model_name " TEXT_FMT " has more than %zu stars",
			    TEXT_ARG(c->groups[i].name),
			    STARS_MOST);
		else
			names->patterns[names->n_patterns++] = &c->groups[i];
	}
	qsort(names->patterns, names->n_patterns, sizeof(names->patterns[0]), longest_first);
}

static void
gather(struct load *l)
{
	struct config *c = l->config;

	for (size_t i = 0; i < c->n_deployments; i++)
		if (!c->deployments[i]->blocked)
			group_add(c, c->deployments[i]->group)->n_deployments++;
	for (size_t i = 0; i < c->n_groups; i++) {
		c->groups[i].deployments = arena_alloc(l->arena, c->groups[i].n_deployments * sizeof(struct deployment *));
		c->groups[i].n_deployments = 0;
	}
	for (size_t i = 0; i < c->n_deployments; i++) {
		struct group *g;

		if (c->deployments[i]->blocked)
			continue;
		g = group_add(c, c->deployments[i]->group);
		g->team = c->deployments[i]->team;
		g->team_name = c->deployments[i]->team_name;
		c->has_team_models |= g->team.len > 0;
		g->deployments[g->n_deployments++] = c->deployments[i];
		g->hidden = c->deployments[i]->implied;
	}
}

static const char *
nth_group(const void *table, size_t i)
{
	return (((const struct group *)table)[i].name.at);
}

static void
say_unserved(struct load *l, const struct node *at, const char *what, struct text name)
{
	const char *near = did_you_mean(name, l->config->groups, l->config->n_groups, nth_group);

	problem(l, PROBLEM_WARNING, at, "%s " TEXT_FMT ", which no deployment serves%s", what, TEXT_ARG(name), hint(l, near));
}

static bool
is_served(const struct config *c, struct text name)
{
	struct capture captured;

	return (config_group(c, name, &captured) != NULL || config_deployment(c, name) != NULL);
}

/* aliases */

static void
alias_add(struct load *l, const struct node *map, const struct pair *p, bool hidden)
{
	struct config *c = l->config;
	struct alias *alias = &c->aliases[c->n_aliases];
	const struct node *target = p->value->kind == NODE_MAP ? node_get(p->value, "model") : p->value;
	struct capture captured;
	struct slot *s;

	alias->hidden = hidden;
	if (p->value->kind == NODE_MAP)
		want_bool(l, node_get(p->value, "hidden"), &alias->hidden);
	if (p->key.len == 0 || !want_text(l, target, &alias->group)) {
		problem_key(l, PROBLEM_ERROR, map, p, "alias " TEXT_FMT " leads nowhere", TEXT_ARG(p->key));
		return;
	}
	alias->name = arena_copy(l->arena, p->key);
	s = slot_of(c->names, alias->name);
	if (s->group != NULL || s->alias != NULL) {
		problem_key(l, PROBLEM_WARNING, map, p, "alias " TEXT_FMT " is never asked: a model has that name", TEXT_ARG(p->key));
		return;
	}
	if (served(c, alias->group, &captured) == NULL) {
		say_unserved(l, target, "the alias leads to", alias->group);
		return;
	}
	*s = (struct slot){ .name = alias->name, .alias = alias };
	c->n_aliases++;
}

static void
read_aliases(struct load *l, const struct node *router, const struct node *old)
{
	if (want_kind(l, router, NODE_MAP))
		for (const struct pair *p = router->first; p != NULL; p = p->next)
			alias_add(l, router, p, false);
	if (want_kind(l, old, NODE_MAP))
		for (const struct pair *p = old->first; p != NULL; p = p->next)
			alias_add(l, old, p, true);
}

/* fallbacks */

enum fallback { FALLBACK_ANY, FALLBACK_CONTEXT, FALLBACK_POLICY };

static size_t
read_targets(struct load *l, const struct node *n, struct text **list)
{
	size_t count = 0;

	if (node_is_null(n))
		return (0);
	if (n->kind == NODE_SCALAR) {
		count = want_texts(l, n, list);
		if (count > 0 && !is_served(l->config, **list))
			say_unserved(l, n, "a fallback to", **list);
		return (count);
	}
	if (!want_kind(l, n, NODE_LIST))
		return (0);
	*list = arena_alloc(l->arena, (n->n + 1) * sizeof(**list));
	for (const struct pair *p = n->first; p != NULL; p = p->next) {
		if (p->value->kind == NODE_MAP)
			problem(l, PROBLEM_WARNING, p->value, "a fallback with parameters of its own is not in force yet");
		else if (want_text(l, p->value, &(*list)[count])) {
			if (!is_served(l->config, (*list)[count]))
				say_unserved(l, p->value, "a fallback to", (*list)[count]);
			count++;
		}
	}
	return (count);
}

/* The group that a fallback entry speaks of; a name that only a pattern serves gets a hidden group of its own. */
static struct group *
group_for(struct load *l, struct text name)
{
	struct config *c = l->config;
	struct slot *s = slot_of(c->names, name);
	struct capture captured;
	const struct group *pattern;
	struct group *g;

	if (s->group != NULL)
		return ((struct group *)s->group);
	if (s->alias != NULL && (s = slot_of(c->names, s->alias->group))->group != NULL)
		return ((struct group *)s->group);
	pattern = by_pattern(c->names, name, &captured);
	if (pattern == NULL || s->alias != NULL)
		return (NULL);
	g = group_add(c, arena_copy(l->arena, name));
	g->pattern = false;
	g->hidden = true;
	g->like = pattern;
	g->deployments = pattern->deployments;
	g->n_deployments = pattern->n_deployments;
	return (g);
}

static void
read_fallback(struct load *l, enum fallback kind, const struct node *map, const struct pair *p)
{
	struct config *c = l->config;
	struct text *list = NULL;
	size_t n = read_targets(l, p->value, &list);
	struct group *g = group_for(l, p->key);

	if (kind == FALLBACK_ANY && text_is(p->key, "*") && c->n_default_fallbacks == 0) {
		c->default_fallbacks = list;
		c->n_default_fallbacks = n;
	}
	if (g == NULL) {
		if (!text_is(p->key, "*")) {
			const char *near = did_you_mean(p->key, c->groups, c->n_groups, nth_group);
			problem_key(l, PROBLEM_WARNING, map, p, "fallbacks of " TEXT_FMT ", which no deployment serves%s", TEXT_ARG(p->key),
			    hint(l, near));
		}
		return;
	}
	if (kind == FALLBACK_ANY && g->n_fallbacks == 0) {
		g->fallbacks = list;
		g->n_fallbacks = n;
	} else if (kind == FALLBACK_CONTEXT && g->n_context_fallbacks == 0) {
		g->context_fallbacks = list;
		g->n_context_fallbacks = n;
		c->has_context_fallbacks = c->has_context_fallbacks || n > 0;
	} else if (kind == FALLBACK_POLICY && g->n_policy_fallbacks == 0) {
		g->policy_fallbacks = list;
		g->n_policy_fallbacks = n;
		c->has_policy_fallbacks = c->has_policy_fallbacks || n > 0;
	}
}

static void
read_fallback_map(struct load *l, enum fallback kind, const struct node *map)
{
	if (!want_kind(l, map, NODE_MAP))
		return;
	for (const struct pair *p = map->first; p != NULL; p = p->next)
		read_fallback(l, kind, map, p);
}

static void
read_fallbacks(struct load *l, enum fallback kind, const struct node *n)
{
	if (node_is_null(n))
		return;
	if (n->kind == NODE_MAP) {
		problem(l, PROBLEM_WARNING, n, TEXT_FMT " is a list of one-key maps in LiteLLM; taken as one", TEXT_ARG(n->name));
		read_fallback_map(l, kind, n);
		return;
	}
	if (!want_kind(l, n, NODE_LIST))
		return;
	for (const struct pair *p = n->first; p != NULL; p = p->next) {
		if (p->value->kind == NODE_MAP && p->value->n > 1)
			problem(l, PROBLEM_WARNING, p->value, "LiteLLM reads the first key of this map only; here all of them count");
		read_fallback_map(l, kind, p->value);
	}
}

/* Defaults serve the groups that have none of their own, and never lead from a group to itself. */
static void
spread_defaults(struct load *l)
{
	struct config *c = l->config;

	for (size_t i = 0; i < c->n_groups; i++) {
		struct group *g = &c->groups[i];
		if (g->n_fallbacks > 0 || c->n_default_fallbacks == 0)
			continue;
		g->fallbacks = arena_alloc(l->arena, c->n_default_fallbacks * sizeof(*g->fallbacks));
		for (size_t k = 0; k < c->n_default_fallbacks; k++)
			if (!text_eq(c->default_fallbacks[k], g->name))
				g->fallbacks[g->n_fallbacks++] = c->default_fallbacks[k];
	}
}

/* router_settings wins over litellm_settings, key by key. */
static struct node *
either(const struct load *l, const char *key)
{
	struct node *n = node_get(node_get(l->root, "router_settings"), key);

	return (n != NULL ? n : node_get(node_get(l->root, "litellm_settings"), key));
}

static size_t
count_in(const struct node *list)
{
	size_t n = 0;

	if (list != NULL && list->kind == NODE_MAP)
		return (list->n);
	if (list != NULL && list->kind == NODE_LIST)
		for (const struct pair *p = list->first; p != NULL; p = p->next)
			n += p->value->n;
	return (n);
}

void
groups_read(struct load *l)
{
	struct config *c = l->config;
	struct node *any = either(l, "fallbacks"), *context = either(l, "context_window_fallbacks");
	struct node *policy = either(l, "content_policy_fallbacks");
	struct node *aliases = node_get(node_get(l->root, "router_settings"), "model_group_alias");
	struct node *map = node_get(node_get(l->root, "litellm_settings"), "model_alias_map");
	size_t n_aliases = count_in(aliases) + count_in(map);
	size_t n_groups = c->n_deployments + count_in(any) + count_in(context) + count_in(policy);

	c->groups = arena_alloc(l->arena, (n_groups + 1) * sizeof(*c->groups));
	c->aliases = arena_alloc(l->arena, (n_aliases + 1) * sizeof(*c->aliases));
	names_new(l, n_groups + n_aliases + 1);
	gather(l);
	sort_patterns(l);
	read_aliases(l, aliases, map);
	c->n_default_fallbacks = read_targets(l, either(l, "default_fallbacks"), &c->default_fallbacks);
	read_fallbacks(l, FALLBACK_ANY, any);
	read_fallbacks(l, FALLBACK_CONTEXT, context);
	read_fallbacks(l, FALLBACK_POLICY, policy);
	spread_defaults(l);
}
