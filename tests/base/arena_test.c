/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas: what they hand out is apart, aligned and zeroed; they grow slowly and shrink whole. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/arena.h"

#include <stdlib.h>

static void
allocations_are_apart_aligned_and_zeroed(void **state)
{
	struct arena *a = arena_new();
	struct { unsigned char *at; size_t n; } got[400];

	(void)state;
	for (unsigned i = 0; i < nitems(got); i++) {
		got[i].n = i * 37 % 3000;
		got[i].at = arena_alloc(a, got[i].n);
		assert_int_equal((uintptr_t)got[i].at % 16, 0);
		for (size_t at = 0; at < got[i].n; at++)
			assert_int_equal(got[i].at[at], 0);
		memset(got[i].at, (int)(i % 251 + 1), got[i].n);
		memset(arena_bytes(a, i % 5), 'x', i % 5);
		arena_bytes(a, 1)[0] = 'y';
	}
	for (unsigned i = 0; i < nitems(got); i++)
		for (size_t at = 0; at < got[i].n; at++)
			assert_int_equal(got[i].at[at], i % 251 + 1);
	arena_free(a);
	arena_free(NULL);
}

static void
it_grows_slowly_and_clears(void **state)
{
	struct arena *a = arena_new();
	size_t first = arena_held(a);

	(void)state;
	assert_true(first <= 1024);
	for (unsigned i = 0; i < 100; i++)
		arena_alloc(a, 100);
	assert_true(arena_held(a) >= 10000);
	assert_true(arena_held(a) <= 40000);
	arena_clear(a);
	assert_int_equal(arena_held(a), first);
	arena_alloc(a, 500000);
	assert_true(arena_held(a) >= 500000);
	assert_true(arena_held(a) <= 502000);
	arena_alloc(a, 8);				/* a large one does not make the next block large */
	assert_true(arena_held(a) <= 502000);
	for (unsigned i = 0; i < 20; i++)
		arena_alloc(a, 100);
	assert_true(arena_held(a) <= 510000);
	arena_clear(a);
	assert_int_equal(arena_held(a), first);
	arena_alloc(a, 16);
	arena_free(a);
}

static void
what_was_given_back_is_zeroed_again(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 100; n++) {
		struct arena *all[8];

		for (unsigned i = 0; i < nitems(all); i++) {
			size_t held;
			unsigned char *at;

			all[i] = arena_new_for(5000);
			held = arena_held(all[i]);
			at = arena_alloc(all[i], 4500);
			for (unsigned k = 0; k < 4500; k++)
				assert_int_equal(at[k], 0);
			memset(at, 'x', 4500);
			assert_true(arena_held(all[i]) <= held + 5000);	/* a malloc of its own under AddressSanitizer */
			memset(arena_bytes(all[i], 1500), 'y', 1500);
			memset(arena_alloc(all[i], 3000), 'z', 3000);
		}
		for (unsigned i = 0; i < nitems(all); i++)
			arena_free(all[i]);
	}
}

static void
texts_are_copied_and_printed(void **state)
{
	struct arena *a = arena_new();
	struct text t = arena_copy(a, TEXT("copied"));
	char many[3000];

	(void)state;
	assert_true(text_is(t, "copied"));
	assert_int_equal(t.at[t.len], '\0');
	assert_string_equal(arena_copy(a, (struct text){ NULL, 0 }).at, "");
	assert_string_equal(arena_print(a, "%d %s", 5, "x").at, "5 x");
	memset(many, 'm', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	t = arena_print(a, "%s!", many);
	assert_int_equal(t.len, sizeof(many));
	assert_int_equal(t.at[t.len - 1], '!');
	assert_int_equal(arena_print(a, "%s", "").len, 0);
	arena_free(a);
}

static void
texts_and_lists_grow(void **state)
{
	struct arena *a = arena_new();
	struct growing g = { 0 };
	unsigned room = 0;
	int *list = NULL;

	(void)state;
	arena_append(a, &g, TEXT(""));
	assert_int_equal(g.len, 0);
	for (unsigned i = 0; i < 100; i++)
		arena_append(a, &g, TEXT("abc"));
	assert_int_equal(g.len, 300);
	assert_true(g.room >= 300 && g.room < 600);
	assert_memory_equal(g.at + 297, "abc", 3);
	for (unsigned n = 1; n < 20; n++) {
		list = arena_widen(a, list, &room, n, n - 1, sizeof(*list));
		assert_int_equal(list[n - 1], 0);
		list[n - 1] = (int)n;
	}
	assert_int_equal(room, 32);
	for (int n = 1; n < 20; n++)
		assert_int_equal(list[n - 1], n);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allocations_are_apart_aligned_and_zeroed),
		cmocka_unit_test(it_grows_slowly_and_clears),
		cmocka_unit_test(what_was_given_back_is_zeroed_again),
		cmocka_unit_test(texts_are_copied_and_printed),
		cmocka_unit_test(texts_and_lists_grow),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
