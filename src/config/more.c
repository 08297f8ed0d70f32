/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a database adds to the file: models, credentials, fallbacks, pass-through endpoints, settings.
 *
 * They become entries of the same tree the file was read into, so that every check and every vendor is the same.  What is wrong with one of them is a
 * warning, and leaves that one out: a bad row never stops the gateway.
 */
#include "config/config_priv.h"

static struct node *
node_new(struct load *l, enum node_kind kind, const struct source *source)
{
	struct node *n = arena_new_of(l->scratch, struct node);

	n->kind = kind;
	n->source = source;
	n->weight = 1;
	return (n);
}

/* Behind the last, or before the first. */
static void
adopt(struct load *l, struct node *into, struct text key, struct node *value, bool first)
{
	struct pair *p = arena_new_of(l->scratch, struct pair), **at = &into->first;

	if (into->kind == NODE_LIST)
		key = arena_print(l->scratch, "[%zu]", into->n);
	p->key = key;
	p->value = value;
	value->parent = into;
	value->name = key;
	while (!first && *at != NULL)
		at = &(*at)->next;
	p->next = *at;
	*at = p;
	into->n++;
	if (value->height >= into->height)
		into->height = value->height + 1;
}

/* A value of JSON; its depth is bounded by the reader's. */
static struct node *
of_json(struct load *l, const struct json *j, const struct source *source)
{
	struct node *n;

	if (j->type != JSON_OBJECT && j->type != JSON_ARRAY) {
		n = node_new(l, NODE_SCALAR, source);
		n->plain = j->type != JSON_STRING;
		n->text = j->type == JSON_STRING ? arena_copy(l->scratch, json_unescape(l->scratch, json_quoted(j))) : arena_copy(l->scratch, j->raw);
		return (n);
	}
	n = node_new(l, j->type == JSON_OBJECT ? NODE_MAP : NODE_LIST, source);
	for (const struct json *m = j->first; m != NULL; m = m->next)
		adopt(l, n, j->type == JSON_OBJECT ? arena_copy(l->scratch, json_unescape(l->scratch, m->name)) : TEXT(""), of_json(l, m, source), false);
	return (n);
}

static struct node *
read_entry(struct load *l, const struct more_entry *e)
{
	struct source *source = arena_new_of(l->scratch, struct source);
	struct json_fault fault;
	const struct json *j = json_parse(l->scratch, e->json, &fault);

	source->name = source->real = arena_copy(l->scratch, e->name);
	source->stored = true;
	if (e->shut.len > 0)
		problem_at(l, PROBLEM_ERROR, source, 0, TEXT_FMT " was sealed with another LITELLM_SALT_KEY than this gateway has, and does not open; it is not used",
		    TEXT_ARG(e->shut));
	else if (json_is(j, JSON_OBJECT))
		return (of_json(l, j, source));
	else
		problem_at(l, PROBLEM_ERROR, source, 0, "this is no JSON object");
	return (NULL);
}

/* The list or map of that name, made where there is none; NULL: something else stands there. */
static struct node *
room_in(struct load *l, struct node *map, const char *name, enum node_kind kind)
{
	const struct pair *p = node_pair(map, name);
	struct node *n;

	if (p != NULL && !node_is_null(p->value))
		return (p->value->kind == kind ? p->value : NULL);
	if (p != NULL) {
		p->value->kind = kind;		/* "model_list:" with nothing behind it */
		p->value->text = TEXT("");
		return (p->value);
	}
	n = node_new(l, kind, map->source);
	adopt(l, map, text_of(name), n, false);
	return (n);
}

static void
add_all(struct load *l, struct node *map, const char *list, const struct more_entry *entries, unsigned n)
{
	struct node *into = n > 0 && map != NULL ? room_in(l, map, list, NODE_LIST) : NULL, *entry;

	for (unsigned i = 0; into != NULL && i < n; i++)
		if ((entry = read_entry(l, &entries[i])) != NULL)
			adopt(l, into, TEXT(""), entry, false);
}

/* {"fallbacks": [{"a": ["b"]}], …}: each before what the file has of it, in the section that counts. */
static void
add_fallbacks(struct load *l, const struct more_entry *e)
{
	static const char *const lists[] = { "fallbacks", "context_window_fallbacks", "content_policy_fallbacks" };
	struct node *said = e->json.len > 0 ? read_entry(l, e) : NULL, *router, *litellm, *into, *list;

	if (said == NULL || l->root->kind != NODE_MAP)
		return;
	litellm = node_get(l->root, "litellm_settings");
	router = room_in(l, l->root, "router_settings", NODE_MAP);
	for (unsigned i = 0; i < nitems(lists) && router != NULL; i++) {
		if ((list = node_get(said, lists[i])) == NULL || list->kind != NODE_LIST || list->n == 0)
			continue;
		into = node_get(router, lists[i]) == NULL && node_get(litellm, lists[i]) != NULL ? litellm : router;
		if ((into = room_in(l, into, lists[i], NODE_LIST)) == NULL)
			continue;
		if (into->n == 0)
			into->source = list->source;	/* the file says none */
		for (struct pair *p = list->first; p != NULL; p = p->next)
			adopt(l, into, TEXT(""), p->value, true);
	}
}

/* settings */

/* A key that stands in router_settings and in litellm_settings is one: what the file says in either counts. */
static bool
file_says(struct load *l, const char *section, const char *key)
{
	static const char *const twins[] = { "litellm_settings", "router_settings" };
	bool is_twin = strcmp(section, twins[0]) == 0 || strcmp(section, twins[1]) == 0;

	if (node_get(node_get(l->root, section), key) != NULL)
		return (true);
	for (size_t i = 0; is_twin && i < nitems(twins); i++)
		if (node_get(node_get(l->root, twins[i]), key) != NULL)
			return (true);
	return (false);
}

static void
add_setting(struct load *l, const struct more_entry *e)
{
	struct node *said = read_entry(l, e), *section = node_get(said, "section"), *key = node_get(said, "key"), *value = node_get(said, "value"), *into;
	const char *name = section != NULL && key != NULL && value != NULL ? runtime_section(section->text) : NULL;
	struct text why;

	if (said == NULL)
		return;
	if (name == NULL) {
		problem(l, PROBLEM_ERROR, said, "this is no setting");
		return;
	}
	why = runtime_refuses(l->scratch, section->text, key->text);
	if (why.len > 0)
		problem(l, PROBLEM_ERROR, said, TEXT_FMT, TEXT_ARG(why));
	else if (file_says(l, name, arena_copy(l->scratch, key->text).at))
		problem(l, PROBLEM_NOTE, said, TEXT_FMT " stands in the file too, which counts", TEXT_ARG(key->text));
	else if ((into = room_in(l, l->root, name, NODE_MAP)) != NULL)
		adopt(l, into, key->text, value, false);
}

static struct more_entry
entry_copy(struct arena *arena, const struct more_entry *e)
{
	return ((struct more_entry){ arena_copy(arena, e->name), arena_copy(arena, e->json), arena_copy(arena, e->shut) });
}

static struct more_entry *
entries_copy(struct arena *arena, const struct more_entry *entries, unsigned n)
{
	struct more_entry *copy = arena_alloc(arena, (n + 1) * sizeof(*copy));

	for (unsigned i = 0; i < n; i++)
		copy[i] = entry_copy(arena, &entries[i]);
	return (copy);
}

const struct config_more *
more_copy(struct arena *arena, const struct config_more *more)
{
	struct config_more *copy = arena_new_of(arena, struct config_more);

	copy->n_models = more->n_models;
	copy->models = entries_copy(arena, more->models, more->n_models);
	copy->n_credentials = more->n_credentials;
	copy->credentials = entries_copy(arena, more->credentials, more->n_credentials);
	copy->n_endpoints = more->n_endpoints;
	copy->endpoints = entries_copy(arena, more->endpoints, more->n_endpoints);
	copy->n_settings = more->n_settings;
	copy->settings = entries_copy(arena, more->settings, more->n_settings);
	copy->fallbacks = entry_copy(arena, &more->fallbacks);
	return (copy);
}

void
more_read(struct load *l)
{
	if (l->more == NULL || l->root->kind != NODE_MAP)
		return;
	for (unsigned i = 0; i < l->more->n_settings; i++)
		add_setting(l, &l->more->settings[i]);
	add_all(l, l->root, "model_list", l->more->models, l->more->n_models);
	add_all(l, l->root, "credential_list", l->more->credentials, l->more->n_credentials);
	if (l->more->n_endpoints > 0)
		add_all(l, room_in(l, l->root, "general_settings", NODE_MAP), "pass_through_endpoints", l->more->endpoints, l->more->n_endpoints);
	add_fallbacks(l, &l->more->fallbacks);
}
