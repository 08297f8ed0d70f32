/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows grouped by what sluice_day is keyed by, and by whom they charge.
 *
 * Most rows of a batch are of a few callers who ask for the same few models: such rows are alike byte for byte but for their numbers and documents, so
 * those are added first, and what they belong to is looked for once for all of them.
 */
#include "ledger/sums.h"

#include "base/date.h"
#include "base/json.h"

#include <stdlib.h>

#define BUCKETS_MOST	4096			/* a power of two, as all such numbers */
#define COST		(DAY_SUMS - 1)
#define YEAR_9999_MS	INT64_C(253402300799999)

/* Rows that are alike: the first of them, and what they add up to. */
struct group {
	struct group	*next;			/* all, the newest first */
	struct group	*same;			/* hash chain */
	uint64_t	 hash;
	int64_t		 day;
	struct ledger_row row;
	int64_t		 sums[DAY_SUMS];
};

struct summing {
	struct arena	*arena;
	struct group	*all;
	struct group	**groups;
	struct day_sum	**buckets;
	unsigned	 mask;			/* of both */
	unsigned	 charges;		/* of all groups */
	struct {
		int64_t	 number;		/* of days since 1970 */
		int64_t	 code;
	} day;					/* of the last row: most of a batch are of one day */
};

/* Eight bytes at a time: a dozen texts of each row come by here. */
static uint64_t
mix(uint64_t hash, struct text t)
{
	uint64_t word;
	size_t i = 0;

	for (; i + sizeof(word) <= t.len; i += sizeof(word)) {
		memcpy(&word, t.at + i, sizeof(word));
		hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	word = t.len;
	for (; i < t.len; i++)
		word = word << 8 | (unsigned char)t.at[i];
	hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return (hash ^ hash >> 32);
}

static uint64_t
hash_of(int64_t day, const struct text keys[DAY_KEYS])
{
	uint64_t h = (uint64_t)day;

	for (unsigned i = 0; i < DAY_KEYS; i++)
		h = mix(h, keys[i]);
	return (h);
}

static bool
is_same(const struct day_sum *d, uint64_t hash, int64_t day, const struct text keys[DAY_KEYS])
{
	if (d->hash != hash || d->day != day)
		return (false);
	for (unsigned i = 0; i < DAY_KEYS; i++)
		if (!text_eq(d->keys[i], keys[i]))
			return (false);
	return (true);
}

static struct day_sum *
find_or_make(struct sums *sums, int64_t day, const struct text keys[DAY_KEYS])
{
	struct summing *m = sums->summing;
	uint64_t hash = hash_of(day, keys);
	struct day_sum **bucket = &m->buckets[hash & m->mask], *d;

	for (d = *bucket; d != NULL; d = d->same)
		if (is_same(d, hash, day, keys))
			return (d);
	d = arena_new_of(m->arena, struct day_sum);
	d->hash = hash;
	d->day = day;
	memcpy(d->keys, keys, sizeof(d->keys));
	d->same = *bucket;
	*bucket = d;
	d->next = sums->days;
	sums->days = d;
	sums->n_days++;
	return (d);
}

/* A clock can be wrong by any amount; years have four digits. */
static int64_t
code_of(struct summing *m, int64_t ms)
{
	int64_t number;

	ms = ms < 0 ? 0 : ms > YEAR_9999_MS ? YEAR_9999_MS : ms;
	number = day_of_ms(ms);
	if (m->day.code == 0 || m->day.number != number) {
		m->day.number = number;
		m->day.code = day_code(number);
	}
	return (m->day.code);
}

/* What the caller did not get. */
static bool
has_failed(const struct ledger_row *r)
{
	return (r->status >= 400 || text_is(r->ended, "cut") || text_is(r->ended, "refused") || text_is(r->ended, "swept"));
}

static void
add(struct sums *sums, const struct group *g, const char *kind, struct text entity)
{
	const struct ledger_row *r = &g->row;
	const struct text keys[DAY_KEYS] = { text_of(kind), entity, r->key_digest, r->user_id, r->team_id, r->organization_id, r->project_id,
		r->model_group, r->model, r->model_id, r->provider, r->call_type };
	struct day_sum *d = find_or_make(sums, g->day, keys);

	for (unsigned i = 0; i < DAY_SUMS; i++)
		d->sums[i] += g->sums[i];
}

/* A tag that is there twice counts once. */
static void
add_tags(struct sums *sums, const struct group *g)
{
	struct json_walk walk = json_walk(g->row.tags), before;
	struct json_item item, other;

	while (json_next(&walk, &item)) {
		bool again = item.type != JSON_STRING;

		before = json_walk(g->row.tags);
		while (!again && json_next(&before, &other) && other.from != item.from)
			again = text_eq(other.raw, item.raw);
		if (!again)
			add(sums, g, "tag", json_unescape(sums->summing->arena, json_inside(item.raw)));
	}
}

static void
add_group(struct sums *sums, const struct group *g)
{
	add(sums, g, "", TEXT(""));
	if (g->row.customer.len > 0)
		add(sums, g, "customer", g->row.customer);
	if (g->row.tags.len > 2)
		add_tags(sums, g);
}

/* charges */

static int
compare(int64_t a, int64_t b)
{
	return (a < b ? -1 : a > b);
}

static int
by_account(const void *a, const void *b)
{
	const struct booking *x = a, *y = b;
	int c = compare((int64_t)x->account, (int64_t)y->account);

	if (c == 0)
		c = compare(x->period, y->period);
	return (c != 0 ? c : compare((int64_t)x->lease, (int64_t)y->lease));
}

/* Most rows of a batch charge the same few, so that those are found rather than sorted all; one more than the index of a booking, 0: nobody's. */
static void
book(struct sums *sums, unsigned *places, unsigned mask, const struct booking *one)
{
	uint64_t hash = ((uint64_t)one->account ^ (uint64_t)one->period << 20 ^ (uint64_t)one->lease << 40) * UINT64_C(0x9e3779b97f4a7c15);
	unsigned at = (unsigned)(hash >> 32) & mask;

	while (places[at] != 0 && by_account(&sums->bookings[places[at] - 1], one) != 0)
		at = (at + 1) & mask;
	if (places[at] != 0) {
		sums->bookings[places[at] - 1].cost += one->cost;
		return;
	}
	sums->bookings[sums->n_bookings++] = *one;
	places[at] = sums->n_bookings;
}

static void
add_bookings(struct sums *sums)
{
	struct summing *m = sums->summing;
	unsigned mask = 63, *places;

	while (mask < 2 * m->charges)		/* never full */
		mask = mask * 2 + 1;
	sums->bookings = arena_alloc(m->arena, (m->charges + 1) * sizeof(*sums->bookings));
	places = arena_alloc(m->arena, (mask + 1) * sizeof(*places));
	for (const struct group *g = m->all; g != NULL; g = g->next)
		for (unsigned i = 0; i < g->row.n_charges && g->sums[COST] != 0; i++) {
			const struct charge *c = &g->row.charges[i];

			book(sums, places, mask, &(struct booking){ c->account, c->period, c->lease, g->sums[COST] });
		}
	qsort(sums->bookings, sums->n_bookings, sizeof(*sums->bookings), by_account);
}

/* rows that are alike */

static bool
is_alike(const struct group *g, uint64_t hash, int64_t day, const struct ledger_row *r)
{
	return (g->hash == hash && g->day == day && g->row.n_charges == r->n_charges && text_eq(g->row.shape, r->shape) && text_eq(g->row.alike, r->alike));
}

static struct group *
new_group(struct summing *m, uint64_t hash, int64_t day, const struct ledger_row *r)
{
	struct group *g = arena_new_of(m->arena, struct group), **bucket = &m->groups[hash & m->mask];

	g->hash = hash;
	g->day = day;
	g->row = *r;
	g->next = m->all;
	m->all = g;
	m->charges += r->n_charges;
	if (r->alike.len > 0) {			/* else it is like no other */
		g->same = *bucket;
		*bucket = g;
	}
	return (g);
}

static struct group *
group_of(struct summing *m, const struct ledger_row *r)
{
	int64_t day = code_of(m, r->began_ms);
	uint64_t hash = mix(0, r->alike);

	for (struct group *g = m->groups[hash & m->mask]; g != NULL; g = g->same)
		if (is_alike(g, hash, day, r))
			return (g);
	return (new_group(m, hash, day, r));
}

void
sums_count(struct sums *sums, const struct ledger_row *r)
{
	const int64_t more[DAY_SUMS] = { 1, has_failed(r), r->prompt, r->completion, r->cached, r->written, r->reasoning, r->cost };
	struct group *g = group_of(sums->summing, r);

	for (unsigned i = 0; i < DAY_SUMS; i++)
		g->sums[i] += more[i];
}

void
sums_begin(struct sums *sums, struct arena *arena, unsigned rows)
{
	struct summing *m = arena_new_of(arena, struct summing);

	*sums = (struct sums){ .summing = m };
	m->arena = arena;
	m->mask = 63;
	while (m->mask < rows && m->mask < BUCKETS_MOST - 1)
		m->mask = m->mask * 2 + 1;
	m->groups = arena_alloc(arena, (m->mask + 1) * sizeof(struct group *));
	m->buckets = arena_alloc(arena, (m->mask + 1) * sizeof(struct day_sum *));
}

void
sums_end(struct sums *sums)
{
	for (const struct group *g = sums->summing->all; g != NULL; g = g->next)
		add_group(sums, g);
	add_bookings(sums);
}
