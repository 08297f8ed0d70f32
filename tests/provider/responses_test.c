/* SPDX-License-Identifier: Apache-2.0 */
/* What cases cannot say of relayed Responses: where calls go, memory of long streams, marks without end, errors. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "front/front.h"
#include "provider/provider.h"

static struct arena *arena;

static int
set_up(void **state)
{
	(void)state;
	arena = arena_new();
	return (0);
}

static int
tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return (0);
}

/* Where calls go. */

static const char *
url_of(struct text query_of_deployment, enum want want, struct client_says says)
{
	struct vendor v = { .prefix = "openai", .wire = WIRE_OPENAI };
	struct deployment d = { .vendor = &v, .wire = WIRE_OPENAI, .root = TEXT("http://h/v1"), .query = query_of_deployment };

	return (arena_copy(arena, provider_responses.url(arena, &d, TEXT("m"), want, &says)).at);
}

static void
each_call_has_its_path(void **state)
{
	(void)state;
	assert_string_equal(url_of(TEXT(""), WANT_ANSWER, (struct client_says){ 0 }), "http://h/v1/responses");
	assert_string_equal(url_of(TEXT("k=v"), WANT_ANSWER, (struct client_says){ 0 }), "http://h/v1/responses?k=v");
	assert_string_equal(url_of(TEXT(""), WANT_COUNT, (struct client_says){ 0 }), "http://h/v1/responses/input_tokens");
	assert_string_equal(url_of(TEXT(""), WANT_COMPACT, (struct client_says){ 0 }), "http://h/v1/responses/compact");
	assert_string_equal(url_of(TEXT(""), WANT_STORED, (struct client_says){ .stored = TEXT("resp_1"), .part = "" }), "http://h/v1/responses/resp_1");
	assert_string_equal(url_of(TEXT(""), WANT_STORED, (struct client_says){ .stored = TEXT("resp_1"), .part = "/cancel" }),
	    "http://h/v1/responses/resp_1/cancel");
}

static void
a_query_goes_behind_the_deployments_own(void **state)
{
	struct client_says says = { .stored = TEXT("r"), .part = "", .query = TEXT("stream=true&api-version=2020-01-01&&starting_after=3") };

	(void)state;
	assert_string_equal(url_of(TEXT(""), WANT_STORED, says), "http://h/v1/responses/r?stream=true&starting_after=3");
	assert_string_equal(url_of(TEXT("api-version=v1"), WANT_STORED, says), "http://h/v1/responses/r?api-version=v1&stream=true&starting_after=3");
}

static void
an_id_stays_in_its_segment(void **state)
{
	(void)state;
	assert_string_equal(url_of(TEXT(""), WANT_STORED, (struct client_says){ .stored = TEXT("../a?b#c%\xff ."), .part = "/cancel" }),
	    "http://h/v1/responses/..%2Fa%3Fb%23c%25%FF%20./cancel");
}

/* Memory. */

static const char delta[] = "{\"type\":\"response.output_text.delta\",\"sequence_number\":4,\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0,"
    "\"delta\":\"a\",\"logprobs\":[],\"obfuscation\":\"kzD\"}";
static const char created[] = "{\"type\":\"response.in_progress\",\"response\":{\"id\":\"resp_1\",\"model\":\"up\",\"previous_response_id\":\"resp_0\"}}";

static struct quoted
seal_as_it_is(void *self, struct text id)
{
	(*(unsigned *)self)++;
	return ((struct quoted){ id.at, id.len });
}

static void
deltas_allocate_nothing(void **state)
{
	struct relay relay = { .arena = arena, .model = QUOTED("gpt"), .mark = TEXT("sluice:0000000000000001:") };
	struct edits edits;

	(void)state;
	size_t held = arena_held(arena);
	for (unsigned i = 0; i < 1000; i++) {
		assert_int_equal(provider_responses.relay_event(&relay, TEXT("response.output_text.delta"), text_of(delta), &edits), PASS_ON);
		assert_int_equal(edits.n, 0);
	}
	assert_int_equal(arena_held(arena), held);
	assert_int_equal(relay.seen.produced, 1000);
	assert_true(relay.seen.content);
}

static void
an_id_is_sealed_once(void **state)
{
	unsigned sealed = 0;
	struct relay relay = { .arena = arena, .model = QUOTED("gpt"), .sealer = { seal_as_it_is, &sealed } };
	struct edits edits;

	(void)state;
	assert_int_equal(provider_responses.relay_event(&relay, TEXT(""), text_of(created), &edits), PASS_ON);
	size_t held = arena_held(arena);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(provider_responses.relay_event(&relay, TEXT(""), text_of(created), &edits), PASS_ON);
	assert_int_equal(arena_held(arena), held);
	assert_int_equal(sealed, 2);
	assert_int_equal(relay.seen.sequence, 101);
}

static void
the_next_number_is_known(void **state)
{
	static const char *const events[] = {
		"{\"type\":\"response.x\",\"sequence_number\":41}", "{\"type\":\"response.x\"}", "{\"type\":\"response.x\",\"sequence_number\":3}",
		"{\"type\":\"response.x\",\"sequence_number\":9223372036854775807}", "{\"type\":\"response.x\",\"sequence_number\":\"x\"}",
	};
	struct relay relay = { .arena = arena, .model = QUOTED("gpt") };
	struct edits edits;

	(void)state;
	for (size_t i = 0; i < nitems(events); i++) {
		assert_int_equal(provider_responses.relay_event(&relay, TEXT(""), text_of(events[i]), &edits), PASS_ON);
		assert_int_equal(relay.seen.sequence, 42 + i);
	}
}

/* Marks. */

static void
a_mark_is_found_again(void **state)
{
	uint64_t marks[] = { 0, 1, UINT64_C(0x8123456789abcdef), UINT64_MAX }, found;

	(void)state;
	for (size_t i = 0; i < nitems(marks); i++) {
		struct text body = arena_print(arena, "{\"input\":[1,null,\"x\",{\"encrypted_content\":7},{\"encrypted_content\":\"gA\"},"
		    "{\"type\":\"reasoning\",\"encrypted_content\":\"" TEXT_FMT "gA\"}]}", TEXT_ARG(mark_print(arena, marks[i])));

		assert_true(mark_find(body, &found));
		assert_int_equal(found, marks[i]);
	}
	assert_false(mark_find(TEXT("{\"input\":\"\\\"sluice:0000000000000001:\"}"), &found));
	assert_false(mark_find(TEXT("{\"input\":[{\"encrypted_content\":\"sluice:0000000000000001\"}]}"), &found));
	assert_false(mark_find(TEXT("{\"input\":[{\"encrypted_content\":\"sluice:000000000000000x:\"}]}"), &found));
	assert_false(mark_find(TEXT("{\"input\":[{\"encrypted_content\":\"sluice:\"}]}"), &found));
}

/* A history of a hundred thousand thoughts takes time in proportion, and its edits are in order. */
static void
many_marks_are_many_edits(void **state)
{
	const unsigned n = 100000;
	struct vendor v = { .prefix = "openai", .wire = WIRE_OPENAI };
	struct deployment d = { .vendor = &v, .wire = WIRE_OPENAI, .mark = 1 };
	struct glance g = { 0 };
	struct buf body = { 0 }, out = { 0 };
	struct edits edits = { 0 };

	(void)state;
	buf_lit(&body, "{\"model\":\"m\",\"input\":[");
	for (unsigned i = 0; i < n; i++)
		buf_print(&body, "%s{\"encrypted_content\":\"" TEXT_FMT "%u\"}", i > 0 ? "," : "", TEXT_ARG(mark_print(arena, 1 + (i & 1))), i);
	buf_lit(&body, "]}");
	assert_null(front_responses.glance(&g, arena, buf_as_text(&body)));
	assert_null(provider_responses.relay_request(&edits, arena, &g, &d, TEXT("up"), false));
	for (size_t i = 1; i < edits.n; i++)
		assert_true(edits.list[i - 1].to <= edits.list[i].from);
	json_apply(&out, buf_as_text(&body), edits.list, edits.n);
	assert_true(text_starts(buf_as_text(&out), TEXT("{\"model\":\"up\",\"input\":[{\"encrypted_content\":\"0\"},{\"encrypted_content\":\"2\"},")));
	assert_true(text_ends(buf_as_text(&out), TEXT("{\"encrypted_content\":\"99998\"}]}")));
	buf_free(&body);
	buf_free(&out);
}

/* Which dialect. */

static void
who_has_responses_is_asked_by_them(void **state)
{
	struct vendor v = { .prefix = "openai", .wire = WIRE_OPENAI, .quirks = QUIRK_RESPONSES };
	struct deployment d = { .vendor = &v, .wire = WIRE_OPENAI };

	(void)state;
	assert_int_equal(wire_for(&d, TEXT("m"), WIRE_RESPONSES), WIRE_RESPONSES);
	assert_int_equal(wire_for(&d, TEXT("m"), WIRE_OPENAI), WIRE_OPENAI);
	d.responses_only = true;
	assert_int_equal(wire_for(&d, TEXT("m"), WIRE_OPENAI), WIRE_RESPONSES);
	assert_int_equal(wire_for(&d, TEXT("m"), WIRE_ANTHROPIC), WIRE_RESPONSES);
	assert_int_equal(wire_for(&d, TEXT("m"), WIRE_EMBEDDINGS), WIRE_EMBEDDINGS);
	d.chat_only = true;
	assert_int_equal(wire_for(&d, TEXT("m"), WIRE_RESPONSES), WIRE_OPENAI);
	assert_int_equal(wire_for(&d, TEXT("m"), WIRE_OPENAI), WIRE_OPENAI);
	d.chat_only = d.responses_only = false;
	v.quirks = 0;
	assert_int_equal(wire_for(&d, TEXT("m"), WIRE_RESPONSES), WIRE_OPENAI);
	d.wire = v.wire = WIRE_ANTHROPIC;
	assert_int_equal(wire_for(&d, TEXT("m"), WIRE_RESPONSES), WIRE_ANTHROPIC);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_call_has_its_path, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_query_goes_behind_the_deployments_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_id_stays_in_its_segment, set_up, tear_down),
		cmocka_unit_test_setup_teardown(deltas_allocate_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_id_is_sealed_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_next_number_is_known, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_mark_is_found_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_marks_are_many_edits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_has_responses_is_asked_by_them, set_up, tear_down),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
