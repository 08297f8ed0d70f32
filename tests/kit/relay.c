/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bare relay: the least a FastCGI worker can do, as a floor for benchmarks.
 *
 * Takes a request's STDIN, posts it to one fixed upstream over a kept connection, and hands the answer's body back in STDOUT records as it
 * comes.  It reads no parameter, checks nothing and expects well-behaved peers.   relay SOCKET UPSTREAM-PORT; SOCKET - is the listening fd 0
 * a web server hands over.
 */
#include "base/loop.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fastcgi.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define RECORD_MOST	32768
#define READ_MOST	262144
#define ANSWER_HEAD	"Status: 200 OK\r\nContent-Type: "

struct vendor;

/* The web server's side: one request. */
struct client {
	struct watch	 watch;
	FCGI_Header	 header;		/* of the record that comes */
	unsigned	 have;			/* bytes of it */
	size_t		 content, padding;	/* bytes of the record to come */
	struct buf	 body, out;
	struct vendor	*vendor;
	bool		 ended;			/* END_REQUEST is in `out` or sent */
};

/* The upstream's side, kept. */
struct vendor {
	struct watch	 watch;
	struct client	*client;		/* NULL: idle */
	struct buf	 out, head;		/* the request's head, the answer's */
	size_t		 sent;			/* of the request */
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

/* Sends what is left of the request. */
static void
vendor_write(struct vendor *v)
{
	struct buf *body = &v->client->body;
	size_t of_body = v->sent > v->out.len ? v->sent - v->out.len : 0;
	struct iovec parts[2] = { { v->out.at + v->sent, v->out.len - v->sent }, { body->at + of_body, body->len - of_body } };
	bool head_sent = v->sent >= v->out.len;
	ssize_t n = writev(v->watch.fd, parts + head_sent, 2 - head_sent);

	v->sent += n > 0 ? (size_t)n : 0;
	watch_change(loop, &v->watch, v->sent < v->out.len + body->len ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void
vendor_closed(struct vendor *v)
{
	struct vendor **at = &idle;

	if (v->client != NULL) {
		client_free(v->client);
		return;
	}
	while (*at != v)
		at = &(*at)->next;
	*at = v->next;
	vendor_free(v);
}

static void
vendor_read(struct vendor *v)
{
	char bytes[RECORD_MOST];
	size_t had = v->head.len;
	const char *end;
	ssize_t n = recv(v->watch.fd, bytes, sizeof(bytes), 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 || v->client == NULL) {
		vendor_closed(v);
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

static void
vendor_ready(struct watch *w, uint32_t events)
{
	struct vendor *v = (struct vendor *)w;

	if ((events & EPOLLOUT) && v->client != NULL)
		vendor_write(v);
	if (events & ~(uint32_t)EPOLLOUT)
		vendor_read(v);
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

	c->vendor = v;
	v->client = c;
	v->out.len = v->sent = 0;
	buf_print(&v->out, "POST /v1/chat/completions HTTP/1.1\r\nHost: upstream\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", c->body.len);
	vendor_write(v);
}

/* True: the request's last record, the empty STDIN, has come. */
static bool
take_records(struct client *c, const char *at, const char *end)
{
	while (at < end) {
		size_t n = (size_t)(end - at) < c->content ? (size_t)(end - at) : c->content;

		if (n > 0 && c->header.type == FCGI_STDIN)
			buf_add(&c->body, at, n);
		at += n;
		c->content -= n;
		n = (size_t)(end - at) < c->padding ? (size_t)(end - at) : c->padding;
		at += n;
		c->padding -= n;
		for (; at < end && c->have < sizeof(c->header); at++)
			((char *)&c->header)[c->have++] = *at;
		if (c->have < sizeof(c->header))
			return (false);
		c->have = 0;
		c->content = (size_t)c->header.contentLengthB1 << 8 | c->header.contentLengthB0;
		c->padding = c->header.paddingLength;
		if (c->body.cap == 0 && c->content >= RECORD_MOST)	/* a large one: grow once */
			buf_reserve(&c->body, 2 * READ_MOST);
		if (c->header.type == FCGI_STDIN && c->content == 0)
			return (true);
	}
	return (false);
}

static void
client_ready(struct watch *w, uint32_t events)
{
	static char bytes[READ_MOST];
	struct client *c = (struct client *)w;
	ssize_t n;

	if (events & EPOLLOUT) {
		client_write(c);
		return;
	}
	n = recv(w->fd, bytes, sizeof(bytes), 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		client_free(c);
	else if (c->vendor == NULL && take_records(c, bytes, bytes + n))
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

static int
listen_at(const char *where)
{
	struct sockaddr_un path = { .sun_family = AF_UNIX };
	int fd;

	if (strcmp(where, "-") == 0) {
		fcntl(0, F_SETFL, O_NONBLOCK);
		return (0);
	}
	if (strlen(where) >= sizeof(path.sun_path))
		return (-1);
	memcpy(path.sun_path, where, strlen(where));
	unlink(where);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return (bind(fd, (struct sockaddr *)&path, sizeof(path)) == 0 && listen(fd, 4096) == 0 ? fd : -1);
}

int
main(int argc, char **argv)
{
	struct watch listener = { .ready = accept_some };
	struct rlimit files;
	int signals[] = { SIGTERM, SIGINT };

	if (argc != 3) {
		fputs("usage: relay SOCKET UPSTREAM-PORT\n", stderr);
		return (2);
	}
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	upstream = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if ((listener.fd = listen_at(argv[1])) < 0) {
		perror(argv[1]);
		return (1);
	}
	loop = loop_new();
	loop_signals(loop, signals, nitems(signals), caught, NULL);
	watch_add(loop, &listener, EPOLLIN);
	loop_run(loop);
	return (0);
}
