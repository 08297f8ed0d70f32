/* SPDX-License-Identifier: Apache-2.0 */
/* The store: the same tests on both engines, and then what only one of them can do wrong. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "postgres.h"
#include "store/store.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct postgres server;

struct bench {
	struct arena	*a;
	struct store	*s;
	char		 folder[64];
	char		 url[160];
	struct rows	 rows;
};

/* a database of each kind, with our schema or none */

static struct bench *
bench_new(void)
{
	struct bench *b = must_zalloc(sizeof(*b));

	b->a = arena_new();
	strcpy(b->folder, "/tmp/store_test.XXXXXX");
	assert_non_null(mkdtemp(b->folder));
	return (b);
}

static int
bare_sqlite(void **state)
{
	struct bench *b = bench_new();

	snprintf(b->url, sizeof(b->url), "%s/sluice.db", b->folder);
	b->s = store_new(text_of(b->url));
	*state = b;
	return (0);
}

static int
sqlite(void **state)
{
	unsigned from, to;

	bare_sqlite(state);
	return (store_migrate(((struct bench *)*state)->s, &from, &to) == STORE_FINE ? 0 : -1);
}

static int
on_postgres(void **state, bool migrated)
{
	struct bench *b = bench_new();

	if (server.pid != 0)
		snprintf(b->url, sizeof(b->url), "%s", postgres_database(&server, migrated));
	b->s = store_new(text_of(b->url));
	*state = b;
	return (0);
}

static int
bare_postgres(void **state)
{
	return (on_postgres(state, false));
}

static int
postgres(void **state)
{
	return (on_postgres(state, true));
}

static int
bounced(void **state)
{
	struct bench *b;

	on_postgres(state, true);
	b = *state;
	store_free(b->s);
	if (b->url[0] != '\0' && !postgres_bounced(&server, b->url, sizeof(b->url)))
		b->url[0] = '\0';
	b->s = store_new(text_of(b->url));
	return (0);
}

static int
teardown(void **state)
{
	struct bench *b = *state;
	char command[160];

	store_free(b->s);
	arena_free(b->a);
	snprintf(command, sizeof(command), "rm -rf %s", b->folder);
	assert_int_equal(system(command), 0);
	free(b);
	return (0);
}

static struct bench *
bench(void **state)
{
	struct bench *b = *state;

	if (b->url[0] == '\0')
		skip();
	return (b);
}

static void
fine(const struct bench *b, enum store_end end)
{
	if (end != STORE_FINE)
		print_error("%s\n", store_why(b->s));
	assert_int_equal(end, STORE_FINE);
}

static enum store_end
add(struct bench *b, const char *id, const char *doc)
{
	return (STORE(b->s, b->a, &b->rows, SQL_PROBE_ADD, V_TEXT(TEXT("probe")), V_TEXT(text_of(id)), V_NULL, V_INT(7), V_TEXT(text_of(doc))));
}

static unsigned
count(struct bench *b)
{
	fine(b, STORE(b->s, b->a, &b->rows, SQL_PROBE_LIST, V_TEXT(TEXT("probe"))));
	return (b->rows.n);
}

/* the schema */

static void
a_schema_is_made_once(void **state)
{
	struct bench *b = bench(state);
	unsigned from = 9, to = 9, version = 9;

	fine(b, store_version(b->s, &version));
	assert_int_equal(version, 0);
	fine(b, store_migrate(b->s, &from, &to));
	assert_int_equal(from, 0);
	assert_int_equal(to, store_newest);
	fine(b, store_migrate(b->s, &from, &to));
	assert_int_equal(from, store_newest);
	assert_int_equal(to, store_newest);
	fine(b, store_version(b->s, &version));
	assert_int_equal(version, store_newest);
}

/* Several hosts at once: each finds the schema whole, and none fails. */
static void
schemas_are_made_side_by_side(void **state)
{
	struct bench *b = bench(state);
	unsigned version;
	pid_t pids[4];

	for (unsigned i = 0; i < nitems(pids); i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct store *s = store_new(text_of(b->url));
			unsigned from, to;
			enum store_end end = store_migrate(s, &from, &to);

			if (end != STORE_FINE)
				fprintf(stderr, "%s\n", store_why(s));
			_exit(end == STORE_FINE && to == store_newest ? 0 : 1);
		}
	}
	for (unsigned i = 0; i < nitems(pids); i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	fine(b, store_version(b->s, &version));
	assert_int_equal(version, store_newest);
}

/* a schema of a newer program is fit for this one: changes are additive */
static void
a_newer_schema_stays(void **state)
{
	struct bench *b = bench(state);
	unsigned from, to;

	fine(b, store_script(b->s, "UPDATE sluice_schema SET version = version + 7"));
	fine(b, store_migrate(b->s, &from, &to));
	assert_int_equal(from, store_newest + 7);
	assert_int_equal(to, store_newest + 7);
}

/* values */

static void
echoes(struct bench *b, struct text t, int64_t n)
{
	fine(b, STORE(b->s, b->a, &b->rows, SQL_PROBE_ECHO, V_TEXT(t), V_INT(n), V_NULL));
	assert_int_equal(b->rows.n, 1);
	assert_int_equal(b->rows.columns, 3);
	assert_int_equal(b->rows.changed, 0);
	assert_true(text_eq(rows_text(&b->rows, 0, 0), t));
	assert_false(rows_is_null(&b->rows, 0, 0));
	assert_int_equal(rows_int(&b->rows, 0, 1, -5), n);
	assert_true(rows_is_null(&b->rows, 0, 2));
	assert_int_equal(rows_text(&b->rows, 0, 2).len, 0);
	assert_int_equal(rows_int(&b->rows, 0, 2, -5), -5);
}

static void
values_come_back_as_they_went(void **state)
{
	struct bench *b = bench(state);
	static const char *const texts[] = { "", "plain", "it's \"quoted\"", "'; DROP TABLE sluice_key; --", "$1 $2 %s %n \\ \\. \\N", "a\tb\nc\r",
		"100%", "under_score", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x92\xb0", "\xef\xbf\xbf", "\x01\x7f" };
	static const int64_t numbers[] = { 0, 1, -1, INT64_MAX, INT64_MIN, INT64_C(9000000000000000000) };

	for (unsigned i = 0; i < nitems(texts); i++)
		echoes(b, text_of(texts[i]), numbers[i % nitems(numbers)]);
}

static void
a_huge_text_comes_back(void **state)
{
	struct bench *b = bench(state);
	size_t n = 8000000;
	char *big = must_alloc(n);

	memset(big, 'x', n);
	echoes(b, (struct text){ big, n }, 1);
	free(big);
}

static void
texts_that_are_none_are_not_sent(void **state)
{
	struct bench *b = bench(state);
	static const struct text bad[] = { { "a\0b", 3 }, { "\0", 1 }, { "\xff", 1 }, { "\xc3", 1 }, { "a\xc3", 2 }, { "\xc0\x80", 2 }, { "\xed\xa0\x80", 3 },
		{ "\xf4\x90\x80\x80", 4 }, { "\xe2\x82", 2 }, { "\x80", 1 } };

	for (unsigned i = 0; i < nitems(bad); i++) {
		assert_int_equal(STORE(b->s, b->a, &b->rows, SQL_PROBE_ECHO, V_TEXT(bad[i]), V_NULL, V_NULL), STORE_WRONG);
		assert_non_null(strstr(store_why(b->s), "parameter 1"));
	}
	echoes(b, TEXT("still here"), 5);
}

static void
likes_take_their_escapes(void **state)
{
	struct bench *b = bench(state);

	fine(b, add(b, "a_b", ""));
	fine(b, add(b, "aXb", ""));
	fine(b, add(b, "A_B", ""));
	fine(b, add(b, "100%", ""));
	fine(b, STORE(b->s, b->a, &b->rows, SQL_PROBE_LIKE, V_TEXT(TEXT("probe")), V_TEXT(TEXT("a\\_b"))));
	assert_int_equal(b->rows.n, 1);
	assert_true(text_is(rows_text(&b->rows, 0, 0), "a_b"));
	fine(b, STORE(b->s, b->a, &b->rows, SQL_PROBE_LIKE, V_TEXT(TEXT("probe")), V_TEXT(TEXT("a_b"))));
	assert_int_equal(b->rows.n, 2);
	fine(b, STORE(b->s, b->a, &b->rows, SQL_PROBE_LIKE, V_TEXT(TEXT("probe")), V_TEXT(TEXT("%\\%"))));
	assert_int_equal(b->rows.n, 1);
}

static void
what_changed_is_counted(void **state)
{
	struct bench *b = bench(state);

	fine(b, add(b, "one", "1"));
	assert_int_equal(b->rows.n, 1);			/* RETURNING */
	assert_true(text_is(rows_text(&b->rows, 0, 0), "one"));
	assert_int_equal(rows_int(&b->rows, 0, 1, 0), 7);
	assert_int_equal(b->rows.changed, 1);
	fine(b, STORE(b->s, b->a, &b->rows, SQL_PROBE_PUT, V_TEXT(TEXT("probe")), V_TEXT(TEXT("one")), V_TEXT(TEXT("2"))));
	assert_int_equal(b->rows.changed, 1);
	assert_int_equal(count(b), 1);
	assert_int_equal(b->rows.changed, 0);
	assert_true(text_is(rows_text(&b->rows, 0, 2), "2"));
	fine(b, STORE(b->s, b->a, &b->rows, SQL_PROBE_DROP, V_TEXT(TEXT("nothing"))));
	assert_int_equal(b->rows.changed, 0);
	fine(b, STORE(b->s, b->a, &b->rows, SQL_PROBE_DROP, V_TEXT(TEXT("probe"))));
	assert_int_equal(b->rows.changed, 1);
}

/* transactions */

static void
a_transaction_is_whole_or_not(void **state)
{
	struct bench *b = bench(state);

	store_rollback(b->s);				/* fine without one */
	fine(b, store_begin(b->s));
	fine(b, add(b, "kept", ""));
	fine(b, store_commit(b->s));
	fine(b, store_begin(b->s));
	fine(b, add(b, "left", ""));
	assert_int_equal(count(b), 2);
	store_rollback(b->s);
	assert_int_equal(count(b), 1);
}

static void
a_clash_ends_the_transaction(void **state)
{
	struct bench *b = bench(state);

	fine(b, add(b, "there", ""));
	assert_int_equal(add(b, "there", ""), STORE_CLASH);
	fine(b, add(b, "other", ""));			/* outside a transaction nothing is lost */
	fine(b, store_begin(b->s));
	fine(b, add(b, "third", ""));
	assert_int_equal(add(b, "there", "secret"), STORE_CLASH);
	assert_null(strstr(store_why(b->s), "secret"));
	assert_int_equal(add(b, "fourth", ""), STORE_CLASH);
	assert_int_equal(store_commit(b->s), STORE_CLASH);
	store_rollback(b->s);
	assert_int_equal(count(b), 2);
	fine(b, store_begin(b->s));
	fine(b, add(b, "fifth", ""));
	fine(b, store_commit(b->s));
	assert_int_equal(count(b), 3);
}

static void
what_must_be_there_is_no_clash(void **state)
{
	struct bench *b = bench(state);

	assert_int_equal(STORE(b->s, b->a, NULL, SQL_PROBE_ADD, V_TEXT(TEXT("probe")), V_NULL, V_NULL, V_INT(1), V_TEXT(TEXT(""))), STORE_WRONG);
	assert_int_equal(STORE(b->s, b->a, NULL, SQL_PROBE_ADD, V_TEXT(TEXT("probe")), V_TEXT(TEXT("x")), V_NULL, V_TEXT(TEXT("no number")),
	    V_TEXT(TEXT(""))), STORE_WRONG);
	assert_int_equal(count(b), 0);
}

/* A process that dies within a transaction leaves nothing. */
static void
a_killed_writer_leaves_nothing(void **state)
{
	struct bench *b = bench(state);
	int ready[2], status;
	pid_t pid;
	char c;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct bench child = { .a = arena_new(), .s = store_new(text_of(b->url)) };

		if (store_begin(child.s) != STORE_FINE || add(&child, "half", "") != STORE_FINE || write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(ready[0]);
	close(ready[1]);
	fine(b, add(b, "half", "mine"));		/* neither a row nor a lock of it is there */
	assert_int_equal(count(b), 1);
}

/* Two who add to one number each get their own. */
static void *
count_up(void *arg)
{
	struct bench mine = { .a = arena_new(), .s = store_new(text_of(arg)) };
	intptr_t failed = 0;

	for (int i = 0; i < 50; i++) {
		enum store_end end;

		do		/* a file's lock is nobody's turn: who waited too long asks again */
			end = STORE(mine.s, mine.a, NULL, SQL_PROBE_PUT, V_TEXT(TEXT("probe")), V_TEXT(TEXT("number")), V_TEXT(TEXT("")));
		while (end == STORE_AGAIN);
		failed += end != STORE_FINE;
	}
	store_free(mine.s);
	arena_free(mine.a);
	return ((void *)failed);
}

static void
writers_wait_for_each_other(void **state)
{
	struct bench *b = bench(state);
	pthread_t threads[3];
	void *failed;

	for (unsigned i = 0; i < nitems(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_up, b->url), 0);
	for (unsigned i = 0; i < nitems(threads); i++) {
		pthread_join(threads[i], &failed);
		assert_ptr_equal(failed, NULL);
	}
	assert_int_equal(count(b), 1);
	fine(b, store_script(b->s, "UPDATE sluice_thing SET doc = CAST(updated_at AS TEXT)"));
	assert_int_equal(count(b), 1);
	assert_int_equal(rows_int(&b->rows, 0, 2, 0), 149);
}

/* many rows */

/* Rows 00000, 00001 …, but those that are named otherwise. */
struct lot {
	int		 n, most;
	const char	*names[3];		/* of the first ones */
	struct text	 docs[3], doc;
	int64_t		 added;
	void		(*at_second)(struct bench *);
	struct bench	*b;
	char		 id[16];
};

static bool
next_of_lot(void *self, struct value *v)
{
	struct lot *l = self;
	bool named = l->n < 3 && l->names[l->n] != NULL;
	struct text doc = l->n < 3 && l->docs[l->n].at != NULL ? l->docs[l->n] : l->doc;

	if (l->n == l->most)
		return (false);
	if (l->n == 1 && l->at_second != NULL)
		l->at_second(l->b);
	snprintf(l->id, sizeof(l->id), "%05d", l->n);
	memcpy(v, (const struct value[]){ V_TEXT(TEXT("probe")), V_TEXT(named ? text_of(l->names[l->n]) : text_of(l->id)), V_NULL, V_INT(1), V_INT(2),
		V_TEXT(doc) }, 6 * sizeof(*v));
	l->n++;
	return (true);
}

static enum store_end
load(struct bench *b, struct lot *l)
{
	return (store_load(b->s, SQL_LOAD_PROBE, 6, next_of_lot, l, &l->added));
}

static void
many_rows_are_loaded(void **state)
{
	struct bench *b = bench(state);
	static const char odd[] = "tab\t newline\n return\r backslash\\ end \\. \\N 'quote'";
	struct lot some = { .most = 5000, .doc = text_of(odd) }, none = { .most = 0 };

	fine(b, store_begin(b->s));
	fine(b, load(b, &some));
	assert_int_equal(some.added, 5000);
	fine(b, add(b, "and one more", ""));
	fine(b, load(b, &none));
	assert_int_equal(none.added, 0);
	fine(b, store_commit(b->s));
	assert_int_equal(count(b), 5001);
	assert_true(text_is(rows_text(&b->rows, 4999, 2), odd));
	assert_true(rows_is_null(&b->rows, 4999, 1));
}

static void
a_bad_row_ends_the_load(void **state)
{
	struct bench *b = bench(state);
	struct lot lot = { .most = 3, .docs[1] = TEXT("a\0b") }, behind = { .most = 1 };

	fine(b, store_begin(b->s));
	assert_int_equal(load(b, &lot), STORE_WRONG);
	assert_int_equal(lot.n, 2);
	assert_non_null(strstr(store_why(b->s), "parameter 6"));
	assert_int_equal(load(b, &behind), STORE_WRONG);
	assert_int_equal(store_commit(b->s), STORE_WRONG);
	store_rollback(b->s);
	assert_int_equal(count(b), 0);
}

static void
a_load_may_clash(void **state)
{
	struct bench *b = bench(state);
	struct lot lot = { .most = 3, .names = { "twice", "twice" } };

	fine(b, store_begin(b->s));
	assert_int_equal(load(b, &lot), STORE_CLASH);
	store_rollback(b->s);
	assert_int_equal(count(b), 0);
}

static void
a_load_that_is_given_up(void **state)
{
	struct bench *b = bench(state);
	struct lot lot = { .most = 2000, .doc = TEXT("0123456789012345678901234567890123456789") };

	fine(b, store_begin(b->s));
	fine(b, load(b, &lot));
	store_rollback(b->s);
	assert_int_equal(count(b), 0);
}

/* Another number of values than there are columns. */
static void
a_load_of_other_columns(void **state)
{
	struct bench *b = bench(state);
	struct lot lot = { .most = 3 };

	fine(b, store_begin(b->s));
	assert_int_equal(store_load(b->s, SQL_LOAD_PROBE, 5, next_of_lot, &lot, NULL), STORE_WRONG);
	store_rollback(b->s);
	assert_int_equal(count(b), 0);
}

/* time limits, in both: the late one is stopped, and the next is fine */

static void
what_is_late_is_given_up(void **state)
{
	struct bench *b = bench(state);
	int64_t began = clock_us(), took;

	store_patience(b->s, 100);
	assert_int_equal(store_script(b->s, store_is_postgres(b->s) ? "SELECT pg_sleep(600)" :
	    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"), STORE_AWAY);
	took = clock_us() - began;
	assert_true(took > 90000 && took < 60000000);
	assert_non_null(strstr(store_why(b->s), "100 ms"));
	store_patience(b->s, 0);
	echoes(b, TEXT("again"), 1);
}

/* only SQLite */

static void
a_file_is_its_owners(void **state)
{
	struct bench *b = bench(state);
	static const char *const tails[] = { "", "-wal", "-shm" };
	char path[200];
	struct stat st;

	umask(0);
	fine(b, add(b, "x", ""));
	for (unsigned i = 0; i < nitems(tails); i++) {
		snprintf(path, sizeof(path), "%s%s", b->url, tails[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	umask(022);
}

/* As its header says. */
static unsigned
page_size(const struct bench *b)
{
	unsigned char two[2] = { 0, 0 };
	FILE *f = fopen(b->url, "r");

	assert_non_null(f);
	assert_int_equal(fseek(f, 16, SEEK_SET), 0);
	assert_int_equal(fread(two, 1, 2, f), 2);
	fclose(f);
	return ((unsigned)two[0] << 8 | two[1]);
}

/* Files of earlier versions have SQLite's own: they stay so, and take rows as they did. */
static void
an_older_file_keeps_its_pages(void **state)
{
	struct bench *b = bench(state);
	struct lot lot = { .most = 500 };

	fine(b, add(b, "before", ""));
	store_free(b->s);
	b->s = store_new(text_of(b->url));
	fine(b, add(b, "with large ones", ""));
	fine(b, store_script(b->s, "PRAGMA wal_checkpoint(TRUNCATE)"));
	assert_int_equal(page_size(b), 16384);
	fine(b, store_script(b->s, "PRAGMA journal_mode = DELETE; PRAGMA page_size = 4096; VACUUM"));
	store_free(b->s);
	b->s = store_new(text_of(b->url));
	fine(b, store_begin(b->s));
	fine(b, load(b, &lot));
	fine(b, store_commit(b->s));
	fine(b, store_script(b->s, "PRAGMA wal_checkpoint(TRUNCATE)"));
	assert_int_equal(page_size(b), 4096);
	assert_int_equal(count(b), 502);
}

static void
a_file_that_can_not_be(void **state)
{
	struct bench *b = bench(state);
	char path[200];
	struct store *s;
	FILE *f;

	s = store_new(TEXT("/nowhere/at/all/sluice.db"));
	assert_int_equal(STORE0(s, b->a, NULL, SQL_SCHEMA_THERE), STORE_AWAY);
	store_free(s);
	snprintf(path, sizeof(path), "%s/text", b->folder);
	f = fopen(path, "w");
	for (int i = 0; i < 1000; i++)
		fprintf(f, "this is no database\n");
	fclose(f);
	s = store_new(text_of(path));
	assert_int_not_equal(STORE0(s, b->a, NULL, SQL_SCHEMA_THERE), STORE_FINE);
	store_free(s);
}

/* Who waits for the lock too long may begin anew. */
static void
a_lock_that_stays(void **state)
{
	struct bench *b = bench(state);
	struct store *other = store_new(text_of(b->url));

	fine(b, store_begin(b->s));
	store_patience(other, 200);
	assert_int_equal(store_begin(other), STORE_AGAIN);
	store_rollback(b->s);
	assert_int_equal(store_begin(other), STORE_FINE);
	store_free(other);
}

/* only PostgreSQL */

static void
end_all_others(struct bench *b)
{
	struct store *admin = store_new(text_of(b->url));

	assert_int_equal(store_script(admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
	    " WHERE datname = current_database() AND pid <> pg_backend_pid()"), STORE_FINE);
	store_free(admin);
}

static void
await_end(const struct store *s)
{
	struct pollfd fd = { store_fd(s), POLLRDHUP, 0 };

	assert_int_equal(poll(&fd, 1, 60000), 1);
}

/* And until this one could hear it. */
static void
end_it(struct bench *b)
{
	end_all_others(b);
	await_end(b->s);
}

static void
a_connection_that_was_ended(void **state)
{
	struct bench *b = bench(state);

	fine(b, add(b, "before", ""));
	end_it(b);
	fine(b, add(b, "behind", ""));			/* idle: found out, opened anew */
	fine(b, store_begin(b->s));
	fine(b, add(b, "lost", ""));
	end_it(b);
	assert_int_equal(add(b, "lost too", ""), STORE_AWAY);
	assert_int_equal(store_commit(b->s), STORE_AWAY);
	store_rollback(b->s);
	assert_int_equal(count(b), 2);
}

static void
a_load_whose_server_goes(void **state)
{
	struct bench *b = bench(state);
	struct lot lot = { .most = 20000, .doc = TEXT("0123456789012345678901234567890123456789"), .at_second = end_it, .b = b };

	fine(b, store_begin(b->s));
	assert_int_equal(load(b, &lot), STORE_AWAY);
	store_rollback(b->s);
	assert_int_equal(count(b), 0);
}

static pid_t
backend(struct bench *b)
{
	struct text doc;

	fine(b, store_script(b->s, "INSERT INTO sluice_thing VALUES ('probe', 'pid', NULL, 0, 0, CAST(pg_backend_pid() AS TEXT))"
	    " ON CONFLICT (kind, id) DO UPDATE SET doc = excluded.doc"));
	assert_int_equal(count(b), 1);
	doc = rows_text(&b->rows, 0, 2);
	return ((pid_t)atoi(doc.at));
}

/* A stopped process keeps its connections: nobody waits for it longer than he said. */
static void
a_backend_that_hangs(void **state)
{
	struct bench *b = bench(state);
	pid_t pid = backend(b);
	enum store_end end;

	postgres_halt(pid);
	store_patience(b->s, 200);
	end = add(b, "x", "");
	kill(pid, SIGCONT);
	assert_int_equal(end, STORE_AWAY);
	store_patience(b->s, 0);
	assert_true(count(b) <= 2);			/* whether it was done is not known */
}

static void
a_server_that_hangs(void **state)
{
	struct bench *b = bench(state);
	struct store *s = store_new(text_of(b->url));
	enum store_end end;

	postgres_halt(server.pid);
	store_patience(s, 300);
	end = STORE0(s, b->a, NULL, SQL_SCHEMA_THERE);
	kill(server.pid, SIGCONT);
	assert_int_equal(end, STORE_AWAY);
	store_patience(s, 0);
	assert_int_equal(STORE0(s, b->a, NULL, SQL_SCHEMA_THERE), STORE_FINE);
	store_free(s);
}

static void
a_server_that_crashes(void **state)
{
	struct bench *b = bench(state);
	char url[160];

	fine(b, add(b, "safe", ""));
	fine(b, store_begin(b->s));
	fine(b, add(b, "half", ""));
	snprintf(url, sizeof(url), "%s", b->url);
	postgres_end(&server, SIGQUIT);
	assert_int_equal(store_commit(b->s), STORE_AWAY);
	store_rollback(b->s);
	assert_int_equal(add(b, "nobody", ""), STORE_AWAY);
	postgres_run(&server);
	assert_int_equal(count(b), 1);
}

static void
deadlocks_begin_anew(void **state)
{
	struct bench *b = bench(state);
	struct store *other = store_new(text_of(b->url)), *watcher = store_new(text_of(b->url));
	int status;
	pid_t pid;

	fine(b, store_script(b->s, "ALTER SYSTEM SET deadlock_timeout = '50ms'; "));
	fine(b, store_script(b->s, "SELECT pg_reload_conf()"));
	fine(b, add(b, "a", ""));
	fine(b, add(b, "b", ""));
	fine(b, store_begin(b->s));
	fine(b, store_script(b->s, "UPDATE sluice_thing SET doc = '1' WHERE id = 'a'"));
	pid = fork();
	if (pid == 0) {
		bool begun = store_begin(other) == STORE_FINE && store_script(other, "UPDATE sluice_thing SET doc = '2' WHERE id = 'b'") == STORE_FINE;
		enum store_end end = begun ? store_script(other, "UPDATE sluice_thing SET doc = '2' WHERE id = 'a'") : STORE_WRONG;

		_exit(end == STORE_AGAIN ? 1 : end == STORE_FINE && store_commit(other) == STORE_FINE ? 0 : 2);
	}
	fine(b, store_script(watcher, "DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM pg_locks WHERE NOT granted) LOOP PERFORM pg_sleep(0.001);"
	    " END LOOP; END $$"));
	status = store_script(b->s, "UPDATE sluice_thing SET doc = '1' WHERE id = 'b'");
	if (status == STORE_FINE)
		fine(b, store_commit(b->s));
	else {
		assert_int_equal(status, STORE_AGAIN);
		store_rollback(b->s);
	}
	{
		int theirs;

		assert_int_equal(waitpid(pid, &theirs, 0), pid);
		assert_int_equal(WEXITSTATUS(theirs), status == STORE_FINE ? 1 : 0);
	}
	store_free(other);
	store_free(watcher);
}

static void
notifications_are_heard(void **state)
{
	struct bench *b = bench(state);
	struct store *ear = store_new(text_of(b->url));
	int64_t began;

	assert_int_equal(store_fd(ear), -1);
	assert_int_equal(store_listen(ear, "sluice_change"), STORE_FINE);
	assert_true(store_fd(ear) >= 0);
	began = clock_us();
	assert_false(store_heard(ear, 50));
	assert_true(clock_us() - began >= 45000);
	fine(b, store_script(b->s, "NOTIFY sluice_change"));
	assert_true(store_heard(ear, 30000));
	assert_false(store_heard(ear, 0));
	end_it(b);
	await_end(ear);
	assert_false(store_heard(ear, 30000));
	assert_int_equal(store_fd(ear), -1);
	assert_int_equal(STORE0(ear, b->a, NULL, SQL_SCHEMA_THERE), STORE_FINE);	/* opened anew, and listens */
	fine(b, store_script(b->s, "NOTIFY sluice_change"));
	assert_true(store_heard(ear, 30000));
	store_free(ear);
}

/* It takes LISTEN and delivers nothing, so who listens must look now and then, too. */
static void
pgbouncer_delivers_nothing(void **state)
{
	struct bench *b = bench(state);
	struct store *ear = store_new(text_of(b->url));

	assert_int_equal(store_listen(ear, "sluice_change"), STORE_FINE);
	fine(b, store_script(b->s, "NOTIFY sluice_change"));
	assert_false(store_heard(ear, 200));
	assert_true(store_fd(ear) >= 0);
	store_free(ear);
}

/* More clients than it has connections to the server, each with its transactions. */
static void
pgbouncer_is_shared(void **state)
{
	struct bench *b = bench(state);
	pthread_t threads[8];
	void *failed;

	for (unsigned i = 0; i < nitems(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_up, b->url), 0);
	for (unsigned i = 0; i < nitems(threads); i++) {
		pthread_join(threads[i], &failed);
		assert_ptr_equal(failed, NULL);
	}
	assert_int_equal(count(b), 1);
}

static void
sqlite_hears_nothing(void **state)
{
	struct bench *b = bench(state);

	fine(b, store_listen(b->s, "sluice_change"));
	assert_false(store_heard(b->s, 1000));
	assert_int_equal(store_fd(b->s), -1);
}

/* Addresses: what people write, and what must never be said. */
static void
addresses(void **state)
{
	struct bench *b = bench(state);
	char url[300];
	static const char *const tails[] = { "", "?schema=public&connection_limit=10", "?pgbouncer=true&connect_timeout=30&sslmode=disable",
		"?sslmode=prefer&pool_timeout=60&sslaccept=accept_invalid_certs", "?", "?&&=", "?application_name=other" };

	for (unsigned i = 0; i < nitems(tails); i++) {
		struct store *s;

		snprintf(url, sizeof(url), "%s%s", b->url, tails[i]);
		s = store_new(text_of(url));
		if (STORE0(s, b->a, NULL, SQL_SCHEMA_THERE) != STORE_FINE)
			fail_msg("%s: %s", url, store_why(s));
		store_free(s);
	}
}

static void
passwords_stay_secret(void **state)
{
	struct bench *b = bench(state);
	static const char *const urls[] = {
		"postgresql://u:Hush@sh@127.0.0.1:!/d", "postgresql://u:Hu/sh@127.0.0.1:!/d", "postgresql://u:Hu:sh@127.0.0.1:!/d",
		"postgresql://u:Hu%zzsh@127.0.0.1:!/d", "postgresql://u:Hush@127.0.0.1:!/none", "postgresql://u:Hu#sh?@127.0.0.1:!/d",
		"postgresql://Hush:Hush@nowhere.invalid:!/d", "postgresql://u:Hush@127.0.0.1:1!/d", "postgresql://u:Hush@127.0.0.1:!/d?sslmode=Hush",
		"postgresql://u@127.0.0.1:!/d?password=Hush&sslrootcert=x",
	};
	char url[200];

	for (unsigned i = 0; i < nitems(urls); i++) {
		struct text before, behind;
		struct store *s;

		text_cut(text_of(urls[i]), '!', &before, &behind);	/* where the port goes */
		snprintf(url, sizeof(url), TEXT_FMT "%d" TEXT_FMT, TEXT_ARG(before), server.port, TEXT_ARG(behind));
		s = store_new(text_of(url));
		assert_int_equal(STORE0(s, b->a, NULL, SQL_SCHEMA_THERE), STORE_AWAY);
		if (strstr(store_why(s), "sh@") != NULL || strstr(store_why(s), "Hu") != NULL || store_why(s)[0] == '\0')
			fail_msg("%s: %s", url, store_why(s));
		store_free(s);
	}
}

#define BOTH(test)	{ #test "_on_sqlite", test, sqlite, teardown, NULL }, { #test "_on_postgres", test, postgres, teardown, NULL }
#define ALL3(test)	BOTH(test), { #test "_through_pgbouncer", test, bounced, teardown, NULL }
#define BARE(test)	{ #test "_on_sqlite", test, bare_sqlite, teardown, NULL }, { #test "_on_postgres", test, bare_postgres, teardown, NULL }
#define LITE(test)	{ #test, test, sqlite, teardown, NULL }
#define POST(test)	{ #test, test, postgres, teardown, NULL }

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BARE(a_schema_is_made_once),
		BARE(schemas_are_made_side_by_side),
		BOTH(a_newer_schema_stays),
		ALL3(values_come_back_as_they_went),
		BOTH(a_huge_text_comes_back),
		BOTH(texts_that_are_none_are_not_sent),
		BOTH(likes_take_their_escapes),
		ALL3(what_changed_is_counted),
		ALL3(a_transaction_is_whole_or_not),
		ALL3(a_clash_ends_the_transaction),
		BOTH(what_must_be_there_is_no_clash),
		BOTH(a_killed_writer_leaves_nothing),
		BOTH(writers_wait_for_each_other),
		ALL3(many_rows_are_loaded),
		BOTH(a_bad_row_ends_the_load),
		ALL3(a_load_may_clash),
		ALL3(a_load_that_is_given_up),
		ALL3(a_load_of_other_columns),
		ALL3(what_is_late_is_given_up),
		LITE(a_file_is_its_owners),
		LITE(an_older_file_keeps_its_pages),
		LITE(a_file_that_can_not_be),
		LITE(a_lock_that_stays),
		LITE(sqlite_hears_nothing),
		{ "pgbouncer_delivers_nothing", pgbouncer_delivers_nothing, bounced, teardown, NULL },
		{ "pgbouncer_is_shared", pgbouncer_is_shared, bounced, teardown, NULL },
		POST(a_connection_that_was_ended),
		POST(a_load_whose_server_goes),
		POST(a_backend_that_hangs),
		POST(a_server_that_hangs),
		POST(deadlocks_begin_anew),
		POST(notifications_are_heard),
		POST(addresses),
		POST(passwords_stay_secret),
		POST(a_server_that_crashes),
	};
	int rc;

	signal(SIGPIPE, SIG_IGN);
	if (!postgres_start(&server))
		print_message("PostgreSQL is not installed: its half is skipped\n");
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	postgres_stop(&server);
	return (rc);
}
