/* SPDX-License-Identifier: Apache-2.0 */
/* The models a client can ask for: groups and their visible aliases, in OpenAI's list or in Anthropic's. */
#include "front/models_priv.h"

#define CREATED		1677610602		/* LiteLLM's constant: a configuration has no birthday */
#define CREATED_ISO	"2023-02-28T18:56:42Z"

void
put_count(struct json_out *o, const char *name, int64_t n)
{
	json_name(o, name);
	if (n > 0)
		json_int(o, n);
	else
		json_null(o);
}

void
put_word(struct json_out *o, const char *name, struct text word)
{
	json_name(o, name);
	if (word.len > 0)
		json_string(o, word);
	else
		json_null(o);
}

struct text
info_mode(const struct deployment *d)
{
	struct json_item item;

	return (d->facts != NULL || json_find(d->shown_info, "mode", &item) ? d->mode : TEXT(""));
}

struct listed *
models_listed(struct arena *arena, const struct config *c, size_t *n)
{
	struct listed *list = arena_alloc(arena, (c->n_groups + c->n_aliases + 1) * sizeof(*list));
	struct capture captured;

	*n = 0;
	for (size_t i = 0; i < c->n_groups; i++)
		if (!c->groups[i].hidden)
			list[(*n)++] = (struct listed){ c->groups[i].name, &c->groups[i] };
	for (size_t i = 0; i < c->n_aliases; i++)
		if (!c->aliases[i].hidden)
			list[(*n)++] = (struct listed){ c->aliases[i].name, config_group(c, c->aliases[i].name, &captured) };
	return (list);
}

static const struct deployment *
first_of(const struct group *g)
{
	return (g != NULL && g->n_deployments > 0 ? g->deployments[0] : NULL);
}

static void
put_fallbacks(struct json_out *o, const struct group *g, enum model_fallbacks which)
{
	const struct text *list = g == NULL ? NULL : which == FALLBACKS_CONTEXT ? g->context_fallbacks :
	    which == FALLBACKS_POLICY ? g->policy_fallbacks : g->fallbacks;
	size_t n = g == NULL ? 0 : which == FALLBACKS_CONTEXT ? g->n_context_fallbacks :
	    which == FALLBACKS_POLICY ? g->n_policy_fallbacks : g->n_fallbacks;

	json_name(o, "metadata");
	json_open(o, '{');
	json_name(o, "fallbacks");
	json_open(o, '[');
	for (size_t i = 0; i < n; i++)
		json_string(o, list[i]);
	json_close(o, ']');
	json_close(o, '}');
}

/* What is known of it is said only of a model that is known. */
static void
put_openai(struct json_out *o, const struct listed *m, const struct model_wish *wish)
{
	const struct deployment *d = first_of(m->group);

	json_open(o, '{');
	json_name(o, "id");
	json_string(o, m->name);
	json_name(o, "object");
	json_string(o, TEXT("model"));
	json_name(o, "created");
	json_int(o, CREATED);
	json_name(o, "owned_by");
	json_string(o, TEXT("openai"));
	if (d != NULL && (info_mode(d).len > 0 || d->max_input_tokens > 0 || d->max_output_tokens > 0))
		put_word(o, "mode", d->mode);
	if (d != NULL && d->max_input_tokens > 0)
		put_count(o, "max_input_tokens", d->max_input_tokens);
	if (d != NULL && d->max_output_tokens > 0)
		put_count(o, "max_output_tokens", d->max_output_tokens);
	if (wish->fallbacks != FALLBACKS_UNASKED)
		put_fallbacks(o, m->group, wish->fallbacks);
	json_close(o, '}');
}

static void
put_anthropic(struct json_out *o, const struct listed *m)
{
	const struct deployment *d = first_of(m->group);

	json_open(o, '{');
	json_name(o, "type");
	json_string(o, TEXT("model"));
	json_name(o, "id");
	json_string(o, m->name);
	json_name(o, "display_name");
	json_string(o, m->name);
	json_name(o, "created_at");
	json_string(o, TEXT(CREATED_ISO));
	put_count(o, "max_input_tokens", d != NULL ? d->max_input_tokens : 0);
	put_count(o, "max_tokens", d != NULL ? d->max_output_tokens : 0);
	json_close(o, '}');
}

static void
put_model(struct json_out *o, const struct listed *m, const struct model_wish *wish)
{
	if (wish->anthropic)
		put_anthropic(o, m);
	else
		put_openai(o, m, wish);
}

/* Anthropic's pages */

struct page {
	size_t	 from, to;
	bool	 more;
};

static struct error *
find_cursor(size_t *at, struct arena *arena, const struct listed *list, size_t n, struct text id, const char *param)
{
	for (*at = 0; *at < n; (*at)++)
		if (text_eq(list[*at].name, id))
			return (NULL);
	return (error_param(error_new(arena, E_BAD_REQUEST, "%s: there is no model '" TEXT_FMT "'", param, TEXT_ARG(text_sub(id, 0, 200))), param));
}

static struct error *
cut_page(struct page *p, struct arena *arena, const struct listed *list, size_t n, const struct model_wish *wish)
{
	size_t most = wish->limit > 0 ? (size_t)wish->limit : n;

	*p = (struct page){ 0, n, false };
	if (wish->after.len > 0) {
		TRY(find_cursor(&p->from, arena, list, n, wish->after, "after_id"));
		p->from++;
	}
	if (wish->before.len > 0) {
		TRY(find_cursor(&p->to, arena, list, n, wish->before, "before_id"));
		p->from = p->from < p->to ? p->from : p->to;
	}
	p->more = p->to - p->from > most;
	if (p->more && wish->before.len > 0)
		p->from = p->to - most;
	else if (p->more)
		p->to = p->from + most;
	return (NULL);
}

static void
put_edges(struct json_out *o, const struct listed *list, const struct page *p)
{
	put_word(o, "first_id", p->from < p->to ? list[p->from].name : TEXT(""));
	put_word(o, "last_id", p->from < p->to ? list[p->to - 1].name : TEXT(""));
	json_name(o, "has_more");
	json_bool(o, p->more);
}

struct error *
models_list(struct buf *out, struct arena *arena, const struct config *c, const struct model_wish *wish)
{
	struct json_out o = { .to = out };
	struct listed *list;
	struct page page;
	size_t n;

	list = models_listed(arena, c, &n);
	page = (struct page){ 0, wish->none ? 0 : n, false };
	if (wish->anthropic)
		TRY(cut_page(&page, arena, list, n, wish));
	json_open(&o, '{');
	json_name(&o, "data");
	json_open(&o, '[');
	for (size_t i = page.from; i < page.to; i++)
		put_model(&o, &list[i], wish);
	json_close(&o, ']');
	if (wish->anthropic)
		put_edges(&o, list, &page);
	else {
		json_name(&o, "object");
		json_string(&o, TEXT("list"));
	}
	json_close(&o, '}');
	return (NULL);
}

bool
models_one(struct buf *out, const struct config *c, struct text id, const struct model_wish *wish)
{
	struct json_out o = { .to = out };
	struct capture captured = { 0 };
	struct listed m = { id, config_group(c, id, &captured) };

	if (m.group == NULL)
		return (false);
	put_model(&o, &m, wish);
	return (true);
}
