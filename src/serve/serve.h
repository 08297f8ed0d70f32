/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor of `sluice serve`: a listening socket and so many workers that share it.
 *
 * A worker that dies is replaced, at first at once and then ever more slowly; the socket stays open meanwhile, so that no web server is
 * refused.  SIGTERM and SIGINT end all workers gracefully, a second one, or the end of the drain time, at once.  SIGHUP asks for a
 * new configuration; workers begin with it blocked, and hear it when they can.  Workers end with their supervisor, whatever ends it.
 */
#ifndef SERVE_SERVE_H
#define SERVE_SERVE_H

#include <stdbool.h>
#include <stdint.h>

struct serve {
	int		 listen_fd;
	const char	*path;			/* the socket file that was made for it: removed at the end if it is still ours; NULL: none */
	unsigned	 workers;
	int	       (*worker)(int listen_fd, unsigned number, void *arg);	/* in a process of its own; returns its exit code */
	bool	       (*reload)(void *arg);	/* may the workers take the new configuration?  NULL: yes */
	int	       (*keeper)(void *arg);	/* the housekeeper, one more process, which ends after the last worker; NULL: there is none */
	void		*arg;
	int64_t		 drain_ms;		/* from SIGTERM to SIGKILL; 0: 10 minutes */
	int64_t		 first_ms, most_ms;	/* before a dead worker is replaced, doubling; 0: 100 ms and 10 s */
	int64_t		 steady_ms;		/* one that lived so long begins at first_ms again; 0: 30 s */
};

/* Until all workers are gone.  0: they ended by themselves; 1: some had to be killed. */
int	serve_run(const struct serve *);

/* systemd, without its library: the socket it opened for us (LISTEN_FDS; -1: none), and how we are ("READY=1"). */
int	serve_inherited(void);
void	serve_notify(const char *state);

#endif
