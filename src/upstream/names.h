/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of hosts: looked up by errands, kept for a while.
 *
 * A known address serves at once, also when it is stale and a look-up runs or fails; only a call to a name that was never known waits.
 * Each multi handle has a cache of its own, which is told when the addresses changed.
 */
#ifndef UPSTREAM_NAMES_H
#define UPSTREAM_NAMES_H

#include "upstream/upstream_priv.h"

#include <netdb.h>
#include <sys/socket.h>

struct names	*names_new(struct loop *, int64_t ttl_ms);
void		 names_free(struct names *);
/* Finds out whom the call connects to.  Ends in call_named() or call_fail_later(), now or later. */
void		 names_ask(struct call *, const struct call_plan *);
void		 names_leave(struct call *);			/* the call is over: until then it may have to connect again */
/* Hands the addresses over if the multi handle does not have them; true: libcurl must run before anything changes. */
bool		 names_load(struct call *, struct multi *);
bool		 names_several(const struct call *);		/* does it have more than one address of a family */
/* The i-th address of the call's host; false: there are no more. */
bool		 names_address(const struct call *, struct text host, unsigned port, unsigned i, struct sockaddr_storage *, socklen_t *);
bool		 names_authority(struct text url, unsigned usual_port, struct text *host, unsigned *port);

/* getaddrinfo(), unless a test says otherwise. */
extern int	(*names_resolver)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

#endif
