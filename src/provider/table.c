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
	[WIRE_COMPLETIONS]	= { &provider_completions, QUIRK_COMPLETIONS },
	[WIRE_EMBEDDINGS]	= { &provider_embeddings, 0 },
	[WIRE_NONE]		= { NULL, 0 },
};

const struct provider *
provider_of(enum wire wire)
{
	return ((size_t)wire < nitems(table) ? table[wire].provider : NULL);
}

static bool
has_quirk(const struct deployment *d, unsigned quirk)
{
	return (d->vendor != NULL && (d->vendor->quirks & quirk) != 0);
}

enum wire
wire_for(const struct deployment *d, struct text model, enum wire asked)
{
	bool surface = asked == WIRE_RESPONSES || asked == WIRE_COMPLETIONS || asked == WIRE_EMBEDDINGS;

	if (!surface || (d->chat_only && asked != WIRE_EMBEDDINGS) || d->wire != WIRE_OPENAI || table[asked].provider == NULL)
		return (d->wire);
	if (table[asked].quirk != 0 && !has_quirk(d, table[asked].quirk))
		return (d->wire);
	if (asked == WIRE_COMPLETIONS && has_quirk(d, QUIRK_CHAT_APART) && deployment_chats_only(d, model))
		return (d->wire);
	return (asked);
}
