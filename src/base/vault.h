/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets at rest, sealed as LiteLLM seals them, so that its tables are taken over and handed back without being sealed anew.
 *
 * Values are texts.  Sealed ones are base64 of {nonce, XSalsa20-Poly1305 box}, or "v2:gcm:" or "v3:gcm:" and base64 of {nonce, AES-256-GCM box}.  The key
 * is made of LITELLM_SALT_KEY, or of the master key where there is none.  Pure but for the nonces.
 */
#ifndef BASE_VAULT_H
#define BASE_VAULT_H

#include "base/arena.h"

enum vault_form { VAULT_BOX, VAULT_GCM };	/* XSalsa20-Poly1305; v2:gcm: */

struct text	vault_seal(struct arena *, struct text salt_key, struct text value, enum vault_form);
/* False: it was not sealed with that key, or is nothing sealed at all. */
bool		vault_open(struct text *value, struct arena *, struct text salt_key, struct text sealed);
/* Does it look like one: base64 of at least a nonce and a MAC, or the mark of the other form? */
bool		vault_is_sealed(struct text);

#endif
