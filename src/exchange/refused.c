/* SPDX-License-Identifier: Apache-2.0 */
/* Refusals for money and rates, in words for people and in those that scripts written for LiteLLM look for. */
#include "exchange/exchange.h"

#include "base/span.h"

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
	[SCOPE_EMPLOYEE] = { "User", "User", true, "/organization/member_update" },
	[SCOPE_CUSTOMER] = { "End user", "End User", true, "/customer/update" },
	[SCOPE_AGENT] = { "Agent", "Agent", false, "/v1/agents" },
	[SCOPE_SESSION] = { "Session", "Session", false, "max_budget_per_session" },
	[SCOPE_TAG] = { "Tag", "Tag", false, "/tag/update" },
	[SCOPE_PROVIDER] = { "Provider", "Provider", false, "router_settings.provider_budget_config" },
	[SCOPE_DEPLOYMENT] = { "Deployment", "Deployment", false, "litellm_params.max_budget" },
	[SCOPE_PROXY] = { "Gateway", "Proxy", false, "litellm_settings.max_budget" },
};

static const char *
raised_at(const struct standing *s, const struct purse *p)
{
	return (words[text_starts(p->part, TEXT("organization:")) ? SCOPE_EMPLOYEE : s->scope].raise);
}

/* By its name where it has one: a key's id is a digest. */
static struct text
name_of(const struct standing *s)
{
	return (text_sub(s->alias.len > 0 ? s->alias : s->id, 0, 128));
}

/* A member of a team as people would say it. */
static void
say_name(struct buf *b, const struct exchange *x, const struct standing *s)
{
	const struct standing *team = x->caller->standing[SCOPE_TEAM];

	buf_print(b, "%s ", words[s->scope].title);
	if (s->scope == SCOPE_MEMBER && team != NULL)
		buf_print(b, TEXT_FMT " of team " TEXT_FMT, TEXT_ARG(text_sub(x->caller->user_id, 0, 128)), TEXT_ARG(name_of(team)));
	else if (s->scope == SCOPE_SESSION)
		buf_text(b, x->caller->session);
	else
		buf_text(b, name_of(s));
}

const struct standing *
purse_owner(const struct exchange *x, const struct purse *p)
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
	else if (text_is(kind, "organization"))
		buf_print(b, " as a member of organization " TEXT_FMT, TEXT_ARG(rest));
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
say_as_router(struct buf *b, struct exchange *x, const struct standing *s, bool hidden)
{
	if (s->scope == SCOPE_PROVIDER)
		buf_print(b, "No deployments available - crossed budget for provider: Exceeded budget for provider " TEXT_FMT, TEXT_ARG(name_of(s)));
	else
		buf_print(b, "No deployments available - crossed budget: Exceeded budget for deployment model_name: " TEXT_FMT ", litellm_params.model: " TEXT_FMT
		    ", model_id: " TEXT_FMT, TEXT_ARG(text_sub(x->deployment->group, 0, 128)), TEXT_ARG(text_sub(x->deployment->litellm_model, 0, 128)),
		    TEXT_ARG(name_of(s)));
	if (hidden)
		return;
	buf_lit(b, ": ");
	money_print(b, x->reservation.spent);
	buf_lit(b, " >= ");
	money_print(b, x->reservation.limit);
}

/* Entities by their ids; a key, whose id is a digest, by its name if it has one. */
static void
say_who(struct buf *b, const struct exchange *x, const struct standing *s)
{
	struct text id = s->scope == SCOPE_KEY ? name_of(s) : s->scope == SCOPE_MEMBER ? x->caller->user_id : text_sub(s->id, 0, 128);

	buf_print(b, "%s=" TEXT_FMT, words[s->scope].litellm, TEXT_ARG(id));
	if (s->scope == SCOPE_MEMBER)
		buf_print(b, " in Team=" TEXT_FMT, TEXT_ARG(x->caller->team_id));
}

static void
say_amount(struct buf *b, const char *before, int64_t nano, bool hidden)
{
	buf_print(b, "%s", before);
	if (hidden)
		buf_lit(b, "hidden");
	else
		money_print(b, nano);
}

static void
say_as_litellm(struct buf *b, struct exchange *x, const struct standing *s, bool hidden)
{
	const struct reservation *r = &x->reservation;
	bool exceeded = words[s->scope].exceeded;
	struct text kind, rest;

	(void)text_cut(r->which->part, ':', &kind, &rest);
	if (s->scope == SCOPE_SESSION) {
		buf_print(b, "Session budget exceeded for session " TEXT_FMT ". ", TEXT_ARG(x->caller->session));
		say_amount(b, "Current spend: $", r->spent, hidden);
		say_amount(b, ", max_budget_per_session: $", r->limit, hidden);
	} else if (s->scope == SCOPE_PROVIDER || s->scope == SCOPE_DEPLOYMENT)
		say_as_router(b, x, s, hidden);
	else if (text_is(kind, "model") && s->scope == SCOPE_KEY)
		buf_print(b, "LiteLLM Virtual Key: " TEXT_FMT ", key_alias: " TEXT_FMT ", exceeded budget for model=" TEXT_FMT, TEXT_ARG(text_sub(s->id, 0, 128)),
		    TEXT_ARG(s->alias.len > 0 ? text_sub(s->alias, 0, 128) : TEXT("None")), TEXT_ARG(rest));
	else if (text_is(kind, "model"))
		buf_print(b, "LiteLLM %s: " TEXT_FMT ", exceeded budget for model=" TEXT_FMT, words[s->scope].litellm, TEXT_ARG(text_sub(s->id, 0, 128)),
		    TEXT_ARG(rest));
	else if (text_is(kind, "window")) {
		buf_print(b, "ExceededBudget: %s over " TEXT_FMT " budget. ", words[s->scope].litellm, TEXT_ARG(rest));
		say_amount(b, "Spend=$", r->spent, hidden);
		say_amount(b, ", Limit=$", r->limit, hidden);
	} else {
		buf_print(b, "%s ", exceeded ? "ExceededBudget:" : "Budget has been exceeded!");
		say_who(b, x, s);
		say_amount(b, exceeded ? " over budget. Spend=" : " Current cost: ", r->spent, hidden);
		say_amount(b, exceeded ? ", Budget=" : ", Max budget: ", r->limit, hidden);
	}
}

static void
say_spent(struct buf *b, struct exchange *x, const struct standing *s)
{
	const struct reservation *r = &x->reservation;
	bool hidden = x->config->settings.budget_amounts_hidden;

	say_as_litellm(b, x, s, hidden);
	buf_lit(b, ". ");
	say_name(b, x, s);
	buf_lit(b, " has spent ");
	if (hidden)
		buf_lit(b, "its budget");
	else {
		money_print_dollars(b, r->spent);
		buf_lit(b, " of ");
		money_print_dollars(b, r->limit);
	}
	say_what_for(b, r->which);
	if (x->broke)
		buf_lit(b, ", and this answer, which ends here, used what was left");
	else if (!hidden && r->spent < r->limit) {
		buf_lit(b, ", and this call may cost up to ");
		money_print_dollars(b, x->bound);
	}
	buf_lit(b, "; ");
	say_when(b, r->which);
	buf_print(b, "; %s%shave an administrator raise it (%s). Call id: %s", r->which->resets_at == 0 ? "" : "wait for that, ",
	    r->spent < r->limit && !x->broke ? "lower max_tokens, or " : r->which->resets_at == 0 ? "" : "or ",
	    raised_at(s, r->which), x->id);
}

struct error *
refused_spent(struct exchange *x)
{
	const struct standing *s = purse_owner(x, x->reservation.which);
	struct error *e = error_new(x->arena, E_BUDGET, "%s", "");
	struct buf b = { 0 };

	if (s != NULL)
		say_spent(&b, x, s);
	else
		buf_print(&b, "Budget has been exceeded! Call id: %s", x->id);
	e->message = arena_copy(x->arena, buf_as_text(&b));
	e->status = (int)x->config->settings.budget_status;
	e->code = arena_print(x->arena, "%d", e->status);
	e->useless_to_retry = true;
	buf_free(&b);
	return (e);
}

/* "…: $3.20 of $20.00 is spent; resets 1 Dec 00:00 KST". */
static void
say_rest(struct buf *b, const struct exchange *x)
{
	const struct reservation *r = &x->reservation;

	buf_lit(b, ": ");
	if (!x->config->settings.budget_amounts_hidden) {
		money_print_dollars(b, r->spent);
		buf_lit(b, " of ");
		money_print_dollars(b, r->limit);
		buf_lit(b, " is spent; ");
	}
	say_when(b, r->which);
}

static void
say_held(struct buf *b, const struct exchange *x, const struct standing *s)
{
	buf_lit(b, "The rest of the budget");
	if (s != NULL) {
		buf_lit(b, " of ");
		say_name(b, x, s);
		say_what_for(b, x->reservation.which);
	}
	buf_print(b, " is reserved by running calls%s", x->broke ? ", so this answer ends here" : "");
	if (s != NULL)
		say_rest(b, x);
	buf_lit(b, "; try again when some are over");
	if (s != NULL)
		buf_print(b, ", or have an administrator raise it (%s)", raised_at(s, x->reservation.which));
	buf_print(b, ". Call id: %s", x->id);
}

struct error *
refused_held(struct exchange *x)
{
	struct error *e = error_new(x->arena, E_LIMITED, "%s", "");
	struct buf b = { 0 };

	say_held(&b, x, purse_owner(x, x->reservation.which));
	e->message = arena_copy(x->arena, buf_as_text(&b));
	buf_free(&b);
	e->type = TEXT("budget_exceeded");
	e->retry_after_ms = 1000;
	return (e);
}

/* Whoever asks an administrator about it tells which call it was. */
struct error *
refused_access(struct exchange *x, struct error *e)
{
	bool ends = e->message.len > 0 && e->message.at[e->message.len - 1] == '.';

	e->message = arena_print(x->arena, TEXT_FMT "%s Call id: %s", TEXT_ARG(e->message), ends ? "" : ".", x->id);
	return (e);
}

struct error *
refused_unpriced(struct exchange *x)
{
	struct text model = x->conduit != NULL ? x->model : x->unpriced->group;

	return (error_new(x->arena, E_FORBIDDEN, "Model '" TEXT_FMT "' has no price, and a budget stands behind this key, so its spending could not be held. "
	    "An administrator can set input_cost_per_token and output_cost_per_token for it (0 if it is free), or sluice.budget_mode: litellm. Call id: %s",
	    TEXT_ARG(text_sub(model, 0, 200)), x->id));
}

struct error *
refused_full(struct exchange *x, int64_t wait_ms)
{
	struct error *e = error_new(x->arena, E_LIMITED, "No deployments available for selected model, Try again in %lld seconds. Passed model=" TEXT_FMT
	    ". Each deployment of it that is left is at a limit of its own (rpm, tpm, max_parallel_requests, or a budget). Call id: %s",
	    (long long)((wait_ms + 999) / 1000), TEXT_ARG(text_sub(x->model, 0, 200)), x->id);

	e->code = TEXT("429");
	e->retry_after_ms = wait_ms;
	return (e);
}

struct error *
refused_limit(struct exchange *x)
{
	struct error *e = error_new(x->arena, E_LIMITED, TEXT_FMT " Call id: %s", TEXT_ARG(limits_sentence(x->arena, &x->limits)), x->id);

	e->code = TEXT("429");
	return (e);
}
