/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where requests pass through to as they are: general_settings.pass_through_endpoints, and the paths of vendors.
 *
 * LiteLLM leaves an endpoint open to everybody unless `auth: true` stands there; its headers hold the operator's credential, so here it is
 * closed unless the file says `auth: false`.
 */
#include "config/config_priv.h"

#include <openssl/evp.h>

#define PATH_BYTES_MOST		512
#define CONDUITS_MOST		256
#define METHODS			"GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS"

/* Vendors with a path of their own, in LiteLLM too. */
static const struct {
	const char	*path, *vendor, *also;	/* prefixes in model_list */
} vendor_paths[] = {
	{ "/anthropic", "anthropic", NULL }, { "/openai", "openai", NULL }, { "/vllm", "hosted_vllm", "vllm" },
};

static bool
path_fine(struct text path)
{
	if (path.len < 2 || path.len > PATH_BYTES_MOST || path.at[0] != '/')
		return (false);
	for (size_t i = 0; i < path.len; i++)
		if (path.at[i] <= ' ' || path.at[i] > '~' || strchr("?#%{}*\\", path.at[i]) != NULL)
			return (false);
	return (!text_has(path, TEXT("//")) && !text_has(path, TEXT("/.")));
}

static bool
read_path(struct load *l, const struct node *entry, struct text *path)
{
	const struct node *n = node_get(entry, "path");

	if (n == NULL)
		problem(l, PROBLEM_ERROR, entry, "path is missing");
	if (!want_text(l, n, path))
		return (false);
	while (path->len > 1 && path->at[path->len - 1] == '/')
		path->len--;
	if (!path_fine(*path))
		problem(l, PROBLEM_ERROR, n, "path must be one such as /bria/v1: below the root, without patterns, dots and escapes");
	return (path_fine(*path));
}

/* Its query is kept apart, and a slash at its end, which means something to some servers. */
static bool
read_target(struct load *l, const struct node *entry, struct conduit *p, struct deployment *d)
{
	const struct node *n = node_get(entry, "target");
	struct text t, head, tail, query;
	const char *why;
	struct url u;

	if (n == NULL)
		problem(l, PROBLEM_ERROR, entry, "target is missing");
	if (!want_text(l, n, &t))
		return (false);
	if (!text_has(t, TEXT("://"))) {
		problem(l, PROBLEM_WARNING, n, "target names Python code, which can not run here; this endpoint is left out");
		return (false);
	}
	if ((why = url_parse(&u, t)) != NULL) {
		problem(l, PROBLEM_ERROR, n, "target %s", why);
		return (false);
	}
	query = u.query;
	u.query = TEXT("");
	url_build(l, d, &u, "");
	text_cut(text_trim(t), '?', &head, &tail);
	p->base = text_ends(head, TEXT("/")) ? arena_print(l->arena, TEXT_FMT "/", TEXT_ARG(d->url)) : d->url;
	p->query = arena_copy(l->arena, query);
	d->proxy = proxy_for(l, &u);
	return (true);
}

struct text
basic_header(struct load *l, struct text user, struct text secret)
{
	struct text both = arena_print(l->scratch, TEXT_FMT ":" TEXT_FMT, TEXT_ARG(user), TEXT_ARG(secret));
	unsigned char *room = (unsigned char *)arena_bytes(l->scratch, both.len * 2 + 8);

	EVP_EncodeBlock(room, (const unsigned char *)both.at, (int)both.len);
	return (arena_print(l->arena, "Authorization: Basic %s", (const char *)room));
}

/* Langfuse wants both keys as one credential; LiteLLM makes it from two lines that are not headers at all. */
static bool
langfuse(struct load *l, const struct node *map, struct text *line)
{
	const struct node *name = node_get(map, "LANGFUSE_PUBLIC_KEY"), *secret = node_get(map, "LANGFUSE_SECRET_KEY");

	if (name == NULL || secret == NULL || name->kind != NODE_SCALAR || secret->kind != NODE_SCALAR || name->text.len + secret->text.len > 4096)
		return (false);
	*line = basic_header(l, name->text, secret->text);
	return (true);
}

static void
read_headers(struct load *l, const struct node *map, struct conduit *p, struct deployment *d)
{
	static const char *const plain[] = { "content-type", "accept", "user-agent" };
	size_t plains = 0;

	if (!want_kind(l, map, NODE_MAP))
		return;
	d->headers = arena_alloc(l->arena, (map->n + 1) * sizeof(*d->headers));
	for (const struct pair *h = map->first; h != NULL; h = h->next) {
		if (text_starts(h->key, TEXT("LANGFUSE_")) || node_is_null(h->value) || !header_line(l, map, h, &d->headers[d->n_headers]))
			continue;
		d->n_headers++;
		for (size_t i = 0; i < nitems(plain); i++)
			plains += text_eq_nocase(h->key, text_of(plain[i]));
	}
	if (langfuse(l, map, &d->headers[d->n_headers]))
		d->n_headers++;
	p->credential = d->n_headers > plains;
}

static void
read_methods(struct load *l, const struct node *n, struct conduit *p)
{
	struct text *words = NULL, known = TEXT(METHODS);
	size_t count = want_texts(l, n, &words);
	struct buf b = { 0 };

	for (size_t i = 0; i < count; i++) {
		if (words[i].len < 3 || !text_has(known, words[i]) || memchr(words[i].at, ',', words[i].len) != NULL)
			problem(l, PROBLEM_ERROR, n, "methods: " TEXT_FMT " is none of " METHODS, TEXT_ARG(words[i]));
		else
			buf_print(&b, "%s" TEXT_FMT, b.len > 0 ? ", " : "", TEXT_ARG(words[i]));
	}
	p->methods = b.len > 0 ? arena_copy(l->arena, buf_as_text(&b)) : known;
	buf_free(&b);
}

static struct deployment *
target_new(struct load *l)
{
	struct deployment *d = arena_new_of(l->arena, struct deployment);

	d->wire = WIRE_NONE;
	d->ssl_verify = true;
	return (d);
}

static void
put(struct load *l, struct conduit *p)
{
	p->name = arena_print(l->arena, TEXT_FMT "%s", TEXT_ARG(p->path), p->deep ? "/*" : "");
	l->config->conduits[l->config->n_conduits++] = *p;
}

static void
read_cost(struct load *l, const struct node *n, struct conduit *p)
{
	int64_t pico;

	if (!want_kind(l, n, NODE_SCALAR))
		return;
	if (price_read(n->text, &pico))
		p->tariff = tariff_of_request(l, pico);
	else
		problem(l, PROBLEM_WARNING, n, "cost_per_request must be dollars for a call, such as 0.01; it is left out");
}

static void
read_entry(struct load *l, const struct node *entry)
{
	struct conduit p = { .wire = WIRE_OPENAI, .missing = TEXT("") };
	struct deployment *d = target_new(l);
	bool auth = true;

	if (!want_kind(l, entry, NODE_MAP))
		return;
	litellm_check(l, SECTION_PASS, entry);
	if (!read_path(l, entry, &p.path) || !read_target(l, entry, &p, d))
		return;
	want_bool(l, node_get(entry, "include_subpath"), &p.deep);
	want_bool(l, node_get(entry, "forward_headers"), &p.all_headers);
	want_bool(l, node_get(entry, "auth"), &auth);
	want_ms(l, node_get(entry, "timeout"), &d->timeout_ms);
	read_cost(l, node_get(entry, "cost_per_request"), &p);
	read_methods(l, node_get(entry, "methods"), &p);
	read_headers(l, node_get(entry, "headers"), &p, d);
	p.open = !auth;
	if (p.open)
		problem(l, PROBLEM_WARNING, node_get(entry, "auth"), "auth: false: whoever reaches this gateway may call " TEXT_FMT " without a key",
		    TEXT_ARG(p.path));
	d->id = d->group = p.path;
	p.to = d;
	put(l, &p);
}

/* The first deployment of the vendor that is marked for it. */
static const struct deployment *
marked(const struct config *c, size_t i)
{
	for (size_t k = 0; k < c->n_deployments; k++) {
		const struct deployment *d = c->deployments[k];

		if (d->pass_through && !d->blocked && !d->mock && (strcmp(d->vendor->prefix, vendor_paths[i].vendor) == 0 ||
		    (vendor_paths[i].also != NULL && strcmp(d->vendor->prefix, vendor_paths[i].also) == 0)))
			return (d);
	}
	return (NULL);
}

/* People give Anthropic's base with the path of messages too. */
static struct text
server_of(const struct deployment *d)
{
	struct text messages = TEXT("/v1/messages");

	return (text_ends(d->root, messages) ? text_sub(d->root, 0, d->root.len - messages.len) : d->root);
}

static void
put_vendor(struct load *l, size_t i)
{
	struct conduit p = { .path = text_of(vendor_paths[i].path), .deep = true, .all_headers = true, .methods = TEXT(METHODS),
		.base = TEXT(""), .query = TEXT(""), .missing = TEXT("") };
	const struct vendor *v = vendor_find(text_of(vendor_paths[i].vendor));

	p.wire = v->wire;
	p.to = marked(l->config, i);
	if (p.to == NULL) {
		struct deployment *d = models_of_env(l, v, &p.missing);

		if (d != NULL)
			d->id = d->group = p.path;
		p.to = d;
	}
	if (p.to == NULL)
		p.missing = arena_print(l->arena, "%s/* is not configured: " TEXT_FMT ", and no deployment of %s/ has use_in_pass_through",
		    vendor_paths[i].path, TEXT_ARG(p.missing), vendor_paths[i].vendor);
	else {
		p.base = server_of(p.to);
		p.query = p.to->query;
		p.credential = p.to->key.len > 0;
	}
	put(l, &p);
}

/* What the gateway serves itself is not the file's to take; these are what people are likely to try. */
static bool
is_served_here(struct text path)
{
	static const char *const own[] = { "/chat/completions", "/completions", "/embeddings", "/messages", "/models", "/responses", "/health", "/metrics" };

	if (text_starts(path, TEXT("/v1/")))
		path = text_sub(path, 3, path.len);
	for (size_t i = 0; i < nitems(own); i++)
		if (text_is(path, own[i]))
			return (true);
	return (false);
}

/* The gateway or an earlier one takes all that the later one would. */
static void
say_shadowed(struct load *l, const struct node *list, size_t at)
{
	const struct conduit *p = &l->config->conduits[at];

	if (is_served_here(p->path))
		problem(l, PROBLEM_WARNING, list, "the gateway serves " TEXT_FMT " itself; this endpoint is never reached", TEXT_ARG(p->path));
	for (size_t i = 0; i < at; i++)
		if (text_eq(l->config->conduits[i].path, p->path) && text_eq(l->config->conduits[i].methods, p->methods)) {
			problem(l, PROBLEM_WARNING, list, "path " TEXT_FMT " is given twice; the first one is used", TEXT_ARG(p->path));
			return;
		}
}

void
conduits_read(struct load *l)
{
	const struct node *list = node_get(node_get(l->root, "general_settings"), "pass_through_endpoints");
	struct config *c = l->config;
	bool any = want_kind(l, list, NODE_LIST);

	if (any && list->n > CONDUITS_MOST) {
		problem(l, PROBLEM_ERROR, list, "more than %d pass_through_endpoints", CONDUITS_MOST);
		any = false;
	}
	c->conduits = arena_alloc(l->arena, ((any ? list->n : 0) + nitems(vendor_paths)) * sizeof(*c->conduits));
	for (const struct pair *p = any ? list->first : NULL; p != NULL; p = p->next) {
		size_t before = c->n_conduits;

		read_entry(l, p->value);
		if (p->value->source->n_errors > 0)
			c->n_conduits = before;
		if (c->n_conduits > before)
			say_shadowed(l, p->value, before);
	}
	for (size_t i = 0; i < nitems(vendor_paths); i++)
		put_vendor(l, i);
}

/* Does the conduit take that path; *rest is what it adds. */
static bool
takes_path(const struct conduit *p, struct text path, struct text *rest)
{
	if (!text_starts(path, p->path))
		return (false);
	*rest = text_sub(path, p->path.len, path.len);
	if (!p->deep && text_is(*rest, "/"))
		*rest = TEXT("");
	return (rest->len == 0 || (p->deep && rest->at[0] == '/'));
}

static bool
takes_method(const struct conduit *p, struct text method)
{
	struct text rest = p->methods, one;

	while (rest.len > 0) {
		text_cut(rest, ',', &one, &rest);
		if (text_eq(text_trim(one), method))
			return (true);
	}
	return (false);
}

const struct conduit *
config_conduit(const struct config *c, struct text path, struct text method, struct text *rest, struct text *allow)
{
	const struct conduit *best = NULL;

	*allow = *rest = TEXT("");
	for (size_t i = 0; i < c->n_conduits; i++) {
		const struct conduit *p = &c->conduits[i];
		struct text more;

		if (!takes_path(p, path, &more) || (best != NULL && p->path.len <= best->path.len))
			continue;
		if (!takes_method(p, method)) {
			*allow = p->methods;
			continue;
		}
		best = p;
		*rest = more;
	}
	return (best);
}
