/* SPDX-License-Identifier: Apache-2.0 */
/* The handlers of the table's rows, by the file they are in. */
#ifndef ADMIN_NOUNS_H
#define ADMIN_NOUNS_H

#include "admin/admin.h"

#endif
