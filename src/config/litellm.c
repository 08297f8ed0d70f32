/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every key of LiteLLM's file that we know, and what becomes of it.
 *
 * The state decides how loud we are: what is in force needs no word, what protects and is not in force stops the start, what limits or
 * counts and is not in force warns, the rest is a note that only `sluice check` shows. A key that is not here is unknown.
 */
#include "config/config_priv.h"

#include <stdlib.h>

enum state {
	FORCE,			/* does what it says */
	QUIET,			/* needs nothing of us: a habit of LiteLLM's own insides */
	LATER,			/* read and kept */
	WARNS,			/* the same, and somebody counts on it */
	PROTECTS,		/* somebody relies on it */
	PYTHON,			/* protects or decides with code we can not run */
};

struct row {
	const char	*key;
	enum state	 state;
};

static const struct row top[] = {
	{ "model_list", FORCE }, { "litellm_settings", FORCE }, { "router_settings", FORCE }, { "general_settings", FORCE },
	{ "environment_variables", FORCE }, { "include", FORCE }, { "credential_list", FORCE }, { "sluice", FORCE },
	{ "guardrails", PROTECTS }, { "policies", PROTECTS }, { "policy_attachments", PROTECTS }, { "callback_settings", LATER },
	{ "mcp_servers", LATER }, { "mcp_tools", LATER }, { "agent_list", FORCE }, { "vector_store_registry", LATER },
	{ "search_tools", LATER }, { "prompts", LATER }, { "assistant_settings", LATER }, { "files_settings", LATER },
	{ "finetune_settings", LATER }, { "worker_registry", QUIET }, { "model_group_settings", LATER },
};

static const struct row litellm_rows[] = {
	{ "forward_llm_provider_auth_headers", FORCE }, { "model_group_settings", FORCE },
	{ "drop_params", FORCE }, { "request_timeout", FORCE }, { "num_retries", FORCE }, { "fallbacks", FORCE },
	{ "context_window_fallbacks", LATER }, { "content_policy_fallbacks", LATER }, { "default_fallbacks", FORCE },
	{ "max_fallbacks", FORCE }, { "json_logs", FORCE }, { "ssl_verify", FORCE }, { "model_alias_map", FORCE },
	/* the latter two: what we never print */
	{ "turn_off_message_logging", FORCE }, { "redact_user_api_key_info", FORCE }, { "redact_messages_in_exceptions", FORCE },
	{ "global_disable_no_log_param", FORCE }, { "set_verbose", QUIET }, { "suppress_debug_info", QUIET }, { "telemetry", QUIET }, { "allowed_fails", LATER },
	{ "enable_azure_ad_token_refresh", FORCE }, { "cooldown_time", LATER }, { "modify_params", LATER }, { "cache", LATER },
	{ "cache_params", LATER },
	{ "enable_caching_on_provider_specific_optional_params", LATER }, { "enable_redis_auth_cache", LATER }, { "callbacks", LATER },
	{ "success_callback", LATER }, { "failure_callback", LATER }, { "service_callbacks", LATER }, { "service_callback", LATER },
	{ "input_callback", LATER }, { "audit_log_callbacks", LATER }, { "ssl_certificate", FORCE }, { "ssl_security_level", LATER },
	{ "force_ipv4", LATER }, { "enable_json_schema_validation", LATER }, { "disable_end_user_cost_tracking", LATER },
	{ "disable_end_user_cost_tracking_prometheus_only", FORCE },
	{ "enable_end_user_cost_tracking_prometheus_only", FORCE }, { "max_budget", FORCE }, { "budget_duration", FORCE },
	{ "timezone", FORCE }, { "budget_reset_time", FORCE },
	{ "max_end_user_budget_id", FORCE }, { "budget_exceeded_throttle_percentage", FORCE }, { "max_internal_user_budget", FORCE },
	{ "internal_user_budget_duration", FORCE }, { "max_end_user_budget", FORCE },
	{ "max_user_budget", PROTECTS }, { "default_max_internal_user_budget", PROTECTS }, { "default_internal_user_params", FORCE },
	{ "default_team_params", FORCE }, { "default_team_settings", LATER }, { "key_generation_settings", FORCE },
	{ "upperbound_key_generate_params", FORCE }, { "default_key_generate_params", FORCE }, { "cost_discount_config", FORCE },
	{ "cost_margin_config", FORCE }, { "public_model_groups", LATER }, { "public_model_groups_links", LATER },
	{ "mcp_aliases", LATER }, { "custom_prometheus_metadata_labels", LATER }, { "custom_prometheus_tags", LATER },
	{ "prometheus_metrics_config", FORCE }, { "prometheus_initialize_budget_metrics", LATER },
	{ "require_auth_for_metrics_endpoint", FORCE }, { "langfuse_default_tags", LATER }, { "s3_callback_params", LATER },
	{ "datadog_params", LATER }, { "default_in_memory_ttl", LATER }, { "default_redis_ttl", LATER },
	{ "default_redis_batch_cache_expiry", LATER }, { "tag_budget_config", FORCE }, { "num_retries_per_request", LATER },
	{ "add_function_to_prompt", LATER }, { "merge_reasoning_content_in_choices", LATER }, { "return_response_headers", LATER },
	{ "forward_traceparent_to_llm_provider", LATER }, { "store_audit_logs", FORCE }, { "default_vertex_config", LATER },
	{ "stream_chunk_size", LATER }, { "log_raw_request_response", LATER }, { "token_counter", LATER },
	{ "disable_token_counter", LATER }, { "drop_unknown_params", LATER }, { "credential_list", FORCE },
	{ "aiohttp_trust_env", QUIET }, { "disable_aiohttp_transport", QUIET }, { "use_aiohttp_transport", QUIET },
	{ "enable_preview_features", QUIET }, { "disable_hf_tokenizer_download", QUIET },
	{ "disable_copilot_system_to_assistant", QUIET }, { "always_read_redis", QUIET }, { "guardrails", PROTECTS },
	{ "guardrail_name_config_map", PROTECTS }, { "blocked_user_list", FORCE }, { "banned_keywords_list", PROTECTS },
	{ "llamaguard_model_name", PROTECTS }, { "llamaguard_unsafe_content_categories", PROTECTS }, { "llm_guard_mode", PROTECTS },
	{ "openai_moderations_model_name", PROTECTS }, { "google_moderation_confidence_threshold", PROTECTS },
	{ "presidio_ad_hoc_recognizers", PROTECTS }, { "output_parse_pii", PROTECTS }, { "prompt_injection_params", PROTECTS },
	{ "post_call_rules", PYTHON }, { "pre_call_rules", PYTHON }, { "custom_provider_map", PYTHON }, { "priority_reservation", FORCE },
	{ "priority_reservation_settings", FORCE },
};

static const struct row router_rows[] = {
	{ "model_group_alias", FORCE }, { "num_retries", FORCE }, { "retry_after", FORCE }, { "timeout", FORCE },
	{ "stream_timeout", FORCE }, { "fallbacks", FORCE }, { "default_fallbacks", FORCE }, { "context_window_fallbacks", LATER },
	{ "content_policy_fallbacks", LATER }, { "max_fallbacks", FORCE }, { "default_litellm_params", FORCE },
	{ "ignore_invalid_deployments", FORCE }, { "routing_strategy", LATER }, { "routing_strategy_args", LATER },
	{ "allowed_fails", LATER }, { "cooldown_time", LATER }, { "disable_cooldowns", LATER }, { "allowed_fails_policy", LATER },
	{ "retry_policy", LATER }, { "model_group_retry_policy", LATER }, { "enable_pre_call_checks", LATER },
	{ "optional_pre_call_checks", LATER }, { "deployment_affinity_ttl_seconds", LATER }, { "enable_tag_filtering", WARNS },
	{ "tag_filtering_match_any", LATER }, { "tag_routing_prefix", LATER }, { "default_max_parallel_requests", FORCE },
	{ "caching_groups", LATER }, { "cache_responses", LATER }, { "cache_kwargs", LATER }, { "redis_host", LATER },
	{ "redis_port", LATER }, { "redis_password", LATER }, { "redis_url", LATER }, { "redis_db", LATER }, { "redis_ssl", LATER },
	{ "client_ttl", QUIET }, { "provider_budget_config", FORCE }, { "default_priority", LATER }, { "polling_interval", QUIET },
	{ "enable_health_check_routing", LATER }, { "health_check_staleness_threshold", LATER },
	{ "health_check_ignore_transient_errors", LATER }, { "routing_groups", LATER }, { "weights", LATER }, { "set_verbose", QUIET },
	{ "debug_level", QUIET }, { "model_list", QUIET }, { "max_retries", QUIET }, { "assistants_config", LATER },
	{ "guardrail_list", PROTECTS }, { "search_tools", LATER }, { "alerting_config", LATER }, { "router_general_settings", QUIET },
	{ "deployment_affinity", LATER },
};

static const struct row general_rows[] = {
	{ "master_key", FORCE }, { "litellm_key_header_name", FORCE }, { "completion_model", FORCE }, { "embedding_model", FORCE },
	{ "always_include_stream_usage", FORCE }, { "forward_client_headers_to_llm_api", FORCE }, { "max_request_size_mb", FORCE },
	{ "max_response_size_mb", FORCE }, { "database_url", FORCE }, { "database_connection_pool_limit", LATER },
	{ "database_connection_timeout", LATER }, { "database_connection_pool_timeout", LATER }, { "database_type", LATER },
	{ "database_args", LATER }, { "allow_requests_on_db_unavailable", LATER }, { "store_model_in_db", FORCE },
	{ "supported_db_objects", LATER }, { "proxy_config_reload_interval_seconds", QUIET },
	{ "image_generation_model", LATER }, { "moderation_model", LATER }, { "max_parallel_requests", FORCE },
	{ "global_max_parallel_requests", FORCE }, { "token_rate_limit_type", FORCE },
	{ "default_estimated_output_tokens", FORCE }, { "alerting", FORCE }, { "alerting_threshold", LATER }, { "alert_types", FORCE },
	{ "alert_to_webhook_url", FORCE }, { "alerting_args", LATER }, { "alert_type_config", LATER },
	{ "spend_report_frequency", LATER }, { "background_health_checks", LATER }, { "health_check_interval", LATER },
	{ "health_check_details", LATER }, { "health_check_concurrency", LATER }, { "use_shared_health_check", LATER },
	{ "enable_health_check_routing", LATER }, { "health_check_staleness_threshold", LATER },
	{ "health_check_ignore_transient_errors", LATER }, { "disable_spend_logs", LATER }, { "disable_spend_updates", LATER },
	{ "disable_error_logs", LATER }, { "store_prompts_in_spend_logs", FORCE }, { "maximum_spend_logs_retention_period", FORCE },
	{ "maximum_spend_logs_retention_interval", LATER }, { "maximum_spend_logs_cleanup_cron", LATER },
	{ "proxy_batch_write_at", QUIET }, { "proxy_budget_rescheduler_min_time", QUIET }, { "proxy_budget_rescheduler_max_time", QUIET },
	{ "user_api_key_cache_ttl", QUIET }, { "disable_adding_master_key_hash_to_db", QUIET }, { "allowed_ips", FORCE },
	{ "use_x_forwarded_for", FORCE }, { "public_routes", FORCE }, { "admin_only_routes", FORCE },
	{ "allowed_routes", FORCE }, { "enforce_user_param", FORCE }, { "enforced_params", FORCE },
	{ "reject_clientside_metadata_tags", FORCE }, { "role_permissions", FORCE }, { "role_mappings", PROTECTS },
	{ "control_plane_allowed_ips", PROTECTS }, { "max_file_size_mb", LATER }, { "forward_openai_org_id", LATER },
	{ "forward_llm_provider_auth_headers", FORCE }, { "allow_client_side_credentials", LATER }, { "custom_auth", PYTHON },
	{ "custom_auth_settings", PYTHON }, { "custom_auth_run_common_checks", PYTHON }, { "custom_sso", PYTHON },
	{ "custom_ui_sso_sign_in_handler", PYTHON }, { "custom_key_generate", PYTHON }, { "custom_key_update", PYTHON },
	{ "custom_db_create_key", PYTHON }, { "custom_db_authenticate", PYTHON }, { "enable_jwt_auth", FORCE },
	{ "litellm_jwtauth", FORCE }, { "enable_oauth2_auth", FORCE }, { "enable_oauth2_proxy_auth", PROTECTS },
	{ "oauth2_config_mappings", LATER }, { "user_header_name", FORCE }, { "user_header_mappings", FORCE },
	{ "key_management_system", WARNS }, { "key_management_settings", LATER }, { "use_google_kms", WARNS },
	{ "use_azure_key_vault", WARNS }, { "pass_through_endpoints", FORCE }, { "infer_model_from_keys", LATER },
	{ "disable_master_key_return", QUIET }, { "disable_prisma_schema_update", QUIET }, { "disable_reset_budget", LATER },
	{ "ui_access_mode", LATER }, { "ui_username", LATER }, { "ui_password", LATER }, { "ui_logo_path", LATER },
	{ "default_team_disabled", LATER }, { "allow_user_auth", LATER }, { "use_redis_transaction_buffer", QUIET },
	{ "disable_retry_on_max_parallel_request_limit_error", LATER }, { "store_in_memory", QUIET }, { "otel", LATER },
	{ "litellm_license", QUIET }, { "block_robots", LATER }, { "mandatory_tags", PROTECTS },
	{ "pass_through_request_headers", LATER }, { "enable_public_model_hub", LATER }, { "coordination_redis", LATER },
	{ "allowed_origins", LATER }, { "docs_url", QUIET }, { "mcp_internal_ip_ranges", LATER }, { "mcp_trusted_proxy_ranges", LATER },
	{ "require_end_user_mcp_access_defined", PROTECTS }, { "health_check_model", LATER }, { "disable_custom_api_keys", LATER },
	{ "require_end_user_id", FORCE },
};

/* litellm_params that speak to the gateway: they never go upstream. */
static const struct row params_rows[] = {
	{ "model", FORCE }, { "api_key", FORCE }, { "api_base", FORCE }, { "base_url", FORCE }, { "organization", FORCE },
	{ "custom_llm_provider", FORCE }, { "litellm_credential_name", FORCE }, { "weight", FORCE }, { "order", FORCE },
	{ "timeout", FORCE }, { "request_timeout", FORCE }, { "stream_timeout", FORCE }, { "num_retries", FORCE },
	{ "drop_params", FORCE }, { "additional_drop_params", FORCE }, { "extra_headers", FORCE }, { "default_headers", FORCE },
	{ "extra_body", FORCE }, { "mock_response", FORCE }, { "base_model", FORCE }, { "ssl_verify", FORCE },
	{ "client_cert", FORCE }, { "client_key", FORCE }, { "client_key_password", FORCE }, { "max_retries", QUIET },
	{ "model_info", QUIET }, { "rpm", FORCE }, { "tpm", FORCE }, { "itpm", LATER }, { "otpm", LATER },
	{ "max_parallel_requests", FORCE }, { "cooldown_time", LATER }, { "tags", LATER }, { "tag_regex", LATER },
	{ "api_version", FORCE }, { "region_name", LATER }, { "allowed_openai_params", LATER }, { "mock_timeout", LATER },
	{ "mock_delay", LATER }, { "mock_tool_calls", LATER }, { "configurable_clientside_auth_params", LATER }, { "max_budget", FORCE },
	{ "budget_duration", FORCE }, { "default_api_key_tpm_limit", FORCE }, { "default_api_key_rpm_limit", FORCE },
	{ "cache_control_injection_points", LATER }, { "prompt_id", LATER }, { "prompt_variables", LATER },
	{ "merge_reasoning_content_in_choices", LATER }, { "use_chat_completions_api", FORCE }, { "use_in_pass_through", FORCE },
	{ "use_litellm_proxy", LATER }, { "keepalive_seconds", LATER }, { "initial_prompt_value", LATER }, { "roles", LATER },
	{ "final_prompt_value", LATER }, { "bos_token", LATER }, { "eos_token", LATER }, { "client_id", FORCE },
	{ "client_secret", FORCE }, { "tenant_id", FORCE }, { "azure_ad_token", FORCE }, { "azure_username", LATER },
	{ "azure_password", LATER }, { "azure_scope", FORCE }, { "guardrails", PROTECTS }, { "caching", LATER }, { "cache", LATER },
	{ "ttl", LATER }, { "hf_model_name", LATER }, { "custom_prompt_dict", LATER }, { "supports_system_message", LATER },
	{ "force_timeout", QUIET }, { "verbose", QUIET }, { "logger_fn", QUIET }, { "metadata", LATER }, { "litellm_metadata", LATER },
	{ "provider_specific_header", LATER }, { "fallbacks", LATER }, { "context_window_fallbacks", LATER },
	{ "content_policy_fallbacks", LATER }, { "retry_policy", LATER }, { "max_file_size_mb", LATER }, { "milvus_text_field", LATER },
	{ "vector_store_id", LATER }, { "litellm_trace_id", LATER }, { "enable_json_schema_validation", LATER },
	{ "text_completion", LATER }, { "budget_limits", PROTECTS }, { "client", QUIET }, { "ssl_certificate", FORCE },
};

static const struct row info_rows[] = {
	{ "blocked", FORCE }, { "supported_environments", FORCE }, { "team_id", FORCE }, { "access_windows", FORCE },
	{ "allowed_fails", LATER }, { "allowed_fails_policy", LATER }, { "cooldown_time", LATER }, { "access_groups", FORCE },
};

/* Top-level keys of an entry of model_list. */
static const struct row entry_rows[] = {
	{ "model_name", FORCE }, { "litellm_params", FORCE }, { "model_info", FORCE }, { "rpm", FORCE }, { "tpm", FORCE },
};

/* Of an entry of pass_through_endpoints. */
static const struct row pass_rows[] = {
	{ "path", FORCE }, { "target", FORCE }, { "headers", FORCE }, { "include_subpath", FORCE }, { "auth", FORCE },
	{ "forward_headers", FORCE }, { "methods", FORCE }, { "timeout", FORCE }, { "cost_per_request", FORCE }, { "id", QUIET },
	{ "merge_query_params", QUIET }, { "default_query_params", LATER }, { "guardrails", PROTECTS }, { "is_from_config", QUIET },
};

#define SECTION(id, rows, open)	[id] = { rows, nitems(rows), open }
static const struct {
	const struct row *rows;
	size_t		 n;
	bool		 open;		/* keys that are not in the table are data */
} sections[] = {
	SECTION(SECTION_TOP, top, false), SECTION(SECTION_LITELLM, litellm_rows, false), SECTION(SECTION_ROUTER, router_rows, false),
	SECTION(SECTION_GENERAL, general_rows, false), SECTION(SECTION_PARAMS, params_rows, true), SECTION(SECTION_INFO, info_rows, true),
	SECTION(SECTION_ENTRY, entry_rows, false), SECTION(SECTION_PASS, pass_rows, false),
};

/* Parameters of the chat APIs: sent as defaults without a word. */
static const char *const openai_words[] = {
	"audio", "frequency_penalty", "function_call", "functions", "include_reasoning", "logit_bias", "logprobs",
	"max_completion_tokens", "max_tokens", "metadata", "min_p", "modalities", "n", "parallel_tool_calls", "prediction",
	"presence_penalty", "prompt_cache_key", "prompt_cache_retention", "reasoning", "reasoning_effort", "repetition_penalty",
	"response_format", "safety_identifier", "seed", "service_tier", "stop", "store", "stream_options", "temperature", "thinking",
	"tool_choice", "tools", "top_k", "top_logprobs", "top_p", "user", "verbosity", "web_search_options", "chat_template_kwargs",
	"dimensions", "encoding_format", "output_config", "mcp_servers", "betas", "context_management", "provider", "transforms", "route",
	"models", "plugins", "guided_json", "min_tokens", "stop_token_ids", "ignore_eos", "skip_special_tokens", "structured_outputs",
	"thinking_token_budget", "random_seed", "safe_prompt", "keep_alive", "num_ctx", "format",
};

static const char *const number_words[] = {
	"frequency_penalty", "max_completion_tokens", "max_tokens", "min_p", "n", "presence_penalty", "repetition_penalty", "seed",
	"temperature", "top_k", "top_logprobs", "top_p", "min_tokens", "random_seed", "dimensions", "thinking_token_budget", "num_ctx",
};

/* Families of litellm_params by how their names begin or what they hold: prices, and the credentials of vendors that come later. */
static const char *const control_begins[] = {
	"aws_", "vertex_", "azure_", "watsonx_", "s3_", "gcs_", "oci_", "sap_", "auto_router_", "mock_testing_", "health_check_",
	"litellm_", "complexity_router_", "databricks_", "input_cost_per", "output_cost_per", "cache_read_input_",
	"cache_creation_input_",
};

bool
has_word(struct text t, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text_is(t, words[i]))
			return (true);
	return (false);
}

static const struct row *
row_of(enum section s, struct text key)
{
	for (size_t i = 0; i < sections[s].n; i++)
		if (text_is(key, sections[s].rows[i].key))
			return (&sections[s].rows[i]);
	return (NULL);
}

static bool
in_family(struct text key)
{
	for (size_t i = 0; i < nitems(control_begins); i++)
		if (text_starts(key, text_of(control_begins[i])))
			return (true);
	return (text_has(key, TEXT("_cost_per_")) || rate_is_known(key));
}

bool
litellm_is_control(struct text key)
{
	return (row_of(SECTION_PARAMS, key) != NULL || in_family(key));
}

bool
litellm_is_openai(struct text key)
{
	return (has_word(key, openai_words, nitems(openai_words)));
}

bool
litellm_is_number(struct text key)
{
	return (has_word(key, number_words, nitems(number_words)));
}

static const char *
nth_row(const void *table, size_t i)
{
	return (((const struct row *)table)[i].key);
}

/* Is it named in sluice.accept_unenforced, as its whole path or by its last word? */
static bool
accepted(const struct load *l, struct text path, struct text key)
{
	if (l->accepted != NULL && l->accepted->kind == NODE_SCALAR)
		return (text_eq(l->accepted->text, path) || text_eq(l->accepted->text, key));
	if (l->accepted != NULL && l->accepted->kind == NODE_LIST)
		for (const struct pair *p = l->accepted->first; p != NULL; p = p->next)
			if (text_eq(p->value->text, path) || text_eq(p->value->text, key))
				return (true);
	return (false);
}

/* What does here what such a key is there for. */
static const struct {
	const char	*key, *words;
} instead[] = {
	{ "custom_auth", "keys, tokens (litellm_jwtauth, enable_oauth2_auth) and sluice.people say here who may come" },
	{ "custom_auth_settings", "keys, tokens (litellm_jwtauth, enable_oauth2_auth) and sluice.people say here who may come" },
	{ "custom_sso", "people are signed in by the web server, and sluice.people says who they are" },
	{ "custom_ui_sso_sign_in_handler", "people are signed in by the web server, and sluice.people says who they are" },
	{ "custom_key_generate", "key_generation_settings, default_key_generate_params and upperbound_key_generate_params bound new keys here" },
	{ "custom_key_update", "upperbound_key_generate_params bounds keys here" },
	{ "custom_db_create_key", "keys are kept in the database that database_url names" },
	{ "custom_db_authenticate", "keys are kept in the database that database_url names" },
	{ "enable_oauth2_proxy_auth", "a header may be anybody's: people are signed in by the web server, and sluice.people says who they are" },
	{ "custom_validate", "user_allowed_roles, user_allowed_email_domain, enforce_rbac and scope_mappings say here whose tokens may what" },
	{ "max_user_budget", "max_end_user_budget and max_internal_user_budget are in force" },
	{ "mandatory_tags", "enforced_params: [metadata.tags] asks for them" },
};

static const char *
instead_of(struct text key)
{
	for (size_t i = 0; i < nitems(instead); i++)
		if (text_is(key, instead[i].key))
			return (instead[i].words);
	return (NULL);
}

void
litellm_unenforced(struct load *l, const struct node *map, const struct pair *p, const char *why)
{
	const char *other = instead_of(p->key);
	struct text path = map->parent == NULL ? p->key : arena_print(l->scratch, TEXT_FMT "." TEXT_FMT, TEXT_ARG(map->name),
	    TEXT_ARG(p->key));

	if (accepted(l, path, p->key))
		problem_key(l, PROBLEM_NOTE, map, p, TEXT_FMT " is not in force; accepted by sluice.accept_unenforced", TEXT_ARG(path));
	else
		problem_key(l, PROBLEM_ERROR, map, p, TEXT_FMT " %s%s%s; remove it, or name it in sluice.accept_unenforced", TEXT_ARG(path),
		    why, other != NULL ? ": " : "", other != NULL ? other : "");
}

static const char *const state_words[] = {
	[FORCE] = "", [QUIET] = "means nothing here", [LATER] = "is read and kept; not in force yet", [WARNS] = "is not in force yet",
	[PROTECTS] = "protects, and is not in force yet", [PYTHON] = "names Python code, which can not run here",
};

static void
say_state(struct load *l, const struct node *map, const struct pair *p, enum state state)
{
	if (node_is_null(p->value))
		return;
	if (state == LATER)
		problem_key(l, PROBLEM_NOTE, map, p, TEXT_FMT " %s", TEXT_ARG(p->key), state_words[state]);
	else if (state == WARNS && node_is_true(p->value))
		problem_key(l, PROBLEM_WARNING, map, p, TEXT_FMT " %s", TEXT_ARG(p->key), state_words[state]);
	else if ((state == PROTECTS || state == PYTHON) && node_is_true(p->value))
		litellm_unenforced(l, map, p, state_words[state]);
}

struct text
litellm_idle(struct arena *arena, enum section s, struct text key)
{
	const struct row *row = row_of(s, key);
	const char *near = row == NULL ? did_you_mean(key, sections[s].rows, sections[s].n, nth_row) : NULL;

	if (row != NULL && row->state == FORCE)
		return (TEXT(""));
	if (row != NULL)
		return (arena_print(arena, TEXT_FMT " %s", TEXT_ARG(key), state_words[row->state]));
	return (near != NULL ? arena_print(arena, "unknown key " TEXT_FMT "; did you mean %s?", TEXT_ARG(key), near) :
	    arena_print(arena, "unknown key " TEXT_FMT "; nothing reads it", TEXT_ARG(key)));
}

static void
say_unknown(struct load *l, enum section s, const struct node *map, const struct pair *p)
{
	const char *near = did_you_mean(p->key, sections[s].rows, sections[s].n, nth_row);

	if (s == SECTION_TOP && (text_starts(p->key, TEXT("x-")) || text_starts(p->key, TEXT("."))))
		return;			/* where people keep what their aliases mean */
	if (near != NULL)
		problem_key(l, PROBLEM_WARNING, map, p, "unknown key " TEXT_FMT "; did you mean %s?", TEXT_ARG(p->key), near);
	else
		problem_key(l, PROBLEM_WARNING, map, p, "unknown key " TEXT_FMT "; nothing reads it", TEXT_ARG(p->key));
}

/* An unknown litellm_params key is a parameter for the upstream, but one that is nearly a key of ours is more likely a slip. */
static void
say_parameter(struct load *l, const struct node *map, const struct pair *p)
{
	const char *near;

	if (litellm_is_openai(p->key))
		return;
	if (rate_is_known(p->key))
		return;
	if (in_family(p->key)) {
		say_state(l, map, p, LATER);
		return;
	}
	near = did_you_mean(p->key, params_rows, nitems(params_rows), nth_row);
	if (near != NULL && p->key.len >= 4 && edit_distance(p->key, text_of(near), 2) <= 2)
		problem_key(l, PROBLEM_WARNING, map, p, TEXT_FMT " is sent upstream as a parameter; did you mean %s?", TEXT_ARG(p->key),
		    near);
	else
		problem_key(l, PROBLEM_NOTE, map, p, TEXT_FMT " is sent upstream as a parameter", TEXT_ARG(p->key));
}

/* What deployments and providers may take binds in any case. */
static bool
asks_for_limits_only(const struct pair *p)
{
	static const char *const limits[] = { "enforce_model_rate_limits", "router_budget_limiting" };

	if (!text_is(p->key, "optional_pre_call_checks") || p->value->kind != NODE_LIST)
		return (false);
	for (const struct pair *one = p->value->first; one != NULL; one = one->next)
		if (one->value->kind != NODE_SCALAR || !has_word(one->value->text, limits, nitems(limits)))
			return (false);
	return (true);
}

void
litellm_check(struct load *l, enum section s, const struct node *map)
{
	if (map == NULL || map->kind != NODE_MAP)
		return;
	for (const struct pair *p = map->first; p != NULL; p = p->next) {
		const struct row *row = row_of(s, p->key);
		if (row != NULL && asks_for_limits_only(p))
			continue;
		if (row != NULL)
			say_state(l, map, p, row->state);
		else if (s == SECTION_PARAMS)
			say_parameter(l, map, p);
		else if (!sections[s].open)
			say_unknown(l, s, map, p);
	}
}

/* Callbacks that refuse or change requests: leaving one out lets through what it would have stopped. */
static const char *const guarding[] = {
	"aporia", "azure_content_safety", "banned_keywords", "blocked_user_check", "bedrock", "detect_prompt_injection",
	"google_text_moderation", "guardrails_ai", "hide_secrets", "lakera", "lakera_prompt_injection", "llamaguard_moderations",
	"llmguard_moderations", "openai_moderations", "presidio", "presidio_pii_masking",
};

static const char *const callback_lists[] = { "callbacks", "success_callback", "failure_callback", "input_callback" };

static void
check_callback(struct load *l, const struct node *map, const struct pair *p, const struct node *one)
{
	if (one->kind != NODE_SCALAR)
		return;
	if (has_word(one->text, guarding, nitems(guarding)))
		litellm_unenforced(l, map, p, "lists a guardrail, and is not in force yet");
	else if (memchr(one->text.at, '.', one->text.len) != NULL)
		litellm_unenforced(l, map, p, "names Python code, which can not run here");
	else if (text_starts(one->text, TEXT("dynamic_rate_limiter")) && node_get(map, "priority_reservation") == NULL)
		litellm_unenforced(l, map, p, "divides a model among the keys that are active, which is in force with priority_reservation only");
}

void
litellm_check_callbacks(struct load *l, const struct node *settings)
{
	for (size_t i = 0; i < nitems(callback_lists); i++) {
		const struct pair *p = node_pair(settings, callback_lists[i]);
		if (p == NULL || node_is_null(p->value))
			continue;
		if (p->value->kind == NODE_SCALAR)
			check_callback(l, settings, p, p->value);
		else
			for (const struct pair *one = p->value->first; one != NULL; one = one->next)
				check_callback(l, settings, p, one->value);
	}
}

static const char *
nth_word(const void *words, size_t i)
{
	return (((const char *const *)words)[i]);
}

/* The keys that can be accepted although they protect. */
static size_t
acceptable(const char **words, size_t room)
{
	size_t n = 0;

	for (size_t s = 0; s < nitems(sections); s++)
		for (size_t i = 0; i < sections[s].n && n < room; i++)
			if (sections[s].rows[i].state == PROTECTS || sections[s].rows[i].state == PYTHON)
				words[n++] = sections[s].rows[i].key;
	for (size_t i = 0; i < nitems(callback_lists) && n < room; i++)
		words[n++] = callback_lists[i];
	return (n);
}

void
litellm_check_accepted(struct load *l)
{
	const char *words[128];
	size_t n = acceptable(words, nitems(words));
	struct text *names = NULL;
	size_t count = want_texts(l, l->accepted, &names);

	for (size_t i = 0; i < count; i++) {
		struct text word = names[i], head, tail;
		const char *near;
		while (text_cut(word, '.', &head, &tail))
			word = tail;
		if (has_word(word, words, n))
			continue;
		near = did_you_mean(word, words, n, nth_word);
		problem(l, PROBLEM_WARNING, l->accepted, "accept_unenforced: " TEXT_FMT " protects nothing%s", TEXT_ARG(names[i]),
		    hint(l, near));
	}
}

/* Master keys that were published in examples: everybody has them. */
static const char *const example_keys[] = {
	"sk-1234", "sk-12345", "sk-123456", "sk-1234567", "sk-12345678", "sk-123456789", "sk-1234567890", "sk-0000", "sk-1111", "sk-abcd",
	"sk-abc123", "sk-admin", "sk-test", "sk-master", "sk-master-key", "sk-my-master-key", "sk-my-custom-master-key", "sk-litellm",
	"sk-litellm-master-key", "sk-litellm-1234", "sk-your-master-key", "sk-your-key", "sk-your-key-here", "sk-xxx", "sk-xxxx",
	"sk-xxxxxxxx", "sk-...", "sk-change-me", "sk-changeme", "sk-secret", "sk-password", "sk-key", "your-master-key",
	"your_master_key", "<your-master-key>", "my-master-key", "master-key", "changeme", "change-me", "secret", "password", "admin",
	"test", "1234", "12345", "123456", "litellm", "sluice", "sk-sluice",
};

bool
is_example_key(struct text key)
{
	for (size_t i = 0; i < nitems(example_keys); i++)
		if (text_eq_nocase(key, text_of(example_keys[i])))
			return (true);
	return (false);
}
