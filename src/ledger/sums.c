/* SPDX-License-Identifier: Apache-2.0 */
/* Rows grouped by what sluice_day is keyed by, and by whom they charge. */
#include "ledger/sums.h"

#include "base/date.h"
#include "base/json.h"

#include <stdlib.h>

#define BUCKETS		4096			/* a power of two */
#define YEAR_9999_MS	INT64_C(253402300799999)

struct making {
	struct sums	*sums;
	struct arena	*arena;
	struct day_sum	**buckets;
	struct {
		int64_t	 number;		/* of days since 1970 */
		int64_t	 code;
	} day;					/* the last one: most rows of a batch are of one day */
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
find_or_make(struct making *m, int64_t day, const struct text keys[DAY_KEYS])
{
	uint64_t hash = hash_of(day, keys);
	struct day_sum **bucket = &m->buckets[hash & (BUCKETS - 1)], *d;

	for (d = *bucket; d != NULL; d = d->same)
		if (is_same(d, hash, day, keys))
			return (d);
	d = arena_new_of(m->arena, struct day_sum);
	d->hash = hash;
	d->day = day;
	memcpy(d->keys, keys, sizeof(d->keys));
	d->same = *bucket;
	*bucket = d;
	d->next = m->sums->days;
	m->sums->days = d;
	m->sums->n_days++;
	return (d);
}

/* A clock can be wrong by any amount; years have four digits. */
static int64_t
code_of(struct making *m, int64_t ms)
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
add(struct making *m, const struct ledger_row *r, const char *kind, struct text entity)
{
	const struct text keys[DAY_KEYS] = { text_of(kind), entity, r->key_digest, r->user_id, r->team_id, r->organization_id, r->project_id,
		r->model_group, r->model, r->model_id, r->provider, r->call_type };
	const int64_t more[DAY_SUMS] = { 1, has_failed(r), r->prompt, r->completion, r->cached, r->written, r->reasoning, r->cost };
	struct day_sum *d = find_or_make(m, code_of(m, r->began_ms), keys);

	for (unsigned i = 0; i < DAY_SUMS; i++)
		d->sums[i] += more[i];
}

/* A tag that is there twice counts once. */
static void
add_tags(struct making *m, const struct ledger_row *r)
{
	struct json_walk walk = json_walk(r->tags), before;
	struct json_item item, other;

	while (json_next(&walk, &item)) {
		bool again = item.type != JSON_STRING;

		before = json_walk(r->tags);
		while (!again && json_next(&before, &other) && other.from != item.from)
			again = text_eq(other.raw, item.raw);
		if (!again)
			add(m, r, "tag", json_unescape(m->arena, json_inside(item.raw)));
	}
}

static void
add_row(struct making *m, const struct ledger_row *r)
{
	add(m, r, "", TEXT(""));
	if (r->customer.len > 0)
		add(m, r, "customer", r->customer);
	if (r->tags.len > 2)
		add_tags(m, r);
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
add_bookings(struct sums *sums, struct arena *arena, struct ledger_row *const *rows, unsigned n)
{
	unsigned room = 0, mask = 63, *places;

	for (unsigned i = 0; i < n; i++)
		room += rows[i]->n_charges;
	while (mask < 2 * room)			/* never full */
		mask = mask * 2 + 1;
	sums->bookings = arena_alloc(arena, (room + 1) * sizeof(*sums->bookings));
	places = arena_alloc(arena, (mask + 1) * sizeof(*places));
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < rows[i]->n_charges && rows[i]->cost != 0; k++) {
			const struct charge *c = &rows[i]->charges[k];

			book(sums, places, mask, &(struct booking){ c->account, c->period, c->lease, rows[i]->cost });
		}
	qsort(sums->bookings, sums->n_bookings, sizeof(*sums->bookings), by_account);
}

void
sums_make(struct sums *sums, struct arena *arena, struct ledger_row *const *rows, unsigned n)
{
	struct making m = { .sums = sums, .arena = arena };

	*sums = (struct sums){ 0 };
	m.buckets = arena_alloc(arena, BUCKETS * sizeof(struct day_sum *));
	for (unsigned i = 0; i < n; i++)
		add_row(&m, rows[i]);
	add_bookings(sums, arena, rows, n);
}
