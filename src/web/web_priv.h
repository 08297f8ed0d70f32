/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this room share: the worker's listener, its connections, and the way a reply leaves.
 *
 * A connection carries one request at a time, so the two are one struct; outside it is known as a stream.  What happened to it is only noted
 * where it happens; stream_settle(), at the end of every event, calls the owner, and frees.
 */
#ifndef WEB_PRIV_H
#define WEB_PRIV_H

#include "web/record.h"
#include "web/web.h"

#define SCRATCH		16384			/* one read takes so much; larger bodies are read into place */
#define PARAMS_BYTES	(256u << 10)		/* of one request */
#define PARAMS_COUNT	1024
#define CONTROL_BYTES	4096			/* answers to the web server itself that may wait; more is a flood */
#define LENGTH_ABSENT	(-1)
#define LENGTH_MALFORMED (-2)

/* What a connection may keep us waiting for. */
enum patience { WAIT_NONE, WAIT_HEAD, WAIT_IDLE, WAIT_BODY, WAIT_ROOM, WAIT_WRITE, WAIT_LINGER, WAIT_ANSWER };

/* Bytes on their way to the web server: STDOUT content without its headers, which are made while writing. */
struct outlet {
	struct buf	 queue;			/* [sent, len) waits */
	struct buf	 control;		/* whole records of our own; go out between two records */
	size_t		 sent, control_sent;
	uint16_t	 record_left;		/* content of the record under way that is not written */
	uint8_t		 header_left;		/* of its header; then record_left is its whole length */
	uint8_t		 tail_sent;		/* of the end of STDOUT and END_REQUEST */
};

struct body {
	char		*at;
	size_t		 len, room;
	size_t		 charged;		/* of the worker's budget */
	bool		 told;			/* the owner knows how it ended; what follows is dropped */
	bool		 waits;			/* for room in the budget; stands in web->waiting */
	struct stream	*next_waiting;
};

struct stream {
	struct watch	 watch;			/* fd -1: the connection is gone, the stream not yet over.  CGI: standard output */
	struct watch	 in;			/* CGI: standard input; fd -1: nothing more is wanted of it */
	struct timer	 timer;
	struct soon	 soon;
	struct web	*web;
	struct stream	*next, **at;		/* all connections */

	bool		 plain;			/* CGI: bytes without records */
	bool		 in_polled, out_polled;	/* CGI: no file, so there are events */
	bool		 one_socket;		/* CGI: both streams are one socket, as mod_cgid gives it */
	bool		 busy;			/* in one of our own event handlers: stream_settle() comes by itself */
	bool		 begun, ended, broken, gone_told, all_written;
	bool		 blocked;		/* the socket took no more */
	bool		 above;			/* the high mark was passed */
	bool		 served;		/* kept after a request */
	bool		 last_word;		/* what is queued ends the connection */
	bool		 lingers;		/* answered; what still comes is dropped so that the answer is not lost */
	enum patience	 patience;		/* what the timer runs for */

	struct record_reader reader;
	struct text	 held;			/* heap: bytes that were read and cannot be used yet */
	struct buf	 params;		/* raw */
	struct param	*table;
	struct request	 request;
	struct body	 body;
	struct outlet	 out;
	size_t		 lingered;		/* bytes dropped */
	void		*self;
};

struct web {
	struct loop	*loop;
	struct web_settings set;
	struct web_owner owner;

	struct watch	 listener;
	struct timer	 pause;			/* accept again after a failure */
	bool		 wanted, paused, stopping;
	unsigned	 burst;			/* connections accepted per event, as the load has it */

	struct stream	*all;
	unsigned	 connections, open;
	size_t		 body_used;
	struct stream	*waiting, **waiting_last;
	struct buf	 spare;			/* a queue that a finished reply left behind */
	struct param	 table[PARAMS_COUNT];	/* while params are cut */
	char		 scratch[SCRATCH];
};

/* params.c */
bool		 params_next(struct text *raw, struct param *);	/* false: they are cut short */
const char	*params_parse(struct request *, struct text raw, struct param *table, size_t room);	/* NULL, or why they are none */

/* listen.c */
void		 listener_settle(struct web *);			/* in the epoll set or not, as things are */

/* conn.c */
void		 stream_new(struct web *, int fd);
struct stream	*stream_alloc(struct web *, int fd);
void		 stream_settle(struct stream *);		/* the end of every event; the stream may be gone then */
void		 stream_soon(struct stream *);			/* settle at the end of this turn */
void		 stream_hang_up(struct stream *);		/* the connection is of no more use */
void		 stream_bad(struct stream *, const char *why);
void		 stream_finish(struct stream *);		/* over */
void		 stream_stop(struct stream *);			/* end it if it is idle */
void		 stream_drop(struct stream *);			/* at once; `over` for what has begun */

/* cgi.c */
void		 cgi_hang_up(struct stream *);
bool		 cgi_lingers(struct stream *);			/* answered, but what the server still sends must be read before the end */

/* hear.c */
bool		 stream_begin(struct stream *);			/* its params are complete; false: they are no good, the stream is gone */
void		 stream_feed(struct stream *, struct text bytes);
void		 stream_feed_held(struct stream *);		/* what was held back, once there is hope that it can be used */
void		 stream_feed_waiting(struct stream *);		/* the body that waits for room, if there is some */
bool		 stream_between(const struct stream *);		/* answered, and nothing more of it can come: what follows is another request */

/* body.c */
bool		 body_begin(struct stream *);			/* false: wait */
bool		 body_bytes(struct stream *, struct text);	/* false: none were taken, wait */
void		 body_end(struct stream *);
void		 body_tell(struct stream *, enum body_fault);
void		 body_release(struct stream *);
void		 body_stop_waiting(struct stream *);
size_t		 body_ahead(const struct stream *);		/* bytes that may be read straight into body.at + body.len */

/* reply.c */
void		 outlet_write(struct stream *);			/* as much as the socket takes */
bool		 outlet_empty(const struct stream *);
void		 outlet_control(struct stream *, uint8_t type, uint16_t id, const void *content, size_t n);
void		 outlet_free(struct stream *);

#endif
