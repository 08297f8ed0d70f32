/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this room share.
 *
 * A call owns an easy handle and is pooled with it, so that options which never change are set once in its life.  It is in one
 * multi handle while libcurl runs it.  libcurl's callbacks may neither start, resume nor remove a transfer: whatever is asked for from within one
 * is noted in `todo` and done by upstream.c at the end of the loop's turn.
 */
#ifndef UPSTREAM_UPSTREAM_PRIV_H
#define UPSTREAM_UPSTREAM_PRIV_H

#include "upstream/framing.h"
#include "upstream/upstream.h"

#include "upstream/libcurl.h"
#include <sys/uio.h>

#define CALL_MAGIC	0xca11ab1eu
#define RUNNING_MAX	128		/* transfers of one multi handle: above, each costs more (its lists are walked) */
#define IDLE_MAX	64		/* connections a multi handle keeps beside those in use */
#define IDLE_US		(60 * INT64_C(1000000))	/* an unused multi handle is closed then, its connections with it */
#define POOL_MAX	64		/* calls kept for reuse */
#define HANDSHAKES_MAX	8		/* steps of TLS handshakes in one turn of the loop */
#define SMALL_BODY	(60 * 1024)	/* up to here head and body leave in one send(): libcurl's own limit is 64 KB with the head */
#define HEAD_MAX	(64 * 1024)	/* bytes of all header lines of an answer */
#define RESEND_US	(5 * INT64_C(1000000))	/* a kept connection that is dead shows it within this */
#define PASSABLE_MAX	(8 * 1024)

struct name;
struct names;
struct link;

/* One of libcurl's multi handles. */
struct multi {
	struct upstream	*up;
	CURLM		*curl;
	unsigned	 running;
	unsigned	 connections;	/* what libcurl was told to keep at most */
	struct soon	 soon;		/* its time-outs of 0 ms */
	struct timer	 timer;		/* and longer ones */
	int64_t		 idle_since_us;
	uint32_t	*loaded;	/* by a name's place: which of its generations libcurl has */
	unsigned	 n_loaded;
	struct multi	*next;
};

/*
 * A connection's descriptor, found by its number.  libcurl gives it up after each transfer and asks for it again at the next; it stays in
 * epoll meanwhile, and is taken out only if an event comes while nobody wants it.
 *
 * A young one is not yet connected.  libcurl 7.88 closes those without a word (cf_socket_close() when not `active`), so they leave epoll as soon as it
 * wants nothing of them, and a number that is opened again may still have its entry.
 */
struct sock {
	struct watch	 watch;
	struct upstream	*up;
	struct multi	*multi;		/* who uses it, or did last */
	uint32_t	 wanted;	/* EPOLL* bits, 0: nobody wants it now */
	bool		 watched;	/* in epoll */
	bool		 young;
	struct call	*opener;	/* whose connection is not yet up */
	struct sock	*next;		/* of its opener's, or of the free ones */
};

enum phase {
	PHASE_FREE,
	PHASE_NAME,			/* waits for an address */
	PHASE_QUEUED,			/* will be handed to libcurl */
	PHASE_CONNECT,
	PHASE_SENT,			/* connected; the head is awaited */
	PHASE_BODY,
	PHASE_OVER,			/* `end` is being called */
};

enum { TODO_START = 1, TODO_FAIL = 2, TODO_RESUME = 4, TODO_CANCEL = 8, TODO_NUDGE = 16 };

/* The request's body: a text with edits, walked without a copy. */
struct walker {
	struct text	 body;
	const struct json_edit *edits;
	size_t		 n_edits;
	size_t		 edit;		/* the next one, or the one whose `with` is being read */
	size_t		 from;		/* next byte of the body */
	size_t		 inside;	/* bytes of edits[edit].with already read; only when from is at its place */
};

/* Only for sending; freed when the head has come. */
struct sending {
	char		 error[CURL_ERROR_SIZE];
	struct walker	 walker;
	char		*own_body;	/* the rest of a body that was still being sent when call_body_gone() came */
	struct curl_slist headers[];	/* their bytes follow, then a small edited body */
};

struct head {
	struct buf	 kept;		/* what outlives the header lines */
	uint32_t	 seen;		/* bytes of all lines */
	uint16_t	 status;
	uint16_t	 type_len, id_len;	/* parts of `kept`, in this order: content type, request id, passable lines */
	bool		 over;
	int64_t		 retry_after_ms;
	bool		 retry_exact;	/* retry-after-ms was seen: it wins */
	bool		 keep_lines;	/* for call_head.lines */
	bool		 coded;		/* Transfer-Encoding was seen: Content-Length means nothing */
	int64_t		 length;
	struct buf	 lines;
	struct buf	 hops;		/* values of Connection, each with a comma: names of lines that are for us alone */
};

enum verb { VERB_GET, VERB_POST, VERB_HEAD };	/* what libcurl knows by itself; others are one of these under another name */

struct call {
	unsigned	 magic;
	enum phase	 phase;
	unsigned	 todo;
	CURL		*easy;
	struct upstream	*up;
	struct multi	*multi;
	struct call	*prev, *next;		/* of all that are not free; or the next free one */
	struct call	*todo_next;
	struct call	*name_next;		/* waits for the same name */
	struct name	*name;
	struct call_hearer hearer;
	struct timer	 timer;
	int64_t		 begun_us, connected_us, sent_us;
	int64_t		 mark_us;		/* the present clock's start: last byte sent, or got */
	uint32_t	 connect_ms, first_byte_ms, idle_ms, total_ms;

	struct sending	*sending;
	size_t		 body_len;		/* of the edited body */
	struct head	 head;
	struct sock	*opened;		/* connections under way */

	uint8_t		 sends;
	bool		 tls, fresh, paused, stuck;	/* stuck: libcurl holds bytes back for us */
	bool		 literal;			/* no look-up needed */
	bool		 public_only;			/* the plan's */
	enum call_end	 fault;				/* why a callback broke the transfer off, or TODO_FAIL's */
	const char	*why;

	/* Of a call that goes directly (direct.c). */
	bool		 direct;
	bool		 wants_events, as_is, has_body;
	bool		 heard;			/* bytes of an answer came */
	bool		 no_idle;		/* a kept connection was dead: a fresh one now */
	bool		 parked;		/* paused, and its connection out of epoll */
	bool		 extra;			/* more came than the answer */
	struct link	*link;
	unsigned	 address;		/* the how manieth of its host */
	int		 connect_error;
	int64_t		 try_us;		/* when this address was tried, and how long it may take while there are others */
	uint32_t	 try_ms;
	struct text	 target, method;	/* the plan's */
	struct text	 host;			/* the target's, and its port */
	unsigned	 port;
	const struct text *headers;
	size_t		 n_headers;
	struct walker	 body;
	struct buf	 unsent;		/* what one send() did not take */
	struct buf	 stash;			/* payload that came while it was paused */
	struct framing	 framing;

	/* Options as they stand in the easy handle. */
	char		*url, *proxy, *ca_file, *cert, *cert_key, *cert_password;
	uint32_t	 connect_limit;
	enum verb	 verb;
	bool		 renamed;		/* CUSTOMREQUEST is set */
	bool		 verify, small_buffer, big_upload;
};

struct upstream {
	struct loop	*loop;
	struct upstream_settings settings;
	struct buf	 ca_file;
	CURLSH		*share;			/* TLS sessions */
	struct multi	*multis;
	struct call	*live, *pool;
	unsigned	 pooled;
	struct call	*todo, **todo_last;
	struct call	*put_off;	/* starts that have to wait for the next turn */
	struct soon	 soon;
	struct timer	 next_turn;
	struct timer	 sweep;
	int64_t		 resend_us;		/* RESEND_US */
	unsigned	 inside;		/* callbacks of libcurl that are being run */
	int64_t		 turn_us;
	unsigned	 handshakes;		/* of that turn */
	struct sock	**socks;		/* by descriptor */
	unsigned	 n_socks;
	struct sock	*free_socks;
	struct names	*names;
	struct link	*idle;			/* connections of our own that wait for a call */
	unsigned	 n_idle;
	int64_t		 idle_age_us;		/* after which they are closed */
	struct timer	 idle_sweep;
	struct buf	 outgoing;		/* a request is made here */
	char		*incoming;		/* answers are read here */
};

static inline bool
proxied(const struct call *c)
{
	return (c->proxy != NULL && c->proxy[0] != '\0');
}

/* upstream.c */
void		 call_later(struct call *, unsigned todo);
void		 call_fail_later(struct call *, enum call_end, const char *why);	/* `why` lives on */
void		 call_over(struct call *, enum call_end, const char *why);
void		 call_named(struct call *);		/* its address is known, or call_fail_later() was called */
void		 call_settled(struct multi *);		/* after libcurl ran: tell what ended */
struct call	*call_checked(void *);
void		 calls_trim(struct upstream *, unsigned keep);	/* of the pool */

/* What libcurl tells (hears.c). */
bool		 call_hears_connected(struct call *);
bool		 call_may_reach(struct call *, const char *address);	/* false: the call ends, wherever else its name leads */
bool		 call_hears_line(struct call *, struct text line);
size_t		 call_hears_body(struct call *, const char *, size_t);

/* clocks.c */
void		 clock_arm(struct call *);
void		 clock_due(struct timer *);

/* request.c */
bool		 request_is_plain(struct call *, const struct call_plan *);	/* false: call_fail_later() was called */
bool		 request_has_body(const struct call_plan *);
bool		 request_is_head(const struct call_plan *);
bool		 request_prepare(struct call *, const struct call_plan *);	/* false: likewise */
void		 request_set_connect_limit(struct call *, uint32_t ms);
void		 request_sent(struct call *);		/* forget what only sending needed */
size_t		 request_read(char *, size_t, size_t, void *call);
int		 request_rewind(void *call, curl_off_t, int origin);
void		 request_keep_rest(struct call *);
CURL		*request_handle(struct call *);		/* a new easy handle with what never changes */

/* walker.c */
size_t		 walker_length(const struct walker *);
size_t		 walker_read(struct walker *, char *, size_t room);
void		 walker_rewind(struct walker *);
bool		 walker_done(const struct walker *);
void		 walker_skip(struct walker *, size_t n);
unsigned	 walker_pieces(const struct walker *, struct iovec *, unsigned room);	/* what comes next, where it lies */

/* head.c */
enum head_says { HEAD_MORE, HEAD_OVER, HEAD_BAD };
enum head_says	 head_line(struct head *, struct text line, const char **why);
void		 head_told(const struct head *, struct call_head *);
void		 head_free(struct head *);

/* socks.c */
int		 sock_wanted(CURL *, curl_socket_t, int what, void *multi, void *unused);
curl_socket_t	 sock_open(void *call, curlsocktype, struct curl_sockaddr *);
int		 sock_close(void *upstream, curl_socket_t);
void		 sock_connected(struct call *);
void		 sock_abandoned(struct call *);
bool		 handshake_allowed(struct upstream *);	/* and counts it */
bool		 handshakes_spent(struct upstream *);
void		 socks_free(struct upstream *);

/* multis.c */
struct multi	*multi_with_room(struct upstream *);
void		 multi_run(struct multi *, curl_socket_t, int events);
bool		 multi_add(struct multi *, struct call *);
void		 multi_remove(struct call *);
void		 multi_free(struct multi *);
void		 multis_sweep(struct timer *);

/* outcome.c */
enum call_end	 outcome(const struct call *, CURLcode, char *why, size_t room);

#endif
