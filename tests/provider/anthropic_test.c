/* SPDX-License-Identifier: Apache-2.0 */
/* What the cases can not say of the Anthropic provider: URLs, headers, defaults, bounds, hostile answers. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "provider/anthropic_priv.h"

#define P	provider_anthropic

static struct arena *arena;

static int
setup(void **state)
{
	(void)state;
	arena = arena_new();
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return (0);
}

static void
is_text(struct text got, const char *wanted)
{
	assert_string_equal(arena_copy(arena, got).at, wanted);
}

/* URLs */

static void
urls_say_what_is_wanted(void **state)
{
	struct deployment d = { .url = TEXT("https://h/v1/messages") };
	struct client_says beta = { .beta = true };

	(void)state;
	is_text(P.url(arena, &d, TEXT("m"), WANT_ANSWER, NULL), "https://h/v1/messages");
	is_text(P.url(arena, &d, TEXT("m"), WANT_ANSWER, &beta), "https://h/v1/messages?beta=true");
	is_text(P.url(arena, &d, TEXT("m"), WANT_COUNT, NULL), "https://h/v1/messages/count_tokens");
	is_text(P.url(arena, &d, TEXT("m"), WANT_COUNT, &beta), "https://h/v1/messages/count_tokens?beta=true");
	d.url = TEXT("https://h/v1/messages?k=v");
	is_text(P.url(arena, &d, TEXT("m"), WANT_COUNT, &beta), "https://h/v1/messages/count_tokens?k=v&beta=true");
	is_text(P.url(arena, &d, TEXT("m"), WANT_COUNT, NULL), "https://h/v1/messages/count_tokens?k=v");
}

/* Headers, joined by '|' */

static void
headers_are(const struct deployment *d, const struct client_says *says, const char *wanted)
{
	struct text list[16];
	size_t n = P.headers(list, 16, arena, d, says);
	struct buf b = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_byte(&b, '|');
		buf_text(&b, list[i]);
	}
	is_text(buf_as_text(&b), wanted);
	buf_free(&b);
}

static void
keys_go_where_they_belong(void **state)
{
	struct deployment d = { .key = TEXT("sk-1") };

	(void)state;
	headers_are(&d, NULL, "Content-Type: application/json|x-api-key: sk-1|anthropic-version: 2023-06-01");
	d.key_is_bearer = true;
	headers_are(&d, NULL, "Content-Type: application/json|Authorization: Bearer sk-1|anthropic-version: 2023-06-01");
	d = (struct deployment){ .key = TEXT("sk-ant-oat01-x") };
	headers_are(&d, NULL, "Content-Type: application/json|Authorization: Bearer sk-ant-oat01-x|anthropic-version: 2023-06-01|"
	    "anthropic-beta: oauth-2025-04-20");
	d.key = TEXT("");
	headers_are(&d, NULL, "Content-Type: application/json|anthropic-version: 2023-06-01");
}

static void
clients_versions_are_forwarded(void **state)
{
	struct deployment d = { .key = TEXT("k") };
	struct client_says says = { .anthropic_version = TEXT("2026-10-21"), .anthropic_beta = TEXT("a-1,b-2"), .beta = true };

	(void)state;
	headers_are(&d, &says, "Content-Type: application/json|x-api-key: k|anthropic-version: 2026-10-21|anthropic-beta: a-1,b-2");
	d.key = TEXT("sk-ant-oat");
	headers_are(&d, &says, "Content-Type: application/json|Authorization: Bearer sk-ant-oat|anthropic-version: 2026-10-21|"
	    "anthropic-beta: a-1,b-2,oauth-2025-04-20");
}

static void
clients_headers_are_one_line(void **state)
{
	struct deployment d = { .key = TEXT("k") };
	struct client_says says = { .anthropic_version = TEXT("1\r\nx-evil: 1"), .anthropic_beta = TEXT("b\n"), .beta = false };

	(void)state;
	headers_are(&d, &says, "Content-Type: application/json|x-api-key: k|anthropic-version: 2023-06-01");
}

static void
deployments_headers_win(void **state)
{
	struct text extra[] = { TEXT("Anthropic-Version: 2024-01-01"), TEXT("anthropic-beta: c-3"), TEXT("Authorization: Bearer t"), TEXT("X-Team: a") };
	struct deployment d = { .key = TEXT("k"), .headers = extra, .n_headers = 4 };
	struct client_says says = { .anthropic_version = TEXT("2026-10-21"), .anthropic_beta = TEXT("a-1"), .beta = false };

	(void)state;
	headers_are(&d, &says, "Content-Type: application/json|anthropic-beta: a-1,c-3|Anthropic-Version: 2024-01-01|Authorization: Bearer t|X-Team: a");
}

static void
clients_login_replaces_ours(void **state)
{
	struct text extra[] = { TEXT("Authorization : Bearer t"), TEXT("X-Api-Key: k2"), TEXT("X-Team: a") };
	struct deployment d = { .key = TEXT("k"), .headers = extra, .n_headers = 3 };
	struct client_says says = { .bearer = TEXT("sk-ant-oat01-mine"), .key = TEXT("unused") };

	(void)state;
	headers_are(&d, &says, "Content-Type: application/json|Authorization: Bearer sk-ant-oat01-mine|anthropic-version: 2023-06-01|"
	    "anthropic-beta: oauth-2025-04-20|X-Team: a");
	says = (struct client_says){ .key = TEXT("sk-ant-api-mine"), .anthropic_beta = TEXT("a-1") };
	d.key = TEXT("sk-ant-oat01-ours");
	headers_are(&d, &says, "Content-Type: application/json|x-api-key: sk-ant-api-mine|anthropic-version: 2023-06-01|anthropic-beta: a-1|X-Team: a");
	says.key = TEXT("two\r\nlines: 1");
	headers_are(&d, &says, "Content-Type: application/json|anthropic-version: 2023-06-01|anthropic-beta: a-1|X-Team: a");
}

static void
vendors_headers_get_the_key(void **state)
{
	struct vendor v = { .prefix = "x", .headers = "api-key: {api_key}\nX-Plain: y" };
	struct deployment d = { .key = TEXT("k"), .vendor = &v };

	(void)state;
	headers_are(&d, NULL, "Content-Type: application/json|x-api-key: k|anthropic-version: 2023-06-01|api-key: k|X-Plain: y");
}

static void
headers_keep_to_their_room(void **state)
{
	struct deployment d = { .key = TEXT("k") };
	struct text list[2];

	(void)state;
	assert_int_equal(P.headers(list, 2, arena, &d, NULL), 2);
}

/* Readers: events as words */

struct words_heard {
	struct buf	 b;
	struct error	*error;
};

static void
hear(void *self, const struct event *e)
{
	static const char *const names[] = {
		"START", "TEXT", "REASONING", "SIGNATURE", "REDACTED", "REFUSAL", "OPEN", "INPUT", "CLOSE", "FINISH", "USAGE", "END", "ERROR",
	};
	struct words_heard *w = self;

	if (e->kind == EVENT_ERROR)
		w->error = e->error;
	buf_print(&w->b, "%s%s", w->b.len > 0 ? " " : "", names[e->kind]);
	if (e->text.len > 0)
		buf_print(&w->b, "(%.*s)", (int)e->text.len, e->text.at);
	if (e->kind == EVENT_TOOL_OPEN)
		buf_print(&w->b, "(%u,%.*s,%.*s)", e->slot, (int)e->id.len, e->id.at, (int)e->name.len, e->name.at);
}

/* Feeds events, each a line; what was heard must be `wanted`. */
static void
reads(const char *lines, const char *wanted)
{
	struct seen seen = { 0 };
	struct words_heard w = { 0 };
	struct hearer h = { hear, &w };
	struct reader *r = P.reader(arena, &seen, NULL);
	struct text rest = text_of(lines), line;

	while (rest.len > 0) {
		text_cut(rest, '\n', &line, &rest);
		if (!P.read_event(r, TEXT(""), line, h))
			break;
	}
	P.read_end(r, h);
	is_text(buf_as_text(&w.b), wanted);
	buf_free(&w.b);
}

static void
order_is_kept_whatever_comes(void **state)
{
	(void)state;
	reads("{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"early\"}}\n"
	    "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"a\"}}\n"
	    "{\"type\":\"message_start\",\"message\":{}}\n"
	    "{\"type\":\"content_block_stop\",\"index\":0}\n"
	    "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"late\"}}\n"
	    "{\"type\":\"content_block_stop\",\"index\":0}\n"
	    "{\"type\":\"message_stop\"}\n"
	    "{\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"after\"}}", "START TEXT(a) FINISH END");
}

static void
unclosed_tools_are_closed(void **state)
{
	(void)state;
	reads("{\"type\":\"message_start\",\"message\":{}}\n"
	    "{\"type\":\"content_block_start\",\"index\":7,\"content_block\":{\"type\":\"tool_use\",\"id\":\"i\",\"name\":\"n\",\"input\":{\"a\": 1}}}\n"
	    "{\"type\":\"message_stop\"}", "START OPEN(0,i,n) INPUT({\\\"a\\\":1}) CLOSE FINISH END");
}

static void
interleaved_blocks_stay_apart(void **state)
{
	(void)state;
	reads("{\"type\":\"message_start\",\"message\":{}}\n"
	    "{\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"id\":\"i\",\"name\":\"n\",\"input\":{}}}\n"
	    "{\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"tool_use\",\"id\":\"j\",\"name\":\"m\",\"input\":{}}}\n"
	    "{\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"1\"}}\n"
	    "{\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"2\"}}\n"
	    "{\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"text_delta\",\"text\":\"x\"}}\n"
	    "{\"type\":\"content_block_stop\",\"index\":2}\n{\"type\":\"content_block_stop\",\"index\":1}\n{\"type\":\"message_stop\"}",
	    "START OPEN(0,i,n) OPEN(1,j,m) INPUT(1) INPUT(2) CLOSE CLOSE FINISH END");
}

static void
wrong_types_are_survived(void **state)
{
	(void)state;
	reads("{\"type\":5}\n{\"type\":\"message_start\",\"message\":[]}\n{\"type\":\"content_block_start\",\"index\":\"x\",\"content_block\":null}\n"
	    "{\"type\":\"content_block_delta\",\"index\":-1,\"delta\":3}\n{\"type\":\"content_block_stop\"}\n"
	    "{\"type\":\"message_delta\",\"delta\":null,\"usage\":{\"input_tokens\":\"9\",\"output_tokens\":-4}}\n{\"type\":\"message_stop\"}",
	    "START FINISH USAGE END");
}

static void
cut_streams_are_errors(void **state)
{
	(void)state;
	reads("{\"type\":\"message_start\",\"message\":{}}", "START ERROR");
	reads("", "ERROR");
	reads("[DONE]", "ERROR");
	reads("{\"type\":\"message_start\"", "ERROR");
}

static void
blocks_are_bounded(void **state)
{
	struct seen seen = { 0 };
	struct words_heard w = { 0 };
	struct hearer h = { hear, &w };
	struct reader *r = P.reader(arena, &seen, NULL);
	char line[256];

	(void)state;
	for (int i = 0; i < 5000; i++) {
		snprintf(line, sizeof(line), "{\"type\":\"content_block_start\",\"index\":%d,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}", i);
		assert_true(P.read_event(r, TEXT(""), text_of(line), h));
	}
	assert_true(arena_held(arena) < 2 << 20);
	buf_free(&w.b);
}

static void
usage_never_overflows(void **state)
{
	struct seen seen = { 0 };

	(void)state;
	note_usage(&seen, TEXT("{\"input_tokens\":9223372036854775807,\"cache_read_input_tokens\":9223372036854775807}"));
	assert_true(seen.usage.prompt == INT64_MAX);
	note_usage(&seen, TEXT("{\"input_tokens\":5}"));
	assert_true(seen.usage.prompt >= 5);
}

static void
usage_is_overwritten_member_by_member(void **state)
{
	struct seen seen = { 0 };

	(void)state;
	note_usage(&seen, TEXT("{\"input_tokens\":10,\"cache_read_input_tokens\":4,\"cache_creation_input_tokens\":2,\"output_tokens\":1}"));
	note_usage(&seen, TEXT("{\"output_tokens\":7,\"cache_read_input_tokens\":null}"));
	assert_int_equal(seen.usage.prompt, 16);
	assert_int_equal(seen.usage.completion, 7);
	note_usage(&seen, TEXT("{\"input_tokens\":20}"));
	assert_int_equal(seen.usage.prompt, 26);
	assert_int_equal(seen.usage.cached, 4);
	note_usage(&seen, TEXT("null"));
	assert_int_equal(seen.usage.prompt, 26);
}

/* Relay: what counts as content */

static void
content_begins_with_content(void **state)
{
	static const struct {
		const char	*event;
		bool		 content;
	} rows[] = {
		{ "{\"type\":\"message_start\",\"message\":{\"id\":\"m\"}}", false },
		{ "{\"type\":\"ping\"}", false },
		{ "{\"type\":\"news\"}", false },
		{ "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}", false },
		{ "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"\"}}", false },
		{ "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}", true },
		{ "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":\"i\",\"name\":\"n\",\"input\":{}}}", true },
		{ "{\"type\":\"message_stop\"}", true },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		struct relay r = { .arena = arena, .model = QUOTED("m") };
		struct edits edits = { 0 };

		assert_int_equal(P.relay_event(&r, TEXT(""), text_of(rows[i].event), &edits), PASS_ON);
		assert_int_equal(r.seen.content, rows[i].content);
	}
}

/* Tables */

static void
families_are_told_apart(void **state)
{
	static const struct {
		const char	*model;
		unsigned	 has, lacks;
	} rows[] = {
		{ "claude-3-5-sonnet-20241022", TRAIT_PREFILL, TRAIT_BUDGET | TRAIT_SCHEMA },
		{ "claude-3-7-sonnet-20250219", TRAIT_BUDGET, TRAIT_ADAPTIVE },
		{ "claude-sonnet-4-20250514", TRAIT_BUDGET, TRAIT_SCHEMA | TRAIT_ONE_SAMPLER },
		{ "claude-opus-4-1-20250805", TRAIT_BUDGET | TRAIT_ONE_SAMPLER, TRAIT_SCHEMA },
		{ "claude-haiku-4-5-20251001", TRAIT_BUDGET | TRAIT_SCHEMA, TRAIT_ADAPTIVE },
		{ "claude-opus-4-6", TRAIT_ADAPTIVE | TRAIT_MAX, TRAIT_XHIGH | TRAIT_PREFILL },
		{ "claude-opus-4-7", TRAIT_ADAPTIVE | TRAIT_XHIGH | TRAIT_NO_SAMPLERS, TRAIT_PREFILL },
		{ "claude-fable-5", TRAIT_ADAPTIVE | TRAIT_XHIGH, TRAIT_BUDGET },
		{ "kimi-k2", TRAIT_BUDGET | TRAIT_PREFILL, TRAIT_ADAPTIVE | TRAIT_SCHEMA },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		unsigned traits = model_traits(text_of(rows[i].model));

		assert_int_equal(traits & rows[i].has, rows[i].has);
		assert_int_equal(traits & rows[i].lacks, 0);
	}
}

static void
budgets_and_efforts_agree(void **state)
{
	(void)state;
	assert_int_equal(effort_of_budget(0), EFFORT_NONE);
	assert_int_equal(effort_of_budget(1023), EFFORT_MINIMAL);
	assert_int_equal(effort_of_budget(1024), EFFORT_LOW);
	assert_int_equal(effort_of_budget(2048), EFFORT_LOW);
	assert_int_equal(effort_of_budget(8192), EFFORT_MEDIUM);
	assert_int_equal(effort_of_budget(16384), EFFORT_HIGH);
	assert_int_equal(effort_of_budget(16385), EFFORT_XHIGH);
	assert_int_equal(effort_of_budget(INT64_MAX), EFFORT_XHIGH);
	for (enum effort e = EFFORT_NONE; e <= EFFORT_MAX; e++)
		assert_int_equal(effort_named((struct quoted){ effort_name(e), strlen(effort_name(e)) }), e);
	assert_int_equal(effort_named(QUOTED("huge")), EFFORT_UNSAID);
}

static void
long_tool_names_come_back(void **state)
{
	char a[300], b[300];
	struct tool second = { .name = { b, 299 } }, first = { .name = { a, 299 }, .next = &second };
	struct ask ask = { .tools = &first };
	struct quoted short_a, short_b, back;

	(void)state;
	memset(a, 'x', sizeof(a));
	memset(b, 'x', sizeof(b));
	b[298] = 'y';
	short_a = tool_name_out(arena, first.name);
	short_b = tool_name_out(arena, second.name);
	assert_int_equal(short_a.len, 128);
	assert_memory_not_equal(short_a.at, short_b.at, 128);
	back = names_back(names_changed(arena, &ask, tool_name_out), short_b);
	assert_int_equal(back.len, 299);
	assert_memory_equal(back.at, b, 299);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(urls_say_what_is_wanted, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_go_where_they_belong, setup, teardown),
		cmocka_unit_test_setup_teardown(clients_login_replaces_ours, setup, teardown),
		cmocka_unit_test_setup_teardown(clients_versions_are_forwarded, setup, teardown),
		cmocka_unit_test_setup_teardown(clients_headers_are_one_line, setup, teardown),
		cmocka_unit_test_setup_teardown(deployments_headers_win, setup, teardown),
		cmocka_unit_test_setup_teardown(vendors_headers_get_the_key, setup, teardown),
		cmocka_unit_test_setup_teardown(headers_keep_to_their_room, setup, teardown),
		cmocka_unit_test_setup_teardown(order_is_kept_whatever_comes, setup, teardown),
		cmocka_unit_test_setup_teardown(unclosed_tools_are_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(interleaved_blocks_stay_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_types_are_survived, setup, teardown),
		cmocka_unit_test_setup_teardown(cut_streams_are_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(blocks_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(usage_never_overflows, setup, teardown),
		cmocka_unit_test_setup_teardown(usage_is_overwritten_member_by_member, setup, teardown),
		cmocka_unit_test_setup_teardown(content_begins_with_content, setup, teardown),
		cmocka_unit_test_setup_teardown(families_are_told_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(budgets_and_efforts_agree, setup, teardown),
		cmocka_unit_test_setup_teardown(long_tool_names_come_back, setup, teardown),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
