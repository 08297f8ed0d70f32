/* SPDX-License-Identifier: Apache-2.0 */
/* metadata.logging of teams and keys: services that are to hear of their calls, and what they are called with. */
#ifndef ADMIN_CALLBACKS_H
#define ADMIN_CALLBACKS_H

#include "admin/admin_priv.h"

/*
 * A list of entries (anything else stays as it is) with the variables of each sealed; masks stand for those of the same entry of what is kept (JSON;
 * empty: none).
 */
struct error	*callbacks_seal(struct text *raw, struct admin_call *, const struct json *list, struct text kept);
/* The same without what is in the variables. */
struct text	 callbacks_masked(struct arena *, struct text raw);

#endif
