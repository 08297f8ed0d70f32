/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite's functions, found by name. */
#include "store/sqlite.h"

#include "base/library.h"
#include "base/text.h"

struct libsqlite libsqlite;

static const struct library_function functions[] = {
#define ROW(name)	{ "sqlite3_" #name, offsetof(struct libsqlite, name) },
	LIBSQLITE_FUNCTIONS(ROW)
};

bool
libsqlite_load(void)
{
	static struct library library = { .file = "libsqlite3.so.0", .functions = functions, .n = nitems(functions), .table = &libsqlite,
	    .mutex = PTHREAD_MUTEX_INITIALIZER };

	return (library_load(&library));
}
