/* SPDX-License-Identifier: Apache-2.0 */
/* What an exchange was, for the metrics of who called. */
#include "exchange/exchange.h"

#include "board/series.h"

static struct text
alias_of(const struct caller *c, enum scope scope)
{
	return (c->standing[scope] != NULL ? c->standing[scope]->alias : TEXT(""));
}

/* The name of a group, never what a client made up. */
static struct text
model_of(const struct exchange *x)
{
	struct capture captured;
	const struct group *g = x->plan.group;

	if (g == NULL && x->model.len > 0 && x->conduit == NULL)
		g = config_group(x->config, x->model, &captured);
	if (g == NULL && x->n_attempts > 0 && x->conduit == NULL)
		return (x->deployment->group);
	return (g != NULL ? g->name : TEXT("other"));
}

static void
put_caller(struct series_call *call, const struct exchange *x)
{
	const struct caller *c = x->caller;

	call->label[SERIES_KEY] = c->digest;
	call->label[SERIES_KEY_ALIAS] = alias_of(c, SCOPE_KEY);
	call->label[SERIES_TEAM] = c->team_id;
	call->label[SERIES_TEAM_ALIAS] = alias_of(c, SCOPE_TEAM);
	call->label[SERIES_USER] = c->user_id;
	if (c->standing[SCOPE_USER] != NULL)
		call->label[SERIES_USER_EMAIL] = c->standing[SCOPE_USER]->email;
	if (x->config->settings.metrics_end_users)
		call->label[SERIES_END_USER] = c->customer;
}

/* What the key's own limits for this model leave. */
static void
put_left(struct series_call *call, const struct limits *l)
{
	call->left[SERIES_REQUESTS_LEFT] = call->left[SERIES_TOKENS_LEFT] = -1;
	for (unsigned i = 0; i < l->n; i++) {
		const struct limit *one = &l->list[i];
		int64_t left = one->limit > one->used ? one->limit - one->used : 0;

		if (one->kind != LIMIT_PARALLEL && strcmp(one->descriptor, "model_per_key") == 0)
			call->left[one->kind == LIMIT_REQUESTS ? SERIES_REQUESTS_LEFT : SERIES_TOKENS_LEFT] = left;
	}
}

static uint64_t
least_zero(int64_t n)
{
	return (n > 0 ? (uint64_t)n : 0);
}

void
count_series(struct exchange *x)
{
	const struct settings *s = &x->config->settings;
	struct series_call call = { .deployment = x->n_attempts > 0 ? x->slot : BOARD_OTHER, .status = board_status(heard_status(x)), .counted = {
		[SERIES_SPEND] = least_zero(x->cost), [SERIES_TOKENS_IN] = least_zero(x->usage.prompt), [SERIES_TOKENS_CACHED] = least_zero(x->usage.cached),
		[SERIES_TOKENS_WRITTEN] = least_zero(x->usage.written), [SERIES_TOKENS_OUT] = least_zero(x->usage.completion),
		[SERIES_TOKENS_REASONING] = least_zero(x->usage.reasoning) } };

	call.counted[SERIES_ANSWERED] = call.deployment != BOARD_OTHER && board_statuses[call.status] == 200;
	for (unsigned i = 0; i < SERIES_LABELS; i++)
		call.label[i] = TEXT("");
	put_caller(&call, x);
	put_left(&call, &x->limits);
	call.label[SERIES_MODEL] = model_of(x);
	call.label[SERIES_ROUTE] = text_of(x->surface->path);
	series_count(x->worker->board, &call, (unsigned)s->metrics_series);
}
