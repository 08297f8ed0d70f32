/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the chat front share: chat.c (the row, the first look, errors), chat_read.c, chat_write.c. */
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

#define CHAT_N_MAX	128

#endif
