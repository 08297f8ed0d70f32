/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims of tokens that stand for virtual keys.
 *
 * A mapping is a thing of kind "jwt_mapping" whose parent is the key's digest; beside it stands one of kind "jwt_claim", whose id is "claim=value", so
 * that no two mappings have the same; its parent is the mapping while that is active, and empty else.
 */
#ifndef ADMIN_JWT_MAPPINGS_H
#define ADMIN_JWT_MAPPINGS_H

#include "admin/admin_priv.h"

/* 409 when the claim stands for a key already. */
struct error	*jwt_mapping_make(struct text *id, struct admin_call *, struct text claim, struct text value, struct text digest, struct text description);
struct error	*jwt_mapping_is_there(bool *, struct admin_call *, struct text claim, struct text value);
void		 jwt_claim_changed(struct admin_call *, struct text claim, struct text value);	/* whoever comes with it is looked for anew */
/* A key has another digest now; or (empty) is gone, and its mappings with it. */
struct error	*jwt_mappings_follow(struct admin_call *, struct text digest, struct text now);

#endif
