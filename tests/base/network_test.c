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

/* Ends of networks, and IPv4 in all the clothes that IPv6 has for it. */
static void
what_is_internal_is_known(void **state)
{
	static const char *const inside[] = { "127.0.0.1", "127.255.0.3", "10.0.0.0", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
		"100.64.0.1", "100.100.100.200", "0.0.0.0", "192.0.0.192", "168.63.129.16", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0",
		"fd00:ec2::254", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
		"2002:7f00:1::", "2002:a00:1::1", "2001:0:1::", "2001:db8::1", "", "localhost", "10.0.0.1:80" };
	static const char *const outside[] = { "1.1.1.1", "9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.0.1", "169.253.0.1", "100.63.0.1",
		"100.128.0.0", "223.255.255.255", "168.63.129.17", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::", "fbff::1" };

	(void)state;
	for (size_t i = 0; i < nitems(inside); i++)
		if (!network_is_internal(text_of(inside[i])))
			fail_msg("%s is internal", inside[i]);
	for (size_t i = 0; i < nitems(outside); i++)
		if (network_is_internal(text_of(outside[i])))
			fail_msg("%s is not", outside[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_in_its_networks_only), cmocka_unit_test(ipv4_is_the_same_in_both_forms),
		cmocka_unit_test(what_is_no_address_is_nowhere), cmocka_unit_test(what_is_internal_is_known),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
