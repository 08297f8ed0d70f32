/* SPDX-License-Identifier: Apache-2.0 */
/* A desk of the management API for tests. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "desk.h"

#include "../store/postgres.h"

#include <stdio.h>
#include <stdlib.h>

static const char yaml[] = "model_list:\n- model_name: yaml-model\n  litellm_params: {model: openai/gpt-4o, api_key: sk-of-the-file}\n"
    "general_settings: {master_key: sk-master-of-a-test}\n";

static struct postgres server;
static bool on_postgres;

static void
open_file(struct desk *d)
{
	struct store *s;
	unsigned from, to;

	strcpy(d->folder, "/dev/shm/admin_desk.XXXXXX");	/* where syncing takes no time */
	if (mkdtemp(d->folder) == NULL) {
		strcpy(d->folder, "/tmp/admin_desk.XXXXXX");
		assert_non_null(mkdtemp(d->folder));
	}
	snprintf(d->url, sizeof(d->url), "%s/sluice.db", d->folder);
	s = store_new(text_of(d->url));
	assert_int_equal(store_migrate(s, &from, &to), STORE_FINE);
	store_free(s);
}

int
desk_setup(void **state)
{
	struct desk *d = must_zalloc(sizeof(*d));

	unsetenv("LITELLM_SALT_KEY");
	d->arena = arena_new();
	if (on_postgres)
		snprintf(d->url, sizeof(d->url), "%s", postgres_database(&server, true));
	else
		open_file(d);
	d->pool = store_pool_new(text_of(d->url), 2, NULL);
	d->config = config_load_text("desk.yaml", text_of(yaml));
	d->now_ms = INT64_C(1795658584567);		/* 2026-11-26 02:03:04 */
	d->caller.kind = CALLER_MASTER;
	*state = d;
	return (0);
}

int
desk_teardown(void **state)
{
	struct desk *d = *state;
	char command[128];

	store_pool_free(d->pool);
	config_release(d->config);
	snprintf(command, sizeof(command), "rm -rf %s", d->folder);
	assert_true(d->folder[0] == '\0' || system(command) == 0);
	arena_free(d->arena);
	free(d);
	return (0);
}

void
desk_sql(struct desk *d, const char *sql)
{
	struct store *s = store_lend(d->pool, 1000);

	assert_non_null(s);
	if (store_script(s, sql) != STORE_FINE)
		fail_msg("%s", store_why(s));
	store_return(d->pool, s);
}

static void
run(struct desk *d, struct admin_call *call)
{
	struct error *e = admin_run(call, d->pool);

	d->status = e != NULL ? error_status(e) : call->status != 0 ? call->status : 200;
	d->out = arena_copy(d->arena, e != NULL ? e->message : buf_as_text(&call->out));
	d->changed = call->changed;
	if (call->made != NULL) {		/* as a worker does */
		config_release(d->config);
		d->config = call->made;
	}
	buf_free(&call->out);
}

int
desk_call(struct desk *d, const char *line, const char *body)
{
	struct admin_call call = { .arena = d->arena, .config = d->config, .caller = &d->caller, .sent = text_of(body), .now_ms = d->now_ms, .status = 200 };
	struct text method, path, query, none;

	assert_true(text_cut(text_of(line), ' ', &method, &path));
	if (!text_cut(path, '?', &path, &query))
		query = TEXT("");
	call.query = query;
	call.changed_by = d->caller.user_id.len > 0 ? d->caller.user_id : TEXT("default_user_id");
	call.row = admin_find(call.id, &none, d->arena, method, path);
	if (call.row == NULL)
		fail_msg("there is no row for %s", line);
	run(d, &call);
	return (d->status);
}

struct text
desk_at(struct desk *d, const char *path)
{
	struct json_fault fault;
	const struct json *at = json_parse(d->arena, d->out, &fault);
	struct text rest = text_of(path), one;
	int64_t n;

	if (at == NULL)
		fail_msg("this is no JSON: " TEXT_FMT, TEXT_ARG(d->out));
	for (bool more = rest.len > 0; more && at != NULL;) {
		more = text_cut(rest, '.', &one, &rest);
		if (at->type == JSON_ARRAY && text_to_i64(one, &n)) {
			at = at->first;
			while (n-- > 0 && at != NULL)
				at = at->next;
		} else
			at = json_get(at, arena_copy(d->arena, one).at);
	}
	return (at != NULL ? at->raw : TEXT(""));
}

void
desk_expect(struct desk *d, const char *path, const char *json)
{
	struct text got = desk_at(d, path);

	if (!text_is(got, json))
		fail_msg("%s is " TEXT_FMT ", not %s, in " TEXT_FMT, path, TEXT_ARG(got), json, TEXT_ARG(text_sub(d->out, 0, 3000)));
}

void
desk_calls(struct desk *d, const char *line, const char *body, int status)
{
	int got = desk_call(d, line, body);

	if (got != status)
		fail_msg("%s gives %d, not %d: " TEXT_FMT, line, got, status, TEXT_ARG(text_sub(d->out, 0, 1000)));
}

int
desk_main_on_postgres(const struct CMUnitTest *tests, size_t n)
{
	int failed;

	if (!postgres_start(&server)) {
		print_message("PostgreSQL is not installed: nothing is tested with it\n");
		return (0);
	}
	on_postgres = true;
	failed = _cmocka_run_group_tests("on PostgreSQL", tests, n, NULL, NULL);
	postgres_stop(&server);
	return (failed);
}

int
desk_main(const struct CMUnitTest *tests, size_t n)
{
	int failed = _cmocka_run_group_tests("on SQLite", tests, n, NULL, NULL);

	return (failed + desk_main_on_postgres(tests, n));
}
