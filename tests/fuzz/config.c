/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A configuration of any bytes: loading ends, and what it makes is sound: texts fit for headers, JSON that is JSON, ids that differ,
 * names that find their groups.
 */
#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define MUST(what)	do { if (!(what)) { fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what); abort(); } } while (0)

static bool
printable(struct text t)
{
	for (size_t i = 0; i < t.len; i++)
		if ((unsigned char)t.at[i] < 0x20 || t.at[i] == 0x7f)
			return (false);
	return (true);
}

static bool
is_json(struct text t)
{
	struct json_fault fault;
	enum json_type type;
	size_t count;

	/* A tree of 64 levels may stand a few levels below the top of a file: one that is too deep is refused when it is sent. */
	return (json_scan(t, &type, NULL, 0, &count, &fault) || fault.too_deep);
}

static void
check_deployment(const struct config *c, const struct deployment *d)
{
	MUST(d->vendor != NULL && d->index < c->n_deployments && c->deployments[d->index] == d);
	MUST(d->id.len > 0 && printable(d->id) && printable(d->group) && printable(d->key) && printable(d->organization));
	MUST(d->mock || (text_starts(d->url, TEXT("http")) && printable(d->url) && d->port > 0 && d->port < 65536));
	for (size_t i = 0; i < d->n_headers; i++)
		MUST(printable(d->headers[i]));
	for (size_t i = 0; i < d->n_defaults; i++)
		MUST(is_json(d->defaults[i].raw));
	MUST(is_json(d->model_info));
	MUST(d->rpm >= -1 && d->weight >= -1 && d->timeout_ms >= 0 && d->max_output_tokens >= 0);
	if (c->n_errors == 0)
		MUST(config_deployment(c, d->id) == d);
}

static void
check_group(const struct config *c, const struct group *g)
{
	struct arena *a = arena_new();
	struct capture captured;
	const struct group *found = config_group(c, g->name, &captured);

	MUST(g->n_deployments > 0);
	MUST(found == g || g->pattern || g->hidden);
	if (found != NULL)
		for (size_t i = 0; i < found->n_deployments; i++)
			deployment_model(a, found->deployments[i], g->name, &captured);
	arena_free(a);
}

static void
check_conduit(const struct config *c, const struct conduit *p)
{
	struct text rest, allow, method, others;

	text_cut(p->methods, ',', &method, &others);
	MUST(p->path.len > 1 && p->path.at[0] == '/' && printable(p->name) && strlen(p->name.at) == p->name.len);
	MUST((p->to == NULL) == (p->missing.len > 0) && printable(p->missing));
	MUST(config_conduit(c, p->path, method, &rest, &allow) != NULL && rest.len == 0);
	if (p->to == NULL)
		return;
	MUST(text_starts(p->base, TEXT("http")) && printable(p->base) && printable(p->query) && p->to->id.len > 0);
	for (size_t i = 0; i < p->to->n_headers; i++)
		MUST(printable(p->to->headers[i]));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *c = config_load_text("fuzz/none/config.yaml", (struct text){ (const char *)data, size });
	struct buf said = { 0 };

	MUST(c != NULL && c->holders == 1);
	for (size_t i = 0; i < c->n_deployments; i++)
		check_deployment(c, c->deployments[i]);
	for (size_t i = 0; i < c->n_groups; i++)
		check_group(c, &c->groups[i]);
	for (size_t i = 0; i < c->n_conduits; i++)
		check_conduit(c, &c->conduits[i]);
	problems_print_json(&said, c);
	MUST(is_json(buf_as_text(&said)));
	problems_print(&said, c);
	buf_free(&said);
	config_release(c);
	return (0);
}
