/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The models, credentials, fallbacks, pass-through endpoints and settings of the store, as what they add to the file.
 *
 * Their secrets are sealed in the store (base/vault.h) and opened here, on their way into a configuration, and nowhere else.
 */
#ifndef ADMIN_OVERLAY_H
#define ADMIN_OVERLAY_H

#include "board/known.h"
#include "config/config.h"
#include "store/store.h"

/* What the hosts are told by when one of them changed: its generation is that of all. */
#define OVERLAY_ENTITY	KNOWN_MODELS
#define OVERLAY_KIND	KNOWN_OTHER

/* May block.  *more lives in the arena. */
enum store_end	 overlay_read(struct config_more *more, struct arena *, struct store *, struct text salt_key);
/* The file's configuration (see config_load_more) with what the store adds; where it can not be asked, with what `last` had of it (NULL: nothing). */
struct config	*overlay_load(const char *path, struct text given, struct store_pool *, int wait_ms, const struct config *last, enum store_end *);
/* The same, of a store at hand, within a transaction. */
struct config	*overlay_load_here(const struct config *like, struct store *, enum store_end *);

/*
 * The same, for the housekeeper: and what the store said is kept for overlay_load_kept(), which is for a start without it.  NULL: nothing was kept, or
 * it is damaged.
 */
struct config	*overlay_load_and_keep(const struct config *like, struct store *, enum store_end *);
struct config	*overlay_load_kept(const char *path, bool *damaged);

/* Is a setting of that id ("environment_variables/KEY") kept sealed, and never told? */
bool		 overlay_seals(struct text setting_id);
/*
 * Strings in a JSON value, sealed: all but those that are no secrets.  A value that was shown may come back: where it has a mask, what is kept at that
 * place (sealed JSON; empty: nothing) stays.  *lost is the name of the first mask that stands for nothing; empty: all do.
 */
struct text	 overlay_seal(struct arena *, struct text salt_key, struct text json, struct text kept, struct text *lost);
bool		 overlay_is_mask(struct text);		/* is it what is shown instead of a secret */
/* And opened.  What does not open is empty, and *shut is the name of the first of them; empty: all did. */
struct text	 overlay_open(struct arena *, struct text salt_key, struct text json, struct text *shut);

#endif
