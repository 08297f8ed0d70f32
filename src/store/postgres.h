/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the PostgreSQL engine share. */
#ifndef STORE_POSTGRES_H
#define STORE_POSTGRES_H

#include "store/libpq.h"
#include "store/store_priv.h"

struct pg {
	PGconn		*c;
	struct arena	*a;			/* of one call: parameters */
	struct text	 password;		/* never in store_why() */
	struct arena	*urls;			/* the address as libpq takes it, the password */
	bool		 copying;		/* a COPY runs */
	unsigned	 copy_columns;		/* 0: not known yet */
	struct buf	 copy;			/* rows that are not sent yet */
};

/* What libpq is given; NULL and *why: it can not be read, in words without any part of it.  libpq is loaded. */
const char	*postgres_url(struct arena *, struct text url, struct text *password, const char **why);

/* postgres_wait.c: nothing waits longer than the deadline of the store. */
extern int64_t	 pg_connect_us;			/* nor so long for a connection; tests on busy machines have more */
bool		 pg_connect(struct store *, const char *url);
PGresult	*pg_result(struct store *);		/* of what was sent, the last one, or the first that failed; NULL: the connection is of no use any more */
bool		 pg_flush(struct store *);
int		 pg_await(struct store *, short events);	/* what poll() says; 0: too late */
void		 pg_cancel(struct pg *);		/* what the server is doing; another thread asks it to */

#endif
