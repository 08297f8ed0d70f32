/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows: which one it is, and what was counted in it.
 *
 * A slot of an older window is an empty slot: nothing is reset, nothing reclaimed.  Within a window slots only fill, so two who look for the same
 * identity end at the same slot.  Every change is one exchange of the whole slot, so whoever dies leaves it as it was or as it should be.
 */
#include "board/board_priv.h"

#include "base/clock.h"

#define PROBE		64
#define NUMBER_BITS	24
#define NUMBER_MASK	((1u << NUMBER_BITS) - 1)
#define COUNT_BITS	40
#define LOW_40		((UINT64_C(1) << COUNT_BITS) - 1)

/* a slot */

static uint32_t
number_of(struct pair_value v)
{
	return ((uint32_t)(v.high >> COUNT_BITS));
}

static int64_t
count_of(struct pair_value v)
{
	return ((int64_t)(v.high & LOW_40));
}

static struct pair_value
slot_with(uint64_t id, uint32_t number, int64_t count)
{
	return ((struct pair_value){ id, (uint64_t)number << COUNT_BITS | (uint64_t)(count < 0 ? 0 : count > WINDOW_MOST ? WINDOW_MOST : count) });
}

/* Numbers go round: the nearer way decides. */
static int32_t
ahead(uint32_t a, uint32_t b)
{
	return ((int32_t)((a - b) << (32 - NUMBER_BITS)) >> (32 - NUMBER_BITS));
}

static bool
is_of(struct pair_value v, uint32_t number, uint64_t id)
{
	return (v.low == id && number_of(v) == number);
}

static bool
is_empty(struct pair_value v, uint32_t number)
{
	return (v.low == 0 || ahead(number, number_of(v)) > 0);
}

static struct pair *
slot_at(const struct board *b, uint32_t number, uint64_t id, unsigned probe)
{
	return (&b->file->windows.slots[number & 1][(mix(id) + probe) & (WINDOW_SLOTS - 1)]);
}

/* counting */

static bool
fits(int64_t count, int64_t n, int64_t limit)
{
	return (count <= limit && n <= limit - count);
}

/* A no is confirmed, since a cheap look may have mixed two slots' halves; a yes confirms itself by the exchange. */
static bool
is_over(struct pair *slot, uint32_t number, uint64_t id, int64_t n, int64_t limit, int64_t *count)
{
	struct pair_value v = pair_get(slot);

	*count = count_of(v);
	return (is_of(v, number, id) && !fits(*count, n, limit));
}

enum window_end
window_add(struct board *b, uint32_t number, uint64_t id, int64_t n, int64_t limit, int64_t *count)
{
	number &= NUMBER_MASK;
	n = n < 0 ? 0 : n > WINDOW_MOST ? WINDOW_MOST : n;
	*count = 0;
	for (unsigned probe = 0; probe < PROBE;) {
		struct pair *slot = slot_at(b, number, id, probe);
		struct pair_value v = pair_peek(slot);
		bool mine = is_of(v, number, id);
		int64_t had = mine ? count_of(v) : 0;

		if (!mine && !is_empty(v, number)) {
			probe++;
			continue;
		}
		if (!fits(had, n, limit)) {
			if (!mine || is_over(slot, number, id, n, limit, count))
				return (WINDOW_OVER);
			continue;
		}
		board_point();
		if (pair_set_if(slot, v, slot_with(id, number, had + n))) {
			board_point();
			*count = had + n;
			return (WINDOW_ADDED);
		}
	}
	return (WINDOW_FULL);
}

static struct pair *
find_slot(const struct board *b, uint32_t number, uint64_t id, struct pair_value *v)
{
	number &= NUMBER_MASK;
	for (unsigned probe = 0; probe < PROBE; probe++) {
		struct pair *slot = slot_at(b, number, id, probe);

		*v = pair_peek(slot);
		if (is_of(*v, number, id)) {
			*v = pair_get(slot);
			return (is_of(*v, number, id) ? slot : NULL);
		}
		if (is_empty(*v, number))
			return (NULL);
	}
	return (NULL);
}

void
window_correct(struct board *b, uint32_t number, uint64_t id, int64_t by)
{
	struct pair_value v;
	struct pair *slot;

	if (by < -WINDOW_MOST || by > WINDOW_MOST)
		by = by < 0 ? -WINDOW_MOST : WINDOW_MOST;
	do {
		slot = find_slot(b, number, id, &v);
		board_point();
	} while (slot != NULL && !pair_set_if(slot, v, slot_with(id, number & NUMBER_MASK, count_of(v) + by)));
	board_point();
}

int64_t
window_count(const struct board *b, uint32_t number, uint64_t id)
{
	struct pair_value v;

	return (find_slot(b, number, id, &v) != NULL ? count_of(v) : 0);
}

/*
 * Which window it is.  When a window begins it is settled when it ends, by the clock that never steps: at the first border of the wall clock that gives
 * it its length, but for a sixteenth that is left to clocks which are slewed.  What the wall clock does meanwhile does not matter, so no two windows ever
 * begin within less.
 */

static uint32_t
present_number(uint64_t present)
{
	return ((uint32_t)(present >> COUNT_BITS));
}

static int64_t
present_ends(uint64_t present)
{
	return ((int64_t)(present & LOW_40));
}

/* What the clocks say. */
struct moment {
	uint32_t	 number;
	int64_t		 boot_ms, phase_ms, size_ms;
};

/* A process that comes late to it began when the wall clock says, but not while the one before was in use. */
static int64_t
end_of_next(uint64_t present, const struct moment *m)
{
	int64_t began = m->boot_ms - m->phase_ms, end = m->boot_ms + m->size_ms - m->phase_ms;

	if (present != 0 && began < present_ends(present))
		began = present_ends(present);
	while (end - began < m->size_ms - m->size_ms / 16)
		end += m->size_ms;
	return (end);
}

/*
 * The numbers are about to go back: what was counted under those to come is of the past.  Nobody counts under them before the present window has changed,
 * and once it has this stops: a count made since is in what the exchange compares.
 */
static void
forget_from(struct board *b, uint32_t number, uint64_t present)
{
	struct window_table *w = &b->file->windows;

	for (unsigned i = 0; i < 2 * WINDOW_SLOTS; i++) {
		struct pair *slot = &w->slots[i / WINDOW_SLOTS][i % WINDOW_SLOTS];
		struct pair_value v = pair_peek(slot);

		if (is_empty(v, number))
			continue;
		v = pair_get(slot);
		if (atomic_load(&w->present) != present)
			return;
		if (!is_empty(v, number))
			pair_set_if(slot, v, (struct pair_value){ 0, 0 });
		board_point();
	}
}

/* The same number may come again, if the clock was set back: that window goes on, with what is counted in it. */
static uint64_t
begin(struct board *b, uint64_t present, const struct moment *m)
{
	uint64_t next = (uint64_t)m->number << COUNT_BITS | ((uint64_t)end_of_next(present, m) & LOW_40);

	if (present != 0 && ahead(m->number, present_number(present)) < 0)
		forget_from(b, m->number, present);
	board_point();
	return (atomic_compare_exchange_strong(&b->file->windows.present, &present, next) ? next : present);
}

static void
tell(struct window *w, uint64_t present, int64_t boot_ms)
{
	w->number = present_number(present);
	w->left_ms = present_ends(present) > boot_ms ? present_ends(present) - boot_ms : 1;
}

static bool
lasts(uint64_t present, int64_t boot_ms)
{
	return (present != 0 && boot_ms < present_ends(present));
}

void
window_at(struct window *w, struct board *b, int64_t size_ms, int64_t wall_ms, int64_t boot_ms)
{
	int64_t phase = (wall_ms % size_ms + size_ms) % size_ms;
	struct moment m = { (uint32_t)((wall_ms - phase) / size_ms) & NUMBER_MASK, boot_ms, phase, size_ms };
	uint64_t present = atomic_load(&b->file->windows.present);

	tell(w, lasts(present, boot_ms) ? present : begin(b, present, &m), boot_ms);
}

void
window_now(struct window *w, struct board *b, int64_t size_ms)
{
	uint64_t present = atomic_load(&b->file->windows.present);
	int64_t boot_ms = clock_us() / 1000;

	if (lasts(present, boot_ms))
		tell(w, present, boot_ms);
	else
		window_at(w, b, size_ms, clock_wall_ms(), boot_ms);
}
