/* SPDX-License-Identifier: Apache-2.0 */
/* Those who wait for the same thing, on one loop: a list from which each may go at any time, also while the others are being told. */
#ifndef BASE_WAITER_H
#define BASE_WAITER_H

/* Lives in its owner, zeroed; `link` is NULL when it does not wait. */
struct waiter {
	void		(*ready)(struct waiter *);	/* it does not wait any more, and may ask again */
	struct waiter	*next, **link;
};

void	waiter_begin(struct waiter *, struct waiter **list);
void	waiter_end(struct waiter *);		/* fine when it does not wait */
void	waiters_tell(struct waiter **list);	/* all that wait now; who is told may ask, wait and end anything */

#endif
