/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LiteLLM's pages about models: each deployment with what is known of it (/model/info), and groups as one (/model_group/info).
 *
 * What the file says stands above what is published. What nobody has said is null.
 */
#include "front/models_priv.h"

#include "access/caller.h"

/* Price: null below 0. */
static void
put_price(struct json_out *o, const char *name, int64_t pico)
{
	struct buf b = { 0 };

	json_name(o, name);
	if (pico < 0) {
		json_null(o);
		return;
	}
	price_print(&b, pico);
	json_raw(o, buf_as_text(&b));
	buf_free(&b);
}

static void
put_params(struct json_out *o, const struct deployment *const *list, size_t n)
{
	json_name(o, "supported_openai_params");
	json_open(o, '[');
	for (const char *const *p = n > 0 ? supported_params(list[0]) : NULL; p != NULL && *p != NULL; p++) {
		bool all = true;

		for (size_t i = 1; i < n; i++)
			all = all && is_supported_param(list[i], *p);
		if (all)
			json_string(o, text_of(*p));
	}
	json_close(o, ']');
}

/* Can it do that: 1, 0, or -1 where nobody says. */
static int
can(const struct deployment *d, const char *flag)
{
	struct json_item said;
	char name[64] = "supports_";

	strncat(name, flag, sizeof(name) - sizeof("supports_"));
	if (json_find(d->shown_info, name, &said) && said.type == JSON_BOOL)
		return (said.raw.at[0] == 't');
	for (unsigned bit = 0; d->facts != NULL && facts_flag(bit) != NULL; bit++)
		if (strcmp(facts_flag(bit), flag) == 0)
			return (d->facts->can >> bit & 1 ? 1 : -1);
	return (-1);
}

/* A deployment */

static bool
is_ours(struct quoted name)
{
	return (quoted_is(name, "id") || quoted_is(name, "db_model"));
}

static void
put_said(struct json_out *o, struct text info)
{
	struct json_walk walk = json_walk(info);
	struct json_item item;

	while (json_next(&walk, &item))
		if (!is_ours(item.name)) {
			json_name_quoted(o, item.name);
			json_raw(o, item.raw);
		}
}

/* Members that the file does not say. */

static bool
unsaid(const struct deployment *d, const char *name)
{
	struct json_item said;

	return (!json_find(d->shown_info, name, &said));
}

static void
add_count(struct json_out *o, const struct deployment *d, const char *name, int64_t n)
{
	if (unsaid(d, name))
		put_count(o, name, n);
}

static void
add_price(struct json_out *o, const struct deployment *d, const char *name, int64_t pico)
{
	if (unsaid(d, name))
		put_price(o, name, pico);
}

/* All but the four that every entry has. */
static void
add_more_prices(struct json_out *o, const struct deployment *d)
{
	static const unsigned always = 1u << RATE_INPUT | 1u << RATE_OUTPUT | 1u << RATE_CACHED | 1u << RATE_WRITTEN;
	char name[RATE_NAME_MOST];

	for (unsigned i = 0; d->tariff != NULL && i < d->tariff->n; i++) {
		const struct rate *r = &d->tariff->rates[i];
		bool plain = r->tier == TIER_DEFAULT && r->above == 0;

		if (!(plain && always >> r->of & 1) && rate_name(name, r))
			add_price(o, d, name, r->pico);
	}
}

static void
add_word(struct json_out *o, const struct deployment *d, const char *name, struct text word)
{
	if (unsaid(d, name))
		put_word(o, name, word);
}

static void
add_abilities(struct json_out *o, const struct deployment *d)
{
	char name[64];

	for (unsigned bit = 0; facts_flag(bit) != NULL; bit++) {
		strcpy(name, "supports_");
		strncat(name, facts_flag(bit), sizeof(name) - sizeof("supports_"));
		if (!unsaid(d, name))
			continue;
		json_name(o, name);
		if (can(d, facts_flag(bit)) == 1)
			json_bool(o, true);
		else
			json_null(o);
	}
}

static void
put_info(struct json_out *o, const struct deployment *d)
{
	bool reads_only = text_is(d->mode, "embedding");

	json_open(o, '{');
	json_name(o, "id");
	json_string(o, d->id);
	json_name(o, "db_model");
	json_bool(o, d->stored);
	put_said(o, d->shown_info);
	add_word(o, d, "key", d->facts != NULL ? d->facts->name : d->litellm_model);
	add_count(o, d, "max_tokens", reads_only ? d->max_input_tokens : d->max_output_tokens);
	add_count(o, d, "max_input_tokens", d->max_input_tokens);
	add_count(o, d, "max_output_tokens", d->max_output_tokens);
	add_price(o, d, "input_cost_per_token", d->input_price);
	add_price(o, d, "output_cost_per_token", d->output_price);
	add_price(o, d, "cache_read_input_token_cost", tariff_base(d->tariff, RATE_CACHED));
	add_price(o, d, "cache_creation_input_token_cost", tariff_base(d->tariff, RATE_WRITTEN));
	add_more_prices(o, d);
	add_word(o, d, "litellm_provider", d->facts != NULL ? d->facts->vendor : text_of(d->vendor->prefix));
	add_word(o, d, "mode", info_mode(d));
	add_abilities(o, d);
	put_params(o, &d, 1);
	json_close(o, '}');
}

static void
put_deployment(struct json_out *o, struct text name, const struct deployment *d)
{
	json_open(o, '{');
	json_name(o, "model_name");
	json_string(o, name);
	json_name(o, "litellm_params");
	json_raw(o, d->shown_params);
	json_name(o, "model_info");
	put_info(o, d);
	json_close(o, '}');
}

static bool
is_wanted(const struct info_wish *wish, struct text name, const struct deployment *d)
{
	return ((wish->model.len == 0 || text_eq(wish->model, name)) && (wish->id.len == 0 || text_eq(wish->id, d->id)) &&
	    (wish->search.len == 0 || text_has(name, wish->search)));
}

struct paging {
	int64_t		 at, from, to;
};

static void
put_wanted(struct json_out *o, struct paging *p, const struct info_wish *wish, struct text name, const struct deployment *d)
{
	if (!is_wanted(wish, name, d))
		return;
	if (p->at >= p->from && p->at < p->to)
		put_deployment(o, name, d);
	p->at++;
}

/* A team's own model that is blocked. */
static bool
is_seen(const struct caller *caller, const struct deployment *d)
{
	return (d->team.len == 0 || caller == NULL || caller->kind == CALLER_MASTER || caller->role == USER_ADMIN || text_eq(caller->team_id, d->team));
}

/* Those of the page that is asked for; returns how many there are on all pages. */
static int64_t
put_deployments(struct json_out *o, struct arena *arena, const struct config *c, const struct info_wish *wish)
{
	int64_t from = wish->size > 0 ? (wish->page - 1) * wish->size : 0;
	struct paging p = { .from = from, .to = wish->size > 0 ? from + wish->size : INT64_MAX };
	struct listing all = models_listed(arena, c);

	for (size_t i = 0; i < all.n; i++) {
		const struct listed *l = &all.list[i];

		struct text name = seen_as(l, wish->caller, c, wish->team_models ? TEAM_MODELS_JOINED : TEAM_MODELS_ALL);

		for (size_t k = 0; name.len > 0 && l->group != NULL && k < l->group->n_deployments; k++)
			put_wanted(o, &p, wish, name, l->group->deployments[k]);
	}
	for (size_t i = 0; i < c->n_deployments; i++)		/* blocked ones are in no group */
		if (c->deployments[i]->blocked && may_see(wish->caller, c, c->deployments[i]->group) && is_seen(wish->caller, c->deployments[i]))
			put_wanted(o, &p, wish, c->deployments[i]->group, c->deployments[i]);
	return (p.at);
}

int64_t
info_deployments(struct buf *out, struct arena *arena, const struct config *c, const struct info_wish *wish)
{
	struct json_out o = { .to = out };
	int64_t total;

	json_open(&o, '{');
	json_name(&o, "data");
	json_open(&o, '[');
	total = put_deployments(&o, arena, c, wish);
	json_close(&o, ']');
	if (wish->size > 0) {
		json_name(&o, "total_count");
		json_int(&o, total);
		json_name(&o, "current_page");
		json_int(&o, wish->page);
		json_name(&o, "total_pages");
		json_int(&o, (total + wish->size - 1) / wish->size);
		json_name(&o, "size");
		json_int(&o, wish->size);
	}
	json_close(&o, '}');
	return (total);
}

/* A group: the most its deployments can, and their sum where they add up */

struct most {
	int64_t	 max_input, max_output, input_price, output_price, rpm, tpm;
	struct text mode;
};

static void
raise(int64_t *most, int64_t value)
{
	*most = value > *most ? value : *most;
}

static void
add_limit(int64_t *sum, int64_t limit)
{
	if (limit < 0)
		return;
	*sum = *sum < 0 ? limit : limit > INT64_MAX - *sum ? INT64_MAX : *sum + limit;
}

static struct most
most_of(const struct group *g)
{
	struct most m = { .input_price = -1, .output_price = -1, .rpm = -1, .tpm = -1 };

	for (size_t i = 0; i < g->n_deployments; i++) {
		const struct deployment *d = g->deployments[i];

		raise(&m.max_input, d->max_input_tokens);
		raise(&m.max_output, d->max_output_tokens);
		raise(&m.input_price, d->input_price);
		raise(&m.output_price, d->output_price);
		add_limit(&m.rpm, d->rpm);
		add_limit(&m.tpm, d->tpm);
		if (m.mode.len == 0)
			m.mode = info_mode(d);
	}
	return (m);
}

static void
put_providers(struct json_out *o, const struct group *g)
{
	json_name(o, "providers");
	json_open(o, '[');
	for (size_t i = 0; i < g->n_deployments; i++) {
		bool new = true;

		for (size_t k = 0; k < i; k++)
			new = new && strcmp(g->deployments[k]->vendor->prefix, g->deployments[i]->vendor->prefix) != 0;
		if (new)
			json_string(o, text_of(g->deployments[i]->vendor->prefix));
	}
	json_close(o, ']');
}

static void
put_limit(struct json_out *o, const char *name, int64_t limit)
{
	json_name(o, name);
	if (limit >= 0)
		json_int(o, limit);
	else
		json_null(o);
}

static void
put_ability(struct json_out *o, const char *name, const struct group *g)
{
	bool any = false;

	for (size_t i = 0; i < g->n_deployments; i++)
		any = any || can(g->deployments[i], name + strlen("supports_")) == 1;
	json_name(o, name);
	json_bool(o, any);
}

static void
put_group(struct json_out *o, const struct listed *l)
{
	static const char *const abilities[] = { "supports_parallel_function_calling", "supports_vision", "supports_web_search",
		"supports_url_context", "supports_reasoning", "supports_function_calling" };
	static const char *const unknown[] = { "configurable_clientside_auth_params", "health_status", "health_response_time",
		"health_checked_at" };
	const struct group *g = l->group;
	struct most m = most_of(g);

	json_open(o, '{');
	json_name(o, "model_group");
	json_string(o, l->name);
	put_providers(o, g);
	put_count(o, "max_input_tokens", m.max_input);
	put_count(o, "max_output_tokens", m.max_output);
	put_price(o, "input_cost_per_token", m.input_price);
	put_price(o, "output_cost_per_token", m.output_price);
	put_price(o, "input_cost_per_pixel", -1);
	put_word(o, "mode", m.mode);
	put_limit(o, "tpm", m.tpm);
	put_limit(o, "rpm", m.rpm);
	for (size_t i = 0; i < nitems(abilities); i++)
		put_ability(o, abilities[i], g);
	put_params(o, (const struct deployment *const *)g->deployments, g->n_deployments);
	json_name(o, "is_public_model_group");
	json_bool(o, false);
	for (size_t i = 0; i < nitems(unknown); i++)
		put_word(o, unknown[i], TEXT(""));
	json_close(o, '}');
}

void
info_groups(struct buf *out, struct arena *arena, const struct config *c, struct text only, const struct caller *caller)
{
	struct json_out o = { .to = out };
	struct listing all = models_listed(arena, c);

	json_open(&o, '{');
	json_name(&o, "data");
	json_open(&o, '[');
	for (size_t i = 0; i < all.n; i++) {
		struct listed one = all.list[i];

		one.name = one.group != NULL ? seen_as(&one, caller, c, TEAM_MODELS_OWN) : TEXT("");
		if (one.name.len > 0 && (only.len == 0 || text_eq(only, one.name)))
			put_group(&o, &one);
	}
	json_close(&o, ']');
	json_close(&o, '}');
}

bool
info_params(struct buf *out, const struct config *c, struct text model)
{
	struct json_out o = { .to = out };
	struct capture captured;
	const struct group *g = config_group(c, model, &captured);

	if (g == NULL)
		return (false);
	json_open(&o, '{');
	put_params(&o, (const struct deployment *const *)g->deployments, g->n_deployments);
	json_close(&o, '}');
	return (true);
}
