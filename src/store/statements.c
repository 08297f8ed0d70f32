/* SPDX-License-Identifier: Apache-2.0 */
/* The statements and migrations of sql/, compiled in. */
#include "store/store_priv.h"

#include <assert.h>

#include "src/store/statements_table.h"

const unsigned store_newest = nitems(migrations);

const struct statement_row *
statement_row(enum statement s)
{
	assert(s < SQL_STATEMENTS);
	return (&statement_rows[s]);
}

const struct move_row *
move_row(unsigned i)
{
	return (i < nitems(move_rows) ? &move_rows[i] : NULL);
}

const char *
statement_script(enum dialect dialect, unsigned version)
{
	assert(version >= 1 && version <= nitems(migrations));
	return (migrations[version - 1][dialect]);
}
