/* SPDX-License-Identifier: Apache-2.0 */
/* Connections over real sockets: however the bytes come, whoever leaves, whatever is sent that is no FastCGI. */
#include "tests/web/stage.h"

static void
one_request_at_once(void **state)
{
	struct buf b = { 0 };
	int fd = dial();

	put_post(&b, 1, 0, TEXT("hello"));
	send_all(fd, buf_as_text(&b));
	turns(2);
	expect_answer(fd, 1, BODY_FINE, TEXT("hello"));
	assert_true(hung_up(fd));
	assert_int_equal(seen.begun, 1);
	assert_int_equal(seen.over, 1);
	assert_int_equal(seen.gone, 0);
	assert_int_equal(web_open(web), 0);
	assert_true(web_quiet(web));
	close(fd);
	buf_free(&b);
}

static void
cut_at_every_byte(void **state)
{
	struct buf b = { 0 };

	(void)state;
	put_post(&b, 1, 0, TEXT("hello"));
	for (size_t cut = 1; cut < b.len; cut++) {
		int fd = dial();

		send_all(fd, text_sub(buf_as_text(&b), 0, cut));
		turns(2);
		assert_int_equal(seen.over, cut - 1);
		send_all(fd, text_sub(buf_as_text(&b), cut, b.len));
		expect_answer(fd, 1, BODY_FINE, TEXT("hello"));
		close(fd);
		turns(1);
	}
	assert_int_equal(seen.bad + seen.gone, 0);
	buf_free(&b);
}

static void
random_pieces(void **state)
{
	struct text content = made_body(300000);
	struct buf b = { 0 };

	(void)state;
	put_post(&b, 300, KEEP, content);
	srand(7);
	for (int round = 0; round < 12; round++) {
		size_t most = (size_t)1 << (6 + round);
		int fd = dial();

		for (size_t at = 0, n; at < b.len; at += n) {
			n = 1 + (size_t)rand() % most;
			send_all(fd, text_sub(buf_as_text(&b), at, at + n));
			if (rand() % 3 == 0 || round > 6)
				turns(1);
		}
		expect_answer(fd, 300, BODY_FINE, content);
		close(fd);
		turns(1);
	}
	buf_free(&b);
	free_text(content);
}

static void
kept_connections(void **state)
{
	int fd = dial();

	(void)state;
	for (int id = 1; id <= 3; id++) {
		struct buf b = { 0 };

		put_post(&b, id, KEEP, TEXT("again"));
		send_all(fd, buf_as_text(&b));
		expect_answer(fd, id, BODY_FINE, TEXT("again"));
		buf_free(&b);
	}
	assert_int_equal(seen.over, 3);
	assert_int_equal(web_open(web), 0);
	assert_false(web_quiet(web));
	close(fd);
	turns(2);
	assert_true(web_quiet(web));
	assert_int_equal(seen.gone, 0);
}

/* The next request was sent before the answer to the first was read; it may even have come with it. */
static void
pipelined(void **state)
{
	int fd = dial();
	struct buf b = { 0 };
	struct answer a;
	struct buf wire = { 0 };

	(void)state;
	put_post(&b, 1, KEEP, TEXT("one"));
	put_post(&b, 1, KEEP, TEXT("two"));
	put_post(&b, 1, 0, TEXT("three"));
	send_all(fd, buf_as_text(&b));
	turns(5);
	buf_reserve(&wire, 4096);
	wire.len = (size_t)recv(fd, wire.at, wire.cap, 0);
	for (int i = 0; i < 3; i++) {
		assert_true(read_answer(&a, buf_as_text(&wire), 1));
		assert_true(text_ends(buf_as_text(&a.out), text_of((const char *[]){ ":one", ":two", ":three" }[i])));
		buf_drop(&wire, a.used);
		answer_free(&a);
	}
	assert_int_equal(seen.over, 3);
	assert_true(hung_up(fd));
	buf_free(&wire);
	buf_free(&b);
	close(fd);
}

static void
several_at_once(void **state)
{
	struct buf b = { 0 };
	int fd[40];

	(void)state;
	put_post(&b, 1, 0, TEXT("mine"));
	for (size_t i = 0; i < nitems(fd); i++) {
		fd[i] = dial();
		send_all(fd[i], text_sub(buf_as_text(&b), 0, b.len / 2));
	}
	turns(10);
	for (size_t i = nitems(fd); i-- > 0; )
		send_all(fd[i], text_sub(buf_as_text(&b), b.len / 2, b.len));
	for (size_t i = 0; i < nitems(fd); i++) {
		expect_answer(fd[i], 1, BODY_FINE, TEXT("mine"));
		close(fd[i]);
	}
	assert_int_equal(seen.begun, nitems(fd));
	buf_free(&b);
}

/* The owner refuses before the body came.  What still comes is dropped: on a kept connection the next request is heard. */
static void
answered_early(void **state)
{
	struct text content = made_body(400000);
	struct buf b = { 0 }, next = { 0 };
	int fd = dial();

	(void)state;
	seen.early = true;
	put_post(&b, 1, KEEP, content);
	put_post(&next, 2, KEEP, TEXT("next"));
	send_all(fd, text_sub(buf_as_text(&b), 0, 5000));
	expect_answer(fd, 1, BODY_FINE, TEXT(""));
	send_all(fd, text_sub(buf_as_text(&b), 5000, b.len));
	seen.early = false;
	send_all(fd, buf_as_text(&next));
	expect_answer(fd, 2, BODY_FINE, TEXT("next"));
	assert_int_equal(seen.bodies, 1);
	assert_int_equal(seen.over, 2);
	close(fd);
	buf_free(&b);
	buf_free(&next);
	free_text(content);
}

/* Without KEEP_CONN the connection stays until the peer has sent what it had, so that no reset overtakes the answer. */
static void
answered_early_and_closed(void **state)
{
	struct text content = made_body(400000);
	struct buf b = { 0 };
	int fd = dial();

	(void)state;
	seen.early = true;
	put_post(&b, 1, 0, content);
	send_all(fd, text_sub(buf_as_text(&b), 0, 5000));
	turns(2);
	assert_int_equal(seen.over, 1);
	assert_int_equal(send(fd, b.at + 5000, 1000, MSG_NOSIGNAL), 1000);
	send_all(fd, text_sub(buf_as_text(&b), 6000, b.len));
	expect_answer(fd, 1, BODY_FINE, TEXT(""));
	close(fd);
	turns(3);
	assert_true(web_quiet(web));
	buf_free(&b);
	free_text(content);
}

static void
second_id(void **state)
{
	struct buf b = { 0 };
	struct answer a;
	int fd = dial();

	(void)state;
	put_post(&b, 1, KEEP, TEXT("first"));
	send_all(fd, text_sub(buf_as_text(&b), 0, b.len - 8));
	turns(2);
	put_record(&b, 5, 1, TEXT(""), 0);
	b.len = 0;
	put_post(&b, 2, KEEP, TEXT("second"));
	put_record(&b, 5, 1, TEXT(""), 0);
	send_all(fd, buf_as_text(&b));
	assert_true(hear(fd, &a, 1));
	assert_int_equal(a.others_status, 1 /* FCGI_CANT_MPX_CONN */);
	assert_true(text_ends(buf_as_text(&a.out), TEXT(":first")));
	answer_free(&a);
	b.len = 0;
	put_post(&b, 2, KEEP, TEXT("second"));
	send_all(fd, buf_as_text(&b));
	expect_answer(fd, 2, BODY_FINE, TEXT("second"));
	assert_int_equal(seen.bad, 0);
	close(fd);
	buf_free(&b);
}

static void
roles_we_have_not(void **state)
{
	(void)state;
	for (int role = 2; role <= 3; role++) {
		struct buf b = { 0 };
		struct answer a;
		int fd = dial();

		put_begin(&b, 1, role, 0);
		send_all(fd, buf_as_text(&b));
		assert_true(hear(fd, &a, 1));
		assert_int_equal(a.status, 3 /* FCGI_UNKNOWN_ROLE */);
		answer_free(&a);
		assert_true(hung_up(fd));
		close(fd);
		buf_free(&b);
	}
	assert_int_equal(seen.begun + seen.bad, 0);
}

static void
questions_of_the_server(void **state)
{
	struct buf b = { 0 };
	struct answer a;
	int fd = dial();

	(void)state;
	put_record(&b, 9, 0, TEXT("\x0e\0FCGI_MAX_CONNS\x0f\0FCGI_MPXS_CONNS\x3\0who"), 3);
	put_record(&b, 42, 0, TEXT("?"), 0);
	put_post(&b, 9, 0, TEXT("x"));
	send_all(fd, buf_as_text(&b));
	assert_true(hear(fd, &a, 9));
	assert_true(text_has(buf_as_text(&a.values), TEXT("FCGI_MAX_CONNS")));
	assert_true(text_ends(buf_as_text(&a.values), TEXT("\x0f\1FCGI_MPXS_CONNS0")));
	assert_int_equal(a.unknown_type, 42);
	assert_true(text_ends(buf_as_text(&a.out), TEXT(":x")));
	answer_free(&a);
	close(fd);
	buf_free(&b);
}

/* A peer that only asks and never reads is ended, not fed. */
static void
flood_of_questions(void **state)
{
	struct buf b = { 0 };
	int fd = dial();

	(void)state;
	for (int i = 0; i < 50000; i++)
		put_record(&b, 42, 0, TEXT(""), 0);
	send_all(fd, buf_as_text(&b));
	turns(50);
	assert_int_equal(seen.bad, 1);
	assert_true(web_quiet(web));
	close(fd);
	buf_free(&b);
}

static const struct {
	const char	*what;
	struct text	 bytes;
} hostile[] = {
	{ "http", TEXT("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n\r\n") },
	{ "zeroes", { "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16 } },
	{ "stdin before params", TEXT("\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0\1\5\0\1\0\1\0\0x") },
	{ "content of nobody", TEXT("\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0\1\4\0\2\0\1\0\0x") },
	{ "a name longer than its params", TEXT("\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0\1\4\0\1\0\3\0\0\x9\x1N\1\4\0\1\0\0\0\0") },
	{ "a value longer than its params", TEXT("\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0\1\4\0\1\0\3\0\0\1\xfN\1\4\0\1\0\0\0\0") },
	{ "lengths of 2 GB", TEXT("\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0\1\4\0\1\0\x9\0\0\xff\xff\xff\xff\xff\xff\xff\xffN\1\4\0\1\0\0\0\0") },
	{ "lengths whose sum is 2^31", TEXT("\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0\1\4\0\1\0\x9\0\0\xc0\0\0\0\xc0\0\0\0N\1\4\0\1\0\0\0\0") },
	{ "a length cut short", TEXT("\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0\1\4\0\1\0\2\0\0\x80\0\1\4\0\1\0\0\0\0") },
	{ "half a pair", TEXT("\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0\1\4\0\1\0\1\0\0\1\1\4\0\1\0\0\0\0") },
};

/* It ends the hostile connection, is counted, and harms nobody else. */
static void
hostile_streams(void **state)
{
	struct buf b = { 0 };
	int good = dial();

	(void)state;
	put_post(&b, 1, KEEP, TEXT("good"));
	send_all(good, text_sub(buf_as_text(&b), 0, b.len - 3));
	turns(3);
	for (size_t i = 0; i < nitems(hostile); i++) {
		int fd = dial();

		send_all(fd, hostile[i].bytes);
		if (!hung_up(fd) || seen.bad != i + 1)
			fail_msg("%s: %u counted", hostile[i].what, seen.bad);
		close(fd);
	}
	assert_int_equal(seen.begun, 1);
	send_all(good, text_sub(buf_as_text(&b), b.len - 3, b.len));
	expect_answer(good, 1, BODY_FINE, TEXT("good"));
	close(good);
	buf_free(&b);
}

static void
broken_while_it_is_served(void **state)
{
	struct buf b = { 0 };
	int fd = dial();

	(void)state;
	seen.quiet = true;
	put_post(&b, 1, KEEP, TEXT("x"));
	put_record(&b, 5, 1, TEXT("after the end"), 0);
	send_all(fd, buf_as_text(&b));
	turns(2);
	assert_int_equal(seen.bad, 1);
	assert_int_equal(seen.gone, 1);
	assert_int_equal(seen.over, 0);
	assert_true(text_is(request_param(seen.request, "REQUEST_METHOD"), "POST"));
	reply_end(seen.stream);
	turns(1);
	assert_int_equal(seen.over, 1);
	assert_int_equal(web_open(web), 0);
	close(fd);
	buf_free(&b);
}

/* How a web server lets a request go: half closed (lighttpd), closed, ABORT (nobody). */
static void
client_leaves(void **state)
{
	(void)state;
	seen.quiet = true;
	for (unsigned how = 0; how < 3; how++) {
		struct buf b = { 0 };
		int fd = dial();

		put_post(&b, 1, 0, TEXT("x"));
		send_all(fd, buf_as_text(&b));
		turns(2);
		assert_int_equal(seen.gone, how);
		b.len = 0;
		put_record(&b, 2, 1, TEXT(""), 0);
		if (how == 0)
			shutdown(fd, SHUT_WR);
		else if (how == 1)
			close(fd);
		else
			send_all(fd, buf_as_text(&b));
		turns_until(&seen.gone, how + 1);
		assert_int_equal(seen.over, how);
		buf_lit(reply_buf(seen.stream, 100), "nobody hears this");
		reply_flush(seen.stream);
		assert_int_equal(reply_queued(seen.stream), 0);
		reply_end(seen.stream);
		turns(1);
		assert_int_equal(seen.over, how + 1);
		if (how != 1)
			close(fd);
		buf_free(&b);
	}
}

/* Whoever is answered at once is never watched: that nobody listens shows when it is written. */
static void
client_leaves_before_anybody_looks(void **state)
{
	struct buf b = { 0 };
	int fd = dial();

	(void)state;
	seen.quiet = true;
	put_post(&b, 1, 0, TEXT("x"));
	send_all(fd, buf_as_text(&b));
	turns_until(&seen.bodies, 1);
	close(fd);
	buf_lit(reply_buf(seen.stream, 100), "nobody hears this");
	reply_end(seen.stream);
	turns_until(&seen.over, 1);
	assert_int_equal(seen.bad, 0);
	buf_free(&b);
}

static void
client_leaves_within_the_body(void **state)
{
	struct buf b = { 0 };
	int fd = dial();

	(void)state;
	put_post(&b, 1, 0, TEXT("a body"));
	send_all(fd, text_sub(buf_as_text(&b), 0, b.len - 12));
	turns(2);
	assert_int_equal(seen.begun, 1);
	close(fd);
	turns(3);
	assert_int_equal(seen.bodies, 0);
	assert_int_equal(seen.gone, 1);
	assert_int_equal(seen.over, 1);
	buf_free(&b);
}

static void
silent_connections(void **state)
{
	struct buf b = { 0 };
	int half = dial(), mute = dial(), kept = dial();

	(void)state;
	put_post(&b, 1, KEEP, TEXT("x"));
	send_all(kept, buf_as_text(&b));
	send_all(half, text_sub(buf_as_text(&b), 0, 40));
	expect_answer(kept, 1, BODY_FINE, TEXT("x"));
	for (int i = 0; i < 1000 && !web_quiet(web); i++)
		loop_turn(loop, 10);
	assert_true(hung_up(half) && hung_up(mute) && hung_up(kept));
	assert_int_equal(seen.bad, 0);
	close(half);
	close(mute);
	close(kept);
	buf_free(&b);
}

/* libfcgi's own client, which shares nothing with us but the protocol. */
static void
libfcgis_client(void **state)
{
	char command[256], line[256];
	FILE *client;
	size_t n;

	(void)state;
	snprintf(command, sizeof(command),
	    "printf hello | env -i REQUEST_METHOD=POST CONTENT_LENGTH=5 REQUEST_URI=/v1/x cgi-fcgi -bind -connect %s", path);
	client = popen(command, "r");
	assert_non_null(client);
	wait_for(&seen.over, 1);
	n = fread(line, 1, sizeof(line) - 1, client);
	assert_int_equal(pclose(client), 0);
	line[n] = '\0';
	assert_string_equal(line, "Status: 200 OK\r\n\r\n0:hello");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_request_at_once, start, stop),
		cmocka_unit_test_setup_teardown(cut_at_every_byte, start, stop),
		cmocka_unit_test_setup_teardown(random_pieces, start, stop),
		cmocka_unit_test_setup_teardown(kept_connections, start, stop),
		cmocka_unit_test_setup_teardown(pipelined, start, stop),
		cmocka_unit_test_setup_teardown(several_at_once, start, stop),
		cmocka_unit_test_setup_teardown(answered_early, start, stop),
		cmocka_unit_test_setup_teardown(answered_early_and_closed, start, stop),
		cmocka_unit_test_setup_teardown(second_id, start, stop),
		cmocka_unit_test_setup_teardown(roles_we_have_not, start, stop),
		cmocka_unit_test_setup_teardown(questions_of_the_server, start, stop),
		cmocka_unit_test_setup_teardown(flood_of_questions, start, stop),
		cmocka_unit_test_setup_teardown(hostile_streams, start, stop),
		cmocka_unit_test_setup_teardown(broken_while_it_is_served, start, stop),
		cmocka_unit_test_setup_teardown(client_leaves, start, stop),
		cmocka_unit_test_setup_teardown(client_leaves_before_anybody_looks, start, stop),
		cmocka_unit_test_setup_teardown(client_leaves_within_the_body, start, stop),
		cmocka_unit_test_setup_teardown(silent_connections, start_tight, stop),
		cmocka_unit_test_setup_teardown(libfcgis_client, start, stop),
	};

	stage_open();
	return (stage_close(cmocka_run_group_tests(tests, NULL, NULL)));
}
