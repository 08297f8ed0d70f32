/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the chat front share: chat.c (the row, the first look, errors), chat_read.c, chat_write.c; and what OpenAI's older surfaces take
 * from it.
 */
#ifndef FRONT_CHAT_PRIV_H
#define FRONT_CHAT_PRIV_H

#include "front/front.h"

struct error	*chat_read_ask(struct ask *, struct arena *, const struct glance *);
struct writer	*chat_whole(struct arena *, const struct told *, struct buf *out);
struct writer	*chat_stream(struct arena *, const struct told *, struct buf *out);
event_f		 chat_write;

/* The error object with its member: {"error":{…}} */
void		 chat_put_error(struct json_out *, const struct error *);
/* A chunk with an empty delta and a finish reason, as a frame: for relayed streams whose vendor gave none. */
void		 chat_put_finish(struct buf *out, const struct told *, struct text vendor_id, enum finish);

/* Objects of both forms of an answer begin with it, up to the list of choices; a chunk's frame ends so, with the usage if it has come. */
void		 chat_put_head(struct json_out *, const struct told *, struct text id, const char *object);
void		 chat_close_chunk(struct json_out *, const struct told *, const struct usage *);
void		 chat_put_usage(struct json_out *, const struct usage *);	/* "usage":{…} */

#define CHAT_N_MAX	128
#define CHAT_TOKENS_MAX	INT64_C(1000000000)

/* The first look at a body of one of OpenAI's surfaces. */
struct look {
	struct arena	*arena;
	struct glance	*glance;
	const char	*path;			/* "/chat/completions": errors begin so, as LiteLLM's do */
};
struct error	*chat_bad(const struct look *, const char *param, const char *words);
struct error	*chat_missing(const struct look *, const char *param);
struct error	*chat_name_model(const struct look *, const struct json_spot *);	/* glance->model, which the path may name instead */
struct error	*chat_count_in(int64_t *value, const struct look *, const struct json_spot *, int64_t least, int64_t most, const char *name);	/* or absent */
struct error	*chat_stream_options(const struct look *, const struct json_spot *);	/* glance->usage_asked */

/* Is it a string, a list of strings, of tokens or of lists of tokens, none of them empty?  `blank`: a string may be. */
struct error	*chat_look_at_inputs(const struct look *, const struct json_spot *, const char *name, bool blank);

void		 chat_frame(struct buf *out, struct text name, struct text data);
#define CHAT_HEARTBEAT	{ ": keep-alive\n\n", 14 }
int		 chat_error_body(struct buf *out, const struct error *, struct text request_id);
void		 chat_error_event(struct buf *out, const struct error *, const struct failing *);	/* no [DONE] follows: it would read as success */

#endif
