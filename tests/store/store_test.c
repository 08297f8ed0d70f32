/* SPDX-License-Identifier: Apache-2.0 */
/* The store, the same on both engines. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct bench {
	struct arena	*a;
	struct store	*s;
	char		 folder[64];
	char		 url[128];
};

static int
setup(void **state)
{
	struct bench *b = must_zalloc(sizeof(*b));

	b->a = arena_new();
	strcpy(b->folder, "/tmp/store_test.XXXXXX");
	assert_non_null(mkdtemp(b->folder));
	snprintf(b->url, sizeof(b->url), "%s/sluice.db", b->folder);
	b->s = store_new(text_of(b->url));
	*state = b;
	return (0);
}

static int
teardown(void **state)
{
	struct bench *b = *state;
	char command[160];

	store_free(b->s);
	arena_free(b->a);
	snprintf(command, sizeof(command), "rm -rf %s", b->folder);
	assert_int_equal(system(command), 0);
	free(b);
	return (0);
}

static void
test_migrates_once(void **state)
{
	struct bench *b = *state;
	unsigned from = 9, to = 9, version = 9;

	assert_int_equal(store_version(b->s, &version), STORE_FINE);
	assert_int_equal(version, 0);
	assert_int_equal(store_migrate(b->s, &from, &to), STORE_FINE);
	assert_int_equal(from, 0);
	assert_int_equal(to, store_newest);
	assert_int_equal(store_migrate(b->s, &from, &to), STORE_FINE);
	assert_int_equal(from, store_newest);
	assert_int_equal(store_version(b->s, &version), STORE_FINE);
	assert_int_equal(version, store_newest);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_migrates_once, setup, teardown),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
