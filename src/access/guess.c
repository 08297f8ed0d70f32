/* SPDX-License-Identifier: Apache-2.0 */
/* Wrong keys by address: a window each, as rates have. */
#include "access/guess.h"

#include "access/admit.h"
#include "base/log.h"
#include "base/network.h"
#include "board/window.h"

#define ID	UINT64_C(0x67756573735f6964)	/* apart from all that limits count */

static uint64_t
id_of(struct text address)
{
	uint64_t id = network_hash(address) * UINT64_C(0x9e3779b97f4a7c15) ^ ID;

	return (id != 0 ? id : 1);
}

bool
guess_is_over(struct board *b, const struct settings *s, struct text address)
{
	struct window now;

	if (s->wrong_keys == 0)
		return (false);
	window_now(&now, b, s->rate_window_ms);
	return (window_count(b, now.number, id_of(address)) >= s->wrong_keys);
}

void
guess_add(struct board *b, const struct settings *s, struct text address)
{
	struct window now;
	int64_t count;

	if (s->wrong_keys == 0)
		return;
	window_now(&now, b, s->rate_window_ms);
	if (window_add(b, now.number, id_of(address), 1, WINDOW_MOST, &count) == WINDOW_ADDED && count == s->wrong_keys)
		note(NOTE_WARN, "", "%lld wrong keys from " TEXT_FMT ": more are refused unseen until the minute is over", (long long)count,
		    TEXT_ARG(text_sub(address, 0, 64)));
}

struct error *
guess_refusal(struct arena *arena, struct board *b, const struct settings *s)
{
	struct error *e = refusal(arena, E_LIMITED, "auth_error", "None", "Authentication Error, too many wrong keys came from this address; what is not known "
	    "here is refused until the minute is over.");
	struct window now;

	window_now(&now, b, s->rate_window_ms);
	e->retry_after_ms = now.left_ms;
	return (e);
}
