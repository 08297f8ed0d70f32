/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rate limits of one request: requests and tokens within a window, and calls at once, of everybody who stands behind it.
 *
 * All or nothing: what refuses takes back what was taken before it.  Tokens are taken by estimate and corrected when the truth is known, in the window of admission.
 * Counts are of this host; with memcached hosts share a window by taking chunks of it (struct chunks).  Everything here belongs to the loop and waits for nothing, but
 * chunks_ask(), which an errand runs.  The master key has no limits: its caller has no standings.
 */
#ifndef ACCESS_LIMITS_H
#define ACCESS_LIMITS_H

#include "access/caller.h"
#include "board/board.h"
#include "board/window.h"

enum limit_kind { LIMIT_REQUESTS, LIMIT_TOKENS, LIMIT_PARALLEL, LIMIT_KINDS };
extern const char *const limit_kinds[LIMIT_KINDS];	/* "requests", "tokens", "max_parallel_requests" */

struct limit {
	const char	*descriptor;	/* LiteLLM's name: "api_key", "team_member", "model_per_key" … */
	struct text	 value;		/* which one: "team:user", "digest:model" … */
	enum limit_kind	 kind;
	uint64_t	 id;		/* on the board */
	int64_t		 limit;
	int64_t		 wanted;	/* by this request */
	int64_t		 used;		/* by all, when it was last looked at; this request included once it is taken */
	bool		 taken;
	bool		 counted;	/* false: there was no room on the board to count it */
};

enum token_rate { TOKENS_TOTAL, TOKENS_INPUT, TOKENS_OUTPUT };	/* what counts against tpm */

struct limits_rule {			/* from the configuration */
	int64_t		 window_ms;
	enum token_rate	 tokens;
	int64_t		 parallel_everywhere;	/* max_parallel_requests of every key without one of its own, or NO_LIMIT */
	int64_t		 parallel_all;		/* global_max_parallel_requests: of all callers together, on this host */
};

/* Of one exchange; zero it before. */
struct limits {
	struct limit	*list;		/* in the arena, in the order of checks */
	unsigned	 n;
	struct window	 window;	/* of admission */
	enum token_rate	 tokens;
	const struct limit *refused;	/* what said no, or NULL */
	int64_t		 reset_ms;	/* wall clock: when the window ends */
	int64_t		 wait_ms;	/* until then; for a parallel limit nobody can know, and this is a second */
};

/* Which limits bind a call of `model` (the group's name).  `input`, `output`: estimates of tokens; output is max_tokens, or a default. */
void		 limits_of(struct limits *, struct arena *, const struct limits_rule *, const struct caller *, struct text model, int64_t input, int64_t output);

enum limits_end {
	LIMITS_TAKEN,			/* or nothing to take */
	LIMITS_REFUSED,			/* nothing is taken; l->refused */
	LIMITS_ASK,			/* nothing is taken; hosts must be asked first: chunks_need(), an errand, chunks_got(), then again */
};
struct chunks;				/* of this worker: settings and breaker of memcached; NULL: this host alone */
enum limits_end	 limits_take(struct limits *, struct board *, struct chunks *);

/* What it did use.  May be called again with a larger truth. */
void		 limits_correct(struct limits *, struct board *, int64_t input, int64_t output);
/* The call is over: parallel counts go back.  Any number of times; fine when nothing was taken. */
void		 limits_give(struct limits *, struct board *);
/* Nothing was sent: all goes back. */
void		 limits_undo(struct limits *, struct board *);

/* A sentence for the client: which limit of whom, used, when it resets, what to do. */
struct text	 limits_sentence(struct arena *, const struct limits *);
/* One header line after the other, as name, value: x-ratelimit-…, and of a refusal retry-after, rate_limit_type, reset_at. */
typedef void	 limits_header_f(void *to, const char *name, struct text value);
void		 limits_headers(const struct limits *, struct arena *, limits_header_f *, void *to);

#endif
