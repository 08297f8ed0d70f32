/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a model costs: rates as they are published, each for a kind of unit, a service tier and prompts above a size.
 *
 * A rate is a whole number of 10^-12 dollars.  What is not published is not there; ledger/price.h says which rate stands in for it.  No tariff at all
 * (NULL) is an unknown price, which is something else than a price of zero.
 */
#ifndef CONFIG_TARIFF_H
#define CONFIG_TARIFF_H

#include "base/text.h"

enum rate_of {
	/* for a token */
	RATE_INPUT, RATE_CACHED, RATE_WRITTEN, RATE_WRITTEN_1H, RATE_AUDIO_IN, RATE_IMAGE_IN,
	RATE_OUTPUT, RATE_REASONING, RATE_AUDIO_OUT, RATE_IMAGE_OUT,
	/* for a call, a second that its server took, a query, a search in the web */
	RATE_REQUEST, RATE_SECOND_IN, RATE_SECOND_OUT, RATE_QUERY, RATE_SEARCH,
	RATES
};

enum tier { TIER_DEFAULT, TIER_FLEX, TIER_PRIORITY, TIER_BATCH, TIER_ULTRAFAST, TIER_BALANCED, TIER_DECISIONS, TIERS };

/* "flex", as in a request or an answer; -1: "auto", and what we do not know. */
int		 tier_named(struct text);
const char	*tier_name(enum tier);

struct rate {
	int64_t	 pico;
	int32_t	 above;		/* for prompts of more tokens than this */
	uint8_t	 of, tier;	/* enum rate_of, enum tier */
};

struct tariff {
	struct text	 model;		/* whose price it is, as the source calls it */
	const char	*source;	/* "deployment", "price map", "published" */
	const struct rate *rates;	/* in the order of `of` */
	unsigned	 n;
	bool		 free;		/* both input and output are said to cost nothing: no budget is asked */
	/* litellm_settings: cost_discount_config, cost_margin_config, of the provider */
	int32_t		 discount, margin;	/* millionths */
	int64_t		 margin_fixed;	/* 10^-12 dollars a call */
};

/* LiteLLM's name of the price, as in the file: "output_cost_per_token_above_200k_tokens_flex"; false: it has none of its own. */
#define RATE_NAME_MOST	96
bool		 rate_name(char name[RATE_NAME_MOST], const struct rate *);

int64_t		 tariff_base(const struct tariff *, enum rate_of);	/* in the default tier, for any prompt; -1: not said, or no tariff */

#endif
