/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAI's embeddings as our clients ask for them.  They are relayed or refused: no other dialect we speak makes any. */
#include "front/chat_priv.h"
#include "front/guard.h"

#define MOST_DIMENSIONS	65536

enum member { MODEL, INPUT, ENCODING_FORMAT, DIMENSIONS, MEMBERS };

static const struct guard rows[MEMBERS] = {
	[MODEL]		  = { "model", AS(JSON_STRING), "a string" },
	[INPUT]		  = { "input", AS(JSON_STRING) | AS(JSON_ARRAY), "a string or a list" },
	[ENCODING_FORMAT] = { "encoding_format", AS(JSON_STRING), "float or base64" },
	[DIMENSIONS]	  = { "dimensions", AS(JSON_NUMBER), "an integer" },
};

static struct error *
encoding_format(const struct look *l, const struct json_spot *spot)
{
	struct quoted word = spot != NULL ? json_inside(json_spot_value(l->glance->body, spot)) : QUOTED("float");

	l->glance->base64 = quoted_is(word, "base64");
	return (l->glance->base64 || quoted_is(word, "float") ? NULL : chat_bad(l, "encoding_format", "should be float or base64"));
}

static struct error *
glance(struct glance *g, struct arena *arena, struct text body)
{
	struct look l = { .arena = arena, .glance = g, .path = "/embeddings" };
	const struct json_spot *found[MEMBERS];
	int64_t dimensions;

	TRY(guard_scan(g, found, arena, body, rows, MEMBERS));
	TRY(chat_name_model(&l, found[MODEL]));
	if (found[INPUT] == NULL)
		return (chat_missing(&l, "input"));
	TRY(chat_look_at_inputs(&l, found[INPUT], "input", false));
	TRY(encoding_format(&l, found[ENCODING_FORMAT]));
	TRY(chat_count_in(&dimensions, &l, found[DIMENSIONS], 1, MOST_DIMENSIONS, "dimensions"));
	g->usage_asked = true;			/* usage is part of every answer */
	g->max_tokens = -1;
	return (NULL);
}

static struct error *
read_ask(struct ask *ask, struct arena *arena, const struct glance *g)
{
	struct text named = g->model.len > 0 ? arena_print(arena, " '" TEXT_FMT "'", TEXT_ARG(text_sub(g->model, 0, 200))) : TEXT("");

	(void)ask;
	return (error_param(error_new(arena, E_BAD_REQUEST, "/embeddings: the model" TEXT_FMT " makes no embeddings: its vendor has no such call",
	    TEXT_ARG(named)), "model"));
}

const struct front front_embeddings = {
	.name = "embeddings",
	.dialect = DIALECT_CHAT,
	.wire = WIRE_EMBEDDINGS,
	.glance = glance,
	.read_ask = read_ask,
	.error_body = chat_error_body,
	.error_event = chat_error_event,
};
