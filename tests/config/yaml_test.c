/* SPDX-License-Identifier: Apache-2.0 */
/* YAML as people and enemies write it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "config/config_priv.h"
#include "yaml_text.h"

static void
scalars_have_the_types_of_yaml_1_1(void **state)
{
	static const struct {
		const char	*text;
		enum scalar	 type;
	} cases[] = {
		{ "yes", SCALAR_BOOL }, { "NO", SCALAR_BOOL }, { "On", SCALAR_BOOL }, { "off", SCALAR_BOOL }, { "True", SCALAR_BOOL },
		{ "tRUE", SCALAR_STRING },
		{ "y", SCALAR_STRING }, { "~", SCALAR_NULL }, { "", SCALAR_NULL }, { "Null", SCALAR_NULL }, { "nULL", SCALAR_STRING },
		{ "12", SCALAR_INT },
		{ "-12", SCALAR_INT }, { "0x1F", SCALAR_INT }, { "0b101", SCALAR_INT }, { "017", SCALAR_INT }, { "019", SCALAR_STRING },
		{ "1_000", SCALAR_INT },
		{ "1:30", SCALAR_INT }, { "1:75", SCALAR_STRING }, { "1.5", SCALAR_FLOAT }, { ".5", SCALAR_FLOAT }, { "1.", SCALAR_FLOAT },
		{ "1e-6", SCALAR_STRING },
		{ "1.0e-6", SCALAR_FLOAT }, { "1.0e6", SCALAR_STRING }, { "2023-05-15", SCALAR_STRING }, { ".", SCALAR_STRING },
		{ "-", SCALAR_STRING },
		{ "0x", SCALAR_STRING }, { "99999999999999999999", SCALAR_STRING }, { "127.0.0.1", SCALAR_STRING },
		{ "sk-1", SCALAR_STRING },
	};

	for (size_t i = 0; i < nitems(cases); i++)
		if (scalar_of(text_of(cases[i].text), true) != cases[i].type)
			fail_msg("\"%s\" is taken as %d", cases[i].text, scalar_of(text_of(cases[i].text), true));
	assert_int_equal(scalar_of(TEXT("12"), false), SCALAR_STRING);
}

static void
numbers_are_read_however_spelled(void **state)
{
	static const struct {
		const char	*text;
		double		 value;
	} fine[] = { { "1e-6", 1e-6 }, { "0x10", 16 }, { "010", 8 }, { "1_000.5", 1000.5 }, { " 7 ", 7 }, { "+3", 3 }, { "-2.5", -2.5 },
	    { "1:30", 90 } };
	static const char *const bad[] = { "", "abc", ".inf", "nan", "1e999", "1 2", "--1", "+-1", "0x", "1e", "_", "1,5" };
	double d;

	for (size_t i = 0; i < nitems(fine); i++) {
		assert_true(scalar_number(text_of(fine[i].text), &d));
		assert_true(d == fine[i].value);
	}
	for (size_t i = 0; i < nitems(bad); i++)
		if (scalar_number(text_of(bad[i]), &d))
			fail_msg("\"%s\" is taken as %g", bad[i], d);
}

static void
values_become_json(void **state)
{
	struct config *c = load_params("      model: openai/m\n      extra_body:\n        a: 0x10\n        b: 1.\n"
	    "        c: [yes, ~, 'no', 1e-6]\n        d: {x: \"\\u00e9\\n\\\"\"}\n"
	    "        e: .5\n        f: 2023-05-15\n        g: 0.70\n");
	const char *want[] = { "16", "1", "[true,null,\"no\",\"1e-6\"]", "{\"x\":\"\xc3\xa9\\n\\\"\"}", "0.5", "\"2023-05-15\"", "0.70" };

	assert_int_equal(c->n_errors, 0);
	assert_int_equal(c->deployments[0]->n_defaults, nitems(want));
	for (size_t i = 0; i < nitems(want); i++)
		assert_text(c->deployments[0]->defaults[i].raw, want[i]);
	config_release(c);
}

static void
anchors_and_merge_keys(void **state)
{
	struct config *c = load_text(
	    "x-a: &a {timeout: 1, rpm: 5, api_key: k1}\n"
	    "x-b: &b {timeout: 2, tpm: 9}\n"
	    "model_list:\n"
	    "  - model_name: one\n"
	    "    litellm_params: &p\n"
	    "      <<: *a\n"
	    "      model: openai/x\n"
	    "      rpm: 7\n"
	    "  - model_name: two\n"
	    "    litellm_params: {<<: [*a, *b], model: openai/y}\n"
	    "  - model_name: three\n"
	    "    litellm_params: *p\n"
	    "  - model_name: four\n"
	    "    litellm_params: {<<: *p, '<<': no merge, api_key: k4}\n");
	struct deployment **d = c->deployments;

	assert_quiet(c);
	assert_int_equal(c->n_deployments, 4);
	assert_int_equal(d[0]->timeout_ms, 1000);
	assert_int_equal(d[0]->rpm, 7);
	assert_text(d[0]->key, "k1");
	assert_int_equal(d[1]->timeout_ms, 1000);
	assert_int_equal(d[1]->rpm, 5);
	assert_int_equal(d[1]->tpm, 9);
	assert_text(d[2]->model, "x");
	assert_text(d[3]->key, "k4");
	assert_text(d[3]->defaults[0].name, "<<");
	config_release(c);
}

static void
a_key_given_twice_counts_last(void **state)
{
	struct config *c = load_params("      model: openai/x\n      api_key: first\n      rpm: 1\n      api_key: last\n");

	assert_int_equal(c->n_errors, 0);
	assert_text(c->deployments[0]->key, "last");
	assert_says(c, PROBLEM_WARNING, 7, "on line 5 and on line 7");
	config_release(c);
}

static void
syntax_errors_have_their_line(void **state)
{
	static const struct {
		const char	*yaml;
		unsigned	 line;
		const char	*words;
	} cases[] = {
		{ "a: 1\nb: [1, 2\nc: 3\n", 0, "not YAML" },
		{ "model_list:\n  - model_name: *\n", 2, "must be in quotes" },
		{ "model_list:\n  - model_name: *-mini\n", 2, "in quotes: \"*-mini\"" },
		{ "a:\n\tb: 1\n", 2, "tabs" },
		{ "a: 1\n---\nb: 2\n", 2, "second document" },
		{ "a: *nowhere\n", 1, "no anchor &nowhere" },
		{ "a: &x [1, *x]\n", 1, "inside its own anchor" },
		{ "a: !!python/object:os.system x\n", 1, "tag" },
		{ "a: !mine x\n", 1, "tag" },
		{ "? [a, b]\n: c\n", 1, "key must be a plain value" },
		{ "{a: b}: c\n", 1, "key must be a plain value" },
		{ "a: {<<: 3}\n", 1, "<< takes a map" },
		{ "a: {<<: [1, 2]}\n", 1, "<< takes a map" },
		{ "just words\n", 1, "map of sections" },
		{ "[1, 2]\n", 1, "map of sections" },
		{ "a: \"\\xZZ\"\n", 1, "not YAML" },
		{ "a: \xff\xfe\n", 0, "not YAML" },
	};

	for (size_t i = 0; i < nitems(cases); i++) {
		struct config *c = load_text(cases[i].yaml);
		assert_int_equal(c->n_errors, 1);
		assert_says(c, PROBLEM_ERROR, cases[i].line, cases[i].words);
		assert_false(c->unreadable);
		config_release(c);
	}
}

static void
an_empty_file_lacks_its_model_list(void **state)
{
	static const char *const cases[] = { "", "\n# nothing\n", "~\n", "{}\n" };

	for (size_t i = 0; i < nitems(cases); i++) {
		struct config *c = load_text(cases[i]);
		assert_says(c, PROBLEM_ERROR, 0, "no model_list");
		config_release(c);
	}
}

static void
laughs_are_weighed(void **state)
{
	struct buf b = { 0 };
	struct config *c;

	buf_print(&b, "a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 12; i++) {
		buf_print(&b, "a%d: &a%d [", i, i);
		for (int k = 0; k < 9; k++)
			buf_print(&b, "%s*a%d", k > 0 ? ", " : "", i - 1);
		buf_print(&b, "]\n");
	}
	buf_byte(&b, '\0');
	c = load_text(b.at);
	assert_says(c, PROBLEM_ERROR, 0, "aliases make the file too large");
	config_release(c);
	buf_free(&b);
}

static void
laughs_by_merging_are_weighed(void **state)
{
	struct buf b = { 0 };
	struct config *c;

	buf_print(&b, "a0: &a0 {k: [x, x, x, x, x, x, x, x, x, x]}\n");
	for (int i = 1; i < 3000; i++)
		buf_print(&b, "a%d: &a%d {<<: *a%d, k%d: *a%d}\n", i, i, i - 1, i, i - 1);
	buf_byte(&b, '\0');
	c = load_text(b.at);
	assert_int_equal(c->n_errors, 1);
	config_release(c);
	buf_free(&b);
}

static void
add_times(struct buf *b, const char *what, int n)
{
	while (n-- > 0)
		buf_print(b, "%s", what);
}

static void
depth_is_bounded(void **state)
{
	static const char *const open[] = { "[", "{a: " };

	for (size_t i = 0; i < nitems(open); i++) {
		struct buf b = { 0 };
		struct config *c;
		buf_print(&b, "a: ");
		add_times(&b, open[i], 5000);
		buf_byte(&b, '\0');
		c = load_text(b.at);
		assert_says(c, PROBLEM_ERROR, 1, "too deep");
		config_release(c);
		buf_free(&b);
	}
}

static void
depth_by_aliases_is_bounded(void **state)
{
	struct buf b = { 0 };
	struct config *c;

	buf_print(&b, "a0: &a0 [x]\n");
	for (int i = 1; i < 100; i++)
		buf_print(&b, "a%d: &a%d [*a%d]\n", i, i, i - 1);
	buf_byte(&b, '\0');
	c = load_text(b.at);
	assert_says(c, PROBLEM_ERROR, 0, "too deep");
	config_release(c);
	buf_free(&b);
}

static void
a_file_may_be_only_so_large(void **state)
{
	struct buf b = { 0 };
	struct config *c;

	add_times(&b, "# 63 characters of nothing that fill a file up to its bound .....\n", 70000);
	buf_byte(&b, '\0');
	c = load_text(b.at);
	assert_says(c, PROBLEM_ERROR, 0, "too large");
	assert_true(c->unreadable);
	config_release(c);
	buf_free(&b);
}

static void
too_many_values_are_refused(void **state)
{
	struct buf b = { 0 };
	struct config *c;

	buf_print(&b, "a: [");
	add_times(&b, "1,", 500000);
	buf_print(&b, "]\n");
	buf_byte(&b, '\0');
	c = load_text(b.at);
	assert_says(c, PROBLEM_ERROR, 1, "too many values");
	config_release(c);
	buf_free(&b);
}

static void
problems_are_bounded_and_counted(void **state)
{
	struct buf b = { 0 };
	struct config *c;
	unsigned listed = 0;

	buf_print(&b, "sluice:\n");
	for (int i = 0; i < 700; i++)
		buf_print(&b, "  wrong%d: 1\n", i);
	buf_byte(&b, '\0');
	c = load_text(b.at);
	assert_int_equal(c->n_errors, 701);		/* and no model_list */
	for (const struct problem *p = c->problems; p != NULL; p = p->next)
		listed += p->level == PROBLEM_ERROR;
	assert_int_equal(listed, 500);
	config_release(c);
	buf_free(&b);
}

static void
deep_python_is_as_python_prints_it(void **state)
{
	struct config *c = load_params("      model: openai/x\n      api_key: k\n      a: [1, 'b', 2.50, ~, true]\n"
	    "      b: {x: [1, \"y\"]}\n      c: 1.0e-7\n      d: 100.0\n"
	    "      e: off\n");

	/* printf 'mmodelopenai/xapi_keyka[1, '\''b'\'', 2.5, None, True]b{"x": [1, "y"]}c1e-07d100.0eFalse' | sha256sum */
	assert_text(c->deployments[0]->id, "a4a514273c71882b283f44abb45a387415fceff1e3c08533930d6e2918664766");
	config_release(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(scalars_have_the_types_of_yaml_1_1, clean_env),
		cmocka_unit_test_setup(numbers_are_read_however_spelled, clean_env),
		cmocka_unit_test_setup(values_become_json, clean_env),
		cmocka_unit_test_setup(anchors_and_merge_keys, clean_env),
		cmocka_unit_test_setup(a_key_given_twice_counts_last, clean_env),
		cmocka_unit_test_setup(syntax_errors_have_their_line, clean_env),
		cmocka_unit_test_setup(an_empty_file_lacks_its_model_list, clean_env),
		cmocka_unit_test_setup(laughs_are_weighed, clean_env),
		cmocka_unit_test_setup(laughs_by_merging_are_weighed, clean_env),
		cmocka_unit_test_setup(depth_is_bounded, clean_env),
		cmocka_unit_test_setup(depth_by_aliases_is_bounded, clean_env),
		cmocka_unit_test_setup(a_file_may_be_only_so_large, clean_env),
		cmocka_unit_test_setup(too_many_values_are_refused, clean_env),
		cmocka_unit_test_setup(problems_are_bounded_and_counted, clean_env),
		cmocka_unit_test_setup(deep_python_is_as_python_prints_it, clean_env),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
