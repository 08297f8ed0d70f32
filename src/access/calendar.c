/* SPDX-License-Identifier: Apache-2.0 */
/* Spending that goes along into the periods of another calendar.  It is only moved, so that none is lost or counted twice, however often. */
#include "access/calendar.h"

#include "access/accounts.h"
#include "base/log.h"
#include "base/span.h"

#define NEAR_MS		(INT64_C(72) * 3600 * 1000)	/* no two calendars are so far apart: zones by 26 hours, their turns by 24 */
#define PAGE		1000

#define CHECK(call)	do { enum store_end end_ = (call); if (end_ != STORE_FINE) return (end_); } while (0)

/* What tells whose a row is; others have no rows that name them. */
static const struct {
	enum scope	 scope;
	enum statement	 cost;
} named[] = {
	{ SCOPE_KEY, SQL_CALENDAR_COST_KEY }, { SCOPE_USER, SQL_CALENDAR_COST_USER }, { SCOPE_TEAM, SQL_CALENDAR_COST_TEAM },
	{ SCOPE_MEMBER, SQL_CALENDAR_COST_MEMBER }, { SCOPE_PROJECT, SQL_CALENDAR_COST_PROJECT }, { SCOPE_ORGANIZATION, SQL_CALENDAR_COST_ORGANIZATION },
	{ SCOPE_EMPLOYEE, SQL_CALENDAR_COST_EMPLOYEE }, { SCOPE_CUSTOMER, SQL_CALENDAR_COST_CUSTOMER }, { SCOPE_TAG, SQL_CALENDAR_COST_TAG },
	{ SCOPE_PROVIDER, SQL_CALENDAR_COST_PROVIDER }, { SCOPE_DEPLOYMENT, SQL_CALENDAR_COST_DEPLOYMENT }, { SCOPE_PROXY, SQL_CALENDAR_COST_PROXY },
};

struct mover {
	struct store	*store;
	struct arena	*arena;
	int64_t		 now_ms;
	/* the account */
	int64_t		 account, period, resets_at;
	struct text	 scope, entity, part;
};

static int64_t
least(int64_t a, int64_t b)
{
	return (a < b ? a : b);
}

/* The smallest id of a call that began then. */
static struct value
id_from(struct arena *arena, int64_t ms)
{
	return (V_TEXT(arena_print(arena, "%08llx-%04llx-0000-0000-000000000000", (unsigned long long)ms >> 16, (unsigned long long)ms & 0xffff)));
}

static enum store_end
cost_between(int64_t *cost, struct mover *m, int64_t from_ms, int64_t to_ms)
{
	struct text model = text_starts(m->part, TEXT("model:")) ? text_sub(m->part, 6, m->part.len) : TEXT("");
	struct rows rows = { 0 };

	*cost = 0;
	for (size_t i = 0; i < nitems(named); i++)
		if (text_is(m->scope, scope_names[named[i].scope]))
			CHECK(STORE(m->store, m->arena, &rows, named[i].cost, id_from(m->arena, from_ms), id_from(m->arena, to_ms), V_TEXT(m->entity),
			    V_TEXT(model)));
	*cost = rows.n > 0 ? rows_int(&rows, 0, 0, 0) : 0;
	return (STORE_FINE);
}

static enum store_end
move(struct mover *m, int64_t from, int64_t amount)
{
	if (amount <= 0)
		return (STORE_FINE);
	CHECK(STORE(m->store, m->arena, NULL, SQL_SPENT_ADD, V_INT(m->account), V_INT(from), V_INT(-amount)));
	return (STORE(m->store, m->arena, NULL, SQL_SPENT_ADD, V_INT(m->account), V_INT(m->period), V_INT(amount)));
}

/*
 * Of a period that began before: what it was charged from ours on, until `to`, when the next began.  By the rows of whichever hours are fewer: those after
 * our beginning, or those before it; where neither is near it ended long before.
 */
static enum store_end
move_part(struct mover *m, int64_t from, int64_t spent, int64_t to)
{
	struct rows own = { 0 };
	int64_t cost;

	if (to - m->period <= NEAR_MS) {
		CHECK(cost_between(&cost, m, m->period, to));
		CHECK(STORE(m->store, m->arena, &own, SQL_ACCOUNT_SPENT, V_INT(m->account), V_INT(m->period)));
		if (to == m->now_ms && own.n > 0)
			cost -= rows_int(&own, 0, 0, 0);
		return (move(m, from, least(cost, spent)));
	}
	if (m->period - from > NEAR_MS)
		return (STORE_FINE);
	CHECK(cost_between(&cost, m, from, m->period));
	return (move(m, from, spent - cost));
}

static enum store_end
move_account(struct mover *m)
{
	int64_t from = 0, spent = 0, to = m->now_ms, since = m->period - (m->resets_at - m->period) - NEAR_MS;
	struct rows rows;

	CHECK(STORE(m->store, m->arena, NULL, SQL_CALENDAR_PERIOD, V_INT(m->account), V_INT(m->period), V_INT(m->resets_at)));
	CHECK(STORE(m->store, m->arena, &rows, SQL_CALENDAR_SPENT, V_INT(m->account), V_INT(since), V_INT(m->period)));
	for (unsigned i = rows.n; i-- > 0;) {
		int64_t period = rows_int(&rows, i, 0, 0);

		if (period < m->period) {
			from = period;
			spent = rows_int(&rows, i, 1, 0);
			break;
		}
		to = period;
	}
	if (from != 0)
		CHECK(move_part(m, from, spent, to));
	for (unsigned i = 0; i < rows.n; i++)
		if (rows_int(&rows, i, 0, 0) > m->period)
			CHECK(move(m, rows_int(&rows, i, 0, 0), rows_int(&rows, i, 1, 0)));
	return (STORE_FINE);
}

static enum store_end
move_all(struct store *store, struct arena *arena, int64_t now_ms)
{
	struct mover m = { .store = store, .now_ms = now_ms };
	struct rows rows;

	do {
		CHECK(STORE(store, arena, &rows, SQL_CALENDAR_ACCOUNTS, V_INT(m.account), V_INT(PAGE)));
		for (unsigned i = 0; i < rows.n; i++) {
			enum store_end end = STORE_FINE;

			m.arena = arena_new();
			m.account = rows_int(&rows, i, 0, 0);
			m.scope = rows_text(&rows, i, 1);
			m.entity = rows_text(&rows, i, 2);
			m.part = rows_text(&rows, i, 3);
			account_period(&m.period, &m.resets_at, rows_text(&rows, i, 4), now_ms);
			if (m.period != 0)
				end = move_account(&m);
			arena_free(m.arena);
			CHECK(end);
		}
	} while (rows.n == PAGE);
	return (STORE_FINE);
}

enum store_end
calendar_read(struct calendar *c, struct store *store, struct arena *arena)
{
	struct rows rows;

	*c = (struct calendar){ .zone = TEXT("") };
	CHECK(STORE0(store, arena, &rows, SQL_CALENDAR_READ));
	if (rows.n > 0)
		*c = (struct calendar){ rows_text(&rows, 0, 0), (int)rows_int(&rows, 0, 1, 0) };
	return (STORE_FINE);
}

static enum store_end
follow(struct store *store, struct arena *arena, const struct calendar *now, int64_t now_ms)
{
	struct calendar was;

	CHECK(STORE0(store, arena, NULL, SQL_CHANGE_LOCK));
	CHECK(calendar_read(&was, store, arena));
	if (text_eq(was.zone, now->zone) && was.turn == now->turn)
		return (STORE_FINE);
	CHECK(STORE(store, arena, NULL, SQL_CALENDAR_SET, V_TEXT(now->zone), V_INT(now->turn), V_INT(now_ms)));
	if (was.zone.len == 0)
		return (STORE_FINE);
	note(NOTE_WARN, "", "budgets begin their periods by %s from now on, no more by " TEXT_FMT ": what was spent goes along", now->zone.at,
	    TEXT_ARG(was.zone));
	CHECK(move_all(store, arena, now_ms));
	return (change_note_all(store, arena));
}

enum store_end
calendar_follow(struct store *store, struct arena *arena, int64_t now_ms)
{
	struct calendar now = { 0 };
	enum store_end end = store_begin(store);

	now.zone = text_of(span_calendar(&now.turn));
	if (end == STORE_FINE)
		end = follow(store, arena, &now, now_ms);
	if (end == STORE_FINE)
		return (store_commit(store));
	store_rollback(store);
	return (end);
}

enum store_end
calendar_take(struct store *store)
{
	struct arena *arena = arena_new();
	struct calendar c;
	enum store_end end = calendar_read(&c, store, arena);

	if (end == STORE_FINE && c.zone.len > 0) {
		(void)span_zone(arena_copy(arena, c.zone).at);
		span_turn(c.turn);
	}
	arena_free(arena);
	return (end);
}
