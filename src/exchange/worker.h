/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker process: its loop and the rooms an exchange walks through.
 *
 * One worker runs thousands of exchanges; what they share is here.  The configuration is swapped on SIGHUP; an exchange keeps
 * the one it began with.
 */
#ifndef EXCHANGE_WORKER_H
#define EXCHANGE_WORKER_H

#include "access/chunks.h"
#include "access/jwks.h"
#include "access/budget.h"
#include "access/lookup.h"
#include "access/userinfo.h"
#include "base/errand.h"
#include "base/log.h"
#include "base/loop.h"
#include "board/board.h"
#include "board/known.h"
#include "config/config.h"
#include "housekeeper/housekeeper.h"
#include "ledger/host.h"
#include "ledger/prompt.h"
#include "ledger/spool.h"
#include "store/store.h"
#include "upstream/token.h"
#include "upstream/upstream.h"
#include "web/web.h"

enum worker_form {
	FORM_SERVE,			/* child of sluice serve: the listener is shared with its siblings */
	FORM_SPAWNED,			/* by lighttpd: the listener on fd 0 is ours alone */
	FORM_ONE,			/* by mod_fcgid: one request at a time */
	FORM_CGI,			/* one request, which is in the environment, and then the end */
};

#define REPLY_HIGH	262144		/* bytes queued to one client, above which its upstream is paused */

struct missing_surface {			/* that deployment's upstream lacks a surface */
	uint64_t	 deployment;		/* its mark */
	enum wire	 wire;
	int64_t		 until_us;
};

struct worker {
	struct loop	*loop;
	struct config	*config;
	const char	*config_path;
	struct web	*web;
	struct upstream	*upstream;
	struct tokens	*tokens;	/* of the credentials of deployments */
	struct board	*board;
	struct line_file *log;
	struct store_pool *store_pool;	/* of the database, for errands of that lane */
	struct lane	*store_lane;	/* of requests */
	struct lane	*admin_lane;	/* of administration: a report that takes seconds holds up no key */
	struct gauges	*gauges;	/* budgets for the metrics, NULL: none were read yet */
	int64_t		 gauges_read_us;
	uint64_t	 alerted[64];		/* budgets that are known to be spent (alerted.c) */
	unsigned	 permits;	/* connections all processes of the host may have together */
	struct jwks	*jwks;		/* of issuers of tokens */
	struct userinfo	*userinfo;	/* of tokens that only their issuer can read */
	struct lookups	*lookups;	/* of keys, teams … */
	struct chunks	*chunks;	/* of windows that hosts share; NULL: this one counts alone */
	struct known_id	 models_id;
	uint32_t	 models;	/* their generation in what is in force */
	bool		 reloading;
	int64_t		 look_after_us;
	bool		 shut;			/* nobody knows what the store closes: no one is let in */
	struct host	*host;
	struct running	*running;	/* exchanges of this host, and what it has leased */
	struct budgets	*budgets;
	struct spool	*spool;		/* of rows for the ledger */
	struct prompts	*prompts;	/* what was asked and answered, where that is stored */
	int64_t		 drop_said_us;	/* when it was last said that some are not */
	struct housekeeper *keeper;	/* that stands in while the host has none; NULL: somebody else sees to that */
	struct lane	*disk;		/* reading a new configuration, files of assertions */
	enum worker_form form;
	struct buf	 lines;		/* of exchanges that ended in this turn: one write for all of them */
	struct soon	 write_lines;
	struct exchange	*exchanges;	/* all that are running */
	struct buf	 scratch;	/* an edited event */
	struct buf	 row_doc, row_tags;	/* of the row that is being booked */
	struct buf	 frames;	/* what one callback makes for its client */
	struct soon	 level;		/* compare my load with the others' */
	struct timer	 level_again;
	bool		 accepting, stopping;
	int64_t		 stop_us;	/* when it was told to */
	bool		 busy;		/* there were exchanges since memory was last given back */
	struct timer	 drain;
	unsigned	 abandoned;	/* times the drain ran out */
	struct timer	 sweep;		/* of dead workers' seats */
	struct missing_surface missing[64];	/* by the last bits of mark and wire */
	int64_t		 began_wall_ms;
};

/* Runs until told to stop.  `config` is taken over; `fd` is a listening socket, or -1 for FORM_CGI.  The exit status. */
int	worker_run(int fd, struct config *config, const char *config_path, enum worker_form);

/* That configuration is in force from here on; it is taken over. */
void	worker_take(struct worker *, struct config *);

/*
 * Have models or settings of the store changed that are not in force here yet?  Then they are being read, and exchanges that wait for them (x->awaits)
 * are walked on when they are here.  Not while the store is away.
 */
bool	worker_is_behind(struct worker *);
/* What a call of the management API changed: the board is told.  `made` is the configuration with it, and taken over; NULL: the old one stays. */
struct admin_changed;
void	worker_changed(struct worker *, const struct admin_changed *, struct config *made);

void	worker_write_lines(struct worker *);	/* now, instead of at the end of the turn */

/* Called for each exchange that begins or ends: takes the listener in or out, ends a stopping worker. */
void	worker_load_changed(struct worker *);

#endif
