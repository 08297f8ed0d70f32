/* SPDX-License-Identifier: Apache-2.0 */
/* `sluice check`: everything that is to be said about a configuration, for people or for programs. */
#include "config/config.h"

#include <stdio.h>

#define EXIT_FINE	0
#define EXIT_ERRORS	1
#define EXIT_USAGE	2

static int
usage(void)
{
	fputs("usage: sluice check [--json] FILE\n", stderr);
	return (EXIT_USAGE);
}

static void
summary(struct buf *b, const struct config *c, const char *path)
{
	size_t groups = 0;

	for (size_t i = 0; i < c->n_groups; i++)
		groups += !c->groups[i].hidden;
	buf_print(b, "%s: %u error%s, %u warning%s; %zu model%s, %zu deployment%s\n", path, c->n_errors, c->n_errors == 1 ? "" : "s",
	    c->n_warnings,
	    c->n_warnings == 1 ? "" : "s", groups, groups == 1 ? "" : "s", c->n_deployments, c->n_deployments == 1 ? "" : "s");
}

int
config_check_main(int argc, char **argv)
{
	const char *path = NULL;
	struct buf out = { 0 };
	struct config *c;
	bool json = false;
	int status;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else if ((argv[i][0] == '-' && argv[i][1] != '\0') || path != NULL)
			return (usage());
		else
			path = argv[i];
	}
	if (path == NULL)
		return (usage());
	c = config_load(path);
	if (json) {
		problems_print_json(&out, c);
		buf_byte(&out, '\n');
	} else {
		problems_print(&out, c);
		summary(&out, c, path);
	}
	status = c->unreadable ? EXIT_USAGE : c->n_errors > 0 ? EXIT_ERRORS : EXIT_FINE;
	if (fwrite(out.at, 1, out.len, stdout) != out.len || fflush(stdout) != 0)
		status = EXIT_USAGE;
	buf_free(&out);
	config_release(c);
	return (status);
}
