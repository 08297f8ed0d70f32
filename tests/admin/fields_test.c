/* SPDX-License-Identifier: Apache-2.0 */
/* The engine of fields: what bodies may say, and what patches do to documents. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "admin/fields.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const words[] = { "red", "green", NULL };
static const struct field fields[] = {
	{ "name", FIELD_TEXT, 0, NULL, NULL, 10 },
	{ "colour", FIELD_TEXT, 0, NULL, words, 0 },
	{ "count", FIELD_INT, 0, NULL, NULL, 0 },
	{ "money", FIELD_MONEY, 0, NULL, NULL, 0 },
	{ "span", FIELD_SPAN, 0, NULL, NULL, 0 },
	{ "flag", FIELD_BOOL, 0, "false", NULL, 0 },
	{ "when", FIELD_MOMENT, 0, NULL, NULL, 0 },
	{ "list", FIELD_TEXTS, 0, "[]", NULL, 0 },
	{ "object", FIELD_OBJECT, 0, "{}", NULL, 0 },
	{ "counts", FIELD_COUNTS, 0, NULL, NULL, 0 },
	{ "budgets", FIELD_BUDGETS, 0, NULL, NULL, 0 },
	{ "windows", FIELD_WINDOWS, 0, NULL, NULL, 0 },
	{ "any", FIELD_ANY, 0, NULL, NULL, 0 },
	{ "said", FIELD_MONEY, FIELD_SAID, NULL, NULL, 0 },
	{ "metadata", FIELD_OBJECT, 0, "{}", NULL, 0 },
	{ "tags", FIELD_TEXTS, FIELD_INSIDE, NULL, NULL, 0 },
	{ "limit", FIELD_INT, FIELD_INSIDE, NULL, NULL, 0 },
	{ NULL, FIELD_ANY, 0, NULL, NULL, 0 },
};
static const struct noun noun = { "thing", fields };

static struct admin_call call;

static int
setup(void **state)
{
	(void)state;
	call = (struct admin_call){ .arena = arena_new() };
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(call.arena);
	return (0);
}

static const struct json *
json(const char *text)
{
	struct json_fault fault;
	const struct json *j = json_parse(call.arena, text_of(text), &fault);

	assert_non_null(j);
	return (j);
}

/* The document after a patch; or "status param". */
static const char *
patched(const char *doc, const char *body)
{
	struct doc d;
	struct error *e;

	doc_read(&d, call.arena, text_of(doc));
	if ((e = fields_read(&d, &call, &noun, json(body))) != NULL)
		return (arena_print(call.arena, "%d " TEXT_FMT, error_status(e), TEXT_ARG(e->param)).at);
	return (arena_copy(call.arena, doc_text(&d)).at);
}

static void
values(void **state)
{
	static const char *const rows[][2] = {
		{ "{\"name\":\"a%_'\\u00e9\"}", "{\"name\":\"a%_'\xc3\xa9\"}" }, { "{\"name\":\"\"}", "{}" }, { "{\"name\":1}", "422 name" },
		{ "{\"name\":\"12345678901\"}", "400 name" }, { "{\"name\":\"a\\u0000b\"}", "400 name" }, { "{\"colour\":\"red\"}", "{\"colour\":\"red\"}" },
		{ "{\"colour\":\"blue\"}", "400 colour" }, { "{\"count\":0}", "{\"count\":0}" }, { "{\"count\":1e3}", "{\"count\":1000}" },
		{ "{\"count\":\" 12 \"}", "{\"count\":12}" }, { "{\"count\":12.0}", "{\"count\":12}" }, { "{\"count\":1.5}", "422 count" },
		{ "{\"count\":-1}", "400 count" }, { "{\"count\":1e30}", "422 count" }, { "{\"count\":2000000000000}", "400 count" }, { "{\"count\":true}", "422 count" },
		{ "{\"count\":\"\"}", "422 count" }, { "{\"money\":12.50}", "{\"money\":12.5}" }, { "{\"money\":\"1e-6\"}", "{\"money\":0.000001}" },
		{ "{\"money\":-0.01}", "400 money" }, { "{\"money\":9000000001}", "400 money" }, { "{\"money\":\"x\"}", "422 money" }, { "{\"money\":[]}", "422 money" },
		{ "{\"money\":-0}", "{\"money\":0}" }, { "{\"span\":\" 30d \"}", "{\"span\":\"30d\"}" }, { "{\"span\":\"30days\"}", "400 span" },
		{ "{\"span\":\"-1\"}", "400 span" }, { "{\"span\":\"\"}", "{}" }, { "{\"flag\":true}", "{\"flag\":true}" }, { "{\"flag\":\"False\"}", "{\"flag\":false}" },
		{ "{\"flag\":1}", "422 flag" }, { "{\"when\":\"2026-12-01T00:00:00+09:00\"}", "{\"when\":\"2026-12-01T00:00:00+09:00\"}" },
		{ "{\"when\":\"2026-13-01\"}", "400 when" }, { "{\"list\":[\"a\",\"\"]}", "{\"list\":[\"a\",\"\"]}" }, { "{\"list\":[null]}", "422 list" },
		{ "{\"list\":{}}", "422 list" }, { "{\"object\":{\"a\":[1]}}", "{\"object\":{\"a\":[1]}}" }, { "{\"object\":[]}", "422 object" },
		{ "{\"counts\":{\"m\":3,\"n\":null}}", "{\"counts\":{\"m\":3,\"n\":null}}" }, { "{\"counts\":{\"m\":-3}}", "400 counts" },
		{ "{\"budgets\":{\"m\":{\"budget_limit\":1,\"time_period\":\"1d\"},\"n\":2}}", "{\"budgets\":{\"m\":{\"budget_limit\":1,\"time_period\":\"1d\"},\"n\":2}}" },
		{ "{\"budgets\":{\"m\":{\"max_budget\":-1}}}", "400 budgets" }, { "{\"budgets\":{\"m\":{\"time_period\":\"x\"}}}", "400 budgets" },
		{ "{\"windows\":[{\"budget_duration\":\"1d\",\"max_budget\":1}]}", "{\"windows\":[{\"budget_duration\":\"1d\",\"max_budget\":1}]}" },
		{ "{\"windows\":[{\"max_budget\":1}]}", "422 windows" }, { "{\"any\":[null,{}]}", "{\"any\":[null,{}]}" }, { "{\"said\":5,\"unknown\":1}", "{}" },
		{ "{\"said\":-5}", "400 said" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(rows); i++)
		assert_string_equal(patched("{}", rows[i][0]), rows[i][1]);
}

static void
metadata(void **state)
{
	(void)state;
	assert_string_equal(patched("{}", "{\"tags\":[\"a\"],\"metadata\":{\"x\":1}}"), "{\"metadata\":{\"x\":1,\"tags\":[\"a\"]}}");
	assert_string_equal(patched("{}", "{\"metadata\":{\"x\":1,\"limit\":\"5\"}}"), "{\"metadata\":{\"x\":1,\"limit\":5}}");
	assert_string_equal(patched("{\"metadata\":{\"x\":1,\"tags\":[\"a\"]}}", "{\"metadata\":{\"y\":2}}"), "{\"metadata\":{\"tags\":[\"a\"],\"y\":2}}");
	assert_string_equal(patched("{\"metadata\":{\"x\":1,\"tags\":[\"a\"]}}", "{\"metadata\":null}"), "{\"metadata\":{\"tags\":[\"a\"]}}");
	assert_string_equal(patched("{\"metadata\":{\"x\":1,\"tags\":[\"a\"]}}", "{\"tags\":null}"), "{\"metadata\":{\"x\":1}}");
	assert_string_equal(patched("{\"metadata\":{\"tags\":[\"a\"]}}", "{\"metadata\":{\"tags\":null}}"), "{}");
	assert_string_equal(patched("{}", "{\"metadata\":{\"limit\":-1}}"), "400 limit");
	assert_string_equal(patched("{}", "{\"metadata\":[]}"), "422 metadata");
}

/* What is left of an oversized document is what was there. */
static void
sizes(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_lit(&b, "{\"metadata\":{\"x\":\"");
	for (unsigned i = 0; i < DOC_MOST; i++)
		buf_byte(&b, 'x');
	buf_lit(&b, "\"}}");
	buf_byte(&b, '\0');
	assert_string_equal(patched("{\"name\":\"n\"}", b.at), "400 metadata");
	buf_free(&b);
}

/* Rows show every field, with what stands for nothing; and are read back as they were. */
static void
rows(void **state)
{
	struct buf b = { 0 };
	struct json_out o = { .to = &b };
	struct doc d;

	(void)state;
	doc_read(&d, call.arena, TEXT("{\"name\":\"n\",\"metadata\":{\"tags\":[]},\"money\":0.1}"));
	json_open(&o, '{');
	fields_put(&o, &noun, &d);
	fields_put_inside(&o, &noun, &d);
	json_close(&o, '}');
	buf_byte(&b, '\0');
	assert_string_equal(b.at, "{\"name\":\"n\",\"colour\":null,\"count\":null,\"money\":0.1,\"span\":null,\"flag\":false,\"when\":null,\"list\":[],\"object\":{},"
	    "\"counts\":null,\"budgets\":null,\"windows\":null,\"any\":null,\"metadata\":{\"tags\":[]},\"tags\":[],\"limit\":null}");
	buf_free(&b);
}

/* Property: whatever came before, a patch sets what it names, clears what it says null to, and leaves the rest; doing it twice is doing it once. */
static void
patches(void **state)
{
	static const char *const members[][3] = {	/* a name, two values */
		{ "name", "\"a\"", "\"b\"" }, { "count", "1", "0" }, { "money", "0.5", "0" }, { "flag", "true", "false" }, { "list", "[]", "[\"z\"]" },
		{ "tags", "[\"t\"]", "[]" }, { "limit", "0", "9" },
	};
	const char *have[nitems(members)] = { NULL };
	struct doc d;

	(void)state;
	srand(7);
	doc_read(&d, call.arena, TEXT("{}"));
	for (unsigned round = 0; round < 2000; round++) {
		struct buf b = { 0 };

		buf_byte(&b, '{');
		for (size_t i = 0; i < nitems(members); i++) {
			int what = rand() % 4;	/* absent, null, a value, the other */

			if (what == 0)
				continue;
			have[i] = what == 1 ? NULL : members[i][what - 1];
			buf_print(&b, "%s\"%s\":%s", b.len > 1 ? "," : "", members[i][0], have[i] != NULL ? have[i] : "null");
		}
		buf_lit(&b, "}");
		buf_byte(&b, '\0');
		for (int twice = 0; twice < 2; twice++) {
			assert_null(fields_read(&d, &call, &noun, json(arena_copy(call.arena, text_of(b.at)).at)));
			for (size_t i = 0; i < nitems(members); i++)
				assert_true(text_is(field_raw(&d, &noun, members[i][0]), have[i] != NULL ? have[i] : ""));
		}
		buf_free(&b);
	}
}

static void
secrets(void **state)
{
	static const char *const cases[][2] = {
		{ "{\"key\":\"sk-abcdefghijklmnopqrstuvwx\",\"n\":1}", "{\"key\":\"sk-...uvwx\",\"n\":1}" },
		{ "[\"sk-short\",\"plain\",null]", "[\"sk-...\",\"plain\",null]" },
		{ "{\"litellm_params\":{\"api_key\":\"x\",\"azure_ad_token\":\"y\",\"model\":\"gpt\",\"max_tokens\":5}}",
		  "{\"litellm_params\":{\"api_key\":\"***\",\"azure_ad_token\":\"***\",\"model\":\"gpt\",\"max_tokens\":5}}" },
		{ "{\"credential_values\":{\"whatever\":\"x\",\"deep\":[\"y\"]}}", "{\"credential_values\":{\"whatever\":\"***\",\"deep\":[\"***\"]}}" },
		{ "{\"token\":\"29fad1a1670e32b4b31887c34f1fc1dd121846381a02aea21d4db5de2b2ba030\"}",
		  "{\"token\":\"29fad1a1670e32b4b31887c34f1fc1dd121846381a02aea21d4db5de2b2ba030\"}" },
		{ "{\"Password\":\"p\",\"key_alias\":\"a\"}", "{\"Password\":\"***\",\"key_alias\":\"a\"}" }, { "{nope", "null" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct buf b = { 0 };

		buf_masked(&b, text_of(cases[i][0]));
		buf_byte(&b, '\0');
		assert_string_equal(b.at, cases[i][1]);
		buf_free(&b);
	}
}

static void
patterns(void **state)
{
	(void)state;
	assert_true(text_is(like_within(call.arena, TEXT("A%_\\b")), "%a\\%\\_\\\\b%"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(values, setup, teardown),
		cmocka_unit_test_setup_teardown(metadata, setup, teardown),
		cmocka_unit_test_setup_teardown(sizes, setup, teardown),
		cmocka_unit_test_setup_teardown(rows, setup, teardown),
		cmocka_unit_test_setup_teardown(patches, setup, teardown),
		cmocka_unit_test_setup_teardown(secrets, setup, teardown),
		cmocka_unit_test_setup_teardown(patterns, setup, teardown),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
