/* SPDX-License-Identifier: Apache-2.0 */
/* Reports of what was spent, from sums of days and rows of requests. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "desk.h"

#include <stdio.h>

/* Three days of two teams, three keys, two models; tags and a customer. */
static const char days[] =
    "INSERT INTO sluice_key (digest, alias, user_id, team_id, created_at, updated_at, doc) VALUES"
    " ('key1', 'first', 'ann', 'red', 1, 1, '{\"key_name\":\"sk-...abcd\"}'), ('key2', 'it''s \"2\"', 'bob', 'red', 1, 1, '{}'), ('key3', NULL, 'cat', 'blue', 1, 1, '{}');"
    "INSERT INTO sluice_team (team_id, alias, created_at, updated_at, doc) VALUES ('red', 'Red', 1, 1, '{}'), ('blue', NULL, 1, 1, '{}');"
    "INSERT INTO sluice_team_member (team_id, user_id, role, doc) VALUES ('red', 'ann', 'admin', '{}'), ('red', 'bob', 'user', '{}');"
    "INSERT INTO sluice_day VALUES"
    " (20261124, '', '', 'key1', 'ann', 'red', 'org', '', 'gpt', 'gpt-4o', 'd1', 'openai', 'acompletion', 10, 1, 1000, 100, 200, 0, 5, 1500000000),"
    " (20261124, '', '', 'key2', 'bob', 'red', 'org', '', 'claude', 'claude-4', 'd2', 'anthropic', 'anthropic_messages', 2, 0, 50, 5, 0, 7, 0, 250000000),"
    " (20261125, '', '', 'key1', 'ann', 'red', 'org', '', 'gpt', 'gpt-4o', 'd1', 'openai', 'acompletion', 1, 0, 10, 1, 0, 0, 0, 1),"
    " (20261126, '', '', 'key3', 'cat', 'blue', '', '', 'gpt', 'gpt-4o', 'd1', 'openai', 'aembedding', 4, 4, 0, 0, 0, 0, 0, 0),"
    " (20261124, 'tag', 'prod', 'key1', 'ann', 'red', 'org', '', 'gpt', 'gpt-4o', 'd1', 'openai', 'acompletion', 7, 0, 700, 70, 0, 0, 0, 1000000000),"
    " (20261124, 'tag', '50%_\\\"x', 'key2', 'bob', 'red', 'org', '', 'claude', 'claude-4', 'd2', 'anthropic', 'anthropic_messages', 2, 0, 50, 5, 0, 7, 0, 250000000),"
    " (20261124, 'customer', 'acme', 'key1', 'ann', 'red', 'org', '', 'gpt', 'gpt-4o', 'd1', 'openai', 'acompletion', 3, 0, 300, 30, 0, 0, 0, 500000000);";

static int
setup(void **state)
{
	desk_setup(state);
	desk_sql(*state, days);
	return (0);
}

static void
be(struct desk *d, const char *user, enum user_role role)
{
	d->caller = (struct caller){ .kind = CALLER_KEY, .role = role, .digest = TEXT("key-of-a-caller"), .user_id = text_of(user) };
}

static void
days_are_broken_down(void **state)
{
	struct desk *d = *state;

	desk_calls(d, "GET /team/daily/activity?start_date=2026-11-24&end_date=2026-11-26", NULL, 200);
	desk_expect(d, "results.0.date", "\"2026-11-26\"");
	desk_expect(d, "results.2.date", "\"2026-11-24\"");
	desk_expect(d, "results.2.metrics.spend", "1.75");
	desk_expect(d, "results.2.metrics.prompt_tokens", "1050");
	desk_expect(d, "results.2.metrics.total_tokens", "1155");
	desk_expect(d, "results.2.metrics.cache_read_input_tokens", "200");
	desk_expect(d, "results.2.metrics.cache_creation_input_tokens", "7");
	desk_expect(d, "results.2.metrics.successful_requests", "11");
	desk_expect(d, "results.2.metrics.failed_requests", "1");
	desk_expect(d, "results.2.breakdown.models.gpt-4o.metrics.spend", "1.5");
	desk_expect(d, "results.2.breakdown.models.gpt-4o.api_key_breakdown.key1.metadata.key_alias", "\"first\"");
	desk_expect(d, "results.2.breakdown.model_groups.claude.metrics.api_requests", "2");
	desk_expect(d, "results.2.breakdown.providers.anthropic.metrics.spend", "0.25");
	desk_expect(d, "results.2.breakdown.endpoints./v1/messages.metrics.spend", "0.25");
	desk_expect(d, "results.2.breakdown.api_keys.key2.metadata.key_alias", "\"it's \\\"2\\\"\"");
	desk_expect(d, "results.2.breakdown.entities.red.metadata.team_alias", "\"Red\"");
	desk_expect(d, "results.2.breakdown.entities.red.metrics.spend", "1.75");
	desk_expect(d, "results.2.breakdown.mcp_servers", "{}");
	desk_expect(d, "results.0.breakdown.entities.blue.metrics.failed_requests", "4");
	desk_expect(d, "metadata.total_spend", "1.750000001");
	desk_expect(d, "metadata.total_api_requests", "17");
	desk_expect(d, "metadata.total_pages", "1");
	desk_expect(d, "metadata.has_more", "false");
}

/* As it was shown once, and as it is kept. */
static void
a_key_is_named_by_itself_or_its_digest(void **state)
{
	static const char digest[] = "4254e988c201b5bb94885298d70d008803edbc981a6f9155cf41f3ec86fee5db";
	struct desk *d = *state;
	char line[512];

	snprintf(line, sizeof(line), "INSERT INTO sluice_day VALUES (20261124, '', '', '%s', 'eve', '', '', '', 'gpt', 'gpt-4o', 'd1', 'openai', 'acompletion', "
	    "1, 0, 10, 1, 0, 0, 0, 3000000000);", digest);
	desk_sql(d, line);
	desk_calls(d, "GET /user/daily/activity?start_date=2026-11-24&end_date=2026-11-26&api_key=sk-of-who-asks-0123", NULL, 200);
	desk_expect(d, "metadata.total_spend", "3");
	snprintf(line, sizeof(line), "GET /user/daily/activity?start_date=2026-11-24&end_date=2026-11-26&api_key=%s", digest);
	desk_calls(d, line, NULL, 200);
	desk_expect(d, "metadata.total_spend", "3");
}

static void
pages_hold_whole_days(void **state)
{
	struct desk *d = *state;

	desk_calls(d, "GET /team/daily/activity?start_date=2026-11-01&end_date=2026-11-30&page_size=2&page=1", NULL, 200);
	desk_expect(d, "results.1.date", "\"2026-11-25\"");
	desk_expect(d, "results.2", "");
	desk_expect(d, "metadata.total_pages", "2");
	desk_expect(d, "metadata.has_more", "true");
	desk_expect(d, "metadata.total_spend", "0.000000001");
	desk_calls(d, "GET /team/daily/activity?start_date=2026-11-01&end_date=2026-11-30&page_size=2&page=2", NULL, 200);
	desk_expect(d, "results.0.metrics.spend", "1.75");
	desk_expect(d, "metadata.has_more", "false");
	desk_calls(d, "GET /team/daily/activity?start_date=2026-11-01&end_date=2026-11-30&page_size=2&page=999999", NULL, 200);
	desk_expect(d, "results", "[]");
	desk_calls(d, "GET /user/daily/activity/aggregated?start_date=2026-11-01&end_date=2026-11-30", NULL, 200);
	desk_expect(d, "results.2.metrics.spend", "1.75");
	desk_expect(d, "results.2.breakdown.entities.ann.metrics.spend", "1.5");
}

static void
filters_narrow(void **state)
{
	struct desk *d = *state;

	desk_calls(d, "GET /team/daily/activity?start_date=2026-11-24&end_date=2026-11-26&team_ids=blue", NULL, 200);
	desk_expect(d, "metadata.total_api_requests", "4");
	desk_calls(d, "GET /team/daily/activity?start_date=2026-11-24&end_date=2026-11-26&exclude_team_ids=blue", NULL, 200);
	desk_expect(d, "metadata.total_api_requests", "13");
	desk_calls(d, "GET /team/daily/activity?start_date=2026-11-24&end_date=2026-11-26&team_ids=red,blue&model=claude-4", NULL, 200);
	desk_expect(d, "metadata.total_spend", "0.25");
	desk_calls(d, "GET /team/daily/activity?start_date=2026-11-24&end_date=2026-11-26&api_key=key1", NULL, 200);
	desk_expect(d, "metadata.total_spend", "1.500000001");
	desk_calls(d, "GET /user/daily/activity?start_date=2026-11-24&end_date=2026-11-26&user_id=bob", NULL, 200);
	desk_expect(d, "metadata.total_spend", "0.25");
	desk_calls(d, "GET /tag/daily/activity?start_date=2026-11-24&end_date=2026-11-26&tags=50%25_%5C%22x", NULL, 200);
	desk_expect(d, "metadata.total_spend", "0.25");
	desk_calls(d, "GET /tag/daily/activity?start_date=2026-11-24&end_date=2026-11-26&tags=%25", NULL, 200);
	desk_expect(d, "metadata.total_spend", "0");
	desk_calls(d, "GET /end_user/daily/activity?start_date=2026-11-24&end_date=2026-11-26&end_user_ids=acme", NULL, 200);
	desk_expect(d, "results.0.breakdown.entities.acme.metrics.spend", "0.5");
	desk_calls(d, "GET /organization/daily/activity?start_date=2026-11-24&end_date=2026-11-26&organization_ids=org", NULL, 200);
	desk_expect(d, "metadata.total_spend", "1.750000001");
	desk_calls(d, "GET /team/daily/activity?start_date=2026-11-25&end_date=2026-11-25&timezone=-540", NULL, 200);
}

static void
callers_see_their_own(void **state)
{
	struct desk *d = *state;

	be(d, "bob", USER_INTERNAL);
	desk_calls(d, "GET /user/daily/activity?start_date=2026-11-24&end_date=2026-11-26", NULL, 200);
	desk_expect(d, "metadata.total_spend", "0.25");
	desk_calls(d, "GET /user/daily/activity?start_date=2026-11-24&end_date=2026-11-26&user_id=ann", NULL, 200);
	desk_expect(d, "metadata.total_spend", "0");
	desk_calls(d, "GET /tag/daily/activity?start_date=2026-11-24&end_date=2026-11-26", NULL, 403);
	desk_calls(d, "GET /global/spend/keys", NULL, 200);
	desk_expect(d, "0.api_key", "\"key2\"");
	desk_expect(d, "1", "");
	desk_calls(d, "GET /audit", NULL, 403);
	desk_calls(d, "POST /global/spend/reset", NULL, 403);
	be(d, "ann", USER_INTERNAL);			/* who administers the red team */
	desk_calls(d, "GET /team/daily/activity?start_date=2026-11-24&end_date=2026-11-26", NULL, 200);
	desk_expect(d, "metadata.total_spend", "1.750000001");
	be(d, "", USER_NONE);
	desk_calls(d, "GET /team/daily/activity?start_date=2026-11-24&end_date=2026-11-26", NULL, 200);
	desk_expect(d, "metadata.total_spend", "0");
	be(d, "vic", USER_ADMIN_VIEWER);
	desk_calls(d, "GET /tag/daily/activity?start_date=2026-11-24&end_date=2026-11-26", NULL, 200);
	desk_calls(d, "POST /global/spend/reset", NULL, 403);
	be(d, "root", USER_ADMIN);
	desk_calls(d, "POST /global/spend/reset", NULL, 403);
}

static void
dates_are_checked(void **state)
{
	static const char *const wrong[] = { "", "start_date=2026-11-24", "start_date=2026-11-31&end_date=2026-12-01", "start_date=2026-11-26&end_date=2026-11-24",
		"start_date=1970-01-01&end_date=2026-01-01", "start_date=%27%3B--&end_date=2026-01-01", "start_date=2026-11-24&end_date=2026-11-26&page=0",
		"start_date=2026-11-24&end_date=2026-11-26&page=1e3", "start_date=2026-11-24&end_date=2026-11-26&page_size=100000",
		"start_date=2026-11-24&end_date=2026-11-26&page=99999999999999999999" };
	struct desk *d = *state;
	char line[200];

	for (size_t i = 0; i < nitems(wrong); i++) {
		snprintf(line, sizeof(line), "GET /team/daily/activity?%s", wrong[i]);
		if (desk_call(d, line, NULL) != 400 && d->status != 422)
			fail_msg("%s gives %d", line, d->status);
	}
}

static void
global_reports(void **state)
{
	struct desk *d = *state;

	desk_calls(d, "GET /global/spend", NULL, 200);
	desk_expect(d, "spend", "1.750000001");
	desk_expect(d, "max_budget", "null");
	desk_calls(d, "GET /global/spend/logs", NULL, 200);
	desk_expect(d, "0", "{\"date\":\"2026-11-24\",\"spend\":1.75}");
	desk_calls(d, "GET /global/spend/keys?limit=1", NULL, 200);
	desk_expect(d, "", "[{\"api_key\":\"key1\",\"key_alias\":\"first\",\"key_name\":\"sk-...abcd\",\"total_spend\":1.500000001}]");
	desk_calls(d, "GET /global/spend/models", NULL, 200);
	desk_expect(d, "0", "{\"model\":\"gpt-4o\",\"total_spend\":1.500000001}");
	desk_calls(d, "GET /global/spend/provider", NULL, 200);
	desk_expect(d, "1", "{\"provider\":\"anthropic\",\"spend\":0.25}");
	desk_calls(d, "GET /global/spend/teams", NULL, 200);
	desk_expect(d, "daily_spend.0", "{\"date\":\"2026-11-24\",\"Red\":1.75}");
	desk_expect(d, "teams", "[\"Red\",\"blue\"]");
	desk_expect(d, "total_spend_per_team.0", "{\"team_id\":\"Red\",\"total_spend\":1.750000001}");
	desk_calls(d, "POST /global/spend/end_users", "{\"startTime\":\"2026-11-24\",\"endTime\":\"2026-11-26T00:00:00Z\"}", 200);
	desk_expect(d, "", "[{\"end_user\":\"acme\",\"total_count\":3,\"total_spend\":0.5}]");
	desk_calls(d, "GET /global/spend/tags?tags=prod", NULL, 200);
	desk_expect(d, "spend_per_tag", "[{\"name\":\"prod\",\"spend\":1,\"log_count\":7}]");
	desk_calls(d, "GET /global/spend/all_tag_names", NULL, 200);
	desk_expect(d, "tag_names.1", "\"prod\"");
	desk_calls(d, "GET /spend/tags?start_date=2026-11-24&end_date=2026-11-24", NULL, 200);
	desk_expect(d, "0", "{\"individual_request_tag\":\"prod\",\"log_count\":7,\"total_spend\":1}");
	desk_calls(d, "GET /spend/users?user_id=ann", NULL, 200);
	desk_expect(d, "0.spend", "1.500000001");
	desk_calls(d, "GET /spend/keys", NULL, 200);
	desk_expect(d, "0.token", "\"key1\"");
	desk_calls(d, "GET /global/activity", NULL, 200);
	desk_expect(d, "daily_data.0", "{\"date\":\"Nov 24\",\"api_requests\":12,\"total_tokens\":1155}");
	desk_expect(d, "sum_api_requests", "17");
	desk_calls(d, "GET /global/activity/model", NULL, 200);
	desk_expect(d, "1.model", "\"gpt\"");
	desk_expect(d, "1.sum_api_requests", "15");
	desk_calls(d, "GET /global/activity/cache_hits", NULL, 200);
	desk_expect(d, "0.total_rows", "11");
	desk_calls(d, "GET /provider/budgets", NULL, 200);
	desk_expect(d, "providers", "{}");
}

static void
reports_are_grouped(void **state)
{
	struct desk *d = *state;

	desk_calls(d, "GET /global/spend/report?start_date=2026-11-24&end_date=2026-11-26", NULL, 200);
	desk_expect(d, "0.group_by_day", "\"2026-11-24\"");
	desk_expect(d, "0.teams.0.team_name", "\"Red\"");
	desk_expect(d, "0.teams.0.total_spend", "1.75");
	desk_expect(d, "0.teams.0.metadata.1.model", "\"gpt-4o\"");
	desk_calls(d, "GET /global/spend/report?start_date=2026-11-24&end_date=2026-11-26&group_by=customer", NULL, 200);
	desk_expect(d, "0.customers.0.customer", "\"acme\"");
	desk_calls(d, "GET /global/spend/report?start_date=2026-11-24&end_date=2026-11-26&group_by=api_key", NULL, 200);
	desk_expect(d, "0.api_key", "\"key1\"");
	desk_expect(d, "0.total_cost", "1.500000001");
	desk_expect(d, "0.total_input_tokens", "1010");
	desk_expect(d, "0.model_details.0.model", "\"gpt-4o\"");
	desk_calls(d, "GET /global/spend/report?start_date=2026-11-24&end_date=2026-11-26&group_by=moon", NULL, 400);
	desk_calls(d, "GET /global/spend/report", NULL, 400);
}

/* rows */

/* It is the 26th, a Thursday. */
static void
the_month_is_predicted(void **state)
{
	struct desk *d = *state;
	struct buf b = { 0 };

	buf_lit(&b, "{\"data\":[");
	for (int day = 13; day <= 26; day++)
		buf_print(&b, "%s{\"date\":\"2026-11-%d\",\"spend\":%d}", day > 13 ? "," : "", day, day == 13 || day == 20 ? 5 : 1);
	buf_lit(&b, "]}");
	buf_byte(&b, '\0');
	desk_calls(d, "POST /global/predict/spend/logs", b.at, 200);
	buf_free(&b);
	desk_expect(d, "response.0", "{\"date\":\"2026-11-27\",\"predicted_spend\":5}");
	desk_expect(d, "response.3", "{\"date\":\"2026-11-30\",\"predicted_spend\":1}");
	desk_expect(d, "response.4", "");
	desk_expect(d, "predicted_spend", "\"Predicted Spend for November 2026, $30.00\"");
	desk_calls(d, "POST /global/predict/spend/logs", "{\"data\":[{\"date\":\"2026-11-25\",\"spend\":2},{\"date\":\"2026-10-29\",\"spend\":54}]}", 200);
	desk_expect(d, "response.0", "{\"date\":\"2026-11-26\",\"predicted_spend\":13.5}");	/* of four Thursdays */
	desk_expect(d, "response.1.predicted_spend", "0");
	desk_expect(d, "predicted_spend", "\"Predicted Spend for November 2026, $15.50\"");
	desk_calls(d, "POST /global/predict/spend/logs", "{\"data\":[{\"date\":\"2026-11-25\",\"spend\":2}]}", 200);
	desk_expect(d, "predicted_spend", "\"Predicted Spend for November 2026, $12.00\"");
	desk_calls(d, "POST /global/predict/spend/logs", "{\"data\":[{\"date\":\"2026-09-25\",\"spend\":2}]}", 200);
	desk_expect(d, "response.30", "");
	desk_calls(d, "GET /global/predict/spend/logs", NULL, 200);
	desk_expect(d, "response.3", "{\"date\":\"2026-11-30\",\"predicted_spend\":0.583333333}");
	desk_expect(d, "predicted_spend", "\"Predicted Spend for November 2026, $4.083333333\"");
	desk_calls(d, "POST /global/predict/spend/logs", "{\"data\":[{\"date\":\"2026-11-24\",\"spend\":9000000000},{\"date\":\"2026-11-25\",\"spend\":9000000000}]}", 200);
	desk_expect(d, "predicted_spend", "\"Predicted Spend for November 2026, $9223372036.854775807\"");	/* there is no more */
	desk_calls(d, "POST /global/predict/spend/logs", "{\"data\":[{\"date\":\"soon\",\"spend\":2}]}", 422);
	desk_calls(d, "POST /global/predict/spend/logs", "{\"data\":[{\"date\":\"2026-11-25\"}]}", 422);
	desk_calls(d, "POST /global/predict/spend/logs", "{\"data\":{}}", 422);
}

static void
add_request(struct desk *d, const char *id, int64_t began, const char *rest)
{
	char sql[1000];

	snprintf(sql, sizeof(sql), "INSERT INTO sluice_request (id, began_at, first_token_at, ended_at, call_type, ended, status, streamed, key_digest, user_id, team_id,"
	    " organization_id, project_id, customer, model_group, model, model_id, provider, api_base, prompt, completion, cached, written, reasoning, cost,"
	    " estimated, host, tags, doc) VALUES ('%s', %lld, NULL, %lld, 'acompletion', 'complete', %s)", id, (long long)began, (long long)began + 1500, rest);
	desk_sql(d, sql);
}

static void
rows_are_shown(void **state)
{
	struct desk *d = *state;

	add_request(d, "019abe2c-0000-7000-8000-000000000001", 1764128784384, "200, 1, 'key1', 'ann', 'red', 'org', '', 'acme', 'gpt', 'gpt-4o', 'd1', 'openai',"
	    " 'https://api.openai.com/v1', 10, 5, 2, 1, 3, 123456789, 0, 'h', '[\"prod\"]', '{\"session\":\"s%1\",\"ip\":\"10.0.0.1\",\"price\":{\"input\":1}}'");
	add_request(d, "019abe2c-0000-7000-8000-000000000002", 1764128784384, "429, 0, 'key2', 'bob', 'red', '', '', '', 'gpt', 'gpt-4o', 'd1', 'openai',"
	    " '', 0, 0, 0, 0, 0, 0, 1, 'h', '[]', '{\"error\":{\"message\":\"Too MANY 100%\",\"class\":\"LIMITED\"}}'");
	desk_calls(d, "GET /spend/logs/v2?start_date=2025-11-26%2000:00:00&end_date=2025-11-27", NULL, 200);
	desk_expect(d, "total", "2");
	desk_expect(d, "data.1.request_id", "\"019abe2c-0000-7000-8000-000000000001\"");
	desk_expect(d, "data.1.spend", "0.123456789");
	desk_expect(d, "data.1.total_tokens", "15");
	desk_expect(d, "data.1.request_duration_ms", "1500");
	desk_expect(d, "data.1.completionStartTime", "null");
	desk_expect(d, "data.1.api_key", "\"key1\"");
	desk_expect(d, "data.1.end_user", "\"acme\"");
	desk_expect(d, "data.1.request_tags", "[\"prod\"]");
	desk_expect(d, "data.1.session_id", "\"s%1\"");
	desk_expect(d, "data.1.requester_ip_address", "\"10.0.0.1\"");
	desk_expect(d, "data.1.status", "\"success\"");
	desk_expect(d, "data.1.metadata.user_api_key_alias", "\"first\"");
	desk_expect(d, "data.1.metadata.user_api_key_team_alias", "\"Red\"");
	desk_expect(d, "data.1.metadata.price.input", "1");
	desk_expect(d, "data.0.status", "\"failure\"");
	desk_expect(d, "data.0.metadata.estimated", "true");
	desk_expect(d, "data.0.metadata.error_information.error_message", "\"Too MANY 100%\"");
	desk_expect(d, "data.0.metadata.error_information.error_code", "\"429\"");
	desk_expect(d, "data.0.metadata.error_information.error_class", "\"LIMITED\"");
	desk_calls(d, "GET /spend/logs?request_id=019abe2c-0000-7000-8000-000000000001", NULL, 200);
	desk_expect(d, "0.request_id", "\"019abe2c-0000-7000-8000-000000000001\"");
	desk_expect(d, "1", "");
	desk_calls(d, "GET /spend/logs/ui/019abe2c-0000-7000-8000-000000000001", NULL, 200);
	desk_expect(d, "row.spend", "0.123456789");
	desk_calls(d, "GET /spend/logs/ui/chatcmpl-1", NULL, 404);
	desk_calls(d, "GET /spend/logs/session/ui?session_id=s%251", NULL, 200);
	desk_expect(d, "total", "1");
	be(d, "bob", USER_INTERNAL);
	desk_calls(d, "GET /spend/logs/ui/019abe2c-0000-7000-8000-000000000001", NULL, 404);
	desk_calls(d, "GET /spend/logs", NULL, 200);
	desk_expect(d, "0.user", "\"bob\"");
	desk_expect(d, "1", "");
}

static void
rows_are_filtered(void **state)
{
	static const struct {
		const char	*query;
		int		 total;
	} cases[] = {
		{ "api_key=key1", 1 }, { "user_id=bob", 1 }, { "team_id=red", 2 }, { "team_id=%25", 0 }, { "key_alias=first", 1 }, { "end_user=acme", 1 },
		{ "model=gpt-4o", 2 }, { "model_group=gpt", 2 }, { "model_id=d2", 0 }, { "min_spend=0.1", 1 }, { "max_spend=0.1", 1 },
		{ "status_filter=failure", 1 }, { "status_filter=success", 1 }, { "error_code=429", 1 }, { "error_message=too%20many%20100%25", 1 },
		{ "error_message=1_0", 0 }, { "error_message=100%25x", 0 }, { "session_id=s%251", 1 }, { "session_id=s_1", 0 }, { "session_id=s", 0 },
		{ "request_id=019abe2c-0000-7000-8000-000000000002", 1 }, { "request_id=%27OR%201=1--", 0 }, { "api_key=%27%20OR%20%271%27=%271", 0 },
	};
	static const char *const wrong[] = { "min_spend=much", "status_filter=odd", "sort_by=doc", "sort_order=random", "error_code=-1", "page=4000&page_size=50",
		"page_size=0", "after=x", "after=019abe2c-0000-7000-8000-000000000001&sort_by=spend" };
	struct desk *d = *state;
	char line[300];

	rows_are_shown(state);
	d->caller = (struct caller){ .kind = CALLER_MASTER };
	for (size_t i = 0; i < nitems(cases); i++) {
		snprintf(line, sizeof(line), "GET /spend/logs/v2?start_date=2025-11-26&end_date=2025-11-27&%s", cases[i].query);
		desk_calls(d, line, NULL, 200);
		snprintf(line, sizeof(line), "%d", cases[i].total);
		if (!text_is(desk_at(d, "total"), line))
			fail_msg("%s: " TEXT_FMT, cases[i].query, TEXT_ARG(d->out));
	}
	for (size_t i = 0; i < nitems(wrong); i++) {
		snprintf(line, sizeof(line), "GET /spend/logs/v2?start_date=2025-11-26&end_date=2025-11-27&%s", wrong[i]);
		if (desk_call(d, line, NULL) != 400 && d->status != 422)
			fail_msg("%s gives %d", wrong[i], d->status);
	}
}

static void
rows_are_paged_and_sorted(void **state)
{
	struct desk *d = *state;
	char id[40], rest[400];

	for (int i = 0; i < 25; i++) {
		snprintf(id, sizeof(id), "019abe2c-0000-7000-8000-0000000000%02x", i);
		snprintf(rest, sizeof(rest), "200, 1, 'key1', 'ann', 'red', 'org', '', '', 'gpt', 'gpt-4o', 'd1', 'openai', '', 10, %d, 0, 0, 0, %d, 0, 'h', '[]', '{}'",
		    i, (i * 7) % 25);
		add_request(d, id, 1764128784384, rest);
	}
	desk_calls(d, "GET /spend/logs/v2?start_date=2025-11-26&end_date=2025-11-27&page=3&page_size=10", NULL, 200);
	desk_expect(d, "total", "25");
	desk_expect(d, "total_pages", "3");
	desk_expect(d, "data.4.request_id", "\"019abe2c-0000-7000-8000-000000000000\"");
	desk_expect(d, "data.5", "");
	desk_calls(d, "GET /spend/logs/v2?start_date=2025-11-26&end_date=2025-11-27&sort_order=asc&page_size=10", NULL, 200);
	desk_expect(d, "data.9.request_id", "\"019abe2c-0000-7000-8000-000000000009\"");
	desk_calls(d, "GET /spend/logs/v2?start_date=2025-11-26&end_date=2025-11-27&sort_order=asc&page_size=10&after=019abe2c-0000-7000-8000-00000000000f", NULL, 200);
	desk_expect(d, "data.0.request_id", "\"019abe2c-0000-7000-8000-000000000010\"");
	desk_calls(d, "GET /spend/logs/v2?start_date=2025-11-26&end_date=2025-11-27&page_size=10&after=019abe2c-0000-7000-8000-00000000000a", NULL, 200);
	desk_expect(d, "data.0.request_id", "\"019abe2c-0000-7000-8000-000000000009\"");
	desk_calls(d, "GET /spend/logs/v2?start_date=2025-11-26&end_date=2025-11-27&sort_by=spend", NULL, 200);
	desk_expect(d, "data.0.spend", "0.000000024");
	desk_expect(d, "data.24.spend", "0");
	desk_calls(d, "GET /spend/logs/v2?start_date=2025-11-26&end_date=2025-11-27&sort_by=completion_tokens&sort_order=asc", NULL, 200);
	desk_expect(d, "data.0.completion_tokens", "0");
	desk_calls(d, "GET /spend/logs/v2", NULL, 400);
}

static void
days_are_summarized(void **state)
{
	struct desk *d = *state;

	desk_calls(d, "GET /spend/logs?start_date=2026-11-24&end_date=2026-11-26", NULL, 200);
	desk_expect(d, "0", "{\"users\":{\"ann\":1.5,\"bob\":0.25},\"models\":{\"claude-4\":0.25,\"gpt-4o\":1.5},\"spend\":1.75,\"key1\":1.5,\"key2\":0.25,"
	    "\"startTime\":\"2026-11-24\"}");
	desk_calls(d, "GET /spend/logs?start_date=2026-11-24&end_date=2026-11-26&api_key=key2", NULL, 200);
	desk_expect(d, "0.spend", "0.25");
	desk_calls(d, "GET /spend/logs?start_date=2026-11-24&end_date=2026-11-26&summarize=false", NULL, 200);
	desk_expect(d, "", "[]");
	desk_calls(d, "GET /spend/logs?start_date=2026-11-24&end_date=2026-11-26&summarize=perhaps", NULL, 422);
}

static void
the_audit_is_read(void **state)
{
	struct desk *d = *state;

	desk_sql(d, "INSERT INTO sluice_audit VALUES ('a1', 1795658584000, 'ann', 'key1', 'created', 'key', 'dig', 'red', 200, NULL, '{\"x\":1}', NULL),"
	    " ('a2', 1795658585000, 'bob', 'key2', 'deleted', 'team', 'red', 'red', 403, '{}', NULL, 'may not')");
	desk_calls(d, "GET /audit", NULL, 200);
	desk_expect(d, "total", "1");			/* the other is still to come */
	d->now_ms += 60000;
	desk_calls(d, "GET /audit", NULL, 200);
	desk_expect(d, "total", "2");
	desk_expect(d, "audit_logs.0.id", "\"a2\"");
	desk_expect(d, "audit_logs.0.table_name", "\"LiteLLM_TeamTable\"");
	desk_expect(d, "audit_logs.0.status", "403");
	desk_expect(d, "audit_logs.1.updated_values", "{\"x\":1}");
	desk_calls(d, "GET /audit?table_name=LiteLLM_VerificationToken&changed_by=ann&action=created&object_id=dig", NULL, 200);
	desk_expect(d, "total", "1");
	desk_calls(d, "GET /audit?object_key_hash=red", NULL, 200);
	desk_expect(d, "total", "0");
	desk_calls(d, "GET /audit?sort_order=asc&page_size=1&page=2", NULL, 200);
	desk_expect(d, "audit_logs.0.id", "\"a2\"");
	desk_calls(d, "GET /audit/a1", NULL, 200);
	desk_expect(d, "action", "\"created\"");
	desk_calls(d, "GET /audit/a%27", NULL, 404);
}

static void
users_of_tags(void **state)
{
	struct desk *d = *state;

	desk_sql(d, "INSERT INTO sluice_user (user_id, email, created_at, updated_at, doc) VALUES ('ann', 'ann@example.com', 1, 1, '{}');"
	    "INSERT INTO sluice_day VALUES (20261120, 'tag', 'prod', 'key2', 'bob', 'red', 'org', '', 'gpt', 'gpt-4o', 'd1', 'openai', 'acompletion', 3, 1, 10, 1, 0, 0, 0, 1),"
	    "(20261120, 'tag', 'prod', 'key9', '', '', '', '', 'gpt', 'gpt-4o', 'd1', 'openai', 'acompletion', 1, 0, 10, 1, 0, 0, 0, 1)");
	desk_calls(d, "GET /tag/dau", NULL, 200);
	desk_expect(d, "results.0.date", "\"2026-11-24\"");
	desk_expect(d, "results.0.tag", "\"prod\"");
	desk_expect(d, "results.0.active_users", "1");
	desk_calls(d, "GET /tag/wau?tag_filters=prod", NULL, 200);
	desk_expect(d, "results.0.active_users", "2");
	desk_expect(d, "results.0.date", "\"Week 7 (Nov 20)\"");
	desk_expect(d, "results.0.period_start", "\"2026-11-20\"");
	desk_expect(d, "results.1", "");
	desk_calls(d, "GET /tag/mau?tag_filter=%25_", NULL, 200);
	desk_expect(d, "results.0.tag", "\"50%_\\\\\\\"x\"");
	desk_expect(d, "results.1", "");
	desk_calls(d, "GET /tag/summary", NULL, 400);
	desk_calls(d, "GET /tag/summary?start_date=2026-11-01&end_date=2026-11-30&tag_filter=PRO", NULL, 200);
	desk_expect(d, "results.0.unique_users", "2");
	desk_expect(d, "results.0.total_requests", "11");
	desk_expect(d, "results.0.failed_requests", "1");
	desk_expect(d, "results.0.total_spend", "1.000000002");
	desk_expect(d, "results.1", "");
	desk_calls(d, "GET /tag/distinct", NULL, 200);
	desk_expect(d, "results.1.tag", "\"prod\"");
	desk_calls(d, "GET /tag/user-agent/per-user-analytics?tag_filters=prod&page_size=1", NULL, 200);
	desk_expect(d, "results.0.user_id", "\"ann\"");
	desk_expect(d, "results.0.user_email", "\"ann@example.com\"");
	desk_expect(d, "results.0.spend", "1");
	desk_expect(d, "results.1", "");
	desk_expect(d, "total_count", "2");
	desk_expect(d, "total_pages", "2");
	desk_calls(d, "GET /tag/user-agent/per-user-analytics?page=9&page_size=50", NULL, 200);
	desk_expect(d, "results", "[]");
	desk_expect(d, "total_count", "2");
	be(d, "ann", USER_INTERNAL);
	desk_calls(d, "GET /tag/summary?start_date=2026-11-01&end_date=2026-11-30", NULL, 403);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(days_are_broken_down, setup, desk_teardown),
		cmocka_unit_test_setup_teardown(a_key_is_named_by_itself_or_its_digest, setup, desk_teardown),
		cmocka_unit_test_setup_teardown(pages_hold_whole_days, setup, desk_teardown),
		cmocka_unit_test_setup_teardown(filters_narrow, setup, desk_teardown),
		cmocka_unit_test_setup_teardown(callers_see_their_own, setup, desk_teardown),
		cmocka_unit_test_setup_teardown(dates_are_checked, setup, desk_teardown),
		cmocka_unit_test_setup_teardown(global_reports, setup, desk_teardown),
		cmocka_unit_test_setup_teardown(reports_are_grouped, setup, desk_teardown),
		cmocka_unit_test_setup_teardown(the_month_is_predicted, setup, desk_teardown),
		cmocka_unit_test_setup_teardown(rows_are_shown, setup, desk_teardown),
		cmocka_unit_test_setup_teardown(rows_are_filtered, setup, desk_teardown),
		cmocka_unit_test_setup_teardown(rows_are_paged_and_sorted, setup, desk_teardown),
		cmocka_unit_test_setup_teardown(days_are_summarized, setup, desk_teardown),
		cmocka_unit_test_setup_teardown(the_audit_is_read, setup, desk_teardown),
		cmocka_unit_test_setup_teardown(users_of_tags, setup, desk_teardown),
	};

	return (desk_main(tests, nitems(tests)));
}
