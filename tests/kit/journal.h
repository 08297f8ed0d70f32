/* SPDX-License-Identifier: Apache-2.0 */
/* What the scripted upstream received, and what was wrong with it: for GET /_/log and /_/stats. */
#ifndef KIT_JOURNAL_H
#define KIT_JOURNAL_H

#include "base/text.h"

struct journal;

struct entry {
	struct text	 method, path, head, body;	/* the journal's */
	uint64_t	 connection;			/* from 1 */
	int		 status;			/* 0: none was sent */
	unsigned	 events;			/* of the answer sent so far */
	int64_t		 at_ms, over_ms;		/* since the start */
	const char	*state;				/* "playing", "complete", "aborted" (the client left), "struck" (the script's own fault) */
	bool		 tls;
	char		 client[64];			/* common name of the client's certificate */
	struct buf	 problems;			/* a JSON array's inside */
};

struct journal	*journal_new(void);
void		 journal_free(struct journal *);
void		 journal_reset(struct journal *);	/* entries still open are kept until closed, but not shown */
struct entry	*journal_open(struct journal *, struct text method, struct text path, struct text head, struct text body);
void		 journal_close(struct journal *, struct entry *, const char *state);
void		 journal_problem(struct journal *, struct entry *, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void		 journal_print(const struct journal *, struct buf *);	/* as a JSON array */
uint64_t	 journal_problems(const struct journal *);

#endif
