/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a model name to deployments, in the order in which they are tried.
 *
 * A plan is made once for an exchange; route_next() says who is asked next, given why the last one failed.  The first choice among a
 * group's deployments is random by weight (weight, else rpm, else tpm, if any deployment has it).  A failure another deployment may do better
 * on goes to one not yet tried, or, where none is left, to one again after a pause; when the retries of a group are used up, to the next
 * fallback group.  A caller's own mistake ends the plan.  A deployment that has no room is passed over, which counts as no try.  Pure: chance comes in as
 * a function.
 */
#ifndef ROUTE_ROUTE_H
#define ROUTE_ROUTE_H

#include "base/error.h"
#include "config/config.h"

struct plan {
	const struct config *config;
	struct arena	*arena;
	uint64_t	(*chance)(void);
	struct text	 asked;			/* what the client named, or the fallback being tried */
	const struct group *first, *group;	/* the group asked for, and the one being tried */
	struct group	 only;			/* a group of one, when a deployment id was asked for */
	struct capture	 captured;
	uint8_t		*tried;			/* by deployment of the group: enum tried */
	size_t		 fallback_at;		/* of first->fallbacks */
	int64_t		 retries_wanted;	/* -1: what the configuration says */
	int64_t		 retries_left;
	unsigned	 in_group;		/* tries in this group */
	unsigned	 retries, fallbacks;	/* made so far, for headers and the log */
	size_t		 last;			/* index in the group of the one asked last */
	bool		 passed;		/* that one was passed over */
	const struct deployment *preferred;	/* NULL, or who is asked first if it is in the group */
};

struct choice {
	const struct deployment *deployment;
	int64_t		 wait_ms;		/* before asking it */
};

/* Error: no such model group.  `retries_wanted` is the caller's wish, -1: none. */
struct error	*route_plan(struct plan *, struct arena *, const struct config *, struct text model, int64_t retries_wanted, uint64_t (*chance)(void));
/* Only that deployment is asked from here on, as one of the first group that has it: the one asked for, or one of its fallbacks.  False: none has. */
bool		 route_pin(struct plan *, const struct deployment *);
/* A plan for what only that deployment can do. */
void		 route_only(struct plan *, struct arena *, const struct config *, const struct deployment *, int64_t retries_wanted, uint64_t (*chance)(void));
/* `why` NULL the first time, then the last failure.  False: nobody is left. */
bool		 route_next(struct plan *, const struct error *why, struct choice *);
/* The one just chosen has no room now: as if it had not been chosen, but it is not chosen again.  Then route_next() with the same `why`. */
void		 route_full(struct plan *);
/* It will soon have some: the same, but it is chosen again before the group is given up, if there is nobody else to ask. */
void		 route_later(struct plan *);
bool		 route_has_other(const struct plan *);	/* of the group, that nobody asked yet, beside the one just chosen */
/* The upstream's name for the model on that deployment. */
struct text	 route_model(const struct plan *, const struct deployment *);

#endif
