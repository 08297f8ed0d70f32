/* SPDX-License-Identifier: Apache-2.0 */
/* sluice spend: sums of days by who or what spent; the rows themselves; and why one request went as it did. */
#include "command/command.h"
#include "command/manager.h"

#include "base/clock.h"
#include "base/date.h"

#include <stdio.h>
#include <stdlib.h>

static const char usage_text[] =
    "usage: sluice spend report [--by WHAT] [--from DAY] [--to DAY]   sums, the dearest first\n"
    "       sluice spend logs   [--key K] [--user U] [--team T] [--from MOMENT] [--to MOMENT] [--page N] [--size N]   requests, the newest first\n"
    "       sluice why REQUEST [--prompts]   what one request cost, why, who was asked, what went wrong; and its words, if they are stored\n"
    "\n"
    "  --by WHAT            key, user, team, organization, customer, tag, model, group or provider; default: key\n"
    "  --from, --to         2026-11-01; default: the last 30 days\n"
    "  -j, --json           the answer as it is\n"
    "  -c, --config FILE    LiteLLM's config.yaml, which names the database; default: SLUICE_CONFIG, CONFIG_FILE_PATH\n"
    "  -d, --database URL   postgresql://…, or the path of a SQLite file\n";

static const struct {
	const char	*by, *path, *map, *alias;
} ways[] = {
	{ "key", "/user/daily/activity/aggregated", "api_keys", "key_alias" }, { "model", "/user/daily/activity/aggregated", "models", NULL },
	{ "group", "/user/daily/activity/aggregated", "model_groups", NULL }, { "provider", "/user/daily/activity/aggregated", "providers", NULL },
	{ "user", "/user/daily/activity/aggregated", "entities", "user_alias" }, { "team", "/team/daily/activity", "entities", "team_alias" },
	{ "organization", "/organization/daily/activity", "entities", "organization_alias" }, { "customer", "/customer/daily/activity", "entities", "alias" },
	{ "tag", "/tag/daily/activity", "entities", NULL },
};

static const struct {
	const char	*option, *member;
} options_known[] = {
	{ "--by", "" }, { "--from", "start_date" }, { "--to", "end_date" }, { "--key", "api_key" }, { "--user", "user_id" }, { "--team", "team_id" },
	{ "--page", "page" }, { "--size", "page_size" }, { "--status", "status_filter" }, { "--model", "model" },
};

struct wish {
	const char	*config, *database, *by, *word;
	const char	*value[nitems(options_known)];
	bool		 json, prompts;
};

/* NULL: fine. */
static const char *
read_option(struct wish *w, const char *name, const char *value)
{
	size_t o = 0;

	if (value == NULL)
		return ("an option lacks its value");
	while (o < nitems(options_known) && strcmp(name, options_known[o].option) != 0)
		o++;
	if (strcmp(name, "-c") == 0 || strcmp(name, "--config") == 0)
		w->config = value;
	else if (strcmp(name, "-d") == 0 || strcmp(name, "--database") == 0)
		w->database = value;
	else if (o < nitems(options_known))
		w->value[o] = value;
	else
		return ("unknown option");
	return (NULL);
}

/* NULL: fine. */
static const char *
read_wish(struct wish *w, int argc, char **argv)
{
	const char *wrong = NULL;

	for (int i = 0; i < argc && wrong == NULL; i++) {
		char *is = strncmp(argv[i], "--", 2) == 0 ? strchr(argv[i], '=') : NULL;

		if (strcmp(argv[i], "-j") == 0 || strcmp(argv[i], "--json") == 0)
			w->json = true;
		else if (strcmp(argv[i], "--prompts") == 0)
			w->prompts = true;
		else if (argv[i][0] != '-' && w->word != NULL)
			wrong = "there are words too many";
		else if (argv[i][0] != '-')
			w->word = argv[i];
		else if (is != NULL) {
			*is = '\0';
			wrong = read_option(w, argv[i], is + 1);
		} else {
			wrong = read_option(w, argv[i], argv[i + 1]);
			i++;
		}
	}
	w->by = w->value[0] != NULL ? w->value[0] : "key";
	return (wrong);
}

static struct text
query_of(struct manager *m, const struct wish *w, int64_t page)
{
	struct growing q = { 0 };
	struct buf day = { 0 };
	int64_t today = day_of_ms(clock_wall_ms());

	for (size_t i = 1; i < nitems(options_known); i++)
		if (w->value[i] != NULL && (page == 0 || strcmp(options_known[i].member, "page") != 0))
			manager_ask(m, &q, options_known[i].member, text_of(w->value[i]));
	if (w->value[1] == NULL) {
		day_print(&day, today - 30);
		manager_ask(m, &q, "start_date", buf_as_text(&day));
		day.len = 0;
	}
	if (w->value[2] == NULL) {
		day_print(&day, today + 1);
		manager_ask(m, &q, "end_date", buf_as_text(&day));
	}
	if (page > 0)
		manager_ask(m, &q, "page", arena_print(m->arena, "%lld", (long long)page));
	buf_free(&day);
	return ((struct text){ q.at, q.len });
}

/* report */

struct line {
	struct text	 name, alias;
	int64_t		 requests, failures, prompt, completion, cost;
};
struct lines {
	struct line	*all;
	unsigned	 n, room;
	bool		 cut;			/* a day had more than it told of */
};

static int64_t
count_in(const struct json *o, const char *name)
{
	const struct json *v = json_get(o, name);
	int64_t n;

	return (v != NULL && json_to_i64(v->raw, &n) ? n : 0);
}

static struct line *
line_of(struct lines *l, struct manager *m, struct text name)
{
	for (unsigned i = 0; i < l->n; i++)
		if (text_eq(l->all[i].name, name))
			return (&l->all[i]);
	l->all = arena_widen(m->arena, l->all, &l->room, l->n + 1, l->n, sizeof(*l->all));
	l->all[l->n].name = name;
	return (&l->all[l->n++]);
}

static void
add_metrics(struct line *line, const struct json *metrics)
{
	const struct json *spend = json_get(metrics, "spend");
	int64_t cost = 0;

	if (spend != NULL)
		(void)money_read(spend->raw, &cost);
	line->cost += cost;
	line->requests += count_in(metrics, "api_requests");
	line->failures += count_in(metrics, "failed_requests");
	line->prompt += count_in(metrics, "prompt_tokens");
	line->completion += count_in(metrics, "completion_tokens");
}

static void
add_part(struct lines *l, struct manager *m, const struct json *part, const char *alias)
{
	struct line *line = line_of(l, m, json_unescape(m->arena, part->name));

	if (alias != NULL && line->alias.len == 0)
		line->alias = json_unescape(m->arena, json_quoted(json_get(json_get(part, "metadata"), alias)));
	add_metrics(line, json_get(part, "metrics"));
}

static void
add_line(struct line *to, const struct line *x, int sign)
{
	to->cost += sign * x->cost;
	to->requests += sign * x->requests;
	to->failures += sign * x->failures;
	to->prompt += sign * x->prompt;
	to->completion += sign * x->completion;
}

/* What was spent without a team, say: else "all" would hide it.  False: the days can not be had. */
static bool
add_rest(struct lines *l, struct manager *m, const struct wish *w)
{
	const struct json *answer = manager_call(m, "GET", TEXT("/user/daily/activity/aggregated"), query_of(m, w, 0), TEXT("")),
	    *days = json_get(answer, "results");
	struct line rest = { .name = l->cut ? TEXT("(others)") : arena_print(m->arena, "(no %s)", w->by), .alias = TEXT("") };

	for (const struct json *day = days != NULL ? days->first : NULL; day != NULL; day = day->next)
		add_metrics(&rest, json_get(day, "metrics"));
	for (unsigned i = 0; i < l->n; i++)
		add_line(&rest, &l->all[i], -1);
	if (rest.requests > 0)
		*line_of(l, m, rest.name) = rest;
	return (answer != NULL);
}

static int
dearest_first(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return (x->cost != y->cost ? (x->cost < y->cost ? 1 : -1) : (x->requests < y->requests) - (x->requests > y->requests));
}

static struct text
dollars(struct arena *a, int64_t nano)
{
	struct buf b = { 0 };
	struct text t;

	money_print_dollars(&b, nano);
	t = arena_copy(a, buf_as_text(&b));
	buf_free(&b);
	return (t);
}

static struct text
plain(struct manager *m, struct text t)
{
	struct json quoted = { .type = JSON_STRING };
	struct quoted q = json_escape(m->arena, t);

	quoted.raw = arena_print(m->arena, "\"%.*s\"", (int)q.len, q.at);
	return (shown(m->arena, &quoted));
}

static void
print_report(struct manager *m, struct lines *l, const char *by)
{
	const char *const titles[] = { by, "alias", "spend", "requests", "failed", "prompt tokens", "completion tokens" };
	struct text *cells = arena_alloc(m->arena, (l->n + 1) * nitems(titles) * sizeof(*cells));
	struct line all = { .name = TEXT("all"), .alias = TEXT("") };

	if (l->n > 0)
		qsort(l->all, l->n, sizeof(*l->all), dearest_first);
	for (unsigned i = 0; i <= l->n; i++) {
		const struct line *x = i < l->n ? &l->all[i] : &all;
		struct text *row = &cells[i * nitems(titles)];

		row[0] = plain(m, x->name);
		row[1] = plain(m, x->alias);
		row[2] = dollars(m->arena, x->cost);
		row[3] = arena_print(m->arena, "%lld", (long long)x->requests);
		row[4] = arena_print(m->arena, "%lld", (long long)x->failures);
		row[5] = arena_print(m->arena, "%lld", (long long)x->prompt);
		row[6] = arena_print(m->arena, "%lld", (long long)x->completion);
		add_line(&all, x, 1);
	}
	print_table(m->arena, titles, cells, l->n + (strcmp(by, "tag") != 0), nitems(titles));
}

static int
report(struct manager *m, const struct wish *w)
{
	struct lines l = { 0 };
	size_t way = 0;
	bool more = true;

	while (way < nitems(ways) && strcmp(ways[way].by, w->by) != 0)
		way++;
	if (way == nitems(ways))
		return (command_usage(usage_text, "--by takes key, user, team, organization, customer, tag, model, group or provider"));
	for (int64_t page = 1; more; page++) {
		const struct json *answer = manager_call(m, "GET", text_of(ways[way].path), query_of(m, w, page), TEXT("")), *days, *map;

		if (answer == NULL)
			return (1);
		if (w->json)
			printf(TEXT_FMT "\n", TEXT_ARG(answer->raw));
		days = json_get(answer, "results");
		for (const struct json *day = days != NULL ? days->first : NULL; day != NULL; day = day->next) {
			map = json_get(json_get(day, "breakdown"), ways[way].map);
			for (const struct json *part = map != NULL ? map->first : NULL; part != NULL; part = part->next)
				add_part(&l, m, part, ways[way].alias);
		}
		l.cut |= json_true(json_get(json_get(answer, "metadata"), "breakdown_is_cut"));
		more = json_true(json_get(json_get(answer, "metadata"), "has_more"));
	}
	if (!w->json && strcmp(w->by, "tag") != 0 && !add_rest(&l, m, w))	/* a request may have several tags */
		return (1);
	if (!w->json)
		print_report(m, &l, w->by);
	return (0);
}

/* logs */

static int
logs(struct manager *m, const struct wish *w)
{
	static const char *const columns[] = { "startTime", "request_id", "user", "team_id", "model_group", "prompt_tokens", "completion_tokens", "spend" };
	const struct json *answer = manager_call(m, "GET", TEXT("/spend/logs/v2"), query_of(m, w, 0), TEXT("")), *data;
	struct text *cells;
	unsigned n = 0;

	if (answer == NULL)
		return (1);
	if (w->json) {
		printf(TEXT_FMT "\n", TEXT_ARG(answer->raw));
		return (0);
	}
	data = json_get(answer, "data");
	cells = arena_alloc(m->arena, (data != NULL ? data->count : 0) * nitems(columns) * sizeof(*cells) + 1);
	for (const struct json *i = data != NULL ? data->first : NULL; i != NULL; i = i->next, n++)
		for (size_t c = 0; c < nitems(columns); c++)
			cells[n * nitems(columns) + c] = shown(m->arena, json_get(i, columns[c]));
	print_table(m->arena, columns, cells, n, nitems(columns));
	return (0);
}

int
command_spend(int argc, char **argv)
{
	struct wish w = { 0 };
	struct manager m;
	const char *wrong;
	int rc;

	if (argc < 2 || command_wants_help(argc, argv))
		return (command_usage(usage_text, argc < 2 ? "a verb is missing" : NULL));
	if (strcmp(argv[1], "report") != 0 && strcmp(argv[1], "logs") != 0)
		return (command_usage(usage_text, "no such verb"));
	wrong = read_wish(&w, argc - 2, argv + 2);
	if (wrong != NULL || w.word != NULL)
		return (command_usage(usage_text, wrong != NULL ? wrong : "there are words too many"));
	if (!manager_open(&m, w.config, w.database))
		return (1);
	rc = strcmp(argv[1], "report") == 0 ? report(&m, &w) : logs(&m, &w);
	manager_close(&m);
	return (rc);
}

/* why */

static void
say(struct manager *m, const struct json *row, const char *name, const char *member)
{
	struct text t = shown(m->arena, json_get(row, member));

	if (!text_is(t, "-"))
		print_line(name, t);
}

static void
say_attempts(struct manager *m, const struct json *list)
{
	unsigned n = 1;

	for (const struct json *i = json_is(list, JSON_ARRAY) ? list->first : NULL; i != NULL; i = i->next, n++) {
		struct text error = shown(m->arena, json_get(i, "error"));

		printf("attempt %u: " TEXT_FMT ", status " TEXT_FMT ", " TEXT_FMT " ms%s" TEXT_FMT "\n", n, TEXT_ARG(shown(m->arena, json_get(i, "deployment"))),
		    TEXT_ARG(shown(m->arena, json_get(i, "status"))), TEXT_ARG(shown(m->arena, json_get(i, "ms"))), text_is(error, "-") ? "" : ", ",
		    TEXT_ARG(text_is(error, "-") ? TEXT("") : error));
	}
}

/* Rates that are of no token, and what they are of. */
static const char *const units[][2] = {
	{ "request", "a request" }, { "second_in", "a second" }, { "second_out", "a second" }, { "query", "a query" }, { "search", "a search" },
};

static void
say_rate(struct manager *m, const struct json *rate)
{
	const char *unit = "a million tokens";
	int64_t pico = 0, nano;

	(void)json_to_i64(rate->raw, &pico);
	nano = pico * 1000;				/* of a million */
	for (size_t i = 0; i < nitems(units); i++)
		if (quoted_is(rate->name, units[i][0])) {
			unit = units[i][1];
			nano = pico / 1000;
		}
	printf("rate of %.*s: " TEXT_FMT " %s\n", (int)rate->name.len, rate->name.at, TEXT_ARG(dollars(m->arena, nano)), unit);
}

/* The price in force as it was kept with the row. */
static void
say_price(struct manager *m, const struct json *price)
{
	for (const struct json *i = json_is(price, JSON_OBJECT) ? price->first : NULL; i != NULL; i = i->next) {
		if (!quoted_is(i->name, "pico"))
			printf("price %.*s: " TEXT_FMT "\n", (int)i->name.len, i->name.at, TEXT_ARG(shown(m->arena, i)));
		for (const struct json *rate = quoted_is(i->name, "pico") ? i->first : NULL; rate != NULL; rate = rate->next)
			say_rate(m, rate);
	}
}

static void
say_why(struct manager *m, const struct json *row)
{
	static const char *const lines[][2] = { { "request", "request_id" }, { "began", "startTime" }, { "first token", "completionStartTime" },
		{ "ended", "endTime" }, { "call", "call_type" }, { "asked for", "model_group" }, { "answered by", "model" }, { "deployment", "model_id" },
		{ "server", "api_base" }, { "key", "api_key" }, { "user", "user" }, { "team", "team_id" }, { "organization", "organization_id" },
		{ "end user", "end_user" }, { "tags", "request_tags" }, { "session", "session_id" }, { "prompt tokens", "prompt_tokens" },
		{ "completion tokens", "completion_tokens" }, { "cost in dollars", "spend" } };
	const struct json *meta = json_get(row, "metadata"), *error = json_get(meta, "error_information");

	for (size_t i = 0; i < nitems(lines); i++)
		say(m, row, lines[i][0], lines[i][1]);
	say(m, meta, "key alias", "user_api_key_alias");
	say(m, meta, "notes", "spend_logs_metadata");
	say(m, meta, "end", "ended");
	say(m, meta, "status", "status_code");
	if (json_true(json_get(meta, "estimated")))
		puts("the tokens are counted here: the upstream did not tell them");
	say_attempts(m, json_get(meta, "attempts"));
	say_price(m, json_get(meta, "price"));
	if (json_is(error, JSON_OBJECT)) {
		say(m, error, "error", "message");
		say(m, error, "error type", "type");
	}
}

/* What was asked and answered; false: it can not be had. */
static bool
say_prompts(struct manager *m, const char *id, bool json)
{
	const struct json *all = manager_call(m, "GET", arena_print(m->arena, "/spend/logs/ui/%s", id), TEXT(""), TEXT(""));
	const struct json *messages = json_get(all, "messages"), *one = json_is(messages, JSON_ARRAY) ? messages->first : NULL;

	if (all == NULL)
		return (false);
	if (json) {
		printf(TEXT_FMT "\n", TEXT_ARG(all->raw));
		return (true);
	}
	if (text_is(shown(m->arena, json_get(all, "proxy_server_request")), "-"))
		puts("its words are not stored");
	for (; one != NULL; one = one->next)
		printf("asked " TEXT_FMT ": " TEXT_FMT "\n", TEXT_ARG(shown(m->arena, json_get(one, "role"))), TEXT_ARG(shown(m->arena, json_get(one, "content"))));
	if (!json_is(messages, JSON_ARRAY) && messages != NULL && !text_is(shown(m->arena, messages), "-"))
		print_line("asked", shown(m->arena, messages));
	say(m, all, "answered", "response");
	return (true);
}

int
command_why(int argc, char **argv)
{
	struct wish w = { 0 };
	const struct json *answer = NULL;
	struct growing query = { 0 };
	struct manager m;
	bool help = command_wants_help(argc, argv), good;
	const char *wrong = help ? NULL : read_wish(&w, argc - 1, argv + 1);

	if (help || wrong != NULL || w.word == NULL)
		return (command_usage(usage_text, wrong != NULL || help ? wrong : "which request?"));
	if (!manager_open(&m, w.config, w.database))
		return (1);
	manager_ask(&m, &query, "request_id", text_of(w.word));
	answer = manager_call(&m, "GET", TEXT("/spend/logs"), (struct text){ query.at, query.len }, TEXT(""));
	if (answer != NULL && json_is(answer, JSON_ARRAY) && answer->count == 0) {
		fprintf(stderr, "sluice: no request %s is in the ledger; what was just made is there in a second\n", w.word);
		answer = NULL;
	} else if (answer != NULL && w.json && !w.prompts)
		printf(TEXT_FMT "\n", TEXT_ARG(answer->raw));
	else if (answer != NULL && !w.json)
		say_why(&m, answer->type == JSON_ARRAY ? answer->first : answer);
	good = answer != NULL && (!w.prompts || say_prompts(&m, w.word, w.json));
	manager_close(&m);
	return (good ? 0 : 1);
}
