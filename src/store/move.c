/* SPDX-License-Identifier: Apache-2.0 */
/* From a SQLite file to a PostgreSQL database: every table there is, whole or not at all. */
#include "store/store_priv.h"

#define BATCH		1000		/* rows that are in memory together */
#define MOVE_MS		3600000		/* one statement; the count of a large table */

struct move {
	struct store	*from, *to;
	struct arena	*a;		/* of one batch */
	const char	**why;
	struct store	**guilty;
};

static enum store_end
blame(struct move *m, struct store *s, enum store_end end)
{
	if (end != STORE_FINE)
		*m->guilty = s;
	return (end);
}

static enum store_end
refuse(struct move *m, const char *why)
{
	*m->why = why;
	return (STORE_WRONG);
}

static enum store_end
count(struct move *m, struct store *s, enum statement statement, int64_t *n)
{
	struct rows rows;
	enum store_end end = STORE0(s, m->a, &rows, statement);

	*n = end == STORE_FINE ? rows_int(&rows, 0, 0, -1) : -1;
	return (blame(m, s, end));
}

/* The rows of a table, a batch after the other. */
struct moving {
	struct move	*move;
	const struct move_row *table;
	struct rows	 rows;
	unsigned	 row;			/* of those, the next */
	int64_t		 last;			/* rowid of the batch's last one */
	int64_t		 moved;
	enum store_end	 end;			/* of reading */
};

static bool
read_batch(struct moving *g)
{
	struct move *m = g->move;

	arena_clear(m->a);
	g->row = 0;
	g->end = blame(m, m->from, STORE(m->from, m->a, &g->rows, g->table->from, V_INT(g->last), V_INT(BATCH)));
	if (g->end != STORE_FINE || g->rows.n == 0)
		return (false);
	g->last = rows_int(&g->rows, g->rows.n - 1, 0, 0);
	return (true);
}

static bool
next_row(void *self, struct value *v)
{
	struct moving *g = self;

	if (g->row == g->rows.n && !read_batch(g))
		return (false);
	for (unsigned i = 1; i < g->rows.columns; i++)	/* without the rowid */
		v[i - 1] = rows_is_null(&g->rows, g->row, i) ? V_NULL : V_TEXT(rows_text(&g->rows, g->row, i));
	g->row++;
	g->moved++;
	return (true);
}

static enum store_end
move_table(struct move *m, const struct move_row *t, int64_t *moved)
{
	struct moving g = { .move = m, .table = t, .last = INT64_MIN };
	enum store_end end = STORE_FINE;
	int64_t arrived;

	if (read_batch(&g))
		end = g.rows.columns - 1 > LOAD_COLUMNS ? refuse(m, "a table has too many columns")
		    : blame(m, m->to, store_load(m->to, t->load, g.rows.columns - 1, next_row, &g, NULL));
	if (end == STORE_FINE)
		end = g.end;
	*moved = g.moved;
	if (end == STORE_FINE)
		end = count(m, m->to, t->count, &arrived);
	if (end == STORE_FINE && arrived != *moved)
		end = refuse(m, "not every row arrived");
	return (end);
}

/* Ids are used once, also those of rows that are gone. */
static enum store_end
move_ids(struct move *m)
{
	struct rows rows;
	enum store_end end;

	arena_clear(m->a);
	end = blame(m, m->from, STORE0(m->from, m->a, &rows, SQL_MOVE_IDS));
	for (unsigned i = 0; end == STORE_FINE && i < rows.n; i++)
		if (rows_int(&rows, i, 1, 0) > 0)
			end = blame(m, m->to, STORE(m->to, m->a, NULL, SQL_MOVE_IDS_SET, V_TEXT(rows_text(&rows, i, 0)), V_INT(rows_int(&rows, i, 1, 0))));
	return (end);
}

static enum store_end
is_empty(struct move *m)
{
	const struct move_row *t;
	enum store_end end = STORE_FINE;
	int64_t n = 0;

	for (unsigned i = 0; end == STORE_FINE && (t = move_row(i)) != NULL; i++) {
		end = count(m, m->to, t->count, &n);
		if (end == STORE_FINE && n != 0)
			return (refuse(m, "the target is not empty"));
	}
	return (end);
}

static enum store_end
are_ready(struct move *m)
{
	unsigned version, made;
	enum store_end end;

	if (store_is_postgres(m->from) || !store_is_postgres(m->to))
		return (refuse(m, "a move goes from a SQLite file to a PostgreSQL database"));
	end = blame(m, m->from, store_version(m->from, &version));
	if (end == STORE_FINE && version != store_newest)
		return (refuse(m, version == 0 ? "the source has no schema of ours" : "the source is at another version; run sluice db migrate for it"));
	if (end == STORE_FINE)
		end = blame(m, m->to, store_migrate(m->to, &made, &version));
	if (end == STORE_FINE && version != store_newest)
		return (refuse(m, "the target is at a newer version than this program"));
	return (end);
}

/*
 * Whoever has the file open writes behind what was read, into a file that nobody looks at any more.  SQLite leaves its write-ahead log only where no other
 * connection is, and comes back to it when the file is opened next.
 */
static enum store_end
is_alone(struct move *m)
{
	enum store_end end = store_script(m->from, "PRAGMA journal_mode = DELETE");

	return (end == STORE_AGAIN ? refuse(m, "a gateway, or a command, has the file open; stop it first") : blame(m, m->from, end));
}

/* The source's lock keeps writers out; the target's keeps out another move, and whoever migrates. */
static enum store_end
begin(struct move *m)
{
	enum store_end end = is_alone(m);

	if (end == STORE_FINE)
		end = blame(m, m->from, store_begin(m->from));
	if (end == STORE_FINE)
		end = blame(m, m->to, store_begin(m->to));
	if (end == STORE_FINE)
		end = blame(m, m->to, STORE0(m->to, m->a, NULL, SQL_SCHEMA_LOCK));
	return (end == STORE_FINE ? is_empty(m) : end);
}

enum store_end
store_move(struct store *from, struct store *to, void (*moved)(void *, const char *, int64_t), void *self, const char **why, struct store **guilty)
{
	struct move m = { from, to, arena_new(), why, guilty };
	const struct move_row *t;
	enum store_end end;
	int64_t n;

	*why = NULL;
	*guilty = NULL;
	store_patience(from, MOVE_MS);
	store_patience(to, MOVE_MS);
	end = are_ready(&m);
	if (end == STORE_FINE)
		end = begin(&m);
	for (unsigned i = 0; end == STORE_FINE && (t = move_row(i)) != NULL; i++) {
		end = move_table(&m, t, &n);
		if (end == STORE_FINE)
			moved(self, t->table, n);
	}
	if (end == STORE_FINE)
		end = move_ids(&m);
	if (end == STORE_FINE)
		end = blame(&m, to, store_commit(to));
	store_rollback(to);
	store_rollback(from);
	store_patience(from, 0);
	store_patience(to, 0);
	arena_free(m.a);
	return (end);
}
