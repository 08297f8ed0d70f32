/* SPDX-License-Identifier: Apache-2.0 */
/* Which provider speaks a wire dialect. */
#include "provider/provider.h"

const struct provider *
provider_of(enum wire wire)
{
	static const struct provider *const table[] = {
		[WIRE_OPENAI] = &provider_openai,
		[WIRE_ANTHROPIC] = &provider_anthropic,
		[WIRE_NONE] = NULL,
	};

	return ((size_t)wire < nitems(table) ? table[wire] : NULL);
}
