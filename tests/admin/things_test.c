/* SPDX-License-Identifier: Apache-2.0 */
/* Customers, organizations, projects, tiers and tags: made, changed, shown, removed; and their accounts with them. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "desk.h"

#include "access/accounts.h"

#include <stdio.h>

static struct account
account(struct desk *d, enum scope scope, const char *entity, const char *part)
{
	struct store *s = store_lend(d->pool, 1000);
	struct account a;

	assert_non_null(s);
	assert_int_equal(account_read(&a, s, d->arena, scope, text_of(entity), text_of(part), d->now_ms), STORE_FINE);
	store_return(d->pool, s);
	return (a);
}

static bool
changed(struct desk *d, enum known_kind kind, const char *entity)
{
	for (const struct admin_changed *c = d->changed; c != NULL; c = c->next)
		if (c->kind == kind && text_is(c->entity, entity))
			return (true);
	return (false);
}

static void
be(struct desk *d, const char *user, enum user_role role)
{
	d->caller = (struct caller){ .kind = CALLER_KEY, .role = role, .digest = TEXT("key-of-a-caller"), .user_id = text_of(user) };
}

static const char nasty[] = "{\"user_id\":\"a%_\\\\'\\\";--\\u20ac\",\"alias\":\"%\"}";

static void
customers(void **state)
{
	struct desk *d = *state;

	desk_calls(d, "POST /customer/new", "{\"user_id\":\"acme\",\"alias\":\"Acme\",\"max_budget\":10.5,\"budget_duration\":\"30d\",\"tpm_limit\":7}", 200);
	desk_expect(d, "user_id", "\"acme\"");
	desk_expect(d, "blocked", "false");
	desk_expect(d, "spend", "0");
	desk_expect(d, "litellm_budget_table.max_budget", "10.5");
	desk_expect(d, "litellm_budget_table.tpm_limit", "7");
	assert_true(changed(d, KNOWN_CUSTOMER, "acme"));
	assert_int_equal(account(d, SCOPE_CUSTOMER, "acme", "").ceiling, INT64_C(10500000000));
	assert_true(text_is(account(d, SCOPE_CUSTOMER, "acme", "").duration, "30d"));
	desk_calls(d, "POST /customer/new", "{\"user_id\":\"acme\"}", 400);
	desk_calls(d, "POST /end_user/update", "{\"user_id\":\"acme\",\"max_budget\":20,\"default_model\":\"m\"}", 200);
	desk_expect(d, "litellm_budget_table.max_budget", "20");
	desk_expect(d, "litellm_budget_table.budget_duration", "\"30d\"");
	desk_expect(d, "alias", "\"Acme\"");
	assert_int_equal(account(d, SCOPE_CUSTOMER, "acme", "").ceiling, INT64_C(20000000000));
	desk_calls(d, "POST /customer/update", "{\"user_id\":\"acme\",\"max_budget\":null,\"alias\":null}", 200);
	desk_expect(d, "litellm_budget_table.max_budget", "null");
	desk_expect(d, "alias", "null");
	assert_int_equal(account(d, SCOPE_CUSTOMER, "acme", "").ceiling, NO_LIMIT);
	desk_calls(d, "POST /customer/update", "{\"user_id\":\"acme\",\"max_budget\":0}", 200);
	assert_int_equal(account(d, SCOPE_CUSTOMER, "acme", "").ceiling, 0);
	desk_calls(d, "GET /customer/info?end_user_id=acme", NULL, 200);
	desk_expect(d, "default_model", "\"m\"");
	desk_calls(d, "POST /customer/new", nasty, 200);
	desk_calls(d, "GET /end_user/info?end_user_id=a%25_%5C'%22%3B--%E2%82%AC", NULL, 200);
	desk_expect(d, "alias", "\"%\"");
	desk_calls(d, "GET /customer/list", NULL, 200);
	desk_expect(d, "1.user_id", "\"acme\"");
	desk_calls(d, "POST /customer/block", "{\"user_ids\":[\"acme\",\"stranger\"]}", 200);
	desk_expect(d, "blocked_users.1.blocked", "true");
	desk_calls(d, "POST /customer/unblock", "{\"user_ids\":[\"stranger\"]}", 200);
	desk_expect(d, "unblocked_users.0.blocked", "false");
	desk_calls(d, "POST /customer/unblock", "{\"user_ids\":[\"nobody\"]}", 404);
	desk_calls(d, "POST /customer/delete", "{\"user_ids\":[\"acme\",\"nobody\"]}", 404);
	desk_calls(d, "GET /customer/info?end_user_id=acme", NULL, 200);	/* all or none */
	desk_calls(d, "POST /customer/delete", "{\"user_ids\":[\"acme\"]}", 200);
	desk_expect(d, "deleted_customers", "1");
	desk_calls(d, "GET /customer/info?end_user_id=acme", NULL, 404);
	assert_int_equal(account(d, SCOPE_CUSTOMER, "acme", "").id, 0);
	desk_calls(d, "GET /budget/list", NULL, 200);
	desk_expect(d, "", "[]");			/* the tier that was its own went along */
}

static void
wrong_customers(void **state)
{
	static const char *const wrong[] = { "{}", "{\"user_id\":\"\"}", "{\"user_id\":7}", "{\"user_id\":\"x\",\"max_budget\":-1}", "{\"user_id\":\"x\",\"max_budget\":1e40}",
		"{\"user_id\":\"x\",\"max_budget\":\"much\"}", "{\"user_id\":\"x\",\"budget_duration\":\"30days\"}", "{\"user_id\":\"x\",\"budget_id\":\"none\"}",
		"{\"user_id\":\"x\",\"max_budget\":1,\"budget_id\":\"b\"}", "{\"user_id\":\"x\",\"tpm_limit\":1.5}", "{\"user_id\":\"x\",\"allowed_model_region\":\"mars\"}",
		"{\"user_id\":\"x\\u0000y\"}", "{\"user_id\":\"x\",\"soft_budget\":2,\"max_budget\":1}", "[]", "{\"user_id\":\"x\"" };
	struct desk *d = *state;

	for (size_t i = 0; i < nitems(wrong); i++)
		if (desk_call(d, "POST /customer/new", wrong[i]) != 400 && d->status != 422)
			fail_msg("%s gives %d", wrong[i], d->status);
	desk_calls(d, "GET /customer/list", NULL, 200);
	desk_expect(d, "", "[]");
	be(d, "ann", USER_INTERNAL);
	desk_calls(d, "POST /customer/new", "{\"user_id\":\"x\"}", 403);
	desk_calls(d, "GET /customer/list", NULL, 403);
	be(d, "vic", USER_ADMIN_VIEWER);
	desk_calls(d, "POST /customer/new", "{\"user_id\":\"x\"}", 403);
	desk_calls(d, "GET /customer/list", NULL, 200);
}

static void
tiers(void **state)
{
	struct desk *d = *state;

	desk_calls(d, "POST /budget/new", "{\"budget_id\":\"gold\",\"max_budget\":100,\"budget_duration\":\"1mo\",\"rpm_limit\":60,"
	    "\"model_max_budget\":{\"gpt\":{\"budget_limit\":5,\"time_period\":\"1d\"}}}", 200);
	desk_expect(d, "budget_id", "\"gold\"");
	desk_expect(d, "max_budget", "100");
	desk_expect(d, "created_by", "\"default_user_id\"");
	desk_calls(d, "POST /budget/new", "{\"budget_id\":\"gold\"}", 400);
	desk_calls(d, "POST /budget/new", "{\"max_budget\":1}", 200);
	desk_calls(d, "POST /budget/info", "{\"budgets\":[\"gold\",\"none\"]}", 200);
	desk_expect(d, "0.rpm_limit", "60");
	desk_expect(d, "1", "");
	desk_calls(d, "GET /budget/settings?budget_id=gold", NULL, 200);
	desk_expect(d, "2.field_name", "\"rpm_limit\"");
	desk_expect(d, "2.field_value", "60");
	desk_calls(d, "POST /customer/new", "{\"user_id\":\"acme\",\"budget_id\":\"gold\"}", 200);
	desk_calls(d, "POST /tag/new", "{\"name\":\"prod\",\"budget_id\":\"gold\"}", 200);
	desk_calls(d, "POST /organization/new", "{\"organization_id\":\"org\",\"organization_alias\":\"Org\",\"budget_id\":\"gold\"}", 200);
	assert_int_equal(account(d, SCOPE_CUSTOMER, "acme", "").ceiling, INT64_C(100000000000));
	assert_int_equal(account(d, SCOPE_CUSTOMER, "acme", "model:gpt").ceiling, INT64_C(5000000000));
	desk_sql(d, "INSERT INTO sluice_key (digest, budget_id, created_at, updated_at, doc) VALUES ('dig', 'gold', 1, 1, '{\"budget_id\":\"gold\"}'),"
	    " ('own', 'gold', 1, 1, '{\"budget_id\":\"gold\",\"max_budget\":1}');"
	    "INSERT INTO sluice_team (team_id, created_at, updated_at, doc) VALUES ('red', 1, 1, '{}');"
	    "INSERT INTO sluice_team_member (team_id, user_id, role, budget_id, doc) VALUES ('red', 'ann', 'user', 'gold', '{}');");
	desk_calls(d, "POST /project/new", "{\"team_id\":\"red\",\"project_id\":\"p\",\"budget_id\":\"gold\"}", 200);
	desk_calls(d, "POST /budget/update", "{\"budget_id\":\"gold\",\"max_budget\":50,\"model_max_budget\":null}", 200);
	desk_expect(d, "rpm_limit", "60");
	assert_true(changed(d, KNOWN_KEY, "dig") && changed(d, KNOWN_MEMBER, "red/ann") && changed(d, KNOWN_ORGANIZATION, "org") &&
	    changed(d, KNOWN_CUSTOMER, "acme") && changed(d, KNOWN_TAG, "prod") && changed(d, KNOWN_PROJECT, "p"));
	assert_int_equal(account(d, SCOPE_KEY, "dig", "").ceiling, INT64_C(50000000000));
	assert_int_equal(account(d, SCOPE_KEY, "own", "").ceiling, INT64_C(1000000000));
	assert_int_equal(account(d, SCOPE_MEMBER, "red/ann", "").ceiling, INT64_C(50000000000));
	assert_int_equal(account(d, SCOPE_ORGANIZATION, "org", "").ceiling, INT64_C(50000000000));
	assert_int_equal(account(d, SCOPE_PROJECT, "p", "").ceiling, INT64_C(50000000000));
	assert_int_equal(account(d, SCOPE_TAG, "prod", "").ceiling, INT64_C(50000000000));
	assert_int_equal(account(d, SCOPE_CUSTOMER, "acme", "model:gpt").ceiling, NO_LIMIT);
	desk_calls(d, "POST /budget/delete", "{\"id\":\"gold\"}", 400);
	desk_calls(d, "POST /customer/update", "{\"user_id\":\"acme\",\"max_budget\":3}", 200);	/* its own from here on; the others keep theirs */
	desk_expect(d, "litellm_budget_table.rpm_limit", "60");
	assert_int_equal(account(d, SCOPE_CUSTOMER, "acme", "").ceiling, INT64_C(3000000000));
	assert_int_equal(account(d, SCOPE_TAG, "prod", "").ceiling, INT64_C(50000000000));
	desk_calls(d, "POST /customer/update", "{\"user_id\":\"acme\",\"budget_id\":null}", 200);
	desk_expect(d, "litellm_budget_table", "null");
	assert_int_equal(account(d, SCOPE_CUSTOMER, "acme", "").ceiling, NO_LIMIT);
	desk_calls(d, "POST /budget/update", "{\"budget_id\":\"none\"}", 404);
	desk_calls(d, "POST /budget/delete", "{\"id\":\"none\"}", 404);
	desk_calls(d, "POST /budget/update", "{\"budget_id\":\"gold\",\"soft_budget\":60}", 400);
}

static void
many_keys_of_a_tier(void **state)
{
	struct desk *d = *state;

	desk_calls(d, "POST /budget/new", "{\"budget_id\":\"gold\",\"max_budget\":100}", 200);
	desk_sql(d, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1203) INSERT INTO sluice_key (digest, budget_id, created_at,"
	    " updated_at, doc) SELECT 'dig' || i, 'gold', 1, 1, '{}' FROM n;");
	desk_calls(d, "POST /budget/update", "{\"budget_id\":\"gold\",\"max_budget\":7}", 200);
	for (int i = 1; i <= 1203; i += 401) {
		char name[20];

		snprintf(name, sizeof(name), "dig%d", i);
		assert_int_equal(account(d, SCOPE_KEY, name, "").ceiling, INT64_C(7000000000));
	}
	desk_sql(d, "CREATE TABLE t (x INTEGER CHECK (x = 1)); INSERT INTO t SELECT count(*) FROM sluice_change WHERE digest = ''");	/* one that means everything */
}

static void
tags(void **state)
{
	struct desk *d = *state;

	desk_calls(d, "POST /tag/new", "{\"name\":\"50%_\\\"x\",\"description\":\"d\",\"models\":[\"a\",\"b\"],\"max_budget\":1}", 200);
	desk_expect(d, "tag.models", "[\"a\",\"b\"]");
	desk_expect(d, "tag.litellm_budget_table.max_budget", "1");
	desk_calls(d, "POST /tag/info", "{\"names\":[\"50%_\\\"x\",\"%\"]}", 200);
	desk_calls(d, "POST /tag/update", "{\"name\":\"50%_\\\"x\",\"description\":null,\"models\":[]}", 200);
	desk_expect(d, "tag.description", "null");
	desk_expect(d, "tag.models", "[]");
	desk_calls(d, "GET /tag/list", NULL, 200);
	desk_expect(d, "0.name", "\"50%_\\\"x\"");
	desk_calls(d, "POST /tag/info", "{\"names\":[\"%\"]}", 404);
	desk_calls(d, "POST /tag/delete", "{\"name\":\"%\"}", 404);
	desk_calls(d, "POST /tag/delete", "{\"name\":\"50%_\\\"x\"}", 200);
	desk_calls(d, "GET /tag/list", NULL, 200);
	desk_expect(d, "", "[]");
}

static void
organizations(void **state)
{
	struct desk *d = *state;

	desk_calls(d, "POST /organization/new", "{\"organization_alias\":\"Org\",\"organization_id\":\"org\",\"max_budget\":10,\"models\":[\"gpt\"],"
	    "\"metadata\":{\"a\":1},\"model_rpm_limit\":{\"gpt\":3}}", 200);
	desk_expect(d, "organization_id", "\"org\"");
	desk_expect(d, "models", "[\"gpt\"]");
	desk_expect(d, "metadata.a", "1");
	desk_expect(d, "metadata.model_rpm_limit.gpt", "3");
	desk_expect(d, "litellm_budget_table.max_budget", "10");
	desk_expect(d, "members", "[]");
	desk_calls(d, "POST /organization/new", "{\"organization_alias\":\"Org\",\"organization_id\":\"org\"}", 400);
	desk_calls(d, "POST /organization/new", "{\"organization_id\":\"other\"}", 422);
	desk_calls(d, "POST /organization/member_add", "{\"organization_id\":\"org\",\"member\":[{\"role\":\"org_admin\",\"user_id\":\"ann\"},"
	    "{\"role\":\"internal_user\",\"user_email\":\"bob@x.de\"}],\"max_budget_in_organization\":2}", 200);
	desk_expect(d, "updated_users.0.user_id", "\"ann\"");
	desk_expect(d, "updated_organization_memberships.1.user_role", "\"internal_user\"");
	desk_expect(d, "updated_organization_memberships.1.user_email", "\"bob@x.de\"");
	desk_expect(d, "updated_organization_memberships.1.max_budget_in_organization", "2");
	desk_calls(d, "POST /organization/member_add", "{\"organization_id\":\"org\",\"member\":{\"role\":\"org_admin\",\"user_id\":\"ann\"}}", 400);
	desk_calls(d, "POST /organization/member_add", "{\"organization_id\":\"org\",\"member\":{\"role\":\"king\",\"user_id\":\"cat\"}}", 400);
	desk_calls(d, "PATCH /organization/member_update", "{\"organization_id\":\"org\",\"user_email\":\"bob@x.de\",\"role\":\"internal_user_viewer\"}", 200);
	desk_expect(d, "user_role", "\"internal_user_viewer\"");
	desk_calls(d, "PATCH /organization/member_update", "{\"organization_id\":\"org\",\"user_id\":\"zoe\",\"role\":\"internal_user\"}", 404);
	be(d, "ann", USER_INTERNAL);
	desk_calls(d, "PATCH /organization/update", "{\"organization_id\":\"org\",\"organization_alias\":\"New\"}", 200);
	desk_expect(d, "organization_alias", "\"New\"");
	desk_calls(d, "PATCH /organization/update", "{\"organization_id\":\"org\",\"max_budget\":1000}", 403);
	desk_calls(d, "GET /organization/list", NULL, 200);
	desk_expect(d, "0.organization_id", "\"org\"");
	be(d, "zoe", USER_INTERNAL);
	desk_calls(d, "GET /organization/info?organization_id=org", NULL, 403);
	desk_calls(d, "GET /organization/list", NULL, 200);
	desk_expect(d, "", "[]");
	desk_calls(d, "PATCH /organization/update", "{\"organization_id\":\"org\",\"models\":[]}", 403);
	d->caller = (struct caller){ .kind = CALLER_MASTER };
	desk_calls(d, "GET /organization/info?organization_id=org", NULL, 200);
	desk_expect(d, "members.1.user_id", "\"ann\"");
	desk_calls(d, "GET /organization/info?organization_id=%25", NULL, 404);
	desk_calls(d, "GET /organization/list?org_alias=ne", NULL, 200);
	desk_expect(d, "0.organization_id", "\"org\"");
	desk_calls(d, "GET /organization/list?org_alias=%25", NULL, 200);
	desk_expect(d, "", "[]");
	desk_calls(d, "DELETE /organization/member_delete", "{\"organization_id\":\"org\",\"user_id\":\"ann\"}", 200);
	desk_calls(d, "DELETE /organization/member_delete", "{\"organization_id\":\"org\",\"user_id\":\"ann\"}", 404);
	desk_sql(d, "INSERT INTO sluice_team (team_id, organization_id, created_at, updated_at, doc) VALUES ('red', 'org', 1, 1, '{}');"
	    "INSERT INTO sluice_key (digest, team_id, organization_id, created_at, updated_at, doc) VALUES"
	    " ('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'red', NULL, 1, 1, '{}'),"
	    " ('bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', NULL, 'org', 1, 1, '{}');");
	desk_calls(d, "GET /organization/info?organization_id=org", NULL, 200);
	desk_expect(d, "teams.0.team_id", "\"red\"");
	desk_calls(d, "DELETE /organization/delete", "{\"organization_ids\":[\"org\"]}", 200);
	desk_expect(d, "0.organization_id", "\"org\"");
	desk_sql(d, "CREATE TABLE t (x INTEGER CHECK (x = 0)); INSERT INTO t SELECT count(*) FROM sluice_key; INSERT INTO t SELECT count(*) FROM sluice_team;"
	    " INSERT INTO t SELECT count(*) FROM sluice_organization_member");
	desk_calls(d, "DELETE /organization/delete", "{\"organization_ids\":[\"org\"]}", 404);
}

static void
projects(void **state)
{
	struct desk *d = *state;

	desk_sql(d, "INSERT INTO sluice_team (team_id, created_at, updated_at, doc) VALUES ('red', 1, 1, '{}'), ('blue', 1, 1, '{}');"
	    "INSERT INTO sluice_team_member (team_id, user_id, role, doc) VALUES ('red', 'ann', 'admin', '{}'), ('red', 'bob', 'user', '{}');");
	desk_calls(d, "POST /project/new", "{\"team_id\":\"none\"}", 400);
	be(d, "ann", USER_INTERNAL);
	desk_calls(d, "POST /project/new", "{\"team_id\":\"red\",\"project_id\":\"p\",\"project_alias\":\"P\",\"models\":[\"gpt\"],\"max_budget\":3,"
	    "\"model_rpm_limit\":{\"gpt\":1},\"tags\":[\"t\"]}", 200);
	desk_expect(d, "team_id", "\"red\"");
	desk_expect(d, "metadata.tags", "[\"t\"]");
	desk_expect(d, "litellm_budget_table.max_budget", "3");
	assert_int_equal(account(d, SCOPE_PROJECT, "p", "").ceiling, INT64_C(3000000000));
	desk_calls(d, "POST /project/new", "{\"team_id\":\"blue\"}", 403);
	desk_calls(d, "POST /project/update", "{\"project_id\":\"p\",\"team_id\":\"blue\"}", 403);
	desk_calls(d, "POST /project/update", "{\"project_id\":\"p\",\"blocked\":true}", 200);
	desk_expect(d, "blocked", "true");
	be(d, "bob", USER_INTERNAL);
	desk_calls(d, "POST /project/update", "{\"project_id\":\"p\",\"blocked\":false}", 403);
	desk_calls(d, "GET /project/info?project_id=p", NULL, 200);
	desk_calls(d, "GET /project/list", NULL, 403);
	desk_calls(d, "GET /project/list?team_id=red", NULL, 200);
	desk_expect(d, "0.project_id", "\"p\"");
	be(d, "ann", USER_INTERNAL);
	desk_sql(d, "INSERT INTO sluice_key (digest, project_id, created_at, updated_at, doc) VALUES ('dig', 'p', 1, 1, '{}')");
	desk_calls(d, "DELETE /project/delete", "{\"project_ids\":[\"p\"]}", 400);
	desk_sql(d, "DELETE FROM sluice_key");
	desk_calls(d, "DELETE /project/delete", "{\"project_ids\":[\"p\"]}", 200);
	desk_calls(d, "GET /project/info?project_id=p", NULL, 404);
}

static void
changes_are_audited(void **state)
{
	struct desk *d = *state;

	desk_calls(d, "POST /tag/new", "{\"name\":\"prod\",\"max_budget\":1}", 200);
	desk_calls(d, "POST /tag/update", "{\"name\":\"prod\",\"max_budget\":2}", 200);
	desk_calls(d, "POST /tag/update", "{\"name\":\"none\"}", 404);
	desk_calls(d, "POST /tag/delete", "{\"name\":\"prod\"}", 200);
	d->now_ms += 1000;
	desk_calls(d, "GET /audit?object_id=prod&sort_order=asc", NULL, 200);
	desk_expect(d, "total", "3");
	desk_expect(d, "audit_logs.0.table_name", "\"LiteLLM_TagTable\"");
	desk_calls(d, "GET /audit?action=updated", NULL, 200);
	desk_expect(d, "total", "2");
	desk_calls(d, "GET /audit?action=updated&object_id=prod", NULL, 200);
	desk_expect(d, "audit_logs.0.before_value.litellm_budget_table.max_budget", "1");
	desk_expect(d, "audit_logs.0.updated_values.litellm_budget_table.max_budget", "2");
	desk_calls(d, "GET /audit?action=updated&object_id=none", NULL, 200);
	desk_expect(d, "audit_logs.0.status", "404");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(customers, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(wrong_customers, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(tiers, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(many_keys_of_a_tier, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(tags, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(organizations, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(projects, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(changes_are_audited, desk_setup, desk_teardown),
	};

	return (desk_main(tests, nitems(tests)));
}
