/* SPDX-License-Identifier: Apache-2.0 */
/*
 * general_settings.enable_jwt_auth and litellm_jwtauth: whose tokens are trusted, and who their claims say somebody is.
 *
 * A member that decides who may what, and that we can not do, stops the start.
 */
#include "config/config_priv.h"

static const char *const in_force[] = {
	"admin_jwt_scope", "admin_allowed_routes", "user_id_jwt_field", "user_email_jwt_field", "user_allowed_email_domain", "user_roles_jwt_field",
	"user_allowed_roles", "team_id_jwt_field", "team_ids_jwt_field", "team_id_default", "team_allowed_routes", "org_id_jwt_field",
	"end_user_id_jwt_field", "public_key_ttl", "roles_jwt_field", "jwt_litellm_role_map", "issuer",
};
/* What would make a row, where there is none; a token is taken without. */
static const char *const harmless[] = { "user_id_upsert", "team_id_upsert", "upsert_sso_user_to_team", "object_id_jwt_field", "team_alias_jwt_field",
	"org_alias_jwt_field", "sync_user_role_and_teams", "public_allowed_routes", "virtual_key_mapping_cache_ttl" };

static bool
add_source(struct load *l, struct text t)
{
	struct jwks_source *s = &l->config->jwt.sources[l->config->jwt.n_sources];
	const char *why;
	struct url url;

	s->url = arena_copy(l->arena, text_trim(t));
	why = url_parse(&url, s->url);
	if (why != NULL) {
		problem(l, PROBLEM_ERROR, NULL, "JWT_PUBLIC_KEY_URL %s", why);
		return (false);
	}
	s->host = url.literal ? TEXT("") : arena_copy(l->arena, url.host);
	s->port = url.port;
	s->proxy = arena_copy(l->arena, proxy_for(l, &url));
	s->verify = l->config->settings.ssl_verify;
	l->config->jwt.n_sources++;
	return (true);
}

static void
read_sources(struct load *l)
{
	struct text rest = text_of(config_env(l->config, "JWT_PUBLIC_KEY_URL")), one;

	l->config->jwt.sources = arena_alloc(l->arena, JWKS_SOURCES_MOST * sizeof(*l->config->jwt.sources));
	for (bool more = rest.len > 0; more && l->config->jwt.n_sources < JWKS_SOURCES_MOST;) {
		more = text_cut(rest, ',', &one, &rest);
		if (text_trim(one).len > 0)
			add_source(l, one);
	}
}

static void
read_role_map(struct load *l, const struct node *list)
{
	struct jwt_rules *j = &l->config->jwt;

	if (!want_kind(l, list, NODE_LIST))
		return;
	j->roles = arena_alloc(l->arena, (list->n + 1) * sizeof(*j->roles));
	for (const struct pair *p = list->first; p != NULL; p = p->next) {
		struct jwt_role *r = &j->roles[j->n_roles];

		if (want_kind(l, p->value, NODE_MAP) && want_text(l, node_get(p->value, "jwt_role"), &r->named) &&
		    want_text(l, node_get(p->value, "litellm_role"), &r->role))
			j->n_roles++;
	}
}

static void
read_rules(struct load *l, const struct node *map)
{
	struct jwt_rules *j = &l->config->jwt;

	want_text(l, node_get(map, "admin_jwt_scope"), &j->admin_scope);
	want_text(l, node_get(map, "user_id_jwt_field"), &j->user_id);
	want_text(l, node_get(map, "user_email_jwt_field"), &j->user_email);
	want_text(l, node_get(map, "user_allowed_email_domain"), &j->email_domain);
	want_text(l, node_get(map, "user_roles_jwt_field"), &j->user_roles);
	if (j->user_roles.len == 0)
		want_text(l, node_get(map, "roles_jwt_field"), &j->user_roles);
	want_text(l, node_get(map, "team_id_jwt_field"), &j->team_id);
	want_text(l, node_get(map, "team_ids_jwt_field"), &j->team_ids);
	want_text(l, node_get(map, "team_id_default"), &j->team_default);
	want_text(l, node_get(map, "org_id_jwt_field"), &j->organization_id);
	want_text(l, node_get(map, "end_user_id_jwt_field"), &j->end_user_id);
	want_text(l, node_get(map, "issuer"), &j->issuer);
	want_ms(l, node_get(map, "public_key_ttl"), &j->ttl_ms);
	j->n_allowed_roles = want_texts(l, node_get(map, "user_allowed_roles"), &j->allowed_roles);
	if (node_get(map, "team_allowed_routes") != NULL)
		j->n_team_routes = want_texts(l, node_get(map, "team_allowed_routes"), &j->team_routes);
	j->n_admin_routes = want_texts(l, node_get(map, "admin_allowed_routes"), &j->admin_routes);
	read_role_map(l, node_get(map, "jwt_litellm_role_map"));
}

static void
check_members(struct load *l, const struct node *map)
{
	for (const struct pair *p = map->first; p != NULL; p = p->next) {
		if (has_word(p->key, in_force, nitems(in_force)) || node_is_null(p->value) || !node_is_true(p->value))
			continue;
		if (has_word(p->key, harmless, nitems(harmless)))
			problem_key(l, PROBLEM_WARNING, map, p, TEXT_FMT " is not in force yet", TEXT_ARG(p->key));
		else
			litellm_unenforced(l, map, p, "decides whose tokens may what");
	}
}

void
jwt_read_rules(struct load *l, const struct node *general)
{
	static struct text routes[] = { { "openai_routes", 13 }, { "info_routes", 11 }, { "mcp_routes", 10 } };
	struct jwt_rules *j = &l->config->jwt;
	const struct node *map = node_get(general, "litellm_jwtauth");

	*j = (struct jwt_rules){ .audience = text_of(config_env(l->config, "JWT_AUDIENCE")), .issuer = text_of(config_env(l->config, "JWT_ISSUER")),
		.admin_scope = TEXT("litellm_proxy_admin"), .ttl_ms = 600000, .user_id = TEXT(""), .user_email = TEXT(""), .email_domain = TEXT(""),
		.user_roles = TEXT(""), .team_id = TEXT(""), .team_ids = TEXT(""), .team_default = TEXT(""), .organization_id = TEXT(""),
		.end_user_id = TEXT(""), .team_routes = routes, .n_team_routes = nitems(routes) };
	j->audience = arena_copy(l->arena, j->audience);
	j->issuer = arena_copy(l->arena, j->issuer);
	want_bool(l, node_get(general, "enable_jwt_auth"), &j->on);
	if (!j->on)
		return;
	read_sources(l);
	if (j->n_sources == 0)
		problem(l, PROBLEM_ERROR, node_get(general, "enable_jwt_auth"), "enable_jwt_auth needs the address of the issuer's keys in JWT_PUBLIC_KEY_URL");
	if (!want_kind(l, map, NODE_MAP))
		return;
	check_members(l, map);
	read_rules(l, map);
}
