/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What LiteLLM's sections and variables say about the things that our own settings say: budgets and their calendar, rates, retries, keys, the database.
 */
#include "config/config_priv.h"

#include "base/money.h"
#include "base/span.h"

#define MEGABYTE	(1 << 20)
#define RETENTION_MOST	(3650 * INT64_C(86400000))

static void
read_verify(struct load *l, const struct node *n, const char *variable)
{
	struct settings *set = &l->config->settings;
	const char *value = variable != NULL ? config_env(l->config, variable) : NULL;
	struct text t = text_of(value);
	bool verify;

	if (n != NULL && !want_text(l, n, &t))
		return;
	if (t.len == 0)
		return;
	if (scalar_bool(t, &verify) || text_is(t, "0") || text_is(t, "1"))
		set->ssl_verify = verify || text_is(t, "1");
	else
		set->ca_file = arena_copy(l->arena, t);
}

/* LiteLLM's variables; its grace is a text like 24h. */
static void
read_rotation(struct load *l)
{
	const char *check = config_env(l->config, "LITELLM_KEY_ROTATION_CHECK_INTERVAL_SECONDS"),
	    *grace = config_env(l->config, "LITELLM_KEY_ROTATION_GRACE_PERIOD");
	struct settings *set = &l->config->settings;
	struct span span;
	int64_t s;

	set->key_rotation = env_true(l, "LITELLM_KEY_ROTATION_ENABLED");
	if (check != NULL && scalar_int(text_of(check), &s) && s > 0 && s <= 30 * 86400)
		set->key_rotation_check_ms = s * 1000;
	if (grace != NULL && span_read(text_of(grace), &span))
		set->key_rotation_grace_ms = span_ms(&span);
}

static void
read_variables(struct load *l)
{
	struct settings *set = &l->config->settings;
	const char *ca = config_env(l->config, "SSL_CERT_FILE"), *timeout = config_env(l->config, "REQUEST_TIMEOUT");
	const char *most = config_env(l->config, "ROUTER_MAX_FALLBACKS");
	double seconds;
	int64_t n;

	if (ca != NULL)
		set->ca_file = arena_copy(l->arena, text_of(ca));
	read_verify(l, NULL, "SSL_VERIFY");
	set->drop_params = env_true(l, "LITELLM_DROP_PARAMS");
	set->json_logs = env_true(l, "JSON_LOGS");
	if (timeout != NULL && scalar_number(text_of(timeout), &seconds) && seconds > 0 && seconds < 1e6)
		set->total_timeout_ms = whole(seconds * 1000);
	read_rotation(l);
	if (most != NULL && scalar_int(text_of(most), &n) && n >= 0 && n <= 100)
		set->max_fallbacks = n;
}

/* An object that is kept as JSON. */
static void
want_json(struct load *l, const struct node *n, struct text *json)
{
	struct buf b = { 0 };

	if (n == NULL || node_is_null(n) || !want_kind(l, n, NODE_MAP))
		return;
	node_json(&b, n);
	*json = arena_copy(l->arena, buf_as_text(&b));
	buf_free(&b);
}

static bool
is_budget(struct load *l, const struct node *amount, const struct node *duration)
{
	struct text t;
	struct span span;
	int64_t nano;

	if (!want_text(l, amount, &t))
		return (false);
	if (money_read(t, &nano) != MONEY_FINE)
		problem(l, PROBLEM_ERROR, amount, TEXT_FMT " must be an amount of dollars, at most 9000000000", TEXT_ARG(amount->name));
	else if (want_text(l, duration, &t) && !span_read(t, &span))
		problem(l, PROBLEM_ERROR, duration, TEXT_FMT " must be a time such as 30s, 12h, 7d or 1mo", TEXT_ARG(duration->name));
	else
		return (true);
	return (false);
}

struct text
budget_doc(struct load *l, const struct node *amount, const struct node *duration)
{
	struct buf doc = { 0 };
	struct text budget;

	if (!is_budget(l, amount, duration))
		return (TEXT(""));
	buf_lit(&doc, "{\"max_budget\":");
	node_json(&doc, amount);
	if (duration != NULL) {
		buf_lit(&doc, ",\"budget_duration\":");
		node_json(&doc, duration);
	}
	buf_byte(&doc, '}');
	budget = arena_copy(l->arena, buf_as_text(&doc));
	buf_free(&doc);
	return (budget);
}

/* {"openai": {"budget_limit": 10, "time_period": "1d"}}, also with the names that keys have */
static void
read_budgets(struct load *l, const struct node *map, const char *whose, struct text *json)
{
	if (!want_kind(l, map, NODE_MAP))
		return;
	for (const struct pair *p = map->first; p != NULL; p = p->next) {
		static const char *const amounts[] = { "budget_limit", "max_budget" }, *const times[] = { "time_period", "budget_duration" };
		const struct node *amount = node_get(p->value, amounts[0]), *time = node_get(p->value, times[0]);

		amount = amount != NULL ? amount : node_get(p->value, amounts[1]);
		time = time != NULL ? time : node_get(p->value, times[1]);
		if (want_kind(l, p->value, NODE_MAP) && !is_budget(l, amount, time) && amount == NULL)
			problem_key(l, PROBLEM_ERROR, map, p, "a %s's budget has a budget_limit and a time_period", whose);
	}
	want_json(l, map, json);
}

/* max_internal_user_budget and its duration are an older way to write two of them. */
static void
read_user_defaults(struct load *l, const struct node *map)
{
	const struct node *own = node_get(map, "default_internal_user_params");
	struct text *all = &l->config->settings.user_defaults, older;

	want_json(l, own, all);
	older = budget_doc(l, node_get(map, "max_internal_user_budget"), node_get(map, "internal_user_budget_duration"));
	if (older.len == 0 || node_get(own, "max_budget") != NULL)
		return;
	if (own != NULL && own->kind == NODE_MAP && own->n > 0)
		older = arena_print(l->arena, TEXT_FMT "," TEXT_FMT, TEXT_ARG(text_sub(older, 0, older.len - 1)), TEXT_ARG(text_sub(*all, 1, all->len)));
	*all = older;
}

static void
read_throttle(struct load *l, const struct node *n)
{
	double part;

	if (!want_kind(l, n, NODE_SCALAR))
		return;
	if (scalar_number(n->text, &part) && part >= 1e-6 && part <= 1)
		l->config->settings.budget_throttle = (int64_t)(part * 1000000 + 0.5);
	else
		problem(l, PROBLEM_ERROR, n, TEXT_FMT " must be a part of 1, such as 0.1", TEXT_ARG(n->name));
}

/* "12:00", "12:00:30" */
static bool
read_time_of_day(struct text t, int *second)
{
	static const int most[] = { 23, 59, 59 };
	struct text one;
	int64_t n;
	unsigned i = 0;

	*second = 0;
	for (bool more = true; more; i++) {
		more = text_cut(t, ':', &one, &t);
		if (i >= nitems(most) || one.len == 0 || one.len > 2 || !text_to_i64(one, &n) || n < 0 || n > most[i])
			return (false);
		*second += (int)n * (i == 0 ? 3600 : i == 1 ? 60 : 1);
	}
	return (i >= 2);
}

/* When budgets begin anew. */
static void
read_calendar(struct load *l, const struct node *zone, const struct node *turn)
{
	struct settings *set = &l->config->settings;
	struct text t;

	if (want_text(l, zone, &t)) {
		if (span_has_zone(t.at))
			set->timezone = t;
		else
			problem(l, PROBLEM_ERROR, zone, "there is no time zone " TEXT_FMT " in /usr/share/zoneinfo; write one such as Asia/Seoul (Debian's package tzdata)",
			    TEXT_ARG(t));
	}
	if (want_text(l, turn, &t) && !read_time_of_day(t, &set->turn_of_day))
		problem(l, PROBLEM_ERROR, turn, TEXT_FMT " must be a time of the day, such as \"12:00\"", TEXT_ARG(turn->name));
}

static void
read_litellm(struct load *l, const struct node *map)
{
	struct settings *set = &l->config->settings;
	const struct node *groups;

	read_calendar(l, node_get(map, "timezone"), node_get(map, "budget_reset_time"));
	read_verify(l, node_get(map, "ssl_verify"), NULL);
	want_bool(l, node_get(map, "drop_params"), &set->drop_params);
	want_bool(l, node_get(map, "turn_off_message_logging"), &set->stores_no_prompts);
	want_bool(l, node_get(map, "global_disable_no_log_param"), &set->ignores_no_log);
	want_bool(l, node_get(map, "json_logs"), &set->json_logs);
	want_ms(l, node_get(map, "request_timeout"), &set->total_timeout_ms);
	want_int(l, node_get(map, "num_retries"), 0, 100, &set->num_retries);
	want_int(l, node_get(map, "max_fallbacks"), 0, 100, &set->max_fallbacks);
	want_bool(l, node_get(map, "forward_llm_provider_auth_headers"), &set->forward_vendor_keys);
	want_json(l, node_get(map, "default_key_generate_params"), &set->key_defaults);
	want_json(l, node_get(map, "upperbound_key_generate_params"), &set->key_bounds);
	want_json(l, node_get(map, "key_generation_settings"), &set->key_rules);
	read_user_defaults(l, map);
	want_json(l, node_get(map, "default_team_params"), &set->team_defaults);
	set->proxy_budget = budget_doc(l, node_get(map, "max_budget"), node_get(map, "budget_duration"));
	if (!want_text(l, node_get(map, "max_end_user_budget_id"), &set->customer_tier))
		set->customer_tier = budget_doc(l, node_get(map, "max_end_user_budget"), NULL);
	read_budgets(l, node_get(map, "tag_budget_config"), "tag", &set->tag_budgets);
	read_throttle(l, node_get(map, "budget_exceeded_throttle_percentage"));
	priorities_read(l, node_get(map, "priority_reservation"), node_get(map, "priority_reservation_settings"));
	groups = node_get(map, "model_group_settings");
	if (want_kind(l, groups, NODE_MAP))
		set->n_forward_models = want_texts(l, node_get(groups, "forward_client_headers_to_llm_api"), &set->forward_models);
}

static void
read_router(struct load *l, const struct node *map)
{
	struct settings *set = &l->config->settings;

	want_int(l, node_get(map, "num_retries"), 0, 100, &set->num_retries);
	want_int(l, node_get(map, "max_fallbacks"), 0, 100, &set->max_fallbacks);
	want_ms(l, node_get(map, "retry_after"), &set->retry_after_ms);
	want_ms(l, node_get(map, "timeout"), &set->timeout_ms);
	want_ms(l, node_get(map, "stream_timeout"), &set->stream_timeout_ms);
	want_int(l, node_get(map, "default_max_parallel_requests"), 0, 1000000, &set->rate_parallel_each);
	read_budgets(l, node_get(map, "provider_budget_config"), "provider", &set->provider_budgets);
	set->deployment_money |= set->provider_budgets.len > 0;
}

static void
read_megabytes(struct load *l, const struct node *n, int64_t *limit)
{
	double mb;

	if (!want_kind(l, n, NODE_SCALAR))
		return;
	if (scalar_number(n->text, &mb) && mb > 0 && mb <= 1024)
		*limit = whole(mb * MEGABYTE);
	else
		problem(l, PROBLEM_ERROR, n, TEXT_FMT " must be a number of megabytes, at most 1024", TEXT_ARG(n->name));
}

/* "7d": LiteLLM's way to write spans. */
static void
read_retention(struct load *l, const struct node *n)
{
	struct text t;
	struct span s;

	if (n == NULL || node_is_null(n) || !want_text(l, n, &t))
		return;
	if (span_read(t, &s) && span_ms(&s) <= RETENTION_MOST)
		l->config->settings.row_retention_ms = span_ms(&s);
	else
		problem(l, PROBLEM_ERROR, n, "maximum_spend_logs_retention_period must be a span such as 7d, at most 3650 days");
}

static void
add_user_header(struct load *l, const struct node *n)
{
	struct settings *set = &l->config->settings;
	struct text name;

	if (!want_text(l, n, &name))
		return;
	if (!is_token(name) || name.len > 100)
		problem(l, PROBLEM_ERROR, n, "that is not a header's name");
	else
		set->user_headers[set->n_user_headers++] = name;
}

/* Headers that name the end user: the mapped ones first.  Those that map to a user of the gateway's own decide nothing: whose key it is does. */
static void
read_user_headers(struct load *l, const struct node *map)
{
	const struct node *mappings = node_get(map, "user_header_mappings");
	struct text role;

	l->config->settings.user_headers = arena_alloc(l->arena, ((mappings != NULL ? mappings->n : 0) + 1) * sizeof(struct text));
	if (want_kind(l, mappings, NODE_LIST))
		for (const struct pair *p = mappings->first; p != NULL; p = p->next)
			if (want_kind(l, p->value, NODE_MAP) && want_text(l, node_get(p->value, "litellm_user_role"), &role) && text_is(role, "customer"))
				add_user_header(l, node_get(p->value, "header_name"));
	add_user_header(l, node_get(map, "user_header_name"));
}

/* LiteLLM's words for how rates are counted. */
static void
read_rates(struct load *l, const struct node *map)
{
	struct settings *set = &l->config->settings;
	const char *window = config_env(l->config, "LITELLM_RATE_LIMIT_WINDOW_SIZE");
	const struct node *tokens = node_get(map, "token_rate_limit_type");
	struct text kind;
	int64_t seconds;

	set->rate_window_ms = 60000;
	set->rate_tokens = 't';
	set->rate_output = 1024;
	set->rate_parallel_all = -1;
	want_int(l, node_get(map, "default_estimated_output_tokens"), 0, 1000000000, &set->rate_output);
	want_int(l, node_get(map, "global_max_parallel_requests"), 0, 1000000, &set->rate_parallel_all);
	if (set->rate_parallel_each < 0)
		want_int(l, node_get(map, "max_parallel_requests"), 0, 1000000, &set->rate_parallel_each);
	if (want_text(l, tokens, &kind)) {
		if (text_is(kind, "total") || text_is(kind, "input") || text_is(kind, "output"))
			set->rate_tokens = kind.at[0];
		else
			problem(l, PROBLEM_ERROR, tokens, "token_rate_limit_type must be total, input or output");
	}
	if (window == NULL || window[0] == '\0')
		return;
	if (text_to_i64(text_trim(text_of(window)), &seconds) && seconds >= 1 && seconds <= 86400)
		set->rate_window_ms = seconds * 1000;
	else
		problem(l, PROBLEM_ERROR, map, "LITELLM_RATE_LIMIT_WINDOW_SIZE must be a number of seconds, 1 to 86400");
}

/* enforce_user_param: true is short for one of them. */
static void
read_enforced(struct load *l, const struct node *map)
{
	struct settings *set = &l->config->settings;
	struct text *list = NULL, *all;
	size_t n = want_texts(l, node_get(map, "enforced_params"), &list);
	bool user = false;

	want_bool(l, node_get(map, "enforce_user_param"), &user);
	want_bool(l, node_get(map, "reject_clientside_metadata_tags"), &set->reject_client_tags);
	all = arena_alloc(l->arena, (n + 1) * sizeof(*all));
	if (n > 0)
		memcpy(all, list, n * sizeof(*all));
	if (user)
		all[n++] = TEXT("user");
	set->enforced_params = all;
	set->n_enforced_params = n;
}

static void
read_general(struct load *l, const struct node *map)
{
	struct settings *set = &l->config->settings;
	const char *key = config_env(l->config, "LITELLM_MASTER_KEY"), *salt = config_env(l->config, "LITELLM_SALT_KEY");

	if (want_text(l, node_get(map, "master_key"), &set->master_key))
		set->master_key = text_trim(set->master_key);
	if (set->master_key.len == 0 && key != NULL)
		set->master_key = arena_copy(l->arena, text_trim(text_of(key)));
	set->salt_key = salt != NULL && salt[0] != '\0' ? arena_copy(l->arena, text_of(salt)) : set->master_key;
	if (want_text(l, node_get(map, "litellm_key_header_name"), &set->key_header) && !is_token(set->key_header))
		problem(l, PROBLEM_ERROR, node_get(map, "litellm_key_header_name"), "that is not a header's name");
	read_user_headers(l, map);
	read_rates(l, map);
	read_retention(l, node_get(map, "maximum_spend_logs_retention_period"));
	set->store_prompts = env_true(l, "STORE_PROMPTS_IN_SPEND_LOGS");
	want_bool(l, node_get(map, "store_prompts_in_spend_logs"), &set->store_prompts);
	jwt_read_rules(l, map);
	read_enforced(l, map);
	want_text(l, node_get(map, "completion_model"), &set->completion_model);
	want_text(l, node_get(map, "embedding_model"), &set->embedding_model);
	want_bool(l, node_get(map, "always_include_stream_usage"), &set->always_stream_usage);
	want_bool(l, node_get(map, "forward_client_headers_to_llm_api"), &set->forward_client_headers);
	want_bool(l, node_get(map, "forward_llm_provider_auth_headers"), &set->forward_vendor_keys);
	read_megabytes(l, node_get(map, "max_request_size_mb"), &set->body_limit);
	read_megabytes(l, node_get(map, "max_response_size_mb"), &set->answer_limit);
}

bool
names_postgres(struct text url)
{
	return (text_starts(url, TEXT("postgres://")) || text_starts(url, TEXT("postgresql://")));
}

/* LiteLLM's parts of an address, for who has no DATABASE_URL. */
static struct text
database_by_parts(struct load *l)
{
	const char *host = config_env(l->config, "DATABASE_HOST"), *user = config_env(l->config, "DATABASE_USERNAME");
	const char *name = config_env(l->config, "DATABASE_NAME"), *password = config_env(l->config, "DATABASE_PASSWORD");

	if (host == NULL || user == NULL || name == NULL || host[0] == '\0' || user[0] == '\0' || name[0] == '\0')
		return (TEXT(""));
	return (arena_print(l->arena, "postgresql://" TEXT_FMT ":" TEXT_FMT "@%s/" TEXT_FMT,
	    TEXT_ARG(arena_percent_encode(l->scratch, text_of(user))), TEXT_ARG(arena_percent_encode(l->scratch, text_of(password))), host,
	    TEXT_ARG(arena_percent_encode(l->scratch, text_of(name)))));
}

/* Prisma's tables may stand in a schema that the address names; a pooler lets nobody choose one for long. */
static bool
names_schema(struct text url)
{
	struct text query, one;

	for (text_cut(url, '?', &one, &query); query.len > 0;) {
		if (!text_cut(query, '&', &one, &query))
			query = TEXT("");
		if (text_starts(one, TEXT("schema=")) && !text_is(one, "schema=public"))
			return (true);
	}
	return (false);
}

/* What LiteLLM's file and variables say of the database, unless ours says better. */
static void
read_database(struct load *l, const struct node *general)
{
	struct settings *set = &l->config->settings;
	const struct node *n = node_get(general, "database_url");
	const char *variable = config_env(l->config, "DATABASE_URL");
	struct text url;

	if (want_text(l, n, &url) && text_trim(url).len > 0)
		set->database = text_trim(url);
	else if (variable != NULL && variable[0] != '\0')
		set->database = arena_copy(l->arena, text_trim(text_of(variable)));
	else
		set->database = database_by_parts(l);
	if (set->database.len > 0 && !names_postgres(set->database)) {
		problem(l, PROBLEM_ERROR, n, "the database must be PostgreSQL: database_url, or DATABASE_URL, begins with postgresql://");
		set->database = TEXT("");
	} else if (names_schema(set->database))
		problem(l, PROBLEM_WARNING, n, "schema in the address of the database is not in force: our tables are in the first schema of its user's search_path");
}

void
sections_read(struct load *l, const struct node *litellm, const struct node *router, const struct node *general)
{
	read_variables(l);
	read_litellm(l, litellm);
	read_router(l, router);
	read_general(l, general);
	read_database(l, general);
}
