/* SPDX-License-Identifier: Apache-2.0 */
/* What leases.c does for keeper.c, each within a transaction of the caller. */
#ifndef LEDGER_LEASES_PRIV_H
#define LEDGER_LEASES_PRIV_H

#include "ledger/leases.h"

enum store_end	lease_settle(struct store *, struct arena *, uint64_t lease);	/* one that is closing: what it has left is held no more */
enum store_end	lease_give_back(struct store *, struct arena *, uint64_t lease, int64_t amount);

#endif
