/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON Web Tokens of programs (RFC 7519, 7515, 7517): taken apart and verified.
 *
 * Only signatures of a key pair count: RS, PS, ES and EdDSA.  "none" and what is signed with a shared secret never do, and a key is used only with the
 * algorithms of its kind, so that nobody can pass a public key off as a secret.  Pure but for OpenSSL.
 */
#ifndef ACCESS_JWT_H
#define ACCESS_JWT_H

#include "base/arena.h"
#include "base/json.h"

#define JWT_MOST	16384			/* bytes of a token */

struct jwt {
	struct text	 alg, kid;		/* kid: empty when it is not said */
	struct text	 signed_part, signature;
	struct text	 claims;		/* JSON, an object; not to be believed before jwt_verify() */
};
bool		 jwt_looks_like(struct text key);	/* three parts of base64url that begin with an object */
bool		 jwt_read(struct jwt *, struct arena *, struct text token);	/* false: it is none */

struct jwk_set;
struct jwk_set	*jwk_set_read(struct text json);	/* NULL: it is none.  Keys that can not be used are left out */
void		 jwk_set_free(struct jwk_set *);	/* NULL is fine */
bool		 jwk_set_has(const struct jwk_set *, struct text kid);	/* empty: has it any */
bool		 jwt_verify(const struct jwt *, const struct jwk_set *);

/* Who it must be from, for whom, and when; empty texts are not asked for.  NULL: it is good; else what is wrong with it, the end of a sentence. */
struct jwt_wanted {
	struct text	 audience, issuer;	/* several of each: "a,b" */
	int64_t		 now_s;
};
const char	*jwt_fault(const struct json *claims, const struct jwt_wanted *);
int64_t		 jwt_expires_s(const struct json *claims);

#endif
