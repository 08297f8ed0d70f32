/* SPDX-License-Identifier: Apache-2.0 */
/*
 * general_settings.enable_jwt_auth and litellm_jwtauth: whose tokens are trusted, and who their claims say somebody is.
 *
 * A member that decides who may what, and that we can not do, stops the start.
 */
#include "config/config_priv.h"

#define OAUTH2_TTL_MS	60000			/* so long an answer of the issuer counts */

static const char *const in_force[] = {
	"admin_jwt_scope", "admin_allowed_routes", "user_id_jwt_field", "user_email_jwt_field", "user_allowed_email_domain", "user_roles_jwt_field",
	"user_allowed_roles", "team_id_jwt_field", "team_ids_jwt_field", "team_id_default", "team_allowed_routes", "org_id_jwt_field",
	"end_user_id_jwt_field", "public_key_ttl", "roles_jwt_field", "jwt_litellm_role_map", "issuer", "virtual_key_claim_field", "jwt_client_id_field",
	"unregistered_jwt_client_behavior", "auto_register_map_existing_key", "object_id_jwt_field", "role_mappings", "enforce_rbac", "scope_mappings",
	"enforce_scope_based_access", "enforce_team_based_model_access", "team_alias_jwt_field", "org_alias_jwt_field", "user_id_upsert", "team_id_upsert",
	"upsert_sso_user_to_team", "sync_user_role_and_teams", "public_allowed_routes", "oidc_userinfo_enabled", "oidc_userinfo_endpoint",
	"oidc_userinfo_cache_ttl",
};
/* A change holds at once here. */
static const char *const needless[] = { "virtual_key_mapping_cache_ttl" };

static bool
read_source(struct jwks_source *s, struct load *l, struct text t, const char *name)
{
	const char *why;
	struct url url;

	*s = (struct jwks_source){ .url = arena_copy(l->arena, text_trim(t)) };
	why = url_parse(&url, s->url);
	if (why != NULL) {
		problem(l, PROBLEM_ERROR, NULL, "%s %s", name, why);
		s->url = TEXT("");
		return (false);
	}
	s->host = url.literal ? TEXT("") : arena_copy(l->arena, url.host);
	s->port = url.port;
	s->proxy = arena_copy(l->arena, proxy_for(l, &url));
	s->verify = l->config->settings.ssl_verify;
	return (true);
}

static void
read_sources(struct load *l)
{
	struct text rest = text_of(config_env(l->config, "JWT_PUBLIC_KEY_URL")), one;

	l->config->jwt.sources = arena_alloc(l->arena, JWKS_SOURCES_MOST * sizeof(*l->config->jwt.sources));
	for (bool more = rest.len > 0; more && l->config->jwt.n_sources < JWKS_SOURCES_MOST;) {
		more = text_cut(rest, ',', &one, &rest);
		if (text_trim(one).len > 0 && read_source(&l->config->jwt.sources[l->config->jwt.n_sources], l, one, "JWT_PUBLIC_KEY_URL"))
			l->config->jwt.n_sources++;
	}
}

/* Pairs of a role of the token and one of ours. */
static void
read_roles(struct jwt_role **roles, size_t *n, struct load *l, const struct node *list, const char *theirs, const char *ours)
{
	if (!want_kind(l, list, NODE_LIST))
		return;
	*roles = arena_alloc(l->arena, (list->n + 1) * sizeof(**roles));
	for (const struct pair *p = list->first; p != NULL; p = p->next) {
		struct jwt_role *r = &(*roles)[*n];

		if (want_kind(l, p->value, NODE_MAP) && want_text(l, node_get(p->value, theirs), &r->named) && want_text(l, node_get(p->value, ours), &r->role))
			++*n;
	}
}

static void
read_grants(struct jwt_grant **grants, size_t *n, struct load *l, const struct node *list, const char *name)
{
	if (!want_kind(l, list, NODE_LIST))
		return;
	*grants = arena_alloc(l->arena, (list->n + 1) * sizeof(**grants));
	for (const struct pair *p = list->first; p != NULL; p = p->next) {
		struct jwt_grant *g = &(*grants)[*n];

		if (!want_kind(l, p->value, NODE_MAP) || !want_text(l, node_get(p->value, name), &g->name))
			continue;
		g->n_models = want_texts(l, node_get(p->value, "models"), &g->models);
		g->n_routes = want_texts(l, node_get(p->value, "routes"), &g->routes);
		++*n;
	}
}

/* A role that nobody can have would shut out whom it means to let in. */
static void
check_mappings(struct load *l, const struct node *list)
{
	static const char *const roles[] = { "proxy_admin", "team", "internal_user" };
	const struct jwt_rules *j = &l->config->jwt;

	for (size_t i = 0; i < j->n_mappings; i++)
		if (!has_word(j->mappings[i].role, roles, nitems(roles)))
			problem(l, PROBLEM_ERROR, list, "role_mappings: internal_role must be proxy_admin, team or internal_user, not " TEXT_FMT,
			    TEXT_ARG(j->mappings[i].role));
}

static void
read_key_claim(struct load *l, const struct node *map)
{
	static const char *const behaviours[] = { [STRANGER_TEAM] = "fallback_team_mapping", [STRANGER_REJECT] = "reject",
	    [STRANGER_REGISTER] = "auto_register" };
	const struct node *said = node_get(map, "unregistered_jwt_client_behavior");
	struct jwt_rules *j = &l->config->jwt;
	struct text word = TEXT("");
	size_t i = 0;

	want_text(l, node_get(map, "virtual_key_claim_field"), &j->key_claim);
	if (j->key_claim.len == 0)
		want_text(l, node_get(map, "jwt_client_id_field"), &j->key_claim);
	want_bool(l, node_get(map, "auto_register_map_existing_key"), &j->takes_own_key);
	if (!want_text(l, said, &word))
		return;
	while (i < nitems(behaviours) && !text_is(word, behaviours[i]))
		i++;
	if (i < nitems(behaviours))
		j->stranger = (enum jwt_stranger)i;
	else
		problem(l, PROBLEM_ERROR, said, "unregistered_jwt_client_behavior must be fallback_team_mapping, reject or auto_register");
}

static void
read_access(struct load *l, const struct node *map, const struct node *general)
{
	struct jwt_rules *j = &l->config->jwt;

	want_text(l, node_get(map, "object_id_jwt_field"), &j->object_id);
	want_text(l, node_get(map, "roles_jwt_field"), &j->mapped_roles);
	read_roles(&j->mappings, &j->n_mappings, l, node_get(map, "role_mappings"), "role", "internal_role");
	check_mappings(l, node_get(map, "role_mappings"));
	read_grants(&j->scopes, &j->n_scopes, l, node_get(map, "scope_mappings"), "scope");
	read_grants(&j->permissions, &j->n_permissions, l, node_get(general, "role_permissions"), "role");
	want_bool(l, node_get(map, "enforce_scope_based_access"), &j->by_scope);
	want_bool(l, node_get(map, "enforce_rbac"), &j->by_role);
	want_bool(l, node_get(map, "enforce_team_based_model_access"), &j->by_team);
	j->n_public_routes = want_texts(l, node_get(map, "public_allowed_routes"), &j->public_routes);
	if (j->by_scope && j->n_scopes == 0)
		problem(l, PROBLEM_ERROR, node_get(map, "enforce_scope_based_access"), "enforce_scope_based_access needs scope_mappings: no token could call a model");
}

static void
read_rows(struct load *l, const struct node *map)
{
	struct jwt_rules *j = &l->config->jwt;

	want_text(l, node_get(map, "team_alias_jwt_field"), &j->team_alias);
	want_text(l, node_get(map, "org_alias_jwt_field"), &j->organization_alias);
	want_bool(l, node_get(map, "user_id_upsert"), &j->makes_users);
	want_bool(l, node_get(map, "team_id_upsert"), &j->makes_teams);
	want_bool(l, node_get(map, "upsert_sso_user_to_team"), &j->joins_teams);
	want_bool(l, node_get(map, "sync_user_role_and_teams"), &j->follows);
}

static void
read_userinfo(struct load *l, const struct node *map)
{
	struct jwt_rules *j = &l->config->jwt;
	struct text url = TEXT("");
	bool on = false;

	want_bool(l, node_get(map, "oidc_userinfo_enabled"), &on);
	want_text(l, node_get(map, "oidc_userinfo_endpoint"), &url);
	want_ms(l, node_get(map, "oidc_userinfo_cache_ttl"), &j->userinfo_ttl_ms);
	if (on && url.len == 0)
		problem(l, PROBLEM_ERROR, node_get(map, "oidc_userinfo_enabled"), "oidc_userinfo_enabled needs oidc_userinfo_endpoint");
	else if (on)
		read_source(&j->userinfo, l, url, "oidc_userinfo_endpoint");
}

/* general_settings.enable_oauth2_auth, which LiteLLM configures by the environment. */

static struct text
variable(struct load *l, const char *name, const char *otherwise)
{
	const char *said = config_env(l->config, name);

	return (arena_copy(l->arena, text_of(said != NULL && said[0] != '\0' ? said : otherwise)));
}

static bool
is_introspection(struct text url)
{
	struct text word = TEXT("introspect");

	for (size_t i = 0; i + word.len <= url.len; i++)
		if (text_eq_nocase(text_sub(url, i, i + word.len), word))
			return (true);
	return (false);
}

/* Roles are said by our names. */
static void
roles_as_they_are(struct jwt_rules *j)
{
	static struct jwt_role same[] = {
		{ { "proxy_admin", 11 }, { "proxy_admin", 11 } }, { { "proxy_admin_viewer", 18 }, { "proxy_admin_viewer", 18 } },
		{ { "internal_user", 13 }, { "internal_user", 13 } }, { { "internal_user_viewer", 20 }, { "internal_user_viewer", 20 } },
	};

	j->roles = same;
	j->n_roles = nitems(same);
}

static void
read_oauth2(struct load *l, const struct node *said)
{
	struct jwt_rules *j = &l->config->jwt;
	struct text url = variable(l, "OAUTH_TOKEN_INFO_ENDPOINT", ""), id = variable(l, "OAUTH_CLIENT_ID", ""),
	    secret = variable(l, "OAUTH_CLIENT_SECRET", "");

	if (j->on) {
		problem(l, PROBLEM_ERROR, said, "enable_oauth2_auth and enable_jwt_auth would say twice whose a token is: litellm_jwtauth.oidc_userinfo_endpoint asks "
		    "an issuer beside JWTs");
		return;
	}
	j->on = true;
	j->user_id = variable(l, "OAUTH_USER_ID_FIELD_NAME", "sub");
	j->user_roles = variable(l, "OAUTH_USER_ROLE_FIELD_NAME", "role");
	j->team_id = variable(l, "OAUTH_USER_TEAM_ID_FIELD_NAME", "team_id");
	j->admin_scope = TEXT("");
	j->userinfo_ttl_ms = OAUTH2_TTL_MS;
	roles_as_they_are(j);
	if (url.len == 0)
		problem(l, PROBLEM_ERROR, said, "enable_oauth2_auth needs the address that tells whose a token is in OAUTH_TOKEN_INFO_ENDPOINT");
	else if (read_source(&j->userinfo, l, url, "OAUTH_TOKEN_INFO_ENDPOINT") && is_introspection(url) && id.len > 0 && secret.len > 0)
		j->introspect = basic_header(l, id, secret);
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
	read_roles(&j->roles, &j->n_roles, l, node_get(map, "jwt_litellm_role_map"), "jwt_role", "litellm_role");
}

static void
check_members(struct load *l, const struct node *map)
{
	for (const struct pair *p = map->first; p != NULL; p = p->next) {
		if (has_word(p->key, in_force, nitems(in_force)) || node_is_null(p->value) || !node_is_true(p->value))
			continue;
		if (!has_word(p->key, needless, nitems(needless)))
			litellm_unenforced(l, map, p, "decides whose tokens may what");
	}
}

void
jwt_read_rules(struct load *l, const struct node *general)
{
	static struct text routes[] = { { "openai_routes", 13 }, { "info_routes", 11 }, { "mcp_routes", 10 } };
	struct jwt_rules *j = &l->config->jwt;
	const struct node *map = node_get(general, "litellm_jwtauth");
	bool oauth2 = false;

	*j = (struct jwt_rules){ .audience = text_of(config_env(l->config, "JWT_AUDIENCE")), .issuer = text_of(config_env(l->config, "JWT_ISSUER")),
		.admin_scope = TEXT("litellm_proxy_admin"), .ttl_ms = 600000, .user_id = TEXT(""), .user_email = TEXT(""), .email_domain = TEXT(""),
		.user_roles = TEXT(""), .team_id = TEXT(""), .team_ids = TEXT(""), .team_default = TEXT(""), .organization_id = TEXT(""),
		.end_user_id = TEXT(""), .team_routes = routes, .n_team_routes = nitems(routes), .key_claim = TEXT(""), .object_id = TEXT(""),
		.mapped_roles = TEXT(""), .team_alias = TEXT(""), .organization_alias = TEXT(""), .userinfo.url = TEXT(""), .userinfo_ttl_ms = 300000,
		.introspect = TEXT("") };
	j->audience = arena_copy(l->arena, j->audience);
	j->issuer = arena_copy(l->arena, j->issuer);
	want_bool(l, node_get(general, "enable_jwt_auth"), &j->on);
	want_bool(l, node_get(general, "enable_oauth2_auth"), &oauth2);
	if (oauth2)
		read_oauth2(l, node_get(general, "enable_oauth2_auth"));
	if (!j->on || oauth2)
		return;
	read_sources(l);
	if (want_kind(l, map, NODE_MAP)) {
		check_members(l, map);
		read_rules(l, map);
		read_key_claim(l, map);
		read_access(l, map, general);
		read_rows(l, map);
		read_userinfo(l, map);
	}
	if (j->n_sources == 0 && j->userinfo.url.len == 0)
		problem(l, PROBLEM_ERROR, node_get(general, "enable_jwt_auth"), "enable_jwt_auth needs the address of the issuer's keys in JWT_PUBLIC_KEY_URL");
}
