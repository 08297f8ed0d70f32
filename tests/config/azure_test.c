/* SPDX-License-Identifier: Apache-2.0 */
/* Azure's deployments: the shapes of a base, versions and their habits, keys and the credentials of tokens. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/config_priv.h"
#include "provider/provider.h"
#include "yaml_text.h"

static const struct deployment *
only(const struct config *c)
{
	assert_int_equal(c->n_deployments, 1);
	return (c->deployments[0]);
}

static void
assert_call(const struct deployment *d, const char *path, const char *wanted)
{
	struct arena *arena = arena_new();

	assert_text(openai_url(arena, d, d->model, path), wanted);
	arena_free(arena);
}

#define R	"https://r.openai.azure.com"
#define D	R "/openai/deployments/"
#define DEFAULT	"?api-version=2025-02-01-preview"

static void
a_base_of_any_shape_becomes_azures_urls(void **state)
{
	static const struct {
		const char	*base, *version, *path, *url;
	} cases[] = {
		{ R, "~", "/chat/completions", D "m%20%2F1/chat/completions" DEFAULT },
		{ R "/", "'2024-10-21'", "/chat/completions", D "m%20%2F1/chat/completions?api-version=2024-10-21" },
		{ R, "2024-10-21", "/embeddings", D "m%20%2F1/embeddings?api-version=2024-10-21" },
		{ R "/openai", "2024-10-21", "/completions", D "m%20%2F1/completions?api-version=2024-10-21" },
		{ R "/openai/deployments/", "2024-10-21", "/chat/completions", D "m%20%2F1/chat/completions?api-version=2024-10-21" },
		{ D "gpt%2D4", "2024-10-21", "/chat/completions", D "gpt%2D4/chat/completions?api-version=2024-10-21" },
		{ D "x/chat/completions?api-version=2024-06-01", "2024-10-21", "/chat/completions", D "x/chat/completions?api-version=2024-06-01" },
		{ D "x/chat/completions?api-version=2024-06-01", "~", "/embeddings", D "x/embeddings?api-version=2024-06-01" },
		{ R "?sub=1&api-version=2024-06-01", "~", "/chat/completions", D "m%20%2F1/chat/completions?api-version=2024-06-01&sub=1" },
		{ "http://apim.example/ai", "2024-10-21", "/chat/completions",
		    "http://apim.example/ai/openai/deployments/m%20%2F1/chat/completions?api-version=2024-10-21" },
		{ "https://gateway.ai.cloudflare.com/v1/a/g/azure-openai/r", "2024-10-21", "/chat/completions",
		    "https://gateway.ai.cloudflare.com/v1/a/g/azure-openai/r/m%20%2F1/chat/completions?api-version=2024-10-21" },
		/* what belongs to no deployment */
		{ R, "2025-03-01-preview", "/responses", R "/openai/responses?api-version=2025-03-01-preview" },
		{ R, "2025-04-01-preview", "/responses/resp_1", R "/openai/responses/resp_1?api-version=2025-04-01-preview" },
		{ R "/openai/responses?api-version=2025-04-01-preview", "~", "/responses", R "/openai/responses?api-version=2025-04-01-preview" },
		{ R, "~", "/responses", R "/openai/v1/responses?api-version=preview" },
		{ D "x", "2024-10-21", "/responses", R "/openai/v1/responses?api-version=preview" },
		{ R, "2024-10-21", "/models", R "/openai/models?api-version=2024-10-21" },
		/* v1 */
		{ R, "v1", "/chat/completions", R "/openai/v1/chat/completions" },
		{ R, "latest", "/chat/completions", R "/openai/v1/chat/completions" },
		{ R "/openai/", "preview", "/responses", R "/openai/v1/responses?api-version=preview" },
		{ R "/openai/v1/", "~", "/embeddings", R "/openai/v1/embeddings" },
		{ R "/openai/v1", "2024-10-21", "/chat/completions", R "/openai/v1/chat/completions" },
		{ R "/openai/v1/responses", "~", "/chat/completions", R "/openai/v1/chat/completions" },
		{ R "/openai/v1/chat/completions?api-version=preview", "~", "/chat/completions", R "/openai/v1/chat/completions?api-version=preview" },
		{ D "x", "preview", "/chat/completions", R "/openai/v1/chat/completions?api-version=preview" },
	};

	for (size_t i = 0; i < nitems(cases); i++) {
		char params[512];
		struct config *c;

		snprintf(params, sizeof(params), "      model: azure/m /1\n      api_key: k\n      api_base: %s\n      api_version: %s\n", cases[i].base,
		    cases[i].version);
		c = load_params(params);
		assert_quiet(c);
		assert_call(only(c), cases[i].path, cases[i].url);
		config_release(c);
	}
}

static void
a_version_comes_from_the_variable_too(void **state)
{
	struct config *c;

	setenv("AZURE_API_VERSION", "2024-12-01-preview", 1);
	setenv("AZURE_API_BASE", R, 1);
	setenv("AZURE_OPENAI_API_KEY", "from-variable", 1);
	c = load_params("      model: azure/m\n");
	assert_quiet(c);
	assert_call(only(c), "/chat/completions", D "m/chat/completions?api-version=2024-12-01-preview");
	assert_text(only(c)->key, "from-variable");
	config_release(c);
	setenv("AZURE_API_VERSION", "2024&x=1", 1);
	c = load_params("      model: azure/m\n");
	assert_says(c, PROBLEM_ERROR, 4, "api_version must be");
	config_release(c);
}

/* The path of the model a wildcard was filled with is encoded, too: no name leaves its segment. */
static void
a_name_never_leaves_its_segment(void **state)
{
	struct config *c = load_text("model_list:\n- {model_name: 'azure/*', litellm_params: {model: 'azure/*', api_key: k, api_base: '" R "'}}\n");
	struct arena *arena = arena_new();
	struct text url = provider_openai.url(arena, only(c), TEXT("../x?y#z%2e"), WANT_ANSWER, NULL);

	assert_text(url, D "..%2Fx%3Fy%23z%252e/chat/completions" DEFAULT);
	arena_free(arena);
	config_release(c);
}

static void
versions_and_families_have_habits(void **state)
{
	static const struct {
		const char	*model, *version, *base_model;
		unsigned	 quirks;
	} cases[] = {
		{ "m", "2024-06-01", "~", QUIRK_MAX_TOKENS_OLD | QUIRK_NO_STREAM_OPTIONS },
		{ "m", "2024-08-01-preview", "~", QUIRK_MAX_TOKENS_OLD | QUIRK_NO_STREAM_OPTIONS },
		{ "m", "2024-09-01-preview", "~", QUIRK_MAX_TOKENS_NEW },
		{ "m", "~", "~", QUIRK_MAX_TOKENS_NEW },
		{ "m", "v1", "~", QUIRK_MAX_TOKENS_NEW },
		{ "o3-mini", "~", "~", QUIRK_MAX_TOKENS_NEW | QUIRK_NO_MAX_TOKENS },
		{ "m", "v1", "azure/gpt-5-mini", QUIRK_MAX_TOKENS_NEW | QUIRK_NO_MAX_TOKENS },
		{ "o1-of-mine", "~", "azure/gpt-4o", QUIRK_MAX_TOKENS_NEW },
		{ "o_series/m", "~", "~", QUIRK_MAX_TOKENS_NEW | QUIRK_NO_MAX_TOKENS },
		{ "gpt5_series/m", "~", "~", QUIRK_MAX_TOKENS_NEW | QUIRK_NO_MAX_TOKENS },
		{ "o1", "2024-02-01", "~", QUIRK_MAX_TOKENS_OLD | QUIRK_NO_STREAM_OPTIONS },
	};

	for (size_t i = 0; i < nitems(cases); i++) {
		char params[512];
		struct config *c;

		snprintf(params, sizeof(params), "      model: azure/%s\n      api_key: k\n      api_base: " R "\n      api_version: %s\n      base_model: %s\n",
		    cases[i].model, cases[i].version, cases[i].base_model);
		c = load_params(params);
		assert_quiet(c);
		assert_int_equal(only(c)->quirks, cases[i].quirks);
		if (strchr(cases[i].model, '/') != NULL)
			assert_text(only(c)->model, "m");
		config_release(c);
	}
}

static void
a_limit_of_the_file_has_the_name_its_model_knows(void **state)
{
	struct config *c = load_params("      model: azure/o3\n      api_key: k\n      api_base: " R "\n      max_tokens: 9\n");

	assert_int_equal(only(c)->n_defaults, 1);
	assert_text(only(c)->defaults[0].name, "max_completion_tokens");
	config_release(c);
}

static void
keys_of_the_environment_go_to_azure_only(void **state)
{
	struct config *c;

	setenv("AZURE_API_KEY", "secret", 1);
	setenv("AZURE_AD_TOKEN", "secret-too", 1);
	c = load_params("      model: azure/m\n      api_base: " R "\n");
	assert_quiet(c);
	assert_text(only(c)->key, "secret");
	assert_false(only(c)->key_is_bearer);
	config_release(c);
	c = load_params("      model: azure/m\n      api_base: https://r.openai.azure.com.example\n");
	assert_text(only(c)->key, "");
	assert_says(c, PROBLEM_NOTE, 0, "AZURE_API_KEY is not sent");
	config_release(c);
	c = load_params("      model: azure/m\n      api_base: http://r.openai.azure.com\n");
	assert_text(only(c)->key, "");
	config_release(c);
	unsetenv("AZURE_API_KEY");
	c = load_params("      model: azure/m\n      api_base: https://elsewhere.example\n");
	assert_text(only(c)->key, "");
	config_release(c);
	c = load_params("      model: azure/m\n      api_base: " R "\n");
	assert_text(only(c)->key, "secret-too");
	assert_true(only(c)->key_is_bearer);
	config_release(c);
}

/* `*` served by `*`: Azure is among what it stands for once its base is known. */
static void
a_star_stands_for_azure_too(void **state)
{
	static const char yaml[] = "model_list:\n- {model_name: '*', litellm_params: {model: '*'}}\n";
	struct capture captured;
	struct config *c;

	setenv("OPENAI_API_KEY", "o", 1);
	setenv("AZURE_API_KEY", "k", 1);
	c = load_text(yaml);
	assert_quiet(c);
	assert_string_equal(config_group(c, TEXT("azure/x"), &captured)->deployments[0]->vendor->prefix, "openai");
	config_release(c);
	setenv("AZURE_API_BASE", R, 1);
	c = load_text(yaml);
	assert_quiet(c);
	assert_text(config_group(c, TEXT("azure/x"), &captured)->deployments[0]->key, "k");
	config_release(c);
}

static void
a_key_goes_into_its_header_a_token_as_bearer(void **state)
{
	static const struct {
		const char	*params, *header;
	} cases[] = {
		{ "model: azure/m\n      api_key: k\n      api_base: " R, "api-key: k" },
		{ "model: azure/m\n      azure_ad_token: t\n      api_base: " R, "Authorization: Bearer t" },
		{ "model: azure/m\n      api_key: k\n      azure_ad_token: t\n      api_base: " R, "Authorization: Bearer t" },
		{ "model: azure_ai/m\n      api_key: k\n      api_base: https://r.services.ai.azure.com", "api-key: k" },
		{ "model: azure_ai/m\n      api_key: k\n      api_base: https://m.eastus2.models.ai.azure.com", "Authorization: Bearer k" },
		{ "model: azure_ai/m\n      azure_ad_token: t\n      api_base: https://r.services.ai.azure.com", "Authorization: Bearer t" },
	};

	for (size_t i = 0; i < nitems(cases); i++) {
		struct arena *arena = arena_new();
		struct text list[8];
		char params[512];
		struct config *c;

		snprintf(params, sizeof(params), "      %s\n", cases[i].params);
		c = load_params(params);
		assert_quiet(c);
		assert_int_equal(provider_openai.headers(list, nitems(list), arena, only(c), NULL), 2);
		assert_text(list[1], cases[i].header);
		arena_free(arena);
		config_release(c);
	}
}

static void
foundry_has_its_models_behind_a_path(void **state)
{
	static const struct {
		const char	*base, *version, *url;
	} cases[] = {
		{ "https://r.services.ai.azure.com", "~", "https://r.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview" },
		{ "https://r.services.ai.azure.com/models/chat/completions?api-version=2025-01-01", "~",
		    "https://r.services.ai.azure.com/models/chat/completions?api-version=2025-01-01" },
		{ "https://r.services.ai.azure.com/openai/v1", "~", "https://r.services.ai.azure.com/openai/v1/chat/completions" },
		{ "https://m.eastus2.models.ai.azure.com", "~", "https://m.eastus2.models.ai.azure.com/chat/completions" },
		{ "https://m.eastus2.models.ai.azure.com/v1", "2025-01-01", "https://m.eastus2.models.ai.azure.com/v1/chat/completions?api-version=2025-01-01" },
	};

	for (size_t i = 0; i < nitems(cases); i++) {
		char params[512];
		struct config *c;

		snprintf(params, sizeof(params), "      model: azure_ai/m\n      api_key: k\n      api_base: %s\n      api_version: %s\n", cases[i].base,
		    cases[i].version);
		c = load_params(params);
		assert_quiet(c);
		assert_text(only(c)->url, cases[i].url);
		config_release(c);
	}
}

static void
foundry_has_anthropics_models_too(void **state)
{
	static const char *const bases[] = { "https://r.services.ai.azure.com", "https://r.services.ai.azure.com/anthropic/",
	    "https://r.services.ai.azure.com/anthropic/v1/messages" };

	for (size_t i = 0; i < nitems(bases); i++) {
		struct arena *arena = arena_new();
		struct text list[8];
		char params[512];
		struct config *c;

		snprintf(params, sizeof(params), "      model: azure_ai/claude-sonnet-4-5\n      api_key: k\n      api_base: %s\n      api_version: 2025-01-01\n",
		    bases[i]);
		c = load_params(params);
		assert_quiet(c);
		assert_int_equal(only(c)->wire, WIRE_ANTHROPIC);
		assert_text(only(c)->url, "https://r.services.ai.azure.com/anthropic/v1/messages");
		assert_true(provider_anthropic.headers(list, nitems(list), arena, only(c), &(struct client_says){ .beta = false }) >= 2);
		arena_free(arena);
		config_release(c);
	}
}

#define FORM	"grant_type=client_credentials&client_id=c%20d&scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default"

static void
a_client_gets_tokens_by_its_secret(void **state)
{
	const char *params = "      model: azure/m\n      api_base: " R "\n      tenant_id: t/1\n      client_id: c d\n      client_secret: s&3cret\n";
	const struct credential *k;
	struct config *c;

	setenv("AZURE_API_KEY", "unused", 1);		/* what the file says comes first */
	setenv("HTTPS_PROXY", "http://proxy:3128", 1);
	c = load_params(params);
	assert_quiet(c);
	k = only(c)->credential;
	assert_non_null(k);
	assert_text(only(c)->key, "");
	assert_true(only(c)->key_is_bearer);
	assert_text(k->url, "https://login.microsoftonline.com/t%2F1/oauth2/v2.0/token");
	assert_text(k->host, "login.microsoftonline.com");
	assert_int_equal(k->port, 443);
	assert_text(k->proxy, "http://proxy:3128");
	assert_text(k->form, FORM "&client_secret=s%263cret");
	assert_text(k->name, "Entra client c d");
	assert_text(k->assertion_file, "");
	config_release(c);
	setenv("AZURE_AUTHORITY_HOST", "http://127.0.0.1:8000/", 1);
	setenv("AZURE_SCOPE", "s", 1);
	c = load_params(params);
	assert_quiet(c);
	assert_text(only(c)->credential->url, "http://127.0.0.1:8000/t%2F1/oauth2/v2.0/token");
	assert_text(only(c)->credential->form, "grant_type=client_credentials&client_id=c%20d&scope=s&client_secret=s%263cret");
	config_release(c);
	setenv("AZURE_AUTHORITY_HOST", "http://login.example", 1);
	c = load_params(params);
	assert_says(c, PROBLEM_WARNING, 0, "AZURE_AUTHORITY_HOST is not https");
	config_release(c);
	setenv("AZURE_AUTHORITY_HOST", "ftp://s3cret", 1);
	c = load_params(params);
	assert_says(c, PROBLEM_ERROR, 0, "AZURE_AUTHORITY_HOST must begin");
	assert_null(strstr(talk(c), "s3cret"));
	config_release(c);
}

static void
a_cloud_has_its_own_authority(void **state)
{
	struct config *c = load_params("      model: azure/m\n      api_base: https://r.openai.azure.us\n      tenant_id: t\n      client_id: c\n"
	    "      client_secret: s\n");

	assert_text(only(c)->credential->url, "https://login.microsoftonline.us/t/oauth2/v2.0/token");
	assert_text(only(c)->credential->form, "grant_type=client_credentials&client_id=c&scope=https%3A%2F%2Fcognitiveservices.azure.us%2F.default&client_secret=s");
	config_release(c);
}

static void
a_credential_of_the_environment_is_used_when_nothing_is_said(void **state)
{
	const char *params = "      model: azure/m\n      api_base: " R "\n";
	struct config *c;

	setenv("AZURE_TENANT_ID", "t", 1);
	setenv("AZURE_CLIENT_ID", "c d", 1);
	setenv("AZURE_FEDERATED_TOKEN_FILE", "/run/token", 1);
	c = load_params(params);
	assert_quiet(c);
	assert_text(only(c)->credential->form, FORM "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=");
	assert_text(only(c)->credential->assertion_file, "/run/token");
	config_release(c);
	setenv("AZURE_CLIENT_SECRET", "s", 1);
	c = load_params(params);
	assert_text(only(c)->credential->form, FORM "&client_secret=s");
	config_release(c);
	c = load_params("      model: azure/m\n      api_base: https://elsewhere.example\n");
	assert_null(only(c)->credential);
	config_release(c);
	setenv("AZURE_API_KEY", "k", 1);
	c = load_params(params);
	assert_null(only(c)->credential);
	assert_text(only(c)->key, "k");
	config_release(c);
}

static void
the_platforms_identity_is_asked_on_the_machine(void **state)
{
	const char *params = "      model: azure/m\n      api_base: " R "\n", *with_refresh =
	    "model_list:\n- {model_name: m, litellm_params: {model: azure/m, api_base: '" R "'}}\nlitellm_settings: {enable_azure_ad_token_refresh: true}\n";
	struct config *c;

	c = load_params(params);			/* nobody asked for it: no address of the machine is called */
	assert_null(only(c)->credential);
	assert_says(c, PROBLEM_WARNING, 0, "no api_key, and AZURE_API_KEY is not set");
	config_release(c);
	setenv("HTTP_PROXY", "http://proxy:1", 1);
	setenv("http_proxy", "http://proxy:1", 1);
	c = load_text(with_refresh);
	assert_quiet(c);
	assert_text(only(c)->credential->url, "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01"
	    "&resource=https%3A%2F%2Fcognitiveservices.azure.com");
	assert_text(only(c)->credential->header, "Metadata: true");
	assert_text(only(c)->credential->form, "");
	assert_text(only(c)->credential->proxy, "");
	config_release(c);
	setenv("AZURE_CLIENT_ID", "mine", 1);
	setenv("IDENTITY_ENDPOINT", "http://localhost:4141/msi/token", 1);
	setenv("IDENTITY_HEADER", "sesame", 1);
	c = load_params(params);
	assert_quiet(c);
	assert_text(only(c)->credential->url, "http://localhost:4141/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fcognitiveservices.azure.com"
	    "&client_id=mine");
	assert_text(only(c)->credential->header, "X-IDENTITY-HEADER: sesame");
	config_release(c);
	setenv("IDENTITY_HEADER", "ses\name", 1);
	c = load_params(params);
	assert_says(c, PROBLEM_ERROR, 0, "IDENTITY_HEADER holds");
	config_release(c);
}

static void
half_a_credential_is_said(void **state)
{
	struct config *c = load_params("      model: azure/m\n      api_base: " R "\n      tenant_id: t\n      client_id: c\n");

	assert_says(c, PROBLEM_WARNING, 6, "belong together");
	assert_null(only(c)->credential);
	config_release(c);
}

static void
federated_tokens_are_read_from_files(void **state)
{
	static const char fmt[] = "      model: azure/m\n      api_base: " R "\n      tenant_id: t\n      client_id: c\n      azure_ad_token: %s\n";
	char params[512];
	struct config *c;

	snprintf(params, sizeof(params), fmt, "oidc/file//run/other");
	c = load_params(params);
	assert_quiet(c);
	assert_text(only(c)->credential->assertion_file, "/run/other");
	config_release(c);
	snprintf(params, sizeof(params), fmt, "oidc/google/x");
	c = load_params(params);
	assert_says(c, PROBLEM_WARNING, 0, "only oidc/file/PATH");
	assert_null(only(c)->credential);
	assert_text(only(c)->key, "");
	config_release(c);
}

/* A token outlives a reload, but not a change of what it was got with. */
static void
the_same_credential_has_the_same_id(void **state)
{
	static const char fmt[] = "      model: azure/%s\n      api_base: " R "\n      tenant_id: t\n      client_id: c\n      client_secret: %s\n";
	static const char *const models[] = { "a", "b", "a" }, *const secrets[] = { "s", "s", "other" };
	char ids[3][65], params[512];

	for (size_t i = 0; i < nitems(models); i++) {
		struct config *c;

		snprintf(params, sizeof(params), fmt, models[i], secrets[i]);
		c = load_params(params);
		assert_int_equal(only(c)->credential->id.len, 64);
		memcpy(ids[i], only(c)->credential->id.at, 65);
		config_release(c);
	}
	assert_string_equal(ids[0], ids[1]);
	assert_string_not_equal(ids[0], ids[2]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_base_of_any_shape_becomes_azures_urls, clean_env),
		cmocka_unit_test_setup(a_version_comes_from_the_variable_too, clean_env),
		cmocka_unit_test_setup(a_name_never_leaves_its_segment, clean_env),
		cmocka_unit_test_setup(versions_and_families_have_habits, clean_env),
		cmocka_unit_test_setup(a_limit_of_the_file_has_the_name_its_model_knows, clean_env),
		cmocka_unit_test_setup(keys_of_the_environment_go_to_azure_only, clean_env),
		cmocka_unit_test_setup(a_star_stands_for_azure_too, clean_env),
		cmocka_unit_test_setup(a_key_goes_into_its_header_a_token_as_bearer, clean_env),
		cmocka_unit_test_setup(foundry_has_its_models_behind_a_path, clean_env),
		cmocka_unit_test_setup(foundry_has_anthropics_models_too, clean_env),
		cmocka_unit_test_setup(a_client_gets_tokens_by_its_secret, clean_env),
		cmocka_unit_test_setup(a_cloud_has_its_own_authority, clean_env),
		cmocka_unit_test_setup(a_credential_of_the_environment_is_used_when_nothing_is_said, clean_env),
		cmocka_unit_test_setup(the_platforms_identity_is_asked_on_the_machine, clean_env),
		cmocka_unit_test_setup(half_a_credential_is_said, clean_env),
		cmocka_unit_test_setup(federated_tokens_are_read_from_files, clean_env),
		cmocka_unit_test_setup(the_same_credential_has_the_same_id, clean_env),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
