/* SPDX-License-Identifier: Apache-2.0 */
/* Budgets in the store: grants, bookings, closings and hosts, the same on both engines. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "ledger/formers.h"
#include "ledger/leases_priv.h"
#include "store/store.h"
#include "postgres.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NOW	INT64_C(1760000000000)
#define NONE	INT64_C(-1)

static struct postgres server;

struct bench {
	struct arena	*a;
	struct store	*s;
	char		 folder[64];
	char		 url[160];
	int64_t		 now;
};

/* a database of each kind */

static struct bench *
bench_new(void)
{
	struct bench *b = must_zalloc(sizeof(*b));

	b->a = arena_new();
	strcpy(b->folder, "/tmp/leases_test.XXXXXX");
	assert_non_null(mkdtemp(b->folder));
	return (b);
}

static int
sqlite(void **state)
{
	struct bench *b = bench_new();
	unsigned from, to;

	snprintf(b->url, sizeof(b->url), "%s/sluice.db", b->folder);
	b->s = store_new(text_of(b->url));
	*state = b;
	return (store_migrate(b->s, &from, &to) == STORE_FINE ? 0 : -1);
}

static int
postgres(void **state)
{
	struct bench *b = bench_new();

	if (server.pid != 0)
		snprintf(b->url, sizeof(b->url), "%s", postgres_database(&server, true));
	b->s = store_new(text_of(b->url));
	*state = b;
	return (0);
}

static int
teardown(void **state)
{
	struct bench *b = *state;
	char command[160];

	store_free(b->s);
	arena_free(b->a);
	snprintf(command, sizeof(command), "rm -rf %s", b->folder);
	assert_int_equal(system(command), 0);
	free(b);
	return (0);
}

static struct bench *
bench(void **state)
{
	struct bench *b = *state;

	if (b->url[0] == '\0')
		skip();
	return (b);
}

static void
fine(struct bench *b, enum store_end end)
{
	if (end != STORE_FINE)
		fail_msg("%d: %s", end, store_why(b->s));
}

/* accounts */

static uint64_t
account(struct bench *b, const char *entity, int64_t ceiling, int64_t soft, int64_t raised, int64_t raised_until)
{
	struct rows rows = { 0 };

	fine(b, STORE(b->s, b->a, &rows, SQL_ACCOUNT_SYNC, V_TEXT(TEXT("key")), V_TEXT(text_of(entity)), V_TEXT(TEXT("")), V_INT_OR_NULL(ceiling >= 0, ceiling),
	    V_INT_OR_NULL(soft >= 0, soft), V_INT(raised), V_INT_OR_NULL(raised_until > 0, raised_until), V_NULL, V_INT(0), V_NULL));
	return ((uint64_t)rows_int(&rows, 0, 0, 0));
}

static void
sums(struct bench *b, uint64_t id, int64_t *spent, int64_t *held)
{
	struct rows rows = { 0 };

	fine(b, STORE(b->s, b->a, &rows, SQL_BUDGET_PERIOD_LOCK, V_INT((int64_t)id), V_INT(0)));
	*spent = rows.n > 0 ? rows_int(&rows, 0, 0, 0) : 0;
	*held = rows.n > 0 ? rows_int(&rows, 0, 1, 0) : 0;
}

static void
sums_are(struct bench *b, uint64_t id, int64_t spent, int64_t held)
{
	int64_t s, h;

	sums(b, id, &s, &h);
	assert_int_equal(s, spent);
	assert_int_equal(h, held);
}

static struct grant
want(const char *host, int64_t bound, int64_t floor, unsigned n, const uint64_t *accounts)
{
	struct grant g = { .bound = bound, .floor = floor, .n = n };

	snprintf(g.host, sizeof(g.host), "%s", host);
	for (unsigned i = 0; i < n; i++)
		g.want[i].account = accounts[i];
	return (g);
}

static void
grant(struct bench *b, struct grant *g, enum grant_end end)
{
	leases_grant(b->s, g, NOW);
	if (g->end != end)
		fail_msg("ended %d, not %d: %s", g->end, end, store_why(b->s));
}

static void
book(struct bench *b, uint64_t id, uint64_t lease, int64_t cost)
{
	struct booking booking = { .account = id, .lease = lease, .cost = cost };
	struct crossing *crossings;
	unsigned n;

	fine(b, store_begin(b->s));
	fine(b, leases_book(b->s, b->a, &booking, 1, &crossings, &n));
	fine(b, store_commit(b->s));
}

static void
settle(struct bench *b, uint64_t lease)
{
	fine(b, STORE(b->s, b->a, NULL, SQL_BUDGET_LEASE_CLOSE, V_INT((int64_t)lease)));
	fine(b, store_begin(b->s));
	fine(b, lease_settle(b->s, b->a, lease));
	fine(b, store_commit(b->s));
}

/* what grants do */

static void
a_grant_is_held_and_then_spent(void **state)
{
	struct bench *b = bench(state);
	uint64_t id = account(b, "k", 100, NONE, 0, 0), lease;
	struct grant g = want("a", 10, 10, 1, &id);

	g.want[0].wish = 30;
	grant(b, &g, GRANT_FINE);
	assert_int_equal(g.reserved, 10);
	assert_int_equal(g.got[0].granted, 30);
	assert_int_equal(g.got[0].ceiling, 100);
	lease = g.got[0].lease;
	sums_are(b, id, 0, 30);
	book(b, id, lease, 7);
	sums_are(b, id, 7, 23);
	grant(b, &g, GRANT_FINE);
	assert_int_equal(g.got[0].lease, lease);
	assert_int_equal(g.got[0].granted, 30);
	sums_are(b, id, 7, 53);
	settle(b, lease);
	sums_are(b, id, 7, 0);
	grant(b, &g, GRANT_FINE);
	assert_true(g.got[0].lease > lease);
	settle(b, lease);
	sums_are(b, id, 7, 30);
}

/* The slice shrinks to the need, and the last call finds it spent. */
static void
the_end_of_a_budget(void **state)
{
	struct bench *b = bench(state);
	uint64_t id = account(b, "k", 25, NONE, 0, 0);
	struct grant g = want("a", 10, 10, 1, &id), h = want("b", 10, 10, 1, &id);

	g.want[0].wish = 1000;
	grant(b, &g, GRANT_FINE);
	assert_int_equal(g.got[0].granted, 12);
	grant(b, &h, GRANT_FINE);
	assert_int_equal(h.got[0].granted, 10);
	grant(b, &h, GRANT_HELD);
	assert_int_equal(h.got[0].held, 22);
	sums_are(b, id, 0, 22);
	h.hurry = true;
	h.floor = 4;
	grant(b, &h, GRANT_HELD);
	h.floor = 3;
	grant(b, &h, GRANT_FINE);
	assert_int_equal(h.reserved, 3);
	book(b, id, g.got[0].lease, 12);
	h = want("b", 14, 14, 1, &id);
	grant(b, &h, GRANT_SPENT);
	assert_int_equal(h.got[0].spent, 12);
	assert_int_equal(h.got[0].ceiling, 25);
	h.floor = 13;
	h.want[0].have = 13;
	grant(b, &h, GRANT_FINE);
	assert_int_equal(h.reserved, 13);
	assert_int_equal(h.got[0].granted, 0);
}

static void
all_budgets_or_none(void **state)
{
	struct bench *b = bench(state);
	uint64_t ids[3] = { account(b, "x", 100, NONE, 0, 0), account(b, "y", 5, NONE, 0, 0), account(b, "z", NONE, NONE, 0, 0) };
	uint64_t mixed[3] = { ids[2], ids[1], ids[0] };
	struct grant g = want("a", 10, 10, 3, mixed);

	grant(b, &g, GRANT_SPENT);
	assert_int_equal(g.which, 1);
	sums_are(b, ids[0], 0, 0);
	sums_are(b, ids[1], 0, 0);
	g.floor = 2;
	grant(b, &g, GRANT_FINE);
	assert_int_equal(g.reserved, 5);
	assert_int_equal(g.got[0].lease, 0);
	assert_int_equal(g.got[0].ceiling, -1);
	assert_int_equal(g.got[1].ceiling, 5);
	assert_int_equal(g.got[2].granted, 5);
	sums_are(b, ids[0], 0, 5);
	sums_are(b, ids[1], 0, 5);
	ids[0] = 4711;
	g = want("a", 1, 1, 2, ids);
	grant(b, &g, GRANT_GONE);
}

static void
ceilings_move(void **state)
{
	struct bench *b = bench(state);
	uint64_t id = account(b, "k", 10, NONE, 5, NOW + 1);
	struct grant g = want("a", 15, 15, 1, &id);

	grant(b, &g, GRANT_FINE);
	book(b, id, g.got[0].lease, 15);
	g = want("a", 5, 5, 1, &id);
	grant(b, &g, GRANT_SPENT);
	account(b, "k", 20, NONE, 5, NOW);		/* the raise has ended, the ceiling is higher */
	grant(b, &g, GRANT_FINE);
	account(b, "k", 16, NONE, 0, 0);
	fine(b, leases_close_account(b->s, id));
	settle(b, g.got[0].lease);
	sums_are(b, id, 15, 0);
	grant(b, &g, GRANT_SPENT);
	account(b, "k", NONE, NONE, 0, 0);
	grant(b, &g, GRANT_FINE);
	assert_int_equal(g.got[0].lease, 0);
	account(b, "k", 0, NONE, 0, 0);
	grant(b, &g, GRANT_SPENT);
}

static void
periods_are_apart(void **state)
{
	struct bench *b = bench(state);
	uint64_t id = account(b, "k", 10, NONE, 0, 0);
	struct grant g = want("a", 10, 10, 1, &id);

	grant(b, &g, GRANT_FINE);
	g.want[0].period = NOW;
	grant(b, &g, GRANT_FINE);
	sums_are(b, id, 0, 10);
	settle(b, g.got[0].lease);
	sums_are(b, id, 0, 10);
}

static void
late_and_dear_bookings(void **state)
{
	struct bench *b = bench(state);
	uint64_t id = account(b, "k", 10, NONE, 0, 0);
	struct grant g = want("a", 10, 10, 1, &id);

	grant(b, &g, GRANT_FINE);
	book(b, id, g.got[0].lease, 12);		/* more than it had reserved */
	sums_are(b, id, 12, -2);
	settle(b, g.got[0].lease);
	sums_are(b, id, 12, 0);
	book(b, id, g.got[0].lease, 3);			/* after its lease was settled */
	book(b, id, 0, 4);				/* without one */
	sums_are(b, id, 19, 0);
	book(b, id, 999999, 1);
	sums_are(b, id, 20, 0);
}

/* By a keeper that is late: one that is open, one that was settled, one that nobody knows. */
static void
only_what_is_closing_is_settled(void **state)
{
	struct bench *b = bench(state);
	uint64_t id = account(b, "k", 100, NONE, 0, 0), settled;
	struct grant g = want("a", 10, 10, 1, &id);

	grant(b, &g, GRANT_FINE);
	fine(b, lease_settle(b->s, b->a, g.got[0].lease));
	sums_are(b, id, 0, 10);
	settled = g.got[0].lease;
	settle(b, settled);
	grant(b, &g, GRANT_FINE);
	fine(b, lease_settle(b->s, b->a, settled));
	fine(b, lease_settle(b->s, b->a, 999999));
	sums_are(b, id, 0, 10);
}

/* The board's part of a lease comes to the store while that is settled, or forgotten with its host. */
static void
nothing_goes_back_to_a_settled_lease(void **state)
{
	struct bench *b = bench(state);
	uint64_t id = account(b, "k", 100, NONE, 0, 0);
	struct grant g = want("a", 10, 10, 1, &id), h = want("b", 10, 10, 1, &id);

	grant(b, &g, GRANT_FINE);
	grant(b, &h, GRANT_FINE);
	fine(b, lease_give_back(b->s, b->a, g.got[0].lease, 4));
	sums_are(b, id, 0, 16);
	settle(b, g.got[0].lease);
	fine(b, lease_give_back(b->s, b->a, g.got[0].lease, 6));
	fine(b, lease_give_back(b->s, b->a, 999999, 6));
	sums_are(b, id, 0, 10);
}

static void
what_is_crossed_is_told(void **state)
{
	struct bench *b = bench(state);
	uint64_t id = account(b, "k", 100, 30, 0, 0), other = account(b, "o", NONE, NONE, 0, 0);
	static const struct {
		int64_t	 cost;
		bool	 crosses;
	} steps[] = { { 3, false }, { 1, false }, { 1, true }, { 1, false }, { 23, true }, { 1, true }, { 60, true }, { 9, true }, { 1, true }, { 4, false } };

	for (unsigned i = 0; i < nitems(steps); i++) {
		struct booking bookings[2] = { { .account = other, .cost = 1000 }, { .account = id, .cost = steps[i].cost } };
		struct crossing *crossings;
		unsigned n;

		fine(b, store_begin(b->s));
		fine(b, leases_book(b->s, b->a, bookings, 2, &crossings, &n));
		fine(b, store_commit(b->s));
		if (n != steps[i].crosses)
			fail_msg("step %u", i);
		if (n == 0)
			continue;
		assert_int_equal(crossings[0].account, id);
		assert_int_equal(crossings[0].spent - crossings[0].before, steps[i].cost);
		assert_int_equal(crossings[0].ceiling, 100);
		assert_int_equal(crossings[0].soft, 30);
		assert_true(text_is(crossings[0].entity, "k") && text_is(crossings[0].scope, "key"));
	}
}

/* random deeds of two hosts */

#define ACCOUNTS	4
#define CALLS		40

struct call {
	uint64_t	 accounts[2], leases[2];
	int64_t		 reserved;
};

struct world {
	struct bench	*b;
	uint64_t	 ids[ACCOUNTS];
	uint64_t	 leases[4000];
	unsigned	 n_leases;
	struct call	 calls[CALLS];
	unsigned	 n_calls;
	int64_t		 cost;			/* booked, of all */
};

static unsigned
below(unsigned n)
{
	return ((unsigned)(random_u64() % n));
}

static void
know_lease(struct world *w, uint64_t lease)
{
	for (unsigned i = 0; i < w->n_leases; i++)
		if (w->leases[i] == lease)
			return;
	if (lease != 0 && w->n_leases < nitems(w->leases))
		w->leases[w->n_leases++] = lease;
}

static void
random_grant(struct world *w)
{
	unsigned first = below(ACCOUNTS), n = 1 + below(2);
	uint64_t accounts[2] = { w->ids[first], w->ids[(first + 1) % ACCOUNTS] };
	int64_t bound = 1 + below(50);
	struct grant g = want(below(2) == 0 ? "a" : "b", bound, 1 + below((unsigned)bound), n, accounts);
	struct call *c = &w->calls[w->n_calls];

	g.hurry = below(2) == 0;
	for (unsigned i = 0; i < n; i++)
		g.want[i].wish = below(100);
	leases_grant(w->b->s, &g, NOW);
	assert_true(g.end == GRANT_FINE || g.end == GRANT_SPENT || g.end == GRANT_HELD);
	if (g.end != GRANT_FINE || w->n_calls == CALLS)
		return;
	assert_in_range(g.reserved, g.floor, g.bound);
	*c = (struct call){ .reserved = g.reserved };
	for (unsigned i = 0; i < n; i++) {
		c->accounts[i] = accounts[i];
		c->leases[i] = g.got[i].lease;
		know_lease(w, g.got[i].lease);
	}
	w->n_calls++;
}

static void
random_booking(struct world *w)
{
	struct booking bookings[2];
	struct crossing *crossings;
	unsigned n = 0, crossed, at;
	int64_t cost;

	if (w->n_calls == 0)
		return;
	at = below(w->n_calls);
	cost = below((unsigned)w->calls[at].reserved + 1);
	for (; n < 2 && w->calls[at].accounts[n] != 0; n++)
		bookings[n] = (struct booking){ .account = w->calls[at].accounts[n], .lease = w->calls[at].leases[n], .cost = cost };
	fine(w->b, store_begin(w->b->s));
	fine(w->b, leases_book(w->b->s, w->b->a, bookings, n, &crossings, &crossed));
	if (below(10) == 0) {
		store_rollback(w->b->s);
		return;
	}
	fine(w->b, store_commit(w->b->s));
	w->cost += cost * n;
	w->calls[at] = w->calls[--w->n_calls];
}

/* Only a lease that no call uses may be settled. */
static void
random_closing(struct world *w)
{
	uint64_t lease;

	if (w->n_leases == 0)
		return;
	lease = w->leases[below(w->n_leases)];
	for (unsigned i = 0; i < w->n_calls; i++)
		if (w->calls[i].leases[0] == lease || w->calls[i].leases[1] == lease)
			return;
	settle(w->b, lease);
}

static void
all_adds_up(struct world *w)
{
	int64_t left[ACCOUNTS] = { 0 }, all_spent = 0;
	struct rows rows = { 0 };

	for (unsigned i = 0; i < w->n_leases; i++) {
		fine(w->b, STORE(w->b->s, w->b->a, &rows, SQL_BUDGET_LEASE_FIND, V_INT((int64_t)w->leases[i])));
		for (unsigned a = 0; a < ACCOUNTS; a++)
			if ((uint64_t)rows_int(&rows, 0, 0, 0) == w->ids[a])
				left[a] += rows_int(&rows, 0, 2, 0);
	}
	for (unsigned a = 0; a < ACCOUNTS; a++) {
		int64_t spent, held;

		sums(w->b, w->ids[a], &spent, &held);
		assert_int_equal(held, left[a]);
		assert_true(spent + held <= 1000);
		all_spent += spent;
	}
	assert_int_equal(all_spent, w->cost);
	arena_clear(w->b->a);
}

static void
whatever_happens_it_adds_up(void **state)
{
	static void (*const deeds[])(struct world *) = { random_grant, random_grant, random_grant, random_booking, random_booking, random_closing };
	struct bench *b = bench(state);
	struct world *w = must_zalloc(sizeof(*w));

	w->b = b;
	for (unsigned i = 0; i < ACCOUNTS; i++) {
		char name[8];

		snprintf(name, sizeof(name), "k%u", i);
		w->ids[i] = account(b, name, 1000, NONE, 0, 0);
	}
	for (unsigned i = 0; i < 600; i++) {
		deeds[below(nitems(deeds))](w);
		if (i % 20 == 0)
			all_adds_up(w);
	}
	all_adds_up(w);
	free(w);
}

/* hosts */

static void
forgotten_hosts_get_nothing(void **state)
{
	struct bench *b = bench(state);
	uint64_t ids[2] = { account(b, "x", 100, NONE, 0, 0), account(b, "y", 100, NONE, 0, 0) };
	struct grant g = want("a", 10, 10, 2, ids), other = want("b", 20, 20, 1, ids);
	bool known;

	fine(b, STORE(b->s, b->a, NULL, SQL_HOST_ADD, V_TEXT(TEXT("a")), V_TEXT(TEXT("n")), V_TEXT(TEXT("host")), V_INT(NOW)));
	grant(b, &g, GRANT_FINE);
	grant(b, &other, GRANT_FINE);
	book(b, ids[0], g.got[0].lease, 4);
	fine(b, leases_forget_host(b->s, TEXT("a"), HOST_FORGOTTEN, &known));
	assert_true(known);
	sums_are(b, ids[0], 4, 20);
	sums_are(b, ids[1], 0, 0);
	book(b, ids[0], g.got[0].lease, 5);		/* it had a row left */
	sums_are(b, ids[0], 9, 20);
	grant(b, &g, GRANT_GONE);
	fine(b, leases_forget_host(b->s, TEXT("nobody"), HOST_FORGOTTEN, &known));
	assert_false(known);
}

/* the housekeeper */

struct fake_spool {
	uint64_t	 end, shipped;
};

static uint64_t
spool_end(void *self)
{
	return (((struct fake_spool *)self)->end);
}

static bool
spool_shipped(void *self, uint64_t mark)
{
	return (((struct fake_spool *)self)->shipped >= mark);
}

static bool
swept(void *self, const struct running_view *v)
{
	return (true);
}

static struct running *
open_running(struct bench *b, enum seat_kind kind)
{
	struct buf why = { 0 };
	struct running *r = running_open(b->folder, "t", kind, &why);

	assert_non_null(r);
	return (r);
}

/* 30 of the account, on the board of `r`. */
static void
lease_of(struct bench *b, struct running *r, const char *host, uint64_t id)
{
	struct grant g = want(host, 10, 10, 1, &id);

	g.want[0].wish = 30;
	grant(b, &g, GRANT_FINE);
	lease_granted(r, RUNNING_NONE, 0, id, 0, g.got[0].lease, g.got[0].granted, 0);
	sums_are(b, id, 0, 30);
}

/* A call of `r` that has reserved 10 of the account. */
static unsigned
reserve(struct bench *b, struct running *r, uint64_t id, uint64_t *lease)
{
	struct grant g = want("a", 10, 10, 1, &id);
	struct running_who who = { .key_digest = TEXT("k") };
	char uuid[37];
	unsigned slot;
	uint64_t turn = lease_turn_begin(r);

	uuid7(uuid);
	slot = running_begin(r, uuid, NOW, &who);
	running_charge(r, slot, id, 0);
	g.want[0].wish = 30;
	grant(b, &g, GRANT_FINE);
	assert_true(lease_granted(r, slot, 0, id, 0, g.got[0].lease, g.got[0].granted, 10));
	lease_turn_end(r, turn);
	running_reserved(r, slot, 10);
	*lease = g.got[0].lease;
	return (slot);
}

/* who a host is */

static struct host *
open_host(const char *folder, struct running *r)
{
	struct buf why = { 0 };
	struct host *h = host_open(folder, "t", r, &why);

	if (h == NULL)
		fail_msg("%s", why.at);
	return (h);
}

/* A shell's command, with two words for it. */
static void
run(const char *command, const char *a, const char *b)
{
	setenv("A", a, true);
	setenv("B", b, true);
	assert_int_equal(system(command), 0);
}

/* As if the machine had been started anew, or the container: nothing is given back. */
static void
lose_board(struct bench *b, struct running **r)
{
	run("rm $A/t.running", b->folder, "");
	*r = open_running(b, SEAT_WIDE);
}

static void
a_host_keeps_its_id(void **state)
{
	struct bench *b = bench(state);
	struct running *r = open_running(b, SEAT_WIDE);
	struct host *first = open_host(b->folder, r), *copy;
	char id[HOST_ID + 1], clone[100];
	struct buf why = { 0 };
	bool known;

	snprintf(id, sizeof(id), "%s", host_id(first));
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(host_begin(first, b->s, NOW, &why), HOST_FINE);
		assert_int_equal(host_beat(first, b->s, NOW, &why), HOST_FINE);
		host_close(first);
		first = open_host(b->folder, r);
		assert_string_equal(host_id(first), id);
	}
	/* copied with its state and its board: the copy begins, the original finds another in its place */
	snprintf(clone, sizeof(clone), "%s/clone", b->folder);
	run("mkdir $B && cp $A/t.host* $B/", b->folder, clone);
	copy = open_host(clone, r);
	assert_int_equal(host_begin(copy, b->s, NOW, &why), HOST_FINE);
	assert_int_equal(host_beat(first, b->s, NOW, &why), HOST_NEW);
	assert_int_equal(host_beat(first, b->s, NOW, &why), HOST_FINE);
	assert_int_equal(host_beat(copy, b->s, NOW, &why), HOST_FINE);
	assert_string_not_equal(host_id(first), id);
	assert_string_equal(host_id(copy), id);
	assert_true(host_read_id(id, host_file(first)));
	assert_string_equal(host_id(first), id);
	fine(b, leases_forget_host(b->s, text_of(host_id(copy)), HOST_FORGOTTEN, &known));
	assert_int_equal(host_beat(copy, b->s, NOW, &why), HOST_NEW);
	host_close(first);
	host_close(copy);
	running_close(r);
	buf_free(&why);
}

/* Its leases are free once nobody can spend them and its rows are shipped, and not before. */
static void
a_board_that_is_gone_is_gone_on_for(void **state)
{
	struct bench *b = bench(state);
	struct running *old = open_running(b, SEAT_WIDE), *now;
	struct host *former = open_host(b->folder, old), *host;
	uint64_t id = account(b, "k", 100, NONE, 0, 0);
	struct fake_spool spool = { 2, 1 };
	struct formers *f;
	char file[200], again[HOST_ID + 1];
	struct buf why = { 0 };

	assert_int_equal(host_begin(former, b->s, NOW, &why), HOST_FINE);
	lease_of(b, old, host_id(former), id);
	lose_board(b, &now);
	host = open_host(b->folder, now);
	assert_string_not_equal(host_id(host), host_id(former));
	f = formers_new(host, &(struct keeper_spool){ spool_end, spool_shipped, &spool });
	fine(b, formers_begin(f, b->s));
	assert_int_equal(formers_waiting(f), 0);		/* it lives */
	host_close(former);
	fine(b, formers_begin(f, b->s));
	assert_int_equal(formers_waiting(f), 1);
	fine(b, formers_turn(f, b->s, NOW));
	sums_are(b, id, 0, 30);
	spool.shipped = 2;
	fine(b, formers_turn(f, b->s, NOW));
	sums_are(b, id, 0, 0);
	assert_int_equal(formers_waiting(f), 0);
	/* who comes back to the old board finds nothing on it, and is nobody who was before */
	former = open_host(b->folder, old);
	assert_string_not_equal(host_id(host), host_id(former));
	assert_int_equal(lease_list(old, &(struct lease_seen){ 0 }, 1, &(unsigned){ 0 }), 0);
	/* and when that one goes too it waits for its turn, until the one before is looked at no more */
	snprintf(file, sizeof(file), "%s", host_file(former));
	host_close(former);
	fine(b, formers_begin(f, b->s));
	assert_int_equal(formers_waiting(f), 0);
	assert_true(host_read_id(again, file));
	formers_free(f);
	host_close(host);
	running_close(old);
	running_close(now);
	buf_free(&why);
}

/* As where /proc does not tell which boot it is. */
static void
forget_boot(struct bench *b)
{
	run("dd if=/dev/zero of=$A/t.running bs=1 seek=32 count=40 conv=notrunc status=none", b->folder, "");
}

static void
hear_nothing_of_it(struct bench *b, bool boots)
{
	struct running *old = open_running(b, SEAT_WIDE), *now;
	struct host *former, *host;
	uint64_t id = account(b, "k", 100, NONE, 0, 0);
	struct fake_spool spool = { 1, 1 };
	struct formers *f;
	struct buf why = { 0 };

	if (!boots)
		forget_boot(b);
	former = open_host(b->folder, old);
	assert_int_equal(host_begin(former, b->s, NOW, &why), HOST_FINE);
	lease_of(b, old, host_id(former), id);
	if (boots)
		run("sed -i 4s/^......../00000000/ $A", host_file(former), "");
	lose_board(b, &now);
	host_close(former);
	if (!boots)
		forget_boot(b);
	host = open_host(b->folder, now);
	f = formers_new(host, &(struct keeper_spool){ spool_end, spool_shipped, &spool });
	fine(b, formers_begin(f, b->s));
	fine(b, formers_turn(f, b->s, NOW + 14000));
	sums_are(b, id, 0, 30);
	fine(b, formers_turn(f, b->s, NOW + 15000));
	sums_are(b, id, 0, 0);
	formers_free(f);
	host_close(host);
	running_close(old);
	running_close(now);
	buf_free(&why);
}

static void
of_another_boot_the_store_must_have_heard_nothing(void **state)
{
	hear_nothing_of_it(bench(state), true);
}

static void
where_no_boot_is_told_it_may_be_another(void **state)
{
	hear_nothing_of_it(bench(state), false);
}

/* The folder was copied, the board was not: whose leases they are may live elsewhere. */
static void
what_came_with_a_copy_is_left_alone(void **state)
{
	struct bench *b = bench(state);
	struct running *old = open_running(b, SEAT_WIDE), *now;
	struct host *original = open_host(b->folder, old), *copy;
	uint64_t id = account(b, "k", 100, NONE, 0, 0);
	struct fake_spool spool = { 1, 1 };
	char clone[100];
	struct formers *f;
	struct buf why = { 0 };

	assert_int_equal(host_begin(original, b->s, NOW, &why), HOST_FINE);
	lease_of(b, old, host_id(original), id);
	snprintf(clone, sizeof(clone), "%s/clone", b->folder);
	run("mkdir $B && cp $A/t.host* $B/", b->folder, clone);
	lose_board(b, &now);
	copy = open_host(clone, now);
	f = formers_new(copy, &(struct keeper_spool){ spool_end, spool_shipped, &spool });
	for (unsigned i = 0; i < 2; i++) {
		fine(b, formers_begin(f, b->s));
		assert_int_equal(formers_waiting(f), 0);
		fine(b, formers_turn(f, b->s, NOW + 1000000));
	}
	sums_are(b, id, 0, 30);
	assert_int_equal(host_beat(original, b->s, NOW, &why), HOST_FINE);
	formers_free(f);
	host_close(original);
	host_close(copy);
	running_close(old);
	running_close(now);
	buf_free(&why);
}

static void
damaged_files_of_hosts_are_said(void **state)
{
	static const char *const bad[] = { "", "x\n", "0123456789abcdef0123456789abcdef0123456789\n" };
	struct bench *b = bench(state);
	struct running *r = open_running(b, SEAT_WIDE);
	struct host *h = open_host(b->folder, r);
	struct buf why = { 0 };

	for (unsigned i = 0; i < nitems(bad); i++) {
		FILE *f = fopen(host_file(h), "w");

		fputs(bad[i], f);
		fclose(f);
		why.len = 0;
		assert_null(host_open(b->folder, "t", r, &why));
		assert_true(why.len > 0);
		assert_int_equal(host_begin(h, b->s, NOW, &why), HOST_WRONG);
	}
	host_close(h);
	assert_null(host_open("/nowhere/at/all", "t", r, &why));
	running_close(r);
	buf_free(&why);
}

static void
turns(struct bench *b, struct keeper *k, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		fine(b, keeper_turn(k, b->s, NOW + (b->now += 1001)));
}

static void
a_doubtful_lease_is_closed(void **state)
{
	struct bench *b = bench(state);
	uint64_t id = account(b, "k", 100, NONE, 0, 0), lease;
	struct fake_spool spool = { 1, 1 };
	struct running *worker = open_running(b, SEAT_WIDE), *house = open_running(b, SEAT_NONE);
	struct keeper *k = keeper_new(house, "a", &(struct keeper_spool){ spool_end, spool_shipped, &spool });
	unsigned slot = reserve(b, worker, id, &lease);
	uint64_t turn;

	turns(b, k, 2);
	assert_int_equal(keeper_closing(k), 0);
	sums_are(b, id, 0, 30);
	turn = lease_turn_begin(worker);		/* somebody asks just now */
	lease_doubt(house, id, 0, true);
	turns(b, k, 3);
	assert_int_equal(keeper_closing(k), 1);
	assert_true(lease_is_there(house, id, 0, lease));
	lease_turn_end(worker, turn);
	turns(b, k, 2);
	assert_false(lease_is_there(house, id, 0, lease));
	sums_are(b, id, 0, 30);				/* a call still has 10 of it */
	running_sent(worker, slot, &(struct running_where){ .model = TEXT("m") });
	running_settled(worker, slot, 1, 1, 6);
	spool.end = 2;
	running_booked(worker, slot);
	turns(b, k, 2);
	sums_are(b, id, 0, 30);				/* and its row is not shipped */
	book(b, id, lease, 6);
	spool.shipped = 2;
	turns(b, k, 1);
	sums_are(b, id, 6, 0);
	assert_int_equal(keeper_closing(k), 0);
	keeper_free(k);
	running_close(house);
	running_close(worker);
}

/* What nobody uses at once, what a call still uses once that is booked. */
static void
a_host_that_leaves_gives_all_back(void **state)
{
	struct bench *b = bench(state);
	uint64_t id = account(b, "k", 100, NONE, 0, 0), lease, next;
	struct fake_spool spool = { 1, 1 };
	struct running *worker = open_running(b, SEAT_WIDE), *house = open_running(b, SEAT_NONE);
	struct keeper *k = keeper_new(house, "a", &(struct keeper_spool){ spool_end, spool_shipped, &spool });
	unsigned slot = reserve(b, worker, id, &lease);

	turns(b, k, 2);
	sums_are(b, id, 0, 30);
	assert_false(keeper_has_left(k));
	keeper_leave(k);
	turns(b, k, 3);
	sums_are(b, id, 0, 30);				/* a call still has 10 of it */
	assert_false(keeper_has_left(k));
	running_cancel(worker, slot);
	turns(b, k, 1);
	sums_are(b, id, 0, 0);
	running_cancel(worker, reserve(b, worker, id, &next));
	assert_true(next != lease);
	turns(b, k, 3);
	sums_are(b, id, 0, 0);
	assert_true(keeper_has_left(k));
	keeper_free(k);
	running_close(house);
	running_close(worker);
}

/* A housekeeper is killed while it closes, the board is gone (a reboot), an administrator lowers a ceiling. */
static void
others_go_on_closing(void **state)
{
	struct bench *b = bench(state);
	uint64_t id = account(b, "k", 100, NONE, 0, 0), other = account(b, "o", 100, NONE, 0, 0), lease, orphan;
	struct fake_spool spool = { 1, 1 };
	struct running *worker = open_running(b, SEAT_WIDE), *house = open_running(b, SEAT_NONE);
	struct keeper *k = keeper_new(house, "a", &(struct keeper_spool){ spool_end, spool_shipped, &spool });
	struct grant g = want("a", 10, 10, 1, &other);

	grant(b, &g, GRANT_FINE);			/* never came to the board */
	orphan = g.got[0].lease;
	running_cancel(worker, reserve(b, worker, id, &lease));
	fine(b, STORE(b->s, b->a, NULL, SQL_BUDGET_LEASE_CLOSE, V_INT((int64_t)lease)));
	turns(b, k, 1);
	assert_int_equal(keeper_closing(k), 0);
	sums_are(b, id, 0, 0);
	running_cancel(worker, reserve(b, worker, id, &lease));
	fine(b, leases_close_account(b->s, id));
	turns(b, k, 1);
	sums_are(b, id, 0, 0);
	sums_are(b, other, 0, 10);
	turns(b, k, 70);				/* a minute later */
	sums_are(b, other, 0, 0);
	assert_false(lease_is_there(house, other, 0, orphan));
	keeper_free(k);
	running_close(house);
	running_close(worker);
}

static void
what_is_above_its_ceiling_is_closed(void **state)
{
	struct bench *b = bench(state);
	uint64_t id = account(b, "k", 10, NONE, 50, NOW + 2000), lease;
	struct fake_spool spool = { 1, 1 };
	struct running *worker = open_running(b, SEAT_WIDE), *house = open_running(b, SEAT_NONE);
	struct keeper *k = keeper_new(house, "a", &(struct keeper_spool){ spool_end, spool_shipped, &spool });

	running_cancel(worker, reserve(b, worker, id, &lease));
	turns(b, k, 1);
	assert_true(lease_is_there(house, id, 0, lease));
	turns(b, k, 6);					/* the raise has ended */
	assert_false(lease_is_there(house, id, 0, lease));
	sums_are(b, id, 0, 0);
	keeper_free(k);
	running_close(house);
	running_close(worker);
}

static void
recalled_money_goes_to_who_wants_it(void **state)
{
	struct bench *b = bench(state);
	uint64_t id = account(b, "k", 40, NONE, 0, 0), lease;
	struct fake_spool spool = { 1, 1 };
	struct running *worker = open_running(b, SEAT_WIDE), *house = open_running(b, SEAT_NONE);
	struct keeper *k = keeper_new(house, "a", &(struct keeper_spool){ spool_end, spool_shipped, &spool });
	struct grant g = want("b", 25, 25, 1, &id);
	bool more;

	fine(b, keeper_recalls(k, b->s, NOW, &more));
	running_cancel(worker, reserve(b, worker, id, &lease));		/* 20, and nobody uses them */
	assert_false(more);
	grant(b, &g, GRANT_HELD);
	fine(b, keeper_recalls(k, b->s, NOW, &more));
	assert_true(more);
	grant(b, &g, GRANT_FINE);
	sums_are(b, id, 0, 25);
	fine(b, keeper_recalls(k, b->s, NOW, &more));
	assert_false(more);
	keeper_free(k);
	running_close(house);
	running_close(worker);
}

static void
a_killed_workers_money_comes_back(void **state)
{
	struct bench *b = bench(state);
	uint64_t id = account(b, "k", 100, NONE, 0, 0), lease;
	struct fake_spool spool = { 1, 1 };
	struct running *worker = open_running(b, SEAT_NARROW), *house = open_running(b, SEAT_NONE);
	struct keeper *k = keeper_new(house, "a", &(struct keeper_spool){ spool_end, spool_shipped, &spool });

	reserve(b, worker, id, &lease);
	assert_int_equal(running_sweep(house, swept, NULL), 0);
	running_close(worker);				/* as a kill would: its slot stays */
	assert_int_equal(running_sweep(house, swept, NULL), 1);
	turns(b, k, 2);
	sums_are(b, id, 0, 0);
	keeper_free(k);
	running_close(house);
}

#define BOTH(test)	{ #test "_on_sqlite", test, sqlite, teardown, NULL }, { #test "_on_postgres", test, postgres, teardown, NULL }

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(a_grant_is_held_and_then_spent),
		BOTH(the_end_of_a_budget),
		BOTH(all_budgets_or_none),
		BOTH(ceilings_move),
		BOTH(periods_are_apart),
		BOTH(late_and_dear_bookings),
		BOTH(only_what_is_closing_is_settled),
		BOTH(nothing_goes_back_to_a_settled_lease),
		BOTH(what_is_crossed_is_told),
		BOTH(whatever_happens_it_adds_up),
		BOTH(forgotten_hosts_get_nothing),
		BOTH(a_host_keeps_its_id),
		BOTH(a_board_that_is_gone_is_gone_on_for),
		BOTH(of_another_boot_the_store_must_have_heard_nothing),
		BOTH(where_no_boot_is_told_it_may_be_another),
		BOTH(what_came_with_a_copy_is_left_alone),
		BOTH(damaged_files_of_hosts_are_said),
		BOTH(a_doubtful_lease_is_closed),
		BOTH(a_host_that_leaves_gives_all_back),
		BOTH(others_go_on_closing),
		BOTH(what_is_above_its_ceiling_is_closed),
		{ "recalled_money_goes_to_who_wants_it", recalled_money_goes_to_who_wants_it, postgres, teardown, NULL },	/* one file has one host */
		BOTH(a_killed_workers_money_comes_back),
	};
	int rc;

	signal(SIGPIPE, SIG_IGN);
	if (!postgres_start(&server))
		print_message("PostgreSQL is not installed: its half is skipped\n");
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	postgres_stop(&server);
	return (rc);
}
