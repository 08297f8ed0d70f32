/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The management API: a table of (method, path, role, handler), a file per noun.
 *
 * Handlers run in an errand: they may block, they see a store and copies of what the caller sent, and nothing of the loop or the board.  What they
 * changed they list, and the loop tells the board before the caller hears of it.  Shapes, statuses and texts are LiteLLM's.
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "access/caller.h"
#include "base/error.h"
#include "base/json.h"
#include "board/known.h"
#include "config/config.h"
#include "store/store.h"

#define ADMIN_BODY_MOST	(4 << 20)		/* bytes of a body */

struct admin_changed {
	struct known_id	 id;
	enum known_kind	 kind;
	struct text	 entity;
	struct admin_changed *next;
};

struct admin_call {
	struct arena	*arena;
	const struct config *config;		/* held */
	struct store	*store;			/* NULL while roles are checked */
	const struct caller *caller;		/* its standings are not there */
	const struct admin_row *row;
	struct text	 id[2];			/* what {} in the path took, decoded */
	struct text	 query;			/* raw; query_text() and its like read it */
	struct text	 sent;			/* the body; admin_run() reads it */
	const struct json *body;		/* an object; empty where none was sent */
	struct text	 person;		/* of ROLE_GUEST: who is signed in at the web server, or empty */
	struct text	 changed_by;		/* litellm-changed-by, or who calls */
	int64_t		 now_ms;
	/* the answer */
	int		 status;		/* 200 unless set */
	struct buf	 out;			/* JSON; whoever made the call frees it */
	struct admin_changed *changed;
	struct config	*made;			/* with the change of its models: the worker takes it, or whoever made the call releases it */
	bool		 can_probe;		/* whoever made the call can make one of a model, too */
	struct text	 probe;			/* the deployment that is to be called for the answer; empty: none */
	struct config	*trial;			/* NULL, or the configuration it is of; released by whoever made the call */
	/* while it runs */
	struct error	*clash;			/* what a unique constraint means just now; NULL: a sentence that fits all */
	bool		 again;			/* the transaction is to be begun anew */
	bool		 audited;
};

/* NULL: call->out is the answer. */
typedef struct error *admin_f(struct admin_call *);

/* Who may call: checked before the handler runs; handlers narrow by rows (roles.h). */
enum admin_role {
	ROLE_MASTER,			/* the master key only */
	ROLE_ADMIN,			/* the master key, or role proxy_admin */
	ROLE_VIEWER,			/* also proxy_admin_viewer */
	ROLE_SCIM,			/* a proxy admin, or a key whose allowed_routes have /scim/… */
	ROLE_GUEST,			/* whoever has a link: no key is asked for, and who is signed in counts by name only */
	ROLE_ANY,			/* any key or person: the handler decides (self managed) */
};

struct admin_row {
	const char	*method, *path;		/* {} takes a segment */
	enum admin_role	 role;
	admin_f		*run;
	bool		 writes;		/* audited; runs in a transaction that is begun and committed around it */
	const char	*action, *kind;		/* for the audit: "created", "key" */
};
extern const struct admin_row admin_rows[];	/* table.c; the last has no method */

bool		 admin_is_absent(const struct admin_row *);	/* it says that there is no such thing here */

/* The row for a path and a method (HEAD is GET); NULL: none.  *methods: those the path takes, for a 405; empty: no such path. */
const struct admin_row *admin_find(struct text ids[2], struct text *methods, struct arena *, struct text method, struct text path);
/* The whole of it, in an errand: body, role, transaction (again after a deadlock), handler, audit row.  `pool` NULL: no store is configured. */
struct error	*admin_run(struct admin_call *, struct store_pool *pool);

#endif
