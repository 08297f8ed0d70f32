/* SPDX-License-Identifier: Apache-2.0 */
/* Where requests pass through to: endpoints of the file, and the paths of vendors. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>

#include "config/config_priv.h"
#include "yaml_text.h"

#define ONE	"model_list: [{model_name: m, litellm_params: {model: openai/m, api_key: k}}]\n"
#define LIST	ONE "general_settings:\n  pass_through_endpoints:\n"	/* its first entry is line 4 */

static const struct conduit *
find(const struct config *c, const char *method, const char *path, const char *rest)
{
	struct text more, allow;
	const struct conduit *p = config_conduit(c, text_of(path), text_of(method), &more, &allow);

	assert_text(more, rest);
	return (p);
}

static void
an_endpoint_is_read(void **state)
{
	const struct conduit *p;
	struct config *c;

	setenv("BRIA_KEY", "bria-secret", 1);
	c = load_text(LIST "  - path: /bria/\n    target: https://u:p@Engine.example/api/?tenant=1\n    include_subpath: true\n    forward_headers: true\n"
	    "    timeout: 20\n    headers:\n      Authorization: Bearer os.environ/BRIA_KEY\n      api_token: os.environ/BRIA_KEY\n      x-lost: a os.environ/NOT_SET\n"
	    "      accept: application/json\n    cost_per_request: 12.5\n    id: x\n");
	assert_says(c, PROBLEM_WARNING, 12, "NOT_SET is not set");
	assert_int_equal(c->n_errors + c->n_warnings, 1);
	assert_null(strstr(talk(c), "bria-secret"));
	p = find(c, "PUT", "/bria", "");
	assert_int_equal(p->tariff->n, 1);
	assert_int_equal(p->tariff->rates[0].of, RATE_REQUEST);
	assert_int_equal(p->tariff->rates[0].pico, INT64_C(12500000000000));
	assert_text(p->base, "https://u:p@Engine.example/api/");
	assert_text(p->query, "tenant=1");
	assert_text(p->to->host, "engine.example");
	assert_text(p->to->api_base, "https://Engine.example/api");
	assert_text(p->name, "/bria/*");
	assert_int_equal(p->to->timeout_ms, 20000);
	assert_true(p->deep && p->all_headers && p->credential && !p->open);
	assert_int_equal(p->to->n_headers, 3);
	assert_text(p->to->headers[0], "Authorization: Bearer bria-secret");
	assert_text(p->to->headers[1], "api_token: bria-secret");
	assert_ptr_equal(find(c, "GET", "/bria/v1/x/", "/v1/x/"), p);
	assert_null(find(c, "GET", "/briars", ""));
	config_release(c);
}

/* Found by fuzzing: the search for a reference never ended. */
static void
a_reference_is_spelled_in_small_letters(void **state)
{
	struct config *c = load_text(LIST "  - path: /a\n    target: http://h/a\n    headers: {x-a: Bearer OS.environ/KEY, x-b: os.environ}\n");

	(void)state;
	assert_int_equal(find(c, "GET", "/a", "")->to->n_headers, 2);
	assert_text(find(c, "GET", "/a", "")->to->headers[0], "x-a: Bearer OS.environ/KEY");
	config_release(c);
}

static void
an_endpoint_is_closed_unless_the_file_says_so(void **state)
{
	struct config *c = load_text(LIST "  - {path: /a, target: 'http://h/a', auth: true}\n  - {path: /b, target: 'http://h/b'}\n"
	    "  - {path: /c, target: 'http://h/c', auth: false, headers: {content-type: text/plain}}\n");

	assert_false(find(c, "GET", "/a", "")->open);
	assert_false(find(c, "GET", "/b", "")->open);
	assert_false(find(c, "GET", "/b", "")->all_headers);
	assert_true(find(c, "GET", "/c", "")->open);
	assert_false(find(c, "GET", "/c", "")->credential);
	assert_null(find(c, "GET", "/a/b", ""));
	assert_non_null(find(c, "GET", "/a/", ""));
	assert_says(c, PROBLEM_WARNING, 6, "whoever reaches this gateway may call /c without a key");
	assert_int_equal(c->n_warnings, 1);
	config_release(c);
}

static void
the_longest_path_that_takes_the_method_wins(void **state)
{
	struct config *c = load_text(LIST "  - {path: /a, target: 'http://h/1', include_subpath: true}\n  - {path: /a/b, target: 'http://h/2', methods: [GET, DELETE]}\n"
	    "  - {path: /a/b, target: 'http://h/3', methods: [POST]}\n  - {path: /only, target: 'http://h/4', methods: PATCH}\n"
	    "  - {path: /openai/v1/special, target: 'http://h/5'}\n");
	struct text rest, allow;

	assert_quiet(c);
	assert_text(find(c, "GET", "/a/b", "")->base, "http://h/2");
	assert_text(find(c, "POST", "/a/b", "")->base, "http://h/3");
	assert_text(find(c, "PUT", "/a/b", "/b")->base, "http://h/1");
	assert_text(find(c, "GET", "/openai/v1/special", "")->base, "http://h/5");
	assert_null(config_conduit(c, TEXT("/only"), TEXT("GET"), &rest, &allow));
	assert_text(allow, "PATCH");
	assert_null(config_conduit(c, TEXT("/none"), TEXT("GET"), &rest, &allow));
	assert_text(allow, "");
	config_release(c);
}

static const struct {
	const char	*entry;
	enum problem_level level;
	const char	*words;
} wrong[] = {
	{ "{target: 'http://h'}", PROBLEM_ERROR, "path is missing" },
	{ "{path: /x}", PROBLEM_ERROR, "target is missing" },
	{ "{path: x, target: 'http://h'}", PROBLEM_ERROR, "path must be" },
	{ "{path: /, target: 'http://h'}", PROBLEM_ERROR, "path must be" },
	{ "{path: '/x/{id}', target: 'http://h'}", PROBLEM_ERROR, "path must be" },
	{ "{path: /x/../y, target: 'http://h'}", PROBLEM_ERROR, "path must be" },
	{ "{path: /x%2e, target: 'http://h'}", PROBLEM_ERROR, "path must be" },
	{ "{path: '/x?y', target: 'http://h'}", PROBLEM_ERROR, "path must be" },
	{ "{path: /x, target: 'ftp://h'}", PROBLEM_ERROR, "target must begin with http" },
	{ "{path: /x, target: 'http://a b'}", PROBLEM_ERROR, "target has a blank" },
	{ "{path: /x, target: my_module.adapter}", PROBLEM_WARNING, "names Python code" },
	{ "{path: /x, target: 'http://h', methods: [GET, FETCH]}", PROBLEM_ERROR, "FETCH is none of" },
	{ "{path: /x, target: 'http://h', methods: [',']}", PROBLEM_ERROR, "is none of" },
	{ "{path: /x, target: 'http://h', headers: {Content-Length: 3}}", PROBLEM_ERROR, "belongs to the connection" },
	{ "{path: /x, target: 'http://h', headers: {a: \"b\\nc: d\"}}", PROBLEM_ERROR, "line break" },
	{ "{path: /x, target: 'http://h', auth: perhaps}", PROBLEM_ERROR, "auth" },
	{ "{path: /x, target: 'http://h', guardrails: {a: {}}}", PROBLEM_ERROR, "guardrails protects" },
	{ "{path: /x, target: 'http://h', forward_header: true}", PROBLEM_WARNING, "did you mean forward_headers?" },
	{ "{path: /v1/chat/completions, target: 'http://h'}", PROBLEM_WARNING, "never reached" },
	{ "{path: /models, target: 'http://h'}", PROBLEM_WARNING, "never reached" },
	{ "5", PROBLEM_ERROR, "must be a map" },
};

static void
what_is_wrong_is_said_with_its_line(void **state)
{
	for (size_t i = 0; i < nitems(wrong); i++) {
		struct buf b = { 0 };
		struct config *c;

		buf_print(&b, LIST "  - {path: /fine, target: 'http://h'}\n  - %s\n", wrong[i].entry);
		buf_byte(&b, '\0');
		c = load_text(b.at);
		assert_says(c, wrong[i].level, 5, wrong[i].words);
		assert_non_null(find(c, "GET", "/fine", ""));
		config_release(c);
		buf_free(&b);
	}
}

static void
a_path_given_twice_is_said(void **state)
{
	struct config *c = load_text(LIST "  - {path: /x, target: 'http://h/1'}\n  - {path: /x/, target: 'http://h/2'}\n");

	assert_says(c, PROBLEM_WARNING, 5, "/x is given twice");
	assert_text(find(c, "GET", "/x", "")->base, "http://h/1");
	config_release(c);
	c = load_text(ONE "general_settings: {pass_through_endpoints: {path: /x}}\n");
	assert_says(c, PROBLEM_ERROR, 2, "must be a list");
	config_release(c);
}

static void
langfuse_keys_become_one_credential(void **state)
{
	struct config *c;

	setenv("LF_SECRET", "sk-lf-1", 1);
	c = load_text(LIST "  - path: /api/public/ingestion\n    target: https://us.cloud.langfuse.com/api/public/ingestion\n    headers:\n"
	    "      LANGFUSE_PUBLIC_KEY: pk-lf-1\n      LANGFUSE_SECRET_KEY: os.environ/LF_SECRET\n");
	assert_quiet(c);
	assert_int_equal(c->conduits[0].to->n_headers, 1);
	assert_text(c->conduits[0].to->headers[0], "Authorization: Basic cGstbGYtMTpzay1sZi0x");
	config_release(c);
}

static void
vendors_have_paths_by_their_variables(void **state)
{
	struct config *c = load_text(ONE);
	const struct conduit *p = find(c, "POST", "/anthropic/v1/messages", "/v1/messages");

	assert_quiet(c);
	assert_null(p->to);
	assert_text(p->missing, "/anthropic/* is not configured: ANTHROPIC_API_KEY is not set, and no deployment of anthropic/ has use_in_pass_through");
	assert_text(find(c, "GET", "/vllm/x", "/x")->missing,
	    "/vllm/* is not configured: HOSTED_VLLM_API_BASE is not set, and no deployment of hosted_vllm/ has use_in_pass_through");
	config_release(c);
	setenv("ANTHROPIC_API_KEY", "ak", 1);
	setenv("OPENAI_API_KEY", "ok", 1);
	setenv("OPENAI_API_BASE", "http://mirror/openai/v1/", 1);
	setenv("HOSTED_VLLM_API_BASE", "http://10.0.0.1:8000", 1);
	c = load_text(ONE);
	p = find(c, "POST", "/anthropic/v1/messages", "/v1/messages");
	assert_text(p->base, "https://api.anthropic.com");
	assert_text(p->to->key, "ak");
	assert_text(p->to->id, "/anthropic");
	assert_true(p->credential && p->all_headers && p->deep && !p->open);
	assert_text(find(c, "GET", "/openai/v1/files", "/v1/files")->base, "http://mirror/openai/v1");
	assert_text(find(c, "GET", "/openai/v1/files", "/v1/files")->to->key, "ok");
	p = find(c, "GET", "/vllm/health", "/health");
	assert_text(p->base, "http://10.0.0.1:8000");
	assert_false(p->credential);
	config_release(c);
	setenv("OPENAI_API_BASE", "ftp://mirror", 1);
	c = load_text("model_list: [{model_name: m, litellm_params: {model: anthropic/m}}]\n");
	assert_quiet(c);
	assert_true(text_has(find(c, "GET", "/openai/v1/files", "/v1/files")->missing, TEXT("OPENAI_API_BASE must begin with http")));
	config_release(c);
}

static void
a_marked_deployment_gives_its_server_and_key(void **state)
{
	struct config *c;

	setenv("OPENAI_API_KEY", "from-env", 1);
	c = load_text("model_list:\n- {model_name: a, litellm_params: {model: openai/a, api_base: 'http://first/v1', api_key: k1}}\n"
	    "- {model_name: b, litellm_params: {model: openai/b, api_base: 'http://second/v1', api_key: k2, use_in_pass_through: true}}\n"
	    "- {model_name: c, litellm_params: {model: vllm/c, api_base: 'http://third:8000/v1', use_in_pass_through: true}}\n"
	    "- {model_name: d, litellm_params: {model: anthropic/d, api_base: 'http://fourth/v1/messages', api_key: k4, use_in_pass_through: true}}\n");
	assert_int_equal(c->n_errors, 0);
	assert_ptr_equal(find(c, "GET", "/openai/v1/files", "/v1/files")->to, c->deployments[1]);
	assert_text(find(c, "GET", "/openai/v1/files", "/v1/files")->base, "http://second/v1");
	assert_ptr_equal(find(c, "GET", "/vllm/health", "/health")->to, c->deployments[2]);
	assert_text(find(c, "GET", "/anthropic/x", "/x")->base, "http://fourth");
	config_release(c);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_endpoint_is_read, clean_env),
		cmocka_unit_test_setup(a_reference_is_spelled_in_small_letters, clean_env),
		cmocka_unit_test_setup(an_endpoint_is_closed_unless_the_file_says_so, clean_env),
		cmocka_unit_test_setup(the_longest_path_that_takes_the_method_wins, clean_env),
		cmocka_unit_test_setup(what_is_wrong_is_said_with_its_line, clean_env),
		cmocka_unit_test_setup(a_path_given_twice_is_said, clean_env),
		cmocka_unit_test_setup(langfuse_keys_become_one_credential, clean_env),
		cmocka_unit_test_setup(vendors_have_paths_by_their_variables, clean_env),
		cmocka_unit_test_setup(a_marked_deployment_gives_its_server_and_key, clean_env),
	};

	return (cmocka_run_group_tests_name("conduits", tests, NULL, NULL));
}
