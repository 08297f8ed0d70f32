/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a spool's segments, and removing them. */
#include "ledger/reader.h"

#include "base/clock.h"
#include "base/log.h"
#include "ledger/spool_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK		(256 << 10)
#define LOOK_US		1000000			/* at the folder, when the head says nothing new */
#define OPEN_MOST	64			/* segments; what a long outage left behind is read in turns */
#define STRAY_S		3600			/* half made files of killed processes go after so long */

struct segment {
	struct segment	*next;
	uint64_t	 number;
	uint32_t	 seed;
	int		 fd;
	off_t		 shipped, at;		/* all before is in the store; is read */
	off_t		 scanned;		/* there begins no frame from `at` to here */
	bool		 alone;			/* we hold the exclusive lock: nobody writes any more */
};

struct reader {
	int		 folder, head_fd;
	struct spool_head *head;
	char		*dir;
	size_t		 most;
	struct segment	*segments;		/* by number */
	struct segment	*current;		/* that the last frame came from; NULL: unknown */
	unsigned	 n;
	bool		 more;			/* than are open */
	uint64_t	 looked_at;		/* the head's segment, when we last looked into the folder */
	int64_t		 looked_us;
	struct reader_at *begin;
	unsigned	 n_begin;
	struct buf	 bytes;			/* of `of`, from `from` */
	const struct segment *of;
	off_t		 from;
	uint64_t	 passed_over;
	int		 aside;			/* segment of frames that were set aside; -1: none yet */
	uint32_t	 aside_seed;
};

/* the folder */

/* A reader's lock is on a byte of the head: gone with its process. */
static bool
lock_reading(int fd)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1 };

	return (fcntl(fd, F_OFD_SETLK, &l) == 0);
}

static bool
number_of(const char *name, uint64_t *number)
{
	char *end;

	*number = strtoull(name, &end, 16);
	return (end == name + 16 && strcmp(end, ".seg") == 0);
}

/* What is no segment of ours stays, under a name that says so. */
static void
set_whole_file_aside(struct reader *r, const char *name, const char *why)
{
	char to[300];

	mkdirat(r->folder, "aside", 0750);
	snprintf(to, sizeof(to), "aside/%.60s.%llx", name, (unsigned long long)clock_wall_ms());
	if (renameat(r->folder, name, r->folder, to) == 0)
		note(NOTE_ERROR, "", "%s/%s %s; it is kept as %s", r->dir, name, why, to);
}

static bool
is_closed(const struct reader *r, const struct segment *g)
{
	return (g->number >= ASIDE || g->number < atomic_load(&r->head->segment));
}

static off_t
known_position(const struct reader *r, const struct segment *g, off_t size)
{
	for (unsigned i = 0; i < r->n_begin; i++) {
		off_t at = (off_t)(r->begin[i].position & 0xffffffff);

		if (r->begin[i].segment == g->number && (uint32_t)(r->begin[i].position >> 32) == (g->seed & 0x7fffffff) && at <= size)
			return (at);
	}
	return ((off_t)sizeof(struct segment_header));
}

static bool
is_open(const struct reader *r, uint64_t number)
{
	for (const struct segment *g = r->segments; g != NULL; g = g->next)
		if (g->number == number)
			return (true);
	return (false);
}

static void
segment_close(struct segment *g)
{
	close(g->fd);
	free(g);
}

static void
insert(struct reader *r, struct segment *g)
{
	struct segment **at = &r->segments;

	while (*at != NULL && (*at)->number < g->number)
		at = &(*at)->next;
	g->next = *at;
	*at = g;
	r->n++;
}

static void
open_segment(struct reader *r, const char *name, uint64_t number)
{
	struct segment *g = must_zalloc(sizeof(*g));
	struct segment_header h;
	struct stat st;

	g->number = number;
	g->fd = openat(r->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (g->fd < 0 || fstat(g->fd, &st) != 0) {
		if (errno != ENOENT)
			note(NOTE_ERROR, "", "%s/%s: %s", r->dir, name, strerror(errno));
		if (g->fd >= 0)
			close(g->fd);
		free(g);
		return;
	}
	if (!segment_header_read(&h, g->fd)) {
		if (is_closed(r, g))
			set_whole_file_aside(r, name, "is damaged, or of a version that this one does not know");
		segment_close(g);
		return;
	}
	g->seed = h.seed;
	g->shipped = g->at = known_position(r, g, st.st_size);
	insert(r, g);
}

static void
remove_stray(struct reader *r, const char *name)
{
	struct stat st;

	if (fstatat(r->folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mtime + STRAY_S < clock_wall_ms() / 1000)
		unlinkat(r->folder, name, 0);
}

static int
by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x < *y ? -1 : *x > *y);
}

/* Numbers of the segments in the folder, lowest first; those made ahead are empty and come later. */
static uint64_t *
list_segments(struct reader *r, size_t *n)
{
	int fd = openat(r->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;
	uint64_t *list = NULL, number;
	size_t room = 0;

	*n = 0;
	while (d != NULL && (e = readdir(d)) != NULL) {
		if (strstr(e->d_name, ".new") != NULL)
			remove_stray(r, e->d_name);
		if (!number_of(e->d_name, &number) || (number > atomic_load(&r->head->segment) && number < ASIDE))
			continue;
		if (*n == room)
			list = must_realloc(list, (room = room * 2 + 64) * sizeof(*list));
		list[(*n)++] = number;
	}
	if (d != NULL)
		closedir(d);
	if (*n > 0)
		qsort(list, *n, sizeof(*list), by_number);
	return (list);
}

static void
look(struct reader *r)
{
	uint64_t newest = atomic_load(&r->head->segment), *list;
	int64_t now = clock_us();
	char name[24];
	size_t n;

	if (newest == r->looked_at && is_open(r, newest) && now < r->looked_us + LOOK_US && !(r->more && r->n < OPEN_MOST / 2))
		return;
	r->looked_at = newest;
	r->looked_us = now;
	r->more = false;
	list = list_segments(r, &n);
	for (size_t i = 0; i < n; i++) {
		r->more = r->more || r->n >= OPEN_MOST;
		if (r->n >= OPEN_MOST || is_open(r, list[i]))
			continue;
		segment_name(name, list[i]);
		open_segment(r, name, list[i]);
	}
	free(list);
}

/* frames */

/* Bytes at `at` of the segment, as many as are there and at most `want`. */
static struct text
bytes_at(struct reader *r, const struct segment *g, off_t at, size_t want)
{
	size_t room = want > CHUNK / 2 ? 2 * want : CHUNK;
	off_t end = r->from + (off_t)r->bytes.len;
	ssize_t n;

	if (r->of != g || at < r->from || at + (off_t)want > end) {
		r->of = g;
		r->from = at;
		r->bytes.len = 0;
		buf_reserve(&r->bytes, room);
		n = pread(g->fd, r->bytes.at, room, at);
		r->bytes.len = n > 0 ? (size_t)n : 0;
	}
	return (text_sub((struct text){ r->bytes.at, r->bytes.len }, (size_t)(at - r->from), (size_t)(at - r->from) + want));
}

static bool
frame_at(struct reader *r, const struct segment *g, off_t at, struct text *payload)
{
	struct text t = bytes_at(r, g, at, sizeof(struct frame));
	struct frame f;

	if (t.len < sizeof(f))
		return (false);
	memcpy(&f, t.at, sizeof(f));
	if (f.magic != FRAME_MAGIC || f.length > r->most)
		return (false);
	t = bytes_at(r, g, at, sizeof(f) + f.length);
	if (t.len < sizeof(f) + f.length)
		return (false);
	*payload = text_sub(t, sizeof(f), sizeof(f) + f.length);
	return (f.crc == frame_crc(g->seed, f.length, payload->at));
}

/* The next place that begins like a frame, from `at`; the end of the file where there is none. */
static off_t
next_magic(struct reader *r, const struct segment *g, off_t at)
{
	const uint32_t magic = FRAME_MAGIC;

	for (;;) {
		struct text t = bytes_at(r, g, at, CHUNK / 2);
		const char *found = t.len >= sizeof(magic) ? memmem(t.at, t.len, &magic, sizeof(magic)) : NULL;

		if (found != NULL)
			return (at + (found - t.at));
		if (t.len < sizeof(magic))
			return (at + (off_t)t.len);
		at += (off_t)(t.len - sizeof(magic) + 1);
	}
}

static off_t
size_of(const struct segment *g)
{
	struct stat st;

	return (fstat(g->fd, &st) == 0 ? st.st_size : 0);
}

/* Nobody writes to it any more once we got the exclusive lock on one that is closed: writers hold a shared one, and look at the number after it. */
static void
try_alone(const struct reader *r, struct segment *g)
{
	g->alone = g->alone || (is_closed(r, g) && flock(g->fd, LOCK_EX | LOCK_NB) == 0);
}

static void
pass_over(struct reader *r, struct segment *g, off_t to)
{
	note(NOTE_WARN, "", "%s: %lld bytes of segment %llx are no rows: a process was killed there, or the disk was full", r->dir, (long long)(to - g->at),
	    (unsigned long long)g->number);
	r->passed_over += (uint64_t)(to - g->at);
	g->at = to;
}

/* The place behind g->at where a frame is; -1: none. */
static off_t
scan(struct reader *r, struct segment *g, off_t end)
{
	struct text payload;
	off_t at = g->scanned > g->at ? g->scanned : g->at + 1;

	for (at = next_magic(r, g, at); at < end; at = next_magic(r, g, at + 1))
		if (frame_at(r, g, at, &payload))
			return (at);
	if (end - g->at > (off_t)(2 * (r->most + sizeof(struct frame))))
		g->scanned = end - (off_t)(r->most + sizeof(struct frame));
	return (-1);
}

/*
 * Bytes that are no frame: one that is being written, or what is left of one.  If a frame follows, or nobody writes any more, it is the latter; but then
 * they are looked at once more, because the writer may have ended between our two looks (rows were lost so).
 */
static bool
find_frame(struct reader *r, struct segment *g, struct text *payload)
{
	bool alone = g->alone;
	off_t end, next;

	spool_point();
	end = size_of(g);
	next = scan(r, g, end);
	if (next < 0) {
		try_alone(r, g);
		if (!alone && !g->alone)
			return (false);
	}
	r->of = NULL;
	if (frame_at(r, g, g->at, payload))
		return (true);
	if (next >= 0) {
		pass_over(r, g, next);
		return (frame_at(r, g, next, payload));
	}
	if (!alone)
		return (find_frame(r, g, payload));	/* now that nothing is added any more */
	if (end > g->at)
		pass_over(r, g, end);
	return (false);
}

static bool
has_bytes(const struct reader *r, const struct segment *g)
{
	return ((r->of == g && g->at < r->from + (off_t)r->bytes.len) || size_of(g) > g->at);
}

static bool
next_of(struct reader *r, struct segment *g, struct text *payload)
{
	if (!has_bytes(r, g)) {
		try_alone(r, g);
		if (!has_bytes(r, g))
			return (false);
	}
	if (!frame_at(r, g, g->at, payload)) {
		r->of = NULL;			/* more may have come since */
		if (!frame_at(r, g, g->at, payload) && !find_frame(r, g, payload))
			return (false);
	}
	g->at += (off_t)(sizeof(struct frame) + payload->len);
	return (true);
}

bool
reader_next(struct reader *r, struct arena *arena, struct text *frame)
{
	struct text payload;

	if (r->current != NULL && next_of(r, r->current, &payload)) {
		*frame = arena_copy(arena, payload);
		return (true);
	}
	look(r);
	for (struct segment *g = r->segments; g != NULL; g = g->next)
		if (next_of(r, g, &payload)) {
			r->current = g;
			*frame = arena_copy(arena, payload);
			return (true);
		}
	return (false);
}

bool
reader_has_more(const struct reader *r)
{
	return (r->more);
}

/* shipped */

unsigned
reader_read(const struct reader *r, struct reader_at *at, unsigned most)
{
	unsigned n = 0;

	for (const struct segment *g = r->segments; g != NULL && n < most; g = g->next)
		if (g->at > g->shipped && g->number < ASIDE)
			at[n++] = (struct reader_at){ g->number, (int64_t)(g->seed & 0x7fffffff) << 32 | (int64_t)g->at };
	return (n);
}

bool
reader_oldest(const struct reader *r, struct reader_at *at)
{
	if (r->segments == NULL || r->segments->number >= ASIDE)
		return (false);
	*at = (struct reader_at){ .segment = r->segments->number };
	return (true);
}

/* Alone with it, and all of it is in the store. */
static bool
is_over(const struct segment *g)
{
	return (g->alone && g->at == g->shipped && size_of(g) <= g->shipped);
}

void
reader_shipped(struct reader *r)
{
	struct segment **at = &r->segments, *g;
	char name[24];

	for (g = r->segments; g != NULL; g = g->next)
		g->shipped = g->at;
	while ((g = *at) != NULL) {
		if (!is_over(g)) {
			at = &g->next;
			continue;
		}
		*at = g->next;
		r->n--;
		r->of = NULL;
		r->current = NULL;
		segment_name(name, g->number);
		spool_point();
		unlinkat(r->folder, name, 0);
		spool_point();
		segment_close(g);
	}
}

void
reader_back(struct reader *r)
{
	for (struct segment *g = r->segments; g != NULL; g = g->next) {
		g->at = g->shipped;
		g->scanned = 0;
	}
	r->current = NULL;
	r->of = NULL;
}

/* aside */

static bool
open_aside(struct reader *r)
{
	struct segment_header h;
	char name[24], path[40];
	uint64_t number = ASIDE | random_u64() >> 3;
	bool reserved;
	int folder;

	mkdirat(r->folder, "aside", 0750);
	folder = openat(r->folder, "aside", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return (false);
	segment_name(name, number);
	snprintf(path, sizeof(path), "aside/%s", name);
	if (segment_make(folder, number, sizeof(h), &reserved))
		r->aside = openat(r->folder, path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	close(folder);
	if (r->aside < 0 || !segment_header_read(&h, r->aside))
		return (false);
	r->aside_seed = h.seed;
	return (true);
}

bool
reader_set_aside(struct reader *r, struct text frame)
{
	struct frame f = { .magic = FRAME_MAGIC, .length = (uint32_t)frame.len };
	struct buf b = { 0 };
	bool good;

	if (r->aside < 0 && !open_aside(r))
		return (false);
	f.crc = frame_crc(r->aside_seed, f.length, frame.at);
	buf_add(&b, &f, sizeof(f));
	buf_text(&b, frame);
	good = write(r->aside, b.at, b.len) == (ssize_t)b.len && fdatasync(r->aside) == 0;
	buf_free(&b);
	return (good);
}

/* Another version may be able to ship what this host's last one could not. */
static void
take_up_aside(struct reader *r)
{
	int fd = openat(r->folder, "aside", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;
	uint64_t number;
	char from[40];

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (!number_of(e->d_name, &number) || number < ASIDE)
			continue;
		snprintf(from, sizeof(from), "aside/%.20s", e->d_name);
		renameat(r->folder, from, r->folder, e->d_name);
	}
	if (d != NULL)
		closedir(d);
}

/* the beginning and the end */

struct reader *
reader_open(const char *dir, size_t most, struct buf *why)
{
	struct reader *r = must_zalloc(sizeof(*r));

	r->most = most;
	r->aside = -1;
	r->folder = spool_folder(dir, false, why);
	r->head = r->folder >= 0 ? spool_head_open(r->folder, dir, &r->head_fd, why) : NULL;
	if (r->head != NULL && !lock_reading(r->head_fd)) {
		buf_print(why, "%s is read by another process", dir);
		spool_head_close(r->head, r->head_fd);
		r->head = NULL;
	}
	if (r->head == NULL) {
		if (r->folder >= 0)
			close(r->folder);
		free(r);
		return (NULL);
	}
	r->dir = must_alloc(strlen(dir) + 1);
	memcpy(r->dir, dir, strlen(dir) + 1);
	take_up_aside(r);
	return (r);
}

void
reader_close(struct reader *r)
{
	struct segment *g;

	if (r == NULL)
		return;
	while ((g = r->segments) != NULL) {
		r->segments = g->next;
		segment_close(g);
	}
	if (r->aside >= 0)
		close(r->aside);
	spool_head_close(r->head, r->head_fd);
	close(r->folder);
	buf_free(&r->bytes);
	free(r->begin);
	free(r->dir);
	free(r);
}

void
reader_begin(struct reader *r, const struct reader_at *at, unsigned n)
{
	r->begin = must_realloc(r->begin, (n + 1) * sizeof(*at));
	if (n > 0)
		memcpy(r->begin, at, n * sizeof(*at));
	r->n_begin = n;
}

uint64_t
reader_passed_over(const struct reader *r)
{
	return (r->passed_over);
}

int64_t
reader_unread(const struct reader *r)
{
	int64_t sum = 0;

	for (const struct segment *g = r->segments; g != NULL; g = g->next)
		sum += size_of(g) - g->shipped;
	return (sum);
}
