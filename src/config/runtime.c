/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of LiteLLM's sections can be set while the gateway runs: kept in the database, laid over the file, taken by every worker of every host.
 *
 * The rest stands in the file only: what decides who is let in, where the database is, how workers begin.  Whoever puts another key in force adds a row
 * here, if a reload is all it needs and an admin's key may decide it.
 */
#include "config/config_priv.h"

#define GENERAL	"general_settings"
#define LITELLM	"litellm_settings"
#define ROUTER	"router_settings"
#define ENV	"environment_variables"

const struct runtime_setting runtime_settings[] = {
	{ GENERAL, "alert_to_webhook_url", "Dictionary", "null", "Web hooks of Slack for kinds of alerts: budget_alerts, db_exceptions." },
	{ GENERAL, "alert_types", "List", "null", "Which alerts are wanted: budget_alerts, db_exceptions." },
	{ GENERAL, "alerting", "List", "null", "Where alerts go: slack, webhook, email." },
	{ GENERAL, "allowed_ips", "List", "null", "Addresses and networks that are let in; nobody else is." },
	{ GENERAL, "always_include_stream_usage", "Boolean", "false", "Streams tell their usage although it was not asked for." },
	{ GENERAL, "completion_model", "String", "null", "The model of every call but those for embeddings, whatever it names." },
	{ GENERAL, "default_estimated_output_tokens", "Integer", "1024", "What rates of tokens count for a call that says no limit, until it is over." },
	{ GENERAL, "embedding_model", "String", "null", "The model of every call for embeddings." },
	{ GENERAL, "enforce_user_param", "Boolean", "false", "Every call must name its end user." },
	{ GENERAL, "enforced_params", "List", "null", "Members of a body, dotted, that nobody may leave out." },
	{ GENERAL, "forward_client_headers_to_llm_api", "Boolean", "false", "The client's own headers go to the upstream." },
	{ GENERAL, "forward_llm_provider_auth_headers", "Boolean", "false", "A vendor's key that the client sends goes to the upstream." },
	{ GENERAL, "global_max_parallel_requests", "Integer", "null", "How many calls at once all but the master key may have." },
	{ GENERAL, "max_parallel_requests", "Integer", "null", "How many calls at once a deployment may have that does not say." },
	{ GENERAL, "max_request_size_mb", "Float", "32", "The largest body of a request, in megabytes." },
	{ GENERAL, "max_response_size_mb", "Float", "64", "The largest whole answer of an upstream, in megabytes." },
	{ GENERAL, "maximum_spend_logs_retention_period", "String", "null", "How long rows of single requests are kept, such as 30d." },
	{ GENERAL, "reject_clientside_metadata_tags", "Boolean", "false", "Tags that a body brings along are refused." },
	{ GENERAL, "token_rate_limit_type", "Select", "\"total\"", "Which tokens a rate counts: total, input or output." },
	{ GENERAL, "user_header_mappings", "List", "null", "Headers, and the role of whom they name." },
	{ GENERAL, "user_header_name", "String", "null", "The header that names the end user." },
	{ LITELLM, "budget_exceeded_throttle_percentage", "Float", "null", "What part of its rates a key has whose budget is spent, if it is to go on." },
	{ LITELLM, "cost_discount_config", "Dictionary", "{}", "What is taken off a provider's prices: 0.05 is a twentieth." },
	{ LITELLM, "cost_margin_config", "Dictionary", "{}", "What is added to them: 0.1 is a tenth, or percentage and fixed_amount." },
	{ LITELLM, "default_fallbacks", "List", "null", "Models that every other falls back to." },
	{ LITELLM, "default_internal_user_params", "Dictionary", "{}", "What a new user has, where its maker says nothing." },
	{ LITELLM, "default_key_generate_params", "Dictionary", "{}", "What a new key has." },
	{ LITELLM, "default_team_params", "Dictionary", "{}", "What a new team has." },
	{ LITELLM, "drop_params", "Boolean", "false", "Parameters that an upstream does not know are left out." },
	{ LITELLM, "fallbacks", "List", "null", "Which models a model falls back to." },
	{ LITELLM, "forward_llm_provider_auth_headers", "Boolean", "false", "A vendor's key that the client sends goes to the upstream." },
	{ LITELLM, "key_generation_settings", "Dictionary", "{}", "Who may make which keys." },
	{ LITELLM, "max_end_user_budget_id", "String", "null", "The tier of customers that have no budget of their own." },
	{ LITELLM, "max_end_user_budget", "Float", "null", "What each customer may spend that has no budget of its own, in dollars." },
	{ LITELLM, "max_fallbacks", "Integer", "5", "How many fallbacks a call may take." },
	{ LITELLM, "model_alias_map", "Dictionary", "{}", "Further names of models, which lists do not show." },
	{ LITELLM, "model_group_settings", "Dictionary", "{}", "forward_client_headers_to_llm_api for some models only." },
	{ LITELLM, "num_retries", "Integer", "2", "How often a call that failed is tried again." },
	{ LITELLM, "priority_reservation", "Dictionary", "null", "Which share of a model a priority has for sure." },
	{ LITELLM, "priority_reservation_settings", "Dictionary", "null", "What all others have, and when shares hold." },
	{ LITELLM, "request_timeout", "Float", "6000", "The longest a call may take altogether, in seconds." },
	{ LITELLM, "tag_budget_config", "Dictionary", "{}", "What may be spent under a tag that has no budget in the database: max_budget and budget_duration." },
	{ LITELLM, "upperbound_key_generate_params", "Dictionary", "{}", "The most a key may have." },
	{ ROUTER, "default_fallbacks", "List", "null", "Models that every other falls back to." },
	{ ROUTER, "default_litellm_params", "Dictionary", "{}", "Parameters of deployments that do not say them." },
	{ ROUTER, "default_max_parallel_requests", "Integer", "null", "How many calls at once a deployment may have that does not say." },
	{ ROUTER, "fallbacks", "List", "null", "Which models a model falls back to." },
	{ ROUTER, "max_fallbacks", "Integer", "5", "How many fallbacks a call may take." },
	{ ROUTER, "model_group_alias", "Dictionary", "{}", "Further names of models." },
	{ ROUTER, "num_retries", "Integer", "2", "How often a call that failed is tried again." },
	{ ROUTER, "provider_budget_config", "Dictionary", "{}", "What may be spent at a provider: budget_limit and time_period." },
	{ ROUTER, "retry_after", "Float", "0", "The shortest pause before a call is tried again, in seconds." },
	{ ROUTER, "stream_timeout", "Float", "null", "The longest a stream may be silent, in seconds." },
	{ ROUTER, "timeout", "Float", "null", "The longest a call may take, in seconds." },
	{ NULL, NULL, NULL, NULL, NULL },
};

static const struct {
	const char	*name;
	enum section	 section;
} section_names[] = {
	{ GENERAL, SECTION_GENERAL }, { LITELLM, SECTION_LITELLM }, { ROUTER, SECTION_ROUTER }, { ENV, SECTION_TOP },
};

const char *
runtime_section(struct text name)
{
	for (size_t i = 0; i < nitems(section_names); i++)
		if (text_is(name, section_names[i].name))
			return (section_names[i].name);
	return (NULL);
}

/* Variables that are read before the database can be asked, or decide who is let in. */
static bool
is_reserved(struct text name)
{
	static const char *const begins[] = { "SLUICE_", "DATABASE_", "PG", "LITELLM_MASTER", "LITELLM_SALT", "JWT_", "SSL_", "LD_", "STORE_MODEL_IN_DB",
		"CONFIG_FILE_PATH" };

	for (size_t i = 0; i < nitems(begins); i++)
		if (text_starts(name, text_of(begins[i])))
			return (true);
	return (false);
}

static bool
is_name(struct text t)
{
	bool is = t.len > 0 && t.len <= 128 && !(t.at[0] >= '0' && t.at[0] <= '9');

	for (size_t i = 0; i < t.len; i++)
		is = is && (t.at[i] == '_' || (t.at[i] >= '0' && t.at[i] <= '9') || ((t.at[i] | 0x20) >= 'a' && (t.at[i] | 0x20) <= 'z'));
	return (is);
}

static struct text
refuses_variable(struct arena *arena, struct text name)
{
	if (!is_name(name))
		return (arena_print(arena, "\"" TEXT_FMT "\" is not a variable's name", TEXT_ARG(text_whole(text_sub(name, 0, 128)))));
	if (is_reserved(name))
		return (arena_print(arena, "variable " TEXT_FMT " stands in the file or the process's environment only", TEXT_ARG(name)));
	return (TEXT(""));
}

struct text
runtime_refuses(struct arena *arena, struct text section, struct text key)
{
	struct text idle, brief = text_whole(text_sub(key, 0, 128));

	if (text_is(section, ENV))
		return (refuses_variable(arena, key));
	for (const struct runtime_setting *s = runtime_settings; s->key != NULL; s++)
		if (text_is(section, s->section) && text_is(key, s->key))
			return (TEXT(""));
	for (size_t i = 0; i < nitems(section_names); i++)
		if (text_is(section, section_names[i].name)) {
			idle = litellm_idle(arena, section_names[i].section, brief);
			return (idle.len > 0 ? idle : arena_print(arena, TEXT_FMT " can not be changed while the gateway runs: it stands in the configuration file only",
			    TEXT_ARG(brief)));
		}
	return (arena_print(arena, "there is no section " TEXT_FMT, TEXT_ARG(text_whole(text_sub(section, 0, 64)))));
}
