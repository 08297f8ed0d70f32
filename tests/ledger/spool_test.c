/* SPDX-License-Identifier: Apache-2.0 */
/* The spool, written and read: segments that follow each other, torn frames, other versions' rows, full disks and disks that fail. */
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
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEGMENT	65536

static char dir[64];
static struct arena *arena;
static int sync_error;
static unsigned syncs;

int __wrap_fdatasync(int fd);

int
__wrap_fdatasync(int fd)
{
	(void)fd;
	syncs++;
	errno = sync_error;
	return (sync_error != 0 ? -1 : 0);
}

static int
setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/sluice-spool-XXXXXX");
	assert_non_null(mkdtemp(dir));
	arena = arena_new();
	sync_error = 0;
	note_upto = NOTE_ERROR;
	return (0);
}

static void
empty_folder(const char *path)
{
	DIR *d = opendir(path);
	const struct dirent *e;
	char name[400];

	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.') {
			snprintf(name, sizeof(name), "%.100s/%.255s", path, e->d_name);
			if (unlink(name) != 0)
				empty_folder(name);
		}
	if (d != NULL)
		closedir(d);
	rmdir(path);
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(arena);
	empty_folder(dir);
	return (0);
}

static unsigned told;

static void
count_told(void *self, void *whose)
{
	(void)self;
	told++;
	if (whose != NULL)
		++*(unsigned *)whose;
}

static struct spool *
open_spool(void)
{
	struct buf why = { 0 };
	struct spool *s = spool_open(&(struct spool_settings){ .dir = dir, .segment = SEGMENT, .written = count_told }, &why);

	if (s == NULL)
		fail_msg(TEXT_FMT, TEXT_ARG(buf_as_text(&why)));
	return (s);
}

static struct reader *
open_reader(void)
{
	struct buf why = { 0 };
	struct reader *r = reader_open(dir, LEDGER_ROW_MOST, &why);

	if (r == NULL)
		fail_msg(TEXT_FMT, TEXT_ARG(buf_as_text(&why)));
	return (r);
}

static bool
append(struct spool *s, int64_t number)
{
	char padding[300];
	struct ledger_row row = { .cost = number, .doc = { padding, 0 } };

	row.doc.len = (size_t)snprintf(padding, sizeof(padding), "{\"n\":\"%0*lld\"}", (int)(number % 200) + 1, (long long)number);
	uuid7(row.id);
	return (spool_append(s, &row));
}

static void
append_many(struct spool *s, int64_t from, int64_t to)
{
	for (int64_t i = from; i < to; i++)
		assert_true(append(s, i));
}

static int64_t
next_number(struct reader *r)
{
	struct ledger_row row;
	struct text frame;

	if (!reader_next(r, arena, &frame))
		return (-1);
	assert_true(ledger_row_unpack(&row, arena, frame));
	return (row.cost);
}

static void
reads(struct reader *r, int64_t from, int64_t to)
{
	for (int64_t i = from; i < to; i++)
		assert_int_equal(next_number(r), i);
	assert_int_equal(next_number(r), -1);
}

static unsigned
files(const char *sub, const char *ends)
{
	char path[100];
	const struct dirent *e;
	unsigned n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s%s", dir, sub);
	d = opendir(path);
	while (d != NULL && (e = readdir(d)) != NULL)
		n += text_ends(text_of(e->d_name), text_of(ends));
	if (d != NULL)
		closedir(d);
	return (n);
}

static uint64_t
newest_number(void)
{
	struct buf why = { 0 };
	int folder = spool_folder(dir, false, &why), head;
	struct spool_head *h = spool_head_open(folder, dir, &head, &why);
	uint64_t number = h->segment;

	spool_head_close(h, head);
	close(folder);
	return (number);
}

static int
open_newest(void)
{
	char path[100], name[24];
	int fd;

	segment_name(name, newest_number());
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDWR | O_APPEND);
	assert_true(fd >= 0);
	return (fd);
}

static void
checksums_are_those_of_the_books(void **state)
{
	unsigned char bytes[300];

	(void)state;
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * i >> 3 ^ i);
	for (unsigned n = 0; n < sizeof(bytes); n++)	/* processors of all kinds share a spool's format */
		assert_int_equal(crc32c(n * 77, bytes + n % 8, n - n % 8), crc32c_by_table(n * 77, bytes + n % 8, n - n % 8));
	assert_int_equal(crc32c_by_table(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(crc32c(0, "", 0), 0);
	assert_int_equal(crc32c(crc32c(0, "12345", 5), "6789", 4), 0xe3069283);
	assert_int_not_equal(crc32c(1, "123456789", 9), 0xe3069283);
}

static void
rows_are_read_in_their_order(void **state)
{
	struct spool *s = open_spool();
	struct reader *r = open_reader();

	(void)state;
	reads(r, 0, 0);
	append_many(s, 0, 10);
	reads(r, 0, 10);
	append_many(s, 10, 2000);		/* several segments */
	reads(r, 10, 2000);
	reader_back(r);
	reads(r, 0, 2000);
	reader_shipped(r);
	append_many(s, 2000, 2001);
	reads(r, 2000, 2001);
	reader_close(r);
	spool_close(s);
}

static void
shipped_segments_go(void **state)
{
	struct spool *s = open_spool();
	struct reader *r = open_reader();

	(void)state;
	append_many(s, 0, 2000);
	assert_true(files("", ".seg") > 5);
	reads(r, 0, 2000);
	reader_shipped(r);
	assert_true(files("", ".seg") > 2);	/* who wrote them has not made them safe yet */
	spool_sync(s);
	reads(r, 0, 0);
	reader_shipped(r);
	assert_true(files("", ".seg") <= 2);
	reader_close(r);
	spool_close(s);
}

static void
a_segment_in_use_stays(void **state)
{
	struct spool *idle = open_spool(), *s = open_spool();
	struct reader *r = open_reader();
	unsigned before;

	(void)state;
	append_many(idle, 0, 1);
	append_many(s, 1, 1000);
	spool_sync(s);
	reads(r, 0, 1000);
	reader_shipped(r);
	before = files("", ".seg");
	append_many(idle, 1000, 1001);		/* it moves on */
	spool_sync(idle);
	reads(r, 1000, 1001);
	reader_shipped(r);
	assert_int_equal(files("", ".seg"), before - 1);
	reader_close(r);
	spool_close(s);
	spool_close(idle);
}

static void
the_store_knows_how_far_it_was(void **state)
{
	struct spool *s = open_spool();
	struct reader *r = open_reader();
	struct reader_at at[8];
	unsigned n;

	(void)state;
	append_many(s, 0, 100);
	reads(r, 0, 100);
	n = reader_read(r, at, 8);
	assert_int_equal(n, 1);
	append_many(s, 100, 110);
	reader_close(r);

	r = open_reader();			/* position lost: everything again */
	reads(r, 0, 110);
	reader_close(r);

	r = open_reader();
	reader_begin(r, at, n);
	reads(r, 100, 110);
	reader_close(r);

	at[0].position ^= INT64_C(1) << 32;	/* of another segment of that number: a machine that was set back */
	r = open_reader();
	reader_begin(r, at, n);
	reads(r, 0, 110);
	reader_close(r);
	spool_close(s);
}

static void
one_reads_at_a_time(void **state)
{
	struct reader *r = open_reader();
	struct buf why = { 0 };

	(void)state;
	assert_null(reader_open(dir, LEDGER_ROW_MOST, &why));
	assert_true(text_has(buf_as_text(&why), TEXT("another process")));
	buf_free(&why);
	reader_close(r);
	reader_close(open_reader());
}

/* What a killed writer leaves is passed over as soon as a frame follows, and not before: it might still be written. */
static void
torn_frames_are_passed_over(void **state)
{
	static const struct frame head = { FRAME_MAGIC, 500, 12345 };
	struct spool *s = open_spool();
	struct reader *r = open_reader();
	int fd;

	(void)state;
	append_many(s, 0, 3);
	fd = open_newest();
	for (size_t n = 1; n < sizeof(head) + 100; n++) {
		char piece[sizeof(head) + 100] = { 0 };

		memcpy(piece, &head, sizeof(head));
		assert_int_equal(write(fd, piece, n), n);
		reads(r, n == 1 ? 0 : (int64_t)n + 1, (int64_t)n + 2);
		append_many(s, (int64_t)n + 2, (int64_t)n + 3);
	}
	reads(r, sizeof(head) + 101, sizeof(head) + 102);
	assert_int_equal(reader_passed_over(r), (sizeof(head) + 99) * (sizeof(head) + 100) / 2);
	close(fd);
	reader_close(r);
	spool_close(s);
}

static void
a_torn_end_does_not_keep_a_segment(void **state)
{
	struct spool *s = open_spool();
	struct reader *r;
	int fd;

	(void)state;
	append_many(s, 0, 200);
	fd = open_newest();
	assert_int_equal(write(fd, "torn", 4), 4);
	close(fd);
	append_many(s, 200, 1000);
	spool_sync(s);
	assert_true(files("", ".seg") > 2);
	r = open_reader();
	reads(r, 0, 1000);
	reader_shipped(r);
	assert_true(files("", ".seg") <= 2);
	reader_close(r);
	spool_close(s);
}

/* A caller who knows the layout sends a frame as a model's name; the write of it is torn. */
static void
a_text_can_not_look_like_a_frame(void **state)
{
	struct spool *s = open_spool();
	struct reader *r = open_reader();
	struct ledger_row forged = { .id = "00000000-0000-0000-0000-000000000000", .cost = -1 };
	struct buf b = { 0 };
	struct frame f = { .magic = FRAME_MAGIC };
	int fd;

	(void)state;
	append_many(s, 0, 1);
	b.len = 0;
	buf_add(&b, "xxxxx", 5);
	buf_add(&b, &f, sizeof(f));
	ledger_row_pack(&b, &forged);
	f.length = (uint32_t)(b.len - 5 - sizeof(f));
	f.crc = frame_crc(0, f.length, b.at + 5 + sizeof(f));	/* the seed he does not know */
	memcpy(b.at + 5, &f, sizeof(f));
	fd = open_newest();
	assert_int_equal(write(fd, b.at, b.len), b.len);
	close(fd);
	append_many(s, 1, 2);
	reads(r, 0, 2);
	buf_free(&b);
	reader_close(r);
	spool_close(s);
}

static void
frames_that_can_not_be_shipped_are_kept(void **state)
{
	struct spool *s = open_spool();
	struct reader *r = open_reader();
	struct text frame;

	(void)state;
	assert_true(spool_put(s, TEXT("of another version")));
	append_many(s, 0, 1);
	assert_true(reader_next(r, arena, &frame));
	assert_true(reader_set_aside(r, frame));
	reads(r, 0, 1);
	reader_shipped(r);
	reads(r, 0, 0);
	reader_close(r);
	assert_int_equal(files("/aside", ".seg"), 1);

	r = open_reader();			/* the next program may know it */
	reader_begin(r, NULL, 0);
	while (reader_next(r, arena, &frame) && !text_is(frame, "of another version"))
		;
	assert_true(text_is(frame, "of another version"));
	while (reader_next(r, arena, &frame))
		;
	reader_shipped(r);
	assert_int_equal(files("/aside", ".seg"), 0);
	reader_close(r);
	spool_close(s);
}

static void
a_damaged_segment_is_kept_whole(void **state)
{
	struct spool *s = open_spool();
	struct reader *r;
	int fd;

	(void)state;
	append_many(s, 0, 10);
	fd = open_newest();
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
	assert_int_equal(pwrite(fd, "?", 1, 3), 1);
	close(fd);
	spool_close(s);
	s = open_spool();
	append_many(s, 10, 20);			/* to another one */
	r = open_reader();
	reads(r, 10, 20);
	assert_int_equal(files("/aside", ""), 3);	/* with . and .. */
	reader_close(r);
	spool_close(s);
}

static void
a_lost_head_loses_nothing(void **state)
{
	struct spool *s = open_spool();
	struct reader *r;
	char path[100];

	(void)state;
	append_many(s, 0, 500);
	spool_close(s);
	snprintf(path, sizeof(path), "%s/head", dir);
	unlink(path);
	s = open_spool();
	append_many(s, 500, 510);
	r = open_reader();
	reads(r, 0, 510);
	reader_shipped(r);
	assert_true(files("", ".seg") <= 2);
	reader_close(r);
	spool_close(s);
}

static void
a_head_of_another_version_is_kept_aside(void **state)
{
	struct spool *s = open_spool();
	struct reader *r;
	struct buf page = { 0 };
	char path[100];
	int fd;

	(void)state;
	append_many(s, 0, 500);
	spool_close(s);
	snprintf(path, sizeof(path), "%s/head", dir);
	fd = open(path, O_WRONLY, 0600);
	assert_int_equal(pwrite(fd, "splHead9", 8, 0), 8);
	close(fd);
	r = open_reader();
	s = open_spool();
	append_many(s, 500, 510);
	reads(r, 0, 510);
	assert_int_equal(files("/aside", ""), 3);	/* with . and .. */
	spool_print(&page, s);
	assert_true(text_has(buf_as_text(&page), TEXT("sluice_spool_aside_files 1\n")));
	buf_free(&page);
	reader_close(r);
	spool_close(s);
}

static void
what_can_be_no_spool_is_refused(void **state)
{
	struct buf why = { 0 };
	char path[100];

	(void)state;
	snprintf(path, sizeof(path), "%s/none/below", dir);
	assert_null(spool_open(&(struct spool_settings){ .dir = path, .segment = SEGMENT }, &why));
	assert_true(why.len > 0);
	buf_free(&why);
}

static void
rows_are_written_again_after_a_failed_sync(void **state)
{
	struct spool *s = open_spool();
	struct reader *r = open_reader();
	uint64_t segment;

	(void)state;
	append_many(s, 0, 5);
	assert_true(spool_sync(s));
	append_many(s, 5, 10);
	segment = newest_number();
	sync_error = EIO;
	assert_false(spool_sync(s));
	assert_true(newest_number() > segment);	/* what is in the old one nobody knows */
	assert_false(spool_has_room(s, 1));
	sync_error = 0;
	assert_true(spool_sync(s));
	assert_true(spool_has_room(s, 1));
	for (int64_t i = 0; i < 10; i++)
		assert_int_equal(next_number(r), i);
	assert_true(next_number(r) >= 5);	/* at least once more, and by the same ids */
	while (next_number(r) >= 0)
		;
	reader_close(r);
	spool_close(s);
}

static void
rows_of_left_segments_are_made_safe_too(void **state)
{
	struct spool *s = open_spool();
	unsigned before;

	(void)state;
	append_many(s, 0, 1);
	assert_true(spool_sync(s));
	append_many(s, 1, 350);			/* the segment changes */
	before = syncs;
	assert_true(spool_sync(s));
	assert_true(syncs - before >= 2);
	spool_close(s);
}

static void
room_is_counted(void **state)
{
	struct spool *s = open_spool();

	(void)state;
	assert_true(spool_has_room(s, 0));
	assert_true(spool_has_room(s, 8));
	assert_false(spool_has_room(s, 4000000000u));	/* 16 TB */
	spool_close(s);
}

static void
fill(const char *path)
{
	static const char block[4096];
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	while (write(fd, block, sizeof(block)) > 0)
		;
	close(fd);
}

/* Rows of running calls wait in memory, new calls are refused, and all is written when there is room again. */
static void
a_full_disk_loses_nothing(void **state)
{
	struct spool *s;
	struct reader *r;
	char ballast[100];
	int64_t n = 0, waiting;

	(void)state;
	if (mount("tmpfs", dir, "tmpfs", 0, "size=512k,mode=0700") != 0)
		skip();
	s = open_spool();
	spool_sync(s);
	assert_true(spool_has_room(s, 4));
	snprintf(ballast, sizeof(ballast), "%s/ballast", dir);
	fill(ballast);
	spool_sync(s);
	assert_true(spool_has_room(s, 4));	/* set aside */
	assert_false(spool_has_room(s, 60));
	while (append(s, n))
		n++;
	assert_true(n > 100);
	assert_false(spool_has_room(s, 0));
	for (waiting = 1; waiting < 50; waiting++)
		assert_false(append(s, n + waiting));
	told = 0;
	unlink(ballast);
	assert_true(spool_sync(s));
	assert_int_equal(told, 50);
	assert_true(spool_has_room(s, 4));
	assert_true(append(s, n + waiting));
	r = open_reader();
	reads(r, 0, n + waiting + 1);
	reader_close(r);
	spool_close(s);
	assert_int_equal(umount2(dir, MNT_DETACH), 0);
}

/* What the sweeper finds of a killed worker. */
static void
swept_exchanges_get_rows(void **state)
{
	struct running_view v = { .id = "0199b6e0-0000-7abc-8def-0123456789ab", .began_ms = 5, .cost = 99, .prompt = 3, .completion = 4, .estimated = true,
		.charges = { { 7, 8, 9 } }, .n_charges = 1, .who = { .user_id = TEXT("ada"), .tags = TEXT("[\"t\"]") },
		.where = { .model = TEXT("gpt-4o") } };
	struct spool *s = open_spool();
	struct reader *r = open_reader();
	struct ledger_row row;
	struct text frame;

	(void)state;
	assert_true(spool_swept(s, &v));
	assert_true(reader_next(r, arena, &frame) && ledger_row_unpack(&row, arena, frame));
	assert_string_equal(row.id, v.id);
	assert_true(row.cost == 99 && row.prompt == 3 && row.completion == 4 && row.estimated && row.began_ms == 5 && row.status == 500);
	assert_true(text_is(row.ended, "swept") && text_is(row.user_id, "ada") && text_is(row.model, "gpt-4o") && text_is(row.tags, "[\"t\"]"));
	assert_true(row.n_charges == 1 && row.charges[0].account == 7 && row.charges[0].period == 8 && row.charges[0].lease == 9);
	reader_close(r);
	spool_close(s);
}

/* with a loop */

static void
turn_until(struct loop *loop, unsigned *count, unsigned wanted)
{
	for (unsigned i = 0; i < 300 && *count < wanted; i++)
		loop_turn(loop, 10);
	assert_true(*count >= wanted);
}

static void
rows_are_made_safe_in_groups(void **state)
{
	struct loop *loop = loop_new();
	struct lane *disk = lane_new(loop, "disk", 1, 16);
	struct spool *s = open_spool();
	struct reader *r = open_reader();
	unsigned before;

	(void)state;
	spool_attach(s, loop, disk, 20);
	for (unsigned i = 0; i < 10; i++)
		loop_turn(loop, 10);
	before = syncs;
	append_many(s, 0, 100);
	assert_int_equal(syncs, before);
	turn_until(loop, &syncs, before + 1);
	for (unsigned i = 0; i < 5; i++)
		loop_turn(loop, 10);
	assert_true(syncs <= before + 3);	/* and one for a segment made ahead, perhaps */
	sync_error = EIO;
	append_many(s, 100, 101);
	before = syncs;
	turn_until(loop, &syncs, before + 2);
	assert_false(spool_has_room(s, 1));
	sync_error = 0;
	for (unsigned i = 0; i < 300 && !spool_has_room(s, 1); i++)
		loop_turn(loop, 10);
	assert_true(spool_has_room(s, 1));
	for (int64_t i = 0; i <= 100; i++)
		assert_int_equal(next_number(r), i);
	reader_close(r);
	spool_close(s);
	lane_free(disk, 1000);
	loop_free(loop);
}

static void
queue(struct spool *s, int64_t number, unsigned *whose)
{
	char doc[40];
	struct ledger_row row = { .cost = number, .doc = { doc, (size_t)snprintf(doc, sizeof(doc), "{\"n\":%lld}", (long long)number) } };

	uuid7(row.id);
	spool_queue(s, &row, whose);
}

static void
rows_of_a_turn_are_written_at_its_end(void **state)
{
	struct loop *loop = loop_new();
	struct lane *disk = lane_new(loop, "disk", 1, 16);
	struct spool *s = open_spool();
	struct reader *r = open_reader();
	unsigned heard[50] = { 0 }, last = 0;

	(void)state;
	queue(s, 0, &heard[0]);			/* without a loop: at once */
	assert_int_equal(heard[0], 1);
	assert_int_equal(next_number(r), 0);
	spool_attach(s, loop, disk, 20);
	for (unsigned i = 1; i < nitems(heard); i++)
		queue(s, i, &heard[i]);
	assert_int_equal(heard[1], 0);
	assert_int_equal(next_number(r), -1);
	loop_turn(loop, 0);
	for (unsigned i = 0; i < nitems(heard); i++)
		assert_int_equal(heard[i], 1);
	for (unsigned i = 1; i < nitems(heard); i++)
		assert_int_equal(next_number(r), i);
	queue(s, 50, &last);			/* the end comes before the turn's */
	spool_close(s);
	assert_int_equal(last, 1);
	assert_int_equal(next_number(r), 50);
	for (unsigned i = 0; i < nitems(heard); i++)
		assert_int_equal(heard[i], 1);
	reader_close(r);
	lane_free(disk, 1000);
	loop_free(loop);
}

/* A turn may be written in part: the rest waits, and everybody hears of his own row once. */
static void
a_full_disk_loses_nothing_of_a_turn(void **state)
{
	enum { MOST = 20000, TURN = 100 };
	static unsigned heard[MOST];
	struct loop *loop = loop_new();
	struct lane *disk = lane_new(loop, "disk", 1, 16);
	struct spool *s;
	struct reader *r;
	char ballast[100];
	unsigned n = 0;

	(void)state;
	if (mount("tmpfs", dir, "tmpfs", 0, "size=512k,mode=0700") != 0)
		skip();
	s = open_spool();
	snprintf(ballast, sizeof(ballast), "%s/ballast", dir);
	fill(ballast);
	spool_attach(s, loop, disk, 1000);
	while (n < MOST && (n == 0 || heard[n - 1] == 1)) {
		for (unsigned i = 0; i < TURN; i++, n++)
			queue(s, n, &heard[n]);
		loop_turn(loop, 0);
	}
	assert_in_range(n, 2 * TURN, MOST - TURN);
	assert_false(spool_has_room(s, 0));
	unlink(ballast);
	for (unsigned i = 0; i < 300 && heard[n - 1] == 0; i++)
		loop_turn(loop, 10);
	r = open_reader();
	reads(r, 0, n);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(heard[i], 1);
	reader_close(r);
	spool_close(s);
	lane_free(disk, 1000);
	loop_free(loop);
	assert_int_equal(umount2(dir, MNT_DETACH), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(checksums_are_those_of_the_books, setup, teardown),
		cmocka_unit_test_setup_teardown(rows_are_read_in_their_order, setup, teardown),
		cmocka_unit_test_setup_teardown(shipped_segments_go, setup, teardown),
		cmocka_unit_test_setup_teardown(a_segment_in_use_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(the_store_knows_how_far_it_was, setup, teardown),
		cmocka_unit_test_setup_teardown(one_reads_at_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(torn_frames_are_passed_over, setup, teardown),
		cmocka_unit_test_setup_teardown(a_torn_end_does_not_keep_a_segment, setup, teardown),
		cmocka_unit_test_setup_teardown(a_text_can_not_look_like_a_frame, setup, teardown),
		cmocka_unit_test_setup_teardown(frames_that_can_not_be_shipped_are_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(a_damaged_segment_is_kept_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(a_lost_head_loses_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_head_of_another_version_is_kept_aside, setup, teardown),
		cmocka_unit_test_setup_teardown(what_can_be_no_spool_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(rows_are_written_again_after_a_failed_sync, setup, teardown),
		cmocka_unit_test_setup_teardown(rows_of_left_segments_are_made_safe_too, setup, teardown),
		cmocka_unit_test_setup_teardown(room_is_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_disk_loses_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(swept_exchanges_get_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(rows_are_made_safe_in_groups, setup, teardown),
		cmocka_unit_test_setup_teardown(rows_of_a_turn_are_written_at_its_end, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_disk_loses_nothing_of_a_turn, setup, teardown),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
