/* SPDX-License-Identifier: Apache-2.0 */
/* fork() for tests: the child is killed when the test ends, however that ends; who holds our output open keeps whoever ran us waiting. */
#ifndef KIT_CHILD_H
#define KIT_CHILD_H

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

static inline pid_t
child_fork(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return (pid);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)		/* it has ended before we wished that */
		_exit(0);
	return (0);
}

#endif
