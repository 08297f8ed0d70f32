/* SPDX-License-Identifier: Apache-2.0 */
/* How hard a model thinks: OpenAI says it in words, older Claude models in tokens; one table goes both ways. */
#include "provider/provider.h"

static const struct {
	const char	*name;
	int64_t		 budget;	/* what the word buys */
	int64_t		 up_to;		/* budgets up to this one are called so */
} efforts[] = {
	[EFFORT_NONE]	 = { "none",	0,		0 },
	[EFFORT_MINIMAL] = { "minimal",	1024,		1023 },
	[EFFORT_LOW]	 = { "low",	1024,		2048 },
	[EFFORT_MEDIUM]	 = { "medium",	4096,		8192 },
	[EFFORT_HIGH]	 = { "high",	16384,		16384 },
	[EFFORT_XHIGH]	 = { "xhigh",	32000,		INT64_MAX },
	[EFFORT_MAX]	 = { "max",	INT64_MAX,	INT64_MAX },
};

enum effort
effort_named(struct quoted word)
{
	for (size_t i = EFFORT_NONE; i < nitems(efforts); i++)
		if (quoted_is(word, efforts[i].name))
			return ((enum effort)i);
	return (EFFORT_UNSAID);
}

const char *
effort_name(enum effort e)
{
	return (efforts[e].name);
}

enum effort
effort_of_budget(int64_t tokens)
{
	for (size_t i = EFFORT_NONE; i < EFFORT_MAX; i++)
		if (tokens <= efforts[i].up_to)
			return ((enum effort)i);
	return (EFFORT_XHIGH);
}

int64_t
budget_of_effort(enum effort e)
{
	return (efforts[e].budget);
}
