/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the Responses front share: responses.c (the row, the first look, errors), responses_read.c, responses_write.c. */
#ifndef FRONT_RESPONSES_PRIV_H
#define FRONT_RESPONSES_PRIV_H

#include "front/front.h"

struct error	*responses_read_ask(struct ask *, struct arena *, const struct glance *);
struct writer	*responses_whole(struct arena *, const struct told *, struct buf *out);
struct writer	*responses_stream(struct arena *, const struct told *, struct buf *out);
event_f		 responses_write;

/* Why a stream or a response object failed: "code":…,"message":… */
void		 responses_put_failure(struct json_out *, const struct error *);

#endif
