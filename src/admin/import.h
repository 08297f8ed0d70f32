/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LiteLLM's tables taken over, and handed back.
 *
 * Rows are read as JSON, so that columns which only some of LiteLLM's versions have do not matter, and are written by what writes them for the management
 * API.  What was brought is remembered with a digest of its row: a second run brings only what changed since, and the spending in between.  Each batch is
 * a transaction, so an import that is cut goes on where it was.
 */
#ifndef ADMIN_IMPORT_H
#define ADMIN_IMPORT_H

#include "admin/admin.h"

struct import_count {
	const char	*what;			/* "keys" */
	int64_t		 seen, brought, failed;
	int64_t		 left;			/* not in force here, or said by the file: told, and left where it is */
};
#define IMPORT_TABLES	20

struct import {
	struct config	*config;
	struct store_pool *to;
	struct store	*from;			/* LiteLLM's own database */
	struct text	 salt_key;		/* that its secrets are sealed with */
	void		(*say)(void *self, const char *line);	/* what could not be brought, or was left, and why */
	void		*self;
	/* the outcome */
	struct import_count counts[IMPORT_TABLES];
	unsigned	 n_counts;
};

/* NULL: all was gone through; what failed by itself is counted and said. */
struct error	*import_litellm(struct import *, struct arena *);
/* What was made here, and what was spent, into LiteLLM's tables. */
struct error	*export_litellm(struct import *, struct arena *);

#endif
