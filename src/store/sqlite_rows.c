/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows that are being loaded, as a table that SQLite selects from: sluice_loaded (c1, c2, …).
 *
 * An INSERT that selects them is one statement for thousands.  It keeps its places in the table and its index between rows, and takes values from where
 * they are; bound to a statement of its own each row cost more than twice as much.
 */
#include "store/store_priv.h"

#include "store/sqlite.h"

#include <stdio.h>
#include <stdlib.h>

struct table {
	sqlite3_vtab	 base;			/* SQLite's, first */
	struct loading	**loading;		/* the connection's */
};

struct cursor {
	sqlite3_vtab_cursor base;		/* SQLite's, first */
	bool		 more;
};

static int
connect(sqlite3 *db, void *loading, int n, const char *const *arguments, sqlite3_vtab **made, char **why)
{
	char sql[32 + 5 * LOAD_COLUMNS], *at = sql + sprintf(sql, "CREATE TABLE sluice_loaded (c1");
	struct table *t;
	int rc;

	(void)n;
	(void)arguments;
	(void)why;
	for (unsigned i = 2; i <= LOAD_COLUMNS; i++)
		at += sprintf(at, ",c%u", i);
	strcpy(at, ")");
	rc = libsqlite.declare_vtab(db, sql);
	if (rc != SQLITE_OK)
		return (rc);
	t = must_zalloc(sizeof(*t));
	t->loading = loading;
	*made = &t->base;
	return (SQLITE_OK);
}

static int
disconnect(sqlite3_vtab *table)
{
	free(table);
	return (SQLITE_OK);
}

static int
plan(sqlite3_vtab *table, sqlite3_index_info *info)
{
	(void)table;
	info->estimatedCost = 1000;
	return (SQLITE_OK);
}

static int
open_cursor(sqlite3_vtab *table, sqlite3_vtab_cursor **made)
{
	struct cursor *c = must_zalloc(sizeof(*c));

	(void)table;
	*made = &c->base;
	return (SQLITE_OK);
}

static int
close_cursor(sqlite3_vtab_cursor *cursor)
{
	free(cursor);
	return (SQLITE_OK);
}

static struct loading *
loading_of(const sqlite3_vtab_cursor *cursor)
{
	return (*((const struct table *)(const void *)cursor->pVtab)->loading);
}

static int
next(sqlite3_vtab_cursor *cursor)
{
	struct loading *l = loading_of(cursor);

	((struct cursor *)(void *)cursor)->more = l != NULL && loading_next(l);
	return (SQLITE_OK);
}

static int
first(sqlite3_vtab_cursor *cursor, int plan_number, const char *plan_name, int n, sqlite3_value **arguments)
{
	(void)plan_number;
	(void)plan_name;
	(void)n;
	(void)arguments;
	return (next(cursor));
}

static int
is_over(sqlite3_vtab_cursor *cursor)
{
	return (!((struct cursor *)(void *)cursor)->more);
}

/* Where nothing is said it is NULL. */
static int
column(sqlite3_vtab_cursor *cursor, sqlite3_context *to, int i)
{
	const struct loading *l = loading_of(cursor);
	const struct value *v;

	if ((unsigned)i >= l->columns)
		return (SQLITE_RANGE);
	v = &l->values[i];
	if (v->kind == VALUE_INT)
		libsqlite.result_int64(to, v->n);
	else if (v->kind == VALUE_TEXT)
		libsqlite.result_text(to, v->t.len > 0 ? v->t.at : "", (int)v->t.len, SQLITE_STATIC);
	return (SQLITE_OK);
}

static int
number(sqlite3_vtab_cursor *cursor, sqlite3_int64 *rowid)
{
	*rowid = (sqlite3_int64)loading_of(cursor)->n;
	return (SQLITE_OK);
}

int
sqlite_rows(sqlite3 *db, struct loading **loading)
{
	static const sqlite3_module module = { .xConnect = connect, .xDisconnect = disconnect, .xBestIndex = plan, .xOpen = open_cursor, .xClose = close_cursor,
		.xFilter = first, .xNext = next, .xEof = is_over, .xColumn = column, .xRowid = number };

	return (libsqlite.create_module_v2(db, "sluice_loaded", &module, loading, NULL));
}
