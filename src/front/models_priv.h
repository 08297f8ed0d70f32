/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by what tells of models: their list, and the pages of LiteLLM about them. */
#ifndef FRONT_MODELS_PRIV_H
#define FRONT_MODELS_PRIV_H

#include "front/front.h"

/* A name that clients may see: a group's, or an alias of it. */
struct listed {
	struct text	 name;
	const struct group *group;
};
struct listed	*models_listed(struct arena *, const struct config *, size_t *n);

/* What is known of a deployment, the file's word first. */
struct text	 info_mode(const struct deployment *);		/* empty: unknown */

void		 put_count(struct json_out *, const char *name, int64_t);	/* null where it is not above 0 */
void		 put_word(struct json_out *, const char *name, struct text);	/* null where it is empty */

#endif
