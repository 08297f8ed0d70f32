/* SPDX-License-Identifier: Apache-2.0 */
/* What an exchange used and what that costs: once, for the headers of a whole answer or, at the latest, when it is settled. */
#include "exchange/exchange.h"

#include "base/clock.h"
#include "base/log.h"

#define SEEN_US	1000000

/* tokens */

/* Bytes of content that no usage counts: all, or in a stream that broke off those after its last word on it. */
uint64_t
price_uncounted(const struct seen *seen)
{
	if (!seen->usage_said || seen->usage.completion < 0)
		return (seen->produced);
	return (seen->finished || seen->produced < seen->usage_at ? 0 : seen->produced - seen->usage_at);
}

static bool
was_answered(const struct exchange *x)
{
	return (x->n_attempts > 0 && x->seen != NULL && x->upstream_status >= 200 && x->upstream_status <= 299);
}

/* Its upstream failed before it said anything, and the client waited: nobody is charged for that. */
static bool
came_to_nothing(const struct exchange *x)
{
	return (x->failure != NULL && !x->broke && !x->left && !x->seen->usage_said && x->seen->produced == 0);
}

/* Where the upstream did not say, about four bytes are a token; the line says that it is an estimate. */
static bool
estimate(const struct exchange *x, struct usage *u)
{
	bool estimated = false;
	uint64_t bytes;

	if (u->prompt < 0) {
		u->prompt = (int64_t)(x->prompt_bytes + 3) / 4;
		estimated = true;
	}
	bytes = price_uncounted(x->seen);
	if (u->completion < 0 || bytes > 0) {
		u->completion = (u->completion > 0 ? u->completion : 0) + (int64_t)(bytes + 3) / 4;
		estimated = true;
	}
	return (estimated);
}

/* the price */

/* What was asked for, where the answer does not say in which tier it was served. */
int
tier_asked(const struct exchange *x)
{
	const struct json_spot *spot = x->glance.top != NULL ? glance_member(&x->glance, "service_tier") : NULL;

	if (spot == NULL || spot->type != JSON_STRING)
		return (-1);
	return (tier_named(text_sub(json_spot_value(x->glance.body, spot), 1, spot->value_len - 1)));
}

/* So much for each call, or at a vendor's path what its model costs. */
static const struct tariff *
tariff_of_passed(struct exchange *x)
{
	const struct deployment *to = x->conduit->to;

	if (x->conduit->tariff != NULL || to == NULL || to->vendor == NULL)
		return (x->conduit->tariff);
	if (to->tariff != NULL && text_eq(to->model, x->model))
		return (to->tariff);
	return (config_tariff_named(x->arena, x->config, to->vendor, x->model));
}

const struct tariff *
price_tariff(struct exchange *x)
{
	const struct tariff *t;

	if (x->conduit != NULL)
		return (tariff_of_passed(x));
	t = config_tariff(x->arena, x->config, x->deployment, route_model(&x->plan, x->deployment));
	/* a name of the operator's own, as at Azure: what answered may say what it is */
	return (t == NULL && x->seen != NULL ? config_tariff(x->arena, x->config, x->deployment, x->seen->served_model) : t);
}

/* Counting tokens and looking at what was made before cost nothing; a call that passes through costs what is written for it, whoever answered. */
static bool
is_charged(const struct exchange *x)
{
	if (x->conduit != NULL)
		return (x->upstream_status >= 200 && x->upstream_status <= 299);
	return (was_answered(x) && is_model_call(x) && !came_to_nothing(x));
}

static int64_t
upstream_ms(const struct exchange *x)
{
	const struct attempt *a = x->attempt;

	if (a == NULL)
		return (0);
	return (((x->in_flight || a->ended_us == 0 ? clock_us() : a->ended_us) - a->began_us) / 1000);
}

void
price_exchange(struct exchange *x)
{
	if (x->priced)
		return;
	x->priced = true;
	x->usage = x->seen != NULL && x->seen->usage_said ? x->seen->usage : USAGE_UNSAID;
	if (was_answered(x) && !came_to_nothing(x))
		x->estimated = estimate(x, &x->usage);
	if (!is_charged(x))
		return;
	if (x->usage.tier < 0)
		x->usage.tier = x->tier;
	x->tariff = price_tariff(x);
	x->cost = price_call(x->tariff, &x->usage, upstream_ms(x), &x->price);
	if (!x->broke || x->cost <= x->reservation.reserved)
		return;
	note(NOTE_WARN, x->id, "it cost %lld nano-dollars more than its budget paid", (long long)(x->cost - x->reservation.reserved));
	if (x->estimated)
		x->cost = x->reservation.reserved;	/* the client has heard no more than that; what the upstream says it took is booked as it says */
}

/* For the sweeper, should this process be killed: what a stream has cost up to now, once a second. */
void
price_so_far(struct exchange *x)
{
	int64_t now_us = loop_now_us(x->worker->loop);
	struct usage u = x->seen->usage_said ? x->seen->usage : USAGE_UNSAID;
	struct price_break parts;

	if (x->reservation.slot == 0 || now_us - x->seen_us < SEEN_US || x->deployment == NULL || x->deployment->tariff == NULL || !was_answered(x))
		return;
	x->seen_us = now_us;
	estimate(x, &u);
	if (u.tier < 0)
		u.tier = x->tier;
	budget_seen(&x->reservation, u.prompt, u.completion, price_call(x->deployment->tariff, &u, upstream_ms(x), &parts));
}

/* LiteLLM's headers of a whole answer.  Its parts are apart from each other here, and sum to the original. */

static void
header(struct buf *b, const char *name, int64_t nano)
{
	buf_lit(b, "x-litellm-response-cost");
	buf_add(b, name, strlen(name));
	buf_lit(b, ": ");
	money_print(b, nano);
	buf_lit(b, "\r\n");
}

void
price_headers(struct exchange *x, struct buf *b)
{
	static const struct { const char *name; size_t at; } parts[] = {
		{ "-input", offsetof(struct price_break, input) }, { "-output", offsetof(struct price_break, output) },
		{ "-cache-read", offsetof(struct price_break, cached) }, { "-cache-creation", offsetof(struct price_break, written) },
		{ "-reasoning", offsetof(struct price_break, reasoning) }, { "-tool-usage", offsetof(struct price_break, other) },
	};
	const struct price_break *p = &x->price;

	if (x->tariff == NULL)
		return;
	header(b, "", p->total);
	if (x->tariff->discount != 0 || x->tariff->margin != 0 || x->tariff->margin_fixed != 0)
		header(b, "-original", p->original);
	if (x->tariff->discount != 0)
		header(b, "-discount-amount", p->discount);
	if (x->tariff->margin != 0 || x->tariff->margin_fixed != 0) {
		header(b, "-margin-amount", p->margin);
		buf_print(b, "x-litellm-response-cost-margin-percent: %g\r\n", x->tariff->margin / 10000.0);
	}
	for (size_t i = 0; i < nitems(parts); i++) {
		int64_t nano = *(const int64_t *)((const char *)p + parts[i].at);

		if (nano != 0)
			header(b, parts[i].name, nano);
	}
}
