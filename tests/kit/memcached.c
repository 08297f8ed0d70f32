/* SPDX-License-Identifier: Apache-2.0 */
/* Starting memcached, and ending it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kit/child.h"
#include "kit/memcached.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

bool
memcached_is_installed(void)
{
	return (system("command -v memcached >/dev/null") == 0);
}

void
memcached_start(struct memcached *m, const char *dir)
{
	snprintf(m->path, sizeof(m->path), "%s/memcached", dir);
	unlink(m->path);
	m->pid = child_fork();
	assert_int_not_equal(m->pid, -1);
	if (m->pid == 0) {
		if (getuid() == 0)			/* as another user it would lose that wish */
			execlp("memcached", "memcached", "-u", "root", "-s", m->path, "-a", "0666", "-m", "8", "-t", "1", (char *)NULL);
		else
			execlp("memcached", "memcached", "-s", m->path, "-a", "0666", "-m", "8", "-t", "1", (char *)NULL);
		_exit(127);
	}
	for (unsigned i = 0; i < 3000 && access(m->path, F_OK) != 0; i++)
		usleep(10000);
	assert_int_equal(access(m->path, F_OK), 0);
}

void
memcached_stop(struct memcached *m)
{
	kill(m->pid, SIGKILL);
	waitpid(m->pid, NULL, 0);
	m->pid = 0;
}
