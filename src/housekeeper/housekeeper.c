/* SPDX-License-Identifier: Apache-2.0 */
/* Who is the housekeeper, and its threads. */
#include "housekeeper/housekeeper_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include "ledger/spool.h"

#include <signal.h>
#include <stdlib.h>

#define CONNECTIONS	3			/* to the store: one listens, one ships, one for alerts */
#define ASK_AGAIN_MS	500			/* for the lock */
#define SWEEP_MS	100
#define LOOK_US		1000000			/* at the room of the spool, and for what could not be opened */
#define PATIENCE_MS	10000			/* of a process that is told to end */
#define STACK		(512 << 10)

/* resting */

bool
keeper_rest(struct housekeeper *h, unsigned ms)
{
	struct timespec until = clock_from_now(ms);
	unsigned calls;
	int rc = 0;
	bool go_on;

	pthread_mutex_lock(&h->lock);
	calls = h->calls;
	while (!h->stopping && h->calls == calls && rc == 0)
		rc = pthread_cond_timedwait(&h->moved, &h->lock, &until);
	go_on = !h->stopping;
	pthread_mutex_unlock(&h->lock);
	return (go_on);
}

bool
keeper_is_stopping(struct housekeeper *h)
{
	bool stopping;

	pthread_mutex_lock(&h->lock);
	stopping = h->stopping;
	pthread_mutex_unlock(&h->lock);
	return (stopping);
}

void
keeper_call(struct housekeeper *h)
{
	pthread_mutex_lock(&h->lock);
	h->calls++;
	pthread_cond_broadcast(&h->moved);
	pthread_mutex_unlock(&h->lock);
}

/* sweeping: the first thread, with the lock */

static struct running *
open_running(const struct housekeeper *h)
{
	const struct settings *set = &h->config->settings;
	struct buf why = { 0 };
	struct running *r = running_open(set->run_dir.at, set->instance.at, SEAT_NONE, &why);

	if (r == NULL)
		note(NOTE_ERROR, "", "running exchanges can not be seen: " TEXT_FMT, TEXT_ARG(buf_as_text(&why)));
	buf_free(&why);
	return (r);
}

static struct spool *
open_spool(const struct housekeeper *h)
{
	struct spool_settings set = { .dir = h->spool_dir, .segment = (size_t)h->config->settings.spool_segment };
	struct buf why = { 0 };
	struct spool *s = spool_open(&set, &why);

	if (s == NULL)
		note(NOTE_ERROR, "", "the spool can not be opened: " TEXT_FMT, TEXT_ARG(buf_as_text(&why)));
	buf_free(&why);
	return (s);
}

void
keeper_sweep(struct housekeeper *h)
{
	struct spool *spool = open_spool(h);
	struct running *running = open_running(h);
	int64_t looked_us = clock_us();

	do {
		board_sweep(h->board);
		if (running != NULL && spool != NULL)
			running_sweep(running, spool_swept, spool);
		if (clock_us() - looked_us < LOOK_US)
			continue;
		looked_us = clock_us();
		if (spool == NULL)
			spool = open_spool(h);
		if (running == NULL)
			running = open_running(h);
		if (spool != NULL)
			spool_sync(spool);
	} while (keeper_rest(h, SWEEP_MS));
	running_close(running);
	spool_close(spool);
}

/* the threads */

static void *
changes_thread(void *h)
{
	keeper_changes(h);
	return (NULL);
}

static void *
ship_thread(void *h)
{
	keeper_ship(h);
	return (NULL);
}

static void *
alerts_thread(void *h)
{
	keeper_alerts(h);
	return (NULL);
}

static bool
start(pthread_t *thread, void *(*run)(void *), void *self)
{
	sigset_t all, before;
	pthread_attr_t attr;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);	/* signals are the process's first thread's */
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	rc = pthread_create(thread, &attr, run, self);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		note(NOTE_ERROR, "", "the housekeeper can not start a thread: %s", strerror(rc));
	return (rc == 0);
}

static void
keep_house(struct housekeeper *h)
{
	pthread_t changes, ship, alerts;
	bool first, second, third;

	note(NOTE_INFO, "", "keeping house");
	atomic_store(&h->is_it, true);
	first = start(&changes, changes_thread, h);
	second = start(&ship, ship_thread, h);
	third = start(&alerts, alerts_thread, h);
	keeper_sweep(h);
	if (first)
		pthread_join(changes, NULL);
	if (second)
		pthread_join(ship, NULL);
	if (third)
		pthread_join(alerts, NULL);
	atomic_store(&h->is_it, false);
}

static bool
open_board(struct housekeeper *h)
{
	const struct settings *set = &h->config->settings;
	struct buf why = { 0 };

	h->board = board_open(set->run_dir.at, set->instance.at, SEAT_NONE, &why);
	if (h->board == NULL)
		note(NOTE_ERROR, "", "the housekeeper has no board: " TEXT_FMT, TEXT_ARG(buf_as_text(&why)));
	buf_free(&why);
	return (h->board != NULL);
}

/* False: another does, up to now. */
static bool
kept_house(struct housekeeper *h)
{
	bool is_it = board_housekeeper(h->board);

	if (is_it)
		keep_house(h);
	return (is_it);
}

/* The last of them gives back what the host has leased, although another kept house: that one may have ended before. */
static void
end_with_last(struct housekeeper *h)
{
	const struct timespec step = { .tv_nsec = 10000000 };
	struct running *running = open_running(h);

	while (running != NULL && !running_others(running) && !kept_house(h) && clock_us() < h->patience_until_us)
		nanosleep(&step, NULL);
	running_close(running);
}

static void *
first_thread(void *self)
{
	struct housekeeper *h = self;
	bool kept;

	while (!open_board(h))
		if (!keeper_rest(h, 5000))
			return (NULL);
	while (!(kept = kept_house(h)) && keeper_rest(h, ASK_AGAIN_MS))
		;
	if (!kept && h->how == HOUSE_ENDS_WITH_LAST)
		end_with_last(h);
	board_close(h->board);
	return (NULL);
}

/* the beginning and the end */

struct housekeeper *
housekeeper_start(struct config *config, const struct housekeeper_above *above)
{
	struct housekeeper *h = must_zalloc(sizeof(*h));
	const struct settings *set = &config->settings;
	pthread_condattr_t steady;

	h->config = config_hold(config);
	config_set_calendar(config);
	h->above = above != NULL ? *above : (struct housekeeper_above){ NULL, NULL };
	atomic_init(&h->row_retention_ms, set->row_retention_ms);
	h->arena = arena_new();
	h->spool_dir = spool_path(h->arena, set->state_dir, set->instance).at;
	h->pool = store_pool_new(set->database, CONNECTIONS, NULL);
	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->moved, &steady);
	pthread_condattr_destroy(&steady);
	if (start(&h->thread, first_thread, h))
		return (h);
	h->stopping = true;
	return (h);
}

void
housekeeper_stop(struct housekeeper *h, unsigned patience_ms, enum house_end how)
{
	bool started;

	if (h == NULL)
		return;
	pthread_mutex_lock(&h->lock);
	started = !h->stopping;
	h->stopping = true;
	h->how = how;
	h->patience_until_us = clock_us() + (int64_t)patience_ms * 1000;
	pthread_cond_broadcast(&h->moved);
	pthread_mutex_unlock(&h->lock);
	if (started)
		pthread_join(h->thread, NULL);
	store_pool_free(h->pool);
	pthread_cond_destroy(&h->moved);
	pthread_mutex_destroy(&h->lock);
	arena_free(h->arena);
	config_release(h->config);
	free(h);
}

bool
housekeeper_is_it(const struct housekeeper *h)
{
	return (atomic_load(&((struct housekeeper *)(uintptr_t)h)->is_it));
}

/* a process of its own */

static void
say_problems(const struct config *c)
{
	struct buf out = { 0 };

	problems_print_upto(&out, c, PROBLEM_ERROR);
	note(NOTE_ERROR, "", "the configuration has errors: " TEXT_FMT, TEXT_ARG(buf_as_text(&out)));
	buf_free(&out);
}

/* A configuration with errors is not taken; NULL: the first one. */
static struct config *
load(const char *path, struct config *old)
{
	struct config *c = config_load(path);

	if (c->n_errors == 0) {
		if (old != NULL)
			config_release(old);
		return (c);
	}
	say_problems(c);
	config_release(c);
	return (old);
}

int
housekeeper_run(const char *config_path, const struct housekeeper_above *above)
{
	struct config *config = load(config_path, NULL);
	struct housekeeper *h;
	sigset_t signals;
	int got = 0;

	if (config == NULL)
		return (1);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	do {
		h = housekeeper_start(config, above);
		while (sigwait(&signals, &got) != 0)
			;
		housekeeper_stop(h, PATIENCE_MS, got != SIGHUP ? HOUSE_ENDS : HOUSE_GOES_ON);
		if (got == SIGHUP)
			config = load(config_path, config);
	} while (got == SIGHUP);
	config_release(config);
	return (0);
}
