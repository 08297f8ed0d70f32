/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: callers down, calls across. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "desk.h"

#include <stdio.h>

enum who { MASTER, ADMIN, VIEWER, ORG_ADMIN, TEAM_ADMIN, MEMBER, STRANGER, READER, NOBODY, WHOS };

static const struct {
	const char	*name;
	enum caller_kind kind;
	enum user_role	 role;
	const char	*user;
} callers[WHOS] = {
	{ "master", CALLER_MASTER, USER_ADMIN, "default_user_id" },
	{ "admin", CALLER_KEY, USER_ADMIN, "root" },
	{ "viewer", CALLER_KEY, USER_ADMIN_VIEWER, "auditor" },
	{ "org admin", CALLER_KEY, USER_INTERNAL, "chief" },
	{ "team admin", CALLER_PERSON, USER_INTERNAL, "lead" },
	{ "member", CALLER_KEY, USER_INTERNAL, "hand" },
	{ "stranger", CALLER_KEY, USER_INTERNAL, "else" },
	{ "reader", CALLER_KEY, USER_INTERNAL_VIEWER, "hand" },
	{ "nobody", CALLER_NOBODY, USER_NONE, "" },
};

#define TEAM_KEY	"sk-key-of-the-team-01234"
#define HAND_KEY	"sk-key-of-the-hand-01234"
#define HAND_TEAM_KEY	"sk-key-of-hand-in-team-1"

/* What is there before each call. */
static const char *const scene[][2] = {
	{ "POST /organization/new", "{\"organization_id\":\"org\",\"organization_alias\":\"org\"}" },
	{ "POST /organization/new", "{\"organization_id\":\"other\",\"organization_alias\":\"other\"}" },
	{ "POST /user/new", "{\"user_id\":\"chief\",\"auto_create_key\":false}" },
	{ "POST /user/new", "{\"user_id\":\"lead\",\"auto_create_key\":false}" },
	{ "POST /user/new", "{\"user_id\":\"hand\",\"auto_create_key\":false,\"organizations\":[\"org\"]}" },
	{ "POST /user/new", "{\"user_id\":\"else\",\"auto_create_key\":false}" },
	{ "POST /organization/member_add", "{\"organization_id\":\"org\",\"member\":{\"role\":\"org_admin\",\"user_id\":\"chief\"}}" },
	{ "POST /team/new", "{\"team_id\":\"team\",\"organization_id\":\"org\",\"max_budget\":5,\"members_with_roles\":"
	  "[{\"role\":\"admin\",\"user_id\":\"lead\"},{\"role\":\"user\",\"user_id\":\"hand\"}]}" },
	{ "POST /key/generate", "{\"key\":\"" TEAM_KEY "\",\"team_id\":\"team\",\"user_id\":\"lead\",\"max_budget\":5}" },
	{ "POST /key/generate", "{\"key\":\"" HAND_KEY "\",\"user_id\":\"hand\",\"max_budget\":5}" },
	{ "POST /key/generate", "{\"key\":\"" HAND_TEAM_KEY "\",\"team_id\":\"team\",\"user_id\":\"hand\"}" },
};

/* Statuses by caller: master, admin, viewer, org admin, team admin, member, stranger, reader, nobody. */
static const struct {
	const char	*line, *body;
	int		 status[WHOS];
} calls[] = {
	{ "GET /key/info?key=" TEAM_KEY, NULL,					{ 200, 200, 200, 200, 200, 200, 403, 200, 401 } },
	{ "GET /key/info?key=" HAND_KEY, NULL,					{ 200, 200, 200, 403, 403, 200, 403, 200, 401 } },
	{ "GET /key/info?key=" HAND_TEAM_KEY, NULL,				{ 200, 200, 200, 200, 200, 200, 403, 200, 401 } },
	{ "POST /key/update", "{\"key\":\"" TEAM_KEY "\",\"max_budget\":4}",	{ 200, 200, 403, 200, 200, 403, 403, 403, 401 } },
	{ "POST /key/update", "{\"key\":\"" HAND_KEY "\",\"max_budget\":4}",	{ 200, 200, 403, 403, 403, 200, 403, 403, 401 } },
	{ "POST /key/update", "{\"key\":\"" HAND_KEY "\",\"max_budget\":6}",	{ 200, 200, 403, 403, 403, 403, 403, 403, 401 } },
	{ "POST /key/update", "{\"key\":\"" HAND_KEY "\",\"max_budget\":null}",	{ 200, 200, 403, 403, 403, 403, 403, 403, 401 } },
	{ "POST /key/update", "{\"key\":\"" HAND_KEY "\",\"metadata\":{\"may_assert_user\":true}}", { 200, 200, 403, 403, 403, 403, 403, 403, 401 } },
	{ "POST /key/update", "{\"key\":\"" HAND_KEY "\",\"user_id\":\"else\"}", { 200, 200, 403, 403, 403, 403, 403, 403, 401 } },
	{ "POST /key/update", "{\"key\":\"" HAND_KEY "\",\"team_id\":\"team\"}", { 200, 200, 403, 403, 403, 403, 403, 403, 401 } },
	{ "POST /key/update", "{\"key\":\"" HAND_KEY "\",\"spend\":0}",		{ 200, 200, 403, 403, 403, 403, 403, 403, 401 } },
	{ "POST /key/bulk_update", "{\"keys\":[{\"key\":\"" HAND_KEY "\"}]}",	{ 200, 200, 403, 403, 403, 403, 403, 403, 401 } },
	{ "POST /team/key/bulk_update", "{\"team_id\":\"team\",\"all_keys_in_team\":true,\"update_fields\":{\"tpm_limit\":1}}",
										{ 200, 200, 403, 200, 200, 403, 403, 403, 401 } },
	{ "POST /key/generate", "{}",						{ 200, 200, 403, 200, 200, 200, 200, 403, 401 } },
	{ "POST /key/generate", "{\"user_id\":\"hand\"}",			{ 200, 200, 403, 403, 403, 200, 403, 403, 401 } },
	{ "POST /key/generate", "{\"team_id\":\"team\"}",			{ 200, 200, 403, 200, 200, 403, 403, 403, 401 } },
	{ "POST /key/generate", "{\"organization_id\":\"org\"}",		{ 200, 200, 403, 200, 403, 200, 403, 403, 401 } },
	{ "POST /key/update", "{\"key\":\"" HAND_KEY "\",\"organization_id\":\"other\"}", { 200, 200, 403, 403, 403, 403, 403, 403, 401 } },
	{ "POST /key/generate", "{\"spend\":1}",				{ 200, 200, 403, 403, 403, 403, 403, 403, 401 } },
	{ "POST /key/service-account/generate", "{\"team_id\":\"team\"}",	{ 200, 200, 403, 200, 200, 403, 403, 403, 401 } },
	{ "POST /key/regenerate", "{\"key\":\"" HAND_KEY "\"}",			{ 200, 200, 403, 403, 403, 200, 403, 403, 401 } },
	{ "POST /key/block", "{\"key\":\"" HAND_TEAM_KEY "\"}",			{ 200, 200, 403, 200, 200, 403, 403, 403, 401 } },
	{ "POST /key/delete", "{\"keys\":[\"" TEAM_KEY "\"]}",			{ 200, 200, 403, 200, 200, 403, 403, 403, 401 } },
	{ "POST /key/delete", "{\"keys\":[\"" HAND_KEY "\"]}",			{ 200, 200, 403, 403, 403, 200, 403, 403, 401 } },
	{ "GET /key/list", NULL,						{ 200, 200, 200, 200, 200, 200, 200, 200, 401 } },
	{ "GET /key/list?status=deleted", NULL,					{ 200, 200, 200, 403, 403, 403, 403, 403, 401 } },
	{ "POST /team/new", "{}",						{ 200, 200, 403, 403, 403, 403, 403, 403, 401 } },
	{ "POST /team/new", "{\"organization_id\":\"org\"}",			{ 200, 200, 403, 200, 403, 403, 403, 403, 401 } },
	{ "GET /team/info?team_id=team", NULL,					{ 200, 200, 200, 200, 200, 200, 403, 200, 401 } },
	{ "POST /team/update", "{\"team_id\":\"team\",\"team_alias\":\"x\"}",	{ 200, 200, 403, 200, 200, 403, 403, 403, 401 } },
	{ "POST /team/update", "{\"team_id\":\"team\",\"max_budget\":6}",	{ 200, 200, 403, 200, 403, 403, 403, 403, 401 } },
	{ "POST /team/update", "{\"team_id\":\"team\",\"model_aliases\":{\"a\":\"dear\"}}", { 200, 200, 403, 200, 403, 403, 403, 403, 401 } },
	{ "POST /team/update", "{\"team_id\":\"team\",\"metadata\":{\"model_rpm_limit\":{}}}", { 200, 200, 403, 200, 403, 403, 403, 403, 401 } },
	{ "POST /team/update", "{\"team_id\":\"team\",\"organization_id\":null}", { 200, 200, 403, 403, 403, 403, 403, 403, 401 } },
	{ "PATCH /team/team", "{\"metadata\":{}}",				{ 200, 200, 403, 200, 200, 403, 403, 403, 401 } },
	{ "POST /team/block", "{\"team_id\":\"team\"}",				{ 200, 200, 403, 200, 403, 403, 403, 403, 401 } },
	{ "POST /team/delete", "{\"team_ids\":[\"team\"]}",			{ 200, 200, 403, 200, 403, 403, 403, 403, 401 } },
	{ "POST /team/member_add", "{\"team_id\":\"team\",\"member\":{\"role\":\"user\",\"user_id\":\"else\"}}", { 200, 200, 403, 200, 200, 403, 403, 403, 401 } },
	{ "POST /team/member_update", "{\"team_id\":\"team\",\"user_id\":\"hand\",\"role\":\"admin\"}", { 200, 200, 403, 200, 200, 403, 403, 403, 401 } },
	{ "POST /team/member_delete", "{\"team_id\":\"team\",\"user_id\":\"hand\"}", { 200, 200, 403, 200, 200, 403, 403, 403, 401 } },
	{ "GET /team/team/members/me", NULL,					{ 400, 400, 400, 400, 200, 200, 400, 200, 401 } },
	{ "POST /team/permissions_update", "{\"team_id\":\"team\",\"team_member_permissions\":[]}", { 200, 200, 403, 200, 200, 403, 403, 403, 401 } },
	{ "POST /user/new", "{}",						{ 200, 200, 403, 403, 403, 403, 403, 403, 401 } },
	{ "POST /user/new", "{\"organizations\":[\"org\"]}",			{ 200, 200, 403, 200, 403, 403, 403, 403, 401 } },
	{ "POST /user/new", "{\"organizations\":[\"org\"],\"user_role\":\"proxy_admin\"}", { 200, 200, 403, 403, 403, 403, 403, 403, 401 } },
	{ "GET /user/info?user_id=hand", NULL,					{ 200, 200, 200, 200, 403, 200, 403, 200, 401 } },
	{ "POST /user/update", "{\"user_id\":\"hand\",\"user_alias\":\"h\"}",	{ 200, 200, 403, 200, 403, 200, 403, 403, 401 } },
	{ "POST /user/update", "{\"user_id\":\"hand\",\"user_role\":\"proxy_admin\"}", { 200, 200, 403, 403, 403, 403, 403, 403, 401 } },
	{ "POST /user/delete", "{\"user_ids\":[\"hand\"]}",			{ 200, 200, 403, 200, 403, 403, 403, 403, 401 } },
	{ "GET /user/list", NULL,						{ 200, 200, 200, 200, 200, 200, 200, 200, 401 } },
	{ "POST /invitation/new", "{\"user_id\":\"hand\"}",			{ 200, 200, 403, 200, 403, 403, 403, 403, 401 } },
	{ "POST /jwt/key/mapping/delete", "{\"id\":\"none\"}",			{ 404, 404, 403, 403, 403, 403, 403, 403, 401 } },
	{ "GET /jwt/key/mapping/list", NULL,					{ 200, 200, 200, 403, 403, 403, 403, 403, 401 } },
	{ "GET /scim/v2/Users", NULL,						{ 200, 200, 403, 403, 403, 403, 403, 403, 401 } },
	{ "POST /scim/v2/Groups", "{\"displayName\":\"g\"}",			{ 201, 201, 403, 403, 403, 403, 403, 403, 401 } },
	{ "POST /model/new", "{\"model_name\":\"m\",\"litellm_params\":{\"model\":\"openai/gpt-4o\",\"api_key\":\"sk-x\"},\"model_info\":{\"team_id\":\"team\"}}",
										{ 200, 200, 403, 200, 200, 403, 403, 403, 401 } },
	{ "POST /model/new", "{\"model_name\":\"m\",\"litellm_params\":{\"model\":\"openai/gpt-4o\",\"api_key\":\"sk-x\"}}",
										{ 200, 200, 403, 403, 403, 403, 403, 403, 401 } },
	{ "GET /user/available_users", NULL,					{ 200, 200, 200, 403, 403, 403, 403, 403, 401 } },
};

static void
be(struct desk *d, enum who who)
{
	d->caller = (struct caller){ .kind = callers[who].kind, .role = callers[who].role, .user_id = text_of(callers[who].user), .digest = TEXT("") };
}

static void
set_scene(struct desk *d)
{
	be(d, MASTER);
	for (size_t i = 0; i < nitems(scene); i++)
		desk_calls(d, scene[i][0], scene[i][1], 200);
}

static void
matrix(void **state)
{
	static const char *const wipe = "DELETE FROM sluice_key; DELETE FROM sluice_key_old; DELETE FROM sluice_team; DELETE FROM sluice_team_member; DELETE FROM sluice_user;"
	    "DELETE FROM sluice_organization; DELETE FROM sluice_organization_member; DELETE FROM sluice_account;";
	struct desk *d = *state;
	unsigned wrong = 0;
	int status = 200;
	for (size_t i = 0; i < nitems(calls); i++)
		for (int who = 0; who < WHOS; who++) {
			if (status == 200) {		/* what was refused changed nothing */
				desk_sql(d, wipe);
				set_scene(d);
			}
			be(d, (enum who)who);
			status = desk_call(d, calls[i].line, calls[i].body);
			if (status == calls[i].status[who])
				continue;
			print_message("%s as %s: %d, not %d: " TEXT_FMT "\n", calls[i].line, callers[who].name, status, calls[i].status[who], TEXT_ARG(d->out));
			wrong++;
		}
	assert_int_equal(wrong, 0);
}

/* What a team lets its members do. */
static void
permissions(void **state)
{
	struct desk *d = *state;

	set_scene(d);
	desk_calls(d, "POST /team/permissions_update", "{\"team_id\":\"team\",\"team_member_permissions\":[\"/key/generate\",\"/key/update\"]}", 200);
	be(d, MEMBER);
	desk_calls(d, "POST /key/generate", "{\"team_id\":\"team\"}", 200);
	desk_expect(d, "user_id", "\"hand\"");
	desk_calls(d, "POST /key/generate", "{\"team_id\":\"team\",\"user_id\":\"lead\"}", 403);
	desk_calls(d, "POST /key/update", "{\"key\":\"" HAND_TEAM_KEY "\",\"max_budget\":1}", 200);
	desk_calls(d, "POST /key/update", "{\"key\":\"" TEAM_KEY "\",\"max_budget\":1}", 403);
	desk_calls(d, "POST /key/delete", "{\"keys\":[\"" HAND_TEAM_KEY "\"]}", 403);
	desk_calls(d, "GET /key/info?key=" TEAM_KEY, NULL, 403);	/* it is not given any more */
}

/* Lists are of what one may see. */
static void
lists(void **state)
{
	struct desk *d = *state;

	set_scene(d);
	be(d, MEMBER);
	desk_calls(d, "GET /key/list", NULL, 200);
	desk_expect(d, "total_count", "2");
	be(d, TEAM_ADMIN);
	desk_calls(d, "GET /key/list", NULL, 200);
	desk_expect(d, "total_count", "2");			/* the team's */
	desk_calls(d, "GET /key/list?user_id=hand", NULL, 200);
	desk_expect(d, "total_count", "1");
	be(d, STRANGER);
	desk_calls(d, "GET /key/list?team_id=team", NULL, 200);
	desk_expect(d, "total_count", "0");
	desk_calls(d, "GET /v2/team/list", NULL, 200);
	desk_expect(d, "total", "0");
	desk_calls(d, "GET /team/list?user_id=hand", NULL, 403);
	desk_calls(d, "GET /user/list", NULL, 200);
	desk_expect(d, "total", "1");
	be(d, ORG_ADMIN);
	desk_calls(d, "GET /user/list", NULL, 200);
	desk_expect(d, "total", "2");				/* itself, and who is in its organization */
	desk_calls(d, "GET /v2/team/list", NULL, 200);
	desk_expect(d, "total", "1");
	be(d, VIEWER);
	desk_calls(d, "GET /key/list", NULL, 200);
	desk_expect(d, "total_count", "3");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(matrix, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(permissions, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(lists, desk_setup, desk_teardown),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
