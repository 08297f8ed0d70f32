/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts of what runs, by seat.
 *
 * An exact choice: read the version, sum, raise the own count, exchange the version.  Whoever exchanged it knows that nobody else raised a count in
 * between; who did not lowers the own count and begins anew.  Lowering needs no version: it makes no sum too small that was right.
 */
#include "board/parallel.h"

#include "board/board_priv.h"

#define COUNT_BITS	16
#define COUNT_MASK	UINT64_C(0xffff)
#define ENTITY_MASK	UINT64_C(0xffffffffffff)

/* a seat's counts */

static uint64_t
load(const word64 *w)
{
	return (atomic_load_explicit((word64 *)w, memory_order_acquire));
}

static unsigned
counted_in(const word64 *words, unsigned n, uint64_t entity)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++) {
		uint64_t word = load(&words[i]);

		if (word >> COUNT_BITS == entity)
			sum += (unsigned)(word & COUNT_MASK);
	}
	return (sum);
}

static word64 *
group_of(const struct board *b, unsigned wide, uint64_t entity)
{
	return (b->file->parallel.wide[wide].of[mix(entity) & (PARALLEL_GROUPS - 1)]);
}

static word64 *
my_words(const struct board *b, uint64_t entity, unsigned *n)
{
	*n = b->kind == SEAT_WIDE ? PARALLEL_GROUP : b->kind == SEAT_NARROW ? PARALLEL_NARROW : 0;
	return (b->kind == SEAT_WIDE ? group_of(b, b->seat, entity) : b->kind == SEAT_NARROW ? b->file->parallel.narrow[b->seat - BOARD_WIDE] : NULL);
}

/* The word that counts it, else one that counts nothing; NULL: all are in use. */
static word64 *
word_for(const struct board *b, uint64_t entity, bool claim)
{
	unsigned n;
	word64 *words = my_words(b, entity, &n), *room = NULL;

	for (unsigned i = 0; i < n; i++) {
		uint64_t word = load(&words[i]);

		if ((word & COUNT_MASK) == 0)
			room = room != NULL || !claim ? room : &words[i];
		else if (word >> COUNT_BITS == entity && (word & COUNT_MASK) < COUNT_MASK)
			return (&words[i]);
	}
	return (room);
}

static void
lower(word64 *w)
{
	uint64_t word = load(w);

	atomic_store_explicit(w, (word & COUNT_MASK) > 1 ? word - 1 : 0, memory_order_release);
}

static void
raise(word64 *w, uint64_t entity)
{
	uint64_t count = load(w) & COUNT_MASK;

	atomic_store_explicit(w, entity << COUNT_BITS | (count + 1), memory_order_release);
}

/* choosing */

unsigned
parallel_sum(const struct board *b, uint64_t entity)
{
	unsigned wide = word_get32(&b->file->header.wide_used), narrow = word_get32(&b->file->header.narrow_used);
	unsigned sum = 0;

	entity &= ENTITY_MASK;
	for (unsigned i = 0; i < wide; i++)
		sum += counted_in(group_of(b, i, entity), PARALLEL_GROUP, entity);
	for (unsigned i = 0; i < narrow; i++)
		sum += counted_in(b->file->parallel.narrow[i], PARALLEL_NARROW, entity);
	return (sum);
}

enum parallel_end
parallel_take(struct board *b, uint64_t entity, unsigned limit, unsigned *running)
{
	word32 *version = &b->file->parallel.versions[mix(entity & ENTITY_MASK) >> 32 & (PARALLEL_VERSIONS - 1)];

	entity &= ENTITY_MASK;
	for (;;) {
		uint32_t seen = atomic_load(version);
		word64 *mine;

		*running = parallel_sum(b, entity);
		if (*running >= limit) {
			if (board_sweep_once(b))
				continue;
			return (PARALLEL_OVER);
		}
		if ((mine = word_for(b, entity, true)) == NULL)
			return (PARALLEL_FULL);
		board_point();
		raise(mine, entity);
		board_point();
		if (atomic_compare_exchange_strong(version, &seen, seen + 1)) {
			board_point();
			++*running;
			return (PARALLEL_TAKEN);
		}
		lower(mine);
		board_point();
	}
}

void
parallel_give(struct board *b, uint64_t entity)
{
	word64 *mine = word_for(b, entity & ENTITY_MASK, false);

	board_point();
	if (mine != NULL)
		lower(mine);
	board_point();
}

/* permits: a word per seat, which threads of its process share */

unsigned
permits_taken(const struct board *b)
{
	const struct parallel_table *p = &b->file->parallel;
	unsigned wide = word_get32(&b->file->header.wide_used), narrow = word_get32(&b->file->header.narrow_used);
	unsigned sum = 0;

	for (unsigned i = 0; i < wide; i++)
		sum += atomic_load((word32 *)&p->permits[i]);
	for (unsigned i = 0; i < narrow; i++)
		sum += atomic_load((word32 *)&p->permits[BOARD_WIDE + i]);
	return (sum);
}

bool
permit_take(struct board *b, unsigned limit)
{
	struct parallel_table *p = &b->file->parallel;

	if (b->kind == SEAT_NONE)
		return (true);
	for (;;) {
		uint32_t seen = atomic_load(&p->permits_version);

		if (permits_taken(b) >= limit) {
			if (board_sweep_once(b))
				continue;
			return (false);
		}
		board_point();
		atomic_fetch_add(&p->permits[b->seat], 1);
		board_point();
		if (atomic_compare_exchange_strong(&p->permits_version, &seen, seen + 1))
			return (true);
		atomic_fetch_sub(&p->permits[b->seat], 1);
		board_point();
	}
}

void
permit_give(struct board *b)
{
	board_point();
	if (b->kind != SEAT_NONE)
		atomic_fetch_sub(&b->file->parallel.permits[b->seat], 1);
	board_point();
}

/* sweeping */

static void
clean_words(word64 *words, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (load(&words[i]) != 0) {
			word_set(&words[i], 0);
			board_point();
		}
}

void
parallel_clean(struct board_file *f, unsigned seat)
{
	struct parallel_table *p = &f->parallel;

	if (seat < BOARD_WIDE)
		clean_words(p->wide[seat].of[0], PARALLEL_GROUPS * PARALLEL_GROUP);
	else
		clean_words(p->narrow[seat - BOARD_WIDE], PARALLEL_NARROW);
	if (atomic_load(&p->permits[seat]) != 0)
		atomic_store(&p->permits[seat], 0);
	board_point();
}
