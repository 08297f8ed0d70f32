/* SPDX-License-Identifier: Apache-2.0 */
/* Which provider speaks a wire dialect, and in which one a vendor is called. */
#include "provider/provider.h"

static const struct {
	const struct provider *provider;	/* NULL: comes with a later version */
	unsigned	 quirk;			/* of the vendors that have this surface; 0: all of the family */
} table[] = {
	[WIRE_OPENAI]		= { &provider_openai, 0 },
	[WIRE_ANTHROPIC]	= { &provider_anthropic, 0 },
	[WIRE_RESPONSES]	= { &provider_responses, QUIRK_RESPONSES },
	[WIRE_COMPLETIONS]	= { NULL, QUIRK_COMPLETIONS },
	[WIRE_EMBEDDINGS]	= { NULL, 0 },
	[WIRE_NONE]		= { NULL, 0 },
};

const struct provider *
provider_of(enum wire wire)
{
	return ((size_t)wire < nitems(table) ? table[wire].provider : NULL);
}

enum wire
wire_for(const struct deployment *d, enum wire asked)
{
	bool surface = asked == WIRE_RESPONSES || asked == WIRE_COMPLETIONS || asked == WIRE_EMBEDDINGS;

	if (!surface || d->chat_only || d->wire != WIRE_OPENAI || table[asked].provider == NULL)
		return (d->wire);
	if (table[asked].quirk != 0 && (d->vendor == NULL || (d->vendor->quirks & table[asked].quirk) == 0))
		return (d->wire);
	return (asked);
}
