/* SPDX-License-Identifier: Apache-2.0 */
/* identify: which surface is meant, who calls, and may they have it at all. */
#include "exchange/exchange.h"

#include "access/access.h"
#include "access/admit.h"
#include "access/gate.h"
#include "access/guess.h"
#include "access/userinfo.h"
#include "admin/admin.h"
#include "base/clock.h"

#define MAX_CLIENT_ID	128
#define MAX_HEADER	4096
#define AWAIT_US	500000	/* for a change of models to be here; then the old ones do */

static struct text
kept(struct exchange *x, struct text t, size_t most)
{
	return (t.len > 0 ? arena_copy(x->arena, text_sub(t, 0, most)) : TEXT(""));
}

struct text
kept_header(struct exchange *x, const char *name)
{
	return (kept(x, request_header(x->request, name), MAX_HEADER));
}

/* What the exchange keeps of its request after the request's memory is given back. */
static void
keep_names(struct exchange *x)
{
	const struct request *req = x->request;

	x->client_id = kept(x, request_header(req, "x-litellm-call-id"), MAX_CLIENT_ID);
	x->web_id = kept(x, request_param(req, "UNIQUE_ID"), MAX_CLIENT_ID);
	if (x->web_id.len == 0)
		x->web_id = kept(x, request_header(req, "x-request-id"), MAX_CLIENT_ID);
	x->ip = kept(x, gate_address(&x->config->settings, req), MAX_CLIENT_ID);
	x->session = kept(x, request_header(req, "x-litellm-session-id"), MAX_CLIENT_ID);
	if (x->session.len == 0)
		x->session = kept(x, request_header(req, "x-litellm-trace-id"), MAX_CLIENT_ID);
	x->user = kept(x, access_identity(req).user, MAX_CLIENT_ID);
	x->head_only = text_is(req->method, "HEAD");
}

/* the surface */

/* Errors on paths that several dialects share go to whom the headers show. */
static const struct front *
front_for(const struct exchange *x)
{
	if (x->surface != NULL && x->surface->front != NULL)
		return (x->surface->front);
	return (is_anthropic_client(x->request) ? &front_messages : &front_chat);
}

/* What no surface serves is the management API's, or passes through. */
static bool
find_elsewhere(struct exchange *x, struct found *f, bool found)
{
	bool here;

	if (admin_path(x, f, &here))
		return (here);
	return (pass_find(x, f) || found);
}

static struct error *
find_surface(struct exchange *x)
{
	struct found f;
	bool found = surface_find(&f, x->request->path, x->request->query, x->request->method);
	struct error *e;

	if (!found || f.surface->answer == local_later)
		found = find_elsewhere(x, &f, found);
	x->surface = f.surface;
	x->rest = f.rest;
	x->path_model = arena_percent_decode(x->arena, f.model);
	x->path_id = arena_percent_decode(x->arena, f.id);
	x->front = front_for(x);
	x->undated = found && f.undated;
	if (found)
		return (NULL);
	if (!f.path_known)
		return (error_new(x->arena, E_NOT_FOUND, "Not Found"));
	e = error_new(x->arena, E_METHOD, "Method Not Allowed: this path takes %s", f.allow);
	e->param = text_of(f.allow);
	return (e);
}

/* What is open and the gateway's own: health, metrics. */
static bool
is_open_page(const struct exchange *x)
{
	return (x->surface != NULL && x->surface->open && x->conduit == NULL);
}

/* The page of metrics is open to some, to others with a key. */
static bool
wants_key(const struct exchange *x)
{
	return (!x->surface->open || (x->surface->answer == local_metrics && !metrics_are_open(x)));
}

/* Load balancers probe from anywhere. */
static struct error *
check_gate(struct exchange *x)
{
	if (x->surface != NULL && (x->surface->answer == local_alive || x->surface->answer == local_ready))
		return (NULL);
	if (x->worker->shut)
		return (error_new(x->arena, E_STORE_AWAY, "The settings of the database were not read yet, so nobody is let in; try again soon."));
	return (gate_check(x->arena, &x->config->settings, x->ip, is_open_page(x) ? TEXT("") : x->request->path));
}

/* the caller */

/* The lookup is ready: go on. */
static void
looked_up(struct lookup *lookup)
{
	exchange_walk((struct exchange *)((char *)lookup - offsetof(struct exchange, lookup)));
}

struct finding
exchange_finding(struct exchange *x)
{
	x->lookup.ready = looked_up;
	x->lookup.arena = x->arena;
	return ((struct finding){ .arena = x->arena, .config = x->config, .lookups = x->worker->lookups, .lookup = &x->lookup,
		.now_ms = clock_wall_ms() });
}

static enum step_result
refuse(struct exchange *x, struct error *e)
{
	x->error = e->useless_to_retry ? refused_access(x, e) : e;
	return (STEP_ERROR);
}

void
identify_forget(struct exchange *x)
{
	x->awaits = false;
	lookup_forget(&x->lookup);
	waiter_end(&x->keys.on);
}

/* What is answered without a model needs no further look at who asks. */
static enum step_result
known(struct exchange *x)
{
	struct admission a = { .config = x->config, .model = TEXT(""), .now_ms = clock_wall_ms() };
	struct text path = x->request->path;
	struct error *e;

	if ((wants_key(x) || !is_open_page(x)) && x->caller->kind != CALLER_MASTER && x->caller->role != USER_ADMIN &&
	    (e = gate_admin_only(x->arena, &x->config->settings, path)) != NULL)
		return (refuse(x, e));
	if ((e = admit_blocked(x->arena, x->caller)) == NULL && x->surface->answer != NULL && wants_key(x) && (e = admit(x->arena, x->caller, &a)) == NULL)
		e = admit_route(x->arena, x->caller, path);
	if (e == NULL && x->undated) {
		e = error_new(x->arena, E_NOT_FOUND, "Resource not found");
		e->code = TEXT(AZURE_NO_RESOURCE);
	}
	return (e != NULL ? refuse(x, e) : STEP_GO);
}

static enum step_result
known_as_anybody(struct exchange *x)
{
	caller_nobody(x->caller);
	x->caller->kind = CALLER_PUBLIC;
	x->person = NULL;
	return (known(x));
}

static void
keys_came(struct waiter *w)
{
	exchange_walk((struct exchange *)((char *)w - offsetof(struct exchange, keys.on)));
}

/* A token that is none of ours to read: its issuer says whose it is. */
static enum jwks_end
ask_issuer(struct text *claims, const char **why, struct exchange *x, int64_t now_s)
{
	const struct jwt_rules *j = &x->config->jwt;
	enum jwks_end end;

	if (jwks_recall(claims, x->worker->jwks, x->arena, x->key, now_s))
		return (JWKS_GOOD);
	end = userinfo_check(claims, why, x->worker->userinfo, x->arena, j, x->key, &x->keys);
	if (end == JWKS_GOOD)
		jwks_remember(x->worker->jwks, x->key, *claims, now_s + j->userinfo_ttl_ms / 1000);
	return (end);
}

enum token_kind { TOKEN_NONE, TOKEN_SIGNED, TOKEN_OPAQUE };

/* Is the key a program's token? */
static enum token_kind
token_kind(const struct exchange *x)
{
	const struct jwt_rules *j = &x->config->jwt;
	struct text master = x->config->settings.master_key;

	if (x->person != NULL || !j->on || x->key.len == 0)
		return (TOKEN_NONE);
	if (j->n_sources > 0 && jwt_looks_like(x->key))
		return (TOKEN_SIGNED);
	if (j->userinfo.url.len == 0 || text_starts(x->key, TEXT("sk-")) || (master.len > 0 && text_eq_secret(x->key, master)))
		return (TOKEN_NONE);
	return (TOKEN_OPAQUE);
}

/* Then its claims say who that is. */
static enum find_end
read_token(struct exchange *x, struct finding *f)
{
	enum token_kind kind = token_kind(x);
	const char *why = NULL;
	struct text claims;

	if (kind == TOKEN_NONE)
		return (FOUND);
	x->keys.on.ready = keys_came;
	switch (kind == TOKEN_SIGNED ? jwks_check(&claims, &why, x->worker->jwks, x->arena, &x->config->jwt, x->key, f->now_ms / 1000, &x->keys) :
	    ask_issuer(&claims, &why, x, f->now_ms / 1000)) {
	case JWKS_WAIT:
		return (FOUND_WAIT);
	case JWKS_BAD:
		f->error = refusal(x->arena, E_AUTH, "auth_error", "None", "Authentication Error, the token %s.", why);
		return (FOUND_ERROR);
	case JWKS_AWAY:
		f->error = error_new(x->arena, E_STORE_AWAY, "Authentication Error, the token's issuer can not be asked; try again soon.");
		return (FOUND_ERROR);
	case JWKS_GOOD:
		break;
	}
	x->person = arena_new_of(x->arena, struct person);
	f->error = program_read(x->person, x->arena, &x->config->jwt, claims);
	return (f->error != NULL ? FOUND_ERROR : FOUND);
}

static bool
wants_rows(const struct jwt_rules *j)
{
	return (j->makes_users || j->makes_teams || j->joins_teams || j->follows);
}

/* Rows are made once for a token; where they can not be made, it counts without. */
static enum find_end
provide(struct exchange *x)
{
	struct jwks *keys = x->worker->jwks;

	if (x->provided || !wants_rows(&x->config->jwt) || jwks_is_settled(keys, x->key)) {
		x->provided = true;
		return (FOUND);
	}
	switch (exchange_provide(x, false)) {
	case PROVIDED_LATER:
		return (FOUND_WAIT);
	case PROVIDED:
		jwks_settle(keys, x->key);
		break;
	case PROVIDED_NOT:
		break;
	}
	x->provided = true;
	return (FOUND);
}

static enum find_end
find_who(struct exchange *x, struct finding *f)
{
	return (find_person(x->caller, f, x->person, request_header(x->request, "x-litellm-team-id")));
}

static enum find_end	find_program(struct exchange *, struct finding *);

/* A claim that stands for no key: what the operator wants then.  Administrators need none. */
static enum find_end
find_stranger(struct exchange *x, struct finding *f)
{
	if (x->config->jwt.stranger == STRANGER_TEAM || x->person->role == USER_ADMIN)
		return (find_who(x, f));
	if (x->config->jwt.stranger == STRANGER_REJECT || x->registered || x->person->key_claim.len == 0) {
		f->error = refusal(x->arena, E_FORBIDDEN, "auth_error", "None", "The token's claim " TEXT_FMT " stands for no virtual key here. An administrator "
		    "can map it with /jwt/key/mapping/new.", TEXT_ARG(x->config->jwt.key_claim));
		return (FOUND_ERROR);
	}
	switch (exchange_provide(x, true)) {
	case PROVIDED_LATER:
		return (FOUND_WAIT);
	case PROVIDED_NOT:
		f->error = x->provide_error;
		return (FOUND_ERROR);
	case PROVIDED:
		break;
	}
	x->registered = true;
	return (find_program(x, f));
}

static enum find_end
find_program(struct exchange *x, struct finding *f)
{
	enum find_end end = provide(x);
	bool there;

	if (end != FOUND)
		return (end);
	if (x->config->jwt.key_claim.len == 0)
		return (find_who(x, f));
	there = false;
	if (x->person->key_claim.len > 0 && x->admin == NULL && ((end = find_by_claim(x->caller, f, x->person, &there)) != FOUND || there))
		return (end);
	return (find_stranger(x, f));
}

/* Guesses are counted, and from there on not looked up. */
static enum find_end
find_key(struct exchange *x, struct finding *f)
{
	const struct settings *s = &x->config->settings;
	struct board *b = x->worker->board;
	enum find_end end;

	f->no_guess = guess_is_over(b, s, x->ip);
	end = find_caller(x->caller, f, x->key);
	if (end != FOUND_ERROR || !f->guessed)
		return (end);
	if (f->no_guess)
		f->error = guess_refusal(x->arena, b, s);
	else
		guess_add(b, s, x->ip);
	return (end);
}

static enum find_end
find(struct exchange *x, struct finding *f)
{
	enum find_end end = read_token(x, f);

	if (end != FOUND)
		return (end);
	if (x->person == NULL)
		return (find_key(x, f));
	return (x->person->by_token ? find_program(x, f) : find_who(x, f));
}

static enum step_result door(struct exchange *);

/* The models that came are this exchange's: nothing was asked of the old ones yet. */
static enum step_result
awaited(struct exchange *x)
{
	struct worker *w = x->worker;

	if (x->wait.place != 0 && worker_is_behind(w))
		return (STEP_WAIT);
	x->awaits = false;
	timer_stop(w->loop, &x->wait);
	config_release(x->config);
	x->config = config_hold(w->config);
	return (door(x));
}

enum step_result
identify_known(struct exchange *x)
{
	struct finding f = exchange_finding(x);

	if (x->awaits && !x->left)
		return (awaited(x));
	if (x->left) {
		identify_forget(x);
		x->end = END_LEFT;
		return (STEP_DONE);
	}
	switch (find(x, &f)) {
	case FOUND_WAIT:
		return (STEP_WAIT);
	case FOUND_ERROR:
		return (x->open_to_all ? known_as_anybody(x) : refuse(x, f.error));
	case FOUND:
		break;
	}
	return (known(x));
}

/* Who sends no key may be signed in.  A browser sends its session along with whatever another site makes it send: such a request changes nothing here. */
static struct error *
look_for_person(struct exchange *x)
{
	struct person *p;

	if (x->key.len > 0 || !x->config->people.on)
		return (NULL);
	p = arena_new_of(x->arena, struct person);
	person_read(p, &x->config->people, x->request, request_peer_uid(x->stream));
	if (p->name.len == 0)
		return (NULL);
	x->person = p;
	if (is_same_origin(x->request))
		return (NULL);
	return (refusal(x->arena, E_FORBIDDEN, "auth_error", "None", "Who is signed in by the web server can change things only from a page of this gateway; "
	    "send a key instead, or an Origin that is this host."));
}

/* Whoever has a link needs no key; a key that is sent along counts for nothing. */
static bool
is_guest(const struct exchange *x)
{
	return (x->admin_row != NULL && x->admin_row->role == ROLE_GUEST);
}

/* Each use of a link counts: they are few. */
static struct error *
guess_link(struct exchange *x)
{
	const struct settings *s = &x->config->settings;

	if (guess_is_over(x->worker->board, s, x->ip))
		return (guess_refusal(x->arena, x->worker->board, s));
	guess_add(x->worker->board, s, x->ip);
	return (NULL);
}

static enum step_result
door(struct exchange *x)
{
	struct error *e, *missing;
	bool open;

	missing = find_surface(x);
	if ((e = check_gate(x)) != NULL || (e = missing) != NULL)
		return (refuse(x, e));
	if (!wants_key(x))
		return (known(x));
	x->open_to_all = x->admin_row == NULL && gate_is_public(&x->config->settings, x->request->path);
	e = access_door(&open, x->arena, &x->config->settings, x->request);
	if (e != NULL && !((x->open_to_all || is_guest(x)) && e->kind == E_AUTH))
		return (refuse(x, e));
	if (is_guest(x))
		return ((e = look_for_person(x)) != NULL || (e = guess_link(x)) != NULL ? refuse(x, e) : known(x));
	if (open) {
		x->caller->kind = CALLER_MASTER;
		x->caller->role = USER_ADMIN;
		return (known(x));
	}
	x->key = access_key(&x->config->settings, x->request);	/* the request stays until it is read */
	if (x->open_to_all && x->key.len == 0)
		return (known_as_anybody(x));
	if ((e = look_for_person(x)) != NULL)
		return (refuse(x, e));
	return (identify_known(x));
}

static void
waited(struct timer *t)
{
	exchange_walk((struct exchange *)((char *)t - offsetof(struct exchange, wait)));
}

/* Whoever reads or calls what he just made must find it, whichever worker he comes to. */
static bool
must_await(struct exchange *x)
{
	x->awaits = worker_is_behind(x->worker);
	if (x->awaits) {
		x->wait.due = waited;
		timer_set(x->worker->loop, &x->wait, loop_now_us(x->worker->loop) + AWAIT_US);
	}
	return (x->awaits);
}

enum step_result
identify(struct exchange *x)
{
	keep_names(x);
	x->caller = arena_new_of(x->arena, struct caller);
	caller_nobody(x->caller);
	x->front = front_for(x);
	return (must_await(x) ? STEP_WAIT : door(x));
}
