/* SPDX-License-Identifier: Apache-2.0 */
/* Options, configuration, loop; nothing else. */
#include "admin/rotate.h"
#include "base/log.h"
#include "base/privacy.h"
#include "board/board.h"
#include "command/command.h"
#include "config/config.h"
#include "exchange/worker.h"
#include "housekeeper/housekeeper.h"
#include "serve/serve.h"
#include "web/web.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG	4096

static const char usage_text[] =
    "usage: sluice serve [--config FILE] [--listen WHERE] [--workers N]\n"
    "       sluice housekeeper [--config FILE]\n"
    "       sluice check [--json] FILE\n"
    "       sluice settings [--markdown]\n"
    "       sluice db migrate | status | move [--config FILE | --database URL]\n"
    "       sluice host list | forget ID [--config FILE | --database URL]\n"
    "       sluice import litellm --from URL; sluice export litellm --to URL\n"
    "       sluice key | team | user | budget | audit | spend VERB … ; sluice why REQUEST; sluice admin METHOD PATH [BODY]\n"
    "       sluice version | help\n"
    "\n"
    "An LLM gateway that runs as FastCGI workers behind Apache httpd, lighttpd or nginx.\n"
    "\n"
    "  serve     bind a socket and run a pool of workers behind it\n"
    "  housekeeper  ship rows into the database and read changes from it, where a web server starts the workers\n"
    "  check     report every problem of a configuration; exit 0: none, 1: errors, 2: unreadable\n"
    "  db        make the schema of the database, look at it, or move to another; see sluice db --help\n"
    "  host      the hosts that share the database, and one that never comes back\n"
    "  import, export  take LiteLLM's tables over, and hand keys and spending back\n"
    "  key, team, user, budget, audit, spend, why, admin\n"
    "            manage what the database knows: see sluice key --help …\n"
    "  settings  describe the settings under `sluice:` in the configuration\n"
    "\n"
    "Without a command and with a listening socket as standard input (lighttpd bin-path, mod_fcgid) it is one\n"
    "worker, and with GATEWAY_INTERFACE and REQUEST_METHOD in the environment (plain CGI) it answers that request;\n"
    "SLUICE_CONFIG or CONFIG_FILE_PATH names its configuration.\n"
    "\n"
    "  -c, --config FILE    LiteLLM's config.yaml; default: SLUICE_CONFIG, CONFIG_FILE_PATH\n"
    "  -l, --listen WHERE   a socket's path, or host:port; default: sluice.listen of the configuration\n"
    "  -w, --workers N      how many workers; default: sluice.workers of the configuration\n";

static const char *
config_path(const char *given)
{
	if (given == NULL)
		given = getenv("SLUICE_CONFIG");
	return (given != NULL ? given : getenv("CONFIG_FILE_PATH"));
}

static int
usage(const char *complaint)
{
	if (complaint != NULL)
		fprintf(stderr, "sluice: %s\n\n", complaint);
	fputs(usage_text, complaint != NULL ? stderr : stdout);
	return (complaint != NULL ? 2 : 0);
}

/* spawned by a web server */

static bool
is_listening(int fd)
{
	int listening = 0;
	socklen_t len = sizeof(listening);

	return (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening);
}

static int
spawned_main(void)
{
	const char *path = config_path(NULL), *seat = getenv("SLUICE_SEAT");

	web_raise_files();
	return (worker_run(0, config_load(path), path, seat != NULL && strcmp(seat, "narrow") == 0 ? FORM_ONE : FORM_SPAWNED));
}

static bool
is_cgi(void)
{
	const char *interface = getenv("GATEWAY_INTERFACE");

	return (interface != NULL && strncmp(interface, "CGI/", 4) == 0 && getenv("REQUEST_METHOD") != NULL && !is_listening(STDIN_FILENO));
}

static int
cgi_main(void)
{
	const char *path = config_path(NULL);

	return (worker_run(-1, config_load(path), path, FORM_CGI));
}

/* sluice serve */

struct serve_arguments {
	const char	*config, *listen;
	int64_t		 workers;
};

static int
serve_worker(int fd, unsigned number, void *arg)
{
	const struct serve_arguments *a = arg;

	(void)number;
	return (worker_run(fd, config_load(a->config), a->config, FORM_SERVE));
}

static int
serve_keeper(void *arg)
{
	return (housekeeper_run(((const struct serve_arguments *)arg)->config, &admin_for_keeper));
}

/* Errors are said and refuse; warnings are said by each worker. */
static bool
is_fit(const struct config *c)
{
	struct buf out = { 0 };

	if (c->n_errors > 0) {
		problems_print(&out, c);
		fwrite(out.at, 1, out.len, stderr);
		buf_free(&out);
	}
	return (c->n_errors == 0);
}

static bool
serve_reload(void *arg)
{
	const struct serve_arguments *a = arg;
	struct config *c = config_load(a->config);
	bool fit = is_fit(c);

	config_release(c);
	return (fit);
}

static int
serve_options(struct serve_arguments *a, int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' }, { "listen", required_argument, NULL, 'l' },
		{ "workers", required_argument, NULL, 'w' }, { NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:l:w:", options, NULL)) != -1) {
		if (c == 'c')
			a->config = optarg;
		else if (c == 'l')
			a->listen = optarg;
		else if (c != 'w' || !text_to_i64(text_of(optarg), &a->workers) || a->workers < 1 || a->workers > BOARD_WIDE)
			return (usage(c == 'w' ? "--workers takes a number from 1 to 16" : "unknown option"));
	}
	return (optind < argc ? usage("serve takes options only") : 0);
}

/* The socket is systemd's, or made here. */
static int
serve_on(struct serve_arguments *a, const struct settings *settings)
{
	const char *where = a->listen != NULL ? a->listen : settings->listen.at;
	struct serve s = { .workers = (unsigned)(a->workers > 0 ? a->workers : settings->workers), .drain_ms = settings->drain_ms,
		.worker = serve_worker, .keeper = serve_keeper, .reload = serve_reload, .arg = a };
	struct buf why = { 0 };

	s.listen_fd = serve_inherited();
	if (s.listen_fd < 0) {
		s.listen_fd = web_bind(where, BACKLOG, &why);
		s.path = strchr(where, '/') != NULL ? where : NULL;
	}
	if (s.listen_fd < 0)
		note(NOTE_ERROR, "", "%s: " TEXT_FMT, where, TEXT_ARG(buf_as_text(&why)));
	buf_free(&why);
	return (s.listen_fd < 0 ? 1 : serve_run(&s));
}

static int
serve_main(int argc, char **argv)
{
	struct serve_arguments a = { 0 };
	struct config *config;
	int rc = serve_options(&a, argc, argv);

	if (rc != 0)
		return (rc);
	a.config = config_path(a.config);
	if (a.config == NULL)
		return (usage("serve needs --config FILE"));
	web_raise_files();
	config = config_load(a.config);
	if (!is_fit(config)) {
		config_release(config);
		return (1);
	}
	rc = serve_on(&a, &config->settings);
	config_release(config);
	return (rc);
}

/* What the board of that configuration takes. */
static void
print_board(const char *path)
{
	struct config *config = config_load(path);

	printf("the board takes %zu KB in sluice.run_dir\n", board_size((unsigned)config->settings.known_keys, (unsigned)config->settings.metrics_series) / 1024);
	config_release(config);
}

/* The problems, and what a host needs. */
static int
check_main(int argc, char **argv)
{
	int rc = config_check_main(argc, argv);
	bool json = false;

	for (int i = 1; i < argc; i++)
		json |= strcmp(argv[i], "--json") == 0;
	if (rc < 2 && !json)
		print_board(argv[argc - 1]);
	return (rc);
}

static int
version_main(int argc, char **argv)
{
	(void)argc, (void)argv;
	puts("sluice " SLUICE_VERSION);
	return (0);
}

static int
housekeeper_main(int argc, char **argv)
{
	struct serve_arguments a = { 0 };
	int rc = serve_options(&a, argc, argv);

	if (rc != 0 || a.listen != NULL || a.workers != 0)
		return (rc != 0 ? rc : usage("housekeeper takes --config only"));
	return (housekeeper_run(config_path(a.config), &admin_for_keeper));
}

static int
help_main(int argc, char **argv)
{
	(void)argc, (void)argv;
	return (usage(NULL));
}

static int
settings_main(int argc, char **argv)
{
	struct buf out = { 0 };

	settings_print(&out, argc > 1 && strcmp(argv[1], "--markdown") == 0);
	fwrite(out.at, 1, out.len, stdout);
	buf_free(&out);
	return (0);
}

static const struct {
	const char	*name;
	int		(*main)(int argc, char **argv);
} commands[] = {
	{ "serve", serve_main }, { "housekeeper", housekeeper_main }, { "check", check_main }, { "settings", settings_main },
	{ "db", command_db }, { "host", command_host }, { "import", command_import }, { "export", command_export },
	{ "key", command_manage }, { "team", command_manage }, { "user", command_manage },
	{ "budget", command_manage }, { "audit", command_manage },
	{ "spend", command_spend }, { "why", command_why }, { "admin", command_admin },
	{ "version", version_main }, { "--version", version_main }, { "help", help_main }, { "--help", help_main }, { "-h", help_main },
};

/* Of a command whose options stand in the summary only. */
static bool
wants_summary(int argc, char **argv)
{
	static const char *const summarized[] = { "serve", "housekeeper", "settings", "version" };

	if (argc != 3 || (strcmp(argv[2], "--help") != 0 && strcmp(argv[2], "-h") != 0))
		return (false);
	for (size_t i = 0; i < nitems(summarized); i++)
		if (strcmp(argv[1], summarized[i]) == 0)
			return (true);
	return (false);
}

int
main(int argc, char **argv)
{
	privacy_of_memory(false);		/* until the configuration says otherwise */
	/* Before any argument is looked at: a server makes arguments of a query without '=' (RFC 3875, 4.4), so a client would give us commands. */
	if (is_cgi())
		return (cgi_main());
	if (argc < 2)
		return (is_listening(0) ? spawned_main() : usage("a command is missing"));
	if (wants_summary(argc, argv))
		return (usage(NULL));
	for (size_t i = 0; i < nitems(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return (commands[i].main(argc - 1, argv + 1));
	return (usage("no such command"));
}
