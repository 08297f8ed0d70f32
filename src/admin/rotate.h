/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Automatic rotation: keys with auto_rotate get another value when their rotation_interval is over.
 *
 * One housekeeper of the fleet takes a key in hand, makes the value, and lets it be good beside the old one; then it is handed to the web hooks that may
 * have it (alert.h), and only when one took it is the key renewed.  So nobody is left with a key that does not work: who dies in between has told a value
 * that is good for a while, and another begins anew.  Where nobody takes it, nothing is changed, and an alert says so.
 */
#ifndef ADMIN_ROTATE_H
#define ADMIN_ROTATE_H

#include "admin/admin.h"
#include "housekeeper/housekeeper.h"

/* Blocks.  How many were rotated. */
unsigned	 rotate_keys(struct store_pool *, const struct config *, const char *host);

extern const struct housekeeper_above admin_for_keeper;		/* that, and overlay_load_and_keep() */

#endif
