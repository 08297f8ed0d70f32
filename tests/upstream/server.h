/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server whose behaviour on each connection is a function of the test, run in a thread; and a client side that makes calls and keeps what it hears.
 */
#ifndef TESTS_UPSTREAM_SERVER_H
#define TESTS_UPSTREAM_SERVER_H

#include "upstream/upstream.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

/* The server's side of one connection. */
struct line {
	struct server	*server;
	int		 fd;
	SSL		*ssl;
	int		 index;			/* of the connection, from 0 */
	int		 requests;		/* read so far */
	struct buf	 in;			/* the last request: head and body */
	size_t		 head_len;		/* with its blank line */
	size_t		 used;			/* bytes of `in` that belong to the last request */
};

typedef void script_f(struct line *);

struct server {
	int		 fd;
	unsigned	 port;
	script_f	*script;
	SSL_CTX		*tls;
	void		*own;			/* the test's */
	atomic_int	 connections;		/* accepted */
	atomic_int	 requests;		/* read whole */
	atomic_int	 running;		/* scripts */
	atomic_int	 gone;			/* connections whose other end closed, as scripts noticed */
	atomic_int	 resumed;		/* TLS sessions */
	atomic_int	 stage;			/* for tests and scripts to meet */
	pthread_t	 thread;
	char		 url[64];
};

void	server_start(struct server *, script_f *, SSL_CTX *);
void	server_start_at(struct server *, const char *address, unsigned port, script_f *);	/* 0: any port */
void	server_listen(struct server *, const char *address, unsigned port, int backlog);	/* only that: nobody accepts */
void	server_stop(struct server *);			/* waits for the scripts */
bool	line_request(struct line *);			/* reads one whole request; false: the other end closed */
bool	line_read(struct line *);			/* some bytes into `in`; false: closed */
void	line_say(struct line *, const char *);
void	line_send(struct line *, const void *, size_t);
void	line_wait_gone(struct line *);			/* until the other end closes, then counts it */
void	line_reset(struct line *);			/* close will be an RST */
struct text line_body(const struct line *);
void	stage_wait(struct server *, int at_least);
unsigned port_closed(void);				/* where nobody listens */

/* The client's side. */
struct client {
	struct loop	*loop;
	struct upstream	*up;
};

struct heard {
	struct client	*client;
	struct call	*call;			/* NULL once it has ended or was cancelled */
	int		 heads, bodies, ends;
	int		 status;
	char		 type[64], id[64];
	int64_t		 retry_after_ms;
	struct buf	 passable, lines, body;
	int64_t		 length;
	enum call_end	 end;
	char		 why[400];
	int64_t		 connect_us;
	/* What to do from within. */
	void		(*on_head)(struct heard *), (*on_body)(struct heard *), (*on_end)(struct heard *);
	void		*own;
};

void	client_start(struct client *, const struct upstream_settings *);	/* NULL: plain ones */
void	client_stop(struct client *);
struct call_plan plan_of(const char *url);		/* a small POST with one header, limits of 10 s */
void	call_make(struct heard *, struct client *, const struct call_plan *);
void	heard_cancel(struct heard *);
void	heard_free(struct heard *);
void	turn(struct client *);				/* one turn of the loop; fails the test when a minute has passed */
void	until_ended(struct heard *);
void	assert_heard(const struct heard *, int status, const char *body);	/* CALL_DONE */
void	assert_ended(const struct heard *, enum call_end, const char *words);	/* `words` are in its sentence */

/* A server and a client, for the time of one test. */
struct scene {
	struct server	 s;
	struct client	 c;
	struct call_plan plan;			/* to the server */
};

#define HELLO	"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"

void	answers(struct line *);			/* HELLO to each request */
void	scene_open(struct scene *, script_f *);
void	scene_close(struct scene *);
void	make(struct heard *, struct scene *);
void	one_call(struct scene *, int status, const char *body);

#define UNTIL(client, condition)	do { while (!(condition)) turn(client); } while (0)

#endif
