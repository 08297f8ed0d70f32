/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing: frames appended to the newest segment, which whoever fills it follows with another; what could not be written, or made safe, kept until it
 * is.
 */
#include "ledger/spool_priv.h"

#include "base/clock.h"
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LOOK_US		1000000			/* at the room, when nothing is written */
#define AGAIN_US	100000			/* after a failure */
#define UNSAFE_MOST	(16 << 20)		/* bytes appended and not safe: a disk that is so far behind gets no new calls */
#define TRIES		64			/* a segment may be followed while it is opened */
#define STALE_MOST	4

/* Frames in memory: each with whose it is, then its bytes. */
struct kept {
	struct buf	 bytes;
	unsigned	 n;
};

struct sync;

struct spool {
	struct spool_settings set;
	char		*dir;			/* a copy, which set.dir is */
	int		 folder, head_fd;
	struct spool_head *head;
	int		 fd;			/* of the segment, with a shared lock; -1: none is open */
	uint64_t	 number;		/* of it */
	uint32_t	 seed;
	uint64_t	 synced_number, synced_end;	/* how far spool_sync() made safe what others wrote */
	int		 stale[STALE_MOST];	/* of segments that were left with rows that are not safe */
	unsigned	 n_stale;
	bool		 reserves;		/* the file system can set room aside */
	struct buf	 packed, frames;	/* a row, and what is being written */
	struct kept	 queued;		/* for the end of this turn */
	struct kept	 turn;			/* of this one, which ends */
	struct kept	 waiting;		/* could not be written */
	struct kept	 unsafe;		/* written since the last fdatasync began */
	struct kept	 syncing;		/* that one is for */
	bool		 failing;
	bool		 said;			/* that rows wait */
	/* with a loop */
	struct loop	*loop;
	struct lane	*disk;
	int64_t		 after_us;
	struct timer	 timer, look;
	struct soon	 turn_ends;
	struct sync	*sync;			/* under way */
};

#define SELF(member, pointer)	((struct spool *)((char *)(pointer) - offsetof(struct spool, member)))

/* frames in memory */

struct one {
	void		*whose;			/* who waits to hear that it is written; NULL: nobody */
	uint32_t	 len;
};

static void
keep(struct kept *k, struct text frame, void *whose)
{
	struct one one = { whose, (uint32_t)frame.len };

	buf_add(&k->bytes, &one, sizeof(one));
	buf_text(&k->bytes, frame);
	k->n++;
}

/* The first one, or the next behind `at`; false: no more. */
static bool
next_kept(const struct kept *k, size_t *at, struct text *frame, void **whose)
{
	struct one one;

	if (*at >= k->bytes.len)
		return (false);
	memcpy(&one, k->bytes.at + *at, sizeof(one));
	*whose = one.whose;
	*frame = (struct text){ k->bytes.at + *at + sizeof(one), one.len };
	*at += sizeof(one) + one.len;
	return (true);
}

static void
keep_all(struct kept *to, struct kept *from)
{
	buf_text(&to->bytes, buf_as_text(&from->bytes));
	to->n += from->n;
	buf_free(&from->bytes);
	from->n = 0;
}

/* the segment */

static uint64_t
newest(const struct spool *s)
{
	return (atomic_load(&s->head->segment));
}

/* It stays open, and so in the folder, until its rows are safe. */
static void
leave_segment(struct spool *s)
{
	if (s->fd >= 0 && s->unsafe.n > 0) {
		if (s->n_stale == STALE_MOST) {
			(void)!fdatasync(s->stale[0]);	/* a disk that is four segments behind */
			close(s->stale[0]);
			memmove(s->stale, s->stale + 1, --s->n_stale * sizeof(s->stale[0]));
		}
		s->stale[s->n_stale++] = s->fd;
	} else if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/* The next one is there before the number goes up, so whoever reads the number finds its segment. */
static bool
follow(struct spool *s, uint64_t number)
{
	bool reserved;

	if (!segment_make(s->folder, number + 1, s->set.segment, &reserved))
		return (false);
	spool_point();
	if (atomic_compare_exchange_strong(&s->head->segment, &number, number + 1))
		atomic_store(&s->head->end, 0);
	spool_point();
	return (true);
}

/* Opened, locked, and still the newest: else the shipper may have emptied it, and would never see what is written there (a row was lost so). */
static bool
take_segment(struct spool *s, uint64_t number)
{
	struct segment_header h;
	char name[24];
	bool reserved;

	segment_name(name, number);
	s->fd = openat(s->folder, name, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	if (s->fd < 0 && errno == ENOENT && segment_make(s->folder, number, s->set.segment, &reserved))
		s->fd = openat(s->folder, name, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	if (s->fd < 0)
		return (false);
	spool_point();
	if (flock(s->fd, LOCK_SH | LOCK_NB) == 0 && newest(s) == number && segment_header_read(&h, s->fd) && h.number == number) {
		s->number = number;
		s->seed = h.seed;
		return (true);
	}
	leave_segment(s);
	if (newest(s) == number)
		follow(s, number);		/* damaged: leave it to the reader */
	return (false);
}

static bool
enter_segment(struct spool *s)
{
	if (s->fd >= 0 && s->number == newest(s))
		return (true);
	leave_segment(s);
	for (unsigned i = 0; i < TRIES; i++)
		if (take_segment(s, newest(s)))
			return (true);
	return (false);
}

/* writing */

/* The segment is entered: the checksum begins with its seed. */
static void
add_frame(struct spool *s, struct text bytes)
{
	struct frame f = { .magic = FRAME_MAGIC, .length = (uint32_t)bytes.len };

	f.crc = frame_crc(s->seed, f.length, bytes.at);
	buf_add(&s->frames, &f, sizeof(f));
	buf_text(&s->frames, bytes);
}

/* How many bytes of s->frames are in the segment now; of a frame that is not whole readers pass over what is there. */
static size_t
write_frames(struct spool *s)
{
	ssize_t n;
	off_t end;

	spool_point();
	n = write(s->fd, s->frames.at, s->frames.len);
	if (n != (ssize_t)s->frames.len) {
		if (n >= 0)
			errno = ENOSPC;
		return (n > 0 ? (size_t)n : 0);
	}
	spool_point();
	end = lseek(s->fd, 0, SEEK_CUR);
	atomic_store_explicit(&s->head->end, (uint64_t)end, memory_order_relaxed);
	if ((size_t)end >= s->set.segment)
		follow(s, s->number);
	return ((size_t)n);
}

static bool
write_frame(struct spool *s, struct text bytes)
{
	if (!enter_segment(s))
		return (false);
	s->frames.len = 0;
	add_frame(s, bytes);
	return (write_frames(s) == s->frames.len);
}

static void
timer_at(struct spool *s, int64_t after_us)
{
	if (s->loop != NULL && s->sync == NULL && s->timer.place == 0)
		timer_set(s->loop, &s->timer, loop_now_us(s->loop) + after_us);
}

static void
say_waiting(struct spool *s)
{
	if (!s->said)
		note(NOTE_ERROR, "", "%s: rows can not be written (%s) and wait in memory; no new calls until then", s->set.dir, strerror(errno));
	s->said = true;
}

static bool
put_row(struct spool *s, struct text packed)
{
	if (!write_frame(s, packed))
		return (false);
	keep(&s->unsafe, packed, NULL);
	timer_at(s, s->after_us);
	return (true);
}

static void
tell_written(const struct spool *s, void *whose)
{
	if (s->set.written != NULL)
		s->set.written(s->set.self, whose);
}

static void
let_wait(struct spool *s, struct text packed, void *whose)
{
	say_waiting(s);
	keep(&s->waiting, packed, whose);
	timer_at(s, AGAIN_US);
}

static void
try_waiting(struct spool *s)
{
	struct kept kept = s->waiting;
	struct text packed;
	void *whose;
	size_t at = 0;

	s->waiting = (struct kept){ 0 };
	while (next_kept(&kept, &at, &packed, &whose)) {
		if (s->waiting.n > 0 || !put_row(s, packed))
			keep(&s->waiting, packed, whose);
		else
			tell_written(s, whose);
	}
	if (kept.n > 0 && s->waiting.n == 0) {
		note(NOTE_WARN, "", "%s: %u rows that waited are written", s->set.dir, kept.n);
		s->said = false;
	}
	buf_free(&kept.bytes);
}

static struct text
pack(struct spool *s, const struct ledger_row *row)
{
	s->packed.len = 0;
	ledger_row_pack(&s->packed, row);
	return (buf_as_text(&s->packed));
}

static bool
append(struct spool *s, struct text packed, void *whose)
{
	if (s->waiting.n > 0)
		try_waiting(s);
	if (s->waiting.n == 0 && put_row(s, packed))
		return (true);
	let_wait(s, packed, whose);
	return (false);
}

bool
spool_append(struct spool *s, const struct ledger_row *row)
{
	return (append(s, pack(s, row), NULL));
}

/* all rows of a turn of the loop */

/* How many of them, from the first, are written, in one piece between those of others. */
static unsigned
write_turn(struct spool *s)
{
	struct text packed;
	void *whose;
	size_t at = 0, n;
	unsigned whole = 0;

	if (!enter_segment(s))
		return (0);
	s->frames.len = 0;
	while (next_kept(&s->turn, &at, &packed, &whose))
		add_frame(s, packed);
	n = write_frames(s);
	for (at = 0; next_kept(&s->turn, &at, &packed, &whose) && n >= sizeof(struct frame) + packed.len; whole++)
		n -= sizeof(struct frame) + packed.len;
	return (whole);
}

static void
end_turn(struct spool *s)
{
	struct kept turn = s->queued;
	struct text packed;
	void *whose;
	size_t at = 0;
	unsigned written = 0;

	s->queued = s->turn;
	s->turn = turn;
	if (s->waiting.n > 0)
		try_waiting(s);
	if (s->waiting.n == 0)
		written = write_turn(s);
	for (unsigned i = 0; next_kept(&s->turn, &at, &packed, &whose); i++) {
		if (i >= written) {
			let_wait(s, packed, whose);
			continue;
		}
		keep(&s->unsafe, packed, NULL);
		tell_written(s, whose);
	}
	if (written > 0)
		timer_at(s, s->after_us);
	s->turn.bytes.len = 0;
	s->turn.n = 0;
}

static void
turn_ends(struct soon *soon)
{
	end_turn(SELF(turn_ends, soon));
}

void
spool_queue(struct spool *s, const struct ledger_row *row, void *whose)
{
	struct text packed = pack(s, row);

	if (s->loop == NULL) {
		if (append(s, packed, whose))
			tell_written(s, whose);
		return;
	}
	keep(&s->queued, packed, whose);
	soon_do(s->loop, &s->turn_ends);
}

bool
spool_put(struct spool *s, struct text frame)
{
	assert(frame.len <= s->set.most);
	return (write_frame(s, frame));
}

void
spool_rest(struct spool *s)
{
	leave_segment(s);
}

void
spool_follow(struct spool *s)
{
	follow(s, newest(s));
}

/* room */

void
spool_print(struct buf *to, const struct spool *s)
{
	buf_print(to, "# HELP sluice_spool_bytes What waits for the database, and what was shipped of files that are still written to.\n# TYPE "
	    "sluice_spool_bytes gauge\n"
	    "sluice_spool_bytes %llu\n"
	    "# HELP sluice_spool_aside_files Files of the spool that this version can not read, or the database refused: an operator is to look.\n"
	    "# TYPE sluice_spool_aside_files gauge\nsluice_spool_aside_files %u\n", (unsigned long long)spool_takes(s), spool_kept_aside(s->folder));
}

uint64_t
spool_takes(const struct spool *s)
{
	return (segments_size(s->folder));
}

static void
look_at_room(int folder, struct spool_head *head)
{
	struct statvfs v;

	if (fstatvfs(folder, &v) == 0)
		atomic_store(&head->available, (uint64_t)v.f_bavail * v.f_frsize);
}

/* The next segment is made before it is needed. */
static void
make_ahead(int folder, struct spool_head *head, size_t size)
{
	uint64_t next = atomic_load(&head->segment) + 1;
	bool reserved;

	if (atomic_load(&head->next) != next && segment_make(folder, next, size, &reserved) && reserved)
		atomic_store(&head->next, next);
}

bool
spool_has_room(struct spool *s, unsigned running)
{
	uint64_t end = atomic_load_explicit(&s->head->end, memory_order_relaxed), room = atomic_load(&s->head->available);

	if (s->waiting.n > 0 || s->failing || s->unsafe.bytes.len + s->syncing.bytes.len > UNSAFE_MOST)
		return (false);
	if (s->reserves && end < s->set.segment)
		room += s->set.segment - end;
	if (s->reserves && atomic_load(&s->head->next) == newest(s) + 1)
		room += s->set.segment;
	return (room >= (uint64_t)running * LEDGER_ROW_MOST);
}

/* making it safe */

/* The rows that were to be safe are written again, to a new segment: what a failed fsync left behind nobody knows. */
static void
sync_failed(struct spool *s, int error)
{
	struct kept again = { 0 };

	if (!s->failing)
		note(NOTE_ERROR, "", "%s: rows can not be made safe (%s): written again, and no new calls until then", s->set.dir, strerror(error));
	s->failing = true;
	keep_all(&again, &s->syncing);
	keep_all(&again, &s->unsafe);
	if (s->fd >= 0)
		follow(s, s->number);
	keep_all(&s->waiting, &again);
	try_waiting(s);
}

static void
sync_ended(struct spool *s, int error)
{
	if (error != 0) {
		sync_failed(s, error);
		return;
	}
	if (s->failing)
		note(NOTE_WARN, "", "%s: rows are safe again", s->set.dir);
	s->failing = false;
	s->syncing.bytes.len = 0;
	s->syncing.n = 0;
}

/* What one fdatasync is for: the rows, and the files they are in. */
struct batch {
	int		 fds[STALE_MOST + 1];
	unsigned	 n;
};

/* The files are the batch's from here on. */
static void
sync_begins(struct spool *s, struct batch *b)
{
	struct kept empty = s->syncing;

	assert(empty.n == 0);
	*b = (struct batch){ .n = 0 };
	if (s->unsafe.n == 0)
		return;
	memcpy(b->fds, s->stale, s->n_stale * sizeof(s->stale[0]));
	b->n = s->n_stale;
	s->n_stale = 0;
	if (s->fd >= 0 && (b->fds[b->n] = fcntl(s->fd, F_DUPFD_CLOEXEC, 0)) >= 0)
		b->n++;
	s->syncing = s->unsafe;
	s->unsafe = empty;
}

static int
sync_files(const struct batch *b)
{
	int error = b->n == 0 ? EMFILE : 0;

	for (unsigned i = 0; i < b->n; i++)
		if (fdatasync(b->fds[i]) != 0)
			error = errno;
	return (error);
}

static void
close_files(struct batch *b)
{
	for (unsigned i = 0; i < b->n; i++)
		close(b->fds[i]);
	b->n = 0;
}

/* One-request processes do not wait for the disk. */
static void
sync_of_others(struct spool *s)
{
	uint64_t end = atomic_load(&s->head->end);

	if (!enter_segment(s) || (s->number == s->synced_number && end == s->synced_end))
		return;
	if (fdatasync(s->fd) == 0) {
		s->synced_number = s->number;
		s->synced_end = end;
	}
}

bool
spool_sync(struct spool *s)
{
	struct batch b;

	if (s->sync != NULL)
		return (false);			/* an errand is at it */
	if (s->queued.n > 0)
		end_turn(s);
	if (s->waiting.n > 0)
		try_waiting(s);
	if (s->unsafe.n > 0) {
		sync_begins(s, &b);
		sync_ended(s, sync_files(&b));
		close_files(&b);
	} else
		sync_of_others(s);
	make_ahead(s->folder, s->head, s->set.segment);
	look_at_room(s->folder, s->head);
	return (s->waiting.n == 0 && !s->failing);
}

/* with a loop */

struct sync {
	struct errand	 errand;
	struct spool	*spool;			/* NULL: it was closed */
	struct spool_head *head;
	int		 folder;
	size_t		 segment;
	bool		 for_rows;		/* else only for a look at the room */
	struct batch	 batch;
	int		 error;
};

static void
sync_work(struct errand *e)
{
	struct sync *y = (struct sync *)e;

	if (y->for_rows)
		y->error = sync_files(&y->batch);
	make_ahead(y->folder, y->head, y->segment);
	look_at_room(y->folder, y->head);
}

static void
sync_free(struct errand *e)
{
	struct sync *y = (struct sync *)e;

	close_files(&y->batch);
	free(y);
}

static void
sync_done(struct errand *e)
{
	struct sync *y = (struct sync *)e;
	struct spool *s = y->spool;

	if (s != NULL) {
		s->sync = NULL;
		if (y->for_rows)
			sync_ended(s, y->error);
		if (s->waiting.n > 0 || s->failing)
			timer_at(s, AGAIN_US);
		else if (s->unsafe.n > 0)
			timer_at(s, s->after_us);
	}
	sync_free(e);
}

/* The head stays mapped, and the folder open, until the process ends: an errand may be at them still. */
static void
send_sync(struct spool *s)
{
	struct sync *y;

	if (s->sync != NULL)
		return;
	y = must_zalloc(sizeof(*y));
	y->errand.work = sync_work;
	y->errand.done = sync_done;
	y->errand.drop = sync_free;
	y->spool = s;
	y->head = s->head;
	y->folder = s->folder;
	y->segment = s->set.segment;
	y->for_rows = s->unsafe.n > 0;
	sync_begins(s, &y->batch);
	s->sync = y;
	if (!lane_send(s->disk, &y->errand)) {
		sync_work(&y->errand);		/* rather late than unsafe: the queue is full */
		sync_done(&y->errand);
	}
}

static void
sync_due(struct timer *t)
{
	struct spool *s = SELF(timer, t);

	if (s->waiting.n > 0)
		try_waiting(s);
	send_sync(s);
}

/* Others may have filled the segment since: who keeps it open keeps it from being removed. */
static void
look_due(struct timer *t)
{
	struct spool *s = SELF(look, t);

	if (s->fd >= 0 && s->number != newest(s))
		leave_segment(s);
	send_sync(s);
	timer_set(s->loop, t, loop_now_us(s->loop) + LOOK_US);
}

void
spool_attach(struct spool *s, struct loop *loop, struct lane *disk, unsigned after_ms)
{
	s->loop = loop;
	s->disk = disk;
	s->after_us = (int64_t)after_ms * 1000;
	s->timer.due = sync_due;
	s->look.due = look_due;
	s->turn_ends.run = turn_ends;
	timer_set(loop, &s->look, loop_now_us(loop) + LOOK_US);
	send_sync(s);
}

/* exchanges of dead processes */

bool
spool_swept(void *self, const struct running_view *v)
{
	struct ledger_row row = { .began_ms = v->began_ms, .ended_ms = clock_wall_ms(), .ended = TEXT("swept"), .estimated = v->estimated,
		.call_type = v->who.call_type, .key_digest = v->who.key_digest, .user_id = v->who.user_id, .team_id = v->who.team_id,
		.organization_id = v->who.organization_id, .project_id = v->who.project_id, .model_group = v->who.model_group,
		.customer = v->who.customer, .tags = v->who.tags, .model = v->where.model, .model_id = v->where.model_id,
		.provider = v->where.provider, .api_base = v->where.api_base, .prompt = v->prompt, .completion = v->completion, .cost = v->cost,
		.n_charges = v->n_charges, .status = 500, .doc = TEXT("{\"error\":{\"class\":\"swept\",\"message\":\"the worker ended\"}}") };

	memcpy(row.id, v->id, sizeof(row.id));
	memcpy(row.charges, v->charges, sizeof(row.charges));
	return (spool_append(self, &row));
}

/* the beginning and the end */

struct text
spool_path(struct arena *arena, struct text state_dir, struct text instance)
{
	return (arena_print(arena, TEXT_FMT "/" TEXT_FMT ".spool", TEXT_ARG(state_dir), TEXT_ARG(instance)));
}

struct spool *
spool_open(const struct spool_settings *set, struct buf *why)
{
	struct spool *s = must_zalloc(sizeof(*s));
	bool reserved;

	s->set = *set;
	s->set.dir = s->dir = must_alloc(strlen(set->dir) + 1);
	memcpy(s->dir, set->dir, strlen(set->dir) + 1);
	s->fd = -1;
	if (s->set.most == 0)
		s->set.most = LEDGER_ROW_MOST;
	s->folder = spool_folder(set->dir, set->private, why);
	s->head = s->folder >= 0 ? spool_head_open(s->folder, set->dir, &s->head_fd, why) : NULL;
	if (s->head == NULL) {
		if (s->folder >= 0)
			close(s->folder);
		free(s->dir);
		free(s);
		return (NULL);
	}
	s->reserves = segment_make(s->folder, newest(s), set->segment, &reserved) && reserved;
	look_at_room(s->folder, s->head);
	return (s);
}

void
spool_close(struct spool *s)
{
	bool busy;

	if (s == NULL)
		return;
	busy = s->sync != NULL;
	if (busy) {
		s->sync->spool = NULL;		/* it goes on alone */
		s->sync = NULL;
		s->syncing.n = 0;
	}
	if (s->loop != NULL) {
		timer_stop(s->loop, &s->timer);
		timer_stop(s->loop, &s->look);
		soon_forget(s->loop, &s->turn_ends);
	}
	if (s->queued.n > 0)
		end_turn(s);
	if (s->loop != NULL)
		spool_sync(s);
	else
		try_waiting(s);
	if (s->waiting.n > 0)
		note(NOTE_ERROR, "", "%s: %u rows are lost: they could not be written", s->set.dir, s->waiting.n);
	leave_segment(s);
	while (s->n_stale > 0)
		close(s->stale[--s->n_stale]);
	if (!busy) {
		spool_head_close(s->head, s->head_fd);
		close(s->folder);
	}
	buf_free(&s->packed);
	buf_free(&s->frames);
	buf_free(&s->queued.bytes);
	buf_free(&s->turn.bytes);
	buf_free(&s->waiting.bytes);
	buf_free(&s->unsafe.bytes);
	buf_free(&s->syncing.bytes);
	free(s->dir);
	free(s);
}
