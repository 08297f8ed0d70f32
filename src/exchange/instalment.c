/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream that a budget holds reserves in instalments, as its tokens arrive, and not all of max_tokens at once.
 *
 * What the client hears is paid for before, a token for two bytes, which is more than texts have; a model that thinks unseen is held by the time it had.
 * What can not be reserved at once is kept back while the upstream pauses, until others have given back, or the stream is ended.  So is the end of one
 * that has cost more than that after all.
 */
#include "exchange/exchange.h"

#include "base/clock.h"

#define MARKS	64			/* tokens that begin and end what is said */
#define BYTES_EACH	2		/* of a token, at least */

static int64_t
least(int64_t a, int64_t b)
{
	return (a < b ? a : b);
}

static bool
is_known(const struct exchange *x)
{
	return (x->seen->finished && x->seen->usage_said && x->seen->usage.completion >= 0);
}

/* Of the attempt under way. */
static int64_t
tokens_so_far(const struct exchange *x)
{
	const struct seen *s = x->seen;
	int64_t heard = s->usage_said && s->usage.completion > 0 ? s->usage.completion : 0, thought = 0;

	if (is_known(x))
		return (heard);
	heard += ((int64_t)price_uncounted(s) + (x->course == COURSE_WHOLE ? (int64_t)x->gathered.len : 0)) / BYTES_EACH;
	if (x->parts.hides)
		thought = (clock_us() - x->attempt->began_us) / 1000 * x->config->settings.budget_hidden_tokens / 1000;
	return ((heard > thought ? heard : thought) + MARKS);
}

static int64_t
bound_of(const struct exchange *x, size_t prompt_bytes, int64_t tokens)
{
	struct price_ask a = x->parts.ask;

	a.prompt_bytes = prompt_bytes;
	a.max_tokens = tokens;
	return (price_bound(x->parts.tariff, &a));
}

/* Where the upstream has said how large the prompt is, and how much of it was cached, that counts. */
static int64_t
cost_with(const struct exchange *x, int64_t tokens)
{
	struct usage u = x->seen->usage;
	size_t prompt;

	if (!x->parts.prompt_known)
		return (least(x->bound, bound_of(x, x->parts.ask.prompt_bytes, tokens)));
	if (u.tier < 0)
		u.tier = x->tier;
	u.completion = x->seen->finished ? tokens : 0;
	prompt = u.prompt > 0 ? (size_t)u.prompt : 0;
	return (price_call(x->parts.tariff, &u, 0, NULL) + (x->seen->finished ? 0 : bound_of(x, prompt, tokens) - bound_of(x, prompt, 0)));
}

static void
go_broke(struct exchange *x)
{
	x->broke = true;
	x->parts.waits = false;
	x->failure = reserve_refused(x);
	x->gathered.len = 0;
	hear_enough(x);
}

/* What was refused ahead of need, or not given whole, is asked for again when it is needed. */
static bool
may_ask(const struct exchange *x, int64_t need)
{
	const struct reservation *r = &x->reservation;

	return (r->end != BUDGET_WAIT && (need > r->reserved || (r->end == BUDGET_FINE && r->reserved >= r->bound)));
}

static void
learn_prompt(struct exchange *x, int64_t tokens)
{
	x->parts.prompt_known = true;
	budget_less(&x->reservation, cost_with(x, tokens + x->config->settings.budget_instalment));
}

/* Half an instalment before it is needed. */
static void
take_more(struct exchange *x, int64_t tokens, int64_t need)
{
	int64_t step = x->config->settings.budget_instalment;

	if (cost_with(x, tokens + step / 2) > x->reservation.reserved && may_ask(x, need)) {
		budget_more(&x->reservation, need, cost_with(x, tokens + step));
		x->seen_us = 0;			/* what it has cost is told with every instalment */
	}
	if (cost_with(x, tokens + step / 2) <= x->reservation.reserved)
		x->parts.tokens = tokens + step / 2;
}

bool
instalment_paid(struct exchange *x)
{
	struct reservation *r = &x->reservation;
	bool learns = x->parts.on && !x->parts.prompt_known && x->seen->usage_said && x->seen->usage.prompt >= 0;
	int64_t tokens, need;

	if (!x->parts.on || r->slot == 0)
		return (true);
	tokens = tokens_so_far(x);
	if (tokens <= x->parts.tokens && !learns && !is_known(x))
		return (true);
	if (learns)
		learn_prompt(x, tokens);
	need = cost_with(x, tokens);
	take_more(x, tokens, need);
	if (need <= r->reserved)
		return (true);
	if (r->end != BUDGET_WAIT)
		go_broke(x);
	else if (!x->parts.waits) {
		x->parts.waits = true;
		call_pause(x->call);
	}
	return (false);
}

static void
go_on(struct exchange *x)
{
	if (x->reservation.end != BUDGET_FINE && x->parts.waits) {
		go_broke(x);
		return;
	}
	if (!instalment_paid(x) || !x->parts.waits)
		return;
	x->parts.waits = false;
	call_resume(x->call);
	hear_on(x);
}

static void
more_ready(struct reservation *r)
{
	struct exchange *x = (struct exchange *)((char *)r - offsetof(struct exchange, reservation));

	x->busy++;
	if (x->call != NULL)
		go_on(x);
	exchange_walk(x);
	exchange_leave(x);
}

void
instalment_begin(struct exchange *x)
{
	if (!x->parts.on)
		return;
	bound_part(x);
	x->parts.tokens = -1;
	x->parts.prompt_known = x->parts.waits = false;
	x->reservation.ready = more_ready;
}

void
instalment_end(struct exchange *x)
{
	if (!x->parts.waits)
		return;
	x->reservation.end = BUDGET_HELD;
	go_broke(x);
}
