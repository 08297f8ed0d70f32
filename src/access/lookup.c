/* SPDX-License-Identifier: Apache-2.0 */
/* Wishes, the loads they wait for, and when what is known counts. */
#include "access/lookup.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

#define FRESH_MS	1000			/* changes were read, or the entity was, so lately: nothing is missed for longer */
#define ABSENT_US	INT64_C(5000000)	/* so long nobody asks again for what is not there */
#define PATIENCE_MS	5000
#define PROBE_US	INT64_C(1000000)	/* so often a store that is away is asked whether it is back */
#define STATEMENT_MS	3000
#define LEND_MS		2000
#define BUCKETS		256
#define ABSENT		1024
#define KEPT		256		/* a power of two: sets of so many places, so that callers whose names fall together do not take each other's */
#define KEPT_PLACES	4
#define BATCH_MOST	16

/* An entity on its way from the store. */
struct load {
	struct load	*next, **link;		/* of its bucket */
	struct known_id	 id;
	struct entity	 entity;
	uint32_t	 generation;		/* read before the store was asked */
	struct buf	 packed;
	enum store_end	 end;
	struct wish	*waiting;
};

struct fetch {
	struct errand	 errand;
	struct lookups	*of;
	struct store_pool *pool;
	struct arena	*arena;			/* the loads', and the fetch's own */
	struct load	 loads[BATCH_MOST];
	unsigned	 n;
	char		 why[200];
};

struct absent {					/* a digest that no key has */
	struct known_id	 id;
	uint32_t	 generation;
	int64_t		 at_us;			/* 0: none */
};

/* What the board knows, unpacked; in an arena of its own, which goes with the last that points to it. */
struct kept {
	struct arena	*arena;
	unsigned	 refs;
	struct entity	 entity;
	struct known_id	 id;
	uint32_t	 generation;		/* read before the board was */
	struct known	 known;
	struct standing	 room;
	const struct standing *standing;	/* NULL: it is none */
};

struct lookups {
	struct lookups_setup to;
	struct kept	*kept[KEPT][KEPT_PLACES];
	unsigned	 kept_turn;		/* whose place is given away next */
	struct load	*buckets[BUCKETS];
	unsigned	 pending;		/* wishes */
	struct timer	 tick;
	bool		 away;			/* the last load ended so */
	int64_t		 probed_us, noted_us;
	struct absent	 absent[ABSENT];
};

/* when what is known counts */

static bool
is_read_along(const struct lookups *l, int64_t now)
{
	return (board_changes_read_until(l->to.board) > now - l->to.fresh_ms * 1000);
}

/* That somebody is there now is a change like others, but by which names people are known it does not tell. */
static bool
counts(const struct lookups *l, enum known_kind kind, const struct known *k, int64_t now)
{
	if (k->payload.len == 0 && kind == KNOWN_OTHER)
		return (k->loaded_us > now - (is_read_along(l, now) ? ABSENT_US : l->to.fresh_ms * 1000));
	return (k->loaded_us > now - l->to.fresh_ms * 1000 || is_read_along(l, now));
}

static bool
is_young_enough(const struct lookups *l, const struct known *k, int64_t now)
{
	return (k->loaded_us > now - l->to.age_ms * 1000);
}

static struct absent *
absent_slot(struct lookups *l, const struct known_id *id)
{
	return (&l->absent[(id->bytes[0] | id->bytes[1] << 8) & (ABSENT - 1)]);
}

static bool
is_absent(struct lookups *l, const struct known_id *id, int64_t now)
{
	const struct absent *a = absent_slot(l, id);

	return (a->at_us > now - ABSENT_US && a->at_us > 0 && memcmp(&a->id, id, sizeof(*id)) == 0 &&
	    a->generation == known_generation(l->to.board, id));
}

/* what is kept unpacked */

static void
kept_free(struct kept *k)
{
	if (k != NULL && --k->refs == 0)
		arena_free(k->arena);
}

static bool
is_same(const struct entity *a, const struct entity *b)
{
	return (a->kind == b->kind && text_eq(a->id, b->id) && text_eq(a->user_id, b->user_id));
}

/* Its place; NULL: it has none. */
static struct kept **
kept_place(struct kept **set, const struct entity *e)
{
	for (unsigned i = 0; i < KEPT_PLACES; i++)
		if (set[i] != NULL && is_same(&set[i]->entity, e))
			return (&set[i]);
	return (NULL);
}

/* Its last eight bytes: names that count end so, and digests anyhow.  Who falls together shares the places of a set. */
static uint64_t
tail_of(struct text id)
{
	struct text tail = id.len > 8 ? text_sub(id, id.len - 8, id.len) : id;
	uint64_t bytes = 0;

	if (tail.len > 0)
		memcpy(&bytes, tail.at, tail.len);
	return (bytes);
}

static struct kept **
kept_set(struct lookups *l, const struct entity *e)
{
	uint64_t id = tail_of(e->id), user = tail_of(e->user_id), h = id ^ (user << 21 | user >> 43) ^ (uint64_t)e->kind;

	return (l->kept[(h * UINT64_C(0x9e3779b97f4a7c15)) >> 32 & (KEPT - 1)]);
}

/* Its place, else a free one, else that of another. */
static struct kept **
kept_place_for(struct lookups *l, const struct entity *e)
{
	struct kept **set = kept_set(l, e), **place = kept_place(set, e);

	for (unsigned i = 0; place == NULL && i < KEPT_PLACES; i++)
		if (set[i] == NULL)
			place = &set[i];
	return (place != NULL ? place : &set[l->kept_turn++ % KEPT_PLACES]);
}

static void
take_kept(struct wish *w, struct kept *k)
{
	k->refs++;
	w->kept = k;
	w->payload = k->known.payload;
	w->standing = k->standing;
	w->state = WISH_HERE;
}

static bool
from_kept(struct lookups *l, struct wish *w, int64_t now)
{
	struct kept **place = kept_place(kept_set(l, &w->entity), &w->entity);

	if (place == NULL || (*place)->generation != known_generation(l->to.board, &(*place)->id) ||
	    !counts(l, w->entity.kind, &(*place)->known, now))
		return (false);
	take_kept(w, *place);
	return (true);
}

/* Takes the arena, in which `known` is. */
static void
keep(struct lookups *l, struct wish *w, struct arena *arena, const struct known *known, uint32_t generation)
{
	struct kept **place = kept_place_for(l, &w->entity), *k = arena_new_of(arena, struct kept);

	k->arena = arena;
	k->refs = 1;
	k->entity = (struct entity){ .kind = w->entity.kind, .id = arena_copy(arena, w->entity.id), .user_id = arena_copy(arena, w->entity.user_id) };
	k->id = w->id;
	k->generation = generation;
	k->known = *known;
	k->standing = known->payload.len > 0 && standing_unpack(&k->room, arena, known->payload) ? &k->room : NULL;
	kept_free(*place);
	*place = k;
	take_kept(w, k);
}

/* the end of a wish's waiting */

static void
wait_end(struct lookups *l, struct wish *w, enum wish_state state)
{
	*w->waits_link = w->waits_next;
	if (w->waits_next != NULL)
		w->waits_next->waits_link = w->waits_link;
	w->waits_link = NULL;
	w->state = state;
	w->of->pending--;
	l->pending--;
}

/* What is too old to count, or has changed since, was there all the same. */
static bool
has_lapsed(struct lookups *l, const struct wish *w)
{
	return (known_was(l->to.board, &w->id) || board_changes_read_until(l->to.board) <= loop_now_us(l->to.loop) - l->to.age_ms * 1000);
}

/* With what it has, if it has something. */
static void
give_up(struct lookups *l, struct wish *w)
{
	w->lapsed = !w->stale && has_lapsed(l, w);
	wait_end(l, w, w->stale ? WISH_HERE : WISH_AWAY);
}

/* Who is told may fetch, wait and end anything, itself first. */
static void
tell(struct lookup *owner)
{
	if (owner->pending == 0)
		owner->ready(owner);
}

static struct wish *
overdue(struct lookups *l, int64_t now)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		for (struct load *load = l->buckets[i]; load != NULL; load = load->next)
			for (struct wish *w = load->waiting; w != NULL; w = w->waits_next)
				if (w->until_us <= now)
					return (w);
	return (NULL);
}

static void
tick(struct timer *t)
{
	struct lookups *l = (struct lookups *)((char *)t - offsetof(struct lookups, tick));
	int64_t now = loop_now_us(l->to.loop);
	struct wish *w;

	while ((w = overdue(l, now)) != NULL) {
		struct lookup *owner = w->of;

		l->away = true;
		l->probed_us = now;
		give_up(l, w);
		tell(owner);
	}
	if (l->pending > 0)
		timer_set(l->to.loop, t, now + l->to.patience_ms * 100);
}

/* loads */

static void
work(struct errand *e)
{
	struct fetch *f = (struct fetch *)e;
	struct store *store = store_lend(f->pool, LEND_MS);
	unsigned before;

	for (unsigned i = 0; i < f->n; i++)
		f->loads[i].end = STORE_AWAY;
	if (store == NULL)
		return;
	before = store_patience(store, STATEMENT_MS);
	for (unsigned i = 0; i < f->n; i++) {
		struct load *load = &f->loads[i];

		load->packed.len = 0;
		load->end = load_entity(&load->packed, f->arena, store, &load->entity, clock_wall_ms());
		if (load->end != STORE_FINE) {
			snprintf(f->why, sizeof(f->why), "%s", store_why(store));
			break;
		}
	}
	store_patience(store, before);
	store_return(f->pool, store);
}

static void
fetch_free(struct errand *e)
{
	struct fetch *f = (struct fetch *)e;

	for (unsigned i = 0; i < f->n; i++)
		buf_free(&f->loads[i].packed);
	arena_free(f->arena);
}

static void
note_trouble(struct lookups *l, const struct fetch *f)
{
	int64_t now = loop_now_us(l->to.loop);

	if (now < l->noted_us + 10 * PROBE_US && l->noted_us > 0)
		return;
	l->noted_us = now;
	note(NOTE_WARN, "", "the store can not be asked who calls%s%s", f->why[0] != '\0' ? ": " : "", f->why);
}

static void
remember(struct lookups *l, const struct load *load)
{
	struct text packed = buf_as_text(&load->packed);

	if (load->entity.kind == KNOWN_KEY && packed.len == 0)
		*absent_slot(l, &load->id) = (struct absent){ load->id, load->generation, loop_now_us(l->to.loop) };
	else
		known_put(l->to.board, &load->id, load->generation, packed);
}

static void
tell_waiting(struct lookups *l, struct load *load)
{
	struct wish *all = load->waiting, *w;

	load->waiting = NULL;
	if (all != NULL)
		all->waits_link = &all;
	while ((w = all) != NULL) {
		struct lookup *owner = w->of;

		if (load->end == STORE_FINE) {
			w->payload = arena_copy(owner->arena, buf_as_text(&load->packed));
			w->standing = NULL;
			wait_end(l, w, WISH_HERE);
		} else
			give_up(l, w);
		tell(owner);
	}
}

static void
done(struct errand *e)
{
	struct fetch *f = (struct fetch *)e;
	struct lookups *l = f->of;

	l->away = false;
	for (unsigned i = 0; i < f->n; i++) {
		struct load *load = &f->loads[i];

		*load->link = load->next;
		if (load->next != NULL)
			load->next->link = load->link;
		if (load->end == STORE_FINE)
			remember(l, load);
		else
			l->away = true;
	}
	if (l->away) {
		l->probed_us = loop_now_us(l->to.loop);
		note_trouble(l, f);
	}
	for (unsigned i = 0; i < f->n; i++)
		tell_waiting(l, &f->loads[i]);
	fetch_free(e);
}

static struct load **
bucket_of(struct lookups *l, const struct known_id *id)
{
	return (&l->buckets[id->bytes[2] % BUCKETS]);
}

static struct load *
load_under_way(struct lookups *l, const struct known_id *id)
{
	struct load *load = *bucket_of(l, id);

	while (load != NULL && memcmp(&load->id, id, sizeof(*id)) != 0)
		load = load->next;
	return (load);
}

static struct fetch *
fetch_new(struct lookups *l)
{
	struct arena *arena = arena_new();
	struct fetch *f = arena_new_of(arena, struct fetch);

	f->errand.work = work;
	f->errand.done = done;
	f->errand.drop = fetch_free;
	f->of = l;
	f->pool = l->to.pool;
	f->arena = arena;
	return (f);
}

static struct load *
load_add(struct lookups *l, struct fetch *f, const struct wish *w)
{
	struct load *load = &f->loads[f->n++], **bucket = bucket_of(l, &w->id);

	load->id = w->id;
	load->generation = known_generation(l->to.board, &w->id);
	load->entity = w->entity;
	load->entity.id = arena_copy(f->arena, w->entity.id);
	load->entity.user_id = arena_copy(f->arena, w->entity.user_id);
	load->entity.doc = arena_copy(f->arena, w->entity.doc);
	load->entity.tier = arena_copy(f->arena, w->entity.tier);
	load->next = *bucket;
	load->link = bucket;
	if (load->next != NULL)
		load->next->link = &load->next;
	*bucket = load;
	return (load);
}

static void
wait_begin(struct lookups *l, struct load *load, struct wish *w, int64_t now)
{
	w->waits_next = load->waiting;
	w->waits_link = &load->waiting;
	if (w->waits_next != NULL)
		w->waits_next->waits_link = &w->waits_next;
	load->waiting = w;
	w->state = WISH_PENDING;
	w->until_us = now + l->to.patience_ms * (w->stale ? 500 : 1000);
	w->of->pending++;
	if (l->pending++ == 0)
		timer_set(l->to.loop, &l->tick, now + l->to.patience_ms * 100);
}

/* The loads of a fetch that found no room: nobody else waits for them yet. */
static void
unsent(struct lookups *l, struct fetch *f)
{
	for (unsigned i = 0; i < f->n; i++) {
		struct load *load = &f->loads[i];
		struct wish *w;

		*load->link = load->next;
		if (load->next != NULL)
			load->next->link = load->link;
		while ((w = load->waiting) != NULL)
			wait_end(l, w, w->stale ? WISH_HERE : WISH_BUSY);
	}
	fetch_free(&f->errand);
}

/* wishes */

struct wish *
lookup_wish(struct lookup *lookup, enum known_kind kind, struct text id, struct text user_id)
{
	struct wish *w = lookup->wishes;

	while (w != NULL && !(w->entity.kind == kind && text_eq(w->entity.id, id) && text_eq(w->entity.user_id, user_id)))
		w = w->next;
	if (w != NULL)
		return (w);
	w = arena_new_of(lookup->arena, struct wish);
	w->entity = (struct entity){ .kind = kind, .id = id, .user_id = user_id };
	w->of = lookup;
	w->payload = TEXT("");
	w->next = lookup->wishes;
	lookup->wishes = w;
	return (w);
}

void
lookup_anew(struct wish *w, bool usable)
{
	if (w->anew)
		return;
	w->anew = true;
	w->stale = usable;
	w->standing = NULL;
	if (!usable)
		w->payload = TEXT("");
	w->state = WISH_NEW;
}

static void
need_id(struct wish *w)
{
	if (!w->has_id)
		entity_known_id(&w->id, w->of->arena, &w->entity);
	w->has_id = true;
}

bool
lookup_is_known(struct lookups *l, struct wish *w)
{
	need_id(w);
	return (known_was(l->to.board, &w->id));
}

/* From what is known; false: the store must be asked. */
static bool
from_board(struct lookups *l, struct wish *w, int64_t now)
{
	struct known k = { TEXT(""), 0 };
	struct arena *arena;
	uint32_t generation;

	if (!w->anew && from_kept(l, w, now))
		return (true);
	need_id(w);
	if (w->anew)
		return (false);
	if (w->entity.kind == KNOWN_KEY && is_absent(l, &w->id, now)) {
		w->state = WISH_HERE;
		return (true);
	}
	arena = arena_new();
	generation = known_generation(l->to.board, &w->id);
	if (!known_find(&k, arena, l->to.board, &w->id)) {
		arena_free(arena);
		return (false);
	}
	if (counts(l, w->entity.kind, &k, now)) {
		keep(l, w, arena, &k, generation);
		return (true);
	}
	if (is_young_enough(l, &k, now)) {
		w->payload = arena_copy(w->of->arena, k.payload);
		w->stale = true;
	}
	arena_free(arena);
	return (false);
}

/* Is it known that asking is in vain just now?  Now and then somebody's wish is asked for all the same, and nobody waits for that. */
static bool
goes_on_with_stale(struct lookups *l, const struct wish *w)
{
	return (w->stale && (l->to.lane == NULL || l->away));
}

static bool
is_time_to_probe(struct lookups *l, int64_t now)
{
	if (l->to.lane == NULL || now < l->probed_us + PROBE_US)
		return (false);
	l->probed_us = now;
	return (true);
}

static void
send(struct lookups *l, struct fetch **f)
{
	if (*f != NULL && !lane_send(l->to.lane, &(*f)->errand))
		unsent(l, *f);
	*f = NULL;
}

static void
from_store(struct lookups *l, struct wish *w, struct fetch **f, int64_t now)
{
	struct load *load = load_under_way(l, &w->id);
	bool goes_on = goes_on_with_stale(l, w);

	if (goes_on)
		w->state = WISH_HERE;
	else if (l->to.lane == NULL) {
		w->state = WISH_AWAY;
		w->lapsed = has_lapsed(l, w);
	}
	if (w->state != WISH_NEW && (load != NULL || !is_time_to_probe(l, now)))
		return;
	if (load == NULL) {
		*f = *f != NULL ? *f : fetch_new(l);
		load = load_add(l, *f, w);
	}
	if (!goes_on)
		wait_begin(l, load, w, now);
	if (*f != NULL && (*f)->n == BATCH_MOST)
		send(l, f);
}

bool
lookup_fetch(struct lookups *l, struct lookup *lookup)
{
	int64_t now = loop_now_us(l->to.loop);
	struct fetch *f = NULL;

	lookup->in = l;
	for (struct wish *w = lookup->wishes; w != NULL; w = w->next)
		if (w->state == WISH_NEW && !from_board(l, w, now))
			from_store(l, w, &f, now);
	send(l, &f);
	return (lookup->pending == 0);
}

void
lookup_forget(struct lookup *lookup)
{
	if (lookup->pending == 0)
		return;
	for (struct wish *w = lookup->wishes; w != NULL; w = w->next)
		if (w->waits_link != NULL) {
			*w->waits_link = w->waits_next;
			if (w->waits_next != NULL)
				w->waits_next->waits_link = w->waits_link;
			w->waits_link = NULL;
			w->state = WISH_AWAY;
			lookup->in->pending--;
		}
	lookup->pending = 0;
}

void
lookup_free(struct lookup *lookup)
{
	lookup_forget(lookup);
	for (struct wish *w = lookup->wishes; w != NULL; w = w->next) {
		kept_free(w->kept);
		w->kept = NULL;
	}
	lookup->wishes = NULL;
}

struct lookups *
lookups_new(const struct lookups_setup *to)
{
	struct lookups *l = must_zalloc(sizeof(*l));

	l->to = *to;
	l->to.fresh_ms = to->fresh_ms > 0 ? to->fresh_ms : FRESH_MS;
	l->to.patience_ms = to->patience_ms > 0 ? to->patience_ms : PATIENCE_MS;
	l->tick.due = tick;
	return (l);
}

void
lookups_free(struct lookups *l)
{
	if (l == NULL)
		return;
	timer_stop(l->to.loop, &l->tick);
	for (size_t i = 0; i < KEPT; i++)
		for (size_t j = 0; j < KEPT_PLACES; j++)
			kept_free(l->kept[i][j]);
	free(l);
}

void
lookups_age(struct lookups *l, int64_t age_ms)
{
	l->to.age_ms = age_ms;
}
