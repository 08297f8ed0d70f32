/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of answers, line by line. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "upstream/upstream_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Feeds lines, each with its \r\n, as far as they are wanted. */
static enum head_says
feed(struct head *h, const char *lines)
{
	enum head_says says = HEAD_MORE;
	const char *why, *end;

	for (; *lines != '\0' && says == HEAD_MORE; lines = end) {
		end = strstr(lines, "\r\n") + 2;
		says = head_line(h, (struct text){ lines, (size_t)(end - lines) }, &why);
	}
	return (says);
}

static int64_t
retry_after(const char *line)
{
	struct head h = { 0 };
	struct call_head told;
	char lines[300];

	snprintf(lines, sizeof(lines), "HTTP/1.1 429 Too Many\r\n%s\r\n\r\n", line);
	assert_int_equal(feed(&h, lines), HEAD_OVER);
	head_told(&h, &told);
	head_free(&h);
	return (told.retry_after_ms);
}

static void
test_retry_after(void **state)
{
	char lines[2][100];
	time_t then = time(NULL) + 100;
	int64_t ms;

	assert_int_equal(retry_after("Retry-After: 7"), 7000);
	assert_int_equal(retry_after("retry-after:0.5"), 500);
	assert_int_equal(retry_after("Retry-After: 7\r\nretry-after-ms: 20"), 20);
	assert_int_equal(retry_after("retry-after-ms: 20\r\nRetry-After: 7"), 20);
	assert_int_equal(retry_after("Retry-After: 0"), 0);
	assert_int_equal(retry_after("Retry-After: -3"), 0);
	assert_int_equal(retry_after("Retry-After: soon"), 0);
	assert_int_equal(retry_after("Retry-After:"), 0);
	assert_int_equal(retry_after("Retry-After: 99999999999999999999"), 86400000);
	assert_int_equal(retry_after("Retry-After: 1e300"), 86400000);
	assert_int_equal(retry_after("Retry-After: nan"), 0);
	assert_int_equal(retry_after("Retry-After: Wed, 21 Oct 2015 07:28:00 GMT"), 0);
	assert_int_equal(retry_after("Retry-After: Wed, 21 Oct 2105 07:28:00 CET"), 0);
	assert_int_equal(retry_after("Retry-After: Friday, 21-Oct-67 07:28:00 GMT"), 86400000);
	strftime(lines[0], sizeof(lines[0]), "Retry-After: %a, %d %b %Y %H:%M:%S GMT", gmtime(&then));
	strftime(lines[1], sizeof(lines[1]), "Retry-After: %a %b %e %H:%M:%S %Y", gmtime(&then));
	for (size_t i = 0; i < nitems(lines); i++) {
		ms = retry_after(lines[i]);
		assert_true(ms > 90000 && ms <= 100000);
	}
	assert_int_equal(retry_after("X-Other: 3"), 0);
}

static void
test_fields(void **state)
{
	struct head h = { 0 };
	struct call_head told;

	assert_int_equal(feed(&h, "HTTP/1.1 100 Continue\r\nX-RateLimit-A: 0\r\nrequest-id: zero\r\n\r\n"
	    "HTTP/1.1 200 OK\r\nX-RateLimit-A: 1\r\nX-Request-Id: first\r\nrequest-id: second\r\n"
	    "X-RateLimit-B: a\x01" "b\r\nX-RateLimit C: 1\r\nX-RateLimit: 1\r\nno colon\r\n: no name\r\n folded: 1\r\n"
	    "Content-Type: ;charset=x\r\nContent-Type: Text/Event-Stream;charset=x\r\nContent-Type: application/json\r\nOpenAI-Version: 2\r\n"), HEAD_MORE);
	assert_int_equal(feed(&h, "\r\n"), HEAD_OVER);
	head_told(&h, &told);
	assert_int_equal(told.status, 200);
	assert_true(text_is(told.content_type, "text/event-stream"));
	assert_true(text_is(told.request_id, "first"));
	assert_true(text_is(told.passable, "X-RateLimit-A: 1\r\nOpenAI-Version: 2\r\n"));
	assert_int_equal(feed(&h, "X-RateLimit-Trailer: 1\r\n\r\n"), HEAD_MORE);	/* trailers change nothing */
	head_told(&h, &told);
	assert_true(text_is(told.passable, "X-RateLimit-A: 1\r\nOpenAI-Version: 2\r\n"));
	head_free(&h);
}

static struct call_head
passed(struct head *h, const char *lines)
{
	struct call_head told;

	h->keep_lines = true;
	assert_int_equal(feed(h, lines), HEAD_OVER);
	head_told(h, &told);
	return (told);
}

static void
test_lines(void **state)
{
	struct head h = { 0 };
	struct call_head told;

	told = passed(&h, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nA: 1\r\nTransfer-Encoding: chunked\r\nTrailer: B\r\nUPGRADE: x\r\n"
	    "bad name: 1\r\nB: a\x01" "b\r\nC:\r\n\r\n");
	assert_true(text_is(told.lines, "A: 1\r\nC: \r\n"));
	assert_int_equal(told.length, -1);
	head_free(&h);
	told = passed(&h, "HTTP/1.1 204 None\r\nA: 1\r\nConnection: close\r\nContent-Length: 12\r\nB: 2\r\nconnection: a , ,b\r\n\r\n");
	assert_true(text_is(told.lines, ""));
	assert_int_equal(told.length, 12);
	head_free(&h);
	told = passed(&h, "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n");
	assert_int_equal(told.length, -1);
	head_free(&h);
}

static void
test_bounds(void **state)
{
	struct head h = { 0 };
	struct call_head told;
	char line[1100];
	const char *why = "";
	enum head_says says = HEAD_MORE;
	int n = 0;

	snprintf(line, sizeof(line), "X-RateLimit-Long: %01000d\r\n", 1);
	feed(&h, "HTTP/1.1 200 OK\r\n");
	for (; says == HEAD_MORE; n++)
		says = head_line(&h, text_of(line), &why);
	assert_int_equal(says, HEAD_BAD);
	assert_string_equal(why, "the answer's header is too long");
	assert_int_equal(n, HEAD_MAX / strlen(line) + 1);
	head_told(&h, &told);
	assert_true(told.passable.len > 0 && told.passable.len <= PASSABLE_MAX);
	head_free(&h);
}

static void
test_bad_heads(void **state)
{
	static const char *const heads[] = { "\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 99\r\n\r\n", "HTTP/1.1 101 Switch\r\n\r\n", "HTTP/1.1\r\n\r\n" };

	for (size_t i = 0; i < nitems(heads); i++) {
		struct head h = { 0 };

		assert_int_equal(feed(&h, heads[i]), HEAD_BAD);
		head_free(&h);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_bad_heads),
	};

	return (cmocka_run_group_tests_name("head", tests, NULL, NULL));
}
