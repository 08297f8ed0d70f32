/* SPDX-License-Identifier: Apache-2.0 */
/* Grants and bookings: in PostgreSQL by one function each (sql/postgres/0002.sql), in SQLite by the same steps here. */
#include "ledger/leases_priv.h"

#include <stdlib.h>

#define HOST_LIVES_MS	60000		/* since it was seen last */
#define TRIES		5		/* of a transaction that met another */

#define DO(call)	do { enum store_end do_end_ = (call); if (do_end_ != STORE_FINE) return (do_end_); } while (0)

struct wanted {					/* one want, as far as it has been looked at */
	struct grant_want want;
	unsigned	 at;			/* in the grant */
	bool		 unlimited;
	bool		 closing;		/* the lease that it must be is */
	int64_t		 ceiling, spent, held;
};

static int64_t
least(int64_t a, int64_t b)
{
	return (a < b ? a : b);
}

static int64_t
most(int64_t a, int64_t b)
{
	return (a > b ? a : b);
}

/* Rows are locked in one order by everybody. */
static int
by_account(const void *a, const void *b)
{
	const struct grant_want *x = &((const struct wanted *)a)->want, *y = &((const struct wanted *)b)->want;

	if (x->account != y->account)
		return (x->account < y->account ? -1 : 1);
	return (x->period < y->period ? -1 : x->period > y->period);
}

static void
sort_wants(struct wanted wanted[CHARGES_MOST], const struct grant *g)
{
	for (unsigned i = 0; i < g->n; i++)
		wanted[i] = (struct wanted){ .want = g->want[i], .at = i };
	qsort(wanted, g->n, sizeof(wanted[0]), by_account);
}

/* PostgreSQL: one function */

static struct text
print_wants(struct arena *arena, const struct wanted *wanted, unsigned n)
{
	struct growing g = { 0 };

	for (unsigned i = 0; i < n; i++) {
		const struct grant_want *w = &wanted[i].want;

		arena_append(arena, &g, arena_print(arena, "%s%llu:%lld:%lld:%lld:%llu", i > 0 ? "," : "", (unsigned long long)w->account,
		    (long long)w->period, (long long)w->have, (long long)w->wish, (unsigned long long)w->lease));
	}
	return ((struct text){ g.at, g.len });
}

enum grant_column { G_VERDICT, G_AT, G_RESERVED, G_LEASE, G_GRANTED, G_CEILING, G_SPENT, G_HELD, G_COLUMNS };

static struct grant_got
got_in(const struct rows *rows, unsigned row)
{
	return ((struct grant_got){ .lease = (uint64_t)rows_int(rows, row, G_LEASE, 0), .granted = rows_int(rows, row, G_GRANTED, 0),
		.ceiling = rows_int(rows, row, G_CEILING, -1), .spent = rows_int(rows, row, G_SPENT, 0), .held = rows_int(rows, row, G_HELD, 0) });
}

static enum grant_end
read_grant(struct grant *g, const struct wanted *wanted, const struct rows *rows)
{
	enum grant_end end = rows->n > 0 ? (enum grant_end)rows_int(rows, 0, G_VERDICT, GRANT_GONE) : GRANT_GONE;

	if (end == GRANT_FINE && rows->n != g->n)
		return (GRANT_AWAY);
	for (unsigned i = 0; i < rows->n; i++) {
		int64_t at = rows_int(rows, i, G_AT, 0) - 1;

		if (at < 0 || at >= (int64_t)g->n)
			continue;
		g->which = wanted[at].at;
		g->got[g->which] = got_in(rows, i);
		g->reserved = rows_int(rows, i, G_RESERVED, 0);
	}
	return (end);
}

static enum store_end
grant_by_function(struct store *store, struct arena *arena, struct grant *g, const struct wanted *wanted, int64_t now_ms)
{
	struct rows rows = { 0 };
	enum store_end end = STORE(store, arena, &rows, SQL_BUDGET_GRANT, V_TEXT(text_of(g->host)), V_INT(now_ms), V_INT(g->bound), V_INT(g->floor),
	    V_INT(g->hurry ? 1 : 0), V_TEXT(print_wants(arena, wanted, g->n)));

	if (end == STORE_FINE)
		g->end = read_grant(g, wanted, &rows);
	return (end);
}

/* SQLite: the same steps; its transactions are one after the other, and it has one host */

/* Nobody settles a lease that pays for a running call; but an operator may have had this host forgotten. */
static enum store_end
look_at_lease(struct store *store, struct arena *arena, struct wanted *w, bool *gone)
{
	struct rows rows = { 0 };
	int64_t state;

	if (w->want.lease == 0)
		return (STORE_FINE);
	DO(STORE(store, arena, &rows, SQL_BUDGET_LEASE_FIND, V_INT((int64_t)w->want.lease)));
	state = rows.n > 0 ? rows_int(&rows, 0, 3, 2) : 2;
	w->closing = state == 1;
	*gone = state > 1;
	return (STORE_FINE);
}

static enum store_end
look_at(struct store *store, struct arena *arena, struct wanted *w, int64_t now_ms, bool *gone)
{
	struct rows rows = { 0 };
	const struct value key[] = { V_INT((int64_t)w->want.account), V_INT(w->want.period) };

	DO(STORE(store, arena, &rows, SQL_BUDGET_ACCOUNT, key[0], V_INT(now_ms)));
	if ((*gone = rows.n == 0))
		return (STORE_FINE);
	w->unlimited = rows_is_null(&rows, 0, 0);
	w->ceiling = rows_int(&rows, 0, 0, -1);
	DO(store_ask(store, arena, NULL, SQL_BUDGET_PERIOD_MAKE, key, 2));
	DO(store_ask(store, arena, &rows, SQL_BUDGET_PERIOD_LOCK, key, 2));
	w->spent = rows_int(&rows, 0, 0, 0);
	w->held = rows_int(&rows, 0, 1, 0);
	return (look_at_lease(store, arena, w, gone));
}

static void
refuse(struct grant *g, const struct wanted *w, enum grant_end end)
{
	g->end = end;
	g->which = w->at;
	g->got[w->at] = (struct grant_got){ .ceiling = w->unlimited ? -1 : w->ceiling, .spent = w->spent, .held = w->held };
}

/* How much can be reserved of all: g->reserved.  False: refused. */
static bool
weigh(struct grant *g, const struct wanted *wanted)
{
	int64_t target = g->bound, now = g->bound;
	const struct wanted *tightest = &wanted[0];

	for (unsigned i = 0; i < g->n; i++) {
		const struct wanted *w = &wanted[i];

		if (w->unlimited)
			continue;
		target = least(target, w->ceiling - w->spent);
		if (w->want.have + w->ceiling - w->spent - w->held < now) {
			now = w->want.have + w->ceiling - w->spent - w->held;
			tightest = w;
		}
	}
	if (now < target && (!g->hurry || now < g->floor)) {
		refuse(g, tightest, GRANT_HELD);
		return (false);
	}
	g->reserved = least(now, target);
	return (true);
}

static enum store_end
give(struct store *store, struct arena *arena, struct grant *g, const struct wanted *w, int64_t now_ms)
{
	struct grant_got *got = &g->got[w->at];
	int64_t needed = g->reserved - w->want.have;
	struct rows rows = { 0 };

	*got = (struct grant_got){ .ceiling = w->unlimited ? -1 : w->ceiling, .spent = w->spent, .held = w->held };
	if (w->unlimited || needed <= 0)
		return (STORE_FINE);
	got->granted = w->closing ? needed : most(needed, least(w->want.wish, (w->ceiling - w->spent - w->held) / 2));
	got->lease = w->want.lease;
	if (w->closing)
		DO(STORE(store, arena, NULL, SQL_BUDGET_LEASE_USE, V_INT((int64_t)w->want.lease), V_INT(-needed)));
	else {
		DO(STORE(store, arena, &rows, SQL_BUDGET_LEASE_GRANT, V_TEXT(text_of(g->host)), V_INT((int64_t)w->want.account), V_INT(w->want.period),
		    V_INT(got->granted), V_INT(now_ms)));
		got->lease = (uint64_t)rows_int(&rows, 0, 0, 0);
	}
	return (STORE(store, arena, NULL, SQL_BUDGET_PERIOD_HOLD, V_INT((int64_t)w->want.account), V_INT(w->want.period), V_INT(got->granted)));
}

static enum store_end
grant_step_by_step(struct store *store, struct arena *arena, struct grant *g, struct wanted *wanted, int64_t now_ms)
{
	struct rows rows = { 0 };

	DO(STORE(store, arena, &rows, SQL_BUDGET_HOST_IS_FORGOTTEN, V_TEXT(text_of(g->host))));
	g->end = rows.n > 0 ? GRANT_GONE : GRANT_FINE;
	for (unsigned i = 0; i < g->n && g->end == GRANT_FINE; i++) {
		bool gone;

		DO(look_at(store, arena, &wanted[i], now_ms, &gone));
		if (gone)
			refuse(g, &wanted[i], GRANT_GONE);
		else if (!wanted[i].unlimited && wanted[i].ceiling - wanted[i].spent < g->floor)
			refuse(g, &wanted[i], GRANT_SPENT);
	}
	if (g->end != GRANT_FINE || !weigh(g, wanted))
		return (STORE_FINE);
	for (unsigned i = 0; i < g->n; i++)
		DO(give(store, arena, g, &wanted[i], now_ms));
	return (STORE_FINE);
}

static enum store_end
grant_in_transaction(struct store *store, struct arena *arena, struct grant *g, struct wanted *wanted, int64_t now_ms)
{
	enum store_end end = store_begin(store);

	if (end == STORE_FINE)
		end = grant_step_by_step(store, arena, g, wanted, now_ms);
	if (end == STORE_FINE)
		return (store_commit(store));
	store_rollback(store);
	return (end);
}

void
leases_grant(struct store *store, struct grant *g, int64_t now_ms)
{
	struct arena *arena = arena_new();
	struct wanted wanted[CHARGES_MOST];
	enum store_end end = STORE_AGAIN;

	for (unsigned tries = 0; tries < TRIES && end == STORE_AGAIN; tries++) {
		sort_wants(wanted, g);
		memset(g->got, 0, sizeof(g->got));
		end = store_is_postgres(store) ? grant_by_function(store, arena, g, wanted, now_ms) : grant_in_transaction(store, arena, g, wanted, now_ms);
	}
	if (end != STORE_FINE)
		g->end = GRANT_AWAY;
	arena_free(arena);
}

/* booking */

static int
by_lease(const void *a, const void *b)
{
	const struct booking *x = a, *y = b;

	if (x->account != y->account)
		return (x->account < y->account ? -1 : 1);
	if (x->period != y->period)
		return (x->period < y->period ? -1 : 1);
	return (x->lease < y->lease ? -1 : x->lease > y->lease);
}

static struct text
print_bookings(struct arena *arena, const struct booking *b, unsigned n)
{
	struct buf out = { 0 };
	struct text t;

	for (unsigned i = 0; i < n; i++)
		buf_print(&out, "%s%llu:%lld:%llu:%lld", i > 0 ? "," : "", (unsigned long long)b[i].account, (long long)b[i].period,
		    (unsigned long long)b[i].lease, (long long)b[i].cost);
	t = arena_copy(arena, buf_as_text(&out));
	buf_free(&out);
	return (t);
}

enum book_column { B_ACCOUNT, B_PERIOD, B_SCOPE, B_ENTITY, B_PART, B_BEFORE, B_SPENT, B_CEILING, B_SOFT };

static enum store_end
book_by_function(struct store *store, struct arena *arena, const struct booking *b, unsigned n, struct crossing **crossings, unsigned *n_crossings)
{
	struct rows rows = { 0 };

	DO(STORE(store, arena, &rows, SQL_BUDGET_BOOK, V_TEXT(print_bookings(arena, b, n))));
	*crossings = arena_alloc(arena, rows.n * sizeof(**crossings));
	*n_crossings = rows.n;
	for (unsigned i = 0; i < rows.n; i++)
		(*crossings)[i] = (struct crossing){ .account = (uint64_t)rows_int(&rows, i, B_ACCOUNT, 0), .period = rows_int(&rows, i, B_PERIOD, 0),
			.scope = rows_text(&rows, i, B_SCOPE), .entity = rows_text(&rows, i, B_ENTITY), .part = rows_text(&rows, i, B_PART),
			.before = rows_int(&rows, i, B_BEFORE, 0), .spent = rows_int(&rows, i, B_SPENT, 0),
			.ceiling = rows_int(&rows, i, B_CEILING, -1), .soft = rows_int(&rows, i, B_SOFT, -1) };
	return (STORE_FINE);
}

static int64_t
twentieths(int64_t spent, int64_t ceiling)
{
	return ((int64_t)((__int128)spent * 20 / ceiling));
}

static bool
crosses(const struct crossing *c)
{
	return ((c->soft >= 0 && c->before < c->soft && c->spent >= c->soft) ||
	    (c->ceiling > 0 && twentieths(c->before, c->ceiling) < twentieths(c->spent, c->ceiling)));
}

/* *c is filled; true: it is one. */
static enum store_end
look_for_crossing(struct store *store, struct arena *arena, const struct booking *b, int64_t spent, struct crossing *c)
{
	struct rows rows = { 0 };

	DO(STORE(store, arena, &rows, SQL_BUDGET_LIMITS, V_INT((int64_t)b->account)));
	*c = (struct crossing){ .account = b->account, .period = b->period, .before = spent - b->cost, .spent = spent, .ceiling = -1, .soft = -1 };
	if (rows.n == 0)
		return (STORE_FINE);
	c->scope = rows_text(&rows, 0, 0);
	c->entity = rows_text(&rows, 0, 1);
	c->part = rows_text(&rows, 0, 2);
	c->ceiling = rows_int(&rows, 0, 3, -1);
	c->soft = rows_int(&rows, 0, 4, -1);
	return (STORE_FINE);
}

/* What a lease that is not settled yet paid is no longer held. */
static enum store_end
book_one(struct store *store, struct arena *arena, const struct booking *b, struct crossing *c)
{
	struct rows rows = { 0 };

	if (b->lease != 0)
		DO(STORE(store, arena, &rows, SQL_BUDGET_LEASE_USE, V_INT((int64_t)b->lease), V_INT(b->cost)));
	DO(STORE(store, arena, &rows, SQL_BUDGET_PERIOD_SPEND, V_INT((int64_t)b->account), V_INT(b->period), V_INT(b->cost),
	    V_INT(rows.changed > 0 ? b->cost : 0)));
	return (look_for_crossing(store, arena, b, rows_int(&rows, 0, 0, 0), c));
}

enum store_end
leases_book(struct store *store, struct arena *arena, struct booking *b, unsigned n, struct crossing **crossings, unsigned *n_crossings)
{
	*n_crossings = 0;
	*crossings = NULL;
	if (n == 0)
		return (STORE_FINE);
	qsort(b, n, sizeof(*b), by_lease);
	if (store_is_postgres(store))
		return (book_by_function(store, arena, b, n, crossings, n_crossings));
	*crossings = arena_alloc(arena, n * sizeof(**crossings));
	for (unsigned i = 0; i < n; i++) {
		DO(book_one(store, arena, &b[i], &(*crossings)[*n_crossings]));
		*n_crossings += crosses(&(*crossings)[*n_crossings]);
	}
	return (STORE_FINE);
}

/* coming back: the period's row first, then the lease */

static enum store_end
lock_lease(struct store *store, struct arena *arena, uint64_t lease, struct value key[2], int64_t *remaining, int64_t *state)
{
	struct rows rows = { 0 };

	DO(STORE(store, arena, &rows, SQL_BUDGET_LEASE_FIND, V_INT((int64_t)lease)));
	*state = -1;
	if (rows.n == 0)
		return (STORE_FINE);
	key[0] = V_INT(rows_int(&rows, 0, 0, 0));
	key[1] = V_INT(rows_int(&rows, 0, 1, 0));
	DO(store_ask(store, arena, NULL, SQL_BUDGET_PERIOD_LOCK, key, 2));
	DO(STORE(store, arena, &rows, SQL_BUDGET_LEASE_FIND, V_INT((int64_t)lease)));
	if (rows.n > 0) {
		*remaining = rows_int(&rows, 0, 2, 0);
		*state = rows_int(&rows, 0, 3, -1);
	}
	return (STORE_FINE);
}

enum store_end
lease_settle(struct store *store, struct arena *arena, uint64_t lease)
{
	struct value key[2];
	int64_t remaining, state;

	DO(lock_lease(store, arena, lease, key, &remaining, &state));
	if (state != 1)
		return (STORE_FINE);
	DO(STORE(store, arena, NULL, SQL_BUDGET_PERIOD_HOLD, key[0], key[1], V_INT(-remaining)));
	return (STORE(store, arena, NULL, SQL_BUDGET_LEASE_SETTLE, V_INT((int64_t)lease)));
}

enum store_end
lease_give_back(struct store *store, struct arena *arena, uint64_t lease, int64_t amount)
{
	struct value key[2];
	int64_t remaining, state;

	DO(lock_lease(store, arena, lease, key, &remaining, &state));
	if (state != 0 && state != 1)
		return (STORE_FINE);
	DO(STORE(store, arena, NULL, SQL_BUDGET_LEASE_USE, V_INT((int64_t)lease), V_INT(amount)));
	return (STORE(store, arena, NULL, SQL_BUDGET_PERIOD_HOLD, key[0], key[1], V_INT(-amount)));
}

enum store_end
leases_close_account(struct store *store, uint64_t account)
{
	struct arena *arena = arena_new();
	struct rows rows = { 0 };
	enum store_end end = STORE(store, arena, &rows, SQL_BUDGET_LEASES_CLOSE_ACCOUNT, V_INT((int64_t)account));

	if (end == STORE_FINE && rows.changed > 0)
		end = STORE0(store, arena, &rows, SQL_BUDGET_TELL);
	arena_free(arena);
	return (end);
}

static enum store_end
forget(struct store *store, struct arena *arena, struct text host, enum host_gone how, bool *known)
{
	struct rows rows = { 0 };

	DO(STORE(store, arena, &rows, SQL_HOST_FORGET, V_TEXT(host), V_INT(how)));
	*known = rows.changed > 0;
	DO(STORE(store, arena, &rows, SQL_BUDGET_LEASES_TO_FORGET, V_TEXT(host)));
	for (unsigned i = 0; i < rows.n; i++) {
		uint64_t lease = (uint64_t)rows_int(&rows, i, 0, 0);

		DO(STORE(store, arena, NULL, SQL_BUDGET_LEASE_CLOSE, V_INT((int64_t)lease)));
		DO(lease_settle(store, arena, lease));
	}
	return (STORE_FINE);
}

enum store_end
leases_forget_host(struct store *store, struct text host, enum host_gone how, bool *known)
{
	struct arena *arena = arena_new();
	enum store_end end = STORE_AGAIN;

	for (unsigned tries = 0; tries < TRIES && end == STORE_AGAIN; tries++) {
		end = store_begin(store);
		if (end == STORE_FINE)
			end = forget(store, arena, host, how, known);
		if (end == STORE_FINE)
			end = store_commit(store);
		else
			store_rollback(store);
	}
	arena_free(arena);
	return (end);
}
