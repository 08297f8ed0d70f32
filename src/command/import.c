/* SPDX-License-Identifier: Apache-2.0 */
/* sluice import, sluice export: from LiteLLM, and back. */
#include "command/command.h"

#include "admin/import.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char usage_text[] =
    "usage: sluice import litellm --from URL [--config FILE]\n"
    "       sluice export litellm --to URL [--config FILE]\n"
    "\n"
    "  import  bring LiteLLM's keys, teams, users, budgets, spending, models, settings … from its database; again: what changed since\n"
    "  export  hand keys, teams, budgets … that were made here, and what was spent, back to it\n"
    "\n"
    "  -f, --from URL, -t, --to URL   postgresql://… of LiteLLM; its LITELLM_SALT_KEY must be set as for LiteLLM itself\n"
    "  -c, --config FILE              LiteLLM's config.yaml, which names our database; default: SLUICE_CONFIG, CONFIG_FILE_PATH\n";

static void
say(void *self, const char *line)
{
	(void)self;
	fprintf(stderr, "sluice: %s\n", line);
}

static int
told(const struct import *m, const struct error *e)
{
	int64_t failed = 0;

	for (unsigned i = 0; i < m->n_counts; i++) {
		const struct import_count *c = &m->counts[i];

		printf("%-22s %8lld there %8lld brought %8lld failed", c->what, (long long)c->seen, (long long)c->brought, (long long)c->failed);
		if (c->left > 0)
			printf(", %lld left", (long long)c->left);
		putchar('\n');
		failed += c->failed;
	}
	if (e != NULL)
		fprintf(stderr, "sluice: " TEXT_FMT "\n", TEXT_ARG(e->message));
	return (e != NULL || failed > 0 ? 1 : 0);
}

static int
run(const char *other, const char *config, struct error *(*way)(struct import *, struct arena *))
{
	struct config *c = command_config(config);
	struct import m = { .config = c, .say = say };
	struct arena *arena;
	int rc;

	if (c == NULL)
		return (1);
	arena = arena_new();
	m.to = store_pool_new(c->settings.database, 1, NULL);
	m.from = store_new(text_of(other));
	m.salt_key = c->settings.salt_key;
	rc = told(&m, way(&m, arena));
	store_free(m.from);
	store_pool_free(m.to);
	arena_free(arena);
	config_release(c);
	return (rc);
}

static int
either(int argc, char **argv, struct error *(*way)(struct import *, struct arena *))
{
	static const struct option options[] = {
		{ "from", required_argument, NULL, 'f' }, { "to", required_argument, NULL, 't' }, { "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	const char *other = NULL, *config = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "f:t:c:h", options, NULL)) != -1) {
		if (c == 'f' || c == 't')
			other = optarg;
		else if (c == 'c')
			config = optarg;
		else
			return (command_usage(usage_text, c == 'h' ? NULL : "no such option"));
	}
	if (optind + 1 != argc || strcmp(argv[optind], "litellm") != 0)
		return (command_usage(usage_text, "say what: litellm"));
	if (other == NULL || strncmp(other, "postgres", 8) != 0)
		return (command_usage(usage_text, "LiteLLM's database must be given: postgresql://…"));
	return (run(other, config, way));
}

int
command_import(int argc, char **argv)
{
	return (either(argc, argv, import_litellm));
}

int
command_export(int argc, char **argv)
{
	return (either(argc, argv, export_litellm));
}
