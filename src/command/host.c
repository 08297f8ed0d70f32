/* SPDX-License-Identifier: Apache-2.0 */
/* sluice host: the hosts that share a database, and the one that does not come back. */
#include "command/command.h"

#include "base/clock.h"
#include "base/json.h"
#include "ledger/leases.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define LIVES_MS	60000		/* since a host was seen last */

static const char usage_text[] =
    "usage: sluice host list       [--config FILE | --database URL] [--json]\n"
    "       sluice host forget ID  [--config FILE | --database URL] [--force]\n"
    "\n"
    "  list    the hosts that use this database, when they were seen last, and how much money they have leased\n"
    "  forget  what that host has leased counts as unspent: for one that never comes back; rows it has not shipped yet are then booked on top\n"
    "\n"
    "  -c, --config FILE    LiteLLM's config.yaml, which names the database; default: SLUICE_CONFIG, CONFIG_FILE_PATH\n"
    "  -d, --database URL   postgresql://…, or the path of a SQLite file\n"
    "  -f, --force          forget it although it was seen within the last minute\n"
    "  -j, --json           a JSON array\n";

struct host_options {
	const char	*config, *database, *id;
	bool		 json, force;
};

enum host_column { H_ID, H_NAME, H_SEEN, H_FORGOTTEN, H_LEASES, H_HELD };

static void
print_json(struct buf *out, const struct rows *rows, unsigned i)
{
	buf_print(out, "%s{\"id\":\"", i > 0 ? "," : "");
	buf_escape(out, rows_text(rows, i, H_ID));
	buf_lit(out, "\",\"name\":\"");
	buf_escape(out, rows_text(rows, i, H_NAME));
	buf_print(out, "\",\"seen_at_ms\":%lld,\"forgotten\":%s,\"leases\":%lld,\"leased\":", (long long)rows_int(rows, i, H_SEEN, 0),
	    rows_int(rows, i, H_FORGOTTEN, 0) != 0 ? "true" : "false", (long long)rows_int(rows, i, H_LEASES, 0));
	money_print(out, rows_int(rows, i, H_HELD, 0));
	buf_byte(out, '}');
}

static void
print_line(struct buf *out, const struct rows *rows, unsigned i)
{
	char seen[25];

	clock_iso(seen, rows_int(rows, i, H_SEEN, 0));
	buf_print(out, TEXT_FMT "  %s  %4lld leases of ", TEXT_ARG(rows_text(rows, i, H_ID)), seen, (long long)rows_int(rows, i, H_LEASES, 0));
	money_print_dollars(out, rows_int(rows, i, H_HELD, 0));
	buf_print(out, "  " TEXT_FMT "%s\n", TEXT_ARG(rows_text(rows, i, H_NAME)), rows_int(rows, i, H_FORGOTTEN, 0) != 0 ? " (forgotten)" : "");
}

static int
list(const struct host_options *o, struct store *s)
{
	struct arena *a = arena_new();
	struct buf out = { 0 };
	struct rows rows;
	bool fine = STORE0(s, a, &rows, SQL_HOST_LIST) == STORE_FINE;

	if (o->json)
		buf_byte(&out, '[');
	for (unsigned i = 0; fine && i < rows.n; i++)
		(o->json ? print_json : print_line)(&out, &rows, i);
	if (o->json)
		buf_lit(&out, "]\n");
	if (fine)
		fwrite(out.at, 1, out.len, stdout);
	buf_free(&out);
	arena_free(a);
	return (fine ? 0 : command_failed(s, "the hosts can not be read"));
}

/* 0, or the exit status: it lives, or there is none. */
static int
may_forget(const struct host_options *o, struct store *s)
{
	struct arena *a = arena_new();
	struct rows rows;
	int rc = STORE0(s, a, &rows, SQL_HOST_LIST) == STORE_FINE ? 0 : command_failed(s, "the hosts can not be read");

	for (unsigned i = 0; rc == 0 && i < rows.n; i++)
		if (text_is(rows_text(&rows, i, H_ID), o->id) && clock_wall_ms() - rows_int(&rows, i, H_SEEN, 0) < LIVES_MS && !o->force) {
			fputs("sluice: that host was seen within the last minute: it would spend what it has leased; stop it first, or use --force\n", stderr);
			rc = 1;
		}
	arena_free(a);
	return (rc);
}

static int
forget(const struct host_options *o, struct store *s)
{
	bool known = false;

	if (o->id == NULL)
		return (command_usage(usage_text, "forget wants the id of a host"));
	if (may_forget(o, s) != 0)
		return (1);
	if (leases_forget_host(s, text_of(o->id), HOST_FORGOTTEN, &known) != STORE_FINE)
		return (command_failed(s, "nothing is forgotten"));
	if (!known)
		fputs("sluice: there is no such host\n", stderr);
	else
		puts("it is forgotten: what it had leased can be spent by others");
	return (known ? 0 : 1);
}

static const struct {
	const char	*name;
	int		 arguments;
	int		(*run)(const struct host_options *, struct store *);
} verbs[] = {
	{ "forget", 1, forget }, { "list", 0, list },
};

static int
run(const struct host_options *o, int (*verb)(const struct host_options *, struct store *))
{
	struct store *s = command_store(o->database, o->config);
	int rc = s != NULL ? verb(o, s) : 1;

	store_free(s);
	return (rc);
}

int
command_host(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' }, { "database", required_argument, NULL, 'd' }, { "force", no_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	struct host_options o = { 0 };
	int c;

	while ((c = getopt_long(argc, argv, "c:d:fjh", options, NULL)) != -1) {
		if (c == 'c')
			o.config = optarg;
		else if (c == 'd')
			o.database = optarg;
		else if (c == 'f')
			o.force = true;
		else if (c == 'j')
			o.json = true;
		else
			return (command_usage(usage_text, c == 'h' ? NULL : "unknown option"));
	}
	for (size_t i = 0; i < nitems(verbs) && optind < argc; i++)
		if (strcmp(argv[optind], verbs[i].name) == 0 && argc - optind - 1 == verbs[i].arguments) {
			o.id = verbs[i].arguments > 0 ? argv[optind + 1] : NULL;
			return (run(&o, verbs[i].run));
		}
	return (command_usage(usage_text, "host wants list, or forget and an id"));
}
