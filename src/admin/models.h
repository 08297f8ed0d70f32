/* SPDX-License-Identifier: Apache-2.0 */
/* Models of the store, for the nouns they are made of: credentials, fallbacks, access groups. */
#ifndef ADMIN_MODELS_H
#define ADMIN_MODELS_H

#include "admin/things.h"

/* What the store adds to the file was changed: tried, and in force on this worker before the answer; the others are told. */
struct error	*models_changed(struct admin_call *);
/* c->made is what there is now, within this transaction: another worker may have changed something that c->config does not tell of yet. */
struct error	*models_as_stored(struct admin_call *);
struct text	 models_problems(struct admin_call *, const struct config *, struct text entry);	/* what it says of that entry; empty: nothing */
/* The members of an object of a body over those of the document's, sealed; null takes one away, and a mask leaves what it was shown for. */
struct error	*model_secrets(struct doc *, struct admin_call *, const char *name, const struct json *said);
struct error	*mask_of_nothing(struct admin_call *, const char *param, struct text lost);	/* 400 */

#endif
