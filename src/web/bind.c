/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets of our own. */
#include "web/web.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int
fail(int fd, struct buf *why, const char *what, const char *where)
{
	buf_print(why, "cannot %s %s: %s", what, where, strerror(errno));
	if (fd >= 0)
		close(fd);
	return (-1);
}

/* A socket file that nobody answers any more is taken away; anything else in its place is somebody's. */
static bool
clear_path(const struct sockaddr_un *to, struct buf *why)
{
	struct stat st;
	int fd, rc;

	if (lstat(to->sun_path, &st) < 0)
		return (true);
	if (!S_ISSOCK(st.st_mode)) {
		buf_print(why, "%s is there and is not a socket", to->sun_path);
		return (false);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	rc = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)to, sizeof(*to));
	if (fd >= 0)
		close(fd);
	if (rc == 0 || errno != ECONNREFUSED) {
		buf_print(why, "%s is in use: somebody listens there already", to->sun_path);
		return (false);
	}
	unlink(to->sun_path);
	return (true);
}

static int
bind_path(const char *path, int backlog, struct buf *why)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	mode_t before;
	int fd, rc;

	if (strlen(path) >= sizeof(to.sun_path)) {
		buf_print(why, "%s is too long for a socket: at most %zu bytes", path, sizeof(to.sun_path) - 1);
		return (-1);
	}
	memcpy(to.sun_path, path, strlen(path));
	if (!clear_path(&to, why))
		return (-1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return (fail(fd, why, "make a socket for", path));
	before = umask(0117);			/* 0660 from the first moment on */
	rc = bind(fd, (struct sockaddr *)&to, sizeof(to));
	umask(before);
	if (rc < 0 || listen(fd, backlog) < 0)
		return (fail(fd, why, "listen on", path));
	return (fd);
}

static int
bind_address(const struct addrinfo *to, const char *where, int backlog, struct buf *why)
{
	int one = 1, fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return (fail(fd, why, "make a socket for", where));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));	/* accepted connections inherit it */
	if (bind(fd, to->ai_addr, to->ai_addrlen) < 0 || listen(fd, backlog) < 0)
		return (fail(fd, why, "listen on", where));
	return (fd);
}

static int
bind_port(const char *where, int backlog, struct buf *why)
{
	struct addrinfo hints = { .ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM }, *found;
	const char *colon = strrchr(where, ':');
	struct text host = { where, colon != NULL ? (size_t)(colon - where) : 0 };
	char name[256];
	int fd, rc;

	if (host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']')
		host = text_sub(host, 1, host.len - 1);
	if (colon == NULL || colon[1] == '\0' || host.len >= sizeof(name)) {
		buf_print(why, "%s is neither a path nor host:port", where);
		return (-1);
	}
	memcpy(name, host.at, host.len);
	name[host.len] = '\0';
	rc = getaddrinfo(host.len > 0 && !text_is(host, "*") ? name : NULL, colon + 1, &hints, &found);
	if (rc != 0) {
		buf_print(why, "cannot listen on %s: %s", where, gai_strerror(rc));
		return (-1);
	}
	fd = bind_address(found, where, backlog, why);
	freeaddrinfo(found);
	return (fd);
}

int
web_bind(const char *where, int backlog, struct buf *why)
{
	if (strncmp(where, "unix:", 5) == 0)
		return (bind_path(where + 5, backlog, why));
	return (strchr(where, '/') != NULL ? bind_path(where, backlog, why) : bind_port(where, backlog, why));
}
