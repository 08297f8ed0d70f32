/* SPDX-License-Identifier: Apache-2.0 */
/* Which group a name means, and where each falls back to. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/config_priv.h"
#include "yaml_text.h"

#define MODEL(name, model)	"- {model_name: '" name "', litellm_params: {model: '" model "', api_key: k}}\n"

/* The group that answers, and what is asked upstream: "group model", or "-". */
static const char *
asked(const struct config *c, const char *name)
{
	static char answer[1024];
	struct capture captured;
	const struct group *g = config_group(c, text_of(name), &captured);
	struct arena *a;

	if (g == NULL)
		return ("-");
	a = arena_new();
	snprintf(answer, sizeof(answer), "%s %s", text_string(g->name), text_string(deployment_model(a, g->deployments[0], text_of(name),
	    &captured)));
	arena_free(a);
	return (answer);
}

static void
names_find_their_groups(void **state)
{
	struct config *c = load_text("model_list:\n" MODEL("gpt", "openai/gpt-4o") MODEL("claude-*",
	    "anthropic/claude-*") MODEL("claude-3-*", "anthropic/three-*")
	    MODEL("openai/*", "openai/*") MODEL("v/*/x-*", "openrouter/*:*") MODEL("fixed-*", "openai/always") MODEL("two-*-*",
	    "openai/*") MODEL("*-mini", "openai/*-small")
	    MODEL("fw/*", "fireworks_ai/*") MODEL("exact", "openai/*")
	    "router_settings:\n  model_group_alias: {best: gpt, worst: {model: claude-1, hidden: true}, gpt: exact, lost: nowhere}\n");
	static const char *const cases[][2] = {
		{ "gpt", "gpt gpt-4o" }, { "best", "gpt gpt-4o" }, { "worst", "claude-* claude-1" }, { "lost", "-" }, { "GPT", "-" },
		{ "", "-" },
		{ "claude-9", "claude-* claude-9" }, { "claude-3-5", "claude-3-* three-5" }, { "claude-", "claude-* claude-" },
		{ "claude", "-" },
		{ "openai/o1", "openai/* o1" }, { "openai/", "openai/* " }, { "openai/*", "openai/* *" },
		{ "gpt-4o", "openai/* gpt-4o" },			/* by the vendor it is known by */
		{ "v/a/x-b", "v/*/x-* a:b" }, { "v/a/b/x-c", "v/*/x-* a/b:c" }, { "v/ax-b", "-" }, { "fixed-1", "fixed-* always" },
		{ "two-a-b", "two-*-* two-a-b" },			/* more captures than stars: what was asked */
		{ "big-mini", "*-mini big-small" }, { "big-mini-tail", "*-mini big-small" },	/* as LiteLLM: not anchored at the end */
		{ "fw/llama", "fw/* accounts/fireworks/models/llama" }, { "fw/accounts/me/x", "fw/* accounts/me/x" },
		{ "exact", "exact exact" },
	};

	for (size_t i = 0; i < nitems(cases); i++)
		assert_string_equal(asked(c, cases[i][0]), cases[i][1]);
	assert_says(c, PROBLEM_WARNING, 13, "alias gpt is never asked");
	assert_says(c, PROBLEM_WARNING, 13, "the alias leads to nowhere");
	assert_int_equal(c->n_errors, 0);
	config_release(c);
}

static bool
forwards(const struct config *c, const char *name)
{
	struct capture captured;
	const struct group *g = config_group(c, text_of(name), &captured);

	return (config_forwards(c, g->deployments[0], text_of(name)));
}

static void
headers_go_on_by_model(void **state)
{
	struct config *c = load_text("model_list:\n" MODEL("gpt", "openai/gpt-4o") MODEL("mine", "openai/o1") MODEL("a/*", "openai/*") MODEL("b/*", "openai/*")
	    MODEL("*", "openai/*") "litellm_settings:\n  model_group_settings: {forward_client_headers_to_llm_api: [gpt, 'a/*', c/one, 'd/*', 'mi*']}\n");
	static const char *const yes[] = { "gpt", "a/x", "c/one", "d/x", "mine" }, *const no[] = { "b/x", "c/two", "gp" };

	assert_int_equal(c->n_errors, 0);
	for (size_t i = 0; i < nitems(yes); i++)
		assert_true(forwards(c, yes[i]));
	for (size_t i = 0; i < nitems(no); i++)
		assert_false(forwards(c, no[i]));
	config_release(c);
}

static void
patterns_capture_as_the_regular_expression_does(void **state)
{
	static const struct {
		const char	*pattern, *name, *parts;
	} cases[] = {
		{ "*", "", "<>" }, { "*", "abc", "<abc>" }, { "a*", "a", "<>" }, { "a*c", "abcbc", "<bcb>" }, { "a*c", "abcx", "<b>" },
		{ "*a*", "banana", "<banan><>" },
		{ "*-*", "a-b-c", "<a-b><c>" }, { "**", "ab", "<ab><>" }, { "a*b*c", "abxbyc", "<bx><y>" }, { "a*b", "a", NULL },
		{ "a*a", "a", NULL }, { "a*a", "aa", "<>" },
		{ "ab*", "a", NULL }, { "*b", "a", NULL }, { "a*b*b", "ab", NULL }, { "a.c*", "abc", NULL },
	};

	for (size_t i = 0; i < nitems(cases); i++) {
		struct capture captured;
		struct buf b = { 0 };
		bool hit = pattern_match(text_of(cases[i].pattern), text_of(cases[i].name), &captured);

		for (unsigned k = 0; hit && k < captured.n; k++)
			buf_print(&b, "<" TEXT_FMT ">", TEXT_ARG(captured.part[k]));
		buf_byte(&b, '\0');
		if (hit != (cases[i].parts != NULL) || (hit && strcmp(b.at, cases[i].parts) != 0))
			fail_msg("%s on %s: %s", cases[i].pattern, cases[i].name, hit ? b.at : "no");
		buf_free(&b);
	}
}

static void
a_hostile_name_costs_little(void **state)
{
	struct config *c = load_text("model_list:\n" MODEL("*a*a*a*b", "openai/x") MODEL("ok", "openai/x"));
	char *name = malloc(1 << 20);
	struct capture captured;

	memset(name, 'a', 1 << 20);
	for (int i = 0; i < 1000; i++)
		assert_null(config_group(c, (struct text){ name, 512 }, &captured));
	for (int i = 0; i < 20; i++)
		assert_null(config_group(c, (struct text){ name, 1 << 20 }, &captured));
	free(name);
	config_release(c);
}

static void
deployments_of_one_name_are_a_group(void **state)
{
	struct config *c = load_text("model_list:\n" MODEL("a", "openai/1") MODEL("b", "openai/2") MODEL("a", "openai/3"));

	assert_int_equal(c->n_groups, 2);
	assert_text(c->groups[0].name, "a");
	assert_int_equal(c->groups[0].n_deployments, 2);
	assert_text(c->groups[0].deployments[1]->model, "3");
	config_release(c);
}

static const struct group *
group(const struct config *c, const char *name)
{
	struct capture captured;

	return (config_group(c, text_of(name), &captured));
}

static const char *
joined(const struct text *list, size_t n)
{
	static char s[256];
	size_t at = 0;

	s[0] = '\0';
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(s + at, sizeof(s) - at, "%s%s", i > 0 ? "," : "", text_string(list[i]));
	return (s);
}

static void
fallbacks_belong_to_their_groups(void **state)
{
	struct config *c = load_text("model_list:\n" MODEL("a", "openai/1") MODEL("b", "openai/2") MODEL("c", "openai/3")
	    "litellm_settings:\n  fallbacks: [{a: [c]}]\n  default_fallbacks: [b, c]\n  context_window_fallbacks: [{a: [b]}]\n"
	    "router_settings:\n  fallbacks: [{a: [b]}, {b: c}]\n  content_policy_fallbacks: [{b: [a]}]\n");

	assert_quiet(c);
	assert_string_equal(joined(group(c, "a")->fallbacks, group(c, "a")->n_fallbacks), "b");	/* router_settings wins */
	assert_string_equal(joined(group(c, "b")->fallbacks, group(c, "b")->n_fallbacks), "c");
	assert_string_equal(joined(group(c, "c")->fallbacks, group(c, "c")->n_fallbacks), "b");	/* the defaults, without itself */
	assert_string_equal(joined(c->default_fallbacks, c->n_default_fallbacks), "b,c");
	assert_string_equal(joined(group(c, "a")->context_fallbacks, group(c, "a")->n_context_fallbacks), "b");
	assert_int_equal(group(c, "b")->n_context_fallbacks, 0);
	assert_string_equal(joined(group(c, "b")->policy_fallbacks, group(c, "b")->n_policy_fallbacks), "a");
	assert_true(c->has_context_fallbacks && c->has_policy_fallbacks);
	config_release(c);
}

static void
fallbacks_of_odd_shapes(void **state)
{
	struct config *c = load_text("model_list:\n" MODEL("gemma", "openai/1") MODEL("qwen", "openai/2") MODEL("p/*", "openai/*")
	    "router_settings:\n  model_group_alias: {g: gemma}\n  fallbacks:\n  - {gemma: [qwenn], qwen: [gemma]}\n  - gema: [qwen]\n"
	    "  - g: [qwen]\n  - p/x: [qwen, {model: q, n: 1}]\n"
	    "  - '*': [qwen]\n  - {}\n");

	assert_int_equal(c->n_errors, 0);
	assert_says(c, PROBLEM_WARNING, 8, "a fallback to qwenn, which no deployment serves; did you mean qwen");
	assert_says(c, PROBLEM_WARNING, 8, "first key of this map only");
	assert_says(c, PROBLEM_WARNING, 9, "fallbacks of gema, which no deployment serves; did you mean gemma");
	assert_says(c, PROBLEM_WARNING, 11, "parameters of its own");
	assert_string_equal(joined(group(c, "qwen")->fallbacks, group(c, "qwen")->n_fallbacks), "gemma");
	assert_string_equal(joined(c->default_fallbacks, c->n_default_fallbacks), "qwen");
	assert_string_equal(joined(group(c, "p/y")->fallbacks, group(c, "p/y")->n_fallbacks), "qwen");
	/* A name that a pattern serves has a group of its own when it has fallbacks of its own; its stars are filled as before. */
	assert_true(group(c, "p/x")->hidden);
	assert_string_equal(asked(c, "p/x"), "p/x x");
	config_release(c);
	c = load_text("model_list:\n" MODEL("a", "openai/1") MODEL("b", "openai/2") "router_settings:\n  fallbacks: {a: [b]}\n");
	assert_says(c, PROBLEM_WARNING, 5, "list of one-key maps");
	assert_string_equal(joined(group(c, "a")->fallbacks, group(c, "a")->n_fallbacks), "b");
	config_release(c);
	c = load_text("model_list:\n" MODEL("a", "openai/1") "router_settings:\n  fallbacks: [a, 3]\n");
	assert_says(c, PROBLEM_ERROR, 4, "must be a map");
	config_release(c);
}

static void
everything_by_a_star_finds_the_vendor(void **state)
{
	struct config *c;
	size_t listed = 0;

	setenv("OPENAI_API_KEY", "sk-o", 1);
	setenv("ANTHROPIC_API_KEY", "sk-a", 1);
	setenv("GROQ_API_KEY", "sk-g", 1);
	c = load_text("model_list:\n- {model_name: '*', litellm_params: {model: '*'}}\n");
	assert_quiet(c);
	assert_string_equal(asked(c, "gpt-4o"), "* gpt-4o");
	assert_string_equal(asked(c, "openai/gpt-4o"), "* gpt-4o");
	assert_string_equal(asked(c, "groq/llama"), "groq/* llama");
	assert_text(group(c, "groq/llama")->deployments[0]->key, "sk-g");
	assert_string_equal(asked(c, "anthropic/claude-1"), "anthropic/* claude-1");
	assert_string_equal(asked(c, "claude-1"), "claude-* claude-1");
	assert_text(group(c, "claude-1")->deployments[0]->key, "sk-a");
	assert_string_equal(asked(c, "deepseek/x"),
	    "* deepseek/x");		/* no key for it: OpenAI will say that it knows no such model */
	for (size_t i = 0; i < c->n_groups; i++)
		listed += !c->groups[i].hidden;
	assert_int_equal(listed, 1);
	config_release(c);
	c = load_text("model_list:\n- {model_name: '*', litellm_params: {model: '*', api_base: 'http://h/v1'}}\n");
	assert_string_equal(asked(c, "groq/llama"), "* groq/llama");
	config_release(c);
}

static void
a_configuration_lives_while_it_is_held(void **state)
{
	struct config *c = load_text("model_list:\n" MODEL("a", "openai/1"));

	assert_ptr_equal(config_hold(c), c);
	config_release(c);
	assert_text(group(c, "a")->name, "a");
	config_release(c);
	config_release(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(names_find_their_groups, clean_env),
		cmocka_unit_test_setup(headers_go_on_by_model, clean_env),
		cmocka_unit_test_setup(patterns_capture_as_the_regular_expression_does, clean_env),
		cmocka_unit_test_setup(a_hostile_name_costs_little, clean_env),
		cmocka_unit_test_setup(deployments_of_one_name_are_a_group, clean_env),
		cmocka_unit_test_setup(fallbacks_belong_to_their_groups, clean_env),
		cmocka_unit_test_setup(fallbacks_of_odd_shapes, clean_env),
		cmocka_unit_test_setup(everything_by_a_star_finds_the_vendor, clean_env),
		cmocka_unit_test_setup(a_configuration_lives_while_it_is_held, clean_env),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
