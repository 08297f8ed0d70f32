/* SPDX-License-Identifier: Apache-2.0 */
/* The schema's version, and the way to the newest: one transaction for each step, and one host at a time. */
#include "store/store_priv.h"

#define MIGRATION_MS	3600000		/* an index over a large table */

/* The version within or without a transaction; 0: there is no schema. */
static enum store_end
look(struct store *s, struct arena *a, unsigned *version)
{
	struct rows rows;
	enum store_end end = STORE0(s, a, &rows, SQL_SCHEMA_THERE);

	*version = 0;
	if (end != STORE_FINE || rows_int(&rows, 0, 0, 0) == 0)
		return (end);
	end = STORE0(s, a, &rows, SQL_SCHEMA_VERSION);
	if (end == STORE_FINE)
		*version = (unsigned)rows_int(&rows, 0, 0, 0);
	return (end);
}

enum store_end
store_version(struct store *s, unsigned *version)
{
	struct arena *a = arena_new();
	enum store_end end = look(s, a, version);

	arena_free(a);
	return (end);
}

static enum store_end
climb(struct store *s, struct arena *a, unsigned version)
{
	enum store_end end = store_script(s, statement_script(s->engine->dialect, version));

	if (end == STORE_FINE)
		end = STORE0(s, a, NULL, SQL_SCHEMA_FORGET);
	if (end == STORE_FINE)
		end = STORE(s, a, NULL, SQL_SCHEMA_REMEMBER, V_INT(version));
	return (end);
}

/* One version up, unless somebody else was there first: the version is looked at under the lock. */
static enum store_end
step(struct store *s, struct arena *a, unsigned *version)
{
	enum store_end end = store_begin(s);

	if (end == STORE_FINE)
		end = STORE0(s, a, NULL, SQL_SCHEMA_LOCK);
	if (end == STORE_FINE)
		end = look(s, a, version);
	if (end == STORE_FINE && *version < store_newest && (end = climb(s, a, *version + 1)) == STORE_FINE)
		++*version;
	if (end == STORE_FINE)
		end = store_commit(s);
	store_rollback(s);
	return (end);
}

enum store_end
store_migrate(struct store *s, unsigned *from, unsigned *to)
{
	struct arena *a = arena_new();
	unsigned patience_ms = store_patience(s, MIGRATION_MS);
	enum store_end end = look(s, a, from);

	for (*to = *from; end == STORE_FINE && *to < store_newest;)
		end = step(s, a, to);
	store_patience(s, patience_ms);
	arena_free(a);
	return (end);
}
