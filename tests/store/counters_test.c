/* SPDX-License-Identifier: Apache-2.0 */
/* Counters and records that hosts share, in a real memcached: what is had, what is refused, and what stands there that nobody of us wrote. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/arena.h"
#include "kit/memcached.h"
#include "store/counters.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define NOW	INT64_C(1760000000000)
#define PATIENT	10000			/* this machine may be busy */

static char dir[64];
static struct memcached memcached;
static struct counters *counters;

static int
set_up(void **state)
{
	struct text server;

	(void)state;
	strcpy(dir, "/tmp/counters_test.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return (1);
	if (!memcached_is_installed())
		return (0);
	memcached_start(&memcached, dir);
	server = text_of(memcached.path);
	counters = counters_new(&server, 1, PATIENT);
	return (0);
}

static int
tear_down(void **state)
{
	char command[100];

	(void)state;
	counters_free(counters);
	counters = NULL;
	if (memcached.pid != 0)
		memcached_stop(&memcached);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return (system(command));
}

static void
need_memcached(void)
{
	if (counters == NULL)
		skip();
}

/* allowances */

static int64_t
got(int64_t limit, int64_t need, int64_t extra, int64_t had)
{
	struct take t = { .key = TEXT("k"), .limit = limit, .need = need, .extra = extra, .had = had, .ttl_s = 60 };

	assert_true(counters_take(counters, &t));
	return (t.got);
}

static void
what_is_needed_or_nothing(void **state)
{
	(void)state;
	need_memcached();
	assert_int_equal(got(10, 3, 0, 0), 3);
	assert_int_equal(got(10, 2, 4, 3), 6);
	assert_int_equal(got(10, 2, 0, 9), 0);			/* one is left */
	assert_int_equal(got(10, 1, 5, 9), 1);			/* which was given back, and is had without the extra */
	assert_int_equal(got(10, 1, 0, 10), 0);
	assert_int_equal(got(12, 1, 0, 10), 1);			/* the limit was raised */
}

static void
what_it_forgot_it_is_told(void **state)
{
	struct text server = text_of(memcached.path);

	(void)state;
	need_memcached();
	assert_int_equal(got(10, 7, 0, 0), 7);
	counters_free(counters);
	memcached_stop(&memcached);
	memcached_start(&memcached, dir);
	counters = counters_new(&server, 1, PATIENT);
	assert_int_equal(got(10, 2, 0, 7), 2);			/* it begins with what this host had */
	assert_int_equal(got(10, 2, 0, 9), 0);
}

/* records */

static struct hold
hold(uint64_t who, int64_t need, int64_t extra)
{
	return ((struct hold){ .key = TEXT("r"), .who = who, .limit = 10, .need = need, .extra = extra, .now_ms = NOW, .until_ms = NOW + 1000, .ttl_s = 60 });
}

static void
holds(struct hold h, int64_t more, int64_t others)
{
	assert_true(counters_hold(counters, &h));
	assert_int_equal(h.got, more);
	assert_int_equal(h.others, others);
}

/* Straight into memcached. */
static void
store_record(const char *record)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char answer[16] = "";
	size_t n = strlen(record), room = n + 64;
	char *said = must_alloc(room);

	assert_true(strlen(memcached.path) < sizeof(at.sun_path));
	strcpy(at.sun_path, memcached.path);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	n = (size_t)snprintf(said, room, "set r 0 60 %zu\r\n%s\r\n", n, record);
	assert_int_equal(send(fd, said, n, 0), n);
	assert_int_equal(recv(fd, answer, 8, MSG_WAITALL), 8);
	assert_string_equal(answer, "STORED\r\n");
	close(fd);
	free(said);
}

static void
all_parts_are_within_the_limit(void **state)
{
	struct hold back = hold(1, 0, 0);

	(void)state;
	need_memcached();
	holds(hold(1, 4, 0), 4, 0);
	holds(hold(2, 3, 2), 5, 4);
	holds(hold(3, 2, 0), 0, 9);				/* one is left */
	holds(hold(3, 1, 7), 1, 9);
	holds(hold(1, 1, 0), 0, 6);
	back.set = true;					/* the first goes back to one, which nobody checks */
	back.had = 1;
	holds(back, 0, 6);
	holds(hold(3, 3, 0), 3, 6);
	back.had = 0;
	holds(back, 0, 9);
	holds(hold(4, 1, 0), 1, 9);
}

/* The record counts, not what its holder believes; where it says nothing, that does. */
static void
a_part_that_is_known_counts(void **state)
{
	struct hold h = hold(1, 1, 0);

	(void)state;
	need_memcached();
	h.had = 6;
	holds(h, 1, 0);
	holds(hold(2, 4, 0), 0, 7);
	h.had = 0;
	holds(h, 1, 0);						/* seven are its own, so this is the eighth */
	holds(hold(2, 3, 0), 0, 8);
	holds(hold(2, 2, 0), 2, 8);
}

static void
what_was_not_renewed_counts_no_more(void **state)
{
	struct hold late = hold(2, 10, 0);

	(void)state;
	need_memcached();
	holds(hold(1, 10, 0), 10, 0);
	late.now_ms = NOW + 1000;				/* until then it is good */
	holds(late, 0, 10);
	late.now_ms = NOW + 1001;
	late.until_ms = NOW + 2001;
	holds(late, 10, 0);
}

static void
strange_records_are_read_as_far_as_they_go(void **state)
{
	static const char *const strange[] = { "", ";", "x", "zz zz zz;", "1 2;", "1 2 3", "\xff\xfe;", "1111111111111111111111111111111111111111111111111111111111111111111 2 3;" };
	static char large[100000];

	(void)state;
	need_memcached();
	for (unsigned i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
		store_record(strange[i]);
		holds(hold(1, 10, 0), 10, 0);
		holds(hold(2, 1, 0), 0, 10);			/* and what was written is a record again */
	}
	store_record("7 4 ffffffffffff;garbage;7 9 ffffffffffff;");
	holds(hold(1, 7, 0), 0, 4);
	holds(hold(1, 6, 0), 6, 4);
	memset(large, '1', sizeof(large) - 1);
	store_record(large);
	holds(hold(1, 10, 0), 10, 0);
}

/* nobody there */

static void
who_is_away_gives_nothing(void **state)
{
	struct take t = { .key = TEXT("k"), .limit = 10, .need = 1, .ttl_s = 60 };
	struct hold h = hold(1, 1, 0);
	char path[100];
	struct text server;
	struct counters *nobody;

	(void)state;
	need_memcached();
	snprintf(path, sizeof(path), "%s/nothing", dir);
	server = text_of(path);
	nobody = counters_new(&server, 1, 100);
	h.got = t.got = 99;
	assert_false(counters_take(nobody, &t));
	assert_false(counters_hold(nobody, &h));
	assert_false(counters_probe(nobody));
	assert_int_equal(t.got, 0);
	assert_int_equal(h.got, 0);
	counters_free(nobody);
	assert_true(counters_probe(counters));
}

#define T(test)	cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_is_needed_or_nothing), T(what_it_forgot_it_is_told), T(all_parts_are_within_the_limit), T(a_part_that_is_known_counts),
		T(what_was_not_renewed_counts_no_more), T(strange_records_are_read_as_far_as_they_go), T(who_is_away_gives_nothing),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
