/* SPDX-License-Identifier: Apache-2.0 */
/* Names of hosts: looked up once, off the loop, kept, replaced, and never in anybody's way. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "server.h"
#include "upstream/direct.h"
#include "upstream/names.h"

#include <assert.h>
#include <sched.h>
#include <stdio.h>
#include <arpa/inet.h>
#include <unistd.h>
#include <netinet/in.h>
#include <stdlib.h>

/* The resolver of these tests. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static bool closed;				/* names that begin with "slow" wait */
static const char *answer;			/* addresses with commas between them; NULL: no such name */
static atomic_int asked, waiting;

static int
resolve(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **list)
{
	struct addrinfo numeric = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST }, **end = list;
	char addresses[200], *address, *rest = addresses;
	int rc = EAI_NONAME;

	(void)hints;
	pthread_mutex_lock(&lock);
	asked++;
	waiting++;
	while (closed && strncmp(host, "slow", 4) == 0)
		pthread_cond_wait(&opened, &lock);
	waiting--;
	snprintf(addresses, sizeof(addresses), "%s", answer != NULL ? answer : "");
	pthread_mutex_unlock(&lock);
	while ((address = strsep(&rest, ",")) != NULL && *address != '\0') {
		rc = getaddrinfo(address, service, &numeric, end);
		assert(rc == 0);
		while (*end != NULL)
			end = &(*end)->ai_next;
	}
	return (rc);
}

static void
set(bool now_closed, const char *now_answer)
{
	pthread_mutex_lock(&lock);
	closed = now_closed;
	answer = now_answer;
	pthread_cond_broadcast(&opened);
	pthread_mutex_unlock(&lock);
}

/* A scene whose upstream has a name. */
struct named {
	struct scene	 scene;
	char		 url[128];
};

static void
rename_plan(struct named *n, const char *host)
{
	snprintf(n->url, sizeof(n->url), "http://%s:%u/v1", host, n->scene.s.port);
	n->scene.plan.url = text_of(n->url);
	n->scene.plan.host = text_of(host);
	n->scene.plan.port = n->scene.s.port;
}

static void
open_named(struct named *n, const char *host, int64_t ttl_ms)
{
	struct upstream_settings settings = { .dns_ttl_ms = ttl_ms };

	set(false, "127.0.0.1");
	asked = 0;
	server_start(&n->scene.s, answers, NULL);
	client_start(&n->scene.c, &settings);
	n->scene.plan = plan_of(n->scene.s.url);
	rename_plan(n, host);
}

static void
expect_end(struct named *n, enum call_end end, const char *words)
{
	struct heard h = { 0 };

	make(&h, &n->scene);
	until_ended(&h);
	assert_ended(&h, end, words);
	heard_free(&h);
}

static void
test_asked_once(void **state)
{
	struct named n;

	open_named(&n, "vendor.test", 60000);
	one_call(&n.scene, 200, "hello");
	one_call(&n.scene, 200, "hello");
	rename_plan(&n, "VENDOR.test");
	one_call(&n.scene, 200, "hello");
	n.scene.plan.host = TEXT("");		/* then it is read from the URL */
	one_call(&n.scene, 200, "hello");
	assert_int_equal(asked, 1);
	rename_plan(&n, "vendor.test.");	/* another name to libcurl */
	one_call(&n.scene, 200, "hello");
	scene_close(&n.scene);
}

static void
test_nobody_is_asked(void **state)
{
	static const char *const hosts[] = { "localhost", "LOCALHOST", "any.localhost", "127.0.0.1", "127.1" };
	struct named n;

	open_named(&n, "x", 60000);
	set(false, NULL);
	for (size_t i = 0; i < nitems(hosts); i++) {
		rename_plan(&n, hosts[i]);
		one_call(&n.scene, 200, "hello");
	}
	assert_int_equal(asked, 0);
	scene_close(&n.scene);
}

static void
test_no_such_name(void **state)
{
	struct named n;

	open_named(&n, "nobody.test", 60000);
	set(false, NULL);
	expect_end(&n, CALL_NO_NAME, "name is not known");
	expect_end(&n, CALL_NO_NAME, "name is not known");
	assert_int_equal(asked, 1);		/* a failure is believed for a second */
	scene_close(&n.scene);
}

static void
test_bad_names(void **state)
{
	static const char *const hosts[] = { "a b", "m\xc3\xbcller.test", "a,b", "a;b" };
	struct named n;
	char longest[400];

	open_named(&n, "x", 60000);
	for (size_t i = 0; i < nitems(hosts); i++) {
		rename_plan(&n, hosts[i]);
		expect_end(&n, CALL_NO_NAME, "names no host");
	}
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	n.scene.plan.host = text_of(longest);
	expect_end(&n, CALL_NO_NAME, "names no host");
	assert_int_equal(asked, 0);
	scene_close(&n.scene);
}

static void
test_slow_name(void **state)
{
	struct named n;
	struct heard gone = { 0 }, stays[3] = { { 0 } }, late = { 0 };

	open_named(&n, "slow.test", 60000);
	set(true, "127.0.0.1");
	make(&gone, &n.scene);
	for (size_t i = 0; i < nitems(stays); i++)
		make(&stays[i], &n.scene);
	n.scene.plan.connect_ms = 60;
	make(&late, &n.scene);
	UNTIL(&n.scene.c, waiting == 1);

	rename_plan(&n, "quick.test");		/* others pass */
	n.scene.plan.connect_ms = 10000;
	one_call(&n.scene, 200, "hello");
	n.scene.plan = plan_of(n.scene.s.url);
	one_call(&n.scene, 200, "hello");
	until_ended(&late);			/* the connect clock runs */
	assert_ended(&late, CALL_TIMEOUT_CONNECT, "");
	heard_cancel(&gone);			/* at once */
	heard_cancel(&stays[1]);

	set(false, "127.0.0.1");
	until_ended(&stays[0]);
	until_ended(&stays[2]);
	assert_heard(&stays[0], 200, "hello");
	assert_heard(&stays[2], 200, "hello");
	assert_int_equal(gone.ends + stays[1].ends, 0);
	assert_int_equal(asked, 2);
	heard_free(&late);
	heard_free(&stays[0]);
	heard_free(&stays[2]);
	scene_close(&n.scene);
}

static void
test_stale_serves(void **state)
{
	struct named n;

	open_named(&n, "slow.test", 0);		/* stale at once */
	one_call(&n.scene, 200, "hello");
	set(true, "127.0.0.1");
	one_call(&n.scene, 200, "hello");	/* while it is looked up again */
	UNTIL(&n.scene.c, waiting == 1);
	one_call(&n.scene, 200, "hello");
	set(false, NULL);			/* which fails */
	UNTIL(&n.scene.c, waiting == 0);
	for (int i = 0; i < 5; i++)
		one_call(&n.scene, 200, "hello");
	scene_close(&n.scene);
}

static void
test_new_addresses_are_used(void **state)
{
	struct named n;
	struct heard h = { 0 };

	open_named(&n, "moves.test", 0);
	set(false, "127.0.0.9");		/* nobody there */
	expect_end(&n, CALL_UNREACHABLE, "refused");
	set(false, "127.0.0.1");
	do {					/* stale ones serve until the look-up is home */
		heard_free(&h);
		make(&h, &n.scene);
		until_ended(&h);
	} while (h.end == CALL_UNREACHABLE);
	assert_heard(&h, 200, "hello");
	heard_free(&h);
	scene_close(&n.scene);
}

static void
test_every_address_is_tried(void **state)
{
	struct named n;

	open_named(&n, "many.test", 60000);
	set(false, "127.0.0.9,127.0.0.8,127.0.0.7,127.0.0.1");
	one_call(&n.scene, 200, "hello");
	scene_close(&n.scene);
}

/* A listener at another address whose queue is full: connecting to it neither succeeds nor fails. */
static int
full_listener(const char *address, unsigned port, int fill[3])
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(inet_pton(AF_INET, address, &at.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 0), 0);
	for (int i = 0; i < 3; i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(fill[i], (struct sockaddr *)&at, sizeof(at));
	}
	return (fd);
}

static void
test_a_dead_address_leaves_time_for_the_next(void **state)
{
	struct named n;
	int fill[3], full;

	open_named(&n, "many.test", 60000);
	full = full_listener("127.0.0.9", n.scene.s.port, fill);
	set(false, "127.0.0.9,127.0.0.1");
	n.scene.plan.connect_ms = 5000;		/* of which the dead one gets a half */
	one_call(&n.scene, 200, "hello");
	close(full);
	for (int i = 0; i < 3; i++)
		close(fill[i]);
	scene_close(&n.scene);
}

/* Answers one request a connection, and ends without an answer when the next has come. */
static void
answers_once(struct line *l)
{
	if (line_request(l))
		line_say(l, HELLO);
	(void)line_request(l);
}

/* A kept connection that is dead is replaced by one to the same host: not to this one, nor to whatever is at hand. */
static void
test_dead_connection_of_a_name(void **state)
{
	struct named n;
	struct server decoy;

	open_named(&n, "vendor.test", 60000);
	client_stop(&n.scene.c);
	server_stop(&n.scene.s);
	server_start_at(&n.scene.s, "127.0.0.5", 0, answers_once);
	server_start_at(&decoy, "127.0.0.1", n.scene.s.port, answers);
	client_start(&n.scene.c, NULL);
	set(false, "127.0.0.5");
	rename_plan(&n, "vendor.test");
	for (int i = 1; i <= 3; i++) {
		one_call(&n.scene, 200, "hello");
		assert_int_equal(n.scene.s.connections, i);
	}
	assert_int_equal(decoy.connections, 0);
	scene_close(&n.scene);
	server_stop(&decoy);
}

static void
waits_for_all(struct line *l)
{
	while (line_request(l)) {
		stage_wait(l->server, 1);
		line_say(l, HELLO);
	}
}

/* Also the second multi handle, and the first after it was told. */
static void
test_every_multi_knows(void **state)
{
	enum { N = RUNNING_MAX + 20 };
	struct named n;
	struct heard *h = calloc(N, sizeof(*h));

	open_named(&n, "vendor.test", 60000);
	n.scene.s.script = waits_for_all;
	for (int i = 0; i < N; i++)
		make(&h[i], &n.scene);
	UNTIL(&n.scene.c, n.scene.s.requests == N);
	n.scene.s.stage = 1;
	for (int i = 0; i < N; i++) {
		until_ended(&h[i]);
		assert_heard(&h[i], 200, "hello");
		heard_free(&h[i]);
	}
	assert_int_equal(asked, 1);
	free(h);
	scene_close(&n.scene);
}

/* More names than the table holds: the least used make room. */
static void
test_many_names(void **state)
{
	struct named n;
	char host[40];

	open_named(&n, "x", 60000);
	for (int i = 0; i < 700; i++) {
		snprintf(host, sizeof(host), "host-%d.test", i % 600);
		rename_plan(&n, host);
		one_call(&n.scene, 200, "hello");
	}
	assert_int_equal(asked, 700);
	scene_close(&n.scene);
}

static void
test_freed_while_asking(void **state)
{
	struct named n;
	struct heard h = { 0 };

	open_named(&n, "slow.test", 60000);
	set(true, "127.0.0.1");
	make(&h, &n.scene);
	UNTIL(&n.scene.c, waiting == 1);
	scene_close(&n.scene);
	set(false, "127.0.0.1");
	assert_int_equal(h.ends, 0);
	while (waiting > 0)
		sched_yield();
}

static void
test_authority(void **state)
{
	static const struct {
		const char	*url, *host;
		unsigned	 port;
	} cases[] = {
		{ "http://a", "a", 7 },
		{ "http://a:80", "a", 80 },
		{ "http://a:80/b:9", "a", 80 },
		{ "http://u:p@a:81/x", "a", 81 },
		{ "http://u:p%40@x@a?y", "a", 7 },
		{ "a:9", "a", 9 },
		{ "http://[::1]:8080/x", "::1", 8080 },
		{ "http://[::1]", "::1", 7 },
		{ "http://a:0", NULL, 0 },
		{ "http://a:65536", NULL, 0 },
		{ "http://a:b", NULL, 0 },
		{ "http://:80", NULL, 0 },
		{ "http://[::1", NULL, 0 },
		{ "", NULL, 0 },
	};

	for (size_t i = 0; i < nitems(cases); i++) {
		struct text host;
		unsigned port;
		bool ok = names_authority(text_of(cases[i].url), 7, &host, &port);

		if (ok != (cases[i].host != NULL) || (ok && (!text_is(host, cases[i].host) || port != cases[i].port)))
			fail_msg("%s", cases[i].url);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asked_once),
		cmocka_unit_test(test_nobody_is_asked),
		cmocka_unit_test(test_no_such_name),
		cmocka_unit_test(test_bad_names),
		cmocka_unit_test(test_slow_name),
		cmocka_unit_test(test_stale_serves),
		cmocka_unit_test(test_new_addresses_are_used),
		cmocka_unit_test(test_every_address_is_tried),
		cmocka_unit_test(test_a_dead_address_leaves_time_for_the_next),
		cmocka_unit_test(test_dead_connection_of_a_name),
		cmocka_unit_test(test_every_multi_knows),
		cmocka_unit_test(test_many_names),
		cmocka_unit_test(test_freed_while_asking),
		cmocka_unit_test(test_authority),
	};

	int failed;

	names_resolver = resolve;
	upstream_direct = false;
	failed = cmocka_run_group_tests_name("names, by libcurl", tests, NULL, NULL);
	upstream_direct = true;
	return (failed + cmocka_run_group_tests_name("names, directly", tests, NULL, NULL));
}
