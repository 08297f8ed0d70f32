/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's rules for new keys: defaults, upper bounds, who may make them. */
#ifndef ADMIN_KEY_POLICY_H
#define ADMIN_KEY_POLICY_H

#include "admin/entity.h"

/* A body with what the operator's settings fill in; what is above their bounds is 400.  `making` false: only the bounds. */
struct error	*key_policy(const struct json **filled, struct admin_call *, const struct json *body, bool making);

#endif
