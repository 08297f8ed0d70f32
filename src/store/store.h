/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: PostgreSQL, or a SQLite file, behind one door.
 *
 * Everything here may block and belongs to errands, the housekeeper and commands, never to the loop.  A `struct store` is one connection, opened with the
 * first statement, and used by one thread at a time; a pool lends them.  Statements have names (sql/, read at build time) and parameters: no SQL is ever
 * put together from texts.  The same statements run on both; where the dialects differ the file has one of each.  Moments are milliseconds since 1970
 * (UTC), money is nano-dollars, booleans are 0 and 1, JSON is text.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/arena.h"
#include "store/statements.h"	/* made of sql/: enum statement { SQL_KEY_BY_DIGEST, … } */

struct store;
struct store_pool;

enum store_end {
	STORE_FINE,
	STORE_AWAY,		/* it can not be reached, has no room, or the connection broke: whether it was done is unknown within a transaction, else not done */
	STORE_CLASH,		/* a unique constraint */
	STORE_AGAIN,		/* deadlock, serialization failure, or a SQLite file that others kept locked: begin the transaction anew */
	STORE_WRONG,		/* anything else: a bug, a schema that is too old; store_why() says */
};

enum value_kind { VALUE_NULL, VALUE_INT, VALUE_TEXT };
struct value {
	enum value_kind	 kind;
	int64_t		 n;
	struct text	 t;	/* UTF-8 without zero bytes; others are refused as STORE_WRONG before they are sent */
};
#define V_NULL		((struct value){ VALUE_NULL, 0, { "", 0 } })
#define V_INT(i)	((struct value){ VALUE_INT, (i), { "", 0 } })
#define V_TEXT(s)	((struct value){ VALUE_TEXT, 0, (s) })
#define V_TEXT_OR_NULL(s)	((s).len > 0 ? V_TEXT(s) : V_NULL)
#define V_INT_OR_NULL(is, i)	((is) ? V_INT(i) : V_NULL)

struct rows {
	unsigned	 n, columns;
	int64_t		 changed;		/* rows that were inserted, updated or deleted */
	struct text	*cells;			/* n × columns, in the arena; NULL has at == NULL */
};
struct text	 rows_text(const struct rows *, unsigned row, unsigned column);	/* NULL is empty */
bool		 rows_is_null(const struct rows *, unsigned row, unsigned column);
int64_t		 rows_int(const struct rows *, unsigned row, unsigned column, int64_t otherwise);	/* NULL: otherwise */

/* `url`: postgres://… or postgresql://…, or the path of a SQLite file (made when missing, mode 0600). */
bool		 store_names_postgres(struct text url);
struct store	*store_new(struct text url);
void		 store_free(struct store *);
bool		 store_is_postgres(const struct store *);
/*
 * Runs one statement; *rows (may be NULL) in the arena.  Outside a transaction each is one of its own.  A connection that broke while nobody used it is
 * opened anew; where it breaks later, a statement outside transactions that only reads (SELECT, no function of ours) is asked once more.  Within a
 * transaction any end but STORE_FINE is the transaction's: it is rolled back, and what follows, store_commit() too, ends the same way until
 * store_rollback().
 */
enum store_end	 store_ask(struct store *, struct arena *, struct rows *, enum statement, const struct value *, unsigned n);
#define STORE(store, arena, rows, statement, ...)	store_ask((store), (arena), (rows), (statement), \
	(const struct value[]){ __VA_ARGS__ }, sizeof((const struct value[]){ __VA_ARGS__ }) / sizeof(struct value))
#define STORE0(store, arena, rows, statement)		store_ask((store), (arena), (rows), (statement), NULL, 0)
enum store_end	 store_script(struct store *, const char *sql);	/* any number of statements, of a migration */
enum store_end	 store_begin(struct store *);		/* SQLite: BEGIN IMMEDIATE */
enum store_end	 store_commit(struct store *);
void		 store_rollback(struct store *);	/* fine without a transaction */
/*
 * How long one statement may take (10 s), and connecting at most (3 s); what takes longer ends as STORE_AWAY and the connection is given up.  The
 * patience before.
 */
unsigned	 store_patience(struct store *, unsigned ms);
const char	*store_why(const struct store *);	/* of the last end that was not fine, for logs; no secret */
int		 store_fd(const struct store *);	/* of the connection, to be polled; -1: none */

/*
 * Many rows at once, within a transaction, in one statement: COPY … FROM STDIN, or an INSERT that selects from what is loaded (see sql/schema.sql).
 * `next` puts the `columns` values of a row there, whose texts must live until it is asked for another, and must not use this store; false: no more.
 * *added (may be NULL): how many rows are there now that were not before; an INSERT may pass over some (ON CONFLICT DO NOTHING), COPY says all.
 */
#define LOAD_COLUMNS	64
typedef bool	 store_next_f(void *self, struct value *);
enum store_end	 store_load(struct store *, enum statement load, unsigned columns, store_next_f *next, void *self, int64_t *added);

/*
 * Wake-ups (PostgreSQL's NOTIFY): true when something was heard within `wait_ms`; SQLite never hears, and does not wait.  Where store_fd() is -1 behind
 * it, the connection broke: the next statement opens another, which listens too.  `channel` stays the caller's.
 */
enum store_end	 store_listen(struct store *, const char *channel);
bool		 store_heard(struct store *, int wait_ms);

/* A schema is made, or brought up to this program's, under a lock; *from and *to are its versions.  `store_version`: what is there. */
enum store_end	 store_migrate(struct store *, unsigned *from, unsigned *to);
enum store_end	 store_version(struct store *, unsigned *version);
extern const unsigned store_newest;			/* what this program needs at least */

/*
 * Moves all of a SQLite file into a PostgreSQL database, in one transaction there and behind one lock here; `moved` is told of each table.  The target's
 * schema is made where there is none, and must hold no row.  Both must be at this program's version.  *why: what is wrong, with the end STORE_WRONG;
 * NULL: store_why() of *guilty says.
 */
enum store_end	 store_move(struct store *from, struct store *to, void (*moved)(void *, const char *table, int64_t rows), void *self,
    const char **why, struct store **guilty);

/*
 * A pool: at most `most` connections of this process, lent for the length of an errand, closed after 30 s without use, or at once
 * where permits are scarce.  After a failure to connect it lends
 * nothing for a second, and then to one who tries.  `permit` (may be NULL) is asked before a connection is opened and told when one is closed: permits
 * are shared by the processes of a host.
 */
struct store_permits {
	bool		(*take)(void *);
	void		(*give)(void *);
	bool		(*scarce)(void *);	/* all are taken: whoever is idle shall close; may be NULL */
	void		*self;
};
struct store_pool *store_pool_new(struct text url, unsigned most, const struct store_permits *);
void		 store_pool_free(struct store_pool *);
/*
 * From any thread; NULL: away, or none free in time.  The first of a process looks at the schema: an older SQLite file is migrated, an older PostgreSQL
 * is as if it were away, and the log says what to do.
 */
struct store	*store_lend(struct store_pool *, int wait_ms);
void		 store_return(struct store_pool *, struct store *);	/* rolls back what is left open */
void		 store_pool_tidy(struct store_pool *);			/* closes what is idle for long; from any thread, does not block */
bool		 store_is_away(const struct store_pool *);		/* what the last use said; any thread */

#endif
