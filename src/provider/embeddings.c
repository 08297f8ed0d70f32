/* SPDX-License-Identifier: Apache-2.0 */
/* Embeddings of the OpenAI family, relayed: only a vector whose form is not the one that was asked for is written anew. */
#include "provider/floats_priv.h"
#include "provider/openai_priv.h"

#include <stdlib.h>

static struct text
url(struct arena *arena, const struct deployment *d, struct text model, enum want want, const struct client_says *says)
{
	(void)says;
	return (want == WANT_ANSWER ? openai_url(arena, d, model, "/embeddings") : TEXT(""));
}

static bool
fits(struct text name)
{
	return (param_fits(name, WIRE_EMBEDDINGS));
}

static struct error *
relay_request(struct edits *edits, struct arena *arena, const struct glance *g, const struct deployment *d, struct text model, bool drop_params)
{
	struct splice s = splice_new(arena, g);

	(void)drop_params;
	openai_put_model(&s, model);
	splice_defaults(&s, d, fits);
	splice_drop(&s, d);
	splice_finish(edits, &s);
	return (NULL);
}

/* The answer. */

/* One item of `data`. */
struct vector {
	struct text	 item, embedding;
	enum json_type	 type;			/* of the embedding */
	struct text	 with;			/* the embedding in the form asked for; empty: it is that */
	int64_t		 index;
	size_t		 place;
};

struct vectors {
	struct vector	*list;
	size_t		 n, room;
};

static struct vector *
add(struct vectors *v, struct arena *arena)
{
	if (v->n == v->room) {
		size_t room = v->room > 0 ? v->room * 2 : 16;
		struct vector *list = arena_alloc(arena, room * sizeof(*list));

		if (v->n > 0)
			memcpy(list, v->list, v->n * sizeof(*list));
		v->list = list;
		v->room = room;
	}
	return (&v->list[v->n++]);
}

/* False: an item is no embedding. */
static bool
read_vectors(struct vectors *v, struct arena *arena, struct text data)
{
	struct json_walk walk = json_walk(data), members;
	struct json_item item, m;

	while (json_next(&walk, &item)) {
		struct vector *one = add(v, arena);

		if (item.type != JSON_OBJECT)
			return (false);
		*one = (struct vector){ .item = item.raw, .index = (int64_t)v->n - 1, .place = v->n - 1 };
		members = json_walk(item.raw);
		while (json_next(&members, &m)) {
			if (quoted_is(m.name, "embedding")) {
				one->embedding = m.raw;
				one->type = m.type;
			} else if (quoted_is(m.name, "index"))
				(void)json_to_i64(m.raw, &one->index);
		}
		if (one->type != JSON_ARRAY && one->type != JSON_STRING)
			return (false);
	}
	return (v->n > 0);
}

static bool
convert(const struct vectors *v, struct arena *arena, bool base64)
{
	for (size_t i = 0; i < v->n; i++) {
		struct vector *one = &v->list[i];

		if (base64 && one->type == JSON_ARRAY && !floats_pack(&one->with, arena, one->embedding))
			return (false);
		if (!base64 && one->type == JSON_STRING && !floats_unpack(&one->with, arena, one->embedding))
			return (false);
	}
	return (true);
}

static bool
in_order(const struct vectors *v)
{
	for (size_t i = 1; i < v->n; i++)
		if (v->list[i].index < v->list[i - 1].index)
			return (false);
	return (true);
}

static int
by_index(const void *a, const void *b)
{
	const struct vector *x = a, *y = b;

	if (x->index != y->index)
		return (x->index < y->index ? -1 : 1);
	return (x->place < y->place ? -1 : 1);
}

static void
put_vector(struct buf *out, const struct vector *v)
{
	size_t at = (size_t)(v->embedding.at - v->item.at);

	if (v->with.len == 0) {
		buf_text(out, v->item);
		return;
	}
	buf_text(out, text_sub(v->item, 0, at));
	buf_text(out, v->with);
	buf_text(out, text_sub(v->item, at + v->embedding.len, v->item.len));
}

/* The list with its items in the order of the inputs: clients take the first for the first. */
static struct text
sorted(struct vectors *v, struct arena *arena)
{
	struct buf out = { 0 };
	struct text list;

	qsort(v->list, v->n, sizeof(*v->list), by_index);
	for (size_t i = 0; i < v->n; i++) {
		buf_byte(&out, i > 0 ? ',' : '[');
		put_vector(&out, &v->list[i]);
	}
	buf_byte(&out, ']');
	list = arena_copy(arena, buf_as_text(&out));
	buf_free(&out);
	return (list);
}

static void
edit(struct edits *edits, struct arena *arena, struct text body, struct text old, struct text with)
{
	size_t at = (size_t)(old.at - body.at);

	edits_add(edits, arena, at, at + old.len, with);
}

static void
put_vectors(struct edits *edits, struct arena *arena, struct text body, struct vectors *v, struct text data)
{
	if (!in_order(v))
		edit(edits, arena, body, data, sorted(v, arena));
	else
		for (size_t i = 0; i < v->n; i++)
			if (v->list[i].with.len > 0)
				edit(edits, arena, body, v->list[i].embedding, v->list[i].with);
}

/* Nothing is completed, and some say the sum only (Voyage). */
static void
note_usage(struct seen *seen, const struct chunk *c)
{
	struct usage *u = &seen->usage;
	struct json_item total;

	if (!seen->usage_said)
		*u = USAGE_UNSAID;
	if (u->prompt < 0 && c->usage != NULL && c->usage->type == JSON_OBJECT &&
	    json_find(json_spot_value(c->data, c->usage), "total_tokens", &total) && (!json_to_i64(total.raw, &u->prompt) || u->prompt < 0))
		u->prompt = -1;
	u->completion = 0;
	seen->usage_said = true;
}

static enum pass
fails(struct relay *r, const char *what)
{
	r->seen.error = error_new(r->arena, E_UPSTREAM_FAILED, "%s", what);
	return (PASS_ERROR);
}

static enum pass
relay_answer(struct relay *r, struct text body, struct edits *edits)
{
	struct vectors v = { 0 };
	struct chunk c;
	struct text data;

	if (!openai_relay_head(r, &c, body, edits))
		return (PASS_ERROR);
	if (c.list == NULL || c.list->type != JSON_ARRAY)
		return (fails(r, EMPTY_ANSWER));
	data = json_spot_value(body, c.list);
	if (!read_vectors(&v, r->arena, data))
		return (fails(r, v.n == 0 ? EMPTY_ANSWER : "The upstream's answer holds something that is no embedding."));
	if (!convert(&v, r->arena, r->base64))
		return (fails(r, "The upstream's embeddings can not be read as floats."));
	put_vectors(edits, r->arena, body, &v, data);
	edits_sort(edits);
	note_usage(&r->seen, &c);
	r->seen.finish = FINISH_STOP;
	r->seen.finished = r->seen.done = true;
	return (PASS_ON);
}

const struct provider provider_embeddings = {
	.name = "embeddings",
	.url = url,
	.headers = openai_headers,
	.relay_request = relay_request,
	.relay_answer = relay_answer,
	.read_error = openai_read_error,
};
