/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an HTTP/1.1 answer ends (RFC 9112): head lines, then a body by length, by chunks, or until the connection closes.
 *
 * Pure: bytes in, lines and payload out.  The payload of one call lies in one piece, moved to the front of the bytes given, so that many small
 * chunks become one.
 */
#ifndef UPSTREAM_FRAMING_H
#define UPSTREAM_FRAMING_H

#include "base/text.h"

enum framing_state {
	FRAMING_HEAD,
	FRAMING_LENGTH,			/* `left` bytes of body */
	FRAMING_SIZE,			/* a chunk's size line */
	FRAMING_CHUNK,			/* `left` bytes of a chunk */
	FRAMING_CHUNK_END,		/* its line end */
	FRAMING_TRAILER,
	FRAMING_CLOSE,			/* until the connection ends */
	FRAMING_DONE,
	FRAMING_BAD,
};

struct framing {
	enum framing_state state;
	uint64_t	 left;
	int64_t		 length;	/* Content-Length; -1: none */
	bool		 began;		/* the status line was seen */
	bool		 chunked;
	bool		 keep;		/* the connection may be used again */
	bool		 bodyless;	/* it answers a HEAD: whatever its head says, no body follows */
	uint32_t	 trailer;	/* bytes of it */
	struct buf	 line;		/* an unfinished line */
	const char	*why;		/* FRAMING_BAD */
};

/* A line of the head, without its end; the empty one ends it.  Returns false to stop; `*status` is set at the final head's end, else left 0. */
typedef bool framing_line_f(void *self, struct text line, int *status);

void	framing_init(struct framing *, bool to_head);
void	framing_free(struct framing *);
/*
 * Takes up to n bytes, all of them unless the answer is done or bad before; how many.  *payload lies at the front of `bytes`.  False from `line` stops
 * as BAD.
 */
size_t	framing_feed(struct framing *, char *bytes, size_t n, struct text *payload, framing_line_f *line, void *self);
/* The connection ended: is that the answer's proper end? */
bool	framing_ends(struct framing *);

#endif
