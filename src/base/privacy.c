/* SPDX-License-Identifier: Apache-2.0 */
/* Modes and owners; what a crash leaves behind. */
#include "base/privacy.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A dump that is piped to a collector heeds no limit, hence both; the limit is what children that are started anew inherit. */
void
privacy_of_memory(bool dumps)
{
	static struct rlimit before;
	static bool known;
	struct rlimit none;

	if (!known)
		known = getrlimit(RLIMIT_CORE, &before) == 0;
	none = (struct rlimit){ 0, before.rlim_max };
#ifndef __SANITIZE_ADDRESS__			/* LeakSanitizer is a debugger of its own process */
	prctl(PR_SET_DUMPABLE, dumps ? 1 : 0, 0, 0, 0);
#endif
	if (known)
		setrlimit(RLIMIT_CORE, dumps ? &before : &none);
}

static bool
say(struct buf *why, const char *path, const char *fault)
{
	buf_print(why, "%s %s", path, fault);
	return (false);
}

static bool
look(struct stat *st, const char *path, struct buf *why, bool *fine)
{
	*fine = true;
	if (stat(path, st) != 0)
		return (false);
	if (st->st_uid != geteuid() && st->st_uid != 0)
		*fine = say(why, path, "belongs to another user: give it to the user that runs sluice");
	return (*fine);
}

bool
privacy_of_folder(const char *path, struct buf *why)
{
	struct stat st;
	bool fine;

	if (!look(&st, path, why, &fine))
		return (fine);
	if (!S_ISDIR(st.st_mode))
		return (say(why, path, "is no folder"));
	if ((st.st_mode & S_IWOTH) != 0 && (st.st_mode & S_ISVTX) == 0)
		return (say(why, path, "can be changed by every user of this machine: chmod o-w it"));
	return (true);
}

bool
privacy_of_file(const char *path, struct buf *why)
{
	struct stat st;
	bool fine;

	if (!look(&st, path, why, &fine))
		return (fine);
	if (!S_ISREG(st.st_mode))
		return (say(why, path, "is no plain file"));
	if ((st.st_mode & S_IRWXO) != 0)
		return (say(why, path, "can be read or changed by every user of this machine: chmod o= it"));
	return (true);
}

bool
privacy_socket_is_open(int fd)
{
	struct sockaddr_un a = { .sun_family = AF_UNSPEC };
	socklen_t len = sizeof(a);
	struct stat st;

	if (getsockname(fd, (struct sockaddr *)&a, &len) != 0 || a.sun_family != AF_UNIX || len <= offsetof(struct sockaddr_un, sun_path) ||
	    a.sun_path[0] == '\0')
		return (false);
	return (stat(a.sun_path, &st) == 0 && (st.st_mode & S_IWOTH) != 0);
}
