/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to plain http upstreams, without libcurl; used by upstream.c for the plans direct_may() allows. */
#ifndef UPSTREAM_DIRECT_H
#define UPSTREAM_DIRECT_H

#include "upstream/upstream_priv.h"

extern bool	 upstream_direct;		/* true, but in tests of the other way */

bool	direct_may(const struct call_plan *);
bool	direct_prepare(struct call *, const struct call_plan *);	/* false: call_fail_later() was called */
void	direct_start(struct call *);			/* its address is known */
bool	direct_next(struct call *);			/* this address takes too long; false: it is the last one */
void	direct_resume(struct call *);
void	direct_body_gone(struct call *);
void	direct_stop(struct call *);			/* the call is over: its connection and memory */
void	direct_sweep(struct timer *);
void	direct_close(struct upstream *);

#endif
