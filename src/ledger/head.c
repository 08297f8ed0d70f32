/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of a spool, its head and its segments: made whole under another name first, so that a file with its name is complete. */
#include "ledger/spool_priv.h"

#include "base/clock.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_BYTES	4096

/* the folder */

static void
random_hex(char *out, unsigned bytes)
{
	unsigned char random[16];

	random_bytes(random, bytes);
	for (unsigned i = 0; i < bytes; i++)
		snprintf(out + 2 * i, 3, "%02x", random[i]);
}

int
spool_folder(const char *dir, bool private, struct buf *why)
{
	struct stat st;
	int fd;

	if (mkdir(dir, private ? 0700 : 0750) != 0 && errno != EEXIST) {
		buf_print(why, "%s can not be made: %s", dir, strerror(errno));
		return (-1);
	}
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) != 0) {
		buf_print(why, "%s: %s", dir, strerror(errno));
		if (fd >= 0)
			close(fd);
		return (-1);
	}
	if (st.st_uid != geteuid()) {
		buf_print(why, "%s belongs to another user", dir);
		close(fd);
		return (-1);
	}
	return (fd);
}

/* A file under a name of its own, which the group may read if it may read the folder; -1: errno. */
static int
make_nameless(int folder, char name[64])
{
	struct stat st;
	char hex[17];

	random_hex(hex, 8);
	snprintf(name, 64, "%s.new", hex);
	return (openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, fstat(folder, &st) == 0 && (st.st_mode & S_IRGRP) != 0 ? 0640 : 0600));
}

/* Gives it its name, unless another was faster, which is as good; false: errno. */
static bool
give_name(int folder, int fd, const char *from, const char *to, bool good)
{
	int error;

	spool_point();
	good = good && fdatasync(fd) == 0 && (linkat(folder, from, folder, to, 0) == 0 || errno == EEXIST);
	error = errno;
	spool_point();
	unlinkat(folder, from, 0);
	close(fd);
	if (good)
		(void)!fsync(folder);
	errno = error;
	return (good);
}

/* the head */

static uint64_t
newest_segment(int folder)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;
	uint64_t newest = 0;

	if (d == NULL)
		return (0);
	while ((e = readdir(d)) != NULL) {
		char *end;
		uint64_t n = strtoull(e->d_name, &end, 16);

		if (strcmp(end, ".seg") == 0 && n < ASIDE && n > newest)
			newest = n;
	}
	closedir(d);
	return (newest);
}

static bool
make_head(int folder)
{
	struct spool_head h = { .magic = HEAD_MAGIC, .segment = newest_segment(folder) + 1 };
	char name[64], room[HEAD_BYTES] = { 0 };
	int fd = make_nameless(folder, name);
	bool good;

	if (fd < 0)
		return (false);
	memcpy(room, &h, sizeof(h));
	errno = ENOSPC;
	good = write(fd, room, sizeof(room)) == (ssize_t)sizeof(room);
	return (give_name(folder, fd, name, "head", good));
}

static struct spool_head *
map_head(int fd)
{
	struct spool_head *h;
	struct stat st;

	if (fstat(fd, &st) != 0 || st.st_size != HEAD_BYTES)
		return (NULL);
	h = mmap(NULL, HEAD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (h == MAP_FAILED)
		return (NULL);
	if (h->magic == HEAD_MAGIC)
		return (h);
	munmap(h, HEAD_BYTES);
	return (NULL);
}

/* -1: errno. */
static int
open_head(int folder)
{
	return (openat(folder, "head", O_RDWR | O_CLOEXEC | O_NOFOLLOW));
}

static struct spool_head *
map_open_head(int folder, int *fd)
{
	struct spool_head *h = NULL;

	*fd = open_head(folder);
	if (*fd < 0 && errno == ENOENT && make_head(folder))
		*fd = open_head(folder);
	if (*fd >= 0 && (h = map_head(*fd)) == NULL)
		close(*fd);
	return (h);
}

/*
 * What is no head of ours is kept under another name; the segments beside it are found without it.  One process at a time, or the second would take the
 * first one's new head away.
 */
static struct spool_head *
replace_head(int folder, const char *dir, int *fd)
{
	int lock = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct spool_head *h = NULL;
	char to[64];

	if (lock >= 0 && flock(lock, LOCK_EX) == 0 && (h = map_open_head(folder, fd)) == NULL && *fd >= 0) {
		mkdirat(folder, "aside", 0750);
		snprintf(to, sizeof(to), "aside/head.%llx", (unsigned long long)clock_wall_ms());
		if (renameat(folder, "head", folder, to) == 0) {
			note(NOTE_ERROR, "", "%s/head is damaged, or of a version that this one does not know; it is kept as %s, and all rows beside it are shipped",
			    dir, to);
			h = map_open_head(folder, fd);
		}
	}
	if (lock >= 0)
		close(lock);
	return (h);
}

struct spool_head *
spool_head_open(int folder, const char *dir, int *fd, struct buf *why)
{
	struct spool_head *h = map_open_head(folder, fd);

	if (h == NULL && *fd >= 0)
		h = replace_head(folder, dir, fd);
	if (h == NULL)
		buf_print(why, "%s/head: %s", dir, strerror(errno));
	return (h);
}

void
spool_head_close(struct spool_head *h, int fd)
{
	munmap(h, HEAD_BYTES);
	close(fd);
}

/* segments */

void
segment_name(char name[24], uint64_t number)
{
	snprintf(name, 24, "%016llx.seg", (unsigned long long)number);
}

static uint32_t
header_crc(const struct segment_header *h)
{
	return (crc32c(0, h, offsetof(struct segment_header, crc)));
}

bool
segment_header_read(struct segment_header *h, int fd)
{
	return (pread(fd, h, sizeof(*h), 0) == (ssize_t)sizeof(*h) && h->magic == SEGMENT_MAGIC && h->crc == header_crc(h));
}

/* The room is reserved if the file system can; a segment without it is one all the same. */
bool
segment_make(int folder, uint64_t number, size_t size, bool *reserved)
{
	struct segment_header h = { .magic = SEGMENT_MAGIC, .number = number, .made_ms = clock_wall_ms() };
	char name[64], final[24];
	int fd;
	bool good;

	segment_name(final, number);
	*reserved = true;
	if (faccessat(folder, final, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return (true);
	if ((fd = make_nameless(folder, name)) < 0)
		return (false);
	random_bytes(&h.seed, sizeof(h.seed));
	h.crc = header_crc(&h);
	*reserved = fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)size) == 0;
	errno = ENOSPC;
	good = write(fd, &h, sizeof(h)) == (ssize_t)sizeof(h);
	return (give_name(folder, fd, name, final, good));
}

uint64_t
segments_size(int folder)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;
	uint64_t sum = 0;
	struct stat st;

	if (d == NULL)
		return (0);
	while ((e = readdir(d)) != NULL)
		if (strstr(e->d_name, ".seg") != NULL && fstatat(folder, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			sum += (uint64_t)st.st_size;
	closedir(d);
	return (sum);
}

unsigned
spool_kept_aside(int folder)
{
	int fd = openat(folder, "aside", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;
	unsigned n = 0;

	if (d == NULL)
		return (0);
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
	return (n);
}
