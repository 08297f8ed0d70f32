/* SPDX-License-Identifier: Apache-2.0 */
/* What reports of spending share: sums of days, days that are asked for, and who may see what.  The pure half of it takes rows and writes JSON. */
#ifndef ADMIN_REPORT_H
#define ADMIN_REPORT_H

#include "admin/admin_priv.h"

#define REPORT_DAYS_MOST	3660	/* of one report */
#define ACTIVITY_PARTS_MOST	20000	/* rows that the days of a page are made of */

struct sums {
	int64_t	 requests, failures, prompt, completion, cached, written, reasoning, cost;
};
#define SUMS_COLUMNS	8
void		 sums_read(struct sums *, const struct rows *, unsigned row, unsigned column);	/* from that column on, as sql/report.sql has them */
void		 sums_add(struct sums *, const struct sums *);

/* Which sums: a filter of sql/report.sql.  Empty texts filter nothing. */
struct report {
	const char	*kind;			/* "", "tag", "customer" */
	int64_t		 from, to;		/* days since 1970, both within */
	const char	*who;			/* what `only` and `but` name: "user", "team", "organization", "entity" */
	struct text	 only, but;		/* JSON arrays of strings */
	struct text	 key, user, team, model;
	struct text	 self;			/* may see only this user and the teams he administers */
};
struct error	*report_days(struct report *, struct admin_call *, const char *from, const char *to, int64_t days_otherwise);	/* 0: they must be given */
struct error	*report_caller(struct report *, struct admin_call *);	/* narrows it to what the caller may see */
/* Rows {a, b, c, sums} by these dimensions. */
struct error	*report_sums(struct rows *, struct admin_call *, const struct report *, const char *a, const char *b, const char *c,
    const char *order, int64_t most);
struct text	 report_key(struct arena *, struct text key);		/* a key's digest, of itself or of the digest */
struct text	 report_list(struct arena *, const struct text *, unsigned n);	/* a JSON array; none: empty */
struct text	 report_id(struct arena *, int64_t ms);			/* the least id of a request of that moment */

/* activity.c: what days were made of.  `days`: {day, "", "", sums}, the last first; `parts`: rows of activity_rows. */
struct activity {
	const char	*who;			/* as in struct report */
	int64_t		 page, pages;		/* from 1 */
	bool		 cut;			/* there were more parts */
};
void		 activity_write(struct buf *, struct arena *, const struct activity *, const struct rows *days, unsigned from, unsigned to,
    const struct rows *parts);

/* logs.c: rows of requests, as rows of LiteLLM's spend log. */
void		 log_write(struct json_out *, struct arena *, const struct rows *, unsigned row);

#endif
