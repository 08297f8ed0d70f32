/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by what tells of models: their list, and the pages of LiteLLM about them. */
#ifndef FRONT_MODELS_PRIV_H
#define FRONT_MODELS_PRIV_H

#include "front/front.h"

/* A name that clients may see: a group's, an alias of it, or a model that a pattern stands for. */
struct listed {
	struct text	 name;
	const struct group *group;
	const struct facts *facts;		/* of that model; NULL: what its deployments say */
};
struct listing {
	struct arena	*arena;
	struct listed	*list;
	size_t		 n, room;
};
void		 listing_add(struct listing *, struct listed);
struct listing	 models_listed(struct arena *, const struct config *);	/* groups and aliases */

/*
 * By which name a caller knows one of the listing; empty: not at all.  Teams' own models are known to their teams, and, if all are told, to
 * administrators.
 */
enum team_models { TEAM_MODELS_OWN, TEAM_MODELS_JOINED, TEAM_MODELS_ALL };	/* joined: of all teams that somebody who is signed in is in */
struct text	 seen_as(const struct listed *, const struct caller *, const struct config *, enum team_models);
bool		 may_see(const struct caller *, const struct config *, struct text name);

/* Adds the models a pattern stands for, as far as they are published (wildcard.c); false: nobody says. */
bool		 wildcard_list(struct listing *, const struct config *, const struct group *pattern);

/* What is known of a deployment, the file's word first. */
struct text	 info_mode(const struct deployment *);		/* empty: unknown */

void		 put_count(struct json_out *, const char *name, int64_t);	/* null where it is not above 0 */
void		 put_word(struct json_out *, const char *name, struct text);	/* null where it is empty */

#endif
