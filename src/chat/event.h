/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer in our own words: what a provider's reader says, one event after the other, and a front's writer hears.
 *
 * Order: START, then any of TEXT, REASONING, …, then FINISH, then USAGE (at most once, the sum), then END.  ERROR ends everything and END does not
 * follow.  Readers keep this order whatever their vendor does; END comes only when the vendor's terminal event was seen (or the
 * rule for servers that never say it allows it), so a writer may take it for the proof.
 *
 * Tool calls are numbered from 0 without holes.  TOOL_OPEN has id and name; TOOL_INPUT pieces of several tools may interleave; every
 * opened tool gets a TOOL_CLOSE before FINISH.
 */
#ifndef CHAT_EVENT_H
#define CHAT_EVENT_H

#include "base/error.h"
#include "base/json.h"
#include "config/tariff.h"

enum event_kind {
	EVENT_START,		/* id: the vendor's, may be empty */
	EVENT_TEXT,
	EVENT_REASONING,
	EVENT_SIGNATURE,	/* of the reasoning before it; pieces concatenate */
	EVENT_REDACTED,		/* text: opaque data */
	EVENT_REFUSAL,
	EVENT_TOOL_OPEN,	/* slot, id, name */
	EVENT_TOOL_INPUT,	/* slot, text: a piece of the arguments' JSON text, quoted */
	EVENT_TOOL_CLOSE,	/* slot */
	EVENT_FINISH,		/* finish, stop_sequence */
	EVENT_USAGE,
	EVENT_END,
	EVENT_ERROR,
};

enum finish { FINISH_NONE, FINISH_STOP, FINISH_LENGTH, FINISH_TOOLS, FINISH_FILTER };

/*
 * Tokens.  -1: not said.  Prompt includes cached, written, audio and images; completion includes reasoning, audio and images; written includes
 * written_1h.
 */
struct usage {
	int64_t	 prompt, cached, written, completion, reasoning;
	int64_t	 written_1h, audio_in, image_in, audio_out, image_out;	/* for the price only */
	int32_t	 searches;		/* in the web, by the vendor */
	int32_t	 tier;			/* enum tier: the one it was served in */
};
#define USAGE_UNSAID	((struct usage){ -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1 })

struct event {
	enum event_kind	 kind;
	unsigned	 choice;	/* 0, but for n > 1 */
	unsigned	 slot;
	struct quoted	 text, id, name;
	enum finish	 finish;
	struct quoted	 stop_sequence;	/* which one was hit, or empty */
	struct usage	 usage;
	struct error	*error;
};

typedef void event_f(void *self, const struct event *);

/* Where a reader sends its events. */
struct hearer {
	event_f	*hear;
	void	*self;
};

#endif
