/* SPDX-License-Identifier: Apache-2.0 */
/* Replies over real sockets: framed, pushed back by a slow reader, cut off by one that left. */
#include "tests/web/stage.h"

/* A request whose owner does not answer by itself. */
static int
ask_quietly(uint8_t flags)
{
	struct buf b = { 0 };
	int fd = dial();

	seen.quiet = true;
	put_post(&b, 1, flags, TEXT("x"));
	send_all(fd, buf_as_text(&b));
	turns(2);
	buf_free(&b);
	return (fd);
}

/* Only a write tells: the reply is under way when the client resets. */
static void
write_fails(void **state)
{
	int fd = ask_quietly(0);

	(void)state;
	close(fd);
	buf_lit(reply_buf(seen.stream, 10), "data");
	reply_flush(seen.stream);
	assert_int_equal(seen.gone, 0);
	turns(1);
	assert_int_equal(seen.gone, 1);
	reply_end(seen.stream);
	turns(1);
	assert_int_equal(seen.over, 1);
}

/* What was queued arrives whole, and then the connection ends: no END_REQUEST says that this was all. */
static void
broken_off(void **state)
{
	struct text content = made_body(700001);
	struct answer a;
	int fd = ask_quietly(KEEP);

	(void)state;
	buf_text(reply_buf(seen.stream, content.len), content);
	reply_break(seen.stream);
	turns(3);
	assert_int_equal(seen.over, 0);
	assert_false(hear(fd, &a, 1));
	assert_true(text_eq(buf_as_text(&a.out), content));
	assert_true(hung_up(fd));
	assert_int_equal(seen.over, 1);
	assert_int_equal(seen.gone, 0);
	answer_free(&a);
	close(fd);
	free_text(content);
}

/* Far more than the socket takes: nothing is lost, the marks are told, records stay within their size. */
static void
slow_reader(void **state)
{
	struct text content = made_body(3000001);
	struct answer a;
	int fd = ask_quietly(0);

	(void)state;
	buf_text(reply_buf(seen.stream, content.len), text_sub(content, 0, 2000000));
	reply_flush(seen.stream);
	assert_in_range(reply_queued(seen.stream), 1500000, 2000000);
	turns(3);
	assert_int_equal(seen.writable, 0);
	buf_text(reply_buf(seen.stream, content.len), text_sub(content, 2000000, content.len));
	assert_false(hear(fd, &a, 1));
	assert_int_equal(seen.writable, 1);
	assert_int_equal(reply_queued(seen.stream), 0);
	assert_true(text_eq(buf_as_text(&a.out), content));
	assert_true(a.records >= 3000001 / 65535);
	answer_free(&a);
	reply_end(seen.stream);
	turns(1);
	assert_int_equal(seen.over, 1);
	close(fd);
	free_text(content);
}

/* The end waits for what is queued, and `over` for the end. */
static void
slow_reader_at_the_end(void **state)
{
	struct text content = made_body(1200000);
	struct buf b = { 0 };
	struct answer a;
	int fd = dial();

	(void)state;
	seen.quiet = true;
	put_post(&b, 1, KEEP, TEXT("x"));
	send_all(fd, buf_as_text(&b));
	turns(2);
	buf_text(reply_buf(seen.stream, content.len), content);
	reply_end(seen.stream);
	turns(3);
	assert_int_equal(seen.over, 0);
	assert_true(hear(fd, &a, 1));
	assert_true(text_eq(buf_as_text(&a.out), content));
	assert_true(a.out_ended);
	answer_free(&a);
	turns(1);
	assert_int_equal(seen.over, 1);
	assert_int_equal(seen.gone, 0);
	b.len = 0;
	put_post(&b, 2, KEEP, TEXT("next"));
	send_all(fd, buf_as_text(&b));
	turns(3);
	assert_int_equal(seen.writable, 0);		/* the marks are those of the new reply */
	answer(seen.stream);
	expect_answer(fd, 2, BODY_FINE, TEXT("next"));
	close(fd);
	buf_free(&b);
	free_text(content);
}

/* The next request came with the end of the first one, whose reply is too long for the socket: it is heard when that is out. */
static void
next_behind_a_long_reply(void **state)
{
	struct text content = made_body(700000);
	struct buf b = { 0 }, wire = { 0 };
	struct answer a;
	int fd = dial();

	(void)state;
	put_post(&b, 1, KEEP, content);
	put_post(&b, 2, 0, TEXT("next"));
	send_all(fd, buf_as_text(&b));
	turns(5);
	assert_int_equal(seen.begun, 1);
	for (int idle = 0; idle < 20; turns(1)) {
		ssize_t n;

		buf_reserve(&wire, 65536);
		n = recv(fd, wire.at + wire.len, 65536, 0);
		wire.len += n > 0 ? (size_t)n : 0;
		idle = n > 0 ? 0 : idle + 1;
	}
	assert_true(read_answer(&a, buf_as_text(&wire), 1));
	assert_true(text_ends(buf_as_text(&a.out), content));
	buf_drop(&wire, a.used);
	answer_free(&a);
	assert_true(read_answer(&a, buf_as_text(&wire), 2));
	assert_true(text_ends(buf_as_text(&a.out), TEXT(":next")));
	answer_free(&a);
	close(fd);
	buf_free(&b);
	buf_free(&wire);
	free_text(content);
}

/* A question of the web server in the middle of a record that is half written: the answer waits for its end. */
static void
question_within_a_reply(void **state)
{
	struct text content = made_body(900000);
	struct buf b = { 0 };
	struct answer a;
	int fd = dial();

	(void)state;
	seen.quiet = true;
	put_post(&b, 1, KEEP, TEXT("x"));
	send_all(fd, buf_as_text(&b));
	turns(2);
	buf_text(reply_buf(seen.stream, content.len), content);
	reply_flush(seen.stream);
	b.len = 0;
	put_record(&b, 200, 0, TEXT(""), 0);
	send_all(fd, buf_as_text(&b));
	turns(2);
	reply_end(seen.stream);
	assert_true(hear(fd, &a, 1));
	assert_int_equal(a.unknown_type, 200);
	assert_true(text_eq(buf_as_text(&a.out), content));
	answer_free(&a);
	close(fd);
	buf_free(&b);
	free_text(content);
}

static void
events_go_out_one_by_one(void **state)
{
	struct buf b = { 0 };
	char wire[256];
	int fd = dial();

	(void)state;
	seen.quiet = true;
	put_post(&b, 1, 0, TEXT("x"));
	send_all(fd, buf_as_text(&b));
	turns(2);
	request_forget(seen.stream);
	for (int i = 0; i < 5; i++) {
		buf_lit(reply_buf(seen.stream, 20), "data: ");
		buf_lit(reply_buf(seen.stream, 20), "hello\n\n");
		if (i < 3)
			reply_flush(seen.stream);
		else
			turns(1);			/* the end of the turn sends it too */
		assert_int_equal(recv(fd, wire, sizeof(wire), 0), 8 + 13);
		assert_memory_equal(wire, "\1\6\0\1\0\15\0\0data: hello\n\n", 21);
	}
	reply_end(seen.stream);
	turns(1);
	assert_int_equal(recv(fd, wire, sizeof(wire), 0), 24);
	assert_true(hung_up(fd));
	close(fd);
	buf_free(&b);
}

static void
reasons(void **state)
{
	(void)state;
	assert_string_equal(status_reason(200), "OK");
	assert_string_equal(status_reason(429), "Too Many Requests");
	assert_string_equal(status_reason(529), "Overloaded");
	assert_string_equal(status_reason(477), "Client Error");
	assert_string_equal(status_reason(99), "Unknown");
	assert_string_equal(status_reason(-1), "Unknown");
	assert_string_equal(status_reason(1000), "Unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(write_fails, start, stop),
		cmocka_unit_test_setup_teardown(broken_off, start, stop),
		cmocka_unit_test_setup_teardown(slow_reader, start, stop),
		cmocka_unit_test_setup_teardown(slow_reader_at_the_end, start, stop),
		cmocka_unit_test_setup_teardown(next_behind_a_long_reply, start, stop),
		cmocka_unit_test_setup_teardown(question_within_a_reply, start, stop),
		cmocka_unit_test_setup_teardown(events_go_out_one_by_one, start, stop),
		cmocka_unit_test(reasons),
	};

	stage_open();
	return (stage_close(cmocka_run_group_tests(tests, NULL, NULL)));
}
