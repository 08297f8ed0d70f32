/* SPDX-License-Identifier: Apache-2.0 */
/* Making a play: vendor shapes (shape_*.c) say events and bodies, play.c frames, times and breaks them. */
#ifndef KIT_BUILD_H
#define KIT_BUILD_H

#include "play.h"

struct build {
	struct play		*play;
	const struct script	*s;
	const struct ask	*ask;
	struct arena		*arena;
	unsigned		 events;	/* said so far */
	bool			 over;		/* struck by the script's fault: nothing more is said */
	bool			 tools;		/* the answer calls tools */
	bool			 sse;		/* it is a stream of events */
	unsigned		 block;		/* the open content block of Messages, the open item of Responses */
	const char		*block_kind;	/* NULL: none is open */
	size_t			 promised;	/* Content-Length of an answer that will be broken off */
	int64_t			 pieces;	/* of text said so far */
	struct buf		 items, item;	/* of Responses: those that are done, and the open one's text */
	struct buf		*gathered_text, *gathered_reasoning;	/* of an answer that is no stream */
};

struct shape {
	const char	*id_header;
	void		(*open)(struct build *);
	void		(*reasoning)(struct build *, struct text piece);
	void		(*text)(struct build *, struct text piece);
	void		(*tools)(struct build *);
	void		(*finish)(struct build *);
	void		(*whole)(struct build *, struct buf *out, struct text reasoning, struct text text);
	void		(*error)(struct build *, struct buf *out, const char **event);
	void		(*refusal)(const struct script *, struct buf *out);
};
extern const struct shape shape_chat, shape_messages, shape_responses, shape_completions, shape_embeddings;
const struct shape *shape_of(enum dialect);

/* One event of a stream; `name` is its event: line, NULL for none. */
void		build_event(struct build *, const char *name, struct text data);
void		build_done(struct build *);		/* data: [DONE] */
void		build_usage(const struct build *, struct buf *out);	/* as Chat and its kin say it */
int64_t		build_out_tokens(const struct build *);
struct text	build_tool_name(const struct build *, unsigned i);
const char	*error_type_of(int status);

#endif
