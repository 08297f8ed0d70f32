/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model's thoughts in one opaque string, for clients that send back what they do not understand (encrypted_content of Responses).
 *
 * Base64 of {"sluice":1,"model":…,"thinking":…,"signature":…} or of {"sluice":1,"model":…,"redacted":…}.  Nothing in it is secret, and it proves
 * nothing: the client could write the same thoughts itself.  A signature is good for the model that made it only, so for another one it is left out.
 */
#ifndef CHAT_ENVELOPE_H
#define CHAT_ENVELOPE_H

#include "base/json.h"

struct envelope {
	struct quoted	 thinking, signature;	/* a block of thought; unsigned when signature is empty */
	struct quoted	 redacted;		/* or opaque data of the vendor's */
};

struct text	envelope_seal(struct arena *, struct text model, const struct envelope *);	/* needs no escapes */
/* False: not one of ours, so it is a vendor's own. */
bool		envelope_open(struct envelope *, struct arena *, struct text model, struct quoted sealed);

#endif
