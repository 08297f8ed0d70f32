/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A web server of a few lines: builds record streams byte by byte, good and bad, and takes answers apart.
 *
 * It shares no code with the room it tests.
 */
#ifndef TESTS_WEB_PEER_H
#define TESTS_WEB_PEER_H

#include "base/text.h"

struct pair {
	const char	*name, *value;
};

void	put_record(struct buf *, int type, int id, struct text content, int padding);
void	put_begin(struct buf *, int id, int role, int flags);
void	put_pair(struct buf *, struct text name, struct text value);
void	put_params(struct buf *, int id, const struct pair *, size_t n);	/* and their end */
void	put_body(struct buf *, int id, struct text, size_t record);		/* in records of that size, and the end */
/* POST /v1/x with that body and its true length. */
void	put_post(struct buf *, int id, int flags, struct text body);

/* An answer taken apart.  What is not there is empty or -1. */
struct answer {
	struct buf	 out;			/* STDOUT content of the id asked for */
	int		 records;		/* STDOUT records with content */
	bool		 out_ended;
	int		 status;		/* protocolStatus of its END_REQUEST */
	int		 others_status;		/* of another id's END_REQUEST */
	int		 unknown_type;
	struct buf	 values;
	size_t		 used;			/* bytes taken from the input; stops behind END_REQUEST */
};
/* false: this is no record stream. */
bool	read_answer(struct answer *, struct text wire, int id);
void	answer_free(struct answer *);

#endif
