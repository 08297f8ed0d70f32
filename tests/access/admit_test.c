/* SPDX-License-Identifier: Apache-2.0 */
/* Who may call which model by which path, rule by rule, and what is said to those who may not. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "access/admit.h"
#include "access/models.h"
#include "access/routes.h"

#include <stdio.h>

#define NOW	INT64_C(1785000000000)

static const char yaml[] =
    "general_settings: {master_key: sk-a-master-key-for-tests}\n"
    "router_settings:\n  model_group_alias: {nick: gpt-4o}\n"
    "model_list:\n"
    "- {model_name: gpt-4o, litellm_params: {model: openai/gpt-4o, api_key: x}, model_info: {access_groups: [beta, gamma]}}\n"
    "- {model_name: gpt-3.5-turbo, litellm_params: {model: openai/gpt-3.5-turbo, api_key: x}}\n"
    "- {model_name: claude, litellm_params: {model: anthropic/claude-sonnet-4-5, api_key: x}}\n"
    "- {model_name: 'mistral/*', litellm_params: {model: 'mistral/*', api_key: x}, model_info: {access_groups: [beta]}}\n";

static struct arena *arena;
static struct config *config;
static struct caller caller;
static struct standing key, team, member, user, project, organization, customer;

static int
set_up(void **state)
{
	(void)state;
	arena = arena_new();
	config = config_load_text("t.yaml", text_of(yaml));
	assert_int_equal(config->n_errors, 0);
	key = team = member = user = project = organization = customer = standing_none;
	key.id = TEXT("k");
	team.id = TEXT("t1");
	user.id = TEXT("u1");
	member.id = TEXT("t1/u1");
	customer.id = TEXT("c1");
	project.id = TEXT("p1");
	caller = (struct caller){ .kind = CALLER_KEY, .shown = TEXT("sk-...wxyz"), .user_id = TEXT(""), .team_id = TEXT("") };
	caller.standing[SCOPE_KEY] = &key;
	return (0);
}

static int
tear_down(void **state)
{
	(void)state;
	config_release(config);
	arena_free(arena);
	return (0);
}

/* A list of words: "a b c". */
static void
set(struct text **list, unsigned *n, const char *words)
{
	struct text rest = text_of(words), one;

	*list = arena_alloc(arena, 16 * sizeof(**list));
	*n = 0;
	for (bool more = rest.len > 0; more; (*list)[(*n)++] = one)
		more = text_cut(rest, ' ', &one, &rest);
}
#define MODELS(s, words)	set(&(s).models, &(s).n_models, words)
#define ROUTES(words)		set(&key.routes, &key.n_routes, words)

static struct error *
ask(const char *model)
{
	struct admission a = { .config = config, .model = text_of(model), .now_ms = NOW };

	return (admit(arena, &caller, &a));
}

static bool
may(const char *model)
{
	return (ask(model) == NULL);
}

static void
refused(struct error *e, int status, const char *type, const char *param, const char *words)
{
	char code[16];

	assert_non_null(e);
	snprintf(code, sizeof(code), "%d", status);
	assert_int_equal(error_status(e), status);
	assert_string_equal(arena_copy(arena, e->type).at, type);
	assert_string_equal(arena_copy(arena, e->param).at, param);
	assert_string_equal(arena_copy(arena, e->code).at, code);
	if (!text_has(e->message, text_of(words)))
		fail_msg("'" TEXT_FMT "' lacks '%s'", TEXT_ARG(e->message), words);
}

static void
an_empty_list_allows_all(void **state)
{
	(void)state;
	assert_true(may("gpt-4o") && may("whatever"));
}

static void
a_list_allows_what_it_names(void **state)
{
	(void)state;
	MODELS(key, "gpt-4o claude");
	assert_true(may("gpt-4o") && may("claude"));
	refused(ask("gpt-3.5-turbo"), 401, "key_model_access_denied", "model",
	    "key not allowed to access model. This key can only access models=['gpt-4o', 'claude']. Tried to access gpt-3.5-turbo");
	assert_false(may("GPT-4o"));
	assert_false(may("gpt-4"));
}

static void
an_alias_of_the_router_stands_for_its_target(void **state)
{
	(void)state;
	MODELS(key, "gpt-4o");
	assert_true(may("nick"));
	MODELS(key, "claude");
	assert_false(may("nick"));
}

static void
access_groups_stand_for_their_models(void **state)
{
	(void)state;
	MODELS(key, "beta");
	assert_true(may("gpt-4o") && may("mistral/large") && may("nick"));
	assert_false(may("claude"));
	MODELS(key, "delta gamma");
	assert_true(may("gpt-4o"));
	assert_false(may("mistral/large"));
}

static void
patterns_match_names_with_and_without_their_vendor(void **state)
{
	(void)state;
	MODELS(key, "openai/*");
	assert_true(may("openai/gpt-4o") && may("gpt-3.5-turbo"));
	assert_false(may("claude-sonnet-4-5") || may("openai") || may("xopenai/gpt-4o"));
	MODELS(key, "bedrock/*.claude*");
	assert_true(may("bedrock/eu.anthropic.claude-3"));
	assert_false(may("bedrock/eu.anthropic.titan"));
	MODELS(key, "*-turbo");
	assert_true(may("gpt-3.5-turbo"));
	assert_false(may("gpt-3.5-turbo-16k"));
}

static void
stars_match_whole_names_fast(void **state)
{
	char name[501] = { 0 };

	(void)state;
	assert_true(star_match(TEXT("a*b*c"), TEXT("aXbYbZc")) && star_match(TEXT("*"), TEXT("")) && star_match(TEXT("**a"), TEXT("ba")));
	assert_false(star_match(TEXT("a*b"), TEXT("ab ")) || star_match(TEXT(""), TEXT("a")));
	memset(name, 'a', 500);
	assert_false(star_match(TEXT("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b"), text_of(name)));
}

static void
all_means_all(void **state)
{
	(void)state;
	MODELS(key, "*");
	assert_true(may("claude"));
	MODELS(key, "x all-proxy-models");
	assert_true(may("claude"));
}

static void
the_teams_list_may_stand_for_the_keys(void **state)
{
	(void)state;
	MODELS(key, "all-team-models");
	assert_false(may("gpt-4o"));			/* no team */
	caller.standing[SCOPE_TEAM] = &team;
	caller.team_id = team.id;
	MODELS(team, "gpt-4o");
	assert_true(may("gpt-4o"));
	refused(ask("claude"), 401, "team_model_access_denied", "model",
	    "Team not allowed to access model. Team=t1, Model=claude. Allowed team models = ['gpt-4o']");
}

static void
every_level_must_pass(void **state)
{
	struct { struct standing *s; enum scope scope; const char *type, *words; } rows[] = {
		{ &team, SCOPE_TEAM, "team_model_access_denied", "Team not allowed to access model." },
		{ &member, SCOPE_MEMBER, "team_model_access_denied", "Team member not allowed to access model. Member=t1/u1" },
		{ &project, SCOPE_PROJECT, "project_model_access_denied", "project not allowed to access model. This project can only access models=['claude']" },
		{ &organization, SCOPE_ORGANIZATION, "org_model_access_denied", "org not allowed to access model. This org can only" },
		{ &user, SCOPE_USER, "user_model_access_denied", "user not allowed to access model. This user can only" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		MODELS(*rows[i].s, "claude");
		caller.standing[rows[i].scope] = rows[i].s;
		assert_true(may("claude"));
		refused(ask("gpt-4o"), 401, rows[i].type, "model", rows[i].words);
		assert_false(admit_lists(&caller, config, TEXT("gpt-4o")));
		assert_true(admit_lists(&caller, config, TEXT("claude")));
		caller.standing[rows[i].scope] = NULL;
	}
}

static void
a_users_list_binds_only_keys_of_their_own(void **state)
{
	(void)state;
	caller.standing[SCOPE_USER] = &user;
	MODELS(user, "no-default-models");
	refused(ask("gpt-4o"), 401, "key_model_access_denied", "model", "User not allowed to access model. No default model access, only team models allowed");
	caller.standing[SCOPE_TEAM] = &team;
	caller.team_id = team.id;
	assert_true(may("gpt-4o"));
}

static void
unified_groups_add_to_a_list(void **state)
{
	static struct text ids[] = { { "g1", 2 } };
	struct standing group = standing_none;
	const struct standing *groups[] = { NULL, &group };

	(void)state;
	MODELS(group, "claude mistral/*");
	key.groups = ids;
	key.n_groups = 1;
	caller.groups = groups;
	caller.n_groups = 2;
	assert_true(may("claude") && may("mistral/small"));
	refused(ask("gpt-4o"), 401, "key_model_access_denied", "model", "models=[]");
	MODELS(key, "gpt-4o");
	assert_true(may("gpt-4o") && may("claude"));
	caller.n_groups = 0;				/* the group is gone: nothing is allowed by it */
	assert_false(may("claude"));
}

static struct pair_text key_alias[] = { { { "fast", 4 }, { "gpt-3.5-turbo", 13 } } };
static struct pair_text team_alias[] = { { { "house", 5 }, { "claude", 6 } } };

static void
a_keys_alias_is_checked_as_what_it_means(void **state)
{
	(void)state;
	key.aliases = key_alias;
	key.n_aliases = 1;
	MODELS(key, "gpt-3.5-turbo");
	assert_true(may("fast"));
	assert_true(text_is(admit_model(&caller, config, TEXT("fast")), "gpt-3.5-turbo"));
	MODELS(key, "fast");
	assert_true(may("fast"));
	/* whoever makes keys can not name around the team's list */
	caller.standing[SCOPE_TEAM] = &team;
	caller.team_id = team.id;
	MODELS(team, "fast");
	assert_false(may("fast"));
	MODELS(team, "gpt-3.5-turbo");
	assert_true(may("fast"));
}

static void
a_teams_alias_counts_as_allowed(void **state)
{
	(void)state;
	team.aliases = team_alias;
	team.n_aliases = 1;
	caller.standing[SCOPE_TEAM] = &team;
	caller.team_id = team.id;
	MODELS(team, "gpt-4o");
	MODELS(key, "gpt-4o");
	assert_true(may("house"));
	assert_false(may("claude"));
	assert_true(text_is(admit_model(&caller, config, TEXT("house")), "claude"));
	assert_true(text_is(admit_model(&caller, config, TEXT("other")), "other"));
	caller.standing[SCOPE_ORGANIZATION] = &organization;
	MODELS(organization, "gpt-4o");
	assert_false(may("house"));
}

static void
fallbacks_of_the_client_are_checked(void **state)
{
	struct text other[] = { TEXT("gpt-4o"), TEXT("claude") };
	struct admission a = { .config = config, .model = TEXT("gpt-4o"), .fallbacks = other, .n_fallbacks = 2, .now_ms = NOW };

	(void)state;
	MODELS(key, "gpt-4o");
	refused(admit(arena, &caller, &a), 401, "key_model_access_denied", "model", "Tried to access claude");
}

static void
blocked_ones_are_out(void **state)
{
	(void)state;
	key.blocked = true;
	refused(ask("gpt-4o"), 401, "auth_error", "None", "Authentication Error, Key is blocked. Update via /key/unblock if you're an admin.");
	refused(admit_blocked(arena, &caller), 401, "auth_error", "None", "Key is blocked");
	key.blocked = false;
	assert_null(admit_blocked(arena, &caller));
	caller.standing[SCOPE_TEAM] = &team;
	team.blocked = true;
	refused(ask("gpt-4o"), 401, "auth_error", "None", "Team=t1 is blocked. Update via /team/unblock");
	team.blocked = false;
	caller.standing[SCOPE_PROJECT] = &project;
	project.blocked = true;
	refused(ask("gpt-4o"), 401, "auth_error", "None", "Project=p1 is blocked.");
	project.blocked = false;
	caller.standing[SCOPE_USER] = &user;
	user.blocked = true;
	refused(ask("gpt-4o"), 401, "auth_error", "None", "User=u1 is not active");
	user.blocked = false;
	caller.standing[SCOPE_CUSTOMER] = &customer;
	customer.blocked = true;
	refused(ask("gpt-4o"), 401, "auth_error", "None", "End User=c1 is blocked");
}

static void
keys_expire(void **state)
{
	(void)state;
	key.expires_ms = NOW + 1;
	assert_true(may("gpt-4o"));
	key.expires_ms = NOW;
	refused(ask("gpt-4o"), 401, "expired_key", "sk-...wxyz",
	    "Authentication Error - Expired Key. Key Expiry time 2026-07-25 17:20:00+00:00 and current time 2026-07-25 17:20:00+00:00");
	/* the model is looked at first, the team later */
	MODELS(key, "claude");
	refused(ask("gpt-4o"), 401, "key_model_access_denied", "model", "key not allowed");
}

/* Each pair of checks, in their order; and which budgets would have had their turn before. */
static void
who_fails_two_checks_hears_of_the_first(void **state)
{
	static const struct {
		struct standing *whose;
		enum { BLOCKED, LISTED, EXPIRED } how;
		const char *words;
		enum bill due;
	} rows[] = {
		{ &key, BLOCKED, "Key is blocked", BILL_NONE }, { &key, LISTED, "key not allowed", BILL_NONE }, { &user, BLOCKED, "User=u1 is not active", BILL_NONE },
		{ &key, EXPIRED, "Expired Key", BILL_NONE }, { &team, BLOCKED, "Team=t1 is blocked", BILL_KEY }, { &team, LISTED, "Team not allowed", BILL_KEY },
		{ &member, LISTED, "Team member not allowed", BILL_KEY }, { &user, LISTED, "user not allowed", BILL_KEY },
		{ &project, BLOCKED, "Project=p1 is blocked", BILL_KEY }, { &project, LISTED, "project not allowed", BILL_KEY },
		{ &organization, BLOCKED, "Organization=o1 is blocked", BILL_PROJECT }, { &organization, LISTED, "org not allowed", BILL_PROJECT },
		{ &customer, BLOCKED, "End User=c1 is blocked", BILL_PROJECT },
	};
	struct standing *const all[] = { &key, &team, &member, &user, &project, &organization, &customer };
	static const enum scope scopes[] = { SCOPE_KEY, SCOPE_TEAM, SCOPE_MEMBER, SCOPE_USER, SCOPE_PROJECT, SCOPE_ORGANIZATION, SCOPE_CUSTOMER };

	(void)state;
	organization.id = TEXT("o1");
	for (size_t i = 0; i < nitems(all); i++)
		caller.standing[scopes[i]] = all[i];
	for (size_t first = 0; first < nitems(rows); first++)
		for (size_t second = first; second < nitems(rows); second++) {
			struct admission a = { .config = config, .model = TEXT("gpt-4o"), .now_ms = NOW, .due = BILL_PROXY };
			const size_t fails[] = { second, first };
			struct error *e;

			for (size_t i = 0; i < nitems(all); i++) {
				all[i]->blocked = false;
				all[i]->n_models = 0;
				all[i]->expires_ms = 0;
			}
			for (size_t i = 0; i < nitems(fails); i++) {
				struct standing *s = rows[fails[i]].whose;

				s->blocked |= rows[fails[i]].how == BLOCKED;
				if (rows[fails[i]].how == EXPIRED)
					s->expires_ms = NOW;
				else if (rows[fails[i]].how == LISTED)
					MODELS(*s, "another");
			}
			e = admit(arena, &caller, &a);
			assert_non_null(e);
			if (!text_has(e->message, text_of(rows[first].words)) || a.due != rows[first].due)
				fail_msg("%s and %s: " TEXT_FMT, rows[first].words, rows[second].words, TEXT_ARG(e->message));
		}
}

static void
routes_are_paths_prefixes_and_groups(void **state)
{
	static const struct { const char *list, *path; bool is; } rows[] = {
		{ "/chat/completions", "/v1/chat/completions", true }, { "/v1/chat/completions", "/chat/completions", true },
		{ "/v1/chat/completions", "//v1/chat/completions/", true }, { "/chat/completions", "/v1/embeddings", false },
		{ "/chat/*", "/v1/chat/completions", true }, { "/chat/*", "/v1/chat/", false }, { "*", "/key/info", true },
		{ "llm_api_routes", "/v1/messages", true }, { "llm_api_routes", "/v1/responses/resp_1/cancel", true },
		{ "llm_api_routes", "/key/info", false }, { "openai_routes", "/v1/messages", false }, { "anthropic_routes", "/v1/messages/count_tokens", true },
		{ "management_routes", "/key/generate", true }, { "management_routes", "/v1/chat/completions", false },
		{ "info_routes", "/key/info", true }, { "info_routes", "/key/generate", false }, { "info_routes", "/team/a/members/me", true },
		{ "info_routes", "/team//members/me", false }, { "self_managed_routes", "/model/x/update", true },
		{ "no_such_routes", "/v1/chat/completions", false }, { "org_admin_allowed_routes", "/key/generate", true },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		struct text list = text_of(rows[i].list);

		if (route_is_listed(&list, 1, text_of(rows[i].path)) != rows[i].is)
			fail_msg("%s in %s", rows[i].path, rows[i].list);
	}
	assert_true(route_is_group(TEXT("mcp_routes")));
	assert_false(route_is_group(TEXT("/chat")));
	assert_true(text_is(route_of_key_type(TEXT("read_only")), "info_routes"));
	assert_int_equal(route_of_key_type(TEXT("default")).len, 0);
}

static void
a_key_calls_only_its_routes(void **state)
{
	(void)state;
	ROUTES("/embeddings info_routes");
	refused(admit_route(arena, &caller, TEXT("/v1/chat/completions")), 403, "auth_error", "None",
	    "Only allowed to call routes: ['/embeddings', 'info_routes']. Tried to call route: /v1/chat/completions");
	ROUTES("llm_api_routes");
	assert_null(admit_route(arena, &caller, TEXT("/v1/chat/completions")));
}

static void
the_master_key_may_all(void **state)
{
	(void)state;
	caller = (struct caller){ .kind = CALLER_MASTER, .role = USER_ADMIN };
	assert_true(may("gpt-4o"));
	assert_true(admit_lists(&caller, config, TEXT("x")));
}

static void
required_members_are_asked_for(void **state)
{
	struct text body = TEXT(" {\"user\":\"ada\",\"metadata\":{\"job\":null,\"a\":{\"b\":0}}}");

	(void)state;
	assert_null(admit_params(arena, &caller, &config->settings, body));
	set(&key.enforced, &key.n_enforced, "user metadata.a.b");
	assert_null(admit_params(arena, &caller, &config->settings, body));
	set(&key.enforced, &key.n_enforced, "user metadata.job");
	refused(admit_params(arena, &caller, &config->settings, body), 400, "bad_request_error", "metadata.job", "BadRequest please pass param=metadata.job in request body.");
	set(&key.enforced, &key.n_enforced, "user.x");
	assert_non_null(admit_params(arena, &caller, &config->settings, body));
	assert_non_null(admit_params(arena, &caller, &config->settings, TEXT("")));
}

static void
the_configuration_may_ask_for_members_and_forbid_tags(void **state)
{
	struct text one = TEXT("user"), tagged = TEXT("{\"user\":\"a\",\"metadata\":{\"tags\":[\"x\"]}}");

	(void)state;
	config->settings.enforced_params = &one;
	config->settings.n_enforced_params = 1;
	refused(admit_params(arena, &caller, &config->settings, TEXT("{}")), 400, "bad_request_error", "user", "please pass param=user in request body");
	assert_null(admit_params(arena, &caller, &config->settings, tagged));
	config->settings.reject_client_tags = true;
	refused(admit_params(arena, &caller, &config->settings, tagged), 400, "bad_request_error", "metadata.tags", "Client-side 'metadata.tags' not allowed");
}

static void
long_lists_make_short_messages(void **state)
{
	struct error *e;

	(void)state;
	key.models = arena_alloc(arena, 1000 * sizeof(struct text));
	key.n_models = 1000;
	for (unsigned i = 0; i < 1000; i++)
		key.models[i] = arena_print(arena, "m%u", i);
	e = ask("gpt-4o");
	refused(e, 401, "key_model_access_denied", "model", "… 960 more]");
	assert_true(e->message.len < 1024);
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_list_allows_all), TEST(a_list_allows_what_it_names), TEST(an_alias_of_the_router_stands_for_its_target),
		TEST(access_groups_stand_for_their_models), TEST(patterns_match_names_with_and_without_their_vendor),
		TEST(stars_match_whole_names_fast), TEST(all_means_all), TEST(the_teams_list_may_stand_for_the_keys), TEST(every_level_must_pass),
		TEST(a_users_list_binds_only_keys_of_their_own), TEST(unified_groups_add_to_a_list), TEST(a_keys_alias_is_checked_as_what_it_means),
		TEST(a_teams_alias_counts_as_allowed), TEST(fallbacks_of_the_client_are_checked), TEST(blocked_ones_are_out), TEST(keys_expire),
		TEST(who_fails_two_checks_hears_of_the_first),
		TEST(routes_are_paths_prefixes_and_groups), TEST(a_key_calls_only_its_routes), TEST(the_master_key_may_all),
		TEST(required_members_are_asked_for),
		TEST(the_configuration_may_ask_for_members_and_forbid_tags), TEST(long_lists_make_short_messages),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
