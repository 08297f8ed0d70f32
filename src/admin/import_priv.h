/* SPDX-License-Identifier: Apache-2.0 */
/* What taking over (import.c) and handing back (export.c) share. */
#ifndef ADMIN_IMPORT_PRIV_H
#define ADMIN_IMPORT_PRIV_H

#include "admin/import.h"

#define IMPORT_BATCH	200		/* rows of a statement of sql/import.sql */

struct error	*import_away(struct import *, struct arena *);		/* LiteLLM's database is */
struct error	*import_kept(struct arena *, const struct error *);	/* a copy, in an arena that stays */
struct error	*import_is_there(bool *there, struct import *, struct arena *, const char *table);
struct text	 import_name(struct arena *, const char *what, struct text id);	/* by which a row that was brought is remembered */
void		 import_say(struct import *, const char *what, struct text id, struct text why);

#endif
