/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rate limits of one request: requests and tokens within a window, and calls at once, of everybody who stands behind it.
 *
 * All or nothing: what refuses takes back what was taken before it.  Tokens are taken by estimate and corrected when the truth is known, in the window of
 * admission.  Counts are of this host; with memcached hosts share a window by taking chunks of it, and calls at once by holding turns (access/chunks.h).
 * The master key has no limits.  Everything here belongs to the loop and blocks for nothing.
 */
#ifndef ACCESS_LIMITS_H
#define ACCESS_LIMITS_H

#include "access/caller.h"
#include "board/board.h"
#include "board/window.h"
#include "config/config.h"

enum limit_kind { LIMIT_REQUESTS, LIMIT_TOKENS, LIMIT_PARALLEL, LIMIT_KINDS };
extern const char *const limit_kinds[LIMIT_KINDS];	/* "requests", "tokens", "max_parallel_requests" */

/* When a limit binds at all. */
enum limit_binds { BINDS_ALWAYS, BINDS_PRESSED /* while the model is: limits_press() */, BINDS_SATURATED /* while so much of the model is used */ };

struct limit {
	const char	*descriptor;	/* LiteLLM's name: "api_key", "team_member", "model_per_key" … */
	struct text	 value;		/* which one: "team:user", "digest:model" … */
	enum limit_kind	 kind;
	uint64_t	 id;		/* on the board; the same on every host */
	int64_t		 limit;
	int64_t		 wanted;	/* by this request */
	int64_t		 used;		/* by all that this host knows of, when it was last looked at; this request included once it is taken */
	int64_t		 need;		/* what this host lacks of the window, to be asked for */
	int64_t		 got;		/* what it was given: more than the need, or nothing */
	enum limit_binds binds;
	bool		 free;		/* it does not just now */
	bool		 taken;
};

enum token_rate { TOKENS_TOTAL, TOKENS_INPUT, TOKENS_OUTPUT };	/* what counts against tpm */

struct limits_rule {			/* from the configuration */
	int64_t		 window_ms;
	enum token_rate	 tokens;
	int64_t		 output;	/* tokens, where a call does not say how many at most */
	int64_t		 parallel_all;	/* of all callers but the master key together; or NO_LIMIT */
	bool		 deployments;	/* rpm and tpm of deployments bind */
	int64_t		 parallel_each;	/* of a deployment that says nothing itself; or NO_LIMIT */
	bool		 key_defaults;	/* deployments say what keys have that say nothing */
	const struct priorities *priorities;	/* who has which share of a model; NULL: nobody has one */
};

struct limits_rule limits_rule(const struct settings *);

/* Of one exchange; zero it, but for what is set before, before limits_of(). */
struct chunks;
struct chunk_trip;
struct limits {
	struct limit	*list;		/* in the arena, in the order of checks */
	unsigned	 n;
	struct window	 window;	/* of admission */
	enum token_rate	 tokens;
	const struct limit *refused;	/* what said no, or NULL */
	int64_t		 reset_ms;	/* wall clock: when the window ends; of a limit of calls at once 0 */
	int64_t		 wait_ms;	/* how long to wait before it is worth trying again */
	int64_t		 throttle;	/* set before: millionths of its own rates that the key has; 0: all of them */
	const struct group *group;	/* set before: the deployments of the model that is asked; NULL: not known */
	bool		 lenient;	/* not all of them bind always */
	bool		 uncounted;	/* there was no room on the board to count some of it; it went on without */
	/* of the question to other hosts */
	unsigned	 asked, ttl_s;
	struct chunk_trip *trip;
	void		(*ready)(struct limits *);
};

/*
 * Which limits bind a call of `model` (the group's name).  `input`, `output`: estimates of tokens; output below zero: the call does not say.  What is
 * taken is at most the smallest limit, so that a cautious estimate never refuses for ever, and at least one, so that a limit of zero refuses.
 */
void		 limits_of(struct limits *, struct arena *, const struct limits_rule *, const struct caller *, struct text model, int64_t input, int64_t output);
/* The same of a deployment that is to be asked, for whoever calls, the master key too. */
void		 limits_of_deployment(struct limits *, struct arena *, const struct limits_rule *, const struct deployment *, int64_t input, int64_t output);

/* That deployment said "too many", or is full: its model is pressed for the rest of the window. */
void		 limits_press(struct board *, const struct limits_rule *, const struct deployment *);

enum limits_end {
	LIMITS_TAKEN,			/* or nothing to take */
	LIMITS_REFUSED,			/* nothing is taken; l->refused */
	LIMITS_ASK,			/* nothing is taken; the other hosts must be asked: limits_ask() */
};
/* `chunks` NULL: this host is alone. */
enum limits_end	 limits_take(struct limits *, struct board *, struct chunks *, const struct limits_rule *);
/* After LIMITS_ASK.  `ready` comes once, on the loop, never from within, in about 50 ms at most: then limits_take() again. */
void		 limits_ask(struct limits *, struct chunks *, void (*ready)(struct limits *));

/* What it did use.  May be called again with a larger truth; where nothing was taken it does nothing. */
void		 limits_correct(struct limits *, struct board *, int64_t input, int64_t output);
/* The call is over: counts of calls at once go back.  Any number of times. */
void		 limits_give(struct limits *, struct board *);
/* Nothing was sent, or the exchange is gone while it waited: all goes back, and no `ready` comes any more. */
void		 limits_undo(struct limits *, struct board *);

/* A sentence for the client: which limit of whom, how much is left, when it resets, what to do. */
struct text	 limits_sentence(struct arena *, const struct limits *);
/*
 * Header lines: OpenAI's x-ratelimit-…, of what is tightest; `of_all`: of the key itself, and LiteLLM's of everybody who stands behind the call.  Of a
 * refusal always LiteLLM's of what refuses, retry-after, rate_limit_type and reset_at.
 */
void		 limits_headers(struct buf *, const struct limits *, struct arena *, bool of_all);

#endif
