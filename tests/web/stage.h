/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stage of the room's tests: one thread plays the worker's loop and the web server in turns.
 *
 * The owner notes what it is told in `seen` and answers every body with its fault and its bytes, "Status: 200 OK\r\n\r\n0:hello",
 * unless it is told to be quiet.
 */
#ifndef TESTS_WEB_STAGE_H
#define TESTS_WEB_STAGE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/web/peer.h"
#include "web/web.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEEP	1				/* FCGI_KEEP_CONN */

/* What happened to the last stream, and to all. */
struct seen {
	struct stream	*stream;
	struct request	*request;
	enum body_fault	 fault;
	struct buf	 body;
	unsigned	 begun, bodies, gone, writable, over, bad;
	bool		 quiet;			/* the owner does not answer by itself */
	bool		 early;			/* answers in begin */
};

extern struct seen seen;
extern struct loop *loop;
extern struct web *web;
extern char folder[], path[64];			/* of the listener */
extern const struct web_settings usual;

void	stage_open(void);
int	stage_close(int failed);

int	start_with(struct web_settings);
int	start(void **state);
int	start_tight(void **state);		/* a budget of 1 MB for bodies, and 30 ms of patience */
int	stop(void **state);
void	answer(struct stream *);

int	dial(void);
void	turns(int n);
void	turns_until(const unsigned *count, unsigned wanted);	/* as many as it takes, up to a second's */
void	send_all(int fd, struct text);
bool	hear(int fd, struct answer *, int id);	/* until the answer is whole or the room says no more; true: it is whole */
bool	hung_up(int fd);			/* reads what is left; true: and then the room closed */
void	expect_answer(int fd, int id, enum body_fault, struct text said);
void	wait_for(const unsigned *what, unsigned value);
struct text made_body(size_t n);		/* no pattern of the record size, so that misplaced bytes show */
void	free_text(struct text);

#endif
