/* SPDX-License-Identifier: Apache-2.0 */
/* The pool: how many, for how long, and what it does while the database is away. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "kit/clocks.h"
#include "postgres.h"
#include "store/store.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct postgres server;

struct bench {
	struct arena	*a;
	struct store_pool *pool;
	char		 folder[64];
	char		 url[160];
};

static struct bench *
bench_new(void)
{
	struct bench *b = must_zalloc(sizeof(*b));

	b->a = arena_new();
	strcpy(b->folder, "/tmp/pool_test.XXXXXX");
	assert_non_null(mkdtemp(b->folder));
	snprintf(b->url, sizeof(b->url), "%s/sluice.db", b->folder);
	return (b);
}

static int
setup(void **state)
{
	*state = bench_new();
	return (0);
}

static int
setup_postgres(void **state)
{
	struct bench *b = bench_new();

	b->url[0] = '\0';
	if (server.pid != 0)
		snprintf(b->url, sizeof(b->url), "%s", postgres_database(&server, true));
	*state = b;
	return (0);
}

static int
teardown(void **state)
{
	struct bench *b = *state;
	char command[160];

	clocks_go();
	store_pool_free(b->pool);
	arena_free(b->a);
	snprintf(command, sizeof(command), "rm -rf %s", b->folder);
	assert_int_equal(system(command), 0);
	free(b);
	return (0);
}

static struct bench *
open_pool(void **state, unsigned most, const struct store_permits *permits)
{
	struct bench *b = *state;

	if (b->url[0] == '\0')
		skip();
	b->pool = store_pool_new(text_of(b->url), most, permits);
	return (b);
}

static int64_t
took_us(struct store_pool *p, int wait_ms, struct store **s)
{
	int64_t began = clock_us();

	*s = store_lend(p, wait_ms);
	return (clock_us() - began);
}

/* The first of a process makes the schema of a file. */
static void
a_file_is_ready_when_it_is_lent(void **state)
{
	struct bench *b = open_pool(state, 2, NULL);
	struct store *s = store_lend(b->pool, 0);
	unsigned version;

	assert_non_null(s);
	assert_int_equal(store_version(s, &version), STORE_FINE);
	assert_int_equal(version, store_newest);
	store_return(b->pool, s);
	assert_false(store_is_away(b->pool));
}

static void
never_more_than_it_may(void **state)
{
	struct bench *b = open_pool(state, 2, NULL);
	struct store *one = store_lend(b->pool, 0), *two = store_lend(b->pool, 0), *three;
	int64_t us;

	assert_non_null(one);
	assert_non_null(two);
	assert_ptr_not_equal(one, two);
	assert_null(store_lend(b->pool, 0));
	us = took_us(b->pool, 100, &three);
	assert_null(three);
	assert_true(us >= 100000);
	assert_false(store_is_away(b->pool));		/* busy is not away */
	store_return(b->pool, one);
	three = store_lend(b->pool, 0);
	assert_ptr_equal(three, one);
	store_return(b->pool, two);
	store_return(b->pool, three);
	store_return(b->pool, NULL);
}

static void
what_is_left_open_is_undone(void **state)
{
	struct bench *b = open_pool(state, 1, NULL);
	struct store *s = store_lend(b->pool, 0);
	struct rows rows;

	assert_int_equal(store_begin(s), STORE_FINE);
	assert_int_equal(STORE(s, b->a, NULL, SQL_PROBE_PUT, V_TEXT(TEXT("k")), V_TEXT(TEXT("i")), V_TEXT(TEXT("d"))), STORE_FINE);
	store_patience(s, 1);
	store_return(b->pool, s);
	s = store_lend(b->pool, 0);
	assert_int_equal(store_patience(s, 0), 10000);
	assert_int_equal(STORE(s, b->a, &rows, SQL_PROBE_LIST, V_TEXT(TEXT("k"))), STORE_FINE);
	assert_int_equal(rows.n, 0);
	store_return(b->pool, s);
}

/* permits */

struct permits {
	int	 left, given;
};

static bool
take(void *self)
{
	struct permits *p = self;

	return (p->left > 0 && p->left-- > 0);
}

static void
give(void *self)
{
	struct permits *p = self;

	p->left++;
	p->given++;
}

static void
permits_of_the_host_are_asked_for(void **state)
{
	struct permits host = { .left = 1 };
	struct store_permits permits = { take, give, NULL, &host };
	struct bench *b = open_pool(state, 4, &permits);
	struct store *one = store_lend(b->pool, 0), *two = store_lend(b->pool, 30);

	assert_non_null(one);
	assert_null(two);
	host.left++;					/* another process closed one */
	two = store_lend(b->pool, 100);
	assert_non_null(two);
	assert_int_equal(STORE0(two, b->a, NULL, SQL_SCHEMA_THERE), STORE_FINE);
	store_return(b->pool, one);
	store_return(b->pool, two);
	assert_int_equal(host.left, 0);			/* idle ones keep theirs */
	store_pool_free(b->pool);
	b->pool = NULL;
	assert_int_equal(host.given, 2);
}

static bool
scarce(void *self)
{
	return (((struct permits *)self)->left == 0);
}

/* Nobody keeps what others wait for. */
static void
scarce_permits_are_given_back(void **state)
{
	struct permits host = { .left = 2 };
	struct store_permits permits = { take, give, scarce, &host };
	struct bench *b = open_pool(state, 4, &permits);
	struct store *one = store_lend(b->pool, 0), *two;

	store_return(b->pool, one);
	assert_int_equal(host.left, 1);			/* there are others: it stays open */
	one = store_lend(b->pool, 0);
	two = store_lend(b->pool, 0);
	store_return(b->pool, one);
	assert_int_equal(host.left, 1);
	store_return(b->pool, two);
	assert_int_equal(host.left, 2);
}

/* away */

static void
who_is_away_is_not_asked_again_at_once(void **state)
{
	struct permits host = { .left = 9 };
	struct store_permits permits = { take, give, NULL, &host };
	struct bench *b = *state;

	clocks_stop();
	snprintf(b->url, sizeof(b->url), "postgresql://u:secret@127.0.0.1:1/none");
	open_pool(state, 4, &permits);
	assert_null(store_lend(b->pool, 1000));
	assert_true(store_is_away(b->pool));
	for (int i = 0; i < 50; i++)
		assert_null(store_lend(b->pool, 1000));
	assert_int_equal(host.given, 1);		/* tried once */
	assert_int_equal(host.left, 9);
	clocks_pass(1100);
	assert_null(store_lend(b->pool, 1000));
	assert_int_equal(host.given, 2);
}

static void
an_old_schema_is_as_if_away(void **state)
{
	struct bench *b = open_pool(state, 4, NULL);
	struct store *s = store_new(text_of(b->url));

	clocks_stop();
	assert_int_equal(store_script(s, "UPDATE sluice_schema SET version = 0"), STORE_FINE);
	assert_null(store_lend(b->pool, 0));
	assert_true(store_is_away(b->pool));
	assert_int_equal(store_script(s, "UPDATE sluice_schema SET version = 1000"), STORE_FINE);
	store_free(s);
	assert_null(store_lend(b->pool, 0));		/* nobody looks yet */
	clocks_pass(1100);
	s = store_lend(b->pool, 0);
	assert_non_null(s);
	assert_false(store_is_away(b->pool));
	store_return(b->pool, s);
}

/* A server that crashes and comes back: nothing, quickly, meanwhile; and then all is as before. */
static void
a_server_goes_and_comes(void **state)
{
	struct bench *b = open_pool(state, 4, NULL);
	struct store *s = store_lend(b->pool, 0);

	assert_non_null(s);
	store_return(b->pool, s);
	clocks_stop();
	postgres_end(&server, SIGQUIT);
	s = store_lend(b->pool, 0);			/* an idle one: it breaks with the first statement */
	assert_non_null(s);
	assert_int_equal(STORE0(s, b->a, NULL, SQL_SCHEMA_THERE), STORE_AWAY);
	store_return(b->pool, s);
	assert_true(store_is_away(b->pool));
	postgres_run(&server);
	assert_null(store_lend(b->pool, 1000));		/* at once, since nobody looks yet */
	clocks_pass(1100);
	s = store_lend(b->pool, 0);
	assert_non_null(s);
	assert_int_equal(STORE0(s, b->a, NULL, SQL_SCHEMA_THERE), STORE_FINE);
	store_return(b->pool, s);
	assert_false(store_is_away(b->pool));
}

/* Only one waits for a server that hangs; the others hear at once. */
static atomic_uint came_back, with_one;

static void *
lend_once(void *arg)
{
	struct bench *b = arg;
	struct store *s = store_lend(b->pool, 0);

	with_one += s != NULL;
	store_return(b->pool, s);
	came_back++;
	return (NULL);
}

static void
one_waits_for_who_hangs(void **state)
{
	struct bench *b = open_pool(state, 8, NULL);
	pthread_t threads[6];

	clocks_stop();
	postgres_end(&server, SIGINT);
	assert_null(store_lend(b->pool, 0));		/* refused */
	postgres_run(&server);
	postgres_halt(server.pid);
	clocks_pass(1050);
	came_back = with_one = 0;
	for (unsigned i = 0; i < nitems(threads); i++)
		pthread_create(&threads[i], NULL, lend_once, b);
	for (unsigned i = 0; i < 3000 && came_back < nitems(threads) - 1; i++)
		usleep(10000);
	kill(server.pid, SIGCONT);
	assert_int_equal(came_back, nitems(threads) - 1);
	assert_int_equal(with_one, 0);
	for (unsigned i = 0; i < nitems(threads); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(with_one, 1);
}

/* many threads */

#define ROUNDS	100

static atomic_int together, most_together;

static void *
borrow(void *arg)
{
	struct bench *b = arg;
	struct arena *a = arena_new();
	intptr_t failed = 0;

	for (int i = 0; i < ROUNDS; i++) {
		struct store *s = store_lend(b->pool, 20000);
		enum store_end end;
		int now;

		if (s == NULL) {
			failed++;
			continue;
		}
		now = atomic_fetch_add(&together, 1) + 1;
		if (now > atomic_load(&most_together))
			atomic_store(&most_together, now);
		do		/* a file's lock is nobody's turn: who waited too long asks again */
			end = STORE(s, a, NULL, SQL_PROBE_PUT, V_TEXT(TEXT("probe")), V_TEXT(TEXT("n")), V_TEXT(TEXT("")));
		while (end == STORE_AGAIN);
		failed += end != STORE_FINE;
		arena_clear(a);
		atomic_fetch_sub(&together, 1);
		store_return(b->pool, s);
	}
	arena_free(a);
	return ((void *)failed);
}

static void
threads_share(void **state)
{
	struct bench *b = open_pool(state, 3, NULL);
	pthread_t threads[6];
	struct rows rows;
	struct store *s;
	void *failed;

	atomic_store(&most_together, 0);
	for (unsigned i = 0; i < nitems(threads); i++)
		pthread_create(&threads[i], NULL, borrow, b);
	for (unsigned i = 0; i < nitems(threads); i++) {
		pthread_join(threads[i], &failed);
		assert_ptr_equal(failed, NULL);
	}
	assert_true(atomic_load(&most_together) <= 3);
	s = store_lend(b->pool, 0);
	assert_int_equal(store_script(s, "UPDATE sluice_thing SET doc = CAST(updated_at AS TEXT)"), STORE_FINE);
	assert_int_equal(STORE(s, b->a, &rows, SQL_PROBE_LIST, V_TEXT(TEXT("probe"))), STORE_FINE);
	assert_int_equal(rows_int(&rows, 0, 2, 0), (int)nitems(threads) * ROUNDS - 1);
	store_return(b->pool, s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_file_is_ready_when_it_is_lent, setup, teardown),
		cmocka_unit_test_setup_teardown(never_more_than_it_may, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_left_open_is_undone, setup, teardown),
		cmocka_unit_test_setup_teardown(permits_of_the_host_are_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(scarce_permits_are_given_back, setup, teardown),
		cmocka_unit_test_setup_teardown(who_is_away_is_not_asked_again_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(an_old_schema_is_as_if_away, setup_postgres, teardown),
		cmocka_unit_test_setup_teardown(threads_share, setup_postgres, teardown),
		cmocka_unit_test_setup_teardown(one_waits_for_who_hangs, setup_postgres, teardown),
		cmocka_unit_test_setup_teardown(a_server_goes_and_comes, setup_postgres, teardown),
	};
	int rc;

	signal(SIGPIPE, SIG_IGN);
	if (!postgres_start(&server))
		print_message("PostgreSQL is not installed: its half is skipped\n");
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	postgres_stop(&server);
	return (rc);
}
