/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that read a Responses request share: responses_read.c (parameters), responses_items.c (input), responses_tools.c. */
#ifndef FRONT_RESPONSES_READ_PRIV_H
#define FRONT_RESPONSES_READ_PRIV_H

#include "front/chat_read_priv.h"
#include "front/responses_priv.h"

/* Input becomes messages.  Thoughts come back with their signatures when the model is the one that had them. */
struct error	*responses_read_input(struct reading *, const struct json *, struct text model);
struct error	*responses_read_instructions(struct reading *, const struct json *, struct text model);

member_f	 responses_read_tools, responses_read_choice;
struct error	*responses_read_tool_list(struct reading *, const struct json *list, struct text path);
/* The one name by which models know a tool of a namespace. */
struct quoted	 responses_flat_name(struct arena *, struct quoted space, struct quoted name);

#endif
