/* SPDX-License-Identifier: Apache-2.0 */
/* The web room over real sockets: one thread plays the worker's loop and the web server in turns. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/web/peer.h"
#include "web/web.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define KEEP	1

/* What happened to the last stream, and to all. */
static struct seen {
	struct stream	*stream;
	struct request	*request;
	enum body_fault	 fault;
	struct buf	 body;
	unsigned	 begun, bodies, gone, writable, over, bad;
	bool		 quiet;			/* the owner does not answer by itself */
	bool		 early;			/* answers in begin */
} seen;

static struct loop *loop;
static struct web *web;
static char folder[] = "/tmp/sluice-web-XXXXXX", path[64];

static void
answer(struct stream *s)
{
	struct buf *out = reply_buf(s, 64);

	buf_print(out, "Status: 200 OK\r\n\r\n%d:", (int)seen.fault);
	buf_text(out, buf_as_text(&seen.body));
	reply_end(s);
}

static void *
begin(void *worker, struct stream *s, struct request *r)
{
	assert_ptr_equal(worker, &seen);
	seen.stream = s;
	seen.request = r;
	seen.begun++;
	seen.body.len = 0;
	seen.fault = BODY_FINE;
	if (seen.early)
		answer(s);
	return (s);
}

static void
body(void *self, enum body_fault fault)
{
	assert_ptr_equal(self, seen.stream);
	seen.bodies++;
	seen.fault = fault;
	seen.body.len = 0;
	buf_text(&seen.body, seen.request->body);
	if (!seen.quiet)
		answer(self);
}

static void
gone(void *self)
{
	seen.gone++;
	if (!seen.quiet)
		reply_end(self);
}

static void
writable(void *self)
{
	(void)self;
	seen.writable++;
}

static void
over(void *self)
{
	(void)self;
	seen.over++;
}

static void
bad_record(void *worker, const char *why)
{
	(void)worker;
	assert_non_null(why);
	seen.bad++;
}

static int
start_with(struct web_settings set)
{
	struct web_owner owner = { begin, body, gone, writable, over, bad_record, &seen };
	struct buf why = { 0 };
	int fd = web_bind(path, 64, &why);

	assert_true(fd >= 0);
	seen = (struct seen){ 0 };
	loop = loop_new();
	web = web_new(loop, &set, &owner);
	web_listen(web, fd);
	return (0);
}

static const struct web_settings usual = { .body_limit = 1 << 20, .body_memory = 4 << 20, .high_mark = 262144, .low_mark = 65536 };

static int
start(void **state)
{
	(void)state;
	return (start_with(usual));
}

static int
stop(void **state)
{
	(void)state;
	web_free(web);
	loop_free(loop);
	unlink(path);
	buf_free(&seen.body);
	return (0);
}

static int
dial(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(to.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return (fd);
}

static void
turns(int n)
{
	while (n-- > 0)
		loop_turn(loop, 0);
}

static void
send_all(int fd, struct text bytes)
{
	while (bytes.len > 0) {
		ssize_t n = send(fd, bytes.at, bytes.len, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			turns(1);
			continue;
		}
		if (n < 0)
			return;			/* the room hung up, as it may */
		bytes = text_sub(bytes, (size_t)n, bytes.len);
	}
}

/* Reads until the answer to `id` is whole or the room hangs up; true: it is whole. */
static bool
hear(int fd, struct answer *a, int id)
{
	struct buf wire = { 0 };
	char piece[65536];

	for (int idle = 0; idle < 50; ) {
		ssize_t n = recv(fd, piece, sizeof(piece), 0);

		if (n > 0)
			buf_add(&wire, piece, (size_t)n);
		else if (n == 0)
			break;
		else
			idle++;
		assert_true(read_answer(a, buf_as_text(&wire), id));
		if (a->status >= 0)
			break;
		answer_free(a);
		turns(1);
	}
	assert_true(read_answer(a, buf_as_text(&wire), id));
	buf_free(&wire);
	return (a->status >= 0);
}

static bool
hung_up(int fd)
{
	char c;
	ssize_t n = -1;

	for (int i = 0; i < 20 && n < 0; i++) {
		turns(1);
		n = recv(fd, &c, 1, 0);
		if (n < 0 && errno == ECONNRESET)
			n = 0;
	}
	return (n == 0);
}

static void
expect_answer(int fd, int id, enum body_fault fault, struct text said)
{
	struct answer a;
	struct text head = TEXT("Status: 200 OK\r\n\r\n");

	assert_true(hear(fd, &a, id));
	assert_int_equal(a.status, 0);
	assert_true(a.out_ended);
	assert_true(text_starts(buf_as_text(&a.out), head));
	assert_int_equal(a.out.at[head.len], '0' + (int)fault);
	assert_true(text_eq(text_sub(buf_as_text(&a.out), head.len + 2, a.out.len), said));
	answer_free(&a);
}

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_request_at_once, start, stop),
	};
	int failed;

	signal(SIGPIPE, SIG_IGN);
	if (mkdtemp(folder) == NULL)
		return (1);
	snprintf(path, sizeof(path), "%s/w.sock", folder);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(folder);
	return (failed);
}
