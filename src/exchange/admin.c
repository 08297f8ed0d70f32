/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The management API's way: the call is copied into an errand, run beside the loop, and its answer told.
 *
 * What was changed counts no more on this host before the caller hears of it, also when the caller has left meanwhile.
 */
#include "exchange/exchange.h"

#include "access/access.h"
#include "admin/admin.h"
#include "base/clock.h"

#include <stdlib.h>

#define CHANGED_BY_MOST	256

struct admin_errand {
	struct errand	 errand;
	struct worker	*worker;
	struct exchange	*x;			/* NULL: it is over */
	struct config	*config;
	struct store_pool *pool;
	struct caller	 caller;
	struct admin_call call;
	struct error	*error;
	bool		 done;
};

static void
errand_free(struct admin_errand *e)
{
	buf_free(&e->call.out);
	config_release(e->call.made);
	config_release(e->call.trial);
	config_release(e->config);
	arena_free(e->call.arena);
	free(e);
}

static void
admin_work(struct errand *errand)
{
	struct admin_errand *e = (struct admin_errand *)errand;

	e->error = admin_run(&e->call, e->pool);
}

static void
admin_done(struct errand *errand)
{
	struct admin_errand *e = (struct admin_errand *)errand;

	worker_changed(e->worker, e->call.changed, e->call.made);
	e->call.made = NULL;
	e->done = true;
	if (e->x == NULL)
		errand_free(e);
	else
		exchange_walk(e->x);
}

static void
admin_drop(struct errand *errand)
{
	errand_free((struct admin_errand *)errand);
}

void
admin_forget(struct exchange *x)
{
	struct admin_errand *e = x->admin;

	x->admin = NULL;
	if (e == NULL)
		return;
	e->x = NULL;
	if (e->done)
		errand_free(e);
}

/* sending */

struct error *
admin_send(struct exchange *x, const struct admin_row *row, const struct caller *caller, struct text sent, struct text by)
{
	struct worker *w = x->worker;
	struct admin_errand *e = must_zalloc(sizeof(*e));
	struct admin_call *c = &e->call;

	e->errand = (struct errand){ .work = admin_work, .done = admin_done, .drop = admin_drop };
	e->worker = w;
	e->x = x;
	e->config = config_hold(x->config);
	e->pool = w->store_pool;
	c->arena = arena_new();
	c->config = e->config;
	c->row = row;
	c->id[0] = arena_copy(c->arena, x->admin_ids[0]);
	c->id[1] = arena_copy(c->arena, x->admin_ids[1]);
	c->query = arena_copy(c->arena, x->request->query);
	c->sent = arena_copy(c->arena, text_sub(sent, 0, ADMIN_BODY_MOST + 1));
	c->person = x->person != NULL && !x->person->by_token ? arena_copy(c->arena, x->person->name) : TEXT("");
	c->now_ms = clock_wall_ms();
	c->can_probe = true;
	caller_copy(&e->caller, c->arena, caller);
	c->caller = &e->caller;
	c->changed_by = arena_copy(c->arena, by);
	x->admin = e;
	if (lane_send(w->admin_lane, &e->errand))
		return (NULL);
	x->admin = NULL;
	errand_free(e);
	return (error_new(x->arena, E_BUSY, "The gateway has too many calls of its database under way; try again soon."));
}

bool
admin_is_done(const struct exchange *x)
{
	return (x->admin->done);
}

/* The error dies with the errand: what is told of it is copied. */
static struct error *
copied(struct exchange *x, const struct error *e)
{
	struct error *copy = arena_new_of(x->arena, struct error);

	*copy = *e;
	copy->message = arena_copy(x->arena, e->message);
	copy->type = arena_copy(x->arena, e->type);
	copy->code = arena_copy(x->arena, e->code);
	copy->param = arena_copy(x->arena, e->param);
	return (copy);
}

/* The configuration of a trial becomes the exchange's; of its own one the deployment may be gone meanwhile. */
static enum step_result
probe(struct exchange *x, struct admin_call *call)
{
	struct config *trial = call->trial;
	const struct deployment *d = config_deployment(trial != NULL ? trial : x->config, call->probe);

	call->trial = NULL;
	if (d != NULL)
		return (probe_begin(x, d, trial, false));
	config_release(trial);
	x->error = error_new(x->arena, E_NOT_FOUND, "Model id = " TEXT_FMT " not found on litellm proxy", TEXT_ARG(call->probe));
	return (STEP_ERROR);
}

struct error *
admin_error(struct exchange *x)
{
	return (x->admin->error != NULL ? copied(x, x->admin->error) : NULL);
}

/* Who stands behind a change: whom an admin's key says, the caller, or the caller's key. */
static struct text
changed_by(const struct exchange *x)
{
	const struct text by = request_header(x->request, "litellm-changed-by");

	if (x->caller->role == USER_ADMIN && by.len > 0 && by.len <= CHANGED_BY_MOST)
		return (by);
	return (x->caller->user_id.len > 0 ? x->caller->user_id : x->caller->digest);
}

enum step_result
local_admin(struct exchange *x)
{
	if (x->admin == NULL) {
		x->error = admin_send(x, x->admin_row, x->caller, x->request->body, changed_by(x));
		return (x->error != NULL ? STEP_ERROR : STEP_WAIT);
	}
	if (!admin_is_done(x))
		return (STEP_WAIT);
	if ((x->error = admin_error(x)) != NULL)
		return (STEP_ERROR);
	if (x->admin->call.probe.len > 0)
		return (probe(x, &x->admin->call));
	answer_whole(x, x->admin->call.status, front_media(x->front), buf_as_text(&x->admin->call.out));
	return (STEP_DONE);
}

bool
admin_path(struct exchange *x, struct found *f, bool *found)
{
	struct text allow = TEXT("");
	struct surface *s;

	x->admin_row = admin_find(x->admin_ids, &allow, x->arena, x->request->method, x->request->path);
	*found = x->admin_row != NULL;
	if (!*found && allow.len == 0)
		return (false);
	*f = (struct found){ .rest = TEXT(""), .model = TEXT(""), .id = TEXT(""), .path_known = true, .allow = allow.at };
	if (!*found)
		return (true);
	s = arena_new_of(x->arena, struct surface);
	*s = (struct surface){ .path = x->admin_row->path, .methods = x->admin_row->method, .counter = COUNT_REQUESTS_OTHER, .answer = local_admin,
		.front = text_starts(text_of(x->admin_row->path), TEXT("/scim/")) ? &front_scim : &front_chat };
	f->surface = s;
	return (true);
}
