/* SPDX-License-Identifier: Apache-2.0 */
/* Who is signed in: believed from the right server only, mapped by rules, and safe from other sites. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "access/people.h"

#define SECRET	"a-secret-of-the-server"
#define WEB	33

static const char yaml[] =
    "general_settings: {master_key: sk-a-master-key-for-tests}\n"
    "model_list: [{model_name: m, litellm_params: {model: openai/m, api_key: x}}]\n"
    "sluice:\n  people:\n    secret: " SECRET "\n    peers: [33, root]\n    groups: OIDC_CLAIM_groups\n    email: OIDC_CLAIM_email\n"
    "    default_role: internal_user_viewer\n"
    "    rules:\n    - {group: admins, role: proxy_admin}\n    - {group: ml, team: data, role: internal_user}\n    - {user: bob, team: one}\n"
    "    - {group: 'CN=a,O=b', team: dn}\n";

static struct config *config;
static struct param params[16];
static size_t n;

static void
set(const char *name, const char *value)
{
	params[n++] = (struct param){ text_of(name), text_of(value) };
}

static struct request
request(void)
{
	return ((struct request){ .method = TEXT("POST"), .params = params, .n_params = n });
}

static struct person
read_as(int64_t uid)
{
	struct request req = request();
	struct person p;

	person_read(&p, &config->people, &req, uid);
	return (p);
}

static int
set_up(void **state)
{
	(void)state;
	n = 0;
	config = config_load_text("t.yaml", text_of(yaml));
	assert_int_equal(config->n_errors, 0);
	return (0);
}

static int
tear_down(void **state)
{
	(void)state;
	config_release(config);
	return (0);
}

static void
the_right_server_is_believed(void **state)
{
	struct person p;

	(void)state;
	set("REMOTE_USER", "ada");
	assert_int_equal(read_as(WEB).name.len, 0);		/* no secret */
	set("SLUICE_SECRET", SECRET);
	p = read_as(WEB);
	assert_true(text_is(p.name, "ada") && p.role == USER_INTERNAL_VIEWER && p.n_teams == 0);
	assert_true(text_is(read_as(0).name, "ada"));		/* root, by name */
	assert_true(text_is(read_as(-1).name, "ada"));		/* no socket of this machine: the secret */
	assert_int_equal(read_as(1000).name.len, 0);
}

static void
a_wrong_secret_is_none(void **state)
{
	(void)state;
	set("REMOTE_USER", "ada");
	set("SLUICE_SECRET", SECRET "x");
	set("HTTP_SLUICE_SECRET", SECRET);
	assert_int_equal(read_as(WEB).name.len, 0);
}

static void
an_empty_name_is_nobody(void **state)
{
	(void)state;
	set("SLUICE_SECRET", SECRET);
	set("AUTH_TYPE", "openid-connect");
	set("OIDC_CLAIM_groups", "admins");
	set("HTTP_REMOTE_USER", "eve");
	assert_int_equal(read_as(WEB).name.len, 0);
	set("REMOTE_USER", "");
	assert_int_equal(read_as(WEB).name.len, 0);
	params[n - 1].value = TEXT("ada\r\nX: y");
	assert_int_equal(read_as(WEB).name.len, 0);
}

static void
rules_give_roles_and_teams(void **state)
{
	struct person p;

	(void)state;
	set("SLUICE_SECRET", SECRET);
	set("REMOTE_USER", "bob");
	set("OIDC_CLAIM_email", "bob@example.org");
	set("OIDC_CLAIM_groups", "ml, admins-of-nothing");
	p = read_as(WEB);
	assert_true(p.role == USER_INTERNAL && p.n_teams == 2 && text_is(p.teams[0], "data") && text_is(p.teams[1], "one"));
	assert_true(text_is(p.email, "bob@example.org"));
	params[n - 1].value = TEXT("x,admins");
	assert_int_equal(read_as(WEB).role, USER_ADMIN);
	params[n - 1].value = TEXT("CN=a,O=b");
	assert_true(text_is(read_as(WEB).teams[1], "dn"));
}

static void
a_certificate_counts_when_it_was_checked(void **state)
{
	(void)state;
	config->people.user = TEXT("SSL_CLIENT_S_DN");
	set("SLUICE_SECRET", SECRET);
	set("SSL_CLIENT_S_DN", "CN=ci,O=x");
	assert_int_equal(read_as(WEB).name.len, 0);
	set("SSL_CLIENT_VERIFY", "GENEROUS");
	assert_int_equal(read_as(WEB).name.len, 0);
	params[n - 1].value = TEXT("SUCCESS");
	assert_true(text_is(read_as(WEB).name, "CN=ci,O=x"));
}

static void
names_given_twice_are_nobody(void **state)
{
	struct request req;
	struct person p;

	(void)state;
	set("SLUICE_SECRET", SECRET);
	set("REMOTE_USER", "ada");
	req = request();
	req.twice = true;
	person_read(&p, &config->people, &req, WEB);
	assert_int_equal(p.name.len, 0);
}

static bool
same(const char *method, const char *origin, const char *site)
{
	struct request req;

	n = 0;
	set("HTTP_HOST", "Gate.example:8443");
	if (origin != NULL)
		set("HTTP_ORIGIN", origin);
	if (site != NULL)
		set("HTTP_SEC_FETCH_SITE", site);
	req = request();
	req.method = text_of(method);
	return (is_same_origin(&req));
}

static void
other_sites_change_nothing(void **state)
{
	(void)state;
	assert_true(same("GET", NULL, NULL) && same("HEAD", "https://evil.example", "cross-site"));
	assert_true(same("POST", "https://gate.example:8443", "same-origin") && same("POST", NULL, "same-origin"));
	assert_true(same("DELETE", "https://gate.example:8443", NULL));
	assert_false(same("POST", NULL, NULL) || same("POST", "null", NULL) || same("POST", "https://gate.example", NULL));
	assert_false(same("POST", "https://evil.example", NULL) || same("POST", "https://gate.example:8443.evil.example", NULL));
	assert_false(same("POST", "https://gate.example:8443", "same-site") || same("PUT", NULL, "none"));
}

static void
bad_settings_are_told(void **state)
{
	static const char *const bad[] = {
		"{}", "{secret: short}", "{secret: " SECRET ", user: HTTP_X_USER}", "{secret: " SECRET ", user: 'a b'}",
		"{secret: " SECRET ", peers: [no-such-user-here]}", "{secret: " SECRET ", default_role: god}", "{secret: " SECRET ", rules: [{user: a}]}",
		"{secret: " SECRET ", rules: [{role: proxy_admin}]}", "{secret: " SECRET ", rules: [{user: a, group: b, team: c}]}", "{secret: " SECRET ", usr: a}",
	};

	(void)state;
	for (size_t i = 0; i < nitems(bad); i++) {
		struct buf b = { 0 };
		struct config *c;

		buf_print(&b, "general_settings: {master_key: sk-a-master-key-for-tests}\n"
		    "model_list: [{model_name: m, litellm_params: {model: openai/m, api_key: x}}]\nsluice: {people: %s}\n", bad[i]);
		c = config_load_text("t.yaml", buf_as_text(&b));
		if (c->n_errors == 0)
			fail_msg("%s", bad[i]);
		config_release(c);
		buf_free(&b);
	}
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_right_server_is_believed), TEST(a_wrong_secret_is_none), TEST(an_empty_name_is_nobody), TEST(rules_give_roles_and_teams),
		TEST(a_certificate_counts_when_it_was_checked), TEST(names_given_twice_are_nobody), TEST(other_sites_change_nothing), TEST(bad_settings_are_told),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
