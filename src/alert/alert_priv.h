/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the room share: an alert while it is told. */
#ifndef ALERT_PRIV_H
#define ALERT_PRIV_H

#include "alert/alert.h"

enum alert_kind { KIND_THRESHOLD, KIND_SOFT, KIND_CROSSED, KIND_OUTAGE, KIND_BACK, KIND_TEST, KIND_UNROTATED, KINDS };
extern const struct alert_kind_row {
	const char	*name;		/* in a cause */
	const char	*event;		/* LiteLLM's word */
	const char	*title;		/* for people */
	enum alert_type	 type;
} alert_kinds[KINDS];

struct told_alert {
	enum alert_kind	 kind;
	/* of a budget */
	struct text	 scope, entity, part;
	int64_t		 period, spent, ceiling, soft;	/* nano-dollars; -1: none */
	int64_t		 percent;
	/* of an outage */
	struct text	 what, host;
	/* looked up when it is sent; empty: unknown */
	struct text	 key_alias, user_id, user_email, team_id, team_alias, organization_id, organization_alias;
	int64_t		 resets_at;	/* 0: never */
};

/* tell.c */
void		 alert_text(struct buf *, const struct told_alert *);		/* a sentence */
void		 alert_event(struct buf *, const struct told_alert *);		/* LiteLLM's event, as JSON */

/* send.c: true: the address took it */
bool		 alert_deliver(const struct config *, const struct alert_target *, const struct told_alert *);

#endif
