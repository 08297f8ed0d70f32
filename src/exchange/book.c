/* SPDX-License-Identifier: Apache-2.0 */
/* The one row of an exchange in the ledger, and what its reservation becomes. */
#include "exchange/exchange.h"

#include "base/clock.h"
#include "ledger/ledger.h"
#include "ledger/price.h"

const char *
call_type(const struct exchange *x)
{
	if (x->conduit != NULL)
		return ("pass_through_endpoint");
	switch (x->front->wire) {
	case WIRE_ANTHROPIC:
		return ("anthropic_messages");
	case WIRE_RESPONSES:
		return ("aresponses");
	case WIRE_COMPLETIONS:
		return ("atext_completion");
	case WIRE_EMBEDDINGS:
		return ("aembedding");
	default:
		return ("acompletion");
	}
}

/* the document */

static struct text
cut(struct text t, size_t most)
{
	return (text_whole(text_sub(t, 0, most)));
}

static void
put_error(struct json_out *out, const struct error *e)
{
	json_name(out, "error");
	json_open(out, '{');
	json_pair_int(out, "code", error_status(e));
	json_pair(out, "class", cut(text_of(error_kinds[e->kind].name), 64));
	json_pair(out, "type", cut(e->type.len > 0 ? e->type : text_of(error_kinds[e->kind].openai_type), 64));
	json_pair(out, "message", cut(e->message, 500));
	json_close(out, '}');
}

/* Longest last, so that what a row has no room for is the least missed. */
static void
put_doc(struct buf *b, const struct exchange *x)
{
	struct json_out out = { .to = b };
	const struct standing *key = x->caller->standing[SCOPE_KEY];

	json_open(&out, '{');
	json_pair(&out, "session", cut(x->session, 128));
	json_pair(&out, "ip", cut(x->ip, 64));
	json_pair(&out, "client_id", cut(x->client_id, 128));
	json_pair(&out, "web_id", cut(x->web_id, 128));
	if (x->seen != NULL) {
		json_pair(&out, "vendor_id", cut(x->seen->vendor_id, 128));
		json_pair(&out, "served_model", cut(x->seen->served_model, 128));
	}
	if (key != NULL)
		json_pair(&out, "key_alias", cut(key->alias, 128));
	if (key != NULL)
		json_pair(&out, "agent", cut(key->agent_id, 128));
	record_attempts(&out, x);
	if (x->tariff != NULL) {
		json_name(&out, "price");
		price_doc(b, x->tariff, &x->usage);
		out.comma = true;
	}
	if (x->error != NULL)
		put_error(&out, x->error);
	if (x->caller->notes.len > 0) {
		json_name(&out, "notes");
		json_raw(&out, x->caller->notes);
	}
	if (key != NULL && key->metadata.len > 0) {
		json_name(&out, "metadata");
		json_raw(&out, key->metadata);
	}
	json_close(&out, '}');
}

static void
put_tags(struct buf *b, const struct caller *c)
{
	struct json_out out = { .to = b };

	json_open(&out, '[');
	for (unsigned i = 0; i < c->n_tags && i < 16; i++)
		json_string(&out, cut(c->tags[i], 64));
	json_close(&out, ']');
}

/* the row */

static int64_t
at_ms(const struct exchange *x, int64_t us)
{
	return (us > 0 ? x->began_wall_ms + (us - x->began_us) / 1000 : 0);
}

static int64_t
least_zero(int64_t n)
{
	return (n > 0 ? n : 0);
}

static void
fill_row(struct ledger_row *r, const struct exchange *x)
{
	const struct caller *c = x->caller;
	const struct deployment *d = x->n_attempts > 0 ? x->deployment : NULL;

	memcpy(r->id, x->id, sizeof(r->id));
	r->began_ms = x->began_wall_ms;
	r->first_token_ms = at_ms(x, x->first_token_us);
	r->ended_ms = at_ms(x, clock_us());
	r->call_type = text_of(call_type(x));
	r->ended = text_of(exchange_end_name(x));
	r->status = heard_status(x);
	r->streamed = x->glance.stream;
	r->estimated = x->estimated;
	r->key_digest = c->digest;
	r->user_id = c->user_id;
	r->team_id = c->team_id;
	r->organization_id = c->organization_id;
	if (c->standing[SCOPE_PROJECT] != NULL)
		r->project_id = c->standing[SCOPE_PROJECT]->id;
	r->customer = c->customer;
	r->model_group = model_charged(x);
	if (d != NULL) {
		r->model = d->litellm_model;
		r->model_id = d->id;
		r->provider = text_of(d->vendor != NULL ? d->vendor->prefix : "");
		r->api_base = d->api_base;
	}
	r->prompt = least_zero(x->usage.prompt);
	r->completion = least_zero(x->usage.completion);
	r->cached = least_zero(x->usage.cached);
	r->written = least_zero(x->usage.written);
	r->reasoning = least_zero(x->usage.reasoning);
	r->cost = least_zero(x->cost);
}

/* Who has a row: calls of models by somebody we know, whatever became of them. */
static bool
has_row(const struct exchange *x)
{
	return (x->caller != NULL && x->caller->kind != CALLER_NOBODY && x->surface != NULL && is_model_call(x));
}

static void
count_limits(struct exchange *x)
{
	struct board *b = x->worker->board;

	limits_give(&x->limits, b);
	limits_give(&x->room, b);
	if (!x->room_used)
		limits_undo(&x->room, b);
	else
		limits_correct(&x->room, b, least_zero(x->usage.prompt), least_zero(x->usage.completion));
	if (x->n_attempts == 0)
		limits_undo(&x->limits, b);
	else if (x->seen != NULL || x->conduit == NULL)		/* what passes through and says nothing of tokens stays as it was estimated */
		limits_correct(&x->limits, b, least_zero(x->usage.prompt), least_zero(x->usage.completion));
}

/* In this order: the cost is on the board before the row is in the spool, and only then does what is left go back (board/running.h). */
void
book(struct exchange *x)
{
	struct buf *doc = &x->worker->row_doc, *tags = &x->worker->row_tags;
	struct ledger_row row = { .id = "" };

	count_limits(x);
	if (!has_row(x) || x->n_attempts == 0)
		budget_release(&x->reservation);
	if (!has_row(x))
		return;
	scribe_end(x);
	fill_row(&row, x);
	doc->len = tags->len = 0;
	put_doc(doc, x);
	put_tags(tags, x->caller);
	row.doc = buf_as_text(doc);
	row.tags = buf_as_text(tags);
	if (x->n_attempts > 0) {
		budget_settled(&x->reservation, row.prompt, row.completion, row.cost);
		row.n_charges = budget_charges(&x->reservation, row.charges);
		key_spends(x, row.cost);
	}
	x->unwritten = true;
	spool_queue(x->worker->spool, &row, x);
}

/* It stays, with its reservation, until its row is written. */
enum step_result
book_written(struct exchange *x)
{
	return (x->unwritten ? STEP_WAIT : STEP_GO);
}

/* NULL: of a process that died, or written again because the disk may have lost it. */
void
row_written(void *worker, void *exchange)
{
	struct exchange *x = exchange;

	(void)worker;
	if (x == NULL)
		return;
	x->unwritten = false;
	budget_booked(&x->reservation);
	exchange_walk(x);
}
