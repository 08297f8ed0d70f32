/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of Responses clients as asks. */
#include "front/responses_priv.h"

struct error *
responses_read_ask(struct ask *ask, struct arena *arena, const struct glance *g)
{
	(void)ask;
	(void)g;
	return (error_new(arena, E_NOT_BUILT, "This model's upstream has no Responses surface of its own."));
}
