/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole connection on any bytes: whatever a web server sends, in whatever pieces, every request that began is over exactly once,
 * and nothing is left of it.
 *
 * The first bytes choose how the owner behaves and how the rest is cut; the rest is what the web server sends.
 */
#include "web/web_priv.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#define CHOICES		6

enum { EARLY = 1, LATE = 2, FORGETS = 4, LARGE = 8, STREAMS = 16, DEAF = 32 };

static struct owner {
	unsigned	 does;			/* the bits above */
	unsigned	 begun, over;
	struct stream	*open;
} owner;

static void
answer(struct stream *s)
{
	static char much[300000];

	if (owner.does & FORGETS)
		request_forget(s);
	buf_lit(reply_buf(s, 64), "Status: 200 OK\r\n\r\n");
	if (owner.does & STREAMS)
		reply_flush(s);
	if (owner.does & LARGE)
		buf_add(reply_buf(s, sizeof(much)), much, sizeof(much));
	reply_end(s);
	owner.open = NULL;
}

static void *
begin(void *worker, struct stream *s, struct request *r)
{
	if (owner.open != NULL)
		abort();
	owner.begun++;
	owner.open = s;
	if (request_param(r, "REQUEST_URI").len > r->uri.len)
		abort();
	if (owner.does & EARLY)
		answer(s);
	return (s);
}

static void
body(void *self, enum body_fault fault)
{
	if (owner.open != self)
		abort();
	if (!(owner.does & LATE))
		answer(self);
}

static void
gone(void *self)
{
	if (owner.open != self)
		abort();
	if (!(owner.does & LATE))
		answer(self);
}

static void
writable(void *self)
{
	if (owner.open != self)
		abort();
}

static void
over(void *self)
{
	if (owner.open == self)
		abort();
	owner.over++;
}

static void
hear(int fd)
{
	static char heard[65536];

	while (read(fd, heard, sizeof(heard)) > 0)
		;
}

/* Another stream of the worker held room for bodies, and gives it back. */
static void
give_room(struct loop *loop, struct web *web, size_t taken)
{
	web->body_used -= taken;
	if (web->waiting != NULL)
		stream_soon(web->waiting);
	loop_turn(loop, 0);
}

static void
talk(struct loop *loop, int fd, struct text in, const uint8_t *choices)
{
	for (size_t at = 0, i = 0, n; at < in.len; at += n, i++) {
		n = (size_t)choices[2 + i % 4] + 1;
		n = n > in.len - at ? in.len - at : n;
		if (send(fd, in.at + at, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			return;
		loop_turn(loop, 0);
		if (!(owner.does & DEAF))
			hear(fd);
		if (owner.open != NULL && i % 3 == 2)
			answer(owner.open);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct loop *loop;
	struct web_settings set = { .body_limit = 20000, .body_memory = 30000, .high_mark = 65536, .low_mark = 16384 };
	struct web_owner does = { begin, body, gone, writable, over, NULL, NULL };
	struct web *web;
	int pair[2];

	if (size < CHOICES || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0)
		return (0);
	if (loop == NULL)
		loop = loop_new();
	owner = (struct owner){ .does = data[0] };
	set.body_memory = data[1] & 1 ? 30000 : 18000;
	web = web_new(loop, &set, &does);
	web->body_used = data[1] & 4 ? 17000 : 0;
	stream_new(web, pair[0]);
	talk(loop, pair[1], (struct text){ (const char *)data + CHOICES, size - CHOICES }, data);
	if (data[1] & 4)
		give_room(loop, web, 17000);
	if (data[1] & 2) {
		hear(pair[1]);
		loop_turn(loop, 0);
	}
	close(pair[1]);
	loop_turn(loop, 0);
	if (owner.open != NULL)
		answer(owner.open);
	loop_turn(loop, 0);
	if (owner.begun != owner.over || web_open(web) != 0 || web->body_used != 0 || web->connections != 0)
		abort();
	web_free(web);
	return (0);
}
