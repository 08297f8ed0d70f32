/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who calls, and what the store says of all that stand behind the call: key, team, member, user, organization, project, customer, agent and its session,
 * tags.
 *
 * A standing is what one entity may do and what it is charged by; it is packed for the board and unpacked without copying.
 */
#ifndef ACCESS_CALLER_H
#define ACCESS_CALLER_H

#include "base/arena.h"
#include "base/money.h"

enum scope {			/* in the order in which limits are checked */
	SCOPE_KEY, SCOPE_USER, SCOPE_TEAM, SCOPE_MEMBER, SCOPE_PROJECT, SCOPE_ORGANIZATION, SCOPE_EMPLOYEE /* member of an organization */, SCOPE_CUSTOMER,
	SCOPE_AGENT, SCOPE_SESSION /* of an agent, or of a key */, SCOPE_TAG, SCOPE_PROVIDER, SCOPE_DEPLOYMENT, SCOPE_PROXY,
	SCOPES
};
extern const char *const scope_names[SCOPES];	/* "key", "user" … as in sluice_account.scope */

#define NO_LIMIT	INT64_C(-1)

/* One sum of money: a row of sluice_account in its present period. */
struct purse {
	uint64_t	 account;	/* its id; 0: none */
	struct text	 part;		/* "", "window:24h", "model:gpt-4o"; of a user also "organization:acme": as a member of it */
	int64_t		 ceiling;	/* nano-dollars; NO_LIMIT */
	int64_t		 soft;		/* NO_LIMIT */
	int64_t		 period;	/* ms since 1970; 0: for ever */
	int64_t		 resets_at;	/* 0: never */
	int64_t		 spent;		/* when it was loaded */
};

/*
 * Budgets, by when it is their turn among the checks.  Money is looked at last of all, in the step that reserves it; but a budget that is spent is to be
 * heard of before checks that come after it in LiteLLM's order.
 */
enum bill {
	BILL_NONE,
	BILL_KEY,				/* the key's own, and those for one model */
	BILL_PROJECT,
	BILL_LEVELS,				/* team, windows, organization, tags, user, member, end user */
	BILL_PROXY,
};

struct model_limit {			/* of one model, or of a tag */
	struct text	 name;
	int64_t		 rpm, tpm;	/* NO_LIMIT */
};

struct session_rule {			/* what each session may, of an agent or of a key */
	int64_t		 turns;		/* calls in all; NO_LIMIT */
	int64_t		 ceiling;	/* nano-dollars in all; NO_LIMIT */
	int64_t		 rpm, tpm;	/* NO_LIMIT */
	bool		 named;		/* a call must say which session it is of */
};

struct pair_text {
	struct text	 from, to;
};

struct standing {
	enum scope	 scope;
	struct text	 id, alias;	/* of a key: its digest in hex */
	bool		 blocked;
	int64_t		 expires_ms;	/* 0: never */
	int64_t		 rpm, tpm, parallel;	/* NO_LIMIT */
	struct purse	*purses;	/* its own first; then windows and models */
	unsigned	 n_purses;
	struct text	*models;	/* allow-list; empty: all that the next level allows */
	unsigned	 n_models;
	struct text	*routes;	/* allowed_routes */
	unsigned	 n_routes;
	struct text	*tags;
	unsigned	 n_tags;
	struct text	*groups;	/* access_group_ids */
	unsigned	 n_groups;
	struct pair_text *aliases;	/* of models */
	unsigned	 n_aliases;
	struct model_limit *model_limits;
	unsigned	 n_model_limits;
	struct text	*enforced;	/* members a request must have, dotted */
	unsigned	 n_enforced;
	struct pair_text *budget_fallbacks;	/* of a key: models to ask where the budget it has for one (from) is spent, in order */
	unsigned	 n_budget_fallbacks;
	struct session_rule *session_rules;	/* none or one */
	unsigned	 n_session_rules;
	bool		 throttled;	/* of a key: a spent budget makes its rates smaller and refuses nothing */
	bool		 rpm_dynamic, tpm_dynamic;	/* the limit binds only while the model is pressed */
	struct text	 priority;	/* of whom it has a share of a model */
	/* of a key: who stands behind it */
	struct text	 user_id, team_id, organization_id, project_id, budget_id, agent_id;
	struct text	 role;		/* of a user: proxy_admin …; of a member: admin, user */
	struct text	 email;
	bool		 may_assert_user;	/* its end-user names count */
	int64_t		 store_prompts;	/* of a key, a team: 1 asks for it, -1 forbids it, 0 says nothing */
	int64_t		 file_expiry_s, batch_expiry_s;	/* of a team: so long files and what batches put out are kept; 0: nothing is said, below: it can not be read */
	struct text	 metadata;	/* JSON, of a key: copied into the row; at most 1 KB */
	int64_t		 loaded_ms;	/* wall clock */
	int64_t		 good_until_ms;	/* then a purse begins anew, or holds less: load it again; 0: for ever */
};

/* The packed form belongs to one layout of the struct: what another version packed, or a torn one, does not unpack. */
void		 standing_pack(struct buf *, const struct standing *);
bool		 standing_unpack(struct standing *, struct arena *, struct text packed);	/* texts point into `packed`; false: not one of ours */
extern const struct standing standing_none;	/* no limits, nothing allowed or forbidden, texts empty: where loaders begin */

/* A key that was regenerated, within its grace: which it is now. */
struct moved {
	struct text	 digest;	/* hex */
	int64_t		 until_ms;
};
void		 moved_pack(struct buf *, const struct moved *);
bool		 moved_unpack(struct moved *, struct text packed);	/* false: it is something else */

enum caller_kind {
	CALLER_NOBODY,
	CALLER_PUBLIC,			/* nobody in particular, at a path that is open to all */
	CALLER_MASTER, CALLER_KEY,
	CALLER_PERSON			/* by the web server, or a token of a program */
};
enum user_role { USER_NONE, USER_INTERNAL_VIEWER, USER_INTERNAL, USER_ADMIN_VIEWER, USER_ADMIN };

/* A list of models that stands beside those of the store; an empty one allows none. */
struct allowance {
	const struct text *list;
	unsigned	 n;
};

struct caller {
	enum caller_kind kind;
	enum user_role	 role;
	struct text	 digest;	/* of the key, hex; empty: no virtual key */
	struct text	 shown;		/* the key for messages: "sk-...wxyz" */
	struct text	 user_id, team_id, organization_id;
	const struct standing *standing[SCOPES];	/* NULL: there is none; tags: the first */
	const struct text *routes;	/* of a program's token: which it may call; none: all that its role may */
	unsigned	 n_routes;
	const struct allowance *only;	/* of a token: its model must be in each of them */
	unsigned	 n_only;
	bool		 needs_team;	/* a team of the token must be allowed the model */
	const struct text *teams;	/* of which the first that may use the model is taken, if there are several */
	unsigned	 n_teams;
	const struct standing **groups;	/* unified access groups that its key and team name */
	unsigned	 n_groups;
	/* known when the request is admitted */
	struct text	 customer;	/* the end user; empty: none is named, or the key may not name one */
	struct text	 session;	/* which its caller says it is of; empty: none */
	struct text	 notes;		/* a JSON object that goes into its row as it is; empty: none */
	struct text	*tags;		/* of the request, its key and its team, each once */
	unsigned	 n_tags;
	const struct standing **tag_standings;	/* n_tags; NULL: nothing is known of that tag */
};

void		 caller_nobody(struct caller *);
void		 caller_copy(struct caller *, struct arena *, const struct caller *);	/* for an errand, with all that stand behind it, without what a request said */

const struct session_rule *caller_session_rule(const struct caller *);	/* its agent's, else its key's; NULL: sessions are not bound */
struct text	 caller_session(struct arena *, const struct caller *);	/* by which name the session is known: no other agent or key has one of that name */

extern const char *const role_names[USER_ADMIN + 1];	/* "internal_user" …; none is "" */
enum user_role	 role_of(struct text name);		/* what is no role is none */

#endif
