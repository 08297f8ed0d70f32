/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Known entities: found, put, changed.
 *
 * An entry is read under its sequence number: a reader that saw it odd, or changed, saw nothing.  Words are stored with release and loaded with acquire,
 * which orders them against the number without fences (ThreadSanitizer knows none) and costs nothing on x86.
 */
#include "board/board_priv.h"

#include "base/clock.h"
#include "base/digest.h"

#define PROBATION_S	60	/* what was put and never asked for again goes before all that was found within this time */

const char *const known_kinds[KNOWN_KINDS] = {
	[KNOWN_KEY] = "key", [KNOWN_TEAM] = "team", [KNOWN_MEMBER] = "member", [KNOWN_USER] = "user", [KNOWN_ORGANIZATION] = "organization",
	[KNOWN_PROJECT] = "project", [KNOWN_CUSTOMER] = "customer", [KNOWN_TAG] = "tag", [KNOWN_OTHER] = "other",
};

void
known_id_make(struct known_id *to, enum known_kind kind, struct text id)
{
	struct buf named = { 0 };

	_Static_assert(sizeof(to->bytes) == DIGEST_BYTES, "an id is a digest");
	if (kind == KNOWN_KEY && hex_read(to->bytes, sizeof(to->bytes), id))
		return;
	buf_text(&named, text_of(known_kinds[kind]));
	buf_byte(&named, ':');
	buf_text(&named, id);
	sha256(to->bytes, buf_as_text(&named));
	buf_free(&named);
}

/* An id as words, and where it belongs: each word of a digest is as good a hash as another. */
struct place {
	uint64_t	 id[4];
	unsigned	 buckets;
};

static struct place
place_of(const struct board *b, const struct known_id *id)
{
	struct place p = { .buckets = atomic_load_explicit(&b->file->known.buckets, memory_order_acquire) };

	memcpy(p.id, id->bytes, sizeof(p.id));
	return (p);
}

/* Parts of a larger payload lie in buckets next to each other. */
static unsigned
bucket_of(const struct place *p, unsigned part)
{
	return ((unsigned)((p->id[0] + part) & (p->buckets - 1)));
}

static uint64_t
tag_of(const struct place *p)
{
	return (p->id[1] >> 32 | 1);
}

static word32 *
generation_of(const struct known_table *k, const struct place *p)
{
	return ((word32 *)&k->generations[p->id[2] & (KNOWN_GENERATIONS - 1)]);
}

static uint64_t
load(const word64 *w)
{
	return (atomic_load_explicit((word64 *)w, memory_order_acquire));
}

static void
store(word64 *w, uint64_t to)
{
	atomic_store_explicit(w, to, memory_order_release);
}

static bool
is_locked(uint64_t lock)
{
	return ((lock >> 16 & 1) != 0);
}

static uint64_t
next_lock(uint64_t lock, unsigned seat)
{
	return (((lock >> 16) + 1) << 16 | (seat + 1));
}

/* finding */

/* A copy of an entry, taken under its lock. */
struct copy {
	uint32_t	 generation;
	unsigned	 total, part;
	uint64_t	 stamp;
	int64_t		 loaded_us;
	uint64_t	 words[KNOWN_WORDS];
};

static unsigned
part_length(unsigned total, unsigned part)
{
	unsigned left = total - part * KNOWN_PART;

	return (part * KNOWN_PART >= total ? 0 : left < KNOWN_PART ? left : KNOWN_PART);
}

static unsigned
parts_of(size_t total)
{
	return (total == 0 ? 1 : (unsigned)((total + KNOWN_PART - 1) / KNOWN_PART));
}

static void
read_shape(struct copy *c, uint64_t shape)
{
	c->generation = (uint32_t)(shape >> 32);
	c->total = (unsigned)(shape >> 16) & 0xffff;
	c->part = (unsigned)shape & 0xffff;
}

/* False: it is another's, or was being written.  Until the number is compared at the end nothing that was read is sure, so lengths are bounded. */
static bool
copy_entry(struct copy *c, const struct known_entry *e, const struct place *p)
{
	uint64_t lock = load(&e->lock);
	bool same = true;
	unsigned words;

	if (is_locked(lock))
		return (false);
	for (unsigned i = 0; i < nitems(p->id); i++)
		same &= load(&e->id[i]) == p->id[i];
	if (!same)
		return (false);
	read_shape(c, load(&e->shape));
	c->stamp = load(&e->stamp);
	c->loaded_us = (int64_t)load(&e->loaded_us);
	words = (part_length(c->total, c->part) + 7) / 8;
	for (unsigned i = 0; i < words; i++) {
		c->words[i] = load(&e->payload[i]);
		if (i % 16 == 0)
			board_point();
	}
	return (word_get(&e->lock) == lock);
}

/* At most one write a second and entry, so that reading does not pass lines between processors. */
static void
touch(struct board *b, word64 *index, uint64_t was)
{
	if ((uint32_t)was < b->second)
		atomic_compare_exchange_strong_explicit(index, &was, (was & ~UINT64_C(0xffffffff)) | b->second, memory_order_relaxed, memory_order_relaxed);
}

/* Two of the same may lie in one bucket for a while, when two seats put them at once; each says for itself whether it counts. */
static bool
find_part(struct copy *c, struct board *b, const struct place *p, unsigned part, uint32_t generation)
{
	struct known_table *k = &b->file->known;
	unsigned bucket = bucket_of(p, part);
	uint64_t tag = tag_of(p);

	for (unsigned way = 0; way < KNOWN_WAYS; way++) {
		uint64_t index = word_get(&k->index[bucket][way]);

		if (index >> 32 == tag && copy_entry(c, &k->entries[bucket * KNOWN_WAYS + way], p) && c->part == part &&
		    c->generation == generation) {
			touch(b, &k->index[bucket][way], index);
			return (true);
		}
	}
	return (false);
}

static bool
find_rest(char *to, struct board *b, const struct place *p, const struct copy *first)
{
	for (unsigned part = 1; part < parts_of(first->total); part++) {
		struct copy c;

		if (!find_part(&c, b, p, part, first->generation) || c.stamp != first->stamp)
			return (false);
		memcpy(to + part * KNOWN_PART, c.words, part_length(c.total, part));
	}
	return (true);
}

bool
known_find(struct known *found, struct arena *a, struct board *b, const struct known_id *id)
{
	struct place p = place_of(b, id);
	struct copy first;
	char *to;

	if (!find_part(&first, b, &p, 0, known_generation(b, id)))
		return (false);
	found->loaded_us = first.loaded_us;
	found->payload = TEXT("");
	if (first.total == 0)
		return (true);
	to = arena_alloc(a, first.total);
	memcpy(to, first.words, part_length(first.total, 0));
	found->payload = (struct text){ to, first.total };
	return (find_rest(to, b, &p, &first));
}

bool
known_was(struct board *b, const struct known_id *id)
{
	struct place p = place_of(b, id);
	struct known_table *k = &b->file->known;
	unsigned bucket = bucket_of(&p, 0);
	struct copy c;

	for (unsigned way = 0; way < KNOWN_WAYS; way++)
		if (word_get(&k->index[bucket][way]) >> 32 == tag_of(&p) && copy_entry(&c, &k->entries[bucket * KNOWN_WAYS + way], &p) && c.total > 0)
			return (true);
	return (false);
}

/* generations */

/* Acquire: what the store is asked afterwards is newer than any change that is not in this number. */
uint32_t
known_generation(const struct board *b, const struct known_id *id)
{
	struct place p = place_of(b, id);

	return (atomic_load_explicit(generation_of(&b->file->known, &p), memory_order_acquire));
}

void
known_change(struct board *b, const struct known_id *id)
{
	struct place p = place_of(b, id);

	board_point();
	atomic_fetch_add(generation_of(&b->file->known, &p), 1);
	board_point();
}

void
known_change_all(struct board *b)
{
	for (unsigned i = 0; i < KNOWN_GENERATIONS; i++) {
		board_point();
		atomic_fetch_add(&b->file->known.generations[i], 1);
	}
}

void
board_changes_read(struct board *b, int64_t until_us)
{
	store(&b->file->known.changes_read_us, (uint64_t)until_us);
}

int64_t
board_changes_read_until(const struct board *b)
{
	return ((int64_t)load(&b->file->known.changes_read_us));
}

/* putting */

struct put {
	struct place	 place;
	uint32_t	 generation, used;
	uint64_t	 stamp, loaded_us;
	struct text	 payload;
};

/* The seat says where before it locks, so that whoever cleans it finds the entry if it dies in between. */
static bool
lock_entry(struct board *b, unsigned entry)
{
	struct known_table *k = &b->file->known;
	uint64_t lock = load(&k->entries[entry].lock);

	if (is_locked(lock))
		return (false);
	store(&k->writing[b->seat], entry + 1);
	board_point();
	if (atomic_compare_exchange_strong(&k->entries[entry].lock, &lock, next_lock(lock, b->seat)))
		return (true);
	store(&k->writing[b->seat], 0);
	return (false);
}

static void
unlock_entry(struct board *b, unsigned entry)
{
	struct known_entry *e = &b->file->known.entries[entry];

	store(&e->lock, next_lock(word_get(&e->lock), b->seat));
	board_point();
	store(&b->file->known.writing[b->seat], 0);
	board_point();
}

static void
fill_entry(struct known_entry *e, const struct put *put, unsigned part)
{
	unsigned n = part_length((unsigned)put->payload.len, part);
	uint64_t words[KNOWN_WORDS] = { 0 };

	if (n > 0)
		memcpy(words, put->payload.at + part * KNOWN_PART, n);
	for (unsigned i = 0; i < nitems(put->place.id); i++)
		store(&e->id[i], put->place.id[i]);
	board_point();
	store(&e->shape, (uint64_t)put->generation << 32 | (uint64_t)put->payload.len << 16 | part);
	store(&e->stamp, put->stamp);
	store(&e->loaded_us, put->loaded_us);
	for (unsigned i = 0; i < (n + 7) / 8; i++) {
		store(&e->payload[i], words[i]);
		if (i % 16 == 0)
			board_point();
	}
}

/* The index says nothing of an entry while it is written, so what it says is true whenever the entry is unlocked. */
static bool
put_in(struct board *b, unsigned entry, const struct put *put, unsigned part)
{
	struct known_table *k = &b->file->known;
	word64 *index = &k->index[entry / KNOWN_WAYS][entry % KNOWN_WAYS];

	if (!lock_entry(b, entry))
		return (false);
	board_point();
	store(index, 0);
	board_point();
	fill_entry(&k->entries[entry], put, part);
	board_point();
	store(index, tag_of(&put->place) << 32 | put->used);
	board_point();
	unlock_entry(b, entry);
	return (true);
}

static bool
holds(const struct known_table *k, unsigned entry, const struct put *put, unsigned part)
{
	struct copy c;

	return (word_get(&k->index[entry / KNOWN_WAYS][entry % KNOWN_WAYS]) >> 32 == tag_of(&put->place) &&
	    copy_entry(&c, &k->entries[entry], &put->place) && c.part == part);
}

/* How much an entry may stay: one of the same id goes first, then an empty one, then the one that was not wanted for longest. */
static uint64_t
worth(const struct known_table *k, unsigned entry, const struct put *put, unsigned part)
{
	if (holds(k, entry, put, part))
		return (0);
	return ((word_get(&k->index[entry / KNOWN_WAYS][entry % KNOWN_WAYS]) & 0xffffffff) + 1);
}

/* An entry that another is writing is passed over, be it slow, stopped or dead. */
static bool
put_part(struct board *b, const struct put *put, unsigned part)
{
	unsigned first = bucket_of(&put->place, part) * KNOWN_WAYS;
	uint64_t worths[KNOWN_WAYS];

	for (unsigned way = 0; way < KNOWN_WAYS; way++)
		worths[way] = worth(&b->file->known, first + way, put, part);
	for (unsigned tries = 0; tries < KNOWN_WAYS; tries++) {
		unsigned least = 0;

		for (unsigned way = 1; way < KNOWN_WAYS; way++)
			if (worths[way] < worths[least])
				least = way;
		if (put_in(b, first + least, put, part))
			return (true);
		worths[least] = UINT64_MAX;
	}
	return (false);
}

/* The first part last: with it the others are found. */
void
known_put(struct board *b, const struct known_id *id, uint32_t generation, struct text payload)
{
	uint32_t ago = b->second > PROBATION_S ? b->second - PROBATION_S : 1;
	struct put put = { place_of(b, id), generation, payload.len > 0 ? ago : 1, random_u64(), (uint64_t)clock_us(), payload };

	if (b->kind == SEAT_NONE || payload.len > KNOWN_MOST || known_generation(b, id) != generation)
		return;
	for (unsigned part = parts_of(payload.len); part-- > 0;)
		if (!put_part(b, &put, part))
			return;
}

/* room */

static unsigned
buckets_for(unsigned entities)
{
	unsigned n = KNOWN_BUCKETS;

	while (n < KNOWN_BUCKETS_MOST && n * KNOWN_WAYS < entities)
		n *= 2;
	return (n);
}

size_t
known_size(unsigned entities)
{
	return (buckets_for(entities) * (sizeof(((struct known_table *)0)->index[0]) + KNOWN_WAYS * sizeof(struct known_entry)));
}

/* Room first, so that whoever sees the number can touch what it stands for. */
bool
known_room(struct board *b, unsigned entities, struct buf *why)
{
	struct known_table *k = &b->file->known;
	unsigned n = buckets_for(entities), now = word_get32(&k->buckets);
	int rc;

	if (now >= n)
		return (true);
	rc = board_file_room(b->fd, offsetof(struct board_file, known.index), n * sizeof(k->index[0]));
	board_point();
	if (rc == 0)
		rc = board_file_room(b->fd, offsetof(struct board_file, known.entries), n * KNOWN_WAYS * sizeof(k->entries[0]));
	board_point();
	if (rc != 0) {
		buf_print(why, "a board for %u known keys needs %zu KB: %s", n * KNOWN_WAYS, board_size(n * KNOWN_WAYS, 0) / 1024, strerror(rc));
		return (false);
	}
	while (now < n && !atomic_compare_exchange_weak(&k->buckets, &now, n))
		;
	return (true);
}

/* sweeping */

static void
empty_entry(struct known_table *k, unsigned entry, unsigned seat)
{
	struct known_entry *e = &k->entries[entry];
	uint64_t lock = load(&e->lock);

	if (!is_locked(lock) || (lock & 0xffff) != seat + 1)
		return;			/* died before it had the lock, or after it gave it back */
	store(&k->index[entry / KNOWN_WAYS][entry % KNOWN_WAYS], 0);
	board_point();
	for (unsigned i = 0; i < nitems(e->id); i++)
		store(&e->id[i], 0);
	board_point();
	store(&e->lock, next_lock(lock, seat));
	board_point();
}

void
known_clean(struct board_file *f, unsigned seat)
{
	uint64_t writing = word_get(&f->known.writing[seat]);

	if (writing == 0)
		return;
	if (writing <= nitems(f->known.entries))
		empty_entry(&f->known, (unsigned)writing - 1, seat);
	board_point();
	store(&f->known.writing[seat], 0);
	board_point();
}
