/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writers and readers of one spool, killed at any time and between any two of their steps: what append() called written is read, whole, and no segment goes before.
 *
 * The reader keeps what it has committed in memory that it shares with the test, as a store would: which rows it saw, and how far it is.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "ledger/reader.h"
#include "ledger/spool_priv.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WRITERS		6
#define ROWS_MOST	200000			/* of each */
#define KILLS		150
#define SEGMENT		16384
#define POSITIONS	64

struct shared {
	_Atomic uint32_t next[WRITERS];		/* the next to be tried */
	_Atomic unsigned char written[WRITERS][ROWS_MOST];	/* append() said so */
	_Atomic unsigned char seen[WRITERS][ROWS_MOST];
	_Atomic uint64_t version;		/* even: positions[version / 2 % 2] is committed */
	struct reader_at positions[2][POSITIONS];
	unsigned	 n_positions[2];
};

static char dir[64];
static struct shared *shared;
static unsigned long points_left;		/* until this process kills itself; 0: it does not */

static void (*meanwhile)(void);			/* what others do at the next point, once */

void
spool_point(void)
{
	void (*f)(void) = meanwhile;

	meanwhile = NULL;
	if (f != NULL)
		f();
	if (points_left > 0 && --points_left == 0)
		kill(getpid(), SIGKILL);
}

static void
die_of(const char *wrong)
{
	fprintf(stderr, "%s\n", wrong);
	_exit(99);
}

/* A row that tells who wrote it, and that its bytes are all there. */
static void
make_row(struct ledger_row *row, char doc[400], uint32_t writer, uint32_t number)
{
	int n = snprintf(doc, 400, "{\"n\":\"%0*u\"}", (int)(1 + number % 300), number);

	*row = (struct ledger_row){ .began_ms = writer, .cost = number, .doc = { doc, (size_t)n } };
	uuid7(row->id);
}

static bool
make_next(struct ledger_row *row, char doc[400], uint32_t writer, uint32_t *number)
{
	*number = atomic_load(&shared->next[writer]);
	if (*number == ROWS_MOST)
		return (false);
	make_row(row, doc, writer, *number);
	atomic_store(&shared->next[writer], *number + 1);
	return (true);
}

/* As a worker: all rows of a turn together. */

static void
hear_written(void *self, void *whose)
{
	(void)self;
	atomic_store((_Atomic unsigned char *)whose, 1);
}

static void
queue_rows(uint32_t writer)
{
	struct loop *loop = loop_new();
	struct lane *disk = lane_new(loop, "disk", 1, 16);
	struct ledger_row row;
	char doc[400];
	uint32_t number;

	for (;;) {
		struct buf why = { 0 };
		struct spool *s = spool_open(&(struct spool_settings){ .dir = dir, .segment = SEGMENT, .written = hear_written }, &why);

		if (s == NULL)
			die_of("no spool");
		spool_attach(s, loop, disk, 5);
		for (uint64_t left = 1 + random_u64() % 200; left > 0; left--) {
			for (uint64_t together = 1 + random_u64() % 20; together > 0; together--) {
				if (!make_next(&row, doc, writer, &number)) {
					spool_close(s);
					_exit(0);
				}
				spool_queue(s, &row, (void *)(uintptr_t)&shared->written[writer][number]);
			}
			loop_turn(loop, 0);
		}
		spool_close(s);
	}
}

static void
write_rows(uint32_t writer)
{
	struct ledger_row row;
	char doc[400];
	uint32_t number;

	if (writer % 2 == 1)
		queue_rows(writer);
	for (;;) {
		struct buf why = { 0 };
		struct spool *s = spool_open(&(struct spool_settings){ .dir = dir, .segment = SEGMENT }, &why);

		if (s == NULL)
			die_of("no spool");
		for (uint64_t left = 1 + random_u64() % 2000; left > 0; left--) {
			if (!make_next(&row, doc, writer, &number))
				_exit(0);
			if (!spool_append(s, &row))
				die_of("not written");
			atomic_store(&shared->written[writer][number], 1);
			if (random_u64() % 64 == 0)
				spool_sync(s);
		}
		spool_close(s);
	}
}

/* The batch and the positions are one transaction, as far as a kill goes. */
static void
commit(struct reader *r, const uint32_t (*rows)[2], unsigned n)
{
	uint64_t version = atomic_load(&shared->version) / 2 * 2;
	unsigned other = (unsigned)(version / 2 + 1) % 2;

	shared->n_positions[other] = reader_read(r, shared->positions[other], POSITIONS);
	spool_point();
	for (unsigned i = 0; i < n; i++)
		atomic_store(&shared->seen[rows[i][0]][rows[i][1]], 1);
	spool_point();
	atomic_store(&shared->version, version + 2);
	spool_point();
	reader_shipped(r);
}

static unsigned
read_batch(struct reader *r, struct arena *arena)
{
	uint32_t rows[256][2];
	struct ledger_row row;
	struct text frame;
	unsigned n = 0;

	arena_clear(arena);
	while (n < nitems(rows) && reader_next(r, arena, &frame)) {
		if (!ledger_row_unpack(&row, arena, frame) || row.began_ms >= WRITERS || row.cost >= ROWS_MOST)
			die_of("a torn row was read as a row");
		rows[n][0] = (uint32_t)row.began_ms;
		rows[n++][1] = (uint32_t)row.cost;
	}
	if (random_u64() % 8 == 0)
		reader_back(r);
	else
		commit(r, (const uint32_t (*)[2])rows, n);
	return (n);
}

static struct reader *
open_reader(void)
{
	unsigned now = (unsigned)(atomic_load(&shared->version) / 2) % 2;
	struct buf why = { 0 };
	struct reader *r = reader_open(dir, LEDGER_ROW_MOST, &why);

	if (r != NULL)
		reader_begin(r, shared->positions[now], shared->n_positions[now]);
	buf_free(&why);
	return (r);
}

static void
read_rows(void)
{
	struct arena *arena = arena_new();
	struct reader *r;

	while ((r = open_reader()) == NULL)
		usleep(200);
	for (;;)
		if (read_batch(r, arena) == 0)
			usleep(300);
}

static pid_t
begin(unsigned i)
{
	pid_t pid = fork();

	if (pid != 0)
		return (pid);
	if (random_u64() % 2 == 0)
		points_left = 1 + random_u64() % (1UL << (random_u64() % 12));
	if (i < WRITERS)
		write_rows(i);
	else
		read_rows();
	_exit(0);
}

static void
end(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
}

/* All that is left, by one that nobody kills. */
static void
read_the_rest(void)
{
	struct arena *arena = arena_new();
	struct reader *r = open_reader();

	assert_non_null(r);
	for (unsigned idle = 0; idle < 20; )
		idle = read_batch(r, arena) == 0 ? idle + 1 : 0;
	reader_close(r);
	arena_free(arena);
}

static unsigned
segments(void)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	unsigned n = 0;

	while ((e = readdir(d)) != NULL)
		n += text_ends(text_of(e->d_name), TEXT(".seg"));
	closedir(d);
	return (n);
}

static void
killed_writers_and_readers_lose_nothing(void **state)
{
	pid_t pids[WRITERS + 1];
	uint64_t rows = 0;
	struct spool *s;
	struct buf why = { 0 };

	(void)state;
	for (unsigned i = 0; i <= WRITERS; i++)
		pids[i] = begin(i);
	for (unsigned kills = 0; kills < KILLS; kills++) {
		unsigned i = (unsigned)(random_u64() % (WRITERS + 1));

		usleep((unsigned)(random_u64() % 3000));
		end(pids[i]);
		pids[i] = begin(i);
	}
	for (unsigned i = 0; i <= WRITERS; i++)
		end(pids[i]);
	s = spool_open(&(struct spool_settings){ .dir = dir, .segment = SEGMENT }, &why);
	assert_non_null(s);			/* what comes behind a torn end shows that it is torn */
	for (unsigned i = 0; i < WRITERS; i++) {
		struct ledger_row row;
		char doc[400];

		make_row(&row, doc, i, ROWS_MOST - 1);
		assert_true(spool_append(s, &row));
	}
	read_the_rest();
	for (unsigned i = 0; i < WRITERS; i++) {
		for (uint32_t n = 0; n < atomic_load(&shared->next[i]); n++) {
			rows += atomic_load(&shared->written[i][n]);
			if (atomic_load(&shared->written[i][n]) != 0 && atomic_load(&shared->seen[i][n]) == 0)
				fail_msg("row %u of writer %u is lost", n, i);
		}
	}
	assert_true(rows > 1000);
	assert_true(segments() <= 3);
	print_message("%llu rows\n", (unsigned long long)rows);
	spool_close(s);
}

/* Between opening a segment and locking it: others fill it, ship it, and take it away. */
static struct spool *other;
static struct reader *reader;
static unsigned rows_read;

static void
append_row(struct spool *s)
{
	struct ledger_row row;
	char doc[400];

	make_row(&row, doc, 0, 299);
	assert_true(spool_append(s, &row));
}

static void
ship_all(void)
{
	struct arena *arena = arena_new();
	struct text frame;

	while (reader_next(reader, arena, &frame))
		rows_read++;
	reader_shipped(reader);
	arena_free(arena);
}

static void
fill_and_ship(void)
{
	for (unsigned i = 0; i < 100; i++)
		append_row(other);
	spool_sync(other);
	ship_all();
}

static void
nothing_is_written_to_a_segment_that_went(void **state)
{
	struct spool_settings set = { .dir = dir, .segment = SEGMENT };
	struct buf why = { 0 };
	struct spool *s = spool_open(&set, &why);

	(void)state;
	other = spool_open(&set, &why);
	reader = reader_open(dir, LEDGER_ROW_MOST, &why);
	assert_true(s != NULL && other != NULL && reader != NULL);
	meanwhile = fill_and_ship;
	append_row(s);
	assert_true(meanwhile == NULL && rows_read == 100);
	ship_all();
	assert_int_equal(rows_read, 101);
	reader_close(reader);
	spool_close(other);
	spool_close(s);
}

/* A writer is in the middle of a row when the reader looks, and done, with another one, when it looks behind it. */
static struct buf half;
static int raw_fd;

static void
write_the_rest(void)
{
	assert_int_equal(write(raw_fd, half.at + 20, half.len - 20), half.len - 20);
	append_row(other);
}

static void
open_raw(void)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/0000000000000001.seg", dir);
	raw_fd = open(path, O_RDWR | O_APPEND);
	assert_true(raw_fd >= 0);
}

static void
a_row_that_is_being_written_is_not_passed_over(void **state)
{
	struct frame f = { .magic = FRAME_MAGIC };
	struct segment_header h;
	struct ledger_row row;
	struct buf why = { 0 };
	char doc[400];

	(void)state;
	other = spool_open(&(struct spool_settings){ .dir = dir, .segment = SEGMENT }, &why);
	reader = reader_open(dir, LEDGER_ROW_MOST, &why);
	open_raw();
	assert_true(segment_header_read(&h, raw_fd));
	make_row(&row, doc, 0, 1);
	buf_add(&half, &f, sizeof(f));
	ledger_row_pack(&half, &row);
	f.length = (uint32_t)(half.len - sizeof(f));
	f.crc = frame_crc(h.seed, f.length, half.at + sizeof(f));
	memcpy(half.at, &f, sizeof(f));
	assert_int_equal(write(raw_fd, half.at, 20), 20);
	rows_read = 0;
	meanwhile = write_the_rest;
	ship_all();
	assert_int_equal(rows_read, 2);
	assert_int_equal(reader_passed_over(reader), 0);
	close(raw_fd);
	buf_free(&half);
	reader_close(reader);
	spool_close(other);
}

static int
setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/sluice-spoolkill-XXXXXX");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	note_upto = NOTE_ERROR;
	return (mkdtemp(dir) == NULL || shared == MAP_FAILED);
}

static int
teardown(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	munmap(shared, sizeof(*shared));
	return (system(command));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_written_to_a_segment_that_went, setup, teardown),
		cmocka_unit_test_setup_teardown(a_row_that_is_being_written_is_not_passed_over, setup, teardown),
		cmocka_unit_test_setup_teardown(killed_writers_and_readers_lose_nothing, setup, teardown),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
