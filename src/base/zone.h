/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time zones beside the process's own, from the machine's files (RFC 9636): how far local time is from UTC at a moment.
 */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include "base/arena.h"

struct zone;
const struct zone *zone_read(struct arena *, struct text name);		/* "Asia/Seoul"; NULL: there is no such zone, or it can not be read */
int		 zone_offset(const struct zone *, int64_t since_1970_s);	/* seconds, east is positive */

#endif
