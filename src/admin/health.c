/* SPDX-License-Identifier: Apache-2.0 */
/* /health/…, as far as it needs no board: services that alerts go to, what checks came to, and what LiteLLM asks of licences and shared checks. */
#include "admin/admin_priv.h"

#include "admin/nouns.h"
#include "alert/alert.h"

#include <unistd.h>

static const struct {
	const char	*name, *word;
	enum alert_form	 form;
} services[] = {
	{ "slack", "slack", ALERT_SLACK }, { "slack_budget_alerts", "slack", ALERT_SLACK }, { "webhook", "webhook", ALERT_WEBHOOK },
	{ "email", "email", ALERT_MAIL },
};

/* LiteLLM has them; this version calls none of them. */
static const char *const others[] = {
	"ms_teams", "langfuse", "langfuse_otel", "openmeter", "braintrust", "otel", "custom_callback_api", "langsmith", "datadog", "datadog_metrics",
	"datadog_llm_observability",
	"generic_api", "arize", "sqs",
};

static struct error *
test(struct admin_call *c, const char *word, enum alert_form form)
{
	struct json_out o = { .to = &c->out };
	unsigned tried, took;
	char host[256] = "";

	if (gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '\0';
	took = alerts_test(c->config, form, host, &tried);
	if (tried == 0)
		return (admin_invalid(c, "service", "general_settings.alerting does not name %s, or it has no address: nothing could be tested.", word));
	if (took == 0)
		return (admin_broken(c, "None of the %u addresses of %s took the test; the log says why.", tried, word));
	json_open(&o, '{');
	put_string(&o, "status", took == tried ? TEXT("success") : TEXT("partly"));
	put_string(&o, "message", arena_print(c->arena, "%u of %u addresses of %s took a test alert; look whether it arrived.", took, tried, word));
	json_close(&o, '}');
	return (NULL);
}

struct error *
health_services(struct admin_call *c)
{
	struct text service = query_text(c, "service");

	if (service.len == 0)
		return (admin_invalid(c, "service", "service is required: slack, webhook or email."));
	for (size_t i = 0; i < nitems(services); i++)
		if (text_is(service, services[i].name))
			return (test(c, services[i].word, services[i].form));
	for (size_t i = 0; i < nitems(others); i++)
		if (text_is(service, others[i]))
			return (admin_not_built(c, "This version sends nothing to %s.", others[i]));
	return (admin_invalid(c, "service", "service must be slack, webhook or email."));
}

/* What LiteLLM tells of a community's licence: everything here needs none. */
struct error *
health_license(struct admin_call *c)
{
	buf_lit(&c->out, "{\"has_license\":false,\"license_type\":\"community\",\"expiration_date\":null,\"allowed_features\":[],"
	    "\"limits\":{\"max_users\":null,\"max_teams\":null}}");
	return (NULL);
}

struct error *
health_shared(struct admin_call *c)
{
	buf_lit(&c->out, "{\"shared_health_check_enabled\":false,\"message\":\"Deployments are judged by the calls they get; nothing is checked beside "
	    "them.\"}");
	return (NULL);
}

/* GET /health/history */

static void
put_check(struct json_out *o, const struct rows *rows, unsigned i)
{
	bool well = rows_int(rows, i, 4, 0) != 0;

	json_open(o, '{');
	put_string(o, "health_check_id", rows_text(rows, i, 0));
	put_string(o, "model_name", rows_text(rows, i, 2));
	put_string(o, "model_id", rows_text(rows, i, 3));
	put_string(o, "status", well ? TEXT("healthy") : TEXT("unhealthy"));
	json_pair_int(o, "healthy_count", well);
	json_pair_int(o, "unhealthy_count", !well);
	put_string(o, "error_message", rows_text(rows, i, 6));
	json_pair_int(o, "response_time_ms", rows_int(rows, i, 5, 0));
	put_raw(o, "details", rows_text(rows, i, 8), "{}");
	put_string(o, "checked_by", rows_text(rows, i, 7));
	put_moment(o, "checked_at", rows_int(rows, i, 1, 0));
	put_moment(o, "created_at", rows_int(rows, i, 1, 0));
	json_close(o, '}');
}

struct error *
health_history(struct admin_call *c)
{
	struct text model = query_text(c, "model"), status = query_text(c, "status_filter");
	struct value well = V_INT_OR_NULL(status.len > 0, text_is(status, "healthy"));
	struct json_out o = { .to = &c->out };
	struct rows rows, count;
	int64_t limit, offset;

	TRY(query_int(&limit, c, "limit", 100, 1, 1000));
	TRY(query_int(&offset, c, "offset", 0, 0, INT32_MAX));
	if (status.len > 0 && !text_is(status, "healthy") && !text_is(status, "unhealthy"))
		return (admin_invalid(c, "status_filter", "status_filter must be healthy or unhealthy."));
	TRY(ASK(c, &rows, SQL_HEALTH_LIST, V_TEXT_OR_NULL(model), well, V_INT(limit), V_INT(offset)));
	TRY(ASK(c, &count, SQL_HEALTH_COUNT, V_TEXT_OR_NULL(model), well));
	json_open(&o, '{');
	json_name(&o, "health_checks");
	json_open(&o, '[');
	for (unsigned i = 0; i < rows.n; i++)
		put_check(&o, &rows, i);
	json_close(&o, ']');
	json_pair_int(&o, "total_records", rows_int(&count, 0, 0, 0));
	json_pair_int(&o, "limit", limit);
	json_pair_int(&o, "offset", offset);
	json_close(&o, '}');
	return (NULL);
}
