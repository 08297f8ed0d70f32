/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that write Responses answers share: responses_write.c (items), responses_object.c (the response around them). */
#ifndef FRONT_RESPONSES_WRITE_PRIV_H
#define FRONT_RESPONSES_WRITE_PRIV_H

#include "front/responses_priv.h"

/* A response, but for its items. */
struct response {
	struct told	 told;			/* without what it was asked: that is in `head` and `tail` */
	struct text	 head, tail;		/* the request's settings, as members before and behind `model` and `output`; empty: the usual ones */
	enum finish	 finish;
	struct usage	 usage;
	bool		 ended;			/* finish and usage are known */
};

/* Members of the request that a response repeats, printed once. */
void		 response_settings(struct response *, struct arena *, const struct told *);
/* The object; `output`: its items, each behind the other.  With an error it has failed. */
void		 response_put(struct json_out *, const struct response *, struct text output, const struct error *);
/* "completed" or "incomplete" */
const char	*response_status(enum finish);
const char	*response_event(enum finish);	/* and the last event of its stream */

/* An event's frame: its members go in between. */
struct json_out	 response_event_open(struct buf *, const char *type);
void		 response_event_close(struct json_out *, int64_t *sequence);
/* An event that holds the response alone. */
void		 response_event_whole(struct buf *, const char *type, const struct response *, struct text output, const struct error *, int64_t *sequence);

#endif
