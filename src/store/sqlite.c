/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The embedded engine: a SQLite file.
 *
 * Write-ahead log, so that readers and the one writer do not meet; every commit is synced (synchronous=FULL), because a lease that was granted and spent
 * must not be granted again after a power failure.  Statements are prepared once a connection.
 */
#include "store/store_priv.h"

#include "base/clock.h"
#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BUSY_MS		3000
#define LOOK_EVERY	10000		/* steps of its machine between two looks at the clock: about a millisecond */
/* Of a file that is new; others stay as they are.  Rows are written twice, into the log and into the file, a call of the system for each page. */
#define SHAPE		"PRAGMA page_size = 16384"

/* A statement, and which of SQLite's parameters each of ours is: it finds them by comparing names. */
struct ready {
	sqlite3_stmt	*st;			/* NULL: not prepared yet */
	unsigned char	*places;		/* 0: this dialect's text has no use for it */
};

struct lite {
	sqlite3		*db;
	struct ready	 statements[SQL_STATEMENTS];
	struct loading	*loading;		/* what the table of loaded rows has; NULL: nothing */
	bool		 late;			/* what runs was stopped by the clock */
};

/* What a result code means for the asker. */
static enum store_end
meaning(const struct lite *l, int code)
{
	if (l->late)
		return (STORE_AWAY);
	switch (code) {
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_PRIMARYKEY:
	case SQLITE_CONSTRAINT_ROWID:
		return (STORE_CLASH);
	default:
		break;
	}
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return (STORE_AGAIN);
	case SQLITE_CANTOPEN:
	case SQLITE_IOERR:
	case SQLITE_FULL:			/* nothing is wrong with what was to be written: there may be room again */
	case SQLITE_READONLY:
	case SQLITE_NOMEM:
		return (STORE_AWAY);
	default:
		return (STORE_WRONG);
	}
}

static enum store_end
fail(struct store *s, const char *what)
{
	struct lite *l = s->engine_self;

	if (l->late)
		return (store_fail(s, STORE_AWAY, "%s: it took longer than %u ms", what, s->patience_ms));
	return (store_fail(s, meaning(l, libsqlite.extended_errcode(l->db)), "%s: %s", what, libsqlite.errmsg(l->db)));
}

static int
is_late(void *self)
{
	struct store *s = self;
	struct lite *l = s->engine_self;

	l->late = clock_us() > s->deadline_us;
	return (l->late);
}

static void
lite_close(struct store *s)
{
	struct lite *l = s->engine_self;

	for (unsigned i = 0; i < SQL_STATEMENTS; i++) {
		libsqlite.finalize(l->statements[i].st);
		free(l->statements[i].places);
	}
	libsqlite.close_v2(l->db);
	free(l);
}

/* Closing any descriptor of the file would drop this process's locks on it, so only who makes it opens it here. */
static bool
make_file(const char *path)
{
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
	int fd;

	pthread_mutex_lock(&one);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		close(fd);
	pthread_mutex_unlock(&one);
	return (fd >= 0 || errno == EEXIST);
}

static enum store_end
lite_script(struct store *s, const char *sql)
{
	struct lite *l = s->engine_self;

	l->late = false;
	return (libsqlite.exec(l->db, sql, NULL, NULL, NULL) == SQLITE_OK ? STORE_FINE : fail(s, "SQLite"));
}

/* The way into it waits for nobody, whatever the time-out, while another process is on its own way in. */
static enum store_end
enter_wal(struct store *s)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	enum store_end end = lite_script(s, "PRAGMA journal_mode = WAL");

	for (int waited = 0; end == STORE_AGAIN && waited < BUSY_MS; waited += 20) {
		nanosleep(&pause, NULL);
		end = lite_script(s, "PRAGMA journal_mode = WAL");
	}
	return (end);
}

static enum store_end
lite_open(struct store *s)
{
	enum store_end end = STORE_AWAY;
	struct lite *l;

	if (!libsqlite_load())
		return (store_fail(s, STORE_AWAY, "SQLite can not be loaded"));
	if (!make_file(s->url))
		return (store_fail(s, STORE_AWAY, "%s can not be made: %s", s->url, strerror(errno)));
	s->engine_self = l = must_zalloc(sizeof(*l));
	if (libsqlite.open_v2(s->url, &l->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		store_fail(s, STORE_AWAY, "%s can not be opened: %s", s->url, libsqlite.errmsg(l->db));
	else {
		libsqlite.extended_result_codes(l->db, 1);
		libsqlite.busy_timeout(l->db, BUSY_MS);
		libsqlite.progress_handler(l->db, LOOK_EVERY, is_late, s);
		end = lite_script(s, SHAPE);
		if (end == STORE_FINE)
			end = enter_wal(s);
		if (end == STORE_FINE)
			end = lite_script(s, "PRAGMA synchronous = FULL; PRAGMA case_sensitive_like = ON; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864;"
		    "PRAGMA trusted_schema = OFF");
		if (end == STORE_FINE && sqlite_rows(l->db, &l->loading) != SQLITE_OK)
			end = fail(s, "SQLite");
	}
	if (end != STORE_FINE) {
		lite_close(s);
		s->engine_self = NULL;
	}
	return (end == STORE_AGAIN ? STORE_AWAY : end);
}

/* a statement */

static int
bind(const struct ready *r, const struct value *v, unsigned n)
{
	int rc = SQLITE_OK;

	for (unsigned i = 0; i < n && rc == SQLITE_OK; i++) {
		int at = r->places[i];

		if (at == 0)
			continue;
		if (v[i].kind == VALUE_INT)
			rc = libsqlite.bind_int64(r->st, at, v[i].n);
		else if (v[i].kind == VALUE_TEXT)
			rc = libsqlite.bind_text(r->st, at, v[i].t.len > 0 ? v[i].t.at : "", (int)v[i].t.len, SQLITE_STATIC);
		else
			rc = libsqlite.bind_null(r->st, at);
	}
	return (rc);
}

static unsigned char *
places_of(sqlite3_stmt *st, unsigned n)
{
	unsigned char *places = must_zalloc(n + 1);
	char name[16];

	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "$%u", i + 1);
		places[i] = (unsigned char)libsqlite.bind_parameter_index(st, name);
	}
	return (places);
}

/* NULL: it can not be prepared. */
static const struct ready *
ready(struct lite *l, enum statement which)
{
	const struct statement_row *row = statement_row(which);
	struct ready *r = &l->statements[which];

	if (r->st != NULL)
		return (r);
	libsqlite.prepare_v3(l->db, row->text[DIALECT_SQLITE], -1, SQLITE_PREPARE_PERSISTENT, &r->st, NULL);
	if (r->st == NULL)
		return (NULL);
	r->places = places_of(r->st, row->parameters);
	return (r);
}

static void
take_row(struct rows *rows, struct arena *a, sqlite3_stmt *st, unsigned *room)
{
	struct text *cells = rows_grow(rows, a, room);

	for (unsigned i = 0; i < rows->columns; i++)
		if (libsqlite.column_type(st, (int)i) != SQLITE_NULL) {
			const char *at = (const char *)libsqlite.column_text(st, (int)i);

			cells[i] = arena_copy(a, (struct text){ at, (size_t)libsqlite.column_bytes(st, (int)i) });
		}
}

static int
run(struct lite *l, struct arena *a, struct rows *rows, sqlite3_stmt *st)
{
	unsigned room = 0;
	int rc;

	rows->columns = (unsigned)libsqlite.column_count(st);
	while ((rc = libsqlite.step(st)) == SQLITE_ROW)
		take_row(rows, a, st, &room);
	if (rc == SQLITE_DONE && !libsqlite.stmt_readonly(st))
		rows->changed = libsqlite.changes64(l->db);
	return (rc);
}

static enum store_end
lite_ask(struct store *s, struct arena *a, struct rows *rows, enum statement which, const struct value *v, unsigned n)
{
	struct lite *l = s->engine_self;
	const struct ready *r = ready(l, which);
	enum store_end end = STORE_FINE;

	l->late = false;
	if (r == NULL || bind(r, v, n) != SQLITE_OK || run(l, a, rows, r->st) != SQLITE_DONE)
		end = fail(s, statement_row(which)->name);
	if (r != NULL) {
		libsqlite.reset(r->st);
		libsqlite.clear_bindings(r->st);
	}
	return (end);
}

/* many rows: a statement that selects them */

static enum store_end
lite_load(struct store *s, enum statement which, struct loading *loading, int64_t *added)
{
	struct lite *l = s->engine_self;
	const struct ready *r = ready(l, which);
	enum store_end end = STORE_FINE;

	l->late = false;
	l->loading = loading;
	if (r == NULL || libsqlite.step(r->st) != SQLITE_DONE)
		end = fail(s, statement_row(which)->name);
	else
		*added = libsqlite.changes64(l->db);
	l->loading = NULL;
	if (r != NULL)
		libsqlite.reset(r->st);
	return (end);
}

const struct engine engine_sqlite = {
	.dialect = DIALECT_SQLITE, .begin = "BEGIN IMMEDIATE", .open = lite_open, .close = lite_close, .ask = lite_ask, .script = lite_script,
	.load = lite_load,
};
