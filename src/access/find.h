/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who calls: from a key to the caller, and what is known of all that stand behind it.
 *
 * find_caller() and find_more() may have to wait for the store; they are called again when the lookup is ready, and go through it all anew, which costs
 * little because what came stays in the lookup.
 */
#ifndef ACCESS_FIND_H
#define ACCESS_FIND_H

#include "access/caller.h"
#include "access/lookup.h"
#include "access/people.h"
#include "base/error.h"
#include "config/config.h"

enum find_end { FOUND, FOUND_WAIT, FOUND_ERROR };

struct finding {
	struct arena	*arena;
	struct config	*config;
	struct lookups	*lookups;
	struct lookup	*lookup;
	int64_t		 now_ms;		/* since 1970 */
	bool		 no_guess;		/* keys that this host does not know are not looked up, and `guessed` */
	struct error	*error;			/* FOUND_ERROR */
	bool		 guessed;		/* and that is because the key is none */
};

/* The caller of that key, and everybody behind it. */
enum find_end	 find_caller(struct caller *, struct finding *, struct text key);
/* The caller that a person is who is signed in; `team`: the one they ask to be in, or empty. */
enum find_end	 find_person(struct caller *, struct finding *, const struct person *, struct text team);
/* The key that a claim of a program's token stands for; *there false: it stands for none. */
enum find_end	 find_by_claim(struct caller *, struct finding *, const struct person *, bool *there);
/* Of several teams the first that may use the model is the caller's from here on; where one of the token's must be allowed it, none is a refusal. */
enum find_end	 find_team(struct caller *, struct finding *, struct text model);
/* As a team's key without limits of its own would be: for what that team may see. */
enum find_end	 find_as_team(struct caller *, struct finding *, struct text team);
/* Then, when the request is read: its customer, its session and its tags, as they stand on the caller, and the whole proxy. */
enum find_end	 find_more(struct caller *, struct finding *);
/* The provider a call goes to, and the deployment, if they have a budget; else NULL. */
enum find_end	 find_provider(const struct standing **provider, struct finding *, struct text name);
enum find_end	 find_deployment(const struct standing **deployment, struct finding *, const struct deployment *);

/* "sk-...wxyz" */
struct text	 key_shown(struct arena *, struct text key);

#endif
