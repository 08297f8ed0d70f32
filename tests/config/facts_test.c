/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of models is found by any of their names. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/config_priv.h"
#include "yaml_text.h"

static void
models_are_found_with_and_without_a_prefix(void **state)
{
	static const struct {
		const char	*name;
		int64_t		 in, out;
	} cases[] = {
		{ "gpt-4o", 128000, 16384 }, { "openai/gpt-4o", 128000, 16384 }, { "anthropic/claude-sonnet-4-5", 200000, 64000 },
		{ "hosted_vllm/nothing-known", 0, 0 },
		{ "", 0, 0 }, { "openai/", 0, 0 }, { "gpt-4", 8192, 4096 }, { "gpt-4o-nothing", 0, 0 }, { "openai/*", 0, 0 },
	};

	for (size_t i = 0; i < nitems(cases); i++) {
		struct facts f = { .max_input = 0 };
		assert_int_equal(facts_find(&f, text_of(cases[i].name)), cases[i].out > 0);
		assert_int_equal(f.max_input, cases[i].in);
		assert_int_equal(f.max_output, cases[i].out);
	}
}

/* Every row of the file that is shipped is found as it stands there. */
static void
every_row_is_found(void **state)
{
	const char *top = getenv("top_srcdir"), *why;
	struct text rest, line, name, mode, in, out;
	struct buf file = { 0 };
	char path[1024];
	size_t rows = 0;

	snprintf(path, sizeof(path), "%s/data/model-facts.tsv", top != NULL ? top : ".");
	assert_true(file_slurp(&file, path, 4 << 20, &why));
	for (rest = buf_as_text(&file); text_cut(rest, '\n', &line, &rest);) {
		struct facts f = { .max_input = 0 };
		int64_t n;
		if (line.at[0] == '#' || text_starts(line, TEXT("model\t")))
			continue;
		assert_true(text_cut(line, '\t', &name, &line) && text_cut(line, '\t', &mode, &line) && text_cut(line, '\t', &in, &out));
		if (!facts_find(&f, name))
			fail_msg("%s is not found", text_string(name));
		assert_true(text_eq(f.mode, mode));
		assert_int_equal(f.max_input, text_to_i64(in, &n) ? n : 0);
		assert_int_equal(f.max_output, text_to_i64(out, &n) ? n : 0);
		rows++;
	}
	assert_true(rows > 3000);
	buf_free(&file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(models_are_found_with_and_without_a_prefix, clean_env),
		cmocka_unit_test_setup(every_row_is_found, clean_env),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
