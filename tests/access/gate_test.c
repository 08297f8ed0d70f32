/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and paths that are let in: lists, proxies, what a client makes up. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "access/gate.h"
#include "access/routes.h"
#include "config/config_priv.h"

static struct network lan, proxy, mesh;
static struct text routes[] = { { "/chat/completions", 17 }, { "info_routes", 11 }, { "/team/*", 7 } };

static int
set_up(void **state)
{
	(void)state;
	assert_true(network_read(&lan, TEXT("10.0.0.0/8")) && network_read(&proxy, TEXT("127.0.0.0/8")) && network_read(&mesh, TEXT("172.16.0.0/12")));
	return (0);
}

static struct text
address(bool use, const char *peer, const char *forwarded, const char *again)
{
	struct network trusted[] = { proxy, mesh };
	struct settings s = { .forwarded_for = use, .trusted_proxies = trusted, .n_trusted_proxies = nitems(trusted) };
	const struct param params[] = { { TEXT("REMOTE_ADDR"), text_of(peer) }, { TEXT("HTTP_X_FORWARDED_FOR"), text_of(forwarded) },
		{ TEXT("HTTP_X_FORWARDED_FOR"), text_of(again) } };
	struct request req = { .params = params, .n_params = forwarded == NULL ? 1 : again == NULL ? 2 : 3 };

	return (gate_address(&s, &req));
}

#define COMES_FROM(use, peer, forwarded, wanted)	assert_true(text_is(address(use, peer, forwarded, NULL), wanted))

static void
a_forwarded_address_counts_from_trusted_proxies_only(void **state)
{
	(void)state;
	COMES_FROM(true, "127.0.0.1", "203.0.113.5", "203.0.113.5");
	COMES_FROM(false, "127.0.0.1", "203.0.113.5", "127.0.0.1");
	COMES_FROM(true, "198.51.100.1", "10.0.0.1", "198.51.100.1");
	COMES_FROM(true, "127.0.0.1", NULL, "127.0.0.1");
	/* what the client wrote stands first */
	COMES_FROM(true, "127.0.0.1", "10.0.0.1, 203.0.113.5", "203.0.113.5");
	COMES_FROM(true, "127.0.0.1", "10.0.0.1, 203.0.113.5, 172.16.3.4", "203.0.113.5");
	COMES_FROM(true, "127.0.0.1", "172.16.3.5,172.16.3.4", "172.16.3.5");
	COMES_FROM(true, "127.0.0.1", ",", "");
	/* two headers: nobody can tell which of them a proxy wrote */
	assert_true(text_is(address(true, "127.0.0.1", "10.0.0.1", "203.0.113.5"), "127.0.0.1"));
}

static const char *
refused(const struct settings *s, const char *from, const char *path)
{
	static char words[300];
	struct arena *arena = arena_new();
	struct error *e = gate_check(arena, s, text_of(from), text_of(path));

	if (e != NULL) {
		assert_int_equal(e->kind, E_FORBIDDEN);
		memcpy(words, e->message.at, e->message.len);
		words[e->message.len] = '\0';
	}
	arena_free(arena);
	return (e != NULL ? words : NULL);
}

static void
who_is_not_on_the_list_stays_outside(void **state)
{
	struct settings s = { .ips_limited = true, .allowed_ips = &lan, .n_allowed_ips = 1 };

	(void)state;
	assert_null(refused(&s, "10.1.2.3", "/x"));
	assert_string_equal(refused(&s, "192.0.2.1", "/x"), "Access forbidden: IP address 192.0.2.1 not allowed.");
	assert_non_null(refused(&s, "", "/x"));
	s.n_allowed_ips = 0;
	assert_non_null(refused(&s, "10.1.2.3", "/x"));		/* an empty list lets nobody in */
	s.ips_limited = false;
	assert_null(refused(&s, "192.0.2.1", "/x"));
}

static void
routes_are_closed_opened_and_kept_for_admins(void **state)
{
	struct settings s = { .allowed_routes = routes, .n_allowed_routes = nitems(routes), .public_routes = routes, .n_public_routes = 1,
		.admin_routes = routes + 2, .n_admin_routes = 1 };
	struct arena *arena = arena_new();

	(void)state;
	assert_null(refused(&s, "::1", "/v1/chat/completions"));
	assert_null(refused(&s, "::1", "/key/info"));
	assert_null(refused(&s, "::1", ""));
	assert_string_equal(refused(&s, "::1", "/key/generate"), "Access forbidden: Route /key/generate not allowed");
	assert_non_null(refused(&s, "::1", "/chat/completions/x"));
	assert_true(gate_is_public(&s, TEXT("//v1/chat/completions/")));
	assert_false(gate_is_public(&s, TEXT("/v1/embeddings")));
	assert_non_null(gate_admin_only(arena, &s, TEXT("/team/new")));
	assert_null(gate_admin_only(arena, &s, TEXT("/key/info")));
	arena_free(arena);
}

static void
the_configuration_names_groups_that_there_are(void **state)
{
	(void)state;
	for (const char *const *g = route_groups; *g != NULL; g++)
		assert_true(route_is_group(text_of(*g)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_forwarded_address_counts_from_trusted_proxies_only), cmocka_unit_test(who_is_not_on_the_list_stays_outside),
		cmocka_unit_test(routes_are_closed_opened_and_kept_for_admins), cmocka_unit_test(the_configuration_names_groups_that_there_are),
	};

	return (cmocka_run_group_tests(tests, set_up, NULL));
}
