/* SPDX-License-Identifier: Apache-2.0 */
/* Running exchanges: the file, the seats, and what a living process does with its slots. */
#include "board/running_priv.h"

#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static const struct file_kind running_kind = {
	.suffix = "running", .magic = RUNNING_MAGIC, .shape = RUNNING_LAYOUT, .layout = RUNNING_LAYOUT,
	.size = sizeof(struct running_file), .at_once = offsetof(struct running_file, wide),
};

size_t
running_size(unsigned workers)
{
	return (running_kind.at_once + (size_t)workers * sizeof(((struct running_file *)0)->wide[0]));
}

static bool
is_wide(unsigned seat)
{
	return (seat < BOARD_WIDE);
}

static bool
is_taken(const struct running_file *f, unsigned seat)
{
	return (word_get(&f->seats[seat].taken) != 0);
}

static struct running_slot *
all_slots(struct running_file *f, unsigned seat)
{
	return (is_wide(seat) ? f->wide[seat].slots : &f->narrow[seat - BOARD_WIDE]);
}

struct running_slot *
seat_slots(struct running_file *f, unsigned seat, unsigned *n)
{
	*n = is_taken(f, seat) ? (unsigned)atomic_load(&f->seats[seat].high) : 0;
	return (all_slots(f, seat));
}

/* seats */

static void
count_used(struct running *r)
{
	word_set(&r->file->seats[r->seat].used, r->n_slots - r->n_free);
}

static void
list_slots(struct running *r)
{
	r->slots = all_slots(r->file, r->seat);
	r->n_slots = is_wide(r->seat) ? RUNNING_WIDE : 1;
	r->free = must_alloc(r->n_slots * sizeof(r->free[0]));
	r->mine = must_zalloc((r->n_slots + 63) / 64 * sizeof(r->mine[0]));
	for (unsigned i = r->n_slots; i-- > 0;)
		if (slot_state(&r->slots[i]) == RUNNING_FREE)
			r->free[r->n_free++] = i;
	r->left_over = r->n_free < r->n_slots;
	count_used(r);
}

static void
raise_to(word32 *w, uint32_t to)
{
	uint32_t now = word_get32(w);

	while (now < to && !atomic_compare_exchange_weak(w, &now, to))
		;
}

/* What a dead process was asking for when it died is nobody's turn any more. */
static void
end_turns(struct running_file *f, unsigned seat)
{
	if (word_get(&f->seats[seat].turn_oldest) == 0)
		return;
	lease_forget_asker(f, seat);
	atomic_store(&f->seats[seat].turn_oldest, 0);
}

static int
make_room(struct running *r, unsigned seat)
{
	size_t each = sizeof(r->file->wide[0]);

	return (is_wide(seat) ? board_file_room(r->fd, running_kind.at_once + seat * each, each) : 0);
}

/* 0, or errno when there is no room for the seat; EBUSY: it is another's. */
static int
take(struct running *r, unsigned seat)
{
	int rc;

	if (!board_lock(r->fd, LOCK_SEATS + seat))
		return (EBUSY);
	if ((rc = make_room(r, seat)) != 0) {
		board_unlock(r->fd, LOCK_SEATS + seat);
		return (rc);
	}
	if (is_taken(r->file, seat))
		end_turns(r->file, seat);
	raise_to(is_wide(seat) ? &r->file->header.wide_used : &r->file->header.narrow_used, is_wide(seat) ? seat + 1 : seat - BOARD_WIDE + 1);
	word_set(&r->file->seats[seat].taken, 1);
	board_point();
	r->seat = seat;
	list_slots(r);
	return (0);
}

static int
take_any(struct running *r)
{
	unsigned from = r->kind == SEAT_WIDE ? 0 : BOARD_WIDE, to = r->kind == SEAT_WIDE ? BOARD_WIDE : SEATS;
	int rc = EBUSY;

	for (unsigned seat = from; seat < to && rc == EBUSY; seat++)
		if (!is_taken(r->file, seat))
			rc = take(r, seat);
	for (unsigned seat = from; seat < to && rc == EBUSY; seat++)
		rc = take(r, seat);
	return (rc);
}

/* A sweeper may hold a dead seat for a moment. */
static int
sit_down(struct running *r)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	int rc = take_any(r);

	for (unsigned tries = 0; rc == EBUSY && tries < 5; tries++) {
		nanosleep(&pause, NULL);
		rc = take_any(r);
	}
	return (rc);
}

struct running *
running_open(const char *dir, const char *instance, enum seat_kind kind, struct buf *why)
{
	struct running *r = must_zalloc(sizeof(*r));
	void *file = NULL;
	int rc;

	r->kind = kind;
	r->pid = getpid();
	r->fd = board_file_open(&file, &running_kind, dir, instance, why);
	r->file = file;
	if (r->fd < 0) {
		free(r);
		return (NULL);
	}
	if (kind == SEAT_NONE || (rc = sit_down(r)) == 0)
		return (r);
	if (rc == EBUSY)
		buf_print(why, "all %d seats of the running exchanges in %s are taken", kind == SEAT_WIDE ? BOARD_WIDE : BOARD_NARROW, dir);
	else
		buf_print(why, "%s: the running exchanges of a worker need %zu KB: %s", dir, sizeof(r->file->wide[0]) / 1024, strerror(rc));
	r->kind = SEAT_NONE;
	running_close(r);
	return (NULL);
}

void
running_close(struct running *r)
{
	if (r == NULL)
		return;
	if (r->pid == getpid()) {
		if (r->kind != SEAT_NONE && r->n_free == r->n_slots && r->n_turns == 0)
			word_set(&r->file->seats[r->seat].taken, 0);
		munmap(r->file, sizeof(*r->file));
	}
	close(r->fd);				/* the lock goes with it */
	free(r->free);
	free(r->mine);
	free(r);
}

/* slots of my own */

static struct running_slot *
slot_at(const struct running *r, unsigned slot)
{
	assert(slot < r->n_slots && is_mine(r, slot));
	return (&r->slots[slot]);
}

static void
give_slot_back(struct running *r, unsigned slot)
{
	r->mine[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
	r->free[r->n_free++] = slot;
	count_used(r);
}

unsigned
running_begin(struct running *r, const char id[37], int64_t began_wall_ms, const struct running_who *who)
{
	struct running_slot *s;
	unsigned slot;

	if (r->n_free == 0)
		return (RUNNING_NONE);
	slot = r->free[--r->n_free];
	r->mine[slot / 64] |= UINT64_C(1) << (slot % 64);
	count_used(r);
	s = &r->slots[slot];
	if (slot >= word_get(&r->file->seats[r->seat].high))
		atomic_store(&r->file->seats[r->seat].high, slot + 1);
	slot_clear(s);
	slot_become(s, RUNNING_RESERVING);
	slot_name(s, id, who);
	word_set(&s->began_ms, (uint64_t)began_wall_ms);
	return (slot);
}

unsigned
running_charge(struct running *r, unsigned slot, uint64_t account, int64_t period)
{
	struct running_slot *s = slot_at(r, slot);
	uint64_t n = word_get(&s->n_charges);
	struct running_charge *c = &s->charges[n];

	if (n == CHARGES_MOST)
		return (CHARGES_MOST);
	word_set(&c->account, account);
	word_set(&c->period, (uint64_t)period);
	word_set(&c->lease, 0);
	word_set(&c->taken, 0);
	atomic_store_explicit(&s->n_charges, n + 1, memory_order_release);
	board_point();
	return ((unsigned)n);
}

void
running_reserved(struct running *r, unsigned slot, int64_t bound)
{
	struct running_slot *s = slot_at(r, slot);

	word_set(&s->bound, (uint64_t)bound);
	slot_become(s, RUNNING_RESERVED);
}

void
running_more(struct running *r, unsigned slot, int64_t bound)
{
	board_point();
	word_set(&slot_at(r, slot)->bound, (uint64_t)bound);
	board_point();
}

void
running_unreserve(struct running *r, unsigned slot)
{
	struct running_slot *s = slot_at(r, slot);

	slot_become(s, RUNNING_RESERVING);
	slot_return(r->file, s, false);
	for (unsigned i = 0; i < CHARGES_MOST; i++)
		word_set(&s->charges[i].lease, 0);
}

void
running_sent(struct running *r, unsigned slot, const struct running_where *where)
{
	struct running_slot *s = slot_at(r, slot);

	slot_set_where(s, where);
	word_set(&s->sent_ms, (uint64_t)clock_wall_ms());
	slot_become(s, RUNNING_SENT);
}

void
running_seen(struct running *r, unsigned slot, int64_t prompt, int64_t completion, int64_t cost)
{
	struct running_slot *s = slot_at(r, slot);

	word_set(&s->prompt, (uint64_t)prompt);
	word_set(&s->completion, (uint64_t)completion);
	word_set(&s->seen_cost, (uint64_t)cost);
	board_point();
}

void
running_settled(struct running *r, unsigned slot, int64_t prompt, int64_t completion, int64_t cost)
{
	struct running_slot *s = slot_at(r, slot);

	running_seen(r, slot, prompt, completion, cost);
	word_set(&s->cost, (uint64_t)cost);
	slot_become(s, RUNNING_SETTLED);
}

/* What such a call takes is learned where a ceiling holds it. */
static void
note_call(struct running *r, const struct running_slot *s)
{
	int64_t cost = (int64_t)word_get(&s->cost), ms = clock_wall_ms() - (int64_t)word_get(&s->sent_ms);
	unsigned n = (unsigned)word_get(&s->n_charges);

	for (unsigned i = 0; i < n; i++)
		if (word_get(&s->charges[i].lease) != 0)
			lease_note_call(r->file, word_get(&s->charges[i].account), (int64_t)word_get(&s->charges[i].period), cost, ms);
}

void
running_booked(struct running *r, unsigned slot)
{
	struct running_slot *s = slot_at(r, slot);

	slot_become(s, RUNNING_BOOKED);
	note_call(r, s);
	slot_end(r->file, s, false);
	give_slot_back(r, slot);
}

void
running_cancel(struct running *r, unsigned slot)
{
	struct running_slot *s = slot_at(r, slot);

	word_set(&s->cost, 0);
	slot_become(s, RUNNING_RESERVING);
	slot_end(r->file, s, false);
	give_slot_back(r, slot);
}

unsigned
running_charges(const struct running *r, unsigned slot, struct charge charges[CHARGES_MOST])
{
	return (slot_charges(slot_at(r, slot), charges));
}

unsigned
running_mine(const struct running *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < (r->n_slots + 63) / 64; i++)
		n += (unsigned)__builtin_popcountll(r->mine[i]);
	return (n);
}

unsigned
running_all(const struct running *r)
{
	unsigned wide = word_get32(&r->file->header.wide_used), narrow = word_get32(&r->file->header.narrow_used);
	uint64_t all = 0;

	for (unsigned i = 0; i < wide; i++)
		all += word_get(&r->file->seats[i].used);
	for (unsigned i = 0; i < narrow; i++)
		all += word_get(&r->file->seats[BOARD_WIDE + i].used);
	return ((unsigned)all);
}

bool
running_others(struct running *r)
{
	for (unsigned seat = 0; seat < SEATS; seat++) {
		if (!is_taken(r->file, seat) || (r->kind != SEAT_NONE && seat == r->seat))
			continue;
		if (!board_lock(r->fd, LOCK_SEATS + seat))
			return (true);
		board_unlock(r->fd, LOCK_SEATS + seat);		/* it is dead */
	}
	return (false);
}

uint64_t
running_id(const struct running *r)
{
	const struct board_header *h = &r->file->header;

	return (h->id != 0 ? h->id : (uint64_t)h->made_us);
}

const char *
running_boot(const struct running *r)
{
	return (r->file->header.boot);
}

/* the sweeper */

/* Slots that living code of this process uses are left alone.  False: some could not be finished. */
static bool
finish_slots(struct running *r, struct running_slot *slots, unsigned n, const struct running *owner, running_append_f *append, void *self,
    unsigned *finished)
{
	bool all = true;

	for (unsigned i = 0; i < n; i++) {
		if (slot_state(&slots[i]) == RUNNING_FREE || (owner != NULL && is_mine(owner, i)))
			continue;
		if (slot_finish(r->file, &slots[i], append, self)) {
			++*finished;
			if (owner != NULL) {
				r->free[r->n_free++] = i;
				count_used(r);
			}
		} else
			all = false;
	}
	return (all);
}

static unsigned
sweep_seat(struct running *r, unsigned seat, running_append_f *append, void *self)
{
	unsigned finished = 0, n;
	struct running_slot *slots = seat_slots(r->file, seat, &n);

	if (!is_taken(r->file, seat) || (r->kind != SEAT_NONE && seat == r->seat) || !board_lock(r->fd, LOCK_SEATS + seat))
		return (0);
	if (is_taken(r->file, seat)) {		/* else another was faster */
		end_turns(r->file, seat);
		if (finish_slots(r, slots, n, NULL, append, self, &finished)) {
			word_set(&r->file->seats[seat].used, 0);
			word_set(&r->file->seats[seat].taken, 0);
		}
	}
	board_point();
	board_unlock(r->fd, LOCK_SEATS + seat);
	return (finished);
}

unsigned
running_sweep(struct running *r, running_append_f *append, void *self)
{
	unsigned wide = word_get32(&r->file->header.wide_used), narrow = word_get32(&r->file->header.narrow_used), swept = 0;

	if (r->left_over)
		r->left_over = !finish_slots(r, r->slots, r->n_slots, r, append, self, &swept);
	for (unsigned i = 0; i < wide; i++)
		swept += sweep_seat(r, i, append, self);
	for (unsigned i = 0; i < narrow; i++)
		swept += sweep_seat(r, BOARD_WIDE + i, append, self);
	return (swept);
}
