/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of answers: there is none yet, and LiteLLM's paths for it say so in its words. */
#include "admin/admin_priv.h"

#include "admin/nouns.h"

struct error *
cache_none(struct admin_call *c)
{
	struct error *e = admin_bad(c, NULL, "Cache not initialized. litellm.cache is None");

	e->kind = E_BUSY;
	e->status = 503;
	e->type = TEXT("cache_ping_error");
	e->code = TEXT("503");
	return (e);
}
