/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Found by their files.  One whose lock is free has its file renamed while nobody can take it: from then on a process that comes back to that board is
 * another host.
 */
#include "ledger/formers.h"

#include "base/clock.h"
#include "base/log.h"
#include "ledger/host_priv.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LOOK_US		5000000		/* at the folder: the container before this one may still be ending */
#define QUIET_MS	15000		/* three beats of a housekeeper */
#define LATE_US		15000000
#define MOST		64
#define GONE		".gone"

struct former {
	char		 path[4096];
	struct host_lines is;
	bool		 marked;
	uint64_t	 mark;			/* of the spool, after it was gone */
	int64_t		 settled_us;		/* 0: not yet */
	int64_t		 seen_ms, watched_us;	/* what the store said of it, and since when it has said so */
};

struct formers {
	struct host	*host;
	struct keeper_spool spool;
	struct arena	*scratch;
	struct former	*of[MOST];
	unsigned	 n;
	int64_t		 look_us;
};

struct formers *
formers_new(struct host *host, const struct keeper_spool *spool)
{
	struct formers *f = must_zalloc(sizeof(*f));

	f->host = host;
	f->spool = *spool;
	f->scratch = arena_new();
	return (f);
}

void
formers_free(struct formers *f)
{
	if (f == NULL)
		return;
	for (unsigned i = 0; i < f->n; i++)
		free(f->of[i]);
	arena_free(f->scratch);
	free(f);
}

unsigned
formers_waiting(const struct formers *f)
{
	unsigned n = 0;

	for (unsigned i = 0; i < f->n; i++)
		n += f->of[i]->settled_us == 0;
	return (n);
}

/* who they are */

static bool
is_known(const struct formers *f, const char *path)
{
	for (unsigned i = 0; i < f->n; i++)
		if (strcmp(f->of[i]->path, path) == 0)
			return (true);
	return (false);
}

/* It is left to where it was copied from; should that be no more, only an operator can know. */
static void
leave(const struct former *former)
{
	note(NOTE_WARN, "", "the state folder is a copy of that of host %s: this is another host; if that one never comes back: sluice host forget %s",
	    former->is.id, former->is.id);
	unlink(former->path);
}

static void
add(struct formers *f, const char *path)
{
	struct former *former;

	if (f->n == MOST || is_known(f, path))
		return;
	former = must_zalloc(sizeof(*former));
	snprintf(former->path, sizeof(former->path), "%s", path);
	if (host_read(&former->is, path, NULL) > 0 && strcmp(former->is.place, f->host->place) == 0) {
		f->of[f->n++] = former;
		return;
	}
	if (former->is.id[0] != '\0')
		leave(former);
	free(former);
}

/* False: its processes live, or who was on that board before is not settled yet. */
static bool
bury(const struct formers *f, uint64_t board, const char *from, const char *to)
{
	bool gone;

	if (!host_lock(f->host->lock, board, true))
		return (false);
	gone = access(to, F_OK) != 0 && rename(from, to) == 0;
	host_unlock(f->host->lock, board);
	return (gone);
}

static void
look_at(struct formers *f, const char *name)
{
	size_t len = strlen(f->host->instance);
	char path[4096], gone[4096 + sizeof(GONE)], *end;
	uint64_t board;

	if (strncmp(name, f->host->instance, len) != 0 || strncmp(name + len, ".host-", 6) != 0)
		return;
	board = strtoull(name + len + 6, &end, 16);
	if (end != name + len + 6 + 16 || snprintf(path, sizeof(path), "%s/%s", f->host->dir, name) >= (int)sizeof(path))
		return;
	if (strcmp(end, GONE) == 0) {
		add(f, path);
		return;
	}
	snprintf(gone, sizeof(gone), "%s" GONE, path);
	if (*end == '\0' && board != f->host->board && bury(f, board, path, gone))
		add(f, gone);
}

static void
look(struct formers *f)
{
	DIR *d = opendir(f->host->dir);
	const struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		look_at(f, e->d_name);
	if (d != NULL)
		closedir(d);
	f->look_us = clock_us() + LOOK_US;
}

enum store_end
formers_begin(struct formers *f, struct store *store)
{
	enum store_end end = STORE_FINE;

	arena_clear(f->scratch);
	look(f);
	for (unsigned i = 0; i < f->n && end == STORE_FINE; i++)
		end = STORE(store, f->scratch, NULL, SQL_SPOOL_GO_ON, V_TEXT(text_of(f->host->is.id)), V_TEXT(text_of(f->of[i]->is.id)));
	return (end);
}

/* their end */

/* Where /proc does not say it all boots look the same. */
static bool
is_of_this_boot(const struct formers *f, const struct former *former)
{
	return (f->host->boot[0] != ' ' && strcmp(former->is.boot, f->host->boot) == 0);
}

/* Another boot of this machine, or another machine with this very disk, or one that has a copy of all of it: that one would be heard of. */
static enum store_end
is_quiet(const struct formers *f, struct store *store, struct former *former, int64_t now_ms, bool *quiet)
{
	struct rows rows = { 0 };
	enum store_end end;

	*quiet = true;
	if (is_of_this_boot(f, former))
		return (STORE_FINE);
	end = STORE(store, f->scratch, &rows, SQL_HOST_FIND, V_TEXT(text_of(former->is.id)));
	if (end != STORE_FINE || rows.n == 0)
		return (end);
	if (former->watched_us == 0 || rows_int(&rows, 0, 2, 0) != former->seen_ms) {
		former->seen_ms = rows_int(&rows, 0, 2, 0);
		former->watched_us = clock_us();
	}
	*quiet = now_ms - former->seen_ms >= QUIET_MS || clock_us() - former->watched_us >= QUIET_MS * 1000;
	return (STORE_FINE);
}

static bool
is_shipped(const struct formers *f, struct former *former)
{
	if (!former->marked)
		former->mark = f->spool.end(f->spool.self);
	former->marked = true;
	return (f->spool.shipped(f->spool.self, former->mark));
}

/* What it asked for when it died may be granted a little later, so it is looked at twice; *over: and has been. */
static enum store_end
settle(const struct formers *f, struct store *store, struct former *former, int64_t now_ms, bool *over)
{
	struct text id = text_of(former->is.id);
	enum store_end end = STORE_FINE;
	bool quiet = false, known, again = former->settled_us != 0;

	if (again ? clock_us() - former->settled_us >= LATE_US : is_shipped(f, former))
		end = is_quiet(f, store, former, now_ms, &quiet);
	if (end == STORE_FINE && quiet)
		end = leases_forget_host(store, id, HOST_RETIRED, &known);
	if (end == STORE_FINE && quiet && again)
		end = STORE(store, f->scratch, NULL, SQL_SPOOL_END, V_TEXT(id));
	if (end != STORE_FINE || !quiet)
		return (end == STORE_AGAIN ? STORE_FINE : end);
	former->settled_us = clock_us();
	if ((*over = again))
		unlink(former->path);
	else
		note(NOTE_INFO, "", "this host goes on for %s, whose board is gone", former->is.id);
	return (STORE_FINE);
}

enum store_end
formers_turn(struct formers *f, struct store *store, int64_t now_ms)
{
	enum store_end end = STORE_FINE;
	unsigned kept = 0;

	arena_clear(f->scratch);
	if (clock_us() >= f->look_us)
		look(f);
	for (unsigned i = 0; i < f->n; i++) {
		bool over = false;

		if (end == STORE_FINE)
			end = settle(f, store, f->of[i], now_ms, &over);
		if (over)
			free(f->of[i]);
		else
			f->of[kept++] = f->of[i];
	}
	f->n = kept;
	return (end);
}
