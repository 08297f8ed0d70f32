/* SPDX-License-Identifier: Apache-2.0 */
/* A call whose answer is gathered. */
#include "upstream/fetch.h"

#include "base/arena.h"

#include <assert.h>

#define HEADERS_MOST	4

struct fetch {
	struct arena	*arena;			/* the fetch itself lives in it */
	struct loop	*loop;
	struct call	*call;
	struct timer	 clock;
	struct call_plan plan;
	struct text	 headers[HEADERS_MOST];
	size_t		 most;
	struct buf	 answer;
	struct fetched	 got;
	fetched_f	*done;
	void		*self;
};

static void
fetch_free(struct fetch *f)
{
	timer_stop(f->loop, &f->clock);
	buf_free(&f->answer);
	arena_free(f->arena);
}

static void
over(struct fetch *f, enum call_end end, const char *why)
{
	timer_stop(f->loop, &f->clock);
	f->got.end = end;
	f->got.why = why == NULL && f->got.too_long ? "its answer is too long" : why;
	f->got.body = buf_as_text(&f->answer);
	f->done(f->self, &f->got);
	fetch_free(f);
}

static void
head_came(void *self, const struct call_head *head)
{
	((struct fetch *)self)->got.status = head->status;
}

static void
body_came(void *self, const char *bytes, size_t n)
{
	struct fetch *f = self;

	f->got.too_long = f->got.too_long || f->answer.len + n > f->most;
	if (!f->got.too_long)
		buf_add(&f->answer, bytes, n);
}

static void
call_ended(void *self, enum call_end end, const char *why)
{
	over(self, end, end != CALL_DONE ? why : NULL);
}

static void
clock_due(struct timer *t)
{
	struct fetch *f = (struct fetch *)((char *)t - offsetof(struct fetch, clock));

	call_cancel(f->call);
	over(f, CALL_TIMEOUT_TOTAL, "it did not answer in time");
}

struct fetch *
fetch_begin(struct loop *loop, struct upstream *upstream, const struct call_plan *plan, size_t most, fetched_f *done, void *self)
{
	struct arena *arena = arena_new();
	struct fetch *f = arena_new_of(arena, struct fetch);
	struct text *texts[] = { &f->plan.url, &f->plan.host, &f->plan.proxy, &f->plan.method, &f->plan.body };

	assert(plan->n_headers <= HEADERS_MOST && plan->total_ms > 0 && plan->n_edits == 0);
	f->arena = arena;
	f->loop = loop;
	f->most = most;
	f->done = done;
	f->self = self;
	f->plan = *plan;
	for (size_t i = 0; i < nitems(texts); i++)
		*texts[i] = arena_copy(arena, *texts[i]);
	for (size_t i = 0; i < plan->n_headers; i++)
		f->headers[i] = arena_copy(arena, plan->headers[i]);
	f->plan.headers = f->headers;
	f->clock.due = clock_due;
	timer_set(loop, &f->clock, loop_now_us(loop) + plan->total_ms * 1000);
	f->call = upstream_call(upstream, &f->plan, &(struct call_hearer){ head_came, body_came, call_ended, f });
	return (f);
}

void
fetch_cancel(struct fetch *f)
{
	if (f == NULL)
		return;
	call_cancel(f->call);
	fetch_free(f);
}
