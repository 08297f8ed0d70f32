/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands of operators: programs that end, beside the gateway or without it.
 *
 * A command is a function like main(), whose argv[0] is its name, and a row of the table in main.c.  Results go to standard output, as lines or with
 * --json as JSON; what went wrong goes to standard error.  The exit status is 0, 1 for what could not be done, 2 for a command that is none.
 */
#ifndef COMMAND_COMMAND_H
#define COMMAND_COMMAND_H

#include "config/config.h"
#include "store/store.h"

int	command_db(int argc, char **argv);		/* migrate, status, move */
int	command_host(int argc, char **argv);		/* list, forget */
int	command_import(int argc, char **argv);		/* of LiteLLM's database */
int	command_export(int argc, char **argv);
int	command_manage(int argc, char **argv);		/* key, team, user, audit: create, list … */
int	command_admin(int argc, char **argv);		/* any call of the management API */
int	command_spend(int argc, char **argv);		/* report, logs */
int	command_why(int argc, char **argv);		/* of a request */

/* What the commands share */

/*
 * The database: `url`, or else what the configuration says, which is `config`, or else SLUICE_CONFIG's or CONFIG_FILE_PATH's, or else there is none and
 * variables and defaults count.  NULL: said why.
 */
struct store	*command_store(const char *url, const char *config);
/* That configuration, whatever errors it has elsewhere; NULL: said why. */
struct config	*command_config(const char *config);
/* Says what a store answered, and is the exit status 1. */
int		 command_failed(const struct store *, const char *what);
int		 command_usage(const char *text, const char *complaint);	/* 2; without a complaint it is help, and 0 */
bool		 command_wants_help(int argc, char **argv);	/* --help or -h stands among the arguments */

#endif
