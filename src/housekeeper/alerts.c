/* SPDX-License-Identifier: Apache-2.0 */
/* The thread of alerts: sends what anybody of the fleet raised, and watches the database and memcached. */
#include "housekeeper/housekeeper_priv.h"

#include "alert/alert.h"
#include "base/clock.h"
#include "board/known.h"

#include <unistd.h>

#define LOOK_MS		1000
#define NOBODY_US	INT64_C(60000000)	/* how often, where no alert goes anywhere */
#define PATIENCE_US	INT64_C(5000000)	/* away for so long, and it is an outage */
#define QUIET_US	INT64_C(3000000)	/* without another failure it is back: workers try it every second */

struct outage {
	int64_t		 since_us;		/* 0: it is there */
	bool		 told;
};

struct watch {
	char		 host[256];
	struct config	*config;		/* with the settings of the store; NULL: none was read yet */
	struct known_id	 models_id;
	uint32_t	 models;		/* their generation in it */
	bool		 read;			/* the store was asked */
	struct outage	 database, memcached;
	uint64_t	 failures;		/* of memcached, as the board counts them */
	int64_t		 failed_us, sent_us, rotated_us;
};

/* Is it an outage now that nobody was told of? */
static bool
is_news(struct outage *o)
{
	if (o->since_us == 0)
		o->since_us = clock_us();
	return (!o->told && clock_us() - o->since_us >= PATIENCE_US);
}

static void
database_is_away(struct watch *w, const struct config *config)
{
	if (!is_news(&w->database))
		return;
	w->database.told = true;
	alert_store_away(config, w->host);
}

static void
database_is_there(struct watch *w, struct store *store, struct arena *arena)
{
	w->database.since_us = 0;
	if (w->database.told && alert_outage(store, arena, "the database", w->host, true, clock_wall_ms()) == STORE_FINE)
		w->database.told = false;
}

static void
watch_memcached(struct watch *w, const struct board *board, struct store *store, struct arena *arena)
{
	uint64_t failures = board_counted(board, COUNT_MEMCACHED_FAILURES);
	struct outage *o = &w->memcached;

	if (failures != w->failures) {
		w->failures = failures;
		w->failed_us = clock_us();
		if (is_news(o))
			o->told = alert_outage(store, arena, "memcached", w->host, false, clock_wall_ms()) == STORE_FINE;
	} else if (clock_us() - w->failed_us > QUIET_US) {
		o->since_us = 0;
		if (o->told && alert_outage(store, arena, "memcached", w->host, true, clock_wall_ms()) == STORE_FINE)
			o->told = false;
	}
}

static const struct config *
in_force(const struct watch *w, const struct housekeeper *h)
{
	return (w->config != NULL ? w->config : h->config);
}

/* Where alerts go, and how long rows are kept, may be said in the store, and change while we run. */
static void
renew(struct watch *w, struct housekeeper *h, struct store *store)
{
	uint32_t models = known_generation(h->board, &w->models_id);
	struct config *c;
	enum store_end end;

	if (h->above.anew == NULL || (w->read && models == w->models))
		return;
	c = h->above.anew(h->config, store, &end);
	w->read = end == STORE_FINE;
	w->models = models;
	if (end != STORE_FINE || c->n_errors > 0) {
		config_release(c);
		return;
	}
	config_release(w->config);
	w->config = c;
	config_set_calendar(c);
	atomic_store(&h->row_retention_ms, c->settings.row_retention_ms);
}

static void
look(struct watch *w, struct housekeeper *h, struct store *store)
{
	struct arena *arena = arena_new();
	unsigned sent;

	database_is_there(w, store, arena);
	watch_memcached(w, h->board, store, arena);
	renew(w, h, store);
	if (in_force(w, h)->alerting.n_targets > 0 || clock_us() - w->sent_us > NOBODY_US) {
		w->sent_us = clock_us();
		alerts_send(store, in_force(w, h), clock_wall_ms(), &sent);
	}
	arena_free(arena);
}

/* Keys that are due; whichever host looks first does it. */
static void
rotate(struct watch *w, struct housekeeper *h)
{
	const struct config *config = in_force(w, h);

	if (h->above.rotate == NULL || !config->settings.key_rotation ||
	    (w->rotated_us != 0 && clock_us() - w->rotated_us < config->settings.key_rotation_check_ms * 1000))
		return;
	w->rotated_us = clock_us();
	h->above.rotate(h->pool, config, w->host);
}

void
keeper_alerts(struct housekeeper *h)
{
	struct watch w = { .failures = board_counted(h->board, COUNT_MEMCACHED_FAILURES) };

	known_id_make(&w.models_id, KNOWN_OTHER, TEXT(KNOWN_MODELS));
	if (gethostname(w.host, sizeof(w.host) - 1) != 0)
		w.host[0] = '\0';
	while (keeper_rest(h, LOOK_MS)) {
		struct store *store = store_lend(h->pool, LOOK_MS);

		if (store != NULL) {
			look(&w, h, store);
			store_return(h->pool, store);
			rotate(&w, h);
		} else if (store_is_away(h->pool))
			database_is_away(&w, in_force(&w, h));
	}
	config_release(w.config);
}
