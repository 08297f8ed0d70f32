/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands share: where the database is, and how they complain. */
#include "command/command.h"

#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>

int
command_usage(const char *text, const char *complaint)
{
	if (complaint != NULL)
		fprintf(stderr, "sluice: %s\n\n", complaint);
	fputs(text, complaint != NULL ? stderr : stdout);
	return (complaint != NULL ? 2 : 0);
}

int
command_failed(const struct store *s, const char *what)
{
	fprintf(stderr, "sluice: %s: %s\n", what, store_why(s));
	return (1);
}

static const char *
config_path(const char *given)
{
	if (given == NULL)
		given = getenv("SLUICE_CONFIG");
	return (given != NULL ? given : getenv("CONFIG_FILE_PATH"));
}

/* A configuration with errors elsewhere names its database all the same. */
static struct store *
configured(const char *path)
{
	struct config *c = config_load(path);
	struct store *s = NULL;

	if (c->unreadable)
		fprintf(stderr, "sluice: %s can not be read\n", path);
	else
		s = store_new(c->settings.database);
	config_release(c);
	return (s);
}

struct store *
command_store(const char *url, const char *config)
{
	return (url != NULL ? store_new(text_of(url)) : configured(config_path(config)));
}
