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

/* Where its chats are held: some models are to be had by /responses only. */
static enum wire
home(const struct deployment *d)
{
	bool responses = d->responses_only && !d->chat_only && d->wire == WIRE_OPENAI && has_quirk(d, QUIRK_RESPONSES);

	return (responses ? WIRE_RESPONSES : d->wire);
}

enum wire
wire_for(const struct deployment *d, struct text model, enum wire asked)
{
	bool surface = asked == WIRE_RESPONSES || asked == WIRE_COMPLETIONS || asked == WIRE_EMBEDDINGS;

	if (!surface || (d->chat_only && asked != WIRE_EMBEDDINGS) || d->wire != WIRE_OPENAI || table[asked].provider == NULL)
		return (home(d));
	if (table[asked].quirk != 0 && !has_quirk(d, table[asked].quirk))
		return (home(d));
	if (asked == WIRE_COMPLETIONS && has_quirk(d, QUIRK_CHAT_APART) && deployment_chats_only(d, model))
		return (home(d));
	return (asked);
}

/* What an answer calls itself: `type` in Messages, `object` elsewhere. */
static const struct {
	const char	*member, *begins;
	enum wire	 wire;
} kinds[] = {
	{ "object", "chat.completion", WIRE_OPENAI }, { "object", "text_completion", WIRE_COMPLETIONS }, { "object", "response", WIRE_RESPONSES },
	{ "object", "list", WIRE_EMBEDDINGS }, { "type", "response.", WIRE_RESPONSES }, { "type", "message", WIRE_ANTHROPIC },
};

#define MEMBERS	32

static bool
says(struct text data, const struct json_spot *spot, size_t i)
{
	struct quoted value;

	if (spot->type != JSON_STRING || !quoted_is(json_spot_name(data, spot), kinds[i].member))
		return (false);
	value = json_inside(json_spot_value(data, spot));
	return (text_starts((struct text){ value.at, value.len }, text_of(kinds[i].begins)));
}

const struct provider *
provider_of_answer(struct text data)
{
	struct json_spot spots[MEMBERS];
	struct json_fault fault;
	enum json_type type;
	bool usage = false;
	size_t n = 0;

	if (!json_scan(data, &type, spots, nitems(spots), &n, &fault) || type != JSON_OBJECT)
		return (NULL);
	n = n < nitems(spots) ? n : nitems(spots);
	for (size_t i = 0; i < n; i++)
		usage |= quoted_is(json_spot_name(data, &spots[i]), "usage");
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < nitems(kinds); k++)
			if (says(data, &spots[i], k) && (kinds[k].wire != WIRE_EMBEDDINGS || usage))	/* other lists have none */
				return (provider_of(kinds[k].wire));
	return (NULL);
}
