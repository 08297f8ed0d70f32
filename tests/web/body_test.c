/* SPDX-License-Identifier: Apache-2.0 */
/* Request bodies: lengths that lie, limits of one and of all, bodies that stall. */
#include "tests/web/stage.h"

/* Bodies and what CONTENT_LENGTH says of them. */
static const struct {
	const char	*length;		/* NULL: none */
	size_t		 sent;
	enum body_fault	 fault;
	int64_t		 told;			/* request->content_length */
} lengths[] = {
	{ "5", 5, BODY_FINE, 5 },
	{ "0", 0, BODY_FINE, 0 },
	{ NULL, 0, BODY_FINE, -1 },
	{ "", 70000, BODY_FINE, -1 },
	{ NULL, 5, BODY_FINE, -1 },
	{ NULL, 1 << 20, BODY_FINE, -1 },
	{ NULL, (1 << 20) + 1, BODY_TOO_LARGE, -1 },
	{ "1048576", 1 << 20, BODY_FINE, 1 << 20 },
	{ "1048577", (1 << 20) + 1, BODY_TOO_LARGE, (1 << 20) + 1 },
	{ "9223372036854775807", 10, BODY_TOO_LARGE, INT64_MAX },
	{ "6", 5, BODY_SHORT, 6 },
	{ "500000", 499999, BODY_SHORT, 500000 },
	{ "5", 0, BODY_SHORT, 5 },
	{ "4", 5, BODY_LONG, 4 },
	{ "0", 1, BODY_LONG, 0 },
	{ "200000", 200001, BODY_LONG, 200000 },
	{ "9223372036854775808", 5, BODY_FINE, -2 },
	{ "-5", 5, BODY_FINE, -2 },
	{ "+5", 5, BODY_FINE, -2 },
	{ " 5", 5, BODY_FINE, -2 },
	{ "5, 5", 5, BODY_FINE, -2 },
	{ "0x5", 5, BODY_FINE, -2 },
};

static void
body_lengths(void **state)
{
	struct text content = made_body((1 << 20) + 1);

	(void)state;
	for (size_t i = 0; i < nitems(lengths); i++) {
		struct pair pairs[] = { { "REQUEST_METHOD", "POST" }, { "CONTENT_LENGTH", lengths[i].length } };
		struct text sent = text_sub(content, 0, lengths[i].sent);
		struct buf b = { 0 };
		int fd = dial();

		put_begin(&b, 1, 1, KEEP);
		put_params(&b, 1, pairs, lengths[i].length != NULL ? 2 : 1);
		put_body(&b, 1, sent, 40000);
		seen.quiet = true;
		send_all(fd, buf_as_text(&b));
		turns(4);
		assert_int_equal(seen.bodies, i + 1);
		assert_true(seen.request->content_length == lengths[i].told);
		answer(seen.stream);
		expect_answer(fd, 1, lengths[i].fault, lengths[i].fault == BODY_FINE ? sent : TEXT(""));
		close(fd);
		buf_free(&b);
		turns(2);
	}
	assert_int_equal(seen.bad, 0);
	free_text(content);
}

/* Bodies beyond the worker's budget wait unread until others are done. */
static void
bodies_take_turns(void **state)
{
	struct text content = made_body(600000);
	struct buf b = { 0 };
	struct stream *first;
	int one = dial(), two = dial();

	(void)state;
	seen.quiet = true;
	put_post(&b, 1, 0, content);
	send_all(one, buf_as_text(&b));
	turns(3);
	assert_int_equal(seen.bodies, 1);
	first = seen.stream;
	send_all(two, text_sub(buf_as_text(&b), 0, 100000));
	turns_until(&seen.begun, 2);
	assert_int_equal(seen.begun, 2);
	assert_int_equal(seen.bodies, 1);
	request_forget_body(first);
	send_all(two, text_sub(buf_as_text(&b), 100000, b.len));
	turns_until(&seen.bodies, 2);
	assert_int_equal(seen.bodies, 2);
	assert_int_equal(seen.fault, BODY_FINE);
	answer(seen.stream);
	expect_answer(two, 1, BODY_FINE, content);
	reply_end(first);
	close(one);
	close(two);
	buf_free(&b);
	free_text(content);
}

static void
no_room_for_a_body(void **state)
{
	struct text content = made_body(600000);
	struct buf b = { 0 };
	struct stream *first;
	int one = dial(), two = dial();

	(void)state;
	seen.quiet = true;
	put_post(&b, 1, 0, content);
	send_all(one, buf_as_text(&b));
	turns(3);
	first = seen.stream;
	send_all(two, text_sub(buf_as_text(&b), 0, 100000));
	wait_for(&seen.bodies, 2);
	assert_int_equal(seen.fault, BODY_NO_ROOM);
	answer(seen.stream);
	send_all(two, text_sub(buf_as_text(&b), 100000, b.len));
	expect_answer(two, 1, BODY_NO_ROOM, TEXT(""));
	reply_end(first);
	close(one);
	close(two);
	turns(2);
	assert_int_equal(web_open(web), 0);
	buf_free(&b);
	free_text(content);
}

/* One of unknown length comes to the end of the budget in its middle, and goes on with not a byte lost. */
static void
growing_body_waits(void **state)
{
	struct text content = made_body(600000);
	struct buf b = { 0 }, c = { 0 };
	struct stream *first;
	int one = dial(), two = dial();

	(void)state;
	seen.quiet = true;
	put_post(&b, 1, 0, content);
	put_begin(&c, 1, 1, 0);
	put_params(&c, 1, NULL, 0);
	put_body(&c, 1, content, 30011);
	send_all(one, buf_as_text(&b));
	turns(3);
	first = seen.stream;
	send_all(two, text_sub(buf_as_text(&c), 0, 450000));
	assert_int_equal(seen.begun, 2);
	assert_int_equal(seen.bodies, 1);
	reply_end(first);
	send_all(two, text_sub(buf_as_text(&c), 450000, c.len));
	turns(5);
	assert_int_equal(seen.bodies, 2);
	assert_int_equal(seen.fault, BODY_FINE);
	answer(seen.stream);
	expect_answer(two, 1, BODY_FINE, content);
	close(one);
	close(two);
	buf_free(&b);
	buf_free(&c);
	free_text(content);
}

static void
bodies_that_stall(void **state)
{
	struct buf b = { 0 };
	int fd = dial();

	(void)state;
	put_post(&b, 1, 0, TEXT("a body"));
	send_all(fd, text_sub(buf_as_text(&b), 0, b.len - 10));
	wait_for(&seen.bodies, 1);
	expect_answer(fd, 1, BODY_SHORT, TEXT(""));
	close(fd);
	buf_free(&b);
}

static void
forgotten_requests(void **state)
{
	struct text content = made_body(100000);
	struct buf b = { 0 };
	int fd = dial();

	(void)state;
	seen.quiet = true;
	put_post(&b, 1, 0, content);
	send_all(fd, buf_as_text(&b));
	turns(3);
	assert_int_equal(seen.request->body.len, content.len);
	request_forget_body(seen.stream);
	assert_int_equal(seen.request->body.len, 0);
	assert_true(text_is(request_param(seen.request, "REQUEST_METHOD"), "POST"));
	request_forget(seen.stream);
	assert_int_equal(seen.request->n_params, 0);
	assert_true(text_is(request_param(seen.request, "REQUEST_METHOD"), ""));
	answer(seen.stream);
	turns(1);
	assert_int_equal(seen.over, 1);
	close(fd);
	buf_free(&b);
	free_text(content);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(body_lengths, start, stop),
		cmocka_unit_test_setup_teardown(bodies_take_turns, start_tight, stop),
		cmocka_unit_test_setup_teardown(no_room_for_a_body, start_tight, stop),
		cmocka_unit_test_setup_teardown(growing_body_waits, start_tight, stop),
		cmocka_unit_test_setup_teardown(bodies_that_stall, start_tight, stop),
		cmocka_unit_test_setup_teardown(forgotten_requests, start, stop),
	};

	stage_open();
	return (stage_close(cmocka_run_group_tests(tests, NULL, NULL)));
}
