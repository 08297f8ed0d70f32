/* SPDX-License-Identifier: Apache-2.0 */
/* Params as the owner sees them: looked up, given twice, too many. */
#include "tests/web/stage.h"

static void
params_of_all_kinds(void **state)
{
	static const struct pair pairs[] = {
		{ "REQUEST_METHOD", "GET" }, { "REQUEST_URI", "/v1/models?after=a%2Fb" }, { "QUERY_STRING", "other" },
		{ "CONTENT_LENGTH", "" }, { "REMOTE_USER", "anna" }, { "HTTP_AUTHORIZATION", "Bearer one" },
		{ "HTTP_X_API_KEY", "a" }, { "HTTP_X_API_KEY", "b" }, { "HTTP_", "odd" }, { "", "nameless" }, { "EMPTY", "" },
	};
	struct buf b = { 0 };
	int fd = dial();

	(void)state;
	seen.quiet = true;
	put_begin(&b, 1, 1, 0);
	put_params(&b, 1, pairs, nitems(pairs));
	put_body(&b, 1, TEXT(""), 1);
	send_all(fd, buf_as_text(&b));
	turns(2);
	assert_true(text_is(seen.request->method, "GET"));
	assert_true(text_is(seen.request->uri, "/v1/models?after=a%2Fb"));
	assert_true(text_is(seen.request->path, "/v1/models"));
	assert_true(text_is(seen.request->query, "after=a%2Fb"));
	assert_int_equal(seen.request->content_length, -1);
	assert_int_equal(seen.request->n_params, nitems(pairs));
	assert_false(seen.request->twice);
	assert_true(text_is(request_param(seen.request, "REMOTE_USER"), "anna"));
	assert_true(text_is(request_param(seen.request, "EMPTY"), ""));
	assert_true(text_is(request_param(seen.request, "REMOTE"), ""));
	assert_true(text_is(request_header(seen.request, "authorization"), "Bearer one"));
	assert_true(text_is(request_header(seen.request, "x-api-key"), "a"));
	assert_int_equal(request_header_count(seen.request, "X-Api-Key"), 2);
	assert_int_equal(request_header_count(seen.request, "authorization"), 1);
	assert_int_equal(request_header_count(seen.request, "cookie"), 0);
	assert_int_equal(request_peer_uid(seen.stream), getuid());
	reply_end(seen.stream);
	close(fd);
	buf_free(&b);
}

static bool
came_twice(const struct pair *pairs, size_t n)
{
	struct buf b = { 0 };
	int fd = dial();
	bool twice;

	seen.quiet = true;
	put_begin(&b, 1, 1, 0);
	put_params(&b, 1, pairs, n);
	put_body(&b, 1, TEXT(""), 1);
	send_all(fd, buf_as_text(&b));
	turns(2);
	twice = seen.request->twice;
	reply_end(seen.stream);
	turns(1);
	close(fd);
	buf_free(&b);
	return (twice);
}

static void
names_that_come_twice(void **state)
{
	static const struct pair spoofed[] = { { "REMOTE_USER", "root" }, { "SERVER_NAME", "x" }, { "REMOTE_USER", "" } };
	struct pair many[200];
	char names[200][8];

	(void)state;
	assert_true(came_twice(spoofed, 3));
	assert_false(came_twice(spoofed, 2));
	for (size_t i = 0; i < nitems(many); i++) {
		snprintf(names[i], sizeof(names[i]), "V%zu", i);
		many[i] = (struct pair){ names[i], "v" };
	}
	assert_false(came_twice(many, nitems(many)));
	strcpy(names[199], "V7");
	assert_true(came_twice(many, nitems(many)));
}

static void
large_params(void **state)
{
	struct text value = made_body(90000);
	struct buf content = { 0 }, b = { 0 };
	int fd = dial();

	(void)state;
	put_pair(&content, TEXT("REQUEST_METHOD"), TEXT("POST"));
	put_pair(&content, TEXT("HTTP_COOKIE"), value);
	put_pair(&content, TEXT("HTTP_COOKIE2"), value);
	put_begin(&b, 1, 1, 0);
	for (size_t at = 0; at < content.len; at += 65535)
		put_record(&b, 4, 1, text_sub(buf_as_text(&content), at, at + 65535), 1);
	put_record(&b, 4, 1, TEXT(""), 0);
	put_body(&b, 1, TEXT("body"), 4);
	send_all(fd, buf_as_text(&b));
	expect_answer(fd, 1, BODY_FINE, TEXT("body"));
	close(fd);
	free_text(value);
	buf_free(&content);
	buf_free(&b);
}

static void
too_many_params(void **state)
{
	struct text value = made_body(65000);
	struct buf content = { 0 }, b = { 0 };
	int fd = dial();

	(void)state;
	put_begin(&b, 1, 1, 0);
	for (int i = 0; i < 5; i++)
		put_record(&b, 4, 1, value, 0);
	send_all(fd, buf_as_text(&b));
	assert_true(hung_up(fd));
	assert_int_equal(seen.bad, 1);
	close(fd);
	for (int i = 0; i < 1025; i++)
		put_pair(&content, TEXT("N"), TEXT("v"));
	b.len = 0;
	put_begin(&b, 1, 1, 0);
	put_record(&b, 4, 1, buf_as_text(&content), 0);
	put_record(&b, 4, 1, TEXT(""), 0);
	fd = dial();
	send_all(fd, buf_as_text(&b));
	assert_true(hung_up(fd));
	assert_int_equal(seen.bad, 2);
	assert_int_equal(seen.begun, 0);
	close(fd);
	free_text(value);
	buf_free(&content);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(params_of_all_kinds, start, stop),
		cmocka_unit_test_setup_teardown(names_that_come_twice, start, stop),
		cmocka_unit_test_setup_teardown(large_params, start, stop),
		cmocka_unit_test_setup_teardown(too_many_params, start, stop),
	};

	stage_open();
	return (stage_close(cmocka_run_group_tests(tests, NULL, NULL)));
}
