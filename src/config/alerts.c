/* SPDX-License-Identifier: Apache-2.0 */
/* Where alerts go: alerting, alert_types and alert_to_webhook_url of general_settings, and LiteLLM's variables of web hooks and mail. */
#include "config/config_priv.h"

static const char *const type_names[] = { [ALERT_BUDGETS] = "budget_alerts", [ALERT_OUTAGES] = "db_exceptions" };

/* LiteLLM has them; nothing here raises them. */
static const char *const other_types[] = {
	"llm_exceptions", "llm_too_slow", "llm_requests_hanging", "cooldown_deployment", "new_model_added", "outage_alerts", "region_outage_alerts",
	"spend_reports",
	"failed_tracking_spend", "daily_reports", "fallback_reports", "new_virtual_key_created", "virtual_key_updated", "virtual_key_deleted", "new_team_created",
	"team_updated", "team_deleted", "new_internal_user_created", "internal_user_updated", "internal_user_deleted",
};

#define TARGETS_MOST	64

static void
add(struct load *l, const struct node *at, enum alert_form form, unsigned types, struct text url)
{
	struct alerting *a = &l->config->alerting;
	struct url u;
	const char *why = url_parse(&u, url);

	if (why != NULL)
		problem(l, PROBLEM_WARNING, at, "the address of a web hook %s; no alert goes there", why);
	else if (a->n_targets == TARGETS_MOST)
		problem(l, PROBLEM_WARNING, at, "more than %d addresses for alerts; this one is left out", TARGETS_MOST);
	else
		a->targets[a->n_targets++] = (struct alert_target){ form, types, arena_copy(l->arena, url), arena_copy(l->arena, u.host), proxy_for(l, &u) };
}

static struct text
variable(struct load *l, const char *name)
{
	return (arena_copy(l->arena, text_trim(text_of(config_env(l->config, name)))));
}

/* Types with addresses of their own in alert_to_webhook_url; returns a bit for each. */
static unsigned
add_mapped(struct load *l, const struct node *map)
{
	unsigned mapped = 0;

	if (!want_kind(l, map, NODE_MAP))
		return (0);
	for (unsigned t = 0; t < nitems(type_names); t++) {
		const struct node *n = node_get(map, type_names[t]);
		struct text *urls = NULL;
		size_t count = n != NULL ? want_texts(l, n, &urls) : 0;

		for (size_t i = 0; i < count; i++)
			add(l, n, ALERT_SLACK, 1u << t, urls[i]);
		mapped |= count > 0 ? 1u << t : 0;
	}
	return (mapped);
}

static void
add_slack(struct load *l, const struct node *at, const struct node *general)
{
	unsigned rest = l->config->alerting.types & ~add_mapped(l, node_get(general, "alert_to_webhook_url"));
	struct text url = variable(l, "SLACK_WEBHOOK_URL");

	if (url.len > 0 && rest != 0)
		add(l, at, ALERT_SLACK, rest, url);
	else if (rest != 0)
		problem(l, PROBLEM_WARNING, at, "alerting by slack needs SLACK_WEBHOOK_URL, or an address in alert_to_webhook_url for budget_alerts and db_exceptions");
}

static void
add_webhook(struct load *l, const struct node *at)
{
	struct text url = variable(l, "WEBHOOK_URL");

	if (url.len > 0)
		add(l, at, ALERT_WEBHOOK, l->config->alerting.types, url);
	else
		problem(l, PROBLEM_WARNING, at, "alerting by webhook needs WEBHOOK_URL");
}

static void
add_mail(struct load *l, const struct node *at)
{
	struct alerting *a = &l->config->alerting;
	struct text host = variable(l, "SMTP_HOST"), port = variable(l, "SMTP_PORT"), tls = variable(l, "SMTP_TLS");
	bool upgrade = true;
	int64_t n = 587;

	a->mail_from = variable(l, "SMTP_SENDER_EMAIL");
	if (host.len == 0 || a->mail_from.len == 0) {
		problem(l, PROBLEM_WARNING, at, "alerting by email needs SMTP_HOST and SMTP_SENDER_EMAIL");
		return;
	}
	if (port.len > 0 && (!text_to_i64(port, &n) || n < 1 || n > 65535)) {
		problem(l, PROBLEM_WARNING, at, "SMTP_PORT is no port; no alert goes by mail");
		return;
	}
	if (tls.len > 0)
		scalar_bool(tls, &upgrade);
	a->mail_user = variable(l, "SMTP_USERNAME");
	a->mail_password = variable(l, "SMTP_PASSWORD");
	a->mail_tls = upgrade;
	a->targets[a->n_targets++] = (struct alert_target){ ALERT_MAIL, a->types,
		arena_print(l->arena, "%s://" TEXT_FMT ":%lld", n == 465 ? "smtps" : "smtp", TEXT_ARG(host), (long long)n), host, TEXT("") };
}

static void
read_types(struct load *l, const struct node *n)
{
	struct text *words = NULL;
	size_t count = want_texts(l, n, &words);

	for (size_t i = 0; i < count; i++) {
		unsigned t = 0;

		while (t < nitems(type_names) && !text_is(words[i], type_names[t]))
			t++;
		if (t < nitems(type_names))
			l->config->alerting.types |= 1u << t;
		else if (has_word(words[i], other_types, nitems(other_types)))
			problem(l, PROBLEM_NOTE, n, "alert_types: " TEXT_FMT " is not in force yet", TEXT_ARG(words[i]));
		else
			problem(l, PROBLEM_WARNING, n, "alert_types: " TEXT_FMT " is no type of alerts", TEXT_ARG(words[i]));
	}
}

void
alerts_read(struct load *l)
{
	const struct node *general = node_get(l->root, "general_settings"), *list = node_get(general, "alerting"), *types = node_get(general, "alert_types");
	struct alerting *a = &l->config->alerting;
	struct text *words = NULL;
	size_t n = want_texts(l, list, &words);

	a->targets = arena_alloc(l->arena, (TARGETS_MOST + 1) * sizeof(*a->targets));
	if (types != NULL)
		read_types(l, types);
	else
		a->types = 1u << ALERT_BUDGETS | 1u << ALERT_OUTAGES;
	for (size_t i = 0; i < n; i++) {
		if (text_is(words[i], "slack"))
			add_slack(l, list, general);
		else if (text_is(words[i], "webhook"))
			add_webhook(l, list);
		else if (text_is(words[i], "email"))
			add_mail(l, list);
		else
			problem(l, PROBLEM_WARNING, list, "alerting: " TEXT_FMT " is not in force; slack, webhook and email are", TEXT_ARG(words[i]));
	}
}
