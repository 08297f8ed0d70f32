/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows for who comes with a program's token: made, or brought in step, as litellm_jwtauth says.
 *
 * It is a call of the management API that no path leads to: the worker makes it once for a token (exchange/provide.c).  Its body is what the token says:
 * user_id, user_email, role, teams, says_teams, organization_id, and claim, if that is to stand for a key from now on.
 */
#ifndef ADMIN_PROVIDE_H
#define ADMIN_PROVIDE_H

#include "admin/admin.h"

extern const struct admin_row provide_row;

#endif
