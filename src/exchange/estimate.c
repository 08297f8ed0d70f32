/* SPDX-License-Identifier: Apache-2.0 */
/* LiteLLM's /spend/calculate and /cost/estimate: what a call cost, or would cost. */
#include "exchange/exchange.h"

#include <stdio.h>

#define TIMES_MOST	INT64_C(1000000000)
#define TOKENS_MOST	INT64_C(1000000000000)

static enum step_result
refuse(struct exchange *x, const char *param, struct error *e)
{
	x->error = error_param(e, param);
	return (STEP_ERROR);
}

static enum step_result
say(struct exchange *x, struct buf *body)
{
	answer_whole(x, 200, "application/json", buf_as_text(body));
	buf_free(body);
	return (STEP_DONE);
}

static bool
is_object(struct text body)
{
	struct json_fault fault;
	enum json_type type;
	size_t n;

	return (json_scan(body, &type, NULL, 0, &n, &fault) && type == JSON_OBJECT);
}

static struct text
text_member(struct exchange *x, struct text object, const char *name)
{
	struct json_item item;

	return (json_find(object, name, &item) && item.type == JSON_STRING ? json_unescape(x->arena, json_inside(item.raw)) : TEXT(""));
}

/* A model of ours by the name its clients use, else one that is known by that name. */
static const struct tariff *
tariff_for(struct exchange *x, struct text model, const char **provider)
{
	struct capture captured;
	const struct group *g = config_group(x->config, model, &captured);
	const struct tariff *t;

	*provider = NULL;
	if (g != NULL && g->n_deployments > 0) {
		const struct deployment *d = g->deployments[0];

		*provider = d->vendor->prefix;
		t = config_tariff(x->arena, x->config, d, deployment_model(x->arena, d, model, &captured));
		if (t != NULL)
			return (t);
	}
	return (config_tariff_named(x->arena, x->config, NULL, model));
}

static enum step_result
not_priced(struct exchange *x, struct text model)
{
	return (refuse(x, "model", error_new(x->arena, E_BAD_REQUEST, "The price of model '" TEXT_FMT "' is not known.", TEXT_ARG(text_sub(model, 0, 200)))));
}

/* What an answer says of its tokens, in whatever dialect; false: nothing. */
static bool
usage_of_answer(struct exchange *x, struct usage *u, struct text answer)
{
	const struct provider *p = provider_of_answer(answer);
	struct relay *r = arena_new_of(x->arena, struct relay);
	struct edits unused = { 0 };
	struct json_item said;

	r->arena = x->arena;
	r->model = QUOTED("");
	if (p != NULL && p->relay_answer(r, answer, &unused) != PASS_ERROR && r->seen.usage_said) {
		*u = r->seen.usage;
		return (true);
	}
	return (json_find(answer, "usage", &said) && said.type == JSON_OBJECT && usage_read(u, said.raw));
}

/* POST {"model", "messages"}: its prompt; {"completion_response"}: all of it. */
enum step_result
local_spend_calculate(struct exchange *x)
{
	struct text body = x->request->body, model;
	struct counting *c = arena_new_of(x->arena, struct counting);
	struct usage u = USAGE_UNSAID;
	const struct tariff *t;
	struct json_item answer;
	const char *provider;
	struct buf out = { 0 };

	if (!is_object(body))
		return (refuse(x, NULL, error_new(x->arena, E_BAD_REQUEST, "The body is not a JSON object.")));
	model = text_member(x, body, "model");
	if (json_find(body, "completion_response", &answer) && answer.type == JSON_OBJECT) {
		if (!usage_of_answer(x, &u, answer.raw))
			return (refuse(x, "completion_response", error_new(x->arena, E_BAD_REQUEST, "completion_response says no usage.")));
		model = model.len > 0 ? model : text_member(x, answer.raw, "model");
	} else {
		if ((x->error = counter_read(c, x->arena, body)) != NULL)
			return (STEP_ERROR);
		model = c->model;
		u.prompt = counter_estimate(c);
	}
	t = tariff_for(x, model, &provider);
	if (t == NULL)
		return (not_priced(x, model));
	buf_lit(&out, "{\"cost\":");
	money_print(&out, price_call(t, &u, 0, NULL));
	buf_byte(&out, '}');
	return (say(x, &out));
}

/* false: it is there, and no whole number that makes sense */
static bool
number_member(struct text body, const char *name, int64_t most, bool needed, int64_t *n)
{
	struct json_item item;

	*n = -1;
	if (!json_find(body, name, &item) || item.type == JSON_NULL)
		return (!needed);
	return (item.type == JSON_NUMBER && json_to_i64(item.raw, n) && *n >= 0 && *n <= most);
}

static void
put_money(struct json_out *o, const char *name, bool known, int64_t nano)
{
	json_name(o, name);
	if (known)
		money_json(o, nano);
	else
		json_null(o);
}

static void
put_number(struct json_out *o, const char *name, int64_t n)
{
	json_name(o, name);
	if (n < 0)
		json_null(o);
	else
		json_int(o, n);
}

static void
put_rate(struct json_out *o, const char *name, int64_t pico)
{
	json_name(o, name);
	if (pico < 0) {
		json_null(o);
		return;
	}
	price_print(o->to, pico);
	o->comma = true;
}

static int64_t
times(int64_t nano, int64_t n)
{
	int64_t product;

	return (n < 0 ? 0 : __builtin_mul_overflow(nano, n, &product) ? INT64_MAX : product);
}

struct forecast {
	int64_t		 in, out, day, month;	/* tokens of a call, calls */
	struct price_break price;
};

static void
put_span(struct json_out *o, const struct forecast *f, const char *name, int64_t calls)
{
	const struct { const char *name; int64_t nano; } rows[] = {
		{ "cost", f->price.total }, { "input_cost", f->price.input }, { "output_cost", f->price.output }, { "margin_cost", f->price.margin },
	};
	char full[40];

	for (size_t i = 0; i < nitems(rows); i++) {
		snprintf(full, sizeof(full), "%s_%s", name, rows[i].name);
		put_money(o, full, calls >= 0, times(rows[i].nano, calls));
	}
}

static void
put_forecast(struct buf *out, const struct forecast *f, struct text model, const char *provider, const struct tariff *t)
{
	struct json_out o = { .to = out };

	json_open(&o, '{');
	json_name(&o, "model");
	json_string(&o, model);
	put_number(&o, "input_tokens", f->in);
	put_number(&o, "output_tokens", f->out);
	put_number(&o, "num_requests_per_day", f->day);
	put_number(&o, "num_requests_per_month", f->month);
	put_money(&o, "cost_per_request", true, f->price.total);
	put_money(&o, "input_cost_per_request", true, f->price.input);
	put_money(&o, "output_cost_per_request", true, f->price.output);
	put_money(&o, "margin_cost_per_request", true, f->price.margin);
	put_span(&o, f, "daily", f->day);
	put_span(&o, f, "monthly", f->month);
	put_rate(&o, "input_cost_per_token", tariff_base(t, RATE_INPUT));
	put_rate(&o, "output_cost_per_token", tariff_base(t, RATE_OUTPUT));
	json_name(&o, "provider");
	if (provider != NULL)
		json_string(&o, text_of(provider));
	else
		json_null(&o);
	json_close(&o, '}');
}

enum step_result
local_cost_estimate(struct exchange *x)
{
	struct text body = x->request->body, model;
	struct usage u = USAGE_UNSAID;
	const struct tariff *t;
	const char *provider;
	struct buf out = { 0 };
	struct forecast f;
	const struct { const char *name; int64_t most; bool needed; int64_t *n; } rows[] = {
		{ "input_tokens", TOKENS_MOST, true, &f.in }, { "output_tokens", TOKENS_MOST, true, &f.out },
		{ "num_requests_per_day", TIMES_MOST, false, &f.day }, { "num_requests_per_month", TIMES_MOST, false, &f.month },
	};

	if (!is_object(body))
		return (refuse(x, NULL, error_new(x->arena, E_BAD_REQUEST, "The body is not a JSON object.")));
	model = text_member(x, body, "model");
	if (model.len == 0)
		return (refuse(x, "model", error_new(x->arena, E_BAD_REQUEST, "model: Field required")));
	for (size_t i = 0; i < nitems(rows); i++)
		if (!number_member(body, rows[i].name, rows[i].most, rows[i].needed, rows[i].n))
			return (refuse(x, rows[i].name, error_new(x->arena, E_BAD_REQUEST, "%s: should be a whole number from 0 to %lld", rows[i].name,
			    (long long)rows[i].most)));
	t = tariff_for(x, model, &provider);
	if (t == NULL)
		return (not_priced(x, model));
	u.prompt = f.in;
	u.completion = f.out;
	price_call(t, &u, 0, &f.price);
	put_forecast(&out, &f, model, provider, t);
	return (say(x, &out));
}
