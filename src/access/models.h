/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of models: what an entry of one stands for.  Pure. */
#ifndef ACCESS_MODELS_H
#define ACCESS_MODELS_H

#include "access/caller.h"
#include "config/config.h"

/* Does the list name the model: by its name, as what an alias of the router means, by an access group, by a pattern, or as everything? */
bool		 models_have(const struct text *list, unsigned n, const struct config *, struct text model);
/* Do the unified access groups? */
bool		 groups_have(const struct standing *const *groups, unsigned n, const struct config *, struct text model);
/* Is the word in it, as it stands? */
bool		 list_has(const struct text *list, unsigned n, const char *word);
/* "*" is any text; the whole name must match. */
bool		 star_match(struct text pattern, struct text name);

#endif
