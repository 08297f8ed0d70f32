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

#define COLUMNS	11

static int64_t
limit(struct text t)
{
	int64_t n;

	return (text_to_i64(t, &n) ? n : 0);
}

/* The file's are for a million tokens. */
static int64_t
price(struct text t)
{
	struct buf b = { 0 };
	int64_t pico = -1;

	buf_print(&b, TEXT_FMT "e-6", TEXT_ARG(t));
	assert_int_equal(price_read(buf_as_text(&b), &pico), t.len > 0);
	buf_free(&b);
	return (pico);
}

static void
assert_can(const struct facts *f, struct text words)
{
	unsigned n = 0, known = 0;
	struct text word;

	for (bool more = words.len > 0; more; n++) {
		unsigned bit = 0;

		more = text_cut(words, ',', &word, &words);
		while (facts_flag(bit) != NULL && !text_is(word, facts_flag(bit)))
			bit++;
		assert_non_null(facts_flag(bit));
		assert_true(f->can >> bit & 1);
	}
	for (unsigned bit = 0; facts_flag(bit) != NULL; bit++)
		known += f->can >> bit & 1;
	assert_int_equal(known, n);
}

static bool
has_rate(const struct rate *list, unsigned n, enum rate_of of, enum tier tier, int32_t above, int64_t pico)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i].of == of && list[i].tier == tier && list[i].above == above)
			return (list[i].pico == pico);
	return (false);
}

static enum rate_of
kind_named(struct text name)
{
	static const char *const names[RATES] = { "input", "cached", "written", "written_1h", "audio_in", "image_in", "output", "reasoning", "audio_out",
		"image_out", "request", "second_in", "second_out", "query", "search" };
	unsigned of = 0;

	while (of < RATES && !text_is(name, names[of]))
		of++;
	assert_true(of < RATES);
	return (of);
}

/* "flex.input>200000=1.25" */
static void
assert_rate(const struct rate *list, unsigned n, struct text said)
{
	struct text name, value, above, kind;
	int64_t step = 0, pico;
	int tier = TIER_DEFAULT;
	struct buf b = { 0 };
	enum rate_of of;

	assert_true(text_cut(said, '=', &name, &value));
	if (text_cut(name, '>', &name, &above))
		assert_true(text_to_i64(above, &step));
	if (text_cut(name, '.', &kind, &name))
		tier = tier_named(kind);
	else
		name = kind;
	assert_true(tier >= 0);
	of = kind_named(name);
	buf_print(&b, TEXT_FMT "%s", TEXT_ARG(value), of < RATE_REQUEST ? "e-6" : "");
	assert_true(price_read(buf_as_text(&b), &pico));
	buf_free(&b);
	assert_true(has_rate(list, n, of, (enum tier)tier, (int32_t)step, pico));
}

static void
assert_rates(const struct facts *f, struct text more)
{
	const int64_t plain[] = { f->input, f->output, f->cache_read, f->cache_write };
	static const enum rate_of kinds[] = { RATE_INPUT, RATE_OUTPUT, RATE_CACHED, RATE_WRITTEN };
	struct rate list[64];
	unsigned n = facts_rates(list, nitems(list), f), said = 0;
	struct text one;

	for (unsigned i = 0; i < nitems(plain); i++) {
		said += plain[i] >= 0;
		assert_true(plain[i] < 0 || has_rate(list, n, kinds[i], TIER_DEFAULT, 0, plain[i]));
	}
	for (bool go_on = more.len > 0; go_on; said++) {
		go_on = text_cut(more, ' ', &one, &more);
		assert_rate(list, n, one);
	}
	assert_int_equal(n, said);
	for (unsigned i = 1; i < n; i++)
		assert_true(list[i - 1].of <= list[i].of);
}

/* Every row of the file that is shipped is found as it stands there. */
static void
every_row_is_found(void **state)
{
	const char *top = getenv("top_srcdir"), *why;
	struct text rest, line, cell[COLUMNS];
	struct buf file = { 0 };
	char path[1024];
	size_t rows = 0;

	snprintf(path, sizeof(path), "%s/data/model-facts.tsv", top != NULL ? top : ".");
	assert_true(file_slurp(&file, path, 4 << 20, &why));
	for (rest = buf_as_text(&file); text_cut(rest, '\n', &line, &rest);) {
		struct facts f = { .max_input = 0 };
		if (line.at[0] == '#' || text_starts(line, TEXT("model\t")))
			continue;
		for (size_t i = 0; i < COLUMNS; i++)
			assert_int_equal(text_cut(line, '\t', &cell[i], &line), i < COLUMNS - 1);
		if (!facts_find(&f, cell[0]))
			fail_msg("%s is not found", text_string(cell[0]));
		assert_true(text_eq(f.name, cell[0]) && text_eq(f.vendor, cell[1]) && text_eq(f.mode, cell[2]));
		assert_int_equal(f.max_input, limit(cell[3]));
		assert_int_equal(f.max_output, limit(cell[4]));
		assert_int_equal(f.input, price(cell[5]));
		assert_int_equal(f.output, price(cell[6]));
		assert_int_equal(f.cache_read, price(cell[7]));
		assert_int_equal(f.cache_write, price(cell[8]));
		assert_can(&f, cell[9]);
		assert_rates(&f, cell[10]);
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
