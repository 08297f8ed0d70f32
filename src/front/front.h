/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dialects our clients speak: their requests into asks, our events into their answers, our errors into their errors.
 *
 * Pure: bytes in, bytes out.  A front never sees a vendor.
 */
#ifndef FRONT_FRONT_H
#define FRONT_FRONT_H

#include "chat/ask.h"
#include "chat/event.h"
#include "config/config.h"
#include "provider/provider.h"

enum dialect { DIALECT_CHAT, DIALECT_MESSAGES, DIALECT_RESPONSES };

/* What the client must be told about an answer that the events do not say. */
struct told {
	struct text	 model;			/* the group name the client asked for (unescaped) */
	struct text	 id;			/* our own id, when the vendor gave none or its form is foreign */
	int64_t		 created;		/* seconds since 1970 */
	bool		 usage_asked;
	bool		 old_functions;		/* chat: tool calls are answered as function_call (struct ask) */
	/* The request, for what an answer repeats of it; only while a writer is made: a stream that commits gives the request's memory back. */
	const struct glance *asked;
	const struct ask *ask;			/* NULL: relayed */
};

struct writer;					/* a front's own, in the arena */

/* What is known of a stream that fails behind its first byte. */
struct failing {
	struct text	 request_id;
	const struct told *told;
	struct writer	*writer;		/* NULL: relayed */
	const struct seen *seen;		/* NULL: nothing came */
};

struct front {
	const char	*name;
	enum dialect	 dialect;
	enum wire	 wire;			/* the upstream dialect that is the same */
	/* One pass over the body: is it JSON, an object, are the guarded members given once and spelled right and of the right type. */
	struct error   *(*glance)(struct glance *, struct arena *, struct text body);
	struct error   *(*read_ask)(struct ask *, struct arena *, const struct glance *);
	/* Whole answers: collects events, and at END has the body in `out`. */
	struct writer  *(*whole)(struct arena *, const struct told *, struct buf *out);
	/* Streams: each event appends complete frames to `out`, terminal frames at END; ERROR appends the dialect's error event. */
	struct writer  *(*stream)(struct arena *, const struct told *, struct buf *out);
	event_f		*write;			/* self: the writer */
	/* A relayed event's frame around its (edited) data. */
	void		(*frame)(struct buf *out, struct text name, struct text data);
	/* What a relayed stream still needs at its proven end: the finish reason its vendor forgot, "data: [DONE]" (which is never relayed itself). */
	void		(*frame_end)(struct buf *out, const struct told *, const struct seen *);
	struct text	 heartbeat;		/* a frame that means nothing */
	/* Errors: a body (with its status), and an event of a committed stream. */
	int		(*error_body)(struct buf *out, const struct error *, struct text request_id);
	void		(*error_event)(struct buf *out, const struct error *, const struct failing *);
};

extern const struct front front_chat, front_messages, front_responses;

/* GET /v1/models and /v1/models/{id}: `anthropic` picks the shape; false: no such model. */
void	models_list(struct buf *out, const struct config *, bool anthropic);
bool	models_one(struct buf *out, const struct config *, struct text id, bool anthropic);
/* An estimate of a prompt's tokens that errs high (wire-formats 10.4). */
int64_t	count_tokens(const struct ask *);

#endif
