/* SPDX-License-Identifier: Apache-2.0 */
/* Seats: taken, given back, swept; and what a seat says of itself: open exchanges, calls in flight. */
#include "board/board_priv.h"

#include "base/clock.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PROBE_US	3000
#define STUCK_US	3000000			/* a loop that has not turned for so long does not accept either */

static const struct file_kind board_kind = {
	.suffix = "board", .magic = BOARD_MAGIC, .shape = BOARD_SHAPE, .layout = BOARD_LAYOUT,
	.size = sizeof(struct board_file), .at_once = offsetof(struct board_file, known.index),
};

size_t
board_size(unsigned known, unsigned series)
{
	return (board_kind.at_once + known_size(known) + series_size(series));
}

static bool
is_wide(unsigned seat)
{
	return (seat < BOARD_WIDE);
}

static bool
is_taken(const struct board_file *f, unsigned seat)
{
	return (is_wide(seat) ? word_get32(&f->wide[seat].taken) != 0 : (word_get(&f->narrow[seat - BOARD_WIDE]) & NARROW_TAKEN) != 0);
}

/* Only words that are not zero are written: a clean page stays clean.  The seat is free last, so whoever is killed in here leaves the rest to the next. */
static void
clean(struct board_file *f, unsigned seat)
{
	unsigned narrow = seat - BOARD_WIDE;

	known_clean(f, seat);
	parallel_clean(f, seat);
	if (is_wide(seat)) {
		for (unsigned i = 0; i < BOARD_DEPLOYMENTS; i++)
			if (word_get32(&f->in_flight[seat].of[i]) != 0) {
				word_set32(&f->in_flight[seat].of[i], 0);
				board_point();
			}
		word_set32(&f->wide[seat].open, 0);
		board_point();
		word_set(&f->wide[seat].listener, 0);
		word_set32(&f->wide[seat].taken, 0);
	} else {
		word_set(&f->narrow_flight[narrow], 0);
		board_point();
		word_set(&f->narrow[narrow], 0);
	}
	board_point();
}

static void
be_seen(struct wide_seat *seat)
{
	atomic_store_explicit(&seat->seen_us, clock_us(), memory_order_relaxed);
}

static void
look_at_clock(struct board *b)
{
	b->second = (uint32_t)(clock_us() / 1000000);
}

static void
raise_to(word32 *w, uint32_t to)
{
	uint32_t now = word_get32(w);

	while (now < to && !atomic_compare_exchange_weak(w, &now, to))
		;
}

static void
occupy(struct board_file *f, unsigned seat)
{
	if (is_wide(seat)) {
		raise_to(&f->header.wide_used, seat + 1);
		atomic_store_explicit(&f->wide[seat].since_us, clock_us(), memory_order_relaxed);
		be_seen(&f->wide[seat]);
		word_set32(&f->wide[seat].taken, 1);
	} else {
		raise_to(&f->header.narrow_used, seat - BOARD_WIDE + 1);
		word_set(&f->narrow[seat - BOARD_WIDE], NARROW_TAKEN);
	}
	board_point();
}

static bool
take(struct board *b, unsigned seat)
{
	if (!board_lock(b->fd, LOCK_SEATS + seat))
		return (false);
	board_point();
	if (is_taken(b->file, seat))
		clean(b->file, seat);
	occupy(b->file, seat);
	b->seat = seat;
	return (true);
}

/* Free ones first, so that the thousandth process does not ask the kernel a thousand times. */
static bool
take_any(struct board *b)
{
	unsigned from = b->kind == SEAT_WIDE ? 0 : BOARD_WIDE, to = b->kind == SEAT_WIDE ? BOARD_WIDE : SEATS;

	for (unsigned seat = from; seat < to; seat++)
		if (!is_taken(b->file, seat) && take(b, seat))
			return (true);
	for (unsigned seat = from; seat < to; seat++)
		if (take(b, seat))
			return (true);
	return (false);
}

/* A sweeper may hold a dead seat for a moment, so no is no only after a while. */
static bool
sit_down(struct board *b)
{
	const struct timespec pause = { .tv_nsec = 2000000 };

	for (unsigned tries = 0; tries < 5; tries++) {
		if (take_any(b))
			return (true);
		nanosleep(&pause, NULL);
	}
	return (false);
}

struct board *
board_open(const char *dir, const char *instance, enum seat_kind kind, struct buf *why)
{
	struct board *b = must_zalloc(sizeof(*b));
	void *file = NULL;

	b->kind = kind;
	b->pid = getpid();
	pthread_mutex_init(&b->sweeping, NULL);
	look_at_clock(b);
	b->fd = board_file_open(&file, &board_kind, dir, instance, why);
	b->file = file;
	if (b->fd < 0) {
		free(b);
		return (NULL);
	}
	if (!known_room(b, KNOWN_LEAST_ROOM, why) || !series_room(b, 0, why)) {
		b->kind = SEAT_NONE;
		board_close(b);
		return (NULL);
	}
	if (kind != SEAT_NONE && !sit_down(b)) {
		buf_print(why, "all %d seats of the board in %s are taken", kind == SEAT_WIDE ? BOARD_WIDE : BOARD_NARROW, dir);
		b->kind = SEAT_NONE;
		board_close(b);
		return (NULL);
	}
	b->shared = kind != SEAT_WIDE;
	b->set = &b->file->sets[b->shared ? BOARD_WIDE : b->seat];
	return (b);
}

void
board_close(struct board *b)
{
	if (b == NULL)
		return;
	if (b->pid == getpid()) {
		if (b->kind != SEAT_NONE)
			clean(b->file, b->seat);
		munmap(b->file, sizeof(*b->file));
	}
	close(b->fd);				/* the lock goes with it */
	pthread_mutex_destroy(&b->sweeping);
	free(b);
}

bool
board_housekeeper(struct board *b)
{
	return (board_lock(b->fd, LOCK_HOUSEKEEPER));
}

static bool
sweep_seat(struct board *b, unsigned seat)
{
	bool dead = false;

	if (!is_taken(b->file, seat) || (b->kind != SEAT_NONE && seat == b->seat))
		return (false);
	pthread_mutex_lock(&b->sweeping);
	if (board_lock(b->fd, LOCK_SEATS + seat)) {
		if (is_taken(b->file, seat)) {	/* else another was faster */
			clean(b->file, seat);
			dead = true;
		}
		board_unlock(b->fd, LOCK_SEATS + seat);
	}
	pthread_mutex_unlock(&b->sweeping);
	return (dead);
}

static unsigned
sweep_all(struct board *b)
{
	unsigned wide = word_get32(&b->file->header.wide_used), narrow = word_get32(&b->file->header.narrow_used);
	unsigned swept = 0;

	for (unsigned i = 0; i < wide; i++)
		swept += sweep_seat(b, i);
	for (unsigned i = 0; i < narrow; i++)
		swept += sweep_seat(b, BOARD_WIDE + i);
	return (swept);
}

unsigned
board_sweep(struct board *b)
{
	look_at_clock(b);
	if (b->kind == SEAT_WIDE)
		be_seen(&b->file->wide[b->seat]);
	return (sweep_all(b));
}

bool
board_sweep_once(struct board *b)
{
	int64_t now_us = clock_us(), last_us = atomic_load_explicit(&b->swept_us, memory_order_relaxed);

	return (now_us - last_us >= PROBE_US && atomic_compare_exchange_strong(&b->swept_us, &last_us, now_us) && sweep_all(b) > 0);
}

/* open exchanges */

static uint32_t
changed(uint32_t from, int change)
{
	int64_t to = (int64_t)from + change;

	return (to > 0 ? (uint32_t)to : 0);
}

static word64 *
my_narrow(const struct board *b)
{
	return (&b->file->narrow[b->seat - BOARD_WIDE]);
}

void
board_listener(struct board *b, uint64_t key)
{
	if (b->kind == SEAT_WIDE)
		word_set(&b->file->wide[b->seat].listener, key);
}

void
board_open_exchanges(struct board *b, int change)
{
	board_point();
	if (b->kind == SEAT_WIDE)
		word_set32(&b->file->wide[b->seat].open, changed(board_my_open(b), change));
	else if (b->kind == SEAT_NARROW)
		word_set(my_narrow(b), NARROW_TAKEN | (uint64_t)changed(board_my_open(b), change) << NARROW_OPEN);
	board_point();
}

unsigned
board_my_open(const struct board *b)
{
	switch (b->kind) {
	case SEAT_WIDE:
		return (word_get32(&b->file->wide[b->seat].open));
	case SEAT_NARROW:
		return ((unsigned)(word_get(my_narrow(b)) >> NARROW_OPEN));
	default:
		return (0);
	}
}

/* Who shares my listener, and can be expected to take from it. */
static bool
is_peer(const struct wide_seat *seat, uint64_t key, int64_t now_us)
{
	return (word_get32(&seat->taken) != 0 && word_get(&seat->listener) == key &&
	    now_us - atomic_load_explicit(&seat->seen_us, memory_order_relaxed) < STUCK_US);
}

static unsigned
least_seat(const struct board *b, int64_t now_us)
{
	const struct wide_seat *wide = b->file->wide;
	unsigned used = word_get32(&b->file->header.wide_used), least = b->seat;
	uint64_t key = word_get(&wide[b->seat].listener);

	for (unsigned i = 0; key != 0 && i < used; i++)
		if (word_get32(&wide[i].open) < word_get32(&wide[least].open) && is_peer(&wide[i], key, now_us))
			least = i;
	return (least);
}

/* A dead worker with little to do would keep all others from their listener, so the one that is compared with is looked at, at most once in a while. */
unsigned
board_least_open(struct board *b)
{
	int64_t now_us = clock_us();
	unsigned least;

	if (b->kind != SEAT_WIDE)
		return (board_my_open(b));
	least = least_seat(b, now_us);
	if (least != b->seat && now_us - b->probed_us >= PROBE_US) {
		b->probed_us = now_us;
		while (sweep_seat(b, least))
			least = least_seat(b, now_us);
	}
	return (word_get32(&b->file->wide[least].open));
}

unsigned
board_all_open(const struct board *b)
{
	const struct board_file *f = b->file;
	unsigned wide = word_get32(&f->header.wide_used), narrow = word_get32(&f->header.narrow_used);
	unsigned sum = 0;

	for (unsigned i = 0; i < wide; i++)
		sum += word_get32(&f->wide[i].open);
	for (unsigned i = 0; i < narrow; i++)
		sum += (unsigned)(word_get(&f->narrow[i]) >> NARROW_OPEN);
	return (sum);
}

/* calls in flight */

static unsigned
lane(uint64_t flight, unsigned i)
{
	return ((unsigned)(flight >> (16 * i)) & 0xffff);
}

/* One call: a free lane gets the slot, or a lane with the slot becomes free.  More calls than lanes are not counted. */
static uint64_t
with_call(uint64_t flight, unsigned slot, bool begins)
{
	for (unsigned i = 0; i < FLIGHT_LANES; i++)
		if (lane(flight, i) == (begins ? 0 : slot + 1))
			return (flight ^ (uint64_t)(slot + 1) << (16 * i));
	return (flight);
}

void
board_in_flight(struct board *b, unsigned slot, int change)
{
	word64 *flight;

	if (slot >= BOARD_DEPLOYMENTS)
		slot = BOARD_OTHER;
	board_point();
	if (b->kind == SEAT_WIDE) {
		word32 *w = &b->file->in_flight[b->seat].of[slot];

		word_set32(w, changed(word_get32(w), change));
	} else if (b->kind == SEAT_NARROW) {
		flight = &b->file->narrow_flight[b->seat - BOARD_WIDE];
		for (int i = 0; i < abs(change) && i < FLIGHT_LANES; i++)
			word_set(flight, with_call(word_get(flight), slot, change > 0));
	}
	board_point();
}

unsigned
board_in_flight_sum(const struct board *b, unsigned slot)
{
	const struct board_file *f = b->file;
	unsigned wide = word_get32(&f->header.wide_used), narrow = word_get32(&f->header.narrow_used);
	unsigned sum = 0;

	if (slot >= BOARD_DEPLOYMENTS)
		slot = BOARD_OTHER;
	for (unsigned i = 0; i < wide; i++)
		sum += word_get32(&f->in_flight[i].of[slot]);
	for (unsigned i = 0; i < narrow; i++) {
		uint64_t flight = word_get(&f->narrow_flight[i]);

		for (unsigned l = 0; flight != 0 && l < FLIGHT_LANES; l++)
			sum += lane(flight, l) == slot + 1;
	}
	return (sum);
}
