/* SPDX-License-Identifier: Apache-2.0 */
/* A PostgreSQL server of the test's own: started once a program (about 1.5 s), a database for each test. */
#ifndef TESTS_STORE_POSTGRES_H
#define TESTS_STORE_POSTGRES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct postgres {
	pid_t	 pid;			/* 0: none runs */
	int	 port;
	char	 folder[64];
	unsigned databases;
	pid_t	 bouncer;		/* PgBouncer before it, once postgres_bounced() was called */
	int	 bouncer_port;
	char	 url[128];		/* of the last database */
};

bool	postgres_start(struct postgres *);		/* false: it is not installed, so there is nothing to test */
void	postgres_stop(struct postgres *);
void	postgres_run(struct postgres *);		/* again, in the same folder, after postgres_end() */
void	postgres_halt(pid_t);				/* SIGSTOP, to it or a backend; until it has stopped it may answer once more */
void	postgres_end(struct postgres *, int signal);	/* SIGINT: well; SIGQUIT: crash; waits for it */
/* A new one, whose URL is in p->url too; `migrated`: with our schema. */
const char *postgres_database(struct postgres *, bool migrated);

/* The same through PgBouncer in transaction mode; false: it is not installed. */
bool	postgres_bounced(struct postgres *, char *url, size_t room);

#endif
