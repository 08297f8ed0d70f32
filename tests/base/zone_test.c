/* SPDX-License-Identifier: Apache-2.0 */
/* Zones as the C library has them, over sixty years, and none that is not there. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/zone.h"

#include <stdlib.h>
#include <time.h>

#define STEP	INT64_C(17 * 3600 + 61)

static void
as_the_library_has_it(void **state)
{
	static const char *const zones[] = { "Asia/Seoul", "America/New_York", "Europe/Berlin", "Europe/Dublin", "Australia/Lord_Howe", "Africa/Casablanca",
		"America/Sao_Paulo", "Asia/Kolkata", "America/Nuuk", "Asia/Gaza", "Pacific/Apia", "UTC" };
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < nitems(zones); i++) {
		const struct zone *z = zone_read(arena, text_of(zones[i]));

		assert_non_null(z);
		setenv("TZ", zones[i], 1);
		tzset();
		for (int64_t s = 946684800; s < INT64_C(2840140800); s += STEP) {		/* 2000 … 2060 */
			time_t t = (time_t)s;
			struct tm tm;

			localtime_r(&t, &tm);
			if (zone_offset(z, s) != tm.tm_gmtoff)
				fail_msg("%s at %lld: %d, not %ld", zones[i], (long long)s, zone_offset(z, s), tm.tm_gmtoff);
		}
	}
	arena_free(arena);
}

/* To the second: 8 March 2026, 2:00 EST. */
static void
changes_are_exact(void **state)
{
	struct arena *arena = arena_new();
	const struct zone *z = zone_read(arena, TEXT("America/New_York"));

	(void)state;
	assert_int_equal(zone_offset(z, 1772953200 - 1), -5 * 3600);
	assert_int_equal(zone_offset(z, 1772953200), -4 * 3600);
	arena_free(arena);
}

static void
what_is_none(void **state)
{
	static const char *const none[] = { "Nowhere/Atall", "../../../etc/passwd", "/etc/localtime", "Asia", "zone.tab", "Asia/Seoul/x" };
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < nitems(none); i++)
		if (zone_read(arena, text_of(none[i])) != NULL)
			fail_msg("%s is a zone", none[i]);
	assert_int_equal(zone_offset(zone_read(arena, TEXT("")), 0), 0);
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_the_library_has_it), cmocka_unit_test(changes_are_exact), cmocka_unit_test(what_is_none),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
