/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows that hosts share: each takes chunks of one from memcached and spends them on its board.
 *
 * memcached counts what was handed out, so all hosts together never admit more than a limit; what a host holds and has not spent is what the others are
 * short of.  So a chunk is the need, and beside it no more than the host has used in this window and than an eighth of what is left: an idle host holds
 * nothing, and near the limit a chunk is exactly the need.  memcached away, stopped or slow means that each host counts for itself: a note, no error, no
 * wait.  Calls at once are shared too (access/calls.h), where a worker lives long enough to give back what it holds.
 */
#ifndef ACCESS_CHUNKS_H
#define ACCESS_CHUNKS_H

#include "access/limits.h"
#include "base/errand.h"

/*
 * `servers`: "host:port" or "/path"; every host has the same ones.  `name` is the gateway's: those of one name share limits.  No request waits longer
 * than `wait_ms`.
 */
struct chunks	*chunks_new(struct loop *, struct board *, const struct text *servers, size_t n, struct text name, int64_t wait_ms);
void		 chunks_share_calls(struct chunks *, int64_t tick_ms);	/* what is not needed goes back after two of them */
void		 chunks_free(struct chunks *);
bool		 chunks_away(struct chunks *);	/* memcached did not answer lately: hosts count for themselves */

/* For limits.c. */

enum chunk_end { CHUNK_ADDED, CHUNK_OVER, CHUNK_SHORT /* l->need */, CHUNK_FULL };
enum chunk_end	 chunk_add(struct chunks *, struct limit *, uint32_t window);
int64_t		 chunk_others(const struct chunks *, uint64_t id, uint32_t window);	/* what other hosts had taken of it when this one last asked */
bool		 chunk_calls(enum chunk_end *, struct chunks *, struct limit *);	/* false: calls at once are not shared */
void		 chunk_trip(struct chunks *, struct limits *);
void		 chunk_forget(struct limits *);		/* what it brings home is the host's */

#endif
