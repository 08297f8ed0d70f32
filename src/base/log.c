/* SPDX-License-Identifier: Apache-2.0 */
/* Notes to stderr, and files of lines that survive being moved away. */
#include "base/log.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define NOTE_MAX	2048
#define LOOK_US		1000000			/* between looks whether the file was moved */
#define NOTE_US		60000000		/* between notes about failures */

enum note_level note_upto = NOTE_INFO;

static const char *const level_names[] = {
	[NOTE_ERROR] = "error", [NOTE_WARN] = "warning", [NOTE_INFO] = "info", [NOTE_DEBUG] = "debug",
};

/* Would a write of a few KB wait?  A pipe says that it is writable when it takes PIPE_BUF (4,096) bytes at once. */
static bool
writable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return (poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0);
}

void
note(enum note_level level, const char *id, const char *fmt, ...)
{
	int before = errno, head, n;
	char line[NOTE_MAX], when[25];
	struct text whole;
	va_list ap;

	if (level > note_upto)
		return;
	clock_iso(when, clock_wall_ms());
	head = snprintf(line, sizeof(line), "%s sluice[%d] %s: %.64s%s", when, (int)getpid(), level_names[level], id, *id != '\0' ? ": " : "");
	va_start(ap, fmt);
	errno = before;						/* for %m */
	n = vsnprintf(line + head, sizeof(line) - (size_t)head, fmt, ap);
	va_end(ap);
	n = n < 0 ? head : head + n;
	whole = text_whole((struct text){ line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1 });
	for (size_t i = 0; i < whole.len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = ' ';
	line[whole.len] = '\n';
	if (writable(STDERR_FILENO))
		(void)!write(STDERR_FILENO, line, whole.len + 1);
	errno = before;
}

struct line_file {
	char	*path;			/* NULL: stdout */
	int	 fd;
	dev_t	 dev;
	ino_t	 ino;
	bool	 torn;			/* the last write put only the begin of a line */
	int64_t	 look_us, noted_us;	/* when it was last looked at, and last noted */
	uint64_t failures;		/* since that note */
};

/* Not waiting for the reader of a FIFO; its mode is for the operator's group. */
static int
open_path(const char *path, struct stat *st)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);

	if (fd >= 0 && fstat(fd, st) != 0) {
		close(fd);
		return (-1);
	}
	return (fd);
}

struct line_file *
line_file_open(const char *path)
{
	bool is_stdout = strcmp(path, "-") == 0;
	struct stat st = { 0 };
	struct line_file *f;
	int fd = is_stdout ? STDOUT_FILENO : open_path(path, &st);

	if (fd < 0) {
		note(NOTE_ERROR, "", "%s can not be opened: %m", path);
		return (NULL);
	}
	f = must_zalloc(sizeof(*f));
	f->fd = fd;
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	f->noted_us = INT64_MIN / 2;
	f->look_us = INT64_MIN / 2;
	if (!is_stdout) {
		f->path = must_alloc(strlen(path) + 1);
		strcpy(f->path, path);
	}
	return (f);
}

static const char *
name_of(const struct line_file *f)
{
	return (f->path != NULL ? f->path : "stdout");
}

static void
fail(struct line_file *f, const char *what, int64_t now_us)
{
	f->failures++;
	if (now_us - f->noted_us < NOTE_US)
		return;
	note(NOTE_ERROR, "", "%s: %s: %m (%llu times)", name_of(f), what, (unsigned long long)f->failures);
	f->noted_us = now_us;
	f->failures = 0;
}

/* A new file in the place of one that was moved or removed; the old one is kept until there is one. */
static void
look(struct line_file *f, int64_t now_us)
{
	struct stat st;
	int fd;

	if (f->path == NULL || now_us - f->look_us < LOOK_US)
		return;
	f->look_us = now_us;
	if (stat(f->path, &st) == 0 && st.st_dev == f->dev && st.st_ino == f->ino)
		return;
	if ((fd = open_path(f->path, &st)) < 0) {
		fail(f, "can not be opened again", now_us);
		return;
	}
	close(f->fd);
	f->fd = fd;
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	f->torn = false;
}

void
line_file_write(struct line_file *f, struct text line, int64_t now_us)
{
	struct iovec parts[2] = { { .iov_base = "\n" }, { .iov_base = (void *)(uintptr_t)line.at, .iov_len = line.len } };
	ssize_t whole, n;

	look(f, now_us);
	parts[0].iov_len = f->torn;
	whole = (ssize_t)(parts[0].iov_len + line.len);
	if (f->path == NULL && !writable(f->fd)) {
		errno = EAGAIN;
		n = -1;
	} else
		while ((n = writev(f->fd, parts, 2)) < 0 && errno == EINTR)
			;
	if (n == whole) {
		f->torn = false;
		return;
	}
	if (n >= 0)
		errno = ENOSPC;
	if (n > 0)
		f->torn = true;
	fail(f, "a line was lost", now_us);
}

void
line_file_close(struct line_file *f)
{
	if (f == NULL)
		return;
	if (f->path != NULL)
		close(f->fd);
	free(f->path);
	free(f);
}
