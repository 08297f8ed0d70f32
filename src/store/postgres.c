/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PostgreSQL engine, on libpq.
 *
 * It works through PgBouncer in transaction mode: no statement is prepared by name, nothing is set for a session, and no start-up parameter is sent that
 * PgBouncer refuses.  So the time limit of a statement is ours: what is late is given up with its connection, and the server is asked to stop.
 */
#include "store/postgres.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define COPY_BYTES	65536		/* rows that are sent together */
#define PARAMETERS_MOST	64

/* What went wrong */

/* By SQLSTATE: a whole one, or its class. */
static const struct {
	char		 state[6];
	enum store_end	 end;
} states[] = {
	{ "23505", STORE_CLASH }, { "40001", STORE_AGAIN }, { "40P01", STORE_AGAIN }, { "55P03", STORE_AGAIN },
	{ "08", STORE_AWAY }, { "57P01", STORE_AWAY }, { "57P02", STORE_AWAY }, { "57P03", STORE_AWAY }, { "57P05", STORE_AWAY },
	{ "57014", STORE_AWAY },	/* cancelled: an operator's statement_timeout */
	{ "53", STORE_AWAY },		/* no room on its disk, no memory, too many connections */
	{ "25006", STORE_AWAY },	/* it only reads: a standby now */
};

static enum store_end
meaning(const char *state)
{
	for (size_t i = 0; state != NULL && i < nitems(states); i++)
		if (strncmp(state, states[i].state, strlen(states[i].state)) == 0)
			return (states[i].end);
	return (state == NULL ? STORE_AWAY : STORE_WRONG);
}

/* libpq puts lines of its own together; one is enough for a log. */
static enum store_end
say(struct store *s, enum store_end end, const char *what, const char *message)
{
	const struct pg *p = s->engine_self;
	struct text m = text_trim(text_of(message));

	text_cut(m, '\n', &m, &(struct text){ 0 });
	if (p->password.len > 0 && text_has(m, p->password))
		m = TEXT("(a message that holds the password)");
	return (store_fail(s, end, "%s: " TEXT_FMT, what, TEXT_ARG(m)));
}

static enum store_end
broken(struct store *s, const char *what)
{
	struct pg *p = s->engine_self;

	if (pg_await(s, POLLOUT) == 0) {
		pg_cancel(p);
		return (store_fail(s, STORE_AWAY, "%s: no answer within %u ms", what, s->patience_ms));
	}
	return (say(s, STORE_AWAY, what, libpq.errorMessage(p->c)));
}

/* The primary message only: details hold values. */
static enum store_end
failed(struct store *s, const PGresult *r, const char *what)
{
	const struct pg *p = s->engine_self;
	const char *state = libpq.resultErrorField(r, PG_DIAG_SQLSTATE), *message = libpq.resultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	enum store_end end = libpq.status(p->c) == CONNECTION_BAD ? STORE_AWAY : meaning(state);

	return (say(s, end, what, message != NULL ? message : libpq.errorMessage(p->c)));
}

/* a connection */

static void
pg_close(struct store *s)
{
	struct pg *p = s->engine_self;

	if (p->c != NULL)
		libpq.finish(p->c);
	explicit_bzero((char *)(uintptr_t)p->password.at, p->password.len);
	arena_free(p->a);
	arena_free(p->urls);
	buf_free(&p->copy);
	free(p);
}

static enum store_end
pg_open(struct store *s)
{
	const char *url, *why;
	struct pg *p;

	if (!libpq_load())
		return (store_fail(s, STORE_AWAY, "libpq can not be loaded"));
	s->engine_self = p = must_zalloc(sizeof(*p));
	p->a = arena_new();
	p->urls = arena_new();
	url = postgres_url(p->urls, text_of(s->url), &p->password, &why);
	if (url != NULL && pg_connect(s, url))
		return (STORE_FINE);
	if (url == NULL)
		store_fail(s, STORE_AWAY, "%s", why);
	else if (p->c != NULL && libpq.status(p->c) == CONNECTION_BAD)
		say(s, STORE_AWAY, "PostgreSQL", libpq.errorMessage(p->c));
	else
		store_fail(s, STORE_AWAY, "PostgreSQL: no answer to connecting in time");
	pg_close(s);
	s->engine_self = NULL;
	return (STORE_AWAY);
}

/* A server that ended an idle connection has said so: that is found out before anything is sent, so that nothing is done twice. */
static bool
pg_alive(struct store *s)
{
	struct pg *p = s->engine_self;
	struct pollfd fd = { libpq.socket(p->c), POLLIN, 0 };

	for (int i = 0; i < 100 && fd.fd >= 0 && poll(&fd, 1, 0) > 0; i++)
		if (!libpq.consumeInput(p->c) || libpq.status(p->c) == CONNECTION_BAD)
			return (false);
	return (libpq.status(p->c) == CONNECTION_OK);
}

/* A COPY that is given up must be ended before anything else can be said. */
static void
end_copy(struct store *s)
{
	struct pg *p = s->engine_self;

	if (!p->copying)
		return;
	p->copying = false;
	p->copy.len = 0;
	if (libpq.putCopyEnd(p->c, "given up") == 1)
		libpq.clear(pg_result(s));
}

static enum store_end
pg_script(struct store *s, const char *sql)
{
	struct pg *p = s->engine_self;
	enum store_end end = STORE_FINE;
	PGresult *r;

	end_copy(s);
	if (!libpq.sendQuery(p->c, sql) || (r = pg_result(s)) == NULL)
		return (broken(s, "PostgreSQL"));
	if (libpq.resultStatus(r) != PGRES_COMMAND_OK && libpq.resultStatus(r) != PGRES_TUPLES_OK)
		end = failed(s, r, "PostgreSQL");
	else if (strcmp(sql, "COMMIT") == 0 && strcmp(libpq.cmdStatus(r), "COMMIT") != 0)
		end = store_fail(s, STORE_WRONG, "a transaction that failed before can not be committed");
	libpq.clear(r);
	return (end);
}

/* a statement */

static const char *
written(struct arena *a, const struct value *v)
{
	switch (v->kind) {
	case VALUE_INT:
		return (arena_print(a, "%lld", (long long)v->n).at);
	case VALUE_TEXT:
		return (arena_copy(a, v->t).at);
	default:
		return (NULL);
	}
}

static void
take_rows(struct rows *rows, struct arena *a, const PGresult *r)
{
	unsigned n = (unsigned)libpq.ntuples(r), room = 0;

	rows->columns = (unsigned)libpq.nfields(r);
	for (unsigned i = 0; i < n; i++) {
		struct text *cells = rows_grow(rows, a, &room);

		for (unsigned k = 0; k < rows->columns; k++)
			if (!libpq.getisnull(r, (int)i, (int)k))
				cells[k] = arena_copy(a, (struct text){ libpq.getvalue(r, (int)i, (int)k), (size_t)libpq.getlength(r, (int)i, (int)k) });
	}
}

static int64_t
changed(PGresult *r)
{
	int64_t n;

	return (strncmp(libpq.cmdStatus(r), "SELECT", 6) != 0 && text_to_i64(text_of(libpq.cmdTuples(r)), &n) ? n : 0);
}

static enum store_end
pg_ask(struct store *s, struct arena *a, struct rows *rows, enum statement which, const struct value *v, unsigned n)
{
	const struct statement_row *row = statement_row(which);
	struct pg *p = s->engine_self;
	const char *values[PARAMETERS_MOST];
	enum store_end end = STORE_FINE;
	PGresult *r;

	assert(n <= PARAMETERS_MOST);
	arena_clear(p->a);
	for (unsigned i = 0; i < n; i++)
		values[i] = written(p->a, &v[i]);
	if (!libpq.sendQueryParams(p->c, row->text[DIALECT_POSTGRES], (int)n, NULL, values, NULL, NULL, 0) || (r = pg_result(s)) == NULL)
		return (broken(s, row->name));
	if (libpq.resultStatus(r) == PGRES_TUPLES_OK || libpq.resultStatus(r) == PGRES_COMMAND_OK) {
		take_rows(rows, a, r);
		rows->changed = changed(r);
	} else
		end = failed(s, r, row->name);
	libpq.clear(r);
	return (end);
}

/* many rows: COPY, in its text format */

static enum store_end
copy_begin(struct store *s, enum statement which)
{
	const struct statement_row *row = statement_row(which);
	struct pg *p = s->engine_self;
	PGresult *r;

	if (!libpq.sendQuery(p->c, row->text[DIALECT_POSTGRES]) || (r = pg_result(s)) == NULL)
		return (broken(s, row->name));
	p->copying = libpq.resultStatus(r) == PGRES_COPY_IN;
	p->copy_columns = p->copying ? (unsigned)libpq.nfields(r) : 0;
	p->copy.len = 0;
	if (!p->copying) {
		enum store_end end = failed(s, r, row->name);

		libpq.clear(r);
		return (end != STORE_FINE ? end : STORE_WRONG);
	}
	libpq.clear(r);
	return (STORE_FINE);
}

static enum store_end
send_rows(struct store *s)
{
	struct pg *p = s->engine_self;
	int rc;

	while ((rc = p->copy.len > 0 ? libpq.putCopyData(p->c, p->copy.at, (int)p->copy.len) : 1) == 0)
		if (!pg_flush(s))
			return (broken(s, "loading"));
	p->copy.len = 0;
	return (rc == 1 && pg_flush(s) ? STORE_FINE : broken(s, "loading"));
}

static void
copy_text(struct buf *b, struct text t)
{
	size_t from = 0;

	for (size_t i = 0; i < t.len; i++) {
		char c = t.at[i];

		if (c == '\\' || c == '\t' || c == '\n' || c == '\r') {
			buf_add(b, t.at + from, i - from);
			buf_byte(b, '\\');
			buf_byte(b, c == '\t' ? 't' : c == '\n' ? 'n' : c == '\r' ? 'r' : c);
			from = i + 1;
		}
	}
	buf_add(b, t.at + from, t.len - from);
}

static void
copy_row(struct buf *b, const struct value *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			buf_byte(b, '\t');
		if (v[i].kind == VALUE_INT)
			buf_int(b, v[i].n);
		else if (v[i].kind == VALUE_TEXT)
			copy_text(b, v[i].t);
		else
			buf_lit(b, "\\N");
	}
	buf_byte(b, '\n');
}

static enum store_end
copy_end(struct store *s)
{
	struct pg *p = s->engine_self;
	enum store_end end = send_rows(s);
	PGresult *r;

	if (end != STORE_FINE)
		return (end);
	p->copying = false;
	if (libpq.putCopyEnd(p->c, NULL) != 1 || (r = pg_result(s)) == NULL)
		return (broken(s, "loading"));
	if (libpq.resultStatus(r) != PGRES_COMMAND_OK)
		end = failed(s, r, "loading");
	libpq.clear(r);
	return (end);
}

static enum store_end
pg_load(struct store *s, enum statement which, struct loading *l, int64_t *added)
{
	struct pg *p = s->engine_self;
	enum store_end end = copy_begin(s, which);

	if (end == STORE_FINE && l->columns != p->copy_columns)
		return (store_fail(s, STORE_WRONG, "a loaded row has %u values, not %u", l->columns, p->copy_columns));
	while (end == STORE_FINE && loading_next(l)) {
		copy_row(&p->copy, l->values, l->columns);
		if (p->copy.len >= COPY_BYTES)
			end = send_rows(s);
	}
	if (end != STORE_FINE || l->unfit)
		return (end);
	*added = (int64_t)l->n;
	return (copy_end(s));
}

/* wake-ups */

static enum store_end
pg_listen(struct store *s, const char *channel)
{
	struct pg *p = s->engine_self;
	char *name = libpq.escapeIdentifier(p->c, channel, strlen(channel)), sql[160];

	if (name == NULL || strlen(name) > 140)
		return (store_fail(s, STORE_WRONG, "no name of a channel"));
	snprintf(sql, sizeof(sql), "LISTEN %s", name);
	libpq.freemem(name);
	return (pg_script(s, sql));
}

static bool
heard_any(struct pg *p)
{
	bool any = false;
	PGnotify *n;

	while ((n = libpq.notifies(p->c)) != NULL) {
		any = true;
		libpq.freemem(n);
	}
	return (any);
}

/* -1: the connection broke */
static int
pg_heard(struct store *s)
{
	struct pg *p = s->engine_self;

	while (!heard_any(p)) {
		if (pg_await(s, POLLIN) <= 0)
			return (0);
		if (!libpq.consumeInput(p->c))
			return (-1);
	}
	return (1);
}

static int
pg_fd(const struct store *s)
{
	return (libpq.socket(((const struct pg *)s->engine_self)->c));
}

const struct engine engine_postgres = {
	.dialect = DIALECT_POSTGRES, .begin = "BEGIN", .open = pg_open, .close = pg_close, .alive = pg_alive, .ask = pg_ask, .script = pg_script,
	.load = pg_load, .listen = pg_listen, .heard = pg_heard, .fd = pg_fd,
};
