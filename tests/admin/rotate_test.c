/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that are due, where nobody can take their new value. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "admin/rotate.h"
#include "base/clock.h"

#include "desk.h"

static const char due[] = "UPDATE sluice_key SET rotates_at = 1, doc = replace(doc, '\"rotation_from\":', '\"rotation_from\":1,\"was\":')";

static unsigned
raised(struct desk *d)
{
	struct store *s = store_lend(d->pool, 1000);
	struct rows rows = { 0 };

	assert_non_null(s);
	assert_int_equal(STORE(s, d->arena, &rows, SQL_ALERT_WAITING, V_INT(clock_wall_ms())), STORE_FINE);
	store_return(d->pool, s);
	return (rows.n);
}

static void
what_nobody_takes_is_not_rotated(void **state)
{
	struct desk *d = *state;

	desk_calls(d, "POST /key/generate", "{\"key\":\"sk-that-is-due-0123456\",\"auto_rotate\":true,\"rotation_interval\":\"1s\"}", 200);
	desk_expect(d, "rotation_count", "0");
	desk_sql(d, due);
	assert_int_equal(rotate_keys(d->pool, d->config, "host"), 0);
	assert_int_equal(raised(d), 1);
	assert_int_equal(rotate_keys(d->pool, d->config, "other"), 0);		/* it is in hand */
	desk_sql(d, due);
	assert_int_equal(rotate_keys(d->pool, d->config, "host"), 0);
	assert_int_equal(raised(d), 1);						/* once a day */
	desk_calls(d, "GET /key/info?key=sk-that-is-due-0123456", NULL, 200);
	desk_expect(d, "info.rotation_count", "0");
	desk_expect(d, "info.last_rotation_at", "null");
}

static void
only_what_is_due_is_looked_at(void **state)
{
	struct desk *d = *state;

	desk_calls(d, "POST /key/generate", "{\"auto_rotate\":true}", 400);
	desk_calls(d, "POST /key/generate", "{\"auto_rotate\":true,\"rotation_interval\":\"30days\"}", 400);
	desk_calls(d, "POST /key/generate", "{\"key\":\"sk-of-next-month-01234\",\"auto_rotate\":true,\"rotation_interval\":\"30d\"}", 200);
	desk_calls(d, "POST /key/generate", "{\"key\":\"sk-that-is-blocked-012\",\"auto_rotate\":true,\"rotation_interval\":\"1s\",\"blocked\":true}", 200);
	desk_calls(d, "POST /key/generate", "{\"key\":\"sk-that-never-turns-01\"}", 200);
	assert_int_equal(rotate_keys(d->pool, d->config, "host"), 0);
	assert_int_equal(raised(d), 0);
	/* one that asked for it before anybody counted begins to count */
	desk_sql(d, "UPDATE sluice_key SET rotates_at = 0, doc = replace(doc, '\"rotation_from\":', '\"was\":')");
	assert_int_equal(rotate_keys(d->pool, d->config, "host"), 0);
	desk_calls(d, "GET /key/info?key=sk-of-next-month-01234", NULL, 200);
	assert_false(text_is(desk_at(d, "info.key_rotation_at"), "null"));
	assert_int_equal(raised(d), 0);
	desk_calls(d, "POST /key/update", "{\"key\":\"sk-of-next-month-01234\",\"auto_rotate\":false}", 200);
	desk_expect(d, "key_rotation_at", "null");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_nobody_takes_is_not_rotated, desk_setup, desk_teardown),
		cmocka_unit_test_setup_teardown(only_what_is_due_is_looked_at, desk_setup, desk_teardown),
	};

	return (desk_main(tests, sizeof(tests) / sizeof(tests[0])));
}
