/* SPDX-License-Identifier: Apache-2.0 */
/* An alert in words for people, and as LiteLLM's event. */
#include "alert/alert_priv.h"

#include "base/json.h"
#include "base/span.h"

#define NAME_MOST	200

static const struct {
	const char	*scope, *word, *group;
} scopes[] = {
	{ "key", "Key", "key" }, { "team", "Team", "team" }, { "member", "Team member", "team_member" }, { "user", "User", "internal_user" },
	{ "project", "Project", "project" }, { "organization", "Organization", "organization" }, { "customer", "Customer", "customer" },
	{ "organization_member", "Member of organization", "organization_member" }, { "tag", "Tag", "tag" },
	{ "provider", "Provider", "provider" }, { "deployment", "Deployment", "deployment" }, { "proxy", "The whole gateway", "proxy" },
};

static size_t
scope_of(const struct told_alert *a)
{
	size_t i = 0;

	while (i < nitems(scopes) - 1 && !text_is(a->scope, scopes[i].scope))
		i++;
	return (i);
}

/* What it is called; of a key without an alias the begin of its digest. */
static void
put_name(struct buf *b, const struct told_alert *a)
{
	struct text name = a->entity;

	if (text_is(a->scope, "key"))
		name = a->key_alias.len > 0 ? a->key_alias : text_sub(a->entity, 0, 12);
	else if (text_is(a->scope, "team") && a->team_alias.len > 0)
		name = a->team_alias;
	else if (text_is(a->scope, "organization") && a->organization_alias.len > 0)
		name = a->organization_alias;
	if (!text_is(a->scope, "proxy"))
		buf_print(b, " " TEXT_FMT, TEXT_ARG(text_whole(text_sub(name, 0, NAME_MOST))));
}

/* "window:24h", "model:gpt-4o" */
static void
put_part(struct buf *b, struct text part)
{
	struct text kind, value;

	if (!text_cut(part, ':', &kind, &value))
		return;
	buf_print(b, text_is(kind, "window") ? " in " TEXT_FMT : " for model " TEXT_FMT, TEXT_ARG(text_whole(text_sub(value, 0, NAME_MOST))));
}

static void
budget_text(struct buf *b, const struct told_alert *a)
{
	int64_t limit = a->kind == KIND_SOFT ? a->soft : a->ceiling;

	buf_print(b, "%s", scopes[scope_of(a)].word);
	put_name(b, a);
	buf_lit(b, " has spent ");
	money_print_dollars(b, a->spent);
	if (a->kind == KIND_SOFT)
		buf_lit(b, ", more than its soft budget of ");
	else
		buf_lit(b, " of ");
	money_print_dollars(b, limit);
	put_part(b, a->part);
	if (a->kind == KIND_THRESHOLD)
		buf_print(b, " (over %lld%%)", (long long)a->percent);
	if (a->kind == KIND_CROSSED)
		buf_lit(b, "; calls that it can not pay are refused");
	if (a->resets_at > 0) {
		buf_lit(b, "; resets ");
		span_print_moment(b, a->resets_at);
	}
	buf_byte(b, '.');
}

void
alert_text(struct buf *b, const struct told_alert *a)
{
	if (alert_kinds[a->kind].type == ALERT_BUDGETS)
		budget_text(b, a);
	else if (a->kind == KIND_UNROTATED) {
		buf_lit(b, "Key");
		put_name(b, a);
		buf_lit(b, " is due for a new value, which no web hook could take (WEBHOOK_URL, by https); it keeps the old one.");
	} else if (a->kind == KIND_TEST)
		buf_print(b, "Host " TEXT_FMT ": an administrator tests whether alerts arrive; nothing is wrong.", TEXT_ARG(a->host));
	else
		buf_print(b, "Host " TEXT_FMT ": " TEXT_FMT " %s.", TEXT_ARG(a->host), TEXT_ARG(a->what), a->kind == KIND_BACK ? "is back" : "can not be reached");
}

static void
put_text(struct json_out *o, const char *name, struct text value)
{
	json_name(o, name);
	if (value.len > 0)
		json_string(o, value);
	else
		json_null(o);
}

static void
put_money(struct json_out *o, const char *name, int64_t nano)
{
	json_name(o, name);
	if (nano < 0)
		json_null(o);
	else
		money_json(o, nano);
}

void
alert_event(struct buf *b, const struct told_alert *a)
{
	struct json_out o = { .to = b };
	struct buf text = { 0 };

	alert_text(&text, a);
	json_open(&o, '{');
	put_money(&o, "spend", a->spent);
	put_money(&o, "max_budget", a->ceiling);
	put_money(&o, "soft_budget", a->soft);
	put_text(&o, "token", text_is(a->scope, "key") ? a->entity : TEXT(""));
	put_text(&o, "customer_id", text_is(a->scope, "customer") ? a->entity : TEXT(""));
	put_text(&o, "internal_user_id", a->user_id);
	put_text(&o, "user_id", a->user_id);
	put_text(&o, "team_id", a->team_id);
	put_text(&o, "team_alias", a->team_alias);
	put_text(&o, "organization_id", a->organization_id);
	put_text(&o, "user_email", a->user_email);
	put_text(&o, "key_alias", a->key_alias);
	put_text(&o, "projected_exceeded_date", TEXT(""));
	put_text(&o, "projected_spend", TEXT(""));
	put_text(&o, "event", text_of(alert_kinds[a->kind].event));
	put_text(&o, "event_group", text_of(scopes[scope_of(a)].group));
	put_text(&o, "event_message", buf_as_text(&text));
	json_close(&o, '}');
	buf_free(&text);
}
