/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which tariff counts for a deployment: what the file says of it, else the price map, else what is published.
 *
 * A deployment that says what input costs, and it is not what is published, has no other prices for what it reads than its own (cached, written, in tiers,
 * for long prompts): a contract's prices and a list's do not mix.  The same is true of output.  What only adds to them stands beside the published ones.
 */
#include "config/config_priv.h"

#include <stdio.h>
#include <stdlib.h>

#define RATES_MOST	96	/* of one tariff */
#define MILLION		1000000

/* As requests and answers call them; the first name of each is ours. */
static const struct {
	const char	*name;
	enum tier	 tier;
} tier_names[] = {
	{ "default", TIER_DEFAULT }, { "standard", TIER_DEFAULT }, { "on_demand", TIER_DEFAULT }, { "standard_only", TIER_DEFAULT },
	{ "flex", TIER_FLEX },
	{ "priority", TIER_PRIORITY }, { "fast", TIER_PRIORITY },
	{ "batch", TIER_BATCH }, { "batches", TIER_BATCH },
	{ "ultrafast", TIER_ULTRAFAST },
	{ "balanced", TIER_BALANCED },
	{ "decisions", TIER_DECISIONS },
};

int
tier_named(struct text name)
{
	for (size_t i = 0; i < nitems(tier_names); i++)
		if (text_is(name, tier_names[i].name))
			return ((int)tier_names[i].tier);
	return (-1);
}

const char *
tier_name(enum tier tier)
{
	for (size_t i = 0; i < nitems(tier_names); i++)
		if (tier_names[i].tier == tier)
			return (tier_names[i].name);
	return ("default");
}

/* LiteLLM's names of rates: one of these, then "_above_200k_tokens" and a tier, as in output_cost_per_token_above_200k_tokens_priority. */

static const struct {
	const char	*name;
	enum rate_of	 of;
} rate_names[] = {
	{ "input_cost_per_token", RATE_INPUT },
	{ "output_cost_per_token", RATE_OUTPUT },
	{ "cache_read_input_token_cost", RATE_CACHED },
	{ "input_cost_per_token_cache_hit", RATE_CACHED },
	{ "cache_creation_input_token_cost", RATE_WRITTEN },
	{ "cache_creation_input_token_cost_above_1hr", RATE_WRITTEN_1H },
	{ "output_cost_per_reasoning_token", RATE_REASONING },
	{ "input_cost_per_audio_token", RATE_AUDIO_IN },
	{ "output_cost_per_audio_token", RATE_AUDIO_OUT },
	{ "input_cost_per_image_token", RATE_IMAGE_IN },
	{ "output_cost_per_image_token", RATE_IMAGE_OUT },
	{ "input_cost_per_request", RATE_REQUEST },
	{ "input_cost_per_second", RATE_SECOND_IN },
	{ "output_cost_per_second", RATE_SECOND_OUT },
	{ "input_cost_per_query", RATE_QUERY },
};

/* "_above_200k_tokens", off the head. */
static bool
take_above(struct text *rest, int32_t *above)
{
	struct text head = TEXT("_above_"), behind = TEXT("k_tokens");
	size_t from = head.len, to = from;
	int64_t n;

	if (!text_starts(*rest, head))
		return (false);
	while (to < rest->len && rest->at[to] >= '0' && rest->at[to] <= '9')
		to++;
	if (!text_to_i64(text_sub(*rest, from, to), &n) || n < 1 || n > 1000000 || !text_starts(text_sub(*rest, to, rest->len), behind))
		return (false);
	*above = (int32_t)n * 1000;
	*rest = text_sub(*rest, to + behind.len, rest->len);
	return (true);
}

static bool
read_suffix(struct rate *r, struct text rest)
{
	int tier;

	while (rest.len > 0 && take_above(&rest, &r->above))
		continue;
	if (rest.len == 0)
		return (true);
	tier = rest.at[0] == '_' ? tier_named(text_sub(rest, 1, rest.len)) : -1;
	if (tier < 0)
		return (false);
	r->tier = (uint8_t)tier;
	return (true);
}

bool
rate_named(struct rate *r, struct text name)
{
	for (size_t i = 0; i < nitems(rate_names); i++) {
		struct text begin = text_of(rate_names[i].name);

		*r = (struct rate){ .of = (uint8_t)rate_names[i].of };
		if (text_starts(name, begin) && read_suffix(r, text_sub(name, begin.len, name.len)))
			return (true);
	}
	return (false);
}

bool
rate_name(char name[RATE_NAME_MOST], const struct rate *r)
{
	const char *tier = r->tier == TIER_BATCH ? "batches" : tier_name((enum tier)r->tier);
	char above[40] = "";
	size_t i = 0;

	while (i < nitems(rate_names) && rate_names[i].of != r->of)
		i++;
	if (i == nitems(rate_names))
		return (false);
	if (r->above > 0)
		snprintf(above, sizeof(above), "_above_%dk_tokens", (r->above + 999) / 1000);
	snprintf(name, RATE_NAME_MOST, "%s%s%s%s", rate_names[i].name, above, r->tier != TIER_DEFAULT ? "_" : "", r->tier != TIER_DEFAULT ? tier : "");
	return (true);
}

bool
rate_is_known(struct text name)
{
	struct rate r;

	return (rate_named(&r, name) || text_is(name, "tiered_pricing") || text_is(name, "search_context_cost_per_query"));
}

/* collecting them */

struct rates {
	struct rate	 list[RATES_MOST];
	unsigned	 n;
};

/* The last word wins. */
static void
put(struct rates *rates, struct rate r)
{
	for (unsigned i = 0; i < rates->n; i++)
		if (rates->list[i].of == r.of && rates->list[i].tier == r.tier && rates->list[i].above == r.above) {
			rates->list[i].pico = r.pico;
			return;
		}
	if (rates->n < RATES_MOST)
		rates->list[rates->n++] = r;
}

static void
drop(struct rates *rates, enum rate_of from, enum rate_of to)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < rates->n; i++)
		if (rates->list[i].of < from || rates->list[i].of > to)
			rates->list[kept++] = rates->list[i];
	rates->n = kept;
}

static const struct rate *
base_rate(const struct rate *list, unsigned n, enum rate_of of)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i].of == of && list[i].tier == TIER_DEFAULT && list[i].above == 0)
			return (&list[i]);
	return (NULL);
}

int64_t
tariff_base(const struct tariff *t, enum rate_of of)
{
	const struct rate *r = t != NULL ? base_rate(t->rates, t->n, of) : NULL;

	return (r != NULL ? r->pico : -1);
}

static int
by_kind(const void *a, const void *b)
{
	const struct rate *x = a, *y = b;

	return (x->of != y->of ? x->of - y->of : x->tier != y->tier ? x->tier - y->tier : x->above < y->above ? -1 : x->above > y->above);
}

static bool
is_free(const struct rates *rates)
{
	for (unsigned i = 0; i < rates->n; i++)
		if (rates->list[i].pico != 0)
			return (false);
	return (base_rate(rates->list, rates->n, RATE_INPUT) != NULL && base_rate(rates->list, rates->n, RATE_OUTPUT) != NULL);
}

/* NULL: nothing was said that is a price. */
static struct tariff *
tariff_new(struct arena *a, struct text model, const char *source, struct rates *rates)
{
	struct tariff *t;
	struct rate *list;

	if (rates->n == 0)
		return (NULL);
	qsort(rates->list, rates->n, sizeof(*rates->list), by_kind);
	list = arena_alloc(a, rates->n * sizeof(*list));
	memcpy(list, rates->list, rates->n * sizeof(*list));
	t = arena_new_of(a, struct tariff);
	*t = (struct tariff){ .model = model, .source = source, .rates = list, .n = rates->n, .free = is_free(rates) };
	return (t);
}

/* a price map, or a part of the file, as JSON */

/* How exact the prices were that have been read. */
struct reading {
	unsigned	 finer, wrong;
};

/* YAML takes 1e-6 for a text, so a price may come as one. */
static bool
is_scalar(const struct json_item *item)
{
	return (item->type == JSON_NUMBER || item->type == JSON_STRING);
}

static void
put_scalar(struct rates *rates, struct rate r, const struct json_item *item, struct reading *how)
{
	struct text raw = item->type == JSON_STRING ? text_sub(item->raw, 1, item->raw.len - 1) : item->raw;
	bool finer;

	if (!price_read_exactly(raw, &r.pico, &finer)) {
		how->wrong++;
		return;
	}
	how->finer += finer;
	put(rates, r);
}

/* One range of tiered_pricing: its rates count above its begin. */
static void
put_range(struct rates *rates, struct text range, struct reading *how)
{
	struct json_walk walk = json_walk(range);
	struct json_item item, from = { .raw = TEXT("0") };
	struct json_walk bounds;
	double above = 0;
	struct rate r;

	if (json_find(range, "range", &item) && item.type == JSON_ARRAY) {
		bounds = json_walk(item.raw);
		if (json_next(&bounds, &from) && (!text_to_double(from.raw, &above) || above < 0 || above > 1e9))
			how->wrong++;
	}
	while (json_next(&walk, &item))
		if (is_scalar(&item) && rate_named(&r, (struct text){ item.name.at, item.name.len })) {
			r.above = above > 0 && above <= 1e9 ? (int32_t)above : 0;
			put_scalar(rates, r, &item, how);
		}
}

static void
put_ranges(struct rates *rates, struct text list, struct reading *how)
{
	struct json_walk walk = json_walk(list);
	struct json_item item;

	while (json_next(&walk, &item))
		if (item.type == JSON_OBJECT)
			put_range(rates, item.raw, how);
}

/* By the size of what it finds; a usage does not tell the size. */
static void
put_search(struct rates *rates, struct text sizes, struct reading *how)
{
	struct json_item item;

	if (json_find(sizes, "search_context_size_medium", &item) && is_scalar(&item))
		put_scalar(rates, (struct rate){ .of = RATE_SEARCH }, &item, how);
}

static void
put_member(struct rates *rates, const struct json_item *item, struct reading *how)
{
	struct rate r;

	if (is_scalar(item) && rate_named(&r, (struct text){ item->name.at, item->name.len }))
		put_scalar(rates, r, item, how);
	else if (item->type == JSON_ARRAY && quoted_is(item->name, "tiered_pricing"))
		put_ranges(rates, item->raw, how);
	else if (item->type == JSON_OBJECT && quoted_is(item->name, "search_context_cost_per_query"))
		put_search(rates, item->raw, how);
}

static void
put_entry(struct rates *rates, struct text entry, struct reading *how)
{
	static const char *const served[] = { "chat", "completion", "embedding", "responses" };
	struct json_walk walk = json_walk(entry);
	struct json_item item;
	bool timed = true;

	while (json_next(&walk, &item)) {
		if (item.type == JSON_STRING && quoted_is(item.name, "mode"))
			timed = has_word(text_sub(item.raw, 1, item.raw.len - 1), served, nitems(served));
		put_member(rates, &item, how);
	}
	if (!timed)			/* it is sound or film that they measure */
		drop(rates, RATE_SECOND_IN, RATE_SECOND_OUT);
}

/* the price map */

struct map_entry {
	struct text	 name;
	uint32_t	 at, n;		/* of map->rates */
};

struct price_map {
	struct map_entry *entries;	/* by name */
	size_t		 n;
	struct rate	*rates;
};

static int
by_name(const void *a, const void *b)
{
	const struct map_entry *x = a, *y = b;
	size_t n = x->name.len < y->name.len ? x->name.len : y->name.len;
	int c = memcmp(x->name.at, y->name.at, n);

	return (c != 0 ? c : x->name.len < y->name.len ? -1 : x->name.len > y->name.len);
}

static const struct map_entry *
map_find(const struct price_map *map, struct text name)
{
	struct map_entry key = { .name = name };

	return (map == NULL ? NULL : bsearch(&key, map->entries, map->n, sizeof(key), by_name));
}

/* xAI charges its steps from their size on, not above it. */
static void
from_on(struct rates *rates)
{
	for (unsigned i = 0; i < rates->n; i++)
		if (rates->list[i].above > 0)
			rates->list[i].above--;
}

static struct price_map *
map_of(struct load *l, struct text json, struct reading *how)
{
	struct price_map *map = arena_new_of(l->arena, struct price_map);
	struct json_walk walk = json_walk(json);
	struct buf entries = { 0 }, rates = { 0 };
	struct json_item item;

	while (json_next(&walk, &item)) {
		struct rates found = { .n = 0 };
		struct map_entry e = { .at = (uint32_t)(rates.len / sizeof(struct rate)) };

		if (item.type != JSON_OBJECT)
			continue;
		put_entry(&found, item.raw, how);
		if (found.n == 0)
			continue;
		e.name = arena_copy(l->arena, json_unescape(l->scratch, item.name));
		if (text_starts(e.name, TEXT("xai/")))
			from_on(&found);
		e.n = found.n;
		buf_add(&rates, (const char *)found.list, found.n * sizeof(struct rate));
		buf_add(&entries, (const char *)&e, sizeof(e));
	}
	map->n = entries.len / sizeof(struct map_entry);
	map->entries = arena_alloc(l->arena, entries.len + 1);
	map->rates = arena_alloc(l->arena, rates.len + 1);
	memcpy(map->entries, entries.at != NULL ? entries.at : "", entries.len);
	memcpy(map->rates, rates.at != NULL ? rates.at : "", rates.len);
	qsort(map->entries, map->n, sizeof(*map->entries), by_name);
	buf_free(&entries);
	buf_free(&rates);
	return (map);
}

#define MAP_BYTES_MOST	(32u << 20)

/* A map that can not be used is no reason to serve nothing: the published prices count then, and the start says so. */
static void
map_read(struct load *l)
{
	struct text path = l->config->settings.price_map;
	const struct node *at = node_get(node_get(l->root, "sluice"), "price_map");
	struct reading how = { 0 };
	struct buf b = { 0 };
	struct json_fault fault;
	enum json_type type;
	const char *why;
	size_t n = 0;

	if (path.len == 0)
		return;
	if (!file_slurp(&b, path.at, MAP_BYTES_MOST, &why))
		problem(l, PROBLEM_WARNING, at, "price_map " TEXT_FMT " can not be read (%s); published prices count instead", TEXT_ARG(path), why);
	else if (!json_scan(buf_as_text(&b), &type, NULL, 0, &n, &fault) || type != JSON_OBJECT)
		problem(l, PROBLEM_WARNING, at, "price_map " TEXT_FMT " is not a JSON object; published prices count instead", TEXT_ARG(path));
	else {
		l->config->prices = map_of(l, buf_as_text(&b), &how);
		if (l->config->prices->n == 0)
			problem(l, PROBLEM_WARNING, at, "price_map " TEXT_FMT " holds no prices; published prices count instead", TEXT_ARG(path));
	}
	if (how.wrong > 0)
		problem(l, PROBLEM_WARNING, at, "price_map " TEXT_FMT ": %u prices are none, and are left out", TEXT_ARG(path), how.wrong);
	if (how.finer > 0)
		problem(l, PROBLEM_NOTE, at, "price_map " TEXT_FMT ": %u prices are finer than 10^-12 dollars, and are rounded up", TEXT_ARG(path), how.finer);
	buf_free(&b);
}

/* discounts and margins */

struct markup {
	struct text	 provider;	/* "global": of those without a margin of their own */
	int32_t		 discount, margin;	/* millionths; -1: not said */
	int64_t		 fixed;
	struct markup	*next;
};

static struct markup *
markup_of(struct load *l, const struct node *map, const struct pair *p)
{
	struct markup *m;

	for (m = l->config->markups; m != NULL; m = m->next)
		if (text_eq(m->provider, p->key))
			return (m);
	if (!text_is(p->key, "global") && config_vendor(l->config, p->key) == NULL)
		problem_key(l, PROBLEM_WARNING, map, p, "no vendor is called " TEXT_FMT "; did you mean its prefix in litellm_params.model?", TEXT_ARG(p->key));
	m = arena_new_of(l->arena, struct markup);
	*m = (struct markup){ .provider = arena_copy(l->arena, p->key), .discount = -1, .margin = -1, .next = l->config->markups };
	l->config->markups = m;
	return (m);
}

/* A fraction, as "0.05": to millionths. */
static bool
want_fraction(struct load *l, const struct node *n, int64_t most, int32_t *millionths)
{
	int64_t pico;

	if (!want_kind(l, n, NODE_SCALAR))
		return (false);
	if (!price_read(n->text, &pico) || pico > most * INT64_C(1000000000000)) {
		problem(l, PROBLEM_ERROR, n, "must be a fraction such as 0.05, from 0 to %lld", (long long)most);
		return (false);
	}
	*millionths = (int32_t)((pico + MILLION / 2) / MILLION);
	return (true);
}

static void
margin_read(struct load *l, const struct node *n, struct markup *m)
{
	const struct node *fixed;

	if (n->kind != NODE_MAP) {
		want_fraction(l, n, 100, &m->margin);
		return;
	}
	want_fraction(l, node_get(n, "percentage"), 100, &m->margin);
	fixed = node_get(n, "fixed_amount");
	if (want_kind(l, fixed, NODE_SCALAR) && !price_read(fixed->text, &m->fixed))
		problem(l, PROBLEM_ERROR, fixed, "fixed_amount must be dollars for a call, such as 0.001");
	m->margin = m->margin < 0 ? 0 : m->margin;
}

static void
markups_read(struct load *l)
{
	const struct node *litellm = node_get(l->root, "litellm_settings"), *discounts = node_get(litellm, "cost_discount_config");
	const struct node *margins = node_get(litellm, "cost_margin_config");

	if (want_kind(l, discounts, NODE_MAP))
		for (const struct pair *p = discounts->first; p != NULL; p = p->next)
			if (!node_is_null(p->value))
				want_fraction(l, p->value, 1, &markup_of(l, discounts, p)->discount);
	if (want_kind(l, margins, NODE_MAP))
		for (const struct pair *p = margins->first; p != NULL; p = p->next)
			if (!node_is_null(p->value))
				margin_read(l, p->value, markup_of(l, margins, p));
}

/* A margin of the provider's own stands instead of the global one. */
static void
mark_up(struct tariff *t, const struct config *c, const struct vendor *v)
{
	const struct markup *own = NULL, *global = NULL;

	for (const struct markup *m = c->markups; m != NULL; m = m->next) {
		if (v != NULL && text_is(m->provider, v->prefix))
			own = m;
		else if (text_is(m->provider, "global"))
			global = m;
	}
	if (own != NULL && own->discount >= 0)
		t->discount = own->discount;
	if (own == NULL || own->margin < 0)
		own = global;
	if (own != NULL && own->margin >= 0) {
		t->margin = own->margin;
		t->margin_fixed = own->fixed;
	}
}

void
tariffs_read(struct load *l)
{
	map_read(l);
	markups_read(l);
}

/* by name */

/* Whoever runs a server of their own pays no vendor, even if their model is called like a vendor's. */
static bool
is_own_server(const struct vendor *v)
{
	return (v != NULL && (v->quirks & QUIRK_KEY_OPTIONAL) != 0 && strcmp(v->prefix, "openai") != 0 && strcmp(v->prefix, "litellm_proxy") != 0);
}

/* Under a name as it stands. */
static bool
find_exactly(struct rates *rates, const char **source, const struct config *c, struct text name)
{
	const struct map_entry *e = map_find(c->prices, name);
	struct facts f;

	if (e != NULL) {
		memcpy(rates->list, c->prices->rates + e->at, e->n * sizeof(struct rate));
		rates->n = e->n;
		*source = "price map";
		return (true);
	}
	if (!facts_find_exactly(&f, name) || (rates->n = facts_rates(rates->list, RATES_MOST, &f)) == 0)
		return (false);
	*source = "published";
	return (true);
}

/* With its vendor's prefix, as it stands, without the prefix it has. */
static bool
find_named(struct rates *rates, const char **source, struct text *name, struct arena *a, const struct config *c, const struct vendor *v, struct text model)
{
	struct text head, tail, full;

	if (model.len == 0 || memchr(model.at, '*', model.len) != NULL)
		return (false);
	full = v != NULL ? arena_print(a, "%s/" TEXT_FMT, v->prefix, TEXT_ARG(model)) : model;
	*name = full;
	if (v != NULL && find_exactly(rates, source, c, full))
		return (true);
	*name = arena_copy(a, model);
	if ((!is_own_server(v) || text_starts(model, text_of(v->prefix))) && find_exactly(rates, source, c, *name))
		return (true);
	if (is_own_server(v) || !text_cut(model, '/', &head, &tail) || tail.len == 0)
		return (false);
	*name = arena_copy(a, tail);
	return (find_exactly(rates, source, c, *name));
}

const struct tariff *
config_tariff_named(struct arena *a, const struct config *c, const struct vendor *v, struct text model)
{
	struct rates rates = { .n = 0 };
	const char *source;
	struct tariff *t;
	struct text name;

	if (!find_named(&rates, &source, &name, a, c, v, model))
		return (NULL);
	t = tariff_new(a, name, source, &rates);
	if (t != NULL)
		mark_up(t, c, v);
	return (t);
}

/* of a deployment */

static void
put_price(struct making *m, struct rates *rates, const struct pair *p)
{
	struct reading how = { 0 };
	struct buf json = { 0 };
	struct rate r;
	bool finer;

	if (node_is_null(p->value) || !rate_is_known(p->key))
		return;
	if (!rate_named(&r, p->key)) {
		node_json(&json, p->value);
		if (p->value->kind == NODE_LIST)
			put_ranges(rates, buf_as_text(&json), &how);
		else if (p->value->kind == NODE_MAP)
			put_search(rates, buf_as_text(&json), &how);
		if (how.wrong > 0)
			problem(m->load, PROBLEM_WARNING, p->value, TEXT_FMT " holds something that is no price; it is left out", TEXT_ARG(p->key));
		buf_free(&json);
		return;
	}
	if (!want_kind(m->load, p->value, NODE_SCALAR))
		return;
	if (!price_read_exactly(p->value->text, &r.pico, &finer)) {
		problem(m->load, PROBLEM_WARNING, p->value, TEXT_FMT " must be dollars for a token, such as 0.0000025; it is left out", TEXT_ARG(p->key));
		return;
	}
	if (finer)
		problem(m->load, PROBLEM_NOTE, p->value, TEXT_FMT " is finer than 10^-12 dollars; it is rounded up", TEXT_ARG(p->key));
	put(rates, r);
}

static void
put_prices(struct making *m, struct rates *rates, const struct node *map)
{
	if (map != NULL && map->kind == NODE_MAP)
		for (const struct pair *p = map->first; p != NULL; p = p->next)
			put_price(m, rates, p);
}

static bool
differs(const struct rates *own, const struct rates *known, enum rate_of of)
{
	const struct rate *said = base_rate(own->list, own->n, of), *known_rate = base_rate(known->list, known->n, of);

	return (said != NULL && (known_rate == NULL || known_rate->pico != said->pico));
}

/* Its own beside those that are known of its model, or instead of them. */
static struct tariff *
with_own(struct arena *a, struct rates *own, struct rates *known, const char *source, struct text name, const struct deployment *d)
{
	bool timed = base_rate(own->list, own->n, RATE_SECOND_IN) != NULL || base_rate(own->list, own->n, RATE_SECOND_OUT) != NULL;

	if (own->n == 0)
		return (known->n > 0 ? tariff_new(a, name, source, known) : NULL);
	if (differs(own, known, RATE_INPUT) || timed)
		drop(known, RATE_INPUT, RATE_IMAGE_IN);
	if (differs(own, known, RATE_OUTPUT) || timed)
		drop(known, RATE_OUTPUT, RATE_IMAGE_OUT);
	for (unsigned i = 0; i < own->n; i++)
		put(known, own->list[i]);
	return (tariff_new(a, d->litellm_model, "deployment", known));
}

void
tariff_read(struct making *m, struct text base_model)
{
	struct rates own = { .n = 0 }, known = { .n = 0 };
	const struct config *c = m->load->config;
	struct deployment *d = m->d;
	const char *source = "";
	struct text name = TEXT("");
	struct tariff *t;

	for (size_t i = m->n_chain; i-- > 0;)
		put_prices(m, &own, m->chain[i]);
	put_prices(m, &own, m->info);
	if (!find_named(&known, &source, &name, m->load->arena, c, NULL, base_model) &&
	    !find_named(&known, &source, &name, m->load->arena, c, d->vendor, d->litellm_model))
		find_named(&known, &source, &name, m->load->arena, c, d->vendor, d->model);
	t = with_own(m->load->arena, &own, &known, source, name, d);
	if (t != NULL)
		mark_up(t, c, d->vendor);
	d->tariff = t;
	d->input_price = tariff_base(t, RATE_INPUT);
	d->output_price = tariff_base(t, RATE_OUTPUT);
}

struct tariff *
tariff_of_request(struct load *l, int64_t pico)
{
	struct rates rates = { .list = { { .pico = pico, .of = RATE_REQUEST } }, .n = 1 };

	return (tariff_new(l->arena, TEXT(""), "endpoint", &rates));
}

const struct tariff *
config_tariff(struct arena *a, const struct config *c, const struct deployment *d, struct text model)
{
	return (d->tariff != NULL ? d->tariff : config_tariff_named(a, c, d->vendor, model));
}
