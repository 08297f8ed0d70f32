/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LiteLLM's headers of the key: what it may, and what it has spent: by when it was loaded, and what this host has settled since.  What was settled and not
 * yet booked when it was loaded again is missing until it is so once more, as is what other hosts spend.
 */
#include "exchange/exchange.h"

#include "board/tally.h"

static const struct purse *
purse_of(const struct exchange *x)
{
	const struct standing *key = x->caller->standing[SCOPE_KEY];

	return (key != NULL && key->n_purses > 0 && key->purses[0].account != 0 && key->purses[0].part.len == 0 ? &key->purses[0] : NULL);
}

void
key_spends(struct exchange *x, int64_t cost)
{
	const struct purse *p = purse_of(x);

	if (p != NULL && cost > 0 && x->config->settings.headers_litellm)
		tally_add(x->worker->board, p->account, x->caller->standing[SCOPE_KEY]->loaded_ms, cost);
}

static void
dollars(struct buf *b, const char *name, int64_t nano)
{
	buf_text(b, text_of(name));
	money_print(b, nano);
	buf_lit(b, "\r\n");
}

static void
count(struct buf *b, const char *name, int64_t n)
{
	if (n < 0)
		return;
	buf_text(b, text_of(name));
	buf_int(b, n);
	buf_lit(b, "\r\n");
}

void
key_headers(struct exchange *x, struct buf *b)
{
	const struct standing *key = x->caller->standing[SCOPE_KEY];
	const struct purse *p = purse_of(x);

	if (key == NULL || !x->config->settings.headers_litellm || !is_model_call(x))
		return;
	if (p != NULL)
		dollars(b, "x-litellm-key-spend: ", p->spent + tally_of(x->worker->board, p->account, key->loaded_ms) + (x->priced && x->cost > 0 ? x->cost : 0));
	if (p != NULL && p->ceiling != NO_LIMIT)
		dollars(b, "x-litellm-key-max-budget: ", p->ceiling);
	count(b, "x-litellm-key-tpm-limit: ", key->tpm);
	count(b, "x-litellm-key-rpm-limit: ", key->rpm);
}
