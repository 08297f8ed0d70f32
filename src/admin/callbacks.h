/* SPDX-License-Identifier: Apache-2.0 */
/* metadata.logging of teams and keys: services that are to hear of their calls, and what they are called with. */
#ifndef ADMIN_CALLBACKS_H
#define ADMIN_CALLBACKS_H

#include "admin/admin_priv.h"

/* A list of entries (JSON; anything else stays as it is) with the variables of each sealed; or without what is in them. */
struct text	 callbacks_sealed(struct admin_call *, struct text raw);
struct text	 callbacks_masked(struct arena *, struct text raw);

#endif
