/* SPDX-License-Identifier: Apache-2.0 */
/* What an exchange was, for the metrics of who called. */
#include "exchange/exchange.h"

#include "board/series.h"

static struct text
alias_of(const struct caller *c, enum scope scope)
{
	return (c->standing[scope] != NULL ? c->standing[scope]->alias : TEXT(""));
}

/* The name of a group, never what a client made up; that of a fallback is another's. */
static struct text
model_of(const struct exchange *x)
{
	struct capture captured;
	const struct group *g = x->plan.fallbacks == 0 ? x->plan.group : NULL;

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

static void
put_time(struct series_call *call, enum series_time which, int64_t us)
{
	call->timed[which] = true;
	call->us[which] = us;
}

static void
put_attempt(struct series_call *call, const struct attempt *a)
{
	call->deployment = a->slot;
	call->counted[SERIES_TRIED]++;
	if (a->came_to != SERIES_TRIED)
		call->counted[a->came_to]++;
	put_time(call, SERIES_UPSTREAM, a->ended_us - a->began_us);
}

/* Attempts before the last one, in their deployments' series. */
static void
count_earlier(struct exchange *x, const struct series_call *of)
{
	for (const struct attempt *a = x->attempts; a != NULL && a->next != NULL; a = a->next) {
		struct series_call call = { .status = BOARD_STATUSES, .left = { -1, -1 } };

		memcpy(call.label, of->label, sizeof(call.label));
		put_attempt(&call, a);
		series_count(x->worker->board, &call, (unsigned)x->config->settings.metrics_series);
	}
}

static void
put_last(struct series_call *call, const struct exchange *x, int64_t total_us)
{
	put_attempt(call, x->attempt);
	call->counted[SERIES_ANSWERED] = board_statuses[call->status] == 200;
	if (x->plan.fallbacks > 0)
		call->counted[x->end == END_COMPLETE ? SERIES_FALLBACK_GOOD : SERIES_FALLBACK_BAD] = 1;
	put_time(call, SERIES_TOTAL, total_us);
	put_time(call, SERIES_OVERHEAD, total_us - x->upstream_us);
	if (x->usage.completion > 0)
		put_time(call, SERIES_PER_TOKEN, x->upstream_us / x->usage.completion);
	if (x->glance.stream && x->first_token_us > 0)
		put_time(call, SERIES_FIRST_TOKEN, x->first_token_us - x->began_us);
}

void
count_series(struct exchange *x, int64_t total_us)
{
	struct series_call call = { .deployment = BOARD_OTHER, .status = board_status(heard_status(x)), .counted = {
		[SERIES_SPEND] = least_zero(x->cost), [SERIES_TOKENS_IN] = least_zero(x->usage.prompt), [SERIES_TOKENS_CACHED] = least_zero(x->usage.cached),
		[SERIES_TOKENS_WRITTEN] = least_zero(x->usage.written), [SERIES_TOKENS_OUT] = least_zero(x->usage.completion),
		[SERIES_TOKENS_REASONING] = least_zero(x->usage.reasoning) } };

	for (unsigned i = 0; i < SERIES_LABELS; i++)
		call.label[i] = TEXT("");
	put_caller(&call, x);
	put_left(&call, &x->limits);
	call.label[SERIES_MODEL] = model_of(x);
	call.label[SERIES_ROUTE] = text_of(x->surface->path);
	count_earlier(x, &call);
	if (x->n_attempts > 0)
		put_last(&call, x, total_us);
	series_count(x->worker->board, &call, (unsigned)x->config->settings.metrics_series);
}
