/* SPDX-License-Identifier: Apache-2.0 */
/* Notes are one bounded clean line each; line files survive being moved, full disks and pipes nobody reads. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

#define SECOND	INT64_C(1000000)

static char	folder[] = "/tmp/log_test-XXXXXX";

static const char *
path_of(const char *name)
{
	static char paths[4][256];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return (path);
}

static struct text
contents(struct buf *b, const char *name)
{
	int fd = open(path_of(name), O_RDONLY);
	char bytes[4096];
	ssize_t n;

	b->len = 0;
	while (fd >= 0 && (n = read(fd, bytes, sizeof(bytes))) > 0)
		buf_add(b, bytes, (size_t)n);
	if (fd >= 0)
		close(fd);
	return (buf_as_text(b));
}

/* stderr goes to a file of the folder while notes are said. */
static int	real_stderr = -1;

static void
stderr_to(int fd)
{
	fflush(stderr);
	real_stderr = dup(STDERR_FILENO);
	assert_true(real_stderr >= 0);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	close(fd);
}

static void
stderr_to_file(const char *name)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);

	assert_true(fd >= 0);
	stderr_to(fd);
}

static void
stderr_back(void)
{
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
}

static unsigned
count(struct text t, char c)
{
	unsigned n = 0;

	for (size_t i = 0; i < t.len; i++)
		n += t.at[i] == c;
	return (n);
}

static void
a_note_is_one_clean_line(void **state)
{
	struct buf b = { 0 };
	struct text said;

	(void)state;
	stderr_to_file("notes");
	errno = ENOENT;
	note(NOTE_ERROR, "", "plain %d: %m", 5);
	assert_int_equal(errno, ENOENT);
	note(NOTE_WARN, "id-1", "forged\nline\r\x1b[31m\x7f and caf\xc3\xa9");
	note(NOTE_DEBUG, "", "not asked for");
	stderr_back();
	said = contents(&b, "notes");
	assert_int_equal(count(said, '\n'), 2);
	assert_true(text_has(said, TEXT("] error: plain 5: No such file or directory\n")));
	assert_true(text_has(said, TEXT("] warning: id-1: forged line  [31m  and caf\xc3\xa9\n")));
	assert_true(text_has(said, TEXT("Z sluice[")));
	buf_free(&b);
}

static void
the_level_decides(void **state)
{
	enum note_level usual = note_upto;
	struct buf b = { 0 };

	(void)state;
	stderr_to_file("levels");
	note_upto = NOTE_DEBUG;
	note(NOTE_DEBUG, "", "one");
	note_upto = NOTE_ERROR;
	note(NOTE_WARN, "", "two");
	note_upto = usual;
	stderr_back();
	assert_int_equal(count(contents(&b, "levels"), '\n'), 1);
	buf_free(&b);
}

static void
a_long_note_is_cut_between_characters(void **state)
{
	char many[5001] = "";
	struct buf b = { 0 };
	struct text said;

	(void)state;
	for (size_t shift = 0; shift < 3; shift++) {
		memset(many, 'x', shift);
		for (size_t i = shift; i + 3 < sizeof(many); i += 3)
			memcpy(many + i, "\xe2\x82\xac", 4);
		stderr_to_file("long");
		note(NOTE_ERROR, "an-id-that-is-longer-than-any-uuid-and-is-cut-therefore-at-sixty-four-bytes", "%s", many);
		stderr_back();
		said = contents(&b, "long");
		assert_in_range(said.len, 2000, 2048);
		assert_true(text_ends(said, TEXT("\xe2\x82\xac\n")));
		assert_int_equal(count(said, '\n'), 1);
	}
	buf_free(&b);
}

static void
a_full_pipe_blocks_no_note(void **state)
{
	int pipes[2];

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	stderr_to(pipes[1]);
	for (unsigned i = 0; i < 5000; i++)			/* far more than a pipe takes; ends, or the test hangs */
		note(NOTE_ERROR, "", "nobody reads this note number %u", i);
	stderr_back();
	close(pipes[0]);
}

static void
lines_are_appended(void **state)
{
	struct buf b = { 0 };
	struct line_file *f;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {			/* what was there stays */
		f = line_file_open(path_of("lines"));
		assert_non_null(f);
		line_file_write(f, TEXT("one\n"), 0);
		line_file_write(f, TEXT("two\n"), 1);
		line_file_close(f);
	}
	assert_true(text_is(contents(&b, "lines"), "one\ntwo\none\ntwo\n"));
	line_file_close(NULL);
	buf_free(&b);
}

static void
a_moved_file_is_opened_again(void **state)
{
	struct line_file *f = line_file_open(path_of("log"));
	struct buf b = { 0 };

	(void)state;
	assert_non_null(f);
	line_file_write(f, TEXT("before\n"), 10 * SECOND);
	assert_int_equal(rename(path_of("log"), path_of("log.1")), 0);
	line_file_write(f, TEXT("same second\n"), 10 * SECOND + 5);	/* not looked at yet */
	line_file_write(f, TEXT("after\n"), 11 * SECOND + 10);
	assert_true(text_is(contents(&b, "log.1"), "before\nsame second\n"));
	assert_true(text_is(contents(&b, "log"), "after\n"));
	assert_int_equal(unlink(path_of("log")), 0);
	line_file_write(f, TEXT("again\n"), 13 * SECOND);
	assert_true(text_is(contents(&b, "log"), "again\n"));
	line_file_close(f);
	buf_free(&b);
}

static void
a_file_that_can_not_be_opened_again_is_kept(void **state)
{
	struct buf b = { 0 };
	struct line_file *f;

	(void)state;
	assert_int_equal(mkdir(path_of("sub"), 0700), 0);
	f = line_file_open(path_of("sub/log"));
	assert_non_null(f);
	stderr_to_file("notes");
	assert_int_equal(rename(path_of("sub"), path_of("away")), 0);
	for (int i = 1; i <= 10; i++)
		line_file_write(f, TEXT("x\n"), i * 2 * SECOND);
	stderr_back();
	assert_true(text_is(contents(&b, "away/log"), "x\nx\nx\nx\nx\nx\nx\nx\nx\nx\n"));
	assert_int_equal(count(contents(&b, "notes"), '\n'), 1);	/* said once a minute */
	assert_int_equal(rename(path_of("away"), path_of("sub")), 0);
	line_file_write(f, TEXT("y\n"), 30 * SECOND);
	assert_true(text_ends(contents(&b, "sub/log"), TEXT("x\ny\n")));
	line_file_close(f);
	buf_free(&b);
}

static void
what_can_not_be_opened_is_noted(void **state)
{
	struct buf b = { 0 };

	(void)state;
	stderr_to_file("notes");
	assert_null(line_file_open(path_of("no/such/folder")));
	assert_null(line_file_open(folder));
	stderr_back();
	assert_true(text_has(contents(&b, "notes"), TEXT("no/such/folder can not be opened: No such file or directory\n")));
	assert_int_equal(count(contents(&b, "notes"), '\n'), 2);
	buf_free(&b);
}

/* A file that takes no more than 10 bytes: the torn line is ended before the next one. */
static void
a_full_disk_tears_one_line_only(void **state)
{
	struct line_file *f = line_file_open(path_of("full"));
	struct rlimit usual, small;
	struct buf b = { 0 };

	(void)state;
	assert_non_null(f);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &usual), 0);
	stderr_to_file("notes");
	small = usual;
	small.rlim_cur = 10;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	line_file_write(f, TEXT("line-1\n"), SECOND);
	line_file_write(f, TEXT("line-2\n"), SECOND);
	line_file_write(f, TEXT("line-3\n"), SECOND);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual), 0);
	line_file_write(f, TEXT("line-4\n"), SECOND);
	line_file_write(f, TEXT("line-5\n"), SECOND);
	stderr_back();
	assert_true(text_is(contents(&b, "full"), "line-1\nlin\nline-4\nline-5\n"));
	line_file_close(f);
	buf_free(&b);
}

static void
a_fifo_without_reader_blocks_nothing(void **state)
{
	struct line_file *f;
	int reader;

	(void)state;
	assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
	stderr_to_file("notes");
	assert_null(line_file_open(path_of("fifo")));
	reader = open(path_of("fifo"), O_RDONLY | O_NONBLOCK);
	f = line_file_open(path_of("fifo"));
	assert_non_null(f);
	for (unsigned i = 0; i < 20000; i++)			/* ends, or the test hangs */
		line_file_write(f, TEXT("a line that nobody reads\n"), SECOND);
	stderr_back();
	line_file_close(f);
	close(reader);
}

static int
make_folder(void **state)
{
	(void)state;
	return (mkdtemp(folder) != NULL ? 0 : -1);
}

static int
remove_folder(void **state)
{
	static const char *const names[] = { "notes", "levels", "long", "lines", "log", "log.1", "sub/log", "full", "fifo" };

	(void)state;
	for (size_t i = 0; i < nitems(names); i++)
		unlink(path_of(names[i]));
	rmdir(path_of("sub"));
	return (rmdir(folder));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_note_is_one_clean_line),
		cmocka_unit_test(the_level_decides),
		cmocka_unit_test(a_long_note_is_cut_between_characters),
		cmocka_unit_test(a_full_pipe_blocks_no_note),
		cmocka_unit_test(lines_are_appended),
		cmocka_unit_test(a_moved_file_is_opened_again),
		cmocka_unit_test(a_file_that_can_not_be_opened_again_is_kept),
		cmocka_unit_test(what_can_not_be_opened_is_noted),
		cmocka_unit_test(a_full_disk_tears_one_line_only),
		cmocka_unit_test(a_fifo_without_reader_blocks_nothing),
	};

	return (cmocka_run_group_tests(tests, make_folder, remove_folder));
}
