/* SPDX-License-Identifier: Apache-2.0 */
/* What the entries of a list of models stand for. */
#include "access/models.h"

#include "base/json.h"

#define NAME_MOST	512			/* longer names match no pattern */

bool
list_has(const struct text *list, unsigned n, const char *word)
{
	for (unsigned i = 0; i < n; i++)
		if (text_is(list[i], word))
			return (true);
	return (false);
}

static bool
list_has_text(const struct text *list, unsigned n, struct text word)
{
	for (unsigned i = 0; i < n; i++)
		if (text_eq(list[i], word))
			return (true);
	return (false);
}

/* After a star that did not fit, only the last star is tried further on: never more than pattern times name steps. */
bool
star_match(struct text pattern, struct text name)
{
	size_t p = 0, n = 0, star = SIZE_MAX, from = 0;

	while (n < name.len) {
		if (p < pattern.len && pattern.at[p] == '*') {
			star = p++;
			from = n;
		} else if (p < pattern.len && pattern.at[p] == name.at[n]) {
			p++;
			n++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			n = ++from;
		} else
			return (false);
	}
	while (p < pattern.len && pattern.at[p] == '*')
		p++;
	return (p == pattern.len);
}

static bool
has_star(struct text t)
{
	return (memchr(t.at, '*', t.len) != NULL);
}

/* "openai/gpt-4o" for a bare name whose vendor is known. */
static bool
with_vendor(char out[NAME_MOST + 64], struct text model, struct text *whole)
{
	const struct vendor *v = memchr(model.at, '/', model.len) == NULL ? vendor_guess(model) : NULL;
	size_t n = v != NULL ? strlen(v->prefix) : 0;

	if (n == 0 || n > 60)
		return (false);
	memcpy(out, v->prefix, n);
	out[n] = '/';
	memcpy(out + n + 1, model.at, model.len);
	*whole = (struct text){ out, n + 1 + model.len };
	return (true);
}

static bool
matches_pattern(const struct text *list, unsigned n, struct text model)
{
	char room[NAME_MOST + 64];
	struct text whole = TEXT("");
	bool looked = false;

	if (model.len == 0 || model.len > NAME_MOST)
		return (false);
	for (unsigned i = 0; i < n; i++) {
		if (!has_star(list[i]))
			continue;
		if (star_match(list[i], model))
			return (true);
		if (!looked && !with_vendor(room, model, &whole))
			whole = TEXT("");
		looked = true;
		if (whole.len > 0 && star_match(list[i], whole))
			return (true);
	}
	return (false);
}

/* Is one of the deployment's access groups in the list? */
static bool
shares_group(const struct deployment *d, const struct text *list, unsigned n)
{
	struct json_item groups, group;
	struct json_walk w;

	if (d->model_info.len == 0 || !json_find(d->model_info, "access_groups", &groups) || groups.type != JSON_ARRAY)
		return (false);
	w = json_walk(groups.raw);
	while (json_next(&w, &group))
		for (unsigned i = 0; i < n && group.type == JSON_STRING; i++)
			if (list[i].len > 0 && list[i].len < NAME_MOST) {
				char word[NAME_MOST];

				memcpy(word, list[i].at, list[i].len);
				word[list[i].len] = '\0';
				if (quoted_is(json_inside(group.raw), word))
					return (true);
			}
	return (false);
}

static bool
is_in_access_group(const struct text *list, unsigned n, const struct config *c, struct text model)
{
	struct capture captured;
	const struct group *g = config_group(c, model, &captured);

	for (size_t i = 0; g != NULL && i < g->n_deployments; i++)
		if (shares_group(g->deployments[i], list, n))
			return (true);
	return (false);
}

static const struct text *
alias_target(const struct config *c, struct text model)
{
	for (size_t i = 0; i < c->n_aliases; i++)
		if (text_eq(c->aliases[i].name, model))
			return (&c->aliases[i].group);
	return (NULL);
}

/* Lists name a team's own model as the team does. */
static struct text
listed_name(const struct config *c, struct text model)
{
	struct capture captured;
	const struct group *g = c->has_team_models ? config_group(c, model, &captured) : NULL;

	return (g != NULL ? group_shown(g) : model);
}

bool
models_have(const struct text *list, unsigned n, const struct config *c, struct text model)
{
	const struct text *target;
	struct text shown = listed_name(c, model);

	if (!text_eq(shown, model) && (list_has_text(list, n, shown) || matches_pattern(list, n, shown)))
		return (true);
	if (list_has_text(list, n, model) || list_has(list, n, "*") || list_has(list, n, "all-proxy-models"))
		return (true);
	if (n == 0)
		return (false);
	target = alias_target(c, model);
	return ((target != NULL && list_has_text(list, n, *target)) || is_in_access_group(list, n, c, model) || matches_pattern(list, n, model));
}

bool
groups_have(const struct standing *const *groups, unsigned n, const struct config *c, struct text model)
{
	for (unsigned i = 0; i < n; i++)
		if (groups[i] != NULL && models_have(groups[i]->models, groups[i]->n_models, c, model))
			return (true);
	return (false);
}
