/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets at rest: what libsodium (through PyNaCl) and Python's cryptography sealed is opened, and nothing else. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/vault.h"

#define SALT	TEXT("sk-salt-of-a-test")

static const struct {
	const char	*sealed, *value;
} theirs[] = {
	{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXBB3qmLaXCWN7zjytj7EsfQ==", "" },
	{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXq3C0OT1di1IEGpp-8nbwbaadFpe54KEQ_80biHRUi8s17Q==", "sk-upstream-secret" },
	{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXr589C0UKWt-UiOiFyEieHzd0lwBLPzfgNk70CeWzRFvSNZCR_-nUzzAvavhO3hUlUp99J3lGMQPoaHS6ntOOb81rVVmEP2SU16r5DqtU1Z-MY2ku"
	    "7X1SX6OzWSVPoaZsK0ajtCHXqDD_6GtAM7aqSeSALyUv1Hmp3RTq86cekmukHxz810493w==",
	    "€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€" },
	{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXdxcSAKRljIsr3qjiGDhP_62OQ5qx660a4tQO3X9JkMEo4QprK3MuG6rVvmK0Co_fhgWH8-O85ZkSvO5ASkl0u1eRgcN-6_5uAzAD2jGuAQV2t_PU"
	    "OeeoizlJjb-1dTyW_9xZYLstfKoFPPG65yxQnX56-7_VAONTCY4QJz3kRvFey4YGA9THC1u-QIBZEUwMz69iVHfI_1Jfc0uZ90Yh_kPi4YrJGWi9qf8n9mPHGxoI9llE9O97MfctLY5j8Zpy90Mz"
	    "Gg--TmooihflNLCyuVWIlL_KVA_7",
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" },
	{ "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7xzkAe/S8Tfp0T6k6YGZRAqMCfbbL+uXqJLa/bOzpMGPpqU/SoA5QNg==", "sk-upstream-secret>>>???" },
	{ "v2:gcm:AAECAwQFBgcICQoL9mmXzWBoyYfGyw7IMSz7WZZJ-Swqk0258DrWyJssx0F4Vg==", "sk-upstream-secret" },
	{ "v3:gcm:AAECAwQFBgcICQoL5-ci1T9TjxwfjkmgfAcs2E_XOx0NCiA6Fv1L0y3zWGjLcw==", "sk-upstream-secret" },
};

static void
theirs_are_opened(void **state)
{
	struct arena *arena = arena_new();
	struct text value;

	(void)state;
	for (size_t i = 0; i < nitems(theirs); i++) {
		assert_true(vault_is_sealed(text_of(theirs[i].sealed)));
		if (!vault_open(&value, arena, SALT, text_of(theirs[i].sealed)) || !text_is(value, theirs[i].value))
			fail_msg("%zu is not opened", i);
		assert_false(vault_open(&value, arena, TEXT("sk-salt-of-b-test"), text_of(theirs[i].sealed)));
	}
	arena_free(arena);
}

static void
a_changed_letter_closes_them(void **state)
{
	struct arena *arena = arena_new();
	struct text value;

	(void)state;
	for (size_t i = 0; i < nitems(theirs); i++)
		for (size_t k = theirs[i].sealed[0] == 'v' ? 7 : 0; theirs[i].sealed[k] != '=' && theirs[i].sealed[k + 1] != '=' && theirs[i].sealed[k + 1] != '\0'; k++) {
			struct text sealed = arena_copy(arena, text_of(theirs[i].sealed));

			((char *)sealed.at)[k] = sealed.at[k] == 'B' ? 'C' : 'B';
			if (vault_open(&value, arena, SALT, sealed))
				fail_msg("%zu is opened though letter %zu is another", i, k);
		}
	arena_free(arena);
}

static void
what_is_sealed_is_opened(void **state)
{
	struct arena *arena = arena_new();
	char bytes[300];
	struct text value;

	(void)state;
	memset(bytes, 'k', sizeof(bytes));
	for (size_t n = 0; n <= sizeof(bytes); n++)
		for (enum vault_form form = VAULT_BOX; form <= VAULT_GCM; form++) {
			struct text plain = { bytes, n }, one = vault_seal(arena, SALT, plain, form), two = vault_seal(arena, SALT, plain, form);

			assert_true(vault_open(&value, arena, SALT, one));
			assert_true(text_eq(value, plain));
			assert_false(text_eq(one, two));
			assert_true(vault_is_sealed(one));
		}
	arena_free(arena);
}

static void
what_is_no_box_is_not_opened(void **state)
{
	static const char *const wrong[] = { "", "=", "====", "sk-upstream-secret", "os.environ/OPENAI_API_KEY", "AAAA", "v2:gcm:", "v2:gcm:AAAA", "v3:gcm:====",
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXBB3qmLaXCWN7zjytj7EsfQ=", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXBB3qmLaXCWN7zjytj7Es=Q==", "A A=", "\n\n\n\n" };
	struct arena *arena = arena_new();
	struct text value;

	(void)state;
	for (size_t i = 0; i < nitems(wrong); i++)
		if (vault_open(&value, arena, SALT, text_of(wrong[i])))
			fail_msg("%s is opened", wrong[i]);
	assert_false(vault_is_sealed(TEXT("sk-upstream-secret")));
	assert_false(vault_is_sealed(TEXT("os.environ/OPENAI_API_KEY_OF_THE_TEAM_THAT_ASKS_A_LOT__")));
	arena_free(arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(theirs_are_opened),
		cmocka_unit_test(a_changed_letter_closes_them),
		cmocka_unit_test(what_is_sealed_is_opened),
		cmocka_unit_test(what_is_no_box_is_not_opened),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
