/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a board: found or made, by one process at a time, and mapped. */
#include "board/board_priv.h"

#include "base/clock.h"
#include "base/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAKING_MS	5000			/* how long another may take to make it */

enum look { LOOK_GOOD, LOOK_MAKE, LOOK_OTHER_SHAPE, LOOK_FOREIGN };

static bool
set_lock(int fd, short type, off_t byte)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

	return (fcntl(fd, F_OFD_SETLK, &l) == 0);
}

bool
board_lock(int fd, off_t byte)
{
	return (set_lock(fd, F_WRLCK, byte));
}

void
board_unlock(int fd, off_t byte)
{
	set_lock(fd, F_UNLCK, byte);
}

static void
read_boot(char boot[40])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	memset(boot, 0, 40);
	if (fd < 0)
		return;
	if (read(fd, boot, 36) != 36)
		memset(boot, 0, 40);
	close(fd);
}

/* What lies there?  The magic is written last, so without one its maker died, or is still at it. */
static enum look
look_at(int fd, const struct file_kind *kind, const char boot[40])
{
	struct board_header h = { 0 };
	struct stat st;

	/* Its length after its head: whoever makes it meanwhile writes the magic when the length is right. */
	if (pread(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h) || h.magic == 0 || fstat(fd, &st) != 0)
		return (LOOK_MAKE);
	if (h.magic != kind->magic)
		return (LOOK_FOREIGN);
	if (memcmp(h.boot, boot, sizeof(h.boot)) != 0)
		return (LOOK_MAKE);
	if (h.shape != kind->shape || h.size != kind->size)
		return (LOOK_OTHER_SHAPE);
	return (st.st_size == (off_t)kind->size ? LOOK_GOOD : LOOK_FOREIGN);
}

/* Over the limit the kernel would kill us with SIGXFSZ instead of saying no. */
static int
may_be_so_big(size_t size)
{
	struct rlimit r;

	return (getrlimit(RLIMIT_FSIZE, &r) == 0 && r.rlim_cur < size ? EFBIG : 0);
}

int
board_file_room(int fd, size_t from, size_t n)
{
	int rc;

	do
		rc = posix_fallocate(fd, (off_t)from, (off_t)n);
	while (rc == EINTR);
	return (rc);
}

static int
allocate(int fd, const struct file_kind *kind)
{
	int rc = may_be_so_big(kind->size);

	if (rc == 0 && (ftruncate(fd, 0) != 0 || fchmod(fd, 0660) != 0))
		rc = errno;
	board_point();
	if (rc == 0 && kind->at_once < kind->size && ftruncate(fd, (off_t)kind->size) != 0)
		rc = errno;
	return (rc != 0 ? rc : board_file_room(fd, 0, kind->at_once));
}

/* Nobody has it mapped: a board without a magic never had users, and those of an earlier boot are gone. */
static int
make(int fd, const struct file_kind *kind, const char boot[40])
{
	struct board_header h = { .shape = kind->shape, .size = kind->size, .made_us = clock_us() };
	uint64_t magic = kind->magic;
	int rc = allocate(fd, kind);

	memcpy(h.boot, boot, sizeof(h.boot));
	random_bytes(&h.id, sizeof(h.id));
	board_point();
	if (rc == 0 && pwrite(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h))
		rc = errno;
	board_point();
	if (rc == 0 && pwrite(fd, &magic, sizeof(magic), 0) != (ssize_t)sizeof(magic))
		rc = errno;
	if (rc != 0)
		(void)!ftruncate(fd, 0);	/* give the room back */
	return (rc);
}

static bool
lock_making(int fd)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	for (unsigned i = 0; i < MAKING_MS; i++) {
		if (board_lock(fd, LOCK_MAKING))
			return (true);
		nanosleep(&ms, NULL);
	}
	return (false);
}

static enum look
look_or_make(int fd, const struct file_kind *kind, const char *path, struct buf *why)
{
	enum look look;
	char boot[40];
	int rc;

	read_boot(boot);
	if ((look = look_at(fd, kind, boot)) != LOOK_MAKE)
		return (look);
	if (!lock_making(fd)) {
		buf_print(why, "%s: another process has been making this board for %d s", path, MAKING_MS / 1000);
		return (LOOK_MAKE);
	}
	if ((look = look_at(fd, kind, boot)) == LOOK_MAKE) {
		if ((rc = make(fd, kind, boot)) == 0)
			look = LOOK_GOOD;
		else
			buf_print(why, "%s: a board needs %zu KB: %s", path, kind->at_once / 1024, strerror(rc));
	}
	board_unlock(fd, LOCK_MAKING);
	return (look);
}

static const char *
unfit(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return ("is not a plain file");
	if (st->st_uid != geteuid())
		return ("belongs to another user");
	if (st->st_nlink != 1)
		return ("has several names, or none");
	return (NULL);
}

static int
open_plain(const char *path, struct buf *why)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0660);
	const char *fault;
	struct stat st;

	if (fd < 0) {
		buf_print(why, "%s: %s", path, errno == ELOOP ? "is a symbolic link" : strerror(errno));
		return (-1);
	}
	fault = fstat(fd, &st) != 0 ? strerror(errno) : unfit(&st);
	if (fault == NULL)
		return (fd);
	buf_print(why, "%s: %s", path, fault);
	close(fd);
	return (-1);
}

static int
open_path(enum look *look, const struct file_kind *kind, const char *path, struct buf *why)
{
	int fd = open_plain(path, why);

	if (fd < 0)
		return (-1);
	*look = look_or_make(fd, kind, path, why);
	if (*look == LOOK_GOOD)
		return (fd);
	if (*look == LOOK_FOREIGN)
		buf_print(why, "%s: is not a board, or a damaged one: remove it", path);
	close(fd);
	return (-1);
}

static bool
name_is_fit(const char *instance)
{
	size_t n = strspn(instance, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	return (n > 0 && n <= 64 && instance[n] == '\0' && instance[0] != '.');
}

static int
open_either(const struct file_kind *kind, const char *dir, const char *instance, struct buf *why)
{
	enum look look = LOOK_MAKE;
	char path[4096];
	int fd;

	if (!name_is_fit(instance) || dir[0] == '\0' || strlen(dir) > sizeof(path) - 128) {
		buf_print(why, "a board needs a folder and a plain name, not \"%.80s\" and \"%.80s\"", dir, instance);
		return (-1);
	}
	snprintf(path, sizeof(path), "%.3900s/%.64s.%.20s", dir, instance, kind->suffix);
	if ((fd = open_path(&look, kind, path, why)) >= 0 || look != LOOK_OTHER_SHAPE)
		return (fd);
	snprintf(path, sizeof(path), "%.3900s/%.64s.%.20s.%u-%x", dir, instance, kind->suffix, kind->layout, (unsigned)kind->shape);
	return (open_path(&look, kind, path, why));
}

int
board_file_open(void **file, const struct file_kind *kind, const char *dir, const char *instance, struct buf *why)
{
	int fd = open_either(kind, dir, instance, why);
	void *p;

	if (fd < 0)
		return (-1);
	p = mmap(NULL, kind->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		buf_print(why, "the board of %s can not be mapped: %s", instance, strerror(errno));
		close(fd);
		return (-1);
	}
	madvise(p, kind->size, MADV_DONTFORK);
	*file = p;
	return (fd);
}
