/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may call.
 *
 * A key is taken from every header LiteLLM reads it from; the first header present decides.  Whose it is find.h says.
 * Identity from the web server (REMOTE_USER, OIDC_CLAIM_*, SSL_CLIENT_*) is kept apart from anything a client can send: it is
 * read from variables by exact name and never from HTTP_*.
 */
#ifndef ACCESS_ACCESS_H
#define ACCESS_ACCESS_H

#include "base/error.h"
#include "config/config.h"
#include "web/web.h"

/* Is anybody let in that way?  *open: without a key, as who has the master key.  NULL: the key decides, or nobody needs one. */
struct error	*access_door(bool *open, struct arena *, const struct settings *, const struct request *);

/* NULL: it is the master key, or none is needed.  Compares in constant time. */
struct error	*access_check(struct arena *, const struct settings *, const struct request *);

/* The key a request carries, from the first header that has one; empty: none. */
struct text	 access_key(const struct settings *, const struct request *);

/* The key in a header that is not the one by which the caller is known here, nor that same key again; empty: none. */
struct text	 access_other_key(const struct settings *, const struct request *, const char *header);

/*
 * May a header (a CGI variable without HTTP_) not be passed on: the key is taken from it; where no key was asked for (`open`), it holds ours all the
 * same.
 */
bool		 access_is_key(const struct settings *, struct text variable, struct text value, bool open);

/* Is it a caller on this machine, with no proxy between us: both ends loopback and no Forwarded, X-Forwarded-* or Via. */
bool		 access_is_local(const struct request *);

/* Who the web server says it is; texts are empty where it says nothing (an empty REMOTE_USER is nobody). */
struct web_identity {
	struct text	 user, auth_type;
};
struct web_identity access_identity(const struct request *);

#endif
