/* SPDX-License-Identifier: Apache-2.0 */
/*
 * People whom the web server has signed in: believed only from a server that proves itself, read from variables by exact name.
 *
 * An empty name is nobody, whatever else stands there.  Pure.
 */
#ifndef ACCESS_PEOPLE_H
#define ACCESS_PEOPLE_H

#include "access/caller.h"
#include "base/error.h"
#include "config/config.h"
#include "web/web.h"

#define PERSON_TEAMS	32

struct person {
	struct text	 name;			/* empty: nobody */
	struct text	 email;
	enum user_role	 role;			/* by the rules of the configuration */
	struct text	 teams[PERSON_TEAMS];
	unsigned	 n_teams;
};

/* `peer_uid` is who runs the web server, -1: not known (request_peer_uid).  Texts point into the request. */
void		 person_read(struct person *, const struct people *, const struct request *, int64_t peer_uid);
/* Does a browser's request come from a page of ours?  What only reads may come from anywhere. */
bool		 is_same_origin(const struct request *);

#endif
