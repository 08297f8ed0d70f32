/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The housekeeper's care for leases: recalls are answered, and what is doubtful, idle, above its ceiling, nowhere on the board, or closing by somebody's
 * word is closed.
 *
 * The way of closing, each step of which can be repeated: the store says "closing", so that no grant adds to it → the turns of asking that were open then
 * are over → the board has none of it any more → no running exchange has money of it → the spool is shipped to where it ended then → what is left is held
 * no more.
 */
#include "ledger/leases_priv.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

#define LIST_MS		1000		/* how often the board and the store are looked through */
#define OVER_MS		5000		/* and for those of budgets that have become smaller */
#define ORPHANS_MS	30000		/* and for leases that the board does not know */
#define IDLE_US		INT64_C(120000000)
#define GRACE_MS	60000		/* so long a lease may take from its grant to the board */
#define TIDY_MS		INT64_C(3600000)
#define KEPT_MS		INT64_C(604800000)
#define MOST		1024		/* closed at a time */

#define DO(call)	do { enum store_end do_end_ = (call); if (do_end_ != STORE_FINE) return (do_end_); } while (0)

enum phase {
	PHASE_TURNS,				/* asked for before it was closing */
	PHASE_USED,				/* by running exchanges */
	PHASE_SPOOL,				/* rows on their way */
};

struct closing {
	uint64_t	 lease, account;
	int64_t		 period;
	enum phase	 phase;
	uint64_t	 mark;			/* of the spool */
};

struct keeper {
	struct running	*running;
	char		 host[HOST_ID + 1];
	struct keeper_spool spool;
	struct arena	*scratch;
	struct closing	*closing;		/* sorted by lease */
	unsigned	 n;
	struct lease_turns turns;		/* of those in PHASE_TURNS */
	int64_t		 list_ms, over_ms, orphans_ms, tidy_ms;
	int64_t		 recall;		/* the number of the last that was answered; -1: not known yet */
	bool		 leaves;		/* this host ends: nobody is to hold anything */
	unsigned	 found;			/* by the last look */
};

struct keeper *
keeper_new(struct running *r, const char *host, const struct keeper_spool *spool)
{
	struct keeper *k = must_zalloc(sizeof(*k));

	k->running = r;
	snprintf(k->host, sizeof(k->host), "%s", host);
	k->spool = *spool;
	k->scratch = arena_new();
	k->closing = must_alloc(MOST * sizeof(k->closing[0]));
	k->recall = -1;
	return (k);
}

void
keeper_free(struct keeper *k)
{
	if (k == NULL)
		return;
	arena_free(k->scratch);
	free(k->closing);
	free(k);
}

unsigned
keeper_closing(const struct keeper *k)
{
	return (k->n);
}

void
keeper_leave(struct keeper *k)
{
	k->leaves = true;
	k->found = 1;				/* nobody has looked yet */
}

bool
keeper_has_left(const struct keeper *k)
{
	return (k->leaves && k->n == 0 && k->found == 0);
}

/* which are to be closed */

static bool
turns_are_waited_for(const struct keeper *k)
{
	for (unsigned i = 0; i < k->n; i++)
		if (k->closing[i].phase == PHASE_TURNS)
			return (true);
	return (false);
}

static bool
is_closing(const struct keeper *k, uint64_t lease)
{
	for (unsigned i = 0; i < k->n; i++)
		if (k->closing[i].lease == lease)
			return (true);
	return (false);
}

static void
add(struct keeper *k, uint64_t lease, uint64_t account, int64_t period)
{
	if (k->n < MOST && !is_closing(k, lease))
		k->closing[k->n++] = (struct closing){ .lease = lease, .account = account, .period = period };
}

static int
by_lease(const void *a, const void *b)
{
	const struct closing *x = a, *y = b;

	return (x->lease < y->lease ? -1 : x->lease > y->lease);
}

static void
add_rows(struct keeper *k, const struct rows *rows)
{
	for (unsigned i = 0; i < rows->n; i++)
		add(k, (uint64_t)rows_int(rows, i, 0, 0), (uint64_t)rows_int(rows, i, 1, 0), rows_int(rows, i, 2, 0));
}

/* What a killed process was granted never came to the board: only the store knows. */
static enum store_end
add_unseen(struct keeper *k, struct store *store, const struct lease_seen *seen)
{
	struct rows rows = { 0 };

	DO(STORE(store, k->scratch, &rows, SQL_BUDGET_LEASE_OPEN, V_TEXT(text_of(k->host)), V_INT((int64_t)seen->account), V_INT(seen->period)));
	add_rows(k, &rows);
	return (STORE_FINE);
}

/* The doubt goes first: whatever is lost from now on is another. */
static enum store_end
add_doubtful(struct keeper *k, struct store *store, const struct lease_seen *seen)
{
	enum store_end end = STORE_FINE;

	if (k->n + 1 >= MOST)
		return (STORE_FINE);
	lease_doubt(k->running, seen->account, seen->period, false);
	if (seen->lease != 0)
		add(k, seen->lease, seen->account, seen->period);
	else if ((end = add_unseen(k, store, seen)) != STORE_FINE)
		lease_doubt(k->running, seen->account, seen->period, true);
	return (end);
}

static enum store_end
list_board(struct keeper *k, struct store *store)
{
	struct lease_seen seen[256];
	unsigned cursor = 0, n;
	int64_t now_us = clock_us();

	do {
		n = lease_list(k->running, seen, nitems(seen), &cursor);
		for (unsigned i = 0; i < n; i++)
			if (seen[i].doubtful)
				DO(add_doubtful(k, store, &seen[i]));
			else if (k->leaves || now_us - seen[i].used_us > IDLE_US)
				add(k, seen[i].lease, seen[i].account, seen[i].period);
	} while (cursor != 0);
	return (STORE_FINE);
}

static enum store_end
list_closing(struct keeper *k, struct store *store)
{
	struct rows rows = { 0 };

	DO(STORE(store, k->scratch, &rows, SQL_BUDGET_LEASES_CLOSING, V_TEXT(text_of(k->host))));
	add_rows(k, &rows);
	return (STORE_FINE);
}

static enum store_end
list_over(struct keeper *k, struct store *store, int64_t now_ms)
{
	struct rows rows = { 0 };

	DO(STORE(store, k->scratch, &rows, SQL_BUDGET_LEASES_OVER, V_TEXT(text_of(k->host)), V_INT(now_ms)));
	add_rows(k, &rows);
	return (STORE_FINE);
}

/* After a reboot, or an answer that was lost: open in the store, and nobody here can spend them. */
static enum store_end
list_orphans(struct keeper *k, struct store *store, int64_t now_ms)
{
	int64_t after = 0;
	struct rows rows = { 0 };

	do {
		DO(STORE(store, k->scratch, &rows, SQL_BUDGET_LEASES_OF_HOST, V_TEXT(text_of(k->host)), V_INT(after)));
		for (unsigned i = 0; i < rows.n; i++) {
			uint64_t account = (uint64_t)rows_int(&rows, i, 1, 0), lease = (uint64_t)rows_int(&rows, i, 0, 0);
			int64_t period = rows_int(&rows, i, 2, 0);

			after = (int64_t)lease;
			if (rows_int(&rows, i, 4, 0) < now_ms - GRACE_MS && !lease_is_there(k->running, account, period, lease))
				add(k, lease, account, period);
		}
	} while (rows.n == 1000);
	return (STORE_FINE);
}

static enum store_end
tidy(struct store *store, struct arena *arena, int64_t now_ms)
{
	DO(STORE(store, arena, NULL, SQL_BUDGET_LEASES_TIDY, V_INT(now_ms - KEPT_MS)));
	DO(STORE(store, arena, NULL, SQL_HOSTS_TIDY, V_INT(now_ms - KEPT_MS)));
	return (STORE(store, arena, NULL, SQL_BUDGET_RECALLS_TIDY, V_INT(now_ms - TIDY_MS)));
}

static bool
is_due(int64_t *last_ms, int64_t every_ms, int64_t now_ms)
{
	if (*last_ms != 0 && now_ms >= *last_ms && now_ms - *last_ms < every_ms)
		return (false);
	*last_ms = now_ms;
	return (true);
}

static enum store_end
list_all(struct keeper *k, struct store *store, int64_t now_ms)
{
	DO(list_board(k, store));
	DO(list_closing(k, store));
	if (is_due(&k->over_ms, OVER_MS, now_ms))
		DO(list_over(k, store, now_ms));
	if (is_due(&k->orphans_ms, ORPHANS_MS, now_ms))
		DO(list_orphans(k, store, now_ms));
	return (STORE_FINE);
}

static enum store_end
close_from(struct keeper *k, struct store *store, unsigned first)
{
	for (unsigned i = first; i < k->n; i++)
		DO(STORE(store, k->scratch, NULL, SQL_BUDGET_LEASE_CLOSE, V_INT((int64_t)k->closing[i].lease)));
	return (STORE_FINE);
}

/* New ones join only while no turns are waited for: those are counted for all of them at once. */
static enum store_end
begin_closing(struct keeper *k, struct store *store, int64_t now_ms)
{
	unsigned before = k->n;
	enum store_end end = list_all(k, store, now_ms);

	if (end == STORE_FINE)
		end = close_from(k, store, before);
	if (end != STORE_FINE) {
		for (; k->n > before; k->n--)
			lease_doubt(k->running, k->closing[k->n - 1].account, k->closing[k->n - 1].period, true);
		return (end);
	}
	k->found = k->n - before;
	lease_turns_now(k->running, &k->turns);
	qsort(k->closing, k->n, sizeof(k->closing[0]), by_lease);
	return (is_due(&k->tidy_ms, TIDY_MS, now_ms) ? tidy(store, k->scratch, now_ms) : STORE_FINE);
}

/* and their way */

static void
stop_those(struct keeper *k)
{
	if (!turns_are_waited_for(k) || !lease_turns_over(k->running, &k->turns))
		return;
	for (unsigned i = 0; i < k->n; i++)
		if (k->closing[i].phase == PHASE_TURNS) {
			lease_stop(k->running, k->closing[i].account, k->closing[i].period, k->closing[i].lease);
			k->closing[i].phase = PHASE_USED;
		}
}

static void
mark_those(struct keeper *k)
{
	uint64_t leases[MOST], end;
	bool used[MOST], any = false;

	for (unsigned i = 0; i < k->n; i++) {
		leases[i] = k->closing[i].lease;
		any |= k->closing[i].phase == PHASE_USED;
	}
	if (!any)
		return;
	lease_in_use(k->running, leases, k->n, used);
	end = k->spool.end(k->spool.self);
	for (unsigned i = 0; i < k->n; i++)
		if (k->closing[i].phase == PHASE_USED && !used[i]) {
			k->closing[i].phase = PHASE_SPOOL;
			k->closing[i].mark = end;
		}
}

static enum store_end
settle(struct keeper *k, struct store *store, uint64_t lease)
{
	enum store_end end = store_begin(store);

	if (end == STORE_FINE)
		end = lease_settle(store, k->scratch, lease);
	if (end == STORE_FINE)
		return (store_commit(store));
	store_rollback(store);
	return (end);
}

static enum store_end
settle_those(struct keeper *k, struct store *store)
{
	unsigned kept = 0;
	enum store_end end = STORE_FINE;

	for (unsigned i = 0; i < k->n; i++) {
		struct closing *c = &k->closing[i];

		if (end == STORE_FINE && c->phase == PHASE_SPOOL && k->spool.shipped(k->spool.self, c->mark) &&
		    (end = settle(k, store, c->lease)) == STORE_FINE)
			continue;
		k->closing[kept++] = *c;
	}
	k->n = kept;
	return (end == STORE_AGAIN ? STORE_FINE : end);
}

enum store_end
keeper_turn(struct keeper *k, struct store *store, int64_t now_ms)
{
	arena_clear(k->scratch);
	if (!turns_are_waited_for(k) && (k->leaves || is_due(&k->list_ms, LIST_MS, now_ms)))
		DO(begin_closing(k, store, now_ms));
	stop_those(k);
	mark_those(k);
	return (settle_those(k, store));
}

/* recalls */

static enum store_end
give_back(struct keeper *k, struct store *store, uint64_t account, int64_t period, bool *more)
{
	uint64_t lease;
	int64_t amount = lease_recall(k->running, account, period, &lease);
	enum store_end end;

	*more |= lease != 0;
	if (amount <= 0)
		return (STORE_FINE);
	end = store_begin(store);
	if (end == STORE_FINE)
		end = lease_give_back(store, k->scratch, lease, amount);
	if (end == STORE_FINE)
		end = store_commit(store);
	else
		store_rollback(store);
	if (end != STORE_FINE)			/* perhaps it was done: closing finds out */
		lease_doubt(k->running, account, period, true);
	return (end == STORE_AGAIN ? STORE_FINE : end);
}

enum store_end
keeper_recalls(struct keeper *k, struct store *store, int64_t now_ms, bool *more)
{
	struct rows rows = { 0 };

	*more = false;
	arena_clear(k->scratch);
	if (!store_is_postgres(store))
		return (STORE_FINE);
	if (k->recall < 0) {
		DO(STORE0(store, k->scratch, &rows, SQL_BUDGET_RECALLS_LAST));
		k->recall = rows_int(&rows, 0, 0, 0);
	}
	DO(STORE(store, k->scratch, &rows, SQL_BUDGET_RECALLS, V_INT(k->recall), V_TEXT(text_of(k->host))));
	for (unsigned i = 0; i < rows.n; i++) {
		DO(give_back(k, store, (uint64_t)rows_int(&rows, i, 0, 0), rows_int(&rows, i, 1, 0), more));
		k->recall = rows_int(&rows, i, 2, k->recall);
	}
	return (STORE_FINE);
}
