/* SPDX-License-Identifier: Apache-2.0 */
/* What cases cannot say of embeddings: every float on both ways, answers of any size, what is no embedding. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/clock.h"
#include "provider/floats_priv.h"
#include "provider/provider.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

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

static void
is_text(struct text got, const char *wanted)
{
	assert_string_equal(arena_copy(arena, got).at, wanted);
}

/* Floats. */

static uint32_t
bits_of(float f)
{
	uint32_t bits;

	memcpy(&bits, &f, sizeof(bits));
	return (bits);
}

static float
float_of_bits(uint32_t bits)
{
	float f;

	memcpy(&f, &bits, sizeof(f));
	return (f);
}

static unsigned
digits(const char *number)
{
	unsigned n = 0;
	size_t zeros = 0;

	for (; *number != '\0' && *number != 'e'; number++) {
		if (*number < '0' || *number > '9' || (n == 0 && *number == '0'))
			continue;
		n++;
		zeros = *number == '0' ? zeros + 1 : 0;
	}
	return (n - (unsigned)zeros);
}

static void
is_shortest(float f)
{
	char reference[400];
	struct buf out = { 0 };
	int n = 1;

	float_write(&out, f);
	buf_byte(&out, '\0');
	assert_int_equal(bits_of(strtof(out.at, NULL)), bits_of(f));
	do
		snprintf(reference, sizeof(reference), "%.*g", n++, (double)f);
	while (strtof(reference, NULL) != f);
	if (digits(out.at) > digits(reference))
		fail_msg("%s instead of %s", out.at, reference);
	buf_free(&out);
}

static void
floats_are_written_so_that_they_are_read_back(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 60000; i++) {
		float any = float_of_bits((uint32_t)random_u64()), usual = (float)((double)(int64_t)random_u64() / 9.3e18);

		if (isfinite(any) && any != 0)
			is_shortest(any);
		if (usual != 0)
			is_shortest(usual / (float)(1 + i % 1000));
	}
}

static void
reads_as(const char *number)
{
	float f;

	assert_true(float_read(&f, text_of(number)));
	if (bits_of(f) != bits_of(strtof(number, NULL)))
		fail_msg("%s is read as %.9g", number, (double)f);
}

static void
numbers_are_rounded_to_the_nearest_float(void **state)
{
	static const char *const numbers[] = { "0", "-0", "0.0", "-0.0e5", "1", "-1.5", "0.1", "1e-45", "0.7e-45", "0.7006492321624085e-45", "1e-400", "3.4028235e38",
		"16777217", "16777217.0000000000000001", "16777218.9999999999999999999999", "33554434.5", "0.50000002980232238769531250",
		"0.5000000298023223876953125000000000001", "1e22", "1E+22", "1e23", "9999999999999999999e3", "1.1754943e-38", "123456789012345678901234567890" };
	char number[64];

	(void)state;
	for (size_t i = 0; i < nitems(numbers); i++)
		reads_as(numbers[i]);
	for (unsigned i = 0; i < 100000; i++) {
		double d = (double)float_of_bits((uint32_t)random_u64() & 0x3fffffff);

		snprintf(number, sizeof(number), i % 2 == 0 ? "%.17g" : "%.8g", d);
		reads_as(number);
		snprintf(number, sizeof(number), "%.17f", ((double)(int64_t)random_u64()) / 9.3e18);
		reads_as(number);
	}
}

static void
ties_between_floats_go_to_the_even_one(void **state)
{
	char number[400];

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		float f = float_of_bits((uint32_t)random_u64() % 0x10000000 + 0x38000000);
		double middle = ((double)f + (double)float_of_bits(bits_of(f) + 1)) / 2;

		snprintf(number, sizeof(number), "%.60g", middle);
		reads_as(number);
		snprintf(number, sizeof(number), "%.19g", middle);
		reads_as(number);
	}
}

static void
what_is_beyond_a_float_is_refused(void **state)
{
	char endless[300];
	float f;

	(void)state;
	assert_false(float_read(&f, TEXT("3.5e38")));
	assert_false(float_read(&f, TEXT("-1e400")));
	assert_false(float_read(&f, TEXT("1e99999999999999999999")));
	memset(endless, '9', sizeof(endless));
	assert_false(float_read(&f, (struct text){ endless, sizeof(endless) }));
}

static void
numbers_look_as_clients_expect(void **state)
{
	static const struct { float f; const char *number; } rows[] = {
		{ 0, "0.0" }, { -0.0f, "-0.0" }, { 1, "1.0" }, { -0.25f, "-0.25" }, { 0.1f, "0.1" }, { 1200, "1200.0" }, { 12.5f, "12.5" },
		{ 0.00012f, "0.00012" }, { -0.0069292835f, "-0.0069292835" }, { 16777216, "16777216.0" }, { 1e-20f, "1e-20" },
	};
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++) {
		out.len = 0;
		float_write(&out, rows[i].f);
		is_text(buf_as_text(&out), rows[i].number);
	}
	buf_free(&out);
}

static void
lists_are_packed_and_unpacked(void **state)
{
	struct text got;

	(void)state;
	assert_true(floats_pack(&got, arena, TEXT("[0.5,-0.25,1.0]")));
	is_text(got, "\"AAAAPwAAgL4AAIA/\"");
	assert_true(floats_unpack(&got, arena, TEXT("\"AAAAPwAAgL4AAIA\\/\"")));
	is_text(got, "[0.5,-0.25,1.0]");
	assert_true(floats_pack(&got, arena, TEXT("[ 1 ]")));
	is_text(got, "\"AACAPw==\"");
	assert_true(floats_unpack(&got, arena, got));
	is_text(got, "[1.0]");
	assert_true(floats_pack(&got, arena, TEXT("[]")));
	is_text(got, "\"\"");
	assert_true(floats_unpack(&got, arena, got));
	is_text(got, "[]");
}

static void
what_holds_no_floats_is_refused(void **state)
{
	static const char *const strings[] = { "\"A\"", "\"AAAAPw\"", "\"AAAA\"", "\"AAAA!A==\"", "\"AACAfw==\"", "\"AADAfw==\"", "\"AAAAPwAAgL4AAIA/====\"" };
	struct text got;

	(void)state;
	for (size_t i = 0; i < nitems(strings); i++)
		assert_false(floats_unpack(&got, arena, text_of(strings[i])));
	assert_false(floats_pack(&got, arena, TEXT("[1,\"2\"]")));
	assert_false(floats_pack(&got, arena, TEXT("[[1]]")));
	assert_false(floats_pack(&got, arena, TEXT("[1,null]")));
	assert_false(floats_pack(&got, arena, TEXT("[1e39]")));
}

/* Answers. */

static struct relay relay;

static enum pass
relayed(struct buf *out, struct text body, bool base64)
{
	struct edits edits = { 0 };
	enum pass pass;

	relay = (struct relay){ .arena = arena, .model = QUOTED("group"), .base64 = base64 };
	pass = provider_embeddings.relay_answer(&relay, body, &edits);
	out->len = 0;
	if (pass == PASS_ON)
		json_apply(out, body, edits.list, edits.n);
	return (pass);
}

static void
many_vectors_are_turned_and_sorted(void **state)
{
	struct buf body = { 0 }, out = { 0 };
	struct json_fault fault;
	struct json *answer;
	unsigned n = 0;

	(void)state;
	buf_lit(&body, "{\"data\":[");
	for (unsigned i = 2000; i > 0; i--)
		buf_print(&body, "{\"embedding\":[%u.5,-0.25],\"index\":%u}%s", i - 1, i - 1, i > 1 ? "," : "");
	buf_lit(&body, "],\"model\":\"up\",\"usage\":{\"prompt_tokens\":3,\"total_tokens\":3}}");
	assert_int_equal(relayed(&out, buf_as_text(&body), true), PASS_ON);
	answer = json_parse(arena, buf_as_text(&out), &fault);
	assert_true(quoted_is(json_quoted(json_get(answer, "model")), "group"));
	for (const struct json *v = json_get(answer, "data")->first; v != NULL; v = v->next, n++) {
		struct text list;
		int64_t index;

		assert_true(json_to_i64(json_get(v, "index")->raw, &index));
		assert_int_equal(index, n);
		assert_true(floats_unpack(&list, arena, json_get(v, "embedding")->raw));
		is_text(list, arena_print(arena, "[%u.5,-0.25]", n).at);
	}
	assert_int_equal(n, 2000);
	buf_free(&body);
	buf_free(&out);
}

static void
answers_without_embeddings_are_errors(void **state)
{
	static const char *const bodies[] = {
		"", "[]", "nonsense", "{}", "{\"data\":{}}", "{\"data\":[]}", "{\"data\":[1]}", "{\"data\":[{\"index\":0}]}", "{\"data\":[{\"embedding\":null}]}",
		"{\"data\":[{\"embedding\":{}}]}", "{\"data\":[{\"embedding\":[1,\"a\"]}]}", "{\"data\":[{\"embedding\":[1e300]}]}",
		"{\"data\":[{\"embedding\":[[1],[2]]}]}", "{\"data\":[{\"embedding\":[1]}],\"error\":{\"message\":\"broken\"}}", "{\"data\":[{\"embedding\":[1]}]",
	};
	struct buf out = { 0 };

	(void)state;
	for (size_t i = 0; i < nitems(bodies); i++) {
		assert_int_equal(relayed(&out, text_of(bodies[i]), true), PASS_ERROR);
		assert_non_null(relay.seen.error);
	}
	assert_int_equal(relayed(&out, TEXT("{\"data\":[{\"embedding\":\"AADAfw==\"}]}"), false), PASS_ERROR);	/* not a number */
	buf_free(&out);
}

static void
answers_cut_anywhere_are_errors(void **state)
{
	static const char whole[] = "{\"object\":\"list\",\"data\":[{\"index\":1,\"embedding\":[1.5e0,-2]},{\"index\":0,\"embedding\":\"AACAPw==\"}],\"model\":\"m\"}";
	struct buf out = { 0 };

	(void)state;
	for (size_t n = 0; n < sizeof(whole) - 1; n++) {
		char *alone = must_alloc(n + 1);	/* so that a sanitizer sees reads past the cut */

		memcpy(alone, whole, n);
		alone = must_realloc(alone, n > 0 ? n : 1);
		assert_int_equal(relayed(&out, (struct text){ alone, n }, n % 2 == 0), PASS_ERROR);
		free(alone);
	}
	assert_int_equal(relayed(&out, text_of(whole), true), PASS_ON);
	buf_free(&out);
}

static void
usage_is_the_prompt_alone(void **state)
{
	struct buf out = { 0 };

	(void)state;
	relayed(&out, TEXT("{\"data\":[{\"embedding\":[1]}],\"usage\":{\"prompt_tokens\":7,\"total_tokens\":7}}"), false);
	assert_int_equal(relay.seen.usage.prompt, 7);
	assert_int_equal(relay.seen.usage.completion, 0);
	relayed(&out, TEXT("{\"data\":[{\"embedding\":[1]}],\"usage\":{\"total_tokens\":9}}"), false);
	assert_int_equal(relay.seen.usage.prompt, 9);
	relayed(&out, TEXT("{\"data\":[{\"embedding\":[1]}]}"), false);
	assert_int_equal(relay.seen.usage.prompt, -1);
	assert_int_equal(relay.seen.usage.completion, 0);
	assert_true(relay.seen.finished);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(floats_are_written_so_that_they_are_read_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(numbers_are_rounded_to_the_nearest_float, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ties_between_floats_go_to_the_even_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_beyond_a_float_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(numbers_look_as_clients_expect, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lists_are_packed_and_unpacked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_holds_no_floats_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(many_vectors_are_turned_and_sorted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(answers_without_embeddings_are_errors, set_up, tear_down),
		cmocka_unit_test_setup_teardown(answers_cut_anywhere_are_errors, set_up, tear_down),
		cmocka_unit_test_setup_teardown(usage_is_the_prompt_alone, set_up, tear_down),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
