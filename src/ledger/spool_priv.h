/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies in the folder of a spool.
 *
 *   head			which segment is written to; mapped by everybody
 *   0000000000000001.seg …	segments: a header, then frames
 *   aside/			segments of frames that this version can not read, or that the store refused; whole files, and heads, of others
 *
 * These layouts are the same in all versions, so that two of them can run side by side; rows have a version of their own.
 */
#ifndef LEDGER_SPOOL_PRIV_H
#define LEDGER_SPOOL_PRIV_H

#include "ledger/spool.h"

#include <stdatomic.h>

#define HEAD_MAGIC	UINT64_C(0x31646165486c7073)	/* "splHead1" */
#define SEGMENT_MAGIC	UINT64_C(0x316765536c6f7073)	/* "spolSeg1" */
#define FRAME_MAGIC	UINT32_C(0x1e6f5752)
#define ASIDE		(UINT64_C(1) << 62)		/* numbers from here on: nobody appends */

struct spool_head {
	uint64_t	 magic;
	_Atomic uint64_t segment;		/* that is appended to; only ever goes up */
	_Atomic uint64_t end;			/* of its bytes, as somebody saw it */
	_Atomic uint64_t next;			/* a segment that was made ahead, and has room */
	_Atomic uint64_t available;		/* bytes of the file system, as somebody saw it */
};

struct segment_header {
	uint64_t	 magic, number;
	int64_t		 made_ms;
	uint32_t	 seed;			/* of the checksums of its frames: no text that a user sends can look like a frame */
	uint32_t	 crc;			/* of all above */
};

struct frame {
	uint32_t	 magic, length, crc;	/* crc: of the length and the bytes that follow */
};

/* crc.c: CRC-32C */
uint32_t	 crc32c(uint32_t seed, const void *, size_t);
uint32_t	 crc32c_by_table(uint32_t seed, const void *, size_t);	/* what it is where the processor has none */

/* head.c; all but spool_folder() are of an open folder */
int		 spool_folder(const char *dir, bool private, struct buf *why);		/* made when missing; -1 and *why */
struct spool_head *spool_head_open(int folder, const char *dir, int *fd, struct buf *why);	/* NULL and *why */
void		 spool_head_close(struct spool_head *, int fd);
void		 segment_name(char name[24], uint64_t number);			/* "0000000000000001.seg" */
bool		 segment_make(int folder, uint64_t number, size_t size, bool *reserved);	/* true: it is there, whoever made it */
bool		 segment_header_read(struct segment_header *, int fd);
uint64_t	 segments_size(int folder);			/* of all together */
unsigned	 spool_kept_aside(int folder);			/* files in its folder aside */
uint32_t	 frame_crc(uint32_t seed, uint32_t length, const void *bytes);

/* A place where the test may kill the process. */
#ifdef SPOOL_TEST
void		 spool_point(void);
#else
#define spool_point()	((void)0)
#endif

#endif
