/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the completions front share: completions.c (the row, the first look), completions_read.c, completions_write.c. */
#ifndef FRONT_COMPLETIONS_PRIV_H
#define FRONT_COMPLETIONS_PRIV_H

#include "front/chat_priv.h"

#define COMPLETIONS_PATH	"/completions"

struct error	*completions_read_ask(struct ask *, struct arena *, const struct glance *);
struct writer	*completions_whole(struct arena *, const struct told *, struct buf *out);
struct writer	*completions_stream(struct arena *, const struct told *, struct buf *out);
event_f		 completions_write;
/* A chunk without words, as a frame: for relayed streams whose vendor gave no finish reason. */
void		 completions_put_finish(struct buf *out, const struct told *, struct text vendor_id, enum finish);

#endif
