/* SPDX-License-Identifier: Apache-2.0 */
/* Reservations on a loop, with a store behind it: what is granted, refused, waited for. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "access/budget.h"
#include "base/clock.h"
#include "base/loop.h"
#include "board/running_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WAIT_MS		300
#define WAIT_MOST_MS	2000
#define MOST		64

struct bench {
	char		 folder[64];
	struct loop	*loop;
	struct lane	*lane;
	struct store_pool *pool;
	struct running	*running;
	struct budgets	*budgets;
	struct arena	*arena;
	unsigned	 names;
};

static struct budgets_setup
setup_of(struct bench *b, enum budget_mode mode)
{
	struct budgets_setup s = { .loop = b->loop, .running = b->running, .lane = b->lane, .pool = b->pool, .mode = mode, .wait_ms = WAIT_MS,
		.wait_most_ms = WAIT_MOST_MS, .state_dir = b->folder };

	snprintf(s.host, sizeof(s.host), "a");
	return (s);
}

static void
open_all(struct bench *b, enum budget_mode mode, bool with_store)
{
	struct buf why = { 0 };
	struct budgets_setup s;
	char url[100];

	strcpy(b->folder, "/tmp/budget_test.XXXXXX");
	assert_non_null(mkdtemp(b->folder));
	snprintf(url, sizeof(url), "%s/sluice.db", b->folder);
	b->arena = arena_new();
	b->loop = loop_new();
	if (with_store) {
		b->lane = lane_new(b->loop, "store", 2, 100);
		b->pool = store_pool_new(text_of(url), 2, NULL);
	}
	b->running = running_open(b->folder, "t", SEAT_WIDE, &why);
	assert_non_null(b->running);
	s = setup_of(b, mode);
	b->budgets = budgets_new(&s);
}

static void
close_all(struct bench *b)
{
	char command[100];

	budgets_free(b->budgets);
	if (b->lane != NULL)
		lane_free(b->lane, 1000);
	assert_int_equal(running_mine(b->running), 0);
	running_close(b->running);
	if (b->pool != NULL)
		store_pool_free(b->pool);
	loop_free(b->loop);
	arena_free(b->arena);
	snprintf(command, sizeof(command), "rm -rf %s", b->folder);
	assert_int_equal(system(command), 0);
}

static struct purse *
purse(struct bench *b, int64_t ceiling)
{
	struct store *s = store_lend(b->pool, 1000);
	struct purse *p = arena_new_of(b->arena, struct purse);
	struct rows rows = { 0 };
	char name[16];

	assert_non_null(s);
	snprintf(name, sizeof(name), "k%u", b->names++);
	assert_int_equal(STORE(s, b->arena, &rows, SQL_ACCOUNT_SYNC, V_TEXT(TEXT("key")), V_TEXT(text_of(name)), V_TEXT(TEXT("")),
	    V_INT_OR_NULL(ceiling >= 0, ceiling), V_NULL, V_INT(0), V_NULL, V_NULL, V_INT(0), V_NULL), STORE_FINE);
	*p = (struct purse){ .account = (uint64_t)rows_int(&rows, 0, 0, 0), .ceiling = ceiling < 0 ? NO_LIMIT : ceiling, .soft = NO_LIMIT };
	store_return(b->pool, s);
	return (p);
}

/* What the shipper does with rows. */
static void
ship(struct bench *b, const struct charge *charges, unsigned n, int64_t cost)
{
	struct booking bookings[CHARGES_MOST];
	struct store *s = store_lend(b->pool, 1000);
	struct crossing *crossings;
	unsigned crossed;

	for (unsigned i = 0; i < n; i++)
		bookings[i] = (struct booking){ .account = charges[i].account, .period = charges[i].period, .lease = charges[i].lease, .cost = cost };
	assert_int_equal(store_begin(s), STORE_FINE);
	assert_int_equal(leases_book(s, b->arena, bookings, n, &crossings, &crossed), STORE_FINE);
	assert_int_equal(store_commit(s), STORE_FINE);
	store_return(b->pool, s);
}

static void
sums(struct bench *b, const struct purse *p, int64_t *spent, int64_t *held)
{
	struct store *s = store_lend(b->pool, 1000);
	struct rows rows = { 0 };

	assert_int_equal(STORE(s, b->arena, &rows, SQL_BUDGET_PERIOD_LOCK, V_INT((int64_t)p->account), V_INT(0)), STORE_FINE);
	*spent = rows.n > 0 ? rows_int(&rows, 0, 0, 0) : 0;
	*held = rows.n > 0 ? rows_int(&rows, 0, 1, 0) : 0;
	store_return(b->pool, s);
}

/* calls */

struct call {
	struct reservation r;
	bool		 ready;
	char		 id[37];
	const struct purse *purses[CHARGES_MOST];
};

static void
is_ready(struct reservation *r)
{
	struct call *c = (struct call *)r;

	assert_false(c->ready);
	c->ready = true;
}

static enum budget_end
begin(struct bench *b, struct call *c, int64_t bound, int64_t floor, unsigned n, const struct purse *const *purses)
{
	struct budget_need need = { .id = c->id, .began_wall_ms = 1, .purses = c->purses, .n = n, .bound = bound, .floor = floor,
		.who = { .key_digest = TEXT("k") } };

	memset(c, 0, sizeof(*c));
	uuid7(c->id);
	memcpy(c->purses, purses, n * sizeof(*purses));
	c->r.ready = is_ready;
	return (budget_reserve(&c->r, b->budgets, &need));
}

static enum budget_end
wait_for(struct bench *b, struct call *c, int64_t most_ms)
{
	int64_t until = clock_us() + most_ms * 1000;

	while (!c->ready && c->r.end == BUDGET_WAIT && clock_us() < until)
		loop_turn(b->loop, 5);
	return (c->r.end);
}

static enum budget_end
reserve(struct bench *b, struct call *c, int64_t bound, int64_t floor, const struct purse *p)
{
	begin(b, c, bound, floor, 1, &p);
	return (wait_for(b, c, 10000));
}

static void
end(struct bench *b, struct call *c, int64_t cost)
{
	struct charge charges[CHARGES_MOST];
	unsigned n;

	budget_sent(&c->r, &(struct running_where){ .model = TEXT("m") });
	budget_seen(&c->r, 1, 1, cost / 2);
	budget_settled(&c->r, 1, 2, cost);
	n = budget_charges(&c->r, charges);
	ship(b, charges, n, cost);
	budget_booked(&c->r);
}

/* tests */

static void
one_trip_serves_many_calls(void **state)
{
	struct bench b = { 0 };
	struct purse *p;
	struct call c;
	int64_t spent, held;
	unsigned trips = 0;

	open_all(&b, BUDGET_STRICT, true);
	p = purse(&b, 1000);
	for (unsigned i = 0; i < 40; i++) {
		assert_int_equal(reserve(&b, &c, 10, 10, p), BUDGET_FINE);
		assert_int_equal(c.r.reserved, 10);
		trips += c.r.trips;
		end(&b, &c, 10);
	}
	assert_in_range(trips, 1, 8);
	sums(&b, p, &spent, &held);
	assert_int_equal(spent, 400);
	assert_true(spent + held <= 1000);
	close_all(&b);
}

static void
a_spent_budget_refuses_without_a_trip(void **state)
{
	struct bench b = { 0 };
	struct purse *p;
	struct call c;

	open_all(&b, BUDGET_STRICT, true);
	p = purse(&b, 100);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(reserve(&b, &c, 10, 10, p), BUDGET_FINE);
		end(&b, &c, 10);
	}
	assert_int_equal(reserve(&b, &c, 10, 10, p), BUDGET_SPENT);
	assert_int_equal(c.r.trips, 1);
	assert_ptr_equal(c.r.which, p);
	assert_int_equal(c.r.limit, 100);
	assert_int_equal(c.r.spent, 100);
	assert_int_equal(begin(&b, &c, 10, 10, 1, (const struct purse *const *)&p), BUDGET_SPENT);
	assert_int_equal(c.r.spent, 100);
	budget_release(&c.r);
	p->ceiling = 0;
	assert_int_equal(begin(&b, &c, 1, 1, 1, (const struct purse *const *)&p), BUDGET_SPENT);
	assert_int_equal(begin(&b, &c, 0, 0, 1, (const struct purse *const *)&p), BUDGET_FINE);	/* it costs nothing */
	budget_release(&c.r);
	close_all(&b);
}

/* 100, three calls that reserve 40 and cost 10. */
static void
who_does_not_fit_waits_for_others(void **state)
{
	struct bench b = { 0 };
	const struct purse *p;
	struct call c[3];

	open_all(&b, BUDGET_STRICT, true);
	p = purse(&b, 100);
	assert_int_equal(reserve(&b, &c[0], 40, 40, p), BUDGET_FINE);
	assert_int_equal(reserve(&b, &c[1], 40, 40, p), BUDGET_FINE);
	assert_int_equal(begin(&b, &c[2], 40, 40, 1, &p), BUDGET_WAIT);
	assert_int_equal(wait_for(&b, &c[2], 60), BUDGET_WAIT);
	end(&b, &c[0], 10);
	assert_int_equal(wait_for(&b, &c[2], 200), BUDGET_FINE);
	end(&b, &c[2], 10);
	end(&b, &c[1], 10);
	close_all(&b);
}

static void
and_not_for_ever(void **state)
{
	struct bench b = { 0 };
	const struct purse *p;
	struct call c[2];
	int64_t began;

	open_all(&b, BUDGET_STRICT, true);
	p = purse(&b, 50);
	assert_int_equal(reserve(&b, &c[0], 40, 40, p), BUDGET_FINE);
	began = clock_us();
	assert_int_equal(reserve(&b, &c[1], 40, 40, p), BUDGET_HELD);
	assert_in_range((clock_us() - began) / 1000, WAIT_MS, 4 * WAIT_MS);
	assert_ptr_equal(c[1].r.which, p);
	assert_int_equal(c[1].r.limit, 50);
	assert_true(c[1].r.held >= 40);
	assert_int_equal(c[1].r.slot, 0);
	end(&b, &c[0], 40);
	close_all(&b);
}

static void
a_smaller_call_takes_what_is_left(void **state)
{
	struct bench b = { 0 };
	const struct purse *p;
	struct call c[2];

	open_all(&b, BUDGET_STRICT, true);
	p = purse(&b, 50);
	assert_int_equal(reserve(&b, &c[0], 40, 40, p), BUDGET_FINE);
	assert_int_equal(reserve(&b, &c[1], 40, 6, p), BUDGET_FINE);	/* after it has waited */
	assert_int_equal(c[1].r.reserved, 10);
	end(&b, &c[1], 10);
	end(&b, &c[0], 30);
	assert_int_equal(reserve(&b, &c[1], 40, 6, p), BUDGET_FINE);	/* at once: it can not become more */
	assert_int_equal(c[1].r.reserved, 10);
	end(&b, &c[1], 5);
	assert_int_equal(reserve(&b, &c[1], 40, 6, p), BUDGET_SPENT);
	assert_int_equal(c[1].r.spent, 45);
	close_all(&b);
}

static void
litellm_sends_while_anything_is_left(void **state)
{
	struct bench b = { 0 };
	const struct purse *p;
	struct call c;

	open_all(&b, BUDGET_LITELLM, true);
	p = purse(&b, 50);
	assert_int_equal(reserve(&b, &c, 40, 40, p), BUDGET_FINE);
	end(&b, &c, 40);
	assert_int_equal(reserve(&b, &c, 40, 40, p), BUDGET_FINE);
	assert_int_equal(c.r.reserved, 10);
	end(&b, &c, 40);				/* the truth */
	assert_int_equal(reserve(&b, &c, 40, 40, p), BUDGET_SPENT);
	assert_int_equal(c.r.spent, 80);
	close_all(&b);
}

static void
all_purses_or_none(void **state)
{
	struct bench b = { 0 };
	const struct purse *p[4];
	struct charge charges[CHARGES_MOST];
	struct call c;
	int64_t spent, held;

	open_all(&b, BUDGET_STRICT, true);
	p[0] = purse(&b, -1);
	p[1] = purse(&b, 1000);
	p[2] = purse(&b, 5);
	p[3] = p[1];					/* twice */
	begin(&b, &c, 10, 10, 4, p);
	assert_int_equal(wait_for(&b, &c, 5000), BUDGET_SPENT);
	assert_ptr_equal(c.r.which, p[2]);
	begin(&b, &c, 10, 10, 2, p);
	assert_int_equal(wait_for(&b, &c, 5000), BUDGET_FINE);
	assert_int_equal(budget_charges(&c.r, charges), 2);
	assert_int_equal(charges[0].account, p[1]->account);
	assert_true(charges[0].lease != 0);
	assert_int_equal(charges[1].account, p[0]->account);
	assert_int_equal(charges[1].lease, 0);
	end(&b, &c, 10);
	sums(&b, p[0], &spent, &held);
	assert_int_equal(spent, 10);
	assert_int_equal(held, 0);
	sums(&b, p[2], &spent, &held);
	assert_int_equal(spent + held, 0);
	close_all(&b);
}

/* A client leaves while the store is asked: what comes is there for the next. */
static void
what_nobody_waits_for_is_for_all(void **state)
{
	struct bench b = { 0 };
	const struct purse *p;
	struct call c;

	open_all(&b, BUDGET_STRICT, true);
	p = purse(&b, 1000);
	assert_int_equal(begin(&b, &c, 10, 10, 1, &p), BUDGET_WAIT);
	budget_release(&c.r);
	budget_release(&c.r);
	while (b.running->n_turns > 0)
		loop_turn(b.loop, 5);
	assert_int_equal(begin(&b, &c, 10, 10, 1, &p), BUDGET_FINE);
	budget_release(&c.r);
	assert_false(c.ready);
	close_all(&b);
}

static void
nobody_to_charge_has_a_slot_too(void **state)
{
	struct bench b = { 0 };
	struct call *all = must_zalloc((RUNNING_WIDE + 1) * sizeof(*all));
	const struct purse *none = NULL;

	open_all(&b, BUDGET_STRICT, false);
	for (unsigned i = 0; i < RUNNING_WIDE; i++)
		assert_int_equal(begin(&b, &all[i], 10, 10, 0, &none), BUDGET_FINE);
	assert_int_equal(begin(&b, &all[RUNNING_WIDE], 10, 10, 0, &none), BUDGET_FULL);
	budget_release(&all[RUNNING_WIDE].r);
	for (unsigned i = 0; i < RUNNING_WIDE; i++)
		budget_booked(&all[i].r);
	free(all);
	close_all(&b);
}

static void
without_a_store_nothing_is_granted(void **state)
{
	struct bench b = { 0 };
	struct purse p = { .account = 7, .ceiling = 100 }, unknown = { .account = 4711, .ceiling = 100 };
	struct call c;

	open_all(&b, BUDGET_STRICT, false);
	assert_int_equal(reserve(&b, &c, 10, 10, &p), BUDGET_AWAY);
	close_all(&b);
	memset(&b, 0, sizeof(b));
	open_all(&b, BUDGET_STRICT, true);
	assert_int_equal(reserve(&b, &c, 10, 10, &unknown), BUDGET_AWAY);
	close_all(&b);
}

/* Agents whose calls reserve 0.96 of 20 and cost 0.05: nobody is refused before 19. */
static void
agents_use_a_budget_to_its_end(void **state)
{
	struct bench b = { 0 };
	const struct purse *p;
	struct call agents[20];
	bool busy[20] = { false };
	int64_t used = 0;
	unsigned refused = 0;

	open_all(&b, BUDGET_STRICT, true);
	p = purse(&b, 20000);
	while (refused == 0) {
		for (unsigned i = 0; i < nitems(agents); i++)
			if (!busy[i]) {
				begin(&b, &agents[i], 960, 960, 1, &p);
				busy[i] = true;
			}
		loop_turn(b.loop, 1);
		for (unsigned i = 0; i < nitems(agents); i++) {
			if (agents[i].r.end == BUDGET_FINE) {
				end(&b, &agents[i], 50);
				used += 50;
				busy[i] = false;
			} else
				refused += agents[i].r.end != BUDGET_WAIT;
		}
	}
	assert_in_range(used, 19000, 20000);
	for (unsigned i = 0; i < nitems(agents); i++)
		budget_release(&agents[i].r);
	for (unsigned i = 0; i < 200 && b.running->n_turns > 0; i++)
		loop_turn(b.loop, 5);
	close_all(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_trip_serves_many_calls),
		cmocka_unit_test(a_spent_budget_refuses_without_a_trip),
		cmocka_unit_test(who_does_not_fit_waits_for_others),
		cmocka_unit_test(and_not_for_ever),
		cmocka_unit_test(a_smaller_call_takes_what_is_left),
		cmocka_unit_test(litellm_sends_while_anything_is_left),
		cmocka_unit_test(all_purses_or_none),
		cmocka_unit_test(what_nobody_waits_for_is_for_all),
		cmocka_unit_test(nobody_to_charge_has_a_slot_too),
		cmocka_unit_test(without_a_store_nothing_is_granted),
		cmocka_unit_test(agents_use_a_budget_to_its_end),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
