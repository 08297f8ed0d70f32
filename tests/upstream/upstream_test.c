/* SPDX-License-Identifier: Apache-2.0 */
/* Calls over plain HTTP against a server that does as the test says. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "server.h"
#include "upstream/direct.h"
#include "upstream/upstream_priv.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNKED	"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"

/* scripts */

static void
silent(struct line *l)
{
	line_wait_gone(l);
}

static void
silent_after_request(struct line *l)
{
	if (line_request(l))
		line_wait_gone(l);
}

/* Says what the test gave it, and closes. */
static void
says(struct line *l)
{
	if (line_request(l))
		line_say(l, l->server->own);
}

static void
says_and_waits(struct line *l)
{
	while (line_request(l))
		line_say(l, l->server->own);
	l->server->gone++;
}

/* Gives back the request's body. */
static void
echoes(struct line *l)
{
	char head[100];

	while (line_request(l)) {
		snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", line_body(l).len);
		line_say(l, head);
		line_send(l, line_body(l).at, line_body(l).len);
	}
}

/* Gives back the request's head. */
static void
echoes_head(struct line *l)
{
	char head[100];

	while (line_request(l)) {
		snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", l->head_len);
		line_say(l, head);
		line_send(l, l->in.at, l->head_len);
	}
}

/* the way there and back */

static void
test_plain(void **state)
{
	struct scene t;
	struct heard h = { 0 };

	scene_open(&t, answers);
	make(&h, &t);
	until_ended(&h);
	assert_heard(&h, 200, "hello");
	assert_string_equal(h.type, "text/plain");
	assert_true(h.connect_us > 0);
	heard_free(&h);
	scene_close(&t);
}

static void
test_reuse(void **state)
{
	struct scene t;
	struct heard h = { 0 };

	scene_open(&t, answers);
	for (int i = 0; i < 20; i++)
		one_call(&t, 200, "hello");
	make(&h, &t);
	until_ended(&h);
	assert_int_equal(h.connect_us, 0);
	assert_int_equal(t.s.connections, 1);
	assert_int_equal(t.s.requests, 21);
	heard_free(&h);
	scene_close(&t);
}

static void
test_request_head(void **state)
{
	static const struct text headers[] = { TEXT("authorization: Bearer k"), TEXT("X-Empty;") };
	struct scene t;
	struct heard h = { 0 };

	scene_open(&t, echoes_head);
	t.plan.headers = headers;
	t.plan.n_headers = 2;
	t.plan.stream = true;
	make(&h, &t);
	until_ended(&h);
	assert_int_equal(h.end, CALL_DONE);
	buf_byte(&h.body, '\0');
	assert_non_null(strstr(h.body.at, "POST /v1/chat HTTP/1.1\r\n"));
	assert_non_null(strstr(h.body.at, "authorization: Bearer k\r\n"));
	assert_non_null(strstr(h.body.at, "Content-Type: application/json\r\n"));
	assert_non_null(strstr(h.body.at, "Accept: text/event-stream\r\n"));
	assert_non_null(strstr(h.body.at, "User-Agent: sluice/"));
	assert_null(strstr(h.body.at, "Expect"));
	assert_null(strstr(h.body.at, "Accept-Encoding"));
	heard_free(&h);
	scene_close(&t);
}

/* Gives back the request's head in a header, because an answer to HEAD has no body. */
static void
echoes_line(struct line *l)
{
	while (line_request(l)) {
		const char *end = strchr(l->in.at, '\r');
		char head[200];

		snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nX-Request-Id: %.*s\r\nContent-Length: 5\r\n\r\n%s", (int)(end - l->in.at), l->in.at,
		    strncmp(l->in.at, "HEAD ", 5) == 0 ? "" : "hello");
		line_say(l, head);
	}
}

static const struct method {
	const char	*name, *sent;
	bool		 body;			/* the plan has one */
	const char	*length;		/* the header that must, or must not (NULL), be there */
} methods[] = {
	{ "", "POST /v1/chat HTTP/1.1\r\n", true, "Content-Length: 7\r\n" },
	{ "GET", "GET /v1/chat HTTP/1.1\r\n", false, NULL },
	{ "POST", "POST /v1/chat HTTP/1.1\r\n", true, "Content-Length: 7\r\n" },
	{ "DELETE", "DELETE /v1/chat HTTP/1.1\r\n", false, NULL },
	{ "PUT", "PUT /v1/chat HTTP/1.1\r\n", true, "Content-Length: 7\r\n" },
	{ "GET", "GET /v1/chat HTTP/1.1\r\n", true, "Content-Length: 7\r\n" },
	{ "PATCH", "PATCH /v1/chat HTTP/1.1\r\n", false, "Content-Length: 0\r\n" },
	{ "GET", "GET /v1/chat HTTP/1.1\r\n", false, NULL },
	{ "OPTIONS", "OPTIONS /v1/chat HTTP/1.1\r\n", false, NULL },
	{ "", "POST /v1/chat HTTP/1.1\r\n", false, "Content-Length: 0\r\n" },
	{ "DELETE", "DELETE /v1/chat HTTP/1.1\r\n", true, "Content-Length: 7\r\n" },
};

/* In turns: what one leaves in the handle must not reach the next. */
static void
test_methods(void **state)
{
	struct scene t;
	struct heard h = { 0 };

	scene_open(&t, echoes_head);
	for (size_t i = 0; i < nitems(methods) * 2; i++) {
		const struct method *m = &methods[i % nitems(methods)];

		t.plan.method = text_of(m->name);
		t.plan.body = m->body ? TEXT("{\"n\":1}") : TEXT("");
		make(&h, &t);
		until_ended(&h);
		assert_int_equal(h.end, CALL_DONE);
		buf_byte(&h.body, '\0');
		assert_ptr_equal(strstr(h.body.at, m->sent), h.body.at);
		assert_true(m->length != NULL ? strstr(h.body.at, m->length) != NULL : strstr(h.body.at, "Content-Length") == NULL);
		heard_free(&h);
	}
	scene_close(&t);
}

static void
test_head_between_others(void **state)
{
	static const char *const names[] = { "HEAD", "GET", "HEAD", "", "HEAD", "DELETE", "HEAD" };
	struct scene t;
	struct heard h = { 0 };

	scene_open(&t, echoes_line);
	for (size_t i = 0; i < nitems(names); i++) {
		bool is_head = strcmp(names[i], "HEAD") == 0;

		t.plan.method = text_of(names[i]);
		make(&h, &t);
		until_ended(&h);
		assert_heard(&h, 200, is_head ? "" : "hello");
		assert_memory_equal(h.id, names[i][0] == '\0' ? "POST /" : names[i], strlen(names[i]));
		heard_free(&h);
	}
	assert_int_equal(t.s.connections, 1);
	scene_close(&t);
}

static void
test_no_such_method(void **state)
{
	static const char *const names[] = { "CONNECT", "TRACE", "get", "GET /", "G\r\nX: y", "METHODOFTOOMANYLETTERS" };
	struct scene t;
	struct heard h = { 0 };

	scene_open(&t, answers);
	for (size_t i = 0; i < nitems(names); i++) {
		t.plan.method = text_of(names[i]);
		make(&h, &t);
		until_ended(&h);
		assert_ended(&h, CALL_UNREACHABLE, "method");
		heard_free(&h);
	}
	assert_int_equal(t.s.connections, 0);
	scene_close(&t);
}

/* A request as its client made it: nothing of ours is added, by libcurl neither. */
static void
test_as_is(void **state)
{
	static const struct text headers[] = { TEXT("X-Own: yes") };
	struct scene t;
	struct heard h = { 0 };

	scene_open(&t, echoes_head);
	t.plan.headers = headers;
	t.plan.as_is = t.plan.stream = true;
	make(&h, &t);
	until_ended(&h);
	buf_byte(&h.body, '\0');
	assert_non_null(strstr(h.body.at, "X-Own: yes\r\n"));
	assert_non_null(strstr(h.body.at, "Content-Length: 7\r\n"));
	assert_null(strcasestr(h.body.at, "content-type"));
	assert_null(strcasestr(h.body.at, "accept"));
	assert_null(strcasestr(h.body.at, "user-agent"));
	heard_free(&h);
	scene_close(&t);
}

static void
test_lines_of_an_answer(void **state)
{
	struct scene t;
	struct heard h = { 0 };

	scene_open(&t, says_and_waits);
	t.s.own = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 404 Not Found\r\nX-Mine: 1\r\nX-Hop: 2\r\nConnection: x-hop, keep-alive\r\n"
	    "Keep-Alive: timeout=5\r\nSet-Cookie: a=b\r\nset-cookie: c=d\r\nContent-Type: text/plain; charset=utf-8\r\nX-Mine: again \r\n"
	    "Content-Length: 2\r\n\r\n{}";
	t.plan.as_is = true;
	make(&h, &t);
	until_ended(&h);
	assert_heard(&h, 404, "{}");
	buf_byte(&h.lines, '\0');
	assert_string_equal(h.lines.at, "X-Mine: 1\r\nSet-Cookie: a=b\r\nset-cookie: c=d\r\n"
	    "Content-Type: text/plain; charset=utf-8\r\nX-Mine: again\r\n");
	assert_int_equal(h.length, 2);
	heard_free(&h);
	t.plan.as_is = false;			/* who does not ask pays nothing */
	make(&h, &t);
	until_ended(&h);
	assert_heard(&h, 404, "{}");
	assert_int_equal(h.lines.len, 0);
	heard_free(&h);
	scene_close(&t);
}

static void
echo(struct scene *t, struct text body, const struct json_edit *edits, size_t n)
{
	struct heard h = { 0 };
	struct buf expected = { 0 };
	size_t from = 0;

	for (size_t i = 0; i < n; from = edits[i++].to) {
		buf_text(&expected, text_sub(body, from, edits[i].from));
		buf_text(&expected, edits[i].with);
	}
	buf_text(&expected, text_sub(body, from, body.len));
	t->plan.body = body;
	t->plan.edits = edits;
	t->plan.n_edits = n;
	make(&h, t);
	until_ended(&h);
	assert_int_equal(h.end, CALL_DONE);
	assert_int_equal(h.body.len, expected.len);
	assert_memory_equal(h.body.at, expected.at, expected.len);
	buf_free(&expected);
	heard_free(&h);
}

static void
test_bodies(void **state)
{
	static const size_t sizes[] = { 20, 1000, SMALL_BODY - 30, SMALL_BODY + 1, 70000, 300000, 3000000 };
	struct scene t;
	char *bytes = malloc(3000000);

	for (size_t i = 0; i < 3000000; i++)
		bytes[i] = (char)(i * 7 + i / 251);
	scene_open(&t, echoes);
	for (size_t i = 0; i < nitems(sizes); i++) {
		uint32_t n = (uint32_t)sizes[i];
		struct json_edit edits[] = {
			{ 0, 0, TEXT("put in front") }, { 3, 9, TEXT("longer than what it replaces") }, { 9, 9, TEXT("beside it") },
			{ 12, 15, TEXT("") }, { n - 1, n, TEXT("z") }, { n, n, TEXT("behind") },
		};

		echo(&t, (struct text){ bytes, n }, NULL, 0);
		echo(&t, (struct text){ bytes, n }, edits, nitems(edits));
	}
	assert_int_equal(t.s.connections, 1);
	free(bytes);
	scene_close(&t);
}

static void
test_many_headers_of_an_answer(void **state)
{
	struct scene t;
	struct heard h = { 0 };

	scene_open(&t, says_and_waits);
	t.s.own = "HTTP/1.1 100 Continue\r\nX-Request-Id: not this\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
	    "HTTP/1.1 429 Too Many\r\nX-RateLimit-Remaining: 0\r\nOpenAI-Processing-Ms: 12\r\nSet-Cookie: secret\r\nCONTENT-TYPE: Application/JSON; charset=utf-8\r\n"
	    "Request-Id: req_1\r\nretry-after-ms: 1500\r\nRetry-After: 99\r\nanthropic-ratelimit-x: 7 \r\nContent-Length: 2\r\n\r\n{}";
	make(&h, &t);
	until_ended(&h);
	assert_heard(&h, 429, "{}");
	assert_string_equal(h.type, "application/json");
	assert_string_equal(h.id, "req_1");
	assert_int_equal(h.retry_after_ms, 1500);
	buf_byte(&h.passable, '\0');
	assert_string_equal(h.passable.at, "X-RateLimit-Remaining: 0\r\nOpenAI-Processing-Ms: 12\r\nanthropic-ratelimit-x: 7\r\n");
	heard_free(&h);
	scene_close(&t);
}

/* how it ends */

static const struct ending {
	const char	*says;
	enum call_end	 end;
	const char	*why;
} endings[] = {
	{ "", CALL_BROKEN, "closed without an answer" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", CALL_BROKEN, "cut short" },
	{ CHUNKED "5\r\nhello\r\n", CALL_BROKEN, "cut short" },
	{ CHUNKED "5\r\nhello\r\n9\r\nhal", CALL_BROKEN, "cut short" },
	{ CHUNKED "zz\r\nhello\r\n0\r\n\r\n", CALL_BROKEN, "" },
	{ CHUNKED "fffffffffffffffffffff\r\nhello\r\n0\r\n\r\n", CALL_BROKEN, "" },
	{ "HTTP/1.1 200 OK\r\nContent-Le", CALL_BROKEN, "" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: banana\r\n\r\nhello", CALL_BROKEN, "" },
	{ "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", CALL_BROKEN, "" },
	{ "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\nhello", CALL_BROKEN, "switched protocols" },
	{ "HTTP/1.1 100 Continue\r\n\r\n", CALL_BROKEN, "" },
	{ "hello, this is not HTTP at all\r\n\r\n", CALL_BROKEN, "not HTTP" },
	{ "\x16\x03\x01\x02", CALL_BROKEN, "not HTTP" },
	{ "SSH-2.0-OpenSSH_9\r\n", CALL_BROKEN, "not HTTP" },
	{ "HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n", CALL_BROKEN, "" },
	{ "HTTP/1.1 200 OK\r\n\r\nuntil the end", CALL_DONE, "complete" },
	{ "HTTP/1.0 200 OK\r\n\r\nuntil the end", CALL_DONE, "complete" },
	{ "HTTP/1.1 204 No Content\r\n\r\n", CALL_DONE, "complete" },
	{ CHUNKED "5\r\nhello\r\n0\r\nX-Trailer: yes\r\n\r\n", CALL_DONE, "complete" },
	{ "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", CALL_DONE, "complete" },
	{ "HTTP/1.1 407 Proxy\r\nContent-Length: 0\r\n\r\n", CALL_DONE, "complete" },
};

static void
test_endings(void **state)
{
	struct scene t;

	scene_open(&t, says);
	for (size_t i = 0; i < nitems(endings); i++) {
		struct heard h = { 0 };

		t.s.own = (void *)(uintptr_t)endings[i].says;
		make(&h, &t);
		until_ended(&h);
		if (h.end != endings[i].end || strstr(h.why, endings[i].why) == NULL)
			fail_msg("%s: ended with %d: %s", endings[i].says, (int)h.end, h.why);
		heard_free(&h);
	}
	scene_close(&t);
}

static void
says_for_ever(struct line *l)
{
	if (!line_request(l))
		return;
	line_say(l, "HTTP/1.1 100 Continue\r\n");
	for (int i = 0; i < 10000; i++)
		line_say(l, l->server->own);
}

static void
endless(const char *piece)
{
	struct scene t;
	struct heard h = { 0 };

	scene_open(&t, says_for_ever);
	t.s.own = (void *)(uintptr_t)piece;
	make(&h, &t);
	until_ended(&h);
	assert_ended(&h, CALL_BROKEN, "too long");
	assert_int_equal(h.heads, 0);
	heard_free(&h);
	scene_close(&t);
}

static void
test_endless_header(void **state)
{
	endless("X-Many: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n");
	endless("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	endless("\r\nHTTP/1.1 100 Continue\r\n");
}

static void
resets(struct line *l)
{
	if (!line_request(l))
		return;
	line_say(l, CHUNKED "5\r\nhello\r\n");
	stage_wait(l->server, 1);
	line_reset(l);
}

static void
test_reset(void **state)
{
	struct scene t;
	struct heard h = { 0 };

	scene_open(&t, resets);
	make(&h, &t);
	UNTIL(&t.c, h.body.len == 5);
	t.s.stage = 1;
	until_ended(&h);
	assert_ended(&h, CALL_BROKEN, "cut");
	heard_free(&h);
	scene_close(&t);
}

static void
test_refused(void **state)
{
	struct scene t;
	struct heard h = { 0 };
	char url[64];

	scene_open(&t, answers);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", port_closed());
	t.plan.url = text_of(url);
	make(&h, &t);
	until_ended(&h);
	assert_ended(&h, CALL_UNREACHABLE, "refused");
	heard_free(&h);
	scene_close(&t);
}

static void
test_bad_plans(void **state)
{
	static const struct text split[] = { TEXT("X-A: b\r\nX-Evil: c") };
	struct scene t;
	struct heard h = { 0 };

	scene_open(&t, answers);
	t.plan.headers = split;
	make(&h, &t);
	until_ended(&h);
	assert_ended(&h, CALL_UNREACHABLE, "control character");
	heard_free(&h);
	t.plan = plan_of("ftp://127.0.0.1/");
	make(&h, &t);
	until_ended(&h);
	assert_int_not_equal(h.end, CALL_DONE);
	heard_free(&h);
	t.plan = plan_of("http://");
	make(&h, &t);
	until_ended(&h);
	assert_ended(&h, CALL_NO_NAME, "names no host");
	heard_free(&h);
	assert_int_equal(t.s.connections, 0);
	scene_close(&t);
}

static void
test_environment_is_not_asked(void **state)
{
	static const char *const names[] = { "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" };
	struct scene t;
	char url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u", port_closed());
	for (size_t i = 0; i < nitems(names); i++)
		setenv(names[i], url, 1);
	scene_open(&t, answers);
	one_call(&t, 200, "hello");
	scene_close(&t);
	for (size_t i = 0; i < nitems(names); i++)
		unsetenv(names[i]);
}

/* a kept connection that is dead */

/* Answers one request, then ends without an answer when the next has come. */
static void
answers_once(struct line *l)
{
	if (!line_request(l))
		return;
	line_say(l, HELLO);
	if (line_request(l) && l->server->stage == 1)
		line_reset(l);
}

static void
dead_connection(size_t size, bool reset)
{
	struct scene t;
	char *body = calloc(1, size);

	scene_open(&t, answers_once);
	t.s.stage = reset;
	t.plan.body = (struct text){ body, size };
	one_call(&t, 200, "hello");
	one_call(&t, 200, "hello");	/* sent again on a second connection */
	assert_int_equal(t.s.connections, 2);
	scene_close(&t);
	free(body);
}

static void
test_dead_connection(void **state)
{
	dead_connection(100, false);
	dead_connection(100, true);
	dead_connection(500000, false);
	dead_connection(500000, true);
}

/* Closes a kept connection before anything is sent on it. */
static void
closes(struct line *l)
{
	if (line_request(l))
		line_say(l, HELLO);
}

static void
test_closed_connection(void **state)
{
	struct scene t;

	scene_open(&t, closes);
	for (int i = 1; i <= 5; i++) {
		one_call(&t, 200, "hello");
		UNTIL(&t.c, t.s.running == 0);
		assert_int_equal(t.s.connections, i);
	}
	scene_close(&t);
}

/* An upstream that worked for long on the request and died does not get it twice. */
static void
test_not_sent_again_late(void **state)
{
	struct scene t;
	struct heard h = { 0 };

	scene_open(&t, answers_once);
	t.c.up->resend_us = 0;
	one_call(&t, 200, "hello");
	make(&h, &t);
	until_ended(&h);
	assert_ended(&h, CALL_BROKEN, "closed without an answer");
	assert_int_equal(t.s.requests, 2);
	heard_free(&h);
	scene_close(&t);
}

/* clocks */

static void
times_out(script_f *script, const char *says_first, enum call_end end, int64_t *limit(struct call_plan *))
{
	struct scene t;
	struct heard h = { 0 };

	scene_open(&t, script);
	t.s.own = (void *)(uintptr_t)says_first;
	*limit(&t.plan) = 60;
	make(&h, &t);
	until_ended(&h);
	assert_ended(&h, end, "");
	UNTIL(&t.c, t.s.gone == 1);
	heard_free(&h);
	scene_close(&t);
}

static int64_t *first_limit(struct call_plan *p) { return (&p->first_byte_ms); }
static int64_t *idle_limit(struct call_plan *p) { return (&p->idle_ms); }
static int64_t *total_limit(struct call_plan *p) { return (&p->total_ms); }

static void
trickles(struct line *l)
{
	if (!line_request(l))
		return;
	line_say(l, CHUNKED);
	while (l->server->stage == 0) {
		line_say(l, "1\r\nx\r\n");
		usleep(10000);
		if (recv(l->fd, &(char){ 0 }, 1, MSG_DONTWAIT) == 0)
			break;
	}
	l->server->gone++;
}

static void
test_clocks(void **state)
{
	times_out(silent_after_request, NULL, CALL_TIMEOUT_FIRST, first_limit);
	times_out(silent_after_request, NULL, CALL_TIMEOUT_TOTAL, total_limit);
	times_out(says_and_waits, "HTTP/1.1 200 OK\r\nContent-Length", CALL_TIMEOUT_FIRST, first_limit);
	times_out(says_and_waits, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", CALL_TIMEOUT_IDLE, idle_limit);
	times_out(says_and_waits, CHUNKED "5\r\nhello\r\n", CALL_TIMEOUT_IDLE, idle_limit);
	times_out(trickles, NULL, CALL_TIMEOUT_TOTAL, total_limit);
}

/* It takes no byte of the body, so the clock runs although the request is not yet sent. */
static void
reads_nothing(struct line *l)
{
	stage_wait(l->server, 1);
	line_wait_gone(l);
}

static void
test_upload_stalls(void **state)
{
	struct scene t;
	struct heard h = { 0 };
	size_t size = 30000000;
	char *body = calloc(1, size);

	scene_open(&t, reads_nothing);
	t.plan.body = (struct text){ body, size };
	t.plan.first_byte_ms = 100;
	make(&h, &t);
	until_ended(&h);
	assert_ended(&h, CALL_TIMEOUT_FIRST, "");
	t.s.stage = 1;
	UNTIL(&t.c, t.s.gone == 1);
	heard_free(&h);
	scene_close(&t);
	free(body);
}

/* A listener whose queue is full: nobody takes the connection, nobody refuses it. */
static void
test_connect_clock(void **state)
{
	struct scene t;
	struct heard fill[4] = { { 0 } }, h = { 0 };
	struct server full = { 0 };
	char url[64];

	scene_open(&t, answers);
	server_listen(&full, "127.0.0.1", 0, 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", full.port);
	t.plan.url = text_of(url);
	t.plan.first_byte_ms = 0;
	for (size_t i = 0; i < nitems(fill); i++)
		make(&fill[i], &t);
	turn(&t.c);
	t.plan.connect_ms = 80;
	make(&h, &t);
	until_ended(&h);
	assert_ended(&h, CALL_TIMEOUT_CONNECT, "connection");
	heard_free(&h);
	for (size_t i = 0; i < nitems(fill); i++)
		heard_cancel(&fill[i]);		/* some are still connecting: libcurl closes those in silence */
	for (unsigned i = 0; i < t.c.up->n_socks; i++)
		assert_true(t.c.up->socks[i] == NULL || !t.c.up->socks[i]->young || !t.c.up->socks[i]->watched);
	close(full.fd);
	scene_close(&t);
}

/* pause */

#define PIECES	300	/* of 1000 bytes */

static void
floods(struct line *l)
{
	char piece[1100];

	if (!line_request(l))
		return;
	memset(piece, 'x', sizeof(piece));
	memcpy(piece, "3e8\r\n", 5);
	memcpy(piece + 1005, "\r\n", 2);
	line_say(l, CHUNKED);
	for (int i = 0; i < PIECES; i++)
		line_send(l, piece, 1007);
	line_say(l, "0\r\n\r\n");
	line_wait_gone(l);
}

static void
pause_now(struct heard *h)
{
	call_pause(h->call);
}

/* While paused nothing comes, and the loop sleeps. */
static void
assert_rests(struct heard *h)
{
	size_t had = h->body.len;
	int slept = 0;

	for (int i = 0; i < 6; i++) {
		int64_t from = clock_us();

		turn(h->client);
		slept += clock_us() - from >= 10000;
	}
	assert_true(slept >= 3);
	assert_int_equal(h->body.len, had);
	assert_int_equal(h->ends, 0);
}

static void
test_pause(void **state)
{
	struct scene t;
	struct heard h = { .on_body = pause_now };
	int rounds = 0;

	scene_open(&t, floods);
	t.plan.stream = true;
	make(&h, &t);
	UNTIL(&t.c, h.bodies == 1);
	assert_rests(&h);
	while (h.ends == 0) {
		int had = h.bodies;

		call_resume(h.call);
		UNTIL(&t.c, h.bodies > had || h.ends > 0);
		assert_true(h.bodies <= had + 1);
		rounds++;
	}
	assert_int_equal(h.end, CALL_DONE);
	assert_int_equal(h.body.len, PIECES * 1000);
	assert_true(rounds > (upstream_direct ? 1 : 50));
	heard_free(&h);
	scene_close(&t);
}

static void
pause_and_resume(struct heard *h)
{
	call_pause(h->call);
	call_resume(h->call);
	call_resume(h->call);
	call_pause(h->call);
	call_pause(h->call);
	call_resume(h->call);
}

static void
test_pause_and_resume_within(void **state)
{
	struct scene t;
	struct heard h = { .on_head = pause_and_resume, .on_body = pause_and_resume };

	scene_open(&t, floods);
	make(&h, &t);
	until_ended(&h);
	assert_int_equal(h.end, CALL_DONE);
	assert_int_equal(h.body.len, PIECES * 1000);
	heard_free(&h);
	scene_close(&t);
}

static void
test_pause_from_head(void **state)
{
	struct scene t;
	struct heard h = { .on_head = pause_now };

	scene_open(&t, answers);
	t.plan.idle_ms = 50;
	make(&h, &t);
	UNTIL(&t.c, h.heads == 1);
	assert_rests(&h);	/* the idle clock, too */
	assert_int_equal(h.bodies, 0);
	call_resume(h.call);
	until_ended(&h);
	assert_heard(&h, 200, "hello");
	heard_free(&h);
	scene_close(&t);
}

static void
test_idle_clock_after_pause(void **state)
{
	struct scene t;
	struct heard h = { .on_body = pause_now };

	scene_open(&t, says_and_waits);
	t.s.own = CHUNKED "5\r\nhello\r\n";
	t.plan.idle_ms = 50;
	make(&h, &t);
	UNTIL(&t.c, h.bodies == 1);
	assert_rests(&h);
	call_resume(h.call);
	until_ended(&h);
	assert_ended(&h, CALL_TIMEOUT_IDLE, "stalled");
	heard_free(&h);
	scene_close(&t);
}

static void
test_reset_while_paused(void **state)
{
	struct scene t;
	struct heard h = { .on_body = pause_now };

	scene_open(&t, resets);
	make(&h, &t);
	UNTIL(&t.c, h.bodies == 1);
	t.s.stage = 1;
	UNTIL(&t.c, t.s.running == 0);
	if (upstream_direct)		/* libcurl looks on until it has bytes to keep */
		assert_rests(&h);
	if (h.call != NULL)
		call_resume(h.call);
	until_ended(&h);
	assert_ended(&h, CALL_BROKEN, "cut");
	heard_free(&h);
	scene_close(&t);
}

static void
test_cancel_while_paused(void **state)
{
	struct scene t;
	struct heard h = { .on_body = pause_now };

	scene_open(&t, floods);
	make(&h, &t);
	UNTIL(&t.c, h.bodies == 1);
	assert_rests(&h);
	heard_cancel(&h);
	UNTIL(&t.c, t.s.gone == 1);
	assert_int_equal(h.ends, 0);
	heard_free(&h);

	make(&h, &t);
	h.on_body = pause_now;
	UNTIL(&t.c, h.bodies == 1);
	call_resume(h.call);		/* is to be done at the end of the turn */
	heard_cancel(&h);
	UNTIL(&t.c, t.s.gone == 2);
	assert_int_equal(h.ends, 0);
	heard_free(&h);
	scene_close(&t);
}

/* cancel */

static void
test_cancel(void **state)
{
	struct scene t;
	struct heard h = { 0 };

	scene_open(&t, silent);
	make(&h, &t);
	heard_cancel(&h);		/* before libcurl has it */
	make(&h, &t);
	UNTIL(&t.c, t.s.connections == 1);
	heard_cancel(&h);
	UNTIL(&t.c, t.s.gone == 1);
	assert_int_equal(h.ends, 0);
	heard_free(&h);
	scene_close(&t);
}

static void
test_cancel_before_it_ends_badly(void **state)
{
	struct scene t;
	struct heard h = { 0 };

	scene_open(&t, silent);
	t.plan.url = TEXT("http://");
	make(&h, &t);			/* its end is to be told at the end of the turn */
	heard_cancel(&h);
	turn(&t.c);
	assert_int_equal(h.ends, 0);
	scene_close(&t);
}

static void
cancel_now(struct heard *h)
{
	heard_cancel(h);
}

static void
test_cancel_from_within(void **state)
{
	struct scene t;
	struct heard head = { .on_head = cancel_now }, body = { .on_body = cancel_now };

	scene_open(&t, floods);
	make(&head, &t);
	make(&body, &t);
	UNTIL(&t.c, head.call == NULL && body.call == NULL);
	UNTIL(&t.c, t.s.gone == 2);
	assert_int_equal(head.bodies, 0);
	assert_int_equal(body.bodies, 1);
	assert_int_equal(head.ends + body.ends, 0);
	heard_free(&head);
	heard_free(&body);
	scene_close(&t);
}

static void
cancel_other(struct heard *h)
{
	struct heard *other = h->own;

	if (other->call != NULL)
		heard_cancel(other);
}

/* Each of two calls cancels the other, from any of its callbacks: exactly one is left. */
static void
test_cancel_each_other(void **state)
{
	for (int where = 0; where < 3; where++) {
		struct scene t;
		struct heard a = { 0 }, b = { 0 };

		scene_open(&t, answers);
		a.own = &b;
		b.own = &a;
		if (where == 0)
			a.on_head = b.on_head = cancel_other;
		else if (where == 1)
			a.on_body = b.on_body = cancel_other;
		else
			a.on_end = b.on_end = cancel_other;
		make(&a, &t);
		make(&b, &t);
		UNTIL(&t.c, a.ends + b.ends == 1 || a.ends + b.ends == 2);
		for (int i = 0; i < 3; i++)
			turn(&t.c);
		assert_int_equal(a.ends + b.ends, 1);
		assert_true(a.call == NULL && b.call == NULL);
		heard_free(&a);
		heard_free(&b);
		scene_close(&t);
	}
}

static void
call_again(struct heard *h)
{
	struct heard *next = h->own;

	if (next->call == NULL && next->ends == 0)
		make(next, (struct scene *)((char *)h->client - offsetof(struct scene, c)));
}

static void
test_call_from_within(void **state)
{
	struct scene t;
	struct heard a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };

	scene_open(&t, answers);
	a = (struct heard){ .own = &b, .on_head = call_again };
	b = (struct heard){ .own = &c, .on_body = call_again };
	c = (struct heard){ .own = &d, .on_end = call_again };
	make(&a, &t);
	UNTIL(&t.c, a.ends + b.ends + c.ends + d.ends == 4);
	assert_heard(&a, 200, "hello");
	assert_heard(&d, 200, "hello");
	heard_free(&a);
	heard_free(&b);
	heard_free(&c);
	heard_free(&d);
	scene_close(&t);
}

/* the body's memory */

/* Answers when it has the head of the request, and only then reads the body. */
static void
answers_early(struct line *l)
{
	char length[64];

	while (l->in.len == 0 || memmem(l->in.at, l->in.len, "\r\n\r\n", 4) == NULL)
		if (!line_read(l))
			return;
	line_say(l, CHUNKED);
	stage_wait(l->server, 1);
	if (!line_request(l))
		return;
	for (size_t i = 0; i < line_body(l).len; i++)
		if (line_body(l).at[i] != 'b')
			return;
	snprintf(length, sizeof(length), "%zx\r\n", line_body(l).len);
	line_say(l, length);
	line_send(l, line_body(l).at, line_body(l).len);
	line_say(l, "\r\n0\r\n\r\n");
	line_wait_gone(l);
}

static void
take_body_away(struct heard *h)
{
	struct text *body = h->own;

	call_body_gone(h->call);
	memset((char *)(uintptr_t)body->at, 'X', body->len);
	free((char *)(uintptr_t)body->at);
}

static void
body_gone(size_t size)
{
	struct scene t;
	static const struct text behind = TEXT("bbbb");
	struct text body = { malloc(size), size };
	struct json_edit last = { (uint32_t)size, (uint32_t)size, behind };
	struct heard h = { .on_head = take_body_away, .own = &body };

	memset((char *)(uintptr_t)body.at, 'b', size);
	scene_open(&t, answers_early);
	t.plan.body = body;
	t.plan.edits = &last;
	t.plan.n_edits = 1;
	make(&h, &t);
	UNTIL(&t.c, h.heads == 1);
	t.s.stage = 1;
	until_ended(&h);
	assert_ended(&h, CALL_DONE, "complete");
	assert_int_equal(h.body.len, size + behind.len);
	heard_free(&h);
	scene_close(&t);
}

static void
test_body_gone(void **state)
{
	body_gone(100);
	body_gone(50000);
	body_gone(20000000);
}

/* What is still to be sent goes on after a pause. */
static void
test_pause_while_sending(void **state)
{
	struct scene t;
	size_t size = 20000000;
	char *body = malloc(size);
	struct heard h = { .on_head = pause_now };

	memset(body, 'b', size);
	scene_open(&t, answers_early);
	t.plan.body = (struct text){ body, size };
	make(&h, &t);
	UNTIL(&t.c, h.heads == 1);
	for (int i = 0; i < 3; i++)
		turn(&t.c);
	t.s.stage = 1;
	call_resume(h.call);
	until_ended(&h);
	assert_ended(&h, CALL_DONE, "complete");
	assert_int_equal(h.body.len, size);
	heard_free(&h);
	scene_close(&t);
	free(body);
}

/* many */

static void
waits_for_all(struct line *l)
{
	while (line_request(l)) {
		stage_wait(l->server, 1);
		line_say(l, HELLO);
	}
}

static void
many(int n)
{
	struct scene t;
	struct heard *h = calloc((size_t)n, sizeof(*h));

	scene_open(&t, waits_for_all);
	for (int i = 0; i < n; i++)
		make(&h[i], &t);
	UNTIL(&t.c, t.s.requests == n);
	if (!upstream_direct)
		assert_int_equal(t.c.up->multis->running, n < RUNNING_MAX ? n : RUNNING_MAX);
	t.s.stage = 1;
	for (int i = 0; i < n; i++) {
		until_ended(&h[i]);
		assert_heard(&h[i], 200, "hello");
		heard_free(&h[i]);
	}
	if (!upstream_direct)
		assert_int_equal(t.c.up->multis->running, 0);
	free(h);
	scene_close(&t);
}

static void
test_many(void **state)
{
	many(RUNNING_MAX);
	many(300);
	many(600);
}

static void
waits_its_turn(struct line *l)
{
	while (line_request(l)) {
		stage_wait(l->server, l->index + 1);
		line_say(l, HELLO);
	}
}

/* Of many connections some are kept when their calls have ended, one after the other. */
static void
test_idle_ones_are_bounded(void **state)
{
	enum { N = 128 };
	struct scene t;
	struct heard h[N] = { { 0 } };
	int ended = 0;

	scene_open(&t, waits_its_turn);
	for (int i = 0; i < N; i++)
		make(&h[i], &t);
	UNTIL(&t.c, t.s.requests == N);
	while (ended < N) {
		t.s.stage = ended + 1;
		turn(&t.c);
		ended = 0;
		for (int i = 0; i < N; i++)
			ended += h[i].ends;
	}
	if (upstream_direct)
		assert_int_equal(t.c.up->n_idle, N);
	else
		UNTIL(&t.c, t.s.running <= IDLE_MAX + 32);
	for (int i = 0; i < N; i++)
		heard_free(&h[i]);
	scene_close(&t);
}

/* What is idle is closed after a while. */
static void
test_idle_ones_age_out(void **state)
{
	struct scene t;

	scene_open(&t, says_and_waits);
	t.s.own = HELLO;
	one_call(&t, 200, "hello");
	if (upstream_direct) {
		assert_int_equal(t.c.up->n_idle, 1);
		t.c.up->idle_age_us = 0;
		direct_sweep(&t.c.up->idle_sweep);
		assert_null(t.c.up->idle);
		scene_close(&t);
		return;
	}
	assert_true(t.c.up->sweep.place > 0);
	multis_sweep(&t.c.up->sweep);
	assert_non_null(t.c.up->multis);
	t.c.up->multis->idle_since_us -= IDLE_US;
	multis_sweep(&t.c.up->sweep);
	assert_null(t.c.up->multis);
	assert_int_equal(t.c.up->pooled, 0);
	UNTIL(&t.c, t.s.gone == 1);
	one_call(&t, 200, "hello");
	scene_close(&t);
}

/* Nor by the connection that a call which may go there has left. */
static void
test_public_addresses_only(void **state)
{
	struct scene t;
	struct heard h = { 0 };

	scene_open(&t, answers);
	for (unsigned i = 0; i < 2; i++) {
		t.plan.public_only = true;
		make(&h, &t);
		until_ended(&h);
		assert_ended(&h, CALL_UNREACHABLE, "internal address");
		heard_free(&h);
		assert_int_equal(t.s.requests, i);
		t.plan.public_only = false;
		one_call(&t, 200, "hello");
		if (i == 0)
			assert_int_equal(t.s.connections, 1);	/* this one's: there was no knock at the door before */
	}
	scene_close(&t);
}

static void
test_free_while_running(void **state)
{
	struct scene t;
	struct heard h[5] = { { 0 } };

	scene_open(&t, silent);
	for (size_t i = 0; i < 4; i++)
		make(&h[i], &t);
	UNTIL(&t.c, t.s.connections == 4);
	make(&h[4], &t);
	scene_close(&t);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(h[i].ends, 0);
		heard_free(&h[i]);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_reuse),
		cmocka_unit_test(test_request_head),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_head_between_others),
		cmocka_unit_test(test_no_such_method),
		cmocka_unit_test(test_as_is),
		cmocka_unit_test(test_lines_of_an_answer),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_many_headers_of_an_answer),
		cmocka_unit_test(test_endings),
		cmocka_unit_test(test_endless_header),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bad_plans),
		cmocka_unit_test(test_environment_is_not_asked),
		cmocka_unit_test(test_dead_connection),
		cmocka_unit_test(test_closed_connection),
		cmocka_unit_test(test_not_sent_again_late),
		cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_upload_stalls),
		cmocka_unit_test(test_connect_clock),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_pause_and_resume_within),
		cmocka_unit_test(test_pause_from_head),
		cmocka_unit_test(test_idle_clock_after_pause),
		cmocka_unit_test(test_reset_while_paused),
		cmocka_unit_test(test_cancel_while_paused),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_cancel_before_it_ends_badly),
		cmocka_unit_test(test_cancel_from_within),
		cmocka_unit_test(test_cancel_each_other),
		cmocka_unit_test(test_call_from_within),
		cmocka_unit_test(test_body_gone),
		cmocka_unit_test(test_pause_while_sending),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_idle_ones_are_bounded),
		cmocka_unit_test(test_idle_ones_age_out),
		cmocka_unit_test(test_public_addresses_only),
		cmocka_unit_test(test_free_while_running),
	};

	int failed;

	upstream_direct = false;
	failed = cmocka_run_group_tests_name("by libcurl", tests, NULL, NULL);
	upstream_direct = true;
	return (failed + cmocka_run_group_tests_name("directly", tests, NULL, NULL));
}
