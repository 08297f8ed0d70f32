/* SPDX-License-Identifier: Apache-2.0 */
/* Tiers, accounts and archives of all that spends. */
#include "admin/entity.h"

#include "base/clock.h"
#include "base/date.h"

#define PARTS_MOST	256

/* tiers */

struct error *
tier_read(struct doc *tier, bool *there, struct admin_call *c, struct text budget_id)
{
	struct rows rows = { 0 };

	if (budget_id.len > 0)
		TRY(ASK(c, &rows, SQL_TIER_DOC, V_TEXT(budget_id)));
	*there = rows.n > 0;
	doc_read(tier, c->arena, *there ? rows_text(&rows, 0, 0) : TEXT(""));
	return (NULL);
}

struct error *
tier_must_be(struct admin_call *c, struct text budget_id)
{
	return (must_be_there(c, SQL_TIER_DOC, "budget", "budget_id", budget_id));
}

struct error *
must_be_there(struct admin_call *c, enum statement exists, const char *what, const char *param, struct text id)
{
	struct rows rows;

	if (id.len == 0)
		return (NULL);
	TRY(ASK(c, &rows, exists, V_TEXT(id)));
	if (rows.n > 0)
		return (NULL);
	return (admin_bad(c, param, "The %s '" TEXT_FMT "' was not found: %s=" TEXT_FMT " does not exist.", what, TEXT_ARG(text_whole(text_sub(id, 0, 200))),
	    param, TEXT_ARG(text_whole(text_sub(id, 0, 200)))));
}

struct error *
put_tier(struct json_out *o, struct admin_call *c, struct text budget_id)
{
	static const char *const shown[] = { "soft_budget", "max_budget", "max_parallel_requests", "tpm_limit", "rpm_limit", "model_max_budget",
		"budget_duration", "allowed_models" };
	struct doc tier;
	bool there;

	TRY(tier_read(&tier, &there, c, budget_id));
	json_name(o, "litellm_budget_table");
	if (!there) {
		json_null(o);
		return (NULL);
	}
	json_open(o, '{');
	put_string(o, "budget_id", budget_id);
	for (size_t i = 0; i < nitems(shown); i++)
		put_raw(o, shown[i], doc_raw(&tier, shown[i]), "null");
	json_close(o, '}');
	return (NULL);
}

/* accounts */

struct wants {
	struct account_want all[PARTS_MOST];
	unsigned	 n;
};

static struct account_want *
want(struct wants *w, struct admin_call *c, const char *prefix, struct text rest)
{
	struct text part = arena_print(c->arena, "%s" TEXT_FMT, prefix, TEXT_ARG(rest));
	struct account_want *a;

	for (unsigned i = 0; i < w->n; i++)
		if (text_is(part, w->all[i].part))
			return (&w->all[i]);
	if (w->n == PARTS_MOST)
		return (NULL);
	a = &w->all[w->n++];
	*a = (struct account_want){ .part = part.at, .ceiling = NO_LIMIT, .soft = NO_LIMIT, .duration = TEXT("") };
	return (a);
}

static int64_t
money_in(const struct json *o, const char *name, const char *other)
{
	const struct json *v = json_get(o, body_has(o, name) ? name : other);
	int64_t nano;

	return (v != NULL && money_read(json_is(v, JSON_STRING) ? (struct text){ json_quoted(v).at, json_quoted(v).len } : v->raw, &nano) == MONEY_FINE ?
	    nano : NO_LIMIT);
}

static struct text
string_in(struct admin_call *c, const struct json *o, const char *name, const char *other)
{
	return (text_trim(json_unescape(c->arena, json_quoted(json_get(o, body_has(o, name) ? name : other)))));
}

static int64_t
smaller(int64_t a, int64_t b)
{
	return (a == NO_LIMIT || (b != NO_LIMIT && b < a) ? b : a);
}

/* budget_limits: a window each; of two of one length the smaller counts. */
static void
want_windows(struct wants *w, struct admin_call *c, const struct doc *d)
{
	const struct json *list = doc_json(d, "budget_limits");

	for (const struct json *i = json_is(list, JSON_ARRAY) ? list->first : NULL; i != NULL; i = i->next) {
		struct text span = string_in(c, i, "budget_duration", "time_period");
		struct account_want *a = want(w, c, "window:", span);

		if (a == NULL)
			break;
		a->duration = span;
		a->ceiling = smaller(a->ceiling, money_in(i, "max_budget", "budget_limit"));
	}
}

static void
want_model(struct wants *w, struct admin_call *c, const struct json *m)
{
	struct account_want *a = want(w, c, "model:", json_unescape(c->arena, m->name));
	int64_t nano;

	if (a == NULL || a->ceiling != NO_LIMIT)
		return;
	if (m->type == JSON_OBJECT) {
		a->ceiling = money_in(m, "budget_limit", "max_budget");
		a->duration = string_in(c, m, "time_period", "budget_duration");
	} else if (money_read(m->raw, &nano) == MONEY_FINE)
		a->ceiling = nano;
}

/* The entity's own first: what it says of a model stands above its tier. */
static void
want_models(struct wants *w, struct admin_call *c, const struct doc *d)
{
	const struct json *models = doc_json(d, "model_max_budget");

	for (const struct json *m = json_is(models, JSON_OBJECT) ? models->first : NULL; m != NULL; m = m->next)
		want_model(w, c, m);
}

static void
want_raise(struct account_want *a, const struct doc *d)
{
	struct doc inside;
	int64_t nano, until = 0;

	doc_inner(&inside, d, "metadata");
	nano = doc_money(&inside, "temp_budget_increase");
	if (nano == NO_LIMIT || !moment_read(doc_string(&inside, "temp_budget_expiry"), &until))
		return;
	a->raise = nano;
	a->raise_until = until;
}

struct error *
accounts_of(struct admin_call *c, enum scope scope, struct text entity, const struct doc *d, struct text budget_id)
{
	struct wants *w = arena_new_of(c->arena, struct wants);
	struct account_want *own = want(w, c, "", TEXT(""));
	struct doc tier;
	bool there;

	TRY(tier_read(&tier, &there, c, budget_id));
	own->ceiling = doc_money(d, "max_budget");
	if (own->ceiling == NO_LIMIT)
		own->ceiling = doc_money(&tier, "max_budget");
	own->soft = doc_money(d, "soft_budget");
	if (own->soft == NO_LIMIT)
		own->soft = doc_money(&tier, "soft_budget");
	own->duration = doc_string(d, "budget_duration");
	if (own->duration.len == 0)
		own->duration = doc_string(&tier, "budget_duration");
	want_raise(own, d);
	want_windows(w, c, d);
	want_models(w, c, d);
	want_models(w, c, &tier);
	return (admin_end(c, accounts_sync(c->store, c->arena, scope, entity, w->all, w->n, c->now_ms)));
}

/* what was spent */

struct error *
spent_of(struct spent *s, struct admin_call *c, const struct rows *rows, unsigned row, unsigned column)
{
	int64_t account = rows_int(rows, row, column, 0), period, last = rows_int(rows, row, column + 2, -1);
	struct rows found;

	account_period(&period, &s->resets_at, rows_text(rows, row, column + 1), c->now_ms);
	s->nano = last == period ? rows_int(rows, row, column + 3, 0) : 0;
	if (last <= period)
		return (NULL);
	TRY(ASK(c, &found, SQL_ACCOUNT_SPENT, V_INT(account), V_INT(period)));	/* its duration was another once */
	s->nano = found.n > 0 ? rows_int(&found, 0, 0, 0) : 0;
	return (NULL);
}

struct error *
spent_read(struct spent *s, struct admin_call *c, enum scope scope, struct text entity)
{
	struct account a;

	TRY(admin_end(c, account_read(&a, c->store, c->arena, scope, entity, TEXT(""), c->now_ms)));
	*s = (struct spent){ a.spent, a.resets_at };
	return (NULL);
}

struct error *
spent_set(struct admin_call *c, enum scope scope, struct text entity, int64_t nano)
{
	return (admin_end(c, account_set_spent(c->store, c->arena, scope, entity, TEXT(""), nano, c->now_ms)));
}

void
put_spent(struct json_out *o, const struct spent *s)
{
	put_money(o, "spend", s->nano);
	put_moment(o, "budget_reset_at", s->resets_at);
}

/* ids, archives, pages */

struct text
new_uuid(struct admin_call *c)
{
	char id[37];

	uuid7(id);
	return (arena_copy(c->arena, text_of(id)));
}

struct error *
archive(struct admin_call *c, const char *kind, struct text entity, struct text row)
{
	return (ASK(c, NULL, SQL_ARCHIVE, V_TEXT(new_uuid(c)), V_TEXT(text_of(kind)), V_TEXT(entity), V_INT(c->now_ms), V_TEXT(c->changed_by), V_TEXT(row)));
}

int64_t
pages_of(int64_t total, int64_t size)
{
	return ((total + size - 1) / size);
}
