/* SPDX-License-Identifier: Apache-2.0 */
/* The manual describes the settings of the table, all of them and no others, in its order; and its example is a configuration without a fault. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static FILE *
open_page(void)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/doc/sluice-config.5", getenv("top_srcdir"));
	f = fopen(path, "r");
	assert_non_null(f);
	return (f);
}

/* The names of the section, a line each. */
static void
read_manual(struct buf *names)
{
	FILE *f = open_page();
	char line[512], name[64];
	bool inside = false;

	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, ".Sh ", 4) == 0)
			inside = strcmp(line, ".Sh SETTINGS OF SLUICE\n") == 0;
		if (inside && sscanf(line, ".It Cm %63s", name) == 1)
			buf_print(names, "%s\n", name);
	}
	fclose(f);
}

/* Of the table's markdown: the first cell of each row. */
static void
read_table(struct buf *names)
{
	struct buf table = { 0 };
	struct text line, rest, name;

	settings_print(&table, true);
	for (rest = buf_as_text(&table); rest.len > 0; ) {
		text_cut(rest, '\n', &line, &rest);
		if (text_starts(line, TEXT("| `")) && text_cut(text_sub(line, 3, line.len), '`', &name, &line))
			buf_print(names, TEXT_FMT "\n", TEXT_ARG(name));
	}
	buf_free(&table);
}

static void
the_manual_has_every_setting(void **state)
{
	struct buf manual = { 0 }, table = { 0 };

	read_manual(&manual);
	read_table(&table);
	buf_byte(&manual, '\0');
	buf_byte(&table, '\0');
	assert_true(table.len > 100);
	assert_string_equal(manual.at, table.at);
	buf_free(&manual);
	buf_free(&table);
}

static void
write_example(FILE *to)
{
	FILE *f = open_page();
	char line[512];
	bool inside = false;

	while (fgets(line, sizeof(line), f) != NULL) {
		if (strcmp(line, ".Ed\n") == 0)
			inside = false;
		if (inside)
			fputs(line, to);
		if (strncmp(line, ".Bd -literal", 12) == 0)
			inside = true;
	}
	fclose(f);
}

static void
the_example_has_no_fault(void **state)
{
	char path[] = "/tmp/manual_test.XXXXXX";
	struct buf problems = { 0 };
	FILE *f = fdopen(mkstemp(path), "w");
	struct config *c;

	assert_non_null(f);
	write_example(f);
	fclose(f);
	setenv("ANTHROPIC_API_KEY", "sk-ant-for-this-test", 1);
	setenv("LITELLM_MASTER_KEY", "sk-0123456789abcdef0123456789abcdef", 1);
	c = config_load(path);
	problems_print(&problems, c);
	fprintf(stderr, TEXT_FMT, TEXT_ARG(buf_as_text(&problems)));
	assert_int_equal(c->n_errors + c->n_warnings, 0);
	assert_int_equal(c->n_deployments, 3);
	buf_free(&problems);
	config_release(c);
	unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_manual_has_every_setting),
		cmocka_unit_test(the_example_has_no_fault),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
