/* SPDX-License-Identifier: Apache-2.0 */
/* Prices come and go without losing a digit. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "config/config.h"
#include "yaml_text.h"

static void
prices_are_exact(void **state)
{
	static const struct {
		const char	*text;
		int64_t		 pico;
		const char	*printed;
	} cases[] = {
		{ "0.0000025", 2500000, "0.0000025" }, { "2.5e-06", 2500000, "0.0000025" }, { "2.5E-6", 2500000, "0.0000025" },
		{ "1e-6", 1000000, "0.000001" }, { "0", 0, "0" }, { "0.0", 0, "0" }, { "0e60", 0, "0" }, { "1", 1000000000000, "1" },
		{ "12.5", 12500000000000, "12.5" }, { ".5", 500000000000, "0.5" }, { "1e+2", 100000000000000, "100" },
		{ "0.000000000001", 1, "0.000000000001" }, { "1e-13", 1, "0.000000000001" }, { "1.0000000000001e-6", 1000001, "0.000001000001" },
		{ "0.00000250000000000000000000000000", 2500000, "0.0000025" }, { "0.00000250000000000000000000000001", 2500001, "0.000002500001" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct buf b = { 0 };
		int64_t pico = -1;

		if (!price_read(text_of(cases[i].text), &pico))
			fail_msg("%s is no price", cases[i].text);
		assert_int_equal(pico, cases[i].pico);
		price_print(&b, pico);
		assert_text(buf_as_text(&b), cases[i].printed);
		buf_free(&b);
	}
}

static void
what_is_no_price_is_refused(void **state)
{
	static const char *const cases[] = { "", ".", "-1", "1e", "e6", "1e+", "1e+-3", "1.2.3", "abc", "0x10", "1e99", "1e-99", "1e8000000000000000000",
		"99999999999999999999", "9e18", "1 ", " 1", "1_000", "nan", "inf", "1e6.5" };

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		int64_t pico = 7;

		if (price_read(text_of(cases[i]), &pico))
			fail_msg("%s is taken for %lld", cases[i], (long long)pico);
		assert_int_equal(pico, 7);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prices_are_exact),
		cmocka_unit_test(what_is_no_price_is_refused),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
