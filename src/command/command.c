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

bool
command_wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return (true);
	return (false);
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
struct config *
command_config(const char *given)
{
	const char *path = config_path(given);
	struct config *c = config_load(path);

	if (!c->unreadable) {
		config_set_calendar(c);
		return (c);
	}
	fprintf(stderr, "sluice: %s can not be read\n", path);
	config_release(c);
	return (NULL);
}

struct store *
command_store(const char *url, const char *given)
{
	struct config *c = url == NULL ? command_config(given) : NULL;
	struct store *s = NULL;

	if (url != NULL)
		return (store_new(text_of(url)));
	if (c != NULL) {
		s = store_new(c->settings.database);
		config_release(c);
	}
	return (s);
}
