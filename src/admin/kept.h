/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store last said of models, credentials, fallbacks, endpoints and settings, kept by the housekeeper in the state folder: a gateway that starts
 * while the store is away begins with it, so that no door which is closed there, such as allowed_ips, is opened by a restart.
 *
 * Rows are kept as the store has them, secrets sealed.  The file is whole or not there at all.
 */
#ifndef ADMIN_KEPT_H
#define ADMIN_KEPT_H

#include "base/json.h"
#include "config/config.h"

/* Rows become one JSON text: [{"kind": …, "id": …, "doc": …}, …]. */
void		kept_begin(struct json_out *);
void		kept_add(struct json_out *, const char *kind, struct text id, struct text doc);
void		kept_end(struct json_out *);

bool		kept_write(const struct settings *, struct text rows, struct buf *why);	/* nothing, where it is so already */
enum kept { KEPT_NOTHING, KEPT_DAMAGED, KEPT_FINE };
enum kept	kept_read(struct text *rows, struct arena *, const struct settings *);

#endif
