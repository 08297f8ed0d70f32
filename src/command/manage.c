/* SPDX-License-Identifier: Apache-2.0 */
/* sluice key, team, user, budget, audit, admin: rows of verbs, each a call of the management API. */
#include "command/command.h"
#include "command/manager.h"

#include <stdio.h>
#include <stdlib.h>

enum knob_kind { KNOB_TEXT, KNOB_RAW, KNOB_LIST, KNOB_FLAG };
struct knob {
	const char	*name;			/* of the option */
	const char	*member;		/* of the body, or of the query */
	enum knob_kind	 kind;			/* RAW: a number, or JSON */
	const char	*help;
};

static const struct knob key_knobs[] = {
	{ "alias", "key_alias", KNOB_TEXT, "its name among all keys" }, { "user", "user_id", KNOB_TEXT, "whose it is" },
	{ "team", "team_id", KNOB_TEXT, NULL }, { "organization", "organization_id", KNOB_TEXT, NULL },
	{ "tier", "budget_id", KNOB_TEXT, "a budget of /budget/new" },
	{ "models", "models", KNOB_LIST, "a,b: what it may call" }, { "routes", "allowed_routes", KNOB_LIST, NULL },
	{ "budget", "max_budget", KNOB_RAW, "dollars" }, { "period", "budget_duration", KNOB_TEXT, "of the budget: 1d, 7d, 30d …" },
	{ "soft-budget", "soft_budget", KNOB_RAW, NULL }, { "expires", "duration", KNOB_TEXT, "in 12h, 90d …" },
	{ "rpm", "rpm_limit", KNOB_RAW, NULL }, { "tpm", "tpm_limit", KNOB_RAW, NULL }, { "parallel", "max_parallel_requests", KNOB_RAW, NULL },
	{ "tags", "tags", KNOB_LIST, NULL }, { "metadata", "metadata", KNOB_RAW, "a JSON object" }, { NULL, NULL, KNOB_TEXT, NULL },
}, renew_knobs[] = {
	{ "grace", "grace_period", KNOB_TEXT, "how long the older value stays good: 24h" }, { NULL, NULL, KNOB_TEXT, NULL },
}, key_filters[] = {
	{ "user", "user_id", KNOB_TEXT, NULL }, { "team", "team_id", KNOB_TEXT, NULL }, { "alias", "key_alias", KNOB_TEXT, NULL },
	{ "sort", "sort_by", KNOB_TEXT, "created_at, spend, key_alias …" }, { "page", "page", KNOB_TEXT, NULL }, { "size", "size", KNOB_TEXT, NULL },
	{ NULL, NULL, KNOB_TEXT, NULL },
}, team_knobs[] = {
	{ "alias", "team_alias", KNOB_TEXT, NULL }, { "organization", "organization_id", KNOB_TEXT, NULL }, { "models", "models", KNOB_LIST, NULL },
	{ "budget", "max_budget", KNOB_RAW, "dollars" }, { "period", "budget_duration", KNOB_TEXT, NULL }, { "soft-budget", "soft_budget", KNOB_RAW, NULL },
	{ "rpm", "rpm_limit", KNOB_RAW, NULL }, { "tpm", "tpm_limit", KNOB_RAW, NULL }, { "member-budget", "team_member_budget", KNOB_RAW, NULL },
	{ "tags", "tags", KNOB_LIST, NULL }, { "metadata", "metadata", KNOB_RAW, NULL }, { "id", "team_id", KNOB_TEXT, NULL }, { NULL, NULL, KNOB_TEXT, NULL },
}, team_filters[] = {
	{ "user", "user_id", KNOB_TEXT, NULL }, { "organization", "organization_id", KNOB_TEXT, NULL }, { "alias", "team_alias", KNOB_TEXT, NULL },
	{ "page", "page", KNOB_TEXT, NULL }, { "size", "page_size", KNOB_TEXT, NULL }, { NULL, NULL, KNOB_TEXT, NULL },
}, member_knobs[] = {
	{ "role", "role", KNOB_TEXT, "admin or user" }, { "budget", "max_budget_in_team", KNOB_RAW, NULL }, { "period", "budget_duration", KNOB_TEXT, NULL },
	{ NULL, NULL, KNOB_TEXT, NULL },
}, user_knobs[] = {
	{ "email", "user_email", KNOB_TEXT, NULL }, { "alias", "user_alias", KNOB_TEXT, NULL },
	{ "role", "user_role", KNOB_TEXT, "proxy_admin, internal_user …" },
	{ "teams", "teams", KNOB_LIST, NULL }, { "models", "models", KNOB_LIST, NULL }, { "budget", "max_budget", KNOB_RAW, "dollars" },
	{ "period", "budget_duration", KNOB_TEXT, NULL }, { "rpm", "rpm_limit", KNOB_RAW, NULL }, { "tpm", "tpm_limit", KNOB_RAW, NULL },
	{ "metadata", "metadata", KNOB_RAW, NULL }, { "id", "user_id", KNOB_TEXT, NULL },
	{ "key", "auto_create_key", KNOB_RAW, "true or false: one comes along" }, { NULL, NULL, KNOB_TEXT, NULL },
}, user_filters[] = {
	{ "email", "user_email", KNOB_TEXT, NULL }, { "role", "role", KNOB_TEXT, NULL }, { "team", "team", KNOB_TEXT, NULL }, { "page", "page", KNOB_TEXT, NULL },
	{ "size", "page_size", KNOB_TEXT, NULL }, { NULL, NULL, KNOB_TEXT, NULL },
}, budget_knobs[] = {
	{ "budget", "max_budget", KNOB_RAW, "dollars" }, { "period", "budget_duration", KNOB_TEXT, "1d, 7d, 30d …" },
	{ "soft-budget", "soft_budget", KNOB_RAW, NULL },
	{ "rpm", "rpm_limit", KNOB_RAW, NULL }, { "tpm", "tpm_limit", KNOB_RAW, NULL }, { "parallel", "max_parallel_requests", KNOB_RAW, NULL },
	{ "id", "budget_id", KNOB_TEXT, NULL }, { NULL, NULL, KNOB_TEXT, NULL },
}, audit_filters[] = {
	{ "by", "changed_by", KNOB_TEXT, NULL }, { "action", "action", KNOB_TEXT, NULL }, { "entity", "object_id", KNOB_TEXT, NULL },
	{ "from", "start_date", KNOB_TEXT, "2026-11-01" }, { "to", "end_date", KNOB_TEXT, NULL }, { "page", "page", KNOB_TEXT, NULL },
	{ "size", "page_size", KNOB_TEXT, NULL }, { NULL, NULL, KNOB_TEXT, NULL },
};

static const char *const key_columns[] = { "key_alias", "key_name", "user_id", "team_id", "spend", "max_budget", "expires", "blocked", "token", NULL },
    *const team_columns[] = { "team_id", "team_alias", "organization_id", "spend", "max_budget", "budget_reset_at", "blocked", NULL },
    *const user_columns[] = { "user_id", "user_email", "user_role", "spend", "max_budget", "key_count", NULL },
    *const budget_columns[] = { "budget_id", "max_budget", "soft_budget", "budget_duration", "rpm_limit", "tpm_limit", NULL },
    *const audit_columns[] = { "updated_at", "changed_by", "action", "table_name", "object_id", NULL };

struct verb {
	const char	*noun, *name, *method, *path;
	const char	*takes;			/* the member that the words behind take; NULL: none */
	bool		 many;			/* a list of them */
	const struct knob *knobs;
	const char	*list;			/* the answer's member that is a list ("": the whole answer is) … */
	const char	*const *columns;	/* … of rows with these */
	const char	*inside;		/* the answer's member that is shown; NULL: all */
	const char	*also;			/* of the query */
	const char	*help;
};

static const struct verb verbs[] = {
	{ "key", "create", "POST", "/key/generate", NULL, false, key_knobs, NULL, NULL, NULL, NULL, "make one; it is shown this once" },
	{ "key", "list", "GET", "/key/list", NULL, false, key_filters, "keys", key_columns, NULL, "return_full_object=true", "a page of them" },
	{ "key", "info", "GET", "/key/info", "key", false, NULL, NULL, NULL, "info", NULL, "of a key, or of its SHA-256" },
	{ "key", "update", "POST", "/key/update", "key", false, key_knobs, NULL, NULL, NULL, NULL, "`none` clears an option" },
	{ "key", "delete", "POST", "/key/delete", "keys", true, NULL, NULL, NULL, NULL, NULL, "any number of them" },
	{ "key", "block", "POST", "/key/block", "key", false, NULL, NULL, NULL, NULL, NULL, "refuse it" },
	{ "key", "unblock", "POST", "/key/unblock", "key", false, NULL, NULL, NULL, NULL, NULL, "take it again" },
	{ "key", "regenerate", "POST", "/key/regenerate", "key", false, renew_knobs, NULL, NULL, NULL, NULL, "another value for the same key" },
	{ "team", "create", "POST", "/team/new", NULL, false, team_knobs, NULL, NULL, NULL, NULL, "make one" },
	{ "team", "list", "GET", "/v2/team/list", NULL, false, team_filters, "teams", team_columns, NULL, NULL, "a page of them" },
	{ "team", "info", "GET", "/team/info", "team_id", false, NULL, NULL, NULL, "team_info", NULL, "of one" },
	{ "team", "update", "POST", "/team/update", "team_id", false, team_knobs, NULL, NULL, "data", NULL, "`none` clears an option" },
	{ "team", "delete", "POST", "/team/delete", "team_ids", true, NULL, NULL, NULL, NULL, NULL, "with its keys" },
	{ "team", "block", "POST", "/team/block", "team_id", false, NULL, NULL, NULL, NULL, NULL, "refuse its keys" },
	{ "team", "unblock", "POST", "/team/unblock", "team_id", false, NULL, NULL, NULL, NULL, NULL, "take them again" },
	{ "team", "add", "POST", "/team/member_add", "team_id", false, member_knobs, NULL, NULL, NULL, NULL, "TEAM USER: a member" },
	{ "team", "remove", "POST", "/team/member_delete", "team_id", false, NULL, NULL, NULL, NULL, NULL, "TEAM USER: with the keys it has there" },
	{ "user", "create", "POST", "/user/new", NULL, false, user_knobs, NULL, NULL, NULL, NULL, "make one, with a key" },
	{ "user", "list", "GET", "/user/list", NULL, false, user_filters, "users", user_columns, NULL, NULL, "a page of them" },
	{ "user", "info", "GET", "/user/info", "user_id", false, NULL, NULL, NULL, "user_info", NULL, "of one" },
	{ "user", "update", "POST", "/user/update", "user_id", false, user_knobs, NULL, NULL, "data", NULL, "`none` clears an option" },
	{ "user", "delete", "POST", "/user/delete", "user_ids", true, NULL, NULL, NULL, NULL, NULL, "with their keys" },
	{ "budget", "create", "POST", "/budget/new", NULL, false, budget_knobs, NULL, NULL, NULL, NULL, "make a tier, which keys and others share by its id" },
	{ "budget", "list", "GET", "/budget/list", NULL, false, NULL, "", budget_columns, NULL, NULL, "all of them" },
	{ "budget", "info", "POST", "/budget/info", "budgets", true, NULL, "", budget_columns, NULL, NULL, "of some" },
	{ "budget", "update", "POST", "/budget/update", "budget_id", false, budget_knobs, NULL, NULL, NULL, NULL, "`none` clears an option" },
	{ "budget", "delete", "POST", "/budget/delete", "id", false, NULL, NULL, NULL, NULL, NULL, "one that nobody has" },
	{ "audit", "list", "GET", "/audit", NULL, false, audit_filters, "audit_logs", audit_columns, NULL, NULL, "who changed what, newest first" },
};

struct asked {
	const struct verb *verb;
	const char	*config, *database;
	bool		 json;
	const char	*words[1000];
	unsigned	 n_words;
	const char	*options[64][2];	/* name, value */
	unsigned	 n_options;
};

/* help */

static void
print_knobs(FILE *to, const struct knob *k)
{
	for (; k != NULL && k->name != NULL; k++)
		fprintf(to, "      --%s%s%s%s\n", k->name, k->kind == KNOB_FLAG ? "" : " VALUE", k->help != NULL ? "  " : "", k->help != NULL ? k->help : "");
}

static int
help(const char *noun, const char *complaint)
{
	FILE *to = complaint != NULL ? stderr : stdout;

	if (complaint != NULL)
		fprintf(to, "sluice: %s\n\n", complaint);
	for (size_t i = 0; i < nitems(verbs); i++)
		if (strcmp(verbs[i].noun, noun) == 0) {
			fprintf(to, "%s sluice %s %s%s%s [options]  %s\n", i == 0 || strcmp(verbs[i - 1].noun, noun) != 0 ? "usage:" : "      ", noun, verbs[i].name,
			    verbs[i].takes != NULL ? " ID" : "", verbs[i].many ? "…" : "", verbs[i].help);
			print_knobs(to, complaint == NULL ? verbs[i].knobs : NULL);
		}
	if (complaint != NULL) {
		fprintf(to, "\nsluice %s --help tells the options.\n", noun);
		return (2);
	}
	fputs("\n  of all:\n      --set NAME=VALUE     any further member of the body, in JSON or as text\n"
	    "  -j, --json               the answer as it is\n"
	    "  -c, --config FILE        LiteLLM's config.yaml, which names the database; default: SLUICE_CONFIG, CONFIG_FILE_PATH\n"
	    "  -d, --database URL       postgresql://…, or the path of a SQLite file\n", to);
	return (0);
}

/* arguments */

static bool
takes_value(const char *argument, const char *brief, const char *whole)
{
	return (strcmp(argument, brief) == 0 || strcmp(argument, whole) == 0);
}

static const char *
read_option(struct asked *a, const char *argument, const char *value)
{
	if (value == NULL)
		return ("an option lacks its value");
	if (takes_value(argument, "-c", "--config"))
		a->config = value;
	else if (takes_value(argument, "-d", "--database"))
		a->database = value;
	else if (argument[1] != '-')
		return ("unknown option");
	else if (a->n_options == nitems(a->options))
		return ("too many options");
	else {
		a->options[a->n_options][0] = argument + 2;
		a->options[a->n_options++][1] = value;
	}
	return (NULL);
}

/* NULL: fine, or what is wrong. */
static const char *
read_arguments(struct asked *a, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		const char *wrong = NULL;
		char *is = strchr(argv[i], '=');

		if (takes_value(argv[i], "-j", "--json"))
			a->json = true;
		else if (strncmp(argv[i], "--", 2) == 0 && is != NULL && strncmp(argv[i], "--set", 5) != 0) {
			*is = '\0';
			wrong = read_option(a, argv[i], is + 1);
		} else if (argv[i][0] == '-' && argv[i][1] != '\0') {
			wrong = read_option(a, argv[i], argv[i + 1]);
			i++;
		} else if (a->n_words == nitems(a->words))
			wrong = "too many words";
		else
			a->words[a->n_words++] = argv[i];
		if (wrong != NULL)
			return (wrong);
	}
	return (NULL);
}

/* the call */

static const struct knob *
knob_of(const struct verb *v, const char *name)
{
	for (const struct knob *k = v->knobs; k != NULL && k->name != NULL; k++)
		if (strcmp(k->name, name) == 0)
			return (k);
	return (NULL);
}

static bool
is_json(struct text t)
{
	enum json_type type;
	struct json_fault fault;
	size_t n;

	return (json_scan(t, &type, NULL, 0, &n, &fault));
}

static void
set_list(struct doc *d, const char *member, const char *const *words, unsigned n)
{
	struct buf b = { 0 };
	struct json_out o = { .to = &b };

	json_open(&o, '[');
	for (unsigned i = 0; i < n; i++)
		json_string(&o, text_of(words[i]));
	json_close(&o, ']');
	doc_set(d, text_of(member), arena_copy(d->arena, buf_as_text(&b)));
	buf_free(&b);
}

static void
set_commas(struct doc *d, const char *member, struct text list)
{
	const char **words = NULL;
	struct text one;
	unsigned n = 0, room = 0;

	for (bool more = list.len > 0; more;) {
		more = text_cut(list, ',', &one, &list);
		if (text_trim(one).len == 0)
			continue;
		words = arena_widen(d->arena, words, &room, n + 1, n, sizeof(*words));
		words[n++] = arena_copy(d->arena, text_trim(one)).at;
	}
	set_list(d, member, words, n);
}

static void
set_any(struct doc *d, const char *member, struct text value, bool raw)
{
	struct quoted q = json_escape(d->arena, value);

	if (text_is(value, "none"))
		doc_set(d, text_of(member), TEXT("null"));
	else if (raw && is_json(value))
		doc_set(d, text_of(member), value);
	else
		doc_set(d, text_of(member), arena_print(d->arena, "\"%.*s\"", (int)q.len, q.at));
}

/* NULL: fine. */
static const char *
put_option(struct manager *m, const struct verb *v, struct doc *d, struct growing *query, const char *name, const char *value)
{
	const struct knob *k = knob_of(v, name);
	struct text member, rest;

	if (strcmp(name, "set") == 0 && text_cut(text_of(value), '=', &member, &rest)) {
		set_any(d, arena_copy(m->arena, member).at, rest, true);
		return (NULL);
	}
	if (k == NULL)
		return (arena_print(m->arena, "no such option: --%s", name).at);
	if (strcmp(v->method, "GET") == 0)
		manager_ask(m, query, k->member, text_of(value));
	else if (k->kind == KNOB_LIST && strcmp(value, "none") != 0)
		set_commas(d, k->member, text_of(value));
	else
		set_any(d, k->member, text_of(value), k->kind == KNOB_RAW);
	return (NULL);
}

static bool
is_of_member(const struct verb *v)
{
	return (strncmp(v->path, "/team/member_", 13) == 0);
}

/* The words behind the verb: an id, several, or a team and a user. */
static const char *
put_words(struct manager *m, const struct asked *a, struct doc *d, struct growing *query)
{
	const struct verb *v = a->verb;
	unsigned wanted = v->takes == NULL ? 0 : is_of_member(v) ? 2 : 1;

	if (v->many ? a->n_words == 0 : a->n_words != wanted)
		return (wanted == 0 ? "there are words too many" : wanted == 2 ? "a team and a user are wanted" : "an id is wanted");
	if (wanted == 0)
		return (NULL);
	if (v->many)
		set_list(d, v->takes, a->words, a->n_words);
	else if (strcmp(v->method, "GET") == 0)
		manager_ask(m, query, v->takes, text_of(a->words[0]));
	else
		doc_set_string(d, v->takes, text_of(a->words[0]));
	return (NULL);
}

/* What is told of a member: at the top for one call, within `member` for the other. */
static void
put_member(struct doc *d, const struct asked *a)
{
	const char *name = strchr(a->words[1], '@') != NULL ? "user_email" : "user_id";
	struct doc who;

	if (strcmp(a->verb->name, "add") != 0) {
		doc_set_string(d, name, text_of(a->words[1]));
		return;
	}
	doc_read(&who, d->arena, TEXT(""));
	doc_set_string(&who, name, text_of(a->words[1]));
	doc_set_string(&who, "role", doc_string(d, "role").len > 0 ? doc_string(d, "role") : TEXT("user"));
	doc_set(d, TEXT("role"), TEXT(""));
	doc_set(d, TEXT("member"), doc_text(&who));
}

/* answers */

static void
print_list(struct manager *m, const struct verb *v, const struct json *answer)
{
	const struct json *list = v->list[0] != '\0' ? json_get(answer, v->list) : answer, *total = json_get(answer, "total_count");
	unsigned columns = 0, n = 0;
	struct text *cells;

	while (v->columns[columns] != NULL)
		columns++;
	cells = arena_alloc(m->arena, (list != NULL ? list->count : 0) * columns * sizeof(*cells) + 1);
	for (const struct json *i = list != NULL ? list->first : NULL; i != NULL; i = i->next, n++)
		for (unsigned c = 0; c < columns; c++)
			cells[n * columns + c] = shown(m->arena, json_get(i, v->columns[c]));
	print_table(m->arena, v->columns, cells, n, columns);
	if (total == NULL)
		total = json_get(answer, "total");
	if (total != NULL && !text_is(total->raw, arena_print(m->arena, "%u", n).at))
		printf("%u of " TEXT_FMT "; see --page and --size\n", n, TEXT_ARG(total->raw));
}

static void
print_object(struct manager *m, const struct json *o)
{
	if (o->type != JSON_OBJECT)
		print_line("done", shown(m->arena, o));
	for (const struct json *i = o->type == JSON_OBJECT ? o->first : NULL; i != NULL; i = i->next) {
		struct text value = shown(m->arena, i);

		if (!text_is(value, "-"))
			print_line(arena_copy(m->arena, json_unescape(m->arena, i->name)).at, value);
	}
}

static void
print_answer(struct manager *m, const struct asked *a, const struct json *answer)
{
	const struct json *inside = a->verb->inside != NULL ? json_get(answer, a->verb->inside) : answer;

	if (a->json)
		printf(TEXT_FMT "\n", TEXT_ARG(answer->raw));
	else if (a->verb->list != NULL)
		print_list(m, a->verb, answer);
	else
		print_object(m, inside != NULL ? inside : answer);
}

static int
call(struct manager *m, const struct asked *a)
{
	const struct verb *v = a->verb;
	struct growing query = { 0 };
	const struct json *answer;
	const char *wrong;
	struct doc d;

	doc_read(&d, m->arena, TEXT(""));
	if (v->also != NULL)
		arena_append(m->arena, &query, text_of(v->also));
	wrong = put_words(m, a, &d, &query);
	for (unsigned i = 0; i < a->n_options && wrong == NULL; i++)
		wrong = put_option(m, v, &d, &query, a->options[i][0], a->options[i][1]);
	if (wrong != NULL)
		return (help(v->noun, wrong));
	if (is_of_member(v))
		put_member(&d, a);
	answer = manager_call(m, v->method, text_of(v->path), (struct text){ query.len > 0 ? query.at : "", query.len },
	    strcmp(v->method, "GET") == 0 ? TEXT("") : doc_text(&d));
	if (answer == NULL)
		return (1);
	print_answer(m, a, answer);
	return (0);
}

static const struct verb *
verb_of(const char *noun, const char *name)
{
	for (size_t i = 0; i < nitems(verbs); i++)
		if (strcmp(verbs[i].noun, noun) == 0 && strcmp(verbs[i].name, name) == 0)
			return (&verbs[i]);
	return (NULL);
}

int
command_manage(int argc, char **argv)
{
	struct asked *a;
	struct manager m;
	const char *wrong;
	int rc;

	if (argc < 2 || command_wants_help(argc, argv))
		return (help(argv[0], argc < 2 ? "a verb is missing" : NULL));
	if (verb_of(argv[0], argv[1]) == NULL)
		return (help(argv[0], "no such verb"));
	a = must_zalloc(sizeof(*a));
	a->verb = verb_of(argv[0], argv[1]);
	if ((wrong = read_arguments(a, argc - 2, argv + 2)) != NULL)
		rc = help(argv[0], wrong);
	else if (!manager_open(&m, a->config, a->database))
		rc = 1;
	else {
		rc = call(&m, a);
		manager_close(&m);
	}
	free(a);
	return (rc);
}

/* sluice admin METHOD PATH [BODY]: any row of the table */
int
command_admin(int argc, char **argv)
{
	struct asked *a = must_zalloc(sizeof(*a));
	const struct json *answer = NULL;
	struct manager m;
	struct text path, query;
	bool asked = command_wants_help(argc, argv);
	const char *wrong = asked ? NULL : read_arguments(a, argc - 1, argv + 1);

	if (!asked && wrong == NULL && (a->n_options > 0 || a->n_words < 2 || a->n_words > 3))
		wrong = "METHOD and PATH are wanted";
	if (asked || wrong != NULL) {
		free(a);
		return (command_usage("usage: sluice admin METHOD PATH[?QUERY] [BODY] [--config FILE | --database URL]\n\n"
		    "  A call of the management API, straight into the database, as the master key; the answer is JSON.\n", wrong));
	}
	if (!manager_open(&m, a->config, a->database)) {
		free(a);
		return (1);
	}
	if (!text_cut(text_of(a->words[1]), '?', &path, &query))
		query = TEXT("");
	answer = manager_call(&m, a->words[0], path, query, a->n_words > 2 ? text_of(a->words[2]) : TEXT(""));
	if (answer != NULL)
		printf(TEXT_FMT "\n", TEXT_ARG(answer->raw));
	manager_close(&m);
	free(a);
	return (answer != NULL ? 0 : 1);
}
