/* SPDX-License-Identifier: Apache-2.0 */
/* A table of pairs {identity:32 moment:32, sum}; a change is one exchange of the whole pair, so whoever dies leaves it as it was or as it should be. */
#include "board/tally.h"

#include "board/board_priv.h"

#define PROBES	4u

static struct pair *
place_at(const struct board *b, uint64_t hash, unsigned probe)
{
	return (&b->file->tallies[(hash + probe) & (TALLY_PLACES - 1)]);
}

static bool
is_of(struct pair_value v, uint64_t hash)
{
	return (v.low >> 32 == hash >> 32);
}

/* Its own, else an empty one, else the first. */
static struct pair *
place_of(const struct board *b, uint64_t hash)
{
	struct pair *empty = NULL;

	for (unsigned i = 0; i < PROBES; i++) {
		struct pair *p = place_at(b, hash, i);
		struct pair_value v = pair_peek(p);

		if (is_of(v, hash))
			return (p);
		if (v.low == 0 && empty == NULL)
			empty = p;
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
is_later(struct pair_value v, uint64_t hash, int64_t since_ms)
{
	return (is_of(v, hash) && (int32_t)((uint32_t)v.low - (uint32_t)since_ms) > 0);
}

void
tally_add(struct board *b, uint64_t id, int64_t since_ms, int64_t n)
{
	uint64_t hash = mix(id), name = name_of(hash, since_ms);
	struct pair *p = place_of(b, hash);
	struct pair_value is, to;

	do {
		is = pair_get(p);
		if (is_later(is, hash, since_ms))
			return;
		to = (struct pair_value){ name, (is.low == name ? is.high : 0) + (uint64_t)n };
	} while (!pair_set_if(p, is, to));
}

int64_t
tally_of(const struct board *b, uint64_t id, int64_t since_ms)
{
	uint64_t hash = mix(id);
	struct pair_value v = pair_get(place_of(b, hash));

	return (v.low == name_of(hash, since_ms) ? (int64_t)v.high : 0);
}
