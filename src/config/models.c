/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model_list: each entry becomes a deployment, or several, or a sentence that says why not.
 *
 * What can not be served (a vendor that comes later, no base) is skipped with a warning, as LiteLLM skips it; what is plainly wrong is
 * an error.
 *
 * A key of the environment is sent only to the server it belongs to: the vendor's own, or the one named by the vendor's own variable.
 * A deployment with another api_base has the api_key that stands in the file, or none.
 */
#include "config/config_priv.h"

#include "base/digest.h"

#include <stdio.h>
#include <stdlib.h>

#define OPENSSL_SUPPRESS_DEPRECATED	/* the plain digest needs no provider, no configuration file and no allocation */
#include <openssl/sha.h>

#define NAME_BYTES_MOST		512

struct node *
param(const struct making *m, const char *key)
{
	for (size_t i = 0; i < m->n_chain; i++) {
		struct node *n = node_get(m->chain[i], key);
		if (n != NULL)
			return (n);
	}
	return (NULL);
}

/* It cannot be served: LiteLLM leaves such a deployment out and starts. */
static void
skip(struct making *m, const struct node *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void
skip(struct making *m, const struct node *at, const char *fmt, ...)
{
	const struct node *router = node_get(m->load->root, "router_settings"), *ignore = node_get(router, "ignore_invalid_deployments");
	bool strict = ignore != NULL && !node_is_true(ignore);
	struct buf b = { 0 };
	va_list args;

	va_start(args, fmt);
	buf_vprint(&b, fmt, args);
	va_end(args);
	problem(m->load, strict ? PROBLEM_ERROR : PROBLEM_WARNING, at, TEXT_FMT "; this deployment of " TEXT_FMT " is left out",
	    (int)b.len, b.at, TEXT_ARG(m->d->group));
	buf_free(&b);
}

/* vendor and upstream name */

static bool
split_prefix(struct making *m, struct text model, const struct vendor **v, struct text *upstream)
{
	struct text head, tail;

	if (!text_cut(model, '/', &head, &tail))
		return (false);
	*v = config_vendor(m->load->config, head);
	*upstream = tail;
	return (*v != NULL);
}

/* custom_llm_provider decides, whether the model repeats it or not. */
static bool
named_vendor(struct making *m, struct text model, const struct vendor **v, struct text *upstream)
{
	struct node *n = param(m, "custom_llm_provider");
	struct text name, head, tail;

	if (!want_text(m->load, n, &name) || name.len == 0)
		return (false);
	*upstream = text_cut(model, '/', &head, &tail) && text_eq(head, name) ? tail : model;
	*v = config_vendor(m->load->config, name);
	if (*v == NULL) {
		const char *near = vendor_near(m->load->config, name);
		skip(m, n, "unknown custom_llm_provider " TEXT_FMT "%s", TEXT_ARG(name), hint(m->load, near));
	}
	return (true);
}

static const struct vendor *
vendor_of_base(struct making *m)
{
	struct node *n = param(m, "api_base");
	struct url u;

	if (n == NULL)
		n = param(m, "base_url");
	if (n == NULL || n->kind != NODE_SCALAR || url_parse(&u, n->text) != NULL)
		return (NULL);
	return (vendor_of_server(m->load->config, &u));
}

static void
say_no_vendor(struct making *m, const struct node *at, struct text model)
{
	struct text head = model, tail;
	const char *near;

	if (!text_cut(model, '/', &head, &tail)) {
		skip(m, at, "whose model is " TEXT_FMT "? write the vendor before it, such as openai/" TEXT_FMT, TEXT_ARG(model),
		    TEXT_ARG(model));
		return;
	}
	near = vendor_near(m->load->config, head);
	if (near != NULL)
		skip(m, at, "unknown vendor " TEXT_FMT "; did you mean %s?", TEXT_ARG(head), near);
	else
		skip(m, at, "unknown vendor " TEXT_FMT "; for an OpenAI-like server write openai/" TEXT_FMT " and its api_base",
		    TEXT_ARG(head), TEXT_ARG(model));
}

static bool
find_vendor(struct making *m)
{
	struct deployment *d = m->d;
	struct node *at = param(m, "model");
	const struct vendor *v = NULL;

	if (!named_vendor(m, d->litellm_model, &v, &d->model) && !split_prefix(m, d->litellm_model, &v, &d->model)) {
		d->model = d->litellm_model;
		v = vendor_of_base(m);
		if (v == NULL)
			v = vendor_guess(d->litellm_model);
		if (v == NULL && d->mock)
			v = vendor_find(TEXT("openai"));
		if (v == NULL)
			say_no_vendor(m, at, d->litellm_model);
	}
	if (v == NULL)
		return (false);
	if (v->wire == WIRE_NONE && !d->mock) {
		skip(m, at, "%s comes with a later version", v->prefix);
		return (false);
	}
	if (d->model.len == 0) {
		problem(m->load, PROBLEM_ERROR, at, "model names the vendor, but no model");
		return (false);
	}
	d->vendor = v;
	d->wire = (v->quirks & QUIRK_FOUNDRY) != 0 && text_starts(d->model, TEXT("claude")) ? WIRE_ANTHROPIC : v->wire;
	return (true);
}

static void
adjust_model(struct making *m)
{
	struct deployment *d = m->d;
	struct text bridge = TEXT("responses/"), chat = TEXT("chat_completions/");

	if (strcmp(d->vendor->prefix, "openai") == 0 && text_starts(d->model, bridge)) {
		d->model = text_sub(d->model, bridge.len, d->model.len);
		d->responses_only = true;
	}
	if (strcmp(d->vendor->prefix, "openai") == 0 && text_starts(d->model, chat)) {
		d->model = text_sub(d->model, chat.len, d->model.len);
		d->chat_only = true;
	}
	if ((d->vendor->quirks & QUIRK_AZURE) != 0)
		azure_model(m);
	if (strcmp(d->vendor->prefix, "vllm") == 0)
		problem(m->load, PROBLEM_WARNING, param(m, "model"), "vllm/ ran inside LiteLLM; it is taken as hosted_vllm/");
	if (strncmp(d->vendor->prefix, "ollama", 6) == 0)
		problem(m->load, PROBLEM_NOTE, param(m, "model"),
		    "Ollama is called by its OpenAI-like surface (/v1), which knows no num_ctx and no keep_alive");
}

/* base and key */

static bool
is_one_of(struct text name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n && list[i] != NULL; i++)
		if (text_is(name, list[i]))
			return (true);
	return (false);
}

/* The first of the variables that is set, and its name. */
static const char *
first_env(const struct load *l, const char *const *names, size_t n, const char **name)
{
	for (size_t i = 0; i < n && names[i] != NULL; i++) {
		const char *value = config_env(l->config, names[i]);
		if (value != NULL && value[0] != '\0') {
			*name = names[i];
			return (value);
		}
	}
	return (NULL);
}

static const char *
chat_path(const struct load *l, const struct deployment *d)
{
	const struct vendor *v = d->vendor;

	if (d->wire == WIRE_ANTHROPIC && env_true(l, "LITELLM_ANTHROPIC_DISABLE_URL_SUFFIX"))
		return ("");
	if (v->chat_path != NULL)
		return (v->chat_path);
	return (d->wire == WIRE_ANTHROPIC ? "/v1/messages" : "/chat/completions");
}

static bool
set_url(struct making *m, const struct node *at, struct text base, const char *variable)
{
	struct deployment *d = m->d;
	struct url u;
	const char *why = url_parse(&u, base);

	if (why != NULL) {
		problem(m->load, PROBLEM_ERROR, at, "%s %s", variable != NULL ? variable : "api_base", why);
		return (false);
	}
	d->at_vendor = vendor_owns(d->vendor, &u);
	m->own_base = variable == NULL && !d->at_vendor;
	if ((d->vendor->quirks & (QUIRK_AZURE | QUIRK_FOUNDRY)) != 0 && !azure_base(m, &u))
		return (false);
	url_build(m->load, d, &u, chat_path(m->load, d));
	d->proxy = proxy_for(m->load, &u);
	return (true);
}

static bool
find_base(struct making *m)
{
	const struct vendor *v = m->d->vendor;
	struct node *n = param(m, "api_base");
	const char *value, *name = NULL;
	struct text base;

	if (n == NULL)
		n = param(m, "base_url");
	if (n != NULL)
		return (want_text(m->load, n, &base) &&
		    set_url(m, n, base, is_one_of(n->env, v->base_env, nitems(v->base_env)) ? n->env.at : NULL));
	value = first_env(m->load, v->base_env, nitems(v->base_env), &name);
	if (value != NULL)
		return (set_url(m, m->params, text_of(value), name));
	if (v->base_url != NULL)
		return (set_url(m, m->params, text_of(v->base_url), NULL));
	if (m->d->mock)
		return (true);
	if (v->base_env[0] != NULL)
		skip(m, m->params, "%s/ needs an api_base (or %s)", v->prefix, v->base_env[0]);
	else
		skip(m, m->params, "%s/ needs an api_base", v->prefix);
	return (false);
}

bool
fit_for_header(struct text t)
{
	for (size_t i = 0; i < t.len; i++)
		if ((unsigned char)t.at[i] < 0x20 || t.at[i] == 0x7f)
			return (false);
	return (true);
}

static bool
takes_entra(const struct deployment *d)
{
	return ((d->vendor->quirks & (QUIRK_AZURE | QUIRK_FOUNDRY)) != 0);
}

static void
key_from_env(struct making *m)
{
	struct deployment *d = m->d;
	const struct vendor *v = d->vendor;
	const char *name = NULL, *value = first_env(m->load, v->key_env, nitems(v->key_env), &name);

	if (m->own_base) {
		if (value != NULL)
			problem(m->load, PROBLEM_NOTE, m->params,
			    "%s is not sent to an api_base of your own; if it belongs there, write api_key: os.environ/%s", name, name);
		return;
	}
	if (value != NULL) {
		d->key = arena_copy(m->load->arena, text_trim(text_of(value)));
		d->key_is_bearer = strcmp(name, "ANTHROPIC_AUTH_TOKEN") == 0;
	} else if (takes_entra(d) && entra_from_env(m))
		return;
	else if (v->key_env[0] != NULL && (v->quirks & QUIRK_KEY_OPTIONAL) == 0 && !d->mock)
		problem(m->load, PROBLEM_WARNING, m->params, "no api_key, and %s is not set: " TEXT_FMT " will be called without a key",
		    v->key_env[0],
		    TEXT_ARG(d->group));
}

static void
find_key(struct making *m)
{
	struct deployment *d = m->d;
	struct node *n = param(m, "api_key");
	struct text key;

	if (takes_entra(d) && entra_token(m))
		n = param(m, "azure_ad_token");
	else if (want_text(m->load, n, &key) && text_trim(key).len > 0)
		d->key = text_trim(key);
	else if (!takes_entra(d) || !entra_said(m))
		key_from_env(m);
	if (!fit_for_header(d->key)) {
		problem(m->load, PROBLEM_ERROR, n != NULL ? n : m->params, TEXT_FMT " holds a line break or another control character",
		    TEXT_ARG(n != NULL ? n->name : TEXT("the key")));
		d->key = TEXT("");
	}
	if (d->wire == WIRE_ANTHROPIC && text_starts(d->key, TEXT("sk-ant-oat")))
		d->key_is_bearer = true;
	if (m->own_base)
		d->vendor = vendor_plain(d->vendor);
}

/* the rest of litellm_params */

bool
is_token(struct text name)
{
	static const char allowed[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < name.len; i++) {
		char c = name.at[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    memchr(allowed, c, sizeof(allowed) - 1) != NULL))
			return (false);
	}
	return (name.len > 0 && name.len <= 128);
}

bool
header_line(struct load *l, const struct node *map, const struct pair *p, struct text *line)
{
	static const char *const framing[] = { "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade",
	    "keep-alive", "expect" };

	for (size_t i = 0; i < nitems(framing); i++)
		if (text_eq_nocase(p->key, text_of(framing[i]))) {
			problem_key(l, PROBLEM_ERROR, map, p, "header " TEXT_FMT " belongs to the connection and cannot be set",
			    TEXT_ARG(p->key));
			return (false);
		}
	if (!is_token(p->key)) {
		problem_key(l, PROBLEM_ERROR, map, p, "that is not a header's name");
		return (false);
	}
	if (!want_kind(l, p->value, NODE_SCALAR))
		return (false);
	if (!fit_for_header(p->value->text)) {
		problem_key(l, PROBLEM_ERROR, map, p, "header " TEXT_FMT " holds a line break or another control character",
		    TEXT_ARG(p->key));
		return (false);
	}
	*line = arena_print(l->arena, TEXT_FMT ": " TEXT_FMT, TEXT_ARG(p->key), TEXT_ARG(p->value->text));
	return (true);
}

static void
read_headers(struct making *m)
{
	struct node *maps[] = { param(m, "default_headers"), param(m, "extra_headers") };
	struct deployment *d = m->d;
	size_t room = 0;

	for (size_t i = 0; i < nitems(maps); i++)
		room += maps[i] != NULL ? maps[i]->n : 0;
	d->headers = room > 0 ? arena_alloc(m->load->arena, room * sizeof(*d->headers)) : NULL;
	for (size_t i = 0; i < nitems(maps); i++) {
		if (!want_kind(m->load, maps[i], NODE_MAP))
			continue;
		for (const struct pair *p = maps[i]->first; p != NULL; p = p->next)
			if (header_line(m->load, maps[i], p, &d->headers[d->n_headers]))
				d->n_headers++;
	}
}

static struct text
raw_of(struct load *l, struct text name, const struct node *n)
{
	struct buf b = { 0 };
	struct node number = *n;
	struct text raw;
	double v;

	/* "0.7" and 1e-6 are texts to YAML; where the API takes a number they are meant as one. */
	if (n->kind == NODE_SCALAR && litellm_is_number(name) && scalar_number(n->text, &v)) {
		number.plain = true;
		if (scalar_of(n->text, true) == SCALAR_STRING)
			number.text = arena_print(l->scratch, "%.17g", v);
	}
	node_json(&b, &number);
	raw = arena_copy(l->arena, buf_as_text(&b));
	buf_free(&b);
	return (raw);
}

static void
set_default(struct making *m, const struct node *map, const struct pair *p, bool replace)
{
	static const char *const fixed[] = { "model", "messages", "stream", "input", "prompt" };
	struct deployment *d = m->d;
	size_t at = 0;

	if (node_is_null(p->value))
		return;
	if (is_one_of(p->key, fixed, nitems(fixed))) {
		problem_key(m->load, PROBLEM_WARNING, map, p, TEXT_FMT " is the caller's to say; it is not sent as a default",
		    TEXT_ARG(p->key));
		return;
	}
	while (at < d->n_defaults && !text_eq(d->defaults[at].name, p->key))
		at++;
	if (at < d->n_defaults && !replace)
		return;
	d->defaults[at] = (struct default_param){ arena_copy(m->load->arena, p->key), raw_of(m->load, p->key, p->value) };
	if (at == d->n_defaults)
		d->n_defaults++;
}

static void
read_defaults(struct making *m)
{
	struct node *body = param(m, "extra_body");
	size_t room = body != NULL ? body->n : 0;

	for (size_t i = 0; i < m->n_chain; i++)
		room += m->chain[i]->n;
	m->d->defaults = arena_alloc(m->load->arena, (room + 1) * sizeof(struct default_param));
	for (size_t i = 0; i < m->n_chain; i++)
		for (const struct pair *p = m->chain[i]->first; p != NULL; p = p->next)
			if (!litellm_is_control(p->key))
				set_default(m, m->chain[i], p, false);
	if (want_kind(m->load, body, NODE_MAP))
		for (const struct pair *p = body->first; p != NULL; p = p->next)
			set_default(m, body, p, true);
	azure_defaults(m->d);
}

static void
read_drop(struct making *m)
{
	struct node *list = param(m, "additional_drop_params");
	struct deployment *d = m->d;
	struct text *all = NULL;
	size_t n = want_texts(m->load, list, &all);

	d->drop = all;
	for (size_t i = 0; i < n; i++) {
		if (memchr(all[i].at, '.', all[i].len) != NULL || memchr(all[i].at, '[', all[i].len) != NULL)
			problem(m->load, PROBLEM_WARNING, list,
			    "additional_drop_params: the path " TEXT_FMT " is not in force yet; plain names are", TEXT_ARG(all[i]));
		else
			d->drop[d->n_drop++] = all[i];
	}
	want_bool(m->load, param(m, "drop_params"), &d->drop_params);
	want_bool(m->load, param(m, "use_chat_completions_api"), &d->chat_only);
}

static void
read_weight(struct making *m)
{
	struct node *n = param(m, "weight");
	double w;

	if (!want_kind(m->load, n, NODE_SCALAR))
		return;
	if (scalar_number(n->text, &w) && w >= 0 && w <= 1e9)
		m->d->weight = (int64_t)(w * 1000 + 0.5);
	else
		problem(m->load, PROBLEM_ERROR, n, "weight must be a number from 0 to 1000000000");
}

static void
read_limits(struct making *m)
{
	struct load *l = m->load;
	struct deployment *d = m->d;
	struct node *rpm = param(m, "rpm"), *tpm = param(m, "tpm"), *order = param(m, "order");

	read_weight(m);
	want_int(l, rpm != NULL ? rpm : node_get(m->entry, "rpm"), 0, INT64_MAX / 1000, &d->rpm);
	want_int(l, tpm != NULL ? tpm : node_get(m->entry, "tpm"), 0, INT64_MAX / 1000, &d->tpm);
	want_int(l, order != NULL ? order : node_get(m->info, "order"), 0, 1000000, &d->order);
	want_int(l, param(m, "max_parallel_requests"), 0, 1000000, &d->parallel);
	want_int(l, param(m, "default_api_key_rpm_limit"), 0, INT64_MAX / 1000, &d->key_rpm);
	want_int(l, param(m, "default_api_key_tpm_limit"), 0, INT64_MAX / 1000, &d->key_tpm);
	l->config->settings.deployment_keys |= d->key_rpm >= 0 || d->key_tpm >= 0;
	want_int(l, param(m, "num_retries"), 0, 100, &d->num_retries);
	d->budget = budget_doc(l, param(m, "max_budget"), param(m, "budget_duration"));
	l->config->settings.deployment_money |= d->budget.len > 0;
	want_bool(l, param(m, "use_in_pass_through"), &d->pass_through);
	if (!want_ms(l, param(m, "timeout"), &d->timeout_ms))
		want_ms(l, param(m, "request_timeout"), &d->timeout_ms);
	want_ms(l, param(m, "stream_timeout"), &d->stream_timeout_ms);
}

static struct text
json_of(const struct making *m, const struct node *n)
{
	struct buf b = { 0 };
	struct text json;

	node_json(&b, n);
	json = arena_copy(m->load->arena, buf_as_text(&b));
	buf_free(&b);
	return (json);
}

static void
read_mock(struct making *m)
{
	struct node *n = param(m, "mock_response");

	if (n == NULL)
		return;
	m->d->mock = true;
	if (n->kind == NODE_SCALAR)
		want_text(m->load, n, &m->d->mock_response);
	else if (n->kind == NODE_LIST)
		m->d->mock_response = json_of(m, n);
	else {
		m->d->mock_response = TEXT("This is a mock request");
		problem(m->load, PROBLEM_WARNING, n, "mock_response must be a text, or a list of numbers for embeddings; a fixed text is answered instead");
	}
}

/* model_info */

/* A base_model says more about what runs there than the name it is called by. */
static void
read_facts(struct making *m)
{
	struct deployment *d = m->d;
	struct text base = TEXT("");
	struct facts *f = arena_new_of(m->load->arena, struct facts);

	*f = (struct facts){ .mode = TEXT("chat"), .input = -1, .output = -1 };
	if (!want_text(m->load, node_get(m->info, "base_model"), &base))
		want_text(m->load, param(m, "base_model"), &base);
	if ((base.len > 0 && facts_find(f, base)) || facts_find(f, d->litellm_model) || facts_find(f, d->model))
		d->facts = f;
	d->max_output_tokens = f->max_output;
	d->max_input_tokens = f->max_input;
	if (!want_int(m->load, node_get(m->info, "max_output_tokens"), 0, INT64_MAX / 1000, &d->max_output_tokens))
		want_int(m->load, node_get(m->info, "max_tokens"), 0, INT64_MAX / 1000, &d->max_output_tokens);
	want_int(m->load, node_get(m->info, "max_input_tokens"), 0, INT64_MAX / 1000, &d->max_input_tokens);
	d->mode = f->mode;
	want_text(m->load, node_get(m->info, "mode"), &d->mode);
	tariff_read(m, base);
}

static void
read_info(struct making *m)
{
	m->d->model_info = m->info != NULL ? json_of(m, m->info) : TEXT("{}");
	read_facts(m);
	m->d->shown_info = shown_info(m->load, m->info, m->params);
	m->d->shown_params = shown_params(m->load, m->params, m->d);
}

/* Blocked (what a database has of that kind is still shown), or for another environment: false, and it is no problem. */
static bool
wanted_here(struct making *m)
{
	struct node *list = node_get(m->info, "supported_environments");
	const char *here = config_env(m->load->config, "LITELLM_ENVIRONMENT");
	struct text *names;
	size_t n;

	m->d->blocked = node_is_true(node_get(m->info, "blocked"));
	m->d->stored = m->entry->source->stored;
	if (m->d->blocked && !m->d->stored)
		return (false);
	if (list == NULL)
		return (true);
	n = want_texts(m->load, list, &names);
	if (here == NULL || here[0] == '\0') {
		problem(m->load, PROBLEM_ERROR, list, "supported_environments needs the variable LITELLM_ENVIRONMENT");
		return (false);
	}
	for (size_t i = 0; i < n; i++)
		if (text_is(names[i], here))
			return (true);
	return (false);
}

/* ids */

/* LiteLLM digests the group's name and every parameter in the file's order, so that metrics and budgets keyed by id survive the move. */
static struct text
made_id(struct making *m, struct text organization)
{
	struct buf b = { 0 };
	struct text id;

	buf_text(&b, m->d->group);
	for (const struct pair *p = m->params->first; p != NULL; p = p->next) {
		buf_text(&b, p->key);
		if (organization.len > 0 && text_is(p->key, "organization"))
			buf_text(&b, organization);
		else
			node_python(&b, p->value);
	}
	id = sha256_hex(m->load->arena, buf_as_text(&b));
	buf_free(&b);
	return (id);
}

/* entries */

static const struct node *
find_credential(struct making *m, const struct node *list, struct text name)
{
	if (list != NULL && list->kind == NODE_LIST)
		for (const struct pair *p = list->first; p != NULL; p = p->next) {
			struct node *n = node_get(p->value, "credential_name");
			if (n != NULL && n->kind == NODE_SCALAR && text_eq(n->text, name))
				return (node_get(p->value, "credential_values"));
		}
	return (NULL);
}

static void
chain_up(struct making *m)
{
	struct node *name = node_get(m->params, "litellm_credential_name"), *root = m->load->root;
	const struct node *defaults = node_get(node_get(root, "router_settings"), "default_litellm_params"), *values = NULL;

	m->chain[m->n_chain++] = m->params;
	if (want_kind(m->load, name, NODE_SCALAR)) {
		values = find_credential(m, node_get(root, "credential_list"), name->text);
		if (values == NULL)
			values = find_credential(m, node_get(node_get(root, "litellm_settings"), "credential_list"), name->text);
		if (values == NULL)
			problem(m->load, PROBLEM_ERROR, name, "there is no credential " TEXT_FMT " in credential_list",
			    TEXT_ARG(name->text));
		else if (values->kind == NODE_MAP)
			m->chain[m->n_chain++] = values;
	}
	if (defaults != NULL && defaults->kind == NODE_MAP)
		m->chain[m->n_chain++] = defaults;
}

static bool
name_fine(struct making *m, const struct node *n, struct text *name)
{
	if (!want_text(m->load, n, name))
		return (false);
	if (name->len > 0 && name->len <= NAME_BYTES_MOST && fit_for_header(*name))
		return (true);
	problem(m->load, PROBLEM_ERROR, n, TEXT_FMT " must be 1 to %d printable characters", TEXT_ARG(n->name), NAME_BYTES_MOST);
	return (false);
}

static bool
read_names(struct making *m)
{
	struct deployment *d = m->d;

	if (!want_kind(m->load, m->entry, NODE_MAP)) {
		if (node_is_null(m->entry))
			problem(m->load, PROBLEM_ERROR, m->entry, "an empty entry of model_list");
		return (false);
	}
	litellm_check(m->load, SECTION_ENTRY, m->entry);
	if (node_get(m->entry, "model_name") == NULL)
		problem(m->load, PROBLEM_ERROR, m->entry, "model_name is missing");
	if (node_get(m->entry, "litellm_params") == NULL)
		problem(m->load, PROBLEM_ERROR, m->entry, "litellm_params is missing");
	m->params = node_get(m->entry, "litellm_params");
	m->info = node_get(m->entry, "model_info");
	if (!name_fine(m, node_get(m->entry, "model_name"), &d->group) || !want_kind(m->load, m->params, NODE_MAP))
		return (false);
	if (m->info != NULL && !want_kind(m->load, m->info, NODE_MAP))
		m->info = NULL;
	if (node_get(m->params, "model") == NULL) {
		problem(m->load, PROBLEM_ERROR, m->params, "litellm_params.model is missing");
		return (false);
	}
	return (name_fine(m, node_get(m->params, "model"), &d->litellm_model));
}

/* A team's own model has two names: one that is nobody else's, and the team's. */
static void
read_team(struct making *m)
{
	struct deployment *d = m->d;

	d->team = d->team_name = TEXT("");
	if (!want_text(m->load, node_get(m->info, "team_id"), &d->team) || d->team.len == 0)
		return;
	if (want_text(m->load, node_get(m->info, "team_public_model_name"), &d->team_name) && d->team_name.len > 0 && !text_eq(d->team_name, d->group))
		return;
	d->team_name = d->group;
	d->group = arena_print(m->load->arena, TEAM_MODEL TEXT_FMT "_" TEXT_FMT, TEXT_ARG(d->team), TEXT_ARG(d->team_name));
}

static bool
read_entry(struct making *m)
{
	if (!read_names(m) || !wanted_here(m))
		return (false);
	read_team(m);
	litellm_check(m->load, SECTION_PARAMS, m->params);
	litellm_check(m->load, SECTION_INFO, m->info);
	chain_up(m);
	read_mock(m);
	if (!find_vendor(m) || !find_base(m))
		return (false);
	find_key(m);
	adjust_model(m);
	read_limits(m);
	read_drop(m);
	certs_read(m);
	read_headers(m);
	read_defaults(m);
	read_info(m);
	m->d->responses_only |= text_is(m->d->mode, "responses");
	return (true);
}

static struct deployment *
deployment_new(struct load *l)
{
	struct deployment *d = arena_new_of(l->arena, struct deployment);

	d->weight = d->rpm = d->tpm = d->parallel = d->key_rpm = d->key_tpm = d->num_retries = -1;
	d->budget = TEXT("");
	d->ssl_verify = true;
	return (d);
}

static void
put(struct load *l, struct deployment *d)
{
	struct config *c = l->config;

	d->index = c->n_deployments;
	c->deployments[c->n_deployments++] = d;
}

/* One deployment for each organization; each has an id of its own. */
static void
put_each(struct making *m)
{
	struct node *n = node_get(m->params, "organization"), *id = node_get(m->info, "id");
	struct text *organizations = NULL, given = TEXT("");
	size_t count = want_texts(m->load, n, &organizations);

	if (n == NULL) {
		n = param(m, "organization");
		organizations = arena_new_of(m->load->arena, struct text);
		count = want_text(m->load, n, organizations);
	}
	if (want_text(m->load, id, &given) && (given.len > NAME_BYTES_MOST || !fit_for_header(given))) {
		problem(m->load, PROBLEM_ERROR, id, "id must be printable and at most %d characters", NAME_BYTES_MOST);
		return;
	}
	for (size_t i = 0; i == 0 || i < count; i++) {
		struct deployment *d = m->d;
		if (i > 0) {
			d = arena_new_of(m->load->arena, struct deployment);
			*d = *m->d;
		}
		d->organization = count > 0 ? organizations[i] : TEXT("");
		if (!fit_for_header(d->organization)) {
			problem(m->load, PROBLEM_ERROR, n, "organization holds a line break or another control character");
			return;
		}
		if (given.len > 0)
			d->id = i == 0 ? given : arena_print(m->load->arena, TEXT_FMT "-%zu", TEXT_ARG(given), i + 1);
		else
			d->id = made_id(m, n != NULL && n->kind == NODE_LIST ? d->organization : TEXT(""));
		put(m->load, d);
	}
}

struct owner {				/* whose an id is */
	struct deployment *d;
	const struct node *given;	/* model_info.id, or NULL */
};

static int
by_id(const void *a, const void *b)
{
	const struct owner *p = a, *q = b;
	size_t n = p->d->id.len < q->d->id.len ? p->d->id.len : q->d->id.len;
	int c = memcmp(p->d->id.at, q->d->id.at, n);

	if (c == 0 && p->d->id.len != q->d->id.len)
		c = p->d->id.len < q->d->id.len ? -1 : 1;
	return (c != 0 ? c : p->d->index < q->d->index ? -1 : 1);
}

/* Two deployments never share an id: what cools or counts one must not touch the other. */
static void
part_ids(struct load *l, struct owner *all)
{
	size_t n = l->config->n_deployments, end;

	qsort(all, n, sizeof(*all), by_id);
	for (size_t i = 0; i < n; i = end) {
		for (end = i + 1; end < n && text_eq(all[end].d->id, all[i].d->id); end++) {
			struct deployment *d = all[end].d;
			if (all[end].given != NULL)
				problem(l, PROBLEM_ERROR, all[end].given, "id " TEXT_FMT " is given to two deployments", TEXT_ARG(d->id));
			d->id = sha256_hex(l->arena, arena_print(l->scratch, TEXT_FMT "#%zu", TEXT_ARG(all[i].d->id), end - i + 1));
		}
	}
}

static uint64_t
mark_of(struct text id)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	uint64_t mark = 0;

	SHA256((const unsigned char *)id.at, id.len, digest);
	for (unsigned i = 0; i < sizeof(mark); i++)
		mark = mark << 8 | digest[i];
	return (mark);
}

/*
 * `*` served by `*` is everything there is a key for: LiteLLM finds the vendor when the name is asked. Here each vendor whose key
 * stands in a variable gets a deployment that is not listed, under its prefix and a star, and Anthropic's for bare claude-names too.
 */

static bool
has_group(const struct config *c, struct text name)
{
	for (size_t i = 0; i < c->n_deployments; i++)
		if (text_eq(c->deployments[i]->group, name))
			return (true);
	return (false);
}

static void
put_implied(const struct making *any, const struct vendor *v, struct text group, const char *model)
{
	struct making m = *any;
	const char *name;
	struct deployment *d;

	if (has_group(m.load->config, group) || first_env(m.load, v->key_env, nitems(v->key_env), &name) == NULL)
		return;
	d = m.d = arena_new_of(m.load->arena, struct deployment);
	*d = *any->d;
	d->implied = true;
	d->group = group;
	d->litellm_model = arena_print(m.load->arena, "%s/%s", v->prefix, model);
	d->model = text_of(model);
	d->vendor = v;
	d->wire = v->wire;
	d->key = TEXT("");
	d->organization = TEXT("");
	if (!find_base(&m))
		return;
	key_from_env(&m);
	d->id = made_id(&m, TEXT(""));
	put(m.load, d);
}

static bool
is_everything(const struct making *m)
{
	return (text_is(m->d->group, "*") && text_is(m->d->litellm_model, "*") && !m->d->mock &&
	    param(m, "api_base") == NULL && param(m, "base_url") == NULL &&
	    param(m, "custom_llm_provider") == NULL);
}

static void
put_all_implied(const struct making *m)
{
	const struct vendor *v;
	const char *name;

	for (size_t i = 0; (v = vendor_nth(m->load->config, i)) != NULL; i++) {
		if (v->wire == WIRE_NONE || v == m->d->vendor ||
		    (v->base_url == NULL && first_env(m->load, v->base_env, nitems(v->base_env), &name) == NULL))
			continue;
		put_implied(m, v, arena_print(m->load->arena, "%s/*", v->prefix), "*");
		if (strcmp(v->prefix, "anthropic") == 0)
			put_implied(m, v, TEXT("claude-*"), "claude-*");
	}
}

static size_t
room_for(const struct load *l, const struct node *list)
{
	size_t room = list->n, vendors = 0;

	while (vendor_nth(l->config, vendors) != NULL)
		vendors++;
	for (const struct pair *p = list->first; p != NULL; p = p->next) {
		const struct node *n = node_get(node_get(p->value, "litellm_params"), "organization");
		room += n != NULL && n->kind == NODE_LIST ? n->n : 0;
	}
	return (room + vendors + 1);		/* what `*` implies comes once */
}

/* Those added since `before` belong to that entry's id, or to none. */
static void
own(const struct config *c, struct owner *owners, size_t before, const struct node *given)
{
	for (; before < c->n_deployments; before++)
		owners[before] = (struct owner){ c->deployments[before], given };
}

static void
read_list(struct load *l, const struct node *list, struct owner *owners)
{
	struct making everything = { .load = NULL };
	size_t before;

	for (const struct pair *p = list->first; p != NULL; p = p->next) {
		struct making m = { .load = l, .entry = p->value, .d = deployment_new(l) };
		before = l->config->n_deployments;
		if (!read_entry(&m))
			continue;
		put_each(&m);
		if (p->value->source->n_errors > 0)
			l->config->n_deployments = before;
		own(l->config, owners, before, node_get(m.info, "id"));
		if (everything.load == NULL && is_everything(&m))
			everything = m;
	}
	if (everything.load == NULL)
		return;
	before = l->config->n_deployments;
	put_all_implied(&everything);
	own(l->config, owners, before, NULL);
}

/* All models may be in a database, and there may be none yet. */
static bool
of_database(const struct load *l)
{
	return (node_is_true(node_get(node_get(l->root, "general_settings"), "store_model_in_db")) || env_true(l, "STORE_MODEL_IN_DB"));
}

void
models_read(struct load *l)
{
	const struct node *list = node_get(l->root, "model_list");
	struct config *c = l->config;
	struct owner *owners;
	size_t room;

	if (list == NULL && !of_database(l))
		problem(l, PROBLEM_ERROR, NULL, "there is no model_list: nothing could be served");
	if (!want_kind(l, list, NODE_LIST))
		return;
	room = room_for(l, list);
	c->deployments = arena_alloc(l->arena, room * sizeof(*c->deployments));
	owners = arena_alloc(l->scratch, room * sizeof(*owners));
	read_list(l, list, owners);
	part_ids(l, owners);
	for (size_t i = 0; i < c->n_deployments; i++)
		c->deployments[i]->mark = mark_of(c->deployments[i]->id);
	if (c->n_deployments == 0 && c->n_errors == 0 && !of_database(l))
		problem(l, PROBLEM_ERROR, list, "no deployment of model_list can be served");
}

/* A bad address is nobody's mistake while nobody asks for it: no problem is said here. */
struct deployment *
models_of_env(struct load *l, const struct vendor *v, struct text *missing)
{
	struct making m = { .load = l, .d = deployment_new(l) };
	const char *name, *base = first_env(l, v->base_env, nitems(v->base_env), &name), *why;
	struct url u;

	if (base == NULL && v->base_url == NULL)
		*missing = arena_print(l->arena, "%s is not set", v->base_env[0]);
	else if (base != NULL && (why = url_parse(&u, text_of(base))) != NULL)
		*missing = arena_print(l->arena, "%s %s", name, why);
	else if ((v->quirks & QUIRK_KEY_OPTIONAL) == 0 && first_env(l, v->key_env, nitems(v->key_env), &name) == NULL)
		*missing = arena_print(l->arena, "%s is not set", v->key_env[0]);
	if (missing->len > 0)
		return (NULL);
	m.d->vendor = v;
	m.d->wire = v->wire;
	if (!find_base(&m))
		return (NULL);
	find_key(&m);
	return (m.d);
}
