/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calendar of budgets, as the store knows it: the time zone, and the time of day at which periods begin, that a gateway last used.
 *
 * With another calendar periods begin at other moments.  What was spent since the beginning of the present one goes along: whole, as far as periods began
 * after it; of the one in which it lies, by the rows of the hours in between.  All of it blocks.
 */
#ifndef ACCESS_CALENDAR_H
#define ACCESS_CALENDAR_H

#include "base/arena.h"
#include "store/store.h"

struct calendar {
	struct text	 zone;			/* empty: the store knows none yet */
	int		 turn;			/* second of the day */
};

enum store_end	 calendar_read(struct calendar *, struct store *, struct arena *);
/* The one of this process (base/span.h) is in force from now on; all hosts hear of it.  In a transaction of its own. */
enum store_end	 calendar_follow(struct store *, struct arena *, int64_t now_ms);
/* This process goes by what the store knows, if it knows one. */
enum store_end	 calendar_take(struct store *);

#endif
