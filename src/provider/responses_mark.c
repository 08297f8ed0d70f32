/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks on encrypted reasoning: which deployment can read it.
 *
 * The client gets "sluice:" and the deployment's mark in front of `encrypted_content`, opaque to it as all of it is, and sends it back as part of its
 * history.  There the mark says who is asked best; on the way up it comes off.
 */
#include "provider/responses_priv.h"

#define OURS		"sluice:"
#define ENVELOPE	"eyJzbHVpY2Ui"		/* how thoughts of other dialects begin that the front has sealed (chat/envelope.c) */
#define MARK_BYTES	(sizeof(OURS) - 1 + 16 + 1)	/* 16 hex digits and a colon */

struct text
mark_print(struct arena *arena, uint64_t deployment)
{
	return (arena_print(arena, OURS "%016llx:", (unsigned long long)deployment));
}

static bool
mark_read(uint64_t *deployment, struct text content)
{
	uint64_t mark = 0;

	if (content.len < MARK_BYTES || !text_starts(content, TEXT(OURS)) || content.at[MARK_BYTES - 1] != ':')
		return (false);
	for (size_t i = sizeof(OURS) - 1; i < MARK_BYTES - 1; i++) {
		char c = content.at[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return (false);
		mark = mark << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	*deployment = mark;
	return (true);
}

/* The inside of the item's encrypted content; empty: it has none. */
static struct text
content_of(struct text item)
{
	struct json_item found;
	struct quoted q;

	if (item.len == 0 || item.at[0] != '{' || !json_find(item, "encrypted_content", &found) || found.type != JSON_STRING)
		return (TEXT(""));
	q = json_inside(found.raw);
	return ((struct text){ q.at, q.len });
}

void
mark_item(struct relay *r, struct edits *edits, struct text data, struct text item)
{
	struct text content = content_of(item);
	size_t at = (size_t)(content.at - data.at);

	if (content.len > 0)
		edits_add(edits, r->arena, at, at, r->mark);
}

/* The items of a request that bear something of ours. */

static bool
is_ours(struct text content)
{
	return (text_starts(content, TEXT(OURS)) || text_starts(content, TEXT(ENVELOPE)));
}

static bool
holds(struct text body, struct text words)
{
	return (memmem(body.at, body.len, words.at, words.len) != NULL);
}

/* Nothing further is looked at in the many bodies that hold none; the longest words are the fastest to miss. */
static bool
may_hold(struct text body)
{
	return (holds(body, TEXT("\"encrypted_content\"")) && (holds(body, TEXT("\"" OURS)) || holds(body, TEXT("\"" ENVELOPE))));
}

bool
mark_find(struct text body, uint64_t *deployment)
{
	struct json_item input, item;
	struct json_walk walk;
	bool found = false;

	if (!may_hold(body) || !json_find(body, "input", &input) || input.type != JSON_ARRAY)
		return (false);
	walk = json_walk(input.raw);
	while (json_next(&walk, &item)) {
		struct text content = content_of(item.raw);

		found |= mark_read(deployment, content);
	}
	return (found);
}

/* What leaves a list: whole items, each with a comma, in runs. */
struct cutting {
	struct edits	 out;
	struct arena	*arena;
	struct text	 body;
	const char	*run;			/* where the run of items that go began; NULL: none is open */
	const char	*kept_to, *last_to;	/* the end of the last item that stays, and of the last one */
};

static void
cut(struct cutting *c, const char *from, const char *to)
{
	edits_add(&c->out, c->arena, (size_t)(from - c->body.at), (size_t)(to - c->body.at), TEXT(""));
}

static void
look_at(struct cutting *c, struct text item, uint64_t deployment)
{
	struct text content = content_of(item);
	uint64_t of = 0;
	bool ours = is_ours(content), stays = !ours || (mark_read(&of, content) && of == deployment);

	c->last_to = item.at + item.len;
	if (!stays) {
		c->run = c->run != NULL ? c->run : item.at;
		return;
	}
	if (c->run != NULL)
		cut(c, c->run, item.at);
	if (ours)
		cut(c, content.at, content.at + MARK_BYTES);
	c->run = NULL;
	c->kept_to = c->last_to;
}

/* The edits within the value of one member take their place among those of the members. */
static void
insert(struct edits *edits, struct arena *arena, const struct edits *inner)
{
	struct edits all = { 0 };
	size_t i = 0;

	for (; i < edits->n && edits->list[i].from <= inner->list[0].from; i++)
		edits_add(&all, arena, edits->list[i].from, edits->list[i].to, edits->list[i].with);
	for (size_t k = 0; k < inner->n; k++)
		edits_add(&all, arena, inner->list[k].from, inner->list[k].to, inner->list[k].with);
	for (; i < edits->n; i++)
		edits_add(&all, arena, edits->list[i].from, edits->list[i].to, edits->list[i].with);
	*edits = all;
}

void
marks_off(struct edits *edits, struct arena *arena, const struct glance *g, uint64_t deployment)
{
	const struct json_spot *input = may_hold(g->body) ? glance_member(g, "input") : NULL;
	struct cutting c = { .arena = arena, .body = g->body };
	struct json_walk walk;
	struct json_item item;

	if (input == NULL || input->type != JSON_ARRAY)
		return;
	walk = json_walk(json_spot_value(g->body, input));
	while (json_next(&walk, &item))
		look_at(&c, item.raw, deployment);
	if (c.run != NULL)
		cut(&c, c.kept_to != NULL ? c.kept_to : c.run, c.last_to);
	if (c.out.n > 0)
		insert(edits, arena, &c.out);
}
