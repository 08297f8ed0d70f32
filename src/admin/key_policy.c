/* SPDX-License-Identifier: Apache-2.0 */
/* default_key_generate_params, upperbound_key_generate_params, key_generation_settings; and whether what is guaranteed fits. */
#include "admin/key_policy.h"

#include "admin/keys.h"
#include "admin/roles.h"
#include "admin/teams.h"
#include "base/span.h"

static const struct json *
rule(struct admin_call *c, struct text raw)
{
	struct json_fault fault;

	return (raw.len > 0 ? json_parse(c->arena, raw, &fault) : NULL);
}

/* filling in */

static void
fill(struct json_out *o, const struct json *from, const struct json *unless, const struct json *unless_too)
{
	for (const struct json *m = json_is(from, JSON_OBJECT) ? from->first : NULL; m != NULL; m = m->next) {
		bool said = false;

		for (const struct json *b = unless->first; b != NULL && !said; b = b->next)
			said = b->name.len == m->name.len && memcmp(b->name.at, m->name.at, m->name.len) == 0;
		for (const struct json *b = unless_too != NULL ? unless_too->first : NULL; b != NULL && !said; b = b->next)
			said = b->name.len == m->name.len && memcmp(b->name.at, m->name.at, m->name.len) == 0;
		if (said || m->type == JSON_NULL)
			continue;
		json_name_quoted(o, m->name);
		json_raw(o, m->raw);
	}
}

static const struct json *
filled_body(struct admin_call *c, const struct json *body, const struct json *defaults, const struct json *bounds)
{
	struct buf b = { 0 };
	struct json_out o = { .to = &b };
	struct json_fault fault;
	const struct json *filled;

	json_open(&o, '{');
	for (const struct json *m = body->first; m != NULL; m = m->next) {
		json_name_quoted(&o, m->name);
		json_raw(&o, m->raw);
	}
	fill(&o, defaults, body, NULL);
	fill(&o, bounds, body, json_is(defaults, JSON_OBJECT) ? defaults : NULL);
	json_close(&o, '}');
	filled = json_parse(c->arena, arena_copy(c->arena, buf_as_text(&b)), &fault);
	buf_free(&b);
	return (filled != NULL ? filled : body);
}

/* bounds */

static bool
span_in(struct admin_call *c, const struct json *v, int64_t *ms)
{
	struct span s;

	if (!json_is(v, JSON_STRING) || !span_read(text_trim(json_unescape(c->arena, json_quoted(v))), &s))
		return (false);
	*ms = span_ms(&s);
	return (true);
}

static bool
is_above(struct admin_call *c, const struct json *v, const struct json *most)
{
	double said, bound;
	int64_t ms, most_ms;

	if (v == NULL || most == NULL || most->type == JSON_NULL)
		return (false);
	if (most->type == JSON_NUMBER)
		return (v->type == JSON_NULL || (json_to_double(v->raw, &said) && json_to_double(most->raw, &bound) && said > bound));
	return (span_in(c, most, &most_ms) && (v->type == JSON_NULL || (span_in(c, v, &ms) && ms > most_ms)));
}

static struct error *
check_bounds(struct admin_call *c, const struct json *body, const struct json *bounds)
{
	for (const struct json *m = json_is(bounds, JSON_OBJECT) ? bounds->first : NULL; m != NULL; m = m->next) {
		struct text name = arena_copy(c->arena, json_unescape(c->arena, m->name));
		const struct json *v = json_get(body, name.at);

		if (is_above(c, v, m))
			return (admin_bad(c, name.at, TEXT_FMT " is over max limit set in config - user_value=" TEXT_FMT "; max_value=" TEXT_FMT ".",
			    TEXT_ARG(name), TEXT_ARG(text_sub(v->raw, 0, 64)), TEXT_ARG(m->raw)));
	}
	return (NULL);
}

/* who may make which */

static struct error *
check_required(struct admin_call *c, const struct json *body, const struct json *rules)
{
	const struct json *list = json_get(rules, "required_params");

	for (const struct json *i = json_is(list, JSON_ARRAY) ? list->first : NULL; i != NULL; i = i->next) {
		struct text name = arena_copy(c->arena, json_unescape(c->arena, json_quoted(i)));

		if (!body_has(body, name.at))
			return (admin_bad(c, name.at, "Required param " TEXT_FMT " not in data.", TEXT_ARG(name)));
	}
	return (NULL);
}

static struct error *
check_role(struct admin_call *c, const struct json *rules, const char *member, struct text role)
{
	const struct json *list = json_get(rules, member);

	if (!json_is(list, JSON_ARRAY))
		return (NULL);
	for (const struct json *i = list->first; i != NULL; i = i->next)
		if (text_eq(json_unescape(c->arena, json_quoted(i)), role))
			return (NULL);
	return (admin_forbidden(c, "The role '" TEXT_FMT "' may not make such keys here (key_generation_settings.%s).", TEXT_ARG(role), member));
}

static struct error *
check_makers(struct admin_call *c, const struct json *body)
{
	const struct json *rules = rule(c, c->config->settings.key_rules);
	struct text team, role = text_of(role_names[c->caller->role]);
	bool admin;

	if (rules == NULL || is_admin(c))
		return (NULL);
	TRY(body_text(&team, c, body, "team_id"));
	if (team.len == 0) {
		rules = json_get(rules, "personal_key_generation");
		TRY(check_role(c, rules, "allowed_user_roles", role));
	} else {
		rules = json_get(rules, "team_key_generation");
		TRY(is_team_admin(&admin, c, team));
		TRY(check_role(c, rules, "allowed_team_member_roles", admin ? TEXT("admin") : TEXT("user")));
	}
	return (check_required(c, body, rules));
}

/* Who keeps people and teams by SCIM may do what proxy admins may with them. */
static struct error *
check_routes(struct admin_call *c, const struct json *body)
{
	const struct json *list = json_get(body, "allowed_routes");

	if (is_admin(c) || !json_is(list, JSON_ARRAY))
		return (NULL);
	for (const struct json *i = list->first; i != NULL; i = i->next)
		if (text_starts(json_unescape(c->arena, json_quoted(i)), TEXT("/scim")))
			return (admin_forbidden(c, "Only proxy admins may make keys for /scim."));
	return (NULL);
}

struct error *
key_policy(const struct json **filled, struct admin_call *c, const struct json *body, bool making)
{
	const struct json *defaults = rule(c, c->config->settings.key_defaults), *bounds = rule(c, c->config->settings.key_bounds);

	*filled = body;
	TRY(check_routes(c, body));
	TRY(check_bounds(c, body, bounds));
	if (!making)
		return (NULL);
	TRY(check_makers(c, body));
	if (defaults != NULL || bounds != NULL)
		*filled = filled_body(c, body, defaults, bounds);
	return (NULL);
}

/* guaranteed throughput */

static const struct pledge {
	const char	*type, *limit, *of_models;
} pledges[] = {
	{ "rpm_limit_type", "rpm_limit", "model_rpm_limit" },
	{ "tpm_limit_type", "tpm_limit", "model_tpm_limit" },
};

/* A team and those of its keys that are not the one in question. */
struct giver {
	struct doc	 team, *keys;
	unsigned	 n;
};

static bool
is_guaranteed(const struct doc *d, const char *type)
{
	return (text_is(field_raw(d, &key_noun, type), "\"guaranteed_throughput\""));
}

static int64_t
of_model(struct admin_call *c, const struct doc *d, const struct noun *noun, const char *of_models, const char *model, int64_t otherwise)
{
	struct doc counts;

	doc_read(&counts, c->arena, field_raw(d, noun, of_models));
	return (doc_int(&counts, model, otherwise));
}

static int64_t
plus(int64_t a, int64_t b)
{
	int64_t sum;

	return (__builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum);
}

/* What the keys of a team have for sure, of one model or in all (NULL). */
static int64_t
pledged(struct admin_call *c, const struct giver *g, const struct pledge *p, const char *model)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < g->n; i++)
		if (is_guaranteed(&g->keys[i], p->type))
			sum = plus(sum, model != NULL ? of_model(c, &g->keys[i], &key_noun, p->of_models, model, 0) : doc_int(&g->keys[i], p->limit, 0));
	return (sum);
}

static struct error *
check_whole(struct admin_call *c, const struct doc *d, const struct giver *g, const struct pledge *p)
{
	int64_t sum = plus(doc_int(d, p->limit, 0), pledged(c, g, p, NULL)), most = doc_int(&g->team, p->limit, -1);

	if (most < 0 || sum <= most)
		return (NULL);
	return (admin_bad(c, p->limit, "Allocated %s=%lld of guaranteed keys would exceed the team's %s=%lld.", p->limit, (long long)sum, p->limit,
	    (long long)most));
}

/* Of a model no more than the team has of it, and than it has in all. */
static struct error *
check_model(struct admin_call *c, const struct doc *d, const struct giver *g, const struct pledge *p, const char *model)
{
	int64_t sum = plus(of_model(c, d, &key_noun, p->of_models, model, 0), pledged(c, g, p, model));
	int64_t all = doc_int(&g->team, p->limit, -1), most = of_model(c, &g->team, &team_noun, p->of_models, model, -1);
	const char *what = p->of_models;

	if (all >= 0 && (most < 0 || all < most)) {
		most = all;
		what = p->limit;
	}
	if (most < 0 || sum <= most)
		return (NULL);
	return (admin_bad(c, p->of_models, "Allocated %s=%lld of guaranteed keys for model '%s' would exceed the team's %s=%lld.", p->of_models, (long long)sum,
	    model, what, (long long)most));
}

static struct error *
check_pledge(struct admin_call *c, const struct doc *d, const struct giver *g, const struct pledge *p)
{
	struct doc counts;

	if (!is_guaranteed(d, p->type))
		return (NULL);
	TRY(check_whole(c, d, g, p));
	doc_read(&counts, c->arena, field_raw(d, &key_noun, p->of_models));
	for (unsigned i = 0; i < counts.n; i++)
		TRY(check_model(c, d, g, p, arena_copy(c->arena, counts.members[i].name).at));
	return (NULL);
}

static struct error *
read_giver(struct giver *g, struct admin_call *c, struct text team_id, struct text digest)
{
	struct rows team, keys;

	TRY(ASK(c, &team, SQL_TEAM_DOC, V_TEXT(team_id)));
	TRY(ASK(c, &keys, SQL_TEAM_KEYS_DOCS, V_TEXT(team_id)));
	doc_read(&g->team, c->arena, team.n > 0 ? rows_text(&team, 0, 0) : TEXT(""));
	g->keys = arena_alloc(c->arena, (keys.n + 1) * sizeof(*g->keys));
	g->n = 0;
	for (unsigned i = 0; i < keys.n; i++)
		if (!text_eq(rows_text(&keys, i, 0), digest))
			doc_read(&g->keys[g->n++], c->arena, rows_text(&keys, i, 1));
	return (NULL);
}

struct error *
key_throughput(struct admin_call *c, const struct doc *d, struct text digest)
{
	struct text team_id = doc_string(d, "team_id");
	struct giver g;

	if (team_id.len == 0 || (!is_guaranteed(d, "rpm_limit_type") && !is_guaranteed(d, "tpm_limit_type")))
		return (NULL);
	TRY(read_giver(&g, c, team_id, digest));
	for (size_t i = 0; i < nitems(pledges); i++)
		TRY(check_pledge(c, d, &g, &pledges[i]));
	return (NULL);
}
