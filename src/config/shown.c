/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of an entry of model_list may be told to whoever has a key: /model/info shows litellm_params and model_info; and what of the sections to admins.
 *
 * Parameters that are known to be harmless are told as they stand. What a name gives away as a secret is left out. Of the rest nobody
 * knows what it means, so its texts are masked; numbers and yes or no are told.
 */
#include "config/config_priv.h"

#define MASK	"\"***\""

/* litellm_params beside those of the chat API and the prices. */
static const char *const harmless[] = {
	"model", "custom_llm_provider", "litellm_credential_name", "organization", "weight", "order", "timeout", "request_timeout",
	"stream_timeout", "num_retries", "max_retries", "drop_params", "additional_drop_params", "allowed_openai_params", "base_model",
	"ssl_verify", "rpm", "tpm", "itpm", "otpm", "max_parallel_requests", "cooldown_time", "tags", "tag_regex", "api_version",
	"region_name", "aws_region_name", "vertex_project", "vertex_location", "watsonx_region_name", "max_budget", "budget_duration",
	"default_api_key_tpm_limit", "default_api_key_rpm_limit", "merge_reasoning_content_in_choices", "use_chat_completions_api",
	"use_in_pass_through", "use_litellm_proxy", "keepalive_seconds", "configurable_clientside_auth_params", "bos_token", "eos_token",
	"supports_system_message", "mock_response", "mock_timeout",
};

/* Parameters of the chat API that may carry an account of somebody. */
static const char *const carriers[] = {
	"mcp_servers", "metadata", "plugins", "provider", "tools", "functions", "user", "output_config", "context_management", "prediction",
};

/* Credentials of vendors, whatever they are called. */
static const char *const families[] = { "aws_", "azure_", "vertex_", "watsonx_", "oci_", "sap_", "databricks_", "s3_", "gcs_" };

static const char *const secret_words[] = {
	"key", "secret", "token", "passw", "passphrase", "pwd", "credential", "auth", "cert", "private", "signature", "cookie", "bearer",
};

static bool
is_price(struct text key)
{
	return (text_has(key, TEXT("_cost_per_")) || text_has(key, TEXT("_token_cost")));
}

static bool
is_harmless(struct text key)
{
	return (has_word(key, harmless, nitems(harmless)) || is_price(key) ||
	    (litellm_is_openai(key) && !has_word(key, carriers, nitems(carriers))));
}

static bool
is_number(const struct node *n)
{
	enum scalar type = n->kind == NODE_SCALAR && !n->null ? scalar_of(n->text, n->plain) : SCALAR_STRING;

	return (type == SCALAR_INT || type == SCALAR_FLOAT);
}

/* "token" is no secret where tokens are counted. */
static bool
counts_tokens(struct text key, const struct node *value)
{
	return (is_price(key) || text_has(key, TEXT("tokenizer")) || (text_has(key, TEXT("tokens")) && is_number(value)));
}

/* Yes and no are no secret, whatever they are called. */
static bool
is_secret(struct text key, const struct node *value)
{
	bool b;

	if (node_is_null(value) || (value->kind == NODE_SCALAR && value->plain && scalar_bool(value->text, &b)))
		return (false);
	for (size_t i = 0; i < nitems(families); i++)
		if (text_starts(key, text_of(families[i])))
			return (true);
	for (size_t i = 0; i < nitems(secret_words); i++)
		if (text_has(key, text_of(secret_words[i])) && !(strcmp(secret_words[i], "token") == 0 && counts_tokens(key, value)))
			return (true);
	return (false);
}

/* A text that may be told where texts may: not one of the environment, and no address with somebody's name in it. */
static bool
is_open(const struct node *n)
{
	return (n->env.len == 0 && !(text_has(n->text, TEXT("://")) && memchr(n->text.at, '@', n->text.len) != NULL));
}

static void
put_name(struct buf *b, struct text name)
{
	if (b->at[b->len - 1] != '{')
		buf_byte(b, ',');
	buf_byte(b, '"');
	buf_escape(b, name);
	buf_lit(b, "\":");
}

static void put(struct buf *, struct text key, const struct node *, bool texts);

static void
put_all(struct buf *b, const struct node *n, bool texts)
{
	buf_byte(b, n->kind == NODE_MAP ? '{' : '[');
	for (const struct pair *p = n->first; p != NULL; p = p->next) {
		if (n->kind == NODE_MAP && is_secret(p->key, p->value))
			continue;
		if (n->kind == NODE_MAP)
			put_name(b, p->key);
		else if (p != n->first)
			buf_byte(b, ',');
		put(b, p->key, p->value, texts);
	}
	buf_byte(b, n->kind == NODE_MAP ? '}' : ']');
}

/* A scalar is told if it is no text, or texts may be told; what is in lists and maps likewise, but for the secrets among it. */
static void
put(struct buf *b, struct text key, const struct node *n, bool texts)
{
	int64_t exact;

	if (n->kind != NODE_SCALAR && !n->null)
		put_all(b, n, texts);
	else if (is_price(key) && price_read(n->text, &exact))
		price_print(b, exact);
	else if (n->null || scalar_of(n->text, n->plain) != SCALAR_STRING || (texts && is_open(n)))
		node_json(b, n);
	else
		buf_lit(b, MASK);
}

static struct text
finished(struct load *l, struct buf *b)
{
	struct text t;

	buf_byte(b, '}');
	t = arena_copy(l->arena, buf_as_text(b));
	buf_free(b);
	return (t);
}

static bool
has(const struct node *map, struct text key)
{
	for (const struct pair *p = map != NULL ? map->first : NULL; p != NULL; p = p->next)
		if (text_eq(p->key, key))
			return (true);
	return (false);
}

/* Limits may stand beside litellm_params. */
static void
put_limit(struct buf *b, const struct node *params, struct text name, int64_t limit)
{
	if (limit < 0 || has(params, name))
		return;
	put_name(b, name);
	buf_print(b, "%lld", (long long)limit);
}

/* The address is told without user and query. */
static void
put_base(struct buf *b, const struct node *params, const struct deployment *d)
{
	if (!has(params, TEXT("api_base")) && !has(params, TEXT("base_url")))
		return;
	put_name(b, TEXT("api_base"));
	buf_byte(b, '"');
	buf_escape(b, d->api_base);
	buf_byte(b, '"');
}

struct text
shown_params(struct load *l, const struct node *params, const struct deployment *d)
{
	struct buf b = { 0 };

	buf_byte(&b, '{');
	for (const struct pair *p = params->first; p != NULL; p = p->next) {
		bool known = is_harmless(p->key);

		if (text_is(p->key, "api_base") || text_is(p->key, "base_url") || (!known && is_secret(p->key, p->value)))
			continue;
		put_name(&b, p->key);
		put(&b, p->key, p->value, known);
	}
	put_base(&b, params, d);
	put_limit(&b, params, TEXT("rpm"), d->rpm);
	put_limit(&b, params, TEXT("tpm"), d->tpm);
	return (finished(l, &b));
}

/* With the prices that stand in litellm_params, where LiteLLM takes them too. */
struct text
shown_info(struct load *l, const struct node *info, const struct node *params)
{
	struct buf b = { 0 };

	buf_byte(&b, '{');
	for (const struct pair *p = info != NULL ? info->first : NULL; p != NULL; p = p->next) {
		if (is_secret(p->key, p->value))
			continue;
		put_name(&b, p->key);
		put(&b, p->key, p->value, true);
	}
	for (const struct pair *p = params->first; p != NULL; p = p->next) {
		if (!is_price(p->key) || has(info, p->key))
			continue;
		put_name(&b, p->key);
		put(&b, p->key, p->value, false);
	}
	return (finished(l, &b));
}

/* The sections, for admins.  Of web hooks the address is the secret. */

static bool
is_hidden(const char *section, struct text key, const struct node *value)
{
	return (strcmp(section, "environment_variables") == 0 || text_has(key, TEXT("webhook")) || is_secret(key, value) ||
	    (value->kind == NODE_SCALAR && value->env.len > 0));
}

/* What the API may set holds no secret, whatever it is called: but for parameters of deployments, which hold anything, and web hooks. */
static bool
is_public(struct load *l, const char *section, struct text key)
{
	return (strcmp(section, "environment_variables") != 0 && !text_is(key, "default_litellm_params") && !text_has(key, TEXT("webhook")) &&
	    runtime_refuses(l->scratch, text_of(section), key).len == 0);
}

static void
show(struct load *l, const char *section, const struct pair *p)
{
	struct config *c = l->config;
	struct buf b = { 0 };

	if (is_public(l, section, p->key))
		node_json(&b, p->value);
	else if (is_hidden(section, p->key, p->value))
		buf_lit(&b, MASK);
	else
		put(&b, p->key, p->value, true);
	c->said[c->n_said++] = (struct said_setting){ section, arena_copy(l->arena, p->key), arena_copy(l->arena, buf_as_text(&b)), p->value->source->stored };
	buf_free(&b);
}

/* Endpoints have a page of their own. */
void
shown_sections(struct load *l)
{
	static const char *const names[] = { "general_settings", "litellm_settings", "router_settings", "environment_variables" };
	size_t n = 0;

	for (size_t i = 0; i < nitems(names); i++)
		n += node_get(l->root, names[i]) != NULL ? node_get(l->root, names[i])->n : 0;
	l->config->said = arena_alloc(l->arena, (n + 1) * sizeof(*l->config->said));
	for (size_t i = 0; i < nitems(names); i++) {
		const struct node *map = node_get(l->root, names[i]);

		for (const struct pair *p = map != NULL && map->kind == NODE_MAP ? map->first : NULL; p != NULL; p = p->next)
			if (!node_is_null(p->value) && !text_is(p->key, "pass_through_endpoints"))
				show(l, names[i], p);
	}
}
