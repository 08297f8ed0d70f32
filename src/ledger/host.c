/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a host, its lock, and its row of the store. */
#include "ledger/host_priv.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* lines of a file */

static const struct {
	size_t		 offset, len;
} lines[] = {
	{ offsetof(struct host_lines, id), HOST_ID }, { offsetof(struct host_lines, nonce), HOST_NONCE },
	{ offsetof(struct host_lines, next), HOST_NONCE }, { offsetof(struct host_lines, boot), HOST_BOOT },
	{ offsetof(struct host_lines, place), HOST_PLACE },
};

#define FILE_BYTES	(HOST_ID + HOST_NONCE + HOST_NONCE + HOST_BOOT + HOST_PLACE + nitems(lines))

static bool
parse(struct host_lines *h, const char bytes[FILE_BYTES])
{
	for (unsigned i = 0; i < nitems(lines); bytes += lines[i].len + 1, i++) {
		char *to = (char *)h + lines[i].offset;

		if (bytes[lines[i].len] != '\n' || memchr(bytes, '\0', lines[i].len) != NULL)
			return (false);
		memcpy(to, bytes, lines[i].len);
		to[lines[i].len] = '\0';
	}
	return (true);
}

int
host_read(struct host_lines *h, const char *path, struct buf *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char bytes[FILE_BYTES + 1];
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return (0);
	if (fd < 0) {
		if (why != NULL)
			buf_print(why, "%s: %s", path, strerror(errno));
		return (-1);
	}
	n = read(fd, bytes, sizeof(bytes));
	close(fd);
	if (n == (ssize_t)FILE_BYTES && parse(h, bytes))
		return (1);
	if (why != NULL)
		buf_print(why, "%s: is not what it was; a host without leases and unshipped rows may remove it", path);
	return (-1);
}

/* A whole file takes the name, or none does.  `over`: in place of one that is there. */
static bool
write_lines(const struct host *h, bool over, struct buf *why)
{
	char bytes[FILE_BYTES + 1], other[4096];
	bool fine;
	int fd;

	snprintf(other, sizeof(other), "%s/.host.%lx", h->dir, (unsigned long)random_u64());
	snprintf(bytes, sizeof(bytes), "%s\n%s\n%s\n%s\n%s\n", h->is.id, h->is.nonce, h->is.next, h->is.boot, h->is.place);
	fd = open(other, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	fine = fd >= 0 && write(fd, bytes, FILE_BYTES) == (ssize_t)FILE_BYTES && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	fine = fine && (over ? rename(other, h->path) == 0 : link(other, h->path) == 0 || errno == EEXIST);
	if (!fine)
		buf_print(why, "%s: %s", h->path, strerror(errno));
	unlink(other);
	return (fine);
}

/* the lock */

static bool
set_lock(int lock, short type, uint64_t board, bool wait)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)(board >> 1), .l_len = 1 };
	int rc;

	do
		rc = fcntl(lock, wait ? F_OFD_SETLKW : F_OFD_SETLK, &l);
	while (rc != 0 && errno == EINTR);
	return (rc == 0);
}

bool
host_lock(int lock, uint64_t board, bool alone)
{
	return (set_lock(lock, alone ? F_WRLCK : F_RDLCK, board, !alone));
}

void
host_unlock(int lock, uint64_t board)
{
	set_lock(lock, F_UNLCK, board, false);
}

/* A copy of the folder has another file, and another time of its birth (as far as the file system knows one). */
static bool
see_place(struct host *h)
{
	struct statx st;

	if (statx(h->lock, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &st) != 0)
		return (false);
	snprintf(h->place, sizeof(h->place), "%016llx%08llx%08lx", (unsigned long long)st.stx_ino, (unsigned long long)st.stx_btime.tv_sec & 0xffffffff,
	    (unsigned long)st.stx_btime.tv_nsec);
	return (true);
}

static bool
open_lock(struct host *h, struct buf *why)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s.host", h->dir, h->instance);
	h->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (h->lock >= 0 && host_lock(h->lock, h->board, false) && see_place(h))
		return (true);
	buf_print(why, "%s: %s", path, strerror(errno));
	return (false);
}

/* the host of a board */

static void
make_nonce(char nonce[HOST_NONCE + 1])
{
	unsigned char bytes[HOST_NONCE / 2];

	random_bytes(bytes, sizeof(bytes));
	hex_print(nonce, bytes, sizeof(bytes));
	nonce[HOST_NONCE] = '\0';
}

static void
make_lines(struct host *h)
{
	uuid7(h->is.id);
	make_nonce(h->is.nonce);
	memcpy(h->is.next, h->is.nonce, sizeof(h->is.next));
	memcpy(h->is.boot, h->boot, sizeof(h->is.boot));
	memcpy(h->is.place, h->place, sizeof(h->is.place));
}

/* What lies on the board of a host without a file is of one that was taken for dead: it was settled, or will be.  It goes before the new file is there. */
static bool
find_lines(struct host *h, struct buf *why)
{
	int there = host_read(&h->is, h->path, why);

	if (there != 0)
		return (there > 0);
	lease_stop_all(h->running);
	make_lines(h);
	return (write_lines(h, false, why) && host_read(&h->is, h->path, why) > 0);
}

struct host *
host_open(const char *state_dir, const char *instance, struct running *running, struct buf *why)
{
	struct host *h = must_zalloc(sizeof(*h));

	h->arena = arena_new();
	h->board = running_id(running);
	h->running = running;
	h->dir = arena_copy(h->arena, text_of(state_dir)).at;
	h->instance = arena_copy(h->arena, text_of(instance)).at;
	h->path = arena_print(h->arena, "%s/%s.host-%016llx", state_dir, instance, (unsigned long long)h->board).at;
	snprintf(h->boot, sizeof(h->boot), "%-*.*s", HOST_BOOT, HOST_BOOT, running_boot(running));
	if (open_lock(h, why) && find_lines(h, why))
		return (h);
	host_close(h);
	return (NULL);
}

void
host_close(struct host *h)
{
	if (h == NULL)
		return;
	if (h->lock >= 0)
		close(h->lock);			/* the lock goes with it */
	arena_free(h->arena);
	free(h);
}

const char *
host_id(const struct host *h)
{
	return (h->is.id);
}

const char *
host_file(const struct host *h)
{
	return (h->path);
}

bool
host_read_id(char id[HOST_ID + 1], const char *file)
{
	struct host_lines l;

	if (host_read(&l, file, NULL) <= 0)
		return (false);
	memcpy(id, l.id, sizeof(l.id));
	return (true);
}

/* the store's row */

struct visit {
	struct host	*host;
	struct store	*store;
	int64_t		 now_ms;
	struct buf	*why;
	struct arena	*arena;
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
	struct host_lines *is = &v->host->is;
	char old[HOST_ID + 1];

	memcpy(old, is->id, sizeof(old));
	lease_stop_all(v->host->running);
	make_lines(v->host);
	if (!write_lines(v->host, true, v->why))
		return (HOST_WRONG);
	note(NOTE_WARN, "", "this host was %s, %s; it is %s from now on", old, because, is->id);
	if (STORE(v->store, v->arena, NULL, SQL_HOST_ADD, V_TEXT(text_of(is->id)), V_TEXT(text_of(is->nonce)), V_TEXT(host_name(v->arena)),
	    V_INT(v->now_ms)) != STORE_FINE)
		return (away(v));
	return (HOST_NEW);
}

static enum host_end
begin(struct visit *v)
{
	struct host_lines *is = &v->host->is;
	const struct value id = V_TEXT(text_of(is->id)), name = V_TEXT(host_name(v->arena)), now = V_INT(v->now_ms);
	struct rows rows = { 0 };

	if (STORE(v->store, v->arena, NULL, SQL_HOST_ADD, id, V_TEXT(text_of(is->nonce)), name, now) != STORE_FINE ||
	    STORE(v->store, v->arena, &rows, SQL_HOST_FIND, id) != STORE_FINE)
		return (away(v));
	if (rows.n > 0 && rows_int(&rows, 0, 1, 0) != 0)
		return (become_another(v, "which was forgotten"));
	if (rows.n > 0 && text_is(rows_text(&rows, 0, 0), is->next))
		memcpy(is->nonce, is->next, sizeof(is->nonce));
	if (rows.n == 0 || !text_is(rows_text(&rows, 0, 0), is->nonce))
		return (become_another(v, "an id that another host uses"));
	make_nonce(is->next);
	if (!write_lines(v->host, true, v->why))
		return (HOST_WRONG);
	if (STORE(v->store, v->arena, &rows, SQL_HOST_RENEW, id, V_TEXT(text_of(is->nonce)), V_TEXT(text_of(is->next)), name, now) != STORE_FINE)
		return (away(v));
	if (rows.changed == 0)
		return (become_another(v, "an id that another host uses"));
	memcpy(is->nonce, is->next, sizeof(is->nonce));
	return (write_lines(v->host, true, v->why) ? HOST_FINE : HOST_WRONG);
}

static enum host_end
beat(struct visit *v)
{
	const struct host_lines *is = &v->host->is;
	struct rows rows = { 0 };

	if (STORE(v->store, v->arena, &rows, SQL_HOST_SEEN, V_TEXT(text_of(is->id)), V_TEXT(text_of(is->nonce)), V_INT(v->now_ms)) != STORE_FINE)
		return (away(v));
	return (rows.changed > 0 ? HOST_FINE : begin(v));
}

static enum host_end
visit(enum host_end (*what)(struct visit *), struct host *h, struct store *store, int64_t now_ms, struct buf *why)
{
	struct visit v = { .host = h, .store = store, .now_ms = now_ms, .why = why, .arena = arena_new() };
	enum host_end end = find_lines(h, why) ? what(&v) : HOST_WRONG;

	arena_free(v.arena);
	return (end);
}

enum host_end
host_begin(struct host *h, struct store *store, int64_t now_ms, struct buf *why)
{
	return (visit(begin, h, store, now_ms, why));
}

enum host_end
host_beat(struct host *h, struct store *store, int64_t now_ms, struct buf *why)
{
	return (visit(beat, h, store, now_ms, why));
}
