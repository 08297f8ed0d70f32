/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor with real processes: what its workers see, and what is left when it is gone. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/text.h"
#include "serve/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS	20000			/* until a test gives up */

static char folder[] = "/tmp/sluice-serve-XXXXXX", path[64];
static int reports[2], notes[2];		/* pipes: the workers', and the supervisor's stderr */
static pid_t supervisor;

/* The workers.  They report "NUMBER WHAT PID" in one write. */

static void
report(unsigned number, const char *what)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "%u %s %ld\n", number, what, (long)getpid());

	(void)!write(reports[1], line, (size_t)n);
}

static void
hear_signals(unsigned number, bool stubborn)
{
	sigset_t set;
	int got;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	report(number, "starts");
	while (sigwait(&set, &got) == 0) {
		report(number, got == SIGHUP ? "hup" : "term");
		if (got == SIGTERM && !stubborn)
			return;
	}
}

static int
good_worker(int listen_fd, unsigned number, void *arg)
{
	struct stat st;

	(void)arg;
	hear_signals(number, false);
	return (fstat(listen_fd, &st) == 0 && S_ISSOCK(st.st_mode) ? 0 : 1);
}

static int
stubborn_worker(int listen_fd, unsigned number, void *arg)
{
	(void)listen_fd;
	(void)arg;
	hear_signals(number, true);
	return (0);
}

static int
failing_worker(int listen_fd, unsigned number, void *arg)
{
	(void)listen_fd;
	(void)arg;
	report(number, "starts");
	return (7);
}

/* Told to end before it is ready to hear it. */
static int
starting_worker(int listen_fd, unsigned number, void *arg)
{
	(void)listen_fd;
	(void)arg;
	report(number, "starts");
	pause();
	return (0);
}

/* Asked to reload before it is ready to hear it. */
static int
slow_worker(int listen_fd, unsigned number, void *arg)
{
	sigset_t came;

	(void)listen_fd;
	(void)arg;
	report(number, "waits");
	do {
		usleep(1000);
		sigpending(&came);
	} while (!sigismember(&came, SIGHUP));
	hear_signals(number, false);
	return (0);
}

static bool
no_reload(void *arg)
{
	return (*(int *)arg == 0);
}

/* The test's side */

static int
bound(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(to.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(listen(fd, 16), 0);
	return (fd);
}

static void
run(struct serve set)
{
	fflush(NULL);
	set.listen_fd = bound();
	set.path = path;
	supervisor = fork();
	assert_true(supervisor >= 0);
	if (supervisor == 0) {
		dup2(notes[1], 2);
		_exit(serve_run(&set));
	}
	close(set.listen_fd);
}

static int
end_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (pid == supervisor)
		supervisor = 0;
	return (WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
}

/* Reads lines until one has the words; the number behind them. */
static long
await(int fd, const char *words)
{
	char line[512];
	size_t n = 0;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (poll(&p, 1, PATIENCE_MS) == 1 && n < sizeof(line) - 1 && read(fd, line + n, 1) == 1) {
		if (line[n] != '\n') {
			n++;
			continue;
		}
		line[n] = '\0';
		n = 0;
		if (strstr(line, words) != NULL)
			return (strtol(strstr(line, words) + strlen(words), NULL, 10));
	}
	fail_msg("never heard: %s", words);
	return (0);
}

static bool
silent(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return (poll(&p, 1, 30) == 0);
}

static int
start(void **state)
{
	(void)state;
	return (pipe2(reports, O_CLOEXEC) < 0 || pipe2(notes, O_CLOEXEC) < 0 ? -1 : 0);
}

static int
stop(void **state)
{
	(void)state;
	if (supervisor > 0) {			/* the test failed on the way */
		kill(supervisor, SIGKILL);
		waitpid(supervisor, NULL, 0);
		supervisor = 0;
	}
	for (int i = 0; i < 2; i++) {
		close(reports[i]);
		close(notes[i]);
	}
	unlink(path);
	return (0);
}

static void
starts_and_ends(void **state)
{
	(void)state;
	run((struct serve){ .workers = 3, .worker = good_worker });
	for (int i = 0; i < 3; i++)
		await(reports[0], " starts ");
	assert_int_equal(access(path, F_OK), 0);
	kill(supervisor, SIGTERM);
	for (int i = 0; i < 3; i++)
		await(reports[0], " term ");
	assert_int_equal(end_of(supervisor), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_true(silent(notes[0]));
}

static void
interrupted(void **state)
{
	(void)state;
	run((struct serve){ .workers = 1, .worker = good_worker });
	await(reports[0], "0 starts ");
	kill(supervisor, SIGUSR1);		/* means nothing to it */
	kill(supervisor, SIGINT);
	await(reports[0], "0 term ");
	assert_int_equal(end_of(supervisor), 0);
}

static void
replaces_the_dead(void **state)
{
	long first, second;

	(void)state;
	run((struct serve){ .workers = 2, .worker = good_worker, .first_ms = 1, .most_ms = 4, .steady_ms = 1 });
	first = await(reports[0], "1 starts ");
	for (int i = 0; i < 5; i++) {
		kill((pid_t)first, SIGKILL);
		await(notes[0], "was ended by signal 9");
		second = await(reports[0], "1 starts ");
		assert_int_not_equal(first, second);
		first = second;
	}
	kill(supervisor, SIGTERM);
	assert_int_equal(end_of(supervisor), 0);
}

static void
says_the_exit_code(void **state)
{
	(void)state;
	run((struct serve){ .workers = 1, .worker = failing_worker, .first_ms = 1, .most_ms = 4 });
	for (int i = 0; i < 6; i++) {
		await(reports[0], "0 starts ");
		await(notes[0], "exited with code 7");
	}
	kill(supervisor, SIGTERM);
	assert_int_equal(end_of(supervisor), 0);
}

/* It waits before it replaces one that dies at once, and ends all the same when asked. */
static void
holds_back(void **state)
{
	(void)state;
	run((struct serve){ .workers = 1, .worker = failing_worker, .first_ms = 3600000, .most_ms = 3600000 });
	await(reports[0], "0 starts ");
	await(notes[0], "exited with code 7");
	assert_true(silent(reports[0]));
	kill(supervisor, SIGTERM);
	assert_int_equal(end_of(supervisor), 0);
}

static void
kills_after_the_drain_time(void **state)
{
	(void)state;
	run((struct serve){ .workers = 2, .worker = stubborn_worker, .drain_ms = 20 });
	await(reports[0], " starts ");
	await(reports[0], " starts ");
	kill(supervisor, SIGTERM);
	await(notes[0], "the drain time is over: 2 workers are killed");
	assert_int_equal(end_of(supervisor), 1);
	assert_int_equal(access(path, F_OK), -1);
}

static void
kills_when_asked_twice(void **state)
{
	(void)state;
	run((struct serve){ .workers = 1, .worker = stubborn_worker });
	await(reports[0], "0 starts ");
	kill(supervisor, SIGTERM);
	await(reports[0], "0 term ");
	kill(supervisor, SIGTERM);
	await(notes[0], "asked again");
	assert_int_equal(end_of(supervisor), 1);
}

static void
says_nothing_of_workers_that_were_starting(void **state)
{
	(void)state;
	run((struct serve){ .workers = 2, .worker = starting_worker });
	await(reports[0], " starts ");
	await(reports[0], " starts ");
	kill(supervisor, SIGTERM);
	assert_int_equal(end_of(supervisor), 0);
	assert_true(silent(notes[0]));
}

static void
passes_the_reload_on(void **state)
{
	int refuse = 0;

	(void)state;
	run((struct serve){ .workers = 2, .worker = good_worker, .reload = no_reload, .arg = &refuse });
	await(reports[0], " starts ");
	await(reports[0], " starts ");
	kill(supervisor, SIGHUP);
	await(reports[0], " hup ");
	await(reports[0], " hup ");
	kill(supervisor, SIGTERM);
	assert_int_equal(end_of(supervisor), 0);
}

static void
a_reload_waits_for_workers_that_are_starting(void **state)
{
	(void)state;
	run((struct serve){ .workers = 1, .worker = slow_worker });
	await(reports[0], "0 waits ");
	kill(supervisor, SIGHUP);
	await(reports[0], "0 starts ");
	await(reports[0], "0 hup ");
	kill(supervisor, SIGTERM);
	await(reports[0], "0 term ");
	assert_int_equal(end_of(supervisor), 0);
}

static void
refuses_a_bad_reload(void **state)
{
	int refuse = 1;

	(void)state;
	run((struct serve){ .workers = 1, .worker = good_worker, .reload = no_reload, .arg = &refuse });
	await(reports[0], "0 starts ");
	kill(supervisor, SIGHUP);
	await(notes[0], "the new configuration is not taken");
	assert_true(silent(reports[0]));
	kill(supervisor, SIGTERM);
	await(reports[0], "0 term ");
	assert_int_equal(end_of(supervisor), 0);
}

static void
workers_do_not_outlive_it(void **state)
{
	(void)state;
	run((struct serve){ .workers = 2, .worker = good_worker });
	await(reports[0], " starts ");
	await(reports[0], " starts ");
	kill(supervisor, SIGKILL);
	assert_int_equal(end_of(supervisor), -SIGKILL);
	await(reports[0], " term ");
	await(reports[0], " term ");
}

static void
leaves_anothers_socket(void **state)
{
	(void)state;
	run((struct serve){ .workers = 1, .worker = good_worker });
	await(reports[0], "0 starts ");
	unlink(path);
	close(bound());
	kill(supervisor, SIGTERM);
	assert_int_equal(end_of(supervisor), 0);
	assert_int_equal(access(path, F_OK), 0);
}

/* What systemd hears. */
static int
manager(const char *name, socklen_t name_len)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = PATIENCE_MS / 1000 };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(to.sun_path, name, name_len);
	assert_int_equal(bind(fd, (struct sockaddr *)&to, (socklen_t)offsetof(struct sockaddr_un, sun_path) + name_len), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return (fd);
}

static void
expect_state(int fd, const char *starts)
{
	char got[128] = "";

	assert_true(recv(fd, got, sizeof(got) - 1, 0) > 0);
	assert_memory_equal(got, starts, strlen(starts));
}

static void
tells_systemd(void **state)
{
	char name[80];
	int fd;

	(void)state;
	snprintf(name, sizeof(name), "%s/notify", folder);
	fd = manager(name, (socklen_t)strlen(name));
	setenv("NOTIFY_SOCKET", name, 1);
	run((struct serve){ .workers = 1, .worker = good_worker });
	expect_state(fd, "READY=1");
	await(reports[0], "0 starts ");
	kill(supervisor, SIGHUP);
	expect_state(fd, "RELOADING=1\nMONOTONIC_USEC=");
	expect_state(fd, "READY=1");
	kill(supervisor, SIGTERM);
	expect_state(fd, "STOPPING=1");
	assert_int_equal(end_of(supervisor), 0);
	close(fd);
	unlink(name);
	unsetenv("NOTIFY_SOCKET");
}

static void
tells_an_abstract_socket(void **state)
{
	char name[80];
	int fd;

	(void)state;
	snprintf(name, sizeof(name), "@sluice-serve-test-%ld", (long)getpid());
	setenv("NOTIFY_SOCKET", name, 1);
	name[0] = '\0';
	fd = manager(name, (socklen_t)strlen(name + 1) + 1);
	serve_notify("READY=1");
	expect_state(fd, "READY=1");
	close(fd);
	serve_notify("READY=1");		/* nobody listens: nothing happens */
	setenv("NOTIFY_SOCKET", "nonsense", 1);
	serve_notify("READY=1");
	unsetenv("NOTIFY_SOCKET");
}

/* In a process of its own, where descriptor 3 is free to be played with. */
static int
inherits(const char *pid, const char *count, bool open)
{
	pid_t child;
	char own[32];

	fflush(NULL);
	child = fork();
	if (child == 0) {
		snprintf(own, sizeof(own), "%ld", (long)getpid());
		dup2(notes[1], 2);
		setenv("LISTEN_PID", pid != NULL ? pid : own, 1);
		setenv("LISTEN_FDS", count, 1);
		if (open)
			dup2(reports[1], 3);
		else
			close(3);
		_exit(serve_inherited() == 3 && (fcntl(3, F_GETFD) & FD_CLOEXEC) != 0 && getenv("LISTEN_FDS") == NULL);
	}
	return (end_of(child));
}

static void
takes_the_socket_of_systemd(void **state)
{
	(void)state;
	assert_int_equal(inherits(NULL, "1", true), 1);
	assert_int_equal(inherits(NULL, "2", true), 1);
	await(notes[0], "systemd passed 2 sockets");
	assert_int_equal(inherits(NULL, "0", true), 0);
	assert_int_equal(inherits(NULL, "x", true), 0);
	assert_int_equal(inherits(NULL, "1", false), 0);
	assert_int_equal(inherits("1", "1", true), 0);
	assert_int_equal(serve_inherited(), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(starts_and_ends, start, stop),
		cmocka_unit_test_setup_teardown(interrupted, start, stop),
		cmocka_unit_test_setup_teardown(replaces_the_dead, start, stop),
		cmocka_unit_test_setup_teardown(says_the_exit_code, start, stop),
		cmocka_unit_test_setup_teardown(holds_back, start, stop),
		cmocka_unit_test_setup_teardown(kills_after_the_drain_time, start, stop),
		cmocka_unit_test_setup_teardown(kills_when_asked_twice, start, stop),
		cmocka_unit_test_setup_teardown(says_nothing_of_workers_that_were_starting, start, stop),
		cmocka_unit_test_setup_teardown(passes_the_reload_on, start, stop),
		cmocka_unit_test_setup_teardown(a_reload_waits_for_workers_that_are_starting, start, stop),
		cmocka_unit_test_setup_teardown(refuses_a_bad_reload, start, stop),
		cmocka_unit_test_setup_teardown(workers_do_not_outlive_it, start, stop),
		cmocka_unit_test_setup_teardown(leaves_anothers_socket, start, stop),
		cmocka_unit_test_setup_teardown(tells_systemd, start, stop),
		cmocka_unit_test_setup_teardown(tells_an_abstract_socket, start, stop),
		cmocka_unit_test_setup_teardown(takes_the_socket_of_systemd, start, stop),
	};
	int failed;

	unsetenv("NOTIFY_SOCKET");
	if (mkdtemp(folder) == NULL)
		return (1);
	snprintf(path, sizeof(path), "%s/w.sock", folder);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(folder);
	return (failed);
}
