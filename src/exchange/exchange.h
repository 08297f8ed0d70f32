/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request and its answer, walking down the steps of steps.c.
 *
 * The fields are in the order in which they are filled.  What rooms call back with lands here and ends in exchange_walk().
 */
#ifndef EXCHANGE_EXCHANGE_H
#define EXCHANGE_EXCHANGE_H

#include "access/find.h"
#include "access/jwks.h"
#include "access/budget.h"
#include "access/limits.h"
#include "access/seal.h"
#include "admin/admin.h"
#include "base/arena.h"
#include "exchange/worker.h"
#include "front/front.h"
#include "ledger/price.h"
#include "provider/provider.h"
#include "route/route.h"

struct exchange;

enum step_result { STEP_GO, STEP_WAIT, STEP_DONE, STEP_ERROR };
typedef enum step_result step_f(struct exchange *);

/* What a path and a method stand for. */
struct surface {
	const char	*path;			/* "/v1" in front is optional to callers; {id} takes a segment, {model} one or more, a trailing '*' any rest */
	const char	*methods;		/* "GET, DELETE" …; GET is HEAD too; NULL: any */
	const struct front *front;		/* in whose dialect errors are; NULL: by the headers */
	enum counter	 counter;
	bool		 open;			/* no key is asked for */
	enum step_result (*answer)(struct exchange *);	/* NULL: a model is asked, the steps go on */
	enum want	 want;			/* of the upstream */
};

struct attempt {
	const struct deployment *deployment;
	int		 status;		/* of the upstream, 0: none came */
	const char	*error;			/* name of the kind, NULL: fine */
	int64_t		 began_us, ended_us;
	unsigned	 slot;			/* of the deployment on the board */
	unsigned	 came_to;		/* enum series_counter; SERIES_TRIED: nobody's fault */
	struct attempt	*next;
};

/* How far the chosen deployment is with its room. */
enum room_step { ROOM_IDLE, ROOM_FIND, ROOM_RATES, ROOM_MONEY, ROOM_PAYING };
enum room_end { ROOM_HERE, ROOM_WAIT, ROOM_NONE, ROOM_LATER, ROOM_ERROR };

enum exchange_end { END_COMPLETE, END_CUT, END_LEFT, END_REFUSED };

/* How the upstream's answer becomes the client's. */
enum course {
	COURSE_UNKNOWN,				/* no head yet */
	COURSE_ERROR,				/* gather an error body */
	COURSE_WHOLE,				/* gather the body; relayed or translated at its end */
	COURSE_EVENTS,				/* event by event */
};

/* A stream that reserves as it goes on. */
struct instalments {
	bool		 on;
	bool		 hides;			/* its model may think unseen */
	int64_t		 first, floor;		/* nano-dollars: what it reserves before it is sent, and with what it begins where there is no more */
	/* of the attempt under way */
	struct price_ask ask;			/* as its deployment's prices see it */
	const struct tariff *tariff;
	int64_t		 tokens;		/* of an answer: up to so many nothing is to be done */
	bool		 prompt_known;		/* its upstream has said how large the prompt is */
	bool		 waits;			/* what has come is kept back until more is reserved, and the upstream pauses */
};

struct exchange {
	struct worker	*worker;
	struct exchange	*next, **link;		/* worker->exchanges */
	struct arena	*arena;
	struct config	*config;
	struct stream	*stream;		/* NULL once the web room has said `over` */
	const struct request *request;		/* NULL once no candidate can need it again */
	char		 id[37];
	int64_t		 began_us, began_wall_ms;
	unsigned	 busy;			/* depth of callbacks under way: ended only at 0 */
	uint8_t		 at;			/* the step */
	bool		 begun;			/* its begin has run */
	bool		 walking;
	bool		 body_here;
	enum body_fault	 body_fault;
	bool		 left;			/* the client has gone */
	bool		 over;

	/* identify */
	bool		 awaits;		/* a change of models that is being read; `wait` ends it */
	const struct surface *surface;
	const struct front *front;
	struct text	 session, ip;		/* of the client, for its row */
	struct text	 client_id, web_id, user;	/* x-litellm-call-id, UNIQUE_ID, who the web server says it is */
	const struct conduit *conduit;		/* NULL, or where it passes through */
	struct text	 pass_models;		/* what the body that passes names for the upstream to fall back to: a list, or empty */
	struct text	 rest;			/* what a surface's '*' took; of a conduit with the slash before it */
	struct text	 path_model;		/* what its {model} took, decoded: stands for the body's */
	struct client_says says;
	bool		 head_only;		/* HEAD */
	bool		 undated;		/* Azure's path without the api-version it needs */
	bool		 open_to_all;		/* one of public_routes: a key that is none is nobody's, and no error */
	struct text	 key;			/* as sent; only while the request is there */
	struct person	*person;		/* NULL, or who is signed in and has sent no key, or whom a token names */
	bool		 provided, registered;	/* the rows it wants are there; its claim was given a key */
	struct error	*provide_error;		/* why not */
	struct jwks_wait keys;			/* of issuers of tokens */
	struct lookup	 lookup;
	struct caller	*caller;		/* never NULL */
	struct text	 path_id;		/* what its {id} took, decoded */
	struct seal_key	 seal_key;		/* responses: of this caller's ids */
	const struct admin_row *admin_row;	/* NULL, or what of the management API is called */
	struct text	 admin_ids[2];
	struct admin_errand *admin;		/* NULL: not sent yet */
	struct page	*page;			/* NULL, or the page of metrics under way */

	/* read */
	struct glance	 glance;
	int		 tier;			/* the service tier that is asked for, -1: none */
	struct text	 model;			/* in the arena; once admitted, what aliases make of it */
	struct text	 stored_id, method, query;	/* of a stored response: the vendor's id, what is done with it */
	struct counting	*counted;		/* what LiteLLM's token counter was asked, or NULL */
	bool		 shows;			/* what the upstream would be sent is the answer */
	struct probe	*probe;			/* NULL, or whether this deployment answers is what is asked */

	/* admit */
	struct text	 model_said;		/* what the client named, and is told */

	/* plan */
	struct plan	 plan;

	/* reserve */
	struct limits	 limits;
	bool		 asks_limits;		/* of the hosts it shares windows with */
	int64_t		 throttle;		/* the key's budget is spent, and makes its rates smaller: millionths; 0: it does not */
	struct text	 instead_of, instead_name;	/* the model whose budget is spent, where the key names others for it, and how it is charged; else empty */
	unsigned	 instead_at;		/* of its budget_fallbacks */
	struct error	*instead_error;		/* what is said if none of them will do */
	const struct purse *purses[CHARGES_MOST];	/* all that are charged, and whose they are */
	const struct standing *purse_of[CHARGES_MOST];
	unsigned	 n_purses;
	struct price_ask price_ask;		/* what it asks for, as prices see it */
	int64_t		 bound, floor;		/* nano-dollars: the most it can cost; the same with the least max_tokens */
	const struct deployment *unpriced;	/* NULL, or one without a price that might be asked */
	bool		 bound_held;		/* a budget holds it */
	struct instalments parts;
	bool		 free_model;		/* whoever is asked, it costs nothing */
	struct reservation reservation;

	/* turn */
	struct session_turn *turn;		/* NULL, or it is counted */

	struct scribe	*scribe;		/* NULL, or what is kept of the words (scribe.c) */

	/* ask: a deployment is chosen, which must have room */
	enum room_step	 room_at;
	struct limits	 room;			/* its own rates and calls at once */
	bool		 room_used;		/* it was asked: what was taken of them counts */
	const struct standing *room_purses[2];	/* of it and of its provider; NULL: no budget */
	const struct standing *paid_purses[2];	/* those that the reservation has charged */
	int64_t		 room_wait_ms;		/* of those passed over, how long the first is full; 0: none was for a rate */
	struct error	*room_error;		/* why the last of them lacks money, or NULL */

	const struct deployment *holder;	/* NULL, or who alone has what the request is about (stored.c) */
	bool		 marked;		/* encrypted reasoning gets a mark: others might be asked next time */
	struct ask	*ask;			/* read when a dialect must be crossed */
	struct attempt	*attempts, *attempt;
	unsigned	 n_attempts;
	const struct deployment *deployment;
	enum wire	 wire;			/* in which dialect it is asked */
	const struct provider *provider;
	unsigned	 slot;			/* of the deployment on the board */
	bool		 in_flight;
	bool		 own_login;		/* the client brought its own credential for it */
	struct waiter	 token;			/* waits for it */
	bool		 wants_token;		/* the call waits for it */
	struct text	 bearer;		/* it, or empty: the deployment has a key */
	struct call	*call;
	struct timer	 wait;			/* back-off, and behind the last word */
	struct timer	 clock;			/* of a stream: commit, then heartbeats */
	struct buf	 body;			/* a translated request */
	enum course	 course;
	bool		 relayed;
	bool		 pausing;		/* between two attempts */
	enum call_end	 call_end;
	bool		 call_over;
	struct text	 upstream_type;
	struct text	 passable;		/* rate headers of the upstream that answered */
	int		 upstream_status;
	int64_t		 retry_after_ms;
	struct buf	 gathered;		/* a whole body, or frames held back before commit */
	uint64_t	 heard;			/* bytes of events */
	int64_t		 seen_us;		/* when the board was last told what they cost */
	struct sse	 sse;
	struct relay	 relay;
	struct reader	*reader;
	struct seen	 seen_room;		/* of a translated answer */
	struct seen	*seen;
	struct told	 told;
	struct writer	*writer;
	bool		 writer_done;		/* END or ERROR was written */
	struct error	*failure;		/* why the attempt under way failed */
	struct error	*first_failure;		/* what the client will hear if all fail */
	bool		 broke;			/* the money for the rest of a stream could not be had */

	/* answer */
	bool		 committed;		/* status and headers are sent */
	bool		 answered;		/* nothing more is to be written */
	bool		 ended;			/* reply_end() was called */
	size_t		 prompt_bytes;		/* of the request's body */
	int		 status;
	struct error	*error;
	int64_t		 first_token_us, upstream_us, last_write_us;
	enum exchange_end end;
	const char	*reason;		/* of the end, for the log */

	/* settle */
	bool		 priced;
	bool		 estimated;		/* the tokens: its upstream said none, or not all */
	struct usage	 usage;
	const struct tariff *tariff;		/* NULL: the price is unknown, or there is nothing to pay */
	int64_t		 cost;			/* nano-dollars */
	struct price_break price;		/* what it is made of */
	bool		 unwritten;		/* its row waits for the end of the turn, or for room in the spool */
};

/* For the web room. */
extern const struct web_owner exchange_owner;

void	exchange_walk(struct exchange *);
void	exchange_leave(struct exchange *);		/* after x->busy++: the end of a callback */
/* The worker's time is up: end with an error event, or just end. */
void	exchange_abandon(struct exchange *);

/* identify.c, admit.c */
step_f	identify, identify_known, admit_begin, admit_known;
struct finding exchange_finding(struct exchange *);
void	identify_forget(struct exchange *);		/* waits for nobody any more */
struct text kept_header(struct exchange *, const char *name);	/* a request header's copy in the arena, bounded */

/* surfaces.c */
struct found {
	const struct surface *surface;
	struct text	 rest, model, id;		/* what `*`, {model} and {id} took, as sent */
	bool		 path_known;			/* not found: the path is there, for other methods */
	const char	*allow;				/* those */
	bool		 undated;			/* found, but lacks the api-version it needs */
};
/* Azure's paths have errors in Azure's words. */
enum azure_path {
	PATH_PLAIN,
	PATH_AZURE,
	PATH_AZURE_DATED,			/* an api-version must be said */
	PATH_AZURE_IF_DATED,			/* without one it is not Azure's */
};
bool	surface_find(struct found *, struct text path, struct text query, struct text method);
enum azure_path surface_azure(const struct surface *);	/* NULL: plain */
bool	is_anthropic_client(const struct request *);
void	surfaces_print(struct buf *);		/* those that are served, as LiteLLM's /routes */

/* pass.c, pass_plan.c: what passes as it is */
bool	pass_find(struct exchange *, struct found *);		/* does the path pass through */
bool	pass_instead(struct exchange *);			/* a model nobody here has, at a path that is its vendor's too */
step_f	pass_read, pass, pass_heard;
struct error *pass_plan(struct exchange *, struct call_plan *);

/* expiry.c: edits that make a body say how long its team keeps files */
struct error *expiry_force(struct exchange *, struct call_plan *);

/* admin.c: the management API */
struct text	model_charged(const struct exchange *);	/* by which name limits, budgets and rows know the model: a team's own by the team's */
bool	admin_path(struct exchange *, struct found *, bool *found);	/* is the path its; not *found: for other methods, which f->allow tells */
void	admin_forget(struct exchange *);		/* the exchange ends */
enum step_result local_admin(struct exchange *);
/* A call of it in the exchange's name, which is walked on when it is done; `by`: who did it, for the audit. */
struct error	*admin_send(struct exchange *, const struct admin_row *, const struct caller *, struct text sent, struct text by);
bool	admin_is_done(const struct exchange *);
struct error	*admin_error(struct exchange *);	/* of one that is done, copied; NULL: it is fine */

/* provide.c: rows that a token wants; with_key: and a key for its claim.  What was looked up before is forgotten. */
enum provided { PROVIDED, PROVIDED_LATER, PROVIDED_NOT };	/* not: x->provide_error */
enum provided exchange_provide(struct exchange *, bool with_key);

/* reserve.c */
step_f	reserve, reserve_more;
step_f	reserve_money, reserve_paid;			/* for whom is charged and the deployment that is chosen; after a wait. On an error nothing is reserved */
bool	is_model_call(const struct exchange *);		/* is counted, charged and has a row */
int64_t	tokens_in(const struct exchange *), tokens_out(const struct exchange *);	/* about, for rates; out below zero: the call does not say */

struct error *reserve_refused(struct exchange *);	/* x->reservation.end in words */
struct error *reserve_vain(struct exchange *, struct error *);	/* of a call that can not be planned: that, or a rate or a budget that stops it before */
void	reserve_charges(struct exchange *);		/* x->purses: all that are charged, whoever it may be that is asked */

/* turns.c: what is heard of a call that was refused: that, or that a budget is spent whose turn, up to `due`, comes before.  It has reserved nothing. */
struct error *refused_in_turn(struct exchange *, enum bill due, struct error *refusal);

/* instead.c: it was refused; true: there is another way to take it, which must be reserved now */
bool	instead(struct exchange *);
bool	has_instead(const struct exchange *, const struct standing *, const struct purse *);	/* might there be one, if that budget is spent? */

/* session.c */
step_f	session_turn, session_turned;
void	session_forget(struct exchange *);		/* the exchange ends */

/* bound.c: x->bound, x->floor, x->parts and their like; x->glance.afford */
void	bound_call(struct exchange *, bool held), bound_fit(struct exchange *);
void	bound_part(struct exchange *);				/* x->parts.ask and tariff, of the deployment that is asked */

/* instalment.c */
void	instalment_begin(struct exchange *);			/* of an attempt; while there is a request */
bool	instalment_paid(struct exchange *);			/* may what was heard be told?  False: it waits, or x->failure says why not (x->broke) */
void	instalment_end(struct exchange *);			/* the call is over: nothing may wait any more */

/* refused.c */
struct error *refused_spent(struct exchange *), *refused_held(struct exchange *), *refused_unpriced(struct exchange *), *refused_limit(struct exchange *);
struct error *refused_access(struct exchange *, struct error *);	/* what access says, and which call it was */
struct error *refused_full(struct exchange *, int64_t wait_ms);	/* every deployment that is left is at a limit of its own */
const struct standing *purse_owner(const struct exchange *, const struct purse *);	/* NULL: nobody's, or no purse */

/* book.c */
void	book(struct exchange *);
step_f	book_written;
const char *call_type(const struct exchange *);		/* as LiteLLM's rows have it */
void	row_written(void *worker, void *exchange);	/* is in the spool */

/* scribe.c: stored prompts.  All but the first do nothing where none are kept. */
void	scribe_begin(struct exchange *);		/* it is admitted; is it to be kept? */
void	scribe_whole(struct exchange *, struct text body, const struct edits *);	/* edits: of the body, or NULL */
void	scribe_hear(struct exchange *, const struct event *);	/* of a stream that is translated */
void	scribe_event(struct exchange *, struct text name, struct text data);	/* of one that is relayed */
void	scribe_forget(struct exchange *);		/* what the attempt before said */
void	scribe_end(struct exchange *);			/* on its way to the store */
void	scribe_free(struct exchange *);

/* room.c: has the deployment that is chosen room for this call; ROOM_LATER: when a call that runs is over; ROOM_ERROR: x->error */
enum room_end room_take(struct exchange *), room_more(struct exchange *);
void	room_leave(struct exchange *);			/* the attempt came to nothing, or another is chosen */
void	room_forget(struct exchange *);			/* waits for nobody any more */
struct error *room_refused(struct exchange *);		/* nobody who is left has room */

/* ask.c */
step_f	ask, ask_heard;
step_f	ask_left;				/* the client left */
void	ask_stop(struct exchange *);		/* cancel what runs upstream */
void	attempt_begins(struct exchange *), attempt_ends(struct exchange *);

/* request.c */
struct error *request_plan(struct exchange *, struct call_plan *);	/* of the deployment that is asked now */
struct call_plan request_to_server(const struct exchange *);	/* what is alike for all requests to it */
void	request_limits(const struct exchange *, struct call_plan *);	/* its patience */

/* hear.c */
struct call_hearer exchange_hearer(struct exchange *);
void	hear_judge(struct exchange *);		/* the call is over: its answer is told, or x->failure says why not */
void	hear_failed(struct exchange *);		/* x->failure is how the call ended */
void	hear_enough(struct exchange *);		/* the attempt is over before the upstream is */
void	hear_on(struct exchange *);			/* what was kept back may pass */

/* stored.c */
void	stored_begin(struct exchange *);			/* while there is a request: whose ids these are */
step_f	stored_read;
struct error *stored_plan(struct exchange *);			/* after the plan: who must be asked, or should be */
struct quoted stored_seal(void *exchange, struct text vendor_id);	/* struct sealer */
struct text stored_nowhere(struct exchange *);			/* an id for an answer that nobody stores */
struct error *stored_not_there(struct exchange *);
struct error *stored_failed(struct exchange *, struct error *);	/* of the upstream that holds it, in words for the client */

/* mock.c */
struct error *mock_answer(struct exchange *);		/* NULL: answered */

/* answer.c */
void	answer_headers(struct exchange *, struct buf *, int status, const char *content_type, int64_t length);
void	answer_litellm(struct exchange *, struct buf *);	/* LiteLLM's headers */
void	answer_open(struct exchange *, const char *content_type, const char *more);	/* 200, and a body that comes in pieces; more: header lines */
void	answer_finish(struct exchange *);		/* that was all of it */
void	answer_whole(struct exchange *, int status, const char *content_type, struct text body);
void	answer_edited(struct exchange *, struct text body, const struct edits *);
void	answer_error(struct exchange *, struct error *);	/* a status; or, once committed, a last error event */
void	answer_commit(struct exchange *);			/* a stream's status and headers, once */
void	answer_forget_request(struct exchange *);		/* frees its body and params */
void	answer_flush(struct exchange *);
void	answer_end(struct exchange *);

/* key_headers.c */
void	key_headers(struct exchange *, struct buf *);	/* if the configuration wants all of LiteLLM's */
void	key_spends(struct exchange *, int64_t cost);	/* it is settled: what they tell grows */

/* local.c: what the gateway answers by itself */
enum step_result local_alive(struct exchange *), local_ready(struct exchange *), local_health(struct exchange *), local_root(struct exchange *),
    local_count(struct exchange *), local_later(struct exchange *), local_upgrade(struct exchange *),
    local_sign_in(struct exchange *), local_ready_details(struct exchange *), local_health_latest(struct exchange *), local_backlog(struct exchange *);

/* info.c: what it tells of its models */
enum step_result local_models(struct exchange *), local_model(struct exchange *), local_model_info(struct exchange *),
    local_model_pages(struct exchange *), local_model_groups(struct exchange *), local_params(struct exchange *), local_routes(struct exchange *),
    local_token_counter(struct exchange *);
struct text asked_text(struct exchange *, const char *name);	/* a parameter of the query, decoded; empty: it is not there */
enum step_result local_counted(struct exchange *, struct text upstream);	/* what x->counted asked; `upstream` counted, or empty */

/* probe.c: does a deployment answer */
enum step_result probe_begin(struct exchange *, const struct deployment *, struct config *held, bool health);	/* the step is over: the call goes on */
void	probe_plan(struct exchange *);
/* The answer, or the error (NULL: none) was told in its words; else it is to be told as it is. */
bool	probe_tells(struct exchange *, const struct error *);
void	probe_free(struct exchange *);

/* transform.c: what an upstream would be sent */
enum step_result local_transform(struct exchange *), transform_tell(struct exchange *);

/* public.c: what it tells anybody */
enum step_result local_cost_map(struct exchange *), local_providers(struct exchange *), local_nothing_public(struct exchange *),
    local_ui_config(struct exchange *), local_test(struct exchange *);

/* alerted.c */
void	alerted(struct exchange *, const struct standing *);	/* its budget can not pay this call */

/* estimate.c: what calls would cost */
enum step_result local_spend_calculate(struct exchange *), local_cost_estimate(struct exchange *);

/* price.c */
void	price_so_far(struct exchange *);		/* of a stream that goes on */
uint64_t price_uncounted(const struct seen *);	/* bytes of an answer that no usage counts */
void	price_exchange(struct exchange *);		/* x->usage … x->cost, once: of a whole answer before its headers, else at the end */
const struct tariff *price_tariff(struct exchange *);	/* of whom it asks now, or where it passes to; NULL: unknown */
void	price_headers(struct exchange *, struct buf *);	/* of a whole answer */
int	tier_asked(const struct exchange *);		/* by the body's service_tier; -1: not */

/* metrics.c */
bool	metrics_are_open(const struct exchange *);
enum step_result local_metrics(struct exchange *);
void	metrics_forget(struct exchange *);			/* the exchange ends */

/* counted.c */
void	count_series(struct exchange *, int64_t total_us);	/* once, at the end */

/* record.c */
const char *exchange_end_name(const struct exchange *);
int	heard_status(const struct exchange *);			/* what it came to */
void	record_attempts(struct json_out *, const struct exchange *);	/* a member; none where there were none */
void	record_exchange(struct exchange *);		/* the log line and the counters, once, at the end */
void	record_attempt(struct exchange *);		/* counters of the attempt that ended */

#endif
