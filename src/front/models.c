/* SPDX-License-Identifier: Apache-2.0 */
/* The models a client can ask for: groups and their visible aliases, in OpenAI's list or in Anthropic's. */
#include "front/models_priv.h"

#include "access/admit.h"

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

void
listing_add(struct listing *l, struct listed one)
{
	if (l->n == l->room) {
		struct listed *more;

		l->room = l->room * 2 + 16;
		more = arena_alloc(l->arena, l->room * sizeof(*more));
		if (l->n > 0)
			memcpy(more, l->list, l->n * sizeof(*more));
		l->list = more;
	}
	l->list[l->n++] = one;
}

struct listing
models_listed(struct arena *arena, const struct config *c)
{
	struct listing l = { .arena = arena };
	struct capture captured;

	for (size_t i = 0; i < c->n_groups; i++)
		if (!c->groups[i].hidden)
			listing_add(&l, (struct listed){ c->groups[i].name, &c->groups[i], NULL });
	for (size_t i = 0; i < c->n_aliases; i++)
		if (!c->aliases[i].hidden)
			listing_add(&l, (struct listed){ c->aliases[i].name, config_group(c, c->aliases[i].name, &captured), NULL });
	return (l);
}

bool
may_see(const struct caller *caller, const struct config *c, struct text name)
{
	return (caller == NULL || admit_lists(caller, c, name));
}

/* Is it one of the teams that whoever is signed in is in? */
static bool
is_of_team(const struct caller *caller, struct text team)
{
	for (unsigned i = 0; i < caller->n_teams; i++)
		if (text_eq(caller->teams[i], team))
			return (true);
	return (false);
}

struct text
seen_as(const struct listed *l, const struct caller *caller, const struct config *c, enum team_models how)
{
	const struct group *g = l->group;

	if (g == NULL || g->team.len == 0)
		return (may_see(caller, c, l->name) ? l->name : TEXT(""));
	if (caller == NULL || caller->kind == CALLER_MASTER || caller->role == USER_ADMIN)
		return (how != TEAM_MODELS_OWN ? g->name : TEXT(""));
	if (text_eq(caller->team_id, g->team))
		return (may_see(caller, c, g->team_name) ? g->team_name : TEXT(""));
	return (how == TEAM_MODELS_JOINED && is_of_team(caller, g->team) ? g->team_name : TEXT(""));
}

/* What is known of a name. */
struct known {
	struct text	 mode;			/* empty: unknown */
	int64_t		 max_input, max_output;	/* 0: unknown */
};

static struct known
known_of(const struct listed *m)
{
	const struct deployment *d = m->group != NULL && m->group->n_deployments > 0 ? m->group->deployments[0] : NULL;

	if (m->facts != NULL)
		return ((struct known){ m->facts->mode, m->facts->max_input, m->facts->max_output });
	if (d == NULL)
		return ((struct known){ TEXT(""), 0, 0 });
	return ((struct known){ d->max_input_tokens > 0 || d->max_output_tokens > 0 ? d->mode : info_mode(d), d->max_input_tokens,
	    d->max_output_tokens });
}

/* The groups and aliases, and in place of a pattern what it stands for. */
static struct listing
names_told(struct arena *arena, const struct config *c, const struct model_wish *wish)
{
	struct listing plain = models_listed(arena, c), all = { .arena = arena };

	for (size_t i = 0; i < plain.n; i++) {
		const struct listed *l = &plain.list[i];
		bool stands = l->group != NULL && l->group->pattern && l->group->team.len == 0 && text_eq(l->group->name, l->name) &&
		    wildcard_list(&all, c, l->group);

		if (!stands || wish->patterns)
			listing_add(&all, *l);
	}
	for (size_t i = plain.n = 0; i < all.n; i++) {
		struct listed one = all.list[i];

		one.name = seen_as(&one, wish->caller, c, TEAM_MODELS_OWN);
		if (one.name.len > 0)
			all.list[plain.n++] = one;
	}
	all.n = plain.n;
	return (all);
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
	struct known k = known_of(m);

	json_open(o, '{');
	json_name(o, "id");
	json_string(o, m->name);
	json_name(o, "object");
	json_string(o, TEXT("model"));
	json_name(o, "created");
	json_int(o, CREATED);
	json_name(o, "owned_by");
	json_string(o, TEXT("openai"));
	if (k.mode.len > 0)
		put_word(o, "mode", k.mode);
	if (k.max_input > 0)
		put_count(o, "max_input_tokens", k.max_input);
	if (k.max_output > 0)
		put_count(o, "max_output_tokens", k.max_output);
	if (wish->fallbacks != FALLBACKS_UNASKED)
		put_fallbacks(o, m->group, wish->fallbacks);
	json_close(o, '}');
}

static void
put_anthropic(struct json_out *o, const struct listed *m)
{
	struct known k = known_of(m);

	json_open(o, '{');
	json_name(o, "type");
	json_string(o, TEXT("model"));
	json_name(o, "id");
	json_string(o, m->name);
	json_name(o, "display_name");
	json_string(o, m->name);
	json_name(o, "created_at");
	json_string(o, TEXT(CREATED_ISO));
	put_count(o, "max_input_tokens", k.max_input);
	put_count(o, "max_tokens", k.max_output);
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
find_cursor(size_t *at, const struct listing *l, struct text id, const char *param)
{
	for (*at = 0; *at < l->n; (*at)++)
		if (text_eq(l->list[*at].name, id))
			return (NULL);
	return (error_param(error_new(l->arena, E_BAD_REQUEST, "%s: there is no model '" TEXT_FMT "'", param, TEXT_ARG(text_sub(id, 0, 200))), param));
}

static struct error *
cut_page(struct page *p, const struct listing *l, const struct model_wish *wish)
{
	size_t most = wish->limit > 0 ? (size_t)wish->limit : l->n;

	*p = (struct page){ 0, l->n, false };
	if (wish->after.len > 0) {
		TRY(find_cursor(&p->from, l, wish->after, "after_id"));
		p->from++;
	}
	if (wish->before.len > 0) {
		TRY(find_cursor(&p->to, l, wish->before, "before_id"));
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
	struct listing all = names_told(arena, c, wish);
	struct page page = { 0, wish->none ? 0 : all.n, false };

	if (wish->anthropic)
		TRY(cut_page(&page, &all, wish));
	json_open(&o, '{');
	json_name(&o, "data");
	json_open(&o, '[');
	for (size_t i = page.from; i < page.to; i++)
		put_model(&o, &all.list[i], wish);
	json_close(&o, ']');
	if (wish->anthropic)
		put_edges(&o, all.list, &page);
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
	struct text own = wish->caller != NULL ? config_team_model(c, wish->caller->team_id, id) : TEXT("");
	struct listed m = { .name = id, .group = config_group(c, own.len > 0 ? own : id, &captured) };

	if (m.group == NULL || !may_see(wish->caller, c, id))
		return (false);
	put_model(&o, &m, wish);
	return (true);
}
