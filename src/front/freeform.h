/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Custom tools, which take a text, over models that only know functions: the function has one field, `input`.  What a model gives
 * without it is the text itself.
 */
#ifndef FRONT_FREEFORM_H
#define FRONT_FREEFORM_H

#include "chat/ask.h"

/* Marks the tool, and describes it to models: how its text is given, and the grammar (an object with syntax and definition, or NULL) it must follow. */
void		 freeform_describe(struct arena *, struct tool *, const struct json *grammar);
/* The text of a call, from the arguments the model gave; still quoted. */
struct quoted	 freeform_text(struct arena *, struct quoted arguments);
/* Arguments for a model, from the text of an earlier call, quoted. */
struct text	 freeform_arguments(struct arena *, struct quoted words);

#endif
