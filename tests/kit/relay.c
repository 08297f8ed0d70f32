/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bare relay: the least a FastCGI worker can do, as a floor for benchmarks.
 *
 * Takes a request's STDIN, posts it to one fixed upstream over a kept connection, and hands the answer's body back in STDOUT records as it
 * comes.  It reads no parameter, checks nothing and expects well-behaved peers.   relay SOCKET UPSTREAM-PORT
 */
#include "base/loop.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fastcgi.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define RECORD_MOST	32768
#define ANSWER_HEAD	"Status: 200 OK\r\nContent-Type: "

struct vendor;

/* The web server's side: one request. */
struct client {
	struct watch	 watch;
	struct buf	 in, body, out;
	struct vendor	*vendor;
	bool		 ended;			/* END_REQUEST is in `out` or sent */
};

/* The upstream's side, kept. */
struct vendor {
	struct watch	 watch;
	struct client	*client;		/* NULL: idle */
	struct buf	 out, head;
	int64_t		 left;			/* of the body or of the chunk */
	bool		 chunked, in_body;
	struct buf	 size;			/* of a chunk: its line so far */
	bool		 last;
	struct vendor	*next;			/* idle */
};

static struct loop *loop;
static struct vendor *idle;
static struct sockaddr_in upstream;

static void
close_watch(struct watch *w)
{
	watch_remove(loop, w);
	close(w->fd);
}

static void
vendor_free(struct vendor *v)
{
	close_watch(&v->watch);
	buf_free(&v->out);
	buf_free(&v->head);
	buf_free(&v->size);
	free(v);
}

static void
client_free(struct client *c)
{
	if (c->vendor != NULL)
		vendor_free(c->vendor);
	close_watch(&c->watch);
	buf_free(&c->in);
	buf_free(&c->body);
	buf_free(&c->out);
	free(c);
}

/* towards the web server */

static void
add_record(struct buf *out, unsigned char type, const void *at, size_t len)
{
	FCGI_Header h = { .version = FCGI_VERSION_1, .type = type, .requestIdB0 = 1, .contentLengthB1 = (unsigned char)(len >> 8),
	    .contentLengthB0 = (unsigned char)len };

	buf_add(out, &h, sizeof(h));
	buf_add(out, at, len);
}

static void
end_answer(struct client *c)
{
	static const FCGI_EndRequestBody fine;

	add_record(&c->out, FCGI_STDOUT, "", 0);
	add_record(&c->out, FCGI_END_REQUEST, &fine, sizeof(fine));
	c->ended = true;
	c->vendor = NULL;
}

static void
client_write(struct client *c)
{
	ssize_t n = send(c->watch.fd, c->out.at, c->out.len, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN) {
		client_free(c);
		return;
	}
	if (n > 0 && (size_t)n == c->out.len)
		c->out.len = 0;
	else if (n > 0)
		buf_drop(&c->out, (size_t)n);
	if (c->out.len == 0 && c->ended) {
		client_free(c);
		return;
	}
	watch_change(loop, &c->watch, c->out.len > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
	if (c->vendor != NULL)			/* a slow client stops the upstream */
		watch_change(loop, &c->vendor->watch, c->out.len > 0 ? 0 : EPOLLIN);
}

/* from the upstream */

static void
vendor_done(struct vendor *v)
{
	struct client *c = v->client;

	v->client = NULL;
	v->head.len = v->size.len = 0;
	v->in_body = v->chunked = v->last = false;
	v->next = idle;
	idle = v;
	end_answer(c);
}

static void
read_vendor_head(struct vendor *v)
{
	const char *type = memmem(v->head.at, v->head.len, "Content-Type: ", 14), *length = memmem(v->head.at, v->head.len, "Content-Length: ", 16);
	struct buf head = { 0 };
	size_t len = 0;

	while (type != NULL && type[14 + len] != '\r')
		len++;
	buf_lit(&head, ANSWER_HEAD);
	buf_add(&head, type != NULL ? type + 14 : "", len);
	buf_lit(&head, "\r\n\r\n");
	add_record(&v->client->out, FCGI_STDOUT, head.at, head.len);
	buf_free(&head);
	v->chunked = length == NULL;
	v->left = length != NULL ? atoll(length + 16) : 0;
	v->in_body = true;
}

/* One byte of what stands between chunks, their sizes and line ends.  True: the last chunk is over. */
static bool
between_chunks(struct vendor *v, char byte)
{
	bool over = false;

	if (byte != '\n') {
		buf_byte(&v->size, byte);
		return (false);
	}
	buf_byte(&v->size, '\0');
	if (v->size.at[0] == '\r')
		over = v->last;
	else {
		v->left = strtoll(v->size.at, NULL, 16);
		v->last = v->left == 0;
	}
	v->size.len = 0;
	return (over);
}

static void
take_body(struct vendor *v, const char *at, const char *end)
{
	struct client *c = v->client;
	char plain[RECORD_MOST];
	size_t len = 0;
	bool over = false;

	while (at < end && !over) {
		size_t n = (int64_t)(end - at) < v->left ? (size_t)(end - at) : (size_t)v->left;

		memcpy(plain + len, at, n);
		len += n;
		at += n;
		v->left -= (int64_t)n;
		if (v->chunked)
			over = at < end && between_chunks(v, *at++);
		else
			over = v->left == 0;
	}
	if (len > 0)
		add_record(&c->out, FCGI_STDOUT, plain, len);
	if (over)
		vendor_done(v);
	client_write(c);
}

static void
vendor_ready(struct watch *w, uint32_t events)
{
	struct vendor *v = (struct vendor *)w;
	char bytes[RECORD_MOST];
	const char *end;
	ssize_t n;
	size_t had = v->head.len;

	if ((events & EPOLLOUT) && v->out.len > 0) {
		n = send(w->fd, v->out.at, v->out.len, MSG_NOSIGNAL);
		buf_drop(&v->out, n > 0 ? (size_t)n : 0);
		watch_change(loop, w, v->out.len > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
	}
	if (!(events & EPOLLIN))
		return;
	n = recv(w->fd, bytes, sizeof(bytes), 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 || v->client == NULL) {
		struct vendor **at = &idle;

		while (*at != NULL && *at != v)
			at = &(*at)->next;
		if (*at != NULL)
			*at = v->next;
		if (v->client != NULL)
			client_free(v->client);
		else
			vendor_free(v);
		return;
	}
	if (v->in_body) {
		take_body(v, bytes, bytes + n);
		return;
	}
	buf_add(&v->head, bytes, (size_t)n);
	end = memmem(v->head.at, v->head.len, "\r\n\r\n", 4);
	if (end == NULL)
		return;
	read_vendor_head(v);
	take_body(v, bytes + ((size_t)(end - v->head.at) + 4 - had), bytes + n);
}

static struct vendor *
vendor_get(void)
{
	struct vendor *v = idle;
	int one = 1;

	if (v != NULL) {
		idle = v->next;
		return (v);
	}
	v = must_zalloc(sizeof(*v));
	v->watch = (struct watch){ .ready = vendor_ready, .fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) };
	setsockopt(v->watch.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(v->watch.fd, (struct sockaddr *)&upstream, sizeof(upstream)) != 0 && errno != EINPROGRESS)
		abort();
	watch_add(loop, &v->watch, EPOLLIN);
	return (v);
}

static void
post(struct client *c)
{
	struct vendor *v = vendor_get();
	ssize_t n;

	c->vendor = v;
	v->client = c;
	v->out.len = 0;
	buf_print(&v->out, "POST /v1/chat/completions HTTP/1.1\r\nHost: upstream\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", c->body.len);
	buf_add(&v->out, c->body.at, c->body.len);
	n = send(v->watch.fd, v->out.at, v->out.len, MSG_NOSIGNAL);
	buf_drop(&v->out, n > 0 ? (size_t)n : 0);
	if (v->out.len > 0)
		watch_change(loop, &v->watch, EPOLLIN | EPOLLOUT);
}

/* Takes whole records off `in`; true: the empty STDIN was among them. */
static bool
take_records(struct client *c)
{
	size_t at = 0;
	bool all = false;

	while (!all && c->in.len - at >= sizeof(FCGI_Header)) {
		const FCGI_Header *h = (const FCGI_Header *)(c->in.at + at);
		size_t len = (size_t)h->contentLengthB1 << 8 | h->contentLengthB0, whole = sizeof(*h) + len + h->paddingLength;

		if (c->in.len - at < whole)
			break;
		if (h->type == FCGI_STDIN)
			buf_add(&c->body, c->in.at + at + sizeof(*h), len);
		all = h->type == FCGI_STDIN && len == 0;
		at += whole;
	}
	buf_drop(&c->in, at);
	return (all);
}

static void
client_ready(struct watch *w, uint32_t events)
{
	struct client *c = (struct client *)w;
	ssize_t n;

	if (events & EPOLLOUT) {
		client_write(c);
		return;
	}
	buf_reserve(&c->in, RECORD_MOST);
	n = recv(w->fd, c->in.at + c->in.len, c->in.cap - c->in.len, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		client_free(c);
		return;
	}
	c->in.len += (size_t)n;
	if (take_records(c))
		post(c);
}

static void
accept_some(struct watch *w, uint32_t events)
{
	int fd;

	for (int i = 0; i < 16 && (fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0; i++) {
		struct client *c = must_zalloc(sizeof(*c));

		c->watch = (struct watch){ .ready = client_ready, .fd = fd };
		watch_add(loop, &c->watch, EPOLLIN);
	}
}

static void
caught(void *self, int signal)
{
	exit(0);
}

int
main(int argc, char **argv)
{
	struct sockaddr_un path = { .sun_family = AF_UNIX };
	struct watch listener = { .ready = accept_some };
	struct rlimit files;
	int signals[] = { SIGTERM, SIGINT };

	if (argc != 3 || strlen(argv[1]) >= sizeof(path.sun_path)) {
		fputs("usage: relay SOCKET UPSTREAM-PORT\n", stderr);
		return (2);
	}
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	upstream = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	memcpy(path.sun_path, argv[1], strlen(argv[1]));
	unlink(argv[1]);
	listener.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (bind(listener.fd, (struct sockaddr *)&path, sizeof(path)) != 0 || listen(listener.fd, 4096) != 0) {
		perror(argv[1]);
		return (1);
	}
	loop = loop_new();
	loop_signals(loop, signals, nitems(signals), caught, NULL);
	watch_add(loop, &listener, EPOLLIN);
	puts("listening");
	fflush(stdout);
	loop_run(loop);
	return (0);
}
