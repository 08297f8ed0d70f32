/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May they: a caller with all that stands behind it against what is asked.  Money and rates come later, in the step that reserves them.
 *
 * Every level must pass: key, team, member, user (only keys without a team are a user's own), project, organization.  An empty list of models allows what
 * the next level allows.  Statuses, types and texts are LiteLLM's, in the order in which it checks.  Pure.
 */
#ifndef ACCESS_ADMIT_H
#define ACCESS_ADMIT_H

#include "access/caller.h"
#include "base/error.h"
#include "base/json.h"
#include "config/config.h"

struct admission {
	const struct config *config;
	struct text	 model;			/* empty: no model is asked */
	const struct text *fallbacks;		/* that the client names */
	unsigned	 n_fallbacks;
	int64_t		 now_ms;		/* since 1970 */
	enum bill	 due;			/* answer: the budgets up to these come before what refused */
};

/* What needs no body: is the key, or who has it, shut out altogether? */
struct error	*admit_blocked(struct arena *, const struct caller *);
/* All the rest; but for the last two, which come after it, in this order. */
struct error	*admit(struct arena *, const struct caller *, struct admission *);
/* Members that must be sent, by the key's rules and by the configuration's, and those that must not; `body` is a checked JSON object, or empty. */
struct error	*admit_params(struct arena *, const struct caller *, const struct settings *, struct text body);
struct error	*admit_route(struct arena *, const struct caller *, struct text path);
/* What the aliases of the key and of its team, and the team's own models, make of a model's name. */
struct text	 admit_model(const struct caller *, const struct config *, struct text asked);
/* May that team use the model, as far as its own list says? */
bool		 admit_team(const struct standing *team, const struct config *, struct text model);
/* May it be listed for this caller? */
bool		 admit_lists(const struct caller *, const struct config *, struct text model);

/* A refusal in LiteLLM's words. */
struct error	*refusal(struct arena *, enum error_kind, const char *type, const char *param, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

#endif
