/* SPDX-License-Identifier: Apache-2.0 */
/* The scripted upstream's side of one connection: HTTP/1.1 requests in, plays out, over TCP or TLS. */
#ifndef KIT_PEER_H
#define KIT_PEER_H

#include "journal.h"
#include "play.h"

#include "base/loop.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

struct peer;

/* The server; scripted.c fills it from its options. */
struct kit {
	struct loop	*loop;
	struct journal	*journal;		/* NULL in a hurry: nothing is checked and nothing kept */
	SSL_CTX		*tls;			/* NULL: plain */
	struct text	 script;		/* for requests that name none */
	struct text	 expect_key;		/* empty: any */
	struct text	 forbidden[16];		/* texts that must not arrive */
	unsigned	 n_forbidden;
	uint64_t	 accepted, open, requests, playing, aborted;
	struct peer	*peers;
};

struct http_request {
	struct text	 method, path, head, body;
	bool		 keep;			/* the connection */
};

void		 peer_new(struct kit *, int fd);
void		 peer_free_all(struct kit *);
struct text	 head_find(struct text head, const char *name);	/* a header's value; .at NULL: there is none */

/* scripted.c: what a complete request is answered with.  `entry` is NULL in a hurry. */
struct play	*kit_answer(struct kit *, const struct http_request *, struct entry *);

#endif
