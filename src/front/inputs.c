/* SPDX-License-Identifier: Apache-2.0 */
/* The prompts of completions and the inputs of embeddings: words or tokens, one or many, never mixed. */
#include "front/chat_priv.h"

#define MOST_ITEMS	65536		/* prompts or inputs; how many tokens they may have is their model's business */

static struct error *
invalid(const struct look *l, const char *name, struct text at, const char *why)
{
	return (error_param(error_new(l->arena, E_BAD_REQUEST, "%s: '$." TEXT_FMT "' is invalid: it should %s", l->path, TEXT_ARG(at), why), name));
}

static bool
is_token(const struct json_item *item)
{
	if (item->type != JSON_NUMBER || item->raw.len > 10)
		return (false);
	for (size_t i = 0; i < item->raw.len; i++)
		if (item->raw.at[i] < '0' || item->raw.at[i] > '9')
			return (false);
	return (true);
}

static const char *
token_list_fault(struct text list)
{
	struct json_walk walk = json_walk(list);
	struct json_item item;
	bool any = false;

	for (; json_next(&walk, &item); any = true)
		if (!is_token(&item))
			return ("hold tokens, whole numbers from 0, only");
	return (any ? NULL : "not be an empty list");
}

static const char *
item_fault(enum json_type type, const struct json_item *item, bool blank)
{
	if (item->type != JSON_STRING && item->type != JSON_NUMBER && item->type != JSON_ARRAY)
		return ("be a string, a token or a list of tokens");
	if (item->type != type)
		return ("be of the type of the items before it");
	if (item->type == JSON_STRING)
		return (item->raw.len > 2 || blank ? NULL : "not be an empty string");
	if (item->type == JSON_NUMBER)
		return (is_token(item) ? NULL : "be a token, a whole number from 0");
	return (token_list_fault(item->raw));
}

struct error *
chat_look_at_inputs(const struct look *l, const struct json_spot *spot, const char *name, bool blank)
{
	struct text raw = json_spot_value(l->glance->body, spot);
	struct json_item item;
	struct json_walk walk;
	enum json_type type;
	const char *fault;
	size_t n = 0;

	if (spot->type == JSON_STRING)
		return (raw.len > 2 || blank ? NULL : invalid(l, name, text_of(name), "not be an empty string"));
	walk = json_walk(raw);
	for (; json_next(&walk, &item); n++) {
		type = n > 0 ? type : item.type;
		if ((fault = item_fault(type, &item, blank)) != NULL)
			return (invalid(l, name, arena_print(l->arena, "%s[%zu]", name, n), fault));
		if (n >= MOST_ITEMS && item.type != JSON_NUMBER)
			return (invalid(l, name, text_of(name), "have fewer items"));
	}
	return (n > 0 ? NULL : invalid(l, name, text_of(name), "not be an empty list"));
}
