/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guaranteed throughput (rpm_limit_type, tpm_limit_type): what keys have for sure fits into what their team has, and into what their organization has;
 * what teams have for sure, into what their organization has.  In all, and of each model.  What does not is 400.  Whoever has no limit can promise
 * anything.
 */
#ifndef ADMIN_PLEDGES_H
#define ADMIN_PLEDGES_H

#include "admin/entity.h"

struct error	*pledges_of_key(struct admin_call *, const struct doc *, struct text digest);	/* digest: of the key that is changed; empty: it is new */
struct error	*pledges_of_team(struct admin_call *, const struct doc *, struct text team_id);

#endif
