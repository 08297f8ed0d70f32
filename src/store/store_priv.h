/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the store share: a connection, and the engine behind it. */
#ifndef STORE_STORE_PRIV_H
#define STORE_STORE_PRIV_H

#include "store/store.h"

enum dialect { DIALECT_POSTGRES, DIALECT_SQLITE };

struct statement_row {
	const char	*name;
	unsigned	 parameters;
	bool		 reads;				/* and changes nothing */
	const char	*text[2];			/* by dialect */
};
/* A table whose rows move from SQLite to PostgreSQL. */
struct move_row {
	const char	*table;
	enum statement	 from, load, count;
};
const struct move_row *move_row(unsigned i);		/* NULL: no more */
const struct statement_row *statement_row(enum statement);
const char	*statement_script(enum dialect, unsigned version);	/* that brings a schema to this version, from 1 */

/* Rows that are being loaded. */
struct loading {
	struct store	*store;
	store_next_f	*next;
	void		*self;
	unsigned	 columns;
	uint64_t	 n;				/* so far */
	bool		 unfit;				/* the last one, so that there are no more */
	struct value	 values[LOAD_COLUMNS];		/* of the last one */
};
bool		 loading_next(struct loading *);	/* false: no more */

/*
 * An engine has no opinion on transactions: store.c says BEGIN, and rolls back.  It is called by one thread at a time; what it may wait is until
 * store->deadline_us.
 */
struct engine {
	enum dialect	 dialect;
	const char	*begin;
	enum store_end	(*open)(struct store *);		/* store->engine_self; cleans up where it fails */
	void		(*close)(struct store *);
	bool		(*alive)(struct store *);		/* between transactions; NULL: always */
	enum store_end	(*ask)(struct store *, struct arena *, struct rows *, enum statement, const struct value *, unsigned n);
	enum store_end	(*script)(struct store *, const char *sql);	/* any number of statements without parameters or rows */
	enum store_end	(*load)(struct store *, enum statement, struct loading *, int64_t *added);
	enum store_end	(*listen)(struct store *, const char *channel);
	int		(*heard)(struct store *);		/* 1; 0: not until the deadline; -1: the connection broke */
	int		(*fd)(const struct store *);
};
extern const struct engine engine_postgres, engine_sqlite;

#define CHANNELS_MOST	4

struct store {
	const struct engine *engine;
	char		*url;				/* secret */
	void		*engine_self;			/* NULL: not open */
	unsigned	 patience_ms;
	int64_t		 deadline_us;			/* of what is running, CLOCK_BOOTTIME */
	const char	*channels[CHANNELS_MOST];	/* listened to, whenever it is opened */
	unsigned	 n_channels;
	bool		 away;				/* opening it failed */
	bool		 in_transaction;
	enum store_end	 failed;			/* within the transaction; it is rolled back, and all that follows ends so */
	struct buf	 why;
};

/* Says why, and returns `end`. */
enum store_end	 store_fail(struct store *, enum store_end, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A row more in the arena: its cells, all NULL. */
struct text	*rows_grow(struct rows *, struct arena *, unsigned *room);

#endif
