/* SPDX-License-Identifier: Apache-2.0 */
/* Calls over plain HTTP against a server that does as the test says. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "server.h"

#include <stdio.h>
#include <stdlib.h>

#define HELLO	"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"

static void
answers(struct line *l)
{
	while (line_request(l))
		line_say(l, HELLO);
}

static void
silent(struct line *l)
{
	line_wait_gone(l);
}

static void
one_call(struct client *c, const char *url, int status, const char *body)
{
	struct call_plan plan = plan_of(url);
	struct heard h = { 0 };

	call_make(&h, c, &plan);
	until_ended(&h);
	assert_heard(&h, status, body);
	heard_free(&h);
}

static void
test_plain(void **state)
{
	struct server s;
	struct client c;
	struct heard h = { 0 };
	struct call_plan plan;

	server_start(&s, answers, NULL);
	client_start(&c, NULL);
	plan = plan_of(s.url);
	call_make(&h, &c, &plan);
	until_ended(&h);
	assert_heard(&h, 200, "hello");
	assert_string_equal(h.type, "text/plain");
	assert_true(h.connect_us > 0);
	heard_free(&h);
	client_stop(&c);
	server_stop(&s);
}

static void
test_reuse(void **state)
{
	struct server s;
	struct client c;

	server_start(&s, answers, NULL);
	client_start(&c, NULL);
	for (int i = 0; i < 20; i++)
		one_call(&c, s.url, 200, "hello");
	assert_int_equal(s.connections, 1);
	assert_int_equal(s.requests, 20);
	client_stop(&c);
	server_stop(&s);
}

static void
test_cancel(void **state)
{
	struct server s;
	struct client c;
	struct heard h = { 0 };
	struct call_plan plan;

	server_start(&s, silent, NULL);
	client_start(&c, NULL);
	plan = plan_of(s.url);
	call_make(&h, &c, &plan);
	heard_cancel(&h);
	call_make(&h, &c, &plan);
	UNTIL(&c, s.connections == 1);
	heard_cancel(&h);
	UNTIL(&c, s.gone == 1);
	assert_int_equal(h.ends, 0);
	heard_free(&h);
	client_stop(&c);
	server_stop(&s);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_reuse),
		cmocka_unit_test(test_cancel),
	};

	return (cmocka_run_group_tests_name("upstream", tests, NULL, NULL));
}
