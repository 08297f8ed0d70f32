/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two hosts with two workers and a housekeeper each, eight clients a worker, one key with a budget for a thousand calls of known price: exactly a thousand are
 * made.  With kills never more, and nothing stays held once all are back.  SLUICE_TEST_SECONDS: so long with kills (2).
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "access/budget.h"
#include "base/clock.h"
#include "base/loop.h"
#include "ledger/host.h"
#include "ledger/shipper.h"
#include "ledger/spool.h"
#include "postgres.h"
#include "../kit/child.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOSTS		2
#define WORKERS		2
#define CLIENTS		8
#define COST		1000
#define KEY_CALLS	1000		/* that the key can pay */
#define TEAM_CALLS	5000

static struct postgres server;
static char folder[64];

/* What the vendor has seen, and whom it charges. */
static struct {
	atomic_uint	 calls, finished;
	atomic_bool	 stop;
} *vendor;

struct world {
	const char	*url;
	struct purse	 key, team;
	int64_t		 bound;
	pid_t		 workers[HOSTS][WORKERS], keepers[HOSTS];
};

static const char *
host_dir(unsigned host)
{
	static char dir[100];

	snprintf(dir, sizeof(dir), "%s/%u", folder, host);
	return (dir);
}

static void
must(bool fine, const char *what, const struct buf *why)
{
	if (fine)
		return;
	fprintf(stderr, "%s: " TEXT_FMT "\n", what, TEXT_ARG(*why));
	_exit(99);
}

static struct spool *
open_spool(unsigned host)
{
	struct arena *arena = arena_new();
	struct buf why = { 0 };
	struct spool *spool = spool_open(&(struct spool_settings){ .dir = spool_path(arena, text_of(host_dir(host)), TEXT("t")).at, .segment = 1 << 20 }, &why);

	must(spool != NULL, "spool", &why);
	arena_free(arena);
	return (spool);
}

static struct running *
open_running(unsigned host, enum seat_kind kind)
{
	struct buf why = { 0 };
	struct running *r = running_open(host_dir(host), "t", kind, &why);

	must(r != NULL, "running", &why);
	return (r);
}

/* a worker: clients that call one after the other */

struct worker {
	const struct world *world;
	struct loop	*loop;
	struct budgets	*budgets;
	struct spool	*spool;
	unsigned	 clients;		/* that go on */
};

struct client {
	struct timer	 timer;
	struct reservation r;
	struct worker	*worker;
	const struct purse *purses[2];
	char		 id[37];
};

static void
later(struct client *c, void (*due)(struct timer *), unsigned us)
{
	c->timer.due = due;
	timer_set(c->worker->loop, &c->timer, clock_us() + us);
}

static void	call_begins(struct timer *);

static void
call_ends(struct timer *t)
{
	struct client *c = (struct client *)t;
	struct ledger_row row = { .began_ms = clock_wall_ms(), .ended_ms = clock_wall_ms(), .call_type = TEXT("acompletion"), .ended = TEXT("complete"),
		.status = 200, .key_digest = TEXT("k"), .model = TEXT("m"), .prompt = 1, .completion = 1, .cost = COST, .tags = TEXT("[]"), .doc = TEXT("{}") };

	memcpy(row.id, c->id, sizeof(row.id));
	budget_settled(&c->r, 1, 1, COST);
	row.n_charges = budget_charges(&c->r, row.charges);
	if (!spool_append(c->worker->spool, &row))
		_exit(98);
	budget_booked(&c->r);
	atomic_fetch_add(&vendor->finished, 1);
	later(c, call_begins, 1);
}

static void
call_is_reserved(struct reservation *r)
{
	struct client *c = (struct client *)((char *)r - offsetof(struct client, r));

	switch (r->end) {
	case BUDGET_FINE:
		budget_sent(r, &(struct running_where){ .model = TEXT("m") });
		atomic_fetch_add(&vendor->calls, 1);
		later(c, call_ends, 200 + (unsigned)(random_u64() % 3000));
		break;
	case BUDGET_SPENT:
		if (--c->worker->clients == 0)
			loop_stop(c->worker->loop);
		break;
	default:
		later(c, call_begins, 2000);
	}
}

static void
call_begins(struct timer *t)
{
	struct client *c = (struct client *)t;
	struct budget_need need = { .id = c->id, .began_wall_ms = clock_wall_ms(), .purses = c->purses, .n = 2, .bound = c->worker->world->bound,
		.floor = c->worker->world->bound, .who = { .key_digest = TEXT("k") } };

	uuid7(c->id);
	memset(&c->r, 0, sizeof(c->r));
	c->r.ready = call_is_reserved;
	if (budget_reserve(&c->r, c->worker->budgets, &need) != BUDGET_WAIT)
		call_is_reserved(&c->r);
}

static int
work(const struct world *world, unsigned host)
{
	struct worker w = { .world = world, .loop = loop_new(), .spool = open_spool(host), .clients = CLIENTS };
	struct client clients[CLIENTS] = { 0 };
	struct budgets_setup setup = { .loop = w.loop, .running = open_running(host, SEAT_WIDE), .lane = lane_new(w.loop, "store", 2, 100),
		.pool = store_pool_new(text_of(world->url), 2, NULL), .wait_ms = 2000, .wait_most_ms = 20000 };
	struct buf why = { 0 };
	struct host *self = host_open(host_dir(host), "t", setup.running, &why);

	must(self != NULL, "host", &why);
	setup.host_file = host_file(self);
	memcpy(setup.host, host_id(self), sizeof(setup.host));
	running_sweep(setup.running, spool_swept, w.spool);
	w.budgets = budgets_new(&setup);
	for (unsigned i = 0; i < CLIENTS; i++) {
		clients[i] = (struct client){ .worker = &w, .purses = { &world->key, &world->team } };
		later(&clients[i], call_begins, (unsigned)(random_u64() % 1000));
	}
	loop_run(w.loop);
	budgets_free(w.budgets);
	lane_free(setup.lane, 1000);
	running_close(setup.running);
	host_close(self);
	store_pool_free(setup.pool);
	spool_close(w.spool);
	loop_free(w.loop);
	return (0);
}

/* a housekeeper */

static enum store_end
ship_all(struct shipper *s, struct store *store)
{
	enum ship_end end;

	while ((end = shipper_turn(s, store)) == SHIP_SOME)
		;
	return (end == SHIP_ALL ? STORE_FINE : STORE_AWAY);
}

static enum store_end
book(struct store *store, struct arena *arena, struct booking *b, unsigned n)
{
	struct crossing *crossings;
	unsigned n_crossings;

	return (leases_book(store, arena, b, n, &crossings, &n_crossings));
}

static int
keep(const struct world *world, unsigned host)
{
	struct running *running = open_running(host, SEAT_NONE);
	struct arena *arena = arena_new();
	struct spool *spool = open_spool(host);
	struct buf why = { 0 };
	struct shipper_setup setup = { .reader = reader_open(spool_path(arena, text_of(host_dir(host)), TEXT("t")).at, LEDGER_ROW_MOST, &why), .book = book };
	struct store *store = store_new(text_of(world->url));
	struct shipper *shipper;
	struct keeper *keeper;
	struct host *self;

	while (setup.reader == NULL) {			/* the one that was killed may hold it for a moment */
		usleep(2000);
		setup.reader = reader_open(spool_path(arena, text_of(host_dir(host)), TEXT("t")).at, LEDGER_ROW_MOST, &why);
	}
	must((self = host_open(host_dir(host), "t", running, &why)) != NULL, "host", &why);
	must(host_begin(self, store, clock_wall_ms(), &why) == HOST_FINE, "host", &why);
	memcpy(setup.host, host_id(self), sizeof(setup.host));
	shipper = shipper_new(&setup);
	keeper = keeper_new(running, setup.host, &(struct keeper_spool){ shipper_mark, shipper_passed, shipper });
	for (bool more; !atomic_load(&vendor->stop); usleep(more ? 0 : 20000)) {
		running_sweep(running, spool_swept, spool);
		more = false;
		if (ship_all(shipper, store) == STORE_FINE && keeper_turn(keeper, store, clock_wall_ms()) == STORE_FINE)
			keeper_recalls(keeper, store, clock_wall_ms(), &more);
	}
	keeper_free(keeper);
	shipper_free(shipper);
	reader_close(setup.reader);
	store_free(store);
	spool_close(spool);
	running_close(running);
	host_close(self);
	arena_free(arena);
	buf_free(&why);
	return (0);
}

/* the test */

static pid_t
begin(int (*what)(const struct world *, unsigned host), const struct world *world, unsigned host)
{
	pid_t pid = child_fork();

	if (pid != 0)
		return (pid);
	_exit(what(world, host));
}

static struct purse
account(struct store *s, struct arena *arena, const char *entity, int64_t ceiling)
{
	struct purse p = { .ceiling = ceiling, .soft = NO_LIMIT };
	struct rows rows = { 0 };

	assert_int_equal(STORE(s, arena, &rows, SQL_ACCOUNT_SYNC, V_TEXT(TEXT("key")), V_TEXT(text_of(entity)), V_TEXT(TEXT("")), V_INT(ceiling), V_NULL,
	    V_INT(0), V_NULL, V_NULL, V_INT(0), V_NULL), STORE_FINE);
	p.account = (uint64_t)rows_int(&rows, 0, 0, 0);
	return (p);
}

static void
sums(struct store *s, struct arena *arena, const struct purse *p, int64_t *spent, int64_t *held)
{
	struct rows rows = { 0 };

	assert_int_equal(STORE(s, arena, &rows, SQL_BUDGET_PERIOD_LOCK, V_INT((int64_t)p->account), V_INT(0)), STORE_FINE);
	*spent = rows_int(&rows, 0, 0, 0);
	*held = rows_int(&rows, 0, 1, 0);
}

static void
kill_one(struct world *w)
{
	unsigned host = (unsigned)(random_u64() % HOSTS), worker = (unsigned)(random_u64() % (WORKERS + 1));
	pid_t *pid = worker < WORKERS ? &w->workers[host][worker] : &w->keepers[host];

	if (*pid == 0)
		return;
	kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	*pid = begin(worker < WORKERS ? work : keep, w, host);
}

static bool
all_are_done(struct world *w)
{
	bool done = true;
	int status;

	for (unsigned i = 0; i < HOSTS * WORKERS; i++) {
		pid_t *pid = &w->workers[i / WORKERS][i % WORKERS];

		if (*pid != 0 && waitpid(*pid, &status, WNOHANG) == *pid) {
			assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
			*pid = 0;
		}
		done &= *pid == 0;
	}
	return (done);
}

static void
kill_all(struct world *w)
{
	for (unsigned h = 0; h < HOSTS; h++) {
		kill(w->keepers[h], SIGKILL);
		for (unsigned i = 0; i < WORKERS; i++)
			if (w->workers[h][i] != 0)
				kill(w->workers[h][i], SIGKILL);
	}
}

static int64_t
seconds(void)
{
	const char *s = getenv("SLUICE_TEST_SECONDS");

	return (s != NULL ? atoi(s) : 2);
}

static int64_t
kill_until(void)
{
	return (clock_us() + seconds() * INT64_C(1000000));
}

static void
all_comes_back(struct store *s, struct arena *arena, const struct purse *p, int64_t until)
{
	int64_t spent, held;

	assert_int_equal(leases_close_account(s, p->account), STORE_FINE);
	do
		sums(s, arena, p, &spent, &held);
	while (held != 0 && clock_us() < until && usleep(20000) == 0);
	assert_int_equal(held, 0);
}

static void
spend_all(bool deadly, int64_t bound, int64_t key_calls, int64_t team_calls)
{
	struct world w = { .bound = bound };
	struct arena *arena = arena_new();
	int64_t spent, held, until = deadly ? kill_until() : 0, give_up = (deadly ? kill_until() : clock_us()) + 30 * INT64_C(1000000);
	struct store *s;
	struct rows rows = { 0 };

	if (server.pid == 0)
		skip();
	w.url = postgres_database(&server, true);
	s = store_new(text_of(w.url));
	w.key = account(s, arena, "key", key_calls * COST);
	w.team = account(s, arena, "team", team_calls * COST);
	memset(vendor, 0, sizeof(*vendor));
	for (unsigned h = 0; h < HOSTS; h++) {
		char command[300];

		snprintf(command, sizeof(command), "rm -rf %s && mkdir -p %s", host_dir(h), host_dir(h));
		assert_int_equal(system(command), 0);
		w.keepers[h] = begin(keep, &w, h);
		for (unsigned i = 0; i < WORKERS; i++)
			w.workers[h][i] = begin(work, &w, h);
	}
	while (!all_are_done(&w) && clock_us() < give_up) {
		usleep(20000);
		if (clock_us() < until)
			kill_one(&w);
	}
	if (!all_are_done(&w)) {
		kill_all(&w);
		sums(s, arena, &w.key, &spent, &held);
		fail_msg("not done: %u calls, %u ended, the key spent %lld and holds %lld", vendor->calls, vendor->finished, (long long)spent, (long long)held);
	}
	all_comes_back(s, arena, &w.team, give_up);	/* both have something left, in open leases */
	all_comes_back(s, arena, &w.key, give_up);
	sums(s, arena, &w.key, &spent, &held);
	assert_int_equal(held, 0);
	assert_int_equal(STORE0(s, arena, &rows, SQL_LEDGER_PROOF), STORE_FINE);
	print_message("%u calls, %u ended, %lld rows, spent %lld, held %lld\n", vendor->calls, vendor->finished, (long long)rows_int(&rows, 0, 0, 0),
	    (long long)spent, (long long)held);
	assert_true(vendor->calls <= key_calls);
	assert_true(spent <= key_calls * COST && spent > key_calls * COST - bound);
	assert_true(rows_int(&rows, 0, 0, 0) >= vendor->calls);
	assert_int_equal(rows_int(&rows, 0, 1, 0), spent);
	if (!deadly) {
		assert_int_equal(vendor->calls, (key_calls * COST - bound) / COST + 1);
		assert_int_equal(rows_int(&rows, 0, 0, 0), vendor->calls);
	}
	atomic_store(&vendor->stop, true);
	for (unsigned h = 0; h < HOSTS; h++)
		waitpid(w.keepers[h], NULL, 0);
	store_free(s);
	arena_free(arena);
}

static void
exactly_as_many_as_the_budget_pays(void **state)
{
	spend_all(false, COST, KEY_CALLS, TEAM_CALLS);
}

static void
with_bounds_above_the_cost_too(void **state)
{
	spend_all(false, 4 * COST, 300, TEAM_CALLS);
}

static void
and_never_more_with_kills(void **state)
{
	spend_all(true, COST, 1500 * seconds(), 2000 * seconds());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exactly_as_many_as_the_budget_pays),
		cmocka_unit_test(with_bounds_above_the_cost_too),
		cmocka_unit_test(and_never_more_with_kills),
	};
	char command[100];
	int rc;

	signal(SIGPIPE, SIG_IGN);
	strcpy(folder, "/tmp/fleet_test.XXXXXX");
	vendor = mmap(NULL, sizeof(*vendor), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (mkdtemp(folder) == NULL || vendor == MAP_FAILED)
		return (1);
	if (!postgres_start(&server))
		print_message("PostgreSQL is not installed: nothing is tested\n");
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	postgres_stop(&server);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return (system(command) == 0 ? rc : 1);
}
