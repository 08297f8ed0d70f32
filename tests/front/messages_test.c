/* SPDX-License-Identifier: Apache-2.0 */
/* What the cases can not say of the Messages front: guards in bulk, frames, writers fed with odd orders of events. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "front/front.h"

#define F	front_messages

static struct arena *arena;
static struct buf out;

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
	buf_free(&out);
	return (0);
}

static void
is_out(const char *wanted)
{
	assert_string_equal(arena_copy(arena, buf_as_text(&out)).at, wanted);
	out.len = 0;
}

/* The first look */

static const struct error *
refused(const char *members)
{
	struct glance g = { 0 };

	return (F.glance(&g, arena, arena_print(arena, "{\"model\":\"m\",\"max_tokens\":1,\"messages\":[]%s}", members)));
}

static void
guards_name_the_member(void **state)
{
	static const struct {
		const char	*members, *param;
	} rows[] = {
		{ ",\"Stream\":true", "stream" }, { ",\"stream\":1", "stream" }, { ",\"stream\":true,\"stream\":false", "stream" },
		{ ",\"MAX_TOKENS\":5", "max_tokens" }, { ",\"Messages\":[]", "messages" }, { ",\"service_tier\":5", "service_tier" },
		{ ",\"service_tier\":\"a\",\"service\\u005ftier\":\"b\"", "service_tier" }, { ",\"api_key\":\"x\"", "api_key" },
		{ ",\"API_Base\":\"x\"", "api_base" }, { ",\"base_url\":\"x\"", "base_url" }, { ",\"aws_secret_access_key\":\"x\"", "aws_secret_access_key" },
		{ ",\"vertex_credentials\":\"x\"", "vertex_credentials" }, { ",\"extra_headers\":{}", "extra_headers" },
		{ ",\"Num_Retries\":1", "num_retries" }, { ",\"tags\":[],\"tags\":[]", "tags" }, { ",\"litellm_x\":1,\"litellm_x\":2", "litellm_x" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		const struct error *e = refused(rows[i].members);

		assert_non_null(e);
		assert_int_equal(error_status_messages(e), 400);
		assert_string_equal(arena_copy(arena, e->param).at, rows[i].param);
	}
}

static void
harmless_members_pass(void **state)
{
	(void)state;
	assert_null(refused(""));
	assert_null(refused(",\"stream\":null,\"service_tier\":null,\"\":1,\"modelx\":\"y\",\"tags\":[],\"cache_control\":{}"));
}

static void
gateway_members_are_marked(void **state)
{
	struct glance g = { 0 };

	(void)state;
	assert_null(F.glance(&g, arena, TEXT("{\"model\":\"m\",\"tags\":[],\"max_tokens\":1,\"litellm_metadata\":{},\"messages\":[]}")));
	assert_non_null(g.ours);
	for (size_t i = 0; i < g.n_top; i++)
		assert_int_equal(g.ours[i], i == 1 || i == 3);
}

static void
guards_see_the_last_of_many_members(void **state)
{
	struct buf b = { 0 };

	(void)state;
	for (int i = 0; i < 200; i++)
		buf_print(&b, ",\"x%d\":1", i);
	buf_lit(&b, ",\"model\":\"dear\"");
	buf_byte(&b, '\0');
	assert_non_null(refused(b.at));
	for (int i = 0; i < 1000; i++) {
		b.len -= b.len > 0 && b.at[b.len - 1] == '\0';
		buf_print(&b, ",\"y%d\":1", i);
	}
	buf_byte(&b, '\0');
	assert_non_null(refused(b.at));
	buf_free(&b);
}

static void
broken_bodies_are_400(void **state)
{
	static const struct text bodies[] = {
		{ "", 0 }, { "{", 1 }, { "null", 4 }, { "{\"model\":\"a\0b\"}", 15 }, { "{\"model\":\"\xff\"}", 13 }, { "{\"model\":NaN}", 13 },
	};
	struct glance g = { 0 };
	struct buf deep = { 0 };

	(void)state;
	for (size_t i = 0; i < nitems(bodies); i++) {
		struct error *e = F.glance(&g, arena, bodies[i]);

		assert_non_null(e);
		assert_int_equal(error_status_messages(e), 400);
	}
	for (int i = 0; i < 100; i++)
		buf_byte(&deep, '[');
	assert_non_null(F.glance(&g, arena, buf_as_text(&deep)));
	buf_free(&deep);
}

/* Frames and errors */

static void
frames_have_a_name(void **state)
{
	(void)state;
	F.frame(&out, TEXT("ping"), TEXT("{\"type\":\"ping\"}"));
	is_out("event: ping\ndata: {\"type\":\"ping\"}\n\n");
	F.frame(&out, TEXT(""), TEXT("{\"a\":1,\"type\":\"x\"}"));
	is_out("event: x\ndata: {\"a\":1,\"type\":\"x\"}\n\n");
	F.frame(&out, TEXT("n"), TEXT("{\n\"a\":1}"));
	is_out("event: n\ndata: {\ndata: \"a\":1}\n\n");
	F.frame(&out, TEXT("n"), TEXT(""));
	is_out("event: n\ndata: \n\n");
}

static void
errors_have_the_dialects_shape(void **state)
{
	struct error e = { .kind = E_OVERLOADED, .message = TEXT("a \"b\"\n") };

	(void)state;
	assert_int_equal(F.error_body(&out, &e, TEXT("r1")), 529);
	is_out("{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"a \\\"b\\\"\\n\"},\"request_id\":\"r1\"}");
	e = (struct error){ .kind = E_NO_SUCH_MODEL, .message = TEXT("m") };
	assert_int_equal(F.error_body(&out, &e, TEXT("")), 404);
	is_out("{\"type\":\"error\",\"error\":{\"type\":\"not_found_error\",\"message\":\"m\"},\"request_id\":\"\"}");
	e = (struct error){ .kind = E_CONTEXT_LENGTH, .message = TEXT("X - prompt is too long: 5 > 4") };
	assert_int_equal(F.error_body(&out, &e, TEXT("")), 400);
	is_out("{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"prompt is too long: 5 > 4\"},\"request_id\":\"\"}");
	e = (struct error){ .kind = E_RATE_LIMIT, .message = TEXT("m") };
	F.error_event(&out, &e, &(struct failing){ .request_id = TEXT("r") });
	is_out("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"m\"},\"request_id\":\"r\"}\n\n");
}

/* Writers: the stream's frames are shortened to words */

static struct writer *
writer(bool stream)
{
	static const struct told told = { .model = { "g\"m", 3 }, .id = { "0190-ab", 7 } };

	return ((stream ? F.stream : F.whole)(arena, &told, &out));
}

static struct event
ev(enum event_kind kind, const char *text)
{
	return ((struct event){ .kind = kind, .text = { text, strlen(text) } });
}

static void
say(struct writer *w, enum event_kind kind, const char *text)
{
	struct event e = ev(kind, text);

	F.write(w, &e);
}

static void
tool(struct writer *w, enum event_kind kind, unsigned slot, const char *text)
{
	struct event e = ev(kind, text);

	e.slot = slot;
	e.id = QUOTED("i.d");
	e.name = QUOTED("n");
	F.write(w, &e);
}

static void
finish(struct writer *w, enum finish f)
{
	struct event e = { .kind = EVENT_FINISH, .finish = f };

	F.write(w, &e);
	say(w, EVENT_END, "");
}

/* "start0:text delta0:a stop0 …" of the frames written. */
static void
is_stream(const char *wanted)
{
	struct text rest = buf_as_text(&out), line;
	struct buf b = { 0 };

	while (rest.len > 0) {
		struct json_item index, inner, item;
		struct text data;
		bool has_index;

		text_cut(rest, '\n', &line, &rest);
		if (!text_starts(line, TEXT("data: ")))
			continue;
		data = text_sub(line, 6, line.len);
		assert_true(json_find(data, "type", &item));
		has_index = json_find(data, "index", &index);
		if (b.len > 0)
			buf_byte(&b, ' ');
		buf_text(&b, text_sub(item.raw, 1, item.raw.len - 1));
		if (has_index)
			buf_print(&b, ":%.*s", (int)index.raw.len, index.raw.at);
		if (json_find(data, "content_block", &inner) && json_find(inner.raw, "type", &item))
			buf_print(&b, ":%.*s", (int)item.raw.len - 2, item.raw.at + 1);
		if (has_index && json_find(data, "delta", &inner)) {
			struct json_walk walk = json_walk(inner.raw);

			json_next(&walk, &item);
			assert_true(json_next(&walk, &item));
			buf_print(&b, ":%.*s", (int)item.raw.len - 2, item.raw.at + 1);
		}
	}
	assert_string_equal(arena_copy(arena, buf_as_text(&b)).at, wanted);
	buf_free(&b);
	out.len = 0;
}

static void
half_characters_wait_for_their_other_half(void **state)
{
	struct writer *w = writer(true);

	(void)state;
	say(w, EVENT_TEXT, "a\\ud83d");
	say(w, EVENT_TEXT, "\\ude00b");
	say(w, EVENT_TEXT, "\\ud83d");
	say(w, EVENT_REASONING, "t");
	finish(w, FINISH_STOP);
	is_stream("message_start content_block_start:0:text content_block_delta:0:a content_block_delta:0:\\ud83d\\ude00b content_block_delta:0:\\ufffd "
	    "content_block_stop:0 content_block_start:1:thinking content_block_delta:1:t content_block_stop:1 message_delta message_stop");
}

static void
signatures_close_their_block(void **state)
{
	struct writer *w = writer(true);

	(void)state;
	say(w, EVENT_REASONING, "a");
	say(w, EVENT_SIGNATURE, "E");
	say(w, EVENT_SIGNATURE, "q");
	say(w, EVENT_REASONING, "b");
	say(w, EVENT_REDACTED, "x");
	say(w, EVENT_SIGNATURE, "only");
	finish(w, FINISH_STOP);
	is_stream("message_start content_block_start:0:thinking content_block_delta:0:a content_block_delta:0:Eq content_block_stop:0 "
	    "content_block_start:1:thinking content_block_delta:1:b content_block_stop:1 content_block_start:2:redacted_thinking content_block_stop:2 "
	    "content_block_start:3:thinking content_block_delta:3:only content_block_stop:3 message_delta message_stop");
}

static void
tools_that_close_early_let_the_next_stream(void **state)
{
	struct writer *w = writer(true);

	(void)state;
	tool(w, EVENT_TOOL_OPEN, 0, "");
	tool(w, EVENT_TOOL_OPEN, 1, "");
	tool(w, EVENT_TOOL_INPUT, 1, "{");
	tool(w, EVENT_TOOL_INPUT, 0, "{}");
	tool(w, EVENT_TOOL_CLOSE, 0, "");
	tool(w, EVENT_TOOL_INPUT, 1, "}");
	tool(w, EVENT_TOOL_CLOSE, 1, "");
	finish(w, FINISH_TOOLS);
	is_stream("message_start content_block_start:0:tool_use content_block_delta:0:{} content_block_stop:0 content_block_start:1:tool_use "
	    "content_block_delta:1:{ content_block_delta:1:} content_block_stop:1 message_delta message_stop");
}

static void
tools_never_closed_end_all_the_same(void **state)
{
	struct writer *w = writer(true);

	(void)state;
	tool(w, EVENT_TOOL_OPEN, 0, "");
	tool(w, EVENT_TOOL_INPUT, 0, "{\\\"a\\\":\\\"");
	say(w, EVENT_TEXT, "held");
	tool(w, EVENT_TOOL_OPEN, 1, "");
	finish(w, FINISH_LENGTH);
	is_stream("message_start content_block_start:0:tool_use content_block_delta:0:{\\\"a\\\":\\\" content_block_stop:0 "
	    "content_block_start:1:text content_block_delta:1:held content_block_stop:1 content_block_start:2:tool_use content_block_stop:2 "
	    "message_delta message_stop");
}

static void
odd_events_are_survived(void **state)
{
	struct writer *w = writer(true);
	struct event other = ev(EVENT_TEXT, "second choice");

	(void)state;
	other.choice = 1;
	tool(w, EVENT_TOOL_INPUT, 3, "x");
	tool(w, EVENT_TOOL_CLOSE, 2, "");
	tool(w, EVENT_TOOL_OPEN, 4000000000u, "");
	F.write(w, &other);
	say(w, EVENT_TEXT, "");
	finish(w, FINISH_NONE);
	say(w, EVENT_TEXT, "after the end");
	is_stream("message_start message_delta message_stop");
}

static void
errors_end_a_stream(void **state)
{
	struct writer *w = writer(true);
	struct error e = { .kind = E_UPSTREAM_CUT, .message = TEXT("cut") };
	struct event event = { .kind = EVENT_ERROR, .error = &e };

	(void)state;
	say(w, EVENT_TEXT, "a");
	F.write(w, &event);
	finish(w, FINISH_STOP);
	is_stream("message_start content_block_start:0:text content_block_delta:0:a error");
}

static void
errors_leave_nothing_of_a_whole_answer(void **state)
{
	struct writer *w = writer(false);
	struct error e = { .kind = E_UPSTREAM_CUT, .message = TEXT("cut") };
	struct event event = { .kind = EVENT_ERROR, .error = &e };

	(void)state;
	say(w, EVENT_TEXT, "a");
	F.write(w, &event);
	assert_int_equal(out.len, 0);
}

static void
whole_answers_have_every_block(void **state)
{
	struct writer *w = writer(false);
	struct event start = { .kind = EVENT_START, .id = QUOTED("msg_vendor") };

	(void)state;
	F.write(w, &start);
	say(w, EVENT_REASONING, "h\\ud83d");
	say(w, EVENT_REASONING, "\\ude00");
	say(w, EVENT_SIGNATURE, "Eq");
	say(w, EVENT_REDACTED, "xx");
	tool(w, EVENT_TOOL_OPEN, 0, "");
	tool(w, EVENT_TOOL_INPUT, 0, "{\\\"a\\\":");
	say(w, EVENT_TEXT, "t");
	tool(w, EVENT_TOOL_INPUT, 0, "1}");
	tool(w, EVENT_TOOL_CLOSE, 0, "");
	finish(w, FINISH_TOOLS);
	is_out("{\"id\":\"msg_vendor\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"g\\\"m\",\"content\":["
	    "{\"type\":\"thinking\",\"thinking\":\"h\\ud83d\\ude00\",\"signature\":\"Eq\"},{\"type\":\"redacted_thinking\",\"data\":\"xx\"},"
	    "{\"type\":\"text\",\"text\":\"t\"},{\"type\":\"tool_use\",\"id\":\"i_d\",\"name\":\"n\",\"input\":{\"a\":1}}],"
	    "\"stop_reason\":\"tool_use\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":0,\"cache_creation_input_tokens\":0,"
	    "\"cache_read_input_tokens\":0,\"output_tokens\":0}}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(guards_name_the_member, setup, teardown),
		cmocka_unit_test_setup_teardown(harmless_members_pass, setup, teardown),
		cmocka_unit_test_setup_teardown(gateway_members_are_marked, setup, teardown),
		cmocka_unit_test_setup_teardown(guards_see_the_last_of_many_members, setup, teardown),
		cmocka_unit_test_setup_teardown(broken_bodies_are_400, setup, teardown),
		cmocka_unit_test_setup_teardown(frames_have_a_name, setup, teardown),
		cmocka_unit_test_setup_teardown(errors_have_the_dialects_shape, setup, teardown),
		cmocka_unit_test_setup_teardown(half_characters_wait_for_their_other_half, setup, teardown),
		cmocka_unit_test_setup_teardown(signatures_close_their_block, setup, teardown),
		cmocka_unit_test_setup_teardown(tools_that_close_early_let_the_next_stream, setup, teardown),
		cmocka_unit_test_setup_teardown(tools_never_closed_end_all_the_same, setup, teardown),
		cmocka_unit_test_setup_teardown(odd_events_are_survived, setup, teardown),
		cmocka_unit_test_setup_teardown(errors_end_a_stream, setup, teardown),
		cmocka_unit_test_setup_teardown(errors_leave_nothing_of_a_whole_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(whole_answers_have_every_block, setup, teardown),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
