/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns that this worker holds.
 *
 * They stand on the board as a count of their own beside that of the calls, so that workers of a host use each other's, and a worker that dies takes its
 * own along.  Questions add to what the record says; at each tick what has changed is written down as it is, which also mends what a lost answer left
 * there.
 */
#include "access/calls.h"

#include "base/clock.h"
#include "board/parallel.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define BUCKETS		256
#define MOST		4096		/* limits that one worker holds turns of */
#define RENEW_TICKS	8
#define GOOD_TICKS	30		/* so long a record counts without being renewed */
#define DRY_US		50000		/* so long "all are taken" is believed */
#define BATCH		32
#define AHEAD		8		/* beside its need a host takes one turn for so many calls that it runs */

struct holding {
	struct holding	*next;
	uint64_t	 id;
	int64_t		 limit, others;
	unsigned	 own;		/* turns */
	unsigned	 idle;		/* of the host's, when it was last looked at */
	unsigned	 asking;	/* questions that are not home yet */
	unsigned	 written_at;	/* the tick when the record was written last */
	bool		 changed;	/* since it was written down, or nobody knows what the record says */
	int64_t		 dry_until_us;
};

struct calls {
	struct loop	*loop;
	struct board	*board;
	struct lane	*lane;
	struct counters	*counters;
	const char	*name;
	uint64_t	 who;
	struct holding	*buckets[BUCKETS];
	unsigned	 n, ticks;
	int64_t		 tick_ms;
	struct timer	 tick;
	bool		 writing;	/* an errand is under way */
};

/* Writes down what is held. */
struct writing {
	struct errand	 errand;
	struct calls	*of;
	struct counters	*counters;
	unsigned	 n, written;
	struct {
		uint64_t	 id;
		char		 key[CALLS_KEY];
		struct hold	 hold;
	}		 list[BATCH];
};

static uint64_t
turns_id(uint64_t id)
{
	return (id ^ UINT64_C(0x5bd1e9955bd1e995));
}

static struct holding *
find(const struct calls *c, uint64_t id)
{
	struct holding *h = c->buckets[id % BUCKETS];

	while (h != NULL && h->id != id)
		h = h->next;
	return (h);
}

static struct holding *
find_or_make(struct calls *c, uint64_t id)
{
	struct holding *h = find(c, id);

	if (h != NULL)
		return (h);
	h = must_zalloc(sizeof(*h));
	h->id = id;
	h->next = c->buckets[id % BUCKETS];
	c->buckets[id % BUCKETS] = h;
	c->n++;
	return (h);
}

/* Whoever lowers turns and whoever takes one both look at the other's count afterwards: one of them notices. */
static bool
is_covered(const struct calls *c, uint64_t id)
{
	atomic_thread_fence(memory_order_seq_cst);
	return (parallel_sum(c->board, id) <= parallel_sum(c->board, turns_id(id)));
}

static void
raise(struct calls *c, struct holding *h, int64_t by)
{
	unsigned sum;

	for (; by > 0 && parallel_take(c->board, turns_id(h->id), UINT32_MAX, &sum) == PARALLEL_TAKEN; by--)
		h->own++;
	h->changed |= by > 0;			/* the board has no room for the rest, which goes back */
}

static void
lower(struct calls *c, struct holding *h, unsigned by)
{
	for (unsigned i = 0; i < by; i++)
		parallel_give(c->board, turns_id(h->id));
	h->own -= by;
}

bool
calls_has_room(const struct calls *c, uint64_t id)
{
	return (c->n < MOST || find(c, id) != NULL);
}

enum chunk_end
calls_take(struct calls *c, struct limit *l)
{
	const struct holding *h = find(c, l->id);
	unsigned most = l->limit > UINT32_MAX ? UINT32_MAX : (unsigned)l->limit, turns = parallel_sum(c->board, turns_id(l->id)), running;
	enum parallel_end end = parallel_take(c->board, l->id, turns < most ? turns : most, &running);

	l->need = 0;
	l->used = running + (h != NULL ? h->others : 0);
	if (end == PARALLEL_FULL)
		return (CHUNK_FULL);
	if (end == PARALLEL_TAKEN && is_covered(c, l->id))
		return (CHUNK_ADDED);
	if (end == PARALLEL_TAKEN)
		parallel_give(c->board, l->id);
	if (running >= most || (h != NULL && h->dry_until_us > clock_us()))
		return (CHUNK_OVER);
	l->need = 1;
	return (CHUNK_SHORT);
}

static void
fill(const struct calls *c, struct hold *hold, char key[CALLS_KEY], const struct holding *h)
{
	int n = snprintf(key, CALLS_KEY, "cl:%.24s:%016llx", c->name, (unsigned long long)h->id);
	int64_t now_ms = clock_wall_ms(), good_ms = GOOD_TICKS * c->tick_ms;

	*hold = (struct hold){ .key = { key, (size_t)n }, .who = c->who, .limit = h->limit, .had = h->own, .now_ms = now_ms, .until_ms = now_ms + good_ms,
		.ttl_s = (unsigned)(2 * good_ms / 1000) + 1 };
}

void
calls_ask(struct calls *c, struct hold *hold, char key[CALLS_KEY], const struct limit *l)
{
	struct holding *h = find_or_make(c, l->id);

	h->limit = l->limit;
	h->asking++;
	fill(c, hold, key, h);
	hold->need = l->need;
	hold->extra = parallel_sum(c->board, l->id) / AHEAD;
}

void
calls_told(struct calls *c, uint64_t id, const struct hold *hold, bool reached)
{
	struct holding *h = find_or_make(c, id);
	int64_t now_us = clock_us();

	h->asking -= h->asking > 0;
	h->changed |= !reached;
	if (reached) {
		h->others = hold->others;
		h->dry_until_us = hold->got == 0 ? now_us + DRY_US : 0;
		raise(c, h, hold->got);
	}
	if (c->tick.place == 0)
		timer_set(c->loop, &c->tick, now_us + c->tick_ms * 1000);
}

/* at each tick */

/* What was idle the last time and is so now. */
static void
give_back(struct calls *c, struct holding *h)
{
	unsigned running = parallel_sum(c->board, h->id), turns = parallel_sum(c->board, turns_id(h->id)), idle = turns > running ? turns - running : 0;
	unsigned n = idle < h->idle ? idle : h->idle;

	h->idle = idle;
	if (n > h->own)
		n = h->own;
	if (n == 0)
		return;
	lower(c, h, n);
	h->changed = true;
	if (is_covered(c, h->id))
		return;
	raise(c, h, n);				/* somebody has just begun a call */
	h->changed = false;
}

static void
written(struct errand *e)
{
	struct writing *w = (struct writing *)e;
	struct calls *c = w->of;

	c->writing = false;
	for (unsigned i = 0; i < w->n; i++) {
		struct holding *h = find(c, w->list[i].id);

		if (h != NULL && i < w->written)
			h->others = w->list[i].hold.others;
		else if (h != NULL)
			h->changed = true;
	}
	free(w);
}

static void
dropped(struct errand *e)
{
	free(e);
}

static void
write_down(struct errand *e)
{
	struct writing *w = (struct writing *)e;

	while (w->written < w->n && counters_hold(w->counters, &w->list[w->written].hold))
		w->written++;
}

/* Between a question and its answer nobody knows what the record says: then it waits for the next tick. */
static bool
is_due(const struct calls *c, const struct holding *h)
{
	return (h->asking == 0 && (h->changed || (h->own > 0 && c->ticks - h->written_at >= RENEW_TICKS)));
}

static void
add_to(struct writing *w, const struct calls *c, struct holding *h)
{
	w->list[w->n].id = h->id;
	fill(c, &w->list[w->n].hold, w->list[w->n].key, h);
	w->list[w->n++].hold.set = true;
	h->written_at = c->ticks;
	h->changed = false;
}

static void
send(struct calls *c, struct writing *w)
{
	c->writing = w->n > 0 && lane_send(c->lane, &w->errand);
	if (c->writing)
		return;
	for (unsigned i = 0; i < w->n; i++)
		find(c, w->list[i].id)->changed = true;
	free(w);
}

static struct writing *
writing_new(struct calls *c)
{
	struct writing *w = must_zalloc(sizeof(*w));

	w->errand = (struct errand){ .work = write_down, .done = written, .drop = dropped };
	w->of = c;
	w->counters = c->counters;
	return (w);
}

/* Nothing is held, and that is written. */
static bool
is_over(const struct calls *c, const struct holding *h)
{
	return (h->own == 0 && h->asking == 0 && !h->changed && !c->writing && h->dry_until_us < clock_us());
}

static void
tick(struct timer *t)
{
	struct calls *c = (struct calls *)((char *)t - offsetof(struct calls, tick));
	struct writing *w = c->writing ? NULL : writing_new(c);

	c->ticks++;
	for (unsigned i = 0; i < BUCKETS; i++)
		for (struct holding **at = &c->buckets[i], *h; (h = *at) != NULL;) {
			if (is_over(c, h)) {
				*at = h->next;
				free(h);
				c->n--;
				continue;
			}
			give_back(c, h);
			if (w != NULL && w->n < BATCH && is_due(c, h))
				add_to(w, c, h);
			at = &h->next;
		}
	if (w != NULL)
		send(c, w);
	if (c->n > 0)
		timer_set(c->loop, t, clock_us() + c->tick_ms * 1000);
}

struct calls *
calls_new(struct loop *loop, struct board *board, struct lane *lane, struct counters *counters, const char *name, int64_t tick_ms)
{
	struct calls *c = must_zalloc(sizeof(*c));

	*c = (struct calls){ .loop = loop, .board = board, .lane = lane, .counters = counters, .name = name, .tick_ms = tick_ms,
		.who = random_u64() | 1, .tick = { .due = tick } };
	return (c);
}

void
calls_free(struct calls *c, bool reachable)
{
	struct holding *next;

	if (c == NULL)
		return;
	timer_stop(c->loop, &c->tick);
	for (unsigned i = 0; i < BUCKETS; i++)
		for (struct holding *h = c->buckets[i]; h != NULL; h = next) {
			struct hold hold;
			char key[CALLS_KEY];

			next = h->next;
			lower(c, h, h->own);
			fill(c, &hold, key, h);
			hold.set = true;
			reachable = reachable && counters_hold(c->counters, &hold);
			free(h);
		}
	free(c);
}
