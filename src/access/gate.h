/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is let in before anybody asks who calls: addresses and paths.
 *
 * general_settings.allowed_ips, allowed_routes, public_routes and admin_only_routes, with LiteLLM's statuses and texts.  Lists of routes take paths,
 * prefixes with a star and names of groups (access/routes.h).  Pure.
 */
#ifndef ACCESS_GATE_H
#define ACCESS_GATE_H

#include "base/error.h"
#include "config/config.h"
#include "web/web.h"

/*
 * Where a request comes from: REMOTE_ADDR; with use_x_forwarded_for, and only where that is a trusted proxy's, the last address of X-Forwarded-For that
 * is not one: what stands before it the client may have written itself.
 */
struct text	 gate_address(const struct settings *, const struct request *);
/* May anybody at that address call that path at all?  An empty path: only the address is looked at. */
struct error	*gate_check(struct arena *, const struct settings *, struct text address, struct text path);
/* Is it a path for which nobody needs a key? */
bool		 gate_is_public(const struct settings *, struct text path);
/* Is it closed to whoever is no administrator? */
struct error	*gate_admin_only(struct arena *, const struct settings *, struct text path);

#endif
