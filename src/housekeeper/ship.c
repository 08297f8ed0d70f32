/* SPDX-License-Identifier: Apache-2.0 */
/* Shipping, while there is something to ship, and what the store needs from time to time. */
#include "housekeeper/housekeeper_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include "ledger/ledger.h"
#include "ledger/shipper.h"

#include <stdlib.h>
#include <unistd.h>

#define IDLE_MS		100
#define AWAY_FIRST_MS	200
#define AWAY_MOST_MS	5000
#define WRONG_MS	5000
#define PATIENCE_STEP_MS	50

struct shipping {
	struct housekeeper *keeper;
	struct reader	*reader;
	struct shipper	*shipper;
	unsigned	 away_ms;		/* next pause; 0: the store is there */
	bool		 said;
};

/* Until the leases' booking is there: what a row costs is spent. */
static enum store_end
book(struct store *store, struct arena *arena, struct booking *b, unsigned n, struct crossing **crossings, unsigned *n_crossings)
{
	enum store_end end = STORE_FINE;

	*crossings = NULL;
	*n_crossings = 0;
	for (unsigned i = 0; i < n && end == STORE_FINE; i++)
		end = STORE(store, arena, NULL, SQL_SPENT_ADD, V_INT((int64_t)b[i].account), V_INT(b[i].period), V_INT(b[i].cost));
	return (end);
}

static bool
open_reader(struct shipping *s)
{
	struct shipper_setup set = { .book = book };
	struct buf why = { 0 };

	s->reader = reader_open(s->keeper->spool_dir, LEDGER_ROW_MOST, &why);
	if (s->reader == NULL) {
		if (!s->said)
			note(NOTE_WARN, "", "rows are not shipped: " TEXT_FMT, TEXT_ARG(buf_as_text(&why)));
		s->said = true;
	} else {
		if (gethostname(set.host, sizeof(set.host) - 1) != 0)
			set.host[0] = '\0';
		set.reader = s->reader;
		s->shipper = shipper_new(&set);
	}
	buf_free(&why);
	return (s->reader != NULL);
}

static enum ship_end
ship(struct shipping *s)
{
	struct store *store = store_lend(s->keeper->pool, 1000);
	enum ship_end end = SHIP_AWAY;

	if (store != NULL) {
		do
			end = shipper_turn(s->shipper, store);
		while (end == SHIP_SOME && !keeper_is_stopping(s->keeper));
		store_return(s->keeper->pool, store);
	}
	return (end);
}

static void
pause_after(struct shipping *s, enum ship_end end)
{
	switch (end) {
	case SHIP_SOME:
		break;
	case SHIP_ALL:
		s->away_ms = 0;
		keeper_rest(s->keeper, IDLE_MS);
		break;
	case SHIP_AWAY:
		if (s->away_ms == 0)
			note(NOTE_WARN, "", "the database is away: rows wait in the spool");
		s->away_ms = s->away_ms == 0 ? AWAY_FIRST_MS : s->away_ms * 2 < AWAY_MOST_MS ? s->away_ms * 2 : AWAY_MOST_MS;
		keeper_rest(s->keeper, s->away_ms);
		break;
	case SHIP_WRONG:
		keeper_rest(s->keeper, WRONG_MS);
		break;
	}
}

/* Told to stop: what is there still goes, if the store takes it in time. */
static void
ship_the_rest(struct shipping *s)
{
	struct timespec step = { .tv_nsec = PATIENCE_STEP_MS * 1000000L };

	while (clock_us() < s->keeper->patience_until_us) {
		enum ship_end end = ship(s);

		if (end == SHIP_ALL || end == SHIP_WRONG)
			return;
		if (end == SHIP_AWAY)
			nanosleep(&step, NULL);
	}
}

void
keeper_ship(struct housekeeper *h)
{
	struct shipping s = { .keeper = h };

	while (!open_reader(&s))
		if (!keeper_rest(h, 1000))
			return;
	while (!keeper_is_stopping(h))
		pause_after(&s, ship(&s));
	ship_the_rest(&s);
	shipper_free(s.shipper);
	reader_close(s.reader);
}
