/* SPDX-License-Identifier: Apache-2.0 */
/* The state lies twice in shared memory: under a lock of the kernel the one that does not count is changed, then it counts. */
#include "board/bank.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#define LEASES_MOST	400000
#define ROWS_MOST	1500000
#define IDS		4194304		/* places of a table of ids, a power of two */
#define CHANGES		64
#define AHEAD		2000		/* rows that may wait to be shipped */

enum { OPEN, CLOSING, SETTLED };

struct bank_lease {
	int64_t		 remaining;
	uint8_t		 account, state;
};

struct bank_state {
	struct {
		int64_t	 ceiling, spent, held;
		uint32_t open;			/* its open lease; 0: none */
	}		 accounts[BANK_ACCOUNTS + 1];
	uint32_t	 n_leases;		/* the last id */
};

struct bank_change {				/* of a lease, by one deed */
	uint32_t	 lease;
	struct bank_lease to;
};

struct bank_memory {
	struct bank_state states[2];
	/* One word: which state counts, and how many changes of leases belong to it, which are done again by whoever finds them. */
	_Atomic uint32_t word;
	struct bank_change changes[CHANGES];
	_Atomic off_t	 shipped;
	bool		 late;			/* a row came to a lease that was settled: what it had reserved was given to others */
	struct bank_lease leases[LEASES_MOST];
};

/* A kill may cut a write between two pages, so records divide a page. */
#define VENDOR_RECORD	64

struct row {
	_Alignas(256) char id[37];
	uint8_t		 n;
	int64_t		 cost;
	struct charge	 charges[4];
};

struct bank {
	struct bank_memory *m;
	char		 dir[100];
	int		 lock, vendor, spool;
	struct row	*rows;
	uint32_t	*ids;			/* row + 1 */
	unsigned	 n_rows;
	struct lease_turns turns;
	uint64_t	 closing[BANK_ACCOUNTS + 1];	/* those whose turns are waited for */
	unsigned	 step;
};

static pthread_mutex_t turns = PTHREAD_MUTEX_INITIALIZER;

void
bank_die(const char *why)
{
	fprintf(stderr, "%s\n", why);
	abort();
}

static int
open_in(const struct bank *b, const char *name)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", b->dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		bank_die(__func__);
	return (fd);
}

struct bank *
bank_new(const char *dir, int64_t key_ceiling, int64_t team_ceiling)
{
	struct bank *b = must_zalloc(sizeof(*b));

	snprintf(b->dir, sizeof(b->dir), "%s", dir);
	b->m = mmap(NULL, sizeof(*b->m), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (b->m == MAP_FAILED)
		bank_die(__func__);
	for (unsigned a = 1; a <= BANK_ACCOUNTS; a++)
		b->m->states[0].accounts[a].ceiling = a == BANK_TEAM ? team_ceiling : key_ceiling;
	b->vendor = open_in(b, "vendor");
	b->spool = open_in(b, "spool");
	b->rows = aligned_alloc(_Alignof(struct row), ROWS_MOST * sizeof(b->rows[0]));
	if (b->rows == NULL)
		bank_die("no room for rows");
	b->ids = must_zalloc(IDS * sizeof(b->ids[0]));
	return (b);
}

void
bank_free(struct bank *b)
{
	static const char *const names[] = { "vendor", "spool", "lock" };
	char path[160];

	for (unsigned i = 0; i < nitems(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", b->dir, names[i]);
		unlink(path);
	}
	close(b->vendor);
	close(b->spool);
	munmap(b->m, sizeof(*b->m));
	free(b->rows);
	free(b->ids);
	free(b);
}

/* deeds */

static uint32_t
which(const struct bank *b)
{
	return (atomic_load(&b->m->word) & 1);
}

static void
redo(struct bank *b)
{
	uint32_t n = atomic_load(&b->m->word) >> 1;

	for (uint32_t i = 0; i < n; i++)
		b->m->leases[b->m->changes[i].lease] = b->m->changes[i].to;
	atomic_store(&b->m->word, which(b));
}

/* Each process has a description of its own, so that the lock goes with it; its threads take turns. */
static struct bank_state *
begin(struct bank *b)
{
	struct bank_memory *m = b->m;
	uint32_t at;

	pthread_mutex_lock(&turns);
	b->lock = open_in(b, "lock");
	if (flock(b->lock, LOCK_EX) != 0)
		bank_die(__func__);
	redo(b);
	at = which(b);
	m->states[1 - at] = m->states[at];
	return (&m->states[1 - at]);
}

static void
undo(struct bank *b)
{
	close(b->lock);
	pthread_mutex_unlock(&turns);
}

static void
commit(struct bank *b, const struct bank_change *changes, uint32_t n)
{
	memcpy(b->m->changes, changes, n * sizeof(*changes));
	atomic_store(&b->m->word, (1 - which(b)) | n << 1);
	redo(b);
	undo(b);
}

static int64_t
most(int64_t a, int64_t b)
{
	return (a > b ? a : b);
}

/* A call that goes on is paid by a lease that is not the open one any more; it can not be settled, because that call has money of it. */
static bool
must_be_closing(const struct bank *b, const struct bank_state *s, uint64_t account, uint64_t lease)
{
	if (lease == 0 || s->accounts[account].open == lease)
		return (false);
	if (b->m->leases[lease].state != CLOSING)
		bank_die("a lease was settled while it paid for a call");
	return (true);
}

int
bank_grant(struct bank *b, const uint64_t *accounts, const int64_t *have, unsigned n, int64_t bound, int64_t wish, uint64_t *leases, int64_t *granted)
{
	struct bank_state *s = begin(b);
	struct bank_change changes[BANK_ACCOUNTS];
	int end = 1;

	for (unsigned i = 0; i < n && end == 1; i++) {
		int64_t left = s->accounts[accounts[i]].ceiling - s->accounts[accounts[i]].spent, free_now = left - s->accounts[accounts[i]].held;

		end = left < bound ? -1 : free_now + have[i] < bound ? 0 : 1;
		granted[i] = most(bound - have[i], wish < free_now / 2 ? wish : free_now / 2);
		if (must_be_closing(b, s, accounts[i], leases[i]))
			granted[i] = bound - have[i];
	}
	for (unsigned i = 0; i < n && end == 1; i++) {
		uint32_t *open_lease = &s->accounts[accounts[i]].open, lease;
		struct bank_lease to = { 0, (uint8_t)accounts[i], OPEN };

		if (must_be_closing(b, s, accounts[i], leases[i]))
			lease = (uint32_t)leases[i];
		else if ((lease = *open_lease) == 0)
			lease = *open_lease = ++s->n_leases;
		if (b->m->leases[lease].account != 0)
			to = b->m->leases[lease];
		to.remaining += granted[i];
		s->accounts[accounts[i]].held += granted[i];
		changes[i] = (struct bank_change){ lease, to };
		leases[i] = lease;
	}
	if (end == 1)
		commit(b, changes, n);
	else
		undo(b);
	return (end);
}

bool
bank_is_behind(struct bank *b)
{
	return (lseek(b->spool, 0, SEEK_END) - b->m->shipped > AHEAD * (off_t)sizeof(struct row));
}

void
bank_vendor(struct bank *b, const char id[37])
{
	char record[VENDOR_RECORD] = { 0 };

	memcpy(record, id, 36);
	if (write(b->vendor, record, sizeof(record)) != (ssize_t)sizeof(record))
		bank_die(__func__);
}

bool
bank_append(struct bank *b, const char id[37], int64_t cost, const struct charge *charges, unsigned n)
{
	struct row row = { .n = (uint8_t)n, .cost = cost };

	memcpy(row.id, id, sizeof(row.id));
	memcpy(row.charges, charges, n * sizeof(charges[0]));
	return (write(b->spool, &row, sizeof(row)) == (ssize_t)sizeof(row));
}

/* the housekeeper */

/* Where the id is, or would be. */
static uint32_t *
place_of(const struct bank *b, const char *id)
{
	uint64_t h = text_hash((struct text){ id, 36 });

	while (b->ids[h & (IDS - 1)] != 0 && memcmp(b->rows[b->ids[h & (IDS - 1)] - 1].id, id, 36) != 0)
		h++;
	return (&b->ids[h & (IDS - 1)]);
}

static bool
is_new(struct bank *b, const struct row *row)
{
	uint32_t *place = place_of(b, row->id);

	if (*place != 0)
		return (false);
	if (b->n_rows == ROWS_MOST)
		bank_die("too many rows");
	b->rows[b->n_rows++] = *row;
	*place = b->n_rows;
	return (true);
}

/* The lease's change in this deed: made at its first use. */
static struct bank_lease *
changed(const struct bank *b, struct bank_change *changes, uint32_t *n, uint64_t lease)
{
	for (uint32_t i = 0; i < *n; i++)
		if (changes[i].lease == lease)
			return (&changes[i].to);
	changes[*n] = (struct bank_change){ (uint32_t)lease, b->m->leases[lease] };
	return (&changes[(*n)++].to);
}

static void
book(const struct bank *b, struct bank_state *s, const struct row *row, struct bank_change *changes, uint32_t *n)
{
	for (unsigned i = 0; i < row->n; i++) {
		const struct charge *c = &row->charges[i];
		struct bank_lease *lease = changed(b, changes, n, c->lease);

		s->accounts[c->account].spent += row->cost;
		if (lease->state == SETTLED)
			b->m->late = true;
		if (c->lease == 0 || lease->state == SETTLED)
			continue;
		lease->remaining -= row->cost;
		s->accounts[c->account].held -= row->cost;
	}
}

/* Up to where the spool ended at the beginning; many rows in one deed. */
void
bank_ship(struct bank *b)
{
	off_t at = b->m->shipped, end = lseek(b->spool, 0, SEEK_END);
	struct bank_change changes[CHANGES];
	struct row row;

	while (at < end) {
		struct bank_state *s = begin(b);
		uint32_t n = 0;

		for (; at < end && n + 4 < CHANGES && pread(b->spool, &row, sizeof(row), at) == (ssize_t)sizeof(row); at += (off_t)sizeof(row))
			if (is_new(b, &row))
				book(b, s, &row, changes, &n);
		commit(b, changes, n);
		b->m->shipped = at;
	}
}

static void
set_state(struct bank *b, uint64_t lease, uint8_t state)
{
	struct bank_state *s = begin(b);
	struct bank_lease to = b->m->leases[lease];
	struct bank_change change;

	to.state = state;
	if (s->accounts[to.account].open == lease)
		s->accounts[to.account].open = 0;
	if (state == SETTLED) {
		s->accounts[to.account].held -= to.remaining;
		to.remaining = 0;
	}
	change = (struct bank_change){ (uint32_t)lease, to };
	commit(b, &change, 1);
}

static uint64_t
open_lease(struct bank *b, uint64_t account)
{
	uint64_t lease = begin(b)->accounts[account].open;

	undo(b);
	return (lease);
}

static void
begin_closing(struct bank *b, struct running *r, bool all)
{
	struct lease_seen seen[64];
	unsigned cursor = 0, n;

	do {
		n = lease_list(r, seen, nitems(seen), &cursor);
		for (unsigned i = 0; i < n; i++)
			if (seen[i].doubtful || all) {
				lease_doubt(r, seen[i].account, seen[i].period, false);
				b->closing[seen[i].account] = seen[i].lease != 0 ? seen[i].lease : open_lease(b, seen[i].account);
			}
	} while (cursor != 0);
	for (unsigned a = 1; a <= BANK_ACCOUNTS; a++)
		if (all && b->closing[a] == 0)
			b->closing[a] = open_lease(b, a);
	for (unsigned a = 1; a <= BANK_ACCOUNTS; a++)
		if (b->closing[a] != 0)
			set_state(b, b->closing[a], CLOSING);
	lease_turns_now(r, &b->turns);
}

/* The way of a lease that is closed: closing · turns over · stopped · no slot has it · shipped · settled. */
void
bank_close(struct bank *b, struct running *r, bool all)
{
	uint64_t lease;
	bool used;

	if (b->step == 0)
		begin_closing(b, r, all);
	b->step = 1;
	if (!lease_turns_over(r, &b->turns))
		return;
	for (unsigned a = 1; a <= BANK_ACCOUNTS; a++)
		lease_stop(r, a, 0, b->closing[a]);
	for (unsigned a = 1; a <= BANK_ACCOUNTS; a++) {
		lease = b->closing[a];
		used = false;
		if (lease != 0)
			lease_in_use(r, &lease, 1, &used);
		if (used)
			return;
	}
	bank_ship(b);
	for (unsigned a = 1; a <= BANK_ACCOUNTS; a++) {
		if (b->closing[a] != 0)
			set_state(b, b->closing[a], SETTLED);
		b->closing[a] = 0;
	}
	b->step = 0;
}

const char *
bank_check(struct bank *b)
{
	const struct bank_state *s = begin(b);
	const char *wrong = b->m->late ? "a row came to a lease that was settled" : NULL;
	int64_t held[BANK_ACCOUNTS + 1] = { 0 };

	for (uint32_t l = 1; l <= s->n_leases; l++) {
		held[b->m->leases[l].account] += b->m->leases[l].remaining;
		if (b->m->leases[l].remaining < 0)
			wrong = "a lease was overspent";
	}
	for (unsigned a = 1; a <= BANK_ACCOUNTS; a++) {
		if (s->accounts[a].held != held[a])
			wrong = "held is not the sum of the leases";
		if (s->accounts[a].spent + s->accounts[a].held > s->accounts[a].ceiling)
			wrong = "spent and held are above the ceiling";
	}
	undo(b);
	return (wrong);
}

const char *
bank_check_board(struct bank *b, struct running *r, bool exact)
{
	struct lease_seen seen[64];
	int64_t there[BANK_ACCOUNTS + 1] = { 0 };
	const struct bank_state *s = begin(b);
	const char *wrong = NULL;
	unsigned cursor = 0, n;

	do {
		n = lease_list(r, seen, nitems(seen), &cursor);
		for (unsigned i = 0; i < n; i++)
			if (seen[i].lease == s->accounts[seen[i].account].open)
				there[seen[i].account] = seen[i].remaining;
			else if (seen[i].remaining > 0)
				wrong = "the board has money of a lease that is not open";
	} while (cursor != 0);
	for (unsigned a = 1; a <= BANK_ACCOUNTS; a++) {
		int64_t remaining = s->accounts[a].open != 0 ? b->m->leases[s->accounts[a].open].remaining : 0;

		if (there[a] > remaining)
			wrong = "the board has more of a lease than the store";
		else if (exact && there[a] < remaining)
			wrong = "money was lost, and nobody doubts it";
	}
	undo(b);
	return (wrong);
}

const char *
bank_check_end(struct bank *b)
{
	const struct bank_state *s = &b->m->states[which(b)];
	char id[36];

	for (unsigned a = 1; a <= BANK_ACCOUNTS; a++)
		if (s->accounts[a].held != 0)
			return ("money is held at the end");
	for (off_t at = 0; pread(b->vendor, id, 36, at) == 36; at += VENDOR_RECORD)
		if (*place_of(b, id) == 0)
			return ("a call that was sent has no row");
	return (bank_check(b));
}

int64_t
bank_spent(struct bank *b, uint64_t account)
{
	return (b->m->states[which(b)].accounts[account].spent);
}

unsigned
bank_calls(struct bank *b)
{
	return ((unsigned)(lseek(b->vendor, 0, SEEK_END) / VENDOR_RECORD));
}

unsigned
bank_rows(struct bank *b)
{
	return (b->n_rows);
}
