/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which models a pattern stands for: `openai/` and a star, served by OpenAI itself, are the models OpenAI has.
 *
 * Only the vendor's own server has what is published of the vendor, and not where customers name their models themselves (Azure).  What
 * another group would serve is not the pattern's.
 */
#include "front/models_priv.h"

/* Models that can be asked for through our surfaces. */
static bool
is_served(struct text mode)
{
	return (text_is(mode, "chat") || text_is(mode, "responses") || text_is(mode, "completion") || text_is(mode, "embedding"));
}

/* What the only star of a pattern takes of a name. */
static bool
star_takes(struct text *taken, struct text pattern, struct text name)
{
	struct text head, tail;

	if (!text_cut(pattern, '*', &head, &tail) || memchr(tail.at, '*', tail.len) != NULL || name.len <= head.len + tail.len ||
	    !text_starts(name, head) || !text_ends(name, tail))
		return (false);
	*taken = text_sub(name, head.len, name.len - tail.len);
	return (true);
}

/* As the vendor calls it: some stand in the table with the vendor's name before it. */
static struct text
own_name(const struct facts *f)
{
	struct text head, tail;

	return (text_cut(f->name, '/', &head, &tail) && text_eq(head, f->vendor) ? tail : f->name);
}

static bool
name_for(struct text *name, struct arena *arena, const struct deployment *d, const struct facts *f)
{
	struct text taken, head, tail;

	if (!text_is(f->vendor, d->vendor->prefix) || !is_served(f->mode) || !star_takes(&taken, d->model, own_name(f)) ||
	    !text_cut(d->group, '*', &head, &tail) || memchr(tail.at, '*', tail.len) != NULL)
		return (false);
	*name = arena_print(arena, TEXT_FMT TEXT_FMT TEXT_FMT, TEXT_ARG(head), TEXT_ARG(taken), TEXT_ARG(tail));
	return (true);
}

static bool
is_new(const struct listing *l, size_t from, struct text name)
{
	for (size_t i = from; i < l->n; i++)
		if (text_eq(l->list[i].name, name))
			return (false);
	return (true);
}

bool
wildcard_list(struct listing *l, const struct config *c, const struct group *g)
{
	const struct deployment *d = g->n_deployments > 0 ? g->deployments[0] : NULL;
	struct capture captured;
	struct text name;
	struct facts f;
	size_t before = l->n;

	if (d == NULL || !d->at_vendor || (d->vendor->quirks & (QUIRK_AZURE | QUIRK_FOUNDRY)) != 0)
		return (false);
	for (size_t i = 0; facts_nth(&f, i); i++) {
		struct facts *kept;

		if (!name_for(&name, l->arena, d, &f) || config_group(c, name, &captured) != g || !is_new(l, before, name))
			continue;
		kept = arena_new_of(l->arena, struct facts);
		*kept = f;
		listing_add(l, (struct listed){ name, g, kept });
	}
	return (l->n > before);
}
