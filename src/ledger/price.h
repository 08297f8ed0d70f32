/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a call cost, and what it can cost at most.
 *
 * Pure arithmetic on a tariff, in whole numbers of 10^-12 dollars and 128 bits: a call is rounded once, half a nano-dollar up.  A rate that is not
 * published is taken from the one it is a case of: written for an hour from written, that and cached from input, reasoning from output; a tier from the
 * default one, a long prompt from shorter ones.  The largest size that the prompt is above counts for all of its tokens.
 */
#ifndef LEDGER_PRICE_H
#define LEDGER_PRICE_H

#include "base/money.h"
#include "chat/event.h"
#include "config/tariff.h"

/* What the whole is made of: nano-dollars, and they sum to it exactly. */
struct price_break {
	int64_t	 input, cached, written, output, reasoning, other;	/* sum: original; audio and images are in input and output */
	int64_t	 original;
	int64_t	 discount, margin;		/* original - discount + margin = total */
	int64_t	 total;
};

/*
 * Nano-dollars.  `ms` is how long the upstream took.  The break may be NULL, and so may the tariff, which costs 0: ask for it before you call it a
 * price.
 */
int64_t	 price_call(const struct tariff *, const struct usage *, int64_t ms, struct price_break *);

/* A call before it is made. */
struct price_ask {
	size_t		 prompt_bytes;		/* a token has one at least */
	unsigned	 messages;
	int64_t		 media;			/* tokens of images and the like */
	int64_t		 max_tokens;		/* -1: not said */
	int64_t		 max_output, window;	/* of the model; 0: unknown */
	unsigned	 n;			/* answers wanted; 0 is 1 */
	int64_t		 most_ms;		/* how long it may take, for servers that are paid by the second */
	int		 tier;			/* asked for, -1: none is */
	unsigned	 never;			/* a bit 1u << RATE_… for what can not occur in it */
};
#define PRICE_OUTPUT_UNKNOWN	131072		/* tokens, where neither the call nor anything known of the model bounds them */

/* Nano-dollars that it will not exceed, rounded up; INT64_MAX: no number holds it.  Searches of the vendor are not in it: nobody knows how many. */
int64_t	 price_bound(const struct tariff *, const struct price_ask *);
/* The largest max_tokens with which that is at most so much; 0: none.  INT64_MAX: its tokens cost nothing. */
int64_t	 price_bought(const struct tariff *, const struct price_ask *, int64_t nano);

/* The rates that counted for a call, as compact JSON for its row: {"of":"gpt-4o","from":"published","pico":{"input":2500000,…}}. */
void	 price_doc(struct buf *, const struct tariff *, const struct usage *);

#endif
