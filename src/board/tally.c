/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of {identity:32 moment:32, sum}.  Whoever finds its place adds with one instruction: one whose place is taken over just then adds to another's
 * sum, which decides nothing either.
 */
#include "board/tally.h"

#include "board/board_priv.h"

#define PROBES	4u

static struct tally *
place_at(const struct board *b, uint64_t hash, unsigned probe)
{
	return (&b->file->tallies[(hash + probe) & (TALLY_PLACES - 1)]);
}

static bool
is_of(uint64_t name, uint64_t hash)
{
	return (name >> 32 == hash >> 32);
}

/* Its own, else an empty one, else the first. */
static struct tally *
place_of(const struct board *b, uint64_t hash)
{
	struct tally *empty = NULL;

	for (unsigned i = 0; i < PROBES; i++) {
		struct tally *t = place_at(b, hash, i);
		uint64_t name = word_get(&t->name);

		if (is_of(name, hash))
			return (t);
		if (name == 0 && empty == NULL)
			empty = t;
	}
	return (empty != NULL ? empty : place_at(b, hash, 0));
}

static uint64_t
name_of(uint64_t hash, int64_t since_ms)
{
	return ((hash & ~UINT64_C(0xffffffff)) | (uint32_t)since_ms);
}

/* Weeks go round: the nearer way decides. */
static bool
is_later(uint64_t a, uint64_t b)
{
	return (is_of(a, b) && (int32_t)((uint32_t)a - (uint32_t)b) > 0);
}

void
tally_add(struct board *b, uint64_t id, int64_t since_ms, int64_t n)
{
	uint64_t name = name_of(mix(id), since_ms), was;
	struct tally *t = place_of(b, mix(id));

	was = word_get(&t->name);
	if (is_later(was, name))
		return;
	if (was != name && atomic_compare_exchange_strong(&t->name, &was, name))
		word_set(&t->sum, 0);
	if (word_get(&t->name) == name)
		atomic_fetch_add_explicit(&t->sum, (uint64_t)n, memory_order_relaxed);
}

int64_t
tally_of(const struct board *b, uint64_t id, int64_t since_ms)
{
	struct tally *t = place_of(b, mix(id));

	return (word_get(&t->name) == name_of(mix(id), since_ms) ? (int64_t)word_get(&t->sum) : 0);
}
