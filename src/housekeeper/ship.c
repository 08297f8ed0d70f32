/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that has the store: ships the spool, closes leases, says that this host lives, and sees to the store's days. */
#include "housekeeper/housekeeper_priv.h"

#include "access/calendar.h"
#include "alert/alert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/span.h"
#include "ledger/formers.h"
#include "ledger/ledger.h"
#include "ledger/shipper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDLE_MS		100
#define DEAF_MS		50			/* where another host may recall money, and the store's calls do not arrive */
#define MANY		12			/* rows of one time: */
#define MANY_US		250000			/* then so long until the next, because a transaction costs as much as three dozen rows */
#define AWAY_FIRST_MS	200
#define AWAY_MOST_MS	5000
#define AWAY_TRIES	5			/* at the end */
#define WRONG_MS	5000
#define BEAT_US		5000000
#define LEASES_US	100000
#define QUIET_US	1000000			/* at the end: so long without a lease that could be closed */
#define DAYS_US		600000000
#define RETRY_US	30000000		/* of what could not be done with the days, or the calendar */

struct shipping {
	struct housekeeper *keeper;
	struct reader	*reader;
	struct shipper	*shipper;
	struct running	*running;
	struct host	*host;
	struct keeper	*leases;
	struct formers	*formers;
	bool		 begun;			/* the store knows that this host lives */
	bool		 shared;		/* by hosts: not a file */
	int64_t		 beat_us, days_us;	/* when that is due */
	int64_t		 leases_us;		/* when they were looked after */
	int64_t		 ship_us;		/* when rows are due */
	char		 zone[65];		/* the calendar that the store was told of; "": none yet */
	int		 turn;
	int64_t		 calendar_us;		/* it refused: not before */
	struct prompt_mail prompts;
	unsigned	 away_ms;		/* next pause; 0: the store is there */
	bool		 said;
};

/* opening */

static void
say_once(struct shipping *s, const char *what, const struct buf *why)
{
	if (!s->said)
		note(NOTE_WARN, "", "%s: " TEXT_FMT, what, TEXT_ARG(buf_as_text(why)));
	s->said = true;
}

static bool
open_host(struct shipping *s)
{
	const struct settings *set = &s->keeper->config->settings;
	struct buf why = { 0 };

	if (s->running == NULL)
		s->running = running_open(set->run_dir.at, set->instance.at, SEAT_NONE, &why);
	if (s->running == NULL)
		say_once(s, "rows are not shipped, leases not looked after", &why);
	else if ((s->host = host_open(set->state_dir.at, set->instance.at, s->running, &why)) == NULL)
		say_once(s, "this host has no name for the database", &why);
	buf_free(&why);
	return (s->host != NULL);
}

/* A budget that is nearly spent becomes an alert with the booking that shows it. */
static enum store_end
book(struct store *store, struct arena *arena, struct booking *b, unsigned n)
{
	struct crossing *crossings;
	unsigned n_crossings;
	enum store_end end = leases_book(store, arena, b, n, &crossings, &n_crossings);

	return (end == STORE_FINE ? alerts_crossed(store, arena, crossings, n_crossings, clock_wall_ms()) : end);
}

static bool
open_reader(struct shipping *s)
{
	struct shipper_setup set = { .book = book };
	struct buf why = { 0 };

	s->reader = reader_open(s->keeper->spool_dir, LEDGER_ROW_MOST, &why);
	if (s->reader == NULL)
		say_once(s, "rows are not shipped", &why);
	else {
		memcpy(set.host, host_id(s->host), sizeof(set.host));
		set.reader = s->reader;
		s->shipper = shipper_new(&set);
	}
	buf_free(&why);
	return (s->reader != NULL);
}

static void
open_leases(struct shipping *s)
{
	const struct keeper_spool spool = { shipper_mark, shipper_passed, s->shipper };

	s->leases = keeper_new(s->running, host_id(s->host), &spool);
	s->formers = formers_new(s->host, &spool);
}

static void
close_all(struct shipping *s)
{
	formers_free(s->formers);
	keeper_free(s->leases);
	shipper_free(s->shipper);
	reader_close(s->reader);
	host_close(s->host);
	s->formers = NULL;
	s->leases = NULL;
	s->shipper = NULL;
	s->reader = NULL;
	s->host = NULL;
}

static bool
open_all(struct shipping *s)
{
	if (s->reader != NULL)
		return (true);
	if ((s->host == NULL && !open_host(s)) || !open_reader(s))
		return (false);
	open_leases(s);
	return (true);
}

/* This host, in the store.  One that finds itself to be a copy of another goes on under a new name: everything that has the old one is opened anew. */
static enum host_end
beat(struct shipping *s, struct store *store)
{
	struct buf why = { 0 };
	enum host_end end;

	if (!s->begun)
		end = host_begin(s->host, store, clock_wall_ms(), &why);
	else if (clock_us() >= s->beat_us)
		end = host_beat(s->host, store, clock_wall_ms(), &why);
	else
		return (HOST_FINE);
	if (end == HOST_FINE && !s->begun && formers_begin(s->formers, store) != STORE_FINE)
		end = HOST_AWAY;
	if (end == HOST_FINE || end == HOST_NEW) {
		s->begun = true;
		s->beat_us = clock_us() + BEAT_US;
	}
	if (end == HOST_WRONG)
		say_once(s, "this host has no name for the database", &why);
	buf_free(&why);
	return (end);
}

/* a turn */

static enum ship_end
look_after_leases(struct shipping *s, struct store *store, enum ship_end end)
{
	bool more = false;

	if (end != SHIP_ALL)
		return (end);
	s->leases_us = clock_us();
	if (formers_turn(s->formers, store, clock_wall_ms()) != STORE_FINE || keeper_turn(s->leases, store, clock_wall_ms()) != STORE_FINE ||
	    keeper_recalls(s->leases, store, clock_wall_ms(), &more) != STORE_FINE)
		return (SHIP_AWAY);
	return (more ? SHIP_SOME : SHIP_ALL);
}

/* Once what calls have cost so far is in the store.  Nothing else waits for it. */
static enum ship_end
follow_calendar(struct shipping *s, struct store *store, enum ship_end end)
{
	struct arena *arena;
	const char *zone;
	int turn;

	zone = span_calendar(&turn);
	if (end != SHIP_ALL || clock_us() < s->calendar_us || (turn == s->turn && strcmp(zone, s->zone) == 0))
		return (end);
	arena = arena_new();
	if (calendar_follow(store, arena, clock_wall_ms()) == STORE_FINE) {
		snprintf(s->zone, sizeof(s->zone), "%s", zone);
		s->turn = turn;
	} else {
		note(NOTE_WARN, "", "budgets do not go by the calendar of %s yet: %s", zone, store_why(store));
		s->calendar_us = clock_us() + RETRY_US;
	}
	arena_free(arena);
	return (end);
}

static enum ship_end
look_after_days(struct shipping *s, struct store *store, enum ship_end end)
{
	if (end != SHIP_ALL || clock_us() < s->days_us)
		return (end);
	s->days_us = clock_us() + (keeper_days(s->keeper, store) ? DAYS_US : RETRY_US);
	return (end);
}

/* Rows come first: prompts go while there are none, a batch at a time. */
static enum ship_end
ship_prompts(struct shipping *s, struct store *store, enum ship_end end)
{
	return (end == SHIP_ALL ? keeper_prompts(&s->prompts, s->keeper, store) : end);
}

/* Under load in large batches; else, and where a lease waits for its rows, at once. */
static enum ship_end
ship_rows(struct shipping *s, struct store *store)
{
	bool waits = keeper_closing(s->leases) > 0 || formers_waiting(s->formers) > 0;
	uint64_t before = shipper_rows(s->shipper);
	enum ship_end end;

	if (clock_us() < s->ship_us && !waits && !keeper_is_stopping(s->keeper))
		return (SHIP_ALL);
	end = shipper_turn(s->shipper, store);
	s->ship_us = end == SHIP_ALL && shipper_rows(s->shipper) - before >= MANY ? clock_us() + MANY_US : 0;
	return (end);
}

static enum ship_end
turn(struct shipping *s, struct store *store)
{
	enum ship_end end = SHIP_AWAY;

	switch (beat(s, store)) {
	case HOST_AWAY:
		break;
	case HOST_NEW:
		close_all(s);
		end = SHIP_SOME;
		break;
	case HOST_FINE:
	case HOST_WRONG:
		end = ship_rows(s, store);
		if (end == SHIP_SOME && clock_us() - s->leases_us > LEASES_US)
			look_after_leases(s, store, SHIP_ALL);	/* others may wait for money, however much there is to be shipped */
		end = ship_prompts(s, store, look_after_days(s, store, follow_calendar(s, store, look_after_leases(s, store, end))));
		break;
	}
	return (end);
}

static enum ship_end
lend_and_turn(struct shipping *s)
{
	struct store *store;
	enum ship_end end;

	if (!open_all(s))
		return (SHIP_WRONG);
	store = store_lend(s->keeper->pool, 1000);
	if (store == NULL)
		return (SHIP_AWAY);
	s->shared = store_is_postgres(store);
	end = turn(s, store);
	store_return(s->keeper->pool, store);
	return (end);
}

static void
pause_after(struct shipping *s, enum ship_end end)
{
	if (end != SHIP_AWAY)
		s->away_ms = 0;
	switch (end) {
	case SHIP_SOME:
		break;
	case SHIP_ALL:
		keeper_rest(s->keeper, s->shared && !atomic_load(&s->keeper->hears) ? DEAF_MS : IDLE_MS);
		break;
	case SHIP_AWAY:
		s->away_ms = s->away_ms == 0 ? AWAY_FIRST_MS : s->away_ms * 2 < AWAY_MOST_MS ? s->away_ms * 2 : AWAY_MOST_MS;
		keeper_rest(s->keeper, s->away_ms);
		break;
	case SHIP_WRONG:
		keeper_rest(s->keeper, WRONG_MS);
		break;
	}
}

/* Told to stop: what is there still goes, if the store takes it in time.  One that is away is not waited for: the spool stays. */
static void
ship_the_rest(struct shipping *s)
{
	const struct timespec step = { .tv_nsec = 50000000 };
	enum ship_end end = SHIP_SOME;

	for (unsigned away = 0; end != SHIP_ALL && end != SHIP_WRONG && away < AWAY_TRIES && clock_us() < s->keeper->patience_until_us;) {
		end = lend_and_turn(s);
		if (end == SHIP_AWAY && ++away < AWAY_TRIES)
			nanosleep(&step, NULL);
	}
}

static bool
ends_for_good(const struct shipping *s)
{
	return (s->keeper->how == HOUSE_ENDS || (s->keeper->how == HOUSE_ENDS_WITH_LAST && !running_others(s->running)));
}

/*
 * A host that ends well holds no money: should it never come back, nobody has to say so.  What calls of other processes still hold is not waited for:
 * whoever keeps house next goes on closing.
 */
static void
give_all_back(struct shipping *s)
{
	const struct timespec step = { .tv_nsec = 2000000 };
	int64_t until_us = clock_us() + QUIET_US;
	unsigned before = 0;

	if (s->leases == NULL || !ends_for_good(s))
		return;
	keeper_leave(s->leases);
	while (!keeper_has_left(s->leases) && clock_us() < until_us && clock_us() < s->keeper->patience_until_us) {
		enum ship_end end = lend_and_turn(s);

		if (end == SHIP_AWAY || end == SHIP_WRONG)
			return;
		if (keeper_closing(s->leases) != before) {
			before = keeper_closing(s->leases);
			until_us = clock_us() + QUIET_US;
		}
		nanosleep(&step, NULL);
	}
}

void
keeper_ship(struct housekeeper *h)
{
	struct shipping s = { .keeper = h };

	while (!keeper_is_stopping(h))
		pause_after(&s, lend_and_turn(&s));
	ship_the_rest(&s);
	give_all_back(&s);
	close_all(&s);
	keeper_prompts_close(&s.prompts);
	running_close(s.running);
}
