/* SPDX-License-Identifier: Apache-2.0 */
/* Names of tools that the vendor's alphabet or bounds changed, and the way back. */
#include "provider/provider.h"

static bool
is_same(struct quoted a, struct quoted b)
{
	return (a.len == b.len && memcmp(a.at, b.at, a.len) == 0);
}

static struct quoted
keep(struct arena *arena, struct quoted q)
{
	struct text copy = arena_copy(arena, (struct text){ q.at, q.len });

	return ((struct quoted){ copy.at, copy.len });
}

struct renamed *
names_changed(struct arena *arena, const struct ask *ask, quoted_f *out)
{
	struct renamed *first = NULL, **last = &first;
	bool any = false;

	for (const struct tool *t = ask != NULL ? ask->tools : NULL; t != NULL && !any; t = t->next)
		any = !is_same(out(arena, t->name), t->name);
	for (const struct tool *t = any ? ask->tools : NULL; t != NULL; t = t->next) {
		*last = arena_new_of(arena, struct renamed);
		**last = (struct renamed){ .out = keep(arena, out(arena, t->name)), .name = keep(arena, t->name) };
		last = &(*last)->next;
	}
	return (first);
}

struct quoted
names_back(const struct renamed *names, struct quoted out)
{
	for (const struct renamed *n = names; n != NULL; n = n->next)
		if (is_same(n->name, out))
			return (out);
	for (const struct renamed *n = names; n != NULL; n = n->next)
		if (is_same(n->out, out))
			return (n->name);
	return (out);
}
