/* SPDX-License-Identifier: Apache-2.0 */
/* LiteLLM's tables taken over and handed back: no money twice, none lost, no door opened.  They are in PostgreSQL only; here in the same database as ours. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "admin/import.h"

#include "desk.h"

#include <stdio.h>

#define ONE	"1111111111111111111111111111111111111111111111111111111111111111"
#define TWO	"2222222222222222222222222222222222222222222222222222222222222222"
#define OLD	"3333333333333333333333333333333333333333333333333333333333333333"
#define PAST	"4444444444444444444444444444444444444444444444444444444444444444"

/* As much of them as is asked for: columns that one of its versions lacks do not matter. */
static const char tables[] =
    "CREATE TABLE \"LiteLLM_BudgetTable\" (budget_id TEXT PRIMARY KEY, max_budget DOUBLE PRECISION, created_by TEXT, updated_by TEXT);"
    "CREATE TABLE \"LiteLLM_OrganizationTable\" (organization_id TEXT PRIMARY KEY, organization_alias TEXT, budget_id TEXT, spend DOUBLE PRECISION);"
    "CREATE TABLE \"LiteLLM_ModelTable\" (id INT PRIMARY KEY, aliases JSONB);"
    "CREATE TABLE \"LiteLLM_TeamTable\" (team_id TEXT PRIMARY KEY, team_alias TEXT, model_id INT, max_budget DOUBLE PRECISION, spend DOUBLE PRECISION,"
    " organization_id TEXT, members_with_roles JSONB DEFAULT '[]');"
    "CREATE TABLE \"LiteLLM_TeamMembership\" (user_id TEXT, team_id TEXT, spend DOUBLE PRECISION, budget_id TEXT);"
    "CREATE TABLE \"LiteLLM_UserTable\" (user_id TEXT PRIMARY KEY, spend DOUBLE PRECISION, organization_id TEXT);"
    "CREATE TABLE \"LiteLLM_VerificationToken\" (token TEXT PRIMARY KEY, key_alias TEXT, team_id TEXT, max_budget DOUBLE PRECISION, spend DOUBLE PRECISION,"
    " blocked BOOLEAN, expires TIMESTAMP, organization_id TEXT, budget_id TEXT);"
    "CREATE TABLE \"LiteLLM_DeprecatedVerificationToken\" (token TEXT PRIMARY KEY, active_token_id TEXT, revoke_at TIMESTAMP);"
    "INSERT INTO \"LiteLLM_TeamTable\" (team_id, team_alias, max_budget, spend, members_with_roles) VALUES ('t', 'T', 100, 12.5, '[{\"user_id\":\"ann\",\"role\":\"user\"}]');"
    "INSERT INTO \"LiteLLM_TeamMembership\" VALUES ('ann', 't', 1.5, NULL);"
    "INSERT INTO \"LiteLLM_VerificationToken\" (token, key_alias, team_id, max_budget, spend) VALUES ('" ONE "', 'one', 't', 20, 7);";

static struct desk *
desk(void **state)
{
	struct desk *d = *state;

	desk_sql(d, tables);
	return (d);
}

static char said[1000];

static void
hear(void *self, const char *line)
{
	(void)self;
	snprintf(said, sizeof(said), "%s", line);
}

static void
run(struct import *m, struct desk *d, struct error *(*way)(struct import *, struct arena *))
{
	struct error *e;

	*m = (struct import){ .config = d->config, .to = d->pool, .from = store_new(text_of(d->url)), .salt_key = TEXT(""), .say = hear };
	said[0] = '\0';
	e = way(m, d->arena);
	store_free(m->from);
	if (e != NULL)
		fail_msg(TEXT_FMT, TEXT_ARG(e->message));
}

static struct import_count
keys_brought(struct desk *d)
{
	struct import m;

	run(&m, d, import_litellm);
	for (unsigned i = 0; i < m.n_counts; i++)
		if (strcmp(m.counts[i].what, "keys") == 0)
			return (m.counts[i]);
	fail();
	return ((struct import_count){ 0 });
}

static void
hand_back(struct desk *d)
{
	struct import m;

	run(&m, d, export_litellm);
}

static void
key_has_spent(struct desk *d, const char *spend)
{
	desk_calls(d, "GET /key/info?key=" ONE, NULL, 200);
	desk_expect(d, "info.spend", spend);
}

static void
there_it_spent(struct desk *d, const char *spend)
{
	desk_sql(d, arena_print(d->arena, "UPDATE \"LiteLLM_VerificationToken\" SET spend = %s WHERE token = '" ONE "'", spend).at);
}

static void
what_was_spent_is_brought_once(void **state)
{
	struct desk *d = desk(state);

	assert_int_equal(keys_brought(d).brought, 1);
	key_has_spent(d, "7");
	desk_calls(d, "GET /team/info?team_id=t", NULL, 200);
	desk_expect(d, "team_info.spend", "12.5");
	desk_expect(d, "team_memberships.0.spend", "1.5");
	assert_int_equal(keys_brought(d).brought, 0);
	key_has_spent(d, "7");
	there_it_spent(d, "9.25");
	assert_int_equal(keys_brought(d).brought, 1);
	key_has_spent(d, "9.25");
	desk_calls(d, "POST /key/update", "{\"key\":\"" ONE "\",\"spend\":20}", 200);	/* calls of here */
	there_it_spent(d, "10.25");
	keys_brought(d);
	key_has_spent(d, "21");
	there_it_spent(d, "0.5");					/* a new period there */
	keys_brought(d);
	key_has_spent(d, "21.5");
	keys_brought(d);
	key_has_spent(d, "21.5");
}

static void
what_was_handed_back_is_not_brought_again(void **state)
{
	struct desk *d = desk(state);

	keys_brought(d);
	desk_calls(d, "POST /key/update", "{\"key\":\"" ONE "\",\"spend\":11.5}", 200);
	hand_back(d);
	assert_int_equal(keys_brought(d).brought, 0);
	key_has_spent(d, "11.5");
	desk_sql(d, "UPDATE \"LiteLLM_VerificationToken\" SET spend = spend + 2");
	keys_brought(d);
	key_has_spent(d, "13.5");
}

/* What was changed here lasts until its row changes there. */
static void
spending_is_no_change_of_a_row(void **state)
{
	struct desk *d = desk(state);

	keys_brought(d);
	desk_calls(d, "POST /key/update", "{\"key\":\"" ONE "\",\"max_budget\":3,\"blocked\":true}", 200);
	there_it_spent(d, "8");
	keys_brought(d);
	key_has_spent(d, "8");
	desk_expect(d, "info.max_budget", "3");
	desk_expect(d, "info.blocked", "true");
	desk_sql(d, "UPDATE \"LiteLLM_VerificationToken\" SET max_budget = 5");
	keys_brought(d);
	key_has_spent(d, "8");
	desk_expect(d, "info.max_budget", "5");
}

static unsigned
olds(struct desk *d)
{
	struct store *s = store_lend(d->pool, 1000);
	struct rows rows = { 0 };

	assert_non_null(s);
	assert_int_equal(STORE(s, d->arena, &rows, SQL_KEY_OLD_LIST, V_TEXT(TEXT(ONE))), STORE_FINE);
	store_return(d->pool, s);
	return (rows.n);
}

static void
doors_that_are_closed_stay_closed(void **state)
{
	struct desk *d = desk(state);

	desk_sql(d, "INSERT INTO \"LiteLLM_VerificationToken\" (token, key_alias, spend, blocked, expires) VALUES ('" TWO "', 'two', 0, true, '2026-01-02 03:04:05');"
	    "INSERT INTO \"LiteLLM_DeprecatedVerificationToken\" VALUES ('" OLD "', '" ONE "', now() + interval '1 day'), ('" PAST "', '" ONE "', now() - interval '1 hour')");
	assert_int_equal(keys_brought(d).brought, 2);
	desk_calls(d, "GET /key/info?key=" TWO, NULL, 200);
	desk_expect(d, "info.blocked", "true");
	desk_expect(d, "info.expires", "\"2026-01-02T03:04:05.000Z\"");
	desk_calls(d, "GET /key/info?key=" ONE, NULL, 200);
	desk_expect(d, "info.max_budget", "20");
	desk_expect(d, "info.team_id", "\"t\"");
	assert_int_equal(olds(d), 1);					/* and not who was over before */
}

static void
a_row_that_does_not_fit_costs_itself_only(void **state)
{
	struct desk *d = desk(state);
	struct import_count n;

	desk_sql(d, "INSERT INTO \"LiteLLM_VerificationToken\" (token, key_alias, spend) VALUES ('sk-as-it-is', 'bad', 3), ('" TWO "', 'two', 2)");
	n = keys_brought(d);
	assert_int_equal(n.seen, 3);
	assert_int_equal(n.brought, 2);
	assert_int_equal(n.failed, 1);
	assert_true(text_has(text_of(said), TEXT("no digest")));
	key_has_spent(d, "7");						/* once, though its batch was begun twice */
	desk_calls(d, "GET /key/info?key=" TWO, NULL, 200);
	desk_expect(d, "info.spend", "2");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_spent_is_brought_once, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(what_was_handed_back_is_not_brought_again, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(spending_is_no_change_of_a_row, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(doors_that_are_closed_stay_closed, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(a_row_that_does_not_fit_costs_itself_only, desk_setup, desk_teardown),
	};

	return (desk_main_on_postgres(tests, sizeof(tests) / sizeof(tests[0])));
}
