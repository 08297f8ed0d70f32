/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL's own programs, run as user postgres where the test is root. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "postgres.h"

#include "base/clock.h"
#include "store/postgres.h"
#include "store/store.h"

#include <fcntl.h>
#include <glob.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Starts a program of PostgreSQL's; it ends with us. */
static pid_t
run(const struct postgres *p, char *const argv[])
{
	char *whole[32] = { "setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups", "--pdeathsig", "QUIT" }, log[100];
	unsigned n = getuid() == 0 ? 8 : 0, i;
	pid_t pid;

	for (i = 0; argv[i] != NULL; i++)
		whole[n + i] = argv[i];
	whole[n + i] = NULL;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int fd;

		snprintf(log, sizeof(log), "%s/log", p->folder);
		fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		if (chdir(p->folder) == 0)
			execvp(whole[0], whole);
		_exit(127);
	}
	return (pid);
}

static int
await(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return (WIFEXITED(status) ? WEXITSTATUS(status) : 128);
}

/* Not one of those that the kernel gives to connections: the server comes a second later, and comes back. */
static int
free_port(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0), port;

	do {
		port = 12000 + (int)(random_u64() % 20000);
		in.sin_port = htons((uint16_t)port);
	} while (bind(fd, (struct sockaddr *)&in, sizeof(in)) != 0);
	close(fd);
	return (port);
}

static bool
find_programs(char *bin, size_t room)
{
	bool found;
	glob_t g;

	found = glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &g) == 0;
	if (found)
		snprintf(bin, room, "%.*s", (int)(strlen(g.gl_pathv[g.gl_pathc - 1]) - strlen("/initdb")), g.gl_pathv[g.gl_pathc - 1]);
	globfree(&g);
	return (found);
}

static void
ask(const char *url, const char *sql)
{
	struct store *s = store_new((struct text){ url, strlen(url) });
	enum store_end end;

	store_patience(s, 120000);			/* to copy a database, a busy machine takes its time */
	end = store_script(s, sql);
	if (end != STORE_FINE)
		print_error("%s\n", store_why(s));
	store_free(s);
	assert_int_equal(end, STORE_FINE);
}

static void
url_of(struct postgres *p, const char *database)
{
	snprintf(p->url, sizeof(p->url), "postgresql://postgres@127.0.0.1:%d/%s", p->port, database);
}

void
postgres_run(struct postgres *p)
{
	char bin[80], program[100], data[100];
	char *const argv[] = { program, "-D", data, NULL };

	find_programs(bin, sizeof(bin));
	snprintf(program, sizeof(program), "%s/postgres", bin);
	snprintf(data, sizeof(data), "%s/data", p->folder);
	p->pid = run(p, argv);
	url_of(p, "postgres");
	for (int i = 0; i < 6000; i++) {
		struct store *s = store_new((struct text){ p->url, strlen(p->url) });
		bool up = store_script(s, "SELECT 1") == STORE_FINE;

		store_free(s);
		if (up)
			return;
		usleep(20000);
	}
	fail_msg("PostgreSQL does not start: see %s/log", p->folder);
}

static char
state_of(pid_t pid)
{
	char path[64], said[512], *after = NULL;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	if (f != NULL && fgets(said, sizeof(said), f) != NULL)
		after = strrchr(said, ')');
	if (f != NULL)
		fclose(f);
	return (after != NULL && after[1] == ' ' ? after[2] : '\0');
}

void
postgres_halt(pid_t pid)
{
	kill(pid, SIGSTOP);
	for (unsigned i = 0; i < 3000 && state_of(pid) != 'T'; i++)
		usleep(10000);
}

void
postgres_end(struct postgres *p, int signal)
{
	if (p->pid == 0)
		return;
	kill(p->pid, signal);
	waitpid(p->pid, NULL, 0);
	p->pid = 0;
}

static void
configure(const struct postgres *p)
{
	char path[120];
	FILE *f;

	snprintf(path, sizeof(path), "%s/data/postgresql.auto.conf", p->folder);
	f = fopen(path, "a");
	assert_non_null(f);
	fprintf(f, "listen_addresses='127.0.0.1'\nport=%d\nunix_socket_directories=''\nfsync=off\nfull_page_writes=off\nshared_buffers=16MB\n"
	    "autovacuum=off\nmax_connections=40\n", p->port);
	fclose(f);
}

bool
postgres_start(struct postgres *p)
{
	char bin[80], program[100], data[100];
	char *const argv[] = { program, "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions",
		"--wal-segsize=1", NULL };
	const struct passwd *user = getpwnam("postgres");
	const char *tmp = getenv("TMPDIR");		/* a database is 300 files: fast in memory */

	pg_connect_us = 30000000;
	*p = (struct postgres){ .port = free_port() };
	snprintf(p->folder, sizeof(p->folder), "%s/sluice-postgres.XXXXXX", tmp != NULL && strlen(tmp) < 32 ? tmp : "/tmp");
	if (!find_programs(bin, sizeof(bin)) || (getuid() == 0 && user == NULL))
		return (false);
	assert_non_null(mkdtemp(p->folder));
	if (getuid() == 0)
		assert_int_equal(chown(p->folder, user->pw_uid, user->pw_gid), 0);
	snprintf(program, sizeof(program), "%s/initdb", bin);
	snprintf(data, sizeof(data), "%s/data", p->folder);
	assert_int_equal(await(run(p, argv)), 0);
	configure(p);
	postgres_run(p);
	ask(p->url, "CREATE DATABASE sluice_template");
	return (true);
}

/* In transaction mode no statement can be prepared by name, and nothing lasts longer than a transaction. */
static void
start_bouncer(struct postgres *p)
{
	char ini[100], users[100];
	char *const argv[] = { "pgbouncer", ini, NULL };
	FILE *f;

	snprintf(users, sizeof(users), "%s/users.txt", p->folder);
	snprintf(ini, sizeof(ini), "%s/b.ini", p->folder);
	p->bouncer_port = free_port();
	f = fopen(users, "w");
	fprintf(f, "\"postgres\" \"\"\n");
	fclose(f);
	f = fopen(ini, "w");
	fprintf(f, "[databases]\n* = host=127.0.0.1 port=%d\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\n"
	    "auth_type = trust\nauth_file = %s\npool_mode = transaction\ndefault_pool_size = 5\nserver_login_retry = 1\nlogfile =\npidfile =\n",
	    p->port, p->bouncer_port, users);
	fclose(f);
	p->bouncer = run(p, argv);
}

bool
postgres_bounced(struct postgres *p, char *url, size_t room)
{
	const char *database = strrchr(p->url, '/');

	if (access("/usr/sbin/pgbouncer", X_OK) != 0)
		return (false);
	if (p->bouncer == 0)
		start_bouncer(p);
	snprintf(url, room, "postgresql://postgres@127.0.0.1:%d%s", p->bouncer_port, database);
	for (int i = 0; i < 200; i++) {
		struct store *s = store_new((struct text){ url, strlen(url) });
		bool up = store_script(s, "SELECT 1") == STORE_FINE;

		store_free(s);
		if (up)
			return (true);
		usleep(20000);
	}
	fail_msg("PgBouncer does not start: see %s/log", p->folder);
	return (false);
}

void
postgres_stop(struct postgres *p)
{
	char command[100];

	if (p->bouncer != 0) {
		kill(p->bouncer, SIGTERM);
		waitpid(p->bouncer, NULL, 0);
	}
	postgres_end(p, SIGINT);
	snprintf(command, sizeof(command), "rm -rf '%s'", p->folder);
	if (p->folder[0] != '\0' && system(command) != 0)
		print_error("%s stays\n", p->folder);
}

/* The template is migrated with the first database that wants it so. */
const char *
postgres_database(struct postgres *p, bool migrated)
{
	char sql[100], name[32];
	unsigned from, to;
	struct store *s;

	if (migrated && p->databases < 1000) {
		url_of(p, "sluice_template");
		s = store_new((struct text){ p->url, strlen(p->url) });
		assert_int_equal(store_migrate(s, &from, &to), STORE_FINE);
		store_free(s);
		p->databases += 1000;
	}
	snprintf(name, sizeof(name), "t%u", ++p->databases);
	snprintf(sql, sizeof(sql), "CREATE DATABASE %s TEMPLATE %s", name, migrated ? "sluice_template" : "template0");
	url_of(p, "postgres");
	ask(p->url, sql);
	url_of(p, name);
	return (p->url);
}
