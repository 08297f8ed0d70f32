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
#include "postgres.h"

#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEGMENT	65536

static struct postgres server;
static char dir[64], spool_dir[80], url[200];
static struct arena *arena;
static struct store *store;
static struct spool *spool;
static unsigned kill_in;			/* bookings until this process dies; 0: it does not */
static bool crashes;				/* the database, with the next commit */

/* Without leases: what they do with money is their own test. */
static enum store_end
book(struct store *s, struct arena *a, struct booking *b, unsigned n)
{
	if (kill_in > 0 && --kill_in == 0)
		kill(getpid(), SIGKILL);
	for (unsigned i = 0; i < n; i++) {
		enum store_end end = STORE(s, a, NULL, SQL_SPENT_ADD, V_INT((int64_t)b[i].account), V_INT(b[i].period), V_INT(b[i].cost));

		if (end != STORE_FINE)
			return (end);
	}
	if (crashes)
		postgres_end(&server, SIGQUIT);
	crashes = false;
	return (STORE_FINE);
}

static int
setup(void **state, bool on_postgres)
{
	struct buf why = { 0 };
	unsigned from, to;

	(void)state;
	strcpy(dir, "/tmp/sluice-ship-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(spool_dir, sizeof(spool_dir), "%s/spool", dir);
	if (on_postgres)
		snprintf(url, sizeof(url), "%s", server.pid != 0 ? postgres_database(&server, true) : "");
	else
		snprintf(url, sizeof(url), "%s/sluice.db", dir);
	arena = arena_new();
	store = store_new(text_of(url));
	if (url[0] != '\0')
		assert_int_equal(store_migrate(store, &from, &to), STORE_FINE);
	spool = spool_open(&(struct spool_settings){ .dir = spool_dir, .segment = SEGMENT }, &why);
	assert_non_null(spool);
	note_upto = NOTE_ERROR;
	kill_in = 0;
	crashes = false;
	return (0);
}

static int
sqlite(void **state)
{
	return (setup(state, false));
}

static int
postgres(void **state)
{
	return (setup(state, true));
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

static void
need_store(void)
{
	if (url[0] == '\0')
		skip();				/* there is no PostgreSQL here */
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
	need_store();
	ship_all(100);
	store_has(0);
	append(0, 1);
	ship_all(100);
	store_has(1);
	append(1, 250);
	ship_all(100);
	store_has(250);
}

static void
a_row_counts_once_however_often_it_comes(void **state)
{
	struct ledger_row row = a_row(0), new = a_row(20);

	(void)state;
	need_store();
	assert_true(spool_append(spool, &row) && spool_append(spool, &row));	/* in one batch */
	ship_all(0);
	store_has(1);
	assert_true(spool_append(spool, &row));	/* in another, with others */
	append(1, 20);
	assert_true(spool_append(spool, &row));
	ship_all(0);
	store_has(20);
	assert_true(spool_append(spool, &new) && spool_append(spool, &new));	/* in one batch, with others */
	append(21, 40);
	ship_all(0);
	store_has(40);
}

static void
a_lost_position_counts_nothing_twice(void **state)
{
	(void)state;
	need_store();
	append(0, 300);
	ship_all(50);
	assert_int_equal(STORE(store, arena, NULL, SQL_SPOOL_FORGET, V_TEXT(TEXT("here")), V_INT(INT64_MAX)), STORE_FINE);
	append(300, 310);
	ship_all(70);
	store_has(310);
}

/* The position is for speed: with it nothing is offered again. */
static void
a_position_is_kept(void **state)
{
	struct reader *r;
	struct shipper *s;

	(void)state;
	need_store();
	append(0, 100);
	ship_all(0);
	append(100, 101);
	s = begin(&r, 0);
	assert_int_equal(shipper_turn(s, store), SHIP_ALL);
	assert_int_equal(shipper_rows(s), 1);
	assert_int_equal(reader_unread(r), 0);
	end(s, r);
	store_has(101);
}

static int64_t
count_rows(void)
{
	struct rows rows;

	if (STORE0(store, arena, &rows, SQL_LEDGER_PROOF) != STORE_FINE)
		fail_msg("%s", store_why(store));
	return (rows_int(&rows, 0, 0, 0));
}

/* A clock before 2020, or far ahead, must not stop what comes behind it. */
static void
rows_of_any_time_arrive(void **state)
{
	static const char *const ids[] = { "00000000-0000-7000-8000-000000000001", "0163f5a8-0000-7000-8000-000000000002", /* 2018 */
		"ffffffff-ffff-7fff-bfff-ffffffffffff", "03bb2cc3-d800-7000-8000-000000000003" /* 2100 */ };
	static const int64_t times[] = { 0, -86400000, INT64_MAX, 4102444800000 };
	struct ledger_row row;

	(void)state;
	need_store();
	append(0, 5);
	for (unsigned i = 0; i < nitems(ids); i++) {
		row = a_row(i);
		strcpy(row.id, ids[i]);
		row.began_ms = row.ended_ms = times[i];
		assert_true(spool_append(spool, &row));
	}
	append(5, 10);
	ship_all(0);
	assert_int_equal(count_rows(), 14);
}

static void
days_end_at_midnight_utc(void **state)
{
	static const int64_t midnight = 1764201600000;	/* 2025-11-27 */
	struct rows rows;

	(void)state;
	need_store();
	for (int i = -2; i < 2; i++) {
		struct ledger_row row = a_row(0);

		row.began_ms = midnight + i;
		assert_true(spool_append(spool, &row));
	}
	ship_all(0);
	assert_int_equal(STORE0(store, arena, &rows, SQL_LEDGER_DAYS), STORE_FINE);
	assert_int_equal(rows.n, 2);
	assert_int_equal(rows_int(&rows, 0, 0, 0), 20251126);
	assert_int_equal(rows_int(&rows, 0, 1, 0), 2);
	assert_int_equal(rows_int(&rows, 1, 0, 0), 20251127);
	assert_int_equal(rows_int(&rows, 1, 1, 0), 2);
}

/* Rows of a later version are kept, and what is around them arrives. */
static void
rows_of_another_version_are_kept(void **state)
{
	(void)state;
	need_store();
	append(0, 3);
	assert_true(spool_put(spool, TEXT("\x63 from the future")));
	append(3, 6);
	ship_all(0);
	store_has(6);
	ship_all(0);				/* it is looked at again, and kept again */
	store_has(6);
}

static size_t
files_aside(void)
{
	char pattern[100];
	glob_t g;
	size_t n;

	snprintf(pattern, sizeof(pattern), "%s/aside/*.seg", spool_dir);
	n = glob(pattern, 0, NULL, &g) == 0 ? g.gl_pathc : 0;
	globfree(&g);
	return (n);
}

/* The store refuses one row: those before and behind it arrive, it is kept. */
static void
a_refused_row_stops_nobody(void **state)
{
	struct ledger_row row = a_row(0);
	struct buf b = { 0 };
	char *at;

	(void)state;
	need_store();
	append(0, 20);
	row.model = TEXT("MARK");
	ledger_row_pack(&b, &row);
	at = memmem(b.at, b.len, "MARK", 4);
	memcpy(at, "M\xff\xfeK", 4);		/* a program with a bug wrote it */
	assert_true(spool_put(spool, buf_as_text(&b)));
	buf_free(&b);
	append(20, 60);
	ship_all(16);
	store_has(60);
	assert_int_equal(files_aside(), 1);
}

/* kills */

/* Ships until it is done or dies, in a process of its own with its own store. */
static void
live(unsigned bookings)
{
	struct reader *r;
	struct shipper *s;

	kill_in = bookings;
	store = store_new(text_of(url));
	s = begin(&r, 1 + (unsigned)(random_u64() % 40));
	while (shipper_turn(s, store) != SHIP_ALL)
		;
	_exit(0);
}

static void
killed_shippers_count_once(void **state)
{
	unsigned appended = 0;

	(void)state;
	need_store();
	for (unsigned i = 0; i < 40; i++) {
		pid_t pid;
		int status;

		append(appended, appended + 25);
		appended += 25;
		if ((pid = fork()) == 0)
			live(i % 2 == 0 ? 1 + (unsigned)(random_u64() % 6) : 0);
		if (i % 2 == 1) {
			usleep((unsigned)(random_u64() % 12000));
			kill(pid, SIGKILL);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	}
	ship_all(0);
	store_has(appended);
}

/* The database goes away in the middle of a batch, and comes back. */
static void
a_crashed_database_counts_once(void **state)
{
	struct reader *r;
	struct shipper *s;

	(void)state;
	need_store();
	append(0, 400);
	s = begin(&r, 50);
	assert_int_equal(shipper_turn(s, store), SHIP_SOME);
	postgres_end(&server, SIGQUIT);
	assert_int_equal(shipper_turn(s, store), SHIP_AWAY);
	append(400, 450);
	assert_int_equal(shipper_turn(s, store), SHIP_AWAY);
	postgres_run(&server);
	for (unsigned i = 0; i < 3000 && shipper_turn(s, store) != SHIP_ALL; i++)
		usleep(10000);
	end(s, r);
	store_has(450);
}

/* All that it takes was said, and then it does not commit. */
static void
a_commit_that_is_lost_is_made_again(void **state)
{
	struct reader *r;
	struct shipper *s;

	(void)state;
	need_store();
	append(0, 30);
	s = begin(&r, 20);
	crashes = true;
	assert_int_equal(shipper_turn(s, store), SHIP_AWAY);
	postgres_run(&server);
	for (unsigned i = 0; i < 3000 && shipper_turn(s, store) != SHIP_ALL; i++)
		usleep(10000);
	end(s, r);
	store_has(30);
}

static void
marks_are_passed_when_all_before_is_shipped(void **state)
{
	struct reader *r;
	struct shipper *s;
	uint64_t mark;

	(void)state;
	need_store();
	s = begin(&r, 10);
	mark = shipper_mark(s);
	assert_false(shipper_passed(s, mark));
	assert_int_equal(shipper_turn(s, store), SHIP_ALL);
	assert_true(shipper_passed(s, mark));
	append(0, 25);
	mark = shipper_mark(s);
	assert_int_equal(shipper_turn(s, store), SHIP_SOME);
	assert_false(shipper_passed(s, mark));
	assert_int_equal(shipper_turn(s, store), SHIP_SOME);
	assert_false(shipper_passed(s, mark));
	append(25, 30);
	mark = shipper_mark(s);
	while (shipper_turn(s, store) == SHIP_SOME)
		assert_false(shipper_passed(s, mark));
	assert_false(shipper_passed(s, mark));	/* that pass had begun before */
	assert_int_equal(shipper_turn(s, store), SHIP_ALL);
	assert_true(shipper_passed(s, mark));
	end(s, r);
	store_has(30);
}

#define ON(test)	cmocka_unit_test_setup_teardown(test, sqlite, teardown), { #test "_in_postgres", test, postgres, teardown, NULL }

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		ON(rows_and_their_sums_arrive),
		ON(a_row_counts_once_however_often_it_comes),
		ON(a_lost_position_counts_nothing_twice),
		ON(a_position_is_kept),
		ON(rows_of_any_time_arrive),
		ON(days_end_at_midnight_utc),
		ON(rows_of_another_version_are_kept),
		ON(a_refused_row_stops_nobody),
		ON(killed_shippers_count_once),
		ON(marks_are_passed_when_all_before_is_shipped),
		cmocka_unit_test_setup_teardown(a_crashed_database_counts_once, postgres, teardown),
		cmocka_unit_test_setup_teardown(a_commit_that_is_lost_is_made_again, postgres, teardown),
	};
	int failed;

	postgres_start(&server);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	postgres_stop(&server);
	return (failed);
}
