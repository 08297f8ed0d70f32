/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates of deployments: which files count, and what is said of those that do not fit. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/config/yaml_text.h"
#include "tests/upstream/certs.h"

static struct authority ours;
static struct pair_files anna, bert, old, early, locked;

/* A deployment over https with these further lines. */
static struct config *
load_with(const char *fmt, ...)
{
	char lines[2048] = "      model: openai/m\n      api_base: https://engine.test/v1\n      api_key: k\n";
	size_t n = strlen(lines);
	va_list args;

	va_start(args, fmt);
	vsnprintf(lines + n, sizeof(lines) - n, fmt, args);
	va_end(args);
	return (load_params(lines));
}

static void
files_are_taken(void **state)
{
	struct config *c = load_with("      client_cert: %s\n      client_key: %s\n      ssl_verify: %s\n", anna.cert, anna.key, ours.file);
	const struct deployment *d = c->deployments[0];

	assert_quiet(c);
	assert_text(d->cert, anna.cert);
	assert_text(d->cert_key, anna.key);
	assert_text(d->ca_file, ours.file);
	assert_true(d->ssl_verify);
	assert_int_equal(d->n_defaults, 0);
	config_release(c);
	c = load_with("      ssl_certificate: %s\n      ssl_verify: false\n", anna.both);
	assert_quiet(c);
	assert_text(c->deployments[0]->cert, anna.both);
	assert_text(c->deployments[0]->cert_key, "");
	assert_text(c->deployments[0]->ca_file, "");
	assert_false(c->deployments[0]->ssl_verify);
	config_release(c);
}

static void
a_password_from_the_environment(void **state)
{
	struct config *c;

	setenv("PASSWORD", "open sesame", 1);
	c = load_with("      client_cert: %s\n      client_key: %s\n      client_key_password: os.environ/PASSWORD\n", locked.cert, locked.key);
	assert_quiet(c);
	assert_text(c->deployments[0]->cert_password, "open sesame");
	config_release(c);
	setenv("PASSWORD", "swordfish", 1);
	c = load_with("      client_cert: %s\n      client_key_password: os.environ/PASSWORD\n", locked.both);
	assert_says(c, PROBLEM_ERROR, 7, "can not be opened with this client_key_password");
	assert_null(strstr(talk(c), "swordfish"));
	config_release(c);
	c = load_with("      client_cert: %s\n", locked.both);
	assert_says(c, PROBLEM_ERROR, 7, "can not be opened with no client_key_password");
	config_release(c);
}

static void
what_does_not_fit(void **state)
{
	const struct { const char *cert, *key; const char *words; } cases[] = {
		{ "/nonexistent/cert.pem", anna.key, "client_cert /nonexistent/cert.pem can not be read: No such file" },
		{ anna.cert, "/nonexistent/key.pem", "client_key /nonexistent/key.pem can not be read: No such file" },
		{ "/tmp", anna.key, "client_cert /tmp is a folder" },
		{ anna.cert, bert.key, "does not belong to the certificate in" },
		{ anna.key, anna.key, "holds no certificate" },
		{ anna.cert, anna.cert, "holds no private key" },
		{ "/dev/zero", anna.key, "client_cert /dev/zero is not a file" },
	};

	for (size_t i = 0; i < nitems(cases); i++) {
		struct config *c = load_with("      client_cert: %s\n      client_key: %s\n", cases[i].cert, cases[i].key);

		assert_says(c, PROBLEM_ERROR, 7, cases[i].words);
		assert_null(strstr(talk(c), "PRIVATE KEY"));
		config_release(c);
	}
}

static void
ages(void **state)
{
	struct config *c = load_with("      client_cert: %s\n", old.both);

	assert_says(c, PROBLEM_WARNING, 7, "has expired");
	assert_int_equal(c->n_errors, 0);
	assert_text(c->deployments[0]->cert, old.both);
	config_release(c);
	c = load_with("      client_cert: %s\n", early.both);
	assert_says(c, PROBLEM_WARNING, 7, "is not valid yet");
	config_release(c);
}

static void
keys_without_a_certificate(void **state)
{
	struct config *c = load_with("      client_key: %s\n", anna.key);

	assert_says(c, PROBLEM_ERROR, 7, "there is no client_cert it would belong to");
	config_release(c);
	c = load_with("      client_key_password: x\n");
	assert_says(c, PROBLEM_ERROR, 7, "there is no client_cert it would belong to");
	config_release(c);
}

static void
a_bundle_that_is_none(void **state)
{
	struct config *c = load_with("      ssl_verify: /nonexistent/ca.pem\n");

	assert_says(c, PROBLEM_ERROR, 7, "ssl_verify: /nonexistent/ca.pem can not be read: No such file");
	config_release(c);
	c = load_with("      ssl_verify: %s\n", anna.key);
	assert_says(c, PROBLEM_ERROR, 7, "holds no certificate");
	config_release(c);
	c = load_with("      ssl_verify: 0\n");
	assert_quiet(c);
	assert_false(c->deployments[0]->ssl_verify);
	config_release(c);
}

static void
plain_http_shows_nothing(void **state)
{
	char lines[512];
	struct config *c;

	snprintf(lines, sizeof(lines), "      model: openai/m\n      api_base: http://engine.test/v1\n      api_key: k\n      client_cert: %s\n", anna.both);
	c = load_params(lines);
	assert_says(c, PROBLEM_WARNING, 7, "is not reached over https");
	assert_text(c->deployments[0]->cert, "");
	config_release(c);
}

/* LiteLLM's certificate for all, which a deployment's own replaces; a wrong one is said once. */
static void
one_for_all(void **state)
{
	static const char yaml[] = "model_list:\n"
	    "- {model_name: a, litellm_params: {model: openai/a, api_base: 'https://a.test/v1', api_key: k}}\n"
	    "- {model_name: b, litellm_params: {model: openai/b, api_base: 'https://b.test/v1', api_key: k, client_cert: %s}}\n"
	    "- {model_name: c, litellm_params: {model: openai/c, api_base: 'http://c.test/v1', api_key: k}}\n"
	    "- {model_name: d, litellm_params: {model: openai/d, api_base: 'https://d.test/v1', api_key: k}}\n%s%s";
	char text[2048];
	struct config *c;

	snprintf(text, sizeof(text), yaml, bert.both, "litellm_settings:\n  ssl_certificate: ", anna.both);
	c = load_text(text);
	assert_quiet(c);
	assert_text(c->deployments[0]->cert, anna.both);
	assert_text(c->deployments[1]->cert, bert.both);
	assert_text(c->deployments[2]->cert, "");
	config_release(c);
	snprintf(text, sizeof(text), yaml, bert.both, "litellm_settings:\n  ssl_certificate: ", "/nonexistent");
	c = load_text(text);
	assert_says(c, PROBLEM_ERROR, 7, "client_cert /nonexistent can not be read");
	assert_int_equal(c->n_errors, 1);
	config_release(c);
	snprintf(text, sizeof(text), yaml, bert.both, "", "");
	setenv("SSL_CERTIFICATE", anna.both, 1);
	c = load_text(text);
	assert_quiet(c);
	assert_text(c->deployments[0]->cert, anna.both);
	config_release(c);
	setenv("SSL_CERTIFICATE", "/nonexistent", 1);
	c = load_text(text);
	assert_int_equal(c->n_errors, 0);
	assert_says(c, PROBLEM_WARNING, 0, "client_cert /nonexistent can not be read");
	assert_text(c->deployments[0]->cert, "");
	config_release(c);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(files_are_taken, clean_env),
		cmocka_unit_test_setup(a_password_from_the_environment, clean_env),
		cmocka_unit_test_setup(what_does_not_fit, clean_env),
		cmocka_unit_test_setup(ages, clean_env),
		cmocka_unit_test_setup(keys_without_a_certificate, clean_env),
		cmocka_unit_test_setup(a_bundle_that_is_none, clean_env),
		cmocka_unit_test_setup(plain_http_shows_nothing, clean_env),
		cmocka_unit_test_setup(one_for_all, clean_env),
	};
	int failed;

	authority_make(&ours, "our authority");
	pair_make(&anna, &ours, "anna", -1, 10, NULL);
	pair_make(&bert, &ours, "bert", -1, 10, NULL);
	pair_make(&old, &ours, "old", -20, -10, NULL);
	pair_make(&early, &ours, "early", 10, 20, NULL);
	pair_make(&locked, &ours, "locked", -1, 10, "open sesame");
	failed = cmocka_run_group_tests_name("certs", tests, NULL, NULL);
	pair_free(&anna);
	pair_free(&bert);
	pair_free(&old);
	pair_free(&early);
	pair_free(&locked);
	authority_free(&ours);
	return (failed);
}
