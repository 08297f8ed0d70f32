/* SPDX-License-Identifier: Apache-2.0 */
/* Replies: STDOUT content is queued bare and framed while it is written, so that nothing is copied twice. */
#include "web/web_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#define RECORD_MOST	65528			/* content of one record; a multiple of 8 */
#define RECORDS_AT_ONCE	15
#define TAIL		(2 * FCGI_HEADER_LEN + 8)	/* end of STDOUT, END_REQUEST and its body */
#define SPARE_MOST	16384			/* a queue larger than this is not kept */
#define KEEP_MOST	1024			/* what an open stream may hold while it waits */

/* What one writev() carries, in the order of the wire. */
struct parcel {
	struct iovec	 iov[2 * RECORDS_AT_ONCE + 4];
	int		 n;
	unsigned char	 headers[RECORDS_AT_ONCE + 1][FCGI_HEADER_LEN];
	unsigned char	 tail[TAIL];
};

static void
pack(struct parcel *p, const void *at, size_t n)
{
	p->iov[p->n++] = (struct iovec){ (void *)(uintptr_t)at, n };
}

static size_t
unsent(const struct outlet *o)
{
	return (o->queue.len - o->sent);
}

static uint16_t
next_record(size_t left)
{
	return (left < RECORD_MOST ? (uint16_t)left : RECORD_MOST);
}

/* Without records: what waits, as it is. */
static void
pack_plain(struct parcel *p, struct stream *c)
{
	p->n = 0;
	if (unsent(&c->out) > 0)
		pack(p, c->out.queue.at + c->out.sent, unsent(&c->out));
}

static void
wrote_plain(struct stream *c, size_t n)
{
	c->out.sent += n;
	c->all_written = c->ended && unsent(&c->out) == 0;
}

/* First what was begun, then our own records, which may only stand between two others, then as many records as fit, then the end. */
static void
pack_all(struct parcel *p, struct stream *c)
{
	struct outlet *o = &c->out;
	size_t left = unsent(o);
	const char *at = left > 0 ? o->queue.at + o->sent : NULL;
	unsigned records = 0;

	p->n = 0;
	if (o->record_left > 0) {
		record_header(p->headers[RECORDS_AT_ONCE], FCGI_STDOUT, c->reader.id, o->record_left);
		pack(p, p->headers[RECORDS_AT_ONCE] + FCGI_HEADER_LEN - o->header_left, o->header_left);
		pack(p, at, o->record_left);
		at += o->record_left;
		left -= o->record_left;
	}
	if (o->control.len > 0)
		pack(p, o->control.at + o->control_sent, o->control.len - o->control_sent);
	for (; left > 0 && records < RECORDS_AT_ONCE; records++) {
		uint16_t n = next_record(left);

		record_header(p->headers[records], FCGI_STDOUT, c->reader.id, n);
		pack(p, p->headers[records], FCGI_HEADER_LEN);
		pack(p, at, n);
		at += n;
		left -= n;
	}
	if (left == 0 && c->ended && !c->broken && !c->all_written) {
		memset(p->tail, 0, TAIL);
		record_header(p->tail, FCGI_STDOUT, c->reader.id, 0);
		record_header(p->tail + FCGI_HEADER_LEN, FCGI_END_REQUEST, c->reader.id, 8);
		pack(p, p->tail + o->tail_sent, TAIL - o->tail_sent);
	}
}

static size_t
least(size_t a, size_t b)
{
	return (a < b ? a : b);
}

/* `n` bytes of what pack_all() made went out: the same walk again. */
static void
wrote_record(struct outlet *o, size_t *n)
{
	size_t step = least(*n, o->header_left);

	o->header_left -= (uint8_t)step;
	*n -= step;
	if (o->header_left > 0)
		return;
	step = least(*n, o->record_left);
	o->record_left -= (uint16_t)step;
	o->sent += step;
	*n -= step;
}

static void
wrote(struct stream *c, size_t n)
{
	struct outlet *o = &c->out;
	size_t step;

	wrote_record(o, &n);
	step = least(n, o->control.len - o->control_sent);
	o->control_sent += step;
	n -= step;
	while (n > 0 && unsent(o) > 0) {
		o->record_left = next_record(unsent(o));
		o->header_left = FCGI_HEADER_LEN;
		wrote_record(o, &n);
	}
	o->tail_sent += (uint8_t)n;
	c->all_written = o->tail_sent == TAIL;
}

/* Bytes that are written give their room back: to the next reply of this worker, or to those that still wait. */
static void
tidy(struct stream *c)
{
	struct outlet *o = &c->out;

	if (o->control.len > 0 && o->control_sent == o->control.len) {
		buf_free(&o->control);
		o->control_sent = 0;
	}
	if (o->sent == o->queue.len) {
		o->queue.len = o->sent = 0;
		if (o->queue.cap <= KEEP_MOST && !c->ended)
			return;
		if (c->web->spare.at == NULL && o->queue.cap <= SPARE_MOST) {
			c->web->spare = o->queue;
			o->queue = (struct buf){ 0 };
		} else
			buf_free(&o->queue);
	} else if (o->sent > RECORD_MOST && o->sent >= o->queue.len / 2) {
		buf_drop(&o->queue, o->sent);
		o->sent = 0;
	}
}

bool
outlet_empty(const struct stream *c)
{
	return (unsent(&c->out) == 0 && c->out.control.len == 0 && (!c->ended || c->broken || c->all_written));
}

void
outlet_write(struct stream *c)
{
	struct parcel p;
	ssize_t n;

	while (c->watch.fd >= 0 && !c->blocked && !outlet_empty(c)) {
		(c->plain ? pack_plain : pack_all)(&p, c);
		n = p.n > 0 ? writev(c->watch.fd, p.iov, p.n) : 0;
		if (n >= 0) {
			(c->plain ? wrote_plain : wrote)(c, (size_t)n);
			tidy(c);
		} else if (errno == EAGAIN)
			c->blocked = true;
		else if (errno != EINTR)
			stream_hang_up(c);
	}
	if (unsent(&c->out) > c->web->set.high_mark)
		c->above = true;
}

void
outlet_control(struct stream *c, uint8_t type, uint16_t id, const void *content, size_t n)
{
	unsigned char header[FCGI_HEADER_LEN];

	if (c->out.control.len > CONTROL_BYTES) {
		stream_bad(c, "more questions than answers can leave");
		return;
	}
	record_header(header, type, id, n);
	buf_add(&c->out.control, header, sizeof(header));
	buf_add(&c->out.control, content, n);
}

void
outlet_free(struct stream *c)
{
	buf_free(&c->out.queue);
	buf_free(&c->out.control);
	c->out = (struct outlet){ 0 };
}

/* The door */

struct buf *
reply_buf(struct stream *c, size_t room)
{
	struct outlet *o = &c->out;

	if (c->watch.fd < 0)
		o->queue.len = o->sent = 0;		/* nobody hears it */
	if (o->queue.at == NULL) {
		o->queue = c->web->spare;
		c->web->spare = (struct buf){ 0 };
	}
	buf_reserve(&o->queue, room);
	stream_soon(c);
	return (&o->queue);
}

void
reply_flush(struct stream *c)
{
	outlet_write(c);
	stream_soon(c);
}

void
reply_end(struct stream *c)
{
	c->ended = true;
	if (!c->body.told)
		body_release(c);
	outlet_write(c);
	stream_soon(c);
}

void
reply_break(struct stream *c)
{
	c->broken = true;
	reply_end(c);
}

size_t
reply_queued(const struct stream *c)
{
	return (c->watch.fd >= 0 ? unsent(&c->out) : 0);
}
