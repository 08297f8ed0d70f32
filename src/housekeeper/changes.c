/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What others changed in the store, told to the board: in the order of the commits, all of it, within milliseconds where the store can call.
 *
 * First the generations are raised, and only then the board is told that all changes up to now are read.  Whoever has not read for long, or finds that
 * changes were removed meanwhile, says that everything changed.
 */
#include "housekeeper/housekeeper_priv.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "board/known.h"

#define CHANGES		"sluice_change"
#define RECALLS		"sluice_recall"		/* of leases; for the thread that ships */
#define POLL_MS		50			/* where nothing is heard */
#define ALONE_MS	100			/* of a file: workers tell the board themselves, only what commands change is found so */
#define HEARD_MS	250			/* where it is: still, a connection may have died silently */
#define PROVE_US	10000000		/* how long a proof that we hear is good for */
#define AWAY_MS		200
#define ANEW_US		3600000000		/* changes are kept for a day at least */
#define PAGE		1000

struct listener {
	struct housekeeper *keeper;
	struct board	*board;
	struct arena	*arena;
	struct store	*store;			/* of its own: it listens */
	bool		 away;			/* it could not be asked when we last tried */
	bool		 begun;
	int64_t		 last;			/* change that was read */
	int64_t		 read_us;		/* when we had read all; 0: never */
	bool		 listening;
	int64_t		 called_us;		/* when we last called ourselves; 0: never */
	int64_t		 heard_us;
	bool		 fit;			/* the schema is new enough */
};

static void
tell_board(struct listener *l, struct text digest)
{
	struct known_id id;

	if (digest.len > 0 && hex_read(id.bytes, sizeof(id.bytes), digest))
		known_change(l->board, &id);
	else
		known_change_all(l->board);
}

/* Everything is asked for anew that is asked for from here on. */
static enum store_end
begin(struct listener *l)
{
	struct rows rows;
	enum store_end end = STORE0(l->store, l->arena, &rows, SQL_CHANGE_NEWEST);

	if (end != STORE_FINE)
		return (end);
	l->last = rows_int(&rows, 0, 0, 0);
	known_change_all(l->board);
	l->begun = true;
	return (STORE_FINE);
}

/* A page of changes; *more: there may be further ones. */
static enum store_end
read_page(struct listener *l, bool *more)
{
	int64_t now = clock_us();
	struct rows rows;
	enum store_end end = STORE(l->store, l->arena, &rows, SQL_CHANGE_READ, V_INT(l->last), V_INT(PAGE));

	if (end != STORE_FINE)
		return (end);
	for (unsigned i = 0; i < rows.n; i++) {
		tell_board(l, rows_text(&rows, i, 1));
		l->last = rows_int(&rows, i, 0, l->last);
	}
	*more = rows.n == PAGE;
	if (!*more) {
		board_changes_read(l->board, now);
		l->read_us = now;
	}
	return (STORE_FINE);
}

static enum store_end
read_all(struct listener *l)
{
	enum store_end end = l->begun ? STORE_FINE : begin(l);
	bool more = true;

	while (end == STORE_FINE && more) {
		arena_clear(l->arena);
		end = read_page(l, &more);
	}
	return (end);
}

/* A call of our own comes back, or it does not: a pooler may take LISTEN and deliver nothing. */
static enum store_end
prove(struct listener *l)
{
	enum store_end end = STORE_FINE;

	if (!store_is_postgres(l->store))
		return (STORE_FINE);
	if (!l->listening) {
		end = store_listen(l->store, CHANGES);
		if (end == STORE_FINE)
			end = store_listen(l->store, RECALLS);
		l->listening = end == STORE_FINE;
	}
	if (end == STORE_FINE && (l->called_us == 0 || clock_us() - l->called_us > PROVE_US / 2)) {
		l->called_us = clock_us();
		end = STORE0(l->store, l->arena, NULL, SQL_CHANGE_CALL);
	}
	return (end);
}

static void
await(struct listener *l)
{
	bool hears = l->heard_us != 0 && clock_us() - l->heard_us < PROVE_US;

	atomic_store(&l->keeper->hears, hears);
	if (!store_is_postgres(l->store))
		keeper_rest(l->keeper, ALONE_MS);
	else if (store_heard(l->store, hears ? HEARD_MS : POLL_MS)) {
		l->heard_us = clock_us();
		keeper_call(l->keeper);
	}
}

/* The pool sees to the schema, of a file by making it, and says what is wrong. */
static bool
has_schema(struct listener *l)
{
	struct store *s = l->fit ? NULL : store_lend(l->keeper->pool, 1000);

	l->fit |= s != NULL;
	store_return(l->keeper->pool, s);
	return (l->fit);
}

static void
turn(struct listener *l)
{
	if (!has_schema(l)) {
		keeper_rest(l->keeper, AWAY_MS);
		return;
	}
	if (l->read_us != 0 && clock_us() - l->read_us > ANEW_US)
		l->begun = false;
	if (prove(l) != STORE_FINE || read_all(l) != STORE_FINE) {
		if (!l->away)
			note(NOTE_WARN, "", "changes can not be read: %s", store_why(l->store));
		l->away = true;
		l->called_us = l->heard_us = 0;
		atomic_store(&l->keeper->hears, false);
		keeper_rest(l->keeper, AWAY_MS);
		return;
	}
	if (l->away)
		keeper_call(l->keeper);		/* it is back: whoever waits for that need not guess */
	l->away = false;
	await(l);
}

void
keeper_changes(struct housekeeper *h)
{
	const struct settings *set = &h->config->settings;
	struct listener l = { .keeper = h, .arena = arena_new(), .store = store_new(set->database) };
	struct buf why = { 0 };

	while ((l.board = board_open(set->run_dir.at, set->instance.at, SEAT_NONE, &why)) == NULL && keeper_rest(h, 1000))
		why.len = 0;
	while (l.board != NULL && !keeper_is_stopping(h))
		turn(&l);
	store_free(l.store);
	board_close(l.board);
	arena_free(l.arena);
	buf_free(&why);
}
