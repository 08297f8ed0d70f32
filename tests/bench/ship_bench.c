/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ship_bench [ROWS [postgres | sqlite]]: what a row costs on its way: appended to the spool, and shipped into PostgreSQL (a server of its own, without fsync)
 * and SQLite.
 *
 * Rows are like those of a busy host: 50 keys of 10 teams, 4 models, a tag, three charges each, a document of 300 bytes.
 */
#include "base/clock.h"
#include "base/log.h"
#include "ledger/shipper.h"
#include "ledger/spool.h"
#include "postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define ROWS	100000

static char dir[64];

static double
cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return ((double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec));
}

static void
fail(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

static void
append(const char *spool_dir, unsigned rows)
{
	struct buf why = { 0 };
	struct spool *s = spool_open(&(struct spool_settings){ .dir = spool_dir, .segment = 16 << 20 }, &why);
	int64_t began = clock_us();
	double cpu = cpu_us();
	char key[80], team[16], model[16], doc[320];

	if (s == NULL)
		fail("spool", "can not be opened");
	memset(doc, 'x', sizeof(doc));
	memcpy(doc, "{\"d\":\"", 6);
	memcpy(doc + 300 - 2, "\"}", 2);
	for (unsigned i = 0; i < rows; i++) {
		struct ledger_row row = { .began_ms = clock_wall_ms(), .status = 200, .call_type = TEXT("acompletion"), .ended = TEXT("complete"),
			.user_id = TEXT("somebody"), .model_group = TEXT("gpt"), .provider = TEXT("openai"), .api_base = TEXT("https://api.openai.com/v1"),
			.prompt = 1000, .completion = 100, .cost = 12345, .tags = TEXT("[\"production\"]"), .doc = { doc, 300 },
			.charges = { { 1 + i % 50, 0, 0 }, { 100 + i % 10, 0, 0 }, { 200, 0, 0 } }, .n_charges = 3 };

		row.key_digest = (struct text){ key, (size_t)snprintf(key, sizeof(key), "%064u", i % 50) };
		row.team_id = (struct text){ team, (size_t)snprintf(team, sizeof(team), "team%u", i % 10) };
		row.model = row.model_id = (struct text){ model, (size_t)snprintf(model, sizeof(model), "model%u", i % 4) };
		uuid7(row.id);
		if (!spool_append(s, &row))
			fail("spool", "is full");
		if (i % 1000 == 999)
			spool_sync(s);
	}
	printf("append     %8.2f us a row, %.2f us CPU\n", (double)(clock_us() - began) / rows, (cpu_us() - cpu) / rows);
	spool_close(s);
}

static enum store_end
book(struct store *store, struct arena *arena, struct booking *b, unsigned n)
{
	struct crossing *crossings;
	unsigned n_crossings;

	return (leases_book(store, arena, b, n, &crossings, &n_crossings));
}

static void
ship(const char *name, const char *spool_dir, const char *url, unsigned rows)
{
	struct buf why = { 0 };
	struct shipper_setup set = { .host = "bench", .book = book, .reader = reader_open(spool_dir, LEDGER_ROW_MOST, &why) };
	struct store *store = store_new(text_of(url));
	struct shipper *s;
	enum ship_end end = SHIP_SOME;
	unsigned from, to;
	int64_t began;
	double cpu;

	if (set.reader == NULL || store_migrate(store, &from, &to) != STORE_FINE)
		fail(name, store_why(store));
	s = shipper_new(&set);
	began = clock_us();
	cpu = cpu_us();
	while (end == SHIP_SOME)
		end = shipper_turn(s, store);
	if (end != SHIP_ALL || shipper_rows(s) != rows)
		fail(name, store_why(store));
	printf("%-10s %8.0f rows a second, %.2f us CPU a row here\n", name, rows / ((double)(clock_us() - began) / 1e6), (cpu_us() - cpu) / rows);
	shipper_free(s);
	reader_close(set.reader);
	store_free(store);
}

static void
into_postgres(unsigned rows)
{
	struct postgres server = { 0 };
	char spool_dir[80];

	if (!postgres_start(&server))
		return;
	snprintf(spool_dir, sizeof(spool_dir), "%s/spool", dir);
	append(spool_dir, rows);
	ship("PostgreSQL", spool_dir, postgres_database(&server, true), rows);
	postgres_stop(&server);
}

static void
into_sqlite(unsigned rows)
{
	char spool_dir[80], path[80];

	snprintf(spool_dir, sizeof(spool_dir), "%s/other", dir);
	snprintf(path, sizeof(path), "%s/sluice.db", dir);
	append(spool_dir, rows);
	ship("SQLite", spool_dir, path, rows);
}

int
main(int argc, char **argv)
{
	unsigned rows = argc > 1 ? (unsigned)atoi(argv[1]) : ROWS;
	const char *which = argc > 2 ? argv[2] : "";
	char command[100];

	note_upto = NOTE_ERROR;
	strcpy(dir, "/tmp/sluice-bench-XXXXXX");
	if (mkdtemp(dir) == NULL)
		fail("folder", "can not be made");
	if (strcmp(which, "sqlite") != 0)
		into_postgres(rows);
	if (strcmp(which, "postgres") != 0)
		into_sqlite(rows);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return (system(command) != 0);
}
