/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, teams, members and users, on both kinds of store. */
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

static const char *
member(struct desk *d, const char *path)
{
	struct text raw = desk_at(d, path);

	return (arena_copy(d->arena, raw.len > 1 && raw.at[0] == '"' ? json_unescape(d->arena, json_inside(raw)) : raw).at);
}

static unsigned
n_changed(const struct desk *d)
{
	unsigned n = 0;

	for (const struct admin_changed *c = d->changed; c != NULL; c = c->next)
		n++;
	return (n);
}

#define KEY	"sk-key-of-a-test-0123456789"

static void
keys(void **state)
{
	struct desk *d = *state;
	const char *digest;

	desk_calls(d, "POST /key/generate", "{\"key\":\"" KEY "\",\"key_alias\":\"a%_\\\\'\",\"max_budget\":2.5,\"budget_duration\":\"30d\",\"spend\":1,"
	    "\"budget_limits\":[{\"budget_duration\":\"1d\",\"max_budget\":1}],\"tags\":[\"t\"]}", 200);
	digest = member(d, "token");
	assert_int_equal(account(d, SCOPE_KEY, digest, "").ceiling, INT64_C(2500000000));
	assert_int_equal(account(d, SCOPE_KEY, digest, "").spent, MONEY_DOLLAR);
	assert_int_equal(account(d, SCOPE_KEY, digest, "window:1d").ceiling, MONEY_DOLLAR);
	assert_int_equal(n_changed(d), 1);
	desk_calls(d, "POST /key/generate", "{\"key_alias\":\"a%_\\\\'\"}", 400);
	desk_calls(d, "GET /key/list?key_alias=%25_&substring_matching=true", NULL, 200);
	desk_expect(d, "total_count", "1");
	for (int i = 0; i < 10; i++) {			/* each way to sort and to filter is a statement's branch */
		static const char *const asks[] = { "sort_by=key_alias&sort_order=asc", "sort_by=key_alias", "sort_by=spend", "sort_by=expires&sort_order=asc",
			"sort_by=updated_at", "sort_order=asc", "user_id=default_user_id", "access_group_id=x", "key_hash=0", "include_team_keys=true" };

		desk_calls(d, arena_print(d->arena, "GET /key/list?return_full_object=true&%s", asks[i]).at, NULL, 200);
		desk_expect(d, "total_count", i == 7 || i == 8 ? "0" : "1");
	}
	desk_calls(d, "POST /key/update", "{\"key\":\"" KEY "\",\"budget_duration\":\"7d\",\"budget_limits\":null}", 200);
	desk_expect(d, "spend", "1");				/* it goes along into another kind of period */
	assert_int_equal(account(d, SCOPE_KEY, digest, "window:1d").ceiling, NO_LIMIT);
	desk_calls(d, "POST /key/regenerate", "{\"key\":\"" KEY "\",\"grace_period\":\"1h\"}", 200);
	desk_expect(d, "spend", "1");
	assert_int_equal(n_changed(d), 2);
	digest = member(d, "token");
	desk_calls(d, arena_print(d->arena, "POST /key/%s/reset_spend", digest).at, "{\"reset_to\":0.5}", 200);
	desk_expect(d, "spend", "0.5");
	desk_calls(d, "GET /key/aliases?search=A%25", NULL, 200);
	desk_expect(d, "total_count", "1");
	d->now_ms++;						/* than the older value went: the last to go is the first of the list */
	desk_calls(d, "POST /key/delete", arena_print(d->arena, "{\"keys\":[\"%s\",\"sk-of-nobody\"]}", digest).at, 200);
	desk_expect(d, "deleted_keys.1", "");
	assert_int_equal(n_changed(d), 2);			/* and the older value with it */
	assert_int_equal(account(d, SCOPE_KEY, digest, "").id, 0);
	desk_calls(d, "GET /key/list?status=deleted&return_full_object=true", NULL, 200);
	desk_expect(d, "keys.0.spend", "0.5");
}

static void
teams(void **state)
{
	struct desk *d = *state;

	desk_calls(d, "POST /team/new", "{\"team_id\":\"t'1\",\"team_alias\":\"Data%\",\"max_budget\":7,\"team_member_budget\":2,\"members_with_roles\":"
	    "[{\"role\":\"admin\",\"user_id\":\"u%\"},{\"role\":\"user\",\"user_email\":\"b@x\"}]}", 200);
	desk_expect(d, "members_with_roles.2", "");
	assert_int_equal(account(d, SCOPE_TEAM, "t'1", "").ceiling, 7 * MONEY_DOLLAR);
	assert_int_equal(account(d, SCOPE_MEMBER, "t'1/u%", "").ceiling, 2 * MONEY_DOLLAR);
	desk_calls(d, "POST /team/member_update", "{\"team_id\":\"t'1\",\"user_email\":\"B@X\",\"max_budget_in_team\":1,\"budget_duration\":\"1d\"}", 200);
	desk_calls(d, "POST /team/update", "{\"team_id\":\"t'1\",\"team_member_budget\":3}", 200);
	assert_int_equal(account(d, SCOPE_MEMBER, "t'1/u%", "").ceiling, 3 * MONEY_DOLLAR);
	desk_calls(d, "GET /team/info?team_id=t'1", NULL, 200);
	desk_expect(d, "team_memberships.2", "");
	for (int i = 0; i < 8; i++) {
		static const char *const asks[] = { "", "?user_id=u%25", "?organization_id=default_organization", "?team_alias=DATA%25", "?search=t'1",
			"?search=1&search_team_id_match=contains&sort_by=team_alias", "?sort_by=spend&sort_order=desc", "?sort_by=created_at&sort_order=desc" };

		desk_calls(d, arena_print(d->arena, "GET /v2/team/list%s", asks[i]).at, NULL, 200);
		desk_expect(d, "total", "1");
	}
	desk_calls(d, "GET /team/list", NULL, 200);
	desk_expect(d, "0.team_id", "\"t'1\"");
	desk_calls(d, "POST /key/generate", "{\"team_id\":\"t'1\",\"user_id\":\"u%\"}", 200);
	desk_calls(d, "POST /team/key/bulk_update", "{\"team_id\":\"t'1\",\"all_keys_in_team\":true,\"update_fields\":{\"rpm_limit\":3}}", 200);
	desk_expect(d, "successful_updates.0.key_info.rpm_limit", "3");
	desk_calls(d, "POST /team/key/bulk_update", "{\"team_id\":\"t'1\",\"key_ids\":[\"sk-of-nobody\"],\"update_fields\":{}}", 200);
	desk_expect(d, "failed_updates.0.key", "\"sk-of-nobody\"");
	desk_calls(d, "POST /team/bulk_member_add", "{\"team_id\":\"t'1\",\"all_users\":true}", 200);
	desk_expect(d, "failed_additions", "2");
	desk_calls(d, "POST /team/member_delete", "{\"team_id\":\"t'1\",\"user_id\":\"u%\"}", 200);
	desk_calls(d, "GET /key/list", NULL, 200);
	desk_expect(d, "total_count", "0");
	desk_calls(d, "GET /team/info?team_id=%FF%27", NULL, 404);	/* no text at all */
	desk_calls(d, "PATCH /team/%C3", "{}", 404);
	desk_calls(d, "PATCH /team/a%00b", "{}", 422);
	desk_calls(d, "GET /v2/team/list?search=%80&team_id=%00", NULL, 200);
	desk_calls(d, "POST /team/delete", "{\"team_ids\":[\"t'1\"]}", 200);
	desk_calls(d, "GET /v2/team/list?status=deleted", NULL, 200);
	desk_expect(d, "teams.0.team_alias", "\"Data%\"");
}

static void
users(void **state)
{
	struct desk *d = *state;

	desk_calls(d, "POST /user/new", "{\"user_id\":\"a_b\",\"user_email\":\"a_b@x\",\"sso_user_id\":\"s,1\",\"max_budget\":4,\"user_role\":\"internal_user\"}", 200);
	assert_int_equal(account(d, SCOPE_USER, "a_b", "").ceiling, 4 * MONEY_DOLLAR);
	desk_calls(d, "POST /user/new", "{\"user_id\":\"axb\",\"user_email\":\"A_B@X\"}", 400);
	desk_calls(d, "POST /user/new", "{\"user_id\":\"axb\",\"sso_user_id\":\"s,1\"}", 400);
	desk_calls(d, "POST /user/new", "{\"user_id\":\"axb\",\"user_email\":\"axb@x\",\"user_role\":\"proxy_admin\",\"auto_create_key\":false}", 200);
	for (int i = 0; i < 9; i++) {
		static const char *const asks[][2] = { { "", "2" }, { "?user_ids=a_b", "1" }, { "?user_ids=a_b,axb", "2" }, { "?user_email=A_B", "1" },
			{ "?role=proxy_admin", "1" }, { "?team=none", "0" }, { "?organization_ids=o", "0" }, { "?sort_by=user_email&sort_order=desc", "2" },
			{ "?sort_by=spend", "2" } };

		desk_calls(d, arena_print(d->arena, "GET /user/list%s", asks[i][0]).at, NULL, 200);
		desk_expect(d, "total", asks[i][1]);
	}
	desk_calls(d, "POST /user/bulk_update", "{\"all_users\":true,\"user_updates\":{\"max_budget\":9}}", 200);
	desk_expect(d, "successful_updates", "2");
	assert_int_equal(account(d, SCOPE_USER, "axb", "").ceiling, 9 * MONEY_DOLLAR);
	desk_calls(d, "POST /user/delete", "{\"user_ids\":[\"a_b\",\"axb\"]}", 200);
	desk_calls(d, "GET /key/list", NULL, 200);
	desk_expect(d, "total_count", "0");
}

/* When its period ends, an account begins anew, and nothing has to run for it. */
static void
periods(void **state)
{
	struct desk *d = *state;

	desk_calls(d, "POST /key/generate", "{\"key\":\"" KEY "\",\"max_budget\":5,\"budget_duration\":\"1d\",\"spend\":3}", 200);
	d->now_ms += INT64_C(86400000);
	desk_calls(d, "GET /key/info?key=" KEY, NULL, 200);
	desk_expect(d, "info.spend", "0");
	desk_calls(d, "POST /key/update", "{\"key\":\"" KEY "\",\"max_budget\":6}", 200);
	desk_expect(d, "spend", "0");
	d->now_ms -= INT64_C(86400000);
}

/* Of two who write the same at once both are heard, one after the other. */
static void
alone(void **state)
{
	struct desk *d = *state;
	struct store *other;

	desk_calls(d, "POST /team/new", "{\"team_id\":\"t\"}", 200);
	other = store_lend(d->pool, 1000);
	assert_int_equal(store_begin(other), STORE_FINE);
	assert_int_equal(STORE0(other, d->arena, NULL, SQL_CHANGE_LOCK), STORE_FINE);
	store_rollback(other);
	store_return(d->pool, other);
	desk_calls(d, "POST /team/update", "{\"team_id\":\"t\",\"rpm_limit\":1}", 200);
}

static const char rules_yaml[] = "model_list:\n- model_name: m\n  litellm_params: {model: openai/m, api_key: sk-of-the-file}\n"
    "general_settings: {master_key: sk-master-of-a-test}\n"
    "litellm_settings:\n  default_key_generate_params: {max_budget: 3, duration: 5d}\n  upperbound_key_generate_params: {duration: 10d, tpm_limit: 100}\n"
    "  key_generation_settings:\n    team_key_generation: {allowed_team_member_roles: [admin], required_params: [tags]}\n"
    "    personal_key_generation: {allowed_user_roles: [proxy_admin]}\n";

/* What the operator wants of new keys. */
static void
rules(void **state)
{
	struct desk *d = *state;

	config_release(d->config);
	d->config = config_load_text("rules.yaml", text_of(rules_yaml));
	desk_calls(d, "POST /key/generate", "{}", 200);
	desk_expect(d, "max_budget", "3");			/* the default */
	desk_expect(d, "duration", "\"5d\"");
	desk_expect(d, "tpm_limit", "100");			/* the bound */
	desk_calls(d, "POST /key/generate", "{\"max_budget\":null,\"duration\":\"10d\"}", 200);
	desk_expect(d, "max_budget", "null");			/* said, so not filled in */
	desk_calls(d, "POST /key/generate", "{\"duration\":\"11d\"}", 400);
	desk_calls(d, "POST /key/generate", "{\"duration\":null}", 400);
	desk_calls(d, "POST /key/generate", "{\"tpm_limit\":101}", 400);
	desk_calls(d, "POST /team/new", "{\"team_id\":\"t\",\"team_member_permissions\":[\"/key/generate\"],\"members_with_roles\":"
	    "[{\"role\":\"admin\",\"user_id\":\"lead\"},{\"role\":\"user\",\"user_id\":\"hand\"}]}", 200);
	d->caller = (struct caller){ .kind = CALLER_KEY, .role = USER_INTERNAL, .user_id = TEXT("lead"), .digest = TEXT("") };
	desk_calls(d, "POST /key/generate", "{\"team_id\":\"t\",\"tags\":[\"x\"]}", 200);
	desk_calls(d, "POST /key/generate", "{\"team_id\":\"t\"}", 400);	/* a tag is required */
	desk_calls(d, "POST /key/generate", "{}", 403);			/* personal keys are not for its role */
	d->caller.user_id = TEXT("hand");
	desk_calls(d, "POST /key/generate", "{\"team_id\":\"t\",\"tags\":[\"x\"]}", 403);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keys, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(teams, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(users, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(periods, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(alone, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(rules, desk_setup, desk_teardown),
	};

	return (desk_main(tests, nitems(tests)));
}
