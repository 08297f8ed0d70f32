/* SPDX-License-Identifier: Apache-2.0 */
/* A memcached of the test's own, at a socket in a folder of its own. */
#ifndef KIT_MEMCACHED_H
#define KIT_MEMCACHED_H

#include <stdbool.h>
#include <sys/types.h>

struct memcached {
	pid_t	 pid;
	char	 path[128];		/* of its socket */
};

bool	memcached_is_installed(void);
void	memcached_start(struct memcached *, const char *dir);	/* returns when it can be asked */
void	memcached_stop(struct memcached *);

#endif
