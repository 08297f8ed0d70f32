/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Variables: environment_variables of the file, the process's own, and references to them.
 *
 * The file's variables are never put into the process's environment: setenv() races with threads that read it.
 */
#include "config/config_priv.h"

#include <stdlib.h>

#define REFERENCE	TEXT("os.environ/")

struct variable {
	struct text	 name, value;
};

/* In a CGI process HTTP_* is what the client sent: nobody's configuration. */
static bool
is_of_client(const char *name)
{
	return (strncmp(name, "HTTP_", 5) == 0 && getenv("REQUEST_METHOD") != NULL);
}

const char *
config_env(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n_variables; i++)
		if (text_is(c->variables[i].name, name))
			return (c->variables[i].value.at);
	return (is_of_client(name) ? NULL : getenv(name));
}

bool
env_true(const struct load *l, const char *name)
{
	const char *value = config_env(l->config, name);
	bool b = false;

	return (value != NULL && ((scalar_bool(text_trim(text_of(value)), &b) && b) || strcmp(value, "1") == 0));
}

/* The value of os.environ/NAME, or NULL. */
static const char *
referred(struct load *l, struct text reference, struct text *name)
{
	struct text copy = arena_copy(l->scratch, text_sub(reference, REFERENCE.len, reference.len));
	const char *value = config_env(l->config, copy.at);

	*name = copy;
	return (value);
}

/* LiteLLM takes a reference at the end of a pass-through header's value too: "Bearer os.environ/KEY". */
static bool
is_pass_header(const struct node *n)
{
	const struct node *headers = n->parent, *entry = headers != NULL ? headers->parent : NULL;

	return (entry != NULL && entry->parent != NULL && text_is(headers->name, "headers") && text_is(entry->parent->name, "pass_through_endpoints"));
}

/* Where the reference begins; the text's length: there is none. */
static size_t
reference_at(struct text t)
{
	for (size_t at = 0; at + REFERENCE.len <= t.len; at++)
		if (text_starts(text_sub(t, at, t.len), REFERENCE))
			return (at);
	return (t.len);
}

static void
resolve_tail(struct load *l, struct node *n, size_t at)
{
	const char *value;
	struct text name;

	value = referred(l, text_sub(n->text, at, n->text.len), &name);
	if (value == NULL || value[0] == '\0' || strlen(value) > ENV_BYTES_MOST) {
		n->null = true;
		problem(l, PROBLEM_WARNING, n, "variable " TEXT_FMT " is not set, or too long; this header is not sent", TEXT_ARG(name));
		return;
	}
	n->plain = false;
	n->text = arena_print(l->scratch, TEXT_FMT "%s", (int)at, n->text.at, value);
}

static void
resolve_scalar(struct load *l, struct node *n)
{
	size_t at = reference_at(n->text);
	const char *value;
	struct text name;

	if (at > 0 || n->text.len == 0) {
		if (at < n->text.len && is_pass_header(n))
			resolve_tail(l, n, at);
		else if (at < n->text.len)
			problem(l, PROBLEM_WARNING, n, "os.environ/ counts only as a whole value, not inside one");
		return;
	}
	value = referred(l, n->text, &name);
	n->plain = false;
	n->env = name;
	if (value == NULL || value[0] == '\0') {
		n->null = true;
		n->text = TEXT("");
		problem(l, PROBLEM_WARNING, n, "variable " TEXT_FMT " is %s; " TEXT_FMT " counts as not given", TEXT_ARG(name),
		    value == NULL ? "not set" : "empty", TEXT_ARG(n->name));
	} else if (strlen(value) > ENV_BYTES_MOST) {
		n->null = true;
		problem(l, PROBLEM_ERROR, n, "variable " TEXT_FMT " is too long", TEXT_ARG(name));
	} else
		n->text = arena_copy(l->scratch, text_of(value));
}

static void
resolve(struct load *l, struct node *n)
{
	if (n->walked)
		return;
	n->walked = true;
	if (n->kind == NODE_SCALAR)
		resolve_scalar(l, n);
	else
		for (struct pair *p = n->first; p != NULL; p = p->next)
			resolve(l, p->value);
}

void
env_resolve(struct load *l)
{
	resolve(l, l->root);
}

void
env_keep(struct load *l)
{
	const struct node *map = node_get(l->root, "environment_variables");
	struct config *c = l->config;
	struct variable *list;

	if (!want_kind(l, map, NODE_MAP))
		return;
	list = arena_alloc(l->arena, (map->n + 1) * sizeof(*list));
	for (struct pair *p = map->first; p != NULL; p = p->next) {
		if (p->value->kind == NODE_SCALAR)
			resolve_scalar(l, p->value);
		p->value->walked = true;
		if (node_is_null(p->value) || !want_text(l, p->value, &list[c->n_variables].value))
			continue;
		list[c->n_variables++].name = arena_copy(l->arena, p->key);
		c->variables = list;
	}
}
