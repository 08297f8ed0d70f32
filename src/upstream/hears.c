/* SPDX-License-Identifier: Apache-2.0 */
/* What libcurl tells of a running call, passed on to its hearer; a hearer may do anything from within, so it is looked at afterwards. */
#include "upstream/upstream_priv.h"

#include "base/network.h"

static bool
gone(const struct call *c)
{
	return ((c->todo & TODO_CANCEL) != 0);
}

static bool
broken(struct call *c, enum call_end fault, const char *why)
{
	c->fault = fault;
	c->why = why;
	return (false);
}

/*
 * libcurl begins again on another connection when a kept one ends before the first byte of an answer.  That is right once, for one that
 * was dead before we wrote; an upstream that worked on the request for a while and then died must not get it again from here.
 */
bool
call_hears_connected(struct call *c)
{
	int64_t now = loop_now_us(c->up->loop);

	if (gone(c))
		return (false);
	if (c->sends++ > 0 && (c->sends > 2 || now - c->sent_us > c->up->resend_us))
		return (broken(c, CALL_BROKEN, "the connection was closed without an answer"));
	if (c->connected_us == 0 && c->fresh)
		c->connected_us = now > c->begun_us ? now : c->begun_us + 1;
	c->sent_us = c->mark_us = now;
	c->phase = PHASE_SENT;
	sock_connected(c);
	clock_arm(c);
	return (true);
}

/* A name may stand for another address each time it is asked for, and a kept connection may be another call's that may go there. */
bool
call_may_reach(struct call *c, const char *address)
{
	if (!c->public_only || proxied(c) || (c->why == NULL && !network_is_internal(text_of(address))))
		return (true);
	if (c->why != NULL)
		return (false);
	return (broken(c, CALL_UNREACHABLE, "its name stands for an internal address, where a team's own models may not go: see team_model_hosts"));
}

static bool
tell_head(struct call *c)
{
	struct call_head told;

	head_told(&c->head, &told);
	c->phase = PHASE_BODY;
	request_sent(c);
	clock_arm(c);
	c->up->inside++;
	c->hearer.head(c->hearer.self, &told);
	c->up->inside--;
	return (!gone(c));
}

bool
call_hears_line(struct call *c, struct text line)
{
	const char *why;

	if (gone(c))
		return (false);
	c->mark_us = loop_now_us(c->up->loop);
	switch (head_line(&c->head, line, &why)) {
	case HEAD_BAD:
		return (broken(c, CALL_BROKEN, why));
	case HEAD_OVER:
		if (c->head.status == 407 && proxied(c))
			return (broken(c, CALL_PROXY, "the forward proxy wants other credentials (407)"));
		return (tell_head(c));
	case HEAD_MORE:
		break;
	}
	return (true);
}

/* A paused call's bytes are handed back to libcurl, which keeps them and stops reading. */
size_t
call_hears_body(struct call *c, const char *bytes, size_t n)
{
	if (gone(c))
		return (CURL_WRITEFUNC_ERROR);
	if (!c->head.over) {
		(void)broken(c, CALL_BROKEN, "the answer has no header");
		return (CURL_WRITEFUNC_ERROR);
	}
	if (c->paused) {
		c->stuck = true;
		return (CURL_WRITEFUNC_PAUSE);
	}
	c->mark_us = loop_now_us(c->up->loop);
	c->up->inside++;
	c->hearer.body(c->hearer.self, bytes, n);
	c->up->inside--;
	return (gone(c) ? CURL_WRITEFUNC_ERROR : n);
}
