/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor: one process that forks, waits for signals, and does nothing else. */
#include "serve/serve.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FIRST_MS	100
#define MOST_MS		10000
#define STEADY_MS	30000
#define DRAIN_MS	600000
#define KEEPER_MS	15000			/* the housekeeper has to end, after the last worker */

struct worker {
	pid_t		 pid;			/* 0: none now */
	int64_t		 since_us;
	int64_t		 wait_ms;		/* before the next one */
	int64_t		 due_us;
};

struct supervisor {
	struct serve	 set;
	struct worker	*workers;		/* and the housekeeper behind the last, if there is one */
	unsigned	 n;			/* with it */
	sigset_t	 signals, before;
	struct stat	 socket;		/* of set.path when we began */
	bool		 stopping, killed;
	int64_t		 kill_us;		/* when patience ends */
};

static int64_t
or_default(int64_t set, int64_t by_default)
{
	return (set > 0 ? set : by_default);
}

/* In the child: nothing of the supervisor but the socket, and no life without it.  A SIGHUP waits: it would end a child that can not hear it yet. */
static void
become_worker(const struct supervisor *s, unsigned number, pid_t parent)
{
	sigset_t heard_later = s->before;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(0);
	sigaddset(&heard_later, SIGHUP);
	sigprocmask(SIG_SETMASK, &heard_later, NULL);
	if (number == s->set.workers) {
		close(s->set.listen_fd);
		prctl(PR_SET_NAME, "sluice-keeper");	/* ps and top tell it from the workers */
		exit(s->set.keeper(s->set.arg));
	}
	exit(s->set.worker(s->set.listen_fd, number, s->set.arg));
}

static const char *
name_of(const struct supervisor *s, const struct worker *w, char room[32])
{
	unsigned number = (unsigned)(w - s->workers);

	if (number == s->set.workers)
		return ("the housekeeper");
	snprintf(room, 32, "worker %u", number);
	return (room);
}

static void
wait_longer(struct supervisor *s, struct worker *w)
{
	int64_t most = or_default(s->set.most_ms, MOST_MS), now = clock_us();

	w->due_us = now + w->wait_ms * 1000;
	w->wait_ms = w->wait_ms * 2 < most ? w->wait_ms * 2 : most;
}

static void
start_worker(struct supervisor *s, struct worker *w)
{
	pid_t parent = getpid();

	fflush(NULL);
	w->since_us = clock_us();
	w->pid = fork();
	if (w->pid == 0)
		become_worker(s, (unsigned)(w - s->workers), parent);
	if (w->pid > 0)
		return;
	note(NOTE_ERROR, "", "cannot start %s: %s", name_of(s, w, (char[32]){ 0 }), strerror(errno));
	w->pid = 0;
	wait_longer(s, w);
}

static void
start_those_due(struct supervisor *s)
{
	int64_t now = clock_us();

	for (unsigned i = 0; i < s->n; i++)
		if (s->workers[i].pid == 0 && s->workers[i].due_us <= now)
			start_worker(s, &s->workers[i]);
}

static void
note_death(const struct supervisor *s, const struct worker *w, int status)
{
	const char *name = name_of(s, w, (char[32]){ 0 });
	enum note_level level = s->stopping ? NOTE_INFO : NOTE_ERROR;

	if (s->stopping && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM)
		return;				/* told to stop before it could hear: it had nothing to finish */
	if (WIFSIGNALED(status))
		note(level, "", "%s (pid %ld) was ended by signal %d (%s)%s", name, (long)w->pid, WTERMSIG(status),
		    strsignal(WTERMSIG(status)), WCOREDUMP(status) ? ", core dumped" : "");
	else if (!s->stopping || WEXITSTATUS(status) != 0)
		note(level, "", "%s (pid %ld) exited with code %d", name, (long)w->pid, WEXITSTATUS(status));
}

static void
bury(struct supervisor *s, struct worker *w)
{
	int status;

	if (w->pid == 0 || waitpid(w->pid, &status, WNOHANG) != w->pid)
		return;
	note_death(s, w, status);
	w->pid = 0;
	if (clock_us() - w->since_us >= or_default(s->set.steady_ms, STEADY_MS) * 1000)
		w->wait_ms = or_default(s->set.first_ms, FIRST_MS);
	wait_longer(s, w);
}

static unsigned
alive(const struct supervisor *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->set.workers; i++)
		n += s->workers[i].pid > 0;
	return (n);
}

static bool
keeper_lives(const struct supervisor *s)
{
	return (s->n > s->set.workers && s->workers[s->set.workers].pid > 0);
}

static void
tell_keeper(const struct supervisor *s, int signal)
{
	if (keeper_lives(s))
		kill(s->workers[s->set.workers].pid, signal);
}

static void
tell_workers(const struct supervisor *s, int signal)
{
	for (unsigned i = 0; i < s->set.workers; i++)
		if (s->workers[i].pid > 0)
			kill(s->workers[i].pid, signal);
}

static void
kill_workers(struct supervisor *s, const char *why)
{
	note(NOTE_WARN, "", "%s: %u workers are killed", why, alive(s));
	tell_workers(s, SIGKILL);
	s->killed = true;
	s->kill_us = INT64_MAX;
}

static void
stop(struct supervisor *s)
{
	if (s->stopping) {
		kill_workers(s, "asked again to end");
		tell_keeper(s, SIGKILL);
		return;
	}
	s->stopping = true;
	s->kill_us = clock_us() + or_default(s->set.drain_ms, DRAIN_MS) * 1000;
	serve_notify("STOPPING=1");
	tell_workers(s, SIGTERM);
}

/* Type=notify-reload of systemd wants to know when the reload began. */
static void
reload(struct supervisor *s)
{
	struct timespec now;
	char state[64];

	if (s->stopping)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	serve_notify(state);
	if (s->set.reload == NULL || s->set.reload(s->set.arg)) {
		tell_workers(s, SIGHUP);
		tell_keeper(s, SIGHUP);
	} else
		note(NOTE_ERROR, "", "the new configuration is not taken; the workers go on with the old one");
	serve_notify("READY=1");
}

/* Until the next thing that must be done by itself. */
static struct timespec
time_left(const struct supervisor *s)
{
	int64_t until = s->stopping ? s->kill_us : INT64_MAX, left;

	for (unsigned i = 0; i < s->n && !s->stopping; i++)
		if (s->workers[i].pid == 0 && s->workers[i].due_us < until)
			until = s->workers[i].due_us;
	left = until == INT64_MAX ? 3600000000 : until - clock_us();
	if (left < 0)
		left = 0;
	return ((struct timespec){ left / 1000000, left % 1000000 * 1000 });
}

static void
wait_for_news(struct supervisor *s)
{
	struct timespec left = time_left(s);

	switch (sigtimedwait(&s->signals, NULL, &left)) {
	case SIGTERM:
	case SIGINT:
		stop(s);
		break;
	case SIGHUP:
		reload(s);
		break;
	}
	for (unsigned i = 0; i < s->n; i++)
		bury(s, &s->workers[i]);
}

/* The last workers' rows go to the store with it. */
static void
end_keeper(struct supervisor *s)
{
	s->kill_us = clock_us() + KEEPER_MS * 1000;
	tell_keeper(s, SIGTERM);
	while (keeper_lives(s)) {
		wait_for_news(s);
		if (clock_us() >= s->kill_us) {
			tell_keeper(s, SIGKILL);
			s->kill_us = INT64_MAX;
		}
	}
}

/* Another one may have put its own socket in our place: that one stays. */
static void
remove_socket(const struct supervisor *s)
{
	struct stat now;

	if (s->set.path != NULL && lstat(s->set.path, &now) == 0 && now.st_dev == s->socket.st_dev && now.st_ino == s->socket.st_ino)
		unlink(s->set.path);
}

static void
supervise(struct supervisor *s)
{
	start_those_due(s);
	serve_notify("READY=1");
	while (!s->stopping || alive(s) > 0) {
		wait_for_news(s);
		if (!s->stopping)
			start_those_due(s);
		else if (clock_us() >= s->kill_us && alive(s) > 0)
			kill_workers(s, "the drain time is over");
	}
	end_keeper(s);
}

int
serve_run(const struct serve *set)
{
	static const int caught[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD };
	struct supervisor s = { .set = *set };

	s.n = set->workers + (set->keeper != NULL);
	s.workers = must_zalloc(s.n * sizeof(*s.workers));
	for (unsigned i = 0; i < s.n; i++)
		s.workers[i].wait_ms = or_default(set->first_ms, FIRST_MS);
	if (set->path != NULL)
		lstat(set->path, &s.socket);
	signal(SIGCHLD, SIG_DFL);		/* inherited as ignored, children would be gone before we asked */
	sigemptyset(&s.signals);
	for (unsigned i = 0; i < nitems(caught); i++)
		sigaddset(&s.signals, caught[i]);
	sigprocmask(SIG_BLOCK, &s.signals, &s.before);
	supervise(&s);
	remove_socket(&s);
	while (sigtimedwait(&s.signals, NULL, &(struct timespec){ 0 }) > 0)
		;				/* came too late to matter, and must not strike when they are let through */
	sigprocmask(SIG_SETMASK, &s.before, NULL);
	free(s.workers);
	return (s.killed);
}
