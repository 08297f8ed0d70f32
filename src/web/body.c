/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies: read whole, bounded one by one and all together.
 *
 * A body of known length takes its room in the worker's budget before the first byte, so that bodies which have begun can always
 * be finished; the others wait unread, first come first served, and are refused after a while.
 */
#include "web/web_priv.h"

#include <stdlib.h>

#define FIRST_ROOM	16384			/* of a body whose length nobody told */
#define AHEAD_LEAST	2048			/* shorter pieces are copied rather than read into place */

static bool
charge(struct stream *c, size_t more)
{
	struct web *web = c->web;

	if (more > web->set.body_memory || web->body_used > web->set.body_memory - more)
		return (false);
	web->body_used += more;
	c->body.charged += more;
	return (true);
}

static void
wait_for_room(struct stream *c)
{
	struct web *web = c->web;

	c->body.waits = true;
	c->body.next_waiting = NULL;
	*web->waiting_last = c;
	web->waiting_last = &c->body.next_waiting;
}

void
body_stop_waiting(struct stream *c)
{
	struct web *web = c->web;
	struct stream **at = &web->waiting;

	if (!c->body.waits)
		return;
	while (*at != c)
		at = &(*at)->body.next_waiting;
	*at = c->body.next_waiting;
	if (*at == NULL)
		web->waiting_last = at;
	c->body.waits = false;
}

/* Room came free: those who wait longest go on, as far as it reaches. */
static void
wake_waiting(struct web *web)
{
	for (struct stream *c = web->waiting; c != NULL; c = c->body.next_waiting)
		stream_soon(c);
}

void
body_release(struct stream *c)
{
	struct body *b = &c->body;
	size_t freed = b->charged;

	body_stop_waiting(c);
	free(b->at);
	*b = (struct body){ .told = true };
	c->request.body = TEXT("");
	c->web->body_used -= freed;
	if (freed > 0 && c->web->waiting != NULL)
		wake_waiting(c->web);
}

void
body_tell(struct stream *c, enum body_fault fault)
{
	struct body *b = &c->body;

	if (b->told || c->ended || c->watch.fd < 0)
		return;
	b->told = true;
	if (fault == BODY_FINE)
		c->request.body = (struct text){ b->len > 0 ? b->at : "", b->len };
	c->web->owner.body(c->self, fault);
}

/* More room than the worker has at all is refused at once; waiting would not help. */
static bool
room_or_wait(struct stream *c, size_t more)
{
	if (charge(c, more))
		return (true);
	if (more > c->web->set.body_memory) {
		body_tell(c, BODY_NO_ROOM);
		return (true);
	}
	wait_for_room(c);
	return (false);
}

bool
body_begin(struct stream *c)
{
	int64_t length = c->request.content_length;
	struct body *b = &c->body;

	if (length <= 0 || b->told || b->at != NULL)
		return (true);
	if ((uint64_t)length > c->web->set.body_limit) {
		body_tell(c, BODY_TOO_LARGE);
		return (true);
	}
	if (!room_or_wait(c, (size_t)length))
		return (false);
	if (!b->told) {
		b->at = must_alloc((size_t)length);
		b->room = (size_t)length;
	}
	return (true);
}

/* A body of unknown length doubles, or, when the budget is nearly spent, takes what it needs. */
static bool
grow(struct stream *c, size_t needed)
{
	struct body *b = &c->body;
	size_t room = b->room > 0 ? b->room : FIRST_ROOM;

	while (room < needed)
		room *= 2;
	if (room > c->web->set.body_limit)
		room = c->web->set.body_limit;
	if (!charge(c, room - b->room)) {
		room = needed;
		if (!room_or_wait(c, room - b->room))
			return (false);
	}
	if (!b->told) {
		b->at = must_realloc(b->at, room);
		b->room = room;
	}
	return (true);
}

bool
body_bytes(struct stream *c, struct text bytes)
{
	struct body *b = &c->body;
	bool known = c->request.content_length >= 0;

	if (b->told || c->ended)
		return (true);
	if (known && bytes.len > b->room - b->len)
		body_tell(c, BODY_LONG);
	else if (!known && b->len + bytes.len > c->web->set.body_limit)
		body_tell(c, BODY_TOO_LARGE);
	else if (bytes.len > b->room - b->len && !grow(c, b->len + bytes.len))
		return (false);
	if (!b->told && !c->ended) {
		memcpy(b->at + b->len, bytes.at, bytes.len);
		b->len += bytes.len;
	}
	return (true);
}

void
body_end(struct stream *c)
{
	bool known = c->request.content_length >= 0;

	body_tell(c, known && c->body.len < (size_t)c->request.content_length ? BODY_SHORT : BODY_FINE);
}

size_t
body_ahead(const struct stream *c)
{
	const struct body *b = &c->body;
	size_t ahead = record_stdin_ahead(&c->reader);

	if (b->told || c->ended || b->waits || ahead < AHEAD_LEAST || ahead > b->room - b->len)
		return (0);
	return (ahead);
}
