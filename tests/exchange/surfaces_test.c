/* SPDX-License-Identifier: Apache-2.0 */
/* Which path and method mean what. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "exchange/exchange.h"

#include <stdio.h>

static struct found
find(const char *method, const char *path)
{
	struct text plain, query;
	struct found f;

	text_cut(text_of(path), '?', &plain, &query);
	(void)surface_find(&f, plain, query, text_of(method));
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
	assert_true(text_is(find("POST", "/openai/deployments/x/y/chat/completions").model, "x/y"));
	assert_true(text_is(find("POST", "/openai/deployments/chat/completions/chat/completions").model, "chat/completions"));
	assert_true(text_is(find("POST", "/engines/e/embeddings").model, "e"));
	assert_true(find("POST", "/v1/engines/c/completions").surface->front == &front_completions);
	assert_true(find("POST", "/openai/deployments/x/completions").surface->front == &front_completions);
	assert_true(text_is(find("POST", "/openai/deployments/x/y/embeddings").model, "x/y"));
}

static void
azures_paths_need_a_version(void **state)
{
	(void)state;
	assert_string_equal(path_of("POST", "/openai/deployments/x/chat/completions"), "/openai/deployments/{model}/chat/completions");
	assert_true(text_is(find("POST", "/openai/deployments/a/b/completions").model, "a/b"));
	assert_true(find("POST", "/openai/deployments/x/embeddings").undated);
	assert_true(find("POST", "/openai/deployments/x/chat/completions").undated);
	assert_true(find("POST", "/openai/deployments/x/chat/completions?api-version=").undated);
	assert_true(find("POST", "/openai/deployments/x/chat/completions?my-api-version=1&a").undated);
	assert_false(find("POST", "/openai/deployments/x/chat/completions?a=b&api-version=2024-10-21").undated);
	assert_false(find("POST", "/openai/v1/chat/completions").undated);
	assert_string_equal(path_of("GET", "/openai/models?api-version=2024-10-21"), "/openai/models");
	assert_null(path_of("GET", "/openai/models"));
	assert_string_equal(path_of("POST", "/openai/responses?api-version=preview"), "/openai/responses");
	assert_string_equal(path_of("POST", "/openai/v1/responses"), "/openai/v1/responses");
}

static void
stored_responses_have_an_id(void **state)
{
	static const char *const before[] = { "", "/v1", "/openai/v1" };

	(void)state;
	for (size_t i = 0; i < nitems(before); i++) {
		static const struct { const char *method, *path, *id; enum want want; } rows[] = {
			{ "POST", "/responses", "", WANT_ANSWER }, { "POST", "/responses/input_tokens", "", WANT_COUNT },
			{ "POST", "/responses/compact", "", WANT_COMPACT }, { "GET", "/responses/resp_a", "resp_a", WANT_STORED },
			{ "HEAD", "/responses/resp_a", "resp_a", WANT_STORED }, { "DELETE", "/responses/compact", "compact", WANT_STORED },
			{ "POST", "/responses/resp_a/cancel", "resp_a", WANT_STORED }, { "GET", "/responses/%2F/input_items", "%2F", WANT_STORED },
		};

		for (size_t k = 0; k < nitems(rows); k++) {
			char path[128];

			snprintf(path, sizeof(path), "%s%s", before[i], rows[k].path);
			struct found f = find(rows[k].method, path);
			assert_ptr_equal(f.surface->front, &front_responses);
			assert_int_equal(f.surface->want, rows[k].want);
			assert_string_equal(f.id.len > 0 ? strncmp(f.id.at, rows[k].id, f.id.len) == 0 ? rows[k].id : "?" : "", rows[k].id);
		}
	}
	assert_string_equal(find("PUT", "/v1/responses/resp_a").allow, "GET, DELETE");
	assert_string_equal(find("PUT", "/v1/responses").allow, "POST");
	assert_null(path_of("GET", "/v1/responses//input_items"));
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
	static const char *const paths[] = { "/v1/moderations", "/rerank", "/key/generate", "/team/new",
		"/v1/audio/speech", "/v1/images/generations", "/openai/deployments/x/chat/completions" };

	(void)state;
	for (size_t i = 0; i < nitems(paths); i++)
		assert_non_null(path_of("POST", paths[i]));
}

/* What is refused for its method is not taken by a surface of later versions. */
static void
served_paths_refuse_methods_themselves(void **state)
{
	struct found f;

	(void)state;
	assert_false(surface_find(&f, TEXT("/model/info"), TEXT(""), TEXT("POST")));
	assert_true(f.path_known);
	assert_string_equal(f.allow, "GET");
	assert_false(surface_find(&f, TEXT("/utils/token_counter"), TEXT(""), TEXT("GET")));
	assert_string_equal(f.allow, "POST");
	assert_string_equal(path_of("POST", "/model/new"), "/model/*");
	assert_string_equal(path_of("POST", "/utils/not_there"), "/utils/*");
}

static bool
is_route_true(const char *path, struct json_item *methods)
{
	struct json_walk walk = json_walk(methods->raw);
	struct arena *arena = arena_new();
	struct json_item method;
	bool good = methods->raw.len > 2;
	struct found f;

	if (methods->type == JSON_NULL)
		good = surface_find(&f, text_of(path), TEXT("api-version=1"), TEXT("GET"));
	while (json_next(&walk, &method)) {
		struct text one = text_sub(method.raw, 1, method.raw.len - 1), ids[2], others;

		if ((!surface_find(&f, text_of(path), TEXT("api-version=1"), one) || f.surface->answer == local_later) &&
		    admin_find(ids, &others, arena, one, text_of(path)) == NULL)
			good = false;
	}
	arena_free(arena);
	return (good);
}

/* Each route that is told is there, by its methods, and none of later versions is among them. */
static void
routes_do_not_lie(void **state)
{
	struct json_item routes, route, path, methods;
	struct buf out = { 0 };
	struct json_walk walk;
	unsigned n = 0;

	(void)state;
	surfaces_print(&out);
	assert_true(json_find(buf_as_text(&out), "routes", &routes));
	for (walk = json_walk(routes.raw); json_next(&walk, &route); n++) {
		char name[256] = { 0 };

		assert_true(json_find(route.raw, "path", &path) && json_find(route.raw, "methods", &methods));
		memcpy(name, path.raw.at + 1, path.raw.len - 2);
		if (!is_route_true(name, &methods))
			fail_msg("%s is not so", name);
	}
	assert_true(n > 20);
	assert_true(text_has(buf_as_text(&out), TEXT("{\"path\":\"/v1/models/{rest}\",\"methods\":[\"GET\",\"HEAD\"],\"name\":\"models_rest\","
	    "\"endpoint\":\"models_rest\"}")));
	assert_true(text_has(buf_as_text(&out), TEXT("{\"path\":\"/\",\"methods\":[\"GET\",\"HEAD\"],\"name\":\"root\"")));
	assert_true(text_has(buf_as_text(&out), TEXT("{\"path\":\"/key/{id}/regenerate\",\"methods\":[\"POST\"],\"name\":\"key_id_regenerate\"")));
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_mean_the_same_with_and_without_v1),
		cmocka_unit_test(slashes_too_many_mean_nothing),
		cmocka_unit_test(a_model_id_may_hold_slashes),
		cmocka_unit_test(a_path_may_name_the_model),
		cmocka_unit_test(azures_paths_need_a_version),
		cmocka_unit_test(stored_responses_have_an_id),
		cmocka_unit_test(unknown_paths_and_wrong_methods_differ),
		cmocka_unit_test(later_surfaces_are_there),
		cmocka_unit_test(served_paths_refuse_methods_themselves),
		cmocka_unit_test(routes_do_not_lie),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
