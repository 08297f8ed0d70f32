/* SPDX-License-Identifier: Apache-2.0 */
/* Causes become rows, and rows are claimed and sent. */
#include "alert/alert_priv.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/span.h"

#define AGAIN_MS	INT64_C(600000)		/* an outage is told again */
#define CLAIM_MS	INT64_C(60000)		/* then whoever claimed it is taken for dead, or tries again */
#define OLD_MS		INT64_C(86400000)	/* what nobody took for so long is of no use any more */

const struct alert_kind_row alert_kinds[KINDS] = {
	[KIND_THRESHOLD] = { "threshold", "threshold_crossed", "Budget nearly spent", ALERT_BUDGETS },
	[KIND_SOFT] = { "soft", "soft_budget_crossed", "Soft budget crossed", ALERT_BUDGETS },
	[KIND_CROSSED] = { "crossed", "budget_crossed", "Budget spent", ALERT_BUDGETS },
	[KIND_OUTAGE] = { "outage", "outage", "Outage", ALERT_OUTAGES },
	[KIND_BACK] = { "back", "outage_over", "Outage over", ALERT_OUTAGES },
	[KIND_TEST] = { "test", "test", "Test", ALERT_OUTAGES },
	[KIND_UNROTATED] = { "unrotated", "key_rotation_failed", "Key not rotated", ALERT_OUTAGES },
};

static const int64_t percents[] = { 95, 85 };	/* the highest that was crossed is told */

/* raising */

static struct text
finished(struct arena *arena, struct buf *b)
{
	struct text t = arena_copy(arena, buf_as_text(b));

	buf_free(b);
	return (t);
}

static void
put_text(struct json_out *o, const char *name, struct text value)
{
	json_name(o, name);
	json_string(o, value);
}

static void
put_int(struct json_out *o, const char *name, int64_t n)
{
	json_name(o, name);
	json_int(o, n);
}

static struct text
doc_of(struct arena *arena, const struct told_alert *a)
{
	struct buf b = { 0 };
	struct json_out o = { .to = &b };

	json_open(&o, '{');
	put_text(&o, "kind", text_of(alert_kinds[a->kind].name));
	put_text(&o, "scope", a->scope);
	put_text(&o, "entity", a->entity);
	put_text(&o, "part", a->part);
	put_int(&o, "period", a->period);
	put_int(&o, "spent", a->spent);
	put_int(&o, "ceiling", a->ceiling);
	put_int(&o, "soft", a->soft);
	put_int(&o, "percent", a->percent);
	put_text(&o, "what", a->what);
	put_text(&o, "host", a->host);
	json_close(&o, '}');
	return (finished(arena, &b));
}

static enum store_end
raise_budget(struct store *store, struct arena *arena, const struct crossing *c, enum alert_kind kind, int64_t percent, int64_t now_ms)
{
	struct told_alert a = { .kind = kind, .scope = c->scope, .entity = c->entity, .part = c->part, .period = c->period, .spent = c->spent,
		.ceiling = c->ceiling, .soft = c->soft, .percent = percent, .what = TEXT(""), .host = TEXT("") };
	struct text cause = arena_print(arena, "%s %lld " TEXT_FMT " %lld %lld " TEXT_FMT " " TEXT_FMT, alert_kinds[kind].name, (long long)percent,
	    TEXT_ARG(c->scope), (long long)c->account, (long long)c->period, TEXT_ARG(c->entity), TEXT_ARG(c->part));

	return (STORE(store, arena, NULL, SQL_ALERT_RAISE, V_TEXT(cause), V_INT(now_ms), V_TEXT(doc_of(arena, &a))));
}

static bool
went_over(const struct crossing *c, int64_t percent)
{
	__int128 line = (__int128)c->ceiling * percent;

	return (c->ceiling > 0 && (__int128)c->before * 100 < line && (__int128)c->spent * 100 >= line);
}

static enum store_end
raise_crossing(struct store *store, struct arena *arena, const struct crossing *c, int64_t now_ms)
{
	enum store_end end = STORE_FINE;

	if (c->soft >= 0 && c->before < c->soft && c->spent >= c->soft)
		end = raise_budget(store, arena, c, KIND_SOFT, 0, now_ms);
	if (end != STORE_FINE)
		return (end);
	if (went_over(c, 100))
		return (raise_budget(store, arena, c, KIND_CROSSED, 100, now_ms));
	for (size_t i = 0; i < nitems(percents); i++)
		if (went_over(c, percents[i]))
			return (raise_budget(store, arena, c, KIND_THRESHOLD, percents[i], now_ms));
	return (STORE_FINE);
}

enum store_end
alerts_crossed(struct store *store, struct arena *arena, const struct crossing *c, unsigned n, int64_t now_ms)
{
	enum store_end end = STORE_FINE;

	for (unsigned i = 0; i < n && end == STORE_FINE; i++)
		end = raise_crossing(store, arena, &c[i], now_ms);
	return (end);
}

enum store_end
alert_refused(struct store *store, struct arena *arena, const struct crossing *c, int64_t now_ms)
{
	return (raise_budget(store, arena, c, KIND_CROSSED, 100, now_ms));
}

enum store_end
alert_outage(struct store *store, struct arena *arena, const char *what, const char *host, bool back, int64_t now_ms)
{
	struct told_alert a = { .kind = back ? KIND_BACK : KIND_OUTAGE, .scope = TEXT("proxy"), .entity = TEXT("proxy"), .part = TEXT(""), .spent = -1,
		.ceiling = -1, .soft = -1, .what = text_of(what), .host = text_of(host) };
	struct text cause = arena_print(arena, "%s %s", alert_kinds[a.kind].name, what);

	return (STORE(store, arena, NULL, SQL_ALERT_RAISE_AGAIN, V_TEXT(cause), V_INT(now_ms), V_TEXT(doc_of(arena, &a)), V_INT(now_ms - AGAIN_MS)));
}

enum store_end
alert_unrotated(struct store *store, struct arena *arena, struct text digest, const char *host, int64_t now_ms)
{
	struct told_alert a = { .kind = KIND_UNROTATED, .scope = TEXT("key"), .entity = digest, .part = TEXT(""), .spent = -1, .ceiling = -1, .soft = -1,
		.what = TEXT(""), .host = text_of(host) };
	struct text cause = arena_print(arena, "unrotated " TEXT_FMT, TEXT_ARG(digest));

	return (STORE(store, arena, NULL, SQL_ALERT_RAISE_AGAIN, V_TEXT(cause), V_INT(now_ms), V_TEXT(doc_of(arena, &a)), V_INT(now_ms - OLD_MS)));
}

/* reading them again */

static struct text
text_in(struct arena *arena, struct text doc, const char *name)
{
	struct json_item item;

	return (json_find(doc, name, &item) && item.type == JSON_STRING ? json_unescape(arena, json_inside(item.raw)) : TEXT(""));
}

static int64_t
int_in(struct text doc, const char *name)
{
	struct json_item item;
	int64_t n;

	return (json_find(doc, name, &item) && json_to_i64(item.raw, &n) ? n : -1);
}

static bool
read_doc(struct told_alert *a, struct arena *arena, struct text doc)
{
	struct text kind = text_in(arena, doc, "kind");
	unsigned k = 0;

	while (k < KINDS && !text_is(kind, alert_kinds[k].name))
		k++;
	*a = (struct told_alert){ .kind = (enum alert_kind)k, .scope = text_in(arena, doc, "scope"), .entity = text_in(arena, doc, "entity"),
		.part = text_in(arena, doc, "part"), .period = int_in(doc, "period"), .spent = int_in(doc, "spent"), .ceiling = int_in(doc, "ceiling"),
		.soft = int_in(doc, "soft"), .percent = int_in(doc, "percent"), .what = text_in(arena, doc, "what"), .host = text_in(arena, doc, "host") };
	return (k < KINDS);
}

/* Who that is, for people: what is not found stays empty. */

static void
about_key(struct store *store, struct arena *arena, struct told_alert *a)
{
	struct rows rows = { 0 };

	if (STORE(store, arena, &rows, SQL_ALERT_KEY, V_TEXT(a->entity)) != STORE_FINE || rows.n == 0)
		return;
	a->key_alias = rows_text(&rows, 0, 0);
	a->user_id = rows_text(&rows, 0, 1);
	a->team_id = rows_text(&rows, 0, 2);
	a->team_alias = rows_text(&rows, 0, 3);
	a->user_email = rows_text(&rows, 0, 4);
	a->organization_id = rows_text(&rows, 0, 5);
}

static void
about_team(struct store *store, struct arena *arena, struct told_alert *a)
{
	struct rows rows = { 0 };

	if (STORE(store, arena, &rows, SQL_ALERT_TEAM, V_TEXT(a->team_id)) != STORE_FINE || rows.n == 0)
		return;
	a->team_alias = rows_text(&rows, 0, 0);
	a->organization_id = rows_text(&rows, 0, 1);
}

static void
about_user(struct store *store, struct arena *arena, struct told_alert *a)
{
	struct rows rows = { 0 };

	if (STORE(store, arena, &rows, SQL_ALERT_USER, V_TEXT(a->user_id)) == STORE_FINE && rows.n > 0)
		a->user_email = rows_text(&rows, 0, 0);
}

static void
about_organization(struct store *store, struct arena *arena, struct told_alert *a)
{
	struct rows rows = { 0 };

	if (STORE(store, arena, &rows, SQL_ALERT_ORGANIZATION, V_TEXT(a->organization_id)) == STORE_FINE && rows.n > 0)
		a->organization_alias = rows_text(&rows, 0, 0);
}

static void
about_entity(struct store *store, struct arena *arena, struct told_alert *a)
{
	struct text user;

	if (text_is(a->scope, "key"))
		about_key(store, arena, a);
	else if (text_is(a->scope, "team")) {
		a->team_id = a->entity;
		about_team(store, arena, a);
	} else if (text_is(a->scope, "user")) {
		a->user_id = a->entity;
		about_user(store, arena, a);
	} else if (text_is(a->scope, "member") && text_cut(a->entity, '/', &a->team_id, &user)) {
		a->user_id = user;
		about_team(store, arena, a);
		about_user(store, arena, a);
	} else if (text_is(a->scope, "organization")) {
		a->organization_id = a->entity;
		about_organization(store, arena, a);
	}
}

static void
about_account(struct store *store, struct arena *arena, struct told_alert *a, int64_t now_ms)
{
	struct rows rows = { 0 };
	struct span span;
	int64_t from;

	if (STORE(store, arena, &rows, SQL_ALERT_ACCOUNT, V_TEXT(a->scope), V_TEXT(a->entity), V_TEXT(a->part)) != STORE_FINE || rows.n == 0)
		return;
	if (span_read(rows_text(&rows, 0, 0), &span))
		span_period(&span, a->period > 0 ? a->period : now_ms, &from, &a->resets_at);
	if (a->soft < 0)
		a->soft = rows_int(&rows, 0, 1, -1);
}

/* sending */

static bool
deliver(const struct config *config, const struct told_alert *a, bool *any)
{
	const struct alerting *to = &config->alerting;
	bool taken = false;

	*any = false;
	for (size_t i = 0; i < to->n_targets; i++)
		if (to->targets[i].types >> alert_kinds[a->kind].type & 1) {
			*any = true;
			taken |= alert_deliver(config, &to->targets[i], a);
		}
	return (taken);
}

/* What nobody wants to hear, or nobody took for a day, is done with too. */
static enum store_end
send_one(struct store *store, struct arena *arena, const struct config *config, const struct rows *waiting, unsigned row, int64_t now_ms, unsigned *sent)
{
	struct text cause = rows_text(waiting, row, 0);
	struct rows claimed = { 0 };
	struct told_alert a;
	enum store_end end;
	bool any = true, taken = false;

	end = STORE(store, arena, &claimed, SQL_ALERT_CLAIM, V_TEXT(cause), V_INT(now_ms), V_INT(now_ms - CLAIM_MS));
	if (end != STORE_FINE || claimed.changed == 0)
		return (end);
	if (read_doc(&a, arena, rows_text(waiting, row, 1))) {
		about_entity(store, arena, &a);
		about_account(store, arena, &a, now_ms);
		taken = deliver(config, &a, &any);
	}
	if (any && !taken && rows_int(waiting, row, 2, 0) > now_ms - OLD_MS)
		return (STORE_FINE);
	*sent += taken;
	return (STORE(store, arena, NULL, SQL_ALERT_SENT, V_TEXT(cause), V_INT(now_ms)));
}

enum store_end
alerts_send(struct store *store, const struct config *config, int64_t now_ms, unsigned *sent)
{
	struct arena *arena = arena_new();
	struct rows waiting = { 0 };
	enum store_end end = STORE(store, arena, &waiting, SQL_ALERT_WAITING, V_INT(now_ms - CLAIM_MS));

	*sent = 0;
	for (unsigned i = 0; i < waiting.n && end == STORE_FINE; i++)
		end = send_one(store, arena, config, &waiting, i, now_ms, sent);
	arena_free(arena);
	return (end);
}

void
alert_store_away(const struct config *config, const char *host)
{
	struct told_alert a = { .kind = KIND_OUTAGE, .scope = TEXT("proxy"), .entity = TEXT("proxy"), .part = TEXT(""), .spent = -1, .ceiling = -1, .soft = -1,
		.what = TEXT("the database"), .host = text_of(host) };
	bool any;

	deliver(config, &a, &any);
}

unsigned
alerts_test(const struct config *config, enum alert_form form, const char *host, unsigned *tried)
{
	struct told_alert a = { .kind = KIND_TEST, .host = text_of(host), .scope = TEXT("proxy"), .entity = TEXT("proxy"), .part = TEXT(""),
		.spent = -1, .ceiling = -1, .soft = -1 };
	unsigned took = 0;

	*tried = 0;
	for (size_t i = 0; i < config->alerting.n_targets; i++)
		if (config->alerting.targets[i].form == form) {
			++*tried;
			took += alert_deliver(config, &config->alerting.targets[i], &a);
		}
	return (took);
}
