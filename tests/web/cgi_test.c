/* SPDX-License-Identifier: Apache-2.0 */
/* Plain CGI over whatever a web server makes of the standard streams: pipes, one socket for both, files. */
#include "tests/web/stage.h"

#include <fcntl.h>

/* The web server's ends of the two streams. */
struct server {
	int		 to, from;
};

static char *post[] = { "GATEWAY_INTERFACE=CGI/1.1", "REQUEST_METHOD=POST", "REQUEST_URI=/v1/x?a=b", "CONTENT_LENGTH=5", "HTTP_X_API_KEY=k=1",
	"no name", "REMOTE_USER=", NULL };

static void
begin_on_pipes(struct server *s, char *const *variables)
{
	int in[2], out[2];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	*s = (struct server){ in[1], out[0] };
	fcntl(s->to, F_SETFL, O_NONBLOCK);
	fcntl(s->from, F_SETFL, O_NONBLOCK);
	web_cgi(web, variables, in[0], out[1]);
}

/* As mod_cgid does. */
static void
begin_on_socket(struct server *s, char *const *variables)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	*s = (struct server){ pair[1], dup(pair[1]) };
	fcntl(s->to, F_SETFL, O_NONBLOCK);
	web_cgi(web, variables, pair[0], dup(pair[0]));
}

static int
file_with(struct text content)
{
	FILE *f = tmpfile();
	int fd;

	fwrite(content.at, 1, content.len, f);
	fflush(f);
	fd = dup(fileno(f));
	fclose(f);
	lseek(fd, 0, SEEK_SET);
	return (fd);
}

static void
give(struct server *s, struct text bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(s->to, bytes.at, bytes.len);

		if (n > 0)
			bytes = text_sub(bytes, (size_t)n, bytes.len);
		else if (errno != EAGAIN)
			return;			/* nobody reads it, as may be */
		turns(1);
	}
}

static void
leave(struct server *s)
{
	if (s->to >= 0)
		close(s->to);
	if (s->from >= 0)
		close(s->from);
	*s = (struct server){ -1, -1 };
}

/* What the answer is so far; true: and that it has ended. */
static bool
take(struct server *s, struct buf *got)
{
	char piece[65536];
	ssize_t n = 1;

	for (int idle = 0; idle < 10 && n != 0; turns(1)) {
		n = read(s->from, piece, sizeof(piece));
		if (n > 0)
			buf_add(got, piece, (size_t)n);
		idle = n > 0 ? 0 : idle + 1;
	}
	return (n == 0);
}

static void
expect(struct server *s, enum body_fault fault, struct text said)
{
	struct text head = TEXT("Status: 200 OK\r\n\r\n");
	struct buf got = { 0 };

	assert_true(take(s, &got));
	assert_true(text_starts(buf_as_text(&got), head));
	assert_int_equal(got.at[head.len], '0' + (int)fault);
	assert_true(text_eq(text_sub(buf_as_text(&got), head.len + 2, got.len), said));
	assert_int_equal(seen.over, seen.begun);
	assert_true(web_quiet(web));
	buf_free(&got);
}

static void
one_request(void **state)
{
	struct server s;

	begin_on_pipes(&s, post);
	assert_int_equal(seen.begun, 1);
	assert_int_equal(web_open(web), 1);
	assert_true(text_is(seen.request->method, "POST"));
	assert_true(text_is(seen.request->path, "/v1/x"));
	assert_true(text_is(seen.request->query, "a=b"));
	assert_true(text_is(request_header(seen.request, "x-api-key"), "k=1"));
	assert_int_equal(seen.request->n_params, 6);
	assert_false(seen.request->twice);
	give(&s, TEXT("hel"));
	turns(1);
	assert_int_equal(seen.bodies, 0);
	give(&s, TEXT("lo"));			/* the stream does not end, nor need it */
	expect(&s, BODY_FINE, TEXT("hello"));
	assert_int_equal(seen.gone, 0);
	leave(&s);
}

/* The server says that the body is through by closing its half: nobody has left. */
static void
one_socket_for_both(void **state)
{
	struct text content = made_body(300000);
	struct server s;

	post[3] = "CONTENT_LENGTH=300000";
	begin_on_socket(&s, post);
	seen.quiet = true;
	give(&s, content);
	shutdown(s.to, SHUT_WR);
	turns(5);
	assert_int_equal(seen.bodies, 1);
	assert_int_equal(seen.gone, 0);
	answer(seen.stream);
	expect(&s, BODY_FINE, content);
	leave(&s);
	post[3] = "CONTENT_LENGTH=5";
	free_text(content);
}

static void
files(void **state)
{
	struct text content = made_body(900000);
	char got[900100];
	int in = file_with(content), out = file_with(TEXT("")), answered = dup(out);

	post[3] = "CONTENT_LENGTH=900000";
	web_cgi(web, post, in, out);
	turns(2);
	assert_int_equal(seen.over, 1);
	assert_true(web_quiet(web));
	assert_int_equal(pread(answered, got, sizeof(got), 0), 18 + 2 + 900000);
	assert_memory_equal(got + 20, content.at, content.len);
	close(answered);
	post[3] = "CONTENT_LENGTH=5";
	free_text(content);
}

/* Bodies, and what the variables say of them.  Bytes that belong to no body are left alone. */
static const struct {
	char		*length;
	char		*coding;
	size_t		 sent, body;
	enum body_fault	 fault;
} lengths[] = {
	{ "CONTENT_LENGTH=5", "X=", 5, 5, BODY_FINE },
	{ "CONTENT_LENGTH=5", "X=", 9, 5, BODY_FINE },
	{ "CONTENT_LENGTH=0", "X=", 9, 0, BODY_FINE },
	{ "CONTENT_LENGTH=", "X=", 9, 0, BODY_FINE },
	{ "X=", "X=", 9, 0, BODY_FINE },
	{ "CONTENT_LENGTH=-5", "X=", 9, 0, BODY_FINE },
	{ "CONTENT_LENGTH=6", "X=", 5, 0, BODY_SHORT },
	{ "CONTENT_LENGTH=6", "X=", 0, 0, BODY_SHORT },
	{ "CONTENT_LENGTH=1048577", "X=", 100, 0, BODY_TOO_LARGE },
	{ "CONTENT_LENGTH=1048576", "X=", 1 << 20, 1 << 20, BODY_FINE },
	{ "X=", "HTTP_TRANSFER_ENCODING=chunked", 9, 9, BODY_FINE },
	{ "X=", "HTTP_TRANSFER_ENCODING=chunked", 0, 0, BODY_FINE },
	{ "X=", "HTTP_TRANSFER_ENCODING=chunked", 200000, 200000, BODY_FINE },
	{ "X=", "HTTP_TRANSFER_ENCODING=chunked", (1 << 20) + 1, 0, BODY_TOO_LARGE },
};

static void
body_lengths(void **state)
{
	struct text content = made_body((1 << 20) + 1);

	for (size_t i = 0; i < nitems(lengths); i++) {
		char *variables[] = { "REQUEST_METHOD=POST", "REQUEST_URI=/", lengths[i].length, lengths[i].coding, NULL };
		struct server s;

		begin_on_pipes(&s, variables);
		give(&s, text_sub(content, 0, lengths[i].sent));
		close(s.to);
		s.to = -1;
		expect(&s, lengths[i].fault, text_sub(content, 0, lengths[i].body));
		assert_int_equal(seen.bodies, i + 1);
		leave(&s);
	}
	free_text(content);
}

/* More than the worker may hold, with a length and without. */
static void
no_room(void **state)
{
	static const size_t sent[] = { 0, 1020000 };
	struct text content = made_body(1020000);

	for (size_t i = 0; i < nitems(sent); i++) {
		char *variables[] = { "REQUEST_METHOD=POST", "REQUEST_URI=/", i == 0 ? "CONTENT_LENGTH=1020000" : "HTTP_TRANSFER_ENCODING=chunked", NULL };
		struct server s;

		begin_on_pipes(&s, variables);
		give(&s, text_sub(content, 0, sent[i]));
		expect(&s, BODY_NO_ROOM, TEXT(""));
		leave(&s);
	}
	free_text(content);
}

static void
a_body_that_stalls(void **state)
{
	struct server s;

	begin_on_pipes(&s, post);
	give(&s, TEXT("hel"));
	wait_for(&seen.bodies, 1);
	expect(&s, BODY_SHORT, TEXT(""));
	leave(&s);
}

/* Before the body is there, and behind it; on both kinds of streams. */
static void
a_client_that_leaves(void **state)
{
	static void (*const kinds[])(struct server *, char *const *) = { begin_on_pipes, begin_on_socket };

	for (unsigned i = 0; i < 4; i++) {
		struct server s;

		kinds[i / 2](&s, post);
		seen.quiet = true;
		give(&s, i % 2 != 0 ? TEXT("hello") : TEXT("he"));
		turns(2);
		assert_int_equal(seen.gone, i);
		assert_int_equal(seen.request->body.len, i % 2 != 0 ? 5 : 0);
		leave(&s);
		turns(2);
		assert_int_equal(seen.gone, i + 1);
		assert_int_equal(seen.over, i);
		reply_end(seen.stream);
		turns(1);
		assert_int_equal(seen.over, i + 1);
		assert_true(web_quiet(web));
	}
}

static void
a_server_that_says_who_left(void **state)
{
	struct server s;

	begin_on_pipes(&s, post);
	seen.quiet = true;
	give(&s, TEXT("hello"));
	turns(1);
	web_cgi_left(web);
	assert_int_equal(seen.gone, 0);
	turns(1);
	assert_int_equal(seen.gone, 1);
	reply_end(seen.stream);
	turns(1);
	assert_int_equal(seen.over, 1);
	leave(&s);
}

static void
events_leave_at_once(void **state)
{
	struct buf got = { 0 };
	struct server s;

	begin_on_pipes(&s, post);
	seen.quiet = true;
	give(&s, TEXT("hello"));
	turns(1);
	buf_text(reply_buf(seen.stream, 10), TEXT("first"));
	reply_flush(seen.stream);
	assert_false(take(&s, &got));
	assert_true(text_is(buf_as_text(&got), "first"));
	buf_text(reply_buf(seen.stream, 10), TEXT(" and last"));
	reply_end(seen.stream);
	assert_true(take(&s, &got));
	assert_true(text_is(buf_as_text(&got), "first and last"));
	buf_free(&got);
	leave(&s);
}

static void
a_slow_client(void **state)
{
	struct text much = made_body(1000000);
	struct buf got = { 0 };
	struct server s;

	begin_on_pipes(&s, post);
	seen.quiet = true;
	give(&s, TEXT("hello"));
	turns(1);
	buf_text(reply_buf(seen.stream, much.len), much);
	reply_flush(seen.stream);
	turns(2);
	assert_true(reply_queued(seen.stream) > usual.high_mark);
	assert_int_equal(seen.writable, 0);
	assert_false(take(&s, &got));
	assert_int_equal(seen.writable, 1);
	reply_end(seen.stream);
	assert_true(take(&s, &got));
	assert_true(text_eq(buf_as_text(&got), much));
	buf_free(&got);
	free_text(much);
	leave(&s);
}

/* An answer that needs no body: what is sent of it finds nobody. */
static void
an_early_answer(void **state)
{
	struct server s;

	seen.early = true;
	begin_on_pipes(&s, post);
	assert_int_equal(seen.over, 1);
	assert_int_equal(seen.bodies, 0);
	assert_int_equal(write(s.to, "hello", 5), -1);
	expect(&s, BODY_FINE, TEXT(""));
	leave(&s);
}

/* On a socket, bytes that nobody read would take the answer with them; so they are read, before all is over. */
static void
an_early_answer_on_a_socket(void **state)
{
	struct text much = made_body(3000000);
	struct server s;

	seen.early = true;
	post[3] = "CONTENT_LENGTH=3000000";
	begin_on_socket(&s, post);
	give(&s, much);
	assert_int_equal(seen.over, 0);
	shutdown(s.to, SHUT_WR);
	expect(&s, BODY_FINE, TEXT(""));
	assert_int_equal(seen.bodies + seen.gone, 0);
	leave(&s);
	post[3] = "CONTENT_LENGTH=5";
	free_text(much);
}

static void
too_many_variables(void **state)
{
	char **many = calloc(2000, sizeof(char *)), *large = calloc(1, 300000);
	char *one[] = { "REQUEST_METHOD=GET", large, NULL };
	struct server s;

	memset(large, 'A', 299999);
	large[1] = '=';
	begin_on_pipes(&s, one);
	assert_int_equal(seen.bad, 1);
	leave(&s);
	for (unsigned i = 0; i < 1999; i++)
		many[i] = "A=B";
	begin_on_pipes(&s, many);
	assert_int_equal(seen.bad, 2);
	assert_int_equal(seen.begun, 0);
	assert_true(web_quiet(web));
	leave(&s);
	free(many);
	free(large);
}

/* The worker ends while the body is awaited. */
static void
freed_half_way(void **state)
{
	struct server s;

	begin_on_socket(&s, post);
	give(&s, TEXT("he"));
	seen.quiet = true;
	web_free(web);
	assert_int_equal(seen.over, 1);
	leave(&s);
	loop_free(loop);
	start(state);
}

int
main(void)
{
#define UNIT(name)	cmocka_unit_test_setup_teardown(name, start, stop)
#define TIGHT(name)	cmocka_unit_test_setup_teardown(name, start_tight, stop)
	static const struct CMUnitTest tests[] = {
		UNIT(one_request),
		UNIT(one_socket_for_both),
		UNIT(files),
		UNIT(body_lengths),
		TIGHT(no_room),
		TIGHT(a_body_that_stalls),
		UNIT(a_client_that_leaves),
		UNIT(a_server_that_says_who_left),
		UNIT(events_leave_at_once),
		UNIT(a_slow_client),
		UNIT(an_early_answer),
		UNIT(an_early_answer_on_a_socket),
		UNIT(too_many_variables),
		UNIT(freed_half_way),
	};

	stage_open();
	return (stage_close(cmocka_run_group_tests_name("cgi", tests, NULL, NULL)));
}
