/* SPDX-License-Identifier: Apache-2.0 */
/* Money is exact, or refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/digest.h"
#include "base/money.h"

#include <stdlib.h>

static void
decimals_are_read(void **state)
{
	static const struct {
		const char	*text;
		enum money_read	 end;
		int64_t		 nano;
	} rows[] = {
		{ "0", MONEY_FINE, 0 }, { "-0", MONEY_FINE, 0 }, { "0.000", MONEY_FINE, 0 }, { "0e99", MONEY_FINE, 0 },
		{ "12.5", MONEY_FINE, 12500000000 }, { "1e-6", MONEY_FINE, 1000 }, { "1E+2", MONEY_FINE, 100000000000 },
		{ "00012", MONEY_FINE, 12000000000 }, { ".5", MONEY_FINE, 500000000 }, { "5.", MONEY_FINE, 5000000000 },
		{ "0.1", MONEY_FINE, 100000000 }, { "0.0000000014", MONEY_FINE, 1 }, { "0.0000000015", MONEY_FINE, 2 },
		{ "0.0000000005", MONEY_FINE, 1 }, { "0.00000000049", MONEY_FINE, 0 }, { "1e-30", MONEY_FINE, 0 },
		{ "8.1e-05", MONEY_FINE, 81000 }, { "123456789.123456789", MONEY_FINE, 123456789123456789 },
		{ "9000000000", MONEY_FINE, MONEY_MOST }, { "9000000000.000000001", MONEY_TOO_LARGE, 0 }, { "1e300", MONEY_TOO_LARGE, 0 },
		{ "99999999999999999999999999", MONEY_TOO_LARGE, 0 }, { "-1", MONEY_NEGATIVE, 0 }, { "-1e-300", MONEY_NEGATIVE, 0 },
		{ "", MONEY_NO_NUMBER, 0 }, { ".", MONEY_NO_NUMBER, 0 }, { "-", MONEY_NO_NUMBER, 0 }, { "1e", MONEY_NO_NUMBER, 0 },
		{ "1e+", MONEY_NO_NUMBER, 0 }, { "1e++2", MONEY_NO_NUMBER, 0 }, { "1 ", MONEY_NO_NUMBER, 0 }, { "0x10", MONEY_NO_NUMBER, 0 },
		{ "NaN", MONEY_NO_NUMBER, 0 }, { "Infinity", MONEY_NO_NUMBER, 0 }, { "1e99999", MONEY_NO_NUMBER, 0 }, { "1,5", MONEY_NO_NUMBER, 0 },
	};
	int64_t nano;

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		if (money_read(text_of(rows[i].text), &nano) != rows[i].end || nano != rows[i].nano)
			fail_msg("%s is read as %lld", rows[i].text, (long long)nano);
	}
}

static void
printed(void (*print)(struct buf *, int64_t), int64_t nano, const char *words)
{
	struct buf b = { 0 };

	print(&b, nano);
	buf_byte(&b, '\0');
	assert_string_equal(b.at, words);
	buf_free(&b);
}

static void
sums_are_printed(void **state)
{
	(void)state;
	printed(money_print, 0, "0");
	printed(money_print, 12500000000, "12.5");
	printed(money_print, 1, "0.000000001");
	printed(money_print, -3000000000, "-3");
	printed(money_print, -1, "-0.000000001");
	printed(money_print, INT64_MIN, "-9223372036.854775808");
	printed(money_print_dollars, 500000000000, "$500.00");
	printed(money_print_dollars, 125000, "$0.000125");
}

/* Whatever the sum: what is printed is read as the same, a half of its last digit is rounded up, and less than that is not there. */
static void
what_is_printed_is_read(void **state)
{
	unsigned seed = 11;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		int64_t nano = ((int64_t)rand_r(&seed) << 31 | rand_r(&seed)) % (MONEY_MOST - 1) >> rand_r(&seed) % 63, read;
		struct buf b = { 0 };

		money_print(&b, nano);
		assert_int_equal(money_read(buf_as_text(&b), &read), MONEY_FINE);
		assert_int_equal(read, nano);
		b.len = 0;
		buf_print(&b, "%lld.%09lld4999", (long long)(nano / MONEY_DOLLAR), (long long)(nano % MONEY_DOLLAR));
		assert_int_equal(money_read(buf_as_text(&b), &read), MONEY_FINE);
		assert_int_equal(read, nano);
		b.len -= 4;
		buf_lit(&b, "5");
		assert_int_equal(money_read(buf_as_text(&b), &read), MONEY_FINE);
		assert_int_equal(read, nano + 1);
		buf_free(&b);
	}
}

static void
digests_have_hex(void **state)
{
	struct arena *a = arena_new();
	unsigned char bytes[2];

	(void)state;
	assert_true(text_is(sha256_hex(a, TEXT("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
	assert_true(hex_read(bytes, 2, TEXT("0aFf")));
	assert_int_equal(bytes[0], 0x0a);
	assert_int_equal(bytes[1], 0xff);
	assert_false(hex_read(bytes, 2, TEXT("0aFg")));
	assert_false(hex_read(bytes, 2, TEXT("0aF")));
	arena_free(a);
}

static void
sums_are_values_of_json(void **state)
{
	struct arena *arena = arena_new();
	struct buf b = { 0 };
	struct json_out o = { .to = &b };

	(void)state;
	json_open(&o, '[');
	money_json(&o, 12500000000);
	money_json(&o, 1);
	json_close(&o, ']');
	assert_true(text_is(buf_as_text(&b), "[12.5,0.000000001]"));
	assert_true(text_is(money_text(arena, -3000000000), "-3"));
	buf_free(&b);
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decimals_are_read),
		cmocka_unit_test(sums_are_printed),
		cmocka_unit_test(sums_are_values_of_json),
		cmocka_unit_test(what_is_printed_is_read),
		cmocka_unit_test(digests_have_hex),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
