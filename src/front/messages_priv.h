/* SPDX-License-Identifier: Apache-2.0 */
/* What only the files of the Messages front share. */
#ifndef FRONT_MESSAGES_PRIV_H
#define FRONT_MESSAGES_PRIV_H

#include "front/front.h"

struct error	*messages_read_ask(struct ask *, struct arena *, const struct glance *);
struct writer	*messages_whole(struct arena *, const struct told *, struct buf *out);
struct writer	*messages_stream(struct arena *, const struct told *, struct buf *out);
void		 messages_write(void *self, const struct event *);

void		 messages_error(struct buf *out, const struct error *, struct text request_id);	/* the object, bare */
void		 messages_frame(struct buf *out, struct text name, struct text data);

#endif
