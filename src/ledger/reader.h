/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a spool: each frame once, in the order of the segments, and away with segments whose frames have all been shipped.
 *
 * Kills leave torn writes: bytes that are no frame are passed over, but only when a frame follows them or nobody can write there any more.
 * One reader at a time; it belongs to one thread and never blocks for long.
 */
#ifndef LEDGER_READER_H
#define LEDGER_READER_H

#include "base/arena.h"

struct reader;

struct reader_at {			/* how far a segment is shipped, as the store keeps it */
	uint64_t	 segment;
	int64_t		 position;	/* opaque: it counts for the very same segment only */
};

struct reader	*reader_open(const char *dir, size_t most, struct buf *why);	/* `most`: bytes of one frame.  NULL and *why: another reads, or no spool */
void		 reader_close(struct reader *);
/* What the store knows of this spool, before the first frame is read. */
void		 reader_begin(struct reader *, const struct reader_at *, unsigned n);

/* The next frame, its bytes in the arena; false: no more for now. */
bool		 reader_next(struct reader *, struct arena *, struct text *frame);
bool		 reader_has_more(const struct reader *);	/* segments that are not opened yet: false from reader_next() is not the end */
/* How far the segments are that were read since the last reader_shipped(); at most `most`. */
unsigned	 reader_read(const struct reader *, struct reader_at *, unsigned most);
bool		 reader_oldest(const struct reader *, struct reader_at *);	/* the segment before which nothing waits; false: unknown */
void		 reader_shipped(struct reader *);		/* all that was read; segments without anything else go */
void		 reader_back(struct reader *);			/* it was not: read again from there */
/* A frame that can not be shipped by this program: kept for a later one.  False: it could not be written, so do not call reader_shipped(). */
bool		 reader_set_aside(struct reader *, struct text frame);

uint64_t	 reader_passed_over(const struct reader *);	/* bytes that were no frame */
int64_t		 reader_unread(const struct reader *);		/* bytes that wait, about */

#endif
