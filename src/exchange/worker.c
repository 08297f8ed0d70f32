/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a worker: rooms opened, the loop, signals, a new configuration, a graceful end. */
#include "exchange/worker.h"

#include "access/gauges.h"
#include "admin/overlay.h"
#include "admin/rotate.h"
#include "base/clock.h"
#include "base/privacy.h"
#include "board/known.h"
#include "board/parallel.h"
#include "board/series.h"
#include "exchange/exchange.h"
#include "ledger/host.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TURNS_MS	1000		/* of calls at once that hosts share: so long what nobody needs waits to go back */
#define LEVEL_AGAIN_US		10000	/* a worker that stands back looks again this soon */
#define SWEEP_US		1000000
#define LOOK_AGAIN_US	2000000	/* while the database is away */
#define IDLE_MS			300000	/* a connection of the web server that says nothing */
#define ONE_DRAIN_MS		7000	/* mod_fcgid kills 8 s after its SIGTERM */
#define STORE_QUEUE		1000	/* errands that wait for a connection */
#define ADMIN_QUEUE		200
#define STORE_WAIT_MS	2000	/* at the end, for errands under way */
#define CGI_DRAIN_MS		1000	/* httpd kills 3 s after */
#define SAY_US			60000000	/* what goes on is said once a minute */
#define KEEPER_MS		3000	/* for the last rows, and what was leased; what is left waits for the next worker */
#define ONE_END_MS		7800	/* all in all, where mod_fcgid waits */

#define HEAP_KEPT	(16 << 20)	/* bytes that are free at the heap's end stay while calls run; sweep() gives them back */
#define HEAP_MAPPED	(1 << 20)	/* what is larger is mapped by itself */

#define SELF(member, pointer)	((struct worker *)((char *)(pointer) - offsetof(struct worker, member)))

/* level the load between workers that share a listener */

static bool
has_more_than_its_share(const struct worker *w)
{
	unsigned mine = board_my_open(w->board), least = board_least_open(w->board), slack = least / 10;

	return (mine > least + (slack > 8 ? slack : 8));
}

/* Nothing more will begin here. */
static bool
is_last(const struct worker *w)
{
	return (w->stopping || w->form == FORM_CGI);
}

static void
level(struct soon *s)
{
	struct worker *w = SELF(level, s);
	bool accept = !has_more_than_its_share(w);

	if (is_last(w)) {
		if (w->exchanges == NULL)
			loop_stop(w->loop);
		return;
	}
	if (accept != w->accepting)
		web_accept(w->web, accept);
	w->accepting = accept;
	if (!accept)
		timer_set(w->loop, &w->level_again, loop_now_us(w->loop) + LEVEL_AGAIN_US);
}

static void
level_again(struct timer *t)
{
	struct worker *w = SELF(level_again, t);

	soon_do(w->loop, &w->level);
}

void
worker_load_changed(struct worker *w)
{
	w->busy = true;
	if (w->form == FORM_SERVE || is_last(w))
		soon_do(w->loop, &w->level);
}

/* a new configuration, read beside the loop: the file, and what the store adds to it */

struct reload {
	struct errand	 errand;
	struct worker	*worker;
	struct config	*config, *last;		/* last: held */
	const char	*path;
	uint32_t	 models;		/* their generation before the store was asked */
	bool		 asked;			/* by the operator */
	enum store_end	 end;
};

static uint32_t
models_generation(const struct worker *w)
{
	return (known_generation(w->board, &w->models_id));
}

static void
reload_work(struct errand *e)
{
	struct reload *r = (struct reload *)e;

	r->config = overlay_load(r->path, (struct text){ NULL, 0 }, r->worker->store_pool, STORE_WAIT_MS, r->last, &r->end);
}

/* The worker ends before it was told. */
static void
reload_drop(struct errand *e)
{
	struct reload *r = (struct reload *)e;

	config_release(r->config);
	config_release(r->last);
	free(r);
}

static void
open_log(struct worker *w)
{
	struct text path = w->config->settings.log;

	line_file_close(w->log);
	w->log = line_file_open(path.at);
}

static void
say_problems(const struct config *c, enum problem_level upto)
{
	for (const struct problem *p = c->problems; p != NULL; p = p->next)
		if (p->level <= upto)
			note(p->level == PROBLEM_ERROR ? NOTE_ERROR : NOTE_WARN, "", TEXT_FMT ":%u: " TEXT_FMT, TEXT_ARG(p->file), p->line,
			    TEXT_ARG(p->message));
}

static enum budget_mode
mode_of(const struct settings *s)
{
	return (s->budget_strict ? BUDGET_STRICT : BUDGET_LITELLM);
}

void
worker_take(struct worker *w, struct config *c)
{
	struct config *old = w->config;

	w->config = c;
	config_set_calendar(c);
	lookups_age(w->lookups, c->settings.known_age_when_away_ms);
	budgets_set(w->budgets, mode_of(&c->settings), c->settings.budget_wait_ms, c->settings.budget_wait_most_ms);
	web_body_limit(w->web, (size_t)c->settings.body_limit, (size_t)c->settings.body_memory);
	if (!text_eq(old->settings.log, c->settings.log))
		open_log(w);
	if (!text_eq(old->settings.customer_tier, c->settings.customer_tier) || !text_eq(old->settings.tag_budgets, c->settings.tag_budgets))
		known_change_all(w->board);		/* what is known of customers and tags was loaded with those */
	config_release(old);
}

/* Those that wait look again: what they wait for may be here, or on its way still. */
static void
wake(struct worker *w)
{
	for (struct exchange *x = w->exchanges, *next; x != NULL; x = next) {
		next = x->next;
		if (x->awaits)
			exchange_walk(x);
	}
}

static void
reload_done(struct errand *e)
{
	struct reload *r = (struct reload *)e;
	struct worker *w = r->worker;
	bool good = r->config->n_errors == 0;

	w->reloading = false;
	if (r->end == STORE_FINE) {
		w->models = r->models;
		w->shut = false;
	} else
		w->look_after_us = loop_now_us(w->loop) + LOOK_AGAIN_US;
	if (!good) {
		say_problems(r->config, PROBLEM_WARNING);
		note(NOTE_ERROR, "", "the new configuration has errors; the old one stays");
	} else if (r->asked || r->end == STORE_FINE) {
		if (r->asked)
			known_change_all(w->board);	/* keys and budgets of the file may be others */
		worker_take(w, r->config);
		r->config = NULL;
		note(NOTE_INFO, "", "new configuration: %zu deployments in %zu groups", w->config->n_deployments, w->config->n_groups);
	}
	reload_drop(e);
	wake(w);
}

static void
reload(struct worker *w, bool asked)
{
	struct reload *r = must_zalloc(sizeof(*r));

	r->errand.work = reload_work;
	r->errand.done = reload_done;
	r->errand.drop = reload_drop;
	r->worker = w;
	r->path = w->config_path;
	r->last = config_hold(w->config);
	r->models = models_generation(w);
	r->asked = asked;
	w->reloading = lane_send(w->store_lane, &r->errand);	/* exchanges may wait for it: no report shall hold it up */
	if (!w->reloading)
		reload_drop(&r->errand);
}

/* Models of the store changed, here or at another host; after a failure it is asked again, more slowly. */
bool
worker_is_behind(struct worker *w)
{
	if (models_generation(w) == w->models || loop_now_us(w->loop) < w->look_after_us)
		return (false);
	if (!w->reloading)
		reload(w, false);
	return (w->reloading && !store_is_away(w->store_pool));
}

/*
 * Changes come one after the other over all hosts, and `made` has all of them up to its own: it need not be read again, unless another was told
 * meanwhile.
 */
void
worker_changed(struct worker *w, const struct admin_changed *changed, struct config *made)
{
	bool current = models_generation(w) == w->models;

	for (; changed != NULL; changed = changed->next)
		known_change(w->board, &changed->id);
	if (made == NULL)
		return;
	worker_take(w, made);
	if (current)
		w->models = models_generation(w);
}

/* Is there a store that could have models?  Of a file that nobody has made yet nothing is asked. */
static bool
has_store(const struct worker *w)
{
	struct text database = w->config->settings.database;

	return (text_has(database, TEXT("://")) || access(database.at, F_OK) == 0);
}

/*
 * The store is away: with what it said last, so that a door which is closed there stays closed.  What can not be told from a damaged copy is taken as
 * closed.
 */
static void
first_without_store(struct worker *w)
{
	bool damaged;
	struct config *both = overlay_load_kept(w->config_path, &damaged);

	w->models--;				/* to be asked again */
	if (both != NULL && both->n_errors == 0) {
		note(NOTE_WARN, "", "the database can not be asked for its models and settings; those that it had last are served meanwhile");
		worker_take(w, both);
		return;
	}
	config_release(both);
	w->shut = damaged || w->config->settings.database_must_be_read;
	if (w->shut)
		note(NOTE_ERROR, "", "the database can not be asked for its settings, and %s: nobody is served until it can",
		    damaged ? "the copy of them in the state folder is damaged" : "this host never saw them");
	else
		note(NOTE_WARN, "", "the database can not be asked for its models and settings, and this host never saw them; those of the file are served meanwhile");
}

/* Before the first request: nobody shall hear that a model is unknown which the store has. */
static void
first_models(struct worker *w)
{
	struct config *both;
	enum store_end end;

	known_id_make(&w->models_id, OVERLAY_KIND, TEXT(OVERLAY_ENTITY));
	w->models = models_generation(w);
	if (!has_store(w))
		return;
	both = overlay_load(w->config_path, (struct text){ NULL, 0 }, w->store_pool, STORE_WAIT_MS, NULL, &end);
	if (end == STORE_FINE && both->n_errors == 0 && both->more != NULL) {
		worker_take(w, both);
		say_problems(w->config, PROBLEM_WARNING);
		return;
	}
	config_release(both);
	if (end != STORE_FINE)
		first_without_store(w);
}

/* lines of exchanges */

void
worker_write_lines(struct worker *w)
{
	if (w->log != NULL && w->lines.len > 0)
		line_file_write(w->log, buf_as_text(&w->lines), loop_now_us(w->loop));
	w->lines.len = 0;
}

static void
write_lines(struct soon *s)
{
	worker_write_lines(SELF(write_lines, s));
}

/* the end */

static void
drain_over(struct timer *t)
{
	struct worker *w = SELF(drain, t);

	for (struct exchange *x = w->exchanges, *next; x != NULL; x = next) {
		next = x->next;
		exchange_abandon(x);
	}
	if (w->exchanges != NULL && w->abandoned++ < 10) {
		timer_set(w->loop, t, loop_now_us(w->loop) + 100000);
		return;
	}
	loop_stop(w->loop);
}

static int64_t
drain_ms(const struct worker *w)
{
	switch (w->form) {
	case FORM_ONE:
		return (ONE_DRAIN_MS);
	case FORM_CGI:
		return (CGI_DRAIN_MS);
	default:
		return (w->config->settings.drain_ms);
	}
}

/* Idle workers end at once; streams may finish as long as the configuration, or the server, allows. */
static void
stop(struct worker *w)
{
	if (w->stopping)
		return;
	w->stopping = true;
	w->stop_us = loop_now_us(w->loop);
	board_listener(w->board, 0);		/* nobody shall wait for its count to fall */
	web_stop(w->web, w->form != FORM_SERVE);
	timer_set(w->loop, &w->drain, loop_now_us(w->loop) + drain_ms(w) * 1000);
	soon_do(w->loop, &w->level);
}

static void
caught(void *self, int sig)
{
	struct worker *w = self;

	if (sig == SIGUSR1 && w->form == FORM_CGI)
		web_cgi_left(w->web);		/* lighttpd's cgi.limits tcp-fin-propagate, in our file */
	else if (sig == SIGHUP && w->form != FORM_CGI)
		reload(w, true);
	else
		stop(w);
}

static void
sweep(struct timer *t)
{
	struct worker *w = SELF(sweep, t);

	board_sweep(w->board);
	running_sweep(w->running, spool_swept, w->spool);
	store_pool_tidy(w->store_pool);
	if (w->form != FORM_CGI)
		worker_is_behind(w);		/* while nobody asks */
	if (w->busy && w->exchanges == NULL) {		/* large bodies leave a large heap behind */
		w->busy = false;
		malloc_trim(0);
	}
	timer_set(w->loop, t, loop_now_us(w->loop) + SWEEP_US);
}

/* the beginning */

static uint64_t
listener_key(int fd)
{
	struct stat st;

	return (fstat(fd, &st) == 0 ? (uint64_t)st.st_ino : 0);
}

static bool
open_board(struct worker *w, int fd)
{
	const struct settings *s = &w->config->settings;
	struct buf why = { 0 };

	w->board = board_open(s->run_dir.at, s->instance.at, w->form == FORM_ONE || w->form == FORM_CGI ? SEAT_NARROW : SEAT_WIDE, &why);
	if (w->board == NULL)
		note(NOTE_ERROR, "", "the board can not be opened: " TEXT_FMT, TEXT_ARG(buf_as_text(&why)));
	else if (!known_room(w->board, (unsigned)s->known_keys, &why))
		note(NOTE_WARN, "", "known_keys is not in force: " TEXT_FMT, TEXT_ARG(buf_as_text(&why)));
	else if (!series_room(w->board, (unsigned)s->metrics_series, &why))
		note(NOTE_WARN, "", "calls are not counted by caller: " TEXT_FMT, TEXT_ARG(buf_as_text(&why)));
	buf_free(&why);
	if (w->board != NULL)
		board_listener(w->board, w->form == FORM_SERVE ? listener_key(fd) : 0);
	return (w->board != NULL);
}

static void
prompt_dropped(void *self, const char *why)
{
	struct worker *w = self;
	int64_t now = loop_now_us(w->loop);

	board_count(w->board, COUNT_PROMPTS_DROPPED, 1);
	if (w->drop_said_us != 0 && now < w->drop_said_us + SAY_US)
		return;
	w->drop_said_us = now;
	note(NOTE_WARN, "", "prompts are not stored: %s; calls and their rows are not concerned", why);
}

static void
open_prompts(struct worker *w)
{
	const struct settings *s = &w->config->settings;
	struct arena *arena = arena_new();

	w->prompts = prompts_new(&(struct prompts_setup){ .loop = w->loop, .dir = prompts_path(arena, s->state_dir, s->instance).at,
	    .segment = (size_t)s->spool_segment, .most = (uint64_t)s->prompt_spool, .dropped = prompt_dropped, .self = w });
	arena_free(arena);
}

/* What books calls: the exchanges that run, the money of this host, the rows. */
static bool
open_books(struct worker *w, struct buf *why)
{
	const struct settings *s = &w->config->settings;
	bool one = w->form == FORM_ONE || w->form == FORM_CGI;
	struct budgets_setup setup = { .loop = w->loop, .lane = w->store_lane, .pool = w->store_pool, .mode = mode_of(s),
		.wait_ms = s->budget_wait_ms, .wait_most_ms = s->budget_wait_most_ms };
	struct arena *arena = arena_new();
	struct spool_settings spool = { .dir = spool_path(arena, s->state_dir, s->instance).at, .segment = (size_t)s->spool_segment,
		.written = row_written, .self = w };

	w->running = running_open(s->run_dir.at, s->instance.at, one ? SEAT_NARROW : SEAT_WIDE, why);
	if (w->running != NULL)
		w->host = host_open(s->state_dir.at, s->instance.at, w->running, why);
	if (w->host != NULL)
		w->spool = spool_open(&spool, why);
	arena_free(arena);
	if (w->spool == NULL)
		return (false);
	if (w->form != FORM_CGI)
		spool_attach(w->spool, w->loop, w->disk, (unsigned)s->spool_sync_ms);
	setup.running = w->running;
	setup.host_file = host_file(w->host);
	memcpy(setup.host, host_id(w->host), sizeof(setup.host));
	w->budgets = budgets_new(&setup);
	return (true);
}

/* Better at start than within somebody's request. */
static bool
needs_libcurl(const struct config *c)
{
	for (size_t i = 0; i < c->n_deployments; i++)
		if (!c->deployments[i]->mock && text_starts(c->deployments[i]->url, TEXT("https:")))
			return (true);
	return (false);
}

/* A database that is away, or whose schema is too old, is told at once; it stops nobody: what the board knows works. */

struct first_look {
	struct errand	 errand;
	struct store_pool *pool;
};

static void
first_look_work(struct errand *e)
{
	struct store_pool *pool = ((struct first_look *)e)->pool;

	store_return(pool, store_lend(pool, 0));
}

static void
first_look_done(struct errand *e)
{
	free(e);
}

/* The processes of a host share a number of connections. */

static bool
take_permit(void *self)
{
	const struct worker *w = self;

	return (permit_take(w->board, w->permits));
}

static void
give_permit(void *self)
{
	permit_give(((const struct worker *)self)->board);
}

static bool
permits_are_scarce(void *self)
{
	const struct worker *w = self;

	return (permits_taken(w->board) >= w->permits);
}

/* Processes of one request open what they need, when they do. */
static void
open_store(struct worker *w)
{
	const struct store_permits shared = { take_permit, give_permit, permits_are_scarce, w };
	const struct settings *s = &w->config->settings;
	bool one = w->form == FORM_ONE || w->form == FORM_CGI;
	unsigned most = one ? 1 : (unsigned)s->database_connections;
	struct first_look *look;

	w->permits = (unsigned)s->database_connections_per_host;
	w->store_pool = store_pool_new(s->database, most, store_names_postgres(s->database) ? &shared : NULL);
	w->store_lane = lane_new(w->loop, "store", most, STORE_QUEUE);
	w->admin_lane = lane_new(w->loop, "admin", most > 1 ? most / 2 : 1, ADMIN_QUEUE);
	w->lookups = lookups_new(&(struct lookups_setup){ .loop = w->loop, .board = w->board, .lane = w->store_lane, .pool = w->store_pool,
	    .age_ms = s->known_age_when_away_ms });
	if (one)
		return;
	look = must_zalloc(sizeof(*look));
	*look = (struct first_look){ { .work = first_look_work, .done = first_look_done, .drop = first_look_done }, w->store_pool };
	if (!lane_send(w->store_lane, &look->errand))
		free(look);
}

static void
open_rooms(struct worker *w, int fd)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };
	const struct settings *s = &w->config->settings;
	struct web_settings web = { .body_limit = (size_t)s->body_limit, .body_memory = (size_t)s->body_memory,
		.high_mark = REPLY_HIGH, .low_mark = REPLY_HIGH / 4, .idle_ms = IDLE_MS };
	struct upstream_settings up = { .ca_file = s->ca_file, .dns_ttl_ms = s->dns_ttl_ms, .http2 = s->http2_upstream };
	struct web_owner owner = exchange_owner;

	if (s->master_key.len == 0 && w->form != FORM_CGI)
		note(NOTE_WARN, "", "no master key: whoever calls from loopback is let in, and so is everybody behind a proxy on this machine"
		    " that adds none of Forwarded, X-Forwarded-* and Via");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	loop_signals(w->loop, signals, nitems(signals), caught, w);
	open_log(w);
	if (s->n_memcached > 0)
		w->chunks = chunks_new(w->loop, w->board, s->memcached, s->n_memcached, s->instance, s->memcached_wait_ms);
	if (w->chunks != NULL && w->form != FORM_ONE && w->form != FORM_CGI)
		chunks_share_calls(w->chunks, TURNS_MS);
	w->upstream = upstream_new(w->loop, &up);
	w->jwks = jwks_new(w->loop, w->upstream);
	w->userinfo = userinfo_new(w->loop, w->upstream);
	w->tokens = tokens_new(w->loop, w->upstream, w->disk);
	if (w->form != FORM_ONE && w->form != FORM_CGI && needs_libcurl(w->config))
		upstream_prepare(w->upstream);
	owner.worker = w;
	w->web = web_new(w->loop, &web, &owner);
	if (fd >= 0) {
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		web_listen(w->web, fd);
	}
	w->level.run = level;
	w->write_lines.run = write_lines;
	w->level_again.due = level_again;
	w->drain.due = drain_over;
	w->sweep.due = sweep;
	first_models(w);
	timer_set(w->loop, &w->sweep, loop_now_us(w->loop) + SWEEP_US);
	if (w->form == FORM_SPAWNED || w->form == FORM_ONE)
		w->keeper = housekeeper_start(w->config, &admin_for_keeper);
	w->accepting = true;
}

/* Only the answer may reach the web server: what else is written to standard output goes to its error log from here on. */
static void
take_request(struct worker *w)
{
	int in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1), out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	dup2(STDERR_FILENO, STDIN_FILENO);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	web_cgi(w->web, environ, in, out);
	soon_do(w->loop, &w->level);		/* it may be over already */
}

static void
close_rooms(struct worker *w)
{
	timer_stop(w->loop, &w->sweep);
	timer_stop(w->loop, &w->drain);
	timer_stop(w->loop, &w->level_again);
	web_free(w->web);
	worker_write_lines(w);
	tokens_free(w->tokens);
	jwks_free(w->jwks);
	userinfo_free(w->userinfo);
	upstream_free(w->upstream);
	chunks_free(w->chunks);
	line_file_close(w->log);
	buf_free(&w->scratch);
	buf_free(&w->frames);
	buf_free(&w->row_doc);
	buf_free(&w->row_tags);
	buf_free(&w->lines);
}

static unsigned
keeper_ms(const struct worker *w)
{
	int64_t left_ms = ONE_END_MS - (clock_us() - w->stop_us) / 1000;

	if (w->form != FORM_ONE || left_ms > KEEPER_MS)
		return (KEEPER_MS);
	return (left_ms > 0 ? (unsigned)left_ms : 0);
}

/* What has been opened of that on which the rooms stand. */
static void
close_ground(struct worker *w)
{
	bool over;

	budgets_leave(w->budgets);
	over = lane_free(w->store_lane, STORE_WAIT_MS);
	over &= lane_free(w->admin_lane, STORE_WAIT_MS);
	if (w->spool != NULL)
		spool_close(w->spool);		/* exchanges and budgets hear of the last rows */
	gauges_release(w->gauges);
	if (w->lookups != NULL)
		lookups_free(w->lookups);
	if (w->budgets != NULL)
		budgets_free(w->budgets);
	if (w->store_pool != NULL && over)	/* a thread that hangs in the database still has it */
		store_pool_free(w->store_pool);
	prompts_free(w->prompts);
	lane_free(w->disk, 100);
	running_close(w->running);			/* our seat: whoever finds none taken is the last */
	housekeeper_stop(w->keeper, keeper_ms(w), HOUSE_ENDS_WITH_LAST);
	host_close(w->host);
	board_close(w->board);
	loop_free(w->loop);
	config_release(w->config);
}

static bool
open_ground(struct worker *w, int fd)
{
	struct buf why = { 0 };
	bool fine;

	if (!open_board(w, fd))
		return (false);
	w->disk = lane_new(w->loop, "disk", 1, 16);
	open_store(w);
	open_prompts(w);
	if (!(fine = open_books(w, &why)))
		note(NOTE_ERROR, "", "calls can not be booked: " TEXT_FMT, TEXT_ARG(buf_as_text(&why)));
	buf_free(&why);
	return (fine);
}

/* Whoever can write there could change what is booked, or who is let in. */
static bool
is_private(const struct settings *s, int fd)
{
	struct buf why = { 0 };
	bool file = !store_names_postgres(s->database);
	bool good = privacy_of_folder(s->run_dir.at, &why) && privacy_of_folder(s->state_dir.at, &why) && (!file || privacy_of_file(s->database.at, &why));

	if (!good)
		note(NOTE_ERROR, "", TEXT_FMT, TEXT_ARG(buf_as_text(&why)));
	buf_free(&why);
	if (fd < 0 || !privacy_socket_is_open(fd))
		return (good);
	if (s->open_on_loopback || s->loopback_only || s->ips_limited) {
		note(NOTE_ERROR, "", "every user of this machine may connect to the FastCGI socket, and could say that a request comes from anywhere: chmod o-w it,"
		    " or do without open_on_loopback, loopback_only and allowed_ips");
		return (false);
	}
	note(NOTE_WARN, "", "every user of this machine may connect to the FastCGI socket: chmod o-w it");
	return (good);
}

int
worker_run(int fd, struct config *config, const char *config_path, enum worker_form form)
{
	struct worker w = { .config = config, .config_path = config_path, .form = form, .began_wall_ms = clock_wall_ms() };

	say_problems(config, form == FORM_CGI ? PROBLEM_ERROR : PROBLEM_WARNING);	/* not the same again with every request */
	if (config->n_errors > 0) {
		note(NOTE_ERROR, "", "the configuration has errors; run sluice check");
		config_release(config);
		return (1);
	}
	config_set_calendar(config);
	privacy_of_memory(config->settings.core_dumps);
	mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);		/* else a large body's pages come from the kernel with each call, one fault after the other */
	mallopt(M_MMAP_THRESHOLD, HEAP_MAPPED);
	if (!is_private(&config->settings, form == FORM_CGI ? -1 : fd)) {
		config_release(config);
		return (1);
	}
	w.loop = loop_new();
	if (!open_ground(&w, fd)) {
		close_ground(&w);
		return (1);
	}
	open_rooms(&w, fd);
	if (form == FORM_CGI)
		take_request(&w);
	loop_run(w.loop);
	close_rooms(&w);
	close_ground(&w);
	return (0);
}
