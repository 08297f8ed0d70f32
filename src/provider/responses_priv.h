/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of OpenAI's Responses share: responses.c (the row, requests), responses_relay.c (answers), responses_mark.c (encrypted reasoning). */
#ifndef PROVIDER_RESPONSES_PRIV_H
#define PROVIDER_RESPONSES_PRIV_H

#include "provider/openai_priv.h"

#define EVENT_MEMBERS	16		/* that are looked at; most events have 8 */

/* An event's members that mean something here; NULL: it has none such. */
struct event_spots {
	struct text	 data;
	struct text	 type;			/* as the data say, else the event's name */
	bool		 typed;			/* the data say */
	const struct json_spot *response, *item, *delta, *sequence, *error;
	struct json_spot room[EVENT_MEMBERS];
};
struct error	*event_read(struct event_spots *, struct arena *, struct text name, struct text data);	/* not JSON, or no object */
bool		 event_is_error(const struct event_spots *);
bool		 event_is_last(const struct event_spots *);
int32_t		 response_searches(struct text output);			/* how often its vendor looked into the web */
enum finish	 response_why_incomplete(struct text details);		/* of incomplete_details */

/* Other dialects (responses_write.c, responses_read.c). */
struct error	*responses_write_request(struct buf *, struct arena *, const struct ask *, const struct deployment *, struct text model, bool drop_params);
struct reader	*responses_reader(struct arena *, struct seen *, const struct ask *);
struct error	*responses_read_answer(struct reader *, struct text body, struct hearer);
bool		 responses_read_event(struct reader *, struct text name, struct text data, struct hearer);
void		 responses_read_end(struct reader *, struct hearer);

enum pass	 responses_relay_answer(struct relay *, struct text body, struct edits *);
enum pass	 responses_relay_event(struct relay *, struct text name, struct text data, struct edits *);

/* The encrypted content of an output item (data is what the edits are of) gets the relay's mark. */
void		 mark_item(struct relay *, struct edits *, struct text data, struct text item);
/* The marks come off the items of `input`; items that another deployment made, or a dialect of ours, go. */
void		 marks_off(struct edits *, struct arena *, const struct glance *, uint64_t deployment);

#endif
