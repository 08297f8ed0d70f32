/* SPDX-License-Identifier: Apache-2.0 */
/* End users and tags: which source counts, whose word, and what is no name. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "access/said.h"

static struct arena *arena;
static struct caller caller;
static struct standing key, team;
static struct param params[8];
static size_t n;
static struct settings settings;

static int
set_up(void **state)
{
	static struct text headers[] = { { "X-Our-User", 10 } };

	(void)state;
	arena = arena_new();
	n = 0;
	settings = (struct settings){ .user_headers = headers, .n_user_headers = 1 };
	key = team = standing_none;
	key.may_assert_user = true;
	caller_nobody(&caller);
	caller.kind = CALLER_KEY;
	caller.standing[SCOPE_KEY] = &key;
	caller.standing[SCOPE_TEAM] = &team;
	return (0);
}

static int
tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return (0);
}

static void
header(const char *variable, const char *value)
{
	params[n++] = (struct param){ text_of(variable), text_of(value) };
}

static struct text session = { "", 0 };		/* that headers name */

static void
say(const char *body)
{
	struct request req = { .params = params, .n_params = n };
	struct json_spot top[32];
	struct json_fault fault;
	enum json_type type;
	size_t count = 0;
	struct said s = { .settings = &settings, .request = &req, .session = session, .body = text_of(body), .top = top };

	assert_true(json_scan(s.body, &type, top, nitems(top), &count, &fault));
	s.n_top = count;
	caller.customer = TEXT("");
	caller.n_tags = 0;
	assert_null(said_read(&caller, arena, &s));
}

static void
user_is(const char *body, const char *name)
{
	say(body);
	if (!text_is(caller.customer, name))
		fail_msg("'" TEXT_FMT "' is not '%s'", TEXT_ARG(caller.customer), name);
}

static void
the_first_source_counts(void **state)
{
	(void)state;
	user_is("{}", "");
	user_is("{\"safety_identifier\":\"s\"}", "s");
	user_is("{\"safety_identifier\":\"s\",\"metadata\":{\"user_id\":\"m\"}}", "m");
	user_is("{\"metadata\":{\"user_id\":\"m\"},\"litellm_metadata\":{\"user\":\"l\"}}", "l");
	user_is("{\"user\":\"caf\\u00e9\",\"litellm_metadata\":{\"user\":\"l\"}}", "caf\xc3\xa9");
	header("HTTP_X_OUR_USER", "o");
	user_is("{\"user\":\"u\"}", "o");
	header("HTTP_X_LITELLM_END_USER_ID", "e");
	user_is("{\"user\":\"u\"}", "e");
	header("HTTP_X_LITELLM_CUSTOMER_ID", " c ");
	user_is("{\"user\":\"u\"}", "c");
}

static void
names_count_from_who_may_give_them(void **state)
{
	(void)state;
	key.may_assert_user = false;
	header("HTTP_X_LITELLM_CUSTOMER_ID", "c");
	user_is("{\"user\":\"u\"}", "");
	caller.standing[SCOPE_KEY] = NULL;
	user_is("{\"user\":\"u\"}", "");
	caller.kind = CALLER_MASTER;
	user_is("{\"user\":\"u\"}", "c");
}

static void
what_is_no_name_is_none(void **state)
{
	char body[400];

	(void)state;
	user_is("{\"user\":7}", "");
	user_is("{\"user\":\"a\\nb\"}", "");
	user_is("{\"user\":\"\",\"safety_identifier\":\"s\"}", "s");
	memset(body, 'x', sizeof(body));
	memcpy(body, "{\"user\":\"", 9);
	strcpy(body + 300, "\"}");
	user_is(body, "");
	user_is("{\"metadata\":\"user_id\",\"litellm_metadata\":[1]}", "");
}

static void
tags_of_key_and_team_come_first(void **state)
{
	static struct text of_key[] = { { "k", 1 }, { "both", 4 } }, of_team[] = { { "t", 1 }, { "both", 4 } };

	(void)state;
	key.tags = of_key;
	team.tags = of_team;
	key.n_tags = team.n_tags = 2;
	header("HTTP_X_LITELLM_TAGS", "h, k ,,h2");
	say("{\"metadata\":{\"tags\":[\"m\",7,\"h\"]},\"tags\":[\"top\"]}");
	assert_int_equal(caller.n_tags, 7);
	assert_true(text_is(caller.tags[0], "k") && text_is(caller.tags[1], "both") && text_is(caller.tags[2], "t") && text_is(caller.tags[3], "h"));
	assert_true(text_is(caller.tags[4], "h2") && text_is(caller.tags[5], "m") && text_is(caller.tags[6], "top"));
	settings.reject_client_tags = true;
	say("{}");
	assert_int_equal(caller.n_tags, 3);
}

static void
session_is(const char *body, const char *name)
{
	say(body);
	if (!text_is(caller.session, name))
		fail_msg("'" TEXT_FMT "' is not '%s'", TEXT_ARG(caller.session), name);
}

static void
sessions_are_named_by_header_or_body(void **state)
{
	(void)state;
	session_is("{}", "");
	session_is("{\"metadata\":{\"session_id\":\"a\",\"trace_id\":\"b\"}}", "a");
	session_is("{\"metadata\":{\"x\":1},\"litellm_metadata\":{\"trace_id\":\"b\"}}", "b");
	session_is("{\"litellm_session_id\":\"c\"}", "c");
	session_is("{\"litellm_trace_id\":\"d\"}", "d");
	session_is("{\"litellm_trace_id\":4,\"metadata\":\"session_id\",\"messages\":[{\"session_id\":\"e\"}]}", "");
	session_is("{\"metadata\":{\"session_id\":\"a\\nb\"}}", "");
	session = TEXT("h");
	session_is("{\"metadata\":{\"session_id\":\"a\"}}", "h");
	session = TEXT("\xff");
	session_is("{}", "");
	session = TEXT("");
}

/* The rule of the agent stands above the key's; of which of them a session is stands in its name. */
static void
who_must_name_a_session_is_refused_without_one(void **state)
{
	static struct session_rule of_key = { 1, NO_LIMIT, NO_LIMIT, NO_LIMIT, false }, of_agent = { NO_LIMIT, NO_LIMIT, NO_LIMIT, NO_LIMIT, true };
	struct request req = { .params = params, .n_params = 0 };
	struct said s = { .settings = &settings, .request = &req, .session = TEXT("") };
	struct standing agent = standing_none;

	(void)state;
	agent.id = TEXT("a");
	key.id = TEXT("k");
	key.session_rules = &of_key;
	key.n_session_rules = 1;
	caller.standing[SCOPE_AGENT] = &agent;
	assert_ptr_equal(caller_session_rule(&caller), &of_key);
	assert_null(said_read(&caller, arena, &s));
	caller.session = TEXT("s");
	assert_true(text_is(caller_session(arena, &caller), "key:k:s"));
	agent.session_rules = &of_agent;
	agent.n_session_rules = 1;
	assert_ptr_equal(caller_session_rule(&caller), &of_agent);
	assert_int_equal(said_read(&caller, arena, &s)->kind, E_BAD_REQUEST);
	s.session = TEXT("s");
	assert_null(said_read(&caller, arena, &s));
	assert_true(text_is(caller_session(arena, &caller), "agent:a:s"));
	caller.standing[SCOPE_AGENT] = NULL;
}

static void
tags_are_bounded(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_lit(&b, "{\"tags\":[\"0\"");
	for (int i = 1; i < 100; i++)
		buf_print(&b, ",\"%d\"", i);
	buf_lit(&b, "]}");
	buf_byte(&b, '\0');
	say(b.at);
	assert_int_equal(caller.n_tags, TAGS_MOST);
	buf_free(&b);
}

/* What the caller wants to find in the ledger again: an object, and no long one. */
static void
notes_are_kept_from_header_or_body(void **state)
{
	char long_one[1100] = "{\"metadata\":{\"spend_logs_metadata\":{\"a\":\"";

	(void)state;
	say("{\"metadata\":{\"spend_logs_metadata\":{\"job\": [1, \"\\u00e4\"]}}}");
	assert_true(text_is(caller.notes, "{\"job\": [1, \"\\u00e4\"]}"));
	say("{\"litellm_metadata\":{\"spend_logs_metadata\":{}}}");
	assert_true(text_is(caller.notes, "{}"));
	say("{\"metadata\":{\"spend_logs_metadata\":\"text\"}}");
	assert_int_equal(caller.notes.len, 0);
	memset(long_one + strlen(long_one), 'x', 1090 - strlen(long_one));
	strcpy(long_one + 1090, "\"}}}");
	say(long_one);
	assert_int_equal(caller.notes.len, 0);
	header("HTTP_X_LITELLM_SPEND_LOGS_METADATA", " {\"by\":\"header\"} ");
	say("{\"metadata\":{\"spend_logs_metadata\":{\"by\":\"body\"}}}");
	assert_true(text_is(caller.notes, "{\"by\":\"header\"}"));
	params[n - 1].value = TEXT("{\"by\":");
	say("{}");
	assert_int_equal(caller.notes.len, 0);
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_source_counts), TEST(names_count_from_who_may_give_them), TEST(what_is_no_name_is_none), TEST(tags_of_key_and_team_come_first),
		TEST(tags_are_bounded), TEST(notes_are_kept_from_header_or_body), TEST(sessions_are_named_by_header_or_body), TEST(who_must_name_a_session_is_refused_without_one),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
