/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: callers down, calls across. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "desk.h"

#include <stdio.h>

enum who { MASTER, ADMIN, VIEWER, ORG_ADMIN, TEAM_ADMIN, MEMBER, STRANGER, READER, NOBODY, WHOS, ROBOT = WHOS };	/* the robot is in the whole table only */

static const struct {
	const char	*name;
	enum caller_kind kind;
	enum user_role	 role;
	const char	*user, *team;
} callers[WHOS + 1] = {
	{ "master", CALLER_MASTER, USER_ADMIN, "default_user_id", "" },
	{ "admin", CALLER_KEY, USER_ADMIN, "root", "" },
	{ "viewer", CALLER_KEY, USER_ADMIN_VIEWER, "auditor", "" },
	{ "org admin", CALLER_KEY, USER_INTERNAL, "chief", "" },
	{ "team admin", CALLER_PERSON, USER_INTERNAL, "lead", "" },
	{ "member", CALLER_KEY, USER_INTERNAL, "hand", "" },
	{ "stranger", CALLER_KEY, USER_INTERNAL, "else", "" },
	{ "reader", CALLER_KEY, USER_INTERNAL_VIEWER, "hand", "" },
	{ "nobody", CALLER_NOBODY, USER_NONE, "", "" },
	{ "robot", CALLER_KEY, USER_NONE, "", "team" },
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
	{ "POST /project/new", "{\"project_id\":\"p\",\"team_id\":\"team\"}" },
	{ "POST /model/new", "{\"model_name\":\"m\",\"litellm_params\":{\"model\":\"openai/x\",\"api_key\":\"k\"},\"model_info\":{\"id\":\"m\"}}" },
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
	d->caller = (struct caller){ .kind = callers[who].kind, .role = callers[who].role, .user_id = text_of(callers[who].user),
	    .team_id = text_of(callers[who].team), .digest = TEXT("") };
}

static void
set_scene(struct desk *d)
{
	be(d, MASTER);
	for (size_t i = 0; i < nitems(scene); i++)
		desk_calls(d, scene[i][0], scene[i][1], 200);
}

/* The scene is copied once, and copied back after each call that changed it. */
static const char *const tables[] = { "sluice_key", "sluice_key_old", "sluice_team", "sluice_team_member", "sluice_user", "sluice_organization",
	"sluice_organization_member", "sluice_account", "sluice_thing" };

static struct config *
scene_keep(struct desk *d)
{
	set_scene(d);
	desk_sql(d, "INSERT INTO sluice_thing (kind, id, parent, created_at, updated_at, doc) VALUES ('invitation', 'i', 'hand', 1, 1, '{}');");
	for (size_t i = 0; i < nitems(tables); i++)
		desk_sql(d, arena_print(d->arena, "CREATE TABLE kept_%s AS SELECT * FROM %s;", tables[i], tables[i]).at);
	return (config_hold(d->config));
}

static void
scene_back(struct desk *d, struct config *config)
{
	struct growing sql = { 0 };

	arena_append(d->arena, &sql, TEXT("BEGIN;"));
	for (size_t i = 0; i < nitems(tables); i++)
		arena_append(d->arena, &sql, arena_print(d->arena, "DELETE FROM %s; INSERT INTO %s SELECT * FROM kept_%s;", tables[i], tables[i], tables[i]));
	arena_append(d->arena, &sql, TEXT("COMMIT;"));
	desk_sql(d, arena_copy(d->arena, (struct text){ sql.at, sql.len }).at);
	config_release(d->config);
	d->config = config_hold(config);
}

static void
matrix(void **state)
{
	struct desk *d = *state;
	struct config *config = scene_keep(d);
	unsigned wrong = 0;
	int status = 0;

	for (size_t i = 0; i < nitems(calls); i++)
		for (int who = 0; who < WHOS; who++) {
			if (status == 200)		/* what was refused changed nothing */
				scene_back(d, config);
			be(d, (enum who)who);
			status = desk_call(d, calls[i].line, calls[i].body);
			if (status == calls[i].status[who])
				continue;
			print_message("%s as %s: %d, not %d: " TEXT_FMT "\n", calls[i].line, callers[who].name, status, calls[i].status[who], TEXT_ARG(d->out));
			wrong++;
		}
	config_release(config);
	assert_int_equal(wrong, 0);
}

/*
 * The whole table, row by row, by a body that names the scene: who of m(aster), a(dmin), v(iewer), o(rg admin), t(eam admin), h(and: a member), s(tranger),
 * r(eader: the member as internal_user_viewer), k(ey of the team and of nobody) is let in.  Others hear 401 or 403, nobody 401, and the audit has a row of it, as
 * it has of each change.  The first line that fits counts; a row that no line fits fails.  A * stands for any method, and for the rest of a path.
 */
#define LETTERS	"mavothsrnk"

static const struct {
	const char	*methods, *path, *may, *body;	/* body NULL: the usual one */
} rights[] = {
	{ "GET", "/onboarding/get_token", "mavothsrnk", NULL }, { "POST", "/onboarding/claim_token", "mavothsrnk", NULL },
	{ "*", "/scim/*", "ma", NULL },
	{ "POST", "/global/spend/reset", "m", NULL },
	/* keys: the usual body names the one that the member has in the team */
	{ "POST", "/key/generate", "maot", NULL }, { "POST", "/key/service-account/generate", "maot", NULL }, { "POST", "/key/bulk_update", "ma", NULL },
	{ "POST", "/key/health", "mavothsrk", NULL }, { "POST", "/v2/key/info", "mavothr", NULL }, { "GET", "/key/info", "mavothr", NULL },
	{ "GET", "/key/*", "mavothsrk", NULL }, { "POST", "/key/*", "maot", NULL },
	/* teams */
	{ "POST", "/team/new", "mao", "{\"team_id\":\"another\",\"organization_id\":\"org\"}" }, { "POST", "/team/delete", "mao", NULL },
	{ "POST", "/team/block", "mao", NULL }, { "POST", "/team/unblock", "mao", NULL }, { "GET", "/team/{}/callback", "maot", NULL },
	{ "GET", "/team/info", "mavothrk", NULL }, { "GET", "/team/permissions_list", "mavot", NULL }, { "GET", "/team/list", "mavohr", NULL },
	{ "GET", "/v2/team/list", "mavohr", NULL },
	{ "GET", "/team/{}/members/me", "mavothsrk", NULL }, { "GET", "/team/available", "mavothsrk", NULL }, { "GET", "/team/*", "mavothsr", NULL },
	{ "POST", "/team/model/add", "mao", NULL }, { "POST", "/team/model/delete", "maot", NULL },
	{ "POST", "/team/*", "maot", NULL }, { "PATCH", "/team/{}", "maot", NULL }, { "DELETE", "/team/*", "maot", NULL },
	/* users, and who else spends */
	{ "POST", "/user/bulk_update", "ma", NULL }, { "POST", "/user/block", "ma", NULL }, { "POST", "/user/unblock", "ma", NULL },
	{ "POST", "/user/new", "mao", "{\"user_id\":\"new\",\"organizations\":[\"org\"],\"auto_create_key\":false}" },
	{ "POST", "/user/update", "maoh", "{\"user_id\":\"hand\",\"user_alias\":\"h\"}" }, { "POST", "/user/delete", "mao", NULL },
	{ "GET", "/user/info", "mavohr", NULL }, { "GET", "/v2/user/info", "mavohr", NULL },
	{ "GET", "/user/available_users", "mav", NULL },
	{ "GET", "/user/daily/*", "mavothsr", NULL }, { "GET", "/user/*", "mavothsrk", NULL }, { "POST", "/invitation/new", "mao", NULL },
	{ "POST", "/invitation/*", "mao", "{\"invitation_id\":\"i\",\"is_accepted\":true}" }, { "GET", "/invitation/info", "mao", NULL },
	{ "GET", "/organization/list", "mavothsrk", NULL }, { "GET", "/organization/daily/*", "mavothsr", NULL }, { "POST", "/organization/info", "mavothsrk", NULL },
	{ "GET", "/organization/info", "mavohr", NULL }, { "PATCH", "/organization/update", "mao", "{\"organization_id\":\"org\",\"organization_alias\":\"o\"}" },
	{ "POST", "/organization/new", "ma", NULL }, { "DELETE", "/organization/delete", "ma", NULL }, { "*", "/organization/*", "mao", NULL },
	{ "GET", "/project/*", "mavothrk", NULL }, { "*", "/project/*", "maot", NULL },
	/* models, for all or for the team */
	{ "*", "/model/*", "ma", NULL },
	/* lists of what this version has not are empty for everybody */
	{ "GET", "/guardrails/list", "mavothsrk", NULL }, { "GET", "/v2/guardrails/list", "mavothsrk", NULL }, { "GET", "/v1/agents", "mavothsrk", NULL },
	{ "GET", "/v1/mcp/server", "mavothsrk", NULL },
	/* what the gateway holds back from viewers: where its secrets could be met, and what costs */
	{ "GET", "/config/pass_through_endpoint*", "ma", NULL }, { "*", "/cache/*", "ma", NULL }, { "GET", "/get/allowed_ips", "ma", NULL },
	{ "GET", "/health/services", "ma", NULL }, { "POST", "/health/test_connection", "ma", NULL },
	{ "GET", "/get/ui_settings", "mavothsrk", NULL }, { "GET", "/get/ui_theme_settings", "mavothsrk", NULL },
	/* what was spent: rows are filtered (report_test.c) */
	{ "GET", "/spend/logs/session/ui", "mavothsrk", NULL }, { "GET", "/spend/*", "mavothsr", NULL }, { "GET", "/global/spend/all_tag_names", "mav", NULL },
	{ "*", "/global/predict/*", "mav", NULL }, { "GET", "/global/activity/exceptions", "mav", NULL },
	{ "*", "/global/*", "mavothsr", NULL },
	/* the rest is read by admins and viewers, and changed by admins */
	{ "POST", "/budget/info", "mav", NULL }, { "POST", "/tag/info", "mav", NULL }, { "POST", "/vector_store/info", "mav", NULL },
	{ "GET", "*", "mav", NULL }, { "POST", "*", "ma", NULL }, { "PUT", "*", "ma", NULL }, { "PATCH", "*", "ma", NULL }, { "DELETE", "*", "ma", NULL },
};

#define USUAL_BODY	"{\"key\":\"" HAND_TEAM_KEY "\",\"keys\":[\"" HAND_TEAM_KEY "\"],\"team_id\":\"team\",\"team_ids\":[\"team\"],\"user_id\":\"hand\",\"user_ids\":[\"hand\"]," \
	"\"organization_id\":\"org\",\"organization_ids\":[\"org\"],\"organization_alias\":\"o\",\"member\":{\"role\":\"user\",\"user_id\":\"else\"}," \
	"\"members\":[{\"role\":\"user\",\"user_id\":\"else\"}],\"models\":[\"m\"],\"team_member_permissions\":[],\"all_keys_in_team\":true,\"update_fields\":{}," \
	"\"name\":\"n\",\"budget_id\":\"b\",\"project_id\":\"p\",\"project_ids\":[\"p\"],\"reset_to\":0,\"callback_name\":\"c\",\"callback_vars\":{},\"invitation_id\":\"i\"," \
	"\"model_name\":\"m\",\"litellm_params\":{\"model\":\"openai/x\",\"api_key\":\"k\"},\"model_info\":{\"id\":\"m\"},\"model_id\":\"m\",\"id\":\"m\"," \
	"\"role\":\"user\",\"max_budget_in_team\":1}"
#define USUAL_QUERY	"?key=" HAND_TEAM_KEY "&team_id=team&team_ids=team&user_id=hand&organization_id=org&organization_ids=org&project_id=p&invitation_id=i" \
	"&start_date=2026-11-01&end_date=2026-11-30"

static bool
fits(const struct admin_row *row, size_t right)
{
	const char *path = rights[right].path, *star = strchr(path, '*');

	return ((strcmp(rights[right].methods, "*") == 0 || strcmp(rights[right].methods, row->method) == 0) &&
	    (star != NULL ? strncmp(row->path, path, (size_t)(star - path)) == 0 : strcmp(row->path, path) == 0));
}

/* {} is the team, the key or whatever of that name. */
static const char *
line_of(struct desk *d, const struct admin_row *row)
{
	const char *id = strncmp(row->path, "/key/", 5) == 0 ? HAND_TEAM_KEY : strncmp(row->path, "/team/", 6) == 0 ? "team" : "m";
	struct text head, rest;
	const char *line;

	if (!text_cut(text_of(row->path), '{', &head, &rest))
		return (arena_print(d->arena, "%s %s" USUAL_QUERY, row->method, row->path).at);
	line = arena_print(d->arena, "%s " TEXT_FMT "%s" TEXT_FMT, row->method, TEXT_ARG(head), id, TEXT_ARG(text_sub(rest, 1, rest.len))).at;
	if (strchr(line, '{') != NULL)			/* a second one is a user */
		line = arena_print(d->arena, "%.*shand%s", (int)(strchr(line, '{') - line), line, strchr(line, '{') + 2).at;
	return (arena_print(d->arena, "%s" USUAL_QUERY, line).at);
}

static int64_t
audited(struct desk *d)
{
	struct store *s = store_lend(d->pool, 1000);
	struct rows rows;

	assert_int_equal(STORE(s, d->arena, &rows, SQL_AUDIT_COUNT, V_INT(0), V_INT(INT64_MAX), V_NULL, V_NULL, V_NULL, V_NULL, V_NULL, V_NULL,
	    V_INT(0), V_INT(1 << 30)), STORE_FINE);
	store_return(d->pool, s);
	return (rows_int(&rows, 0, 0, 0));
}

static const char *
wrong_with(struct desk *d, const struct admin_row *row, size_t right, int who, int64_t before)
{
	bool refused = d->status == 401 || d->status == 403, may = strchr(rights[right].may, LETTERS[who]) != NULL;

	if (refused == may)
		return (may ? "is refused" : "is let in");
	if (refused && who == NOBODY && d->status != 401)
		return ("is no stranger");
	if (row->role != ROLE_GUEST && (refused || (row->writes && d->status < 300)) && audited(d) == before)
		return ("has no row in the audit");
	return (NULL);
}

static void
whole_table(void **state)
{
	struct desk *d = *state;
	struct config *config = scene_keep(d);
	unsigned wrong = 0;
	bool stale = false;

	for (const struct admin_row *row = admin_rows; row->method != NULL; row++) {
		size_t right = 0;

		while (right < nitems(rights) && !fits(row, right))
			right++;
		assert_true(right < nitems(rights));
		for (int who = 0; who <= ROBOT; who++) {
			const char *why;
			int64_t before;

			if (stale)
				scene_back(d, config);
			before = audited(d);
			be(d, (enum who)who);
			desk_call(d, line_of(d, row), rights[right].body != NULL ? rights[right].body : strcmp(row->method, "GET") == 0 ? NULL : USUAL_BODY);
			stale = row->writes && d->status < 300;
			if ((why = wrong_with(d, row, right, who, before)) == NULL)
				continue;
			print_message("%s %s: %s %s: %d " TEXT_FMT "\n", row->method, row->path, callers[who].name, why, d->status, TEXT_ARG(text_sub(d->out, 0, 200)));
			wrong++;
		}
	}
	config_release(config);
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
		cmocka_unit_test_setup_teardown(whole_table, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(permissions, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(lists, desk_setup, desk_teardown),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
