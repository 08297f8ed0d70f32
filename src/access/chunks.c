/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunks of shared windows: spent on the board, fetched by errands.
 *
 * Beside what is used of a window the board counts under further identities what this host was granted of it, what the others were when it last asked,
 * and when it was told that no more is left.  What an errand brings is spent by the exchange that asked before anybody else sees it: first its own use is
 * counted, then the grant.
 */
#include "access/chunks.h"

#include "access/calls.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/counters.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define AWAY_US		1000000		/* between two attempts to reach memcached again */
#define DRY_MS		50		/* how long "no more is left" is believed: others may give back */
#define NOTE_US		60000000
#define SHARE		8		/* of what is left a host takes at most this part beyond its need */
#define QUEUE		4096

struct chunks {
	struct loop	*loop;
	struct board	*board;
	struct lane	*lane;
	struct counters	*counters;	/* the lane's one thread's */
	_Atomic int64_t	 broken_until_us;	/* in the lane: what is queued behind a failure does not wait as well */
	_Atomic bool	 working;
	char		 name[64];
	bool		 away, probing;
	int64_t		 wait_us;	/* the longest a request waits for other hosts */
	int64_t		 retry_us, noted_us;
	struct chunk_trip *trips;	/* out */
	struct calls	*calls;		/* NULL: calls at once are counted by each host for itself */
};

/* One limit of one request. */
struct wish {
	uint64_t	 id;
	enum limit_kind	 kind;
	unsigned	 place;		/* in the list of limits */
	struct take	 take;		/* of a window */
	struct hold	 hold;		/* of calls at once */
	char		 key[128];
};

struct chunk_trip {
	struct errand	 errand;
	struct chunks	*of;
	struct chunk_trip *next, **link;
	struct limits	*limits;	/* NULL: the request is gone, or went on without */
	struct timer	 late;
	int64_t		 sent_us;
	uint32_t	 window;
	bool		 reached, unsent;
	unsigned	 n;		/* 0: it only looks whether memcached is back */
	struct wish	 wishes[];
};

/* what the board knows of a window */

enum told { TOLD_USED, TOLD_GRANTED, TOLD_OTHERS, TOLD_DRY };

static uint64_t
told_id(uint64_t id, enum told told)
{
	uint64_t other = id ^ UINT64_C(0x9e3779b97f4a7c15) * told;

	return (other != 0 ? other : 1);
}

static int64_t
told(const struct chunks *c, uint32_t window, uint64_t id, enum told what)
{
	return (window_count(c->board, window, told_id(id, what)));
}

static void
tell(struct chunks *c, uint32_t window, uint64_t id, enum told what, int64_t value)
{
	int64_t count;

	if (window_add(c->board, window, told_id(id, what), 0, INT64_MAX, &count) == WINDOW_ADDED)
		window_correct(c->board, window, told_id(id, what), value - count);
}

/* A need and the time of its refusal in one count: 20 bits each, the time going round every 17 minutes. */
#define DRY_BITS	20
#define DRY_MASK	((INT64_C(1) << DRY_BITS) - 1)

static bool
is_dry(const struct chunks *c, uint32_t window, uint64_t id, int64_t need)
{
	int64_t dry = told(c, window, id, TOLD_DRY), at = dry & DRY_MASK, least = dry >> DRY_BITS;

	return (dry != 0 && ((clock_us() / 1000 - at) & DRY_MASK) < DRY_MS && (need >= least || least == DRY_MASK));
}

static void
tell_dry(struct chunks *c, uint32_t window, uint64_t id, int64_t need)
{
	tell(c, window, id, TOLD_DRY, (need < DRY_MASK ? need : DRY_MASK) << DRY_BITS | (clock_us() / 1000 & DRY_MASK));
}

static enum chunk_end
spend_grant(struct chunks *c, struct limit *l, uint32_t window)
{
	int64_t granted;

	if (window_add(c->board, window, l->id, l->wanted, INT64_MAX, &l->used) == WINDOW_FULL)
		return (CHUNK_FULL);
	window_add(c->board, window, told_id(l->id, TOLD_GRANTED), l->got, INT64_MAX, &granted);
	l->got = 0;
	l->used += told(c, window, l->id, TOLD_OTHERS);
	return (CHUNK_ADDED);
}

enum chunk_end
chunk_add(struct chunks *c, struct limit *l, uint32_t window)
{
	int64_t granted = told(c, window, l->id, TOLD_GRANTED), own = l->limit < granted ? l->limit : granted, used;

	l->need = 0;
	if (l->got > 0)
		return (spend_grant(c, l, window));
	switch (window_add(c->board, window, l->id, l->wanted, own, &used)) {
	case WINDOW_FULL:
		return (CHUNK_FULL);
	case WINDOW_ADDED:
		l->used = used + told(c, window, l->id, TOLD_OTHERS);
		return (CHUNK_ADDED);
	case WINDOW_OVER:
		break;
	}
	l->used = used + told(c, window, l->id, TOLD_OTHERS);
	if (used + l->wanted > l->limit || is_dry(c, window, l->id, used + l->wanted - granted))
		return (CHUNK_OVER);
	l->need = used + l->wanted - granted;
	return (CHUNK_SHORT);
}

/* errands */

static bool
ask_for(struct counters *c, struct wish *w)
{
	return (w->kind == LIMIT_PARALLEL ? counters_hold(c, &w->hold) : counters_take(c, &w->take));
}

static void
work(struct errand *e)
{
	struct chunk_trip *t = (struct chunk_trip *)e;
	struct chunks *c = t->of;
	int64_t now_us = clock_us();

	if (t->n > 0 && (now_us < c->broken_until_us || now_us - t->sent_us > c->wait_us))
		return;
	c->working = true;
	t->reached = t->n > 0 || counters_probe(c->counters);
	for (unsigned i = 0; t->reached && i < t->n; i++)
		t->reached = clock_us() - t->sent_us < c->wait_us && ask_for(c->counters, &t->wishes[i]);
	c->broken_until_us = t->reached ? 0 : clock_us() + AWAY_US;
	c->working = false;
}

static void
drop(struct errand *e)
{
	free(e);
}

static void
be_away(struct chunks *c)
{
	int64_t now_us = clock_us();

	if (!c->away && now_us - c->noted_us >= NOTE_US) {
		note(NOTE_WARN, "", "memcached does not answer: rate limits are counted by this host alone until it does");
		c->noted_us = now_us;
	}
	c->away = true;
	c->retry_us = now_us + AWAY_US;
	board_count(c->board, COUNT_MEMCACHED_FAILURES, 1);
}

static void
be_back(struct chunks *c)
{
	if (c->away)
		note(NOTE_INFO, "", "memcached answers again: rate limits are shared between hosts");
	c->away = false;
}

/* Gone on without, the request takes nothing from it; what came is the host's. */
static void
bring_home(struct chunk_trip *t)
{
	struct chunks *c = t->of;
	int64_t count;

	for (unsigned i = 0; i < t->n; i++) {
		struct wish *w = &t->wishes[i];
		struct take *take = &w->take;

		if (w->kind == LIMIT_PARALLEL) {
			calls_told(c->calls, w->id, &w->hold, t->reached);
			continue;
		}
		if (take->taken > 0)
			tell(c, t->window, w->id, TOLD_OTHERS, take->taken > take->had + take->got ? take->taken - take->had - take->got : 0);
		if (take->got == 0 && t->reached)
			tell_dry(c, t->window, w->id, take->need);
		else if (t->limits != NULL)
			t->limits->list[w->place].got = take->got;
		else if (take->got > 0)
			window_add(c->board, t->window, told_id(w->id, TOLD_GRANTED), take->got, INT64_MAX, &count);
	}
}

static void
come_home(struct chunk_trip *t)
{
	timer_stop(t->of->loop, &t->late);
	if ((*t->link = t->next) != NULL)
		t->next->link = t->link;
	free(t);
}

static void
hand_over(struct chunk_trip *t)
{
	struct limits *l = t->limits;

	t->limits = NULL;
	if (l == NULL)
		return;
	l->trip = NULL;
	l->ready(l);
}

static void
done(struct errand *e)
{
	struct chunk_trip *t = (struct chunk_trip *)e;
	struct chunks *c = t->of;

	if (t->n == 0)
		c->probing = false;
	if (t->reached)
		be_back(c);
	else
		be_away(c);
	bring_home(t);
	hand_over(t);
	come_home(t);
}

/* The errand may be anywhere; the request goes on with what its host counts. */
static void
too_late(struct timer *timer)
{
	struct chunk_trip *t = (struct chunk_trip *)(void *)((char *)timer - offsetof(struct chunk_trip, late));

	be_away(t->of);
	hand_over(t);
	if (t->unsent) {
		bring_home(t);
		come_home(t);
	}
}

static struct chunk_trip *
new_trip(struct chunks *c, unsigned wishes)
{
	struct chunk_trip *t = must_zalloc(sizeof(*t) + wishes * sizeof(t->wishes[0]));

	t->errand = (struct errand){ .work = work, .done = done, .drop = drop };
	t->of = c;
	t->late.due = too_late;
	t->link = &c->trips;
	if ((t->next = c->trips) != NULL)
		t->next->link = &t->next;
	c->trips = t;
	return (t);
}

static bool
send(struct chunk_trip *t)
{
	t->sent_us = clock_us();
	return (lane_send(t->of->lane, &t->errand));
}

static void
probe(struct chunks *c)
{
	struct chunk_trip *t = new_trip(c, 0);

	c->probing = send(t);
	if (!c->probing)
		come_home(t);
}

bool
chunks_away(struct chunks *c)
{
	if (c->away && !c->probing && clock_us() >= c->retry_us)
		probe(c);
	return (c->away);
}

int64_t
chunk_others(const struct chunks *c, uint64_t id, uint32_t window)
{
	return (told(c, window, id, TOLD_OTHERS));
}

bool
chunk_calls(enum chunk_end *end, struct chunks *c, struct limit *l)
{
	if (c->calls == NULL || !calls_has_room(c->calls, l->id))
		return (false);
	*end = calls_take(c->calls, l);
	return (true);
}

/* asking */

static int64_t
extra(const struct chunks *c, const struct limit *l, uint32_t window)
{
	int64_t granted = told(c, window, l->id, TOLD_GRANTED), used = told(c, window, l->id, TOLD_USED);
	int64_t left = (l->limit - granted - told(c, window, l->id, TOLD_OTHERS) - l->need) / SHARE;

	return (left <= 0 ? 0 : left < used ? left : used);
}

static void
wish(struct chunk_trip *t, const struct limits *l, unsigned place)
{
	const struct limit *limit = &l->list[place];
	struct wish *w = &t->wishes[t->n++];
	int n;

	w->id = limit->id;
	w->kind = limit->kind;
	w->place = place;
	if (w->kind == LIMIT_PARALLEL) {
		calls_ask(t->of->calls, &w->hold, w->key, limit);
		return;
	}
	n = snprintf(w->key, sizeof(w->key), "rl:%s:%016llx:%s:%u", t->of->name, (unsigned long long)limit->id, limit_kinds[limit->kind],
	    (unsigned)l->window.number);

	w->take = (struct take){ .key = { w->key, (size_t)n }, .limit = limit->limit, .need = limit->need, .extra = extra(t->of, limit, l->window.number),
		.had = told(t->of, l->window.number, limit->id, TOLD_GRANTED), .ttl_s = l->ttl_s };
}

/* Nobody waits for a full queue: then the timer tells at once. */
void
chunk_trip(struct chunks *c, struct limits *l)
{
	struct chunk_trip *t = new_trip(c, l->n);

	t->window = l->window.number;
	t->limits = l;
	l->trip = t;
	for (unsigned i = 0; i < l->n; i++)
		if (l->list[i].need > 0)
			wish(t, l, i);
	t->unsent = !send(t);
	timer_set(c->loop, &t->late, t->unsent ? t->sent_us : t->sent_us + c->wait_us);
}

void
chunk_forget(struct limits *l)
{
	if (l->trip != NULL)
		l->trip->limits = NULL;
	l->trip = NULL;
}

/* the worker's */

struct chunks *
chunks_new(struct loop *loop, struct board *board, const struct text *servers, size_t n, struct text name, int64_t wait_ms)
{
	struct chunks *c = must_zalloc(sizeof(*c));

	c->loop = loop;
	c->wait_us = wait_ms * 1000;
	c->noted_us = -NOTE_US;
	c->board = board;
	c->lane = lane_new(loop, "memcached", 1, QUEUE);
	c->counters = counters_new(servers, n, (unsigned)(wait_ms / 2));
	for (size_t i = 0; i < name.len && i < 40; i++)
		c->name[i] = name.at[i] > ' ' && name.at[i] < 127 ? name.at[i] : '_';
	return (c);
}

void
chunks_share_calls(struct chunks *c, int64_t tick_ms)
{
	c->calls = calls_new(c->loop, c->board, c->lane, c->counters, c->name, tick_ms);
}

/* A thread that still waits for memcached keeps what it works with until the process ends. */
void
chunks_free(struct chunks *c)
{
	if (c == NULL)
		return;
	for (struct chunk_trip *t = c->trips; t != NULL; t = t->next)
		timer_stop(c->loop, &t->late);
	lane_free(c->lane, (unsigned)(2 * c->wait_us / 1000));
	calls_free(c->calls, !c->working && !c->away);
	if (c->working)
		return;
	counters_free(c->counters);
	free(c);
}
