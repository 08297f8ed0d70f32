/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Microsoft Entra ID: which credential a deployment at Azure gets its tokens with.
 *
 * In this order: a token that is written down, a client's secret, a workload's federated token, an identity that the platform manages.
 */
#include "config/config_priv.h"

#include "base/digest.h"

#include <stdio.h>

/* A cloud's hosts, told by how the deployment's own ends. */
static const struct cloud {
	const char	*ends, *authority, *scope;
} clouds[] = {
	{ ".azure.us", "https://login.microsoftonline.us", "https://cognitiveservices.azure.us/.default" },
	{ ".azure.cn", "https://login.chinacloudapi.cn", "https://cognitiveservices.azure.cn/.default" },
	{ "", "https://login.microsoftonline.com", "https://cognitiveservices.azure.com/.default" },
};

#define IDENTITY_HOST	"http://169.254.169.254"

struct entra {
	struct making	*m;
	struct text	 tenant, client, secret, scope;
	const char	*authority;
};

static struct text
variable(const struct making *m, const char *name)
{
	return (text_trim(text_of(config_env(m->load->config, name))));
}

static struct text
said_or(struct making *m, const char *key, const char *name)
{
	struct text t = TEXT("");

	return (want_text(m->load, param(m, key), &t) && t.len > 0 ? text_trim(t) : variable(m, name));
}

static void
read_entra(struct entra *e, struct making *m)
{
	const struct cloud *c = clouds;

	while (!text_ends(m->d->host, text_of(c->ends)))
		c++;
	*e = (struct entra){ .m = m, .tenant = said_or(m, "tenant_id", "AZURE_TENANT_ID"), .client = said_or(m, "client_id", "AZURE_CLIENT_ID"),
		.secret = said_or(m, "client_secret", "AZURE_CLIENT_SECRET"), .scope = said_or(m, "azure_scope", "AZURE_SCOPE") };
	if (e->scope.len == 0)
		e->scope = text_of(c->scope);
	e->authority = config_env(m->load->config, "AZURE_AUTHORITY_HOST");
	if (e->authority == NULL || e->authority[0] == '\0')
		e->authority = c->authority;
}

static struct text
encoded(const struct entra *e, struct text t)
{
	return (arena_percent_encode(e->m->load->scratch, t));
}

/* Where the token is asked for; false: said why not. */
static bool
set_place(struct entra *e, struct credential *c, struct text base, const char *variable, struct text path, bool proxied)
{
	struct load *l = e->m->load;
	struct deployment place = { .index = 0 };	/* only what a URL is taken apart into */
	struct url u;
	const char *why = url_parse(&u, base);

	if (why != NULL) {
		problem(l, PROBLEM_ERROR, e->m->params, "%s %s", variable, why);
		return (false);
	}
	url_build(l, &place, &u, path.at);
	c->url = place.url;
	c->host = place.host;
	c->port = place.port;
	if (!proxied)
		return (true);
	c->proxy = proxy_for(l, &u);
	if (text_is(u.scheme, "http") && !u.literal && !text_is(u.host, "localhost"))
		problem(l, PROBLEM_WARNING, e->m->params, "%s is not https: the secret of a credential travels in the clear", variable);
	return (true);
}

static void
set_id(struct entra *e, struct credential *c)
{
	const struct text parts[] = { c->url, c->proxy, c->header, c->form, c->assertion_file };
	struct buf b = { 0 };

	for (size_t i = 0; i < nitems(parts); i++) {
		buf_text(&b, parts[i]);
		buf_byte(&b, '\0');
	}
	c->id = sha256_hex(e->m->load->arena, buf_as_text(&b));
	buf_free(&b);
}

static bool
keep(struct entra *e, struct credential *c)
{
	struct arena *a = e->m->load->arena;

	if (!fit_for_header(c->header)) {
		problem(e->m->load, PROBLEM_ERROR, e->m->params, "IDENTITY_HEADER holds a line break or another control character");
		return (false);
	}
	set_id(e, c);
	c->name = arena_copy(a, c->name);
	c->header = arena_copy(a, c->header);
	c->form = arena_copy(a, c->form);
	c->assertion_file = arena_copy(a, c->assertion_file);
	e->m->d->credential = c;
	e->m->d->key_is_bearer = true;
	return (true);
}

/* A client that proves itself by its secret, or by a token in a file that its platform renews. */
static bool
use_client(struct entra *e, struct text file)
{
	struct arena *scratch = e->m->load->scratch;
	struct credential *c = arena_new_of(e->m->load->arena, struct credential);
	struct text path = arena_print(scratch, "/" TEXT_FMT "/oauth2/v2.0/token", TEXT_ARG(encoded(e, e->tenant)));

	c->name = arena_print(scratch, "Entra client " TEXT_FMT, TEXT_ARG(e->client));
	c->form = arena_print(scratch, "grant_type=client_credentials&client_id=" TEXT_FMT "&scope=" TEXT_FMT, TEXT_ARG(encoded(e, e->client)),
	    TEXT_ARG(encoded(e, e->scope)));
	if (file.len > 0) {
		c->assertion_file = file;
		c->form = arena_print(scratch, TEXT_FMT "&client_assertion_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Aclient-assertion-type%%3Ajwt-bearer"
		    "&client_assertion=", TEXT_ARG(c->form));
	} else
		c->form = arena_print(scratch, TEXT_FMT "&client_secret=" TEXT_FMT, TEXT_ARG(c->form), TEXT_ARG(encoded(e, e->secret)));
	return (set_place(e, c, text_of(e->authority), "AZURE_AUTHORITY_HOST", path, true) && keep(e, c));
}

/* What a managed identity is asked with: the resource is the scope without its end. */
static struct text
identity_query(const struct entra *e, const char *version)
{
	struct text resource = e->scope, end = TEXT("/.default");

	if (text_ends(resource, end))
		resource.len -= end.len;
	return (arena_print(e->m->load->scratch, "?api-version=%s&resource=" TEXT_FMT "%s" TEXT_FMT, version, TEXT_ARG(encoded(e, resource)),
	    e->client.len > 0 ? "&client_id=" : "", TEXT_ARG(encoded(e, e->client))));
}

/* An identity of the platform: its address is on the machine itself, never behind a proxy. */
static bool
use_identity(struct entra *e, struct text base, const char *variable, struct text path, struct text header)
{
	struct credential *c = arena_new_of(e->m->load->arena, struct credential);

	c->name = TEXT("the managed identity");
	c->header = header;
	return (set_place(e, c, base, variable, path, false) && keep(e, c));
}

static bool
use_platform(struct entra *e)
{
	struct making *m = e->m;
	struct text endpoint = variable(m, "IDENTITY_ENDPOINT"), header = variable(m, "IDENTITY_HEADER"), at;
	const char *host = config_env(m->load->config, "AZURE_POD_IDENTITY_AUTHORITY_HOST");
	const struct node *refresh = node_get(node_get(m->load->root, "litellm_settings"), "enable_azure_ad_token_refresh");

	if (endpoint.len > 0 && header.len > 0)
		return (use_identity(e, arena_print(m->load->scratch, TEXT_FMT TEXT_FMT, TEXT_ARG(endpoint),
		    TEXT_ARG(identity_query(e, "2019-08-01"))), "IDENTITY_ENDPOINT", TEXT(""),
		    arena_print(m->load->scratch, "X-IDENTITY-HEADER: " TEXT_FMT, TEXT_ARG(header))));
	if (!node_is_true(refresh) && !text_is(variable(m, "AZURE_CREDENTIAL"), "ManagedIdentityCredential"))
		return (false);
	at = arena_print(m->load->scratch, "%s/metadata/identity/oauth2/token" TEXT_FMT, host != NULL && host[0] != '\0' ? host : IDENTITY_HOST,
	    TEXT_ARG(identity_query(e, "2018-02-01")));
	return (use_identity(e, at, "AZURE_POD_IDENTITY_AUTHORITY_HOST", TEXT(""), TEXT("Metadata: true")));
}

static bool
use_any(struct entra *e)
{
	struct text file = variable(e->m, "AZURE_FEDERATED_TOKEN_FILE");
	bool client = e->tenant.len > 0 && e->client.len > 0;

	if (client && e->secret.len > 0)
		return (use_client(e, TEXT("")));
	if (client && file.len > 0)
		return (use_client(e, file));
	return (use_platform(e));
}

/* oidc/azure and oidc/file: a federated token, to be changed for one of Entra's. */
static bool
use_oidc(struct making *m, const struct node *at, struct text reference)
{
	struct text file = TEXT("oidc/file/");
	struct entra e;

	read_entra(&e, m);
	if (text_starts(reference, TEXT("oidc/azure")))
		file = variable(m, "AZURE_FEDERATED_TOKEN_FILE");
	else
		file = text_starts(reference, file) ? text_sub(reference, file.len, reference.len) : TEXT("");
	if (file.len == 0)
		problem(m->load, PROBLEM_WARNING, at, "azure_ad_token: of oidc/ only oidc/file/PATH and, with AZURE_FEDERATED_TOKEN_FILE, oidc/azure/"
		    " are in force");
	else if (e.tenant.len == 0 || e.client.len == 0)
		problem(m->load, PROBLEM_WARNING, at, "azure_ad_token: oidc/ needs tenant_id and client_id, or AZURE_TENANT_ID and AZURE_CLIENT_ID");
	else
		use_client(&e, file);
	return (true);
}

bool
entra_token(struct making *m)
{
	const struct node *n = param(m, "azure_ad_token");
	struct text token;

	if (!want_text(m->load, n, &token) || text_trim(token).len == 0)
		return (false);
	token = text_trim(token);
	if (text_starts(token, TEXT("oidc/")))
		return (use_oidc(m, n, token));
	m->d->key = token;
	m->d->key_is_bearer = true;
	return (true);
}

bool
entra_said(struct making *m)
{
	static const char *const keys[] = { "tenant_id", "client_id", "client_secret" };
	const struct node *said = NULL;
	struct entra e;

	for (size_t i = 0; i < nitems(keys) && said == NULL; i++)
		said = param(m, keys[i]);
	if (said == NULL)
		return (false);
	read_entra(&e, m);
	if (!use_any(&e) && m->d->credential == NULL)
		problem(m->load, PROBLEM_WARNING, said, "tenant_id, client_id and client_secret belong together: no token can be got for " TEXT_FMT,
		    TEXT_ARG(m->d->group));
	return (true);
}

bool
entra_from_env(struct making *m)
{
	struct text token = variable(m, "AZURE_AD_TOKEN");
	struct entra e;

	if (token.len > 0) {
		m->d->key = arena_copy(m->load->arena, token);
		m->d->key_is_bearer = true;
		return (true);
	}
	read_entra(&e, m);
	return (use_any(&e));
}
