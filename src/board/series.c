/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table of atomic words, open, with short probes; place 0 belongs to what finds no other.
 *
 * A place is claimed by its hash.  Whoever finds that hash there and no labels yet writes them: all would write the same, so it does not matter who
 * claimed it, or died after it.
 */
#include "board/series.h"

#include "board/board_priv.h"

#include <string.h>

#define PROBES		8u
#define NAMELESS_PROBES	64u	/* there are few of them, and what finds none has no deployment either */
#define IDLE_S		3600u		/* so long without a call, and another may have the place */
#define READ_S		2u		/* so long after a slice of it a page is taken to go on */
#define MOVING		UINT64_C(1)	/* the hash of a place that is being given to another; one that dies just then takes the place with it */

const double series_bounds[SERIES_TIMES][SERIES_BUCKETS - 1] = {
	[SERIES_TOTAL] =       { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300 },
	[SERIES_UPSTREAM] =    { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300 },
	[SERIES_FIRST_TOKEN] = { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300 },
	[SERIES_PER_TOKEN] =   { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300 },
	[SERIES_OVERHEAD] =    { 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30 },
};

static unsigned
places_for(unsigned most)
{
	unsigned n = 1024;

	while (n < SERIES_PLACES && n < 2 * most)
		n *= 2;
	return (n);
}

size_t
series_size(unsigned most)
{
	return (places_for(most) * sizeof(struct series));
}

/*
 * Room first, so that whoever sees the number can touch what it stands for.  With another number of places a series goes on in another one; the page
 * adds both up.
 */
bool
series_room(struct board *b, unsigned most, struct buf *why)
{
	struct board_file *f = b->file;
	unsigned n = places_for(most), now = word_get32(&f->series_places);
	int rc;

	if (now >= n)
		return (true);
	if ((rc = board_file_room(b->fd, offsetof(struct board_file, series), n * sizeof(f->series[0]))) != 0) {
		buf_print(why, "a board for metrics of %u callers needs %zu KB more: %s", most, series_size(most) / 1024, strerror(rc));
		return (false);
	}
	while (now < n && !atomic_compare_exchange_weak(&f->series_places, &now, n))
		;
	return (true);
}

/* labels, packed: the deployment, then of each label its length and its bytes; `instead`: of callers that have no series of their own */

struct packed {
	uint64_t	 words[SERIES_WORDS];
	unsigned	 n;
	uint64_t	 hash;
};

static void
pack(struct packed *p, const struct series_call *call, const char *instead)
{
	unsigned char *bytes = (unsigned char *)p->words;
	size_t len = 2;

	bytes[0] = (unsigned char)call->deployment;
	bytes[1] = (unsigned char)(call->deployment >> 8);
	for (unsigned i = 0; i < SERIES_LABELS; i++) {
		struct text t = i >= SERIES_CALLER_LABELS || instead == NULL ? call->label[i] : i == SERIES_KEY ? text_of(instead) : TEXT("");

		if (t.len > SERIES_TEXT)
			t = text_whole(text_sub(t, 0, SERIES_TEXT));
		bytes[len++] = (unsigned char)t.len;
		if (t.len > 0)
			memcpy(bytes + len, t.at, t.len);
		len += t.len;
	}
	p->n = (unsigned)(len + 7) / 8;
	memset(bytes + len, 0, p->n * 8 - len);
	p->hash = p->n;
	for (unsigned i = 0; i < p->n; i++)
		p->hash = (p->hash ^ p->words[i] ^ p->hash >> 29) * UINT64_C(0x9e3779b97f4a7c15);
	p->hash = mix(p->hash) | 2;			/* neither empty nor MOVING */
}

static void
write_labels(struct series *s, const struct packed *p)
{
	for (unsigned i = 0; i < p->n; i++)
		word_set(&s->labels[i], p->words[i]);
	board_point();
	atomic_store_explicit(&s->length, p->n, memory_order_release);
}

/* places */

static void
empty_into(struct series *other, struct series *s)
{
	for (unsigned i = 0; i < SERIES_COUNTERS; i++)
		atomic_fetch_add(&other->counted[i], atomic_exchange(&s->counted[i], 0));
	for (unsigned i = 0; i < BOARD_STATUSES; i++)
		atomic_fetch_add(&other->answers[i], atomic_exchange(&s->answers[i], 0));
	for (unsigned i = 0; i < SERIES_TIMES; i++) {
		atomic_fetch_add(&other->timed[i].us, atomic_exchange(&s->timed[i].us, 0));
		for (unsigned k = 0; k < SERIES_BUCKETS; k++)
			atomic_fetch_add(&other->timed[i].buckets[k], atomic_exchange(&s->timed[i].buckets[k], 0));
	}
	for (unsigned i = 0; i < SERIES_GAUGES; i++)
		word_set(&s->left[i], 0);
}

static struct series *nameless(struct board *, const struct series_call *, unsigned most);

/* A page that has read the one place and not yet the other would miss what goes from this to that: its counters would fall for once. */
static bool
is_being_read(const struct board *b)
{
	uint32_t read = word_get32(&b->file->series_read);

	return (read != 0 && b->second <= read + READ_S);
}

/* Its counts go to callers without a name, of the same model. */
static bool
take_over(struct board *b, struct series *s, uint64_t was, const struct packed *p)
{
	struct series_call call = { .deployment = BOARD_OTHER };
	struct series_seen seen;
	bool known = series_read(&seen, b, (unsigned)(s - b->file->series));

	if (is_being_read(b))
		return (false);
	if (!atomic_compare_exchange_strong(&s->hash, &was, MOVING))
		return (false);
	board_point();
	atomic_store(&s->length, 0);
	if (known) {
		call.deployment = seen.deployment;
		memcpy(call.label, seen.label, sizeof(call.label));
	}
	empty_into(known ? nameless(b, &call, 1) : &b->file->series[0], s);
	board_point();
	write_labels(s, p);
	atomic_store_explicit(&s->hash, p->hash, memory_order_release);
	return (true);
}

static struct series *
claim_free(struct board_file *f, struct series *s, const struct packed *p, bool counts)
{
	uint64_t none = 0;

	if (!atomic_compare_exchange_strong(&s->hash, &none, p->hash))
		return (none == p->hash ? s : NULL);
	board_point();
	if (counts)
		atomic_fetch_add(&f->series_used, 1);
	return (s);
}

/* Where it is counted; NULL: there is no room.  `limit` 0: as many as there are places. */
static struct series *
find(struct board *b, const struct packed *p, unsigned limit)
{
	struct board_file *f = b->file;
	unsigned n = word_get32(&f->series_places), at = (unsigned)(p->hash >> 32), probes = limit > 0 ? PROBES : NAMELESS_PROBES;
	struct series *idlest = NULL;
	uint64_t idlest_hash = 0;

	for (unsigned i = 0; n > 0 && i < probes; i++) {
		struct series *s = &f->series[1 + ((at + i) & (n - 1)) % (n - 1)];
		uint64_t hash = word_get(&s->hash);

		if (hash == 0 && (limit == 0 || word_get32(&f->series_used) < limit))
			s = claim_free(f, s, p, limit > 0);
		else if (hash != p->hash) {
			if (hash > MOVING && word_get32(&s->second) != 0 && (idlest == NULL || word_get32(&s->second) < word_get32(&idlest->second))) {
				idlest = s;
				idlest_hash = hash;
			}
			continue;
		}
		if (s == NULL)
			continue;
		if (word_get32(&s->length) == 0)
			write_labels(s, p);
		return (s);
	}
	if (limit > 0 && idlest != NULL && word_get32(&idlest->second) + IDLE_S < b->second && take_over(b, idlest, idlest_hash, p))
		return (idlest);
	return (NULL);
}

/* Of all callers that have no series of their own. */
static struct series *
nameless(struct board *b, const struct series_call *call, unsigned most)
{
	struct series *s;
	struct packed p;

	pack(&p, call, most > 0 ? "other" : "");
	s = find(b, &p, 0);
	return (s != NULL ? s : &b->file->series[0]);
}

static struct series *
place_of(struct board *b, const struct series_call *call, unsigned most)
{
	struct series *s = NULL;
	struct packed p;

	if (most > 0) {
		pack(&p, call, NULL);
		s = find(b, &p, most);
	}
	return (s != NULL ? s : nameless(b, call, most));
}

static void
add(word64 *w, uint64_t by)
{
	if (by > 0)
		atomic_fetch_add_explicit(w, by, memory_order_relaxed);
}

static void
add_time(struct series *s, enum series_time which, int64_t us)
{
	unsigned at = 0;

	if (us < 0)
		us = 0;
	while (at < SERIES_BUCKETS - 1 && (double)us > series_bounds[which][at] * 1e6)
		at++;
	add(&s->timed[which].us, (uint64_t)us);
	add(&s->timed[which].buckets[at], 1);
}

void
series_count(struct board *b, const struct series_call *call, unsigned most)
{
	struct series *s;

	if (word_get32(&b->file->series_places) == 0)
		return;
	s = place_of(b, call, most);
	if (word_get32(&s->second) != b->second)
		word_set32(&s->second, b->second);
	if (call->status < BOARD_STATUSES)
		add(&s->answers[call->status], 1);
	for (unsigned i = 0; i < SERIES_COUNTERS; i++)
		add(&s->counted[i], call->counted[i]);
	for (unsigned i = 0; i < SERIES_TIMES; i++)
		if (call->timed[i])
			add_time(s, i, call->us[i]);
	for (unsigned i = 0; i < SERIES_GAUGES; i++)
		if (call->left[i] >= 0)
			word_set(&s->left[i], (uint64_t)call->left[i] + 1);
}

/* reading */

unsigned
series_places(const struct board *b)
{
	return (word_get32(&b->file->series_places));
}

static void
unpack(struct series_seen *seen, unsigned words)
{
	const unsigned char *bytes = (const unsigned char *)seen->room;
	size_t at = 2, end = words * 8;

	seen->deployment = bytes[0] | (unsigned)bytes[1] << 8;
	for (unsigned i = 0; i < SERIES_LABELS; i++) {
		size_t len = at < end ? bytes[at] : 0;

		at++;
		if (at + len > end)
			len = 0;
		seen->label[i] = (struct text){ seen->room + at, len };
		at += len;
	}
}

bool
series_read(struct series_seen *seen, const struct board *b, unsigned place)
{
	const struct series *s = &b->file->series[place];
	unsigned words = atomic_load_explicit((word32 *)&s->length, memory_order_acquire);
	uint64_t word, hash = word_get(&s->hash);

	if (place > 0 && (words == 0 || words > SERIES_WORDS || hash <= MOVING))
		return (false);
	for (unsigned i = 0; place > 0 && i < words; i++) {
		word = word_get(&s->labels[i]);
		memcpy(seen->room + i * 8, &word, 8);
	}
	if (place == 0) {
		memset(seen->room, 0, sizeof(seen->room));
		words = 2;
	}
	unpack(seen, words);
	if (place == 0)
		seen->label[SERIES_KEY] = seen->label[SERIES_MODEL] = TEXT("other");
	seen->hash = hash;
	return (word_get(&s->hash) == hash);	/* else it was given to another meanwhile */
}

void
series_reads(struct board *b, bool go_on)
{
	word_set32(&b->file->series_read, go_on ? b->second | 1 : 0);
}
