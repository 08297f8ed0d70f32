/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any calls of the management API, by an administrator, a user, a viewer and a key of nobody: none of them brings the database to its limits or out of step,
 * and all answers are JSON.
 *
 * Calls stand behind each other with lines "--" between.  The first letter of one chooses who calls: a, u, v, k; the line goes on with method and path, the body
 * follows behind it.  Each input finds the same store.
 */
#include "admin/admin.h"
#include "base/digest.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CALLS_MOST	16

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const char yaml[] = "model_list:\n- model_name: hello\n  litellm_params: {model: openai/hello, mock_response: hi}\n"
    "general_settings: {master_key: sk-master-of-the-fuzzer}\n";

/* Who is there at the beginning of each input: made once, and put back as it was. */
static const char *const beginning[] = {
	"a POST /user/new\n{\"user_id\":\"ann\",\"user_email\":\"ann@example.org\",\"user_role\":\"internal_user\",\"auto_create_key\":false}",
	"a POST /team/new\n{\"team_id\":\"red\",\"members_with_roles\":[{\"role\":\"admin\",\"user_id\":\"ann\"}]}",
	"a POST /key/generate\n{\"key\":\"sk-of-ann-0123456789\",\"key_alias\":\"ann's\",\"user_id\":\"ann\",\"team_id\":\"red\"}",
	"a POST /key/generate\n{\"key\":\"sk-of-nobody-0123456789\"}",
};

static const char letters[] = "auvk";
static const struct {
	enum caller_kind kind;
	enum user_role	 role;
	const char	*key, *user, *team;
} who[] = {
	{ CALLER_MASTER, USER_ADMIN, NULL, "", "" }, { CALLER_KEY, USER_INTERNAL, "sk-of-ann-0123456789", "ann", "red" },
	{ CALLER_PERSON, USER_ADMIN_VIEWER, NULL, "vera", "" }, { CALLER_KEY, USER_NONE, "sk-of-nobody-0123456789", "", "" },
};
static struct caller callers[nitems(who)];

static struct store_pool *pool;
static struct config *file;
static char folder[64], path[100];
static struct buf template;			/* the file at the beginning */
static struct buf copy, restore;		/* scripts: of all rows into tables of the connection's own, and back */
static struct arena *kept;			/* what callers have */

static void
must(bool fine)
{
	if (!fine)
		abort();
}

static void
remove_folder(void)
{
	char command[100];

	store_pool_free(pool);
	config_release(file);
	buf_free(&template);
	buf_free(&copy);
	buf_free(&restore);
	arena_free(kept);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	must(system(command) == 0);
}

/* Beside what a connection has prepared already this takes a tenth of the time of another connection.  False: it has not what it needs. */
static bool
run_script(const struct buf *script)
{
	struct store *s = store_lend(pool, 1000);
	bool fine;

	must(s != NULL);
	fine = store_script(s, script->at) == STORE_FINE;
	store_return(pool, s);
	return (fine);
}

/* A connection that was closed took its copies along. */
static void
begin_anew(void)
{
	char beside[120];
	FILE *f;

	store_pool_free(pool);
	snprintf(beside, sizeof(beside), "%s-wal", path);
	(void)unlink(beside);
	snprintf(beside, sizeof(beside), "%s-shm", path);
	(void)unlink(beside);
	f = fopen(path, "w");
	must(f != NULL && fwrite(template.at, 1, template.len, f) == template.len && fclose(f) == 0);
	pool = store_pool_new(text_of(path), 1, NULL);
	must(run_script(&copy));
}

static void
put_back(void)
{
	if (!run_script(&restore))
		begin_anew();
}

static const struct caller *
caller_of(char letter)
{
	const char *at = strchr(letters, letter);

	return (at != NULL && letter != '\0' ? &callers[at - letters] : NULL);
}

/* An answer is JSON, or nothing (204); a refusal is the caller's fault, or says that there is no such thing (501), or no cache. */
static void
judge(const struct admin_call *call, const struct error *e)
{
	struct json_fault fault;
	enum json_type type;
	size_t n;

	if (e != NULL)
		must((error_status(e) >= 400 && error_status(e) <= 501 && error_status(e) != 500) || text_is(e->type, "cache_ping_error"));
	else if (call->out.len > 0)
		must(json_scan(buf_as_text(&call->out), &type, NULL, 0, &n, &fault));
}

static void
do_call(struct arena *arena, struct config **config, struct text one)
{
	struct admin_call call = { .arena = arena, .config = *config, .now_ms = INT64_C(1795658584567), .status = 200, .changed_by = TEXT("fuzzer") };
	struct text line, method, path, none;

	(void)text_cut(one, '\n', &line, &call.sent);
	call.caller = caller_of(line.len > 1 ? line.at[0] : '\0');
	if (call.caller == NULL || !text_cut(text_sub(line, 2, line.len), ' ', &method, &path))
		return;
	(void)text_cut(path, '?', &path, &call.query);
	call.row = admin_find(call.id, &none, arena, method, path);
	if (call.row == NULL)
		return;
	judge(&call, admin_run(&call, pool));
	buf_free(&call.out);
	if (call.made != NULL) {
		config_release(*config);
		*config = call.made;
	}
}

static void
read_template(void)
{
	char piece[65536];
	size_t n;
	FILE *f;

	store_pool_free(pool);			/* the last connection takes the log into the file */
	pool = NULL;
	f = fopen(path, "r");
	must(f != NULL);
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		buf_add(&template, piece, n);
	fclose(f);
}

static void
print_table(struct text name)
{
	buf_print(&copy, "CREATE TEMP TABLE kept_" TEXT_FMT " AS SELECT * FROM " TEXT_FMT ";", TEXT_ARG(name), TEXT_ARG(name));
	buf_print(&restore, "DELETE FROM " TEXT_FMT "; INSERT INTO " TEXT_FMT " SELECT * FROM kept_" TEXT_FMT ";", TEXT_ARG(name), TEXT_ARG(name), TEXT_ARG(name));
}

/* The file holds the words that made its tables. */
static void
print_scripts(void)
{
	static const char made[] = "CREATE TABLE ";
	const char *at = template.at, *end = template.at + template.len;

	buf_lit(&copy, "PRAGMA synchronous = OFF; ");
	buf_lit(&restore, "BEGIN; ");
	while ((at = memmem(at, (size_t)(end - at), made, sizeof(made) - 1)) != NULL) {
		at += sizeof(made) - 1;
		print_table((struct text){ at, strcspn(at, " (\n") });
	}
	buf_lit(&restore, "COMMIT");
	buf_byte(&copy, '\0');
	buf_byte(&restore, '\0');
}

static void
begin(void)
{
	kept = arena_new();
	note_upto = NOTE_ERROR;
	strcpy(folder, "/dev/shm/admin_fuzz.XXXXXX");
	must(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/sluice.db", folder);
	pool = store_pool_new(text_of(path), 1, NULL);
	file = config_load_text("fuzz.yaml", text_of(yaml));
	must(file->n_errors == 0);
	for (unsigned i = 0; i < nitems(who); i++) {
		caller_nobody(&callers[i]);
		callers[i].kind = who[i].kind;
		callers[i].role = who[i].role;
		callers[i].user_id = text_of(who[i].user);
		callers[i].team_id = text_of(who[i].team);
		callers[i].digest = who[i].key != NULL ? sha256_hex(kept, text_of(who[i].key)) : TEXT("");
	}
	for (unsigned i = 0; i < nitems(beginning); i++)
		do_call(kept, &file, text_of(beginning[i]));
	read_template();
	print_scripts();
	begin_anew();
	atexit(remove_folder);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text rest = { (const char *)data, size };
	struct arena *arena;
	struct config *config;

	if (pool == NULL)
		begin();
	put_back();
	arena = arena_new();
	config = config_hold(file);
	for (unsigned n = 0; n < CALLS_MOST && rest.len > 0; n++) {
		const char *end = memmem(rest.at, rest.len, "\n--\n", 4);
		struct text one = end != NULL ? (struct text){ rest.at, (size_t)(end - rest.at) } : rest;

		do_call(arena, &config, one);
		rest = end != NULL ? text_sub(rest, one.len + 4, rest.len) : TEXT("");
	}
	config_release(config);
	arena_free(arena);
	return (0);
}
