/* SPDX-License-Identifier: Apache-2.0 */
/* /health/…, as far as it needs no board: services that alerts go to, and what LiteLLM asks of licences and shared checks. */
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
