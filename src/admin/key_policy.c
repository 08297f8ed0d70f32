/* SPDX-License-Identifier: Apache-2.0 */
/* default_key_generate_params, upperbound_key_generate_params, key_generation_settings. */
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
