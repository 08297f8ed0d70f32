/* SPDX-License-Identifier: Apache-2.0 */
/*
 * People whom the web server has signed in, believed only from a server that proves itself and read from variables by exact name; and programs that come
 * with a token.
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
	/* of a token */
	bool		 by_token;
	struct text	 organization_id, customer;
	struct text	 team_alias, organization_alias;	/* whose ids are to be looked for; or empty */
	struct text	 key_claim;		/* what stands for a virtual key; or empty */
	bool		 says_teams;		/* the token has a claim of teams, be it empty */
	enum user_role	 mapped;		/* by jwt_litellm_role_map; USER_NONE: it says nothing */
	struct allowance only[2];		/* by its role, by its scopes */
	unsigned	 n_only;
	const struct text *routes;		/* which it may call; none: all that its role may */
	unsigned	 n_routes;
};

/* `peer_uid` is who runs the web server, -1: not known (request_peer_uid).  Texts point into the request. */
void		 person_read(struct person *, const struct people *, const struct request *, int64_t peer_uid);
/* Of the claims of a verified token (program.c).  Texts live in the arena. */
struct error	*program_read(struct person *, struct arena *, const struct jwt_rules *, struct text claims);
/* Does a browser's request come from a page of ours?  What only reads may come from anywhere. */
bool		 is_same_origin(const struct request *);

#endif
