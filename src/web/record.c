/* SPDX-License-Identifier: Apache-2.0 */
/* The record reader: headers, then content by its use, then padding; and who may say what when. */
#include "web/record.h"

static struct record
event(const struct record_reader *r, enum record_kind kind)
{
	return ((struct record){ .kind = kind, .id = r->id });
}

static struct record
bad(const char *why)
{
	return ((struct record){ .kind = RECORD_BAD, .why = why });
}

static uint16_t
two_bytes(const unsigned char *p)
{
	return ((uint16_t)(p[0] << 8 | p[1]));
}

/* A record of no request under way.  One that was refused or ended early may still have some on the wire. */
static struct record
stray(struct record_reader *r)
{
	if (!r->strays_allowed)
		return (bad("a record of a request that never began"));
	r->strays += r->left;
	if (r->strays > RECORD_STRAYS)
		return (bad("too much content of requests that have ended"));
	return (event(r, RECORD_MORE));
}

static struct record
open_params(struct record_reader *r)
{
	if (r->phase != PHASE_PARAMS)
		return (bad("params after the end of params"));
	r->use = USE_PARAMS;
	if (r->left > 0)
		return (event(r, RECORD_MORE));
	r->phase = PHASE_STDIN;
	return (event(r, RECORD_PARAMS_END));
}

static struct record
open_stdin(struct record_reader *r)
{
	if (r->phase != PHASE_STDIN)
		return (bad(r->phase == PHASE_DONE ? "stdin after the end of stdin" : "stdin before the end of params"));
	r->use = USE_STDIN;
	if (r->left > 0)
		return (event(r, RECORD_MORE));
	r->phase = PHASE_DONE;
	return (event(r, RECORD_STDIN_END));
}

/* Records of no request (id 0) and of types that no version of the protocol has. */
static struct record
open_management(struct record_reader *r, uint8_t type)
{
	if (type != FCGI_GET_VALUES)
		return ((struct record){ .kind = RECORD_STRANGE, .type = type });
	if (r->left > RECORD_COLLECTED)
		return (bad("FCGI_GET_VALUES asks for too much"));
	r->use = USE_COLLECT;
	return (event(r, r->left > 0 ? RECORD_MORE : RECORD_VALUES));
}

/* A header is complete: what is its content for, and is it an event already? */
static struct record
open_record(struct record_reader *r)
{
	uint8_t type = r->header[1];
	uint16_t id = two_bytes(r->header + 2);

	r->left = two_bytes(r->header + 4);
	r->padding = r->header[6];
	r->use = USE_SKIP;
	r->collected = 0;
	if (r->header[0] != FCGI_VERSION_1)
		return (bad("a version that is not 1"));
	if (id == FCGI_NULL_REQUEST_ID || type == 0 || type > FCGI_MAXTYPE)
		return (open_management(r, type));
	if (type == FCGI_BEGIN_REQUEST) {
		r->use = USE_COLLECT;
		return (r->left == sizeof(FCGI_BeginRequestBody) ? event(r, RECORD_MORE) : bad("a begin of the wrong length"));
	}
	if (type != FCGI_ABORT_REQUEST && type != FCGI_PARAMS && type != FCGI_STDIN)
		return (bad("a record that no web server sends to a responder"));
	if (r->phase == PHASE_IDLE || id != r->id)
		return (stray(r));
	if (type == FCGI_ABORT_REQUEST)
		return (event(r, RECORD_ABORT));
	return (type == FCGI_PARAMS ? open_params(r) : open_stdin(r));
}

static struct record
refuse(struct record_reader *r, uint16_t id, uint8_t status)
{
	r->strays_allowed = true;
	return ((struct record){ .kind = RECORD_REFUSED, .id = id, .status = status });
}

static struct record
begin(struct record_reader *r)
{
	const FCGI_BeginRequestBody *body = (const FCGI_BeginRequestBody *)r->content;
	uint16_t id = two_bytes(r->header + 2);

	if (r->phase != PHASE_IDLE)
		return (id == r->id ? bad("a request that begins twice") : refuse(r, id, FCGI_CANT_MPX_CONN));
	r->keep = (body->flags & FCGI_KEEP_CONN) != 0;
	if ((body->roleB1 << 8 | body->roleB0) != FCGI_RESPONDER)
		return (refuse(r, id, FCGI_UNKNOWN_ROLE));
	r->id = id;
	r->strays = 0;
	r->phase = PHASE_PARAMS;
	return (event(r, RECORD_BEGIN));
}

static struct record
collect(struct record_reader *r, struct text piece)
{
	memcpy(r->content + r->collected, piece.at, piece.len);
	r->collected += (uint8_t)piece.len;
	if (r->left > 0)
		return (event(r, RECORD_MORE));
	if (r->header[1] == FCGI_BEGIN_REQUEST)
		return (begin(r));
	return ((struct record){ .kind = RECORD_VALUES, .bytes = { (const char *)r->content, r->collected } });
}

static struct record
use_content(struct record_reader *r, struct text piece)
{
	switch (r->use) {
	case USE_PARAMS:
		return ((struct record){ .kind = RECORD_PARAMS, .id = r->id, .bytes = piece });
	case USE_STDIN:
		return ((struct record){ .kind = RECORD_STDIN, .id = r->id, .bytes = piece });
	case USE_COLLECT:
		return (collect(r, piece));
	case USE_SKIP:
		break;
	}
	return (event(r, RECORD_MORE));
}

static struct text
take(struct text *in, size_t upto)
{
	struct text piece = { in->at, in->len < upto ? in->len : upto };

	in->at += piece.len;
	in->len -= piece.len;
	return (piece);
}

struct record
record_next(struct record_reader *r, struct text *in)
{
	struct record got = { .kind = RECORD_MORE };
	struct text piece;

	while (got.kind == RECORD_MORE && in->len > 0) {
		if (r->have < FCGI_HEADER_LEN) {
			piece = take(in, FCGI_HEADER_LEN - r->have);
			memcpy(r->header + r->have, piece.at, piece.len);
			r->have += (uint8_t)piece.len;
			if (r->have == FCGI_HEADER_LEN)
				got = open_record(r);
		} else if (r->left > 0) {
			piece = take(in, r->left);
			r->left -= (uint16_t)piece.len;
			got = use_content(r, piece);
		} else if (r->padding > 0)
			r->padding -= (uint8_t)take(in, r->padding).len;
		if (r->have == FCGI_HEADER_LEN && r->left == 0 && r->padding == 0)
			r->have = 0;
	}
	return (got);
}

void
record_finish(struct record_reader *r)
{
	if (r->phase != PHASE_DONE) {
		r->strays_allowed = true;
		if (r->use != USE_COLLECT)
			r->use = USE_SKIP;
	}
	r->phase = PHASE_IDLE;
}
