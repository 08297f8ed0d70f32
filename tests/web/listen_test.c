/* SPDX-License-Identifier: Apache-2.0 */
/* The listener: in and out of it, full, out of descriptors, stopping; and sockets of our own. */
#include "tests/web/stage.h"

#include <sys/stat.h>

static void
out_of_the_listener(void **state)
{
	struct buf b = { 0 };
	int fd;

	(void)state;
	put_post(&b, 1, 0, TEXT("x"));
	web_accept(web, false);
	fd = dial();
	send_all(fd, buf_as_text(&b));
	turns(5);
	assert_int_equal(seen.begun, 0);
	web_accept(web, true);
	expect_answer(fd, 1, BODY_FINE, TEXT("x"));
	close(fd);
	/* what was queued when we left was perhaps announced to us alone */
	fd = dial();
	send_all(fd, buf_as_text(&b));
	web_accept(web, false);
	expect_answer(fd, 1, BODY_FINE, TEXT("x"));
	close(fd);
	buf_free(&b);
}

static void
stopping(void **state)
{
	struct buf b = { 0 };
	int kept = dial(), running = dial(), queued;
	struct stream *runs;

	(void)state;
	put_post(&b, 1, KEEP, TEXT("x"));
	send_all(kept, buf_as_text(&b));
	expect_answer(kept, 1, BODY_FINE, TEXT("x"));
	seen.quiet = true;
	send_all(running, buf_as_text(&b));
	turns(2);
	runs = seen.stream;
	queued = dial();
	send_all(queued, buf_as_text(&b));
	web_stop(web, true);
	assert_true(hung_up(kept));
	assert_int_equal(seen.bodies, 3);
	assert_int_equal(web_open(web), 2);
	reply_end(seen.stream);
	buf_lit(reply_buf(runs, 10), "still here");
	assert_false(web_quiet(web));
	reply_end(runs);
	turns(2);
	assert_true(hung_up(running) && hung_up(queued));
	assert_true(web_quiet(web));
	close(kept);
	close(running);
	close(queued);
	buf_free(&b);
}

static int
start_for_two(void **state)
{
	struct web_settings set = usual;

	(void)state;
	set.max_connections = 2;
	return (start_with(set));
}

static void
not_more_than_fit(void **state)
{
	struct buf b = { 0 };
	int fd[3];

	(void)state;
	put_post(&b, 1, KEEP, TEXT("x"));
	for (int i = 0; i < 3; i++) {
		fd[i] = dial();
		send_all(fd[i], buf_as_text(&b));
	}
	turns(6);
	assert_int_equal(seen.begun, 2);
	close(fd[0]);
	expect_answer(fd[2], 1, BODY_FINE, TEXT("x"));
	close(fd[1]);
	close(fd[2]);
	buf_free(&b);
}

/* No descriptor is left: the connection stays queued, the loop rests meanwhile, and goes on when there is one again. */
static void
out_of_descriptors(void **state)
{
	struct rlimit was, tight;
	struct buf b = { 0 };
	int fd = dial(), turns_taken = 0;
	int64_t until;

	(void)state;
	put_post(&b, 1, 0, TEXT("x"));
	send_all(fd, buf_as_text(&b));
	getrlimit(RLIMIT_NOFILE, &was);
	tight = was;
	tight.rlim_cur = (rlim_t)fd + 1;
	setrlimit(RLIMIT_NOFILE, &tight);
	loop_turn(loop, 0);
	until = loop_now_us(loop) + 50000;
	while (loop_now_us(loop) < until) {
		loop_turn(loop, 20);
		turns_taken++;
	}
	assert_in_range(turns_taken, 1, 10);
	assert_int_equal(seen.begun, 0);
	setrlimit(RLIMIT_NOFILE, &was);
	wait_for(&seen.begun, 1);
	expect_answer(fd, 1, BODY_FINE, TEXT("x"));
	close(fd);
	buf_free(&b);
}

static void
worker_ends_with_streams_open(void **state)
{
	struct buf b = { 0 };
	int fd = dial();

	(void)state;
	seen.quiet = true;
	put_post(&b, 1, 0, TEXT("x"));
	send_all(fd, buf_as_text(&b));
	turns(2);
	assert_int_equal(web_open(web), 1);
	stop(NULL);
	assert_int_equal(seen.over, 1);
	close(fd);
	buf_free(&b);
	start(NULL);
}

/* Binds where it should not work; `why` must have that in it. */
static void
expect_no_bind(const char *where, const char *says)
{
	struct buf why = { 0 };

	assert_int_equal(web_bind(where, 16, &why), -1);
	if (!text_has(buf_as_text(&why), text_of(says)))
		fail_msg("%s: %.*s", where, TEXT_ARG(why));
	buf_free(&why);
}

static void
paths_that_are_taken(void **state)
{
	char file[80], lengthy[200];
	struct stat st;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	expect_no_bind(path, "in use");
	snprintf(file, sizeof(file), "%s/file", folder);
	fclose(fopen(file, "w"));
	expect_no_bind(file, "not a socket");
	assert_int_equal(unlink(file), 0);		/* it is still there */
	snprintf(lengthy, sizeof(lengthy), "%s/%0120d", folder, 0);
	expect_no_bind(lengthy, "too long");
	expect_no_bind("/no/such/folder/w.sock", "cannot listen on");
}

static void
stale_socket_files(void **state)
{
	struct buf why = { 0 };
	char stale[80], with_prefix[100];
	int fd;

	(void)state;
	snprintf(stale, sizeof(stale), "%s/stale", folder);
	snprintf(with_prefix, sizeof(with_prefix), "unix:%s", stale);
	close(web_bind(stale, 16, &why));
	fd = web_bind(with_prefix, 16, &why);
	assert_true(fd >= 0);
	assert_int_equal(why.len, 0);
	close(fd);
	unlink(stale);
}

static void
hosts_and_ports(void **state)
{
	static const char *const good[] = { "127.0.0.1:0", "[::1]:0", ":0", "*:0", "localhost:0" };
	struct buf why = { 0 };

	(void)state;
	for (size_t i = 0; i < nitems(good); i++) {
		int fd = web_bind(good[i], 16, &why);

		if (fd < 0)
			fail_msg("%s: %.*s", good[i], TEXT_ARG(why));
		close(fd);
	}
	expect_no_bind("9000", "neither a path nor");
	expect_no_bind("host:", "neither a path nor");
	expect_no_bind("127.0.0.1:port", "cannot listen on");
	expect_no_bind("no.such.host.invalid:9000", "cannot listen on");
	expect_no_bind("192.0.2.1:9000", "cannot listen on");
	assert_true(web_raise_files() >= 256);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(out_of_the_listener, start, stop),
		cmocka_unit_test_setup_teardown(stopping, start, stop),
		cmocka_unit_test_setup_teardown(not_more_than_fit, start_for_two, stop),
		cmocka_unit_test_setup_teardown(out_of_descriptors, start, stop),
		cmocka_unit_test_setup_teardown(worker_ends_with_streams_open, start, stop),
		cmocka_unit_test_setup_teardown(paths_that_are_taken, start, stop),
		cmocka_unit_test(stale_socket_files),
		cmocka_unit_test(hosts_and_ports),
	};

	stage_open();
	return (stage_close(cmocka_run_group_tests(tests, NULL, NULL)));
}
