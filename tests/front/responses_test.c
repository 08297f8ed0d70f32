/* SPDX-License-Identifier: Apache-2.0 */
/* What the cases can not say of the Responses front: guards in bulk, frames, errors. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "front/front.h"

#define F	front_responses

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

static struct error *
look(struct glance *g, const char *members)
{
	*g = (struct glance){ 0 };
	return (F.glance(g, arena, arena_print(arena, "{%s}", members)));
}

static void
guards_name_the_member(void **state)
{
	static const struct {
		const char	*members, *param;
	} rows[] = {
		{ "\"input\":\"x\"", "model" }, { "\"model\":5,\"input\":\"x\"", "model" }, { "\"model\":\"m\"", "input" },
		{ "\"model\":\"m\",\"input\":null", "input" }, { "\"model\":\"m\",\"input\":{}", "input" }, { "\"model\":\"m\",\"input\":[]", "input" },
		{ "\"model\":\"m\",\"Input\":\"x\"", "input" }, { "\"model\":\"m\",\"input\":\"x\",\"input\":\"y\"", "input" },
		{ "\"model\":\"m\",\"input\":\"x\",\"stream\":1", "stream" }, { "\"model\":\"m\",\"input\":\"x\",\"max_output_tokens\":-1", "max_output_tokens" },
		{ "\"model\":\"m\",\"input\":\"x\",\"max_output_tokens\":1e12", "max_output_tokens" },
		{ "\"model\":\"m\",\"input\":\"x\",\"max_output_tokens\":1.5", "max_output_tokens" },
		{ "\"model\":\"m\",\"input\":\"x\",\"Max_Output_Tokens\":1", "max_output_tokens" },
		{ "\"model\":\"m\",\"input\":\"x\",\"previous_response_id\":5", "previous_response_id" },
		{ "\"model\":\"m\",\"input\":\"x\",\"conversation\":5", "conversation" }, { "\"model\":\"m\",\"input\":\"x\",\"background\":\"yes\"", "background" },
		{ "\"model\":\"m\",\"input\":\"x\",\"store\":1", "store" }, { "\"model\":\"m\",\"input\":\"x\",\"n\":2", "n" },
		{ "\"model\":\"m\",\"input\":\"x\",\"service_tier\":1", "service_tier" }, { "\"model\":\"m\",\"input\":\"x\",\"api_base\":\"u\"", "api_base" },
	};
	struct glance g;

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		const struct error *e = look(&g, rows[i].members);

		assert_non_null(e);
		assert_int_equal(F.error_body(&out, e, TEXT("")), 400);
		assert_string_equal(arena_copy(arena, e->param).at, rows[i].param);
	}
}

static void
what_the_exchange_needs_is_found(void **state)
{
	struct glance g;

	(void)state;
	assert_null(look(&g, "\"model\":\"m\\u0041\",\"input\":\"x\""));
	assert_true(text_is(g.model, "mA") && !g.stream && g.usage_asked && !g.background && !g.unstored);
	assert_int_equal(g.max_tokens, -1);
	assert_int_equal(g.previous_response_id.len, 0);
	assert_null(look(&g, "\"model\":\"m\",\"input\":[\"any\"],\"stream\":true,\"max_output_tokens\":16,\"background\":true,\"store\":false,"
	    "\"previous_response_id\":\"resp\\u005f1\",\"n\":1"));
	assert_true(g.stream && g.background && g.unstored);
	assert_int_equal(g.max_tokens, 16);
	assert_true(text_is(g.previous_response_id, "resp_1"));
	assert_null(look(&g, "\"model\":\"m\",\"prompt\":{\"id\":\"p\"}"));
	assert_null(look(&g, "\"model\":\"m\",\"previous_response_id\":\"resp_1\""));
	assert_null(look(&g, "\"model\":\"m\",\"conversation\":\"conv_1\",\"store\":null"));
	assert_false(g.unstored);
	g = (struct glance){ .model_named = true };
	assert_null(F.glance(&g, arena, TEXT("{\"input\":\"x\"}")));
}

/* Frames, errors */

static void
frames_are_named(void **state)
{
	(void)state;
	F.frame(&out, TEXT("response.created"), TEXT("{\"type\":\"response.created\"}"));
	is_out("event: response.created\ndata: {\"type\":\"response.created\"}\n\n");
	F.frame(&out, TEXT(""), TEXT("{\"type\":\"response.completed\"}"));
	is_out("event: response.completed\ndata: {\"type\":\"response.completed\"}\n\n");
}

static void
errors_are_openai_s(void **state)
{
	struct error *e = error_new(arena, E_NO_SUCH_MODEL, "no model 'x'");

	(void)state;
	assert_int_equal(F.error_body(&out, e, TEXT("id")), 404);
	is_out("{\"error\":{\"message\":\"no model 'x'\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"model_not_found\"}}");
	e = error_new(arena, E_RATE_LIMIT, "Slow down.");
	e->retry_after_ms = 1250;
	assert_int_equal(F.error_body(&out, e, TEXT("id")), 429);
	out.len = 0;
}

static bool
has(const char *words)
{
	return (text_has(buf_as_text(&out), text_of(words)));
}

/* A stream that was committed before any word began: it begins, and fails.  A relayed one goes on counting. */
static void
a_stream_fails_with_its_next_event(void **state)
{
	const struct told told = { .id = TEXT("0190-aa"), .model = TEXT("m\""), .created = 5 };
	const struct seen came = { .content = true, .sequence = 7 };
	struct error *e = error_new(arena, E_RATE_LIMIT, "Slow down.");

	(void)state;
	e->retry_after_ms = 1250;
	F.error_event(&out, e, &(struct failing){ .told = &told });
	assert_true(text_starts(buf_as_text(&out), TEXT("event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_0190aa\",")));
	assert_true(has("\"model\":\"m\\\"\",\"output\":[],") && has("\"usage\":null},\"sequence_number\":0}\n\nevent: response.failed\n"));
	assert_true(has("\"status\":\"failed\",\"background\":false,\"error\":{\"code\":\"rate_limit_exceeded\","
	    "\"message\":\"Slow down. Please try again in 1.2s.\"}"));
	assert_true(has(",\"sequence_number\":1}\n\n"));
	out.len = 0;
	F.error_event(&out, e, &(struct failing){ .told = &told, .seen = &came });
	assert_true(text_starts(buf_as_text(&out), TEXT("event: response.failed\n")) && has(",\"sequence_number\":7}\n\n"));
}

/* The stream, fed with any order of events a reader may keep to. */

struct hearing {
	int64_t		 sequence;
	int		 open;			/* output_index of the open item; -1: none */
	unsigned	 items;
	struct buf	 words;			/* deltas since the last .done */
	struct buf	 done;			/* items as they were done */
	size_t		 text;			/* bytes of output_text */
	bool		 over;
};

static size_t	 told_text;			/* of which so many were said */

static int64_t
number(const struct json *object, const char *name)
{
	int64_t n = -1;

	assert_true(json_to_i64(json_get(object, name)->raw, &n));
	return (n);
}

static void
hear_frame(struct hearing *h, struct text name, struct text data)
{
	struct json_fault fault;
	const struct json *e = json_parse(arena, data, &fault), *delta = json_get(e, "delta"), *item = json_get(e, "item");
	const struct json *whole;

	assert_non_null(e);
	assert_false(h->over);
	assert_true(quoted_is(json_quoted(json_get(e, "type")), arena_copy(arena, name).at));
	assert_int_equal(number(e, "sequence_number"), h->sequence++);
	if (json_get(e, "output_index") != NULL && !text_is(name, "response.output_item.added"))
		assert_int_equal(number(e, "output_index"), h->open);
	if (text_is(name, "response.output_item.added")) {
		assert_int_equal(h->open, -1);
		h->open = (int)h->items++;
		assert_int_equal(number(e, "output_index"), h->open);
	} else if (text_is(name, "response.output_item.done")) {
		h->open = -1;
		if (h->done.len > 0)
			buf_byte(&h->done, ',');
		buf_text(&h->done, item->raw);
	} else if (delta != NULL) {
		assert_true(json_quoted(delta).len > 0);
		if (text_is(name, "response.output_text.delta"))
			h->text += json_quoted(delta).len;
		buf_add(&h->words, json_quoted(delta).at, json_quoted(delta).len);
	} else if (text_ends(name, TEXT("_text.done")) || text_ends(name, TEXT("arguments.done")) || text_ends(name, TEXT("refusal.done")) ||
	    text_ends(name, TEXT("input.done"))) {
		whole = json_get(e, text_ends(name, TEXT("arguments.done")) ? "arguments" : text_ends(name, TEXT("input.done")) ? "input" :
		    text_ends(name, TEXT("refusal.done")) ? "refusal" : "text");
		assert_true(text_eq((struct text){ json_quoted(whole).at, json_quoted(whole).len }, buf_as_text(&h->words)));
		h->words.len = 0;
	} else if (text_is(name, "response.completed")) {
		assert_int_equal(h->open, -1);
		buf_lit(&h->words, "[");
		buf_text(&h->words, buf_as_text(&h->done));
		buf_lit(&h->words, "]");
		assert_true(text_eq(json_get(json_get(e, "response"), "output")->raw, buf_as_text(&h->words)));
		h->over = true;
	}
}

static void
hear_all(struct hearing *h, struct text stream)
{
	while (stream.len > 0) {
		struct text name, data, blank;

		text_cut(stream, '\n', &name, &stream);
		text_cut(stream, '\n', &data, &stream);
		text_cut(stream, '\n', &blank, &stream);
		assert_true(text_starts(name, TEXT("event: ")) && text_starts(data, TEXT("data: ")) && blank.len == 0);
		hear_frame(h, text_sub(name, 7, name.len), text_sub(data, 6, data.len));
	}
	assert_true(h->over);
}

#define CALLS	4

static void
tell(struct writer *w, enum event_kind kind, unsigned slot, const char *words)
{
	static const struct quoted names[CALLS] = { { "f", 1 }, { "patch", 5 }, { "ns__f", 5 }, { "shell", 5 } };

	if (kind == EVENT_TEXT)
		told_text += strlen(words);
	F.write(w, &(struct event){ .kind = kind, .slot = slot, .text = { words, strlen(words) }, .name = names[slot % CALLS], .id = QUOTED("id"),
	    .finish = FINISH_TOOLS });
}

static void
any_event(struct writer *w, unsigned *opened, bool *closed)
{
	static const enum event_kind kinds[] = { EVENT_TEXT, EVENT_REASONING, EVENT_SIGNATURE, EVENT_REDACTED, EVENT_REFUSAL, EVENT_TOOL_OPEN,
		EVENT_TOOL_INPUT, EVENT_TOOL_CLOSE };
	static const char *const words[] = { "a", "", "\\ud83d", "\\ude00", "{\\\"", "input", "\\\":\\\"x\\\"}", "}" };
	enum event_kind kind = kinds[(size_t)rand() % nitems(kinds)];
	unsigned slot = *opened > 0 ? (unsigned)rand() % *opened : 0;

	if (kind == EVENT_TOOL_OPEN) {
		if (*opened < CALLS)
			tell(w, kind, (*opened)++, "");
	} else if (kind == EVENT_TOOL_INPUT || kind == EVENT_TOOL_CLOSE) {
		if (*opened == 0 || closed[slot])
			return;
		closed[slot] = kind == EVENT_TOOL_CLOSE;
		tell(w, kind, slot, words[(size_t)rand() % nitems(words)]);
	} else
		tell(w, kind, 0, words[(size_t)rand() % nitems(words)]);
}

static void
order_is_kept_whatever_comes(void **state)
{
	static struct tool tools[] = {
		{ .name = { "patch", 5 }, .short_name = { "patch", 5 }, .form = 1 },
		{ .name = { "ns__f", 5 }, .short_name = { "f", 1 }, .space = { "ns", 2 } },
		{ .name = { "shell", 5 }, .form = 3 },
	};
	static const struct ask ask = { .tools = &tools[0], .thoughts_wanted = true };

	(void)state;
	tools[0].next = &tools[1];
	tools[1].next = &tools[2];
	srand(1);
	for (unsigned round = 0; round < 500; round++) {
		struct told told = { .id = TEXT("0190"), .model = TEXT("m"), .ask = round % 2 == 0 ? &ask : NULL };
		struct hearing h = { .open = -1 };
		struct writer *w = F.stream(arena, &told, &out);
		unsigned opened = 0;
		bool closed[CALLS] = { false };

		told_text = 0;
		for (int n = rand() % 40; n > 0; n--)
			any_event(w, &opened, closed);
		for (unsigned slot = 0; slot < opened; slot++)
			tell(w, EVENT_TOOL_CLOSE, slot, "");
		tell(w, EVENT_FINISH, 0, "");
		tell(w, EVENT_END, 0, "");
		hear_all(&h, buf_as_text(&out));
		assert_int_equal(h.text, told_text);
		buf_free(&h.words);
		buf_free(&h.done);
		out.len = 0;
		arena_clear(arena);
	}
}

/* Settings that stand on many lines are told on one. */
static void
settings_keep_to_their_line(void **state)
{
	struct glance g = { 0 };
	struct told told = { .id = TEXT("1"), .model = TEXT("m"), .asked = &g };
	struct writer *w;

	(void)state;
	assert_null(F.glance(&g, arena, TEXT("{\"model\":\"m\",\"input\":\"x\",\r\n \"metadata\": {\r\n \"a\": \"b\"\n},\"top_p\":null}")));
	w = F.stream(arena, &told, &out);
	F.write(w, &(struct event){ .kind = EVENT_START });
	assert_true(has("\"metadata\":{ \"a\": \"b\"},") && has("\"top_p\":1,"));
	assert_null(memchr(out.at, '\r', out.len));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(guards_name_the_member, setup, teardown),
		cmocka_unit_test_setup_teardown(what_the_exchange_needs_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(frames_are_named, setup, teardown),
		cmocka_unit_test_setup_teardown(errors_are_openai_s, setup, teardown),
		cmocka_unit_test_setup_teardown(a_stream_fails_with_its_next_event, setup, teardown),
		cmocka_unit_test_setup_teardown(order_is_kept_whatever_comes, setup, teardown),
		cmocka_unit_test_setup_teardown(settings_keep_to_their_line, setup, teardown),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
