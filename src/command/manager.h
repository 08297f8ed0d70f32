/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of the management API by an operator at the machine: straight into the database, as the master key, with an audit row that names who it was.
 *
 * Workers hear of changes as those of other hosts do, within a tenth of a second.
 */
#ifndef COMMAND_MANAGER_H
#define COMMAND_MANAGER_H

#include "admin/fields.h"

struct manager {
	struct arena	*arena;
	struct config	*config;
	struct store_pool *pool;
	struct caller	 caller;
	struct text	 who;
};

/* `config` and `database` as command_store() takes them.  False: said why. */
bool		 manager_open(struct manager *, const char *config, const char *database);
void		 manager_close(struct manager *);
/* The answer; NULL: said why.  `body` is JSON, or empty. */
const struct json *manager_call(struct manager *, const char *method, struct text path, struct text query, struct text body);
void		 manager_ask(struct manager *, struct growing *query, const char *name, struct text value);	/* adds to a query, encoded */

/* Printing.  What a terminal would obey is a question mark. */
struct text	 shown(struct arena *, const struct json *value);	/* "-" for nothing, lists with commas */
void		 print_table(struct arena *, const char *const *titles, const struct text *cells, unsigned rows, unsigned columns);
void		 print_line(const char *name, struct text value);	/* "name: value" */

#endif
