/* SPDX-License-Identifier: Apache-2.0 */
/* Which path and method mean what. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "exchange/exchange.h"

static struct found
find(const char *method, const char *path)
{
	struct found f;

	(void)surface_find(&f, text_of(path), text_of(method));
	return (f);
}

static const char *
path_of(const char *method, const char *path)
{
	struct found f = find(method, path);

	return (f.surface != NULL ? f.surface->path : NULL);
}

static void
paths_mean_the_same_with_and_without_v1(void **state)
{
	(void)state;
	assert_string_equal(path_of("POST", "/v1/chat/completions"), "/v1/chat/completions");
	assert_string_equal(path_of("POST", "/chat/completions"), "/v1/chat/completions");
	assert_string_equal(path_of("POST", "/messages/count_tokens"), "/v1/messages/count_tokens");
	assert_string_equal(path_of("GET", "/models"), "/v1/models");
	assert_string_equal(path_of("HEAD", "/"), "/");
}

static void
slashes_too_many_mean_nothing(void **state)
{
	(void)state;
	assert_string_equal(path_of("GET", "//v1/models/"), "/v1/models");
	assert_string_equal(path_of("GET", "/health/"), "/health");
}

static void
a_model_id_may_hold_slashes(void **state)
{
	(void)state;
	assert_true(text_is(find("GET", "/v1/models/google/gemma-3").rest, "google/gemma-3"));
	assert_true(text_is(find("GET", "/models/a").rest, "a"));
	assert_null(path_of("GET", "/v1/models//"));
}

static void
a_path_may_name_the_model(void **state)
{
	(void)state;
	assert_true(text_is(find("POST", "/openai/deployments/gpt%2F4/chat/completions").model, "gpt%2F4"));
	assert_true(text_is(find("POST", "/openai/deployments/x/chat/completions").rest, ""));
	assert_true(text_is(find("POST", "/openai/deployments//chat/completions").model, ""));
	assert_string_equal(path_of("POST", "/openai/deployments/x/y/chat/completions"), "/openai/*");
}

static void
unknown_paths_and_wrong_methods_differ(void **state)
{
	struct found f = find("GET", "/v1/nothing");

	(void)state;
	assert_null(f.surface);
	assert_false(f.path_known);
	f = find("GET", "/v1/chat/completions");
	assert_null(f.surface);
	assert_true(f.path_known);
	assert_string_equal(f.allow, "POST");
	assert_null(path_of("POST", "/v1/chat/completionsx"));
	assert_null(path_of("POST", ""));
	assert_null(path_of("post", "/v1/messages"));
}

static void
later_surfaces_are_there(void **state)
{
	static const char *const paths[] = { "/v1/embeddings", "/completions", "/v1/responses", "/key/generate", "/team/new",
		"/v1/audio/speech", "/v1/images/generations", "/openai/deployments/x/chat/completions" };

	(void)state;
	for (size_t i = 0; i < nitems(paths); i++)
		assert_non_null(path_of("POST", paths[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_mean_the_same_with_and_without_v1),
		cmocka_unit_test(slashes_too_many_mean_nothing),
		cmocka_unit_test(a_model_id_may_hold_slashes),
		cmocka_unit_test(a_path_may_name_the_model),
		cmocka_unit_test(unknown_paths_and_wrong_methods_differ),
		cmocka_unit_test(later_surfaces_are_there),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
