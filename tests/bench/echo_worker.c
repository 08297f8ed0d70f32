/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker that does nothing: what the web room alone costs.
 *
 *   echo_worker [SOCKET]	answers every request with 200 bytes; listens on descriptor 0 without an argument
 *
 * A path ending in /hold sends its headers and then keeps the stream open, so that the memory of open streams can be seen.
 */
#include "web/web.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static struct loop *loop;
static struct web *web;

static void *
begin(void *worker, struct stream *s, struct request *r)
{
	(void)worker;
	(void)r;
	return (s);
}

static void
body(void *self, enum body_fault fault)
{
	static const char fixed[200] = "{\"object\":\"chat.completion\",\"filler\":\"";
	static const int statuses[] = { 200, 413, 400, 400, 503 };
	struct buf *out = reply_buf(self, 512);
	int status = statuses[fault];

	buf_print(out, "Status: %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", status, status_reason(status),
	    sizeof(fixed));
	buf_add(out, fixed, sizeof(fixed));
	reply_end(self);
}

static void *
begin_hold(void *worker, struct stream *s, struct request *r)
{
	if (!text_ends(r->path, TEXT("/hold")))
		return (begin(worker, s, r));
	buf_print(reply_buf(s, 256), "Status: 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: ok\n\n");
	reply_flush(s);
	request_forget(s);
	return (s);
}

static void
gone(void *self)
{
	reply_end(self);
}

static void
nothing(void *self)
{
	(void)self;
}

static void
caught(void *self, int signal)
{
	(void)self;
	(void)signal;
	loop_stop(loop);
}

int
main(int argc, char **argv)
{
	struct web_settings set = { .body_limit = 32 << 20, .body_memory = 256 << 20, .high_mark = 262144, .low_mark = 65536 };
	struct web_owner owner = { .begin = begin_hold, .body = body, .gone = gone, .writable = nothing, .over = nothing };
	int signals[] = { SIGTERM, SIGINT }, fd = 0;
	struct buf why = { 0 };

	signal(SIGPIPE, SIG_IGN);
	web_raise_files();
	loop = loop_new();
	loop_signals(loop, signals, 2, caught, NULL);
	web = web_new(loop, &set, &owner);
	if (argc > 1 && (fd = web_bind(argv[1], 4096, &why)) < 0) {
		fprintf(stderr, "%.*s\n", TEXT_ARG(why));
		return (1);
	}
	web_listen(web, fd);
	loop_run(loop);
	web_free(web);
	loop_free(loop);
	return (0);
}
