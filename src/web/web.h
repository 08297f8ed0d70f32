/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FastCGI, and plain CGI: requests in, bytes out; nothing blocks.
 *
 * The worker's listener and its connections (the web server's side).  Layout of records: libfcgi's fastcgi.h.  Records may be split at any
 * byte and come in any rhythm; several connections, kept ones too, are served at once; one request at a time per connection (a second id on a busy
 * connection is answered FCGI_CANT_MPX_CONN).  A malformed or hostile record stream ends its connection and nothing else.
 *
 * A stream (one request and its reply) belongs to the room; its owner learns of it by `begin` and must not touch it after
 * `over` was called.  `over` is called exactly once per begin, when the last byte is with the web server after reply_end(), or
 * when the connection is gone.  No function of this door calls the owner back before it returns, but web_free() and web_cgi().
 */
#ifndef WEB_WEB_H
#define WEB_WEB_H

#include "base/arena.h"
#include "base/loop.h"

struct web;
struct stream;

struct param {
	struct text	 name, value;
};

struct request {
	struct text	 method;		/* upper case as sent */
	struct text	 uri;			/* REQUEST_URI as sent */
	struct text	 path;			/* without query; percent-decoded is the owner's business */
	struct text	 query;
	int64_t		 content_length;	/* -1 absent, -2 malformed */
	const struct param *params;		/* everything the server sent, in order; values live until request_forget() */
	size_t		 n_params;
	uint64_t	 lacks;			/* a bit for each length (modulo 64) that no header's name has: most that are looked for are not there */
	bool		 twice;			/* a name outside HTTP_* came twice: identity cannot be trusted */
	struct text	 body;			/* complete when `body` is called */
};
struct text	request_param(const struct request *, const char *name);		/* first of that name; empty: none */
struct text	request_header(const struct request *, const char *name);	/* "x-api-key" looks for HTTP_X_API_KEY */
/* How often that header came: nginx passes repeated headers one by one, and lighttpd makes X-Key and X_Key the same name.  A header that
 * decides who somebody is should have come once. */
unsigned	request_header_count(const struct request *, const char *name);
/* The user at the other end of the connection (SO_PEERCRED); -1: not a unix socket, or gone. */
int64_t		request_peer_uid(const struct stream *);

enum body_fault { BODY_FINE, BODY_TOO_LARGE, BODY_SHORT, BODY_LONG, BODY_NO_ROOM };

struct web_owner {
	/* PARAMS are complete.  Returns what is handed to the others.  May reply and end at once, before the body came. */
	void   *(*begin)(void *worker, struct stream *, struct request *);
	/* The body is complete, or will not be.  Not called after reply_end() or `gone`. */
	void	(*body)(void *self, enum body_fault);
	/* The client left, or the connection broke: bytes are no longer wanted.  `over` follows after reply_end(); after reply_end() only `over` is called. */
	void	(*gone)(void *self);
	/* What reply_queued() counts fell below the low mark after it had been above the high mark. */
	void	(*writable)(void *self);
	void	(*over)(void *self);
	/* A connection was ended because it did not speak FastCGI as it must; may be NULL. */
	void	(*bad_record)(void *worker, const char *why);
	void	 *worker;
};

struct web_settings {
	size_t		 body_limit;		/* of one request */
	size_t		 body_memory;		/* of all bodies of this worker */
	size_t		 high_mark, low_mark;	/* queued reply bytes of one stream: 256 KB, 64 KB */
	int64_t		 idle_ms;		/* a connection that says nothing is closed after this; 0 never */
	unsigned	 max_connections;	/* 0: what the descriptor limit allows */
	/* How long a web server may take to send the params, may be silent within a body, and a body waits for room.  0: 30, 120 and 30 s. */
	int64_t		 head_ms, body_ms, room_ms;
};

struct web	*web_new(struct loop *, const struct web_settings *, const struct web_owner *);
void		 web_listen(struct web *, int fd);	/* a listening socket; fd 0 when a server spawned us */
/*
 * Plain CGI (RFC 3875): the one request of this process.  Its params are the environment, its body comes from `in`, no more of it than CONTENT_LENGTH
 * says, its answer goes to `out`, both of them pipes, sockets or files, closed when it is over.  An `out` that nobody reads any more is a client that
 * left.  The owner may be called back before this returns, and all may be over then.
 */
void		 web_cgi(struct web *, char *const *variables, int in, int out);
/* Its client left, as the server says by a signal. */
void		 web_cgi_left(struct web *);
/* Level the load of workers that share a listener: false takes the listener out of the epoll set, true puts it back. */
void		 web_accept(struct web *, bool);
/* No new connections: accepts what is queued first if `drain_queue` (the listener is ours alone), ends idle kept connections; streams go on. */
void		 web_stop(struct web *, bool drain_queue);
unsigned	 web_open(const struct web *);		/* streams that have begun and are not over */
bool		 web_quiet(const struct web *);		/* after web_stop(): nothing is left to finish, not even a reply to a web server that reads slowly */
void		 web_free(struct web *);
void		 web_body_limit(struct web *, size_t limit, size_t memory);	/* after a reload */

/* Replies.  Bytes are queued and written as the socket takes them; reply_flush() tries now, else the end of the turn does. */
struct buf	*reply_buf(struct stream *, size_t room);	/* append raw STDOUT bytes here; records are framed by the room */
void		 reply_flush(struct stream *);
void		 reply_end(struct stream *);			/* END_REQUEST follows the queued bytes */
/* The queued bytes leave, and then the connection ends without END_REQUEST: the web server breaks off towards its client, who must not take what it
 * has for the whole. */
void		 reply_break(struct stream *);
size_t		 reply_queued(const struct stream *);
/* The request's params and body are not needed any more: free their memory.  Texts of the request die. */
void		 request_forget_body(struct stream *);
void		 request_forget(struct stream *);
/* The status line and headers of a CGI answer: "Status: 200 OK\r\n" … the caller appends headers and the blank line. */
const char	*status_reason(int status);

/* A listening socket of our own: a path (mode 0660, stale file replaced), host:port, [v6]:port or :port.  -1 and *why. */
int		 web_bind(const char *where, int backlog, struct buf *why);
/* Raises the limit of open descriptors to what the process may have; returns it.  lighttpd starts its children with 1,024. */
unsigned	 web_raise_files(void);

#endif
