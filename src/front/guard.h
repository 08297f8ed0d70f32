/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first look at a body, shared by the fronts: JSON, an object, and nothing in it that two readers could take differently.
 *
 * Some upstreams match member names ignoring case and take the last one, so `{"model":"cheap","MODEL":"dear"}` would pass the
 * check and the price.  Guarded members are compared unescaped and case-folded; given twice or miscased they are refused.  Members that
 * choose an upstream's host or credential are refused outright; members that speak to the gateway are marked in glance->ours.
 */
#ifndef FRONT_GUARD_H
#define FRONT_GUARD_H

#include "provider/provider.h"

/* A guarded member of a dialect.  null is the same as absent. */
struct guard {
	const char	*name;
	unsigned	 types;			/* AS(JSON_…) | …: what it may be */
	const char	*should;		/* "a string" */
};
#define AS(type)	(1u << (type))

/* Fills glance's body, top, n_top and ours; found[i] is where rows[i] is, or NULL.  `rows` are at most 32. */
struct error	*guard_scan(struct glance *, const struct json_spot **found, struct arena *, struct text body, const struct guard *rows, size_t n);

#endif
