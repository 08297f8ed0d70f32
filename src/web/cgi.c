/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain CGI (RFC 3875): the request is the environment, its body is on standard input, its answer goes to standard output.
 *
 * What the streams of a CGI process are is the web server's choice: mod_cgi gives pipes, mod_cgid one socket for both, lighttpd a pipe and, for a body
 * that it has whole, a file.  epoll takes no files; they are read, and written, at once.
 */
#include "web/web_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define READS_AT_ONCE	16			/* before an answer, or a timer, has its turn */
#define LEFT_BYTES	(64u << 20)		/* of a body that is not wanted any more */

static struct stream *
of_in(struct watch *w)
{
	return ((struct stream *)((char *)w - offsetof(struct stream, in)));
}

static bool
can_be_polled(int fd)
{
	struct stat st;

	return (fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || (S_ISCHR(st.st_mode) && isatty(fd))));
}

static bool
same_socket(int a, int b)
{
	struct stat one, other;

	return (fstat(a, &one) == 0 && fstat(b, &other) == 0 && S_ISSOCK(one.st_mode) && one.st_dev == other.st_dev && one.st_ino == other.st_ino);
}

/* The other stream may be the same socket, which then stays in epoll: out of it before close(). */
static void
part_with(struct stream *c, struct watch *w)
{
	if (w->fd < 0)
		return;
	if (w->events != 0)
		watch_remove(c->web->loop, w);
	close(w->fd);
	w->fd = -1;
}

void
cgi_hang_up(struct stream *c)
{
	part_with(c, &c->in);
	part_with(c, &c->watch);
}

/* the body */

static bool
wants_body(const struct stream *c)
{
	return (c->in.fd >= 0 && !c->body.told && !c->ended);
}

/* Without a length there is a body only if it came in chunks, which the web server takes apart: it goes up to the end of the stream. */
static bool
has_body(const struct request *r)
{
	return (r->content_length > 0 || (r->content_length == LENGTH_ABSENT && request_header(r, "transfer-encoding").len > 0));
}

/* Never more than belongs to the body: the server need not end the stream behind it. */
static ssize_t
read_known(struct stream *c)
{
	struct body *b = &c->body;
	ssize_t n = read(c->in.fd, b->at + b->len, b->room - b->len);

	if (n > 0) {
		b->len += (size_t)n;
		if (b->len == b->room) {
			part_with(c, &c->in);
			body_end(c);
		}
	}
	return (n);
}

/* No other body will give its room back. */
static ssize_t
read_unknown(struct stream *c)
{
	ssize_t n = read(c->in.fd, c->web->scratch, SCRATCH);

	if (n > 0 && !body_bytes(c, (struct text){ c->web->scratch, (size_t)n })) {
		body_stop_waiting(c);
		body_tell(c, BODY_NO_ROOM);
	}
	return (n);
}

static ssize_t
read_left(struct stream *c)
{
	ssize_t n = read(c->in.fd, c->web->scratch, SCRATCH);

	if (n > 0)
		c->lingered += (size_t)n;
	return (c->lingered > LEFT_BYTES ? 0 : n);
}

/* A pipe may be closed with bytes in it.  A socket would take the answer with it, so it is heard to its end, which mod_cgid always gives. */
static bool
is_left(const struct stream *c)
{
	return (c->one_socket && c->request.content_length != 0);
}

static void
read_body(struct stream *c)
{
	for (int i = 0; c->in.fd >= 0 && (i < READS_AT_ONCE || !c->in_polled); i++) {
		bool wanted = wants_body(c);
		ssize_t n;

		if (!wanted && !is_left(c)) {
			part_with(c, &c->in);
			return;
		}
		n = !wanted ? read_left(c) : c->request.content_length >= 0 ? read_known(c) : read_unknown(c);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n > 0 || (n < 0 && errno == EINTR))
			continue;
		part_with(c, &c->in);
		if (n < 0)
			body_tell(c, BODY_SHORT);
		else
			body_end(c);
	}
}

/* Its half is closed, so that the server sees the end of the answer; the rest of the body is heard out on the other. */
bool
cgi_lingers(struct stream *c)
{
	if (!c->one_socket || c->in.fd < 0 || c->watch.fd < 0)
		return (false);
	if (!c->lingers) {
		c->lingers = true;
		shutdown(c->watch.fd, SHUT_WR);
		if (c->watch.events != 0)
			watch_remove(c->web->loop, &c->watch);
		c->out_polled = false;
	}
	return (true);
}

static void
in_ready(struct watch *w, uint32_t events)
{
	struct stream *c = of_in(w);

	c->busy = true;
	read_body(c);
	stream_settle(c);
}

void
web_cgi_left(struct web *web)
{
	for (struct stream *c = web->all; c != NULL; c = c->next)
		stream_hang_up(c);
}

/* the request */

static void
put_length(struct buf *b, size_t n)
{
	buf_byte(b, (char)(0x80 | n >> 24));
	buf_byte(b, (char)(n >> 16));
	buf_byte(b, (char)(n >> 8));
	buf_byte(b, (char)n);
}

/* As FastCGI would send it, so that both are taken apart alike. */
static void
put_variables(struct buf *b, char *const *variables)
{
	for (; *variables != NULL && b->len <= PARAMS_BYTES; variables++) {
		struct text name, value;

		if (!text_cut(text_of(*variables), '=', &name, &value))
			continue;
		put_length(b, name.len);
		put_length(b, value.len);
		buf_text(b, name);
		buf_text(b, value);
	}
}

static int
nonblocking(int fd)
{
	return (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK));
}

static struct stream *
stream_of(struct web *web, int in, int out)
{
	struct stream *c = stream_alloc(web, out);

	c->plain = true;
	c->in = (struct watch){ .ready = in_ready, .fd = in };
	c->in_polled = can_be_polled(in);
	c->out_polled = can_be_polled(out);
	c->one_socket = same_socket(in, out);
	if (c->in_polled)
		nonblocking(in);
	if (c->out_polled)
		nonblocking(out);
	c->reader.phase = PHASE_STDIN;
	return (c);
}

static void
begin(struct stream *c)
{
	if (c->params.len > PARAMS_BYTES) {
		stream_bad(c, "an environment over 256 KB");
		return;
	}
	if (!stream_begin(c) || c->ended)
		return;
	if (has_body(&c->request))
		body_begin(c);
	else
		body_tell(c, BODY_FINE);
}

void
web_cgi(struct web *web, char *const *variables, int in, int out)
{
	struct stream *c = stream_of(web, in, out);

	put_variables(&c->params, variables);
	begin(c);
	read_body(c);
	if (c->in.fd >= 0)
		watch_add(web->loop, &c->in, EPOLLIN);
	stream_settle(c);
}
