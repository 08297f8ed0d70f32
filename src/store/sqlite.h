/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite, loaded with the first connection: 0.6 ms and 50 KB, and no worker of a host with PostgreSQL needs it.
 * What is not in the table can not be called: a name that is missing here does not link.
 */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include <sqlite3.h>
#include <stdbool.h>

#define LIBSQLITE_FUNCTIONS(row)									\
	row(bind_int64) row(bind_null) row(bind_parameter_index) row(bind_text)				\
	row(busy_timeout) row(changes64) row(clear_bindings) row(close_v2)				\
	row(column_bytes) row(column_count) row(column_text) row(column_type) row(create_module_v2)	\
	row(declare_vtab) row(errmsg) row(exec) row(extended_errcode) row(extended_result_codes)	\
	row(finalize) row(get_autocommit) row(open_v2) row(prepare_v3) row(progress_handler) row(reset)	\
	row(result_int64) row(result_text) row(step) row(stmt_readonly)

struct libsqlite {
#define LIBSQLITE_POINTER(name)	__typeof__(&sqlite3_##name) name;
	LIBSQLITE_FUNCTIONS(LIBSQLITE_POINTER)
#undef LIBSQLITE_POINTER
};

extern struct libsqlite libsqlite;

/* sqlite_rows.c: a table `sluice_loaded` of that connection, whose rows are those of *loading while it is not NULL; a statement can go through them once.
 * SQLITE_OK, or what SQLite says. */
struct loading;
int	sqlite_rows(sqlite3 *, struct loading **loading);

bool	libsqlite_load(void);		/* false: it is not there, and said so.  From any thread; stays loaded */

#endif
