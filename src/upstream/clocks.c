/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The four clocks of a call: connect, first byte, idle, total.
 *
 * One timer serves them all and is set only when a deadline comes nearer: bytes merely move `mark_us`, and the timer, when it is due, looks
 * whether it still is.
 */
#include "upstream/direct.h"

static void
nearer(int64_t *at, enum call_end *end, int64_t from, uint32_t ms, enum call_end what)
{
	int64_t deadline = from + (int64_t)ms * 1000;

	if (ms == 0 || (*at != 0 && *at <= deadline))
		return;
	*at = deadline;
	*end = what;
}

/* 0: no clock is running. */
static int64_t
deadline(const struct call *c, enum call_end *end)
{
	int64_t at = 0;

	nearer(&at, end, c->begun_us, c->total_ms, CALL_TIMEOUT_TOTAL);
	if (c->phase < PHASE_SENT) {
		nearer(&at, end, c->mark_us, c->connect_ms, CALL_TIMEOUT_CONNECT);
		nearer(&at, end, c->try_us, c->try_ms, CALL_TIMEOUT_CONNECT);
	} else if (c->phase == PHASE_SENT && !c->paused)
		nearer(&at, end, c->mark_us, c->first_byte_ms, CALL_TIMEOUT_FIRST);
	else if (c->phase == PHASE_BODY && !c->paused)
		nearer(&at, end, c->mark_us, c->idle_ms, CALL_TIMEOUT_IDLE);
	return (at);
}

void
clock_arm(struct call *c)
{
	enum call_end end;
	int64_t at = deadline(c, &end);

	if (at != 0 && (c->timer.place == 0 || at < c->timer.at_us))
		timer_set(c->up->loop, &c->timer, at);
}

void
clock_due(struct timer *timer)
{
	static const char *const why[] = {
		[CALL_TIMEOUT_CONNECT] = "no connection in time", [CALL_TIMEOUT_FIRST] = "no answer in time",
		[CALL_TIMEOUT_IDLE] = "the answer stalled", [CALL_TIMEOUT_TOTAL] = "the answer took too long",
	};
	struct call *c = call_checked((char *)timer - offsetof(struct call, timer));
	enum call_end end;
	int64_t at = deadline(c, &end);

	if (at == 0)
		return;
	if (at > loop_now_us(c->up->loop)) {
		timer_set(c->up->loop, timer, at);
		return;
	}
	if (end != CALL_TIMEOUT_CONNECT || !direct_next(c))
		call_over(c, end, why[end]);
}
