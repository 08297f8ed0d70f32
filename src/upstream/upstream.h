/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP calls to the vendors on the loop, connections reused, names looked up by errands: plain http by ourselves, what is more by libcurl.
 *
 * A call is made with upstream_call() and reports through three functions until `end`, which is called exactly once unless
 * call_cancel() came first.  None is called from within upstream_call().  After call_cancel() nothing is called and the call is gone.  The body of the
 * request and all texts of the plan must live until `end` or cancel.
 */
#ifndef UPSTREAM_UPSTREAM_H
#define UPSTREAM_UPSTREAM_H

#include "base/json.h"
#include "base/loop.h"

struct upstream;
struct call;

struct upstream_settings {
	struct text	 ca_file;		/* empty: the system's certificates */
	int64_t		 dns_ttl_ms;
	bool		 http2;			/* libcurl 7.88 keeps what comes for a paused HTTP/2 stream in memory: off unless asked for */
};

/* One call.  The body is `text` with `edits` applied: never copied whole when it is large. */
struct call_plan {
	struct text	 url;			/* http or https */
	struct text	 host;			/* to look up; may be empty: then it is read from `url` */
	unsigned	 port;
	struct text	 proxy;			/* URL, or empty */
	struct text	 method;		/* upper case; empty: POST.  HEAD never has a body, others have one if it is not empty, POST, PUT and PATCH always */
	const struct text *headers;		/* "Name: value" */
	size_t		 n_headers;
	struct text	 body;
	const struct json_edit *edits;
	size_t		 n_edits;
	bool		 verify;		/* the certificate */
	bool		 public_only;		/* never to an address that network_is_internal(), whatever the name stands for; a proxy decides for itself */
	struct text	 ca_file;		/* whom to trust; empty: whom the upstream_settings say */
	/*
	 * Files (PEM) that show a server who we are if it asks; empty: nothing is shown.  A key that is not named stands beside the certificate.
	 * Connections, and sessions to be resumed, are shared only between calls that show the same.
	 */
	struct text	 cert, cert_key, cert_password;
	int64_t		 connect_ms, first_byte_ms, idle_ms, total_ms;	/* 0: no limit */
	bool		 stream;		/* ask for small buffers and Accept: text/event-stream */
	bool		 as_is;			/* send no header of ours (but Host and Content-Length), and tell the answer's header lines */
};

enum call_end {
	CALL_DONE,			/* the answer is complete by HTTP's framing */
	CALL_UNREACHABLE,		/* refused, no route, no such name; nothing was sent */
	CALL_NO_NAME,
	CALL_TLS,			/* certificate or handshake */
	CALL_PROXY,			/* the forward proxy refused */
	CALL_TIMEOUT_CONNECT, CALL_TIMEOUT_FIRST, CALL_TIMEOUT_IDLE, CALL_TIMEOUT_TOTAL,
	CALL_BROKEN,			/* cut, or not HTTP, or a header without end */
};

struct call_head {
	int		 status;
	struct text	 content_type;		/* lower case, without parameters */
	struct text	 request_id;		/* x-request-id, request-id …, or empty */
	int64_t		 retry_after_ms;	/* retry-after-ms, or retry-after in seconds or as a date; 0: none */
	/* Further headers, raw "name: value" lines, only those the caller may pass on: x-ratelimit-*, anthropic-ratelimit-*, openai-* (bounded). */
	struct text	 passable;		/* lines with \r\n */
	/* All header lines of an answer to an `as_is` plan, "name: value\r\n" each, without Content-Length and what concerns the connection only. */
	struct text	 lines;
	int64_t		 length;		/* Content-Length, -1: not said; of `as_is` plans only */
};

struct call_hearer {
	void	(*head)(void *self, const struct call_head *);		/* once, before any body; the texts live until `end` */
	void	(*body)(void *self, const char *bytes, size_t n);	/* may call call_pause() */
	void	(*end)(void *self, enum call_end, const char *why);	/* why: a short sentence for the log, no secrets */
	void	 *self;
};

struct upstream	*upstream_new(struct loop *, const struct upstream_settings *);
/* Loads and starts libcurl and TLS now (some milliseconds, a megabyte), not with the first call that needs them; calls to plain http never do. */
void		 upstream_prepare(struct upstream *);
void		 upstream_free(struct upstream *);		/* cancels what runs; closes connections */
struct call	*upstream_call(struct upstream *, const struct call_plan *, const struct call_hearer *);
void		 call_cancel(struct call *);
/* The client is slow: take no more bytes; the idle clock stands still.  `end` may come nevertheless, when no more bytes are to come. */
void		 call_pause(struct call *);
void		 call_resume(struct call *);
/* Give back what only sending needed; allowed once `head` has come. */
void		 call_body_gone(struct call *);
int64_t		 call_connect_us(const struct call *);		/* from upstream_call() to connected; 0: reused */

/* Server-sent events, cut anywhere.  Holds heap only while an event has come in part. */
struct sse {
	struct buf	 line;		/* the unfinished line */
	struct buf	 data;		/* of the event under way, as far as it is not in the bytes at hand */
	size_t		 limit;		/* of one event */
	char		 name[64];	/* of the event under way; a longer one is cut */
	unsigned char	 name_len;
	bool		 began;		/* behind the first line, where a byte order mark may stand */
	bool		 after_cr;	/* a LF that comes now belongs to the CR before */
	bool		 has_data;
	bool		 split;		/* the event under way began in earlier bytes */
};
enum sse_result { SSE_OK, SSE_TOO_BIG, SSE_STOPPED };
/* Takes bytes; says each event once it is complete.  `event` returns false to stop (the rest of the bytes is forgotten), and may then have freed the sse.
 * The texts point into the bytes given where the event lies whole in them, so the common case copies nothing.  `wire` is the event's own bytes from its
 * first
 * field line through its blank line if it lies whole in the bytes given, else empty. */
typedef bool sse_f(void *self, struct text name, struct text data, struct text wire);
void		 sse_init(struct sse *, size_t limit);
enum sse_result	 sse_feed(struct sse *, const char *bytes, size_t n, sse_f *event, void *self);
enum sse_result	 sse_end(struct sse *, sse_f *event, void *self);	/* end of the bytes: what is pending counts as complete */
void		 sse_free(struct sse *);		/* ready for another stream then */

#endif
