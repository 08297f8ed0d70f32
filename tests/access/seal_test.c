/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed ids: what was sealed opens again, and nothing else does. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "access/seal.h"

#define MARK	UINT64_C(0x8123456789abcdef)
#define VECTOR	"resp_EYEjRWeJq83vcmVzcF8wMTIzNDU2Nzg57c58g2sewznigApjklTN7g"

static struct arena *arena;
static struct seal_key key;

static int
set_up(void **state)
{
	(void)state;
	arena = arena_new();
	seal_key_make(&key, TEXT("salt"), TEXT("sk-caller"));
	return (0);
}

static int
tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return (0);
}

static struct text
sealed_as(struct text id, bool stored)
{
	return (seal(arena, &key, &(struct sealed){ MARK, stored, id }));
}

static bool
opens(struct text id)
{
	struct sealed s;

	return (seal_open(&s, arena, &key, id));
}

/* The form is for ever: ids live in the clients' databases.  Computed with Python's hmac and base64. */
static void
the_form_never_changes(void **state)
{
	(void)state;
	assert_string_equal(arena_copy(arena, sealed_as(TEXT("resp_0123456789"), true)).at, VECTOR);
}

static void
what_was_sealed_opens(void **state)
{
	static const char id[256] = "resp_/../\xff";
	struct sealed s;

	(void)state;
	for (size_t n = 1; n <= sizeof(id); n++) {
		assert_true(seal_open(&s, arena, &key, sealed_as((struct text){ id, n }, true)));
		assert_true(s.stored && s.deployment == MARK && text_eq(s.id, (struct text){ id, n }));
	}
	assert_true(seal_open(&s, arena, &key, sealed_as(TEXT("0190aaaa"), false)));
	assert_true(!s.stored && s.deployment == MARK && text_is(s.id, "0190aaaa"));
}

static void
what_is_no_id_is_not_stored(void **state)
{
	static const char long_id[257] = "resp_";
	struct sealed s;

	(void)state;
	assert_true(seal_open(&s, arena, &key, sealed_as(TEXT(""), true)) && !s.stored);
	assert_true(seal_open(&s, arena, &key, sealed_as((struct text){ long_id, sizeof(long_id) }, true)) && !s.stored);
}

static void
other_callers_and_gateways_see_nothing(void **state)
{
	struct text id = sealed_as(TEXT("resp_1"), true);
	struct seal_key other;
	struct sealed s;

	(void)state;
	seal_key_make(&other, TEXT("salt"), TEXT("sk-calleR"));
	assert_false(seal_open(&s, arena, &other, id));
	seal_key_make(&other, TEXT("Salt"), TEXT("sk-caller"));
	assert_false(seal_open(&s, arena, &other, id));
	seal_key_make(&other, TEXT("a salt that is longer than a block of the digest is, so that it must be digested itself"), TEXT("sk-caller"));
	assert_false(seal_open(&s, arena, &other, id));
	seal_key_make(&other, TEXT("salt"), TEXT("sk-caller"));
	assert_true(seal_open(&s, arena, &other, id));
}

static void
a_changed_byte_is_seen(void **state)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	(void)state;
	for (size_t length = 1; length < 4; length++) {			/* each way base64 can end */
		struct text id = arena_copy(arena, sealed_as(text_sub(TEXT("abcd"), 0, length), true));
		char *at = (char *)(uintptr_t)id.at;

		for (size_t i = 0; i < id.len; i++) {
			char was = at[i];

			for (size_t k = 0; k < sizeof(alphabet) - 1; k++) {
				at[i] = alphabet[k];
				assert_int_equal(opens(id), at[i] == was);
			}
			at[i] = was;
		}
		for (size_t n = 0; n < id.len; n++)
			assert_false(opens(text_sub(id, 0, n)));
	}
}

static void
absurd_ids_do_not_open(void **state)
{
	static const struct text absurd[] = {
		{ "", 0 }, { "resp_", 5 }, { "resp_A", 6 }, { "resp_====", 9 }, { "resp_\0\0\0\0", 9 }, { "resp_ \t\r\n", 9 }, { "RESP_AAAA", 9 },
	};
	char *giant = arena_bytes(arena, 1 << 20);
	struct text good = sealed_as(TEXT("resp_1"), true);

	(void)state;
	for (size_t i = 0; i < nitems(absurd); i++)
		assert_false(opens(absurd[i]));
	memset(giant, 'A', 1 << 20);
	memcpy(giant, "resp_", 5);
	for (size_t n = 5; n < 1 << 20; n = n * 2 + 1)
		assert_false(opens((struct text){ giant, n }));
	for (size_t n = 5; n < 600; n++)
		assert_false(opens((struct text){ giant, n }));
	assert_false(opens(arena_print(arena, TEXT_FMT "A", TEXT_ARG(good))));
	assert_false(opens(arena_print(arena, TEXT_FMT "=", TEXT_ARG(good))));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_form_never_changes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_sealed_opens, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_id_is_not_stored, set_up, tear_down),
		cmocka_unit_test_setup_teardown(other_callers_and_gateways_see_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_changed_byte_is_seen, set_up, tear_down),
		cmocka_unit_test_setup_teardown(absurd_ids_do_not_open, set_up, tear_down),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
