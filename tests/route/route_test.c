/* SPDX-License-Identifier: Apache-2.0 */
/* Who is asked next: shuffle by weight, retries, pauses, fallbacks. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "route/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct fixture {
	struct arena	*arena;
	struct config	*config;
	struct plan	 plan;
};

static uint64_t next_chance;

static uint64_t
chance(void)
{
	next_chance += 1000;			/* weights are in thousandths */
	return (next_chance - 1000);
}

/* A configuration from text, by way of a file as in life. */
static struct config *
config_from(const char *yaml)
{
	char path[] = "/tmp/sluice-route-XXXXXX";
	int fd = mkstemp(path);
	struct config *c;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, yaml, strlen(yaml)), (ssize_t)strlen(yaml));
	close(fd);
	c = config_load(path);
	unlink(path);
	if (c->n_errors > 0) {
		struct buf why = { 0 };

		problems_print(&why, c);
		fail_msg("%.*s", (int)why.len, why.at);
	}
	return (c);
}

#define ONE(name, extra) \
	"  - model_name: " name "\n    litellm_params:\n      model: openai/" name "\n      api_base: http://127.0.0.1:9/v1\n      api_key: k\n" extra
#define TAIL	"general_settings:\n  master_key: sk-0123456789abcdef0123456789abcdef\n"

static void
open_fixture(struct fixture *f, const char *yaml, const char *model)
{
	f->arena = arena_new();
	f->config = config_from(yaml);
	next_chance = 0;
	assert_null(route_plan(&f->plan, f->arena, f->config, text_of(model), -1, chance));
}

static void
close_fixture(struct fixture *f)
{
	config_release(f->config);
	arena_free(f->arena);
}

static struct error *
failure(struct fixture *f, enum error_kind kind)
{
	return (error_new(f->arena, kind, "no"));
}

static void
unknown_model_is_the_callers_mistake(void **state)
{
	struct fixture f;
	struct error *e;

	(void)state;
	open_fixture(&f, "model_list:\n" ONE("a", "") TAIL, "a");
	e = route_plan(&f.plan, f.arena, f.config, TEXT("nope"), -1, chance);
	assert_non_null(e);
	assert_int_equal(e->kind, E_NO_SUCH_MODEL);
	assert_true(text_has(e->message, TEXT("model=nope")));
	close_fixture(&f);
}

static void
weights_share_the_first_choice(void **state)
{
	struct fixture f;
	unsigned heavy = 0;

	(void)state;
	open_fixture(&f, "model_list:\n" ONE("a", "      weight: 9\n") ONE("a", "      weight: 1\n") ONE("a", "") TAIL, "a");
	for (unsigned i = 0; i < 100; i++) {
		struct choice c;

		assert_null(route_plan(&f.plan, f.arena, f.config, TEXT("a"), -1, chance));
		assert_true(route_next(&f.plan, NULL, &c));
		assert_int_not_equal(c.deployment->weight, -1);	/* without a weight where others have one: never first */
		heavy += c.deployment->weight == 9000;
	}
	assert_int_equal(heavy, 90);
	close_fixture(&f);
}

static void
lower_order_goes_first(void **state)
{
	struct fixture f;
	struct choice c;

	(void)state;
	open_fixture(&f, "model_list:\n" ONE("a", "      order: 2\n") ONE("a", "      order: 1\n") ONE("a", "") TAIL, "a");
	assert_true(route_next(&f.plan, NULL, &c));
	assert_int_equal(c.deployment->order, 1);
	assert_true(route_next(&f.plan, failure(&f, E_OVERLOADED), &c));
	assert_int_equal(c.deployment->order, 2);
	assert_true(route_next(&f.plan, failure(&f, E_OVERLOADED), &c));
	assert_true(c.deployment->order <= 0);
	close_fixture(&f);
}

static void
another_deployment_is_asked_at_once_and_never_twice_first(void **state)
{
	struct fixture f;
	struct choice first, second;

	(void)state;
	open_fixture(&f, "model_list:\n" ONE("a", "") ONE("a", "") TAIL, "a");
	assert_true(route_next(&f.plan, NULL, &first));
	assert_true(route_next(&f.plan, failure(&f, E_RATE_LIMIT), &second));
	assert_ptr_not_equal(first.deployment, second.deployment);
	assert_int_equal(second.wait_ms, 0);
	assert_int_equal(f.plan.retries, 1);
	close_fixture(&f);
}

static void
a_lone_deployment_is_asked_again_after_growing_pauses(void **state)
{
	struct fixture f;
	struct choice c;

	(void)state;
	open_fixture(&f, "model_list:\n" ONE("a", "") TAIL, "a");
	assert_true(route_next(&f.plan, NULL, &c));
	assert_true(route_next(&f.plan, failure(&f, E_OVERLOADED), &c));
	assert_int_equal(c.wait_ms, 500);
	assert_true(route_next(&f.plan, failure(&f, E_OVERLOADED), &c));
	assert_int_equal(c.wait_ms, 1000);
	assert_false(route_next(&f.plan, failure(&f, E_OVERLOADED), &c));
	close_fixture(&f);
}

static void
retry_after_is_kept_within_reason(void **state)
{
	struct fixture f;
	struct choice c;
	struct error *e;

	(void)state;
	open_fixture(&f, "model_list:\n" ONE("a", "") TAIL, "a");
	assert_true(route_next(&f.plan, NULL, &c));
	e = failure(&f, E_RATE_LIMIT);
	e->retry_after_ms = 7000;
	assert_true(route_next(&f.plan, e, &c));
	assert_int_equal(c.wait_ms, 7000);
	e->retry_after_ms = 3600000;
	assert_true(route_next(&f.plan, e, &c));
	assert_true(c.wait_ms <= 8000);
	close_fixture(&f);
}

static void
a_refused_credential_is_never_asked_again(void **state)
{
	struct fixture f;
	struct choice c;

	(void)state;
	open_fixture(&f, "model_list:\n" ONE("a", "") TAIL, "a");
	assert_true(route_next(&f.plan, NULL, &c));
	assert_false(route_next(&f.plan, failure(&f, E_UPSTREAM_CREDENTIAL), &c));
	close_fixture(&f);
}

static void
a_callers_mistake_ends_it(void **state)
{
	static const enum error_kind mistakes[] = { E_BAD_REQUEST, E_CONTEXT_LENGTH, E_TOO_LARGE, E_UNPROCESSABLE };
	struct fixture f;
	struct choice c;

	(void)state;
	open_fixture(&f, "model_list:\n" ONE("a", "") ONE("a", "") ONE("b", "")
	    "router_settings:\n  fallbacks: [{a: [b]}]\n" TAIL, "a");
	for (size_t i = 0; i < nitems(mistakes); i++) {
		assert_null(route_plan(&f.plan, f.arena, f.config, TEXT("a"), -1, chance));
		assert_true(route_next(&f.plan, NULL, &c));
		assert_false(route_next(&f.plan, failure(&f, mistakes[i]), &c));
	}
	close_fixture(&f);
}

static void
fallbacks_follow_when_retries_are_used_up(void **state)
{
	struct fixture f;
	struct choice c;

	(void)state;
	open_fixture(&f, "model_list:\n" ONE("a", "") ONE("b", "") ONE("c", "")
	    "router_settings:\n  num_retries: 0\n  fallbacks: [{a: [a, b, nowhere, c]}]\n" TAIL, "a");
	assert_true(route_next(&f.plan, NULL, &c));
	assert_true(route_next(&f.plan, failure(&f, E_UPSTREAM_UNREACHABLE), &c));
	assert_true(text_is(c.deployment->group, "b"));
	assert_true(route_next(&f.plan, failure(&f, E_UPSTREAM_UNREACHABLE), &c));
	assert_true(text_is(c.deployment->group, "c"));
	assert_int_equal(f.plan.fallbacks, 2);
	assert_false(route_next(&f.plan, failure(&f, E_UPSTREAM_UNREACHABLE), &c));
	close_fixture(&f);
}

static void
the_caller_may_ask_for_fewer_retries(void **state)
{
	struct fixture f;
	struct choice c;

	(void)state;
	open_fixture(&f, "model_list:\n" ONE("a", "") ONE("a", "") TAIL, "a");
	assert_null(route_plan(&f.plan, f.arena, f.config, TEXT("a"), 0, chance));
	assert_true(route_next(&f.plan, NULL, &c));
	assert_false(route_next(&f.plan, failure(&f, E_OVERLOADED), &c));
	close_fixture(&f);
}

static const struct deployment *
second_of(const struct fixture *f, const char *group)
{
	struct capture captured;

	return (config_group(f->config, text_of(group), &captured)->deployments[1]);
}

static void
a_pinned_deployment_is_the_only_one_asked(void **state)
{
	struct fixture f;
	struct choice c;

	(void)state;
	open_fixture(&f, "model_list:\n" ONE("a", "") ONE("a", "") ONE("b", "") "router_settings:\n  fallbacks: [{a: [b]}]\n" TAIL, "a");
	const struct deployment *held = second_of(&f, "a");
	for (unsigned i = 0; i < 10; i++) {
		assert_null(route_plan(&f.plan, f.arena, f.config, TEXT("a"), 2, chance));
		assert_true(route_pin(&f.plan, held));
		assert_true(route_next(&f.plan, NULL, &c) && c.deployment == held && c.wait_ms == 0);
		assert_true(route_next(&f.plan, failure(&f, E_OVERLOADED), &c) && c.deployment == held && c.wait_ms > 0);
		assert_true(route_next(&f.plan, failure(&f, E_OVERLOADED), &c) && c.deployment == held);
		assert_false(route_next(&f.plan, failure(&f, E_OVERLOADED), &c));
	}
	close_fixture(&f);
}

static void
a_pin_finds_what_a_fallback_answered(void **state)
{
	struct fixture f;
	struct choice c;

	(void)state;
	open_fixture(&f, "model_list:\n" ONE("a", "") ONE("b", "") ONE("b", "") ONE("c", "") ONE("c", "")
	    "router_settings:\n  fallbacks: [{a: [nowhere, b]}]\n" TAIL, "a");
	assert_true(route_pin(&f.plan, second_of(&f, "b")));
	assert_true(route_next(&f.plan, NULL, &c) && c.deployment == second_of(&f, "b"));
	assert_true(text_is(f.plan.group->name, "b") && text_is(f.plan.asked, "b"));
	assert_null(route_plan(&f.plan, f.arena, f.config, TEXT("a"), -1, chance));
	assert_false(route_pin(&f.plan, second_of(&f, "c")));
	close_fixture(&f);
}

static void
what_only_one_can_do_needs_no_model(void **state)
{
	struct fixture f;
	struct choice c;

	(void)state;
	open_fixture(&f, "model_list:\n" ONE("a", "") ONE("a", "") TAIL, "a");
	route_only(&f.plan, f.arena, f.config, second_of(&f, "a"), 0, chance);
	assert_true(route_next(&f.plan, NULL, &c) && c.deployment == second_of(&f, "a"));
	assert_false(route_next(&f.plan, failure(&f, E_OVERLOADED), &c));
	close_fixture(&f);
}

static void
the_preferred_one_goes_first_and_only_first(void **state)
{
	struct fixture f;
	struct choice c;

	(void)state;
	open_fixture(&f, "model_list:\n" ONE("a", "      weight: 9\n      order: 1\n") ONE("a", "      weight: 0\n      order: 2\n") ONE("b", "") ONE("b", "") TAIL, "a");
	f.plan.preferred = second_of(&f, "a");
	assert_true(route_next(&f.plan, NULL, &c) && c.deployment == f.plan.preferred);
	assert_true(route_next(&f.plan, failure(&f, E_OVERLOADED), &c) && c.deployment != f.plan.preferred);
	assert_null(route_plan(&f.plan, f.arena, f.config, TEXT("a"), -1, chance));
	f.plan.preferred = second_of(&f, "b");
	assert_true(route_next(&f.plan, NULL, &c) && text_is(c.deployment->group, "a"));
	close_fixture(&f);
}

/* It is no try: retries are left, the failure before it stays the failure, and its group falls back when all of it is full. */
static void
a_full_one_is_passed_over(void **state)
{
	struct fixture f;
	struct choice c, other;

	(void)state;
	open_fixture(&f, "model_list:\n" ONE("a", "") ONE("a", "") ONE("b", "")
	    "router_settings:\n  num_retries: 1\n  fallbacks:\n    - a: [b]\n" TAIL, "a");
	assert_true(route_next(&f.plan, NULL, &c));
	route_full(&f.plan);
	assert_true(route_next(&f.plan, NULL, &other) && other.deployment != c.deployment && text_is(other.deployment->group, "a") && other.wait_ms == 0);
	assert_int_equal(f.plan.retries, 0);
	route_full(&f.plan);
	assert_true(route_next(&f.plan, NULL, &c) && text_is(c.deployment->group, "b"));
	route_full(&f.plan);
	assert_false(route_next(&f.plan, NULL, &c));

	assert_null(route_plan(&f.plan, f.arena, f.config, TEXT("a"), -1, chance));
	assert_true(route_next(&f.plan, NULL, &c));
	assert_true(route_next(&f.plan, failure(&f, E_OVERLOADED), &other) && other.deployment != c.deployment);
	route_full(&f.plan);
	assert_int_equal(f.plan.retries, 0);
	assert_true(route_next(&f.plan, failure(&f, E_OVERLOADED), &other) && other.deployment == c.deployment && other.wait_ms > 0);
	assert_int_equal(f.plan.retries, 1);
	assert_true(route_next(&f.plan, failure(&f, E_OVERLOADED), &other) && text_is(other.deployment->group, "b"));
	close_fixture(&f);
}

/* Who will soon have room is asked once nobody else of the group is left, and before a fallback. */
static void
one_for_later_is_asked_last(void **state)
{
	struct fixture f;
	struct choice c, other;

	(void)state;
	open_fixture(&f, "model_list:\n" ONE("a", "") ONE("a", "") ONE("b", "") "router_settings:\n  fallbacks:\n    - a: [b]\n" TAIL, "a");
	assert_true(route_next(&f.plan, NULL, &c) && route_has_other(&f.plan));
	route_later(&f.plan);
	assert_true(route_next(&f.plan, NULL, &other) && other.deployment != c.deployment && !route_has_other(&f.plan));
	route_full(&f.plan);
	assert_true(route_next(&f.plan, NULL, &other) && other.deployment == c.deployment && other.wait_ms == 0 && !route_has_other(&f.plan));
	assert_int_equal(f.plan.retries, 0);
	route_full(&f.plan);
	assert_true(route_next(&f.plan, NULL, &c) && text_is(c.deployment->group, "b"));
	close_fixture(&f);
}

static void
a_full_one_is_not_preferred(void **state)
{
	struct fixture f;
	struct choice c;

	(void)state;
	open_fixture(&f, "model_list:\n" ONE("a", "") ONE("a", "") TAIL, "a");
	f.plan.preferred = second_of(&f, "a");
	assert_true(route_next(&f.plan, NULL, &c) && c.deployment == f.plan.preferred);
	route_full(&f.plan);
	assert_true(route_next(&f.plan, NULL, &c) && c.deployment != f.plan.preferred);
	close_fixture(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_one_is_passed_over),
		cmocka_unit_test(one_for_later_is_asked_last),
		cmocka_unit_test(a_full_one_is_not_preferred),
		cmocka_unit_test(unknown_model_is_the_callers_mistake),
		cmocka_unit_test(weights_share_the_first_choice),
		cmocka_unit_test(lower_order_goes_first),
		cmocka_unit_test(another_deployment_is_asked_at_once_and_never_twice_first),
		cmocka_unit_test(a_lone_deployment_is_asked_again_after_growing_pauses),
		cmocka_unit_test(retry_after_is_kept_within_reason),
		cmocka_unit_test(a_refused_credential_is_never_asked_again),
		cmocka_unit_test(a_callers_mistake_ends_it),
		cmocka_unit_test(fallbacks_follow_when_retries_are_used_up),
		cmocka_unit_test(the_caller_may_ask_for_fewer_retries),
		cmocka_unit_test(a_pinned_deployment_is_the_only_one_asked),
		cmocka_unit_test(a_pin_finds_what_a_fallback_answered),
		cmocka_unit_test(what_only_one_can_do_needs_no_model),
		cmocka_unit_test(the_preferred_one_goes_first_and_only_first),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
