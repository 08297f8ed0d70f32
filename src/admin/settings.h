/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings that are kept in the store and laid over the file's, for the nouns that show and change them.
 *
 * What the file says counts and can not be changed here; what can be is in config/runtime.c.  A value is tried before it is kept: what sluice check would
 * say of it is what the caller hears.
 */
#ifndef ADMIN_SETTINGS_H
#define ADMIN_SETTINGS_H

#include "admin/models.h"

struct changing {			/* settings of one call */
	struct text	*ids;
	unsigned	 n, room;
};
/* Kept, or with null taken back, within the transaction; audited.  settings_try() puts all of them in force. */
struct error	*setting_change(struct changing *, struct admin_call *, const char *section, struct text key, const struct json *value);
struct error	*settings_try(const struct changing *, struct admin_call *);
struct error	*setting_is_free(struct admin_call *, struct text section, struct text key);	/* 400: nobody can, or the file has it */

const struct said_setting *setting_said(const struct config *, const char *section, struct text key);	/* NULL: it is nowhere */
struct text	 setting_raw(const struct config *, const char *section, const char *key, const char *otherwise);	/* JSON as it is told */
void		 settings_put(struct json_out *, struct arena *, const struct config *, const char *section);	/* an object of all */

#endif
