/* SPDX-License-Identifier: Apache-2.0 */
/* From the spool into the store: each row once, with its sums, whatever is lost, killed or refused in between. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "ledger/shipper.h"
#include "ledger/spool.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEGMENT	65536

static char dir[64], spool_dir[80], url[200];
static struct arena *arena;
static struct store *store;
static struct spool *spool;
static unsigned kill_in;			/* bookings until this process dies; 0: it does not */

/* Without leases: what they do with money is their own test. */
static enum store_end
book(struct store *s, struct arena *a, struct booking *b, unsigned n, struct crossing **crossings, unsigned *n_crossings)
{
	*crossings = NULL;
	*n_crossings = 0;
	if (kill_in > 0 && --kill_in == 0)
		kill(getpid(), SIGKILL);
	for (unsigned i = 0; i < n; i++) {
		enum store_end end = STORE(s, a, NULL, SQL_SPENT_ADD, V_INT((int64_t)b[i].account), V_INT(b[i].period), V_INT(b[i].cost));

		if (end != STORE_FINE)
			return (end);
	}
	return (STORE_FINE);
}

static int
setup(void **state)
{
	struct buf why = { 0 };
	unsigned from, to;

	(void)state;
	strcpy(dir, "/tmp/sluice-ship-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(spool_dir, sizeof(spool_dir), "%s/spool", dir);
	snprintf(url, sizeof(url), "%s/sluice.db", dir);
	arena = arena_new();
	store = store_new(text_of(url));
	assert_int_equal(store_migrate(store, &from, &to), STORE_FINE);
	spool = spool_open(&(struct spool_settings){ .dir = spool_dir, .segment = SEGMENT }, &why);
	assert_non_null(spool);
	note_upto = NOTE_ERROR;
	kill_in = 0;
	return (0);
}

static int
teardown(void **state)
{
	char command[100];

	(void)state;
	spool_close(spool);
	store_free(store);
	arena_free(arena);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
	return (0);
}

static struct shipper *
begin(struct reader **reader, unsigned batch)
{
	struct shipper_setup set = { .batch = batch, .book = book, .host = "here" };
	struct buf why = { 0 };

	set.reader = *reader = reader_open(spool_dir, LEDGER_ROW_MOST, &why);
	assert_non_null(*reader);
	return (shipper_new(&set));
}

static void
end(struct shipper *s, struct reader *r)
{
	shipper_free(s);
	reader_close(r);
}

static void
ship_all(unsigned batch)
{
	struct reader *r;
	struct shipper *s = begin(&r, batch);
	enum ship_end e = SHIP_SOME;

	for (unsigned i = 0; i < 10000 && e == SHIP_SOME; i++)
		e = shipper_turn(s, store);
	assert_int_equal(e, SHIP_ALL);
	end(s, r);
}

static struct ledger_row
a_row(unsigned i)
{
	static char customers[3][8] = { "", "c1", "c2" };
	struct ledger_row row = { .began_ms = clock_wall_ms(), .ended_ms = clock_wall_ms(), .call_type = TEXT("acompletion"),
		.ended = TEXT("complete"), .status = i % 10 == 9 ? 500 : 200, .key_digest = TEXT("k1"), .team_id = TEXT("t1"), .user_id = TEXT("ada"),
		.model_group = TEXT("gpt"), .model = TEXT("gpt-4o"), .model_id = TEXT("m1"), .provider = TEXT("openai"), .prompt = 10, .completion = 5,
		.cost = (int64_t)i + 1, .charges = { { 7, 100, 1 }, { 8 + i % 2, 0, 0 } }, .n_charges = 2,
		.tags = i % 2 == 0 ? TEXT("[\"a\",\"b\",\"a\"]") : TEXT("[]"), .customer = text_of(customers[i % 3]) };

	uuid7(row.id);
	return (row);
}

static void
append(unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		struct ledger_row row = a_row(i);

		assert_true(spool_append(spool, &row));
	}
}

/* n rows of a_row(), each once. */
static void
store_has(int64_t n)
{
	const int64_t sum = n * (n + 1) / 2, wanted[] = { n, sum, n, sum, n / 10, (n + 1) / 2 * 2, n - (n + 2) / 3, 2 * sum, 0 };
	struct rows rows;

	if (STORE0(store, arena, &rows, SQL_LEDGER_PROOF) != STORE_FINE)
		fail_msg("%s", store_why(store));
	assert_int_equal(rows.columns, nitems(wanted));
	for (unsigned i = 0; i < nitems(wanted); i++)
		assert_int_equal(rows_int(&rows, 0, i, 0), wanted[i]);
}

static void
rows_and_their_sums_arrive(void **state)
{
	(void)state;
	ship_all(100);
	store_has(0);
	append(0, 1);
	ship_all(100);
	store_has(1);
	append(1, 250);
	ship_all(100);
	store_has(250);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rows_and_their_sums_arrive, setup, teardown),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
