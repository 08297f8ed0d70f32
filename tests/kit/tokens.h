/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Microsoft's sign-in as Azure's clients use it: a token for a secret or an assertion, and the one a machine gets for being itself.
 *
 * The script is in the client's secret or id (`script:fixed,expires=2`); a script with a status refuses.  Tokens are numbered, unless one key is
 * expected: then they are that key.
 */
#ifndef KIT_TOKENS_H
#define KIT_TOKENS_H

#include "peer.h"

struct play	*token_for_secret(const struct kit *, const struct http_request *);	/* POST …/oauth2/v2.0/token */
struct play	*token_for_machine(const struct kit *, const struct http_request *);	/* GET …/identity/oauth2/token */
/* A field of a form or a query, percent-decoded; empty if there is none. */
struct text	 form_field(struct arena *, struct text form, const char *name);

#endif
