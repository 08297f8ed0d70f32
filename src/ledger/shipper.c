/* SPDX-License-Identifier: Apache-2.0 */
/* Batches: read, put into the store with everything that counts them, and set aside what no store takes. */
#include "ledger/shipper.h"

#include "base/clock.h"
#include "base/log.h"
#include "ledger/ledger.h"
#include "ledger/sums.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#define BATCH		5000
#define POSITIONS	64			/* segments of one batch */
#define TRIES		20			/* of a transaction that collides with another's */
#define SUSPECTS	32
#define SAY_US		60000000
#define TIDY_US		60000000

#define COLUMNS		29			/* of a row */

#define DO(call)	do { enum store_end do_end_ = (call); if (do_end_ != STORE_FINE) return (do_end_); } while (0)

/* A row as it lies in the spool. */
struct item {
	uint64_t	 key[2];		/* its id */
	struct text	 frame;
};

struct shipper {
	struct shipper_setup set;
	struct arena	*arena;			/* of the batch */
	bool		 begun;			/* the store's positions were asked for */
	struct item	*items;			/* of the batch: room for as many as it may have */
	unsigned	 most;			/* rows of the next batch */
	struct item	 suspects[SUSPECTS];	/* rows that were refused alone, frames on the heap: set aside as soon as another is taken */
	unsigned	 n_suspects;
	uint64_t	 passes_begun, passes_ended;
	bool		 in_pass;
	uint64_t	 inserted;
	int64_t		 said_us, away_said_us, tidied_us;
};

struct batch {
	struct item	*items;			/* by id, each once */
	unsigned	 n;
	unsigned	 held;			/* suspects among those that were read */
	int64_t		 inserted;
};

/* reading */

static bool
is_same(const struct item *a, const struct item *b)
{
	return (a->key[0] == b->key[0] && a->key[1] == b->key[1]);
}

static bool
is_suspect(const struct shipper *s, const struct item *item)
{
	for (unsigned i = 0; i < s->n_suspects; i++)
		if (is_same(&s->suspects[i], item))
			return (true);
	return (false);
}

static bool
set_aside(struct shipper *s, struct text frame, const char *why)
{
	struct ledger_row row;

	note(NOTE_ERROR, ledger_row_unpack(&row, s->arena, frame) ? row.id : "", "a row %s; it is kept in the spool's folder aside", why);
	return (reader_set_aside(s->set.reader, frame));
}

static int
by_key(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->key[0] != y->key[0])
		return (x->key[0] < y->key[0] ? -1 : 1);
	return (x->key[1] < y->key[1] ? -1 : x->key[1] > y->key[1]);
}

/* A row that was written twice (after a failed fsync, or by a sweeper) is in here once. */
static void
sort(struct batch *b)
{
	unsigned n = 0;

	if (b->n > 0)
		qsort(b->items, b->n, sizeof(*b->items), by_key);
	for (unsigned i = 0; i < b->n; i++)
		if (i == 0 || !is_same(&b->items[i], &b->items[n - 1]))
			b->items[n++] = b->items[i];
	b->n = n;
}

/* False: a frame could be neither read nor kept. */
static bool
read_batch(struct shipper *s, struct batch *b)
{
	struct item item;

	*b = (struct batch){ .items = s->items };
	if (!s->in_pass)
		s->passes_begun++;
	s->in_pass = true;
	while (b->n < s->most && reader_next(s->set.reader, s->arena, &item.frame)) {
		if (!ledger_row_key(item.key, item.frame)) {
			if (!set_aside(s, item.frame, "is of a version that this one does not know"))
				return (false);
		} else if (is_suspect(s, &item))
			b->held++;
		else
			b->items[b->n++] = item;
	}
	s->in_pass = b->n == s->most || reader_has_more(s->set.reader);
	sort(b);
	return (true);
}

/* the transaction */

/* The rows of a batch, unpacked one after the other, while they are loaded and added up. */
struct source {
	const struct shipper *shipper;
	const struct item *next, *end;
	struct ledger_row row;
	struct sums	*sums;
};

static bool
next_row(void *self, struct value *to)
{
	struct source *l = self;
	struct ledger_row *r = &l->row;
	bool good;

	if (l->next == l->end)
		return (false);
	good = ledger_row_unpack(r, l->shipper->arena, l->next->frame);
	assert(good);				/* it had a key */
	l->next++;
	sums_count(l->sums, r);
	if (to == NULL)
		return (true);
	memcpy(to, (const struct value[COLUMNS]){ V_TEXT(text_of(r->id)), V_INT(r->began_ms), V_INT_OR_NULL(r->first_token_ms != 0, r->first_token_ms),
		V_INT(r->ended_ms), V_TEXT(r->call_type), V_TEXT(r->ended), V_INT(r->status), V_INT(r->streamed), V_TEXT(r->key_digest),
		V_TEXT(r->user_id), V_TEXT(r->team_id), V_TEXT(r->organization_id), V_TEXT(r->project_id), V_TEXT(r->customer),
		V_TEXT(r->model_group), V_TEXT(r->model), V_TEXT(r->model_id), V_TEXT(r->provider), V_TEXT(r->api_base), V_INT(r->prompt),
		V_INT(r->completion), V_INT(r->cached), V_INT(r->written), V_INT(r->reasoning), V_INT(r->cost), V_INT(r->estimated),
		V_TEXT(text_of(l->shipper->set.host)), V_TEXT(r->tags), V_TEXT(r->doc) }, COLUMNS * sizeof(*to));
	return (true);
}

static int
text_cmp(const void *a, const void *b)
{
	const struct text *x = a, *y = b;
	int c = memcmp(x->at, y->at, x->len < y->len ? x->len : y->len);

	return (c != 0 ? c : x->len < y->len ? -1 : x->len > y->len);
}

/* Which of the batch are new: those whose ids came back. */
static void
keep_inserted(struct arena *arena, struct batch *b, const struct rows *back)
{
	struct text *ids = arena_alloc(arena, (back->n + 1) * sizeof(*ids));
	struct item *kept = arena_alloc(arena, (back->n + 1) * sizeof(*kept));
	struct ledger_row row;
	unsigned n = 0;

	for (unsigned i = 0; i < back->n; i++)
		ids[i] = rows_text(back, i, 0);
	qsort(ids, back->n, sizeof(*ids), text_cmp);
	for (unsigned i = 0; i < b->n; i++) {
		struct text id = { row.id, sizeof(row.id) - 1 };

		ledger_row_unpack(&row, arena, b->items[i].frame);
		if (n < back->n && bsearch(&id, ids, back->n, sizeof(*ids), text_cmp) != NULL)
			kept[n++] = b->items[i];
	}
	b->items = kept;			/* the whole batch may have to be offered again */
	b->n = n;
}

/* All in one statement: which are new? */
static enum store_end
insert_staged(const struct shipper *s, struct store *store, struct source *l, struct rows *back)
{
	DO(STORE0(store, s->arena, NULL, SQL_STAGE_REQUESTS));
	DO(store_load(store, SQL_LOAD_REQUESTS, COLUMNS, next_row, l, NULL));
	return (STORE0(store, s->arena, back, SQL_REQUESTS_INSERT));
}

/* Into the table itself; which are new is asked where not all are. */
static enum store_end
insert_at_once(const struct shipper *s, struct store *store, struct source *l, int64_t offered, struct rows *back)
{
	int64_t added;

	DO(store_load(store, SQL_LOAD_REQUESTS, COLUMNS, next_row, l, &added));
	back->n = (unsigned)added;
	return (added < offered ? STORE(store, s->arena, back, SQL_REQUESTS_LOADED, V_INT(added)) : STORE_FINE);
}

static enum store_end
insert(const struct shipper *s, struct store *store, struct batch *b, struct sums *sums)
{
	struct source l = { .shipper = s, .next = b->items, .end = b->items + b->n, .sums = sums };
	struct rows back = { 0 };

	sums_begin(sums, s->arena, b->n);
	if (b->n > 0)
		DO(store_is_postgres(store) ? insert_staged(s, store, &l, &back) : insert_at_once(s, store, &l, b->n, &back));
	b->inserted = back.n;
	if (back.n < b->n) {
		keep_inserted(s->arena, b, &back);
		sums_begin(sums, s->arena, b->n);
		l = (struct source){ .shipper = s, .next = b->items, .end = b->items + b->n, .sums = sums };
		while (next_row(&l, NULL))
			;
	}
	sums_end(sums);
	return (STORE_FINE);
}

static bool
next_day(void *self, struct value *v)
{
	const struct day_sum **at = self, *d = *at;

	if (d == NULL)
		return (false);
	*v++ = V_INT(d->day);
	for (unsigned i = 0; i < DAY_KEYS; i++)
		*v++ = V_TEXT(d->keys[i]);
	for (unsigned i = 0; i < DAY_SUMS; i++)
		*v++ = V_INT(d->sums[i]);
	*at = d->next;
	return (true);
}

static enum store_end
load_days(struct store *store, const struct sums *sums)
{
	const struct day_sum *at = sums->days;

	return (store_load(store, SQL_LOAD_DAYS, 1 + DAY_KEYS + DAY_SUMS, next_day, &at, NULL));
}

static enum store_end
add_days(struct store *store, struct arena *arena, const struct sums *sums)
{
	if (sums->n_days == 0)
		return (STORE_FINE);
	if (!store_is_postgres(store))
		return (load_days(store, sums));	/* adds them as it goes */
	DO(STORE0(store, arena, NULL, SQL_STAGE_DAYS));
	DO(load_days(store, sums));
	return (STORE0(store, arena, NULL, SQL_DAYS_ADD));
}

static enum store_end
note_positions(const struct shipper *s, struct store *store, struct arena *arena)
{
	struct reader_at at[POSITIONS];
	unsigned n = reader_read(s->set.reader, at, nitems(at));

	for (unsigned i = 0; i < n; i++)
		DO(STORE(store, arena, NULL, SQL_SPOOL_POSITION, V_TEXT(text_of(s->set.host)), V_INT((int64_t)at[i].segment), V_INT(at[i].position)));
	return (STORE_FINE);
}

static enum store_end
put(struct shipper *s, struct store *store, struct batch *b)
{
	struct sums sums;

	DO(insert(s, store, b, &sums));
	DO(add_days(store, s->arena, &sums));
	DO(note_positions(s, store, s->arena));
	if (sums.n_bookings > 0)
		DO(s->set.book(store, s->arena, sums.bookings, sums.n_bookings));
	return (STORE_FINE);
}

/* The store takes others, so it is them.  Before the commit that goes past them. */
static bool
set_suspects_aside(struct shipper *s)
{
	for (unsigned i = 0; i < s->n_suspects; i++)
		if (!set_aside(s, s->suspects[i].frame, "is refused by the store"))
			return (false);
	return (true);
}

static enum store_end
transact(struct shipper *s, struct store *store, const struct batch *whole, struct batch *b)
{
	enum store_end end = STORE_AGAIN;

	for (unsigned tries = 0; tries < TRIES && end == STORE_AGAIN; tries++) {
		if (tries > 0)
			usleep((unsigned)(random_u64() % (2000u << (tries < 6 ? tries : 6))));
		*b = *whole;
		end = store_begin(store);
		if (end == STORE_FINE)
			end = put(s, store, b);
		if (end == STORE_FINE && !set_suspects_aside(s))
			end = STORE_WRONG;
		if (end == STORE_FINE)
			end = store_commit(store);
		if (end != STORE_FINE)
			store_rollback(store);
	}
	return (end);
}

/* rows that the store refuses */

static void
forget_suspects(struct shipper *s)
{
	for (unsigned i = 0; i < s->n_suspects; i++)
		free((char *)(uintptr_t)s->suspects[i].frame.at);
	s->n_suspects = 0;
}

static void
suspect(struct shipper *s, const struct item *item)
{
	struct buf b = { 0 };

	buf_text(&b, item->frame);
	s->suspects[s->n_suspects] = *item;
	s->suspects[s->n_suspects++].frame = buf_as_text(&b);	/* the buffer's memory is its own from here on */
}

static void
say_refused(struct shipper *s, const struct store *store)
{
	int64_t now = clock_us();

	if (s->said_us != 0 && now < s->said_us + SAY_US)
		return;
	s->said_us = now;
	note(NOTE_ERROR, "", "the store refuses rows of the spool, which wait: %s", store_why(store));
}

static enum ship_end
away(struct shipper *s, const struct store *store)
{
	int64_t now = clock_us();

	if (s->away_said_us == 0 || now >= s->away_said_us + SAY_US) {
		s->away_said_us = now;
		note(NOTE_WARN, "", "rows wait in the spool: %s", store_why(store));
	}
	return (SHIP_AWAY);
}

/* Halves, until the row that is refused stands alone; and if there are too many of them it is not the rows. */
static enum ship_end
refused(struct shipper *s, const struct store *store, const struct batch *b)
{
	if (b->n > 1) {
		s->most = b->n / 2;
		return (SHIP_SOME);
	}
	if (b->n == 1 && s->n_suspects < SUSPECTS) {
		suspect(s, &b->items[0]);
		s->most = SUSPECTS;
		return (SHIP_SOME);
	}
	say_refused(s, store);
	forget_suspects(s);
	s->most = s->set.batch;
	return (SHIP_WRONG);
}

/* turns */

static enum ship_end
shipped(struct shipper *s, const struct batch *b)
{
	reader_shipped(s->set.reader);
	forget_suspects(s);
	s->inserted += (uint64_t)b->inserted;
	s->most = s->most * 2 < s->set.batch ? s->most * 2 : s->set.batch;
	if (s->in_pass)
		return (SHIP_SOME);
	s->passes_ended = s->passes_begun;
	return (SHIP_ALL);
}

static enum ship_end
back(struct shipper *s, enum ship_end end)
{
	reader_back(s->set.reader);
	s->in_pass = true;			/* what it has read so far is not shipped */
	return (end);
}

static enum ship_end
ship(struct shipper *s, struct store *store, const struct batch *whole)
{
	struct batch b;
	enum store_end end;

	if (whole->n == 0 && whole->held > 0) {
		usleep(100000);			/* nothing else to see whether it is the store, or them */
		return (back(s, SHIP_ALL));
	}
	if (s->n_suspects > 0 && s->said_us == 0)
		say_refused(s, store);
	end = transact(s, store, whole, &b);
	if (end == STORE_FINE)
		return (shipped(s, &b));
	return (back(s, end == STORE_AWAY || end == STORE_AGAIN ? away(s, store) : refused(s, store, whole)));
}

/* The store's memory of segments that are gone. */
static enum store_end
tidy(struct shipper *s, struct store *store)
{
	struct reader_at at;
	int64_t now = clock_us();

	if (s->tidied_us != 0 && now < s->tidied_us + TIDY_US)
		return (STORE_FINE);
	s->tidied_us = now;
	if (!reader_oldest(s->set.reader, &at))
		return (STORE_FINE);
	return (STORE(store, s->arena, NULL, SQL_SPOOL_FORGET, V_TEXT(text_of(s->set.host)), V_INT((int64_t)at.segment)));
}

static enum store_end
begin(struct shipper *s, struct store *store)
{
	struct reader_at *at;
	struct rows rows;

	DO(STORE(store, s->arena, &rows, SQL_SPOOL_POSITIONS, V_TEXT(text_of(s->set.host))));
	at = arena_alloc(s->arena, (rows.n + 1) * sizeof(*at));
	for (unsigned i = 0; i < rows.n; i++)
		at[i] = (struct reader_at){ (uint64_t)rows_int(&rows, i, 0, 0), rows_int(&rows, i, 1, 0) };
	reader_begin(s->set.reader, at, rows.n);
	s->begun = true;
	return (STORE_FINE);
}

enum ship_end
shipper_turn(struct shipper *s, struct store *store)
{
	enum ship_end end = SHIP_ALL;
	struct batch b;

	arena_clear(s->arena);
	if (!s->begun && begin(s, store) != STORE_FINE)
		return (SHIP_AWAY);
	if (!read_batch(s, &b))
		return (back(s, SHIP_WRONG));
	if (b.n > 0 || b.held > 0)
		end = ship(s, store, &b);
	else if (!s->in_pass) {
		s->passes_ended = s->passes_begun;
		reader_shipped(s->set.reader);	/* what was set aside, and ends of closed segments */
	}
	if (end == SHIP_ALL && tidy(s, store) != STORE_FINE)
		return (SHIP_AWAY);
	return (end);
}

uint64_t
shipper_mark(void *self)
{
	return (((struct shipper *)self)->passes_begun + 1);
}

bool
shipper_passed(void *self, uint64_t mark)
{
	return (((struct shipper *)self)->passes_ended >= mark);
}

uint64_t
shipper_rows(const struct shipper *s)
{
	return (s->inserted);
}

struct shipper *
shipper_new(const struct shipper_setup *set)
{
	struct shipper *s = must_zalloc(sizeof(*s));

	s->set = *set;
	if (s->set.batch == 0)
		s->set.batch = BATCH;
	s->most = s->set.batch;
	s->items = must_alloc((s->set.batch > SUSPECTS ? s->set.batch : SUSPECTS) * sizeof(*s->items));
	s->arena = arena_new();
	return (s);
}

void
shipper_free(struct shipper *s)
{
	if (s == NULL)
		return;
	forget_suspects(s);
	arena_free(s->arena);
	free(s->items);
	free(s);
}
