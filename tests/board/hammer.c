/* SPDX-License-Identifier: Apache-2.0 */
/* Everything a worker does with its board, in a random order. */
#include "board/hammer.h"

#include "base/clock.h"

#include <stdio.h>

struct work {
	struct board	*b;
	unsigned	 slot, open;
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
	board_count_deployment(w->b, w->slot, DEP_TOKENS_IN, 3);
	board_count_answer(w->b, w->slot, 200);
	board_time(w->b, w->slot, HIST_TOTAL, (int64_t)(random_u64() % 1000000));
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

static const char *(*const deeds[])(struct work *) = { claim, exchange, exchange, exchange, count, count, judge, compare, sweep };

const char *
hammer(struct board *b, unsigned rounds)
{
	struct work w = { .b = b };
	const char *wrong = claim(&w);

	for (unsigned i = 0; wrong == NULL && i < rounds; i++)
		wrong = deeds[random_u64() % nitems(deeds)](&w);
	return (wrong);
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
	for (unsigned d = 0; d < HAMMER_NAMES; d++) {
		uint64_t buckets[HIST_BUCKETS];
		double sum_s;

		for (unsigned c = 0; c < DEP_COUNTERS; c++)
			down |= went_down(&before->deployments[d][c], board_counted_deployment(b, d, c));
		board_timed(b, d, HIST_TOTAL, buckets, &sum_s);
		down |= went_down(&before->timed[d], buckets[HIST_BUCKETS - 1]);
	}
	return (down ? "a counter went down" : NULL);
}
