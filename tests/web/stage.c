/* SPDX-License-Identifier: Apache-2.0 */
/* The stage of the room's tests: a worker's loop, its owner, and the web server's end of the sockets. */
#include "tests/web/stage.h"

#include "base/clock.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/un.h>

struct seen seen;
struct loop *loop;
struct web *web;
char folder[] = "/tmp/sluice-web-XXXXXX", path[64];

void
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

int
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

const struct web_settings usual = { .body_limit = 1 << 20, .body_memory = 4 << 20, .high_mark = 262144, .low_mark = 65536 };

int
start(void **state)
{
	(void)state;
	return (start_with(usual));
}

int
stop(void **state)
{
	(void)state;
	web_free(web);
	loop_free(loop);
	unlink(path);
	buf_free(&seen.body);
	return (0);
}

int
dial(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(to.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return (fd);
}

void
turns(int n)
{
	while (n-- > 0)
		loop_turn(loop, 0);
}

void
turns_until(const unsigned *count, unsigned wanted)
{
	for (int64_t until = clock_us() + 60000000; *count < wanted && clock_us() < until; )
		loop_turn(loop, 10);
}

void
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

bool
hear(int fd, struct answer *a, int id)
{
	struct buf wire = { 0 };
	char piece[65536];
	ssize_t n = 1;

	*a = (struct answer){ .status = -1 };
	for (int idle = 0; idle < 20 && n != 0 && a->status < 0; turns(1)) {
		n = recv(fd, piece, sizeof(piece), 0);
		idle = n < 0 ? idle + 1 : 0;
		if (n <= 0)
			continue;
		buf_add(&wire, piece, (size_t)n);
		answer_free(a);
		assert_true(read_answer(a, buf_as_text(&wire), id));
	}
	buf_free(&wire);
	return (a->status >= 0);
}

bool
hung_up(int fd)
{
	char rest[4096];
	ssize_t n = -1;

	for (int i = 0; i < 20 && n != 0; i++) {
		turns(1);
		n = recv(fd, rest, sizeof(rest), 0);
		if (n < 0 && errno == ECONNRESET)
			n = 0;
	}
	return (n == 0);
}

void
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

struct text
made_body(size_t n)
{
	char *p = malloc(n);
	uint32_t x = 1;

	for (size_t i = 0; i < n; i++)
		p[i] = (char)((x = x * 1664525u + 1013904223u) >> 24);
	return ((struct text){ p, n });
}

void
free_text(struct text t)
{
	free((void *)(uintptr_t)t.at);
}

int
start_tight(void **state)
{
	struct web_settings set = usual;

	(void)state;
	set.body_memory = 1000000;
	set.room_ms = set.body_ms = set.head_ms = set.idle_ms = 30;
	return (start_with(set));
}

void
wait_for(const unsigned *what, unsigned value)
{
	for (int i = 0; i < 1000 && *what < value; i++)
		loop_turn(loop, 10);
	assert_int_equal(*what, value);
}

void
stage_open(void)
{
	signal(SIGPIPE, SIG_IGN);
	if (mkdtemp(folder) == NULL)
		abort();
	snprintf(path, sizeof(path), "%s/w.sock", folder);
}

int
stage_close(int failed)
{
	rmdir(folder);
	return (failed);
}
