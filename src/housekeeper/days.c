/* SPDX-License-Identifier: Apache-2.0 */
/* The store's days: made ahead, and dropped when they are older than they are to be kept.  Sums of days stay for ever. */
#include "housekeeper/housekeeper_priv.h"

#include "base/clock.h"
#include "base/date.h"
#include "base/log.h"

#include <stdio.h>

#define AHEAD		8			/* days */
#define CHUNKS		200			/* of rows, at a time: the rest follows with the next turn */
#define CHANGES_MS	(2 * DAY_MS)		/* whoever has not read for that long takes everything for changed */
#define SESSIONS_MS	(7 * DAY_MS)		/* a session that nobody has asked for since begins anew */
#define HEALTH_MS	(30 * DAY_MS)
#define STEP_MS		DAY_MS			/* a clock that jumped so far while we looked drops nothing */

/* The smallest id of a moment. */
static void
id_from(char id[37], int64_t ms)
{
	unsigned long long at = ms > 0 ? (unsigned long long)ms : 0;

	snprintf(id, 37, "%08x-%04x-0000-0000-000000000000", (unsigned)(at >> 16), (unsigned)(at & 0xffff));
}

/* Again and again, each by itself so that nobody waits for long, until there is nothing left to do. */
static enum store_end
repeat(struct store *store, struct arena *arena, enum statement which, const struct value *v, unsigned n)
{
	enum store_end end = STORE_FINE;
	struct rows rows;

	for (unsigned i = 0; i < CHUNKS && end == STORE_FINE; i++) {
		rows = (struct rows){ 0 };
		end = store_ask(store, arena, &rows, which, v, n);
		if ((rows.n > 0 ? rows_int(&rows, 0, 0, 0) : rows.changed) == 0)
			break;
	}
	return (end);
}

static enum store_end
drop(struct store *store, struct arena *arena, enum statement which, int64_t keep_ms, int64_t first_ms)
{
	char id[37];

	id_from(id, first_ms);
	return (repeat(store, arena, which, (const struct value[]){ V_INT(keep_ms), V_TEXT(text_of(id)) }, 2));
}

static bool
clock_is_steady(struct housekeeper *h)
{
	int64_t ahead = clock_wall_ms() - clock_us() / 1000;

	if (h->clock_ahead_ms == 0)
		h->clock_ahead_ms = ahead;
	if (ahead - h->clock_ahead_ms < STEP_MS)
		return (true);
	note(NOTE_ERROR, "", "the clock has jumped by %lld hours since the housekeeper began: no rows are dropped",
	    (long long)(ahead - h->clock_ahead_ms) / 3600000);
	return (false);
}

static enum store_end
forget_sessions(struct store *store, struct arena *arena, int64_t before_ms)
{
	static const enum statement all[] = { SQL_SESSIONS_FORGET_SPENT, SQL_SESSIONS_FORGET_ACCOUNTS, SQL_SESSIONS_FORGET };
	enum store_end end = STORE_FINE;

	for (size_t i = 0; i < nitems(all) && end == STORE_FINE; i++)
		end = STORE(store, arena, NULL, all[i], V_INT(before_ms));
	return (end);
}

static enum store_end
drop_old(struct housekeeper *h, struct store *store, struct arena *arena)
{
	const struct settings *set = &h->config->settings;
	int64_t now = clock_wall_ms(), keep = atomic_load(&h->row_retention_ms);
	enum store_end end = STORE(store, arena, NULL, SQL_CHANGES_DROP, V_INT(now - CHANGES_MS));

	if (end == STORE_FINE && keep > 0)
		end = drop(store, arena, SQL_DAYS_DROP, keep, 0);
	if (end == STORE_FINE)
		end = forget_sessions(store, arena, now - SESSIONS_MS);
	if (end == STORE_FINE)
		end = STORE(store, arena, NULL, SQL_HEALTH_DROP, V_INT(now - HEALTH_MS));
	if (end == STORE_FINE && keep > 0)
		end = drop(store, arena, SQL_STRAYS_DROP, keep, day_of_ms(now - keep) * DAY_MS);
	if (end == STORE_FINE && set->prompt_retention_ms > 0)
		end = drop(store, arena, SQL_PROMPTS_DROP, set->prompt_retention_ms, now - set->prompt_retention_ms);
	return (end);
}

bool
keeper_days(struct housekeeper *h, struct store *store)
{
	struct arena *arena = arena_new();
	enum store_end end = repeat(store, arena, SQL_DAYS_MAKE, &V_INT(AHEAD), 1);

	if (end == STORE_FINE && clock_is_steady(h))
		end = drop_old(h, store, arena);
	if (end != STORE_FINE && end != STORE_AWAY)
		note(NOTE_WARN, "", "days could not be made or dropped; again soon: %s", store_why(store));
	arena_free(arena);
	return (end == STORE_FINE);
}
