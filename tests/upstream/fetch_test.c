/* SPDX-License-Identifier: Apache-2.0 */
/* Short answers, gathered whole: what is an answer, what is none, and who hears of it when. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "server.h"
#include "upstream/fetch.h"

#include <stdio.h>
#include <stdlib.h>

#define LARGE	1000000u

/* scripts */

/* What the test says, to each request. */
static void
says(struct line *l)
{
	while (line_request(l))
		line_say(l, l->server->own);
}

static void
says_and_closes(struct line *l)
{
	if (line_request(l))
		line_say(l, l->server->own);
}

static void
says_and_falls_silent(struct line *l)
{
	if (line_request(l))
		line_say(l, l->server->own);
	line_wait_gone(l);
}

/* who asks */

static struct {
	struct fetched	 got;
	char		 body[64], why[200];
	int		 told;
} heard;

static void
done(void *self, const struct fetched *f)
{
	heard.told++;
	heard.got = *f;
	snprintf(heard.body, sizeof(heard.body), TEXT_FMT, TEXT_ARG(f->body));
	snprintf(heard.why, sizeof(heard.why), "%s", f->why != NULL ? f->why : "");
	assert_ptr_equal(self, &heard);
}

static struct fetch *
begin(struct scene *t, const char *url, int64_t total_ms, size_t most)
{
	char copy[200];
	struct text header = TEXT("Accept: application/json");
	struct call_plan plan = t->plan;
	struct fetch *f;

	memset(&heard, 0, sizeof(heard));
	snprintf(copy, sizeof(copy), "%s", url);
	plan.url = text_of(copy);
	plan.headers = &header;
	plan.n_headers = 1;
	plan.total_ms = total_ms;
	f = fetch_begin(t->c.loop, t->c.up, &plan, most, done, &heard);
	memset(copy, 'x', sizeof(copy));			/* the plan's texts were copied */
	header = TEXT("Accept: nothing");
	assert_int_equal(heard.told, 0);			/* nobody hears from within */
	return (f);
}

static void
fetch_all(script_f *script, const char *answer, int64_t total_ms, size_t most)
{
	struct scene t;

	scene_open(&t, script);
	t.s.own = (void *)(uintptr_t)answer;
	begin(&t, t.s.url, total_ms, most);
	UNTIL(&t.c, heard.told > 0);
	assert_int_equal(heard.told, 1);
	scene_close(&t);
	assert_int_equal(t.s.requests, 1);			/* nobody asks twice, nor follows a redirect */
}

/* what is an answer */

static void
an_answer_is_told_whole(void **state)
{
	fetch_all(says, HELLO, 10000, 5);
	assert_int_equal(heard.got.end, CALL_DONE);
	assert_null(heard.got.why);
	assert_int_equal(heard.got.status, 200);
	assert_string_equal(heard.body, "hello");
	fetch_all(says, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", 10000, 5);
	assert_null(heard.got.why);
	assert_string_equal(heard.body, "hello");
	fetch_all(says_and_closes, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", 10000, 5);	/* its end is the connection's */
	assert_null(heard.got.why);
	assert_string_equal(heard.body, "hello");
}

static void
any_status_is_an_answer(void **state)
{
	fetch_all(says, "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy", 10000, 100);
	assert_null(heard.got.why);
	assert_int_equal(heard.got.status, 503);
	assert_string_equal(heard.body, "busy");
	fetch_all(says, "HTTP/1.1 204 None\r\n\r\n", 10000, 100);
	assert_null(heard.got.why);
	assert_int_equal(heard.got.status, 204);
	assert_string_equal(heard.body, "");
}

static void
a_redirect_is_the_answer(void **state)
{
	fetch_all(says, "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 2\r\n\r\nno", 10000, 100);
	assert_null(heard.got.why);
	assert_int_equal(heard.got.status, 302);
	assert_string_equal(heard.body, "no");
}

/* what is none */

static void
an_answer_may_be_too_long(void **state)
{
	static char large[LARGE + 100];

	fetch_all(says, HELLO, 10000, 4);
	assert_true(heard.got.too_long);
	assert_string_equal(heard.why, "its answer is too long");
	snprintf(large, sizeof(large), "HTTP/1.1 200 OK\r\nContent-Length: %u\r\n\r\n%0*d", LARGE, (int)LARGE, 0);	/* it comes in pieces, each of which would do */
	fetch_all(says, large, 30000, LARGE - 1);
	assert_true(heard.got.too_long);
	assert_non_null(heard.got.why);
	assert_true(heard.got.body.len < LARGE);
	fetch_all(says, large, 30000, LARGE);
	assert_null(heard.got.why);
	assert_int_equal(heard.got.body.len, LARGE);
}

static void
the_deadline_is_for_all_of_it(void **state)
{
	fetch_all(says_and_falls_silent, "", 50, 100);
	assert_int_equal(heard.got.end, CALL_TIMEOUT_TOTAL);
	assert_string_equal(heard.why, "it did not answer in time");
	fetch_all(says_and_falls_silent, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello", 300, 100);
	assert_int_equal(heard.got.end, CALL_TIMEOUT_TOTAL);
	assert_non_null(heard.got.why);
}

static void
half_an_answer_is_none(void **state)
{
	static const char *const cut[] = { "", "HTTP/1.1 200 OK\r\nConte", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "this is no HTTP\r\n\r\n" };

	for (unsigned i = 0; i < nitems(cut); i++) {
		fetch_all(says_and_closes, cut[i], 10000, 100);
		assert_int_equal(heard.got.end, CALL_BROKEN);
		assert_non_null(heard.got.why);
	}
}

static void
who_can_not_be_asked_is_told_later(void **state)
{
	struct scene t;
	char url[64];

	scene_open(&t, says);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/x", port_closed());
	begin(&t, url, 10000, 100);
	UNTIL(&t.c, heard.told > 0);
	assert_int_equal(heard.got.end, CALL_UNREACHABLE);
	assert_non_null(heard.got.why);
	begin(&t, "gopher://127.0.0.1/x", 10000, 100);
	UNTIL(&t.c, heard.told > 0);
	assert_non_null(heard.got.why);
	assert_int_equal(heard.got.status, 0);
	scene_close(&t);
}

static void
who_cancels_hears_nothing(void **state)
{
	struct scene t;
	struct fetch *f;

	scene_open(&t, says_and_falls_silent);
	t.s.own = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello";
	fetch_cancel(begin(&t, t.s.url, 10000, 100));		/* before anything was sent */
	f = begin(&t, t.s.url, 10000, 100);
	UNTIL(&t.c, t.s.requests == 1);
	fetch_cancel(f);
	UNTIL(&t.c, t.s.gone >= 1);				/* the server notices */
	fetch_cancel(NULL);
	assert_int_equal(heard.told, 0);
	scene_close(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_told_whole), cmocka_unit_test(any_status_is_an_answer), cmocka_unit_test(a_redirect_is_the_answer),
		cmocka_unit_test(an_answer_may_be_too_long), cmocka_unit_test(the_deadline_is_for_all_of_it), cmocka_unit_test(half_an_answer_is_none),
		cmocka_unit_test(who_can_not_be_asked_is_told_later), cmocka_unit_test(who_cancels_hears_nothing),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
