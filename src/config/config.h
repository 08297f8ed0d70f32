/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration: LiteLLM's config.yaml as it is, with our own settings under `sluice:`.
 *
 * config_load() reads, resolves (include, anchors, environment) and checks everything, and never stops at the first problem. A
 * configuration with a problem of level ERROR must not be served. A loaded configuration never changes; a reload makes another one,
 * and each exchange holds the one it began with (config_hold, config_release).
 *
 * Secrets (keys) live here and have no path to a log line: struct deployment is never printed whole.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/json.h"
#include "base/network.h"
#include "config/tariff.h"

enum wire {				/* what an upstream speaks */
	WIRE_OPENAI,			/* chat completions; as a deployment's: one of the family */
	WIRE_ANTHROPIC,
	WIRE_RESPONSES,			/* further surfaces of the OpenAI family: a call's, never a deployment's (wire_for) */
	WIRE_COMPLETIONS,
	WIRE_EMBEDDINGS,
	WIRE_NONE,			/* a vendor whose dialect comes with a later version */
};

/* Quirks of a vendor, one bit each. */
enum quirk {
	QUIRK_MAX_TOKENS_OLD	= 1 << 0,	/* rename max_completion_tokens to max_tokens */
	QUIRK_KEY_OPTIONAL	= 1 << 1,	/* servers that run without a key get no header, or a dummy */
	QUIRK_DEVELOPER_OK	= 1 << 2,	/* knows the role developer; others get system, when translated */
	QUIRK_MAX_TOKENS_NEW	= 1 << 3,	/* translated requests say max_completion_tokens */
	QUIRK_FLATTEN_CONTENT	= 1 << 4,	/* content lists become one string */
	QUIRK_CONTINUOUS_USAGE	= 1 << 5,	/* takes stream_options.continuous_usage_stats (vLLM) */
	QUIRK_NO_STORE		= 1 << 6,	/* send store: false */
	QUIRK_NO_STREAM_OPTIONS	= 1 << 7,	/* refuses stream_options */
	QUIRK_RESPONSES		= 1 << 8,	/* has /responses of its own */
	QUIRK_COMPLETIONS	= 1 << 9,	/* has /completions of its own */
	QUIRK_NO_MAX_TOKENS	= 1 << 10,	/* rename max_tokens to max_completion_tokens */
	QUIRK_AZURE		= 1 << 11,	/* Azure OpenAI: addresses of deployments and versions, Entra tokens */
	QUIRK_FOUNDRY		= 1 << 12,	/* other models at Azure: Entra tokens too */
	QUIRK_API_KEY		= 1 << 13,	/* the key goes into a header api-key */
	QUIRK_CHAT_APART	= 1 << 14,	/* has /completions, but refuses its chat models there */
};

/* How the addresses of an Azure deployment are made. */
enum azure {
	AZURE_NOT,			/* plainly: root and path; Azure's v1 too, whose root ends in /openai/v1 */
	AZURE_CLASSIC,			/* root, /openai/deployments/NAME, path; the paths of no deployment behind /openai */
	AZURE_BARE,			/* root, NAME, path: Cloudflare's gateway before it */
};

/*
 * A bearer token that must be fetched (OAuth 2.0): the request whose answer is JSON with access_token and expires_in.  What a vendor calls its
 * flow decides the text of the form only.
 */
struct credential {
	struct text	 id;			/* SHA-256 of all below: a reloaded configuration's is the same */
	struct text	 name;			/* for people, without a secret */
	struct text	 url, host;
	unsigned	 port;
	struct text	 proxy;
	struct text	 header;		/* secret; "Name: value", or empty */
	struct text	 form;			/* secret; the body of a POST; empty: GET */
	struct text	 assertion_file;	/* what is in it goes behind the form, percent-encoded; or empty */
};

struct vendor {
	const char	*prefix;		/* as in litellm_params.model before the slash */
	enum wire	 wire;
	const char	*base_url;		/* NULL: the deployment must say */
	const char	*base_env[3];		/* variables that may hold the base, in order */
	const char	*key_env[4];		/* variables that may hold the key, in order */
	unsigned	 quirks;
	const char	*headers;		/* further request headers, "Name: value\n…", {api_key} is replaced; or NULL */
	const char	*chat_path;		/* behind the base; NULL: /chat/completions, or /v1/messages for WIRE_ANTHROPIC */
	const char	*also_host;		/* another host of the vendor's own, or NULL */
	const char	*model_prefix;		/* what the vendor wants before a short model name, or NULL */
};

/* What is publicly known of a model (facts.c). Prices are in 10^-12 dollars a token, which every published one is a multiple of. */
struct facts {
	struct text	 name, vendor, mode;
	int64_t		 max_input, max_output;		/* 0: unknown */
	int64_t		 input, output, cache_read, cache_write;	/* prices; -1: unknown */
	unsigned	 can;			/* a bit for each facts_flag() */
	unsigned	 tariff;		/* which of the shipped ones */
};
bool		 facts_nth(struct facts *, size_t i);	/* in the order of their names; false: no more */
bool		 facts_find(struct facts *, struct text model);	/* with or without a vendor's prefix */
const char	*facts_flag(unsigned bit);	/* "vision", as in LiteLLM's supports_vision; NULL: no more */

/* A parameter of litellm_params that is sent when the client leaves it out. */
struct default_param {
	struct text	 name;
	struct text	 raw;			/* JSON */
};

/* A time of every day in which a deployment is some teams' only (model_info.access_windows). */
struct access_window {
	int		 from_s, to_s;		/* of the local day; to below from: over midnight */
	const struct zone *zone;
	struct text	 from, to, zone_name;	/* as written */
	struct text	*teams;
	size_t		 n_teams;
};

struct deployment {
	struct text	 id;			/* model_info.id, else SHA-256 hex as LiteLLM makes it */
	uint64_t	 mark;			/* a digest of it, for ids of answers it holds */
	struct text	 group;			/* model_name, may be a pattern; of a team's own: "model_name_TEAM_NAME" or what it is stored under */
	struct text	 team, team_name;	/* model_info.team_id, and by which name that team has it; or empty: it is everybody's */
	struct text	 litellm_model;		/* litellm_params.model as written */
	const struct vendor *vendor;
	enum wire	 wire;
	struct text	 model;			/* the upstream's name; may hold '*' */
	struct text	 api_base;		/* without trailing slash, user info and query: fit for headers and logs */
	struct text	 url;			/* where a chat call goes */
	struct text	 root, query;		/* what stands before and behind a surface's path: "https://host/v1" and "key=value" */
	enum azure	 azure;
	struct text	 azure_name;		/* the deployment api_base names, percent-encoded; empty: the model's name */
	unsigned	 quirks;		/* beside the vendor's */
	struct text	 host;			/* of url, for name look-up; empty for a literal address */
	unsigned	 port;
	struct text	 proxy;			/* forward proxy URL for it (HTTPS_PROXY, NO_PROXY applied), or empty */
	struct text	 key;			/* secret; empty: none is sent */
	bool		 key_is_bearer;		/* Authorization: Bearer, where the vendor has a header of its own for keys */
	const struct credential *credential;	/* instead of a key: its token is; NULL: none */
	struct text	 organization;
	struct text	*headers;		/* extra_headers as "Name: value" */
	size_t		 n_headers;
	struct default_param *defaults;		/* any further OpenAI parameter in litellm_params, extra_body too */
	size_t		 n_defaults;
	bool		 chat_only;		/* use_chat_completions_api: its vendor's /responses and /completions are not called */
	bool		 responses_only;	/* openai/responses/…, or mode: responses: its model is not to be had by chat completions */
	bool		 drop_params;
	struct text	*drop;			/* additional_drop_params: top-level names (paths are reported as not in force) */
	size_t		 n_drop;
	int64_t		 weight;		/* in thousandths, so that 0.5 is a weight too; -1: not given */
	int64_t		 rpm, tpm;		/* -1: not given */
	int64_t		 parallel;		/* its max_parallel_requests; -1: not given */
	int64_t		 key_rpm, key_tpm;	/* default_api_key_rpm_limit, …: of a key that has none for this model; -1: not given */
	struct text	 budget;		/* JSON: its max_budget and budget_duration; empty: none */
	int64_t		 order;			/* 0: not given */
	int64_t		 timeout_ms, stream_timeout_ms;	/* 0: not given */
	int64_t		 num_retries;		/* -1: not given */
	int64_t		 max_output_tokens;	/* model_info, else the shipped facts; 0: unknown */
	int64_t		 max_input_tokens;	/* same */
	struct text	 mode;			/* model_info.mode, "chat" when absent */
	const struct facts *facts;		/* of base_model, else of the model; NULL: nothing is known */
	int64_t		 input_price, output_price;	/* the file's, else the facts'; 10^-12 dollars a token, -1: unknown */
	const struct tariff *tariff;		/* NULL: unknown, or the model decides it (config_tariff) */
	bool		 at_vendor;		/* its server is the vendor's own */
	struct text	 shown_params, shown_info;	/* litellm_params and model_info as JSON objects, without any secret */
	bool		 implied;		/* not written in the file: one of the vendors that `*` served by `*` stands for */
	bool		 stored;		/* it comes from the database */
	bool		 blocked;		/* it is there, and gets no calls */
	struct access_window *windows;
	size_t		 n_windows;
	bool		 mock;			/* mock_response is given */
	struct text	 mock_response;		/* its text, or "Exception …" / "litellm.RateLimitError" names an error */
	bool		 ssl_verify;		/* true unless switched off for it */
	struct text	 ca_file;		/* a bundle of its own, or empty */
	struct text	 cert, cert_key, cert_password;	/* files that show its server who we are; the password is secret; or empty */
	bool		 pass_through;		/* use_in_pass_through: its server and key are its vendor's path's too */
	struct text	 model_info;		/* raw JSON object as given */
	size_t		 index;			/* of config->deployments */
};

#define TEAM_MODEL	"model_name_"		/* before the team's id, in the names of teams' own models */

/* Deployments that answer to one model name. */
struct group {
	struct text	 name;			/* may hold '*' */
	struct text	 team, team_name;	/* of its deployments */
	bool		 pattern;
	bool		 hidden;		/* not listed: implied by `*`, or a name of a pattern that has fallbacks of its own */
	const struct group *like;		/* that pattern's group, or NULL */
	struct deployment **deployments;
	size_t		 n_deployments;
	struct text	*fallbacks;		/* group names, in order; default_fallbacks are merged in where the group has none */
	size_t		 n_fallbacks;
	struct text	*context_fallbacks;	/* context_window_fallbacks of this group */
	size_t		 n_context_fallbacks;
	struct text	*policy_fallbacks;	/* content_policy_fallbacks of this group */
	size_t		 n_policy_fallbacks;
};

struct alias {					/* router_settings.model_group_alias */
	struct text	 name, group;
	bool		 hidden;
};

/*
 * Requests that pass through as they are: an entry of general_settings.pass_through_endpoints, or one of the vendors whose paths LiteLLM has
 * (/anthropic, /openai, /vllm).
 */
struct conduit {
	struct text	 path;			/* "/bria", without a slash at its end */
	struct text	 name;			/* for people: with a star behind it if what stands below it passes too */
	bool		 deep;			/* it does */
	bool		 open;			/* auth: false: no key is asked for */
	bool		 all_headers;		/* the client's own headers go along */
	bool		 credential;		/* what is sent along holds a credential of ours */
	const struct tariff *tariff;		/* cost_per_request, or NULL */
	struct text	 methods;		/* "GET, POST" */
	enum wire	 wire;			/* in whose dialect errors are */
	const struct deployment *to;		/* whose headers, proxy, key and patience; NULL: `missing` says what must be configured first */
	struct text	 base, query;		/* what stands before and behind what the client adds */
	struct text	 missing;
};

enum problem_level { PROBLEM_ERROR, PROBLEM_WARNING, PROBLEM_NOTE };	/* NOTE: read, kept, not in force yet */

struct problem {
	enum problem_level level;
	struct text	 file;
	unsigned	 line;			/* from 1; 0: the whole file */
	struct text	 message;		/* one sentence; with "did you mean …" when there is something close */
	struct text	 key;			/* dotted path, for --json */
	struct problem	*next;
};

/* litellm_settings.priority_reservation: shares of a model that keys and teams of a priority have for sure. */
struct priority {
	struct text	 name;
	enum { SHARE_PART, SHARE_RPM, SHARE_TPM } of;
	int64_t		 value;			/* millionths of what the model's deployments may together; or as many */
};
struct priorities {
	struct priority	*list;
	size_t		 n;
	struct priority	 rest;			/* of all that have no such priority, together */
	int64_t		 threshold;		/* millionths: shares hold where so much of the model is used */
};

/* An entry of prometheus_metrics_config: these metrics, without "_total", and with which labels; none: all they have. */
struct metrics_rule {
	struct text	*metrics, *labels;
	size_t		 n_metrics, n_labels;
};

struct text_list {
	struct text	*list;
	size_t		 n;
};

/* Our own settings: `sluice:` in the file.  The table in settings.c has name, kind, bounds, default and help of each. */
struct settings {
	struct text	 instance;		/* "sluice": names board, sockets, log */
	struct text	 run_dir;		/* board and sockets */
	struct text	 state_dir;		/* log, later spool and database */
	struct text	 alert_mail_to;		/* addresses, with commas between them */
	struct text	 price_map;		/* a file as LiteLLM's model_prices_and_context_window.json, or empty */
	struct text	 log;			/* exchange lines; "-" is stdout; default state_dir/sluice.log */
	struct text	 listen;		/* sluice serve: a path, or host:port */
	int64_t		 workers;		/* sluice serve */
	int64_t		 body_limit;		/* bytes; 32 MB */
	int64_t		 body_memory;		/* bytes a worker; 256 MB */
	int64_t		 answer_limit;		/* bytes of one whole answer; 64 MB */
	int64_t		 event_limit;		/* bytes of one stream event; 16 MB */
	int64_t		 stream_commit_ms;	/* 3000 */
	int64_t		 heartbeat_ms;		/* 10000 */
	int64_t		 connect_timeout_ms;	/* 10000 */
	int64_t		 idle_timeout_ms;	/* 600000: gap between bytes of a stream, where no LiteLLM timeout is set */
	int64_t		 first_byte_timeout_ms;	/* same */
	int64_t		 total_timeout_ms;	/* 6000000, LiteLLM's request_timeout */
	int64_t		 dns_ttl_ms;		/* 60000 */
	struct text	 database;		/* secret; sluice.database, general_settings.database_url, DATABASE_URL; else state_dir/sluice.db */
	int64_t		 database_connections;	/* a process; 4 */
	int64_t		 database_connections_per_host;	/* 8 */
	struct text	 timezone;		/* of budgets' calendar; empty: UTC */
	int		 turn_of_day;		/* second of the day at which its days begin; litellm_settings.budget_reset_time */
	struct text	 proxy_budget;		/* JSON: max_budget and budget_duration of litellm_settings; empty: none */
	struct text	 provider_budgets;	/* JSON: router_settings.provider_budget_config, or empty */
	struct text	 customer_tier;		/* max_end_user_budget_id, or a JSON of max_end_user_budget: of customers without a budget of their own; or empty */
	struct text	 tag_budgets;		/* JSON: litellm_settings.tag_budget_config, or empty */
	int64_t		 spool_segment;		/* bytes; 16 MB */
	int64_t		 spool_sync_ms;		/* 20 */
	int64_t		 row_retention_ms;	/* 0: for ever */
	int64_t		 prompt_retention_ms;	/* 30 days; 0: for ever */
	int64_t		 prompt_limit;		/* bytes of what is stored of a request, and of an answer; 256 KB */
	int64_t		 prompt_spool;		/* bytes of the disk that stored prompts may take on their way; 256 MB */
	struct text	*memcached;		/* "host:port" or "/path"; none: hosts count rates for themselves */
	size_t		 n_memcached;
	int64_t		 memcached_wait_ms;	/* 50 */
	int64_t		 known_keys;		/* for how many entities the board has room; 32768 */
	bool		 database_must_be_read;	/* false */
	bool		 names_must_be_known;	/* false */
	int64_t		 wrong_keys;		/* of one address in a minute; 600, 0: any number */
	int64_t		 known_age_when_away_ms;	/* how old known keys may get while the database is away; 1 h */
	int64_t		 drain_ms;		/* how long a stopping worker lets streams finish; 600000 */
	bool		 core_dumps;		/* false: none of our processes leaves one */
	bool		 open_on_loopback;	/* no master key is needed from loopback */
	bool		 loopback_only;		/* nobody but loopback is served: allows a published example key as master key */
	struct text	 answer_headers;
	bool		 headers_litellm;	/* that is "litellm" */
	bool		 budget_amounts_hidden;
	struct text	 budget_mode;
	bool		 budget_strict;		/* that is "strict" */
	int64_t		 budget_instalment, budget_hidden_tokens;	/* 2048, 500 */
	int64_t		 budget_wait_ms, budget_wait_most_ms;	/* 10000, 20000 */
	int64_t		 budget_throttle;	/* millionths: to how much of them a spent budget throttles rates; 0: it refuses */
	int64_t		 budget_status;		/* 429: HTTP, of what a budget refuses */
	int64_t		 least_max_tokens;	/* 256: so many at least are bought for a call that says no limit */
	bool		 http2_upstream;	/* false */
	bool		 provider_headers;	/* llm_provider-*: false */
	struct text	 ca_file;		/* private CA bundle: ssl_certificate, SSL_CERT_FILE …; empty: the system's folder */
	bool		 ssl_verify;		/* litellm_settings.ssl_verify */
	struct text_list accept_unenforced;
	struct text_list team_model_hosts;	/* beside those that https names, and that have public addresses: where team admins may have models */
	bool		 key_rotation;		/* LITELLM_KEY_ROTATION_ENABLED */
	int64_t		 key_rotation_check_ms;
	int64_t		 key_rotation_grace_ms;	/* 0: none */
	/* from the LiteLLM sections */
	struct text	 master_key;		/* secret; empty: none */
	struct text	 salt_key;		/* secret; LITELLM_SALT_KEY, else the master key: seals ids of stored answers */
	struct text	 key_header;		/* general_settings.litellm_key_header_name, or empty */
	struct text	*enforced_params;	/* general_settings: members of a body, dotted, that nobody may leave out; enforce_user_param is one */
	size_t		 n_enforced_params;
	bool		 reject_client_tags;	/* reject_clientside_metadata_tags */
	bool		 store_prompts;		/* store_prompts_in_spend_logs: of all who do not object */
	bool		 stores_no_prompts;	/* litellm_settings.turn_off_message_logging: of nobody */
	bool		 ignores_no_log;	/* litellm_settings.global_disable_no_log_param: the body's no-log is none of the caller's business */
	bool		 end_user_required;	/* require_end_user_id */
	struct text	*blocked_users;		/* litellm_settings.blocked_user_list: end users for whom nothing is called */
	size_t		 n_blocked_users;
	bool		 ips_limited;		/* general_settings.allowed_ips is there: nobody else is let in, also when it is empty */
	struct network	*allowed_ips;
	size_t		 n_allowed_ips;
	bool		 forwarded_for;		/* use_x_forwarded_for */
	struct network	*trusted_proxies;	/* whose X-Forwarded-For counts */
	size_t		 n_trusted_proxies;
	int64_t		 metrics_series;	/* how many callers the metrics tell apart; 1000 */
	char		 metrics_door;		/* require_auth_for_metrics_endpoint: 'k'ey for everybody, 'o'pen; 0: not said, open to this machine */
	bool		 metrics_end_users;	/* enable_end_user_cost_tracking_prometheus_only */
	struct metrics_rule *metrics_rules;	/* prometheus_metrics_config; none: all metrics, with all labels */
	size_t		 n_metrics_rules;
	struct text	*allowed_routes, *public_routes, *admin_routes;	/* general_settings; lists as access/routes.h has them */
	size_t		 n_allowed_routes, n_public_routes, n_admin_routes;
	struct text	*user_headers;		/* which name the end user: user_header_mappings, user_header_name */
	size_t		 n_user_headers;
	bool		 drop_params;
	bool		 always_stream_usage;	/* general_settings.always_include_stream_usage */
	bool		 forward_client_headers;
	struct text	*forward_models;	/* the same for these names and patterns only: model_group_settings */
	size_t		 n_forward_models;
	bool		 forward_vendor_keys;	/* forward_llm_provider_auth_headers */
	struct text	 completion_model;	/* overrides every request's model but that for embeddings, or empty */
	struct text	 embedding_model;	/* overrides that */
	int64_t		 num_retries;		/* 2 */
	int64_t		 max_fallbacks;		/* 5 */
	int64_t		 retry_after_ms;	/* router_settings.retry_after, minimum back-off */
	int64_t		 timeout_ms, stream_timeout_ms;	/* router's; 0: not given */
	bool		 json_logs;
	int64_t		 rate_window_ms;	/* LITELLM_RATE_LIMIT_WINDOW_SIZE; 60000 */
	char		 rate_tokens;		/* general_settings.token_rate_limit_type: 't'otal, 'i'nput, 'o'utput */
	int64_t		 rate_output;		/* default_estimated_output_tokens: of a call that does not say; 1024 */
	int64_t		 rate_parallel_all;	/* global_max_parallel_requests; -1: not given */
	int64_t		 rate_parallel_each;	/* default_max_parallel_requests: of a deployment that does not say; -1: not given */
	struct priorities priorities;
	bool		 deployment_rates;	/* rpm and tpm of a deployment bind, and do not only weigh */
	bool		 deployment_keys;	/* a deployment says what keys have that say nothing */
	bool		 deployment_money;	/* a deployment or a provider has a budget */
	/* Of the management API, as JSON objects; empty: not given. */
	struct text	 key_defaults, key_bounds, key_rules;	/* default_key_generate_params, upperbound_key_generate_params, key_generation_settings */
	struct text	 user_defaults, team_defaults;		/* default_internal_user_params, default_team_params */
};

/* sluice.people: whom the web server has signed in. */
struct people_rule {
	struct text	 user, group;		/* one of them */
	struct text	 role, team;		/* what it gives; or empty */
};
struct people {
	bool		 on;
	struct text	 secret;		/* what the web server must send as SLUICE_SECRET */
	int64_t		*peers;			/* users who may run it */
	size_t		 n_peers;
	struct text	 user, email, groups;	/* names of variables */
	struct text	 default_role;		/* of who is signed in; or empty */
	struct people_rule *rules;
	size_t		 n_rules;
};

/*
 * Tokens of programs: general_settings.enable_jwt_auth, litellm_jwtauth, JWT_PUBLIC_KEY_URL, JWT_AUDIENCE, JWT_ISSUER.  Fields are dotted paths of
 * claims.
 */
#define JWKS_SOURCES_MOST	16
struct jwks_source {
	struct text	 url, host, proxy;
	unsigned	 port;
	bool		 verify;
};
struct jwt_role {
	struct text	 named, role;		/* in the token, and here */
};
/* What a scope of a token opens, or the role somebody has by one; an empty list opens all. */
struct jwt_grant {
	struct text	 name;
	struct text	*models, *routes;
	size_t		 n_models, n_routes;
};
enum jwt_stranger { STRANGER_TEAM, STRANGER_REJECT, STRANGER_REGISTER };	/* unregistered_jwt_client_behavior */
struct jwt_rules {
	bool		 on;
	struct jwks_source *sources;
	size_t		 n_sources;
	struct text	 audience, issuer;	/* "a,b", or empty */
	int64_t		 ttl_ms;
	struct text	 admin_scope;
	struct text	 user_id, user_email, email_domain, user_roles, team_id, team_ids, team_default, organization_id, end_user_id;
	struct text	*allowed_roles;
	size_t		 n_allowed_roles;
	struct text	*team_routes, *admin_routes;
	size_t		 n_team_routes, n_admin_routes;
	struct jwt_role	*roles;			/* jwt_litellm_role_map */
	size_t		 n_roles;
	/* a claim that stands for a virtual key */
	struct text	 key_claim;		/* virtual_key_claim_field; empty: none does */
	enum jwt_stranger stranger;
	bool		 takes_own_key;		/* auto_register_map_existing_key */
	/* role-based and scope-based access */
	struct text	 object_id, mapped_roles;	/* object_id_jwt_field, roles_jwt_field */
	struct jwt_role	*mappings;		/* role_mappings: a role of the token, and proxy_admin, team or internal_user */
	size_t		 n_mappings;
	struct jwt_grant *scopes, *permissions;	/* scope_mappings, general_settings.role_permissions */
	size_t		 n_scopes, n_permissions;
	bool		 by_scope, by_role, by_team;	/* enforce_scope_based_access, enforce_rbac, enforce_team_based_model_access */
	/* rows that are made, or brought in step, when a token comes */
	struct text	 team_alias, organization_alias;
	bool		 makes_users, makes_teams, joins_teams, follows;	/* user_id_upsert, team_id_upsert, upsert_sso_user_to_team, sync_user_role_and_teams */
	struct text	*public_routes;		/* public_allowed_routes: for any token that verifies */
	size_t		 n_public_routes;
	/* tokens that say nothing themselves */
	struct jwks_source userinfo;		/* its url is empty: there is none */
	int64_t		 userinfo_ttl_ms;
	struct text	 introspect;		/* secret; "Authorization: Basic …", by which its url is asked as RFC 7662 has it; empty: by the token itself */
};

/* A virtual key of sluice.keys. */
struct known_key {
	struct text	 digest;		/* SHA-256 of the key, 64 hexadecimal digits in lower case */
	struct text	 doc;			/* JSON: what it may, in LiteLLM's words */
	int64_t		 expires_ms;		/* 0: never */
	bool		 has_budget;		/* money is counted in the store */
	struct text	 standing;		/* what the access room makes of it, once it is asked for */
};

/* An agent of agent_list. */
struct known_agent {
	struct text	 id;		/* its agent_id, else its agent_name */
	struct text	 doc;		/* JSON: what the file says of it, in LiteLLM's words */
};

/* What a database adds to a file, with its secrets in the clear. */
struct more_entry {
	struct text	 name;			/* for problems: "model 0a1b" */
	struct text	 json;			/* an object as in the file */
	struct text	 shut;			/* empty, or which of its secrets does not open: it is left out then */
};
struct config_more {
	struct more_entry *models, *credentials, *endpoints;	/* endpoints: of general_settings.pass_through_endpoints */
	struct more_entry *settings;		/* {"section": "router_settings", "key": "num_retries", "value": 1}; what the file says counts */
	unsigned	 n_models, n_credentials, n_endpoints, n_settings;
	struct more_entry fallbacks;		/* {"fallbacks": [{"a": ["b"]}], "context_window_fallbacks": …}; or empty */
};

/* Where alerts go (alerts.c); src/alert raises and sends them. */
enum alert_type { ALERT_BUDGETS, ALERT_OUTAGES };
enum alert_form { ALERT_SLACK, ALERT_WEBHOOK, ALERT_MAIL };	/* a text; LiteLLM's event; the text as a mail */
struct alert_target {
	enum alert_form	 form;
	unsigned	 types;			/* a bit for each enum alert_type */
	struct text	 url;			/* secret; http(s), or smtp(s) */
	struct text	 host;			/* of it, fit for logs */
	struct text	 proxy;			/* or empty */
};
struct alerting {
	struct alert_target *targets;
	size_t		 n_targets;
	unsigned	 types;			/* those that are wanted at all */
	struct text	 mail_from, mail_user, mail_password;	/* the password is secret */
	bool		 mail_tls;		/* STARTTLS must work */
};

/* What LiteLLM's sections say, key by key: general_settings, litellm_settings, router_settings, environment_variables. */
struct said_setting {
	const char	*section;
	struct text	 key, value;		/* JSON; "***" for what is secret, and for every variable */
	bool		 stored;		/* in the database, not in the file */
};

/* What of them can be changed while the gateway runs (runtime.c). */
struct runtime_setting {
	const char	*section, *key;
	const char	*type;			/* LiteLLM's word for it: Boolean, Integer, Float, String, List, Dictionary, Select */
	const char	*otherwise;		/* the default, as JSON */
	const char	*help;
};
extern const struct runtime_setting runtime_settings[];	/* the last has no key */
/* Why that one can not be set while the gateway runs, as a sentence in the words of sluice check; empty: it can. */
struct text	 runtime_refuses(struct arena *, struct text section, struct text key);
const char	*runtime_section(struct text name);	/* LiteLLM's section of that name; NULL: there is none */

struct config {
	struct arena	*arena;
	unsigned	 holders;
	struct settings	 settings;
	struct deployment **deployments;
	size_t		 n_deployments;
	struct group	*groups;		/* in order of appearance */
	size_t		 n_groups;
	bool		 has_team_models;
	struct alias	*aliases;
	size_t		 n_aliases;
	struct text	*default_fallbacks;
	size_t		 n_default_fallbacks;
	bool		 has_context_fallbacks, has_policy_fallbacks;	/* any group has; then a group without goes nowhere (litellm 4.4) */
	struct conduit	*conduits;
	size_t		 n_conduits;
	struct people	 people;
	struct jwt_rules jwt;
	struct known_key *keys;			/* in the order of their digests */
	size_t		 n_keys;
	struct known_agent *agents;
	size_t		 n_agents;
	struct vendor	*vendors;		/* sluice.vendors */
	size_t		 n_vendors;
	const char	*path;			/* as it was asked for; NULL: none was */
	struct text	 given;			/* the text, where it was given */
	const struct config_more *more;	/* what a database added; NULL: nothing was asked */
	struct problem	*problems;		/* in file order */
	unsigned	 n_errors, n_warnings;
	bool		 unreadable;		/* the main file could not be read at all */
	struct names	*names;			/* the room's own: look-up tables */
	struct variable	*variables;		/* the room's own: environment_variables */
	size_t		 n_variables;
	struct price_map *prices;		/* the room's own: sluice.price_map; NULL: none */
	struct markup	*markups;		/* the room's own: discounts and margins */
	struct alerting	 alerting;
	struct said_setting *said;		/* in the order of their sections */
	size_t		 n_said;
};

/* `path` NULL: what CONFIG_FILE_PATH names, else only defaults (an error: a gateway needs a model_list).  Never NULL; look at n_errors. */
struct config	*config_load(const char *path);
/* The process counts the days of budgets as this one says: whoever takes a configuration does it, not who only tries one. */
void		 config_set_calendar(const struct config *);
/* The same with the file's text given: `path` stands in problems, and includes are beside it. */
struct config	*config_load_text(const char *path, struct text yaml);
/* The same with what a database adds; at == NULL: the file is read.  A row that is wrong is a warning in the name of its entry, and left out. */
struct config	*config_load_more(const char *path, struct text yaml, const struct config_more *);
struct config	*config_hold(struct config *);
void		 config_release(struct config *);

/* The group for a client's model name: exact, alias, then patterns (longest first); NULL: none.  `*captured` gets what the pattern's stars took, for
 * deployment_model(). */
struct capture {
	struct text	 part[4];
	unsigned	 n;
};
const struct group *config_group(const struct config *, struct text model, struct capture *captured);
/*
 * A team's own models: what is called when that team asks for `model` (empty: it has none of that name); whose the group, or the deployment of that id,
 * is.
 */
struct text	 config_team_model(const struct config *, struct text team, struct text model);
struct text	 config_owner(const struct config *, struct text model);	/* a team; empty: everybody's */
#define NO_SUCH_MODEL	"Invalid model name passed in model=" TEXT_FMT ". Call `/v1/models` to view available models for your key."	/* LiteLLM's words */
bool		 config_public_only(const struct config *, const struct deployment *);	/* a team's own, at a server that only its name is known of */
/* The window that keeps the deployment from that team (empty: none) just now, or NULL. */
const struct access_window *deployment_window(const struct deployment *, struct text team, int64_t now_ms);
struct text	 group_shown(const struct group *);		/* by which name callers know it */
/* The upstream's name with stars filled in. */
struct text	 deployment_model(struct arena *, const struct deployment *, struct text asked, const struct capture *);
/* Do the client's headers go to it, when asked by that name. */
bool		 config_forwards(const struct config *, const struct deployment *, struct text asked);
struct known_key *config_key(const struct config *, struct text digest);	/* NULL: none */
struct text	 config_agent(const struct config *, struct text id);	/* what agent_list says of it; empty: nothing */
const struct deployment *config_deployment(const struct config *, struct text id);	/* by id; NULL: none */

/* The conduit for a path, the longest that takes it and the method; *rest is what the client's path adds, with the slash before it.  NULL: none, or
 * (*allow is not empty) one for those methods only. */
const struct conduit *config_conduit(const struct config *, struct text path, struct text method, struct text *rest, struct text *allow);

const struct vendor *vendor_find(struct text prefix);	/* built in rows; NULL: none */
const struct vendor *vendor_guess(struct text model);	/* whose a bare name is; NULL: no idea */
const struct vendor *vendor_nth(const struct config *, size_t i);	/* all rows, the operator's first; NULL: no more */
const struct vendor *config_vendor(const struct config *, struct text prefix);	/* sluice.vendors first, then the built in rows */

/*
 * What a call of `model`, as the upstream is asked for it, costs at a deployment; NULL: its price is unknown.  Made in the arena where the model decides
 * it.
 */
const struct tariff *config_tariff(struct arena *, const struct config *, const struct deployment *, struct text model);
const struct tariff *config_tariff_named(struct arena *, const struct config *, const struct vendor *, struct text model);	/* whatever deployments say */

/* A price in dollars from and to decimal text, exactly: 10^-12 dollars are the unit, what is finer is rounded up.  False: no such price. */
bool		 price_read(struct text, int64_t *);
bool		 price_read_exactly(struct text, int64_t *, bool *finer);	/* *finer: it was rounded */
void		 price_print(struct buf *, int64_t);

/* "host:port", "[::1]:port" or a socket's "/path" (*port is 0); false: none of them. */
bool		 memcached_server(struct text, char host[256], unsigned *port);

/* A whole file of at most `most` bytes, in any thread; false: *why. */
bool		 file_slurp(struct buf *, const char *path, size_t most, const char **why);

/* Does the deployment serve that model elsewhere than at /completions, as far as model_info and the published facts tell? */
bool		 deployment_chats_only(const struct deployment *, struct text model);

/* Writing problems: "file:line: error: message", or a JSON array. */
void		 problems_print(struct buf *, const struct config *);
void		 problems_print_upto(struct buf *, const struct config *, enum problem_level upto);	/* PROBLEM_WARNING: what a start says */
void		 problems_print_json(struct buf *, const struct config *);
/* `sluice check [--json] FILE`: prints problems and a summary; 0 no error, 1 errors, 2 usage or unreadable.  argv[0] is "check". */
int		 config_check_main(int argc, char **argv);
/* Every setting of our own with kind, bounds, default and help: for --help, the manual and doc/settings.md. */
void		 settings_print(struct buf *, bool markdown);

/* A variable: environment_variables of the file first, then the process's; NULL: unset. */
const char	*config_env(const struct config *, const char *name);

#endif
