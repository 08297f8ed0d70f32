/* SPDX-License-Identifier: Apache-2.0 */
/* Between the plan and the asking: rates and money are taken for the dearest way the call may go, or it is refused and says by whom, and why. */
#include "exchange/exchange.h"

#include "base/span.h"
#include "ledger/price.h"

#define IMAGE_TOKENS	2000		/* of a picture that is only named */
#define FILE_TOKENS	50000

/* who is charged */

/* A team's key spends the team's money: of its owner it is only counted. */
static bool
holds(const struct exchange *x, enum scope scope)
{
	return (scope != SCOPE_USER || x->caller->standing[SCOPE_TEAM] == NULL);
}

/* A purse for one model counts for calls of that model only. */
static bool
concerns(const struct purse *p, struct text model)
{
	return (!text_starts(p->part, TEXT("model:")) || text_eq(text_sub(p->part, 6, p->part.len), model));
}

static void
charge(struct exchange *x, const struct standing *s)
{
	for (unsigned i = 0; s != NULL && i < s->n_purses; i++) {
		struct purse *p = &s->purses[i];

		if (p->account == 0 || !concerns(p, x->model) || x->n_purses == CHARGES_MOST)
			continue;
		if (!holds(x, s->scope) || x->free_model) {
			p = arena_new_of(x->arena, struct purse);
			*p = s->purses[i];
			p->ceiling = NO_LIMIT;
		}
		x->purse_of[x->n_purses] = s;
		x->purses[x->n_purses++] = p;
	}
}

static void
charge_all(struct exchange *x)
{
	const struct caller *c = x->caller;

	x->n_purses = 0;
	for (unsigned i = 0; i < SCOPES; i++)
		if (i != SCOPE_TAG)
			charge(x, c->standing[i]);
	for (unsigned i = 0; i < c->n_tags; i++)
		charge(x, c->tag_standings[i]);
}

static bool
has_ceiling(const struct exchange *x)
{
	for (unsigned i = 0; i < x->n_purses; i++)
		if (x->purses[i]->ceiling != NO_LIMIT)
			return (true);
	return (false);
}

/* what the call may cost */

static unsigned
occurrences(struct text body, const char *word)
{
	size_t len = strlen(word);
	unsigned n = 0;

	for (const char *at = body.at, *end = body.at + body.len; (at = memmem(at, (size_t)(end - at), word, len)) != NULL; at += len)
		n++;
	return (n);
}

/* What stands in the body is not larger in tokens than in bytes; what it only points to is.  Bodies are large: few passes over them, once. */
static int64_t
media_of(struct text body)
{
	int64_t files = occurrences(body, "\"document\""), pictures = 0;

	if (occurrences(body, "_url\"") > 0) {
		pictures += occurrences(body, "\"image_url\"");
		files += occurrences(body, "\"file_url\"");
	}
	if (occurrences(body, "\"input_") > 0) {
		pictures += occurrences(body, "\"input_image\"");
		files += occurrences(body, "\"input_file\"");
	}
	return (pictures * IMAGE_TOKENS + files * FILE_TOKENS);
}

static bool
has_rate(const struct tariff *t, unsigned kinds)
{
	for (unsigned i = 0; i < t->n; i++)
		if (kinds >> t->rates[i].of & 1)
			return (true);
	return (false);
}

#define SOUND	(1u << RATE_AUDIO_IN | 1u << RATE_AUDIO_OUT)
#define PICTURES	(1u << RATE_IMAGE_IN | 1u << RATE_IMAGE_OUT)
#define WRITES	(1u << RATE_WRITTEN | 1u << RATE_WRITTEN_1H)

/* Dear kinds of tokens that can not occur, because a call must ask for them: sound, pictures, what Anthropic writes into its cache. */
static unsigned
never_of(const struct exchange *x, const struct deployment *d, const struct tariff *t)
{
	unsigned never = 0;

	if (d->n_defaults > 0)			/* they may ask for it */
		return (0);
	if (has_rate(t, SOUND) && occurrences(x->glance.body, "audio") == 0)
		never |= SOUND;
	if (has_rate(t, PICTURES) && occurrences(x->glance.body, "image") == 0)
		never |= PICTURES;
	if (d->wire == WIRE_ANTHROPIC && has_rate(t, WRITES) && occurrences(x->glance.body, "cache_control") == 0)
		never |= WRITES;
	return (never);
}

static int64_t
member_number(const struct glance *g, const char *name, int64_t otherwise)
{
	const struct json_spot *spot = glance_member(g, name);
	int64_t n;

	return (spot != NULL && json_to_i64(json_spot_value(g->body, spot), &n) ? n : otherwise);
}

static struct price_ask
ask_of(const struct exchange *x)
{
	struct price_ask a = { .prompt_bytes = x->glance.body.len, .media = media_of(x->glance.body), .max_tokens = x->glance.max_tokens,
		.most_ms = x->config->settings.total_timeout_ms };
	int64_t n = member_number(&x->glance, "n", 1), best = member_number(&x->glance, "best_of", 1);

	if (best > n)
		n = best;
	a.n = n > 1 && n <= 1024 ? (unsigned)n : 1;
	a.tier = x->tier;
	if (x->front->wire == WIRE_EMBEDDINGS)
		a.max_tokens = 0;
	return (a);
}

/* A limit the configuration sends along where the client says none. */
static int64_t
configured_most(const struct deployment *d)
{
	static const char *const names[] = { "max_tokens", "max_completion_tokens", "max_output_tokens" };
	int64_t n;

	for (size_t i = 0; i < d->n_defaults; i++)
		for (size_t k = 0; k < nitems(names); k++)
			if (text_is(d->defaults[i].name, names[k]) && json_to_i64(d->defaults[i].raw, &n) && n > 0)
				return (n);
	return (-1);
}

static const struct tariff *
tariff_of(const struct exchange *x, const struct deployment *d)
{
	return (config_tariff(x->arena, x->config, d, route_model(&x->plan, d)));
}

static struct price_ask
ask_of_deployment(const struct price_ask *ask, const struct deployment *d)
{
	struct price_ask a = *ask;

	if (a.max_tokens < 0)
		a.max_tokens = configured_most(d);
	a.max_output = d->max_output_tokens;
	a.window = d->max_input_tokens;
	return (a);
}

/* The dearest of a group.  NULL: none has a price. */
static void
bound_group(struct exchange *x, const struct group *g, const struct price_ask *ask, int64_t least_tokens)
{
	for (size_t i = 0; i < g->n_deployments; i++) {
		const struct deployment *d = g->deployments[i];
		struct price_ask a = ask_of_deployment(ask, d), least = a;
		const struct tariff *t = tariff_of(x, d);
		int64_t bound, floor;

		if (t == NULL) {
			x->unpriced = d;
			continue;
		}
		x->free_model &= t->free;
		a.never = least.never = never_of(x, d, t);
		bound = floor = price_bound(t, &a);
		if (a.max_tokens < 0) {		/* then a limit can be sent */
			least.max_tokens = least_tokens;
			floor = price_bound(t, &least);
		}
		if (bound > x->bound)
			x->bound = bound;
		if (floor > x->floor)
			x->floor = floor;
	}
}

static void
bound_all(struct exchange *x)
{
	int64_t least = x->config->settings.least_max_tokens;
	struct capture captured;

	x->price_ask = ask_of(x);
	x->bound = x->floor = 0;
	x->unpriced = NULL;
	x->free_model = true;
	bound_group(x, x->plan.group, &x->price_ask, least);
	if (x->unpriced != NULL)
		x->free_model = false;
	for (size_t i = 0; i < x->plan.group->n_fallbacks; i++) {
		const struct group *g = config_group(x->config, x->plan.group->fallbacks[i], &captured);

		if (g != NULL)
			bound_group(x, g, &x->price_ask, least);
	}
}

/* What passes through costs so much a call, or what its model costs: it names one in its body. */
static void
bound_passed(struct exchange *x)
{
	static const char *const names[] = { "max_tokens", "max_completion_tokens", "max_output_tokens" };
	struct text body = x->request != NULL ? x->request->body : TEXT("");
	struct price_ask a = { .prompt_bytes = body.len, .max_tokens = -1, .most_ms = x->config->settings.total_timeout_ms, .tier = -1 };
	const struct tariff *t = price_tariff(x);
	struct json_item item;
	struct facts f;
	int64_t n;

	x->bound = x->floor = 0;
	x->unpriced = t == NULL && x->model.len > 0 ? x->conduit->to : NULL;
	x->free_model = t != NULL && t->free;
	if (t == NULL)
		return;
	if (x->model.len == 0) {		/* a price for each call: no tokens are counted */
		a.prompt_bytes = 0;
		a.max_tokens = 0;
	}
	for (size_t i = 0; i < nitems(names) && x->model.len > 0; i++)
		if (json_find(body, names[i], &item) && json_to_i64(item.raw, &n) && n > a.max_tokens)
			a.max_tokens = n;
	if (facts_find(&f, x->model)) {
		a.max_output = f.max_output;
		a.window = f.max_input;
	}
	a.media = media_of(body);
	x->bound = x->floor = price_bound(t, &a);
}

/* refusals */

static const struct {
	const char	*title;			/* for people */
	const char	*litellm;		/* LiteLLM's name of it, which scripts look for */
	bool		 exceeded;		/* in its other form of words */
	const char	*raise;			/* where an administrator raises it */
} words[SCOPES] = {
	[SCOPE_KEY] = { "Key", "Key", false, "/key/update" },
	[SCOPE_USER] = { "User", "User", true, "/user/update" },
	[SCOPE_TEAM] = { "Team", "Team", false, "/team/update" },
	[SCOPE_MEMBER] = { "Team member", "User", false, "/team/member_update" },
	[SCOPE_PROJECT] = { "Project", "Project", false, "/project/update" },
	[SCOPE_ORGANIZATION] = { "Organization", "Organization", false, "/organization/update" },
	[SCOPE_CUSTOMER] = { "End user", "End User", true, "/customer/update" },
	[SCOPE_TAG] = { "Tag", "Tag", false, "/tag/update" },
	[SCOPE_PROVIDER] = { "Provider", "Provider", false, "router_settings.provider_budget_config" },
	[SCOPE_PROXY] = { "Gateway", "Proxy", false, "litellm_settings.max_budget" },
};

/* By its name where it has one: a key's id is a digest. */
static struct text
name_of(const struct standing *s)
{
	return (text_sub(s->alias.len > 0 ? s->alias : s->id, 0, 128));
}

static const struct standing *
whose(const struct exchange *x, const struct purse *p)
{
	for (unsigned i = 0; i < x->n_purses; i++)
		if (x->purses[i] == p)
			return (x->purse_of[i]);
	return (NULL);
}

static void
say_what_for(struct buf *b, const struct purse *p)
{
	struct text kind, rest;

	if (!text_cut(p->part, ':', &kind, &rest))
		return;
	if (text_is(kind, "model"))
		buf_print(b, " for model '" TEXT_FMT "'", TEXT_ARG(rest));
	else
		buf_print(b, " within its window of " TEXT_FMT, TEXT_ARG(rest));
}

static void
say_when(struct buf *b, const struct purse *p)
{
	if (p->resets_at == 0) {
		buf_lit(b, "it does not reset");
		return;
	}
	buf_lit(b, "resets ");
	span_print_moment(b, p->resets_at);
}

/* The words that scripts written for LiteLLM look for. */
static void
say_as_litellm(struct buf *b, struct exchange *x, const struct standing *s, bool hidden)
{
	bool exceeded = words[s->scope].exceeded;

	buf_print(b, "%s %s=" TEXT_FMT " %s", exceeded ? "ExceededBudget:" : "Budget has been exceeded!", words[s->scope].litellm, TEXT_ARG(name_of(s)),
	    exceeded ? "over budget. Spend=" : "Current cost: ");
	if (hidden)
		buf_lit(b, "hidden");
	else
		money_print(b, x->reservation.spent);
	buf_print(b, ", %s", exceeded ? "Budget=" : "Max budget: ");
	if (hidden)
		buf_lit(b, "hidden");
	else
		money_print(b, x->reservation.limit);
}

static void
say_spent(struct buf *b, struct exchange *x, const struct standing *s)
{
	const struct reservation *r = &x->reservation;
	bool hidden = x->config->settings.budget_amounts_hidden;

	say_as_litellm(b, x, s, hidden);
	buf_print(b, ". %s " TEXT_FMT " has spent ", words[s->scope].title, TEXT_ARG(name_of(s)));
	if (hidden)
		buf_lit(b, "its budget");
	else {
		money_print_dollars(b, r->spent);
		buf_lit(b, " of ");
		money_print_dollars(b, r->limit);
	}
	say_what_for(b, r->which);
	if (!hidden && r->spent < r->limit) {
		buf_lit(b, ", and this call may cost up to ");
		money_print_dollars(b, x->bound);
	}
	buf_lit(b, "; ");
	say_when(b, r->which);
	buf_print(b, "; wait for that, %sor have an administrator raise it (%s). Call id: %s",
	    r->spent < r->limit ? "lower max_tokens, " : "", words[s->scope].raise, x->id);
}

static struct error *
budget_error(struct exchange *x)
{
	const struct standing *s = x->reservation.which != NULL ? whose(x, x->reservation.which) : NULL;
	struct error *e = error_new(x->arena, E_BUDGET, "%s", "");
	struct buf b = { 0 };

	if (s != NULL)
		say_spent(&b, x, s);
	e->message = arena_copy(x->arena, buf_as_text(&b));
	e->status = (int)x->config->settings.budget_status;
	e->code = arena_print(x->arena, "%d", e->status);
	e->useless_to_retry = true;
	buf_free(&b);
	return (e);
}

static struct error *
held_error(struct exchange *x)
{
	const struct standing *s = whose(x, x->reservation.which);
	struct error *e = error_new(x->arena, E_LIMITED, "The rest of the budget of %s " TEXT_FMT " is reserved by running calls; try again when some are over. Call id: %s",
	    s != NULL ? words[s->scope].title : "", TEXT_ARG(s != NULL ? name_of(s) : TEXT("")), x->id);

	e->type = TEXT("budget_exceeded");
	e->retry_after_ms = 1000;
	return (e);
}

static struct error *
unpriced_error(struct exchange *x)
{
	return (error_new(x->arena, E_FORBIDDEN, "Model '" TEXT_FMT "' has no price, and a budget stands behind this key, so its spending could not be held. "
	    "An administrator can set input_cost_per_token and output_cost_per_token for it (0 if it is free), or sluice.budget_mode: litellm. Call id: %s",
	    TEXT_ARG(text_sub(x->model, 0, 200)), x->id));
}

/* the step */

/* Less was reserved than it can cost: then it is sent with the limit of tokens that this buys, which makes it true. */
static void
fit(struct exchange *x)
{
	int64_t least = INT64_MAX;

	if (x->conduit != NULL || x->reservation.reserved >= x->bound || x->glance.max_tokens >= 0)
		return;
	for (size_t i = 0; i < x->plan.group->n_deployments; i++) {
		const struct deployment *d = x->plan.group->deployments[i];
		struct price_ask a = ask_of_deployment(&x->price_ask, d);
		const struct tariff *t = tariff_of(x, d);
		int64_t bought = INT64_MAX;

		if (t != NULL && a.max_tokens < 0) {
			a.never = never_of(x, d, t);
			bought = price_bought(t, &a, x->reservation.reserved);
		}
		if (bought < least)
			least = bought;
	}
	if (least < INT64_MAX)
		x->glance.afford = least;
}

static enum step_result
reserved(struct exchange *x)
{
	switch (x->reservation.end) {
	case BUDGET_FINE:
		fit(x);
		return (STEP_GO);
	case BUDGET_WAIT:
		return (STEP_WAIT);
	case BUDGET_SPENT:
		x->error = budget_error(x);
		alerted(x, x->reservation.which != NULL ? whose(x, x->reservation.which) : NULL);
		break;
	case BUDGET_HELD:
		x->error = held_error(x);
		break;
	case BUDGET_AWAY:
		x->error = error_new(x->arena, E_BUSY, "The budgets of this key can not be looked up now; try again soon. Call id: %s", x->id);
		break;
	case BUDGET_FULL:
		x->error = error_new(x->arena, E_BUSY, "The gateway runs as many calls as it can; try again soon.");
		break;
	}
	limits_undo(&x->limits, x->worker->board);
	return (STEP_ERROR);
}

static void
ready(struct reservation *r)
{
	exchange_walk((struct exchange *)((char *)r - offsetof(struct exchange, reservation)));
}

static enum step_result
reserve_money(struct exchange *x)
{
	const struct caller *c = x->caller;
	struct budget_need need = { .id = x->id, .began_wall_ms = x->began_wall_ms, .purses = x->purses };

	if (x->conduit == NULL)
		bound_all(x);
	else
		bound_passed(x);
	charge_all(x);
	if (x->unpriced != NULL && has_ceiling(x) && x->config->settings.budget_strict) {
		x->error = unpriced_error(x);
		limits_undo(&x->limits, x->worker->board);
		return (STEP_ERROR);
	}
	need.n = x->n_purses;
	need.bound = x->bound;
	need.floor = x->floor;
	need.who = (struct running_who){ .key_digest = c->digest, .user_id = c->user_id, .team_id = c->team_id, .organization_id = c->organization_id,
		.project_id = c->standing[SCOPE_PROJECT] != NULL ? c->standing[SCOPE_PROJECT]->id : TEXT(""), .model_group = x->model,
		.call_type = text_of(call_type(x)), .customer = c->customer };
	x->reservation.ready = ready;
	x->reservation.end = budget_reserve(&x->reservation, x->worker->budgets, &need);
	return (reserved(x));
}

/* Whose call is counted, charged and has a row: what asks a model to answer, and what passes through to a vendor. */
bool
is_model_call(const struct exchange *x)
{
	if (x->conduit != NULL)
		return (true);
	return (x->surface != NULL && x->surface->answer == NULL && (x->surface->want == WANT_ANSWER || x->surface->want == WANT_COMPACT));
}

static struct error *
limit_error(struct exchange *x)
{
	struct error *e = error_new(x->arena, E_LIMITED, TEXT_FMT " Call id: %s", TEXT_ARG(limits_sentence(x->arena, &x->limits)), x->id);

	e->code = TEXT("429");
	return (e);
}

/* Hosts that share a window have spoken, or their memcached is silent. */
static void
limits_ready(struct limits *l)
{
	exchange_walk((struct exchange *)((char *)l - offsetof(struct exchange, limits)));
}

static enum step_result
reserve_limits(struct exchange *x)
{
	const struct limits_rule rule = limits_rule(&x->config->settings);

	x->asks_limits = false;
	switch (limits_take(&x->limits, x->worker->board, x->worker->chunks, &rule)) {
	case LIMITS_ASK:
		x->asks_limits = true;
		limits_ask(&x->limits, x->worker->chunks, limits_ready);
		return (STEP_WAIT);
	case LIMITS_REFUSED:
		x->error = limit_error(x);
		return (STEP_ERROR);
	case LIMITS_TAKEN:
		break;
	}
	return (reserve_money(x));
}

enum step_result
reserve_more(struct exchange *x)
{
	if (x->left) {
		x->end = END_LEFT;
		return (STEP_DONE);		/* settle gives back what was taken */
	}
	return (x->asks_limits ? reserve_limits(x) : reserved(x));
}

/* About four bytes are a token. */
enum step_result
reserve(struct exchange *x)
{
	const struct limits_rule rule = limits_rule(&x->config->settings);

	if (!is_model_call(x))
		return (STEP_GO);
	if (!spool_has_room(x->worker->spool, running_all(x->worker->running) + 1)) {
		x->error = error_new(x->arena, E_BUSY, "The gateway has no room to book this call; try again soon.");
		return (STEP_ERROR);
	}
	limits_of(&x->limits, x->arena, &rule, x->caller, x->model, (int64_t)(x->glance.body.len + 3) / 4,
	    x->front->wire == WIRE_EMBEDDINGS ? 0 : x->glance.max_tokens > 0 ? x->glance.max_tokens : -1);
	return (reserve_limits(x));
}
