/* SPDX-License-Identifier: Apache-2.0 */
/* Everything a worker does with its board, in a random order. */
#include "board/hammer.h"

#include "base/clock.h"
#include "board/board_priv.h"
#include "board/known.h"
#include "board/parallel.h"
#include "board/series.h"
#include "board/window.h"

#include <stdatomic.h>
#include <stdio.h>

#define LONG	1500			/* bytes of a payload that takes several entries */

struct work {
	struct board	*b;
	struct truth	*truth;
	struct arena	*arena;
	uint64_t	 bit;
	unsigned	 slot, open;
	bool		 in[HAMMER_ENTITIES], connected;
};

static struct text
name_of(char room[16], unsigned i)
{
	snprintf(room, 16, "deployment-%u", i);
	return (text_of(room));
}

static const char *
claim(struct work *w)
{
	char room[16];

	w->slot = board_deployment(w->b, name_of(room, (unsigned)(random_u64() % HAMMER_NAMES)));
	return (w->slot == BOARD_OTHER ? "no slot for a deployment" : NULL);
}

static const char *
exchange(struct work *w)
{
	board_open_exchanges(w->b, 1);
	if (board_my_open(w->b) != ++w->open)
		return ("another wrote to my seat");
	board_in_flight(w->b, w->slot, 1);
	if (board_in_flight_sum(w->b, w->slot) == 0)
		return ("my call is not in the sum");
	board_in_flight(w->b, w->slot, -1);
	board_open_exchanges(w->b, -1);
	w->open--;
	return (NULL);
}

static const char *
count(struct work *w)
{
	board_count(w->b, COUNT_REQUESTS_CHAT, 1);
	board_count_deployment(w->b, w->slot, DEP_FULL_RATES, 3);
	return (NULL);
}

/* More callers than there may be series: of each all labels say the same, so that torn ones show. */
static const char *
call(struct work *w)
{
	struct series_call c = { .deployment = w->slot, .counted = { [SERIES_TOKENS_IN] = 1 }, .left = { 3, -1 } };
	struct series_seen seen;
	char room[16];

	for (unsigned i = 0; i < SERIES_LABELS; i++)
		c.label[i] = TEXT("");
	c.label[SERIES_KEY] = c.label[SERIES_USER_EMAIL] = c.label[SERIES_MODEL] = name_of(room, (unsigned)(random_u64() % 40));
	series_count(w->b, &c, 16);
	for (unsigned i = (unsigned)(random_u64() % 64); i < series_places(w->b); i += 64)
		if (series_read(&seen, w->b, i) && !text_is(seen.label[SERIES_KEY], "other") && !text_eq(seen.label[SERIES_KEY], seen.label[SERIES_MODEL]))
			return ("a torn series");
	return (NULL);
}

/* All parts of an outcome follow from its time, so that a torn one shows. */
static const char *
judge(struct work *w)
{
	int64_t at = (int64_t)(random_u64() % 1000000) + 1;
	struct outcome o = { .at_wall_ms = at, .status = 200 + (int)(at % 400), .error = (int)(at % 25) };

	board_outcome(w->b, w->slot, &o);
	if (!board_outcome_read(w->b, w->slot, &o))
		return ("an outcome is gone");
	return (o.status != 200 + (int)(o.at_wall_ms % 400) || o.error != (int)(o.at_wall_ms % 25) ? "a torn outcome" : NULL);
}

static const char *
compare(struct work *w)
{
	board_listener(w->b, 1 + random_u64() % 2);
	return (board_least_open(w->b) > board_my_open(w->b) ? "least is more than mine" : NULL);
}

static const char *
sweep(struct work *w)
{
	board_sweep(w->b);
	return (NULL);
}

/* known keys: a payload is its key and version over and over, so that a torn or a stale one shows */

static struct known_id
id_of(uint64_t key)
{
	struct known_id id;
	char room[32];

	snprintf(room, sizeof(room), "key-%llu", (unsigned long long)key);
	known_id_make(&id, KNOWN_USER, text_of(room));
	return (id);
}

static size_t
write_payload(uint64_t *words, uint64_t key, uint64_t version)
{
	size_t n = key % 3 == 0 ? LONG / 8 : 1 + version % 50;

	for (size_t i = 0; i < n; i++)
		words[i] = key << 40 | version;
	return (n * 8);
}

static const char *
judge_payload(struct text payload, uint64_t key, uint64_t at_least)
{
	uint64_t words[LONG / 8], version;

	if (payload.len < 8 || payload.len > sizeof(words))
		return ("what is known has a wrong length");
	memcpy(words, payload.at, payload.len);
	version = words[0] & ((UINT64_C(1) << 40) - 1);
	for (size_t i = 0; i < payload.len / 8; i++)
		if (words[i] != (key << 40 | version))
			return ("what is known is torn");
	if (payload.len != write_payload(words, key, version))
		return ("what is known is cut");
	return (version < at_least ? "what is known is stale" : NULL);
}

static void
load_key(struct work *w, uint64_t key)
{
	struct known_id id = id_of(key);
	uint32_t generation = known_generation(w->b, &id);
	uint64_t words[LONG / 8], version = w->truth->keys[key].version;

	known_put(w->b, &id, generation, (struct text){ (char *)words, write_payload(words, key, version) });
}

static const char *
find_key(struct work *w)
{
	uint64_t key = random_u64() % HAMMER_KEYS, at_least = w->truth->keys[key].told;
	struct known_id id = id_of(key);
	struct known found;
	const char *wrong = NULL;

	if (known_find(&found, w->arena, w->b, &id)) {
		w->truth->found++;
		wrong = judge_payload(found.payload, key, at_least);
	} else {
		w->truth->missed++;
		load_key(w, key);
	}
	arena_clear(w->arena);
	return (wrong);
}

static void
raise_told(_Atomic uint64_t *told, uint64_t to)
{
	uint64_t now = *told;

	while (now < to && !atomic_compare_exchange_weak(told, &now, to))
		;
}

static const char *
change_key(struct work *w)
{
	uint64_t key = random_u64() % HAMMER_KEYS, version = ++w->truth->keys[key].version;
	struct known_id id = id_of(key);

	if (random_u64() % 50 == 0)
		known_change_all(w->b);
	else
		known_change(w->b, &id);
	raise_told(&w->truth->keys[key].told, version);
	return (NULL);
}

/* limits */

static bool
too_many(uint64_t bits, unsigned limit)
{
	return ((unsigned)__builtin_popcountll(bits) > limit);
}

static void
leave(struct work *w, unsigned e)
{
	w->truth->in[e] &= ~w->bit;
	parallel_give(w->b, 1 + e);
	w->in[e] = false;
}

/* In, or out again: in between other things happen, or death. */
static const char *
run_one(struct work *w)
{
	unsigned e = (unsigned)(random_u64() % HAMMER_ENTITIES), running;

	if (w->in[e]) {
		leave(w, e);
		return (NULL);
	}
	switch (parallel_take(w->b, 1 + e, HAMMER_PARALLEL, &running)) {
	case PARALLEL_FULL:
		return ("no room to count what runs");
	case PARALLEL_OVER:
		w->truth->refused++;
		return (NULL);
	case PARALLEL_TAKEN:
		break;
	}
	w->in[e] = true;
	w->truth->let_in++;
	return (running > HAMMER_PARALLEL || too_many(atomic_fetch_or(&w->truth->in[e], w->bit) | w->bit, HAMMER_PARALLEL) ? "more run than may" : NULL);
}

static void
disconnect(struct work *w)
{
	w->truth->permits &= ~w->bit;
	permit_give(w->b);
	w->connected = false;
}

static const char *
connect(struct work *w)
{
	if (w->connected)
		disconnect(w);
	else if (permit_take(w->b, HAMMER_PERMITS)) {
		w->connected = true;
		if (too_many(atomic_fetch_or(&w->truth->permits, w->bit) | w->bit, HAMMER_PERMITS))
			return ("more permits than there are");
	}
	return (NULL);
}

static void
leave_all(struct work *w)
{
	for (unsigned e = 0; e < HAMMER_ENTITIES; e++)
		if (w->in[e])
			leave(w, e);
	if (w->connected)
		disconnect(w);
}

/* Who was held up for more than a window counts in one that is gone: that says nothing. */
static const char *
add_one(struct work *w)
{
	uint32_t number = w->truth->window;
	unsigned e = (unsigned)(random_u64() % HAMMER_ENTITIES), added;
	int64_t count;

	switch (window_add(w->b, number, 1 + e, 1, HAMMER_PER_WINDOW, &count)) {
	case WINDOW_FULL:
		return ("no room to count in a window");
	case WINDOW_OVER:
		w->truth->over++;
		return (NULL);
	case WINDOW_ADDED:
		break;
	}
	w->truth->counted++;
	added = ++w->truth->added[number % HAMMER_WINDOWS][e];
	if (w->truth->window - number > 1)
		return (NULL);
	if (added > HAMMER_PER_WINDOW || count > HAMMER_PER_WINDOW)
		return ("a window holds more than its limit");
	window_correct(w->b, number, 1 + HAMMER_ENTITIES, 1);
	return (NULL);
}

void
hammer_next_window(struct truth *t)
{
	for (unsigned e = 0; e < HAMMER_ENTITIES; e++)
		t->added[(t->window + 1) % HAMMER_WINDOWS][e] = 0;
	t->window++;
}

void
hammer_dead(struct truth *t, unsigned who)
{
	for (unsigned e = 0; e < HAMMER_ENTITIES; e++)
		t->in[e] &= ~(UINT64_C(1) << who);
	t->permits &= ~(UINT64_C(1) << who);
}

const char *
hammer_nothing_held(struct board *b)
{
	for (unsigned e = 0; e < HAMMER_ENTITIES; e++)
		if (parallel_sum(b, 1 + e) != 0)
			return ("a count of the dead is left");
	return (permits_taken(b) != 0 ? "a permit of the dead is left" : NULL);
}

/* What it raised in vain it has lowered again: whoever takes the seat next would only clean it. */
static const char *
nothing_left(const struct board *b)
{
	const struct parallel_table *p = &b->file->parallel;
	bool wide = b->kind == SEAT_WIDE;
	const word64 *words = wide ? p->wide[b->seat].of[0] : p->narrow[b->seat - BOARD_WIDE];

	for (unsigned i = 0; i < (wide ? PARALLEL_GROUPS * PARALLEL_GROUP : PARALLEL_NARROW); i++)
		if (word_get(&words[i]) != 0)
			return ("a count is left where nothing runs");
	return (NULL);
}

static const char *(*const deeds[])(struct work *) = { claim, exchange, exchange, exchange, count, count, call, call, judge, compare, sweep, find_key, find_key, find_key, change_key, run_one, run_one,
	connect, add_one };

const char *
hammer(struct board *b, struct truth *truth, unsigned who, unsigned rounds)
{
	struct work w = { .b = b, .truth = truth, .arena = arena_new(), .bit = UINT64_C(1) << who };
	const char *wrong = claim(&w);

	for (unsigned i = 0; wrong == NULL && i < rounds; i++)
		wrong = deeds[random_u64() % nitems(deeds)](&w);
	leave_all(&w);
	arena_free(w.arena);
	return (wrong != NULL ? wrong : nothing_left(b));
}

const char *
hammer_names(struct board *b)
{
	char room[16], id[72];

	for (unsigned i = 0; i < HAMMER_NAMES; i++) {
		struct text name = name_of(room, i);

		if (!board_deployment_id(b, board_deployment(b, name), id) || !text_is(name, id))
			return ("a slot has another's text");
	}
	return (board_deployments(b) != HAMMER_NAMES + 1 ? "a deployment has two slots" : NULL);
}

static bool
went_down(uint64_t *before, uint64_t now)
{
	bool down = now < *before;

	*before = now;
	return (down);
}

const char *
hammer_monotone(const struct board *b, struct hammered *before)
{
	bool down = false;

	for (unsigned c = 0; c < COUNTERS; c++)
		down |= went_down(&before->counters[c], board_counted(b, c));
	for (unsigned d = 0; d < HAMMER_NAMES; d++)
		for (unsigned c = 0; c < DEP_COUNTERS; c++)
			down |= went_down(&before->deployments[d][c], board_counted_deployment(b, d, c));
	return (down ? "a counter went down" : NULL);
}
