/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stored responses: whose they are, which deployment has them, and what a client hears of those that are not there.
 *
 * The gateway keeps nothing: the id that a client has says it all (access/seal.h).  What belongs to another key is not found, as what never was.
 */
#include "exchange/exchange.h"

#include "access/access.h"

#define ID_SHOWN	200		/* bytes of a client's id in an error */
#define QUERY_MOST	2048

void
stored_begin(struct exchange *x)
{
	const struct settings *s = &x->config->settings;

	/* A regenerated key's ids stay its own, so its digest of today counts; the master key, and a person, by what they show. */
	seal_key_make(&x->seal_key, s->salt_key.len > 0 ? s->salt_key : s->instance, x->caller->digest.len > 0 ? x->caller->digest : access_key(s, x->request));
}

/* The form an id of this exchange takes; `store: false` is known to leave nothing behind. */
struct quoted
stored_seal(void *self, struct text vendor_id)
{
	struct exchange *x = self;
	struct text id = seal(x->arena, &x->seal_key, &(struct sealed){ x->deployment->mark, !x->glance.unstored, vendor_id });

	return ((struct quoted){ id.at, id.len });
}

struct text
stored_nowhere(struct exchange *x)
{
	return (seal(x->arena, &x->seal_key, &(struct sealed){ x->deployment->mark, false, text_of(x->id) }));
}

/* What a client hears */

static struct text
id_of(const struct exchange *x)
{
	return (text_sub(x->path_id.len > 0 ? x->path_id : x->glance.previous_response_id, 0, ID_SHOWN));
}

/* In OpenAI's words: 404 where a response is asked for, 400 where one is to be gone on from. */
static struct error *
missing(struct exchange *x, const char *why)
{
	struct error *e;

	if (x->surface->want == WANT_STORED) {
		e = error_new(x->arena, E_NOT_FOUND, "Response with id '" TEXT_FMT "' not found%s.", TEXT_ARG(id_of(x)), why);
		return (e);
	}
	e = error_new(x->arena, E_BAD_REQUEST, "Previous response with id '" TEXT_FMT "' not found%s.", TEXT_ARG(id_of(x)), why);
	e->code = TEXT("previous_response_not_found");
	return (error_param(e, "previous_response_id"));
}

struct error *
stored_not_there(struct exchange *x)
{
	return (missing(x, ": it was not stored, because 'store' was false or this model's upstream keeps none; send its items as 'input' instead"));
}

/* What the vendor calls it means nothing to the client, who hears of its own id. */
struct error *
stored_failed(struct exchange *x, struct error *e)
{
	struct text vendor = x->surface->want == WANT_STORED ? x->says.stored : x->glance.goes_on_from;
	bool named = vendor.len > 0 && (text_has(e->detail, vendor) || text_has(e->message, vendor));

	if (e->kind == E_UPSTREAM_NOT_FOUND && (named || x->surface->want == WANT_STORED))
		return (missing(x, ""));
	if (text_is(e->code, "previous_response_not_found"))
		return (missing(x, ""));
	if (named && error_kinds[e->kind].fault == FAULT_CALLER)
		e->message = arena_print(x->arena, "The upstream refused this for response '" TEXT_FMT "'.", TEXT_ARG(id_of(x)));
	return (e);
}

/* Which deployment */

static const struct deployment *
holder(const struct exchange *x, uint64_t mark)
{
	for (size_t i = 0; i < x->config->n_deployments; i++)
		if (x->config->deployments[i]->mark == mark)
			return (x->config->deployments[i]);
	return (NULL);
}

/* The vendor's id, and in x->holder who has it. */
static struct error *
find(struct exchange *x, struct text id, struct text *vendor_id)
{
	struct sealed s;

	if (!seal_open(&s, x->arena, &x->seal_key, id))
		return (missing(x, ""));
	if (!s.stored)
		return (stored_not_there(x));
	x->holder = holder(x, s.deployment);
	if (x->holder == NULL)
		return (missing(x, ": the deployment that holds it is not configured any more"));
	*vendor_id = s.id;
	return (NULL);
}

static bool
says_true(struct text query, const char *name)
{
	struct text part, word, value;

	while (query.len > 0) {
		text_cut(query, '&', &part, &query);
		if (text_cut(part, '=', &word, &value) && text_is(word, name))
			return (text_is(value, "true") || text_is(value, "1"));
	}
	return (false);
}

static bool
is_query(struct text query)
{
	for (size_t i = 0; i < query.len; i++)
		if (query.at[i] <= ' ' || query.at[i] == '#' || (unsigned char)query.at[i] >= 0x7f)
			return (false);
	return (query.len <= QUERY_MOST);
}

/* Might another one be asked for what this one made? */
static bool
is_one_of_several(const struct group *g)
{
	return (g != NULL && (g->n_deployments > 1 || g->n_fallbacks > 0));
}

/* GET and DELETE /v1/responses/{id}, POST …/cancel, GET …/input_items */
enum step_result
stored_read(struct exchange *x)
{
	const struct request *req = x->request;
	struct capture captured;

	x->error = is_query(req->query) ? find(x, x->path_id, &x->stored_id) : error_new(x->arena, E_BAD_REQUEST, "The query is malformed.");
	if (x->error != NULL)
		return (STEP_ERROR);
	x->method = text_is(req->method, "HEAD") ? TEXT("GET") : arena_copy(x->arena, req->method);
	x->query = arena_copy(x->arena, req->query);
	x->model = x->holder->group;
	x->marked = is_one_of_several(config_group(x->config, x->model, &captured));
	x->glance = (struct glance){ .body = TEXT(""), .max_tokens = -1, .usage_asked = true,
		.stream = text_is(x->method, "GET") && says_true(req->query, "stream") };
	return (STEP_GO);
}

static struct error *
pin(struct exchange *x, const struct deployment *d)
{
	if (route_pin(&x->plan, d))
		return (NULL);
	return (missing(x, ": another model holds it than the one asked for"));
}

/* Conversations are the upstream's, and their ids say nothing of whose. */
static struct error *
of_conversation(struct exchange *x)
{
	const struct group *g = x->plan.first;

	if (g->n_deployments != 1)
		return (error_param(error_new(x->arena, E_BAD_REQUEST, "conversation: this model has several deployments, and none can be known to hold it; "
		    "send 'previous_response_id' or the items instead"), "conversation"));
	x->holder = g->deployments[0];
	return (pin(x, x->holder));
}

/* A request that goes on from something goes where that is. */
struct error *
stored_plan(struct exchange *x)
{
	const struct json_spot *conversation = glance_member(&x->glance, "conversation");
	const struct group *g = x->plan.first;
	uint64_t mark;

	x->marked = is_one_of_several(g);
	if (x->glance.previous_response_id.len > 0) {
		x->glance.previous_response_id = arena_copy(x->arena, x->glance.previous_response_id);	/* an error may name it after the body is gone */
		TRY(find(x, x->glance.previous_response_id, &x->glance.goes_on_from));
		return (pin(x, x->holder));
	}
	if (conversation != NULL && conversation->type != JSON_NULL)
		return (of_conversation(x));
	if (x->marked && mark_find(x->glance.body, &mark))
		x->plan.preferred = holder(x, mark);
	return (NULL);
}
