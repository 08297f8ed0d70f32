/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the Responses front share: responses.c (the row, the first look, errors), responses_read.c, responses_write.c. */
#ifndef FRONT_RESPONSES_PRIV_H
#define FRONT_RESPONSES_PRIV_H

#include "front/front.h"

struct error	*responses_glance(struct glance *, struct arena *, struct text body);
struct error	*responses_read_ask(struct ask *, struct arena *, const struct glance *);
struct writer	*responses_whole(struct arena *, const struct told *, struct buf *out);
struct writer	*responses_stream(struct arena *, const struct told *, struct buf *out);
event_f		 responses_write;
void		 responses_fail(struct writer *, struct buf *out, const struct error *);	/* the last event of a stream that broke off */

/* What a call of a tool is answered as: struct tool's `form` is a place in this table (responses_tools.c). */
enum { FORM_FUNCTION, FORM_CUSTOM };
struct form {
	const char	*tool;			/* the tool's type, which is its name for the model; NULL: the client names its tools */
	const char	*item, *id;		/* the item's type, and how its ids begin */
	const char	*member;		/* where the arguments stand as an object */
	const char	*lead;			/* members of that object which no model need say; may be NULL */
	const char	*description, *schema;
};
extern const struct form responses_forms[];
extern const size_t responses_n_forms;

/* Why a stream or a response object failed: "code":…,"message":… */
void		 responses_put_failure(struct json_out *, const struct error *);

#endif
