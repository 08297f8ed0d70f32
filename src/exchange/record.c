/* SPDX-License-Identifier: Apache-2.0 */
/* What is written down of an exchange: one JSON line, the counters of the board.  Never a prompt, a key or a vendor's body. */
#include "exchange/exchange.h"

#include "base/clock.h"
#include "board/series.h"

#include <assert.h>

#define LINES_MOST	32768		/* bytes kept for the end of the turn */

static const char *const ends[] = {
	[END_COMPLETE] = "complete", [END_CUT] = "cut", [END_LEFT] = "left", [END_REFUSED] = "refused",
};

const char *
exchange_end_name(const struct exchange *x)
{
	return (ends[x->end]);
}

/* counters */

static enum series_counter
failure_counter(enum error_kind kind)
{
	switch (kind) {
	case E_RATE_LIMIT:
	case E_QUOTA:
		return (SERIES_FAILED_RATE_LIMIT);
	case E_TIMEOUT:
	case E_UPSTREAM_TIMEOUT:
		return (SERIES_FAILED_TIMEOUT);
	case E_UPSTREAM_CREDENTIAL:
		return (SERIES_FAILED_AUTH);
	default:
		return (SERIES_FAILED_OTHER);
	}
}

/* A caller's own mistake blames no deployment, nor does a client that left. */
void
record_attempt(struct exchange *x)
{
	struct attempt *a = x->attempt;
	struct outcome o = { .at_wall_ms = clock_wall_ms(), .status = a->status };

	a->slot = x->slot;
	a->came_to = SERIES_TRIED;
	if (x->left || (x->failure != NULL && error_kinds[x->failure->kind].fault == FAULT_CALLER))
		return;
	a->came_to = x->failure == NULL ? SERIES_GOOD : failure_counter(x->failure->kind);
	if (x->failure != NULL)
		o.error = (int)x->failure->kind + 1;
	board_outcome(x->worker->board, x->slot, &o);
}

/* What it came to: a stream that broke after its 200 counts as the error it ended with. */
int
heard_status(const struct exchange *x)
{
	if (x->end == END_LEFT)
		return (error_kinds[E_CLIENT_LEFT].status);
	return (x->error != NULL ? error_status(x->error) : x->status);
}

static void
count_exchange(struct exchange *x, int64_t total_us)
{
	struct board *b = x->worker->board;

	if (x->surface != NULL)
		board_count(b, x->surface->counter, 1);
	if (x->surface != NULL && (x->surface->answer == NULL || x->conduit != NULL))
		count_series(x, total_us);
	if (x->end == END_REFUSED)
		board_count(b, COUNT_REFUSED, 1);
	if (x->end == END_LEFT)
		board_count(b, COUNT_LEFT, 1);
	if (x->end == END_CUT && x->committed && x->error != NULL && x->status < 400)
		board_count(b, COUNT_CUT, 1);
	if (x->n_attempts == 0)
		return;
	if (x->plan.retries > 0)
		board_count(b, COUNT_RETRIES, x->plan.retries);
	if (x->plan.fallbacks > 0)
		board_count(b, COUNT_FALLBACKS, x->plan.fallbacks);
}

/* the line */

static void
member_ms(struct json_out *out, const char *name, int64_t us)
{
	json_name(out, name);
	buf_thousandths(out->to, us);
	out->comma = true;
}

void
record_attempts(struct json_out *out, const struct exchange *x)
{
	if (x->attempts == NULL)
		return;
	json_name(out, "attempts");
	json_open(out, '[');
	for (const struct attempt *a = x->attempts; a != NULL; a = a->next) {
		json_open(out, '{');
		json_pair(out, "deployment", a->deployment->id);
		json_pair_int(out, "status", a->status);
		json_name(out, "error");
		if (a->error != NULL)
			json_string(out, text_of(a->error));
		else
			json_null(out);
		member_ms(out, "ms", a->ended_us - a->began_us);
		json_close(out, '}');
	}
	json_close(out, ']');
}

static void
tokens(struct json_out *out, const struct usage *u, bool estimated)
{
	const struct { const char *name; int64_t n; } rows[] = {
		{ "in", u->prompt }, { "cached", u->cached }, { "written", u->written }, { "reasoning", u->reasoning }, { "out", u->completion },
	};

	json_name(out, "tokens");
	json_open(out, '{');
	for (size_t i = 0; i < nitems(rows); i++)
		json_pair_int(out, rows[i].name, rows[i].n > 0 ? rows[i].n : 0);
	json_close(out, '}');
	json_name(out, "estimated");
	json_bool(out, estimated);
}

static void
write_line(struct exchange *x, int64_t total_us)
{
	struct buf *line = &x->worker->lines;
	struct json_out out = { .to = line };
	char when[25];

	clock_iso(when, x->began_wall_ms);
	json_open(&out, '{');
	json_pair(&out, "time", text_of(when));
	json_pair(&out, "id", text_of(x->id));
	json_pair(&out, "web_id", x->web_id);
	json_pair(&out, "client_id", x->client_id);
	json_pair(&out, "user", x->user);
	json_pair(&out, "dialect", text_of(x->front != NULL ? x->front->name : ""));
	json_pair(&out, "path", text_of(x->surface != NULL ? x->surface->path : ""));
	json_pair(&out, "model", text_sub(x->model, 0, 256));
	if (x->deployment != NULL) {
		json_pair(&out, "group", x->plan.group != NULL ? group_shown(x->plan.group) : x->deployment->group);
		json_pair(&out, "deployment", x->deployment->id);
	}
	if (x->seen != NULL) {
		json_pair(&out, "served_model", text_sub(x->seen->served_model, 0, 256));
		json_pair(&out, "vendor_id", text_sub(x->seen->vendor_id, 0, 256));
	}
	json_name(&out, "stream");
	json_bool(&out, x->glance.stream);
	json_pair_int(&out, "status", x->status);
	record_attempts(&out, x);
	if (x->first_token_us > 0)
		member_ms(&out, "first_token_ms", x->first_token_us - x->began_us);
	member_ms(&out, "total_ms", total_us);
	member_ms(&out, "overhead_ms", total_us > x->upstream_us ? total_us - x->upstream_us : 0);
	if (x->n_attempts > 0 && x->seen != NULL)	/* a file that passed through has none */
		tokens(&out, &x->usage, x->estimated);
	if (x->tariff != NULL) {
		json_name(&out, "cost");
		money_json(&out, x->cost);
	}
	json_pair(&out, "end", text_of(exchange_end_name(x)));
	json_pair(&out, "reason", text_of(x->reason != NULL ? x->reason : x->error != NULL ? error_kinds[x->error->kind].name : ""));
	json_close(&out, '}');
	buf_byte(line, '\n');
	if (line->len > LINES_MOST)
		worker_write_lines(x->worker);
	else
		soon_do(x->worker->loop, &x->worker->write_lines);
}

/* Probes would drown the calls: a health check that went well leaves no line. */
static bool
is_probe(const struct exchange *x)
{
	return (x->surface != NULL && x->surface->open && x->conduit == NULL && x->error == NULL);
}

void
record_exchange(struct exchange *x)
{
	int64_t total_us = clock_us() - x->began_us;

	price_exchange(x);
	count_exchange(x, total_us);
	if (!is_probe(x))
		write_line(x, total_us);
}
