/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a deployment's calls go: its vendor, its server, its key.
 *
 * A key of the environment is sent only to the server it belongs to: the vendor's own, or the one named by the vendor's own variable.
 * A deployment with another api_base has the api_key that stands in the file, or none.
 */
#include "config/config_priv.h"

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

bool
reach_vendor(struct making *m)
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

void
reach_model(struct making *m)
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
const char *
reach_variable(const struct load *l, const char *const *names, size_t n, const char **name)
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

bool
reach_base(struct making *m)
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
	value = reach_variable(m->load, v->base_env, nitems(v->base_env), &name);
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

static bool
takes_entra(const struct deployment *d)
{
	return ((d->vendor->quirks & (QUIRK_AZURE | QUIRK_FOUNDRY)) != 0);
}

void
reach_key_of_env(struct making *m)
{
	struct deployment *d = m->d;
	const struct vendor *v = d->vendor;
	const char *name = NULL, *value = reach_variable(m->load, v->key_env, nitems(v->key_env), &name);

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

void
reach_key(struct making *m)
{
	struct deployment *d = m->d;
	struct node *n = param(m, "api_key");
	struct text key;

	if (takes_entra(d) && entra_token(m))
		n = param(m, "azure_ad_token");
	else if (want_text(m->load, n, &key) && text_trim(key).len > 0)
		d->key = text_trim(key);
	else if (!takes_entra(d) || !entra_said(m))
		reach_key_of_env(m);
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
