/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the store: laid over the file, checked as it is, in force at once; and what this version says that it does not have. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "desk.h"

#include "admin/overlay.h"
#include "base/vault.h"

#include <stdio.h>

#define MODEL	"model_list: [{model_name: m, litellm_params: {model: openai/gpt-4o, api_key: k, input_cost_per_token: 0.000002}}]\n"
#define MASTER	"general_settings: {master_key: sk-master-of-a-test}\n"

static void
file_says(struct desk *d, const char *yaml)
{
	char text[2048];

	snprintf(text, sizeof(text), "%s%s", MODEL, yaml);
	config_release(d->config);
	d->config = config_load_text("desk.yaml", text_of(text));
	assert_int_equal(d->config->n_errors, 0);
}

static void
a_setting_is_in_force(void **state)
{
	struct desk *d = *state;

	desk_calls(d, "POST /config/update", "{\"router_settings\":{\"num_retries\":7,\"timeout\":12.5},\"litellm_settings\":{\"drop_params\":true},"
	    "\"general_settings\":{\"max_request_size_mb\":2,\"maximum_spend_logs_retention_period\":\"30d\"}}", 200);
	assert_int_equal(d->config->settings.row_retention_ms, INT64_C(2592000000));
	assert_true(text_is(d->changed->entity, OVERLAY_ENTITY));
	assert_int_equal(d->config->settings.num_retries, 7);
	assert_int_equal(d->config->settings.timeout_ms, 12500);
	assert_int_equal(d->config->settings.body_limit, 2 << 20);
	assert_true(d->config->settings.drop_params);
	desk_calls(d, "GET /config/list?config_type=router_settings", NULL, 200);
	assert_true(text_has(d->out, TEXT("{\"field_name\":\"num_retries\",\"field_type\":\"Integer\"")));
	desk_calls(d, "GET /config/field/info?field_name=max_request_size_mb", NULL, 200);
	desk_expect(d, "field_value", "2");
	desk_expect(d, "source", "\"db\"");
	desk_expect(d, "editable", "true");
	desk_calls(d, "GET /router/settings", NULL, 200);
	desk_expect(d, "current_values.num_retries", "7");
	desk_expect(d, "current_values.max_fallbacks", "5");
	desk_expect(d, "current_values.routing_strategy", "\"simple-shuffle\"");
	desk_expect(d, "source.num_retries", "\"db\"");
	d->now_ms += 1000;
	desk_calls(d, "POST /config/field/update", "{\"field_name\":\"max_request_size_mb\",\"field_value\":3,\"config_type\":\"general_settings\"}", 200);
	assert_int_equal(d->config->settings.body_limit, 3 << 20);
	d->now_ms += 1000;
	desk_calls(d, "POST /config/field/delete", "{\"field_name\":\"max_request_size_mb\",\"config_type\":\"general_settings\"}", 200);
	assert_int_equal(d->config->settings.body_limit, 32 << 20);
	desk_calls(d, "GET /config/field/info?field_name=max_request_size_mb", NULL, 400);
	desk_calls(d, "POST /config/field/delete", "{\"field_name\":\"max_request_size_mb\"}", 400);
	desk_calls(d, "POST /config/update", "{\"router_settings\":{\"num_retries\":null}}", 200);
	assert_int_equal(d->config->settings.num_retries, 2);
	d->now_ms += 5000;
	desk_calls(d, "GET /audit?table_name=LiteLLM_Config&object_id=general_settings%2Fmax_request_size_mb&sort_order=asc", NULL, 200);
	desk_expect(d, "total", "3");		/* made, changed, taken back */
	desk_expect(d, "audit_logs.1.before_value.value", "2");
	desk_expect(d, "audit_logs.1.updated_values.value", "3");
}

static void
the_file_counts(void **state)
{
	struct desk *d = *state;

	file_says(d, "litellm_settings: {num_retries: 4}\ngeneral_settings: {master_key: sk-master-of-a-test, completion_model: m}\n");
	desk_calls(d, "POST /config/update", "{\"router_settings\":{\"num_retries\":7}}", 400);
	assert_true(text_has(d->out, TEXT("is set in the config file and cannot be changed here")));
	desk_calls(d, "POST /config/field/update", "{\"field_name\":\"completion_model\",\"field_value\":\"m\"}", 400);
	desk_calls(d, "POST /config/field/delete", "{\"field_name\":\"completion_model\"}", 400);
	desk_calls(d, "GET /config/field/info?field_name=completion_model", NULL, 200);
	desk_expect(d, "source", "\"config\"");
	desk_expect(d, "editable", "false");
	assert_int_equal(d->config->settings.num_retries, 4);
	/* it is in the store already when the file begins to say it */
	file_says(d, MASTER);
	desk_calls(d, "POST /config/update", "{\"router_settings\":{\"num_retries\":7}}", 200);
	file_says(d, MASTER "router_settings: {num_retries: 3}\n");
	desk_calls(d, "POST /config/update", "{\"router_settings\":{\"retry_after\":1}}", 200);
	assert_int_equal(d->config->settings.num_retries, 3);
	assert_int_equal(d->config->settings.retry_after_ms, 1000);
}

/* The words of `sluice check` for the same in a file. */
static void
bad_values_are_told_as_in_the_file(void **state)
{
	static const struct {
		const char *section, *key, *value;
	} bad[] = {
		{ "router_settings", "num_retries", "-1" }, { "router_settings", "num_retries", "\"many\"" }, { "router_settings", "timeout", "\"soon\"" },
		{ "general_settings", "max_request_size_mb", "0" }, { "general_settings", "token_rate_limit_type", "\"all\"" },
		{ "general_settings", "completion_model", "\"nobody-serves-it\"" }, { "litellm_settings", "drop_params", "\"perhaps\"" },
		{ "litellm_settings", "cost_discount_config", "{\"openai\":2}" }, { "litellm_settings", "cost_margin_config", "{\"no-such-vendor\":0.1}" },
		{ "general_settings", "user_header_name", "\"a b\"" }, { "router_settings", "model_group_alias", "{\"a\":\"nobody\"}" },
		{ "router_settings", "fallbacks", "[{\"m\":[\"nobody\"]}]" }, { "litellm_settings", "default_team_params", "7" },
	};
	struct desk *d = *state;

	for (size_t i = 0; i < nitems(bad); i++) {
		char yaml[512], body[512];
		bool told = false;
		struct config *c;

		if (strcmp(bad[i].section, "general_settings") == 0)
			snprintf(yaml, sizeof(yaml), MODEL "general_settings: {master_key: sk-master-of-a-test, %s: %s}\n", bad[i].key, bad[i].value);
		else
			snprintf(yaml, sizeof(yaml), MODEL MASTER "%s: {%s: %s}\n", bad[i].section, bad[i].key, bad[i].value);
		c = config_load_text("bad.yaml", text_of(yaml));
		file_says(d, MASTER);
		snprintf(body, sizeof(body), "{\"%s\":{\"%s\":%s}}", bad[i].section, bad[i].key, bad[i].value);
		desk_calls(d, "POST /config/update", body, 400);
		for (const struct problem *p = c->problems; p != NULL; p = p->next)
			told |= p->level <= PROBLEM_WARNING && text_has(d->out, p->message);
		if (!told)
			fail_msg("%s gives: " TEXT_FMT, body, TEXT_ARG(d->out));
		config_release(c);
	}
	assert_int_equal(d->config->settings.num_retries, 2);
}

static void
what_can_not_change_says_so(void **state)
{
	static const struct {
		const char *body, *words;
	} wrong[] = {
		{ "{\"general_settings\":{\"master_key\":\"sk-another-one-000000\"}}", "can not be changed while the gateway runs" },
		{ "{\"general_settings\":{\"database_url\":\"postgresql://x\"}}", "can not be changed while the gateway runs" },
		{ "{\"litellm_settings\":{\"success_callback\":[\"langfuse\"]}}", "not in force yet" },
		{ "{\"general_settings\":{\"custom_auth\":\"a.b\"}}", "Python" },
		{ "{\"router_settings\":{\"num_retry\":1}}", "did you mean num_retries?" },
		{ "{\"litellm_settings\":{\"set_verbose\":true}}", "means nothing here" },
		{ "{\"model_list\":[]}", "/model/new" },
		{ "{}", "names no setting" },
		{ "{\"environment_variables\":{\"SLUICE_WORKERS\":\"3\"}}", "environment only" },
		{ "{\"environment_variables\":{\"LITELLM_SALT_KEY\":\"x\"}}", "environment only" },
		{ "{\"environment_variables\":{\"A B\":\"x\"}}", "not a variable's name" },
		{ "{\"environment_variables\":{\"AB\":\"os.environ/LITELLM_MASTER_KEY\"}}", "no os.environ/" },
	};
	struct desk *d = *state;

	for (size_t i = 0; i < nitems(wrong); i++) {
		desk_calls(d, "POST /config/update", wrong[i].body, 400);
		if (!text_has(d->out, text_of(wrong[i].words)))
			fail_msg("%s gives: " TEXT_FMT, wrong[i].body, TEXT_ARG(d->out));
	}
	desk_calls(d, "POST /config/update", "{\"router_settings\":{\"retry_after\":1,\"cooldown_time\":3}}", 400);	/* all or nothing */
	assert_int_equal(d->config->settings.retry_after_ms, 0);
	desk_calls(d, "POST /config/update", "{\"router_settings\":[]}", 422);
	desk_calls(d, "POST /config/update", "{\"environment_variables\":{\"AB\":{}}}", 422);
	d->caller = (struct caller){ .kind = CALLER_KEY, .role = USER_INTERNAL, .digest = TEXT("k"), .user_id = TEXT("ann") };
	desk_calls(d, "POST /config/update", "{\"router_settings\":{\"num_retries\":9}}", 403);
	desk_calls(d, "GET /config/yaml", NULL, 403);
	desk_calls(d, "PATCH /update/ui_settings", "{}", 403);
	d->caller.role = USER_ADMIN_VIEWER;
	desk_calls(d, "GET /config/yaml", NULL, 200);
	desk_calls(d, "POST /config/field/update", "{\"field_name\":\"completion_model\",\"field_value\":\"m\"}", 403);
}

static void
variables_are_sealed(void **state)
{
	struct desk *d = *state;
	struct buf b = { 0 };
	const char *why;

	desk_calls(d, "POST /config/update", "{\"environment_variables\":{\"UP_KEY\":\"hidden-0001\"}}", 200);
	assert_string_equal(config_env(d->config, "UP_KEY"), "hidden-0001");
	assert_null(config_env(d->config, "UP"));
	desk_calls(d, "POST /model/new", "{\"model_name\":\"v\",\"litellm_params\":{\"model\":\"openai/x\",\"api_key\":\"os.environ/UP_KEY\"},"
	    "\"model_info\":{\"id\":\"v1\"}}", 200);
	assert_true(text_is(config_deployment(d->config, TEXT("v1"))->key, "hidden-0001"));
	desk_calls(d, "GET /config/yaml", NULL, 200);
	desk_expect(d, "environment_variables.UP_KEY", "\"***\"");
	desk_expect(d, "general_settings.master_key", "\"***\"");
	d->now_ms += 5000;
	desk_calls(d, "GET /audit?page_size=100", NULL, 200);
	assert_false(text_has(d->out, TEXT("hidden")));
	if (d->folder[0] != '\0') {
		assert_true(file_slurp(&b, d->url, 64 << 20, &why));
		assert_null(memmem(b.at, b.len, "hidden-0001", 11));
	}
	buf_free(&b);
	/* all of it comes back as it was shown, with one change */
	desk_calls(d, "POST /config/update", "{\"environment_variables\":{\"UP_KEY\":\"***\",\"B\":\"b\"},\"general_settings\":{\"master_key\":\"***\",\"completion_model\":\"yaml-model\"}}", 200);
	assert_string_equal(config_env(d->config, "UP_KEY"), "hidden-0001");
	assert_string_equal(config_env(d->config, "B"), "b");
	desk_calls(d, "POST /config/update", "{\"environment_variables\":{\"NONE\":\"***\"}}", 400);
	desk_calls(d, "POST /config/update", "{\"environment_variables\":{\"UP_KEY\":null}}", 200);
	assert_null(config_env(d->config, "UP_KEY"));
}

/* What a team's services are called with, as it is kept: opened. */
static struct text
kept_secret(struct desk *d, unsigned entry, const char *name)
{
	struct store *s = store_lend(d->pool, 1000);
	struct json_fault fault;
	const struct json *e;
	struct rows rows;
	struct text value;

	assert_int_equal(STORE(s, d->arena, &rows, SQL_TEAM_DOC, V_TEXT(TEXT("t"))), STORE_FINE);
	store_return(d->pool, s);
	e = json_get(json_get(json_parse(d->arena, rows_text(&rows, 0, 0), &fault), "metadata"), "logging");
	for (e = e->first; entry > 0; entry--)
		e = e->next;
	value = json_unescape(d->arena, json_quoted(json_get(json_get(e, "callback_vars"), name)));
	assert_true(text_starts(value, TEXT("litellm_enc::")));
	assert_true(vault_open(&value, d->arena, d->config->settings.salt_key, text_sub(value, 13, value.len)));
	return (value);
}

static void
callbacks_keep_their_secrets(void **state)
{
	struct desk *d = *state;
	struct text salt = d->config->settings.salt_key;

	desk_calls(d, "POST /team/new", "{\"team_id\":\"t\",\"metadata\":{\"a\":1,\"logging\":[{\"callback_name\":\"langfuse\",\"callback_type\":\"success\","
	    "\"callback_vars\":{\"langfuse_secret_key\":\"s-hidden\"}}]}}", 200);
	desk_expect(d, "metadata.logging.0.callback_vars.langfuse_secret_key", "\"***REDACTED***\"");
	desk_calls(d, "POST /team/t/callback", "{\"callback_name\":\"datadog\",\"callback_vars\":{\"dd_api_key\":\"d-hidden\"}}", 200);
	assert_true(text_is(kept_secret(d, 1, "dd_api_key"), "d-hidden"));
	/* as /team/info shows it, changed beside the masks, in another order */
	desk_calls(d, "POST /team/update", "{\"team_id\":\"t\",\"metadata\":{\"a\":2,\"logging\":[{\"callback_name\":\"datadog\",\"callback_type\":\"failure\","
	    "\"callback_vars\":{\"dd_api_key\":\"***REDACTED***\",\"dd_site\":\"eu\"}},{\"callback_name\":\"langfuse\",\"callback_type\":\"success\","
	    "\"callback_vars\":{\"langfuse_secret_key\":\"***REDACTED***\"}}]}}", 200);
	assert_false(text_has(d->out, TEXT("hidden")));
	assert_true(text_is(kept_secret(d, 0, "dd_api_key"), "d-hidden"));
	assert_true(text_is(kept_secret(d, 0, "dd_site"), "eu"));
	assert_true(text_is(kept_secret(d, 1, "langfuse_secret_key"), "s-hidden"));
	desk_calls(d, "POST /team/update", "{\"team_id\":\"t\",\"metadata\":{\"logging\":[{\"callback_name\":\"other\",\"callback_vars\":{\"k\":\"***REDACTED***\"}}]}}", 400);
	assert_true(text_is(kept_secret(d, 1, "langfuse_secret_key"), "s-hidden"));
	/* also where nothing is sealed any more */
	d->config->settings.salt_key = TEXT("");
	desk_calls(d, "POST /team/update", "{\"team_id\":\"t\",\"metadata\":{\"logging\":[{\"callback_name\":\"datadog\",\"callback_type\":\"failure\","
	    "\"callback_vars\":{\"dd_api_key\":\"***REDACTED***\"}}]}}", 200);
	d->config->settings.salt_key = salt;
	assert_true(text_is(kept_secret(d, 0, "dd_api_key"), "d-hidden"));
}

static void
defaults_are_in_force(void **state)
{
	struct desk *d = *state;

	desk_calls(d, "PATCH /update/internal_user_settings", "{\"max_budget\":5,\"teams\":[\"none\"]}", 400);
	desk_calls(d, "PATCH /update/internal_user_settings", "{\"max_budget\":-5}", 400);
	desk_calls(d, "PATCH /update/internal_user_settings", "{\"user_role\":\"emperor\"}", 400);
	desk_calls(d, "POST /team/new", "{\"team_id\":\"t1\"}", 200);
	desk_calls(d, "PATCH /update/internal_user_settings", "{\"max_budget\":5,\"budget_duration\":\"30d\",\"teams\":[\"t1\"]}", 200);
	desk_expect(d, "settings.max_budget", "5");
	desk_calls(d, "POST /user/new", "{\"user_id\":\"u1\"}", 200);
	desk_expect(d, "max_budget", "5");
	desk_calls(d, "GET /team/info?team_id=t1", NULL, 200);
	desk_expect(d, "team_info.members_with_roles.0.user_id", "\"u1\"");
	desk_calls(d, "PATCH /update/internal_user_settings", "{\"max_budget\":null}", 200);
	desk_calls(d, "GET /get/internal_user_settings", NULL, 200);
	desk_expect(d, "values.max_budget", "null");
	desk_expect(d, "values.budget_duration", "\"30d\"");
	desk_expect(d, "field_schema.properties.max_budget.type", "\"number\"");
	desk_calls(d, "POST /user/new", "{\"user_id\":\"u2\"}", 200);
	desk_expect(d, "max_budget", "null");
	desk_calls(d, "PATCH /update/default_team_settings", "{\"organization_id\":\"none\"}", 400);
	desk_calls(d, "PATCH /update/default_team_settings", "{\"rpm_limit\":11}", 200);
	desk_calls(d, "POST /team/new", "{\"team_id\":\"t2\"}", 200);
	desk_expect(d, "rpm_limit", "11");
	desk_calls(d, "GET /get/default_team_settings", NULL, 200);
	desk_expect(d, "values.rpm_limit", "11");
}

static void
discounts_and_margins(void **state)
{
	struct desk *d = *state;

	file_says(d, MASTER);
	assert_int_equal(d->config->deployments[0]->tariff->discount, 0);
	desk_calls(d, "PATCH /config/cost_discount_config", "{\"openai\":0.25}", 200);
	desk_expect(d, "values.openai", "0.25");
	assert_int_equal(d->config->deployments[0]->tariff->discount, 250000);
	desk_calls(d, "GET /config/cost_discount_config", NULL, 200);
	desk_expect(d, "values.openai", "0.25");
	desk_calls(d, "PATCH /config/cost_discount_config", "{}", 200);
	assert_int_equal(d->config->deployments[0]->tariff->discount, 0);
	desk_calls(d, "PATCH /config/cost_margin_config", "{\"openai\":{\"percentage\":0.1,\"fixed_amount\":0.001}}", 200);
	assert_int_equal(d->config->deployments[0]->tariff->margin, 100000);
	desk_calls(d, "GET /config/cost_margin_config", NULL, 200);
	desk_expect(d, "values.openai.fixed_amount", "0.001");
}

static void
pages(void **state)
{
	struct desk *d = *state;

	file_says(d, MASTER "litellm_settings: {callbacks: [prometheus, langfuse], success_callback: datadog}\n");
	desk_calls(d, "GET /get/config/callbacks", NULL, 200);
	desk_expect(d, "callbacks.0.name", "\"datadog\"");
	desk_expect(d, "callbacks.0.in_force", "false");
	desk_expect(d, "callbacks.1.in_force", "true");
	desk_calls(d, "GET /callbacks/list", NULL, 200);
	desk_expect(d, "success", "[]");
	desk_expect(d, "success_and_failure", "[\"prometheus\"]");
	desk_calls(d, "GET /active/callbacks", NULL, 200);
	desk_expect(d, "num_callbacks", "1");
	desk_calls(d, "GET /settings", NULL, 200);
	desk_calls(d, "POST /config/callback/delete", "{\"callback_name\":\"langfuse\"}", 400);
	desk_calls(d, "POST /config/callback/delete", "{\"callback_name\":\"none\"}", 404);
	desk_calls(d, "PATCH /update/ui_settings", "{\"forward_client_headers_to_llm_api\":true,\"enable_chat_ui\":false}", 200);
	assert_true(d->config->settings.forward_client_headers);
	desk_calls(d, "PATCH /update/ui_settings", "{\"enable_chat_ui\":true}", 400);
	desk_calls(d, "GET /get/ui_settings", NULL, 200);
	desk_expect(d, "values.forward_client_headers_to_llm_api", "true");
	desk_calls(d, "GET /get/sso_settings", NULL, 200);
	desk_calls(d, "PATCH /update/sso_settings", "{\"google_client_id\":\"x\"}", 400);
	desk_calls(d, "GET /health/history?model=m&status_filter=unhealthy&limit=5&offset=2", NULL, 200);
	desk_expect(d, "", "{\"health_checks\":[],\"total_records\":0,\"limit\":5,\"offset\":2}");
	desk_calls(d, "GET /get/ui_theme_settings", NULL, 200);
	desk_expect(d, "values", "{\"logo_url\":null,\"logo_url_dark\":null,\"favicon_url\":null}");
	desk_calls(d, "PATCH /update/ui_theme_settings", "{\"logo_url\":\"https://x/l.png\",\"favicon_url\":\"http://y\"}", 200);
	desk_calls(d, "PATCH /update/ui_theme_settings", "{\"favicon_url\":null}", 200);
	desk_calls(d, "PATCH /update/ui_theme_settings", "{\"logo_url\":\"file:///etc/passwd\"}", 400);
	desk_calls(d, "PATCH /update/ui_theme_settings", "{\"logo_url\":\"https:///x\"}", 400);
	desk_calls(d, "GET /get/ui_theme_settings", NULL, 200);
	desk_expect(d, "values", "{\"logo_url\":\"https://x/l.png\",\"logo_url_dark\":null,\"favicon_url\":null}");
	desk_calls(d, "GET /cache/settings", NULL, 503);
	desk_calls(d, "GET /router/fields", NULL, 200);
	desk_expect(d, "fields.0.field_value", "null");
}

static void
bad_rows_leave_the_rest(void **state)
{
	struct desk *d = *state;
	struct config *c;
	enum store_end end;

	file_says(d, MASTER);
	desk_sql(d, "INSERT INTO sluice_thing (kind, id, created_at, updated_at, doc) VALUES ('setting', 'router_settings/num_retries', 1, 1, '{\"value\":-7}'),"
	    "('setting', 'general_settings/master_key', 1, 1, '{\"value\":\"sk-of-an-intruder-0000\"}'), ('setting', 'nowhere', 1, 1, 'not json'),"
	    "('setting', 'router_settings/retry_after', 1, 1, '{\"value\":2}')");
	c = overlay_load("desk.yaml", d->config->given, d->pool, 1000, NULL, &end);
	assert_int_equal(end, STORE_FINE);
	assert_int_equal(c->n_errors, 0);
	assert_int_equal(c->settings.num_retries, 2);
	assert_int_equal(c->settings.retry_after_ms, 2000);
	assert_true(text_is(c->settings.master_key, "sk-master-of-a-test"));
	assert_true(c->n_warnings >= 3);
	config_release(c);
}

static void
what_is_absent_says_so(void **state)
{
	static const struct {
		const char *line;
		int status;
	} rows[] = {
		{ "GET /guardrails/list", 200 }, { "POST /guardrails", 501 }, { "GET /guardrails/x/info", 404 }, { "DELETE /guardrails/x", 404 }, { "GET /prompts/list", 200 },
		{ "POST /prompts", 501 }, { "PUT /prompts/x", 404 }, { "GET /search_tools/list", 200 }, { "POST /search_tools", 501 }, { "GET /vector_store/list", 200 },
		{ "POST /vector_store/new", 501 }, { "POST /vector_store/info", 404 },
		{ "GET /v1/mcp/server", 200 }, { "POST /v1/mcp/server", 501 }, { "DELETE /v1/mcp/server/x", 404 },
	};
	struct desk *d = *state;

	for (size_t i = 0; i < nitems(rows); i++) {
		desk_calls(d, rows[i].line, strncmp(rows[i].line, "GET", 3) == 0 ? NULL : "{}", rows[i].status);
		assert_true(d->out.len > 1);
		assert_true(rows[i].status != 404 || text_has(d->out, TEXT("not found")));
	}
	desk_calls(d, "GET /guardrails/list", NULL, 200);
	desk_expect(d, "guardrails", "[]");
}

#define OF_A_DESK(f)	cmocka_unit_test_setup_teardown(f, desk_setup, desk_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		OF_A_DESK(a_setting_is_in_force),
		OF_A_DESK(the_file_counts),
		OF_A_DESK(bad_values_are_told_as_in_the_file),
		OF_A_DESK(what_can_not_change_says_so),
		OF_A_DESK(variables_are_sealed),
		OF_A_DESK(callbacks_keep_their_secrets),
		OF_A_DESK(defaults_are_in_force),
		OF_A_DESK(discounts_and_margins),
		OF_A_DESK(pages),
		OF_A_DESK(bad_rows_leave_the_rest),
		OF_A_DESK(what_is_absent_says_so),
	};

	return (desk_main(tests, nitems(tests)));
}
