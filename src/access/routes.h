/* SPDX-License-Identifier: Apache-2.0 */
/* Which paths an allowed_routes list opens: paths, prefixes with a star, and LiteLLM's names for groups of paths.  Pure. */
#ifndef ACCESS_ROUTES_H
#define ACCESS_ROUTES_H

#include "base/text.h"

/* `path` as it was asked for; "/v1" in front is optional on both sides. */
bool		 route_is_listed(const struct text *list, unsigned n, struct text path);
/* Is it the name of a group (openai_routes …), fit to stand in a list? */
bool		 route_is_group(struct text name);
/* The group that a key_type stands for; empty: all that its role may. */
struct text	 route_of_key_type(struct text key_type);

#endif
