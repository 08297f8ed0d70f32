/* SPDX-License-Identifier: Apache-2.0 */
/* The housekeeper with real boards, spools and stores: who it is, what it ships, and how soon it tells the board of a change. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "board/known.h"
#include "board/running.h"
#include "housekeeper/housekeeper.h"
#include "ledger/spool.h"
#include "postgres.h"
#include "store/store.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define DIGEST	"88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b"

static struct postgres server;
static char dir[64], url[200];
static struct arena *arena;
static struct config *config;
static struct store *store;

static int
setup(bool on_postgres)
{
	struct buf yaml = { 0 };
	unsigned from, to;

	strcpy(dir, "/tmp/sluice-keep-XXXXXX");
	assert_non_null(mkdtemp(dir));
	if (on_postgres)
		snprintf(url, sizeof(url), "%s", server.pid != 0 ? postgres_database(&server, true) : "");
	else
		snprintf(url, sizeof(url), "%s/sluice.db", dir);
	buf_print(&yaml, "model_list:\n  - {model_name: m, litellm_params: {model: openai/m, api_key: k}}\n"
	    "general_settings: {master_key: sk-a-key-nobody-published}\n"
	    "sluice: {run_dir: %s, state_dir: %s, database: '%s'}\n", dir, dir, url[0] != '\0' ? url : "/dev/null/none");
	config = config_load_text("config.yaml", buf_as_text(&yaml));
	assert_int_equal(config->n_errors, 0);
	buf_free(&yaml);
	arena = arena_new();
	store = store_new(text_of(url));
	if (url[0] != '\0')
		assert_int_equal(store_migrate(store, &from, &to), STORE_FINE);
	note_upto = getenv("NOTES") ? NOTE_INFO : NOTE_ERROR;
	return (0);
}

static int
sqlite(void **state)
{
	(void)state;
	return (setup(false));
}

static int
postgres(void **state)
{
	(void)state;
	return (setup(true));
}

static int
teardown(void **state)
{
	char command[100];

	(void)state;
	store_free(store);
	config_release(config);
	arena_free(arena);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	assert_int_equal(system(command), 0);
	return (0);
}

static void
need_store(void)
{
	if (url[0] == '\0')
		skip();
}

static void
append(unsigned n)
{
	struct spool_settings set = { .dir = spool_path(arena, config->settings.state_dir, config->settings.instance).at, .segment = 1 << 20 };
	struct buf why = { 0 };
	struct spool *s = spool_open(&set, &why);

	assert_non_null(s);
	for (unsigned i = 0; i < n; i++) {
		struct ledger_row row = { .began_ms = clock_wall_ms(), .cost = 1, .status = 200 };

		uuid7(row.id);
		assert_true(spool_append(s, &row));
	}
	spool_close(s);
}

static int64_t
rows_in_store(void)
{
	struct rows rows;

	assert_int_equal(STORE0(store, arena, &rows, SQL_LEDGER_PROOF), STORE_FINE);
	return (rows_int(&rows, 0, 0, 0));
}

static void
await_rows(int64_t n)
{
	for (unsigned i = 0; i < 3000 && rows_in_store() != n; i++)
		usleep(10000);
	assert_int_equal(rows_in_store(), n);
}

static void
await_it(const struct housekeeper *h)
{
	for (unsigned i = 0; i < 3000 && !housekeeper_is_it(h); i++)
		usleep(10000);
	assert_true(housekeeper_is_it(h));
}

static struct board *
look_on(void)
{
	struct buf why = { 0 };
	struct board *b = board_open(dir, "sluice", SEAT_NONE, &why);

	assert_non_null(b);
	return (b);
}

static void
what_is_in_the_spool_is_shipped(void **state)
{
	struct housekeeper *h;

	(void)state;
	need_store();
	append(3);
	h = housekeeper_start(config, NULL);
	await_rows(3);
	append(2);
	await_rows(5);
	housekeeper_stop(h, 1000, HOUSE_GOES_ON);
}

static void
one_that_stops_ships_the_rest(void **state)
{
	struct housekeeper *h;

	(void)state;
	need_store();
	h = housekeeper_start(config, NULL);
	await_it(h);
	append(200);
	housekeeper_stop(h, 5000, HOUSE_GOES_ON);
	assert_int_equal(rows_in_store(), 200);
}

static void
one_is_it_and_another_takes_over(void **state)
{
	struct housekeeper *h;
	int ready[2], status;
	char c;
	pid_t pid;

	(void)state;
	need_store();
	assert_int_equal(pipe(ready), 0);
	if ((pid = fork()) == 0) {
		h = housekeeper_start(config, NULL);
		while (!housekeeper_is_it(h))
			usleep(1000);
		(void)!write(ready[1], "x", 1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	h = housekeeper_start(config, NULL);
	usleep(700000);
	assert_false(housekeeper_is_it(h));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	await_it(h);
	append(1);
	await_rows(1);
	housekeeper_stop(h, 1000, HOUSE_GOES_ON);
	close(ready[0]);
	close(ready[1]);
}

/* Whoever is killed with calls under way leaves them to the housekeeper, which gives them their rows. */
static void
calls_of_a_killed_worker_get_rows(void **state)
{
	struct housekeeper *h;
	struct rows rows;
	int status;
	pid_t pid;

	(void)state;
	need_store();
	if ((pid = fork()) == 0) {
		struct running_who who = { .user_id = TEXT("ada"), .model_group = TEXT("gpt") };
		struct running_where where = { .model = TEXT("gpt-4o") };
		struct buf why = { 0 };
		struct running *r = running_open(dir, "sluice", SEAT_WIDE, &why);
		char id[37];

		if (r == NULL) {		/* no room, say: a child must not go on with cmocka's handler of signals */
			fprintf(stderr, TEXT_FMT "\n", TEXT_ARG(why));
			_exit(99);
		}
		for (unsigned i = 0; i < 6; i++) {
			unsigned slot;

			uuid7(id);
			slot = running_begin(r, id, clock_wall_ms(), &who);
			running_reserved(r, slot, 100);
			if (i % 2 == 0)
				running_sent(r, slot, &where);
		}
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	h = housekeeper_start(config, NULL);
	await_rows(6);				/* also those that were not sent, for nothing */
	housekeeper_stop(h, 1000, HOUSE_GOES_ON);
	assert_int_equal(STORE0(store, arena, &rows, SQL_LEDGER_PROOF), STORE_FINE);
	assert_int_equal(rows_int(&rows, 0, 1, 0), 300);
}

static void
note_change(const char *digest)
{
	assert_int_equal(store_begin(store), STORE_FINE);
	assert_int_equal(STORE0(store, arena, NULL, SQL_CHANGE_LOCK), STORE_FINE);
	assert_int_equal(STORE(store, arena, NULL, SQL_CHANGE_ADD, V_INT(clock_wall_ms()), V_TEXT(TEXT("key")), V_TEXT(text_of(digest)),
	    V_TEXT(text_of(digest))), STORE_FINE);
	assert_int_equal(STORE0(store, arena, NULL, SQL_CHANGE_TELL), STORE_FINE);
	assert_int_equal(store_commit(store), STORE_FINE);
}

/* How long it takes until the generation moves. */
static int64_t
delay_of_change(struct board *b, const char *digest)
{
	struct known_id id, other;
	uint32_t before, other_before;
	int64_t began;

	assert_true(hex_read(id.bytes, sizeof(id.bytes), text_of(DIGEST)));
	known_id_make(&other, KNOWN_TEAM, TEXT("t"));
	before = known_generation(b, &id);
	other_before = known_generation(b, &other);
	note_change(digest);
	began = clock_us();
	while (known_generation(b, &id) == before && clock_us() < began + 30000000)
		usleep(200);
	assert_int_not_equal(known_generation(b, &id), before);
	if (digest[0] != '\0')
		assert_int_equal(known_generation(b, &other), other_before);
	else
		assert_int_not_equal(known_generation(b, &other), other_before);
	return (clock_us() - began);
}

static void
await_changes_read(struct board *b, int64_t since)
{
	for (unsigned i = 0; i < 3000 && board_changes_read_until(b) < since; i++)
		usleep(10000);
	assert_true(board_changes_read_until(b) >= since);
}

static void
changes_are_told_soon(void **state)
{
	struct housekeeper *h;
	struct board *b;
	int64_t least = INT64_MAX;

	(void)state;
	need_store();
	note_change(DIGEST);			/* before anybody listens */
	h = housekeeper_start(config, NULL);
	await_it(h);
	b = look_on();
	await_changes_read(b, clock_us());
	for (unsigned i = 0; i < 10; i++) {
		int64_t us = delay_of_change(b, i == 5 ? "" : DIGEST);

		least = us < least ? us : least;
		usleep(20000);
	}
	assert_true(least < 100000);
	await_changes_read(b, clock_us());
	housekeeper_stop(h, 1000, HOUSE_GOES_ON);
	board_close(b);
}

/* The store is away: the board says since when nothing was read, and when it is back nothing is missed. */
static void
changes_of_an_outage_are_not_missed(void **state)
{
	struct housekeeper *h;
	struct board *b;
	int64_t gone;

	(void)state;
	need_store();
	h = housekeeper_start(config, NULL);
	await_it(h);
	b = look_on();
	await_changes_read(b, clock_us());
	append(5);
	await_rows(5);
	postgres_end(&server, SIGQUIT);
	note_upto = getenv("NOTES") ? NOTE_INFO : NOTE_ERROR;
	append(5);
	usleep(300000);
	gone = clock_us();
	usleep(300000);
	assert_true(board_changes_read_until(b) < gone);
	postgres_run(&server);
	await_changes_read(b, gone);
	delay_of_change(b, DIGEST);
	await_rows(10);
	housekeeper_stop(h, 1000, HOUSE_GOES_ON);
	board_close(b);
}

/* A row of `days` ago, by its id and its time. */
static void
put_row_of(int days)
{
	struct spool_settings set = { .dir = spool_path(arena, config->settings.state_dir, config->settings.instance).at, .segment = 1 << 20 };
	int64_t ms = clock_wall_ms() - (int64_t)days * 86400000;
	struct ledger_row row = { .began_ms = ms, .cost = 1, .status = 200 };
	struct buf why = { 0 };
	struct spool *s = spool_open(&set, &why);

	snprintf(row.id, sizeof(row.id), "%08x-%04x-7000-8000-%012x", (unsigned)(ms >> 16), (unsigned)(ms & 0xffff), (unsigned)days + 1);
	assert_true(spool_append(s, &row));
	spool_close(s);
}

/* Days are made, rows that were there before move into theirs, old days and strays go, sums stay. */
static void
old_days_go_and_their_sums_stay(void **state)
{
	static const int ages[] = { 0, 1, 2, 5, 30, 3000, -3, -400 };
	struct housekeeper *h;
	struct rows rows;

	(void)state;
	need_store();
	for (unsigned i = 0; i < nitems(ages); i++)
		put_row_of(ages[i]);
	h = housekeeper_start(config, NULL);
	await_rows(8);
	housekeeper_stop(h, 1000, HOUSE_GOES_ON);
	put_row_of(6);
	config->settings.row_retention_ms = 4 * INT64_C(86400000);
	h = housekeeper_start(config, NULL);
	await_rows(5);				/* of today, 1, 2, and the coming ones */
	housekeeper_stop(h, 1000, HOUSE_GOES_ON);
	assert_int_equal(STORE0(store, arena, &rows, SQL_LEDGER_PROOF), STORE_FINE);
	assert_int_equal(rows_int(&rows, 0, 2, 0), 9);
	assert_int_equal(rows_int(&rows, 0, 3, 0), 9);
	h = housekeeper_start(config, NULL);		/* and it is all there to be done again */
	append(1);
	await_rows(6);
	housekeeper_stop(h, 1000, HOUSE_GOES_ON);
}

static void
nothing_waits_for_the_calendar(void **state)
{
	struct housekeeper *h;

	(void)state;
	need_store();
	assert_int_equal(store_script(store, "DROP TABLE sluice_calendar"), STORE_FINE);
	put_row_of(0);
	put_row_of(6);
	h = housekeeper_start(config, NULL);
	await_rows(2);
	housekeeper_stop(h, 1000, HOUSE_GOES_ON);
	config->settings.row_retention_ms = 4 * INT64_C(86400000);
	h = housekeeper_start(config, NULL);
	await_rows(1);
	housekeeper_stop(h, 1000, HOUSE_GOES_ON);
}

#define ON(test)	cmocka_unit_test_setup_teardown(test, sqlite, teardown), { #test "_in_postgres", test, postgres, teardown, NULL }

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		ON(what_is_in_the_spool_is_shipped),
		ON(one_that_stops_ships_the_rest),
		cmocka_unit_test_setup_teardown(one_is_it_and_another_takes_over, sqlite, teardown),
		ON(calls_of_a_killed_worker_get_rows),
		ON(changes_are_told_soon),
		ON(old_days_go_and_their_sums_stay),
		ON(nothing_waits_for_the_calendar),
		cmocka_unit_test_setup_teardown(changes_of_an_outage_are_not_missed, postgres, teardown),
	};
	int failed;

	postgres_start(&server);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	postgres_stop(&server);
	return (failed);
}
