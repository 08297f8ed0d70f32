/* SPDX-License-Identifier: Apache-2.0 */
/* Variables, references to them, includes, and the way through forward proxies. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/config_priv.h"
#include "yaml_text.h"

#define ONE	"model_list: [{model_name: m, litellm_params: {model: openai/m, api_key: k}}]\n"

static void
references_are_resolved_anywhere(void **state)
{
	struct config *c;

	setenv("BASE", "http://from-process/v1", 1);
	setenv("KEY", "process", 1);
	setenv("LIMIT", "7", 1);
	c = load_text("environment_variables: {KEY: file, COPY: os.environ/LIMIT, N: 5}\n"
	    "model_list:\n- model_name: m\n  litellm_params:\n    model: openai/m\n    api_base: os.environ/BASE\n"
	    "    api_key: 'os.environ/KEY'\n    rpm: os.environ/LIMIT\n    tpm: os.environ/COPY\n"
	    "    extra_body: {deep: [os.environ/N]}\n  model_info: {note: os.environ/KEY}\nsluice: {instance: os.environ/KEY}\n");
	assert_quiet(c);
	assert_text(c->deployments[0]->url, "http://from-process/v1/chat/completions");
	assert_text(c->deployments[0]->key, "file");		/* the file's variables first */
	assert_int_equal(c->deployments[0]->rpm, 7);
	assert_int_equal(c->deployments[0]->tpm, 7);
	assert_text(c->deployments[0]->defaults[0].raw, "[\"5\"]");
	assert_text(c->deployments[0]->model_info, "{\"note\":\"file\"}");
	assert_text(c->settings.instance, "file");
	assert_string_equal(config_env(c, "KEY"), "file");
	assert_string_equal(config_env(c, "COPY"), "7");
	assert_null(config_env(c, "NEVER_SET"));
	assert_null(getenv("COPY"));				/* nothing reaches the process's own */
	config_release(c);
}

/* A client sends those to a CGI process as headers. */
static void
headers_of_a_request_are_no_variables(void **state)
{
	struct config *c;

	setenv("HTTP_X_KEY", "theirs", 1);
	setenv("REQUEST_METHOD", "POST", 1);
	c = load_params("      model: openai/m\n      api_base: http://engine.test/v1\n      api_key: os.environ/HTTP_X_KEY\n");
	assert_null(config_env(c, "HTTP_X_KEY"));
	assert_text(c->deployments[0]->key, "");
	config_release(c);
	unsetenv("REQUEST_METHOD");
	c = load_params("      model: openai/m\n      api_base: http://engine.test/v1\n      api_key: os.environ/HTTP_X_KEY\n");
	assert_text(c->deployments[0]->key, "theirs");
	config_release(c);
	unsetenv("HTTP_X_KEY");
}

static void
an_unset_variable_counts_as_not_given(void **state)
{
	struct config *c;

	setenv("EMPTY", "", 1);
	c = load_params("      model: openai/m\n      api_key: os.environ/NOT_SET\n      rpm: os.environ/EMPTY\n"
	    "      timeout: x os.environ/FOO\n");
	assert_says(c, PROBLEM_WARNING, 5, "variable NOT_SET is not set; api_key counts as not given");
	assert_says(c, PROBLEM_WARNING, 6, "variable EMPTY is empty");
	assert_says(c, PROBLEM_WARNING, 7, "only as a whole value");
	assert_int_equal(c->deployments[0]->rpm, -1);
	config_release(c);
}

static void
a_shared_reference_is_said_once(void **state)
{
	struct config *c = load_text("x-k: &k {api_key: os.environ/NOT_SET, model: openai/m}\nmodel_list:\n"
	    "- {model_name: a, litellm_params: *k}\n- {model_name: b, litellm_params: *k}\n");
	unsigned said = 0;

	for (const struct problem *p = c->problems; p != NULL; p = p->next)
		said += text_has(p->message, TEXT("NOT_SET is not set"));
	assert_int_equal(said, 1);
	config_release(c);
}

static void
values_of_variables_never_appear(void **state)
{
	struct config *c;

	setenv("SECRET", "tell-nobody", 1);
	setenv("LITELLM_MASTER_KEY", "tell nobody", 1);
	setenv("SLUICE_WORKERS", "tell-nobody", 1);
	c = load_text("model_list:\n- model_name: m\n"
	    "  litellm_params: {model: openai/m, api_key: os.environ/SECRET, rpm: os.environ/SECRET, timeout: os.environ/SECRET, api_base: os.environ/SECRET,\n"
	    "    drop_params: os.environ/SECRET, weight: os.environ/SECRET, extra_headers: os.environ/SECRET}\n"
	    "sluice: {workers: os.environ/SECRET}\n"
	    "general_settings: {max_request_size_mb: os.environ/SECRET, litellm_key_header_name: \"tell-nobody x\"}\n");
	assert_true(c->n_errors > 3);
	assert_null(strstr(talk(c), "nobody"));
	config_release(c);
}

static void
environment_variables_of_odd_shapes(void **state)
{
	struct config *c = load_text("environment_variables: {A: [1], B: ~, C: yes}\n" ONE);

	assert_says(c, PROBLEM_ERROR, 1, "A must be a single value");
	assert_null(config_env(c, "B"));
	assert_string_equal(config_env(c, "C"), "yes");
	config_release(c);
	c = load_text("environment_variables: [A]\n" ONE);
	assert_says(c, PROBLEM_ERROR, 1, "must be a map");
	config_release(c);
}

static void
includes_extend_lists_and_replace_the_rest(void **state)
{
	struct config *c;

	write_file("more.yaml",
	    "model_list: [{model_name: n, litellm_params: {model: openai/n, api_key: k}}]\ngeneral_settings: {completion_model: n}\n"
	    "router_settings: {num_retries: 7}\ninclude: [third.yaml]\n");
	write_file("third.yaml",
	    "model_list: [{model_name: o, litellm_params: {model: openai/o, api_key: k, rpm: x}}]\ninclude: [config.yaml, more.yaml]\n");
	c = load_text("include: [more.yaml]\n" ONE "general_settings: {always_include_stream_usage: true}\n");
	assert_int_equal(c->n_deployments, 3);
	assert_text(c->deployments[2]->group, "o");
	assert_false(c->settings.always_stream_usage);
	assert_text(c->settings.completion_model, "n");
	assert_int_equal(c->settings.num_retries, 7);
	assert_says(c, PROBLEM_WARNING, 2, "replaces general_settings");
	assert_says(c, PROBLEM_WARNING, 2, "config.yaml was read already");
	assert_says(c, PROBLEM_WARNING, 2, "more.yaml was read already");
	assert_says(c, PROBLEM_ERROR, 1, "rpm must be");
	for (const struct problem *p = c->problems; p != NULL; p = p->next)
		if (p->level == PROBLEM_ERROR)
			assert_true(text_ends(p->file, TEXT("third.yaml")));
	config_release(c);
}

static void
includes_that_do_not_work(void **state)
{
	struct config *c = load_text("include: [nowhere.yaml]\n" ONE);

	assert_says(c, PROBLEM_ERROR, 1, "cannot include");
	assert_false(c->unreadable);
	config_release(c);
	c = load_text("include: more.yaml\n" ONE);
	assert_says(c, PROBLEM_ERROR, 1, "must be a list");
	config_release(c);
	write_file("broken.yaml", "a: [\n");
	c = load_text("include: [broken.yaml, /tmp]\n" ONE);
	assert_says(c, PROBLEM_ERROR, 0, "not YAML");
	assert_says(c, PROBLEM_ERROR, 1, "is a folder");
	config_release(c);
}

static void
too_many_files_are_refused(void **state)
{
	struct buf b = { 0 };
	struct config *c;

	write_file("a", "include: [./a, .//a]\n");
	buf_print(&b, "include:\n");
	for (int i = 0; i < 100; i++)
		buf_print(&b, "- none-%d\n", i);
	buf_byte(&b, '\0');
	c = load_text(b.at);
	assert_says(c, PROBLEM_ERROR, 65, "more than 64 files");
	config_release(c);
	buf_free(&b);
	c = load_text("include: [a]\n" ONE);		/* the same file by other names is the same file */
	assert_int_equal(c->n_warnings, 2);
	config_release(c);
}

static void
a_file_that_is_not_there(void **state)
{
	struct config *c = config_load(temp_path("not-there.yaml"));

	assert_true(c->unreadable);
	assert_int_equal(c->n_errors, 1);
	assert_says(c, PROBLEM_ERROR, 0, "No such file");
	config_release(c);
	c = config_load("/dev/zero");
	assert_true(c->unreadable);
	config_release(c);
	c = config_load(NULL);
	assert_says(c, PROBLEM_ERROR, 0, "no model_list");
	config_release(c);
	write_file("named.yaml", ONE);
	setenv("CONFIG_FILE_PATH", temp_path("named.yaml"), 1);
	c = config_load(NULL);
	assert_quiet(c);
	assert_int_equal(c->n_deployments, 1);
	config_release(c);
}

static void
no_proxy_is_read_as_libcurl_reads_it(void **state)
{
	static const struct {
		const char	*list, *host;
		unsigned	 port;
		bool		 hit;
	} cases[] = {
		{ "*", "a.example", 443, true }, { "", "a.example", 443, false }, { "example", "a.example", 443, true },
		{ ".example", "a.example", 443, true },
		{ ".example", "example", 443, true }, { "a.example", "b.a.example", 443, true }, { "a.example", "ba.example", 443, false },
		{ "A.Example", "a.eXample", 443, true },
		{ "a.example.", "a.example", 443, true }, { "a.example", "a.example.", 443, true },
		{ "x, a.example", "a.example", 443, true }, { "x a.example y", "a.example", 443, true },
		{ ",,x,,", "x", 443, true }, { "b.a.example", "a.example", 443, false }, { "10.0.0.0/8", "10.1.2.3", 80, true },
		{ "10.0.0.0/8", "11.1.2.3", 80, false },
		{ "10.0.0.1", "10.0.0.1", 80, true }, { "10.0.0.1", "10.0.0.11", 80, false }, { "10.0.0.128/25", "10.0.0.127", 80, false },
		{ "10.0.0.128/25", "10.0.0.200", 80, true },
		{ "10.0.0.0/33", "10.0.0.0", 80, false }, { "10.0.0.0/x", "10.0.0.0", 80, false }, { "0.0.0.0/0", "9.9.9.9", 80, true },
		{ "fd00::/8", "fd12::1", 80, true },
		{ "fd00::/8", "fe80::1", 80, false }, { "::1", "::1", 80, true }, { "[::1]", "::1", 80, true },
		{ "0.1", "10.0.0.1", 80, false }, { "localhost", "127.0.0.1", 80, false },
		{ "h:8080", "h", 8080, true }, { "h:8080", "h", 80, false }, { "10.0.0.1:81", "10.0.0.1", 81, true },
		{ "10.0.0.1:81", "10.0.0.1", 80, false },
	};

	for (size_t i = 0; i < nitems(cases); i++)
		if (no_proxy_matches(text_of(cases[i].list), text_of(cases[i].host), cases[i].port) != cases[i].hit)
			fail_msg("NO_PROXY=\"%s\" on %s:%u", cases[i].list, cases[i].host, cases[i].port);
}

static const char *
proxy_of(const char *base)
{
	char params[256];
	struct config *c;
	const char *proxy;

	snprintf(params, sizeof(params), "      model: openai/m\n      api_key: k\n      api_base: %s\n", base);
	c = load_params(params);
	proxy = text_string(c->deployments[0]->proxy);
	config_release(c);
	return (proxy);
}

static void
proxies_are_chosen_as_libcurl_chooses_them(void **state)
{
	assert_string_equal(proxy_of("https://h/v1"), "");
	setenv("HTTP_PROXY", "http://from-a-header:1", 1);		/* what a CGI client could set */
	assert_string_equal(proxy_of("http://h/v1"), "");
	setenv("ALL_PROXY", "http://all:1", 1);
	assert_string_equal(proxy_of("http://h/v1"), "http://all:1");
	assert_string_equal(proxy_of("https://h/v1"), "http://all:1");
	setenv("http_proxy", "http://plain:1", 1);
	setenv("HTTPS_PROXY", "http://user:pass@tls:1", 1);
	assert_string_equal(proxy_of("http://h/v1"), "http://plain:1");
	assert_string_equal(proxy_of("https://h/v1"), "http://user:pass@tls:1");
	setenv("https_proxy", "http://lower:1", 1);
	assert_string_equal(proxy_of("https://h/v1"), "http://lower:1");
	setenv("NO_PROXY", "h", 1);
	assert_string_equal(proxy_of("https://h/v1"), "");
	assert_string_equal(proxy_of("https://i/v1"), "http://lower:1");
	setenv("no_proxy", "i", 1);
	assert_string_equal(proxy_of("https://h/v1"), "http://lower:1");
	assert_string_equal(proxy_of("https://i/v1"), "");
}

static void
the_files_own_variables_set_proxies_too(void **state)
{
	struct config *c = load_text("environment_variables: {HTTPS_PROXY: 'http://file:1'}\n"
	    "model_list: [{model_name: m, litellm_params: {model: openai/m, api_key: k}}]\n");

	assert_text(c->deployments[0]->proxy, "http://file:1");
	config_release(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(references_are_resolved_anywhere, clean_env),
		cmocka_unit_test_setup(headers_of_a_request_are_no_variables, clean_env),
		cmocka_unit_test_setup(an_unset_variable_counts_as_not_given, clean_env),
		cmocka_unit_test_setup(a_shared_reference_is_said_once, clean_env),
		cmocka_unit_test_setup(values_of_variables_never_appear, clean_env),
		cmocka_unit_test_setup(environment_variables_of_odd_shapes, clean_env),
		cmocka_unit_test_setup(includes_extend_lists_and_replace_the_rest, clean_env),
		cmocka_unit_test_setup(includes_that_do_not_work, clean_env),
		cmocka_unit_test_setup(too_many_files_are_refused, clean_env),
		cmocka_unit_test_setup(a_file_that_is_not_there, clean_env),
		cmocka_unit_test_setup(no_proxy_is_read_as_libcurl_reads_it, clean_env),
		cmocka_unit_test_setup(proxies_are_chosen_as_libcurl_chooses_them, clean_env),
		cmocka_unit_test_setup(the_files_own_variables_set_proxies_too, clean_env),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
