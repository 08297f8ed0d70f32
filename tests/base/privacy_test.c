/* SPDX-License-Identifier: Apache-2.0 */
/* Modes of folders, files and sockets; what a process that aborts leaves behind. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/privacy.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64], path[96];

static int
set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/privacy_test.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return (1);
	snprintf(path, sizeof(path), "%s/file", dir);
	return (0);
}

static int
tear_down(void **state)
{
	(void)state;
	unlink(path);
	return (rmdir(dir));
}

static bool
folder_is_fine(mode_t mode, const char *says)
{
	struct buf why = { 0 };
	bool fine;

	assert_int_equal(chmod(dir, mode), 0);
	fine = privacy_of_folder(dir, &why);
	assert_true(fine == (why.len == 0));
	if (!fine)
		assert_true(text_has(buf_as_text(&why), text_of(says)) && text_starts(buf_as_text(&why), text_of(dir)));
	buf_free(&why);
	return (fine);
}

static bool
file_is_fine(mode_t mode, const char *says)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	struct buf why = { 0 };
	bool fine;

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(chmod(path, mode), 0);
	fine = privacy_of_file(path, &why);
	assert_true(fine == (why.len == 0));
	if (!fine)
		assert_true(text_has(buf_as_text(&why), text_of(says)));
	buf_free(&why);
	return (fine);
}

static void
what_everybody_may_write_is_refused(void **state)
{
	struct buf why = { 0 };

	(void)state;
	assert_true(folder_is_fine(0700, NULL));
	assert_true(folder_is_fine(0755, NULL));
	assert_true(folder_is_fine(0770, NULL));
	assert_true(folder_is_fine(01777, NULL));
	assert_false(folder_is_fine(0777, "chmod o-w"));
	assert_int_equal(chmod(dir, 0700), 0);
	assert_true(file_is_fine(0600, NULL));
	assert_true(file_is_fine(0660, NULL));
	assert_false(file_is_fine(0644, "chmod o="));
	assert_false(file_is_fine(0602, "chmod o="));
	assert_false(privacy_of_file(dir, &why));
	assert_false(privacy_of_folder(path, &why));
	buf_free(&why);
}

static void
what_is_not_there_is_fine(void **state)
{
	struct buf why = { 0 };

	(void)state;
	assert_true(privacy_of_folder("/nowhere/at/all", &why) && privacy_of_file("/nowhere/at/all", &why));
	assert_int_equal(why.len, 0);
}

static void
of_another_user_is_refused(void **state)
{
	struct buf why = { 0 };

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(dir, 12345, 12345), 0);
	assert_false(privacy_of_folder(dir, &why));
	assert_true(text_has(buf_as_text(&why), TEXT("belongs to another user")));
	buf_free(&why);
	assert_int_equal(chown(dir, 0, 0), 0);
}

static bool
socket_is_open(mode_t mode)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	bool is_open;

	unlink(path);
	strcpy(a.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(chmod(path, mode), 0);
	is_open = privacy_socket_is_open(fd);
	close(fd);
	return (is_open);
}

static void
a_socket_for_everybody_is_seen(void **state)
{
	int pair[2];

	(void)state;
	assert_true(socket_is_open(0666));
	assert_false(socket_is_open(0660));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_false(privacy_socket_is_open(pair[0]));
	close(pair[0]);
	close(pair[1]);
}

/* In a folder of its own, where a dump may be written; is one? */
static bool
dumps(bool may)
{
	const struct rlimit any = { RLIM_INFINITY, RLIM_INFINITY };
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (chdir(dir) != 0 || setrlimit(RLIMIT_CORE, &any) != 0)
			_exit(1);
		privacy_of_memory(false);
		if (may)
			privacy_of_memory(true);
#ifndef __SANITIZE_ADDRESS__
		if ((prctl(PR_GET_DUMPABLE) != 0) != may)
			_exit(2);
#endif
		signal(SIGABRT, SIG_DFL);
		abort();
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	return (WCOREDUMP(status));
}

static void
remove_dumps(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -f %s/core*", dir);
	assert_int_equal(system(command), 0);
}

static void
who_aborts_leaves_no_dump(void **state)
{
	(void)state;
	assert_false(dumps(false));
#ifndef __SANITIZE_ADDRESS__
	(void)dumps(true);			/* whether there is one then is the machine's */
#endif
	remove_dumps();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_everybody_may_write_is_refused, set_up, tear_down), cmocka_unit_test(what_is_not_there_is_fine),
		cmocka_unit_test_setup_teardown(of_another_user_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_socket_for_everybody_is_seen, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_aborts_leaves_no_dump, set_up, tear_down),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
