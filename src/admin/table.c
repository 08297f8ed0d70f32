/* SPDX-License-Identifier: Apache-2.0 */
/* The management API, row by row: who may call what, and who answers. */
#include "admin/nouns.h"

const struct admin_row admin_rows[] = {
	{ NULL, NULL, ROLE_MASTER, NULL, false, NULL, NULL },
};
