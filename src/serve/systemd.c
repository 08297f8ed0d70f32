/* SPDX-License-Identifier: Apache-2.0 */
/* What systemd expects of a daemon (sd_listen_fds(3), sd_notify(3)), without its library. */
#include "serve/serve.h"

#include "base/log.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_INHERITED	3

/* The variables are for this process only: its children must not take the socket for theirs. */
int
serve_inherited(void)
{
	int64_t pid = 0, count = 0;
	bool ours = text_to_i64(text_of(getenv("LISTEN_PID")), &pid) && text_to_i64(text_of(getenv("LISTEN_FDS")), &count) &&
	    pid == getpid() && count > 0;

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (!ours || fcntl(FIRST_INHERITED, F_SETFD, FD_CLOEXEC) < 0)
		return (-1);
	if (count > 1)
		note(NOTE_WARN, "", "systemd passed %d sockets; the first is used", (int)count);
	return (FIRST_INHERITED);
}

void
serve_notify(const char *state)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct text path = text_of(getenv("NOTIFY_SOCKET"));
	int fd;

	if (path.len == 0 || path.len >= sizeof(to.sun_path) || (path.at[0] != '/' && path.at[0] != '@'))
		return;
	memcpy(to.sun_path, path.at, path.len);
	if (to.sun_path[0] == '@')
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&to,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len));
	close(fd);
}
