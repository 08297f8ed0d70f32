/* SPDX-License-Identifier: Apache-2.0 */
/* A list of who waits. */
#include "base/waiter.h"

#include <stddef.h>

void
waiter_begin(struct waiter *w, struct waiter **list)
{
	w->next = *list;
	w->link = list;
	if (w->next != NULL)
		w->next->link = &w->next;
	*list = w;
}

void
waiter_end(struct waiter *w)
{
	if (w->link == NULL)
		return;
	*w->link = w->next;
	if (w->next != NULL)
		w->next->link = w->link;
	w->link = NULL;
}

void
waiters_tell(struct waiter **list)
{
	struct waiter *all = *list, *w;

	*list = NULL;
	if (all != NULL)
		all->link = &all;
	while ((w = all) != NULL) {
		waiter_end(w);
		w->ready(w);
	}
}
