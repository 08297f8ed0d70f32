/* SPDX-License-Identifier: Apache-2.0 */
/* admit: may they call that model so; for whom, under which tags. */
#include "exchange/exchange.h"

#include "access/admit.h"
#include "access/said.h"
#include "base/clock.h"

#define FALLBACKS_MOST	16

/* A name, or LiteLLM's {"model": name, …}. */
static struct text
fallback_in(struct exchange *x, const struct json_item *one)
{
	struct json_item model = *one;

	if (one->type == JSON_OBJECT && !json_find(one->raw, "model", &model))
		return (TEXT(""));
	return (model.type == JSON_STRING ? json_unescape(x->arena, json_inside(model.raw)) : TEXT(""));
}

/* Models the client would fall back to: our fallbacks, or those of an upstream that a body passes to. */
static unsigned
fallbacks(struct exchange *x, struct text list[FALLBACKS_MOST + 1])
{
	const struct json_spot *spot = glance_member(&x->glance, "fallbacks");
	struct text named = spot != NULL && spot->type == JSON_ARRAY ? json_spot_value(x->glance.body, spot) : x->pass_models;
	struct json_item one;
	struct json_walk w;
	unsigned n = 0;

	if (named.len == 0)
		return (0);
	w = json_walk(named);
	while (n <= FALLBACKS_MOST && json_next(&w, &one))
		if ((list[n] = fallback_in(x, &one)).len > 0)
			n++;
	return (n);			/* one more than may be: the rest was not looked at */
}

/* Everybody else whose rules and money are concerned.  What passes goes to one provider; who else is asked is chosen later (room.c). */
static enum find_end
find_all(struct exchange *x, struct finding *f)
{
	const struct deployment *to = x->conduit != NULL ? x->conduit->to : NULL;
	enum find_end end;

	if ((end = find_team(x->caller, f, x->model)) != FOUND || (end = find_more(x->caller, f)) != FOUND || to == NULL || to->vendor == NULL)
		return (end);
	return (find_provider(&x->caller->standing[SCOPE_PROVIDER], f, text_of(to->vendor->prefix)));
}

struct text
model_charged(const struct exchange *x)
{
	const struct group *g = x->plan.first;

	return (g != NULL && g->team.len > 0 ? g->team_name : x->model);
}

static struct error *
check(struct exchange *x)
{
	struct text others[FALLBACKS_MOST + 1];
	struct admission a = { .config = x->config, .model = x->model, .fallbacks = others, .now_ms = clock_wall_ms() };
	struct error *e;

	a.n_fallbacks = fallbacks(x, others);
	if (a.n_fallbacks > FALLBACKS_MOST)
		return (refused_access(x, error_new(x->arena, E_BAD_REQUEST, "This names more than %d models to fall back to.", FALLBACKS_MOST)));
	if ((e = admit(x->arena, x->caller, &a)) != NULL)
		return (refused_in_turn(x, a.due, refused_access(x, e)));
	if (x->conduit == NULL && (e = admit_params(x->arena, x->caller, &x->config->settings, x->glance.body)) != NULL)
		return (refused_in_turn(x, BILL_LEVELS, refused_access(x, e)));
	if ((e = admit_route(x->arena, x->caller, x->request->path)) != NULL)
		return (refused_in_turn(x, BILL_PROXY, refused_access(x, e)));
	return (NULL);
}

enum step_result
admit_known(struct exchange *x)
{
	struct finding f = exchange_finding(x);

	if (x->left) {
		lookup_forget(&x->lookup);
		x->end = END_LEFT;
		return (STEP_DONE);
	}
	switch (find_all(x, &f)) {
	case FOUND_WAIT:
		return (STEP_WAIT);
	case FOUND_ERROR:
		x->error = f.error;
		return (STEP_ERROR);
	case FOUND:
		break;
	}
	if ((x->error = check(x)) != NULL)
		return (STEP_ERROR);
	x->model_said = x->model;
	x->model = admit_model(x->caller, x->config, x->model);
	return (STEP_GO);
}

enum step_result
admit_begin(struct exchange *x)
{
	struct said said = { .settings = &x->config->settings, .request = x->request, .session = x->session, .body = x->glance.body, .top = x->glance.top,
		.n_top = x->glance.n_top };

	if ((x->error = said_read(x->caller, x->arena, &said)) != NULL)
		return (STEP_ERROR);
	x->session = x->caller->session;
	return (admit_known(x));
}
