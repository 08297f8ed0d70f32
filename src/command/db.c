/* SPDX-License-Identifier: Apache-2.0 */
/* sluice db: the schema of the database, and the way from a file to a server. */
#include "command/command.h"

#include "base/json.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage_text[] =
    "usage: sluice db migrate [--config FILE | --database URL]\n"
    "       sluice db status  [--config FILE | --database URL] [--json]\n"
    "       sluice db move    [--config FILE | --database FILE] --to URL\n"
    "\n"
    "  migrate  make the schema, or bring it up to this program's; safe while gateways run\n"
    "  status   say which database it is and whether its schema is new enough; exit 0: it is, 1: the database is away, 3: it is too old\n"
    "  move     copy all of a SQLite file into an empty PostgreSQL database; stop the gateways first: nothing is moved while another program has it open\n"
    "\n"
    "  -c, --config FILE    LiteLLM's config.yaml, which names the database; default: SLUICE_CONFIG, CONFIG_FILE_PATH\n"
    "  -d, --database URL   postgresql://…, or the path of a SQLite file; others see it in the list of processes, DATABASE_URL they do not\n"
    "  -t, --to URL         postgresql://…; a dash takes the address from DATABASE_URL\n"
    "  -j, --json           one JSON object\n";

#define TOO_OLD	3

struct db_options {
	const char	*config, *database, *to;
	bool		 json;
};

static int
migrate(const struct db_options *o, struct store *s)
{
	unsigned from, to;

	(void)o;
	if (store_migrate(s, &from, &to) != STORE_FINE)
		return (command_failed(s, "migrating"));
	if (from == to)
		printf("the schema is at version %u, which is new enough\n", to);
	else if (from == 0)
		printf("the schema is made, at version %u\n", to);
	else
		printf("the schema is brought from version %u to %u\n", from, to);
	return (0);
}

static int
status(const struct db_options *o, struct store *s)
{
	struct arena *a = arena_new();
	struct rows about;
	unsigned version;
	bool fine = STORE0(s, a, &about, SQL_SCHEMA_ABOUT) == STORE_FINE && store_version(s, &version) == STORE_FINE;
	struct text server = fine ? rows_text(&about, 0, 0) : TEXT(""), name = fine ? rows_text(&about, 0, 1) : TEXT("");
	struct buf out = { 0 };

	if (fine && o->json) {
		buf_lit(&out, "{\"server\":\"");
		buf_escape(&out, server);
		buf_lit(&out, "\",\"database\":\"");
		buf_escape(&out, name);
		buf_print(&out, "\",\"version\":%u,\"needed\":%u,\"fit\":%s}\n", version, store_newest, version >= store_newest ? "true" : "false");
	} else if (fine)
		buf_print(&out, TEXT_FMT ", " TEXT_FMT "\nschema: version %u; this program needs %u%s\n", TEXT_ARG(server), TEXT_ARG(name), version,
		    store_newest, version >= store_newest ? "" : ": run sluice db migrate");
	fwrite(out.at, 1, out.len, stdout);
	buf_free(&out);
	arena_free(a);
	return (!fine ? command_failed(s, "the database is away") : version < store_newest ? TOO_OLD : 0);
}

/* move */

static void
say_moved(void *self, const char *table, int64_t rows)
{
	(void)self;
	printf("%-28s %lld\n", table, (long long)rows);
}

static int
move_to(struct store *from, const char *url)
{
	struct store *to = store_new(text_of(url)), *guilty;
	const char *why;
	int rc = 0;

	if (store_move(from, to, say_moved, NULL, &why, &guilty) != STORE_FINE) {
		fprintf(stderr, "sluice: nothing is moved: %s\n", why != NULL ? why : store_why(guilty));
		rc = 1;
	} else
		puts("all is moved; name the new database in the configuration, and start the gateways");
	store_free(to);
	return (rc);
}

static int
move(const struct db_options *o, struct store *s)
{
	const char *to = o->to != NULL && strcmp(o->to, "-") == 0 ? getenv("DATABASE_URL") : o->to;

	return (to == NULL ? command_usage(usage_text, "move needs --to URL") : move_to(s, to));
}

static const struct {
	const char	*name;
	int		(*run)(const struct db_options *, struct store *);
} verbs[] = {
	{ "migrate", migrate }, { "move", move }, { "status", status },
};

static int
run(const struct db_options *o, int (*verb)(const struct db_options *, struct store *))
{
	struct store *s = command_store(o->database, o->config);
	int rc = s != NULL ? verb(o, s) : 1;

	store_free(s);
	return (rc);
}

int
command_db(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' }, { "database", required_argument, NULL, 'd' }, { "json", no_argument, NULL, 'j' },
		{ "to", required_argument, NULL, 't' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	struct db_options o = { 0 };
	int c;

	while ((c = getopt_long(argc, argv, "c:d:jt:h", options, NULL)) != -1) {
		if (c == 'c')
			o.config = optarg;
		else if (c == 'd')
			o.database = optarg;
		else if (c == 't')
			o.to = optarg;
		else if (c == 'j')
			o.json = true;
		else
			return (command_usage(usage_text, c == 'h' ? NULL : "unknown option"));
	}
	if (optind + 1 != argc)
		return (command_usage(usage_text, "db wants one of migrate, move, status"));
	for (size_t i = 0; i < nitems(verbs); i++)
		if (strcmp(argv[optind], verbs[i].name) == 0)
			return (run(&o, verbs[i].run));
	return (command_usage(usage_text, "db has no such command"));
}
