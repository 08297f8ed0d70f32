/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerts: once per fleet and cause, to web hooks, Slack and mail.
 *
 * Whoever notices something puts a row into sluice_alert, in the transaction that shows it; a cause that is there is known, and nothing happens.  A
 * housekeeper of any host claims what nobody has sent, and sends it: a second time only if the one who claimed it died, or no address took it.
 * Everything blocks.
 */
#ifndef ALERT_ALERT_H
#define ALERT_ALERT_H

#include "config/config.h"
#include "ledger/leases.h"
#include "store/store.h"

/* Budgets that went over 85 or 95 of a hundred, over their soft limit, or are spent: within the transaction that booked it. */
enum store_end	 alerts_crossed(struct store *, struct arena *, const struct crossing *, unsigned n, int64_t now_ms);
/* A call was refused because the budget of `c` can not pay for it.  The same cause as its being spent. */
enum store_end	 alert_refused(struct store *, struct arena *, const struct crossing *c, int64_t now_ms);

/* Something that a host depends on went away, or is back ("memcached"); each at most once in ten minutes, whichever host says it. */
enum store_end	 alert_outage(struct store *, struct arena *, const char *what, const char *host, bool back, int64_t now_ms);
/* The store itself went away: nobody can know who else says so, so this host does. */
void		 alert_store_away(const struct config *, const char *host);

/* A test to all addresses of that form, one after the other; how many took it, of *tried.  It takes as long as they do. */
unsigned	 alerts_test(const struct config *, enum alert_form, const char *host, unsigned *tried);

/* A key is due for a new value, and nobody could take it: once a day. */
enum store_end	 alert_unrotated(struct store *, struct arena *, struct text digest, const char *host, int64_t now_ms);

/*
 * The new value of a key, to the web hooks that may have it: by https, or on this machine.  It is in no row, no mail, no Slack, no log.  True: one of
 * them took it.  `event`: JSON.
 */
bool		 alert_hand_over(const struct config *, struct text event);

/* Sends what waits; *sent are those that an address took. */
enum store_end	 alerts_send(struct store *, const struct config *, int64_t now_ms, unsigned *sent);

#endif
