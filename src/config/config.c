/* SPDX-License-Identifier: Apache-2.0 */
/* Loading a configuration from beginning to end, and letting go of it. */
#include "config/config_priv.h"

#include "base/span.h"

#include <stdlib.h>

/*
 * What depends on what: what a database adds before variables, these before references, settings (vendors) before prices, both before models, models
 * before groups.
 */
static void
make(struct load *l)
{
	more_read(l);
	env_keep(l);
	env_resolve(l);
	settings_read(l);
	tariffs_read(l);
	models_read(l);
	groups_read(l);
	conduits_read(l);
	alerts_read(l);
	settings_check(l);
	shown_sections(l);
}

static void
load(struct load *l, const char *path)
{
	if (path == NULL)
		path = getenv("CONFIG_FILE_PATH");
	if (path == NULL || path[0] == '\0')
		l->sources[0].name = TEXT("");
	else
		l->root = files_read(l, path);
	if (l->broken)
		return;
	if (l->root == NULL) {
		l->root = arena_new_of(l->scratch, struct node);
		l->root->kind = NODE_MAP;
		l->root->source = &l->sources[0];
	}
	make(l);
}

struct config *
config_load(const char *path)
{
	return (config_load_text(path, (struct text){ NULL, 0 }));
}

struct config *
config_load_text(const char *path, struct text yaml)
{
	return (config_load_more(path, yaml, NULL));
}

struct config *
config_load_more(const char *path, struct text yaml, const struct config_more *more)
{
	struct arena *arena = arena_new();
	struct config *c = arena_new_of(arena, struct config);
	struct load *l = must_zalloc(sizeof(*l));

	c->arena = arena;
	c->holders = 1;
	l->config = c;
	l->given = yaml;
	l->more = more;
	c->path = path != NULL ? arena_copy(arena, text_of(path)).at : NULL;
	c->given = yaml.at != NULL ? arena_copy(arena, yaml) : yaml;
	c->more = more != NULL ? more_copy(arena, more) : NULL;
	l->arena = arena;
	l->scratch = arena_new();
	l->problem_tail = &c->problems;
	settings_default(l);
	load(l, path);
	problems_sort(c, l->scratch, l->sources, l->n_sources);
	arena_free(l->scratch);
	free(l);
	return (c);
}

void
config_set_calendar(const struct config *c)
{
	(void)span_zone(c->settings.timezone.len > 0 ? c->settings.timezone.at : NULL);
	span_turn(c->settings.turn_of_day);
}

struct config *
config_hold(struct config *c)
{
	c->holders++;
	return (c);
}

void
config_release(struct config *c)
{
	if (c != NULL && --c->holders == 0)
		arena_free(c->arena);
}
