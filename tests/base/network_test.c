/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and networks of both families, and what is neither. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/network.h"

static bool
has(const char *network, const char *address)
{
	struct network n;

	assert_true(network_read(&n, text_of(network)));
	return (network_has(&n, text_of(address)));
}

static void
an_address_is_in_its_networks_only(void **state)
{
	(void)state;
	assert_true(has("192.0.2.7", "192.0.2.7"));
	assert_false(has("192.0.2.7", "192.0.2.8"));
	assert_true(has("10.0.0.0/8", "10.255.1.2"));
	assert_false(has("10.0.0.0/8", "11.0.0.0"));
	assert_true(has("192.0.2.128/25", "192.0.2.200"));
	assert_false(has("192.0.2.128/25", "192.0.2.127"));
	assert_true(has("0.0.0.0/0", "203.0.113.9"));
	assert_false(has("0.0.0.0/0", "2001:db8::1"));
	assert_true(has("2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(has("2001:db8::/33", "2001:db8:8000::1"));
	assert_true(has("::/0", "203.0.113.9"));
}

static void
ipv4_is_the_same_in_both_forms(void **state)
{
	(void)state;
	assert_true(has("10.0.0.0/8", "::ffff:10.1.2.3"));
	assert_true(has("::ffff:10.0.0.0/104", "10.1.2.3"));
}

static void
what_is_no_address_is_nowhere(void **state)
{
	static const char *const bad[] = { "", "10.0.0", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/x", "2001:db8::/129", "example.com", "10.0.0.0/", "1.2.3.4 5",
		"::1%lo" };
	struct network n;

	(void)state;
	for (size_t i = 0; i < nitems(bad); i++)
		assert_false(network_read(&n, text_of(bad[i])));
	assert_false(has("0.0.0.0/0", ""));
	assert_false(has("0.0.0.0/0", "unknown"));
	assert_false(has("::/0", "10.0.0.1:80"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_in_its_networks_only), cmocka_unit_test(ipv4_is_the_same_in_both_forms),
		cmocka_unit_test(what_is_no_address_is_nowhere),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
