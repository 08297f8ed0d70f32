/* SPDX-License-Identifier: Apache-2.0 */
/* Responses that were asked to be stored, as OpenAI keeps them: by id, for the key that made them. */
#ifndef KIT_STORED_H
#define KIT_STORED_H

#include "play.h"

/* Refuses a request whose previous response or encrypted reasoning this key does not have; NULL: fine. */
struct play	*stored_refuse(const struct ask *, struct text key);
void		 stored_keep(const struct ask *, struct text key, struct text response);
/* GET, DELETE, GET …/input_items and POST …/cancel. */
struct play	*stored_show(struct text id, struct text key, bool stream);	/* a stream: its last event only, as if the others were heard */
struct play	*stored_delete(struct text id, struct text key);
struct play	*stored_inputs(struct text id, struct text key);
struct play	*stored_cancel(struct text id, struct text key);
void		 stored_forget(void);

#endif
