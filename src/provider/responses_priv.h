/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of OpenAI's Responses share: responses.c (the row, requests), responses_relay.c (answers), responses_mark.c (encrypted reasoning). */
#ifndef PROVIDER_RESPONSES_PRIV_H
#define PROVIDER_RESPONSES_PRIV_H

#include "provider/openai_priv.h"

enum pass	 responses_relay_answer(struct relay *, struct text body, struct edits *);
enum pass	 responses_relay_event(struct relay *, struct text name, struct text data, struct edits *);

/* The encrypted content of an output item (data is what the edits are of) gets the relay's mark. */
void		 mark_item(struct relay *, struct edits *, struct text data, struct text item);
/* The marks come off the items of `input`; items that another deployment made, or a dialect of ours, go. */
void		 marks_off(struct edits *, struct arena *, const struct glance *, uint64_t deployment);

#endif
