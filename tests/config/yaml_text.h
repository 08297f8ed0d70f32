/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations written inside a test: a text becomes a file, is loaded, and what was said about it can be asked for. */
#ifndef TESTS_CONFIG_YAML_TEXT_H
#define TESTS_CONFIG_YAML_TEXT_H

#include "config/config.h"

/* Forget all variables but what tests need, and set a master key: what is loaded depends on the test alone. */
int	clean_env(void **state);
/* In a folder of the test's own, removed at exit. */
const char *temp_path(const char *name);
void	write_file(const char *name, const char *text);
struct config *load_text(const char *yaml);			/* config.yaml there */
/* Is there a problem of that level, on that line (0: any), whose message holds the words? */
bool	says(const struct config *, enum problem_level, unsigned line, const char *words);
/* The whole talk, for when a test fails; lives until the next call. */
const char *talk(const struct config *);
/* A model_list of one: `params` are lines of litellm_params, indented by six. */
struct config *load_params(const char *params);

#define assert_says(c, level, line, words)	do { if (!says(c, level, line, words)) fail_msg("missing \"%s\" in:\n%s", words, talk(c)); } while (0)
#define assert_quiet(c)	do { if ((c)->n_errors + (c)->n_warnings > 0) fail_msg("said:\n%s", talk(c)); } while (0)
#define assert_text(t, string)	assert_string_equal(text_string(t), string)

const char *text_string(struct text);				/* with a zero at its end; eight live at a time */

#endif
