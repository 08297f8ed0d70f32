/* SPDX-License-Identifier: Apache-2.0 */
/* Reservations on a loop, with a store behind it: what is granted, refused, waited for.  Time passes turn by turn, but not while the store is asked. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "access/budget.h"
#include "base/clock.h"
#include "base/loop.h"
#include "board/running_priv.h"
#include "kit/clocks.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WAIT_MS		800
#define WAIT_MOST_MS	5000
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

static void
turn(struct bench *b)
{
	if (b->running->n_turns > 0) {
		loop_turn(b->loop, 100);
		return;
	}
	clocks_pass(1);
	loop_turn(b->loop, 0);
}

static struct budgets_setup
setup_of(struct bench *b, enum budget_mode mode)
{
	struct budgets_setup s = { .loop = b->loop, .running = b->running, .lane = b->lane, .pool = b->pool, .mode = mode, .wait_ms = WAIT_MS,
		.wait_most_ms = WAIT_MOST_MS };

	snprintf(s.host, sizeof(s.host), "a");
	return (s);
}

static void
open_all(struct bench *b, enum budget_mode mode, bool with_store)
{
	struct buf why = { 0 };
	struct budgets_setup s;
	char url[100];

	clocks_stop();
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
		lane_free(b->lane, 60000);
	assert_int_equal(running_mine(b->running), 0);
	running_close(b->running);
	if (b->pool != NULL)
		store_pool_free(b->pool);
	loop_free(b->loop);
	arena_free(b->arena);
	snprintf(command, sizeof(command), "rm -rf %s", b->folder);
	assert_int_equal(system(command), 0);
}

static uint64_t
set_ceiling(struct bench *b, unsigned which, int64_t ceiling)
{
	struct store *s = store_lend(b->pool, 1000);
	struct rows rows = { 0 };
	char name[16];

	assert_non_null(s);
	snprintf(name, sizeof(name), "k%u", which);
	assert_int_equal(STORE(s, b->arena, &rows, SQL_ACCOUNT_SYNC, V_TEXT(TEXT("key")), V_TEXT(text_of(name)), V_TEXT(TEXT("")),
	    V_INT_OR_NULL(ceiling >= 0, ceiling), V_NULL, V_INT(0), V_NULL, V_NULL, V_INT(0), V_NULL), STORE_FINE);
	store_return(b->pool, s);
	return ((uint64_t)rows_int(&rows, 0, 0, 0));
}

static struct purse *
purse(struct bench *b, int64_t ceiling)
{
	struct purse *p = arena_new_of(b->arena, struct purse);

	*p = (struct purse){ .account = set_ceiling(b, b->names++, ceiling), .ceiling = ceiling < 0 ? NO_LIMIT : ceiling, .soft = NO_LIMIT };
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
		turn(b);
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

static enum budget_end
more(struct bench *b, struct call *c, int64_t floor, int64_t bound)
{
	c->ready = false;
	budget_more(&c->r, floor, bound);
	return (wait_for(b, c, 10000));
}

/* Until no asking is under way, whoever waits for it. */
static void
let_turns_end(struct bench *b)
{
	while (b->running->n_turns > 0)
		turn(b);
}

static uint64_t
lease_of(const struct call *c)
{
	struct charge charges[CHARGES_MOST];

	assert_true(budget_charges(&c->r, charges) > 0);
	return (charges[0].lease);
}

static void
close_leases(struct bench *b, const struct purse *p)
{
	struct store *s = store_lend(b->pool, 1000);

	assert_int_equal(leases_close_account(s, p->account), STORE_FINE);
	store_return(b->pool, s);
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

/* Those who wait look first, whatever the board has. */
static void
who_comes_later_is_not_first(void **state)
{
	struct bench b = { 0 };
	const struct purse *p;
	struct call c[3];

	open_all(&b, BUDGET_STRICT, true);
	p = purse(&b, 100);
	assert_int_equal(reserve(&b, &c[0], 40, 40, p), BUDGET_FINE);	/* and the board has ten */
	assert_int_equal(begin(&b, &c[1], 70, 70, 1, &p), BUDGET_WAIT);
	let_turns_end(&b);
	assert_int_equal(begin(&b, &c[2], 5, 5, 1, &p), BUDGET_WAIT);
	budget_release(&c[2].r);
	end(&b, &c[0], 10);
	assert_int_equal(begin(&b, &c[2], 5, 5, 1, &p), BUDGET_WAIT);
	assert_int_equal(wait_for(&b, &c[1], 200), BUDGET_FINE);
	assert_int_equal(wait_for(&b, &c[2], 200), BUDGET_FINE);
	end(&b, &c[1], 70);
	end(&b, &c[2], 5);
	close_all(&b);
}

/* So none waits for another who waits. */
static void
who_waits_to_begin_has_nothing(void **state)
{
	struct bench b = { 0 };
	const struct purse *both[2];
	struct call c, waits;

	open_all(&b, BUDGET_STRICT, true);
	both[0] = purse(&b, 1000);
	both[1] = purse(&b, 50);
	assert_int_equal(reserve(&b, &c, 10, 10, both[0]), BUDGET_FINE);	/* of the first the board has some now */
	end(&b, &c, 10);
	assert_int_equal(reserve(&b, &c, 40, 40, both[1]), BUDGET_FINE);
	assert_int_equal(begin(&b, &waits, 20, 20, 2, both), BUDGET_WAIT);
	for (unsigned i = 0; i < 200; i++) {
		turn(&b);
		assert_int_equal(waits.r.end, BUDGET_WAIT);
		if (waits.r.asking == NULL)
			assert_int_equal(lease_taken(b.running, waits.r.slot - 1, 0), 0);
	}
	end(&b, &c, 10);
	assert_int_equal(wait_for(&b, &waits, 200), BUDGET_FINE);
	end(&b, &waits, 20);
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
	const struct purse *p[4], *small;
	struct charge charges[CHARGES_MOST];
	struct call c;
	int64_t spent, held;

	open_all(&b, BUDGET_STRICT, true);
	p[0] = purse(&b, -1);
	p[1] = purse(&b, 1000);
	small = p[2] = purse(&b, 5);
	p[3] = p[1];					/* twice */
	begin(&b, &c, 10, 10, 4, p);
	assert_int_equal(wait_for(&b, &c, 5000), BUDGET_SPENT);
	assert_ptr_equal(c.r.which, p[2]);
	p[2] = p[1];
	begin(&b, &c, 10, 10, 4, p);
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
	sums(&b, small, &spent, &held);
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
	let_turns_end(&b);
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

/* As a worker does that is stopped when a client has just gone. */
static void
a_lane_may_end_before_its_budgets(void **state)
{
	struct bench b = { 0 };
	struct purse *p;
	struct call c;

	(void)state;
	open_all(&b, BUDGET_STRICT, true);
	p = purse(&b, 100);
	assert_int_equal(begin(&b, &c, 10, 10, 1, (const struct purse *const *)&p), BUDGET_WAIT);
	budget_release(&c.r);
	budgets_leave(b.budgets);
	lane_free(b.lane, 60000);
	b.lane = NULL;
	close_all(&b);
}

/* Whether the store has granted is not known: whoever looks after leases is to find out. */
static void
an_answer_that_is_lost_is_doubtful(void **state)
{
	struct purse p = { .account = 7, .ceiling = 100 };
	struct lease_seen seen[8];
	struct bench b = { 0 };
	struct budgets_setup s;
	unsigned cursor = 0;
	struct call c;

	open_all(&b, BUDGET_STRICT, true);
	budgets_free(b.budgets);
	store_pool_free(b.pool);
	b.pool = store_pool_new(TEXT("/dev/null/none.db"), 2, NULL);
	s = setup_of(&b, BUDGET_STRICT);
	b.budgets = budgets_new(&s);
	assert_int_equal(reserve(&b, &c, 10, 10, &p), BUDGET_AWAY);
	assert_int_equal(lease_list(b.running, seen, nitems(seen), &cursor), 1);
	assert_int_equal(seen[0].account, 7);
	assert_true(seen[0].doubtful);
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
		turn(&b);
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
	let_turns_end(&b);
	close_all(&b);
}

/* The same with calls that reserve a quarter of it, and can do with a sixteenth of that: first come four; then what they cost is known, and all run at once. */
static void
dear_agents_run_at_once(void **state)
{
	struct bench b = { 0 };
	const struct purse *p;
	struct call agents[20];
	unsigned running, most = 0, refused = 0, at = 0;
	int64_t used = 0;

	open_all(&b, BUDGET_STRICT, true);
	p = purse(&b, 20000);
	for (unsigned i = 0; i < nitems(agents); i++)
		begin(&b, &agents[i], 4800, 300, 1, &p);
	while (refused == 0) {
		struct call *next = &agents[at++ % nitems(agents)];

		turn(&b);
		running = 0;
		for (unsigned i = 0; i < nitems(agents); i++) {
			running += agents[i].r.end == BUDGET_FINE;
			refused += agents[i].r.end != BUDGET_FINE && agents[i].r.end != BUDGET_WAIT;
		}
		most = running > most ? running : most;
		if (next->r.end != BUDGET_FINE || refused > 0)
			continue;
		end(&b, next, 100);
		used += 100;
		begin(&b, next, 4800, 300, 1, &p);
	}
	assert_int_equal(most, nitems(agents));
	assert_in_range(used, 19000, 20000);
	for (unsigned i = 0; i < nitems(agents); i++)
		budget_release(&agents[i].r);
	let_turns_end(&b);
	close_all(&b);
}

/* Calls that take a while are waited for longer. */
static void
who_waits_knows_how_long_calls_take(void **state)
{
	struct bench b = { 0 };
	const struct purse *p;
	struct call c[2];

	open_all(&b, BUDGET_STRICT, true);
	p = purse(&b, 50);
	assert_int_equal(reserve(&b, &c[0], 40, 40, p), BUDGET_FINE);
	lease_note_call(b.running->file, p->account, p->period, 10, WAIT_MOST_MS / 2);
	assert_int_equal(begin(&b, &c[1], 40, 40, 1, &p), BUDGET_WAIT);
	assert_int_equal(wait_for(&b, &c[1], WAIT_MS + 200), BUDGET_WAIT);
	end(&b, &c[0], 10);
	assert_int_equal(wait_for(&b, &c[1], 10000), BUDGET_FINE);
	budget_release(&c[1].r);
	close_all(&b);
}

/* What usual calls cost is learned from those that are over, and fades. */
static void
the_usual_fades(void **state)
{
	struct bench b = { 0 };
	const struct purse *p;
	struct call c;

	open_all(&b, BUDGET_STRICT, true);
	p = purse(&b, 100000);
	assert_int_equal(lease_usual(b.running, p->account, 0).cost, 0);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(reserve(&b, &c, 1000, 1000, p), BUDGET_FINE);
		end(&b, &c, i == 0 ? 900 : 10);
		if (i == 0)
			assert_int_equal(lease_usual(b.running, p->account, 0).cost, 900);
	}
	assert_in_range(lease_usual(b.running, p->account, 0).cost, 10, 100);
	lease_note_call(b.running->file, p->account, 0, MONEY_MOST, INT64_MAX);
	assert_in_range(lease_usual(b.running, p->account, 0).cost, 1000000000000, INT64_MAX);	/* as much as there is room for */
	assert_in_range(lease_usual(b.running, p->account, 0).ms, 16000000, INT64_MAX);
	close_all(&b);
}

/* A purse that is not waited for says no at once; another of the same call is waited for. */
static void
some_money_is_not_waited_for(void **state)
{
	struct bench b = { 0 };
	const struct purse *p[2];
	struct call c[2];
	struct budget_need need = { .id = c[1].id, .began_wall_ms = 1, .purses = p, .n = 2, .bound = 40, .floor = 6, .hasty = 2, .who = { .key_digest = TEXT("k") } };

	open_all(&b, BUDGET_STRICT, true);
	p[0] = purse(&b, 1000);
	p[1] = purse(&b, 50);
	assert_int_equal(reserve(&b, &c[0], 40, 40, p[1]), BUDGET_FINE);
	for (unsigned i = 0; i < 2; i++) {
		memset(&c[1], 0, sizeof(c[1]));
		uuid7(c[1].id);
		c[1].r.ready = is_ready;
		budget_reserve(&c[1].r, b.budgets, &need);
		if (need.hasty != 0) {
			assert_int_equal(wait_for(&b, &c[1], 10000), BUDGET_HELD);
			assert_ptr_equal(c[1].r.which, p[1]);
		} else
			assert_int_equal(c[1].r.end, BUDGET_WAIT);
		need.hasty = 0;
	}
	end(&b, &c[0], 10);
	assert_int_equal(wait_for(&b, &c[1], 10000), BUDGET_FINE);
	budget_release(&c[1].r);
	let_turns_end(&b);
	close_all(&b);
}

static void
a_call_that_goes_on_takes_more(void **state)
{
	struct bench b = { 0 };
	const struct purse *p;
	struct call c;
	int64_t spent, held;

	open_all(&b, BUDGET_STRICT, true);
	p = purse(&b, 1000);
	assert_int_equal(reserve(&b, &c, 10, 10, p), BUDGET_FINE);
	budget_sent(&c.r, &(struct running_where){ .model = TEXT("m") });
	assert_int_equal(budget_more(&c.r, 20, 40), BUDGET_FINE);	/* from what was granted with the first */
	assert_int_equal(c.r.reserved, 40);
	assert_int_equal(c.r.trips, 0);
	assert_int_equal(more(&b, &c, 500, 600), BUDGET_FINE);
	assert_int_equal(c.r.reserved, 600);
	assert_int_equal(c.r.trips, 1);
	assert_int_equal(slot_state(&b.running->slots[c.r.slot - 1]), RUNNING_SENT);
	sums(&b, p, &spent, &held);
	assert_true(held >= 600 && held <= 1000);
	assert_int_equal(more(&b, &c, 900, 2000), BUDGET_FINE);		/* all that there is, which is less than is wished for */
	assert_int_equal(c.r.reserved, 1000);
	end(&b, &c, 950);
	assert_int_equal(reserve(&b, &c, 50, 50, p), BUDGET_FINE);
	end(&b, &c, 50);
	sums(&b, p, &spent, &held);
	assert_int_equal(spent, 1000);
	assert_int_equal(held, 0);
	close_all(&b);
}

/* What it has stays with it, and what it needs more comes when others give back. */
static void
a_call_that_goes_on_waits_for_others(void **state)
{
	struct bench b = { 0 };
	const struct purse *p;
	struct call c[3];

	open_all(&b, BUDGET_STRICT, true);
	p = purse(&b, 100);
	assert_int_equal(reserve(&b, &c[0], 40, 40, p), BUDGET_FINE);
	assert_int_equal(reserve(&b, &c[1], 40, 40, p), BUDGET_FINE);
	c[0].ready = false;
	assert_int_equal(budget_more(&c[0].r, 70, 80), BUDGET_WAIT);
	assert_int_equal(wait_for(&b, &c[0], 60), BUDGET_WAIT);
	assert_int_equal(c[0].r.reserved, 40);
	assert_int_equal(begin(&b, &c[2], 5, 5, 1, &p), BUDGET_WAIT);	/* nobody goes past it */
	budget_release(&c[2].r);
	end(&b, &c[1], 10);
	assert_int_equal(wait_for(&b, &c[0], 200), BUDGET_FINE);
	assert_in_range(c[0].r.reserved, 70, 80);
	end(&b, &c[0], 70);
	close_all(&b);
}

static void
and_is_told_when_nothing_comes(void **state)
{
	struct bench b = { 0 };
	const struct purse *p;
	struct call c[2];
	int64_t spent, held;

	open_all(&b, BUDGET_STRICT, true);
	p = purse(&b, 100);
	assert_int_equal(reserve(&b, &c[0], 40, 40, p), BUDGET_FINE);
	assert_int_equal(reserve(&b, &c[1], 40, 40, p), BUDGET_FINE);
	assert_int_equal(more(&b, &c[0], 70, 70), BUDGET_HELD);
	assert_ptr_equal(c[0].r.which, p);
	assert_true(c[0].r.slot != 0 && c[0].r.reserved >= 40);
	assert_int_equal(more(&b, &c[0], 50, 50), BUDGET_FINE);		/* it may go on with less */
	assert_int_equal(more(&b, &c[0], 101, 101), BUDGET_SPENT);
	assert_int_equal(c[0].r.limit, 100);
	assert_int_equal(c[0].r.reserved, 50);
	end(&b, &c[0], 50);
	end(&b, &c[1], 40);
	sums(&b, p, &spent, &held);
	assert_int_equal(spent, 90);
	assert_true(held <= 10);
	close_all(&b);
}

static void
who_ends_is_not_called_any_more(void **state)
{
	struct bench b = { 0 };
	const struct purse *p;
	struct call c, other;

	open_all(&b, BUDGET_STRICT, true);
	p = purse(&b, 1000);
	assert_int_equal(reserve(&b, &c, 10, 10, p), BUDGET_FINE);
	c.ready = false;
	assert_int_equal(budget_more(&c.r, 700, 700), BUDGET_WAIT);	/* the store is asked */
	assert_int_equal(budget_more(&c.r, 800, 800), BUDGET_WAIT);
	end(&b, &c, 10);
	let_turns_end(&b);
	assert_false(c.ready);
	assert_int_equal(begin(&b, &c, 600, 600, 1, &p), BUDGET_FINE);	/* what was granted is for all */
	c.ready = false;
	assert_int_equal(reserve(&b, &other, 200, 200, p), BUDGET_FINE);
	budget_more(&c.r, 990, 990);
	while (c.r.next == NULL)				/* others must give back first */
		turn(&b);
	end(&b, &c, 100);
	end(&b, &other, 100);
	for (unsigned i = 0; i < 20; i++)
		turn(&b);
	assert_false(c.ready);
	close_all(&b);
}

static void
what_is_not_needed_goes_back(void **state)
{
	struct bench b = { 0 };
	const struct purse *p;
	struct call c[2];

	open_all(&b, BUDGET_STRICT, true);
	p = purse(&b, 100);
	assert_int_equal(reserve(&b, &c[0], 90, 90, p), BUDGET_FINE);
	budget_less(&c[0].r, 120);
	assert_int_equal(c[0].r.reserved, 90);
	budget_less(&c[0].r, 30);
	assert_int_equal(c[0].r.reserved, 30);
	assert_int_equal(word_get(&b.running->slots[c[0].r.slot - 1].bound), 30);
	assert_int_equal(begin(&b, &c[1], 60, 60, 1, &p), BUDGET_FINE);
	end(&b, &c[1], 60);
	end(&b, &c[0], 30);
	close_all(&b);
}

/* The lease that pays is being closed (a ceiling was lowered, a worker was killed): calls that run go on with it, others have a new one. */
static void
a_closing_lease_pays_on(void **state)
{
	struct bench b = { 0 };
	const struct purse *p;
	struct call c, other;
	uint64_t lease;
	int64_t spent, held;

	open_all(&b, BUDGET_STRICT, true);
	p = purse(&b, 1000);
	assert_int_equal(reserve(&b, &c, 10, 10, p), BUDGET_FINE);
	lease = lease_of(&c);
	close_leases(&b, p);
	lease_stop(b.running, p->account, 0, lease);			/* as the housekeeper does */
	assert_int_equal(more(&b, &c, 100, 300), BUDGET_FINE);
	assert_int_equal(c.r.reserved, 300);
	assert_int_equal(lease_of(&c), lease);
	assert_false(lease_is_there(b.running, p->account, 0, lease));
	assert_int_equal(reserve(&b, &other, 10, 10, p), BUDGET_FINE);
	assert_true(lease_of(&other) > lease);
	assert_int_equal(more(&b, &c, 310, 400), BUDGET_FINE);		/* while others have another */
	assert_int_equal(lease_of(&c), lease);
	assert_false(lease_is_there(b.running, p->account, 0, lease));
	end(&b, &c, 400);
	end(&b, &other, 10);
	sums(&b, p, &spent, &held);
	assert_int_equal(spent, 410);
	assert_true(spent + held <= 1000);
	close_all(&b);
}

/* Nobody waits for the answer any more: it must not bring a closing lease back to the board. */
static void
a_closing_lease_stays_closed(void **state)
{
	struct bench b = { 0 };
	const struct purse *p;
	struct call c;
	uint64_t lease;

	open_all(&b, BUDGET_STRICT, true);
	p = purse(&b, 1000);
	assert_int_equal(reserve(&b, &c, 10, 10, p), BUDGET_FINE);
	lease = lease_of(&c);
	close_leases(&b, p);
	lease_stop(b.running, p->account, 0, lease);
	c.ready = false;
	assert_int_equal(budget_more(&c.r, 100, 300), BUDGET_WAIT);
	end(&b, &c, 10);
	let_turns_end(&b);
	assert_false(c.ready);
	assert_false(lease_is_there(b.running, p->account, 0, lease));
	close_all(&b);
}

static void
ceilings_change_while_calls_run(void **state)
{
	struct bench b = { 0 };
	const struct purse *p;
	struct call c, waits;

	open_all(&b, BUDGET_STRICT, true);
	p = purse(&b, 100);
	assert_int_equal(reserve(&b, &c, 90, 90, p), BUDGET_FINE);
	assert_int_equal(begin(&b, &waits, 40, 40, 1, &p), BUDGET_WAIT);
	assert_int_equal(wait_for(&b, &waits, 60), BUDGET_WAIT);
	set_ceiling(&b, 0, 200);					/* raised: who waits goes, who runs has more */
	assert_int_equal(wait_for(&b, &waits, 250), BUDGET_FINE);
	assert_int_equal(more(&b, &c, 150, 150), BUDGET_FINE);
	end(&b, &waits, 40);
	set_ceiling(&b, 0, 120);					/* lowered: nobody gets more, who has keeps it */
	close_leases(&b, p);
	assert_int_equal(more(&b, &c, 160, 160), BUDGET_SPENT);
	assert_int_equal(c.r.limit, 120);
	assert_true(c.r.reserved >= 150);
	set_ceiling(&b, 0, -1);						/* and gone */
	assert_int_equal(more(&b, &c, 5000, 5000), BUDGET_FINE);
	assert_int_equal(c.r.reserved, 5000);
	assert_int_equal(more(&b, &c, 6000, 6000), BUDGET_FINE);
	assert_int_equal(c.r.trips, 0);
	end(&b, &c, 6000);
	close_all(&b);
}

/* A budget of nothing, and of one nano-dollar: what is free goes, what costs one goes once. */
static void
tiny_budgets(void **state)
{
	struct bench b = { 0 };
	const struct purse *none, *one;
	struct call c;

	open_all(&b, BUDGET_STRICT, true);
	none = purse(&b, 0);
	one = purse(&b, 1);
	assert_int_equal(reserve(&b, &c, 0, 0, none), BUDGET_FINE);
	end(&b, &c, 0);
	assert_int_equal(reserve(&b, &c, 1, 1, none), BUDGET_SPENT);
	assert_int_equal(reserve(&b, &c, 2, 2, one), BUDGET_SPENT);
	assert_int_equal(reserve(&b, &c, 2, 1, one), BUDGET_FINE);
	assert_int_equal(c.r.reserved, 1);
	end(&b, &c, 1);
	assert_int_equal(reserve(&b, &c, 1, 1, one), BUDGET_SPENT);
	assert_int_equal(c.r.spent, 1);
	close_all(&b);
}

/* The largest budget that there is, and bounds that no budget has: no sum overflows. */
static void
absurd_budgets(void **state)
{
	struct bench b = { 0 };
	const struct purse *p;
	struct call c[2];

	open_all(&b, BUDGET_STRICT, true);
	p = purse(&b, MONEY_MOST);
	assert_int_equal(reserve(&b, &c[0], INT64_MAX, INT64_MAX, p), BUDGET_SPENT);
	assert_int_equal(reserve(&b, &c[0], INT64_MAX, 1, p), BUDGET_FINE);
	assert_int_equal(c[0].r.reserved, MONEY_MOST);
	assert_int_equal(reserve(&b, &c[1], 1, 1, p), BUDGET_HELD);
	assert_int_equal(more(&b, &c[0], INT64_MAX, INT64_MAX), BUDGET_SPENT);
	budget_less(&c[0].r, 1);
	assert_int_equal(reserve(&b, &c[1], MONEY_MOST - 1, MONEY_MOST - 1, p), BUDGET_FINE);
	end(&b, &c[0], 1);
	end(&b, &c[1], MONEY_MOST - 1);
	assert_int_equal(reserve(&b, &c[0], 1, 1, p), BUDGET_SPENT);
	close_all(&b);
}

/* Two answers of the store may come to the board in another order than they were given. */
static void
an_older_lease_does_not_come_back(void **state)
{
	struct bench b = { 0 };

	open_all(&b, BUDGET_STRICT, false);
	assert_true(lease_granted(b.running, RUNNING_NONE, 0, 5, 0, 7, 100, 0));
	assert_true(lease_granted(b.running, RUNNING_NONE, 0, 5, 0, 6, 50, 0));
	assert_true(lease_is_there(b.running, 5, 0, 7));
	assert_false(lease_is_there(b.running, 5, 0, 6));
	close_all(&b);
}

/* A call that was paid by a lease which has been closed meanwhile: what it does not need is not the next one's. */
static void
money_goes_back_to_its_own_lease_only(void **state)
{
	struct bench b = { 0 };
	struct running_who who = { .key_digest = TEXT("k") };
	struct lease_seen seen[4];
	unsigned cursor = 0, slot;
	char id[37];

	open_all(&b, BUDGET_STRICT, false);
	uuid7(id);
	slot = running_begin(b.running, id, 0, &who);
	running_charge(b.running, slot, 5, 0);
	assert_true(lease_granted(b.running, slot, 0, 5, 0, 7, 30, 10));
	lease_stop(b.running, 5, 0, 7);
	assert_true(lease_granted(b.running, RUNNING_NONE, 0, 5, 0, 8, 20, 0));
	running_cancel(b.running, slot);
	assert_int_equal(lease_list(b.running, seen, nitems(seen), &cursor), 1);
	assert_int_equal(seen[0].lease, 8);
	assert_int_equal(seen[0].remaining, 20);
	close_all(&b);
}

/* Those that were open when it began to be waited for, in whatever order they end; not those that begin later. */
static void
turns_that_are_open_are_waited_for(void **state)
{
	struct bench b = { 0 };
	struct lease_turns turns;
	uint64_t first, second, later;

	open_all(&b, BUDGET_STRICT, false);
	first = lease_turn_begin(b.running);
	second = lease_turn_begin(b.running);
	lease_turns_now(b.running, &turns);
	later = lease_turn_begin(b.running);
	lease_turn_end(b.running, second);
	assert_false(lease_turns_over(b.running, &turns));
	lease_turn_end(b.running, first);
	assert_true(lease_turns_over(b.running, &turns));
	lease_turn_end(b.running, later);
	close_all(&b);
}

/* The period ends while a call runs: what it reserves and costs is the old one's, whose lease pays on; the next has all of its own. */
static void
a_period_ends_while_a_call_runs(void **state)
{
	struct bench b = { 0 };
	struct charge charges[CHARGES_MOST];
	struct purse *old, next;
	struct call c, later;
	int64_t spent, held;

	open_all(&b, BUDGET_STRICT, true);
	old = purse(&b, 100);
	assert_int_equal(reserve(&b, &c, 60, 60, old), BUDGET_FINE);
	next = *old;
	next.period = 86400000;
	assert_int_equal(reserve(&b, &later, 100, 100, &next), BUDGET_FINE);
	assert_int_equal(more(&b, &c, 90, 100), BUDGET_FINE);
	assert_int_equal(c.r.reserved, 100);
	budget_charges(&later.r, charges);
	assert_int_equal(charges[0].period, next.period);
	assert_int_not_equal(charges[0].lease, lease_of(&c));
	end(&b, &c, 90);
	sums(&b, old, &spent, &held);
	assert_int_equal(spent, 90);
	end(&b, &later, 100);
	assert_int_equal(reserve(&b, &later, 1, 1, &next), BUDGET_SPENT);
	sums(&b, old, &spent, &held);
	assert_int_equal(spent, 90);
	close_all(&b);
}

/* Spending is set to nothing while a lease is out: what runs is booked on top, what it holds is no more than it has, and the sum never passes the ceiling. */
static void
a_reset_while_money_is_out(void **state)
{
	struct bench b = { 0 };
	struct store *s;
	const struct purse *p;
	struct call c[2];
	int64_t spent, held;

	open_all(&b, BUDGET_STRICT, true);
	p = purse(&b, 100);
	assert_int_equal(reserve(&b, &c[0], 50, 50, p), BUDGET_FINE);
	end(&b, &c[0], 50);
	assert_int_equal(reserve(&b, &c[0], 30, 30, p), BUDGET_FINE);
	s = store_lend(b.pool, 1000);
	assert_int_equal(STORE(s, b.arena, NULL, SQL_BUDGET_PERIOD_SPEND, V_INT((int64_t)p->account), V_INT(0), V_INT(-50), V_INT(0)), STORE_FINE);
	store_return(b.pool, s);
	sums(&b, p, &spent, &held);
	assert_int_equal(spent, 0);
	assert_true(held >= 30 && held <= 100);
	assert_int_equal(reserve(&b, &c[1], 70, 70, p), BUDGET_FINE);
	assert_int_equal(more(&b, &c[0], 31, 31), BUDGET_HELD);
	end(&b, &c[0], 30);
	end(&b, &c[1], 70);
	sums(&b, p, &spent, &held);
	assert_int_equal(spent, 100);
	assert_int_equal(held, 0);
	assert_int_equal(reserve(&b, &c[0], 1, 1, p), BUDGET_SPENT);
	close_all(&b);
}

/* Anything in any order, checked against what must be true at any time. */

#define DAY_CALLS	12
#define DAY_PURSES	3
#define DAY_STEPS	300

struct day {
	struct bench	 b;
	struct keeper	*keeper;
	const struct purse *purses[DAY_PURSES];
	int64_t		 ceilings[DAY_PURSES], used[DAY_PURSES];
	struct call	 calls[DAY_CALLS];
	unsigned	 of[DAY_CALLS];			/* a bit for each purse */
	bool		 live[DAY_CALLS];
	int64_t		 now_ms;			/* the keeper's: it looks once a second */
	uint64_t	 seed;
};

static int64_t
chance(struct day *d, int64_t most)			/* 1 … most */
{
	d->seed = d->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return ((int64_t)((d->seed >> 33) % (uint64_t)most) + 1);
}

static uint64_t
spool_end(void *self)
{
	(void)self;
	return (0);
}

static bool
spool_shipped(void *self, uint64_t end)
{
	(void)self;
	(void)end;
	return (true);
}

static void
keep(struct day *d)
{
	struct store *s = store_lend(d->b.pool, 1000);
	bool more;

	d->now_ms += 1001;
	assert_int_equal(keeper_recalls(d->keeper, s, d->now_ms, &more), STORE_FINE);
	assert_int_equal(keeper_turn(d->keeper, s, d->now_ms), STORE_FINE);
	store_return(d->b.pool, s);
}

static bool
is_holding(const struct call *c)
{
	return (c->r.slot != 0 && (c->r.going || c->r.end == BUDGET_FINE));
}

static void
day_begins(struct day *d, unsigned i)
{
	struct call *c = &d->calls[i];
	struct budget_need need = { .id = c->id, .began_wall_ms = 1, .purses = c->purses, .bound = chance(d, 400), .who = { .key_digest = TEXT("k") } };

	memset(c, 0, sizeof(*c));
	uuid7(c->id);
	c->r.ready = is_ready;
	d->of[i] = (unsigned)chance(d, (1 << DAY_PURSES) - 1);
	for (unsigned k = 0; k < DAY_PURSES; k++)
		if (d->of[i] >> k & 1)
			c->purses[need.n++] = d->purses[k];
	need.floor = chance(d, 3) == 1 ? need.bound : chance(d, need.bound);
	need.whole = chance(d, 3) == 1 ? 2 * need.bound : 0;
	need.hasty = chance(d, 5) == 1 ? 1 : 0;
	d->live[i] = true;
	budget_reserve(&c->r, d->b.budgets, &need);
}

static void
day_ends(struct day *d, unsigned i)
{
	int64_t cost = chance(d, d->calls[i].r.reserved);

	end(&d->b, &d->calls[i], cost);
	for (unsigned k = 0; k < DAY_PURSES; k++)
		d->used[k] += d->of[i] >> k & 1 ? cost : 0;
	d->live[i] = false;
}

static void
day_raises(struct day *d, unsigned k)
{
	struct purse *p = arena_new_of(d->b.arena, struct purse);

	d->ceilings[k] += chance(d, 500);
	*p = *d->purses[k];
	p->ceiling = d->ceilings[k];
	set_ceiling(&d->b, k, d->ceilings[k]);
	d->purses[k] = p;			/* calls that run, or wait, go on with what they knew */
}

static void
day_step(struct day *d)
{
	unsigned i = (unsigned)chance(d, DAY_CALLS) - 1, k = (unsigned)chance(d, DAY_PURSES) - 1;
	struct call *c = &d->calls[i];

	if (!d->live[i])
		day_begins(d, i);
	else if (!is_holding(c)) {
		if (chance(d, 6) == 1) {
			budget_release(&c->r);			/* while it waits */
			d->live[i] = false;
		}
	} else
		switch (chance(d, 8)) {
		case 1:
			c->ready = false;
			budget_more(&c->r, c->r.reserved + chance(d, 50), c->r.reserved + 50 + chance(d, 50));
			break;
		case 2:
			budget_less(&c->r, chance(d, c->r.reserved));
			break;
		case 3:
			if (!c->r.going)
				budget_release(&c->r);
			d->live[i] = c->r.slot != 0;
			break;
		case 4:
			break;
		default:
			day_ends(d, i);
		}
	if (chance(d, 40) == 1)
		close_leases(&d->b, d->purses[k]);
	if (chance(d, 30) == 1)
		day_raises(d, k);
	if (chance(d, 4) == 1)
		keep(d);
	for (int64_t n = chance(d, 4); n > 1; n--)
		turn(&d->b);
}

/* Those that were refused are over. */
static void
day_looks(struct day *d)
{
	for (unsigned i = 0; i < DAY_CALLS; i++)
		d->live[i] = d->live[i] && d->calls[i].r.slot != 0;
}

static void
day_is_right(struct day *d)
{
	day_looks(d);
	for (unsigned k = 0; k < DAY_PURSES; k++) {
		int64_t spent, held, out = 0;

		for (unsigned i = 0; i < DAY_CALLS; i++)
			if (d->live[i] && is_holding(&d->calls[i]) && (d->of[i] >> k & 1))
				out += d->calls[i].r.reserved;
		sums(&d->b, d->purses[k], &spent, &held);
		assert_int_equal(spent, d->used[k]);
		assert_true(held >= out);
		assert_true(spent + held <= d->ceilings[k]);
	}
}

/* All calls are over, all leases closed: what was not spent can be reserved to the last bit, and no more. */
static void
day_is_over(struct day *d)
{
	struct call c;

	for (unsigned i = 0; i < DAY_CALLS; i++)
		if (d->live[i] && is_holding(&d->calls[i]))
			day_ends(d, i);
		else if (d->live[i])
			budget_release(&d->calls[i].r);
	let_turns_end(&d->b);
	for (unsigned k = 0; k < DAY_PURSES; k++) {
		int64_t spent, held, left;

		close_leases(&d->b, d->purses[k]);
		for (unsigned i = 0; i < 10; i++)
			keep(d);
		sums(&d->b, d->purses[k], &spent, &held);
		assert_int_equal(held, 0);
		assert_int_equal(spent, d->used[k]);
		left = d->ceilings[k] - spent;
		if (left == 0)
			continue;
		assert_int_equal(reserve(&d->b, &c, left, left, d->purses[k]), BUDGET_FINE);
		budget_release(&c.r);
	}
}

static void
any_day(void **state)
{
	static const struct keeper_spool spool = { spool_end, spool_shipped, NULL };

	for (uint64_t seed = 1; seed <= 2; seed++) {
		struct day d = { .seed = seed, .now_ms = clock_wall_ms(), .ceilings = { 2000, 3000, 900 } };

		open_all(&d.b, BUDGET_STRICT, true);
		d.keeper = keeper_new(d.b.running, "a", &spool);
		for (unsigned k = 0; k < DAY_PURSES; k++)
			d.purses[k] = purse(&d.b, d.ceilings[k]);
		for (unsigned i = 0; i < DAY_STEPS; i++) {
			day_step(&d);
			day_is_right(&d);
		}
		day_is_over(&d);
		keeper_free(d.keeper);
		close_all(&d.b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_trip_serves_many_calls),
		cmocka_unit_test(a_spent_budget_refuses_without_a_trip),
		cmocka_unit_test(who_does_not_fit_waits_for_others),
		cmocka_unit_test(who_comes_later_is_not_first),
		cmocka_unit_test(who_waits_to_begin_has_nothing),
		cmocka_unit_test(and_not_for_ever),
		cmocka_unit_test(a_smaller_call_takes_what_is_left),
		cmocka_unit_test(litellm_sends_while_anything_is_left),
		cmocka_unit_test(all_purses_or_none),
		cmocka_unit_test(what_nobody_waits_for_is_for_all),
		cmocka_unit_test(nobody_to_charge_has_a_slot_too),
		cmocka_unit_test(without_a_store_nothing_is_granted),
		cmocka_unit_test(a_lane_may_end_before_its_budgets),
		cmocka_unit_test(an_answer_that_is_lost_is_doubtful),
		cmocka_unit_test(agents_use_a_budget_to_its_end),
		cmocka_unit_test(dear_agents_run_at_once),
		cmocka_unit_test(who_waits_knows_how_long_calls_take),
		cmocka_unit_test(the_usual_fades),
		cmocka_unit_test(some_money_is_not_waited_for),
		cmocka_unit_test(any_day),
		cmocka_unit_test(a_call_that_goes_on_takes_more),
		cmocka_unit_test(a_call_that_goes_on_waits_for_others),
		cmocka_unit_test(and_is_told_when_nothing_comes),
		cmocka_unit_test(who_ends_is_not_called_any_more),
		cmocka_unit_test(what_is_not_needed_goes_back),
		cmocka_unit_test(a_closing_lease_pays_on),
		cmocka_unit_test(a_closing_lease_stays_closed),
		cmocka_unit_test(ceilings_change_while_calls_run),
		cmocka_unit_test(tiny_budgets),
		cmocka_unit_test(absurd_budgets),
		cmocka_unit_test(an_older_lease_does_not_come_back), cmocka_unit_test(money_goes_back_to_its_own_lease_only),
		cmocka_unit_test(turns_that_are_open_are_waited_for),
		cmocka_unit_test(a_period_ends_while_a_call_runs),
		cmocka_unit_test(a_reset_while_money_is_out),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
