/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a call: taken from the pool, named, sent (direct.c, or libcurl), told to its hearer, given back. */
#include "upstream/upstream_priv.h"
#include "upstream/direct.h"
#include "upstream/names.h"

#include <assert.h>
#include <stdlib.h>

struct call *
call_checked(void *p)
{
	struct call *c = p;

	assert(c->magic == CALL_MAGIC);
	return (c);
}

/* the pool */

static struct call *
call_new(struct upstream *up)
{
	struct call *c = up->pool;

	if (c != NULL) {
		up->pool = c->next;
		up->pooled--;
	} else {
		c = must_zalloc(sizeof(*c));
		c->magic = CALL_MAGIC;
		c->up = up;
		c->timer.due = clock_due;
	}
	c->prev = NULL;
	c->next = up->live;
	if (up->live != NULL)
		up->live->prev = c;
	up->live = c;
	return (c);
}

static void
call_destroy(struct call *c)
{
	if (c->easy != NULL)
		libcurl.easy_cleanup(c->easy);
	free(c->url);
	free(c->proxy);
	free(c->ca_file);
	free(c->cert);
	free(c->cert_key);
	free(c->cert_password);
	c->magic = 0;
	free(c);
}

/* The call is in no list but that of the living, and in no multi handle. */
static void
call_recycle(struct call *c)
{
	struct upstream *up = c->up;

	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		up->live = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	request_sent(c);
	head_free(&c->head);
	c->phase = PHASE_FREE;
	c->todo = 0;
	c->why = NULL;
	c->connected_us = 0;
	c->sends = 0;
	c->fresh = c->paused = c->stuck = false;
	if (up->pooled >= POOL_MAX) {
		call_destroy(c);
		return;
	}
	c->next = up->pool;
	up->pool = c;
	up->pooled++;
}

void
calls_trim(struct upstream *up, unsigned keep)
{
	struct call *c;

	while (up->pooled > keep && (c = up->pool) != NULL) {
		up->pool = c->next;
		up->pooled--;
		call_destroy(c);
	}
}

/* the end */

/* Out of libcurl, out of the names, no clock any more. */
static void
call_stop(struct call *c)
{
	timer_stop(c->up->loop, &c->timer);
	names_leave(c);
	sock_abandoned(c);
	if (c->direct)
		direct_stop(c);
	multi_remove(c);
}

void
call_over(struct call *c, enum call_end end, const char *why)
{
	call_stop(c);
	c->phase = PHASE_OVER;
	c->hearer.end(c->hearer.self, end, why);
	if (c->todo == 0)
		call_recycle(c);
	else
		c->todo |= TODO_CANCEL;	/* it is in the list of things to do, which gives it back */
}

/* What libcurl has finished since it last ran. */
void
call_settled(struct multi *m)
{
	CURLMsg *msg;
	int left;

	while ((msg = libcurl.multi_info_read(m->curl, &left)) != NULL) {
		CURLcode code = msg->data.result;
		char why[400], *self;
		struct call *c;
		enum call_end end;

		libcurl.easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &self);
		c = call_checked(self);
		if (c->todo & TODO_CANCEL)
			continue;
		end = outcome(c, code, why, sizeof(why));
		call_over(c, end, why);
	}
}

/* things to do at the end of the turn */

void
call_later(struct call *c, unsigned todo)
{
	struct upstream *up = c->up;

	if (c->todo == 0) {
		c->todo_next = NULL;
		*up->todo_last = c;
		up->todo_last = &c->todo_next;
		soon_do(up->loop, &up->soon);
	}
	c->todo |= todo;
}

void
call_fail_later(struct call *c, enum call_end end, const char *why)
{
	c->fault = end;
	c->why = why;
	c->phase = PHASE_QUEUED;
	call_later(c, TODO_FAIL);
}

void
call_named(struct call *c)
{
	c->phase = PHASE_QUEUED;
	call_later(c, TODO_START);
}

/* False: not in this turn: too many TLS handshakes have begun in it. */
static bool
start(struct call *c)
{
	struct upstream *up = c->up;
	struct multi *m;
	bool loads;

	if (c->direct) {
		direct_start(c);
		return (true);
	}
	if (c->tls && handshakes_spent(up))
		return (false);
	m = multi_with_room(up);
	loads = names_load(c, m);
	request_set_connect_limit(c, names_several(c) ? c->connect_ms : 0);	/* libcurl shares it out among the addresses */
	c->phase = PHASE_CONNECT;
	if (!multi_add(m, c)) {
		call_over(c, CALL_BROKEN, "libcurl did not take the call");
		return (true);
	}
	if (loads || c->tls)
		multi_run(m, CURL_SOCKET_TIMEOUT, 0);	/* now: to count the handshake, and while the addresses' text is there */
	return (true);
}

static void
resume(struct call *c)
{
	struct multi *m = c->multi;

	if (c->direct) {
		direct_resume(c);
		return;
	}
	if (c->paused || !c->stuck || m == NULL)
		return;
	c->stuck = false;
	libcurl.easy_pause(c->easy, CURLPAUSE_CONT);
	call_settled(m);
}

/*
 * libcurl 7.88 forgets to go on with the next address when one has failed: it has no descriptor to wait for then, and its only timer is that of the
 * failed attempt.  To let go of a pause makes it look again.
 */
static void
nudge(struct call *c)
{
	if (c->phase != PHASE_CONNECT || c->multi == NULL)
		return;
	libcurl.easy_pause(c->easy, CURLPAUSE_RECV);
	libcurl.easy_pause(c->easy, CURLPAUSE_CONT);
}

static bool
do_one(struct call *c, unsigned todo)
{
	if (todo & TODO_CANCEL) {
		call_stop(c);
		call_recycle(c);
	} else if (todo & TODO_FAIL)
		call_over(c, c->fault, c->why);
	else if (todo & TODO_START)
		return (start(c));
	else {
		if (todo & TODO_NUDGE)
			nudge(c);
		if (todo & TODO_RESUME)
			resume(c);
	}
	return (true);
}

/* They wait for the next turn, behind those that do already. */
static void
put_off(struct upstream *up, struct call *first)
{
	struct call **last = &up->put_off;

	while (*last != NULL)
		last = &(*last)->todo_next;
	*last = first;
	timer_set(up->loop, &up->next_turn, loop_now_us(up->loop));
}

static void
do_todo(struct soon *soon)
{
	struct upstream *up = (struct upstream *)((char *)soon - offsetof(struct upstream, soon));
	struct call *list = up->todo, *c, *waiting = NULL, **waiting_last = &waiting;

	up->todo = NULL;
	up->todo_last = &up->todo;
	while ((c = list) != NULL) {
		unsigned todo = c->todo;

		list = c->todo_next;
		c->todo = 0;
		if (do_one(c, todo))
			continue;
		c->todo = todo;
		*waiting_last = c;
		waiting_last = &c->todo_next;
	}
	*waiting_last = NULL;
	if (waiting != NULL)
		put_off(up, waiting);
}

/* In front of what came since. */
static void
next_turn(struct timer *timer)
{
	struct upstream *up = (struct upstream *)((char *)timer - offsetof(struct upstream, next_turn));
	struct call *since = up->todo;

	up->todo = up->put_off;
	up->put_off = NULL;
	for (up->todo_last = &up->todo; *up->todo_last != NULL; )
		up->todo_last = &(*up->todo_last)->todo_next;
	*up->todo_last = since;
	while (*up->todo_last != NULL)
		up->todo_last = &(*up->todo_last)->todo_next;
	soon_do(up->loop, &up->soon);
}

/* the door */

static uint32_t
bounded_ms(int64_t ms)
{
	return (ms <= 0 ? 0 : ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms);
}

struct call *
upstream_call(struct upstream *up, const struct call_plan *plan, const struct call_hearer *hearer)
{
	struct call *c = call_new(up);

	c->hearer = *hearer;
	c->begun_us = c->mark_us = loop_now_us(up->loop);
	c->connect_ms = bounded_ms(plan->connect_ms);
	c->first_byte_ms = bounded_ms(plan->first_byte_ms);
	c->idle_ms = bounded_ms(plan->idle_ms);
	c->total_ms = bounded_ms(plan->total_ms);
	c->head.keep_lines = plan->as_is;
	if (!request_is_plain(c, plan) || !(direct_may(plan) ? direct_prepare(c, plan) : request_prepare(c, plan)))
		return (c);
	c->phase = PHASE_NAME;
	names_ask(c, plan);
	clock_arm(c);
	return (c);
}

void
call_cancel(struct call *c)
{
	(void)call_checked(c);
	assert(c->phase != PHASE_FREE);
	if (c->phase == PHASE_OVER)
		return;
	timer_stop(c->up->loop, &c->timer);
	if (c->up->inside > 0 || c->todo != 0) {
		call_later(c, TODO_CANCEL);
		return;
	}
	call_stop(c);
	call_recycle(c);
}

void
call_pause(struct call *c)
{
	call_checked(c)->paused = true;
}

void
call_resume(struct call *c)
{
	if (!call_checked(c)->paused)
		return;
	c->paused = false;
	c->mark_us = loop_now_us(c->up->loop);
	if (c->phase != PHASE_OVER) {
		clock_arm(c);
		call_later(c, TODO_RESUME);
	}
}

void
call_body_gone(struct call *c)
{
	assert(call_checked(c)->head.over);
	if (c->direct) {
		direct_body_gone(c);
		return;
	}
	request_sent(c);
	request_keep_rest(c);
}

int64_t
call_connect_us(const struct call *c)
{
	return (c->connected_us != 0 ? c->connected_us - c->begun_us : 0);
}

struct upstream *
upstream_new(struct loop *loop, const struct upstream_settings *settings)
{
	struct upstream *up = must_zalloc(sizeof(*up));

	up->loop = loop;
	up->settings = *settings;
	if (settings->ca_file.len > 0) {
		buf_text(&up->ca_file, settings->ca_file);
		buf_byte(&up->ca_file, '\0');
	}
	up->resend_us = RESEND_US;
	up->todo_last = &up->todo;
	up->soon.run = do_todo;
	up->next_turn.due = next_turn;
	up->sweep.due = multis_sweep;
	up->idle_sweep.due = direct_sweep;
	up->idle_age_us = IDLE_US;
	up->names = names_new(loop, settings->dns_ttl_ms);
	return (up);
}

void
upstream_prepare(struct upstream *up)
{
	if (up->share != NULL)
		return;
	if (!libcurl_load() || libcurl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || (up->share = libcurl.share_init()) == NULL)
		abort();
	libcurl.share_setopt(up->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
}

void
upstream_free(struct upstream *up)
{
	struct multi *m;

	assert(up->inside == 0);
	for (struct call *c = up->live; c != NULL; c = c->next)
		call_stop(c);
	while (up->live != NULL)
		call_recycle(up->live);
	calls_trim(up, 0);
	while ((m = up->multis) != NULL) {
		up->multis = m->next;
		multi_free(m);
	}
	direct_close(up);
	soon_forget(up->loop, &up->soon);
	timer_stop(up->loop, &up->next_turn);
	timer_stop(up->loop, &up->sweep);
	names_free(up->names);
	socks_free(up);
	if (up->share != NULL) {
		libcurl.share_cleanup(up->share);
		libcurl.global_cleanup();
	}
	buf_free(&up->ca_file);
	free(up);
}
