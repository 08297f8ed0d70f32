/* SPDX-License-Identifier: Apache-2.0 */
/* The file of the store's last known models and settings. */
#include "admin/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define BYTES_MOST	(256u << 20)

void
kept_begin(struct json_out *o)
{
	json_open(o, '[');
}

void
kept_add(struct json_out *o, const char *kind, struct text id, struct text doc)
{
	json_open(o, '{');
	json_name(o, "kind");
	json_string(o, text_of(kind));
	json_name(o, "id");
	json_string(o, id);
	json_name(o, "doc");
	json_raw(o, doc);
	json_close(o, '}');
}

void
kept_end(struct json_out *o)
{
	json_close(o, ']');
}

static struct text
path_of(struct arena *arena, const struct settings *s)
{
	return (arena_print(arena, TEXT_FMT "/" TEXT_FMT ".kept", TEXT_ARG(s->state_dir), TEXT_ARG(s->instance)));
}

/* Its bytes, ended by a zero; at == NULL: they can not be read. */
static struct text
read_bytes(struct arena *arena, int fd)
{
	struct text t = { NULL, 0 };
	struct stat st;
	char *bytes;

	if (fstat(fd, &st) != 0 || st.st_size <= 0 || st.st_size > BYTES_MOST)
		return (t);
	bytes = arena_bytes(arena, (size_t)st.st_size + 1);
	bytes[st.st_size] = '\0';
	if (read(fd, bytes, (size_t)st.st_size) == (ssize_t)st.st_size)
		t = (struct text){ bytes, (size_t)st.st_size };
	return (t);
}

enum kept
kept_read(struct text *rows, struct arena *arena, const struct settings *s)
{
	int fd = open(path_of(arena, s).at, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	enum json_type type;
	struct json_fault fault;

	if (fd < 0)
		return (errno == ENOENT ? KEPT_NOTHING : KEPT_DAMAGED);
	*rows = read_bytes(arena, fd);
	close(fd);
	return (rows->at != NULL && json_scan(*rows, &type, NULL, 0, &(size_t){ 0 }, &fault) && type == JSON_ARRAY ? KEPT_FINE : KEPT_DAMAGED);
}

/* False: errno. */
static bool
write_bytes(int fd, struct text bytes)
{
	ssize_t n;

	if (bytes.len > BYTES_MOST) {
		errno = EFBIG;
		return (false);
	}
	n = write(fd, bytes.at, bytes.len);
	if (n >= 0 && (size_t)n < bytes.len)
		errno = ENOSPC;
	return (n == (ssize_t)bytes.len && fsync(fd) == 0);
}

/* The new name outlives a power cut. */
static void
sync_folder(struct text folder)
{
	int fd = open(folder.at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

/*
 * A whole file takes the name, or none does; what it replaces stays until then.  Only the housekeeper writes it, so that one who is killed leaves one
 * file behind, which the next one writes over.
 */
static bool
replace(struct arena *arena, struct text folder, struct text path, struct text bytes)
{
	struct text other = arena_print(arena, TEXT_FMT ".new", TEXT_ARG(path));
	int fd = open(other.at, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool good = fd >= 0 && write_bytes(fd, bytes);

	if (fd >= 0)
		close(fd);
	good = good && rename(other.at, path.at) == 0;
	if (good)
		sync_folder(folder);
	else if (fd >= 0)
		unlink(other.at);
	return (good);
}

bool
kept_write(const struct settings *s, struct text rows, struct buf *why)
{
	struct arena *arena = arena_new();
	struct text path = path_of(arena, s), before;
	bool good = (kept_read(&before, arena, s) == KEPT_FINE && text_eq(before, rows)) || replace(arena, s->state_dir, path, rows);

	if (!good)
		buf_print(why, TEXT_FMT ": %s", TEXT_ARG(path), strerror(errno));
	arena_free(arena);
	return (good);
}
