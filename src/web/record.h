/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record stream of one connection, taken apart: bytes in, events out; no I/O, no memory but its own few bytes.
 *
 * The reader also knows which records may come when: one request at a time, params before stdin, nothing after the end of stdin
 * but an abort.  Records may be cut at any byte.  After RECORD_BAD the stream means nothing any more and the connection must end.
 */
#ifndef WEB_RECORD_H
#define WEB_RECORD_H

#include "base/text.h"

#include <fastcgi.h>

#define RECORD_COLLECTED	120		/* longest content that is wanted whole: BEGIN_REQUEST (8), GET_VALUES */
#define RECORD_STRAYS		(16u << 20)	/* content of requests we no longer know that is put up with on one connection */

enum record_kind {
	RECORD_MORE,		/* all was taken; more bytes are needed */
	RECORD_BEGIN,		/* a request begins: reader->id, reader->keep */
	RECORD_PARAMS,		/* some of its name-value pairs: bytes */
	RECORD_PARAMS_END,
	RECORD_STDIN,		/* some of its body: bytes */
	RECORD_STDIN_END,
	RECORD_ABORT,		/* the web server gave the request up */
	RECORD_VALUES,		/* FCGI_GET_VALUES asking for the names in bytes */
	RECORD_STRANGE,		/* of a type nobody knows: type */
	RECORD_REFUSED,		/* a request that is not taken: id, status (FCGI_CANT_MPX_CONN, FCGI_UNKNOWN_ROLE) */
	RECORD_BAD		/* this is not FastCGI: why */
};

struct record {
	enum record_kind kind;
	uint16_t	 id;
	uint8_t		 type, status;
	const char	*why;
	struct text	 bytes;			/* points into what was given, or into the reader; until the next call */
};

enum record_phase { PHASE_IDLE, PHASE_PARAMS, PHASE_STDIN, PHASE_DONE };
enum record_use { USE_SKIP, USE_PARAMS, USE_STDIN, USE_COLLECT };

/* All zero is a new connection. */
struct record_reader {
	enum record_phase phase;
	enum record_use	 use;			/* of the content under way */
	uint16_t	 id;			/* of the request under way, or the last one */
	bool		 keep;			/* the connection outlives the request */
	bool		 strays_allowed;	/* a request was refused or ended early: its leftovers are skipped */
	uint8_t		 have;			/* bytes of the header */
	uint8_t		 padding;
	uint8_t		 collected;
	uint16_t	 left;			/* content that has not come yet */
	uint32_t	 strays;
	unsigned char	 header[FCGI_HEADER_LEN];
	unsigned char	 content[RECORD_COLLECTED];
};

/* The next event; *in loses what was taken.  Call again until RECORD_MORE or RECORD_BAD. */
struct record	record_next(struct record_reader *, struct text *in);
/* The request was answered: its id is free, whatever of it still comes is skipped. */
void		record_finish(struct record_reader *);

/* Body bytes that come next on the wire, before anything else: the caller may read so many into place by itself, and says so. */
static inline size_t
record_stdin_ahead(const struct record_reader *r)
{
	return (r->have == FCGI_HEADER_LEN && r->use == USE_STDIN ? r->left : 0);
}

static inline void
record_stdin_took(struct record_reader *r, size_t n)
{
	r->left -= (uint16_t)n;
}

/* The last `n` bytes of RECORD_STDIN could not be used yet: they will be given again. */
static inline void
record_put_back(struct record_reader *r, size_t n)
{
	r->left += (uint16_t)n;
	r->have = FCGI_HEADER_LEN;
}

/* A header as it goes over the wire. */
static inline void
record_header(unsigned char to[FCGI_HEADER_LEN], uint8_t type, uint16_t id, size_t length)
{
	to[0] = FCGI_VERSION_1;
	to[1] = type;
	to[2] = (unsigned char)(id >> 8);
	to[3] = (unsigned char)id;
	to[4] = (unsigned char)(length >> 8);
	to[5] = (unsigned char)length;
	to[6] = to[7] = 0;
}

#endif
