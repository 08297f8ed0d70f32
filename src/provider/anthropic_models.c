/* SPDX-License-Identifier: Apache-2.0 */
/* What each family of Claude models takes, by name (the vendor's model pages, November 2026); a new family is a row. */
#include "provider/anthropic_priv.h"

#define OLDEST	(TRAIT_PREFILL)
#define OLD	(TRAIT_PREFILL | TRAIT_BUDGET)
#define NEW	(TRAIT_ADAPTIVE | TRAIT_EFFORT | TRAIT_MAX | TRAIT_SCHEMA)
#define NEWEST	(NEW | TRAIT_XHIGH | TRAIT_NO_SAMPLERS)

/* The first row whose words are part of the name counts. */
static const struct {
	const char	*part;
	unsigned	 traits;
} families[] = {
	{ "claude-2",		OLDEST },
	{ "claude-instant",	OLDEST },
	{ "claude-3-7",		OLD },
	{ "claude-3.7",		OLD },
	{ "claude-3",		OLDEST },
	{ "opus-4-1",		OLD | TRAIT_ONE_SAMPLER },
	{ "opus-4-5",		OLD | TRAIT_ONE_SAMPLER | TRAIT_SCHEMA | TRAIT_EFFORT },
	{ "sonnet-4-5",		OLD | TRAIT_ONE_SAMPLER | TRAIT_SCHEMA },
	{ "haiku-4-5",		OLD | TRAIT_ONE_SAMPLER | TRAIT_SCHEMA },
	{ "opus-4-6",		NEW | TRAIT_ONE_SAMPLER },
	{ "sonnet-4-6",		NEW | TRAIT_ONE_SAMPLER },
	{ "opus-4-7",		NEWEST },
	{ "opus-4-8",		NEWEST },
	{ "opus-4",		OLD },		/* opus-4-20250514 */
	{ "sonnet-4",		OLD },
	{ "claude",		NEWEST },
	{ "",			OLD },		/* look-alikes: other vendors' models behind the same dialect */
};

unsigned
model_traits(struct text model)
{
	for (size_t i = 0; i < nitems(families); i++)
		if (text_has(model, text_of(families[i].part)))
			return (families[i].traits);
	return (0);
}
