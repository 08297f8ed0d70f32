/* SPDX-License-Identifier: Apache-2.0 */
/* From rows to standings: a store with rows as the handlers write them, and documents as bad as they come. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "access/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NOW	INT64_C(1785000000000)		/* 2026-07-25 17:20 UTC */
#define DAY	INT64_C(1784937600000)		/* its begin */
#define DIGEST	"00000000000000000000000000000000000000000000000000000000000000aa"
#define OLD	"00000000000000000000000000000000000000000000000000000000000000bb"

static struct arena *arena;
static struct store *store;
static char path[64];

static int
set_up(void **state)
{
	unsigned from, to;

	(void)state;
	arena = arena_new();
	snprintf(path, sizeof(path), "/tmp/sluice-load-%d.db", (int)getpid());
	unlink(path);
	store = store_new(text_of(path));
	assert_int_equal(store_migrate(store, &from, &to), STORE_FINE);
	return (0);
}

static int
tear_down(void **state)
{
	char beside[80];

	(void)state;
	store_free(store);
	unlink(path);
	snprintf(beside, sizeof(beside), "%s-wal", path);
	unlink(beside);
	snprintf(beside, sizeof(beside), "%s-shm", path);
	unlink(beside);
	arena_free(arena);
	return (0);
}

static void
sql(const char *script)
{
	if (store_script(store, script) != STORE_FINE)
		fail_msg("%s", store_why(store));
}

static struct text
packed(enum known_kind kind, const char *id, const char *user)
{
	struct entity e = { .kind = kind, .id = text_of(id), .user_id = text_of(user) };
	struct buf b = { 0 };
	struct text t;

	assert_int_equal(load_entity(&b, arena, store, &e, NOW), STORE_FINE);
	t = arena_copy(arena, buf_as_text(&b));
	buf_free(&b);
	return (t);
}

static struct standing
load(enum known_kind kind, const char *id, const char *user)
{
	struct standing s = { 0 };

	assert_true(standing_unpack(&s, arena, packed(kind, id, user)));
	return (s);
}

static void
a_key_with_all_it_has(void **state)
{
	struct standing s;

	(void)state;
	sql("INSERT INTO sluice_key (digest, alias, user_id, team_id, organization_id, project_id, budget_id, expires, created_at, updated_at, doc) VALUES ('" DIGEST "', 'ci', 'u1', 't1', 'o1', 'p1', NULL, 1790000000000, 1, 1, '"
	    "{\"blocked\":true,\"models\":[\"gpt-4o\",\"\",\"a\\u00e9\"],\"aliases\":{\"fast\":\"gpt-4o\"},\"tpm_limit\":100,\"rpm_limit\":0,"
	    "\"max_parallel_requests\":null,\"allowed_routes\":[\"/x\"],\"key_type\":\"llm_api\",\"access_group_ids\":[\"g1\"],"
	    "\"metadata\":{\"tags\":[\"a\",\"b\"],\"model_rpm_limit\":{\"gpt-4o\":5},\"model_tpm_limit\":{\"gpt-4o\":7,\"x\":1},\"tag_rpm_limit\":{\"a\":2},"
	    "\"enforced_params\":[\"user\"],\"may_assert_user\":true,\"store_prompts\":true}}');"
	    "INSERT INTO sluice_account (id, scope, entity, part, ceiling, soft, raised, raised_until, duration) VALUES"
	    " (7, 'key', '" DIGEST "', '', 5000, 4000, 11, 1785000000001, '1d'), (8, 'key', '" DIGEST "', 'window:1h', 60, NULL, 99, 5, '1h'),"
	    " (9, 'key', '" DIGEST "', 'model:x', NULL, NULL, 0, NULL, NULL), (10, 'key', 'other', '', 1, NULL, 0, NULL, NULL);"
	    "INSERT INTO sluice_account_period (account, period, spent) VALUES (7, 1784937600000, 123), (7, 5, 456), (8, 1, 2);");
	s = load(KNOWN_KEY, DIGEST, "");
	assert_true(s.scope == SCOPE_KEY && text_is(s.id, DIGEST) && text_is(s.alias, "ci") && s.blocked && s.expires_ms == 1790000000000);
	assert_true(text_is(s.user_id, "u1") && text_is(s.team_id, "t1") && text_is(s.organization_id, "o1") && text_is(s.project_id, "p1"));
	assert_true(s.tpm == 100 && s.rpm == 0 && s.parallel == NO_LIMIT);
	assert_true(s.n_models == 3 && text_is(s.models[2], "a\xc3\xa9"));
	assert_true(s.n_aliases == 1 && text_is(s.aliases[0].from, "fast") && text_is(s.aliases[0].to, "gpt-4o"));
	assert_true(s.n_routes == 1 && text_is(s.routes[0], "/x"));
	assert_true(s.n_groups == 1 && s.n_tags == 2 && text_is(s.tags[1], "b") && s.n_enforced == 1);
	assert_true(s.n_model_limits == 3 && s.model_limits[0].rpm == 5 && s.model_limits[0].tpm == 7);
	assert_true(s.model_limits[1].rpm == NO_LIMIT && text_is(s.model_limits[2].name, "tag:a"));
	assert_true(s.may_assert_user && s.store_prompts == 1 && text_has(s.metadata, TEXT("\"tags\"")) && s.loaded_ms == NOW);
	/* money: the part without a ceiling is one that is no longer wanted */
	assert_int_equal(s.n_purses, 2);
	assert_true(s.purses[0].account == 7 && s.purses[0].ceiling == 5011 && s.purses[0].soft == 4000 && s.purses[0].spent == 123);
	assert_true(s.purses[0].period == DAY && s.purses[0].resets_at == DAY + 86400000);
	assert_true(s.purses[1].account == 8 && text_is(s.purses[1].part, "window:1h") && s.purses[1].ceiling == 60 && s.purses[1].spent == 0);
	assert_true(s.good_until_ms == NOW + 1);	/* the raise ends first */
}

static void
a_plain_key(void **state)
{
	struct standing s;

	(void)state;
	sql("INSERT INTO sluice_key (digest, created_at, updated_at, doc) VALUES ('" DIGEST "', 1, 1, '{\"key_type\":\"read_only\"}');");
	s = load(KNOWN_KEY, DIGEST, "");
	assert_true(!s.blocked && s.expires_ms == 0 && s.rpm == NO_LIMIT && s.n_models == 0 && s.n_purses == 0 && s.good_until_ms == 0);
	assert_true(s.n_routes == 1 && text_is(s.routes[0], "info_routes") && s.user_id.len == 0);
}

/* Whatever a document holds, the key loads, and what is no limit limits nothing. */
static void
bad_documents_limit_nothing(void **state)
{
	static const char *const docs[] = {
		"", "[]", "{", "null", "{\"models\":\"gpt-4o\",\"rpm_limit\":\"five\",\"tpm_limit\":-3,\"blocked\":\"yes\",\"aliases\":[1],\"metadata\":7}",
		"{\"models\":[1,null,{}],\"metadata\":{\"model_rpm_limit\":{\"a\":\"b\",\"c\":-1},\"tags\":{}},\"rpm_limit\":1e99,\"aliases\":{\"a\":1}}",
		"{\"model_max_budget\":{\"a\":5,\"b\":{\"rpm_limit\":null}}}",
	};
	char script[600];

	(void)state;
	for (size_t i = 1; i < nitems(docs); i++) {
		struct standing s;

		snprintf(script, sizeof(script), "DELETE FROM sluice_key; INSERT INTO sluice_key (digest, created_at, updated_at, doc) VALUES ('" DIGEST
		    "', 1, 1, '%s');", docs[i]);
		sql(script);
		s = load(KNOWN_KEY, DIGEST, "");
		assert_true(!s.blocked && s.rpm == NO_LIMIT && s.tpm == NO_LIMIT && s.n_models == 0 && s.n_aliases == 0 && s.n_model_limits == 0);
	}
	sql("UPDATE sluice_key SET doc = '{\"rpm_limit\":\"5\",\"tpm_limit\":\"1e3\"}'");	/* as a file may have them */
	assert_true(load(KNOWN_KEY, DIGEST, "").rpm == 5 && load(KNOWN_KEY, DIGEST, "").tpm == 1000);
}

static void
who_is_not_there_is_empty(void **state)
{
	(void)state;
	for (enum known_kind k = KNOWN_KEY; k < KNOWN_KINDS; k++) {
		assert_int_equal(packed(k, "nobody", "x").len, 0);
		assert_int_equal(packed(k, "'; DROP TABLE sluice_key; --", "%").len, 0);
	}
	assert_int_equal(packed(KNOWN_KEY, DIGEST, "").len, 0);
}

static void
a_regenerated_key_leads_to_its_heir(void **state)
{
	struct moved m;

	(void)state;
	sql("INSERT INTO sluice_key_old VALUES ('" OLD "', '" DIGEST "', 1785000000001);");
	assert_true(moved_unpack(&m, packed(KNOWN_KEY, OLD, "")));
	assert_true(text_is(m.digest, DIGEST) && m.until_ms == NOW + 1);
	sql("UPDATE sluice_key_old SET good_until = 1785000000000;");
	assert_int_equal(packed(KNOWN_KEY, OLD, "").len, 0);
}

static void
all_that_stand_behind_a_key(void **state)
{
	struct standing s;

	(void)state;
	sql("INSERT INTO sluice_team VALUES ('t/1', 'Team', 'o1', 1, 1, '{\"models\":[\"m\"],\"litellm_model_table\":{\"model_aliases\":{\"a\":\"b\"}}}');"
	    "INSERT INTO sluice_team_member VALUES ('t/1', 'u1', 'admin', 'tier', '{\"allowed_models\":[\"x\"]}');"
	    "INSERT INTO sluice_user VALUES ('u1', 'a@b', NULL, 'proxy_admin', 1, 1, '{\"max_parallel_requests\":3,\"metadata\":{\"scim_active\":false}}');"
	    "INSERT INTO sluice_organization VALUES ('o1', 'Org', NULL, 1, 1, '{\"metadata\":{\"model_rpm_limit\":{\"m\":1}}}');"
	    "INSERT INTO sluice_thing VALUES ('project', 'p1', 't/1', 1, 1, '{\"blocked\":true}'), ('customer', 'c1', 'tier', 1, 1, '{\"blocked\":false}'),"
	    " ('tag', 'x', NULL, 1, 1, '{\"budget_id\":\"tier\",\"rpm_limit\":2}'), ('access_group', 'g1', NULL, 1, 1, '{\"access_model_names\":[\"a\"]}'),"
	    " ('budget', 'tier', NULL, 1, 1, '{\"rpm_limit\":9,\"tpm_limit\":8,\"model_max_budget\":{\"m\":{\"rpm_limit\":4}}}');"
	    "INSERT INTO sluice_organization_member (organization_id, user_id, role, doc) VALUES ('o1', 'u1', 'internal_user', '{}'), ('o/2', 'u1', 'org_admin', '{}');"
	    "INSERT INTO sluice_account (id, scope, entity, ceiling) VALUES (3, 'member', 't/1/u1', 10), (4, 'organization_member', 'o/2/u1', 5), (5, 'user', 'u1', 9),"
	    " (6, 'organization_member', 'o/2/u10', 1);");
	s = load(KNOWN_TEAM, "t/1", "");
	assert_true(s.scope == SCOPE_TEAM && text_is(s.organization_id, "o1") && s.n_models == 1 && s.n_aliases == 1);
	s = load(KNOWN_MEMBER, "t/1", "u1");
	assert_true(text_is(s.id, "t/1/u1") && text_is(s.team_id, "t/1") && text_is(s.user_id, "u1") && text_is(s.role, "admin"));
	assert_true(s.rpm == 9 && s.tpm == 8 && s.n_models == 1 && s.n_purses == 1 && s.purses[0].account == 3 && s.purses[0].resets_at == 0);
	assert_true(s.n_model_limits == 1 && s.model_limits[0].rpm == 4);
	s = load(KNOWN_USER, "u1", "");
	assert_true(s.blocked && s.parallel == 3 && text_is(s.role, "proxy_admin") && text_is(s.email, "a@b"));
	assert_int_equal(s.n_purses, 2);
	assert_true(s.purses[0].account == 5 && s.purses[1].account == 4 && text_is(s.purses[1].part, "organization:o/2") && s.purses[1].ceiling == 5);
	s = load(KNOWN_ORGANIZATION, "o1", "");
	assert_true(text_is(s.alias, "Org") && s.n_model_limits == 1);
	assert_true(load(KNOWN_PROJECT, "p1", "").blocked);
	s = load(KNOWN_CUSTOMER, "c1", "");
	assert_true(!s.blocked && s.rpm == 9);
	s = load(KNOWN_TAG, "x", "");
	assert_true(s.rpm == 2 && s.tpm == 8);
	s = load(KNOWN_OTHER, "access_group/g1", "");
	assert_true(s.n_models == 1 && text_is(s.models[0], "a"));
}

static struct standing
load_with(struct entity e)
{
	struct standing s = { 0 };
	struct buf b = { 0 };

	assert_int_equal(load_entity(&b, arena, store, &e, NOW), STORE_FINE);
	assert_true(standing_unpack(&s, arena, arena_copy(arena, buf_as_text(&b))));
	buf_free(&b);
	return (s);
}

static void
budgets_of_the_configuration_get_accounts(void **state)
{
	struct standing s, again;

	(void)state;
	s = load_with((struct entity){ .kind = KNOWN_OTHER, .id = TEXT("proxy"), .doc = TEXT("{\"max_budget\":12.5,\"budget_duration\":\"1d\"}") });
	assert_true(s.scope == SCOPE_PROXY && s.n_purses == 1 && s.purses[0].ceiling == 12500000000 && s.purses[0].resets_at == DAY + 86400000);
	again = load_with((struct entity){ .kind = KNOWN_OTHER, .id = TEXT("proxy"), .doc = TEXT("{\"max_budget\":1,\"budget_duration\":\"1d\"}") });
	assert_true(again.purses[0].account == s.purses[0].account && again.purses[0].ceiling == MONEY_DOLLAR);
	s = load_with((struct entity){ .kind = KNOWN_OTHER, .id = TEXT("provider/openai"), .doc = TEXT("{\"budget_limit\":2,\"time_period\":\"1h\"}") });
	assert_true(s.scope == SCOPE_PROVIDER && text_is(s.id, "openai") && s.purses[0].ceiling == 2 * MONEY_DOLLAR && s.purses[0].resets_at > NOW);
	s = load_with((struct entity){ .kind = KNOWN_OTHER, .id = TEXT("deployment/a/b#c#12ab"), .doc = TEXT("{\"max_budget\":4}") });
	assert_true(s.scope == SCOPE_DEPLOYMENT && text_is(s.id, "a/b#c") && s.purses[0].ceiling == 4 * MONEY_DOLLAR && s.purses[0].resets_at == 0);
	again = load_with((struct entity){ .kind = KNOWN_OTHER, .id = TEXT("deployment/a/b#c#7"), .doc = TEXT("{\"max_budget\":\"5e0\"}") });
	assert_true(again.purses[0].account == s.purses[0].account && again.purses[0].ceiling == 5 * MONEY_DOLLAR);
	s = load_with((struct entity){ .kind = KNOWN_KEY, .id = TEXT(DIGEST), .doc = TEXT("{\"alias\":\"a\",\"max_budget\":3,\"rpm_limit\":4}"), .expires_ms = 9 });
	assert_true(s.scope == SCOPE_KEY && text_is(s.alias, "a") && s.rpm == 4 && s.expires_ms == 9 && s.purses[0].ceiling == 3 * MONEY_DOLLAR);
}

static void
customers_of_no_tier_take_the_configured_one(void **state)
{
	struct standing s;

	(void)state;
	sql("INSERT INTO sluice_thing VALUES ('budget', 'tier', NULL, 1, 1, '{\"max_budget\":1,\"rpm_limit\":9}'), ('budget', 'own', NULL, 1, 1, '{\"rpm_limit\":1}'),"
	    "('customer', 'c1', 'own', 1, 1, '{}'), ('customer', 'c2', NULL, 1, 1, '{\"blocked\":true}'), ('customer', 'c3', NULL, 1, 1, '{\"max_budget\":5}');");
	s = load_with((struct entity){ .kind = KNOWN_CUSTOMER, .id = TEXT("nobody made"), .tier = TEXT("tier") });
	assert_true(text_is(s.id, "nobody made") && s.rpm == 9 && s.purses[0].ceiling == MONEY_DOLLAR);
	s = load_with((struct entity){ .kind = KNOWN_CUSTOMER, .id = TEXT("c1"), .tier = TEXT("tier") });
	assert_true(s.rpm == 1 && s.n_purses == 0);
	s = load_with((struct entity){ .kind = KNOWN_CUSTOMER, .id = TEXT("c2"), .tier = TEXT("tier") });
	assert_true(s.blocked && s.rpm == 9 && s.purses[0].ceiling == MONEY_DOLLAR);
	s = load_with((struct entity){ .kind = KNOWN_CUSTOMER, .id = TEXT("c3"), .tier = TEXT("tier") });
	assert_true(s.rpm == NO_LIMIT && s.n_purses == 0);
	s = load_with((struct entity){ .kind = KNOWN_TAG, .id = TEXT("nightly"), .tier = TEXT("{\"max_budget\":2,\"budget_duration\":\"1d\"}") });
	assert_true(s.scope == SCOPE_TAG && text_is(s.id, "nightly") && s.budget_id.len == 0 && s.purses[0].ceiling == 2 * MONEY_DOLLAR);
	assert_true(s.purses[0].resets_at == DAY + 86400000);
	s = load_with((struct entity){ .kind = KNOWN_CUSTOMER, .id = TEXT("c9"), .tier = TEXT("{\"max_budget\":3}") });
	assert_true(s.scope == SCOPE_CUSTOMER && s.purses[0].ceiling == 3 * MONEY_DOLLAR);
}

static void
agents_and_their_sessions(void **state)
{
	struct standing s;
	struct rows r;

	(void)state;
	sql("INSERT INTO sluice_thing VALUES ('agent', 'a/1', 'crawler', 1, 1, '{\"agent_name\":\"crawler\",\"tpm_limit\":9,\"session_rpm_limit\":2,\"enabled\":false,"
	    "\"litellm_params\":{\"max_iterations\":\"25\",\"max_budget_per_session\":0.5,\"require_trace_id_on_calls_by_agent\":true}}');"
	    "INSERT INTO sluice_account (scope, entity, ceiling) VALUES ('agent', 'a/1', 7);");
	s = load_with((struct entity){ .kind = KNOWN_OTHER, .id = TEXT("agent/a/1") });
	assert_true(s.scope == SCOPE_AGENT && text_is(s.id, "a/1") && text_is(s.alias, "crawler") && s.blocked && s.tpm == 9 && s.purses[0].ceiling == 7);
	assert_int_equal(s.n_session_rules, 1);
	assert_true(s.session_rules[0].turns == 25 && s.session_rules[0].ceiling == MONEY_DOLLAR / 2 && s.session_rules[0].rpm == 2 &&
	    s.session_rules[0].tpm == NO_LIMIT && s.session_rules[0].named);
	s = load_with((struct entity){ .kind = KNOWN_OTHER, .id = TEXT("agent/f#1"), .doc = TEXT("{\"agent_name\":\"f\",\"rpm_limit\":3,\"max_budget\":1}") });
	assert_true(s.scope == SCOPE_AGENT && text_is(s.id, "f") && s.rpm == 3 && s.purses[0].ceiling == MONEY_DOLLAR && s.n_session_rules == 0);
	s = load_with((struct entity){ .kind = KNOWN_OTHER, .id = TEXT("session/agent:a/1:s#1#2"), .doc = TEXT("{\"max_budget\":2,\"tpm_limit\":4}") });
	assert_true(s.scope == SCOPE_SESSION && text_is(s.id, "agent:a/1:s#1") && s.tpm == 4 && s.purses[0].ceiling == 2 * MONEY_DOLLAR && s.good_until_ms > NOW);
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(STORE(store, arena, &r, SQL_SESSION_TURN, V_TEXT(s.id), V_INT(NOW + 5), V_INT(2)), STORE_FINE);
		assert_int_equal(r.n > 0 ? rows_int(&r, 0, 0, 0) : 0, i <= 2 ? i : 0);
	}
}

static void
how_long_a_team_keeps_files(void **state)
{
	static const struct { const char *doc; int64_t file, batch; } cases[] = {
		{ "{}", 0, 0 }, { "{\"enforced_file_expires_after\":null}", 0, 0 },
		{ "{\"metadata\":{\"enforced_file_expires_after\":{\"anchor\":\"created_at\",\"seconds\":3600}}}", 3600, 0 },
		{ "{\"enforced_batch_output_expires_after\":{\"anchor\":\"created_at\",\"days\":2}}", 0, 172800 },
		{ "{\"enforced_file_expires_after\":{\"seconds\":3600},\"enforced_batch_output_expires_after\":7}", -1, -1 },
		{ "{\"enforced_file_expires_after\":{\"anchor\":\"created_at\",\"seconds\":0}}", -1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct standing s = standing_none;
		struct json_fault fault;

		standing_read(&s, arena, KNOWN_TEAM, json_parse(arena, text_of(cases[i].doc), &fault));
		assert_int_equal(s.file_expiry_s, cases[i].file);
		assert_int_equal(s.batch_expiry_s, cases[i].batch);
	}
}

static int64_t
count_of(enum statement statement, int64_t before_ms)
{
	struct rows r = { 0 };

	assert_int_equal(STORE(store, arena, &r, statement, V_INT(before_ms)), STORE_FINE);
	return ((int64_t)r.changed);
}

static void
sessions_that_rest_are_forgotten(void **state)
{
	(void)state;
	load_with((struct entity){ .kind = KNOWN_OTHER, .id = TEXT("session/old#1"), .doc = TEXT("{\"max_budget\":2}") });
	load_with((struct entity){ .kind = KNOWN_OTHER, .id = TEXT("session/held#1"), .doc = TEXT("{\"max_budget\":2}") });
	sql("INSERT INTO sluice_account_period (account, period, spent) SELECT id, 0, 5 FROM sluice_account;"
	    "INSERT INTO sluice_lease (host, account, period, remaining, state, granted_at) SELECT 'h', id, 0, 1, 0, 1 FROM sluice_account WHERE entity = 'held';");
	assert_int_equal(count_of(SQL_SESSIONS_FORGET_SPENT, NOW), 0);
	assert_int_equal(count_of(SQL_SESSIONS_FORGET_SPENT, NOW + 1), 1);
	assert_int_equal(count_of(SQL_SESSIONS_FORGET_ACCOUNTS, NOW + 1), 1);
	assert_int_equal(count_of(SQL_SESSIONS_FORGET, NOW + 1), 1);
	assert_int_equal(load_with((struct entity){ .kind = KNOWN_OTHER, .id = TEXT("session/old#1"), .doc = TEXT("{\"max_budget\":2}") }).purses[0].spent, 0);
	assert_int_equal(load_with((struct entity){ .kind = KNOWN_OTHER, .id = TEXT("session/held#1"), .doc = TEXT("{\"max_budget\":2}") }).purses[0].spent, 5);
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_key_with_all_it_has), TEST(a_plain_key), TEST(bad_documents_limit_nothing), TEST(who_is_not_there_is_empty),
		TEST(a_regenerated_key_leads_to_its_heir), TEST(all_that_stand_behind_a_key),
		TEST(budgets_of_the_configuration_get_accounts), TEST(customers_of_no_tier_take_the_configured_one),
		TEST(agents_and_their_sessions), TEST(how_long_a_team_keeps_files), TEST(sessions_that_rest_are_forgotten),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
