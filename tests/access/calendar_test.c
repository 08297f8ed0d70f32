/* SPDX-License-Identifier: Apache-2.0 */
/* Spending goes along when the calendar of budgets becomes another one, the same on both engines. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "access/accounts.h"
#include "access/calendar.h"
#include "base/log.h"
#include "base/span.h"
#include "postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HOUR	INT64_C(3600000)
#define DAY	(24 * HOUR)
#define NOV	INT64_C(1793491200000)		/* 2026-11-01 00:00 UTC */
#define NOW	(NOV + 19 * DAY + 12 * HOUR)

static struct postgres server;
static struct arena *arena;
static struct store *store;
static char url[200];

static int
setup(bool on_postgres)
{
	unsigned from, to;

	arena = arena_new();
	url[0] = '\0';
	if (!on_postgres)
		snprintf(url, sizeof(url), "/tmp/sluice-calendar-%d.db", (int)getpid());
	else if (server.pid != 0)
		snprintf(url, sizeof(url), "%s", postgres_database(&server, true));
	store = store_new(text_of(url));
	return (url[0] == '\0' || store_migrate(store, &from, &to) == STORE_FINE ? 0 : -1);
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
	static const char *const parts[] = { "", "-wal", "-shm" };

	(void)state;
	store_free(store);
	arena_free(arena);
	for (unsigned i = 0; i < nitems(parts) && url[0] == '/'; i++) {
		char path[220];

		snprintf(path, sizeof(path), "%s%s", url, parts[i]);
		unlink(path);
	}
	span_zone(NULL);
	return (0);
}

static void
fine(enum store_end end)
{
	if (end != STORE_FINE)
		fail_msg("%d: %s", end, store_why(store));
}

/* A call of this key and team, and what it was charged to. */
static void
call(unsigned n, int64_t at, int64_t cost)
{
	fine(store_script(store, arena_print(arena, "INSERT INTO sluice_request (id, began_at, ended_at, call_type, ended, status, streamed, key_digest, "
	    "user_id, team_id, organization_id, project_id, customer, model_group, model, model_id, provider, api_base, prompt, completion, cached, "
	    "written, reasoning, cost, estimated, host, tags, doc) VALUES ('%08llx-%04llx-7000-8000-%012x', %lld, %lld, '', '', 200, 0, 'k', 'u', 't', '', "
	    "'', '', 'g', '', '', '', '', 0, 0, 0, 0, 0, %lld, 0, '', '[\"blue\"]', '{}')", (unsigned long long)at >> 16,
	    (unsigned long long)at & 0xffff, n, (long long)at, (long long)at, (long long)cost).at));
}

static void
wants(enum scope scope, const char *entity, const char *part, const char *duration)
{
	fine(account_sync(store, arena, scope, text_of(entity), &(struct account_want){ .part = part, .ceiling = 1000, .soft = NO_LIMIT,
	    .duration = text_of(duration) }, NOW));
}

static void
charged(const char *entity, int64_t period, int64_t spent)
{
	fine(store_script(store, arena_print(arena, "INSERT INTO sluice_account_period (account, period, spent) SELECT id, %lld, %lld FROM sluice_account "
	    "WHERE entity = '%s'", (long long)period, (long long)spent, entity).at));
}

static int64_t
spent(enum scope scope, const char *entity, const char *part)
{
	struct account a;

	fine(account_read(&a, store, arena, scope, text_of(entity), text_of(part), NOW));
	return (a.spent);
}

static void
all_is(int64_t nano)
{
	struct rows rows;

	fine(STORE0(store, arena, &rows, SQL_LEDGER_PROOF));
	assert_int_equal(rows_int(&rows, 0, 7, 0), nano);
}

static void
go_to(const char *zone)
{
	assert_true(span_zone(zone));
	fine(calendar_follow(store, arena, NOW));
}

static void
spending_goes_along(void **state)
{
	struct rows rows;

	(void)state;
	if (url[0] == '\0')
		skip();
	go_to("UTC");
	wants(SCOPE_KEY, "k", "", "30d");
	wants(SCOPE_KEY, "k", "model:other", "30d");
	wants(SCOPE_TEAM, "t", "", "1d");
	wants(SCOPE_TAG, "blue", "", "1d");
	wants(SCOPE_USER, "u", "", "1h");
	call(1, NOV - 4 * HOUR, 11);			/* of October, in UTC */
	call(2, NOV + 3 * HOUR, 30);
	call(3, NOV + 18 * DAY + 10 * HOUR, 5);
	call(4, NOV + 18 * DAY + 18 * HOUR, 9);		/* yesterday */
	call(5, NOV + 19 * DAY + 3 * HOUR, 20);		/* today */
	call(6, NOV + 19 * DAY + 8 * HOUR, 30);
	charged("k", NOV - 31 * DAY, 40 + 11);		/* the part, too, although no row is of that model */
	charged("k", NOV, 30 + 5 + 9 + 20 + 30);
	for (unsigned i = 0; i < 2; i++) {
		charged(i == 0 ? "t" : "blue", NOV + 18 * DAY, 5 + 9);
		charged(i == 0 ? "t" : "blue", NOV + 19 * DAY, 20 + 30);
	}
	charged("u", NOW, 7);
	all_is(2 * (51 + 94) + 2 * (14 + 50) + 7);
	/* west: periods began later; the month by what was before, the day by what came after */
	go_to("America/New_York");
	assert_int_equal(spent(SCOPE_KEY, "k", ""), 94 - 30);
	assert_int_equal(spent(SCOPE_TEAM, "t", ""), 30);
	assert_int_equal(spent(SCOPE_TAG, "blue", ""), 30);
	assert_int_equal(spent(SCOPE_USER, "u", ""), 7);	/* hours are the same everywhere */
	/* east: they began before those of both others */
	go_to("Asia/Seoul");
	assert_int_equal(spent(SCOPE_KEY, "k", ""), 11 + 94);
	assert_int_equal(spent(SCOPE_KEY, "k", "model:other"), 94);
	assert_int_equal(spent(SCOPE_TEAM, "t", ""), 9 + 50);
	assert_int_equal(spent(SCOPE_TAG, "blue", ""), 9 + 50);
	/* and back, and again: nothing is counted twice */
	for (unsigned i = 0; i < 2; i++) {
		go_to("UTC");
		assert_int_equal(spent(SCOPE_KEY, "k", ""), 94);
		assert_int_equal(spent(SCOPE_TEAM, "t", ""), 50);
		assert_int_equal(spent(SCOPE_TAG, "blue", ""), 50);
	}
	/* the time of day at which they begin */
	span_turn(6 * 3600);
	fine(calendar_follow(store, arena, NOW));
	assert_int_equal(spent(SCOPE_TEAM, "t", ""), 30);
	assert_int_equal(spent(SCOPE_KEY, "k", ""), 94 - 30);
	span_turn(0);
	all_is(2 * (51 + 94) + 2 * (14 + 50) + 7);
	fine(STORE(store, arena, &rows, SQL_CHANGE_READ, V_INT(0), V_INT(100)));
	assert_int_equal(rows.n, 4);			/* everybody heard of each */
}

/* As a command does that is told the database only. */
static void
a_command_goes_by_what_the_gateway_used(void **state)
{
	int turn;

	(void)state;
	if (url[0] == '\0')
		skip();
	assert_true(span_zone("UTC"));
	fine(calendar_take(store));
	assert_string_equal(span_calendar(&turn), "UTC");	/* none has run yet */
	span_turn(7200);
	go_to("Asia/Seoul");
	assert_true(span_zone("UTC"));
	span_turn(0);
	fine(calendar_take(store));
	assert_string_equal(span_calendar(&turn), "Asia/Seoul");
	assert_int_equal(turn, 7200);
	span_turn(0);
}

#define BOTH(test) { #test " sqlite", test, sqlite, teardown, NULL }, { #test " postgres", test, postgres, teardown, NULL }

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(spending_goes_along),
		BOTH(a_command_goes_by_what_the_gateway_used),
	};
	int rc;

	note_upto = NOTE_ERROR;
	postgres_start(&server);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	postgres_stop(&server);
	return (rc);
}
