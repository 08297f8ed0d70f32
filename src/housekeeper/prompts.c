/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stored prompts into the store, in transactions of their own.
 *
 * One that comes twice counts once, by its id, so the store keeps no position: what is in the spool when a housekeeper begins is offered again.  That is
 * little, because a segment is closed, and so removed, within a minute of having been shipped; else prompts would lie on the disk for longer than they
 * may be kept.
 */
#include "housekeeper/housekeeper_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include "ledger/prompt.h"
#include "ledger/spool.h"

#include <unistd.h>

#define BATCH		200			/* records */
#define BATCH_BYTES	(4 << 20)
#define LOOK_US		1000000			/* whether there is a spool */
#define FOLLOW_US	60000000
#define AGAIN_US	5000000			/* after a store that refuses all of them */
#define SAY_US		60000000

static void
say(struct prompt_mail *m, const char *what, struct text why)
{
	int64_t now = clock_us();

	if (m->said_us != 0 && now < m->said_us + SAY_US)
		return;
	m->said_us = now;
	note(NOTE_WARN, "", "%s: " TEXT_FMT, what, TEXT_ARG(why));
}

static bool
open_all(struct prompt_mail *m, const struct housekeeper *h)
{
	const struct settings *set = &h->config->settings;
	struct spool_settings spool = { .segment = (size_t)set->spool_segment, .most = PROMPT_FRAME, .private = true };
	struct buf why = { 0 };
	int64_t now = clock_us();

	if (m->reader != NULL || (m->looked_us != 0 && now < m->looked_us + LOOK_US))
		return (m->reader != NULL);
	m->looked_us = m->followed_us = now;
	if (m->arena == NULL)
		m->arena = arena_new();
	arena_clear(m->arena);
	spool.dir = prompts_path(m->arena, set->state_dir, set->instance).at;
	if (access(spool.dir, F_OK) != 0)
		return (false);
	m->spool = spool_open(&spool, &why);
	m->reader = m->spool != NULL ? reader_open(spool.dir, PROMPT_FRAME, &why) : NULL;
	if (m->reader == NULL) {
		say(m, "stored prompts are not shipped", buf_as_text(&why));
		spool_close(m->spool);
		m->spool = NULL;
	}
	buf_free(&why);
	m->moved = m->reader != NULL;		/* what was shipped before may lie there still */
	return (m->reader != NULL);
}

/* The next batch; how many. */
static unsigned
read_batch(struct prompt_mail *m, struct prompt batch[BATCH])
{
	struct text frame;
	size_t bytes = 0;
	unsigned n = 0;

	while (n < BATCH && bytes < BATCH_BYTES && reader_next(m->reader, m->arena, &frame)) {
		bytes += frame.len;
		if (prompt_unpack(&batch[n], frame))
			n++;
		else
			say(m, "a stored prompt is lost", TEXT("it is of a version that this one does not know"));
	}
	return (n);
}

static enum store_end
put(struct store *store, struct arena *arena, const struct prompt *p)
{
	return (STORE(store, arena, NULL, SQL_PROMPT_PUT, V_TEXT(text_of(p->id)), V_TEXT(p->team_id), V_TEXT_OR_NULL(p->request), V_TEXT_OR_NULL(p->answer)));
}

static enum store_end
put_all(struct store *store, struct arena *arena, const struct prompt *batch, unsigned n)
{
	enum store_end end = store_begin(store);

	for (unsigned i = 0; i < n && end == STORE_FINE; i++)
		end = put(store, arena, &batch[i]);
	if (end == STORE_FINE)
		end = store_commit(store);
	if (end != STORE_FINE)
		store_rollback(store);
	return (end);
}

/* One of them is refused: each by itself, and away with those that are.  If that is all of them it is the store. */
static enum store_end
put_each(struct prompt_mail *m, struct store *store, const struct prompt *batch, unsigned n)
{
	enum store_end end = STORE_FINE;
	unsigned refused = 0;

	for (unsigned i = 0; i < n && end == STORE_FINE; i++) {
		end = put(store, m->arena, &batch[i]);
		if (end != STORE_WRONG)
			continue;
		say(m, "the store refuses a prompt", text_of(store_why(store)));
		refused++;
		end = STORE_FINE;
	}
	return (end == STORE_FINE && refused == n ? STORE_WRONG : end);
}

/* Begins a new segment where all of the newest has been shipped, so that it goes. */
static void
follow(struct prompt_mail *m)
{
	int64_t now = clock_us();

	if (!m->moved || now < m->followed_us + FOLLOW_US)
		return;
	m->followed_us = now;
	m->moved = false;
	spool_follow(m->spool);
}

enum ship_end
keeper_prompts(struct prompt_mail *m, struct housekeeper *h, struct store *store)
{
	struct prompt batch[BATCH];
	enum store_end end = STORE_FINE;
	unsigned n;

	if (clock_us() < m->again_us || !open_all(m, h))
		return (SHIP_ALL);
	arena_clear(m->arena);
	n = read_batch(m, batch);
	if (n > 0)
		end = put_all(store, m->arena, batch, n);
	if (end == STORE_WRONG)
		end = put_each(m, store, batch, n);
	if (end != STORE_FINE) {
		reader_back(m->reader);
		m->again_us = end == STORE_WRONG ? clock_us() + AGAIN_US : 0;
		return (end == STORE_WRONG ? SHIP_ALL : SHIP_AWAY);
	}
	reader_shipped(m->reader);
	m->moved = m->moved || n > 0;
	if (n == 0)
		follow(m);
	return (n > 0 || reader_has_more(m->reader) ? SHIP_SOME : SHIP_ALL);
}

void
keeper_prompts_close(struct prompt_mail *m)
{
	reader_close(m->reader);
	spool_close(m->spool);
	arena_free(m->arena);
	*m = (struct prompt_mail){ 0 };
}
