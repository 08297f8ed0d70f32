/* SPDX-License-Identifier: Apache-2.0 */
/* Who may call: key headers and their order, the open door on loopback, identity of the web server. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "access/access.h"

#define KEY	"sk-0123456789abcdef"

static struct request
request_of(const struct param *params, size_t n)
{
	return ((struct request){ .method = TEXT("POST"), .params = params, .n_params = n });
}

#define CHECK(settings, ...) check(settings, (const struct param[]){ __VA_ARGS__ }, sizeof((const struct param[]){ __VA_ARGS__ }) / sizeof(struct param))

static bool
check(const struct settings *s, const struct param *params, size_t n)
{
	struct request req = request_of(params, n);
	struct arena *arena = arena_new();
	struct error *e = access_check(arena, s, &req);
	bool fine = e == NULL;

	if (!fine)
		assert_int_equal(e->kind, E_AUTH);
	arena_free(arena);
	return (fine);
}

#define P(n, v)	{ TEXT(n), TEXT(v) }

static void
every_header_of_litellm_carries_the_key(void **state)
{
	struct settings s = { .master_key = TEXT(KEY) };

	(void)state;
	assert_true(CHECK(&s, P("HTTP_AUTHORIZATION", "Bearer " KEY)));
	assert_true(CHECK(&s, P("HTTP_AUTHORIZATION", "bearer  " KEY " ")));
	assert_true(CHECK(&s, P("HTTP_X_LITELLM_API_KEY", "Bearer " KEY)));
	assert_true(CHECK(&s, P("HTTP_X_LITELLM_API_KEY", KEY)));
	assert_true(CHECK(&s, P("HTTP_X_API_KEY", KEY)));
	assert_true(CHECK(&s, P("HTTP_API_KEY", KEY)));
	assert_true(CHECK(&s, P("HTTP_X_GOOG_API_KEY", KEY)));
	assert_true(CHECK(&s, P("HTTP_OCP_APIM_SUBSCRIPTION_KEY", KEY)));
}

static bool
other_is(const struct settings *s, const char *header, const char *wanted, const struct param *params, size_t n)
{
	struct request req = request_of(params, n);

	return (text_is(access_other_key(s, &req, header), wanted));
}

#define OTHER(settings, header, wanted, ...) other_is(settings, header, wanted, (const struct param[]){ __VA_ARGS__ }, \
    sizeof((const struct param[]){ __VA_ARGS__ }) / sizeof(struct param))

static void
a_login_elsewhere_is_never_our_key(void **state)
{
	struct settings s = { .master_key = TEXT(KEY) }, open = { .open_on_loopback = true };

	(void)state;
	assert_true(OTHER(&s, "authorization", "sk-ant-oat", P("HTTP_X_LITELLM_API_KEY", KEY), P("HTTP_AUTHORIZATION", "Bearer sk-ant-oat")));
	assert_true(OTHER(&s, "x-api-key", "sk-ant", P("HTTP_AUTHORIZATION", "Bearer " KEY), P("HTTP_X_API_KEY", "sk-ant")));
	assert_true(OTHER(&s, "authorization", "", P("HTTP_AUTHORIZATION", "Bearer " KEY), P("HTTP_X_API_KEY", "sk-ant")));
	assert_true(OTHER(&s, "x-api-key", "", P("HTTP_AUTHORIZATION", "Bearer " KEY), P("HTTP_X_API_KEY", KEY)));
	assert_true(OTHER(&s, "authorization", "", P("HTTP_X_LITELLM_API_KEY", "other"), P("HTTP_AUTHORIZATION", "Bearer " KEY)));
	assert_true(OTHER(&s, "authorization", "", P("HTTP_X_LITELLM_API_KEY", KEY), P("HTTP_AUTHORIZATION", "Basic YTpi")));
	assert_true(OTHER(&s, "authorization", "", P("HTTP_X_LITELLM_API_KEY", KEY), P("HTTP_AUTHORIZATION", "Bearer a"), P("HTTP_AUTHORIZATION", "Bearer b")));
	assert_true(OTHER(&open, "authorization", "sk-ant-oat", P("HTTP_AUTHORIZATION", "Bearer sk-ant-oat")));
}

static void
wrong_keys_are_refused(void **state)
{
	struct settings s = { .master_key = TEXT(KEY) };

	(void)state;
	assert_false(CHECK(&s, P("HTTP_HOST", "x")));
	assert_false(CHECK(&s, P("HTTP_AUTHORIZATION", "Bearer " KEY "0")));
	assert_false(CHECK(&s, P("HTTP_AUTHORIZATION", "Bearer sk-0123456789abcde")));
	assert_false(CHECK(&s, P("HTTP_AUTHORIZATION", "Bearer ")));
	assert_false(CHECK(&s, P("HTTP_AUTHORIZATION", "")));
	assert_false(CHECK(&s, P("AUTHORIZATION", KEY)));
	assert_false(CHECK(&s, P("REMOTE_USER", KEY)));
}

static void
the_first_header_decides(void **state)
{
	struct settings s = { .master_key = TEXT(KEY) }, own = { .master_key = TEXT(KEY), .key_header = TEXT("X-Team-Key") };

	(void)state;
	assert_false(CHECK(&s, P("HTTP_X_API_KEY", KEY), P("HTTP_AUTHORIZATION", "Bearer other")));
	assert_true(CHECK(&s, P("HTTP_AUTHORIZATION", "Bearer other"), P("HTTP_X_LITELLM_API_KEY", KEY)));
	assert_true(CHECK(&own, P("HTTP_AUTHORIZATION", "Bearer other"), P("HTTP_X_TEAM_KEY", KEY)));
	assert_false(CHECK(&own, P("HTTP_AUTHORIZATION", "Bearer " KEY), P("HTTP_X_TEAM_KEY", "other")));
}

static void
basic_credentials_are_the_web_servers(void **state)
{
	struct settings s = { .master_key = TEXT(KEY) };

	(void)state;
	assert_true(CHECK(&s, P("HTTP_AUTHORIZATION", "Basic YWRhOng="), P("HTTP_X_API_KEY", KEY)));
	assert_false(CHECK(&s, P("HTTP_AUTHORIZATION", "Basic YWRhOng=")));
}

static void
without_a_master_key_only_this_machine_may_call(void **state)
{
	struct settings closed = { 0 }, open = { .open_on_loopback = true };

	(void)state;
	assert_false(CHECK(&closed, P("REMOTE_ADDR", "127.0.0.1"), P("SERVER_ADDR", "127.0.0.1")));
	assert_true(CHECK(&open, P("REMOTE_ADDR", "127.0.0.1"), P("SERVER_ADDR", "127.0.0.1")));
	assert_true(CHECK(&open, P("REMOTE_ADDR", "::1"), P("SERVER_ADDR", "::1")));
	assert_false(CHECK(&open, P("REMOTE_ADDR", "192.0.2.1"), P("SERVER_ADDR", "127.0.0.1")));
	assert_false(CHECK(&open, P("REMOTE_ADDR", "127.0.0.1"), P("SERVER_ADDR", "192.0.2.1")));
	assert_false(CHECK(&open, P("REMOTE_ADDR", "127.0.0.1")));
	assert_false(CHECK(&open, P("REMOTE_ADDR", "127.0.0.1"), P("SERVER_ADDR", "127.0.0.1"), P("HTTP_X_FORWARDED_FOR", "192.0.2.1")));
	assert_false(CHECK(&open, P("REMOTE_ADDR", "127.0.0.1"), P("SERVER_ADDR", "127.0.0.1"), P("HTTP_X_FORWARDED_HOST", "h")));
	assert_false(CHECK(&open, P("REMOTE_ADDR", "127.0.0.1"), P("SERVER_ADDR", "127.0.0.1"), P("HTTP_FORWARDED", "for=x")));
	assert_false(CHECK(&open, P("REMOTE_ADDR", "127.0.0.1"), P("SERVER_ADDR", "127.0.0.1"), P("HTTP_VIA", "1.1 p")));
}

static void
loopback_only_shuts_everybody_else_out(void **state)
{
	struct settings s = { .master_key = TEXT(KEY), .loopback_only = true };
	const struct param far[] = { P("REMOTE_ADDR", "192.0.2.1"), P("SERVER_ADDR", "192.0.2.2"), P("HTTP_X_API_KEY", KEY) };
	struct request req = request_of(far, nitems(far));
	struct arena *arena = arena_new();
	struct error *e = access_check(arena, &s, &req);

	(void)state;
	assert_non_null(e);
	assert_int_equal(e->kind, E_FORBIDDEN);
	arena_free(arena);
	assert_true(CHECK(&s, P("REMOTE_ADDR", "127.0.0.1"), P("SERVER_ADDR", "127.0.0.1"), P("HTTP_X_API_KEY", KEY)));
}

static void
headers_of_the_key_are_known_by_their_variables(void **state)
{
	static const char *const names[] = { "AUTHORIZATION", "X_API_KEY", "API_KEY", "X_LITELLM_API_KEY", "X_GOOG_API_KEY", "OCP_APIM_SUBSCRIPTION_KEY",
		"X_OWN_KEY" };
	struct settings s = { .master_key = TEXT(KEY), .key_header = TEXT("X-Own-Key") };

	(void)state;
	for (size_t i = 0; i < nitems(names); i++) {
		assert_true(access_is_key(&s, text_of(names[i]), TEXT("Basic whatever"), false));
		assert_false(access_is_key(&s, text_of(names[i]), TEXT("Basic whatever"), true));
		assert_true(access_is_key(&s, text_of(names[i]), TEXT("Bearer " KEY), true));
	}
	assert_false(access_is_key(&s, TEXT("X_API_KEYS"), TEXT(KEY), false));
	assert_false(access_is_key(&s, TEXT("ACCEPT"), TEXT(KEY), false));
}

static void
identity_is_read_from_variables_only(void **state)
{
	const struct param forged[] = { P("HTTP_REMOTE_USER", "eve"), P("HTTP_OIDC_CLAIM_EMAIL", "eve@x") };
	const struct param real[] = { P("REMOTE_USER", "ada"), P("AUTH_TYPE", "openid-connect"), P("HTTP_REMOTE_USER", "eve") };
	struct request a = request_of(forged, nitems(forged)), b = request_of(real, nitems(real));

	(void)state;
	assert_int_equal(access_identity(&a).user.len, 0);
	assert_true(text_is(access_identity(&b).user, "ada"));
	b.twice = true;
	assert_int_equal(access_identity(&b).user.len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_header_of_litellm_carries_the_key),
		cmocka_unit_test(a_login_elsewhere_is_never_our_key),
		cmocka_unit_test(wrong_keys_are_refused),
		cmocka_unit_test(the_first_header_decides),
		cmocka_unit_test(basic_credentials_are_the_web_servers),
		cmocka_unit_test(without_a_master_key_only_this_machine_may_call),
		cmocka_unit_test(loopback_only_shuts_everybody_else_out),
		cmocka_unit_test(headers_of_the_key_are_known_by_their_variables),
		cmocka_unit_test(identity_is_read_from_variables_only),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
