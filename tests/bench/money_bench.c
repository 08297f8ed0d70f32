/* SPDX-License-Identifier: Apache-2.0 */
/*
 * money_bench [CHANGES]: how often leases ask the store for 1,000 calls, and how long two hosts take to know of a change in one PostgreSQL (a server of its own,
 * without fsync).  A JSON object; without PostgreSQL an empty one.
 */
#include "access/budget.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/loop.h"
#include "board/known.h"
#include "housekeeper/housekeeper.h"
#include "postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HOSTS	2
#define CHANGES	300
#define COST	1000
#define CLIENTS	8

static char dir[64];

static void
fail(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

static void
must(enum store_end end, const char *what)
{
	if (end != STORE_FINE)
		fail(what, "the store did not do it");
}

/* leases */

struct bench {
	struct loop	*loop;
	struct running	*running;
	struct budgets	*budgets;
	struct purse	 purse;
	unsigned	 calls, trips;
	bool		 over;
};

static struct purse
purse(struct store *store, struct arena *arena, const char *name, int64_t ceiling)
{
	struct rows rows = { 0 };

	must(STORE(store, arena, &rows, SQL_ACCOUNT_SYNC, V_TEXT(TEXT("key")), V_TEXT(text_of(name)), V_TEXT(TEXT("")), V_INT(ceiling), V_NULL, V_INT(0), V_NULL,
	    V_NULL, V_INT(0), V_NULL), "account");
	return ((struct purse){ .account = (uint64_t)rows_int(&rows, 0, 0, 0), .ceiling = ceiling, .soft = NO_LIMIT });
}

struct client {
	struct reservation r;
	char		 id[37];
	bool		 waits;
};

static void
ready(struct reservation *r)
{
	((struct client *)r)->waits = false;
}

static void
finish(struct bench *b, struct client *c)
{
	b->trips += c->r.trips;
	if (c->r.end != BUDGET_FINE) {
		b->over = true;
		return;
	}
	budget_sent(&c->r, &(struct running_where){ .model = TEXT("m") });
	budget_settled(&c->r, 1, 1, COST);
	budget_booked(&c->r);
	b->calls++;
}

static void
begin(struct bench *b, struct client *c)
{
	const struct purse *p = &b->purse;
	struct budget_need need = { .id = c->id, .began_wall_ms = 1, .purses = &p, .n = 1, .bound = COST, .floor = COST };

	memset(&c->r, 0, sizeof(c->r));
	uuid7(c->id);
	c->r.ready = ready;
	c->waits = budget_reserve(&c->r, b->budgets, &need) == BUDGET_WAIT;
}

/* Until so many are made, or none can be paid; so many a second, 0: as fast as they go.  Trips for 1,000. */
static double
trips(struct bench *b, unsigned calls, unsigned a_second)
{
	struct client clients[CLIENTS] = { 0 };
	int64_t began = clock_us();

	b->calls = b->trips = 0;
	b->over = false;
	for (unsigned i = 0; !b->over && b->calls < calls; i = (i + 1) % CLIENTS) {
		struct client *c = &clients[i];

		while (a_second > 0 && (clock_us() - began) * a_second / 1000000 < b->calls)
			loop_turn(b->loop, 1);
		begin(b, c);
		while (c->waits)
			loop_turn(b->loop, 1);
		finish(b, c);
	}
	return (b->trips * 1000.0 / (b->calls > 0 ? b->calls : 1));
}

static void
bench_leases(struct store *store, const char *url)
{
	struct arena *arena = arena_new();
	struct buf why = { 0 };
	struct bench b = { .loop = loop_new(), .running = running_open(dir, "bench", SEAT_WIDE, &why) };
	struct lane *lane = lane_new(b.loop, "store", 2, 100);
	struct store_pool *pool = store_pool_new(text_of(url), 2, NULL);
	struct budgets_setup set = { .loop = b.loop, .running = b.running, .lane = lane, .pool = pool, .wait_ms = 100, .wait_most_ms = 200 };

	if (b.running == NULL)
		fail("running", why.at);
	strcpy(set.host, "bench");
	b.budgets = budgets_new(&set);
	b.purse = purse(store, arena, "small", 1000 * COST);
	printf("\"trips_small\": %.3f, ", trips(&b, 1000, 0));
	b.purse = purse(store, arena, "paced", MONEY_MOST);
	printf("\"trips_100_a_second\": %.3f, ", trips(&b, 500, 100));
	b.purse = purse(store, arena, "plenty", MONEY_MOST);
	printf("\"trips_plenty\": %.3f, ", trips(&b, 50000, 0));
	budgets_free(b.budgets);
	lane_free(lane, 1000);
	store_pool_free(pool);
	running_close(b.running);
	loop_free(b.loop);
	arena_free(arena);
}

/* revocation */

struct host {
	struct config	*config;
	struct housekeeper *keeper;
	struct board	*board;
};

static void
open_host(struct host *h, const char *url, unsigned n)
{
	struct buf yaml = { 0 }, why = { 0 };
	char path[100];

	snprintf(path, sizeof(path), "mkdir %s/%u", dir, n);
	if (system(path) != 0)
		fail("folder", "can not be made");
	snprintf(path, sizeof(path), "%s/%u", dir, n);
	buf_print(&yaml, "model_list:\n  - {model_name: m, litellm_params: {model: openai/m, api_key: k}}\n"
	    "general_settings: {master_key: sk-a-key-nobody-published}\nsluice: {run_dir: %s, state_dir: %s, database: '%s'}\n", path, path, url);
	h->config = config_load_text("config.yaml", buf_as_text(&yaml));
	h->keeper = housekeeper_start(h->config, NULL);
	if ((h->board = board_open(path, "sluice", SEAT_NONE, &why)) == NULL)
		fail("board", why.at);
	while (board_changes_read_until(h->board) == 0)
		usleep(1000);
	buf_free(&yaml);
}

static void
change(struct store *store, struct arena *arena, const char *digest)
{
	must(store_begin(store), "begin");
	must(STORE0(store, arena, NULL, SQL_CHANGE_LOCK), "lock");
	must(STORE(store, arena, NULL, SQL_CHANGE_ADD, V_INT(clock_wall_ms()), V_TEXT(TEXT("key")), V_TEXT(text_of(digest)), V_TEXT(text_of(digest))), "change");
	must(STORE0(store, arena, NULL, SQL_CHANGE_TELL), "tell");
	must(store_commit(store), "commit");
}

static int
by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x < y ? -1 : x > y);
}

/* From its commit until the last host's workers take the key for unknown. */
static void
bench_revocation(struct store *store, const char *url, unsigned changes)
{
	static const char digest[] = "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b";
	int64_t *us = must_alloc(changes * sizeof(*us));
	struct arena *arena = arena_new();
	struct host hosts[HOSTS];
	struct known_id id;

	(void)hex_read(id.bytes, sizeof(id.bytes), text_of(digest));
	for (unsigned i = 0; i < HOSTS; i++)
		open_host(&hosts[i], url, i);
	for (unsigned n = 0; n < changes; n++) {
		uint32_t before[HOSTS];
		int64_t began;

		for (unsigned i = 0; i < HOSTS; i++)
			before[i] = known_generation(hosts[i].board, &id);
		change(store, arena, digest);
		began = clock_us();
		for (unsigned i = 0; i < HOSTS; i++)
			while (known_generation(hosts[i].board, &id) == before[i])
				usleep(20);
		us[n] = clock_us() - began;
		arena_clear(arena);
		usleep((unsigned)(random_u64() % 20000));
	}
	qsort(us, changes, sizeof(*us), by_size);
	printf("\"changes\": %u, \"median_ms\": %.2f, \"p99_ms\": %.2f, \"worst_ms\": %.2f", changes, (double)us[changes / 2] / 1000, (double)us[changes * 99 / 100] / 1000,
	    (double)us[changes - 1] / 1000);
	for (unsigned i = 0; i < HOSTS; i++) {
		board_close(hosts[i].board);
		housekeeper_stop(hosts[i].keeper, 1000, HOUSE_GOES_ON);
		config_release(hosts[i].config);
	}
	arena_free(arena);
	free(us);
}

int
main(int argc, char **argv)
{
	unsigned changes = argc > 1 ? (unsigned)atoi(argv[1]) : CHANGES;
	struct postgres server = { 0 };
	char command[100];

	note_upto = NOTE_ERROR;
	strcpy(dir, "/tmp/sluice-bench-XXXXXX");
	if (mkdtemp(dir) == NULL)
		fail("folder", "can not be made");
	printf("{");
	if (postgres_start(&server)) {
		const char *url = postgres_database(&server, true);
		struct store *store = store_new(text_of(url));

		bench_leases(store, url);
		bench_revocation(store, url, changes);
		store_free(store);
		postgres_stop(&server);
	}
	printf("}\n");
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return (system(command) != 0);
}
