/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a record to its spool: a thread writes, what it can not take in time is dropped and said. */
#include "ledger/prompt.h"

#include "base/clock.h"
#include "ledger/spool.h"

#include <stdlib.h>
#include <sys/statvfs.h>

#define QUEUE		1000			/* records that wait for the thread */
#define HELD_MOST	(INT64_C(128) << 20)	/* bytes of memory, of a worker */
#define LOOK_US		1000000			/* at what the disk has */
#define AGAIN_US	1000000			/* after a spool that could not be opened */
#define SPARE		4			/* segments that must stay free for the ledger's rows */
#define FREE_MS		2000

struct prompts {
	struct prompts_setup set;
	char		*dir;			/* a copy, which set.dir is */
	struct lane	*lane;			/* one thread, whose is all of this: */
	struct spool	*spool;			/* NULL: nothing was written yet */
	int64_t		 looked_us, opened_us;
	bool		 full;
	int64_t		 held;			/* the loop's */
};

struct parcel {
	struct errand	 errand;
	struct prompts	*of;
	struct buf	 frame;
	const char	*failed;		/* NULL: it is written */
};

/* in the thread */

/* The disk is the ledger's before it is ours. */
static bool
is_full(struct prompts *p, int64_t now)
{
	struct statvfs v;

	if (now < p->looked_us + LOOK_US)
		return (p->full);
	p->looked_us = now;
	p->full = spool_takes(p->spool) >= p->set.most ||
	    (statvfs(p->dir, &v) == 0 && (uint64_t)v.f_bavail * v.f_frsize < (uint64_t)SPARE * p->set.segment);
	return (p->full);
}

static bool
open_spool(struct prompts *p, int64_t now)
{
	struct spool_settings set = { .dir = p->dir, .segment = p->set.segment, .most = PROMPT_FRAME, .private = true };
	struct buf why = { 0 };

	if (p->spool != NULL || (p->opened_us != 0 && now < p->opened_us + AGAIN_US))
		return (p->spool != NULL);
	p->opened_us = now;
	p->spool = spool_open(&set, &why);
	buf_free(&why);
	return (p->spool != NULL);
}

/* The segment is let go after each record: one that is kept open is not removed when it has been shipped. */
static void
write_parcel(struct errand *e)
{
	struct parcel *c = (struct parcel *)e;
	struct prompts *p = c->of;
	int64_t now = clock_us();

	if (!open_spool(p, now))
		c->failed = "their spool can not be opened";
	else if (is_full(p, now))
		c->failed = "the disk, or sluice.prompt_spool, is full";
	else
		c->failed = spool_put(p->spool, buf_as_text(&c->frame)) ? NULL : "they can not be written";
	if (p->spool != NULL)
		spool_rest(p->spool);
}

static void
parcel_free(struct parcel *c)
{
	buf_free(&c->frame);
	free(c);
}

/* on the loop */

static void
written(struct errand *e)
{
	struct parcel *c = (struct parcel *)e;

	c->of->held -= (int64_t)c->frame.cap;
	if (c->failed != NULL)
		c->of->set.dropped(c->of->set.self, c->failed);
	parcel_free(c);
}

/* The worker ends: nobody else is at the spool, so it is written here. */
static void
write_late(struct errand *e)
{
	struct parcel *c = (struct parcel *)e;

	if (c->failed != NULL)
		write_parcel(e);
	parcel_free(c);
}

bool
prompts_hold(struct prompts *p, int64_t bytes)
{
	if (bytes > 0 && p->held + bytes > HELD_MOST) {
		p->set.dropped(p->set.self, "too many are held in memory");
		return (false);
	}
	p->held += bytes;
	return (true);
}

void
prompts_put(struct prompts *p, const struct prompt *prompt)
{
	struct parcel *c = must_zalloc(sizeof(*c));

	c->errand.work = write_parcel;
	c->errand.done = written;
	c->errand.drop = write_late;
	c->of = p;
	c->failed = "they wait for the disk";	/* until it is */
	prompt_pack(&c->frame, prompt);
	p->held += (int64_t)c->frame.cap;
	if (!lane_send(p->lane, &c->errand))
		written(&c->errand);
}

/* the beginning and the end */

struct text
prompts_path(struct arena *arena, struct text state_dir, struct text instance)
{
	return (arena_print(arena, TEXT_FMT "/" TEXT_FMT ".prompts", TEXT_ARG(state_dir), TEXT_ARG(instance)));
}

struct prompts *
prompts_new(const struct prompts_setup *set)
{
	struct prompts *p = must_zalloc(sizeof(*p));

	p->set = *set;
	p->set.dir = p->dir = must_alloc(strlen(set->dir) + 1);
	memcpy(p->dir, set->dir, strlen(set->dir) + 1);
	p->lane = lane_new(set->loop, "prompts", 1, QUEUE);
	return (p);
}

void
prompts_free(struct prompts *p)
{
	if (p == NULL || !lane_free(p->lane, FREE_MS))
		return;				/* a thread that hangs in the disk has it still; the process ends */
	if (p->spool != NULL)
		spool_close(p->spool);
	free(p->dir);
	free(p);
}
