/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's id: a file of three lines, id, nonce and the next nonce, and a row of the store with id and nonce.  The next nonce is in the file before the
 * store has it, so that a housekeeper that is killed in between is known by the one or the other.
 */
#include "ledger/host.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define NONCE		32
#define NONCE_AT	(HOST_ID + 1)
#define NEXT_AT		(NONCE_AT + NONCE + 1)
#define FILE_BYTES	(NEXT_AT + NONCE + 1)

struct host {
	char		 id[HOST_ID + 1], nonce[NONCE + 1], next[NONCE + 1];
};

static void
make_nonce(char nonce[NONCE + 1])
{
	unsigned char bytes[NONCE / 2];

	random_bytes(bytes, sizeof(bytes));
	hex_print(nonce, bytes, sizeof(bytes));
	nonce[NONCE] = '\0';
}

static void
make_host(struct host *h)
{
	uuid7(h->id);
	make_nonce(h->nonce);
	memcpy(h->next, h->nonce, sizeof(h->next));
}

static bool
print_path(char path[4096], const char *dir, const char *name, struct buf *why)
{
	if (snprintf(path, 4096, "%s/%s", dir, name) < 4096)
		return (true);
	buf_print(why, "%.80s…: the path is too long", dir);
	return (false);
}

/* 1: read; 0: there is none; −1 and *why. */
static int
read_host(struct host *h, const char *path, struct buf *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char bytes[FILE_BYTES + 1];
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return (0);
	if (fd < 0) {
		buf_print(why, "%s: %s", path, strerror(errno));
		return (-1);
	}
	n = read(fd, bytes, sizeof(bytes));
	close(fd);
	if (n != FILE_BYTES || bytes[NONCE_AT - 1] != '\n' || bytes[NEXT_AT - 1] != '\n' || bytes[FILE_BYTES - 1] != '\n' ||
	    memchr(bytes, '\0', FILE_BYTES) != NULL) {
		buf_print(why, "%s: is not what it was; a host without leases and unshipped rows may remove it", path);
		return (-1);
	}
	memcpy(h->id, bytes, HOST_ID);
	h->id[HOST_ID] = '\0';
	memcpy(h->nonce, bytes + NONCE_AT, NONCE);
	h->nonce[NONCE] = '\0';
	memcpy(h->next, bytes + NEXT_AT, NONCE);
	h->next[NONCE] = '\0';
	return (1);
}

/* A whole file takes the name, or none does.  `over`: in place of one that is there. */
static bool
write_host(const struct host *h, const char *dir, const char *path, bool over, struct buf *why)
{
	char bytes[FILE_BYTES + 1], other[4096], name[32];
	bool fine;
	int fd;

	snprintf(name, sizeof(name), ".host.%lx", (unsigned long)random_u64());
	if (!print_path(other, dir, name, why))
		return (false);
	snprintf(bytes, sizeof(bytes), "%s\n%s\n%s\n", h->id, h->nonce, h->next);
	fd = open(other, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	fine = fd >= 0 && write(fd, bytes, FILE_BYTES) == FILE_BYTES && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	fine = fine && (over ? rename(other, path) == 0 : link(other, path) == 0 || errno == EEXIST);
	if (!fine)
		buf_print(why, "%s: %s", path, strerror(errno));
	unlink(other);
	return (fine);
}

static bool
find_host(struct host *h, const char *dir, char path[4096], struct buf *why)
{
	int there;

	if (!print_path(path, dir, "host", why))
		return (false);
	if ((there = read_host(h, path, why)) != 0)
		return (there > 0);
	make_host(h);
	return (write_host(h, dir, path, false, why) && read_host(h, path, why) > 0);
}

bool
host_id(char id[HOST_ID + 1], const char *state_dir, struct buf *why)
{
	struct host h;
	char path[4096];

	if (!find_host(&h, state_dir, path, why))
		return (false);
	memcpy(id, h.id, sizeof(h.id));
	return (true);
}

/* the store's row */

struct visit {
	struct store	*store;
	const char	*dir;
	struct running	*running;
	int64_t		 now_ms;
	struct buf	*why;
	struct arena	*arena;
	struct host	 host;
	char		 path[4096];
};

static struct text
host_name(struct arena *arena)
{
	char name[128] = "";

	gethostname(name, sizeof(name) - 1);
	return (arena_copy(arena, text_of(name)));
}

static enum host_end
away(struct visit *v)
{
	buf_print(v->why, "%s", store_why(v->store));
	return (HOST_AWAY);
}

/* None of the old one's leases may be spent any more: they are another's, or were settled. */
static enum host_end
become_another(struct visit *v, const char *because)
{
	char old[HOST_ID + 1];

	memcpy(old, v->host.id, sizeof(old));
	if (v->running != NULL)
		lease_stop_all(v->running);
	make_host(&v->host);
	if (!write_host(&v->host, v->dir, v->path, true, v->why))
		return (HOST_WRONG);
	note(NOTE_WARN, "", "this host was %s, %s; it is %s from now on", old, because, v->host.id);
	if (STORE(v->store, v->arena, NULL, SQL_HOST_ADD, V_TEXT(text_of(v->host.id)), V_TEXT(text_of(v->host.nonce)), V_TEXT(host_name(v->arena)),
	    V_INT(v->now_ms)) != STORE_FINE)
		return (away(v));
	return (HOST_NEW);
}

static enum host_end
begin(struct visit *v)
{
	const struct value id = V_TEXT(text_of(v->host.id)), name = V_TEXT(host_name(v->arena)), now = V_INT(v->now_ms);
	struct host *h = &v->host;
	struct rows rows = { 0 };

	if (STORE(v->store, v->arena, NULL, SQL_HOST_ADD, id, V_TEXT(text_of(h->nonce)), name, now) != STORE_FINE ||
	    STORE(v->store, v->arena, &rows, SQL_HOST_FIND, id) != STORE_FINE)
		return (away(v));
	if (rows.n > 0 && rows_int(&rows, 0, 1, 0) != 0)
		return (become_another(v, "which an operator has forgotten"));
	if (rows.n > 0 && text_is(rows_text(&rows, 0, 0), h->next))
		memcpy(h->nonce, h->next, sizeof(h->nonce));
	if (rows.n == 0 || !text_is(rows_text(&rows, 0, 0), h->nonce))
		return (become_another(v, "an id that another host uses"));
	make_nonce(h->next);
	if (!write_host(h, v->dir, v->path, true, v->why))
		return (HOST_WRONG);
	if (STORE(v->store, v->arena, &rows, SQL_HOST_RENEW, id, V_TEXT(text_of(h->nonce)), V_TEXT(text_of(h->next)), name, now) != STORE_FINE)
		return (away(v));
	if (rows.changed == 0)
		return (become_another(v, "an id that another host uses"));
	memcpy(h->nonce, h->next, sizeof(h->nonce));
	return (write_host(h, v->dir, v->path, true, v->why) ? HOST_FINE : HOST_WRONG);
}

static enum host_end
beat(struct visit *v)
{
	const struct value id = V_TEXT(text_of(v->host.id));
	struct rows rows = { 0 };

	if (STORE(v->store, v->arena, &rows, SQL_HOST_SEEN, id, V_TEXT(text_of(v->host.nonce)), V_INT(v->now_ms)) != STORE_FINE)
		return (away(v));
	return (rows.changed > 0 ? HOST_FINE : begin(v));
}

static enum host_end
visit(enum host_end (*what)(struct visit *), struct store *store, const char *dir, struct running *r, int64_t now_ms, struct buf *why)
{
	struct visit v = { .store = store, .dir = dir, .running = r, .now_ms = now_ms, .why = why, .arena = arena_new() };
	enum host_end end = find_host(&v.host, dir, v.path, why) ? what(&v) : HOST_WRONG;

	arena_free(v.arena);
	return (end);
}

enum host_end
host_begin(struct store *store, const char *state_dir, struct running *r, int64_t now_ms, struct buf *why)
{
	return (visit(begin, store, state_dir, r, now_ms, why));
}

enum host_end
host_beat(struct store *store, const char *state_dir, struct running *r, int64_t now_ms, struct buf *why)
{
	return (visit(beat, store, state_dir, r, now_ms, why));
}
