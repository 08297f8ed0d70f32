/* SPDX-License-Identifier: Apache-2.0 */
/* A desk of the management API for tests: a store of its own in a folder of its own, callers, calls by their line. */
#ifndef TESTS_ADMIN_DESK_H
#define TESTS_ADMIN_DESK_H

#include "admin/admin.h"

struct desk {
	struct arena	*arena;
	struct store_pool *pool;
	struct config	*config;
	char		 folder[64], url[128];
	int64_t		 now_ms;
	struct caller	 caller;		/* the master key unless a test says otherwise */
	/* of the last call */
	int		 status;
	struct text	 out;			/* JSON, or the message of a refusal */
	struct admin_changed *changed;
};

/* All tests on SQLite and, where it is installed, on PostgreSQL. */
struct CMUnitTest;
int		 desk_main(const struct CMUnitTest *, size_t n);		/* on SQLite, and on PostgreSQL */
int		 desk_main_on_postgres(const struct CMUnitTest *, size_t n);
int		 desk_setup(void **state);
int		 desk_teardown(void **state);
void		 desk_sql(struct desk *, const char *sql);		/* straight into the database, any number of statements */
/* "GET /spend/logs?start_date=…" or "POST /budget/new", with a body (NULL: none); the status. */
int		 desk_call(struct desk *, const char *line, const char *body);
/* The JSON at a path of the last answer, as it is written: "data.0.spend"; empty: nothing is there. */
struct text	 desk_at(struct desk *, const char *path);
void		 desk_expect(struct desk *, const char *path, const char *json);
void		 desk_calls(struct desk *, const char *line, const char *body, int status);	/* fails unless it is that status */

#endif
