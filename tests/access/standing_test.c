/* SPDX-License-Identifier: Apache-2.0 */
/* Standings: what was packed unpacks, and nothing that is cut, torn or foreign does any harm. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "access/caller.h"
#include "base/clock.h"

#include <stdlib.h>

static struct arena *arena;

static int
set_up(void **state)
{
	(void)state;
	arena = arena_new();
	return (0);
}

static int
tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return (0);
}

static struct purse purses[] = {
	{ 1, { "", 0 }, 20 * MONEY_DOLLAR, NO_LIMIT, 1700000000000, 1800000000000, 123456789 },
	{ UINT64_C(1) << 47, { "window:24h", 10 }, INT64_MAX, INT64_MIN, 0, 0, -1 },
};
static struct text models[] = { { "gpt-4o", 6 }, { "", 0 }, { "openai/*", 8 } };
static struct pair_text aliases[] = { { { "a", 1 }, { "b\0c", 3 } } };
static struct model_limit limits[] = { { { "gpt-4o", 6 }, 10, NO_LIMIT } };

static struct session_rule sessions[] = { { 25, 5 * MONEY_DOLLAR, NO_LIMIT, 0, true } };

static struct standing
full(void)
{
	struct standing s = standing_none;

	s.scope = SCOPE_TEAM;
	s.id = TEXT("data-eng");
	s.alias = TEXT("Data \xe2\x82\xac");
	s.blocked = s.may_assert_user = true;
	s.rpm = 0;
	s.tpm = 1000000;
	s.purses = purses;
	s.n_purses = nitems(purses);
	s.models = models;
	s.n_models = nitems(models);
	s.aliases = aliases;
	s.n_aliases = nitems(aliases);
	s.model_limits = limits;
	s.n_model_limits = nitems(limits);
	s.session_rules = sessions;
	s.n_session_rules = nitems(sessions);
	s.agent_id = TEXT("crawler");
	s.metadata = TEXT("{\"a\":1}");
	s.loaded_ms = 1700000000001;
	return (s);
}

static struct text
packed(const struct standing *s)
{
	struct buf b = { 0 };
	struct text t;

	standing_pack(&b, s);
	t = arena_copy(arena, buf_as_text(&b));
	buf_free(&b);
	return (t);
}

static void
all_of_it_comes_back(void **state)
{
	struct standing s = full(), back = { 0 };
	struct text t = packed(&s);

	(void)state;
	assert_true(standing_unpack(&back, arena, t));
	assert_int_equal(back.scope, SCOPE_TEAM);
	assert_true(text_eq(back.id, s.id) && text_eq(back.alias, s.alias) && text_eq(back.metadata, s.metadata));
	assert_true(back.blocked && back.may_assert_user && back.store_prompts == 0);
	assert_true(back.rpm == 0 && back.tpm == 1000000 && back.parallel == NO_LIMIT && back.expires_ms == 0);
	assert_int_equal(back.n_purses, 2);
	assert_memory_equal(&back.purses[0].ceiling, &purses[0].ceiling, sizeof(struct purse) - offsetof(struct purse, ceiling));
	assert_memory_equal(&back.purses[1].ceiling, &purses[1].ceiling, sizeof(struct purse) - offsetof(struct purse, ceiling));
	assert_true(back.purses[1].account == purses[1].account && text_is(back.purses[1].part, "window:24h"));
	assert_true(back.n_models == 3 && text_is(back.models[0], "gpt-4o") && back.models[1].len == 0 && text_is(back.models[2], "openai/*"));
	assert_true(back.n_aliases == 1 && text_eq(back.aliases[0].to, aliases[0].to));
	assert_true(back.n_model_limits == 1 && back.model_limits[0].rpm == 10 && back.model_limits[0].tpm == NO_LIMIT);
	assert_true(back.n_session_rules == 1 && back.session_rules[0].turns == 25 && back.session_rules[0].ceiling == 5 * MONEY_DOLLAR &&
	    back.session_rules[0].rpm == NO_LIMIT && back.session_rules[0].tpm == 0 && back.session_rules[0].named && text_is(back.agent_id, "crawler"));
	assert_true(back.n_routes == 0 && back.n_tags == 0 && back.n_groups == 0 && back.n_enforced == 0);
	assert_true(back.loaded_ms == 1700000000001);
}

/* A slot of the board has some 400 bytes for one. */
static void
a_plain_one_is_small(void **state)
{
	struct standing s = standing_none;

	(void)state;
	s.id = TEXT("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
	s.user_id = TEXT("default_user_id");
	s.purses = purses;
	s.n_purses = 1;
	assert_true(packed(&s).len < 160);
}

static void
texts_point_into_the_packed_one(void **state)
{
	struct standing s = full(), back;
	struct text t = packed(&s);

	(void)state;
	assert_true(standing_unpack(&back, arena, t));
	assert_true(back.id.at > t.at && back.id.at < t.at + t.len);
	assert_true(back.models[0].at > t.at && back.models[0].at < t.at + t.len);
}

static void
what_is_cut_is_none(void **state)
{
	struct standing s = full(), back;
	struct text t = packed(&s);

	(void)state;
	for (size_t n = 0; n < t.len; n++) {
		char *own = malloc(n > 0 ? n : 1);	/* so that a sanitizer sees a byte too many */

		memcpy(own, t.at, n);
		assert_false(standing_unpack(&back, arena, (struct text){ own, n }));
		free(own);
	}
	assert_false(standing_unpack(&back, arena, arena_print(arena, TEXT_FMT "x", TEXT_ARG(t))));
}

/* Whatever stands on the board: no crash, no read outside, no absurd memory. */
static void
noise_does_no_harm(void **state)
{
	struct standing s = full(), back;
	struct text t = packed(&s);
	struct arena *own = arena_new();
	unsigned opened = 0;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		size_t len = random_u64() % (t.len + 20);
		char *noise = malloc(len > 0 ? len : 1);

		for (size_t k = 0; k < len; k++)
			noise[k] = k < t.len && random_u64() % 40 != 0 ? t.at[k] : (char)random_u64();
		memcpy(noise, t.at, len < 4 ? len : 4);
		if (standing_unpack(&back, own, (struct text){ noise, len }))
			opened++;
		assert_true(arena_held(own) < 1000000);
		free(noise);
		if (i % 16 == 0)
			arena_clear(own);
	}
	assert_true(opened < 20000);
	arena_free(own);
}

static void
one_of_another_layout_is_none(void **state)
{
	struct standing s = full(), back;
	struct text t = packed(&s);

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		((char *)(uintptr_t)t.at)[i] ^= 1;
		assert_false(standing_unpack(&back, arena, t));
		((char *)(uintptr_t)t.at)[i] ^= 1;
	}
	assert_true(standing_unpack(&back, arena, t));
}

static void
a_moved_key_is_no_standing(void **state)
{
	struct moved m = { TEXT("ffee"), 1700000000000 }, back;
	struct standing s = full(), other;
	struct buf b = { 0 };

	(void)state;
	moved_pack(&b, &m);
	assert_true(moved_unpack(&back, buf_as_text(&b)));
	assert_true(text_is(back.digest, "ffee") && back.until_ms == m.until_ms);
	assert_false(standing_unpack(&other, arena, buf_as_text(&b)));
	assert_false(moved_unpack(&back, packed(&s)));
	buf_free(&b);
}

static void
roles_have_names(void **state)
{
	(void)state;
	assert_int_equal(role_of(TEXT("proxy_admin")), USER_ADMIN);
	assert_int_equal(role_of(TEXT("proxy_admin_viewer")), USER_ADMIN_VIEWER);
	assert_int_equal(role_of(TEXT("internal_user")), USER_INTERNAL);
	assert_int_equal(role_of(TEXT("")), USER_NONE);
	assert_int_equal(role_of(TEXT("root")), USER_NONE);
	for (enum scope s = 0; s < SCOPES; s++)
		assert_non_null(scope_names[s]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_of_it_comes_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_plain_one_is_small, set_up, tear_down),
		cmocka_unit_test_setup_teardown(texts_point_into_the_packed_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_cut_is_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(noise_does_no_harm, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_of_another_layout_is_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_moved_key_is_no_standing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(roles_have_names, set_up, tear_down),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
