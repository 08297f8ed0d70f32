/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: the table of kinds, and making one. */
#include "base/error.h"

#include <stdio.h>

const struct error_kind_row error_kinds[ERROR_KIND_COUNT] = {
#define ROW(kind, status, otype, ocode, atype, fault, again, what) \
	{ #kind, status, otype, ocode, atype, FAULT_##fault, again, what },
	ERROR_KINDS(ROW)
#undef ROW
};

struct error *
error_new(struct arena *arena, enum error_kind kind, const char *fmt, ...)
{
	struct error *e = arena_new_of(arena, struct error);
	char line[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	e->kind = kind;
	e->message = arena_copy(arena, text_whole((struct text){ line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1 }));
	return (e);
}

struct error *
error_param(struct error *e, const char *param)
{
	e->param = text_of(param);
	return (e);
}

int
error_status(const struct error *e)
{
	if (e->status == 529)				/* SDKs retry it as any 5xx, but proxies do not know it */
		return (503);
	return (e->status != 0 ? e->status : error_kinds[e->kind].status);
}

int
error_status_messages(const struct error *e)
{
	if (e->kind == E_OVERLOADED || e->status == 529)
		return (529);
	if (e->kind == E_NO_SUCH_MODEL)
		return (404);
	if (error_status(e) == 422)
		return (400);
	return (error_status(e));
}
