/* SPDX-License-Identifier: Apache-2.0 */
/* Thin routing: shuffle by weight, retries, fallbacks. */
#include "route/route.h"

#include <limits.h>

enum tried { UNTRIED, LATER, MAY_AGAIN, NEVER_AGAIN, FULL };

#define BACKOFF_FIRST_MS	500
#define BACKOFF_LAST_MS		8000
#define RETRY_AFTER_MOST_MS	60000
#define RETRIES_MOST		20

typedef int64_t weight_f(const struct deployment *);

static int64_t
by_weight(const struct deployment *d)
{
	return (d->weight);
}

static int64_t
by_rpm(const struct deployment *d)
{
	return (d->rpm);
}

static int64_t
by_tpm(const struct deployment *d)
{
	return (d->tpm);
}

/* Which field decides the weights of a group: the first of these that any deployment has; NULL: all weigh the same. */
static weight_f *
weight_of(const struct group *g)
{
	static weight_f *const fields[] = { by_weight, by_rpm, by_tpm };

	for (size_t f = 0; f < nitems(fields); f++)
		for (size_t i = 0; i < g->n_deployments; i++)
			if (fields[f](g->deployments[i]) > 0)
				return (fields[f]);
	return (NULL);
}

/* `order` of a deployment; those without one come last. */
static int64_t
order_of(const struct deployment *d)
{
	return (d->order > 0 ? d->order : INT64_MAX);
}

/* Marks the candidates: those in that state whose order is the lowest of the state; how many. */
static size_t
candidates(const struct plan *p, enum tried state, int64_t *order)
{
	size_t n = 0;

	*order = INT64_MAX;
	for (size_t i = 0; i < p->group->n_deployments; i++) {
		int64_t mine = order_of(p->group->deployments[i]);

		if (p->tried[i] != state || mine > *order)
			continue;
		n = mine < *order ? 1 : n + 1;
		*order = mine;
	}
	return (n);
}

static uint64_t
share_of(const struct plan *p, size_t i, weight_f *weight)
{
	int64_t w = weight != NULL ? weight(p->group->deployments[i]) : 1;

	return (w > 0 ? (uint64_t)w : 0);
}

/* One of the group's deployments in that state, by weight; false: there is none. */
static bool
pick(const struct plan *p, enum tried state, size_t *out)
{
	weight_f *weight = weight_of(p->group);
	uint64_t total = 0, at;
	int64_t order;

	if (candidates(p, state, &order) == 0)
		return (false);
	for (int again = 0; total == 0; again++) {
		if (again > 0)
			weight = NULL;			/* all that are left weigh nothing */
		for (size_t i = 0; i < p->group->n_deployments; i++)
			if (p->tried[i] == state && order_of(p->group->deployments[i]) == order)
				total += share_of(p, i, weight);
	}
	at = p->chance() % total;
	for (size_t i = 0; i < p->group->n_deployments; i++) {
		uint64_t share;

		if (p->tried[i] != state || order_of(p->group->deployments[i]) != order)
			continue;
		share = share_of(p, i, weight);
		*out = i;
		if (at < share)
			return (true);
		at -= share;
	}
	return (true);
}

static void
enter(struct plan *p, const struct group *g)
{
	int64_t retries = p->config->settings.num_retries;

	p->group = g;
	p->tried = arena_alloc(p->arena, g->n_deployments > 0 ? g->n_deployments : 1);
	if (g->n_deployments > 0 && g->deployments[0]->num_retries >= 0)
		retries = g->deployments[0]->num_retries;
	if (p->retries_wanted >= 0)
		retries = p->retries_wanted;
	p->retries_left = retries > RETRIES_MOST ? RETRIES_MOST : retries;
	p->in_group = 0;
}

/* A group of that one deployment, which falls back to nobody. */
static const struct group *
group_of(struct plan *p, const struct deployment *d, struct text name)
{
	p->only = (struct group){ .name = name, .deployments = &p->config->deployments[d->index], .n_deployments = 1 };
	return (&p->only);
}

static bool
has(const struct group *g, const struct deployment *d)
{
	for (size_t i = 0; g != NULL && i < g->n_deployments; i++)
		if (g->deployments[i] == d)
			return (true);
	return (false);
}

/* The group of a name: as configured, else the one deployment of that id, else what default_fallbacks say for unknown names. */
static const struct group *
group_for(struct plan *p, struct text model)
{
	const struct group *g = config_group(p->config, model, &p->captured);
	const struct deployment *only;

	if (g != NULL)
		return (g);
	if ((only = config_deployment(p->config, model)) != NULL)
		return (group_of(p, only, only->group));
	for (size_t i = 0; g == NULL && i < p->config->n_default_fallbacks; i++)
		g = config_group(p->config, p->config->default_fallbacks[i], &p->captured);
	return (g);
}

struct error *
route_plan(struct plan *p, struct arena *arena, const struct config *config, struct text model, int64_t retries_wanted,
    uint64_t (*chance)(void))
{
	*p = (struct plan){ .config = config, .arena = arena, .chance = chance, .asked = model, .retries_wanted = retries_wanted };
	p->first = group_for(p, model);
	if (p->first == NULL)
		return (error_new(arena, E_NO_SUCH_MODEL, NO_SUCH_MODEL, TEXT_ARG(text_sub(model, 0, 200))));
	enter(p, p->first);
	return (NULL);
}

bool
route_pin(struct plan *p, const struct deployment *d)
{
	const struct group *asked = p->first, *g = asked;

	for (size_t i = 0; !has(g, d); i++) {
		if (i == asked->n_fallbacks)
			return (false);
		p->asked = asked->fallbacks[i];
		g = config_group(p->config, p->asked, &p->captured);
	}
	p->first = group_of(p, d, g->name);
	enter(p, p->first);
	return (true);
}

void
route_only(struct plan *p, struct arena *arena, const struct config *config, const struct deployment *d, int64_t retries_wanted,
    uint64_t (*chance)(void))
{
	*p = (struct plan){ .config = config, .arena = arena, .chance = chance, .asked = d->group, .retries_wanted = retries_wanted };
	p->first = group_of(p, d, d->group);
	enter(p, p->first);
}

/* The pause before the same deployment is asked again: what it asked for within reason, else growing. */
static int64_t
pause_ms(const struct plan *p, const struct error *why)
{
	int64_t ms = BACKOFF_FIRST_MS, least = p->config->settings.retry_after_ms;

	if (why->retry_after_ms > 0 && why->retry_after_ms <= RETRY_AFTER_MOST_MS)
		return (why->retry_after_ms);
	for (unsigned i = 1; i < p->in_group && ms < BACKOFF_LAST_MS; i++)
		ms *= 2;
	if (ms > BACKOFF_LAST_MS)
		ms = BACKOFF_LAST_MS;
	return (ms < least ? least : ms);
}

/* Our credential, or the model, is wrong there: asking the same one again is useless. */
static bool
is_lasting(const struct error *why)
{
	return (why->kind == E_UPSTREAM_CREDENTIAL || why->kind == E_UPSTREAM_NOT_FOUND || why->kind == E_BILLING);
}

static bool
choose(struct plan *p, size_t i, int64_t wait_ms, struct choice *out)
{
	p->last = i;
	p->in_group++;
	*out = (struct choice){ p->group->deployments[i], wait_ms };
	return (true);
}

static bool
pick_new(const struct plan *p, size_t *out)
{
	return (pick(p, UNTRIED, out) || pick(p, LATER, out));
}

static bool
next_in_group(struct plan *p, const struct error *why, struct choice *out)
{
	int64_t wait_ms = 0;
	size_t i;

	if (p->in_group == 0)			/* nobody of it was asked yet */
		return (pick_new(p, &i) && choose(p, i, 0, out));
	if (p->retries_left <= 0)
		return (false);
	if (!pick_new(p, &i)) {
		if (!pick(p, MAY_AGAIN, &i))
			return (false);
		wait_ms = pause_ms(p, why);
	}
	p->retries_left--;
	p->retries++;
	return (choose(p, i, wait_ms, out));
}

static bool
next_group(struct plan *p, struct choice *out)
{
	while (p->fallback_at < p->first->n_fallbacks && p->fallbacks < (unsigned)p->config->settings.max_fallbacks) {
		struct text name = p->first->fallbacks[p->fallback_at++];
		const struct group *g = config_group(p->config, name, &p->captured);
		size_t i;

		if (g == NULL || g == p->first)
			continue;
		p->fallbacks++;
		p->asked = name;
		enter(p, g);
		if (pick(p, UNTRIED, &i))
			return (choose(p, i, 0, out));
	}
	return (false);
}

static bool
prefer(const struct plan *p, size_t *out)
{
	if (!has(p->group, p->preferred))
		return (false);
	for (*out = 0; p->group->deployments[*out] != p->preferred; (*out)++)
		continue;
	return (p->tried[*out] == UNTRIED);
}

bool
route_next(struct plan *p, const struct error *why, struct choice *out)
{
	size_t i;

	if (why == NULL && prefer(p, &i))
		return (choose(p, i, 0, out));
	if (why != NULL && !p->passed) {
		if (!error_kinds[why->kind].another)
			return (false);
		p->tried[p->last] = is_lasting(why) ? NEVER_AGAIN : MAY_AGAIN;
	}
	p->passed = false;
	return (next_in_group(p, why, out) || next_group(p, out));
}

static void
pass_over(struct plan *p, enum tried as)
{
	p->tried[p->last] = (uint8_t)as;
	p->passed = true;
	p->in_group--;
	if (p->in_group > 0) {			/* it was a retry */
		p->retries_left++;
		p->retries--;
	}
}

void
route_full(struct plan *p)
{
	pass_over(p, FULL);
}

void
route_later(struct plan *p)
{
	pass_over(p, LATER);
}

bool
route_has_other(const struct plan *p)
{
	for (size_t i = 0; i < p->group->n_deployments; i++)
		if (i != p->last && p->tried[i] == UNTRIED)
			return (true);
	return (false);
}

struct text
route_model(const struct plan *p, const struct deployment *d)
{
	return (deployment_model(p->arena, d, p->asked, &p->captured));
}
