/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of our own, what LiteLLM sections say, what protects, master keys, and sluice check. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/span.h"
#include "config/config_priv.h"
#include "yaml_text.h"

#define ONE	"model_list: [{model_name: m, litellm_params: {model: openai/m, api_key: k}}]\n"

static struct config *
load_with(const char *more)
{
	char yaml[2048];

	snprintf(yaml, sizeof(yaml), "%s%s", ONE, more);
	return (load_text(yaml));
}

static void
defaults_are_in_force(void **state)
{
	struct config *c = load_with("");
	const struct settings *s = &c->settings;

	assert_quiet(c);
	assert_text(s->instance, "sluice");
	assert_text(s->run_dir, "/run/sluice");
	assert_text(s->log, "/var/lib/sluice/sluice.log");
	assert_text(s->listen, "/run/sluice/sluice.sock");
	assert_true(s->workers >= 1 && s->workers <= 16);
	assert_int_equal(s->body_limit, 32 << 20);
	assert_int_equal(s->body_memory, 256 << 20);
	assert_int_equal(s->answer_limit, 64 << 20);
	assert_int_equal(s->event_limit, 16 << 20);
	assert_int_equal(s->stream_commit_ms, 3000);
	assert_int_equal(s->heartbeat_ms, 10000);
	assert_int_equal(s->connect_timeout_ms, 10000);
	assert_int_equal(s->idle_timeout_ms, 600000);
	assert_int_equal(s->first_byte_timeout_ms, 600000);
	assert_int_equal(s->total_timeout_ms, 6000000);
	assert_int_equal(s->dns_ttl_ms, 60000);
	assert_int_equal(s->drain_ms, 600000);
	assert_true(s->ssl_verify);
	assert_false(s->open_on_loopback || s->loopback_only || s->http2_upstream || s->provider_headers || s->drop_params);
	assert_int_equal(s->num_retries, 2);
	assert_int_equal(s->max_fallbacks, 5);
	assert_text(s->master_key, "sk-a-key-nobody-published");
	config_release(c);
}

static void
rates_are_counted_as_litellm_says(void **state)
{
	struct config *c = load_with("sluice: {}\n");

	assert_int_equal(c->settings.rate_window_ms, 60000);
	assert_int_equal(c->settings.rate_tokens, 't');
	assert_int_equal(c->settings.rate_output, 1024);
	assert_int_equal(c->settings.rate_parallel_all, -1);
	assert_int_equal(c->settings.n_memcached, 0);
	config_release(c);
	c = load_with("environment_variables:\n  LITELLM_RATE_LIMIT_WINDOW_SIZE: '10'\nsluice:\n  memcached: [cache-1:11211, /run/memcached/sock, '[::1]:1']\n");
	assert_quiet(c);
	assert_int_equal(c->settings.rate_window_ms, 10000);
	assert_int_equal(c->settings.n_memcached, 3);
	config_release(c);
	c = load_with("sluice:\n  memcached: 127.0.0.1:11211\n");
	assert_int_equal(c->settings.n_memcached, 1);
	config_release(c);
}

static void
addresses_of_memcached_are_checked(void **state)
{
	static const char *const wrong[] = { "cache-1", "cache-1:0", "cache-1:70000", ":11211", "a:1,b:2", "a b:1", "''", "cache:x" };
	char host[256], yaml[128];
	unsigned port;

	for (unsigned i = 0; i < nitems(wrong); i++) {
		struct config *c;

		snprintf(yaml, sizeof(yaml), "sluice:\n  memcached: [%s%s%s]\n", wrong[i][0] == '\'' ? "" : "'", wrong[i], wrong[i][0] == '\'' ? "" : "'");
		c = load_with(yaml);
		assert_int_equal(c->n_errors, 1);
		assert_int_equal(c->settings.n_memcached, 0);
		config_release(c);
	}
	assert_true(memcached_server(TEXT("[::1]:11211"), host, &port));
	assert_string_equal(host, "::1");
	assert_int_equal(port, 11211);
	assert_true(memcached_server(TEXT("/run/x"), host, &port));
	assert_int_equal(port, 0);
}

static void
our_settings_are_read(void **state)
{
	struct config *c = load_with("sluice:\n  instance: two\n  run_dir: /tmp/r\n  state_dir: /tmp/s\n  body_limit: 1_048_576\n"
	    "  body_memory: 1 GB\n  answer_limit: 512k\n  heartbeat: 250ms\n"
	    "  connect_timeout: 2.5\n  drain: 2m\n  idle_timeout: '30'\n  workers: 3\n  open_on_loopback: yes\n  ssl_verify: off\n"
	    "  listen: 127.0.0.1:4000\n  log: '-'\n  ca_file: /etc/ca.pem\n");
	const struct settings *s = &c->settings;

	assert_quiet(c);
	assert_text(s->instance, "two");
	assert_int_equal(s->body_limit, 1 << 20);
	assert_int_equal(s->body_memory, 1 << 30);
	assert_int_equal(s->answer_limit, 512 << 10);
	assert_int_equal(s->heartbeat_ms, 250);
	assert_int_equal(s->connect_timeout_ms, 2500);
	assert_int_equal(s->drain_ms, 120000);
	assert_int_equal(s->idle_timeout_ms, 30000);
	assert_int_equal(s->workers, 3);
	assert_true(s->open_on_loopback);
	assert_false(s->ssl_verify);
	assert_text(s->listen, "127.0.0.1:4000");
	assert_text(s->log, "-");
	assert_text(s->ca_file, "/etc/ca.pem");
	config_release(c);
}

static void
variables_stand_in_for_our_settings(void **state)
{
	struct config *c;

	setenv("SLUICE_RUN_DIR", "/tmp/x", 1);
	setenv("SLUICE_STREAM_COMMIT_AFTER", "1s", 1);
	setenv("SLUICE_WORKERS", "2", 1);
	c = load_with("sluice: {workers: 4}\n");
	assert_text(c->settings.run_dir, "/tmp/x");
	assert_text(c->settings.listen, "/tmp/x/sluice.sock");
	assert_int_equal(c->settings.stream_commit_ms, 1000);
	assert_int_equal(c->settings.workers, 4);		/* the file wins */
	config_release(c);
	setenv("SLUICE_WORKERS", "many", 1);
	c = load_with("");
	assert_says(c, PROBLEM_ERROR, 0, "variable SLUICE_WORKERS must be a whole number from 0 to 16");
	config_release(c);
}

static void
bad_values_of_ours_are_errors(void **state)
{
	static const char *const cases[][2] = {
		{ "body_limt: 3", "did you mean body_limit" }, { "nonsense_of_mine: 3", "unknown setting" },
		{ "body_limit: 3", "from 4KB to 1GB" }, { "body_limit: -1", "such as 64KB" },
		{ "body_limit: 99TB", "such as" }, { "body_limit: lots", "such as" }, { "heartbeat: 1ms", "from 100ms to 86400s" },
		{ "heartbeat: 3 weeks", "such as 500ms" },
		{ "workers: 17", "from 0 to 16" }, { "workers: 1.5", "whole number" }, { "open_on_loopback: perhaps", "true or false" },
		{ "instance: a/b", "letters" },
		{ "instance: ''", "1 to 32" }, { "instance: aaaaaaaaaabbbbbbbbbbccccccccccddd", "1 to 32" },
		{ "workers: [1]", "single value" }, { "listen: {a: b}", "single value" },
		{ "idle_timeout: 0", "from 1ms" }, { "idle_timeout: 1e400", "such as" }, { "Workers: 3", "did you mean workers" },
		{ "vendors: 3", "must be a map" }, { "answer_headers: all", "litellm or standard" }, { "budget_mode: loose", "strict or litellm" },
	};

	for (size_t i = 0; i < nitems(cases); i++) {
		char more[256];
		struct config *c;

		snprintf(more, sizeof(more), "sluice:\n  %s\n", cases[i][0]);
		c = load_with(more);
		assert_int_equal(c->n_errors, 1);
		assert_says(c, PROBLEM_ERROR, 3, cases[i][1]);
		config_release(c);
	}
}

static void
the_salt_key_is_the_master_key_unless_it_is_set(void **state)
{
	struct config *c = load_with("general_settings: {master_key: sk-of-the-file-itself}\n");

	assert_text(c->settings.salt_key, "sk-of-the-file-itself");
	config_release(c);
	setenv("LITELLM_SALT_KEY", "salt", 1);
	c = load_with("general_settings: {master_key: sk-of-the-file-itself}\n");
	unsetenv("LITELLM_SALT_KEY");
	assert_text(c->settings.salt_key, "salt");
	config_release(c);
}

static void
litellms_settings_are_in_force(void **state)
{
	struct config *c = load_with("litellm_settings: {forward_llm_provider_auth_headers: true, drop_params: true, request_timeout: 60, num_retries: 5, max_fallbacks: 2, json_logs: 1, ssl_verify: /etc/ca.pem}\n"
	    "router_settings: {num_retries: '4', retry_after: 0.5, timeout: 30, stream_timeout: '10'}\n"
	    "general_settings: {master_key: ' sk-from-the-file-itself ', litellm_key_header_name: X-Key, completion_model: m, always_include_stream_usage: true,\n"
	    "  forward_client_headers_to_llm_api: true, max_request_size_mb: 1, max_response_size_mb: '0.5'}\n");
	const struct settings *s = &c->settings;

	assert_quiet(c);
	assert_true(s->drop_params && s->json_logs && s->always_stream_usage && s->forward_client_headers && s->forward_vendor_keys);
	assert_int_equal(s->total_timeout_ms, 60000);
	assert_int_equal(s->num_retries, 4);		/* router_settings wins */
	assert_int_equal(s->max_fallbacks, 2);
	assert_text(s->ca_file, "/etc/ca.pem");
	assert_int_equal(s->retry_after_ms, 500);
	assert_int_equal(s->timeout_ms, 30000);
	assert_int_equal(s->stream_timeout_ms, 10000);
	assert_text(s->master_key, "sk-from-the-file-itself");
	assert_text(s->key_header, "X-Key");
	assert_text(s->completion_model, "m");
	assert_int_equal(s->body_limit, 1 << 20);
	assert_int_equal(s->answer_limit, 512 << 10);
	config_release(c);
}

static void
litellms_variables_are_in_force(void **state)
{
	struct config *c;

	setenv("SSL_CERT_FILE", "/etc/a.pem", 1);
	setenv("SSL_VERIFY", "False", 1);
	setenv("LITELLM_DROP_PARAMS", "True", 1);
	setenv("REQUEST_TIMEOUT", "5", 1);
	setenv("ROUTER_MAX_FALLBACKS", "1", 1);
	c = load_with("");
	assert_quiet(c);
	assert_text(c->settings.ca_file, "/etc/a.pem");
	assert_false(c->settings.ssl_verify);
	assert_true(c->settings.drop_params);
	assert_int_equal(c->settings.total_timeout_ms, 5000);
	assert_int_equal(c->settings.max_fallbacks, 1);
	config_release(c);
	c = load_with("litellm_settings: {ssl_verify: true, drop_params: false, request_timeout: 7}\nsluice: {total_timeout: 8}\n");
	assert_true(c->settings.ssl_verify);
	assert_false(c->settings.drop_params);
	assert_int_equal(c->settings.total_timeout_ms, 8000);
	config_release(c);
}

static void
keys_of_litellm_are_told_apart(void **state)
{
	struct config *c = load_with("litellm_settings:\n  drop_parms: true\n  callbacks: [prometheus]\n  add_function_to_prompt: true\n  zzz: 1\n"
	    "  set_verbose: true\nrouter_settings:\n"
	    "  enable_pre_call_check: true\n  routing_strategy: simple-shuffle\ngeneral_settings:\n"
	    "  database_url: postgres://u:secret@h/d\n  ui_access_mode: all\nguardrail: []\nx-mine: 1\n");

	assert_int_equal(c->n_errors, 0);
	assert_says(c, PROBLEM_WARNING, 3, "unknown key drop_parms; did you mean drop_params?");
	assert_says(c, PROBLEM_NOTE, 4, "callbacks is read and kept; not in force yet");
	assert_says(c, PROBLEM_NOTE, 5, "add_function_to_prompt");
	assert_says(c, PROBLEM_WARNING, 6, "unknown key zzz; nothing reads it");
	assert_says(c, PROBLEM_WARNING, 9, "did you mean enable_pre_call_checks?");
	assert_says(c, PROBLEM_NOTE, 10, "routing_strategy");
	assert_says(c, PROBLEM_WARNING, 14, "did you mean guardrails?");
	assert_int_equal(c->n_warnings, 4);
	assert_null(strstr(talk(c), "secret"));
	config_release(c);
}

static void
budgets_in_other_words(void **state)
{
	struct config *c = load_with("litellm_settings:\n  max_end_user_budget: 5\n  max_internal_user_budget: 7\n  internal_user_budget_duration: 30d\n"
	    "  default_internal_user_params: {models: [a]}\n  tag_budget_config: {nightly: {max_budget: 1e-6, budget_duration: 1d}}\n");

	assert_quiet(c);
	assert_true(text_is(c->settings.customer_tier, "{\"max_budget\":5}"));
	assert_true(text_is(c->settings.user_defaults, "{\"max_budget\":7,\"budget_duration\":\"30d\",\"models\":[\"a\"]}"));
	assert_true(text_starts(c->settings.tag_budgets, TEXT("{\"nightly\":")));
	config_release(c);
	c = load_with("litellm_settings: {max_internal_user_budget: 7, default_internal_user_params: {max_budget: 1}, tag_budget_config: {a: {budget_duration: 1d}}}\n");
	assert_true(text_is(c->settings.user_defaults, "{\"max_budget\":1}"));
	assert_says(c, PROBLEM_ERROR, 2, "a tag's budget has a budget_limit");
	config_release(c);
}

static void
limits_need_no_check_to_ask_for_them(void **state)
{
	struct config *c = load_with("router_settings: {optional_pre_call_checks: [enforce_model_rate_limits, router_budget_limiting]}\n");

	assert_quiet(c);
	config_release(c);
	c = load_with("router_settings: {optional_pre_call_checks: [enforce_model_rate_limits, prompt_caching]}\n");
	assert_says(c, PROBLEM_NOTE, 2, "optional_pre_call_checks");
	config_release(c);
}

static void
shares_of_a_model(void **state)
{
	struct config *c = load_with("litellm_settings:\n  priority_reservation: {prod: 0.9, dev: {type: rpm, value: 7}, free: {type: percent, value: 0.1}}\n"
	    "  priority_reservation_settings: {saturation_threshold: 0.8}\n  budget_exceeded_throttle_percentage: 0.1\n  callbacks: [dynamic_rate_limiter_v3]\n");
	const struct priorities *p = &c->settings.priorities;

	assert_int_equal(c->n_errors + c->n_warnings, 0);
	assert_int_equal(p->n, 3);
	assert_true(p->threshold == 800000 && p->list[0].value == 720000 && p->list[2].value == 80000 && p->rest.value == 200000);	/* 1.25 made to fit */
	assert_true(p->list[1].of == SHARE_RPM && p->list[1].value == 7);
	assert_int_equal(c->settings.budget_throttle, 100000);
	config_release(c);
	c = load_with("litellm_settings:\n  priority_reservation: {prod: 2}\n  budget_exceeded_throttle_percentage: 10\n");
	assert_says(c, PROBLEM_ERROR, 3, "must be a part of 1");
	assert_says(c, PROBLEM_ERROR, 4, "must be a part of 1");
	config_release(c);
	c = load_with("litellm_settings:\n  priority_reservation: {prod: 0.5}\nsluice: {deployment_rates: false}\n");
	assert_says(c, PROBLEM_ERROR, 3, "needs sluice.deployment_rates");
	config_release(c);
}

/* Whatever the machine's own clock says: hosts of one database must begin their days together. */
static void
days_of_budgets_begin_where_it_says(void **state)
{
	struct config *c;
	struct span month = { 'M', 1 };
	int64_t from, to;

	setenv("TZ", "America/New_York", 1);
	c = load_with("litellm_settings:\n  drop_params: true\n");
	config_set_calendar(c);
	span_period(&month, INT64_C(1796083200000), &from, &to);		/* 2026-12-01 00:00 UTC */
	assert_true(from == INT64_C(1796083200000));
	config_release(c);
	c = load_with("litellm_settings:\n  timezone: Asia/Seoul\n  budget_reset_time: \"12:00\"\n");
	assert_int_equal(c->n_errors + c->n_warnings, 0);
	span_period(&month, INT64_C(1796083200000), &from, &to);
	assert_true(from == INT64_C(1796083200000));				/* only tried as yet */
	config_set_calendar(c);
	span_period(&month, INT64_C(1796083200000), &from, &to);		/* 09:00 there */
	assert_true(to == INT64_C(1796083200000) + 3 * 3600000);
	config_release(c);
	c = load_with("litellm_settings:\n  timezone: Asia/Soul\n  budget_reset_time: 25:00\n");
	assert_says(c, PROBLEM_ERROR, 3, "there is no time zone Asia/Soul");
	assert_says(c, PROBLEM_ERROR, 4, "must be a time of the day");
	config_release(c);
	assert_true(span_zone("UTC"));
	span_turn(0);
}

static void
tokens_need_keys(void **state)
{
	struct config *c = load_with("general_settings: {enable_jwt_auth: true}\n");

	assert_says(c, PROBLEM_ERROR, 2, "JWT_PUBLIC_KEY_URL");
	config_release(c);
	c = load_with("environment_variables: {JWT_PUBLIC_KEY_URL: 'https://a/jwks, http://127.0.0.1:1/x'}\n"
	    "general_settings: {enable_jwt_auth: true, litellm_jwtauth: {user_id_jwt_field: sub, user_id_upsert: true}}\n");
	assert_int_equal(c->n_errors, 0);
	assert_int_equal(c->jwt.n_sources, 2);
	assert_true(text_is(c->jwt.user_id, "sub") && c->jwt.n_team_routes == 3);
	assert_true(c->jwt.makes_users && !c->jwt.makes_teams && c->jwt.stranger == STRANGER_TEAM);
	config_release(c);
}

#define JWKS	"environment_variables: {JWT_PUBLIC_KEY_URL: 'https://a/jwks'}\n"

static void
tokens_have_rules(void **state)
{
	static const char *const wrong[][2] = {
		{ "{custom_validate: a.b}", "litellm_jwtauth.custom_validate decides whose tokens may what" },
		{ "{issuers: [{issuer: x}]}", "litellm_jwtauth.issuers decides whose tokens may what" },
		{ "{unregistered_jwt_client_behavior: perhaps}", "must be fallback_team_mapping, reject or auto_register" },
		{ "{role_mappings: [{role: a, internal_role: king}]}", "internal_role must be proxy_admin, team or internal_user, not king" },
		{ "{enforce_scope_based_access: true}", "needs scope_mappings" },
		{ "{oidc_userinfo_enabled: true}", "needs oidc_userinfo_endpoint" },
		{ "{oidc_userinfo_enabled: true, oidc_userinfo_endpoint: 'ftp://x'}", "oidc_userinfo_endpoint" },
	};
	struct config *c = load_with(JWKS "general_settings: {role_permissions: [{role: team, models: [a], routes: [/chat]}], enable_jwt_auth: true, litellm_jwtauth: "
	    "{virtual_key_claim_field: client_id, unregistered_jwt_client_behavior: auto_register, enforce_rbac: true, object_id_jwt_field: oid, roles_jwt_field: "
	    "roles, role_mappings: [{role: user, internal_role: internal_user}], scope_mappings: [{scope: s, models: [m, n]}], enforce_scope_based_access: true, "
	    "virtual_key_mapping_cache_ttl: 60, oidc_userinfo_enabled: true, oidc_userinfo_endpoint: 'https://idp/me'}}\n");

	assert_int_equal(c->n_errors + c->n_warnings, 0);
	assert_true(text_is(c->jwt.key_claim, "client_id") && c->jwt.stranger == STRANGER_REGISTER && c->jwt.by_role && c->jwt.by_scope && !c->jwt.by_team);
	assert_true(c->jwt.n_scopes == 1 && c->jwt.scopes[0].n_models == 2 && c->jwt.n_permissions == 1 && c->jwt.permissions[0].n_routes == 1);
	assert_true(c->jwt.n_mappings == 1 && text_is(c->jwt.mappings[0].role, "internal_user") && text_is(c->jwt.userinfo.url, "https://idp/me"));
	config_release(c);
	for (size_t i = 0; i < nitems(wrong); i++) {
		char text[512];

		snprintf(text, sizeof(text), JWKS "general_settings: {enable_jwt_auth: true, litellm_jwtauth: %s}\n", wrong[i][0]);
		c = load_with(text);
		assert_true(c->n_errors > 0);
		assert_says(c, PROBLEM_ERROR, 0, wrong[i][1]);
		config_release(c);
	}
}

static void
agents_of_the_file(void **state)
{
	struct config *c = load_with("agent_list: [{agent_name: a, litellm_params: {max_budget_per_session: 1, api_key: sk-x}}, {agent_id: b, agent_name: c, rpm_limit: 3}]\n");

	assert_int_equal(c->n_errors + c->n_warnings, 0);
	assert_true(text_is(config_agent(c, TEXT("a")), "{\"agent_name\":\"a\",\"litellm_params\":{\"max_budget_per_session\":1}}"));
	assert_true(text_is(config_agent(c, TEXT("b")), "{\"agent_name\":\"c\",\"rpm_limit\":3,\"litellm_params\":{}}"));
	assert_int_equal(config_agent(c, TEXT("c")).len, 0);
	config_release(c);
	c = load_with("agent_list: [{agent_name: a, enabled: 'False', litellm_params: {require_trace_id_on_calls_by_agent: 'true'}}, {agent_name: b, enabled: perhaps}]\n");
	assert_true(text_is(config_agent(c, TEXT("a")), "{\"agent_name\":\"a\",\"enabled\":false,\"litellm_params\":{\"require_trace_id_on_calls_by_agent\":true}}"));
	assert_int_equal(c->n_errors, 1);
	assert_says(c, PROBLEM_ERROR, 2, "enabled must be true or false");
	config_release(c);
	c = load_with("agent_list: [{litellm_params: {}}, {agent_name: a, litellm_params: {max_iterations: -1}}, {agent_name: a, max_budget: lots}]\n");
	assert_int_equal(c->n_errors, 4);
	assert_says(c, PROBLEM_ERROR, 2, "an agent has an agent_name");
	assert_says(c, PROBLEM_ERROR, 2, "max_iterations");
	assert_says(c, PROBLEM_ERROR, 2, "max_budget must be an amount of dollars");
	assert_says(c, PROBLEM_ERROR, 2, "the agent a stands there twice");
	config_release(c);
	(void)state;
}

/* LiteLLM's OAuth2 is configured by the environment. */
static void
tokens_of_an_authorization_server(void **state)
{
	const char *yaml = "general_settings: {enable_oauth2_auth: true}\n";
	struct config *c = load_with(yaml);

	(void)state;
	assert_int_equal(c->n_errors, 1);
	assert_says(c, PROBLEM_ERROR, 2, "OAUTH_TOKEN_INFO_ENDPOINT");
	config_release(c);
	setenv("OAUTH_TOKEN_INFO_ENDPOINT", "https://issuer/oauth/INTROSPECT", 1);
	c = load_with(yaml);
	assert_int_equal(c->n_errors + c->n_warnings, 0);
	assert_true(c->jwt.on && text_is(c->jwt.userinfo.host, "issuer") && c->jwt.introspect.len == 0 && text_is(c->jwt.user_id, "sub"));
	config_release(c);
	setenv("OAUTH_CLIENT_ID", "id", 1);
	setenv("OAUTH_CLIENT_SECRET", "secret", 1);
	c = load_with(yaml);
	assert_true(text_is(c->jwt.introspect, "Authorization: Basic aWQ6c2VjcmV0"));
	config_release(c);
	c = load_with("general_settings: {enable_oauth2_auth: true, enable_jwt_auth: true}\n");
	assert_int_equal(c->n_errors, 1);
	assert_says(c, PROBLEM_ERROR, 2, "oidc_userinfo_endpoint");
	config_release(c);
	unsetenv("OAUTH_TOKEN_INFO_ENDPOINT");
	unsetenv("OAUTH_CLIENT_ID");
	unsetenv("OAUTH_CLIENT_SECRET");
	c = load_with("general_settings: {custom_auth: a.b, enable_jwt_auth: true, litellm_jwtauth: {custom_validate: a.b}}\n");
	assert_says(c, PROBLEM_ERROR, 2, "sluice.people say here who may come");
	assert_says(c, PROBLEM_ERROR, 2, "enforce_rbac and scope_mappings say here");
	config_release(c);
}

static void
what_protects_is_in_force_or_an_error(void **state)
{
	static const char *const cases[][2] = {
		{ "guardrails: [{guardrail_name: x}]\n", "guardrails" },
		{ "general_settings: {custom_auth: a.b}\n", "general_settings.custom_auth" },
		{ "general_settings: {enable_oauth2_proxy_auth: true}\n", "general_settings.enable_oauth2_proxy_auth" },
		{ "general_settings: {control_plane_allowed_ips: [10.0.0.1]}\n", "general_settings.control_plane_allowed_ips" },
		{ "litellm_settings: {callbacks: [presidio]}\n", "litellm_settings.callbacks" },
		{ "litellm_settings: {callbacks: my_guard.instance}\n", "litellm_settings.callbacks" },
		{ "litellm_settings: {guardrails: [a]}\n", "litellm_settings.guardrails" },
		{ "litellm_settings: {post_call_rules: a.b}\n", "litellm_settings.post_call_rules" },
		{ "litellm_settings: {max_user_budget: 10}\n", "litellm_settings.max_user_budget" },
		{ "litellm_settings: {callbacks: [dynamic_rate_limiter_v3]}\n", "litellm_settings.callbacks" },
	};

	for (size_t i = 0; i < nitems(cases); i++) {
		char more[512];
		struct config *c = load_with(cases[i][0]);
		const char *last = strrchr(cases[i][1], '.');

		assert_int_equal(c->n_errors, 1);
		assert_says(c, PROBLEM_ERROR, 2, "name it in sluice.accept_unenforced");
		config_release(c);
		snprintf(more, sizeof(more), "%ssluice: {accept_unenforced: [%s]}\n", cases[i][0], cases[i][1]);
		c = load_with(more);
		assert_int_equal(c->n_errors + c->n_warnings, 0);
		assert_says(c, PROBLEM_NOTE, 2, "accepted by sluice.accept_unenforced");
		config_release(c);
		snprintf(more, sizeof(more), "%ssluice: {accept_unenforced: %s}\n", cases[i][0], last != NULL ? last + 1 : cases[i][1]);
		c = load_with(more);
		assert_int_equal(c->n_errors, 0);
		config_release(c);
	}
}

static void
gates_are_read(void **state)
{
	struct config *c = load_with("general_settings: {allowed_ips: [10.0.0.0/8, '::1'], use_x_forwarded_for: true, public_routes: [LiteLLMRoutes.public_routes, /x/*],\n"
	    "  admin_only_routes: /key/list, allowed_routes: ['*']}\nlitellm_settings: {blocked_user_list: [mallory]}\nsluice: {trusted_proxies: 192.0.2.0/24}\n");
	const struct settings *s = &c->settings;

	assert_quiet(c);
	assert_true(s->ips_limited && s->n_allowed_ips == 2 && networks_have(s->allowed_ips, 2, TEXT("10.9.9.9")) && s->forwarded_for);
	assert_true(s->n_trusted_proxies == 1 && networks_have(s->trusted_proxies, 1, TEXT("192.0.2.1")));
	assert_true(s->n_public_routes == 2 && text_is(s->public_routes[0], "public_routes") && s->n_admin_routes == 1 && s->n_allowed_routes == 1);
	assert_true(s->n_blocked_users == 1 && text_is(s->blocked_users[0], "mallory"));
	config_release(c);
	c = load_with("general_settings: {allowed_ips: []}\n");
	assert_true(c->settings.ips_limited && c->settings.n_allowed_ips == 0);
	assert_true(networks_have(c->settings.trusted_proxies, c->settings.n_trusted_proxies, TEXT("127.0.0.1")) &&
	    networks_have(c->settings.trusted_proxies, c->settings.n_trusted_proxies, TEXT("::1")));
	config_release(c);
	c = load_with("general_settings: {allowed_ips: [10.0.0], admin_only_routes: [opnai_routes, key/list]}\n"
	    "litellm_settings: {blocked_user_list: /nowhere/at/all}\n");
	assert_int_equal(c->n_errors, 4);
	assert_says(c, PROBLEM_ERROR, 2, "\"10.0.0\" is neither an address nor a network");
	assert_says(c, PROBLEM_ERROR, 2, "\"opnai_routes\" is neither a path nor a group of routes; did you mean openai_routes?");
	assert_says(c, PROBLEM_ERROR, 2, "\"key/list\" is neither");
	assert_says(c, PROBLEM_ERROR, 3, "/nowhere/at/all can not be read");
	config_release(c);
}

static void
metrics_are_chosen(void **state)
{
	struct config *c = load_with("litellm_settings:\n  require_auth_for_metrics_endpoint: true\n  enable_end_user_cost_tracking_prometheus_only: true\n"
	    "  prometheus_metrics_config: [{group: a, metrics: [litellm_spend_metric], include_labels: [team, model]}, {metrics: [x, y]}]\n");
	const struct settings *s = &c->settings;

	assert_quiet(c);
	assert_true(s->metrics_door == 'k' && s->metrics_end_users && s->n_metrics_rules == 2 && s->metrics_series == 1000);
	assert_true(s->metrics_rules[0].n_metrics == 1 && s->metrics_rules[0].n_labels == 2 && s->metrics_rules[1].n_metrics == 2 && s->metrics_rules[1].n_labels == 0);
	config_release(c);
	c = load_with("litellm_settings: {prometheus_metrics_config: [{group: a}], require_auth_for_metrics_endpoint: false}\n");
	assert_true(c->settings.metrics_door == 'o');
	assert_says(c, PROBLEM_ERROR, 2, "names its metrics");
	config_release(c);
}

static void
what_is_switched_off_protects_nobody(void **state)
{
	struct config *c = load_with("guardrails: []\n"
	    "general_settings: {enable_jwt_auth: false, allowed_ips: ~, custom_auth: '', enforced_params: []}\n"
	    "litellm_settings: {max_budget: 0, callbacks: []}\n");

	assert_quiet(c);
	config_release(c);
}

static void
a_deployment_with_guardrails_is_an_error(void **state)
{
	struct config *c = load_params("      model: openai/m\n      api_key: k\n      guardrails: [a]\n");

	assert_says(c, PROBLEM_ERROR, 6, "litellm_params.guardrails protects");
	config_release(c);
}

static void
accepting_what_is_not_there_is_said(void **state)
{
	struct config *c = load_with("sluice: {accept_unenforced: [custom_auht]}\n");

	assert_says(c, PROBLEM_WARNING, 2, "custom_auht protects nothing; did you mean custom_auth?");
	config_release(c);
}

static void
our_own_that_waits_is_said_too(void **state)
{
	struct config *c = load_with("sluice: {provider_headers: true}\n");

	assert_says(c, PROBLEM_WARNING, 2, "provider_headers is not in force yet");
	config_release(c);
}

static void
a_gateway_needs_a_master_key(void **state)
{
	struct config *c;

	unsetenv("LITELLM_MASTER_KEY");
	c = load_with("");
	assert_says(c, PROBLEM_ERROR, 0, "no master key");
	config_release(c);
	c = load_with("general_settings: {master_key: ''}\n");
	assert_says(c, PROBLEM_ERROR, 2, "no master key");
	config_release(c);
	c = load_with("general_settings: {master_key: os.environ/NOT_SET}\n");
	assert_says(c, PROBLEM_ERROR, 0, "no master key");
	config_release(c);
	c = load_with("sluice: {open_on_loopback: true}\n");
	assert_quiet(c);
	assert_int_equal(c->settings.master_key.len, 0);
	config_release(c);
	c = load_with("environment_variables: {LITELLM_MASTER_KEY: sk-of-the-file}\n");
	assert_quiet(c);
	assert_text(c->settings.master_key, "sk-of-the-file");
	config_release(c);
	c = load_with("general_settings: {master_key: \"sk-with blank\"}\n");
	assert_says(c, PROBLEM_ERROR, 2, "without blanks");
	assert_null(strstr(talk(c), "sk-with"));
	config_release(c);
}

static void
published_keys_are_refused(void **state)
{
	static const char *const cases[] = { "sk-1234", "SK-1234", "sk-12345", "sk-my-master-key", "changeme", "your-master-key" };

	for (size_t i = 0; i < nitems(cases); i++) {
		char more[256];
		struct config *c;

		snprintf(more, sizeof(more), "general_settings: {master_key: '%s'}\n", cases[i]);
		c = load_with(more);
		assert_int_equal(c->n_errors, 1);
		assert_says(c, PROBLEM_ERROR, 2, "published example");
		assert_null(strstr(talk(c), cases[i]));
		config_release(c);
		snprintf(more, sizeof(more), "general_settings: {master_key: '%s'}\nsluice: {loopback_only: true}\n", cases[i]);
		c = load_with(more);
		assert_quiet(c);
		config_release(c);
	}
}

static int
check(const char *one, const char *two)
{
	char *argv[] = { "check", (char *)one, (char *)two, NULL };

	return (config_check_main(two != NULL ? 3 : one != NULL ? 2 : 1, argv));
}

static void
check_answers_by_its_exit(void **state)
{
	write_file("fine.yaml", ONE);
	assert_int_equal(check(temp_path("fine.yaml"), NULL), 0);
	assert_int_equal(check("--json", temp_path("fine.yaml")), 0);
	write_file("bad.yaml", "sluice: {a: 1}\n");
	assert_int_equal(check(temp_path("bad.yaml"), NULL), 1);
	assert_int_equal(check("--json", temp_path("bad.yaml")), 1);
	assert_int_equal(check(temp_path("not-there.yaml"), NULL), 2);
	assert_int_equal(check(NULL, NULL), 2);
	assert_int_equal(check("--jsn", temp_path("fine.yaml")), 2);
	assert_int_equal(check("--json", NULL), 2);
}

static void
problems_are_printed_in_order(void **state)
{
	struct config *c = load_text("sluice: {zzz: 1}\nmodel_list:\n- 3\n- \"\\e[31m\"\nlitellm_settings: {zzz: 1, cache: true}\n");
	struct buf b = { 0 }, json = { 0 };
	struct json_fault fault;
	const struct json *list;
	struct arena *a = arena_new();
	unsigned last = 0;

	problems_print_upto(&b, c, PROBLEM_WARNING);
	assert_true(text_has(buf_as_text(&b), TEXT("config.yaml:1: error: unknown setting zzz")));
	assert_false(text_has(buf_as_text(&b), TEXT(": note: ")));
	assert_null(memchr(b.at, '\x1b', b.len));
	problems_print_json(&json, c);
	list = json_parse(a, buf_as_text(&json), &fault);
	assert_true(json_is(list, JSON_ARRAY) && list->count >= 4);
	for (const struct json *p = list->first; p != NULL; p = p->next) {
		int64_t line;
		assert_true(json_to_i64(json_get(p, "line")->raw, &line));
		assert_true((unsigned)line >= last);
		last = (unsigned)line;
	}
	assert_true(quoted_is(json_quoted(json_get(list->first, "key")), "sluice.zzz"));
	assert_true(quoted_is(json_quoted(json_get(list->first, "level")), "error"));
	arena_free(a);
	buf_free(&b);
	buf_free(&json);
	config_release(c);
}

static void
the_page_of_settings_is_the_table(void **state)
{
	const char *top = getenv("top_srcdir"), *why;
	struct buf page = { 0 }, table = { 0 };
	char path[1024];

	snprintf(path, sizeof(path), "%s/doc/settings.md", top != NULL ? top : ".");
	assert_true(file_slurp(&page, path, 1 << 20, &why));
	settings_print(&table, true);
	if (!text_has(buf_as_text(&page), buf_as_text(&table)))
		fail_msg("doc/settings.md lacks this table:\n%.*s", (int)table.len, table.at);
	buf_free(&page);
	table.len = 0;
	settings_print(&table, false);
	assert_true(text_has(buf_as_text(&table), TEXT("  body_limit: bytes, 32MB (4KB to 1GB)\n")));
	buf_free(&table);
}

static void
words_meant_are_found(void **state)
{
	assert_int_equal(edit_distance(TEXT("abcd"), TEXT("abdc"), 3), 1);
	assert_int_equal(edit_distance(TEXT("abc"), TEXT("abc"), 3), 0);
	assert_int_equal(edit_distance(TEXT("ABC-d"), TEXT("abc_d"), 3), 0);
	assert_int_equal(edit_distance(TEXT(""), TEXT("ab"), 3), 2);
	assert_int_equal(edit_distance(TEXT("kitten"), TEXT("sitting"), 9), 3);
	assert_int_equal(edit_distance(TEXT("abc"), TEXT("xyz123"), 2), 3);
}

/* Ours, then LiteLLM's, then its variables, then a file of our own. */
static void
the_database_is_named(void **state)
{
	static const char ours[] = "general_settings:\n  database_url: postgres://u:p@h/litellm\nsluice:\n  database: /tmp/mine.db\n";
	struct config *c = load_with("sluice:\n  state_dir: /tmp/s\n");

	assert_text(c->settings.database, "/tmp/s/sluice.db");
	config_release(c);
	setenv("DATABASE_HOST", "db:5433", 1);
	setenv("DATABASE_USERNAME", "me", 1);
	setenv("DATABASE_PASSWORD", "p@ss/w%", 1);
	setenv("DATABASE_NAME", "lite llm", 1);
	c = load_with("");
	assert_quiet(c);
	assert_text(c->settings.database, "postgresql://me:p%40ss%2Fw%25@db:5433/lite%20llm");
	config_release(c);
	setenv("DATABASE_URL", "postgresql://u@h/variable", 1);
	c = load_with("");
	assert_text(c->settings.database, "postgresql://u@h/variable");
	config_release(c);
	c = load_with(ours);
	assert_quiet(c);
	assert_text(c->settings.database, "/tmp/mine.db");
	config_release(c);
	c = load_with("general_settings:\n  database_url: os.environ/DATABASE_URL\n");
	assert_text(c->settings.database, "postgresql://u@h/variable");
	config_release(c);
	unsetenv("DATABASE_URL");
	unsetenv("DATABASE_HOST");
	unsetenv("DATABASE_USERNAME");
	unsetenv("DATABASE_PASSWORD");
	unsetenv("DATABASE_NAME");
}

static void
databases_that_are_none(void **state)
{
	struct config *c = load_with("general_settings:\n  database_url: mysql://u:secret@h/d\n");

	assert_int_equal(c->n_errors, 1);
	assert_says(c, PROBLEM_ERROR, 3, "the database must be PostgreSQL");
	assert_null(strstr(talk(c), "secret"));
	config_release(c);
	c = load_with("sluice:\n  database: redis://u:secret@h\n");
	assert_says(c, PROBLEM_ERROR, 3, "begin with postgresql://");
	assert_null(strstr(talk(c), "secret"));
	config_release(c);
	c = load_with("general_settings:\n  database_url: postgresql://u:secret@h/d?connection_limit=5&schema=other\n");
	assert_int_equal(c->n_errors, 0);
	assert_says(c, PROBLEM_WARNING, 3, "schema");
	assert_null(strstr(talk(c), "secret"));
	config_release(c);
	c = load_with("general_settings:\n  database_url: postgresql://u:secret@h/d?schema=public\n");
	assert_int_equal(c->n_warnings, 0);
	config_release(c);
}

/* A row of runtime.c that is not in force would be a setting that changes nothing. */
static void
what_may_be_set_at_run_time_is_in_force(void **state)
{
	struct arena *arena = arena_new();

	for (const struct runtime_setting *r = runtime_settings; r->key != NULL; r++) {
		enum section s = r->section[0] == 'g' ? SECTION_GENERAL : r->section[0] == 'l' ? SECTION_LITELLM : SECTION_ROUTER;
		struct text why = litellm_idle(arena, s, text_of(r->key));
		struct json_fault fault;

		if (why.len > 0)
			fail_msg("%s: " TEXT_FMT, r->section, TEXT_ARG(why));
		assert_non_null(json_parse(arena, text_of(r->otherwise), &fault));
		assert_int_equal(runtime_refuses(arena, text_of(r->section), text_of(r->key)).len, 0);
	}
	assert_true(text_has(runtime_refuses(arena, TEXT("general_settings"), TEXT("master_key")), TEXT("while the gateway runs")));
	assert_true(runtime_refuses(arena, TEXT("sluice"), TEXT("workers")).len > 0);
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_database_is_named, clean_env),
		cmocka_unit_test_setup(databases_that_are_none, clean_env),
		cmocka_unit_test_setup(defaults_are_in_force, clean_env),
		cmocka_unit_test_setup(rates_are_counted_as_litellm_says, clean_env),
		cmocka_unit_test_setup(addresses_of_memcached_are_checked, clean_env),
		cmocka_unit_test_setup(our_settings_are_read, clean_env),
		cmocka_unit_test_setup(variables_stand_in_for_our_settings, clean_env),
		cmocka_unit_test_setup(bad_values_of_ours_are_errors, clean_env),
		cmocka_unit_test_setup(the_salt_key_is_the_master_key_unless_it_is_set, clean_env),
		cmocka_unit_test_setup(litellms_settings_are_in_force, clean_env),
		cmocka_unit_test_setup(litellms_variables_are_in_force, clean_env),
		cmocka_unit_test_setup(keys_of_litellm_are_told_apart, clean_env),
		cmocka_unit_test_setup(budgets_in_other_words, clean_env),
		cmocka_unit_test_setup(shares_of_a_model, clean_env),
		cmocka_unit_test_setup(limits_need_no_check_to_ask_for_them, clean_env),
		cmocka_unit_test_setup(days_of_budgets_begin_where_it_says, clean_env),
		cmocka_unit_test_setup(tokens_need_keys, clean_env), cmocka_unit_test_setup(tokens_have_rules, clean_env),
		cmocka_unit_test_setup(what_protects_is_in_force_or_an_error, clean_env),
		cmocka_unit_test_setup(agents_of_the_file, clean_env),
		cmocka_unit_test_setup(tokens_of_an_authorization_server, clean_env),
		cmocka_unit_test_setup(gates_are_read, clean_env),
		cmocka_unit_test_setup(metrics_are_chosen, clean_env),
		cmocka_unit_test_setup(what_is_switched_off_protects_nobody, clean_env),
		cmocka_unit_test_setup(a_deployment_with_guardrails_is_an_error, clean_env),
		cmocka_unit_test_setup(accepting_what_is_not_there_is_said, clean_env),
		cmocka_unit_test_setup(our_own_that_waits_is_said_too, clean_env),
		cmocka_unit_test_setup(a_gateway_needs_a_master_key, clean_env),
		cmocka_unit_test_setup(published_keys_are_refused, clean_env),
		cmocka_unit_test_setup(check_answers_by_its_exit, clean_env),
		cmocka_unit_test_setup(problems_are_printed_in_order, clean_env),
		cmocka_unit_test_setup(the_page_of_settings_is_the_table, clean_env),
		cmocka_unit_test_setup(words_meant_are_found, clean_env),
		cmocka_unit_test_setup(what_may_be_set_at_run_time_is_in_force, clean_env),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
