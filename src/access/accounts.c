/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts in step with entities, and the list of changes. */
#include "access/accounts.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/span.h"
#include "ledger/leases.h"

#define CHECK(call)	do { enum store_end end_ = (call); if (end_ != STORE_FINE) return (end_); } while (0)

static struct text
name_of(enum scope scope)
{
	return (text_of(scope_names[scope]));
}

static struct value
limit(int64_t nano)
{
	return (V_INT_OR_NULL(nano != NO_LIMIT, nano));
}

void
account_period(int64_t *period, int64_t *resets_at, struct text duration, int64_t now_ms)
{
	struct span s;

	*period = *resets_at = 0;
	if (duration.len > 0 && span_read(duration, &s))
		span_period(&s, now_ms, period, resets_at);
}

static enum store_end
find(struct account *a, struct store *store, struct arena *arena, enum scope scope, struct text entity, struct text part)
{
	struct rows rows;

	*a = (struct account){ .ceiling = NO_LIMIT, .soft = NO_LIMIT, .duration = TEXT("") };
	CHECK(STORE(store, arena, &rows, SQL_ACCOUNT_FIND, V_TEXT(name_of(scope)), V_TEXT(entity), V_TEXT(part)));
	if (rows.n == 0)
		return (STORE_FINE);
	a->id = (uint64_t)rows_int(&rows, 0, 0, 0);
	a->ceiling = rows_int(&rows, 0, 1, NO_LIMIT);
	a->soft = rows_int(&rows, 0, 2, NO_LIMIT);
	a->raise = rows_int(&rows, 0, 3, 0);
	a->raise_until = rows_int(&rows, 0, 4, 0);
	a->duration = rows_text(&rows, 0, 5);
	return (STORE_FINE);
}

static enum store_end
spent_in(int64_t *spent, int64_t *held, struct store *store, struct arena *arena, uint64_t account, int64_t period)
{
	struct rows rows;

	*spent = *held = 0;
	CHECK(STORE(store, arena, &rows, SQL_ACCOUNT_SPENT, V_INT((int64_t)account), V_INT(period)));
	if (rows.n > 0) {
		*spent = rows_int(&rows, 0, 0, 0);
		*held = rows_int(&rows, 0, 1, 0);
	}
	return (STORE_FINE);
}

enum store_end
account_read(struct account *a, struct store *store, struct arena *arena, enum scope scope, struct text entity, struct text part, int64_t now_ms)
{
	CHECK(find(a, store, arena, scope, entity, part));
	account_period(&a->period, &a->resets_at, a->duration, now_ms);
	return (a->id != 0 ? spent_in(&a->spent, &a->held, store, arena, a->id, a->period) : STORE_FINE);
}

static int64_t
in_force(int64_t ceiling, int64_t raise, int64_t raise_until, int64_t now_ms)
{
	return (ceiling == NO_LIMIT ? INT64_MAX : ceiling + (raise_until > now_ms ? raise : 0));
}

/* Money that was leased under a higher ceiling comes back. */
static enum store_end
lowered(struct store *store, const struct account *old, const struct account_want *w, int64_t now_ms)
{
	if (old->id == 0 || in_force(w->ceiling, w->raise, w->raise_until, now_ms) >= in_force(old->ceiling, old->raise, old->raise_until, now_ms))
		return (STORE_FINE);
	return (leases_close_account(store, old->id));
}

enum store_end
account_sync(struct store *store, struct arena *arena, enum scope scope, struct text entity, const struct account_want *w, int64_t now_ms)
{
	struct text part = text_of(w->part);
	struct account old;
	struct rows rows;
	int64_t period, resets_at;

	CHECK(account_read(&old, store, arena, scope, entity, part, now_ms));
	account_period(&period, &resets_at, w->duration, now_ms);
	CHECK(STORE(store, arena, &rows, SQL_ACCOUNT_SYNC, V_TEXT(name_of(scope)), V_TEXT(entity), V_TEXT(part), limit(w->ceiling), limit(w->soft),
	    V_INT(w->raise), V_INT_OR_NULL(w->raise_until > 0, w->raise_until), V_TEXT_OR_NULL(w->duration), V_INT(period),
	    V_INT_OR_NULL(resets_at > 0, resets_at)));
	CHECK(lowered(store, &old, w, now_ms));
	if (old.id != 0 && period != old.period && old.spent > 0)
		return (STORE(store, arena, NULL, SQL_ACCOUNT_CARRY, V_INT((int64_t)old.id), V_INT(period), V_INT(old.spent)));
	return (STORE_FINE);
}

static bool
is_wanted(struct text part, const struct account_want *w, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (text_is(part, w[i].part))
			return (true);
	return (false);
}

enum store_end
accounts_sync(struct store *store, struct arena *arena, enum scope scope, struct text entity, const struct account_want *w, unsigned n, int64_t now_ms)
{
	struct rows rows;

	CHECK(STORE(store, arena, &rows, SQL_ACCOUNT_PARTS, V_TEXT(name_of(scope)), V_TEXT(entity)));
	for (unsigned i = 0; i < rows.n; i++)
		if (!is_wanted(rows_text(&rows, i, 0), w, n))
			CHECK(STORE(store, arena, NULL, SQL_ACCOUNT_UNLIMIT, V_TEXT(name_of(scope)), V_TEXT(entity), V_TEXT(rows_text(&rows, i, 0))));
	for (unsigned i = 0; i < n; i++)
		CHECK(account_sync(store, arena, scope, entity, &w[i], now_ms));
	return (STORE_FINE);
}

enum store_end
account_set_spent(struct store *store, struct arena *arena, enum scope scope, struct text entity, struct text part, int64_t nano, int64_t now_ms)
{
	struct account a;

	CHECK(account_read(&a, store, arena, scope, entity, part, now_ms));
	return (a.id == 0 ? STORE_FINE : STORE(store, arena, NULL, SQL_ACCOUNT_SET_SPENT, V_INT((int64_t)a.id), V_INT(a.period), V_INT(nano)));
}

enum store_end
account_rename(struct store *store, struct arena *arena, enum scope scope, struct text from, struct text to)
{
	return (STORE(store, arena, NULL, SQL_ACCOUNT_RENAME, V_TEXT(name_of(scope)), V_TEXT(from), V_TEXT(to)));
}

enum store_end
account_leave(struct store *store, struct arena *arena, enum scope scope, struct text entity)
{
	char id[37];

	uuid7(id);
	return (account_rename(store, arena, scope, entity, arena_print(arena, TEXT_FMT " gone %s", TEXT_ARG(entity), id)));
}

/* changes */

static enum store_end
add_change(struct store *store, struct arena *arena, struct text kind, struct text entity, struct text digest)
{
	CHECK(STORE0(store, arena, NULL, SQL_CHANGE_LOCK));
	CHECK(STORE(store, arena, NULL, SQL_CHANGE_ADD, V_INT(clock_wall_ms()), V_TEXT(kind), V_TEXT(entity), V_TEXT(digest)));
	return (STORE0(store, arena, NULL, SQL_CHANGE_TELL));
}

enum store_end
change_note(struct store *store, struct arena *arena, enum known_kind kind, struct text entity)
{
	struct known_id id;
	char hex[2 * sizeof(id.bytes)];

	known_id_make(&id, kind, entity);
	hex_print(hex, id.bytes, sizeof(id.bytes));
	return (add_change(store, arena, text_of(known_kinds[kind]), entity, (struct text){ hex, sizeof(hex) }));
}

enum store_end
change_note_all(struct store *store, struct arena *arena)
{
	return (add_change(store, arena, TEXT(""), TEXT(""), TEXT("")));
}
