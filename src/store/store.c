/* SPDX-License-Identifier: Apache-2.0 */
/* The door: which engine, what a transaction is, and what may be sent at all. */
#include "store/store_priv.h"

#include "base/clock.h"

#include <assert.h>
#include <stdlib.h>

#define PATIENCE_MS	10000

/* rows */

static const struct text *
cell(const struct rows *r, unsigned row, unsigned column)
{
	assert(row < r->n && column < r->columns);
	return (&r->cells[(size_t)row * r->columns + column]);
}

struct text
rows_text(const struct rows *r, unsigned row, unsigned column)
{
	const struct text *t = cell(r, row, column);

	return (t->at != NULL ? *t : TEXT(""));
}

bool
rows_is_null(const struct rows *r, unsigned row, unsigned column)
{
	return (cell(r, row, column)->at == NULL);
}

int64_t
rows_int(const struct rows *r, unsigned row, unsigned column, int64_t otherwise)
{
	int64_t n;

	return (text_to_i64(rows_text(r, row, column), &n) ? n : otherwise);
}

struct text *
rows_grow(struct rows *r, struct arena *a, unsigned *room)
{
	r->cells = arena_widen(a, r->cells, room, (r->n + 1) * r->columns, r->n * r->columns, sizeof(*r->cells));
	return (&r->cells[(size_t)r->n++ * r->columns]);
}

/* a connection */

bool
store_names_postgres(struct text url)
{
	return (text_starts(url, TEXT("postgres://")) || text_starts(url, TEXT("postgresql://")));
}

static const struct engine *
engine_for(struct text url)
{
	return (store_names_postgres(url) ? &engine_postgres : &engine_sqlite);
}

struct store *
store_new(struct text url)
{
	struct store *s = must_zalloc(sizeof(*s));

	s->engine = engine_for(url);
	s->url = must_alloc(url.len + 1);
	memcpy(s->url, url.at, url.len);
	s->url[url.len] = '\0';
	s->patience_ms = PATIENCE_MS;
	return (s);
}

static void
shut(struct store *s)
{
	if (s->engine_self != NULL)
		s->engine->close(s);
	s->engine_self = NULL;
}

void
store_free(struct store *s)
{
	if (s == NULL)
		return;
	store_rollback(s);
	shut(s);
	explicit_bzero(s->url, strlen(s->url));
	free(s->url);
	buf_free(&s->why);
	free(s);
}

bool
store_is_postgres(const struct store *s)
{
	return (s->engine->dialect == DIALECT_POSTGRES);
}

unsigned
store_patience(struct store *s, unsigned ms)
{
	unsigned before = s->patience_ms;

	s->patience_ms = ms > 0 ? ms : PATIENCE_MS;
	return (before);
}

const char *
store_why(const struct store *s)
{
	return (s->why.len > 0 ? s->why.at : "");
}

int
store_fd(const struct store *s)
{
	return (s->engine_self != NULL && s->engine->fd != NULL ? s->engine->fd(s) : -1);
}

enum store_end
store_fail(struct store *s, enum store_end end, const char *fmt, ...)
{
	va_list args;

	s->why.len = 0;
	va_start(args, fmt);
	buf_vprint(&s->why, fmt, args);
	va_end(args);
	buf_byte(&s->why, '\0');
	return (end);
}

/* what may be sent */

static bool
fit_one(struct store *s, const char *name, const struct value *v, unsigned i)
{
	if (v[i].kind != VALUE_TEXT || text_is_sound(v[i].t))
		return (true);
	store_fail(s, STORE_WRONG, "%s: parameter %u is no UTF-8 text without zero bytes", name, i + 1);
	return (false);
}

/* Texts of a loaded row lie one behind the other, and nearly all are ASCII: as many as do are looked at as one. */
static bool
fit(struct store *s, const char *name, const struct value *v, unsigned n)
{
	struct text run = { "", 0 };
	unsigned from = 0;

	for (unsigned i = 0; i <= n; i++) {
		if (i < n && v[i].kind != VALUE_TEXT)
			continue;
		if (i < n && v[i].t.at == run.at + run.len) {
			run.len += v[i].t.len;
			continue;
		}
		if (!text_is_plain(run))
			for (unsigned k = from; k < i; k++)
				if (!fit_one(s, name, v, k))
					return (false);
		if (i < n)
			run = v[i].t;
		from = i;
	}
	return (true);
}

static enum store_end
open_it(struct store *s)
{
	enum store_end end = s->engine->open(s);

	for (unsigned i = 0; i < s->n_channels && end == STORE_FINE; i++)
		end = s->engine->listen(s, s->channels[i]);
	if (end != STORE_FINE)
		shut(s);
	s->away = end != STORE_FINE;
	return (end);
}

static void
be_patient(struct store *s)
{
	s->deadline_us = clock_us() + (int64_t)s->patience_ms * 1000;
}

/* Opens what is not open, and keeps what a transaction has come to. */
static enum store_end
ready(struct store *s)
{
	be_patient(s);
	if (s->failed != STORE_FINE)
		return (s->failed);
	if (s->engine_self != NULL && !s->in_transaction && s->engine->alive != NULL && !s->engine->alive(s))
		shut(s);
	return (s->engine_self != NULL ? STORE_FINE : open_it(s));
}

/* An end that is not fine is the transaction's. */
static enum store_end
ended(struct store *s, enum store_end end)
{
	if (end == STORE_AWAY && s->engine->alive != NULL)
		shut(s);
	if (end != STORE_FINE && s->in_transaction && s->failed == STORE_FINE) {
		s->failed = end;
		if (s->engine_self != NULL) {
			struct buf why = s->why;

			s->why = (struct buf){ 0 };
			if (s->engine->script(s, "ROLLBACK") != STORE_FINE)
				shut(s);
			buf_free(&s->why);
			s->why = why;
		}
	}
	return (end);
}

enum store_end
store_ask(struct store *s, struct arena *a, struct rows *rows, enum statement which, const struct value *v, unsigned n)
{
	const struct statement_row *row = statement_row(which);
	bool again = !s->in_transaction && s->engine_self != NULL && row->reads;
	enum store_end end = ready(s);
	struct rows none;

	assert(n == row->parameters);
	if (end != STORE_FINE)
		return (end);
	if (!fit(s, row->name, v, n))
		return (ended(s, STORE_WRONG));
	rows = rows != NULL ? rows : &none;
	*rows = (struct rows){ 0 };
	end = ended(s, s->engine->ask(s, a, rows, which, v, n));
	if (end == STORE_AWAY && again && clock_us() < s->deadline_us) {
		*rows = (struct rows){ 0 };
		end = ready(s);
		if (end == STORE_FINE)
			end = ended(s, s->engine->ask(s, a, rows, which, v, n));
	}
	return (end);
}

enum store_end
store_script(struct store *s, const char *sql)
{
	enum store_end end = ready(s);

	return (end == STORE_FINE ? ended(s, s->engine->script(s, sql)) : end);
}

/* transactions */

enum store_end
store_begin(struct store *s)
{
	enum store_end end;

	assert(!s->in_transaction);
	end = store_script(s, s->engine->begin);
	s->in_transaction = end == STORE_FINE;
	return (end);
}

enum store_end
store_commit(struct store *s)
{
	enum store_end end;

	assert(s->in_transaction);
	end = store_script(s, "COMMIT");
	if (end == STORE_FINE)
		s->in_transaction = false;
	return (end);
}

void
store_rollback(struct store *s)
{
	if (s->in_transaction && s->failed == STORE_FINE) {
		s->failed = STORE_WRONG;
		be_patient(s);
		if (s->engine_self != NULL && s->engine->script(s, "ROLLBACK") != STORE_FINE)
			shut(s);
	}
	s->in_transaction = false;
	s->failed = STORE_FINE;
}

/* many rows */

/* Each hundred of them may take as long as a statement. */
bool
loading_next(struct loading *l)
{
	if (l->unfit || !l->next(l->self, l->values))
		return (false);
	l->unfit = !fit(l->store, "a loaded row", l->values, l->columns);
	if (++l->n % 128 == 0)
		be_patient(l->store);
	return (!l->unfit);
}

enum store_end
store_load(struct store *s, enum statement load, unsigned columns, store_next_f *next, void *self, int64_t *added)
{
	struct loading l = { .store = s, .next = next, .self = self, .columns = columns };
	enum store_end end = ready(s);
	int64_t n = 0;

	assert(s->in_transaction && columns <= LOAD_COLUMNS);
	if (end != STORE_FINE)
		return (end);
	end = s->engine->load(s, load, &l, &n);
	if (added != NULL)
		*added = n;
	return (ended(s, end == STORE_FINE && l.unfit ? STORE_WRONG : end));
}

/* wake-ups */

enum store_end
store_listen(struct store *s, const char *channel)
{
	enum store_end end = ready(s);

	if (end == STORE_FINE && s->engine->listen != NULL)
		end = ended(s, s->engine->listen(s, channel));
	if (end == STORE_FINE && s->engine->listen != NULL) {
		assert(s->n_channels < CHANNELS_MOST);
		s->channels[s->n_channels++] = channel;
	}
	return (end);
}

bool
store_heard(struct store *s, int wait_ms)
{
	int heard;

	if (s->engine_self == NULL || s->engine->heard == NULL)
		return (false);
	s->deadline_us = clock_us() + (int64_t)wait_ms * 1000;
	heard = s->engine->heard(s);
	if (heard < 0)
		shut(s);
	return (heard > 0);
}
