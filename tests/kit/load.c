/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The load of benchmarks: N kept HTTP/1.1 connections that post one body again and again, count what comes, and print JSON.
 *
 * Streams are read event by event: numbered chunks (the scripted upstream's `chunks=N`) must come each once and in order, and a stream must
 * end by its dialect's terminal event.  With `stamp=1` the chunks tell when they were sent, and so how long they took.
 */
#include "base/clock.h"
#include "base/loop.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define SAMPLES_MOST	4000000u
#define LINE_MOST	2048			/* of an event is looked at */
#define CONNECTING_MOST	64			/* at once */

struct samples {
	uint32_t	*at;
	unsigned	 n, room;
};

struct conn {
	struct watch	 watch;
	bool		 connected, reused;
	size_t		 sent;
	int64_t		 start_us, first_us;

	struct buf	 head;			/* until it is complete */
	bool		 in_body, chunked, closes, sse;
	int		 status;
	int64_t		 left;
	char		 size[32];		/* of a chunk, so far */
	unsigned	 size_len;
	bool		 last;

	char		 line[LINE_MOST];
	size_t		 line_len;
	int64_t		 chunk;			/* the number that must come next */
	bool		 out_of_order, terminal;
};

static struct {
	struct loop	*loop;
	struct sockaddr_in to;
	struct buf	 request;
	int64_t		 chunks;		/* each stream has; -1: not looked at */
	uint64_t	 want, started, done, errors, refused, reconnects, events, lost_streams, missing, bytes;
	unsigned	 connecting, active;
	struct conn	*conns;
	unsigned	 n_conns, next_conn;
	int64_t		 until_us, spread_us;
	struct timer	 starter;		/* the next connection's, when they are spread */
	struct samples	 total, first, delay;
	int		 last_status;
	char		 why[256];
} load;

static void	conn_start(struct conn *);
static void	conn_open(struct conn *);

static void
sample(struct samples *s, int64_t us)
{
	if (s->n == SAMPLES_MOST)
		return;
	if (s->n == s->room) {
		s->room = s->room > 0 ? s->room * 2 : 4096;
		s->at = must_realloc(s->at, s->room * sizeof(*s->at));
	}
	s->at[s->n++] = us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static void
note_error(const char *what)
{
	if (load.errors++ == 0)
		snprintf(load.why, sizeof(load.why), "%s", what);
}

/* events */

static int64_t
number_after(const char *at, const char *end, int digits)
{
	int64_t n = 0;

	if (end - at < digits)
		return (-1);
	for (; digits > 0; digits--, at++) {
		if (*at < '0' || *at > '9')
			return (-1);
		n = n * 10 + (*at - '0');
	}
	return (n);
}

static void
take_line(struct conn *c)
{
	const char *end = c->line + c->line_len, *at, *mark;
	int64_t number, sent;

	if (c->line_len < 6 || memcmp(c->line, "data:", 5) != 0)
		return;
	load.events++;
	if (memmem(c->line, c->line_len, "[DONE]", 6) != NULL || memmem(c->line, c->line_len, "\"message_stop\"", 14) != NULL)
		c->terminal = true;
	if ((at = memmem(c->line, c->line_len, "\"content\":\"", 11)) != NULL)
		at += 11;
	else if ((at = memmem(c->line, c->line_len, "\"text\":\"", 8)) != NULL)
		at += 8;
	if (at == NULL || (number = number_after(at, end, 6)) < 0)
		return;
	if (number == 0)			/* what comes before is no content, and a gateway may hold it back */
		c->first_us = clock_us();
	if (number != c->chunk)
		c->out_of_order = true;
	c->chunk++;
	if ((mark = memchr(at, '@', (size_t)(end - at))) != NULL && (sent = number_after(mark + 1, end, 16)) > 0)
		sample(&load.delay, clock_us() - sent);
}

static void
take_events(struct conn *c, const char *at, const char *end)
{
	if (at < end && c->first_us == 0)
		c->first_us = clock_us();
	while (at < end) {
		const char *eol = memchr(at, '\n', (size_t)(end - at)), *to = eol != NULL ? eol : end;
		size_t n = (size_t)(to - at), room = LINE_MOST - c->line_len;

		memcpy(c->line + c->line_len, at, n < room ? n : room);
		c->line_len += n < room ? n : room;
		if (eol == NULL)
			return;
		take_line(c);
		c->line_len = 0;
		at = eol + 1;
	}
}

static void
take_plain(struct conn *c, const char *at, size_t len)
{
	load.bytes += len;
	if (c->sse)
		take_events(c, at, at + len);
	else if (len > 0 && c->first_us == 0)
		c->first_us = clock_us();
}

/* answers */

static void
answer_over(struct conn *c)
{
	sample(&load.total, clock_us() - c->start_us);
	if (c->first_us != 0)
		sample(&load.first, c->first_us - c->start_us);
	load.done++;
	load.active--;
	load.last_status = c->status;
	if (c->status != 200) {
		load.refused++;
		return;
	}
	if (c->sse && load.chunks >= 0 && (c->out_of_order || !c->terminal || c->chunk != load.chunks)) {
		load.lost_streams++;
		load.missing += (uint64_t)(load.chunks > c->chunk ? load.chunks - c->chunk : 0);
	}
}

static void
conn_close(struct conn *c)
{
	watch_remove(load.loop, &c->watch);
	close(c->watch.fd);
	c->watch.fd = -1;
	if (!c->connected)
		load.connecting--;
	c->connected = c->reused = false;
}

static void
next_round(struct conn *c)
{
	if (load.started >= load.want || loop_now_us(load.loop) >= load.until_us) {
		if (c->watch.fd >= 0)
			conn_close(c);
		if (load.active == 0)
			loop_stop(load.loop);
		return;
	}
	load.started++;
	load.active++;
	if (c->watch.fd >= 0)
		conn_start(c);
	else
		conn_open(c);
}

/* 1: the answer is over, 0: more must come. */
static int
take_chunked(struct conn *c, const char *at, const char *end)
{
	while (at < end) {
		size_t n = (int64_t)(end - at) < c->left ? (size_t)(end - at) : (size_t)c->left;

		take_plain(c, at, n);
		at += n;
		c->left -= (int64_t)n;
		if (at == end)
			return (0);
		if (*at != '\n') {
			if (c->size_len < sizeof(c->size) - 1)
				c->size[c->size_len++] = *at;
			at++;
			continue;
		}
		at++;
		c->size[c->size_len] = '\0';
		if (c->size_len <= 1 && c->last)
			return (1);
		if (c->size_len > 1) {
			c->left = strtoll(c->size, NULL, 16);
			c->last = c->left == 0;
		}
		c->size_len = 0;
	}
	return (0);
}

static int
take_body(struct conn *c, const char *at, const char *end)
{
	if (c->chunked)
		return (take_chunked(c, at, end));
	take_plain(c, at, (size_t)(end - at));
	c->left -= end - at;
	return (c->left <= 0 && !c->closes);
}

static void
read_head(struct conn *c)
{
	const char *length;

	buf_byte(&c->head, '\0');
	c->status = atoi(c->head.at + 9);
	length = strcasestr(c->head.at, "\ncontent-length:");
	c->chunked = strcasestr(c->head.at, "\ntransfer-encoding: chunked") != NULL;
	c->sse = strcasestr(c->head.at, "\ncontent-type: text/event-stream") != NULL;
	c->closes = length == NULL && !c->chunked;
	c->left = c->chunked || length == NULL ? 0 : atoll(length + 16);
	c->in_body = true;
}

static int
take_answer(struct conn *c, const char *at, const char *end)
{
	size_t had = c->head.len;
	const char *blank;

	if (c->in_body)
		return (take_body(c, at, end));
	buf_add(&c->head, at, (size_t)(end - at));
	if ((blank = memmem(c->head.at, c->head.len, "\r\n\r\n", 4)) == NULL)
		return (0);
	at += (size_t)(blank - c->head.at) + 4 - had;
	c->head.len = (size_t)(blank - c->head.at) + 2;
	read_head(c);
	return (take_body(c, at, end));
}

/* connections */

static void
conn_broke(struct conn *c, const char *what)
{
	bool again = c->reused && !c->in_body && c->head.len == 0;	/* a kept connection that was closed meanwhile */

	conn_close(c);
	if (again) {
		load.reconnects++;
		conn_open(c);
		return;
	}
	if (c->in_body && c->closes) {
		answer_over(c);
	} else {
		note_error(what);
		load.active--;
	}
	next_round(c);
}

static void
conn_send(struct conn *c)
{
	while (c->sent < load.request.len) {
		ssize_t n = send(c->watch.fd, load.request.at + c->sent, load.request.len - c->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			watch_change(load.loop, &c->watch, EPOLLIN | EPOLLOUT);
			return;
		}
		if (n < 0) {
			conn_broke(c, "send failed");
			return;
		}
		c->sent += (size_t)n;
	}
	watch_change(load.loop, &c->watch, EPOLLIN);
}

static void
conn_start(struct conn *c)
{
	c->sent = c->head.len = c->line_len = c->size_len = 0;
	c->in_body = c->last = c->terminal = c->out_of_order = false;
	c->first_us = c->chunk = 0;
	c->start_us = clock_us();
	conn_send(c);
}

static void
connect_more(void)
{
	if (load.spread_us > 0)
		return;
	while (load.connecting < CONNECTING_MOST && load.next_conn < load.n_conns)
		next_round(&load.conns[load.next_conn++]);
}

static void
start_next(struct timer *t)
{
	next_round(&load.conns[load.next_conn++]);
	if (load.next_conn < load.n_conns)
		timer_set(load.loop, t, t->at_us + load.spread_us / load.n_conns);
}

static void
conn_read(struct conn *c)
{
	static char bytes[65536];
	ssize_t n = recv(c->watch.fd, bytes, sizeof(bytes), 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		conn_broke(c, n == 0 ? "closed before the end" : strerror(errno));
		return;
	}
	if (take_answer(c, bytes, bytes + n) == 0)
		return;
	answer_over(c);
	c->reused = true;
	if (strcasestr(c->head.at, "\nconnection: close") != NULL)
		conn_close(c);
	next_round(c);
}

static void
conn_ready(struct watch *w, uint32_t events)
{
	struct conn *c = (struct conn *)w;
	int failed = 0;
	socklen_t len = sizeof(failed);

	if (!c->connected) {
		getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &failed, &len);
		if (failed != 0) {
			conn_broke(c, strerror(failed));
			return;
		}
		c->connected = true;
		load.connecting--;
		conn_start(c);
		connect_more();
		return;
	}
	if ((events & EPOLLOUT) && c->sent < load.request.len)
		conn_send(c);
	else
		conn_read(c);
}

static void
conn_open(struct conn *c)
{
	int one = 1;

	c->watch = (struct watch){ .ready = conn_ready, .fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) };
	if (c->watch.fd < 0) {
		perror("load: socket");
		exit(1);
	}
	setsockopt(c->watch.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	load.connecting++;
	c->head.len = 0;
	c->in_body = false;
	c->start_us = clock_us();
	if (connect(c->watch.fd, (struct sockaddr *)&load.to, sizeof(load.to)) != 0 && errno != EINPROGRESS) {
		perror("load: connect");
		exit(1);
	}
	watch_add(load.loop, &c->watch, EPOLLOUT);
}

/* the run */

static int
by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x < y ? -1 : x > y);
}

static void
print_samples(const char *name, struct samples *s)
{
	if (s->n == 0)
		return;
	qsort(s->at, s->n, sizeof(*s->at), by_size);
	printf(",\"%s_p50_us\":%u,\"%s_p99_us\":%u,\"%s_max_us\":%u", name, s->at[s->n / 2], name, s->at[(size_t)s->n * 99 / 100], name,
	    s->at[s->n - 1]);
	free(s->at);
}

static void
out_of_time(struct timer *t)
{
	note_error("out of time");
	load.errors += load.active;
	loop_stop(load.loop);
}

static void
read_file(struct buf *to, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	do {
		buf_reserve(to, 65536);
		n = fd >= 0 ? read(fd, to->at + to->len, 65536) : -1;
		to->len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	if (n < 0) {
		perror(path);
		exit(1);
	}
	close(fd);
}

static const char usage[] =
    "usage: load --port N --body FILE [--host 127.0.0.1] [--path /v1/chat/completions] [--header 'Name: value']… [--connections 1]\n"
    "            [--requests N] [--seconds S] [--grace S] [--chunks N] [--spread S]\n"
    "--seconds S   start no request after S; --grace S: give up S later\n"
    "--chunks N    each answer is a stream of N numbered chunks\n"
    "--spread S    connections start evenly over S seconds\n";

static const struct option long_options[] = {
	{ "port", 1, NULL, 'p' }, { "host", 1, NULL, 'h' }, { "path", 1, NULL, 'u' }, { "header", 1, NULL, 'H' }, { "body", 1, NULL, 'b' },
	{ "connections", 1, NULL, 'c' }, { "requests", 1, NULL, 'n' }, { "seconds", 1, NULL, 's' }, { "grace", 1, NULL, 'g' }, { "chunks", 1, NULL, 'k' },
	{ "spread", 1, NULL, 'x' }, { 0 },
};

int
main(int argc, char **argv)
{
	const char *host = "127.0.0.1", *path = "/v1/chat/completions", *body_file = NULL;
	struct buf body = { 0 }, headers = { 0 };
	struct timer end = { .due = out_of_time };
	double seconds = 3600, grace = 30;
	int64_t start_us;
	struct rlimit files;
	int c, port = 0;

	load.want = UINT64_MAX;
	load.chunks = -1;
	load.n_conns = 1;
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (c) {
		case 'p': port = atoi(optarg); break;
		case 'h': host = optarg; break;
		case 'u': path = optarg; break;
		case 'H': buf_print(&headers, "%s\r\n", optarg); break;
		case 'b': body_file = optarg; break;
		case 'c': load.n_conns = (unsigned)atoi(optarg); break;
		case 'n': load.want = strtoull(optarg, NULL, 10); break;
		case 's': seconds = atof(optarg); break;
		case 'g': grace = atof(optarg); break;
		case 'k': load.chunks = atoll(optarg); break;
		case 'x': load.spread_us = (int64_t)(atof(optarg) * 1e6); break;
		default: fputs(usage, stderr); return (2);
		}
	}
	if (port == 0 || body_file == NULL || load.n_conns == 0 || load.n_conns > 60000) {
		fputs(usage, stderr);
		return (2);
	}
	read_file(&body, body_file);
	buf_print(&load.request, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n", path, host, body.len);
	buf_text(&load.request, buf_as_text(&headers));
	buf_lit(&load.request, "\r\n");
	buf_text(&load.request, buf_as_text(&body));
	buf_free(&headers);
	buf_free(&body);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	load.to = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	inet_pton(AF_INET, host, &load.to.sin_addr);
	load.loop = loop_new();
	load.conns = must_zalloc(load.n_conns * sizeof(*load.conns));
	for (unsigned i = 0; i < load.n_conns; i++)
		load.conns[i].watch.fd = -1;
	start_us = clock_us();
	load.until_us = start_us + (int64_t)(seconds * 1e6);
	timer_set(load.loop, &end, load.until_us + (int64_t)(grace * 1e6));
	load.starter.due = start_next;
	if (load.spread_us > 0)
		timer_set(load.loop, &load.starter, start_us);
	connect_more();
	loop_run(load.loop);

	printf("{\"requests\":%llu,\"errors\":%llu,\"refused\":%llu,\"last_status\":%d,\"reconnects\":%llu,\"seconds\":%.6f,\"bytes\":%llu,\"events\":%llu,"
	    "\"lost_streams\":%llu,\"missing\":%llu,\"why\":\"%s\"", (unsigned long long)load.done, (unsigned long long)load.errors,
	    (unsigned long long)load.refused, load.last_status, (unsigned long long)load.reconnects, (double)(clock_us() - start_us) / 1e6,
	    (unsigned long long)load.bytes, (unsigned long long)load.events, (unsigned long long)load.lost_streams, (unsigned long long)load.missing, load.why);
	print_samples("total", &load.total);
	print_samples("first", &load.first);
	print_samples("delay", &load.delay);
	puts("}");
	return (load.errors > 0 || load.lost_streams > 0);
}
